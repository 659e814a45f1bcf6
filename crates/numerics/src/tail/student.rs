//! Student's t distribution with location and scale: maximum likelihood, value at risk and expected shortfall.

use serde::{Deserialize, Serialize};

use crate::{NumericsError, beta_distribution, math};

/// Range of the degrees of freedom that are looked for: from 200 on it is a normal distribution for all that can be seen.
pub const DEGREES: (f64, f64) = (0.5, 200.0);
/// Fewest observations.
pub const MIN_OBSERVATIONS: usize = 20;

/// A Student t distribution: location, scale (not the standard deviation) and degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StudentT {
    /// mu.
    pub location: f64,
    /// sigma, above zero.
    pub scale: f64,
    /// nu.
    pub degrees: f64,
    /// Log-likelihood of what it was fitted to.
    pub log_likelihood: f64,
}

/// ln of the density's constant, without the scale.
fn constant(nu: f64) -> f64 {
    math::ln_gamma(0.5 * (nu + 1.0)) - math::ln_gamma(0.5 * nu) - 0.5 * math::ln(nu * std::f64::consts::PI)
}

/// Probability of a standard t at most `t`, which is below zero: half the regularised incomplete beta function (Abramowitz & Stegun
/// 26.5.27).
fn lower_tail(t: f64, nu: f64) -> f64 {
    0.5 * beta_distribution::cdf(nu / (nu + t * t), 0.5 * nu, 0.5)
}

/// The `p` quantile of a standard t for p below 1/2: bisection on a logarithmic scale until Newton's steps on ln P converge.
fn quantile(p: f64, nu: f64) -> f64 {
    let (mut near, mut far) = (1e-8_f64, 1.0);
    while lower_tail(-far, nu) > p && far < 1e150 {
        near = far;
        far *= 4.0;
    }
    let density = |t: f64| math::exp(constant(nu) - 0.5 * (nu + 1.0) * math::ln_1p(t * t / nu));
    let mut t = (near * far).sqrt();
    for _ in 0..200 {
        let below = lower_tail(-t, nu);
        *if below > p { &mut near } else { &mut far } = t;
        // d ln P / dt = -f / P on this side.
        let step = math::ln(below / p) * below / density(t);
        let next = t + step;
        let next = if next > near && next < far { next } else { 0.5 * (near + far) };
        if (next - t).abs() <= 1e-15 * t || far - near <= 1e-15 * far {
            return -next;
        }
        t = next;
    }
    -t
}

/// Location and scale for given degrees of freedom, by iteratively reweighted means: the EM algorithm with the scale over the sum
/// of the weights, which converges faster (Kent, Tyler & Vardi 1994; Liu, Rubin & Wu 1998). Starts from what is given; `tolerance` is relative.
fn reweigh(x: &[f64], nu: f64, tolerance: f64, mu: &mut f64, var: &mut f64) {
    for _ in 0..200 {
        let (mut w0, mut w1, mut w2) = (0.0, 0.0, 0.0);
        let (m, inverse) = (*mu, 1.0 / *var);
        for v in x {
            let d = v - m;
            let w = (nu + 1.0) / (nu + d * d * inverse);
            w0 += w;
            w1 += w * d;
            w2 += w * d * d;
        }
        let shift = w1 / w0;
        let next = w2 / w0 - shift * shift;
        let done = shift * shift <= tolerance * tolerance * *var && (next / *var - 1.0).abs() <= tolerance;
        *mu += shift;
        if next.is_nan() || next <= 0.0 {
            return;
        }
        *var = next;
        if done {
            return;
        }
    }
}

/// Derivative of the mean log-likelihood by nu. The logarithms are taken of products of eight.
fn slope(x: &[f64], nu: f64, mu: f64, var: f64) -> f64 {
    let (mut logs, mut shares) = (0.0, 0.0);
    for c in x.chunks(8) {
        let mut product = 1.0;
        for v in c {
            let z2 = (v - mu) * (v - mu) / var;
            product *= 1.0 + z2 / nu;
            shares += z2 / (nu + z2);
        }
        logs += math::ln(product);
    }
    let mean = ((nu + 1.0) / nu * shares - logs) / x.len() as f64;
    0.5 * (math::digamma(0.5 * (nu + 1.0)) - math::digamma(0.5 * nu) - 1.0 / nu + mean)
}

impl StudentT {
    /// Fits location, scale and degrees of freedom (within [`DEGREES`]) by maximum likelihood: for each nu the other two have a fixed
    /// point, and nu is where the derivative of the profile is zero (of several maxima the best one on a grid). No allocation.
    ///
    /// # Errors
    /// Fewer than [`MIN_OBSERVATIONS`], a value that is not finite, or no variation.
    pub fn fit(x: &[f64]) -> Result<Self, NumericsError> {
        const WHAT: &str = "Student t fit";
        let n = x.len() as f64;
        if x.len() < MIN_OBSERVATIONS {
            return Err(NumericsError::TooFew { what: WHAT, needed: MIN_OBSERVATIONS, got: x.len() });
        }
        if let Some(index) = x.iter().position(|v| !v.is_finite()) {
            let (value, expected) = (x[index], "a finite number");
            return Err(NumericsError::BadValue { what: WHAT, index, value, expected });
        }
        let mean = x.iter().sum::<f64>() / n;
        let square = x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
        if !(square.sqrt() > 8.0 * f64::EPSILON * mean.abs() && square > f64::MIN_POSITIVE) {
            return Err(NumericsError::Constant(WHAT));
        }
        let (mut mu, mut var) = (mean, square);
        // From the normal end down: the first fixed points are near the moments, each later one near the one before.
        let mut at = |nu: f64, tolerance: f64| {
            reweigh(x, nu, tolerance, &mut mu, &mut var);
            (slope(x, nu, mu, var), mu, var)
        };
        let likelihood = |nu: f64, mu: f64, var: f64| {
            let logs: f64 = x.iter().map(|v| math::ln_1p((v - mu) * (v - mu) / (var * nu))).sum();
            n * (constant(nu) - 0.5 * math::ln(var)) - 0.5 * (nu + 1.0) * logs
        };
        let mut best: Option<Self> = None;
        let mut keep = |nu: f64, mu: f64, var: f64| {
            let l = likelihood(nu, mu, var);
            if l.is_finite() && best.is_none_or(|b| l > b.log_likelihood) {
                best = Some(Self { location: mu, scale: var.sqrt(), degrees: nu, log_likelihood: l });
            }
        };
        const GRID: [f64; 7] = [DEGREES.1, 30.0, 12.0, 6.0, 3.0, 1.5, DEGREES.0];
        const ROUGH: f64 = 1e-6;
        const FINE: f64 = 1e-11;
        let mut right = (GRID[0], at(GRID[0], FINE));
        if right.1.0 >= 0.0 {
            keep(right.0, right.1.1, right.1.2);
        }
        for nu in &GRID[1..] {
            let left = (*nu, at(*nu, if *nu == DEGREES.0 { FINE } else { ROUGH }));
            // A maximum lies between where the profile rises and where it falls.
            if left.1.0 > 0.0 && right.1.0 <= 0.0 {
                let (mut a, mut b) = ((math::ln(left.0), left.1.0), (math::ln(right.0), right.1.0));
                let mut last = (left.1.1, left.1.2);
                let mut c = a.0;
                for _ in 0..60 {
                    let guess = b.0 - b.1 * (b.0 - a.0) / (b.1 - a.1);
                    let before = c;
                    c = if guess > a.0.min(b.0) && guess < a.0.max(b.0) { guess } else { 0.5 * (a.0 + b.0) };
                    let (g, m, v) = at(math::exp(c), FINE);
                    last = (m, v);
                    if g == 0.0 || (c - before).abs() < 1e-9 {
                        break;
                    }
                    if (g > 0.0) == (b.1 > 0.0) {
                        a.1 *= 0.5;
                    } else {
                        a = b;
                    }
                    b = (c, g);
                }
                keep(math::exp(c), last.0, last.1);
            }
            if *nu == DEGREES.0 && left.1.0 <= 0.0 {
                keep(*nu, left.1.1, left.1.2);
            }
            // Below a maximum the profile of returns does not rise again: heavier tails than needed.
            if left.1.0 > 0.0 {
                break;
            }
            right = left;
        }
        best.ok_or_else(|| NumericsError::NoConvergence { what: WHAT, why: "the likelihood has no maximum".into() })
    }

    /// The standard t's `p` quantile, p below 1/2, with its density.
    fn tail(&self, p: f64) -> (f64, f64) {
        let (q, nu) = (quantile(p, self.degrees), self.degrees);
        (q, math::exp(constant(nu) - 0.5 * (nu + 1.0) * math::ln_1p(q * q / nu)))
    }

    /// The loss (minus the value) that is exceeded with probability `p` below 1/2.
    pub fn var(&self, p: f64) -> f64 {
        -(self.location + self.scale * quantile(p, self.degrees))
    }

    /// Mean loss beyond [`StudentT::var`]: -mu + sigma f(q)/p (nu + q^2)/(nu - 1) (McNeil, Frey & Embrechts 2015, example 2.15);
    /// `None` at one degree of freedom and below.
    pub fn es(&self, p: f64) -> Option<f64> {
        let nu = self.degrees;
        let (q, density) = self.tail(p);
        (nu > 1.0).then(|| self.scale * density / p * (nu + q * q) / (nu - 1.0) - self.location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal;

    fn t(degrees: f64) -> StudentT {
        StudentT { location: 0.0, scale: 1.0, degrees, log_likelihood: 0.0 }
    }

    #[test]
    fn closed_forms() {
        // nu = 1 (Cauchy): quantile tan(pi (p - 1/2)); nu = 2: (2p - 1) / sqrt(2 p (1 - p)); 12.706... and 2.015... of the tables.
        for p in [0.4, 0.05, 0.025, 0.001] {
            assert!((t(1.0).var(p) * (std::f64::consts::PI * p).tan() - 1.0).abs() < 1e-12, "{p}");
            let two = (1.0 - 2.0 * p) / (2.0_f64 * p * (1.0 - p)).sqrt();
            assert!((t(2.0).var(p) / two - 1.0).abs() < 1e-12, "{p}");
        }
        assert!((t(5.0).var(0.05) - 2.015_048_373_333_024).abs() < 1e-12);
        assert_eq!(t(1.0).es(0.05), None);
        // ES is the mean of the quantiles: nu = 2 in closed form, sqrt(2 (1 - p) / p).
        assert!((t(2.0).es(0.025).unwrap() - (2.0_f64 * 0.975 / 0.025).sqrt()).abs() < 1e-11);
        let (p, normal) = (0.025, normal::pdf(normal::quantile(0.025)) / 0.025);
        assert!((t(1e7).es(p).unwrap() - normal).abs() < 1e-5);
    }

    #[test]
    fn degrees_of_quantiles_are_found() {
        for nu in [0.8, 1.4, 2.5, 4.0, 10.0] {
            let x: Vec<f64> = (0..2000)
                .map(|i| {
                    let p = (f64::from(i) + 0.5) / 2000.0;
                    1.0 + 0.01 * if p < 0.5 { quantile(p, nu) } else { -quantile(1.0 - p, nu) }
                })
                .collect();
            let f = StudentT::fit(&x).unwrap();
            assert!((f.degrees / nu - 1.0).abs() < 0.03 && (f.location - 1.0).abs() < 1e-9, "{nu} {f:?}");
            assert!((f.scale / 0.01 - 1.0).abs() < 0.01, "{nu} {f:?}");
            // No neighbour is more likely.
            let ll = |mu: f64, s: f64, nu: f64| {
                let logs: f64 = x.iter().map(|v| ((v - mu).powi(2) / (s * s * nu)).ln_1p()).sum();
                2000.0 * (constant(nu) - s.ln()) - 0.5 * (nu + 1.0) * logs
            };
            let here = ll(f.location, f.scale, f.degrees);
            assert!((here - f.log_likelihood).abs() < 1e-8);
            for (a, b, c) in
                [(1e-5, 0.0, 0.0), (0.0, 1e-3, 0.0), (0.0, -1e-3, 0.0), (0.0, 0.0, 1e-2), (0.0, 0.0, -1e-2)]
            {
                assert!(ll(f.location + a, f.scale * (1.0 + b), f.degrees * (1.0 + c)) < here);
            }
        }
    }

    #[test]
    fn normal_and_extreme_data() {
        let x: Vec<f64> = (0..999).map(|i| normal::quantile((f64::from(i) + 0.5) / 999.0)).collect();
        assert_eq!(StudentT::fit(&x).unwrap().degrees, DEGREES.1);
        assert!(matches!(StudentT::fit(&[1.0; 50]), Err(NumericsError::Constant(_))));
        assert!(matches!(StudentT::fit(&x[..19]), Err(NumericsError::TooFew { .. })));
        let mut bad = x;
        bad[3] = f64::INFINITY;
        assert!(matches!(StudentT::fit(&bad), Err(NumericsError::BadValue { index: 3, .. })));
    }
}
