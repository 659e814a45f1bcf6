//! Reports of a broker, and the fills that are booked from them.

use serde::{Deserialize, Serialize};

use crate::ids::{BrokerOrderId, ExecutionId};
use crate::lifecycle::{OrderState, ReportKind};
use crate::money::{Cash, Price, Quantity};
use crate::name::Symbol;
use crate::order::{OrderId, OrderKind, Side, TimeInForce};
use crate::time::Time;

/// A fill, exact.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// Number of the fill within the run, from 1, in the order of booking.
    pub id: u64,
    /// The order filled, or number 0 of the payout of a delisting.
    pub order: OrderId,
    /// When.
    pub time: Time,
    /// What.
    pub symbol: Symbol,
    /// Buy or sell.
    pub side: Side,
    /// How much, above zero.
    pub quantity: Quantity,
    /// At which price.
    pub price: Price,
    /// Commission and regulatory fees.
    pub fee: Cash,
    /// Price paid above (positive: worse) the reference price, in basis points of it.
    pub slippage_bps: f64,
}

impl Fill {
    /// The quantity with its sign: positive for buys.
    #[inline]
    pub fn signed(&self) -> Quantity {
        match self.side {
            Side::Buy => self.quantity,
            Side::Sell => -self.quantity,
        }
    }
    /// Whether nobody ordered it: a delisting paid out what was held.
    pub fn is_payout(&self) -> bool {
        self.order == OrderId(0)
    }
}

/// Why an order was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Buying power would be exceeded.
    #[error("no cash: needs {needed}, has {available}")]
    NoCash {
        /// What the order would cost.
        needed: Cash,
        /// What there is.
        available: Cash,
    },
    /// Cannot be sold short.
    #[error("no borrow: shorting is not allowed for this symbol")]
    NoBorrow,
    /// Trading is halted.
    #[error("halted")]
    Halted,
    /// Not known to the broker, or delisted.
    #[error("unknown symbol")]
    UnknownSymbol,
    /// The order itself is malformed.
    #[error("bad order: {0}")]
    BadOrder(String),
    /// Anything a broker may say.
    #[error("{0}")]
    Other(String),
}

/// A broker's report on an order. It is an input: it may come at any time, twice, late, or in another order than things happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BrokerReport {
    /// Which order.
    pub order: OrderId,
    /// When it happened, by the broker's clock.
    pub time: Time,
    /// What happened.
    pub said: Said,
}

/// The kinds of a broker's report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It works at the broker.
    Accepted,
    /// It is refused.
    Rejected(RejectReason),
    /// It has filled, in part or in full.
    Progress(Progress),
    /// It was cancelled.
    Cancelled {
        /// Quantity filled in all, also by fills that are still to be reported.
        filled: Quantity,
    },
    /// Its time in force ran out.
    Expired {
        /// Quantity filled in all, also by fills that are still to be reported.
        filled: Quantity,
    },
    /// Received, not yet accepted.
    PendingNew,
    /// Accepted for an auction, of which the price is not known.
    AcceptedForBidding,
    /// It rests until another order has filled.
    Held,
    /// The request to cancel is noted.
    PendingCancel,
    /// The request to replace is noted.
    PendingReplace,
    /// Another order has taken its place.
    Replaced {
        /// Quantity filled in all, also by fills that are still to be reported.
        filled: Quantity,
        /// The attempt ([`crate::ClientOrderId`]) of ours that works in its place; `None` when the broker has put something else there.
        by: Option<u8>,
    },
    /// Nothing more today.
    DoneForDay,
    /// A trade is guaranteed but has not happened yet.
    Stopped,
    /// Not eligible for trading at present.
    Suspended,
    /// Done for the day, the settlement is being computed.
    Calculated,
    /// It will not be cancelled, and why.
    CancelRejected(String),
    /// It will not be replaced, and why.
    ReplaceRejected(String),
    /// The same as [`Said::Progress`], by a broker that names its executions: of one name, the first report counts.
    Executed(ExecutionId, Progress),
    /// The broker's own name of the order.
    Named(BrokerOrderId),
    /// An execution that was reported never was.
    Busted(ExecutionId),
    /// An execution that was reported was another.
    Corrected(Correction),
    /// The broker has changed the order by itself, in its words.
    Restated(String),
    /// Something that this release does not know, as it came.
    Unknown(String),
    /// All of it has filled; an order in dollars is over with this word only, since nobody else knows when they are spent.
    Filled {
        /// Quantity filled in all, also by fills that are still to be reported.
        filled: Quantity,
    },
}

impl Said {
    /// What is said, without figures and words.
    pub fn kind(&self) -> ReportKind {
        match self {
            Self::Accepted => ReportKind::Accepted,
            Self::Rejected(_) => ReportKind::Rejected,
            Self::Progress(_) | Self::Executed(..) => ReportKind::Progress,
            Self::Cancelled { .. } => ReportKind::Cancelled,
            Self::Expired { .. } => ReportKind::Expired,
            Self::PendingNew => ReportKind::PendingNew,
            Self::AcceptedForBidding => ReportKind::AcceptedForBidding,
            Self::Held => ReportKind::Held,
            Self::PendingCancel => ReportKind::PendingCancel,
            Self::PendingReplace => ReportKind::PendingReplace,
            Self::Replaced { .. } => ReportKind::Replaced,
            Self::DoneForDay => ReportKind::DoneForDay,
            Self::Stopped => ReportKind::Stopped,
            Self::Suspended => ReportKind::Suspended,
            Self::Calculated => ReportKind::Calculated,
            Self::CancelRejected(_) => ReportKind::CancelRejected,
            Self::ReplaceRejected(_) => ReportKind::ReplaceRejected,
            Self::Named(_) => ReportKind::Named,
            Self::Busted(_) => ReportKind::Busted,
            Self::Corrected(_) => ReportKind::Corrected,
            Self::Restated(_) => ReportKind::Restated,
            Self::Unknown(_) => ReportKind::Unknown,
            Self::Filled { .. } => ReportKind::Filled,
        }
    }
    /// The broker's words, or the name that it gives, when there are any.
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::CancelRejected(s) | Self::ReplaceRejected(s) | Self::Restated(s) | Self::Unknown(s) => Some(s),
            Self::Named(id) => Some(id.as_str()),
            Self::Busted(id) | Self::Corrected(Correction { execution: id, .. }) => Some(id.as_str()),
            _ => None,
        }
    }
}

/// How an execution really was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// Which one.
    pub execution: ExecutionId,
    /// How much it filled, above zero.
    pub quantity: Quantity,
    /// At which price.
    pub price: Price,
    /// Commission and regulatory fees of it.
    pub fee: Cash,
}

/// A fill as progress of its order: the cumulative filled quantity went from `from` to `to`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Cumulative quantity filled before, zero or more.
    pub from: Quantity,
    /// Cumulative quantity filled after, above `from`.
    pub to: Quantity,
    /// Price of this part.
    pub price: Price,
    /// Commission and regulatory fees of this part.
    pub fee: Cash,
    /// Price paid above (positive: worse) the reference price, in basis points of it.
    pub slippage_bps: f64,
}

/// A record of an order's way: a broker's report that was news, with the fill as it was booked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderReport {
    /// Working at the broker.
    Accepted {
        /// Which order.
        order: OrderId,
        /// When.
        time: Time,
    },
    /// Refused.
    Rejected {
        /// Which order.
        order: OrderId,
        /// When.
        time: Time,
        /// Why.
        reason: RejectReason,
    },
    /// Filled in part or in full.
    Filled(Fill),
    /// Cancelled; what was filled stays filled.
    Cancelled {
        /// Which order.
        order: OrderId,
        /// When.
        time: Time,
        /// Quantity not filled.
        remaining: Quantity,
    },
    /// Its time in force ran out.
    Expired {
        /// Which order.
        order: OrderId,
        /// When.
        time: Time,
        /// Quantity not filled.
        remaining: Quantity,
    },
    /// It went on without an end or a fill, or the broker said something that changed nothing.
    Noted {
        /// Which order.
        order: OrderId,
        /// When.
        time: Time,
        /// What was said.
        said: ReportKind,
        /// The state after it.
        state: OrderState,
        /// The broker's words, when there were any.
        words: Option<String>,
    },
    /// It goes on with other terms, as was asked for.
    Replaced {
        /// Which order.
        order: OrderId,
        /// When.
        time: Time,
        /// The attempt that works now, from 2.
        attempt: u8,
        /// Its quantity in all: what had filled before counts towards it.
        quantity: Quantity,
        /// How it is priced now.
        kind: OrderKind,
        /// How long it lives now.
        tif: TimeInForce,
    },
}
