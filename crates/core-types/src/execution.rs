//! From approved orders to orders sent.

use crate::approval::ApprovedOrder;
use crate::plugin::Plugin;
use crate::view::View;

/// Turns approved orders into child orders in time.
pub trait Execution: Plugin {
    /// Takes approved orders; gives those to be sent now.
    fn schedule(&mut self, orders: Vec<ApprovedOrder>, view: &View<'_>) -> Vec<ApprovedOrder>;
    /// Gives the orders that have become due.
    fn due(&mut self, view: &View<'_>) -> Vec<ApprovedOrder>;
}
