//! Rules that are told what has changed of a portfolio say what they would say were they shown all of it for the first time; and a restart in
//! between changes nothing, to the last bit.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use tradewind_core_types::testkit::{Rng, closes};
use tradewind_core_types::*;
use tradewind_risk::REGISTRY;

/// So many that one of them is few; the last is the hedge and the benchmark.
const SYMBOLS: usize = 41;
const SESSIONS: usize = 140;
/// Has no bars now and then, is young, and is never seen.
const GAPS: usize = 5;
const YOUNG: usize = 7;
const NEVER: usize = 11;

fn names() -> Vec<Symbol> {
    let name = |i| if i + 1 == SYMBOLS { "SPY".to_owned() } else { format!("REV{i:02}") };
    (0..SYMBOLS).map(|i| Symbol::new(&name(i)).unwrap()).collect()
}

fn parameters() -> Vec<(&'static str, Value)> {
    let cvar = |method: &str, side: &str, budget: f64| {
        let filter = if method == "historical" { "none" } else { "ewma" };
        json!({ "portfolio_budget": budget, "window": 120, "minimum": 60, "method": method, "filter": filter, "side": side, "tail": 0.2 })
    };
    let te = |basis: &str, mode: &str, limit: f64| json!({ "limit": limit, "benchmark": { "SPY": 1.0 }, "basis": basis, "mode": mode, "minimum": 60, "window": 120 });
    vec![
        ("risk_time_decay_size", json!({ "grace": 5.0, "half_life": 30.0, "max_age": 110.0 })),
        ("risk_cvar_size", cvar("historical", "worst", 0.01)),
        // Mostly kept, and by its largest loss alone.
        ("risk_cvar_size", cvar("historical", "signal", 0.2)),
        ("risk_cvar_size", cvar("peaks", "signal", 0.02)),
        ("risk_tracking_error", te("invested", "scale", 0.1)),
        ("risk_tracking_error", te("whole", "project", 0.05)),
        ("risk_auto_hedge_ratio", json!({ "minimum": 40, "dead_band": 0.05, "lot": 1.0 })),
    ]
}
fn made(id: &str, params: &Value) -> Box<dyn Rule> {
    REGISTRY.iter().find(|p| p.id == id).unwrap().rule.unwrap()(params).unwrap()
}

struct World {
    market: Market,
    features: FeatureValues,
    portfolio: Portfolio,
    now: Time,
    /// The state of each rule.
    states: Vec<Vec<u8>>,
}
impl World {
    fn view(&self) -> View<'_> {
        View::new(self.now, &self.market, &self.features, &self.portfolio)
    }
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let (names, mut rng) = (names(), Rng(5));
    let prices: Vec<Vec<f64>> = (0..SYMBOLS).map(|i| closes(100 + i as u64, SESSIONS)).collect();
    let close = |i: usize, day: usize| Bar::close_only(Price::from_f64(prices[i][day]).unwrap());
    let mut rules: Vec<Box<dyn Rule>> = parameters().iter().map(|(id, p)| made(id, p)).collect();
    let mut w = World {
        market: Market::default(),
        features: FeatureValues::default(),
        portfolio: Portfolio::with_cash("1000000".parse().unwrap()),
        now: Time::MIN,
        states: Vec::new(),
    };
    for day in 0..SESSIONS {
        let time = Time::from_ymd(2014, 1, 2).unwrap().plus(Span::from_days(day as i64));
        for (i, symbol) in names.iter().copied().enumerate() {
            if i == NEVER || (i == YOUNG && day < 100) || (i == GAPS && day % 9 == 4) {
                continue;
            }
            let data = MarketData::Bar(close(i, day));
            let e = Event { time, symbol: Some(symbol), origin: Origin::default(), data };
            w.market.apply(&e);
            w.portfolio.mark(symbol, e.mark().unwrap());
            // A third is held: from long ago, or from yesterday.
            if i % 3 == 0 && (day == 20 || day + 2 == SESSIONS) && rng.uniform() < 0.7 {
                let side = if i % 2 == 0 { Side::Buy } else { Side::Sell };
                let (order, price) = (OrderId(0), e.mark().unwrap());
                let quantity = Quantity::from_f64(50.0).unwrap();
                let fill =
                    Fill { id: 1, order, time, symbol, side, quantity, price, fee: Cash::ZERO, slippage_bps: 0.0 };
                w.portfolio.fill(&fill).unwrap();
            }
            rules.iter_mut().for_each(|r| r.observe(&e, &w.view()).unwrap());
        }
        w.now = time;
        let end = Event { time, symbol: None, origin: Origin::default(), data: MarketData::SessionClose };
        rules.iter_mut().for_each(|r| r.observe(&end, &w.view()).unwrap());
    }
    w.states = rules.iter().map(|r| r.save().unwrap()).collect();
    w
});

fn loaded(k: usize, state: &[u8]) -> Box<dyn Rule> {
    let (id, params) = &parameters()[k];
    let mut r = made(id, params);
    r.load(state).unwrap();
    r
}

/// The same steps, but for rounding.
fn same(a: &[RuleStep], b: &[RuleStep]) -> Result<(), String> {
    let near = |x: f64, y: f64| x.to_bits() == y.to_bits() || (x - y).abs() <= 1e-8 * (1.0 + x.abs());
    if a.len() != b.len() {
        return Err(format!("{} steps and {}: {:?} {:?}", a.len(), b.len(), a.first(), b.first()));
    }
    for (x, y) in a.iter().zip(b) {
        let adjust = match (x.adjustment.adjust, y.adjustment.adjust) {
            (Adjust::Set(a), Adjust::Set(b))
            | (Adjust::Scale(a), Adjust::Scale(b))
            | (Adjust::Cap(a), Adjust::Cap(b))
            | (Adjust::Add(a), Adjust::Add(b)) => near(a, b),
            (a, b) => a == b,
        };
        let (m, n) = (&x.adjustment.numbers, &y.adjustment.numbers);
        let numbers = m.len() == n.len() && m.iter().zip(n).all(|(a, b)| a.0 == b.0 && near(a.1, b.1));
        if x.symbol != y.symbol || !adjust || !numbers {
            return Err(format!("{x:?} and {y:?}"));
        }
    }
    Ok(())
}

fn weight() -> impl Strategy<Value = f64> {
    prop_oneof![12 => -0.2..0.2_f64, 3 => Just(0.0), 1 => Just(f64::NAN)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_of_a_change_is_what_is_said_of_the_whole(
        start in proptest::collection::vec(weight(), SYMBOLS),
        changes in proptest::collection::vec(proptest::collection::vec((0..SYMBOLS, weight()), 1..5), 1..12),
        restart in 0_usize..12, clean in any::<bool>(),
    ) {
        let names = names();
        let mut start = start;
        if clean {
            // So that sums are followed from change to change.
            start.iter_mut().filter(|w| w.is_nan()).for_each(|w| *w = 0.1);
            (start[YOUNG], start[NEVER]) = (0.0, 0.0);
        }
        for (k, (id, _)) in parameters().iter().enumerate() {
            let mut targets: Vec<(Symbol, f64)> = names.iter().copied().zip(start.iter().copied()).collect();
            let mut rule = loaded(k, &WORLD.states[k]);
            rule.apply(&targets, &WORLD.view());
            for (n, change) in changes.iter().enumerate() {
                for (i, w) in change {
                    targets[*i].1 = *w;
                }
                let mut places: Vec<usize> = change.iter().map(|c| c.0).collect();
                places.sort_unstable();
                places.dedup();
                // Of age those are asked that are decided; the others explain all they do.
                let own: Vec<Symbol> = places.iter().map(|i| names[*i]).collect();
                let what = Revision { changed: Some(&places), decided: if k == 0 { &own } else { &names } };
                let before = rule.save().unwrap();
                let said = rule.revise(&targets, what, &WORLD.view());
                if n == restart {
                    let again = loaded(k, &before).revise(&targets, what, &WORLD.view());
                    prop_assert_eq!(&said, &again, "{} after a restart", id);
                }
                if k == 0 {
                    // Within a session age has nothing new to say of what has not changed.
                    let mut all = loaded(k, &before).apply(&targets, &WORLD.view());
                    all.retain(|s| places.iter().any(|i| names[*i] == s.symbol));
                    prop_assert_eq!(&said, &all);
                } else {
                    let fresh = loaded(k, &WORLD.states[k]).apply(&targets, &WORLD.view());
                    if let Err(e) = same(&said, &fresh) {
                        prop_assert!(false, "{id} ({k}), change {n}: {e}");
                    }
                }
                // What was scaled to a limit lies on it: its rounding is no reason to scale it again.
                if [1, 4].contains(&k) {
                    let mut scaled = targets.clone();
                    for s in &said {
                        let i = names.iter().position(|n| *n == s.symbol).unwrap();
                        scaled[i].1 = s.adjustment.adjust.apply(scaled[i].1);
                    }
                    let (all, mut again) = ((0..SYMBOLS).collect::<Vec<_>>(), loaded(k, &rule.save().unwrap()));
                    let what = Revision { changed: Some(&all), decided: &names };
                    let left = again.revise(&scaled, what, &WORLD.view());
                    let moved = left.iter().find(|s| !matches!(s.adjustment.adjust, Adjust::Keep | Adjust::Cap(_)));
                    prop_assert!(moved.is_none(), "{id}: {moved:?}");
                }
                // Nobody reads what is said of others: but what is done to them is the same.
                let silent = Revision { changed: Some(&places), decided: &[] };
                let effect = |s: &[RuleStep]| s.iter().map(|s| (s.symbol, s.adjustment.adjust)).collect::<Vec<_>>();
                prop_assert_eq!(effect(&loaded(k, &before).revise(&targets, silent, &WORLD.view())), effect(&said));
            }
        }
    }
}

/// The test is of something: each rule acts, and each portfolio of few changes is followed and not begun anew.
#[test]
fn all_of_them_act() {
    let names = names();
    let targets: Vec<(Symbol, f64)> = names.iter().enumerate().map(|(i, s)| (*s, 0.02 * (1 + i % 5) as f64)).collect();
    for (k, (id, _)) in parameters().iter().enumerate() {
        let mut rule = loaded(k, &WORLD.states[k]);
        let steps = rule.apply(&targets, &WORLD.view());
        // Where the budget is wide only what cannot be measured is touched.
        let only_unknown = k == 2 && steps.iter().all(|s| s.symbol == names[YOUNG] || s.symbol == names[NEVER]);
        assert!(!steps.is_empty() && (k != 2 || only_unknown), "{id} ({k}): {steps:?}");
    }
}
