//! From a run to the data of its report.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use tradewind_core_types::{Cash, Decision, Outcome};
use tradewind_numerics::coverage::Coverage;
use tradewind_report::{
    Benchmark, Equity, ExposureSeries, Meta, Metric, Regime, ReportData, Severity, StrategyPnl, TradeRow, VarSeries,
    Warning,
};

use crate::config::Config;
use crate::error::Failure;
use crate::keeper::{FillRow, SessionRow, UNASSIGNED};
use crate::run::date;
use crate::summary::Summary;

/// Names of the regimes that `alpha_vix_regime` publishes as levels 0 to 3.
const REGIMES: [&str; 4] = ["LOW", "NORMAL", "ELEVATED", "CRISIS"];

/// The last metric of a session with this name, whatever the plugin instance.
fn metric(s: &SessionRow, plugin: &str, name: &str) -> Option<f64> {
    s.metrics.get(&format!("{plugin}.{name}")).copied()
}

/// The data of a report; decisions are read from `decisions.jsonl` in `folder`.
///
/// # Errors
/// When the decisions cannot be read.
pub fn data(
    config: &Config,
    summary: &Summary,
    sessions: &[SessionRow],
    fills: &[FillRow],
    folder: &Path,
) -> Result<ReportData, Failure> {
    let day = |s: &SessionRow| date(s.time).to_string().parse().map_err(|e| Failure::Run(format!("{e}")));
    let mut dates = sessions.iter().map(day).collect::<Result<Vec<_>, _>>()?;
    // The curve begins with the cash paid in, at the session before the first.
    let calendar = tradewind_data::Calendar::us_equities();
    let before = sessions.first().and_then(|s| calendar.previous(date(s.time)));
    let start = before.and_then(|b| b.date.to_string().parse().ok());
    let lead = usize::from(start.is_some());
    dates.splice(0..0, start);
    let led = |first: f64, values: Vec<f64>| -> Vec<f64> { std::iter::repeat_n(first, lead).chain(values).collect() };
    let of = |f: &dyn Fn(&SessionRow) -> f64| sessions.iter().map(f).collect::<Vec<f64>>();

    let benchmarks = summary
        .benchmarks
        .iter()
        .map(|b| Benchmark { name: b.name.clone(), values: led(config.run.cash, b.equity.clone()) })
        .collect();

    let mut regimes: Vec<Regime> = Vec::new();
    for (s, d) in sessions.iter().zip(&dates[lead..]) {
        let Some(level) = metric(s, "alpha_vix_regime", "vix_regime").filter(|l| (0.0..=3.0).contains(l)) else {
            continue;
        };
        let level = level as u8;
        match regimes.last_mut().filter(|r| r.level == level) {
            Some(r) => r.to = *d,
            None => regimes.push(Regime { from: *d, to: *d, name: REGIMES[usize::from(level)].into(), level }),
        }
    }
    // The forecast made at one close is for the session after it; with nothing held there is none.
    let mut forecast: Vec<Option<f64>> = vec![None; lead.max(1)];
    forecast.extend(sessions.iter().map(|s| metric(s, "risk_var_budget", "var_forecast").filter(|v| *v > 0.0)));
    forecast.truncate(sessions.len() + lead);
    let level = config
        .allocator
        .values()
        .find(|p| p.plugin == "risk_var_budget")
        .and_then(|p| p.params.get("confidence"))
        .and_then(serde_json::Value::as_f64)
        .unwrap_or(0.95);
    let curve = led(config.run.cash, of(&|s| s.equity));
    let mut coverage = Coverage::default();
    for (w, f) in curve.windows(2).zip(&forecast[1..]) {
        if let Some(f) = f {
            coverage.push(1.0 - w[1] / w[0] > *f);
        }
    }
    let var = forecast.iter().any(Option::is_some).then(|| VarSeries {
        method: "risk_var_budget on the positions held".into(),
        level,
        forecast,
        kupiec_p: coverage.kupiec(1.0 - level).map(|t| t.p_value),
        christoffersen_p: coverage.independence().map(|t| t.p_value),
    });

    let mut strategies: Vec<StrategyPnl> = config
        .strategy
        .keys()
        .map(|name| StrategyPnl {
            name: name.clone(),
            pnl: led(0.0, of(&|s| s.strategies.get(name).copied().unwrap_or(0.0))),
        })
        .collect();
    let rest = of(&|s| s.strategies.get(UNASSIGNED).copied().unwrap_or(0.0));
    if rest.iter().any(|x| x.abs() > 0.005) {
        strategies.push(StrategyPnl { name: "hedges, interest and borrowing".into(), pnl: led(0.0, rest) });
    }

    let (decisions, not_taken) = decisions(folder, fills, config.report.not_taken)?;
    let trades = fills
        .iter()
        .map(|f| TradeRow {
            fill: f.fill,
            realised: f.realised,
            strategy: f.strategy.clone(),
            decision: (!f.fill.is_payout()).then_some(f.decision),
        })
        .collect();
    let mut warnings: Vec<Warning> =
        summary.warnings.iter().map(|w| Warning { severity: Severity::Note, message: w.clone(), count: 1 }).collect();
    if summary.simulated {
        let message = "The data are simulated: nothing here says how the strategy does in a real market.".into();
        warnings.insert(0, Warning { severity: Severity::Warning, message, count: 1 });
    }
    Ok(ReportData {
        meta: Meta {
            title: summary.title.clone(),
            run_id: summary.run_id.clone(),
            mode: if summary.simulated { "backtest (simulated data)" } else { "backtest" }.into(),
            ledger_hash: summary.ledger_hash.clone(),
            generated_by: summary.program.clone(),
            config: facts(config, summary),
            sources: summary.sources.clone(),
            periods_per_year: config.report.periods_per_year,
            risk_free: config.report.risk_free,
            rolling_window: config.report.rolling_window,
        },
        equity: Equity { dates, strategy: led(config.run.cash, of(&|s| s.equity)), benchmarks },
        ablation: summary.ablation.clone(),
        metrics: metrics(sessions),
        artefacts: crate::run_folder::read_artefacts(folder)?,
        exposure: Some(ExposureSeries { gross: led(0.0, of(&|s| s.gross)), net: led(0.0, of(&|s| s.net)) }),
        regimes,
        var,
        strategies,
        trades,
        decisions,
        not_taken,
        not_taken_total: summary.not_traded,
        warnings,
    })
}

/// What plugins measured, by name.
fn metrics(sessions: &[SessionRow]) -> Vec<Metric> {
    let mut all: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, x) in sessions.iter().flat_map(|s| &s.metrics) {
        all.entry(name).or_default().push(*x);
    }
    let of = |(name, xs): (&str, Vec<f64>)| Metric {
        name: name.to_owned(),
        count: xs.len(),
        mean: xs.iter().sum::<f64>() / xs.len() as f64,
        min: xs.iter().copied().fold(f64::INFINITY, f64::min),
        max: xs.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        last: xs.last().copied().unwrap_or_default(),
    };
    all.into_iter().map(of).collect()
}

fn facts(config: &Config, summary: &Summary) -> Vec<(String, String)> {
    let mut out = vec![
        ("period".into(), format!("{} to {}", summary.from, summary.to)),
        ("cash at the start".into(), Cash::from_f64(config.run.cash).map(|c| c.to_string()).unwrap_or_default()),
        ("orders".into(), format!("{:?}", config.engine.order_style)),
        (
            "slippage".into(),
            format!(
                "{} bp + half of {} bp spread",
                config.exchange.costs.slippage.bps, config.exchange.costs.slippage.spread_bps
            ),
        ),
        ("no-trade band".into(), config.engine.no_trade_band.to_string()),
        ("data hash".into(), summary.data_hash.chars().take(16).collect()),
    ];
    for (name, s) in &config.strategy {
        let through: Vec<&str> = s.filters.iter().chain(&s.overlays).map(String::as_str).collect();
        out.push((
            format!("strategy {name}"),
            format!("{} at {} of equity, through {}", s.alpha, s.base, through.join(", ")),
        ));
    }
    out
}

/// The decisions behind fills, and the notable ones among those not traded: a strategy wanted a change worth at least the
/// smallest order, and it was not made. The largest wishes come first.
fn decisions(folder: &Path, fills: &[FillRow], most: usize) -> Result<(Vec<Decision>, Vec<Decision>), Failure> {
    let wanted: BTreeSet<u64> = fills.iter().map(|f| f.decision).collect();
    let path = folder.join("decisions.jsonl");
    let file = File::open(&path).map_err(|e| Failure::io("read", &path, &e))?;
    let (mut taken, mut not_taken) = (Vec::new(), Vec::new());
    for (i, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|e| Failure::io("read", &path, &e))?;
        let d: Decision = serde_json::from_str(&line)
            .map_err(|e| Failure::Data(format!("{}, line {}: {e}", path.display(), i + 1)))?;
        if wanted.contains(&d.id) {
            taken.push(d);
        } else if let (Outcome::NotTraded(_), Some(s)) = (&d.outcome, &d.sizing)
            && !s.delta().is_zero()
        {
            not_taken.push(((s.price * s.delta()).to_f64().abs(), d));
        }
    }
    not_taken.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.id.cmp(&b.1.id)));
    not_taken.truncate(most);
    Ok((taken, not_taken.into_iter().map(|x| x.1).collect()))
}
