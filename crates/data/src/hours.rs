//! When the bars of a table say that they were known, against the sessions: notes for whoever runs on them.

use tradewind_core_types::{Span, Time};

use crate::spec::{Kind, SourceSpec};
use crate::table::EventTable;
use tradewind_core_types::{Calendar, Session};

/// What the times of bars and levels tell; all zero for other kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hours {
    /// Daily ones known before their session's close, because `daily` or `at` says so or their stamps differ.
    pub early_daily: usize,
    /// Daily ones stamped outside their session: decisions at its close do not see them.
    pub late_daily: usize,
    /// Others outside regular hours.
    pub outside: usize,
    /// Sessions of a symbol whose first bar is stamped at the open and none at the close, when bars are never stamped otherwise: they
    /// are then stamped at their start.
    pub from_the_open: usize,
    /// Seconds between such bars, the fewest.
    pub step: u32,
}

/// What is known of one symbol on the way.
#[derive(Clone, Copy, Default)]
struct Day {
    /// Position of the session, counted from 1.
    session: usize,
    bars: u32,
    first_at_open: bool,
    last: Time,
    step: Option<Span>,
}

/// Sums over symbols and sessions.
#[derive(Default)]
struct Sums {
    /// Whether no symbol has two bars in a session.
    one_a_session: bool,
    before_close: usize,
    outside: usize,
    at_start: usize,
    at_end: usize,
    step: Option<Span>,
}

impl Sums {
    fn end(&mut self, day: Day, session: &Session) {
        if day.bars < 2 {
            return;
        }
        self.one_a_session = false;
        let ended = day.last == session.close;
        self.at_start += usize::from(day.first_at_open && !ended);
        self.at_end += usize::from(ended && !day.first_at_open);
        self.step = self.step.into_iter().chain(day.step).min();
    }
}

/// Looks at the times of a table of bars or levels.
pub(crate) fn of(table: &EventTable, spec: &SourceSpec) -> Hours {
    if !matches!(spec.kind, Kind::Bar | Kind::Index) {
        return Hours::default();
    }
    let all = Calendar::us_equities().all();
    let delay = Span::from_secs(i64::from(spec.delay_seconds));
    let mut days = vec![Day::default(); table.symbols().len()];
    let mut sums = Sums { one_a_session: true, ..Sums::default() };
    // Times are in order: the session of each is the one before or a later one.
    let mut at = 0;
    for (&time, &id) in table.times.iter().zip(&table.ids) {
        let (known, stamp) = (Time::from_nanos(time), Time::from_nanos(time.saturating_sub(delay.nanos())));
        if all.get(at).is_none_or(|s| s.close < stamp) {
            at = Calendar::us_equities().index_at(stamp);
        }
        let (Some(day), Some(session)) = (days.get_mut(id as usize), all.get(at)) else {
            sums.outside += 1;
            continue;
        };
        // After a session's close counts as of it, until the next one's day begins.
        let before = at.checked_sub(1).and_then(|i| all.get(i)).filter(|s| stamp < session.open && same_day(s, stamp));
        let (number, session) = before.map_or((at + 1, session), |s| (at, s));
        sums.outside += usize::from(stamp < session.open || session.close < stamp);
        sums.before_close += usize::from(known < session.close);
        if day.session == number {
            day.bars += 1;
            day.step = day.step.into_iter().chain([known.since(day.last)]).min();
        } else {
            if let Some(ended) = day.session.checked_sub(1).and_then(|i| all.get(i)) {
                sums.end(*day, ended);
            }
            *day = Day { session: number, bars: 1, first_at_open: known == session.open, ..Day::default() };
        }
        day.last = known;
    }
    for day in &days {
        if let Some(ended) = day.session.checked_sub(1).and_then(|i| all.get(i)) {
            sums.end(*day, ended);
        }
    }
    let step = sums.step.map_or(0, |s| u32::try_from(s.nanos() / 1_000_000_000).unwrap_or(0));
    let start = if sums.at_end * 10 <= sums.at_start && step > 0 { sums.at_start } else { 0 };
    // A delay says that the time is meant.
    let late = if spec.delay_seconds > 0 { 0 } else { sums.outside };
    match sums.one_a_session {
        true => Hours { early_daily: sums.before_close, late_daily: late, ..Hours::default() },
        false => Hours { outside: late, from_the_open: start, step, ..Hours::default() },
    }
}

/// Whether an instant after a session's close still is of its day in New York.
fn same_day(s: &Session, t: Time) -> bool {
    s.close.new_york().0 == t.new_york().0
}
