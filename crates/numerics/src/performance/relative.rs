//! A strategy against a benchmark; both series must have the same length and be aligned in time.

use crate::math;

use super::{cagr, constant, finite, mean, std_dev, usable};

/// Intercept and slope of a strategy's returns against a benchmark's.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AlphaBeta {
    /// Annualised by compounding: (1 + mean(r - rf - beta (b - rf)))^periods - 1.
    pub alpha: f64,
    /// cov(r, b) / var(b).
    pub beta: f64,
}

/// Both series usable, of one length and with at least `n` values.
fn aligned(a: &[f64], b: &[f64], n: usize) -> bool {
    a.len() == b.len() && usable(a, n) && usable(b, n)
}

/// Sum of products of deviations from the means, and the two sums of squared deviations.
fn co_moments(a: &[f64], b: &[f64]) -> Option<(f64, f64, f64)> {
    let (ma, mb) = (mean(a)?, mean(b)?);
    Some(a.iter().zip(b).fold((0.0, 0.0, 0.0), |(ab, aa, bb), (x, y)| {
        let (dx, dy) = (x - ma, y - mb);
        (ab + dx * dy, aa + dx * dx, bb + dy * dy)
    }))
}

/// Beta (Sharpe 1964): cov(r, b) / var(b). Not defined when the benchmark does not vary.
pub fn beta(returns: &[f64], benchmark: &[f64]) -> Option<f64> {
    if !aligned(returns, benchmark, 2) || constant(benchmark.iter().copied()) {
        return None;
    }
    let (ab, _, bb) = co_moments(returns, benchmark)?;
    (bb > 0.0).then(|| finite(ab / bb)).flatten()
}

/// Pearson's correlation, in [-1, 1]. Not defined when either does not vary.
pub fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    if !aligned(a, b, 2) || constant(a.iter().copied()) || constant(b.iter().copied()) {
        return None;
    }
    let (ab, aa, bb) = co_moments(a, b)?;
    (aa > 0.0 && bb > 0.0).then(|| finite(ab / (aa.sqrt() * bb.sqrt()))).flatten().map(|r| r.clamp(-1.0, 1.0))
}

/// Jensen's alpha (1968), annualised by compounding, and beta; `risk_free` is per period.
///
/// ```
/// use tradewind_numerics::performance::alpha_beta;
/// let market = [0.01, -0.02, 0.03];
/// let r: Vec<f64> = market.iter().map(|m| 0.001 + 0.5 * m).collect();
/// let ab = alpha_beta(&r, &market, 0.0, 12.0).unwrap();
/// assert!((ab.beta - 0.5).abs() < 1e-14);
/// assert!((ab.alpha - (1.001_f64.powi(12) - 1.0)).abs() < 1e-13);
/// ```
pub fn alpha_beta(returns: &[f64], benchmark: &[f64], risk_free: f64, periods: f64) -> Option<AlphaBeta> {
    let beta = beta(returns, benchmark)?;
    let a = mean(returns)? - risk_free - beta * (mean(benchmark)? - risk_free);
    // A mean loss of everything per period has no compounded rate.
    (a > -1.0).then(|| finite(math::powf(1.0 + a, periods) - 1.0)).flatten().map(|alpha| AlphaBeta { alpha, beta })
}

/// Active returns r - b.
fn active(returns: &[f64], benchmark: &[f64]) -> Option<Vec<f64>> {
    aligned(returns, benchmark, 2).then(|| returns.iter().zip(benchmark).map(|(r, b)| r - b).collect())
}

/// Tracking error: annualised standard deviation of r - b.
pub fn tracking_error(returns: &[f64], benchmark: &[f64], periods: f64) -> Option<f64> {
    std_dev(&active(returns, benchmark)?).and_then(|s| finite(s * periods.sqrt()))
}

/// Information ratio (Grinold & Kahn 1999): mean(r - b) / sd(r - b) x sqrt(periods); with `periods` = 1 it is empyrical's
/// `excess_sharpe`. Not defined when the active return does not vary.
pub fn information_ratio(returns: &[f64], benchmark: &[f64], periods: f64) -> Option<f64> {
    super::sharpe(&active(returns, benchmark)?, 0.0, periods)
}

/// Ratio of the annualised growth of the strategy to that of the benchmark over the periods the benchmark satisfies `when`.
fn capture(returns: &[f64], benchmark: &[f64], periods: f64, when: impl Fn(f64) -> bool) -> Option<f64> {
    if !aligned(returns, benchmark, 1) {
        return None;
    }
    let (r, b): (Vec<f64>, Vec<f64>) = returns.iter().zip(benchmark).filter(|(_, b)| when(**b)).unzip();
    let (top, bottom) = (cagr(&r, periods)?, cagr(&b, periods)?);
    (bottom != 0.0).then(|| finite(top / bottom)).flatten()
}

/// Up capture: annualised growth over the periods in which the benchmark rose, as a multiple of the benchmark's own.
pub fn up_capture(returns: &[f64], benchmark: &[f64], periods: f64) -> Option<f64> {
    capture(returns, benchmark, periods, |b| b > 0.0)
}

/// Down capture: annualised growth over the periods in which the benchmark fell, as a multiple of the benchmark's own.
pub fn down_capture(returns: &[f64], benchmark: &[f64], periods: f64) -> Option<f64> {
    capture(returns, benchmark, periods, |b| b < 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let b = [0.01, -0.01, 0.02, -0.02];
        let r = [0.02, -0.02, 0.04, -0.04];
        assert!((beta(&r, &b).unwrap() - 2.0).abs() < 1e-14);
        assert!((correlation(&r, &b).unwrap() - 1.0).abs() < 1e-14);
        // r - b = b, sum of squares 0.001
        assert!((tracking_error(&r, &b, 3.0).unwrap() - 0.001_f64.sqrt()).abs() < 1e-15);
        assert_eq!(beta(&r, &[0.01; 4]), None);
        assert_eq!(beta(&r, &b[..3]), None);
        assert_eq!(information_ratio(&b, &b, 252.0), None);
        assert!((up_capture(&b, &b, 252.0).unwrap() - 1.0).abs() < 1e-15);
        assert_eq!(down_capture(&[0.1], &[0.1], 252.0), None);
        assert_eq!(alpha_beta(&[-3.0, -3.1], &[0.01, 0.02], 0.0, 252.0), None);
    }
}
