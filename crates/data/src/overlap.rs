//! The same symbol twice: in two files, or under two names of one file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tradewind_core_types::{Symbol, Time};

use crate::error::{DataError, Problem};
use crate::spec::{Kind, OnOverlap};
use crate::table::EventTable;

/// Bars and levels are both what a symbol closed at.
fn group(kind: Kind) -> (u8, &'static str) {
    match kind {
        Kind::Bar | Kind::Index => (0, "prices"),
        Kind::Trade => (1, "trades"),
        _ => (2, "quotes"),
    }
}

/// One series of one piece (a file, or a name in a file): its symbol, and when it begins and ends.
#[derive(Debug, Clone, Copy)]
struct Series {
    group: (u8, &'static str),
    symbol: Symbol,
    first: i64,
    last: i64,
}

/// What a piece has of a day: first and last instant, and the row of the first.
#[derive(Debug, Clone, Copy)]
struct Part {
    piece: usize,
    first: i64,
    last: i64,
    row: u32,
}

/// Two pieces that hold the same.
struct Clash {
    symbol: Symbol,
    what: &'static str,
    day: i64,
    parts: [Part; 2],
}

/// (group, symbol, day) of a piece that does not count.
type Loser = (usize, u8, Symbol, i64);

/// Which of the series meet: those of one symbol and group between whose first and last day others lie.
fn meeting(series: &[Series]) -> BTreeSet<(u8, Symbol)> {
    let day = |t: i64| Time::from_nanos(t).new_york().0;
    let mut by_key: BTreeMap<(u8, Symbol), Vec<(i64, i64)>> = BTreeMap::new();
    for s in series {
        by_key.entry((s.group.0, s.symbol)).or_default().push((day(s.first), day(s.last)));
    }
    by_key
        .into_iter()
        .filter_map(|(key, mut spans)| {
            spans.sort_unstable();
            spans.windows(2).any(|w| w[1].0 <= w[0].1).then_some(key)
        })
        .collect()
}

/// Who loses on which days, by what each piece has of them; the first clash by day where nothing says who counts.
fn losers(
    days: BTreeMap<(i64, u8, Symbol), Vec<Part>>,
    what: impl Fn(u8) -> &'static str,
    policy: impl Fn(usize) -> Option<OnOverlap>,
) -> Result<BTreeSet<Loser>, Clash> {
    let mut out = BTreeSet::new();
    for ((day, group, symbol), parts) in days {
        let mut kept: Vec<Part> = Vec::new();
        for part in parts {
            // Trades of the morning and of the afternoon are no overlap.
            let meets = |k: &Part| group == 0 || (k.first <= part.last && part.first <= k.last);
            let Some(other) = kept.iter().position(meets) else {
                kept.push(part);
                continue;
            };
            match policy(part.piece).or_else(|| policy(kept[other].piece)) {
                None => return Err(Clash { symbol, what: what(group), day, parts: [kept[other], part] }),
                Some(OnOverlap::Keep) => kept.push(part),
                Some(OnOverlap::First) => {
                    out.insert((part.piece, group, symbol, day));
                }
                Some(OnOverlap::Last) => {
                    kept.retain(|k| !meets(k) || !out.insert((k.piece, group, symbol, day)));
                    kept.push(part);
                }
            }
        }
    }
    Ok(out)
}

/// First and last instant of each symbol's events, by position of the symbol.
fn spans(table: &EventTable) -> Vec<Option<(i64, i64)>> {
    let mut out: Vec<Option<(i64, i64)>> = vec![None; table.symbols.len()];
    for (t, id) in table.times.iter().zip(&table.ids) {
        if let Some(s) = out.get_mut(*id as usize) {
            *s = Some(s.map_or((*t, *t), |(a, b)| (a.min(*t), b.max(*t))));
        }
    }
    out
}

/// What a table has of each day of the symbols that meet; `piece` tells whose an event is by the position of its symbol.
fn gather(
    table: &EventTable,
    keys: &BTreeSet<(u8, Symbol)>,
    piece: impl Fn(usize) -> usize,
    days: &mut BTreeMap<(i64, u8, Symbol), Vec<Part>>,
) {
    let group = group(table.kind).0;
    let wanted: Vec<bool> = table.symbols.iter().map(|s| keys.contains(&(group, *s))).collect();
    // Events come by time: the day of one is nearly always that of the one before.
    let mut of_table: HashMap<(i64, usize), Part> = HashMap::new();
    for ((&t, &id), &row) in table.times.iter().zip(&table.ids).zip(&table.rows) {
        let id = id as usize;
        if wanted.get(id) != Some(&true) {
            continue;
        }
        let day = Time::from_nanos(t).new_york().0;
        let part = of_table.entry((day, id)).or_insert(Part { piece: piece(id), first: t, last: t, row });
        if t < part.first {
            (part.first, part.row) = (t, row);
        }
        part.last = part.last.max(t);
    }
    let mut parts: Vec<_> = of_table.into_iter().collect();
    parts.sort_unstable_by_key(|((day, id), _)| (*day, *id));
    for ((day, id), part) in parts {
        if let Some(symbol) = table.symbols.get(id) {
            days.entry((day, group, *symbol)).or_default().push(part);
        }
    }
}

/// The table without the events that do not count, and how many these were.
fn without(table: EventTable, losers: &BTreeSet<Loser>, piece: impl Fn(usize) -> usize) -> (EventTable, usize) {
    let group = group(table.kind).0;
    let lost: BTreeSet<(usize, Symbol)> = losers.iter().filter(|l| l.1 == group).map(|l| (l.0, l.2)).collect();
    let touched: Vec<bool> = (0..).zip(&table.symbols).map(|(i, s)| lost.contains(&(piece(i), *s))).collect();
    let keep: Vec<u32> = (0_u32..)
        .zip(table.times.iter().zip(&table.ids))
        .filter(|(_, (t, id))| {
            let id = **id as usize;
            let hit = || {
                let symbol = table.symbols.get(id);
                let day = Time::from_nanos(**t).new_york().0;
                symbol.is_some_and(|s| losers.contains(&(piece(id), group, *s, day)))
            };
            touched.get(id) != Some(&true) || !hit()
        })
        .map(|(i, _)| i)
        .collect();
    let gone = table.len() - keep.len();
    if gone == 0 { (table, 0) } else { (table.permuted(&keep), gone) }
}

fn date(day: i64) -> String {
    crate::clock::date_of_days(i32::try_from(day).unwrap_or(i32::MAX)).to_string()
}

/// A table in which a symbol may stand several times in `symbols`, under the names `names`, as one in which it stands once;
/// and the error when two of its names have rows of one session and `policy` does not say which counts.
pub(crate) fn merge_names(
    mut table: EventTable,
    names: &[String],
    policy: Option<OnOverlap>,
) -> (EventTable, Option<DataError>) {
    if table.symbols.windows(2).all(|w| w[0] != w[1]) {
        return (table, None);
    }
    let kind = group(table.kind);
    let series: Vec<Series> = table
        .symbols
        .iter()
        .zip(spans(&table))
        .filter_map(|(s, span)| span.map(|(first, last)| Series { group: kind, symbol: *s, first, last }))
        .collect();
    let mut days = BTreeMap::new();
    gather(&table, &meeting(&series), |id| id, &mut days);
    let clash = match losers(days, |_| kind.1, |_| policy) {
        Ok(losers) => {
            let (kept, gone) = without(table, &losers, |id| id);
            table = kept;
            table.notes.overlaps += gone;
            None
        }
        Err(clash) => Some(clash),
    };
    // One number for all names of a symbol.
    let mut number = 0_u32;
    let mut numbers = Vec::with_capacity(table.symbols.len());
    for (i, s) in table.symbols.iter().enumerate() {
        number += u32::from(i > 0 && table.symbols.get(i - 1) != Some(s));
        numbers.push(number);
    }
    for id in &mut table.ids {
        *id = numbers.get(*id as usize).copied().unwrap_or_default();
    }
    table.symbols.dedup();
    let mut missing = vec![0; table.symbols.len()];
    for (n, count) in numbers.iter().zip(&table.notes.missing) {
        missing[*n as usize] += count;
    }
    table.notes.missing = missing;
    let Some(clash) = clash else { return (table, None) };
    let name = |p: &Part| names.get(p.piece).map_or("", String::as_str);
    let [a, b] = &clash.parts;
    let other = format!("row {} under the name {:?}", a.row, name(a));
    let problem = Problem::Overlap { symbol: clash.symbol.to_string(), what: clash.what, date: date(clash.day), other };
    let error = DataError::new(&*table.file, problem).at_row(u64::from(b.row)).in_column(name(b));
    (table, Some(error))
}

/// The tables of a run, in which each symbol's rows of a session come from one of them; `policies` are the `on_overlap` of their sources.
/// What is left out is counted in [`Notes::overlaps`](crate::Notes::overlaps).
///
/// # Errors
/// When two tables have a symbol's rows of one session and neither's policy says which counts: names both rows.
pub fn settle_overlaps(tables: &mut [Arc<EventTable>], policies: &[Option<OnOverlap>]) -> Result<(), DataError> {
    let mut series = Vec::new();
    for table in tables.iter() {
        for (symbol, span) in table.symbols.iter().zip(spans(table)) {
            if let Some((first, last)) = span {
                series.push(Series { group: group(table.kind), symbol: *symbol, first, last });
            }
        }
    }
    let keys = meeting(&series);
    if keys.is_empty() {
        return Ok(());
    }
    let mut days = BTreeMap::new();
    for (piece, table) in tables.iter().enumerate() {
        gather(table, &keys, |_| piece, &mut days);
    }
    let what = |g: u8| series.iter().find(|s| s.group.0 == g).map_or("rows", |s| s.group.1);
    let losers = losers(days, what, |p| policies.get(p).copied().flatten()).map_err(|clash| {
        let file = |p: &Part| tables.get(p.piece).map_or("", |t| t.file());
        let [a, b] = &clash.parts;
        let other = format!("{}, row {}", file(a), a.row);
        let problem =
            Problem::Overlap { symbol: clash.symbol.to_string(), what: clash.what, date: date(clash.day), other };
        DataError::new(file(b), problem).at_row(u64::from(b.row))
    })?;
    for (piece, table) in tables.iter_mut().enumerate() {
        if losers.iter().any(|l| l.0 == piece) {
            let (mut kept, gone) = without(EventTable::clone(table), &losers, |_| piece);
            kept.notes.overlaps += gone;
            *table = Arc::new(kept);
        }
    }
    Ok(())
}
