//! The log-likelihood with analytic first and second derivatives, in one pass over the data.
//!
//! Internal coordinates theta = (mu, omega, a_up, a_down, beta, nu) with
//! h_t = omega + (a_up [e >= 0] + a_down [e < 0]) e_{t-1}^2 + beta h_{t-1}, so that GARCH is a_up = a_down = alpha and GJR is
//! a_up = alpha, a_down = alpha + gamma: both need nothing but "not negative".
//! Derivatives of h follow the same recursion as h (Fiorentini, Calzolari & Panattoni 1996, J. Applied Econometrics 11, eqs. 9-12).

use crate::math::{self, digamma, trigamma};

pub(super) const MU: usize = 0;
pub(super) const OMEGA: usize = 1;
pub(super) const UP: usize = 2;
pub(super) const DOWN: usize = 3;
pub(super) const BETA: usize = 4;
pub(super) const NU: usize = 5;
/// Number of internal coordinates; with normal innovations the last one is ignored.
pub(super) const DIM: usize = 6;
/// Those on which the conditional variance depends.
const H_DIM: usize = 5;

pub(super) type Vector = [f64; DIM];
pub(super) type Matrix = [[f64; DIM]; DIM];

/// Logarithms are taken of products of so many variances: the data are scaled to unit variance, so no product over- or underflows.
const LOG_BLOCK: usize = 32;

/// Observations, scaled to unit variance, and the variance (and squared residual) before the first one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series<'a> {
    pub y: &'a [f64],
    pub before: Before,
}

/// The variance before the first observation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Before {
    /// Given.
    Fixed(f64),
    /// The mean squared residual of the whole sample, which depends on mu.
    Sample {
        /// Mean of the observations.
        mean: f64,
        /// Their variance around it.
        variance: f64,
    },
}

impl Before {
    /// Of a sample.
    pub fn sample(y: &[f64]) -> Self {
        let n = y.len() as f64;
        let mean = y.iter().sum::<f64>() / n;
        Self::Sample { mean, variance: y.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n }
    }
    /// The value at a mean, and its first two derivatives by it.
    pub fn at(self, mu: f64) -> [f64; 3] {
        match self {
            Self::Fixed(v) => [v, 0.0, 0.0],
            Self::Sample { mean, variance } => {
                let d = mu - mean;
                [variance + d * d, 2.0 * d, 2.0]
            }
        }
    }
}

/// Sum of the log-likelihood with its derivatives.
#[derive(Debug, Clone)]
pub(super) struct Second {
    pub value: f64,
    pub gradient: Vector,
    pub hessian: Matrix,
    /// Sum of the outer products of the scores of single observations.
    pub outer: Matrix,
}

/// ln Gamma(x + 1/2) - ln Gamma(x); beyond 20 by its asymptotic series (Tricomi & Erdelyi 1951), as the difference of two large numbers
/// would be rough enough to lead a line search astray.
fn ln_gamma_step(x: f64) -> f64 {
    if x < 20.0 {
        return math::ln_gamma(x + 0.5) - math::ln_gamma(x);
    }
    let r = 1.0 / (x * x);
    0.5 * math::ln(x) - (1.0 / 8.0 - r * (1.0 / 192.0 - r * (1.0 / 640.0 - r * (17.0 / 14336.0)))) / x
}

/// ln of the constant of the standardised Student density, and its first two derivatives by nu.
fn t_constant(nu: f64) -> [f64; 3] {
    let s = nu - 2.0;
    [
        ln_gamma_step(0.5 * nu) - 0.5 * math::ln(std::f64::consts::PI * s),
        0.5 * (digamma(0.5 * (nu + 1.0)) - digamma(0.5 * nu)) - 0.5 / s,
        0.25 * (trigamma(0.5 * (nu + 1.0)) - trigamma(0.5 * nu)) + 0.5 / (s * s),
    ]
}

/// The log-likelihood and, if asked for, its gradient.
pub(super) fn evaluate(s: Series<'_>, theta: &Vector, student_t: bool, gradient: bool) -> (f64, Vector) {
    match (student_t, gradient) {
        (false, false) => kernel::<false, false>(s, theta),
        (false, true) => kernel::<false, true>(s, theta),
        (true, false) => kernel::<true, false>(s, theta),
        (true, true) => kernel::<true, true>(s, theta),
    }
}

/// One pass. Everything that does not depend on the variance before (division, logarithms) stays off the critical path, which is
/// one multiplication and one addition an observation.
fn kernel<const T: bool, const GRADIENT: bool>(series: Series<'_>, theta: &Vector) -> (f64, Vector) {
    let &[mu, omega, up, down, beta, nu] = theta;
    let s = nu - 2.0;
    let m = 0.5 * (nu + 1.0);
    let [before, slope, _] = series.before.at(mu);
    let half = 0.5 * before;
    let mut h = before;
    let mut shock = (up + down) * half;
    // dh/dtheta, and what is added to beta times it next.
    let mut d = [slope, 0.0, 0.0, 0.0, 0.0];
    let mut x = [0.5 * (up + down) * slope, 1.0, half, half, before];
    let (mut g, mut g_mu, mut g_nu) = ([0.0; H_DIM], 0.0, 0.0);
    let (mut ln_h, mut ln_a, mut squares) = (0.0, 0.0, 0.0);
    for block in series.y.chunks(LOG_BLOCK) {
        let (mut product_h, mut product_a) = (1.0, 1.0);
        for &r in block {
            h = omega + shock + beta * h;
            let e = r - mu;
            let (above, below) = (e.max(0.0), e.min(0.0));
            let (above2, below2) = (above * above, below * below);
            let e2 = above2 + below2;
            product_h *= h;
            // The derivatives of this observation's log-likelihood by h and by mu (through the residual).
            let (l_h, l_mu);
            if T {
                let a = h * s + e2;
                product_a *= a;
                let both = 1.0 / (h * a);
                let (inv_h, inv_a) = (a * both, h * both);
                l_h = m * (inv_h - s * inv_a) - 0.5 * inv_h;
                l_mu = 2.0 * m * e * inv_a;
                g_nu += h * inv_a;
            } else {
                let inv_h = 1.0 / h;
                let z2 = e2 * inv_h;
                squares += z2;
                l_h = 0.5 * (z2 - 1.0) * inv_h;
                l_mu = e * inv_h;
            }
            shock = up * above2 + down * below2;
            if GRADIENT {
                for k in 0..H_DIM {
                    d[k] = x[k] + beta * d[k];
                    g[k] += l_h * d[k];
                }
                g_mu += l_mu;
                x = [-2.0 * (up * above + down * below), 1.0, above2, below2, h];
            }
        }
        ln_h += math::ln(product_h);
        if T {
            ln_a += math::ln(product_a);
        }
    }
    let n = series.y.len() as f64;
    let [g0, g1, g2, g3, g4] = g;
    if T {
        let [c, dc, _] = t_constant(nu);
        let ln_ratio = ln_a - ln_h - n * math::ln(s);
        let value = n * c - 0.5 * ln_h - m * ln_ratio;
        let by_nu = n * dc - 0.5 * ln_ratio - m * (g_nu - n / s);
        (value, [g0 + g_mu, g1, g2, g3, g4, by_nu])
    } else {
        (-0.5 * (n * math::LN_TAU + ln_h + squares), [g0 + g_mu, g1, g2, g3, g4, 0.0])
    }
}

/// Derivatives of one observation's log-likelihood by variance h, residual e and nu.
struct Local {
    h: f64,
    e: f64,
    nu: f64,
    hh: f64,
    he: f64,
    ee: f64,
    h_nu: f64,
    e_nu: f64,
    nu_nu: f64,
}

fn local(h: f64, e: f64, nu: Option<(f64, [f64; 3])>) -> Local {
    let e2 = e * e;
    let inv = 1.0 / h;
    let Some((nu, [_, dc, ddc])) = nu else {
        let z2 = e2 * inv;
        return Local {
            h: 0.5 * (z2 - 1.0) * inv,
            e: -e * inv,
            nu: 0.0,
            hh: (0.5 - z2) * inv * inv,
            he: e * inv * inv,
            ee: -inv,
            h_nu: 0.0,
            e_nu: 0.0,
            nu_nu: 0.0,
        };
    };
    let (s, m) = (nu - 2.0, 0.5 * (nu + 1.0));
    let a = 1.0 / (h * s + e2);
    let a2 = a * a;
    Local {
        h: m * (inv - s * a) - 0.5 * inv,
        e: -2.0 * m * e * a,
        nu: dc - 0.5 * math::ln_1p(e2 * inv / s) - m * (h * a - 1.0 / s),
        hh: 0.5 * inv * inv - m * (inv * inv - s * s * a2),
        he: 2.0 * m * e * s * a2,
        ee: -2.0 * m * (a - 2.0 * e2 * a2),
        h_nu: 0.5 * (inv - s * a) - m * e2 * a2,
        e_nu: e * a * (2.0 * m * h * a - 1.0),
        nu_nu: ddc - (h * a - 1.0 / s) - m * (1.0 / (s * s) - h * h * a2),
    }
}

/// The log-likelihood with gradient, Hessian and outer product of scores.
pub(super) fn second(series: Series<'_>, theta: &Vector, student_t: bool) -> Second {
    let &[mu, omega, up, down, beta, nu] = theta;
    let nu = student_t.then(|| (nu, t_constant(nu)));
    let [before, slope, curvature] = series.before.at(mu);
    let half = 0.5 * before;
    let mut h = before;
    let mut shock = (up + down) * half;
    let mut d = [slope, 0.0, 0.0, 0.0, 0.0];
    let mut x = [0.5 * (up + down) * slope, 1.0, half, half, before];
    // Second derivatives of h: by beta and each coordinate, and by mu and (mu, a_up, a_down). The others are zero.
    let mut by_beta = [0.0; H_DIM];
    let mut by_mu = [curvature, 0.0, 0.0];
    let mut x_mu = [0.5 * (up + down) * curvature, 0.5 * slope, 0.5 * slope];
    let (mut gradient, mut hessian, mut outer) = ([0.0; DIM], [[0.0; DIM]; DIM], [[0.0; DIM]; DIM]);
    for &r in series.y {
        for k in 0..H_DIM {
            by_beta[k] = d[k] + beta * by_beta[k];
        }
        by_beta[BETA] += d[BETA];
        for k in 0..3 {
            by_mu[k] = x_mu[k] + beta * by_mu[k];
        }
        for k in 0..H_DIM {
            d[k] = x[k] + beta * d[k];
        }
        h = omega + shock + beta * h;
        let e = r - mu;
        let (above, below) = (e.max(0.0), e.min(0.0));
        let l = local(h, e, nu);

        let mut score = [l.h * d[0] - l.e, l.h * d[1], l.h * d[2], l.h * d[3], l.h * d[4], l.nu];
        // Without nu the last row and column stay zero.
        if nu.is_none() {
            score[NU] = 0.0;
        }
        for i in 0..DIM {
            gradient[i] += score[i];
            for j in 0..=i {
                outer[i][j] += score[i] * score[j];
            }
        }
        for i in 0..H_DIM {
            for j in 0..=i {
                hessian[i][j] += l.hh * d[i] * d[j];
            }
            hessian[i][MU] -= l.he * d[i];
            hessian[NU][i] += l.h_nu * d[i];
        }
        hessian[MU][MU] += l.ee - l.he * d[MU];
        hessian[NU][MU] -= l.e_nu;
        hessian[NU][NU] += l.nu_nu;
        for k in 0..H_DIM {
            hessian[BETA][k] += l.h * by_beta[k];
        }
        for (row, v) in [MU, UP, DOWN].into_iter().zip(by_mu) {
            hessian[row][MU] += l.h * v;
        }

        x = [-2.0 * (up * above + down * below), 1.0, above * above, below * below, h];
        x_mu = [2.0 * if e < 0.0 { down } else { up }, -2.0 * above, -2.0 * below];
        shock = up * above * above + down * below * below;
    }
    for i in 0..DIM {
        for j in i + 1..DIM {
            hessian[i][j] = hessian[j][i];
            outer[i][j] = outer[j][i];
        }
    }
    let value = evaluate(series, theta, student_t, false).0;
    Second { value, gradient, hessian, outer }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic numbers in (-1.5, 1.5) that are not smooth in t.
    fn wiggle(n: usize) -> Vec<f64> {
        (0..n).map(|i| ((i * i) as f64 * 0.7).sin() + 0.5 * (i as f64 * 1.3).cos()).collect()
    }

    const THETA: Vector = [0.03, 0.06, 0.04, 0.17, 0.81, 6.5];

    #[test]
    fn three_observations_by_hand() {
        // h1 = 0.1 + 0.2*1 + 0.5*1 = 0.8; e1 = 1: h2 = 0.1 + 0.1*1 + 0.5*0.8 = 0.6; e2 = -1: h3 = 0.1 + 0.3*1 + 0.5*0.6 = 0.7.
        let y = [1.0, -1.0, 0.5];
        let s = Series { y: &y, before: Before::Fixed(1.0) };
        let (l, _) = evaluate(s, &[0.0, 0.1, 0.1, 0.3, 0.5, 0.0], false, false);
        let by_hand =
            -0.5 * (3.0 * std::f64::consts::TAU.ln() + f64::ln(0.8 * 0.6 * 0.7) + 1.0 / 0.8 + 1.0 / 0.6 + 0.25 / 0.7);
        assert!((l - by_hand).abs() < 1e-14, "{l} {by_hand}");
    }

    #[test]
    fn student_t_tends_to_the_normal() {
        let y = wiggle(100);
        let s = Series { y: &y, before: Before::Fixed(0.7) };
        let mut theta = THETA;
        theta[NU] = 1e7;
        let (t, _) = evaluate(s, &theta, true, false);
        let (normal, _) = evaluate(s, &theta, false, false);
        assert!((t - normal).abs() < 1e-3, "{t} {normal}");
    }

    #[test]
    fn gradient_and_hessian_match_finite_differences() {
        let y = wiggle(203);
        let s = Series { y: &y, before: Before::Fixed(0.7) };
        for student_t in [false, true] {
            let (value, gradient) = evaluate(s, &THETA, student_t, true);
            let exact = second(s, &THETA, student_t);
            assert!((exact.value - value).abs() < 1e-10);
            for i in 0..DIM {
                let step = 1e-5 * THETA[i].abs().max(0.1);
                let at = |sign: f64| {
                    let mut theta = THETA;
                    theta[i] += sign * step;
                    evaluate(s, &theta, student_t, true)
                };
                let ((f1, g1), (f0, g0)) = (at(1.0), at(-1.0));
                let numeric = (f1 - f0) / (2.0 * step);
                assert!((gradient[i] - numeric).abs() < 1e-6 * (1.0 + numeric.abs()), "{i}: {} {numeric}", gradient[i]);
                assert!((gradient[i] - exact.gradient[i]).abs() < 1e-9 * (1.0 + numeric.abs()));
                for j in 0..DIM {
                    let numeric = (g1[j] - g0[j]) / (2.0 * step);
                    let h = exact.hessian[i][j];
                    assert!((h - numeric).abs() < 1e-6 * (1.0 + numeric.abs()), "({i},{j}): {h} {numeric}");
                }
            }
        }
    }

    #[test]
    fn outer_product_sums_the_scores_of_single_observations() {
        // The score of observation t is the gradient of the first t observations less that of the first t - 1.
        let y = wiggle(40);
        for student_t in [false, true] {
            let mut outer = [[0.0; DIM]; DIM];
            let mut before = [0.0; DIM];
            for t in 1..=y.len() {
                let (_, g) = evaluate(Series { y: &y[..t], before: Before::Fixed(0.7) }, &THETA, student_t, true);
                for i in 0..DIM {
                    for j in 0..DIM {
                        outer[i][j] += (g[i] - before[i]) * (g[j] - before[j]);
                    }
                }
                before = g;
            }
            let exact = second(Series { y: &y, before: Before::Fixed(0.7) }, &THETA, student_t).outer;
            for i in 0..DIM {
                for j in 0..DIM {
                    assert!((outer[i][j] - exact[i][j]).abs() < 1e-8 * (1.0 + exact[i][j].abs()), "({i},{j})");
                }
            }
        }
    }

    #[test]
    fn gamma_functions_known_values() {
        for x in [20.0, 25.0, 100.0] {
            assert!((ln_gamma_step(x) - (libm::lgamma(x + 0.5) - libm::lgamma(x))).abs() < 3e-14 * libm::lgamma(x));
        }
        // Gamma(3/2) / Gamma(1) = sqrt(pi) / 2.
        assert!((ln_gamma_step(1.0) - (0.5 * std::f64::consts::PI.sqrt()).ln()).abs() < 1e-15);
    }
}
