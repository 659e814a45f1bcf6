//! Keeping every part of a portfolio within its own risk budget.

use tradewind_numerics::NumericsError;
use tradewind_numerics::tail::{Measure, Parts, TailWork, components};

/// Rounds of the fixed point; each takes O(parts x sessions).
const ROUNDS: usize = 64;
/// The fixed point aims this little below a budget (relative), so that it gets there in a finite number of rounds.
const MARGIN: f64 = 1e-4;

/// Portfolio VaR, what each part adds to it, and how far each part must shrink.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Budgeted {
    /// VaR of all parts as proposed.
    pub var: f64,
    /// Euler components as proposed; they sum to the VaR.
    pub components: Vec<f64>,
    /// VaR with the part less VaR without it.
    pub incremental: Vec<f64>,
    /// Multipliers in [0, 1] which keep each component within its budget.
    pub scales: Vec<f64>,
}

/// Measures the parts and scales them into their budgets (same unit as the parts' values).
///
/// Scaling one part changes the others' components, so the multipliers are the limit of k_i <- k_i sqrt(min(1, b_i / C_i(k))):
/// they only fall, so they converge; the square root keeps the parts from all making room for each other at once. They end up
/// to 0.01 % below the budget. Should the rounds run out first, what is left is removed by one common factor, which VaR, being
/// homogeneous, follows exactly: the result always holds. Parts that reduce the VaR (a negative component) are left alone.
///
/// # Errors
/// As [`components`].
pub fn within_budgets(parts: Parts<'_>, budgets: &[f64], measure: Measure) -> Result<Budgeted, NumericsError> {
    let (mut work, mut now) = (TailWork::default(), Vec::new());
    let ones = vec![1.0; budgets.len()];
    let var = components(parts, &ones, measure, &mut work, &mut now)?;
    let mut out = Budgeted { var, components: now.clone(), ..Budgeted::default() };
    for i in 0..budgets.len() {
        let mut without = ones.clone();
        without[i] = 0.0;
        out.incremental.push(var - components(parts, &without, measure, &mut work, &mut now)?);
    }
    // A part with no budget at all goes, whatever it adds.
    let mut scales: Vec<f64> = budgets.iter().map(|b| if *b > 0.0 { 1.0 } else { 0.0 }).collect();
    for _ in 0..ROUNDS {
        components(parts, &scales, measure, &mut work, &mut now)?;
        let mut moved = false;
        for ((k, c), b) in scales.iter_mut().zip(&now).zip(budgets) {
            if *c > *b && *k > 0.0 {
                *k *= (b * (1.0 - MARGIN) / c).sqrt();
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    components(parts, &scales, measure, &mut work, &mut now)?;
    let common = now.iter().zip(budgets).filter(|(c, b)| *c > *b && **c > 0.0).map(|(c, b)| b / c).fold(1.0, f64::min);
    scales.iter_mut().for_each(|k| *k = (*k * common).clamp(0.0, 1.0));
    out.scales = scales;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tradewind_core_types::testkit::Rng;
    use tradewind_numerics::tail::{TailMethod, VarianceFilter};

    fn values(seed: u64, parts: usize, n: usize) -> Vec<f64> {
        let mut rng = Rng(seed);
        (0..parts * n).map(|_| 0.01 * rng.normal()).collect()
    }

    #[test]
    fn independent_parts_by_hand() {
        // Two orthogonal parts without mean: normal VaR = z sqrt(v1 + v2), component = z v_i / sqrt(v1 + v2).
        let v = [0.03, -0.03, 0.03, -0.03, 0.04, 0.04, -0.04, -0.04];
        let b =
            within_budgets(Parts { values: &v, n: 4 }, &[1.0, 1.0], Measure::exact(TailMethod::Normal, 0.95)).unwrap();
        let z = 1.644_853_626_951_472_7;
        let sd = 0.05 * (4.0_f64 / 3.0).sqrt();
        assert!((b.var - z * sd).abs() < 1e-15);
        assert!((b.components[0] - 0.36 * z * sd).abs() < 1e-15);
        assert!((b.incremental[1] - z * sd * (1.0 - 0.6)).abs() < 1e-15);
        assert_eq!(b.scales, [1.0, 1.0]);
        // A single part, of VaR 0.6 z sd, is cut to its budget of half of that.
        let b =
            within_budgets(Parts { values: &v[..4], n: 4 }, &[0.3 * z * sd], Measure::exact(TailMethod::Normal, 0.95))
                .unwrap();
        let k = b.scales[0] * b.var / (0.3 * z * sd);
        assert!(k <= 1.0 && k > 0.9998, "{b:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn components_sum_and_budgets_hold(
            seed in any::<u64>(), k in 1_usize..5, which in 0_usize..4, bandwidth in 1_usize..20,
            budgets in proptest::collection::vec(0.0_f64..0.01, 4), signs in proptest::collection::vec(-1.5_f64..1.5, 4)
        ) {
            let n = 120;
            let mut v = values(seed, k, n);
            v.iter_mut().enumerate().for_each(|(i, x)| *x *= signs[i / n]);
            let method = [
                TailMethod::Historical, TailMethod::Normal, TailMethod::CornishFisher,
                TailMethod::Filtered(VarianceFilter::ewma(0.94)),
            ][which];
            let parts = Parts { values: &v, n };
            let measure = Measure { method, confidence: 0.95, bandwidth };
            let b = within_budgets(parts, &budgets[..k], measure).unwrap();
            prop_assert!((b.components.iter().sum::<f64>() - b.var).abs() < 1e-12);
            let mut after = Vec::new();
            components(parts, &b.scales, measure, &mut TailWork::default(), &mut after).unwrap();
            for ((c, limit), k) in after.iter().zip(&budgets).zip(&b.scales) {
                prop_assert!((0.0..=1.0).contains(k));
                prop_assert!(*c <= limit + 1e-12, "{c} over {limit}: {b:?}");
            }
        }
    }
}
