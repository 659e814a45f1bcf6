//! The points nearest to a given one whose distance from a centre, as a covariance measures it, is within a radius.

use nalgebra::{DVector, SymmetricEigen};

use super::Symmetric;
use crate::dot;
use crate::{NumericsError, math};

/// What "nearest" means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Smallest sum of squared changes.
    Euclidean,
    /// Smallest change as the covariance itself measures it: all of the difference shrinks alike.
    Covariance,
}

/// The nearest point found.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// The point.
    pub point: Vec<f64>,
    /// Its distance from the centre.
    pub distance: f64,
    /// Whether that is within the radius.
    pub within: bool,
}

/// Projects `w` onto the ball sqrt((x - b)' S (x - b)) <= `radius`.
///
/// With a = w - b, the metric of the covariance gives b + a radius / |a|_S; the Euclidean one b + (I + t S)^-1 a with the t >= 0 that
/// meets the radius, found in the eigenbasis of S by bisection of a monotone function (Boyd & Vandenberghe 2004, section 8.1).
/// A point inside stays as it is.
///
/// # Errors
/// Vectors and matrix of different sizes, values that are not finite, a radius that is not above zero, a matrix with a negative
/// eigenvalue, or eigenvalues that do not converge.
pub fn project(w: &[f64], b: &[f64], s: &Symmetric, radius: f64, metric: Metric) -> Result<Nearest, NumericsError> {
    let what = "projection";
    let n = s.order();
    if w.len() != n || b.len() != n {
        return Err(NumericsError::TooFew { what, needed: n, got: w.len().min(b.len()) });
    }
    let bad = |index, value, expected| NumericsError::BadValue { what, index, value, expected };
    for v in [w, b, &s.lower] {
        if let Some(i) = v.iter().position(|x| !x.is_finite()) {
            return Err(bad(i, v[i], "a finite number"));
        }
    }
    if radius.is_nan() || radius <= 0.0 || radius.is_infinite() {
        return Err(bad(0, radius, "a radius above zero"));
    }
    let a: Vec<f64> = w.iter().zip(b).map(|(x, y)| x - y).collect();
    let square = s.quadratic(&a);
    if square < -1e-12 * s.trace().abs() * dot(&a, &a) {
        return Err(bad(0, square, "a matrix without negative eigenvalues"));
    }
    let distance = square.max(0.0).sqrt();
    if distance <= radius {
        return Ok(Nearest { point: w.to_vec(), distance, within: true });
    }
    if metric == Metric::Covariance {
        let k = radius / distance;
        let point = b.iter().zip(&a).map(|(b, a)| b + k * a).collect();
        return Ok(Nearest { point, distance: radius, within: true });
    }
    let eigen = SymmetricEigen::try_new(s.to_matrix(), f64::EPSILON, 0)
        .ok_or(NumericsError::NoConvergence { what, why: "eigenvalues".into() })?;
    let d = &eigen.eigenvalues;
    if d.min() < -1e-10 * d.amax() {
        return Err(bad(0, d.min(), "a matrix without negative eigenvalues"));
    }
    let c = eigen.eigenvectors.tr_mul(&DVector::from_column_slice(&a));
    let at = |t: f64| {
        let terms = d.iter().zip(&c).map(|(d, c)| (d.max(0.0), c));
        terms.map(|(d, c)| d * (c / (1.0 + t * d)).powi(2)).sum::<f64>().sqrt()
    };
    let mut high = 1.0 / d.amax();
    while at(high) > radius {
        high *= 4.0;
    }
    let mut low = 0.0;
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if at(middle) > radius { low = middle } else { high = middle }
    }
    let shrunk = DVector::from_iterator(n, d.iter().zip(&c).map(|(d, c)| c / (1.0 + high * d.max(0.0))));
    let moved = &eigen.eigenvectors * shrunk;
    let point: Vec<f64> = b.iter().zip(&moved).map(|(b, a)| b + a).collect();
    Ok(Nearest { point, distance: at(high), within: true })
}

/// A squared distance x' Q x - 2 p x + r.
#[derive(Debug, Clone, PartialEq)]
pub struct Quadratic {
    /// Q, without negative eigenvalues.
    pub q: Symmetric,
    /// p.
    pub p: Vec<f64>,
    /// r.
    pub r: f64,
}

impl Quadratic {
    /// The distance of `x`, given Q x.
    fn distance(&self, x: &[f64], qx: &[f64]) -> f64 {
        (dot(x, qx) - 2.0 * dot(&self.p, x) + self.r).max(0.0).sqrt()
    }
}

/// Sweeps over the coordinates for one multiplier.
const SWEEPS: usize = 3000;

/// The point nearest to `w` (Euclidean) that lies between 0 and `w` in every coordinate and whose distance is within `radius`; when
/// there is none, the point between 0 and `w` with the smallest distance.
///
/// Minimises |x - w|^2 / 2 + t distance^2 / 2 over the box by coordinate descent, which converges since the sum is strictly convex
/// (Tseng 2001), and finds the smallest multiplier t that meets the radius by the Illinois form of the rule of false position on the
/// logarithm of t; each descent starts where the one before ended. Moving one coordinate costs O(n). The answer's distance is measured, not assumed: `within` is always true to the numbers given.
///
/// # Errors
/// Vectors and matrix of different sizes, values that are not finite, or a radius that is not above zero.
pub fn nearest_in_box(form: &Quadratic, w: &[f64], radius: f64) -> Result<Nearest, NumericsError> {
    let what = "nearest point in a box";
    let n = form.q.order();
    if w.len() != n || form.p.len() != n {
        return Err(NumericsError::TooFew { what, needed: n, got: w.len().min(form.p.len()) });
    }
    let bad = |index, value| NumericsError::BadValue { what, index, value, expected: "a finite number" };
    for v in [w, &form.p, &form.q.lower, &[form.r]] {
        if let Some(i) = v.iter().position(|x| !x.is_finite()) {
            return Err(bad(i, v[i]));
        }
    }
    if radius.is_nan() || radius <= 0.0 {
        return Err(NumericsError::BadValue { what, index: 0, value: radius, expected: "a radius above zero" });
    }
    let mut x = w.to_vec();
    let mut qx = vec![0.0; n];
    form.q.mul(&x, &mut qx);
    let distance = form.distance(&x, &qx);
    if distance <= radius {
        return Ok(Nearest { point: x, distance, within: true });
    }
    let size = w.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    // All entries, so that each column lies together.
    let mut full = vec![0.0; n * n];
    form.q.spread(&mut full);
    let mut descend = |x: &mut Vec<f64>, t: f64| {
        for _ in 0..SWEEPS {
            let mut most = 0.0_f64;
            for i in 0..n {
                let slope = (x[i] - w[i]) + t * (qx[i] - form.p[i]);
                let column = &full[i * n..(i + 1) * n];
                let to = (x[i] - slope / (1.0 + t * column[i])).clamp(w[i].min(0.0), w[i].max(0.0));
                let step = to - x[i];
                if step != 0.0 {
                    qx.iter_mut().zip(column).for_each(|(q, c)| *q += step * c);
                    x[i] = to;
                    most = most.max(step.abs());
                }
            }
            if most <= 1e-11 * size {
                break;
            }
        }
        // Once more in full, so that the distance does not carry the rounding of thousands of steps.
        form.q.mul(x, &mut qx);
        form.distance(x, &qx)
    };
    let unit = n as f64 / form.q.trace().max(f64::MIN_POSITIVE);
    let (mut t, mut outside) = (unit, None);
    let mut best = None;
    // Beyond this the change itself counts for nothing, and the descent seeks the smallest distance.
    while t <= 1e9 * unit {
        let distance = descend(&mut x, t);
        if distance <= radius {
            best = Some((x.clone(), distance));
            break;
        }
        outside = Some((math::ln(t), distance));
        t *= 8.0;
    }
    let Some(mut best) = best else {
        let distance = descend(&mut x, t);
        return Ok(Nearest { point: x, distance, within: distance <= radius });
    };
    // A multiplier a thousandth of the unit moves next to nothing; what is met even by that is met by less.
    while outside.is_none() && t > 1e-12 * unit {
        t *= 0.125;
        let distance = descend(&mut x, t);
        if distance <= radius {
            best = (x.clone(), distance);
        } else {
            outside = Some((math::ln(t), distance));
        }
    }
    // Aim a little inside, so that the radius is met in a finite number of steps.
    let aim = radius * (1.0 - 5e-11);
    let Some((mut a, mut fa)) = outside.map(|(u, d)| (u, d - aim)) else {
        return Ok(Nearest { point: best.0, distance: best.1, within: true });
    };
    let (mut b, mut fb) = (if a < math::ln(t) { math::ln(t) } else { a + 3.0 * std::f64::consts::LN_2 }, best.1 - aim);
    // Which end moved last: the other one's weight is halved when it stays a second time.
    let mut inside_moved = None;
    for i in 0..100 {
        if best.1 >= radius * (1.0 - 1e-10) || b - a <= 1e-15 * b.abs() {
            break;
        }
        let cut = (a * fb - b * fa) / (fb - fa);
        // Now and then in the middle, so that the bracket cannot shrink from one side only.
        let u = if i % 8 == 7 || !(a < cut && cut < b) { 0.5 * (a + b) } else { cut };
        let distance = descend(&mut x, math::exp(u));
        if distance <= radius {
            (b, fb) = (u, distance - aim);
            fa *= if inside_moved == Some(true) { 0.5 } else { 1.0 };
            inside_moved = Some(true);
            best = (x.clone(), distance);
        } else {
            (a, fa) = (u, distance - aim);
            fb *= if inside_moved == Some(false) { 0.5 } else { 1.0 };
            inside_moved = Some(false);
        }
    }
    Ok(Nearest { point: best.0, distance: best.1, within: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tradewind_core_types::testkit::Rng;

    fn random(seed: u64, n: usize) -> (Symmetric, Vec<f64>, Vec<f64>) {
        let mut rng = Rng(seed);
        let factor: Vec<f64> = (0..n * n).map(|_| 0.1 * rng.normal()).collect();
        let market: Vec<f64> = (0..n).map(|_| 0.15 + 0.05 * rng.normal()).collect();
        let s = Symmetric::from_fn(n, |i, j| {
            let own = if i == j { 0.01 } else { 0.0 };
            own + market[i] * market[j] + (0..n).map(|k| factor[i * n + k] * factor[j * n + k]).sum::<f64>() / n as f64
        });
        let w = (0..n).map(|_| 0.3 * rng.normal()).collect();
        let b = (0..n).map(|_| rng.uniform() / n as f64).collect();
        (s, w, b)
    }

    #[test]
    fn by_hand() {
        // S = diag(1, 4), a = (0, 1): distance 2, half of it either way.
        let s = Symmetric::from_full(2, &[1.0, 0.0, 0.0, 4.0]).unwrap();
        for metric in [Metric::Euclidean, Metric::Covariance] {
            let p = project(&[0.5, 1.0], &[0.5, 0.0], &s, 1.0, metric).unwrap();
            assert!((p.point[0] - 0.5).abs() < 1e-14 && (p.point[1] - 0.5).abs() < 1e-14, "{p:?}");
        }
        // In a box: (1, 1) towards 0; both move by the conditions x_i - 1 + t d_i x_i = 0 and x1^2 + 4 x2^2 = 1.
        let form = Quadratic { q: s.clone(), p: vec![0.0; 2], r: 0.0 };
        let p = nearest_in_box(&form, &[1.0, 1.0], 1.0).unwrap();
        let t = (1.0 - p.point[0]) / p.point[0];
        assert!((p.distance - 1.0).abs() < 1e-10 && (p.point[1] - 1.0 / (1.0 + 4.0 * t)).abs() < 1e-9, "{p:?}");
        // A centre beyond the box: 0.2 is as near to 1 as it gets.
        let form = Quadratic { q: Symmetric::from_fn(1, |_, _| 1.0), p: vec![1.0], r: 1.0 };
        let p = nearest_in_box(&form, &[0.2], 0.1).unwrap();
        assert!(!p.within && p.point == [0.2] && (p.distance - 0.8).abs() < 1e-15, "{p:?}");
        assert!(project(&[1.0], &[0.0], &s, 1.0, Metric::Euclidean).is_err());
        assert!(project(&[1.0, 1.0], &[0.0, 0.0], &s, f64::NAN, Metric::Euclidean).is_err());
        let indefinite = Symmetric::from_full(2, &[1.0, 2.0, 2.0, 1.0]).unwrap();
        assert!(project(&[9.0, -9.1], &[0.0, 0.0], &indefinite, 1.0, Metric::Euclidean).is_err());
        assert!(nearest_in_box(&form, &[f64::NAN], 0.1).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_ball_is_met_and_nothing_nearer_is_in_it(seed in any::<u64>(), n in 1_usize..12, radius in 0.005_f64..0.1) {
            let (s, w, b) = random(seed, n);
            let a = |x: &[f64]| -> Vec<f64> { x.iter().zip(&b).map(|(x, b)| x - b).collect() };
            let far = |x: &[f64]| s.quadratic(&a(x)).sqrt();
            let moved = |x: &[f64]| x.iter().zip(&w).map(|(x, w)| (x - w).powi(2)).sum::<f64>();
            let radial = project(&w, &b, &s, radius, Metric::Covariance).unwrap();
            let nearest = project(&w, &b, &s, radius, Metric::Euclidean).unwrap();
            for p in [&radial, &nearest] {
                prop_assert!(far(&p.point) <= radius * (1.0 + 1e-10));
            }
            prop_assert!(moved(&nearest.point) <= moved(&radial.point) + 1e-12);

            let mut p = vec![0.0; n];
            s.mul(&b, &mut p);
            let form = Quadratic { q: s.clone(), p, r: s.quadratic(&b) };
            let boxed = nearest_in_box(&form, &w, radius).unwrap();
            for (x, w) in boxed.point.iter().zip(&w) {
                prop_assert!(x.abs() <= w.abs() && x * w >= 0.0);
            }
            prop_assert!((far(&boxed.point) - boxed.distance).abs() < 1e-9);
            prop_assert!(!boxed.within || boxed.distance <= radius);
            // The box only takes possibilities away.
            prop_assert!(!boxed.within || moved(&boxed.point) >= moved(&nearest.point) - 1e-9);
            // No random point of the box does better.
            let mut rng = Rng(seed ^ 1);
            for _ in 0..200 {
                let k = rng.uniform();
                let x: Vec<f64> = boxed.point.iter().zip(&w).map(|(x, w)| {
                    let other = rng.uniform() * w;
                    k * x + (1.0 - k) * other
                }).collect();
                if boxed.within {
                    prop_assert!(far(&x) > radius || moved(&x) >= moved(&boxed.point) - 1e-9);
                } else {
                    prop_assert!(far(&x) >= boxed.distance - 1e-9);
                }
            }
        }
    }
}
