//! Orders that are replaced while they work: the same order under the next name, with other terms.

use tradewind_core_types::{
    ApprovedOrder, BrokerReport, Decision, Order, OrderId, OrderReport, OrderState, PreTrade, Quantity, Replacement,
    Said, Side, WorkingOrder, approve,
};

use super::{Engine, State};
use crate::effect::{Effect, Effects, Emitted};

impl Engine {
    /// Asks the broker to replace a working order; what it is replaced by has its number, see [`ApprovedOrder::in_place_of`].
    pub(super) fn replace(&mut self, by: ApprovedOrder, out: &mut Effects) {
        let Some(w) = self.state.known.working.get_mut(by.order().id) else { return };
        // Attempts that were refused have used their names.
        let last = w.replacement.as_ref().map_or(w.attempt, |r| r.attempt.max(w.attempt));
        let Some(attempt) = last.checked_add(1) else { return };
        w.replacement = Some(Box::new(Replacement { order: by.order().clone(), attempt, refused: false }));
        out.push(Effect::Replace(by, attempt));
    }

    /// A broker has replaced an order. By what was asked for, it goes on; by something else, it is over, and our books are in doubt.
    pub(super) fn replaced(&mut self, r: &BrokerReport, out: &mut Effects) {
        let Said::Replaced { filled, by } = r.said else { return };
        let State { known, making_way, due, kill_switch, .. } = &mut self.state;
        let Some(w) = known.working.get_mut(r.order) else { return };
        if by.is_some_and(|by| by <= w.attempt) {
            // It is known already.
            return;
        }
        if !by.is_some_and(|by| w.replaced(by)) {
            if let Some(by) = by {
                let reason =
                    format!("order {}: the broker has replaced it by attempt {by}, which was not asked for", r.order.0);
                kill_switch.disagree(reason, known.clock);
            }
            return self.go(r, OrderState::Replaced, out);
        }
        let (attempt, order) = (w.attempt, w.order.clone());
        // As much has filled by the terms before it as it was to have in all, or the last of it was reported first.
        if filled >= order.quantity {
            w.expect(filled);
        }
        let over = w.remaining.is_zero();
        if over {
            w.state = OrderState::Filled;
        }
        if making_way.remove(&order.symbol) {
            due.symbols.insert(order.symbol);
        }
        if over {
            self.finished(r.order);
        }
        let record = OrderReport::Replaced {
            order: r.order,
            time: r.time,
            attempt,
            quantity: order.quantity,
            kind: order.kind,
            tif: order.tif,
        };
        self.emit(Emitted::Report(record, Default::default()), out);
    }

    /// A broker goes on with the terms that an order has: what was to be changed is decided again.
    pub(super) fn not_replaced(&mut self, order: OrderId) {
        let State { known, making_way, due, .. } = &mut self.state;
        let Some(w) = known.working.get_mut(order) else { return };
        let Some(r) = w.replacement.as_mut().filter(|r| !r.refused) else { return };
        r.refused = true;
        let (symbol, over) = (w.order.symbol, w.remaining.is_zero());
        making_way.remove(&symbol);
        due.symbols.insert(symbol);
        if over {
            w.state = OrderState::Filled;
            self.finished(order);
        }
    }

    /// What works against a decision to trade `quantity` on `side` makes way: an order that is only too large is replaced by a smaller one where
    /// that is wanted and may be, others are cancelled. Gives why nothing else is traded now.
    pub(super) fn make_way(&mut self, d: &mut Decision, side: Side, quantity: Quantity, out: &mut Effects) -> String {
        let sign = if side == Side::Buy { -1 } else { 1 };
        let State { known, making_way, kill_switch, .. } = &mut self.state;
        let view = known.view();
        let against: Vec<&WorkingOrder> =
            view.working.of(d.symbol).filter(|w| !w.ended && w.remaining.signum() == sign).collect();
        if let [w] = against.as_slice()
            && self.config.replace
            && !w.in_doubt()
            && w.remaining.abs() > quantity
        {
            let rest =
                Order { decision: d.id, time: view.now, quantity: w.remaining.abs() - quantity, ..w.order.clone() };
            let others = self.pipeline.pretrade.iter_mut().map(|c| &mut **c);
            let checks = std::iter::once(kill_switch as &mut dyn PreTrade).chain(others);
            let smaller = approve(rest, checks, &view, &mut d.checks).ok();
            if let Some(by) = smaller.and_then(|a| a.in_place_of(&w.order, w.filled()).ok()) {
                let Order { id, quantity, .. } = by.order();
                let why = format!("order {} on the other side is too large: it is replaced by {quantity} in all", id.0);
                known.records.ordered(*id, d);
                self.replace(by, out);
                return why;
            }
        }
        making_way.insert(d.symbol);
        out.extend(against.iter().map(|w| Effect::Cancel { order: w.order.id, time: view.now }));
        let number = against.first().map_or(0, |w| w.order.id.0);
        format!("an order on the other side is working (number {number}): it is cancelled first")
    }
}
