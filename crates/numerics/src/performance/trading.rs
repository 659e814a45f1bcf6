//! What trading did: hit rate, profit factor, turnover, exposure.

use serde::{Deserialize, Serialize};

use super::{finite, mean, usable};

/// Share of values above zero among those that are not zero, in [0, 1]: of returns, or of profits by trade. Not defined when all are
/// zero.
///
/// ```
/// use tradewind_numerics::performance::hit_rate;
/// assert_eq!(hit_rate(&[1.0, -2.0, 0.0, 3.0, 1.0]), Some(0.75));
/// assert_eq!(hit_rate(&[0.0]), None);
/// ```
pub fn hit_rate(values: &[f64]) -> Option<f64> {
    if !usable(values, 1) {
        return None;
    }
    let (up, down) =
        values.iter().fold((0_usize, 0_usize), |(u, d), x| (u + usize::from(*x > 0.0), d + usize::from(*x < 0.0)));
    (up + down > 0).then(|| up as f64 / (up + down) as f64)
}

/// Sums and counts of gains and of losses (as a positive number).
fn sides(values: &[f64]) -> Option<((f64, usize), (f64, usize))> {
    usable(values, 1).then(|| {
        values.iter().fold(((0.0, 0), (0.0, 0)), |((g, ng), (l, nl)), &x| {
            if x > 0.0 {
                ((g + x, ng + 1), (l, nl))
            } else if x < 0.0 {
                ((g, ng), (l - x, nl + 1))
            } else {
                ((g, ng), (l, nl))
            }
        })
    })
}

/// Profit factor: sum of gains / sum of losses. Not defined without a loss.
pub fn profit_factor(values: &[f64]) -> Option<f64> {
    let ((gains, _), (losses, _)) = sides(values)?;
    (losses > 0.0).then(|| finite(gains / losses)).flatten()
}

/// Payoff ratio: mean gain / mean loss. Not defined unless there are both.
pub fn payoff_ratio(values: &[f64]) -> Option<f64> {
    let ((gains, n), (losses, m)) = sides(values)?;
    (n > 0 && losses > 0.0).then(|| finite(gains / n as f64 / (losses / m as f64))).flatten()
}

/// One-way turnover a year: half of everything bought and sold, over mean equity, over years. Selling a whole portfolio and buying
/// another is a turnover of 1.
///
/// `traded` is the sum of the sizes of all trades in money, `equity` the equity at the end of each period, `periods` a year's number of
/// them.
pub fn annual_turnover(traded: f64, equity: &[f64], periods: f64) -> Option<f64> {
    let m = mean(equity)?;
    let years = equity.len() as f64 / periods;
    (traded >= 0.0 && m > 0.0 && years > 0.0).then(|| finite(0.5 * traded / m / years)).flatten()
}

/// Exposure over time, as fractions of equity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Exposure {
    /// Mean gross exposure: sum of the sizes of positions.
    pub mean_gross: f64,
    /// Mean net exposure: longs less shorts.
    pub mean_net: f64,
    /// Largest gross exposure.
    pub max_gross: f64,
    /// Share of periods with any position.
    pub time_in_market: f64,
}

/// Exposure from gross and net exposure at the end of each period; `None` when there are none, lengths differ or a value is not finite.
pub fn exposure(gross: &[f64], net: &[f64]) -> Option<Exposure> {
    if gross.len() != net.len() {
        return None;
    }
    Some(Exposure {
        mean_gross: mean(gross)?,
        mean_net: mean(net)?,
        max_gross: gross.iter().copied().fold(0.0, f64::max),
        time_in_market: gross.iter().filter(|g| **g != 0.0).count() as f64 / gross.len() as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let pnl = [10.0, -5.0, 0.0, 20.0, -10.0, -5.0];
        assert_eq!(hit_rate(&pnl), Some(0.4));
        assert_eq!(profit_factor(&pnl), Some(1.5));
        assert_eq!(payoff_ratio(&pnl), Some(15.0 / (20.0 / 3.0)));
        assert_eq!(profit_factor(&[1.0]), None);
        assert_eq!(payoff_ratio(&[-1.0]), None);
        assert_eq!(annual_turnover(200.0, &[100.0; 252], 252.0), Some(1.0));
        assert_eq!(annual_turnover(200.0, &[], 252.0), None);
        let e = exposure(&[0.0, 1.0, 1.5, 0.5], &[0.0, 1.0, -0.5, 0.5]).unwrap();
        assert_eq!((e.mean_gross, e.mean_net, e.max_gross, e.time_in_market), (0.75, 0.25, 1.5, 0.75));
        assert_eq!(exposure(&[], &[]), None);
    }
}
