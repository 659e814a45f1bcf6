//! What must hold of Johansen's test whatever the data.

use proptest::prelude::*;
use tradewind_core_types::testkit::Rng;
use tradewind_numerics::johansen::{DetOrder, PairTest, Prepared, Statistic, johansen, p_value};

fn walks(seed: u64, n: usize, t: usize) -> Vec<Vec<f64>> {
    let mut rng = Rng(seed);
    (0..n)
        .map(|_| {
            let mut y = 0.0;
            (0..t)
                .map(|_| {
                    y += rng.normal();
                    y
                })
                .collect()
        })
        .collect()
}

fn refs(series: &[Vec<f64>]) -> Vec<&[f64]> {
    series.iter().map(Vec::as_slice).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Eigenvalues do not change under an invertible mixing of the series; with a constant not under shifts, with a trend not under straight lines.
    #[test]
    fn mixing_and_shifts(seed in 0_u64..10_000, lags in 0_usize..4, f in -2.0_f64..2.0, shift in -50.0_f64..50.0, order in 0_i64..2) {
        let y = walks(seed, 3, 150);
        let line = if order == 1 { 0.3 } else { 0.0 };
        let mixed: Vec<Vec<f64>> = (0..3)
            .map(|i| (0..150).map(|t| y[i][t] + if i > 0 { f * y[i - 1][t] } else { 0.0 } + shift + line * t as f64).collect())
            .collect();
        let det = DetOrder::new(order).unwrap();
        let (a, b) = (johansen(&refs(&y), det, lags).unwrap(), johansen(&refs(&mixed), det, lags).unwrap());
        for (x, z) in a.eigenvalues.iter().zip(&b.eigenvalues) {
            prop_assert!((x - z).abs() < 1e-8, "{x} {z}");
            prop_assert!((0.0..1.0).contains(x));
        }
        prop_assert!(a.eigenvalues.is_sorted_by(|x, z| x >= z) && a.trace.is_sorted_by(|x, z| x >= z));
    }

    /// The closed form of a pair is the general case of two; p-values fall as the statistic grows.
    #[test]
    fn pairs_and_p_values(seed in 0_u64..10_000, lags in 0_usize..8, order in -1_i64..2) {
        let y = walks(seed, 2, 120);
        let det = DetOrder::new(order).unwrap();
        let j = johansen(&refs(&y), det, lags).unwrap();
        let of = |i: usize| Prepared::new(i, &y[i], det, lags).unwrap();
        let p = PairTest::new(&of(0), &of(1)).unwrap();
        for r in 0..2 {
            prop_assert!((p.trace[r] - j.trace[r]).abs() < 1e-8 && (p.max[r] - j.max[r]).abs() < 1e-8);
            for c in 0..2 {
                prop_assert!((p.eigenvectors[r][c] - j.eigenvectors[r][c]).abs() < 1e-6 * j.eigenvectors[r][0].abs().max(1.0));
            }
        }
        let mut last = 1.0;
        for x in 0..200 {
            let q = p_value(f64::from(x), Statistic::Trace, det, 2, 120, lags).unwrap();
            prop_assert!(q <= last && (0.0..=1.0).contains(&q));
            last = q;
        }
        prop_assert!(last < 1e-12);
    }
}

#[test]
fn p_values_outside_their_range() {
    let of = |x, n| p_value(x, Statistic::Trace, DetOrder::Constant, n, 100, 1);
    assert_eq!((of(10.0, 0), of(10.0, 13), of(f64::NAN, 2)), (None, None, None));
    assert_eq!((of(0.0, 2), of(-1.0, 2)), (Some(1.0), Some(1.0)));
}
