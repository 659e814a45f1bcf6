//! The loop: events in, decisions, orders, fills and books out. One instant at a time, always in the same order.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    BadInput, Broker, Cash, CorporateAction, Decision, Event, FeatureValues, Invalid, Market, MarketData, Metrics,
    Order, OrderId, OrderKind, OrderReport, Outcome, Price, Quantity, Record, Side, Signal, Signals, Sizing,
    StateError, Symbol, Time, TimeInForce, Verdict, View, approve,
};

use crate::decide::{Target, targets};
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
    working: BTreeMap<OrderId, (Symbol, Quantity)>,
    next_decision: u64,
    next_order: u64,
    skipped: BTreeMap<String, SkippedInput>,
}

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
        if let CorporateAction::SymbolChange { .. } | CorporateAction::Delisting { .. } = action {
            for signals in &mut self.state.standing {
                signals.retain(|_, s| s.legs.iter().all(|l| l.symbol != symbol));
            }
        }
        Ok(())
    }

    /// Books the broker's reports.
    fn book(&mut self, time: Time, to: &mut impl Recorder) -> Result<(), EngineError> {
        for report in self.reports.drain(..) {
            let before = self.state.ledger.portfolio().totals().realised;
            let fresh = match &report {
                OrderReport::Filled(f) => {
                    let new = self.state.ledger.fill(f).map_err(|problem| EngineError::Ledger { time, problem })?;
                    if new && let Some((_, remaining)) = self.state.working.get_mut(&f.order) {
                        *remaining -= if f.side == Side::Buy { f.quantity } else { -f.quantity };
                        if remaining.is_zero() {
                            self.state.working.remove(&f.order);
                        }
                    }
                    new
                }
                OrderReport::Rejected { order, .. }
                | OrderReport::Cancelled { order, .. }
                | OrderReport::Expired { order, .. } => self.state.working.remove(order).is_some(),
                OrderReport::Accepted { .. } => true,
            };
            if fresh {
                let realised = self.state.ledger.portfolio().totals().realised - before;
                to.report(&report, realised).map_err(EngineError::Record)?;
                for o in &mut self.pipeline.observers {
                    o.on_record(Record::Report(&report));
                }
            }
        }
        Ok(())
    }

    /// Shows an event to every plugin: features, then alphas, then everyone else.
    #[inline]
    fn show(&mut self, e: &Event) -> Result<(), EngineError> {
        let policy = self.config.on_bad_input;
        let State { market, features, ledger, skipped, standing, due, .. } = &mut self.state;
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
                if self.config.schedule == Schedule::Signal {
                    due.symbols.extend(signal.legs.iter().map(|l| l.symbol));
                }
                stand(&mut standing[i], signal, &mut due.symbols);
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
        let due = &self.state.due;
        if !due.session_close && due.symbols.is_empty() {
            return Ok(());
        }
        let due = std::mem::take(&mut self.state.due);
        let now = self.state.clock;
        for signals in &mut self.state.standing {
            signals.retain(|_, s| s.expires.is_none_or(|t| t > now));
        }
        if now < self.state.trading_from {
            return Ok(());
        }
        match self.config.schedule {
            Schedule::SessionClose if due.session_close => self.decide(None, to),
            Schedule::Signal if !due.symbols.is_empty() => self.decide(Some(&due.symbols), to),
            _ => Ok(()),
        }
    }

    fn decide(&mut self, only: Option<&BTreeSet<Symbol>>, to: &mut impl Recorder) -> Result<(), EngineError> {
        let State { market, features, ledger, standing, weights, .. } = &self.state;
        let view = View { now: self.state.clock, market, features, portfolio: ledger.portfolio() };
        let (decided, all) = match targets(&mut self.pipeline, standing, weights, only, &view) {
            Some(t) => (t, only.is_none()),
            // A rule touched a symbol that was not due: decide everything. Without a restriction there is always an answer.
            None => (targets(&mut self.pipeline, standing, weights, None, &view).unwrap_or_default(), true),
        };
        if all {
            self.state.weights.clear();
        }
        for t in decided {
            match self.state.weights.binary_search_by_key(&t.symbol, |w| w.0) {
                Ok(i) => self.state.weights[i].1 = t.weight,
                Err(i) => self.state.weights.insert(i, (t.symbol, t.weight)),
            }
            self.trade(t, to)?;
        }
        Ok(())
    }

    /// From a target to an order, or to the reason why there is none.
    fn trade(&mut self, t: Target, to: &mut impl Recorder) -> Result<(), EngineError> {
        let id = self.state.next_decision;
        self.state.next_decision += 1;
        let State { market, features, ledger, working, .. } = &self.state;
        let view = View { now: self.state.clock, market, features, portfolio: ledger.portfolio() };
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
        let pending: Quantity = working.values().filter(|w| w.0 == t.symbol).map(|w| w.1).sum();
        let order = match size(&self.config, self.lot, pending, &view, &mut decision) {
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
                self.state.working.insert(order.id, (order.symbol, order.signed()));
                self.keep(&decision, Some(&order), to)
            }
            Err(verdict) => {
                let reason = decision.checks.last().map_or("", |s| s.adjustment.reason.as_ref());
                let what = if verdict == Verdict::Wait { "waits" } else { "skipped" };
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
        let (state, broker, plugins): (State, Vec<u8>, Vec<(String, Vec<u8>)>) =
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

/// Puts a signal in force. One that has lost a leg in common with another of its strategy takes its place.
fn stand(standing: &mut BTreeMap<Symbol, Signal>, signal: Signal, due: &mut BTreeSet<Symbol>) {
    let key = signal.symbol();
    if let Some(old) = standing.insert(key, signal) {
        // Legs the new signal no longer has must be decided too.
        if old.legs.len() > 1 && !due.is_empty() {
            due.extend(old.legs.iter().map(|l| l.symbol));
        }
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
    if equity <= Cash::ZERO && d.weight != 0.0 {
        return Err(format!("equity is {equity}: nothing can be risked"));
    }
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
