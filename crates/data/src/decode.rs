//! What long and wide tables share: reading columns of values in parallel, with every bad cell kept as a problem of its row.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rayon::prelude::*;
use tradewind_core_types::{Price, Quantity, Symbol, Time, did_you_mean};

use crate::clock::Clock;
use crate::error::{DataError, Problem};
use crate::raw::{Cells, RawTable, missing_column};
use crate::spec::{Kind, SourceSpec};
use crate::table::EventTable;
use tradewind_core_types::{Calendar, NEW_YORK};

/// Rows read by one task; a constant, so that results do not depend on the number of threads.
const CHUNK: usize = 1 << 15;

/// A bad cell: row counted from 0, column, what is wrong.
#[derive(Debug)]
pub(crate) struct Bad {
    pub(crate) row: usize,
    pub(crate) column: Option<String>,
    pub(crate) problem: Problem,
}

/// A table and everything that kept rows out of it.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) table: EventTable,
    pub(crate) errors: Vec<DataError>,
}

/// Stands for a time that could not be read, in columns of nanoseconds.
pub(crate) const NO_TIME: i64 = i64::MIN;

/// Reads `rows` cells by `f`, in parallel; bad ones become `none` and a problem.
pub(crate) fn column<T: Copy + Send + Sync>(
    rows: usize,
    name: &str,
    none: T,
    f: impl Fn(usize) -> Result<T, Problem> + Sync,
) -> (Vec<T>, Vec<Bad>) {
    let mut values = vec![none; rows];
    let bad: Vec<Vec<Bad>> = values
        .par_chunks_mut(CHUNK)
        .enumerate()
        .map(|(chunk, out)| {
            let mut bad = Vec::new();
            for (row, value) in (chunk * CHUNK..).zip(out) {
                match f(row) {
                    Ok(v) => *value = v,
                    Err(problem) => bad.push(Bad { row, column: Some(name.to_owned()), problem }),
                }
            }
            bad
        })
        .collect();
    (values, bad.into_iter().flatten().collect())
}

/// The cells at a position as prices.
pub(crate) fn prices(raw: &RawTable, position: usize) -> (Vec<Option<Price>>, Vec<Bad>) {
    let cells = raw.cells(position);
    let name = raw.names.get(position).map_or("", String::as_str);
    match cells.dense() {
        // The common case of Parquet: nothing missing, nothing to parse.
        Some(x) => column(raw.rows, name, None, |row| x.get(row).map_or(Ok(None), |x| to_price(*x))),
        None => column(raw.rows, name, None, |row| price(cells, row)),
    }
}

/// The cells at a position as sizes.
pub(crate) fn sizes(
    raw: &RawTable,
    position: usize,
    f: impl Fn(Result<Option<Quantity>, Problem>) -> Result<Option<Quantity>, Problem> + Sync,
) -> (Vec<Option<Quantity>>, Vec<Bad>) {
    let cells = raw.cells(position);
    let name = raw.names.get(position).map_or("", String::as_str);
    match cells.dense() {
        Some(x) => column(raw.rows, name, None, |row| f(x.get(row).map_or(Ok(None), |x| to_size(*x)))),
        None => column(raw.rows, name, None, |row| f(cells.number(row).and_then(|x| x.map_or(Ok(None), to_size)))),
    }
}

/// A price cell.
fn price(cells: &Cells, row: usize) -> Result<Option<Price>, Problem> {
    match cells.number(row)? {
        None => Ok(None),
        Some(x) => to_price(x),
    }
}

/// Nearest integer number of billionths of a non-negative number, halves up: as `round`, without a call on older processors. Above
/// 2^52 there is no fraction and truncation changes nothing.
#[inline]
fn nanos(x: f64) -> i64 {
    let scaled = x * 1e9;
    let whole = scaled as i64;
    whole.saturating_add(i64::from(scaled - whole as f64 >= 0.5))
}

#[inline(always)]
fn to_price(x: f64) -> Result<Option<Price>, Problem> {
    match Price::from_nanos(nanos(x)) {
        Ok(p) if x > 0.0 && x <= 1e9 => Ok(Some(p)),
        _ => Err(no_price(x)),
    }
}

#[cold]
fn no_price(x: f64) -> Problem {
    let found = x.to_string();
    if x.is_finite() { Problem::NotPositive { what: "price", found } } else { Problem::NotFinite { found } }
}

/// A size: zero or more, at most 1e9.
#[inline(always)]
fn to_size(x: f64) -> Result<Option<Quantity>, Problem> {
    match Quantity::from_nanos(nanos(x)) {
        Ok(q) if (0.0..=1e9).contains(&x) => Ok(Some(q)),
        _ => Err(no_size(x)),
    }
}

#[cold]
fn no_size(x: f64) -> Problem {
    let found = x.to_string();
    match x {
        x if !x.is_finite() => Problem::NotFinite { found },
        x if x < 0.0 => Problem::Negative { what: "size", found },
        _ => Problem::OutOfRange { found, expected: "at most 1e9" },
    }
}

/// The instants of all rows; [`NO_TIME`] where there is a problem.
pub(crate) fn times(raw: &RawTable, position: usize, clock: &Clock) -> (Vec<i64>, Vec<Bad>) {
    let cells = raw.cells(position);
    let name = raw.names.get(position).map_or("", String::as_str);
    if let Cells::Time(stamps) = cells
        && stamps.zone().is_some()
        && let Some(dense) = stamps.dense()
        && let Some(times) = clock.instants(&dense)
    {
        return (times, Vec::new());
    }
    column(raw.rows, name, NO_TIME, |row| clock.read(cells, row).map(Time::nanos))
}

/// Which column holds the time.
pub(crate) fn time_column(file: &str, names: &[String], spec: &SourceSpec) -> Result<String, DataError> {
    match &spec.time {
        Some(t) if names.contains(t) => Ok(t.clone()),
        Some(t) => Err(missing_column(file, names, t)),
        None => ["ts", "time", "timestamp", "datetime", "date"]
            .iter()
            .find_map(|t| names.iter().find(|n| n.eq_ignore_ascii_case(t)))
            .cloned()
            .ok_or_else(|| missing_column(file, names, "date")),
    }
}

/// The symbols a file may contribute: subset and renames of the specification.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    spec: &'a SourceSpec,
    rename: &'a BTreeMap<String, String>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(spec: &'a SourceSpec) -> Self {
        Self { spec, rename: &spec.rename }
    }
    /// The symbol for a name in the file; none when it is not asked for.
    pub(crate) fn symbol(&self, name: &str) -> Result<Option<Symbol>, Problem> {
        let name = self.rename.get(name).map_or(name, String::as_str);
        if !self.spec.symbols.is_empty() && !self.spec.symbols.iter().any(|s| s == name) {
            return Ok(None);
        }
        Symbol::new(name).map(Some).map_err(|e| Problem::BadSymbol { found: e.found, expected: e.expected })
    }
    /// Every symbol asked for must be among those in the file.
    pub(crate) fn check_all_there(&self, file: &str, in_file: &[String]) -> Result<(), DataError> {
        let known: Vec<&str> = in_file.iter().map(|n| self.rename.get(n).map_or(n.as_str(), String::as_str)).collect();
        for (asked, what) in self.spec.symbols.iter().map(|s| (s, true)).chain(self.rename.keys().map(|s| (s, false))) {
            let there = if what { known.contains(&asked.as_str()) } else { in_file.iter().any(|n| n == asked) };
            if !there {
                let hint = did_you_mean(asked, known.iter().take(40).copied());
                return Err(DataError::new(file, Problem::UnknownSymbol { symbol: asked.clone(), hint }));
            }
        }
        Ok(())
    }
}

/// The instants between which rows are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    from: i64,
    to: i64,
}

impl Range {
    pub(crate) fn new(spec: &SourceSpec) -> Self {
        let midnight = |d: Date| d.in_tz(NEW_YORK).ok().and_then(|z| Time::from_timestamp(z.timestamp()).ok());
        let after = spec.to.and_then(|d| d.tomorrow().ok()).and_then(midnight);
        Self {
            from: spec.from.and_then(midnight).map_or(i64::MIN, Time::nanos),
            to: after.map_or(i64::MAX, |t| t.nanos() - 1),
        }
    }
    #[inline]
    pub(crate) fn contains(self, t: i64) -> bool {
        self.from <= t && t <= self.to
    }
}

/// Why no row is left.
pub(crate) fn nothing_left(raw: &RawTable, spec: &SourceSpec, times: &[i64]) -> DataError {
    let calendar = Calendar::us_equities();
    let date = |t: Option<i64>| t.map_or_else(|| "?".into(), |t| calendar.date_of(Time::from_nanos(t)).to_string());
    let known = || times.iter().copied().filter(|t| *t != NO_TIME);
    let range = Range::new(spec);
    if known().all(|t| !range.contains(t)) && (spec.from.is_some() || spec.to.is_some()) {
        let end = |d: Option<Date>, open: &str| d.map_or_else(|| open.into(), |d| d.to_string());
        DataError::new(
            &*raw.file,
            Problem::NoDataInRange {
                from: end(spec.from, "the start"),
                to: end(spec.to, "the end"),
                first: date(known().min()),
                last: date(known().max()),
            },
        )
    } else {
        DataError::new(&*raw.file, Problem::NoValues)
    }
}

/// Whether a date without a session may be passed over in a row that holds no value.
pub(crate) fn excusable(p: &Problem) -> bool {
    matches!(p, Problem::NotASession { .. } | Problem::OutsideCalendar { .. })
}

/// The column of a field of the kind, by the mapping of the specification; none when it is to be left unread.
pub(crate) fn field_column<'a>(spec: &'a SourceSpec, field: &'a str) -> Option<&'a str> {
    Some(spec.columns.get(field).map_or(field, String::as_str)).filter(|c| !c.is_empty())
}

/// Whether rows of this kind must have different times within a symbol.
pub(crate) fn strictly_later(kind: Kind) -> bool {
    matches!(kind, Kind::Bar | Kind::Index)
}

/// The problem with a time after `last`, if there is one.
#[inline]
pub(crate) fn order(kind: Kind, symbol: &str, last: i64, time: i64) -> Option<Problem> {
    if time > last || (time == last && !strictly_later(kind)) {
        return None;
    }
    let symbol = symbol.to_owned();
    let (time, previous) = (Time::from_nanos(time), Time::from_nanos(last));
    Some(if time == previous {
        Problem::Duplicate { symbol, time }
    } else {
        Problem::Backward { symbol, time, previous }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// The fast rounding is that of `Price::from_f64` and `Quantity::from_f64`.
        #[test]
        fn prices_round_alike(x in proptest::prop_oneof![0.0..1e9_f64, 0.0..1e-6_f64, proptest::num::f64::ANY], n in 0_u64..1_000_000_000_000) {
            for x in [x, n as f64 / 1e4, (n as f64 + 0.5) / 1e9] {
                proptest::prop_assert_eq!(to_price(x).ok().flatten(), Price::from_f64(x).ok());
                let size = Quantity::from_f64(x).ok().filter(|_| x >= 0.0);
                proptest::prop_assert_eq!(to_size(x).ok().flatten(), size);
            }
        }
    }
}
