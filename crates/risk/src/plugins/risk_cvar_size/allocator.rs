//! The allocator: the gross exposure of the strategies in the proportions of least expected shortfall.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, Allocator, BadInput, Event, Interest, Invalid, Metrics, Params, Plugin, Proposal, StrategyId,
    Symbol, View,
};

use super::{RiskCvarSizeParams, percent, unmeasurable};
use crate::min_cvar::{MinCvar, MinCvarError, Programme};
use crate::sessions::SessionReturns;

/// Shares below this are none: what the solver leaves of a weight of zero.
const NOTHING: f64 = 1e-6;

/// A proposal that can be measured.
struct Part {
    /// Its place among the proposals.
    at: usize,
    /// Weights per unit of gross exposure.
    unit: Vec<(Symbol, f64)>,
    gross: f64,
}

/// Shares of the gross exposure that strategies hold, by least expected shortfall.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CvarAllocator {
    minimum: usize,
    max_gap: usize,
    confidence: f64,
    min_weight: f64,
    max_weight: f64,
    max_turnover: f64,
    rebalance: u64,
    sessions: SessionReturns,
    session: u64,
    /// Session of the last solution; 0 for none.
    solved: u64,
    /// Share by strategy, in the order of the proposals, and the expected shortfall of one unit of gross exposure so divided.
    shares: Vec<(StrategyId, f64)>,
    cvar: Option<f64>,
    /// Why there is no solution, when the shares are equal for that.
    problem: Option<String>,
}

impl CvarAllocator {
    /// The allocator with these parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &RiskCvarSizeParams) -> Result<Self, Invalid> {
        p.build()?;
        Ok(Self {
            minimum: p.minimum,
            max_gap: p.max_gap,
            confidence: p.confidence,
            min_weight: p.min_weight,
            max_weight: p.max_weight,
            max_turnover: p.max_turnover,
            rebalance: p.rebalance as u64,
            sessions: SessionReturns::new(p.window),
            session: 0,
            solved: 0,
            shares: Vec::new(),
            cvar: None,
            problem: None,
        })
    }

    /// The shares of least shortfall of these strategies, whose `n` returns per unit of gross exposure are `rows`, one after the other.
    fn solve(&self, ids: &[StrategyId], rows: &[f64], n: usize) -> Result<MinCvar, MinCvarError> {
        let k = ids.len();
        let scenarios: Vec<f64> = (0..n).flat_map(|t| (0..k).map(move |i| rows[i * n + t])).collect();
        let equal = 1.0 / k as f64;
        // Bounds that the number of strategies makes impossible give way to equal shares.
        let (lower, upper) = (vec![self.min_weight.min(equal); k], vec![self.max_weight.max(equal); k]);
        let same = self.shares.iter().map(|s| s.0).eq(ids.iter().copied());
        let held: Vec<f64> = self.shares.iter().map(|s| s.1).collect();
        Programme {
            scenarios: &scenarios,
            assets: k,
            confidence: self.confidence,
            budget: 1.0,
            lower: &lower,
            upper: &upper,
            turnover: same.then_some((held.as_slice(), self.max_turnover)),
            least_return: None,
        }
        .solve()
    }
}

impl Plugin for CvarAllocator {
    fn id(&self) -> &'static str {
        RiskCvarSizeParams::ID
    }
    fn listens(&self) -> Interest {
        SessionReturns::listens()
    }
    fn observe(&mut self, event: &Event, _view: &View<'_>) -> Result<(), BadInput> {
        if self.sessions.on_event(event) {
            self.session += 1;
        }
        Ok(())
    }
    fn metrics(&self, out: &mut Metrics) {
        out.extend(self.cvar.map(|x| ("cvar_of_mix", x)));
    }
}

impl Allocator for CvarAllocator {
    fn allocate(&mut self, proposals: &[Proposal], _view: &View<'_>) -> Vec<Adjustment> {
        let veto = |why: String| Some(Adjustment::new(Adjust::Veto, why));
        let mut out: Vec<Option<Adjustment>> = Vec::with_capacity(proposals.len());
        let mut parts: Vec<Part> = Vec::new();
        for (at, p) in proposals.iter().enumerate() {
            let mut weights: Vec<(Symbol, f64)> = p.weights.iter().copied().filter(|(_, w)| *w != 0.0).collect();
            let gross: f64 = weights.iter().map(|(_, w)| w.abs()).sum();
            let missing =
                || weights.iter().find_map(|(s, _)| unmeasurable(&self.sessions, *s, self.minimum, self.max_gap));
            out.push(if weights.is_empty() {
                Some(Adjustment::new(Adjust::Keep, "holds nothing"))
            } else if !gross.is_finite() {
                veto(format!("its gross weight is {gross}"))
            } else if let Some(why) = missing() {
                veto(why)
            } else {
                weights.iter_mut().for_each(|(_, w)| *w /= gross);
                parts.push(Part { at, unit: weights, gross });
                None
            });
        }
        let mut rows = Vec::new();
        let n = self.sessions.joint(parts.iter().map(|p| p.unit.as_slice()), &mut rows);
        if n < self.minimum {
            let why = || Adjustment::new(Adjust::Veto, format!("{n} of {} joint sessions", self.minimum));
            return out.into_iter().map(|a| a.unwrap_or_else(why)).collect();
        }
        // What does not move has no risk that anyone knows of, and would be given everything.
        let moves: Vec<bool> = rows.chunks_exact(n).map(|r| r.iter().any(|x| (x - r[0]).abs() > 1e-12)).collect();
        let mut kept = Vec::with_capacity(rows.len());
        let mut at = 0;
        parts.retain(|p| {
            let row = &rows[at * n..(at + 1) * n];
            let moving = moves[at];
            at += 1;
            if moving {
                kept.extend_from_slice(row);
            } else if let Some(a) = out.get_mut(p.at) {
                *a = veto("its returns do not move".into());
            }
            moving
        });
        let ids: Vec<StrategyId> = parts.iter().filter_map(|p| proposals.get(p.at)).map(|p| p.strategy).collect();
        let same = self.shares.iter().map(|s| s.0).eq(ids.iter().copied());
        let due = self.solved == 0 || self.session >= self.solved.saturating_add(self.rebalance);
        if !ids.is_empty() && (due || !same) {
            let solved = self.solve(&ids, &kept, n);
            let equal = 1.0 / ids.len() as f64;
            (self.shares, self.cvar, self.problem) = match solved {
                Ok(s) => (ids.iter().copied().zip(s.weights).collect(), Some(s.cvar), None),
                // Without a solution every strategy gets its equal part: a mixture of what was proposed, and no more.
                Err(e) => (ids.iter().map(|id| (*id, equal)).collect(), None, Some(e.to_string())),
            };
            self.solved = self.session;
        }
        let total: f64 = parts.iter().map(|p| p.gross).sum();
        for (Part { at, gross, .. }, (_, share)) in parts.iter().zip(&self.shares) {
            let share = if *share < NOTHING { 0.0 } else { *share };
            // No strategy holds more than it proposed; what it leaves stays in cash.
            let scale = (share * total / gross).clamp(0.0, 1.0);
            let reason = match &self.problem {
                Some(why) => format!("equal share of {}: {why}", percent(share)),
                None => format!("share {} of gross exposure by least shortfall", percent(share)),
            };
            let adjust = match scale {
                0.0 => Adjust::Veto,
                s if s < 1.0 => Adjust::Scale(s),
                _ => Adjust::Keep,
            };
            let mut a = Adjustment::new(adjust, reason).with("share", share).with("gross", *gross);
            if let Some(x) = self.cvar {
                a = a.with("shortfall_of_mix", x);
            }
            if let Some(slot) = out.get_mut(*at) {
                *slot = Some(a);
            }
        }
        // Every proposal is either measured or not, so nothing is left over; no answer would be no exposure.
        out.into_iter().map(|a| a.unwrap_or_else(|| Adjustment::new(Adjust::Veto, "not measured"))).collect()
    }
}
