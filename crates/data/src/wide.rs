//! Wide tables: a row a time, a column a symbol.

use rayon::prelude::*;
use tradewind_core_types::{Price, Symbol};

use crate::clock::Clock;
use crate::daily::{self, Column};
use crate::decode::{self, Bad, Decoded, Names, Range};
use crate::error::{DataError, Problem};
use crate::notes::Notes;
use crate::overlap::merge_names;
use crate::raw::RawTable;
use crate::spec::{OnMissing, SourceSpec};
use crate::table::{Bars, Columns, EventTable};

struct Series {
    symbol: Symbol,
    column: String,
    values: Vec<Option<Price>>,
    bad: Vec<Bad>,
}

pub(crate) fn decode(raw: &RawTable, spec: &SourceSpec, clock: &Clock) -> Result<Decoded, DataError> {
    let at = decode::time_column(&raw.file, &raw.names, spec)?;
    let names = Names::new(spec);
    let others: Vec<String> = raw.names.iter().filter(|n| **n != at).cloned().collect();
    names.check_all_there(&raw.file, &others)?;
    let mut wanted: Vec<(Symbol, usize)> = Vec::new();
    for (position, name) in raw.names.iter().enumerate().filter(|(_, n)| **n != at) {
        match names.symbol(name) {
            Ok(Some(s)) => wanted.push((s, position)),
            Ok(None) => {}
            Err(p) => return Err(DataError::new(&*raw.file, p).in_column(name.as_str())),
        }
    }
    wanted.sort();
    let position = raw.position(&at).unwrap_or_default();
    let (mut times, mut time_bad) = decode::times(raw, position, clock);
    let column = Column { raw, at: position, ids: None, symbols: 1 };
    let midnights = daily::settle(&column, spec, clock, &mut times, &mut time_bad);
    let series: Vec<Series> = wanted
        .into_par_iter()
        .map(|(symbol, position)| {
            let column = raw.names.get(position).cloned().unwrap_or_default();
            let (values, bad) = decode::prices(raw, position);
            Series { symbol, column, values, bad }
        })
        .collect();
    let mut decoded = assemble(raw, spec, &times, time_bad, series);
    decoded.table.notes.midnights = midnights;
    if decoded.table.is_empty() && decoded.errors.is_empty() {
        return Err(decode::nothing_left(raw, spec, &times));
    }
    Ok(decoded)
}

fn assemble(raw: &RawTable, spec: &SourceSpec, times: &[i64], time_bad: Vec<Bad>, series: Vec<Series>) -> Decoded {
    let range = Range::new(spec);
    let cap = raw.rows.saturating_mul(series.len()).min(1 << 26);
    let (mut out_times, mut ids, mut rows) =
        (Vec::with_capacity(cap), Vec::with_capacity(cap), Vec::with_capacity(cap));
    let mut close = Vec::with_capacity(cap);
    let mut notes = Notes { rows: raw.rows, missing: vec![0; series.len()], ..Notes::default() };
    let mut started = vec![false; series.len()];
    let mut time_bad = time_bad.into_iter().peekable();
    let mut bad: Vec<_> = series.iter().map(|s| s.bad.iter().peekable()).collect();
    let mut errors = Vec::new();
    let mut last: Option<i64> = None;
    for (row, time) in times.iter().enumerate() {
        let empty = series.iter().all(|s| s.values.get(row).is_none_or(Option::is_none));
        // Bad cells are also empty: a row with a bad cell is not an empty row.
        let faults: Vec<&Bad> = bad.iter_mut().filter_map(|b| b.next_if(|b| b.row == row)).collect();
        let time = *time;
        if time == decode::NO_TIME {
            if let Some(b) = time_bad.next_if(|b| b.row == row) {
                if empty && faults.is_empty() && decode::excusable(&b.problem) {
                    notes.empty_rows += 1;
                } else if spec.skip_holidays && matches!(b.problem, Problem::NotASession { .. }) {
                    notes.holiday_rows += 1;
                } else {
                    errors.push(raw.error(row, b.column.as_deref(), b.problem));
                }
            }
            continue;
        }
        if !range.contains(time) {
            notes.left_out += 1;
            continue;
        }
        if let Some(p) = last.and_then(|l| decode::order(spec.kind, "every column", l, time)) {
            errors.push(raw.error(row, None, p));
            continue;
        }
        last = Some(time);
        errors.extend(faults.iter().map(|b| raw.error(row, b.column.as_deref(), b.problem.clone())));
        for (id, s) in series.iter().enumerate() {
            match s.values.get(row).copied().flatten() {
                Some(p) => {
                    started[id] = true;
                    out_times.push(time);
                    ids.push(id as u32);
                    rows.push(u32::try_from(row + 1).unwrap_or(u32::MAX));
                    close.push(p);
                }
                None if started[id] && !faults.iter().any(|b| b.column.as_deref() == Some(&s.column)) => {
                    notes.missing[id] += 1;
                    if spec.on_missing == OnMissing::Error {
                        errors.push(raw.error(row, Some(&s.column), Problem::MissingValue));
                    }
                }
                None => {}
            }
        }
    }
    let table = EventTable {
        file: raw.file.clone(),
        kind: spec.kind,
        adjusted: spec.adjusted,
        symbols: series.iter().map(|s| s.symbol).collect(),
        times: out_times,
        ids,
        rows,
        columns: Columns::Bars(Bars { open: None, high: None, low: None, close, volume: None }),
        notes,
    };
    let names: Vec<String> = series.into_iter().map(|s| s.column).collect();
    let (table, twice) = merge_names(table, &names, spec.on_overlap);
    errors.extend(twice);
    Decoded { table, errors }
}
