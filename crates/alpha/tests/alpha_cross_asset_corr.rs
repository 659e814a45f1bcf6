//! The calculator and the alpha beyond hand-computed cases.

use proptest::prelude::*;
use tradewind_alpha::plugins::alpha_cross_asset_corr::{CrossAssetCorrIn, CrossAssetCorrParams, PLUGIN};
use tradewind_core_types::testkit::{self, Rng};
use tradewind_core_types::*;

fn inputs(n: usize) -> Vec<CrossAssetCorrIn> {
    let mut rng = Rng(5);
    let (mut a, mut b) = (100.0, 100.0);
    (0..n)
        .map(|i| {
            let x = 0.01 * rng.normal();
            // The hedge weakens halfway.
            let beta = if i < n / 2 { -0.6 } else { -0.2 };
            a *= f64::exp(x);
            b *= f64::exp(beta * x + 0.006 * rng.normal());
            CrossAssetCorrIn { a, b }
        })
        .collect()
}

#[test]
fn the_calculator_conforms() {
    testkit::online_suite(&CrossAssetCorrParams::default(), &inputs(1000));
    testkit::online_suite(&CrossAssetCorrParams { window: 5, baseline: 9, ..Default::default() }, &inputs(60));
    let flat = vec![CrossAssetCorrIn { a: 20.0, b: 20.0 }; 400];
    testkit::online_suite(&CrossAssetCorrParams::default(), &flat);
    let same: Vec<_> = inputs(400).iter().map(|x| CrossAssetCorrIn { a: x.a, b: x.a }).collect();
    testkit::online_suite(&CrossAssetCorrParams::default(), &same);
}

#[test]
fn bad_prices_are_refused() {
    let mut c = CrossAssetCorrParams { window: 4, ..Default::default() }.build().unwrap();
    c.batch(&inputs(9)).unwrap();
    let bad = [(f64::NAN, 1.0), (1.0, f64::INFINITY), (0.0, 1.0), (1.0, -1.0)].map(|(a, b)| CrossAssetCorrIn { a, b });
    testkit::refuses(&mut c, &bad);
}

/// What the table and the alpha say, and what is charted.
fn trace(p: &CrossAssetCorrParams) -> Vec<u8> {
    let mut out = testkit::online_trace(p, &inputs(800));
    let json = serde_json::to_value(p).unwrap();
    let build = || Probe::all(&PLUGIN, &json).unwrap().remove(0);
    out.extend(testkit::drive(&build, &testkit::daily_events(3, 330), None).concat().into_bytes());
    let mut alpha = PLUGIN.alpha.unwrap()(&json).unwrap();
    let mut metrics = Metrics::new();
    run(alpha.as_mut(), &testkit::daily_events(3, 100));
    alpha.metrics(&mut metrics);
    out.extend(format!("{metrics:?}").into_bytes());
    out
}

fn run(alpha: &mut dyn Alpha, events: &[Event]) -> Signals {
    let (mut market, features) = (Market::default(), FeatureValues::default());
    let portfolio = Portfolio::with_cash("1000".parse().unwrap());
    let mut out = Signals::new();
    for e in events {
        market.apply(e);
        let view = View::new(e.time, &market, &features, &portfolio);
        alpha.on_event(e, &view, &mut out).unwrap();
    }
    out
}

#[test]
fn every_parameter_matters() {
    let changes = [
        serde_json::json!({"pairs": [["SPY", "IEF"]]}),
        serde_json::json!({"safe": "IEF"}),
        serde_json::json!({"window": 40}),
        serde_json::json!({"lambda": 0.9}),
        serde_json::json!({"baseline": 100}),
        serde_json::json!({"level": -0.3}),
        serde_json::json!({"z": 1.5}),
        serde_json::json!({"effective": 0.5}),
        serde_json::json!({"universe": ["SPY", "AAPL", "MSFT"]}),
        serde_json::json!({"hold_days": 3.0}),
    ];
    testkit::every_parameter_matters::<CrossAssetCorrParams>(&changes, trace);
}

fn event(day: i64, symbol: &str, data: MarketData) -> Event {
    let time = Time::from_ymd(2014, 1, 2).unwrap().plus(Span::from_days(day));
    Event { time, symbol: Some(Symbol::new(symbol).unwrap()), origin: Origin::default(), data }
}
fn close(day: i64, symbol: &str, price: f64) -> Event {
    event(day, symbol, MarketData::Bar(Bar::close_only(Price::from_f64(price).unwrap())))
}
fn alpha(p: &CrossAssetCorrParams) -> Box<dyn Alpha> {
    PLUGIN.alpha.unwrap()(&serde_json::to_value(p).unwrap()).unwrap()
}

#[test]
fn legs_are_joined_by_time() {
    let p = CrossAssetCorrParams { window: 4, baseline: 4, ..Default::default() };
    let prices = inputs(20);
    let mut events = Vec::new();
    let mut joined = Vec::new();
    for (i, x) in prices.iter().enumerate() {
        let day = i as i64;
        events.push(close(day, "SPY", x.a));
        // Every fifth day TLT has no price: that day does not count, and the next return spans both.
        if i % 5 != 3 {
            events.push(close(day, "TLT", x.b));
            // A second price at the same instant is not another instant.
            events.push(close(day, "SPY", x.a));
            let rounded = |p: f64| Price::from_f64(p).unwrap().to_f64();
            joined.push(CrossAssetCorrIn { a: rounded(x.a), b: rounded(x.b) });
        }
    }
    let want: Vec<_> = p.build().unwrap().batch(&joined).unwrap().into_iter().flatten().collect();
    let got = run(alpha(&p).as_mut(), &events);
    assert_eq!(got.len(), want.len());
    for (s, o) in got.iter().zip(&want) {
        assert_eq!((s.score, s.confidence, s.symbol().as_str()), (o.score, o.confidence, "TLT"));
        assert_eq!(s.numbers.first().map(|n| n.1), o.correlation);
        assert_eq!(s.expires, Some(s.time.plus(Span::from_days(7))));
    }
}

#[test]
fn splits_and_dividends_are_no_returns() {
    let p = CrossAssetCorrParams { window: 4, baseline: 4, ..Default::default() };
    let prices = inputs(16);
    let plain: Vec<_> = prices
        .iter()
        .enumerate()
        .flat_map(|(i, x)| [close(i as i64, "SPY", x.a), close(i as i64, "TLT", x.b)])
        .collect();
    let mut acted = Vec::new();
    for (i, x) in prices.iter().enumerate() {
        let day = i as i64;
        let split = CorporateAction::Split { numerator: 2, denominator: 1 };
        if i == 7 {
            acted.push(event(day, "SPY", MarketData::CorporateAction(split)));
        }
        // A tenth of the last price is paid out, so prices go on at nine tenths.
        if i == 9 {
            let amount = Price::from_f64(0.1 * prices[8].b).unwrap();
            acted.push(event(day, "TLT", MarketData::CorporateAction(CorporateAction::Dividend { amount })));
        }
        acted.push(close(day, "SPY", x.a * if i >= 7 { 0.5 } else { 1.0 }));
        acted.push(close(day, "TLT", x.b * if i >= 9 { 0.9 } else { 1.0 }));
    }
    let (a, b) = (run(alpha(&p).as_mut(), &plain), run(alpha(&p).as_mut(), &acted));
    assert_eq!(a.len(), b.len());
    for (x, y) in a.iter().zip(&b) {
        assert!((x.numbers[0].1 - y.numbers[0].1).abs() < 1e-6, "{x:?} {y:?}");
    }
}

#[test]
fn the_strongest_pair_speaks_for_a_shared_safe_asset() {
    let pairs = vec![["SPY".into(), "TLT".into()], ["AAPL".into(), "TLT".into()]];
    let both = CrossAssetCorrParams { pairs, window: 20, baseline: 40, ..Default::default() };
    let alone = |s: &str| CrossAssetCorrParams {
        pairs: vec![[s.into(), "TLT".into()]],
        window: 20,
        baseline: 40,
        ..Default::default()
    };
    let events = testkit::daily_events(3, 200);
    let at_close = |p: &CrossAssetCorrParams| {
        let mut last = std::collections::BTreeMap::new();
        for s in run(alpha(p).as_mut(), &events) {
            last.insert(s.time, s.score);
        }
        last
    };
    let (spy, aapl, shared) = (at_close(&alone("SPY")), at_close(&alone("AAPL")), at_close(&both));
    assert!(shared.len() == 180 && spy != aapl);
    for (t, score) in shared {
        assert_eq!(score, spy[&t].max(aapl[&t]), "{t}");
    }
}

#[test]
fn the_average_of_the_universe_is_charted() {
    let p = CrossAssetCorrParams { universe: vec!["SPY".into(), "IEF".into(), "MSFT".into()], ..Default::default() };
    let mut a = alpha(&p);
    run(a.as_mut(), &testkit::daily_events(3, 330));
    let mut m = Metrics::new();
    a.metrics(&mut m);
    assert_eq!(
        m.iter().map(|x| x.0).collect::<Vec<_>>(),
        ["correlation", "ewma_correlation", "correlation_z", "average_correlation"]
    );
    assert!(m.iter().all(|x| x.1.is_finite()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Units do not matter, and the legs can be exchanged.
    #[test]
    fn scale_and_order_do_not_matter(seed in 0_u64..1000, unit in 1e-3_f64..1e3) {
        let mut rng = Rng(seed);
        let xs: Vec<_> = (0..40)
            .map(|_| CrossAssetCorrIn { a: (0.1 * rng.normal()).exp(), b: (0.1 * rng.normal()).exp() })
            .collect();
        let p = CrossAssetCorrParams { window: 6, baseline: 8, ..Default::default() };
        let other: Vec<_> = xs.iter().map(|x| CrossAssetCorrIn { a: unit * x.b, b: x.a }).collect();
        let (one, two) = (p.build().unwrap().batch(&xs).unwrap(), p.build().unwrap().batch(&other).unwrap());
        for (o, t) in one.iter().flatten().zip(two.iter().flatten()) {
            prop_assert!((o.correlation.unwrap() - t.correlation.unwrap()).abs() < 1e-9);
            prop_assert!((-1.0..=1.0).contains(&o.correlation.unwrap()));
            prop_assert!((0.0..=1.0).contains(&o.score) && (o.score > 0.0) == o.breakdown);
            prop_assert!((0.0..=1.0).contains(&o.confidence));
        }
    }
}
