//! Orders that hang together: exits live by what their entry has filled, and by what the other one has left them.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use tradewind_core_types::{
    ApprovedGroup, BadInput, Bar, BrokerReport, Event, MarketData, OrderId, OrderKind, Quantity, RejectReason, Said,
    Time, View,
};

use super::Exchange;
use super::book::Working;
use super::prints::matched;
use crate::matching::Match;

/// What an order hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Link {
    /// The first order of its group.
    pub group: OrderId,
    /// Whether it closes.
    pub exit: bool,
    /// How much of it waits for the entry.
    pub held: Quantity,
    /// Whether it was said to work.
    pub works: bool,
}

/// An entry that a print has filled, a part of it or the rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entered {
    group: OrderId,
    /// When the entry was decided.
    decided: Time,
    /// Whether it filled when the bar began.
    at_open: bool,
}

pub(super) type AllEntered = SmallVec<[Entered; 1]>;

impl Exchange {
    /// Takes a group, or refuses all of it.
    pub(super) fn take_group(&mut self, group: &ApprovedGroup, view: &View<'_>) {
        let Some(first) = group.orders().next() else { return };
        let refused = self.refusal(first, view);
        for o in group.orders() {
            let exit = group.entry().is_none_or(|e| e.order().id != o.id);
            let waits = exit && group.entry().is_some();
            let said = match &refused {
                Some(reason) if o.id == first.id => Said::Rejected(reason.clone()),
                Some(_) => Said::Rejected(RejectReason::Other(format!("order {} is refused", first.id.0))),
                None if waits => Said::Held,
                None => Said::Accepted,
            };
            self.ready.push(BrokerReport { order: o.id, time: o.time, said });
            if refused.is_none() {
                let held = if waits { o.quantity } else { Quantity::ZERO };
                let best = view.market.last(o.symbol).map(|l| l.price);
                let link = Some(Link { group: first.id, exit, held, works: !waits });
                self.book.push(Working { link, ..Working::new(o.clone(), best) });
            }
        }
    }

    /// The stops of entries that this print has filled: what of the print may lie after the entry can set them off at once. Of a bar whose open filled the
    /// entry that is all of it, otherwise all but the open, and but the favourable extreme.
    pub(super) fn same_print(
        &mut self,
        orders: &mut Vec<Working>,
        entered: &AllEntered,
        last: Option<Time>,
        e: &Event,
        view: &View<'_>,
        reports: &mut Vec<BrokerReport>,
    ) -> Result<(), BadInput> {
        for x in entered {
            let mut i = 0;
            while let Some(w) = orders.get_mut(i) {
                i += 1;
                let Some(link) = w.link.filter(|l| l.group == x.group && l.exit) else { continue };
                if matches!(w.order.kind, OrderKind::Limit { .. }) || w.live().is_zero() {
                    continue;
                }
                let after = match &e.data {
                    MarketData::Bar(b) if !x.at_open => {
                        let sells = w.order.signed() < Quantity::ZERO;
                        let (high, low) = if sells { (None, b.low) } else { (b.high, None) };
                        Event { data: MarketData::Bar(Bar { open: None, high, low, ..*b }), ..e.clone() }
                    }
                    _ => e.clone(),
                };
                let filled = w.filled;
                let mut done = false;
                match matched(w, x.decided, last, &after) {
                    Match::None => {}
                    Match::Trigger => w.triggered = true,
                    Match::Fill(terms) => {
                        w.triggered = true;
                        let time = if terms.at_open { self.opened(w, last, e, view) } else { e.time };
                        done = self.fill(w, terms, time, view, reports)?;
                    }
                }
                let (id, more) = (w.order.id, w.filled - filled);
                if done {
                    i -= 1;
                    orders.remove(i);
                }
                share(orders, link, id, more, e.time, reports);
            }
        }
        Ok(())
    }
}

/// An order of a group was matched and has filled so much more: an entry gives it to its exits, an exit takes it from the other one. Neither uses any more
/// of this print.
pub(super) fn share(
    orders: &mut [Working],
    by: Link,
    id: OrderId,
    more: Quantity,
    time: Time,
    reports: &mut Vec<BrokerReport>,
) {
    let price = reports.iter().rev().find_map(|r| if let Said::Progress(p) = &r.said { Some(p.price) } else { None });
    for w in orders {
        let Some(link) = w.link.as_mut().filter(|l| l.group == by.group && l.exit && w.order.id != id) else {
            continue;
        };
        if !by.exit && !more.is_zero() {
            link.held -= more.min(link.held);
            let first = !std::mem::replace(&mut link.works, true);
            w.order.time = time;
            if first {
                w.best = price.or(w.best);
                reports.push(w.report(time, Said::Accepted));
            }
        } else if by.exit {
            w.remaining -= more.min(w.remaining);
            link.held = link.held.min(w.remaining);
            w.order.time = w.order.time.max(time);
        }
    }
}

/// An entry was matched: what its stops have to look at.
pub(super) fn entered(link: Link, decided: Time, at_open: bool) -> Entered {
    Entered { group: link.group, decided, at_open }
}

/// What waits for an entry that is over, is over too; and an exit of which nothing is left ends.
pub(super) fn tidy(orders: &mut Vec<Working>, time: Time, reports: &mut Vec<BrokerReport>) {
    if orders.iter().all(|w| w.link.is_none()) {
        return;
    }
    let entries: SmallVec<[OrderId; 4]> =
        orders.iter().filter_map(|w| w.link.filter(|l| !l.exit).map(|l| l.group)).collect();
    for w in orders.iter_mut() {
        if let Some(link) = w.link.as_mut().filter(|l| l.exit && !entries.contains(&l.group)) {
            w.remaining -= link.held;
            link.held = Quantity::ZERO;
        }
    }
    orders.retain(|w| {
        let over = w.link.is_some() && w.remaining.is_zero();
        if over {
            reports.push(w.cancelled(time));
        }
        !over
    });
}

/// How much of a position on the other side an exit can close.
pub(super) fn closable(w: &Working, held: Quantity) -> Quantity {
    let against = if w.order.signed() < Quantity::ZERO { held } else { -held };
    against.max(Quantity::ZERO)
}
