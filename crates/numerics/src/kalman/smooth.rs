//! The fixed-interval smoother, which looks ahead.

use serde::{Deserialize, Serialize};

use super::{Kalman, MAX_STATES, Matrix, Model, Start, Vector, dot, times};

/// The state at one time given the whole series, past and future.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Smoothed {
    /// Mean of the state.
    pub mean: Vector,
    /// Variances of its elements.
    pub variance: Vector,
}

/// What the filter knew before an observation, and what came of it.
struct Past {
    mean: Vector,
    cov: Matrix,
    infinite: Option<Matrix>,
    z: Vector,
    /// Innovation and its variance, infinite where an unknown direction was found.
    seen: Option<(f64, f64)>,
}

/// The Rauch-Tung-Striebel smoother: each state given all observations, later ones included. **It looks ahead**: a price smoothed by it
/// knows the prices that follow. It is for studying the past and belongs into no signal.
///
/// Computed by the backward recursion of de Jong (1989) in the form of Durbin & Koopman (2012), sec. 4.4 and, for the diffuse start,
/// 5.3; it gives the numbers of Rauch, Tung & Striebel (1965), inverts nothing and covers an exactly diffuse start.
///
/// `z` gives the regressors of each observation. `None` when the observations leave a direction of the state unknown.
pub fn smooth_lookahead(
    model: Model,
    start: Start,
    z: &dyn Fn(usize) -> Vector,
    y: &[Option<f64>],
) -> Option<Vec<Smoothed>> {
    let n = model.states;
    let mut k = Kalman::new(model, start).without_shortcut();
    let mut past = Vec::with_capacity(y.len());
    for (i, y) in y.iter().enumerate() {
        k.predict();
        let (mean, cov, infinite) = (k.mean, k.cov, (k.unknown > 0).then_some(k.infinite));
        let z = z(i);
        let seen = match y {
            Some(y) => Some(k.observe(&z[..n], *y)).map(|i| (i.value, i.variance)),
            None => {
                k.miss();
                None
            }
        };
        past.push(Past { mean, cov, infinite, z, seen });
    }
    if k.unknown > 0 {
        return None;
    }
    let t = transposed(&model.transition);
    let zero = [[0.0; MAX_STATES]; MAX_STATES];
    let (mut r, mut n0, mut n1, mut n2) = ([[0.0; MAX_STATES]; 2], zero, zero, zero);
    let mut out = Vec::with_capacity(y.len());
    for p in past.iter().rev() {
        match p.seen {
            Some((v, f)) if f.is_infinite() => {
                let infinite = p.infinite.as_ref()?;
                let (m_inf, m) = (times(infinite, &p.z, n), times(&p.cov, &p.z, n));
                let (f_inf, f) = (dot(&p.z, &m_inf, n), dot(&p.z, &m, n) + model.noise);
                let k0: Vector = std::array::from_fn(|i| m_inf[i] / f_inf);
                let k1: Vector = std::array::from_fn(|i| (m[i] - k0[i] * f) / f_inf);
                let (l0, l1) = (less(&k0, &p.z, n, 1.0), less(&k1, &p.z, n, 0.0));
                let (l0t, l1t) = (transposed(&l0), transposed(&l1));
                let zz = outer(&p.z);
                n2 = plus(&[
                    &scaled(&zz, -f / (f_inf * f_inf)),
                    &product(&product(&l0t, &n2), &l0),
                    &product(&product(&l0t, &n1), &l1),
                    &product(&product(&l1t, &transposed(&n1)), &l0),
                    &product(&product(&l1t, &n0), &l1),
                ]);
                n1 = plus(&[
                    &scaled(&zz, 1.0 / f_inf),
                    &product(&product(&l0t, &n1), &l0),
                    &product(&product(&l1t, &n0), &l0),
                ]);
                n0 = product(&product(&l0t, &n0), &l0);
                let (a, b, c) = (times(&l0t, &r[1], n), times(&l1t, &r[0], n), times(&l0t, &r[0], n));
                r = [c, std::array::from_fn(|i| p.z[i] * v / f_inf + a[i] + b[i])];
            }
            Some((v, f)) if f > 0.0 => {
                let m = times(&p.cov, &p.z, n);
                let gain: Vector = std::array::from_fn(|i| m[i] / f);
                let l = less(&gain, &p.z, n, 1.0);
                let lt = transposed(&l);
                let back = times(&lt, &r[0], n);
                r[0] = std::array::from_fn(|i| p.z[i] * v / f + back[i]);
                n0 = plus(&[&scaled(&outer(&p.z), 1.0 / f), &product(&product(&lt, &n0), &l)]);
                n1 = product(&n1, &l);
            }
            _ => {}
        }
        let mut mean = p.mean;
        let step = times(&p.cov, &r[0], n);
        mean.iter_mut().zip(step).for_each(|(m, s)| *m += s);
        let mut cov = plus(&[&p.cov, &scaled(&product(&product(&p.cov, &n0), &p.cov), -1.0)]);
        if let Some(infinite) = &p.infinite {
            let step = times(infinite, &r[1], n);
            mean.iter_mut().zip(step).for_each(|(m, s)| *m += s);
            let cross = scaled(&product(&product(infinite, &n1), &p.cov), -1.0);
            let far = scaled(&product(&product(infinite, &n2), infinite), -1.0);
            cov = plus(&[&cov, &cross, &transposed(&cross), &far]);
        }
        out.push(Smoothed { mean, variance: std::array::from_fn(|i| cov[i][i]) });
        // Back through the step in time that led here.
        r = [times(&t, &r[0], n), times(&t, &r[1], n)];
        for m in [&mut n0, &mut n1, &mut n2] {
            *m = product(&product(&t, m), &model.transition);
        }
    }
    out.reverse();
    Some(out)
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let mut out = [[0.0; MAX_STATES]; MAX_STATES];
    for (o, row) in out.iter_mut().zip(a) {
        for (x, b) in row.iter().zip(b) {
            o.iter_mut().zip(b).for_each(|(o, b)| *o += x * b);
        }
    }
    out
}
fn plus(all: &[&Matrix]) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| all.iter().map(|m| m[i][j]).sum()))
}
fn scaled(m: &Matrix, by: f64) -> Matrix {
    m.map(|r| r.map(|x| x * by))
}
fn transposed(m: &Matrix) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| m[j][i]))
}
fn outer(z: &Vector) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| z[i] * z[j]))
}
/// d I - k z'.
fn less(k: &Vector, z: &Vector, n: usize, d: f64) -> Matrix {
    std::array::from_fn(|i| {
        std::array::from_fn(|j| if i < n && j < n { d * f64::from(u8::from(i == j)) - k[i] * z[j] } else { 0.0 })
    })
}
