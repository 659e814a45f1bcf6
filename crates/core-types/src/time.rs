//! UTC time in nanoseconds since 1970, and spans of it.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::BadInput;

/// An instant: nanoseconds since 1970-01-01T00:00:00Z, range 1677 to 2262.
///
/// As text (JSON, `Display`) it is RFC 3339; in binary state it is the integer.
///
/// ```
/// use tradewind_core_types::Time;
/// let t: Time = "2015-08-24T20:00:00Z".parse()?;
/// assert_eq!(t.nanos(), 1_440_446_400_000_000_000);
/// assert_eq!(t.to_string(), "2015-08-24T20:00:00Z");
/// # Ok::<(), tradewind_core_types::BadInput>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// Where the exchanges are. The zone database is compiled in, so this falls back only if the name itself disappeared from it.
static NEW_YORK: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get("America/New_York").unwrap_or(TimeZone::UTC));

/// A length of time in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Span(i64);

impl Span {
    /// One day of 24 hours.
    pub const DAY: Span = Span(86_400_000_000_000);

    /// A span of so many nanoseconds.
    pub const fn from_nanos(n: i64) -> Self {
        Self(n)
    }
    /// A span of so many seconds (saturating).
    pub const fn from_secs(s: i64) -> Self {
        Self(s.saturating_mul(1_000_000_000))
    }
    /// A span of so many days of 24 hours (saturating).
    pub const fn from_days(d: i64) -> Self {
        Self(d.saturating_mul(Self::DAY.0))
    }
    /// Nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }
    /// Days of 24 hours, with fraction.
    pub fn days(self) -> f64 {
        self.0 as f64 / Self::DAY.0 as f64
    }
}

impl Time {
    /// The earliest instant.
    pub const MIN: Time = Time(i64::MIN);
    /// The latest instant.
    pub const MAX: Time = Time(i64::MAX);

    /// From nanoseconds since 1970.
    #[inline]
    pub const fn from_nanos(n: i64) -> Self {
        Self(n)
    }
    /// Nanoseconds since 1970.
    #[inline]
    pub const fn nanos(self) -> i64 {
        self.0
    }
    /// Midnight UTC of a civil date.
    ///
    /// # Errors
    /// When the date does not exist or is outside 1677..2262.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Result<Self, BadInput> {
        Date::new(year, month, day)
            .and_then(|d| d.to_zoned(TimeZone::UTC))
            .map_err(|e| BadInput::new("date", format!("{year}-{month}-{day}"), e.to_string()))
            .and_then(|z| Self::from_timestamp(z.timestamp()))
    }
    /// The UTC civil date, as (year, month, day).
    pub fn ymd(self) -> (i16, i8, i8) {
        let d = TimeZone::UTC.to_datetime(self.timestamp()).date();
        (d.year(), d.month(), d.day())
    }
    /// What calendar and clock show in New York: days since 1970-01-01 of the civil date, and seconds since its midnight.
    ///
    /// ```
    /// use tradewind_core_types::Time;
    /// let t: Time = "1970-01-03T02:00:00Z".parse()?;
    /// assert_eq!(t.new_york(), (1, 21 * 3600));
    /// # Ok::<(), tradewind_core_types::BadInput>(())
    /// ```
    pub fn new_york(self) -> (i64, u32) {
        let offset = NEW_YORK.to_offset(self.timestamp()).seconds();
        let local = self.0.div_euclid(1_000_000_000) + i64::from(offset);
        // The remainder of a day fits.
        (local.div_euclid(86_400), u32::try_from(local.rem_euclid(86_400)).unwrap_or(0))
    }
    /// From a jiff timestamp.
    ///
    /// # Errors
    /// When outside the range of 64-bit nanoseconds.
    pub fn from_timestamp(t: Timestamp) -> Result<Self, BadInput> {
        i64::try_from(t.as_nanosecond())
            .map(Self)
            .map_err(|_| BadInput::new("time", t.to_string(), "a time between the years 1677 and 2262"))
    }
    /// As a jiff timestamp.
    pub fn timestamp(self) -> Timestamp {
        // Every i64 of nanoseconds lies within jiff's range (years -9999 to 9999).
        Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
    /// This instant plus a span, saturating at the ends of the range.
    #[inline]
    #[must_use]
    pub const fn plus(self, s: Span) -> Self {
        Self(self.0.saturating_add(s.0))
    }
    /// The span from `earlier` to this instant (saturating).
    #[inline]
    pub const fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl FromStr for Time {
    type Err = BadInput;
    /// RFC 3339 with an offset, or a bare date (`2015-08-24`) meaning midnight UTC. A local time without an offset is refused.
    fn from_str(s: &str) -> Result<Self, BadInput> {
        let expected = "RFC 3339 with an offset (2015-08-24T20:00:00Z) or a date (2015-08-24)";
        if let Ok(t) = s.parse::<Timestamp>() {
            return Self::from_timestamp(t);
        }
        match s.len() {
            10 => {
                let d: Date = s.parse().map_err(|_| BadInput::new("time", s, expected))?;
                Self::from_ymd(d.year(), d.month(), d.day())
            }
            _ => Err(BadInput::new("time", s, expected)),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.collect_str(self) } else { s.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            String::deserialize(d)?.parse().map_err(de::Error::custom)
        } else {
            i64::deserialize(d).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_round_trip_and_local_times_are_refused() {
        let t = Time::from_ymd(2001, 9, 11).unwrap();
        assert_eq!(t.ymd(), (2001, 9, 11));
        assert_eq!("2001-09-11".parse::<Time>().unwrap(), t);
        assert_eq!("2001-09-11T02:00:00+02:00".parse::<Time>().unwrap(), t);
        for bad in ["2001-09-11T00:00:00", "2001-02-30", "x", "", "9999-01-01"] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
        let json = serde_json::to_string(&t).unwrap();
        assert_eq!(json, "\"2001-09-11T00:00:00Z\"");
        assert_eq!(serde_json::from_str::<Time>(&json).unwrap(), t);
    }
}
