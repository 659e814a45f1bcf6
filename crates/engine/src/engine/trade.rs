//! From what is due to decisions, and from targets to orders.

use std::collections::BTreeSet;

use tradewind_core_types::{
    Adjust, Adjustment, Cash, Decision, Fixed, Name, Order, OrderId, OrderKind, Outcome, PreTrade, Price, Quantity,
    Side, Sizing, Stage, Step, Symbol, TimeInForce, Verdict, View, WorkingOrder, ZERO_CROSSING, approve,
};

use super::{Engine, EngineConfig, OrderStyle, State};
use crate::decide::{Desk, Scope, Target, targets, whole};
use crate::effect::{Effect, Effects, Emitted};
use crate::error::EngineError;

/// How often a decision on some symbols is begun anew with more of them, before it becomes one on all.
const MOST_ROUNDS: usize = 4;

impl Engine {
    pub(super) fn decide(&mut self, only: Option<BTreeSet<Symbol>>, out: &mut Effects) -> Result<(), EngineError> {
        let State { known, standing, pairs, book, positions, executor, kill_switch, due: next, .. } = &mut self.state;
        let view = known.view();
        let mut desk = Desk { config: &self.config, positions, executor, kill_switch, displaced: Vec::new() };
        let pairs = *pairs;
        let all_legs = |due: BTreeSet<Symbol>| if pairs { whole(standing, &due).unwrap_or(due) } else { due };
        let mut only = only.map(all_legs);
        let p = &mut self.pipeline;
        let (mut rounds, mut decided) = (0, Vec::new());
        let (all, partial) = loop {
            // Allocators must see all that strategies would hold, or they would weigh a part as if it were the whole. And where one thing
            // leads to another, everything is decided: without a restriction there is always an answer.
            let due = only.as_ref().filter(|_| p.allocators.is_empty() && rounds < MOST_ROUNDS);
            let working: Vec<Symbol> =
                if due.is_none() { view.working.iter().map(|w| w.order.symbol).collect() } else { Vec::new() };
            let scope = Scope { only: due, working: &working, pairs };
            match targets(p, standing, book, scope, &mut decided, &mut desk, &view) {
                Err(more) if due.is_some() => {
                    only = only.map(|o| all_legs(&o | &more));
                    rounds += 1;
                }
                _ => break (only.is_none() || rounds == MOST_ROUNDS, due.is_some()),
            }
        };
        // What makes positions smaller first: it pays for the rest. (Stable: then in the order of the symbols.)
        decided.sort_by_key(|t| t.weight.abs() > view.portfolio.weight(t.symbol).abs());
        let displaced = desk.displaced;
        if all {
            book.begin_anew();
        } else {
            next.symbols.extend(displaced);
            // Of what only allocators had to see, no more is traded than is due or touched by a rule.
            decided.retain(|t| only.as_ref().is_none_or(|o| o.contains(&t.symbol)) || !t.rules.is_empty());
        }
        decided.iter().for_each(|t| book.decide(t));
        book.end(all || partial);
        for t in decided {
            self.trade(t, out)?;
        }
        Ok(())
    }

    /// From a target to an order, or to the reason why there is none.
    fn trade(&mut self, mut t: Target, out: &mut Effects) -> Result<(), EngineError> {
        let id = self.state.next_decision;
        self.state.next_decision += 1;
        let State { known, kill_switch, next_order, closing, .. } = &mut self.state;
        let view = known.view();
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
            checks: Vec::with_capacity(1 + self.pipeline.pretrade.len()),
            outcome: Outcome::NotTraded(String::new()),
        };
        let own = || view.working.of(t.symbol);
        let pending: Quantity = own().map(WorkingOrder::to_come).sum();
        let (mut against, mut in_doubt, mut closes) = (None, false, false);
        let sized = size(&self.config, self.lot, pending, &view, &mut decision).and_then(|(side, quantity)| {
            // Exits make way for every change of the position.
            let exits = || own().filter(|w| w.exit && !w.ended);
            if let Some(first) = exits().next() {
                in_doubt = true;
                out.extend(exits().map(|w| Effect::Cancel { order: w.order.id, time: view.now }));
                return Err(format!(
                    "exits are working (from number {} on): they are cancelled first",
                    first.order.id.0
                ));
            }
            // Never both sides at once: what works against the new order is cancelled, and decided again when that is known.
            let sign = if side == Side::Buy { 1 } else { -1 };
            if own().any(|w| !w.ended && w.remaining.signum() == -sign) {
                against = Some((side, quantity));
                return Err(String::new());
            }
            if let Some(w) = own().find(|w| w.in_doubt()) {
                in_doubt = true;
                let number = w.order.id.0;
                return Err(format!("whether order {number} is replaced is not known yet: decided again then"));
            }
            let most = decision.sizing.map_or(quantity, |s| s.tradable().abs());
            if most < quantity {
                closes = true;
                decision.checks.push(only_closes(most, quantity));
            }
            if most.is_zero() {
                Err("the position is being closed: the rest is decided after the last fill".into())
            } else {
                Ok((side, most))
            }
        });
        closing.remove(&t.symbol);
        let order = match sized {
            Ok((side, quantity)) => {
                let (kind, tif) = match self.config.order_style {
                    OrderStyle::MarketOnClose => (OrderKind::MarketOnClose, TimeInForce::Cls),
                    OrderStyle::MarketOnOpen => (OrderKind::MarketOnOpen, TimeInForce::Opg),
                    OrderStyle::Market => (OrderKind::Market, TimeInForce::Gtc),
                    OrderStyle::Notional => in_dollars(side, quantity, &decision),
                    OrderStyle::Limit => limited(&self.config, side, &decision),
                };
                Order {
                    id: OrderId(*next_order),
                    decision: decision.id,
                    time: view.now,
                    symbol: t.symbol,
                    side,
                    quantity,
                    kind,
                    tif,
                }
            }
            Err(mut why) => {
                self.state.waiting.remove(t.symbol);
                if let Some((side, quantity)) = against {
                    why = self.make_way(&mut decision, side, quantity, out);
                } else if in_doubt {
                    self.state.making_way.insert(t.symbol);
                } else if closes {
                    self.state.closing.insert(t.symbol);
                }
                let exits = if closes { None } else { self.protect(&mut decision) };
                decision.outcome = Outcome::NotTraded(why);
                self.emit(Emitted::Decision(Box::new(decision)), out);
                if let Some(group) = exits {
                    self.submit_exits(group, out);
                }
                return Ok(());
            }
        };
        let at_market = matches!(order.kind, OrderKind::Market | OrderKind::Notional { .. });
        if at_market && view.in_session == Some(false) {
            let why = "outside market hours: it waits for the session's open";
            decision.checks.push(Step {
                stage: Stage::PreTrade,
                plugin: Name::lit("market_hours"),
                adjustment: Adjustment::new(Adjust::Keep, why),
                after: order.quantity.to_f64(),
            });
        }
        let switch: &mut dyn PreTrade = kill_switch;
        let others = self.pipeline.pretrade.iter_mut().map(|c| &mut **c);
        let checks = std::iter::once(switch).chain(others);
        match approve(order, checks, &view, &mut decision.checks) {
            Ok(approved) => {
                self.state.waiting.remove(decision.symbol);
                if closes {
                    self.state.closing.insert(decision.symbol);
                }
                decision.outcome = Outcome::Ordered(approved.order().id);
                let order = approved.order().clone();
                let group = self.exits_with(&approved, &mut decision);
                self.state.next_order += 1 + group.as_ref().map_or(0, |g| g.exits().len() as u64);
                self.state.known.working.insert(WorkingOrder::new(order.clone()));
                self.state.known.records.ordered(order.id, &decision);
                self.emit(Emitted::Decision(Box::new(decision)), out);
                self.emit(Emitted::Order(order), out);
                match group {
                    Some(group) => self.submit_exits(group, out),
                    None => out.push(Effect::Submit(approved)),
                }
                Ok(())
            }
            Err(verdict) => {
                let reason = decision.checks.last().map_or("", |s| s.adjustment.reason.as_ref());
                let now = self.state.known.clock;
                let since = self.state.waiting.get(decision.symbol).copied();
                let until = since.unwrap_or_else(|| now.plus(self.config.longest_wait()));
                let what = if verdict != Verdict::Wait {
                    "skipped"
                } else if now >= until {
                    "waited as long as it may, now skipped"
                } else {
                    "waits"
                };
                decision.outcome = Outcome::NotTraded(format!("{what}: {reason}"));
                if what == "waits" {
                    self.state.waiting.insert(decision.symbol, until);
                    self.state.waits_until = self.state.waits_until.min(until);
                } else {
                    self.state.waiting.remove(decision.symbol);
                }
                self.emit(Emitted::Decision(Box::new(decision)), out);
                Ok(())
            }
        }
    }
}

/// What makes a position larger, for its value at the price of the decision; what makes it smaller, in shares.
fn in_dollars(side: Side, quantity: Quantity, d: &Decision) -> (OrderKind, TimeInForce) {
    let sign = if side == Side::Buy { 1 } else { -1 };
    match d.sizing.filter(|s| (s.held + s.working).signum() * sign >= 0) {
        Some(s) => (OrderKind::Notional { amount: s.price * quantity }, TimeInForce::Day),
        None => (OrderKind::Market, TimeInForce::Gtc),
    }
}

/// A limit by the price of the decision, rounded to a tick that is not worse.
fn limited(config: &EngineConfig, side: Side, d: &Decision) -> (OrderKind, TimeInForce) {
    let tif = if config.extended_hours { TimeInForce::DayExtended } else { TimeInForce::Day };
    let share = 1e-4 * config.limit_bps * if side == Side::Buy { 1.0 } else { -1.0 };
    let exact = d.sizing.and_then(|s| Price::from_f64(s.price.to_f64() * (1.0 + share)).ok());
    match exact {
        Some(p) => (OrderKind::Limit { price: p.to_tick(side == Side::Sell).unwrap_or(p) }, tif),
        None => (OrderKind::Market, TimeInForce::Day),
    }
}

/// No order takes a position through zero: of this quantity only so much is ordered.
fn only_closes(most: Quantity, wanted: Quantity) -> Step {
    let most = most.to_f64();
    let why = "no order crosses zero: the position is closed, and the rest decided after the last fill";
    let adjustment = Adjustment::new(Adjust::Cap(most), why).with("wanted", wanted.to_f64());
    Step { stage: Stage::PreTrade, plugin: ZERO_CROSSING, adjustment, after: most }
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
            "a change of {} of equity is within the no-trade band of {}",
            Fixed(share, 5),
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
