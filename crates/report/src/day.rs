//! A civil date.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tradewind_core_types::{BadInput, Time};

/// A civil date: the day of a session. As text `2015-08-24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    year: i16,
    month: i8,
    day: i8,
}

impl Day {
    /// The UTC date of an instant. For the close of a US session that is the date of the session.
    pub fn of(t: Time) -> Self {
        let (year, month, day) = t.ymd();
        Self { year, month, day }
    }
    /// Year and month (1 to 12).
    pub fn month(self) -> (i16, u8) {
        (self.year, self.month.unsigned_abs())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Day {
    type Err = BadInput;
    fn from_str(s: &str) -> Result<Self, BadInput> {
        let bad = || BadInput::new("date", s, "a date such as 2015-08-24");
        if s.len() != 10 {
            return Err(bad());
        }
        s.parse::<Time>().map(Self::of).map_err(|_| bad())
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_round_trip() {
        let d: Day = "2015-08-24".parse().unwrap();
        assert_eq!((d.month(), d.to_string().as_str()), ((2015, 8), "2015-08-24"));
        assert_eq!(Day::of("2015-08-24T20:00:00Z".parse().unwrap()), d);
        assert_eq!(serde_json::from_str::<Day>(&serde_json::to_string(&d).unwrap()).unwrap(), d);
        for bad in ["2015-02-30", "2015-8-24", "", "2015-08-24T00:00:00Z"] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }
}
