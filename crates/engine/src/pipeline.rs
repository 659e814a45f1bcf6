//! The composition of roles that turns signals into target weights.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Allocator, Alpha, Feature, Filter, Observer, Overlay, Plugin, PreTrade, Rule, Signal, Sizer, StateError,
    StrategyId, SymbolMap,
};

use crate::builtin::Limits;

/// How much of a signal's score counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conviction {
    /// The score itself.
    #[default]
    Score,
    /// Its sign only: all or nothing.
    Direction,
    /// Score times confidence.
    ScoreConfidence,
}

/// One strategy: an alpha and what its signals pass through. Filters and overlays are shared and named by their index in the
/// pipeline, so that two strategies under the same overlay see one and the same state.
pub struct Strategy {
    /// Name.
    pub id: StrategyId,
    /// Where its signals come from.
    pub alpha: Box<dyn Alpha>,
    /// How much of the score counts.
    pub conviction: Conviction,
    /// Filters, by index in [`Pipeline::filters`], in order.
    pub filters: Vec<usize>,
    /// From score to fraction of equity: the smallest counts.
    pub sizers: Vec<Box<dyn Sizer>>,
    /// Overlays, by index in [`Pipeline::overlays`], in order.
    pub overlays: Vec<usize>,
    /// Whether the position manager watches over what it holds.
    pub managed: bool,
    /// Whether its signals compete for the limited places of the executor.
    pub discretionary: bool,
}

impl Strategy {
    /// A strategy that holds what its alpha says: no filters, sizers, overlays or management.
    pub fn new(id: StrategyId, alpha: Box<dyn Alpha>) -> Self {
        Self {
            id,
            alpha,
            conviction: Conviction::default(),
            filters: Vec::new(),
            sizers: Vec::new(),
            overlays: Vec::new(),
            managed: false,
            discretionary: false,
        }
    }
}

/// Everything between the as-of view and the broker.
#[derive(Default)]
pub struct Pipeline {
    /// Features, in the order in which they see events (a feature may use those before it).
    pub features: Vec<Box<dyn Feature>>,
    /// Strategies.
    pub strategies: Vec<Strategy>,
    /// Filters.
    pub filters: Vec<Box<dyn Filter>>,
    /// Overlays.
    pub overlays: Vec<Box<dyn Overlay>>,
    /// Allocators, after the overlays: scaling commutes, and a cap must see the exposure that would really be held.
    pub allocators: Vec<Box<dyn Allocator>>,
    /// Portfolio rules, in the order of their phases and within a phase in this order.
    pub rules: Vec<Box<dyn Rule>>,
    /// Limits: applied after the rules, and once more after the hedges, so that the result obeys them whatever came before.
    pub limits: Option<Limits>,
    /// Last looks at each order, in order.
    pub pretrade: Vec<Box<dyn PreTrade>>,
    /// Watchers.
    pub observers: Vec<Box<dyn Observer>>,
    /// Cost of a trade as a fraction of its value, for the paper bets in the records of strategies.
    pub paper_cost: f64,
}

/// Where a plugin sits that sees events through [`Plugin::observe`]: its place among those of its role, for a sizer after its strategy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seat {
    Sizer(usize, usize),
    Filter(usize),
    Overlay(usize),
    Allocator(usize),
    Rule(usize),
    PreTrade(usize),
    Observer(usize),
}

/// Signals in force, per strategy and first leg.
pub(crate) type Standing = Vec<SymbolMap<Signal>>;

impl Pipeline {
    /// Visits every plugin in a fixed order, as a plugin.
    pub(crate) fn each(&mut self, mut f: impl FnMut(&mut dyn Plugin)) {
        self.features.iter_mut().for_each(|p| f(p.as_mut()));
        for s in &mut self.strategies {
            f(s.alpha.as_mut());
            s.sizers.iter_mut().for_each(|p| f(p.as_mut()));
        }
        self.filters.iter_mut().for_each(|p| f(p.as_mut()));
        self.overlays.iter_mut().for_each(|p| f(p.as_mut()));
        self.allocators.iter_mut().for_each(|p| f(p.as_mut()));
        self.rules.iter_mut().for_each(|p| f(p.as_mut()));
        self.limits.iter_mut().for_each(|p| f(p));
        self.pretrade.iter_mut().for_each(|p| f(p.as_mut()));
        self.observers.iter_mut().for_each(|p| f(p.as_mut()));
    }

    /// Every plugin that sees events through [`Plugin::observe`] (all but features and alphas), in the order in which they see one.
    pub(crate) fn seated(&self) -> impl Iterator<Item = (Seat, &dyn Plugin)> {
        fn seats<R: ?Sized>(
            all: &[Box<R>],
            seat: impl Fn(usize) -> Seat,
            plugin: impl Fn(&R) -> &dyn Plugin,
        ) -> impl Iterator<Item = (Seat, &dyn Plugin)> {
            all.iter().enumerate().map(move |(i, p)| (seat(i), plugin(p.as_ref())))
        }
        let sizers = self.strategies.iter().enumerate();
        sizers
            .flat_map(|(s, strategy)| seats(&strategy.sizers, move |i| Seat::Sizer(s, i), |p| p))
            .chain(seats(&self.filters, Seat::Filter, |p| p))
            .chain(seats(&self.overlays, Seat::Overlay, |p| p))
            .chain(seats(&self.allocators, Seat::Allocator, |p| p))
            .chain(seats(&self.rules, Seat::Rule, |p| p))
            .chain(seats(&self.pretrade, Seat::PreTrade, |p| p))
            .chain(seats(&self.observers, Seat::Observer, |p| p))
    }

    /// The plugin on a seat.
    pub(crate) fn on(&mut self, seat: Seat) -> Option<&mut dyn Plugin> {
        Some(match seat {
            Seat::Sizer(s, i) => self.strategies.get_mut(s)?.sizers.get_mut(i)?.as_mut(),
            Seat::Filter(i) => self.filters.get_mut(i)?.as_mut(),
            Seat::Overlay(i) => self.overlays.get_mut(i)?.as_mut(),
            Seat::Allocator(i) => self.allocators.get_mut(i)?.as_mut(),
            Seat::Rule(i) => self.rules.get_mut(i)?.as_mut(),
            Seat::PreTrade(i) => self.pretrade.get_mut(i)?.as_mut(),
            Seat::Observer(i) => self.observers.get_mut(i)?.as_mut(),
        })
    }

    /// The states of all plugins, with their ids.
    pub(crate) fn save(&mut self) -> Result<Vec<(String, Vec<u8>)>, StateError> {
        let mut all = Vec::new();
        let mut failed = None;
        self.each(|p| match p.save() {
            Ok(bytes) => all.push((p.id().to_owned(), bytes)),
            Err(e) => failed = Some(e),
        });
        failed.map_or(Ok(all), Err)
    }

    /// Restores the states of all plugins; they must be the same plugins in the same places.
    pub(crate) fn load(&mut self, states: &[(String, Vec<u8>)]) -> Result<(), StateError> {
        let mut given = states.iter();
        let mut result = Ok(());
        let mut count = 0;
        self.each(|p| {
            count += 1;
            if result.is_err() {
                return;
            }
            result = match given.next() {
                Some((id, bytes)) if id == p.id() => p.load(bytes),
                Some((id, _)) => Err(StateError { who: p.id().into(), problem: format!("the saved state is of {id}") }),
                None => Err(StateError { who: p.id().into(), problem: "not in the saved state".into() }),
            };
        });
        result?;
        if count == states.len() {
            Ok(())
        } else {
            Err(StateError { who: "pipeline".into(), problem: format!("{} plugins saved, {count} here", states.len()) })
        }
    }
}
