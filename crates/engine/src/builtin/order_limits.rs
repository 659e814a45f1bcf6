//! Order limits: the last look at every order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Adjust, Adjustment, Invalid, Order, Plugin, PreTrade, Span, Verdict, View};

/// Limits on a single order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OrderLimitsParams {
    /// Largest order as a fraction of equity, above 0, at most 10.
    pub max_order: f64,
    /// Oldest price an order may be based on, in days, above 0, at most 365.
    pub max_price_age_days: f64,
}

impl Default for OrderLimitsParams {
    fn default() -> Self {
        Self { max_order: 2.0, max_price_age_days: 5.0 }
    }
}

impl OrderLimitsParams {
    /// Checks and builds.
    ///
    /// # Errors
    /// All violations.
    pub fn build(&self) -> Result<OrderLimits, Invalid> {
        let mut bad = Invalid::default();
        bad.require(self.max_order > 0.0 && self.max_order <= 10.0, "max_order", self.max_order, "above 0, at most 10");
        let age = self.max_price_age_days;
        bad.require(age > 0.0 && age <= 365.0, "max_price_age_days", age, "above 0, at most 365");
        bad.into_result(OrderLimits(self.clone()))
    }
}

/// The check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderLimits(OrderLimitsParams);

impl Plugin for OrderLimits {
    fn id(&self) -> &'static str {
        "order_limits"
    }
}

impl PreTrade for OrderLimits {
    fn check(&mut self, order: &Order, view: &View<'_>) -> (Verdict, Adjustment) {
        let skip = |reason: &'static str, name, value| {
            (Verdict::Skip, Adjustment::new(Adjust::Veto, reason).with(name, value))
        };
        let Some(last) = view.market.last(order.symbol) else { return skip("no price is known", "price", 0.0) };
        let age = view.now.since(last.time);
        if age > Span::from_nanos((self.0.max_price_age_days * Span::DAY.nanos() as f64) as i64) {
            return skip("the last price is too old", "age_days", age.days());
        }
        let (value, equity) = ((last.price * order.quantity).to_f64(), view.portfolio.equity().to_f64());
        // An order that reduces the position is never held back for its size.
        let held = view.portfolio.quantity(order.symbol);
        let reduces = (held + order.signed()).abs() < held.abs();
        if !reduces && value > self.0.max_order * equity {
            return skip("larger than the largest order allowed", "value", value);
        }
        (Verdict::Send, Adjustment::new(Adjust::Keep, "within order limits").with("value", value))
    }
}
