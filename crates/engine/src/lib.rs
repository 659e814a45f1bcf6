//! The deterministic engine: inputs in, effects out; decision pipeline, ledger, journal, and a simulated exchange as a venue.
//!
//! Synchronous and without I/O: time, seeds and data come in as arguments. Backtest, replay, paper and live differ only in their driver
//! ([`give`] is their contract). The engine names no plugin: it composes the roles of `tradewind-core-types`.

mod book;
pub mod builtin;
mod costs;
mod decide;
mod driver;
mod effect;
mod engine;
mod error;
mod exchange;
mod executor;
mod explain;
mod input;
mod journal;
mod kill_switch;
mod ledger;
mod matching;
mod merge;
mod pipeline;
mod position;
mod record;
mod resequence;
mod routing;
mod services;
mod trailing;
mod venue;
mod workers;

pub use costs::{Commission, Costs, Slippage};
pub use driver::{Backtest, ReplayError, give, replay};
pub use effect::{Effect, Effects, Emitted, Job};
pub use engine::{Engine, EngineConfig, OnBadInput, OrderStyle, Point, Schedule, SkippedInput};
pub use error::EngineError;
pub use exchange::{Exchange, ExchangeConfig, Shorting};
pub use executor::ExecutorParams;
pub use explain::{explain, explain_exit, percent};
pub use input::{Given, Input, InputRef, Stamped, TimerId};
pub use journal::{Frame, JournalError, JournalReader, JournalWriter};
pub use kill_switch::{KillSwitch, KillSwitchParams, TradingState};
pub use ledger::{Entry, Ledger, Rates};
pub use merge::{Merge, Source, VecSource};
pub use pipeline::{Conviction, Named, Pipeline, Strategy};
pub use position::{ExitsAs, PositionParams};
pub use record::{Recorder, dispatch};
pub use resequence::{Arrival, Late, Resequencer, Tally};
pub use venue::Venue;
pub use workers::Workers;

// Of the vocabulary what belongs to every run.
pub use tradewind_core_types::{Command, Instruction, LedgerHash, LogLevel, Notice, Obeyed, SessionRecord};
