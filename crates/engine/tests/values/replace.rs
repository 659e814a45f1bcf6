//! Replacements by hand: the old terms hold until the next print has had its chance.

use tradewind_core_types::{MarketData, OrderId, OrderKind, Side, Snapshot as _, TimeInForce, Trail};
use tradewind_engine::{Exchange, Shorting, Venue as _};

use super::floor::*;

use OrderKind::Market as AtMarket;
use Side::{Buy, Sell};
use TimeInForce::{Cls, Day, Gtc};

const NOTHING: [&str; 0] = [];
const PENDING: &str = "1 replacement pending";

/// A purchase of 10 at 9 works.
fn floor() -> Floor {
    let mut f = Floor::free(Shorting::None, 1.0);
    f.sees("XA", bar("10"));
    f.order(1, "XA", Buy, "10", limit("9"), Gtc);
    assert_eq!(f.sees("", MarketData::Timer(0)), ["1 accepted"]);
    f
}

#[test]
fn the_next_print_is_the_old_terms_last_and_never_the_new_terms_first() {
    let mut f = floor();
    f.replace(1, 2, "20", limit("9.5"));
    // A print of another symbol is no chance.
    assert_eq!(f.sees("XB", bar("1")), [PENDING]);
    // 9.2 is below the new limit and above the old one: nothing fills, and from here on the new one holds.
    assert_eq!(f.sees("XA", trade("9.2")), ["1 replaced by 2 after 0"]);
    assert_eq!(f.sees("XA", trade("9.2")), ["1 0 to 20 at 9.5 slipped 0"]);
    // A better limit does not take part in the bar at whose end it holds.
    let mut f = floor();
    f.replace(1, 2, "10", limit("9.5"));
    assert_eq!(f.sees("XA", whole("10", "10", "9.1", "9.6")), [PENDING, "1 replaced by 2 after 0"]);
    assert_eq!(f.sees("XA", whole("9.6", "9.6", "9.4", "9.6")), ["1 0 to 10 at 9.5 slipped 0"]);
}

#[test]
fn what_fills_before_it_counts_towards_the_new_total() {
    // A tenth of 40 fills by the old terms: 4 of 10, then 6 in all are wanted, so 2 are left.
    let thin = |x: &str, v: &str| volume(x, v);
    let begin = || {
        let mut f = Floor::new(capped(0.1), "1000");
        f.sees("XA", bar("10"));
        f.order(1, "XA", Buy, "10", limit("9"), Gtc);
        f.sees("", MarketData::Timer(0));
        f
    };
    let mut f = begin();
    f.replace(1, 2, "6", limit("9"));
    let said = f.sees("XA", thin("8", "40"));
    assert_eq!(said, [PENDING, "1 0 to 4 at 9 slipped 0", "1 replaced by 2 after 4"]);
    assert_eq!(f.sees("XA", thin("8", "400")), ["1 4 to 6 at 9 slipped 0"]);
    assert_eq!(f.exchange.working(), 0);
    // More than the new total fills by the old terms: there is nothing to replace, and the old order goes on.
    let mut f = begin();
    f.replace(1, 2, "3", limit("9"));
    let said = f.sees("XA", thin("8", "40"));
    assert_eq!(said, [PENDING, "1 0 to 4 at 9 slipped 0", "1 not replaced: 3 are wanted in all, and 4 have filled"]);
    assert_eq!(f.sees("XA", thin("8", "20")), ["1 4 to 6 at 9 slipped 0"]);
    // All of it fills first.
    let mut f = begin();
    f.replace(1, 2, "20", limit("9"));
    let said = f.sees("XA", thin("8", "400"));
    assert_eq!(said, [PENDING, "1 0 to 10 at 9 slipped 0", "1 not replaced: the order is done"]);
}

#[test]
fn what_cannot_be_replaced_is_refused_at_once_and_works_on() {
    let mut f = floor();
    let tried = |f: &mut Floor, quantity: &str, kind| {
        f.replace(1, 2, quantity, kind);
        f.sees("", MarketData::Timer(0)).pop().unwrap_or_default()
    };
    assert!(tried(&mut f, "10", AtMarket).starts_with("1 not replaced: replacement is"));
    assert_eq!(tried(&mut f, "200", limit("9")), "1 not replaced: no cash: needs 2000, has 1000");
    assert_eq!(tried(&mut f, "20", limit("8")), PENDING);
    assert_eq!(tried(&mut f, "30", limit("8")), "1 not replaced: another replacement is pending");
    // The one that is pending is the one that counts.
    assert_eq!(f.sees("XA", bar("10")), ["1 replaced by 2 after 0"]);
    assert_eq!(f.sees("XA", bar("7")), ["1 0 to 20 at 8 slipped 0"]);
    assert_eq!(tried(&mut f, "30", limit("8")), "1 not replaced: the order does not work any more");
}

#[test]
fn a_cancel_comes_first_and_a_close_ends_what_it_ends() {
    let mut f = floor();
    f.replace(1, 2, "20", limit("9.5"));
    f.exchange.cancel(OrderId(1), at(f.now));
    assert_eq!(f.sees("XA", bar("1")), [PENDING, "1 cancelled after 0"]);
    // For the day: it expires as it was. On close: it fills as it was, and the answer follows.
    let mut f = Floor::free(Shorting::None, 1.0);
    f.sees("XA", bar("10"));
    f.order(1, "XA", Buy, "10", limit("9"), Day);
    f.order(2, "XA", Buy, "10", OrderKind::MarketOnClose, Cls);
    f.sees("XA", bar("10"));
    f.replace(1, 2, "20", limit("12"));
    f.replace(2, 2, "20", OrderKind::MarketOnClose);
    assert_eq!(
        f.sees("", CLOSE),
        [
            PENDING,
            "2 replacement pending",
            "1 expired after 0",
            "2 0 to 10 at 10 slipped 0",
            "2 not replaced: the order is done"
        ]
    );
    // An order that lives on is replaced at the close.
    let mut f = floor();
    f.replace(1, 2, "20", limit("12"));
    assert_eq!(f.sees("", CLOSE), [PENDING, "1 replaced by 2 after 0"]);
}

#[test]
fn stops_are_replaced_too_and_a_restart_changes_nothing() {
    let mut f = Floor::free(Shorting::None, 1.0).holds("XA", "5", "10");
    f.order(1, "XA", Sell, "5", OrderKind::Stop { trigger: p("9") }, Gtc);
    f.order(2, "XA", Sell, "5", OrderKind::TrailingStop { trail: Trail::Amount(p("3")) }, Gtc);
    f.replace(1, 2, "5", OrderKind::Stop { trigger: p("8") });
    f.replace(2, 2, "5", OrderKind::TrailingStop { trail: Trail::Amount(p("1")) });
    let saved = f.exchange.save().unwrap();
    f.exchange = Exchange::default();
    f.exchange.load(&saved).unwrap();
    assert_eq!(f.exchange.save().unwrap(), saved);
    assert_eq!(f.sees("XA", trade("12"))[4..], ["1 replaced by 2 after 0", "2 replaced by 2 after 0"]);
    // The best price of 12 counts for the trail of one: 11.
    assert_eq!(f.sees("XA", trade("11.01")), NOTHING);
    assert_eq!(f.sees("XA", trade("11")), ["2 0 to 5 at 11 slipped 0"]);
}
