//! risk_auto_hedge_ratio: conformance, the rule on a market, and what must always hold.

use proptest::prelude::*;
use serde_json::json;
use tradewind_core_types::testkit::{self, Rng, daily_events, online_trace};
use tradewind_core_types::*;
use tradewind_risk::plugins::risk_auto_hedge_ratio::{
    BetaState, Estimator, HedgeRule, RiskAutoHedgeRatioIn, RiskAutoHedgeRatioParams, Shrinkage,
};

fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}

fn rows(seed: u64, n: usize) -> Vec<RiskAutoHedgeRatioIn> {
    let (m, own) = (testkit::returns(seed, n), testkit::returns(seed + 1, n));
    let (mut asset, mut market) = (50.0, 100.0);
    (0..n)
        .map(|i| {
            asset *= 1.0 + 0.9 * m[i] + if i > 0 { 0.3 * m[i - 1] } else { 0.0 } + own[i];
            market *= 1.0 + m[i];
            RiskAutoHedgeRatioIn { asset, market }
        })
        .collect()
}

/// The betas of the four shares in [`World`].
const BETAS: [(&str, f64); 4] = [("BOND", -0.3), ("CALM", 0.5), ("FAST", 1.6), ("SAME", 1.0)];

/// Sessions of SPY and shares that follow it by known betas.
fn events(seed: u64, sessions: usize, noise: f64) -> Vec<Event> {
    let mut rng = Rng(seed);
    let mut price = [100.0; 5];
    let day = Time::from_ymd(2014, 1, 2).unwrap();
    let mut out = Vec::new();
    for d in 0..sessions {
        let time = day.plus(Span::from_days(d as i64));
        let market = 0.01 * rng.normal();
        for (i, p) in price.iter_mut().enumerate() {
            let (name, r) =
                if i == 4 { ("SPY", market) } else { (BETAS[i].0, BETAS[i].1 * market + noise * rng.normal()) };
            *p *= 1.0 + r;
            let data = MarketData::Bar(Bar::close_only(Price::from_f64(*p).unwrap()));
            out.push(Event { time, symbol: Some(symbol(name)), origin: Origin::default(), data });
        }
        out.push(Event { time, symbol: None, origin: Origin::default(), data: MarketData::SessionClose });
    }
    out
}

struct World {
    rule: HedgeRule,
    hedge: Symbol,
    market: Market,
    features: FeatureValues,
    portfolio: Portfolio,
    now: Time,
}

impl World {
    fn new(p: &RiskAutoHedgeRatioParams) -> Self {
        Self {
            rule: HedgeRule::new(p).unwrap(),
            hedge: symbol(&p.hedge),
            market: Market::default(),
            features: FeatureValues::default(),
            portfolio: Portfolio::with_cash("1000000".parse().unwrap()),
            now: Time::MIN,
        }
    }
    fn show(&mut self, events: &[Event]) {
        for e in events {
            self.market.apply(e);
            self.now = e.time;
            let (m, f, p) = (&self.market, &self.features, &self.portfolio);
            self.rule.observe(e, &View::new(e.time, m, f, p)).unwrap();
        }
    }
    fn ask(&mut self, targets: &[(&str, f64)]) -> Option<Adjustment> {
        let targets: Vec<_> = targets.iter().map(|(s, w)| (symbol(s), *w)).collect();
        let (m, f, p) = (&self.market, &self.features, &self.portfolio);
        let mut steps = self.rule.apply(&targets, &View::new(self.now, m, f, p));
        assert!(steps.len() < 2, "{steps:?}");
        steps.pop().map(|s| {
            assert_eq!(s.symbol, self.hedge);
            s.adjustment
        })
    }
    /// Time goes on without a session.
    fn wait(&mut self, seconds: i64) {
        self.now = self.now.plus(Span::from_secs(seconds));
    }
    fn metric(&self, name: &str) -> Option<f64> {
        let mut m = Metrics::new();
        self.rule.metrics(&mut m);
        m.iter().find(|x| x.0 == name).map(|x| x.1)
    }
}

fn added(a: &Option<Adjustment>) -> f64 {
    match a.as_ref().map(|a| a.adjust) {
        Some(Adjust::Add(x)) => x,
        Some(Adjust::Keep) | None => 0.0,
        other => panic!("{other:?}"),
    }
}

fn number(a: &Adjustment, name: &str) -> f64 {
    a.numbers.iter().find(|x| x.0 == name).unwrap_or_else(|| panic!("{name} in {a:?}")).1
}

const ALL: [Estimator; 4] = [Estimator::Ols, Estimator::Ewma, Estimator::Kalman, Estimator::Dimson];

#[test]
fn online_for_each_estimator() {
    for estimator in ALL {
        let p = RiskAutoHedgeRatioParams { estimator, window: 100, minimum: 40, lags: 2, ..Default::default() };
        testkit::online_suite(&p, &rows(3, 300));
    }
}

#[test]
fn bad_input_is_refused() {
    let mut c = RiskAutoHedgeRatioParams::default().build().unwrap();
    for x in rows(1, 100) {
        c.update(&x).unwrap();
    }
    let row = |asset, market| RiskAutoHedgeRatioIn { asset, market };
    testkit::refuses(
        &mut c,
        &[row(0.0, 1.0), row(1.0, -1.0), row(f64::NAN, 1.0), row(1.0, f64::INFINITY), row(1e300, 1.0), row(1.0, 1e300)],
    );
    let e = RiskAutoHedgeRatioParams {
        market: "no spaces".into(),
        hedge: String::new(),
        window: 9,
        minimum: 4,
        lambda: 1.0,
        lags: 6,
        beta_drift: -0.1,
        prior_mean: f64::NAN,
        prior_sd: 0.0,
        target: 11.0,
        dead_band: -0.1,
        cap: f64::NAN,
        lot: -1.0,
        cost_bps: 1001.0,
        risk_aversion: -1.0,
        horizon: 0.0,
        unknown_beta: 10.1,
        max_age_days: 0.0,
        ..Default::default()
    }
    .build()
    .unwrap_err();
    assert_eq!(e.0.len(), 18, "{e}");
    let dimson = RiskAutoHedgeRatioParams { estimator: Estimator::Dimson, lags: 5, minimum: 8, ..Default::default() };
    assert!(dimson.build().unwrap_err().to_string().contains("9 returns"));
}

#[test]
fn what_is_not_identified_is_typed() {
    for estimator in ALL {
        let p = RiskAutoHedgeRatioParams { estimator, window: 60, minimum: 20, ..Default::default() };
        let of = |f: &dyn Fn(&RiskAutoHedgeRatioIn) -> RiskAutoHedgeRatioIn| {
            let inputs: Vec<_> = rows(2, 80).iter().map(f).collect();
            p.build().unwrap().batch(&inputs).unwrap().pop().unwrap().unwrap()
        };
        let flat_market = of(&|x| RiskAutoHedgeRatioIn { market: 5.0, ..*x });
        assert_eq!((flat_market.state, flat_market.beta, flat_market.hedged), (BetaState::ConstantMarket, None, None));
        let flat_asset = of(&|x| RiskAutoHedgeRatioIn { asset: 5.0, ..*x });
        assert_eq!((flat_asset.state, flat_asset.se), (BetaState::ConstantAsset, None), "{estimator:?}");
    }
}

#[test]
fn every_parameter_matters() {
    let changes = [
        json!({"market": "CALM"}),
        json!({"hedge": "SAME"}),
        json!({"estimator": "ols"}),
        json!({"estimator": "ols", "window": 100}),
        json!({"minimum": 40}),
        json!({"lambda": 0.9}),
        json!({"estimator": "dimson", "lags": 3}),
        json!({"estimator": "kalman", "beta_drift": 0.1}),
        json!({"shrinkage": "cross_section"}),
        json!({"prior_mean": 0.5}),
        json!({"prior_sd": 0.1}),
        json!({"target": 0.2}),
        json!({"dead_band": 0.3}),
        json!({"cap": 0.5}),
        json!({"lot": 100.0}),
        json!({"cost_bps": 30.0}),
        json!({"cost_bps": 30.0, "risk_aversion": 8.0}),
        json!({"cost_bps": 30.0, "horizon": 80.0}),
        json!({"unknown_beta": 2.0}),
        json!({"max_age_days": 0.5}),
    ];
    testkit::every_parameter_matters::<RiskAutoHedgeRatioParams>(&changes, |p| {
        let mut out = online_trace(p, &rows(5, 200));
        let mut world = World::new(p);
        for (k, day) in events(2, 140, 0.01).chunks(6).enumerate() {
            world.show(day);
            let w = 0.4 + 0.2 * (k as f64 * 0.7).sin();
            let t = [("BOND", 0.2), ("CALM", 0.3), ("FAST", w), ("NEW", if k % 2 == 0 { 0.01 } else { -0.2 })];
            out.extend(format!("{:?}", world.ask(&t)).into_bytes());
            let mut m = Metrics::new();
            world.rule.metrics(&mut m);
            out.extend(format!("{m:?}").into_bytes());
            world.wait(61_200);
            out.extend(format!("{:?}", world.ask(&t)).into_bytes());
        }
        // Five betas make a cross-section: SPY's own does not count.
        let mut world = World::new(p);
        for e in daily_events(2, 200) {
            let renamed = e.symbol.map(|s| match s.as_str() {
                "VIX" | "VIX3M" | "SPX" => symbol("X"),
                _ => s,
            });
            let data = match (&e.data, e.symbol.map(Symbol::as_str)) {
                (MarketData::Index(b), Some("VIX")) => MarketData::Bar(*b),
                (d, _) => d.clone(),
            };
            world.show(&[Event { symbol: renamed, data, ..e }]);
        }
        out.extend(format!("{:?}", world.ask(&[("AAPL", 0.9), ("TLT", 0.5)])).into_bytes());
        out
    });
}

#[test]
fn hedges_what_the_betas_say() {
    for estimator in ALL {
        let (shrinkage, beta_drift) = (Shrinkage::None, 0.001);
        let p = RiskAutoHedgeRatioParams { estimator, shrinkage, beta_drift, ..Default::default() };
        let mut world = World::new(&p);
        world.show(&events(1, 300, 0.0001));
        let t = [("CALM", 0.5), ("FAST", 0.5)];
        let a = world.ask(&t).unwrap();
        // 0.5 x 0.5 + 0.5 x 1.6 = 1.05; the cap is 1.
        assert!((number(&a, "beta_exposure") - 1.05).abs() < 0.005, "{a:?}");
        assert!(a.reason.contains("the cap") && added(&Some(a)) >= -1.0);
        world.wait(1);
        let a = world.ask(&[("FAST", 0.5)]).unwrap();
        let price = world.market.price(symbol("SPY")).unwrap().to_f64();
        // A lot is worth some 0.0001 of equity.
        assert!((added(&Some(a.clone())) + 0.8).abs() < 0.006 && number(&a, "after") >= 0.0, "{a:?}");
        assert!((number(&a, "shares") * price / 1e6 - added(&Some(a.clone()))).abs() < 1e-12);
        assert!((number(&a, "beta FAST") - 1.6).abs() < 0.01);
        // SPY's own weight counts, and a short book is hedged long.
        world.wait(1);
        let a = world.ask(&[("FAST", -0.5), ("SPY", 0.3)]).unwrap();
        assert!((added(&Some(a.clone())) - 0.5).abs() < 0.006 && a.reason.contains("long"), "{a:?}");
        // Nothing to hedge: what there was is closed, and then there is nothing to say.
        world.wait(1);
        assert!(world.ask(&[]).unwrap().reason.contains("the hedge is closed"));
        world.wait(1);
        assert!(world.ask(&[]).is_none() && world.ask(&[("CALM", 0.05)]).is_none());
    }
}

#[test]
fn dead_band_cost_and_asking_twice() {
    let p = RiskAutoHedgeRatioParams { shrinkage: Shrinkage::None, ..Default::default() };
    let mut world = World::new(&p);
    world.show(&events(1, 200, 0.0001));
    let first = world.ask(&[("SAME", 0.5)]);
    assert!((added(&first) + 0.5).abs() < 0.002);
    // Asked again at the same instant, the answer is the same: the hedge is not taken for one already held.
    assert_eq!(world.ask(&[("SAME", 0.5)]), first);
    world.wait(1);
    let kept = world.ask(&[("SAME", 0.53)]).unwrap();
    assert!(kept.reason.contains("kept (within the dead band)"), "{kept:?}");
    assert_eq!((added(&Some(kept.clone())), number(&kept, "cost_bps")), (added(&first), 0.0));
    world.wait(1);
    assert!((added(&world.ask(&[("SAME", 0.6)])) + 0.6).abs() < 0.002);
    // At 50 bp a tenth is not worth a trade.
    let p = RiskAutoHedgeRatioParams { cost_bps: 50.0, ..p };
    let mut world = World::new(&p);
    world.show(&events(1, 200, 0.0001));
    let a = world.ask(&[("SAME", 0.5)]).unwrap();
    assert!(a.reason.contains("no hedge, a change is not worth its cost"), "{a:?}");
    // A split of the hedge: three times the shares at a third of the price.
    let mut world = World::new(&RiskAutoHedgeRatioParams { cost_bps: 0.0, ..p });
    world.show(&events(1, 200, 0.0001));
    let before = world.ask(&[("SAME", 0.5)]).unwrap();
    let split = MarketData::CorporateAction(CorporateAction::Split { numerator: 3, denominator: 1 });
    world.wait(1);
    let event = Event { time: world.now, symbol: Some(symbol("SPY")), origin: Origin::default(), data: split };
    world.show(&[event]);
    let after = world.ask(&[("SAME", 0.5)]).unwrap();
    assert!(after.reason.contains("kept"), "{after:?}");
    assert_eq!(number(&after, "shares"), 3.0 * number(&before, "shares"));
}

#[test]
fn what_is_not_known_hedges_less_and_says_so() {
    let p = RiskAutoHedgeRatioParams { shrinkage: Shrinkage::None, ..Default::default() };
    let mut world = World::new(&p);
    // Nothing known yet.
    let a = world.ask(&[("SAME", 0.5)]).unwrap();
    assert!(a.reason.starts_with("no hedge: no price of SPY is known") || a.reason.contains("sign"), "{a:?}");
    world.show(&events(1, 30, 0.001));
    let a = world.ask(&[("SAME", 0.5)]).unwrap();
    assert_eq!(a.adjust, Adjust::Keep);
    assert!(
        a.reason.contains("the sign of the beta exposure is not known; 1 without beta, SAME first (fewer than 63"),
        "{a:?}"
    );
    // SPY's own beta is known from the first day.
    world.wait(1);
    assert!((added(&world.ask(&[("SAME", 0.5), ("SPY", 0.4)])) + 0.4).abs() < 0.001);
    world.show(&events(1, 200, 0.001)[30 * 6..]);
    // A newcomer may have any beta from 0 to 1: only what is there in any case is hedged, long or short of it.
    world.wait(1);
    assert!((added(&world.ask(&[("NEW", 0.3), ("SAME", 0.5)])) + 0.5).abs() < 0.01);
    world.wait(1);
    assert!((added(&world.ask(&[("NEW", -0.2), ("SAME", 0.5)])) + 0.3).abs() < 0.01);
    world.wait(1);
    let a = world.ask(&[("NEW", -0.6), ("SAME", 0.5)]);
    assert_eq!(added(&a), 0.0);
    // A weight that is no number is not hedged.
    world.wait(1);
    assert!((added(&world.ask(&[("FAST", f64::NAN), ("SAME", 0.5)])) + 0.5).abs() < 0.01);
    // With an old price nothing is traded: the hedge that there is stays, while it makes the exposure smaller.
    world.wait(6 * 86_400);
    let a = world.ask(&[("SAME", 0.5)]).unwrap();
    assert!(a.reason.contains("the hedge is kept, the price of SPY is 6.0 days old"), "{a:?}");
    assert!((added(&Some(a)) + 0.5).abs() < 0.01);
    world.wait(1);
    let a = world.ask(&[("SAME", -0.5)]).unwrap();
    assert!(a.reason.contains("no hedge: the price of SPY is 6.0 days old") && a.adjust == Adjust::Keep, "{a:?}");
    // No equity, no hedge.
    world.wait(-6 * 86_400);
    world.portfolio = Portfolio::default();
    assert!(world.ask(&[("SAME", 0.5)]).unwrap().reason.contains("no equity"));
}

#[test]
fn gaps_belong_to_no_session_and_another_hedge_needs_its_own_beta() {
    let p = RiskAutoHedgeRatioParams { shrinkage: Shrinkage::None, estimator: Estimator::Ols, ..Default::default() };
    let gapped = |e: &Event, k: usize| e.symbol == Some(symbol("FAST")) && (k / 6) % 3 == 1;
    let all = events(1, 300, 0.0001);
    let some: Vec<_> = all.iter().enumerate().filter(|(k, e)| !gapped(e, *k)).map(|(_, e)| e.clone()).collect();
    let mut world = World::new(&p);
    world.show(&some);
    let a = world.ask(&[("FAST", 0.5)]).unwrap();
    assert!((number(&a, "beta FAST") - 1.6).abs() < 0.01, "{a:?}");
    // Hedged in CALM, of beta 0.5: twice as much of it.
    let p = RiskAutoHedgeRatioParams { hedge: "CALM".into(), cap: 3.0, ..p };
    let mut rule = HedgeRule::new(&p).unwrap();
    let (mut market, features) = (Market::default(), FeatureValues::default());
    let portfolio = Portfolio::with_cash("1000000".parse().unwrap());
    let mut now = Time::MIN;
    for e in &all {
        market.apply(e);
        now = e.time;
        let view = View::new(now, &market, &features, &portfolio);
        rule.observe(e, &view).unwrap();
    }
    let view = View::new(now, &market, &features, &portfolio);
    let steps = rule.apply(&[(symbol("SPY"), 0.5)], &view);
    assert_eq!(steps[0].symbol, symbol("CALM"));
    assert!((added(&Some(steps[0].adjustment.clone())) + 1.0).abs() < 0.01, "{steps:?}");
    assert_eq!(rule.phase(), RulePhase::Hedge);
    // One session is not enough to know the beta of CALM.
    let mut young = HedgeRule::new(&p).unwrap();
    all[..6].iter().for_each(|e| young.observe(e, &view).unwrap());
    let said = young.apply(&[(symbol("SPY"), 0.5)], &view);
    assert!(said[0].adjustment.reason.contains("the beta of CALM to SPY is not known (fewer than 63"), "{said:?}");
}

#[test]
fn follows_the_hedge_to_another_name() {
    let mut world = World::new(&RiskAutoHedgeRatioParams { shrinkage: Shrinkage::None, ..Default::default() });
    world.show(&events(1, 200, 0.0001));
    let before = added(&world.ask(&[("SAME", 0.5)]));
    let to = symbol("SPDR");
    let change = MarketData::CorporateAction(CorporateAction::SymbolChange { to });
    world.wait(1);
    world.show(&[Event { time: world.now, symbol: Some(symbol("SPY")), origin: Origin::default(), data: change }]);
    world.hedge = to;
    let kept = world.ask(&[("SAME", 0.5)]).unwrap();
    assert!(kept.reason.contains("in SPDR kept") && added(&Some(kept.clone())) == before, "{kept:?}");
    world.wait(1);
    assert!((added(&world.ask(&[("SPDR", 0.8)])) + 0.8).abs() < 0.001);
    // Delisted: nothing stands any more, and there is nothing to hedge with.
    let gone = MarketData::CorporateAction(CorporateAction::Delisting { price: None });
    world.wait(1);
    world.show(&[Event { time: world.now, symbol: Some(to), origin: Origin::default(), data: gone }]);
    let a = world.ask(&[("SAME", 0.5)]).unwrap();
    assert!(a.adjust == Adjust::Keep && a.reason.contains("no price of SPDR is known"), "{a:?}");
}

#[test]
fn effectiveness_is_charted() {
    let mut world = World::new(&RiskAutoHedgeRatioParams { shrinkage: Shrinkage::None, ..Default::default() });
    for day in events(4, 400, 0.005).chunks(6) {
        world.show(day);
        world.ask(&[("FAST", 0.5)]);
    }
    // Market variance 0.8^2 x 1e-4 against 0.5^2 x 25e-6 of its own: 91 % goes.
    let e = world.metric("hedge_effectiveness").unwrap();
    assert!((e - 0.911).abs() < 0.04, "{e}");
    assert!((world.metric("beta_exposure").unwrap() - 0.8).abs() < 0.05);
    assert!(world.metric("beta_after_hedge").unwrap().abs() < 0.06);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn never_larger_never_beyond_the_cap_whatever_the_unknown_beta(
        w in proptest::collection::vec(proptest::collection::vec(-1.0_f64..1.0, 5), 1..6), cap in 0.0_f64..1.5,
        target in -0.5_f64..0.5, band in 0.0_f64..0.3, lot in 0.0_f64..50.0, unknown in 0.0_f64..1.0, cost in 0.0_f64..20.0,
    ) {
        let p = RiskAutoHedgeRatioParams {
            cap, target, dead_band: band, lot, cost_bps: cost, shrinkage: Shrinkage::None, ..Default::default()
        };
        let mut world = World::new(&p);
        world.show(&events(3, 120, 0.000_01));
        for w in &w {
            world.wait(1);
            let t = [("BOND", w[0]), ("CALM", w[1]), ("FAST", w[2]), ("NEW", w[3]), ("SPY", w[4])];
            let h = added(&world.ask(&t));
            prop_assert!(h.abs() <= cap * (1.0 + 1e-9));
            let known = -0.3 * w[0] + 0.5 * w[1] + 1.6 * w[2] + w[4];
            // The true betas, and any beta of the newcomer.
            let before = known + unknown * w[3];
            prop_assert!((before + h).abs() <= before.abs() + 0.002, "{before} {h}");
        }
    }
}
