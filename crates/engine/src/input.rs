//! Everything that can happen to an engine: each cause is one of these, stamped and recorded.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{BrokerReport, Command, Event, JobDone, Quantity, Symbol, Time};

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
    /// Time has passed; the instant before is over.
    Clock,
    /// The broker's own books: what it says is held.
    Statement(Vec<(Symbol, Quantity)>),
    /// A job has ended.
    Job(JobDone),
}

/// The same cause, held by somebody else: what an engine is given, so that nothing is copied. Written as [`Input`] would be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename = "Input")]
pub enum InputRef<'a> {
    /// See [`Input::Market`].
    Market(&'a Event),
    /// See [`Input::Report`].
    Report(&'a BrokerReport),
    /// See [`Input::Command`].
    Command(&'a Command),
    /// See [`Input::Timer`].
    Timer(TimerId),
    /// See [`Input::Clock`].
    Clock,
    /// See [`Input::Statement`].
    Statement(&'a [(Symbol, Quantity)]),
    /// See [`Input::Job`].
    Job(&'a JobDone),
}

impl Input {
    /// Lends it.
    #[inline]
    pub fn lend(&self) -> InputRef<'_> {
        match self {
            Self::Market(e) => InputRef::Market(e),
            Self::Report(r) => InputRef::Report(r),
            Self::Command(c) => InputRef::Command(c),
            Self::Timer(t) => InputRef::Timer(*t),
            Self::Clock => InputRef::Clock,
            Self::Statement(s) => InputRef::Statement(s),
            Self::Job(done) => InputRef::Job(done),
        }
    }
}

/// An input with its place and time, as it is kept.
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

/// An input with its place and time, as it is given: see [`Stamped`] for the fields. [`crate::Engine::step`] sees nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename = "Stamped")]
pub struct Given<'a> {
    /// Number within the run, from 1 and without gaps.
    pub seq: u64,
    /// When it happened, by the clock of its source.
    pub venue_time: Time,
    /// When it counts.
    pub received: Time,
    /// Which source gave it.
    pub source: u16,
    /// What happened.
    pub input: InputRef<'a>,
}

impl Stamped {
    /// Lends it to an engine.
    pub fn lend(&self) -> Given<'_> {
        let Self { seq, venue_time, received, source, input } = self;
        Given { seq: *seq, venue_time: *venue_time, received: *received, source: *source, input: input.lend() }
    }
}
