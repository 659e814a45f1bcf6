//! The rule: the expected shortfall of the whole target portfolio stays within its budget.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, CorporateAction, Event, Invalid, MarketData, Metrics, Params, Plugin, Rule, RuleStep,
    Symbol, View,
};
use tradewind_numerics::tail::shortfall::{Estimate, Problem};

use super::estimator::{Estimator, Fitted, Judge, Scratch};
use super::{RiskCvarSizeParams, percent, unmeasurable};
use crate::sessions::SessionReturns;

/// Shrinks the target portfolio into its budget, and judges its own forecasts of the portfolio held.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CvarRule {
    minimum: usize,
    max_gap: usize,
    window: usize,
    estimator: Estimator,
    budget: f64,
    unknown: f64,
    sessions: SessionReturns,
    session: u64,
    fitted: Fitted,
    /// Weights held at the last session close, the forecast made for them, and what the last session brought.
    held: Vec<(Symbol, f64)>,
    held_fitted: Fitted,
    forecast: Option<Estimate>,
    realised: Option<f64>,
    judge: Judge,
    /// What was measured last.
    known: Portfolio,
    scratch: Scratch,
}

/// The targets measured last, and what they would have earned in each session kept. Until the next session ends only the targets that
/// changed cost anything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Portfolio {
    /// At the end of which session; 0 for never.
    session: u64,
    /// As given, without those that are zero: every one of them can be measured.
    targets: Vec<(Symbol, f64)>,
    /// Sums of weights times returns; not a number in a session in which one of them has none.
    series: Vec<f64>,
    /// Changes since it was summed from the beginning: each may add a last digit of rounding.
    changes: u32,
}

/// Changes after which the sums are made anew.
const MOST_CHANGES: u32 = 10_000;

impl Portfolio {
    /// Moves on to these targets (without zeros); false when they have to be looked at from the beginning.
    fn follow(&mut self, targets: &[(Symbol, f64)], sessions: &SessionReturns, session: u64) -> bool {
        let same = |(a, b): (&(Symbol, f64), &(Symbol, f64))| a.0 == b.0;
        if self.session != session || session == 0 || self.targets.len() != targets.len() {
            return false;
        }
        let changed = self.targets.iter().zip(targets).filter(|(a, b)| a.1 != b.1).count();
        let few = changed * 8 <= targets.len() && self.changes < MOST_CHANGES;
        if !few || !self.targets.iter().zip(targets).all(same) {
            return false;
        }
        for (old, new) in self.targets.iter_mut().zip(targets).filter(|(a, b)| a.1 != b.1) {
            if !new.1.is_finite() {
                // Also what was done so far is of no use then.
                self.session = 0;
                return false;
            }
            sessions.add(old.0, new.1 - old.1, &mut self.series);
            old.1 = new.1;
            self.changes += 1;
        }
        true
    }
}

/// What the portfolio's shortfall is known to be.
enum Known {
    /// From the joint returns.
    Joint(Estimate),
    /// At most the sum of the positions' own, when their joint sessions are too few: expected shortfall is subadditive.
    Sum(f64, usize),
}

impl CvarRule {
    /// The rule with these parameters.
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
            budget: p.portfolio_budget,
            unknown: p.unknown,
            sessions: SessionReturns::new(p.window),
            session: 0,
            fitted: Fitted::default(),
            held: Vec::new(),
            held_fitted: Fitted::default(),
            forecast: None,
            realised: None,
            judge: Judge::default(),
            known: Portfolio::default(),
            scratch: Scratch::default(),
        })
    }

    /// The shortfall of these weights, every one of which can be measured by itself.
    fn measure(&mut self, weights: &[(Symbol, f64)]) -> Result<Known, String> {
        self.scratch.reserve(self.window);
        let Scratch { series, work } = &mut self.scratch;
        let known = &mut self.known;
        if !known.follow(weights, &self.sessions, self.session) {
            self.sessions.sum_all(weights, &mut known.series);
            known.targets.clear();
            known.targets.extend_from_slice(weights);
            (known.session, known.changes) = (self.session, 0);
        }
        series.clear();
        series.extend(known.series.iter().filter(|x| !x.is_nan()));
        let n = series.len();
        if n >= self.minimum {
            let made = self.estimator.estimate(series, self.session, &mut self.fitted, work);
            return made.map(Known::Joint).map_err(|e| e.to_string());
        }
        let mut sum = 0.0;
        for w in weights {
            self.sessions.sum(std::slice::from_ref(w), series);
            let one = self.estimator.estimate(series, self.session, &mut Fitted::default(), work);
            let es = one.map_err(|e| e.to_string())?.es;
            sum += es.ok_or_else(|| format!("{} has no expected shortfall", w.0))?.max(0.0);
        }
        Ok(Known::Sum(sum, n))
    }

    /// The session has ended: judge the forecast of what was held, and make one for what is held now.
    fn close(&mut self, view: &View<'_>) {
        self.session += 1;
        let known = !self.held.is_empty();
        // A symbol without a bar in this session stands still, as its mark does.
        let ret = self.held.iter().map(|(s, w)| w * self.sessions.last(*s).unwrap_or(0.0)).sum::<f64>();
        self.realised = known.then_some(-ret);
        if let Some(f) = self.forecast.filter(|_| known) {
            self.judge.push(ret, f);
        }
        let equity = view.portfolio.equity().to_f64();
        self.held.clear();
        if equity > 0.0 {
            self.held.extend(view.portfolio.positions().map(|p| (p.symbol, p.value().to_f64() / equity)));
        }
        self.forecast = None;
        if !self.held.is_empty() && self.held.iter().all(|(s, _)| self.sessions.count(*s) >= self.minimum) {
            self.scratch.reserve(self.window);
            let Scratch { series, work } = &mut self.scratch;
            if self.sessions.sum(&self.held, series) >= self.minimum {
                self.forecast = self.estimator.estimate(series, self.session, &mut self.held_fitted, work).ok();
            }
        }
    }
}

impl Plugin for CvarRule {
    fn id(&self) -> &'static str {
        RiskCvarSizeParams::ID
    }
    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), BadInput> {
        if let (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(from)) =
            (&event.data, event.symbol)
        {
            self.held.iter_mut().filter(|(s, _)| *s == from).for_each(|(s, _)| *s = *to);
        }
        if matches!(event.data, MarketData::CorporateAction(_)) {
            // What a symbol's returns are may have changed, and the order of the symbols.
            self.known.session = 0;
        }
        if self.sessions.on_event(event) {
            self.close(view);
        }
        Ok(())
    }
    fn metrics(&self, out: &mut Metrics) {
        let p = 1.0 - self.estimator.confidence;
        out.extend(self.forecast.and_then(|f| f.es).map(|x| ("cvar_forecast", x)));
        out.extend(self.realised.map(|x| ("cvar_realised_loss", x)));
        out.extend(self.judge.coverage.kupiec(p).map(|t| ("cvar_kupiec_p", t.p_value)));
        out.extend(self.judge.sums.z2(p).map(|z| ("cvar_z2", z)));
        out.push(("cvar_exceedances", self.judge.coverage.exceedances as f64));
    }
}

impl Rule for CvarRule {
    fn apply(&mut self, targets: &[(Symbol, f64)], _view: &View<'_>) -> Vec<RuleStep> {
        let mut out = Vec::new();
        let mut weights = Vec::with_capacity(targets.len());
        weights.extend(targets.iter().filter(|t| t.1 != 0.0));
        // The same symbols as before in the same session: all of them can still be measured.
        let again = self.known.follow(&weights, &self.sessions, self.session);
        if !again {
            weights.clear();
        }
        for (symbol, w) in targets.iter().filter(|t| t.1 != 0.0 && !again) {
            if !w.is_finite() {
                let adjustment = Adjustment::new(Adjust::Veto, format!("its weight is {w}"));
                out.push(RuleStep { symbol: *symbol, adjustment });
            } else if let Some(why) = unmeasurable(&self.sessions, *symbol, self.minimum, self.max_gap) {
                let adjustment = Adjustment::new(Adjust::Cap(self.unknown), why);
                out.push(RuleStep { symbol: *symbol, adjustment });
            } else {
                weights.push((*symbol, *w));
            }
        }
        if weights.is_empty() {
            return out;
        }
        let budget = self.budget;
        let adjustment = match self.measure(&weights) {
            Ok(Known::Joint(Estimate { es: Some(es), var, problem, .. })) if es > budget => {
                let careful = if problem.is_some() { ", the worst of several estimates," } else { "" };
                let reason = format!("portfolio shortfall {}{careful} against {}", percent(es), percent(budget));
                Adjustment::new(Adjust::Scale(budget / es), reason)
                    .with("portfolio_shortfall", es)
                    .with("portfolio_var", var)
                    .with("budget", budget)
            }
            Ok(Known::Sum(sum, n)) if sum > budget => {
                let why = format!(
                    "{n} of {} joint sessions: sum of shortfalls {} against {}",
                    self.minimum,
                    percent(sum),
                    percent(budget)
                );
                Adjustment::new(Adjust::Scale(budget / sum), why).with("sum_of_shortfalls", sum).with("budget", budget)
            }
            Ok(Known::Joint(Estimate { es: Some(_), .. }) | Known::Sum(..)) => return out,
            Ok(Known::Joint(Estimate { problem: Some(Problem::InfiniteMean), shape, .. })) => {
                let shape = shape.unwrap_or(0.0);
                Adjustment::new(Adjust::Veto, format!("no expected shortfall: tail shape {shape:.2}"))
            }
            Ok(Known::Joint(_)) => Adjustment::new(Adjust::Cap(self.unknown), "the portfolio's returns do not move"),
            Err(why) => Adjustment::new(Adjust::Cap(self.unknown), why),
        };
        out.extend(weights.iter().map(|(symbol, _)| RuleStep { symbol: *symbol, adjustment: adjustment.clone() }));
        out.sort_by_key(|s| s.symbol);
        out
    }
}
