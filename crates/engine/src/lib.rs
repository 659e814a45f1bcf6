//! The deterministic event loop: merge, as-of view, decision pipeline, ledger, simulated exchange, journal.
//!
//! Synchronous and without I/O: time, seeds and data come in as arguments. Backtest, paper and live are this one loop with
//! another source, clock and broker. The engine names no plugin: it composes the roles of `tradewind-core-types`.

mod book;
pub mod builtin;
mod costs;
mod decide;
mod engine;
mod error;
mod exchange;
mod executor;
mod explain;
mod journal;
mod kill_switch;
mod ledger;
mod matching;
mod merge;
mod pipeline;
mod position;
mod record;
mod routing;

pub use costs::{Commission, Costs, Slippage};
pub use engine::{Engine, EngineConfig, OnBadInput, OrderStyle, Schedule, SkippedInput};
pub use error::EngineError;
pub use exchange::{Exchange, ExchangeConfig, Shorting};
pub use executor::ExecutorParams;
pub use explain::{explain, percent};
pub use journal::{Frame, JournalError, JournalReader, JournalWriter};
pub use kill_switch::{KillSwitch, KillSwitchParams, TradingState};
pub use ledger::{Entry, Ledger, LedgerHash, Rates};
pub use merge::{Merge, Source, VecSource};
pub use pipeline::{Conviction, Pipeline, Strategy};
pub use position::PositionParams;
pub use record::{Recorder, SessionRecord};
