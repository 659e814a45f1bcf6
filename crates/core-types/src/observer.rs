//! Watching a run.

use crate::decision::Decision;
use crate::order::Order;
use crate::plugin::Plugin;
use crate::portfolio::Portfolio;
use crate::report::OrderReport;
use crate::time::Time;

/// Something a run records.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    /// A decision, taken or not taken.
    Decision(&'a Decision),
    /// An order on its way to the broker.
    Order(&'a Order),
    /// A broker's report.
    Report(&'a OrderReport),
    /// The books at a session close.
    Session(Time, &'a Portfolio),
}

/// Watches a run; cannot change it.
pub trait Observer: Plugin {
    /// Sees a record.
    fn on_record(&mut self, record: Record<'_>);
}
