//! Throughput of the loop: bare, with a crossover on many symbols, with an order on every trade, and with many features.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Alpha, BadInput, Bar, Event, Feature, FeatureId, FeatureValues, Interest, Kinds, MarketData, Origin, Plugin, Price,
    Published, StrategyId, Symbol, Time, Trade, View,
};
use tradewind_engine::builtin::{CrossoverParams, EveryTrade};
use tradewind_engine::{
    Backtest, Conviction, Engine, EngineConfig, Exchange, ExchangeConfig, Merge, Named, OrderStyle, Pipeline, Schedule,
    Source, Strategy,
};

/// `symbols` bars an instant, made as they are asked for.
fn bars(symbols: usize, count: u64) -> Box<dyn Source> {
    let names: Vec<Symbol> = (0..symbols).filter_map(|i| Symbol::new(&format!("S{i:03}")).ok()).collect();
    let mut n = 0_u64;
    Box::new(std::iter::from_fn(move || {
        if n == count {
            return None;
        }
        let (instant, i) = (n / names.len() as u64, (n % names.len() as u64) as usize);
        n += 1;
        // A cheap wave per symbol, so that the crossover has something to do.
        let phase = (instant * 7 + i as u64 * 13) % 400;
        let level = 100_000 + 100 * phase.min(400 - phase) as i64;
        Price::from_nanos(level * 1_000_000).ok().map(|close| {
            Ok::<_, std::convert::Infallible>(Event {
                time: Time::from_nanos(86_400_000_000_000 * (instant as i64 + 1)),
                symbol: Some(names[i]),
                origin: Origin { source: 0, row: n as u32 },
                data: MarketData::Bar(Bar::close_only(close)),
            })
        })
    }))
}

fn trades(count: u64) -> Box<dyn Source> {
    let symbol = Symbol::new("ES").ok();
    let mut n = 0_u64;
    Box::new(std::iter::from_fn(move || {
        if n == count {
            return None;
        }
        n += 1;
        Price::from_nanos(1_600_000_000_000 + 250_000_000 * (n % 16) as i64).ok().map(|price| {
            Ok::<_, std::convert::Infallible>(Event {
                time: Time::from_nanos(1_000_000 * n as i64),
                symbol,
                origin: Origin { source: 0, row: n as u32 },
                data: MarketData::Trade(Trade { price, size: tradewind_core_types::Quantity::ZERO, buyer: None }),
            })
        })
    }))
}

/// A feature that costs nothing: it publishes every close of one symbol, so that what is timed is the engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Echo {
    symbol: Symbol,
    close: FeatureId,
}

impl Plugin for Echo {
    fn id(&self) -> &'static str {
        "echo"
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::BAR).only([self.symbol])
    }
}

impl Feature for Echo {
    fn outputs(&self) -> Vec<Published> {
        vec![Published { id: self.close, unit: "dollars" }]
    }
    fn on_event(&mut self, event: &Event, _: &View<'_>, out: &mut FeatureValues) -> Result<(), BadInput> {
        if let MarketData::Bar(bar) = &event.data
            && event.symbol == Some(self.symbol)
        {
            out.set(self.close, bar.close.to_f64(), event.time);
        }
        Ok(())
    }
}

/// `each` of them for each of `symbols`.
fn echoes(symbols: usize, each: usize) -> Vec<Box<dyn Feature>> {
    let echo = |i: usize| {
        let symbol = Symbol::new(&format!("S{:03}", i % symbols)).ok()?;
        let close = FeatureId::new(&format!("echo_{}.{symbol}.close", i / symbols)).ok()?;
        Some(Box::new(Echo { symbol, close }) as Box<dyn Feature>)
    };
    (0..symbols * each).filter_map(echo).collect()
}

/// Names that other runs of this process have met.
fn other_names(count: usize) {
    for i in 0..count {
        black_box((Symbol::new(&format!("X{i}")).ok(), FeatureId::new(&format!("other.X{i}.value")).ok()));
    }
}

fn run(source: Box<dyn Source>, alpha: Option<Box<dyn Alpha>>, conviction: Conviction) -> u64 {
    let strategies = alpha
        .into_iter()
        .filter_map(|alpha| {
            let id = StrategyId::new("s").ok()?;
            Some(Strategy { conviction, ..Strategy::new(id, alpha) })
        })
        .collect();
    run_all(source, Pipeline { strategies, ..Pipeline::default() })
}

fn run_all(source: Box<dyn Source>, pipeline: Pipeline) -> u64 {
    let config = EngineConfig {
        schedule: Schedule::Signal,
        order_style: OrderStyle::Market,
        no_trade_band: 0.0,
        ..EngineConfig::default()
    };
    let exchange = Exchange::new(ExchangeConfig { leverage: 10.0, ..ExchangeConfig::default() });
    let engine = exchange.and_then(|x| {
        Engine::new(config, pipeline, "1000000".parse().unwrap_or_default(), Time::MIN).map(|e| Backtest::new(e, x))
    });
    let (Ok(mut engine), Ok(mut merge)) = (engine, Merge::new(vec![source])) else { return 0 };
    match engine.run(&mut merge, None, &mut ()) {
        Ok(_) => black_box(engine.engine().events() + engine.engine().ledger().entries()),
        Err(_) => 0,
    }
}

fn benches(c: &mut Criterion) {
    let mut g = c.benchmark_group("engine");
    g.sample_size(10);
    g.throughput(Throughput::Elements(2_000_000));
    g.bench_function("bare loop, 500 symbols, 2 million bars", |b| {
        b.iter(|| assert_eq!(run(bars(500, 2_000_000), None, Conviction::Score), 2_000_001));
    });
    g.throughput(Throughput::Elements(1_260_000));
    g.bench_function("crossover, 500 symbols x 2,520 bars", |b| {
        b.iter(|| {
            let alpha = CrossoverParams { fast: 20, slow: 50 }.build().ok().map(|a| Box::new(a) as Box<dyn Alpha>);
            assert!(run(bars(500, 1_260_000), alpha, Conviction::Score) > 1_260_001);
        });
    });
    g.throughput(Throughput::Elements(100_000));
    g.bench_function("a market order on every one of 100,000 trades", |b| {
        b.iter(|| {
            let entries = run(trades(100_000), Some(Box::new(EveryTrade::default())), Conviction::Score);
            assert!(entries >= 199_990, "{entries}");
        });
    });
    for (symbols, each, others) in [(100, 10, 0), (500, 20, 0), (500, 10, 50_000)] {
        let after = if others > 0 { format!(" after {others} other names") } else { String::new() };
        g.throughput(Throughput::Elements(100_000));
        g.bench_function(format!("{symbols} symbols x {each} features{after}, 100,000 bars"), |b| {
            other_names(others);
            b.iter_batched(
                || echoes(symbols, each),
                |features| {
                    let pipeline =
                        Pipeline { features: features.into_iter().map(Named::of).collect(), ..Pipeline::default() };
                    assert_eq!(run_all(bars(symbols, 100_000), pipeline), 100_001);
                },
                BatchSize::LargeInput,
            );
        });
    }
    g.throughput(Throughput::Elements(2_000_000));
    g.bench_function("bare loop after 50000 other names", |b| {
        other_names(50_000);
        b.iter(|| assert_eq!(run(bars(500, 2_000_000), None, Conviction::Score), 2_000_001));
    });
    g.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
