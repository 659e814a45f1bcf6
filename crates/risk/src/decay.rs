//! The rule that takes targets down with the age of what is held.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, CorporateAction, Event, Invalid, MarketData, Metrics, Params, Plugin, Revision, Rule,
    RulePhase, RuleStep, Symbol, SymbolMap, Time, View,
};

use crate::lots::{Curve, Decided, Lots, Moment, Unit};
use crate::plugins::risk_time_decay_size::RiskTimeDecaySizeParams;

/// The end of a position by age: no more of it in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Spent {
    sign: f64,
    since: Moment,
}

/// What is known of one symbol that is, or was, held.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Slot {
    lots: Lots,
    /// All that was bought since the signal began, each as the fraction of equity it was when it was decided: how much of a target was had
    /// already, whatever the price at which it was filled.
    bought: f64,
    spent: Option<Spent>,
    /// The last decision, once age takes something.
    decided: Option<Decided>,
    /// Age has begun to take from what was bought for this signal: from here on nothing is bought to keep a weight.
    aged: bool,
    /// The strategies last wanted nothing of it, or the other side: whatever ends now is not ended by age.
    released: bool,
}

/// Caps every target at what age leaves of the lots held.
///
/// A target may exceed that by what it asks for above all that was bought since the signal began (went to zero, changed its sign, or the
/// position was closed while young). So an entry filled in parts is completed and a stronger signal adds a lot, but a signal that just stands
/// does not refill what age has taken. When nothing is left the symbol stays out until the signal goes to zero or changes its sign, or
/// until `reentry` has passed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TimeDecayRule {
    curve: Curve,
    reentry: Option<f64>,
    exempt: Vec<Symbol>,
    session: u64,
    /// When the last session ended, until the next event after it.
    closed: Option<Time>,
    slots: SymbolMap<Slot>,
    /// What a share of each target was of equity when it was last decided on.
    shares: SymbolMap<f64>,
    /// The session in which every target was asked of last.
    asked: Option<u64>,
    /// Whether a symbol that has a slot is held no more since then.
    emptied: bool,
    /// At the last session close: part of what is held that age still allows, and lots held.
    charted: Option<(f64, f64)>,
    /// How often what is held had changed when it was last looked at.
    #[serde(skip)]
    seen: Option<u64>,
}

impl TimeDecayRule {
    /// The rule with these parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &RiskTimeDecaySizeParams) -> Result<Self, Invalid> {
        p.build()?;
        let mut exempt: Vec<Symbol> = p.exempt.iter().filter_map(|s| Symbol::new(s).ok()).collect();
        exempt.sort();
        Ok(Self {
            curve: p.curve(),
            reentry: p.reentry,
            exempt,
            session: 0,
            closed: None,
            slots: SymbolMap::default(),
            shares: SymbolMap::default(),
            asked: None,
            emptied: false,
            charted: None,
            seen: None,
        })
    }
    fn now(&self, view: &View<'_>) -> Moment {
        Moment { time: view.now, session: self.session }
    }
    /// Takes in what is held of a symbol now.
    fn see(&mut self, symbol: Symbol, view: &View<'_>) {
        if self.exempt.binary_search(&symbol).is_ok() {
            return;
        }
        let now = self.now(view);
        let position = view.portfolio.position(symbol);
        let new = !self.slots.contains(symbol);
        if new && position.is_none() {
            return;
        }
        let slot = self.slots.get_or_insert_with(symbol, Slot::default);
        let held = position.map_or(0, |p| p.quantity.nanos());
        // What was there before this rule was is as old as the books say.
        let born = match position {
            Some(p) if new => Moment { time: p.opened.min(now.time), ..now },
            _ => now,
        };
        let before = slot.lots.sign();
        let change = slot.lots.change(held, born, &self.curve, slot.decided);
        if change.ended {
            slot.bought = 0.0;
            let by_age = (change.decayed || slot.aged) && held == 0 && !slot.released;
            slot.spent = slot.spent.filter(|_| held == 0).or(by_age.then_some(Spent { sign: before, since: now }));
            (slot.aged, slot.released, slot.decided) = (false, false, None);
        }
        if change.added > 0 {
            let decided = self.shares.get(symbol).copied();
            // What cannot be measured counts as all there is: nothing more may be bought.
            let share = decided.or_else(|| share_of(view, symbol)).unwrap_or(f64::INFINITY);
            slot.bought = (slot.bought + change.added as f64 / 1e9 * share).min(f64::MAX);
        }
        let (empty, spent) = (slot.lots.is_empty(), slot.spent.is_some());
        if empty && !spent {
            self.slots.remove(symbol);
        }
        self.emptied |= empty && spent;
    }
    /// Takes in what is held, as far as it has changed since it was last looked at.
    #[inline]
    fn see_changed(&mut self, view: &View<'_>) {
        let now = view.portfolio.changes();
        if self.seen == Some(now) {
            return;
        }
        match self.seen.and_then(|seen| view.portfolio.changed_since(seen)) {
            Some(changed) => changed.for_each(|symbol| self.see(symbol, view)),
            None => {
                let held = view.portfolio.positions().map(|p| p.symbol);
                // What is held no more has lots without a position.
                let gone = self.slots.entries().iter().filter(|(_, s)| !s.lots.is_empty()).map(|(s, _)| *s);
                let all: Vec<Symbol> = held.chain(gone).collect();
                all.into_iter().for_each(|symbol| self.see(symbol, view));
            }
        }
        self.seen = Some(now);
    }
    fn rename(&mut self, from: Symbol, to: Symbol, view: &View<'_>) {
        if let Some(old) = self.slots.remove(from) {
            match self.slots.get_mut(to) {
                Some(s) => {
                    s.lots.merge(old.lots);
                    s.bought += old.bought;
                }
                None => drop(self.slots.insert(to, old)),
            }
        }
        self.see(to, view);
    }
    /// Nothing is wanted of what is not among the targets.
    fn forget(&mut self, targets: &[(Symbol, f64)]) {
        self.emptied = false;
        self.slots.retain(|symbol, s| !s.lots.is_empty() || targets.binary_search_by_key(&symbol, |t| t.0).is_ok());
    }
    /// Asks about these targets, all of which are decided unless it is known which are.
    fn ask<'a>(
        &mut self,
        targets: impl Iterator<Item = &'a (Symbol, f64)>,
        what: Option<Revision<'_>>,
        view: &View<'_>,
    ) -> Vec<RuleStep> {
        let (now, equity) = (self.now(view), view.portfolio.equity().to_f64());
        let mut steps = Vec::new();
        for (symbol, weight) in targets {
            let share = share_in(view, *symbol, equity);
            let decided = what.is_none_or(|w| w.decides(*symbol));
            match share {
                Some(s) if decided => self.shares.insert(*symbol, s),
                None if decided => self.shares.remove(*symbol),
                // That nothing is left of it does not mean that nothing is wanted.
                _ if *weight == 0.0 => continue,
                _ => None,
            };
            if let Some(adjustment) = self.step(*symbol, *weight, share, now) {
                steps.push(RuleStep { symbol: *symbol, adjustment });
            }
        }
        steps
    }
    /// What the rule says to one target; changes only what it remembers of the signal, and says the same when asked again.
    /// `share` is what a share of it is of equity.
    fn step(&mut self, symbol: Symbol, weight: f64, share: Option<f64>, now: Moment) -> Option<Adjustment> {
        let (curve, reentry) = (self.curve, self.reentry);
        let slot = self.slots.get_mut(symbol)?;
        let Some(share) = share else {
            return Some(Adjustment::new(Adjust::Cap(0.0), "no price or no equity to measure what is held by"));
        };
        let held = slot.lots.held().unsigned_abs() as f64 / 1e9 * share;
        let sign = slot.spent.map_or(slot.lots.sign(), |s| s.sign);
        slot.decided = None;
        if weight * sign <= 0.0 {
            // The signal has gone or turned: what comes next is new, and of what is still held no more than is held counts as had.
            (slot.spent, slot.aged, slot.released, slot.bought) = (None, false, true, held);
            if slot.lots.is_empty() {
                self.slots.remove(symbol);
            }
            return None;
        }
        slot.released = false;
        let unit = match curve.unit {
            Unit::Sessions => "sessions",
            Unit::Days => "days",
        };
        let age = slot.lots.age(now, curve.unit);
        let allowed = slot.lots.allowed(now, &curve);
        if slot.spent.is_none() && allowed <= 0.0 {
            slot.spent = Some(Spent { sign, since: now });
        }
        if let Some(spent) = slot.spent {
            let out = spent.since.age(now, curve.unit);
            if slot.lots.is_empty() && reentry.is_some_and(|r| out >= r) {
                self.slots.remove(symbol);
                return None;
            }
            let back = match reentry {
                Some(r) => format!("until the signal turns or ends, or {r} {unit} have passed"),
                None => "until the signal turns or ends".to_owned(),
            };
            let reason = match age {
                Some(a) => format!("held for {} {unit}, nothing is left: out {back}", short(a)),
                None => format!("age has closed it {} {unit} ago: out {back}", short(out)),
            };
            let said = Adjustment::new(Adjust::Cap(0.0), reason);
            return Some(match age {
                Some(a) => said.with("age", a).with("max_age", curve.max_age),
                None => said.with("out", out),
            });
        }
        slot.aged |= !slot.lots.young(now, &curve);
        if !slot.aged {
            return None;
        }
        let new = (weight.abs() - slot.bought).max(0.0);
        let old = allowed / 1e9 * share;
        let cap = old + new;
        slot.decided = Some(Decided { at: now, new: new.min(weight.abs() - old).max(0.0) / share * 1e9 });
        // What binds by less than rounding does not bind.
        if weight.abs() <= cap * (1.0 + 1e-12) {
            return None;
        }
        let factor = allowed / slot.lots.entry();
        let (lots, a) = (slot.lots.len(), age.unwrap_or(0.0));
        let which = if lots == 1 { "held".to_owned() } else { format!("oldest of {lots} lots held") };
        let reason = format!("{which} for {} {unit}: {:.0} % of it is left", short(a), 100.0 * factor);
        let said = Adjustment::new(Adjust::Cap(cap), reason).with("age", a).with("factor", factor);
        Some(said.with("lots", lots as f64).with("new", new))
    }
}

/// What one share is of equity now, when it has a price and there is equity.
fn share_of(view: &View<'_>, symbol: Symbol) -> Option<f64> {
    share_in(view, symbol, view.portfolio.equity().to_f64())
}

fn share_in(view: &View<'_>, symbol: Symbol, equity: f64) -> Option<f64> {
    let price = view.market.price(symbol).or_else(|| view.portfolio.position(symbol).map(|p| p.price))?;
    (equity > 0.0).then(|| price.to_f64() / equity)
}

/// Whole numbers without, others with one decimal.
fn short(x: f64) -> String {
    if x == x.round() { format!("{x}") } else { format!("{x:.1}") }
}

impl Plugin for TimeDecayRule {
    fn id(&self) -> &'static str {
        RiskTimeDecaySizeParams::ID
    }
    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), BadInput> {
        // A session begins with the first event after the close of the one before: what is filled at a close is of that session.
        if self.closed.is_some_and(|t| event.time > t) {
            self.closed = None;
            self.session += 1;
        }
        match (&event.data, event.symbol) {
            (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(symbol)) => {
                self.rename(symbol, *to, view);
            }
            (MarketData::CorporateAction(CorporateAction::Split { numerator, denominator }), Some(symbol)) => {
                if let Some(slot) = self.slots.get_mut(symbol) {
                    let held = view.portfolio.quantity(symbol).nanos();
                    slot.lots.split(*numerator, *denominator, held);
                    // Orders from before are gone with the old shares.
                    slot.decided = None;
                }
                if let Some(share) = self.shares.get_mut(symbol).filter(|_| *numerator > 0) {
                    *share *= f64::from(*denominator) / f64::from(*numerator);
                }
                self.see(symbol, view);
            }
            _ => {}
        }
        self.see_changed(view);
        if matches!(event.data, MarketData::SessionClose) {
            self.closed = Some(event.time);
            let now = self.now(view);
            let (mut left, mut held, mut lots) = (0.0, 0.0, 0.0);
            for (symbol, s) in self.slots.entries().iter().filter(|(_, s)| !s.lots.is_empty()) {
                let price = view.portfolio.position(*symbol).map_or(0.0, |p| p.price.to_f64());
                left += s.lots.allowed(now, &self.curve) * price;
                held += s.lots.held().unsigned_abs() as f64 * price;
                lots += s.lots.len() as f64;
            }
            self.charted = (held > 0.0).then(|| (left / held, lots));
        }
        Ok(())
    }
    fn metrics(&self, out: &mut Metrics) {
        if let Some((left, lots)) = self.charted {
            out.push(("decay_left", left));
            out.push(("decay_lots", lots));
        }
    }
}

impl Rule for TimeDecayRule {
    fn phase(&self) -> RulePhase {
        RulePhase::Decay
    }
    fn apply(&mut self, targets: &[(Symbol, f64)], view: &View<'_>) -> Vec<RuleStep> {
        self.see_changed(view);
        self.forget(targets);
        self.shares.clear();
        self.asked = Some(self.session);
        self.ask(targets.iter(), None, view)
    }
    /// Within a session age takes nothing more: what was asked of all symbols is asked again only of those that have changed or are decided.
    fn revise(&mut self, targets: &[(Symbol, f64)], what: Revision<'_>, view: &View<'_>) -> Vec<RuleStep> {
        let again = self.curve.unit == Unit::Sessions && self.asked == Some(self.session);
        self.see_changed(view);
        match what.changed.filter(|_| again) {
            Some(changed) => {
                if self.emptied {
                    self.forget(targets);
                }
                self.ask(changed.iter().map(|i| &targets[*i]), Some(what), view)
            }
            None => {
                self.forget(targets);
                self.asked = Some(self.session);
                self.ask(targets.iter(), Some(what), view)
            }
        }
    }
}
