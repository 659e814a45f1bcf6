//! The augmented Dickey-Fuller test for a unit root.
//!
//! Delta x_t = gamma x_{t-1} + sum_{i=1..p} delta_i Delta x_{t-i} + deterministic terms + e_t; the statistic is the t value of gamma,
//! its p-value MacKinnon's. Conventions are those of statsmodels' `adfuller`: the lag order is chosen on the observations that all
//! candidates share, the regression then uses all it can; the longest candidate is ceil(12 (n / 100)^(1/4)) (Schwert 1989).
//!
//! Sources: Said & Dickey (1984), "Testing for unit roots in autoregressive-moving average models of unknown order", Biometrika 71;
//! Greene (2003), "Econometric Analysis", 5th ed., ch. 20.

mod mackinnon;

pub use mackinnon::{MAX_VARIABLES, critical_values, p_value};

use crate::{NumericsError, math};
use serde::{Deserialize, Serialize};

const WHAT: &str = "augmented Dickey-Fuller test";
/// The last lag is kept when its t value is at least the 95 % quantile of the normal distribution.
const SIGNIFICANT: f64 = 1.644_853_626_951_472_2;
/// A column that the ones before it explain up to this share of its length is collinear.
const COLLINEAR: f64 = 1e-11;
/// Squared residuals up to this share of the left side's squares are rounding: the regression fits without error.
const EXACT: f64 = 1e-24;

/// Deterministic terms of the regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// None (statsmodels: `n`).
    None,
    /// A constant (`c`).
    Constant,
    /// Constant and trend (`ct`).
    Linear,
    /// Constant, trend and its square (`ctt`).
    Quadratic,
}

impl Trend {
    /// How many terms.
    pub fn terms(self) -> usize {
        self as usize
    }
}

/// How many lagged differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lags {
    /// As many as this.
    Fixed(usize),
    /// The lowest Akaike criterion up to a maximum (`None`: Schwert's).
    Aic(Option<usize>),
    /// The lowest Bayes criterion.
    Bic(Option<usize>),
    /// From the maximum down to the first whose last lag is significant at 5 % (one-sided).
    TStat(Option<usize>),
}

/// The test's result.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Adf {
    /// t value of the lagged level: the more negative, the less like a unit root.
    pub statistic: f64,
    /// MacKinnon's p-value of "there is a unit root", in [0, 1].
    pub p_value: f64,
    /// Lagged differences used.
    pub lags: usize,
    /// Observations in the regression.
    pub observations: usize,
    /// Critical values at 1 %, 5 %, 10 % for that many observations.
    pub critical: [f64; 3],
    /// Value of the criterion that chose the lags (for [`Lags::TStat`] the absolute t value of the last one).
    pub criterion: Option<f64>,
}

/// The longest lag order that `n` observations allow, and Schwert's within it; `None` when there are too few for any.
pub fn max_lags(n: usize, trend: Trend) -> Option<(usize, usize)> {
    let most = (n / 2).checked_sub(trend.terms() + 1)?;
    let schwert = (12.0 * (n as f64 / 100.0).sqrt().sqrt()).ceil() as usize;
    Some((most, schwert.min(most)))
}

/// Tests `x` for a unit root.
///
/// # Errors
/// When there are too few observations for the lags asked for, one is not finite, the series is constant, or the regression is
/// collinear or fits without error, as for a straight line.
pub fn adf(x: &[f64], trend: Trend, lags: Lags) -> Result<Adf, NumericsError> {
    if let Some(i) = x.iter().position(|v| !v.is_finite()) {
        return Err(NumericsError::BadValue { what: WHAT, index: i, value: x[i], expected: "a finite number" });
    }
    let needed = |p: usize| NumericsError::TooFew { what: WHAT, needed: 2 * (p + trend.terms() + 1), got: x.len() };
    let (most, schwert) = max_lags(x.len(), trend).ok_or(needed(0))?;
    let asked = match lags {
        Lags::Fixed(p) => p,
        Lags::Aic(m) | Lags::Bic(m) | Lags::TStat(m) => m.unwrap_or(schwert),
    };
    // A regression with as many regressors as observations has no residuals.
    if asked > most || x.len() - 1 - asked <= trend.terms() + 1 + asked {
        return Err(needed(asked));
    }
    if x.iter().all(|v| *v == x[0]) {
        return Err(NumericsError::Constant(WHAT));
    }
    let (used, criterion) = match lags {
        Lags::Fixed(p) => (p, None),
        _ => {
            let (p, value) = choose(&Fitted::new(x, trend, asked, false)?, lags, trend.terms() + 1, asked);
            (p, Some(value))
        }
    };
    let last = Fitted::new(x, trend, used, true)?;
    let statistic = last.t_value(last.columns());
    if !(statistic.is_finite() && last.rest > EXACT * last.total) {
        return Err(NumericsError::ExactFit(WHAT));
    }
    let observations = last.rows;
    // One variable is always in the tables.
    let p_value = p_value(statistic, trend, 1).unwrap_or(f64::NAN);
    let critical = critical_values(trend, 1, Some(observations)).unwrap_or([f64::NAN; 3]);
    Ok(Adf { statistic, p_value, lags: used, observations, critical, criterion })
}

/// The lag order and the criterion's value; `base` columns come before the first lag.
fn choose(fit: &Fitted, lags: Lags, base: usize, most: usize) -> (usize, f64) {
    let n = fit.rows as f64;
    let deviance = |k: usize| n * (math::ln(std::f64::consts::TAU * fit.residual(k) / n) + 1.0);
    let penalty = match lags {
        Lags::TStat(_) => {
            let t = |p: usize| fit.t_value(base + p).abs();
            let p = (0..=most).rev().find(|p| t(*p) >= SIGNIFICANT).unwrap_or(0);
            return (p, t(p));
        }
        Lags::Bic(_) => math::ln(n),
        Lags::Aic(_) | Lags::Fixed(_) => 2.0,
    };
    let value = |p: usize| deviance(base + p) + penalty * (base + p) as f64;
    (1..=most).fold((0, value(0)), |best, p| {
        let v = value(p);
        if v < best.1 { (p, v) } else { best }
    })
}

/// A regression and, nested in it, those on its first k columns: by Householder's QR of the columns with the left side beside them.
struct Fitted {
    rows: usize,
    /// Diagonal of R.
    diagonal: Vec<f64>,
    /// Q' y.
    rotated: Vec<f64>,
    /// Sum of squares of what no column explains.
    rest: f64,
    /// Sum of squares of the left side.
    total: f64,
}

impl Fitted {
    /// Regresses differences on deterministic terms, level and `p` lagged differences; the level comes last when `level_last`.
    fn new(x: &[f64], trend: Trend, p: usize, level_last: bool) -> Result<Self, NumericsError> {
        let rows = x.len() - 1 - p;
        let difference = |from: usize| -> Vec<f64> { x[from..=from + rows].windows(2).map(|w| w[1] - w[0]).collect() };
        let mut columns: Vec<Vec<f64>> = Vec::with_capacity(trend.terms() + p + 1);
        for power in 0..trend.terms() {
            columns.push((1..=rows).map(|t| (t as f64).powi(power as i32)).collect());
        }
        let level = x[p..p + rows].to_vec();
        let at = columns.len();
        columns.extend((1..=p).map(|i| difference(p - i)));
        columns.insert(if level_last { columns.len() } else { at }, level);
        Self::solve(columns, difference(p))
    }
    fn solve(mut columns: Vec<Vec<f64>>, mut y: Vec<f64>) -> Result<Self, NumericsError> {
        let (rows, k, total) = (y.len(), columns.len(), dot(&y, &y));
        let mut diagonal = Vec::with_capacity(k);
        let lengths: Vec<f64> = columns.iter().map(|c| dot(c, c).sqrt()).collect();
        for j in 0..k {
            let (done, ahead) = columns.split_at_mut(j + 1);
            let v = &mut done[j][j..];
            let norm = dot(v, v).sqrt();
            if norm <= COLLINEAR * lengths[j] {
                return Err(NumericsError::Collinear(WHAT));
            }
            let alpha = if v[0] > 0.0 { -norm } else { norm };
            // v becomes Householder's vector; |v|^2 / 2 = norm (norm + |v_0|).
            let scale = 1.0 / (norm * (norm + v[0].abs()));
            v[0] -= alpha;
            diagonal.push(alpha);
            for c in ahead.iter_mut().map(|c| &mut c[j..]).chain([&mut y[j..]]) {
                let s = scale * dot(v, c);
                c.iter_mut().zip(v.iter()).for_each(|(c, v)| *c -= s * v);
            }
        }
        let rest = dot(&y[k..], &y[k..]);
        y.truncate(k);
        Ok(Self { rows, diagonal, rotated: y, rest, total })
    }
    fn columns(&self) -> usize {
        self.diagonal.len()
    }
    /// Sum of squared residuals of the regression on the first k columns.
    fn residual(&self, k: usize) -> f64 {
        self.rest + self.rotated[k..].iter().rev().map(|z| z * z).sum::<f64>()
    }
    /// t value of the last coefficient of the regression on the first k columns.
    fn t_value(&self, k: usize) -> f64 {
        let s2 = self.residual(k) / (self.rows - k) as f64;
        self.rotated[k - 1] * self.diagonal[k - 1].signum() / s2.sqrt()
    }
}

/// Inner product in eight partial sums, so that it is vectorised.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a8.zip(b8) {
        for ((s, x), y) in sums.iter_mut().zip(x).zip(y) {
            *s += x * y;
        }
    }
    sums.iter().sum::<f64>() + tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::testkit::Rng;

    #[test]
    fn by_hand() {
        // x = 0, 1, 1, 3 without terms or lags: differences 1, 0, 2 on levels 0, 1, 1. gamma = 2 / 2 = 1, residuals 1, -1, 1,
        // s^2 = 3 / 2, t = 1 / sqrt(1.5 / 2).
        let a = adf(&[0.0, 1.0, 1.0, 3.0], Trend::None, Lags::Fixed(0)).unwrap();
        assert!((a.statistic - 1.0 / 0.75_f64.sqrt()).abs() < 1e-15, "{a:?}");
        assert_eq!((a.lags, a.observations, a.criterion), (0, 3, None));
    }

    #[test]
    fn critical_values_lie_where_the_p_values_say() {
        for (t, trend) in [Trend::None, Trend::Constant, Trend::Linear, Trend::Quadratic].into_iter().enumerate() {
            for n in 1..=MAX_VARIABLES {
                let Some(c) = critical_values(trend, n, None) else {
                    assert!(t == 0 && n > 1);
                    continue;
                };
                for (c, p) in c.into_iter().zip([0.01, 0.05, 0.1]) {
                    // Two papers, two simulations: they agree to a few per cent of the level.
                    let got = p_value(c, trend, n).unwrap();
                    assert!((got / p - 1.0).abs() < 0.05, "{trend:?} {n}: {got} at the {p} critical value");
                }
            }
        }
        assert_eq!((p_value(0.0, Trend::Constant, 0), p_value(0.0, Trend::Constant, 7)), (None, None));
        assert_eq!(p_value(f64::NEG_INFINITY, Trend::Constant, 2), Some(0.0));
        assert_eq!(critical_values(Trend::Constant, 7, None), None);
    }

    #[test]
    fn a_random_walk_is_kept_and_a_stationary_series_rejected_as_often_as_promised() {
        let mut rng = Rng(7);
        let (mut walks, mut mean_reverting) = (0, 0);
        for _ in 0..400 {
            let (mut w, mut s) = (0.0, 0.0);
            let series: Vec<(f64, f64)> = (0..250)
                .map(|_| {
                    let e = rng.normal();
                    w += e;
                    s = 0.8 * s + e;
                    (w, s)
                })
                .collect();
            let rejects = |x: Vec<f64>| usize::from(adf(&x, Trend::Constant, Lags::Bic(None)).unwrap().p_value < 0.05);
            walks += rejects(series.iter().map(|p| p.0).collect());
            mean_reverting += rejects(series.iter().map(|p| p.1).collect());
        }
        // 400 trials at 5 %: 20 expected, standard deviation 4.4.
        println!("{walks} of 400 random walks rejected, {mean_reverting} of 400 AR(0.8)");
        assert!((7..=36).contains(&walks) && mean_reverting >= 390, "{walks} {mean_reverting}");
    }

    #[test]
    fn unusable_series_are_refused() {
        let bad = |x: &[f64], trend, lags| adf(x, trend, lags).unwrap_err();
        let short = bad(&[1.0, 2.0, 4.0], Trend::Linear, Lags::Fixed(0));
        assert!(matches!(short, NumericsError::TooFew { needed: 6, got: 3, .. }), "{short}");
        assert!(matches!(
            bad(&[1.0, 2.0, 4.0, 3.0, 1.0, 2.0], Trend::Constant, Lags::Fixed(2)),
            NumericsError::TooFew { needed: 8, got: 6, .. }
        ));
        let nan = bad(&[1.0, f64::NAN, 2.0, 4.0, 5.0, 1.0], Trend::None, Lags::Fixed(0));
        assert!(matches!(nan, NumericsError::BadValue { index: 1, .. }), "{nan}");
        assert!(matches!(bad(&[3.0; 50], Trend::Constant, Lags::Aic(None)), NumericsError::Constant(_)));
        let line: Vec<f64> = (0..50).map(f64::from).collect();
        assert!(matches!(bad(&line, Trend::Linear, Lags::Aic(None)), NumericsError::Collinear(_)));
        assert!(matches!(bad(&line, Trend::Constant, Lags::Fixed(0)), NumericsError::ExactFit(_)));
        assert_eq!(max_lags(100, Trend::Constant), Some((48, 12)));
        assert_eq!(max_lags(3, Trend::Quadratic), None);
    }
}
