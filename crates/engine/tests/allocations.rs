//! The bare loop allocates nothing per event once warm.

use tradewind_core_types::*;
use tradewind_engine::builtin::CrossoverParams;
use tradewind_engine::{Backtest, Engine, EngineConfig, Exchange, ExchangeConfig, Pipeline, Schedule, Strategy};

fn bars(symbols: usize, instants: usize) -> Vec<Event> {
    let names: Vec<Symbol> = (0..symbols).map(|i| Symbol::new(&format!("L{i:03}")).unwrap()).collect();
    let mut out = Vec::new();
    for t in 0..instants {
        for (i, s) in names.iter().enumerate() {
            // Rises for ever, so that the crossover gives its one signal while warming up.
            let close = Price::from_nanos(((100 + i + t) as i64) * 1_000_000_000).unwrap();
            out.push(Event {
                time: Time::from_nanos(60_000_000_000 * (t as i64 + 1)),
                symbol: Some(*s),
                origin: Origin { source: 0, row: out.len() as u32 + 1 },
                data: MarketData::Bar(Bar::close_only(close)),
            });
        }
    }
    out
}

fn count(strategies: Vec<Strategy>, schedule: Schedule) -> u64 {
    let events = bars(50, 200);
    let pipeline = Pipeline { strategies, ..Pipeline::default() };
    let exchange = Exchange::new(ExchangeConfig { leverage: 10.0, ..ExchangeConfig::default() }).unwrap();
    let config = EngineConfig { schedule, ..EngineConfig::default() };
    let mut engine = Engine::new(config, pipeline, "1000000".parse().unwrap(), Time::MIN)
        .map(|e| Backtest::new(e, exchange))
        .unwrap();
    let (warm, rest) = events.split_at(events.len() / 2);
    for e in warm {
        engine.event(e, &mut ()).unwrap();
    }
    allocation_counter::measure(|| {
        for e in rest {
            engine.event(e, &mut ()).unwrap();
        }
    })
    .count_total
}

#[test]
fn bars_without_decisions() {
    assert_eq!(count(vec![], Schedule::SessionClose), 0);
    let strategy =
        Strategy::new(StrategyId::new("s").unwrap(), Box::new(CrossoverParams { fast: 5, slow: 20 }.build().unwrap()));
    assert_eq!(count(vec![strategy], Schedule::SessionClose), 0);
}
