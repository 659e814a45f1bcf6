//! Returns by calendar month and year.

use serde::{Deserialize, Serialize};

use super::cumulative_return;

/// The compounded return of one calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MonthlyReturn {
    /// Year.
    pub year: i16,
    /// Month, 1 to 12.
    pub month: u8,
    /// prod (1 + r) - 1 over the month.
    pub value: f64,
}

/// Runs of equal keys, with the compounded return of each.
fn grouped<K: PartialEq + Copy>(keys: impl Iterator<Item = K>, returns: &[f64]) -> Vec<(K, f64)> {
    let keys: Vec<K> = keys.take(returns.len()).collect();
    let mut out = Vec::new();
    let mut start = 0;
    for run in keys.chunk_by(|a, b| a == b) {
        let end = start + run.len();
        if let (Some(&k), Some(v)) = (run.first(), returns.get(start..end).and_then(cumulative_return)) {
            out.push((k, v));
        }
        start = end;
    }
    out
}

/// Compounded returns by month. `months` holds (year, month) of each return, in the order of time; a month with a value that is not
/// finite is left out.
pub fn monthly_returns(months: &[(i16, u8)], returns: &[f64]) -> Vec<MonthlyReturn> {
    grouped(months.iter().copied(), returns)
        .into_iter()
        .map(|((year, month), value)| MonthlyReturn { year, month, value })
        .collect()
}

/// Compounded returns by year, as (year, return).
pub fn yearly_returns(months: &[(i16, u8)], returns: &[f64]) -> Vec<(i16, f64)> {
    grouped(months.iter().map(|m| m.0), returns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let m = [(2014, 12), (2014, 12), (2015, 1), (2015, 2)];
        let r = [0.1, 0.1, -0.5, 1.0];
        let got = monthly_returns(&m, &r);
        assert_eq!(got.iter().map(|x| (x.year, x.month)).collect::<Vec<_>>(), [(2014, 12), (2015, 1), (2015, 2)]);
        assert!((got[0].value - 0.21).abs() < 1e-15);
        let years = yearly_returns(&m, &r);
        assert!((years[0].1 - 0.21).abs() < 1e-15 && years[1] == (2015, 0.0));
        assert!(monthly_returns(&[], &[]).is_empty());
    }
}
