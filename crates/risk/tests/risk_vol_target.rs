//! risk_vol_target: conformance, the overlay on a market, and what must always hold.

use proptest::prelude::*;
use serde_json::json;
use tradewind_core_types::testkit::{self, daily_events, drive, online_trace};
use tradewind_core_types::*;
use tradewind_risk::plugins::risk_vol_target::{
    Forecast, PLUGIN, RiskVolTargetIn, RiskVolTargetOut, RiskVolTargetParams, VolTargetOverlay,
};

fn rows(seed: u64, n: usize) -> Vec<RiskVolTargetIn> {
    testkit::closes(seed, n)
        .into_iter()
        .enumerate()
        .map(|(i, close)| RiskVolTargetIn { close, volatility: (i % 3 > 0).then_some(0.1 + 0.01 * (i % 20) as f64) })
        .collect()
}

#[test]
fn online_for_each_forecast() {
    for forecast in [Forecast::Ewma, Forecast::Rolling, Forecast::Feature] {
        testkit::online_suite(&RiskVolTargetParams { forecast, ..Default::default() }, &rows(3, 300));
    }
}

#[test]
fn bad_input_is_refused() {
    let mut c = RiskVolTargetParams::default().build().unwrap();
    let row = |close, volatility| RiskVolTargetIn { close, volatility };
    for x in rows(1, 30) {
        c.update(&x).unwrap();
    }
    testkit::refuses(
        &mut c,
        &[
            row(0.0, None),
            row(-1.0, None),
            row(f64::NAN, None),
            row(f64::INFINITY, None),
            row(1e300, None),
            row(100.0, Some(f64::NAN)),
            row(100.0, Some(-0.1)),
        ],
    );
    let e = RiskVolTargetParams {
        target: f64::NAN,
        lambda: 1.0,
        window: 1,
        cap: 0.0,
        dead_band: 1.0,
        unknown: 1.1,
        periods_per_year: 0.0,
        feature: "no spaces".into(),
        max_age_days: 0.0,
        ..Default::default()
    }
    .build()
    .unwrap_err();
    assert_eq!(e.0.len(), 9, "{e}");
}

#[test]
fn every_parameter_matters() {
    let changes = [
        json!({"target": 0.2}),
        json!({"forecast": "rolling"}),
        json!({"lambda": 0.9}),
        json!({"window": 30}),
        json!({"cap": 0.9}),
        json!({"dead_band": 0.0}),
        json!({"unknown": 0.5}),
        json!({"periods_per_year": 260.0}),
        json!({"forecast": "feature", "feature": "other.{symbol}"}),
        json!({"forecast": "feature", "max_age_days": 60.0}),
    ];
    testkit::every_parameter_matters::<RiskVolTargetParams>(&changes, |p| {
        let mut trace = online_trace(p, &rows(5, 200));
        trace.extend(with_feature(p, 80).into_iter().flat_map(String::into_bytes));
        trace
    });
}

/// The overlay's answers for SPY when a feature is published at every close until session 40.
fn with_feature(p: &RiskVolTargetParams, sessions: usize) -> Vec<String> {
    let mut overlay = VolTargetOverlay::new(p).unwrap();
    let (mut market, mut features) = (Market::default(), FeatureValues::default());
    let portfolio = Portfolio::default();
    let spy = Symbol::new("SPY").unwrap();
    let id = FeatureId::new("fe_garch.SPY.volatility").unwrap();
    let mut out = Vec::new();
    let mut closed = 0;
    for e in daily_events(2, sessions) {
        market.apply(&e);
        if e.symbol == Some(spy) && closed < 40 {
            features.set(id, 0.246, e.time);
        }
        let view = View::new(e.time, &market, &features, &portfolio);
        overlay.observe(&e, &view).unwrap();
        if matches!(e.data, MarketData::SessionClose) {
            closed += 1;
            let a = overlay.exposure(spy, &view);
            out.push(format!("{:?} {}", a.adjust, a.reason));
        }
    }
    out
}

#[test]
fn a_feature_is_used_while_it_is_fresh() {
    let p = RiskVolTargetParams { forecast: Forecast::Feature, ..Default::default() };
    let said = with_feature(&p, 60);
    assert_eq!(said[0], format!("Scale({}) forecast 24.6 % (fe_garch) against 15 %", 0.15 / 0.246));
    assert_eq!(said[44], said[0], "five days old is still good");
    assert!(said[45].contains("(ewma: the feature is 6.0 days old) against 15 %"), "{}", said[45]);
    let p = RiskVolTargetParams { feature: "none.{symbol}".into(), ..p };
    let said = with_feature(&p, 60);
    assert_eq!(said[20], "Scale(1.0) 20 of 21 returns: no forecast yet");
    assert!(said[21].contains("(ewma: the feature is missing)"), "{}", said[21]);
}

#[test]
fn unknown_symbols_and_charts() {
    let mut o = VolTargetOverlay::new(&RiskVolTargetParams { unknown: 0.7, ..Default::default() }).unwrap();
    let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let view = View::new(Time::MIN, &market, &features, &portfolio);
    let a = o.exposure(Symbol::new("NEW").unwrap(), &view);
    assert_eq!((a.adjust, a.reason.as_ref()), (Adjust::Scale(0.7), "no bars yet, so no volatility forecast"));
    let mut m = Metrics::new();
    o.metrics(&mut m);
    assert!(m.is_empty());
    let said = drive(&|| Probe::all(&PLUGIN, &json!({})).unwrap().remove(0), &daily_events(4, 60), None);
    assert!(said.last().unwrap().contains("(ewma) against 15 %"), "{:?}", said.last());
}

#[test]
fn flat_prices_give_the_cap_and_splits_are_no_moves() {
    let flat: Vec<_> = (0..40).map(|_| RiskVolTargetIn { close: 50.0, volatility: None }).collect();
    for forecast in [Forecast::Ewma, Forecast::Rolling] {
        let mut c = RiskVolTargetParams { forecast, ..Default::default() }.build().unwrap();
        let last = c.batch(&flat).unwrap().pop().unwrap().unwrap();
        assert_eq!((last.forecast, last.multiplier), (0.0, 1.5));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_band_and_the_cap_hold(seed in any::<u64>(), cap in 0.2_f64..3.0, band in 0.0_f64..0.5) {
        let p = RiskVolTargetParams { cap, dead_band: band, ..Default::default() };
        let out: Vec<RiskVolTargetOut> =
            p.build().unwrap().batch(&rows(seed, 200)).unwrap().into_iter().flatten().collect();
        for o in &out {
            prop_assert!(o.multiplier > 0.0 && o.multiplier <= cap);
            prop_assert_eq!(o.wanted, (0.15 / o.forecast).min(cap));
            prop_assert!((o.wanted / o.multiplier - 1.0).abs() <= band);
        }
        for w in out.windows(2) {
            let moved = (w[1].wanted / w[0].multiplier - 1.0).abs();
            prop_assert_eq!(w[1].multiplier, if moved > band { w[1].wanted } else { w[0].multiplier });
        }
    }
}
