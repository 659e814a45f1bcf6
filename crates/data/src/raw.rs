//! A file as columns of cells, through polars: CSV cells stay text, so that errors can quote them; Parquet keeps its types.

use std::borrow::Cow;
use std::fs::File;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use polars::io::mmap::MmapBytesReader;
use polars::prelude::{
    ArrowDataType, BooleanChunked, Column, CsvReadOptions, DataFrame, DataType, Float64Chunked, Int32Chunked,
    Int64Chunked, ParquetReader, PolarsError, SerReader, StringChunked,
};
use rayon::prelude::*;
use tradewind_core_types::{Side, did_you_mean};

use crate::csv::{self, Lines};
use crate::error::{DataError, Problem};
use crate::guard::guarded;
use crate::load::{self, Limit};
use crate::spec::TableFormat;
use crate::stamps::{Stamps, time_zone};

/// The cells of one column.
#[derive(Debug)]
pub(crate) enum Cells {
    Text(StringChunked),
    Float(Float64Chunked),
    Int(Int64Chunked),
    Bool(BooleanChunked),
    /// Days since 1970.
    Date(Int32Chunked),
    Time(Stamps),
    /// Of a type that no field has.
    Other(String),
}

/// A file read, not yet understood.
#[derive(Debug)]
pub(crate) struct RawTable {
    pub(crate) file: Arc<str>,
    pub(crate) names: Vec<String>,
    pub(crate) columns: Vec<Cells>,
    pub(crate) rows: usize,
    lines: Option<Lines>,
}

impl RawTable {
    /// Reads a table; only the columns that `wanted` keeps, given all names (`None` keeps all).
    pub(crate) fn read(
        file: &Path,
        bytes: Vec<u8>,
        format: TableFormat,
        limit: Limit,
        wanted: impl Fn(&[String]) -> Result<Option<Vec<String>>, DataError>,
    ) -> Result<Self, DataError> {
        let name = file.display().to_string();
        if bytes.is_empty() {
            return Err(DataError::new(name, Problem::Empty));
        }
        match format {
            TableFormat::Parquet => Self::parquet(&name, bytes, limit, wanted),
            _ => Self::csv(&name, load::gunzip(&name, bytes, limit)?, wanted),
        }
    }

    /// A CSV text, whatever the file's name says of compression.
    pub(crate) fn csv(
        file: &str,
        bytes: Vec<u8>,
        wanted: impl Fn(&[String]) -> Result<Option<Vec<String>>, DataError>,
    ) -> Result<Self, DataError> {
        let mut text = load::text(file, bytes)?;
        text.truncate(text.trim_end_matches(['\n', '\r', ' ', '\t']).len());
        if text.is_empty() {
            return Err(DataError::new(file, Problem::Empty));
        }
        let shape = csv::scan(file, text.as_bytes())?;
        if shape.rows == 0 {
            return Err(DataError::new(file, Problem::NoRows));
        }
        let keep = wanted(&shape.header)?;
        let positions: Vec<usize> = (0..shape.header.len())
            .filter(|i| keep.as_ref().is_none_or(|k| shape.header.get(*i).is_some_and(|h| k.contains(h))))
            .collect();
        // The header is read above; polars gets the rows only, so that its own header rules do not matter.
        let body = text.split_off(shape.body);
        let options = CsvReadOptions::default()
            .with_has_header(false)
            .with_infer_schema_length(Some(0))
            .with_schema(Some(Arc::new(
                (0..shape.header.len()).map(|i| (format!("column_{}", i + 1).into(), DataType::String)).collect(),
            )))
            .with_projection(Some(Arc::new(positions.clone())));
        let frame = guarded(|| options.into_reader_with_file_handle(Cursor::new(body)).finish())
            .map_err(|why| DataError::new(file, Problem::Csv { why }))?;
        if frame.height() != shape.rows || frame.width() != positions.len() {
            let why = format!("it saw {} rows of {} columns, expected {}", frame.height(), frame.width(), shape.rows);
            return Err(DataError::new(file, Problem::Csv { why }));
        }
        let names = positions.iter().filter_map(|i| shape.header.get(*i).cloned()).collect();
        Ok(Self::from_frame(file, names, &frame, Some(shape.lines)))
    }

    fn parquet(
        file: &str,
        bytes: Vec<u8>,
        limit: Limit,
        wanted: impl Fn(&[String]) -> Result<Option<Vec<String>>, DataError>,
    ) -> Result<Self, DataError> {
        let bad = |why: String| DataError::new(file, Problem::NotParquet { why });
        if !bytes.starts_with(b"PAR1") || !bytes.ends_with(b"PAR1") || bytes.len() < 12 {
            return Err(bad("it does not begin and end with PAR1".into()));
        }
        Self::parquet_from(file, ParquetReader::new(Cursor::new(bytes)), Some(limit), wanted)
    }

    /// Some rows of a Parquet file.
    pub(crate) fn read_slice(path: &Path, file: File, offset: usize, rows: usize) -> Result<Self, DataError> {
        let reader = ParquetReader::new(file).with_slice(Some((offset, rows)));
        Self::parquet_from(&path.display().to_string(), reader, None, |_| Ok(None))
    }

    fn parquet_from<R: MmapBytesReader>(
        file: &str,
        mut reader: ParquetReader<R>,
        limit: Option<Limit>,
        wanted: impl Fn(&[String]) -> Result<Option<Vec<String>>, DataError>,
    ) -> Result<Self, DataError> {
        let bad = |why: String| DataError::new(file, Problem::NotParquet { why });
        let schema = guarded(|| reader.schema()).map_err(bad)?;
        let names: Vec<String> = schema.iter_names().map(ToString::to_string).collect();
        let keep = wanted(&names)?.unwrap_or_else(|| names.clone());
        let names: Vec<String> = names.into_iter().filter(|n| keep.contains(n)).collect();
        for field in schema.iter_values().filter(|f| names.iter().any(|n| f.name == n.as_str())) {
            if !readable(&field.dtype) {
                let found = format!("values of type {:?}", field.dtype);
                let problem = Problem::ColumnType { found, expected: "plain numbers, text, dates, times or booleans" };
                return Err(DataError::new(file, problem).in_column(field.name.as_str()));
            }
        }
        if let Some(limit) = limit {
            // A page may say "the same value, a billion times": what counts is how many cells there are.
            let rows = guarded(|| reader.num_rows()).map_err(bad)?;
            if rows.saturating_mul(names.len()).saturating_mul(8) as u64 > limit.bytes() {
                return Err(limit.exceeded(file, " when unpacked"));
            }
        }
        let frame = guarded(|| reader.with_columns(Some(names.clone())).finish()).map_err(bad)?;
        if frame.height() == 0 {
            return Err(DataError::new(file, Problem::NoRows));
        }
        Ok(Self::from_frame(file, names, &frame, None))
    }

    fn from_frame(file: &str, names: Vec<String>, frame: &DataFrame, lines: Option<Lines>) -> Self {
        let columns = frame.columns().par_iter().map(cells).collect();
        Self { file: file.into(), names, columns, rows: frame.height(), lines }
    }

    /// Position of a column.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }
    /// The physical lines of all rows of a text file.
    pub(crate) fn line_numbers(&self) -> Option<Vec<u64>> {
        self.lines.as_ref().map(|l| (0..self.rows).map(|row| l.of_row(row)).collect())
    }
    /// The cells at a position.
    pub(crate) fn cells(&self, position: usize) -> &Cells {
        const NONE: &Cells = &Cells::Other(String::new());
        self.columns.get(position).unwrap_or(NONE)
    }
    /// A problem of a row (counted from 0) in a column.
    pub(crate) fn error(&self, row: usize, column: Option<&str>, problem: Problem) -> DataError {
        let e = DataError::new(&*self.file, problem)
            .at_row(row as u64 + 1)
            .at_line(self.lines.as_ref().map(|l| l.of_row(row)));
        match column {
            Some(c) => e.in_column(c),
            None => e,
        }
    }
}

/// Whether a column of this type can be read: polars is built for these only, and panics on others.
fn readable(t: &ArrowDataType) -> bool {
    use ArrowDataType::{
        Boolean, Date32, Float32, Float64, Int32, Int64, LargeUtf8, Null, Timestamp, UInt32, UInt64, Utf8, Utf8View,
    };
    matches!(
        t,
        Boolean
            | Date32
            | Float32
            | Float64
            | Int32
            | Int64
            | LargeUtf8
            | Null
            | Timestamp(..)
            | UInt32
            | UInt64
            | Utf8
            | Utf8View
    )
}

/// The error for a column that is not there.
pub(crate) fn missing_column(file: &str, names: &[String], column: &str) -> DataError {
    let hint = did_you_mean(column, names.iter().map(String::as_str));
    DataError::new(file, Problem::MissingColumn { column: column.into(), hint })
}

/// The typed cells of a polars column, in one chunk.
fn cells(column: &Column) -> Cells {
    let series = column.as_materialized_series().rechunk();
    let other = || Cells::Other(format!("values of type {}", series.dtype()));
    let read = || -> Result<Cells, PolarsError> {
        Ok(match series.dtype() {
            DataType::String => Cells::Text(series.str()?.clone()),
            DataType::Float64 => Cells::Float(series.f64()?.clone()),
            DataType::Float32 => Cells::Float(series.cast(&DataType::Float64)?.f64()?.clone()),
            DataType::Int64 => Cells::Int(series.i64()?.clone()),
            t if t.is_integer() => Cells::Int(series.strict_cast(&DataType::Int64)?.i64()?.clone()),
            DataType::Boolean => Cells::Bool(series.bool()?.clone()),
            DataType::Date => Cells::Date(series.date()?.physical().clone()),
            DataType::Datetime(unit, zone) => {
                let zone = zone.as_ref().map(|z| time_zone(z.as_str()));
                Cells::Time(Stamps::new(series.datetime()?.physical().clone(), *unit, zone))
            }
            _ => other(),
        })
    };
    read().unwrap_or_else(|_| other())
}

impl Cells {
    /// The text of a text cell, trimmed; empty cells are none.
    #[inline]
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        match self {
            Cells::Text(c) => c.get(row).map(str::trim).filter(|s| !s.is_empty()),
            _ => None,
        }
    }
    /// Whether a cell holds nothing.
    pub(crate) fn is_empty(&self, row: usize) -> bool {
        match self {
            Cells::Text(_) => self.text(row).is_none(),
            Cells::Float(c) => c.get(row).is_none(),
            Cells::Int(c) => c.get(row).is_none(),
            Cells::Bool(c) => c.get(row).is_none(),
            Cells::Date(c) => c.get(row).is_none(),
            Cells::Time(s) => matches!(s.get(row), Ok(None)),
            Cells::Other(_) => true,
        }
    }
    /// All numbers, when none is missing and none needs parsing.
    pub(crate) fn dense(&self) -> Option<&[f64]> {
        match self {
            Cells::Float(c) => c.cont_slice().ok(),
            _ => None,
        }
    }
    /// A number.
    #[inline]
    pub(crate) fn number(&self, row: usize) -> Result<Option<f64>, Problem> {
        let x = match self {
            Cells::Float(c) => c.get(row),
            Cells::Text(_) => match self.text(row) {
                Some(s) => Some(s.parse().map_err(|_| Problem::NotANumber { found: shorten(s) })?),
                None => None,
            },
            Cells::Int(c) => c.get(row).map(|v| v as f64),
            _ => return Err(Problem::ColumnType { found: self.found(), expected: "numbers" }),
        };
        match x {
            Some(v) if !v.is_finite() => Err(Problem::NotFinite { found: v.to_string() }),
            x => Ok(x),
        }
    }
    /// True or false; trades may name the aggressor's side.
    pub(crate) fn boolean(&self, row: usize) -> Result<Option<bool>, Problem> {
        match self {
            Cells::Bool(c) => Ok(c.get(row)),
            Cells::Int(c) => match c.get(row) {
                None => Ok(None),
                Some(1) => Ok(Some(true)),
                Some(0) => Ok(Some(false)),
                Some(v) => Err(Problem::NotABool { found: v.to_string() }),
            },
            Cells::Float(c) => match c.get(row) {
                None => Ok(None),
                Some(1.0) => Ok(Some(true)),
                Some(0.0) => Ok(Some(false)),
                Some(v) => Err(Problem::NotABool { found: v.to_string() }),
            },
            Cells::Text(_) => match self.text(row) {
                None => Ok(None),
                Some(s) => match s.to_ascii_lowercase().as_str() {
                    "true" | "1" | "buy" | "b" => Ok(Some(true)),
                    "false" | "0" | "sell" | "s" => Ok(Some(false)),
                    _ => Err(Problem::NotABool { found: shorten(s) }),
                },
            },
            _ => Err(Problem::ColumnType { found: self.found(), expected: "true or false" }),
        }
    }
    /// Who began a trade: 1 the buyer, -1 the seller, 0 not known.
    pub(crate) fn side(&self, row: usize) -> Result<i8, Problem> {
        let read = match self {
            Cells::Text(_) => self.text(row).map_or(Ok(None), Side::of_trade),
            Cells::Int(c) => c.get(row).map_or(Ok(None), |n| Side::of_number(n as f64)),
            Cells::Float(c) => c.get(row).map_or(Ok(None), Side::of_number),
            Cells::Bool(c) => Ok(c.get(row).map(|buyer| if buyer { Side::Buy } else { Side::Sell })),
            _ => return Err(Problem::ColumnType { found: self.found(), expected: "who began a trade" }),
        };
        match read {
            Ok(side) => Ok(side.map_or(0, |s| if s == Side::Buy { 1 } else { -1 })),
            Err(e) => Err(Problem::NotASide { found: shorten(&e.found), expected: e.expected }),
        }
    }
    /// The value as text, whatever its type.
    pub(crate) fn label(&self, row: usize) -> Option<Cow<'_, str>> {
        match self {
            Cells::Text(_) => self.text(row).map(Cow::Borrowed),
            Cells::Int(c) => c.get(row).map(|v| Cow::Owned(v.to_string())),
            Cells::Float(c) => c.get(row).map(|v| Cow::Owned(v.to_string())),
            Cells::Bool(c) => c.get(row).map(|v| Cow::Owned(v.to_string())),
            Cells::Date(c) => c.get(row).map(|v| Cow::Owned(crate::clock::date_of_days(v).to_string())),
            _ => None,
        }
    }
    /// What the column holds, for messages.
    pub(crate) fn found(&self) -> String {
        match self {
            Cells::Text(_) => "text".into(),
            Cells::Float(_) | Cells::Int(_) => "numbers".into(),
            Cells::Bool(_) => "true or false".into(),
            Cells::Date(_) => "dates".into(),
            Cells::Time(_) => "times".into(),
            Cells::Other(what) => what.clone(),
        }
    }
}

/// Long garbage makes no message better.
pub(crate) fn shorten(s: &str) -> String {
    match s.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", s.get(..at).unwrap_or_default()),
        None => s.to_owned(),
    }
}
