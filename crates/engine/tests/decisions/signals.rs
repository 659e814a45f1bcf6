//! From signals to orders where it is easy to lose money: pairs with one leg, orders that still work, signals that expire, warm-up,
//! numbers that are none, reports that come late.

use serde::{Deserialize, Serialize};
use tradewind_core_types::*;
use tradewind_engine::{
    Backtest, Commission, Engine, EngineConfig, Exchange, ExchangeConfig, Named, OrderStyle, Pipeline, Schedule, Venue,
};

use crate::common::*;

#[test]
fn a_leg_that_cannot_be_traded_cancels_the_other() {
    let pair = || vec![("A", 1.0), ("B", -0.5)];
    // B is unknown, then an index, then tradable.
    let (e, log) = simple(
        vec![(1, pair(), 0.4, None), (3, pair(), 0.4, None), (5, pair(), 0.4, None)],
        &[
            ("A", bar(10.0)),
            ("B", index(10.0)),
            ("A", bar(10.0)),
            ("B", bar(10.0)),
            ("A", bar(10.0)),
            ("A", bar(10.0)),
            ("B", bar(10.0)),
        ],
    );
    assert_eq!(log.ordered(), ["A Buy 40", "B Sell 20"]);
    assert_eq!((held(&e, "A"), held(&e, "B")), ("40".into(), "-20".into()));
    let reasons: Vec<&str> = log
        .decisions
        .iter()
        .filter_map(|d| d.contributions[0].steps.get(1))
        .map(|s| s.adjustment.reason.as_ref())
        .collect();
    assert!(reasons[0].starts_with("no price of B is known") && reasons[2].starts_with("B is an index"), "{reasons:?}");
}

#[test]
fn a_leg_that_disappears_closes_the_other() {
    let rows = |gone| {
        vec![
            ("A", bar(10.0)),
            ("B", bar(10.0)),
            ("A", bar(10.0)),
            ("B", bar(10.0)),
            ("B", act(gone)),
            ("A", bar(11.0)),
            ("A", bar(11.0)),
        ]
    };
    for gone in [CorporateAction::Delisting { price: None }, CorporateAction::SymbolChange { to: symbol("C") }] {
        let (e, log) = simple(vec![(2, vec![("A", 1.0), ("B", 0.5)], 0.4, None)], &rows(gone));
        assert_eq!(log.ordered()[..3], ["A Buy 40", "B Buy 20", "A Sell 40"], "{gone:?}");
        assert_eq!(held(&e, "A"), "0");
    }
}

#[test]
fn signals_that_expire_are_closed_on_a_signal_schedule_too() {
    let rows: Vec<_> = (0..8).map(|_| ("A", bar(10.0))).collect();
    let (e, log) = simple(vec![(1, vec![("A", 1.0)], 0.5, Some(4))], &rows);
    assert_eq!(log.ordered(), ["A Buy 50", "A Sell 50"]);
    assert_eq!(log.orders[1].time, Time::from_nanos(4_000));
    assert_eq!(held(&e, "A"), "0");
}

#[test]
fn warm_up_trades_nothing_and_its_signals_are_acted_on_when_trading_begins() {
    let mut rows: Vec<_> = (0..6).map(|_| ("A", bar(10.0))).collect();
    rows.insert(2, ("", MarketData::SessionClose));
    for (config, first) in
        [(on_signal(), 4_000), (EngineConfig { schedule: Schedule::SessionClose, ..on_signal() }, 8_000)]
    {
        let mut rows = rows.clone();
        rows.push(("", MarketData::SessionClose));
        let p =
            Pipeline { strategies: vec![strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None)])], ..Pipeline::default() };
        let (_, log) = run(p, config, 4_000, &rows);
        assert_eq!(log.orders.iter().map(|o| o.time.nanos()).collect::<Vec<_>>(), [first]);
        assert_eq!(log.decisions.len(), 1);
    }
}

#[test]
fn an_order_that_still_works_is_cancelled_before_the_other_side_is_taken() {
    // Long at 1, and flat or short at 2 before A trades again.
    for (score, want) in [(0.0, "0"), (-0.5, "-50"), (0.2, "20"), (0.8, "80")] {
        let (e, log) = simple(
            vec![(1, vec![("A", 1.0)], 0.5, None), (2, vec![("A", 1.0)], score, None)],
            &[("A", bar(10.0)), ("B", bar(1.0)), ("B", bar(1.0)), ("A", bar(10.0)), ("B", bar(1.0)), ("A", bar(10.0))],
        );
        assert_eq!(held(&e, "A"), want, "{score}");
        let opposite = log.reports.iter().filter(|r| matches!(r, OrderReport::Filled(_))).count();
        assert_eq!(opposite, if score == 0.8 { 2 } else { usize::from(score != 0.0) });
        if score < 0.5 {
            assert!(format!("{:?}", log.decisions[1].outcome).contains("it is cancelled first"));
        }
    }
}

#[test]
fn a_signal_that_changes_nothing_orders_nothing_twice() {
    let same = |row| (row, vec![("A", 1.0)], 0.5, None);
    let (e, log) = simple(
        vec![same(1), same(2), same(3)],
        &[("A", bar(10.0)), ("B", bar(1.0)), ("B", bar(1.0)), ("A", bar(10.0))],
    );
    assert_eq!(log.ordered(), ["A Buy 50"]);
    assert_eq!(held(&e, "A"), "50");
}

#[test]
fn a_partner_is_decided_with_everything_wanted_of_it() {
    // `one` holds A and B as a pair, `two` B alone; then `three` speaks of A only. B must not move.
    let p = Pipeline {
        strategies: vec![
            strategy("one", vec![(2, vec![("A", 1.0), ("B", 1.0)], 0.2, None)]),
            strategy("two", vec![(2, vec![("B", 1.0)], 0.3, None)]),
            strategy("three", vec![(5, vec![("A", 1.0)], 0.1, None)]),
        ],
        ..Pipeline::default()
    };
    let rows: Vec<_> = (0..8).map(|i| (if i % 2 == 0 { "A" } else { "B" }, bar(10.0))).collect();
    let (e, log) = run(p, on_signal(), 0, &rows);
    assert_eq!(log.ordered(), ["A Buy 20", "B Buy 50", "A Buy 10"]);
    assert_eq!((held(&e, "A"), held(&e, "B")), ("30".into(), "50".into()));
}

#[test]
fn a_split_is_not_mistaken_for_a_trade() {
    // The split comes before A's next price; a session ends in between.
    let split = act(CorporateAction::Split { numerator: 2, denominator: 1 });
    let p = Pipeline { strategies: vec![strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None)])], ..Pipeline::default() };
    let config = EngineConfig { order_style: OrderStyle::Market, ..EngineConfig::default() };
    let close = || ("", MarketData::SessionClose);
    let (e, log) = run(
        p,
        config,
        0,
        &[("A", bar(10.0)), close(), ("A", bar(10.0)), ("A", split), close(), ("A", bar(5.0)), close()],
    );
    assert_eq!(log.ordered(), ["A Buy 50"]);
    assert_eq!(held(&e, "A"), "100");
}

/// Says one thing at every chance.
#[derive(Serialize, Deserialize)]
struct Says(String, u32);
impl Plugin for Says {
    fn id(&self) -> &'static str {
        "says"
    }
}
impl Says {
    fn adjust(&self) -> Adjust {
        match self.0.as_str() {
            "nan" => Adjust::Scale(f64::NAN),
            "huge" => Adjust::Scale(f64::MAX),
            _ => Adjust::Scale(f64::INFINITY),
        }
    }
}
impl Overlay for Says {
    fn exposure(&mut self, _: Symbol, _: &View<'_>) -> Adjustment {
        Adjustment::new(self.adjust(), "broken")
    }
}
impl Rule for Says {
    fn apply(&mut self, targets: &[(Symbol, f64)], _: &View<'_>) -> Vec<RuleStep> {
        targets.iter().map(|t| RuleStep { symbol: t.0, adjustment: Adjustment::new(self.adjust(), "broken") }).collect()
    }
}
impl Allocator for Says {
    fn allocate(&mut self, _: &[Proposal], _: &View<'_>) -> Vec<Adjustment> {
        Vec::new()
    }
}
impl PreTrade for Says {
    fn check(&mut self, _: &Order, _: &View<'_>) -> (Verdict, Adjustment) {
        self.1 += 1;
        let verdict = if self.1 < 3 { Verdict::Wait } else { Verdict::Send };
        (verdict, Adjustment::new(Adjust::Keep, "not yet"))
    }
}

#[test]
fn numbers_that_are_none_reduce_risk() {
    let rows: Vec<_> = (0..4).map(|_| ("A", bar(10.0))).collect();
    let told = || strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None)]);
    for what in ["nan", "huge", "inf"] {
        let says = || Box::new(Says(what.into(), 0));
        let mut twice = told();
        twice.overlays = vec![0, 1];
        let overlays = Pipeline {
            strategies: vec![twice],
            overlays: vec![Named::of(says()), Named::of(says())],
            ..Pipeline::default()
        };
        let (_, log) = run(overlays, on_signal(), 0, &rows);
        assert!(log.orders.is_empty(), "{what}: {}", log.why("A"));
        let rules = Pipeline {
            strategies: vec![told()],
            rules: vec![Named::of(says()), Named::of(says())],
            ..Pipeline::default()
        };
        assert!(run(rules, on_signal(), 0, &rows).1.orders.is_empty(), "{what}");
    }
    let silent = Pipeline {
        strategies: vec![told()],
        allocators: vec![Named::of(Box::new(Says(String::new(), 0)))],
        ..Pipeline::default()
    };
    let (_, log) = run(silent, on_signal(), 0, &rows);
    assert!(log.orders.is_empty() && log.why("A").contains("says nothing"), "{}", log.why("A"));
    for ratio in [f64::NAN, f64::INFINITY, f64::MAX * 2.0] {
        let (_, log) = simple(vec![(1, vec![("A", ratio)], 0.5, None)], &rows);
        assert!(log.orders.is_empty() && log.why("A").contains("ratio"), "{}", log.why("A"));
    }
}

#[test]
fn without_equity_everything_is_closed() {
    // Short 100 at 10 with 1000; at 25 the equity is -500.
    let (e, log) = simple(
        vec![(1, vec![("A", 1.0)], -1.0, None), (3, vec![("A", 1.0)], -0.9, None)],
        &[("A", bar(10.0)), ("A", bar(10.0)), ("A", bar(25.0)), ("A", bar(25.0))],
    );
    assert_eq!(log.ordered(), ["A Sell 100", "A Buy 100"]);
    assert_eq!((held(&e, "A"), e.engine().ledger().portfolio().equity().to_string()), ("0".into(), "-500".into()));
}

#[test]
fn an_order_told_to_wait_is_decided_again_at_the_next_price() {
    let p = Pipeline {
        strategies: vec![strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None)])],
        pretrade: vec![Named::of(Box::new(Says(String::new(), 0)))],
        ..Pipeline::default()
    };
    let (_, log) = run(
        p,
        on_signal(),
        0,
        &[("A", bar(10.0)), ("B", bar(1.0)), ("A", bar(10.0)), ("A", bar(10.0)), ("A", bar(10.0))],
    );
    let times: Vec<i64> = log.decisions.iter().map(|d| d.time.nanos()).collect();
    assert_eq!((times, log.orders.len()), (vec![1_000, 3_000, 4_000], 1));
}

#[test]
fn sales_pay_for_purchases_at_the_close() {
    // All of A into all of B at one close, without borrowing.
    let p = Pipeline {
        strategies: vec![strategy(
            "s",
            vec![(1, vec![("B", 1.0)], 1.0, None), (4, vec![("B", 1.0)], 0.0, None), (4, vec![("A", 1.0)], 1.0, None)],
        )],
        ..Pipeline::default()
    };
    let exchange = Exchange::new(ExchangeConfig { leverage: 1.0, ..free() }).unwrap();
    let mut engine = Engine::new(EngineConfig::default(), p, "1000".parse().unwrap(), Time::MIN)
        .map(|e| Backtest::new(e, exchange))
        .unwrap();
    let mut log = Log::default();
    let day = [("B", bar(10.0)), ("A", bar(10.0)), ("", MarketData::SessionClose)];
    for e in events(&day.iter().cycle().take(9).cloned().collect::<Vec<_>>()) {
        engine.event(&e, &mut log).unwrap();
    }
    assert_eq!((held(&engine, "A"), held(&engine, "B")), ("100".into(), "0".into()));
}

#[test]
fn two_strategies_of_one_name_are_refused() {
    let p = Pipeline { strategies: vec![strategy("s", vec![]), strategy("s", vec![])], ..Pipeline::default() };
    let exchange = Exchange::new(free()).unwrap();
    assert!(Engine::new(on_signal(), p, Cash::ZERO, Time::MIN).map(|e| Backtest::new(e, exchange)).is_err());
}

/// Holds every report back for some events, the order's end before its fills, and repeats them.
#[derive(Serialize, Deserialize)]
struct Late {
    inner: Exchange,
    held_back: Vec<BrokerReport>,
    events: u32,
}
impl Venue for Late {
    fn submit(&mut self, order: ApprovedOrder, view: &View<'_>) {
        self.inner.submit(order, view);
    }
    fn submit_group(&mut self, group: ApprovedGroup, view: &View<'_>) {
        self.inner.submit_group(group, view);
    }
    fn replace(&mut self, order: ApprovedOrder, attempt: u8, view: &View<'_>) {
        self.inner.replace(order, attempt, view);
    }
    fn cancel(&mut self, order: OrderId, now: Time) {
        self.inner.cancel(order, now);
    }
    fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Vec<BrokerReport>) -> Result<(), BadInput> {
        let mut fresh = Vec::new();
        self.inner.on_event(e, view, &mut fresh)?;
        self.held_back.extend(fresh);
        self.events += 1;
        // Ends go through at once, fills every third event and twice.
        let fill = |r: &BrokerReport| matches!(r.said, Said::Progress(_));
        out.extend(self.held_back.extract_if(.., |r| !fill(r)));
        if self.events.is_multiple_of(3) {
            out.extend(self.held_back.iter().rev().cloned());
            out.append(&mut self.held_back);
        }
        Ok(())
    }
}

#[test]
fn an_order_is_not_repeated_because_its_fills_are_reported_after_its_end() {
    let told: Script<'_> = (1..12).map(|row| (row, vec![("A", 1.0)], 0.5, None)).collect();
    let p = Pipeline { strategies: vec![strategy("s", told)], ..Pipeline::default() };
    let mut exchange = free();
    exchange.costs.slippage.max_participation = Some(0.1);
    let late = Late { inner: Exchange::new(exchange).unwrap(), held_back: vec![], events: 0 };
    let mut engine =
        Engine::new(on_signal(), p, "1000".parse().unwrap(), Time::MIN).map(|e| Backtest::new(e, late)).unwrap();
    let mut log = Log::default();
    let mut rows: Vec<(&str, MarketData)> = (0..14)
        .map(|_| {
            let mut b = Bar::close_only("10".parse().unwrap());
            b.volume = "200".parse().ok();
            ("A", MarketData::Bar(b))
        })
        .collect();
    // A split ends the order after its first part, whose fill is reported later.
    rows.insert(2, ("A", act(CorporateAction::Split { numerator: 1, denominator: 1 })));
    for e in events(&rows) {
        engine.event(&e, &mut log).unwrap();
    }
    assert_eq!(engine.engine().ledger().portfolio().quantity(symbol("A")).to_string(), "50");
    let bought: f64 = log.orders.iter().filter(|o| o.side == Side::Buy).map(|o| o.quantity.to_f64()).sum();
    assert!(log.orders.iter().all(|o| o.side == Side::Buy) && bought == 80.0, "{:?}", log.ordered());
}

#[test]
fn the_opening_print_is_the_first_trade_or_bar_and_not_a_quote() {
    let style = EngineConfig { order_style: OrderStyle::MarketOnOpen, ..on_signal() };
    let quote = || {
        let one = "1".parse().unwrap();
        MarketData::Quote(Quote { bid: "9".parse().unwrap(), ask: "9".parse().unwrap(), bid_size: one, ask_size: one })
    };
    let trade =
        |p: &str| MarketData::Trade(Trade { price: p.parse().unwrap(), size: "1".parse().unwrap(), buyer: None });
    let told = || vec![(1, vec![("A", 1.0)], 0.5, None)];
    let one = |script| Pipeline { strategies: vec![strategy("s", script)], ..Pipeline::default() };
    let rows =
        [("A", bar(10.0)), ("", MarketData::SessionOpen), ("A", quote()), ("A", trade("12")), ("A", trade("13"))];
    let (_, log) = run(one(told()), style.clone(), 0, &rows);
    let fills: Vec<String> = log
        .reports
        .iter()
        .filter_map(|r| if let OrderReport::Filled(f) = r { Some(f.price.to_string()) } else { None })
        .collect();
    assert_eq!(fills, ["12"]);
    // A session without a print of the symbol ends it: the next session's opening is another.
    let rows = [
        ("A", bar(10.0)),
        ("", MarketData::SessionOpen),
        ("B", bar(1.0)),
        ("", MarketData::SessionClose),
        ("", MarketData::SessionOpen),
        ("A", trade("12")),
    ];
    let (e, log) = run(one(told()), style, 0, &rows);
    assert!(log.reports.iter().any(|r| matches!(r, OrderReport::Expired { .. })) && held(&e, "A") == "0");
}

#[test]
fn an_order_decided_within_a_bar_sees_only_its_close() {
    // A trade within the bar must not make the bar's open, before the decision, a price to fill at.
    let full = |o: f64, c: f64| {
        let p = |x: f64| Price::from_f64(x).unwrap();
        MarketData::Bar(Bar::new(Some(p(o)), Some(p(o.max(c))), Some(p(o.min(c))), p(c), None).unwrap())
    };
    let trade = MarketData::Trade(Trade { price: "11".parse().unwrap(), size: "1".parse().unwrap(), buyer: None });
    let (e, log) = simple(
        vec![(2, vec![("A", 1.0)], 0.5, None)],
        &[("A", full(10.0, 10.0)), ("A", trade), ("A", full(10.0, 12.0))],
    );
    let price =
        log.reports.iter().find_map(|r| if let OrderReport::Filled(f) = r { Some(f.price.to_string()) } else { None });
    assert_eq!((price.as_deref(), held(&e, "A").as_str()), (Some("12"), "45.454545454"));
}

#[test]
fn a_jump_lends_nothing_and_fees_are_paid_from_equity() {
    // 80 at 10, then the price halves: equity 600, and 0.9 of the equity before would be 180 shares more. Without borrowing that is refused.
    let told = vec![(1, vec![("A", 1.0)], 0.8, None), (3, vec![("A", 1.0)], 1.0, None)];
    let p = || Pipeline { strategies: vec![strategy("s", told.clone())], ..Pipeline::default() };
    let go = |exchange: ExchangeConfig, rows: &[(&str, MarketData)]| {
        let mut engine = Engine::new(on_signal(), p(), "1000".parse().unwrap(), Time::MIN)
            .map(|e| Backtest::new(e, Exchange::new(exchange).unwrap()))
            .unwrap();
        for e in events(rows) {
            engine.event(&e, &mut ()).unwrap();
        }
        engine
    };
    let cash = ExchangeConfig { leverage: 1.0, ..free() };
    let flat: Vec<_> = (0..4).map(|_| ("A", bar(10.0))).collect();
    assert_eq!(go(cash.clone(), &flat).engine().ledger().portfolio().cash().to_string(), "0");
    let mut dear = cash.clone();
    dear.costs.commission = Commission { per_share: 0.01, ..Commission::NONE };
    // All of it and a fee on top is more than there is.
    let e = go(dear, &flat);
    assert!(e.engine().ledger().portfolio().cash() >= Cash::ZERO, "{}", e.engine().ledger().portfolio().cash());
    // With leverage two: long 160 at 10, equity 1000; at 6 equity is 360 and twice that is less than what is held.
    let two = ExchangeConfig { leverage: 2.0, ..free() };
    let told =
        vec![(1, vec![("A", 1.0)], 1.0, None), (3, vec![("A", 0.8)], 1.0, None), (4, vec![("B", 1.0)], 0.8, None)];
    let p = Pipeline { strategies: vec![strategy("s", told)], ..Pipeline::default() };
    let mut engine = Engine::new(on_signal(), p, "1000".parse().unwrap(), Time::MIN)
        .map(|e| Backtest::new(e, Exchange::new(two).unwrap()))
        .unwrap();
    for e in events(&[
        ("A", bar(10.0)),
        ("A", bar(10.0)),
        ("B", bar(10.0)),
        ("A", bar(10.0)),
        ("B", bar(10.0)),
        ("A", bar(6.0)),
    ]) {
        engine.event(&e, &mut ()).unwrap();
    }
    let p = engine.engine().ledger().portfolio();
    assert!(p.gross() <= 2.0, "{}", p.gross());
}
