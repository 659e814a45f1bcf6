//! The whole risk path on 500 symbols: a session close with its rebalance, and a single-symbol decision within a session.

use std::error::Error;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::testkit::Rng;
use tradewind_core_types::{
    Alpha, BadInput, Bar, Decision, Event, MarketData, Order, Origin, Plugin, PluginInfo, Price, Signal, Signals, Span,
    StrategyId, Symbol, SymbolMap, Time, View,
};
use tradewind_engine::builtin::{BaseSize, LimitsParams, OrderLimitsParams};
use tradewind_engine::{
    Backtest, Engine, EngineConfig, Exchange, ExchangeConfig, Named, OrderStyle, Pipeline, Recorder, Schedule,
    Shorting, Strategy,
};
use tradewind_risk::REGISTRY;

const SYMBOLS: usize = 500;
const WARM_UP: i64 = 300;
/// Bars within a session before it is measured.
const WARM: i64 = 20;
/// Sessions before the first order.
const QUIET: i64 = 130;

type Failed = Box<dyn Error>;

/// Holds every symbol on the side that its drift is on: once as a whole, and again, a little more or less, at each bar within a session.
#[derive(Clone, Serialize, Deserialize)]
struct Sides(SymbolMap<f64>);
impl Plugin for Sides {
    fn id(&self) -> &'static str {
        "sides"
    }
}
impl Alpha for Sides {
    fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        let Some(symbol) = e.symbol else { return Ok(()) };
        let Some(side) = self.0.get(symbol) else { return Ok(()) };
        let size = match e.origin.source {
            0 => 1.0,
            _ => 0.6 + 0.4 * f64::from((e.origin.row / SYMBOLS as u32) % 2),
        };
        out.push(Signal::new(view.now, symbol, size * side, 0.6, "side of its drift")?);
        Ok(())
    }
}

/// What was decided and ordered.
#[derive(Default)]
struct Counts {
    decisions: u64,
    orders: u64,
    steps: u64,
}
impl Recorder for Counts {
    fn decision(&mut self, d: &Decision) -> Result<(), String> {
        self.decisions += 1;
        self.steps += d.rules.len() as u64;
        Ok(())
    }
    fn order(&mut self, _: &Order) -> Result<(), String> {
        self.orders += 1;
        Ok(())
    }
}

/// A market of one factor, with drifts.
struct World {
    rng: Rng,
    names: Vec<Symbol>,
    prices: Vec<f64>,
    spy: (Symbol, f64),
    session: i64,
    row: u32,
}

fn side(i: usize) -> f64 {
    if i.is_multiple_of(2) { 1.0 } else { -1.0 }
}
fn at(session: i64, seconds: i64) -> Result<Time, Failed> {
    Ok(Time::from_ymd(2014, 1, 2)?.plus(Span::from_days(session)).plus(Span::from_secs(seconds)))
}
fn bar(time: Time, symbol: Symbol, price: f64, origin: Origin) -> Result<Event, Failed> {
    let data = MarketData::Bar(Bar::close_only(Price::from_f64(price)?));
    Ok(Event { time, symbol: Some(symbol), origin, data })
}

impl World {
    fn new(seed: u64) -> Result<Self, Failed> {
        let names: Result<Vec<_>, _> = (0..SYMBOLS).map(|i| Symbol::new(&format!("S{i:03}"))).collect();
        let (names, prices) = (names?, vec![100.0; SYMBOLS]);
        Ok(Self { rng: Rng(seed), names, prices, spy: (Symbol::new("SPY")?, 100.0), session: 0, row: 0 })
    }
    /// The next session: its open, 501 bars at its close, and its close.
    fn session(&mut self) -> Result<Vec<Event>, Failed> {
        let (open, close) = (at(self.session, 14 * 3600)?, at(self.session, 21 * 3600)?);
        self.session += 1;
        let plain = |time, data| Event { time, symbol: None, origin: Origin::default(), data };
        let mut out = vec![plain(open, MarketData::SessionOpen)];
        let market = 0.008 * self.rng.normal();
        self.spy.1 *= 1.0 + market;
        out.push(bar(close, self.spy.0, self.spy.1, Origin::default())?);
        for i in 0..SYMBOLS {
            // Longs move more than shorts: there is something to hedge.
            let beta = 0.8 + 0.4 * i as f64 / SYMBOLS as f64 + 0.25 * side(i);
            self.prices[i] *= 1.0 + beta * market + 0.001 * side(i) + 0.012 * self.rng.normal();
            out.push(bar(close, self.names[i], self.prices[i], Origin::default())?);
        }
        out.push(plain(close, MarketData::SessionClose));
        Ok(out)
    }
    /// A bar of one symbol within the session that is open, two seconds after the one before.
    fn tick(&mut self, n: i64) -> Result<Event, Failed> {
        let i = self.row as usize % SYMBOLS;
        let price = self.prices[i] * (1.0 + 0.0005 * self.rng.normal());
        let origin = Origin { source: 1, row: self.row };
        self.row += 1;
        bar(at(self.session - 1, 14 * 3600 + 1 + 2 * n)?, self.names[i], price, origin)
    }
}

fn plugin(id: &str) -> Result<&'static PluginInfo, Failed> {
    REGISTRY.iter().find(|p| p.id == id).ok_or_else(|| format!("{id} is not registered").into())
}
fn made<T>(id: &str, of: impl Fn(&PluginInfo) -> Option<T>) -> Result<T, Failed> {
    of(plugin(id)?).ok_or_else(|| format!("{id} has not that role").into())
}

/// The engine with everything the risk path has.
fn engine(schedule: Schedule, cvar: &Value) -> Result<(World, Backtest<Exchange>), Failed> {
    let world = World::new(7)?;
    let (sizer, overlay) = (|id| made(id, |p| p.sizer), |id| made(id, |p| p.overlay));
    let rule = |id: &str, v: &Value| -> Result<_, Failed> { Ok(made(id, |p| p.rule)?(v)?) };
    let kelly = json!({ "pool": "strategy" });
    let sides = world.names.iter().enumerate().map(|(i, s)| (*s, side(i))).collect();
    let strategy = Strategy {
        sizers: vec![
            Named::of(Box::new(BaseSize(0.002))),
            Named::of(sizer("risk_frac_kelly_atten")?(&kelly)?),
            Named::of(sizer("risk_cvar_size")?(cvar)?),
        ],
        overlays: vec![0, 1],
        ..Strategy::new(StrategyId::new("sides")?, Box::new(Sides(sides)))
    };
    let sectors = (0..10).map(|k| {
        let own = world.names.iter().skip(k).step_by(10).map(|s| s.as_str().to_owned());
        (format!("sector {k}"), own.collect())
    });
    let limits = LimitsParams {
        symbol: 0.15,
        gross: 1.5,
        net: Some(0.5),
        sector: Some(0.25),
        sectors: sectors.collect(),
        ..LimitsParams::default()
    };
    let te = json!({ "limit": 0.1, "benchmark": { "SPY": 1.0 }, "basis": "invested", "mode": "scale", "estimator": "ledoit_wolf" });
    let pipeline = Pipeline {
        strategies: vec![strategy],
        overlays: vec![
            Named::of(overlay("risk_vol_target")?(&json!({}))?),
            Named::of(overlay("risk_drawdown_derisk")?(&json!({}))?),
        ],
        rules: vec![
            Named::of(rule(
                "risk_time_decay_size",
                &json!({ "grace": 1000.0, "half_life": 40.0, "max_age": 2000.0, "exempt": ["SPY"] }),
            )?),
            Named::of(rule("risk_cvar_size", cvar)?),
            Named::of(rule("risk_tracking_error", &te)?),
            Named::of(rule("risk_auto_hedge_ratio", &json!({ "dead_band": 0.01 }))?),
        ],
        limits: Some(limits.build()?),
        pretrade: vec![Named::of(Box::new(OrderLimitsParams::default().build()?))],
        ..Pipeline::default()
    };
    let order_style = if schedule == Schedule::Signal { OrderStyle::Market } else { OrderStyle::MarketOnClose };
    let config = EngineConfig { schedule, order_style, no_trade_band: 0.0002, ..EngineConfig::default() };
    let exchange =
        Exchange::new(ExchangeConfig { leverage: 4.0, shorting: Shorting::All, ..ExchangeConfig::default() })?;
    let engine =
        Engine::new(config, pipeline, "100000000".parse()?, at(QUIET, 0)?).map(|e| Backtest::new(e, exchange))?;
    let mut both = (world, engine);
    for _ in 0..WARM_UP {
        for e in both.0.session()? {
            both.1.event(&e, &mut Counts::default())?;
        }
        both.1.finish(&mut Counts::default())?;
    }
    Ok(both)
}

/// A session of 501 bars, its close and what is decided on it.
fn closes(world: &mut World, engine: &mut Backtest<Exchange>, n: u64, counts: &mut Counts) -> Result<Duration, Failed> {
    let mut spent = Duration::ZERO;
    for _ in 0..n {
        let events = world.session()?;
        let begin = Instant::now();
        for e in &events {
            engine.event(e, counts)?;
        }
        engine.finish(counts)?;
        spent += begin.elapsed();
    }
    Ok(spent)
}

/// Bars within one session, each with a changed signal and the decision on it: the time of all of that, and of the decisions alone.
fn within(
    world: &mut World,
    engine: &mut Backtest<Exchange>,
    n: u64,
    counts: &mut Counts,
) -> Result<[Duration; 2], Failed> {
    let (mut all, mut decisions) = (Duration::ZERO, Duration::ZERO);
    let mut left = n as i64;
    while left > 0 {
        let chunk = left.min(5_000);
        let day = world.session()?;
        let events: Result<Vec<_>, _> = (0..chunk + WARM).map(|i| world.tick(i)).collect();
        let events = events?;
        engine.event(&day[0], &mut Counts::default())?;
        // The first decision of a session measures everything anew.
        let (first, rest) = events.split_at(WARM as usize);
        for e in first {
            engine.event(e, &mut Counts::default())?;
        }
        engine.finish(&mut Counts::default())?;
        for e in rest {
            let begin = Instant::now();
            engine.event(e, counts)?;
            let shown = Instant::now();
            engine.finish(counts)?;
            let end = Instant::now();
            all += end - begin;
            decisions += end - shown;
        }
        left -= chunk;
        // The day ends: what follows is another one.
        for e in &day[1..] {
            engine.event(e, &mut Counts::default())?;
        }
        engine.finish(&mut Counts::default())?;
    }
    Ok([all, decisions])
}
fn bars(world: &mut World, engine: &mut Backtest<Exchange>, n: u64, counts: &mut Counts) -> Result<Duration, Failed> {
    within(world, engine, n, counts).map(|t| t[0])
}
fn decisions(
    world: &mut World,
    engine: &mut Backtest<Exchange>,
    n: u64,
    counts: &mut Counts,
) -> Result<Duration, Failed> {
    within(world, engine, n, counts).map(|t| t[1])
}

type Part = fn(&mut World, &mut Backtest<Exchange>, u64, &mut Counts) -> Result<Duration, Failed>;

fn measure(c: &mut Criterion, name: &str, schedule: Schedule, part: Part) {
    let mut g = c.benchmark_group(name);
    g.sample_size(10);
    let forms = [
        ("historical", json!({ "method": "historical", "filter": "none", "window": 252, "side": "worst" })),
        ("peaks", json!({ "window": 252 })),
    ];
    for (form, cvar) in forms {
        let (mut world, mut engine) = match engine(schedule, &cvar) {
            Ok(both) => both,
            Err(e) => return eprintln!("{name} cannot be set up: {e}"),
        };
        let mut counts = Counts::default();
        let mut n = 0;
        g.bench_function(BenchmarkId::new("shortfall", form), |b| {
            b.iter_custom(|times| {
                n += times;
                part(&mut world, &mut engine, times, &mut counts).unwrap_or_else(|e| {
                    eprintln!("{e}");
                    Duration::MAX
                })
            });
        });
        let per = |x: u64| x as f64 / n.max(1) as f64;
        let held = engine.engine().ledger().portfolio();
        println!(
            "{name}, {form}: {:.2} decisions, {:.2} orders, {:.2} steps of rules each; {} held, gross {:.2}, SPY {:.3}",
            per(counts.decisions),
            per(counts.orders),
            per(counts.steps),
            held.positions().count(),
            held.gross(),
            held.weight(world.spy.0)
        );
    }
    g.finish();
}

fn benches(c: &mut Criterion) {
    measure(c, "session close of 500 symbols", Schedule::SessionClose, closes);
    measure(c, "one symbol of 500 within a session: the decision", Schedule::Signal, decisions);
    measure(c, "one symbol of 500 within a session: bar and decision", Schedule::Signal, bars);
}

criterion_group!(all, benches);
criterion_main!(all);
