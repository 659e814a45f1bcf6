//! The simulated exchange, order by order: what is refused, what fills at which price, and what ends how.

use tradewind_core_types::{
    Bar, CorporateAction, MarketData, OrderId, OrderKind, Quote, Side, Snapshot as _, TimeInForce, Trade,
};
use tradewind_engine::{Commission, Costs, Exchange, ExchangeConfig, Shorting, Slippage, Venue as _};

use super::floor::*;

use OrderKind::{LimitOnClose, LimitOnOpen, Market as AtMarket, MarketOnClose, MarketOnOpen};
use Side::{Buy, Sell};
use TimeInForce::{Cls, Day, Fok, Gtc, Ioc, Opg};

#[test]
fn settings_have_ranges() {
    let named = |c: ExchangeConfig| -> Vec<String> {
        c.check().err().map(|e| e.0.into_iter().map(|v| v.field).collect()).unwrap_or_default()
    };
    let none: [&str; 0] = [];
    for leverage in [1.0, 10.0] {
        let shorting = Shorting::Only(vec!["SPY".into()]);
        assert_eq!(named(ExchangeConfig { leverage, shorting, ..ExchangeConfig::default() }), none);
    }
    let mut bad = ExchangeConfig {
        leverage: 0.99,
        shorting: Shorting::Only(vec!["SPY".into(), "no spaces".into()]),
        ..ExchangeConfig::default()
    };
    (bad.costs.slippage.bps, bad.costs.commission.bps) = (-1.0, -1.0);
    assert_eq!(named(bad.clone()), ["costs.slippage.bps", "costs.commission.bps", "leverage", "shorting"]);
    assert!(Exchange::new(bad).is_err());
    assert_eq!(named(ExchangeConfig { leverage: 10.01, ..ExchangeConfig::default() }), ["leverage"]);
}

#[test]
fn what_cannot_be_traded_is_refused_at_once() {
    let mut f = Floor::free(Shorting::None, 1.0);
    f.sees("XA", bar("10"));
    f.sees("XI", MarketData::Index(Bar::close_only(p("10"))));
    assert_eq!(f.answer(1, "XU", Buy, "1"), ["1 unknown symbol"]);
    assert_eq!(f.answer(2, "XI", Buy, "1"), ["2 unknown symbol"]);
    assert_eq!(f.answer(3, "XA", Buy, "1"), ["3 accepted"]);
    f.sees("XA", halt(true));
    assert_eq!(f.answer(4, "XA", Buy, "1"), ["4 halted"]);
    // A halt goes with the name, and ends.
    f.sees("XA", act(CorporateAction::SymbolChange { to: symbol("XB") }));
    assert_eq!(f.answer(5, "XB", Buy, "1"), ["5 halted"]);
    f.sees("XB", halt(false));
    assert_eq!(f.answer(6, "XB", Buy, "1"), ["6 accepted"]);
    // What was delisted stays so although a late print comes, until another company takes the name.
    f.sees("XB", act(CorporateAction::Delisting { price: None }));
    f.sees("XB", bar("10"));
    assert_eq!(f.answer(7, "XB", Buy, "1"), ["7 unknown symbol"]);
    f.sees("XC", bar("10"));
    f.sees("XC", act(CorporateAction::SymbolChange { to: symbol("XB") }));
    assert_eq!(f.answer(8, "XB", Buy, "1"), ["8 accepted"]);
    assert_eq!(f.exchange.working(), 0);
}

#[test]
fn shorts_need_leave_and_what_is_short_may_be_bought_back() {
    let no = "no borrow: shorting is not allowed for this symbol";
    let mut f = Floor::free(Shorting::None, 1.0).holds("XA", "5", "10").holds("XS", "-5", "10");
    assert_eq!(f.answer(1, "XA", Sell, "5"), ["1 accepted"]);
    assert_eq!(f.answer(2, "XA", Sell, "5.000000001"), [format!("2 {no}")]);
    assert_eq!(f.answer(3, "XS", Buy, "2"), ["3 accepted"]);
    assert_eq!(f.answer(4, "XS", Sell, "1"), [format!("4 {no}")]);
    let mut f = Floor::free(Shorting::Only(vec!["XA".into()]), 1.0).holds("XA", "5", "10").holds("XB", "5", "10");
    assert_eq!(f.answer(1, "XA", Sell, "6"), ["1 accepted"]);
    assert_eq!(f.answer(2, "XB", Sell, "6"), [format!("2 {no}")]);
    let mut f = Floor::free(Shorting::All, 1.0).holds("XB", "5", "10");
    assert_eq!(f.answer(1, "XB", Sell, "6"), ["1 accepted"]);
    // What is sold between order and fill counts: 5 are there for both, and not for one after the other.
    let mut f = Floor::free(Shorting::None, 1.0).holds("XA", "5", "10");
    f.order(1, "XA", Sell, "5", AtMarket, Gtc);
    f.order(2, "XA", Sell, "5", AtMarket, Gtc);
    let said = f.sees("XA", bar("11"));
    assert_eq!(said, ["1 accepted", "2 accepted", "1 0 to 5 at 11 slipped 0", &format!("2 {no}")]);
    // And what was bought back in part: 2 short are left, of which buying one is allowed where shorts are not.
    let mut f = Floor::free(Shorting::None, 1.0).holds("XS", "-5", "10");
    f.order(1, "XS", Buy, "3", AtMarket, Gtc);
    f.order(2, "XS", Buy, "1", AtMarket, Gtc);
    assert_eq!(f.sees("XS", bar("10"))[2..], ["1 0 to 3 at 10 slipped 0", "2 0 to 1 at 10 slipped 0"]);
    assert_eq!(f.account.quantity(symbol("XS")), q("-1"));
}

#[test]
fn an_order_beyond_the_whole_account_is_refused_at_once() {
    let mut f = Floor::free(Shorting::All, 1.0);
    f.sees("XA", bar("10"));
    assert_eq!(f.answer(1, "XA", Buy, "100"), ["1 accepted"]);
    assert_eq!(f.answer(2, "XA", Buy, "100.1"), ["2 no cash: needs 1001, has 1000"]);
    assert_eq!(f.answer(3, "XA", Sell, "101"), ["3 no cash: needs 1010, has 1000"]);
    let mut f = Floor::free(Shorting::All, 2.0).holds("XA", "50", "10");
    assert_eq!(f.answer(1, "XA", Buy, "150"), ["1 accepted"]);
    assert_eq!(f.answer(2, "XA", Buy, "151"), ["2 no cash: needs 2010, has 2000"]);
    // 100 at 10 on 500: beyond the account already. It may shrink or turn to the same size, and not grow.
    let mut f = Floor::new(ExchangeConfig { costs: free(), shorting: Shorting::All, leverage: 1.0 }, "500");
    f = f.holds("XA", "100", "10");
    assert_eq!(f.answer(1, "XA", Sell, "1"), ["1 accepted"]);
    assert_eq!(f.answer(2, "XA", Sell, "200"), ["2 accepted"]);
    assert_eq!(f.answer(3, "XA", Sell, "201"), ["3 no cash: needs 1010, has 500"]);
    assert_eq!(f.answer(4, "XA", Buy, "1"), ["4 no cash: needs 1010, has 500"]);
    // Without equity there is nothing.
    f.sees("XA", bar("4"));
    assert_eq!(f.answer(5, "XA", Buy, "1"), ["5 no cash: needs 404, has 0"]);
}

#[test]
fn what_a_fill_may_cost_follows_from_everything_held_at_its_price() {
    // 30 XA long and 20 XC short, each at 10: equity 1000, gross 500, so that 50 more at 10 fit and 51 do not.
    let floor = |costs: Costs| {
        let config = ExchangeConfig { costs, shorting: Shorting::All, leverage: 1.0 };
        let mut f = Floor::new(config, "1000").holds("XA", "30", "10").holds("XC", "-20", "10");
        f.sees("XB", bar("10"));
        f
    };
    let buys = |costs: Costs, s: &str, quantity: &str, price: &str| {
        let mut f = floor(costs);
        f.order(1, s, Buy, quantity, AtMarket, Gtc);
        f.sees(s, bar(price)).pop().unwrap()
    };
    assert_eq!(buys(free(), "XB", "50", "10"), "1 0 to 50 at 10 slipped 0");
    assert_eq!(buys(free(), "XB", "51", "10"), "1 no cash: needs 510, has 500");
    // XA jumps to 20: the 30 held are worth 300 more, so 1300 may be held; 55 at 20 and 20 at 10 are 1300.
    assert_eq!(buys(free(), "XA", "25", "20"), "1 0 to 25 at 20 slipped 0");
    assert_eq!(buys(free(), "XA", "26", "20"), "1 no cash: needs 520, has 500");
    // Fees come out of equity: one dollar a share.
    let fees = Costs { commission: Commission { per_share: 1.0, ..Commission::NONE }, ..free() };
    assert_eq!(buys(fees.clone(), "XA", "25", "20"), "1 no cash: needs 500, has 475");
    // And so much may be missing that nothing is left.
    assert_eq!(buys(free(), "XC", "60", "30"), "1 no cash: needs 600, has 0");
    // What makes a position smaller needs nothing, whatever it is beyond.
    let mut f = floor(fees);
    f.order(1, "XC", Buy, "20", AtMarket, Gtc);
    assert_eq!(f.sees("XC", bar("90")).pop().unwrap(), "1 0 to 20 at 90 slipped 0");
    assert_eq!(f.account.equity(), "-620".parse().unwrap());
    // Turning to the same size neither.
    let mut f = Floor::new(ExchangeConfig { costs: free(), shorting: Shorting::All, leverage: 1.0 }, "500");
    f = f.holds("XA", "100", "10");
    f.order(1, "XA", Sell, "200", AtMarket, Gtc);
    assert_eq!(f.sees("XA", bar("10")).pop().unwrap(), "1 0 to 200 at 10 slipped 0");
}

#[test]
fn fills_of_one_event_know_of_each_other_and_later_ones_of_the_books() {
    let f = || Floor::new(ExchangeConfig { costs: slips(), ..ExchangeConfig::default() }, "1000");
    // Two purchases at one print: 60 at 10.1 leave 394 for the second.
    let mut both = f();
    both.sees("XA", bar("10"));
    both.order(1, "XA", Buy, "60", AtMarket, Gtc);
    both.order(2, "XA", Buy, "60", AtMarket, Gtc);
    let said = both.sees("XA", bar("10"));
    assert_eq!(said[2..], ["1 0 to 60 at 10.1 slipped 100", "2 no cash: needs 606, has 394"]);
    // At the next print the books say the same: 394 in cash, 60 at 10.
    both.order(3, "XA", Buy, "39", AtMarket, Gtc);
    assert_eq!(both.sees("XA", bar("10")).pop().unwrap(), "3 0 to 39 at 10.1 slipped 100");
    // At one close the sale of 50 XA at 9.9 values the other 50 so, too: 990 in all, 495 of them for XB, which is 49 at 10.1.
    for (quantity, said) in [("49", "1 0 to 49 at 10.1 slipped 100"), ("50", "1 no cash: needs 505, has 495")] {
        let mut close = f().holds("XA", "100", "10");
        close.sees("XB", bar("10"));
        close.order(1, "XB", Buy, quantity, MarketOnClose, Cls);
        close.order(2, "XA", Sell, "50", MarketOnClose, Cls);
        close.sees("XA", bar("10"));
        close.sees("XB", bar("10"));
        assert_eq!(close.sees("", CLOSE), ["2 0 to 50 at 9.9 slipped 100", said]);
        // What was pending then is booked now, and counts once.
        close.sees("", OPEN);
        close.order(3, "XA", Sell, "50", AtMarket, Gtc);
        assert_eq!(close.sees("XA", bar("10")), ["3 accepted", "3 0 to 50 at 9.9 slipped 100"]);
    }
}

#[test]
fn slippage_ends_at_the_limit() {
    let said = |costs: Costs, side, kind| {
        let config = ExchangeConfig { costs, shorting: Shorting::All, leverage: 2.0 };
        let mut f = Floor::new(config, "1000");
        f.sees("XA", bar("10"));
        f.order(1, "XA", side, "5", kind, Cls);
        f.sees("XA", bar("10"));
        f.sees("", CLOSE).pop().unwrap()
    };
    let at = |price: &str| LimitOnClose { price: p(price) };
    assert_eq!(said(slips(), Buy, at("11")), "1 0 to 5 at 10.1 slipped 100");
    assert_eq!(said(slips(), Sell, at("9")), "1 0 to 5 at 9.9 slipped 100");
    // 10.0625 is 0.625 % above 10, and so is 9.9375 below.
    let slipped = |s: String| s.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    for (side, price) in [(Buy, "10.0625"), (Sell, "9.9375")] {
        let s = said(slips(), side, at(price));
        assert!(s.starts_with(&format!("1 0 to 5 at {price} slipped ")), "{s}");
        assert!((slipped(s) - 62.5).abs() < 1e-9);
    }
    // Exactly at the limit nothing is cut.
    let half = Costs { slippage: Slippage { bps: 50.0, ..Slippage::NONE }, ..free() };
    assert_eq!(said(half.clone(), Buy, at("10.05")), "1 0 to 5 at 10.05 slipped 50");
    assert_eq!(said(half, Sell, at("9.95")), "1 0 to 5 at 9.95 slipped 50");
    // A limit that the close does not meet ends with it; one that it just meets fills.
    assert_eq!([said(free(), Buy, at("9.99")), said(free(), Sell, at("10.01"))], ["1 expired after 0"; 2]);
    assert_eq!([said(free(), Buy, at("10")), said(free(), Sell, at("10"))], ["1 0 to 5 at 10 slipped 0"; 2]);
    // A limit order names its price: nothing slips.
    let mut f = Floor::new(ExchangeConfig { costs: slips(), ..ExchangeConfig::default() }, "1000");
    f.sees("XA", bar("10"));
    f.order(1, "XA", Buy, "5", limit("9.5"), Gtc);
    assert_eq!(f.sees("XA", bar("9"))[1..], ["1 0 to 5 at 9.5 slipped 0"]);
}

#[test]
fn volume_fills_in_parts_and_times_in_force_end_the_rest() {
    // A tenth of each print's volume.
    let sent = |tif, volumes: &[&str]| {
        let mut f = Floor::new(capped(0.1), "1000");
        f.sees("XA", volume("10", "1"));
        f.order(1, "XA", Buy, "5", AtMarket, tif);
        let said: Vec<String> = volumes.iter().flat_map(|v| f.sees("XA", volume("10", v))).skip(1).collect();
        (said, f.exchange.working())
    };
    let all = |said: &[&str], working| (said.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), working);
    let first = "1 0 to 2 at 10 slipped 0";
    assert_eq!(sent(Gtc, &["20", "0", "20"]), all(&[first, "1 2 to 4 at 10 slipped 0"], 1));
    assert_eq!(sent(Gtc, &["20", "30"]), all(&[first, "1 2 to 5 at 10 slipped 0"], 0));
    assert_eq!(sent(Ioc, &["20", "20"]), all(&[first, "1 cancelled after 2"], 0));
    assert_eq!(sent(Fok, &["20", "50"]), all(&["1 cancelled after 0"], 0));
    assert_eq!(sent(Fok, &["50"]), all(&["1 0 to 5 at 10 slipped 0"], 0));
    // A limit that is not reached ends the same way, and a stop when it is triggered and waits as a limit.
    let mut f = Floor::free(Shorting::None, 1.0);
    f.sees("XA", bar("10"));
    f.order(1, "XA", Buy, "5", limit("9"), Ioc);
    f.order(2, "XA", Buy, "5", limit("9"), Gtc);
    f.order(3, "XA", Buy, "5", OrderKind::StopLimit { trigger: p("10"), price: p("9") }, Ioc);
    f.order(4, "XA", Buy, "5", OrderKind::StopLimit { trigger: p("10"), price: p("9.5") }, Gtc);
    let said = f.sees("XA", bar("10"));
    assert_eq!(said[4..], ["3 cancelled after 0", "1 cancelled after 0"]);
    assert_eq!((f.exchange.working(), f.sees("XA", bar("9.2"))), (2, vec!["4 0 to 5 at 9.5 slipped 0".to_owned()]));
}

#[test]
fn stops_come_before_limits_and_the_rest_in_the_order_of_submission() {
    // One bar reaches both: the loss is taken, and nothing is left for the gain.
    let mut f = Floor::free(Shorting::None, 1.0).holds("XA", "5", "10");
    f.order(1, "XA", Sell, "5", limit("11"), Gtc);
    f.order(2, "XA", Sell, "5", OrderKind::Stop { trigger: p("9") }, Gtc);
    let said = f.sees("XA", whole("10", "12", "8", "10"));
    assert_eq!(said[2..], ["2 0 to 5 at 9 slipped 0", "1 no borrow: shorting is not allowed for this symbol"]);
    // Three wait, the middle one is reached; then the others in turn, also after a close.
    let mut f = Floor::free(Shorting::None, 1.0);
    f.sees("XA", bar("10"));
    f.order(1, "XA", Buy, "1", limit("8"), Gtc);
    f.order(2, "XA", Buy, "2", limit("9"), Gtc);
    f.order(3, "XA", Buy, "3", limit("8"), Gtc);
    f.order(4, "XA", Buy, "4", limit("8.5"), Day);
    assert_eq!(f.sees("XA", bar("8.8"))[4..], ["2 0 to 2 at 9 slipped 0"]);
    assert_eq!((f.exchange.working(), f.sees("", CLOSE)), (3, vec!["4 expired after 0".to_owned()]));
    f.order(5, "XA", Buy, "5", AtMarket, Gtc);
    let said = f.sees("XA", bar("7"));
    let order = ["5 accepted", "1 0 to 1 at 8 slipped 0", "3 0 to 3 at 8 slipped 0", "5 0 to 5 at 7 slipped 0"];
    assert_eq!((said, f.exchange.working()), (order.map(String::from).to_vec(), 0));
}

#[test]
fn prints_fill_in_hours_after_the_order_and_while_nothing_is_halted() {
    let mut f = Floor::free(Shorting::None, 1.0);
    f.sees("XA", bar("10"));
    f.order(1, "XA", Buy, "1", AtMarket, Gtc);
    assert_eq!(f.event("XA", bar("10"), 0), ["1 accepted"], "at the same instant");
    assert_eq!(f.sees("XB", bar("10")), [""; 0]);
    f.sees("XA", halt(true));
    assert_eq!(f.sees("XA", bar("10")), [""; 0], "halted");
    f.sees("XA", halt(false));
    // Where the data never say when a session opens, every print counts.
    f.sees("", CLOSE);
    assert_eq!(f.sees("XA", bar("10")), ["1 0 to 1 at 10 slipped 0"]);
    f.order(2, "XA", Buy, "1", AtMarket, Gtc);
    f.sees("", OPEN);
    f.sees("", CLOSE);
    assert_eq!(f.sees("XA", bar("10")), [""; 0], "after hours");
    f.sees("", OPEN);
    assert_eq!(f.sees("XA", bar("10")), ["2 0 to 1 at 10 slipped 0"]);
}

#[test]
fn the_opening_print_ends_orders_on_open() {
    let mut f = Floor::new(ExchangeConfig { costs: slips(), ..ExchangeConfig::default() }, "1000");
    f.sees("XA", bar("10"));
    f.sees("", OPEN);
    f.order(1, "XA", Buy, "1", MarketOnOpen, Opg);
    f.sees("XA", trade("10"));
    assert_eq!(f.sees("", CLOSE), [""; 0], "decided in a session it is for the next");
    f.order(2, "XA", Buy, "1", LimitOnOpen { price: p("11") }, Opg);
    f.order(3, "XA", Buy, "1", LimitOnOpen { price: p("10.9") }, Opg);
    f.order(4, "XB", Buy, "1", MarketOnOpen, Opg);
    f.sees("", OPEN);
    f.order(5, "XA", Buy, "1", MarketOnOpen, Opg);
    let one = q("1");
    assert_eq!(
        f.sees("XA", MarketData::Quote(Quote { bid: p("9"), ask: p("9"), bid_size: one, ask_size: one }))
            .pop()
            .unwrap(),
        "5 accepted"
    );
    let said = ["1 0 to 1 at 11.11 slipped 100", "2 0 to 1 at 11 slipped 0", "3 expired after 0"];
    assert_eq!(f.sees("XA", trade("11")), said, "of those before the session opened");
    assert_eq!((f.sees("XA", trade("11")), f.exchange.working()), (vec![], 1));
    // A bar opens with its open or not at all.
    let opened = |data: MarketData, config: ExchangeConfig| {
        let mut f = Floor::new(config, "1000");
        f.sees("XA", bar("10"));
        f.order(1, "XA", Buy, "5", MarketOnOpen, Opg);
        f.sees("", OPEN);
        f.sees("XA", data)
    };
    let plain = || ExchangeConfig { costs: free(), ..ExchangeConfig::default() };
    assert_eq!(opened(whole("9", "12", "8", "10"), plain()), ["1 0 to 5 at 9 slipped 0"]);
    assert_eq!(opened(bar("10"), plain()), ["1 expired after 0"]);
    let thin = MarketData::Trade(Trade { price: p("9"), size: q("20"), buyer: None });
    assert_eq!(opened(thin, capped(0.1)), ["1 0 to 2 at 9 slipped 0", "1 expired after 2"]);
    // Without a print in its session it ends at the close.
    let mut f = Floor::free(Shorting::None, 1.0);
    f.sees("XA", bar("10"));
    f.order(1, "XA", Buy, "5", MarketOnOpen, Opg);
    f.sees("", OPEN);
    assert_eq!(f.sees("", CLOSE), ["1 expired after 0"]);
    let mut f = Floor::free(Shorting::None, 1.0);
    f.sees("XA", bar("10"));
    f.order(1, "XA", Buy, "5", MarketOnOpen, Opg);
    assert_eq!(f.sees("", CLOSE)[1..], ["1 expired after 0"], "where no session ever opens");
}

#[test]
fn the_close_ends_orders_on_close_and_for_the_day() {
    let mut f = Floor::free(Shorting::None, 1.0);
    f.sees("", OPEN);
    f.sees("XA", bar("10"));
    f.order(1, "XA", Buy, "1", MarketOnClose, Cls);
    f.order(2, "XA", Buy, "1", limit("5"), Day);
    f.order(3, "XA", Buy, "1", limit("5"), Gtc);
    // Nothing was traded after the order: there is no close for it.
    assert_eq!(f.sees("", CLOSE)[3..], ["1 expired after 0", "2 expired after 0"]);
    // Decided at the close itself: for the next one.
    f.order(4, "XA", Buy, "1", MarketOnClose, Cls);
    f.order(5, "XA", Buy, "1", limit("5"), Day);
    f.event("", CLOSE, 0);
    assert_eq!(f.exchange.working(), 3);
    // A print before the session opens is no close of it; one at the very open is.
    f.sees("XA", bar("11"));
    f.sees("", OPEN);
    f.order(6, "XA", Buy, "1", MarketOnClose, Cls);
    f.order(7, "XB", Buy, "1", MarketOnClose, Cls);
    f.event("XA", bar("12"), 0);
    let said = f.sees("", CLOSE);
    assert_eq!(said, ["4 0 to 1 at 12 slipped 0", "5 expired after 0", "6 expired after 0"]);
    assert_eq!((f.exchange.working(), f.sees("", MarketData::Timer(0))), (1, vec![]));
    f.order(8, "XA", Buy, "1", MarketOnClose, Cls);
    f.sees("XA", bar("11"));
    f.sees("", OPEN);
    assert_eq!(f.sees("", CLOSE), ["8 expired after 0"], "not traded in this session");
    // Halted at the close.
    f.order(9, "XA", Buy, "1", MarketOnClose, Cls);
    f.sees("", OPEN);
    f.sees("XA", bar("11"));
    f.sees("XA", halt(true));
    assert_eq!(f.sees("", CLOSE), ["9 expired after 0"]);
}

#[test]
fn caps_and_impact_are_for_prints_and_not_for_the_close() {
    let slippage = Slippage { bps: 0.0, spread_bps: 0.0, impact_bps: 100.0, max_participation: Some(0.25) };
    let mut f = Floor::new(ExchangeConfig { costs: Costs { slippage, ..free() }, ..ExchangeConfig::default() }, "1000");
    f.sees("XA", volume("10", "4"));
    f.order(1, "XA", Buy, "5", MarketOnClose, Cls);
    f.sees("XA", volume("10", "4"));
    assert_eq!(f.sees("", CLOSE), ["1 0 to 5 at 10 slipped 0"]);
    // A quarter of 4, and half of the impact for it.
    f.order(2, "XA", Buy, "5", AtMarket, Gtc);
    assert_eq!(f.sees("XA", volume("10", "4"))[1..], ["2 0 to 1 at 10.05 slipped 50"]);
}

#[test]
fn corporate_actions_cancel_what_they_make_meaningless() {
    let after = |a: CorporateAction| {
        let mut f = Floor::free(Shorting::None, 1.0);
        f.sees("XA", bar("10"));
        f.sees("XB", bar("10"));
        f.order(1, "XA", Buy, "1", limit("5"), Gtc);
        f.order(2, "XB", Buy, "1", limit("5"), Gtc);
        f.order(3, "XA", Buy, "1", limit("6"), Gtc);
        let said = f.sees("XA", act(a)).split_off(3);
        (said.len(), said.first().cloned().unwrap_or_default(), f.exchange.working())
    };
    let cancelled = (2, "1 cancelled after 0".to_owned(), 1);
    assert_eq!(after(CorporateAction::Split { numerator: 2, denominator: 1 }), cancelled);
    assert_eq!(after(CorporateAction::SymbolChange { to: symbol("XZ") }), cancelled);
    assert_eq!(after(CorporateAction::Delisting { price: None }), cancelled);
    assert_eq!(after(CorporateAction::Dividend { amount: p("1") }), (0, String::new(), 3));
    assert_eq!(after(CorporateAction::Halt { halted: true }), (0, String::new(), 3));
}

#[test]
fn orders_can_be_cancelled_once_and_survive_a_restart() {
    let mut f = Floor::free(Shorting::None, 1.0);
    f.sees("XA", bar("10"));
    f.sees("XB", bar("10"));
    for (id, s) in [(1, "XB"), (2, "XA"), (3, "XB"), (4, "XA")] {
        f.order(id, s, Buy, "1", limit("5"), Gtc);
    }
    assert_eq!(f.exchange.working(), 4);
    for _ in 0..2 {
        f.exchange.cancel(OrderId(3), at(f.now));
        f.exchange.cancel(OrderId(9), at(f.now));
    }
    assert_eq!((f.sees("", OPEN).split_off(4), f.exchange.working()), (vec!["3 cancelled after 0".to_owned()], 3));
    let saved = f.exchange.save().unwrap();
    f.exchange = Exchange::default();
    f.exchange.load(&saved).unwrap();
    assert_eq!((f.exchange.working(), f.exchange.save().unwrap()), (3, saved));
    assert_eq!(f.sees("XA", bar("4")), ["2 0 to 1 at 5 slipped 0", "4 0 to 1 at 5 slipped 0"]);
    assert_eq!((f.sees("XB", bar("4")), f.exchange.working()), (vec!["1 0 to 1 at 5 slipped 0".to_owned()], 0));
}
