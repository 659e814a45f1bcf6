//! The rules of NYSE holidays and early closes as they changed over time (NYSE Rule 7.2 and its announcements).

use jiff::civil::{Date, Weekday};

/// A day on which trading began late or ended early without having been announced in advance: snow, a circuit breaker, a
/// systems failure. `Session` keeps the scheduled hours of such days; this list says what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disruption {
    /// The civil date in New York.
    pub date: Date,
    /// When trading began, New York, as (hour, minute).
    pub open: (i8, i8),
    /// When it ended, New York, as (hour, minute).
    pub close: (i8, i8),
    /// Why.
    pub why: &'static str,
}

/// Closures that follow no rule.
const SPECIAL: &[(Date, &str)] = &[
    (Date::constant(1994, 4, 27), "mourning for President Nixon"),
    (Date::constant(2001, 9, 11), "terrorist attacks"),
    (Date::constant(2001, 9, 12), "terrorist attacks"),
    (Date::constant(2001, 9, 13), "terrorist attacks"),
    (Date::constant(2001, 9, 14), "terrorist attacks"),
    (Date::constant(2004, 6, 11), "mourning for President Reagan"),
    (Date::constant(2007, 1, 2), "mourning for President Ford"),
    (Date::constant(2012, 10, 29), "hurricane Sandy"),
    (Date::constant(2012, 10, 30), "hurricane Sandy"),
    (Date::constant(2018, 12, 5), "mourning for President G. H. W. Bush"),
    (Date::constant(2025, 1, 9), "mourning for President Carter"),
];

/// Why there is no trading on a date.
pub(super) fn closure(d: Date) -> Option<&'static str> {
    let (year, month, weekday) = (d.year(), d.month(), d.weekday());
    if matches!(weekday, Weekday::Saturday | Weekday::Sunday) {
        return Some("weekend");
    }
    let rule = match month {
        1 if fixed(d, 1, false) => Some("New Year's Day"),
        1 if year >= 1998 && nth(d, Weekday::Monday, 3) => Some("Martin Luther King Jr. Day"),
        2 if nth(d, Weekday::Monday, 3) => Some("Washington's Birthday"),
        3 | 4 if Some(d) == good_friday(year) => Some("Good Friday"),
        5 if weekday == Weekday::Monday && d.day() > 24 => Some("Memorial Day"),
        6 if year >= 2022 && fixed(d, 19, true) => Some("Juneteenth"),
        7 if fixed(d, 4, true) => Some("Independence Day"),
        9 if nth(d, Weekday::Monday, 1) => Some("Labor Day"),
        11 if nth(d, Weekday::Thursday, 4) => Some("Thanksgiving"),
        12 if fixed(d, 25, true) => Some("Christmas"),
        _ => None,
    };
    rule.or_else(|| SPECIAL.iter().find(|s| s.0 == d).map(|s| s.1))
}

/// Whether `d` observes a holiday on a fixed day of its month: on Monday when it falls on a Sunday and, if `saturday`, on Friday
/// when it falls on a Saturday (New Year's Day is the exception: that Friday belongs to the year before).
fn fixed(d: Date, day: i8, saturday: bool) -> bool {
    match d.weekday() {
        _ if d.day() == day => true,
        Weekday::Monday => d.day() == day + 1,
        Weekday::Friday => saturday && d.day() == day - 1,
        _ => false,
    }
}

/// Whether `d` is the n-th such weekday of its month.
fn nth(d: Date, weekday: Weekday, n: i8) -> bool {
    d.weekday() == weekday && (d.day() - 1) / 7 + 1 == n
}

/// Two days before Easter Sunday (Gregorian computus of Meeus, Jones and Butcher, 1876).
fn good_friday(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l - 7 * m + 90) / 25;
    let day = (h + l - 7 * m + 33 * month + 19) % 32;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?)
        .ok()?
        .checked_sub(jiff::Span::new().days(2))
        .ok()
}

/// The hour (New York) at which a session closes when it closes before 16:00 by announcement.
pub(super) fn early_close(d: Date) -> Option<i8> {
    let (year, month, day, weekday) = (d.year(), d.month(), d.day(), d.weekday());
    // The day after Thanksgiving is the Friday after the fourth Thursday: the 23rd to the 29th.
    let after_thanksgiving = month == 11 && weekday == Weekday::Friday && (23..=29).contains(&day);
    // A Friday the 24th is itself the holiday, observed.
    let christmas_eve = month == 12 && day == 24;
    let independence = year >= 1995
        && month == 7
        && match weekday {
            Weekday::Monday | Weekday::Tuesday | Weekday::Thursday => day == 3,
            // With the holiday on a Thursday, the Friday after was short until 2012, the Wednesday before since.
            Weekday::Wednesday => day == 3 && year >= 2013,
            Weekday::Friday => day == 5 && year <= 2012,
            _ => false,
        };
    let special = matches!((year, month, day), (1997 | 2003, 12, 26) | (1999, 12, 31));
    match year {
        ..=1991 => christmas_eve.then_some(14),
        1992 => (christmas_eve || after_thanksgiving).then_some(14),
        _ => (christmas_eve || after_thanksgiving || independence || special).then_some(13),
    }
}

const fn late(y: i16, m: i8, d: i8, open: (i8, i8), why: &'static str) -> Disruption {
    Disruption { date: Date::constant(y, m, d), open, close: (16, 0), why }
}
const fn cut(y: i16, m: i8, d: i8, close: (i8, i8), why: &'static str) -> Disruption {
    Disruption { date: Date::constant(y, m, d), open: (9, 30), close, why }
}

/// As listed by `pandas_market_calendars` NYSE.
pub(super) const DISRUPTIONS: &[Disruption] = &[
    late(1990, 12, 27, (9, 31), "moment of silence"),
    late(1991, 1, 17, (9, 31), "moment of silence: Gulf War"),
    late(1991, 2, 25, (9, 31), "moment of silence: Gulf War"),
    cut(1994, 2, 11, (14, 30), "snow"),
    late(1995, 12, 18, (10, 30), "computer failure"),
    Disruption { date: Date::constant(1996, 1, 8), open: (11, 0), close: (14, 0), why: "snow" },
    cut(1997, 10, 27, (15, 30), "circuit breaker"),
    late(2001, 9, 17, (9, 33), "moment of silence: 11 September"),
    late(2001, 10, 8, (9, 31), "moment of silence: armed forces"),
    late(2002, 9, 11, (12, 0), "memorial of 11 September"),
    late(2003, 3, 20, (9, 32), "moment of silence: Iraq war"),
    late(2004, 6, 7, (9, 32), "moment of silence: President Reagan"),
    cut(2005, 6, 1, (15, 56), "systems communication failure"),
    late(2006, 12, 27, (9, 32), "moment of silence: President Ford"),
];
