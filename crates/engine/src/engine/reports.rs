//! What a broker reports: each share is booked once, whoever reports it and in whatever order.

use tradewind_core_types::{
    BrokerReport, ExecutionId, Fill, OrderId, OrderReport, OrderState, Progress, Quantity, ReportKind, Said, Turn,
    WorkingOrder,
};

use super::executions::{Booked, Known};
use super::{Engine, State};
use crate::effect::{Effects, Emitted};
use crate::error::EngineError;
use crate::position::ExitsAs;

impl Engine {
    /// Books a report and passes on what was news.
    pub(super) fn report(&mut self, r: &BrokerReport, out: &mut Effects) -> Result<(), EngineError> {
        let State { known, next_order, kill_switch, .. } = &mut self.state;
        let (kind, now) = (r.said.kind(), known.clock);
        let state = match known.working.fillable(r.order) {
            Some(w) => w.state,
            None if r.order.0 < *next_order => OrderState::Filled,
            None => {
                if let Said::Progress(_) | Said::Executed(..) = r.said {
                    let reason = format!("the broker reports a fill of order {}, which was never sent", r.order.0);
                    kill_switch.disagree(reason, now);
                } else {
                    self.state.contradicted += 1;
                }
                return Ok(());
            }
        };
        match state.on(kind) {
            Turn::Book => match &r.said {
                Said::Progress(p) => self.progress(r, None, p, out)?,
                Said::Executed(id, p) => self.progress(r, Some(id), p, out)?,
                _ => {}
            },
            Turn::Amend => self.amend(r, state, out)?,
            Turn::Name => {
                if let (Said::Named(name), Some(w)) = (&r.said, known.working.fillable(r.order))
                    && w.broker.as_ref() != Some(name)
                {
                    w.broker = Some(name.clone());
                    self.note(r, state, out);
                }
            }
            Turn::Go(OrderState::Replaced) => self.replaced(r, out),
            Turn::Go(next) => self.go(r, next, out),
            Turn::Resume => {
                let next = known.working.get(r.order).map_or(state, WorkingOrder::at_work);
                self.go(r, next, out);
                if kind == ReportKind::ReplaceRejected {
                    self.not_replaced(r.order);
                }
            }
            Turn::Old if kind == ReportKind::ReplaceRejected => self.not_replaced(r.order),
            Turn::Old => {}
            Turn::Contradicts => {
                self.state.contradicted += 1;
                self.note(r, state, out);
            }
            Turn::Doubt => {
                let words = r.said.words().unwrap_or_default();
                kill_switch.disagree(format!("order {}: the broker says {kind:?}: {words}", r.order.0), now);
                self.note(r, state, out);
            }
        }
        Ok(())
    }

    /// An order goes to another state; its record follows.
    pub(super) fn go(&mut self, r: &BrokerReport, mut next: OrderState, out: &mut Effects) {
        let (order, time) = (r.order, r.time);
        // The order is among those on their way: the table lets no other one go on.
        if let Some(w) = self.state.known.working.get_mut(order) {
            if next == OrderState::Accepted {
                next = w.at_work();
            }
            w.state = next;
        }
        let record = match &r.said {
            Said::Accepted => OrderReport::Accepted { order, time },
            Said::Rejected(reason) => {
                self.finished(order);
                OrderReport::Rejected { order, time, reason: reason.clone() }
            }
            Said::Cancelled { filled } => {
                let Some(remaining) = self.ended(order, *filled) else { return };
                OrderReport::Cancelled { order, time, remaining }
            }
            Said::Expired { filled } => {
                let Some(remaining) = self.ended(order, *filled) else { return };
                OrderReport::Expired { order, time, remaining }
            }
            Said::Replaced { filled, .. } | Said::Filled { filled } => {
                self.ended(order, *filled);
                return self.note(r, next, out);
            }
            _ => return self.note(r, next, out),
        };
        self.emit(Emitted::Report(record, Default::default()), out);
    }

    #[cold]
    pub(super) fn note(&mut self, r: &BrokerReport, state: OrderState, out: &mut Effects) {
        let words = r.said.words().map(str::to_owned);
        let record = OrderReport::Noted { order: r.order, time: r.time, said: r.said.kind(), state, words };
        self.emit(Emitted::Report(record, Default::default()), out);
    }

    fn progress(
        &mut self,
        r: &BrokerReport,
        id: Option<&ExecutionId>,
        p: &Progress,
        out: &mut Effects,
    ) -> Result<(), EngineError> {
        let State { known, executions, repeated, .. } = &mut self.state;
        if id.is_some_and(|id| executions.get(id).is_some()) {
            *repeated += 1;
            return Ok(());
        }
        let Some(w) = known.working.fillable(r.order) else {
            // All of the order is booked already.
            *repeated += 1;
            id.inspect(|id| executions.set(id, Known::Unclear));
            return Ok(());
        };
        w.at_least(p.to);
        let parts = w.progress(p.from, p.to);
        if let Some(id) = id {
            let Progress { from, to, price, fee, .. } = *p;
            let whole = parts.as_slice() == [(from, to)];
            let booked = || Known::Booked(Box::new(Booked { order: w.order.clone(), from, to, price, fee }));
            executions.set(id, if whole { booked() } else { Known::Unclear });
        }
        if parts.is_empty() {
            *repeated += 1;
            return Ok(());
        }
        w.state = w.state.after_fill();
        let (symbol, side, most, exit) = (w.order.symbol, w.order.side, w.most(), w.exit);
        for (from, to) in parts {
            let (quantity, whole) = (to - from, p.to - p.from);
            // A part of what is reported pays its share of the fee, and the shares sum to the whole.
            let fee = p.fee.portion(to - p.from, whole) - p.fee.portion(from - p.from, whole);
            let (price, slippage_bps) = (p.price, p.slippage_bps);
            let fill = Fill { id: 0, order: r.order, time: r.time, symbol, side, quantity, price, fee, slippage_bps };
            let done = self.state.known.working.get_mut(r.order).is_some_and(|w| {
                w.remaining -= fill.signed();
                w.spent += fill.price * fill.quantity;
                // One that may have been replaced ends when that is known, and one in dollars by the broker's word.
                let done = w.remaining.is_zero() && !w.in_doubt() && (w.ended || w.dollars().is_none());
                if done && !w.state.is_terminal() {
                    w.state = OrderState::Filled;
                }
                done
            });
            if done {
                self.finished(r.order);
            }
            self.book(fill, out)?;
        }
        self.check_filled(r.order, most, p.to);
        self.check_spent(r.order);
        if exit {
            self.exited(r.order, symbol, side);
        }
        Ok(())
    }

    /// Books a fill under the next number.
    pub(super) fn book(&mut self, fill: Fill, out: &mut Effects) -> Result<(), EngineError> {
        let State { known, stale_at, .. } = &mut self.state;
        let fill = Fill { id: known.ledger.next_fill(), ..fill };
        let (symbol, last) = (fill.symbol, known.market.last(fill.symbol));
        let before = known.ledger.portfolio().totals().realised;
        let remaining = fill.signed() + known.working.get(fill.order).map_or(Quantity::ZERO, |w| w.remaining);
        known.records.filled(&fill, known.ledger.portfolio().quantity(symbol), remaining);
        known.ledger.fill(&fill, known.clock).map_err(|problem| EngineError::Ledger { time: known.clock, problem })?;
        // What is held is worth what the market says; our own price has slippage in it.
        if let Some(l) = last {
            known.ledger.mark(symbol, l.price);
        }
        if let (Some(most), Some(l)) = (self.config.kill_switch.too_old(), last) {
            *stale_at = (*stale_at).min(l.time.plus(most)).max(known.clock);
        }
        let realised = known.ledger.portfolio().totals().realised - before;
        self.emit(Emitted::Report(OrderReport::Filled(fill), realised), out);
        Ok(())
    }

    /// More filled than was ordered: what the broker holds is not what was decided.
    pub(super) fn check_filled(&mut self, order: OrderId, ordered: Quantity, filled: Quantity) {
        if filled > ordered {
            let reason = format!("order {}: the broker filled {filled} of {ordered} ordered", order.0);
            self.state.kill_switch.disagree(reason, self.state.known.clock);
        }
    }

    /// More spent than was approved of an order in dollars.
    fn check_spent(&mut self, order: OrderId) {
        let State { known, kill_switch, .. } = &mut self.state;
        if let Some(w) = known.working.fillable(order)
            && let Some(amount) = w.dollars().filter(|a| w.spent > *a)
        {
            let reason = format!("order {}: the broker's fills cost {} of {amount} ordered", order.0, w.spent);
            kill_switch.disagree(reason, known.clock);
        }
    }

    /// Nothing more comes of an order; gives whether that is news.
    pub(super) fn finished(&mut self, order: OrderId) -> bool {
        let State { known, making_way, closing, due, .. } = &mut self.state;
        // A closing order that is refused would be refused again and again: it waits for the next decision.
        let refused = known.working.get(order).is_some_and(|w| w.state == OrderState::Rejected);
        let Some(symbol) = known.working.end(order) else { return false };
        // Where exits are orders, what is held now may have none.
        let orders = self.managed && self.config.position.exits == ExitsAs::Orders;
        let bare = orders && known.working.of(symbol).next().is_none();
        let closed = (closing.remove(&symbol) || bare) && !refused;
        if making_way.remove(&symbol) || closed {
            due.symbols.insert(symbol);
        }
        true
    }

    /// An order has ended with this much filled in all; gives how much was not, if that is news. Fills that are still to be reported remain
    /// awaited, or they would be ordered again.
    fn ended(&mut self, order: OrderId, filled: Quantity) -> Option<Quantity> {
        let w = self.state.known.working.get_mut(order)?;
        if w.ended {
            return None;
        }
        w.ended = true;
        let unfilled = w.order.quantity - filled;
        w.expect(filled);
        if w.remaining.is_zero() {
            self.finished(order);
        }
        Some(unfilled)
    }
}
