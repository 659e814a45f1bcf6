//! Portfolio limits: each symbol, and gross exposure as a whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Adjust, Adjustment, Invalid, Plugin, Rule, RuleStep, Symbol, View};

/// Limits as fractions of equity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsParams {
    /// Largest size of one symbol's weight, above 0, at most 10.
    pub symbol: f64,
    /// Largest sum of the sizes of all weights, above 0, at most 10.
    pub gross: f64,
}

impl Default for LimitsParams {
    fn default() -> Self {
        Self { symbol: 1.0, gross: 0.98 }
    }
}

impl LimitsParams {
    /// Checks and builds.
    ///
    /// # Errors
    /// All violations.
    pub fn build(&self) -> Result<Limits, Invalid> {
        let mut bad = Invalid::default();
        bad.require(self.symbol > 0.0 && self.symbol <= 10.0, "symbol", self.symbol, "above 0, at most 10");
        bad.require(self.gross > 0.0 && self.gross <= 10.0, "gross", self.gross, "above 0, at most 10");
        bad.into_result(Limits(self.clone()))
    }
}

/// The rule: caps each symbol, then scales all alike until gross exposure fits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limits(LimitsParams);

impl Plugin for Limits {
    fn id(&self) -> &'static str {
        "limits"
    }
}

impl Rule for Limits {
    fn apply(&mut self, targets: &[(Symbol, f64)], _: &View<'_>) -> Vec<RuleStep> {
        let mut steps = Vec::new();
        let mut gross = 0.0;
        for &(symbol, weight) in targets {
            if weight.abs() > self.0.symbol {
                let adjustment = Adjustment::new(Adjust::Cap(self.0.symbol), "limit per symbol").with("weight", weight);
                steps.push(RuleStep { symbol, adjustment });
            }
            gross += weight.abs().min(self.0.symbol);
        }
        if gross > self.0.gross {
            let factor = self.0.gross / gross;
            steps.extend(targets.iter().filter(|t| t.1 != 0.0).map(|&(symbol, _)| {
                RuleStep {
                    symbol,
                    adjustment: Adjustment::new(Adjust::Scale(factor), "limit on gross exposure")
                        .with("gross", gross)
                        .with("limit", self.0.gross),
                }
            }));
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::{FeatureValues, Market, Portfolio, Time};

    proptest::proptest! {
        #[test]
        fn result_obeys_both_limits_and_never_grows(ws in proptest::collection::vec(-3.0..3.0_f64, 1..8), s in 0.1..2.0_f64, g in 0.1..2.0_f64) {
            let mut rule = LimitsParams { symbol: s, gross: g }.build().unwrap();
            let targets: Vec<_> = ws.iter().enumerate().map(|(i, w)| (Symbol::new(&format!("S{i}")).unwrap(), *w)).collect();
            let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
            let view = View { now: Time::MIN, market: &market, features: &features, portfolio: &portfolio };
            let mut after = targets.clone();
            for step in rule.apply(&targets, &view) {
                let t = after.iter_mut().find(|t| t.0 == step.symbol).unwrap();
                t.1 = step.adjustment.adjust.apply(t.1);
            }
            for (a, b) in after.iter().zip(&targets) {
                proptest::prop_assert!(a.1.abs() <= s * (1.0 + 1e-12) && a.1.abs() <= b.1.abs() + 1e-15);
            }
            proptest::prop_assert!(after.iter().map(|t| t.1.abs()).sum::<f64>() <= g * (1.0 + 1e-12));
        }
    }
}
