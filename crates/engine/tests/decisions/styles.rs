//! How orders are placed: in dollars, and with limits.

use tradewind_core_types::*;
use tradewind_engine::{Backtest, Engine, EngineConfig, Exchange, InputRef, OrderStyle, Pipeline, TradingState};

use crate::common::*;

fn wants(list: &[(u32, f64)]) -> Pipeline {
    let script = list.iter().map(|(row, w)| (*row, vec![("A", 1.0)], *w, None)).collect();
    Pipeline { strategies: vec![strategy("s", script)], ..Pipeline::default() }
}
fn style(order_style: OrderStyle) -> EngineConfig {
    EngineConfig { order_style, ..on_signal() }
}
fn kinds(log: &Log) -> Vec<String> {
    log.orders
        .iter()
        .map(|o| match o.kind {
            OrderKind::Notional { amount } => format!("{:?} {} for {amount}", o.side, o.quantity),
            OrderKind::Limit { price } => format!("{:?} {} at {price} {:?}", o.side, o.quantity, o.tif),
            _ => format!("{:?} {}", o.side, o.quantity),
        })
        .collect()
}

#[test]
fn what_grows_is_ordered_in_dollars_and_what_shrinks_in_shares() {
    // 500 dollars are 50 at 10, and buy 62.5 at 8. Then 300 of 1000 are wanted, 37.5 at 8.
    let rows = [("A", bar(10.0)), ("A", bar(8.0)), ("A", bar(8.0)), ("A", bar(8.0))];
    let (run, log) = run(wants(&[(1, 0.5), (2, 0.3)]), style(OrderStyle::Notional), 0, &rows);
    assert_eq!(kinds(&log), ["Buy 50 for 500", "Sell 25"]);
    assert_eq!((held(&run, "A"), run.engine().view().working.len()), ("37.5".into(), 0));
    assert_eq!(run.engine().kill_switch().state(), TradingState::Active);
    // Less is bought at a higher price, and the rest is not awaited.
    let rows = [("A", bar(10.0)), ("A", bar(12.5)), ("A", bar(12.5))];
    let (run, log) = super::common::run(wants(&[(1, 0.5)]), style(OrderStyle::Notional), 0, &rows);
    assert_eq!((kinds(&log).len(), held(&run, "A"), run.engine().view().working.len()), (1, "40".into(), 0));
    // A short is opened in dollars, too, and closed in shares.
    let rows = [("A", bar(10.0)), ("A", bar(8.0)), ("A", bar(8.0)), ("A", bar(8.0))];
    let (run, log) = super::common::run(wants(&[(1, -0.5), (2, 0.0)]), style(OrderStyle::Notional), 0, &rows);
    assert_eq!((kinds(&log), held(&run, "A")), (vec!["Sell 50 for 500".into(), "Buy 62.5".into()], "0".into()));
}

/// An order for 500 dollars, estimated at 50, of which a broker says things.
fn told(said: &[Said]) -> (String, bool, usize) {
    let engine =
        Engine::new(style(OrderStyle::Notional), wants(&[(1, 0.5)]), "1000".parse().unwrap(), Time::MIN).unwrap();
    let (mut at, mut log) = (Backtest::new(engine, Exchange::new(free()).unwrap()), Log::default());
    at.event(&events(&[("A", bar(10.0))])[0], &mut log).unwrap();
    at.finish(&mut log).unwrap();
    for (said, n) in said.iter().zip(1..) {
        let time = at.engine().clock().plus(Span::from_nanos(n));
        let r = BrokerReport { order: OrderId(1), time, said: said.clone() };
        at.give(time, 0, InputRef::Report(&r), &mut log).unwrap();
    }
    let active = at.engine().kill_switch().state() == TradingState::Active;
    (held(&at, "A"), active, at.engine().view().working.len())
}

#[test]
fn an_order_in_dollars_is_over_by_the_brokers_word_and_never_beyond_them() {
    let q = |n: &str| n.parse::<Quantity>().unwrap();
    let fill = |from: &str, to: &str, price: &str| {
        let (from, to, price) = (q(from), q(to), price.parse().unwrap());
        Said::Progress(Progress { from, to, price, fee: Cash::ZERO, slippage_bps: 0.0 })
    };
    let over = |n: &str| Said::Filled { filled: q(n) };
    assert_eq!(told(&[fill("0", "50", "8"), fill("50", "62.5", "8"), over("62.5")]), ("62.5".into(), true, 0));
    assert_eq!(told(&[fill("0", "50", "8"), over("62.5"), fill("50", "62.5", "8")]), ("62.5".into(), true, 0));
    assert_eq!(told(&[over("62.5"), fill("50", "62.5", "8"), fill("0", "50", "8")]), ("62.5".into(), true, 0));
    assert_eq!(told(&[fill("0", "50", "8")]), ("50".into(), true, 1), "more may come");
    assert_eq!(told(&[fill("0", "40", "12.5"), over("40"), over("40")]), ("40".into(), true, 0));
    assert_eq!(told(&[fill("0", "20", "12.5"), Said::Expired { filled: q("20") }]), ("20".into(), true, 0));
    // A cent too much.
    assert!(!told(&[fill("0", "62.5", "8"), fill("62.5", "62.51", "1")]).1);
}

#[test]
fn limits_are_set_by_the_last_price_and_rounded_to_a_tick_that_is_not_worse() {
    let rows = [("A", bar(10.03)), ("A", bar(10.03)), ("A", bar(10.02))];
    let limit = |limit_bps, extended_hours, weight| {
        let config = EngineConfig { limit_bps, extended_hours, ..style(OrderStyle::Limit) };
        let (_, log) = run(wants(&[(1, weight)]), config, 0, &rows);
        kinds(&log)[0].split(" at ").nth(1).unwrap().to_owned()
    };
    // 10.03 and 10 basis points are 10.04003; 9.98 less the same.
    assert_eq!(limit(10.0, false, 0.5), "10.04 Day");
    assert_eq!(limit(10.0, true, -0.5), "10.02 DayExtended");
    assert_eq!(limit(-100.0, false, 0.5), "9.92 Day", "10.03 less 1 percent is 9.9297");
    let bad = |c: EngineConfig| c.check().is_err();
    assert!(bad(EngineConfig { extended_hours: true, ..style(OrderStyle::Market) }));
    assert!(
        bad(EngineConfig { limit_bps: 1001.0, ..on_signal() })
            && bad(EngineConfig { limit_bps: f64::NAN, ..on_signal() })
    );
}
