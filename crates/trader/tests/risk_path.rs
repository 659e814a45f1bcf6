//! The whole risk path within a session: a decision at every bar, every rule told only what has changed, and the run stopped and restored at any
//! of them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::testkit::Rng;
use tradewind_core_types::*;
use tradewind_engine::builtin::{BaseSize, LimitsParams, OrderLimitsParams};
use tradewind_engine::{
    Backtest, Engine, EngineConfig, Exchange, ExchangeConfig, Named, OrderStyle, Pipeline, Recorder, Schedule,
    Shorting, Strategy,
};
use tradewind_risk::REGISTRY;

const SYMBOLS: usize = 30;
const SESSIONS: i64 = 90;
const TRADED: i64 = 70;

/// Wants each symbol by a number of its own that changes from bar to bar, and now and then nothing.
#[derive(Clone, Serialize, Deserialize)]
struct Moody(u64);
impl Plugin for Moody {
    fn id(&self) -> &'static str {
        "moody"
    }
}
impl Alpha for Moody {
    fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        let Some(symbol) = e.symbol.filter(|s| s.as_str() != "SPY") else { return Ok(()) };
        self.0 += 1;
        let mut rng = Rng(self.0);
        let score = if rng.uniform() < 0.1 { 0.0 } else { 2.0 * rng.uniform() - 1.0 };
        out.push(Signal::new(view.now, symbol, score, 0.6, "moody")?);
        Ok(())
    }
}

fn events() -> Vec<Event> {
    let name = |i: usize| if i == SYMBOLS { "SPY".to_owned() } else { format!("MOOD{i:02}") };
    let names: Vec<Symbol> = (0..=SYMBOLS).map(|i| Symbol::new(&name(i)).unwrap()).collect();
    let (mut rng, mut prices, mut out) = (Rng(3), vec![100.0; SYMBOLS + 1], Vec::new());
    for day in 0..SESSIONS {
        let at = |seconds: i64| {
            Time::from_ymd(2014, 1, 2).unwrap().plus(Span::from_days(day)).plus(Span::from_secs(14 * 3600 + seconds))
        };
        let mut add = |seconds, symbol, row, data| {
            out.push(Event { time: at(seconds), symbol, origin: Origin { source: 0, row }, data });
        };
        add(0, None, 0, MarketData::SessionOpen);
        let market = 0.01 * rng.normal();
        // Bars of the same minute, of some symbols, and all of them at the close.
        for k in 1..=40_i64 {
            let i = if k <= 20 { (rng.uniform() * (SYMBOLS + 1) as f64) as usize } else { 0 };
            let all = if k == 40 { 0..=SYMBOLS } else { i..=i };
            for i in all.filter(|_| k <= 20 || k == 40) {
                prices[i] *= 1.0 + 0.3 * market + 0.003 * rng.normal();
                let data = MarketData::Bar(Bar::close_only(Price::from_f64(prices[i]).unwrap()));
                add(k * 60, Some(names[i]), (day * 100 + k) as u32, data);
            }
        }
        if day == 80 {
            let data = MarketData::CorporateAction(CorporateAction::Split { numerator: 2, denominator: 1 });
            add(40 * 60, Some(names[4]), 0, data);
            prices[4] /= 2.0;
        }
        add(41 * 60, None, 0, MarketData::SessionClose);
    }
    out
}

fn on_signal() -> EngineConfig {
    EngineConfig {
        schedule: Schedule::Signal,
        order_style: OrderStyle::Market,
        no_trade_band: 0.001,
        ..EngineConfig::default()
    }
}
fn rule(id: &str, v: &Value) -> Named<dyn Rule> {
    Named::of(REGISTRY.iter().find(|p| p.id == id).unwrap().rule.unwrap()(v).unwrap())
}
fn sizer(id: &str, v: &Value) -> Named<dyn Sizer> {
    Named::of(REGISTRY.iter().find(|p| p.id == id).unwrap().sizer.unwrap()(v).unwrap())
}

fn engine() -> Backtest<Exchange> {
    let cvar = json!({ "method": "historical", "filter": "none", "window": 60, "minimum": 30, "risk_budget": 0.0009, "portfolio_budget": 0.0026 });
    let strategy = Strategy {
        sizers: vec![
            Named::of(Box::new(BaseSize(0.06))),
            sizer("risk_frac_kelly_atten", &json!({ "pool": "symbol", "minimum": 10, "unproven": 0.05 })),
            sizer("risk_cvar_size", &cvar),
        ],
        ..Strategy::new(StrategyId::new("moody").unwrap(), Box::new(Moody(0)))
    };
    let te = json!({ "limit": 0.014, "benchmark": { "SPY": 1.0 }, "basis": "invested", "minimum": 30, "window": 60 });
    let sectors = [("even", 0), ("odd", 1)]
        .map(|(name, k)| (name.to_owned(), (k..SYMBOLS).step_by(2).map(|i| format!("MOOD{i:02}")).collect()));
    let limits = LimitsParams {
        symbol: 0.3,
        gross: 1.6,
        net: Some(0.12),
        sector: Some(0.25),
        sectors: sectors.into_iter().collect(),
        ..LimitsParams::default()
    };
    let pipeline = Pipeline {
        strategies: vec![strategy],
        rules: vec![
            rule("risk_time_decay_size", &json!({ "grace": 1.0, "half_life": 3.0, "max_age": 9.0, "exempt": ["SPY"] })),
            rule("risk_cvar_size", &cvar),
            rule("risk_tracking_error", &te),
            rule("risk_auto_hedge_ratio", &json!({ "minimum": 30, "dead_band": 0.02 })),
        ],
        limits: Some(limits.build().unwrap()),
        pretrade: vec![Named::of(Box::new(
            OrderLimitsParams { max_orders_per_minute: 1000, ..Default::default() }.build().unwrap(),
        ))],
        ..Pipeline::default()
    };
    let exchange =
        Exchange::new(ExchangeConfig { leverage: 4.0, shorting: Shorting::All, ..ExchangeConfig::default() }).unwrap();
    let start = Time::from_ymd(2014, 1, 2).unwrap().plus(Span::from_days(TRADED));
    Engine::new(on_signal(), pipeline, "1000000".parse().unwrap(), start).map(|e| Backtest::new(e, exchange)).unwrap()
}

#[derive(Default)]
struct Log(Vec<Decision>);
impl Recorder for Log {
    fn decision(&mut self, d: &Decision) -> Result<(), String> {
        d.verify().map_err(|e| e.to_string())?;
        self.0.push(d.clone());
        Ok(())
    }
}

/// Runs, stopped and restored after every `every` events (0: never).
fn run(every: usize) -> (String, Vec<Decision>) {
    let (mut e, mut log) = (engine(), Log::default());
    for (n, event) in events().iter().enumerate() {
        e.event(event, &mut log).unwrap();
        if every > 0 && n % every == every - 1 {
            let bytes = e.save().unwrap();
            e = engine();
            e.load(&bytes).unwrap();
        }
    }
    e.finish(&mut log).unwrap();
    (e.engine().ledger().hash().to_string(), log.0)
}

#[test]
fn a_restart_at_any_bar_changes_nothing() {
    let (hash, decisions) = run(0);
    for every in [1, 7] {
        let (again, others) = run(every);
        assert_eq!(decisions.len(), others.len(), "every {every}");
        for (a, b) in decisions.iter().zip(&others) {
            assert_eq!(a, b, "every {every}");
        }
        assert_eq!(hash, again, "every {every}");
    }
    // Everything has its say: sizes, age, the portfolio's rules, limits and the hedge; and every step of a decision has its reason.
    let steps = || decisions.iter().flat_map(|d| d.contributions.iter().flat_map(|c| &c.steps).chain(&d.rules));
    for (stage, id) in [
        (Stage::Sizer, "risk_frac_kelly_atten"),
        (Stage::Sizer, "risk_cvar_size"),
        (Stage::Decay, "risk_time_decay_size"),
        (Stage::Rule, "risk_cvar_size"),
        (Stage::Rule, "risk_tracking_error"),
        (Stage::Limit, "limits"),
        (Stage::Hedge, "risk_auto_hedge_ratio"),
    ] {
        let acted = |s: &&Step| s.stage == stage && s.plugin.as_str() == id && s.adjustment.adjust != Adjust::Keep;
        let n = steps().filter(acted).count();
        assert!(n > 0, "{id} never acted");
    }
    assert!(steps().all(|s| !s.adjustment.reason.is_empty()));
    // Most decisions are on one symbol, or on one and its hedge.
    let mut alone = 0;
    for d in &decisions {
        alone += usize::from(decisions.iter().filter(|o| o.time == d.time).count() <= 2);
    }
    assert!(alone > 50, "{alone} of {}", decisions.len());
}

/// Always wants the same of everything.
#[derive(Clone, Serialize, Deserialize)]
struct Constant;
impl Plugin for Constant {
    fn id(&self) -> &'static str {
        "constant"
    }
}
impl Alpha for Constant {
    fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        if let Some(symbol) = e.symbol.filter(|s| s.as_str() != "SPY") {
            out.push(Signal::new(view.now, symbol, 0.02, 0.6, "constant")?);
        }
        Ok(())
    }
}

#[test]
fn age_takes_from_what_is_always_wanted_alike() {
    let strategy = || Strategy::new(StrategyId::new("constant").unwrap(), Box::new(Constant));
    let decay = json!({ "grace": 2.0, "half_life": 2.0, "floor": 0.0, "max_age": 8.0 });
    let pipeline = || Pipeline {
        strategies: vec![strategy()],
        rules: vec![rule("risk_time_decay_size", &decay)],
        ..Pipeline::default()
    };
    let start = Time::from_ymd(2014, 1, 2).unwrap().plus(Span::from_days(TRADED));
    let exchange = Exchange::new(ExchangeConfig::default()).unwrap();
    let mut e = Engine::new(on_signal(), pipeline(), "1000000".parse().unwrap(), start)
        .map(|e| Backtest::new(e, exchange))
        .unwrap();
    let (mut log, mut gross) = (Log::default(), Vec::new());
    for event in events() {
        e.event(&event, &mut log).unwrap();
        if matches!(event.data, MarketData::SessionClose) && event.time > start {
            gross.push(e.engine().ledger().portfolio().gross());
        }
    }
    e.finish(&mut log).unwrap();
    // Whole while young, then less from session to session, and gone at the maximum age.
    assert!(gross[1] > 0.5, "{gross:?}");
    for pair in gross[3..8].windows(2) {
        assert!(pair[1] < 0.9 * pair[0], "{gross:?}");
    }
    assert_eq!(e.engine().ledger().portfolio().positions().count(), 0, "{gross:?}");
    let aged = |d: &&Decision| d.rules.iter().any(|s| s.stage == Stage::Decay);
    assert!(log.0.iter().filter(aged).count() > 100);
    // What is decided is decided for a reason: its signal, its age, or a fill that was missing.
    let idle = |d: &&Decision| matches!(&d.outcome, Outcome::NotTraded(why) if why == "already held");
    assert!(log.0.iter().filter(idle).count() < log.0.len() / 2);
}
