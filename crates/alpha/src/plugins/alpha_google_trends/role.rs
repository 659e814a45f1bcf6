//! Attention in a run: one series a symbol, signals on spikes, and what was left out.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Alpha, BadInput, CorporateAction, Event, Interest, Invalid, Kinds, MarketData, Metrics, Online, Params, Plugin,
    SearchTrend, Signal, Signals, Span, Symbol, Time, View,
};
use tradewind_numerics::math;

use super::{AlphaGoogleTrends, AlphaGoogleTrendsIn, AlphaGoogleTrendsOut, AlphaGoogleTrendsParams};

/// A spike in force.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Spike {
    known: Time,
    score: f64,
    velocity: f64,
    asvi: f64,
    confidence: f64,
}

/// One symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slot {
    symbol: Symbol,
    series: AlphaGoogleTrends,
    /// Start and interest of the last period.
    last: Option<(Time, f64)>,
    spike: Option<Spike>,
}

/// Records that did not count, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Skipped {
    partial: u64,
    repeated: u64,
    revised: u64,
    late: u64,
    old_spikes: u64,
}

/// Gives signals on spikes of search interest. Built from [`AlphaGoogleTrendsParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrendsAlpha {
    /// What a series begins as.
    fresh: AlphaGoogleTrends,
    /// Sorted; empty for all.
    only: Vec<Symbol>,
    half_life: f64,
    hold: Span,
    max_age: Span,
    /// By symbol.
    slots: Vec<Slot>,
    skipped: Skipped,
    last: Option<AlphaGoogleTrendsOut>,
}

impl TrendsAlpha {
    /// Built from parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &AlphaGoogleTrendsParams) -> Result<Self, Invalid> {
        let fresh = p.build()?;
        let mut only: Vec<Symbol> = p.symbols.iter().filter_map(|s| Symbol::new(s).ok()).collect();
        only.sort();
        let span = |days: f64| Span::from_nanos((days * Span::DAY.nanos() as f64) as i64);
        Ok(Self {
            fresh,
            only,
            half_life: p.half_life_days,
            hold: span(p.hold_days),
            max_age: span(p.max_age_days),
            slots: Vec::new(),
            skipped: Skipped::default(),
            last: None,
        })
    }

    fn position(&self, symbol: Symbol) -> Result<usize, usize> {
        self.slots.binary_search_by_key(&symbol, |s| s.symbol)
    }

    /// Takes a period in; true when it is a new spike to act upon.
    fn see(&mut self, now: Time, symbol: Symbol, t: &SearchTrend) -> Result<bool, BadInput> {
        if t.period > now {
            let expected = format!("a period that began by {now}, when it became known");
            return Err(BadInput::new("period", t.period.to_string(), expected));
        }
        if t.partial {
            self.skipped.partial += 1;
            return Ok(false);
        }
        let at = self.position(symbol).unwrap_or_else(|at| {
            let slot = Slot { symbol, series: self.fresh.clone(), last: None, spike: None };
            self.slots.insert(at, slot);
            at
        });
        let Some(slot) = self.slots.get_mut(at) else { return Ok(false) };
        if let Some((period, interest)) = slot.last {
            // The first print is what was known; a later one changes nothing that was decided on it.
            let skipped = match t.period.cmp(&period) {
                std::cmp::Ordering::Less => Some(&mut self.skipped.late),
                std::cmp::Ordering::Equal if t.interest.to_bits() == interest.to_bits() => {
                    Some(&mut self.skipped.repeated)
                }
                std::cmp::Ordering::Equal => Some(&mut self.skipped.revised),
                std::cmp::Ordering::Greater => None,
            };
            if let Some(n) = skipped {
                *n += 1;
                return Ok(false);
            }
        }
        let out = slot.series.update(&AlphaGoogleTrendsIn { interest: t.interest })?;
        slot.last = Some((t.period, t.interest));
        let Some(out) = out else { return Ok(false) };
        self.last = Some(out);
        let Some(velocity) = out.velocity.filter(|_| out.spike) else { return Ok(false) };
        if now.since(t.period) > self.max_age {
            self.skipped.old_spikes += 1;
            return Ok(false);
        }
        let spike = Spike { known: now, score: out.score, velocity, asvi: out.asvi, confidence: out.confidence };
        let weaker = slot.spike.is_some_and(|s| decayed(&s, now, self.half_life, self.hold).abs() > spike.score.abs());
        if !weaker {
            slot.spike = Some(spike);
        }
        Ok(!weaker)
    }

    fn signal(&self, slot: &Slot, spike: &Spike, now: Time) -> Result<Signal, BadInput> {
        let score = decayed(spike, now, self.half_life, self.hold);
        let reason = if score >= 0.0 { "search interest spiked: long" } else { "search interest spiked: short" };
        let mut s = Signal::new(now, slot.symbol, score, spike.confidence, reason)?
            .with("velocity", spike.velocity)
            .with("asvi", spike.asvi)
            .with("age_days", now.since(spike.known).days());
        s.expires = Some(spike.known.plus(self.hold));
        Ok(s)
    }
}

/// The score of a spike by now.
fn decayed(s: &Spike, now: Time, half_life: f64, hold: Span) -> f64 {
    let age = now.since(s.known);
    if age >= hold { 0.0 } else { s.score * math::exp2(-age.days() / half_life) }
}

impl Plugin for TrendsAlpha {
    fn id(&self) -> &'static str {
        AlphaGoogleTrendsParams::ID
    }
    fn listens(&self) -> Interest {
        let all = Interest::of(Kinds::SEARCH_TREND | Kinds::SESSION_CLOSE);
        if self.only.is_empty() { all } else { all.only(self.only.iter().copied()) }
    }
    fn metrics(&self, out: &mut Metrics) {
        let Some(last) = self.last else { return };
        out.extend(last.velocity.map(|v| ("attention_velocity", v)));
        out.push(("attention_asvi", last.asvi));
        out.push(("attention_spikes", self.slots.iter().filter(|s| s.spike.is_some()).count() as f64));
        let n = self.skipped;
        for (name, count) in [
            ("attention_partial", n.partial),
            ("attention_repeated", n.repeated),
            ("attention_revised", n.revised),
            ("attention_late", n.late),
            ("attention_old_spikes", n.old_spikes),
        ] {
            if count > 0 {
                out.push((name, count as f64));
            }
        }
    }
}

impl Alpha for TrendsAlpha {
    fn on_event(&mut self, event: &Event, _: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        match (&event.data, event.symbol) {
            (MarketData::SearchTrend(t), Some(symbol)) => {
                if !self.only.is_empty() && self.only.binary_search(&symbol).is_err() {
                    return Ok(());
                }
                if self.see(event.time, symbol, t)?
                    && let Ok(at) = self.position(symbol)
                    && let Some(slot) = self.slots.get(at)
                    && let Some(spike) = &slot.spike
                {
                    out.push(self.signal(slot, spike, event.time)?);
                }
            }
            (MarketData::SearchTrend(_), None) => {
                return Err(BadInput::new("symbol", "none", "search interest of a symbol"));
            }
            (MarketData::SessionClose, _) => {
                for at in 0..self.slots.len() {
                    let Some(slot) = self.slots.get_mut(at) else { continue };
                    if slot.spike.is_some_and(|s| event.time.since(s.known) >= self.hold) {
                        slot.spike = None;
                    }
                    let Some(slot) = self.slots.get(at) else { continue };
                    if let Some(spike) = &slot.spike {
                        out.push(self.signal(slot, spike, event.time)?);
                    }
                }
            }
            (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(symbol)) => {
                if let Ok(at) = self.position(symbol) {
                    let slot = Slot { symbol: *to, ..self.slots.remove(at) };
                    match self.position(*to) {
                        Ok(at) => self.slots[at] = slot,
                        Err(at) => self.slots.insert(at, slot),
                    }
                }
                if let Ok(at) = self.only.binary_search(&symbol) {
                    self.only[at] = *to;
                    self.only.sort();
                }
            }
            (MarketData::CorporateAction(CorporateAction::Delisting { .. }), Some(symbol)) => {
                if let Ok(at) = self.position(symbol) {
                    self.slots.remove(at);
                }
            }
            _ => {}
        }
        Ok(())
    }
}
