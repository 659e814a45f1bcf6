//! Sample and approximate entropy: how often stretches that agree for m values agree for one more.

use serde::{Deserialize, Serialize};

use crate::math;

/// Population standard deviation (ddof = 0), by two passes; 0 for fewer than one value.
pub fn population_std(x: &[f64]) -> f64 {
    if x.is_empty() {
        return 0.0;
    }
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    (x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt()
}

/// Pairs of stretches that agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SampleMatches {
    /// Pairs that agree for m values (B).
    pub shorter: u64,
    /// Pairs that agree for m + 1 values (A).
    pub longer: u64,
}

impl SampleMatches {
    /// Sample entropy ln(B/A) in nats, >= 0; `None` when no pair agrees for m + 1 values: then it is unbounded (or, without a
    /// pair that agrees for m values, undefined).
    pub fn entropy(self) -> Option<f64> {
        (self.longer > 0).then(|| math::ln(self.shorter as f64 / self.longer as f64))
    }
}

/// Counts the pairs for sample entropy (Richman & Moorman 2000, Am. J. Physiol. 278, H2039): among the first N - m stretches,
/// pairs i < j whose values differ by less than `r` throughout m values (B) and throughout m + 1 (A).
///
/// A difference equal to `r` does not agree, as in `antropy.sample_entropy` (series below 5000 values). O(N^2) time, no memory.
pub fn sample_matches(x: &[f64], m: usize, r: f64) -> SampleMatches {
    let mut found = SampleMatches::default();
    for lag in 1..x.len() {
        let later = x.get(lag..).unwrap_or_default();
        let last = later.len() - 1;
        // Length of the agreement that ends here: both counts follow from it in one pass along the diagonal.
        let mut run = 0_usize;
        for (end, (a, b)) in x.iter().zip(later).enumerate() {
            run = if (a - b).abs() < r { run + 1 } else { 0 };
            // A stretch counts for B only when one more value follows it, so that A and B rest on the same stretches.
            found.shorter += u64::from(run >= m && end < last);
            found.longer += u64::from(run > m);
        }
    }
    found
}

/// Memory of [`approximate_entropy`], kept between calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ApproximateScratch {
    shorter: Vec<u32>,
    longer: Vec<u32>,
}

impl ApproximateScratch {
    /// For series of up to `n` values.
    pub fn new(n: usize) -> Self {
        Self { shorter: vec![0; n], longer: vec![0; n] }
    }
}

/// Approximate entropy in nats (Pincus 1991, PNAS 88, 2297): phi_m - phi_{m+1}, where phi_m is the mean over all stretches of m values
/// of the logarithm of the fraction of stretches, itself included, that differ from it by at most `r` throughout.
///
/// A difference equal to `r` agrees, as in `antropy.app_entropy`. O(N^2) time. `None` unless there are more than m values and
/// `r` is a number of at least zero.
pub fn approximate_entropy(x: &[f64], m: usize, r: f64, scratch: &mut ApproximateScratch) -> Option<f64> {
    let stretches = (x.len() + 1).checked_sub(m)?;
    if stretches < 2 || m == 0 || r.is_nan() || r < 0.0 {
        return None;
    }
    let (shorter, longer) = (&mut scratch.shorter, &mut scratch.longer);
    // Each stretch agrees with itself.
    shorter.clear();
    shorter.resize(stretches, 1);
    longer.clear();
    longer.resize(stretches - 1, 1);
    let both = |counts: &mut [u32], start: usize, lag: usize| {
        for i in [start, start + lag] {
            if let Some(c) = counts.get_mut(i) {
                *c += 1;
            }
        }
    };
    for lag in 1..x.len() {
        let mut run = 0_usize;
        for (end, (a, b)) in x.iter().zip(x.get(lag..).unwrap_or_default()).enumerate() {
            run = if (a - b).abs() <= r { run + 1 } else { 0 };
            if run >= m {
                both(shorter, end + 1 - m, lag);
                if run > m {
                    both(longer, end - m, lag);
                }
            }
        }
    }
    let phi = |counts: &[u32]| {
        let n = counts.len() as f64;
        // The logarithms are taken of products of sixteen.
        let products = counts.chunks(16).map(|all| all.iter().fold(1.0, |p, c| p * (f64::from(*c) / n)));
        products.map(math::ln).sum::<f64>() / n
    };
    Some(phi(shorter) - phi(longer))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definitions, word by word.
    fn naive(x: &[f64], m: usize, r: f64) -> (SampleMatches, f64) {
        let far = |i: usize, j: usize, len: usize| (0..len).map(|k| (x[i + k] - x[j + k]).abs()).fold(0.0, f64::max);
        let n = x.len();
        let mut s = SampleMatches::default();
        for i in 0..n - m {
            for j in i + 1..n - m {
                s.shorter += u64::from(far(i, j, m) < r);
                s.longer += u64::from(far(i, j, m + 1) < r);
            }
        }
        let phi = |len: usize| {
            let count = n + 1 - len;
            (0..count)
                .map(|i| ((0..count).filter(|j| far(i, *j, len) <= r).count() as f64 / count as f64).ln())
                .sum::<f64>()
                / count as f64
        };
        (s, phi(m) - phi(m + 1))
    }

    #[test]
    fn by_hand() {
        // Of the stretches of one value that have a successor, 0 1 0 1: (0, 0) and (1, 1) agree; so do (0,1)(0,1), (1,0)(1,0).
        let x = [0.0, 1.0, 0.0, 1.0, 0.0];
        let s = sample_matches(&x, 1, 0.5);
        assert_eq!(s, SampleMatches { shorter: 2, longer: 2 });
        assert_eq!(s.entropy(), Some(0.0));
        assert_eq!(sample_matches(&[0.0, 5.0, 0.0, 9.0], 1, 0.5), SampleMatches { shorter: 1, longer: 0 });
        assert_eq!(sample_matches(&[0.0, 5.0, 0.0, 9.0], 1, 0.5).entropy(), None);
        assert_eq!(sample_matches(&[], 2, 0.5), SampleMatches::default());
        assert_eq!(approximate_entropy(&[3.0; 8], 2, 0.0, &mut ApproximateScratch::default()), Some(0.0));
        assert_eq!(approximate_entropy(&[3.0], 2, 0.1, &mut ApproximateScratch::default()), None);
        assert_eq!(approximate_entropy(&x, 2, f64::NAN, &mut ApproximateScratch::default()), None);
        assert_eq!(population_std(&[1.0, 3.0]), 1.0);
        assert_eq!(population_std(&[]), 0.0);
    }

    #[test]
    fn diagonals_equal_the_definitions() {
        let mut seed = 7_u64;
        let x: Vec<f64> = (0..90)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Coarse values, so that differences equal to r occur.
                ((seed >> 33) % 9) as f64
            })
            .collect();
        let mut scratch = ApproximateScratch::new(90);
        for m in 1..5 {
            for r in [1.0, 2.0, 2.5] {
                let (s, a) = naive(&x, m, r);
                assert_eq!(sample_matches(&x, m, r), s, "m {m} r {r}");
                let got = approximate_entropy(&x, m, r, &mut scratch).unwrap();
                assert!((got - a).abs() < 1e-12, "m {m} r {r}: {got} {a}");
            }
        }
    }
}
