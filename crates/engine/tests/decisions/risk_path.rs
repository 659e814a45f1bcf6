//! Between signals and orders: exits, limited places, the smallest of several sizers, the order of rules, the kill switch, order limits.

use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use serde::{Deserialize, Serialize};
use tradewind_core_types::*;
use tradewind_engine::builtin::{BaseSize, LimitsParams, OrderLimitsParams};
use tradewind_engine::{
    Backtest, Engine, EngineConfig, Exchange, ExecutorParams, Instruction, KillSwitchParams, Named, OrderStyle,
    Pipeline, PositionParams, Shorting, Strategy, TradingState, Venue,
};

use crate::common::*;

fn exits(take_profit: f64, stop_loss: f64) -> PositionParams {
    PositionParams {
        take_profit: Some(take_profit),
        stop_loss: Some(stop_loss),
        reentry_sessions: 2,
        ..PositionParams::default()
    }
}
fn close() -> (&'static str, MarketData) {
    ("", MarketData::SessionClose)
}
fn managed(script: Script<'_>) -> Strategy {
    Strategy { managed: true, ..strategy("s", script) }
}
/// Runs managed strategies on these rows, deciding on signals and exits.
fn manage(p: PositionParams, strategies: Vec<Strategy>, rows: &[(&str, MarketData)]) -> (Backtest<Exchange>, Log) {
    let pipeline = Pipeline { strategies, ..Pipeline::default() };
    run(pipeline, EngineConfig { position: p, ..on_signal() }, 0, rows)
}
/// Reasons of one stage, in the order of the decisions.
fn said(log: &Log, stage: Stage) -> Vec<String> {
    let steps = |d: &Decision| {
        let own = d.contributions.iter().flat_map(|c| &c.steps).chain(&d.rules).chain(&d.checks);
        own.filter(|s| s.stage == stage).map(|s| s.adjustment.reason.to_string()).collect::<Vec<_>>()
    };
    log.decisions.iter().flat_map(steps).collect()
}

#[test]
fn a_stop_closes_at_once_and_stays_out_until_the_signal_turns() {
    // Long 50 at 10. At 9.6 the loss is 4 %: sold at the next price. The alpha repeats itself, and then turns.
    let long = |row| (row, vec![("A", 1.0)], 0.5, None);
    let short = |row| (row, vec![("A", 1.0)], -0.5, None);
    let prices = [10.0, 10.0, 9.9, 9.6, 9.6, 9.6, 9.6, 9.6, 9.6];
    let rows: Vec<_> = prices.iter().map(|p| ("A", bar(*p))).collect();
    let (_, log) = manage(exits(0.07, 0.03), vec![managed(vec![long(1), long(6), short(7)])], &rows);
    let sold = log.orders.iter().find(|o| o.side == Side::Sell).unwrap();
    assert_eq!((sold.time.nanos(), sold.quantity.to_string()), (4_000, "50".into()));
    let told = said(&log, Stage::Position);
    assert!(told.iter().any(|r| r == "stop loss: -4.00 % against a limit of -3.00 %"), "{told:?}");
    assert!(told.iter().any(|r| r.starts_with("out since 0 sessions: stop loss")), "{told:?}");
    // Not bought again at row 6; sold short when it turns.
    assert_eq!(log.orders.iter().filter(|o| o.side == Side::Buy).count(), 1);
    assert_eq!(log.orders.last().unwrap().time.nanos(), 7_000);
}

#[test]
fn a_profit_is_taken_and_the_same_signal_enters_again_after_some_sessions() {
    let rows = [
        ("A", bar(10.0)),
        ("A", bar(10.0)),
        ("A", bar(10.8)),
        ("A", bar(10.8)),
        close(),
        ("A", bar(10.8)),
        close(),
        ("A", bar(10.8)),
        ("A", bar(10.8)),
    ];
    let long = |row| (row, vec![("A", 1.0)], 0.5, None);
    let (_, log) = manage(exits(0.07, 0.03), vec![managed(vec![long(1), long(6), long(8)])], &rows);
    let sides: Vec<_> = log.orders.iter().map(|o| (o.side, o.time.nanos())).collect();
    // One session after the exit it is still out; after two it may come back.
    assert_eq!(sides, [(Side::Buy, 1_000), (Side::Sell, 3_000), (Side::Buy, 8_000)]);
    assert!(said(&log, Stage::Position).contains(&"take profit: 8.00 % against 7.00 %".into()));
}

#[test]
fn exits_of_the_signal_come_first_and_unmanaged_strategies_have_none() {
    #[derive(Clone, Serialize, Deserialize)]
    struct Own;
    impl Plugin for Own {
        fn id(&self) -> &'static str {
            "own"
        }
    }
    impl Alpha for Own {
        fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
            if e.origin.row == 1 {
                let mut s = Signal::new(view.now, symbol("A"), 0.5, 1.0, "own exits")?;
                (s.take_profit, s.stop_loss) = (Some(0.5), Some(0.2));
                out.push(s);
            }
            Ok(())
        }
    }
    let fall: Vec<_> = [10.0, 10.0, 9.0, 8.5, 7.9, 7.9].iter().map(|p| ("A", bar(*p))).collect();
    let own = Strategy { managed: true, ..Strategy::new(StrategyId::new("s").unwrap(), Box::new(Own)) };
    let (_, log) = manage(exits(0.07, 0.03), vec![own], &fall);
    assert_eq!(log.orders.last().unwrap().time.nanos(), 5_000, "at -21 %, not at -10 %");
    let (e, _) = manage(exits(0.07, 0.03), vec![strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None)])], &fall);
    assert_eq!(held(&e, "A"), "50");
}

#[test]
fn a_trailing_stop_follows_a_gain_and_age_ends_everything() {
    let p = PositionParams { take_profit: None, stop_loss: None, trailing_stop: Some(0.10), ..exits(1.0, 1.0) };
    // 10 to 12 and back to 10.9: 9.2 % below the best; 10.7 is 10.8 % below.
    let rows: Vec<_> = [10.0, 10.0, 12.0, 10.9, 10.7, 10.7].iter().map(|p| ("A", bar(*p))).collect();
    let script = || vec![(1, vec![("A", 1.0)], 0.5, None)];
    let (_, log) = manage(p, vec![managed(script())], &rows);
    assert_eq!(log.orders.last().unwrap().time.nanos(), 5_000);
    assert!(said(&log, Stage::Position).iter().any(|r| r.starts_with("trailing stop: 10.83 %")));
    let p = PositionParams { take_profit: None, stop_loss: None, max_age_sessions: Some(2), ..exits(1.0, 1.0) };
    let rows =
        [("A", bar(10.0)), ("A", bar(10.0)), close(), ("A", bar(10.0)), close(), ("A", bar(10.0)), ("A", bar(10.0))];
    let (e, log) = manage(p, vec![managed(script())], &rows);
    assert_eq!((log.orders.last().unwrap().time.nanos(), held(&e, "A")), (6_000, "0".into()));
    assert!(said(&log, Stage::Position).contains(&"maximum age: 2 sessions".into()));
}

#[test]
fn a_pair_is_judged_as_a_pair() {
    let pair = || vec![managed(vec![(2, vec![("A", 1.0), ("B", -1.0)], 0.4, None)])];
    // A loses 5 % and B, short, gains 5 %: nothing. Then both go wrong.
    let rows = |a: f64, b: f64| {
        let up = |x| vec![("A", bar(x)), ("B", bar(x))];
        [up(10.0), up(10.0), vec![("A", bar(a)), ("B", bar(b))], vec![("A", bar(a)), ("B", bar(b))]].concat()
    };
    let (e, _) = manage(exits(0.07, 0.03), pair(), &rows(9.5, 9.5));
    assert_eq!((held(&e, "A"), held(&e, "B")), ("40".into(), "-40".into()));
    let (e, log) = manage(exits(0.07, 0.03), pair(), &rows(9.5, 10.3));
    assert_eq!((held(&e, "A"), held(&e, "B")), ("0".into(), "0".into()), "{:?}", log.ordered());
}

#[test]
fn the_weakest_holding_gives_way_and_is_closed() {
    #[derive(Clone, Serialize, Deserialize)]
    struct Sure(Vec<(u32, Symbol, f64)>);
    impl Plugin for Sure {
        fn id(&self) -> &'static str {
            "sure"
        }
    }
    impl Alpha for Sure {
        fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
            for (_, s, c) in self.0.iter().filter(|x| x.0 == e.origin.row) {
                out.push(Signal::new(view.now, *s, 0.5, *c, "sure")?);
            }
            Ok(())
        }
    }
    let script = vec![(3, symbol("A"), 0.6), (3, symbol("B"), 0.7), (4, symbol("C"), 0.62), (5, symbol("C"), 0.66)];
    let s = Strategy { discretionary: true, ..Strategy::new(StrategyId::new("news").unwrap(), Box::new(Sure(script))) };
    let rows: Vec<_> = ["A", "B", "C"].iter().cycle().take(12).map(|s| (*s, bar(10.0))).collect();
    let config =
        EngineConfig { executor: ExecutorParams { max_positions: 2, ..ExecutorParams::default() }, ..on_signal() };
    let (e, log) = run(Pipeline { strategies: vec![s], ..Pipeline::default() }, config, 0, &rows);
    // A and B take both places at most 30 % each; C is refused at two points more and replaces A at six.
    assert_eq!(log.ordered(), ["A Buy 30", "B Buy 30", "C Buy 30", "A Sell 30"]);
    assert_eq!((held(&e, "A"), held(&e, "B"), held(&e, "C")), ("0".into(), "30".into(), "30".into()));
    let told = said(&log, Stage::Executor);
    assert!(told.iter().any(|r| r.starts_with("no free place: all 2 are taken, the weakest is A")), "{told:?}");
}

/// A role that answers what it is told.
#[derive(Clone, Serialize, Deserialize)]
struct Says {
    id: u8,
    hedge: bool,
    decay: bool,
    symbol: Symbol,
    adjust: Adjust,
}
fn says(id: u8, adjust: Adjust) -> Says {
    Says { id, hedge: false, decay: false, symbol: symbol("A"), adjust }
}
impl Plugin for Says {
    fn id(&self) -> &'static str {
        ["one", "two", "three", "four"][usize::from(self.id)]
    }
}
impl Sizer for Says {
    fn size(&mut self, strategy: StrategyId, _: &Signal, _: &View<'_>) -> Adjustment {
        assert_eq!(strategy.as_str(), "s");
        Adjustment::new(self.adjust, "as told")
    }
}
impl Rule for Says {
    fn phase(&self) -> RulePhase {
        match (self.decay, self.hedge) {
            (true, _) => RulePhase::Decay,
            (_, true) => RulePhase::Hedge,
            _ => RulePhase::Portfolio,
        }
    }
    fn apply(&mut self, targets: &[(Symbol, f64)], _: &View<'_>) -> Vec<RuleStep> {
        let mine = targets.iter().any(|t| t.0 == self.symbol) || self.hedge;
        mine.then(|| RuleStep { symbol: self.symbol, adjustment: Adjustment::new(self.adjust, "as told") })
            .into_iter()
            .collect()
    }
}
fn sized(sizers: Vec<Box<dyn Sizer>>) -> Log {
    let s = Strategy {
        sizers: sizers.into_iter().map(Named::of).collect(),
        ..strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None)])
    };
    let rows = [("A", bar(10.0)), ("A", bar(10.0))];
    run(Pipeline { strategies: vec![s], ..Pipeline::default() }, on_signal(), 0, &rows).1
}

#[test]
fn the_smallest_of_several_sizers_counts_and_the_others_say_what_they_would_allow() {
    let scale = |id, f| Box::new(says(id, Adjust::Scale(f))) as Box<dyn Sizer>;
    let log = sized(vec![Box::new(BaseSize(0.6)), scale(1, 0.2), scale(2, 0.4)]);
    assert_eq!(log.ordered(), ["A Buy 10"]);
    let steps = &log.decisions[0].contributions[0].steps;
    let adjusts: Vec<Adjust> = steps.iter().map(|s| s.adjustment.adjust).collect();
    assert_eq!(adjusts, [Adjust::Set(0.5), Adjust::Keep, Adjust::Scale(0.2), Adjust::Keep]);
    assert!(steps[3].adjustment.reason.starts_with("would allow 0.4000 of equity"), "{:?}", steps[3]);
    // One that says no counts more than any size; one that gives no fraction is not believed.
    for bad in [Adjust::Veto, Adjust::Keep, Adjust::Scale(f64::NAN), Adjust::Scale(-0.1), Adjust::Set(0.3)] {
        for sizers in [vec![Box::new(says(0, bad)) as _], vec![scale(1, 0.2), Box::new(says(0, bad))]] {
            assert!(sized(sizers).orders.is_empty(), "{bad:?}");
        }
    }
}

#[test]
fn rules_come_in_their_phases_and_limits_once_more_after_hedges() {
    let rules: Vec<Box<dyn Rule>> = vec![
        Box::new(Says { hedge: true, symbol: symbol("SPY"), ..says(0, Adjust::Add(-0.6)) }),
        Box::new(says(1, Adjust::Scale(0.9))),
        Box::new(Says { decay: true, ..says(2, Adjust::Scale(0.8)) }),
    ];
    let limits = LimitsParams { symbol: 0.5, gross: 1.0, ..LimitsParams::default() }.build().unwrap();
    let p = Pipeline {
        strategies: vec![strategy("s", vec![(2, vec![("A", 1.0)], 1.0, None)])],
        rules: rules.into_iter().map(Named::of).collect(),
        limits: Some(limits),
        ..Pipeline::default()
    };
    let rows = [("SPY", bar(10.0)), ("A", bar(10.0)), ("A", bar(10.0)), ("SPY", bar(10.0))];
    let (e, log) = run(p, on_signal(), 0, &rows);
    let of = |s: &str| log.decisions.iter().rev().find(|d| d.symbol == symbol(s)).unwrap();
    let path =
        |s: &str| of(s).rules.iter().map(|s| (s.stage.as_str(), s.plugin.as_str().to_owned())).collect::<Vec<_>>();
    let path: Vec<_> = [path("A"), path("SPY")].concat();
    let path: Vec<String> = path.into_iter().map(|(a, b)| format!("{a} {b}")).collect();
    // 1.0 decays to 0.8, 0.72, limit 0.5; the hedge of 0.6 is limited to 0.5.
    assert_eq!(path, ["decay three", "rule two", "limit limits", "hedge one", "limit limits"]);
    assert_eq!((held(&e, "A"), held(&e, "SPY")), ("50".into(), "-50".into()));
    assert_eq!(of("SPY").contributions, []);
}

#[test]
fn a_rule_that_asks_for_more_gets_nothing() {
    for (adjust, want) in [(Adjust::Scale(1.5), 0), (Adjust::Add(0.1), 0), (Adjust::Scale(1.0 + 1e-12), 1)] {
        let p = Pipeline {
            strategies: vec![strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None)])],
            rules: vec![Named::of(Box::new(says(0, adjust)))],
            ..Pipeline::default()
        };
        let (_, log) = run(p, on_signal(), 0, &[("A", bar(10.0)), ("A", bar(10.0))]);
        assert_eq!(log.orders.len(), want, "{adjust:?}");
        assert!(said(&log, Stage::Rule)[0].contains("which no rule may"), "{adjust:?}");
    }
}

fn switched(p: KillSwitchParams, script: Script<'_>, rows: &[(&str, MarketData)]) -> (Backtest<Exchange>, Log) {
    let pipeline = Pipeline { strategies: vec![strategy("s", script)], ..Pipeline::default() };
    run(pipeline, EngineConfig { kill_switch: p, ..on_signal() }, 0, rows)
}
fn drawdowns(reduce: f64, resume: f64, halt: f64) -> KillSwitchParams {
    KillSwitchParams {
        reduce_drawdown: Some(reduce),
        resume_drawdown: resume,
        halt_drawdown: Some(halt),
        ..KillSwitchParams::default()
    }
}

#[test]
fn in_a_drawdown_nothing_grows_until_it_is_over() {
    // 50 of A at 10 in 1000: at 7 the drawdown is 15 %, at 9 it is 5 %.
    let a = |row, score| (row, vec![("A", 1.0)], score, None);
    let b = |row| (row, vec![("B", 1.0)], 0.3, None);
    let rows = [
        ("A", bar(10.0)),
        ("B", bar(10.0)),
        ("A", bar(10.0)),
        close(),
        ("A", bar(7.0)),
        close(),
        ("A", bar(7.0)),
        ("B", bar(10.0)),
        ("A", bar(7.0)),
        ("A", bar(9.0)),
        close(),
        ("B", bar(10.0)),
        ("B", bar(10.0)),
    ];
    let (e, log) = switched(drawdowns(0.10, 0.06, 0.5), vec![a(1, 0.5), a(7, 0.9), b(8), a(9, 0.2), b(12)], &rows);
    let states: Vec<_> = e.engine().kill_switch().changes().iter().map(|(t, s, _)| (t.nanos(), *s)).collect();
    assert_eq!(states, [(6_000, TradingState::Reducing), (11_000, TradingState::Active)]);
    // More of A and all of B are refused, less of A is sold, and B is bought when the drawdown is over.
    let ordered: Vec<_> = log.orders.iter().map(|o| (o.time.nanos(), o.symbol, o.side)).collect();
    let want = [(1_000, "A", Side::Buy), (9_000, "A", Side::Sell), (12_000, "B", Side::Buy)];
    assert_eq!(ordered, want.map(|(t, s, side)| (t, symbol(s), side)));
    let told = said(&log, Stage::KillSwitch);
    assert!(told[0].starts_with("reducing, nothing grows: drawdown 15.0 % against a limit of 10.0 %"), "{told:?}");
    assert!(told[1].starts_with("reducing, nothing is opened"), "{told:?}");
}

#[test]
fn a_halt_closes_everything_if_told_to_and_lasts_until_the_user_says_otherwise() {
    let a = |row, score| (row, vec![("A", 1.0)], score, None);
    let rows = [
        ("A", bar(10.0)),
        ("A", bar(10.0)),
        ("A", bar(4.0)),
        close(),
        ("A", bar(4.0)),
        ("A", bar(4.0)),
        ("A", bar(10.0)),
        close(),
        ("A", bar(10.0)),
        ("A", bar(10.0)),
    ];
    for (flatten, left) in [(true, "0"), (false, "50")] {
        let p = KillSwitchParams { flatten, ..drawdowns(0.1, 0.05, 0.2) };
        let (mut e, log) = switched(p, vec![a(1, 0.5), a(5, 0.6), a(9, 0.9)], &rows);
        assert_eq!((held(&e, "A"), e.engine().kill_switch().state()), (left.into(), TradingState::Halted), "{flatten}");
        assert!(log.orders.iter().skip(1).all(|o| o.side == Side::Sell));
        e.command(command("1", "looked at it", Instruction::Resume), &mut Log::default()).unwrap();
        assert_eq!(e.engine().kill_switch().state(), TradingState::Active);
        e.command(command("2", "holiday", Instruction::Reduce), &mut Log::default()).unwrap();
        assert_eq!(
            (e.engine().kill_switch().state(), e.engine().kill_switch().reason()),
            (TradingState::Reducing, "holiday")
        );
    }
    // From the beginning, by configuration.
    let p = KillSwitchParams { state: TradingState::Halted, ..KillSwitchParams::default() };
    let (_, log) = switched(p, vec![a(1, 0.5)], &rows);
    assert!(log.orders.is_empty() && said(&log, Stage::KillSwitch)[0].contains("set by the configuration"));
}

#[test]
fn stale_prices_stop_growth() {
    let day = |n: i64| Time::from_nanos(n * Span::DAY.nanos());
    let p = Pipeline {
        strategies: vec![strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None), (4, vec![("B", 1.0)], 0.4, None)])],
        ..Pipeline::default()
    };
    let mut engine = Engine::new(on_signal(), p, "1000".parse().unwrap(), Time::MIN)
        .map(|e| Backtest::new(e, Exchange::new(free()).unwrap()))
        .unwrap();
    let mut log = Log::default();
    let rows = [("A", bar(10.0)), ("A", bar(10.0)), ("", MarketData::SessionClose), ("B", bar(10.0)), ("B", bar(10.0))];
    for (mut e, at) in events(&rows).into_iter().zip([0, 1, 9, 10, 11]) {
        e.time = day(at);
        engine.event(&e, &mut log).unwrap();
    }
    engine.finish(&mut log).unwrap();
    assert_eq!(engine.engine().kill_switch().reason(), "the last price of A is 8.0 days old");
    assert_eq!(log.ordered(), ["A Buy 50"]);
}

/// A broker whose books are wrong by one share.
#[derive(Serialize, Deserialize)]
struct Forgetful(Exchange, bool);
impl Venue for Forgetful {
    fn submit(&mut self, order: ApprovedOrder, view: &View<'_>) {
        self.0.submit(order, view);
    }
    fn submit_group(&mut self, group: ApprovedGroup, view: &View<'_>) {
        self.0.submit_group(group, view);
    }
    fn replace(&mut self, order: ApprovedOrder, attempt: u8, view: &View<'_>) {
        self.0.replace(order, attempt, view);
    }
    fn cancel(&mut self, order: OrderId, now: Time) {
        self.0.cancel(order, now);
    }
    fn on_event(&mut self, e: &Event, view: &View<'_>, reports: &mut Vec<BrokerReport>) -> Result<(), BadInput> {
        self.1 |= reports.iter().any(|r| matches!(r.said, Said::Progress(_)));
        self.0.on_event(e, view, reports)
    }
    fn statement(&self) -> Option<Vec<(Symbol, Quantity)>> {
        Some(vec![(symbol("A"), "49".parse().unwrap())])
    }
}

#[test]
fn books_that_do_not_agree_halt_trading() {
    let p = Pipeline {
        strategies: vec![strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None), (4, vec![("A", 1.0)], 0.9, None)])],
        ..Pipeline::default()
    };
    let broker = Forgetful(Exchange::new(free()).unwrap(), false);
    let mut engine =
        Engine::new(on_signal(), p, "1000".parse().unwrap(), Time::MIN).map(|e| Backtest::new(e, broker)).unwrap();
    let mut log = Log::default();
    for e in events(&[("A", bar(10.0)), ("A", bar(10.0)), close(), ("A", bar(10.0)), ("A", bar(10.0))]) {
        engine.event(&e, &mut log).unwrap();
    }
    engine.finish(&mut log).unwrap();
    assert_eq!(engine.engine().kill_switch().state(), TradingState::Halted);
    assert_eq!(
        engine.engine().kill_switch().reason(),
        "the books do not agree: the broker holds 49 of A, the ledger 50"
    );
    assert_eq!(log.ordered(), ["A Buy 50"]);
}

#[test]
fn orders_outside_market_hours_wait_for_the_open_and_say_so() {
    let rows = [
        ("", MarketData::SessionOpen),
        ("A", bar(10.0)),
        close(),
        ("A", bar(11.0)),
        ("A", bar(11.0)),
        ("", MarketData::SessionOpen),
        ("A", bar(12.0)),
    ];
    let (_, log) = simple(vec![(4, vec![("A", 1.0)], 0.5, None)], &rows);
    assert!(said(&log, Stage::PreTrade)[0].starts_with("outside market hours"), "{:?}", said(&log, Stage::PreTrade));
    let OrderReport::Filled(f) = log.reports.iter().find(|r| matches!(r, OrderReport::Filled(_))).unwrap() else {
        unreachable!()
    };
    assert_eq!((f.time.nanos(), f.price.to_string()), (7_000, "12".into()));
}

/// What the order limits say to orders of A, of which 10 are held at 10 in 1000.
struct Checked {
    check: Box<dyn PreTrade>,
    market: Market,
    portfolio: Portfolio,
    now: Time,
}
impl Checked {
    fn new(p: OrderLimitsParams) -> Self {
        let mut c = Self {
            check: Box::new(p.build().unwrap()),
            market: Market::default(),
            portfolio: Portfolio::with_cash("1000".parse().unwrap()),
            now: Time::from_nanos(1_000),
        };
        c.sees("A", bar(10.0));
        let price = Price::from_f64(10.0).unwrap();
        let ten: Quantity = "10".parse().unwrap();
        let fill = Fill {
            id: 1,
            order: OrderId(1),
            time: c.now,
            symbol: symbol("A"),
            side: Side::Buy,
            quantity: ten,
            price,
            fee: Cash::ZERO,
            slippage_bps: 0.0,
        };
        c.portfolio.fill(&fill).unwrap();
        c
    }
    fn sees(&mut self, s: &str, data: MarketData) {
        let symbol = (!s.is_empty()).then(|| symbol(s));
        let e = Event { time: self.now, symbol, origin: Origin::default(), data };
        self.market.apply(&e);
        let features = FeatureValues::default();
        let view = View::new(self.now, &self.market, &features, &self.portfolio);
        self.check.observe(&e, &view).unwrap();
    }
    fn later(&mut self, seconds: f64) {
        self.now = Time::from_nanos(self.now.nanos() + (seconds * 1e9) as i64);
    }
    fn says(&mut self, s: &str, side: Side, quantity: &str, kind: OrderKind) -> (Verdict, String) {
        let order = Order {
            id: OrderId(1),
            decision: 1,
            time: self.now,
            symbol: symbol(s),
            side,
            quantity: quantity.parse().unwrap(),
            kind,
            tif: TimeInForce::Gtc,
        };
        let features = FeatureValues::default();
        let view = View::new(self.now, &self.market, &features, &self.portfolio);
        let (verdict, a) = self.check.check(&order, &view);
        (verdict, a.reason.into_owned())
    }
    fn market(&mut self, s: &str, side: Side, quantity: &str) -> (Verdict, String) {
        self.says(s, side, quantity, OrderKind::Market)
    }
}

#[test]
fn orders_beyond_a_limit_are_held_back_and_those_that_reduce_are_not() {
    let skip =
        |what: (Verdict, String), part: &str| assert!(what.0 == Verdict::Skip && what.1.contains(part), "{what:?}");
    let sends = |what: (Verdict, String)| assert_eq!(what.0, Verdict::Send, "{what:?}");
    let mut c = Checked::new(OrderLimitsParams { max_order: 0.5, max_order_value: Some(300.0), ..Default::default() });
    skip(c.market("A", Side::Buy, "51"), "larger than the largest order allowed");
    skip(c.market("A", Side::Buy, "31"), "in dollars");
    sends(c.market("A", Side::Buy, "30"));
    skip(c.market("A", Side::Buy, "30"), "the same order was sent 0.000 seconds ago");
    c.later(1.5);
    sends(c.market("A", Side::Buy, "30"));

    let mut c = Checked::new(OrderLimitsParams { restricted: vec!["A".into()], ..Default::default() });
    skip(c.market("A", Side::Buy, "1"), "A is restricted");
    sends(c.market("A", Side::Sell, "4"));
    // Turning over is no reduction.
    skip(c.market("A", Side::Sell, "11"), "restricted");

    let mut c =
        Checked::new(OrderLimitsParams { shortable: Some(Shorting::Only(vec!["B".into()])), ..Default::default() });
    c.sees("B", bar(10.0));
    skip(c.market("A", Side::Sell, "11"), "may not be sold short");
    sends(c.market("A", Side::Sell, "10"));
    sends(c.market("B", Side::Sell, "5"));

    let mut c = Checked::new(OrderLimitsParams { buying_power: Some(1.0), ..Default::default() });
    c.sees("B", bar(10.0));
    skip(c.market("B", Side::Buy, "91"), "beyond the buying power");
    sends(c.market("B", Side::Buy, "60"));
    // 60 are on their way: with another 31 it would be 101 of 100.
    skip(c.market("B", Side::Buy, "31"), "beyond the buying power");
    sends(c.market("A", Side::Sell, "10"));
    sends(c.market("B", Side::Buy, "31"));

    let mut c = Checked::new(OrderLimitsParams { price_collar: 0.2, ..Default::default() });
    c.sees("", MarketData::SessionClose);
    c.sees("A", bar(12.5));
    skip(c.market("A", Side::Buy, "1"), "price 12.5 is too far from 10");
    sends(c.market("A", Side::Sell, "1"));
    let limit = |x: f64| OrderKind::Limit { price: Price::from_f64(x).unwrap() };
    skip(c.says("A", Side::Buy, "2", limit(16.0)), "price 16 is too far from 12.5");
    sends(c.says("A", Side::Buy, "3", limit(12.0)));
    // A split is not a jump.
    c.sees("A", act(CorporateAction::Split { numerator: 1, denominator: 2 }));
    sends(c.market("A", Side::Buy, "4"));
    let q = Quote {
        bid: Price::from_f64(9.0).unwrap(),
        ask: Price::from_f64(9.2).unwrap(),
        bid_size: Quantity::ZERO,
        ask_size: Quantity::ZERO,
    };
    c.sees("A", MarketData::Quote(q));
    c.sees("A", bar(25.0));
    skip(c.market("A", Side::Buy, "5"), "too far from 9.1");

    let mut c = Checked::new(OrderLimitsParams { max_orders_per_minute: 2, ..Default::default() });
    sends(c.market("A", Side::Buy, "1"));
    c.later(30.0);
    sends(c.market("A", Side::Buy, "2"));
    let (verdict, why) = c.market("A", Side::Buy, "3");
    assert!(verdict == Verdict::Wait && why.contains("within a minute"), "{why}");
    c.later(31.0);
    sends(c.market("A", Side::Buy, "3"));
    c.later(7.0 * 86_400.0);
    skip(c.market("A", Side::Sell, "1"), "too old");
}

#[test]
fn settings_out_of_range_are_all_named() {
    let config = EngineConfig {
        position: PositionParams { take_profit: Some(0.0), reentry_sessions: 0, ..PositionParams::default() },
        executor: ExecutorParams { max_positions: 0, max_weight: f64::NAN, margin: 2.0 },
        kill_switch: drawdowns(0.3, 0.4, 0.2),
        order_style: OrderStyle::Market,
        ..EngineConfig::default()
    };
    let e = config.check().unwrap_err().to_string();
    for field in [
        "position.take_profit",
        "position.reentry_sessions",
        "executor.max_positions",
        "executor.max_weight",
        "executor.margin",
        "kill_switch.resume_drawdown",
        "kill_switch.halt_drawdown",
    ] {
        assert!(e.contains(field), "{field} in {e}");
    }
    let wrong = OrderLimitsParams { restricted: vec!["no symbol".into()], price_collar: 0.0, ..Default::default() };
    let e = wrong.build().unwrap_err().to_string();
    assert!(e.contains("restricted") && e.contains("price_collar"), "{e}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever rules say, the result obeys all limits, hedges included, nothing but a hedge makes a position larger, and the steps multiply
    /// out to the order.
    #[test]
    fn limits_hold_whatever_the_rules_say(
        scores in proptest::collection::vec(-1.0..1.0_f64, 4),
        rules in proptest::collection::vec((0_u8..4, 0_usize..4, 0_u8..6, -2.0..2.0_f64), 0..6),
        symbol_limit in 0.05..1.0_f64, gross in 0.1..1.5_f64, net in 0.05..1.0_f64,
    ) {
        let names = ["A", "B", "C", "D"];
        let boxed = rules.iter().map(|(id, s, kind, x)| {
            let adjust = match kind {
                0 => Adjust::Scale(x.abs()),
                1 => Adjust::Cap(*x),
                2 => Adjust::Add(*x),
                3 => Adjust::Set(*x),
                4 => Adjust::Scale(f64::NAN),
                _ => Adjust::Veto,
            };
            Box::new(Says { id: *id, hedge: id % 2 == 0, decay: *id == 1, symbol: symbol(names[*s]), adjust }) as Box<dyn Rule>
        });
        let limits = LimitsParams { symbol: symbol_limit, gross, net: Some(net * gross), ..LimitsParams::default() };
        let script = names.iter().zip(&scores).map(|(s, x)| (4, vec![(*s, 1.0)], *x, None)).collect();
        let p = Pipeline {
            strategies: vec![strategy("s", script)],
            rules: boxed.map(Named::of).collect(),
            limits: Some(limits.build().unwrap()),
            ..Pipeline::default()
        };
        let rows: Vec<_> = names.iter().cycle().take(8).map(|s| (*s, bar(10.0))).collect();
        // The log verifies every decision and order.
        let (_, log) = run(p, on_signal(), 0, &rows);
        let last: Vec<&Decision> = names.iter().filter_map(|n| log.decisions.iter().rev().find(|d| d.symbol == symbol(n))).collect();
        prop_assert_eq!(last.len(), 4);
        let fits = |x: f64, limit: f64| x <= limit * (1.0 + 1e-12);
        prop_assert!(last.iter().all(|d| fits(d.weight.abs(), symbol_limit)));
        prop_assert!(fits(last.iter().map(|d| d.weight.abs()).sum(), gross));
        prop_assert!(last.iter().map(|d| d.weight).sum::<f64>().abs() <= net * gross + 1e-12);
        for d in last {
            let mut before = d.contributions.iter().map(|c| c.weight).sum::<f64>();
            for s in &d.rules {
                prop_assert!(s.stage == Stage::Hedge || s.after.abs() <= before.abs(), "{:?}", s);
                before = s.after;
            }
        }
    }
}

/// Hedges all of the net exposure with SPY, of which strategies want nothing.
#[derive(Clone, Serialize, Deserialize)]
struct Neutral;
impl Plugin for Neutral {
    fn id(&self) -> &'static str {
        "neutral"
    }
}
impl Rule for Neutral {
    fn phase(&self) -> RulePhase {
        RulePhase::Hedge
    }
    fn apply(&mut self, targets: &[(Symbol, f64)], _: &View<'_>) -> Vec<RuleStep> {
        let spy = symbol("SPY");
        // A hedge that stands is no exposure to be hedged.
        assert!(targets.iter().all(|t| t.0 != spy || t.1 == 0.0), "{targets:?}");
        let net: f64 = targets.iter().map(|t| t.1).sum();
        let adjust = if net == 0.0 { Adjust::Keep } else { Adjust::Add(-net) };
        vec![RuleStep { symbol: spy, adjustment: Adjustment::new(adjust, "neutral") }]
    }
}

#[test]
fn a_decision_on_one_symbol_decides_its_hedge_when_that_is_worth_trading_and_nothing_else() {
    let says = |row, s, x| (row, vec![(s, 1.0)], x, None);
    // 0.4 of A; 0.004 of B, which is within the no-trade band of 0.01; 0.2 of B; nothing of A, and then of B.
    let script = vec![says(4, "A", 0.4), says(5, "B", 0.004), says(6, "B", 0.2), says(8, "A", 0.0), says(10, "B", 0.0)];
    let limits = LimitsParams { symbol: 0.5, gross: 1.5, ..LimitsParams::default() }.build().unwrap();
    let p = Pipeline {
        strategies: vec![strategy("s", script)],
        rules: vec![Named::of(Box::new(Neutral))],
        limits: Some(limits),
        ..Pipeline::default()
    };
    let rows: Vec<_> = ["SPY", "A", "B"].iter().cycle().take(18).map(|s| (*s, bar(10.0))).collect();
    let (e, log) = run(p, on_signal(), 0, &rows);
    let decided: Vec<String> =
        log.decisions.iter().map(|d| format!("{} {} {:.3}", d.time.nanos() / 1_000, d.symbol, d.weight)).collect();
    let want = [
        "4 A 0.400",
        "4 SPY -0.400",
        "5 B 0.004",
        "6 B 0.200",
        "6 SPY -0.500",
        "8 A 0.000",
        "8 SPY -0.200",
        "10 B 0.000",
        "10 SPY 0.000",
    ];
    // The hedge of 0.6 is limited to 0.5; each decision has what makes smaller first.
    let mut sorted = decided.clone();
    sorted.sort_by_key(|d| d.split(' ').next().unwrap().parse::<u32>().unwrap());
    assert_eq!(sorted, want, "{decided:?}");
    assert_eq!((held(&e, "A"), held(&e, "B"), held(&e, "SPY")), ("0".into(), "0".into(), "0".into()));
}

#[test]
fn a_hedge_that_a_limit_holds_is_not_decided_again_and_again() {
    let says = |row, s, x| (row, vec![(s, 1.0)], x, None);
    // The hedge asks for 0.8, 0.75 and 0.7 and may be 0.5; then for 0.3.
    let script = vec![says(4, "A", 0.8), says(5, "B", -0.05), says(8, "B", -0.1), says(10, "A", 0.4)];
    let limits = LimitsParams { symbol: 0.8, sector: Some(0.5), gross: 1.5, ..LimitsParams::default() };
    let sectors = std::collections::BTreeMap::from([("funds".to_owned(), vec!["SPY".to_owned()])]);
    let p = Pipeline {
        strategies: vec![strategy("s", script)],
        rules: vec![Named::of(Box::new(Neutral))],
        limits: Some(LimitsParams { sectors, ..limits }.build().unwrap()),
        ..Pipeline::default()
    };
    let rows: Vec<_> = ["SPY", "A", "B"].iter().cycle().take(15).map(|s| (*s, bar(10.0))).collect();
    let (e, log) = run(p, on_signal(), 0, &rows);
    let decided: Vec<String> =
        log.decisions.iter().map(|d| format!("{} {} {:.2}", d.time.nanos() / 1_000, d.symbol, d.weight)).collect();
    assert_eq!(decided, ["4 A 0.80", "4 SPY -0.50", "5 B -0.05", "8 B -0.10", "10 A 0.40", "10 SPY -0.30"]);
    assert_eq!((held(&e, "A"), held(&e, "B"), held(&e, "SPY")), ("40".into(), "-10".into(), "-30".into()));
}

#[test]
fn a_limit_that_another_symbol_must_give_way_to_decides_only_those_it_touches() {
    let says = |row, s, x| (row, vec![(s, 1.0)], x, None);
    // A and B share a sector of 0.5, C stands alone.
    let sectors = std::collections::BTreeMap::from([("x".to_owned(), vec!["A".to_owned(), "B".to_owned()])]);
    let limits = LimitsParams { symbol: 0.5, gross: 1.5, sector: Some(0.5), sectors, ..LimitsParams::default() };
    let p = Pipeline {
        strategies: vec![strategy("s", vec![says(4, "A", 0.4), says(5, "C", 0.3), says(6, "B", 0.4)])],
        limits: Some(limits.build().unwrap()),
        ..Pipeline::default()
    };
    let rows: Vec<_> = ["A", "B", "C"].iter().cycle().take(12).map(|s| (*s, bar(10.0))).collect();
    let (e, log) = run(p, on_signal(), 0, &rows);
    let last: Vec<_> = log.decisions.iter().filter(|d| d.time.nanos() == 6_000).map(|d| d.symbol.as_str()).collect();
    assert_eq!(last, ["A", "B"]);
    assert_eq!((held(&e, "A"), held(&e, "B"), held(&e, "C")), ("25".into(), "25".into(), "30".into()));
}
