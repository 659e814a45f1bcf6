//! A fill at a bar's open happened when the bar began, though it is known when the bar ends; a fill at the close happened at the close.

use tradewind_core_types::*;
use tradewind_engine::{Backtest, Engine, EngineConfig, Exchange, OrderStyle, Pipeline, Schedule};

use crate::common::*;

fn p(x: f64) -> Price {
    Price::from_f64(x).unwrap()
}
fn whole(open: f64, close: f64) -> MarketData {
    MarketData::Bar(Bar::new(Some(p(open)), Some(p(close)), Some(p(open)), p(close), None).unwrap())
}
fn at(text: &str) -> Time {
    text.parse().unwrap()
}

/// Buys a half at the first event, and gives the fill, the price it is marked at, and the log.
fn bought(style: OrderStyle, schedule: Schedule, events: &[(&str, Option<&str>, MarketData)]) -> (Fill, Log) {
    let pipeline =
        Pipeline { strategies: vec![strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None)])], ..Pipeline::default() };
    let config = EngineConfig { order_style: style, schedule, ..EngineConfig::default() };
    let engine = Engine::new(config, pipeline, "1000".parse().unwrap(), Time::MIN).unwrap();
    let mut engine = Backtest::new(engine, Exchange::new(free()).unwrap());
    let mut log = Log::default();
    for ((time, name, data), row) in events.iter().zip(1..) {
        let (symbol, origin) = (name.map(symbol), Origin { source: 0, row });
        engine.event(&Event { time: at(time), symbol, origin, data: data.clone() }, &mut log).unwrap();
    }
    engine.finish(&mut log).unwrap();
    engine.engine().ledger().portfolio().reconcile().unwrap();
    let fills: Vec<Fill> =
        log.reports.iter().filter_map(|r| if let OrderReport::Filled(f) = r { Some(*f) } else { None }).collect();
    assert_eq!(fills.len(), 1);
    // What is held is marked at the last price, not at that of the fill.
    let marked = engine.engine().ledger().portfolio().position(symbol("A")).unwrap().price;
    assert_eq!(marked, p(12.0));
    (fills[0], log)
}

/// Two daily bars of 2024-03-08 and 2024-03-11: New York has changed to summer time in between, and opens at 13:30 and not at 14:30.
fn two_days(sessions: bool) -> Vec<(&'static str, Option<&'static str>, MarketData)> {
    let mut all = vec![("2024-03-08T21:00:00Z", Some("A"), whole(9.0, 10.0))];
    if sessions {
        all.push(("2024-03-08T21:00:00Z", None, MarketData::SessionClose));
        all.push(("2024-03-11T13:30:00Z", None, MarketData::SessionOpen));
    }
    all.push(("2024-03-11T20:00:00Z", Some("A"), whole(11.0, 12.0)));
    if sessions {
        all.push(("2024-03-11T20:00:00Z", None, MarketData::SessionClose));
    }
    all
}

#[test]
fn a_daily_bar_opens_with_its_session() {
    for schedule in [Schedule::SessionClose, Schedule::Signal] {
        for style in [OrderStyle::MarketOnOpen, OrderStyle::Market] {
            let (fill, _) = bought(style, schedule, &two_days(true));
            assert_eq!((fill.time, fill.price), (at("2024-03-11T13:30:00Z"), p(11.0)), "{style:?}");
        }
        let (fill, _) = bought(OrderStyle::MarketOnClose, schedule, &two_days(true));
        assert_eq!((fill.time, fill.price), (at("2024-03-11T20:00:00Z"), p(12.0)));
    }
    // Where the data do not say when a session opens, the calendar does.
    let (fill, log) = bought(OrderStyle::Market, Schedule::Signal, &two_days(false));
    assert_eq!((fill.time, fill.price), (at("2024-03-11T13:30:00Z"), p(11.0)));
    let text = tradewind_engine::explain(&log.decisions[0], Some(&log.orders[0]), &[fill], |_| String::new());
    assert!(text.contains("fill       2024-03-11T13:30:00Z  50 @ 11"), "{text}");
}

#[test]
fn a_bar_within_a_session_begins_where_the_one_before_ended() {
    let events = [
        ("2024-03-11T13:30:00Z", None, MarketData::SessionOpen),
        ("2024-03-11T13:31:00Z", Some("A"), whole(9.0, 10.0)),
        ("2024-03-11T13:32:00Z", Some("A"), whole(11.0, 12.0)),
    ];
    let pipeline = |row| Pipeline {
        strategies: vec![strategy("s", vec![(row, vec![("A", 1.0)], 0.5, None)])],
        ..Pipeline::default()
    };
    let engine = Engine::new(on_signal(), pipeline(2), "1000".parse().unwrap(), Time::MIN).unwrap();
    let mut engine = Backtest::new(engine, Exchange::new(free()).unwrap());
    let mut log = Log::default();
    for ((time, name, data), row) in events.iter().zip(1..) {
        let (symbol, origin) = (name.map(symbol), Origin { source: 0, row });
        engine.event(&Event { time: at(time), symbol, origin, data: data.clone() }, &mut log).unwrap();
    }
    let OrderReport::Filled(fill) = log.reports.last().unwrap() else { unreachable!() };
    assert_eq!((fill.time, fill.price), (at("2024-03-11T13:31:00Z"), p(11.0)));
}

#[test]
fn only_what_trades_at_the_open_is_stamped_with_it() {
    // The bar has no opening price: it is bought at the close.
    let mut days = two_days(true);
    days[3].2 = bar(12.0);
    let (fill, _) = bought(OrderStyle::Market, Schedule::Signal, &days);
    assert_eq!((fill.time, fill.price), (at("2024-03-11T20:00:00Z"), p(12.0)));
    // A trade is the first print of its session: its time is known.
    let trade = MarketData::Trade(Trade { price: p(12.0), size: "100".parse().unwrap(), buyer: None });
    let mut days = two_days(true);
    days[3] = ("2024-03-11T13:45:00Z", Some("A"), trade);
    let (fill, _) = bought(OrderStyle::MarketOnOpen, Schedule::Signal, &days);
    assert_eq!((fill.time, fill.price), (at("2024-03-11T13:45:00Z"), p(12.0)));
}
