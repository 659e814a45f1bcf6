//! The rule: adds a position in the hedge that takes the portfolio's beta exposure to its target.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, CorporateAction, Event, Interest, Invalid, Kinds, MarketData, Metrics, Numbers,
    Params, Plugin, Revision, Rule, RulePhase, RuleStep, Span, Symbol, Time, View,
};
use tradewind_numerics::RollingMoments;
use tradewind_numerics::beta::effectiveness;
use tradewind_numerics::sum;

use super::betas::{Betas, Method};
use super::{HedgeTerms, RiskAutoHedgeRatioParams, shares};

/// Smallest beta of an instrument that can serve as hedge, in size: more of it than ten times the exposure would be needed below.
const LEAST_HEDGE_BETA: f64 = 0.1;
/// Positions named in an explanation.
const NAMED: usize = 3;

/// Beta exposure of targets: what is known, and between what bounds the whole lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Exposure {
    low: f64,
    high: f64,
    unknown: usize,
}

impl Exposure {
    /// What is there for whatever the unknown betas are.
    fn certain(&self) -> f64 {
        if self.low > 0.0 {
            self.low
        } else if self.high < 0.0 {
            self.high
        } else {
            0.0
        }
    }
}

/// A weight that is no number counts as nothing here: the rules of the portfolio have vetoed it.
fn finite(w: f64) -> f64 {
    if w.is_finite() { w } else { 0.0 }
}

/// What each of the targets shown last adds to the exposure, each at its place: one that changes costs as much as one, and the sums do not
/// depend on what was shown before.
#[derive(Debug, Clone, Default)]
struct Parts {
    /// Whether they are of the betas in force and of as many targets as there are.
    fresh: bool,
    /// Weight times beta.
    known: Vec<f64>,
    /// Its variance.
    variance: Vec<f64>,
    /// Weights without a beta.
    open: Vec<f64>,
    /// How many these are.
    unknown: usize,
}

impl Parts {
    fn reset(&mut self, n: usize) {
        for v in [&mut self.known, &mut self.variance, &mut self.open] {
            v.clear();
            v.resize(n, 0.0);
        }
        (self.unknown, self.fresh) = (0, true);
    }
    fn set(&mut self, i: usize, weight: f64, beta: Option<(f64, f64)>) {
        let (known, variance, open) = match beta {
            Some((beta, sd)) => (weight * beta, (weight * sd).powi(2), 0.0),
            None => (0.0, 0.0, weight),
        };
        self.unknown = self.unknown + usize::from(open != 0.0) - usize::from(self.open[i] != 0.0);
        (self.known[i], self.variance[i], self.open[i]) = (known, variance, open);
    }
    fn exposure(&self, unknown_beta: f64) -> Exposure {
        let known = sum(&self.known);
        let (mut low, mut high) = (known, known);
        if self.unknown > 0 {
            low += self.open.iter().map(|w| (w * unknown_beta).min(0.0)).sum::<f64>();
            high += self.open.iter().map(|w| (w * unknown_beta).max(0.0)).sum::<f64>();
        }
        Exposure { low, high, unknown: self.unknown }
    }
    /// Standard deviation of what is known, the betas' errors taken as independent.
    fn sd(&self) -> f64 {
        sum(&self.variance).sqrt()
    }
}

/// Adds the hedge; see [`RiskAutoHedgeRatioParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HedgeRule {
    terms: HedgeTerms,
    unknown_beta: f64,
    max_age_days: f64,
    minimum: usize,
    hedge: Symbol,
    betas: Betas,
    /// Shares of the hedge in force (negative when short), and before the decision at `decided`.
    standing: f64,
    before: f64,
    decided: Option<Time>,
    /// Targets of the last decision without the hedge (zero where they are no numbers), and the hedge's weight.
    book: Vec<(Symbol, f64)>,
    #[serde(skip)]
    parts: Parts,
    weight: f64,
    exposure: Option<f64>,
    after: Option<f64>,
    unhedged: RollingMoments,
    hedged: RollingMoments,
}

impl HedgeRule {
    /// The rule with these parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &RiskAutoHedgeRatioParams) -> Result<Self, Invalid> {
        p.build()?;
        let symbol = |field: &str, s: &str| Symbol::new(s).map_err(|e| Invalid::one(field, e.to_string()));
        Ok(Self {
            terms: HedgeTerms::of(p),
            unknown_beta: p.unknown_beta,
            max_age_days: p.max_age_days,
            minimum: p.minimum,
            hedge: symbol("hedge", &p.hedge)?,
            betas: Betas::new(Method::new(p), symbol("market", &p.market)?),
            standing: 0.0,
            before: 0.0,
            decided: None,
            book: Vec::new(),
            parts: Parts::default(),
            weight: 0.0,
            exposure: None,
            after: None,
            unhedged: RollingMoments::new(p.window),
            hedged: RollingMoments::new(p.window),
        })
    }

    /// Takes the targets in: all, or those at these positions.
    fn see(&mut self, targets: &[(Symbol, f64)], changed: Option<&[usize]>) {
        let Self { book, parts, betas, .. } = self;
        match changed.filter(|_| parts.fresh && book.len() == targets.len()) {
            Some(some) => {
                for &i in some {
                    let (symbol, w) = targets[i];
                    book[i].1 = finite(w);
                    parts.set(i, finite(w), betas.beta(symbol));
                }
            }
            None => {
                book.clear();
                book.extend(targets.iter().map(|(s, w)| (*s, finite(*w))));
                parts.reset(book.len());
                for (i, (symbol, w)) in book.iter().enumerate() {
                    parts.set(i, *w, betas.beta(*symbol));
                }
            }
        }
    }

    /// What one share of the hedge is worth, as a fraction of equity; or why that is not known.
    fn share(&self, view: &View<'_>) -> Result<f64, String> {
        let h = self.hedge;
        let last = view.market.last(h).ok_or_else(|| format!("no price of {h} is known"))?;
        if last.index {
            return Err(format!("{h} is an index, which cannot be traded"));
        }
        let equity = view.portfolio.equity().to_f64();
        let share = last.price.to_f64() / equity;
        if share.is_finite() && share > 0.0 { Ok(share) } else { Err("there is no equity".into()) }
    }
    /// The beta of the hedge; or why the hedge cannot be traded now.
    fn tradable(&self, view: &View<'_>) -> Result<f64, String> {
        let h = self.hedge;
        let age = view.market.last(h).map_or(Span::DAY, |l| view.now.since(l.time));
        if age > Span::from_nanos((self.max_age_days * Span::DAY.nanos() as f64) as i64) {
            return Err(format!("the price of {h} is {:.1} days old", age.days()));
        }
        let (beta, _) = self.betas.beta(h).ok_or_else(|| {
            let why = self.betas.state(h).words(self.minimum);
            format!("the beta of {h} to {} is not known ({why})", self.betas.market())
        })?;
        if beta.abs() < LEAST_HEDGE_BETA {
            return Err(format!("the beta of {h}, {beta:.2}, is too small to hedge with"));
        }
        Ok(beta)
    }

    /// The positions with the largest beta exposure, as numbers of an explanation.
    fn top(&self) -> impl Iterator<Item = (Cow<'static, str>, f64)> {
        // Size and place, the largest first; of equals the first.
        let mut top = [(0.0, 0); NAMED];
        for (i, x) in self.parts.known.iter().enumerate() {
            if x.abs() > top[NAMED - 1].0 {
                let at = top.partition_point(|t| t.0 >= x.abs());
                top[at..].rotate_right(1);
                top[at] = (x.abs(), i);
            }
        }
        top.into_iter().filter(|t| t.0 > 0.0).filter_map(|(_, i)| {
            let (symbol, _) = self.book[i];
            self.betas.beta(symbol).map(|(beta, _)| (format!("beta {symbol}").into(), beta))
        })
    }

    /// The hedge of the targets taken in, when asked to explain it with its reason and numbers.
    fn hedge(&mut self, explain: bool, view: &View<'_>) -> Vec<RuleStep> {
        // Asked again at the same instant, the decision is taken again from what there was before.
        if self.decided != Some(view.now) {
            (self.before, self.decided) = (self.standing, Some(view.now));
        }
        let e = self.parts.exposure(self.unknown_beta);
        let exposure = e.certain();
        let doubtful = exposure == 0.0 && e.unknown > 0 && e.high - e.low > self.terms.dead_band;
        (self.exposure, self.after, self.weight) = (Some(exposure), Some(exposure), 0.0);
        let share = self.share(view);
        let tradable = share.clone().and_then(|share| self.tradable(view).map(|beta| (share, beta)));
        let (adjust, reason, numbers) = match tradable {
            Err(why) => {
                // What cannot be traded now is not given up either, as long as it makes the exposure smaller: a hedge that goes is
                // a risk that comes back. Its last known beta, else 1, says whether.
                let beta = self.betas.beta(self.hedge).map_or(1.0, |b| b.0);
                let weight = self.before * share.unwrap_or(0.0);
                if weight != 0.0 && (exposure + beta * weight).abs() <= exposure.abs() && weight.abs() <= self.terms.cap
                {
                    (self.standing, self.weight, self.after) = (self.before, weight, Some(exposure + beta * weight));
                    let reason = format!("beta exposure {exposure:.2}: the hedge is kept, {why}");
                    (Adjust::Add(weight), reason, Numbers::new())
                } else {
                    self.standing = 0.0;
                    let idle = exposure.abs() <= self.terms.dead_band && self.before == 0.0 && !doubtful;
                    if idle {
                        return Vec::new();
                    }
                    (Adjust::Keep, format!("no hedge: {why}"), Numbers::new())
                }
            }
            Ok((share, beta)) => {
                let held = self.before * share;
                let d = self.terms.decide(exposure, beta, held, self.betas.variance());
                let quantity = if d.keep { self.before } else { shares(d.weight, share, 1.0, self.terms.lot) };
                let weight = quantity * share;
                let after = exposure + beta * weight;
                (self.standing, self.weight, self.after) = (quantity, weight, Some(after));
                let open = (exposure - d.aim).abs() > self.terms.dead_band;
                if quantity == 0.0 && self.before == 0.0 && !open && !doubtful {
                    return Vec::new();
                }
                let adjust = if quantity != 0.0 { Adjust::Add(weight) } else { Adjust::Keep };
                if !explain {
                    return vec![RuleStep { symbol: self.hedge, adjustment: Adjustment::new(adjust, "") }];
                }
                let cost = self.terms.cost_bps * (weight - held).abs();
                let h = self.hedge;
                let side = if quantity < 0.0 { "short" } else { "long" };
                let text = format!("beta exposure {exposure:.2}, target {:.2}: ", d.aim);
                let position = format!("{text}{side} {:.2} of equity in {h}", weight.abs());
                let reason = if quantity != 0.0 && d.keep {
                    format!("{position} kept ({})", d.why)
                } else if quantity != 0.0 {
                    let cap = if d.capped { ", the cap" } else { "" };
                    format!("{position}{cap}; cost {cost:.2} bp")
                } else if self.before != 0.0 {
                    text + "the hedge is closed"
                } else if open {
                    let why = if d.keep { d.why } else { "less than a lot, or the cap is zero" };
                    format!("{text}no hedge, {why}")
                } else {
                    "no hedge: the sign of the beta exposure is not known".into()
                };
                let numbers = [
                    ("beta_exposure".into(), exposure),
                    ("target".into(), d.aim),
                    ("after".into(), after),
                    ("exposure_sd".into(), self.parts.sd()),
                    ("shares".into(), quantity),
                    ("cost_bps".into(), cost),
                    ("benefit_bps".into(), 1e4 * d.benefit),
                ];
                (adjust, reason, Numbers::from_iter(numbers))
            }
        };
        let unknown = (e.unknown > 0).then(|| {
            let first = self.book.iter().find(|(s, w)| *w != 0.0 && self.betas.beta(*s).is_none());
            let name = first.map_or("?", |(s, _)| s.as_str());
            let why = first.map_or(String::new(), |(s, _)| self.betas.state(*s).words(self.minimum));
            let n = e.unknown;
            format!("; {n} without beta, {name} first ({why}), taken as 0 to {} to need least hedge", self.unknown_beta)
        });
        let mut adjustment = Adjustment::new(adjust, reason + unknown.as_deref().unwrap_or(""));
        adjustment.numbers = numbers;
        adjustment.numbers.extend(self.top());
        vec![RuleStep { symbol: self.hedge, adjustment }]
    }

    fn close(&mut self) {
        // What is measured of the betas has to be measured again.
        self.parts.fresh = false;
        if self.weight == 0.0 && self.book.iter().all(|b| b.1 == 0.0) {
            return;
        }
        let book: f64 = self.book.iter().map(|(s, w)| w * self.betas.last(*s).unwrap_or(0.0)).sum();
        let hedge = self.weight * self.betas.last(self.hedge).unwrap_or(0.0);
        if (book + hedge).is_finite() {
            self.unhedged.push(book);
            self.hedged.push(book + hedge);
        }
    }
}

impl Plugin for HedgeRule {
    fn id(&self) -> &'static str {
        RiskAutoHedgeRatioParams::ID
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::BAR | Kinds::SESSION_CLOSE)
    }
    fn observe(&mut self, event: &Event, _view: &View<'_>) -> Result<(), BadInput> {
        if let (MarketData::CorporateAction(action), Some(symbol)) = (&event.data, event.symbol) {
            self.parts.fresh = false;
            match action {
                CorporateAction::SymbolChange { to } => {
                    self.book.iter_mut().filter(|(s, _)| *s == symbol).for_each(|(s, _)| *s = *to);
                    if symbol == self.hedge {
                        self.hedge = *to;
                    }
                }
                CorporateAction::Split { numerator, denominator } if symbol == self.hedge && *denominator > 0 => {
                    let k = f64::from(*numerator) / f64::from(*denominator);
                    (self.standing, self.before) = (k * self.standing, k * self.before);
                }
                CorporateAction::Delisting { .. } if symbol == self.hedge => {
                    (self.standing, self.before, self.weight) = (0.0, 0.0, 0.0);
                }
                _ => {}
            }
        }
        if self.betas.on_event(event) {
            self.close();
        }
        Ok(())
    }
    fn metrics(&self, out: &mut Metrics) {
        out.extend(self.exposure.map(|x| ("beta_exposure", x)));
        out.extend(self.after.map(|x| ("beta_after_hedge", x)));
        if self.exposure.is_some() {
            out.push(("hedge_weight", self.weight));
        }
        let enough = self.unhedged.window().len() >= self.minimum;
        let (u, h) = (self.unhedged.variance(), self.hedged.variance());
        let share = u.zip(h).filter(|_| enough).and_then(|(u, h)| effectiveness(u, h));
        out.extend(share.map(|x| ("hedge_effectiveness", x)));
    }
}

impl Rule for HedgeRule {
    fn phase(&self) -> RulePhase {
        RulePhase::Hedge
    }
    fn apply(&mut self, targets: &[(Symbol, f64)], view: &View<'_>) -> Vec<RuleStep> {
        self.see(targets, None);
        self.hedge(true, view)
    }
    fn revise(&mut self, targets: &[(Symbol, f64)], what: Revision<'_>, view: &View<'_>) -> Vec<RuleStep> {
        self.see(targets, what.changed);
        self.hedge(what.decides(self.hedge), view)
    }
}
