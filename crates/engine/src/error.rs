//! What can stop a run.

use tradewind_core_types::{BadInput, Origin, StateError, Time};

/// Why a run stopped.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// A source failed.
    #[error("source {source_index}: {problem}")]
    Source {
        /// Which source, by its number.
        source_index: usize,
        /// What is wrong.
        problem: String,
    },
    /// Events came out of order.
    #[error("time goes backwards: an event of {time} came after {clock} (source {}, row {})", origin.source, origin.row)]
    Backwards {
        /// Time of the late event.
        time: Time,
        /// Time the run had reached.
        clock: Time,
        /// Where the event came from.
        origin: Origin,
    },
    /// An input is missing or came twice.
    #[error("input {seq} came where {expected} was expected")]
    Sequence {
        /// Its number.
        seq: u64,
        /// The number that is next.
        expected: u64,
    },
    /// A plugin could not use an event.
    #[error("{plugin} at {time} (source {}, row {}): {problem}", origin.source, origin.row)]
    Plugin {
        /// Which plugin.
        plugin: &'static str,
        /// When.
        time: Time,
        /// The event's origin.
        origin: Origin,
        /// What is wrong.
        problem: BadInput,
    },
    /// The books do not add up, or cannot take an entry.
    #[error("ledger at {time}: {problem}")]
    Ledger {
        /// When.
        time: Time,
        /// What is wrong.
        problem: BadInput,
    },
    /// The broker cannot go on.
    #[error("broker at {time}: {problem}")]
    Broker {
        /// When.
        time: Time,
        /// What is wrong.
        problem: BadInput,
    },
    /// State could not be saved or restored.
    #[error(transparent)]
    State(#[from] StateError),
    /// A record could not be written.
    #[error("record: {0}")]
    Record(String),
}

impl EngineError {
    /// A state that cannot be written or read.
    pub(crate) fn broken(who: &str, problem: String) -> Self {
        Self::State(StateError { who: who.into(), problem })
    }
}
