//! By hand.

use super::*;
use tradewind_core_types::testkit;

fn rows(products: &[f64]) -> Vec<TStatIn> {
    products.iter().map(|x| TStatIn { signal: x.signum(), forward: x.abs() }).collect()
}

#[test]
fn mean_and_thresholds() {
    let p = TStatParams { minimum: 4, window: 4, lags: Some(1), correction: true, ..Default::default() };
    let mut t = p.build().unwrap();
    let out = t.batch(&rows(&[0.01, 0.03, 0.02, 0.06, 0.02])).unwrap();
    assert!(out[..3].iter().all(Option::is_none));
    // e = -2, 0, -1, 3 (in %): sums 14 and -3; S = 14 - 3 = 11, times 4/3; se = sqrt(44/3)/4; t = 12 / sqrt(44/3) = 3.13.
    let first = out[3].unwrap();
    let t_mean = 12.0 / (44.0_f64 / 3.0).sqrt();
    assert!((first.t.unwrap() - t_mean).abs() < 1e-12 && first.scale == 1.0);
    assert!((first.quality - 4.0 / 8.0).abs() < 1e-15);
    // The window moves on to 3, 2, 6, 2: mean 3.25; e = -0.25, -1.25, 2.75, -1.25; sums 10.75 and 0.3125 - 3.4375 - 3.4375 = -6.5625.
    let next = out[4].unwrap();
    let s: f64 = (10.75 - 6.5625) * 4.0 / 3.0;
    assert!((next.t.unwrap() - 13.0 / s.sqrt()).abs() < 1e-9, "{next:?}");
    // Signals all 1, returns as they are: no rank correlation with a signal that does not vary.
    assert_eq!((first.ic, first.t_ic), (None, None));
    let scales = [(None, 0.5), (Some(1.99), 0.0), (Some(2.0), 0.5), (Some(3.0), 1.0), (Some(-9.0), 0.0)];
    for (t, want) in scales {
        assert_eq!(TStatParams::default().scale(t), want);
    }
}

#[test]
fn the_information_coefficient() {
    // Ranks 1, 2, 3, 4 and 2, 1, 4, 3: c = (1.5 x 0.5, 0.5 x 1.5, ...)/1.25 = 0.6 each: a mean without error.
    let p = TStatParams { minimum: 4, lags: Some(0), evidence: Evidence::Ic, ..Default::default() };
    let data =
        [(1.0, 0.02), (2.0, 0.01), (5.0, 0.09), (9.0, 0.05)].map(|(signal, forward)| TStatIn { signal, forward });
    let out = p.build().unwrap().batch(&data).unwrap()[3].unwrap();
    assert_eq!((out.ic, out.t, out.scale), (None, None, 0.5));
    // Ranks 1, 2, 3, 4 and 1, 2, 4, 3: products 2.25, 0.25, 0.75, 0.75 over 1.25: mean 0.8, deviations 1, -0.6, -0.2, -0.2, squares 1.44.
    let data =
        [(1.0, 0.01), (2.0, 0.02), (5.0, 0.09), (9.0, 0.05)].map(|(signal, forward)| TStatIn { signal, forward });
    let p = TStatParams { correction: false, ..p };
    let out = p.build().unwrap().batch(&data).unwrap()[3].unwrap();
    assert!((out.ic.unwrap() - 0.8).abs() < 1e-15);
    assert!((out.t_ic.unwrap() - 0.8 * 4.0 / 1.44_f64.sqrt()).abs() < 1e-12 && out.t == out.t_ic);
}

#[test]
fn adjusted_for_their_number() {
    // Holm: the larger |t| counts twice, the smaller once but not less than the larger: p x 2 is t = 2.2414 for 2.5758 (1 % two-sided to 2 %).
    let t = adjusted_t(&[2.575_829_303_548_901, 0.0], Across::Holm);
    assert!((t[0] - 2.326_347_874_040_841).abs() < 1e-9 && t[1] == 0.0, "{t:?}");
    assert_eq!(adjusted_t(&[-3.0], Across::Holm), [-3.0]);
    assert_eq!(adjusted_t(&[60.0, 2.0], Across::None), [60.0, 2.0]);
    let by = adjusted_t(&[3.0, 3.0, -3.0], Across::BenjaminiYekutieli);
    assert!(by[0] > 2.0 && by[0] < 3.0 && by[2] == -by[0], "{by:?}");
    assert!(adjusted_t(&[0.1, -0.2], Across::Holm).iter().all(|t| t.abs() < 0.2));
}

#[test]
fn all_violations_are_named() {
    let p = TStatParams {
        window: 3,
        minimum: 3,
        lags: Some(1001),
        lower: f64::NAN,
        upper: 0.0,
        unproven: 1.1,
        partial: -0.1,
        below: 0.5,
        delay: 21,
        cross_section: 2,
        ..Default::default()
    };
    let e = p.build().unwrap_err();
    for field in ["minimum", "lags", "lower", "upper", "unproven", "partial", "below", "delay", "cross_section"] {
        assert!(e.0.iter().any(|v| v.field == field), "{field}: {e}");
    }
    assert_eq!(TStatParams { window: 59, ..Default::default() }.build().unwrap_err().0.len(), 1);
}

#[test]
fn bad_numbers_are_refused() {
    let mut t = TStatParams { minimum: 4, ..Default::default() }.build().unwrap();
    t.batch(&rows(&[0.01, 0.03, 0.02, 0.06, 0.02])).unwrap();
    let bad = [(f64::NAN, 0.1), (1.0, f64::INFINITY), (1e60, 1e60)];
    testkit::refuses(&mut t, &bad.map(|(signal, forward)| TStatIn { signal, forward }));
}
