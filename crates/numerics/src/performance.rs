//! Performance statistics of a series of simple returns, each with its convention stated.
//!
//! Conventions everywhere: returns are simple and per period (one session, say); `periods` is how many periods make a year (252
//! for daily data); a risk-free or required return is per period too; standard deviations are sample ones (ddof = 1); losses and
//! drawdowns are positive fractions. A statistic that is not defined for the data (too few observations, no variation, a value that
//! is not finite) is `None`, never NaN. Unless said otherwise the values are those of the Python package `empyrical-reloaded`.

use crate::math;

mod drawdown;
mod monthly;
mod relative;
mod rolling;
mod summary;
mod trading;

pub use drawdown::{Drawdown, drawdown_series, drawdowns, longest_drawdown, max_drawdown};
pub use monthly::{MonthlyReturn, monthly_returns, yearly_returns};
pub use relative::{
    AlphaBeta, alpha_beta, beta, correlation, down_capture, information_ratio, tracking_error, up_capture,
};
pub use rolling::{RollingBeta, rolling_beta, rolling_volatility};
pub use summary::{Relative, Summary};
pub use trading::{Exposure, annual_turnover, exposure, hit_rate, payoff_ratio, profit_factor};

/// Whether there are at least `n` values and all are finite.
fn usable(xs: &[f64], n: usize) -> bool {
    xs.len() >= n && xs.iter().all(|x| x.is_finite())
}

/// `x` when it is finite.
fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// Whether all values are the same: then the deviation is zero by definition and not what rounding leaves of it.
fn constant(xs: impl IntoIterator<Item = f64>) -> bool {
    let mut xs = xs.into_iter();
    let first = xs.next();
    xs.all(|x| Some(x) == first)
}

/// Arithmetic mean: sum x / n.
pub fn mean(xs: &[f64]) -> Option<f64> {
    usable(xs, 1).then(|| xs.iter().sum::<f64>() / xs.len() as f64).and_then(finite)
}

/// Central moment of order `k` about `m`, divided by n.
fn moment(xs: &[f64], m: f64, k: i32) -> f64 {
    xs.iter().map(|x| (x - m).powi(k)).sum::<f64>() / xs.len() as f64
}

/// Sample standard deviation: sqrt(sum (x - mean)^2 / (n - 1)); zero when all values are the same. Needs two values.
pub fn std_dev(xs: &[f64]) -> Option<f64> {
    if !usable(xs, 2) {
        return None;
    }
    if constant(xs.iter().copied()) {
        return Some(0.0);
    }
    let m = mean(xs)?;
    finite((xs.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / (xs.len() - 1) as f64).sqrt())
}

/// Return over the whole period: prod (1 + r) - 1.
///
/// ```
/// use tradewind_numerics::performance::cumulative_return;
/// assert!((cumulative_return(&[0.10, -0.50, 1.0]).unwrap() - 0.10).abs() < 1e-15);
/// assert_eq!(cumulative_return(&[]), None);
/// ```
pub fn cumulative_return(returns: &[f64]) -> Option<f64> {
    growth(returns).map(|w| w - 1.0)
}

/// Whether wealth was zero or below before the last return. From then on returns multiply out, but their signs and sizes say nothing of gains and
/// losses: only the return over the whole period and drawdowns are defined.
///
/// ```
/// use tradewind_numerics::performance::ruined;
/// assert!(ruined(&[0.5, -1.25, -0.5]) && !ruined(&[0.5, -1.25]));
/// ```
pub fn ruined(returns: &[f64]) -> bool {
    let before = returns.split_last().map_or(returns, |x| x.1);
    let mut wealth = 1.0;
    before.iter().any(|r| {
        wealth *= 1.0 + r;
        wealth <= 0.0
    })
}

/// What one unit of wealth becomes: prod (1 + r).
fn growth(returns: &[f64]) -> Option<f64> {
    usable(returns, 1).then(|| returns.iter().fold(1.0, |w, r| w * (1.0 + r))).and_then(finite)
}

/// Compound annual growth rate: (prod (1 + r))^(periods / n) - 1. Not defined when wealth falls below zero.
pub fn cagr(returns: &[f64], periods: f64) -> Option<f64> {
    let end = growth(returns)?;
    (end >= 0.0 && periods > 0.0).then(|| math::powf(end, periods / returns.len() as f64) - 1.0).and_then(finite)
}

/// Annualised volatility: sample standard deviation x sqrt(periods).
pub fn annual_volatility(returns: &[f64], periods: f64) -> Option<f64> {
    std_dev(returns).and_then(|s| finite(s * periods.sqrt()))
}

/// Sharpe ratio (Sharpe 1994): mean(r - rf) / sd(r - rf) x sqrt(periods). Not defined without variation.
///
/// ```
/// use tradewind_numerics::performance::sharpe;
/// // mean 0.01, sd sqrt(2) x 0.01
/// let s = sharpe(&[0.02, 0.0], 0.0, 252.0).unwrap();
/// assert!((s - (252.0_f64 / 2.0).sqrt()).abs() < 1e-12);
/// assert_eq!(sharpe(&[0.01, 0.01], 0.0, 252.0), None);
/// ```
pub fn sharpe(returns: &[f64], risk_free: f64, periods: f64) -> Option<f64> {
    let sd = std_dev(returns)?;
    // A constant risk-free rate does not change the deviation.
    (sd > 0.0).then(|| mean(returns).and_then(|m| finite((m - risk_free) / sd * periods.sqrt()))).flatten()
}

/// Annualised downside deviation: sqrt(mean min(r - required, 0)^2) x sqrt(periods); the mean is over all periods, those
/// above the required return counting as zero (Sortino & van der Meer 1991).
pub fn downside_deviation(returns: &[f64], required: f64, periods: f64) -> Option<f64> {
    if !usable(returns, 1) {
        return None;
    }
    let m2 = returns.iter().map(|r| (r - required).min(0.0).powi(2)).sum::<f64>() / returns.len() as f64;
    finite(m2.sqrt() * periods.sqrt())
}

/// Sortino ratio: mean(r - required) x periods / downside deviation. Not defined without a period below the required return.
pub fn sortino(returns: &[f64], required: f64, periods: f64) -> Option<f64> {
    if !usable(returns, 2) {
        return None;
    }
    let down = downside_deviation(returns, required, periods)?;
    (down > 0.0).then(|| mean(returns).and_then(|m| finite((m - required) * periods / down))).flatten()
}

/// Calmar ratio (Young 1991), over the whole period: compound annual growth rate / maximum drawdown. Not defined without a drawdown.
pub fn calmar(returns: &[f64], periods: f64) -> Option<f64> {
    let d = max_drawdown(returns)?;
    cagr(returns, periods).and_then(|g| finite(g / d.depth))
}

/// Empirical quantile by linear interpolation between order statistics (Hyndman & Fan 1996, type 7; NumPy's default), 0 <= q <= 1.
pub fn quantile(xs: &[f64], q: f64) -> Option<f64> {
    if !usable(xs, 1) || !(0.0..=1.0).contains(&q) {
        return None;
    }
    let mut v = xs.to_vec();
    v.sort_by(f64::total_cmp);
    let h = (v.len() - 1) as f64 * q;
    let i = h as usize;
    let lo = v.get(i).copied()?;
    let hi = v.get(i + 1).copied().unwrap_or(lo);
    finite(lo + (hi - lo) * (h - i as f64))
}

/// Historical value at risk of one period as a positive loss: minus the `tail` quantile of the returns (0.05 for 95 %).
/// Negative when even that quantile is a gain.
pub fn value_at_risk(returns: &[f64], tail: f64) -> Option<f64> {
    quantile(returns, tail).map(|q| -q)
}

/// Historical expected shortfall as a positive loss: minus the mean of the k smallest returns, k = floor((n - 1) tail) + 1,
/// 0 <= tail <= 1.
pub fn expected_shortfall(returns: &[f64], tail: f64) -> Option<f64> {
    if !usable(returns, 1) || !(0.0..=1.0).contains(&tail) {
        return None;
    }
    let mut v = returns.to_vec();
    v.sort_by(f64::total_cmp);
    let k = ((v.len() - 1) as f64 * tail) as usize + 1;
    mean(v.get(..k)?).map(|m| -m)
}

/// Skewness g1 = m3 / m2^1.5 with central moments divided by n (Joanes & Gill 1998; SciPy's default). Not defined without variation.
pub fn skewness(returns: &[f64]) -> Option<f64> {
    let m = varying_mean(returns)?;
    let m2 = moment(returns, m, 2);
    finite(moment(returns, m, 3) / (m2 * m2.sqrt()))
}

/// Excess kurtosis g2 = m4 / m2^2 - 3 with central moments divided by n (Joanes & Gill 1998; SciPy's default): 0 for a normal
/// distribution. Not defined without variation.
pub fn excess_kurtosis(returns: &[f64]) -> Option<f64> {
    let m = varying_mean(returns)?;
    finite(moment(returns, m, 4) / moment(returns, m, 2).powi(2) - 3.0)
}

/// The mean, when the values vary by more than its rounding.
fn varying_mean(xs: &[f64]) -> Option<f64> {
    if !usable(xs, 2) || constant(xs.iter().copied()) {
        return None;
    }
    mean(xs)
}

/// Tail ratio: |95 % quantile| / |5 % quantile|. Not defined when the latter is zero.
pub fn tail_ratio(returns: &[f64]) -> Option<f64> {
    let low = quantile(returns, 0.05)?.abs();
    (low > 0.0).then(|| quantile(returns, 0.95)).flatten().and_then(|high| finite(high.abs() / low))
}

/// Stability: R^2 of a straight line through the cumulative log returns. Not defined after a loss of everything or without variation.
pub fn stability(returns: &[f64]) -> Option<f64> {
    if !usable(returns, 3) || returns.iter().any(|r| *r <= -1.0) {
        return None;
    }
    let path: Vec<f64> = returns
        .iter()
        .scan(0.0, |sum, r| {
            *sum += math::ln_1p(*r);
            Some(*sum)
        })
        .collect();
    let time: Vec<f64> = (0..path.len()).map(|i| i as f64).collect();
    correlation(&path, &time).map(|r| r * r)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let r = [0.10, -0.10, 0.05, -0.05];
        let wealth = 1.1 * 0.9 * 1.05 * 0.95;
        assert!((cumulative_return(&r).unwrap() - (wealth - 1.0)).abs() < 1e-15);
        assert!((cagr(&r, 4.0).unwrap() - (wealth - 1.0)).abs() < 1e-15);
        assert!((cagr(&r, 8.0).unwrap() - (wealth * wealth - 1.0)).abs() < 1e-15);
        // mean 0, sum of squares 0.025
        assert!((annual_volatility(&r, 3.0).unwrap() - 0.025_f64.sqrt()).abs() < 1e-15);
        assert!(sharpe(&r, 0.0, 252.0).unwrap().abs() < 1e-12);
        assert!((downside_deviation(&r, 0.0, 1.0).unwrap() - (0.0125_f64 / 4.0).sqrt()).abs() < 1e-15);
        assert!(skewness(&r).unwrap().abs() < 1e-12);
        // m4 = 2 (1e-4 + 6.25e-6) / 4, m2 = 0.00625
        assert!((excess_kurtosis(&r).unwrap() - (5.3125e-5 / 0.00625_f64.powi(2) - 3.0)).abs() < 1e-12);
        assert!((value_at_risk(&r, 0.5).unwrap() - 0.0).abs() < 1e-15);
        assert!((expected_shortfall(&r, 0.05).unwrap() - 0.10).abs() < 1e-15);
        assert!((expected_shortfall(&r, 0.34).unwrap() - 0.075).abs() < 1e-15);
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.25), Some(1.5));
    }

    #[test]
    fn undefined_is_none_and_never_nan() {
        let cases: [&[f64]; 6] = [&[], &[0.01], &[0.0; 30], &[0.1; 30], &[f64::NAN, 0.1, 0.2], &[-1.0, -1.0, 0.5]];
        for r in cases {
            let all = [
                mean(r),
                std_dev(r),
                cumulative_return(r),
                cagr(r, 252.0),
                annual_volatility(r, 252.0),
                sharpe(r, 0.0, 252.0),
                sortino(r, 0.0, 252.0),
                calmar(r, 252.0),
                downside_deviation(r, 0.0, 252.0),
                value_at_risk(r, 0.05),
                expected_shortfall(r, 0.05),
                skewness(r),
                excess_kurtosis(r),
                tail_ratio(r),
                stability(r),
                beta(r, r),
                information_ratio(r, r, 252.0),
            ];
            assert!(all.iter().flatten().all(|x| x.is_finite()), "{r:?}: {all:?}");
        }
        assert_eq!(sharpe(&[0.1; 30], 0.0, 252.0), None);
        assert_eq!(sortino(&[0.1; 30], 0.0, 252.0), None);
        assert_eq!(calmar(&[0.1; 30], 252.0), None);
        assert_eq!(mean(&[f64::NAN]), None);
        assert_eq!(cagr(&[-1.0, 0.5], 252.0), Some(-1.0));
        assert_eq!(cagr(&[-1.5], 252.0), None);
        assert_eq!(quantile(&[1.0], f64::NAN), None);
    }
}
