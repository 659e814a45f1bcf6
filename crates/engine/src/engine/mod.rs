//! The engine: state and one pure step. An input goes in, effects come out; one instant at a time, always in the same order.

mod checkpoint;
mod commands;
mod config;
mod events;
mod executions;
mod exits;
mod jobs;
mod known;
mod records;
mod replace;
mod reports;
mod trade;
mod watch;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Cash, ClientOrderId, FeatureValues, Invalid, JobId, Market, Metrics, Notice, OrderId, Quantity, Signals,
    StrategyRecords, Symbol, SymbolMap, Time, View, WorkingOrders,
};

use self::executions::Executions;
use self::jobs::{Learners, Pending};
use self::known::Known;
use crate::book::Book;
use crate::effect::{Effect, Effects, Emitted};
use crate::error::EngineError;
use crate::executor::Executor;
use crate::input::{Given, InputRef, TimerId};
use crate::kill_switch::{KillSwitch, goes_stale};
use crate::ledger::Ledger;
use crate::pipeline::{Pipeline, Standing};
use crate::position::PositionManager;
use crate::routing::{Renames, Routing};

pub use self::checkpoint::Point;
pub use self::config::{EngineConfig, OnBadInput, OrderStyle, Schedule};

/// Events a plugin could not use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedInput {
    /// How many.
    pub count: u64,
    /// The first problem.
    pub first: String,
}

/// Everything that is saved: the engine can be stopped after any input and go on from here.
#[derive(Serialize, Deserialize)]
struct State {
    /// Number of the last input.
    seq: u64,
    /// How many of the inputs were market events.
    events: u64,
    known: Known,
    trading_from: Time,
    standing: Standing,
    /// Whether any signal ever had several legs.
    pairs: bool,
    book: Book,
    due: Due,
    /// Symbols whose order a last look told to wait, with the time until which: decided again at their next price and at that time.
    waiting: SymbolMap<Time>,
    /// When the first of them has waited long enough.
    waits_until: Time,
    /// When the last price of something held becomes too old for the kill switch.
    stale_at: Time,
    /// The time for which the driver was asked for a timer.
    armed: Time,
    /// Symbols whose orders are being cancelled to make way: decided again when that is reported.
    making_way: BTreeSet<Symbol>,
    /// Symbols whose orders only close what is wanted on the other side: decided again when the last fill is reported.
    closing: BTreeSet<Symbol>,
    positions: PositionManager,
    executor: Executor,
    kill_switch: KillSwitch,
    /// How many changes of the kill switch were told.
    told: usize,
    /// What else is to be told, with the next effects.
    notices: Vec<Notice>,
    /// Observers that have failed, by name.
    taken_off: BTreeSet<String>,
    /// Jobs that are running.
    jobs: BTreeMap<JobId, Pending>,
    next_job: u64,
    /// When the next signal in force expires.
    next_expiry: Time,
    next_decision: u64,
    next_order: u64,
    renames: Renames,
    skipped: BTreeMap<String, SkippedInput>,
    /// Reports of fills that were booked before.
    repeated: u64,
    /// What the broker has named, for bounded memory.
    executions: Executions,
    /// Reports that contradict what was known of their orders and changed nothing.
    contradicted: u64,
    /// How many commands there were.
    commanded: u64,
    /// Ids of the last commands, oldest first.
    commands: VecDeque<String>,
    /// What commands have changed in the configuration: key and JSON text.
    changes: Vec<(String, String)>,
}

/// What the current instant has made due.
#[derive(Default, Serialize, Deserialize)]
struct Due {
    session_close: bool,
    symbols: BTreeSet<Symbol>,
}

/// The loop with its state.
pub struct Engine {
    config: EngineConfig,
    lot: Quantity,
    state: State,
    pipeline: Pipeline,
    routing: Routing,
    learners: Learners,
    /// Which observers are shown something.
    watching: Vec<bool>,
    /// Whether any strategy is managed.
    managed: bool,
    // Buffers, kept to save allocations.
    signals: Signals,
    published: FeatureValues,
}

/// The one timer of the engine itself.
pub(crate) const WAKEUP: TimerId = TimerId(0);

impl Engine {
    /// A run that starts with `cash` and trades from `trading_from` on; events before only warm the plugins up.
    ///
    /// # Errors
    /// All settings out of range.
    pub fn new(config: EngineConfig, mut pipeline: Pipeline, cash: Cash, trading_from: Time) -> Result<Self, Invalid> {
        config.check()?;
        pipeline.rules.sort_by_key(|r| r.phase());
        let ids: BTreeSet<_> = pipeline.strategies.iter().map(|s| s.id).collect();
        if ids.len() < pipeline.strategies.len() {
            return Err(Invalid::one("strategies", "two have the same name"));
        }
        let lot = Quantity::from_f64(config.lot).map_err(|e| Invalid::one("lot", e.to_string()))?;
        let standing = pipeline.strategies.iter().map(|_| SymbolMap::default()).collect();
        let known = Known {
            clock: Time::MIN,
            market: Market::default(),
            features: FeatureValues::default(),
            ledger: Ledger::new(trading_from, cash, config.rates),
            working: WorkingOrders::default(),
            in_session: None,
            records: StrategyRecords::new(pipeline.paper_cost),
        };
        let state = State {
            seq: 0,
            events: 0,
            known,
            trading_from,
            standing,
            pairs: false,
            book: Book::default(),
            due: Due::default(),
            waiting: SymbolMap::default(),
            waits_until: Time::MAX,
            stale_at: Time::MAX,
            armed: Time::MAX,
            making_way: BTreeSet::new(),
            closing: BTreeSet::new(),
            positions: PositionManager::default(),
            executor: Executor::default(),
            kill_switch: KillSwitch::new(&config.kill_switch, cash),
            told: 0,
            notices: Vec::new(),
            taken_off: BTreeSet::new(),
            jobs: BTreeMap::new(),
            next_job: 1,
            next_expiry: Time::MAX,
            next_decision: 1,
            next_order: 1,
            renames: Renames::default(),
            skipped: BTreeMap::new(),
            repeated: 0,
            executions: Executions::default(),
            contradicted: 0,
            commanded: 0,
            commands: VecDeque::new(),
            changes: Vec::new(),
        };
        let mut engine = Self {
            managed: pipeline.strategies.iter().any(|s| s.managed),
            config,
            lot,
            routing: Routing::default(),
            learners: Learners::default(),
            watching: Vec::new(),
            state,
            pipeline,
            signals: Vec::new(),
            published: FeatureValues::default(),
        };
        engine.follow();
        engine.settle();
        Ok(engine)
    }

    /// What follows from pipeline and state.
    fn settle(&mut self) {
        self.routing = Routing::new(&self.pipeline, &self.state.renames);
        self.learners = Learners::of(&mut self.pipeline);
        let on = |name: &String| !self.state.taken_off.contains(name);
        self.watching = self.pipeline.observers.iter().map(|o| on(&o.name)).collect();
    }

    /// The books.
    pub fn ledger(&self) -> &Ledger {
        &self.state.known.ledger
    }
    /// Number of the last input.
    #[inline]
    pub fn seq(&self) -> u64 {
        self.state.seq
    }
    /// How many market events have been processed.
    pub fn events(&self) -> u64 {
        self.state.events
    }
    /// The time reached.
    #[inline]
    pub fn clock(&self) -> Time {
        self.state.known.clock
    }
    /// The kill switch.
    pub fn kill_switch(&self) -> &KillSwitch {
        &self.state.kill_switch
    }
    /// Events that plugins could not use, by plugin.
    pub fn skipped(&self) -> &BTreeMap<String, SkippedInput> {
        &self.state.skipped
    }
    /// How many reports were of fills that had been booked before.
    pub fn repeated_fills(&self) -> u64 {
        self.state.repeated
    }
    /// How many reports contradicted what was known of their orders, and changed nothing.
    pub fn contradicted(&self) -> u64 {
        self.state.contradicted
    }
    /// The name of an order at a broker, when it is sent there for the first time. No such name enters the books.
    pub fn client_id(&self, order: OrderId) -> ClientOrderId {
        ClientOrderId::new(self.config.book.clone(), self.config.epoch, order)
    }
    /// The order that a broker calls so, if this run has sent it: names of other books and epochs are not ours.
    pub fn order_of(&self, id: &ClientOrderId) -> Option<OrderId> {
        let ours = id.book == self.config.book && id.epoch == self.config.epoch;
        (ours && (1..self.state.next_order).contains(&id.order.0)).then_some(id.order)
    }
    /// Whether it decides at session closes and has seen prices and no close: then it never decides anything.
    pub fn misses_closes(&self) -> bool {
        let priced = self.state.known.clock >= self.state.trading_from && self.state.events > 0;
        priced && self.config.schedule == Schedule::SessionClose && self.state.known.ledger.closed().is_none()
    }
    /// How many commands were given.
    pub fn commanded(&self) -> u64 {
        self.state.commanded
    }
    /// The view as of now.
    pub fn view(&self) -> View<'_> {
        self.state.known.view()
    }
    /// The view at a later instant of which nothing is known yet.
    #[inline]
    pub fn view_at(&self, now: Time) -> View<'_> {
        self.state.known.at(now)
    }
    /// Whether something is decided when the present instant ends. A driver that shows the market to a venue ends the instant first.
    #[inline]
    pub fn is_due(&self) -> bool {
        let State { due, known, next_expiry, trading_from, .. } = &self.state;
        known.clock >= *next_expiry || due.session_close || (!due.symbols.is_empty() && known.clock >= *trading_from)
    }

    /// When the engine wants to be woken, though nothing may happen: a signal expires, a price becomes too old, an order has waited long enough. A
    /// driver gives the timer as an input then; it is armed by an effect as well.
    #[inline]
    pub fn next_wakeup(&self) -> Option<Time> {
        let t = self.wakeup();
        (t < Time::MAX).then_some(t)
    }

    #[inline]
    fn wakeup(&self) -> Time {
        let State { next_expiry, waits_until, stale_at, .. } = &self.state;
        (*next_expiry).min(*waits_until).min(*stale_at)
    }

    /// Takes one input in and adds what follows from it to `out`. An input with a later time ends the instant before, and what that instant made
    /// due is decided first; `Clock` does only this.
    ///
    /// It is a function of state and input alone: no clock, no file, no broker.
    ///
    /// # Errors
    /// Whatever stops the run.
    #[inline(always)]
    pub fn step(&mut self, x: &Given<'_>, out: &mut Effects) -> Result<(), EngineError> {
        if x.seq != self.state.seq + 1 {
            return Err(EngineError::Sequence { seq: x.seq, expected: self.state.seq + 1 });
        }
        let (from, later) = (out.len(), x.received != self.state.known.clock);
        if later {
            self.advance(x, out)?;
        }
        self.state.seq = x.seq;
        match x.input {
            InputRef::Market(e) => self.market(e, out)?,
            InputRef::Report(r) => self.report(r, out)?,
            // The instant that it begins may still have events to come.
            InputRef::Clock if later => {}
            InputRef::Clock => self.end_instant(out)?,
            other => self.rare(other, out)?,
        }
        let wakeup = self.wakeup();
        if wakeup != self.state.armed {
            self.state.armed = wakeup;
            out.push(Effect::Arm(WAKEUP, wakeup));
        }
        if self.state.kill_switch.changes().len() != self.state.told || !self.state.notices.is_empty() {
            self.tell(out);
        }
        if !self.watching.is_empty() && out.len() > from {
            self.watched(from, out);
        }
        Ok(())
    }

    /// Changes of what may be traded, and whatever else a person should know.
    #[cold]
    fn tell(&mut self, out: &mut Effects) {
        let State { kill_switch, told, notices, .. } = &mut self.state;
        let changes = kill_switch.changes().iter().skip(*told).map(|(time, state, why)| Notice {
            time: *time,
            who: "kill switch".into(),
            text: format!("{}: {why}", state.as_str()),
        });
        out.extend(changes.chain(notices.drain(..)).map(Effect::Notify));
        *told = kill_switch.changes().len();
    }

    #[inline]
    fn advance(&mut self, x: &Given<'_>, out: &mut Effects) -> Result<(), EngineError> {
        let clock = self.state.known.clock;
        if x.received < clock {
            let origin = if let InputRef::Market(e) = x.input { e.origin } else { Default::default() };
            return Err(EngineError::Backwards { time: x.received, clock, origin });
        }
        self.end_instant(out)?;
        self.state.known.clock = x.received;
        Ok(())
    }

    /// The inputs that are no hot path.
    #[cold]
    fn rare(&mut self, input: InputRef<'_>, out: &mut Effects) -> Result<(), EngineError> {
        match input {
            InputRef::Command(c) => self.command(c, out),
            InputRef::Statement(theirs) => {
                self.reconcile(theirs);
                Ok(())
            }
            InputRef::Timer(_) => self.woken(out),
            InputRef::Job(done) => self.job_done(done),
            InputRef::Market(_) | InputRef::Report(_) | InputRef::Clock => Ok(()),
        }
    }

    /// The instant ends here, though no event has come: what has run out by now is acted on.
    fn woken(&mut self, out: &mut Effects) -> Result<(), EngineError> {
        let State { known, kill_switch, waiting, waits_until, stale_at, due, .. } = &mut self.state;
        let now = known.clock;
        if now >= *stale_at {
            kill_switch.age(&self.config.kill_switch, &known.view());
            *stale_at = goes_stale(&self.config.kill_switch, &known.view());
        }
        if now >= *waits_until {
            due.symbols.extend(waiting.entries().iter().filter(|(_, t)| *t <= now).map(|(s, _)| *s));
            *waits_until = waiting.values().copied().filter(|t| *t > now).min().unwrap_or(Time::MAX);
        }
        self.end_instant(out)
    }

    fn emit(&mut self, record: Emitted, out: &mut Effects) {
        out.push(Effect::Emit(record));
    }

    /// The broker's books against the ledger's.
    fn reconcile(&mut self, theirs: &[(Symbol, Quantity)]) {
        let State { known, kill_switch, .. } = &mut self.state;
        let portfolio = known.ledger.portfolio();
        let said = |s: Symbol| theirs.iter().filter(|x| x.0 == s).map(|x| x.1).sum::<Quantity>();
        let mut symbols: Vec<Symbol> = theirs.iter().map(|x| x.0).collect();
        symbols.sort();
        let ours = portfolio.positions().map(|p| p.symbol);
        let differs = ours.chain(symbols).find(|s| said(*s) != portfolio.quantity(*s));
        if let Some(s) = differs {
            let (a, b) = (said(s), portfolio.quantity(s));
            let reason = format!("the books do not agree: the broker holds {a} of {s}, the ledger {b}");
            kill_switch.disagree(reason, known.clock);
        }
    }

    fn close_session(&mut self, out: &mut Effects) -> Result<(), EngineError> {
        let State { known, kill_switch, stale_at, .. } = &mut self.state;
        let time = known.clock;
        known.ledger.close(time).map_err(|problem| EngineError::Ledger { time, problem })?;
        kill_switch.close(&self.config.kill_switch, &known.view());
        *stale_at = goes_stale(&self.config.kill_switch, &known.view());
        let level = kill_switch.state() as u8;
        let mut metrics = Vec::new();
        // Charted from the first time it is thrown on.
        if !kill_switch.changes().is_empty() {
            metrics.push(("kill_switch", "state", f64::from(level)));
        }
        let mut values = Metrics::new();
        self.pipeline.each(|p| {
            p.metrics(&mut values);
            metrics.extend(values.drain(..).map(|(name, v)| (p.id(), name, v)));
        });
        self.watched_metrics(&mut metrics);
        let Known { ledger, records, working, .. } = &mut self.state.known;
        records.keep_orders(|id| working.contains(id));
        let (profits, unassigned) = records.profits(ledger.portfolio());
        let hash = ledger.hash();
        self.emit(Emitted::Session { time, metrics, hash, profits, unassigned }, out);
        out.push(Effect::Query);
        Ok(())
    }

    /// Decides what the instant that ends has made due.
    #[inline]
    fn end_instant(&mut self, out: &mut Effects) -> Result<(), EngineError> {
        let now = self.state.known.clock;
        if now >= self.state.next_expiry {
            self.expire(now);
        }
        let due = &self.state.due;
        if !due.session_close && due.symbols.is_empty() {
            return Ok(());
        }
        self.tell_records();
        if now < self.state.trading_from {
            // What the warm-up made due stays due: signals that stand are acted on when trading begins.
            self.state.due.session_close = false;
            return Ok(());
        }
        let due = std::mem::take(&mut self.state.due);
        if due.session_close && self.config.schedule == Schedule::SessionClose {
            self.decide(None, out)
        } else if !due.symbols.is_empty() {
            self.decide(Some(due.symbols), out)
        } else {
            Ok(())
        }
    }

    /// Ends the signals whose time is over.
    fn expire(&mut self, now: Time) {
        let State { standing, due, next_expiry, .. } = &mut self.state;
        *next_expiry = Time::MAX;
        for signals in standing {
            signals.retain(|_, s| match s.expires {
                Some(t) if t <= now => {
                    if self.config.schedule == Schedule::Signal {
                        due.symbols.extend(s.legs.iter().map(|l| l.symbol));
                    }
                    false
                }
                Some(t) => {
                    *next_expiry = t.min(*next_expiry);
                    true
                }
                None => true,
            });
        }
    }
}
