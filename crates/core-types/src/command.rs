//! Operator commands: inputs like any other, so that a journal with them in it replays to the same ledger.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::Cash;

/// A command with its identity: a repeated id acts once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Unique within the run, chosen by whoever commands.
    pub id: String,
    /// Who commands: a user, or the part of a program.
    pub actor: String,
    /// Why, in words.
    pub reason: String,
    /// What to do.
    pub order: Instruction,
}

/// What an operator can want.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instruction {
    /// The owner pays in.
    Deposit(Cash),
    /// The owner takes out.
    Withdraw(Cash),
    /// Nothing may be sent but what reduces risk, until resumed.
    Halt,
    /// Positions may shrink and nothing may grow, until resumed.
    Reduce,
    /// Everything is allowed again; drawdowns are measured anew.
    Resume,
    /// Halt, and close everything at the next decision, which comes at once.
    Flatten,
    /// A program that keeps a log shows this much of it; trading does not depend on it.
    LogLevel(LogLevel),
    /// A value of the configuration: which key, and its new value as JSON text. The keys `no_trade_band` and `min_notional` may change, and those
    /// below `position`, `executor` and `kill_switch`.
    Set {
        /// Key below `engine`, with dots.
        key: String,
        /// JSON text.
        value: String,
    },
}

/// How much a log shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Errors only.
    Error,
    /// And warnings.
    Warn,
    /// And what happens.
    Info,
    /// And why.
    Debug,
}

impl Instruction {
    /// In one word, as explanations write it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Deposit(_) => "deposit",
            Self::Withdraw(_) => "withdrawal",
            Self::Halt => "halt",
            Self::Reduce => "reduce",
            Self::Resume => "resume",
            Self::Flatten => "flatten",
            Self::LogLevel(_) => "log level",
            Self::Set { .. } => "set",
        }
    }
    /// Whether money comes in or goes out.
    pub fn moves_cash(&self) -> bool {
        matches!(self, Self::Deposit(_) | Self::Withdraw(_))
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obeyed {
    /// Done.
    Done,
    /// Its id was seen before: nothing happened.
    Repeated,
    /// It cannot be done, and why.
    Refused(String),
}
