//! A seeded market that never was: bars, trades, quotes and a VIX-like index, for scale tests and for checks against a known truth.
//!
//! Everything it makes is simulated and says so: default symbols begin with `SIM`, files carry a `simulated` label.
//!
//! Model, per step of dt years, with simple returns clamped to ±0.5:
//! - Regimes (Hamilton 1989): each session the market stays in its regime or, with probability 1 / `mean_sessions`, moves to one of
//!   the others with equal probability. Market variance v closes a fifth of its distance to the regime's each session.
//! - Market return m = drift dt + sqrt(v dt) z + jumps; symbol return r = beta m + sqrt(idiosyncratic² dt) z' + jumps of its own
//!   (Merton 1976: Poisson arrivals, normal sizes). A fifth of a session's variance falls before its open.
//! - Highs and lows of bars without ticks: the extremes of a Brownian bridge, high = ½ (r + sqrt(r² - 2 s² ln u)) above the open, low
//!   alike with the other sign (Karatzas and Shreve 1991, 2.8.1; each exact, their dependence left out).
//! - Index level = 100 sqrt(v) (1 + premium) e^x, x an AR(1) of coefficient 0.9 and innovations of 0.03.
//!
//! Generator: ChaCha8 with one stream for regimes, one for market shocks, one for the index, and one for each symbol chosen by its
//! name: adding a symbol changes no other symbol's path. Normals by Marsaglia's polar method, logarithms and exponentials by `libm`, so
//! that a seed means the same events on every machine.

mod path;
mod planted;
mod random;
mod spec;

use std::collections::VecDeque;
use std::path::Path as FilePath;

use jiff::civil::Date;
use tradewind_core_types::{Bar, Event, Invalid, MarketData, Origin, Price, Symbol, Time};
use tradewind_numerics::math;

use crate::error::DataError;
use crate::store::{Written, write_kinds};
use path::{Path, Step};
pub use planted::{Planted, PlantedSpec, PlantedTruth};
use random::Random;
pub use spec::{Regime, SimulationSpec, Ticks};
use tradewind_core_types::Session;

const STREAM_REGIMES: u64 = 0;
const STREAM_MARKET: u64 = 1;
const STREAM_INDEX: u64 = 2;
/// Share of a session's variance that falls between the close before and the open.
const OVERNIGHT: f64 = 0.2;
/// Trading years: 252 sessions.
const SESSION_YEARS: f64 = 1.0 / 252.0;

/// Which regime holds in which session.
#[derive(Debug, Clone)]
struct Regimes {
    leave: Vec<f64>,
    at: usize,
    random: Random,
}

impl Regimes {
    fn new(spec: &SimulationSpec) -> Self {
        let leave = spec.regimes.iter().map(|r| 1.0 / r.mean_sessions).collect();
        Self { leave, at: 0, random: Random::new(spec.seed, STREAM_REGIMES) }
    }
    fn step(&mut self) -> usize {
        let (stay, choice) = (self.random.uniform(), self.random.uniform());
        let others = self.leave.len().saturating_sub(1);
        if others > 0 && self.leave.get(self.at).is_some_and(|p| stay < *p) {
            let pick = ((choice * others as f64) as usize).min(others - 1);
            self.at = if pick >= self.at { pick + 1 } else { pick };
        }
        self.at
    }
}

/// The planted truth: the regime (its position in the specification) of every session.
///
/// # Errors
/// When the specification is not valid.
pub fn regime_path(spec: &SimulationSpec) -> Result<Vec<(Date, usize)>, Invalid> {
    let sessions = spec.session_range()?;
    let mut regimes = Regimes::new(spec);
    Ok(sessions.iter().map(|s| (s.date, regimes.step())).collect())
}

/// Simulated events in time order; memory grows with the number of symbols only.
///
/// ```
/// use tradewind_data::{Simulation, SimulationSpec};
/// let spec = SimulationSpec { count: 3, sessions: 2, ..SimulationSpec::default() };
/// let events: Vec<_> = Simulation::new(&spec, 0)?.collect();
/// // Each session: three bars and the index level.
/// assert_eq!(events.len(), 2 * (3 + 1));
/// assert_eq!(events, Simulation::new(&spec, 0)?.collect::<Vec<_>>());
/// # Ok::<(), tradewind_core_types::Invalid>(())
/// ```
#[derive(Debug, Clone)]
pub struct Simulation {
    spec: SimulationSpec,
    sessions: &'static [Session],
    /// Session, bar of the session, tick of the bar.
    at: (usize, i64, u32),
    regimes: Regimes,
    regime: usize,
    variance: f64,
    market: Random,
    next_jump: f64,
    index: Option<(Symbol, Random, f64)>,
    paths: Vec<Path>,
    ready: VecDeque<Event>,
    source: u16,
    row: u32,
}

impl Simulation {
    /// Begins a simulation, as source number `source` of a run.
    ///
    /// # Errors
    /// Everything that is wrong with the specification.
    pub fn new(spec: &SimulationSpec, source: u16) -> Result<Self, Invalid> {
        let symbols = spec.check()?;
        let sessions = spec.session_range()?;
        let mut market = Random::new(spec.seed, STREAM_MARKET);
        let next_jump = market.waiting(spec.jumps_per_year);
        let index = match &spec.index {
            None => None,
            Some(name) => {
                let symbol = Symbol::new(name).map_err(|e| Invalid::one("index", e.to_string()))?;
                Some((symbol, Random::new(spec.seed, STREAM_INDEX), 0.0))
            }
        };
        let variance = spec.regimes.first().map_or(0.0, |r| r.volatility * r.volatility);
        Ok(Self {
            paths: symbols.into_iter().map(|s| Path::new(spec, s)).collect(),
            spec: spec.clone(),
            sessions,
            at: (0, 0, 0),
            regimes: Regimes::new(spec),
            regime: 0,
            variance,
            market,
            next_jump,
            index,
            ready: VecDeque::new(),
            source,
            row: 0,
        })
    }

    /// The regime of the session of the last event, as a position in the specification.
    pub fn regime(&self) -> usize {
        self.regime
    }

    /// A market return over `dt` years.
    fn shock(&mut self, dt: f64) -> f64 {
        let drift = self.spec.regimes.get(self.regime).map_or(0.0, |r| r.drift);
        let jump = self.market.jumps(dt, &mut self.next_jump, &self.spec);
        drift * dt + (self.variance * dt).sqrt() * self.market.normal() + jump
    }

    /// Makes the events of the next instant; false at the end.
    fn advance(&mut self) -> bool {
        let Some(session) = self.sessions.get(self.at.0).copied() else { return false };
        let length = session.close.since(session.open).nanos();
        let bar = self.spec.bar_seconds.map_or(length, |s| i64::from(s) * 1_000_000_000);
        let bars = (length + bar - 1) / bar;
        let (_, n, tick) = self.at;
        if n == 0 && tick == 0 {
            self.begin_session();
        }
        let ticks = self.spec.ticks.as_ref().map_or(1, |t| t.per_bar);
        let begin = n * bar;
        let end = length.min(begin + bar);
        let time =
            Time::from_nanos(session.open.nanos() + begin + (end - begin) * i64::from(tick + 1) / i64::from(ticks));
        let dt = SESSION_YEARS * (1.0 - OVERNIGHT) * (end - begin) as f64 / length as f64 / f64::from(ticks);
        let market = self.shock(dt);
        let last_tick = tick + 1 == ticks;
        let last_bar = n + 1 == bars;
        self.emit(time, Step { market, dt, sqrt_dt: dt.sqrt(), first: tick == 0 }, last_tick, last_bar);
        self.at = match (last_tick, last_bar) {
            (false, _) => (self.at.0, n, tick + 1),
            (true, false) => (self.at.0, n + 1, 0),
            (true, true) => (self.at.0 + 1, 0, 0),
        };
        true
    }

    fn begin_session(&mut self) {
        self.regime = self.regimes.step();
        let target = self.spec.regimes.get(self.regime).map_or(0.0, |r| r.volatility * r.volatility);
        self.variance += 0.2 * (target - self.variance);
        let dt = SESSION_YEARS * OVERNIGHT;
        let gap = self.shock(dt);
        let step = Step { market: gap, dt, sqrt_dt: dt.sqrt(), first: true };
        for p in &mut self.paths {
            p.gap(&self.spec, step);
        }
    }

    /// The events of one instant, in the order of their ranks: quotes, trades, bars, index.
    fn emit(&mut self, time: Time, step: Step, last_tick: bool, last_bar: bool) {
        let Self { spec, paths, ready, source, row, variance, index, .. } = self;
        let mut push = |symbol, data| {
            *row = row.saturating_add(1);
            ready.push_back(Event { time, symbol: Some(symbol), origin: Origin { source: *source, row: *row }, data });
        };
        if let Some(ticks) = &spec.ticks {
            for p in paths.iter_mut() {
                p.tick(spec, step, ticks.trades);
                if ticks.quotes {
                    push(p.symbol, MarketData::Quote(p.quote()));
                }
            }
            if ticks.trades {
                for p in paths.iter_mut() {
                    push(p.symbol, MarketData::Trade(p.trade()));
                }
            }
            if last_tick && spec.bars {
                for p in paths.iter_mut() {
                    push(p.symbol, MarketData::Bar(p.bar_of_ticks()));
                }
            }
        } else {
            for p in paths.iter_mut() {
                push(p.symbol, MarketData::Bar(p.bar(spec, step)));
            }
        }
        if last_tick
            && last_bar
            && let Some((symbol, random, x)) = index
        {
            *x = 0.9 * *x + 0.03 * random.normal();
            let level = 100.0 * variance.sqrt() * (1.0 + spec.index_premium) * math::exp(*x);
            if let Ok(level) = Price::from_f64((level.clamp(1.0, 500.0) * 100.0).round() / 100.0) {
                push(*symbol, MarketData::Index(Bar::close_only(level)));
            }
        }
    }
}

impl Iterator for Simulation {
    type Item = Event;

    #[inline]
    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(e) = self.ready.pop_front() {
                return Some(e);
            }
            if !self.advance() {
                return None;
            }
        }
    }
}

/// Simulates and writes one file a kind of event into a directory: `bars`, `index`, `trades`, `quotes`, as `.parquet` or `.csv`. The
/// directory must exist. Files carry the label `simulated`.
///
/// # Errors
/// When the specification is not valid or a file cannot be written.
pub fn simulate(
    spec: &SimulationSpec,
    directory: &FilePath,
    format: crate::TableFormat,
) -> Result<Vec<Written>, DataError> {
    let bad = |e| DataError::config("simulation", e);
    let events = Simulation::new(spec, 0).map_err(bad)?;
    let labels = [("simulated".to_owned(), format!("ChaCha8 seed {}", spec.seed))];
    write_kinds(directory, format, &spec.kinds(), events, &labels)
}
