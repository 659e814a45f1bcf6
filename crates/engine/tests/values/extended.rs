//! Extended hours by hand: 24 August 2015, a Monday, with a session from 13:30 to 20:00 UTC and extended hours from 8:00 to midnight.

use tradewind_core_types::{MarketData, Side, Span, Time, TimeInForce};
use tradewind_engine::Shorting;

use super::floor::*;

use Side::Buy;
use TimeInForce::{Day, DayExtended, Gtc};

const NOTHING: [&str; 0] = [];
const FILLS: [&str; 1] = ["1 0 to 5 at 10 slipped 0"];
const EXPIRES: [&str; 1] = ["1 expired after 0"];

/// So many minutes after midnight, UTC, of a day of August 2015.
fn utc(day: i8, hours: i64, minutes: i64) -> Time {
    Time::from_ymd(2015, 8, day).unwrap().plus(Span::from_secs(60 * (60 * hours + minutes)))
}
fn sees_at(f: &mut Floor, t: Time, s: &str, data: MarketData) -> Vec<String> {
    f.wait(t);
    f.sees(s, data)
}
/// The session of the 24th has closed at a price of 10.5.
fn closed() -> Floor {
    let mut f = Floor::free(Shorting::None, 1.0);
    sees_at(&mut f, utc(24, 13, 30), "", OPEN);
    sees_at(&mut f, utc(24, 19, 0), "XA", bar("10.5"));
    sees_at(&mut f, utc(24, 20, 0), "", CLOSE);
    f
}
/// What a trade at 9 that day and time says to a purchase at 10, beyond its acknowledgement.
fn trade_at(mut f: Floor, t: Time) -> Vec<String> {
    let mut said = sees_at(&mut f, t, "XA", trade("9"));
    said.retain(|x| !x.ends_with("accepted"));
    said
}

#[test]
fn the_evening_fills_what_is_for_extended_hours_and_nothing_else() {
    let sent = |tif| {
        let mut f = closed();
        f.order(1, "XA", Buy, "5", limit("10"), tif);
        f
    };
    for tif in [Day, Gtc] {
        assert_eq!(trade_at(sent(tif), utc(24, 21, 0)), NOTHING);
    }
    assert_eq!(trade_at(sent(DayExtended), utc(24, 21, 0)), FILLS);
    // The last instant counts; after it the order is over, and says so at whatever comes next.
    assert_eq!(trade_at(sent(DayExtended), utc(25, 0, 0)), FILLS);
    assert_eq!(trade_at(sent(DayExtended), utc(25, 0, 1)), EXPIRES);
    let mut f = sent(DayExtended);
    f.sees("", MarketData::Timer(0));
    assert_eq!(sees_at(&mut f, utc(25, 0, 1), "", MarketData::Timer(0)), EXPIRES);
    assert_eq!(f.exchange.working(), 0);
    // Not while it is halted.
    let mut f = sent(DayExtended);
    f.sees("XA", halt(true));
    assert_eq!(trade_at(f, utc(24, 21, 0)), NOTHING);
}

#[test]
fn the_morning_fills_from_four_in_new_york() {
    let sent = |t| {
        let mut f = closed();
        sees_at(&mut f, t, "", MarketData::Timer(0));
        f.order(1, "XA", Buy, "5", limit("10"), DayExtended);
        f
    };
    // Sent at night it is for the next day.
    let night = || sent(utc(25, 3, 0));
    assert_eq!(trade_at(night(), utc(25, 7, 59)), NOTHING);
    assert_eq!(trade_at(night(), utc(25, 8, 0)), FILLS);
    let mut f = night();
    assert_eq!(sees_at(&mut f, utc(25, 13, 30), "", OPEN), ["1 accepted"]);
    assert_eq!(trade_at(f, utc(25, 14, 0)), FILLS, "in the session too");
    let mut f = night();
    sees_at(&mut f, utc(25, 13, 30), "", OPEN);
    assert_eq!(sees_at(&mut f, utc(25, 20, 0), "", CLOSE), NOTHING, "the close does not end it");
    assert_eq!(trade_at(f, utc(25, 23, 0)), FILLS);
    let mut f = night();
    sees_at(&mut f, utc(25, 13, 30), "", OPEN);
    sees_at(&mut f, utc(25, 20, 0), "", CLOSE);
    assert_eq!(trade_at(f, utc(26, 0, 1)), EXPIRES);
}

#[test]
fn several_expire_each_at_its_time() {
    let mut f = closed();
    f.order(1, "XA", Buy, "5", limit("10"), DayExtended);
    sees_at(&mut f, utc(24, 23, 59), "", MarketData::Timer(0));
    assert_eq!(sees_at(&mut f, utc(25, 0, 1), "", MarketData::Timer(0)), EXPIRES);
    f.order(2, "XA", Buy, "5", limit("10"), DayExtended);
    f.order(3, "XA", Buy, "5", limit("8"), Gtc);
    sees_at(&mut f, utc(25, 13, 30), "", OPEN);
    sees_at(&mut f, utc(25, 20, 0), "", CLOSE);
    assert_eq!(sees_at(&mut f, utc(26, 9, 0), "XA", trade("7")), ["2 expired after 0"]);
    sees_at(&mut f, utc(26, 13, 30), "", OPEN);
    assert_eq!(sees_at(&mut f, utc(26, 14, 0), "XA", trade("7")), ["3 0 to 5 at 8 slipped 0"]);
}
