//! alpha_vix_regime: conformance, parameters, the overlay's timing, and the promises against flapping.

use proptest::prelude::*;
use serde_json::json;
use tradewind_alpha::plugins::alpha_vix_regime::{
    AlphaVixRegimeIn, AlphaVixRegimeOut, AlphaVixRegimeParams, PLUGIN, VixRegime, VixThresholds,
};
use tradewind_core_types::{
    Adjust, Adjustment, Bar, Event, FeatureValues, Market, MarketData, Online, Origin, Overlay, Params, Portfolio,
    Price, Probe, Span, Symbol, Time, View, testkit,
};

/// A VIX that wanders through all regimes.
fn inputs(n: usize) -> Vec<AlphaVixRegimeIn> {
    let mut rng = testkit::Rng(4);
    let mut x = 3.0_f64;
    (0..n)
        .map(|i| {
            x += 0.05 * (2.9 - x) + 0.12 * rng.normal();
            let vix = x.exp();
            let vix3m = (i % 5 != 4).then(|| vix * (1.04 + 0.06 * rng.normal()));
            AlphaVixRegimeIn { vix, vix3m }
        })
        .collect()
}

fn run(p: &AlphaVixRegimeParams, vix: &[f64]) -> Vec<AlphaVixRegimeOut> {
    let xs: Vec<_> = vix.iter().map(|v| AlphaVixRegimeIn { vix: *v, vix3m: None }).collect();
    p.build().unwrap().batch(&xs).unwrap().into_iter().flatten().collect()
}

#[test]
fn conformance() {
    testkit::info_suite(&PLUGIN);
    let xs = inputs(300);
    testkit::online_suite(&AlphaVixRegimeParams::default(), &xs);
    let p = AlphaVixRegimeParams { thresholds: VixThresholds::Quantile, quantile_window: 60, ..Default::default() };
    testkit::online_suite(&p, &xs);
    testkit::role_suite(&PLUGIN, &serde_json::to_value(&p).unwrap());
    testkit::role_suite(&PLUGIN, &json!({}));
}

#[test]
fn bad_input_is_refused() {
    let mut r = AlphaVixRegimeParams::default().build().unwrap();
    let at = |vix, vix3m| AlphaVixRegimeIn { vix, vix3m };
    r.update(&at(20.0, None)).unwrap();
    let bad = [f64::NAN, f64::INFINITY, 0.0, -3.0];
    testkit::refuses(&mut r, &bad.map(|v| at(v, None)));
    testkit::refuses(&mut r, &bad.map(|v| at(20.0, Some(v))));
}

#[test]
fn every_parameter_changes_something() {
    let xs = inputs(400);
    let mut events = testkit::daily_events(3, 250);
    // A second index under other names.
    for e in testkit::daily_events(4, 250) {
        if let (Some(s), MarketData::Index(_)) = (e.symbol, &e.data)
            && s.as_str().starts_with("VIX")
        {
            events.push(Event { symbol: Symbol::new(&format!("{s}.B")).ok(), ..e });
        }
    }
    events.sort_by_key(|e| (e.time, e.data.rank()));
    testkit::every_parameter_matters::<AlphaVixRegimeParams>(
        &[
            json!({"symbol": "VIX.B"}),
            json!({"term_symbol": null}),
            json!({"thresholds": "quantile"}),
            json!({"normal_at": 16.0}),
            json!({"elevated_at": 24.0}),
            json!({"crisis_at": 33.0}),
            json!({"thresholds": "quantile", "quantile_window": 100}),
            json!({"thresholds": "quantile", "quantile_window": 100, "normal_quantile": 0.2}),
            json!({"thresholds": "quantile", "quantile_window": 100, "elevated_quantile": 0.7}),
            json!({"thresholds": "quantile", "quantile_window": 100, "crisis_quantile": 0.9}),
            json!({"hysteresis": 2.0}),
            json!({"min_dwell": 1}),
            json!({"term_ratio": 0.95}),
            json!({"low_multiplier": 1.1}),
            json!({"normal_multiplier": 0.9}),
            json!({"elevated_multiplier": 0.6}),
            json!({"crisis_multiplier": 0.0}),
            json!({"max_age_days": 0.5}),
        ],
        |p| {
            let value = serde_json::to_value(p).unwrap();
            let build = || Probe::all(&PLUGIN, &value).unwrap().remove(0);
            let mut trace = testkit::online_trace(p, &[xs.clone(), inputs(600)].concat());
            trace.extend(testkit::drive(&build, &events, None).concat().into_bytes());
            trace
        },
    );
}

#[test]
fn bad_parameters_are_named_all_at_once() {
    let p = AlphaVixRegimeParams {
        symbol: "no spaces".into(),
        term_symbol: Some(String::new()),
        normal_at: f64::NAN,
        elevated_at: f64::NAN,
        crisis_at: 0.0,
        quantile_window: 5,
        normal_quantile: 0.0,
        elevated_quantile: f64::NAN,
        crisis_quantile: 1.0,
        hysteresis: -1.0,
        min_dwell: 0,
        term_ratio: 0.0,
        low_multiplier: f64::INFINITY,
        normal_multiplier: f64::NAN,
        elevated_multiplier: -1.0,
        crisis_multiplier: -0.5,
        max_age_days: 0.0,
        ..Default::default()
    };
    let e = p.build().unwrap_err();
    assert_eq!(e.0.len(), 17, "{e}");
    let same = AlphaVixRegimeParams { term_symbol: Some("VIX".into()), ..Default::default() };
    assert!(same.build().is_err());
    // More exposure in a worse regime is refused.
    assert!(AlphaVixRegimeParams { crisis_multiplier: 0.8, ..Default::default() }.build().is_err());
}

#[test]
fn equal_quantiles_give_way_to_the_fixed_thresholds() {
    let p = AlphaVixRegimeParams { thresholds: VixThresholds::Quantile, quantile_window: 20, ..Default::default() };
    let out = run(&p, &[20.0; 60]);
    assert!(out.iter().all(|o| o.regime == VixRegime::Normal && !o.from_quantiles));
}

/// The overlay and a clock: `at(day, hour)` on consecutive days from 2015-08-20.
struct Desk {
    overlay: Box<dyn Overlay>,
    market: Market,
    features: FeatureValues,
    portfolio: Portfolio,
}

fn at(day: i64, hour: i64) -> Time {
    Time::from_ymd(2015, 8, 20).unwrap().plus(Span::from_days(day)).plus(Span::from_secs(3600 * hour))
}

impl Desk {
    fn new(params: serde_json::Value) -> Self {
        Self {
            overlay: PLUGIN.overlay.unwrap()(&params).unwrap(),
            market: Market::default(),
            features: FeatureValues::default(),
            portfolio: Portfolio::default(),
        }
    }
    fn see(&mut self, time: Time, symbol: Option<&str>, data: MarketData) {
        let e = Event { time, symbol: symbol.map(|s| Symbol::new(s).unwrap()), origin: Origin::default(), data };
        let view = View::new(time, &self.market, &self.features, &self.portfolio);
        self.overlay.observe(&e, &view).unwrap();
    }
    fn index(&mut self, time: Time, symbol: &str, level: f64) {
        let bar = Bar::close_only(Price::from_f64(level).unwrap());
        self.see(time, Some(symbol), MarketData::Index(bar));
    }
    fn close(&mut self, time: Time) {
        self.see(time, None, MarketData::SessionClose);
    }
    fn ask(&mut self, now: Time) -> Adjustment {
        let view = View::new(now, &self.market, &self.features, &self.portfolio);
        self.overlay.exposure(Symbol::new("SPY").unwrap(), &view)
    }
}

#[test]
fn the_overlay_explains_itself() {
    let mut d = Desk::new(json!({}));
    let a = d.ask(at(0, 20));
    assert_eq!((a.adjust, a.reason.as_ref()), (Adjust::Keep, "no VIX yet"));
    let mut metrics = Vec::new();
    d.overlay.metrics(&mut metrics);
    assert!(metrics.is_empty());
    for (day, vix) in [(0, 19.14), (1, 28.03), (4, 40.74)] {
        d.index(at(day, 20), "VIX", vix);
        d.close(at(day, 20));
    }
    let a = d.ask(at(4, 20));
    assert_eq!((a.adjust, a.reason.as_ref()), (Adjust::Scale(0.3), "CRISIS since 2015-08-24"));
    assert_eq!(a.numbers.as_slice(), [("vix".into(), 40.74), ("age_days".into(), 0.0)]);
    d.overlay.metrics(&mut metrics);
    assert_eq!(metrics, [("vix_regime", 3.0), ("vix_multiplier", 0.3)]);
}

#[test]
fn old_levels_never_raise_exposure_above_one() {
    let mut d = Desk::new(json!({}));
    d.index(at(0, 20), "VIX", 12.0);
    d.close(at(0, 20));
    assert_eq!(d.ask(at(4, 20)).adjust, Adjust::Scale(1.2));
    let a = d.ask(at(4, 21));
    assert_eq!((a.adjust, a.reason.as_ref()), (Adjust::Scale(1.0), "LOW since 2015-08-20, VIX is 4.0 days old"));
    // Caution does not age.
    d.index(at(5, 20), "VIX", 40.0);
    assert_eq!(d.ask(at(30, 20)).adjust, Adjust::Scale(0.3));
}

#[test]
fn within_a_session_regimes_only_rise_and_asking_changes_nothing() {
    let mut d = Desk::new(json!({"min_dwell": 1}));
    d.index(at(0, 14), "VIX", 20.0);
    assert_eq!(d.ask(at(0, 14)).adjust, Adjust::Scale(1.0));
    d.index(at(0, 15), "VIX", 36.0);
    assert_eq!(d.ask(at(0, 15)).adjust, Adjust::Scale(0.3));
    d.index(at(0, 16), "VIX", 20.0);
    for _ in 0..10 {
        assert_eq!(d.ask(at(0, 16)).adjust, Adjust::Scale(0.3));
    }
    // The day counts as the crisis's first session; the next close may leave it.
    d.close(at(0, 20));
    assert_eq!(d.ask(at(0, 20)).adjust, Adjust::Scale(0.3));
    // A close without a new level counts for nothing.
    d.close(at(1, 20));
    assert_eq!(d.ask(at(1, 20)).adjust, Adjust::Scale(0.3));
    d.index(at(2, 16), "VIX", 20.0);
    d.close(at(2, 20));
    assert_eq!(d.ask(at(2, 20)).adjust, Adjust::Scale(1.0));
}

#[test]
fn the_term_structure_is_judged_at_the_close_with_levels_of_the_same_session() {
    let mut d = Desk::new(json!({"min_dwell": 1}));
    d.index(at(0, 20), "VIX", 20.0);
    d.index(at(0, 20), "VIX3M", 19.0);
    assert_eq!(d.ask(at(0, 20)).adjust, Adjust::Scale(1.0));
    d.close(at(0, 20));
    assert_eq!(d.ask(at(0, 20)).adjust, Adjust::Scale(0.7));
    // Yesterday's VIX3M says nothing of today.
    d.index(at(1, 20), "VIX", 20.0);
    d.close(at(1, 20));
    assert_eq!(d.ask(at(1, 20)).adjust, Adjust::Scale(1.0));
    // Settlement after the close: judged at the next one.
    d.index(at(1, 21), "VIX3M", 19.0);
    d.index(at(1, 21), "VIX", 20.0);
    d.close(at(2, 20));
    assert_eq!(d.ask(at(2, 20)).adjust, Adjust::Scale(0.7));
}

#[test]
fn the_overlay_at_closes_is_the_calculator() {
    let mut d = Desk::new(json!({}));
    let mut alone = AlphaVixRegimeParams::default().build().unwrap();
    for (day, x) in inputs(500).into_iter().enumerate() {
        let now = at(day as i64, 20);
        let round = |v: f64| Price::from_f64(v).unwrap().to_f64();
        let x = AlphaVixRegimeIn { vix: round(x.vix), vix3m: x.vix3m.map(round) };
        d.index(now, "VIX", x.vix);
        if let Some(v) = x.vix3m {
            d.index(now, "VIX3M", v);
        }
        d.close(now);
        let want = alone.update(&x).unwrap().unwrap();
        assert_eq!(d.ask(now).adjust, Adjust::Scale(want.multiplier), "session {day}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_memory_the_regime_rises_with_the_vix(a in 5.0_f64..90.0, b in 5.0_f64..90.0, three in 5.0_f64..90.0) {
        let p = AlphaVixRegimeParams { hysteresis: 0.0, min_dwell: 1, ..Default::default() };
        let level = |vix, vix3m| {
            p.build().unwrap().update(&AlphaVixRegimeIn { vix, vix3m }).unwrap().map(|o| (o.level, -o.multiplier)).unwrap()
        };
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(level(low, None) <= level(high, None));
        prop_assert!(level(low, Some(three)) <= level(high, Some(three)));
        prop_assert!(level(low, Some(three)).0 - level(low, None).0 <= 1);
    }

    #[test]
    fn within_the_hysteresis_there_is_one_switch_at_most(
        edge in prop::sample::select(vec![15.0, 25.0, 35.0]),
        offsets in prop::collection::vec(-0.5_f64..3.0, 2..200),
        dwell in 1_u32..5,
    ) {
        let p = AlphaVixRegimeParams { min_dwell: dwell, ..Default::default() };
        // From just within the hysteresis below a threshold to well above it.
        let vix: Vec<f64> = offsets.iter().map(|o| (edge + o).max(edge - 0.4999)).collect();
        let out = run(&p, &vix);
        prop_assert!(out.windows(2).filter(|w| w[0].level != w[1].level).count() <= 1);
    }

    #[test]
    fn worse_is_never_delayed_and_better_always_waits(
        vix in prop::collection::vec(8.0_f64..60.0, 1..300),
        dwell in 1_u32..8,
    ) {
        let p = AlphaVixRegimeParams { min_dwell: dwell, ..Default::default() };
        let memoryless = AlphaVixRegimeParams { hysteresis: 0.0, min_dwell: 1, ..Default::default() };
        let (out, now) = (run(&p, &vix), run(&memoryless, &vix));
        for (o, n) in out.iter().zip(&now) {
            prop_assert!(o.level >= n.level, "less careful than the thresholds ask for");
        }
        for w in out.windows(2) {
            if w[1].level < w[0].level {
                prop_assert!(w[0].sessions_in_regime >= dwell);
            }
            let expected = if w[1].level == w[0].level { w[0].sessions_in_regime + 1 } else { 1 };
            prop_assert_eq!(w[1].sessions_in_regime, expected);
        }
    }
}
