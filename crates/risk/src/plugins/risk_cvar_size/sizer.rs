//! The sizer: a position whose expected shortfall stays within the risk budget.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, CorporateAction, Event, Interest, Invalid, MarketData, Params, Plugin, Signal, Sizer,
    StrategyId, Symbol, SymbolMap, View, smallvec::SmallVec,
};
use tradewind_numerics::tail::shortfall::{Estimate, Problem};

use super::estimator::{Estimator, Fitted, Scratch};
use super::{RiskCvarSizeParams, Sizing, percent, unmeasurable};
use crate::sessions::SessionReturns;

/// Legs with their signed ratios.
type Legs = SmallVec<[(Symbol, f64); 2]>;

/// The estimate for one signal's legs, which holds until the session ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slot {
    short: bool,
    strategy: StrategyId,
    legs: Legs,
    /// When it was made; 0 for never.
    session: u64,
    estimate: Option<Estimate>,
    fitted: Fitted,
    /// What was said of it in that session.
    #[serde(skip)]
    said: Option<Adjustment>,
}

/// Fractions of equity by expected shortfall.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CvarSizer {
    minimum: usize,
    max_gap: usize,
    window: usize,
    estimator: Estimator,
    sizing: Sizing,
    sessions: SessionReturns,
    /// Sessions that have ended.
    session: u64,
    /// By first symbol; of one in the order in which they came.
    slots: SymbolMap<SmallVec<[Slot; 1]>>,
    scratch: Scratch,
}

impl CvarSizer {
    /// The sizer with these parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &RiskCvarSizeParams) -> Result<Self, Invalid> {
        p.build()?;
        Ok(Self {
            minimum: p.minimum,
            max_gap: p.max_gap,
            window: p.window,
            estimator: Estimator::new(p),
            sizing: Sizing::new(p),
            sessions: SessionReturns::new(p.window),
            session: 0,
            slots: SymbolMap::default(),
            scratch: Scratch::default(),
        })
    }

    /// The answer when there is no estimate.
    fn unknown(&self, why: String) -> Adjustment {
        let u = self.sizing.unknown;
        Adjustment::new(if u > 0.0 { Adjust::Scale(u) } else { Adjust::Veto }, why)
    }

    /// The estimate for one unit of these legs: today's when it was made before.
    fn estimate(&mut self, strategy: StrategyId, short: bool, legs: &[(Symbol, f64)]) -> Result<Estimate, String> {
        let Some(first) = legs.first().map(|l| l.0) else { return Err("no leg has a ratio".into()) };
        let own = self.slots.get_or_insert_with(first, SmallVec::new);
        let at = own.iter().position(|s| s.short == short && s.strategy == strategy).unwrap_or_else(|| {
            let (legs, fitted) = (legs.into(), Fitted::default());
            own.push(Slot { short, strategy, legs, session: 0, estimate: None, fitted, said: None });
            own.len() - 1
        });
        let slot = &mut own[at];
        if slot.legs.as_slice() != legs {
            // The hedge ratio of a pair moves a little every day: what was fitted stays, unless it is of other symbols.
            if slot.legs.iter().map(|l| l.0).ne(legs.iter().map(|l| l.0)) {
                slot.fitted = Fitted::default();
            }
            (slot.legs, slot.session) = (legs.into(), 0);
        }
        if slot.session != self.session || self.session == 0 {
            self.scratch.reserve(self.window);
            let n = self.sessions.sum(legs, &mut self.scratch.series);
            if n < self.minimum {
                return Err(format!("{n} of {} joint sessions", self.minimum));
            }
            let (series, work) = (&mut self.scratch.series, &mut self.scratch.work);
            let made = self.estimator.estimate(series, self.session, &mut slot.fitted, work);
            slot.estimate = Some(made.map_err(|e| e.to_string())?);
            (slot.session, slot.said) = (self.session, None);
        }
        slot.estimate.ok_or_else(|| "no estimate".into())
    }

    /// The place of what was said before of these legs, in this session.
    fn again(&mut self, strategy: StrategyId, short: bool, legs: &[(Symbol, f64)]) -> Option<&mut Slot> {
        let (session, own) = (self.session, self.slots.get_mut(legs.first()?.0)?);
        let same = |s: &&mut Slot| {
            s.short == short && s.strategy == strategy && s.session == session && s.legs.as_slice() == legs
        };
        own.iter_mut().find(same)
    }
}

impl Plugin for CvarSizer {
    fn id(&self) -> &'static str {
        RiskCvarSizeParams::ID
    }
    fn listens(&self) -> Interest {
        SessionReturns::listens()
    }
    fn observe(&mut self, event: &Event, _view: &View<'_>) -> Result<(), BadInput> {
        if let (MarketData::CorporateAction(CorporateAction::SymbolChange { .. }), Some(from)) =
            (&event.data, event.symbol)
        {
            self.slots.values_mut().for_each(|own| own.retain(|s| s.legs.iter().all(|l| l.0 != from)));
        }
        if self.sessions.on_event(event) {
            self.session += 1;
        }
        Ok(())
    }
}

impl Sizer for CvarSizer {
    fn size(&mut self, strategy: StrategyId, signal: &Signal, _view: &View<'_>) -> Adjustment {
        if let Some(l) = signal.legs.iter().find(|l| !l.ratio.is_finite()) {
            return Adjustment::new(Adjust::Veto, format!("the ratio of {} is {}", l.symbol, l.ratio));
        }
        if !signal.score.is_finite() {
            return Adjustment::new(Adjust::Veto, format!("the score is {}", signal.score));
        }
        let short = signal.score < 0.0;
        let sign = if short { -1.0 } else { 1.0 };
        let legs: Legs = signal.legs.iter().filter(|l| l.ratio != 0.0).map(|l| (l.symbol, sign * l.ratio)).collect();
        if let Some(said) = self.again(strategy, short, &legs).and_then(|s| s.said.as_ref()) {
            return said.clone();
        }
        let missing = legs.iter().find_map(|(s, _)| unmeasurable(&self.sessions, *s, self.minimum, self.max_gap));
        if let Some(why) = missing {
            return self.unknown(why);
        }
        let e = match self.estimate(strategy, short, &legs) {
            Ok(e) => e,
            Err(why) => return self.unknown(why),
        };
        let Some(es) = e.es else {
            return match e.problem {
                Some(Problem::InfiniteMean) => {
                    let shape = e.shape.unwrap_or(0.0);
                    Adjustment::new(Adjust::Veto, format!("no expected shortfall: tail shape {shape:.2}"))
                        .with("var", e.var)
                }
                _ => self.unknown("the price does not move: no expected shortfall".into()),
            };
        };
        let budget = self.sizing.risk_budget;
        let careful = if e.problem.is_some() { ", the worst of several estimates" } else { "" };
        let reason = format!("shortfall {} of a full position{careful}, budget {}", percent(es), percent(budget));
        let a = Adjustment::new(Adjust::Scale(self.sizing.size(&e)), reason)
            .with("expected_shortfall", es)
            .with("var", e.var)
            .with("risk_budget", budget);
        let a = match e.shape {
            Some(x) => a.with("shape", x),
            None => a,
        };
        if let Some(slot) = self.again(strategy, short, &legs) {
            slot.said = Some(a.clone());
        }
        a
    }
}
