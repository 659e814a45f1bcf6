//! Replacements: an order keeps its terms until the next print of its symbol, or the next close, has had its chance to fill it by them.

use tradewind_core_types::{BrokerReport, Order, Said, Time, View};

use super::Exchange;
use super::book::{Replacement, Working};

impl Exchange {
    /// Takes the request down, or refuses it.
    pub(super) fn ask_replacement(&mut self, new: Order, attempt: u8, view: &View<'_>) {
        let report = |said| BrokerReport { order: new.id, time: new.time, said };
        let said = match self.no_replacement(&new, view) {
            Some(why) => Said::ReplaceRejected(why),
            None => Said::PendingReplace,
        };
        self.ready.push(report(said.clone()));
        if said == Said::PendingReplace
            && let Some(w) = self.book.find(new.id)
        {
            w.replacement = Some(Box::new(Replacement { order: new, attempt }));
        }
    }

    fn no_replacement(&mut self, new: &Order, view: &View<'_>) -> Option<String> {
        let Some(w) = self.book.find(new.id) else { return Some("the order does not work any more".into()) };
        if w.replacement.is_some() {
            return Some("another replacement is pending".into());
        }
        if let Err(e) = w.order.replaceable(new, w.filled) {
            return Some(e.to_string());
        }
        if w.link.is_some() {
            let same = new.quantity == w.order.quantity;
            return (!same).then(|| "an order of a group keeps its quantity".into());
        }
        let rest = Order { quantity: new.quantity - w.filled, ..new.clone() };
        self.refusal(&rest, view).map(|why| why.to_string())
    }
}

/// An event is over that could fill an order by its old terms: from here on the new ones hold, unless it is done or has filled too much.
pub(super) fn replace(w: &mut Working, done: bool, time: Time, reports: &mut Vec<BrokerReport>) {
    let Some(r) = w.replacement.take_if(|r| done || time > r.order.time) else { return };
    if done {
        reports.push(w.report(time, Said::ReplaceRejected("the order is done".into())));
        return;
    }
    if r.order.quantity <= w.filled {
        let why = format!("{} are wanted in all, and {} have filled", r.order.quantity, w.filled);
        reports.push(w.report(time, Said::ReplaceRejected(why)));
        return;
    }
    if w.link.is_none() {
        w.remaining = r.order.quantity - w.filled;
    }
    // What has happened so far is nothing to the new terms.
    w.order = Order { time, ..r.order };
    w.since = time;
    reports.push(w.report(time, Said::Replaced { filled: w.filled, by: Some(r.attempt) }));
}
