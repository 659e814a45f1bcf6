//! fe_entropy as a feature and as a filter.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, Event, Feature, FeatureId, FeatureValues, Filter, Interest, Invalid, Kinds,
    MarketData, Online, Params, Plugin, Published, Signal, StrategyId, Symbol, View,
};

use super::{EntropyMethod, FeEntropy, FeEntropyIn, FeEntropyOut, FeEntropyParams};

/// One calculator for each symbol, fed by its bars and index levels.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct PerSymbol {
    method: EntropyMethod,
    low: f64,
    all: Vec<(Symbol, FeEntropy)>,
}

impl PerSymbol {
    fn new(p: &FeEntropyParams) -> Result<Self, Invalid> {
        let calculator = p.build()?;
        let all = p.symbols()?.into_iter().map(|s| (s, calculator.clone())).collect();
        Ok(Self { method: p.method, low: p.range().0, all })
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::BAR | Kinds::INDEX).only(self.all.iter().map(|c| c.0))
    }
    /// Feeds an event to its symbol's calculator: whose it was among the symbols, and what came out.
    fn on_event(&mut self, e: &Event) -> Result<Option<(usize, FeEntropyOut)>, BadInput> {
        let found = e.symbol.and_then(|s| self.all.iter_mut().enumerate().find(|(_, c)| c.0 == s));
        let Some((i, (_, calculator))) = found else { return Ok(None) };
        match &e.data {
            MarketData::Bar(b) | MarketData::Index(b) => {
                let out = calculator.update(&FeEntropyIn { close: b.close.to_f64() })?;
                Ok(out.map(|o| (i, o)))
            }
            MarketData::CorporateAction(action) => {
                calculator.adjust(action);
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}

/// Publishes `fe_entropy.SYMBOL.entropy` and `fe_entropy.SYMBOL.quality` at every bar. An unbounded entropy is not published: the
/// value before stays, with its time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeEntropyFeature {
    calculators: PerSymbol,
    /// Entropy and quality of each symbol.
    names: Vec<[FeatureId; 2]>,
}

impl FeEntropyFeature {
    /// From parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &FeEntropyParams) -> Result<Self, Invalid> {
        let calculators = PerSymbol::new(p)?;
        let name = |s: Symbol, what: &str| {
            FeatureId::new(&format!("fe_entropy.{s}.{what}")).map_err(|e| Invalid::one("symbols", e.to_string()))
        };
        let names = calculators
            .all
            .iter()
            .map(|(s, _)| Ok([name(*s, "entropy")?, name(*s, "quality")?]))
            .collect::<Result<_, Invalid>>()?;
        Ok(Self { calculators, names })
    }
}

impl Plugin for FeEntropyFeature {
    fn id(&self) -> &'static str {
        FeEntropyParams::ID
    }
    fn listens(&self) -> Interest {
        self.calculators.listens()
    }
}

impl Feature for FeEntropyFeature {
    fn outputs(&self) -> Vec<Published> {
        self.names.iter().flatten().map(|&id| Published { id, unit: "1" }).collect()
    }
    fn on_event(&mut self, event: &Event, _: &View<'_>, out: &mut FeatureValues) -> Result<(), BadInput> {
        if let Some((i, now)) = self.calculators.on_event(event)?
            && let Some([entropy, quality]) = self.names.get(i)
        {
            if let Some(h) = now.entropy {
                out.set(*entropy, h, event.time);
            }
            out.set(*quality, now.quality, event.time);
        }
        Ok(())
    }
}

/// Scales a signal by the quality of its first leg's symbol.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeEntropyFilter {
    calculators: PerSymbol,
    /// What each symbol's calculator gave last.
    last: Vec<Option<FeEntropyOut>>,
}

impl FeEntropyFilter {
    /// From parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &FeEntropyParams) -> Result<Self, Invalid> {
        let calculators = PerSymbol::new(p)?;
        let last = vec![None; calculators.all.len()];
        Ok(Self { calculators, last })
    }
}

impl Plugin for FeEntropyFilter {
    fn id(&self) -> &'static str {
        FeEntropyParams::ID
    }
    fn listens(&self) -> Interest {
        self.calculators.listens()
    }
    fn observe(&mut self, event: &Event, _: &View<'_>) -> Result<(), BadInput> {
        if let Some((i, now)) = self.calculators.on_event(event)?
            && let Some(slot) = self.last.get_mut(i)
        {
            *slot = Some(now);
        }
        Ok(())
    }
}

impl Filter for FeEntropyFilter {
    fn filter(&mut self, _: StrategyId, signal: &Signal, _: &View<'_>) -> Adjustment {
        let keep = |why: String| Adjustment::new(Adjust::Keep, why);
        let Some(leg) = signal.legs.first() else { return keep("signal without a leg".into()) };
        let Some(i) = self.calculators.all.iter().position(|c| c.0 == leg.symbol) else {
            return keep(format!("{} is not followed", leg.symbol));
        };
        let Some(now) = self.last.get(i).copied().flatten() else {
            return keep(format!("{} is not warm yet", leg.symbol));
        };
        let (method, low) = (self.calculators.method, self.calculators.low);
        match now.entropy {
            Some(h) => {
                let sign = if h > low { ">" } else { "<=" };
                Adjustment::new(Adjust::Scale(now.quality), format!("{method} {h:.3} {sign} {low:.3}"))
                    .with("entropy", h)
                    .with("low", low)
            }
            None => Adjustment::new(Adjust::Scale(now.quality), format!("{method} unbounded")),
        }
    }
}
