//! Orders on their way: what is still to come of each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use tradewind_core_types::{OrderId, Quantity, Symbol, SymbolMap};

/// What is still to come of an order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Working {
    pub symbol: Symbol,
    /// With its sign: positive for buys.
    pub remaining: Quantity,
    /// Whether its end was reported before all of its fills were.
    pub ended: bool,
}

/// All of them, by number and by symbol.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "BTreeMap<OrderId, Working>", into = "BTreeMap<OrderId, Working>")]
pub(super) struct WorkingOrders {
    orders: BTreeMap<OrderId, Working>,
    /// In the order in which they came.
    by_symbol: SymbolMap<SmallVec<[OrderId; 2]>>,
}

impl From<BTreeMap<OrderId, Working>> for WorkingOrders {
    fn from(orders: BTreeMap<OrderId, Working>) -> Self {
        let mut all = Self::default();
        for (id, w) in orders {
            all.insert(id, w);
        }
        all
    }
}
impl From<WorkingOrders> for BTreeMap<OrderId, Working> {
    fn from(all: WorkingOrders) -> Self {
        all.orders
    }
}

impl WorkingOrders {
    pub fn insert(&mut self, id: OrderId, w: Working) {
        self.orders.insert(id, w);
        self.by_symbol.get_or_insert_with(w.symbol, SmallVec::new).push(id);
    }
    pub fn remove(&mut self, id: OrderId) -> Option<Working> {
        let w = self.orders.remove(&id)?;
        if let Some(own) = self.by_symbol.get_mut(w.symbol) {
            own.retain(|x| *x != id);
        }
        Some(w)
    }
    pub fn contains(&self, id: OrderId) -> bool {
        self.orders.contains_key(&id)
    }
    pub fn get_mut(&mut self, id: OrderId) -> Option<&mut Working> {
        self.orders.get_mut(&id)
    }
    /// Those of one symbol, in the order of their numbers.
    pub fn of(&self, symbol: Symbol) -> impl Iterator<Item = (OrderId, &Working)> {
        let own = self.by_symbol.get(symbol).into_iter().flatten();
        own.filter_map(|id| self.orders.get(id).map(|w| (*id, w)))
    }
    /// The symbol of each.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol> {
        self.orders.values().map(|w| w.symbol)
    }
}
