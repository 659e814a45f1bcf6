//! The orders that work at the simulated exchange.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{BrokerReport, Order, Quantity, Said, Symbol, SymbolMap, Time};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Working {
    pub order: Order,
    pub remaining: Quantity,
    pub triggered: bool,
    /// When it came, or of its last fill: it does nothing before.
    pub since: Time,
}

impl Working {
    /// How much has filled so far.
    pub fn filled(&self) -> Quantity {
        self.order.quantity - self.remaining
    }
    pub fn report(&self, time: Time, said: Said) -> BrokerReport {
        BrokerReport { order: self.order.id, time, said }
    }
    pub fn expired(&self, time: Time) -> BrokerReport {
        self.report(time, Said::Expired { filled: self.filled() })
    }
    pub fn cancelled(&self, time: Time) -> BrokerReport {
        self.report(time, Said::Cancelled { filled: self.filled() })
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
    #[inline]
    pub fn of(&mut self, symbol: Symbol) -> Option<&mut Vec<Working>> {
        self.by_symbol.get_mut(symbol).filter(|v| !v.is_empty())
    }
}
