//! One decision: from the signals in force to target weights, as a fold over steps.

use std::collections::BTreeSet;

use smallvec::SmallVec;
use tradewind_core_types::{
    Adjust, Adjustment, Contribution, Filter, Fixed, Name, Overlay, Proposal, Signal, Sizer, Stage, Step, StrategyId,
    Symbol, View,
};

use crate::book::{Book, More, apply_rules};
use crate::engine::EngineConfig;
use crate::executor::{Executor, Request};
use crate::kill_switch::KillSwitch;
use crate::pipeline::{Conviction, Named, Pipeline, Standing, Strategy};
use crate::position::PositionManager;

/// The parts of the engine that have a say in every decision, besides the plugins.
pub(crate) struct Desk<'a> {
    pub config: &'a EngineConfig,
    pub positions: &'a mut PositionManager,
    pub executor: &'a mut Executor,
    pub kill_switch: &'a KillSwitch,
    /// Symbols that were not due and whose signal has lost its place to another one: to be decided next.
    pub displaced: Vec<Symbol>,
}

/// What one signal asks for, before it is spread over its legs.
struct Wish<'a> {
    /// Index of the strategy.
    strategy: usize,
    signal: &'a Signal,
    steps: Vec<Step>,
    value: f64,
}

/// What is wanted of one symbol.
#[derive(Debug)]
pub(crate) struct Target {
    pub symbol: Symbol,
    pub contributions: Vec<Contribution>,
    pub rules: Vec<Step>,
    pub weight: f64,
    /// The weight before the hedges, when one had its say.
    pub unhedged: Option<f64>,
}

impl Target {
    pub fn new(symbol: Symbol, contributions: Vec<Contribution>) -> Self {
        Self { symbol, contributions, rules: Vec::new(), weight: 0.0, unhedged: None }
    }
    /// Back to what strategies want of it.
    fn begin(&mut self) {
        self.rules.clear();
        self.unhedged = None;
        self.weight = self.contributions.iter().fold(0.0, |sum, c| sum + c.weight);
        if !self.weight.is_finite() {
            let why = Adjustment::new(Adjust::Veto, "the sum of what strategies want is not finite");
            self.weight = push(&mut self.rules, Stage::Rule, "sum", why, self.weight);
        }
    }
}

/// Appends a step and gives the value after it.
///
/// An adjustment (or its result) that is not finite would poison everything after it: it becomes a veto that says so, because missing numbers may
/// reduce risk but never raise it.
#[inline]
pub(crate) fn push(
    steps: &mut Vec<Step>,
    stage: Stage,
    plugin: &'static str,
    adjustment: Adjustment,
    value: f64,
) -> f64 {
    let after = adjustment.adjust.apply(value);
    if !(adjustment.adjust.is_finite() && after.is_finite()) {
        return veto(steps, stage, plugin, adjustment, value);
    }
    steps.push(Step { stage, plugin: Name::lit(plugin), adjustment, after });
    after
}

#[cold]
fn veto(steps: &mut Vec<Step>, stage: Stage, plugin: &'static str, a: Adjustment, value: f64) -> f64 {
    let reason = if a.adjust.is_finite() {
        format!("{:?} of {value} is not finite: vetoed ({})", a.adjust, a.reason)
    } else {
        format!("gave {:?}, which is not finite: vetoed ({})", a.adjust, a.reason)
    };
    let adjustment = Adjustment { adjust: Adjust::Veto, reason: reason.into(), numbers: a.numbers };
    steps.push(Step { stage, plugin: Name::lit(plugin), adjustment, after: 0.0 });
    0.0
}

fn fold(
    s: &mut Strategy,
    filters: &mut [Named<dyn Filter>],
    overlays: &mut [Named<dyn Overlay>],
    signal: &Signal,
    view: &View<'_>,
) -> (Vec<Step>, f64) {
    let mut steps = Vec::with_capacity(3 + s.filters.len() + s.sizers.len() + s.overlays.len());
    let start = match s.conviction {
        Conviction::Score => signal.score,
        Conviction::Direction if signal.score == 0.0 => 0.0,
        Conviction::Direction => signal.score.signum(),
        Conviction::ScoreConfidence => signal.score * signal.confidence,
    };
    let mut said =
        Adjustment { adjust: Adjust::Set(start), reason: signal.reason.clone(), numbers: signal.numbers.clone() };
    said.numbers.insert(0, ("confidence".into(), signal.confidence));
    let mut value = push(&mut steps, Stage::Signal, s.alpha.id(), said, 0.0);
    for &i in &s.filters {
        let f = &mut filters[i];
        value = push(&mut steps, Stage::Filter, f.id(), f.filter(s.id, signal, view), value);
    }
    value = sized(&mut steps, &mut s.sizers, s.id, signal, value, view);
    for &i in &s.overlays {
        let o = &mut overlays[i];
        value = push(&mut steps, Stage::Overlay, o.id(), o.exposure(signal.symbol(), view), value);
    }
    if let Some(why) = untradable(signal, value, view) {
        value = push(&mut steps, Stage::Overlay, "legs", Adjustment::new(Adjust::Veto, why), value);
    }
    (steps, value)
}

/// The smallest of all sizers counts; what the others would have allowed is noted.
fn sized(
    steps: &mut Vec<Step>,
    sizers: &mut [Named<dyn Sizer>],
    strategy: StrategyId,
    signal: &Signal,
    value: f64,
    view: &View<'_>,
) -> f64 {
    let mut size = |z: &mut Named<dyn Sizer>| {
        let a = z.size(strategy, signal, view);
        // Anything but a fraction of equity would let the score itself be the size.
        let fine = match a.adjust {
            Adjust::Scale(f) => f.is_finite() && f >= 0.0,
            Adjust::Veto => true,
            _ => false,
        };
        if fine {
            return (z.id(), a);
        }
        let reason = format!("gave {:?}, which is no fraction of equity: vetoed ({})", a.adjust, a.reason);
        (z.id(), Adjustment { adjust: Adjust::Veto, reason: reason.into(), numbers: a.numbers })
    };
    if let [one] = sizers {
        let (id, a) = size(one);
        return push(steps, Stage::Sizer, id, a, value);
    }
    let given: Vec<(&'static str, Adjustment)> = sizers.iter_mut().map(&mut size).collect();
    let smallest = given
        .iter()
        .enumerate()
        .min_by(|a, b| a.1.1.adjust.apply(1.0).total_cmp(&b.1.1.adjust.apply(1.0)))
        .map(|(i, _)| i);
    let mut value = value;
    for (i, (id, a)) in given.into_iter().enumerate() {
        let a = if smallest == Some(i) {
            a
        } else {
            let reason = format!("would allow {} of equity: {}", Fixed(a.adjust.apply(1.0), 4), a.reason);
            Adjustment { adjust: Adjust::Keep, reason: reason.into(), numbers: a.numbers }
        };
        value = push(steps, Stage::Sizer, id, a, value);
    }
    value
}

/// Why a signal cannot be held as it is meant: a leg of several that cannot be traded cancels the others, for half of a spread is a bet
/// that nobody made; and a ratio must be a number. (A single leg without a price says so in its own decision.)
fn untradable(signal: &Signal, value: f64, view: &View<'_>) -> Option<String> {
    if let Some(l) = signal.legs.iter().find(|l| !(l.ratio * value).is_finite()) {
        return Some(format!("the ratio of {} is {}: the signal is cancelled", l.symbol, l.ratio));
    }
    if signal.legs.len() < 2 {
        return None;
    }
    signal.legs.iter().find_map(|l| match view.market.last(l.symbol) {
        None => Some(format!("no price of {} is known: a leg that cannot be traded cancels the other", l.symbol)),
        Some(x) if x.index => Some(format!("{} is an index: a leg that cannot be traded cancels the other", l.symbol)),
        Some(_) => None,
    })
}

/// The symbols due and all that hang on them: a signal of several legs is decided as a whole, and each leg with everything wanted of it.
pub(crate) fn whole(standing: &Standing, only: &BTreeSet<Symbol>) -> Option<BTreeSet<Symbol>> {
    let pairs = || standing.iter().flat_map(|s| s.values()).filter(|s| s.legs.len() > 1);
    pairs().next()?;
    let mut all = only.clone();
    loop {
        let before = all.len();
        for signal in pairs() {
            if signal.legs.iter().any(|l| all.contains(&l.symbol)) {
                all.extend(signal.legs.iter().map(|l| l.symbol));
            }
        }
        if all.len() == before {
            return Some(all);
        }
    }
}

/// What is decided: these symbols or, with `None`, all.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// Must be [`whole`].
    pub only: Option<&'a BTreeSet<Symbol>>,
    /// Symbols with orders working.
    pub working: &'a [Symbol],
    /// Whether any signal ever had several legs.
    pub pairs: bool,
}

/// The targets of all symbols in scope, sorted by symbol; symbols held, or with orders working, but without a signal get an empty target.
/// What strategies want of a symbol that `out` already has is not asked again.
///
/// # Errors
/// The symbols out of scope that a rule makes smaller or a hedge trades: they have to be decided, too.
pub(crate) fn targets(
    pipeline: &mut Pipeline,
    standing: &Standing,
    book: &mut Book,
    scope: Scope<'_>,
    out: &mut Vec<Target>,
    desk: &mut Desk<'_>,
    view: &View<'_>,
) -> Result<(), More> {
    // Places are given to all that ask at once.
    if scope.only.is_none() || pipeline.strategies.iter().any(|s| s.discretionary) {
        out.clear();
    }
    let new = |out: &[Target], s: Symbol| out.binary_search_by_key(&s, |t| t.symbol).is_err();
    let asked: &[Target] = out;
    let wanted = |s: &Symbol| scope.only.is_none_or(|o| o.contains(s)) && new(asked, *s);
    let mut wishes: SmallVec<[Wish<'_>; 2]> = SmallVec::new();
    for (i, (s, signals)) in pipeline.strategies.iter_mut().zip(standing).enumerate() {
        let mut add = |signal| {
            let (mut steps, mut value) = fold(s, &mut pipeline.filters, &mut pipeline.overlays, signal, view);
            if s.managed
                && let Some(a) = desk.positions.judge(&desk.config.position, s.id, signal, value, view)
            {
                value = push(&mut steps, Stage::Position, "position_manager", a, value);
            }
            wishes.push(Wish { strategy: i, signal, steps, value });
        };
        match scope.only {
            // One symbol due out of many: look it up instead of walking all signals.
            Some(o) if !scope.pairs && o.len() < signals.len() => {
                o.iter().filter(|s| wanted(s)).filter_map(|s| signals.get(*s)).for_each(&mut add);
            }
            _ => signals.values().filter(|x| x.legs.iter().any(|l| wanted(&l.symbol))).for_each(&mut add),
        }
    }
    place(pipeline, &mut wishes, standing, desk);
    let mut found: SmallVec<[(Symbol, Contribution); 2]> = SmallVec::new();
    for Wish { strategy, signal, mut steps, value } in wishes {
        for (i, leg) in signal.legs.iter().enumerate() {
            // The last leg takes the steps themselves: most signals have only one.
            let last = i + 1 == signal.legs.len();
            found.push((
                leg.symbol,
                Contribution {
                    strategy: pipeline.strategies[strategy].id,
                    signal_time: signal.time,
                    steps: if last { std::mem::take(&mut steps) } else { steps.clone() },
                    ratio: if leg.ratio.is_finite() { leg.ratio } else { 0.0 },
                    weight: if leg.ratio.is_finite() { value * leg.ratio } else { 0.0 },
                },
            ));
        }
    }
    allocate(pipeline, &mut found, view);
    found.sort_by_key(|(symbol, _)| *symbol);

    let before = out.len();
    for (symbol, c) in found {
        match out[before..].last_mut() {
            Some(t) if t.symbol == symbol => t.contributions.push(c),
            _ => out.push(Target::new(symbol, vec![c])),
        }
    }
    if before > 0 {
        out.sort_by_key(|t| t.symbol);
    }
    let mut missing: SmallVec<[Symbol; 8]> = match scope.only {
        Some(o) => o.iter().copied().collect(),
        None => view.portfolio.positions().map(|p| p.symbol).chain(scope.working.iter().copied()).collect(),
    };
    missing.retain(|s| new(out, *s));
    if !missing.is_empty() {
        missing.sort();
        missing.dedup();
        out.extend(missing.into_iter().map(|symbol| Target::new(symbol, Vec::new())));
        out.sort_by_key(|t| t.symbol);
    }
    out.iter_mut().for_each(Target::begin);
    apply_rules(book, pipeline, out, scope.only.is_some(), desk, view)
}

/// Allocators see what each strategy would hold and adjust all of it alike.
fn allocate(pipeline: &mut Pipeline, found: &mut [(Symbol, Contribution)], view: &View<'_>) {
    for a in &mut pipeline.allocators {
        let mut proposals: Vec<Proposal> = Vec::new();
        for s in &pipeline.strategies {
            let mut weights: Vec<(Symbol, f64)> = Vec::new();
            for (symbol, c) in found.iter().filter(|(_, c)| c.strategy == s.id) {
                match weights.binary_search_by_key(symbol, |w| w.0) {
                    Ok(i) => weights[i].1 += c.weight,
                    Err(i) => weights.insert(i, (*symbol, c.weight)),
                }
            }
            proposals.push(Proposal { strategy: s.id, weights });
        }
        let given = a.allocate(&proposals, view).into_iter();
        // A strategy the allocator says nothing of gets nothing: silence may reduce risk but never raise it.
        let nothing = || Adjustment::new(Adjust::Veto, "the allocator says nothing of this strategy");
        for (p, adjustment) in proposals.iter().zip(given.chain(std::iter::repeat_with(nothing))) {
            for (_, c) in found.iter_mut().filter(|(_, c)| c.strategy == p.strategy) {
                let before = c.steps.last().map_or(0.0, |s| s.after);
                let mut after = push(&mut c.steps, Stage::Allocator, a.id(), adjustment.clone(), before);
                if !(after * c.ratio).is_finite() {
                    let why = Adjustment::new(Adjust::Veto, "the weight of a leg is not finite");
                    after = push(&mut c.steps, Stage::Allocator, "legs", why, after);
                }
                c.weight = after * c.ratio;
            }
        }
    }
}

/// Limited places go to the most confident of the discretionary signals.
fn place(pipeline: &Pipeline, wishes: &mut [Wish<'_>], standing: &Standing, desk: &mut Desk<'_>) {
    let strategies = &pipeline.strategies;
    if !strategies.iter().any(|s| s.discretionary) {
        return;
    }
    let stands = |(id, symbol): &(StrategyId, Symbol)| {
        let mut signals = strategies.iter().zip(standing).filter(|(s, _)| s.id == *id && s.discretionary);
        signals.any(|(_, x)| x.get(*symbol).is_some_and(|x| x.score != 0.0))
    };
    desk.executor.retain(stands);
    let mut asking: Vec<&mut Wish<'_>> = wishes.iter_mut().filter(|w| strategies[w.strategy].discretionary).collect();
    let requests: Vec<Request> = asking
        .iter()
        .map(|w| Request {
            key: (strategies[w.strategy].id, w.signal.symbol()),
            confidence: w.signal.confidence,
            wants: w.value != 0.0,
        })
        .collect();
    let mut also = Vec::new();
    let told = desk.executor.assign(&desk.config.executor, &requests, &mut also);
    for (w, a) in asking.iter_mut().zip(told) {
        w.value = push(&mut w.steps, Stage::Executor, "executor", a, w.value);
    }
    for (id, symbol) in also {
        for (_, signals) in strategies.iter().zip(standing).filter(|(s, _)| s.id == id) {
            desk.displaced.extend(signals.get(symbol).into_iter().flat_map(|x| x.legs.iter().map(|l| l.symbol)));
        }
    }
}
