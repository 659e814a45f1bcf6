//! What is known as of now: everything that plugins may see.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{FeatureValues, Market, StrategyRecords, Time, View, WorkingOrders};

use crate::ledger::Ledger;

/// The part of the state that views show.
#[derive(Serialize, Deserialize)]
pub(super) struct Known {
    pub clock: Time,
    pub market: Market,
    pub features: FeatureValues,
    pub ledger: Ledger,
    pub working: WorkingOrders,
    /// Whether a session is open, once one has opened or closed.
    pub in_session: Option<bool>,
    /// What strategies' signals were worth.
    pub records: StrategyRecords,
}

impl Known {
    /// As of now.
    #[inline]
    pub fn view(&self) -> View<'_> {
        self.at(self.clock)
    }
    /// The same at a later instant of which nothing is known yet.
    #[inline]
    pub fn at(&self, now: Time) -> View<'_> {
        View {
            now,
            market: &self.market,
            features: &self.features,
            portfolio: self.ledger.portfolio(),
            working: &self.working,
            in_session: self.in_session,
            records: &self.records,
        }
    }
}
