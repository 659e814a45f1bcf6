//! The US equity calendar: which days are sessions, and when they open and close.

mod rules;

pub use self::rules::Disruption;

use std::sync::LazyLock;

use crate::event::{Event, MarketData, Origin};
use crate::time::Time;
use jiff::civil::{Date, time};
use jiff::tz::TimeZone;

/// One trading session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The civil date in New York.
    pub date: Date,
    /// Regular trading begins (09:30 New York).
    pub open: Time,
    /// Regular trading ends (16:00 New York, or earlier on days announced in advance).
    pub close: Time,
    /// Whether it ends earlier than 16:00.
    pub early: bool,
}

/// Sessions of an exchange between two dates.
///
/// ```
/// use tradewind_core_types::{Calendar, Date};
/// let nyse = Calendar::us_equities();
/// let day = |s: &str| s.parse::<Date>().unwrap();
/// assert!(!nyse.is_session(day("2001-09-11")));
/// let s = nyse.session(day("2015-11-27")).unwrap();
/// assert!(s.early);
/// assert_eq!(s.close.to_string(), "2015-11-27T18:00:00Z");
/// assert_eq!(nyse.next(day("2015-08-21")).unwrap().date, day("2015-08-24"));
/// ```
#[derive(Debug)]
pub struct Calendar {
    zone: TimeZone,
    first: Date,
    last: Date,
    sessions: Vec<Session>,
    /// For each day from `first`: how many sessions lie before it, and whether it is one.
    days: Vec<(u32, bool)>,
}

/// The zone all exchange times are in.
pub const NEW_YORK: &str = "America/New_York";
/// First and last year of the calendar.
const YEARS: (i16, i16) = (1990, 2035);

static US_EQUITIES: LazyLock<Calendar> = LazyLock::new(Calendar::build);

impl Calendar {
    /// NYSE and Nasdaq, 1990-01-01 to 2035-12-31: by rule, with the special closures up to 2026.
    ///
    /// Hours are the scheduled ones, as in `exchange_calendars` XNYS, with which it agrees on every session and close of
    /// 1990 to 2026; unscheduled interruptions are listed by [`Calendar::disruptions`].
    pub fn us_equities() -> &'static Calendar {
        &US_EQUITIES
    }

    fn build() -> Self {
        // The zone database is compiled in, so this falls back only if the name itself disappeared from it.
        let zone = TimeZone::get(NEW_YORK).unwrap_or(TimeZone::UTC);
        let first = Date::constant(YEARS.0, 1, 1);
        let last = Date::constant(YEARS.1, 12, 31);
        let mut c = Self { zone, first, last, sessions: Vec::new(), days: Vec::new() };
        for date in first.series(jiff::Span::new().days(1)).take_while(|d| *d <= last) {
            let open_day = rules::closure(date).is_none();
            c.days.push((c.sessions.len() as u32, open_day));
            if open_day {
                let early = rules::early_close(date);
                let open = c.instant(date, 9, 30);
                let close = c.instant(date, early.unwrap_or(16), 0);
                c.sessions.push(Session { date, open, close, early: early.is_some() });
            }
        }
        c
    }

    /// A New York wall time; sessions never fall into the hour that a change of clocks skips or repeats.
    fn instant(&self, date: Date, hour: i8, minute: i8) -> Time {
        date.to_datetime(time(hour, minute, 0, 0))
            .to_zoned(self.zone.clone())
            .ok()
            .and_then(|z| Time::from_timestamp(z.timestamp()).ok())
            .unwrap_or_default()
    }

    fn day(&self, date: Date) -> Option<(u32, bool)> {
        if date < self.first {
            return None;
        }
        let n = date.since(self.first).ok()?.get_days();
        self.days.get(usize::try_from(n).ok()?).copied()
    }

    /// First and last date it knows.
    pub fn range(&self) -> (Date, Date) {
        (self.first, self.last)
    }
    /// Whether it knows this date.
    pub fn covers(&self, date: Date) -> bool {
        (self.first..=self.last).contains(&date)
    }
    /// Whether there is trading on a date; false outside [`Calendar::range`].
    pub fn is_session(&self, date: Date) -> bool {
        self.day(date).is_some_and(|d| d.1)
    }
    /// The session of a date, if it is one.
    pub fn session(&self, date: Date) -> Option<Session> {
        let (n, open) = self.day(date)?;
        if open { self.sessions.get(n as usize).copied() } else { None }
    }
    /// All sessions with `from <= date <= to`.
    pub fn sessions(&self, from: Date, to: Date) -> &[Session] {
        let a = self.sessions.partition_point(|s| s.date < from);
        let b = self.sessions.partition_point(|s| s.date <= to);
        self.sessions.get(a..b).unwrap_or(&[])
    }
    /// The first session after a date.
    pub fn next(&self, date: Date) -> Option<Session> {
        self.sessions.get(self.sessions.partition_point(|s| s.date <= date)).copied()
    }
    /// The last session before a date.
    pub fn previous(&self, date: Date) -> Option<Session> {
        let n = self.sessions.partition_point(|s| s.date < date);
        n.checked_sub(1).and_then(|i| self.sessions.get(i)).copied()
    }
    /// The session that is running at an instant (both ends included).
    pub fn session_at(&self, t: Time) -> Option<Session> {
        self.sessions.get(self.index_at(t)).copied().filter(|s| s.open <= t)
    }
    /// The session that is running at an instant or, between sessions, the next one.
    pub fn session_or_next(&self, t: Time) -> Option<Session> {
        self.sessions
            .get(self.index_at(t))
            .copied()
            .filter(|_| t >= self.sessions.first().map_or(Time::MAX, |s| s.open))
    }
    /// Position of the first session that closes at `t` or later, counted from the start of the calendar.
    pub fn index_at(&self, t: Time) -> usize {
        self.sessions.partition_point(|s| s.close < t)
    }
    /// All sessions.
    pub fn all(&self) -> &[Session] {
        &self.sessions
    }
    /// The civil date in New York at an instant.
    pub fn date_of(&self, t: Time) -> Date {
        self.zone.to_datetime(t.timestamp()).date()
    }
    /// Why there is no trading on a date (`"Good Friday"`), or `None` when there is.
    pub fn closed_for(&self, date: Date) -> Option<&'static str> {
        rules::closure(date)
    }
    /// Days since 1990 on which trading began late or ended early without having been scheduled so.
    pub fn disruptions(&self) -> &'static [Disruption] {
        rules::DISRUPTIONS
    }
    /// `SessionOpen` and `SessionClose` of the sessions with `from <= date <= to`, in time order, as a source of events.
    pub fn events(&'static self, from: Date, to: Date, source: u16) -> impl Iterator<Item = Event> + Send {
        self.sessions(from, to).iter().zip(1_u32..).flat_map(move |(s, row)| {
            let event = |time, data| Event { time, symbol: None, origin: Origin { source, row }, data };
            [event(s.open, MarketData::SessionOpen), event(s.close, MarketData::SessionClose)]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(s: &str) -> Date {
        s.parse().unwrap()
    }

    #[test]
    fn holidays_follow_the_rules_of_their_time() {
        let c = Calendar::us_equities();
        for (closed, why) in [
            ("2001-09-11", "terrorist attacks"),
            ("2004-06-11", "mourning for President Reagan"),
            ("2012-10-29", "hurricane Sandy"),
            ("1998-01-19", "Martin Luther King Jr. Day"),
            ("2022-06-20", "Juneteenth"),
            ("2015-04-03", "Good Friday"),
            ("2015-07-03", "Independence Day"),
            ("2015-08-23", "weekend"),
        ] {
            assert!(!c.is_session(d(closed)));
            assert_eq!(c.closed_for(d(closed)), Some(why), "{closed}");
        }
        // Before it was a holiday; a New Year's Day on a Saturday is not made up for on Friday.
        for open in ["1997-01-20", "2021-06-18", "2010-12-31", "2021-12-31"] {
            assert!(c.is_session(d(open)), "{open}");
        }
        assert_eq!(c.closed_for(d("2015-08-24")), None);
    }

    #[test]
    fn neighbours_and_instants() {
        let c = Calendar::us_equities();
        assert_eq!(c.previous(d("2001-09-17")).unwrap().date, d("2001-09-10"));
        assert_eq!(c.next(d("2001-09-10")).unwrap().date, d("2001-09-17"));
        assert_eq!(c.sessions(d("2015-12-24"), d("2015-12-28")).len(), 2);
        let s = c.session(d("2015-03-09")).unwrap();
        // The first session of daylight saving time opens at 13:30 UTC.
        assert_eq!(s.open.to_string(), "2015-03-09T13:30:00Z");
        assert_eq!(c.session_at(s.open).unwrap().date, s.date);
        assert_eq!(c.session_at(s.close).unwrap().date, s.date);
        assert!(c.session_at(Time::from_nanos(s.close.nanos() + 1)).is_none());
        assert!(c.session_at(Time::MAX).is_none() && c.session_at(Time::MIN).is_none());
        assert_eq!(c.date_of("2015-03-10T03:00:00Z".parse().unwrap()), s.date);
        assert!(!c.covers(d("1989-12-29")) && c.session(d("1989-12-29")).is_none());
        assert!(c.next(d("2035-12-31")).is_none() && c.previous(d("1990-01-02")).is_none());
        let e: Vec<Event> = c.events(d("2015-12-24"), d("2015-12-28"), 3).collect();
        assert_eq!(e.len(), 4);
        assert_eq!((e[1].time.to_string(), e[1].origin.row), ("2015-12-24T18:00:00Z".to_owned(), 1));
    }
}
