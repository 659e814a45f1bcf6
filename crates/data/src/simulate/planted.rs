//! Records of text around simulated prices, with effects that are known: search interest that spikes before a move, informed rating
//! revisions, whispers that know the result; and placebos, the same records around prices that do not care.
//!
//! Model, on top of [`Simulation`](super::Simulation) with daily bars. Of the symbols, sorted, every second one is treated, the others are placebos.
//! - Search interest, weekly, known a day after the week: 20 + 3 z, three times that in a week with a spike. After a spike a treated
//!   symbol moves by `trend_effect` in all, spread evenly over the next `effect_sessions` sessions.
//! - A rating action of one of eight brokers, before the open: up or down two steps; a treated symbol moves by ± `rating_effect` likewise.
//! - Earnings every 63 sessions, after the close, expected three weeks ahead: whisper = consensus (1 + 0.05 u), u standard normal; a beat has
//!   log odds 0.6 + slope u with `whisper_slope` for treated symbols and 0 for placebos. At the next open every symbol jumps by `earnings_gap`, up
//!   after a beat and down otherwise.
//!
//! Prices are those of the simulation times the planted factor: open, high and low stay on their sides of the close. Symbols, seeds and streams as
//! there: adding a symbol changes no other but its turn as treated or placebo. Everything is labelled simulated.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Bar, Earnings, Event, Invalid, MarketData, Origin, Price, Rating, SearchTrend, Span, Symbol, Time,
};
use tradewind_numerics::math;

use super::random::{Random, stream_of};
use super::{Simulation, SimulationSpec};
use tradewind_core_types::Session;

/// What to plant; see the module for the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PlantedSpec {
    /// Share of weeks with a spike of search interest, 0 to 0.5.
    pub spike_share: f64,
    /// Return after a spike, -0.5 to 0.5.
    pub trend_effect: f64,
    /// Share of sessions with a rating action, 0 to 0.5.
    pub rating_share: f64,
    /// Size of the return after a rating action, -0.5 to 0.5.
    pub rating_effect: f64,
    /// Sessions over which these returns are spread, 1 to 60.
    pub effect_sessions: usize,
    /// Log odds of a beat for each 5 % of whisper over consensus, -10 to 10.
    pub whisper_slope: f64,
    /// Size of the jump after earnings, 0 to 0.5.
    pub earnings_gap: f64,
}

impl Default for PlantedSpec {
    fn default() -> Self {
        Self {
            spike_share: 0.04,
            trend_effect: 0.03,
            rating_share: 0.03,
            rating_effect: 0.03,
            effect_sessions: 5,
            whisper_slope: 1.2,
            earnings_gap: 0.05,
        }
    }
}

impl PlantedSpec {
    /// Whether all of it can be used.
    ///
    /// # Errors
    /// Everything that cannot, at once.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        let within = |x: f64, low: f64, high: f64| low <= x && x <= high;
        bad.require(within(self.spike_share, 0.0, 0.5), "spike_share", self.spike_share, "0 to 0.5");
        bad.require(within(self.trend_effect, -0.5, 0.5), "trend_effect", self.trend_effect, "-0.5 to 0.5");
        bad.require(within(self.rating_share, 0.0, 0.5), "rating_share", self.rating_share, "0 to 0.5");
        bad.require(within(self.rating_effect, -0.5, 0.5), "rating_effect", self.rating_effect, "-0.5 to 0.5");
        bad.require((1..=60).contains(&self.effect_sessions), "effect_sessions", self.effect_sessions, "1 to 60");
        bad.require(within(self.whisper_slope, -10.0, 10.0), "whisper_slope", self.whisper_slope, "-10 to 10");
        bad.require(within(self.earnings_gap, 0.0, 0.5), "earnings_gap", self.earnings_gap, "0 to 0.5");
        bad.into_result(())
    }
}

/// One planted effect, or the placebo of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlantedTruth {
    /// When the record became known.
    pub time: Time,
    /// Whom it concerns.
    pub symbol: Symbol,
    /// `search_trend`, `rating` or `earnings`.
    pub record: String,
    /// The return that follows from it: 0 for a placebo.
    pub effect: f64,
    /// Whether the symbol is a placebo.
    pub placebo: bool,
}

/// What is expected of the next report.
#[derive(Debug, Clone, Copy)]
struct Expected {
    consensus: f64,
    units: f64,
}

#[derive(Debug, Clone)]
struct Plant {
    symbol: Symbol,
    placebo: bool,
    random: Random,
    /// Price over that of the simulation.
    factor: f64,
    /// Returns still to come, session by session.
    drift: VecDeque<f64>,
    /// Jump at the open of this session, and at that of the next one.
    gap: f64,
    next_gap: f64,
    /// Sessions until the report, which is at the close of that session.
    until_report: usize,
    expected: Expected,
    last_period: Option<Time>,
}

/// Sessions between reports.
const QUARTER: usize = 63;
const BROKERS: [&str; 8] =
    ["SIM Alder", "SIM Birch", "SIM Cedar", "SIM Elm", "SIM Fir", "SIM Hazel", "SIM Oak", "SIM Pine"];

/// Simulated bars, index levels and records, in time order, with the truth of what was planted.
///
/// ```
/// use tradewind_data::{Planted, PlantedSpec, SimulationSpec};
/// let spec = SimulationSpec { count: 4, sessions: 80, ..SimulationSpec::default() };
/// let mut events = Planted::new(&spec, &PlantedSpec::default(), 0)?;
/// let n = events.by_ref().count();
/// assert!(n > 80 * 5 && events.truth().iter().any(|t| t.placebo && t.effect == 0.0));
/// # Ok::<(), tradewind_core_types::Invalid>(())
/// ```
#[derive(Debug, Clone)]
pub struct Planted {
    spec: PlantedSpec,
    prices: Simulation,
    sessions: &'static [Session],
    at: usize,
    /// By symbol.
    plants: Vec<Plant>,
    ready: VecDeque<Event>,
    pending: Option<Event>,
    truth: Vec<PlantedTruth>,
    source: u16,
    row: u32,
}

impl Planted {
    /// Begins, as source number `source` of a run; bars must be daily and there may be no ticks.
    ///
    /// # Errors
    /// Everything that is wrong with the specifications.
    pub fn new(prices: &SimulationSpec, spec: &PlantedSpec, source: u16) -> Result<Self, Invalid> {
        let mut bad = Invalid::default();
        bad.absorb(spec.check());
        bad.require(prices.bar_seconds.is_none(), "bar_seconds", "set", "none: effects are planted in daily bars");
        bad.require(prices.ticks.is_none(), "ticks", "set", "none: effects are planted in daily bars");
        let symbols = bad.absorb(prices.check()).unwrap_or_default();
        let sessions = bad.absorb(prices.session_range()).unwrap_or(&[]);
        let plants = symbols.iter().enumerate().map(|(i, s)| {
            // The stream of the symbol's prices has the name alone.
            let mut random = Random::new(prices.seed, stream_of(&format!("{s} records")));
            let until_report = 22 + (random.uniform() * (QUARTER - 22) as f64) as usize;
            let expected = Expected { consensus: 1.0, units: 0.0 };
            let mut plant = Plant {
                symbol: *s,
                placebo: i % 2 == 1,
                random,
                factor: 1.0,
                drift: VecDeque::new(),
                gap: 0.0,
                next_gap: 0.0,
                until_report,
                expected,
                last_period: None,
            };
            plant.expect();
            plant
        });
        let plants = plants.collect();
        let inner = Simulation::new(prices, source);
        bad.into_result(())?;
        Ok(Self {
            spec: spec.clone(),
            prices: inner?,
            sessions,
            at: 0,
            plants,
            ready: VecDeque::new(),
            pending: None,
            truth: Vec::new(),
            source,
            row: 0,
        })
    }
    /// What has been planted so far, in order of time.
    pub fn truth(&self) -> &[PlantedTruth] {
        &self.truth
    }

    /// The events of the next session; false at the end.
    fn advance(&mut self) -> bool {
        let Some(session) = self.sessions.get(self.at).copied() else { return false };
        self.at += 1;
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let ahead = self.sessions.get(self.at..).unwrap_or(&[]);
        for p in &mut self.plants {
            p.session(&self.spec, &session, ahead, &mut before, &mut after, &mut self.truth);
        }
        // As a run takes them: by time, then by kind, then by symbol.
        before.sort_by_key(|e| (e.time, e.data.rank()));
        self.ready.extend(before);
        while let Some(mut e) = self.pending.take().or_else(|| self.prices.next()) {
            if e.time > session.close {
                self.pending = Some(e);
                break;
            }
            if let (MarketData::Bar(bar), Some(symbol)) = (&mut e.data, e.symbol)
                && let Ok(at) = self.plants.binary_search_by_key(&symbol, |p| p.symbol)
                && let Some(p) = self.plants.get_mut(at)
            {
                *bar = p.price(*bar);
            }
            self.ready.push_back(e);
        }
        after.sort_by_key(|e| (e.time, e.data.rank()));
        self.ready.extend(after);
        true
    }
}

impl Plant {
    fn expect(&mut self) {
        let consensus = 0.5 + self.random.uniform();
        self.expected = Expected { consensus: (consensus * 100.0).round() / 100.0, units: self.random.normal() };
    }
    /// Adds returns that sum to an effect.
    fn plant(&mut self, effect: f64, sessions: usize) {
        let each = effect / sessions as f64;
        for i in 0..sessions {
            match self.drift.get_mut(i) {
                Some(d) => *d += each,
                None => self.drift.push_back(each),
            }
        }
    }
    /// The bar with what is planted: the jump before the open, the drift during the session.
    fn price(&mut self, bar: Bar) -> Bar {
        let open = self.factor * (1.0 + self.gap);
        let close = open * (1.0 + self.drift.pop_front().unwrap_or(0.0));
        self.factor = close;
        let scaled = |p: Option<Price>, f: f64| p.and_then(|p| Price::from_f64(p.to_f64() * f).ok());
        let (low, high) = (open.min(close), open.max(close));
        let new = scaled(Some(bar.close), close).and_then(|c| {
            Bar::new(scaled(bar.open, open), scaled(bar.high, high), scaled(bar.low, low), c, bar.volume).ok()
        });
        new.unwrap_or(bar)
    }
    fn session(
        &mut self,
        spec: &PlantedSpec,
        session: &Session,
        ahead: &[Session],
        before: &mut Vec<Event>,
        after: &mut Vec<Event>,
        truth: &mut Vec<PlantedTruth>,
    ) {
        let (symbol, placebo) = (self.symbol, self.placebo);
        // The bar of this session is made after this: what is announced at its close must not be in it.
        self.gap = std::mem::take(&mut self.next_gap);
        let event = |time, data| Event { time, symbol: Some(symbol), origin: Origin::default(), data };
        let mut note = |time, record: &str, effect: f64| {
            let effect = if placebo { 0.0 } else { effect };
            truth.push(PlantedTruth { time, symbol, record: record.into(), effect, placebo });
            effect
        };
        // Before the open: 07:30 in New York.
        let morning = session.open.plus(Span::from_secs(-7200));
        // Weeks begin on Sunday; the last one that has ended a day ago.
        let day = morning.nanos().div_euclid(Span::DAY.nanos());
        let sunday = (day - 1 + 4).div_euclid(7) * 7 - 4;
        let period = Time::from_nanos((sunday - 7) * Span::DAY.nanos());
        if self.last_period != Some(period) {
            self.last_period = Some(period);
            let spike = self.random.uniform() < spec.spike_share;
            let interest =
                ((20.0 + 3.0 * self.random.normal()) * if spike { 3.0 } else { 1.0 }).clamp(0.0, 100.0).round();
            before.push(event(morning, MarketData::SearchTrend(SearchTrend { period, interest, partial: false })));
            if spike {
                let effect = note(morning, "search_trend", spec.trend_effect);
                self.plant(effect, spec.effect_sessions);
            }
        }
        let (acts, up, broker) = (self.random.uniform(), self.random.uniform(), self.random.uniform());
        if acts < spec.rating_share {
            let (previous, grade, sign) = if up < 0.5 { ("Sell", "Buy", 1.0) } else { ("Buy", "Sell", -1.0) };
            let firm = BROKERS[((broker * BROKERS.len() as f64) as usize).min(BROKERS.len() - 1)];
            let rating = Rating {
                published: morning,
                firm: firm.into(),
                grade: grade.into(),
                previous: Some(previous.into()),
                target: None,
                previous_target: None,
            };
            before.push(event(morning, MarketData::Rating(rating.into())));
            let effect = note(morning, "rating", sign * spec.rating_effect);
            self.plant(effect, spec.effect_sessions);
        }
        let Expected { consensus, units } = self.expected;
        let whisper = consensus * (1.0 + 0.05 * units);
        match self.until_report {
            0 => {
                let slope = if placebo { 0.0 } else { spec.whisper_slope };
                let odds = math::exp(0.6 + slope * units);
                let beat = self.random.uniform() < odds / (1.0 + odds);
                let surprise = (0.02 + 0.03 * self.random.uniform()) * if beat { 1.0 } else { -1.0 };
                let announced = session.close.plus(Span::from_secs(1800));
                let actual = Some(consensus + surprise);
                let e = Earnings { announced, actual, consensus: Some(consensus), whisper: None, dispersion: None };
                after.push(event(announced, MarketData::Earnings(e.into())));
                self.next_gap = if beat { spec.earnings_gap } else { -spec.earnings_gap };
                // The jump comes to everyone; what differs is whether the whisper knew.
                truth.push(PlantedTruth {
                    time: announced,
                    symbol,
                    record: "earnings".into(),
                    effect: self.next_gap,
                    placebo,
                });
                self.expect();
                self.until_report = QUARTER - 1;
            }
            n => {
                // Nothing is expected beyond the last session there is.
                if let (15 | 5, Some(report)) = (n, ahead.get(n - 1)) {
                    let announced = report.close.plus(Span::from_secs(1800));
                    let e = Earnings {
                        announced,
                        actual: None,
                        consensus: Some(consensus),
                        whisper: Some(whisper),
                        dispersion: None,
                    };
                    before.push(event(morning, MarketData::Earnings(e.into())));
                }
                self.until_report = n - 1;
            }
        }
    }
}

impl Iterator for Planted {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(mut e) = self.ready.pop_front() {
                self.row = self.row.saturating_add(1);
                e.origin = Origin { source: self.source, row: self.row };
                return Some(e);
            }
            if !self.advance() {
                return None;
            }
        }
    }
}
