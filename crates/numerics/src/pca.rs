//! Incremental principal components by mini-batches, with forgetting.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use crate::{NumericsError, math};

/// How the sign of a component is chosen: an axis has two directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signs {
    /// The largest loading in size is positive, the first of equal ones: `svd_flip` of scikit-learn for rows. From batch to batch a component
    /// may turn around, when another loading becomes the largest.
    Largest,
    /// As `Largest` at first, then so that the component points the way it did before (positive scalar product).
    Continuous,
}

/// Principal components of rows that come in batches.
///
/// With f = 1 these are the equations of scikit-learn's `IncrementalPCA`: of a batch of m rows with mean b, after n rows with mean a,
/// components V and singular values S, the singular value decomposition of
///
/// [ sqrt(f) S V; rows - b; sqrt(f n m / (f n + m)) (a - b) ]
///
/// gives the new V (its first `components` rows) and S. Explained variance is S^2 / (N - 1) with N = f n + m, its ratio
/// S^2 / (N x the sum of the columns' variances), the noise variance the mean of the explained variances left out.
///
/// With forgetting 0 < f < 1 all that came before a batch counts f times: the components are those of the covariance weighted by
/// f^(batches since), exactly so when all components are kept, and N tends to m / (1 - f). Ross, Lim, Lin & Yang (2008), Int. J.
/// Computer Vision 77, 125, section 2.2, multiply the singular values by their factor, which is the square root of this f, and n by the
/// same factor: here squares and counts have one weight, so that variances stay averages.
///
/// What has no variance: a constant column has loadings of 0 in every component that explains anything; a component beyond the rank
/// (singular value at most 1e-11 of the first) has explained variance 0 up to rounding, and its whitened scores are 0; without any variance at all the ratios are 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncrementalPca {
    columns: usize,
    forget: f64,
    signs: Signs,
    /// Rows seen, as they count.
    weight: f64,
    mean: Vec<f64>,
    /// With divisor N, as scikit-learn keeps it.
    variance: Vec<f64>,
    /// Row by row.
    components: Vec<f64>,
    singular_values: Vec<f64>,
    explained_variance: Vec<f64>,
    explained_ratio: Vec<f64>,
    noise_variance: f64,
    /// Components above the rounding errors of the decomposition.
    rank: usize,
}

impl IncrementalPca {
    /// Without any rows yet.
    ///
    /// # Errors
    /// Unless there are 1 to `columns` components and the forgetting factor is in (0, 1].
    pub fn new(columns: usize, components: usize, forget: f64, signs: Signs) -> Result<Self, NumericsError> {
        if components == 0 || components > columns {
            let what = "principal components (columns for as many components)";
            return Err(NumericsError::TooFew { what, needed: components.max(1), got: columns });
        }
        if !(forget > 0.0 && forget <= 1.0) {
            let (what, expected) = ("forgetting factor", "above 0 and at most 1");
            return Err(NumericsError::BadValue { what, index: 0, value: forget, expected });
        }
        Ok(Self {
            columns,
            forget,
            signs,
            weight: 0.0,
            mean: vec![0.0; columns],
            variance: vec![0.0; columns],
            components: vec![0.0; columns * components],
            singular_values: vec![0.0; components],
            explained_variance: vec![0.0; components],
            explained_ratio: vec![0.0; components],
            noise_variance: 0.0,
            rank: 0,
        })
    }
    /// Fits all rows (row by row in one slice) in batches of `batch`, as scikit-learn's `fit` cuts them: a rest of fewer rows than there are
    /// components goes with the batch before.
    ///
    /// # Errors
    /// As [`IncrementalPca::partial_fit`]; the batches before the one that failed are fitted.
    pub fn fit(&mut self, rows: &[f64], batch: usize) -> Result<(), NumericsError> {
        let n = self.count(rows)?;
        let (batch, least) = (batch.max(1), self.singular_values.len());
        let mut start = 0;
        for _ in 0..n / batch {
            let end = start + batch;
            if end + least <= n {
                self.partial_fit(&rows[start * self.columns..end * self.columns])?;
                start = end;
            }
        }
        if start < n { self.partial_fit(&rows[start * self.columns..]) } else { Ok(()) }
    }
    fn count(&self, rows: &[f64]) -> Result<usize, NumericsError> {
        let n = rows.len() / self.columns;
        if n == 0 || n * self.columns != rows.len() {
            let needed = (n + 1) * self.columns;
            return Err(NumericsError::TooFew { what: "a batch of whole rows", needed, got: rows.len() });
        }
        Ok(n)
    }

    /// Fits one batch of rows more.
    ///
    /// # Errors
    /// When the rows are not whole, not finite (or above 1e100 in size), the first batch has fewer rows than there are components or than
    /// two, or the decomposition does not converge; then nothing has changed.
    pub fn partial_fit(&mut self, rows: &[f64]) -> Result<(), NumericsError> {
        let (p, m) = (self.columns, self.count(rows)?);
        let k = self.singular_values.len();
        if let Some(index) = rows.iter().position(|x| x.is_nan() || x.abs() > 1e100) {
            let (what, expected) = ("principal components", "a finite number of at most 1e100 in size");
            return Err(NumericsError::BadValue { what, index, value: rows[index], expected });
        }
        let first = self.weight == 0.0;
        if first && m < k.max(2) {
            return Err(NumericsError::TooFew { what: "the first batch", needed: k.max(2), got: m });
        }
        let (before, rows_weight) = (self.forget * self.weight, m as f64);
        let weight = before + rows_weight;
        let (mut mean, mut variance, mut center) = (self.mean.clone(), self.variance.clone(), vec![0.0; p]);
        for j in 0..p {
            let column = || rows.iter().skip(j).step_by(p);
            let b = column().sum::<f64>() / rows_weight;
            let (mut squares, mut rest) = (0.0, 0.0);
            for x in column() {
                squares += (x - b) * (x - b);
                rest += x - b;
            }
            // The corrected two-pass sum, then Chan's update: two groups about their common mean.
            squares -= rest * rest / rows_weight;
            let gap = self.mean[j] - b;
            let total = before * self.variance[j] + squares + before * rows_weight / weight * gap * gap;
            mean[j] = (before * self.mean[j] + rows_weight * b) / weight;
            variance[j] = total / weight;
            center[j] = b;
        }
        let centered = |i: usize, j: usize| rows[i * p + j] - center[j];
        let stacked = if first {
            DMatrix::from_fn(m, p, centered)
        } else {
            let (old, correction) = (self.forget.sqrt(), (before * rows_weight / weight).sqrt());
            DMatrix::from_fn(k + m + 1, p, |i, j| {
                if i < k {
                    old * self.singular_values[i] * self.components[i * p + j]
                } else if i < k + m {
                    centered(i - k, j)
                } else {
                    correction * (self.mean[j] - center[j])
                }
            })
        };
        // Rounding of the rows themselves.
        let noise = mean.iter().fold(0.0, |m: f64, x| x.abs().max(m)) * weight.sqrt();
        let Decomposed { values: all, axes, rank } = decompose(stacked, noise)?;
        let total: f64 = variance.iter().sum::<f64>() * weight;
        let explained = |s: &f64| s * s / (weight - 1.0);
        let mut components = vec![0.0; k * p];
        for i in 0..k.min(all.len()) {
            let row = &axes[i * p..(i + 1) * p];
            let along = dot(row, &self.components[i * p..(i + 1) * p]);
            let turned = if self.signs == Signs::Continuous && along != 0.0 { along } else { largest(row) };
            let sign = if turned < 0.0 { -1.0 } else { 1.0 };
            components[i * p..(i + 1) * p].iter_mut().zip(row).for_each(|(c, v)| *c = sign * v);
        }
        let padded = |f: &dyn Fn(&f64) -> f64| (0..k).map(|i| all.get(i).map_or(0.0, f)).collect::<Vec<f64>>();
        self.singular_values = padded(&|s| *s);
        self.explained_variance = padded(&explained);
        self.explained_ratio = padded(&|s| if total > 0.0 { s * s / total } else { 0.0 });
        // The condition is scikit-learn's.
        let rest = all.get(k..).filter(|rest| k != m && k != p && !rest.is_empty());
        self.noise_variance = rest.map_or(0.0, |rest| rest.iter().map(explained).sum::<f64>() / rest.len() as f64);
        (self.mean, self.variance, self.components) = (mean, variance, components);
        (self.weight, self.rank) = (weight, rank.min(k));
        Ok(())
    }

    /// The scores of a row: (row - mean) V', with `whiten` each over its standard deviation. `out` takes as many as it has places.
    ///
    /// # Errors
    /// When the row has another number of columns, or nothing has been fitted yet.
    pub fn transform(&self, row: &[f64], whiten: bool, out: &mut [f64]) -> Result<(), NumericsError> {
        if row.len() != self.columns {
            return Err(NumericsError::TooFew { what: "a row", needed: self.columns, got: row.len() });
        }
        if self.weight == 0.0 {
            return Err(NumericsError::TooFew { what: "scores (in rows fitted before)", needed: 2, got: 0 });
        }
        for (i, (score, axis)) in out.iter_mut().zip(self.components.chunks_exact(self.columns)).enumerate() {
            *score = row.iter().zip(&self.mean).zip(axis).map(|((x, m), v)| (x - m) * v).sum();
            if whiten {
                *score = if i < self.rank { *score / self.explained_variance[i].sqrt() } else { 0.0 };
            }
        }
        Ok(())
    }
    /// The row of which these are the scores (not whitened): scores V + mean. `row` has a place for each column.
    pub fn inverse(&self, scores: &[f64], row: &mut [f64]) {
        for (j, (x, m)) in row.iter_mut().zip(&self.mean).enumerate() {
            let axes = self.components.chunks_exact(self.columns);
            *x = m + scores.iter().zip(axes).map(|(s, axis)| s * axis[j]).sum::<f64>();
        }
    }
    /// Columns of a row.
    pub fn columns(&self) -> usize {
        self.columns
    }
    /// Rows fitted, as they count: with forgetting at most m / (1 - f).
    pub fn weight(&self) -> f64 {
        self.weight
    }
    /// Means of the columns.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }
    /// Variances of the columns, divided by N.
    pub fn variance(&self) -> &[f64] {
        &self.variance
    }
    /// Components: orthonormal rows, by falling singular value.
    pub fn components(&self) -> std::slice::ChunksExact<'_, f64> {
        self.components.chunks_exact(self.columns)
    }
    /// Singular values.
    pub fn singular_values(&self) -> &[f64] {
        &self.singular_values
    }
    /// Variance along each component, divided by N - 1.
    pub fn explained_variance(&self) -> &[f64] {
        &self.explained_variance
    }
    /// Share of each component in all variance.
    pub fn explained_ratio(&self) -> &[f64] {
        &self.explained_ratio
    }
    /// Mean variance of what the components leave out.
    pub fn noise_variance(&self) -> f64 {
        self.noise_variance
    }
    /// Components that explain more than rounding errors.
    pub fn rank(&self) -> usize {
        self.rank
    }
}

/// The entry of the largest size, the first of equal ones.
fn largest(row: &[f64]) -> f64 {
    row.iter().copied().fold(0.0, |best: f64, x| if x.abs() > best.abs() { x } else { best })
}

/// Singular values at most this part of the first are rounding errors, which add up over thousands of batches.
const NEGLIGIBLE: f64 = 1e-11;

/// A singular value decomposition without its left vectors.
struct Decomposed {
    /// Singular values, falling.
    values: Vec<f64>,
    /// The right singular vectors, row by row: orthonormal also where the value is zero.
    axes: Vec<f64>,
    /// Values above rounding errors, which come from values and from `noise`.
    rank: usize,
}

/// One-sided Jacobi rotations on the rows of the triangle of `a` (Hestenes 1958; Demmel & Veselic 1992 for its accuracy): rows that are
/// orthogonal are the right singular vectors times their values. (`SVD` of nalgebra 0.35 loses half of the digits in its last 2 x 2 step.)
fn decompose(a: DMatrix<f64>, noise: f64) -> Result<Decomposed, NumericsError> {
    let (rows, p) = a.shape();
    // A tall matrix has the same singular values and right vectors as its triangle.
    let a = if rows > p { a.qr().unpack_r() } else { a };
    let n = a.nrows();
    let mut r: Vec<f64> = a.transpose().as_slice().to_vec();
    // A row no longer than the rounding errors of all is none; the product of two others is at best this small.
    let floor = (dot(&r, &r).sqrt() + noise) * rows.max(p) as f64 * f64::EPSILON;
    let tolerance = f64::EPSILON * (p as f64).max(8.0);
    let mut sweeps = 0;
    loop {
        let mut rotated = false;
        for i in 0..n {
            for j in i + 1..n {
                let (head, tail) = r.split_at_mut(j * p);
                if let (Some(x), Some(y)) = (head.get_mut(i * p..(i + 1) * p), tail.get_mut(..p)) {
                    rotated |= rotate(x, y, tolerance, floor);
                }
            }
        }
        if !rotated {
            break;
        }
        sweeps += 1;
        if sweeps == 100 {
            let why = format!("100 sweeps over {n} rows of {p}");
            return Err(NumericsError::NoConvergence { what: "singular value decomposition", why });
        }
    }
    let mut order: Vec<(f64, usize)> = r.chunks_exact(p).map(|x| dot(x, x).sqrt()).zip(0..).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let values: Vec<f64> = order.iter().map(|o| o.0).collect();
    let least = values.first().map_or(floor, |s| floor.max(NEGLIGIBLE * s));
    let rank = values.iter().filter(|s| **s > least).count();
    let mut axes: Vec<f64> = Vec::with_capacity(n * p);
    for (s, i) in &order[..rank] {
        axes.extend(r[i * p..(i + 1) * p].iter().map(|x| x / s));
    }
    for _ in rank..n {
        complete(&mut axes, p);
    }
    Ok(Decomposed { values, axes, rank })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Turns two rows in their plane so that they are orthogonal, unless they are.
fn rotate(x: &mut [f64], y: &mut [f64], tolerance: f64, floor: f64) -> bool {
    let (xx, yy, xy) = (dot(x, x), dot(y, y), dot(x, y));
    let (nx, ny) = (xx.sqrt(), yy.sqrt());
    if nx.min(ny) <= floor || xy.abs() <= tolerance * nx * ny {
        return false;
    }
    let zeta = (yy - xx) / (2.0 * xy);
    let t = zeta.signum() / (zeta.abs() + math::hypot(zeta, 1.0));
    let c = math::hypot(t, 1.0).recip();
    for (a, b) in x.iter_mut().zip(y) {
        (*a, *b) = (c * (*a - t * *b), c * (t * *a + *b));
    }
    true
}

/// Adds a unit row that is orthogonal to those there are: what is left of the unit vector of which most is left.
fn complete(axes: &mut Vec<f64>, p: usize) {
    let left = |j: usize| 1.0 - axes.chunks_exact(p).map(|a| a[j] * a[j]).sum::<f64>();
    let j = (0..p).fold(0, |best, j| if left(j) > left(best) + 1e-9 { j } else { best });
    let mut row = vec![0.0; p];
    row[j] = 1.0;
    // Twice is enough (Kahan, in Parlett 1980).
    for _ in 0..2 {
        for a in axes.chunks_exact(p) {
            let along = dot(a, &row);
            row.iter_mut().zip(a).for_each(|(x, v)| *x -= along * v);
        }
    }
    let size = dot(&row, &row).sqrt();
    axes.extend(row.iter().map(|x| x / size));
}
