//! From approved orders to orders sent.

use crate::approval::ApprovedOrder;
use crate::plugin::Plugin;
use crate::report::OrderReport;
use crate::time::Time;
use crate::view::View;

/// What an execution wants done now. Orders that it gives neither way it still holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outbox {
    /// Orders to be sent, in this order: what was approved, or children of it.
    pub send: Vec<ApprovedOrder>,
    /// Orders, or children of them, that will never be sent, each with the reason.
    pub drop: Vec<(ApprovedOrder, String)>,
}

/// Turns approved orders into child orders in time.
///
/// It cannot make an order, only pass on, divide ([`ApprovedOrder::split`]) and join ([`ApprovedOrder::net`]) those it was given.
pub trait Execution: Plugin {
    /// Takes approved orders: sends, holds or drops each.
    fn schedule(&mut self, orders: Vec<ApprovedOrder>, view: &View<'_>, out: &mut Outbox);
    /// Is called at the time of [`Execution::wakeup`].
    fn due(&mut self, view: &View<'_>, out: &mut Outbox);
    /// Sees what a broker reported of an order that it sent.
    fn reported(&mut self, _report: &OrderReport, _view: &View<'_>, _out: &mut Outbox) {}
    /// When it wants to be called next, though nothing may happen.
    fn wakeup(&self) -> Option<Time> {
        None
    }
}
