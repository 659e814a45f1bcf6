//! Throughput of the loop: bare, with a crossover on many symbols, and with an order on every trade.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tradewind_core_types::{Alpha, Bar, Event, MarketData, Origin, Price, StrategyId, Symbol, Time, Trade};
use tradewind_engine::builtin::{CrossoverParams, EveryTrade};
use tradewind_engine::{
    Backtest, Conviction, Engine, EngineConfig, Exchange, ExchangeConfig, Merge, OrderStyle, Pipeline, Schedule,
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

fn run(source: Box<dyn Source>, alpha: Option<Box<dyn Alpha>>, conviction: Conviction) -> u64 {
    let strategies = alpha
        .into_iter()
        .filter_map(|alpha| {
            let id = StrategyId::new("s").ok()?;
            Some(Strategy { conviction, ..Strategy::new(id, alpha) })
        })
        .collect();
    let config = EngineConfig {
        schedule: Schedule::Signal,
        order_style: OrderStyle::Market,
        no_trade_band: 0.0,
        ..EngineConfig::default()
    };
    let exchange = Exchange::new(ExchangeConfig { leverage: 10.0, ..ExchangeConfig::default() });
    let pipeline = Pipeline { strategies, ..Pipeline::default() };
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
    g.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
