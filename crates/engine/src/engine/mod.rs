//! The loop: events in, decisions, orders, fills and books out. One instant at a time, always in the same order.

mod checkpoint;
mod config;
mod trade;
mod working;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    BadInput, Broker, Cash, CorporateAction, Event, FeatureValues, Invalid, Market, MarketData, Metrics, OrderId,
    OrderReport, Quantity, Record, Side, Signals, Symbol, SymbolMap, Time, View,
};

use crate::book::Book;
use crate::decide::rehearse;
use crate::error::EngineError;
use crate::executor::Executor;
use crate::kill_switch::{KillSwitch, TradingState};
use crate::ledger::Ledger;
use crate::merge::Merge;
use crate::pipeline::{Pipeline, Standing};
use crate::position::PositionManager;
use crate::record::{Recorder, SessionRecord};
use crate::routing::{Audience, Renames, Routing};

use self::working::WorkingOrders;

pub use self::config::{EngineConfig, OnBadInput, OrderStyle, Schedule};
/// Events a plugin could not use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedInput {
    /// How many.
    pub count: u64,
    /// The first problem.
    pub first: String,
}

/// Everything that is saved: the engine can be stopped after any event and go on from here.
#[derive(Serialize, Deserialize)]
struct State {
    events: u64,
    clock: Time,
    trading_from: Time,
    market: Market,
    features: FeatureValues,
    ledger: Ledger,
    standing: Standing,
    /// Whether any signal ever had several legs.
    pairs: bool,
    book: Book,
    due: Due,
    working: WorkingOrders,
    /// Symbols whose order a last look told to wait: decided again at their next price.
    waiting: BTreeSet<Symbol>,
    /// Symbols whose orders are being cancelled to make way: decided again when that is reported.
    making_way: BTreeSet<Symbol>,
    /// Whether a session is open, once one has opened or closed.
    in_session: Option<bool>,
    positions: PositionManager,
    executor: Executor,
    kill_switch: KillSwitch,
    /// When the next signal in force expires.
    next_expiry: Time,
    next_decision: u64,
    next_order: u64,
    renames: Renames,
    skipped: BTreeMap<String, SkippedInput>,
}

/// The saved states of all plugins, by id.
type PluginStates = Vec<(String, Vec<u8>)>;

/// What the current instant has made due.
#[derive(Default, Serialize, Deserialize)]
struct Due {
    session_close: bool,
    symbols: BTreeSet<Symbol>,
}

/// The loop with its state.
pub struct Engine<B> {
    config: EngineConfig,
    lot: Quantity,
    state: State,
    pipeline: Pipeline,
    routing: Routing,
    broker: B,
    /// Whether any strategy is managed.
    managed: bool,
    // Buffers, kept to save allocations.
    reports: Vec<OrderReport>,
    signals: Signals,
    published: FeatureValues,
}

impl<B: Broker> Engine<B> {
    /// A run that starts with `cash` and trades from `trading_from` on; events before only warm the plugins up.
    ///
    /// # Errors
    /// All settings out of range.
    pub fn new(
        config: EngineConfig,
        mut pipeline: Pipeline,
        broker: B,
        cash: Cash,
        trading_from: Time,
    ) -> Result<Self, Invalid> {
        config.check()?;
        pipeline.rules.sort_by_key(|r| r.phase());
        let ids: BTreeSet<_> = pipeline.strategies.iter().map(|s| s.id).collect();
        if ids.len() < pipeline.strategies.len() {
            return Err(Invalid::one("strategies", "two have the same name"));
        }
        let lot = Quantity::from_f64(config.lot).map_err(|e| Invalid::one("lot", e.to_string()))?;
        let standing = pipeline.strategies.iter().map(|_| SymbolMap::default()).collect();
        let state = State {
            events: 0,
            clock: Time::MIN,
            trading_from,
            market: Market::default(),
            features: FeatureValues::default(),
            ledger: Ledger::new(trading_from, cash, config.rates),
            standing,
            pairs: false,
            book: Book::default(),
            due: Due::default(),
            working: WorkingOrders::default(),
            waiting: BTreeSet::new(),
            making_way: BTreeSet::new(),
            in_session: None,
            positions: PositionManager::default(),
            executor: Executor::default(),
            kill_switch: KillSwitch::new(&config.kill_switch, cash),
            next_expiry: Time::MAX,
            next_decision: 1,
            next_order: 1,
            renames: Renames::default(),
            skipped: BTreeMap::new(),
        };
        Ok(Self {
            managed: pipeline.strategies.iter().any(|s| s.managed),
            config,
            lot,
            routing: Routing::new(&pipeline, &state.renames),
            state,
            pipeline,
            broker,
            reports: Vec::new(),
            signals: Vec::new(),
            published: FeatureValues::default(),
        })
    }

    /// The broker.
    pub fn broker(&self) -> &B {
        &self.broker
    }
    /// The books.
    pub fn ledger(&self) -> &Ledger {
        &self.state.ledger
    }
    /// How many events have been processed.
    pub fn events(&self) -> u64 {
        self.state.events
    }
    /// The time reached.
    pub fn clock(&self) -> Time {
        self.state.clock
    }
    /// The kill switch.
    pub fn kill_switch(&self) -> &KillSwitch {
        &self.state.kill_switch
    }
    /// The user throws the kill switch, or sets it back.
    pub fn set_trading(&mut self, state: TradingState, reason: &str) {
        self.state.kill_switch.set(state, reason, self.state.clock);
    }
    /// Events that plugins could not use, by plugin.
    pub fn skipped(&self) -> &BTreeMap<String, SkippedInput> {
        &self.state.skipped
    }
    /// The view as of now.
    pub fn view(&self) -> View<'_> {
        View {
            now: self.state.clock,
            market: &self.state.market,
            features: &self.state.features,
            portfolio: self.state.ledger.portfolio(),
        }
    }

    /// Processes all events of a merge (at most `limit`), then ends the last instant when the stream has ended.
    ///
    /// Gives whether the stream has ended.
    ///
    /// # Errors
    /// Whatever stops the run.
    pub fn run(&mut self, merge: &mut Merge, limit: Option<u64>, to: &mut impl Recorder) -> Result<bool, EngineError> {
        let mut left = limit.unwrap_or(u64::MAX);
        while left > 0 {
            match merge.next()? {
                Some(e) => self.process(&e, to)?,
                None => {
                    self.finish(to)?;
                    return Ok(true);
                }
            }
            left -= 1;
        }
        Ok(false)
    }

    /// Processes one event. When it begins a new instant, what the one before made due is decided first.
    ///
    /// # Errors
    /// Whatever stops the run.
    #[inline]
    pub fn process(&mut self, e: &Event, to: &mut impl Recorder) -> Result<(), EngineError> {
        if e.time != self.state.clock {
            if e.time < self.state.clock {
                return Err(EngineError::Backwards { time: e.time, clock: self.state.clock, origin: e.origin });
            }
            self.end_instant(to)?;
            self.state.clock = e.time;
        }
        self.state.events += 1;
        to.event(e).map_err(EngineError::Record)?;

        // What is owned changes before anyone decides: first the broker's reports, which know nothing later than this event.
        let view = View {
            now: e.time,
            market: &self.state.market,
            features: &self.state.features,
            portfolio: self.state.ledger.portfolio(),
        };
        self.broker
            .on_event(e, &view, &mut self.reports)
            .map_err(|problem| EngineError::Broker { time: e.time, problem })?;
        if !self.reports.is_empty() {
            self.book(e.time, to)?;
        }
        if let MarketData::CorporateAction(action) = &e.data {
            self.corporate_action(e, *action)?;
        }
        self.state.market.apply(e);
        if let (Some(symbol), Some(price)) = (e.symbol, e.mark()) {
            self.state.ledger.mark(symbol, price);
            if !self.state.waiting.is_empty() && self.state.waiting.remove(&symbol) {
                self.state.due.symbols.insert(symbol);
            }
        }
        self.show(e)?;
        if let (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(from)) = (&e.data, e.symbol) {
            self.state.renames.push(from, *to);
            self.routing = Routing::new(&self.pipeline, &self.state.renames);
        }
        self.watch(e);
        if matches!(e.data, MarketData::SessionClose) {
            self.state.due.session_close = true;
            if e.time >= self.state.trading_from {
                self.close_session(e.time, to)?;
            }
        }
        Ok(())
    }

    /// Ends the last instant.
    ///
    /// # Errors
    /// Whatever stops the run.
    pub fn finish(&mut self, to: &mut impl Recorder) -> Result<(), EngineError> {
        self.end_instant(to)
    }

    fn corporate_action(&mut self, e: &Event, action: CorporateAction) -> Result<(), EngineError> {
        let Some(symbol) = e.symbol else { return Ok(()) };
        self.state
            .ledger
            .action(e.time, symbol, action)
            .map_err(|problem| EngineError::Ledger { time: e.time, problem })?;
        let to = match action {
            CorporateAction::SymbolChange { to } => Some(to),
            CorporateAction::Delisting { .. } => None,
            _ => return Ok(()),
        };
        let State { standing, book, due, positions, executor, .. } = &mut self.state;
        executor.release(symbol);
        if let Some(to) = to {
            positions.rename(symbol, to);
        }
        let on_signal = self.config.schedule == Schedule::Signal;
        for signals in standing {
            signals.retain(|_, s| {
                let keep = s.legs.iter().all(|l| l.symbol != symbol);
                // What else the signal held has lost its reason.
                if !keep && on_signal {
                    due.symbols.extend(s.legs.iter().map(|l| l.symbol).filter(|l| *l != symbol));
                }
                keep
            });
        }
        if on_signal {
            due.symbols.remove(&symbol);
            due.symbols.extend(to);
        }
        book.rename(symbol, to);
        Ok(())
    }

    /// Books the broker's reports.
    fn book(&mut self, time: Time, to: &mut impl Recorder) -> Result<(), EngineError> {
        let mut reports = std::mem::take(&mut self.reports);
        for report in reports.drain(..) {
            let before = self.state.ledger.portfolio().totals().realised;
            let fresh = match &report {
                OrderReport::Filled(f) => {
                    let new = self.state.ledger.fill(f).map_err(|problem| EngineError::Ledger { time, problem })?;
                    // A report that comes late must not take the mark back to its price.
                    if new && let Some(l) = self.state.market.last(f.symbol).filter(|l| l.time > f.time) {
                        self.state.ledger.mark(f.symbol, l.price);
                    }
                    if new && let Some(w) = self.state.working.get_mut(f.order) {
                        w.remaining -= if f.side == Side::Buy { f.quantity } else { -f.quantity };
                        if w.remaining.is_zero() {
                            self.finished(f.order);
                        }
                    }
                    new
                }
                OrderReport::Rejected { order, .. } => self.finished(*order),
                OrderReport::Cancelled { order, remaining, .. } | OrderReport::Expired { order, remaining, .. } => {
                    self.ended(*order, *remaining)
                }
                OrderReport::Accepted { order, .. } => self.state.working.contains(*order),
            };
            if fresh {
                let realised = self.state.ledger.portfolio().totals().realised - before;
                to.report(&report, realised).map_err(EngineError::Record)?;
                for o in &mut self.pipeline.observers {
                    o.on_record(Record::Report(&report));
                }
            }
        }
        self.reports = reports;
        Ok(())
    }

    /// Nothing more comes of an order; gives whether that is news.
    fn finished(&mut self, order: OrderId) -> bool {
        let Some(w) = self.state.working.remove(order) else { return false };
        if self.state.making_way.remove(&w.symbol) {
            self.state.due.symbols.insert(w.symbol);
        }
        true
    }

    /// An order has ended with this much unfilled; gives whether that is news. Fills that are still to be reported remain awaited, or
    /// they would be ordered again.
    fn ended(&mut self, order: OrderId, unfilled: Quantity) -> bool {
        let Some(w) = self.state.working.get_mut(order) else { return false };
        if w.ended {
            return false;
        }
        w.ended = true;
        w.remaining -= if w.remaining > Quantity::ZERO { unfilled } else { -unfilled };
        if w.remaining.is_zero() { self.finished(order) } else { true }
    }

    /// Shows an event to every plugin that listens to it: features, then alphas, then everyone else.
    #[inline]
    fn show(&mut self, e: &Event) -> Result<(), EngineError> {
        if self.routing.is_empty() {
            return Ok(());
        }
        let Audience { features: first, alphas, others } = self.routing.audience(e);
        let policy = self.config.on_bad_input;
        let State { market, features, ledger, skipped, standing, pairs, due, next_expiry, .. } = &mut self.state;
        let mut bad = |plugin: &'static str, problem: BadInput| match policy {
            OnBadInput::Stop => Err(EngineError::Plugin { plugin, time: e.time, origin: e.origin, problem }),
            OnBadInput::Skip => {
                let s = skipped
                    .entry(plugin.to_owned())
                    .or_insert_with(|| SkippedInput { count: 0, first: format!("{}: {problem}", e.time) });
                s.count += 1;
                Ok(())
            }
        };
        for place in first {
            let Some(f) = self.pipeline.features.get_mut(*place as usize) else { continue };
            // A feature sees the values published before it, of this event too.
            let view = View { now: e.time, market, features, portfolio: ledger.portfolio() };
            let result = f.on_event(e, &view, &mut self.published);
            self.published.move_into(features);
            if let Err(problem) = result {
                bad(f.id(), problem)?;
            }
        }
        let view = View { now: e.time, market, features, portfolio: ledger.portfolio() };
        for place in alphas {
            let i = *place as usize;
            let Some(s) = self.pipeline.strategies.get_mut(i) else { continue };
            if let Err(problem) = s.alpha.on_event(e, &view, &mut self.signals) {
                bad(s.alpha.id(), problem)?;
            }
            for signal in self.signals.drain(..) {
                let on_signal = self.config.schedule == Schedule::Signal;
                if on_signal {
                    due.symbols.extend(signal.legs.iter().map(|l| l.symbol));
                }
                if let Some(t) = signal.expires {
                    *next_expiry = t.min(*next_expiry);
                }
                *pairs |= signal.legs.len() > 1;
                let old = standing[i].insert(signal.symbol(), signal);
                // Legs that the new signal no longer has must be decided too.
                if let Some(old) = old.filter(|s| on_signal && s.legs.len() > 1) {
                    due.symbols.extend(old.legs.iter().map(|l| l.symbol));
                }
            }
        }
        for place in others {
            let Some(p) = self.routing.seat(*place).and_then(|seat| self.pipeline.on(seat)) else { continue };
            if let Err(problem) = p.observe(e, &view) {
                bad(p.id(), problem)?;
            }
        }
        Ok(())
    }

    /// The position manager follows what is held; the hours are noted.
    #[inline]
    fn watch(&mut self, e: &Event) {
        match e.data {
            MarketData::SessionOpen => self.state.in_session = Some(true),
            MarketData::SessionClose => self.state.in_session = Some(false),
            _ => {}
        }
        if self.managed {
            let State { market, features, ledger, standing, positions, due, .. } = &mut self.state;
            let view = View { now: e.time, market, features, portfolio: ledger.portfolio() };
            let p = &self.config.position;
            positions.watch(p, e, &self.pipeline.strategies, standing, &view, &mut due.symbols);
        }
    }

    /// The broker's books against the ledger's.
    fn reconcile(&mut self, time: Time) {
        let Some(mut theirs) = self.broker.statement() else { return };
        theirs.sort_by_key(|x| x.0);
        let portfolio = self.state.ledger.portfolio();
        let said = |s: Symbol| theirs.iter().filter(|x| x.0 == s).map(|x| x.1).sum::<Quantity>();
        let ours = portfolio.positions().map(|p| p.symbol);
        let differs = ours.chain(theirs.iter().map(|x| x.0)).find(|s| said(*s) != portfolio.quantity(*s));
        if let Some(s) = differs {
            let (a, b) = (said(s), portfolio.quantity(s));
            let reason = format!("the books do not agree: the broker holds {a} of {s}, the ledger {b}");
            self.state.kill_switch.disagree(reason, time);
        }
    }

    fn close_session(&mut self, time: Time, to: &mut impl Recorder) -> Result<(), EngineError> {
        self.state.ledger.close(time).map_err(|problem| EngineError::Ledger { time, problem })?;
        self.reconcile(time);
        let State { market, features, ledger, kill_switch, .. } = &mut self.state;
        let view = View { now: time, market, features, portfolio: ledger.portfolio() };
        kill_switch.close(&self.config.kill_switch, &view);
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
        let portfolio = self.state.ledger.portfolio();
        to.session(&SessionRecord { time, portfolio, metrics: &metrics, hash: self.state.ledger.hash() })
            .map_err(EngineError::Record)?;
        for o in &mut self.pipeline.observers {
            o.on_record(Record::Session(time, portfolio));
        }
        Ok(())
    }

    /// Decides what the instant that ends has made due.
    #[inline]
    fn end_instant(&mut self, to: &mut impl Recorder) -> Result<(), EngineError> {
        let now = self.state.clock;
        if now >= self.state.next_expiry {
            self.expire(now);
        }
        let due = &self.state.due;
        if !due.session_close && due.symbols.is_empty() {
            return Ok(());
        }
        if now < self.state.trading_from {
            // What the warm-up made due stays due: signals that stand are acted on when trading begins. Filters and sizers that keep a
            // record of signals are asked all the same, so that it does not begin empty.
            if std::mem::take(&mut self.state.due.session_close) {
                let State { market, features, ledger, standing, .. } = &self.state;
                let view = View { now, market, features, portfolio: ledger.portfolio() };
                rehearse(&mut self.pipeline, standing, &view);
            }
            return Ok(());
        }
        let due = std::mem::take(&mut self.state.due);
        if due.session_close && self.config.schedule == Schedule::SessionClose {
            self.decide(None, to)
        } else if !due.symbols.is_empty() {
            self.decide(Some(due.symbols), to)
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

    /// The owner pays in or, negative, takes out.
    pub fn deposit(&mut self, time: Time, amount: Cash) {
        self.state.ledger.deposit(time, amount);
    }
}
