//! Approval: every check is asked in turn, until one holds the order back.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, FeatureValues, Market, Order, OrderId, OrderKind, Plugin, Portfolio, PreTrade, Price, Quantity,
    RejectReason, Side, Stage, Step, Symbol, Time, TimeInForce, Verdict, View, approve,
};

fn order(kind: OrderKind, tif: TimeInForce, quantity: &str) -> Order {
    Order {
        id: OrderId(1),
        decision: 1,
        time: Time::MIN,
        symbol: Symbol::new("SPY").unwrap(),
        side: Side::Buy,
        quantity: quantity.parse().unwrap(),
        kind,
        tif,
    }
}

/// Says the same to every order, and counts them.
#[derive(Serialize, Deserialize)]
struct Says(u8, u32);
impl Plugin for Says {
    fn id(&self) -> &'static str {
        ["sends", "waits", "skips"][usize::from(self.0)]
    }
}
impl PreTrade for Says {
    fn check(&mut self, _: &Order, _: &View<'_>) -> (Verdict, Adjustment) {
        self.1 += 1;
        let verdict = [Verdict::Send, Verdict::Wait, Verdict::Skip][usize::from(self.0)];
        (verdict, Adjustment::new(Adjust::Keep, "as always"))
    }
}

/// The order or the verdict against it, the steps (plugin, quantity afterwards, reason), and how often each check was asked.
type Asked = (Result<Order, Verdict>, Vec<(String, f64, String)>, Vec<u32>);

fn asked(order: &Order, says: &[u8]) -> Asked {
    let mut checks: Vec<Says> = says.iter().map(|s| Says(*s, 0)).collect();
    let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let view = View::new(Time::MIN, &market, &features, &portfolio);
    let mut steps: Vec<Step> = Vec::new();
    let all = checks.iter_mut().map(|c| c as &mut dyn PreTrade);
    let result = approve(order.clone(), all, &view, &mut steps);
    assert!(steps.iter().all(|s| s.stage == Stage::PreTrade));
    let said = steps.iter().map(|s| (s.plugin.to_string(), s.after, s.adjustment.reason.to_string())).collect();
    if let Ok(approved) = &result {
        assert_eq!(approved.order(), order);
    }
    (result.map(|a| a.into_order()), said, checks.iter().map(|c| c.1).collect())
}

#[test]
fn the_first_check_that_does_not_send_decides() {
    let o = order(OrderKind::Market, TimeInForce::Gtc, "2.5");
    let step = |who: &str, after: f64| (who.to_owned(), after, "as always".to_owned());
    assert_eq!(asked(&o, &[]), (Ok(o.clone()), vec![], vec![]));
    let (sent, said, times) = asked(&o, &[0, 0]);
    assert_eq!((sent, said, times), (Ok(o.clone()), vec![step("sends", 2.5), step("sends", 2.5)], vec![1, 1]));
    for (no, name, verdict) in [(1, "waits", Verdict::Wait), (2, "skips", Verdict::Skip)] {
        let (held, said, times) = asked(&o, &[0, no, 0]);
        assert_eq!((held, said, times), (Err(verdict), vec![step("sends", 2.5), step(name, 0.0)], vec![1, 1, 0]));
    }
}

#[test]
fn a_malformed_order_is_shown_to_no_check() {
    let o = order(OrderKind::Market, TimeInForce::Cls, "1");
    let (held, said, times) = asked(&o, &[0]);
    assert_eq!((held, times), (Err(Verdict::Skip), vec![0]));
    let [(who, after, why)] = said.as_slice() else { panic!("{said:?}") };
    assert!(who == "order" && *after == 0.0 && why.contains("an order on open or on close"), "{why}");
}

#[test]
fn every_kind_has_its_times_in_force() {
    let price: Price = "10".parse().unwrap();
    let continuous = [
        OrderKind::Market,
        OrderKind::Limit { price },
        OrderKind::Stop { trigger: price },
        OrderKind::StopLimit { trigger: price, price },
    ];
    let open = [OrderKind::MarketOnOpen, OrderKind::LimitOnOpen { price }];
    let close = [OrderKind::MarketOnClose, OrderKind::LimitOnClose { price }];
    use TimeInForce::{Cls, Day, Fok, Gtc, Ioc, Opg};
    for tif in [Day, Gtc, Ioc, Fok, Opg, Cls] {
        let fine = |kind: &OrderKind| order(*kind, tif, "1").validate().is_ok();
        assert_eq!(continuous.iter().map(fine).collect::<Vec<_>>(), [!matches!(tif, Opg | Cls); 4], "{tif:?}");
        assert_eq!(open.iter().map(fine).collect::<Vec<_>>(), [tif == Opg; 2], "{tif:?}");
        assert_eq!(close.iter().map(fine).collect::<Vec<_>>(), [tif == Cls; 2], "{tif:?}");
    }
    for quantity in ["0", "-1"] {
        assert_eq!(order(OrderKind::Market, Day, quantity).validate().unwrap_err().expected, "more than zero");
    }
    let buy = order(OrderKind::Market, Day, "0.000000001");
    assert!(buy.validate().is_ok());
    let sale = Order { side: Side::Sell, ..buy.clone() };
    assert_eq!([buy.signed(), sale.signed()], [1, -1].map(|n| Quantity::from_nanos(n).unwrap()));
}

#[test]
fn refusals_say_why_in_words() {
    let cash = |s: &str| s.parse().unwrap();
    let said = [
        RejectReason::NoCash { needed: cash("1000.5"), available: cash("7") },
        RejectReason::NoBorrow,
        RejectReason::Halted,
        RejectReason::UnknownSymbol,
        RejectReason::BadOrder("its quantity is zero".into()),
        RejectReason::Other("the market is closed".into()),
    ]
    .map(|r| r.to_string());
    assert_eq!(
        said,
        [
            "no cash: needs 1000.5, has 7",
            "no borrow: shorting is not allowed for this symbol",
            "halted",
            "unknown symbol",
            "bad order: its quantity is zero",
            "the market is closed"
        ]
    );
}
