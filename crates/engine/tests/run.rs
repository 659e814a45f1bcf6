//! Whole runs of the engine on synthetic sessions: fills, restarts, rejects, corporate actions.

use tradewind_core_types::testkit::{Rng, daily_events};
use tradewind_core_types::{
    Adjust, Adjustment, Alpha, BadInput, Bar, Cash, CorporateAction, Decision, Event, Fill, MarketData, Notice, Order,
    OrderReport, Origin, Outcome, Overlay, Plugin, Price, Signal, Signals, StrategyId, Symbol, Time, View,
};
use tradewind_engine::builtin::{BaseSize, BuyAndHold, CrossoverParams, LimitsParams, OrderLimitsParams};
use tradewind_engine::{
    Backtest, Costs, Engine, EngineConfig, Exchange, ExchangeConfig, Merge, Named, OrderStyle, Pipeline, Recorder,
    Schedule, SessionRecord, Strategy, VecSource,
};

#[derive(Default)]
struct Log {
    decisions: Vec<Decision>,
    orders: Vec<Order>,
    reports: Vec<OrderReport>,
    equity: Vec<Cash>,
}

impl Log {
    fn fills(&self) -> Vec<Fill> {
        self.reports.iter().filter_map(|r| if let OrderReport::Filled(f) = r { Some(*f) } else { None }).collect()
    }
}

impl Recorder for Log {
    fn decision(&mut self, d: &Decision) -> Result<(), String> {
        self.decisions.push(d.clone());
        Ok(())
    }
    fn order(&mut self, o: &Order) -> Result<(), String> {
        self.orders.push(o.clone());
        Ok(())
    }
    fn report(&mut self, r: &OrderReport, _: Cash) -> Result<(), String> {
        self.reports.push(r.clone());
        Ok(())
    }
    fn session(&mut self, s: &SessionRecord<'_>) -> Result<(), String> {
        self.equity.push(s.portfolio.equity());
        Ok(())
    }
}

fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}

/// Halves exposure in every second session: state that must survive a restart.
#[derive(serde::Serialize, serde::Deserialize, Default)]
struct Alternate(u64);
impl Plugin for Alternate {
    fn id(&self) -> &'static str {
        "alternate"
    }
    fn observe(&mut self, e: &Event, _: &View<'_>) -> Result<(), BadInput> {
        self.0 += u64::from(matches!(e.data, MarketData::SessionClose));
        Ok(())
    }
}
impl Overlay for Alternate {
    fn exposure(&mut self, _: Symbol, _: &View<'_>) -> Adjustment {
        Adjustment::new(Adjust::Scale(if self.0.is_multiple_of(2) { 0.5 } else { 1.0 }), "every second session")
    }
}

fn engine(style: OrderStyle, costs: Costs) -> Backtest<Exchange> {
    let strategy = |name: &str, alpha: Box<dyn Alpha>, base: f64| Strategy {
        sizers: vec![Named::of(Box::new(BaseSize(base)))],
        overlays: vec![0],
        ..Strategy::new(StrategyId::new(name).unwrap(), alpha)
    };
    let pipeline = Pipeline {
        strategies: vec![
            strategy("trend", Box::new(CrossoverParams { fast: 3, slow: 8 }.build().unwrap()), 0.15),
            strategy("hold", Box::new(BuyAndHold::new(vec![(symbol("SPY"), 1.0)])), 0.3),
        ],
        overlays: vec![Named::of(Box::new(Alternate::default()))],
        limits: Some(LimitsParams { symbol: 0.4, gross: 0.9, ..LimitsParams::default() }.build().unwrap()),
        pretrade: vec![Named::of(Box::new(OrderLimitsParams::default().build().unwrap()))],
        ..Pipeline::default()
    };
    let exchange = Exchange::new(ExchangeConfig { costs, ..ExchangeConfig::default() }).unwrap();
    let config = EngineConfig { order_style: style, ..EngineConfig::default() };
    Engine::new(config, pipeline, "100000".parse().unwrap(), Time::MIN).map(|e| Backtest::new(e, exchange)).unwrap()
}

fn merge(events: &[Event]) -> Merge {
    Merge::new(vec![Box::new(VecSource::new(events.to_vec()))]).unwrap()
}

fn run(style: OrderStyle, events: &[Event]) -> (Backtest<Exchange>, Log) {
    let (mut e, mut log) = (engine(style, Costs::default()), Log::default());
    assert!(e.run(&mut merge(events), None, &mut log).unwrap());
    (e, log)
}

#[test]
fn every_decision_multiplies_out_and_every_order_fills_later() {
    for style in [OrderStyle::MarketOnClose, OrderStyle::MarketOnOpen, OrderStyle::Market] {
        let events = daily_events(5, 120);
        let (e, log) = run(style, &events);
        assert!(log.orders.len() > 100, "{style:?}: {}", log.orders.len());
        for d in &log.decisions {
            d.verify().unwrap();
            if let Outcome::Ordered(id) = d.outcome {
                let o = log.orders.iter().find(|o| o.id == id).unwrap();
                assert_eq!(d.sizing.unwrap().delta(), o.signed());
            }
        }
        let fills = log.fills();
        assert!(!fills.is_empty());
        for f in &fills {
            let o = log.orders.iter().find(|o| o.id == f.order).unwrap();
            assert!(f.time > o.time, "{style:?}: filled at or before its decision");
            assert_eq!((f.symbol, f.side), (o.symbol, o.side));
        }
        // Every order ends: filled, or reported otherwise (those of the last session are still working).
        let last = log.orders.last().unwrap().time;
        for o in log.orders.iter().filter(|o| o.time < last) {
            let ended = log.reports.iter().any(|r| match r {
                OrderReport::Filled(f) => f.order == o.id,
                OrderReport::Rejected { order, .. } | OrderReport::Expired { order, .. } => *order == o.id,
                _ => false,
            });
            assert!(ended, "{style:?}: {o:?}");
        }
        e.engine().ledger().portfolio().reconcile().unwrap();
    }
}

#[test]
fn on_close_orders_fill_at_the_official_close_of_the_next_session() {
    let events = daily_events(5, 60);
    let (_, log) = run(OrderStyle::MarketOnClose, &events);
    let close = |time: Time, s: Symbol| {
        events.iter().find_map(|e| match e.data {
            MarketData::Bar(b) if e.time == time && e.symbol == Some(s) => Some(b.close.to_f64()),
            _ => None,
        })
    };
    for f in log.fills() {
        let reference = close(f.time, f.symbol).unwrap();
        let worse =
            (f.price.to_f64() / reference - 1.0) * if f.side == tradewind_core_types::Side::Buy { 1e4 } else { -1e4 };
        assert!((worse - 1.5).abs() < 1e-3 && (f.slippage_bps - 1.5).abs() < 1e-12, "{worse}");
    }
}

#[test]
fn same_hash_twice_and_restored_at_ten_random_events() {
    let events = daily_events(5, 120);
    let (whole, log) = run(OrderStyle::Market, &events);
    let hash = whole.engine().ledger().hash();
    assert_eq!(run(OrderStyle::Market, &events).0.engine().ledger().hash(), hash);
    let mut rng = Rng(3);
    for _ in 0..10 {
        let stop = rng.next_u64() % events.len() as u64;
        let (mut first, mut kept) = (engine(OrderStyle::Market, Costs::default()), Log::default());
        assert!(!first.run(&mut merge(&events), Some(stop), &mut kept).unwrap());
        let saved = first.save().unwrap();
        drop(first);
        let mut second = engine(OrderStyle::Market, Costs::default());
        second.load(&saved).unwrap();
        assert_eq!(second.save().unwrap(), saved, "restoring loses nothing");
        let mut rest = merge(&events);
        rest.skip(second.engine().events()).unwrap();
        assert!(second.run(&mut rest, None, &mut kept).unwrap());
        assert_eq!(second.engine().ledger().hash(), hash, "stopped after event {stop}");
        assert_eq!(kept.decisions, log.decisions);
    }
    let mut other = engine(OrderStyle::Market, Costs::default());
    assert!(other.load(b"rubbish").is_err());
}

#[test]
fn a_changed_future_leaves_the_past() {
    let (a, b) = (daily_events(5, 120), daily_events(6, 120));
    let (_, whole) = run(OrderStyle::MarketOnClose, &a);
    for cut in [300, 701, 1000] {
        let mut mixed = a[..cut].to_vec();
        mixed.extend_from_slice(&b[cut..]);
        let (_, other) = run(OrderStyle::MarketOnClose, &mixed);
        // The instant that the cut splits may differ; everything before it may not.
        let before = a[cut].time;
        let past = |log: &Log| log.decisions.iter().filter(|d| d.time < before).cloned().collect::<Vec<_>>();
        assert_eq!(past(&whole), past(&other), "cut at {cut}");
    }
}

/// Wants what it is told to.
#[derive(serde::Serialize, serde::Deserialize)]
struct Scripted(Vec<(u32, f64)>);
impl Plugin for Scripted {
    fn id(&self) -> &'static str {
        "scripted"
    }
}
impl Alpha for Scripted {
    fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        if let (MarketData::Bar(_), Some(s)) = (&e.data, e.symbol) {
            for (row, score) in &self.0 {
                if *row == e.origin.row {
                    out.push(Signal::new(view.now, s, *score, 1.0, "as told")?);
                }
            }
        }
        Ok(())
    }
}

fn scripted(script: Vec<(u32, f64)>, exchange: ExchangeConfig, config: EngineConfig) -> Backtest<Exchange> {
    let pipeline = Pipeline {
        strategies: vec![Strategy::new(StrategyId::new("s").unwrap(), Box::new(Scripted(script)))],
        ..Pipeline::default()
    };
    Engine::new(config, pipeline, "1000".parse().unwrap(), Time::MIN)
        .map(|e| Backtest::new(e, Exchange::new(exchange).unwrap()))
        .unwrap()
}

fn events(rows: &[(&str, MarketData)]) -> Vec<Event> {
    rows.iter()
        .enumerate()
        .map(|(i, (s, data))| Event {
            time: Time::from_nanos(1_000 * (i as i64 + 1)),
            symbol: (!s.is_empty()).then(|| symbol(s)),
            origin: Origin { source: 0, row: i as u32 + 1 },
            data: data.clone(),
        })
        .collect()
}

fn close(x: f64) -> MarketData {
    MarketData::Bar(Bar::close_only(Price::from_f64(x).unwrap()))
}

fn free() -> ExchangeConfig {
    let costs = Costs { slippage: tradewind_engine::Slippage::NONE, commission: tradewind_engine::Commission::NONE };
    ExchangeConfig { costs, ..ExchangeConfig::default() }
}

fn on_signal() -> EngineConfig {
    EngineConfig { schedule: Schedule::Signal, order_style: OrderStyle::Market, ..EngineConfig::default() }
}

#[test]
fn by_hand() {
    // Buys 5 at 110 (decided at 100 for half of 1000), then sells all at 90.
    let ev = events(&[("A", close(100.0)), ("A", close(110.0)), ("A", close(120.0)), ("A", close(90.0))]);
    let mut log = Log::default();
    let mut e = scripted(vec![(1, 0.5), (3, 0.0)], free(), on_signal());
    e.run(&mut merge(&ev), None, &mut log).unwrap();
    let fills: Vec<_> = log.fills().iter().map(|f| (f.quantity.to_string(), f.price.to_string())).collect();
    assert_eq!(fills, [("5".into(), "110".into()), ("5".into(), "90".into())]);
    assert_eq!(e.engine().ledger().portfolio().equity().to_string(), "900");
}

#[test]
fn splits_dividends_halts_delistings_and_shorts() {
    let act = |a| MarketData::CorporateAction(a);
    let ev = events(&[
        ("A", close(100.0)),                                                    // signal 1.0: buy 10
        ("A", close(100.0)),                                                    // filled
        ("A", act(CorporateAction::Split { numerator: 2, denominator: 1 })),    // 20 at 50
        ("A", act(CorporateAction::Dividend { amount: "1".parse().unwrap() })), // +20
        ("B", close(50.0)),                                                     // signal -1: refused later
        ("A", close(50.0)),                                                     // no borrow
        ("A", act(CorporateAction::Halt { halted: true })),
        ("A", close(50.0)), // signal 0.5: halted
        ("A", close(50.0)),
        ("A", act(CorporateAction::Delisting { price: Some("40".parse().unwrap()) })), // 20 x 40
    ]);
    let mut log = Log::default();
    let mut e = scripted(vec![(1, 1.0), (5, -1.0), (8, 0.5)], free(), on_signal());
    e.run(&mut merge(&ev), None, &mut log).unwrap();
    let rejected: Vec<String> = log
        .reports
        .iter()
        .filter_map(|r| if let OrderReport::Rejected { reason, .. } = r { Some(reason.to_string()) } else { None })
        .collect();
    assert_eq!(rejected, ["no borrow: shorting is not allowed for this symbol", "halted"]);
    assert_eq!(e.engine().ledger().portfolio().equity().to_string(), "820");
    assert!(e.engine().ledger().portfolio().position(symbol("A")).is_none());
    e.engine().ledger().portfolio().reconcile().unwrap();
}

#[test]
fn no_cash_is_a_reject_and_not_a_debt() {
    let ev = events(&[("A", close(100.0)), ("A", close(101.0)), ("A", close(101.0))]);
    let mut log = Log::default();
    let mut e = scripted(vec![(1, 1.0)], free(), on_signal());
    e.run(&mut merge(&ev), None, &mut log).unwrap();
    let text = format!("{:?}", log.reports);
    assert!(text.contains("NoCash"), "{text}");
    assert_eq!(e.engine().ledger().portfolio().equity().to_string(), "1000");
    let mut margin = scripted(vec![(1, 1.0)], ExchangeConfig { leverage: 2.0, ..free() }, on_signal());
    margin.run(&mut merge(&ev), None, &mut ()).unwrap();
    assert_eq!(margin.engine().ledger().portfolio().cash().to_string(), "-10");
}

#[test]
fn partial_fills_follow_the_volume() {
    let bar = |v: &str| {
        let mut b = Bar::close_only("100".parse().unwrap());
        b.volume = Some(v.parse().unwrap());
        MarketData::Bar(b)
    };
    let ev = events(&[("A", bar("100")), ("A", bar("20")), ("A", bar("30")), ("A", bar("1000"))]);
    let mut exchange = free();
    exchange.costs.slippage.max_participation = Some(0.1);
    let mut log = Log::default();
    let mut e = scripted(vec![(1, 1.0)], exchange, on_signal());
    e.run(&mut merge(&ev), None, &mut log).unwrap();
    let sizes: Vec<String> = log.fills().iter().map(|f| f.quantity.to_string()).collect();
    assert_eq!(sizes, ["2", "3", "5"]);
}

#[test]
fn bad_settings_and_backward_time_are_refused() {
    let bad = EngineConfig { no_trade_band: f64::NAN, lot: 0.0, ..EngineConfig::default() };
    assert_eq!(bad.check().unwrap_err().0.len(), 2);
    let mut ev = events(&[("A", close(100.0)), ("A", close(110.0))]);
    ev.swap(0, 1);
    let mut e = scripted(vec![], free(), on_signal());
    assert!(e.event(&ev[0], &mut ()).is_ok());
    let err = e.event(&ev[1], &mut ()).unwrap_err();
    assert!(err.to_string().contains("time goes backwards"), "{err}");
}

/// Keeps what is told.
#[derive(Default)]
struct Told(Vec<String>);
impl Recorder for Told {
    fn notice(&mut self, n: &Notice) -> Result<(), String> {
        self.0.push(format!("{}: {}", n.who, n.text));
        Ok(())
    }
}

#[test]
fn a_run_without_session_closes_says_that_it_decides_nothing() {
    let events = daily_events(5, 10);
    let told = |events: &[Event], schedule: Schedule| {
        let config = EngineConfig { schedule, ..EngineConfig::default() };
        let engine = Engine::new(config, Pipeline::default(), "1000".parse().unwrap(), Time::MIN).unwrap();
        let exchange = Exchange::new(ExchangeConfig::default()).unwrap();
        let mut told = Told::default();
        Backtest::new(engine, exchange).run(&mut merge(events), None, &mut told).unwrap();
        told.0
    };
    let closeless: Vec<Event> =
        events.iter().filter(|e| !matches!(e.data, MarketData::SessionClose)).cloned().collect();
    let said = told(&closeless, Schedule::SessionClose);
    assert!(
        said.len() == 1 && said[0].starts_with("engine: no session closed") && said[0].contains("calendar"),
        "{said:?}"
    );
    assert_eq!(told(&closeless, Schedule::Signal), Vec::<String>::new());
    assert_eq!(told(&events, Schedule::SessionClose), Vec::<String>::new());
    assert_eq!(told(&[], Schedule::SessionClose), Vec::<String>::new());
}
