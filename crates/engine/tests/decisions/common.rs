//! Scripted signals, one event a microsecond, and a log of what came of them.

use serde::{Deserialize, Serialize};
use tradewind_core_types::*;
use tradewind_engine::{
    Backtest, Command, Commission, Costs, Engine, EngineConfig, Exchange, ExchangeConfig, Instruction, OrderStyle,
    Pipeline, Recorder, Schedule, Shorting, Slippage, Strategy,
};

#[derive(Default)]
pub struct Log {
    pub decisions: Vec<Decision>,
    pub orders: Vec<Order>,
    pub reports: Vec<OrderReport>,
}
impl Recorder for Log {
    fn decision(&mut self, d: &Decision) -> Result<(), String> {
        d.verify().unwrap();
        self.decisions.push(d.clone());
        Ok(())
    }
    fn order(&mut self, o: &Order) -> Result<(), String> {
        self.decisions.last().unwrap().verify_order(o).unwrap();
        self.orders.push(o.clone());
        Ok(())
    }
    fn report(&mut self, r: &OrderReport, _: Cash) -> Result<(), String> {
        self.reports.push(r.clone());
        Ok(())
    }
}
impl Log {
    /// (symbol, side, quantity) of each order.
    pub fn ordered(&self) -> Vec<String> {
        self.orders.iter().map(|o| format!("{} {:?} {}", o.symbol, o.side, o.quantity)).collect()
    }
    pub fn why(&self, s: &str) -> String {
        let d = self.decisions.iter().rev().find(|d| d.symbol == symbol(s)).unwrap();
        format!(
            "{:?} {:?}",
            d.outcome,
            d.contributions.iter().flat_map(|c| &c.steps).map(|s| &s.adjustment.reason).collect::<Vec<_>>()
        )
    }
}

pub fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}

/// Gives signals at rows.
#[derive(Clone, Serialize, Deserialize)]
pub struct Told(pub Vec<Line<Symbol>>);
/// Row, legs with ratios, score, and the row whose time ends it.
pub type Line<S> = (u32, Vec<(S, f64)>, f64, Option<u32>);
impl Plugin for Told {
    fn id(&self) -> &'static str {
        "told"
    }
}
impl Alpha for Told {
    fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        for (_, legs, score, expires) in self.0.iter().filter(|t| t.0 == e.origin.row) {
            let mut s = Signal::new(view.now, legs[0].0, *score, 1.0, "as told")?;
            s.legs[0].ratio = legs[0].1;
            for (symbol, ratio) in &legs[1..] {
                s = s.and(*symbol, *ratio);
            }
            s.expires = expires.map(|r| Time::from_nanos(1_000 * i64::from(r)));
            out.push(s);
        }
        Ok(())
    }
}

pub type Script<'a> = Vec<Line<&'a str>>;

pub fn strategy(name: &str, script: Script<'_>) -> Strategy {
    let own = |legs: Vec<(&str, f64)>| legs.into_iter().map(|(s, r)| (symbol(s), r)).collect();
    Strategy::new(
        StrategyId::new(name).unwrap(),
        Box::new(Told(script.into_iter().map(|(row, legs, score, x)| (row, own(legs), score, x)).collect())),
    )
}

/// One event every microsecond; row n is at 1000 n nanoseconds.
pub fn events(rows: &[(&str, MarketData)]) -> Vec<Event> {
    rows.iter()
        .zip(1_u32..)
        .map(|((s, data), row)| Event {
            time: Time::from_nanos(1_000 * i64::from(row)),
            symbol: (!s.is_empty()).then(|| symbol(s)),
            origin: Origin { source: 0, row },
            data: data.clone(),
        })
        .collect()
}
pub fn bar(x: f64) -> MarketData {
    MarketData::Bar(Bar::close_only(Price::from_f64(x).unwrap()))
}
pub fn index(x: f64) -> MarketData {
    MarketData::Index(Bar::close_only(Price::from_f64(x).unwrap()))
}
pub fn act(a: CorporateAction) -> MarketData {
    MarketData::CorporateAction(a)
}
pub fn free() -> ExchangeConfig {
    let costs = Costs { slippage: Slippage::NONE, commission: Commission::NONE };
    ExchangeConfig { costs, leverage: 2.0, shorting: Shorting::All }
}
pub fn on_signal() -> EngineConfig {
    EngineConfig { schedule: Schedule::Signal, order_style: OrderStyle::Market, ..EngineConfig::default() }
}

pub fn run(
    pipeline: Pipeline,
    config: EngineConfig,
    from: i64,
    rows: &[(&str, MarketData)],
) -> (Backtest<Exchange>, Log) {
    let exchange = Exchange::new(free()).unwrap();
    let from = Time::from_nanos(from);
    let mut engine =
        Engine::new(config, pipeline, "1000".parse().unwrap(), from).map(|e| Backtest::new(e, exchange)).unwrap();
    let mut log = Log::default();
    for e in events(rows) {
        engine.event(&e, &mut log).unwrap();
    }
    engine.finish(&mut log).unwrap();
    engine.engine().ledger().portfolio().reconcile().unwrap();
    (engine, log)
}
pub fn simple(script: Script<'_>, rows: &[(&str, MarketData)]) -> (Backtest<Exchange>, Log) {
    run(Pipeline { strategies: vec![strategy("s", script)], ..Pipeline::default() }, on_signal(), 0, rows)
}
pub fn held(e: &Backtest<Exchange>, s: &str) -> String {
    e.engine().ledger().portfolio().quantity(symbol(s)).to_string()
}

/// What an operator wants.
pub fn command(id: &str, reason: &str, order: Instruction) -> Command {
    Command { id: id.into(), actor: "tester".into(), reason: reason.into(), order }
}
