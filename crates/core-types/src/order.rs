//! Orders, their approval, and what a broker reports of them.

use serde::{Deserialize, Serialize};

use crate::decision::Step;
use crate::error::BadInput;
use crate::money::{Cash, Price, Quantity};
use crate::name::{Name, Symbol};
use crate::role::{PreTrade, Verdict};
use crate::time::Time;
use crate::view::View;
use crate::{Adjust, Stage};

/// Number of an order within a run, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderId(pub u64);

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Adds to the position.
    Buy,
    /// Takes from the position.
    Sell,
}

/// How an order is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// At the next price.
    Market,
    /// At this price or better.
    Limit {
        /// The worst acceptable price.
        price: Price,
    },
    /// Becomes a market order once the trigger trades.
    Stop {
        /// The trigger.
        trigger: Price,
    },
    /// Becomes a limit order once the trigger trades.
    StopLimit {
        /// The trigger.
        trigger: Price,
        /// The worst acceptable price.
        price: Price,
    },
    /// In the opening auction.
    MarketOnOpen,
    /// In the opening auction, at this price or better.
    LimitOnOpen {
        /// The worst acceptable price.
        price: Price,
    },
    /// At the official close.
    MarketOnClose,
    /// At the official close, at this price or better.
    LimitOnClose {
        /// The worst acceptable price.
        price: Price,
    },
}

/// How long an order lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// Until the end of the session in which it can first fill.
    Day,
    /// Until cancelled.
    Gtc,
    /// What fills at once; the rest is cancelled.
    Ioc,
    /// All at once or nothing.
    Fok,
    /// Only in the opening auction.
    Opg,
    /// Only in the closing auction.
    Cls,
}

/// An order as decided. It cannot reach a broker until it is an [`ApprovedOrder`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Number within the run.
    pub id: OrderId,
    /// The decision behind it.
    pub decision: u64,
    /// When it was decided.
    pub time: Time,
    /// What to trade.
    pub symbol: Symbol,
    /// Buy or sell.
    pub side: Side,
    /// How much, above zero.
    pub quantity: Quantity,
    /// How it is priced.
    pub kind: OrderKind,
    /// How long it lives.
    pub tif: TimeInForce,
}

impl Order {
    /// Checks what can be known without a market.
    ///
    /// # Errors
    /// Unless the quantity is above zero and the kind goes with the time in force (`opg` and `cls` belong to orders on open and
    /// on close and to nothing else).
    pub fn validate(&self) -> Result<(), BadInput> {
        if self.quantity <= Quantity::ZERO {
            return Err(BadInput::new("order quantity", self.quantity.to_string(), "more than zero"));
        }
        let wanted = match self.kind {
            OrderKind::MarketOnOpen | OrderKind::LimitOnOpen { .. } => Some(TimeInForce::Opg),
            OrderKind::MarketOnClose | OrderKind::LimitOnClose { .. } => Some(TimeInForce::Cls),
            _ => None,
        };
        let auction = matches!(self.tif, TimeInForce::Opg | TimeInForce::Cls);
        match wanted {
            Some(t) if self.tif != t => {
                Err(BadInput::new("time in force", format!("{:?}", self.tif), format!("{t:?} for {:?}", self.kind)))
            }
            None if auction => {
                Err(BadInput::new("order kind", format!("{:?}", self.kind), "an order on open or on close"))
            }
            _ => Ok(()),
        }
    }
    /// The quantity with its sign: positive for buys.
    #[inline]
    pub fn signed(&self) -> Quantity {
        match self.side {
            Side::Buy => self.quantity,
            Side::Sell => -self.quantity,
        }
    }
}

/// An order that passed every check. Only [`approve`] makes one, and only this type can be given to a broker.
///
/// ```compile_fail
/// # fn f(order: tradewind_core_types::Order) {
/// let approved = tradewind_core_types::ApprovedOrder { order };
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovedOrder {
    order: Order,
}

impl ApprovedOrder {
    /// The order.
    #[inline]
    pub fn order(&self) -> &Order {
        &self.order
    }
    /// The order, giving up the approval.
    pub fn into_order(self) -> Order {
        self.order
    }
}

/// Asks every check in turn, noting each as a step; approves the order when all say send.
///
/// # Errors
/// The verdict that held the order back; `steps` then ends with its reason.
pub fn approve<'a>(
    order: Order,
    checks: impl IntoIterator<Item = &'a mut (dyn PreTrade + 'static)>,
    view: &View<'_>,
    steps: &mut Vec<Step>,
) -> Result<ApprovedOrder, Verdict> {
    if let Err(e) = order.validate() {
        let why = crate::Adjustment::new(Adjust::Veto, e.to_string());
        steps.push(Step { stage: Stage::PreTrade, plugin: Name::lit("order"), after: 0.0, adjustment: why });
        return Err(Verdict::Skip);
    }
    for check in checks {
        let (verdict, adjustment) = check.check(&order, view);
        let after = if verdict == Verdict::Send { order.quantity.to_f64() } else { 0.0 };
        steps.push(Step { stage: Stage::PreTrade, plugin: Name::lit(check.id()), after, adjustment });
        if verdict != Verdict::Send {
            return Err(verdict);
        }
    }
    Ok(ApprovedOrder { order })
}

/// A fill, exact.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// Number of the fill within the run, from 1: a repeated report has the same number and counts once.
    pub id: u64,
    /// The order filled.
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

/// What a broker reports.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(kind: OrderKind, tif: TimeInForce, quantity: f64) -> Order {
        Order {
            id: OrderId(1),
            decision: 1,
            time: Time::MIN,
            symbol: Symbol::new("SPY").unwrap(),
            side: Side::Sell,
            quantity: Quantity::from_f64(quantity).unwrap(),
            kind,
            tif,
        }
    }

    #[test]
    fn kinds_and_times_in_force_must_agree() {
        assert!(order(OrderKind::Market, TimeInForce::Day, 1.0).validate().is_ok());
        assert!(order(OrderKind::Market, TimeInForce::Cls, 1.0).validate().is_err());
        assert!(order(OrderKind::MarketOnClose, TimeInForce::Day, 1.0).validate().is_err());
        assert!(order(OrderKind::MarketOnClose, TimeInForce::Cls, 0.0).validate().is_err());
        assert_eq!(order(OrderKind::Market, TimeInForce::Day, 2.0).signed().to_string(), "-2");
    }
}
