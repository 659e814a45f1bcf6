//! Everything that can happen to an engine: each cause is one of these, stamped and recorded.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{BrokerReport, Event, Quantity, Symbol, Time};

use crate::command::Command;
use crate::job::JobDone;

/// Number of a timer that an engine has armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimerId(pub u32);

/// One cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// Something became known of the market.
    Market(Event),
    /// A broker said something of an order.
    Report(BrokerReport),
    /// The owner or an operator wants something.
    Command(Command),
    /// A timer went off.
    Timer(TimerId),
    /// Work outside the loop is done.
    Job(JobDone),
    /// Time has passed; the instant before is over.
    Clock,
    /// The broker's own books: what it says is held.
    Statement(Vec<(Symbol, Quantity)>),
}

/// An input with its place and time. [`crate::Engine::step`] sees nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// Number within the run, from 1 and without gaps.
    pub seq: u64,
    /// When it happened, by the clock of its source.
    pub venue_time: Time,
    /// When it counts: the engine's clock moves to it and never goes back. In a backtest, when it became known.
    pub received: Time,
    /// Which source gave it, by its number; for market events the number in their origin.
    pub source: u16,
    /// What happened.
    pub input: Input,
}
