//! Regression over the last rows.

use serde::{Deserialize, Serialize};

use super::{Beta, Lagged, MAX_LAGS, WHAT, outcome, solve};
use crate::NumericsError;
use crate::covariance::{RollingCovariance, Symmetric};

/// Returns that vary by less than this from one to the next do not vary.
const LEAST_DEVIATION: f64 = 1e-9;

/// Regression over the last `window` rows, updated in O(k^2) for k regressors: [`super::regress`] from sums that a
/// [`RollingCovariance`] keeps free of drift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollingBeta {
    /// Columns y, x_1, ..., x_k.
    rows: RollingCovariance,
    row: Vec<f64>,
    covariance: Symmetric,
}

impl RollingBeta {
    /// Over `window` rows of `regressors` (1 to 6) regressors.
    pub fn new(window: usize, regressors: usize) -> Self {
        let n = regressors.clamp(1, MAX_LAGS + 1) + 1;
        Self { rows: RollingCovariance::new(window, n), row: vec![0.0; n], covariance: Symmetric::zeros(n) }
    }
    /// How many rows there are, up to the window.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
    /// Takes a row of finite values; false, and nothing happens, when it is not that.
    pub fn push(&mut self, y: f64, x: &Lagged) -> bool {
        self.row[0] = y;
        self.row[1..].iter_mut().zip(x).for_each(|(r, x)| *r = *x);
        self.rows.push(&self.row)
    }
    /// The regression over the rows kept.
    ///
    /// # Errors
    /// As [`super::regress`].
    pub fn estimate(&mut self) -> Result<Beta, NumericsError> {
        let (k, t) = (self.row.len() - 1, self.rows.len() as f64);
        if self.rows.len() < k + 3 || !self.rows.sample(1, &mut self.covariance) {
            return Err(NumericsError::TooFew { what: WHAT, needed: k + 3, got: self.rows.len() });
        }
        let s = |i: usize, j: usize| (t - 1.0) * self.covariance.get(i, j);
        let mean = |i: usize| self.rows.mean(i).unwrap_or(0.0);
        let varies = |i: usize| s(i, i) > t * (LEAST_DEVIATION + 8.0 * f64::EPSILON * mean(i).abs()).powi(2);
        if !(1..=k).all(varies) {
            return Err(NumericsError::Constant("the market of a beta"));
        }
        if !varies(0) {
            return Err(NumericsError::Constant("the asset of a beta"));
        }
        let within = |i: usize| i < k;
        let mut xx = std::array::from_fn(|i| {
            std::array::from_fn(|j| if within(i) && within(j) { s(i + 1, j + 1) } else { 0.0 })
        });
        let xy: Lagged = std::array::from_fn(|i| if within(i) { s(i + 1, 0) } else { 0.0 });
        let (coefficient, total) = solve(&mut xx, &xy, k)?;
        let alpha = mean(0) - (0..k).map(|i| coefficient[i] * mean(i + 1)).sum::<f64>();
        let explained: f64 = coefficient.iter().zip(&xy).take(k).map(|(b, c)| b * c).sum();
        Ok(outcome(&coefficient[..k], total, alpha, (s(0, 0) - explained).max(0.0), s(0, 0), t))
    }
}
