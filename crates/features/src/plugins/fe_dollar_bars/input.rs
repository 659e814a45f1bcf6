//! A trade as a row, and a bar as a row.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Side, Time};

use super::bar::{TradeBar, dollars, shares};

/// A trade.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeDollarBarsIn {
    /// When it took place: RFC 3339 text, or whole nanoseconds since 1970. Not before the trade before it.
    #[serde(deserialize_with = "time")]
    pub time: Time,
    /// Price in dollars, above 0.
    pub price: f64,
    /// Shares or contracts, above 0.
    pub size: f64,
    /// Who began it: `buy` or `sell` (in a table also true and false, 1, -1 and 0), empty when not known.
    #[serde(default, deserialize_with = "side")]
    pub side: Option<Side>,
}

impl FeDollarBarsIn {
    pub(super) fn sign(&self) -> i8 {
        match self.side {
            Some(Side::Buy) => 1,
            Some(Side::Sell) => -1,
            None => 0,
        }
    }
}

/// The last bar that a trade closed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeDollarBarsOut {
    /// Time of its first trade.
    pub start: Time,
    /// Time of the trade that closed it; of a time bar the end of its interval.
    pub end: Time,
    /// First price in dollars.
    pub open: f64,
    /// Highest price in dollars.
    pub high: f64,
    /// Lowest price in dollars.
    pub low: f64,
    /// Last price in dollars.
    pub close: f64,
    /// Volume-weighted average price in dollars.
    pub vwap: f64,
    /// Shares.
    pub volume: f64,
    /// Dollars traded.
    pub value: f64,
    /// Shares of trades which the buyer began.
    pub buy_volume: f64,
    /// Trades; one that was split counts in the bar of its first part.
    pub trades: u64,
    /// How many bars the trade closed; this is the last of them.
    pub bars: u64,
}

impl FeDollarBarsOut {
    /// A bar in floats.
    pub fn new(b: &TradeBar, bars: u64) -> Self {
        Self {
            start: Time::from_nanos(b.start),
            end: Time::from_nanos(b.end),
            open: dollars(b.open),
            high: dollars(b.high),
            low: dollars(b.low),
            close: dollars(b.close),
            vwap: b.vwap(),
            volume: b.volume(),
            value: b.value(),
            buy_volume: shares(b.buy_volume),
            trades: b.trades,
            bars,
        }
    }
}

/// Floats beyond this do not tell neighbouring integers apart.
const EXACT: f64 = 9_007_199_254_740_992.0;

struct TimeCell;

impl Visitor<'_> for TimeCell {
    type Value = Time;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time with an offset (2013-09-01T17:00:00.083Z) or whole nanoseconds since 1970")
    }
    fn visit_str<E: de::Error>(self, s: &str) -> Result<Time, E> {
        s.parse().map_err(E::custom)
    }
    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Time, E> {
        Ok(Time::from_nanos(n))
    }
    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Time, E> {
        i64::try_from(n).map(Time::from_nanos).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(n), &self))
    }
    fn visit_f64<E: de::Error>(self, x: f64) -> Result<Time, E> {
        if x.fract() == 0.0 && x.abs() < EXACT {
            Ok(Time::from_nanos(x as i64))
        } else {
            Err(E::invalid_value(de::Unexpected::Float(x), &self))
        }
    }
}

fn time<'de, D: Deserializer<'de>>(d: D) -> Result<Time, D::Error> {
    if d.is_human_readable() { d.deserialize_any(TimeCell) } else { Time::deserialize(d) }
}

struct SideCell;

impl<'de> Visitor<'de> for SideCell {
    type Value = Option<Side>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("buy, sell, true, false, 1, -1, 0 or nothing")
    }
    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_any(self)
    }
    fn visit_bool<E: de::Error>(self, buyer: bool) -> Result<Self::Value, E> {
        Ok(Some(if buyer { Side::Buy } else { Side::Sell }))
    }
    fn visit_str<E: de::Error>(self, s: &str) -> Result<Self::Value, E> {
        Side::of_trade(s).map_err(|_| E::invalid_value(de::Unexpected::Str(s), &self))
    }
    fn visit_f64<E: de::Error>(self, x: f64) -> Result<Self::Value, E> {
        Side::of_number(x).map_err(|_| E::invalid_value(de::Unexpected::Float(x), &self))
    }
    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Self::Value, E> {
        self.visit_f64(n as f64)
    }
    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Self::Value, E> {
        self.visit_f64(n as f64)
    }
}

fn side<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Side>, D::Error> {
    if d.is_human_readable() { d.deserialize_option(SideCell) } else { Option::deserialize(d) }
}
