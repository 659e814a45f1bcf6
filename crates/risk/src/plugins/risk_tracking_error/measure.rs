//! Tracking error of weights given as slices.

use tradewind_numerics::NumericsError;
use tradewind_numerics::covariance::{Metric, Nearest, Symmetric};

/// What active weights are expected to deviate by.
#[derive(Debug, Clone, PartialEq)]
pub struct ExAnte {
    /// Annualised tracking error.
    pub tracking_error: f64,
    /// What each asset adds to it (Euler): they sum to it, and may be negative.
    pub contributions: Vec<f64>,
    /// By how much it grows with each weight.
    pub marginal: Vec<f64>,
}

fn active(weights: &[f64], benchmark: &[f64], n: usize) -> Result<Vec<f64>, NumericsError> {
    let what = "tracking error";
    for v in [weights, benchmark] {
        if v.len() != n {
            return Err(NumericsError::TooFew { what, needed: n, got: v.len() });
        }
        if let Some(index) = v.iter().position(|x| !x.is_finite()) {
            return Err(NumericsError::BadValue { what, index, value: v[index], expected: "a finite weight" });
        }
    }
    Ok(weights.iter().zip(benchmark).map(|(w, b)| w - b).collect())
}

/// Ex-ante tracking error sqrt(A (w - b)' S (w - b)) with S the covariance of a period's returns and A periods a year, and each
/// asset's part (w_i - b_i) (S (w - b))_i A / TE (Grinold & Kahn 2000, chapter 3). Without any active risk the parts are zero.
///
/// ```
/// use tradewind_numerics::covariance::Symmetric;
/// use tradewind_risk::plugins::risk_tracking_error::ex_ante;
/// // 20 % and 10 % a year, uncorrelated; 0.3 more of the first and 0.4 less of the second.
/// let s = Symmetric::from_full(2, &[0.04, 0.0, 0.0, 0.01])?;
/// let te = ex_ante(&[0.8, 0.1], &[0.5, 0.5], &s, 1.0)?;
/// assert!((te.tracking_error - 0.0052_f64.sqrt()).abs() < 1e-15);
/// assert!((te.contributions[0] - 0.0036 / 0.0052_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Vectors and matrix of different sizes, weights that are not finite, or a matrix that gives a negative variance (see
/// [`tradewind_numerics::covariance::clip_eigenvalues`]).
pub fn ex_ante(
    weights: &[f64],
    benchmark: &[f64],
    covariance: &Symmetric,
    periods: f64,
) -> Result<ExAnte, NumericsError> {
    let a = active(weights, benchmark, covariance.order())?;
    let mut marginal = vec![0.0; a.len()];
    covariance.mul(&a, &mut marginal);
    let variance = periods * a.iter().zip(&marginal).map(|(a, g)| a * g).sum::<f64>();
    let size: f64 = a.iter().map(|a| a * a).sum();
    // Rounding may leave a variance of zero a little below it; more than that is a matrix that is none.
    if variance.is_nan() || variance < -1e-12 * periods * covariance.trace() * size {
        let (what, expected) = ("active variance", "zero or more: repair the covariance");
        return Err(NumericsError::BadValue { what, index: 0, value: variance, expected });
    }
    let tracking_error = variance.max(0.0).sqrt();
    let per = if tracking_error > 0.0 { periods / tracking_error } else { 0.0 };
    marginal.iter_mut().for_each(|g| *g *= per);
    let contributions = a.iter().zip(&marginal).map(|(a, g)| a * g).collect();
    Ok(ExAnte { tracking_error, contributions, marginal })
}

/// Ex-post tracking error: sqrt(A) times the standard deviation (ddof = 1) of active returns.
///
/// # Errors
/// Fewer than two returns, or one that is not finite.
pub fn ex_post(active: &[f64], periods: f64) -> Result<f64, NumericsError> {
    let (what, n) = ("tracking error", active.len());
    if n < 2 {
        return Err(NumericsError::TooFew { what, needed: 2, got: n });
    }
    if let Some(index) = active.iter().position(|x| !x.is_finite()) {
        return Err(NumericsError::BadValue { what, index, value: active[index], expected: "a finite return" });
    }
    let mean = active.iter().sum::<f64>() / n as f64;
    let squares: f64 = active.iter().map(|x| (x - mean).powi(2)).sum();
    Ok((periods * squares / (n - 1) as f64).sqrt())
}

/// By how much all active weights must be multiplied to bring a tracking error within the limit: min(1, limit / TE).
pub fn shrink_factor(tracking_error: f64, limit: f64) -> f64 {
    if tracking_error > limit { limit / tracking_error } else { 1.0 }
}

/// The weights nearest to those wanted whose ex-ante tracking error is within the limit: with [`Metric::Covariance`] all active
/// weights shrink alike, by [`shrink_factor`]; with [`Metric::Euclidean`] the squared changes of the weights sum to the least. Either may
/// raise single weights towards the benchmark's; the rule, which must not, uses neither.
///
/// # Errors
/// As [`tradewind_numerics::covariance::project`], or periods that are not above zero.
pub fn project(
    weights: &[f64],
    benchmark: &[f64],
    covariance: &Symmetric,
    periods: f64,
    limit: f64,
    metric: Metric,
) -> Result<Nearest, NumericsError> {
    if periods.is_nan() || periods <= 0.0 || periods.is_infinite() {
        let what = "periods a year";
        return Err(NumericsError::BadValue { what, index: 0, value: periods, expected: "a number above zero" });
    }
    let root = periods.sqrt();
    let mut nearest = tradewind_numerics::covariance::project(weights, benchmark, covariance, limit / root, metric)?;
    nearest.distance *= root;
    Ok(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand_and_bad_input() {
        assert_eq!(ex_post(&[0.01, -0.01, 0.01, -0.01], 3.0).unwrap(), 0.02);
        assert_eq!((shrink_factor(0.12, 0.06), shrink_factor(0.05, 0.06), shrink_factor(0.0, 0.06)), (0.5, 1.0, 1.0));
        let s = Symmetric::from_full(2, &[0.04, 0.0, 0.0, 0.01]).unwrap();
        let none = ex_ante(&[0.5, 0.5], &[0.5, 0.5], &s, 252.0).unwrap();
        assert_eq!((none.tracking_error, none.contributions.as_slice()), (0.0, [0.0, 0.0].as_slice()));
        assert!(ex_ante(&[0.5], &[0.5, 0.5], &s, 252.0).is_err());
        assert!(ex_ante(&[0.5, f64::NAN], &[0.5, 0.5], &s, 252.0).is_err());
        let indefinite = Symmetric::from_full(2, &[1.0, 2.0, 2.0, 1.0]).unwrap();
        assert!(ex_ante(&[1.0, -1.0], &[0.0, 0.0], &indefinite, 1.0).is_err());
        assert!(ex_post(&[0.1], 252.0).is_err() && ex_post(&[0.1, f64::INFINITY], 252.0).is_err());
        // Periods scale: four times the variance is twice the tracking error.
        let p = project(&[1.0, 0.0], &[0.0, 0.0], &s, 4.0, 0.1, Metric::Covariance).unwrap();
        assert!((p.point[0] - 0.25).abs() < 1e-15 && (p.distance - 0.1).abs() < 1e-15);
        assert!(project(&[1.0, 0.0], &[0.0, 0.0], &s, f64::NAN, 0.1, Metric::Covariance).is_err());
    }
}
