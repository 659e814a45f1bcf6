//! What a plugin may see: the market, features and portfolio as of now, and no way to ask for later.

use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, Session};
use crate::event::{Event, MarketData, Origin, Quote};
use crate::money::Price;
use crate::name::{FeatureId, Symbol};
use crate::places::Places;
use crate::portfolio::Portfolio;
use crate::records::StrategyRecords;
use crate::time::Time;
use crate::working::WorkingOrders;

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

/// The last of every symbol.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Last>", into = "Vec<Last>")]
pub struct Market {
    /// In the order in which the symbols came.
    slots: Vec<Option<Last>>,
    places: Places,
}

impl PartialEq for Market {
    fn eq(&self, o: &Self) -> bool {
        Vec::from(self.clone()) == Vec::from(o.clone())
    }
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
    #[inline]
    fn slot(&mut self, symbol: Symbol) -> &mut Option<Last> {
        let at = self.places.get(symbol.index()).unwrap_or_else(|| self.add(symbol));
        &mut self.slots[at]
    }
    #[cold]
    fn add(&mut self, symbol: Symbol) -> usize {
        self.slots.push(None);
        self.places.set(symbol.index(), self.slots.len() - 1);
        self.slots.len() - 1
    }

    /// Takes an event in. Gives its price when something held is marked at it: not that of an index, and not that of an event which comes late,
    /// after a later one of its symbol (live sources may do this). Such an event changes no price.
    #[inline]
    pub fn apply(&mut self, e: &Event) -> Option<Price> {
        let symbol = e.symbol?;
        let (price, index) = match &e.data {
            MarketData::Index(b) => (Some(b.close), true),
            MarketData::CorporateAction(crate::CorporateAction::SymbolChange { to }) => {
                if let Some(old) = self.slot(symbol).take() {
                    *self.slot(*to) = Some(Last { symbol: *to, ..old });
                }
                return None;
            }
            MarketData::CorporateAction(crate::CorporateAction::Delisting { .. }) => {
                *self.slot(symbol) = None;
                return None;
            }
            MarketData::CorporateAction(crate::CorporateAction::Split { numerator, denominator }) => {
                // Until it trades again the last price is worth what it was for as many more shares; quotes mean nothing any more.
                if let Some(l) = self.slot(symbol) {
                    l.price = l.price.split(*numerator, *denominator);
                    l.quote = None;
                }
                return None;
            }
            _ => (e.mark(), false),
        };
        let price = price?;
        let quote = if let MarketData::Quote(q) = e.data { Some((q, e.time)) } else { None };
        let bar = matches!(e.data, MarketData::Bar(_)).then_some(e.time);
        match self.slot(symbol) {
            Some(l) if e.time < l.time => {
                l.bar = l.bar.max(bar);
                if quote.is_some_and(|(_, t)| l.quote.is_none_or(|known| known.1 <= t)) {
                    l.quote = quote;
                }
                return None;
            }
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
        (!index).then_some(price)
    }

    /// The last of a symbol.
    #[inline]
    pub fn last(&self, symbol: Symbol) -> Option<&Last> {
        self.slots.get(self.places.get(symbol.index())?)?.as_ref()
    }
    /// The last price of a symbol.
    #[inline]
    pub fn price(&self, symbol: Symbol) -> Option<Price> {
        self.last(symbol).map(|l| l.price)
    }
}

/// A published value: what, how much, when it was computed, and the how-manieth it was of all that were published.
type Slot = (FeatureId, f64, Time, u64);

/// Named values published by features, with the time each was computed.
///
/// Features publish in the order of their calls of [`FeatureValues::set`]. Of a name that is set twice in one call of a feature the last
/// value counts, once.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Slot>", into = "Vec<Slot>")]
pub struct FeatureValues {
    /// In the order in which the names came.
    slots: Vec<Slot>,
    places: Places,
    /// The number of the last value published.
    published: u64,
}

impl PartialEq for FeatureValues {
    fn eq(&self, o: &Self) -> bool {
        Vec::from(self.clone()) == Vec::from(o.clone()) && self.published == o.published
    }
}

impl From<Vec<Slot>> for FeatureValues {
    fn from(all: Vec<Slot>) -> Self {
        let mut v = Self::default();
        for slot in all {
            v.put(slot);
        }
        v
    }
}

impl From<FeatureValues> for Vec<Slot> {
    fn from(v: FeatureValues) -> Self {
        let mut all = v.slots;
        all.sort_by_key(|s| s.0);
        all
    }
}

impl FeatureValues {
    fn put(&mut self, slot: Slot) {
        self.published = self.published.max(slot.3);
        match self.places.get(slot.0.index()).and_then(|at| self.slots.get_mut(at)) {
            Some(old) => *old = slot,
            None => {
                self.places.set(slot.0.index(), self.slots.len());
                self.slots.push(slot);
            }
        }
    }
    fn slot(&self, id: FeatureId) -> Option<&Slot> {
        self.slots.get(self.places.get(id.index())?)
    }
    /// Publishes a value. A value that is not finite is not published: the one before stays, with its time.
    pub fn set(&mut self, id: FeatureId, value: f64, time: Time) {
        if value.is_finite() {
            self.put((id, value, time, self.published + 1));
        }
    }
    /// Moves everything published here into `other`, in the order in which the names were first set, keeping the memory. It costs what
    /// was published.
    #[inline]
    pub fn move_into(&mut self, other: &mut FeatureValues) {
        for (id, value, time, _) in self.slots.drain(..) {
            self.places.remove(id.index());
            other.set(id, value, time);
        }
    }
    /// The last value and its time.
    pub fn get(&self, id: FeatureId) -> Option<(f64, Time)> {
        self.slot(id).map(|(_, v, t, _)| (*v, *t))
    }
    /// The last value when it was published after `seen`, which is then moved on to it: how a feature takes in every value of
    /// another one just once.
    pub fn fresh(&self, id: FeatureId, seen: &mut u64) -> Option<f64> {
        let (_, value, _, number) = *self.slot(id)?;
        (number > *seen).then(|| {
            *seen = number;
            value
        })
    }
    /// All values by name.
    pub fn iter(&self) -> impl Iterator<Item = (FeatureId, f64, Time)> {
        let mut all: Vec<_> = self.slots.iter().map(|s| (s.0, s.1, s.2)).collect();
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
    /// Orders on their way.
    pub working: &'a WorkingOrders,
    /// Whether the data say that a session is open; `None` before they have said anything.
    pub in_session: Option<bool>,
    /// What strategies' signals were worth.
    pub records: &'a StrategyRecords,
}

impl<'a> View<'a> {
    /// A view without orders on their way and records of strategies, of data that have not said whether a session is open.
    pub fn new(now: Time, market: &'a Market, features: &'a FeatureValues, portfolio: &'a Portfolio) -> Self {
        let (working, records) = (WorkingOrders::none(), StrategyRecords::none());
        Self { now, market, features, portfolio, working, in_session: None, records }
    }
    /// The scheduled session that is running or, between sessions, the next one: hours are announced long before.
    pub fn session(&self) -> Option<Session> {
        Calendar::us_equities().session_or_next(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_value_is_fresh_once_also_after_a_restart() {
        let id = FeatureId::new("fe_x.SPY.value").unwrap();
        let (mut all, mut out, mut seen) = (FeatureValues::default(), FeatureValues::default(), 0);
        assert_eq!(all.fresh(id, &mut seen), None);
        out.set(id, 1.0, Time::MIN);
        out.move_into(&mut all);
        assert_eq!((all.fresh(id, &mut seen), all.fresh(id, &mut seen)), (Some(1.0), None));
        let mut all: FeatureValues = postcard::from_bytes(&postcard::to_stdvec(&all).unwrap()).unwrap();
        assert_eq!(all.fresh(id, &mut seen), None);
        // The same value at the same instant is a new one all the same.
        out.set(id, 1.0, Time::MIN);
        out.set(id, f64::NAN, Time::MIN);
        out.move_into(&mut all);
        assert_eq!((all.fresh(id, &mut seen), all.fresh(id, &mut seen)), (Some(1.0), None));
    }
}
