//! The loop: events in, decisions, orders, fills and books out. One instant at a time, always in the same order.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, Broker, Cash, CorporateAction, Decision, Event, FeatureValues, Invalid, Market,
    MarketData, Metrics, Name, Order, OrderId, OrderKind, OrderReport, Outcome, Price, Quantity, Record, Side, Signals,
    Sizing, Stage, StateError, Step, Symbol, Time, TimeInForce, Verdict, View, approve,
};

use crate::decide::{Target, targets, whole};
use crate::error::EngineError;
use crate::ledger::{Ledger, Rates};
use crate::merge::Merge;
use crate::pipeline::{Pipeline, Standing};
use crate::record::{Recorder, SessionRecord};

/// When targets are decided anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// At every session close, for all symbols.
    #[default]
    SessionClose,
    /// Whenever a signal is given, for the symbols it concerns.
    Signal,
}

/// How orders are placed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStyle {
    /// Market on close: at the next official close.
    #[default]
    MarketOnClose,
    /// Market on open: at the next opening price.
    MarketOnOpen,
    /// Market: at the next price.
    Market,
}

/// What to do when a plugin cannot use an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBadInput {
    /// Stop the run.
    #[default]
    Stop,
    /// Count it, go on, and report it at the end.
    Skip,
}

/// Settings of the loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// When targets are decided anew.
    pub schedule: Schedule,
    /// How orders are placed.
    pub order_style: OrderStyle,
    /// Smallest change of a weight (fraction of equity) worth trading, 0 to 0.5. Closing a position is always worth it.
    pub no_trade_band: f64,
    /// Smallest order in dollars, 0 to 1e6.
    pub min_notional: f64,
    /// Quantities are multiples of this many shares, 1e-9 to 1e6.
    pub lot: f64,
    /// What to do when a plugin cannot use an event.
    pub on_bad_input: OnBadInput,
    /// Interest and borrow rates.
    pub rates: Rates,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            schedule: Schedule::SessionClose,
            order_style: OrderStyle::MarketOnClose,
            no_trade_band: 0.01,
            min_notional: 1.0,
            lot: 1e-9,
            on_bad_input: OnBadInput::Stop,
            rates: Rates::default(),
        }
    }
}

impl EngineConfig {
    /// Checks ranges.
    ///
    /// # Errors
    /// All violations.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        bad.require((0.0..=0.5).contains(&self.no_trade_band), "no_trade_band", self.no_trade_band, "0 to 0.5");
        bad.require((0.0..=1e6).contains(&self.min_notional), "min_notional", self.min_notional, "0 to 1e6");
        bad.require((1e-9..=1e6).contains(&self.lot), "lot", self.lot, "1e-9 to 1e6");
        bad.absorb(self.rates.check().map_err(|e| e.under("rates")));
        bad.into_result(())
    }
}

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
    weights: Vec<(Symbol, f64)>,
    due: Due,
    working: BTreeMap<OrderId, Working>,
    /// Symbols whose order a last look told to wait: decided again at their next price.
    waiting: BTreeSet<Symbol>,
    /// Symbols whose orders are being cancelled to make way: decided again when that is reported.
    making_way: BTreeSet<Symbol>,
    /// When the next signal in force expires.
    next_expiry: Time,
    next_decision: u64,
    next_order: u64,
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

/// What is still to come of an order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Working {
    symbol: Symbol,
    /// With its sign: positive for buys.
    remaining: Quantity,
    /// Whether its end was reported before all of its fills were.
    ended: bool,
}

/// The loop with its state.
pub struct Engine<B> {
    config: EngineConfig,
    lot: Quantity,
    state: State,
    pipeline: Pipeline,
    broker: B,
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
        pipeline: Pipeline,
        broker: B,
        cash: Cash,
        trading_from: Time,
    ) -> Result<Self, Invalid> {
        config.check()?;
        let ids: BTreeSet<_> = pipeline.strategies.iter().map(|s| s.id).collect();
        if ids.len() < pipeline.strategies.len() {
            return Err(Invalid::one("strategies", "two have the same name"));
        }
        let lot = Quantity::from_f64(config.lot).map_err(|e| Invalid::one("lot", e.to_string()))?;
        let standing = pipeline.strategies.iter().map(|_| BTreeMap::new()).collect();
        let state = State {
            events: 0,
            clock: Time::MIN,
            trading_from,
            market: Market::default(),
            features: FeatureValues::default(),
            ledger: Ledger::new(trading_from, cash, config.rates),
            standing,
            weights: Vec::new(),
            due: Due::default(),
            working: BTreeMap::new(),
            waiting: BTreeSet::new(),
            making_way: BTreeSet::new(),
            next_expiry: Time::MAX,
            next_decision: 1,
            next_order: 1,
            skipped: BTreeMap::new(),
        };
        Ok(Self {
            config,
            lot,
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
        let State { standing, weights, due, .. } = &mut self.state;
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
        if let Ok(i) = weights.binary_search_by_key(&symbol, |w| w.0) {
            let (_, weight) = weights.remove(i);
            if let Some(to) = to
                && let Err(i) = weights.binary_search_by_key(&to, |w| w.0)
            {
                weights.insert(i, (to, weight));
            }
        }
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
                    if new && let Some(w) = self.state.working.get_mut(&f.order) {
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
                OrderReport::Accepted { order, .. } => self.state.working.contains_key(order),
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
        let Some(w) = self.state.working.remove(&order) else { return false };
        if self.state.making_way.remove(&w.symbol) {
            self.state.due.symbols.insert(w.symbol);
        }
        true
    }

    /// An order has ended with this much unfilled; gives whether that is news. Fills that are still to be reported remain awaited, or
    /// they would be ordered again.
    fn ended(&mut self, order: OrderId, unfilled: Quantity) -> bool {
        let Some(w) = self.state.working.get_mut(&order) else { return false };
        if w.ended {
            return false;
        }
        w.ended = true;
        w.remaining -= if w.remaining > Quantity::ZERO { unfilled } else { -unfilled };
        if w.remaining.is_zero() { self.finished(order) } else { true }
    }

    /// Shows an event to every plugin: features, then alphas, then everyone else.
    #[inline]
    fn show(&mut self, e: &Event) -> Result<(), EngineError> {
        let policy = self.config.on_bad_input;
        let State { market, features, ledger, skipped, standing, due, next_expiry, .. } = &mut self.state;
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
        for f in &mut self.pipeline.features {
            // A feature sees the values published before it, of this event too.
            let view = View { now: e.time, market, features, portfolio: ledger.portfolio() };
            let result = f.on_event(e, &view, &mut self.published);
            self.published.move_into(features);
            if let Err(problem) = result {
                bad(f.id(), problem)?;
            }
        }
        let view = View { now: e.time, market, features, portfolio: ledger.portfolio() };
        for (i, s) in self.pipeline.strategies.iter_mut().enumerate() {
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
                let old = standing[i].insert(signal.symbol(), signal);
                // Legs that the new signal no longer has must be decided too.
                if let Some(old) = old.filter(|s| on_signal && s.legs.len() > 1) {
                    due.symbols.extend(old.legs.iter().map(|l| l.symbol));
                }
            }
        }
        self.pipeline.each_observing(|p| match p.observe(e, &view) {
            Ok(()) => Ok(()),
            Err(problem) => bad(p.id(), problem),
        })
    }

    fn close_session(&mut self, time: Time, to: &mut impl Recorder) -> Result<(), EngineError> {
        self.state.ledger.close(time).map_err(|problem| EngineError::Ledger { time, problem })?;
        let mut metrics = Vec::new();
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
            // What the warm-up made due stays due: signals that stand are acted on when trading begins.
            self.state.due.session_close = false;
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

    fn decide(&mut self, only: Option<BTreeSet<Symbol>>, to: &mut impl Recorder) -> Result<(), EngineError> {
        let State { market, features, ledger, standing, weights, working, .. } = &self.state;
        let view = View { now: self.state.clock, market, features, portfolio: ledger.portfolio() };
        let working = || working.values().map(|w| w.symbol).collect::<Vec<_>>();
        let only = only.map(|o| whole(standing, &o).unwrap_or(o));
        // Allocators must see all that strategies would hold, or they would weigh a part as if it were the whole.
        let scope = only.as_ref().filter(|_| self.pipeline.allocators.is_empty());
        let needed = if scope.is_none() { working() } else { Vec::new() };
        let (decided, all) = match targets(&mut self.pipeline, standing, weights, scope, &needed, &view) {
            Some(t) => (t, only.is_none()),
            // A rule touched a symbol that was not due: decide everything. Without a restriction there is always an answer.
            None => (targets(&mut self.pipeline, standing, weights, None, &working(), &view).unwrap_or_default(), true),
        };
        if all {
            self.state.weights.clear();
        }
        for t in decided {
            // Of what only allocators had to see, no more is traded than is due or touched by a rule.
            if let Some(due) = &only
                && !all
                && !due.contains(&t.symbol)
                && t.rules.is_empty()
            {
                continue;
            }
            match self.state.weights.binary_search_by_key(&t.symbol, |w| w.0) {
                Ok(i) => self.state.weights[i].1 = t.weight,
                Err(i) => self.state.weights.insert(i, (t.symbol, t.weight)),
            }
            self.trade(t, to)?;
        }
        Ok(())
    }

    /// From a target to an order, or to the reason why there is none.
    fn trade(&mut self, mut t: Target, to: &mut impl Recorder) -> Result<(), EngineError> {
        let id = self.state.next_decision;
        self.state.next_decision += 1;
        let State { market, features, ledger, working, .. } = &self.state;
        let view = View { now: self.state.clock, market, features, portfolio: ledger.portfolio() };
        let equity = view.portfolio.equity();
        if equity <= Cash::ZERO && t.weight != 0.0 {
            // Whoever owns nothing risks nothing: what is held is closed.
            let why = Adjustment::new(Adjust::Veto, "no equity left to risk").with("equity", equity.to_f64());
            t.rules.push(Step { stage: Stage::Rule, plugin: Name::lit("equity"), adjustment: why, after: 0.0 });
            t.weight = 0.0;
        }
        let mut decision = Decision {
            id,
            time: view.now,
            symbol: t.symbol,
            contributions: t.contributions,
            rules: t.rules,
            weight: t.weight,
            sizing: None,
            checks: Vec::new(),
            outcome: Outcome::NotTraded(String::new()),
        };
        let own = || working.iter().filter(|(_, w)| w.symbol == t.symbol);
        let pending: Quantity = own().map(|(_, w)| w.remaining).sum();
        let mut makes_way = false;
        let sized = size(&self.config, self.lot, pending, &view, &mut decision).and_then(|(side, quantity)| {
            // Never both sides at once: what works against the new order is cancelled, and decided again when that is known.
            let sign = if side == Side::Buy { 1 } else { -1 };
            let against = || own().filter(|(_, w)| !w.ended && w.remaining.signum() == -sign);
            let Some((first, _)) = against().next() else { return Ok((side, quantity)) };
            let now = view.now;
            makes_way = true;
            against().for_each(|(id, _)| self.broker.cancel(*id, now));
            Err(format!("an order on the other side is working (number {}): it is cancelled first", first.0))
        });
        let order = match sized {
            Ok((side, quantity)) => {
                let (kind, tif) = match self.config.order_style {
                    OrderStyle::MarketOnClose => (OrderKind::MarketOnClose, TimeInForce::Cls),
                    OrderStyle::MarketOnOpen => (OrderKind::MarketOnOpen, TimeInForce::Opg),
                    OrderStyle::Market => (OrderKind::Market, TimeInForce::Gtc),
                };
                Order {
                    id: OrderId(self.state.next_order),
                    decision: decision.id,
                    time: view.now,
                    symbol: t.symbol,
                    side,
                    quantity,
                    kind,
                    tif,
                }
            }
            Err(why) => {
                if makes_way {
                    self.state.making_way.insert(t.symbol);
                }
                decision.outcome = Outcome::NotTraded(why);
                return self.keep(&decision, None, to);
            }
        };
        match approve(order, &mut self.pipeline.pretrade, &view, &mut decision.checks) {
            Ok(approved) => {
                decision.outcome = Outcome::Ordered(approved.order().id);
                let order = approved.order().clone();
                self.broker.submit(approved, &view);
                self.state.next_order += 1;
                let w = Working { symbol: order.symbol, remaining: order.signed(), ended: false };
                self.state.working.insert(order.id, w);
                self.keep(&decision, Some(&order), to)
            }
            Err(verdict) => {
                let reason = decision.checks.last().map_or("", |s| s.adjustment.reason.as_ref());
                let waits = verdict == Verdict::Wait;
                if waits && self.config.schedule == Schedule::Signal {
                    self.state.waiting.insert(decision.symbol);
                }
                let what = if waits { "waits" } else { "skipped" };
                decision.outcome = Outcome::NotTraded(format!("{what}: {reason}"));
                self.keep(&decision, None, to)
            }
        }
    }

    fn keep(&mut self, d: &Decision, order: Option<&Order>, to: &mut impl Recorder) -> Result<(), EngineError> {
        to.decision(d).map_err(EngineError::Record)?;
        if let Some(o) = order {
            to.order(o).map_err(EngineError::Record)?;
        }
        for watcher in &mut self.pipeline.observers {
            watcher.on_record(Record::Decision(d));
            if let Some(o) = order {
                watcher.on_record(Record::Order(o));
            }
        }
        Ok(())
    }

    /// The owner pays in or, negative, takes out.
    pub fn deposit(&mut self, time: Time, amount: Cash) {
        self.state.ledger.deposit(time, amount);
    }

    /// Saves everything: loop, books, broker, every plugin.
    ///
    /// # Errors
    /// When a part cannot be saved.
    pub fn save(&mut self) -> Result<Vec<u8>, EngineError> {
        let broker = self.broker.save()?;
        let plugins = self.pipeline.save()?;
        postcard::to_stdvec(&(&self.state, broker, plugins))
            .map_err(|e| StateError { who: "engine".into(), problem: e.to_string() }.into())
    }

    /// Restores what [`Engine::save`] gave, into an engine built from the same configuration. The sources then have to be skipped
    /// by [`Engine::events`].
    ///
    /// # Errors
    /// When the bytes are not a state of such an engine.
    pub fn load(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let broken = |problem: String| EngineError::State(StateError { who: "engine".into(), problem });
        let (state, broker, plugins): (State, Vec<u8>, PluginStates) =
            postcard::from_bytes(bytes).map_err(|e| broken(e.to_string()))?;
        if state.standing.len() != self.pipeline.strategies.len() {
            return Err(broken(format!(
                "{} strategies saved, {} here",
                state.standing.len(),
                self.pipeline.strategies.len()
            )));
        }
        self.pipeline.load(&plugins)?;
        self.broker.load(&broker)?;
        self.state = state;
        Ok(())
    }
}

/// The side and quantity to trade, or why nothing is traded. Notes the sizing in the decision.
fn size(
    config: &EngineConfig,
    lot: Quantity,
    working: Quantity,
    view: &View<'_>,
    d: &mut Decision,
) -> Result<(Side, Quantity), String> {
    let held = view.portfolio.quantity(d.symbol);
    let last = match view.market.last(d.symbol) {
        Some(l) if l.index => return Err(format!("{} is an index and cannot be traded", d.symbol)),
        Some(l) => *l,
        None => return Err(format!("no price of {} is known yet", d.symbol)),
    };
    let equity = view.portfolio.equity();
    let target = Sizing::quantity(d.weight, equity, last.price, lot).map_err(|e| e.to_string())?;
    let sizing = Sizing {
        equity,
        price: last.price,
        price_time: last.time,
        price_origin: last.origin,
        lot,
        target,
        held,
        working,
    };
    d.sizing = Some(sizing);
    let delta = sizing.delta();
    if delta.is_zero() {
        return Err(if target.is_zero() { "nothing wanted, nothing held" } else { "already held" }.into());
    }
    let change = notional(last.price, delta);
    let closing = target.is_zero();
    if !closing && change < config.no_trade_band * equity.to_f64() {
        let share = change / equity.to_f64();
        return Err(format!(
            "a change of {share:.5} of equity is within the no-trade band of {}",
            config.no_trade_band
        ));
    }
    if change < config.min_notional && !closing {
        return Err(format!("an order of {change:.2} is below the minimum of {}", config.min_notional));
    }
    Ok((if delta > Quantity::ZERO { Side::Buy } else { Side::Sell }, delta.abs()))
}

fn notional(price: Price, quantity: Quantity) -> f64 {
    (price * quantity).to_f64().abs()
}
