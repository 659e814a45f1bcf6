//! The roles a plugin can play: each is one trait with one question, on top of [`Plugin`]; the roles around orders have files of their own.

use crate::adjust::Adjustment;
use crate::error::BadInput;
use crate::event::Event;
use crate::name::{FeatureId, StrategyId, Symbol};
use crate::plugin::Plugin;
use crate::signal::{Signal, Signals};
use crate::view::{FeatureValues, View};

/// A value that a feature publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Its name.
    pub id: FeatureId,
    /// Its unit, such as "dollars", "annual volatility", "log return" or "1".
    pub unit: &'static str,
}

/// Turns events into named values.
pub trait Feature: Plugin {
    /// What it publishes, fixed once built.
    fn outputs(&self) -> Vec<Published>;
    /// The values of other features that it reads: these features see every event before it does.
    fn inputs(&self) -> Vec<FeatureId> {
        Vec::new()
    }
    /// Sees an event and publishes what has become known. The view holds what features before it have published of the same event.
    ///
    /// # Errors
    /// When the event cannot be used.
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut FeatureValues) -> Result<(), BadInput>;
}

/// Turns events into signals.
pub trait Alpha: Plugin {
    /// Sees an event and gives the signals that follow from it. A signal stands until replaced or expired.
    ///
    /// # Errors
    /// When the event cannot be used.
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput>;
}

/// Keeps, scales, smooths or drops a signal.
pub trait Filter: Plugin {
    /// What happens to the signal of a strategy: `Keep`, `Scale` or `Veto`; `Set` only to smooth its score.
    ///
    /// Asked once for each signal in force at every decision, and not before trading begins. A filter that judges signals by what they were worth
    /// reads [`View::records`], which are kept in any case.
    fn filter(&mut self, strategy: StrategyId, signal: &Signal, view: &View<'_>) -> Adjustment;
}

/// From a signal's score to a fraction of equity.
pub trait Sizer: Plugin {
    /// `Scale` by the fraction of equity for a full signal (score 1), or `Veto`. Of several sizers of a strategy the smallest counts.
    ///
    /// Asked as filters are.
    fn size(&mut self, strategy: StrategyId, signal: &Signal, view: &View<'_>) -> Adjustment;
}

/// Scales exposure by the state of market and portfolio.
pub trait Overlay: Plugin {
    /// The multiplier for exposure in `symbol`: `Keep`, `Scale` (>= 0) or `Veto`.
    fn exposure(&mut self, symbol: Symbol, view: &View<'_>) -> Adjustment;
}

/// What a strategy would hold, before allocators.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Which strategy.
    pub strategy: StrategyId,
    /// Fractions of equity by symbol, in the order of the symbols' text, each symbol once.
    pub weights: Vec<(Symbol, f64)>,
}

/// Weighs strategies against each other.
pub trait Allocator: Plugin {
    /// One adjustment (`Keep`, `Scale` or `Veto`) for each proposal, in the same order.
    fn allocate(&mut self, proposals: &[Proposal], view: &View<'_>) -> Vec<Adjustment>;
}

/// What a rule does to one symbol's target; a symbol not yet in the portfolio is a hedge that the rule adds.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleStep {
    /// Which symbol.
    pub symbol: Symbol,
    /// What happens to its weight.
    pub adjustment: Adjustment,
}

/// When in the order of operations a rule is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RulePhase {
    /// First: what is held shrinks with its age.
    Decay,
    /// Then: limits on the portfolio as a whole, which may only make positions smaller.
    Portfolio,
    /// Last: hedges, which may add positions.
    Hedge,
}

/// What has changed of a target portfolio of which only some symbols are decided.
#[derive(Debug, Clone, Copy)]
pub struct Revision<'a> {
    /// The places of the targets, in order, that may differ from those shown last, and of those that are decided now; the symbols are the same,
    /// each at its place. `None` when anything may differ, also the symbols.
    pub changed: Option<&'a [usize]>,
    /// The symbols that are decided now: what is done to them is recorded and explained. All others are shown as they were decided last, after
    /// all rules and without hedges; of steps on them only the effect counts: where it matters they are decided, too, and the rule is asked again.
    pub decided: &'a [Symbol],
}

impl Revision<'_> {
    /// Whether a symbol is decided now.
    pub fn decides(&self, symbol: Symbol) -> bool {
        self.decided.contains(&symbol)
    }
}

/// Clips, vetoes or hedges the target portfolio as a whole.
pub trait Rule: Plugin {
    /// When it is applied; rules of one phase in the order of their names.
    fn phase(&self) -> RulePhase {
        RulePhase::Portfolio
    }
    /// The steps to take on the target weights (sorted by symbol, each once).
    fn apply(&mut self, targets: &[(Symbol, f64)], view: &View<'_>) -> Vec<RuleStep>;
    /// The same of a portfolio of which only some symbols are decided: for rules that keep totals, so that one changed target costs as much as one.
    /// The steps are those of `apply`; those on symbols that are not decided now may come without reason and numbers.
    fn revise(&mut self, targets: &[(Symbol, f64)], _what: Revision<'_>, view: &View<'_>) -> Vec<RuleStep> {
        self.apply(targets, view)
    }
}
