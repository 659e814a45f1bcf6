//! fe_entropy: conformance of the calculator, its parameters, its roles, and invariants.

use proptest::prelude::*;
use serde_json::json;
use tradewind_core_types::{
    Adjust, Bar, CorporateAction, Event, FeatureId, FeatureValues, Market, MarketData, Online, Origin, Params,
    Portfolio, Price, Probe, Signal, Span, StrategyId, Symbol, Time, View, testkit,
};
use tradewind_features::plugins::fe_entropy::{
    EntropyInput, EntropyMethod, FeEntropyIn, FeEntropyOut, FeEntropyParams, PLUGIN,
};

const METHODS: [EntropyMethod; 5] = [
    EntropyMethod::Permutation,
    EntropyMethod::Shannon,
    EntropyMethod::Sample,
    EntropyMethod::Approximate,
    EntropyMethod::LempelZiv,
];

fn inputs(n: usize) -> Vec<FeEntropyIn> {
    testkit::closes(5, n).into_iter().map(|close| FeEntropyIn { close }).collect()
}

#[test]
fn conformance_of_every_method() {
    for method in METHODS {
        for input in [EntropyInput::Returns, EntropyInput::Level] {
            let p = FeEntropyParams { method, input, window: 60, ..Default::default() };
            testkit::online_suite(&p, &inputs(200));
        }
    }
    testkit::online_suite(&FeEntropyParams::default(), &inputs(300));
}

#[test]
fn bad_input_is_refused() {
    for method in METHODS {
        let p = FeEntropyParams { method, window: 20, ..Default::default() };
        let mut e = p.build().unwrap();
        for x in inputs(50) {
            e.update(&x).unwrap();
        }
        let bad = [f64::NAN, f64::INFINITY, 0.0, -1.0].map(|close| FeEntropyIn { close });
        testkit::refuses(&mut e, &bad);
        let mut level = FeEntropyParams { input: EntropyInput::Level, ..p }.build().unwrap();
        testkit::refuses(&mut level, &bad[..2]);
        level.update(&bad[3]).unwrap();
    }
    // A return beyond the range of numbers is an error too.
    let mut e = FeEntropyParams::default().build().unwrap();
    e.update(&FeEntropyIn { close: 1e-300 }).unwrap();
    testkit::refuses(&mut e, &[FeEntropyIn { close: 1e300 }]);
}

#[test]
fn bad_parameters_are_named_all_at_once() {
    let p = FeEntropyParams {
        window: 7,
        order: 8,
        delay: 0,
        dimension: 0,
        tolerance: f64::NAN,
        bins: 1,
        low: Some(f64::NAN),
        high: Some(f64::NAN),
        floor: 1.1,
        symbols: vec!["no spaces".into(), "SPY".into(), "SPY".into()],
        ..Default::default()
    };
    let e = p.build().unwrap_err();
    assert_eq!(e.0.len(), 11, "{e}");
    assert!(FeEntropyParams { order: 7, delay: 30, ..Default::default() }.build().is_err());
    assert!(FeEntropyParams { symbols: vec![], ..Default::default() }.build().is_err());
    assert!(FeEntropyParams { low: Some(0.999), ..Default::default() }.build().is_err());
}

#[test]
fn every_parameter_changes_something() {
    let events = testkit::daily_events(3, 200);
    let xs = inputs(200);
    testkit::every_parameter_matters::<FeEntropyParams>(
        &[
            json!({"method": "shannon"}),
            json!({"input": "level"}),
            json!({"window": 100}),
            json!({"order": 4}),
            json!({"delay": 2}),
            json!({"method": "sample", "dimension": 1}),
            json!({"method": "approximate", "tolerance": 0.3}),
            json!({"method": "shannon", "bins": 11}),
            json!({"low": 0.97}),
            json!({"high": 1.0}),
            json!({"floor": 0.5}),
            json!({"symbols": ["TLT"]}),
        ],
        |p| {
            let mut trace = testkit::online_trace(p, &xs);
            let value = serde_json::to_value(p).unwrap();
            for (k, _) in Probe::all(&PLUGIN, &value).unwrap().iter().enumerate() {
                let build = || Probe::all(&PLUGIN, &value).unwrap().remove(k);
                trace.extend(testkit::drive(&build, &events, None).concat().into_bytes());
            }
            trace
        },
    );
}

#[test]
fn registry_entry_and_roles_conform() {
    testkit::info_suite(&PLUGIN);
    for method in ["permutation", "shannon", "sample", "approximate", "lempel_ziv"] {
        testkit::role_suite(&PLUGIN, &json!({"method": method, "window": 40, "symbols": ["SPY", "TLT"]}));
    }
}

fn event(day: i64, symbol: &str, data: MarketData) -> Event {
    let time = Time::from_ymd(2015, 1, 2).unwrap().plus(Span::from_days(day));
    Event { time, symbol: Some(Symbol::new(symbol).unwrap()), origin: Origin::default(), data }
}

fn bar(day: i64, symbol: &str, close: f64) -> Event {
    event(day, symbol, MarketData::Bar(Bar::close_only(Price::from_f64(close).unwrap())))
}

#[test]
fn the_filter_scales_followed_symbols_and_keeps_others() {
    let params = json!({"window": 8, "low": 0.5, "high": 0.9, "symbols": ["SPY", "SPX"]});
    let mut filter = PLUGIN.filter.unwrap()(&params).unwrap();
    let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let signal = |s: &str| Signal::new(Time::MIN, Symbol::new(s).unwrap(), 1.0, 0.5, "test").unwrap();
    let view = View::new(Time::MIN, &market, &features, &portfolio);
    assert_eq!(filter.filter(StrategyId::new("s").unwrap(), &signal("SPY"), &view).reason, "SPY is not warm yet");
    // Rising every day, but with a rising return in between a split 2:1, which is no return.
    let mut price = 100.0;
    for day in 0..12 {
        price *= 1.0 + 0.001 * (day + 1) as f64;
        if day == 9 {
            price /= 2.0;
            let split = CorporateAction::Split { numerator: 2, denominator: 1 };
            filter.observe(&event(day, "SPY", MarketData::CorporateAction(split)), &view).unwrap();
        }
        filter.observe(&bar(day, "SPY", price), &view).unwrap();
        filter.observe(&bar(day, "TLT", 50.0), &view).unwrap();
        filter.observe(&event(day, "SPX", MarketData::Index(Bar::close_only("20".parse().unwrap()))), &view).unwrap();
    }
    let a = filter.filter(StrategyId::new("s").unwrap(), &signal("SPY"), &view);
    assert_eq!((a.adjust, a.reason.as_ref()), (Adjust::Scale(1.0), "permutation entropy 0.000 <= 0.500"));
    assert_eq!(filter.filter(StrategyId::new("s").unwrap(), &signal("SPX"), &view).adjust, Adjust::Scale(1.0));
    let a = filter.filter(StrategyId::new("s").unwrap(), &signal("TLT"), &view);
    assert_eq!((a.adjust, a.reason.as_ref()), (Adjust::Keep, "TLT is not followed"));
}

#[test]
fn the_feature_publishes_what_the_calculator_gives() {
    let params = FeEntropyParams { window: 30, symbols: vec!["SPY".into(), "TLT".into()], ..Default::default() };
    let mut feature = PLUGIN.feature.unwrap()(&serde_json::to_value(&params).unwrap()).unwrap();
    let names: Vec<&str> = feature.outputs().into_iter().map(|p| p.id.as_str()).collect();
    let want = ["fe_entropy.SPY.entropy", "fe_entropy.SPY.quality", "fe_entropy.TLT.entropy", "fe_entropy.TLT.quality"];
    assert_eq!(names, want);
    let (market, none, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let mut out = FeatureValues::default();
    let mut alone = params.build().unwrap();
    for (day, close) in testkit::closes(8, 50).into_iter().enumerate() {
        let e = bar(day as i64, "SPY", close);
        let view = View::new(e.time, &market, &none, &portfolio);
        feature.on_event(&e, &view, &mut out).unwrap();
        let close = e.mark().unwrap().to_f64();
        let got = |what: &str| out.get(FeatureId::new(what).unwrap());
        match alone.update(&FeEntropyIn { close }).unwrap() {
            Some(FeEntropyOut { entropy, quality }) => {
                assert_eq!(got(want[0]), entropy.map(|h| (h, e.time)));
                assert_eq!(got(want[1]), Some((quality, e.time)));
            }
            None => assert_eq!(got(want[1]), None),
        }
    }
    assert_eq!(out.iter().count(), 2);
}

#[test]
fn ten_million_updates_do_not_drift() {
    let p = FeEntropyParams { input: EntropyInput::Level, window: 126, ..Default::default() };
    for method in [EntropyMethod::Permutation, EntropyMethod::Shannon] {
        let params = FeEntropyParams { method, ..p.clone() };
        let mut rng = testkit::Rng(9);
        let mut e = params.build().unwrap();
        for _ in 0..10_000_000 {
            e.update(&FeEntropyIn { close: rng.uniform() }).unwrap();
        }
        let mut fresh = params.build().unwrap();
        let (mut old, mut new) = (None, None);
        for _ in 0..126 {
            let x = FeEntropyIn { close: rng.uniform() };
            old = e.update(&x).unwrap();
            new = fresh.update(&x).unwrap();
        }
        assert_eq!(old, new, "{method}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn bounded_and_blind_to_scale(seed in 0_u64..10_000, power in -7_i32..8, coarse in any::<bool>()) {
        let mut rng = testkit::Rng(seed);
        let x: Vec<f64> =
            (0..60).map(|_| if coarse { (rng.uniform() * 4.0).floor() } else { rng.normal() }).collect();
        for method in METHODS {
            let p = FeEntropyParams { method, input: EntropyInput::Level, window: 40, ..Default::default() };
            let run = |k: f64| {
                let xs: Vec<_> = x.iter().map(|v| FeEntropyIn { close: v * k }).collect();
                p.build().unwrap().batch(&xs).unwrap()
            };
            let (a, b) = (run(1.0), run(2.0_f64.powi(power)));
            for o in a.iter().flatten() {
                prop_assert!((0.85 - 1e-12..=1.0).contains(&o.quality));
                if let Some(h) = o.entropy {
                    match method {
                        EntropyMethod::Permutation | EntropyMethod::Shannon => prop_assert!((0.0..=1.0).contains(&h)),
                        // Approximate entropy may be slightly negative: it is the difference of two estimates.
                        EntropyMethod::Approximate => prop_assert!((-0.1..5.0).contains(&h), "{h}"),
                        _ => prop_assert!((0.0..8.0).contains(&h)),
                    }
                }
            }
            // Multiplying by a power of two is exact, so even ties and bin edges stay what they were.
            prop_assert_eq!(&a, &b, "{}", method);
        }
    }
}
