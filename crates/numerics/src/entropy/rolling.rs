//! The entropies of this module behind one shape: a value in, the entropy of the last n values out.

use serde::{Deserialize, Serialize};

use super::{
    ApproximateScratch, RollingHistogram, RollingPermutation, above_median, approximate_entropy, lz76, lz76_normalised,
    population_std, sample_matches,
};
use crate::NumericsError;

/// The last n values as one slice, for the methods that compare each part with each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    n: usize,
    values: Vec<f64>,
}

impl Series {
    fn new(n: usize) -> Self {
        Self { n, values: Vec::with_capacity(n) }
    }
    fn push(&mut self, x: f64) {
        if self.values.len() < self.n {
            self.values.push(x);
        } else {
            self.values.rotate_left(1);
            if let Some(last) = self.values.last_mut() {
                *last = x;
            }
        }
    }
    /// The values once there are n of them.
    fn full(&self) -> Option<&[f64]> {
        (self.values.len() == self.n).then_some(&self.values)
    }
}

fn constant(x: &[f64]) -> bool {
    x.first().is_none_or(|first| x.iter().all(|v| v == first))
}

/// Entropy of the last n values by one of five methods; its memory is allocated once.
///
/// A window without any variation has entropy 0 under every method (where the definitions leave it open: sample entropy, whose
/// tolerance is then 0, and Lempel-Ziv, whose two words carry no information).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RollingEntropy {
    /// See [`RollingPermutation`].
    Permutation(RollingPermutation),
    /// See [`RollingHistogram`].
    Shannon(RollingHistogram),
    /// See [`sample_matches`]; the tolerance is a fraction of the standard deviation (ddof = 0).
    Sample {
        /// The window.
        series: Series,
        /// Length m of the stretches.
        dimension: usize,
        /// Fraction of the standard deviation.
        tolerance: f64,
    },
    /// See [`approximate_entropy`]; the tolerance is a fraction of the standard deviation (ddof = 0).
    Approximate {
        /// The window.
        series: Series,
        /// Length m of the stretches.
        dimension: usize,
        /// Fraction of the standard deviation.
        tolerance: f64,
        /// Memory.
        scratch: ApproximateScratch,
    },
    /// See [`lz76`], of the sequence "at or above the median".
    LempelZiv {
        /// The window.
        series: Series,
        /// Memory.
        sorted: Vec<f64>,
        /// The sequence.
        above: Vec<bool>,
    },
}

impl RollingEntropy {
    /// Normalised permutation entropy.
    ///
    /// # Errors
    /// As [`RollingPermutation::new`].
    pub fn permutation(n: usize, order: usize, delay: usize) -> Result<Self, NumericsError> {
        RollingPermutation::new(n, order, delay).map(Self::Permutation)
    }
    /// Normalised entropy of the histogram.
    ///
    /// # Errors
    /// As [`RollingHistogram::new`].
    pub fn shannon(n: usize, bins: usize) -> Result<Self, NumericsError> {
        RollingHistogram::new(n, bins).map(Self::Shannon)
    }
    /// Sample entropy in nats.
    pub fn sample(n: usize, dimension: usize, tolerance: f64) -> Self {
        Self::Sample { series: Series::new(n), dimension, tolerance }
    }
    /// Approximate entropy in nats.
    pub fn approximate(n: usize, dimension: usize, tolerance: f64) -> Self {
        Self::Approximate { series: Series::new(n), dimension, tolerance, scratch: ApproximateScratch::new(n) }
    }
    /// Normalised Lempel-Ziv complexity.
    pub fn lempel_ziv(n: usize) -> Self {
        Self::LempelZiv { series: Series::new(n), sorted: Vec::with_capacity(n), above: Vec::with_capacity(n) }
    }
    /// Takes a finite value; once the window is full gives the entropy, which is `None` when unbounded or undefined.
    pub fn push(&mut self, x: f64) -> Option<Option<f64>> {
        match self {
            Self::Permutation(p) => {
                p.push(x);
                p.is_full().then(|| p.normalised())
            }
            Self::Shannon(h) => {
                h.push(x);
                h.is_full().then(|| h.normalised())
            }
            Self::Sample { series, dimension, tolerance } => {
                series.push(x);
                series.full().map(|v| {
                    if constant(v) {
                        return Some(0.0);
                    }
                    sample_matches(v, *dimension, *tolerance * population_std(v)).entropy()
                })
            }
            Self::Approximate { series, dimension, tolerance, scratch } => {
                series.push(x);
                series.full().map(|v| approximate_entropy(v, *dimension, *tolerance * population_std(v), scratch))
            }
            Self::LempelZiv { series, sorted, above } => {
                series.push(x);
                series.full().map(|v| {
                    if constant(v) {
                        return Some(0.0);
                    }
                    above_median(v, sorted, above)?;
                    Some(lz76_normalised(lz76(above), above.len(), 2))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_slide_and_constants_have_none() {
        let all = [
            RollingEntropy::permutation(8, 3, 1).unwrap(),
            RollingEntropy::shannon(8, 4).unwrap(),
            RollingEntropy::sample(8, 2, 0.2),
            RollingEntropy::approximate(8, 2, 0.2),
            RollingEntropy::lempel_ziv(8),
        ];
        for mut e in all {
            let x = [1.0, 9.0, 2.0, 7.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0];
            let got: Vec<_> = x.iter().map(|v| e.push(*v)).collect();
            assert_eq!(got.iter().filter(|o| o.is_none()).count(), 7, "{e:?}");
            assert_eq!(got[11], Some(Some(0.0)), "{e:?}");
        }
    }
}
