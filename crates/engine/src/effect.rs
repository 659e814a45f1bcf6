//! Everything that an engine can want: each consequence is one of these, and a driver carries it out.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{ApprovedOrder, Cash, Decision, Order, OrderId, OrderReport, StrategyId, Time};

use crate::command::{Command, Obeyed};
use crate::input::TimerId;
use crate::ledger::LedgerHash;

/// One consequence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Effect {
    /// Send this order to the broker.
    Submit(ApprovedOrder),
    /// Ask the broker to cancel this order.
    Cancel {
        /// Which order.
        order: OrderId,
        /// When that was decided.
        time: Time,
    },
    /// Ask the broker for what is held: a statement is to come as an input, if the broker keeps books of its own.
    Query,
    /// Give the timer as an input at this time, in place of the time it was armed for before; never, when it is [`Time::MAX`].
    Arm(TimerId, Time),
    /// Tell a person.
    Notify(Notice),
    /// Keep this record.
    Emit(Emitted),
}

impl Effect {
    /// Whether it reaches beyond the program, so that what led to it must be durable before.
    pub fn is_outward(&self) -> bool {
        !matches!(self, Self::Emit(_) | Self::Arm(..))
    }
}

/// Something a person should know at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When.
    pub time: Time,
    /// The part that it is about.
    pub who: String,
    /// In words.
    pub text: String,
}

/// A record that belongs to nobody yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Emitted {
    /// A decision, taken or not taken.
    Decision(Box<Decision>),
    /// An approved order.
    Order(Order),
    /// A broker's report that was new, with the profit or loss it realised before fees.
    Report(OrderReport, Cash),
    /// The end of a session: values the plugins publish for charts, and the hash so far.
    Session {
        /// The close.
        time: Time,
        /// (plugin id, name, value)
        metrics: Vec<(&'static str, &'static str, f64)>,
        /// The ledger's hash so far.
        hash: LedgerHash,
        /// Profit and loss so far by strategy, after fees.
        profits: Vec<(StrategyId, Cash)>,
        /// The rest of it: of hedges, interest, what is paid to borrow.
        unassigned: Cash,
    },
    /// A command and what became of it.
    Command(Time, Box<Command>, Obeyed),
}

/// The effects of one step, in order.
pub type Effects = Vec<Effect>;
