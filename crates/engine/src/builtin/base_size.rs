//! The base size: a fixed fraction of equity for a full signal.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{Adjust, Adjustment, Interest, Plugin, Signal, Sizer, StrategyId, View};

/// Scales a signal by a fixed fraction of equity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaseSize(pub f64);

impl Plugin for BaseSize {
    fn id(&self) -> &'static str {
        "base"
    }
    fn listens(&self) -> Interest {
        Interest::nothing()
    }
}

impl Sizer for BaseSize {
    fn size(&mut self, _: StrategyId, _: &Signal, _: &View<'_>) -> Adjustment {
        Adjustment::new(Adjust::Scale(self.0), "of equity for a full signal")
    }
}
