//! A run from configuration to folder.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tradewind_core_types::{Side, Time};
use tradewind_data::{Calendar, Frame};
use tradewind_engine::{Backtest, Exchange, Merge, Recorder, SessionRecord};

use crate::compose;
use crate::config::Config;
use crate::dataset::Dataset;
use crate::error::Failure;
use crate::keeper::Keeper;
use crate::run_folder::{self, NewFolder};
use crate::summary::{BenchmarkSummary, Figures, Summary};

/// Program and version, as written into every run.
pub const PROGRAM: &str = concat!("tradewind ", env!("CARGO_PKG_VERSION"));

/// Equity and deposits so far by session, for benchmarks.
#[derive(Default)]
struct Curve {
    equity: Vec<f64>,
    deposits: Vec<f64>,
}

impl Recorder for Curve {
    fn session(&mut self, s: &SessionRecord<'_>) -> Result<(), String> {
        self.equity.push(s.portfolio.equity().to_f64());
        self.deposits.push(s.portfolio.totals().deposits.to_f64());
        Ok(())
    }
}

/// Runs an engine over a dataset to the end.
///
/// # Errors
/// Whatever stops the run.
pub fn drive(engine: &mut Backtest<Exchange>, data: &Dataset, to: &mut impl Recorder) -> Result<(), Failure> {
    let mut merge = Merge::new(data.sources()?).map_err(|e| located(e, data))?;
    engine.schedule(data.commands());
    engine.run(&mut merge, None, to).map_err(|e| located(e, data))?;
    Ok(())
}

/// Names the file behind a source's number.
fn located(e: tradewind_engine::EngineError, data: &Dataset) -> Failure {
    use tradewind_engine::EngineError as E;
    let file = |i: usize| data.names().get(i).cloned().unwrap_or_default();
    match e {
        E::Source { source_index, problem } => Failure::Data(format!("{}: {problem}", file(source_index))),
        E::Backwards { origin, .. } => Failure::Data(format!("{}: {e}", file(usize::from(origin.source)))),
        E::Plugin { origin, .. } => Failure::Run(format!("{e} [{}]", file(usize::from(origin.source)))),
        E::Record(problem) => Failure::Run(format!("cannot keep the run: {problem}")),
        other => other.into(),
    }
}

/// Half of bought and sold a year over mean equity.
pub(crate) fn turnover(traded: f64, equity: &[f64], periods: f64) -> Option<f64> {
    let n = equity.len() as f64;
    let mean = equity.iter().sum::<f64>() / n;
    (mean > 0.0).then(|| 0.5 * traded / mean * periods / n)
}

/// Simple returns of an equity curve that starts at `start`, deposits apart: `deposits` are those so far at each point, with the start. What is
/// paid in during a session works from its beginning. They multiply out to the last point, below zero too.
pub(crate) fn returns(start: f64, equity: &[f64], deposits: &[f64]) -> Vec<f64> {
    let (mut before, mut paid) = (start, start);
    equity
        .iter()
        .zip(deposits)
        .map(|(e, d)| {
            let invested = before + (d - paid);
            let r = if invested != 0.0 { e / invested - 1.0 } else { 0.0 };
            (before, paid) = (*e, *d);
            r
        })
        .collect()
}

/// The date in New York of a session's close.
pub fn date(t: Time) -> jiff::civil::Date {
    Calendar::us_equities().date_of(t)
}

/// Runs a configuration and its benchmarks and sums them up.
///
/// # Errors
/// Whatever stops the run.
pub fn execute(config: &Config, data: &Dataset, keeper: &mut Keeper) -> Result<Summary, Failure> {
    let mut engine = compose::engine(config)?;
    drive(&mut engine, data, keeper)?;
    if keeper.sessions.is_empty() {
        return Err(Failure::Data(format!("no session between {} and {}", config.run.from, config.run.to)));
    }
    let (artefacts, notices) = engine.artefacts();
    keeper.artefacts = artefacts;
    keeper.notices.extend(notices);
    let hash = engine.engine().ledger().hash();
    keeper.finish(hash).map_err(|e| Failure::Run(format!("cannot keep the run: {e}")))?;

    let (periods, rf) = (config.report.periods_per_year, config.report.risk_free);
    let (mut benchmarks, mut held_returns) = (Vec::new(), Vec::new());
    for b in &config.benchmark {
        let (mut held, mut curve) = (compose::benchmark(config, b)?, Curve::default());
        let cash_only = data.with_commands(data.commands().into_iter().filter(|c| c.1.order.moves_cash()).collect());
        drive(&mut held, &cash_only, &mut curve)?;
        let r = returns(config.run.cash, &curve.equity, &curve.deposits);
        benchmarks.push(BenchmarkSummary { name: b.name.clone(), equity: curve.equity, figures: Figures::default() });
        held_returns.push(r);
    }
    let first: Option<&Vec<f64>> = held_returns.first();
    for (b, r) in benchmarks.iter_mut().zip(&held_returns) {
        b.figures = Figures::of(r, first.map(Vec::as_slice), periods, rf);
    }
    let equity: Vec<f64> = keeper.sessions.iter().map(|s| s.equity).collect();
    let deposits: Vec<f64> = keeper.sessions.iter().map(|s| s.deposits).collect();
    let own = returns(config.run.cash, &equity, &deposits);
    let traded: f64 = keeper.ordered_fills().map(|f| (f.fill.price * f.fill.quantity).to_f64()).sum();
    let n = equity.len() as f64;
    let totals = engine.engine().ledger().portfolio().totals();
    let mut digest = Sha256::new();
    // Where a file lies does not change the run; what is in it does, and the data's hash says so.
    let named = config.with_paths(|p| p.file_name().map_or_else(|| p.to_owned(), PathBuf::from));
    digest.update(named.to_toml()?);
    digest.update(data.fingerprint());
    digest.update(hash.to_string());
    let id: String = digest.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect();

    let mut warnings: Vec<String> =
        data.notes().into_iter().map(|(file, what, n)| format!("{file}: {n} {what}")).collect();
    for (plugin, s) in engine.engine().skipped() {
        warnings.push(format!("{plugin} could not use {} events; the first: {}", s.count, s.first));
    }
    if engine.engine().repeated_fills() > 0 {
        warnings
            .push(format!("{} fills were reported more than once and booked once", engine.engine().repeated_fills()));
    }
    warnings.extend(
        engine
            .engine()
            .kill_switch()
            .changes()
            .iter()
            .map(|(t, state, why)| format!("kill switch: {} from {} on: {why}", state.as_str(), date(*t))),
    );
    if let Some(s) = keeper.sessions.iter().find(|s| s.equity <= 0.0) {
        let (equity, day) = (s.equity, date(s.time));
        warnings.push(format!(
            "equity was {equity:.2} on {day}: of the figures only total return and drawdown are defined"
        ));
    }
    warnings.extend(keeper.notices.iter().map(|n| format!("{} on {}: {}", n.who, date(n.time), n.text)));
    warnings.extend(keeper.commands.iter().map(|c| format!("operator: {c}")));
    warnings.extend(keeper.first_reject.iter().map(|r| format!("first reject: {r}")));
    let (Some(from), Some(to)) = (keeper.sessions.first(), keeper.sessions.last()) else {
        return Err(Failure::Data("no session".into()));
    };
    Ok(Summary {
        title: config.title.clone(),
        run_id: id,
        program: PROGRAM.into(),
        from: date(from.time).to_string(),
        to: date(to.time).to_string(),
        sessions: equity.len(),
        events: engine.engine().events(),
        simulated: config.data.simulate.is_some(),
        ledger_hash: hash.to_string(),
        data_hash: data.fingerprint().to_owned(),
        sources: data.names().to_vec(),
        final_equity: to.equity,
        figures: Figures::of(&own, first.map(Vec::as_slice), periods, rf),
        turnover: turnover(traded, &equity, periods),
        exposure: Some(keeper.sessions.iter().map(|s| s.gross).sum::<f64>() / n),
        decisions: keeper.decisions,
        not_traded: keeper.not_traded,
        orders: keeper.orders.len(),
        fills: keeper.ordered_fills().count(),
        fees: totals.fees.to_f64(),
        slippage: keeper.fills.iter().map(slippage).sum(),
        ended: keeper.ended.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect(),
        strategies: to.strategies.clone(),
        benchmarks,
        ablation: if config.report.ablation { crate::ablation::run(config, data, keeper)? } else { Vec::new() },
        commands: keeper.commands.clone(),
        warnings,
    })
}

/// What a fill paid in slippage, in dollars: value x bps, against the price before slippage.
fn slippage(f: &crate::keeper::FillRow) -> f64 {
    let signed = if f.fill.side == Side::Buy { f.fill.slippage_bps } else { -f.fill.slippage_bps };
    let value = (f.fill.price * f.fill.quantity).to_f64();
    (value - value / (1.0 + 1e-4 * signed)).abs()
}

/// Runs a configuration and writes its folder. Gives where it is and the summary.
///
/// # Errors
/// Whatever stops the run; then no folder is left behind.
pub fn backtest(config: &Config, out: Option<&Path>) -> Result<(PathBuf, Summary), Failure> {
    let data = Dataset::load(config)?;
    // The written configuration works from any folder.
    let text = config.with_paths(|p| std::path::absolute(p).unwrap_or_else(|_| p.to_owned())).to_toml()?;
    // Without a name the folder is named by the run's id, which is known only at the end.
    let provisional = out.map_or_else(|| Path::new("runs").join("new"), Path::to_owned);
    let mut folder = NewFolder::begin(&provisional)?;
    let mut keeper = Keeper::in_folder(folder.path(), config.run.journal, &text)
        .map_err(|e| Failure::io("write in", folder.path(), &e))?;
    let summary = execute(config, &data, &mut keeper)?;
    folder.write("config.toml", text.as_bytes())?;
    write_tables(folder.path(), &keeper)?;
    run_folder::write_artefacts(folder.path(), &keeper.artefacts)?;
    let report = crate::report::data(config, &summary, &keeper.sessions, &keeper.fills, folder.path())?;
    folder.write("report.html", tradewind_report::render(&report).as_bytes())?;
    let json = serde_json::to_vec_pretty(&summary).map_err(|e| Failure::Run(e.to_string()))?;
    // Last: its presence says that the run is complete.
    folder.write("summary.json", &json)?;
    if out.is_none() {
        folder.rename(&Path::new("runs").join(&summary.run_id));
    }
    Ok((folder.finish()?, summary))
}

fn write_tables(folder: &Path, k: &Keeper) -> Result<(), Failure> {
    use tradewind_core_types::Cell::{self, F64, I64, Null, Str};
    let lines = |name: &str, rows: Vec<serde_json::Result<String>>| {
        let mut text = String::new();
        for r in rows {
            text.push_str(&r.map_err(|e| Failure::Run(format!("{name}: {e}")))?);
            text.push('\n');
        }
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|e| Failure::io("write", &path, &e))
    };
    lines("sessions.jsonl", k.sessions.iter().map(serde_json::to_string).collect())?;
    lines("fills.jsonl", k.fills.iter().map(serde_json::to_string).collect())?;
    lines("orders.jsonl", k.orders.iter().map(serde_json::to_string).collect())?;

    let write = |name: &str, columns: Vec<(String, Vec<Cell>)>| -> Result<(), Failure> {
        let (names, cells) = columns.into_iter().unzip();
        Ok(Frame::new(names, cells)?.write(&folder.join(name))?)
    };
    let column = |name: &str, cells: Vec<Cell>| (name.to_owned(), cells);
    let s = &k.sessions;
    let mut equity = vec![
        column("time", s.iter().map(|r| Str(r.time.to_string())).collect()),
        column("equity", s.iter().map(|r| F64(r.equity)).collect()),
        column("cash", s.iter().map(|r| F64(r.cash)).collect()),
        column("gross", s.iter().map(|r| F64(r.gross)).collect()),
        column("net", s.iter().map(|r| F64(r.net)).collect()),
    ];
    let names: std::collections::BTreeSet<&String> = s.iter().flat_map(|r| r.metrics.keys()).collect();
    for name in names {
        equity.push(column(name, s.iter().map(|r| r.metrics.get(name).map_or(Null, |v| F64(*v))).collect()));
    }
    write("equity.parquet", equity)?;
    let o = &k.orders;
    write(
        "orders.parquet",
        vec![
            column("id", o.iter().map(|r| I64(r.id.0 as i64)).collect()),
            column("decision", o.iter().map(|r| I64(r.decision as i64)).collect()),
            column("time", o.iter().map(|r| Str(r.time.to_string())).collect()),
            column("symbol", o.iter().map(|r| Str(r.symbol.to_string())).collect()),
            column("side", o.iter().map(|r| Str(format!("{:?}", r.side).to_lowercase())).collect()),
            column("quantity", o.iter().map(|r| F64(r.quantity.to_f64())).collect()),
            column("kind", o.iter().map(|r| Str(format!("{:?}", r.kind))).collect()),
        ],
    )?;
    let f = &k.fills;
    write(
        "fills.parquet",
        vec![
            column("id", f.iter().map(|r| I64(r.fill.id as i64)).collect()),
            column("order", f.iter().map(|r| I64(r.fill.order.0 as i64)).collect()),
            column("time", f.iter().map(|r| Str(r.fill.time.to_string())).collect()),
            column("symbol", f.iter().map(|r| Str(r.fill.symbol.to_string())).collect()),
            column("side", f.iter().map(|r| Str(format!("{:?}", r.fill.side).to_lowercase())).collect()),
            column("quantity", f.iter().map(|r| F64(r.fill.quantity.to_f64())).collect()),
            column("price", f.iter().map(|r| F64(r.fill.price.to_f64())).collect()),
            column("fee", f.iter().map(|r| F64(r.fill.fee.to_f64())).collect()),
            column("slippage_bps", f.iter().map(|r| F64(r.fill.slippage_bps)).collect()),
            column("realised", f.iter().map(|r| r.realised.map_or(Null, |c| F64(c.to_f64()))).collect()),
            column("strategy", f.iter().map(|r| Str(r.strategy.clone())).collect()),
        ],
    )?;
    Ok(())
}
