//! Calculators over polars frames (feature `polars`).

use polars::prelude::{AnyValue, Column, DataFrame, NamedFrom, PolarsError, Series};
use tradewind_core_types::{BadInput, Cell, Table};

/// Why a calculator could not be applied to a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A row that cannot be used.
    #[error("row {row}: {problem}")]
    Row {
        /// Which row, from 0.
        row: usize,
        /// What is wrong with it.
        problem: BadInput,
    },
    /// A column that is not there.
    #[error("no column {0:?}, which the calculator needs")]
    Missing(&'static str),
    /// A column of a type that no calculator reads.
    #[error("column {column:?} holds values of type {found}: expected numbers, booleans or text")]
    Type {
        /// Which column.
        column: String,
        /// What it holds.
        found: String,
    },
    /// The frame itself.
    #[error(transparent)]
    Polars(#[from] PolarsError),
}

/// Applies a calculator to a frame: its input columns are found by name, and the frame of its outputs has as many rows, empty ones while
/// it warms up. Rows of which all inputs are null are a gap to a calculator that takes gaps, and are otherwise passed over. The
/// calculator goes on where an earlier frame ended.
///
/// ```
/// use polars::prelude::{DataFrame, NamedFrom, Series};
/// use tradewind_core_types::table;
/// use tradewind_core_types::Params;
/// use tradewind_features::plugins::fe_fracdiff::FeFracdiffParams;
/// let closes: Vec<f64> = (0..400).map(|i| 100.0 + f64::from(i)).collect();
/// let frame = DataFrame::new(400, vec![Series::new("value".into(), closes).into()])?;
/// let mut calculator = table(FeFracdiffParams::default().build()?);
/// let out = tradewind_features::frames::apply(calculator.as_mut(), &frame)?;
/// assert_eq!(out.height(), 400);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When a column is missing or of another type, or for the first row that cannot be used; the calculator has then taken the rows before.
pub fn apply(calculator: &mut dyn Table, frame: &DataFrame) -> Result<DataFrame, FrameError> {
    let mut columns: Vec<Option<Series>> = Vec::new();
    for c in calculator.inputs() {
        columns.push(match frame.column(c.name) {
            Ok(column) => Some(column.as_materialized_series().rechunk()),
            Err(_) if c.optional => None,
            Err(_) => return Err(FrameError::Missing(c.name)),
        });
    }
    let names: Vec<&'static str> = calculator.outputs().to_vec();
    let mut outputs: Vec<Vec<Cell>> = vec![vec![Cell::Null; frame.height()]; names.len()];
    let (mut row, mut out) = (Vec::new(), Vec::new());
    for i in 0..frame.height() {
        row.clear();
        for s in &columns {
            row.push(match s {
                Some(s) => cell(s, i)?,
                None => Cell::Null,
            });
        }
        if !calculator.takes_gaps() && row.iter().all(|c| *c == Cell::Null) {
            continue;
        }
        calculator.update(&row, &mut out).map_err(|problem| FrameError::Row { row: i, problem })?;
        for (column, c) in outputs.iter_mut().zip(out.drain(..)) {
            column[i] = c;
        }
    }
    let all: Vec<Column> = names.iter().zip(&outputs).map(|(n, cells)| series(n, cells).into()).collect();
    Ok(DataFrame::new(frame.height(), all)?)
}

/// Applies a calculator of one input to a series: the frame of its outputs.
///
/// # Errors
/// As [`apply`]; also when the calculator has more than one input that must be there.
pub fn apply_series(calculator: &mut dyn Table, series: &Series) -> Result<DataFrame, FrameError> {
    let needed: Vec<&'static str> = calculator.inputs().iter().filter(|c| !c.optional).map(|c| c.name).collect();
    let name = match needed.as_slice() {
        [one] => *one,
        [_, other, ..] => return Err(FrameError::Missing(other)),
        [] => calculator.inputs().first().map(|c| c.name).unwrap_or_default(),
    };
    let mut one = series.clone();
    one.rename(name.into());
    apply(calculator, &DataFrame::new(one.len(), vec![one.into()])?)
}

fn cell(s: &Series, i: usize) -> Result<Cell, FrameError> {
    Ok(match s.get(i)? {
        AnyValue::Null => Cell::Null,
        AnyValue::Boolean(b) => Cell::Bool(b),
        AnyValue::String(t) => Cell::Str(t.to_owned()),
        AnyValue::StringOwned(t) => Cell::Str(t.to_string()),
        AnyValue::Float64(x) => Cell::F64(x),
        AnyValue::Float32(x) => Cell::F64(f64::from(x)),
        other => match (other.dtype().is_integer(), other.extract::<i64>()) {
            (true, Some(n)) => Cell::I64(n),
            _ => {
                let (column, found) = (s.name().to_string(), other.dtype().to_string());
                return Err(FrameError::Type { column, found });
            }
        },
    })
}

/// A column of outputs: booleans, text or numbers.
fn series(name: &str, cells: &[Cell]) -> Series {
    let filled = || cells.iter().filter(|c| **c != Cell::Null);
    if filled().next().is_some() && filled().all(|c| matches!(c, Cell::Bool(_))) {
        let flag = |c: &Cell| if let Cell::Bool(b) = c { Some(*b) } else { None };
        return Series::new(name.into(), cells.iter().map(flag).collect::<Vec<_>>());
    }
    if filled().any(|c| matches!(c, Cell::Str(_))) {
        let text = |c: &Cell| match c {
            Cell::Str(s) => Some(s.clone()),
            _ => None,
        };
        return Series::new(name.into(), cells.iter().map(text).collect::<Vec<_>>());
    }
    let number = |c: &Cell| match c {
        Cell::F64(x) => Some(*x),
        Cell::I64(n) => Some(*n as f64),
        _ => None,
    };
    Series::new(name.into(), cells.iter().map(number).collect::<Vec<_>>())
}
