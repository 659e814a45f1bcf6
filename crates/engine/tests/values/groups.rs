//! Brackets, one-cancels-other and one-triggers-other by hand.

use tradewind_core_types::{Bar, MarketData, OrderId, OrderKind, Side, TimeInForce, Trail};
use tradewind_engine::{ExchangeConfig, Shorting, Venue as _};

use super::floor::*;

use OrderKind::Market as AtMarket;
use Side::{Buy, Sell};
use TimeInForce::{Day, Gtc};

const NOTHING: [&str; 0] = [];

fn stop(trigger: &str) -> OrderKind {
    OrderKind::Stop { trigger: p(trigger) }
}
/// The price is 10; the first event after it is the one given.
fn floor() -> Floor {
    let mut f = Floor::free(Shorting::None, 1.0);
    f.sees("XA", bar("10"));
    f
}
/// Of a purchase of 5 with exits at 12 and 9: what is said at the first event, without the three acknowledgements, and what at the next.
fn bought(kind: OrderKind, exits: [OrderKind; 2], first: MarketData, next: MarketData) -> (Vec<String>, Vec<String>) {
    let mut f = floor();
    f.bracket(1, Buy, kind, Gtc, &exits);
    let mut said = f.sees("XA", first);
    assert_eq!(said[..3], ["1 accepted", "2 held", "3 held"]);
    (said.split_off(3), f.sees("XA", next))
}
const CALM: fn() -> MarketData = || whole("10", "11", "9.5", "10.5");
const ENTERED: [&str; 3] = ["1 0 to 5 at 10 slipped 0", "2 accepted", "3 accepted"];

#[test]
fn the_one_that_fills_cancels_the_other_and_the_worse_one_fills() {
    let exits = || [limit("12"), stop("9")];
    let after = |next| {
        let (first, next) = bought(AtMarket, exits(), CALM(), next);
        assert_eq!(first, ENTERED);
        next
    };
    assert_eq!(after(CALM()), NOTHING);
    assert_eq!(after(whole("10", "13", "9.5", "12.5")), ["2 0 to 5 at 12 slipped 0", "3 cancelled after 0"]);
    assert_eq!(after(whole("10", "11", "8", "9")), ["3 0 to 5 at 9 slipped 0", "2 cancelled after 0"]);
    // Both are reached, whichever came first.
    assert_eq!(after(whole("10", "13", "8", "12.5")), ["3 0 to 5 at 9 slipped 0", "2 cancelled after 0"]);
    // A gap beyond the profit fills at the open.
    assert_eq!(after(whole("12.5", "13", "12", "12.5")), ["2 0 to 5 at 12.5 slipped 0", "3 cancelled after 0"]);
    // Sold short, mirrored.
    let mut f = Floor::free(Shorting::All, 1.0);
    f.sees("XA", bar("10"));
    f.bracket(1, Sell, AtMarket, Gtc, &[limit("9"), stop("12")]);
    assert_eq!(f.sees("XA", CALM())[3..], ENTERED);
    assert_eq!(f.sees("XA", whole("10", "13", "8", "9")), ["3 0 to 5 at 12 slipped 0", "2 cancelled after 0"]);
    assert_eq!((f.account.quantity(symbol("XA")), f.exchange.working()), (q("0"), 0));
}

#[test]
fn in_the_bar_of_the_entry_the_stop_counts_and_the_profit_does_not() {
    let exits = || [limit("12"), stop("9")];
    let first = |kind, exits, first| bought(kind, exits, first, CALM()).0;
    let out = ["3 0 to 5 at 9 slipped 0", "2 cancelled after 0"];
    // Entered at the open: all of the bar lies after it. The high of 13 is not used, the low of 8.5 is.
    assert_eq!(first(AtMarket, exits(), whole("10", "13", "9.5", "12.5")), ENTERED);
    assert_eq!(first(AtMarket, exits(), whole("10", "13", "8.5", "12.5")), [ENTERED.as_slice(), &out].concat());
    // Entered at a limit on the way down: 9.7 comes after 9.8.
    let said = first(limit("9.8"), [limit("12"), stop("9.75")], whole("10", "13", "9.7", "10"));
    assert_eq!(said[0], "1 0 to 5 at 9.8 slipped 0");
    assert_eq!(said[3..], ["3 0 to 5 at 9.75 slipped 0", "2 cancelled after 0"]);
    // Entered at a stop: whether the low of 8 came after it is not known.
    let said = first(stop("11"), exits(), whole("10", "11.5", "8", "11.2"));
    assert_eq!((said[0].as_str(), &said[3..]), ("1 0 to 5 at 11 slipped 0", out.map(String::from).as_slice()));
    // Entered at an open that lies beyond the stop already.
    let said = first(limit("9.8"), [limit("12"), stop("9.5")], whole("9.2", "9.9", "9.1", "9.8"));
    assert_eq!([&said[0], &said[3]], ["1 0 to 5 at 9.2 slipped 0", "3 0 to 5 at 9.2 slipped 0"]);
    // Nothing but a close, beyond the stop; and a trade.
    for print in [bar("8.9"), trade("8.9")] {
        let said = first(AtMarket, exits(), print);
        assert_eq!([&said[0], &said[3]], ["1 0 to 5 at 8.9 slipped 0", "3 0 to 5 at 8.9 slipped 0"]);
    }
    // A stop-limit is set off, and fills from the next print on.
    let both = [limit("12"), OrderKind::StopLimit { trigger: p("9"), price: p("9.2") }];
    let (said, next) = bought(AtMarket, both, whole("10", "10", "8.5", "9.1"), whole("9.1", "9.5", "9", "9.4"));
    assert_eq!(
        (said.as_slice(), next[0].as_str()),
        (ENTERED.map(String::from).as_slice(), "3 0 to 5 at 9.2 slipped 0")
    );
}

#[test]
fn parts_of_the_entry_have_parts_of_the_exits() {
    let mut f = Floor::new(capped(0.1), "1000");
    f.sees("XA", bar("10"));
    f.bracket(1, Buy, limit("10"), Gtc, &[limit("12"), stop("8")]);
    // 2 are bought, and 2 of each exit work.
    assert_eq!(f.sees("XA", volume("9.9", "20"))[3..], ["1 0 to 2 at 10 slipped 0", "2 accepted", "3 accepted"]);
    // One is sold with profit: 4 are left of the stop, of which one works.
    assert_eq!(f.sees("XA", volume("12.5", "10")), ["2 0 to 1 at 12 slipped 0"]);
    // The stop sells that one; then the other three are bought, and stopped out at once.
    assert_eq!(
        f.sees("XA", volume("7.9", "100")),
        [
            "3 0 to 1 at 7.9 slipped 0",
            "1 2 to 5 at 10 slipped 0",
            "3 1 to 4 at 7.9 slipped 0",
            "3 cancelled after 4",
            "2 cancelled after 1"
        ]
    );
    assert_eq!((f.account.quantity(symbol("XA")), f.exchange.working()), (q("0"), 0));
}

#[test]
fn what_the_entry_does_not_fill_no_exit_sells() {
    // 2 of 5 are bought when the day ends; its exits were for the day.
    let begin = |tif| {
        let mut f = Floor::new(capped(0.1), "1000");
        f.sees("XA", bar("10"));
        f.bracket(1, Buy, limit("10"), tif, &[limit("12"), stop("8")]);
        f.sees("XA", volume("9.9", "20"));
        f
    };
    let mut f = begin(Day);
    assert_eq!(f.sees("", CLOSE), ["2 expired after 0", "3 expired after 0", "1 expired after 2"]);
    // One of them is cancelled: all are.
    for id in 1..=3 {
        let mut f = begin(Gtc);
        f.exchange.cancel(OrderId(id), at(f.now));
        let said = f.sees("", MarketData::Timer(0));
        assert_eq!(said, ["1 cancelled after 2", "2 cancelled after 0", "3 cancelled after 0"]);
        assert_eq!(f.exchange.working(), 0);
    }
    // The rest of the entry cannot be paid: 2 are bought, and the exits go on for those.
    let mut f = Floor::new(ExchangeConfig { costs: capped(0.1).costs, ..ExchangeConfig::default() }, "45");
    f = f.holds("XB", "1", "10");
    f.sees("XA", bar("9"));
    f.bracket(1, Buy, limit("10"), Gtc, &[limit("12"), stop("8")]);
    f.sees("XB", bar("0.5"));
    assert_eq!(f.sees("XA", volume("9.9", "20"))[0], "1 0 to 2 at 10 slipped 0");
    let said = f.sees("XA", volume("9.9", "100"));
    assert!(said[0].starts_with("1 no cash"), "{said:?}");
    assert_eq!(
        f.sees("XA", volume("12.5", "100")),
        ["2 0 to 2 at 12 slipped 0", "2 cancelled after 2", "3 cancelled after 0"]
    );
    // None of it: nothing is left of the exits.
    let mut f = floor();
    f.bracket(1, Buy, AtMarket, Gtc, &[limit("900"), stop("8")]);
    let said = f.sees("XA", bar("300"));
    assert_eq!(said[3..], ["1 no cash: needs 1500, has 1000", "2 cancelled after 0", "3 cancelled after 0"]);
    // Refused at once: all are.
    let mut f = floor();
    f.sees("XA", halt(true));
    f.bracket(1, Buy, AtMarket, Gtc, &[limit("12")]);
    assert_eq!(f.sees("XA", bar("10")), ["1 halted", "2 order 1 is refused"]);
}

#[test]
fn of_two_exits_alone_one_fills() {
    let held = || {
        let mut f = floor().holds("XA", "5", "10");
        f.either(1, limit("11"), stop("9"));
        assert_eq!(f.sees("", MarketData::Timer(0)), ["1 accepted", "2 accepted"]);
        f
    };
    assert_eq!(held().sees("XA", whole("10", "12", "8", "10")), ["2 0 to 5 at 9 slipped 0", "1 cancelled after 0"]);
    assert_eq!(held().sees("XA", whole("10", "12", "10", "10")), ["1 0 to 5 at 11 slipped 0", "2 cancelled after 0"]);
    // The position is gone: there is nothing to close, and it is not sold short.
    let mut f = Floor::free(Shorting::All, 1.0).holds("XA", "5", "10");
    f.either(1, limit("11"), stop("9"));
    f.order(3, "XA", Sell, "3", AtMarket, Gtc);
    assert_eq!(f.sees("XA", trade("10"))[3..], ["3 0 to 3 at 10 slipped 0"]);
    // Two are left of the five: both are sold, and there is nothing for the rest.
    assert_eq!(f.sees("XA", trade("9")), ["2 0 to 2 at 9 slipped 0"]);
    assert_eq!(f.sees("XA", trade("9")), ["2 nothing is held that it could close"]);
    assert_eq!(f.account.quantity(symbol("XA")), q("0"));
}

#[test]
fn a_stop_that_gets_a_part_leaves_the_profit_nothing_of_the_bar() {
    let mut f = Floor::new(capped(0.1), "1000").holds("XA", "5", "10");
    f.either(1, limit("11"), stop("9"));
    let MarketData::Bar(b) = whole("10", "12", "8", "10") else { unreachable!() };
    let thin = MarketData::Bar(Bar { volume: Some(q("20")), ..b });
    assert_eq!(f.sees("XA", thin)[2..], ["2 0 to 2 at 9 slipped 0"]);
    // The rest of the stop is a market order.
    assert_eq!(f.sees("XA", volume("10.5", "100")), ["2 2 to 5 at 10.5 slipped 0", "1 cancelled after 0"]);
}

#[test]
fn a_trailing_stop_behind_an_entry_begins_at_its_price() {
    // Sent at 10, bought at 8: one dollar behind is 7 and not 9.
    let trail = OrderKind::TrailingStop { trail: Trail::Amount(p("1")) };
    let mut f = floor();
    f.bracket(1, Buy, AtMarket, Gtc, &[trail]);
    assert_eq!(f.sees("XA", whole("8", "8.5", "7.5", "8.4"))[2..], ["1 0 to 5 at 8 slipped 0", "2 accepted"]);
    // The bar of the entry has moved it to its high of 8.5, so 7.5; this one opens at 9, so 8, before its low of 8.1.
    assert_eq!(f.sees("XA", whole("9", "9", "8.1", "9")), NOTHING);
    assert_eq!(f.sees("XA", whole("8.5", "8.9", "7.9", "8.5")), ["2 0 to 5 at 8 slipped 0"]);
    // Entered within a bar, of which the high may lie before: 9.5 and its close of 9.9 count, and not the 13.
    let mut f = floor();
    f.bracket(1, Buy, limit("9.5"), Gtc, &[trail]);
    assert_eq!(f.sees("XA", whole("10", "13", "9.4", "9.9"))[2..], ["1 0 to 5 at 9.5 slipped 0", "2 accepted"]);
    assert_eq!(f.sees("XA", whole("9.9", "9.9", "8.91", "9")), NOTHING);
    assert_eq!(f.sees("XA", whole("9", "9", "8.9", "9")), ["2 0 to 5 at 8.9 slipped 0"]);
}

#[test]
fn prices_of_a_group_can_be_replaced_and_its_quantity_cannot() {
    let mut f = floor();
    f.bracket(1, Buy, AtMarket, Gtc, &[limit("12"), stop("9")]);
    f.sees("XA", CALM());
    f.replace(3, 2, "4", stop("9.5"));
    assert_eq!(f.sees("", MarketData::Timer(0)), ["3 not replaced: an order of a group keeps its quantity"]);
    f.replace(3, 2, "5", stop("9.5"));
    assert_eq!(f.sees("XA", whole("10", "10", "9.2", "10")), ["3 replacement pending", "3 replaced by 2 after 0"]);
    assert_eq!(f.sees("XA", whole("10", "10", "9.2", "10")), ["3 0 to 5 at 9.5 slipped 0", "2 cancelled after 0"]);
}
