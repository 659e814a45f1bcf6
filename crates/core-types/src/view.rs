//! What a plugin may see: the market, features and portfolio as of now, and no way to ask for later.

use serde::{Deserialize, Serialize};

use crate::event::{Event, MarketData, Origin, Quote};
use crate::money::Price;
use crate::name::{FeatureId, Symbol};
use crate::portfolio::Portfolio;
use crate::time::Time;

/// The last that is known of one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Last {
    /// The symbol.
    pub symbol: Symbol,
    /// Last price or index level.
    pub price: Price,
    /// When that price became known.
    pub time: Time,
    /// The data row it came from.
    pub origin: Origin,
    /// Whether it is an index level, which cannot be traded.
    pub index: bool,
    /// When its last bar ended, when there has been one: an order decided since then was decided in the middle of the next.
    pub bar: Option<Time>,
    /// Last quote and when it became known.
    pub quote: Option<(Quote, Time)>,
}

/// The last of every symbol, by `Symbol::index`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Last>", into = "Vec<Last>")]
pub struct Market {
    slots: Vec<Option<Last>>,
}

impl From<Vec<Last>> for Market {
    fn from(all: Vec<Last>) -> Self {
        let mut m = Market::default();
        for l in all {
            *m.slot(l.symbol) = Some(l);
        }
        m
    }
}

impl From<Market> for Vec<Last> {
    fn from(m: Market) -> Self {
        let mut all: Vec<Last> = m.slots.into_iter().flatten().collect();
        all.sort_by_key(|l| l.symbol);
        all
    }
}

impl Market {
    fn slot(&mut self, symbol: Symbol) -> &mut Option<Last> {
        let i = symbol.index();
        if self.slots.len() <= i {
            self.slots.resize(i + 1, None);
        }
        &mut self.slots[i]
    }

    /// Takes an event in.
    #[inline]
    pub fn apply(&mut self, e: &Event) {
        let Some(symbol) = e.symbol else { return };
        let (price, index) = match &e.data {
            MarketData::Index(b) => (Some(b.close), true),
            MarketData::CorporateAction(crate::CorporateAction::SymbolChange { to }) => {
                if let Some(old) = self.slot(symbol).take() {
                    *self.slot(*to) = Some(Last { symbol: *to, ..old });
                }
                return;
            }
            MarketData::CorporateAction(crate::CorporateAction::Delisting { .. }) => {
                *self.slot(symbol) = None;
                return;
            }
            MarketData::CorporateAction(crate::CorporateAction::Split { numerator, denominator }) => {
                // Until it trades again the last price is worth what it was for as many more shares; quotes mean nothing any more.
                if let Some(l) = self.slot(symbol) {
                    l.price = l.price.split(*numerator, *denominator);
                    l.quote = None;
                }
                return;
            }
            _ => (e.mark(), false),
        };
        let Some(price) = price else { return };
        let quote = if let MarketData::Quote(q) = e.data { Some((q, e.time)) } else { None };
        let bar = matches!(e.data, MarketData::Bar(_)).then_some(e.time);
        match self.slot(symbol) {
            Some(l) => {
                (l.price, l.time, l.origin, l.index) = (price, e.time, e.origin, index);
                if bar.is_some() {
                    l.bar = bar;
                }
                if quote.is_some() {
                    l.quote = quote;
                }
            }
            slot => *slot = Some(Last { symbol, price, time: e.time, origin: e.origin, index, bar, quote }),
        }
    }

    /// The last of a symbol.
    #[inline]
    pub fn last(&self, symbol: Symbol) -> Option<&Last> {
        self.slots.get(symbol.index())?.as_ref()
    }
    /// The last price of a symbol.
    #[inline]
    pub fn price(&self, symbol: Symbol) -> Option<Price> {
        self.last(symbol).map(|l| l.price)
    }
}

/// Named values published by features, with the time each was computed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(FeatureId, f64, Time)>", into = "Vec<(FeatureId, f64, Time)>")]
pub struct FeatureValues {
    slots: Vec<Option<(FeatureId, f64, Time)>>,
    /// How many slots are set.
    count: usize,
}

impl From<Vec<(FeatureId, f64, Time)>> for FeatureValues {
    fn from(all: Vec<(FeatureId, f64, Time)>) -> Self {
        let mut v = Self::default();
        for (id, x, t) in all {
            v.set(id, x, t);
        }
        v
    }
}

impl From<FeatureValues> for Vec<(FeatureId, f64, Time)> {
    fn from(v: FeatureValues) -> Self {
        let mut all: Vec<_> = v.slots.into_iter().flatten().collect();
        all.sort_by_key(|s| s.0);
        all
    }
}

impl FeatureValues {
    /// Publishes a value. A value that is not finite is not published: the one before stays, with its time.
    pub fn set(&mut self, id: FeatureId, value: f64, time: Time) {
        if value.is_finite() {
            if self.slots.len() <= id.index() {
                self.slots.resize(id.index() + 1, None);
            }
            let before = self.slots[id.index()].replace((id, value, time));
            self.count += usize::from(before.is_none());
        }
    }
    /// Moves everything published here into `other`, keeping the memory.
    #[inline]
    pub fn move_into(&mut self, other: &mut FeatureValues) {
        if self.count > 0 {
            for (id, value, time) in self.slots.iter_mut().filter_map(Option::take) {
                other.set(id, value, time);
            }
            self.count = 0;
        }
    }
    /// The last value and its time.
    pub fn get(&self, id: FeatureId) -> Option<(f64, Time)> {
        self.slots.get(id.index())?.map(|(_, v, t)| (v, t))
    }
    /// All values by name.
    pub fn iter(&self) -> impl Iterator<Item = (FeatureId, f64, Time)> {
        let mut all: Vec<_> = self.slots.iter().flatten().copied().collect();
        all.sort_by_key(|s| s.0);
        all.into_iter()
    }
}

/// Everything as of now.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Now: nothing in this view became known later.
    pub now: Time,
    /// Prices and quotes.
    pub market: &'a Market,
    /// Published features.
    pub features: &'a FeatureValues,
    /// What is owned.
    pub portfolio: &'a Portfolio,
}
