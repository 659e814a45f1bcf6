//! What can be wrong with data: always which file, where in it, what was expected and what to do.

use std::fmt;
use std::path::Path;

use tradewind_core_types::{Invalid, Time};

/// Something about a file that cannot be used.
///
/// `Display` gives one line: file, row, physical line, column, what is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub struct DataError(Box<Inner>);

#[derive(Debug, Clone, PartialEq)]
struct Inner {
    file: String,
    row: Option<u64>,
    line: Option<u64>,
    column: Option<String>,
    problem: Problem,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what it and its fields are")]
pub enum Problem {
    #[error("no such file{hint}")]
    NotFound { hint: String },
    #[error("this is a directory: give a file in it{hint}")]
    IsDirectory { hint: String },
    #[error("not a regular file: only files on a disk are read")]
    NotRegular,
    #[error("larger than {megabytes} MB{unpacked}: set `max_megabytes` if that is meant, or split the file")]
    TooLarge { megabytes: u32, unpacked: &'static str },
    #[error("cannot {action}: {why}")]
    Io { action: &'static str, why: String },
    #[error("cannot tell the format from the name: expected .csv, .csv.gz, .parquet or .jsonl, or set `format`")]
    UnknownFormat,
    #[error("the file is empty: expected a header line and at least one row")]
    Empty,
    #[error("there is no data row: expected at least one")]
    NoRows,
    #[error("gzip data end too early after {bytes} bytes of text: the file is truncated, fetch it again")]
    TruncatedGzip { bytes: usize },
    #[error("not valid gzip ({why}): decompress or rename the file")]
    BadGzip { why: String },
    #[error("not valid UTF-8 at byte {byte}: save the file as UTF-8")]
    NotUtf8 { byte: usize },
    #[error("not a Parquet file ({why}): check that the download is complete and that the name fits the content")]
    NotParquet { why: String },
    #[error("the CSV reader failed ({why})")]
    Csv { why: String },
    #[error("the header has no comma, but {found:?}: save the file comma-separated, with decimal points")]
    Separator { found: char },
    #[error("a record is longer than {megabytes} MB: is this a table?")]
    LongRecord { megabytes: usize },
    #[error("there is no column {column:?}{hint}")]
    MissingColumn { column: String, hint: String },
    #[error("two columns are named {column:?}: rename one")]
    DuplicateColumn { column: String },
    #[error("the column at position {position} has no name: name it in the header")]
    UnnamedColumn { position: usize },
    #[error("the column holds {found}: expected {expected}")]
    ColumnType { found: String, expected: &'static str },
    #[error("the row has {found} cells: expected {expected}, as in the header")]
    Ragged { found: usize, expected: usize },
    #[error("blank line: remove it")]
    BlankLine,
    #[error("a quoted cell is not closed, or goes on after its closing quote: double the quotes within the cell")]
    BadQuote,
    #[error("{found:?} is not a number: expected a decimal number such as 187.27, without thousands separators")]
    NotANumber { found: String },
    #[error("{found} is not finite: leave the cell empty when the value is not known")]
    NotFinite { found: String },
    #[error("{found} is not above zero: expected 0 < {what} <= 1e9")]
    NotPositive { what: &'static str, found: String },
    #[error("{found} is negative: expected {what} >= 0")]
    Negative { what: &'static str, found: String },
    #[error("{found} is out of range: expected {expected}")]
    OutOfRange { found: String, expected: &'static str },
    #[error("the cell is empty: expected a value (set `on_missing = \"skip\"` to leave such rows out and count them)")]
    MissingValue,
    #[error("{found:?} is not true or false: expected true, false, 1, 0, buy or sell")]
    NotABool { found: String },
    #[error("{found:?} does not say who began a trade: expected {expected}")]
    NotASide { found: String, expected: String },
    #[error(
        "bar out of order: high {high}, low {low}, open {open}, close {close}: expected low <= open, close <= high"
    )]
    BarOrder { open: String, high: String, low: String, close: String },
    #[error("{found:?} is not a time: expected 2015-08-24, or 2015-08-24T15:59:00-04:00, or set `epoch` for numbers")]
    NotATime { found: String },
    #[error(
        "time zone missing in {found:?}: add an offset (…T15:59:00-04:00), set `timezone`, or `midnight_is_date` when these are dates"
    )]
    TimeZoneMissing { found: String },
    #[error("{found:?} does not exist or exists twice in {zone}, where clocks change then: give times with an offset")]
    AmbiguousTime { found: String, zone: String },
    #[error("{date} is not a trading session ({why}): {next} (`skip_holidays` leaves such rows out)")]
    NotASession { date: String, why: String, next: String },
    #[error("{found} is outside the years 1677 to 2262, which times can have")]
    TimeRange { found: String },
    #[error("{found} is a number: set `epoch` to its unit since 1970, such as \"{unit}\", by which it is {means}")]
    EpochMissing { found: i64, unit: &'static str, means: String },
    #[error("{found} {unit} since 1970 is {means}: set `epoch` to \"{better}\" if {then} is meant")]
    WrongEpoch { found: i64, unit: &'static str, means: String, better: &'static str, then: String },
    #[error(
        "a daily bar stamped {at} New York, before its session's close at {close}, as all of the file: known then, it would be known too early; \
         set `daily = true` if the dates count (known at their session's close), `daily = false` if the times do"
    )]
    EarlyDaily { at: String, close: String },
    #[error("{date} is outside the calendar, which covers {from} to {to}")]
    OutsideCalendar { date: String, from: String, to: String },
    #[error("{symbol} has a second row for {time}: remove one of them")]
    Duplicate { symbol: String, time: Time },
    #[error("time goes backwards for {symbol}: {time} after {previous}: sort the file by time")]
    Backward { symbol: String, time: Time, previous: Time },
    #[error(
        "{symbol} has {what} on {date} here and in {other}: leave one out (`symbols`, `from`, `to`), or set `on_overlap` to \"first\" or \"last\""
    )]
    Overlap { symbol: String, what: &'static str, date: String, other: String },
    #[error("unknown symbol {symbol:?}{hint}")]
    UnknownSymbol { symbol: String, hint: String },
    #[error("{found:?} is not a symbol: expected {expected}, or set `rename`")]
    BadSymbol { found: String, expected: String },
    #[error("no data between {from} and {to}: the file holds {first} to {last}")]
    NoDataInRange { from: String, to: String, first: String, last: String },
    #[error("no value in the whole file: every cell of the symbols asked for is empty")]
    NoValues,
    #[error(
        "{found:?} is not a kind of corporate action: expected split, dividend, delisting, symbol_change, halt or resume"
    )]
    BadAction { found: String },
    #[error("value {found:?} does not fit a {kind}: expected {expected}")]
    BadActionValue { kind: &'static str, found: String, expected: &'static str },
    #[error("not a valid record: {why}")]
    BadRecord { why: String },
    #[error("{}", .0.to_string().replace('\n', "; "))]
    Config(Invalid),
}

impl Problem {
    /// A short name of the kind of problem, for counting: `not_a_number`, `duplicate`, ...
    pub fn kind(&self) -> String {
        // The variant's name as derived Debug writes it, in snake case.
        let debug = format!("{self:?}");
        let name = debug.split([' ', '(', '{']).next().unwrap_or_default();
        let mut out = String::with_capacity(name.len() + 4);
        for (i, c) in name.char_indices() {
            if c.is_ascii_uppercase() && i > 0 {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        }
        out
    }
}

impl DataError {
    /// A problem with a file as a whole.
    pub fn new(file: impl Into<String>, problem: Problem) -> Self {
        Self(Box::new(Inner { file: file.into(), row: None, line: None, column: None, problem }))
    }
    /// At this data row, counted from 1.
    #[must_use]
    pub fn at_row(mut self, row: u64) -> Self {
        self.0.row = Some(row);
        self
    }
    /// At this physical line, counted from 1 with the header.
    #[must_use]
    pub fn at_line(mut self, line: impl Into<Option<u64>>) -> Self {
        self.0.line = line.into();
        self
    }
    /// In this column.
    #[must_use]
    pub fn in_column(mut self, column: impl Into<String>) -> Self {
        self.0.column = Some(column.into());
        self
    }
    /// The file.
    pub fn file(&self) -> &str {
        &self.0.file
    }
    /// The data row, counted from 1.
    pub fn row(&self) -> Option<u64> {
        self.0.row
    }
    /// The physical line of a text file, counted from 1.
    pub fn line(&self) -> Option<u64> {
        self.0.line
    }
    /// The column.
    pub fn column(&self) -> Option<&str> {
        self.0.column.as_deref()
    }
    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }
    /// The same within a file of which so many rows, lines and bytes come before.
    pub(crate) fn shifted(mut self, rows: u64, lines: u64, bytes: usize) -> Self {
        let e = &mut self.0;
        e.row = e.row.map(|r| r + rows);
        // Line 1 is the header, of which there is only one.
        e.line = e.line.map(|l| if l > 1 { l + lines } else { l });
        if let Problem::NotUtf8 { byte } = &mut e.problem {
            *byte += bytes;
        }
        self
    }
    pub(crate) fn io(path: &Path, action: &'static str, e: &std::io::Error) -> Self {
        Self::new(path.display().to_string(), Problem::Io { action, why: e.to_string() })
    }
    pub(crate) fn config(file: impl Into<String>, bad: Invalid) -> Self {
        Self::new(file, Problem::Config(bad))
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.file)?;
        match (self.0.row, self.0.line) {
            (Some(row), Some(line)) => write!(f, ", row {row} (line {line})")?,
            (Some(row), None) => write!(f, ", row {row}")?,
            (None, Some(line)) => write!(f, ", line {line}")?,
            (None, None) => {}
        }
        if let Some(c) = &self.0.column {
            write!(f, ", column {c:?}")?;
        }
        write!(f, ": {}", self.0.problem)
    }
}

impl std::error::Error for DataError {}
