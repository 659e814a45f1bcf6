//! Orders in dollars by hand: as many billionths of a share as they pay for, never more.

use tradewind_core_types::{Cash, Side};
use tradewind_engine::{ExchangeConfig, Shorting};

use super::floor::*;

use Side::{Buy, Sell};

/// What 100 dollars buy at the next price after 10, beyond the acknowledgement.
fn bought(config: ExchangeConfig, price: &str) -> Vec<String> {
    let mut f = Floor::new(config, "1000");
    f.sees("XA", bar("10"));
    f.dollars(1, Buy, "10", "100");
    let said = f.sees("XA", bar(price));
    assert_eq!((said[0].as_str(), f.exchange.working()), ("1 accepted", 0));
    // Never more than was approved, to the last digit.
    let spent = "1000".parse::<Cash>().unwrap() - f.account.cash();
    assert!(spent <= "100".parse().unwrap() && spent > "99.99".parse().unwrap(), "{spent}");
    said[1..].to_vec()
}

#[test]
fn dollars_become_shares_at_the_price_of_the_fill() {
    let plain = || ExchangeConfig { costs: free(), ..ExchangeConfig::default() };
    assert_eq!(bought(plain(), "10"), ["1 0 to 10 at 10 slipped 0", "1 filled after 10"]);
    assert_eq!(bought(plain(), "8"), ["1 0 to 12.5 at 8 slipped 0", "1 filled after 12.5"]);
    assert_eq!(bought(plain(), "12.5"), ["1 0 to 8 at 12.5 slipped 0", "1 filled after 8"]);
    // A third of a billionth is not bought.
    assert_eq!(bought(plain(), "3"), ["1 0 to 33.333333333 at 3 slipped 0", "1 filled after 33.333333333"]);
    // At the price after slippage: 100 / 10.1.
    let slipped = ExchangeConfig { costs: slips(), ..ExchangeConfig::default() };
    assert_eq!(bought(slipped, "10"), ["1 0 to 9.900990099 at 10.1 slipped 100", "1 filled after 9.900990099"]);
}

#[test]
fn parts_spend_what_is_left_and_the_day_ends_it() {
    let sent = || {
        let mut f = Floor::new(capped(0.1), "1000");
        f.sees("XA", bar("10"));
        f.dollars(1, Buy, "10", "100");
        assert_eq!(f.sees("XA", volume("10", "20"))[1..], ["1 0 to 2 at 10 slipped 0"]);
        f
    };
    // 80 dollars are left: 16 at 5.
    let mut f = sent();
    assert_eq!(f.sees("XA", volume("5", "400")), ["1 2 to 18 at 5 slipped 0", "1 filled after 18"]);
    // As many shares as were estimated are not the end: 10 at 5 leave 30 dollars.
    let mut f = sent();
    assert_eq!(f.sees("XA", volume("5", "80")), ["1 2 to 10 at 5 slipped 0"]);
    assert_eq!(f.sees("XA", volume("5", "10")), ["1 10 to 11 at 5 slipped 0"]);
    assert_eq!(f.sees("", CLOSE), ["1 expired after 11"]);
}

#[test]
fn sales_are_bound_by_what_is_held() {
    let mut f = Floor::free(Shorting::None, 1.0).holds("XA", "20", "10");
    f.dollars(1, Sell, "10", "100");
    assert_eq!(f.sees("XA", bar("8"))[1..], ["1 0 to 12.5 at 8 slipped 0", "1 filled after 12.5"]);
    f.dollars(2, Sell, "7", "56");
    let said = f.sees("XA", bar("5")).pop().unwrap();
    assert_eq!(said, "2 no borrow: shorting is not allowed for this symbol", "56 dollars are 11.2 shares now");
}
