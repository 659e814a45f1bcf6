//! The stream of records: what a run tells to whoever keeps or watches it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::command::{Command, Obeyed};
use crate::decision::Decision;
use crate::money::Cash;
use crate::name::StrategyId;
use crate::order::Order;
use crate::portfolio::Portfolio;
use crate::report::OrderReport;
use crate::time::Time;

/// The hash of everything the ledger has seen: h(n) = SHA-256(h(n-1) || entry n in binary), from 32 zero bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LedgerHash(pub [u8; 32]);

impl fmt::Display for LedgerHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
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

/// The books and the plugins' values at a session close, after the session's fills and before its decisions.
#[derive(Debug, Clone, Copy)]
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

/// Something a run records, in the order in which it happens: recorders, observers and services are shown the same stream.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    /// A decision, taken or not taken.
    Decision(&'a Decision),
    /// An approved order on its way to the broker.
    Order(&'a Order),
    /// A broker's report that was new, with the profit or loss it realised before fees (zero unless it is a fill that reduces).
    Report(&'a OrderReport, Cash),
    /// The end of a session.
    Session(SessionRecord<'a>),
    /// An operator's command and what became of it.
    Command(Time, &'a Command, &'a Obeyed),
    /// Something a person should know.
    Notice(&'a Notice),
}
