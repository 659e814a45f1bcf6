//! The allocator of `risk_var_budget`: proposals in, one adjustment for each out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, Allocator, BadInput, CorporateAction, Event, Interest, Invalid, MarketData, Metrics, Params,
    Plugin, Proposal, Symbol, View,
};
use tradewind_numerics::coverage::Coverage;
use tradewind_numerics::tail::{Measure, Parts};

use crate::budget::within_budgets;
use crate::plugins::risk_var_budget::{Buffers, Estimator, RiskVarBudgetParams};
use crate::sessions::SessionReturns;

/// Keeps every strategy within its VaR budget, and judges its own forecasts of the portfolio held.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VarBudgetAllocator {
    minimum: usize,
    estimator: Estimator,
    bandwidth: usize,
    total_budget: f64,
    budgets: BTreeMap<String, f64>,
    sessions: SessionReturns,
    /// Weights held at the last session close.
    held: Vec<(Symbol, f64)>,
    /// VaR of what is held, for the next session.
    forecast: Option<f64>,
    /// Loss of the last session with the weights held before it, fraction of equity.
    realised: Option<f64>,
    coverage: Coverage,
    buffers: Buffers,
}

impl VarBudgetAllocator {
    /// The allocator with these parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &RiskVarBudgetParams) -> Result<Self, Invalid> {
        p.build()?;
        Ok(Self {
            minimum: p.minimum,
            estimator: Estimator::new(p),
            bandwidth: p.bandwidth,
            total_budget: p.total_budget,
            budgets: p.budgets.clone(),
            sessions: SessionReturns::new(p.window),
            held: Vec::new(),
            forecast: None,
            realised: None,
            coverage: Coverage::default(),
            buffers: Buffers::default(),
        })
    }

    /// The budget of each proposal: its own, or an equal part of what the named ones leave.
    fn budgets(&self, proposals: &[Proposal]) -> Vec<f64> {
        let named: f64 = self.budgets.values().sum();
        let own = |p: &Proposal| self.budgets.get(p.strategy.as_str()).copied();
        let others = proposals.iter().filter(|p| own(p).is_none()).count();
        let rest = (self.total_budget - named).max(0.0) / others.max(1) as f64;
        proposals.iter().map(|p| own(p).unwrap_or(rest)).collect()
    }

    /// Why a proposal cannot be measured, when it cannot.
    fn unmeasurable(&self, weights: &[(Symbol, f64)]) -> Option<Adjustment> {
        if let Some((s, w)) = weights.iter().find(|(_, w)| !w.is_finite()) {
            return Some(Adjustment::new(Adjust::Veto, format!("weight of {s} is {w}")));
        }
        let (symbol, n) = weights.iter().map(|(s, _)| (*s, self.sessions.count(*s))).min_by_key(|(_, n)| *n)?;
        (n < self.minimum).then(|| {
            Adjustment::new(Adjust::Veto, format!("{symbol} has {n} of {} sessions", self.minimum))
                .with("sessions", n as f64)
        })
    }

    /// The session has ended: judge the forecast of what was held, and make one for what is held now.
    fn close(&mut self, view: &View<'_>) {
        self.estimator.tick();
        let known = !self.held.is_empty();
        // A symbol without a bar in this session stands still, as its mark does.
        let loss = -self.held.iter().map(|(s, w)| w * self.sessions.last(*s).unwrap_or(0.0)).sum::<f64>();
        self.realised = known.then_some(loss);
        if let (true, Some(var)) = (known, self.forecast) {
            self.coverage.push(loss > var);
        }
        let equity = view.portfolio.equity().to_f64();
        self.held.clear();
        if equity > 0.0 {
            self.held.extend(view.portfolio.positions().map(|p| (p.symbol, p.value().to_f64() / equity)));
        }
        self.forecast = self.held_var();
    }
    fn held_var(&mut self) -> Option<f64> {
        if self.held.is_empty() {
            return Some(0.0);
        }
        if self.held.iter().any(|(s, _)| self.sessions.count(*s) < self.minimum) {
            return None;
        }
        let Buffers { series, work } = &mut self.buffers;
        let n = self.sessions.joint(std::iter::once(self.held.as_slice()), series);
        if n < self.minimum { None } else { self.estimator.tail(series, work).ok().map(|t| t.var) }
    }
}

/// A decimal as a percentage with one digit, without a minus before zero.
fn percent(x: f64) -> String {
    format!("{:.1} %", (1000.0 * x).round() / 10.0 + 0.0)
}

impl Plugin for VarBudgetAllocator {
    fn id(&self) -> &'static str {
        RiskVarBudgetParams::ID
    }
    fn listens(&self) -> Interest {
        SessionReturns::listens()
    }
    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), BadInput> {
        if let (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(from)) =
            (&event.data, event.symbol)
        {
            self.held.iter_mut().filter(|(s, _)| *s == from).for_each(|(s, _)| *s = *to);
        }
        if self.sessions.on_event(event) {
            self.close(view);
        }
        Ok(())
    }
    fn metrics(&self, out: &mut Metrics) {
        let p = 1.0 - self.estimator.confidence;
        out.extend(self.forecast.map(|x| ("var_forecast", x)));
        out.extend(self.realised.map(|x| ("var_realised", x)));
        out.extend(self.coverage.kupiec(p).map(|t| ("kupiec_p", t.p_value)));
        out.extend(self.coverage.conditional(p).map(|t| ("christoffersen_p", t.p_value)));
        out.push(("exceedances", self.coverage.exceedances as f64));
    }
}

impl Allocator for VarBudgetAllocator {
    fn allocate(&mut self, proposals: &[Proposal], _view: &View<'_>) -> Vec<Adjustment> {
        let budgets = self.budgets(proposals);
        let mut out: Vec<Option<Adjustment>> = Vec::with_capacity(proposals.len());
        // What can be measured, with its place among the proposals.
        let mut parts: Vec<(usize, Vec<(Symbol, f64)>)> = Vec::new();
        for (i, p) in proposals.iter().enumerate() {
            let weights: Vec<(Symbol, f64)> = p.weights.iter().copied().filter(|(_, w)| *w != 0.0).collect();
            let given = if weights.is_empty() {
                Some(Adjustment::new(Adjust::Keep, "holds nothing"))
            } else {
                self.unmeasurable(&weights)
            };
            if given.is_none() {
                parts.push((i, weights));
            }
            out.push(given);
        }
        let values = &mut self.buffers.series;
        let n = self.sessions.joint(parts.iter().map(|(_, w)| w.as_slice()), values);
        let own: Vec<f64> = parts.iter().filter_map(|(i, _)| budgets.get(*i).copied()).collect();
        let measured = if n < self.minimum {
            Err(format!("{n} of {} joint sessions", self.minimum))
        } else {
            let total: Vec<f64> = (0..n).map(|t| values.iter().skip(t).step_by(n).sum()).collect();
            let method = self.estimator.method(&total);
            let measure = Measure { method, confidence: self.estimator.confidence, bandwidth: self.bandwidth };
            within_budgets(Parts { values, n }, &own, measure).map_err(|e| e.to_string())
        };
        for (k, (i, weights)) in parts.iter().enumerate() {
            let Some(slot) = out.get_mut(*i) else { continue };
            *slot = Some(match &measured {
                Err(why) => Adjustment::new(Adjust::Veto, why.clone()).with("sessions", n as f64),
                Ok(m) => {
                    let (component, budget, scale) = (m.components[k], own[k], m.scales[k]);
                    let gross: f64 = weights.iter().map(|(_, w)| w.abs()).sum();
                    let adjust = if scale < 1.0 { Adjust::Scale(scale) } else { Adjust::Keep };
                    Adjustment::new(adjust, format!("component VaR {} of {}", percent(component), percent(budget)))
                        .with("portfolio_var", m.var)
                        .with("component_var", component)
                        .with("budget", budget)
                        .with("marginal_var", component / gross)
                        .with("incremental_var", m.incremental[k])
                }
            });
        }
        // Every proposal is either measured or not, so nothing is left over; no answer would be no exposure.
        out.into_iter().map(|a| a.unwrap_or_else(|| Adjustment::new(Adjust::Veto, "not measured"))).collect()
    }
}
