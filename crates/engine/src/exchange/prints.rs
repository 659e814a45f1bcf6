//! Continuous trading and the opening auction: what one print fills.

use smallvec::SmallVec;
use tradewind_core_types::{
    BadInput, BrokerReport, Event, MarketData, OrderId, OrderKind, Price, Progress, RejectReason, Said, Side, Symbol,
    Time, TimeInForce, View,
};

use super::Exchange;
use super::book::Working;
use super::groups::{AllEntered, closable, entered, share, tidy};
use super::replace::replace;
use crate::matching::{Match, Terms, continuous};
use crate::trailing::trailing;

impl Exchange {
    /// Fills `w` on these terms as far as volume and money allow; gives whether the order is done.
    pub(super) fn fill(
        &mut self,
        w: &mut Working,
        terms: Terms,
        time: Time,
        view: &View<'_>,
        reports: &mut Vec<BrokerReport>,
    ) -> Result<bool, BadInput> {
        let order = &w.order;
        let mut most = w.live();
        if w.link.is_some_and(|l| l.exit) {
            most = most.min(closable(w, self.held(order.symbol, terms.reference, view).0));
            if most.is_zero() {
                let why = "nothing is held that it could close".into();
                reports.push(w.report(time, Said::Rejected(RejectReason::Other(why))));
                return Ok(true);
            }
        }
        let dollars = if let OrderKind::Notional { amount } = order.kind { Some(amount - w.spent) } else { None };
        if let Some(left) = dollars {
            most = terms.reference.bought_with(left);
        }
        let mut quantity = self.config.costs.slippage.fillable(most, terms.volume)?;
        let all = quantity == most;
        if quantity < w.remaining && order.tif == TimeInForce::Fok || quantity.is_zero() {
            return Ok(false);
        }
        let (mut price, mut bps) = if terms.slips {
            self.config.costs.slippage.price(terms.reference, order.side, quantity, terms.volume, terms.quoted)?
        } else {
            (terms.reference, 0.0)
        };
        if let Some(limit) = terms.limit {
            let beyond = if order.side == Side::Buy { price > limit } else { price < limit };
            if beyond {
                price = limit;
                let paid = limit.to_f64() / terms.reference.to_f64() - 1.0;
                bps = 1e4 * if order.side == Side::Buy { paid } else { -paid };
            }
        }
        if let Some(left) = dollars {
            quantity = quantity.min(price.bought_with(left));
            if quantity.is_zero() {
                return Ok(false);
            }
        }
        let fee = self.config.costs.commission.fee(order.side, quantity, price)?;
        let after = match self.after(order, quantity, price, fee, view) {
            Ok(after) => after,
            Err(reason) => {
                reports.push(w.report(time, Said::Rejected(reason)));
                return Ok(true);
            }
        };
        self.pending.gross = after.gross - view.portfolio.gross_value();
        self.pending.equity = after.equity - view.portfolio.equity();
        match self.pending.held.iter_mut().find(|h| h.0 == order.symbol) {
            Some(h) => (h.1, h.2) = (after.held, price),
            None => self.pending.held.push((order.symbol, after.held, price)),
        }
        let from = w.filled;
        w.filled += quantity;
        w.spent += price * quantity;
        w.remaining -= quantity;
        w.since = time;
        let progress = Progress { from, to: w.filled, price, fee, slippage_bps: bps };
        reports.push(w.report(time, Said::Progress(progress)));
        if dollars.is_some() {
            if all {
                reports.push(w.report(time, Said::Filled { filled: w.filled }));
            }
            return Ok(all);
        }
        if w.remaining.is_zero() && w.filled < w.order.quantity {
            // The other exit has filled the rest.
            reports.push(w.cancelled(time));
        }
        Ok(w.remaining.is_zero())
    }

    /// Continuous trading and the opening auction, against one print.
    pub(super) fn on_print(
        &mut self,
        symbol: Symbol,
        e: &Event,
        view: &View<'_>,
        reports: &mut Vec<BrokerReport>,
    ) -> Result<(), BadInput> {
        // Orders are for regular hours, unless they say otherwise; where the data never say when a session opens, every print counts.
        let after_hours = self.after_hours();
        if self.halted.contains(&symbol) || (after_hours && !self.extended(e, view)) {
            return Ok(());
        }
        let Some(orders) = self.book.of(symbol) else { return Ok(()) };
        let mut orders = std::mem::take(orders);
        let before = orders.len();
        let last = view.market.last(symbol).and_then(|l| l.bar);
        // What a print has set off as a stop has had its turn with it.
        let mut seen: SmallVec<[OrderId; 4]> = SmallVec::new();
        let mut fresh = AllEntered::new();
        // Stops before limits: when one bar reaches both, the loss is taken.
        for stops in [true, false] {
            let mut i = 0;
            while i < orders.len() {
                let w = &mut orders[i];
                let is_stop = matches!(
                    w.order.kind,
                    OrderKind::Stop { .. } | OrderKind::StopLimit { .. } | OrderKind::TrailingStop { .. }
                ) && !w.triggered;
                let asleep = after_hours && w.order.tif != TimeInForce::DayExtended;
                let spent = w.link.is_some() && w.live().is_zero();
                if asleep || spent || is_stop != stops || e.time <= w.order.time || seen.contains(&w.order.id) {
                    i += 1;
                    continue;
                }
                let (id, decided, filled, link) = (w.order.id, w.order.time, w.filled, w.link);
                let mut at_open = false;
                let done = match w.order.kind {
                    OrderKind::MarketOnClose | OrderKind::LimitOnClose { .. } => false,
                    OrderKind::MarketOnOpen | OrderKind::LimitOnOpen { .. } => {
                        // The order was here before the session opened, and its first print ends it: so this is that print.
                        self.session_open.is_some_and(|o| o > w.order.time)
                            && self.open_auction(w, last, e, view, reports)?
                    }
                    _ => match matched(w, decided, last, e) {
                        Match::None => immediate(w, e.time, reports),
                        Match::Trigger => {
                            w.triggered = true;
                            immediate(w, e.time, reports)
                        }
                        Match::Fill(terms) => {
                            w.triggered |= is_stop;
                            at_open = terms.at_open;
                            let time = if terms.at_open { self.opened(w, last, e, view) } else { e.time };
                            self.fill(w, terms, time, view, reports)? || immediate(w, e.time, reports)
                        }
                    },
                };
                let (more, set_off) = (w.filled - filled, stops && w.triggered);
                if let Some(link) = link.filter(|_| !more.is_zero() || set_off) {
                    share(&mut orders, link, id, more, e.time, reports);
                    if !link.exit && !more.is_zero() {
                        fresh.push(entered(link, decided, at_open));
                    }
                }
                if let Some(w) = orders.get_mut(i) {
                    replace(w, done, e.time, reports);
                }
                if done {
                    orders.remove(i);
                } else {
                    if set_off {
                        seen.push(id);
                    }
                    i += 1;
                }
            }
        }
        if !fresh.is_empty() {
            self.same_print(&mut orders, &fresh, last, e, view, reports)?;
        }
        tidy(&mut orders, e.time, reports);
        self.book.count -= before - orders.len();
        self.book.by_symbol.insert(symbol, orders);
        Ok(())
    }

    /// When a bar began, of which nothing but its end is given: the first of a session with the session, by the data or else by the calendar, and
    /// any other at the end of the one before. A fill at its open happened then, though it is known at its end.
    pub(super) fn opened(&self, w: &Working, last: Option<Time>, e: &Event, view: &View<'_>) -> Time {
        let first = |open: &Time| *open <= e.time && last.is_none_or(|t| t <= *open);
        let session = self.session_open.filter(first).or_else(|| view.session().map(|s| s.open).filter(first));
        session.or(last).unwrap_or(e.time).max(w.since)
    }

    /// The opening price of the first print of a session; without one the order expires.
    fn open_auction(
        &mut self,
        w: &mut Working,
        last: Option<Time>,
        e: &Event,
        view: &View<'_>,
        reports: &mut Vec<BrokerReport>,
    ) -> Result<bool, BadInput> {
        let (open, volume) = match &e.data {
            MarketData::Bar(b) => (b.open, b.volume),
            MarketData::Trade(t) => (Some(t.price), Some(t.size)),
            _ => return Ok(false),
        };
        let limit = if let OrderKind::LimitOnOpen { price } = w.order.kind { Some(price) } else { None };
        if let Some(open) = open.filter(|o| within(w.order.side, *o, limit)) {
            let terms = Terms { reference: open, volume, slips: true, quoted: false, limit, at_open: true };
            let is_bar = matches!(e.data, MarketData::Bar(_));
            let time = if is_bar { self.opened(w, last, e, view) } else { e.time };
            if self.fill(w, terms, time, view, reports)? {
                return Ok(true);
            }
        }
        reports.push(w.expired(e.time));
        Ok(true)
    }
}

/// What a print means for an order in continuous trading.
pub(super) fn matched(w: &mut Working, decided: Time, last: Option<Time>, e: &Event) -> Match {
    let side = w.order.side;
    match w.order.kind {
        // Once set off they are market orders.
        OrderKind::Stop { .. } | OrderKind::TrailingStop { .. } if w.triggered => {
            continuous(OrderKind::Market, side, true, decided, last, e)
        }
        OrderKind::Notional { .. } => continuous(OrderKind::Market, side, true, decided, last, e),
        OrderKind::TrailingStop { trail } => trailing(trail, side, &mut w.best, decided, last, e),
        kind => continuous(kind, side, w.triggered, decided, last, e),
    }
}

/// Whether a price is at the limit or better.
pub(super) fn within(side: Side, price: Price, limit: Option<Price>) -> bool {
    limit.is_none_or(|l| if side == Side::Buy { price <= l } else { price >= l })
}

/// Ends orders that live for one print only; gives whether it did.
fn immediate(w: &Working, time: Time, reports: &mut Vec<BrokerReport>) -> bool {
    let now = matches!(w.order.tif, TimeInForce::Ioc | TimeInForce::Fok);
    if now {
        reports.push(w.cancelled(time));
    }
    now
}
