//! The closing auction, the end of day orders, and corporate actions.

use tradewind_core_types::{BadInput, BrokerReport, CorporateAction, OrderKind, Side, Symbol, Time, TimeInForce, View};

use super::Exchange;
use super::book::Working;
use super::groups::tidy;
use super::prints::within;
use super::replace::replace;
use crate::matching::Terms;

impl Exchange {
    /// The closing auction, and the end of day orders.
    pub(super) fn on_close(
        &mut self,
        time: Time,
        view: &View<'_>,
        reports: &mut Vec<BrokerReport>,
    ) -> Result<(), BadInput> {
        let mut all: Vec<Working> = Vec::with_capacity(self.book.count);
        for orders in self.book.by_symbol.values_mut() {
            all.append(orders);
        }
        self.book.count = 0;
        // Sales first, so that they pay for purchases; then in the order of their numbers.
        all.sort_by_key(|w| (w.order.side == Side::Buy, w.order.id));
        for mut w in all {
            let due = time > w.order.time;
            let limit = match w.order.kind {
                OrderKind::MarketOnClose => Some(None),
                OrderKind::LimitOnClose { price } => Some(Some(price)),
                _ => None,
            };
            let mut done = false;
            if let (true, Some(limit)) = (due, limit) {
                let symbol = w.order.symbol;
                let printed = view.market.last(symbol).filter(|l| {
                    l.time > w.order.time
                        && self.session_open.is_none_or(|o| l.time >= o)
                        && !self.halted.contains(&symbol)
                });
                if let Some(close) = printed.map(|l| l.price).filter(|p| within(w.order.side, *p, limit)) {
                    let terms =
                        Terms { reference: close, volume: None, slips: true, quoted: false, limit, at_open: false };
                    // The auction's own volume is not in the data: caps and impact do not apply to it.
                    let slippage = &mut self.config.costs.slippage;
                    let (cap, impact) = (slippage.max_participation.take(), std::mem::take(&mut slippage.impact_bps));
                    let filled = self.fill(&mut w, terms, time, view, reports);
                    self.config.costs.slippage.max_participation = cap;
                    self.config.costs.slippage.impact_bps = impact;
                    done = filled?;
                }
            }
            let over = match w.order.tif {
                TimeInForce::Day | TimeInForce::Cls => due,
                TimeInForce::DayExtended => due && w.until.is_none(),
                // The session it was for has had no opening print; one decided in a session is for the next.
                TimeInForce::Opg => due && self.session_open.is_none_or(|o| o > w.order.time),
                TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok => false,
            };
            if done || due && !over {
                replace(&mut w, done, time, reports);
            }
            if !done && over {
                reports.push(w.expired(time));
                done = true;
            }
            if !done {
                self.book.push(w);
            }
        }
        // Numbers in each queue ascend, so that priority is that of submission.
        for q in self.book.by_symbol.values_mut() {
            q.sort_by_key(|w| w.order.id);
            let before = q.len();
            tidy(q, time, reports);
            self.book.count -= before - q.len();
        }
        Ok(())
    }

    pub(super) fn on_action(
        &mut self,
        symbol: Symbol,
        action: CorporateAction,
        time: Time,
        reports: &mut Vec<BrokerReport>,
    ) {
        match action {
            CorporateAction::Halt { halted: true } => {
                self.halted.insert(symbol);
            }
            CorporateAction::Halt { halted: false } => {
                self.halted.remove(&symbol);
            }
            // Prices and quantities of working orders no longer mean what they did.
            CorporateAction::Split { .. } => self.cancel_all(symbol, time, reports),
            CorporateAction::SymbolChange { to } => {
                self.delisted.remove(&to);
                if self.halted.remove(&symbol) {
                    self.halted.insert(to);
                }
                self.cancel_all(symbol, time, reports);
            }
            CorporateAction::Delisting { .. } => {
                self.delisted.insert(symbol);
                self.cancel_all(symbol, time, reports);
            }
            CorporateAction::Dividend { .. } => {}
        }
    }

    fn cancel_all(&mut self, symbol: Symbol, time: Time, reports: &mut Vec<BrokerReport>) {
        if let Some(orders) = self.book.of(symbol) {
            let gone = std::mem::take(orders);
            self.book.count -= gone.len();
            reports.extend(gone.iter().map(|w| w.cancelled(time)));
        }
    }
}
