use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tradewind_data::{Calendar, Date};

fn oracle() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/oracle/out/calendar.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn date(s: &str) -> Date {
    s.parse().unwrap()
}

fn clock(c: &Calendar, t: tradewind_core_types::Time, on: Date) -> String {
    let ny = t.timestamp().in_tz("America/New_York").unwrap();
    assert_eq!(ny.date(), on);
    assert_eq!(c.date_of(t), on);
    ny.strftime("%H:%M").to_string()
}

/// Every weekday and every session's hours against the exceptions the public package lists.
fn compare(expected: &Value, from: &str, to: &str) {
    let c = Calendar::us_equities();
    let closures: BTreeSet<Date> =
        expected["weekday_closures"].as_array().unwrap().iter().map(|v| date(v.as_str().unwrap())).collect();
    let hours = |key: &str| -> BTreeMap<Date, String> {
        let map = expected[key].as_object().unwrap();
        map.iter().map(|(d, t)| (date(d), t.as_str().unwrap().to_owned())).collect()
    };
    let (closes, opens) = (hours("closes"), hours("opens"));
    let mut sessions = 0;
    let (mut day, to) = (date(from), date(to));
    while day <= to {
        let weekend = day.weekday().to_monday_zero_offset() >= 5;
        assert_eq!(c.is_session(day), !weekend && !closures.contains(&day), "{day}");
        if let Some(s) = c.session(day) {
            sessions += 1;
            let close = closes.get(&day).map_or("16:00", String::as_str);
            assert_eq!(clock(c, s.close, day), close, "close of {day}");
            assert_eq!(clock(c, s.open, day), opens.get(&day).map_or("09:30", String::as_str), "open of {day}");
            assert_eq!(s.early, close != "16:00");
        }
        day = day.tomorrow().unwrap();
    }
    assert_eq!(sessions, expected["sessions"].as_u64().unwrap());
    assert_eq!(c.sessions(date(from), to).len() as u64, sessions);
}

#[test]
fn zero_differences_to_exchange_calendars_1990_to_2026() {
    let o = oracle();
    compare(&o, o["from"].as_str().unwrap(), o["to"].as_str().unwrap());
}

#[test]
fn zero_differences_to_its_projection_to_2035() {
    compare(&oracle()["projected"], "2027-01-01", "2035-12-31");
}

#[test]
fn disruptions_are_those_of_pandas_market_calendars() {
    let mut expected: BTreeMap<Date, (String, String)> = oracle()["actual"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(d, h)| (date(d), (h[0].as_str().unwrap().to_owned(), h[1].as_str().unwrap().to_owned())))
        .collect();
    // The two packages disagree on the hours of 1999-12-31: a scheduled 13:00 close, or 16:00.
    assert!(expected.remove(&date("1999-12-31")).is_some());
    let ours: BTreeMap<Date, (String, String)> = Calendar::us_equities()
        .disruptions()
        .iter()
        .map(|d| {
            let text = |(h, m): (i8, i8)| format!("{h:02}:{m:02}");
            (d.date, (text(d.open), text(d.close)))
        })
        .collect();
    assert_eq!(ours, expected);
}
