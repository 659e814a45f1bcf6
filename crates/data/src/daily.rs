//! Bars and levels that can only be daily ones, by their stamps: a session's close must not count as known before it.

use jiff::civil::{Date, DateTime};
use tradewind_core_types::{Calendar, Span, Time};

use crate::clock::Clock;
use crate::decode::{Bad, NO_TIME};
use crate::error::Problem;
use crate::raw::{Cells, RawTable};
use crate::spec::{Kind, SourceSpec};

/// The column of times of a table, and whose they are.
pub(crate) struct Column<'a> {
    pub(crate) raw: &'a RawTable,
    /// Its position.
    pub(crate) at: usize,
    /// For each row the number of its symbol; none when all symbols share the rows.
    pub(crate) ids: Option<&'a [u32]>,
    /// Number of symbols.
    pub(crate) symbols: usize,
}

/// A session's midnight in New York lies so long before its open. Clocks change on days without one.
const NIGHT: Span = Span::from_secs(9 * 3600 + 1800);

/// Reads the times of a symbol as dates when all of them are midnights before their session's close, and finds daily bars of other kinds
/// that are stamped before it. Gives the number of rows read as dates.
pub(crate) fn settle(
    column: &Column<'_>,
    spec: &SourceSpec,
    clock: &Clock,
    times: &mut [i64],
    bad: &mut Vec<Bad>,
) -> usize {
    let cells = column.raw.cells(column.at);
    if spec.daily.is_some() || !matches!(spec.kind, Kind::Bar | Kind::Index) || matches!(cells, Cells::Date(_)) {
        return 0;
    }
    let read = midnights(column, cells, clock, times, bad);
    if let Some((row, problem)) = early(column, cells, clock, times) {
        times[row] = NO_TIME;
        bad.push(column.bad(row, problem));
    }
    // Only what is added above is out of order.
    bad.sort_by_key(|b| b.row);
    read
}

impl Column<'_> {
    fn id(&self, row: usize) -> usize {
        self.ids.and_then(|ids| ids.get(row)).map_or(0, |id| *id as usize)
    }
    fn bad(&self, row: usize, problem: Problem) -> Bad {
        Bad { row, column: self.raw.names.get(self.at).cloned(), problem }
    }
}

/// The date of a stamp at midnight, unless it lies after that session's close already (by a delay).
fn midnight(cells: &Cells, clock: &Clock, row: usize, time: Time) -> Option<Date> {
    let date = clock.midnight(cells, row, time)?;
    Calendar::us_equities().session(date).is_none_or(|s| time < s.close).then_some(date)
}

fn midnights(column: &Column<'_>, cells: &Cells, clock: &Clock, times: &mut [i64], bad: &mut Vec<Bad>) -> usize {
    // Symbols of which every row so far is a midnight.
    let mut all: Vec<Option<bool>> = vec![None; column.symbols.max(1)];
    for (row, time) in times.iter().enumerate().filter(|t| *t.1 != NO_TIME) {
        if let Some(seen) = all.get_mut(column.id(row))
            && *seen != Some(false)
        {
            *seen = Some(midnight(cells, clock, row, Time::from_nanos(*time)).is_some());
        }
    }
    let mut read = 0;
    for (row, time) in times.iter_mut().enumerate().filter(|t| *t.1 != NO_TIME) {
        if all.get(column.id(row)) != Some(&Some(true)) {
            continue;
        }
        let Some(date) = clock.midnight(cells, row, Time::from_nanos(*time)) else { continue };
        match clock.dated(date) {
            Ok(t) => {
                *time = t.nanos();
                read += 1;
            }
            Err(mut problem) => {
                if let Problem::NotASession { why, .. } = &mut problem {
                    why.push_str("; its time, a midnight, is read as a date: `daily = false` if it is an instant");
                }
                *time = NO_TIME;
                bad.push(column.bad(row, problem));
            }
        }
    }
    read
}

/// The close of the session of whose day this is an instant before the close; `at` is where the last one was found.
fn close_after(t: Time, at: &mut usize) -> Option<Time> {
    let calendar = Calendar::us_equities();
    let all = calendar.all();
    // Sorted by time or by symbol, it is nearly always the same session or the next.
    let is_it = |i: usize| {
        all.get(i).is_some_and(|s| t <= s.close) && (i == 0 || all.get(i - 1).is_none_or(|before| before.close < t))
    };
    if !is_it(*at) {
        *at = if is_it(*at + 1) { *at + 1 } else { calendar.index_at(t) };
    }
    let s = all.get(*at)?;
    (s.open.since(t) <= NIGHT && t < s.close).then_some(s.close)
}

/// The first row stamped before its session's close, when there is at most one row a symbol and session and all are stamped at the same
/// time of day: in New York, of UTC, or as written.
fn early(column: &Column<'_>, cells: &Cells, clock: &Clock, times: &[i64]) -> Option<(usize, Problem)> {
    let mut at = 0;
    let known = || times.iter().enumerate().filter(|t| *t.1 != NO_TIME).map(|(row, t)| (row, Time::from_nanos(*t)));
    let (first, stamp) = known().find(|(_, t)| close_after(*t, &mut at).is_some())?;
    // (day, number of different days) by symbol.
    let mut days: Vec<(i64, usize)> = vec![(i64::MIN, 0); column.symbols.max(1)];
    let mut same: Option<[Option<i64>; 3]> = None;
    for (row, t) in known() {
        let (day, second) = t.new_york();
        let seen = days.get_mut(column.id(row))?;
        if seen.0 == day {
            return None;
        }
        *seen = (day, seen.1 + 1);
        // A bare date is what it says.
        let written = clock.written(cells, row, t)?;
        let hours = [i64::from(second), t.nanos().rem_euclid(Span::DAY.nanos()), of_day(written)];
        let left = same.get_or_insert(hours.map(Some));
        for (kept, now) in left.iter_mut().zip(hours) {
            *kept = kept.filter(|k| *k == now);
        }
        if left.iter().all(Option::is_none) {
            return None;
        }
    }
    if days.iter().all(|d| d.1 < 2) {
        return None;
    }
    let clock_of = |t: Time| {
        let second = t.new_york().1;
        format!("{:02}:{:02}", second / 3600, second / 60 % 60)
    };
    let close = close_after(stamp, &mut at)?;
    Some((first, Problem::EarlyDaily { at: clock_of(stamp), close: clock_of(close) }))
}

fn of_day(t: DateTime) -> i64 {
    i64::from(t.hour()) * 3600 + i64::from(t.minute()) * 60 + i64::from(t.second())
}
