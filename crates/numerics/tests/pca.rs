//! Invariants of incremental principal components, and what has no variance.

use proptest::prelude::*;
use tradewind_core_types::testkit::Rng;
use tradewind_numerics::pca::{IncrementalPca, Signs};

/// `n` rows of `p` columns of the given rank.
fn rows(seed: u64, n: usize, p: usize, rank: usize) -> Vec<f64> {
    let mut rng = Rng(seed);
    let loadings: Vec<f64> = (0..rank * p).map(|_| rng.normal()).collect();
    (0..n)
        .flat_map(|_| {
            let factors: Vec<f64> = (0..rank).map(|i| rng.normal() / (i + 1) as f64).collect();
            (0..p)
                .map(|j| 3.0 + factors.iter().enumerate().map(|(i, f)| f * loadings[i * p + j]).sum::<f64>())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn axes_are_orthonormal_and_explain_no_more_than_there_is(
        seed in 0_u64..100_000, p in 1_usize..12, extra in 0_usize..40, batches in 1_usize..8, missing in 0_usize..4, forget in 0.5_f64..=1.0
    ) {
        let (batch, rank) = (p + 1 + extra, p.saturating_sub(missing).max(1));
        let x = rows(seed, batch * batches, p, rank);
        let mut pca = IncrementalPca::new(p, p, forget, Signs::Largest).unwrap();
        pca.fit(&x, batch).unwrap();
        let axes: Vec<&[f64]> = pca.components().collect();
        for i in 0..p {
            for j in 0..p {
                let want = f64::from(u8::from(i == j));
                prop_assert!((dot(axes[i], axes[j]) - want).abs() < 1e-10, "{} {} {}", i, j, dot(axes[i], axes[j]));
            }
            let largest = axes[i].iter().copied().fold(0.0_f64, |m, v| if v.abs() > m.abs() { v } else { m });
            prop_assert!(largest > 0.0);
        }
        prop_assert!(pca.singular_values().windows(2).all(|w| w[0] >= w[1]) && pca.singular_values()[p - 1] >= 0.0);
        let sum: f64 = pca.explained_ratio().iter().sum();
        prop_assert!((sum - 1.0).abs() < 1e-9, "{}", sum);
        prop_assert_eq!(pca.rank(), rank.min(p));
        prop_assert!(pca.noise_variance() == 0.0);
        // What is transformed can be had back.
        let (mut scores, mut back) = (vec![0.0; p], vec![0.0; p]);
        for row in x.chunks_exact(p).take(5) {
            pca.transform(row, false, &mut scores).unwrap();
            pca.inverse(&scores, &mut back);
            prop_assert!(row.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-9));
        }
    }

    #[test]
    fn with_all_components_batches_do_not_matter(seed in 0_u64..100_000, p in 1_usize..9, batch in 10_usize..60) {
        let x = rows(seed, 240, p, p);
        let mut one = IncrementalPca::new(p, p, 1.0, Signs::Largest).unwrap();
        one.fit(&x, 240).unwrap();
        let mut many = IncrementalPca::new(p, p, 1.0, Signs::Largest).unwrap();
        many.fit(&x, batch).unwrap();
        for (a, b) in one.explained_variance().iter().zip(many.explained_variance()) {
            prop_assert!((a - b).abs() < 1e-10 * one.explained_variance()[0], "{} {}", a, b);
        }
        prop_assert!(one.mean().iter().zip(many.mean()).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}

#[test]
fn constant_columns_have_no_loadings_and_no_variance_at_all_is_defined() {
    let mut x = rows(1, 60, 5, 3);
    x.chunks_exact_mut(5).for_each(|r| r[2] = 7.0);
    let mut pca = IncrementalPca::new(5, 4, 1.0, Signs::Largest).unwrap();
    pca.fit(&x, 20).unwrap();
    assert_eq!(pca.rank(), 3);
    for axis in pca.components().take(3) {
        assert!(axis[2].abs() < 1e-14, "{axis:?}");
    }
    let mut scores = [0.0; 4];
    pca.transform(&x[..5], true, &mut scores).unwrap();
    assert!(scores[3] == 0.0 && scores[..3].iter().all(|s| s.is_finite() && s.abs() < 10.0), "{scores:?}");
    // Nothing varies: no shares, no scores, no NaN; and from there it learns.
    let mut pca = IncrementalPca::new(3, 2, 1.0, Signs::Continuous).unwrap();
    for _ in 0..3 {
        pca.partial_fit(&[5.0; 30]).unwrap();
    }
    assert_eq!((pca.explained_ratio(), pca.rank(), pca.noise_variance()), ([0.0; 2].as_slice(), 0, 0.0));
    let mut scores = [1.0; 2];
    pca.transform(&[5.0, 6.0, 7.0], true, &mut scores).unwrap();
    assert_eq!(scores, [0.0; 2]);
    assert!(pca.components().flatten().all(|v| v.is_finite()));
    pca.partial_fit(&rows(2, 50, 3, 3)).unwrap();
    assert!(pca.rank() == 2 && pca.explained_variance()[0] > 0.1);
}

#[test]
fn a_column_twice_stays_one_dimension_less_over_thousands_of_batches() {
    let mut rng = Rng(21);
    for forget in [1.0, 0.9] {
        let mut pca = IncrementalPca::new(5, 5, forget, Signs::Continuous).unwrap();
        let mut price = [100.0, 50.0, 200.0, 80.0];
        for _ in 0..3000 {
            let mut batch = Vec::new();
            for _ in 0..21 {
                price.iter_mut().for_each(|x| *x = (*x * (1.0 + 0.01 * rng.normal())).clamp(10.0, 1000.0));
                batch.extend_from_slice(&price);
                batch.push(price[3]);
            }
            pca.partial_fit(&batch).unwrap();
        }
        assert_eq!(pca.rank(), 4, "{:?}", pca.singular_values());
        let twin = pca.components().nth(4).unwrap();
        // What never varies: the difference of the twins.
        assert!((twin[3] + twin[4]).abs() < 1e-6 && (twin[3].abs() - 0.5_f64.sqrt()).abs() < 1e-6, "{twin:?}");
    }
}

#[test]
fn what_cannot_be_fitted_is_refused_with_its_numbers_and_changes_nothing() {
    let e = IncrementalPca::new(3, 4, 1.0, Signs::Largest).unwrap_err().to_string();
    assert!(e.contains("at least 4") && e.contains("got 3"), "{e}");
    for forget in [0.0, 1.1, f64::NAN] {
        assert!(IncrementalPca::new(3, 2, forget, Signs::Largest).unwrap_err().to_string().contains("forgetting"));
    }
    let mut pca = IncrementalPca::new(3, 3, 1.0, Signs::Largest).unwrap();
    assert!(pca.transform(&[1.0; 3], false, &mut [0.0; 3]).is_err());
    assert!(pca.partial_fit(&[1.0; 6]).unwrap_err().to_string().contains("at least 3"));
    assert!(pca.partial_fit(&[1.0; 7]).unwrap_err().to_string().contains("at least 9"));
    pca.fit(&rows(3, 40, 3, 3), 10).unwrap();
    let before = pca.clone();
    for bad in [f64::NAN, f64::INFINITY, 1e101] {
        let mut x = rows(4, 10, 3, 3);
        x[7] = bad;
        assert!(pca.partial_fit(&x).unwrap_err().to_string().contains("index 7"));
    }
    assert!(pca.partial_fit(&[]).is_err() && pca.transform(&[1.0; 2], false, &mut [0.0; 3]).is_err());
    assert_eq!(pca, before);
}

#[test]
fn continuous_signs_never_turn_around_and_the_largest_loading_does() {
    // Two columns of nearly equal and opposite loadings in the second component: which is larger changes from batch to batch.
    let mut rng = Rng(6);
    let x: Vec<f64> = (0..4000)
        .flat_map(|_| {
            let (a, b) = (3.0 * rng.normal(), rng.normal());
            [a + b + 0.5 * rng.normal(), a - b + 0.5 * rng.normal()]
        })
        .collect();
    let turns = |signs: Signs| {
        let mut pca = IncrementalPca::new(2, 2, 0.8, signs).unwrap();
        let mut last: Option<Vec<f64>> = None;
        let mut turned = 0;
        for batch in x.chunks_exact(2 * 40) {
            pca.partial_fit(batch).unwrap();
            let axis = pca.components().nth(1).unwrap().to_vec();
            turned += u32::from(last.as_ref().is_some_and(|l| dot(l, &axis) < 0.0));
            last = Some(axis);
        }
        turned
    };
    let (largest, continuous) = (turns(Signs::Largest), turns(Signs::Continuous));
    println!(
        "of 99 batches the second component turned around in {largest} with `largest`, {continuous} with `continuous`"
    );
    assert!(largest > 5 && continuous == 0);
}

#[test]
fn ten_thousand_batches_do_not_drift() {
    // With forgetting the past fades: the state after ten thousand batches is that after the last thousand, to rounding.
    let mut rng = Rng(8);
    let batches: Vec<Vec<f64>> = (0..1000).map(|_| (0..30).map(|_| 1.0 + rng.normal()).collect()).collect();
    let run = |repeats: usize| {
        let mut pca = IncrementalPca::new(3, 3, 0.97, Signs::Largest).unwrap();
        for _ in 0..repeats {
            batches.iter().for_each(|b| pca.partial_fit(b).unwrap());
        }
        pca
    };
    let (long, short) = (run(10), run(1));
    for (a, b) in long.explained_variance().iter().zip(short.explained_variance()) {
        assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
    }
    // Without forgetting: the means and variances of all that was seen, which is the same ten times.
    let mut all = IncrementalPca::new(3, 3, 1.0, Signs::Largest).unwrap();
    for _ in 0..10 {
        batches.iter().for_each(|b| all.partial_fit(b).unwrap());
    }
    let total: f64 = all.explained_variance().iter().sum();
    let columns: f64 = all.variance().iter().sum::<f64>() * all.weight() / (all.weight() - 1.0);
    assert!((total / columns - 1.0).abs() < 1e-10 && all.weight() == 100_000.0, "{total} {columns}");
}
