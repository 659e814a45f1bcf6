//! No order crosses zero: a position is closed, and the other side is opened after the last fill of the closing order.

use tradewind_core_types::*;
use tradewind_engine::{
    Backtest, Engine, EngineConfig, Exchange, ExchangeConfig, OrderStyle, Pipeline, Schedule, Slippage,
};

use crate::common::*;

fn open() -> (&'static str, MarketData) {
    ("", MarketData::SessionOpen)
}
fn close() -> (&'static str, MarketData) {
    ("", MarketData::SessionClose)
}
fn last(x: f64, shares: Option<&str>) -> (&'static str, MarketData) {
    let p = Price::from_f64(x).unwrap();
    ("A", MarketData::Bar(Bar::new(None, None, None, p, shares.map(|q| q.parse().unwrap())).unwrap()))
}
fn whole(x: f64) -> (&'static str, MarketData) {
    let p = Price::from_f64(x).unwrap();
    ("A", MarketData::Bar(Bar::new(Some(p), Some(p), Some(p), p, None).unwrap()))
}
/// Long a half at the first row, short a half at another.
fn turn(row: u32) -> Pipeline {
    let script = vec![(1, vec![("A", 1.0)], 0.5, None), (row, vec![("A", 1.0)], -0.5, None)];
    Pipeline { strategies: vec![strategy("s", script)], ..Pipeline::default() }
}
fn by_session(order_style: OrderStyle) -> EngineConfig {
    EngineConfig { order_style, ..EngineConfig::default() }
}

/// Row, side and quantity of each order, and those of each fill.
type Seen = (Vec<(i64, String)>, Vec<(i64, String)>);

fn seen(log: &Log) -> Seen {
    let row = |t: Time| t.nanos() / 1_000;
    let orders = log.orders.iter().map(|o| (row(o.time), o.signed().to_string())).collect();
    let fills = log.reports.iter().filter_map(|r| match r {
        OrderReport::Filled(f) => Some((row(f.time), f.signed().to_string())),
        _ => None,
    });
    (orders, fills.collect())
}
fn lines(list: &[(i64, &str)]) -> Vec<(i64, String)> {
    list.iter().map(|(row, q)| (*row, (*q).to_owned())).collect()
}

/// Runs to the end, stopped and restored after every event.
fn stopping(make: impl Fn() -> Backtest<Exchange>, rows: &[(&str, MarketData)]) -> Log {
    let (mut log, mut at) = (Log::default(), make());
    for e in events(rows) {
        at.event(&e, &mut log).unwrap();
        let saved = at.save().unwrap();
        at = make();
        at.load(&saved).unwrap();
    }
    at.finish(&mut log).unwrap();
    log
}
/// Runs straight through and with a stop after every event, which must be the same.
fn check(
    pipeline: impl Fn() -> Pipeline,
    config: &EngineConfig,
    exchange: &ExchangeConfig,
    rows: &[(&str, MarketData)],
) -> Log {
    let make = || {
        let exchange = Exchange::new(exchange.clone()).unwrap();
        let engine = Engine::new(config.clone(), pipeline(), "1000".parse().unwrap(), Time::MIN).unwrap();
        Backtest::new(engine, exchange)
    };
    let (mut engine, mut log) = (make(), Log::default());
    for e in events(rows) {
        engine.event(&e, &mut log).unwrap();
    }
    engine.finish(&mut log).unwrap();
    engine.engine().ledger().portfolio().reconcile().unwrap();
    let again = stopping(make, rows);
    assert_eq!((&again.decisions, &again.reports), (&log.decisions, &log.reports));
    log
}

#[test]
fn on_a_signal_the_other_side_is_opened_when_the_last_fill_is_reported() {
    // 1000 x 0.5 / 10 = 50 shares.
    let rows = vec![last(10.0, None); 6];
    let log = check(|| turn(3), &on_signal(), &free(), &rows);
    let (orders, fills) = seen(&log);
    assert_eq!(orders, lines(&[(1, "50"), (3, "-50"), (4, "-50")]));
    assert_eq!(fills, lines(&[(2, "50"), (4, "-50"), (5, "-50")]));
    let d = &log.decisions[1];
    let s = &d.checks[0];
    assert_eq!((s.plugin, s.adjustment.adjust, s.after), (ZERO_CROSSING, Adjust::Cap(50.0), 50.0));
    assert_eq!(s.adjustment.numbers[0].1, 100.0, "what was wanted");
    let text = tradewind_engine::explain(d, Some(&log.orders[1]), &[], |_| String::new());
    assert!(text.contains("no order crosses zero") && text.contains("verified"), "{text}");
    // The other two cross nothing.
    assert!(log.decisions[0].checks.iter().chain(&log.decisions[2].checks).all(|s| s.plugin != ZERO_CROSSING));
}

#[test]
fn a_symbol_that_is_being_closed_is_not_ordered_twice() {
    // Flat at 3, and short at 4 before A trades again.
    let p = || {
        let script =
            vec![(1, vec![("A", 1.0)], 0.5, None), (3, vec![("A", 1.0)], 0.0, None), (4, vec![("A", 1.0)], -0.5, None)];
        Pipeline { strategies: vec![strategy("s", script)], ..Pipeline::default() }
    };
    let other = || ("B", bar(1.0));
    let rows = [last(10.0, None), last(10.0, None), other(), other(), other(), last(10.0, None), last(10.0, None)];
    let log = check(p, &on_signal(), &free(), &rows);
    assert_eq!(seen(&log).0, lines(&[(1, "50"), (3, "-50"), (6, "-50")]));
    let d = &log.decisions[2];
    assert_eq!((d.checks[0].plugin, d.checks[0].after), (ZERO_CROSSING, 0.0));
    assert!(format!("{:?}", d.outcome).contains("the rest is decided after the last fill"), "{:?}", d.outcome);
}

#[test]
fn at_session_closes_the_rest_follows_the_fill_and_not_the_next_close() {
    // Two symbols print in turn, three sessions; the turn is wanted from the second on.
    let day = || [open(), whole(10.0), whole(10.0), ("B", bar(1.0)), close()];
    let rows: Vec<_> = (0..5).flat_map(|_| day()).collect();
    let p = || {
        let script = vec![(2, vec![("A", 1.0)], 0.5, None), (7, vec![("A", 1.0)], -0.5, None)];
        Pipeline { strategies: vec![strategy("s", script)], ..Pipeline::default() }
    };
    let fills = |style| {
        let log = check(p, &by_session(style), &free(), &rows);
        seen(&log)
    };
    // Market: row 10 closes a session and decides, after A's last bar: it fills at the close of A's bar at 12. The rest is decided then and fills at
    // the open of the next bar, which began when that one ended.
    let (orders, filled) = fills(OrderStyle::Market);
    assert_eq!(orders, lines(&[(5, "50"), (10, "-50"), (12, "-50")]));
    assert_eq!(filled, lines(&[(7, "50"), (12, "-50"), (12, "-50")]));
    // On open: decided at the print that was the open, filled at the next open.
    let (orders, filled) = fills(OrderStyle::MarketOnOpen);
    assert_eq!(orders, lines(&[(5, "50"), (10, "-50"), (12, "-50")]));
    assert_eq!(filled, lines(&[(6, "50"), (11, "-50"), (16, "-50")]));
    // On close: closed at the close of row 15, decided there, opened at the close of row 20.
    let (orders, filled) = fills(OrderStyle::MarketOnClose);
    assert_eq!(orders, lines(&[(5, "50"), (10, "-50"), (15, "-50")]));
    assert_eq!(filled, lines(&[(10, "50"), (15, "-50"), (20, "-50")]));
}

#[test]
fn parts_of_the_closing_order_are_waited_for() {
    // A fifth of a volume of 100 may be had of each bar: 50 are closed in three parts, and opened in three.
    let costs = Slippage { max_participation: Some(0.2), ..Slippage::NONE };
    let mut exchange = free();
    exchange.costs.slippage = costs;
    let rows = vec![last(10.0, Some("100")); 14];
    let log = check(|| turn(5), &on_signal(), &exchange, &rows);
    let (orders, fills) = seen(&log);
    assert_eq!(orders, lines(&[(1, "50"), (5, "-50"), (8, "-50")]));
    let parts =
        [(2, "20"), (3, "20"), (4, "10"), (6, "-20"), (7, "-20"), (8, "-10"), (9, "-20"), (10, "-20"), (11, "-10")];
    assert_eq!(fills, lines(&parts));
}

#[test]
fn a_closing_order_that_is_refused_is_not_sent_again_at_once() {
    let halt = |halted| ("A", act(CorporateAction::Halt { halted }));
    let other = || ("B", bar(1.0));
    let rows = [
        last(10.0, None),
        last(10.0, None),
        halt(true),
        other(),
        other(),
        other(),
        other(),
        halt(false),
        last(10.0, None),
        last(10.0, None),
        last(10.0, None),
    ];
    let p = |again: u32| {
        let script = vec![
            (1, vec![("A", 1.0)], 0.5, None),
            (4, vec![("A", 1.0)], -0.5, None),
            (again, vec![("A", 1.0)], -0.5, None),
        ];
        Pipeline { strategies: vec![strategy("s", script)], ..Pipeline::default() }
    };
    let log = check(|| p(100), &on_signal(), &free(), &rows);
    assert_eq!(seen(&log).0, lines(&[(1, "50"), (4, "-50")]), "refused once");
    assert!(log.reports.iter().any(|r| matches!(r, OrderReport::Rejected { reason: RejectReason::Halted, .. })));
    // The next signal closes, and then opens.
    let log = check(|| p(9), &on_signal(), &free(), &rows);
    assert_eq!(seen(&log).0, lines(&[(1, "50"), (4, "-50"), (9, "-50"), (10, "-50")]));
}

#[test]
fn a_split_cancels_the_closing_order_and_the_position_is_closed_anew() {
    let split = ("A", act(CorporateAction::Split { numerator: 2, denominator: 1 }));
    let other = || ("B", bar(1.0));
    let rows = [
        last(10.0, None),
        last(10.0, None),
        other(),
        other(),
        split,
        last(5.0, None),
        last(5.0, None),
        last(5.0, None),
    ];
    let log = check(|| turn(3), &on_signal(), &free(), &rows);
    let (orders, fills) = seen(&log);
    // Decided at the split's own time on the price of half: all 100 are closed, and 100 sold short.
    assert_eq!(orders, lines(&[(1, "50"), (3, "-50"), (5, "-100"), (6, "-100")]));
    assert_eq!(fills, lines(&[(2, "50"), (6, "-100"), (7, "-100")]));
}

#[test]
fn an_order_on_open_without_an_opening_price_is_followed_by_another() {
    let day = |x: MarketData| [open(), ("A", x), close()];
    let with = whole(10.0).1;
    // The second session that matters has no opening price: the closing order expires, and closes a session later.
    let days = [with.clone(), with.clone(), bar(10.0), with.clone(), with.clone(), with];
    let rows: Vec<_> = days.into_iter().flat_map(day).collect();
    let p = || {
        let script = vec![(2, vec![("A", 1.0)], 0.5, None), (5, vec![("A", 1.0)], -0.5, None)];
        Pipeline { strategies: vec![strategy("s", script)], ..Pipeline::default() }
    };
    for schedule in [Schedule::SessionClose, Schedule::Signal] {
        let config = EngineConfig { schedule, ..by_session(OrderStyle::MarketOnOpen) };
        let (orders, fills) = seen(&check(p, &config, &free(), &rows));
        let quantities: Vec<_> = orders.iter().map(|o| o.1.as_str()).collect();
        assert_eq!(quantities, ["50", "-50", "-50", "-50"], "{schedule:?}");
        assert_eq!(fills, lines(&[(4, "50"), (10, "-50"), (13, "-50")]), "{schedule:?}");
    }
}

#[test]
fn another_name_of_a_symbol_that_is_being_closed_leaves_nothing_to_decide() {
    let rename = ("A", act(CorporateAction::SymbolChange { to: symbol("C") }));
    let other = || ("B", bar(1.0));
    let rows = [open(), last(10.0, None), close(), last(10.0, None), other(), close(), rename, other(), other()];
    let p = || {
        let script = vec![(2, vec![("A", 1.0)], 0.5, None), (5, vec![("A", 1.0)], -0.5, None)];
        Pipeline { strategies: vec![strategy("s", script)], ..Pipeline::default() }
    };
    let log = check(p, &by_session(OrderStyle::Market), &free(), &rows);
    assert!(log.decisions.iter().all(|d| d.time.nanos() <= 6_000), "{:?}", log.decisions.last());
}
