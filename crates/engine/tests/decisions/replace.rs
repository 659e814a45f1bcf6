//! An order of which less is wanted becomes smaller instead of being cancelled, and never more is filled than was approved.

use tradewind_core_types::*;
use tradewind_engine::{
    Backtest, Effect, Effects, Engine, EngineConfig, Exchange, Given, InputRef, Instruction, JournalReader,
    JournalWriter, OrderStyle, Pipeline, Recorder, TradingState, replay,
};

use crate::common::*;

/// Wants these weights of A at these rows.
fn wants(list: &[(u32, f64)]) -> Pipeline {
    let script = list.iter().map(|(row, w)| (*row, vec![("A", 1.0)], *w, None)).collect();
    Pipeline { strategies: vec![strategy("s", script)], ..Pipeline::default() }
}
fn config() -> EngineConfig {
    EngineConfig { replace: true, order_style: OrderStyle::MarketOnClose, ..on_signal() }
}
fn close() -> (&'static str, MarketData) {
    ("", MarketData::SessionClose)
}
fn outcomes(log: &Log) -> Vec<String> {
    log.decisions
        .iter()
        .map(|d| match &d.outcome {
            Outcome::Ordered(id) => format!("ordered {}", id.0),
            Outcome::NotTraded(why) => why.clone(),
        })
        .collect()
}
fn said(log: &Log) -> Vec<String> {
    log.reports
        .iter()
        .filter_map(|r| match r {
            OrderReport::Filled(f) => Some(format!("{} filled {}", f.order.0, f.quantity)),
            OrderReport::Replaced { order, attempt, quantity, .. } => {
                Some(format!("{} replaced by {attempt}: {quantity}", order.0))
            }
            OrderReport::Cancelled { order, .. } => Some(format!("{} cancelled", order.0)),
            _ => None,
        })
        .collect()
}
const ROWS: usize = 6;
fn rows() -> Vec<(&'static str, MarketData)> {
    let mut rows = vec![("A", bar(10.0)); ROWS];
    rows.push(close());
    rows
}

#[test]
fn what_is_too_large_is_replaced_by_what_is_wanted() {
    // 50 on close; at the second price 30 are wanted, at the fourth 25, of which the replacement has happened at the third.
    let (run, log) = run(wants(&[(1, 0.5), (2, 0.3), (4, 0.25)]), config(), 0, &rows());
    let smaller = |n: u32| format!("order 1 on the other side is too large: it is replaced by {n} in all");
    assert_eq!(outcomes(&log), ["ordered 1".to_owned(), smaller(30), smaller(25)]);
    assert_eq!(said(&log), ["1 replaced by 2: 30", "1 replaced by 3: 25", "1 filled 25"]);
    assert_eq!((log.ordered(), held(&run, "A")), (vec!["A Buy 50".to_owned()], "25".into()));
    // The parts of strategies follow what was filled.
    assert_eq!(run.engine().view().records.part(StrategyId::new("s").unwrap(), symbol("A")).to_string(), "25");
}

#[test]
fn nothing_is_kept_of_an_order_on_the_wrong_side_and_one_that_is_not_answered_is_waited_for() {
    // Nothing at all is wanted: cancelled.
    let (run, log) = super::common::run(wants(&[(1, 0.5), (2, 0.0)]), config(), 0, &rows());
    assert_eq!((said(&log), held(&run, "A")), (vec!["1 cancelled".to_owned()], "0".into()));
    // Less is wanted while the answer is awaited (two signals between two prices of A): cancelled, and ordered anew.
    let mut prices = rows();
    prices.insert(2, ("B", bar(1.0)));
    let (_, log) = super::common::run(wants(&[(1, 0.5), (2, 0.3), (3, 0.2)]), config(), 0, &prices);
    assert_eq!(said(&log)[0], "1 cancelled");
    assert_eq!(log.ordered(), ["A Buy 50", "A Buy 20"]);
    // More is wanted: decided again when it is known.
    let (run, log) = super::common::run(wants(&[(1, 0.5), (2, 0.3), (3, 0.4)]), config(), 0, &prices);
    let text = outcomes(&log);
    assert_eq!(text[2], "whether order 1 is replaced is not known yet: decided again then");
    assert_eq!((said(&log)[0].as_str(), held(&run, "A")), ("1 replaced by 2: 30", "40".into()));
    assert_eq!(log.ordered(), ["A Buy 50", "A Buy 10"]);
}

#[test]
fn a_check_that_holds_the_smaller_one_back_has_the_order_cancelled() {
    // Halted: the purchase may not be sent anew, not even smaller.
    let make = || {
        let engine = Engine::new(config(), wants(&[(1, 0.5), (3, 0.3)]), "1000".parse().unwrap(), Time::MIN).unwrap();
        Backtest::new(engine, Exchange::new(free()).unwrap())
            .with_commands(vec![(Time::from_nanos(1_500), command("1", "", Instruction::Halt))])
    };
    let (mut at, mut log) = (make(), Log::default());
    for e in events(&rows()) {
        at.event(&e, &mut log).unwrap();
    }
    assert_eq!((said(&log), held(&at, "A")), (vec!["1 cancelled".to_owned()], "0".into()));
}

/// Gives reports to an engine by hand, with the answers in any order.
struct Desk {
    run: Backtest<Exchange>,
    log: Log,
    now: i64,
}
impl Desk {
    /// 50 were ordered, and 30 are wanted: a replacement is asked for.
    fn new() -> Self {
        let engine = Engine::new(config(), wants(&[(1, 0.5), (2, 0.3)]), "1000".parse().unwrap(), Time::MIN).unwrap();
        let mut d = Self { run: Backtest::new(engine, Exchange::new(free()).unwrap()), log: Log::default(), now: 0 };
        for e in events(&rows()[..2]) {
            d.run.event(&e, &mut d.log).unwrap();
        }
        d.run.finish(&mut d.log).unwrap();
        d.now = d.run.engine().clock().nanos();
        d
    }
    fn say(&mut self, said: Said) {
        self.now += 1;
        let time = Time::from_nanos(self.now);
        let r = BrokerReport { order: OrderId(1), time, said };
        self.run.give(time, 0, InputRef::Report(&r), &mut self.log).unwrap();
    }
    fn fills(&mut self, from: &str, to: &str) {
        let price = "10".parse().unwrap();
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        self.say(Said::Progress(Progress { from, to, price, fee: Cash::ZERO, slippage_bps: 0.0 }));
    }
    fn replaced(&mut self, filled: &str, by: u8) {
        self.say(Said::Replaced { filled: filled.parse().unwrap(), by: Some(by) });
    }
    /// State, attempt and what is still to come; what is held, and whether trading goes on.
    fn stands(&self) -> (String, String, bool) {
        let w = self.run.engine().view().working.get(OrderId(1)).cloned();
        let order = w.map_or("over".into(), |w| format!("{:?} {} {}", w.state, w.attempt, w.remaining));
        (order, held(&self.run, "A"), self.run.engine().kill_switch().state() == TradingState::Active)
    }
    fn is(&self, order: &str, held: &str) {
        assert_eq!(self.stands(), (order.into(), held.into(), true));
    }
}

#[test]
fn answers_and_fills_in_any_order_lead_to_the_same() {
    let mut d = Desk::new();
    d.is("Accepted 1 50", "0");
    d.say(Said::PendingReplace);
    d.is("PendingReplace 1 50", "0");
    d.fills("0", "10");
    d.replaced("10", 2);
    d.is("PartiallyFilled 2 20", "10");
    // The same again, and what is older, is no news.
    d.replaced("10", 2);
    d.say(Said::PendingReplace);
    d.is("PendingReplace 2 20", "10");
    d.say(Said::ReplaceRejected("long ago".into()));
    d.is("PartiallyFilled 2 20", "10");
    d.fills("0", "30");
    d.is("over", "30");
    // A fill of before is reported after the answer.
    let mut d = Desk::new();
    d.replaced("10", 2);
    d.is("Accepted 2 30", "0");
    d.fills("10", "30");
    d.is("PartiallyFilled 2 10", "20");
    d.fills("0", "10");
    d.is("over", "30");
    // The new terms fill before the answer comes: it is over when that is known.
    let mut d = Desk::new();
    d.fills("0", "30");
    d.is("PartiallyFilled 1 20", "30");
    d.replaced("0", 2);
    d.is("over", "30");
    // All of the old one fills first.
    let mut d = Desk::new();
    d.fills("0", "50");
    d.is("PartiallyFilled 1 0", "50");
    d.say(Said::ReplaceRejected("the order is done".into()));
    d.is("over", "50");
    // Refused: it goes on, and 20 too many are decided on again. The next attempt has the next name.
    let mut d = Desk::new();
    d.say(Said::ReplaceRejected("no".into()));
    d.run.finish(&mut d.log).unwrap();
    let asked = d.run.engine().view().working.get(OrderId(1)).unwrap().replacement.clone().unwrap();
    assert_eq!((asked.attempt, asked.order.quantity.to_string().as_str(), asked.refused), (3, "30", false));
    // It ends while the answer is awaited.
    for said in [Said::Cancelled { filled: Quantity::ZERO }, Said::Rejected(RejectReason::Halted)] {
        let mut d = Desk::new();
        d.say(said);
        d.is("over", "0");
    }
    let mut d = Desk::new();
    d.say(Said::Cancelled { filled: "30".parse().unwrap() });
    d.is("Cancelled 1 30", "0");
    d.fills("0", "30");
    d.is("over", "30");
}

#[test]
fn more_than_either_of_the_two_or_by_something_else_halts() {
    let mut d = Desk::new();
    d.fills("0", "51");
    assert!(!d.stands().2, "51 of 50 or 30");
    let mut d = Desk::new();
    d.replaced("0", 2);
    d.fills("0", "31");
    assert!(!d.stands().2, "31 of 30");
    let mut d = Desk::new();
    d.replaced("0", 3);
    assert_eq!(d.stands(), ("over".into(), "0".into(), false), "an attempt that was never made");
    // The broker's own replacement is no attempt of ours: the order is over, as before.
    let mut d = Desk::new();
    d.say(Said::Replaced { filled: Quantity::ZERO, by: None });
    d.is("over", "0");
}

/// Keeps a journal.
struct Journal(JournalWriter<Vec<u8>>);
impl Recorder for Journal {
    fn input(&mut self, x: &Given<'_>) -> Result<(), String> {
        self.0.input(x).map_err(|e| e.to_string())
    }
    fn effect(&mut self, effect: &Effect, _: &Portfolio) -> Result<(), String> {
        self.0.write(&tradewind_engine::Frame::of(effect)?).map_err(|e| e.to_string())
    }
}

#[test]
fn it_is_replayed_and_survives_a_restart_after_every_event() {
    let pipeline = || wants(&[(1, 0.5), (2, 0.3), (4, 0.25), (5, 0.4)]);
    let make = || {
        let engine = Engine::new(config(), pipeline(), "1000".parse().unwrap(), Time::MIN).unwrap();
        Backtest::new(engine, Exchange::new(free()).unwrap())
    };
    let (mut whole, mut journal) = (make(), Journal(JournalWriter::new(Vec::new()).unwrap()));
    for e in events(&rows()) {
        whole.event(&e, &mut journal).unwrap();
    }
    whole.finish(&mut journal).unwrap();
    let hash = whole.engine().ledger().hash();
    assert_eq!(held(&whole, "A"), "40");
    let bytes = journal.0.finish().unwrap();
    let mut engine = whole.into_engine();
    let saved = engine.save().unwrap();
    engine = Engine::new(config(), pipeline(), "1000".parse().unwrap(), Time::MIN).unwrap();
    replay(&mut engine, JournalReader::new(bytes.as_slice()).unwrap(), &mut ()).unwrap();
    assert_eq!((engine.ledger().hash(), engine.save().unwrap()), (hash, saved));
    let mut at = make();
    for e in events(&rows()) {
        at.event(&e, &mut ()).unwrap();
        let saved = at.save().unwrap();
        at = make();
        at.load(&saved).unwrap();
    }
    at.finish(&mut ()).unwrap();
    assert_eq!(at.engine().ledger().hash(), hash);
    // A replacement can also be given by hand: nothing is done with the number of an order that is over.
    let mut out = Effects::new();
    let r = BrokerReport { order: OrderId(1), time: Time::MIN, said: Said::ReplaceRejected("late".into()) };
    let clock = engine.clock();
    let x = Given { seq: engine.seq() + 1, venue_time: clock, received: clock, source: 0, input: InputRef::Report(&r) };
    engine.step(&x, &mut out).unwrap();
    assert!(out.is_empty(), "{out:?}");
}
