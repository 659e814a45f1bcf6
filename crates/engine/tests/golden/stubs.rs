//! Plugins that answer by chance, but always the same.

use serde::{Deserialize, Serialize};
use tradewind_core_types::testkit::Rng;
use tradewind_core_types::{
    Adjust, Adjustment, Allocator, Alpha, BadInput, Event, Feature, FeatureId, FeatureValues, Filter, MarketData,
    Metrics, Order, Overlay, Plugin, PreTrade, Proposal, Published, Rule, RulePhase, RuleStep, Signal, Signals, Sizer,
    Span, StrategyId, Symbol, Verdict, View,
};

/// A number in (0, 1) for a question.
fn chance(seed: u64, of: u64) -> f64 {
    let mut rng = Rng(seed.wrapping_mul(0x9E37_79B9).wrapping_add(of));
    rng.next_u64();
    rng.uniform()
}
fn of(symbol: Symbol, view: &View<'_>) -> u64 {
    symbol.as_str().bytes().fold(view.now.nanos() as u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)))
}

/// An alpha that changes its mind about one bar, trade or quote in `every`.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Whim {
    pub seed: u64,
    pub every: f64,
    /// The other leg of each signal, and its ratio.
    pub leg: Option<(Symbol, f64)>,
    /// Whether scores below zero are given.
    pub shorts: bool,
    /// Whether some signals end by themselves or bring exits of their own.
    pub ends: bool,
    /// Whether one event in a hundred is refused.
    pub refuses: bool,
}
impl Plugin for Whim {
    fn id(&self) -> &'static str {
        "whim"
    }
}
impl Alpha for Whim {
    fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        let (MarketData::Bar(_) | MarketData::Trade(_) | MarketData::Quote(_), Some(symbol)) = (&e.data, e.symbol)
        else {
            return Ok(());
        };
        let mut rng = Rng(self.seed ^ (u64::from(e.origin.row) << 20));
        rng.next_u64();
        if self.refuses && rng.uniform() < 0.01 {
            return Err(BadInput::new("mood", "bad", "a good one"));
        }
        if rng.uniform() * self.every > 1.0 || self.leg.is_some_and(|l| l.0 == symbol) {
            return Ok(());
        }
        let score = ((8.0 * rng.uniform()).floor() / 4.0 - 0.75).min(1.0);
        let score = if self.shorts { score } else { score.max(0.0) };
        let mut s = Signal::new(view.now, symbol, score, rng.uniform(), "a whim")?.with("score", score);
        if self.ends {
            let one = Span::from_secs(5_000 + (400_000.0 * rng.uniform()) as i64);
            s.expires = (rng.uniform() < 0.3).then(|| view.now.plus(one));
            s.take_profit = (rng.uniform() < 0.2).then_some(0.04);
            s.stop_loss = (rng.uniform() < 0.2).then_some(0.02);
        }
        if let Some((other, ratio)) = self.leg {
            s = s.and(other, ratio);
        }
        out.push(s);
        Ok(())
    }
}

/// Publishes how far each close lies from a slow mean of its own.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Stretch(Vec<(Symbol, f64)>);
impl Plugin for Stretch {
    fn id(&self) -> &'static str {
        "stretch"
    }
    fn metrics(&self, out: &mut Metrics) {
        out.push(("means", self.0.iter().map(|m| m.1).sum()));
    }
}
fn stretch_of(symbol: Symbol) -> FeatureId {
    FeatureId::new(&format!("stretch.{symbol}")).unwrap()
}
impl Feature for Stretch {
    fn outputs(&self) -> Vec<Published> {
        let names = crate::market::TRADED.iter().map(|s| crate::market::symbol(s));
        names.map(|s| Published { id: stretch_of(s), unit: "1" }).collect()
    }
    fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut FeatureValues) -> Result<(), BadInput> {
        let (MarketData::Bar(b), Some(symbol)) = (&e.data, e.symbol) else { return Ok(()) };
        let x = b.close.to_f64();
        match self.0.iter_mut().find(|m| m.0 == symbol) {
            Some((_, mean)) => {
                *mean += 0.1 * (x - *mean);
                out.set(stretch_of(symbol), x / *mean - 1.0, view.now);
            }
            None => self.0.push((symbol, x)),
        }
        Ok(())
    }
}

/// Scales, caps, keeps or vetoes by chance, in every role that answers with an adjustment.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Moody {
    pub seed: u64,
    /// The phase as a rule: a hedge adds to SPY.
    pub decay: bool,
    pub hedge: bool,
    /// How many session closes it has seen.
    pub closes: u32,
}
impl Moody {
    pub fn new(seed: u64) -> Box<Self> {
        Box::new(Self { seed, ..Self::default() })
    }
    fn mood(&self, of: u64) -> Adjustment {
        let x = chance(self.seed + u64::from(self.closes), of);
        let adjust = if x < 0.05 {
            Adjust::Veto
        } else if x < 0.4 {
            Adjust::Scale(x + 0.4)
        } else {
            Adjust::Keep
        };
        Adjustment::new(adjust, "in such a mood").with("chance", x)
    }
}
impl Plugin for Moody {
    fn id(&self) -> &'static str {
        "moody"
    }
    fn observe(&mut self, e: &Event, _: &View<'_>) -> Result<(), BadInput> {
        self.closes += u32::from(matches!(e.data, MarketData::SessionClose));
        Ok(())
    }
    fn metrics(&self, out: &mut Metrics) {
        out.push(("closes", f64::from(self.closes)));
    }
}
impl Filter for Moody {
    fn filter(&mut self, _: StrategyId, signal: &Signal, view: &View<'_>) -> Adjustment {
        self.mood(of(signal.symbol(), view))
    }
}
impl Sizer for Moody {
    fn size(&mut self, _: StrategyId, signal: &Signal, view: &View<'_>) -> Adjustment {
        let x = chance(self.seed, of(signal.symbol(), view));
        Adjustment::new(Adjust::Scale(0.05 + 0.3 * x), "of equity by chance")
    }
}
impl Overlay for Moody {
    fn exposure(&mut self, symbol: Symbol, view: &View<'_>) -> Adjustment {
        self.mood(of(symbol, view))
    }
}
impl Allocator for Moody {
    fn allocate(&mut self, proposals: &[Proposal], view: &View<'_>) -> Vec<Adjustment> {
        let asked = |p: &Proposal| p.strategy.as_str().len() as u64 + view.now.nanos() as u64;
        proposals.iter().map(|p| self.mood(asked(p))).collect()
    }
}
impl Rule for Moody {
    fn phase(&self) -> RulePhase {
        match (self.decay, self.hedge) {
            (true, _) => RulePhase::Decay,
            (_, true) => RulePhase::Hedge,
            _ => RulePhase::Portfolio,
        }
    }
    fn apply(&mut self, targets: &[(Symbol, f64)], _: &View<'_>) -> Vec<RuleStep> {
        let sum: f64 = targets.iter().map(|t| t.1).sum();
        if self.hedge {
            let adjustment = Adjustment::new(Adjust::Add(-0.25 * sum), "against the sum").with("sum", sum);
            return vec![RuleStep { symbol: crate::market::symbol("SPY"), adjustment }];
        }
        let largest = targets.iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let (adjust, why) =
            if self.decay { (Adjust::Scale(0.9), "grows old") } else { (Adjust::Cap(0.2), "the largest is cut") };
        largest
            .map(|t| RuleStep { symbol: t.0, adjustment: Adjustment::new(adjust, why).with("weight", t.1) })
            .into_iter()
            .collect()
    }
}
impl PreTrade for Moody {
    fn check(&mut self, order: &Order, view: &View<'_>) -> (Verdict, Adjustment) {
        let x = chance(self.seed, of(order.symbol, view));
        let (verdict, adjust) = if x < 0.1 {
            (Verdict::Wait, Adjust::Keep)
        } else if x < 0.13 {
            (Verdict::Skip, Adjust::Veto)
        } else {
            (Verdict::Send, Adjust::Keep)
        };
        (verdict, Adjustment::new(adjust, "a last look").with("chance", x))
    }
}
