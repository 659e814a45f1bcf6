//! Buy and hold: a full signal on each of some symbols from their first price on. The benchmark every strategy must face.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Alpha, BadInput, CorporateAction, Event, Interest, Kinds, MarketData, Plugin, Signal, Signals, Symbol, View,
};

/// Gives one signal per symbol, once, weighted by a fixed score in [0, 1]; and the same again under a new name of the symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuyAndHold {
    waiting: Vec<(Symbol, f64)>,
    held: Vec<(Symbol, f64)>,
}

impl BuyAndHold {
    /// Symbols with their fractions of equity.
    pub fn new(weights: Vec<(Symbol, f64)>) -> Self {
        Self { waiting: weights, held: Vec::new() }
    }
}

impl Plugin for BuyAndHold {
    fn id(&self) -> &'static str {
        "buy_and_hold"
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::BAR | Kinds::TRADE | Kinds::QUOTE).only(self.waiting.iter().chain(&self.held).map(|w| w.0))
    }
}

impl Alpha for BuyAndHold {
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        if let (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(from)) =
            (&event.data, event.symbol)
        {
            self.waiting.iter_mut().filter(|w| w.0 == from).for_each(|w| w.0 = *to);
            // A signal ends with the name it was given under.
            for w in self.held.iter_mut().filter(|w| w.0 == from) {
                w.0 = *to;
                out.push(Signal::new(view.now, *to, w.1, 1.0, "held under its new name")?);
            }
        }
        if self.waiting.is_empty() || event.mark().is_none() {
            return Ok(());
        }
        if let Some(i) = self.waiting.iter().position(|w| Some(w.0) == event.symbol) {
            let (symbol, weight) = self.waiting.swap_remove(i);
            self.held.push((symbol, weight));
            out.push(Signal::new(view.now, symbol, weight, 1.0, "held from its first price on")?);
        }
        Ok(())
    }
}
