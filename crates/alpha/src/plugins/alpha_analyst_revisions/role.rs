//! Revisions in a run: signals of their own, and a modifier of those of others.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, Alpha, BadInput, CorporateAction, Event, Filter, Interest, Invalid, Kinds, MarketData, Metrics,
    Params, Plugin, Price, Rating, Signal, Signals, Span, StrategyId, Symbol, Time, View,
};

use super::firms::{Book, Said, Stand, Words, span};
use super::{AlphaAnalystRevisionsParams, check_target};

/// One company.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slot {
    symbol: Symbol,
    book: Book,
    /// Whether the alpha's signal stands.
    signalled: bool,
}

/// Follows the ratings of every company. Built from [`AlphaAnalystRevisionsParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevisionsRole {
    words: Words,
    /// Sorted; empty for all.
    only: Vec<Symbol>,
    full_net: f64,
    boost: f64,
    cut: f64,
    enter: f64,
    exit: f64,
    hold: Span,
    /// By symbol.
    slots: Vec<Slot>,
    /// Mean size of the net score over the companies followed, at the last session close.
    charted: Option<f64>,
}

impl RevisionsRole {
    /// Built from parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &AlphaAnalystRevisionsParams) -> Result<Self, Invalid> {
        let words = p.build()?.words;
        let mut only: Vec<Symbol> = p.symbols.iter().filter_map(|s| Symbol::new(s).ok()).collect();
        only.sort();
        Ok(Self {
            words,
            only,
            full_net: p.full_net,
            boost: p.boost,
            cut: p.cut,
            enter: p.enter,
            exit: p.exit,
            hold: span(p.hold_days),
            slots: Vec::new(),
            charted: None,
        })
    }

    fn position(&self, symbol: Symbol) -> Result<usize, usize> {
        self.slots.binary_search_by_key(&symbol, |s| s.symbol)
    }

    fn stand(&self, symbol: Symbol, now: Time) -> Option<Stand> {
        let slot = self.slots.get(self.position(symbol).ok()?)?;
        Some(slot.book.stand(&self.words, now))
    }

    fn hear(&mut self, now: Time, symbol: Symbol, r: &Rating) -> Result<(), BadInput> {
        if r.published > now {
            let expected = format!("a time by {now}, when the record became known");
            return Err(BadInput::new("published", r.published.to_string(), expected));
        }
        let dollars = |p: Option<Price>| p.map(Price::to_f64);
        let (target, previous_target) = (dollars(r.target), dollars(r.previous_target));
        check_target("target", target)?;
        check_target("previous_target", previous_target)?;
        let said = Said {
            time: r.published,
            firm: &r.firm,
            grade: &r.grade,
            previous: r.previous.as_deref(),
            target,
            previous_target,
        };
        let at = self.position(symbol).unwrap_or_else(|at| {
            self.slots.insert(at, Slot { symbol, book: Book::default(), signalled: false });
            at
        });
        self.slots[at].book.hear(&mut self.words, &said).map(|_| ())
    }

    fn corporate(&mut self, symbol: Symbol, action: &CorporateAction) {
        let Ok(at) = self.position(symbol) else { return };
        match *action {
            CorporateAction::Split { numerator, denominator } => {
                self.slots[at].book.rescale(f64::from(denominator) / f64::from(numerator.max(1)));
            }
            CorporateAction::SymbolChange { to } => {
                let slot = Slot { symbol: to, ..self.slots.remove(at) };
                match self.position(to) {
                    Ok(at) => self.slots[at] = slot,
                    Err(at) => self.slots.insert(at, slot),
                }
            }
            CorporateAction::Delisting { .. } => {
                self.slots.remove(at);
            }
            _ => {}
        }
    }

    fn see(&mut self, e: &Event) -> Result<(), BadInput> {
        match (&e.data, e.symbol) {
            (MarketData::Rating(r), Some(symbol)) => self.hear(e.time, symbol, r)?,
            (MarketData::Rating(_), None) => return Err(BadInput::new("symbol", "none", "a rating of a company")),
            (MarketData::CorporateAction(action), Some(symbol)) => {
                self.corporate(symbol, action);
                if let CorporateAction::SymbolChange { to } = action
                    && let Ok(at) = self.only.binary_search(&symbol)
                {
                    self.only[at] = *to;
                    self.only.sort();
                }
            }
            (MarketData::SessionClose, _) => {
                let n = self.slots.len() as f64;
                let sum: f64 = self.slots.iter().map(|s| s.book.stand(&self.words, e.time).net.abs()).sum();
                self.charted = (n > 0.0).then(|| sum / n);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Plugin for RevisionsRole {
    fn id(&self) -> &'static str {
        AlphaAnalystRevisionsParams::ID
    }
    fn listens(&self) -> Interest {
        // Also as an alpha of some companies: the words of all of them are counted.
        Interest::of(Kinds::RATING | Kinds::SESSION_CLOSE)
    }
    fn observe(&mut self, event: &Event, _: &View<'_>) -> Result<(), BadInput> {
        self.see(event)
    }
    fn metrics(&self, out: &mut Metrics) {
        out.extend(self.charted.map(|x| ("revisions_mean_abs_net", x)));
        let n = self.words.counts;
        for (name, count) in [
            ("revisions_actions", n.actions),
            ("revisions_unknown_grades", n.unknown_grades),
            ("revisions_late", n.late),
            ("revisions_incomparable_targets", n.incomparable_targets),
        ] {
            if count > 0 {
                out.push((name, count as f64));
            }
        }
    }
}

impl Alpha for RevisionsRole {
    fn on_event(&mut self, event: &Event, _: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        self.see(event)?;
        if !matches!(event.data, MarketData::SessionClose) {
            return Ok(());
        }
        for slot in &mut self.slots {
            if !self.only.is_empty() && self.only.binary_search(&slot.symbol).is_err() {
                continue;
            }
            let s = slot.book.stand(&self.words, event.time);
            let on = s.net.abs() >= if slot.signalled { self.exit } else { self.enter };
            if !on && !slot.signalled {
                continue;
            }
            slot.signalled = on;
            let score = if on { (s.net / self.full_net).clamp(-1.0, 1.0) } else { 0.0 };
            let reason = match (on, s.net > 0.0) {
                (false, _) => "revisions have faded",
                (true, true) => "analysts have revised upwards",
                (true, false) => "analysts have revised downwards",
            };
            let mut signal = Signal::new(event.time, slot.symbol, score, s.confidence, reason)?
                .with("net", s.net)
                .with("firms", f64::from(s.firms));
            for (name, x) in [("breadth", s.breadth()), ("target_revision", s.target_revision)] {
                if let Some(x) = x {
                    signal = signal.with(name, x);
                }
            }
            if on {
                signal.expires = Some(event.time.plus(self.hold));
            }
            out.push(signal);
        }
        Ok(())
    }
}

impl Filter for RevisionsRole {
    fn filter(&mut self, _: StrategyId, signal: &Signal, view: &View<'_>) -> Adjustment {
        let (mut net, mut size, mut known, mut firms) = (0.0, 0.0, false, 0);
        for leg in &signal.legs {
            size += leg.ratio.abs();
            if let Some(s) = self.stand(leg.symbol, view.now) {
                net += leg.ratio * s.net;
                firms += s.firms;
                known = true;
            }
        }
        if !known || size.is_nan() || size <= 0.0 {
            return Adjustment::new(Adjust::Keep, "no ratings known");
        }
        net /= size;
        let towards = if signal.score < 0.0 { -net } else { net };
        let along = (towards / self.full_net).clamp(-1.0, 1.0);
        let factor = if along >= 0.0 { 1.0 + (self.boost - 1.0) * along } else { 1.0 - (1.0 - self.cut) * along.abs() };
        let reason = match along {
            a if a > 0.0 => "analysts have revised the same way",
            a if a < 0.0 => "analysts have revised the other way",
            _ => "analysts have not revised",
        };
        Adjustment::new(Adjust::Scale(factor), reason).with("net", net).with("firms", f64::from(firms))
    }
}
