//! Longs and shorts, what moves cash, and what must be refused.

use tradewind_core_types::{Cash, Fill, OrderId, Portfolio, Position, Price, Quantity, Side, Symbol, Time};

fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}
fn p(s: &str) -> Price {
    s.parse().unwrap()
}
fn q(s: &str) -> Quantity {
    s.parse().unwrap()
}
fn c(s: &str) -> Cash {
    s.parse().unwrap()
}
fn fill(at: i64, s: &str, side: Side, quantity: &str, price: &str, fee: &str) -> Fill {
    Fill {
        id: 1,
        order: OrderId(1),
        time: Time::from_nanos(at),
        symbol: symbol(s),
        side,
        quantity: q(quantity),
        price: p(price),
        fee: c(fee),
        slippage_bps: 0.0,
    }
}
fn held<'a>(x: &'a Portfolio, s: &str) -> &'a Position {
    x.position(symbol(s)).unwrap()
}

/// 1000 dollars, 4 PB bought at 50 for a fee of 1, 3 PA sold short at 100 for a fee of 2.
fn long_and_short() -> Portfolio {
    let mut x = Portfolio::with_cash(c("1000"));
    x.fill(&fill(1, "PB", Side::Buy, "4", "50", "1")).unwrap();
    x.fill(&fill(2, "PA", Side::Sell, "3", "100", "2")).unwrap();
    x
}

#[test]
fn long_and_short_by_hand() {
    let mut x = long_and_short();
    // 1000 - 200 - 1 + 300 - 2
    assert_eq!((x.cash(), x.market_value(), x.gross_value(), x.equity()), (c("1097"), c("-100"), c("500"), c("997")));
    let t = *x.totals();
    assert_eq!((t.cash, t.deposits, t.trading, t.fees), (c("1097"), c("1000"), c("100"), c("3")));
    assert_eq!((t.interest, t.borrow, t.dividends, t.realised), (Cash::ZERO, Cash::ZERO, Cash::ZERO, Cash::ZERO));
    // PB to 60 and PA to 110: 240 - 330.
    x.mark(symbol("PB"), p("60"));
    x.mark(symbol("PA"), p("110"));
    x.mark(symbol("PNEVER"), p("1"));
    assert_eq!((x.market_value(), x.gross_value(), x.equity()), (c("-90"), c("570"), c("1007")));
    assert_eq!((held(&x, "PB").value(), held(&x, "PB").unrealised()), (c("240"), c("40")));
    assert_eq!((held(&x, "PA").value(), held(&x, "PA").unrealised()), (c("-330"), c("-30")));
    assert_eq!((held(&x, "PB").average_cost(), held(&x, "PA").average_cost()), (Some(50.0), Some(100.0)));
    assert_eq!((x.weight(symbol("PB")), x.weight(symbol("PA"))), (240.0 / 1007.0, -330.0 / 1007.0));
    assert_eq!((x.weight(symbol("PNEVER")), x.gross()), (0.0, 570.0 / 1007.0));
    assert_eq!((x.quantity(symbol("PA")), x.quantity(symbol("PNEVER"))), (q("-3"), Quantity::ZERO));
    let names = |all: &mut dyn Iterator<Item = &Position>| all.map(|p| p.symbol.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&mut x.positions()), ["PA", "PB"]);
    // The short is bought back at 110: 3 x (100 - 110), and its place is known and empty.
    x.fill(&fill(3, "PA", Side::Buy, "3", "110", "0")).unwrap();
    assert_eq!((x.totals().realised, x.equity(), x.gross_value()), (c("-30"), c("1007"), c("240")));
    assert_eq!((names(&mut x.positions()), names(&mut x.all())), (vec!["PB".into()], vec!["PA".into(), "PB".into()]));
    let closed = *x.all().next().unwrap();
    assert_eq!((closed.quantity, closed.cost, closed.realised), (Quantity::ZERO, Cash::ZERO, c("-30")));
    assert_eq!(closed.average_cost(), None);
    x.reconcile().unwrap();
}

#[test]
fn weights_mean_nothing_without_equity() {
    let mut x = Portfolio::with_cash(Cash::ZERO);
    x.fill(&fill(1, "PA", Side::Sell, "1", "10", "0")).unwrap();
    assert_eq!((x.equity(), x.weight(symbol("PA")), x.gross()), (Cash::ZERO, 0.0, 0.0));
    x.mark(symbol("PA"), p("11"));
    assert_eq!((x.equity(), x.weight(symbol("PA")), x.gross()), (c("-1"), 0.0, 0.0));
    x.mark(symbol("PA"), p("9"));
    assert_eq!((x.weight(symbol("PA")), x.gross()), (-9.0, 9.0));
}

#[test]
fn what_moves_cash_is_kept_apart() {
    let mut x = long_and_short();
    x.deposit(c("100"));
    x.deposit(c("-40"));
    x.interest(c("3"));
    x.interest(c("-0.5"));
    x.borrow_cost(c("0.25"));
    // Longs receive 4 x 0.5, shorts pay 3 x 0.2.
    assert_eq!(x.dividend(symbol("PB"), p("0.5")), c("2"));
    assert_eq!(x.dividend(symbol("PA"), p("0.2")), c("-0.6"));
    assert_eq!(x.dividend(symbol("PNEVER"), p("5")), Cash::ZERO);
    let t = x.totals();
    assert_eq!((t.deposits, t.interest, t.borrow, t.dividends), (c("1060"), c("2.5"), c("0.25"), c("1.4")));
    // 1097 + 60 + 2.5 - 0.25 + 1.4
    assert_eq!((x.cash(), x.equity()), (c("1160.65"), c("1060.65")));
    x.reconcile().unwrap();
}

#[test]
fn a_position_opens_when_its_quantity_leaves_zero_or_turns() {
    let mut x = Portfolio::with_cash(c("1000"));
    let mut go = |at, side, quantity: &str| {
        x.fill(&fill(at, "PA", side, quantity, "10", "0")).unwrap();
        x.reconcile().unwrap();
        x.all().next().map(|p| (p.quantity, p.cost, p.opened.nanos())).unwrap()
    };
    assert_eq!(go(1, Side::Buy, "4"), (q("4"), c("40"), 1));
    assert_eq!(go(2, Side::Buy, "2"), (q("6"), c("60"), 1));
    assert_eq!(go(3, Side::Sell, "1"), (q("5"), c("50"), 1));
    assert_eq!(go(4, Side::Sell, "5"), (q("0"), c("0"), 1));
    assert_eq!(go(5, Side::Sell, "2"), (q("-2"), c("-20"), 5));
    assert_eq!(go(6, Side::Buy, "3"), (q("1"), c("10"), 6));
}

#[test]
fn part_of_a_position_takes_its_part_of_the_cost() {
    let mut x = Portfolio::with_cash(c("1000"));
    x.fill(&fill(1, "PA", Side::Sell, "1", "90", "0")).unwrap();
    x.fill(&fill(1, "PA", Side::Sell, "3", "110", "0")).unwrap();
    // 4 short at 105 on average; one bought back at 100 earns 5, five more at 120 lose 3 x 15 and leave 2 long.
    x.fill(&fill(2, "PA", Side::Buy, "1", "100", "0")).unwrap();
    assert_eq!((held(&x, "PA").cost, held(&x, "PA").realised), (c("-315"), c("5")));
    x.fill(&fill(3, "PA", Side::Buy, "5", "120", "0")).unwrap();
    let pos = held(&x, "PA");
    assert_eq!((pos.quantity, pos.cost, pos.realised, pos.price), (q("2"), c("240"), c("-40"), p("120")));
    // 1000 + 90 + 330 - 100 - 600
    assert_eq!((x.cash(), x.totals().trading, x.totals().realised), (c("720"), c("-280"), c("-40")));
    x.reconcile().unwrap();
}

#[test]
fn fills_that_cannot_be_booked_change_nothing() {
    let mut x = long_and_short();
    let before = x.clone();
    for quantity in ["0", "-1"] {
        assert_eq!(x.fill(&fill(3, "PA", Side::Buy, quantity, "1", "0")).unwrap_err().what, "fill quantity");
    }
    assert!(x.fill(&fill(3, "PB", Side::Buy, "999999997", "1", "0")).is_err());
    assert!(x.fill(&fill(3, "PA", Side::Sell, "999999998", "1", "0")).is_err());
    assert_eq!((&x, x.changes()), (&before, 2));
    x.fill(&fill(3, "PB", Side::Buy, "999999996", "1", "0")).unwrap();
    assert_eq!(x.quantity(symbol("PB")), q("1000000000"));
}

#[test]
fn splits_by_hand() {
    let mut x = long_and_short();
    // 3 for 2 of 4 at 50: 6 at 33.333333333; what the price loses, 6 x 0.000000000333.., is paid in cash.
    let cash = x.split(symbol("PB"), 3, 2).unwrap();
    assert_eq!((held(&x, "PB").quantity, held(&x, "PB").price), (q("6"), p("33.333333333")));
    assert_eq!((cash, x.cash()), (c("0.000000002"), c("1097.000000002")));
    assert_eq!((held(&x, "PB").cost, x.totals().trading), (c("199.999999998"), c("100.000000002")));
    // 1 for 2 of 3 short at 100: 1.5 at 200, without a rest.
    assert_eq!(x.split(symbol("PA"), 1, 2).unwrap(), Cash::ZERO);
    assert_eq!((x.quantity(symbol("PA")), held(&x, "PA").price), (q("-1.5"), p("200")));
    assert_eq!((x.equity(), x.gross_value()), (c("997"), c("499.999999998")));
    x.reconcile().unwrap();
    // What is not held has nothing to split; nothing becomes nothing or too much.
    assert_eq!(x.split(symbol("PNEVER"), 2, 1).unwrap(), Cash::ZERO);
    let before = x.clone();
    assert_eq!(x.split(symbol("PB"), 0, 1).unwrap_err().found, "0:1");
    assert_eq!(x.split(symbol("PB"), 1, 0).unwrap_err().found, "1:0");
    assert_eq!(x.split(symbol("PB"), u32::MAX, 1).unwrap_err().expected, "a smaller ratio");
    assert!(x.split(symbol("PB"), 200_000_000, 1).is_err());
    assert_eq!(x, before);
}

#[test]
fn a_fraction_that_a_split_leaves_nothing_of_is_realised() {
    let mut x = Portfolio::with_cash(c("1000"));
    x.fill(&fill(1, "PA", Side::Buy, "0.000000002", "100", "0")).unwrap();
    x.mark(symbol("PA"), p("150"));
    // Two billionths at 150 are paid out; they cost two at 100.
    assert_eq!(x.split(symbol("PA"), 1, 3).unwrap(), c("0.0000003"));
    let closed = *x.all().next().unwrap();
    assert_eq!((closed.quantity, closed.cost, closed.realised), (Quantity::ZERO, Cash::ZERO, c("0.0000001")));
    assert_eq!((x.totals().realised, x.equity(), x.cash()), (c("0.0000001"), c("1000.0000001"), c("1000.0000001")));
    x.reconcile().unwrap();
}

#[test]
fn names_change_and_holdings_merge() {
    let mut x = long_and_short();
    let before = x.clone();
    x.rename(symbol("PNEVER"), symbol("PA")).unwrap();
    x.rename(symbol("PA"), symbol("PA")).unwrap();
    assert_eq!((&x, x.changes()), (&before, 2));
    x.rename(symbol("PA"), symbol("PC")).unwrap();
    assert_eq!((x.quantity(symbol("PA")), x.quantity(symbol("PC"))), (Quantity::ZERO, q("-3")));
    assert_eq!((held(&x, "PC").symbol, held(&x, "PC").opened.nanos()), (symbol("PC"), 2));
    assert_eq!((x.all().count(), x.equity(), x.gross_value()), (2, c("997"), c("500")));
    assert_eq!(x.changed_since(2).unwrap().collect::<Vec<_>>(), [symbol("PA"), symbol("PC")]);
    x.reconcile().unwrap();
    // 3 short at 100 and 4 long at 50 become 1 long at PB's price; costs and profits add up.
    x.fill(&fill(3, "PB", Side::Sell, "1", "55", "0")).unwrap();
    x.fill(&fill(3, "PC", Side::Buy, "1", "90", "0")).unwrap();
    x.rename(symbol("PC"), symbol("PB")).unwrap();
    let pos = held(&x, "PB");
    assert_eq!((pos.quantity, pos.cost, pos.realised, pos.price), (q("1"), c("-50"), c("15"), p("55")));
    assert_eq!((x.all().count(), x.market_value(), x.gross_value()), (1, c("55"), c("55")));
    x.reconcile().unwrap();
}

#[test]
fn a_rename_keeps_the_profit_of_what_was_closed_under_the_new_name() {
    let mut x = Portfolio::with_cash(c("1000"));
    x.fill(&fill(1, "PB", Side::Buy, "1", "7", "0")).unwrap();
    x.fill(&fill(1, "PB", Side::Sell, "1", "9", "0")).unwrap();
    x.fill(&fill(2, "PA", Side::Buy, "2", "100", "0")).unwrap();
    x.fill(&fill(2, "PA", Side::Sell, "1", "103", "0")).unwrap();
    x.rename(symbol("PA"), symbol("PB")).unwrap();
    let pos = held(&x, "PB");
    assert_eq!((pos.symbol, pos.quantity, pos.cost), (symbol("PB"), q("1"), c("100")));
    assert_eq!((pos.realised, pos.price, pos.opened.nanos()), (c("5"), p("103"), 2));
    x.reconcile().unwrap();
    // Two holdings that are too large together stay apart.
    let mut x = Portfolio::with_cash(c("1000"));
    for s in ["PA", "PB"] {
        x.fill(&fill(1, s, Side::Buy, "600000000", "1", "0")).unwrap();
    }
    let before = x.clone();
    assert!(x.rename(symbol("PA"), symbol("PB")).is_err());
    assert_eq!(x, before);
}

#[test]
fn books_that_do_not_add_up_are_noticed() {
    use tradewind_core_types::serde_json::{self, Value};
    let mut x = long_and_short();
    x.fill(&fill(3, "PB", Side::Sell, "1", "55", "0")).unwrap();
    let saved = serde_json::to_value(&x).unwrap();
    let read = |v: &Value| serde_json::from_value::<Portfolio>(v.clone()).unwrap();
    assert_eq!((read(&saved).equity(), read(&saved).gross_value()), (x.equity(), x.gross_value()));
    read(&saved).reconcile().unwrap();
    for (total, identity) in [
        ("cash", "cash"),
        ("deposits", "cash"),
        ("fees", "cash"),
        ("interest", "cash"),
        ("borrow", "cash"),
        ("dividends", "cash"),
        ("trading", "cash"),
        ("realised", "trading profit"),
    ] {
        let mut other = saved.clone();
        let amount = &mut other["totals"][total];
        *amount = (amount.as_str().unwrap().parse::<Cash>().unwrap() + Cash::from_atto(1)).to_string().into();
        let e = read(&other).reconcile().unwrap_err();
        assert!(e.what == identity && e.expected.ends_with("the ledger does not reconcile"), "{total}: {e}");
    }
    // A cost that was never paid.
    let mut other = saved.clone();
    other["positions"][0]["cost"] = "-299".into();
    assert_eq!(read(&other).reconcile().unwrap_err().what, "trading profit");
}
