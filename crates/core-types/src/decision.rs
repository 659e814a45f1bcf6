//! Decisions as lists of steps: the list is the explanation, and it multiplies out to the order.

use serde::{Deserialize, Serialize};

use crate::approval::ApprovedOrder;
use crate::error::BadInput;
use crate::event::Origin;
use crate::money::{Cash, Price, Quantity};
use crate::name::{Name, StrategyId, Symbol};
use crate::order::{Order, OrderId};
use crate::step::Step;
use crate::time::Time;

/// What one strategy wants of one symbol, step by step from its signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// Which strategy.
    pub strategy: StrategyId,
    /// When its signal was given.
    pub signal_time: Time,
    /// Signal, filters, sizer, overlays, allocators.
    pub steps: Vec<Step>,
    /// The leg's ratio, by which the folded value is multiplied last.
    pub ratio: f64,
    /// Fraction of equity wanted: the last step's value times the ratio.
    pub weight: f64,
}

/// From a weight to a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sizing {
    /// Equity at the decision.
    pub equity: Cash,
    /// The price it was sized at, as of the decision.
    pub price: Price,
    /// When that price became known.
    pub price_time: Time,
    /// The data row it came from.
    pub price_origin: Origin,
    /// Quantities are multiples of this.
    pub lot: Quantity,
    /// Quantity wanted: weight x equity / price, towards zero to a billionth of a share and then to a lot.
    pub target: Quantity,
    /// Quantity held.
    pub held: Quantity,
    /// Quantity of orders still working (signed).
    pub working: Quantity,
}

impl Sizing {
    /// What remains to be traded: target - held - working.
    pub fn delta(&self) -> Quantity {
        self.target - self.held - self.working
    }
    /// How much of that one order may trade, with its sign: it takes a position at most to zero, both what is held and what will be held once all
    /// that works has filled. The rest is decided when the position is closed.
    pub fn tradable(&self) -> Quantity {
        let delta = self.delta();
        let on_the_other_side = |q: Quantity| if delta < Quantity::ZERO { q } else { -q };
        let held = on_the_other_side(self.held);
        let expected = on_the_other_side(self.held + self.working);
        if held.max(expected) <= Quantity::ZERO {
            return delta;
        }
        let most = held.min(expected).clamp(Quantity::ZERO, delta.abs());
        if delta < Quantity::ZERO { -most } else { most }
    }
    /// The quantity for a weight at an equity and price: towards zero to a billionth of a share, then to a lot. It is never worth more than the weight
    /// allows, but for the rounding of the weight itself: a quotient that is whole but for its last digits is whole.
    ///
    /// # Errors
    /// When the result is not finite or beyond the range of quantities.
    #[inline]
    pub fn quantity(weight: f64, equity: Cash, price: Price, lot: Quantity) -> Result<Quantity, BadInput> {
        let wanted = weight * equity.to_f64();
        let nearest = Quantity::from_f64(wanted / price.to_f64())?;
        let beyond = (price * nearest).to_f64().abs() > wanted.abs() * (1.0 + 4.0 * f64::EPSILON);
        let towards_zero = if beyond { Quantity::from_nanos(nearest.nanos() - nearest.signum())? } else { nearest };
        Ok(towards_zero.round_to_lot(lot))
    }
}

/// The step that cuts an order to what [`Sizing::tradable`] gives.
pub const ZERO_CROSSING: Name = Name::lit("zero_crossing");

/// How a decision ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An order was approved.
    Ordered(OrderId),
    /// Nothing was traded, and why.
    NotTraded(String),
}

/// The decision on one symbol at one instant, taken or not taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Number within the run, from 1.
    pub id: u64,
    /// When it was taken.
    pub time: Time,
    /// About what.
    pub symbol: Symbol,
    /// What each strategy wants.
    pub contributions: Vec<Contribution>,
    /// What portfolio rules made of the sum.
    pub rules: Vec<Step>,
    /// Fraction of equity wanted in the end.
    pub weight: f64,
    /// From weight to quantity; `None` when the symbol has no price yet.
    pub sizing: Option<Sizing>,
    /// Last looks at the order.
    pub checks: Vec<Step>,
    /// How it ended.
    pub outcome: Outcome,
}

/// Applies steps to a value and checks each noted result, bit by bit.
fn replay(steps: &[Step], start: f64) -> Result<f64, BadInput> {
    steps.iter().try_fold(start, |value, s| {
        let after = s.adjustment.adjust.apply(value);
        if after.to_bits() == s.after.to_bits() {
            Ok(after)
        } else {
            Err(BadInput::new(format!("step {}", s.plugin), s.after.to_string(), format!("{after}")))
        }
    })
}

impl Decision {
    /// What its order may trade, with its sign: see [`Sizing::tradable`].
    fn trade(&self) -> Quantity {
        self.sizing.map_or(Quantity::ZERO, |s| s.tradable())
    }
    /// Multiplies the steps out again and checks every intermediate value and the final quantity, bit by bit.
    ///
    /// # Errors
    /// The first value that does not follow from the steps before it.
    pub fn verify(&self) -> Result<(), BadInput> {
        let mut sum = 0.0;
        for c in &self.contributions {
            let weight = replay(&c.steps, 0.0)? * c.ratio;
            if weight.to_bits() != c.weight.to_bits() {
                return Err(BadInput::new(
                    format!("weight of {}", c.strategy),
                    c.weight.to_string(),
                    weight.to_string(),
                ));
            }
            sum += weight;
        }
        let weight = replay(&self.rules, sum)?;
        if weight != self.weight {
            return Err(BadInput::new("weight", self.weight.to_string(), weight.to_string()));
        }
        if let Some(s) = &self.sizing {
            let target = Sizing::quantity(weight, s.equity, s.price, s.lot)?;
            if target != s.target {
                return Err(BadInput::new("target quantity", s.target.to_string(), target.to_string()));
            }
        }
        if let Outcome::Ordered(id) = self.outcome {
            let trade = self.trade();
            if trade.is_zero() {
                return Err(BadInput::new(format!("order {}", id.0), "ordered", "a quantity to trade"));
            }
            if self.sizing.is_some_and(|s| s.delta() != trade) && !self.checks.iter().any(|s| s.plugin == ZERO_CROSSING)
            {
                return Err(BadInput::new("steps", "none", format!("{ZERO_CROSSING}, which cuts the order")));
            }
            // Every last look saw the quantity that follows from the sizing, and let all of it through.
            let wanted = trade.abs().to_f64();
            if let Some(s) = self.checks.iter().find(|s| s.after.to_bits() != wanted.to_bits()) {
                return Err(BadInput::new(
                    format!("quantity after {}", s.plugin),
                    s.after.to_string(),
                    wanted.to_string(),
                ));
            }
        }
        Ok(())
    }

    /// [`Decision::verify`], and that this order is the one that follows from it: its number, time, symbol, side and quantity.
    ///
    /// # Errors
    /// The first that does not follow.
    pub fn verify_order(&self, order: &Order) -> Result<(), BadInput> {
        self.verify()?;
        let differs = |what: &str, found: String, expected: String| Err(BadInput::new(what, found, expected));
        if self.outcome != Outcome::Ordered(order.id) || self.id != order.decision {
            return differs("order", format!("{:?}", order.id), format!("{:?} of decision {}", self.outcome, self.id));
        }
        if (self.symbol, self.time) != (order.symbol, order.time) {
            let text = |s: Symbol, t: Time| format!("{s} at {t}");
            return differs("order", text(order.symbol, order.time), text(self.symbol, self.time));
        }
        let trade = self.trade();
        if trade != order.signed() {
            return differs("order quantity", order.signed().to_string(), trade.to_string());
        }
        Ok(())
    }

    /// [`Decision::verify`], and that all children of its order together have no more of it than follows from it: for each child the symbol, and
    /// that its shares sum to its quantity; over all of them this decision's shares, on its side and within its quantity.
    ///
    /// # Errors
    /// The first that does not follow.
    pub fn verify_children(&self, children: &[ApprovedOrder]) -> Result<(), BadInput> {
        self.verify()?;
        let mut own = Quantity::ZERO;
        for c in children {
            let (order, shares) = (c.order(), c.shares());
            if order.symbol != self.symbol || order.time < self.time {
                let text = |s: Symbol, t: Time| format!("{s} at {t}");
                return Err(BadInput::new("child", text(order.symbol, order.time), text(self.symbol, self.time)));
            }
            let sum: Quantity = shares.iter().map(|s| s.quantity).sum();
            if sum != order.signed() {
                return Err(BadInput::new("shares of a child", sum.to_string(), order.signed().to_string()));
            }
            for s in shares.iter().filter(|s| s.decision == self.id) {
                if self.outcome != Outcome::Ordered(s.order) {
                    let found = format!("{:?} of decision {}", s.order, self.id);
                    return Err(BadInput::new("share", found, format!("{:?}", self.outcome)));
                }
                own += s.quantity;
            }
        }
        let trade = self.trade();
        if own.abs() > trade.abs() || own.signum() * trade.signum() < 0 {
            return Err(BadInput::new("quantity of all children", own.to_string(), format!("at most {trade}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adjust::{Adjust, Adjustment};
    use crate::step::Stage;
    use crate::{FeatureValues, Market, Portfolio, View, approve};

    fn step(stage: Stage, adjust: Adjust, after: f64) -> Step {
        Step { stage, plugin: Name::lit("x"), adjustment: Adjustment::new(adjust, "because"), after }
    }

    fn decision() -> Decision {
        let price: Price = "195.587".parse().unwrap();
        let equity: Cash = "98211.07".parse().unwrap();
        let weight = 0.42 * 0.5 * 0.25;
        Decision {
            id: 1,
            time: Time::MIN,
            symbol: Symbol::new("SPY").unwrap(),
            contributions: vec![Contribution {
                strategy: StrategyId::new("s").unwrap(),
                signal_time: Time::MIN,
                steps: vec![
                    step(Stage::Signal, Adjust::Set(0.42), 0.42),
                    step(Stage::Filter, Adjust::Scale(0.5), 0.42 * 0.5),
                    step(Stage::Sizer, Adjust::Scale(0.25), weight),
                ],
                ratio: 1.0,
                weight,
            }],
            rules: vec![step(Stage::Rule, Adjust::Cap(1.0), weight)],
            weight,
            sizing: Some(Sizing {
                equity,
                price,
                price_time: Time::MIN,
                price_origin: Origin::default(),
                lot: Quantity::from_nanos(1).unwrap(),
                target: Sizing::quantity(weight, equity, price, Quantity::ZERO).unwrap(),
                held: Quantity::ZERO,
                working: Quantity::ZERO,
            }),
            checks: vec![],
            outcome: Outcome::NotTraded("test".into()),
        }
    }

    #[test]
    fn steps_multiply_out_and_any_change_is_noticed() {
        decision().verify().unwrap();
        let json = serde_json::to_string(&decision()).unwrap();
        let back: Decision = serde_json::from_str(&json).unwrap();
        assert_eq!(back, decision());
        let mut d = decision();
        d.contributions[0].steps[1].adjustment.adjust = Adjust::Scale(0.500_000_000_000_001);
        assert!(d.verify().is_err());
        let mut d = decision();
        d.weight += 1e-17;
        d.sizing.as_mut().unwrap().target += Quantity::from_nanos(1).unwrap();
        assert!(d.verify().is_err());
    }

    #[test]
    fn the_order_follows_from_the_decision() {
        use crate::order::{OrderKind, Side, TimeInForce};
        let mut d = decision();
        let quantity = d.sizing.unwrap().target;
        d.outcome = Outcome::Ordered(OrderId(7));
        d.checks = vec![step(Stage::PreTrade, Adjust::Keep, quantity.to_f64())];
        let order = Order {
            id: OrderId(7),
            decision: 1,
            time: Time::MIN,
            symbol: d.symbol,
            side: Side::Buy,
            quantity,
            kind: OrderKind::Market,
            tif: TimeInForce::Gtc,
        };
        d.verify_order(&order).unwrap();
        let market = (Market::default(), FeatureValues::default(), Portfolio::default());
        let view = View::new(Time::MIN, &market.0, &market.1, &market.2);
        let whole = approve(order.clone(), [], &view, &mut Vec::new()).unwrap();
        let first = Quantity::from_nanos(10).unwrap();
        let children = whole.split(&[first, quantity - first]).unwrap();
        d.verify_children(&children).unwrap();
        d.verify_children(&children[1..]).unwrap();
        let twice = [whole.clone(), children[0].clone()];
        assert!(d.verify_children(&twice).is_err(), "more than was decided");
        assert!(Decision { symbol: Symbol::new("TLT").unwrap(), ..d.clone() }.verify_children(&children).is_err());
        assert!(Decision { outcome: Outcome::Ordered(OrderId(8)), ..d.clone() }.verify_children(&children).is_err());
        let one = Quantity::from_nanos(1).unwrap();
        for wrong in [
            Order { quantity: quantity + one, ..order.clone() },
            Order { side: Side::Sell, ..order.clone() },
            Order { id: OrderId(8), ..order.clone() },
            Order { symbol: Symbol::new("TLT").unwrap(), ..order.clone() },
        ] {
            assert!(d.verify_order(&wrong).is_err(), "{wrong:?}");
        }
        d.checks[0].after += 1.0;
        assert!(d.verify().is_err(), "a check saw another quantity");
        d.sizing = None;
        assert!(d.verify().is_err(), "ordered without a sizing");
    }
}
