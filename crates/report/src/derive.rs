//! What follows from the data: returns, drawdowns, months, rolling figures, costs; and what is wrong with the data.

use std::collections::BTreeMap;

use tradewind_core_types::Side;
use tradewind_numerics::performance::{Relative, Summary, drawdown_series, rolling_beta, rolling_volatility};

use crate::data::{ReportData, Severity, TradeRow, Warning};
use crate::day::Day;
use crate::text::plural;

/// One line of a chart: equity level and returns.
pub(crate) struct Line {
    pub name: String,
    /// Level by session, from the strategy's starting equity.
    pub level: Vec<f64>,
    /// Simple returns, one fewer than levels.
    pub returns: Vec<f64>,
    pub summary: Summary,
    /// Negative: fall below the peak, by session.
    pub drawdown: Vec<f64>,
    pub volatility: Vec<Option<f64>>,
    /// Against the first benchmark, for the strategy, or the strategy against this one, for a benchmark.
    pub beta: Vec<Option<f64>>,
}

/// Trading of one month.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Month {
    pub traded: f64,
    pub fees: f64,
    pub slippage: f64,
    pub equity: f64,
    pub sessions: usize,
}

pub(crate) struct Derived {
    /// Sessions in a year.
    pub periods: f64,
    /// Sessions in the rolling window.
    pub window: usize,
    pub dates: Vec<Day>,
    pub strategy: Line,
    pub benchmarks: Vec<Line>,
    /// Of the strategy against each benchmark.
    pub relative: Vec<Relative>,
    pub months: BTreeMap<(i16, u8), Month>,
    pub gross: Option<Vec<f64>>,
    pub net: Option<Vec<f64>>,
    pub var: Option<Vec<Option<f64>>>,
    /// Index into `ReportData::strategies` of those that can be drawn.
    pub strategies: Vec<usize>,
    /// The warnings of the run and those found here.
    pub warnings: Vec<Warning>,
}

/// Money traded by a fill; nothing is traded by the payout of a delisting.
pub(crate) fn value(t: &TradeRow) -> f64 {
    if t.fill.is_payout() { 0.0 } else { (t.fill.price * t.fill.quantity).to_f64() }
}

/// The fills of orders: all but the payouts of delistings.
pub(crate) fn ordered<'a>(trades: impl IntoIterator<Item = &'a TradeRow>) -> usize {
    trades.into_iter().filter(|t| !t.fill.is_payout()).count()
}

/// What slippage cost: the distance from the reference price, which is price / (1 + s) for buys and price / (1 - s) for sells.
pub(crate) fn slippage_cost(t: &TradeRow) -> f64 {
    let s = t.fill.slippage_bps * 1e-4;
    let reference = match t.fill.side {
        Side::Buy => 1.0 + s,
        Side::Sell => 1.0 - s,
    };
    let cost = value(t) / reference * s;
    if cost.is_finite() { cost } else { 0.0 }
}

fn returns(levels: &[f64]) -> Vec<f64> {
    levels.windows(2).filter_map(|w| Some(w.get(1)? / w.first()? - 1.0)).collect()
}

/// One value for the starting point, then the rest.
fn after_start<T: Clone>(start: T, rest: Vec<T>) -> Vec<T> {
    std::iter::once(start).chain(rest).collect()
}

fn usable(levels: &[f64]) -> bool {
    levels.iter().all(|x| x.is_finite() && *x > 0.0)
}

impl Line {
    fn new(name: &str, level: Vec<f64>, start: f64, rf: f64, periods: f64, window: usize) -> Self {
        let returns = returns(&level);
        let scale = level.first().map_or(1.0, |l| start / l);
        let fall = drawdown_series(&returns);
        // Where it is not defined it is not drawn.
        let fall =
            if fall.is_empty() { vec![f64::NAN; returns.len()] } else { fall.into_iter().map(|d| 0.0 - d).collect() };
        Self {
            name: name.to_owned(),
            summary: Summary::of(&returns, rf, periods),
            drawdown: after_start(if fall.iter().all(|x| x.is_finite()) { 0.0 } else { f64::NAN }, fall),
            volatility: after_start(None, rolling_volatility(&returns, window, periods)),
            beta: Vec::new(),
            level: if scale == 1.0 { level } else { level.into_iter().map(|x| x * scale).collect() },
            returns,
        }
    }
}

impl Derived {
    pub fn of(data: &ReportData) -> Self {
        let mut warnings = data.warnings.clone();
        let mut problem = |message: String| warnings.push(Warning { severity: Severity::Error, message, count: 1 });
        let (e, m) = (&data.equity, &data.meta);
        let n = e.dates.len().min(e.strategy.len());
        if e.dates.len() != e.strategy.len() {
            problem(format!(
                "equity has {} and {}: the first {n} are used",
                plural(e.dates.len() as u64, "date"),
                plural(e.strategy.len() as u64, "value")
            ));
        }
        let dates = e.dates.get(..n).unwrap_or_default().to_vec();
        if dates.windows(2).any(|w| w.first() >= w.get(1)) {
            problem("the dates of equity are not in strictly increasing order".into());
        }
        let level = e.strategy.get(..n).unwrap_or_default().to_vec();
        if !usable(&level) {
            problem("equity is not above zero at every session: statistics that need it are left out".into());
        }
        // A bad setting must not spoil the page: it is reported and the usual value used.
        let periods = if m.periods_per_year.is_finite() && m.periods_per_year > 0.0 {
            m.periods_per_year
        } else {
            problem(format!("periods_per_year is {}: 252 is used", m.periods_per_year));
            252.0
        };
        let rf = if m.risk_free.is_finite() {
            m.risk_free / periods
        } else {
            problem("the risk-free rate is not finite: 0 is used".into());
            0.0
        };
        let window = m.rolling_window.max(2);
        let start = level.first().copied().filter(|x| x.is_finite() && *x > 0.0).unwrap_or(1.0);
        let mut strategy = Line::new("Strategy", level, start, rf, periods, window);
        let mut benchmarks = Vec::new();
        for b in &e.benchmarks {
            if b.values.len() != n || !usable(&b.values) {
                problem(format!("benchmark {} is left out: it needs {n} values above zero", b.name));
                continue;
            }
            let mut line = Line::new(&b.name, b.values.clone(), start, rf, periods, window);
            line.beta = after_start(None, rolling_beta(&strategy.returns, &line.returns, window));
            benchmarks.push(line);
        }
        if let Some(first) = benchmarks.first() {
            strategy.beta.clone_from(&first.beta);
        }
        let relative = benchmarks.iter().map(|b| Relative::of(&strategy.returns, &b.returns, rf, periods)).collect();
        let mut series = |name: &str, v: &[f64]| {
            let ok = v.len() == n && v.iter().all(|x| x.is_finite());
            if !ok {
                problem(format!("{name} is left out: it needs {n} finite values"));
            }
            ok
        };
        let (mut gross, mut net) = (None, None);
        if let Some(x) = &data.exposure {
            gross = series("gross exposure", &x.gross).then(|| x.gross.clone());
            net = series("net exposure", &x.net).then(|| x.net.clone());
        }
        let strategies: Vec<usize> = (0..data.strategies.len())
            .filter(|i| data.strategies.get(*i).is_some_and(|s| series(&format!("P&L of {}", s.name), &s.pnl)))
            .collect();
        let var = data.var.as_ref().and_then(|v| {
            let ok = v.forecast.len() == n && v.forecast.iter().flatten().all(|x| x.is_finite());
            if !ok {
                problem(format!("the VaR forecast is left out: it needs {n} values"));
            }
            ok.then(|| v.forecast.clone())
        });
        let broken = data.decisions.iter().chain(&data.not_taken).filter(|d| d.verify().is_err()).count();
        if broken > 0 {
            problem(format!("the steps of {} do not multiply out", plural(broken as u64, "decision")));
        }
        let months = by_month(data, &dates, &strategy.level);
        Self { periods, window, dates, strategy, benchmarks, relative, months, gross, net, var, strategies, warnings }
    }
    /// (year, month) of each return.
    pub fn return_months(&self) -> Vec<(i16, u8)> {
        self.dates.iter().skip(1).map(|d| d.month()).collect()
    }
    /// Sessions whose loss exceeded the forecast.
    pub fn exceedances(&self) -> Vec<usize> {
        let forecast = self.var.as_deref().unwrap_or_default();
        (1..forecast.len())
            .filter(|&i| match (forecast.get(i), self.strategy.returns.get(i - 1)) {
                (Some(Some(v)), Some(r)) => -r > *v,
                _ => false,
            })
            .collect()
    }
}

fn by_month(data: &ReportData, dates: &[Day], equity: &[f64]) -> BTreeMap<(i16, u8), Month> {
    let mut out: BTreeMap<(i16, u8), Month> = BTreeMap::new();
    for (d, e) in dates.iter().zip(equity).filter(|(_, e)| e.is_finite()) {
        let m = out.entry(d.month()).or_default();
        m.equity += e;
        m.sessions += 1;
    }
    for t in &data.trades {
        let m = out.entry(Day::of(t.fill.time).month()).or_default();
        m.traded += value(t);
        m.fees += t.fill.fee.to_f64();
        m.slippage += slippage_cost(t);
    }
    // A month with trades and no session has no equity to compare with.
    out.retain(|_, m| m.sessions > 0);
    for m in out.values_mut() {
        m.equity /= m.sessions as f64;
    }
    out
}
