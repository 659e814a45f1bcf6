//! Jobs: what a plugin learns comes back as an input, at once, later, from a thread, after a restart, and from the journal.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, Event, Fit, Interest, JobDone, JobId, Kinds, Learner, MarketData, Metrics, Overlay,
    Plugin, Span, Symbol, Task, Time, Training, TrainingOnly, View, Work,
};
use tradewind_engine::{Backtest, Effect, Exchange, Given, InputRef, Job, LedgerHash, Named, Pipeline, Workers, give};

use crate::{Log, backtest, events, merge, pipeline, replayed, restarted, whole};

/// What is fitted: closes, and the return that followed each.
#[derive(Serialize, Deserialize)]
struct Sample {
    closes: Vec<f64>,
    followed: TrainingOnly<Vec<f64>>,
}
/// The mean return after a close; without one there is nothing to predict with.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Mean(f64);
impl Fit for Sample {
    type Fitted = Mean;
    fn fit(self, training: &Training) -> Result<Mean, BadInput> {
        let labels = self.followed.open(training);
        if labels.len() + 1 != self.closes.len() {
            return Err(BadInput::new("labels", labels.len().to_string(), "one fewer than closes"));
        }
        Ok(Mean(labels.iter().sum::<f64>() / labels.len() as f64))
    }
}

/// Learns from the closes of SPY at every tenth of them, and allows the more the more it expects.
#[derive(Serialize, Deserialize, Default)]
struct Learns {
    closes: Vec<f64>,
    asked: usize,
    model: Option<Mean>,
    fails: bool,
    failed: u32,
}
impl Plugin for Learns {
    fn id(&self) -> &'static str {
        "learns"
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::BAR)
    }
    fn learner(&mut self) -> Option<&mut dyn Learner> {
        Some(self)
    }
    fn observe(&mut self, e: &Event, _: &View<'_>) -> Result<(), BadInput> {
        if let (MarketData::Bar(b), Some("SPY")) = (&e.data, e.symbol.map(Symbol::as_str)) {
            self.closes.push(b.close.to_f64());
        }
        Ok(())
    }
    fn metrics(&self, out: &mut Metrics) {
        out.extend(self.model.as_ref().map(|m| ("mean", m.0)));
    }
}
impl Overlay for Learns {
    fn exposure(&mut self, _: Symbol, _: &View<'_>) -> Adjustment {
        let (factor, why) = match &self.model {
            Some(Mean(m)) => (0.5 + 10.0 * m.clamp(-0.05, 0.05), "learned"),
            None => (0.25, "nothing learned yet"),
        };
        Adjustment::new(Adjust::Scale(factor), why)
    }
}
impl Learner for Learns {
    fn wants(&mut self) -> Result<Option<Task>, BadInput> {
        let n = self.closes.len();
        if n < 10 || !n.is_multiple_of(10) || n == self.asked {
            return Ok(None);
        }
        self.asked = n;
        let mut followed: Vec<f64> = self.closes.windows(2).map(|w| w[1] / w[0] - 1.0).collect();
        if self.fails {
            followed.pop();
        }
        let followed = TrainingOnly::new(followed);
        Task::of(&Sample { closes: self.closes.clone(), followed }).map(Some)
    }
    fn work(&self) -> Work {
        Task::work::<Sample>()
    }
    fn learned(&mut self, result: Result<&[u8], &str>) -> Result<(), BadInput> {
        match result {
            Ok(bytes) => self.model = Some(Task::result(bytes)?),
            Err(_) => self.failed += 1,
        }
        Ok(())
    }
}

fn learns(fails: bool) -> Pipeline {
    let mut p = pipeline();
    p.overlays = vec![Named::new("learner", Box::new(Learns { fails, ..Learns::default() }))];
    p.strategies[0].overlays = vec![0];
    p
}
fn run(delay: Span) -> Backtest<Exchange> {
    backtest(learns(false)).with_job_delay(delay)
}

/// The results of jobs in a journal: number and time of each input.
fn results(journal: &[u8]) -> Vec<(u64, Time)> {
    tradewind_engine::JournalReader::new(journal)
        .unwrap()
        .filter_map(|f| match f.unwrap() {
            tradewind_engine::Frame::Input(x) if matches!(x.input, tradewind_engine::Input::Job(_)) => {
                Some((x.seq, x.received))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn the_result_comes_at_the_end_of_the_instant_or_after_the_delay_and_a_replay_has_it() {
    let mut hashes = Vec::new();
    for delay in [Span::from_nanos(0), Span::from_secs(3_600), Span::from_days(3)] {
        let (run, mut log) = whole(run(delay));
        assert_eq!(log.starts.len(), 4, "at 10, 20, 30 and 40 closes");
        let starts = log.starts.clone();
        let journal = log.bytes();
        let given = results(&journal);
        // What would come after the end of the data does not come.
        assert_eq!(given.len(), if delay == Span::from_nanos(0) { 4 } else { 3 }, "{delay:?}");
        for ((_, time), start) in given.iter().zip(&starts) {
            assert_eq!(*time, start.plus(delay));
        }
        let hash = run.engine().ledger().hash();
        assert_eq!(replayed(learns(false), &journal), hash);
        hashes.push(hash);
    }
    // Without delay the model counts in the decision at its own close, after an hour in the next one, and after three days in the third.
    assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2]);
}

#[test]
fn a_restart_while_a_job_runs_begins_it_again() {
    for delay in [Span::from_nanos(0), Span::from_days(3)] {
        let hash = whole(run(delay)).0.engine().ledger().hash();
        // The tenth close is among the events from 91 on: before, in the middle of its instant, and while the job runs.
        for stop in [80, 91, 92, 95, 100, 115, 129, 131] {
            assert_eq!(restarted(&|| run(delay), stop).engine().ledger().hash(), hash, "{delay:?} {stop}");
        }
    }
}

#[test]
fn a_job_that_fails_is_told_and_the_plugin_goes_on() {
    let (_, log) = whole(backtest(learns(true)));
    let told: Vec<_> = log.notices.iter().map(|n| n.text.as_str()).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[0].starts_with("overlay.learner gets nothing from its job: labels is \"8\""), "{told:?}");
}

/// A driver as live ones are: the work is done on a thread, and its result is an input whenever it comes.
fn with_a_thread() -> (LedgerHash, Vec<u8>, usize) {
    let mut engine = backtest(learns(false)).into_engine();
    let (workers, mut log, mut effects) = (Workers::default(), Log::default(), Vec::new());
    let (mut running, mut given) = (0, 0);
    for e in events() {
        let mut started: Vec<Job> = Vec::new();
        let mut input = |engine: &mut tradewind_engine::Engine, input: InputRef<'_>, started: &mut Vec<Job>| {
            let x = Given { seq: engine.seq() + 1, venue_time: e.time, received: e.time, source: 0, input };
            let act = |effect, _: &tradewind_engine::Engine| {
                if let Effect::Start(job) = effect {
                    started.push(job);
                }
            };
            give(engine, &x, &mut effects, &mut log, act).unwrap();
        };
        input(&mut engine, InputRef::Market(&e), &mut started);
        for job in started.drain(..) {
            workers.start(job);
            running += 1;
        }
        while running > 0 {
            let done = workers.done(Duration::from_secs(60)).expect("the thread ends");
            running -= 1;
            given += 1;
            input(&mut engine, InputRef::Job(&done), &mut started);
        }
    }
    (engine.ledger().hash(), log.bytes(), given)
}

#[test]
fn a_thread_does_the_same_work() {
    let (hash, journal, given) = with_a_thread();
    assert_eq!((given, results(&journal).len()), (4, 4));
    assert_eq!(replayed(learns(false), &journal), hash);
}

#[test]
fn a_panic_on_a_thread_is_a_job_that_failed_and_an_unknown_result_changes_nothing() {
    let workers = Workers::default();
    let work: Work = |_| panic!("no");
    let task = Task { data: vec![1], work };
    workers.start(Job { id: JobId(7), time: Time::MIN, owner: "x".into(), task });
    let done = workers.done(Duration::from_secs(60)).unwrap();
    assert_eq!(done, JobDone { id: JobId(7), result: Err("the work panicked".into()) });
    assert_eq!(workers.done(Duration::from_millis(1)), None);

    let mut run = run(Span::from_nanos(0));
    run.run(&mut merge(events()), Some(50), &mut ()).unwrap();
    let hash = run.engine().ledger().hash();
    let stray = JobDone { id: JobId(99), result: Ok(vec![0; 8]) };
    run.give(run.engine().clock(), 0, InputRef::Job(&stray), &mut ()).unwrap();
    assert_eq!(run.engine().ledger().hash(), hash);
}
