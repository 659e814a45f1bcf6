//! Johansen's test of cointegration: trace and largest-eigenvalue statistics, cointegrating vectors, critical values and p-values.
//!
//! The model of n series y over time, with k lagged differences:
//!
//! dy_t = alpha beta' y_{t-1} + G_1 dy_{t-1} + ... + G_k dy_{t-k} + deterministic terms + e_t.
//!
//! With R0 and Rk the residuals of dy_t and y_{t-1} after the lagged differences, S_ij = R_i' R_j / T, the eigenvalues of
//! Skk^-1 Sk0 S00^-1 S0k are the squared canonical correlations l_1 > ... > l_n. The hypothesis of at most r cointegrating vectors is
//! judged by trace_r = -T sum_{i > r} ln(1 - l_i) or max_r = -T ln(1 - l_{r+1}).
//!
//! Deterministic terms as in statsmodels (`coint_johansen`) and LeSage's toolbox: order -1 none; 0 constant removed from levels,
//! differences and lags; 1 straight line removed from the levels, then the constant from all.
//!
//! Sources: Johansen (1991), Estimation and hypothesis testing of cointegration vectors in Gaussian vector autoregressive models,
//! Econometrica 59, eq. 2.11-2.14; Bjoerck & Golub (1973), Numerical methods for computing angles between linear subspaces.

mod critical;
mod null;
mod pair;

use nalgebra::{DMatrix, SVD};
use serde::{Deserialize, Serialize};

use crate::math;

pub use critical::critical_values;
pub use null::p_value;
pub use pair::{MAX_LAGS, PairTest, Prepared};

/// The most series for which critical values and p-values exist.
pub const MAX_SERIES: usize = 12;

/// Deterministic terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DetOrder {
    /// None (-1).
    None,
    /// A constant (0).
    Constant,
    /// A straight line in the levels (1).
    Trend,
}

impl DetOrder {
    /// From -1, 0 or 1.
    pub fn new(order: i64) -> Option<Self> {
        match order {
            -1 => Some(Self::None),
            0 => Some(Self::Constant),
            1 => Some(Self::Trend),
            _ => None,
        }
    }
    /// Whether the constant is removed from levels, differences and lags.
    fn centred(self) -> bool {
        self != Self::None
    }
}

/// Which of the two statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statistic {
    /// The trace: all eigenvalues beyond the rank.
    Trace,
    /// The largest eigenvalue beyond the rank.
    MaxEigenvalue,
}

/// Why series cannot be tested.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum CointError {
    /// Fewer observations than needed.
    #[error("needs at least {needed} observations of each series, got {got}")]
    TooFew {
        /// How many it needs.
        needed: usize,
        /// How many there were.
        got: usize,
    },
    /// Series of different lengths.
    #[error("series {series} has {got} observations, the first one {first}")]
    Lengths {
        /// Which series.
        series: usize,
        /// Its length.
        got: usize,
        /// The length of the first one.
        first: usize,
    },
    /// A number of series that cannot be tested.
    #[error("{0} series: expected 2 to 12")]
    Count(usize),
    /// More lagged differences than are supported.
    #[error("{0} lagged differences: expected at most {MAX_LAGS}")]
    Lags(usize),
    /// A value that is not finite.
    #[error("series {series} has {value} at index {index}: expected a finite number")]
    NotFinite {
        /// Which series.
        series: usize,
        /// Where.
        index: usize,
        /// What was there.
        value: f64,
    },
    /// A series without variation.
    #[error("series {series} is constant")]
    Constant {
        /// Which series.
        series: usize,
    },
    /// Series of which one is a combination of the others, or of its own lags.
    #[error("the series are collinear: no unique combination of them can be tested")]
    Collinear,
    /// The eigenvalues could not be computed.
    #[error("the eigenvalues did not converge")]
    NoConvergence,
}

/// Johansen's statistics of several series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Johansen {
    /// Deterministic terms.
    pub det: DetOrder,
    /// Lagged differences.
    pub lags: usize,
    /// Rows of the regressions, T: observations less lags less one.
    pub rows: usize,
    /// Squared canonical correlations, largest first.
    pub eigenvalues: Vec<f64>,
    /// One vector per eigenvalue: v' Skk v = 1, the first component that is not zero positive.
    pub eigenvectors: Vec<Vec<f64>>,
    /// trace_r for r = 0, 1, ...
    pub trace: Vec<f64>,
    /// max_r for r = 0, 1, ...
    pub max: Vec<f64>,
}

impl Johansen {
    /// The p-value of at most `rank` vectors, against simulated driftless random walks: see [`p_value`].
    pub fn p_value(&self, statistic: Statistic, rank: usize) -> Option<f64> {
        let of = match statistic {
            Statistic::Trace => &self.trace,
            Statistic::MaxEigenvalue => &self.max,
        };
        let beyond = of.len().checked_sub(rank)?;
        p_value(*of.get(rank)?, statistic, self.det, beyond, self.rows, self.lags)
    }
    /// The number of cointegrating vectors found at a level: the first rank that is not rejected.
    pub fn rank(&self, statistic: Statistic, level: f64) -> usize {
        let n = self.trace.len();
        (0..n).find(|r| self.p_value(statistic, *r).is_none_or(|p| p > level)).unwrap_or(n)
    }
}

/// The fewest observations with which n series and k lags are tested: two residuals beyond every coefficient.
pub fn fewest(n: usize, lags: usize) -> usize {
    n * (lags + 2) + lags + 4
}

pub(crate) fn check(series: usize, values: &[f64]) -> Result<(), CointError> {
    if let Some((index, &value)) = values.iter().enumerate().find(|(_, x)| !x.is_finite()) {
        return Err(CointError::NotFinite { series, index, value });
    }
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    // Variation below the rounding of the values is none.
    let varies = high - low > 1e-12 * low.abs().max(high.abs());
    if varies { Ok(()) } else { Err(CointError::Constant { series }) }
}

fn centre(x: &mut [f64]) {
    // Twice: the second pass removes the rounding of the first.
    for _ in 0..2 {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        x.iter_mut().for_each(|v| *v -= mean);
    }
}

/// The levels with constant or straight line removed.
pub(crate) fn detrend(values: &[f64], det: DetOrder) -> Vec<f64> {
    let mut y = values.to_vec();
    if det.centred() {
        centre(&mut y);
    }
    if det == DetOrder::Trend {
        let half = (y.len() as f64 - 1.0) / 2.0;
        let at = |i: usize| (i as f64 - half) / half;
        let xx: f64 = (0..y.len()).map(|i| at(i) * at(i)).sum();
        let slope = y.iter().enumerate().map(|(i, v)| at(i) * v).sum::<f64>() / xx;
        y.iter_mut().enumerate().for_each(|(i, v)| *v -= slope * at(i));
        centre(&mut y);
    }
    y
}

/// The columns of one series in the regressions: lagged differences 1 to k, difference, level before; each of `rows` values.
fn columns(values: &[f64], det: DetOrder, lags: usize) -> Vec<Vec<f64>> {
    let y = detrend(values, det);
    let rows = y.len() - lags - 1;
    let difference = |shift: usize| (0..rows).map(|t| y[lags + t + 1 - shift] - y[lags + t - shift]).collect();
    let mut all: Vec<Vec<f64>> = (1..=lags).map(difference).collect();
    all.push(difference(0));
    all.push(y[lags..lags + rows].to_vec());
    if det.centred() {
        all.iter_mut().for_each(|c| centre(c));
    }
    all
}

/// Orthonormal basis and triangle of the columns of `x`; fails where a column is a combination of those before.
fn basis(x: DMatrix<f64>) -> Result<(DMatrix<f64>, DMatrix<f64>), CointError> {
    let norms: Vec<f64> = x.column_iter().map(|c| c.norm()).collect();
    let (q, r) = x.qr().unpack();
    let free = norms.iter().enumerate().all(|(i, n)| r[(i, i)].abs() > 1e-9 * n && *n > 0.0);
    if free { Ok((q, r)) } else { Err(CointError::Collinear) }
}

/// Johansen's test of 2 to 12 series of equal length.
///
/// Computed by QR decompositions and the singular values of the product of the bases, which squares no condition number.
///
/// # Errors
/// See [`CointError`].
pub fn johansen(series: &[&[f64]], det: DetOrder, lags: usize) -> Result<Johansen, CointError> {
    let n = series.len();
    if !(2..=MAX_SERIES).contains(&n) {
        return Err(CointError::Count(n));
    }
    if lags > MAX_LAGS {
        return Err(CointError::Lags(lags));
    }
    let got = series[0].len();
    if let Some((i, s)) = series.iter().enumerate().find(|(_, s)| s.len() != got) {
        return Err(CointError::Lengths { series: i, got: s.len(), first: got });
    }
    let needed = fewest(n, lags);
    if got < needed {
        return Err(CointError::TooFew { needed, got });
    }
    for (i, s) in series.iter().enumerate() {
        check(i, s)?;
    }
    let rows = got - lags - 1;
    let all: Vec<Vec<Vec<f64>>> = series.iter().map(|s| columns(s, det, lags)).collect();
    let pick = |which: std::ops::Range<usize>| {
        let picked: Vec<f64> = which.flat_map(|c| all.iter().flat_map(move |s| s[c].iter().copied())).collect();
        let wide = picked.len() / rows;
        DMatrix::from_vec(rows, wide, picked)
    };
    let (mut d, mut level) = (pick(lags..lags + 1), pick(lags + 1..lags + 2));
    if lags > 0 {
        let (z, _) = basis(pick(0..lags))?;
        // Twice: orthogonal to rounding.
        for _ in 0..2 {
            d -= &z * z.tr_mul(&d);
            level -= &z * z.tr_mul(&level);
        }
    }
    let ((q0, _), (qk, rk)) = (basis(d)?, basis(level)?);
    let svd = SVD::try_new(qk.tr_mul(&q0), true, false, f64::EPSILON, 10_000).ok_or(CointError::NoConvergence)?;
    let u = svd.u.ok_or(CointError::NoConvergence)?;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| svd.singular_values[*b].total_cmp(&svd.singular_values[*a]));
    let vectors = rk.solve_upper_triangular(&u).ok_or(CointError::Collinear)? * (rows as f64).sqrt();
    let eigenvalues: Vec<f64> = order.iter().map(|i| svd.singular_values[*i].powi(2)).collect();
    let apart = eigenvalues.iter().all(|l| *l < 1.0 - 1e-12);
    if !apart {
        return Err(CointError::Collinear);
    }
    let eigenvectors = order
        .iter()
        .map(|&i| {
            let v: Vec<f64> = vectors.column(i).iter().copied().collect();
            let sign = v.iter().find(|x| **x != 0.0).map_or(1.0, |x| x.signum());
            v.into_iter().map(|x| sign * x).collect()
        })
        .collect();
    let max: Vec<f64> = eigenvalues.iter().map(|l| -(rows as f64) * math::ln_1p(-l)).collect();
    let mut trace = max.clone();
    for r in (0..n - 1).rev() {
        trace[r] += trace[r + 1];
    }
    Ok(Johansen { det, lags, rows, eigenvalues, eigenvectors, trace, max })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::testkit::Rng;

    fn walk(seed: u64, n: usize) -> Vec<f64> {
        let (mut rng, mut y) = (Rng(seed), 0.0);
        (0..n)
            .map(|_| {
                y += rng.normal();
                y
            })
            .collect()
    }

    #[test]
    fn canonical_correlations_by_hand() {
        // Order -1, no lags: R0 are the differences, Rk the levels before; sums of products are small integers.
        let a = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0_f64];
        let b = [0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0_f64];
        let j = johansen(&[&a, &b], DetOrder::None, 0).unwrap();
        // Levels before: a has four ones in rows 0, 3, 5, 8, b in 1, 4, 5, 7, one in common: Skk = [4, 1; 1, 4]/9.
        // Differences: da = -1, 0, 1, -1, 1, -1, 0, 1, -1; db = 1, -1, 0, 1, 0, -1, 1, -1, 0: S00 = [7, -2; -2, 6]/9.
        // Sk0: a da = -4, a db = 1 + 1 - 1 + 0 = 1; b da = 0 + 1 - 1 + 1 = 1, b db = -1 + 0 - 1 - 1 = -3.
        let (kk, s0, k) =
            ([[4.0, 1.0], [1.0, 4.0_f64]], [[7.0, -2.0], [-2.0, 6.0_f64]], [[-4.0, 1.0], [1.0, -3.0_f64]]);
        let invert = |m: [[f64; 2]; 2]| {
            let det = m[0][0] * m[1][1] - m[0][1] * m[1][0];
            [[m[1][1] / det, -m[0][1] / det], [-m[1][0] / det, m[0][0] / det]]
        };
        let product = |x: [[f64; 2]; 2], y: [[f64; 2]; 2]| {
            let of = |i: usize, j: usize| x[i][0] * y[0][j] + x[i][1] * y[1][j];
            [[of(0, 0), of(0, 1)], [of(1, 0), of(1, 1)]]
        };
        // Sk0 is symmetric here, so that S0k is the same.
        let m = product(product(invert(kk), k), product(invert(s0), k));
        let (tr, dt) = (m[0][0] + m[1][1], m[0][0] * m[1][1] - m[0][1] * m[1][0]);
        let root = (tr * tr / 4.0 - dt).max(0.0).sqrt();
        assert_eq!(j.rows, 9);
        for (got, want) in j.eigenvalues.iter().zip([tr / 2.0 + root, tr / 2.0 - root]) {
            assert!((got - want).abs() < 1e-12, "{got} {want}");
        }
        assert!((j.trace[0] - (j.max[0] + j.max[1])).abs() < 1e-12 && j.trace[1] == j.max[1]);
    }

    #[test]
    fn a_planted_vector_is_found_and_normalised() {
        let (mut rng, x) = (Rng(7), walk(1, 2000));
        let y: Vec<f64> = x.iter().map(|x| 3.0 + 0.7 * x + 0.1 * rng.normal()).collect();
        let w = walk(2, 2000);
        let j = johansen(&[&y, &x, &w], DetOrder::Constant, 1).unwrap();
        assert_eq!(j.rank(Statistic::Trace, 0.01), 1);
        assert_eq!(j.rank(Statistic::MaxEigenvalue, 0.01), 1);
        let v = &j.eigenvectors[0];
        assert!((v[1] / v[0] + 0.7).abs() < 0.01 && (v[2] / v[0]).abs() < 0.01 && v[0] > 0.0, "{v:?}");
    }

    #[test]
    fn what_cannot_be_tested_is_named() {
        let (a, b) = (walk(1, 100), walk(2, 100));
        let twice: Vec<f64> = a.iter().map(|x| 2.0 * x + 1.0).collect();
        let flat = [3.0; 100];
        let mut bad = b.clone();
        bad[40] = f64::NAN;
        let of = |s: &[&[f64]], k| johansen(s, DetOrder::Constant, k).unwrap_err();
        assert_eq!(of(&[&a], 1), CointError::Count(1));
        assert_eq!(of(&[&a, &b], 99), CointError::Lags(99));
        assert_eq!(of(&[&a, &b[1..]], 1), CointError::Lengths { series: 1, got: 99, first: 100 });
        assert_eq!(of(&[&a[..10], &b[..10]], 1), CointError::TooFew { needed: 11, got: 10 });
        assert!(matches!(of(&[&a, &bad], 1), CointError::NotFinite { series: 1, index: 40, .. }));
        assert_eq!(of(&[&flat, &b], 1), CointError::Constant { series: 0 });
        assert_eq!(of(&[&a, &twice], 1), CointError::Collinear);
        assert_eq!(of(&[&a, &b, &twice], 0), CointError::Collinear);
    }
}
