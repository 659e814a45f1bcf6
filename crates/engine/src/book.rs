//! The target portfolio: as it was decided, and as rules are shown it while it is clipped and hedged.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use tradewind_core_types::{
    Adjust, Adjustment, Plugin, Revision, Rule, RulePhase, RuleStep, Stage, Symbol, SymbolMap, View,
};

use crate::decide::{Desk, Target, push};
use crate::pipeline::Pipeline;

/// Symbols that were not due and that have to be decided, too.
pub(crate) type More = BTreeSet<Symbol>;

/// Which places of a list have changed since each of those who look at it last did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Watch {
    /// The places, in the order of the changes.
    log: Vec<usize>,
    /// How much of the log each has seen; `None` when it must look at everything.
    seen: Vec<Option<usize>>,
}

impl Watch {
    fn note(&mut self, place: usize) {
        if self.log.last() != Some(&place) || self.seen.contains(&Some(self.log.len())) {
            self.log.push(place);
        }
    }
    /// Everything may have changed.
    fn reset(&mut self) {
        self.log.clear();
        self.seen.fill(None);
    }
    /// What has changed for this one, in order; `None` for everything, or what may be. From here on it has seen all of it.
    fn look(&mut self, who: usize, changed: &mut Vec<usize>) -> bool {
        if self.seen.len() <= who {
            self.seen.resize(who + 1, None);
        }
        changed.clear();
        let before = self.seen[who].replace(self.log.len());
        if let Some(from) = before {
            changed.extend_from_slice(&self.log[from..]);
            changed.sort_unstable();
            changed.dedup();
        }
        before.is_some()
    }
    /// Forgets what all have seen; and when one does not look for long, that it has seen anything.
    fn trim(&mut self, most: usize) {
        let end = self.log.len();
        if self.seen.iter().all(|s| s.is_none_or(|s| s == end)) {
            self.log.clear();
            self.seen.iter_mut().flatten().for_each(|s| *s = 0);
        } else if end > most {
            self.reset();
        }
    }
}

/// What was decided last, and what rules are shown of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Book {
    /// Weights last decided.
    decided: SymbolMap<f64>,
    /// What they were before the hedges, of those that have one.
    unhedged: SymbolMap<f64>,
    /// As rules are shown it: as decided, without hedges, which are asked again every time. While something is decided, of what is due as it
    /// is wanted now.
    shown: SymbolMap<f64>,
    /// What of `shown` the rules (each by its place in the pipeline) and, last, the limits have not seen.
    watch: Watch,
    /// Symbols that are not due, but whose weight is shown otherwise than it stands.
    touched: Vec<Symbol>,
    /// What is decided now, and whether there is more than that.
    #[serde(skip)]
    due: Vec<Symbol>,
    #[serde(skip)]
    partial: bool,
    #[serde(skip)]
    changed: Vec<usize>,
}

impl Book {
    fn standing(&self, symbol: Symbol) -> f64 {
        self.decided.get(symbol).copied().unwrap_or(0.0)
    }
    fn show(&mut self, symbol: Symbol, weight: f64) {
        match self.shown.position(symbol) {
            Some(place) => {
                if let Some(w) = self.shown.at_mut(place).filter(|w| w.to_bits() != weight.to_bits()) {
                    *w = weight;
                    self.watch.note(place);
                }
            }
            None => {
                self.shown.insert(symbol, weight);
                self.watch.reset();
            }
        }
    }
    /// Shows what is not due as it stands again.
    fn restore(&mut self) {
        for symbol in std::mem::take(&mut self.touched) {
            let bare = self.unhedged.get(symbol).copied();
            self.show(symbol, bare.unwrap_or_else(|| self.standing(symbol)));
        }
    }
    /// Shows exactly these targets, or all that stands.
    fn show_only(&mut self, targets: Option<&[Target]>) {
        self.watch.reset();
        self.touched.clear();
        self.shown.clear();
        match targets {
            Some(all) => self.shown.extend(all.iter().map(|t| (t.symbol, t.weight))),
            None => {
                self.shown.extend(self.decided.entries().iter().copied());
                self.shown.extend(self.unhedged.entries().iter().copied());
            }
        }
    }
    fn ask(&mut self, who: usize, rule: &mut dyn Rule, view: &View<'_>) -> Vec<RuleStep> {
        let known = self.watch.look(who, &mut self.changed);
        if !self.partial {
            return rule.apply(self.shown.entries(), view);
        }
        let what = Revision { changed: known.then_some(&self.changed), decided: &self.due };
        rule.revise(self.shown.entries(), what, view)
    }

    /// Other rules may sit at the places: each has to look at everything.
    pub fn watched_by_others(&mut self) {
        self.watch = Watch::default();
    }
    /// Everything is decided anew: what stood before counts no more.
    pub fn begin_anew(&mut self) {
        self.decided.clear();
        self.unhedged.clear();
    }
    /// What was decided on one symbol.
    pub fn decide(&mut self, t: &Target) {
        self.decided.insert(t.symbol, t.weight);
        match t.unhedged {
            Some(w) => self.unhedged.insert(t.symbol, w),
            None => self.unhedged.remove(t.symbol),
        };
        self.show(t.symbol, t.unhedged.unwrap_or(t.weight));
    }
    /// The decision is over: from here on everything is shown as it stands.
    pub fn end(&mut self, all_shown: bool) {
        if all_shown {
            self.restore();
        } else {
            self.show_only(None);
        }
        self.watch.trim(4 * self.shown.len() + 64);
    }
    /// What was decided of a symbol goes on under another name, or is gone.
    pub fn rename(&mut self, symbol: Symbol, to: Option<Symbol>) {
        for weights in [&mut self.decided, &mut self.unhedged] {
            let weight = weights.remove(symbol);
            if let (Some(to), Some(weight)) = (to, weight)
                && !weights.contains(to)
            {
                weights.insert(to, weight);
            }
        }
        self.show_only(None);
    }
}

/// One pass of rules, limits, hedges and limits again over the targets that are decided.
struct Pass<'a> {
    book: &'a mut Book,
    out: &'a mut Vec<Target>,
    /// Changes below it are not traded.
    band: f64,
    /// What is to be decided, too.
    more: More,
    /// Symbols that are not due and that hedges have spoken of.
    hedged: Vec<Symbol>,
}

impl<'a> Pass<'a> {
    fn new(book: &'a mut Book, out: &'a mut Vec<Target>, partial: bool, band: f64) -> Self {
        book.partial = partial;
        book.due.clear();
        book.due.extend(out.iter().map(|t| t.symbol));
        if partial {
            book.restore();
            for t in out.iter() {
                book.show(t.symbol, t.weight);
                // Also what is wanted as before is asked about.
                if let Some(place) = book.shown.position(t.symbol) {
                    book.watch.note(place);
                }
            }
        } else {
            book.show_only(Some(out));
        }
        Self { book, out, band, more: More::new(), hedged: Vec::new() }
    }
    /// Where a symbol is among the targets: when all is decided, they are those of the book.
    fn find(&self, symbol: Symbol) -> Result<usize, usize> {
        match self.book.shown.position(symbol) {
            Some(i) if self.out.get(i).is_some_and(|t| t.symbol == symbol) => Ok(i),
            _ => self.out.binary_search_by_key(&symbol, |t| t.symbol),
        }
    }

    /// Whether this change would be traded, as far as weights can say: a position that is closed always is.
    fn matters(&self, from: f64, to: f64) -> bool {
        from != to && (to == 0.0 || (from - to).abs() >= self.band || !to.is_finite())
    }

    /// A step on a symbol that is not due; true when it changes anything. What a rule of the portfolio makes smaller counts however little it
    /// is, or the sum would not be what the rule has made of it; age and hedges are asked of each symbol alone, and what they change by less
    /// than would be traded waits until it is more. Hedges add up first.
    fn outside(&mut self, stage: Stage, symbol: Symbol, adjust: Adjust) -> bool {
        let from = self.book.shown.get(symbol).copied().unwrap_or(0.0);
        let to = adjust.apply(from);
        if stage == Stage::Hedge {
            if !self.hedged.contains(&symbol) {
                self.hedged.push(symbol);
            }
            self.show_outside(symbol, to);
            return to != from;
        }
        let matters = match stage {
            Stage::Decay => self.matters(from, to),
            _ => from != to,
        };
        if matters {
            self.more.insert(symbol);
        }
        matters
    }
    fn show_outside(&mut self, symbol: Symbol, weight: f64) {
        if !self.book.touched.contains(&symbol) {
            self.book.touched.push(symbol);
        }
        self.book.show(symbol, weight);
    }

    /// Takes the steps of a rule, and says whether one changed anything. Only hedges may make anything larger.
    fn take(&mut self, stage: Stage, plugin: &'static str, steps: Vec<RuleStep>) -> Result<bool, More> {
        let mut changed = false;
        for step in steps {
            let i = match self.find(step.symbol) {
                Ok(i) => i,
                Err(_) if self.book.partial => {
                    changed |= self.outside(stage, step.symbol, step.adjustment.adjust);
                    continue;
                }
                Err(i) => {
                    self.out.insert(i, Target::new(step.symbol, Vec::new()));
                    i
                }
            };
            let t = &mut self.out[i];
            let mut a = step.adjustment;
            let after = a.adjust.apply(t.weight);
            if stage != Stage::Hedge && after.is_finite() && after.abs() > t.weight.abs() {
                // A last digit of rounding is kept out; a rule that asks for more is broken, and broken numbers may only reduce risk.
                let rounding = after.abs() <= t.weight.abs() * (1.0 + 1e-9);
                let (adjust, what) = if rounding { (Adjust::Keep, "kept") } else { (Adjust::Veto, "vetoed") };
                let reason =
                    format!("{:?} makes the position larger, which no rule may: {what} ({})", a.adjust, a.reason);
                a = Adjustment { adjust, reason: reason.into(), numbers: a.numbers };
            }
            if stage == Stage::Hedge {
                t.unhedged = t.unhedged.or(Some(t.weight));
            }
            changed |= a.adjust != Adjust::Keep;
            t.weight = push(&mut t.rules, stage, plugin, a, t.weight);
            self.book.show(t.symbol, t.weight);
        }
        if self.more.is_empty() { Ok(changed) } else { Err(std::mem::take(&mut self.more)) }
    }

    /// The hedges have been asked: those of symbols that are not due stand as they were decided, unless what they ask at
    /// present, as far as limits allow it, is worth trading.
    fn settle(&mut self, pipeline: &mut Pipeline, view: &View<'_>) -> Result<(), More> {
        if !self.book.partial {
            return Ok(());
        }
        let said = std::mem::take(&mut self.hedged);
        let stood = self.book.unhedged.entries().iter().map(|b| b.0).filter(|s| !said.contains(s));
        let hedges: SmallVec<[(Symbol, f64); 4]> =
            said.iter().copied().chain(stood).map(|s| (s, self.book.standing(s))).collect();
        let mut limited: Option<Vec<RuleStep>> = None;
        for (symbol, stands) in hedges {
            if self.find(symbol).is_ok() {
                continue;
            }
            let mut wanted = self.book.shown.get(symbol).copied().unwrap_or(0.0);
            if self.matters(stands, wanted) {
                let steps = limited.get_or_insert_with(|| ask_limits(self.book, pipeline, view));
                let own = steps.iter().filter(|s| s.symbol == symbol);
                wanted = own.fold(wanted, |w, s| s.adjustment.adjust.apply(w));
                if self.matters(stands, wanted) {
                    self.more.insert(symbol);
                }
            }
            self.show_outside(symbol, stands);
        }
        if self.more.is_empty() { Ok(()) } else { Err(std::mem::take(&mut self.more)) }
    }

    /// Limits, then the kill switch: what may not be exceeded whatever came before.
    fn restrain(&mut self, pipeline: &mut Pipeline, desk: &Desk<'_>, view: &View<'_>) -> Result<(), More> {
        let steps = ask_limits(self.book, pipeline, view);
        if let Some(limits) = &pipeline.limits {
            self.take(Stage::Limit, limits.id(), steps)?;
        }
        for t in self.out.iter_mut() {
            let held = view.portfolio.weight(t.symbol);
            if let Some(a) = desk.kill_switch.restrain(&desk.config.kill_switch, t.weight, held) {
                t.weight = push(&mut t.rules, Stage::KillSwitch, desk.kill_switch.id(), a, t.weight);
                self.book.show(t.symbol, t.weight);
            }
        }
        Ok(())
    }
}

fn ask_limits(book: &mut Book, pipeline: &mut Pipeline, view: &View<'_>) -> Vec<RuleStep> {
    let who = pipeline.rules.len();
    pipeline.limits.as_mut().map_or(Vec::new(), |limits| book.ask(who, limits, view))
}

/// Rules see the whole target portfolio: decay, portfolio rules, limits, hedges, and limits again.
///
/// # Errors
/// When only some symbols are decided (`partial`): the others that a rule makes smaller or a hedge trades.
pub(crate) fn apply_rules(
    book: &mut Book,
    pipeline: &mut Pipeline,
    out: &mut Vec<Target>,
    partial: bool,
    desk: &Desk<'_>,
    view: &View<'_>,
) -> Result<(), More> {
    let mut pass = Pass::new(book, out, partial, desk.config.no_trade_band);
    let hedges = pipeline.rules.iter().position(|r| r.phase() == RulePhase::Hedge).unwrap_or(pipeline.rules.len());
    for (who, r) in pipeline.rules[..hedges].iter_mut().enumerate() {
        let stage = if r.phase() == RulePhase::Decay { Stage::Decay } else { Stage::Rule };
        let steps = pass.book.ask(who, &mut **r, view);
        pass.take(stage, r.id(), steps)?;
    }
    pass.restrain(pipeline, desk, view)?;
    let mut hedged = false;
    for (who, r) in pipeline.rules.iter_mut().enumerate().skip(hedges) {
        let steps = pass.book.ask(who, &mut **r, view);
        hedged |= pass.take(Stage::Hedge, r.id(), steps)?;
    }
    pass.settle(pipeline, view)?;
    if hedged { pass.restrain(pipeline, desk, view) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_is_told_of_every_change_once() {
        let (mut w, mut c) = (Watch::default(), Vec::new());
        let mut look = |w: &mut Watch, who| w.look(who, &mut c).then(|| c.clone());
        assert_eq!((look(&mut w, 0), look(&mut w, 1)), (None, None));
        for place in [5, 5, 2] {
            w.note(place);
        }
        assert_eq!((look(&mut w, 0), look(&mut w, 0)), (Some(vec![2, 5]), Some(vec![])));
        // The same place again, after one of the two has looked.
        w.note(2);
        w.trim(100);
        assert_eq!((look(&mut w, 0), look(&mut w, 1)), (Some(vec![2]), Some(vec![2, 5])));
        w.trim(100);
        assert!(w.log.is_empty());
        w.note(7);
        assert_eq!(look(&mut w, 1), Some(vec![7]));
        // One that does not look for too long has to look at everything.
        w.note(8);
        w.trim(1);
        assert_eq!((look(&mut w, 0), look(&mut w, 1)), (None, None));
        w.note(1);
        w.reset();
        assert_eq!(look(&mut w, 0), None);
    }
}
