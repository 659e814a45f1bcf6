//! Long tables: a row a symbol and time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use tradewind_core_types::{Price, Quantity, Symbol};

use crate::clock::Clock;
use crate::daily::{self, Column};
use crate::decode::{self, Bad, Decoded, NO_TIME, Names, Range, field_column};
use crate::error::{DataError, Problem};
use crate::notes::Notes;
use crate::overlap::merge_names;
use crate::raw::{Cells, RawTable, missing_column};
use crate::sort::sorted;
use crate::spec::{Kind, OnMissing, SourceSpec};
use crate::table::{Bars, Columns, EventTable};

/// Names met in the symbol column, by number in the order they were met.
struct Met {
    name: String,
    symbol: Result<Option<Symbol>, Problem>,
    /// The name that followed it last time: files repeat a symbol or cycle through symbols, so it nearly always follows again.
    next: u32,
}

struct Ids<'a> {
    names: Names<'a>,
    met: Vec<Met>,
    by_name: HashMap<String, u32>,
    last: u32,
}

impl Ids<'_> {
    #[inline]
    fn of(&mut self, name: &str) -> u32 {
        let guess = self.met.get(self.last as usize).map_or(0, |m| m.next);
        for id in [guess, self.last] {
            if self.met.get(id as usize).is_some_and(|m| m.name == name) {
                return self.step_to(id);
            }
        }
        let name = name.trim();
        let id = match self.by_name.get(name) {
            Some(id) => *id,
            None => {
                let id = self.met.len() as u32;
                self.met.push(Met { name: name.into(), symbol: self.names.symbol(name), next: id });
                self.by_name.insert(name.into(), id);
                id
            }
        };
        self.step_to(id)
    }
    #[inline]
    fn step_to(&mut self, id: u32) -> u32 {
        if let Some(m) = self.met.get_mut(self.last as usize) {
            m.next = id;
        }
        self.last = id;
        id
    }
}

/// Values as read, before rows are dropped: whatever the kind has.
#[derive(Default)]
struct Values {
    /// close; price; bid.
    main: Vec<Option<Price>>,
    /// ask.
    second: Vec<Option<Price>>,
    open: Option<Vec<Option<Price>>>,
    high: Option<Vec<Option<Price>>>,
    low: Option<Vec<Option<Price>>>,
    /// volume.
    volume: Option<Vec<Option<Quantity>>>,
    /// size; bid_size.
    size: Vec<Option<Quantity>>,
    /// ask_size.
    second_size: Vec<Option<Quantity>>,
    buyer: Option<Vec<Option<bool>>>,
    bad: Vec<Bad>,
    volumes_unknown: usize,
}

/// The columns to read from a long table.
pub(crate) fn wanted(file: &str, names: &[String], spec: &SourceSpec) -> Result<Vec<String>, DataError> {
    let mut out = vec![decode::time_column(file, names, spec)?];
    if spec.symbol.is_none() {
        let column = spec.symbol_column.as_deref().unwrap_or("symbol");
        if !names.iter().any(|n| n == column) {
            return Err(missing_column(file, names, column));
        }
        out.push(column.to_owned());
    }
    for (field, required) in spec.kind.fields() {
        let Some(column) = field_column(spec, field) else { continue };
        if names.iter().any(|n| n == column) {
            out.push(column.to_owned());
        } else if *required || spec.columns.contains_key(*field) {
            return Err(missing_column(file, names, column));
        }
    }
    Ok(out)
}

fn values(raw: &RawTable, kind: Kind, spec: &SourceSpec) -> Values {
    let mut v = Values::default();
    let mut bad = Vec::new();
    let at = |field: &'static str| field_column(spec, field).and_then(|c| raw.position(c));
    let mut prices = |field: &'static str| {
        at(field).map(|position| {
            let (x, b) = decode::prices(raw, position);
            bad.extend(b);
            x
        })
    };
    match kind {
        Kind::Trade => v.main = prices("price").unwrap_or_default(),
        Kind::Quote => {
            v.main = prices("bid").unwrap_or_default();
            v.second = prices("ask").unwrap_or_default();
        }
        _ => {
            v.main = prices("close").unwrap_or_default();
            v.open = prices("open");
            v.high = prices("high");
            v.low = prices("low");
        }
    }
    let unknown = AtomicUsize::new(0);
    let mut sizes = |field: &'static str| {
        at(field).map(|position| {
            let (x, b) = decode::sizes(raw, position, |size| match size {
                // Volumes adjusted for later splits exceed what a quantity holds; a trade or quote of that size is an error.
                Err(Problem::OutOfRange { .. }) if kind == Kind::Bar => {
                    unknown.fetch_add(1, Ordering::Relaxed);
                    Ok(None)
                }
                other => other,
            });
            bad.extend(b);
            x
        })
    };
    match kind {
        Kind::Trade => v.size = sizes("size").unwrap_or_default(),
        Kind::Quote => {
            v.size = sizes("bid_size").unwrap_or_default();
            v.second_size = sizes("ask_size").unwrap_or_default();
        }
        Kind::Bar => v.volume = sizes("volume"),
        _ => {}
    }
    v.volumes_unknown = unknown.into_inner();
    if kind == Kind::Trade
        && let Some(position) = at("buyer")
    {
        let (cells, name) = (raw.cells(position), raw.names.get(position).map_or("", String::as_str));
        let (x, b) = decode::column(raw.rows, name, None, |row| cells.boolean(row));
        bad.extend(b);
        v.buyer = Some(x);
    }
    // Stable: within a row, in the order the columns were read.
    bad.sort_by_key(|b| b.row);
    v.bad = bad;
    v
}

impl Values {
    /// Whether all that an event needs is there.
    #[inline]
    fn complete(&self, row: usize, kind: Kind) -> bool {
        let has = |c: &[Option<Price>]| c.get(row).is_some_and(Option::is_some);
        let sized = |c: &[Option<Quantity>]| c.get(row).is_some_and(Option::is_some);
        match kind {
            Kind::Trade => has(&self.main) && sized(&self.size),
            Kind::Quote => has(&self.main) && has(&self.second) && sized(&self.size) && sized(&self.second_size),
            _ => has(&self.main),
        }
    }

    /// Whether the known parts of a bar agree; a trade must have a size.
    #[inline]
    fn check(&self, row: usize, kind: Kind) -> Option<Problem> {
        if kind == Kind::Trade {
            let zero = self.size.get(row).copied().flatten().is_some_and(Quantity::is_zero);
            return zero.then(|| Problem::NotPositive { what: "size", found: "0".into() });
        }
        let part = |c: &Option<Vec<Option<Price>>>| c.as_ref().and_then(|c| c.get(row).copied().flatten());
        let (open, high, low, close) =
            (part(&self.open), part(&self.high), part(&self.low), self.main.get(row)?.as_ref()?);
        let top = open.map_or(*close, |o| o.max(*close));
        let bottom = open.map_or(*close, |o| o.min(*close));
        let fine = high.is_none_or(|h| h >= top && low.is_none_or(|l| l <= h)) && low.is_none_or(|l| l <= bottom);
        if fine || kind == Kind::Quote {
            return None;
        }
        let text = |p: Option<Price>| p.map_or_else(|| "unknown".into(), |p| p.to_string());
        Some(Problem::BarOrder { open: text(open), high: text(high), low: text(low), close: close.to_string() })
    }

    fn columns(self, kind: Kind, keep: Option<&[u32]>) -> Columns {
        fn must<T: Copy>(v: Vec<Option<T>>, keep: Option<&[u32]>) -> Vec<T> {
            match keep {
                None => v.into_iter().flatten().collect(),
                Some(k) => k.iter().filter_map(|&i| v[i as usize]).collect(),
            }
        }
        fn may<T: Copy>(v: Option<Vec<Option<T>>>, keep: Option<&[u32]>) -> Option<Vec<Option<T>>> {
            v.map(|v| match keep {
                None => v,
                Some(k) => k.iter().map(|&i| v[i as usize]).collect(),
            })
        }
        match kind {
            Kind::Trade => Columns::Trades {
                price: must(self.main, keep),
                size: must(self.size, keep),
                buyer: may(self.buyer, keep),
            },
            Kind::Quote => Columns::Quotes {
                bid: must(self.main, keep),
                ask: must(self.second, keep),
                bid_size: must(self.size, keep),
                ask_size: must(self.second_size, keep),
            },
            _ => Columns::Bars(Bars {
                open: may(self.open, keep),
                high: may(self.high, keep),
                low: may(self.low, keep),
                close: must(self.main, keep),
                volume: may(self.volume, keep),
            }),
        }
    }
}

/// Everything of a table's rows before any is dropped.
struct Parts<'a> {
    raw: &'a RawTable,
    spec: &'a SourceSpec,
    symbol_column: &'a str,
    times: Vec<i64>,
    time_bad: Vec<Bad>,
    met: &'a [Met],
    row_ids: Vec<u32>,
    values: Values,
}

pub(crate) fn decode(raw: &RawTable, spec: &SourceSpec, clock: &Clock) -> Result<Decoded, DataError> {
    let at = decode::time_column(&raw.file, &raw.names, spec)?;
    let position = raw.position(&at).unwrap_or_default();
    let (mut times, mut time_bad) = decode::times(raw, position, clock);
    let symbol_column = spec.symbol_column.as_deref().unwrap_or("symbol");
    let mut ids = Ids { names: Names::new(spec), met: Vec::new(), by_name: HashMap::new(), last: 0 };
    if spec.symbol.is_none()
        && let Some(Cells::Other(found)) = raw.position(symbol_column).map(|p| raw.cells(p))
    {
        let problem = Problem::ColumnType { found: found.clone(), expected: "plain text" };
        return Err(DataError::new(&*raw.file, problem).in_column(symbol_column));
    }
    let mut number_rows = || -> Vec<u32> {
        match &spec.symbol {
            Some(s) => {
                let id = ids.of(s);
                vec![id; raw.rows]
            }
            None => match raw.cells(raw.position(symbol_column).unwrap_or_default()) {
                Cells::Text(c) => c.iter().map(|s| ids.of(s.unwrap_or_default())).collect(),
                other => (0..raw.rows).map(|row| ids.of(other.label(row).as_deref().unwrap_or_default())).collect(),
            },
        }
    };
    let (row_ids, values) = rayon::join(&mut number_rows, || values(raw, spec.kind, spec));
    let in_file: Vec<String> = ids.met.iter().map(|m| m.name.clone()).collect();
    ids.names.check_all_there(&raw.file, &in_file)?;
    let met = &ids.met;
    let column = Column { raw, at: position, ids: Some(&row_ids), symbols: met.len() };
    let midnights = daily::settle(&column, spec, clock, &mut times, &mut time_bad);
    let (mut decoded, times) = assemble(Parts { raw, spec, symbol_column, times, time_bad, met, row_ids, values });
    decoded.table.notes.midnights = midnights;
    if decoded.table.is_empty() && decoded.errors.is_empty() {
        return Err(decode::nothing_left(raw, spec, &times));
    }
    Ok(decoded)
}

/// The table, and the times of all rows when not all of them are in it.
fn assemble(parts: Parts<'_>) -> (Decoded, Vec<i64>) {
    let Parts { raw, spec, symbol_column, times, time_bad, met, row_ids, values } = parts;
    let range = Range::new(spec);
    let mut errors = Vec::new();
    let mut last = vec![NO_TIME; met.len()];
    let mut holes = vec![0_usize; met.len()];
    let mut notes = Notes { rows: raw.rows, volumes_unknown: values.volumes_unknown, ..Notes::default() };
    let mut kept: Vec<u32> = Vec::with_capacity(raw.rows);
    let (mut time_bad, mut bad) = (time_bad.into_iter().peekable(), values.bad.iter().peekable());
    let wanted: Vec<bool> = met.iter().map(|m| matches!(m.symbol, Ok(Some(_)))).collect();
    let (good, _) = decode::column(raw.rows, "", false, |row| {
        Ok(values.complete(row, spec.kind) && values.check(row, spec.kind).is_none())
    });
    let strictly = i64::from(decode::strictly_later(spec.kind));
    let mut next_bad = bad.peek().map_or(usize::MAX, |b| b.row);
    for (row, ((&time, &id), &good)) in times.iter().zip(&row_ids).zip(&good).enumerate() {
        let id = id as usize;
        // Nearly every row: nothing wrong with it, and asked for. A time that is not known is before every other.
        let later = time > last[id] || (strictly == 0 && time == last[id] && time != NO_TIME);
        if good && later && row != next_bad && wanted[id] && range.contains(time) {
            last[id] = time;
            kept.push(row as u32);
            continue;
        }
        let first_fault = bad.next_if(|b| b.row == row);
        // Further faults of the same row say nothing new about it.
        while bad.next_if(|b| b.row == row).is_some() {}
        next_bad = bad.peek().map_or(usize::MAX, |b| b.row);
        let time_fault = time_bad.next_if(|b| b.row == row);
        match &met[id].symbol {
            Ok(Some(_)) => {}
            Ok(None) => {
                notes.left_out += 1;
                continue;
            }
            Err(p) => {
                errors.push(raw.error(row, Some(symbol_column), p.clone()));
                continue;
            }
        }
        let (complete, started) = (values.complete(row, spec.kind), last[id] != NO_TIME);
        if let Some(b) = time_fault {
            if !complete && first_fault.is_none() && decode::excusable(&b.problem) {
                notes.empty_rows += 1;
            } else if spec.skip_holidays && matches!(b.problem, Problem::NotASession { .. }) {
                notes.holiday_rows += 1;
            } else {
                errors.push(raw.error(row, b.column.as_deref(), b.problem));
            }
        } else if !range.contains(time) {
            notes.left_out += 1;
        } else if let Some(p) = decode::order(spec.kind, &met[id].name, last[id], time).filter(|_| started) {
            errors.push(raw.error(row, None, p));
        } else if let Some(b) = first_fault {
            errors.push(raw.error(row, b.column.as_deref(), b.problem.clone()));
        } else if !complete {
            holes[id] += usize::from(started);
            if spec.on_missing == OnMissing::Error && started {
                errors.push(raw.error(row, None, Problem::MissingValue));
            }
        } else if let Some(p) = values.check(row, spec.kind) {
            errors.push(raw.error(row, None, p));
        }
    }
    // Symbols that have at least one row, by name.
    let mut symbols: Vec<(Symbol, usize)> = met
        .iter()
        .enumerate()
        .filter(|(i, _)| last[*i] != NO_TIME)
        .filter_map(|(i, m)| Some((m.symbol.clone().ok()??, i)))
        .collect();
    symbols.sort();
    let mut rank = vec![0_u32; met.len()];
    for (r, (_, i)) in symbols.iter().enumerate() {
        rank[*i] = r as u32;
    }
    notes.missing = symbols.iter().map(|s| holes[s.1]).collect();
    let all = kept.len() == raw.rows;
    let (ids, (rows, columns)) = rayon::join(
        || kept.iter().map(|&i| rank[row_ids[i as usize] as usize]).collect(),
        || {
            let rows = kept.iter().map(|&i| i + 1).collect();
            (rows, values.columns(spec.kind, (!all).then_some(kept.as_slice())))
        },
    );
    let some = if all { Vec::new() } else { kept.iter().map(|&i| times[i as usize]).collect() };
    let (times, left) = if all { (times, some) } else { (some, times) };
    let table = EventTable {
        file: raw.file.clone(),
        kind: spec.kind,
        adjusted: spec.adjusted,
        symbols: symbols.iter().map(|s| s.0).collect(),
        times,
        ids,
        rows,
        columns,
        notes,
    };
    let names: Vec<String> = symbols.iter().filter_map(|s| met.get(s.1)).map(|m| m.name.clone()).collect();
    let (table, twice) = merge_names(table, &names, spec.on_overlap);
    errors.extend(twice);
    (Decoded { table: sorted(table), errors }, left)
}
