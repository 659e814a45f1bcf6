//! What to simulate.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Invalid, Symbol};

use crate::spec::Kind;
use tradewind_core_types::{Calendar, Session};

/// A state of the market.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Regime {
    /// What to call it.
    pub name: String,
    /// Annual volatility of the market in it, a decimal above 0, at most 3.
    pub volatility: f64,
    /// Annual drift of the market in it, a decimal, -5 to 5.
    pub drift: f64,
    /// How many sessions it lasts on average, 1 or more.
    pub mean_sessions: f64,
}

/// Trades and quotes within a bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ticks {
    /// Instants a bar, evenly spaced, at each of which every symbol has a quote and a trade; 1 to 100000.
    pub per_bar: u32,
    /// Whether to give quotes.
    pub quotes: bool,
    /// Whether to give trades, at the bid or the ask.
    pub trades: bool,
}

impl Default for Ticks {
    fn default() -> Self {
        Self { per_bar: 10, quotes: true, trades: true }
    }
}

/// What to simulate; see the [module](crate::Simulation) for the model. Everything it gives is simulated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SimulationSpec {
    /// Seed: the same seed gives the same events.
    pub seed: u64,
    /// Symbols; when empty, `count` of them named `SIM0001`, `SIM0002`, ...
    pub symbols: Vec<String>,
    /// How many symbols when none are named, 1 to 100000.
    pub count: usize,
    /// First date.
    #[schemars(with = "String", extend("format" = "date"))]
    pub start: Date,
    /// How many sessions from then on, 1 or more; the calendar ends in 2035.
    pub sessions: usize,
    /// Length of a bar in seconds, 1 to 23400; without it one bar a session.
    pub bar_seconds: Option<u32>,
    /// Whether to give bars; they may be left out when there are ticks.
    pub bars: bool,
    /// Trades and quotes within bars, when wanted.
    pub ticks: Option<Ticks>,
    /// Name of the VIX-like index, given at every session close; none when absent.
    pub index: Option<String>,
    /// By how much the index lies above the market's volatility, a decimal, 0 to 2.
    pub index_premium: f64,
    /// States of the market, the first of which it begins in; 1 to 16.
    pub regimes: Vec<Regime>,
    /// Betas of the symbols are uniform between these, -5 to 5.
    pub beta: (f64, f64),
    /// Annual volatility of a symbol's own returns, a decimal, 0 to 3.
    pub idiosyncratic: f64,
    /// Jumps a year, of the market and of each symbol, 0 to 1000.
    pub jumps_per_year: f64,
    /// Mean of a jump, as a simple return, -0.5 to 0.5.
    pub jump_mean: f64,
    /// Standard deviation of a jump, 0 to 0.5.
    pub jump_sd: f64,
    /// First price in dollars, 1 to 100000.
    pub start_price: f64,
    /// Quoted spread in basis points of the price (1 bp = 1e-4), 0 to 1000, never less than a cent.
    pub spread_bp: f64,
}

impl Default for SimulationSpec {
    fn default() -> Self {
        let regime = |name: &str, volatility, drift, mean_sessions| Regime {
            name: name.into(),
            volatility,
            drift,
            mean_sessions,
        };
        Self {
            seed: 1,
            symbols: Vec::new(),
            count: 10,
            start: Date::constant(2010, 1, 4),
            sessions: 252,
            bar_seconds: None,
            bars: true,
            ticks: None,
            index: Some("SIMVIX".into()),
            index_premium: 0.15,
            regimes: vec![
                regime("calm", 0.10, 0.12, 120.0),
                regime("tense", 0.20, 0.0, 40.0),
                regime("crisis", 0.45, -0.4, 15.0),
            ],
            beta: (0.5, 1.5),
            idiosyncratic: 0.20,
            jumps_per_year: 1.0,
            jump_mean: -0.01,
            jump_sd: 0.03,
            start_price: 100.0,
            spread_bp: 2.0,
        }
    }
}

impl SimulationSpec {
    /// The symbols, when everything is valid.
    ///
    /// # Errors
    /// Everything that is not, at once.
    pub fn check(&self) -> Result<Vec<Symbol>, Invalid> {
        let mut bad = Invalid::default();
        let within = |x: f64, low: f64, high: f64| low <= x && x <= high;
        let mut symbols = Vec::new();
        if self.symbols.is_empty() {
            bad.require((1..=100_000).contains(&self.count), "count", self.count, "1 to 100000");
        }
        let made: Vec<String> = (1..=self.count.min(100_000)).map(|i| format!("SIM{i:04}")).collect();
        for name in if self.symbols.is_empty() { &made } else { &self.symbols } {
            match Symbol::new(name) {
                Ok(s) => symbols.push(s),
                Err(e) => bad.require(false, "symbols", format!("{name:?}"), &e.expected),
            }
        }
        symbols.sort();
        let twice = symbols.windows(2).find(|w| w[0] == w[1]).map(|w| w[0]);
        bad.require(
            twice.is_none(),
            "symbols",
            twice.map_or_else(String::new, |s| format!("{s} twice")),
            "each symbol once",
        );
        if let Some(name) = &self.index {
            let free = Symbol::new(name).is_ok_and(|s| !symbols.contains(&s));
            bad.require(free, "index", format!("{name:?}"), "a symbol that is not simulated otherwise");
        }
        bad.require(self.sessions >= 1, "sessions", self.sessions, "1 or more");
        if let Some(s) = self.bar_seconds {
            bad.require((1..=23_400).contains(&s), "bar_seconds", s, "1 to 23400");
        }
        let ticks = self.ticks.as_ref();
        bad.require(
            self.bars || ticks.is_some_and(|t| t.quotes || t.trades),
            "bars",
            self.bars,
            "true, unless there are ticks",
        );
        if let Some(t) = ticks {
            bad.require((1..=100_000).contains(&t.per_bar), "ticks.per_bar", t.per_bar, "1 to 100000");
        }
        bad.require(within(self.index_premium, 0.0, 2.0), "index_premium", self.index_premium, "0 to 2");
        bad.require((1..=16).contains(&self.regimes.len()), "regimes", self.regimes.len(), "1 to 16 of them");
        for (i, r) in self.regimes.iter().enumerate() {
            let field = |f: &str| format!("regimes.{i}.{f}");
            bad.require(
                r.volatility > 0.0 && r.volatility <= 3.0,
                &field("volatility"),
                r.volatility,
                "above 0, at most 3",
            );
            bad.require(within(r.drift, -5.0, 5.0), &field("drift"), r.drift, "-5 to 5");
            bad.require(within(r.mean_sessions, 1.0, 1e9), &field("mean_sessions"), r.mean_sessions, "1 or more");
        }
        let (low, high) = self.beta;
        bad.require(
            within(low, -5.0, 5.0) && within(high, low, 5.0),
            "beta",
            format!("({low}, {high})"),
            "-5 <= low <= high <= 5",
        );
        bad.require(within(self.idiosyncratic, 0.0, 3.0), "idiosyncratic", self.idiosyncratic, "0 to 3");
        bad.require(within(self.jumps_per_year, 0.0, 1000.0), "jumps_per_year", self.jumps_per_year, "0 to 1000");
        bad.require(within(self.jump_mean, -0.5, 0.5), "jump_mean", self.jump_mean, "-0.5 to 0.5");
        bad.require(within(self.jump_sd, 0.0, 0.5), "jump_sd", self.jump_sd, "0 to 0.5");
        bad.require(within(self.start_price, 1.0, 1e5), "start_price", self.start_price, "1 to 100000");
        bad.require(within(self.spread_bp, 0.0, 1000.0), "spread_bp", self.spread_bp, "0 to 1000");
        bad.into_result(symbols)
    }

    /// The sessions to simulate.
    ///
    /// # Errors
    /// When the calendar does not hold so many.
    pub(super) fn session_range(&self) -> Result<&'static [Session], Invalid> {
        let calendar = Calendar::us_equities();
        let all = calendar.sessions(self.start, calendar.range().1);
        let mut bad = Invalid::default();
        bad.require(calendar.covers(self.start), "start", self.start, "a date from 1990 to 2035");
        bad.require(
            self.sessions <= all.len(),
            "sessions",
            self.sessions,
            &format!("at most {}, to the end of 2035", all.len()),
        );
        bad.into_result(all.get(..self.sessions).unwrap_or(all))
    }

    /// The kinds of events it gives.
    pub fn kinds(&self) -> Vec<Kind> {
        let ticks = self.ticks.as_ref();
        [
            (Kind::Bar, self.bars),
            (Kind::Index, self.index.is_some()),
            (Kind::Trade, ticks.is_some_and(|t| t.trades)),
            (Kind::Quote, ticks.is_some_and(|t| t.quotes)),
        ]
        .into_iter()
        .filter_map(|(k, on)| on.then_some(k))
        .collect()
    }
}
