//! Falls of wealth below its last peak.

use serde::{Deserialize, Serialize};

use super::usable;

/// A fall from a peak to a trough and back. Positions count along the wealth path: 0 is the start, i is after the i-th return.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drawdown {
    /// Largest fall below the peak, as a positive fraction of it.
    pub depth: f64,
    /// Where wealth was highest (the last time, when several positions are equally high).
    pub peak: usize,
    /// Where it was lowest (the first time).
    pub trough: usize,
    /// Where it first was at the peak or above again; `None` while under water.
    pub recovery: Option<usize>,
    /// Periods from the peak to the recovery, or to the end of the data while under water.
    pub duration: usize,
}

/// Drawdown after every return: 1 - wealth / highest wealth so far, the start included; 0 at a peak. Empty when a value is not finite.
///
/// ```
/// use tradewind_numerics::performance::drawdown_series;
/// assert_eq!(drawdown_series(&[-0.5, 1.0, 0.5, -0.25]), [0.5, 0.0, 0.0, 0.25]);
/// ```
pub fn drawdown_series(returns: &[f64]) -> Vec<f64> {
    if !usable(returns, 1) {
        return Vec::new();
    }
    let (mut wealth, mut peak) = (1.0_f64, 1.0_f64);
    returns
        .iter()
        .map(|r| {
            wealth *= 1.0 + r;
            peak = peak.max(wealth);
            1.0 - wealth / peak
        })
        .collect()
}

/// Every drawdown in the order of time.
pub fn drawdowns(returns: &[f64]) -> Vec<Drawdown> {
    let mut out = Vec::new();
    let mut current: Option<Drawdown> = None;
    let series = drawdown_series(returns);
    for (i, &depth) in series.iter().enumerate() {
        let at = i + 1;
        match current.as_mut() {
            // The position before was at the peak.
            None if depth > 0.0 => {
                current = Some(Drawdown { depth, peak: i, trough: at, recovery: None, duration: 1 });
            }
            None => {}
            Some(d) if depth > 0.0 => {
                d.duration = at - d.peak;
                if depth > d.depth {
                    (d.depth, d.trough) = (depth, at);
                }
            }
            Some(d) => {
                d.recovery = Some(at);
                d.duration = at - d.peak;
                out.extend(current.take());
            }
        }
    }
    out.extend(current);
    out
}

/// The deepest drawdown (the first of equals); `None` when wealth never fell.
pub fn max_drawdown(returns: &[f64]) -> Option<Drawdown> {
    drawdowns(returns).into_iter().reduce(|a, b| if b.depth > a.depth { b } else { a })
}

/// The drawdown that lasted longest (the first of equals); `None` when wealth never fell.
pub fn longest_drawdown(returns: &[f64]) -> Option<Drawdown> {
    drawdowns(returns).into_iter().reduce(|a, b| if b.duration > a.duration { b } else { a })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Wealth 1, 1.25, 1, 1.25, 1.25, 1.125, 0.625
        let r = [0.25, -0.2, 0.25, 0.0, -0.1, -4.0 / 9.0];
        let all = drawdowns(&r);
        assert_eq!(all.len(), 2);
        let (a, b) = (all[0], all[1]);
        assert_eq!((a.peak, a.trough, a.recovery, a.duration), (1, 2, Some(3), 2));
        assert!((a.depth - 0.2).abs() < 1e-15);
        assert_eq!((b.peak, b.trough, b.recovery, b.duration), (4, 6, None, 2));
        assert!((b.depth - 0.5).abs() < 1e-15);
        assert_eq!(max_drawdown(&r), Some(b));
        assert_eq!(longest_drawdown(&r), Some(a));
        assert_eq!(max_drawdown(&[0.1, 0.0]), None);
        assert_eq!(max_drawdown(&[f64::NAN, -0.1]), None);
    }

    #[test]
    fn losing_everything_is_a_drawdown_of_one() {
        let d = max_drawdown(&[-1.0, 0.5]).unwrap();
        assert_eq!((d.depth, d.peak, d.trough, d.recovery, d.duration), (1.0, 0, 1, None, 2));
    }
}
