//! A bar of trades in exact integers, the bar in progress, and bars as columns.

use serde::{Deserialize, Serialize};
use tradewind_core_types::Cash;

/// Billionths in a dollar or share.
const NANO: i128 = 1_000_000_000;

/// A closed bar, exact: prices and volumes in billionths of a dollar or share, value in 1e-18 dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeBar {
    /// Time of the first trade, nanoseconds since 1970.
    pub start: i64,
    /// Time of the trade that closed it; of a time bar the end of its interval.
    pub end: i64,
    /// First price, in billionths of a dollar.
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub close: i64,
    /// Volume, in billionths of a share.
    pub volume: i128,
    /// Volume of trades which the buyer began, in billionths of a share.
    pub buy_volume: i128,
    /// Sum of price times size, in 1e-18 dollars.
    pub value: i128,
    /// Trades; one that was split counts in the bar of its first part.
    pub trades: u64,
}

impl TradeBar {
    /// Volume-weighted average price in dollars, between low and high.
    pub fn vwap(&self) -> f64 {
        let mean = self.value() / self.volume();
        mean.clamp(dollars(self.low), dollars(self.high))
    }
    /// Volume in shares, to the nearest float.
    pub fn volume(&self) -> f64 {
        shares(self.volume)
    }
    /// Value in dollars, to the nearest float.
    pub fn value(&self) -> f64 {
        Cash::from_atto(self.value).to_f64()
    }
}

/// Billionths of a dollar as dollars, exactly as `Price::to_f64`.
pub(super) fn dollars(nanos: i64) -> f64 {
    nanos as f64 / NANO as f64
}

/// Billionths of a share as shares; whole and rest apart, so that whole shares are exact.
pub(super) fn shares(nanos: i128) -> f64 {
    (nanos / NANO) as f64 + (nanos % NANO) as f64 / NANO as f64
}

/// The bar in progress; empty when `close` is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Building(TradeBar);

impl Building {
    pub(super) const EMPTY: Self = Self(TradeBar {
        start: 0,
        end: 0,
        open: 0,
        high: 0,
        low: i64::MAX,
        close: 0,
        volume: 0,
        buy_volume: 0,
        value: 0,
        trades: 0,
    });

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.close == 0
    }
    /// Its parts, for the loop over columns.
    #[inline(always)]
    pub(super) fn parts(&mut self) -> &mut TradeBar {
        &mut self.0
    }
    /// What it holds, when it holds anything.
    pub(super) fn get(&self) -> Option<TradeBar> {
        (!self.is_empty()).then_some(self.0)
    }
    /// Adds a trade, or a part of one (`trades` is then 0 for all parts but the first).
    #[inline(always)]
    pub(super) fn add(&mut self, time: i64, price: i64, size: i64, value: i128, bought: bool, trades: u64) {
        let b = &mut self.0;
        if b.close == 0 {
            (b.start, b.open) = (time, price);
        }
        b.high = b.high.max(price);
        b.low = b.low.min(price);
        (b.close, b.end) = (price, time);
        b.volume += i128::from(size);
        b.buy_volume += if bought { i128::from(size) } else { 0 };
        b.value += value;
        b.trades += trades;
    }
    #[inline]
    pub(super) fn trades(&self) -> u64 {
        self.0.trades
    }
    #[inline]
    pub(super) fn volume(&self) -> i128 {
        self.0.volume
    }
    #[inline]
    pub(super) fn value(&self) -> i128 {
        self.0.value
    }
}

/// Bars as columns, in the units of [`super::FeDollarBarsOut`]; [`super::DollarBars::push_columns`] adds to them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BarColumns {
    /// Time of the first trade, nanoseconds since 1970.
    pub start: Vec<i64>,
    /// Time of the closing trade, or the end of a time bar's interval, nanoseconds since 1970.
    pub end: Vec<i64>,
    /// First price in dollars.
    pub open: Vec<f64>,
    /// Highest price in dollars.
    pub high: Vec<f64>,
    /// Lowest price in dollars.
    pub low: Vec<f64>,
    /// Last price in dollars.
    pub close: Vec<f64>,
    /// Volume-weighted average price in dollars.
    pub vwap: Vec<f64>,
    /// Shares.
    pub volume: Vec<f64>,
    /// Dollars traded.
    pub value: Vec<f64>,
    /// Shares of trades which the buyer began.
    pub buy_volume: Vec<f64>,
    /// Trades.
    pub trades: Vec<u64>,
}

impl BarColumns {
    /// How many bars.
    pub fn len(&self) -> usize {
        self.end.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.end.is_empty()
    }
    /// Forgets the bars and keeps the memory: for the next chunk.
    pub fn clear(&mut self) {
        self.truncate(0);
    }
    pub(super) fn truncate(&mut self, n: usize) {
        for c in [&mut self.start, &mut self.end] {
            c.truncate(n);
        }
        let Self { open, high, low, close, vwap, volume, value, buy_volume, .. } = self;
        for c in [open, high, low, close, vwap, volume, value, buy_volume] {
            c.truncate(n);
        }
        self.trades.truncate(n);
    }
    /// Adds a bar.
    pub fn push(&mut self, b: &TradeBar) {
        self.start.push(b.start);
        self.end.push(b.end);
        self.open.push(dollars(b.open));
        self.high.push(dollars(b.high));
        self.low.push(dollars(b.low));
        self.close.push(dollars(b.close));
        self.vwap.push(b.vwap());
        self.volume.push(b.volume());
        self.value.push(b.value());
        self.buy_volume.push(shares(b.buy_volume));
        self.trades.push(b.trades);
    }
}
