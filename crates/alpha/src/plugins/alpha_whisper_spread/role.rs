//! Earnings in a run: which reports are near, signals before them, and what the results teach.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Alpha, BadInput, CorporateAction, Earnings, Event, Interest, Invalid, Kinds, MarketData, Metrics, Params, Plugin,
    Signal, Signals, Span, Symbol, Time, View,
};

use super::{AlphaWhisperSpread, AlphaWhisperSpreadIn, AlphaWhisperSpreadParams, check};

/// Two announcements of one company that lie nearer than this are the same report, perhaps on a date that moved.
const SAME_REPORT: Span = Span::from_days(45);
/// Second of the New York day from which a report is after that day's trading.
const NOON: u32 = 12 * 3600;

/// A report to come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Upcoming {
    announced: Time,
    consensus: Option<f64>,
    whisper: Option<f64>,
    dispersion: Option<f64>,
}

/// One company.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slot {
    symbol: Symbol,
    upcoming: Option<Upcoming>,
    /// When the last result was announced that counted.
    settled: Option<Time>,
    /// Whether a signal stands on the report to come.
    signalled: bool,
}

/// Records that did not count, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Skipped {
    repeated: u64,
    past: u64,
    beyond_next: u64,
    moved: u64,
    without_consensus: u64,
    late_whispers: u64,
}

/// Scans the earnings to come and gives signals before them. Built from [`AlphaWhisperSpreadParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WhisperAlpha {
    model: AlphaWhisperSpread,
    /// Sorted; empty for all.
    only: Vec<Symbol>,
    hold: Span,
    /// By symbol.
    slots: Vec<Slot>,
    skipped: Skipped,
}

/// Weekdays up to and including a day, counted from a Monday long ago.
fn weekdays(day: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    let since_monday = day + 3;
    5 * since_monday.div_euclid(7) + (since_monday.rem_euclid(7) + 1).min(5)
}

/// Trading days after today's before the numbers are out; negative when the last has passed. Holidays count as days.
fn days_ahead(now: Time, announced: Time) -> i64 {
    let ((today, _), (day, second)) = (now.new_york(), announced.new_york());
    let last = if second >= NOON { day } else { day - 1 };
    weekdays(last) - weekdays(today)
}

fn near(a: Time, b: Time) -> bool {
    Span::from_nanos(a.since(b).nanos().saturating_abs()) <= SAME_REPORT
}

impl WhisperAlpha {
    /// Built from parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &AlphaWhisperSpreadParams) -> Result<Self, Invalid> {
        let model = p.build()?;
        let mut only: Vec<Symbol> = p.symbols.iter().filter_map(|s| Symbol::new(s).ok()).collect();
        only.sort();
        let hold = Span::from_nanos((p.hold_days * Span::DAY.nanos() as f64) as i64);
        Ok(Self { model, only, hold, slots: Vec::new(), skipped: Skipped::default() })
    }

    fn position(&self, symbol: Symbol) -> Result<usize, usize> {
        self.slots.binary_search_by_key(&symbol, |s| s.symbol)
    }

    fn see(&mut self, now: Time, symbol: Symbol, e: &Earnings) -> Result<(), BadInput> {
        let given = AlphaWhisperSpreadIn {
            symbol: String::new(),
            consensus: e.consensus,
            whisper: e.whisper,
            dispersion: e.dispersion,
            actual: e.actual,
        };
        check(&given)?;
        if e.actual.is_some() && e.announced > now {
            let expected = format!("a time by {now}, when the result became known");
            return Err(BadInput::new("announced", e.announced.to_string(), expected));
        }
        let at = self.position(symbol).unwrap_or_else(|at| {
            self.slots.insert(at, Slot { symbol, upcoming: None, settled: None, signalled: false });
            at
        });
        let Some(slot) = self.slots.get_mut(at) else { return Ok(()) };
        if slot.settled.is_some_and(|t| near(t, e.announced)) {
            self.skipped.repeated += 1;
        } else if e.actual.is_some() {
            let before = slot.upcoming.filter(|u| near(u.announced, e.announced));
            // Estimates as they were before the announcement, where there are any.
            let late = before.and_then(|u| u.whisper).is_none() && e.whisper.is_some();
            let trusted = self.model.params.trust_late_whisper;
            self.skipped.late_whispers += u64::from(late && !trusted);
            let report = AlphaWhisperSpreadIn {
                consensus: before.and_then(|u| u.consensus).or(e.consensus),
                whisper: before.and_then(|u| u.whisper).or(e.whisper.filter(|_| trusted)),
                dispersion: before.and_then(|u| u.dispersion).or(e.dispersion),
                ..given
            };
            self.model.learn(symbol, &report);
            slot.settled = Some(e.announced);
            if before.is_some() {
                slot.upcoming = None;
                slot.signalled = false;
            }
        } else {
            self.skipped.without_consensus += u64::from(e.consensus.is_none() && e.whisper.is_none());
            let new = Upcoming {
                announced: e.announced,
                consensus: e.consensus,
                whisper: e.whisper,
                dispersion: e.dispersion,
            };
            match &mut slot.upcoming {
                Some(u) if near(u.announced, new.announced) => {
                    // Sources complete each other; the latest word on each number counts.
                    self.skipped.moved += u64::from(u.announced != new.announced);
                    u.announced = new.announced;
                    u.consensus = new.consensus.or(u.consensus);
                    u.whisper = new.whisper.or(u.whisper);
                    u.dispersion = new.dispersion.or(u.dispersion);
                }
                _ if new.announced <= now => self.skipped.past += 1,
                // The report after the next one waits for its turn, unless the next one never came.
                Some(u) if u.announced < new.announced && u.announced > now => self.skipped.beyond_next += 1,
                _ => {
                    slot.upcoming = Some(new);
                    slot.signalled = false;
                }
            }
        }
        Ok(())
    }

    fn scan(&mut self, now: Time, out: &mut Signals) -> Result<(), BadInput> {
        let p = &self.model.params;
        let window = i64::from(p.min_days)..=i64::from(p.max_days);
        for slot in &mut self.slots {
            let Some(u) = slot.upcoming else { continue };
            let days = days_ahead(now, u.announced);
            if !window.contains(&days) {
                if slot.signalled && days > *window.end() {
                    slot.signalled = false;
                    out.push(Signal::new(now, slot.symbol, 0.0, 0.0, "the report has moved to a later date")?);
                }
                continue;
            }
            let report = AlphaWhisperSpreadIn {
                symbol: String::new(),
                consensus: u.consensus,
                whisper: u.whisper,
                dispersion: u.dispersion,
                actual: None,
            };
            let o = self.model.expect(slot.symbol, &report);
            let (Some(score), Some(confidence), Some(probability)) = (o.score, o.confidence, o.probability) else {
                continue;
            };
            if score == 0.0 && !slot.signalled {
                continue;
            }
            let reason = match score {
                s if s > 0.0 => "whisper above consensus: a beat is likelier than the record says",
                s if s < 0.0 => "whisper below consensus: a beat is less likely than the record says",
                _ => "the whisper no longer stands out",
            };
            let mut signal = Signal::new(now, slot.symbol, score, confidence, reason)?
                .with("beat", probability)
                .with("prior", o.prior);
            for (name, x) in [("spread", o.spread), ("spread_sd", o.spread_sd)] {
                if let Some(x) = x {
                    signal = signal.with(name, x);
                }
            }
            signal = signal.with("days", days as f64);
            if score != 0.0 {
                signal.expires = Some(u.announced.plus(self.hold));
                signal.take_profit = (p.take_profit > 0.0).then_some(p.take_profit);
                signal.stop_loss = (p.stop_loss > 0.0).then_some(p.stop_loss);
            }
            slot.signalled = score != 0.0;
            out.push(signal);
        }
        Ok(())
    }

    fn rename(&mut self, from: Symbol, to: Symbol) {
        if let Ok(at) = self.position(from) {
            let slot = Slot { symbol: to, ..self.slots.remove(at) };
            match self.position(to) {
                Ok(at) => self.slots[at] = slot,
                Err(at) => self.slots.insert(at, slot),
            }
        }
        let records = &mut self.model.records;
        if let Ok(at) = records.binary_search_by_key(&from, |r| r.0) {
            let (_, record) = records.remove(at);
            match records.binary_search_by_key(&to, |r| r.0) {
                Ok(at) => records[at].1 = record,
                Err(at) => records.insert(at, (to, record)),
            }
        }
        if let Ok(at) = self.only.binary_search(&from) {
            self.only[at] = to;
            self.only.sort();
        }
    }
}

impl Plugin for WhisperAlpha {
    fn id(&self) -> &'static str {
        AlphaWhisperSpreadParams::ID
    }
    fn listens(&self) -> Interest {
        let all = Interest::of(Kinds::EARNINGS | Kinds::SESSION_CLOSE);
        if self.only.is_empty() { all } else { all.only(self.only.iter().copied()) }
    }
    fn metrics(&self, out: &mut Metrics) {
        let m = &self.model;
        if m.all.reports > 0.0 {
            out.push(("earnings_beat_rate", m.all.beats / m.all.reports));
        }
        out.push(("whisper_slope", m.coefficients[2]));
        out.push(("earnings_expected", self.slots.iter().filter(|s| s.upcoming.is_some()).count() as f64));
        let n = self.skipped;
        for (name, count) in [
            ("earnings_repeated", n.repeated),
            ("earnings_past", n.past),
            ("earnings_beyond_next", n.beyond_next),
            ("earnings_moved", n.moved),
            ("earnings_without_estimates", n.without_consensus),
            ("earnings_without_consensus", m.without_consensus),
            ("earnings_late_whispers", n.late_whispers),
            ("whisper_failed_fits", m.failed_fits),
        ] {
            if count > 0 {
                out.push((name, count as f64));
            }
        }
    }
}

impl Alpha for WhisperAlpha {
    fn on_event(&mut self, event: &Event, _: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        match (&event.data, event.symbol) {
            (MarketData::Earnings(e), Some(symbol))
                if self.only.is_empty() || self.only.binary_search(&symbol).is_ok() =>
            {
                self.see(event.time, symbol, e)?;
            }
            (MarketData::Earnings(_), None) => {
                return Err(BadInput::new("symbol", "none", "earnings of a company"));
            }
            (MarketData::SessionClose, _) => self.scan(event.time, out)?,
            (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(symbol)) => {
                self.rename(symbol, *to);
            }
            (MarketData::CorporateAction(CorporateAction::Split { numerator, denominator }), Some(symbol)) => {
                // Estimates were for old shares, the result will be for new ones.
                let factor = f64::from(*denominator) / f64::from((*numerator).max(1));
                if let Ok(at) = self.position(symbol)
                    && let Some(u) = &mut self.slots[at].upcoming
                {
                    for x in [&mut u.consensus, &mut u.whisper, &mut u.dispersion].into_iter().flatten() {
                        *x *= factor;
                    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trading_days_ahead() {
        let t = |s: &str| s.parse::<Time>().unwrap();
        // Thursday 2015-08-20, close.
        let now = t("2015-08-20T20:00:00Z");
        for (announced, want) in [
            ("2015-08-20T20:30:00Z", 0),
            ("2015-08-21T11:00:00Z", 0),
            ("2015-08-21T20:30:00Z", 1),
            ("2015-08-22T16:00:00Z", 1),
            ("2015-08-24T11:00:00Z", 1),
            ("2015-08-24T20:30:00Z", 2),
            ("2015-08-25T04:00:00Z", 2),
            ("2015-08-31T20:30:00Z", 7),
            ("2015-08-19T20:30:00Z", -1),
        ] {
            assert_eq!(days_ahead(now, t(announced)), want, "{announced}");
        }
    }
}
