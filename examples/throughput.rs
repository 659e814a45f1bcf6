//! How fast the whole program is on this machine: `cargo run --release -p tradewind-trader --example throughput`.
//!
//! Four loads on one core: the bare loop, a moving-average crossover from Parquet to summary, the default pipeline on 500 symbols, a
//! market order on every trade. With names (`bare`, `crossover`, `default`, `trades`) only those, to profile one. With `--memory N`: N million simulated bars through a crossover, and the peak memory of the process.

use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::time::Instant;

use tradewind_core_types::{Event, MarketData, Symbol, Time};
use tradewind_data::{Calendar, Simulation, SimulationSpec, TableFormat, simulate};
use tradewind_engine::builtin::{CrossoverParams, EveryTrade};
use tradewind_engine::{
    Backtest, Engine, EngineConfig, Exchange, ExchangeConfig, Merge, Named, OrderStyle, Pipeline, Schedule, Source,
    Strategy,
};
use tradewind_trader::{Config, compose, dataset::Dataset, keeper::Keeper, run};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Load = (&'static str, fn() -> Result<()>);

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, millions] = args.as_slice()
        && flag == "--memory"
    {
        return memory(millions.parse()?);
    }
    let loads: [Load; 4] =
        [("bare", bare_loop), ("crossover", crossover), ("default", default_pipeline), ("trades", every_trade)];
    if let Some(unknown) = args.iter().find(|a| loads.iter().all(|l| l.0 != **a)) {
        return Err(format!("no load is called {unknown:?}: bare, crossover, default, trades").into());
    }
    for (_, load) in loads.iter().filter(|l| args.is_empty() || args.iter().any(|a| a == l.0)) {
        load()?;
    }
    Ok(())
}

fn report(what: &str, events: u64, seconds: f64) {
    println!("{what:<64} {events:>9} events {seconds:>7.3} s {:>8.2} M/s", events as f64 / seconds / 1e6);
}

/// An engine with at most one alpha, deciding on signals.
fn engine(alpha: Option<Box<dyn tradewind_core_types::Alpha>>) -> Result<Backtest<Exchange>> {
    let id = tradewind_core_types::StrategyId::new("s")?;
    let strategies = alpha
        .into_iter()
        .map(|alpha| {
            let sizers: Vec<Named<dyn tradewind_core_types::Sizer>> =
                vec![Named::of(Box::new(tradewind_engine::builtin::BaseSize(0.002)))];
            Strategy { sizers, ..Strategy::new(id, alpha) }
        })
        .collect();
    let config = EngineConfig {
        schedule: Schedule::Signal,
        order_style: OrderStyle::Market,
        no_trade_band: 0.0,
        ..EngineConfig::default()
    };
    let exchange = Exchange::new(ExchangeConfig { leverage: 2.0, ..ExchangeConfig::default() })?;
    let pipeline = Pipeline { strategies, ..Pipeline::default() };
    Ok(Backtest::new(Engine::new(config, pipeline, "1000000".parse()?, Time::MIN)?, exchange))
}

/// 500 symbols x 2,520 daily bars, simulated.
fn daily() -> SimulationSpec {
    SimulationSpec { count: 500, sessions: 2520, index: None, ..SimulationSpec::default() }
}

fn bare_loop() -> Result<()> {
    // Four sources in memory, merged.
    let all: Vec<Event> = Simulation::new(&daily(), 0)?.collect();
    let sources: Vec<Box<dyn Source>> = (0..4_usize)
        .map(|k| {
            let part: Vec<Event> =
                all.iter().filter(|e| e.symbol.is_some_and(|s| s.index() % 4 == k)).cloned().collect();
            Box::new(part.into_iter().map(Ok::<_, Infallible>)) as Box<dyn Source>
        })
        .collect();
    let mut merge = Merge::new(sources)?;
    let mut engine = engine(None)?;
    let started = Instant::now();
    engine.run(&mut merge, None, &mut ())?;
    report("bare loop: merge of 4 sources, view, ledger", engine.engine().events(), started.elapsed().as_secs_f64());
    Ok(())
}

fn crossover() -> Result<()> {
    let folder = tempfile::tempdir()?;
    simulate(&daily(), folder.path(), TableFormat::Parquet)?;
    let path = folder.path().join("bars.parquet");
    let text = format!(
        "title = 'crossover'\n[run]\nfrom = '2010-01-04'\nto = '2020-12-31'\njournal = 'none'\n\
         [[data.source]]\npath = {path:?}\n[engine]\nschedule = 'signal'\norder_style = 'market'\nno_trade_band = 0.0\n\
         [exchange]\nleverage = 2.0\n[alpha.ma]\nplugin = 'crossover'\nfast = 20\nslow = 50\n[strategy.trend]\nalpha = 'ma'\nbase = 0.002\n"
    );
    let config = Config::parse("crossover", &text, &[], None)?;
    let started = Instant::now();
    let data = Dataset::load(&config)?;
    let read = started.elapsed().as_secs_f64();
    let mut keeper = Keeper::default();
    let summary = run::execute(&config, &data, &mut keeper)?;
    let seconds = started.elapsed().as_secs_f64();
    report("crossover, 500 symbols x 2,520 bars, from Parquet to summary", summary.events, seconds);
    println!("    of which reading {read:.3} s; {} orders, return {:?}", summary.orders, summary.figures.total_return);
    Ok(())
}

fn default_pipeline() -> Result<()> {
    // The default system's own symbols among 500, with its index levels.
    let mut symbols: Vec<String> = (0..494).map(|i| format!("SIM{i:04}")).collect();
    symbols.extend(["SPY", "TLT"].map(String::from));
    let mut config = Config::load(None, &[])?;
    config.benchmark.clear();
    let spec = SimulationSpec { symbols, sessions: 2520, index: Some("VIX".into()), ..SimulationSpec::default() };
    let mut events: Vec<Event> = Vec::new();
    for e in Simulation::new(&spec, 0)? {
        // The simulated SPY also serves as the index.
        if let (MarketData::Bar(b), true) = (&e.data, e.symbol == Symbol::new("SPY").ok()) {
            events.push(Event { symbol: Symbol::new("SPX").ok(), data: MarketData::Index(*b), ..e.clone() });
        }
        events.push(e);
    }
    let (from, to) = (tradewind_data::Date::constant(2010, 1, 4), tradewind_data::Date::constant(2020, 12, 31));
    events.extend(Calendar::us_equities().events(from, to, 1));
    events.sort_by_key(|e| (e.time, e.data.rank()));
    config.run.from = from;
    let data = Dataset::of_events(events, "simulated");
    let mut engine = compose::engine(&config)?;
    let started = Instant::now();
    run::drive(&mut engine, &data, &mut ())?;
    report(
        "the default pipeline of eight plugins, 500 symbols",
        engine.engine().events(),
        started.elapsed().as_secs_f64(),
    );
    Ok(())
}

fn every_trade() -> Result<()> {
    let spec = SimulationSpec {
        count: 1,
        sessions: 1,
        bars: false,
        ticks: Some(tradewind_data::Ticks { per_bar: 100_000, quotes: false, trades: true }),
        index: None,
        ..SimulationSpec::default()
    };
    let events: Vec<Event> = Simulation::new(&spec, 0)?.collect();
    let mut merge = Merge::new(vec![Box::new(events.into_iter().map(Ok::<_, Infallible>))])?;
    let mut engine = engine(Some(Box::new(EveryTrade::default())))?;
    let started = Instant::now();
    engine.run(&mut merge, None, &mut ())?;
    let seconds = started.elapsed().as_secs_f64();
    report("a market order on every trade", engine.engine().events(), seconds);
    println!("    {} ledger entries", engine.engine().ledger().entries());
    Ok(())
}

fn memory(millions: u64) -> Result<()> {
    // Minute bars of 100 symbols.
    let sessions = (millions * 1_000_000).div_ceil(100 * 390).max(1) as usize;
    let spec = SimulationSpec {
        count: 100,
        sessions,
        bar_seconds: Some(60),
        index: None,
        start: tradewind_data::Date::constant(1990, 1, 2),
        ..SimulationSpec::default()
    };
    let alpha = CrossoverParams { fast: 390, slow: 3900 }.build()?;
    let mut engine = engine(Some(Box::new(alpha)))?;
    let mut merge = Merge::new(vec![Box::new(Simulation::new(&spec, 0)?.map(Ok::<_, Infallible>))])?;
    let started = Instant::now();
    engine.run(&mut merge, None, &mut ())?;
    report("minute bars, simulated as they are traded", engine.engine().events(), started.elapsed().as_secs_f64());
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or("peak memory: not known on this system");
    println!("    {peak}");
    Ok(())
}
