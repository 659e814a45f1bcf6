//! Where approved orders go when no real broker is asked.

use tradewind_core_types::{
    ApprovedGroup, ApprovedOrder, BadInput, BrokerReport, Event, OrderId, Quantity, Snapshot, Symbol, Time, View,
};

/// A simulated broker: it takes orders, sees the market and reports. The driver makes inputs of its reports.
pub trait Venue: Snapshot + Send {
    /// Takes an order. What becomes of it is reported later, through [`Venue::on_event`].
    fn submit(&mut self, order: ApprovedOrder, view: &View<'_>);
    /// Takes orders that hang together, as [`ApprovedGroup`] says. Reports name each by its own number.
    fn submit_group(&mut self, group: ApprovedGroup, view: &View<'_>);
    /// Is asked to replace a working order by this one of the same number, under the name of this attempt. The quantity is the new total; until the
    /// venue says otherwise the terms before it hold, and it may fill by them.
    fn replace(&mut self, order: ApprovedOrder, attempt: u8, view: &View<'_>);
    /// Is asked to cancel an order.
    fn cancel(&mut self, order: OrderId, now: Time);
    /// Sees the market go on, before anyone decides on the event, and adds what there is to report.
    ///
    /// # Errors
    /// When the venue cannot go on.
    fn on_event(&mut self, event: &Event, view: &View<'_>, reports: &mut Vec<BrokerReport>) -> Result<(), BadInput>;
    /// What the venue says is held, where it keeps books of its own: compared with the ledger at every session close.
    fn statement(&self) -> Option<Vec<(Symbol, Quantity)>> {
        None
    }
}
