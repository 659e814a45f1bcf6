//! Entries, their hash, and what accrues.

use tradewind_core_types::{
    Cash, CorporateAction, Fill, OrderId, Portfolio, Price, Quantity, Side, Span, Symbol, Time,
};
use tradewind_engine::{Ledger, LedgerHash, Rates};

fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}
fn c(s: &str) -> Cash {
    s.parse().unwrap()
}
fn hours(n: i64) -> Time {
    Time::from_nanos(0).plus(Span::from_secs(3_600 * n))
}
fn day(n: i64) -> Time {
    hours(24 * n)
}
fn fill(id: u64, s: &str, side: Side, quantity: &str, price: &str) -> Fill {
    Fill {
        id,
        order: OrderId(7),
        time: day(1),
        symbol: symbol(s),
        side,
        quantity: quantity.parse().unwrap(),
        price: price.parse().unwrap(),
        fee: Cash::ZERO,
        slippage_bps: 0.0,
    }
}
fn ledger(cash: &str, rates: Rates) -> Ledger {
    Ledger::new(day(0), c(cash), rates)
}

/// The hashes come from a few lines of Python: SHA-256 over the hash before, the time in eight bytes (little endian), the number of the
/// entry's kind, and its fields in postcard's format.
#[test]
fn the_hash_is_what_its_definition_says() {
    let mut l = ledger("1000", Rates::default());
    let is = |l: &Ledger, entries: u64, hash: &str| {
        assert_eq!((l.entries(), l.hash().to_string().as_str()), (entries, hash))
    };
    assert_eq!(LedgerHash::default().to_string(), "0".repeat(64));
    is(&l, 1, "e177f1251ff40cf59b9a73d260e791b92e728f94bbdf94b29667f51f3ffce9f2");
    l.deposit(Time::from_nanos(5), c("-250"));
    is(&l, 2, "b60593b6daef1adace3b7f5c57f0c43b39b14607037f6b81d7de0d8fa6cefd74");
    let sold = Fill { fee: c("0.25"), slippage_bps: 1.5, ..fill(1, "LA", Side::Sell, "10", "10") };
    l.fill(&sold, day(1)).unwrap();
    is(&l, 3, "0cc989d9b844b75497f550ffbd0756d98b642cb8ac67ec181619b6b9e7e0ba3b");
    l.close(day(1)).unwrap();
    is(&l, 4, "eeb4032daab90960363f0ab9ad920bdac7e1705ae8efcf1825dc097180389ec9");
    let t = l.portfolio().totals();
    assert_eq!((t.cash, t.deposits, t.fees), (c("849.75"), c("750"), c("0.25")));
}

#[test]
fn a_fill_that_cannot_be_booked_is_no_entry() {
    let mut l = ledger("1000", Rates::default());
    assert!(l.fill(&fill(1, "LA", Side::Buy, "0", "10"), day(1)).is_err());
    assert_eq!((l.entries(), l.next_fill(), l.portfolio()), (1, 1, &Portfolio::with_cash(c("1000"))));
    // Its number is still free, and a number that is not the next one is refused.
    let booked = [1, 3, 1, 0, 2, 3].map(|id| l.fill(&fill(id, "LA", Side::Buy, "1", "10"), day(1)).is_ok());
    assert_eq!(booked, [true, false, false, false, true, true]);
    assert_eq!((l.entries(), l.next_fill()), (4, 4));
    assert_eq!((l.portfolio().quantity(symbol("LA")).to_string(), l.portfolio().cash()), ("3".into(), c("970")));
}

#[test]
fn marks_value_what_is_held() {
    let mut l = ledger("1000", Rates::default());
    l.fill(&fill(1, "LA", Side::Buy, "2", "10"), day(1)).unwrap();
    l.mark(symbol("LA"), "15".parse().unwrap());
    assert_eq!((l.portfolio().equity(), l.entries()), (c("1010"), 2));
}

/// 0.36 a year are 0.001 a day of 360.
const DAILY: Rates = Rates { cash: 0.36, margin: 0.72, borrow: 1.8 };

#[test]
fn cash_earns_and_debt_pays_by_the_day() {
    let mut l = ledger("1000", DAILY);
    l.close(day(5)).unwrap();
    assert_eq!((l.portfolio().cash(), l.entries()), (c("1000"), 2), "nothing before the first close");
    l.close(day(5).plus(Span::from_secs(43_200))).unwrap();
    assert_eq!((l.portfolio().cash(), l.entries()), (c("1000"), 3), "the same day");
    l.deposit(day(6), c("-3000"));
    l.close(day(7).plus(Span::from_secs(3_600))).unwrap();
    // What was there overnight: 1000 x 0.001 x 2 days, though 37 hours have passed.
    assert_eq!((l.portfolio().cash(), l.entries()), (c("-1998"), 6));
    l.close(day(8)).unwrap();
    // -1998 x 0.002.
    assert_eq!((l.portfolio().cash(), l.portfolio().totals().interest), (c("-2001.996"), c("-1.996")));
    l.deposit(day(8), c("2001.996"));
    l.close(day(8)).unwrap();
    l.close(day(9)).unwrap();
    assert_eq!((l.portfolio().cash(), l.entries()), (Cash::ZERO, 11), "without cash there is no interest to book");
}

#[test]
fn shorts_pay_to_borrow_and_longs_do_not() {
    let mut l = ledger("1000", Rates { borrow: 1.8, ..Rates::default() });
    l.close(day(0)).unwrap();
    l.fill(&fill(1, "LA", Side::Buy, "3", "100"), day(1)).unwrap();
    l.close(day(1)).unwrap();
    assert_eq!((l.portfolio().cash(), l.entries()), (c("700"), 4), "nothing is short, and cash bears no interest");
    l.fill(&fill(2, "LB", Side::Sell, "2", "50"), day(1)).unwrap();
    l.fill(&fill(3, "LC", Side::Sell, "1", "40"), day(1)).unwrap();
    l.mark(symbol("LC"), "60".parse().unwrap());
    l.close(day(1)).unwrap();
    l.mark(symbol("LC"), "90".parse().unwrap());
    l.close(day(3)).unwrap();
    // (2 x 50 + 1 x 60) x 0.005 x 2 days
    let t = l.portfolio().totals();
    assert_eq!((t.borrow, t.interest, t.cash, l.entries()), (c("1.6"), Cash::ZERO, c("838.4"), 9));
    // Where borrowing is free nothing is booked.
    let mut l = ledger("1000", Rates::default());
    l.close(day(0)).unwrap();
    l.fill(&fill(1, "LA", Side::Sell, "1", "10"), day(1)).unwrap();
    l.close(day(9)).unwrap();
    assert_eq!((l.portfolio().cash(), l.entries()), (c("1010"), 4));
}

#[test]
fn only_what_changes_the_books_is_an_entry() {
    let act = |l: &mut Ledger, s: &str, a| {
        let before = (l.entries(), l.hash());
        l.action(day(2), symbol(s), a).unwrap();
        assert_eq!(l.hash() != before.1, l.entries() == before.0 + 1);
        l.entries() - before.0
    };
    let price = |s: &str| s.parse::<Price>().unwrap();
    let all = || {
        [
            CorporateAction::Split { numerator: 2, denominator: 1 },
            CorporateAction::Dividend { amount: price("0.5") },
            CorporateAction::SymbolChange { to: symbol("LZ") },
            CorporateAction::Delisting { price: None },
        ]
    };
    let mut l = ledger("1000", Rates::default());
    assert!(all().into_iter().all(|a| act(&mut l, "LA", a) == 0), "nothing is held");
    l.fill(&fill(1, "LA", Side::Buy, "4", "10"), day(1)).unwrap();
    for halted in [true, false] {
        assert_eq!(act(&mut l, "LA", CorporateAction::Halt { halted }), 0);
    }
    let held = |l: &Ledger, s: &str| l.portfolio().quantity(symbol(s));
    let shares = |s: &str| s.parse::<Quantity>().unwrap();
    assert_eq!((act(&mut l, "LA", all()[0]), held(&l, "LA")), (1, shares("8")));
    assert_eq!((act(&mut l, "LA", all()[1]), l.portfolio().cash()), (1, c("964")));
    assert_eq!((act(&mut l, "LA", all()[2]), held(&l, "LA"), held(&l, "LZ")), (1, Quantity::ZERO, shares("8")));
    // 8 long and 2 short are paid out.
    assert_eq!(act(&mut l, "LZ", CorporateAction::Delisting { price: Some(price("6")) }), 1);
    assert_eq!((l.portfolio().cash(), held(&l, "LZ")), (c("1012"), Quantity::ZERO));
    l.fill(&fill(3, "LB", Side::Sell, "2", "10"), day(1)).unwrap();
    assert_eq!(act(&mut l, "LB", CorporateAction::Delisting { price: Some(price("4")) }), 1);
    assert_eq!((l.portfolio().cash(), held(&l, "LB")), (c("1024"), Quantity::ZERO));
    // Lost, but for the smallest price there is.
    l.fill(&fill(5, "LC", Side::Buy, "2", "10"), day(1)).unwrap();
    assert_eq!(act(&mut l, "LC", CorporateAction::Delisting { price: None }), 1);
    assert_eq!((l.portfolio().cash(), held(&l, "LC")), (c("1004.000000002"), Quantity::ZERO));
    assert!(l.action(day(2), symbol("LC"), CorporateAction::Split { numerator: 0, denominator: 1 }).is_ok());
    l.fill(&fill(7, "LC", Side::Buy, "2", "10"), day(1)).unwrap();
    let before = l.entries();
    assert!(l.action(day(2), symbol("LC"), CorporateAction::Split { numerator: 0, denominator: 1 }).is_err());
    assert_eq!(l.entries(), before);
    l.close(day(3)).unwrap();
}

#[test]
fn rates_have_ranges() {
    let named = |r: Rates| -> Vec<String> {
        r.check().err().map(|e| e.0.into_iter().map(|v| v.field).collect()).unwrap_or_default()
    };
    let none: [&str; 0] = [];
    assert_eq!(named(Rates { cash: -0.1, margin: 0.0, borrow: 0.0 }), none);
    assert_eq!(named(Rates { cash: 1.0, margin: 1.0, borrow: 10.0 }), none);
    assert_eq!(named(Rates { cash: -0.11, margin: -0.01, borrow: -0.01 }), ["cash", "margin", "borrow"]);
    assert_eq!(named(Rates { cash: 1.01, margin: 1.01, borrow: 10.1 }), ["cash", "margin", "borrow"]);
    assert_eq!(named(Rates { cash: f64::NAN, margin: f64::NAN, borrow: f64::NAN }), ["cash", "margin", "borrow"]);
}
