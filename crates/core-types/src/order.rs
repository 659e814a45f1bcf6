//! Orders: what is asked of a broker.

use serde::{Deserialize, Serialize};

use crate::error::BadInput;
use crate::money::{Price, Quantity};
use crate::name::Symbol;
use crate::time::Time;

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

impl Side {
    /// Who began a trade, as tables say it: `buy`, `b`, `true` or 1 the buyer; `sell`, `s`, `false` or -1 the seller; 0 is not known.
    ///
    /// # Errors
    /// When a text is none of these.
    pub fn of_trade(text: &str) -> Result<Option<Self>, BadInput> {
        match text.to_ascii_lowercase().as_str() {
            "buy" | "b" | "true" => Ok(Some(Self::Buy)),
            "sell" | "s" | "false" => Ok(Some(Self::Sell)),
            other => match other.parse() {
                Ok(number) => Self::of_number(number),
                Err(_) => Err(BadInput::new("side", text, SIDES)),
            },
        }
    }
    /// The same of a number.
    ///
    /// # Errors
    /// When it is none of 1, -1 and 0.
    pub fn of_number(number: f64) -> Result<Option<Self>, BadInput> {
        match number {
            1.0 => Ok(Some(Self::Buy)),
            -1.0 => Ok(Some(Self::Sell)),
            0.0 => Ok(None),
            other => Err(BadInput::new("side", other.to_string(), SIDES)),
        }
    }
}

const SIDES: &str = "buy, sell, true, false, 1, -1, 0 or nothing";

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

impl OrderKind {
    /// The worst acceptable price, where there is one.
    pub fn limit(self) -> Option<Price> {
        match self {
            Self::Limit { price }
            | Self::StopLimit { price, .. }
            | Self::LimitOnOpen { price }
            | Self::LimitOnClose { price } => Some(price),
            Self::Market | Self::Stop { .. } | Self::MarketOnOpen | Self::MarketOnClose => None,
        }
    }
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

/// An order as decided. It cannot reach a broker until it is an [`ApprovedOrder`](crate::ApprovedOrder).
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
