//! Exits that work at the broker as orders: sent with the order that opens a position, or beside a position that has none.

use smallvec::SmallVec;
use tradewind_core_types::{
    Adjust, Adjustment, ApprovedGroup, ApprovedOrder, Decision, Name, Order, OrderId, OrderKind, PreTrade, Price, Side,
    Stage, Step, Symbol, TimeInForce, Trail, WorkingOrder, approve,
};

use super::{Engine, State};
use crate::effect::{Effect, Effects, Emitted};
use crate::position::ExitsAs;

/// A take profit, a stop, or both.
type Kinds = SmallVec<[OrderKind; 2]>;
type Numbered = SmallVec<[(OrderId, OrderKind); 2]>;

impl Engine {
    /// The exits of a position that was entered at `price`. Only one that a single managed strategy wants, by a signal of one leg, has any: what several want
    /// is no one's to close, and half of a pair is a bet that nobody made.
    fn exits(&self, d: &Decision, long: bool, price: f64) -> Kinds {
        let p = &self.config.position;
        let mut found = Kinds::new();
        let mut wanted = d.contributions.iter().filter(|c| c.weight != 0.0);
        let (Some(c), None, ExitsAs::Orders) = (wanted.next(), wanted.next(), p.exits) else { return found };
        let mut strategies = self.pipeline.strategies.iter().zip(&self.state.standing);
        let Some((s, signals)) = strategies.find(|(s, _)| s.id == c.strategy) else { return found };
        let Some(signal) = signals.get(d.symbol).filter(|x| s.managed && x.legs.len() == 1) else { return found };
        // Away from the price where it costs the trader, as exchanges take prices.
        let level = |share: f64, up: bool| {
            let factor = if up { 1.0 + share } else { 1.0 - share };
            Price::from_f64(price * factor).ok().and_then(|p| p.to_tick(up))
        };
        if let Some(price) = signal.take_profit.or(p.take_profit).and_then(|x| level(x, long)) {
            found.push(OrderKind::Limit { price });
        }
        if let Some(x) = p.trailing_stop {
            let millionths = ((x * 1e6).round() as u32).clamp(1, 999_999);
            found.push(OrderKind::TrailingStop { trail: Trail::Millionths(millionths) });
        } else if let Some(trigger) = signal.stop_loss.or(p.stop_loss).and_then(|x| level(x, !long)) {
            found.push(OrderKind::Stop { trigger });
        }
        found
    }

    /// An order of this decision with its exits; only one that opens a position and works at once has any.
    pub(super) fn exits_with(&mut self, order: &ApprovedOrder, d: &mut Decision) -> Option<ApprovedGroup> {
        let sizing = d.sizing.filter(|s| s.held.is_zero() && s.working.is_zero())?;
        let own = order.order();
        let kinds = self.exits(d, own.side == Side::Buy, sizing.price.to_f64());
        if kinds.is_empty() {
            return None;
        }
        let numbered: Numbered = kinds.into_iter().zip(own.id.0 + 1..).map(|(k, n)| (OrderId(n), k)).collect();
        // Auctions and orders in dollars take none along, and neither does a limit that lies beyond them: they are set once it has filled.
        let group = order.clone().with_exits(&numbered).ok()?;
        d.checks.push(told(own, &numbered));
        numbered.iter().for_each(|(id, _)| self.state.known.records.ordered(*id, d));
        Some(group)
    }

    /// The exits of a position that has none, though it should, once nothing else works for its symbol.
    pub(super) fn protect(&mut self, d: &mut Decision) -> Option<ApprovedGroup> {
        let State { known, next_order, .. } = &self.state;
        let held = *known.ledger.portfolio().position(d.symbol)?;
        if self.config.position.exits != ExitsAs::Orders || known.working.of(d.symbol).next().is_some() {
            return None;
        }
        let (long, quantity) = (held.quantity.signum() > 0, held.quantity.abs());
        let kinds = self.exits(d, long, (held.cost.to_f64() / held.quantity.to_f64()).abs());
        let first = OrderId(*next_order);
        let order = Order {
            id: first,
            decision: d.id,
            time: known.clock,
            symbol: d.symbol,
            side: if long { Side::Sell } else { Side::Buy },
            quantity,
            kind: *kinds.first()?,
            tif: TimeInForce::Gtc,
        };
        let other = kinds.get(1).map(|k| (OrderId(first.0 + 1), *k));
        let numbered: Numbered = std::iter::once((first, order.kind)).chain(other).collect();
        let step = told(&order, &numbered);
        let State { known, kill_switch, next_order, .. } = &mut self.state;
        let others = self.pipeline.pretrade.iter_mut().map(|c| &mut **c);
        let checks = std::iter::once(kill_switch as &mut dyn PreTrade).chain(others);
        let approved = approve(order, checks, &known.view(), &mut d.checks).ok()?;
        let group = approved.or(other).ok()?;
        *next_order += numbered.len() as u64;
        numbered.iter().for_each(|(id, _)| known.records.ordered(*id, d));
        d.checks.push(step);
        Some(group)
    }

    /// Sends exits, and the order that they belong to.
    pub(super) fn submit_exits(&mut self, group: ApprovedGroup, out: &mut Effects) {
        for x in group.exits() {
            self.state.known.working.insert(WorkingOrder::exit(x.order().clone()));
            self.emit(Emitted::Order(x.order().clone()), out);
        }
        out.push(Effect::SubmitGroup(group));
    }

    /// An exit has filled. When nothing is held any more, the strategies that wanted it stay out, as after an exit that was decided.
    pub(super) fn exited(&mut self, order: OrderId, symbol: Symbol, side: Side) {
        let State { known, standing, positions, due, .. } = &mut self.state;
        if known.ledger.portfolio().position(symbol).is_some() {
            return;
        }
        let reason = format!("closed by order {}", order.0);
        for (s, signals) in self.pipeline.strategies.iter().zip(standing).filter(|(s, _)| s.managed) {
            if signals.contains(symbol) {
                positions.leave(s.id, symbol, side == Side::Sell, &reason);
            }
        }
        due.symbols.insert(symbol);
    }
}

/// The step that names exits.
fn told(order: &Order, exits: &[(OrderId, OrderKind)]) -> Step {
    let mut why = Adjustment::new(Adjust::Keep, "exits work as orders, of which one fills");
    for (id, kind) in exits {
        let (name, at) = match kind {
            OrderKind::TrailingStop { trail: Trail::Millionths(n) } => ("trailing_stop", f64::from(*n) / 1e6),
            OrderKind::Stop { trigger } => ("stop_loss", trigger.to_f64()),
            kind => ("take_profit", kind.limit().map_or(0.0, Price::to_f64)),
        };
        why = why.with("order", id.0 as f64).with(name, at);
    }
    Step { stage: Stage::PreTrade, plugin: Name::lit("exits"), adjustment: why, after: order.quantity.to_f64() }
}
