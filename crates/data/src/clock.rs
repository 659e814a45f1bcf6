//! Times as files write them, to UTC instants.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use tradewind_core_types::{BadInput, Invalid, Span, Time};

use crate::error::Problem;
use crate::raw::{Cells, shorten};
use crate::spec::{At, EpochUnit, SourceSpec};
use tradewind_core_types::Calendar;

/// How a source writes its times.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    calendar: &'static Calendar,
    at: At,
    midnight_is_date: bool,
    zone: Option<(String, TimeZone)>,
    epoch: Option<EpochUnit>,
    delay: Span,
}

/// The date so many days after 1970-01-01.
pub(crate) fn date_of_days(days: i32) -> Date {
    Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().days(days.clamp(-2_000_000, 2_000_000)))
}

impl Clock {
    pub(crate) fn new(spec: &SourceSpec) -> Result<Self, Invalid> {
        let zone = match &spec.timezone {
            None => None,
            Some(name) => {
                let zone = TimeZone::get(name).map_err(|e| Invalid::one("timezone", e.to_string()))?;
                Some((name.clone(), zone))
            }
        };
        Ok(Self {
            calendar: Calendar::us_equities(),
            at: spec.at,
            midnight_is_date: spec.midnight_is_date,
            zone,
            epoch: spec.epoch,
            delay: Span::from_secs(i64::from(spec.delay_seconds)),
        })
    }

    /// The instant of a cell.
    #[inline]
    pub(crate) fn read(&self, cells: &Cells, row: usize) -> Result<Time, Problem> {
        let time = match cells {
            Cells::Text(_) => match cells.text(row) {
                Some(s) => self.text(s),
                None => Err(Problem::NotATime { found: String::new() }),
            },
            Cells::Time { nanos, zoned } => match nanos.get(row) {
                Some(n) if *zoned => self.instant(Time::from_nanos(n)),
                Some(n) => self.local(civil(n), &Time::from_nanos(n).to_string().replace('Z', "")),
                None => Err(Problem::NotATime { found: String::new() }),
            },
            Cells::Date(days) => match days.get(row) {
                Some(d) => self.date(date_of_days(d)),
                None => Err(Problem::NotATime { found: String::new() }),
            },
            Cells::Int(c) => match c.get(row) {
                Some(n) => self.number(n, &n.to_string()),
                None => Err(Problem::NotATime { found: String::new() }),
            },
            other => Err(Problem::ColumnType { found: other.found(), expected: "times or dates" }),
        }?;
        Ok(time.plus(self.delay))
    }

    /// Instants that are known already, by the delay later; none when some of them may be dates.
    pub(crate) fn instants(&self, nanos: &[i64]) -> Option<Vec<i64>> {
        (!self.midnight_is_date).then(|| nanos.iter().map(|n| n.saturating_add(self.delay.nanos())).collect())
    }

    /// An instant, unless it stands for a date.
    fn instant(&self, t: Time) -> Result<Time, Problem> {
        match civil(t.nanos()) {
            c if self.midnight_is_date && c.time() == jiff::civil::Time::midnight() => self.date(c.date()),
            _ => Ok(t),
        }
    }

    fn text(&self, s: &str) -> Result<Time, Problem> {
        let bad = || Problem::NotATime { found: shorten(s) };
        if let Some(date) = plain_date(s.as_bytes()) {
            return self.date(date.ok_or_else(bad)?);
        }
        if let Ok(t) = s.parse::<jiff::Timestamp>() {
            return Time::from_timestamp(t).map_err(|_: BadInput| bad()).and_then(|t| self.instant(t));
        }
        if let Ok(n) = s.parse::<i64>() {
            return self.number(n, s);
        }
        // `DateTime` would also take a text with an offset and drop it: those were read above or are malformed.
        match s.parse::<DateTime>() {
            Ok(t) if s.len() >= 16 && !s.ends_with(['Z', 'z', ']']) && !has_offset(s) => self.local(t, s),
            _ => Err(bad()),
        }
    }

    fn number(&self, n: i64, found: &str) -> Result<Time, Problem> {
        self.epoch
            .and_then(|unit| n.checked_mul(unit.nanos()))
            .map(Time::from_nanos)
            .ok_or_else(|| Problem::NotATime { found: found.into() })
    }

    fn local(&self, t: DateTime, found: &str) -> Result<Time, Problem> {
        if self.midnight_is_date && t.time() == jiff::civil::Time::midnight() {
            return self.date(t.date());
        }
        let (name, zone) = self.zone.as_ref().ok_or_else(|| Problem::TimeZoneMissing { found: shorten(found) })?;
        zone.to_ambiguous_timestamp(t)
            .unambiguous()
            .ok()
            .and_then(|t| Time::from_timestamp(t).ok())
            .ok_or_else(|| Problem::AmbiguousTime { found: shorten(found), zone: name.clone() })
    }

    /// A bare date: the open or close of its session.
    #[inline]
    pub(crate) fn date(&self, date: Date) -> Result<Time, Problem> {
        match self.calendar.session(date) {
            Some(s) if self.at == At::Close => Ok(s.close),
            Some(s) => Ok(s.open),
            None => Err(self.not_a_session(date)),
        }
    }

    fn not_a_session(&self, date: Date) -> Problem {
        if !self.calendar.covers(date) {
            let (from, to) = self.calendar.range();
            return Problem::OutsideCalendar { date: date.to_string(), from: from.to_string(), to: to.to_string() };
        }
        let near = |s: Option<crate::Session>| s.map_or_else(|| "none".to_owned(), |s| s.date.to_string());
        Problem::NotASession {
            date: date.to_string(),
            why: self.calendar.closed_for(date).unwrap_or("closed").into(),
            next: format!(
                "the sessions around it are {} and {}",
                near(self.calendar.previous(date)),
                near(self.calendar.next(date))
            ),
        }
    }
}

fn civil(nanos: i64) -> DateTime {
    TimeZone::UTC.to_datetime(Time::from_nanos(nanos).timestamp())
}

/// Whether `+hh:mm` or `-hh` follows the time of day.
fn has_offset(s: &str) -> bool {
    s.get(11..).is_none_or(|rest| rest.contains(['+', '-']))
}

/// `YYYY-MM-DD` exactly: the date, or `Some(None)` when there is no such day.
#[inline]
fn plain_date(b: &[u8]) -> Option<Option<Date>> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = b else { return None };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2];
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let n = |b: u8| i16::from(b - b'0');
    let year = n(y1) * 1000 + n(y2) * 100 + n(y3) * 10 + n(y4);
    Some(Date::new(year, (n(m1) * 10 + n(m2)) as i8, (n(d1) * 10 + n(d2)) as i8).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(edit: impl FnOnce(&mut SourceSpec)) -> Clock {
        let mut spec = SourceSpec::default();
        edit(&mut spec);
        Clock::new(&spec).unwrap()
    }

    #[test]
    fn dates_are_session_closes_and_times_need_a_zone() {
        let c = clock(|_| ());
        let ok = |s: &str| c.text(s).unwrap().to_string();
        assert_eq!(ok("2015-08-24"), "2015-08-24T20:00:00Z");
        assert_eq!(ok("2015-11-27"), "2015-11-27T18:00:00Z");
        assert_eq!(ok("2015-08-24T15:59:00-04:00"), "2015-08-24T19:59:00Z");
        assert_eq!(ok("2015-08-24 15:59:00+00:00"), "2015-08-24T15:59:00Z");
        assert_eq!(ok("2015-08-24T15:59:00.123456789Z"), "2015-08-24T15:59:00.123456789Z");
        assert!(matches!(c.text("2015-08-24T15:59:00"), Err(Problem::TimeZoneMissing { .. })));
        assert!(matches!(c.text("2015-08-24 15:59"), Err(Problem::TimeZoneMissing { .. })));
        assert!(matches!(c.text("2015-08-23"), Err(Problem::NotASession { .. })));
        assert!(matches!(c.text("1962-01-02"), Err(Problem::OutsideCalendar { .. })));
        for bad in
            ["2015-02-30", "24.08.2015", "08/24/2015", "x", "2015-08-24T25:00:00Z", "1440446400", "20150824", "-"]
        {
            assert!(matches!(c.text(bad), Err(Problem::NotATime { .. })), "{bad}");
        }
    }

    #[test]
    fn zones_epochs_and_delays() {
        let c = clock(|s| s.timezone = Some("America/New_York".into()));
        assert_eq!(c.text("2015-08-24T15:59:00").unwrap().to_string(), "2015-08-24T19:59:00Z");
        // Clocks went back at 02:00 on 2015-11-01: 01:30 was there twice; forward on 2015-03-08: 02:30 never was.
        for s in ["2015-11-01T01:30:00", "2015-03-08T02:30:00"] {
            assert!(matches!(c.text(s), Err(Problem::AmbiguousTime { .. })), "{s}");
        }
        let c = clock(|s| s.epoch = Some(EpochUnit::Milliseconds));
        assert_eq!(c.text("1440446400000").unwrap().to_string(), "2015-08-24T20:00:00Z");
        assert!(c.text("9223372036854775807").is_err());
        let c = clock(|s| s.midnight_is_date = true);
        for midnight in ["2015-11-27 00:00:00", "2015-11-27T00:00", "2015-11-27T00:00:00Z"] {
            assert_eq!(c.text(midnight).unwrap().to_string(), "2015-11-27T18:00:00Z", "{midnight}");
        }
        assert_eq!(c.text("2015-11-27T00:00:01Z").unwrap().to_string(), "2015-11-27T00:00:01Z");
        assert!(c.text("2015-11-28T00:00").is_err());
        let c = clock(|s| {
            s.at = At::Open;
            s.delay_seconds = 60;
        });
        let cells = Cells::Date([Some(16_671)].into_iter().collect());
        assert_eq!(c.read(&cells, 0).unwrap().to_string(), "2015-08-24T13:31:00Z");
        let naive = Cells::Time { nanos: [Some(0_i64)].into_iter().collect(), zoned: false };
        assert!(matches!(c.read(&naive, 0), Err(Problem::TimeZoneMissing { .. })));
    }
}
