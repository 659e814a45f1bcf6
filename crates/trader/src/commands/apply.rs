//! `trader apply`: any calculator over a table, piece by piece, so that the table may be larger than memory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::{Map, Value, json};
use tradewind_core_types::{Cell, ColumnKind, Table, did_you_mean};
use tradewind_data::{CellType, Frame, FrameReader, FrameWriter};

use super::statistic::{Statistic, text};
use super::{bars, progress, say_json};
use crate::catalogue;
use crate::error::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plugin.
    id: String,
    /// The table to read: CSV (also gzipped) or Parquet.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// The table to write: CSV or Parquet. It holds the columns of the input and those of the plugin, empty while warming up.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// A parameter of the plugin, such as `--set dist=t`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Which column of the table a column of the plugin is, such as `--column close=SPY`; may be repeated, and for one column of the plugin
    /// with several of the table: each gets a calculator of its own, and its outputs are named `SPY.volatility`.
    #[arg(long, value_name = "NAME=COLUMN")]
    column: Vec<String>,
    /// One calculator for each value of this column, such as `--by symbol`, in parallel.
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Zone of times without an offset, such as `America/New_York`.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Unit since 1970 of times that are numbers; without it only nanoseconds are read.
    #[arg(long, value_name = "UNIT", value_parser = ["seconds", "milliseconds", "microseconds", "nanoseconds"])]
    epoch: Option<String>,
    /// Only rows that gave an output, such as the trades that closed a bar.
    #[arg(long)]
    dense: bool,
    /// Only rows where a column has this value, such as `--only symbol=SPX`.
    #[arg(long, value_name = "COLUMN=VALUE")]
    only: Option<String>,
}

pub(super) fn run(a: &Args) -> Result<(), Failure> {
    let bar = progress("applying");
    let summary = apply(a);
    bar.finish_and_clear();
    say_json(&summary?)
}

fn pair(text: &str, option: &str) -> Result<(String, String), Failure> {
    text.split_once('=')
        .map(|(k, v)| (k.trim().to_owned(), v.to_owned()))
        .ok_or_else(|| Failure::Usage(format!("--{option} {text:?}: expected NAME=VALUE")))
}

/// One way of reading the table: a column for each input of the plugin, and a calculator for each value of `--by`.
struct Lane {
    /// Before the names of its outputs; empty when it is the only one.
    prefix: String,
    /// Position of each input's column.
    columns: Vec<Option<usize>>,
    calculators: BTreeMap<String, Box<dyn Table>>,
}

/// Rows of a piece that one calculator takes, in their order.
struct Work<'a> {
    lane: usize,
    calculator: &'a mut Box<dyn Table>,
    rows: Vec<usize>,
}

/// What came of a piece: outputs by row, or the first row that could not be used, with the reason.
type Outcome = Result<Vec<(usize, Vec<Cell>)>, (usize, String)>;

/// The parameters of `--set`.
fn params(a: &Args) -> Result<Value, Failure> {
    let mut params = Map::new();
    for s in &a.set {
        let (key, text) = pair(s, "set")?;
        params.insert(key, crate::config::value_of(&text));
    }
    Ok(Value::Object(params))
}

/// The lanes that `--column` asks for.
fn lanes(a: &Args, table: &dyn Table, input: &FrameReader) -> Result<Vec<Lane>, Failure> {
    let mut mapped: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for m in &a.column {
        let (name, column) = pair(m, "column")?;
        if !table.inputs().iter().any(|c| c.name == name) {
            let hint = did_you_mean(&name, table.inputs().iter().map(|c| c.name).collect::<Vec<_>>());
            return Err(Failure::Usage(format!("--column {m:?}: {} has no input {name:?}{hint}", a.id)));
        }
        mapped.entry(name).or_default().push(column);
    }
    let several: Vec<&String> = mapped.iter().filter(|m| m.1.len() > 1).map(|m| m.0).collect();
    if let [one, two, ..] = several.as_slice() {
        let problem = format!("--column: {one} and {two} both have several columns: only one input may have several");
        return Err(Failure::Usage(problem));
    }
    let many = several.first().map(|n| (*n).clone());
    let count = many.as_ref().map_or(1, |n| mapped[n].len());
    (0..count)
        .map(|k| {
            let of = |name: &str| mapped.get(name).and_then(|all| all.get(if all.len() > 1 { k } else { 0 }));
            let mut columns = Vec::new();
            for c in table.inputs() {
                let name = of(c.name).map_or(c.name, String::as_str);
                columns.push(match input.position(name) {
                    Ok(i) => Some(i),
                    Err(_) if c.optional && of(c.name).is_none() => None,
                    Err(e) => return Err(Failure::Data(format!("{e} (map one with --column {}=COLUMN)", c.name))),
                });
            }
            let prefix = many.as_ref().and_then(|n| of(n)).map(|c| format!("{c}.")).unwrap_or_default();
            Ok(Lane { prefix, columns, calculators: BTreeMap::new() })
        })
        .collect()
}

/// The input, with what is known of its columns: what the plugin asks for, and that all others pass through as they are.
fn typed(a: &Args, table: &dyn Table, lanes: &[Lane], mut input: FrameReader) -> Result<FrameReader, Failure> {
    // Parquet has types: there a column that is only passed through holds what it looks like.
    if !a.output.extension().is_some_and(|e| e == "parquet" || e == "pq") {
        for column in 0..input.names().len() {
            input = input.with_type(column, CellType::Text);
        }
    }
    for (i, spec) in table.inputs().iter().enumerate() {
        for column in lanes.iter().filter_map(|l| l.columns.get(i).copied().flatten()) {
            input = match spec.kind {
                ColumnKind::Number => input.with_type(column, CellType::Number),
                ColumnKind::Text => input.with_type(column, CellType::Text),
                // What these cells are is seen in the file.
                ColumnKind::Whole | ColumnKind::Bool | ColumnKind::Any => input.with_guess(column),
            };
        }
    }
    let time = table.inputs().iter().position(|c| c.name == "time");
    match time.and_then(|i| lanes.first().and_then(|l| l.columns.get(i).copied().flatten())) {
        Some(column) => {
            let unit = a.epoch.clone().map(|unit| serde_json::from_value(Value::String(unit))).transpose();
            let unit = unit.map_err(|e| Failure::Usage(format!("--epoch: {e}")))?;
            Ok(input.with_times(column, a.timezone.as_deref(), unit)?)
        }
        None if a.timezone.is_some() || a.epoch.is_some() => {
            let option = if a.timezone.is_some() { "timezone" } else { "epoch" };
            Err(Failure::Usage(format!("--{option}: {} reads no times", a.id)))
        }
        None => Ok(input),
    }
}

/// Gives a calculator its rows of a piece.
fn work(w: Work<'_>, columns: &[Option<usize>], frame: &Frame) -> (usize, Outcome) {
    let (mut row, mut out) = (Vec::new(), Vec::new());
    let mut given = Vec::new();
    for i in w.rows {
        row.clear();
        row.extend(columns.iter().map(|c| c.map_or(Cell::Null, |j| frame.input(i, j).clone())));
        if let Err(e) = w.calculator.update(&row, &mut out) {
            return (w.lane, Err((i, e.to_string())));
        }
        if !out.is_empty() {
            given.push((i, std::mem::take(&mut out)));
        }
    }
    (w.lane, Ok(given))
}

fn apply(a: &Args) -> Result<Value, Failure> {
    let info = catalogue::find(&a.id).map_err(Failure::Usage)?;
    let build = info.table.ok_or_else(|| {
        let able: Vec<&str> = catalogue::all().filter(|(_, p)| p.table.is_some()).map(|(_, p)| p.id).collect();
        Failure::Usage(format!("{} is not a table function; these are: {}", a.id, able.join(", ")))
    })?;
    let params = params(a)?;
    let make =
        || build(&params).map_err(|problems| Failure::Config { origin: format!("parameters of {}", a.id), problems });
    let table = make()?;
    let mut input = FrameReader::open(&a.input)?;
    let mut lanes = lanes(a, table.as_ref(), &input)?;
    let only = match &a.only {
        None => None,
        Some(only) => {
            let (column, value) = pair(only, "only")?;
            Some((input.position(&column)?, value))
        }
    };
    let by = a.by.as_ref().map(|c| input.position(c)).transpose()?;
    input = typed(a, table.as_ref(), &lanes, input)?;
    // Names and values are compared as they are written.
    for column in by.iter().chain(only.as_ref().map(|o| &o.0)) {
        input = input.with_type(*column, CellType::Text);
    }
    if let [Lane { columns, .. }] = lanes.as_slice()
        && a.id == bars::ID
        && a.dense
        && (a.by.is_none() && a.only.is_none())
    {
        return bars::apply(&params, columns, input, &a.input, &a.output);
    }

    let mut names = input.names().to_vec();
    for lane in &lanes {
        for o in table.outputs() {
            let name = format!("{}{o}", lane.prefix);
            names.push(if names.contains(&name) { format!("{}_{name}", a.id) } else { name });
        }
    }
    let width = input.names().len();
    let outputs = table.outputs().len();
    let mut writer = FrameWriter::create(&a.output, &names)?;
    let mut statistics: Vec<Statistic> = names[width..].iter().map(|_| Statistic::default()).collect();
    let (mut read, mut empty) = (0_u64, 0_u64);
    let gaps = table.takes_gaps();
    while let Some(frame) = input.next_piece()? {
        let rows: Vec<usize> = (0..frame.rows())
            .filter(|&i| only.as_ref().is_none_or(|(at, value)| text(frame.cell(i, *at)) == *value))
            .collect();
        read += rows.len() as u64;
        let mut work_lists: Vec<Work<'_>> = Vec::new();
        let mut columns_of = Vec::new();
        for (k, lane) in lanes.iter_mut().enumerate() {
            // A row without any of its values is a gap to a calculator that knows gaps, and otherwise (a holiday) no input.
            let filled = |i: &usize| gaps || lane.columns.iter().flatten().any(|&j| *frame.cell(*i, j) != Cell::Null);
            let mut lists: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for &i in &rows {
                if filled(&i) {
                    let key = by.map(|j| text(frame.cell(i, j))).unwrap_or_default();
                    lists.entry(key).or_default().push(i);
                } else {
                    empty += u64::from(k == 0);
                }
            }
            for key in lists.keys() {
                if !lane.calculators.contains_key(key) {
                    lane.calculators.insert(key.clone(), make()?);
                }
            }
            columns_of.push(lane.columns.clone());
            for (key, calculator) in &mut lane.calculators {
                if let Some(rows) = lists.remove(key) {
                    work_lists.push(Work { lane: k, calculator, rows });
                }
            }
        }
        // In parallel; each calculator sees its own rows in their order, so that the result does not depend on it.
        let done: Vec<(usize, Outcome)> = work_lists
            .into_par_iter()
            .map(|w| {
                let k = w.lane;
                work(w, &columns_of[k], &frame)
            })
            .collect();
        let mut cells: Vec<Vec<Cell>> = vec![vec![Cell::Null; frame.rows()]; names.len() - width];
        let mut gave = vec![false; frame.rows()];
        let mut worst: Option<(usize, String)> = None;
        for (lane, outcome) in done {
            match outcome {
                Err(e) if worst.as_ref().is_none_or(|w| e.0 < w.0) => worst = Some(e),
                Err(_) => {}
                Ok(given) => {
                    for (i, out) in given {
                        gave[i] = true;
                        for (k, c) in out.into_iter().enumerate().take(outputs) {
                            cells[lane * outputs + k][i] = c;
                        }
                    }
                }
            }
        }
        if let Some((row, why)) = worst {
            return Err(frame.error(row, None, why).into());
        }
        let kept: Vec<usize> = rows.into_iter().filter(|&i| !a.dense || gave[i]).collect();
        let mut columns: Vec<Vec<Cell>> =
            (0..width).map(|j| kept.iter().map(|&i| frame.cell(i, j).clone()).collect()).collect();
        for (column, s) in cells.into_iter().zip(&mut statistics) {
            let column: Vec<Cell> = kept.iter().map(|&i| column[i].clone()).collect();
            column.iter().for_each(|c| s.add(c));
            columns.push(column);
        }
        writer.push(&columns)?;
    }
    let written = writer.finish()?;
    // A file of blanks looks like a result.
    let blank = statistics.iter().all(Statistic::is_empty);
    let notes: Vec<String> = blank
        .then(|| {
            let (id, warmup) = (&a.id, table.warmup());
            format!("no output: {id} gave nothing in {read} rows; it gives none for the first {warmup} of a series, or the rows are not what it needs")
        })
        .into_iter()
        .collect();
    let summaries: Map<String, Value> = lanes
        .iter()
        .flat_map(|l| l.calculators.iter().map(|(key, c)| (format!("{}{key}", l.prefix), c.summary())))
        .collect();
    let fitted = match summaries.iter().next() {
        Some((name, one)) if summaries.len() == 1 && name.is_empty() => one.clone(),
        _ => Value::Object(summaries),
    };
    let columns: Map<String, Value> =
        names.into_iter().skip(width).zip(statistics.iter().map(Statistic::json)).collect();
    Ok(json!({
        "plugin": a.id,
        "input": a.input.display().to_string(),
        "output": a.output.display().to_string(),
        "rows": read,
        "rows_written": written,
        "empty_rows": empty,
        "warmup": table.warmup(),
        "columns": columns,
        "fitted": fitted,
        "notes": notes,
    }))
}
