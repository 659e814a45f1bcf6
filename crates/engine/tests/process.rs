//! Engines that share a process: names that other runs have met, the order in which names were first met, and threads change nothing.

use std::thread;

use serde::{Deserialize, Serialize};
use tradewind_core_types::*;
use tradewind_engine::builtin::BaseSize;
use tradewind_engine::{
    Backtest, Engine, EngineConfig, Exchange, ExchangeConfig, LedgerHash, Merge, Named, OrderStyle, Pipeline, Schedule,
    Strategy, VecSource,
};

/// The symbols of a run, told from those of others by its mark. The marks sort alike, so that all runs are the same but for it.
fn symbol(mark: &str, i: usize) -> Symbol {
    Symbol::new(&format!("{mark}{i:02}")).unwrap()
}

/// Publishes the close of every symbol, and of all of them so far the sum.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Closes {
    names: Vec<(Symbol, FeatureId)>,
    sum: FeatureId,
    total: f64,
}
impl Plugin for Closes {
    fn id(&self) -> &'static str {
        "closes"
    }
}
impl Feature for Closes {
    fn outputs(&self) -> Vec<Published> {
        let all = self.names.iter().map(|n| n.1).chain([self.sum]);
        all.map(|id| Published { id, unit: "dollars" }).collect()
    }
    fn on_event(&mut self, e: &Event, _: &View<'_>, out: &mut FeatureValues) -> Result<(), BadInput> {
        if let (MarketData::Bar(b), Some((_, id))) = (&e.data, self.names.iter().find(|n| Some(n.0) == e.symbol)) {
            self.total += b.close.to_f64();
            out.set(self.sum, self.total, e.time);
            out.set(*id, b.close.to_f64(), e.time);
        }
        Ok(())
    }
}

/// Reads every published value in the order in which they are given, and goes with a number made of all of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Reader;
impl Plugin for Reader {
    fn id(&self) -> &'static str {
        "reader"
    }
}
impl Alpha for Reader {
    fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        let (MarketData::Bar(_), Some(s)) = (&e.data, e.symbol) else { return Ok(()) };
        // Not commutative: another order of the values is another number.
        let mixed = view.features.iter().fold(0.0, |all: f64, (_, v, _)| (all * 1.7 + v) % 2.0 - 1.0);
        out.push(Signal::new(e.time, s, mixed.clamp(-1.0, 1.0), 1.0, "mixed")?);
        Ok(())
    }
}

const SYMBOLS: usize = 12;

/// A run of its own names; gives its hash, how often it wrote into its ledger, and what is left.
fn run(mark: &str) -> (LedgerHash, u64, Cash) {
    let names: Vec<_> = (0..SYMBOLS)
        .map(|i| (symbol(mark, i), FeatureId::new(&format!("closes.{}", symbol(mark, i))).unwrap()))
        .collect();
    let feature = Closes { names, sum: FeatureId::new(&format!("closes.{mark}sum")).unwrap(), total: 0.0 };
    let id = StrategyId::new("reads").unwrap();
    let strategy =
        Strategy { sizers: vec![Named::of(Box::new(BaseSize(0.05)))], ..Strategy::new(id, Box::new(Reader)) };
    let pipeline =
        Pipeline { features: vec![Named::of(Box::new(feature))], strategies: vec![strategy], ..Pipeline::default() };
    let config = EngineConfig {
        schedule: Schedule::Signal,
        order_style: OrderStyle::Market,
        no_trade_band: 0.0,
        ..EngineConfig::default()
    };
    let mut level: u64 = 88_172_645_463_325_252;
    let events: Vec<Event> = (0..300 * SYMBOLS)
        .map(|n| {
            level ^= level << 13;
            level ^= level >> 7;
            level ^= level << 17;
            let close = Price::from_nanos(50_000_000_000 + (level % 20_000) as i64 * 1_000_000).unwrap();
            Event {
                time: Time::from_nanos(60_000_000_000 * (n / SYMBOLS) as i64),
                symbol: Some(symbol(mark, n % SYMBOLS)),
                origin: Origin { source: 0, row: n as u32 + 1 },
                data: MarketData::Bar(Bar::close_only(close)),
            }
        })
        .collect();
    let engine = Engine::new(config, pipeline, "1000000".parse().unwrap(), Time::MIN).unwrap();
    let mut run = Backtest::new(engine, Exchange::new(ExchangeConfig::default()).unwrap());
    run.run(&mut Merge::new(vec![Box::new(VecSource::new(events))]).unwrap(), None, &mut ()).unwrap();
    let ledger = run.engine().ledger();
    (ledger.hash(), ledger.entries(), ledger.portfolio().equity())
}

#[test]
fn threads_and_names_of_others_change_nothing() {
    let alone = run("A");
    assert!(alone.1 > 1000, "a run that trades: {} entries", alone.1);
    // Four at once, and one thread that fills the process with names meanwhile.
    let marks = ["A", "A", "B", "C"];
    let together = thread::scope(|s| {
        let runs: Vec<_> = marks.iter().map(|m| s.spawn(move || run(m))).collect();
        let names = s.spawn(|| {
            for i in 0..50_000 {
                Symbol::new(&format!("X{i}")).unwrap();
                FeatureId::new(&format!("other.X{i}.value")).unwrap();
            }
        });
        names.join().unwrap();
        runs.into_iter().map(|r| r.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(together[0], alone);
    assert_eq!(together[1], alone);
    // Under other names the same happens; only the hash, which covers the names, is another.
    for other in &together[2..] {
        assert_eq!((other.1, other.2), (alone.1, alone.2));
        assert_ne!(other.0, alone.0);
    }
    assert_eq!(run("A"), alone, "after fifty thousand other names");
}

#[test]
fn the_order_in_which_names_were_first_met_changes_nothing() {
    // Met backwards, the feature's names before the symbols': the run is that of names met in order.
    for i in (0..SYMBOLS).rev() {
        FeatureId::new(&format!("closes.{}", symbol("D", i).as_str())).unwrap();
    }
    FeatureId::new("closes.Dsum").unwrap();
    for i in (0..SYMBOLS).rev() {
        symbol("E", i);
    }
    let (straight, feature_names, symbols) = (run("F"), run("D"), run("E"));
    assert_eq!((feature_names.1, feature_names.2), (straight.1, straight.2));
    assert_eq!((symbols.1, symbols.2), (straight.1, straight.2));
}
