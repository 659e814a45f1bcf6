//! Covariance matrices: sample, exponentially weighted and Ledoit-Wolf, in batch and rolling, their repair, and the distance from a
//! point that they measure.
//!
//! Observations are rows of n finite values, one after the other. Every estimator here needs O(n^2) for a new row.

mod ball;
mod repair;
mod rolling;

pub use ball::{Metric, Nearest, Quadratic, nearest_in_box, project};
pub use repair::{Repaired, clip_eigenvalues};
pub use rolling::{EwmaCovariance, RollingCovariance};

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use crate::{NumericsError, dot};

/// A symmetric matrix, of which the lower triangle is kept row by row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Symmetric {
    order: usize,
    lower: Vec<f64>,
}

impl Symmetric {
    /// All zero.
    pub fn zeros(order: usize) -> Self {
        Self { order, lower: vec![0.0; order * (order + 1) / 2] }
    }
    /// From the function that gives row i, column j <= i.
    pub fn from_fn(order: usize, f: impl Fn(usize, usize) -> f64) -> Self {
        Self { order, lower: (0..order).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| f(i, j)).collect() }
    }
    /// From all its entries, row by row.
    ///
    /// # Errors
    /// Unless there are `order` squared, finite, and symmetric to 1e-12 of the largest.
    pub fn from_full(order: usize, full: &[f64]) -> Result<Self, NumericsError> {
        if full.len() != order * order {
            return Err(NumericsError::TooFew { what: "a square matrix", needed: order * order, got: full.len() });
        }
        let bad = |index, expected| NumericsError::BadValue { what: "matrix", index, value: full[index], expected };
        if let Some(i) = full.iter().position(|x| !x.is_finite()) {
            return Err(bad(i, "a finite number"));
        }
        let most = full.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let odd = |k: &usize| (full[*k] - full[(*k % order) * order + *k / order]).abs() > 1e-12 * most;
        if let Some(k) = (0..full.len()).find(odd) {
            return Err(bad(k, "the same as on the other side of the diagonal"));
        }
        Ok(Self::from_fn(order, |i, j| full[i * order + j]))
    }
    /// Number of rows.
    pub fn order(&self) -> usize {
        self.order
    }
    /// Row `i` up to the diagonal.
    pub fn row(&self, i: usize) -> &[f64] {
        let start = i * (i + 1) / 2;
        &self.lower[start..start + i + 1]
    }
    fn rows_mut(&mut self) -> impl Iterator<Item = (usize, &mut [f64])> {
        let mut rest = self.lower.as_mut_slice();
        (0..self.order).map(move |i| {
            let (row, after) = std::mem::take(&mut rest).split_at_mut(i + 1);
            rest = after;
            (i, row)
        })
    }
    /// The entry in row i, column j.
    #[inline]
    pub fn get(&self, i: usize, j: usize) -> f64 {
        let (i, j) = if i < j { (j, i) } else { (i, j) };
        self.lower[i * (i + 1) / 2 + j]
    }
    /// The sum of the diagonal.
    pub fn trace(&self) -> f64 {
        (0..self.order).map(|i| self.get(i, i)).sum()
    }
    /// The sum of the squares of all entries.
    pub fn squares(&self) -> f64 {
        (0..self.order)
            .map(|i| {
                let row = self.row(i);
                2.0 * dot(&row[..i], &row[..i]) + row[i] * row[i]
            })
            .sum()
    }
    /// `out` becomes the product with `v`; both of the matrix's order.
    pub fn mul(&self, v: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for i in 0..self.order {
            let row = self.row(i);
            let x = v[i];
            out[..i].iter_mut().zip(row).for_each(|(o, m)| *o += m * x);
            out[i] += dot(&row[..i], &v[..i]) + row[i] * x;
        }
    }
    /// `full` becomes all entries, row by row; it must have room for `order` squared.
    pub fn spread(&self, full: &mut [f64]) {
        for i in 0..self.order {
            let row = self.row(i);
            full[i * self.order..i * self.order + i + 1].copy_from_slice(row);
            row.iter().enumerate().for_each(|(j, x)| full[j * self.order + i] = *x);
        }
    }
    /// v' M v.
    pub fn quadratic(&self, v: &[f64]) -> f64 {
        (0..self.order)
            .map(|i| {
                let row = self.row(i);
                v[i] * (2.0 * dot(&row[..i], &v[..i]) + row[i] * v[i])
            })
            .sum()
    }
    /// Every entry times `k`.
    pub fn scale(&mut self, k: f64) {
        self.lower.iter_mut().for_each(|x| *x *= k);
    }
    /// The diagonal grows by `k`.
    pub fn add_diagonal(&mut self, k: f64) {
        self.rows_mut().for_each(|(i, row)| row[i] += k);
    }
    /// As a matrix of nalgebra.
    pub fn to_matrix(&self) -> DMatrix<f64> {
        DMatrix::from_fn(self.order, self.order, |i, j| self.get(i, j))
    }
    /// The lower triangle of a square matrix of nalgebra.
    pub fn from_matrix(m: &DMatrix<f64>) -> Self {
        Self::from_fn(m.nrows(), |i, j| m[(i, j)])
    }
}

/// A covariance matrix shrunk towards a multiple of the identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shrunk {
    /// The matrix.
    pub covariance: Symmetric,
    /// Weight of the identity, in [0, 1].
    pub shrinkage: f64,
    /// Mean of the variances: what the identity is multiplied by.
    pub mean_variance: f64,
}

fn checked(what: &'static str, rows: &[f64], n: usize, needed: usize) -> Result<usize, NumericsError> {
    let t = rows.len().checked_div(n).unwrap_or(0);
    if t < needed || t * n != rows.len() {
        return Err(NumericsError::TooFew { what, needed: needed * n.max(1), got: rows.len() });
    }
    match rows.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(NumericsError::BadValue { what, index, value: rows[index], expected: "a finite number" }),
        None => Ok(t),
    }
}

/// Means of the columns, and the sums of products of deviations from them.
fn centred(rows: &[f64], n: usize, t: usize) -> (Vec<f64>, Symmetric) {
    let mut mean = vec![0.0; n];
    rows.chunks_exact(n).for_each(|r| mean.iter_mut().zip(r).for_each(|(m, x)| *m += x));
    mean.iter_mut().for_each(|m| *m /= t as f64);
    let (mut cross, mut d) = (Symmetric::zeros(n), vec![0.0; n]);
    for r in rows.chunks_exact(n) {
        d.iter_mut().zip(r).zip(&mean).for_each(|((d, x), m)| *d = x - m);
        for (i, row) in cross.rows_mut() {
            row.iter_mut().zip(&d).for_each(|(c, y)| *c += d[i] * y);
        }
    }
    (mean, cross)
}

/// Sample covariance of rows of `n` values, with divisor T - `ddof`.
///
/// # Errors
/// Fewer than `ddof` + 1 rows (at least 2), a last row that is not whole, or a value that is not finite.
pub fn sample(rows: &[f64], n: usize, ddof: usize) -> Result<Symmetric, NumericsError> {
    let t = checked("a covariance", rows, n, (ddof + 1).max(2))?;
    let (_, mut cross) = centred(rows, n, t);
    cross.scale(1.0 / (t - ddof) as f64);
    Ok(cross)
}

/// Ledoit & Wolf (2004): (1 - s) S + s m I with S the sample covariance (divisor T), m its mean variance and s the intensity that
/// minimises the expected quadratic loss, exactly as `sklearn.covariance.LedoitWolf` (centred). With x the centred rows,
///
/// beta = (sum_t |x_t|^4 / T - |S|^2) / T, delta = |S|^2 - n m^2 (|S|^2: sum of squared entries), s = min(beta, delta) / delta.
///
/// Positive definite also with fewer rows than columns, from three rows on when any column varies (two rows are shrunk by nothing).
///
/// # Errors
/// As [`sample`].
pub fn ledoit_wolf(rows: &[f64], n: usize) -> Result<Shrunk, NumericsError> {
    let t = checked("Ledoit-Wolf shrinkage", rows, n, 2)?;
    let (mean, cross) = centred(rows, n, t);
    let norm = |r: &[f64]| r.iter().zip(&mean).map(|(x, m)| (x - m).powi(2)).sum::<f64>().powi(2);
    let fourth: f64 = rows.chunks_exact(n).map(norm).sum();
    let mut covariance = cross;
    covariance.scale(1.0 / t as f64);
    let (shrinkage, mean_variance) = shrink(&mut covariance, fourth, t as f64);
    Ok(Shrunk { covariance, shrinkage, mean_variance })
}

/// Shrinks a sample covariance (divisor t) in place, given the sum of the fourth powers of the centred rows' norms.
fn shrink(s: &mut Symmetric, fourth: f64, t: f64) -> (f64, f64) {
    let n = s.order() as f64;
    let m = s.trace() / n;
    let squares = s.squares();
    let delta = squares - n * m * m;
    let beta = ((fourth / t - squares) / t).min(delta);
    // One column is its own target; no dispersion leaves nothing to shrink.
    let k = if s.order() > 1 && beta > 0.0 { beta / delta } else { 0.0 };
    s.scale(1.0 - k);
    s.add_diagonal(k * m);
    (k, m)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Deviations (1, 1), (1, -1), (-1, 1), (-1, -1), and once more with the second column doubled.
        let rows = [1.0, 2.0, 1.0, 0.0, -1.0, 2.0, -1.0, 0.0];
        let s = sample(&rows, 2, 1).unwrap();
        assert_eq!((s.get(0, 0), s.get(1, 0), s.get(1, 1)), (4.0 / 3.0, 0.0, 4.0 / 3.0));
        let rows = [1.0, 4.0, 1.0, 0.0, -1.0, 4.0, -1.0, 0.0];
        // S = diag(1, 4), m = 2.5, |S|^2 = 17, delta = 17 - 12.5, fourth = 4 x 25, beta = (25 - 17) / 4 = 2.
        let w = ledoit_wolf(&rows, 2).unwrap();
        assert!((w.shrinkage - 2.0 / 4.5).abs() < 1e-15 && w.mean_variance == 2.5);
        assert!((w.covariance.get(0, 0) - (1.0 + 1.5 * 2.0 / 4.5)).abs() < 1e-15);
        let one = ledoit_wolf(&[1.0, 3.0], 1).unwrap();
        assert_eq!((one.shrinkage, one.covariance.get(0, 0)), (0.0, 1.0));
    }

    #[test]
    fn products() {
        let m = Symmetric::from_full(3, &[1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 3.0, 5.0, 6.0]).unwrap();
        let (v, mut out) = ([1.0, -1.0, 2.0], [0.0; 3]);
        m.mul(&v, &mut out);
        assert_eq!(out, [5.0, 8.0, 10.0]);
        assert_eq!((m.quadratic(&v), m.trace(), m.squares(), m.get(0, 2)), (17.0, 11.0, 129.0, 3.0));
        let mut full = [0.0; 9];
        m.spread(&mut full);
        assert_eq!(full, [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 3.0, 5.0, 6.0]);
        let x: Vec<f64> = (0..21).map(f64::from).collect();
        assert_eq!(dot(&x, &x), 2870.0);
    }

    #[test]
    fn bad_input_is_typed() {
        assert!(matches!(sample(&[1.0, 2.0], 2, 1), Err(NumericsError::TooFew { .. })));
        assert!(matches!(sample(&[1.0, 2.0, 3.0], 2, 1), Err(NumericsError::TooFew { .. })));
        assert!(matches!(ledoit_wolf(&[], 0), Err(NumericsError::TooFew { .. })));
        let e = ledoit_wolf(&[1.0, 2.0, f64::NAN, 1.0], 2);
        assert!(matches!(e, Err(NumericsError::BadValue { index: 2, .. })));
        assert!(Symmetric::from_full(2, &[1.0, 2.0, 3.0, 1.0]).is_err());
        assert!(Symmetric::from_full(2, &[1.0, f64::INFINITY, f64::INFINITY, 1.0]).is_err());
    }

    #[test]
    fn constant_columns_and_few_rows() {
        // Two rows of three columns, one constant: singular as a sample, definite once shrunk.
        let rows = [1.0, 5.0, 2.0, 3.0, 5.0, 1.0];
        assert_eq!(sample(&rows, 3, 1).unwrap().get(1, 1), 0.0);
        let w = ledoit_wolf(&rows, 3).unwrap();
        assert!(w.covariance.to_matrix().cholesky().is_some() == (w.shrinkage > 0.0));
        // Nothing varies: zero, and no division by it.
        let w = ledoit_wolf(&[2.0; 6], 3).unwrap();
        assert_eq!((w.shrinkage, w.covariance.squares()), (0.0, 0.0));
    }
}
