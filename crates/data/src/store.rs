//! Tables out: Parquet and CSV in the canonical long form, and the import of any source into it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{
    Column, DataFrame, DataType, Float64Chunked, Int64Chunked, IntoSeries, KeyValueMetadata, NamedFrom,
    ParquetCompression, ParquetWriter, PolarsError, Schema, Series, StatisticsOptions, TimeUnit, TimeZone,
};
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Event, MarketData, Price, Quantity, Time};

use crate::error::{DataError, Problem};
use crate::frame::quoted;
use crate::load;
use crate::read::open;
use crate::spec::{Kind, SourceSpec, TableFormat};
use crate::write::AtomicFile;

/// Rows of a Parquet row group.
const GROUP: usize = 1 << 18;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The file.
    pub file: String,
    /// Rows.
    pub rows: u64,
    /// First and last time, when there is any row.
    pub range: Option<(Time, Time)>,
}

/// Reads a source and writes it as Parquet (or CSV, by the name) in canonical long form, sorted by time and symbol:
/// `ts` (UTC, nanoseconds), `symbol`, and the fields of its kind (`open, high, low, close, volume`; `price, size, buyer`;
/// `bid, ask, bid_size, ask_size`). The file appears whole or not at all.
///
/// # Errors
/// When the source cannot be read or the target cannot be written.
pub fn import(spec: &SourceSpec, target: &Path) -> Result<Written, DataError> {
    write_events(target, spec.kind, open(spec, 0)?, &[])
}

/// Writes events of one kind (bars, index levels, trades or quotes) as a long table, in batches; other kinds of events in the
/// stream are left out. `labels` go into the metadata of a Parquet file, or into a CSV as constant columns.
///
/// # Errors
/// The first error of the stream, or when the target cannot be written.
pub fn write_events(
    target: &Path,
    kind: Kind,
    events: impl IntoIterator<Item = Result<Event, DataError>>,
    labels: &[(String, String)],
) -> Result<Written, DataError> {
    let mut sink = Sink::create(target, kind, load::format_of(target, None)?, labels)?;
    for event in events {
        sink.push(&event?)?;
    }
    sink.finish()
}

/// Writes one file a kind into a directory, named `bars`, `index`, `trades` or `quotes`.
pub(crate) fn write_kinds(
    directory: &Path,
    format: TableFormat,
    kinds: &[Kind],
    events: impl Iterator<Item = Event>,
    labels: &[(String, String)],
) -> Result<Vec<Written>, DataError> {
    let extension = if format == TableFormat::Parquet { "parquet" } else { "csv" };
    let mut sinks = Vec::new();
    for kind in kinds {
        let stem = match kind {
            Kind::Bar => "bars",
            Kind::Index => "index",
            Kind::Trade => "trades",
            _ => "quotes",
        };
        sinks.push(Sink::create(&directory.join(format!("{stem}.{extension}")), *kind, format, labels)?);
    }
    for event in events {
        for sink in &mut sinks {
            if sink.push(&event)? {
                break;
            }
        }
    }
    sinks.into_iter().map(Sink::finish).collect()
}

/// The value columns of a kind, in the order they are written.
fn value_columns(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Bar => &["open", "high", "low", "close", "volume"],
        Kind::Index => &["open", "high", "low", "close"],
        Kind::Trade => &["price", "size", "buyer"],
        Kind::Quote => &["bid", "ask", "bid_size", "ask_size"],
        _ => &[],
    }
}

/// The values of an event of the kind, in the order of [`value_columns`]. `buyer` is 1 or 0.
fn row(kind: Kind, data: &MarketData) -> Option<[Option<f64>; 5]> {
    let price = |p: Price| Some(p.to_f64());
    let size = |q: Quantity| Some(q.to_f64());
    Some(match (kind, data) {
        (Kind::Bar, MarketData::Bar(b)) | (Kind::Index, MarketData::Index(b)) => [
            b.open.and_then(price),
            b.high.and_then(price),
            b.low.and_then(price),
            price(b.close),
            b.volume.and_then(size),
        ],
        (Kind::Trade, MarketData::Trade(t)) => {
            [price(t.price), size(t.size), t.buyer.map(|b| f64::from(u8::from(b))), None, None]
        }
        (Kind::Quote, MarketData::Quote(q)) => [price(q.bid), price(q.ask), size(q.bid_size), size(q.ask_size), None],
        _ => return None,
    })
}

struct Sink {
    kind: Kind,
    name: String,
    rows: u64,
    range: Option<(Time, Time)>,
    file: AtomicFile,
    out: Out,
}

enum Out {
    Csv { file: BufWriter<File>, line: String, labels: String },
    // Pages are large: no buffer between them and the file, which could hide an error.
    Parquet { writer: Box<BatchedWriter<File>>, batch: Batch },
}

#[derive(Default)]
struct Batch {
    times: Vec<i64>,
    symbols: Vec<&'static str>,
    values: Vec<Vec<Option<f64>>>,
}

impl Sink {
    fn create(target: &Path, kind: Kind, format: TableFormat, labels: &[(String, String)]) -> Result<Self, DataError> {
        match format {
            TableFormat::Parquet => Self::parquet(target, kind, labels),
            TableFormat::Csv if !target.to_string_lossy().ends_with(".gz") => Self::csv(target, kind, labels),
            _ => Err(DataError::new(target.display().to_string(), Problem::UnknownFormat)),
        }
    }

    fn csv(target: &Path, kind: Kind, labels: &[(String, String)]) -> Result<Self, DataError> {
        let file = AtomicFile::create(target)?;
        let mut out = BufWriter::with_capacity(1 << 20, file.handle()?);
        let names: String = labels.iter().map(|l| format!(",{}", quoted(&l.0))).collect();
        let labels = labels.iter().map(|l| format!(",{}", quoted(&l.1))).collect();
        writeln!(out, "ts,symbol,{}{names}", value_columns(kind).join(","))
            .map_err(|e| DataError::io(target, "write the file", &e))?;
        let name = target.display().to_string();
        Ok(Self { kind, name, rows: 0, range: None, file, out: Out::Csv { file: out, line: String::new(), labels } })
    }

    fn parquet(target: &Path, kind: Kind, labels: &[(String, String)]) -> Result<Self, DataError> {
        let batch = Batch { values: vec![Vec::new(); value_columns(kind).len()], ..Batch::default() };
        let mut schema = Schema::default();
        schema.insert("ts".into(), DataType::Datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC)));
        schema.insert("symbol".into(), DataType::String);
        for name in value_columns(kind) {
            schema.insert((*name).into(), DataType::Float64);
        }
        let name = target.display().to_string();
        let file = AtomicFile::create(target)?;
        let writer = parquet_writer(file.handle()?)
            .with_key_value_metadata((!labels.is_empty()).then(|| KeyValueMetadata::from_static(labels.to_vec())))
            .batched(&schema)
            .map_err(|e| polars_error(&name, &e))?;
        Ok(Self { kind, name, rows: 0, range: None, file, out: Out::Parquet { writer: Box::new(writer), batch } })
    }

    /// Takes an event; false when it is not of the kind.
    #[inline]
    fn push(&mut self, e: &Event) -> Result<bool, DataError> {
        let (Some(values), Some(symbol)) = (row(self.kind, &e.data), e.symbol) else { return Ok(false) };
        self.rows += 1;
        self.range = Some((self.range.map_or(e.time, |r| r.0), e.time));
        match &mut self.out {
            Out::Csv { file, line, labels } => {
                line.clear();
                let mut written = write!(line, "{},{symbol}", e.time);
                for v in values.iter().take(value_columns(self.kind).len()) {
                    written = written.and(match v {
                        Some(v) => write!(line, ",{v}"),
                        None => write!(line, ","),
                    });
                }
                line.push_str(labels);
                line.push('\n');
                written.map_err(std::io::Error::other).and_then(|()| file.write_all(line.as_bytes())).map_err(|e| {
                    DataError::new(self.name.as_str(), Problem::Io { action: "write the file", why: e.to_string() })
                })?;
            }
            Out::Parquet { writer, batch } => {
                batch.times.push(e.time.nanos());
                batch.symbols.push(symbol.as_str());
                for (column, v) in batch.values.iter_mut().zip(values) {
                    column.push(v);
                }
                if batch.times.len() == GROUP {
                    batch.flush(self.kind, writer).map_err(|e| polars_error(&self.name, &e))?;
                }
            }
        }
        Ok(true)
    }

    fn finish(self) -> Result<Written, DataError> {
        match self.out {
            Out::Csv { mut file, .. } => {
                file.flush().map_err(|e| {
                    DataError::new(self.name.as_str(), Problem::Io { action: "write the file", why: e.to_string() })
                })?;
            }
            Out::Parquet { mut writer, mut batch } => {
                let bad = |e: PolarsError| polars_error(&self.name, &e);
                if !batch.times.is_empty() {
                    batch.flush(self.kind, &mut writer).map_err(bad)?;
                }
                writer.finish().map_err(bad)?;
            }
        }
        self.file.commit()?;
        Ok(Written { file: self.name, rows: self.rows, range: self.range })
    }
}

impl Batch {
    fn flush(&mut self, kind: Kind, writer: &mut BatchedWriter<File>) -> Result<(), PolarsError> {
        let n = self.times.len();
        let times = Int64Chunked::from_vec("ts".into(), std::mem::take(&mut self.times));
        let times = times.into_datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC)).into_series();
        let mut columns: Vec<Column> = vec![times.into(), Series::new("symbol".into(), &self.symbols).into()];
        self.symbols.clear();
        for (name, values) in value_columns(kind).iter().zip(&mut self.values) {
            let mut c: Float64Chunked = std::mem::take(values).into_iter().collect();
            c.rename((*name).into());
            columns.push(c.into_series().into());
        }
        writer.write_batch(&DataFrame::new(n, columns)?)
    }
}

/// How Parquet is written everywhere.
pub(crate) fn parquet_writer(file: File) -> ParquetWriter<File> {
    ParquetWriter::new(file)
        // A little larger than zstd, and read in half the time.
        .with_compression(ParquetCompression::Lz4Raw)
        .with_statistics(StatisticsOptions::default())
        .set_parallel(true)
}

pub(crate) fn polars_error(file: &str, e: &PolarsError) -> DataError {
    DataError::new(file, Problem::Io { action: "write the file", why: e.to_string() })
}
