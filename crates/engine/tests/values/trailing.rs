//! Trailing stops by hand, each with the prices that move it and the price that sets it off.

use tradewind_core_types::{MarketData, OrderKind, Quote, Side, TimeInForce, Trail};
use tradewind_engine::{ExchangeConfig, Shorting};

use super::floor::*;

use Side::{Buy, Sell};
use TimeInForce::{Day, Gtc};

/// Two dollars behind.
fn two() -> OrderKind {
    OrderKind::TrailingStop { trail: Trail::Amount(p("2")) }
}
/// Ten percent behind.
fn tenth() -> OrderKind {
    OrderKind::TrailingStop { trail: Trail::Millionths(100_000) }
}
fn quote(bid: &str, ask: &str) -> MarketData {
    MarketData::Quote(Quote { bid: p(bid), ask: p(ask), bid_size: q("100"), ask_size: q("100") })
}
/// A sale of 5 that trails, sent at a price of 100; what is said at each event after it, without the acceptance.
fn sold(kind: OrderKind, events: &[MarketData]) -> Vec<String> {
    trailed(Sell, kind, events)
}
fn trailed(side: Side, kind: OrderKind, events: &[MarketData]) -> Vec<String> {
    let mut f = Floor::free(Shorting::All, 10.0);
    f = f.holds("XA", "5", "100");
    f.order(1, "XA", side, "5", kind, Gtc);
    assert_eq!(f.sees("", MarketData::Timer(0)), ["1 accepted"]);
    events.iter().flat_map(|e| f.sees("XA", e.clone())).collect()
}
const NOTHING: [&str; 0] = [];

#[test]
fn trades_move_it_and_set_it_off() {
    let prints = |prices: &[&str]| prices.iter().map(|x| trade(x)).collect::<Vec<_>>();
    // From 100 the stop is 98; 103 moves it to 101, which 101.01 does not reach and 100.5 does.
    assert_eq!(sold(two(), &prints(&["98.01", "103", "101.01"])), NOTHING);
    assert_eq!(sold(two(), &prints(&["103", "101.01", "100.5"])), ["1 0 to 5 at 100.5 slipped 0"]);
    assert_eq!(sold(two(), &prints(&["98"])), ["1 0 to 5 at 98 slipped 0"], "at the stop");
    // A lower price does not take it back.
    assert_eq!(sold(two(), &prints(&["103", "102", "101"])), ["1 0 to 5 at 101 slipped 0"]);
    // Ten percent: 110 moves it to 99.
    assert_eq!(sold(tenth(), &prints(&["90.5", "110", "99.5"])), NOTHING);
    assert_eq!(sold(tenth(), &prints(&["110", "99"])), ["1 0 to 5 at 99 slipped 0"]);
    // A purchase follows the lowest price: 102, then 95 to 97.
    let bought = |prices: &[&str]| trailed(Buy, two(), &prints(prices));
    assert_eq!(bought(&["101.99", "95", "96.99"]), NOTHING);
    assert_eq!(bought(&["95", "96", "97.5"]), ["1 0 to 5 at 97.5 slipped 0"]);
    assert_eq!(bought(&["102"]), ["1 0 to 5 at 102 slipped 0"]);
    assert_eq!(trailed(Buy, tenth(), &prints(&["90", "98.99"])), NOTHING);
    assert_eq!(trailed(Buy, tenth(), &prints(&["90", "99"])), ["1 0 to 5 at 99 slipped 0"]);
}

#[test]
fn quotes_set_it_off_and_do_not_move_it() {
    assert_eq!(sold(two(), &[quote("110", "111"), quote("98.5", "99")]), NOTHING);
    assert_eq!(sold(two(), &[quote("110", "111"), quote("98", "99")]), ["1 0 to 5 at 98 slipped 0"]);
}

#[test]
fn within_a_bar_the_adverse_extreme_comes_first() {
    // 97 is below the stop of 98: whatever the high is, it fills there and not at the stop that the high would give.
    assert_eq!(sold(two(), &[whole("99", "105", "97", "104")]), ["1 0 to 5 at 98 slipped 0"]);
    // The open is the first price for certain: 101 moves the stop to 99 before the low of 98.5.
    assert_eq!(sold(two(), &[whole("101", "105", "98.5", "104")]), ["1 0 to 5 at 99 slipped 0"]);
    // A gap beyond the stop fills at the open.
    assert_eq!(sold(two(), &[whole("95", "99", "94", "99")]), ["1 0 to 5 at 95 slipped 0"]);
    // The high of 105 moves it to 103 at the end: the low of 100 came before, for all that is known, and the close is above.
    assert_eq!(sold(two(), &[whole("100", "105", "100", "104")]), NOTHING);
    assert_eq!(
        sold(two(), &[whole("100", "105", "100", "104"), whole("104", "104", "102.9", "103.5")]),
        ["1 0 to 5 at 103 slipped 0"]
    );
    // The close of 101 lies below the 103 that the high gives: it has been set off, and gets the close and not the 103.
    assert_eq!(sold(two(), &[whole("100", "105", "100", "101")]), ["1 0 to 5 at 101 slipped 0"]);
    assert_eq!(sold(two(), &[whole("100", "105", "100", "103")]), ["1 0 to 5 at 103 slipped 0"]);
    assert_eq!(sold(two(), &[whole("100", "105", "100", "103.01")]), NOTHING);
    // Where nothing but closes is known, they move it and set it off.
    assert_eq!(sold(two(), &[bar("103"), bar("101.5")]), NOTHING);
    assert_eq!(sold(two(), &[bar("103"), bar("100")]), ["1 0 to 5 at 100 slipped 0"]);
    // Purchases, mirrored.
    let bought = |events: &[MarketData]| trailed(Buy, two(), events);
    assert_eq!(bought(&[whole("101", "103", "95", "96")]), ["1 0 to 5 at 102 slipped 0"]);
    assert_eq!(bought(&[whole("99", "101.5", "95", "96")]), ["1 0 to 5 at 101 slipped 0"]);
    assert_eq!(bought(&[whole("99", "100.9", "95", "99")]), ["1 0 to 5 at 99 slipped 0"]);
    assert_eq!(bought(&[whole("99", "100.9", "95", "96.9")]), NOTHING);
    assert_eq!(bought(&[whole("103", "104", "95", "96")]), ["1 0 to 5 at 103 slipped 0"]);
}

#[test]
fn of_a_bar_that_began_before_the_order_only_the_close_counts() {
    let mut f = Floor::free(Shorting::All, 10.0);
    f.sees("XA", bar("100"));
    // Decided ten nanoseconds into the next bar: neither its high nor its low may lie after the order.
    f.sees("", MarketData::Timer(0));
    f.order(1, "XA", Sell, "5", two(), Gtc);
    assert_eq!(f.sees("XA", whole("100", "120", "90", "101")), ["1 accepted"]);
    // The best price is the close of 101, so the stop is 99.
    assert_eq!(f.sees("XA", whole("101", "101", "99.01", "100")), NOTHING);
    assert_eq!(f.sees("XA", whole("100", "100", "99", "100")), ["1 0 to 5 at 99 slipped 0"]);
}

#[test]
fn once_set_off_the_rest_is_a_market_order_and_each_bar_is_used_once() {
    let mut f = Floor::new(ExchangeConfig { shorting: Shorting::All, leverage: 10.0, ..capped(0.1) }, "1000");
    let thin = |o: &str, h: &str, l: &str, c: &str| {
        let MarketData::Bar(b) = whole(o, h, l, c) else { unreachable!() };
        MarketData::Bar(tradewind_core_types::Bar { volume: Some(q("20")), ..b })
    };
    f.sees("XA", thin("100", "100", "100", "100"));
    f.order(1, "XA", Sell, "5", two(), Gtc);
    assert_eq!(f.sees("XA", thin("99", "99", "97", "97"))[1..], ["1 0 to 2 at 98 slipped 0"]);
    // The price has come back far above the stop: the rest is sold at once all the same.
    assert_eq!(f.sees("XA", thin("105", "106", "104", "105")), ["1 2 to 4 at 105 slipped 0"]);
    assert_eq!(f.sees("XA", thin("107", "107", "107", "107")), ["1 4 to 5 at 107 slipped 0"]);
}

#[test]
fn it_lives_by_its_time_in_force_and_needs_a_stop_that_can_be() {
    let mut f = Floor::free(Shorting::All, 10.0);
    f.sees("XA", bar("1.5"));
    f.order(1, "XA", Sell, "5", two(), Day);
    f.order(2, "XA", Sell, "5", two(), Gtc);
    // No price can be two dollars below 1.5; from 3 on one can, at 1.
    assert_eq!(f.sees("XA", trade("0.01"))[2..], NOTHING);
    assert_eq!(f.sees("", CLOSE), ["1 expired after 0"]);
    f.sees("XA", trade("3"));
    assert_eq!(f.sees("XA", trade("1.01")), NOTHING);
    assert_eq!(f.sees("XA", trade("1")), ["2 0 to 5 at 1 slipped 0"]);
}
