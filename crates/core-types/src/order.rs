//! Orders: what is asked of a broker.

use serde::{Deserialize, Serialize};

use crate::error::BadInput;
use crate::money::{Cash, Price, Quantity};
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
    /// The side that began a trade, as tables say it: `buy`, `b`, `true` or 1 the buyer; `sell`, `s`, `false` or -1 the seller; 0 is not known.
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

/// How far a trailing stop lies behind the best price since it works: the highest for sales, the lowest for purchases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trail {
    /// By so many dollars.
    Amount(Price),
    /// By this share of the best price in millionths, 1 to 999,999: one percent is 10,000.
    Millionths(u32),
}

impl Trail {
    /// Where the stop lies. It is rounded to a billionth of a dollar away from the best price, so that it is not reached too early; `None`
    /// where no price could be: at zero or below, or beyond the range.
    pub fn stop(self, side: Side, best: Price) -> Option<Price> {
        let best = i128::from(best.nanos());
        let away = match self {
            Self::Amount(a) => i128::from(a.nanos()),
            Self::Millionths(n) => (best * i128::from(n) + 999_999) / 1_000_000,
        };
        let stop = if side == Side::Buy { best + away } else { best - away };
        i64::try_from(stop).ok().and_then(|n| Price::from_nanos(n).ok())
    }
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
    /// At the next price, for so many dollars: as many billionths of a share as they pay for, rounded towards zero. The quantity of the order is what they
    /// pay for at the price of the decision, an estimate; fees come on top.
    Notional {
        /// How many, above zero.
        amount: Cash,
    },
    /// Becomes a market order once the price has turned back so far from its best.
    TrailingStop {
        /// How far.
        trail: Trail,
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
            Self::TrailingStop { .. } | Self::Notional { .. } => None,
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
    /// As `Day`, in the extended hours of the day too: from five and a half hours before the session opens to four hours after it closes (4:00 to 20:00 New
    /// York). Only limit orders.
    DayExtended,
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
        if let OrderKind::TrailingStop { trail } = self.kind {
            if let Trail::Millionths(n) = trail
                && !(1..1_000_000).contains(&n)
            {
                return Err(BadInput::new("trail", n.to_string(), "1 to 999999 millionths"));
            }
            if !matches!(self.tif, TimeInForce::Day | TimeInForce::Gtc) {
                return Err(BadInput::new(
                    "time in force",
                    format!("{:?}", self.tif),
                    "day or gtc for a trailing stop",
                ));
            }
        }
        if let OrderKind::Notional { amount } = self.kind
            && (amount <= Cash::ZERO || self.tif != TimeInForce::Day)
        {
            let found = format!("{amount}, {:?}", self.tif);
            return Err(BadInput::new("notional order", found, "more than zero dollars, for the day"));
        }
        if self.tif == TimeInForce::DayExtended && !matches!(self.kind, OrderKind::Limit { .. }) {
            return Err(BadInput::new("order kind", format!("{:?}", self.kind), "a limit order in extended hours"));
        }
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
    /// Whether brokers replace it by `new`, of which `filled` has filled already: quantity, prices and time in force may change, and nothing else.
    ///
    /// # Errors
    /// The first difference that is not allowed, a quantity that is not above what has filled, or [`Order::validate`] of the new one.
    pub fn replaceable(&self, new: &Order, filled: Quantity) -> Result<(), BadInput> {
        new.validate()?;
        if matches!(self.kind, OrderKind::Notional { .. }) {
            return Err(BadInput::new("replacement", format!("{:?}", self.kind), "of an order in shares"));
        }
        let same = |o: &Order| (o.id, o.symbol, o.side, std::mem::discriminant(&o.kind));
        if same(self) != same(new) {
            let text = |o: &Order| format!("order {} {:?} {} {:?}", o.id.0, o.side, o.symbol, o.kind);
            return Err(BadInput::new("replacement", text(new), format!("of the kind of {}", text(self))));
        }
        if new.quantity <= filled {
            let expected = format!("more than the {filled} that have filled");
            return Err(BadInput::new("quantity of a replacement", new.quantity.to_string(), expected));
        }
        Ok(())
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
    fn a_trail_lies_behind_the_best_price_and_never_nearer_than_it_says() {
        let p = |s: &str| s.parse::<Price>().unwrap();
        let stop = |trail: Trail, side, best: &str| trail.stop(side, p(best)).map(|s| s.to_string());
        let dollars = Trail::Amount(p("2.5"));
        assert_eq!(stop(dollars, Side::Sell, "100"), Some("97.5".into()));
        assert_eq!(stop(dollars, Side::Buy, "100"), Some("102.5".into()));
        assert_eq!((stop(dollars, Side::Sell, "2.5"), stop(dollars, Side::Sell, "1")), (None, None));
        assert_eq!(stop(Trail::Amount(p("1000000000")), Side::Buy, "1"), None);
        // Three percent of 10.1 are 0.303; a third of a billionth is rounded away from the price.
        let share = Trail::Millionths(30_000);
        assert_eq!(stop(share, Side::Sell, "10.1"), Some("9.797".into()));
        assert_eq!(stop(share, Side::Buy, "10.1"), Some("10.403".into()));
        let tiny = Trail::Millionths(1);
        assert_eq!(stop(tiny, Side::Sell, "0.000000003"), Some("0.000000002".into()));
        assert_eq!(stop(tiny, Side::Buy, "0.000000003"), Some("0.000000004".into()));
        let trailing = |trail, tif| order(OrderKind::TrailingStop { trail }, tif, 1.0).validate().is_ok();
        assert!(trailing(dollars, TimeInForce::Day) && trailing(Trail::Millionths(999_999), TimeInForce::Gtc));
        assert!(
            !trailing(Trail::Millionths(0), TimeInForce::Day)
                && !trailing(Trail::Millionths(1_000_000), TimeInForce::Day)
        );
        assert!([TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Opg].iter().all(|t| !trailing(dollars, *t)));
    }

    #[test]
    fn dollars_are_for_the_day_and_extended_hours_for_limits() {
        use TimeInForce::{Cls, Day, DayExtended, Gtc};
        let fine = |kind, tif| order(kind, tif, 1.0).validate().is_ok();
        let dollars = |n: &str| OrderKind::Notional { amount: n.parse().unwrap() };
        assert!(fine(dollars("0.01"), Day) && !fine(dollars("0"), Day) && !fine(dollars("-1"), Day));
        assert!(!fine(dollars("5"), Gtc) && !fine(dollars("5"), DayExtended) && !fine(dollars("5"), Cls));
        let limit = OrderKind::Limit { price: "10".parse().unwrap() };
        assert!(fine(limit, DayExtended) && !fine(OrderKind::Market, DayExtended));
        let old = order(dollars("5"), Day, 1.0);
        assert!(old.replaceable(&Order { quantity: "2".parse().unwrap(), ..old.clone() }, Quantity::ZERO).is_err());
    }

    #[test]
    fn only_quantity_prices_and_time_in_force_can_be_replaced() {
        let at = |x: &str| OrderKind::Limit { price: x.parse().unwrap() };
        let old = order(at("10"), TimeInForce::Day, 5.0);
        let filled = Quantity::from_f64(2.0).unwrap();
        let fine = |new: Order| old.replaceable(&new, filled).is_ok();
        assert!(fine(order(at("11"), TimeInForce::Gtc, 2.5)) && fine(order(at("10"), TimeInForce::Day, 9.0)));
        assert!(!fine(order(at("11"), TimeInForce::Day, 2.0)), "as much has filled");
        assert!(!fine(order(OrderKind::Market, TimeInForce::Day, 5.0)));
        assert!(!fine(order(at("11"), TimeInForce::Cls, 5.0)));
        assert!(!fine(Order { side: Side::Buy, ..old.clone() }));
        assert!(!fine(Order { symbol: Symbol::new("QQQ").unwrap(), ..old.clone() }));
        assert!(!fine(Order { id: OrderId(2), ..old.clone() }));
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
