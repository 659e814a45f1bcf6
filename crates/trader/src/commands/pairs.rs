//! `trader data pairs`: which pairs of a file are cointegrated, with false discoveries controlled.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;
use tradewind_alpha::plugins::alpha_coint_pairs::{CointPairsParams, Found, Scan, Status, scan};
use tradewind_core_types::{Cell, Symbol, Time};
use tradewind_data::{EventTable, Frame};
use tradewind_numerics::math;

use super::data::{SourceArgs, settings, spec};
use super::{progress, say, say_json};
use crate::error::Failure;
use crate::{heat_map, sample};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Rate of false discoveries.
    #[arg(long, value_name = "RATE")]
    fdr: Option<f64>,
    /// A parameter of alpha_coint_pairs, such as `--param lags=2 --param test=engle_granger`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    param: Vec<String>,
    /// Only the last so many sessions of the file.
    #[arg(long, value_name = "N")]
    sessions: Option<usize>,
    /// Write all pairs as CSV or Parquet, by p-value.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Draw the p-values of all pairs as SVG.
    #[arg(long, value_name = "FILE")]
    heatmap: Option<PathBuf>,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

/// How many pairs are printed.
const SHOWN: usize = 20;

/// What is scanned: the symbols with hardly a gap, at the sessions all of them have.
struct Panel {
    symbols: Vec<Symbol>,
    left_out: Vec<(Symbol, usize)>,
    times: Vec<Time>,
    logs: Vec<Vec<f64>>,
}

fn panel(table: &EventTable, last: Option<usize>, max_missing: usize) -> Panel {
    let mut rows: BTreeMap<Time, BTreeMap<usize, f64>> = BTreeMap::new();
    for (t, id, close) in table.closes() {
        rows.entry(t).or_default().insert(id, close.to_f64());
    }
    let skip = last.map_or(0, |n| rows.len().saturating_sub(n));
    let rows: Vec<(Time, BTreeMap<usize, f64>)> = rows.into_iter().skip(skip).collect();
    let missing = |id: usize| rows.iter().filter(|r| !r.1.contains_key(&id)).count();
    let (kept, gone): (Vec<_>, Vec<_>) =
        table.symbols().iter().enumerate().map(|(i, s)| (i, *s, missing(i))).partition(|x| x.2 <= max_missing);
    let common: Vec<&(Time, BTreeMap<usize, f64>)> =
        rows.iter().filter(|r| kept.iter().all(|k| r.1.contains_key(&k.0))).collect();
    let log = |id: usize| common.iter().filter_map(|r| r.1.get(&id).map(|x| math::ln(*x))).collect();
    Panel {
        symbols: kept.iter().map(|k| k.1).collect(),
        left_out: gone.into_iter().map(|g| (g.1, g.2)).collect(),
        times: common.iter().map(|r| r.0).collect(),
        logs: kept.iter().map(|k| log(k.0)).collect(),
    }
}

pub(super) fn run(a: &Args) -> Result<(), Failure> {
    let mut params: CointPairsParams = settings(&a.param, "--param")?;
    params.fdr = a.fdr.unwrap_or(params.fdr);
    let source = spec(&a.source)?;
    let bytes = match source.path.to_string_lossy().strip_prefix(sample::PREFIX) {
        Some(name) => sample::bytes(name)?.to_vec(),
        None => tradewind_data::read_bytes(&source)?,
    };
    let table = tradewind_data::read_table_bytes(&source, bytes)?;
    let p = panel(&table, a.sessions, params.max_missing);
    let bar = progress("testing all pairs");
    let found = scan(&params, &p.logs);
    bar.finish_and_clear();
    let found = found.map_err(|problems| Failure::Config { origin: "--param".into(), problems })?;
    if let Some(path) = &a.output {
        frame(&found, &p.symbols)?.write(path)?;
    }
    if let Some(path) = &a.heatmap {
        let names: Vec<&str> = p.symbols.iter().map(|s| s.as_str()).collect();
        let title = format!("p-values of {} pairs, {}", found.tested, period(&p));
        crate::run_folder::write_whole(path, heat_map::svg(&found, &names, &title).as_bytes())?;
    }
    if a.json {
        say_json(&as_json(&found, &p))?
    } else {
        say(&describe(&found, &p, params.fdr))?
    }
    if found.tested == 0 {
        return Err(Failure::Data(format!(
            "no pair could be tested: {} symbols with at most {} sessions missing, {} sessions that all of them have",
            p.symbols.len(),
            params.max_missing,
            p.times.len()
        )));
    }
    Ok(())
}

fn period(p: &Panel) -> String {
    match (p.times.first(), p.times.last()) {
        (Some(a), Some(b)) => {
            format!("{} to {}, {} sessions", crate::run::date(*a), crate::run::date(*b), p.times.len())
        }
        _ => "no sessions".into(),
    }
}

/// A name of the catalogue's own words: `not_cointegrated`.
fn word(s: Status) -> String {
    serde_json::to_value(s).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn frame(found: &Scan, symbols: &[Symbol]) -> Result<Frame, Failure> {
    let name = |i: usize| Cell::Str(symbols.get(i).map(ToString::to_string).unwrap_or_default());
    let number = |x: Option<f64>| x.map_or(Cell::Null, Cell::F64);
    type Get<'a> = &'a dyn Fn(&Found) -> Cell;
    let columns: [(&str, Get<'_>); 10] = [
        ("a", &|f| name(f.a)),
        ("b", &|f| name(f.b)),
        ("statistic", &|f| number(f.statistic)),
        ("p_value", &|f| number(f.p_value)),
        ("adjusted_p", &|f| number(f.p_value.map(|_| f.adjusted))),
        ("discovery", &|f| Cell::Bool(f.discovery)),
        ("status", &|f| Cell::Str(word(f.status))),
        ("hedge_ratio", &|f| number(f.hedge_ratio)),
        ("half_life", &|f| number(f.half_life)),
        ("half_life_error", &|f| number(f.half_life_error)),
    ];
    let (mut names, mut cells): (Vec<String>, Vec<Vec<Cell>>) =
        columns.iter().map(|(n, get)| ((*n).to_owned(), found.pairs.iter().map(get).collect())).unzip();
    names.insert(0, "rank".into());
    cells.insert(0, (1..=found.pairs.len() as i64).map(Cell::I64).collect());
    Ok(Frame::new(names, cells)?)
}

fn as_json(found: &Scan, p: &Panel) -> serde_json::Value {
    let name = |i: usize| p.symbols.get(i).map(ToString::to_string);
    let pairs: Vec<_> = found
        .pairs
        .iter()
        .map(|f| {
            json!({ "a": name(f.a), "b": name(f.b), "statistic": f.statistic, "p_value": f.p_value,
                "adjusted_p": f.p_value.map(|_| f.adjusted), "discovery": f.discovery, "status": f.status,
                "hedge_ratio": f.hedge_ratio, "half_life": f.half_life, "half_life_error": f.half_life_error })
        })
        .collect();
    let left_out: Vec<_> = p.left_out.iter().map(|(s, n)| json!({ "symbol": s, "sessions_missing": n })).collect();
    let excluded: Vec<_> = found.excluded.iter().map(|(i, s)| json!({ "symbol": name(*i), "status": s })).collect();
    json!({ "sessions": p.times.len(), "from": p.times.first(), "to": p.times.last(), "symbols": p.symbols, "left_out": left_out,
        "excluded": excluded, "tested": found.tested, "discoveries": found.discoveries, "pairs": pairs })
}

fn describe(found: &Scan, p: &Panel, fdr: f64) -> String {
    let name = |i: usize| p.symbols.get(i).map(ToString::to_string).unwrap_or_default();
    let tradeable = found.pairs.iter().filter(|f| f.discovery && f.status == Status::Cointegrated).count();
    let below = found.pairs.iter().filter(|f| f.p_value.is_some_and(|x| x <= 0.05)).count();
    let mut out = format!(
        "{}\n{} symbols, {} pairs tested: {below} with p <= 0.05, where chance alone gives {:.1}; {} discoveries at a rate of {fdr}, {tradeable} of \
         them pairs to trade\n\n",
        period(p),
        p.symbols.len(),
        found.tested,
        0.05 * found.tested as f64,
        found.discoveries
    );
    out.push_str(&format!(
        "{:>4}  {:<14}{:>10}{:>10}{:>10}{:>8}{:>11}{:>8}  {}\n",
        "rank", "pair", "statistic", "p", "adjusted", "hedge", "half-life", "+-", "status"
    ));
    let cell = |x: Option<f64>, digits: usize| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.digits$}"));
    for (i, f) in found.pairs.iter().take(SHOWN).enumerate() {
        out.push_str(&format!(
            "{:>4}  {:<14}{:>10}{:>10}{:>10}{:>8}{:>11}{:>8}  {}\n",
            i + 1,
            format!("{}-{}", name(f.a), name(f.b)),
            cell(f.statistic, 2),
            cell(f.p_value, 5),
            cell(f.p_value.map(|_| f.adjusted), 4),
            cell(f.hedge_ratio, 3),
            cell(f.half_life, 1),
            cell(f.half_life_error, 1),
            f.status.words()
        ));
    }
    if found.pairs.len() > SHOWN {
        out.push_str(&format!("      and {} more (--output writes all)\n", found.pairs.len() - SHOWN));
    }
    for (i, why) in &found.excluded {
        out.push_str(&format!("note: {} was left out: {}\n", name(*i), why.words()));
    }
    for (s, n) in &p.left_out {
        out.push_str(&format!("note: {s} was left out: {n} sessions without a price\n"));
    }
    out
}
