//! The orders that work at the simulated exchange.

use super::groups::Link;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{BrokerReport, Cash, Order, OrderId, Price, Quantity, Said, Symbol, SymbolMap, Time};

/// A request that waits for its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Replacement {
    pub order: Order,
    pub attempt: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Working {
    pub order: Order,
    pub remaining: Quantity,
    /// How much has filled.
    pub filled: Quantity,
    pub triggered: bool,
    /// The best price since it works, for trailing stops.
    pub best: Option<Price>,
    /// What its fills cost, before fees.
    pub spent: Cash,
    /// When it expires, where that is not at a session's close.
    pub until: Option<Time>,
    /// What it hangs on.
    pub link: Option<Link>,
    /// What it is to be replaced by.
    pub replacement: Option<Box<Replacement>>,
    /// When it came, or of its last fill: it does nothing before.
    pub since: Time,
}

impl Working {
    /// One that has just come.
    pub fn new(order: Order, best: Option<Price>) -> Self {
        let (remaining, since) = (order.quantity, order.time);
        Self {
            order,
            remaining,
            filled: Quantity::ZERO,
            triggered: false,
            best,
            spent: Cash::ZERO,
            until: None,
            link: None,
            replacement: None,
            since,
        }
    }
    /// How much of it may fill now.
    pub fn live(&self) -> Quantity {
        self.remaining - self.link.map_or(Quantity::ZERO, |l| l.held)
    }
    pub fn report(&self, time: Time, said: Said) -> BrokerReport {
        BrokerReport { order: self.order.id, time, said }
    }
    pub fn expired(&self, time: Time) -> BrokerReport {
        self.report(time, Said::Expired { filled: self.filled })
    }
    pub fn cancelled(&self, time: Time) -> BrokerReport {
        self.report(time, Said::Cancelled { filled: self.filled })
    }
}

/// Working orders by symbol.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Working>", into = "Vec<Working>")]
pub(super) struct Book {
    pub by_symbol: SymbolMap<Vec<Working>>,
    pub count: usize,
}

impl From<Vec<Working>> for Book {
    fn from(all: Vec<Working>) -> Self {
        let mut b = Self::default();
        for w in all {
            b.push(w);
        }
        b
    }
}
impl From<Book> for Vec<Working> {
    fn from(b: Book) -> Self {
        let mut all: Vec<Working> = b.by_symbol.into_values().flatten().collect();
        all.sort_by_key(|w| w.order.id);
        all
    }
}
impl Book {
    pub fn push(&mut self, w: Working) {
        self.by_symbol.get_or_insert_with(w.order.symbol, Vec::new).push(w);
        self.count += 1;
    }
    pub fn find(&mut self, id: OrderId) -> Option<&mut Working> {
        self.by_symbol.values_mut().flatten().find(|w| w.order.id == id)
    }
    /// Takes an order out, with all that hang together with it.
    pub fn remove(&mut self, id: OrderId) -> Vec<Working> {
        let Some(queue) = self.by_symbol.values_mut().find(|q| q.iter().any(|w| w.order.id == id)) else {
            return Vec::new();
        };
        let group = queue.iter().find(|w| w.order.id == id).and_then(|w| w.link).map(|l| l.group);
        let hangs = |w: &mut Working| w.order.id == id || w.link.is_some_and(|l| Some(l.group) == group);
        let gone: Vec<Working> = queue.extract_if(.., hangs).collect();
        self.count -= gone.len();
        gone
    }
    #[inline]
    pub fn of(&mut self, symbol: Symbol) -> Option<&mut Vec<Working>> {
        self.by_symbol.get_mut(symbol).filter(|v| !v.is_empty())
    }
}
