//! What stands beside the decisions: observers, services and jobs.

mod jobs;
mod observers;
mod services;

use tradewind_core_types::testkit::daily_events;
use tradewind_core_types::{Command, Event, Obeyed, Observer, Portfolio, Service, StrategyId, Time};
use tradewind_engine::builtin::{BaseSize, CrossoverParams};
use tradewind_engine::{
    Backtest, Effect, Engine, EngineConfig, Exchange, ExchangeConfig, Frame, Given, JournalReader, JournalWriter,
    LedgerHash, Merge, Named, Notice, Pipeline, Recorder, Strategy, VecSource, replay,
};

/// Keeps a journal in memory, and what was told.
pub struct Log {
    journal: Option<JournalWriter<Vec<u8>>>,
    /// What was told.
    pub notices: Vec<Notice>,
    /// Commands with what became of them.
    pub commands: Vec<(Time, Command, Obeyed)>,
    /// When jobs were asked for.
    pub starts: Vec<Time>,
}
impl Default for Log {
    fn default() -> Self {
        let journal = JournalWriter::new(Vec::new()).ok();
        Self { journal, notices: Vec::new(), commands: Vec::new(), starts: Vec::new() }
    }
}
impl Log {
    fn keep(&mut self, write: impl FnOnce(&mut JournalWriter<Vec<u8>>)) {
        self.journal.as_mut().map(write);
    }
    /// The journal.
    pub fn bytes(&mut self) -> Vec<u8> {
        self.journal.take().unwrap().finish().unwrap()
    }
}
impl Recorder for Log {
    fn input(&mut self, x: &Given<'_>) -> Result<(), String> {
        self.keep(|j| j.input(x).unwrap());
        Ok(())
    }
    fn effect(&mut self, e: &Effect, portfolio: &Portfolio) -> Result<(), String> {
        self.keep(|j| j.write(&Frame::of(e).unwrap()).unwrap());
        if let Effect::Start(job) = e {
            self.starts.push(job.time);
        }
        tradewind_engine::dispatch(self, e, portfolio)
    }
    fn command(&mut self, time: Time, c: &Command, obeyed: &Obeyed) -> Result<(), String> {
        self.commands.push((time, c.clone(), obeyed.clone()));
        Ok(())
    }
    fn notice(&mut self, n: &Notice) -> Result<(), String> {
        self.notices.push(n.clone());
        Ok(())
    }
}

/// A crossover on 40 sessions, 10 events each, with whatever is added to it.
pub fn pipeline() -> Pipeline {
    let alpha = Box::new(CrossoverParams { fast: 2, slow: 5 }.build().unwrap());
    let strategy = Strategy::new(StrategyId::new("trend").unwrap(), alpha);
    let strategy = Strategy { sizers: vec![Named::of(Box::new(BaseSize(0.1)))], ..strategy };
    Pipeline { strategies: vec![strategy], ..Pipeline::default() }
}
/// A run of a pipeline.
pub fn backtest(pipeline: Pipeline) -> Backtest<Exchange> {
    let engine = Engine::new(EngineConfig::default(), pipeline, "100000".parse().unwrap(), Time::MIN).unwrap();
    Backtest::new(engine, Exchange::new(ExchangeConfig::default()).unwrap())
}
/// The usual run with observers.
pub fn watched(observers: Vec<Named<dyn Observer>>) -> Backtest<Exchange> {
    backtest(Pipeline { observers, ..pipeline() })
}
/// The usual run with services.
pub fn served(services: Vec<Named<dyn Service>>) -> Backtest<Exchange> {
    backtest(pipeline()).with_services(services)
}
/// The events of all runs.
pub fn events() -> Vec<Event> {
    daily_events(9, 40)
}
/// A source of events.
pub fn merge(events: Vec<Event>) -> Merge {
    Merge::new(vec![Box::new(VecSource::new(events))]).unwrap()
}
/// A run to the end.
pub fn whole(mut run: Backtest<Exchange>) -> (Backtest<Exchange>, Log) {
    let mut log = Log::default();
    run.run(&mut merge(events()), None, &mut log).unwrap();
    (run, log)
}
/// Replays a journal into an engine without anything beside it, and gives the hash at the end.
pub fn replayed(pipeline: Pipeline, journal: &[u8]) -> LedgerHash {
    let mut engine = backtest(pipeline).into_engine();
    replay(&mut engine, JournalReader::new(journal).unwrap(), &mut ()).unwrap();
    engine.ledger().hash()
}
/// Runs to an event, saves, and goes on in another run that is built anew.
pub fn restarted(build: &dyn Fn() -> Backtest<Exchange>, stop: u64) -> Backtest<Exchange> {
    let mut first = build();
    first.run(&mut merge(events()), Some(stop), &mut ()).unwrap();
    let saved = first.save().unwrap();
    let mut second = build();
    assert!(second.load(&saved).unwrap().is_empty());
    assert_eq!(second.save().unwrap(), saved);
    let mut rest = merge(events());
    rest.skip(stop).unwrap();
    second.run(&mut rest, None, &mut ()).unwrap();
    second
}

#[test]
fn what_the_engine_brings_conforms_like_every_plugin() {
    for info in tradewind_engine::builtin::REGISTRY {
        tradewind_core_types::testkit::info_suite(info);
        tradewind_core_types::testkit::role_suite(info, &serde_json::json!({}));
    }
}
