//! Making an indefinite or singular matrix positive definite.

use nalgebra::SymmetricEigen;
use serde::{Deserialize, Serialize};

use super::Symmetric;
use crate::NumericsError;

/// A matrix whose eigenvalues are at least a floor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repaired {
    /// The matrix.
    pub covariance: Symmetric,
    /// How many eigenvalues were raised to the floor; with 0 the matrix is as it was.
    pub clipped: usize,
    /// The smallest eigenvalue before, when it had to be computed.
    pub smallest: Option<f64>,
}

/// The nearest matrix (in the Frobenius norm) with no eigenvalue below `floor` times the mean of the diagonal: smaller ones are
/// raised to it (Higham 1988, "Computing a nearest symmetric positive semidefinite matrix", theorem 2.1).
///
/// A Cholesky factorisation tells first, at a tenth of the cost, whether there is anything to do.
///
/// # Errors
/// When an entry or the floor is not finite, the floor is negative, the mean of the diagonal is not above zero, or the eigenvalues
/// do not converge.
pub fn clip_eigenvalues(m: &Symmetric, floor: f64) -> Result<Repaired, NumericsError> {
    let n = m.order();
    let what = "repair of a covariance";
    if let Some(index) = m.lower.iter().position(|x| !x.is_finite()) {
        return Err(NumericsError::BadValue { what, index, value: m.lower[index], expected: "a finite number" });
    }
    if !(0.0..=1.0).contains(&floor) {
        return Err(NumericsError::BadValue { what, index: 0, value: floor, expected: "a floor in [0, 1]" });
    }
    let mean = m.trace() / n.max(1) as f64;
    if mean.is_nan() || mean <= 0.0 {
        return Err(NumericsError::Constant(what));
    }
    let least = floor * mean;
    let mut shifted = m.clone();
    shifted.add_diagonal(-least);
    if shifted.to_matrix().cholesky().is_some() {
        return Ok(Repaired { covariance: m.clone(), clipped: 0, smallest: None });
    }
    let eigen = SymmetricEigen::try_new(m.to_matrix(), f64::EPSILON, 0)
        .ok_or(NumericsError::NoConvergence { what, why: "eigenvalues".into() })?;
    let smallest = eigen.eigenvalues.min();
    // What is below by rounding only is not worth a word, nor a change.
    let slack = 8.0 * n as f64 * f64::EPSILON * eigen.eigenvalues.amax();
    let clipped = eigen.eigenvalues.iter().filter(|v| **v < least - slack).count();
    if clipped == 0 {
        return Ok(Repaired { covariance: m.clone(), clipped, smallest: Some(smallest) });
    }
    let mut scaled = eigen.eigenvectors.clone();
    for (mut column, v) in scaled.column_iter_mut().zip(&eigen.eigenvalues) {
        column *= v.max(least);
    }
    let full = scaled * eigen.eigenvectors.transpose();
    let covariance = Symmetric::from_fn(n, |i, j| 0.5 * (full[(i, j)] + full[(j, i)]));
    Ok(Repaired { covariance, clipped, smallest: Some(smallest) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Eigenvalues 3 and -1 along (1, 1) and (1, -1), mean of the diagonal 1: the second becomes 0.1.
        let m = Symmetric::from_full(2, &[1.0, 2.0, 2.0, 1.0]).unwrap();
        let r = clip_eigenvalues(&m, 0.1).unwrap();
        assert_eq!(r.clipped, 1);
        assert!((r.smallest.unwrap() + 1.0).abs() < 1e-14);
        assert!((r.covariance.get(0, 0) - 1.55).abs() < 1e-14 && (r.covariance.get(0, 1) - 1.45).abs() < 1e-14);
        // Definite enough: unchanged to the bit.
        let m = Symmetric::from_full(2, &[1.0, 0.5, 0.5, 1.0]).unwrap();
        assert_eq!(clip_eigenvalues(&m, 0.1).unwrap(), Repaired { covariance: m, clipped: 0, smallest: None });
    }

    #[test]
    fn singular_is_repaired_and_nonsense_is_typed() {
        let m = Symmetric::from_fn(4, |_, _| 0.04);
        let r = clip_eigenvalues(&m, 0.01).unwrap();
        assert_eq!(r.clipped, 3);
        assert!(r.covariance.to_matrix().cholesky().is_some());
        assert_eq!(clip_eigenvalues(&m, 0.0).unwrap().clipped, 0);
        assert_eq!(clip_eigenvalues(&Symmetric::zeros(3), 0.1), Err(NumericsError::Constant("repair of a covariance")));
        assert!(clip_eigenvalues(&m, f64::NAN).is_err());
        assert!(clip_eigenvalues(&Symmetric::from_fn(2, |_, _| f64::NAN), 0.1).is_err());
    }
}
