//! Drivers: they give an engine its inputs and carry out its effects.
//!
//! The contract is one for backtest, replay, paper and live ([`give`]): append the input, step, append the effects, make them durable if they
//! reach beyond the program, then act.

use std::collections::VecDeque;

use tradewind_core_types::{
    Artefact, BrokerReport, Command, Event, JobDone, LedgerHash, Notice, Request, Service, Span, Time,
};

use crate::effect::{Effect, Effects, Job};
use crate::engine::{Engine, WAKEUP};
use crate::error::EngineError;
use crate::input::{Given, InputRef};
use crate::journal::{Frame, JournalError};
use crate::merge::Merge;
use crate::pipeline::Named;
use crate::record::Recorder;
use crate::services::Services;
use crate::venue::Venue;

/// Gives an engine one input, as every driver must, and passes the effects to `act` in their order.
///
/// # Errors
/// Whatever stops the run; then nothing of this input has been carried out.
#[inline(always)]
pub fn give(
    engine: &mut Engine,
    x: &Given<'_>,
    effects: &mut Effects,
    to: &mut impl Recorder,
    act: impl FnMut(Effect, &Engine),
) -> Result<(), EngineError> {
    to.input(x).map_err(EngineError::Record)?;
    engine.step(x, effects)?;
    if effects.is_empty() { Ok(()) } else { carry_out(engine, effects, to, act) }
}

fn carry_out(
    engine: &Engine,
    effects: &mut Effects,
    to: &mut impl Recorder,
    mut act: impl FnMut(Effect, &Engine),
) -> Result<(), EngineError> {
    for e in effects.iter() {
        to.effect(e, engine.ledger().portfolio()).map_err(EngineError::Record)?;
    }
    if effects.iter().any(Effect::is_outward) {
        to.sync().map_err(EngineError::Record)?;
    }
    effects.drain(..).for_each(|e| act(e, engine));
    Ok(())
}

/// The driver of backtests: market events from sources, orders to a simulated venue, whose reports become inputs.
pub struct Backtest<V> {
    engine: Engine,
    venue: V,
    effects: Effects,
    reports: Vec<BrokerReport>,
    /// Commands to come, in the order of their times.
    commands: VecDeque<(Time, Command)>,
    /// How many of them were given.
    commanded: usize,
    services: Services,
    /// Results of jobs, with the times at which they are given, in this order.
    done: VecDeque<(Time, JobDone)>,
    /// How long a job takes, as simulated.
    job_delay: Span,
}

impl<V: Venue> Backtest<V> {
    /// Puts an engine and a venue together.
    pub fn new(engine: Engine, venue: V) -> Self {
        Self {
            engine,
            venue,
            effects: Vec::new(),
            reports: Vec::new(),
            commands: VecDeque::new(),
            commanded: 0,
            services: Services::default(),
            done: VecDeque::new(),
            job_delay: Span::from_nanos(0),
        }
    }
    /// With services beside the run.
    #[must_use]
    pub fn with_services(mut self, services: Vec<Named<dyn Service>>) -> Self {
        self.services = Services::new(services);
        self
    }
    /// With jobs that take so long, as simulated; without it a result is given at the end of the instant that asked for it, before what the instant
    /// made due is decided. The work itself is done at once.
    #[must_use]
    pub fn with_job_delay(mut self, delay: Span) -> Self {
        self.job_delay = delay;
        self
    }
    /// With commands that come at their times, before the market events of the same instant.
    #[must_use]
    pub fn with_commands(mut self, commands: Vec<(Time, Command)>) -> Self {
        self.schedule(commands);
        self
    }
    /// Replaces the commands to come; as many as were given already are left out.
    pub fn schedule(&mut self, mut commands: Vec<(Time, Command)>) {
        commands.sort_by_key(|c| c.0);
        commands.drain(..self.commanded.min(commands.len()));
        self.commands = commands.into();
    }
    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
    /// The engine alone.
    pub fn into_engine(self) -> Engine {
        self.engine
    }
    /// What observers leave behind, with their names, and what is to be said of those that could not.
    pub fn artefacts(&mut self) -> (Vec<(String, Artefact)>, Vec<Notice>) {
        self.engine.artefacts()
    }
    /// The venue.
    pub fn venue(&self) -> &V {
        &self.venue
    }

    /// Runs all events of a merge (at most `limit`), then ends the last instant when the stream has ended.
    ///
    /// Gives whether the stream has ended.
    ///
    /// # Errors
    /// Whatever stops the run.
    pub fn run(&mut self, merge: &mut Merge, limit: Option<u64>, to: &mut impl Recorder) -> Result<bool, EngineError> {
        let mut left = limit.unwrap_or(u64::MAX);
        while left > 0 {
            match merge.next()? {
                Some(e) => self.event(e, to)?,
                None => {
                    self.finish(to)?;
                    if self.engine.misses_closes() {
                        let text = "no session closed, and decisions are taken at session closes: nothing was decided. Merge a calendar's events \
                                    with the prices, or set the schedule to `signal`";
                        let notice = Notice { time: self.engine.clock(), who: "engine".into(), text: text.into() };
                        to.notice(&notice).map_err(EngineError::Record)?;
                    }
                    return Ok(true);
                }
            }
            left -= 1;
        }
        Ok(false)
    }

    /// One market event: the instant before ends, the venue sees the event as the engine knew the market before, its reports are booked, and then
    /// the event itself is processed.
    ///
    /// # Errors
    /// Whatever stops the run.
    #[inline]
    pub fn event(&mut self, e: &Event, to: &mut impl Recorder) -> Result<(), EngineError> {
        let (time, source) = (e.time, e.origin.source);
        if time > self.engine.clock() {
            let woken = self.engine.next_wakeup().is_some_and(|t| t < time);
            if woken || !self.commands.is_empty() || !self.done.is_empty() || !self.services.is_empty() {
                self.before(time, to)?;
            }
            if self.engine.is_due() {
                self.give(time, source, InputRef::Clock, to)?;
            }
        } else if time < self.engine.clock() {
            return Err(EngineError::Backwards { time, clock: self.engine.clock(), origin: e.origin });
        }
        self.venue
            .on_event(e, &self.engine.view_at(time), &mut self.reports)
            .map_err(|problem| EngineError::Broker { time, problem })?;
        if !self.reports.is_empty() {
            self.report(time, source, to)?;
        }
        self.give_now(time, source, InputRef::Market(e), to)?;
        if self.services.is_empty() {
            return Ok(());
        }
        self.services.event(e, &self.engine.view());
        self.serve(time, to)
    }

    /// What services want becomes input.
    #[cold]
    fn serve(&mut self, now: Time, to: &mut impl Recorder) -> Result<(), EngineError> {
        while let Some(request) = self.services.next(now) {
            match request {
                Request::Command(c) => self.give(now, 0, InputRef::Command(&c), to)?,
                Request::Market(mut e) => {
                    e.time = now;
                    let view = self.engine.view_at(now);
                    let seen = self.venue.on_event(&e, &view, &mut self.reports);
                    seen.map_err(|problem| EngineError::Broker { time: now, problem })?;
                    if !self.reports.is_empty() {
                        self.report(now, e.origin.source, to)?;
                    }
                    self.give(now, e.origin.source, InputRef::Market(&e), to)?;
                    self.services.event(&e, &self.engine.view());
                }
            }
        }
        self.services.notices().try_for_each(|n| to.notice(&n)).map_err(EngineError::Record)
    }

    /// What comes before `time` and is no market event, in the order of time: results of jobs, then timers, then calls of services, then
    /// commands. Timers and services of `time` itself come after the events of then.
    #[cold]
    fn before(&mut self, time: Time, to: &mut impl Recorder) -> Result<(), EngineError> {
        loop {
            let clock = self.engine.clock();
            let next = [
                (self.done.front().map(|d| d.0).filter(|t| *t <= time), Next::Job),
                (self.engine.next_wakeup().filter(|t| *t < time), Next::Timer),
                (self.services.wakeup().filter(|t| *t < time), Next::Service),
                (self.commands.front().map(|c| c.0).filter(|t| *t <= time), Next::Command),
            ];
            let next = next.into_iter().filter_map(|(t, what)| Some((t?.max(clock), what)));
            // The first of equals.
            let Some((t, what)) = next.min_by_key(|x| x.0) else { return Ok(()) };
            // What was decided at the end of the instant before reaches the venue first.
            if self.engine.is_due() && t > clock && what != Next::Service {
                self.give(t, 0, InputRef::Clock, to)?;
            }
            match what {
                Next::Timer => self.give(t, 0, InputRef::Timer(WAKEUP), to)?,
                Next::Job => {
                    if let Some((_, done)) = self.done.pop_front() {
                        self.give(t, 0, InputRef::Job(&done), to)?;
                    }
                }
                Next::Command => {
                    if let Some((_, c)) = self.commands.pop_front() {
                        self.commanded += 1;
                        self.give(t, 0, InputRef::Command(&c), to)?;
                    }
                }
                Next::Service => {
                    self.services.tick(&self.engine.view_at(t));
                    if self.engine.is_due() && t > clock && self.services.wants() {
                        self.give(t, 0, InputRef::Clock, to)?;
                    }
                    self.serve(t, to)?;
                }
            }
        }
    }

    #[cold]
    fn report(&mut self, time: Time, source: u16, to: &mut impl Recorder) -> Result<(), EngineError> {
        let mut reports = std::mem::take(&mut self.reports);
        let result = reports.drain(..).try_for_each(|r| self.give(time, source, InputRef::Report(&r), to));
        self.reports = reports;
        result
    }

    /// Gives any input at a time that is not before the engine's clock.
    ///
    /// # Errors
    /// Whatever stops the run.
    pub fn give(
        &mut self,
        time: Time,
        source: u16,
        input: InputRef<'_>,
        to: &mut impl Recorder,
    ) -> Result<(), EngineError> {
        self.give_now(time, source, input, to)
    }

    /// The same, made part of its caller: a market event then goes to the engine in registers.
    #[inline(always)]
    fn give_now(
        &mut self,
        time: Time,
        source: u16,
        input: InputRef<'_>,
        to: &mut impl Recorder,
    ) -> Result<(), EngineError> {
        let venue_time = match input {
            InputRef::Market(e) => e.time,
            InputRef::Report(r) => r.time,
            _ => time,
        };
        let x = Given { seq: self.engine.seq() + 1, venue_time, received: time, source, input };
        let Self { engine, venue, effects, services, done, job_delay, .. } = self;
        let mut statement = None;
        give(engine, &x, effects, to, |effect, engine| {
            if !services.is_empty() {
                services.outgoing(&effect, &engine.view());
            }
            match effect {
                Effect::Submit(order) => venue.submit(order, &engine.view()),
                Effect::SubmitGroup(group) => venue.submit_group(group, &engine.view()),
                Effect::Replace(order, attempt) => venue.replace(order, attempt, &engine.view()),
                Effect::Cancel { order, time } => venue.cancel(order, time),
                Effect::Query => statement = venue.statement(),
                Effect::Start(job) => done.push_back((job.time.plus(*job_delay), job.run())),
                // Timers are asked for before every event; notices are for people who watch.
                Effect::Arm(..) | Effect::Notify(_) | Effect::Emit(_) => {}
            }
        })?;
        match statement {
            Some(theirs) => self.give(time, source, InputRef::Statement(&theirs), to),
            None => Ok(()),
        }
    }

    /// Gives an operator's command at the engine's present time.
    ///
    /// # Errors
    /// Whatever stops the run.
    pub fn command(&mut self, c: Command, to: &mut impl Recorder) -> Result<(), EngineError> {
        self.give(self.engine.clock(), 0, InputRef::Command(&c), to)
    }

    /// Ends the last instant.
    ///
    /// # Errors
    /// Whatever stops the run.
    pub fn finish(&mut self, to: &mut impl Recorder) -> Result<(), EngineError> {
        let now = self.engine.clock();
        while self.done.front().is_some_and(|d| d.0 <= now)
            && let Some((_, done)) = self.done.pop_front()
        {
            self.give(now, 0, InputRef::Job(&done), to)?;
        }
        self.give(self.engine.clock(), 0, InputRef::Clock, to)
    }

    /// Saves engine, venue and services.
    ///
    /// # Errors
    /// When a part cannot be saved.
    pub fn save(&mut self) -> Result<Vec<u8>, EngineError> {
        let state = (self.engine.save()?, self.venue.save()?, self.services.save()?, self.commanded);
        postcard::to_stdvec(&state).map_err(|e| EngineError::broken("backtest", e.to_string()))
    }

    /// Restores what [`Backtest::save`] gave, as [`Engine::load`] does, and gives what that has to say. Jobs that were running begin again. The
    /// sources then have to be skipped by [`Engine::events`].
    ///
    /// # Errors
    /// When the bytes are not a state of such a run.
    pub fn load(&mut self, bytes: &[u8]) -> Result<Vec<String>, EngineError> {
        let (engine, venue, services, commanded): (Vec<u8>, Vec<u8>, _, usize) =
            postcard::from_bytes(bytes).map_err(|e| EngineError::broken("backtest", e.to_string()))?;
        let mut messages = self.engine.load(&engine)?;
        self.venue.load(&venue)?;
        messages.extend(self.services.load(&services)?);
        self.commanded = commanded;
        self.commands.drain(..commanded.min(self.commands.len()));
        let due = |job: &Job| job.time.plus(self.job_delay);
        self.done = self.engine.running_jobs().iter().map(|job| (due(job), job.run())).collect();
        Ok(messages)
    }
}

/// What is not a market event and comes next.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Job,
    Timer,
    Service,
    Command,
}

/// Why a replay stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The engine cannot process an input.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An input leads to something else than it did.
    #[error("input {seq} led to {was:?}, and now to {is:?}")]
    Differs {
        /// Number of the input.
        seq: u64,
        /// The frame in the journal, when there is one.
        was: Option<Box<Frame>>,
        /// The frame of the replay, when there is one.
        is: Option<Box<Frame>>,
    },
    /// The snapshot that the engine was restored from belongs to another run.
    #[error(
        "at input {seq} the journal has the ledger hash {was:?}, and the snapshot {is:?}: it belongs to another run"
    )]
    Foreign {
        /// Number of the snapshot's input.
        seq: u64,
        /// The last hash in the journal up to there.
        was: Option<LedgerHash>,
        /// That of the last session in the snapshot.
        is: Option<LedgerHash>,
    },
    /// An effect cannot be written as text.
    #[error("effect: {0}")]
    Text(String),
}

/// The driver of replays: inputs come from a journal, effects are compared with those in it and carried out by nobody. An engine that was restored
/// from a snapshot goes on with the input after it, once the books at its last session close are found to be those of the journal. Effects that the torn
/// end of a journal has lost are not missed.
///
/// # Errors
/// The first input that cannot be processed or leads to something else, or a snapshot of another run.
pub fn replay(
    engine: &mut Engine,
    journal: impl Iterator<Item = Result<Frame, JournalError>>,
    to: &mut impl Recorder,
) -> Result<(), ReplayError> {
    let mut effects = Effects::new();
    let mut expected: VecDeque<Frame> = VecDeque::new();
    let (mut begun, mut closed) = (false, None);
    for frame in journal {
        match frame? {
            Frame::Config(_) => {}
            Frame::Input(x) if x.seq <= engine.seq() => {}
            Frame::Input(x) => {
                let seq = engine.seq();
                let is = engine.ledger().closed();
                if !begun && closed != is {
                    return Err(ReplayError::Foreign { seq, was: closed, is });
                }
                if let Some(is) = expected.pop_front() {
                    return Err(ReplayError::Differs { seq, was: None, is: Some(Box::new(is)) });
                }
                begun = true;
                let mut failed = None;
                give(engine, &x.lend(), &mut effects, to, |e, _| match Frame::of(&e) {
                    Ok(f) => expected.push_back(f),
                    Err(e) => failed = Some(e),
                })?;
                if let Some(e) = failed {
                    return Err(ReplayError::Text(e));
                }
            }
            was if begun => match expected.pop_front() {
                Some(is) if is == was => {}
                // The last frame of a whole journal is the hash at its end.
                None if was == Frame::Hash(engine.ledger().hash()) => {}
                is => {
                    let is = is.map(Box::new);
                    return Err(ReplayError::Differs { seq: engine.seq(), was: Some(Box::new(was)), is });
                }
            },
            Frame::Hash(hash) => closed = Some(hash),
            _ => {}
        }
    }
    Ok(())
}
