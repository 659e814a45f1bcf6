//! Exits as orders: brackets with what opens a position, one-cancels-other beside one that is held, and what comes after.

use tradewind_core_types::*;
use tradewind_engine::{
    Backtest, Engine, EngineConfig, Exchange, ExitsAs, JournalReader, JournalWriter, OrderStyle, Pipeline,
    PositionParams, Recorder, Strategy, replay,
};

use crate::common::*;

/// A managed strategy that wants these weights of A at these rows.
fn managed(list: &[(u32, f64)]) -> Pipeline {
    let script = list.iter().map(|(row, w)| (*row, vec![("A", 1.0)], *w, None)).collect();
    let strategies = vec![Strategy { managed: true, ..strategy("s", script) }];
    Pipeline { strategies, ..Pipeline::default() }
}
fn config() -> EngineConfig {
    let position = PositionParams {
        exits: ExitsAs::Orders,
        take_profit: Some(0.2),
        stop_loss: Some(0.1),
        ..PositionParams::default()
    };
    EngineConfig { position, ..on_signal() }
}
fn whole(o: f64, h: f64, l: f64, c: f64) -> (&'static str, MarketData) {
    let p = |x| Price::from_f64(x).unwrap();
    ("A", MarketData::Bar(Bar::new(Some(p(o)), Some(p(h)), Some(p(l)), p(c), None).unwrap()))
}
fn flat(x: f64) -> (&'static str, MarketData) {
    whole(x, x, x, x)
}
fn close() -> (&'static str, MarketData) {
    ("", MarketData::SessionClose)
}

/// Orders and what became of them, as text. (Exits are of the decision of their entry, whose order is another one.)
#[derive(Default)]
struct Told {
    decisions: Vec<Decision>,
    lines: Vec<String>,
}
impl Recorder for Told {
    fn decision(&mut self, d: &Decision) -> Result<(), String> {
        d.verify().unwrap();
        self.decisions.push(d.clone());
        Ok(())
    }
    fn order(&mut self, o: &Order) -> Result<(), String> {
        assert_eq!(self.decisions.last().unwrap().id, o.decision);
        let at = match o.kind {
            OrderKind::Limit { price } => format!("limit {price}"),
            OrderKind::Stop { trigger } => format!("stop {trigger}"),
            OrderKind::TrailingStop { .. } => "trailing".into(),
            _ => "market".into(),
        };
        self.lines.push(format!("{}: {:?} {} {at}", o.id.0, o.side, o.quantity));
        Ok(())
    }
    fn report(&mut self, r: &OrderReport, _: Cash) -> Result<(), String> {
        match r {
            OrderReport::Filled(f) => self.lines.push(format!("{} filled {} at {}", f.order.0, f.quantity, f.price)),
            OrderReport::Cancelled { order, .. } => self.lines.push(format!("{} cancelled", order.0)),
            OrderReport::Rejected { order, reason, .. } => self.lines.push(format!("{} {reason}", order.0)),
            _ => {}
        }
        Ok(())
    }
}

fn make(list: &[(u32, f64)], config: &EngineConfig) -> Backtest<Exchange> {
    let engine = Engine::new(config.clone(), managed(list), "1000".parse().unwrap(), Time::MIN).unwrap();
    Backtest::new(engine, Exchange::new(free()).unwrap())
}
/// The lines of a run; one that is stopped after every event, and a replay of its journal, say the same.
fn lines(list: &[(u32, f64)], config: &EngineConfig, rows: &[(&str, MarketData)]) -> (Told, Backtest<Exchange>) {
    let (mut at, mut told) = (make(list, config), Told::default());
    for e in events(rows) {
        at.event(&e, &mut told).unwrap();
        let saved = at.save().unwrap();
        at = make(list, config);
        at.load(&saved).unwrap();
    }
    at.finish(&mut told).unwrap();
    at.engine().ledger().portfolio().reconcile().unwrap();
    let (mut whole, mut journal) = (make(list, config), Journal(JournalWriter::new(Vec::new()).unwrap()));
    for e in events(rows) {
        whole.event(&e, &mut journal).unwrap();
    }
    whole.finish(&mut journal).unwrap();
    assert_eq!(whole.engine().ledger().hash(), at.engine().ledger().hash());
    let bytes = journal.0.finish().unwrap();
    let mut again = make(list, config).into_engine();
    replay(&mut again, JournalReader::new(bytes.as_slice()).unwrap(), &mut ()).unwrap();
    assert_eq!(again.ledger().hash(), at.engine().ledger().hash());
    (told, at)
}

/// Keeps a journal.
struct Journal(JournalWriter<Vec<u8>>);
impl Recorder for Journal {
    fn input(&mut self, x: &tradewind_engine::Given<'_>) -> Result<(), String> {
        self.0.input(x).map_err(|e| e.to_string())
    }
    fn effect(&mut self, effect: &tradewind_engine::Effect, _: &Portfolio) -> Result<(), String> {
        self.0.write(&tradewind_engine::Frame::of(effect)?).map_err(|e| e.to_string())
    }
}

const SENT: [&str; 4] = ["1: Buy 50 market", "2: Sell 50 limit 12", "3: Sell 50 stop 9", "1 filled 50 at 10"];

#[test]
fn what_opens_a_position_takes_its_exits_along() {
    let after = |rows: &[(&str, MarketData)]| {
        let all = [&[flat(10.0), flat(10.0)], rows].concat();
        let (told, at) = lines(&[(1, 0.5), (4, 0.5)], &config(), &all);
        assert_eq!(told.lines[..4], SENT);
        let last = told.decisions.last().unwrap().clone();
        (told.lines[4..].to_vec(), held(&at, "A"), last)
    };
    // The profit is taken at 12. The signal that is given again at the fourth row stays out.
    let (lines, held, last) = after(&[whole(10.0, 12.5, 9.5, 12.0), flat(12.0), flat(12.0)]);
    assert_eq!((lines, held), (vec!["2 filled 50 at 12".to_owned(), "3 cancelled".into()], "0".into()));
    let said = &last.contributions[0].steps.last().unwrap().adjustment.reason;
    assert_eq!(said, "out since 0 sessions: closed by order 2");
    // Both are reached: the loss.
    let (lines, held, _) = after(&[whole(10.0, 12.5, 8.5, 12.0), flat(12.0)]);
    assert_eq!((lines, held), (vec!["3 filled 50 at 9".to_owned(), "2 cancelled".into()], "0".into()));
    // Neither: held, at a loss of nearly ten percent.
    let (lines, held, _) = after(&[flat(9.01), flat(9.01)]);
    assert_eq!((lines.len(), held.as_str()), (0, "50"));
}

#[test]
fn a_change_of_the_position_takes_exits_back_and_sets_new_ones() {
    // At the third row 30 % are wanted: the exits are cancelled, some sold, and what is left gets exits by its cost of 10.
    let rows = [flat(10.0), flat(10.0), flat(11.0), flat(11.0), flat(11.0), flat(11.0), whole(11.0, 12.5, 11.0, 12.0)];
    let (told, at) = lines(&[(1, 0.5), (3, 0.3)], &config(), &rows);
    assert_eq!(told.lines[..4], SENT);
    // 30 % of the 1050 that there are then is 28.636363636 at 11.
    let sold = "21.363636364";
    let rest = &told.lines[4..];
    assert_eq!(rest[..2], ["2 cancelled", "3 cancelled"], "{rest:?}");
    assert!(
        rest[2].starts_with(&format!("4: Sell {sold}")) && rest[3].starts_with(&format!("4 filled {sold}")),
        "{rest:?}"
    );
    assert!(rest[4].starts_with("5: Sell 28.636363636") && rest[4].ends_with("limit 12"), "{rest:?}");
    assert!(rest[5].starts_with("6: Sell 28.636363636") && rest[5].ends_with("stop 9"), "{rest:?}");
    assert!(rest[6].starts_with("5 filled 28.636363636") && rest[7] == "6 cancelled" && rest.len() == 8, "{rest:?}");
    assert_eq!(held(&at, "A"), "0");
    // Closed by decision: cancelled first, then sold.
    let rows = [flat(10.0), flat(10.0), flat(11.0), flat(11.0), flat(11.0), flat(11.0)];
    let (told, at) = lines(&[(1, 0.5), (3, 0.0)], &config(), &rows);
    assert_eq!(told.lines[4..], ["2 cancelled", "3 cancelled", "4: Sell 50 market", "4 filled 50 at 11"]);
    assert_eq!(held(&at, "A"), "0");
}

#[test]
fn after_a_split_exits_are_set_anew_by_what_the_position_cost() {
    let split = ("A", act(CorporateAction::Split { numerator: 2, denominator: 1 }));
    let rows = [flat(10.0), flat(10.0), split, flat(5.0), flat(5.0), whole(5.0, 5.0, 4.4, 4.6)];
    let (told, _) = lines(&[(1, 0.5)], &config(), &rows);
    let last = ["4: Sell 100 limit 6", "5: Sell 100 stop 4.5", "5 filled 100 at 4.5", "4 cancelled"];
    assert_eq!(told.lines[6..], last, "{:?}", told.lines);
}

#[test]
fn an_order_at_the_close_has_its_exits_after_its_fill_and_shorts_have_theirs_mirrored() {
    let at_close = EngineConfig { order_style: OrderStyle::MarketOnClose, ..config() };
    let rows = [flat(10.0), flat(10.05), close(), whole(10.05, 10.5, 8.0, 9.0), whole(9.0, 9.0, 8.0, 8.5)];
    let (told, at) = lines(&[(1, -0.5)], &at_close, &rows);
    // By the cost of 10.05: profit at 8.04, stop at 11.055, which is no whole cent.
    let wanted = [
        "1: Sell 50 market",
        "1 filled 50 at 10.05",
        "2: Buy 50 limit 8.04",
        "3: Buy 50 stop 11.06",
        "2 filled 50 at 8.04",
    ];
    assert_eq!((&told.lines[..5], held(&at, "A").as_str()), (wanted.map(String::from).as_slice(), "0"));
}

#[test]
fn a_trailing_stop_takes_the_place_of_the_fixed_one() {
    let mut trailing = config();
    (trailing.position.trailing_stop, trailing.position.take_profit) = (Some(0.05), None);
    let rows = [flat(10.0), flat(10.0), whole(10.0, 12.0, 10.0, 12.0), whole(12.0, 12.0, 11.0, 11.0)];
    let (told, _) = lines(&[(1, 0.5)], &trailing, &rows);
    assert_eq!(told.lines, ["1: Buy 50 market", "2: Sell 50 trailing", "1 filled 50 at 10", "2 filled 50 at 11.4"]);
}

#[test]
fn what_several_want_and_what_no_one_manages_has_no_exits() {
    let two = || {
        let one = |name: &str, managed| Strategy { managed, ..strategy(name, vec![(1, vec![("A", 1.0)], 0.2, None)]) };
        Pipeline { strategies: vec![one("s", true), one("t", true)], ..Pipeline::default() }
    };
    let rows = [flat(10.0), flat(10.0), flat(11.0)];
    let (_, log) = run(two(), config(), 0, &rows);
    assert_eq!(log.ordered(), ["A Buy 40"]);
    let (_, log) = simple(vec![(1, vec![("A", 1.0)], 0.2, None)], &rows);
    assert_eq!(log.ordered(), ["A Buy 20"]);
}
