//! The rule: keeps the tracking error of the target portfolio within the limit by making targets smaller.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, CorporateAction, Event, Interest, Invalid, MarketData, Metrics, Params, Plugin,
    Revision, Rule, RuleStep, Symbol, View,
};
use tradewind_numerics::covariance::{Quadratic, Symmetric, nearest_in_box};
use tradewind_numerics::{RollingMoments, dot, sum};

use super::universe::Universe;
use super::{Basis, Mode, OutOfReach, RiskTrackingErrorParams, resolve};
use crate::sessions::SessionReturns;

/// The active weights of a portfolio as a function of one factor k on the book: a(k) = k m - f, whose variance is
/// `moving` k^2 - 2 `cross` k + `fixed`, and `unknown` k more for targets that are not measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Curve {
    moving: f64,
    cross: f64,
    fixed: f64,
    unknown: f64,
}

impl Curve {
    fn at(&self, k: f64) -> f64 {
        (self.moving * k * k - 2.0 * self.cross * k + self.fixed).max(0.0).sqrt() + k * self.unknown
    }
    /// The largest factor in [0, 1] within the limit; else the one of the smallest tracking error, and false.
    fn factor(&self, limit: f64) -> (f64, bool) {
        if self.at(1.0) <= limit {
            return (1.0, true);
        }
        let mut inside = 0.0;
        if self.at(0.0) > limit {
            // A sum of convex functions is convex: narrow its least by thirds.
            let (mut a, mut b) = (0.0, 1.0);
            for _ in 0..200 {
                let (x, y) = (a + (b - a) / 3.0, b - (b - a) / 3.0);
                if self.at(x) <= self.at(y) { b = y } else { a = x }
            }
            inside =
                [0.0, 0.5 * (a + b), 1.0].into_iter().min_by(|x, y| self.at(*x).total_cmp(&self.at(*y))).unwrap_or(0.0);
            if self.at(inside) > limit {
                return (inside, false);
            }
        }
        let mut outside = 1.0;
        for _ in 0..80 {
            let middle = 0.5 * (inside + outside);
            if self.at(middle) <= limit { inside = middle } else { outside = middle }
        }
        (inside, true)
    }
}

/// What was measured of a portfolio.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Measured {
    tracking_error: f64,
    curve: Curve,
}

/// Changes after which the variances are measured anew.
const MOST_CHANGES: u32 = 1_000;

/// The targets measured last, each at its place.
#[derive(Debug, Clone, Default)]
struct Shown {
    /// Weights; zero where they are no numbers.
    weights: Vec<f64>,
    /// Which member each target is.
    members: Vec<Option<usize>>,
    /// Whether there are targets that are no numbers.
    odd: bool,
}

/// Keeps the target portfolio within a limit on tracking error; see [`RiskTrackingErrorParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrackingErrorRule {
    limit: f64,
    basis: Basis,
    mode: Mode,
    out_of_reach: OutOfReach,
    unknown: f64,
    unknown_volatility: f64,
    minimum: usize,
    periods: f64,
    /// By the symbols' text.
    benchmark: Vec<(Symbol, f64)>,
    universe: Universe,
    /// Whether what follows is of the covariance in force.
    fresh: bool,
    /// Benchmark weights by member, and the covariance times them.
    bench: Vec<f64>,
    bench_risk: Vec<f64>,
    /// The benchmark's own variance.
    bench_square: f64,
    /// A symbol of the benchmark that is not measured.
    missing: Option<Symbol>,
    /// Weights by member as last measured.
    weights: Vec<f64>,
    /// Their variance, and their covariance with the benchmark.
    moving: f64,
    cross: f64,
    /// Changes since these were measured from the beginning: each may add a last digit of rounding.
    changes: u32,
    /// Targets that are not measured.
    unmeasured: Vec<(Symbol, f64)>,
    #[serde(skip)]
    shown: Shown,
    /// What the benchmark is multiplied by.
    scale: f64,
    /// Held at the last session close, and the benchmark's multiple for it.
    held: Vec<(Symbol, f64)>,
    held_scale: f64,
    /// Return of what is held since the benchmark last had one.
    carried: f64,
    active: Option<f64>,
    ex_ante: Option<f64>,
    ex_post: RollingMoments,
}

impl TrackingErrorRule {
    /// The rule with these parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &RiskTrackingErrorParams) -> Result<Self, Invalid> {
        p.build()?;
        Ok(Self {
            limit: p.limit,
            basis: p.basis,
            mode: p.mode,
            out_of_reach: p.out_of_reach,
            unknown: p.unknown,
            unknown_volatility: p.unknown_volatility,
            minimum: p.minimum,
            periods: p.periods_per_year,
            benchmark: resolve(&p.benchmark, p.basis)?,
            universe: Universe::new(p),
            fresh: false,
            bench: Vec::new(),
            bench_risk: Vec::new(),
            bench_square: 0.0,
            missing: None,
            weights: Vec::new(),
            moving: 0.0,
            cross: 0.0,
            changes: 0,
            unmeasured: Vec::new(),
            shown: Shown::default(),
            scale: 1.0,
            held: Vec::new(),
            held_scale: 1.0,
            carried: 0.0,
            active: None,
            ex_ante: None,
            ex_post: RollingMoments::new(p.ex_post_window),
        })
    }

    /// Lays weights and benchmark out by member, once for each covariance.
    fn refresh(&mut self) {
        let n = self.universe.members().len();
        for v in [&mut self.bench, &mut self.bench_risk, &mut self.weights] {
            v.clear();
            v.resize(n, 0.0);
        }
        self.missing = None;
        for (s, b) in &self.benchmark {
            match self.universe.members().binary_search(s) {
                Ok(i) => self.bench[i] = *b,
                Err(_) if *b != 0.0 => self.missing = self.missing.or(Some(*s)),
                Err(_) => {}
            }
        }
        if n > 0 {
            self.universe.covariance().mul(&self.bench, &mut self.bench_risk);
        }
        self.bench_square = dot(&self.bench, &self.bench_risk);
        self.fresh = true;
    }

    /// Moves the weight of a member; with `along` the variances move along: (w + d e)' S (w + d e) = w' S w + 2 d (S w)_i + d^2 S_ii.
    fn set(&mut self, member: usize, w: f64, along: bool) -> bool {
        let step = w - self.weights[member];
        if step != 0.0 {
            if along {
                let column = self.universe.column(member);
                self.moving += step * (2.0 * dot(column, &self.weights) + step * column[member]);
                self.cross += step * self.bench_risk[member];
                self.changes += 1;
            }
            self.weights[member] = w;
        }
        step != 0.0
    }
    /// Takes in the targets at these places; false when it has to be all of them.
    fn revise_weights(&mut self, targets: &[(Symbol, f64)], changed: &[usize]) -> bool {
        let few = changed.len() * 8 <= self.weights.len() && self.changes < MOST_CHANGES;
        if !few || self.shown.weights.len() != targets.len() {
            return false;
        }
        let (mut unmeasured, mut odd) = (false, self.shown.odd);
        for &i in changed {
            let w = finite(targets[i].1);
            odd |= !targets[i].1.is_finite();
            if let Some(member) = self.shown.members[i] {
                self.set(member, w, true);
            } else {
                unmeasured |= w != self.shown.weights[i];
            }
            self.shown.weights[i] = w;
        }
        if unmeasured {
            self.unmeasured.clear();
            let all = targets.iter().zip(&self.shown.members).filter(|(t, m)| m.is_none() && finite(t.1) != 0.0);
            self.unmeasured.extend(all.map(|(t, _)| *t));
        }
        self.shown.odd = odd && targets.iter().any(|t| !t.1.is_finite());
        true
    }
    /// Takes in all targets (sorted by symbol).
    fn take_weights(&mut self, targets: &[(Symbol, f64)], again: bool) {
        let n = self.weights.len();
        let mut shown = std::mem::take(&mut self.shown);
        shown.weights.clear();
        shown.members.clear();
        self.unmeasured.clear();
        let again = again || self.changes >= MOST_CHANGES;
        let (mut changed, mut i) = (0, 0);
        // Both lists are in the order of the symbols: each member is either the next target or has no weight.
        for (symbol, w) in targets {
            let w = finite(*w);
            while i < n && self.universe.members()[i] != *symbol && self.universe.members()[i] < *symbol {
                changed += usize::from(self.set(i, 0.0, !again && (changed + 1) * 8 <= n));
                i += 1;
            }
            let member = (i < n && self.universe.members()[i] == *symbol).then_some(i);
            if let Some(at) = member {
                changed += usize::from(self.set(at, w, !again && (changed + 1) * 8 <= n));
                i += 1;
            } else if w != 0.0 {
                self.unmeasured.push((*symbol, w));
            }
            shown.weights.push(w);
            shown.members.push(member);
        }
        for i in i..n {
            changed += usize::from(self.set(i, 0.0, !again && (changed + 1) * 8 <= n));
        }
        if again || changed * 8 > n {
            self.moving = self.universe.covariance().quadratic(&self.weights);
            self.cross = dot(&self.bench_risk, &self.weights);
            self.changes = 0;
        }
        shown.odd = targets.iter().any(|t| !t.1.is_finite());
        self.shown = shown;
    }

    /// Measures a portfolio (sorted by symbol); `None` when the benchmark is not measured. Between two session closes only the weights that
    /// changed cost anything beyond a comparison, and not even that when it is known which they are.
    fn measure(&mut self, targets: &[(Symbol, f64)], changed: Option<&[usize]>) -> Option<Measured> {
        let again = !self.fresh;
        if again {
            self.refresh();
        }
        if self.missing.is_some() || self.universe.members().is_empty() {
            self.shown = Shown::default();
            return None;
        }
        let before = changed.filter(|_| !again);
        if !before.is_some_and(|some| self.revise_weights(targets, some)) {
            self.take_weights(targets, again);
        }
        self.scale = if self.basis == Basis::Invested { sum(&self.shown.weights) } else { 1.0 };
        let c = self.scale;
        let unknown = self.unknown_volatility * self.unmeasured.iter().map(|(_, w)| w.abs()).sum::<f64>();
        let (moving, cross) = (self.moving, c * self.cross);
        let fixed = c * c * self.bench_square;
        let square = (moving - 2.0 * cross + fixed).max(0.0);
        // A benchmark that shrinks along leaves nothing fixed.
        let curve = if self.basis == Basis::Invested {
            Curve { moving: square, unknown, ..Curve::default() }
        } else {
            Curve { moving, cross, fixed, unknown }
        };
        Some(Measured { tracking_error: square.sqrt() + unknown, curve })
    }
    fn active(&self, i: usize) -> f64 {
        self.weights[i] - self.scale * self.bench[i]
    }
    /// The covariance times the weights.
    fn risk(&self) -> Vec<f64> {
        let mut risk = vec![0.0; self.weights.len()];
        self.universe.covariance().mul(&self.weights, &mut risk);
        risk
    }
    /// What a symbol adds to the tracking error: measured, by Euler; else all that is assumed of it.
    fn contribution(&self, symbol: Symbol, weight: f64, risk: &[f64], unknown: f64, total: f64) -> f64 {
        match self.universe.members().binary_search(&symbol) {
            Ok(i) if total > unknown => {
                self.active(i) * (risk[i] - self.scale * self.bench_risk[i]) / (total - unknown)
            }
            Ok(_) => 0.0,
            Err(_) => self.unknown_volatility * weight.abs(),
        }
    }

    /// The factor on each target, and the tracking error with them: the nearest book, every target between zero and what was wanted.
    fn nearest(&self, targets: &[(Symbol, f64)], m: &Measured) -> Option<(Vec<f64>, f64, bool)> {
        // What is not measured may use up to half of the limit; the rest is for what is.
        let unknown = m.curve.unknown;
        let share = if unknown > 0.5 * self.limit { 0.5 * self.limit / unknown } else { 1.0 };
        let members = self.universe.members();
        let at = |s: &Symbol| members.binary_search(s).ok();
        let held: Vec<(usize, f64)> =
            targets.iter().filter(|t| finite(t.1) != 0.0).filter_map(|(s, w)| at(s).map(|i| (i, *w))).collect();
        let s = self.universe.covariance();
        let w: Vec<f64> = held.iter().map(|h| h.1).collect();
        let bench = self.bench_square;
        let form = if self.basis == Basis::Invested {
            // a = x - b (sum of x + u) with u the sum of what is not measured: quadratic in x, too.
            let u = share * self.unmeasured.iter().map(|(_, w)| w).sum::<f64>();
            let r = |i: usize| self.bench_risk[held[i].0];
            let q = |i: usize, j: usize| s.get(held[i].0, held[j].0) - r(i) - r(j) + bench;
            let p = (0..held.len()).map(|i| u * (r(i) - bench)).collect();
            Quadratic { q: Symmetric::from_fn(held.len(), q), p, r: u * u * bench }
        } else {
            let q = |i: usize, j: usize| s.get(held[i].0, held[j].0);
            let p = held.iter().map(|h| self.bench_risk[h.0]).collect();
            Quadratic { q: Symmetric::from_fn(held.len(), q), p, r: bench }
        };
        let found = nearest_in_box(&form, &w, self.limit - share * unknown).ok()?;
        let mut points = found.point.iter().zip(&w);
        let factors = targets.iter().map(|(s, w)| match (finite(*w) != 0.0, at(s)) {
            (true, Some(_)) => points.next().map_or(0.0, |(x, w)| (x / w).clamp(0.0, 1.0)),
            (true, None) => share,
            (false, _) => 1.0,
        });
        Some((factors.collect(), found.distance + share * unknown, found.within))
    }

    /// The steps that keep the targets within the limit.
    fn within(&mut self, targets: &[(Symbol, f64)], changed: Option<&[usize]>) -> Vec<RuleStep> {
        let measured = self.measure(targets, changed);
        let mut steps = Vec::new();
        let wanted = targets.iter().filter(|t| finite(t.1) != 0.0);
        if measured.is_none() || self.shown.odd {
            let odd = targets.iter().filter(|t| !t.1.is_finite());
            steps.extend(odd.map(|(symbol, w)| {
                let adjustment = Adjustment::new(Adjust::Veto, format!("the weight is {w}"));
                RuleStep { symbol: *symbol, adjustment }
            }));
        }
        let Some(m) = measured else {
            let reason = self.unmeasurable();
            steps.extend(wanted.map(|(symbol, _)| {
                let adjustment = Adjustment::new(Adjust::Scale(self.unknown), reason.clone());
                RuleStep { symbol: *symbol, adjustment: adjustment.with("limit", self.limit) }
            }));
            return steps;
        };
        // A book that was scaled to the limit is not beyond it by its rounding.
        if m.tracking_error <= self.limit * (1.0 + 1e-9) || wanted.clone().next().is_none() {
            return steps;
        }
        let (mut factors, mut after, mut within) = match self.mode {
            Mode::Scale => {
                let (k, within) = m.curve.factor(self.limit);
                (vec![k; targets.len()], m.curve.at(k), within)
            }
            // Should the search fail, which finite numbers do not make it do, nothing is held.
            Mode::Project => {
                self.nearest(targets, &m).unwrap_or_else(|| (vec![0.0; targets.len()], m.curve.at(0.0), false))
            }
        };
        if !within && self.out_of_reach == OutOfReach::Keep {
            factors.iter_mut().for_each(|k| *k = 1.0);
            after = m.tracking_error;
        }
        within &= after <= self.limit * (1.0 + 1e-9);
        let percent = |x: f64| format!("{:.1} %", 100.0 * x);
        let mut reason = format!("tracking error {} over {}", percent(m.tracking_error), percent(self.limit));
        if !within {
            let what = if self.out_of_reach == OutOfReach::Keep { "kept as it is" } else { "the least of them" };
            reason += &format!(", which no smaller book meets: {what}");
        }
        if let Some((first, _)) = self.unmeasured.first() {
            let n = self.unmeasured.len();
            reason += &format!(
                " ({n} without enough returns, {first} first, taken to move {} a year against the book)",
                percent(self.unknown_volatility)
            );
        }
        let risk = self.risk();
        for ((symbol, w), k) in targets.iter().zip(factors).filter(|(t, k)| finite(t.1) != 0.0 && (*k < 1.0 || !within))
        {
            let adjust = if k < 1.0 { Adjust::Scale(k) } else { Adjust::Keep };
            let part = self.contribution(*symbol, *w, &risk, m.curve.unknown, m.tracking_error);
            let adjustment = Adjustment::new(adjust, reason.clone())
                .with("tracking_error", m.tracking_error)
                .with("limit", self.limit)
                .with("contribution", part)
                .with("after", after);
            steps.push(RuleStep { symbol: *symbol, adjustment });
        }
        steps
    }

    fn close(&mut self, view: &View<'_>) {
        let book: f64 = self.held.iter().map(|(s, w)| w * self.universe.last(*s).unwrap_or(0.0)).sum();
        self.carried += book;
        self.active = None;
        // A session in which the benchmark has no return is judged together with the next.
        let parts = self.benchmark.iter().filter(|(_, b)| *b != 0.0);
        let bench = parts.map(|(s, b)| self.universe.last(*s).map(|r| b * r)).sum::<Option<f64>>();
        if let Some(bench) = bench {
            let active = std::mem::take(&mut self.carried) - self.held_scale * bench;
            if active.is_finite() {
                self.active = Some(active);
                self.ex_post.push(active);
            }
        }
        self.fresh = false;
        let equity = view.portfolio.equity().to_f64();
        let mut held = std::mem::take(&mut self.held);
        held.clear();
        if equity > 0.0 {
            held.extend(view.portfolio.positions().map(|p| (p.symbol, p.value().to_f64() / equity)));
        }
        self.ex_ante = self.measure(&held, None).map(|m| m.tracking_error);
        // What was shown last is not what is held.
        self.shown = Shown::default();
        let net: f64 = held.iter().map(|h| h.1).sum();
        self.held_scale = if self.basis == Basis::Invested { net } else { 1.0 };
        self.held = held;
    }

    /// Why nothing is known of the benchmark.
    fn unmeasurable(&self) -> String {
        match self.missing.or(self.benchmark.first().map(|b| b.0)) {
            Some(s) => {
                let n = self.universe.count(s);
                let enough = if n < self.minimum { "" } else { ", but no recent one or none that moves" };
                format!("no tracking error: {s} of the benchmark has {n} of {} returns{enough}", self.minimum)
            }
            None => "no tracking error: nothing is measured yet".into(),
        }
    }
}

/// A weight that can be used; what cannot counts as nothing, and is vetoed.
fn finite(w: f64) -> f64 {
    if w.is_finite() { w } else { 0.0 }
}

impl Plugin for TrackingErrorRule {
    fn id(&self) -> &'static str {
        RiskTrackingErrorParams::ID
    }
    fn listens(&self) -> Interest {
        SessionReturns::listens()
    }
    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), BadInput> {
        if let (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(from)) =
            (&event.data, event.symbol)
        {
            for list in [&mut self.held, &mut self.benchmark] {
                list.iter_mut().filter(|(s, _)| *s == from).for_each(|(s, _)| *s = *to);
                list.sort_by_key(|x| x.0);
            }
        }
        if self.universe.on_event(event) {
            self.close(view);
        }
        Ok(())
    }
    fn metrics(&self, out: &mut Metrics) {
        out.extend(self.ex_ante.map(|x| ("tracking_error_ex_ante", x)));
        let ex_post = self.ex_post.std_dev().filter(|_| self.ex_post.is_full());
        out.extend(ex_post.map(|s| ("tracking_error_ex_post", self.periods.sqrt() * s)));
        out.extend(self.active.map(|x| ("active_return", x)));
        out.extend(self.universe.shrinkage().map(|x| ("covariance_shrinkage", x)));
        if self.universe.clipped() > 0 {
            out.push(("eigenvalues_raised", self.universe.clipped() as f64));
        }
    }
}

impl Rule for TrackingErrorRule {
    fn apply(&mut self, targets: &[(Symbol, f64)], _view: &View<'_>) -> Vec<RuleStep> {
        self.within(targets, None)
    }
    fn revise(&mut self, targets: &[(Symbol, f64)], what: Revision<'_>, _view: &View<'_>) -> Vec<RuleStep> {
        self.within(targets, what.changed)
    }
}
