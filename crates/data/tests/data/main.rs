//! The data crate from outside: one test program, since linking polars takes longer than running the tests.

#![allow(missing_docs, reason = "tests")]

mod actions;
mod bad_input;
mod calendar;
mod daily;
mod frame;
mod limits;
mod mutation;
mod quality;
mod reading;
mod sample;
mod simulation;
mod twice;

use std::path::PathBuf;
use std::sync::Arc;

use tradewind_core_types::Event;
use tradewind_data::{DataError, EventTable, Kind, Layout, SourceSpec, open_bytes, read_table_bytes};

/// A file of the bundled sample.
pub fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../sample").join(name)
}

/// A specification with edits.
pub fn spec(path: &str, edit: impl FnOnce(&mut SourceSpec)) -> SourceSpec {
    let mut s = SourceSpec { path: path.into(), ..SourceSpec::default() };
    edit(&mut s);
    s
}

/// Reads CSV text as long bars, with edits of the specification.
pub fn long(csv: &str, edit: impl FnOnce(&mut SourceSpec)) -> Result<EventTable, DataError> {
    read_table_bytes(&spec("x.csv", edit), csv.as_bytes().to_vec())
}

/// Reads CSV text as wide bars, with edits of the specification.
pub fn wide(csv: &str, edit: impl FnOnce(&mut SourceSpec)) -> Result<EventTable, DataError> {
    long(csv, |s| {
        s.layout = Layout::Wide;
        edit(s);
    })
}

/// All events of a table.
pub fn events(table: EventTable) -> Vec<Event> {
    EventTable::events(&Arc::new(table), 0).map(|e| e.expect("an event")).collect()
}

/// Reads text of any kind.
pub fn read_as(kind: Kind, path: &str, text: &str) -> Result<Vec<Event>, DataError> {
    open_bytes(&spec(path, |s| s.kind = kind), text.as_bytes().to_vec(), 0)?.collect()
}

/// That an error has these parts.
pub fn says(e: &DataError, parts: &[&str]) {
    let text = e.to_string();
    for p in parts {
        assert!(text.contains(p), "{text:?} does not say {p:?}");
    }
}
