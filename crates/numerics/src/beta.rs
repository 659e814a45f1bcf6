//! How much one return moves with another: regression by least squares, with lags, with exponential weights, and with coefficients
//! that drift (Kalman filter); shrinkage, and what a hedge by it is worth.

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
    invert(&mut xx, k).ok_or(NumericsError::Constant("the market of a beta after its lags"))?;
    let coefficient: Lagged = std::array::from_fn(|i| (0..k).map(|j| xx[i][j] * xy[j]).sum());
    let alpha = my - (0..k).map(|i| coefficient[i] * mx[i]).sum::<f64>();
    // From the residuals themselves: differences of sums would lose what little a good fit leaves.
    let sse: f64 = rows.map(|(y, x)| (y - alpha - (0..k).map(|i| coefficient[i] * x[i]).sum::<f64>()).powi(2)).sum();
    let noise = sse / (n - k - 1) as f64;
    let total: f64 = (0..k).flat_map(|i| (0..k).map(move |j| (i, j))).map(|(i, j)| xx[i][j]).sum();
    Ok(Beta {
        beta: coefficient[..k].iter().sum(),
        se: (noise * total.max(0.0)).sqrt(),
        alpha,
        r2: (1.0 - sse / yy).clamp(0.0, 1.0),
        noise,
        observations: t,
    })
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

/// Regression whose beta follows a random walk: y_t = alpha + beta_t x_t + e_t, beta_t = beta_{t-1} + u_t, filtered (Kalman 1960; as
/// Harvey 1989, section 3.2), with u of standard deviation `drift` and e of variance R.
///
/// The first `start` pairs give state, covariance and R by least squares, which is the exact diffuse start; without drift and with
/// R fixed the rest is recursive least squares (statsmodels `RecursiveLS`). R then follows the innovations v of variance F:
/// R <- R + (v^2 R / F - R) / min(t - 2, memory), so that it is the residual variance of all pairs at first and forgets later; with
/// `memory` 0 it stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KalmanBeta {
    drift: f64,
    memory: usize,
    start: usize,
    /// The newest pairs, until there is a state.
    first: Vec<(f64, f64)>,
    count: usize,
    filter: Option<Filter>,
    why: Option<Unidentified>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Unidentified {
    Market,
    Asset,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Filter {
    alpha: f64,
    beta: f64,
    /// Covariance of alpha and beta: aa, ab, bb.
    p: [f64; 3],
    noise: f64,
    /// Mean and variance of x, as R forgets.
    x: [f64; 2],
}

impl KalmanBeta {
    /// Started from `start` pairs (at least 4), with a random walk of standard deviation `drift` a step, and R forgetting after
    /// `memory` pairs.
    pub fn new(start: usize, drift: f64, memory: usize) -> Self {
        let start = start.max(4);
        Self { drift, memory, start, first: Vec::with_capacity(start), count: 0, filter: None, why: None }
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
        match &mut self.filter {
            Some(f) => f.step(y, x, self.drift, self.memory, self.count),
            None => {
                if self.first.len() == self.start {
                    self.first.rotate_left(1);
                    self.first.pop();
                }
                self.first.push((y, x));
                if self.first.len() == self.start {
                    self.begin();
                }
            }
        }
    }
    fn begin(&mut self) {
        let rows = self.first.iter().map(|(y, x)| (*y, [*x, 0.0, 0.0, 0.0, 0.0, 0.0]));
        match regress(rows, 1) {
            Ok(b) => {
                let n = self.first.len() as f64;
                let mean = self.first.iter().map(|p| p.1).sum::<f64>() / n;
                let xx: f64 = self.first.iter().map(|p| (p.1 - mean).powi(2)).sum();
                let r = b.noise;
                let p = [r * (1.0 / n + mean * mean / xx), -r * mean / xx, r / xx];
                let x = [mean, xx / n];
                self.filter = Some(Filter { alpha: b.alpha, beta: b.beta, p, noise: r, x });
                (self.count, self.why) = (self.start, None);
            }
            Err(NumericsError::Constant("the asset of a beta")) => self.why = Some(Unidentified::Asset),
            Err(_) => self.why = Some(Unidentified::Market),
        }
    }
    /// The state of the regression.
    ///
    /// # Errors
    /// Fewer pairs than it starts from, or a market or asset that was constant ever since.
    pub fn estimate(&self) -> Result<Beta, NumericsError> {
        match (self.filter, self.why) {
            (Some(f), _) => {
                let explained = f.beta * f.beta * f.x[1];
                let r2 = explained / (explained + f.noise);
                let observations = if self.memory > 0 { self.count.min(self.memory) } else { self.count } as f64;
                let se = f.p[2].max(0.0).sqrt();
                let r2 = if r2.is_finite() { r2 } else { 0.0 };
                Ok(Beta { beta: f.beta, se, alpha: f.alpha, r2, noise: f.noise, observations })
            }
            (None, Some(Unidentified::Market)) => Err(NumericsError::Constant("the market of a beta")),
            (None, Some(Unidentified::Asset)) => Err(NumericsError::Constant("the asset of a beta")),
            (None, None) => Err(NumericsError::TooFew { what: WHAT, needed: self.start, got: self.first.len() }),
        }
    }
}

impl Filter {
    fn step(&mut self, y: f64, x: f64, drift: f64, memory: usize, count: usize) {
        let [aa, ab, bb] = [self.p[0], self.p[1], self.p[2] + drift * drift];
        let r = self.noise;
        let v = y - self.alpha - self.beta * x;
        let (ga, gb) = (aa + ab * x, ab + bb * x);
        let f = ga + gb * x + r;
        // Without any uncertainty there is nothing to learn.
        if f > 0.0 {
            let (ka, kb) = (ga / f, gb / f);
            self.alpha += ka * v;
            self.beta += kb * v;
            // Joseph's form (I - kz') P (I - kz')' + R k k', which stays positive.
            let (ia, ib, ja, jb) = (1.0 - ka, -ka * x, -kb, 1.0 - kb * x);
            self.p = [
                ia * ia * aa + 2.0 * ia * ib * ab + ib * ib * bb + r * ka * ka,
                ia * ja * aa + (ia * jb + ib * ja) * ab + ib * jb * bb + r * ka * kb,
                ja * ja * aa + 2.0 * ja * jb * ab + jb * jb * bb + r * kb * kb,
            ];
        }
        if memory > 0 {
            let weight = 1.0 / count.saturating_sub(2).min(memory).max(1) as f64;
            // A fit without any residual would otherwise never learn that there is noise.
            let seen = if r > 0.0 { v * v * r / f } else { v * v };
            self.noise += (seen - r) * weight;
        }
        let weight = 1.0 / count.min(memory.max(2)).max(1) as f64;
        let d = x - self.x[0];
        self.x[0] += weight * d;
        self.x[1] += weight * (d * (x - self.x[0]) - self.x[1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::testkit::Rng;

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
