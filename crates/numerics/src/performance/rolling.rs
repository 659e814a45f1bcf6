//! Volatility and beta over a moving window.

use serde::{Deserialize, Serialize};

use super::constant;
use crate::rolling::{RollingMoments, Window};

/// Beta of the last n pairs of returns: cov(r, b) / var(b), updated in O(1).
///
/// The sums are moved by the pair that comes and the pair that goes and rebuilt exactly every n updates, so that rounding errors
/// cannot accumulate (Chan, Golub & LeVeque 1983).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollingBeta {
    window: Window<(f64, f64)>,
    mean: (f64, f64),
    /// Sum of products of deviations, strategy x benchmark.
    cross: f64,
    /// Sum of squared deviations of the benchmark.
    square: f64,
    since_rebuild: usize,
}

impl RollingBeta {
    /// Over `n` pairs (at least two).
    pub fn new(n: usize) -> Self {
        Self { window: Window::new(n.max(2)), mean: (0.0, 0.0), cross: 0.0, square: 0.0, since_rebuild: 0 }
    }
    /// Takes a pair of finite returns, strategy and benchmark; gives beta once the window is full, unless the benchmark does not vary.
    pub fn update(&mut self, r: f64, b: f64) -> Option<f64> {
        let out = self.window.push((r, b));
        let n = self.window.len() as f64;
        let (mr, mb) = self.mean;
        let before = self.square;
        match out {
            None => {
                self.mean = (mr + (r - mr) / n, mb + (b - mb) / n);
                self.cross += (r - mr) * (b - self.mean.1);
                self.square += (b - mb) * (b - self.mean.1);
            }
            Some((r0, b0)) => {
                self.mean = (mr + (r - r0) / n, mb + (b - b0) / n);
                self.cross += (r - r0) * (b - mb) + (b - b0) * (r0 - self.mean.0);
                self.square += (b - b0) * (b - mb + b0 - self.mean.1);
            }
        }
        self.since_rebuild += 1;
        // When nearly all of the sum went with an outlier, what is left is its rounding.
        if self.since_rebuild >= self.window.capacity() || self.square < 1e-6 * before {
            self.rebuild();
        }
        let varies = self.square > 0.0 && !constant(self.window.iter().map(|p| p.1));
        (self.window.is_full() && varies).then_some(self.cross / self.square).filter(|x| x.is_finite())
    }
    fn rebuild(&mut self) {
        self.since_rebuild = 0;
        let n = self.window.len() as f64;
        let (sr, sb) = self.window.iter().fold((0.0, 0.0), |(x, y), (r, b)| (x + r, y + b));
        self.mean = (sr / n, sb / n);
        let (mr, mb) = self.mean;
        (self.cross, self.square) =
            self.window.iter().fold((0.0, 0.0), |(c, s), (r, b)| (c + (r - mr) * (b - mb), s + (b - mb) * (b - mb)));
    }
}

/// Annualised volatility of the last `n` returns (sample standard deviation x sqrt(periods)), one value per return; `None` until there
/// are `n`. A return that is not finite counts as missing: the value there is `None` and the window goes on without it.
pub fn rolling_volatility(returns: &[f64], n: usize, periods: f64) -> Vec<Option<f64>> {
    let mut m = RollingMoments::new(n.max(2));
    let scale = periods.sqrt();
    returns
        .iter()
        .map(|r| {
            if !r.is_finite() {
                return None;
            }
            m.push(*r);
            if m.is_full() { m.std_dev().map(|s| s * scale) } else { None }
        })
        .collect()
}

/// Beta of the last `n` returns against a benchmark, one value per return; `None` until there are `n`. A pair with a value that is
/// not finite counts as missing, and so do returns beyond the end of the benchmark.
pub fn rolling_beta(returns: &[f64], benchmark: &[f64], n: usize) -> Vec<Option<f64>> {
    let mut m = RollingBeta::new(n);
    (0..returns.len())
        .map(|i| match (returns.get(i), benchmark.get(i)) {
            (Some(r), Some(b)) if r.is_finite() && b.is_finite() => m.update(*r, *b),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let b = [0.01, -0.01, 0.03, 0.0];
        let r: Vec<f64> = b.iter().map(|x| 1.5 * x + 0.001).collect();
        let got = rolling_beta(&r, &b, 3);
        assert_eq!(&got[..2], [None, None]);
        assert!(got[2..].iter().all(|x| (x.unwrap() - 1.5).abs() < 1e-12));
        assert_eq!(rolling_beta(&r, &[0.01; 4], 3), [None; 4]);
        assert_eq!(rolling_volatility(&[0.01, 0.03], 2, 2.0), [None, Some((2e-4_f64 * 2.0).sqrt())]);
        assert_eq!(rolling_volatility(&[0.01, f64::NAN, 0.03], 2, 2.0)[1], None);
    }

    #[test]
    fn ten_million_updates_do_not_drift() {
        let mut m = RollingBeta::new(63);
        let (mut x, mut last) = (0.3_f64, None);
        for i in 0..10_000_000_u32 {
            x = 3.9 * x * (1.0 - x);
            let jump = if i % 1_000_003 == 0 { 1e9 } else { 0.0 };
            last = m.update(0.7 * x + jump, x + jump);
        }
        let pairs: Vec<(f64, f64)> = m.window.iter().collect();
        let (r, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let want = super::super::beta(&r, &b).unwrap();
        assert!((last.unwrap() / want - 1.0).abs() < 1e-9, "{last:?} {want}");
    }

    #[test]
    fn an_outlier_that_leaves_takes_its_rounding_with_it() {
        let mut m = RollingBeta::new(5);
        m.update(1e9, 1e9);
        let b = [0.01, -0.02, 0.03, 0.01, -0.01];
        let got: Vec<_> = b.iter().map(|x| m.update(2.0 * x, *x)).collect();
        assert!((got[4].unwrap() - 2.0).abs() < 1e-12, "{got:?}");
    }
}
