//! What a run tells to whoever keeps it.

use tradewind_core_types::{Cash, Decision, Order, OrderReport, Portfolio, StrategyId, Time};

use crate::command::{Command, Obeyed};
use crate::effect::{Effect, Emitted, Notice};
use crate::input::Given;
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
    /// Profit and loss so far by strategy, after fees.
    pub profits: &'a [(StrategyId, Cash)],
    /// The rest of it, of no strategy: hedges, interest, what is paid to borrow. All together are equity less deposits.
    pub unassigned: Cash,
}

/// Keeps what happens; every method may be left empty. The driver calls it: with each input before it is processed, with each effect before it
/// is carried out.
pub trait Recorder {
    /// An input, before it is processed.
    ///
    /// # Errors
    /// A message, when it cannot be kept.
    #[inline]
    fn input(&mut self, _input: &Given<'_>) -> Result<(), String> {
        Ok(())
    }
    /// An effect, before it is carried out. Passes records on to the methods below.
    ///
    /// # Errors
    /// A message, when it cannot be kept.
    #[inline]
    fn effect(&mut self, effect: &Effect, portfolio: &Portfolio) -> Result<(), String> {
        dispatch(self, effect, portfolio)
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
    /// An operator's command and what became of it.
    ///
    /// # Errors
    /// A message, when it cannot be kept.
    fn command(&mut self, _time: Time, _command: &Command, _obeyed: &Obeyed) -> Result<(), String> {
        Ok(())
    }
    /// Something a person should know.
    ///
    /// # Errors
    /// A message, when it cannot be kept.
    fn notice(&mut self, _notice: &Notice) -> Result<(), String> {
        Ok(())
    }
    /// Everything so far is to survive a crash: called after the effects of a step are kept and before they are carried out, when there are any
    /// that reach beyond the program.
    ///
    /// # Errors
    /// A message, when it cannot be made durable.
    fn sync(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// Passes the record in an effect on to the method for it.
///
/// # Errors
/// A message, when it cannot be kept.
#[inline]
pub fn dispatch<R: Recorder + ?Sized>(to: &mut R, effect: &Effect, portfolio: &Portfolio) -> Result<(), String> {
    match effect {
        Effect::Emit(Emitted::Decision(d)) => to.decision(d),
        Effect::Emit(Emitted::Order(o)) => to.order(o),
        Effect::Emit(Emitted::Report(r, realised)) => to.report(r, *realised),
        Effect::Emit(Emitted::Session { time, metrics, hash, profits, unassigned }) => {
            let (time, hash, unassigned) = (*time, *hash, *unassigned);
            to.session(&SessionRecord { time, portfolio, metrics, hash, profits, unassigned })
        }
        Effect::Emit(Emitted::Command(time, c, obeyed)) => to.command(*time, c, obeyed),
        Effect::Notify(n) => to.notice(n),
        _ => Ok(()),
    }
}

/// Keeps nothing.
impl Recorder for () {}
