//! The quality report: everything that is wrong with a file, and everything in it that deserves a look.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Invalid, Price, Symbol, Time};
use tradewind_numerics::math;

use crate::error::{DataError, Problem};
use crate::load;
use crate::read::{checked, decode, is_table, record_events};
use crate::spec::SourceSpec;
use crate::table::{Columns, EventTable};
use tradewind_core_types::Calendar;

/// What the report looks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QualityOptions {
    /// A log return is an outlier when |r - median| / (1.4826 MAD) of its symbol is above this; above 0. Daily returns have fat
    /// tails: in 1987, 2008 and 2020 honest ones reached 20.
    pub outlier_z: f64,
    /// How many findings of one kind (and dates or outliers of one symbol) are listed; all are counted. 1 or more.
    pub list: usize,
}

impl Default for QualityOptions {
    fn default() -> Self {
        Self { outlier_z: 20.0, list: 10 }
    }
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Kind of finding, such as `duplicate` or `not_a_number`.
    pub kind: String,
    /// Data row, counted from 1.
    pub row: Option<u64>,
    /// Physical line of a text file, counted from 1.
    pub line: Option<u64>,
    /// Column.
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

/// A return far from the others of its symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outlier {
    /// Data row, counted from 1.
    pub row: u64,
    /// Time of the later price.
    pub time: Time,
    /// Log return to it from the price before.
    pub log_return: f64,
    /// (r - median) / (1.4826 MAD).
    pub robust_z: f64,
}

/// One symbol's part of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SymbolQuality {
    /// The symbol.
    pub symbol: Symbol,
    /// Events.
    pub events: usize,
    /// Time of its first event: later than the file's when the symbol was listed later.
    pub first: Time,
    /// Time of its last event.
    pub last: Time,
    /// Empty cells after its first value.
    pub missing_cells: usize,
    /// Sessions between its first and last event on which it has none.
    pub missing_sessions: usize,
    /// The first of these.
    #[serde(with = "dates")]
    pub missing_dates: Vec<Date>,
    /// Events outside the sessions' regular hours.
    pub outside_sessions: usize,
    /// Number of outliers; 0 for trades and quotes.
    pub outliers: usize,
    /// The largest of these.
    pub largest_outliers: Vec<Outlier>,
}

mod dates {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(d: &[Date], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(d.iter().map(Date::to_string))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Date>, D::Error> {
        Vec::<String>::deserialize(d)?.iter().map(|s| s.parse().map_err(serde::de::Error::custom)).collect()
    }
}

/// Everything found in a file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct QualityReport {
    /// The file.
    pub file: String,
    /// Data rows, when the file could be read as rows.
    pub rows: usize,
    /// Valid events.
    pub events: usize,
    /// Times of the first and last valid event.
    pub range: Option<(Time, Time)>,
    /// Rows without a value on dates that are no sessions.
    pub empty_rows: usize,
    /// Rows with values on such dates, left out by `skip_holidays`.
    pub holiday_rows: usize,
    /// Rows left out by the specification.
    pub left_out: usize,
    /// Volumes above 1e9 shares, read as unknown.
    pub volumes_unknown: usize,
    /// Number of errors by kind: reading this file fails when there is any.
    pub error_counts: BTreeMap<String, usize>,
    /// The first errors of each kind.
    pub errors: Vec<Finding>,
    /// Number of warnings by kind.
    pub warning_counts: BTreeMap<String, usize>,
    /// What there is to say about its times, in words.
    #[serde(default)]
    pub notes: Vec<String>,
    /// By symbol.
    pub symbols: Vec<SymbolQuality>,
}

impl QualityReport {
    /// Whether the file can be read as it is.
    pub fn is_readable(&self) -> bool {
        self.error_counts.is_empty()
    }
    fn error(&mut self, e: &DataError, list: usize) {
        let kind = e.problem().kind();
        let n = self.error_counts.entry(kind.clone()).or_default();
        *n += 1;
        if *n <= list {
            self.errors.push(Finding {
                kind,
                row: e.row(),
                line: e.line(),
                column: e.column().map(Into::into),
                message: e.problem().to_string(),
            });
        }
    }
    fn warn(&mut self, kind: &str, n: usize) {
        if n > 0 {
            *self.warning_counts.entry(kind.into()).or_default() += n;
        }
    }
}

/// Checks a file against its specification and the calendar and gathers everything that is found.
///
/// # Errors
/// Only when there is nothing to check: the specification is wrong or the file cannot be opened.
pub fn validate(spec: &SourceSpec, options: &QualityOptions) -> Result<QualityReport, DataError> {
    checked(spec)?;
    validate_bytes(spec, load::read_bytes(spec)?, options)
}

/// Like [`validate`], from bytes that are already there; `spec.path` names them and tells the format.
///
/// # Errors
/// When the specification or the options are wrong.
pub fn validate_bytes(spec: &SourceSpec, bytes: Vec<u8>, options: &QualityOptions) -> Result<QualityReport, DataError> {
    checked(spec)?;
    let mut bad = Invalid::default();
    bad.require(options.outlier_z > 0.0 && options.outlier_z.is_finite(), "outlier_z", options.outlier_z, "above 0");
    bad.require(options.list >= 1, "list", options.list, "1 or more");
    let file = spec.path.display().to_string();
    bad.into_result(()).map_err(|e| DataError::config(file.as_str(), e))?;
    let mut report = QualityReport { file, ..QualityReport::default() };
    if !is_table(spec.kind) {
        match record_events(spec, bytes, 0) {
            Ok((events, errors)) => {
                errors.iter().for_each(|e| report.error(e, options.list));
                report.rows = events.len() + errors.len();
                report.events = events.len();
                report.range = events.first().zip(events.last()).map(|(a, b)| (a.time, b.time));
            }
            Err(e) => report.error(&e, options.list),
        }
        return Ok(report);
    }
    match decode(spec, bytes) {
        Ok(decoded) => {
            decoded.errors.iter().for_each(|e| report.error(e, options.list));
            examine(&mut report, &decoded.table, options);
        }
        Err(e) if matches!(e.problem(), Problem::Config(_)) => return Err(e),
        Err(e) => report.error(&e, options.list),
    }
    Ok(report)
}

/// The report of a table that was read already.
pub fn examine_table(table: &EventTable, options: &QualityOptions) -> QualityReport {
    let mut report = QualityReport { file: table.file().into(), ..QualityReport::default() };
    examine(&mut report, table, options);
    report
}

fn examine(report: &mut QualityReport, table: &EventTable, options: &QualityOptions) {
    let notes = table.notes();
    report.rows = notes.rows;
    report.events = table.len();
    report.range = table.range();
    report.empty_rows = notes.empty_rows;
    report.holiday_rows = notes.holiday_rows;
    report.left_out = notes.left_out;
    report.volumes_unknown = notes.volumes_unknown;
    report.notes = notes.about_times().into_iter().map(|(what, n)| format!("{n} {what}")).collect();
    // Positions of each symbol's events, in time order.
    let mut by_symbol: Vec<Vec<u32>> = vec![Vec::new(); table.symbols().len()];
    for (i, id) in (0_u32..).zip(&table.ids) {
        by_symbol[*id as usize].push(i);
    }
    for (id, at) in by_symbol.iter().enumerate() {
        let missing_cells = notes.missing.get(id).copied().unwrap_or_default();
        if let Some(s) = symbol(table, id, at, missing_cells, options) {
            report.warn("missing_cells", s.missing_cells);
            report.warn("missing_sessions", s.missing_sessions);
            report.warn("outside_sessions", s.outside_sessions);
            report.warn("outliers", s.outliers);
            report.symbols.push(s);
        }
    }
    report.warn("volumes_unknown", notes.volumes_unknown);
    report.warn("holiday_rows", notes.holiday_rows);
    report.warn("crossed_quotes", crossed(table));
}

fn crossed(table: &EventTable) -> usize {
    match &table.columns {
        Columns::Quotes { bid, ask, .. } => bid.iter().zip(ask).filter(|(b, a)| b > a).count(),
        _ => 0,
    }
}

fn symbol(
    table: &EventTable,
    id: usize,
    at: &[u32],
    missing_cells: usize,
    options: &QualityOptions,
) -> Option<SymbolQuality> {
    let times: Vec<Time> = at.iter().map(|&i| Time::from_nanos(table.times[i as usize])).collect();
    let (first, last) = (*times.first()?, *times.last()?);
    let (missing, outside_sessions) = gaps(&times);
    let mut outliers = match &table.columns {
        Columns::Bars(b) => {
            let closes: Vec<Price> = at.iter().map(|&i| b.close[i as usize]).collect();
            outliers(&closes, options.outlier_z)
        }
        _ => Vec::new(),
    };
    let count = outliers.len();
    outliers.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()).then(a.0.cmp(&b.0)));
    outliers.truncate(options.list);
    Some(SymbolQuality {
        symbol: *table.symbols().get(id)?,
        events: at.len(),
        first,
        last,
        missing_cells,
        missing_sessions: missing.len(),
        missing_dates: missing.into_iter().take(options.list).collect(),
        outside_sessions,
        outliers: count,
        largest_outliers: outliers
            .into_iter()
            .map(|(i, log_return, robust_z)| Outlier {
                row: u64::from(table.rows[at[i] as usize]),
                time: times[i],
                log_return,
                robust_z,
            })
            .collect(),
    })
}

/// Sessions between the first and last of the times without any of them, and how many times lie outside sessions.
fn gaps(times: &[Time]) -> (Vec<Date>, usize) {
    let calendar = Calendar::us_equities();
    let all = calendar.all();
    let mut covered: Vec<usize> = Vec::new();
    let mut outside = 0;
    let (mut at, mut last) = (0, Time::MIN);
    for &t in times {
        // Times are in order: the session is this one, the next, or found again.
        if t < last || all.get(at).is_some_and(|s| s.close < t) {
            at = calendar.index_at(t);
        }
        last = t;
        match all.get(at) {
            Some(s) if s.open <= t && t <= s.close => {
                if covered.last() != Some(&at) {
                    covered.push(at);
                }
            }
            _ => outside += 1,
        }
    }
    let missing =
        covered.windows(2).flat_map(|w| (w[0] + 1)..w[1]).filter_map(|i| all.get(i).map(|s| s.date)).collect();
    (missing, outside)
}

fn median(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len();
    let upper = *sorted.get(n / 2)?;
    Some(if n % 2 == 1 { upper } else { 0.5 * (upper + *sorted.get(n / 2 - 1)?) })
}

/// (position of the later price, log return, robust z) where |z| > threshold. z = (r - median) / (1.4826 MAD), the scaled median
/// absolute deviation being consistent for the normal standard deviation (Hampel 1974). When more than half of the returns are
/// equal the MAD is zero and nothing can be said.
fn outliers(closes: &[Price], threshold: f64) -> Vec<(usize, f64, f64)> {
    let returns: Vec<f64> = closes.windows(2).map(|w| math::ln(w[1].to_f64() / w[0].to_f64())).collect();
    let mut sorted = returns.clone();
    sorted.sort_by(f64::total_cmp);
    let Some(middle) = median(&sorted) else { return Vec::new() };
    for r in &mut sorted {
        *r = (*r - middle).abs();
    }
    sorted.sort_by(f64::total_cmp);
    let scale = 1.4826 * median(&sorted).unwrap_or_default();
    if scale <= 0.0 {
        return Vec::new();
    }
    let z = |r: f64| (r - middle) / scale;
    returns.iter().enumerate().filter(|(_, r)| z(**r).abs() > threshold).map(|(i, r)| (i + 1, *r, z(*r))).collect()
}

impl fmt::Display for QualityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} rows, {} events of {} symbols", self.file, self.rows, self.events, self.symbols.len())?;
        if let Some((a, b)) = self.range {
            writeln!(f, "  {a} to {b}")?;
        }
        for (what, n) in [("empty rows on holidays", self.empty_rows), ("rows left out", self.left_out)] {
            if n > 0 {
                writeln!(f, "  {what}: {n}")?;
            }
        }
        for (kind, n) in &self.error_counts {
            writeln!(f, "  error {kind}: {n}")?;
            for e in self.errors.iter().filter(|e| e.kind == *kind) {
                let place = |what, n: Option<u64>| n.map_or_else(String::new, |n| format!("{what} {n} "));
                let column = e.column.as_ref().map_or_else(String::new, |c| format!("column {c:?} "));
                writeln!(f, "    {}{}{column}{}", place("row", e.row), place("line", e.line), e.message)?;
            }
        }
        for (kind, n) in &self.warning_counts {
            writeln!(f, "  warning {kind}: {n}")?;
        }
        for note in &self.notes {
            writeln!(f, "  note {note}")?;
        }
        for s in self.symbols.iter().filter(|s| s.missing_sessions + s.missing_cells + s.outliers > 0) {
            writeln!(f, "  {}: {} events, {} to {}", s.symbol, s.events, s.first, s.last)?;
            if s.missing_sessions > 0 {
                let dates: Vec<String> = s.missing_dates.iter().map(Date::to_string).collect();
                let more = if s.missing_sessions > dates.len() { ", …" } else { "" };
                writeln!(f, "    no event in {} sessions: {}{more}", s.missing_sessions, dates.join(", "))?;
            }
            if s.missing_cells > 0 {
                writeln!(f, "    {} empty cells after the first value", s.missing_cells)?;
            }
            for o in &s.largest_outliers {
                writeln!(
                    f,
                    "    outlier row {} {}: log return {:.4}, z {:.1}",
                    o.row, o.time, o.log_return, o.robust_z
                )?;
            }
        }
        Ok(())
    }
}
