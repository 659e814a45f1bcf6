//! Everything that an engine can want: each consequence is one of these, and a driver carries it out.

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use tradewind_core_types::{
    ApprovedGroup, ApprovedOrder, Cash, Command, Decision, JobDone, JobId, LedgerHash, Notice, Obeyed, Order, OrderId,
    OrderReport, Portfolio, Record, SessionRecord, StrategyId, Task, Time,
};

use crate::input::TimerId;

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
    /// Send these orders to the broker, which hang together.
    SubmitGroup(ApprovedGroup),
    /// Ask the broker to replace the working order of this number by this one, under the name of this attempt ([`tradewind_core_types::ClientOrderId`]).
    /// Its quantity is the new total: what has filled before, or fills before the broker acts, counts towards it.
    Replace(ApprovedOrder, u8),
    /// Ask the broker for what is held: a statement is to come as an input, if the broker keeps books of its own.
    Query,
    /// Give the timer as an input at this time, in place of the time it was armed for before; never, when it is [`Time::MAX`].
    Arm(TimerId, Time),
    /// Have this work done, and give what comes of it as an input ([`crate::Input::Job`]).
    Start(Job),
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
    /// The record in it, if it is one; the books are those after the step.
    #[inline]
    pub fn record<'a>(&'a self, portfolio: &'a Portfolio) -> Option<Record<'a>> {
        Some(match self {
            Self::Emit(Emitted::Decision(d)) => Record::Decision(d),
            Self::Emit(Emitted::Order(o)) => Record::Order(o),
            Self::Emit(Emitted::Report(r, realised)) => Record::Report(r, *realised),
            Self::Emit(Emitted::Session { time, metrics, hash, profits, unassigned }) => {
                let (time, hash, unassigned) = (*time, *hash, *unassigned);
                Record::Session(SessionRecord { time, portfolio, metrics, hash, profits, unassigned })
            }
            Self::Emit(Emitted::Command(time, c, obeyed)) => Record::Command(*time, c, obeyed),
            Self::Notify(n) => Record::Notice(n),
            _ => return None,
        })
    }
}

/// Work to be done beside the run. The journal keeps its result and not its data: whoever replays makes them again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Job {
    /// Its number within the run.
    pub id: JobId,
    /// When it was asked for.
    pub time: Time,
    /// The plugin that wants it, by its name in the configuration.
    pub owner: String,
    /// The work and its data; written as their SHA-256, so that a replay finds other data.
    #[serde(serialize_with = "digest")]
    pub task: Task,
}

fn digest<S: Serializer>(task: &Task, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&LedgerHash(Sha256::digest(&task.data).into()))
}

impl Job {
    /// Does the work, here and now.
    pub fn run(&self) -> JobDone {
        JobDone { id: self.id, result: self.task.run().map_err(|e| e.to_string()) }
    }
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
