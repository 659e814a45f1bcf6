//! The rule: the expected shortfall of the whole target portfolio stays within its budget.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, CorporateAction, Event, Interest, Invalid, MarketData, Metrics, Params, Plugin,
    Revision, Rule, RuleStep, Symbol, View, smallvec::SmallVec,
};
use tradewind_numerics::tail::shortfall::{Estimate, Problem};
use tradewind_numerics::{range, sum};

use super::estimator::{Estimator, Fitted, Judge, Scratch};
use super::{RiskCvarSizeParams, percent, unmeasurable};
use crate::sessions::SessionReturns;

/// Shrinks the target portfolio into its budget, and judges its own forecasts of the portfolio held.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CvarRule {
    measures: Measures,
    estimator: Estimator,
    budget: f64,
    unknown: f64,
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
    /// As given, each at its place; zero what cannot be measured.
    targets: Vec<(Symbol, f64)>,
    /// How many are not zero, and how many could not be measured.
    held: usize,
    unmeasured: usize,
    /// Sums of weights times returns; not a number in a session in which one of them has none.
    series: Vec<f64>,
    /// Changes since it was summed from the beginning: each may add a last digit of rounding.
    changes: u32,
}

/// Changes after which the sums are made anew.
const MOST_CHANGES: u32 = 10_000;

impl Portfolio {
    /// Moves on to these targets, of which those at `changed` may be others than before (any, when that is not known); false when they have
    /// to be looked at from the beginning.
    fn follow(&mut self, targets: &[(Symbol, f64)], changed: Option<&[usize]>, measures: &Measures) -> bool {
        let known = self.session == measures.session && self.session != 0 && self.held > 0 && self.unmeasured == 0;
        if !known || self.targets.len() != targets.len() {
            return false;
        }
        let differs = |i: &usize| self.targets[*i].1 != targets[*i].1;
        let some: SmallVec<[usize; 16]> = match changed {
            Some(some) => some.iter().copied().filter(differs).collect(),
            None if self.targets.iter().zip(targets).all(|(a, b)| a.0 == b.0) => {
                (0..targets.len()).filter(differs).collect()
            }
            None => return false,
        };
        if some.len() * 8 > targets.len() || self.changes >= MOST_CHANGES {
            return false;
        }
        let mut left = false;
        for i in some {
            let ((symbol, old), (_, new)) = (self.targets[i], targets[i]);
            let can = match (old == 0.0, new == 0.0) {
                // What begins must be measurable over all of these sessions; what ends must not be what limits them.
                (true, _) => new.is_finite() && measures.joins(symbol, self.series.len()),
                (_, true) => measures.leaves(symbol, self.series.len()),
                _ => new.is_finite(),
            };
            if !can {
                // Also what was done so far is of no use then.
                self.session = 0;
                return false;
            }
            measures.sessions.add(symbol, new - old, &mut self.series);
            self.held = self.held + usize::from(new != 0.0) - usize::from(old != 0.0);
            self.targets[i].1 = new;
            self.changes += 1;
            left |= new == 0.0;
        }
        // Where nothing is left but the rounding of what has gone there is nothing to measure.
        let moves = || {
            let (low, high) = range(&self.series);
            high.max(-low) >= 1e-12
        };
        if left && !moves() {
            self.session = 0;
        }
        self.session != 0
    }
    /// Begins again with these targets, without those that are noted in `out` because they cannot be measured.
    fn begin(&mut self, targets: &[(Symbol, f64)], out: &[RuleStep], measures: &Measures) {
        self.targets.clear();
        self.targets.extend_from_slice(targets);
        for step in out {
            if let Ok(i) = targets.binary_search_by_key(&step.symbol, |t| t.0) {
                self.targets[i].1 = 0.0;
            }
        }
        let held: Vec<(Symbol, f64)> = self.held().collect();
        measures.sessions.sum_all(&held, &mut self.series);
        (self.session, self.changes) = (measures.session, 0);
        (self.held, self.unmeasured) = (held.len(), out.len());
    }
    fn held(&self) -> impl Iterator<Item = (Symbol, f64)> {
        self.targets.iter().copied().filter(|t| t.1 != 0.0)
    }
}

/// The returns of all symbols, and when those of one are enough.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Measures {
    minimum: usize,
    max_gap: usize,
    window: usize,
    sessions: SessionReturns,
    /// Sessions that have ended.
    session: u64,
}

impl Measures {
    /// Why the returns of a symbol cannot be measured, when they cannot.
    fn problem(&self, symbol: Symbol) -> Option<String> {
        unmeasurable(&self.sessions, symbol, self.minimum, self.max_gap)
    }
    /// Whether a symbol can be added to sums over `rows` sessions.
    fn joins(&self, symbol: Symbol, rows: usize) -> bool {
        self.sessions.depth(symbol) >= rows && self.problem(symbol).is_none()
    }
    /// Whether sums over `rows` sessions are what they would be had the symbol never been among them.
    fn leaves(&self, symbol: Symbol, rows: usize) -> bool {
        let depth = self.sessions.depth(symbol);
        self.sessions.count(symbol) == depth && (depth > rows || rows == self.window)
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
            measures: Measures {
                minimum: p.minimum,
                max_gap: p.max_gap,
                window: p.window,
                sessions: SessionReturns::new(p.window),
                session: 0,
            },
            estimator: Estimator::new(p),
            budget: p.portfolio_budget,
            unknown: p.unknown,
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

    /// The shortfall of the targets taken in.
    fn measure(&mut self) -> Result<Known, String> {
        let Self { measures, known, scratch, estimator, fitted, .. } = self;
        scratch.reserve(measures.window);
        let Scratch { series, work } = scratch;
        series.clear();
        series.extend_from_slice(&known.series);
        if sum(series).is_nan() {
            series.retain(|x| !x.is_nan());
        }
        let n = series.len();
        if n >= measures.minimum {
            let made = estimator.estimate(series, measures.session, fitted, work);
            return made.map(Known::Joint).map_err(|e| e.to_string());
        }
        let mut sum = 0.0;
        for w in known.held() {
            measures.sessions.sum(&[w], series);
            let one = estimator.estimate(series, measures.session, &mut Fitted::default(), work);
            let es = one.map_err(|e| e.to_string())?.es;
            sum += es.ok_or_else(|| format!("{} has no expected shortfall", w.0))?.max(0.0);
        }
        Ok(Known::Sum(sum, n))
    }

    /// Whether the budget is kept whatever the tail looks like; only asked of sessions that all symbols share.
    fn surely_within(&self) -> bool {
        let (known, estimator) = (&self.known.series, &self.estimator);
        known.len() >= self.measures.minimum
            && sum(known).is_finite()
            && estimator.at_most(known).is_some_and(|most| most <= self.budget)
    }

    /// What cannot be measured is limited to what is allowed of it, and the rest scaled into its budget.
    fn shrink(&mut self, targets: &[(Symbol, f64)], changed: Option<&[usize]>) -> Vec<RuleStep> {
        let mut out = Vec::new();
        // The same symbols as before in the same session: all of them can still be measured.
        if !self.known.follow(targets, changed, &self.measures) {
            for (symbol, w) in targets.iter().filter(|t| t.1 != 0.0) {
                let adjustment = if !w.is_finite() {
                    Adjustment::new(Adjust::Veto, format!("its weight is {w}"))
                } else if let Some(why) = self.measures.problem(*symbol) {
                    Adjustment::new(Adjust::Cap(self.unknown), why)
                } else {
                    continue;
                };
                out.push(RuleStep { symbol: *symbol, adjustment });
            }
            self.known.begin(targets, &out, &self.measures);
        }
        if self.known.held == 0 || self.surely_within() {
            return out;
        }
        let (budget, minimum) = (self.budget, self.measures.minimum);
        // A book that was scaled to the budget is not beyond it by its rounding.
        let most = budget * (1.0 + 1e-9);
        let adjustment = match self.measure() {
            Ok(Known::Joint(Estimate { es: Some(es), var, problem, .. })) if es > most => {
                let careful = if problem.is_some() { ", the worst of several estimates," } else { "" };
                let reason = format!("portfolio shortfall {}{careful} against {}", percent(es), percent(budget));
                Adjustment::new(Adjust::Scale(budget / es), reason)
                    .with("portfolio_shortfall", es)
                    .with("portfolio_var", var)
                    .with("budget", budget)
            }
            Ok(Known::Sum(sum, n)) if sum > most => {
                let why = format!(
                    "{n} of {minimum} joint sessions: sum of shortfalls {} against {}",
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
        out.extend(self.known.held().map(|(symbol, _)| RuleStep { symbol, adjustment: adjustment.clone() }));
        out.sort_by_key(|s| s.symbol);
        out
    }

    /// The session has ended: judge the forecast of what was held, and make one for what is held now.
    fn close(&mut self, view: &View<'_>) {
        self.measures.session += 1;
        let known = !self.held.is_empty();
        // A symbol without a bar in this session stands still, as its mark does.
        let ret = self.held.iter().map(|(s, w)| w * self.measures.sessions.last(*s).unwrap_or(0.0)).sum::<f64>();
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
        if !self.held.is_empty()
            && self.held.iter().all(|(s, _)| self.measures.sessions.count(*s) >= self.measures.minimum)
        {
            self.scratch.reserve(self.measures.window);
            let Scratch { series, work } = &mut self.scratch;
            if self.measures.sessions.sum(&self.held, series) >= self.measures.minimum {
                self.forecast =
                    self.estimator.estimate(series, self.measures.session, &mut self.held_fitted, work).ok();
            }
        }
    }
}

impl Plugin for CvarRule {
    fn id(&self) -> &'static str {
        RiskCvarSizeParams::ID
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
        if matches!(event.data, MarketData::CorporateAction(_)) {
            // What a symbol's returns are may have changed, and the order of the symbols.
            self.known.session = 0;
        }
        if self.measures.sessions.on_event(event) {
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
        self.shrink(targets, None)
    }
    fn revise(&mut self, targets: &[(Symbol, f64)], what: Revision<'_>, _view: &View<'_>) -> Vec<RuleStep> {
        self.shrink(targets, what.changed)
    }
}
