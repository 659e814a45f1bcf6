//! Johansen's test of two series from their sums of products, for scans over many pairs: what belongs to one series alone is computed
//! once, a pair costs (k + 2)^2 inner products and a two-by-two eigenproblem in closed form, and allocates nothing.

use serde::{Deserialize, Serialize};

use super::{CointError, DetOrder, Statistic, check, columns, fewest, p_value};
use crate::half_life::{HalfLife, from_moments};
use crate::math;

/// The most lagged differences.
pub const MAX_LAGS: usize = 8;
/// Columns of a series: lagged differences, difference, level.
const OWN: usize = MAX_LAGS + 2;

/// What one series brings to every pair.
#[derive(Debug, Clone)]
pub struct Prepared {
    det: DetOrder,
    lags: usize,
    rows: usize,
    /// Lagged differences, difference, level: one after the other, `rows` values each.
    columns: Vec<f64>,
    /// Inner products among its own columns.
    own: [[f64; OWN]; OWN],
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Eight sums side by side, which the compiler turns into vector instructions.
    let (ca, cb) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = ca.remainder().iter().zip(cb.remainder()).map(|(x, y)| x * y).sum();
    let mut s = [0.0; 8];
    for (x, y) in ca.zip(cb) {
        for i in 0..8 {
            s[i] += x[i] * y[i];
        }
    }
    ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7])) + rest
}

impl Prepared {
    /// Prepares one series (its number is for errors only).
    ///
    /// # Errors
    /// When it is too short, constant or not finite.
    pub fn new(series: usize, values: &[f64], det: DetOrder, lags: usize) -> Result<Self, CointError> {
        if lags > MAX_LAGS {
            return Err(CointError::Lags(lags));
        }
        let (needed, got) = (fewest(2, lags), values.len());
        if got < needed {
            return Err(CointError::TooFew { needed, got });
        }
        check(series, values)?;
        let split = columns(values, det, lags);
        let mut own = [[0.0; OWN]; OWN];
        for (i, a) in split.iter().enumerate() {
            for (j, b) in split.iter().enumerate() {
                own[i][j] = dot(a, b);
            }
        }
        Ok(Self { det, lags, rows: got - lags - 1, columns: split.concat(), own })
    }
    /// Rows of the regressions.
    pub fn rows(&self) -> usize {
        self.rows
    }
    fn column(&self, i: usize) -> &[f64] {
        &self.columns[i * self.rows..(i + 1) * self.rows]
    }
}

/// Johansen's test of a pair (a, b).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairTest {
    /// Deterministic terms.
    pub det: DetOrder,
    /// Lagged differences.
    pub lags: usize,
    /// Rows of the regressions.
    pub rows: usize,
    /// Squared canonical correlations, largest first.
    pub eigenvalues: [f64; 2],
    /// Their vectors: v' Skk v = 1, the first component that is not zero positive.
    pub eigenvectors: [[f64; 2]; 2],
    /// trace_0 and trace_1.
    pub trace: [f64; 2],
    /// max_0 and max_1.
    pub max: [f64; 2],
    /// Half-life of the first vector's spread, from the same rows; none when it does not revert.
    pub half_life: Option<HalfLife>,
}

impl PairTest {
    /// Tests a pair.
    ///
    /// # Errors
    /// When the two were not prepared alike, or are collinear.
    pub fn new(a: &Prepared, b: &Prepared) -> Result<Self, CointError> {
        if a.rows != b.rows || a.lags != b.lags || a.det != b.det {
            return Err(CointError::Lengths { series: 1, got: b.rows, first: a.rows });
        }
        let (k, n) = (a.lags, a.lags + 2);
        let mut cross = [[0.0; OWN]; OWN];
        for (i, row) in cross.iter_mut().enumerate().take(n) {
            for (j, x) in row.iter_mut().enumerate().take(n) {
                *x = dot(a.column(i), b.column(j));
            }
        }
        // In the order: lags of a, lags of b, differences of a and b, levels of a and b.
        let at = |i: usize| -> (bool, usize) {
            match i {
                i if i < k => (false, i),
                i if i < 2 * k => (true, i - k),
                i => ((i - 2 * k) % 2 == 1, k + (i - 2 * k) / 2),
            }
        };
        let size = 2 * n;
        let mut g = [[0.0; 2 * OWN]; 2 * OWN];
        for (i, row) in g.iter_mut().enumerate().take(size) {
            for (j, x) in row.iter_mut().enumerate().take(i + 1) {
                let ((pb, p), (qb, q)) = (at(i), at(j));
                *x = match (pb, qb) {
                    (false, false) => a.own[p][q],
                    (true, true) => b.own[p][q],
                    (false, true) => cross[p][q],
                    (true, false) => cross[q][p],
                };
            }
        }
        let raw = |i: usize, j: usize| {
            let (i, j) = (2 * k + i, 2 * k + j);
            if i >= j { g[i][j] } else { g[j][i] }
        };
        // Before the lags are taken out: differences and levels as they are.
        let (dd, ll) = ([raw(0, 0), raw(1, 0), raw(1, 1)], [raw(2, 2), raw(3, 2), raw(3, 3)]);
        let ld = [[raw(2, 0), raw(2, 1)], [raw(3, 0), raw(3, 1)]];
        eliminate(&mut g, 2 * k, size)?;
        let s = |i: usize, j: usize| g[2 * k + i][2 * k + j];
        let root = |xx: f64, xy: f64, yy: f64| -> Result<[f64; 3], CointError> {
            // Cholesky of two by two; a pivot lost to rounding means that one is a multiple of the other.
            let p = xx.sqrt();
            let q = xy / p;
            let rest = yy - q * q;
            if xx > 0.0 && rest > 1e-12 * yy { Ok([p, q, rest.sqrt()]) } else { Err(CointError::Collinear) }
        };
        let l0 = root(s(0, 0), s(1, 0), s(1, 1))?;
        let lk = root(s(2, 2), s(3, 2), s(3, 3))?;
        // C = Lk^-1 Sk0 L0^-T: its singular values are the canonical correlations.
        let solve = |l: &[f64; 3], x: [f64; 2]| {
            let first = x[0] / l[0];
            [first, (x[1] - l[1] * first) / l[2]]
        };
        let rows = [solve(&l0, [s(2, 0), s(2, 1)]), solve(&l0, [s(3, 0), s(3, 1)])];
        let c0 = solve(&lk, [rows[0][0], rows[1][0]]);
        let c1 = solve(&lk, [rows[0][1], rows[1][1]]);
        let (p, q, r) = (c0[0] * c0[0] + c1[0] * c1[0], c0[0] * c0[1] + c1[0] * c1[1], c0[1] * c0[1] + c1[1] * c1[1]);
        let gap = math::hypot(0.5 * (p - r), q);
        let high = 0.5 * (p + r) + gap;
        // The smaller one from the determinant, det(C)^2, which does not cancel.
        let det = c0[0] * c1[1] - c0[1] * c1[0];
        let low = if high > 0.0 { det * det / high } else { 0.0 };
        let apart = high < 1.0 - 1e-12;
        if !apart {
            return Err(CointError::Collinear);
        }
        let angle = 0.5 * math::atan2(q, 0.5 * (p - r));
        let (sin, cos) = math::sin_cos(angle);
        let t = a.rows as f64;
        let vector = |u: [f64; 2]| {
            let second = u[1] / lk[2];
            let v = [(u[0] - lk[1] * second) / lk[0] * t.sqrt(), second * t.sqrt()];
            let sign = if v[0] != 0.0 { v[0].signum() } else { v[1].signum() };
            [sign * v[0], sign * v[1]]
        };
        let eigenvectors = [vector([cos, sin]), vector([-sin, cos])];
        let max = [-t * math::ln_1p(-high), -t * math::ln_1p(-low)];
        let w = eigenvectors[0];
        let form = |m: [f64; 3]| w[0] * w[0] * m[0] + 2.0 * w[0] * w[1] * m[1] + w[1] * w[1] * m[2];
        let sld = (0..2).map(|i| (0..2).map(|j| w[i] * w[j] * ld[i][j]).sum::<f64>()).sum();
        let free = a.rows - 1 - usize::from(a.det.centred());
        Ok(Self {
            det: a.det,
            lags: k,
            rows: a.rows,
            eigenvalues: [high, low],
            eigenvectors,
            trace: [max[0] + max[1], max[1]],
            max,
            half_life: from_moments(free, sld, form(ll), form(dd)),
        })
    }
    /// The p-value of at most `rank` (0 or 1) vectors.
    pub fn p_value(&self, statistic: Statistic, rank: usize) -> Option<f64> {
        let of = match statistic {
            Statistic::Trace => self.trace,
            Statistic::MaxEigenvalue => self.max,
        };
        p_value(*of.get(rank)?, statistic, self.det, 2 - rank, self.rows, self.lags)
    }
    /// h of the spread a - h b of the first vector; infinite when a has no part in it.
    pub fn hedge_ratio(&self) -> f64 {
        -self.eigenvectors[0][1] / self.eigenvectors[0][0]
    }
}

/// Takes the first `m` variables out of the lower triangle of inner products (Cholesky, then what is left).
fn eliminate(g: &mut [[f64; 2 * OWN]; 2 * OWN], m: usize, size: usize) -> Result<(), CointError> {
    let before: [f64; 2 * OWN] = std::array::from_fn(|i| g[i][i]);
    for c in 0..m {
        let pivot = g[c][c];
        let free = pivot > 1e-12 * before[c];
        if !free {
            return Err(CointError::Collinear);
        }
        for i in c + 1..size {
            let f = g[i][c] / pivot;
            let pivots: [f64; 2 * OWN] = std::array::from_fn(|j| g[j][c]);
            for (x, p) in g[i].iter_mut().zip(&pivots).take(i + 1).skip(c + 1) {
                *x -= f * p;
            }
        }
    }
    Ok(())
}
