//! Tables in pieces, for files larger than memory: read, and written as they are made.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{Column, DataFrame, DataType, ParquetReader, Schema, SerReader as _};
use rayon::prelude::*;
use tradewind_core_types::{Cell, Time};

use crate::clock::Clock;
use crate::csv;
use crate::error::{DataError, Problem};
use crate::frame::{CellType, Frame, Typed, quoted, series, write_row};
use crate::guard::guarded;
use crate::load;
use crate::raw::{Cells, RawTable};
use crate::spec::{EpochUnit, TableFormat};
use crate::store::{parquet_writer, polars_error};
use crate::write::AtomicFile;

/// Rows of a piece of a Parquet file.
const ROWS: usize = 1 << 18;
/// Bytes of a piece of a CSV file, as far as its last record allows.
const BYTES: usize = 1 << 24;

/// Reads a CSV (plain or gzipped) or Parquet file piece by piece, each a [`Frame`].
///
/// What a column of a CSV holds is what [`FrameReader::with_type`] says, or is decided by the first piece (of 16 MiB) in which it holds
/// anything, by the rules of [`Frame`]; a later cell that does not fit is an error with its row. A file of one piece of which nothing is
/// said gives what [`Frame::read`] gives.
pub struct FrameReader {
    file: String,
    names: Vec<String>,
    source: Source,
    types: Vec<Typed>,
    /// The column that holds times, and how they are read.
    clock: Option<(usize, Clock)>,
    /// Rows given so far.
    rows: u64,
}

/// Where the parts of a trade are in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeLayout {
    /// Position of the column of times.
    pub time: usize,
    /// Position of the column of prices.
    pub price: usize,
    /// Position of the column of sizes.
    pub size: usize,
    /// Position of the column that says who began it (`buy` or `sell`, true or false, 1 or 0), when there is one.
    pub side: Option<usize>,
}

/// Trades of a piece in columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TradeColumns {
    /// Nanoseconds since 1970, UTC.
    pub times: Vec<i64>,
    /// Prices.
    pub prices: Vec<f64>,
    /// Sizes.
    pub sizes: Vec<f64>,
    /// 1 where the buyer began it, -1 the seller, 0 not known; none without such a column.
    pub sides: Option<Vec<i8>>,
    /// Where rows without any of these cells were left out: how many trades come before each.
    pub gaps: Vec<usize>,
    /// Rows of the file before these.
    pub first: u64,
}

impl TradeColumns {
    /// The row in the file, counted from 1, of a trade counted from 0.
    pub fn row(&self, trade: usize) -> u64 {
        self.first + (trade + self.gaps.partition_point(|g| *g <= trade)) as u64 + 1
    }
}

enum Source {
    Csv {
        input: Box<dyn BufRead + Send>,
        header: Vec<u8>,
        pending: Vec<u8>,
        /// Physical lines and bytes before the pending ones.
        lines: u64,
        bytes: usize,
        ended: bool,
    },
    Parquet {
        path: PathBuf,
        total: usize,
    },
}

impl FrameReader {
    /// Opens a file and reads the names of its columns.
    ///
    /// # Errors
    /// When it cannot be opened or is not such a file.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let file = path.display().to_string();
        let format = load::format_of(path, None)?;
        let handle = load::open(path)?;
        let (names, source) = match format {
            TableFormat::Csv => csv_source(&file, handle)?,
            TableFormat::Parquet => {
                let mut reader = ParquetReader::new(handle);
                let bad = |why| DataError::new(file.as_str(), Problem::NotParquet { why });
                let schema = guarded(|| reader.schema()).map_err(bad)?;
                let total = guarded(|| reader.num_rows()).map_err(bad)?;
                if total == 0 {
                    return Err(DataError::new(file, Problem::NoRows));
                }
                let names = schema.iter_names().map(ToString::to_string).collect();
                (names, Source::Parquet { path: path.into(), total })
            }
            TableFormat::Jsonl => return Err(DataError::new(file, Problem::UnknownFormat)),
        };
        let types = vec![Typed::default(); names.len()];
        Ok(Self { file, names, source, types, clock: None, rows: 0 })
    }

    /// Reads a column as times, for [`Frame::input`] and [`FrameReader::next_trades`]: those without an offset are of this zone, such as
    /// `America/New_York`, numbers are in this unit since 1970, and a bare date is its midnight in the zone, or of UTC. Without a zone, times
    /// without an offset are refused; without a unit, numbers that are no nanoseconds.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn with_times(
        mut self,
        column: usize,
        zone: Option<&str>,
        epoch: Option<EpochUnit>,
    ) -> Result<Self, DataError> {
        let clock = Clock::of_instants(zone, epoch).map_err(|bad| DataError::config(self.file.as_str(), bad))?;
        self.clock = Some((column, clock));
        Ok(self)
    }

    /// Reads a column of text as what it is known to hold: a cell that does not fit is an error with its row.
    #[must_use]
    pub fn with_type(mut self, column: usize, holds: CellType) -> Self {
        if let Some(t) = self.types.get_mut(column) {
            *t = Typed { holds: Some(holds), asked: true };
        }
        self
    }

    /// Reads a column of text as what it looks like, as if nothing had been said of it.
    #[must_use]
    pub fn with_guess(mut self, column: usize) -> Self {
        if let Some(t) = self.types.get_mut(column) {
            *t = Typed::default();
        }
        self
    }

    /// Names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }
    /// Position of a column.
    ///
    /// # Errors
    /// When there is none of that name, with the closest one.
    pub fn position(&self, name: &str) -> Result<usize, DataError> {
        self.names
            .iter()
            .position(|n| n == name)
            .ok_or_else(|| crate::raw::missing_column(&self.file, &self.names, name))
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// What is wrong with it, by row of the whole file.
    pub fn next_piece(&mut self) -> Result<Option<Frame>, DataError> {
        let Some((raw, before, lines)) = self.next_raw()? else { return Ok(None) };
        let placed = |e: DataError| e.shifted(before, lines, 0);
        let mut frame = Frame::from_piece(&raw, &mut self.types).map_err(placed)?;
        if let Some((column, clock)) = &self.clock {
            let time = |row| match raw.cells(*column) {
                cells if cells.is_empty(row) => Ok(Cell::Null),
                cells => clock.read(cells, row).map(|t| Cell::Str(t.to_string())),
            };
            let name = self.names.get(*column).map(String::as_str);
            let times = (0..raw.rows).into_par_iter().map(|row| time(row).map_err(|p| raw.error(row, name, p)));
            frame = frame.with_times(*column, times.collect::<Result<_, _>>().map_err(placed)?);
        }
        Ok(Some(frame.placed(before, lines)))
    }

    /// The next piece as trades; `None` at the end. Much faster than cells, above all on Parquet, and of the same values. Rows without any of
    /// a trade's cells are left out.
    ///
    /// # Errors
    /// What is wrong with it, by row of the whole file.
    pub fn next_trades(&mut self, at: TradeLayout) -> Result<Option<TradeColumns>, DataError> {
        let Some((raw, before, lines)) = self.next_raw()? else { return Ok(None) };
        let placed = |e: DataError| e.shifted(before, lines, 0);
        let name = |column: usize| self.names.get(column).map(String::as_str);
        let clock = match &self.clock {
            Some((_, clock)) => clock,
            None => &Clock::of_instants(None, None).map_err(|bad| DataError::config(self.file.as_str(), bad))?,
        };
        let all = [Some(at.time), Some(at.price), Some(at.size), at.side];
        let empty = |row: &usize| all.iter().flatten().all(|c| raw.cells(*c).is_empty(*row));
        let holes: Vec<usize> = (0..raw.rows).into_par_iter().filter(empty).collect();
        let rows: Option<Vec<usize>> = (!holes.is_empty()).then(|| (0..raw.rows).filter(|row| !empty(row)).collect());
        // Without a hole every row counts, and nothing is looked up.
        let count = rows.as_ref().map_or(raw.rows, Vec::len);
        let of = |i: usize| rows.as_ref().map_or(i, |r| r.get(i).copied().unwrap_or(i));
        let cells = raw.cells(at.time);
        let known = match cells {
            Cells::Time(stamps) if stamps.zone().is_some() => stamps.dense(),
            _ => None,
        };
        let times = match known {
            Some(nanos) => nanos.into_owned(),
            None => (0..count)
                .into_par_iter()
                .map(|i| clock.read(cells, of(i)).map(Time::nanos).map_err(|p| raw.error(of(i), name(at.time), p)))
                .collect::<Result<_, _>>()
                .map_err(placed)?,
        };
        let numbers = |column: usize| -> Result<Vec<f64>, DataError> {
            let cells = raw.cells(column);
            if let Some(all) = cells.dense().filter(|all| all.iter().all(|x| x.is_finite())) {
                return Ok(all.to_vec());
            }
            let number = |row| match cells.number(row) {
                Ok(Some(x)) => Ok(x),
                Ok(None) => Err(Problem::NotANumber { found: String::new() }),
                Err(p) => Err(p),
            };
            let all = (0..count).into_par_iter().map(|i| number(of(i)).map_err(|p| raw.error(of(i), name(column), p)));
            all.collect::<Result<_, _>>().map_err(placed)
        };
        let side = |column: usize| -> Result<Vec<i8>, DataError> {
            let one = |i| raw.cells(column).side(of(i)).map_err(|p| raw.error(of(i), name(column), p));
            (0..count).map(one).collect::<Result<_, _>>().map_err(placed)
        };
        let (prices, sizes) = (numbers(at.price)?, numbers(at.size)?);
        let sides = at.side.map(side).transpose()?;
        let gaps = holes.iter().enumerate().map(|(k, row)| row - k).collect();
        Ok(Some(TradeColumns { times, prices, sizes, sides, gaps, first: before }))
    }

    /// The next piece as it is in the file, with the rows and lines before it.
    fn next_raw(&mut self) -> Result<Option<(RawTable, u64, u64)>, DataError> {
        let before = self.rows;
        let (raw, lines) = match &mut self.source {
            Source::Parquet { path, total } => {
                let offset = before as usize;
                let n = ROWS.min(total.saturating_sub(offset));
                if n == 0 {
                    return Ok(None);
                }
                (RawTable::read_slice(path, load::open(path)?, offset, n)?, 0)
            }
            Source::Csv { input, header, pending, lines, bytes, ended } => {
                let io = |e: std::io::Error| unreadable(&self.file, &e);
                while !*ended && pending.len() < BYTES {
                    let want = (BYTES - pending.len()) as u64;
                    *ended = input.by_ref().take(want).read_to_end(pending).map_err(io)? == 0;
                }
                let mut end = if *ended { pending.len() } else { csv::complete(pending) };
                while end == 0 && !*ended {
                    // One record is longer than a piece: read on until it ends.
                    *ended = input.by_ref().take(BYTES as u64).read_to_end(pending).map_err(io)? == 0;
                    end = if *ended { pending.len() } else { csv::complete(pending) };
                }
                let done = *ended && before > 0 && pending.trim_ascii().is_empty();
                if done {
                    return Ok(None);
                }
                let rest = pending.split_off(end);
                let piece = std::mem::replace(pending, rest);
                let (at, offset) = (*lines, *bytes);
                *lines += piece.iter().filter(|b| **b == b'\n').count() as u64;
                *bytes += piece.len();
                let whole = [header.as_slice(), &piece].concat();
                let more = !*ended || !pending.is_empty();
                let read = RawTable::csv(&self.file, whole, |_| Ok(None));
                let raw = read.map_err(|e| e.shifted(before, at, offset))?;
                if more && piece.ends_with(b"\n\n") {
                    let e = DataError::new(self.file.as_str(), Problem::BlankLine);
                    return Err(e.at_row(before + raw.rows as u64 + 1).at_line(*lines));
                }
                (raw, at)
            }
        };
        self.rows += raw.rows as u64;
        Ok(Some((raw, before, lines)))
    }
}

fn unreadable(file: &str, e: &std::io::Error) -> DataError {
    let why = e.to_string();
    let gzip = file.ends_with(".gz");
    DataError::new(file, if gzip { Problem::BadGzip { why } } else { Problem::Io { action: "read the file", why } })
}

/// The header of a CSV, and where its rows begin.
fn csv_source(file: &str, handle: File) -> Result<(Vec<String>, Source), DataError> {
    let io = |e: std::io::Error| unreadable(file, &e);
    let mut plain = BufReader::with_capacity(1 << 20, handle);
    let zipped = plain.fill_buf().map_err(io)?.starts_with(&load::GZIP_MAGIC);
    if file.ends_with(".gz") && !zipped {
        return Err(DataError::new(file, Problem::BadGzip { why: "the file does not begin like gzip".into() }));
    }
    let mut input: Box<dyn BufRead + Send> =
        if zipped { Box::new(BufReader::with_capacity(1 << 20, MultiGzDecoder::new(plain))) } else { Box::new(plain) };
    let mut header = Vec::new();
    // A quoted name may hold a line break: the header ends where the quotes are closed.
    loop {
        let n = input.read_until(b'\n', &mut header).map_err(io)?;
        if n == 0 || header.iter().filter(|b| **b == b'"').count() % 2 == 0 {
            break;
        }
    }
    if header.is_empty() {
        return Err(DataError::new(file, Problem::Empty));
    }
    let text = load::text(file, header.clone())?;
    let names = csv::scan(file, text.trim_end_matches('\n').as_bytes())?.header;
    if !header.ends_with(b"\n") {
        return Err(DataError::new(file, Problem::NoRows));
    }
    let source = Source::Csv { input, header, pending: Vec::new(), lines: 0, bytes: 0, ended: false };
    Ok((names, source))
}

/// Writes a CSV or Parquet file piece by piece. The file appears whole or not at all.
///
/// A Parquet column holds what its first piece holds (whole numbers, numbers, booleans or text; empty ones numbers).
pub struct FrameWriter {
    name: String,
    file: AtomicFile,
    out: Out,
    names: Vec<String>,
    rows: u64,
}

enum Out {
    Csv(BufWriter<File>),
    Parquet(Option<(Box<BatchedWriter<File>>, Vec<CellType>)>),
}

impl FrameWriter {
    /// Begins a file with these columns.
    ///
    /// # Errors
    /// When it cannot be made, or the name says neither CSV nor Parquet.
    pub fn create(path: &Path, names: &[String]) -> Result<Self, DataError> {
        let name = path.display().to_string();
        // As for a frame: no name twice.
        Frame::new(names.to_vec(), vec![Vec::new(); names.len()])?;
        let format = load::format_of(path, None)?;
        let file = match format {
            TableFormat::Csv if !name.ends_with(".gz") => AtomicFile::create(path)?,
            TableFormat::Parquet => AtomicFile::create(path)?,
            _ => return Err(DataError::new(name, Problem::UnknownFormat)),
        };
        let out = if format == TableFormat::Parquet {
            Out::Parquet(None)
        } else {
            let mut out = BufWriter::with_capacity(1 << 20, file.handle()?);
            let header: Vec<_> = names.iter().map(|n| quoted(n)).collect();
            writeln!(out, "{}", header.join(",")).map_err(|e| DataError::io(path, "write the file", &e))?;
            Out::Csv(out)
        };
        Ok(Self { name, file, out, names: names.to_vec(), rows: 0 })
    }

    /// Adds rows: one list of cells a column, in the order of the names.
    ///
    /// # Errors
    /// When columns differ in number or length, a cell is not of its column's type, or the disk refuses.
    pub fn push(&mut self, columns: &[Vec<Cell>]) -> Result<(), DataError> {
        let rows = columns.first().map_or(0, Vec::len);
        if columns.len() != self.names.len() {
            let problem = Problem::Ragged { found: columns.len(), expected: self.names.len() };
            return Err(DataError::new(self.name.as_str(), problem));
        }
        if let Some(odd) = columns.iter().map(Vec::len).find(|n| *n != rows) {
            return Err(DataError::new(self.name.as_str(), Problem::Ragged { found: odd, expected: rows }));
        }
        match &mut self.out {
            Out::Csv(out) => {
                let mut all = || (0..rows).try_for_each(|row| write_row(out, columns, row));
                all().map_err(|e| unwritten(&self.name, &e))?;
            }
            Out::Parquet(writer) => {
                if rows == 0 {
                    return Ok(());
                }
                if writer.is_none() {
                    let types: Vec<CellType> = columns.iter().map(|c| CellType::of(c)).collect();
                    let mut schema = Schema::default();
                    for (n, t) in self.names.iter().zip(&types) {
                        schema.insert(n.as_str().into(), dtype(*t));
                    }
                    let made = parquet_writer(self.file.handle()?).batched(&schema);
                    *writer = Some((Box::new(made.map_err(|e| polars_error(&self.name, &e))?), types));
                }
                if let Some((writer, types)) = writer {
                    let mut all: Vec<Column> = Vec::with_capacity(columns.len());
                    for ((n, t), cells) in self.names.iter().zip(types.iter()).zip(columns) {
                        if let Some(i) = cells.iter().position(|c| !t.holds(c)) {
                            let found = format!("{:?} in a column of {}", cells[i], t.as_str());
                            let problem =
                                Problem::ColumnType { found, expected: "what the rows before hold; CSV takes any" };
                            return Err(DataError::new(self.name.as_str(), problem)
                                .at_row(self.rows + i as u64 + 1)
                                .in_column(n.as_str()));
                        }
                        all.push(series(n, cells, *t).into());
                    }
                    let frame = DataFrame::new(rows, all).map_err(|e| polars_error(&self.name, &e))?;
                    writer.write_batch(&frame).map_err(|e| polars_error(&self.name, &e))?;
                }
            }
        }
        self.rows += rows as u64;
        Ok(())
    }

    /// Ends the file and gives it its name; says how many rows it has.
    ///
    /// # Errors
    /// When the disk refuses, or a Parquet file would have no rows.
    pub fn finish(self) -> Result<u64, DataError> {
        match self.out {
            Out::Csv(mut out) => out.flush().map_err(|e| unwritten(&self.name, &e))?,
            Out::Parquet(Some((writer, _))) => writer.finish().map(|_| ()).map_err(|e| polars_error(&self.name, &e))?,
            Out::Parquet(None) => return Err(DataError::new(self.name, Problem::NoRows)),
        }
        self.file.commit()?;
        Ok(self.rows)
    }
}

fn unwritten(file: &str, e: &std::io::Error) -> DataError {
    DataError::new(file, Problem::Io { action: "write the file", why: e.to_string() })
}

fn dtype(t: CellType) -> DataType {
    match t {
        CellType::Whole => DataType::Int64,
        CellType::Number => DataType::Float64,
        CellType::Bool => DataType::Boolean,
        CellType::Text => DataType::String,
    }
}
