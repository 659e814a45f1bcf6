//! Parts of positions by strategy, by hand; and that they are the whole, whatever is filled.

use proptest::prelude::*;
use tradewind_core_types::*;

fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}
fn id(s: &str) -> StrategyId {
    StrategyId::new(s).unwrap()
}
fn q(x: f64) -> Quantity {
    Quantity::from_f64(x).unwrap()
}
fn p(x: f64) -> Price {
    Price::from_f64(x).unwrap()
}

/// Books and records, side by side.
struct Books {
    portfolio: Portfolio,
    records: StrategyRecords,
    orders: u64,
}

impl Books {
    fn new() -> Self {
        let portfolio = Portfolio::with_cash("1000".parse().unwrap());
        Self { portfolio, records: StrategyRecords::default(), orders: 0 }
    }
    /// A decision of what strategies want of A, with steps of rules.
    fn decide(&mut self, wants: &[(&str, f64)], rules: &[(Adjust, f64)], price: f64) -> OrderId {
        self.orders += 1;
        let contributions = wants.iter().map(|(s, weight)| Contribution {
            strategy: id(s),
            signal_time: Time::MIN,
            steps: vec![],
            ratio: 1.0,
            weight: *weight,
        });
        let rules = rules.iter().map(|(adjust, after)| Step {
            stage: Stage::Rule,
            plugin: Name::lit("rule"),
            adjustment: Adjustment::new(*adjust, ""),
            after: *after,
        });
        let none = Quantity::ZERO;
        let sizing = Sizing {
            equity: self.portfolio.equity(),
            price: p(price),
            price_time: Time::MIN,
            price_origin: Origin::default(),
            lot: none,
            target: none,
            held: none,
            working: none,
        };
        let decision = Decision {
            id: self.orders,
            time: Time::MIN,
            symbol: symbol("A"),
            contributions: contributions.collect(),
            rules: rules.collect(),
            weight: 0.0,
            sizing: Some(sizing),
            checks: vec![],
            outcome: Outcome::Ordered(OrderId(self.orders)),
        };
        self.records.ordered(OrderId(self.orders), &decision);
        OrderId(self.orders)
    }
    /// A fill of this many shares, signed, of an order with so many to come.
    fn fill(&mut self, order: OrderId, shares: f64, to_come: f64, price: f64, fee: &str) {
        let fill = Fill {
            id: 1,
            order,
            time: Time::MIN,
            symbol: symbol("A"),
            side: if shares > 0.0 { Side::Buy } else { Side::Sell },
            quantity: q(shares.abs()),
            price: p(price),
            fee: fee.parse().unwrap(),
            slippage_bps: 0.0,
        };
        self.records.filled(&fill, self.portfolio.quantity(symbol("A")), q(to_come));
        self.portfolio.fill(&fill).unwrap();
    }
    fn action(&mut self, action: CorporateAction) {
        let before = *self.portfolio.position(symbol("A")).unwrap();
        match action {
            CorporateAction::Split { numerator, denominator } => {
                self.portfolio.split(symbol("A"), numerator, denominator).unwrap();
            }
            CorporateAction::Dividend { amount } => {
                self.portfolio.dividend(symbol("A"), amount);
            }
            CorporateAction::SymbolChange { to } => self.portfolio.rename(symbol("A"), to).unwrap(),
            _ => {}
        }
        self.records.booked(action, &before, self.portfolio.position(symbol("A")));
    }
    fn part(&self, s: &str) -> f64 {
        self.records.part(id(s), symbol("A")).to_f64()
    }
    /// Profits by strategy and of nobody.
    fn profits(&self) -> (Vec<(String, f64)>, f64) {
        let (all, rest) = self.records.profits(&self.portfolio);
        (all.into_iter().map(|(s, x)| (s.to_string(), x.to_f64())).collect(), rest.to_f64())
    }
    fn check(&self) {
        let (all, rest) = self.records.profits(&self.portfolio);
        let sum = all.iter().fold(rest, |sum, (_, x)| sum + *x);
        assert_eq!(sum, self.portfolio.equity() - self.portfolio.totals().deposits);
    }
}

#[test]
fn opposite_wishes_have_parts_of_opposite_signs() {
    let mut b = Books::new();
    // +60 % and -20 % of 1,000 at 10: 40 shares held are 60 and -20.
    let order = b.decide(&[("up", 0.6), ("down", -0.2)], &[], 10.0);
    b.fill(order, 40.0, 40.0, 10.0, "0.80");
    assert_eq!((b.part("up"), b.part("down")), (60.0, -20.0));
    b.portfolio.mark(symbol("A"), p(11.0));
    // A dollar a share, less the fee of 80 cents, a cent for each share that changed hands.
    assert_eq!(b.profits(), (vec![("down".into(), -20.2), ("up".into(), 59.4)], 0.0));
    b.check();
}

#[test]
fn parts_change_with_the_fill_and_not_with_the_decision() {
    let mut b = Books::new();
    let order = b.decide(&[("one", 0.4)], &[], 10.0);
    b.fill(order, 40.0, 40.0, 10.0, "0");
    // The other takes over: 10 of 40 are to be sold, in two fills.
    let order = b.decide(&[("two", 0.3)], &[], 10.0);
    b.portfolio.mark(symbol("A"), p(12.0));
    assert_eq!((b.part("one"), b.part("two")), (40.0, 0.0));
    b.fill(order, -5.0, -10.0, 12.0, "0");
    assert_eq!((b.part("one"), b.part("two")), (20.0, 15.0));
    b.fill(order, -5.0, -5.0, 12.0, "0");
    assert_eq!((b.part("one"), b.part("two")), (0.0, 30.0));
    b.portfolio.mark(symbol("A"), p(13.0));
    assert_eq!(b.profits().0, [("one".to_owned(), 80.0), ("two".to_owned(), 30.0)]);
    b.check();
}

#[test]
fn what_scales_a_target_scales_all_parts_and_a_hedge_is_nobodys() {
    let mut b = Books::new();
    // 0.4 halved is 0.2, and a hedge takes 0.3 off: short 10 shares, of which 20 are long.
    let order = b.decide(&[("s", 0.4)], &[(Adjust::Scale(0.5), 0.2), (Adjust::Add(-0.3), -0.1)], 10.0);
    b.fill(order, -10.0, -10.0, 10.0, "0");
    assert_eq!(b.part("s"), 20.0);
    b.portfolio.mark(symbol("A"), p(11.0));
    assert_eq!(b.profits(), (vec![("s".into(), 20.0)], -30.0));
    b.check();
    // A veto closes all parts.
    let order = b.decide(&[("s", 0.4)], &[(Adjust::Veto, 0.0)], 11.0);
    b.fill(order, 10.0, 10.0, 11.0, "0");
    assert_eq!(b.part("s"), 0.0);
    // Two that want the opposite hold it against each other.
    let order = b.decide(&[("s", 0.11), ("t", -0.11)], &[], 11.0);
    b.fill(order, 1.0, 1.0, 11.0, "0");
    let shares = 0.11 * b.portfolio.equity().to_f64() / 11.0;
    assert!((b.part("s") - shares).abs() < 1e-8 && (b.part("t") + shares).abs() < 1e-8, "{}", b.part("s"));
}

#[test]
fn corporate_actions_go_to_the_parts() {
    let mut b = Books::new();
    let order = b.decide(&[("up", 0.6), ("down", -0.2)], &[], 10.0);
    b.fill(order, 40.0, 40.0, 10.0, "0");
    b.action(CorporateAction::Dividend { amount: p(0.5) });
    b.action(CorporateAction::Split { numerator: 3, denominator: 2 });
    assert_eq!((b.part("up"), b.part("down")), (90.0, -30.0));
    assert_eq!(b.profits().0, [("down".to_owned(), -10.0), ("up".to_owned(), 30.0)]);
    b.check();
    b.action(CorporateAction::SymbolChange { to: symbol("B") });
    assert_eq!((b.part("up"), b.records.part(id("up"), symbol("B")).to_f64()), (0.0, 90.0));
    b.portfolio.mark(symbol("B"), p(20.0));
    b.check();
    // 90 at 40/6 dollars were 600; they are delisted at 2.
    let before = *b.portfolio.position(symbol("B")).unwrap();
    b.records.booked(CorporateAction::Delisting { price: Some(p(2.0)) }, &before, None);
    let up = b.profits().0[1].1;
    assert!((up - (30.0 - 600.0 + 180.0)).abs() < 1e-6, "{up}");
}

#[test]
fn a_fill_of_an_order_that_nobody_remembers_keeps_the_shares() {
    let mut b = Books::new();
    let order = b.decide(&[("a", 0.3), ("b", 0.1)], &[], 10.0);
    b.fill(order, 40.0, 40.0, 10.0, "0");
    b.records.keep_orders(|_| false);
    b.fill(order, -20.0, -20.0, 10.0, "0");
    assert_eq!((b.part("a"), b.part("b")), (15.0, 5.0));
    b.check();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Without hedges the parts are the whole, to the last digit, and profits always are; a restart changes nothing.
    #[test]
    fn parts_are_the_whole(
        steps in prop::collection::vec((-1.0_f64..1.0, -1.0_f64..1.0, -50.0_f64..50.0, 0.1_f64..1.0, 5.0_f64..20.0, 0_u8..6), 1..20),
    ) {
        let mut b = Books::new();
        for (x, y, shares, done, price, action) in steps {
            let order = b.decide(&[("x", x), ("y", y)], &[(Adjust::Scale(0.7), (x + y) * 0.7)], price);
            let part = q(shares * done).to_f64();
            if part.abs() < 1e-6 {
                continue;
            }
            b.fill(order, part, shares, price, "0.37");
            b.portfolio.mark(symbol("A"), p(price * 1.01));
            if b.portfolio.position(symbol("A")).is_some() {
                match action {
                    0 => b.action(CorporateAction::Split { numerator: 3, denominator: 7 }),
                    1 => b.action(CorporateAction::Dividend { amount: p(0.123) }),
                    _ => {}
                }
            }
            let saved = postcard::to_stdvec(&b.records).unwrap();
            b.records = postcard::from_bytes(&saved).unwrap();
            let parts = b.records.part(id("x"), symbol("A")) + b.records.part(id("y"), symbol("A"));
            prop_assert_eq!(parts, b.portfolio.quantity(symbol("A")));
            let (all, rest) = b.records.profits(&b.portfolio);
            prop_assert_eq!(all.iter().fold(rest, |sum, (_, x)| sum + *x), b.portfolio.equity() - b.portfolio.totals().deposits);
            prop_assert_eq!(rest, Cash::ZERO, "nothing is left that belongs to nobody");
        }
    }
}
