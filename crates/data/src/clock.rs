//! Times as files write them, to UTC instants.

use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use tradewind_core_types::{BadInput, Calendar, Invalid, Span, Time};

use crate::error::Problem;
use crate::raw::{Cells, shorten};
use crate::spec::{At, EpochUnit, SourceSpec};

/// What a bare date stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dates {
    /// The close of its session.
    Close,
    /// The open of its session.
    Open,
    /// Its midnight in the zone of the source, or of UTC.
    Midnight,
}

/// How a source writes its times.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    calendar: &'static Calendar,
    dates: Dates,
    midnight_is_date: bool,
    /// Whether only the date of a time counts.
    daily: bool,
    zone: Option<(String, TimeZone)>,
    epoch: Option<EpochUnit>,
    delay: Span,
}

/// The date so many days after 1970-01-01.
pub(crate) fn date_of_days(days: i32) -> Date {
    Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().days(days.clamp(-2_000_000, 4_000_000)))
}

/// Every offset from UTC since 1980 is a multiple of this.
const QUARTER: i64 = 900 * 1_000_000_000;

/// The date of which a time is the midnight: as it is written, in New York, or of UTC.
fn midnight(t: Time, written: impl FnOnce() -> DateTime) -> Option<Date> {
    if t.nanos() % QUARTER != 0 {
        return None;
    }
    let written = written();
    let utc = civil(t.nanos());
    match t.new_york() {
        _ if written.time() == jiff::civil::Time::midnight() => Some(written.date()),
        (days, 0) => i32::try_from(days).ok().map(date_of_days),
        _ if utc.time() == jiff::civil::Time::midnight() => Some(utc.date()),
        _ => None,
    }
}

/// A text with an offset as calendar and clock show it there.
fn as_written(s: &str, t: Time) -> DateTime {
    let offset = Pieces::parse(s).ok().and_then(|p| p.to_numeric_offset());
    offset.map_or_else(|| civil(t.nanos()), |o| o.to_datetime(t.timestamp()))
}

impl Clock {
    pub(crate) fn new(spec: &SourceSpec) -> Result<Self, Invalid> {
        let dates = if spec.at == At::Close { Dates::Close } else { Dates::Open };
        Ok(Self {
            dates,
            midnight_is_date: spec.midnight_is_date,
            daily: spec.daily == Some(true),
            delay: Span::from_secs(i64::from(spec.delay_seconds)),
            ..Self::of_instants(spec.timezone.as_deref(), spec.epoch)?
        })
    }

    /// For columns that have nothing to do with sessions: a bare date is its midnight, and whole nanoseconds need no unit.
    pub(crate) fn of_instants(zone: Option<&str>, epoch: Option<EpochUnit>) -> Result<Self, Invalid> {
        let zone = match zone {
            None => None,
            Some(name) => {
                let zone = TimeZone::get(name).map_err(|e| Invalid::one("timezone", e.to_string()))?;
                Some((name.to_owned(), zone))
            }
        };
        Ok(Self {
            calendar: Calendar::us_equities(),
            dates: Dates::Midnight,
            midnight_is_date: false,
            daily: false,
            zone,
            epoch,
            delay: Span::default(),
        })
    }

    /// The instant of a cell.
    #[inline]
    pub(crate) fn read(&self, cells: &Cells, row: usize) -> Result<Time, Problem> {
        let empty = || Problem::NotATime { found: String::new() };
        let time = match cells {
            Cells::Text(_) => self.text(cells.text(row).ok_or_else(empty)?),
            Cells::Time(stamps) => {
                let n = stamps.get(row)?.ok_or_else(empty)?;
                match stamps.zone() {
                    Some(zone) => {
                        let t = Time::from_nanos(n);
                        self.instant(t, || zone.to_datetime(t.timestamp()))
                    }
                    None => self.local(civil(n), &Time::from_nanos(n).to_string().replace('Z', "")),
                }
            }
            Cells::Date(days) => self.date(date_of_days(days.get(row).ok_or_else(empty)?)),
            Cells::Int(c) => self.number(c.get(row).ok_or_else(empty)?),
            other => Err(Problem::ColumnType { found: other.found(), expected: "times or dates" }),
        }?;
        Ok(time.plus(self.delay))
    }

    /// Instants that are known already, by the delay later; none when some of them may be dates.
    pub(crate) fn instants(&self, nanos: &[i64]) -> Option<Vec<i64>> {
        let plain = !self.midnight_is_date && !self.daily;
        plain.then(|| nanos.iter().map(|n| n.saturating_add(self.delay.nanos())).collect())
    }

    /// What calendar and clock show of a cell that was read as `time`, in the zone it is written in; none of a bare date.
    pub(crate) fn written(&self, cells: &Cells, row: usize, time: Time) -> Option<DateTime> {
        let t = Time::from_nanos(time.nanos().saturating_sub(self.delay.nanos()));
        match cells {
            Cells::Text(_) => {
                let s = cells.text(row)?;
                if plain_date(s.as_bytes()).is_some() {
                    return None;
                }
                let has_no_offset = s.parse::<i64>().is_err() && s.parse::<jiff::Timestamp>().is_err();
                if has_no_offset { s.parse().ok() } else { Some(as_written(s, t)) }
            }
            Cells::Time(stamps) => match stamps.zone() {
                Some(zone) => Some(zone.to_datetime(t.timestamp())),
                None => stamps.get(row).ok().flatten().map(civil),
            },
            Cells::Int(_) => Some(civil(t.nanos())),
            _ => None,
        }
    }

    /// The date of which a cell that was read as `time` is the midnight.
    pub(crate) fn midnight(&self, cells: &Cells, row: usize, time: Time) -> Option<Date> {
        let written = self.written(cells, row, time)?;
        midnight(Time::from_nanos(time.nanos().saturating_sub(self.delay.nanos())), || written)
    }

    /// The instant of a bare date, with the delay.
    pub(crate) fn dated(&self, date: Date) -> Result<Time, Problem> {
        self.date(date).map(|t| t.plus(self.delay))
    }

    /// An instant, unless it stands for a date.
    fn instant(&self, t: Time, written: impl FnOnce() -> DateTime) -> Result<Time, Problem> {
        match (self.daily || self.midnight_is_date).then(|| midnight(t, written)) {
            Some(Some(date)) => self.date(date),
            _ if self.daily => self.date(self.calendar.date_of(t)),
            _ => Ok(t),
        }
    }

    fn text(&self, s: &str) -> Result<Time, Problem> {
        let bad = || Problem::NotATime { found: shorten(s) };
        if let Some(date) = plain_date(s.as_bytes()) {
            return self.date(date.ok_or_else(bad)?);
        }
        if let Ok(t) = s.parse::<jiff::Timestamp>() {
            let t = Time::from_timestamp(t).map_err(|_: BadInput| Problem::TimeRange { found: shorten(s) })?;
            return self.instant(t, || as_written(s, t));
        }
        if let Ok(n) = s.parse::<i64>() {
            return self.number(n);
        }
        // `DateTime` would also take a text with an offset and drop it: those were read above or are malformed.
        match s.parse::<DateTime>() {
            Ok(t) if s.len() >= 16 && !s.ends_with(['Z', 'z', ']']) && !has_offset(s) => self.local(t, s),
            // On the last day of the year 9999, which no instant can hold.
            _ if s.len() >= 16 && Pieces::parse(s).is_ok_and(|p| p.date().year() == 9999) => {
                Err(Problem::TimeRange { found: shorten(s) })
            }
            _ => Err(bad()),
        }
    }

    fn number(&self, n: i64) -> Result<Time, Problem> {
        let better = || EpochUnit::ALL.into_iter().find_map(|u| u.plausible(n).map(|t| (u, t)));
        let unit = match self.epoch {
            Some(unit) => unit,
            None if self.dates == Dates::Midnight && EpochUnit::Nanoseconds.plausible(n).is_some() => {
                EpochUnit::Nanoseconds
            }
            None => {
                return Err(match better() {
                    Some((unit, t)) => Problem::EpochMissing { found: n, unit: unit.as_str(), means: t.to_string() },
                    None => Problem::NotATime { found: n.to_string() },
                });
            }
        };
        let time = n.checked_mul(unit.nanos()).map(Time::from_nanos);
        match (unit.plausible(n), better()) {
            (None, Some((better, t))) => Err(Problem::WrongEpoch {
                found: n,
                unit: unit.as_str(),
                means: time.map_or_else(|| "beyond the range of times".into(), |t| t.to_string()),
                better: better.as_str(),
                then: t.to_string(),
            }),
            _ => time.ok_or_else(|| Problem::TimeRange { found: format!("{n} {} since 1970", unit.as_str()) }),
        }
    }

    fn local(&self, t: DateTime, found: &str) -> Result<Time, Problem> {
        if self.daily || (self.midnight_is_date && t.time() == jiff::civil::Time::midnight()) {
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
    fn date(&self, date: Date) -> Result<Time, Problem> {
        let session = match self.dates {
            Dates::Midnight => {
                let zone = self.zone.as_ref().map_or(TimeZone::UTC, |z| z.1.clone());
                let start = zone.to_timestamp(date.at(0, 0, 0, 0)).ok().and_then(|t| Time::from_timestamp(t).ok());
                return start.ok_or_else(|| Problem::TimeRange { found: date.to_string() });
            }
            Dates::Close | Dates::Open => self.calendar.session(date),
        };
        match session {
            Some(s) if self.dates == Dates::Close => Ok(s.close),
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
    use polars::prelude::TimeUnit;

    use super::*;
    use crate::stamps::Stamps;

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
        for bad in ["2015-02-30", "24.08.2015", "08/24/2015", "x", "2015-08-24T25:00:00Z", "20150824", "-"] {
            assert!(matches!(c.text(bad), Err(Problem::NotATime { .. })), "{bad}");
        }
        assert!(matches!(c.text("9999-12-31T00:00:00Z"), Err(Problem::TimeRange { .. })));
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
        let e = clock(|s| s.epoch = Some(EpochUnit::Nanoseconds)).text("1440446400000").unwrap_err().to_string();
        assert!(e.contains("is 1970-01-01T00:24:00.4464Z") && e.contains("\"milliseconds\""), "{e}");
        let e = clock(|_| ()).text("1440446400").unwrap_err().to_string();
        assert!(e.contains("`epoch`") && e.contains("\"seconds\"") && e.contains("2015-08-24T20:00:00Z"), "{e}");
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
        let naive = Cells::Time(Stamps::new([Some(0_i64)].into_iter().collect(), TimeUnit::Nanoseconds, None));
        assert!(matches!(c.read(&naive, 0), Err(Problem::TimeZoneMissing { .. })));
    }

    #[test]
    fn a_midnight_is_one_as_written_or_in_new_york_or_of_utc() {
        let c = clock(|s| s.midnight_is_date = true);
        let berlin = "2024-02-26T00:00:00+01:00";
        for midnight in [
            "2024-02-26 00:00:00-05:00",
            "2024-02-26T05:00:00Z",
            "2024-02-25 19:00:00-05:00",
            "2024-02-26T00:00Z",
            berlin,
        ] {
            assert_eq!(c.text(midnight).unwrap().to_string(), "2024-02-26T21:00:00Z", "{midnight}");
        }
        for other in ["2024-02-26T04:00:00Z", "2024-02-26T00:00:00.5-05:00"] {
            assert!(c.text(other).unwrap().to_string().starts_with("2024-02-26T0"), "{other}");
        }
        // Daylight saving time: midnight in New York is 04:00 UTC.
        assert_eq!(c.text("2024-03-12T04:00:00Z").unwrap().to_string(), "2024-03-12T20:00:00Z");
        // Of the times of daily rows only the date counts, in New York unless it is a midnight.
        let c = clock(|s| s.daily = Some(true));
        for any in ["2024-02-26T14:30:00Z", "2024-02-27T01:00:00Z", "2024-02-26 09:30", berlin] {
            assert_eq!(c.text(any).unwrap().to_string(), "2024-02-26T21:00:00Z", "{any}");
        }
        let zoned = |zone| {
            // Midnight of 2024-02-26 in that zone.
            let t: jiff::Timestamp = jiff::civil::date(2024, 2, 26).in_tz(zone).unwrap().timestamp();
            let zone = crate::stamps::time_zone(zone);
            Cells::Time(Stamps::new(
                [Some(t.as_second() * 1000)].into_iter().collect(),
                TimeUnit::Milliseconds,
                Some(zone),
            ))
        };
        for zone in ["America/New_York", "UTC", "Asia/Tokyo"] {
            let c = clock(|s| s.midnight_is_date = true);
            assert_eq!(c.read(&zoned(zone), 0).unwrap().to_string(), "2024-02-26T21:00:00Z", "{zone}");
        }
    }

    #[test]
    fn columns_of_instants_know_no_sessions() {
        let c = Clock::of_instants(None, None).unwrap();
        assert_eq!(c.text("2024-01-06").unwrap().to_string(), "2024-01-06T00:00:00Z");
        assert_eq!(c.text("1704200000000000000").unwrap().to_string(), "2024-01-02T12:53:20Z");
        assert!(matches!(c.text("1704200000"), Err(Problem::EpochMissing { unit: "seconds", .. })));
        assert!(matches!(c.text("1704200000000"), Err(Problem::EpochMissing { unit: "milliseconds", .. })));
        assert!(matches!(c.text("17"), Err(Problem::NotATime { .. })));
        let c = Clock::of_instants(Some("America/New_York"), Some(EpochUnit::Seconds)).unwrap();
        assert_eq!(c.text("2024-01-06").unwrap().to_string(), "2024-01-06T05:00:00Z");
        assert_eq!(c.text("1704200000").unwrap().to_string(), "2024-01-02T12:53:20Z");
    }
}
