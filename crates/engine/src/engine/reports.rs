//! What a broker reports: each share is booked once, whoever reports it and in whatever order.

use tradewind_core_types::{BrokerReport, Fill, OrderId, OrderReport, Progress, Quantity, Said, Time};

use super::{Engine, State};
use crate::effect::{Effects, Emitted};
use crate::error::EngineError;

impl Engine {
    /// Books a report and passes on what was news.
    pub(super) fn report(&mut self, r: &BrokerReport, out: &mut Effects) -> Result<(), EngineError> {
        let (order, time) = (r.order, r.time);
        match &r.said {
            Said::Progress(p) => return self.progress(order, time, p, out),
            Said::Accepted => {
                if self.state.known.working.contains(order) {
                    self.emit(Emitted::Report(OrderReport::Accepted { order, time }, Default::default()), out);
                }
            }
            Said::Rejected(reason) => {
                if self.finished(order) {
                    let record = OrderReport::Rejected { order, time, reason: reason.clone() };
                    self.emit(Emitted::Report(record, Default::default()), out);
                }
            }
            Said::Cancelled { filled } => {
                if let Some(remaining) = self.ended(order, *filled) {
                    let record = OrderReport::Cancelled { order, time, remaining };
                    self.emit(Emitted::Report(record, Default::default()), out);
                }
            }
            Said::Expired { filled } => {
                if let Some(remaining) = self.ended(order, *filled) {
                    let record = OrderReport::Expired { order, time, remaining };
                    self.emit(Emitted::Report(record, Default::default()), out);
                }
            }
        }
        Ok(())
    }

    fn progress(&mut self, order: OrderId, time: Time, p: &Progress, out: &mut Effects) -> Result<(), EngineError> {
        let known = &mut self.state.known;
        let Some(w) = known.working.fillable(order) else {
            if order.0 >= self.state.next_order {
                let reason = format!("the broker reports a fill of order {}, which was never sent", order.0);
                self.state.kill_switch.disagree(reason, self.state.known.clock);
            } else {
                self.state.repeated += 1;
            }
            return Ok(());
        };
        let parts = w.progress(p.from, p.to);
        if parts.is_empty() {
            self.state.repeated += 1;
            return Ok(());
        }
        let (symbol, side, ordered) = (w.order.symbol, w.order.side, w.order.quantity);
        for (from, to) in parts {
            let (quantity, whole) = (to - from, p.to - p.from);
            // A part of what is reported pays its share of the fee, and the shares sum to the whole.
            let fee = p.fee.portion(to - p.from, whole) - p.fee.portion(from - p.from, whole);
            let known = &mut self.state.known;
            let before = known.ledger.portfolio().totals().realised;
            let fill = Fill {
                id: known.ledger.next_fill(),
                order,
                time,
                symbol,
                side,
                quantity,
                price: p.price,
                fee,
                slippage_bps: p.slippage_bps,
            };
            known.ledger.fill(&fill).map_err(|problem| EngineError::Ledger { time: known.clock, problem })?;
            // A report that comes late must not take the mark back to its price.
            if let Some(l) = known.market.last(symbol).filter(|l| l.time > time) {
                known.ledger.mark(symbol, l.price);
            }
            let realised = known.ledger.portfolio().totals().realised - before;
            let done = known.working.get_mut(order).is_some_and(|w| {
                w.remaining -= fill.signed();
                w.remaining.is_zero()
            });
            if done {
                self.finished(order);
            }
            self.emit(Emitted::Report(OrderReport::Filled(fill), realised), out);
        }
        if p.to > ordered {
            let reason = format!("order {}: the broker filled {} of {ordered} ordered", order.0, p.to);
            self.state.kill_switch.disagree(reason, self.state.known.clock);
        }
        Ok(())
    }

    /// Nothing more comes of an order; gives whether that is news.
    fn finished(&mut self, order: OrderId) -> bool {
        let State { known, making_way, due, .. } = &mut self.state;
        let Some(symbol) = known.working.end(order) else { return false };
        if making_way.remove(&symbol) {
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
        w.remaining -= if w.remaining > Quantity::ZERO { unfilled } else { -unfilled };
        if w.remaining.is_zero() {
            self.finished(order);
        }
        Some(unfilled)
    }
}
