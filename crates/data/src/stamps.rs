//! Times of a Parquet column, in whatever unit and zone it has them.

use std::borrow::Cow;

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use polars::prelude::{Int64Chunked, TimeUnit};
use rayon::prelude::*;
use tradewind_core_types::Time;

use crate::error::Problem;

/// The zone of a name, or of an offset such as `+01:00`; UTC when it is neither.
pub(crate) fn time_zone(name: &str) -> TimeZone {
    let offset = || name.parse::<OffsetText>().ok().map(|o| TimeZone::fixed(o.0));
    TimeZone::get(name).ok().or_else(offset).unwrap_or(TimeZone::UTC)
}

/// `+hh:mm` or `-hh:mm`.
struct OffsetText(Offset);

impl std::str::FromStr for OffsetText {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        let (sign, rest) = match s.as_bytes().first() {
            Some(b'+') => (1, s.get(1..)),
            Some(b'-') => (-1, s.get(1..)),
            _ => return Err(()),
        };
        let (hours, minutes) = rest.and_then(|r| r.split_once(':')).ok_or(())?;
        let (hours, minutes): (i32, i32) = (hours.parse().map_err(|_| ())?, minutes.parse().map_err(|_| ())?);
        Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).map(Self).map_err(|_| ())
    }
}

/// Times as ticks since 1970: of UTC when they have a zone, otherwise of a zone that is not known.
#[derive(Debug)]
pub(crate) struct Stamps {
    ticks: Int64Chunked,
    /// Nanoseconds of a tick: 1, 1000 or 1,000,000.
    nanos: i64,
    zone: Option<TimeZone>,
}

impl Stamps {
    pub(crate) fn new(ticks: Int64Chunked, unit: TimeUnit, zone: Option<TimeZone>) -> Self {
        let nanos = match unit {
            TimeUnit::Nanoseconds => 1,
            TimeUnit::Microseconds => 1_000,
            TimeUnit::Milliseconds => 1_000_000,
        };
        Self { ticks, nanos, zone }
    }

    /// The zone they are shown in.
    pub(crate) fn zone(&self) -> Option<&TimeZone> {
        self.zone.as_ref()
    }

    /// Nanoseconds since 1970; none in an empty cell.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Result<Option<i64>, Problem> {
        let Some(ticks) = self.ticks.get(row) else { return Ok(None) };
        match ticks.checked_mul(self.nanos) {
            Some(n) => Ok(Some(n)),
            None => Err(Problem::TimeRange { found: self.civil(ticks) }),
        }
    }

    /// All of them, when none is missing and all are within the range of times.
    pub(crate) fn dense(&self) -> Option<Cow<'_, [i64]>> {
        let ticks = self.ticks.cont_slice().ok()?;
        if self.nanos == 1 {
            return Some(Cow::Borrowed(ticks));
        }
        let most = i64::MAX / self.nanos;
        let fits = ticks.par_iter().with_min_len(1 << 14).all(|t| (-most..=most).contains(t));
        fits.then(|| ticks.par_iter().with_min_len(1 << 14).map(|t| t * self.nanos).collect::<Vec<_>>().into())
    }

    /// As text, also beyond the range of times; none in an empty cell.
    pub(crate) fn text(&self, row: usize) -> Option<String> {
        let ticks = self.ticks.get(row)?;
        let mut text = match ticks.checked_mul(self.nanos) {
            Some(n) => Time::from_nanos(n).to_string(),
            None => self.civil(ticks),
        };
        if self.zone.is_none() && text.ends_with('Z') {
            text.pop();
        }
        Some(text)
    }

    /// Calendar and clock of UTC at a tick that is beyond the range of times.
    fn civil(&self, ticks: i64) -> String {
        let a_second = 1_000_000_000 / self.nanos;
        let since = jiff::Span::new().try_seconds(ticks.div_euclid(a_second));
        let rest = jiff::Span::new().nanoseconds(ticks.rem_euclid(a_second) * self.nanos);
        let start: DateTime = Date::constant(1970, 1, 1).at(0, 0, 0, 0);
        match since.and_then(|s| start.checked_add(s)).and_then(|t| t.checked_add(rest)) {
            Ok(t) => format!("{t}Z"),
            // Beyond the year 9999.
            Err(_) => format!("{} seconds since 1970", ticks.div_euclid(a_second)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_dates_are_text_and_no_times() {
        let ticks = || [Some(1_440_446_400_000_000_i64), None, Some(253_402_214_400_000_000), Some(i64::MAX)];
        let s = Stamps::new(ticks().into_iter().collect(), TimeUnit::Microseconds, Some(TimeZone::UTC));
        assert_eq!(s.get(0).unwrap(), Some(1_440_446_400_000_000_000));
        assert_eq!(s.get(1).unwrap(), None);
        assert_eq!(s.get(2).unwrap_err(), Problem::TimeRange { found: "9999-12-31T00:00:00Z".into() });
        assert_eq!(s.text(0).as_deref(), Some("2015-08-24T20:00:00Z"));
        assert_eq!(s.text(2).as_deref(), Some("9999-12-31T00:00:00Z"));
        assert!(s.get(3).is_err() && s.text(3).is_some());
        let naive = Stamps::new(ticks().into_iter().collect(), TimeUnit::Microseconds, None);
        assert_eq!(naive.text(2).as_deref(), Some("9999-12-31T00:00:00"));
        let all: Int64Chunked = [Some(1_i64), Some(-2)].into_iter().collect();
        assert_eq!(
            Stamps::new(all, TimeUnit::Milliseconds, None).dense().as_deref(),
            Some(&[1_000_000, -2_000_000][..])
        );
        assert!(naive.dense().is_none());
    }

    #[test]
    fn zones_by_name_and_by_offset() {
        let at = |zone: &str| time_zone(zone).to_datetime(jiff::Timestamp::UNIX_EPOCH).to_string();
        assert_eq!(at("America/New_York"), "1969-12-31T19:00:00");
        assert_eq!(at("+01:00"), "1970-01-01T01:00:00");
        assert_eq!(at("-05:30"), "1969-12-31T18:30:00");
        assert_eq!(at("?"), "1970-01-01T00:00:00");
    }
}
