//! How much one return moves with another: regression by least squares, with lags, with exponential weights, and with coefficients
//! that drift (Kalman filter); shrinkage, and what a hedge by it is worth.

mod kalman;
mod rolling;

pub use kalman::KalmanBeta;
pub use rolling::RollingBeta;

use serde::{Deserialize, Serialize};

use crate::NumericsError;

/// Most lags of [`dimson`].
pub const MAX_LAGS: usize = 5;

/// Regressors at one moment: the market's return now, and those before it, newest first.
pub type Lagged = [f64; MAX_LAGS + 1];

/// The outcome of a regression y = alpha + beta x + e.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Beta {
    /// Slope (with lags, their sum).
    pub beta: f64,
    /// Standard error of the slope.
    pub se: f64,
    /// Intercept.
    pub alpha: f64,
    /// Share of the variance of y that is explained, in [0, 1].
    pub r2: f64,
    /// Variance of the residuals.
    pub noise: f64,
    /// Observations; with weights, how many equally weighted ones they are worth.
    pub observations: f64,
}

const WHAT: &str = "a beta";

/// Below this share of its own size, what is left of a regressor after the others is rounding.
const SINGULAR: f64 = 1e-12;

/// The matrix with its first `k` rows inverted in place (symmetric, positive definite); `None` when it is singular.
fn invert(m: &mut [Lagged; MAX_LAGS + 1], k: usize) -> Option<()> {
    let size: Lagged = std::array::from_fn(|i| m[i][i]);
    // Sweep operator (Goodnight 1979): each pivot is what is left of a regressor after those before it.
    for p in 0..k {
        let pivot = m[p][p];
        if pivot.is_nan() || pivot <= SINGULAR * size[p] || pivot <= 0.0 {
            return None;
        }
        for i in (0..k).filter(|i| *i != p) {
            let f = m[i][p] / pivot;
            for j in (0..k).filter(|j| *j != p) {
                m[i][j] -= f * m[p][j];
            }
        }
        for i in (0..k).filter(|i| *i != p) {
            m[i][p] /= pivot;
            m[p][i] /= -pivot;
        }
        m[p][p] = 1.0 / pivot;
    }
    Some(())
}

/// Regression of y on a constant and the first `regressors` (1 to 6) of each row's x by least squares; beta is the sum of their
/// coefficients, its standard error that of the sum, sqrt(s^2 1' (X'X)^-1 1) over the slopes, with s^2 = SSE / (n - regressors - 1)
/// (statsmodels `OLS`, `cov_type="nonrobust"`).
///
/// With lagged regressors this is the beta of Dimson (1979), eq. 5, of lags alone: leads are not known in time.
///
/// # Errors
/// Fewer than `regressors` + 3 rows, a value that is not finite, a market (or its lags) without variation of its own, or a constant y.
pub fn regress(rows: impl Iterator<Item = (f64, Lagged)> + Clone, regressors: usize) -> Result<Beta, NumericsError> {
    let k = regressors.clamp(1, MAX_LAGS + 1);
    let (mut n, mut my, mut mx) = (0_usize, 0.0, [0.0; MAX_LAGS + 1]);
    for (y, x) in rows.clone() {
        if let Some(value) = std::iter::once(y).chain(x[..k].iter().copied()).find(|v| !v.is_finite()) {
            return Err(NumericsError::BadValue { what: WHAT, index: n, value, expected: "a finite return" });
        }
        n += 1;
        my += y;
        mx.iter_mut().zip(x).for_each(|(m, x)| *m += x);
    }
    if n < k + 3 {
        return Err(NumericsError::TooFew { what: WHAT, needed: k + 3, got: n });
    }
    let t = n as f64;
    my /= t;
    mx.iter_mut().for_each(|m| *m /= t);
    let (mut xx, mut xy, mut yy) = ([[0.0; MAX_LAGS + 1]; MAX_LAGS + 1], [0.0; MAX_LAGS + 1], 0.0);
    for (y, x) in rows.clone() {
        let (dy, d): (f64, Lagged) = (y - my, std::array::from_fn(|i| x[i] - mx[i]));
        yy += dy * dy;
        for i in 0..k {
            xy[i] += d[i] * dy;
            for j in 0..k {
                xx[i][j] += d[i] * d[j];
            }
        }
    }
    let varies = |s: f64, mean: f64| s > t * (8.0 * f64::EPSILON * mean).powi(2) && s > f64::MIN_POSITIVE;
    if !(0..k).all(|i| varies(xx[i][i], mx[i])) {
        return Err(NumericsError::Constant("the market of a beta"));
    }
    if !varies(yy, my) {
        return Err(NumericsError::Constant("the asset of a beta"));
    }
    let (coefficient, total) = solve(&mut xx, &xy, k)?;
    let alpha = my - (0..k).map(|i| coefficient[i] * mx[i]).sum::<f64>();
    // From the residuals themselves: differences of sums would lose what little a good fit leaves.
    let sse: f64 = rows.map(|(y, x)| (y - alpha - (0..k).map(|i| coefficient[i] * x[i]).sum::<f64>()).powi(2)).sum();
    Ok(outcome(&coefficient[..k], total, alpha, sse, yy, t))
}

/// Coefficients from sums of products of deviations, and the sum of the entries of the inverse, by which the error of their sum goes.
fn solve(xx: &mut [Lagged; MAX_LAGS + 1], xy: &Lagged, k: usize) -> Result<(Lagged, f64), NumericsError> {
    invert(xx, k).ok_or(NumericsError::Constant("the market of a beta after its lags"))?;
    let total = (0..k).flat_map(|i| (0..k).map(move |j| (i, j))).map(|(i, j)| xx[i][j]).sum();
    Ok((std::array::from_fn(|i| (0..k).map(|j| xx[i][j] * xy[j]).sum()), total))
}

fn outcome(coefficient: &[f64], total: f64, alpha: f64, sse: f64, yy: f64, t: f64) -> Beta {
    let noise = sse / (t - coefficient.len() as f64 - 1.0);
    Beta {
        beta: coefficient.iter().sum(),
        se: (noise * total.max(0.0)).sqrt(),
        alpha,
        r2: (1.0 - sse / yy).clamp(0.0, 1.0),
        noise,
        observations: t,
    }
}

/// Regression of `y` on a constant and `x`; see [`regress`].
///
/// # Errors
/// As [`regress`], or slices of different lengths.
pub fn ols(y: &[f64], x: &[f64]) -> Result<Beta, NumericsError> {
    dimson(y, x, 0)
}

/// Regression of `y` on a constant, `x` and its last `lags` values; see [`regress`]. The first `lags` rows serve as lags only.
///
/// # Errors
/// As [`regress`], or slices of different lengths.
pub fn dimson(y: &[f64], x: &[f64], lags: usize) -> Result<Beta, NumericsError> {
    if y.len() != x.len() {
        return Err(NumericsError::TooFew { what: WHAT, needed: y.len().max(x.len()), got: y.len().min(x.len()) });
    }
    let lags = lags.min(MAX_LAGS);
    let at = |i: usize| -> Lagged { std::array::from_fn(|j| if j <= lags { x[i - j] } else { 0.0 }) };
    regress((lags..y.len()).map(|i| (y[i], at(i))), lags + 1)
}

/// The share of the market to sell against `y` for the least variance: cov(y, x) / var(x), which is the slope of [`ols`]
/// (Ederington 1979).
///
/// # Errors
/// As [`ols`].
pub fn minimum_variance_ratio(y: &[f64], x: &[f64]) -> Result<f64, NumericsError> {
    ols(y, x).map(|b| b.beta)
}

/// What a hedge takes away: 1 - variance of the hedged returns over that of the unhedged (Ederington 1979); negative when it adds.
pub fn effectiveness(unhedged_variance: f64, hedged_variance: f64) -> Option<f64> {
    let share = 1.0 - hedged_variance / unhedged_variance;
    (unhedged_variance > 0.0 && share.is_finite()).then_some(share)
}

/// A beta shrunk towards a prior: the two means weighted by their precisions (Vasicek 1973, eq. 14). Gives mean and standard deviation.
/// A prior without spread is the answer; a beta without error is kept.
pub fn vasicek(beta: f64, se: f64, prior_mean: f64, prior_sd: f64) -> (f64, f64) {
    let (a, b) = (prior_sd * prior_sd, se * se);
    if a + b <= 0.0 {
        return (beta, 0.0);
    }
    ((a * beta + b * prior_mean) / (a + b), (a * b / (a + b)).sqrt())
}

/// Regression with exponential weights: lambda^age on each pair, updated in O(1).
///
/// Coefficients as statsmodels `WLS` with these weights. The standard error is that of a weighted estimate from observations of equal
/// variance, s sqrt(sum w^2 d^2) / sum w d^2 with d the deviations of x, s^2 = (sum w e^2 / sum w) n / (n - 2) and
/// n = (sum w)^2 / sum w^2: weights here discount what is old, they do not say that it is noisier, as those of `WLS` do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EwmaBeta {
    lambda: f64,
    count: usize,
    weight: f64,
    mean: [f64; 2],
    xx: f64,
    xy: f64,
    yy: f64,
    /// Sums of w^2, w^2 x and w^2 x^2.
    squares: [f64; 3],
}

impl EwmaBeta {
    /// With decay `lambda` in (0, 1].
    pub fn new(lambda: f64) -> Self {
        Self { lambda, count: 0, weight: 0.0, mean: [0.0; 2], xx: 0.0, xy: 0.0, yy: 0.0, squares: [0.0; 3] }
    }
    /// How many pairs there were.
    pub fn len(&self) -> usize {
        self.count
    }
    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
    /// Takes a pair of finite values.
    pub fn push(&mut self, y: f64, x: f64) {
        self.count = self.count.saturating_add(1);
        let l = self.lambda;
        self.weight = l * self.weight + 1.0;
        let (dx, dy) = (x - self.mean[0], y - self.mean[1]);
        self.mean[0] += dx / self.weight;
        self.mean[1] += dy / self.weight;
        // West (1979): the deviations before and after the mean moved.
        self.xx = l * self.xx + dx * (x - self.mean[0]);
        self.xy = l * self.xy + dx * (y - self.mean[1]);
        self.yy = l * self.yy + dy * (y - self.mean[1]);
        let now = [1.0, x, x * x];
        self.squares = std::array::from_fn(|i| l * l * self.squares[i] + now[i]);
    }
    /// The regression so far.
    ///
    /// # Errors
    /// Fewer than four pairs or weights worth fewer, a constant market or asset.
    pub fn estimate(&self) -> Result<Beta, NumericsError> {
        let n = self.weight * self.weight / self.squares[0];
        if self.count < 4 || n.is_nan() || n <= 3.0 {
            return Err(NumericsError::TooFew { what: WHAT, needed: 4, got: if n > 0.0 { n as usize } else { 0 } });
        }
        let varies = |s: f64, mean: f64| s > self.weight * (8.0 * f64::EPSILON * mean).powi(2) && s > f64::MIN_POSITIVE;
        if !varies(self.xx, self.mean[0]) {
            return Err(NumericsError::Constant("the market of a beta"));
        }
        if !varies(self.yy, self.mean[1]) {
            return Err(NumericsError::Constant("the asset of a beta"));
        }
        let beta = self.xy / self.xx;
        let sse = (self.yy - beta * self.xy).max(0.0);
        let noise = sse / self.weight * n / (n - 2.0);
        let m = self.mean[0];
        let [s0, s1, s2] = self.squares;
        let d2 = (s2 - 2.0 * m * s1 + m * m * s0).max(0.0);
        Ok(Beta {
            beta,
            se: (noise * d2).sqrt() / self.xx,
            alpha: self.mean[1] - beta * m,
            r2: (1.0 - sse / self.yy).clamp(0.0, 1.0),
            noise,
            observations: n,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::testkit::{Rng, returns};

    #[test]
    fn by_hand() {
        // x = -1, 0, 1, -1, 0, 1 and y = 2 x + 3 + (1, -2, 1, -1, 2, -1): residuals without covariance with x.
        let x = [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0];
        let e = [1.0, -2.0, 1.0, -1.0, 2.0, -1.0];
        let y: Vec<f64> = x.iter().zip(e).map(|(x, e)| 2.0 * x + 3.0 + e).collect();
        let b = ols(&y, &x).unwrap();
        assert!((b.beta - 2.0).abs() < 1e-15 && (b.alpha - 3.0).abs() < 1e-15);
        // SSE 12 over 4 degrees of freedom, sum of squares of x 4; total 16 + 12.
        assert!((b.noise - 3.0).abs() < 1e-14 && (b.se - 0.75_f64.sqrt()).abs() < 1e-15);
        assert!((b.r2 - 16.0 / 28.0).abs() < 1e-15);
        assert_eq!(minimum_variance_ratio(&y, &x).unwrap(), b.beta);
        // Prior 1 with the variance of the estimate: half-way.
        let (m, s) = vasicek(2.0, 0.5, 1.0, 0.5);
        assert!((m - 1.5).abs() < 1e-15 && (s - 0.125_f64.sqrt()).abs() < 1e-15);
        assert_eq!((vasicek(2.0, 0.0, 1.0, 0.5), vasicek(2.0, 0.3, 1.0, 0.0).0), ((2.0, 0.0), 1.0));
        assert_eq!((effectiveness(4.0, 1.0), effectiveness(0.0, 1.0)), (Some(0.75), None));
    }

    #[test]
    fn a_delayed_answer_needs_lags() {
        let mut rng = Rng(3);
        let x: Vec<f64> = (0..4000).map(|_| 0.01 * rng.normal()).collect();
        let y: Vec<f64> =
            (0..4000).map(|i| 0.6 * x[i] + if i > 0 { 0.5 * x[i - 1] } else { 0.0 } + 0.005 * rng.normal()).collect();
        let (plain, lagged) = (ols(&y, &x).unwrap(), dimson(&y, &x, 1).unwrap());
        assert!((plain.beta - 0.6).abs() < 0.05 && (lagged.beta - 1.1).abs() < 4.0 * lagged.se, "{plain:?} {lagged:?}");
    }

    #[test]
    fn what_is_not_identified_is_typed() {
        let x = [0.01, -0.02, 0.01, 0.03, 0.0, 0.01, -0.01, 0.02];
        assert!(matches!(ols(&x[..3], &x[..3]), Err(NumericsError::TooFew { needed: 4, got: 3, .. })));
        assert_eq!(ols(&x, &[0.1; 8]), Err(NumericsError::Constant("the market of a beta")));
        assert_eq!(ols(&[0.1; 8], &x), Err(NumericsError::Constant("the asset of a beta")));
        assert!(matches!(ols(&x, &x[..5]), Err(NumericsError::TooFew { .. })));
        let mut bad = x;
        bad[3] = f64::NAN;
        assert!(matches!(ols(&x, &bad), Err(NumericsError::BadValue { index: 3, .. })));
        // A market that alternates is minus its own lag.
        let alternating: Vec<f64> = (0..12).map(|i| if i % 2 == 0 { 0.01 } else { -0.01 }).collect();
        let y: Vec<f64> = (0..12).map(|i| 0.001 * f64::from(i % 5)).collect();
        assert_eq!(dimson(&y, &alternating, 1), Err(NumericsError::Constant("the market of a beta after its lags")));
        let (mut e, mut k) = (EwmaBeta::new(0.9), KalmanBeta::new(4, 0.01, 50));
        for i in 0..6 {
            e.push(0.01 * f64::from(i), 0.1);
            k.push(0.01 * f64::from(i), 0.1);
        }
        let constant = Err(NumericsError::Constant("the market of a beta"));
        assert_eq!((e.estimate(), k.estimate()), (constant.clone(), constant));
        assert!(matches!(KalmanBeta::new(9, 0.0, 0).estimate(), Err(NumericsError::TooFew { needed: 9, got: 0, .. })));
        for (y, x) in [(0.01, 0.02), (0.03, 0.01), (0.0, -0.01), (-0.01, 0.03)] {
            k.push(y, x);
        }
        assert!(k.estimate().is_ok());
    }

    #[test]
    fn rolling_is_the_batch_form_of_its_window() {
        let (x, own) = (returns(1, 900), returns(2, 900));
        for k in [1, 3] {
            let mut rolling = RollingBeta::new(80, k);
            let rows: Vec<(f64, Lagged)> =
                (6..900).map(|i| (0.7 * x[i] + 0.2 * x[i - 1] + own[i], std::array::from_fn(|j| x[i - j]))).collect();
            for (i, (y, lagged)) in rows.iter().enumerate() {
                assert!(rolling.push(*y, lagged));
                let part = &rows[(i + 1).saturating_sub(80)..=i];
                match (rolling.estimate(), regress(part.iter().copied(), k)) {
                    (Ok(a), Ok(b)) => {
                        let close = |a: f64, b: f64| (a - b).abs() <= 1e-10 * b.abs().max(1e-3);
                        assert!(close(a.beta, b.beta) && close(a.se, b.se) && close(a.r2, b.r2), "{i}: {a:?} {b:?}");
                        assert!((a.alpha - b.alpha).abs() < 1e-14 && a.observations == b.observations);
                    }
                    (a, b) => assert_eq!(a, b),
                }
            }
        }
        // What stops moving is constant once the window has forgotten that it moved.
        let mut rolling = RollingBeta::new(20, 1);
        (0..30).for_each(|i| assert!(rolling.push(own[i], &[x[i], 0.0, 0.0, 0.0, 0.0, 0.0])));
        (0..20).for_each(|i| assert!(rolling.push(own[i], &[0.001; 6])));
        assert_eq!(rolling.estimate(), Err(NumericsError::Constant("the market of a beta")));
        assert!(!rolling.push(f64::NAN, &[0.0; 6]));
    }

    #[test]
    fn without_drift_and_forgetting_all_are_least_squares() {
        let mut rng = Rng(8);
        let x: Vec<f64> = (0..300).map(|_| 0.0003 + 0.01 * rng.normal()).collect();
        let y: Vec<f64> = x.iter().map(|x| 0.0001 + 1.3 * x + 0.008 * rng.normal()).collect();
        let want = ols(&y, &x).unwrap();
        let (mut e, mut k) = (EwmaBeta::new(1.0), KalmanBeta::new(40, 0.0, 0));
        x.iter().zip(&y).for_each(|(x, y)| {
            e.push(*y, *x);
            k.push(*y, *x);
        });
        let (e, k) = (e.estimate().unwrap(), k.estimate().unwrap());
        for (got, want) in [(e.beta, want.beta), (e.alpha, want.alpha), (e.se, want.se), (e.r2, want.r2)] {
            assert!((got / want - 1.0).abs() < 1e-10, "{e:?} {want:?}");
        }
        assert!(
            (k.beta / want.beta - 1.0).abs() < 1e-10 && (k.alpha / want.alpha - 1.0).abs() < 1e-8,
            "{k:?} {want:?}"
        );
        // Its error is by the noise of the first forty.
        assert!((k.se / (want.se * (k.noise / want.noise).sqrt()) - 1.0).abs() < 1e-10);
    }

    #[test]
    fn ten_million_pairs_do_not_drift() {
        let (mut e, mut k) = (EwmaBeta::new(0.97), KalmanBeta::new(60, 0.01, 252));
        let mut x = 0.3_f64;
        let mut last = Vec::new();
        for i in 0..10_000_000_u32 {
            x = 3.9 * x * (1.0 - x);
            let m = 0.02 * (x - 0.5);
            let y = 0.8 * m + 0.01 * (f64::from(i) * 0.7).sin();
            e.push(y, m);
            k.push(y, m);
            if i >= 9_998_000 {
                last.push((y, m));
            }
        }
        // Weights beyond two thousand pairs are below 1e-26.
        let mut exact = EwmaBeta::new(0.97);
        last.iter().for_each(|(y, m)| exact.push(*y, *m));
        let (a, b) = (e.estimate().unwrap(), exact.estimate().unwrap());
        assert!((a.beta / b.beta - 1.0).abs() < 1e-12 && (a.se / b.se - 1.0).abs() < 1e-12);
        let k = k.estimate().unwrap();
        assert!((k.beta - 0.8).abs() < 0.3 && k.se > 0.01 && k.se < 0.2, "{k:?}");
    }

    #[test]
    fn intervals_cover_what_they_say() {
        // Student-t noise with 5 degrees of freedom, 120 pairs; drifting beta for the filter.
        let trials = 4000;
        let mut inside = [0; 3];
        let mut rng = Rng(42);
        for _ in 0..trials {
            let (mut e, mut k) = (EwmaBeta::new(0.98), KalmanBeta::new(60, 0.02, 252));
            let mut rows = Vec::with_capacity(250);
            let mut drifting = 1.1;
            for _ in 0..250 {
                let x = 0.01 * rng.normal();
                let chi: f64 = (0..5).map(|_| rng.normal().powi(2)).sum();
                let noise = 0.012 * rng.normal() / (chi / 5.0).sqrt() * 0.6_f64.sqrt();
                rows.push((1.1 * x + noise, [x, 0.0, 0.0, 0.0, 0.0, 0.0]));
                e.push(1.1 * x + noise, x);
                drifting += 0.02 * rng.normal();
                k.push(drifting * x + noise, x);
            }
            let b = regress(rows[130..].iter().copied(), 1).unwrap();
            let (e, k) = (e.estimate().unwrap(), k.estimate().unwrap());
            for (i, (b, truth)) in [(b, 1.1), (e, 1.1), (k, drifting)].into_iter().enumerate() {
                inside[i] += i32::from((b.beta - truth).abs() <= 1.959_964 * b.se);
            }
        }
        let rates = inside.map(|n| f64::from(n) / f64::from(trials));
        println!("95 % intervals cover: ols {}, ewma {}, kalman {}", rates[0], rates[1], rates[2]);
        // Four binomial standard errors are 1.4 %.
        assert!(rates.iter().all(|r| (r - 0.95).abs() < 0.014), "{rates:?}");
    }
}
