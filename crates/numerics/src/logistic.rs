//! Logistic regression with a normal prior of its coefficients.
//!
//! For outcomes y in {0, 1} and inputs z, P(y = 1) = 1 / (1 + exp(-c'z)). The coefficients c maximise the posterior
//! sum(y log p + (1 - y) log(1 - p)) - sum_k lambda_k (c_k - m_k)^2 / 2, where m is the prior's mean and 1/lambda its variance: with
//! lambda = 0 the maximum of the likelihood. By Newton's method (iteratively reweighted least squares: McCullagh & Nelder 1989,
//! Generalized linear models, 2nd ed., 2.5) with halved steps; the covariance is the inverse of the Hessian at the maximum (Laplace;
//! MacKay 1992, Neural Computation 4(5)).

use crate::{NumericsError, math};

/// Newton steps before giving up.
const STEPS: usize = 100;

/// A fit of K coefficients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Logistic<const K: usize> {
    /// The coefficients.
    pub coefficients: [f64; K],
    /// Their covariance.
    pub covariance: [[f64; K]; K],
    /// Newton steps it took.
    pub steps: usize,
}

/// 1 / (1 + e^-x), without overflow.
#[inline]
pub fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + math::exp(-x))
    } else {
        let e = math::exp(x);
        e / (1.0 + e)
    }
}

/// ln(p / (1 - p)).
#[inline]
pub fn logit(p: f64) -> f64 {
    math::ln(p) - math::ln_1p(-p)
}

/// ln(1 + e^x), without overflow.
#[inline]
fn softplus(x: f64) -> f64 {
    if x > 0.0 { x + math::ln_1p(math::exp(-x)) } else { math::ln_1p(math::exp(x)) }
}

fn dot<const K: usize>(a: &[f64; K], b: &[f64; K]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// L with L L' = a, or nothing when `a` is not positive definite.
fn cholesky<const K: usize>(a: &[[f64; K]; K]) -> Option<[[f64; K]; K]> {
    let mut l = [[0.0; K]; K];
    for i in 0..K {
        for j in 0..=i {
            let s = a[i][j] - (0..j).map(|k| l[i][k] * l[j][k]).sum::<f64>();
            if i == j {
                // Relative to the diagonal: inputs that are collinear leave nothing but rounding.
                if s.is_nan() || s <= 1e-13 * a[i][i] {
                    return None;
                }
                l[i][i] = s.sqrt();
            } else {
                l[i][j] = s / l[j][j];
            }
        }
    }
    Some(l)
}

fn solve<const K: usize>(l: &[[f64; K]; K], b: &[f64; K]) -> [f64; K] {
    let mut x = *b;
    for i in 0..K {
        x[i] = (x[i] - (0..i).map(|k| l[i][k] * x[k]).sum::<f64>()) / l[i][i];
    }
    for i in (0..K).rev() {
        x[i] = (x[i] - (i + 1..K).map(|k| l[k][i] * x[k]).sum::<f64>()) / l[i][i];
    }
    x
}

/// Fits to observations (inputs, outcome), from the prior's mean on.
///
/// # Errors
/// When an input is not finite, inputs are collinear without a prior, or there is no maximum (without a prior: outcomes that the
/// inputs separate).
pub fn fit<const K: usize>(
    observations: impl Iterator<Item = ([f64; K], bool)> + Clone,
    mean: &[f64; K],
    lambda: &[f64; K],
) -> Result<Logistic<K>, NumericsError> {
    let what = "logistic regression";
    if let Some((index, value)) =
        observations.clone().enumerate().find_map(|(i, (z, _))| z.into_iter().find(|x| !x.is_finite()).map(|x| (i, x)))
    {
        return Err(NumericsError::BadValue { what, index, value, expected: "finite" });
    }
    let prior = |c: &[f64; K]| -> f64 { (0..K).map(|k| 0.5 * lambda[k] * (c[k] - mean[k]).powi(2)).sum() };
    let cost = |c: &[f64; K]| -> f64 {
        let data: f64 = observations
            .clone()
            .map(|(z, y)| {
                let eta = dot(c, &z);
                softplus(eta) - if y { eta } else { 0.0 }
            })
            .sum();
        data + prior(c)
    };
    let mut c = *mean;
    let mut at = cost(&c);
    for steps in 1..=STEPS {
        let (mut gradient, mut hessian) = ([0.0; K], [[0.0; K]; K]);
        for (z, y) in observations.clone() {
            let p = logistic(dot(&c, &z));
            let (r, w) = (f64::from(u8::from(y)) - p, p * (1.0 - p));
            for i in 0..K {
                gradient[i] += r * z[i];
                for j in 0..=i {
                    hessian[i][j] += w * z[i] * z[j];
                }
            }
        }
        for k in 0..K {
            gradient[k] -= lambda[k] * (c[k] - mean[k]);
            hessian[k][k] += lambda[k];
        }
        let stuck = |why: &str| NumericsError::NoConvergence { what, why: why.into() };
        let l = cholesky(&hessian).ok_or_else(|| stuck("inputs are collinear, or separate the outcomes"))?;
        let step = solve(&l, &gradient);
        let mut scale = 1.0;
        let (next, cost_next) = loop {
            let next: [f64; K] = std::array::from_fn(|k| c[k] + scale * step[k]);
            let there = cost(&next);
            if there <= at + 1e-12 * at.abs() || scale < 1e-6 {
                break (next, there);
            }
            scale *= 0.5;
        };
        let moved = (0..K).map(|k| (next[k] - c[k]).abs() / (1.0 + c[k].abs())).fold(0.0, f64::max);
        (c, at) = (next, cost_next);
        if moved < 1e-12 {
            let mut covariance = [[0.0; K]; K];
            for (k, row) in covariance.iter_mut().enumerate() {
                *row = solve(&l, &std::array::from_fn(|i| if i == k { 1.0 } else { 0.0 }));
            }
            return Ok(Logistic { coefficients: c, covariance, steps });
        }
        if c.iter().any(|x| x.abs() > 1e8) {
            return Err(stuck("the coefficients grow without limit: the inputs separate the outcomes"));
        }
    }
    Err(NumericsError::NoConvergence { what, why: format!("{STEPS} Newton steps were not enough") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // One coefficient, three successes of four: logit(3/4) = ln 3, variance 1 / (4 x 3/4 x 1/4).
        let y = [true, true, true, false].map(|y| ([1.0], y));
        let f = fit(y.iter().copied(), &[0.0], &[0.0]).unwrap();
        assert!((f.coefficients[0] - 3.0_f64.ln()).abs() < 1e-12);
        assert!((f.covariance[0][0] - 4.0 / 3.0).abs() < 1e-9);
        // Without data the prior.
        let f = fit(std::iter::empty(), &[0.7], &[4.0]).unwrap();
        assert_eq!((f.coefficients, f.covariance), ([0.7], [[0.25]]));
        assert!((logistic(logit(0.2)) - 0.2).abs() < 1e-15 && logistic(-800.0) == 0.0 && logistic(800.0) == 1.0);
    }

    #[test]
    fn what_has_no_maximum_is_an_error_unless_there_is_a_prior() {
        let separated = [(-1.0, false), (-0.5, false), (0.5, true), (1.0, true)].map(|(x, y)| ([1.0, x], y));
        assert!(fit(separated.iter().copied(), &[0.0; 2], &[0.0; 2]).is_err());
        let f = fit(separated.iter().copied(), &[0.0; 2], &[1.0; 2]).unwrap();
        assert!(f.coefficients[1] > 0.5 && f.coefficients[0].abs() < 1e-9);
        let collinear = [(1.0, true), (2.0, false), (3.0, true)].map(|(x, y)| ([x, 2.0 * x], y));
        assert!(fit(collinear.iter().copied(), &[0.0; 2], &[0.0; 2]).is_err());
        assert!(fit([([f64::NAN], true)].into_iter(), &[0.0], &[1.0]).is_err());
    }
}
