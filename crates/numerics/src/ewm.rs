//! Exponentially weighted mean.

use serde::{Deserialize, Serialize};

/// Exponentially weighted mean by the recursion m_t = lambda m_{t-1} + (1 - lambda) x_t, started at the first value
/// (RiskMetrics Technical Document 1996, eq. 5.2; pandas `ewm(alpha = 1 - lambda, adjust = false)`).
///
/// A contraction: rounding errors die out, so it does not drift however long it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ewm {
    lambda: f64,
    mean: Option<f64>,
}

impl Ewm {
    /// With decay `lambda` in [0, 1).
    pub const fn new(lambda: f64) -> Self {
        Self { lambda, mean: None }
    }
    /// Takes a value and gives the new mean.
    #[inline]
    pub fn update(&mut self, x: f64) -> f64 {
        let m = self.mean.map_or(x, |m| self.lambda * m + (1.0 - self.lambda) * x);
        self.mean = Some(m);
        m
    }
    /// The mean so far.
    pub fn mean(&self) -> Option<f64> {
        self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut e = Ewm::new(0.5);
        assert_eq!(e.mean(), None);
        assert_eq!([4.0, 2.0, 1.0].map(|x| e.update(x)), [4.0, 3.0, 2.0]);
    }
}
