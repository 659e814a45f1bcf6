//! Numbers, texts and times as services write them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::Value;
use tradewind_core_types::{Price, Span, Time};

use super::error::Fault;
use super::http::new_york_day;
use tradewind_core_types::NEW_YORK;

/// A number however it is written: a JSON number, text ("$1.20", "($0.30)", "1,234.5", "12%"), Yahoo's `{"raw": ..}`. What says that there
/// is none (null, "", "N/A", "--", {}, "None", "NaN", "Infinity") is `None`, and so is what is not a number at all.
pub(super) fn number(v: &Value) -> Option<f64> {
    match v {
        Value::Number(n) => n.as_f64().filter(|x| x.is_finite()),
        Value::Object(o) => o.get("raw").and_then(number),
        Value::String(s) => {
            let s = s.trim();
            let (negative, inner) = match s.strip_prefix('(').and_then(|r| r.strip_suffix(')')) {
                Some(inner) => (true, inner),
                None => (false, s),
            };
            let plain: String = inner.chars().filter(|c| !matches!(c, '$' | ',' | ' ')).collect();
            let (plain, scale) = match plain.strip_suffix('%') {
                Some(p) => (p, 0.01),
                None => (plain.as_str(), 1.0),
            };
            let x: f64 = plain.parse().ok().filter(|x: &f64| x.is_finite())?;
            Some(scale * if negative { -x } else { x })
        }
        _ => None,
    }
}

/// Text that says something.
pub(super) fn text(v: &Value) -> Option<&str> {
    v.as_str().map(str::trim).filter(|s| !s.is_empty())
}

/// A price above 0; services write 0 where there is none.
pub(super) fn price(v: &Value) -> Option<Price> {
    number(v).filter(|x| *x > 0.0).and_then(|x| Price::from_f64(x).ok())
}

/// When something happened: an instant, or a date only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum When {
    Instant(Time),
    Day(Date),
}

impl When {
    /// RFC 3339; `YYYY-MM-DD HH:MM:SS` without a zone, which is New York's; a date; `M/D/YYYY`; seconds or milliseconds since 1970.
    pub fn read(v: &Value) -> Option<Self> {
        if let Some(n) = v.as_i64() {
            // Seconds until the year 5138, milliseconds from 1973 on.
            let nanos = if n.abs() < 100_000_000_000 { n.checked_mul(1_000_000_000) } else { n.checked_mul(1_000_000) };
            return nanos.map(|n| Self::Instant(Time::from_nanos(n)));
        }
        let s = text(v)?;
        if let Ok(t) = s.parse::<jiff::Timestamp>() {
            return Time::from_timestamp(t).ok().map(Self::Instant);
        }
        if s.len() <= 10 {
            return s.parse().ok().or_else(|| Date::strptime("%m/%d/%Y", s).ok()).map(Self::Day);
        }
        let local: DateTime = s.parse().ok()?;
        if local.time() == jiff::civil::Time::midnight() {
            return Some(Self::Day(local.date()));
        }
        let zone = TimeZone::get(NEW_YORK).ok()?;
        let zoned = zone.to_zoned(local).ok()?;
        Time::from_timestamp(zoned.timestamp()).ok().map(Self::Instant)
    }
    /// The same, with a midnight of UTC taken for a date: how services send dates of old as seconds.
    pub fn read_midnight_as_date(v: &Value) -> Option<Self> {
        match Self::read(v)? {
            Self::Instant(t) if t.nanos().rem_euclid(Span::DAY.nanos()) == 0 => {
                let (y, m, d) = t.ymd();
                Date::new(y, m, d).ok().map(Self::Day)
            }
            other => Some(other),
        }
    }
    /// When it is said to have happened: a date is the start of it in New York.
    pub fn said(self) -> Option<Time> {
        match self {
            Self::Instant(t) => Some(t),
            Self::Day(d) => new_york_day(d),
        }
    }
    /// When it was certainly known: a date is its last second in New York, so after the close.
    pub fn known(self) -> Option<Time> {
        match self {
            Self::Instant(t) => Some(t),
            Self::Day(d) => new_york_day(d.tomorrow().ok()?).map(|t| t.plus(Span::from_secs(-1))),
        }
    }
    /// The date in New York.
    pub fn date(self) -> Option<Date> {
        match self {
            Self::Day(d) => Some(d),
            Self::Instant(t) => Some(t.timestamp().in_tz(NEW_YORK).ok()?.date()),
        }
    }
}

/// A value inside another: fields by name, elements by number, separated by dots (`data.rows`, `0.earnings.avg`); `""` is the value itself.
pub(super) fn at<'a>(v: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').filter(|p| !p.is_empty()).try_fold(v, |v, part| match v {
        Value::Array(a) => a.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    })
}

/// The list at a path; null and a missing last step are an empty one when `optional`.
pub(super) fn list<'a>(v: &'a Value, path: &str, optional: bool) -> Result<&'a [Value], Fault> {
    match at(v, path) {
        Some(Value::Array(a)) => Ok(a),
        None | Some(Value::Null) if optional => Ok(&[]),
        other => Err(Fault::shape(path, other.unwrap_or(&Value::Null), "a list")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_in_every_dress() {
        for (v, want) in [
            (json!(1.5), Some(1.5)),
            (json!("$1.20"), Some(1.2)),
            (json!("($0.30)"), Some(-0.3)),
            (json!("$88,656,813,729"), Some(88_656_813_729.0)),
            (json!("12%"), Some(0.12)),
            (json!({"raw": 2.67, "fmt": "2.67"}), Some(2.67)),
            (json!({}), None),
            (json!(null), None),
            (json!(""), None),
            (json!("N/A"), None),
            (json!("Infinity"), None),
            (json!("NaN"), None),
            (json!([1]), None),
        ] {
            assert_eq!(number(&v), want, "{v}");
        }
        assert_eq!(price(&json!(0.0)), None);
    }

    #[test]
    fn times_in_every_dress() {
        let known = |v: Value| When::read(&v).and_then(When::known).map(|t| t.to_string());
        let some = |s: &str| Some(s.to_owned());
        assert_eq!(known(json!("2026-11-19T12:04:11.000Z")), some("2026-11-19T12:04:11Z"));
        assert_eq!(known(json!("2026-11-19 12:04:11")), some("2026-11-19T17:04:11Z"));
        assert_eq!(known(json!("2026-11-19")), some("2026-11-20T04:59:59Z"));
        assert_eq!(known(json!("11/19/2026")), some("2026-11-20T04:59:59Z"));
        assert_eq!(known(json!("2026-12-10T00:00:00")), some("2026-12-11T04:59:59Z"));
        assert_eq!(known(json!(1_763_553_600)), some("2025-11-19T12:00:00Z"));
        assert_eq!(known(json!(1_763_553_600_000_i64)), some("2025-11-19T12:00:00Z"));
        // Skipped by the change of clocks: 02:30 means 03:30.
        assert!(known(json!("2026-03-08T02:30:00")).is_some());
        for bad in [json!("soon"), json!(null), json!(1.5), json!("2026-02-30")] {
            assert_eq!(When::read(&bad), None, "{bad}");
        }
        let old = When::read_midnight_as_date(&json!(1_763_510_400));
        assert_eq!(old, Some(When::Day(Date::constant(2025, 11, 19))));
    }

    #[test]
    fn paths() {
        let v = json!({"data": {"rows": [{"x": 1}]}});
        assert_eq!(at(&v, "data.rows.0.x"), Some(&json!(1)));
        assert_eq!(at(&v, "data.rows.1.x"), None);
        assert_eq!(at(&v, ""), Some(&v));
    }
}
