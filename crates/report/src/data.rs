//! What a report is made of.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{Cash, Decision, Fill};

use crate::day::Day;

/// Everything a report shows. Only `equity` is needed; a part left empty is left out of the page or says that it is empty.
///
/// Series "by session" have one value for every date of `equity.dates`; one of another length is left out and named under data quality.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportData {
    /// What was run, with what.
    pub meta: Meta,
    /// Equity of the strategy and of what it is compared with.
    pub equity: Equity,
    /// Exposure by session.
    pub exposure: Option<ExposureSeries>,
    /// Volatility regimes, in the order of time; they shade the exposure chart.
    pub regimes: Vec<Regime>,
    /// The risk forecast and the tests of it.
    pub var: Option<VarSeries>,
    /// Profit and loss of each strategy.
    pub strategies: Vec<StrategyPnl>,
    /// What each part does: the run without it. The first row is the run as it is.
    pub ablation: Vec<Ablation>,
    /// What plugins measured at the session closes.
    pub metrics: Vec<Metric>,
    /// What observers left behind, as files with their contents.
    pub artefacts: Vec<(String, String)>,
    /// Every fill, in the order of time.
    pub trades: Vec<TradeRow>,
    /// The decisions that trades refer to; others are ignored.
    pub decisions: Vec<Decision>,
    /// Notable decisions that were not traded, in the order in which they should be read.
    pub not_taken: Vec<Decision>,
    /// How many decisions were not traded in all, notable or not.
    pub not_taken_total: u64,
    /// What the reader should know about the data and the run.
    pub warnings: Vec<Warning>,
}

/// What was run, with what. Nothing here may depend on when or where it was run, so that the same run gives the same report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Meta {
    /// Headline.
    pub title: String,
    /// The run's id.
    pub run_id: String,
    /// `backtest`, `paper` or `live`.
    pub mode: String,
    /// Hash of the ledger, as hexadecimal text.
    pub ledger_hash: String,
    /// Program and version, such as `tradewind 0.1.0`.
    pub generated_by: String,
    /// The configuration in short: what and its value, in the order in which they should be read.
    pub config: Vec<(String, String)>,
    /// Names of the data sources, by the number in `Origin::source`.
    pub sources: Vec<String>,
    /// Sessions in a year, for annualising.
    pub periods_per_year: f64,
    /// Risk-free rate a year (decimal); per session it is this over `periods_per_year`.
    pub risk_free: f64,
    /// Sessions in the window of rolling volatility and beta.
    pub rolling_window: usize,
}

impl Default for Meta {
    fn default() -> Self {
        Self {
            title: String::new(),
            run_id: String::new(),
            mode: String::new(),
            ledger_hash: String::new(),
            generated_by: String::new(),
            config: Vec::new(),
            sources: Vec::new(),
            periods_per_year: 252.0,
            risk_free: 0.0,
            rolling_window: 63,
        }
    }
}

/// Equity at the end of every session. The first value is the starting point: returns begin with the second.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equity {
    /// The sessions, in the order of time.
    pub dates: Vec<Day>,
    /// Equity in dollars, net of deposits and withdrawals.
    pub strategy: Vec<f64>,
    /// Benchmarks; rolling beta, the headline and contribution use the first.
    pub benchmarks: Vec<Benchmark>,
}

/// A benchmark by session, on any scale: it is drawn from the strategy's starting equity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benchmark {
    /// Name, such as `SPY` or `60/40`.
    pub name: String,
    /// Total-return level by session, above zero.
    pub values: Vec<f64>,
}

/// Exposure by session, as fractions of equity.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExposureSeries {
    /// Sum of the sizes of positions.
    pub gross: Vec<f64>,
    /// Longs less shorts.
    pub net: Vec<f64>,
}

/// A volatility regime that held from one session to another, both included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regime {
    /// First session.
    pub from: Day,
    /// Last session.
    pub to: Day,
    /// Name, such as `CRISIS`.
    pub name: String,
    /// How bad: 0 calm, 1 normal, 2 elevated, 3 crisis (more counts as 3).
    pub level: u8,
}

/// Value-at-risk forecasts by session and the tests of them. The loss compared is minus the return of `equity.strategy`, costs included.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VarSeries {
    /// How it was forecast, in words.
    pub method: String,
    /// Confidence level, such as 0.95.
    pub level: f64,
    /// The forecast for this session, made at the end of the one before: a positive fraction of equity; `None` while warming up.
    pub forecast: Vec<Option<f64>>,
    /// p-value of Kupiec's test (1995) of the number of exceedances.
    pub kupiec_p: Option<f64>,
    /// p-value of Christoffersen's test (1998) of their independence.
    pub christoffersen_p: Option<f64>,
}

/// Profit and loss of one strategy.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyPnl {
    /// Its name, as in `TradeRow::strategy`.
    pub name: String,
    /// Cumulative profit and loss by session in dollars, after costs, from 0.
    pub pnl: Vec<f64>,
}

/// How the run goes without one of its parts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ablation {
    /// The part left out, such as `overlay.drawdown (risk_drawdown_derisk)`; for the first row what all of them are called together.
    pub part: String,
    /// Return over the whole period.
    pub total_return: Option<f64>,
    /// Annualised volatility.
    pub volatility: Option<f64>,
    /// Annualised Sharpe ratio.
    pub sharpe: Option<f64>,
    /// Deepest fall from a peak, positive.
    pub max_drawdown: Option<f64>,
    /// Half of bought and sold a year over mean equity.
    pub turnover: Option<f64>,
}

/// What a plugin measured over the run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metric {
    /// Its name, such as `fe_kalman.lag`.
    pub name: String,
    /// At how many session closes it had a value.
    pub count: usize,
    /// Mean, smallest, largest and last value.
    pub mean: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Last value.
    pub last: f64,
}

/// A fill, with what it realised and why it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TradeRow {
    /// The fill.
    pub fill: Fill,
    /// Profit and loss realised by it before fees; `None` when it only opened or added.
    pub realised: Option<Cash>,
    /// The strategy, or the strategies, behind it.
    pub strategy: String,
    /// Number of the decision in `ReportData::decisions`.
    pub decision: Option<u64>,
}

/// How much a warning matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// May change how results are read.
    Warning,
    /// Results should not be relied upon.
    Error,
}

/// Something the reader should know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warning {
    /// How much it matters.
    pub severity: Severity,
    /// What it is, and what to do.
    pub message: String,
    /// How often it happened.
    pub count: u64,
}
