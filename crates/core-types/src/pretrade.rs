//! The last look at an order.

use crate::adjust::Adjustment;
use crate::order::Order;
use crate::plugin::Plugin;
use crate::view::View;

/// What becomes of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send it.
    Send,
    /// Not now: decide again at the next opportunity.
    Wait,
    /// Not at all.
    Skip,
}

/// The last look at an order.
pub trait PreTrade: Plugin {
    /// Send, wait or skip, with the reason.
    fn check(&mut self, order: &Order, view: &View<'_>) -> (Verdict, Adjustment);
}
