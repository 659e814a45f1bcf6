//! By how many steps a smoothed series trails the series it was made of.

use serde::{Deserialize, Serialize};

use crate::NumericsError;

/// Pairs of a raw and a smoothed value; the lag is where their cross-correlation over the last `window` pairs is largest:
///
/// lag = argmax over L = 0..=`max_lag` of the Pearson correlation of smooth(t) with raw(t - L),
///
/// the same `window - max_lag` values of the smoothed series at every L, the smallest L among equals. `push` costs O(1) and
/// allocates nothing; the question costs O(window x max_lag).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LagMeter {
    raw: Vec<f64>,
    smooth: Vec<f64>,
    max_lag: usize,
    /// Where the next pair goes.
    next: usize,
    /// Pairs held.
    held: usize,
}

impl LagMeter {
    /// Without any pair yet.
    ///
    /// # Errors
    /// When fewer than three pairs would be left to correlate at the largest lag.
    pub fn new(window: usize, max_lag: usize) -> Result<Self, NumericsError> {
        let needed = max_lag.saturating_add(3);
        if window < needed {
            return Err(NumericsError::TooFew { what: "the window of a lag meter", needed, got: window });
        }
        Ok(Self { raw: vec![0.0; window], smooth: vec![0.0; window], max_lag, next: 0, held: 0 })
    }
    /// Takes a pair; both finite.
    pub fn push(&mut self, raw: f64, smooth: f64) {
        if let (Some(r), Some(s)) = (self.raw.get_mut(self.next), self.smooth.get_mut(self.next)) {
            (*r, *s) = (raw, smooth);
            self.next = (self.next + 1) % self.raw.len();
            self.held = (self.held + 1).min(self.raw.len());
        }
    }
    /// Puts a pair in the place of the last one.
    pub fn replace_last(&mut self, raw: f64, smooth: f64) {
        if self.held > 0 {
            self.next = (self.next + self.raw.len() - 1) % self.raw.len();
            self.held -= 1;
        }
        self.push(raw, smooth);
    }
    /// The lag in steps; `None` before the window is full, or when one of the series is constant.
    pub fn lag(&self) -> Option<usize> {
        let n = self.raw.len();
        if self.held < n {
            return None;
        }
        let at = |v: &[f64], i: usize| v.get((self.next + i) % n).copied().unwrap_or(0.0);
        let mut best: Option<(usize, f64)> = None;
        for lag in 0..=self.max_lag {
            // Welford's update for two series at once.
            let (mut mx, mut my, mut xx, mut yy, mut xy, mut k) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
            for i in self.max_lag..n {
                let (x, y) = (at(&self.raw, i - lag), at(&self.smooth, i));
                k += 1.0;
                let (dx, dy) = (x - mx, y - my);
                mx += dx / k;
                my += dy / k;
                xx += dx * (x - mx);
                yy += dy * (y - my);
                xy += dx * (y - my);
            }
            let r = xy / (xx * yy).sqrt();
            // A correlation larger only by rounding is no later peak.
            if r.is_finite() && best.is_none_or(|(_, b)| r > b + 1e-12) {
                best = Some((lag, r));
            }
        }
        best.map(|(lag, _)| lag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_of_three_is_measured_as_three() {
        let mut m = LagMeter::new(40, 10).unwrap();
        let x: Vec<f64> = (0..60).map(|i| f64::from(i * i % 17)).collect();
        for i in 3..60 {
            assert_eq!(m.lag().is_some(), i >= 43, "{i}");
            m.push(x[i], 0.5 * x[i - 3] - 7.0);
        }
        assert_eq!(m.lag(), Some(3));
        let before = m.clone();
        m.push(1e9, -1e9);
        m.replace_last(x[59], 0.5 * x[56] - 7.0);
        assert_ne!(m, before);
        let mut again = LagMeter::new(40, 10).unwrap();
        for i in 19..60 {
            again.push(x[i], 0.5 * x[i - 3] - 7.0);
        }
        again.push(x[59], 0.5 * x[56] - 7.0);
        assert_eq!(m.lag(), again.lag());
    }

    #[test]
    fn a_series_against_itself_has_none_and_a_constant_has_no_lag_at_all() {
        let mut m = LagMeter::new(12, 4).unwrap();
        (0..20).for_each(|i| m.push(f64::from(i % 5), f64::from(i % 5)));
        assert_eq!(m.lag(), Some(0));
        (0..20).for_each(|i| m.push(f64::from(i % 5), 0.3));
        assert_eq!(m.lag(), None);
        assert!(LagMeter::new(6, 4).unwrap_err().to_string().contains("at least 7"));
    }
}
