//! Settings of the simulated exchange.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Invalid, Symbol};

use crate::costs::Costs;

/// What may be sold short.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shorting {
    /// Nothing: orders that would go short are rejected.
    #[default]
    None,
    /// Everything.
    All,
    /// These symbols.
    Only(Vec<String>),
}

/// How the exchange treats orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExchangeConfig {
    /// Slippage and commissions.
    pub costs: Costs,
    /// What may be sold short.
    pub shorting: Shorting,
    /// Largest gross exposure as a multiple of equity that a fill may lead to, 1 (cash account) to 10.
    pub leverage: f64,
}

impl Default for ExchangeConfig {
    fn default() -> Self {
        Self { costs: Costs::default(), shorting: Shorting::None, leverage: 1.0 }
    }
}

impl ExchangeConfig {
    /// Checks ranges.
    ///
    /// # Errors
    /// All violations.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        bad.absorb(self.costs.slippage.check().map_err(|e| e.under("costs.slippage")));
        bad.absorb(self.costs.commission.check().map_err(|e| e.under("costs.commission")));
        bad.require((1.0..=10.0).contains(&self.leverage), "leverage", self.leverage, "1 to 10");
        if let Shorting::Only(names) = &self.shorting {
            for n in names {
                bad.require(Symbol::new(n).is_ok(), "shorting", n, "a symbol");
            }
        }
        bad.into_result(())
    }
}
