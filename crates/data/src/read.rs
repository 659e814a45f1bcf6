//! Reading a source: from its specification to validated events.

use std::sync::Arc;

use tradewind_core_types::{Event, Symbol};

use crate::actions;
use crate::clock::Clock;
use crate::decode::Decoded;
use crate::error::{DataError, Problem};
use crate::hours;
use crate::load::{self, Limit};
use crate::long;
use crate::raw::RawTable;
use crate::records;
use crate::repeated::settle_repeated;
use crate::spec::{Kind, Layout, SourceSpec, TableFormat};
use crate::table::{EventTable, Events};
use crate::wide;

/// Reads the file of a specification into a validated table.
///
/// # Errors
/// The first thing that is wrong, by row; [`validate`](crate::validate) gathers everything.
pub fn read_table(spec: &SourceSpec) -> Result<EventTable, DataError> {
    checked(spec)?;
    read_table_bytes(spec, load::read_bytes(spec)?)
}

/// Like [`read_table`], from bytes that are already there (an embedded sample); `spec.path` names them and tells the format.
///
/// # Errors
/// As [`read_table`].
pub fn read_table_bytes(spec: &SourceSpec, bytes: Vec<u8>) -> Result<EventTable, DataError> {
    let Decoded { table, errors } = decode(spec, bytes)?;
    match errors.into_iter().next() {
        Some(e) => Err(e),
        None => Ok(table),
    }
}

/// Reads the file of a specification of any kind into a stream of events in time order, as source number `source` of the run.
///
/// # Errors
/// The first thing that is wrong with the file.
pub fn open(spec: &SourceSpec, source: u16) -> Result<Feed, DataError> {
    checked(spec)?;
    open_bytes(spec, load::read_bytes(spec)?, source)
}

/// Like [`open`], from bytes that are already there; `spec.path` names them and tells the format.
///
/// # Errors
/// As [`open`].
pub fn open_bytes(spec: &SourceSpec, bytes: Vec<u8>, source: u16) -> Result<Feed, DataError> {
    if is_table(spec.kind) {
        let table = Arc::new(read_table_bytes(spec, bytes)?);
        return Ok(Feed(Inner::Table(EventTable::events(&table, source))));
    }
    let (events, errors) = record_events(spec, bytes, source)?;
    match errors.into_iter().next() {
        Some(e) => Err(e),
        None => Ok(Feed(Inner::Records { file: spec.path.display().to_string().into(), events: events.into_iter() })),
    }
}

/// The events of one source in time order, and at equal times by symbol (tables) or as in the file (records).
#[derive(Debug)]
pub struct Feed(Inner);

#[derive(Debug)]
enum Inner {
    Table(Events),
    Records { file: Arc<str>, events: std::vec::IntoIter<Event> },
}

impl Feed {
    /// The file it was read from.
    pub fn file(&self) -> &str {
        match &self.0 {
            Inner::Table(e) => e.table().file(),
            Inner::Records { file, .. } => file,
        }
    }
    /// The table behind it, when it holds bars, index levels, trades or quotes.
    pub fn table(&self) -> Option<&EventTable> {
        match &self.0 {
            Inner::Table(e) => Some(e.table()),
            Inner::Records { .. } => None,
        }
    }
    /// The symbols it will give, by name.
    pub fn symbols(&self) -> Vec<Symbol> {
        match &self.0 {
            Inner::Table(e) => e.table().symbols().to_vec(),
            Inner::Records { events, .. } => {
                let mut all: Vec<Symbol> = events.as_slice().iter().filter_map(|e| e.symbol).collect();
                all.sort();
                all.dedup();
                all
            }
        }
    }
}

impl Iterator for Feed {
    type Item = Result<Event, DataError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Inner::Table(e) => e.next(),
            Inner::Records { events, .. } => events.next().map(Ok),
        }
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Inner::Table(e) => e.size_hint(),
            Inner::Records { events, .. } => events.size_hint(),
        }
    }
}

/// Whether this kind is read into an [`EventTable`].
pub(crate) fn is_table(kind: Kind) -> bool {
    matches!(kind, Kind::Bar | Kind::Index | Kind::Trade | Kind::Quote)
}

pub(crate) fn checked(spec: &SourceSpec) -> Result<(), DataError> {
    spec.check().map_err(|bad| DataError::config(spec.path.display().to_string(), bad))
}

/// The table and every bad row, or the problem that makes the file unreadable as a whole.
pub(crate) fn decode(spec: &SourceSpec, bytes: Vec<u8>) -> Result<Decoded, DataError> {
    checked(spec)?;
    let file = spec.path.display().to_string();
    if !is_table(spec.kind) {
        let why = "this kind is not read into a table".to_owned();
        return Err(DataError::new(file, Problem::BadRecord { why }));
    }
    let clock = Clock::new(spec).map_err(|bad| DataError::config(file.as_str(), bad))?;
    let format = load::format_of(&spec.path, spec.format)?;
    if format == TableFormat::Jsonl {
        return Err(DataError::new(file, Problem::UnknownFormat));
    }
    let limit = Limit::of(spec);
    let mut decoded = match spec.layout {
        Layout::Wide => wide::decode(&RawTable::read(&spec.path, bytes, format, limit, |_| Ok(None))?, spec, &clock),
        Layout::Long => {
            let wanted = |names: &[String]| long::wanted(&file, names, spec).map(Some);
            long::decode(&RawTable::read(&spec.path, bytes, format, limit, wanted)?, spec, &clock)
        }
    }?;
    decoded.table.notes.hours = hours::of(&decoded.table, spec);
    Ok(decoded)
}

/// The events of a kind that is not a table, in time order, and every bad row.
pub(crate) fn record_events(
    spec: &SourceSpec,
    bytes: Vec<u8>,
    source: u16,
) -> Result<(Vec<Event>, Vec<DataError>), DataError> {
    checked(spec)?;
    let (mut events, errors) = match spec.kind {
        Kind::CorporateAction => {
            let (events, mut errors) = actions::read(spec, bytes, source)?;
            let mut one = [Arc::new(events)];
            let file = spec.path.display().to_string();
            errors.extend(settle_repeated(&[&file], &mut one, &[spec.on_overlap]).err());
            let [events] = one;
            (Arc::unwrap_or_clone(events), errors)
        }
        _ => records::read(spec, bytes, source)?,
    };
    // Stable: at equal times by rank, then as in the file.
    events.sort_by_key(|e| (e.time, e.data.rank()));
    Ok((events, errors))
}
