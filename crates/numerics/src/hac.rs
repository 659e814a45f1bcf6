//! The mean of an autocorrelated series, with Newey-West standard errors; and rank correlation as a series whose mean it is.
//!
//! With e_t = x_t - mean: S = sum e_t^2 + 2 sum_{l = 1..L} (1 - l / (L + 1)) sum_t e_t e_{t-l} (Bartlett weights, never negative);
//! se = sqrt(S) / n; with the small-sample correction S n / (n - 1). This is statsmodels' `OLS(x, 1).fit(cov_type="HAC")`.
//!
//! Sources: Newey & West (1987), Econometrica 55, eq. 5; automatic lag floor(4 (n / 100)^(2/9)), Newey & West (1994), Review of Economic
//! Studies 61, table II with Bartlett's kernel, as commonly used.

use serde::{Deserialize, Serialize};

use crate::{NumericsError, math, normal};

/// A mean and how far from zero it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeanTest {
    /// Observations.
    pub n: usize,
    /// Lags of the covariance.
    pub lags: usize,
    /// Mean.
    pub mean: f64,
    /// Its standard error.
    pub error: f64,
    /// Mean over error.
    pub t: f64,
    /// Two-sided p-value of a mean of zero, standard normal.
    pub p_value: f64,
}

/// floor(4 (n / 100)^(2/9)), at most n - 1.
pub fn automatic_lags(n: usize) -> usize {
    let l = (4.0 * math::powf(n as f64 / 100.0, 2.0 / 9.0)).floor() as usize;
    l.min(n.saturating_sub(1))
}

/// Tests whether a series has a mean of zero. `lags` as given (at most n - 1 count) or automatic. Allocates nothing.
///
/// # Errors
/// Fewer than two values, a value that is not finite, a series that does not vary.
pub fn mean_test(x: &[f64], lags: Option<usize>, correction: bool) -> Result<MeanTest, NumericsError> {
    const WHAT: &str = "t-statistic of a mean";
    let n = x.len();
    if n < 2 {
        return Err(NumericsError::TooFew { what: WHAT, needed: 2, got: n });
    }
    if let Some((index, &value)) = x.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        return Err(NumericsError::BadValue { what: WHAT, index, value, expected: "a finite number" });
    }
    let lags = lags.unwrap_or_else(|| automatic_lags(n)).min(n - 1);
    let size = n as f64;
    let first = x.iter().sum::<f64>() / size;
    // The second pass removes the rounding of the first.
    let mean = first + x.iter().map(|v| v - first).sum::<f64>() / size;
    let auto = |l: usize| x[l..].iter().zip(x).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let variation = auto(0);
    let largest = x.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let varies = variation > size * (1e-14 * largest).powi(2);
    if !varies {
        return Err(NumericsError::Constant(WHAT));
    }
    let mut s = variation;
    for l in 1..=lags {
        s += 2.0 * (1.0 - l as f64 / (lags + 1) as f64) * auto(l);
    }
    if correction {
        s *= size / (size - 1.0);
    }
    // Bartlett's weights give a positive sum; rounding may take a tiny one below zero.
    let error = s.max(f64::MIN_POSITIVE).sqrt() / size;
    let t = mean / error;
    Ok(MeanTest { n, lags, mean, error, t, p_value: 2.0 * normal::cdf(-t.abs()) })
}

/// Ranks from 1, ties sharing their mean (as `scipy.stats.rankdata`), into `out`; `order` is scratch. Allocates nothing once these have room.
pub fn ranks(x: &[f64], order: &mut Vec<usize>, out: &mut Vec<f64>) {
    order.clear();
    order.extend(0..x.len());
    order.sort_unstable_by(|a, b| x[*a].total_cmp(&x[*b]).then(a.cmp(b)));
    out.clear();
    out.resize(x.len(), 0.0);
    let mut from = 0;
    while from < order.len() {
        let mut to = from + 1;
        // Zeros of both signs are the same number.
        while to < order.len() && x[order[to]] == x[order[from]] {
            to += 1;
        }
        let rank = (from + to + 1) as f64 / 2.0;
        order[from..to].iter().for_each(|&i| out[i] = rank);
        from = to;
    }
}

/// Scratch of [`RankProducts::of`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RankProducts {
    order: Vec<usize>,
    x: Vec<f64>,
    y: Vec<f64>,
    products: Vec<f64>,
}

impl RankProducts {
    /// c_t = (R_t - R)(Q_t - Q) / (s_R s_Q) with R, Q the ranks of x and y and s their standard deviations (ddof 0): a series whose mean is
    /// Spearman's rank correlation. `None` when either does not vary.
    pub fn of(&mut self, x: &[f64], y: &[f64]) -> Option<&[f64]> {
        let n = x.len().min(y.len());
        ranks(&x[..n], &mut self.order, &mut self.x);
        ranks(&y[..n], &mut self.order, &mut self.y);
        let middle = (n as f64 + 1.0) / 2.0;
        let spread = |r: &[f64]| (r.iter().map(|v| (v - middle).powi(2)).sum::<f64>() / n as f64).sqrt();
        let scale = spread(&self.x) * spread(&self.y);
        if scale <= 0.0 {
            return None;
        }
        self.products.clear();
        self.products.extend(self.x.iter().zip(&self.y).map(|(a, b)| (a - middle) * (b - middle) / scale));
        Some(&self.products)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // 1, 3, 2, 6: mean 3, e = -2, 0, -1, 3. Sums: 14 at lag 0; 0 + 0 - 3 at lag 1.
        let m = mean_test(&[1.0, 3.0, 2.0, 6.0], Some(1), false).unwrap();
        assert_eq!((m.n, m.lags, m.mean), (4, 1, 3.0));
        assert!((m.error - (14.0_f64 + 2.0 * 0.5 * -3.0).sqrt() / 4.0).abs() < 1e-15);
        let c = mean_test(&[1.0, 3.0, 2.0, 6.0], Some(1), true).unwrap();
        assert!((c.error / m.error - (4.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!([99, 100, 250, 1000].map(automatic_lags), [3, 4, 4, 6]);
        assert_eq!(automatic_lags(2), 1);
    }

    #[test]
    fn ranks_and_their_correlation() {
        let (mut o, mut r) = (vec![], vec![]);
        ranks(&[3.0, 1.0, 3.0, -0.0, 0.0], &mut o, &mut r);
        assert_eq!(r, [4.5, 3.0, 4.5, 1.5, 1.5]);
        let mut p = RankProducts::default();
        // Ranks 1, 2, 3, 4 and 2, 1, 4, 3: 1 - 6 x 4 / (4 x 15) = 0.6.
        let c = p.of(&[1.0, 2.0, 5.0, 9.0], &[20.0, 10.0, 90.0, 50.0]).unwrap();
        assert!((c.iter().sum::<f64>() / 4.0 - 0.6).abs() < 1e-15);
        assert_eq!(p.of(&[1.0, 1.0], &[2.0, 3.0]), None);
    }

    #[test]
    fn what_has_no_t_statistic() {
        assert!(matches!(mean_test(&[1.0], None, false), Err(NumericsError::TooFew { .. })));
        assert!(matches!(mean_test(&[0.3; 50], None, false), Err(NumericsError::Constant(_))));
        assert!(matches!(mean_test(&[1.0, f64::NAN], None, false), Err(NumericsError::BadValue { index: 1, .. })));
    }
}
