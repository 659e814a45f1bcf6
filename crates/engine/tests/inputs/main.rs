//! Inputs that are no market events: timers, commands, the clock; and runs replayed from their journals.

mod reports;

use serde::{Deserialize, Serialize};
use tradewind_core_types::*;
use tradewind_engine::{
    Backtest, Command, Commission, Costs, Effect, Effects, Engine, EngineConfig, EngineError, Exchange, ExchangeConfig,
    Frame, Given, Input, InputRef, Instruction, JournalReader, JournalWriter, KillSwitchParams, Merge, Named, Obeyed,
    OrderStyle, Pipeline, Recorder, ReplayError, Schedule, Shorting, Slippage, Stamped, Strategy, TradingState,
    VecSource, dispatch, replay,
};

/// Keeps records, and a journal of everything.
struct Log {
    decisions: Vec<Decision>,
    orders: Vec<Order>,
    fills: Vec<Fill>,
    obeyed: Vec<(Time, String, Obeyed)>,
    timers: Vec<Time>,
    journal: JournalWriter<Vec<u8>>,
}
impl Log {
    fn new() -> Self {
        let journal = JournalWriter::new(Vec::new()).unwrap();
        Self { decisions: vec![], orders: vec![], fills: vec![], obeyed: vec![], timers: vec![], journal }
    }
    fn frames(self) -> Vec<Frame> {
        let bytes = self.journal.finish().unwrap();
        JournalReader::new(bytes.as_slice()).unwrap().map(Result::unwrap).collect()
    }
    fn said(&self) -> Vec<String> {
        self.decisions.iter().map(|d| format!("{} {} {:?}", nanos(d.time), d.symbol, d.outcome)).collect()
    }
}
impl Recorder for Log {
    fn input(&mut self, x: &Given<'_>) -> Result<(), String> {
        if let InputRef::Timer(_) = x.input {
            self.timers.push(x.received);
        }
        self.journal.input(x).map_err(|e| e.to_string())
    }
    fn effect(&mut self, effect: &Effect, portfolio: &Portfolio) -> Result<(), String> {
        self.journal.write(&Frame::of(effect)?).map_err(|e| e.to_string())?;
        dispatch(self, effect, portfolio)
    }
    fn decision(&mut self, d: &Decision) -> Result<(), String> {
        d.verify().unwrap();
        self.decisions.push(d.clone());
        Ok(())
    }
    fn order(&mut self, o: &Order) -> Result<(), String> {
        self.orders.push(o.clone());
        Ok(())
    }
    fn report(&mut self, r: &OrderReport, _: Cash) -> Result<(), String> {
        if let OrderReport::Filled(f) = r {
            self.fills.push(*f);
        }
        Ok(())
    }
    fn command(&mut self, time: Time, c: &Command, obeyed: &Obeyed) -> Result<(), String> {
        self.obeyed.push((time, c.id.clone(), obeyed.clone()));
        Ok(())
    }
}

fn nanos(t: Time) -> i64 {
    t.nanos()
}
fn at(n: i64) -> Time {
    Time::from_nanos(n)
}
fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}

/// Gives a signal at rows: score, and when it expires in nanoseconds.
#[derive(Clone, Serialize, Deserialize)]
struct Told(Vec<(u32, f64, Option<i64>)>);
impl Plugin for Told {
    fn id(&self) -> &'static str {
        "told"
    }
}
impl Alpha for Told {
    fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        for (_, score, expires) in self.0.iter().filter(|t| t.0 == e.origin.row) {
            let mut s = Signal::new(view.now, symbol("A"), *score, 1.0, "as told")?;
            s.expires = expires.map(at);
            out.push(s);
        }
        Ok(())
    }
}

/// Waits for a price of at least this.
#[derive(Serialize, Deserialize)]
struct Patient(f64);
impl Plugin for Patient {
    fn id(&self) -> &'static str {
        "patient"
    }
}
impl PreTrade for Patient {
    fn check(&mut self, order: &Order, view: &View<'_>) -> (Verdict, Adjustment) {
        let fine = view.market.price(order.symbol).is_some_and(|p| p.to_f64() >= self.0);
        let verdict = if fine { Verdict::Send } else { Verdict::Wait };
        (verdict, Adjustment::new(if fine { Adjust::Keep } else { Adjust::Veto }, "price"))
    }
}

fn events(rows: &[(i64, Option<f64>)]) -> Vec<Event> {
    let row = |(i, (time, price)): (usize, &(i64, Option<f64>))| Event {
        time: at(*time),
        symbol: price.map(|_| symbol("A")),
        origin: Origin { source: 0, row: i as u32 + 1 },
        data: match price {
            Some(p) => MarketData::Bar(Bar::close_only(Price::from_f64(*p).unwrap())),
            None => MarketData::SessionClose,
        },
    };
    rows.iter().enumerate().map(row).collect()
}

fn on_signal() -> EngineConfig {
    EngineConfig { schedule: Schedule::Signal, order_style: OrderStyle::Market, ..EngineConfig::default() }
}
fn start(config: EngineConfig, script: &[(u32, f64, Option<i64>)], patience: Option<f64>) -> Backtest<Exchange> {
    let costs = Costs { slippage: Slippage::NONE, commission: Commission::NONE };
    let exchange = ExchangeConfig { costs, leverage: 2.0, shorting: Shorting::All };
    let pipeline = Pipeline {
        strategies: vec![Strategy::new(StrategyId::new("s").unwrap(), Box::new(Told(script.to_vec())))],
        pretrade: patience.map(|p| Named::<dyn PreTrade>::of(Box::new(Patient(p)))).into_iter().collect(),
        ..Pipeline::default()
    };
    let engine = Engine::new(config, pipeline, "1000".parse().unwrap(), Time::from_nanos(0)).unwrap();
    Backtest::new(engine, Exchange::new(exchange).unwrap())
}
fn play(mut run: Backtest<Exchange>, events: &[Event]) -> (Backtest<Exchange>, Log) {
    let mut log = Log::new();
    for e in events {
        run.event(e, &mut log).unwrap();
    }
    run.finish(&mut log).unwrap();
    run.engine().ledger().portfolio().reconcile().unwrap();
    (run, log)
}
fn held(run: &Backtest<Exchange>) -> String {
    run.engine().ledger().portfolio().quantity(symbol("A")).to_string()
}
fn command(id: &str, order: Instruction) -> Command {
    Command { id: id.into(), actor: "tester".into(), reason: "a test".into(), order }
}

#[test]
fn a_signal_ends_at_its_time_though_no_event_comes() {
    // Bought at 20, expires at 35; the next print, at 50, fills the sale that was decided at 35.
    let script = [(1, 0.5, Some(35))];
    let rows = events(&[(10, Some(10.0)), (20, Some(10.0)), (50, Some(12.0)), (60, Some(13.0))]);
    let (run, log) = play(start(on_signal(), &script, None), &rows);
    assert_eq!(log.timers, [at(35)]);
    let orders: Vec<_> = log.orders.iter().map(|o| (nanos(o.time), o.side, o.quantity.to_string())).collect();
    assert_eq!(orders, [(10, Side::Buy, "50".into()), (35, Side::Sell, "50".into())]);
    let fills: Vec<_> = log.fills.iter().map(|f| (nanos(f.time), f.price.to_string())).collect();
    assert_eq!(fills, [(20, "10".into()), (50, "12".into())]);
    assert_eq!(held(&run), "0");
}

#[test]
fn a_waiting_order_is_asked_again_at_every_price_and_ends_at_its_deadline_under_every_schedule() {
    for schedule in [Schedule::Signal, Schedule::SessionClose] {
        let config = EngineConfig { schedule, max_wait_seconds: 25e-9, ..on_signal() };
        // The session close at 20 decides, too.
        let rows =
            |a: f64, b: f64| events(&[(20, Some(9.0)), (20, None), (30, Some(a)), (40, Some(b)), (60, Some(10.0))]);
        let (_, log) = play(start(config.clone(), &[(1, 0.5, None)], Some(10.0)), &rows(9.5, 10.0));
        assert_eq!(log.orders.iter().map(|o| nanos(o.time)).collect::<Vec<_>>(), [40], "{schedule:?} {:?}", log.said());
        let (_, log) = play(start(config, &[(1, 0.5, None)], Some(10.0)), &rows(9.5, 9.5));
        assert!(log.orders.is_empty());
        let last = log.said().pop().unwrap();
        assert!(last.starts_with("45 A") && last.contains("waited as long as it may"), "{schedule:?} {last}");
    }
}

#[test]
fn a_price_becomes_too_old_though_no_event_comes() {
    let kill_switch = KillSwitchParams { max_price_age_days: Some(1.0), ..KillSwitchParams::default() };
    let config = EngineConfig { kill_switch, ..on_signal() };
    let day = Span::DAY.nanos();
    let rows = events(&[(10, Some(10.0)), (20, Some(10.0)), (3 * day, None)]);
    let (run, log) = play(start(config, &[(1, 0.5, None)], None), &rows);
    // The last price is of 20; a day and a nanosecond later it is too old. (At the fill, which comes before its print, it was of 10.)
    assert_eq!(log.timers, [at(day + 11), at(day + 21)]);
    let told: Vec<String> =
        log.frames().iter().filter_map(|f| if let Frame::Effect(t) = f { Some(t.clone()) } else { None }).collect();
    let notice = r#""who":"kill switch","text":"reducing: the last price of A is 1.0 days old"#;
    assert!(told.iter().any(|t| t.contains(notice)), "{told:?}");
    let changes: Vec<_> = run.engine().kill_switch().changes().iter().map(|c| (c.0, c.1)).collect();
    assert_eq!(changes, [(at(day + 21), TradingState::Reducing)]);
}

#[test]
fn commands_act_once_and_at_their_time() {
    use Instruction::{Deposit, Flatten, Reduce, Resume, Set, Withdraw};
    let cash = |s: &str| s.parse::<Cash>().unwrap();
    let set = |key: &str, value: &str| Set { key: key.into(), value: value.into() };
    let commands = vec![
        (at(15), command("1", Deposit(cash("500")))),
        (at(15), command("1", Deposit(cash("500")))),
        (at(25), command("2", Withdraw(cash("2000")))),
        (at(25), command("3", Withdraw(cash("100")))),
        (at(25), command("4", Deposit(cash("0")))),
        (at(26), command("5", set("no_trade_band", "0.25"))),
        (at(26), command("6", set("lot", "1"))),
        (at(26), command("7", set("no_trade_band", "7"))),
        (at(26), command("8", set("kill_switch.flatten", "true"))),
        (at(35), command("9", Reduce)),
        (at(45), command("10", Resume)),
        (at(65), command("11", Flatten)),
    ];
    // Half of 1000 at 10 is 50; 0.7 of 1400 would be 98, but the state is reducing; then it may; a flatten sells all.
    let script = [(1, 0.5, None), (4, 0.7, None), (5, 0.7, None)];
    let prices = [10, 20, 30, 40, 50, 60, 70, 80].map(|t| (t, Some(10.0)));
    let (run, log) = play(start(on_signal(), &script, None).with_commands(commands), &events(&prices));
    let refused: Vec<&str> =
        log.obeyed.iter().filter(|o| matches!(o.2, Obeyed::Refused(_))).map(|o| o.1.as_str()).collect();
    assert_eq!(refused, ["2", "4", "6", "7"]);
    assert_eq!(log.obeyed.iter().filter(|o| o.2 == Obeyed::Repeated).count(), 1);
    assert_eq!(log.obeyed[0].0, at(15));
    let orders: Vec<_> = log.orders.iter().map(|o| (nanos(o.time), o.side, o.quantity.to_string())).collect();
    assert_eq!(orders, [(10, Side::Buy, "50".into()), (50, Side::Buy, "48".into()), (65, Side::Sell, "98".into())]);
    let p = run.engine().ledger().portfolio();
    assert_eq!(
        (p.totals().deposits.to_string(), p.cash().to_string(), held(&run)),
        ("1400".into(), "1400".into(), "0".into())
    );
    assert_eq!(run.engine().kill_switch().state(), TradingState::Halted);
}

/// A run with everything: signals that expire, waits, deposits, halts.
fn everything() -> (Vec<Event>, Box<dyn Fn() -> Backtest<Exchange>>) {
    let script: Vec<(u32, f64, Option<i64>)> = (1..60)
        .map(|i| (3 * i, f64::from(i * 7 % 11) / 11.0 - 0.4, (i % 4 == 0).then_some(i64::from(i) * 300 + 55)))
        .collect();
    let rows: Vec<(i64, Option<f64>)> =
        (1..200).map(|i| (i * 100, (i % 20 != 0).then(|| 10.0 + (i * 37 % 17) as f64 / 10.0))).collect();
    let new = move || {
        let cash = |n: i64| Cash::from_f64(n as f64).unwrap();
        let commands = vec![
            (at(1_050), command("a", Instruction::Deposit(cash(300)))),
            (at(4_000), command("b", Instruction::Reduce)),
            (at(5_025), command("c", Instruction::Resume)),
            (at(9_001), command("d", Instruction::Flatten)),
            (at(9_500), command("d", Instruction::Resume)),
            (at(11_000), command("e", Instruction::Resume)),
            (at(12_345), command("f", Instruction::Withdraw(cash(100)))),
            (at(15_000), command("g", Instruction::Set { key: "no_trade_band".into(), value: "0.1".into() })),
        ];
        let config = EngineConfig { max_wait_seconds: 250e-9, ..on_signal() };
        start(config, &script, Some(11.0)).with_commands(commands)
    };
    (events(&rows), Box::new(new))
}

#[test]
fn a_journal_replays_to_the_same_effects_with_and_without_a_snapshot() {
    let (events, new) = everything();
    let (whole, log) = play(new(), &events);
    assert!(log.timers.len() > 10 && log.fills.len() > 20 && log.obeyed.len() == 8);
    assert!(log.said().iter().any(|s| s.contains("waited as long as it may")));
    let hash = whole.engine().ledger().hash();
    let frames = log.frames();
    let again = |engine: &mut Engine, frames: &[Frame]| replay(engine, frames.iter().cloned().map(Ok), &mut ());
    let mut engine = new().into_engine();
    again(&mut engine, &frames).unwrap();
    assert_eq!((engine.ledger().hash(), engine.seq()), (hash, whole.engine().seq()));
    // From a snapshot in the middle, with the rest of the journal.
    let mut run = new();
    events[..90].iter().for_each(|e| run.event(e, &mut ()).unwrap());
    let (saved, seq) = (run.into_engine().save().unwrap(), 0);
    let mut engine = new().into_engine();
    engine.load(&saved).unwrap();
    assert!(engine.seq() > seq);
    again(&mut engine, &frames).unwrap();
    assert_eq!(engine.ledger().hash(), hash);
    // One effect that is another, missing, or too many is noticed; and a missing input.
    let orders: Vec<usize> = (0..frames.len()).filter(|i| matches!(frames[*i], Frame::Order(_))).collect();
    let fails = |frames: &[Frame]| again(&mut new().into_engine(), frames).unwrap_err();
    let mut other = frames.clone();
    if let Frame::Order(o) = &mut other[orders[3]] {
        o.quantity += Quantity::from_nanos(1).unwrap();
    }
    assert!(matches!(fails(&other), ReplayError::Differs { was: Some(_), is: Some(_), .. }));
    other = frames.clone();
    other.remove(orders[3]);
    assert!(matches!(fails(&other), ReplayError::Differs { .. }));
    other = frames.clone();
    other.insert(orders[3], frames[orders[3]].clone());
    assert!(matches!(fails(&other), ReplayError::Differs { .. }));
    let input = (50..frames.len()).find(|i| matches!(frames[*i], Frame::Input(_))).unwrap();
    other = frames.clone();
    other.remove(input);
    assert!(matches!(fails(&other), ReplayError::Engine(EngineError::Sequence { .. }) | ReplayError::Differs { .. }));
}

#[test]
fn stopped_and_restored_after_every_event_it_is_the_same_run() {
    let (events, new) = everything();
    let (whole, log) = play(new(), &events);
    let hash = whole.engine().ledger().hash();
    for stop in 0..events.len() {
        let (mut first, mut kept) = (new(), Log::new());
        events[..stop].iter().for_each(|e| first.event(e, &mut kept).unwrap());
        let saved = first.save().unwrap();
        let mut second = new();
        second.load(&saved).unwrap();
        assert_eq!(second.save().unwrap(), saved);
        let mut rest = Merge::new(vec![Box::new(VecSource::new(events.clone()))]).unwrap();
        rest.skip(second.engine().events()).unwrap();
        assert!(second.run(&mut rest, None, &mut kept).unwrap());
        assert_eq!(second.engine().ledger().hash(), hash, "stopped after event {stop}");
        assert_eq!(kept.said(), log.said(), "stopped after event {stop}");
    }
}

#[test]
fn a_step_is_a_function_of_state_and_input() {
    let (events, new) = everything();
    let (_, log) = play(new(), &events);
    let inputs: Vec<Stamped> =
        log.frames().into_iter().filter_map(|f| if let Frame::Input(x) = f { Some(*x) } else { None }).collect();
    let mut engine = new().into_engine();
    for x in inputs {
        let before = engine.save().unwrap();
        let (mut once, mut twice) = (Effects::new(), Effects::new());
        engine.step(&x.lend(), &mut once).unwrap();
        let after = engine.save().unwrap();
        engine.load(&before).unwrap();
        engine.step(&x.lend(), &mut twice).unwrap();
        assert!(once == twice && engine.save().unwrap() == after, "{x:?}");
        let armed = once.iter().rev().find_map(|e| if let Effect::Arm(_, t) = e { Some(*t) } else { None });
        assert!(armed.is_none_or(|t| t == engine.next_wakeup().unwrap_or(Time::MAX)), "the last effect arms the timer");
    }
}

#[test]
fn inputs_come_in_order() {
    let mut engine = start(on_signal(), &[], None).into_engine();
    let mut give = |seq, time, input| {
        let x = Stamped { seq, venue_time: at(time), received: at(time), source: 0, input };
        engine.step(&x.lend(), &mut Effects::new())
    };
    give(1, 10, Input::Clock).unwrap();
    assert!(matches!(give(1, 10, Input::Clock), Err(EngineError::Sequence { seq: 1, expected: 2 })));
    assert!(matches!(give(3, 10, Input::Clock), Err(EngineError::Sequence { .. })));
    assert!(matches!(give(2, 9, Input::Clock), Err(EngineError::Backwards { .. })));
    give(2, 10, Input::Clock).unwrap();
}

#[test]
fn records_reach_the_recorder_with_the_effects() {
    let (mut run, mut log) = (start(on_signal(), &[(1, 0.5, None)], None), Log::new());
    run.event(&events(&[(10, Some(10.0))])[0], &mut log).unwrap();
    run.finish(&mut log).unwrap();
    let kinds: Vec<&str> = log
        .frames()
        .iter()
        .map(|f| match f {
            Frame::Input(_) => "input",
            Frame::Decision(_) => "decision",
            Frame::Order(_) => "order",
            Frame::Effect(_) => "effect",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["input", "input", "decision", "order", "effect"]);
}
