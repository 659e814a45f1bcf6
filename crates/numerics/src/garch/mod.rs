//! GARCH(1,1) and GJR-GARCH(1,1,1) by maximum likelihood, with robust standard errors and forecasts.
//!
//! r_t = mu + e_t, e_t = sqrt(h_t) z_t, h_t = omega + (alpha + gamma [e_{t-1} < 0]) e_{t-1}^2 + beta h_{t-1}
//! with z standard normal or standardised Student t (Bollerslev 1986, J. Econometrics 31; Bollerslev 1987, REStat 69;
//! Glosten, Jagannathan & Runkle 1993, J. Finance 48). Conventions are those of the Python package `arch`: the variance before the
//! sample is an exponentially weighted mean of the first 75 squared residuals, and its sign counts as half negative. With
//! [`Init::Sample`] it is that of the benchmark of Fiorentini, Calzolari & Panattoni (1996).

mod coordinates;
mod fit;
mod likelihood;
mod linear;

use serde::{Deserialize, Serialize};

pub use fit::fit;

use crate::{NumericsError, math};
use likelihood::{Before, Series, Vector, evaluate};

/// Fewest observations a model is fitted to.
pub const MIN_OBSERVATIONS: usize = 50;

/// The variance (and squared residual) before the first return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Init {
    /// The exponentially weighted mean of the first squared residuals around the sample's mean ([`backcast`]), as in `arch`.
    #[default]
    Ewma,
    /// The mean of all squared residuals, as in Bollerslev (1986) and Fiorentini, Calzolari & Panattoni (1996, J. Applied Econometrics 11).
    Sample,
}

/// Which model is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spec {
    /// Whether falls raise variance more than rises (GJR's gamma).
    pub gjr: bool,
    /// Student t innovations instead of normal ones.
    pub student_t: bool,
    /// A constant mean instead of zero.
    pub constant_mean: bool,
    /// omega from the sample variance, times 1 - persistence, instead of free (Engle & Mezrich 1996, Risk 9).
    pub variance_targeting: bool,
    /// The variance before the sample.
    pub init: Init,
}

impl Spec {
    /// The variance before the returns.
    fn before(self, returns: &[f64]) -> Before {
        match (self.init, self.constant_mean) {
            (Init::Ewma, constant) => {
                let centre = centre(returns, constant);
                Before::Fixed(backcast(returns.iter().map(|r| r - centre)))
            }
            (Init::Sample, true) => Before::sample(returns),
            (Init::Sample, false) => Before::Fixed(returns.iter().map(|r| r * r).sum::<f64>() / returns.len() as f64),
        }
    }
}

/// Parameters of a model, in the units of the returns they were fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Mean return.
    pub mu: f64,
    /// Constant part of the variance, above zero.
    pub omega: f64,
    /// Weight of the last squared residual.
    pub alpha: f64,
    /// Further weight of it after a negative residual (GJR); 0 in GARCH.
    pub gamma: f64,
    /// Weight of the last variance.
    pub beta: f64,
    /// Degrees of freedom of Student t innovations, above 2.
    pub nu: Option<f64>,
}

impl Parameters {
    fn theta(&self) -> Vector {
        [self.mu, self.omega, self.alpha, self.alpha + self.gamma, self.beta, self.nu.unwrap_or(0.0)]
    }
    /// alpha + gamma / 2 + beta: how much of a variance shock is left one period later, for symmetric innovations.
    pub fn persistence(&self) -> f64 {
        self.alpha + 0.5 * self.gamma + self.beta
    }
    /// omega / (1 - persistence); `None` when the persistence is 1 or more.
    pub fn unconditional_variance(&self) -> Option<f64> {
        let gap = 1.0 - self.persistence();
        (gap > 1e-9).then(|| self.omega / gap)
    }
    /// Periods in which half of a variance shock is gone, ln(1/2) / ln(persistence); `None` when it never is.
    pub fn half_life(&self) -> Option<f64> {
        let p = self.persistence();
        (p > 0.0 && p < 1.0).then(|| -std::f64::consts::LN_2 / math::ln(p))
    }
    /// The next period's variance after the return `r`, whose variance was `h`.
    #[inline]
    pub fn next_variance(&self, h: f64, r: f64) -> f64 {
        let e = r - self.mu;
        let a = if e < 0.0 { self.alpha + self.gamma } else { self.alpha };
        self.omega + a * e * e + self.beta * h
    }
    /// The variance expected `k` periods ahead (k = 1 is the next one) when the next period's is `h`:
    /// v + p^(k-1) (h - v) with persistence p and unconditional variance v; at p = 1 it is h + (k - 1) omega.
    pub fn variance_ahead(&self, h: f64, k: u32) -> f64 {
        let steps = f64::from(k.saturating_sub(1));
        match self.unconditional_variance() {
            Some(v) => v + math::powf(self.persistence(), steps) * (h - v),
            None => h + steps * self.omega,
        }
    }
    /// The mean variance expected over the next `k` periods when the next one's is `h`:
    /// v + (h - v) (1 - p^k) / (k (1 - p)); at p = 1 it is h + omega (k - 1) / 2.
    pub fn mean_variance(&self, h: f64, k: u32) -> f64 {
        let k = f64::from(k.max(1));
        match self.unconditional_variance() {
            Some(v) => {
                let p = self.persistence();
                // 1 - p^k without cancellation when p is close to 1.
                let weight = if p > 0.0 { -math::exp_m1(k * math::ln(p)) / (k * (1.0 - p)) } else { 1.0 / k };
                v + (h - v) * weight
            }
            None => h + 0.5 * (k - 1.0) * self.omega,
        }
    }
}

/// Robust standard errors of the parameters; `None` for those that are not estimated freely, and for all of them when the
/// likelihood is flat in some direction.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct StdErrors {
    /// Of the mean.
    pub mu: Option<f64>,
    /// Of omega; `None` with variance targeting.
    pub omega: Option<f64>,
    /// Of alpha.
    pub alpha: Option<f64>,
    /// Of gamma.
    pub gamma: Option<f64>,
    /// Of beta.
    pub beta: Option<f64>,
    /// Of nu.
    pub nu: Option<f64>,
}

/// A fitted model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Which model.
    pub spec: Spec,
    /// Its parameters.
    pub parameters: Parameters,
    /// Bollerslev-Wooldridge standard errors; with variance targeting given the sample variance.
    pub std_errors: StdErrors,
    /// Log-likelihood.
    pub log_likelihood: f64,
    /// Number of observations.
    pub observations: usize,
    /// Variance of the period after the last observation.
    pub next_variance: f64,
    /// Passes over the data it took.
    pub evaluations: usize,
}

impl Fit {
    /// Number of estimated parameters (a targeted omega counts: it is estimated too).
    pub fn parameter_count(&self) -> usize {
        3 + usize::from(self.spec.gjr) + usize::from(self.spec.student_t) + usize::from(self.spec.constant_mean)
    }
    /// Akaike's criterion, 2 k - 2 ln L.
    pub fn aic(&self) -> f64 {
        2.0 * self.parameter_count() as f64 - 2.0 * self.log_likelihood
    }
    /// Schwarz's criterion, k ln n - 2 ln L.
    pub fn bic(&self) -> f64 {
        self.parameter_count() as f64 * math::ln(self.observations as f64) - 2.0 * self.log_likelihood
    }
}

/// The variance before the sample: the mean of the first 75 (or all) squared residuals with weights 0.94^i.
pub fn backcast(residuals: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut weights, mut w) = (0.0, 0.0, 1.0);
    for e in residuals.take(75) {
        sum += w * e * e;
        weights += w;
        w *= 0.94;
    }
    if weights > 0.0 { sum / weights } else { 0.0 }
}

/// The mean that the backcast is taken around: that of the returns, or zero when the model has none.
fn centre(returns: &[f64], constant_mean: bool) -> f64 {
    if constant_mean { returns.iter().sum::<f64>() / returns.len() as f64 } else { 0.0 }
}

/// The log-likelihood of returns under given parameters.
///
/// # Errors
/// Without returns, and when the parameters or returns give no finite likelihood.
pub fn log_likelihood(returns: &[f64], p: &Parameters, spec: Spec) -> Result<f64, NumericsError> {
    if returns.is_empty() {
        return Err(NumericsError::TooFew { what: "GARCH log-likelihood", needed: 1, got: 0 });
    }
    // In units of the variance before the sample, so that products of variances stay in range.
    let [before, ..] = spec.before(returns).at(p.mu);
    let unit = if before > 0.0 { before.sqrt() } else { 1.0 };
    let y: Vec<f64> = returns.iter().map(|r| r / unit).collect();
    let mut theta = p.theta();
    theta[likelihood::MU] /= unit;
    theta[likelihood::OMEGA] /= unit * unit;
    let before = Before::Fixed(before / (unit * unit));
    let (l, _) = evaluate(Series { y: &y, before }, &theta, p.nu.is_some(), false);
    let l = l - returns.len() as f64 * math::ln(unit);
    if l.is_finite() {
        Ok(l)
    } else {
        Err(NumericsError::BadValue {
            what: "GARCH log-likelihood",
            index: 0,
            value: l,
            expected: "a finite likelihood",
        })
    }
}

/// The conditional variances of returns under given parameters, and last that of the period after them.
pub fn conditional_variances(returns: &[f64], p: &Parameters, spec: Spec) -> Vec<f64> {
    let [start, ..] = spec.before(returns).at(p.mu);
    let mut h = p.omega + p.persistence() * start;
    let mut out = Vec::with_capacity(returns.len() + 1);
    for &r in returns {
        out.push(h);
        h = p.next_variance(h, r);
    }
    out.push(h);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parameters(alpha: f64, gamma: f64, beta: f64) -> Parameters {
        Parameters { mu: 0.0, omega: 0.1, alpha, gamma, beta, nu: None }
    }

    #[test]
    fn forecasts_by_hand() {
        // Persistence 0.1 + 0.1 / 2 + 0.75 = 0.9, long-run variance 0.1 / 0.1 = 1; from 2: 2, 1.9, 1.81.
        let p = parameters(0.1, 0.1, 0.75);
        assert!((p.persistence() - 0.9).abs() < 1e-15);
        assert!((p.unconditional_variance().unwrap() - 1.0).abs() < 1e-14);
        for (k, v) in [(1, 2.0), (2, 1.9), (3, 1.81)] {
            assert!((p.variance_ahead(2.0, k) - v).abs() < 1e-14);
        }
        assert!((p.mean_variance(2.0, 3) - 5.71 / 3.0).abs() < 1e-14);
        assert!((p.half_life().unwrap() - 6.578_813_478_960_585).abs() < 1e-9);
        // 0.1 + 0.2 * 4 + 0.75 * 2 after a fall of 2; 0.1 + 0.1 * 4 + 1.5 after a rise.
        assert!((p.next_variance(2.0, -2.0) - 2.4).abs() < 1e-15);
        assert!((p.next_variance(2.0, 2.0) - 2.0).abs() < 1e-15);
        // Integrated: no way back.
        let p = parameters(0.1, 0.0, 0.9);
        assert_eq!((p.unconditional_variance(), p.half_life()), (None, None));
        assert!((p.mean_variance(2.0, 3) - 2.1).abs() < 1e-14);
    }

    #[test]
    fn backcast_weighs_the_first_75() {
        assert!((backcast([3.0; 200].into_iter()) - 9.0).abs() < 1e-13);
        assert!((backcast([1.0, 2.0].into_iter()) - (1.0 + 0.94 * 4.0) / 1.94).abs() < 1e-15);
        assert_eq!(backcast(std::iter::empty()), 0.0);
    }

    #[test]
    fn unusable_series_are_refused() {
        let spec = Spec::default();
        let good: Vec<f64> = (0..100).map(|i| 0.01 * (f64::from(i * i)).sin()).collect();
        assert!(matches!(fit(&good[..49], spec, None), Err(NumericsError::TooFew { needed: 50, got: 49, .. })));
        let mut bad = good.clone();
        bad[7] = f64::NAN;
        assert!(matches!(fit(&bad, spec, None), Err(NumericsError::BadValue { index: 7, .. })));
        for constant in [0.0, 0.01] {
            let spec = Spec { constant_mean: true, ..spec };
            assert!(matches!(fit(&[constant; 100], spec, None), Err(NumericsError::Constant(_))));
        }
        let p = parameters(0.1, 0.0, 0.8);
        assert!(log_likelihood(&[], &p, Spec::default()).is_err());
        assert!(log_likelihood(&bad, &p, Spec::default()).is_err());
    }

    proptest! {
        #[test]
        fn mean_variance_is_the_mean_of_variances(
            alpha in 0.0..0.3f64, gamma in 0.0..0.3f64, beta in 0.0..0.7f64, h in 0.01..50.0f64, k in 1u32..300,
        ) {
            // Persistence up to 1.15 is cut to what a fit can give: at most 1.
            let scale = (1.0 / (alpha + 0.5 * gamma + beta)).min(1.0);
            let p = parameters(alpha * scale, gamma * scale, beta * scale);
            let mut v = h;
            let mut sum = 0.0;
            for i in 1..=k {
                prop_assert!((p.variance_ahead(h, i) / v - 1.0).abs() < 1e-8);
                sum += v;
                v = p.omega + p.persistence() * v;
            }
            prop_assert!((p.mean_variance(h, k) * f64::from(k) / sum - 1.0).abs() < 1e-8);
        }

        #[test]
        fn any_fit_is_admissible(seed in 0u64..1_000_000, n in 50usize..200, b in 0u8..32) {
            let mut x = seed as f64 / 1e6 + 0.1;
            let returns: Vec<f64> = (0..n)
                .map(|i| {
                    x = 3.99 * x.fract() * (1.0 - x.fract());
                    (x - 0.5) * if i % 40 < 10 { 0.05 } else { 0.01 }
                })
                .collect();
            let spec = Spec {
                gjr: b & 1 > 0,
                student_t: b & 2 > 0,
                constant_mean: b & 4 > 0,
                variance_targeting: b & 8 > 0,
                init: if b & 16 > 0 { Init::Sample } else { Init::Ewma },
            };
            if let Ok(f) = fit(&returns, spec, None) {
                let p = f.parameters;
                prop_assert!(p.omega > 0.0 && p.alpha >= 0.0 && p.alpha + p.gamma >= 0.0 && p.beta >= 0.0);
                prop_assert!(p.persistence() <= 1.0 + 1e-9 && f.next_variance > 0.0 && f.next_variance.is_finite());
                let l = log_likelihood(&returns, &p, spec).unwrap();
                prop_assert!((l - f.log_likelihood).abs() < 1e-6 * (1.0 + l.abs()), "{l} {}", f.log_likelihood);
            }
        }
    }
}
