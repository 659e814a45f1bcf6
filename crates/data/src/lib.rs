//! Market data in and out: readers, calendar, corporate actions, simulator.
//!
//! - [`open`] reads a file described by a [`SourceSpec`] into a [`Feed`] of events in time order; [`read_table`] stops at the validated
//!   columns. Reading fails at the first thing that is wrong; [`validate`] gathers everything into a [`QualityReport`].
//! - [`Calendar::us_equities`] knows sessions, holidays and early closes of US equities from 1990 to 2035.
//! - [`import`] writes any source as Parquet in canonical long form; [`Frame`] is any table as named columns of cells.
//! - [`Simulation`] makes seeded events of any number without keeping them; [`Planted`] adds records of text with known effects.
//! - [`Archive`] keeps what providers gave, point in time; the providers themselves are behind the feature `providers`.
//!
//! Conventions: time is UTC; a bare date of a price means the official close of that date's session; prices are exact to nine decimals;
//! nothing is filled in: an empty cell is no event.

mod actions;
mod archive;
mod clock;
mod csv;
mod daily;
mod decode;
mod error;
mod frame;
mod guard;
mod hours;
mod load;
mod long;
mod notes;
mod overlap;
#[cfg(feature = "providers")]
pub mod providers;
mod quality;
mod raw;
mod read;
mod records;
mod repeated;
mod simulate;
mod sort;
mod spec;
mod stamps;
mod store;
mod stream;
mod table;
mod wide;
mod write;

pub use actions::counted_twice;
pub use archive::{Added, Archive, FetchNote};
pub use error::{DataError, Problem};
pub use frame::{CellType, Frame};
pub use hours::Hours;
pub use load::read_bytes;
pub use notes::Notes;
pub use overlap::settle_overlaps;
pub use quality::{
    Finding, Outlier, QualityOptions, QualityReport, SymbolQuality, examine_table, validate, validate_bytes,
};
pub use read::{Feed, open, open_bytes, read_table, read_table_bytes};
pub use records::record_line;
pub use repeated::settle_repeated;
pub use simulate::{
    Planted, PlantedSpec, PlantedTruth, Regime, Simulation, SimulationSpec, Ticks, regime_path, simulate,
};
pub use spec::{At, EpochUnit, Kind, Layout, OnMissing, OnOverlap, SourceSpec, TableFormat};
pub use store::{Written, import, write_events};
pub use stream::{FrameReader, FrameWriter, TradeColumns, TradeLayout};
pub use table::{EventTable, Events};
pub use tradewind_core_types::Date;
pub use tradewind_core_types::{Calendar, Disruption, NEW_YORK, Session};
