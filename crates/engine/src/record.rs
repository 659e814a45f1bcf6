//! What a run tells to whoever keeps it.

use tradewind_core_types::{
    Cash, Command, Decision, Notice, Obeyed, Order, OrderReport, Portfolio, Record, SessionRecord, Time,
};

use crate::effect::Effect;
use crate::input::Given;

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

/// Passes the record in an effect, if it is one, on to the method for it.
///
/// # Errors
/// A message, when it cannot be kept.
#[inline]
pub fn dispatch<R: Recorder + ?Sized>(to: &mut R, effect: &Effect, portfolio: &Portfolio) -> Result<(), String> {
    match effect.record(portfolio) {
        Some(Record::Decision(d)) => to.decision(d),
        Some(Record::Order(o)) => to.order(o),
        Some(Record::Report(r, realised)) => to.report(r, realised),
        Some(Record::Session(s)) => to.session(&s),
        Some(Record::Command(time, c, obeyed)) => to.command(time, c, obeyed),
        Some(Record::Notice(n)) => to.notice(n),
        None => Ok(()),
    }
}

/// Keeps nothing.
impl Recorder for () {}
