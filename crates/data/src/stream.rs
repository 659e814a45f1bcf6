//! Tables in pieces, for files larger than memory: read, and written as they are made.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{Column, DataFrame, DataType, ParquetReader, Schema, SerReader as _};
use tradewind_core_types::Cell;

use crate::csv;
use crate::error::{DataError, Problem};
use crate::frame::{CellType, Frame, quoted, series, write_row};
use crate::load;
use crate::raw::{RawTable, guarded};
use crate::spec::TableFormat;
use crate::store::{parquet_writer, polars_error};
use crate::write::AtomicFile;

/// Rows of a piece of a Parquet file.
const ROWS: usize = 1 << 18;
/// Bytes of a piece of a CSV file, as far as its last record allows.
const BYTES: usize = 1 << 24;

/// Reads a CSV (plain or gzipped) or Parquet file piece by piece, each a [`Frame`].
///
/// What a column of a CSV holds is decided by the first piece (of 16 MiB) in which it holds anything, by the rules of [`Frame`]; a later cell
/// that does not fit is an error with its row. A file of one piece gives what [`Frame::read`] gives.
pub struct FrameReader {
    file: String,
    names: Vec<String>,
    source: Source,
    types: Vec<Option<CellType>>,
    /// Rows given so far.
    rows: u64,
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
        let types = vec![None; names.len()];
        Ok(Self { file, names, source, types, rows: 0 })
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
        let frame = Frame::from_piece(&raw, &mut self.types).map_err(|e| e.shifted(before, lines, 0))?;
        self.rows += frame.rows() as u64;
        Ok(Some(frame.placed(before, lines)))
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
