//! Kelly's criterion over several assets at once.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use tradewind_core_types::BadInput;

/// Share of an asset's variance that the others may leave unexplained before the covariance counts as singular.
const SINGULAR: f64 = 1e-10;

/// What bounds the weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AssetLimits {
    /// Part of full Kelly, in (0, 1].
    pub fraction: f64,
    /// Observations behind mean and covariance, for the shrinkage; `None`: they are known.
    pub observations: Option<f64>,
    /// Whether no asset may be short.
    pub long_only: bool,
    /// Largest size of one weight, above 0.
    pub cap: f64,
    /// Largest sum of the sizes of all weights, above 0.
    pub gross: f64,
    /// Condition number of the correlations to which a singular covariance is repaired, above 1; `None` refuses it.
    pub repair: Option<f64>,
}

impl Default for AssetLimits {
    fn default() -> Self {
        Self { fraction: 0.25, observations: None, long_only: false, cap: 0.3, gross: 1.0, repair: None }
    }
}

/// Weights of several assets.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetWeights {
    /// Full Kelly: the inverse covariance times the means or, long only, the best weights without shorts.
    pub full: Vec<f64>,
    /// Shrinkage for the uncertainty of the means, in [0, 1].
    pub attenuation: f64,
    /// Part of the correlations that the repair took away; 0 when none was needed.
    pub repaired: f64,
    /// Fractions of equity: full x fraction x attenuation, each within the cap, then all scaled by the same factor into the gross limit.
    pub weights: Vec<f64>,
}

/// Maximises growth over several assets: `mean` of their excess returns a period, `covariance` row by row.
///
/// * full Kelly w* = Sigma^-1 mu (Merton 1969; Thorp 2006, eq. 8.5), by Cholesky on the correlations; long only, the maximum of
///   w'mu - w'Sigma w / 2 over w >= 0 (active set of Lawson & Hanson 1974, ch. 23);
/// * attenuation t / (t + n / T), t = w*'mu, n assets, T observations: the minimum of E (k w^ - w*)' Sigma (k w^ - w*) as in
///   [`shrinkage`](super::shrinkage), with Sigma known; n = 1 is t^2 / (1 + t^2);
/// * a covariance is singular when the other assets explain all but 1e-10 of one's variance. The repair shrinks correlations towards
///   zero just as far as their condition number needs, which leaves all variances as they are and bets less on differences of twins.
///
/// # Errors
/// When sizes do not match, something is not finite, the matrix is not symmetric, a variance is not above 0, a limit is out of its
/// range, or the covariance is singular and no repair is allowed.
pub fn assets(mean: &[f64], covariance: &[f64], limits: &AssetLimits) -> Result<AssetWeights, BadInput> {
    let n = mean.len();
    check(mean, covariance, limits)?;
    let sd: Vec<f64> = (0..n).map(|i| covariance[i * n + i].sqrt()).collect();
    let mut rho = DMatrix::from_fn(n, n, |i, j| if i == j { 1.0 } else { covariance[i * n + j] / (sd[i] * sd[j]) });
    // In units of risk: x = w sd solves rho x = mean / sd.
    let ratio = DVector::from_fn(n, |i, _| mean[i] / sd[i]);
    let mut repaired = 0.0;
    if !positive_definite(&rho) {
        let Some(condition) = limits.repair else {
            let expected =
                "a positive definite matrix: fewer assets than observations, none a mixture of others, or a repair";
            return Err(BadInput::new("covariance", "singular", expected));
        };
        repaired = shrink(&mut rho, condition);
    }
    let x = if limits.long_only { long_only(&rho, &ratio) } else { solve(&rho, &ratio) };
    let x = x.ok_or_else(|| BadInput::new("covariance", "singular", "a matrix that can be inverted"))?;
    let theta = x.dot(&ratio).max(0.0);
    let attenuation = match limits.observations {
        Some(t) if theta > 0.0 => theta / (theta + n as f64 / t),
        Some(_) => 0.0,
        None => 1.0,
    };
    let full: Vec<f64> = x.iter().zip(&sd).map(|(x, s)| x / s).collect();
    let mut weights: Vec<f64> =
        full.iter().map(|w| (w * limits.fraction * attenuation).clamp(-limits.cap, limits.cap)).collect();
    let gross: f64 = weights.iter().map(|w| w.abs()).sum();
    if gross > limits.gross {
        weights.iter_mut().for_each(|w| *w *= limits.gross / gross);
    }
    Ok(AssetWeights { full, attenuation, repaired, weights })
}

fn check(mean: &[f64], covariance: &[f64], l: &AssetLimits) -> Result<(), BadInput> {
    let n = mean.len();
    if n == 0 || covariance.len() != n * n {
        let found = format!("{} means, {} covariances", n, covariance.len());
        return Err(BadInput::new("assets", found, "n means, at least one, and n x n covariances"));
    }
    for m in mean {
        BadInput::finite("mean", *m)?;
    }
    for c in covariance {
        BadInput::finite("covariance", *c)?;
    }
    for i in 0..n {
        BadInput::positive("variance", covariance[i * n + i])?;
        for j in 0..i {
            let (a, b) = (covariance[i * n + j], covariance[j * n + i]);
            let scale = (covariance[i * n + i] * covariance[j * n + j]).sqrt();
            if (a - b).abs() > 1e-10 * scale {
                return Err(BadInput::new(format!("covariance of {i} and {j}"), format!("{a} and {b}"), "one number"));
            }
        }
    }
    if !(l.fraction > 0.0 && l.fraction <= 1.0) {
        return Err(BadInput::new("fraction", l.fraction.to_string(), "a part of full Kelly in (0, 1]"));
    }
    BadInput::positive("cap", l.cap)?;
    BadInput::positive("gross", l.gross)?;
    if let Some(t) = l.observations {
        BadInput::positive("observations", t)?;
    }
    match l.repair {
        Some(c) if !(c > 1.0 && c.is_finite()) => {
            Err(BadInput::new("repair", c.to_string(), "a condition number above 1"))
        }
        _ => Ok(()),
    }
}

/// Whether no asset is, within [`SINGULAR`], a mixture of those before it: squares on the diagonal of the Cholesky factor are the
/// variances that the assets before leave unexplained.
fn positive_definite(rho: &DMatrix<f64>) -> bool {
    rho.clone().cholesky().is_some_and(|c| c.l_dirty().diagonal().iter().all(|d| d * d > SINGULAR))
}

/// Shrinks correlations towards zero until the condition number is `condition`; gives the part taken away. The eigenvalues of
/// (1 - d) rho + d 1 are (1 - d) lambda + d.
fn shrink(rho: &mut DMatrix<f64>, condition: f64) -> f64 {
    let e = SymmetricEigen::new(rho.clone()).eigenvalues;
    let (least, most) = (e.min(), e.max());
    let lack = most / condition - least;
    let d = (lack / (lack + 1.0 - 1.0 / condition)).clamp(0.0, 1.0);
    for i in 0..rho.nrows() {
        for j in 0..rho.ncols() {
            if i != j {
                rho[(i, j)] *= 1.0 - d;
            }
        }
    }
    d
}

fn solve(rho: &DMatrix<f64>, ratio: &DVector<f64>) -> Option<DVector<f64>> {
    rho.clone().cholesky().map(|c| c.solve(ratio))
}

/// The maximum of x'ratio - x'rho x / 2 over x >= 0: assets enter while growth would rise, and leave when they would go short.
fn long_only(rho: &DMatrix<f64>, ratio: &DVector<f64>) -> Option<DVector<f64>> {
    let n = ratio.len();
    let scale = ratio.amax();
    let mut x = DVector::<f64>::zeros(n);
    let mut inside: Vec<usize> = Vec::new();
    // Every pass ends at a better vertex, so none comes twice; the bound only guards against rounding.
    for _ in 0..10 * n + 10 {
        let gain = ratio - rho * &x;
        let enter = (0..n).filter(|i| !inside.contains(i)).max_by(|a, b| gain[*a].total_cmp(&gain[*b]));
        let Some(enter) = enter.filter(|i| gain[*i] > 1e-13 * scale) else { break };
        inside.push(enter);
        loop {
            let sub = DMatrix::from_fn(inside.len(), inside.len(), |i, j| rho[(inside[i], inside[j])]);
            let z = solve(&sub, &DVector::from_fn(inside.len(), |i, _| ratio[inside[i]]))?;
            if z.iter().all(|v| *v > 0.0) {
                inside.iter().zip(z.iter()).for_each(|(i, v)| x[*i] = *v);
                break;
            }
            // As far towards z as all stay long; whoever reaches zero leaves.
            let step = inside.iter().zip(z.iter()).filter(|(_, v)| **v <= 0.0).map(|(i, v)| x[*i] / (x[*i] - v));
            let step = step.fold(1.0, f64::min);
            inside.iter().zip(z.iter()).for_each(|(i, v)| x[*i] += step * (v - x[*i]));
            let leaves = |i: usize, v: f64| v <= 0.0 && x[i] <= 1e-15 * scale;
            let stay: Vec<usize> =
                inside.iter().zip(z.iter()).filter(|(i, v)| !leaves(**i, **v)).map(|(i, _)| *i).collect();
            for i in inside.iter().filter(|i| !stay.contains(i)) {
                x[*i] = 0.0;
            }
            if stay.len() == inside.len() {
                break;
            }
            inside = stay;
            if inside.is_empty() {
                break;
            }
        }
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WIDE: AssetLimits =
        AssetLimits { fraction: 1.0, observations: None, long_only: false, cap: 1e9, gross: 1e9, repair: None };

    #[test]
    fn by_hand() {
        // Variances 0.04 and 0.01, covariance 0.01: the inverse is [[0.01, -0.01], [-0.01, 0.04]] / 0.0003.
        let cov = [0.04, 0.01, 0.01, 0.01];
        let w = assets(&[0.02, 0.01], &cov, &WIDE).unwrap();
        assert!((w.full[0] - 1.0 / 3.0).abs() < 1e-13 && (w.full[1] - 2.0 / 3.0).abs() < 1e-13, "{w:?}");
        assert_eq!((w.attenuation, w.repaired), (1.0, 0.0));
        // Mean 0 in the second: [2/3, -2/3] freely, 0.02 / 0.04 when it may not be short.
        let w = assets(&[0.02, 0.0], &cov, &WIDE).unwrap();
        assert!((w.full[0] - 2.0 / 3.0).abs() < 1e-13 && (w.full[1] + 2.0 / 3.0).abs() < 1e-13, "{w:?}");
        let w = assets(&[0.02, 0.0], &cov, &AssetLimits { long_only: true, ..WIDE }).unwrap();
        assert!((w.full[0] - 0.5).abs() < 1e-13 && w.full[1] == 0.0, "{w:?}");
        // theta = w'mu = 0.5 x 0.02 = 0.01, 2 assets, 200 observations: k = 1/2; a cap of 0.2 binds.
        let l = AssetLimits { long_only: true, observations: Some(200.0), cap: 0.2, ..WIDE };
        let w = assets(&[0.02, 0.0], &cov, &l).unwrap();
        assert!((w.attenuation - 0.5).abs() < 1e-13 && w.weights == [0.2, 0.0], "{w:?}");
        // 1/3 and 2/3 scaled into a gross of one half.
        let w = assets(&[0.02, 0.01], &cov, &AssetLimits { gross: 0.5, ..WIDE }).unwrap();
        assert!((w.weights[0] - 1.0 / 6.0).abs() < 1e-13 && (w.weights[1] - 1.0 / 3.0).abs() < 1e-13, "{w:?}");
        // Nothing to gain: nothing held.
        let w =
            assets(&[-0.02, -0.02], &cov, &AssetLimits { long_only: true, observations: Some(9.0), ..WIDE }).unwrap();
        assert_eq!((w.weights, w.attenuation), (vec![0.0, 0.0], 0.0));
    }

    #[test]
    fn singular_is_refused_or_repaired() {
        let twins = [0.04, 0.04, 0.04, 0.04];
        let e = assets(&[0.02, 0.01], &twins, &WIDE).unwrap_err();
        assert_eq!((e.what.as_str(), e.found.as_str()), ("covariance", "singular"));
        // Eigenvalues 0 and 2, condition 3: d = (2/3) / (2/3 + 2/3) = 1/2; correlation 1/2.
        let w = assets(&[0.02, 0.02], &twins, &AssetLimits { repair: Some(3.0), ..WIDE }).unwrap();
        assert!((w.repaired - 0.5).abs() < 1e-12, "{w:?}");
        assert!((w.full[0] - 1.0 / 3.0).abs() < 1e-12 && (w.full[1] - 1.0 / 3.0).abs() < 1e-12, "{w:?}");
        // More assets than observations, and a matrix that is no covariance at all.
        let w = assets(&[0.02, 0.01], &[0.01, 0.02, 0.02, 0.01], &AssetLimits { repair: Some(100.0), ..WIDE }).unwrap();
        assert!(w.weights.iter().all(|w| w.is_finite()) && w.repaired > 0.5, "{w:?}");
    }

    #[test]
    fn bad_input_is_typed() {
        let cov = [0.04, 0.01, 0.01, 0.01];
        let bad = |m: &[f64], c: &[f64], l: AssetLimits| assets(m, c, &l).unwrap_err().what;
        assert_eq!(bad(&[], &[], WIDE), "assets");
        assert_eq!(bad(&[0.1], &cov, WIDE), "assets");
        assert_eq!(bad(&[0.1, f64::NAN], &cov, WIDE), "mean");
        assert_eq!(bad(&[0.1, 0.1], &[0.04, 0.01, f64::INFINITY, 0.01], WIDE), "covariance");
        assert_eq!(bad(&[0.1, 0.1], &[0.04, 0.01, 0.02, 0.01], WIDE), "covariance of 1 and 0");
        assert_eq!(bad(&[0.1, 0.1], &[0.0, 0.0, 0.0, 0.01], WIDE), "variance");
        assert_eq!(bad(&[0.1, 0.1], &cov, AssetLimits { fraction: 1.5, ..WIDE }), "fraction");
        assert_eq!(bad(&[0.1, 0.1], &cov, AssetLimits { cap: 0.0, ..WIDE }), "cap");
        assert_eq!(bad(&[0.1, 0.1], &cov, AssetLimits { gross: f64::NAN, ..WIDE }), "gross");
        assert_eq!(bad(&[0.1, 0.1], &cov, AssetLimits { observations: Some(0.0), ..WIDE }), "observations");
        assert_eq!(bad(&[0.1, 0.1], &cov, AssetLimits { repair: Some(1.0), ..WIDE }), "repair");
    }

    proptest! {
        #[test]
        fn limits_hold_and_long_only_is_optimal(
            mean in proptest::collection::vec(-0.02_f64..0.02, 5),
            loads in proptest::collection::vec(-1.0_f64..1.0, 15),
            long_only in any::<bool>(), cap in 0.01_f64..0.5, gross in 0.05_f64..2.0,
        ) {
            // Loads times their transpose with something of one's own: positive definite.
            let cov: Vec<f64> = (0..25).map(|k| {
                let (i, j) = (k / 5, k % 5);
                (0..3).map(|f| loads[3 * i + f] * loads[3 * j + f]).sum::<f64>() * 0.01 + if i == j { 0.005 } else { 0.0 }
            }).collect();
            let l = AssetLimits { long_only, cap, gross, ..AssetLimits::default() };
            let w = assets(&mean, &cov, &l).unwrap();
            prop_assert!(w.weights.iter().all(|x| x.abs() <= cap));
            prop_assert!(w.weights.iter().map(|x| x.abs()).sum::<f64>() <= gross * (1.0 + 1e-12));
            // First-order conditions: no gain where held, none to be had where not (Karush-Kuhn-Tucker).
            for i in 0..5 {
                let gain = mean[i] - (0..5).map(|j| cov[5 * i + j] * w.full[j]).sum::<f64>();
                if long_only {
                    prop_assert!(w.full[i] >= 0.0 && gain < 1e-12);
                }
                prop_assert!(gain.abs() < 1e-12 || (long_only && w.full[i] == 0.0), "{gain} {w:?}");
            }
        }
    }
}
