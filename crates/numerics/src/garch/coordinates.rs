//! Three sets of coordinates over the internal theta of [`super::likelihood`]: unbounded ones for the search, boxed ones for
//! Newton steps, and those of the published parameters (mu, omega, alpha, gamma, beta, nu) for standard errors.

use crate::math;

use super::Spec;
use super::likelihood::{BETA, DIM, DOWN, MU, Matrix, NU, OMEGA, UP, Vector};
use super::linear::{MAX, Square};

/// The smallest omega, in units of the sample variance (as in `arch`).
pub(super) const OMEGA_MIN: f64 = 1e-8;
/// Range of nu (as in `arch`).
pub(super) const NU_RANGE: (f64, f64) = (2.05, 500.0);
/// The search is over 1 / nu: in it the likelihood is far closer to quadratic.
const ETA: (f64, f64) = (1.0 / NU_RANGE.1, 1.0 / NU_RANGE.0);

/// One row for each coordinate: the derivatives of theta by it.
pub(super) type Jacobian = [Vector; MAX];

/// Number of coordinates of the search: the shares of up to three coefficients and the slack stand for one constraint.
pub(super) fn search_dim(spec: Spec) -> usize {
    usize::from(spec.constant_mean)
        + usize::from(!spec.variance_targeting)
        + if spec.gjr { 4 } else { 3 }
        + usize::from(spec.student_t)
}

/// From the search's coordinates to theta, with the derivatives.
///
/// omega = OMEGA_MIN + e^w (or, targeted, the slack times the sample variance, which is 1); the persistence and its slack
/// lie on a simplex, each share x_i^2 / sum x^2, so that "not negative" and "sum at most 1" hold everywhere and bounds are
/// reached at finite points; 1 / nu = lo + (hi - lo) sin^2 z.
pub(super) fn from_search(spec: Spec, x: &[f64]) -> (Vector, Jacobian) {
    let mut theta = [0.0; DIM];
    let mut jac = [[0.0; DIM]; MAX];
    let mut at = 0;
    if spec.constant_mean {
        theta[MU] = x[at];
        jac[at][MU] = 1.0;
        at += 1;
    }
    if !spec.variance_targeting {
        let w = math::exp(x[at]);
        theta[OMEGA] = OMEGA_MIN + w;
        jac[at][OMEGA] = w;
        at += 1;
    }
    let shares = if spec.gjr { 4 } else { 3 };
    let raw = &x[at..at + shares];
    let sum = raw.iter().map(|v| v * v).sum::<f64>().max(f64::MIN_POSITIVE);
    // What one unit of each share is, in theta.
    let mut unit = [[0.0; DIM]; 4];
    if spec.gjr {
        unit[0][UP] = 2.0;
        unit[1][DOWN] = 2.0;
    } else {
        unit[0][UP] = 1.0;
        unit[0][DOWN] = 1.0;
    }
    unit[shares - 2][BETA] = 1.0;
    if spec.variance_targeting {
        unit[shares - 1][OMEGA] = 1.0;
        theta[OMEGA] = OMEGA_MIN;
    }
    let mut mean = [0.0; DIM];
    for (v, u) in raw.iter().zip(&unit) {
        for k in 0..DIM {
            mean[k] += v * v / sum * u[k];
        }
    }
    for (j, (v, u)) in raw.iter().zip(&unit).enumerate() {
        for k in 0..DIM {
            jac[at + j][k] = 2.0 * v / sum * (u[k] - mean[k]);
        }
    }
    for k in 0..DIM {
        theta[k] += mean[k];
    }
    at += shares;
    if spec.student_t {
        let (sin, cos) = math::sin_cos(x[at]);
        let nu = 1.0 / (ETA.0 + (ETA.1 - ETA.0) * sin * sin);
        theta[NU] = nu;
        jac[at][NU] = -nu * nu * (ETA.1 - ETA.0) * 2.0 * sin * cos;
    }
    (theta, jac)
}

/// From theta to the search's coordinates, a little inside all bounds: on a bound the gradient of a square is zero.
pub(super) fn to_search(spec: Spec, theta: &Vector) -> Vec<f64> {
    const INSIDE: f64 = 1e-4;
    let mut x = Vec::with_capacity(MAX);
    if spec.constant_mean {
        x.push(theta[MU]);
    }
    if !spec.variance_targeting {
        x.push(math::ln((theta[OMEGA] - OMEGA_MIN).max(OMEGA_MIN)));
    }
    let persistence = 0.5 * (theta[UP] + theta[DOWN]) + theta[BETA];
    if spec.gjr {
        x.extend([0.5 * theta[UP], 0.5 * theta[DOWN]].map(|u| u.max(INSIDE).sqrt()));
    } else {
        x.push(theta[UP].max(INSIDE).sqrt());
    }
    x.push(theta[BETA].max(INSIDE).sqrt());
    x.push((1.0 - persistence).max(INSIDE).sqrt());
    if spec.student_t {
        let share = (1.0 / theta[NU] - ETA.0) / (ETA.1 - ETA.0);
        x.push(math::asin(share.clamp(0.01, 0.99).sqrt()));
    }
    x
}

/// Linear coordinates: theta = offset + sum c_i row_i, each with its own range.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    pub rows: Jacobian,
    pub range: [(f64, f64); MAX],
    pub dim: usize,
}

impl Linear {
    fn new() -> Self {
        Self { rows: [[0.0; DIM]; MAX], range: [(f64::NEG_INFINITY, f64::INFINITY); MAX], dim: 0 }
    }
    fn push(&mut self, entries: &[(usize, f64)], range: (f64, f64)) {
        for &(k, v) in entries {
            self.rows[self.dim][k] = v;
        }
        self.range[self.dim] = range;
        self.dim += 1;
    }
    /// Coordinates in which every bound but that of the persistence is a range: (mu, omega, a_up, a_down, beta, nu).
    pub fn boxed(spec: Spec) -> Self {
        // With targeting, omega = OMEGA_MIN + 1 - persistence.
        let omega = if spec.variance_targeting { -1.0 } else { 0.0 };
        let (free, positive) = ((f64::NEG_INFINITY, f64::INFINITY), (0.0, 1.0));
        let mut c = Self::new();
        if spec.constant_mean {
            c.push(&[(MU, 1.0)], free);
        }
        if !spec.variance_targeting {
            c.push(&[(OMEGA, 1.0)], (OMEGA_MIN, f64::INFINITY));
        }
        if spec.gjr {
            c.push(&[(UP, 1.0), (OMEGA, 0.5 * omega)], (0.0, 2.0));
            c.push(&[(DOWN, 1.0), (OMEGA, 0.5 * omega)], (0.0, 2.0));
        } else {
            c.push(&[(UP, 1.0), (DOWN, 1.0), (OMEGA, omega)], positive);
        }
        c.push(&[(BETA, 1.0), (OMEGA, omega)], positive);
        if spec.student_t {
            c.push(&[(NU, 1.0)], NU_RANGE);
        }
        c
    }
    /// The published parameters that are estimated, in the order mu, omega, alpha, gamma, beta, nu (ranges are not used).
    pub fn published(spec: Spec) -> Self {
        let mut c = Self::boxed(spec);
        if spec.gjr {
            // d/d alpha moves both sides, d/d gamma the lower one: rows UP and DOWN of `boxed`.
            let i = usize::from(spec.constant_mean) + usize::from(!spec.variance_targeting);
            let (up, down) = (c.rows[i], c.rows[i + 1]);
            for k in 0..DIM {
                c.rows[i][k] = up[k] + down[k];
            }
        }
        c
    }
    /// The gradient in these coordinates.
    pub fn gradient(&self, g: &Vector) -> [f64; MAX] {
        let mut out = [0.0; MAX];
        for (o, row) in out.iter_mut().zip(&self.rows).take(self.dim) {
            *o = row.iter().zip(g).map(|(a, b)| a * b).sum();
        }
        out
    }
    /// The Hessian (or any form of second order) in these coordinates.
    pub fn form(&self, h: &Matrix) -> Square {
        form(&self.rows, self.dim, h)
    }
}

/// J h J' for the first `dim` rows of J.
pub(super) fn form(rows: &Jacobian, dim: usize, h: &Matrix) -> Square {
    let mut out = [[0.0; MAX]; MAX];
    for i in 0..dim {
        let mut left = [0.0; DIM];
        for (a, row) in rows[i].iter().zip(h) {
            for k in 0..DIM {
                left[k] += a * row[k];
            }
        }
        for j in 0..dim {
            out[i][j] = left.iter().zip(&rows[j]).map(|(a, b)| a * b).sum();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::Init;
    use super::*;

    fn specs() -> impl Iterator<Item = Spec> {
        (0..16).map(|b| Spec {
            gjr: b & 1 > 0,
            student_t: b & 2 > 0,
            constant_mean: b & 4 > 0,
            variance_targeting: b & 8 > 0,
            init: Init::Ewma,
        })
    }

    #[test]
    fn search_coordinates_round_trip_and_their_jacobian_is_right() {
        for spec in specs() {
            let mut theta = [0.0, 0.03, 0.08, 0.08, 0.89, 0.0];
            if spec.gjr {
                theta[DOWN] = 0.16;
                theta[BETA] = 0.85;
            }
            if spec.constant_mean {
                theta[MU] = 0.04;
            }
            if spec.student_t {
                theta[NU] = 7.0;
            }
            if spec.variance_targeting {
                theta[OMEGA] = OMEGA_MIN + 1.0 - 0.97;
            }
            let x = to_search(spec, &theta);
            assert_eq!(x.len(), search_dim(spec));
            let (back, jac) = from_search(spec, &x);
            for k in 0..DIM {
                assert!((back[k] - theta[k]).abs() < 1e-12, "{spec:?} {k}: {} {}", back[k], theta[k]);
            }
            for i in 0..x.len() {
                let at = |s: f64| {
                    let mut x = x.clone();
                    x[i] += s;
                    from_search(spec, &x).0
                };
                let (b, a) = (at(1e-6), at(-1e-6));
                for k in 0..DIM {
                    let numeric = (b[k] - a[k]) / 2e-6;
                    assert!((jac[i][k] - numeric).abs() < 1e-6 * (1.0 + numeric.abs()), "{spec:?} {i} {k}");
                }
            }
        }
    }

    #[test]
    fn every_point_of_the_search_is_admissible() {
        for spec in specs() {
            for seed in 0..200 {
                let x: Vec<f64> = (0..search_dim(spec)).map(|i| 4.0 * f64::sin((seed * 7 + i * 13) as f64)).collect();
                let (t, _) = from_search(spec, &x);
                assert!(t[OMEGA] >= OMEGA_MIN && t[UP] >= 0.0 && t[DOWN] >= 0.0 && t[BETA] >= 0.0);
                assert!(0.5 * (t[UP] + t[DOWN]) + t[BETA] <= 1.0 + 1e-12);
                assert!(!spec.student_t || (NU_RANGE.0 - 1e-9..=NU_RANGE.1 + 1e-9).contains(&t[NU]));
            }
        }
    }
}
