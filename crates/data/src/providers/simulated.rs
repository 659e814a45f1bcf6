//! Records that never were, for trying things out without a network: those of the simulator with planted effects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::MarketData;

use super::error::{Fault, ProviderError};
use super::value::When;
use super::{Ask, Batch, Pending, Provider};
use crate::simulate::{Planted, PlantedSpec, SimulationSpec};
use crate::spec::Kind;

/// Simulated records of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SimulatedConfig {
    /// Name, also that of the file in the archive: letters, digits, `_` and `-`.
    pub name: String,
    /// What to give: `rating`, `earnings` or `search_trend`.
    pub kind: Kind,
    /// What is planted.
    pub planted: PlantedSpec,
    /// Seed and sessions; its symbols are those asked for.
    pub prices: SimulationSpec,
}

impl Default for SimulatedConfig {
    fn default() -> Self {
        Self {
            name: "simulated".into(),
            kind: Kind::Rating,
            planted: PlantedSpec::default(),
            prices: SimulationSpec::default(),
        }
    }
}

/// The provider.
#[derive(Debug)]
pub struct Simulated {
    config: SimulatedConfig,
}

impl Simulated {
    /// The provider.
    pub fn new(config: &SimulatedConfig) -> Self {
        Self { config: config.clone() }
    }
    fn get(&self, ask: &Ask) -> Result<Batch, Fault> {
        let symbols = vec![ask.symbol.as_str().to_owned()];
        let prices = SimulationSpec { symbols, index: None, ..self.config.prices.clone() };
        let events = Planted::new(&prices, &self.config.planted, 0)
            .map_err(|e| Fault::Unavailable { why: e.to_string().replace('\n', "; ") })?;
        let of_kind = |d: &MarketData| {
            matches!(
                (self.config.kind, d),
                (Kind::Rating, MarketData::Rating(_))
                    | (Kind::Earnings, MarketData::Earnings(_))
                    | (Kind::SearchTrend, MarketData::SearchTrend(_))
            )
        };
        let known = events.take_while(|e| e.time <= ask.now).filter(|e| of_kind(&e.data));
        let records = known.filter(|e| When::Instant(e.time).date().is_some_and(|d| ask.wants(d))).collect();
        Ok(Batch { records, notes: Vec::new() })
    }
}

impl Provider for Simulated {
    fn id(&self) -> &str {
        &self.config.name
    }
    fn kind(&self) -> Kind {
        self.config.kind
    }
    fn fetch<'a>(&'a mut self, ask: &'a Ask) -> Pending<'a> {
        let result = self.get(ask).map_err(|fault| ProviderError {
            provider: self.config.name.as_str().into(),
            symbol: None,
            place: "simulated".into(),
            fault,
        });
        Box::pin(std::future::ready(result))
    }
}
