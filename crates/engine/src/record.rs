//! What a run tells to whoever keeps it.

use tradewind_core_types::{Cash, Decision, Event, Order, OrderReport, Portfolio, Time};

use crate::ledger::LedgerHash;

/// The books and the plugins' metrics at a session close, after the session's fills and before its decisions.
#[derive(Debug)]
pub struct SessionRecord<'a> {
    /// The close.
    pub time: Time,
    /// What is owned.
    pub portfolio: &'a Portfolio,
    /// Values the plugins publish for charts: (plugin id, name, value).
    pub metrics: &'a [(&'static str, &'static str, f64)],
    /// The ledger's hash so far.
    pub hash: LedgerHash,
}

/// Keeps what happens; every method may be left empty.
pub trait Recorder {
    /// An event, before it is processed.
    ///
    /// # Errors
    /// A message, when it cannot be kept.
    #[inline]
    fn event(&mut self, _event: &Event) -> Result<(), String> {
        Ok(())
    }
    /// A decision, taken or not taken.
    ///
    /// # Errors
    /// A message, when it cannot be kept.
    fn decision(&mut self, _decision: &Decision) -> Result<(), String> {
        Ok(())
    }
    /// An approved order on its way to the broker.
    ///
    /// # Errors
    /// A message, when it cannot be kept.
    fn order(&mut self, _order: &Order) -> Result<(), String> {
        Ok(())
    }
    /// A broker's report that was new, with the profit or loss it realised before fees (zero unless it is a fill that reduces).
    ///
    /// # Errors
    /// A message, when it cannot be kept.
    fn report(&mut self, _report: &OrderReport, _realised: Cash) -> Result<(), String> {
        Ok(())
    }
    /// The end of a session.
    ///
    /// # Errors
    /// A message, when it cannot be kept.
    fn session(&mut self, _session: &SessionRecord<'_>) -> Result<(), String> {
        Ok(())
    }
}

/// Keeps nothing.
impl Recorder for () {}
