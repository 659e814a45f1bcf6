//! Any table as named columns of cells, for `trader apply`: CSV or Parquet in, CSV or Parquet out.

use std::borrow::Cow;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use polars::prelude::{Column, DataFrame, NamedFrom, Series};
use rayon::prelude::*;
use tradewind_core_types::Cell;

use crate::error::{DataError, Problem};
use crate::load::{self, Limit};
use crate::raw::{Cells, RawTable, missing_column, shorten};
use crate::spec::TableFormat;
use crate::store::{parquet_writer, polars_error};
use crate::write::AtomicFile;

/// A table of named columns.
///
/// A CSV column whose filled cells are all numbers holds numbers (whole ones when all are whole), one of `true` and `false` holds those,
/// any other is text: also one in which a number has zeros or a plus before it (`000001`), is beyond what a number can hold exactly, or
/// is `NaN` or `inf`. Empty cells are [`Cell::Null`]. Dates and times of a Parquet file become text.
///
/// ```
/// use tradewind_core_types::Cell;
/// use tradewind_data::Frame;
/// let f = Frame::from_csv("two.csv", b"date,close\n2015-08-24,189.5\n2015-08-25,\n".to_vec())?;
/// assert_eq!(f.names(), ["date", "close"]);
/// assert_eq!(f.cell(0, 1), &Cell::F64(189.5));
/// assert_eq!(f.cell(1, 1), &Cell::Null);
/// assert!(f.position("clsoe").unwrap_err().to_string().contains("did you mean"));
/// # Ok::<(), tradewind_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    file: String,
    names: Vec<String>,
    columns: Vec<Vec<Cell>>,
    rows: usize,
    /// Physical lines of the rows of a text file.
    lines: Option<Vec<u64>>,
    /// Rows of the file before this piece of it.
    first: u64,
    /// The column of times, and these as text of UTC.
    times: Option<(usize, Vec<Cell>)>,
}

impl Frame {
    /// A table of columns of equal length.
    ///
    /// # Errors
    /// When names repeat, or lengths or numbers of columns differ.
    pub fn new(names: Vec<String>, columns: Vec<Vec<Cell>>) -> Result<Self, DataError> {
        let rows = columns.first().map_or(0, Vec::len);
        for (i, n) in names.iter().enumerate() {
            if names.iter().take(i).any(|m| m == n) {
                return Err(DataError::new("table", Problem::DuplicateColumn { column: n.clone() }));
            }
        }
        if let Some(odd) = columns
            .iter()
            .map(Vec::len)
            .chain([if names.len() == columns.len() { rows } else { rows + 1 }])
            .find(|n| *n != rows)
        {
            return Err(DataError::new("table", Problem::Ragged { found: odd, expected: rows }));
        }
        Ok(Self { file: "table".into(), names, columns, rows, lines: None, first: 0, times: None })
    }

    /// Reads a CSV (plain or gzipped) or Parquet file.
    ///
    /// # Errors
    /// When it cannot be opened or is not such a file.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let format = load::format_of(path, None)?;
        if format == TableFormat::Jsonl {
            return Err(DataError::new(path.display().to_string(), Problem::UnknownFormat));
        }
        Self::from_raw(&RawTable::read(
            path,
            load::bytes_of(path, Limit::default())?,
            format,
            Limit::default(),
            |_| Ok(None),
        )?)
    }

    /// Reads CSV text; `name` stands for the file in errors.
    ///
    /// # Errors
    /// When it is not CSV.
    pub fn from_csv(name: &str, bytes: Vec<u8>) -> Result<Self, DataError> {
        Self::from_raw(&RawTable::read(Path::new(name), bytes, TableFormat::Csv, Limit::default(), |_| Ok(None))?)
    }

    fn from_raw(raw: &RawTable) -> Result<Self, DataError> {
        Self::from_piece(raw, &mut vec![Typed::default(); raw.columns.len()])
    }

    /// A table whose text columns hold what `types` says; those of which it says nothing are entered there.
    pub(crate) fn from_piece(raw: &RawTable, types: &mut [Typed]) -> Result<Self, DataError> {
        for (name, cells) in raw.names.iter().zip(&raw.columns) {
            if let Cells::Other(found) = cells {
                let problem =
                    Problem::ColumnType { found: found.clone(), expected: "numbers, text, true or false, or times" };
                return Err(DataError::new(&*raw.file, problem).in_column(name.as_str()));
            }
        }
        for (t, cells) in types.iter_mut().zip(&raw.columns) {
            if t.holds.is_none() && matches!(cells, Cells::Text(_)) {
                t.holds = CellType::of_text(cells, raw.rows);
            }
        }
        let given: Vec<Typed> = types.to_vec();
        let all: Vec<Result<Vec<Cell>, usize>> =
            raw.columns.par_iter().zip(&given).map(|(c, t)| convert(c, raw.rows, t.holds)).collect();
        let mut columns = Vec::with_capacity(all.len());
        for (i, column) in all.into_iter().enumerate() {
            columns.push(column.map_err(|row| {
                let found = raw.columns.get(i).and_then(|c| c.text(row)).map(shorten).unwrap_or_default();
                let t = given.get(i).copied().unwrap_or_default();
                let held = t.holds.map_or("text", CellType::as_str);
                let why = format!("{found:?} is not like the rows before, which hold {held}");
                let problem = if t.asked { Problem::NotANumber { found } } else { Problem::BadRecord { why } };
                raw.error(row, raw.names.get(i).map(String::as_str), problem)
            })?);
        }
        let lines = raw.line_numbers();
        let file = raw.file.to_string();
        Ok(Self { file, names: raw.names.clone(), columns, rows: raw.rows, lines, first: 0, times: None })
    }

    /// With the times of a column, as [`Frame::input`] gives them.
    pub(crate) fn with_times(mut self, column: usize, times: Vec<Cell>) -> Self {
        self.times = Some((column, times));
        self
    }

    /// The same as a piece of a file: after so many of its rows and physical lines.
    pub(crate) fn placed(mut self, rows: u64, lines: u64) -> Self {
        self.first = rows;
        self.lines.iter_mut().flatten().for_each(|l| *l += lines);
        self
    }

    /// Names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }
    /// Position of a column.
    ///
    /// # Errors
    /// When there is none of that name, with the closest one.
    pub fn position(&self, name: &str) -> Result<usize, DataError> {
        self.names.iter().position(|n| n == name).ok_or_else(|| missing_column(&self.file, &self.names, name))
    }
    /// A cell; `Null` outside the table.
    #[inline]
    pub fn cell(&self, row: usize, column: usize) -> &Cell {
        self.columns.get(column).and_then(|c| c.get(row)).unwrap_or(&Cell::Null)
    }
    /// A cell as a calculator takes it: a time is text of UTC when the reader was told which column holds times.
    #[inline]
    pub fn input(&self, row: usize, column: usize) -> &Cell {
        match &self.times {
            Some((at, times)) if *at == column => times.get(row).unwrap_or(&Cell::Null),
            _ => self.cell(row, column),
        }
    }
    /// A column's cells.
    pub fn column(&self, position: usize) -> &[Cell] {
        self.columns.get(position).map_or(&[], Vec::as_slice)
    }
    /// An error at a row (counted from 0) and column of this table, for whoever finds a cell unusable.
    pub fn error(&self, row: usize, column: Option<&str>, why: impl Into<String>) -> DataError {
        let e = DataError::new(self.file.as_str(), Problem::BadRecord { why: why.into() })
            .at_row(self.first + row as u64 + 1)
            .at_line(self.lines.as_ref().and_then(|l| l.get(row).copied()));
        match column {
            Some(c) => e.in_column(c),
            None => e,
        }
    }
    /// A column of numbers; empty cells are none.
    ///
    /// # Errors
    /// When there is no such column, or a cell is not a finite number.
    pub fn numbers(&self, name: &str) -> Result<Vec<Option<f64>>, DataError> {
        let column = self.column(self.position(name)?);
        let bad = |row, problem| {
            Err(DataError::new(self.file.as_str(), problem)
                .at_row(self.first + row as u64 + 1)
                .at_line(self.lines.as_ref().and_then(|l| l.get(row).copied()))
                .in_column(name))
        };
        column
            .iter()
            .enumerate()
            .map(|(row, c)| match c {
                Cell::Null => Ok(None),
                Cell::F64(x) if !x.is_finite() => bad(row, Problem::NotFinite { found: x.to_string() }),
                Cell::F64(x) => Ok(Some(*x)),
                Cell::I64(x) => Ok(Some(*x as f64)),
                Cell::Bool(x) => bad(row, Problem::NotANumber { found: x.to_string() }),
                Cell::Str(s) => match s.parse::<f64>() {
                    Ok(x) if x.is_finite() => Ok(Some(x)),
                    Ok(x) => bad(row, Problem::NotFinite { found: x.to_string() }),
                    Err(_) => bad(row, Problem::NotANumber { found: shorten(s) }),
                },
            })
            .collect()
    }

    /// Writes the table as CSV or Parquet, by the name. The file appears whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), DataError> {
        let name = path.display().to_string();
        match load::format_of(path, None)? {
            TableFormat::Csv if !name.ends_with(".gz") => self.write_csv(path),
            TableFormat::Parquet => self.write_parquet(path),
            _ => Err(DataError::new(name, Problem::UnknownFormat)),
        }
    }

    fn write_csv(&self, path: &Path) -> Result<(), DataError> {
        let file = AtomicFile::create(path)?;
        let mut out = BufWriter::with_capacity(1 << 20, file.handle()?);
        let mut all = || -> std::io::Result<()> {
            let header: Vec<Cow<'_, str>> = self.names.iter().map(|n| quoted(n)).collect();
            writeln!(out, "{}", header.join(","))?;
            (0..self.rows).try_for_each(|row| write_row(&mut out, &self.columns, row))?;
            out.flush()
        };
        all().map_err(|e| DataError::io(path, "write the file", &e))?;
        file.commit()
    }

    fn write_parquet(&self, path: &Path) -> Result<(), DataError> {
        let name = path.display().to_string();
        let columns: Vec<Column> =
            self.names.iter().zip(&self.columns).map(|(n, c)| series(n, c, CellType::of(c)).into()).collect();
        let mut frame = DataFrame::new(self.rows, columns).map_err(|e| polars_error(&name, &e))?;
        let file = AtomicFile::create(path)?;
        parquet_writer(file.handle()?).finish(&mut frame).map_err(|e| polars_error(&name, &e))?;
        file.commit()
    }
}

/// What the filled cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellType {
    /// Whole numbers of 64 bits.
    Whole,
    /// Numbers.
    Number,
    /// True and false.
    Bool,
    /// Text.
    Text,
}

/// What a column of text holds, once it is known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Typed {
    pub(crate) holds: Option<CellType>,
    /// Whether somebody asked for it, rather than the first piece having it.
    pub(crate) asked: bool,
}

impl CellType {
    /// Of cells: whole numbers, numbers (also when there is nothing), booleans, or else text.
    pub(crate) fn of(cells: &[Cell]) -> Self {
        let filled = || cells.iter().filter(|c| **c != Cell::Null);
        if filled().next().is_some() && filled().all(|c| matches!(c, Cell::I64(_))) {
            Self::Whole
        } else if filled().all(|c| matches!(c, Cell::I64(_) | Cell::F64(_))) {
            Self::Number
        } else if filled().all(|c| matches!(c, Cell::Bool(_))) {
            Self::Bool
        } else {
            Self::Text
        }
    }
    /// Whether a column of this type can hold a cell.
    pub(crate) fn holds(self, c: &Cell) -> bool {
        match (self, c) {
            (_, Cell::Null) | (Self::Text, _) => true,
            (Self::Whole, c) => matches!(c, Cell::I64(_)),
            (Self::Number, c) => matches!(c, Cell::I64(_) | Cell::F64(_)),
            (Self::Bool, c) => matches!(c, Cell::Bool(_)),
        }
    }
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole numbers",
            Self::Number => "numbers",
            Self::Bool => "true and false",
            Self::Text => "text",
        }
    }
    /// Of text cells; nothing when all are empty.
    fn of_text(cells: &Cells, rows: usize) -> Option<Self> {
        let filled = || (0..rows).filter_map(|row| cells.text(row));
        filled().next()?;
        Some(if filled().all(is_whole) {
            Self::Whole
        } else if filled().all(is_number) {
            Self::Number
        } else if filled().all(|s| s == "true" || s == "false") {
            Self::Bool
        } else {
            Self::Text
        })
    }
    /// A text cell as one of this type.
    fn parse(self, s: &str) -> Option<Cell> {
        match self {
            Self::Whole => s.parse().ok().map(Cell::I64).or_else(|| s.parse().ok().map(Cell::F64)),
            Self::Number => s.parse().ok().map(Cell::F64),
            Self::Bool => s.parse().ok().map(Cell::Bool),
            Self::Text => Some(Cell::Str(s.into())),
        }
    }
}

/// Whether a text is a whole number as one writes it: another with the same value is not it.
fn is_whole(s: &str) -> bool {
    let digits = s.strip_prefix('-').unwrap_or(s);
    let plain = digits == "0" || digits.starts_with(|c: char| ('1'..='9').contains(&c));
    plain && s != "-0" && s.parse::<i64>().is_ok()
}

/// Whether a text is a number as one writes it, in digits: no name, and no code with zeros before it.
fn is_number(s: &str) -> bool {
    let digits = s.strip_prefix('-').unwrap_or(s);
    let leads = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let padded = digits.strip_prefix('0').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let fraction = digits.contains(['.', 'e', 'E']);
    leads && !padded && (fraction || is_whole(s) || s == "-0") && s.parse::<f64>().is_ok_and(f64::is_finite)
}

/// A column of a file as cells; of text what `given` says it holds, or else what it looks like. The row of a cell that does not fit otherwise.
fn convert(cells: &Cells, rows: usize, given: Option<CellType>) -> Result<Vec<Cell>, usize> {
    Ok(match cells {
        Cells::Text(_) => {
            let t = given.or_else(|| CellType::of_text(cells, rows)).unwrap_or(CellType::Text);
            let cell = |row| cells.text(row).map_or(Ok(Cell::Null), |s| t.parse(s).ok_or(row));
            return (0..rows).map(cell).collect();
        }
        Cells::Float(c) => c.iter().map(|x| x.map_or(Cell::Null, Cell::F64)).collect(),
        Cells::Int(c) => c.iter().map(|x| x.map_or(Cell::Null, Cell::I64)).collect(),
        Cells::Bool(c) => c.iter().map(|x| x.map_or(Cell::Null, Cell::Bool)).collect(),
        Cells::Time(stamps) => (0..rows).map(|row| stamps.text(row).map_or(Cell::Null, Cell::Str)).collect(),
        Cells::Date(_) => (0..rows).map(|r| cells.label(r).map_or(Cell::Null, |s| Cell::Str(s.into_owned()))).collect(),
        Cells::Other(_) => vec![Cell::Null; rows],
    })
}

/// A column for Parquet.
pub(crate) fn series(name: &str, cells: &[Cell], t: CellType) -> Series {
    let name = name.into();
    match t {
        CellType::Whole => {
            let whole = |c: &Cell| if let Cell::I64(x) = c { Some(*x) } else { None };
            Series::new(name, cells.iter().map(whole).collect::<Vec<_>>())
        }
        CellType::Number => {
            let number = |c: &Cell| match c {
                Cell::F64(x) => Some(*x),
                Cell::I64(x) => Some(*x as f64),
                _ => None,
            };
            Series::new(name, cells.iter().map(number).collect::<Vec<_>>())
        }
        CellType::Bool => {
            let flag = |c: &Cell| if let Cell::Bool(x) = c { Some(*x) } else { None };
            Series::new(name, cells.iter().map(flag).collect::<Vec<_>>())
        }
        CellType::Text => {
            let text = |c: &Cell| match c {
                Cell::Null => None,
                Cell::Str(s) => Some(s.clone()),
                Cell::F64(x) => Some(format!("{x:?}")),
                Cell::I64(x) => Some(x.to_string()),
                Cell::Bool(x) => Some(x.to_string()),
            };
            Series::new(name, cells.iter().map(text).collect::<Vec<_>>())
        }
    }
}

/// One row as a line of CSV.
pub(crate) fn write_row(out: &mut impl std::io::Write, columns: &[Vec<Cell>], row: usize) -> std::io::Result<()> {
    for (i, column) in columns.iter().enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        match column.get(row).unwrap_or(&Cell::Null) {
            // A blank line would not read back.
            Cell::Null if columns.len() == 1 => out.write_all(b"\"\"")?,
            Cell::Null => {}
            // Debug gives the shortest text that reads back as the same number.
            Cell::F64(x) => write!(out, "{x:?}")?,
            Cell::I64(x) => write!(out, "{x}")?,
            Cell::Bool(x) => write!(out, "{x}")?,
            Cell::Str(s) => out.write_all(quoted(s).as_bytes())?,
        }
    }
    out.write_all(b"\n")
}

/// A CSV cell, quoted where it must be.
pub(crate) fn quoted(s: &str) -> Cow<'_, str> {
    if s.contains(['"', ',', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", s.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(s)
    }
}
