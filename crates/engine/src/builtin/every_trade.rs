//! An order on every trade: the hardest load for an engine, used to time it.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{Alpha, BadInput, Event, Interest, Kinds, MarketData, Plugin, Signal, Signals, View};

/// Wants half of equity, then nothing, and so on, changing its mind at every trade.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EveryTrade {
    long: bool,
}

impl Plugin for EveryTrade {
    fn id(&self) -> &'static str {
        "every_trade"
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::TRADE)
    }
}

impl Alpha for EveryTrade {
    #[inline]
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        if let (MarketData::Trade(_), Some(symbol)) = (&event.data, event.symbol) {
            self.long = !self.long;
            let score = if self.long { 0.5 } else { 0.0 };
            out.push(Signal::new(view.now, symbol, score, 1.0, "every trade")?);
        }
        Ok(())
    }
}
