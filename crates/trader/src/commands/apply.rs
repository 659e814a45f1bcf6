//! `trader apply`: any calculator over a table.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use tradewind_core_types::{Cell, did_you_mean};
use tradewind_data::Frame;

use super::{progress, say_json};
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
    /// Which column of the table a column of the plugin is, such as `--column close=SPY`; may be repeated.
    #[arg(long, value_name = "NAME=COLUMN")]
    column: Vec<String>,
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

fn apply(a: &Args) -> Result<Value, Failure> {
    let info = catalogue::find(&a.id).map_err(Failure::Usage)?;
    let build = info.table.ok_or_else(|| {
        let able: Vec<&str> = catalogue::all().filter(|(_, p)| p.table.is_some()).map(|(_, p)| p.id).collect();
        Failure::Usage(format!("{} is not a table function; these are: {}", a.id, able.join(", ")))
    })?;
    let mut params = Map::new();
    for s in &a.set {
        let (key, text) = pair(s, "set")?;
        params.insert(key, crate::config::value_of(&text));
    }
    let mut table = build(&Value::Object(params))
        .map_err(|problems| Failure::Config { origin: format!("parameters of {}", a.id), problems })?;

    let frame = Frame::read(&a.input)?;
    let rows: Vec<usize> = match &a.only {
        None => (0..frame.rows()).collect(),
        Some(only) => {
            let (column, value) = pair(only, "only")?;
            let at = frame.position(&column)?;
            (0..frame.rows()).filter(|&i| text(frame.cell(i, at)) == value).collect()
        }
    };
    let mut mapped = std::collections::BTreeMap::new();
    for m in &a.column {
        let (name, column) = pair(m, "column")?;
        if !table.inputs().iter().any(|c| c.name == name) {
            let hint = did_you_mean(&name, table.inputs().iter().map(|c| c.name).collect::<Vec<_>>());
            return Err(Failure::Usage(format!("--column {m:?}: {} has no input {name:?}{hint}", a.id)));
        }
        mapped.insert(name, column);
    }
    let mut wanted = Vec::new();
    for c in table.inputs() {
        let name = mapped.get(c.name).map_or(c.name, String::as_str);
        wanted.push(match frame.position(name) {
            Ok(i) => Some(i),
            Err(_) if c.optional && !mapped.contains_key(c.name) => None,
            Err(e) => return Err(Failure::Data(format!("{e} (map one with --column {}=COLUMN)", c.name))),
        });
    }
    let names: Vec<String> = table.outputs().iter().map(|s| (*s).to_owned()).collect();
    let mut outputs: Vec<Vec<Cell>> = names.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    let (mut row, mut out, mut skipped) = (Vec::new(), Vec::new(), 0_u64);
    for &i in &rows {
        row.clear();
        row.extend(wanted.iter().map(|w| w.map_or(Cell::Null, |j| frame.cell(i, j).clone())));
        // A row without any of its values (a holiday) is not an input.
        if row.iter().all(|c| *c == Cell::Null) {
            skipped += 1;
            out.clear();
        } else {
            table.update(&row, &mut out).map_err(|e| frame.error(i, None, e.to_string()))?;
        }
        for (k, column) in outputs.iter_mut().enumerate() {
            column.push(out.get(k).cloned().unwrap_or(Cell::Null));
        }
    }
    let mut statistics = Map::new();
    for (name, cells) in names.iter().zip(&outputs) {
        statistics.insert(name.clone(), describe(cells));
    }
    let mut all_names = frame.names().to_vec();
    let mut columns: Vec<Vec<Cell>> =
        (0..all_names.len()).map(|j| rows.iter().map(|&i| frame.cell(i, j).clone()).collect()).collect();
    for (name, cells) in names.into_iter().zip(outputs) {
        let taken = all_names.contains(&name);
        all_names.push(if taken { format!("{}_{name}", a.id) } else { name });
        columns.push(cells);
    }
    Frame::new(all_names, columns)?.write(&a.output)?;
    Ok(json!({
        "plugin": a.id,
        "input": a.input.display().to_string(),
        "output": a.output.display().to_string(),
        "rows": rows.len(),
        "empty_rows": skipped,
        "warmup": table.warmup(),
        "columns": statistics,
        "fitted": table.summary(),
    }))
}

fn text(c: &Cell) -> String {
    match c {
        Cell::Null => String::new(),
        Cell::F64(x) => x.to_string(),
        Cell::I64(x) => x.to_string(),
        Cell::Bool(x) => x.to_string(),
        Cell::Str(s) => s.clone(),
    }
}

/// Count, mean, smallest, largest and last of the numbers in a column, or how often each text occurs.
fn describe(cells: &[Cell]) -> Value {
    let numbers: Vec<f64> = cells
        .iter()
        .filter_map(|c| match c {
            Cell::F64(x) => Some(*x),
            Cell::I64(x) => Some(*x as f64),
            _ => None,
        })
        .collect();
    if numbers.is_empty() {
        let mut counts = std::collections::BTreeMap::new();
        for c in cells.iter().filter(|c| **c != Cell::Null) {
            *counts.entry(text(c)).or_insert(0_u64) += 1;
        }
        return json!(counts);
    }
    json!({
        "count": numbers.len(),
        "mean": numbers.iter().sum::<f64>() / numbers.len() as f64,
        "min": numbers.iter().copied().fold(f64::INFINITY, f64::min),
        "max": numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "last": numbers.last(),
    })
}
