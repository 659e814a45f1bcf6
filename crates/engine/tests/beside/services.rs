//! Services act by inputs alone, which are journaled, so that a replay needs none.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    BadInput, Bar, Command, Event, Hears, Instruction, Interest, Kinds, MarketData, Obeyed, Origin, Outgoing, Params,
    Plugin, Price, Record, Request, Service, Span, Symbol, Time, View,
};
use tradewind_engine::builtin::IdleFeedParams;
use tradewind_engine::{Named, TradingState};

use crate::{backtest, pipeline, replayed, restarted, served, whole};

fn command(id: String, order: Instruction) -> Request {
    Request::Command(Command { id, actor: "service".into(), reason: "test".into(), order })
}

/// Pays a dollar in after every tenth fill, and at noon of every fifth day.
#[derive(Serialize, Deserialize, Default, Clone)]
struct Pays {
    fills: u32,
    sent: u32,
    closes: u32,
    noon: Option<Time>,
    hears_all: bool,
    fails_at: Option<u32>,
}
impl Plugin for Pays {
    fn id(&self) -> &'static str {
        "pays"
    }
    fn listens(&self) -> Interest {
        Interest::of_market(Kinds::SESSION_CLOSE)
    }
    fn observe(&mut self, e: &Event, _: &View<'_>) -> Result<(), BadInput> {
        assert!(matches!(e.data, MarketData::SessionClose | MarketData::CorporateAction(_)));
        self.closes += 1;
        if self.closes.is_multiple_of(5) {
            self.noon = Some(e.time.plus(Span::from_secs(15 * 3600)));
        }
        Ok(())
    }
}
impl Service for Pays {
    fn hears(&self) -> Hears {
        if self.hears_all { Hears::Everything } else { Hears::Records }
    }
    fn on_outgoing(&mut self, x: &Outgoing<'_>, _: &View<'_>, out: &mut Vec<Request>) -> Result<(), BadInput> {
        match x {
            Outgoing::Record(Record::Report(..)) => {
                self.fills += 1;
                if self.fills.is_multiple_of(10) {
                    out.push(command(format!("fill {}", self.fills), Instruction::Deposit("1".parse()?)));
                }
            }
            Outgoing::Submit(_) | Outgoing::Cancel(_) | Outgoing::Replace(_) => {
                self.sent += 1;
                if self.fails_at == Some(self.sent) {
                    return Err(BadInput::new("order", self.sent.to_string(), "fewer"));
                }
            }
            Outgoing::Record(_) => {}
        }
        Ok(())
    }
    fn wakeup(&self) -> Option<Time> {
        self.noon
    }
    fn tick(&mut self, view: &View<'_>, out: &mut Vec<Request>) -> Result<(), BadInput> {
        assert_eq!(Some(view.now), self.noon.take());
        out.push(command(format!("noon {}", self.closes), Instruction::Deposit("1".parse()?)));
        Ok(())
    }
}

fn pays() -> Named<dyn Service> {
    Named::of(Box::new(Pays::default()))
}

#[test]
fn commands_of_services_are_inputs_that_a_replay_and_a_restart_repeat() {
    let (run, mut log) = whole(served(vec![pays()]));
    let (noon, fills): (Vec<_>, Vec<_>) = log.commands.iter().partition(|c| c.1.id.starts_with("noon"));
    // 40 closes: eight of them fifths, and after the last of these nothing comes any more.
    assert_eq!(noon.len(), 7);
    assert!(fills.len() > 3, "{}", fills.len());
    assert!(log.commands.iter().all(|c| c.2 == Obeyed::Done));
    for (time, ..) in noon {
        // A close is at 21:00; 15 hours later is noon.
        assert!(time.to_string().contains("T12:00:00"), "{time}");
    }
    let hash = run.engine().ledger().hash();
    assert_ne!(hash, whole(backtest(pipeline())).0.engine().ledger().hash());
    assert_eq!(replayed(pipeline(), &log.bytes()), hash);
    for stop in [0, 57, 60, 211, 399] {
        assert_eq!(restarted(&|| served(vec![pays()]), stop).engine().ledger().hash(), hash, "{stop}");
    }
}

#[test]
fn a_service_that_only_looks_changes_nothing() {
    /// Looks every hour.
    #[derive(Serialize, Deserialize)]
    struct Looks(Option<Time>, u32);
    impl Plugin for Looks {
        fn id(&self) -> &'static str {
            "looks"
        }
        fn observe(&mut self, e: &Event, _: &View<'_>) -> Result<(), BadInput> {
            self.0 = self.0.or(Some(e.time));
            Ok(())
        }
    }
    impl Service for Looks {
        fn wakeup(&self) -> Option<Time> {
            self.0.map(|t| t.plus(Span::from_secs(3600)))
        }
        fn tick(&mut self, view: &View<'_>, _: &mut Vec<Request>) -> Result<(), BadInput> {
            (self.0, self.1) = (Some(view.now), self.1 + 1);
            if self.1 == 900 { Err(BadInput::new("looks", "900", "fewer")) } else { Ok(()) }
        }
    }
    let (bare, mut bare_log) = whole(backtest(pipeline()));
    let (run, mut log) = whole(served(vec![Named::of(Box::new(Looks(None, 0)))]));
    assert_eq!(run.engine().ledger().hash(), bare.engine().ledger().hash());
    assert_eq!(log.bytes(), bare_log.bytes());
    // 39 days of 24 hours and 6 more are 942 hours.
    let told: Vec<_> = log.notices.iter().map(|n| n.text.as_str()).collect();
    assert!(told.len() == 1 && told[0].starts_with("service.looks (looks) is taken off"), "{told:?}");
}

/// Gives a bar of a symbol of its own for every close.
#[derive(Serialize, Deserialize)]
struct Feeds {
    without_end: bool,
}
impl Plugin for Feeds {
    fn id(&self) -> &'static str {
        "feeds"
    }
}
impl Service for Feeds {
    fn hears(&self) -> Hears {
        Hears::Records
    }
    fn on_outgoing(&mut self, x: &Outgoing<'_>, view: &View<'_>, out: &mut Vec<Request>) -> Result<(), BadInput> {
        match x {
            Outgoing::Record(Record::Session(_)) => out.push(Request::Market(Event {
                time: Time::MIN,
                symbol: Some(Symbol::new("FED")?),
                origin: Origin::default(),
                data: MarketData::Bar(Bar::close_only(Price::from_f64(100.0 + (view.now.nanos() % 7) as f64)?)),
            })),
            Outgoing::Record(Record::Command(..)) if self.without_end => {
                out.push(command("again".into(), Instruction::Reduce));
            }
            _ => {}
        }
        Ok(())
    }
}

#[test]
fn market_events_of_services_count_from_now_and_are_journaled() {
    let (run, mut log) = whole(served(vec![Named::of(Box::new(Feeds { without_end: false }))]));
    let last = *run.engine().view().market.last(Symbol::new("FED").unwrap()).unwrap();
    assert_eq!(last.time, run.engine().clock());
    assert_eq!(run.engine().events(), 440);
    assert_eq!(replayed(pipeline(), &log.bytes()), run.engine().ledger().hash());
}

#[test]
fn services_that_answer_themselves_without_end_are_taken_off() {
    let mut run = served(vec![Named::of(Box::new(Feeds { without_end: true }))]);
    let mut log = crate::Log::default();
    let mut merge = crate::merge(crate::events());
    run.run(&mut merge, Some(15), &mut log).unwrap();
    let order = Instruction::Reduce;
    run.command(Command { id: "first".into(), actor: "me".into(), reason: String::new(), order }, &mut log).unwrap();
    run.run(&mut merge, None, &mut log).unwrap();
    assert!(log.notices.iter().any(|n| n.text.starts_with("all services are taken off")), "{:?}", log.notices);
    assert!((1_000..1_010).contains(&log.commands.len()), "{}", log.commands.len());
}

#[test]
fn everything_that_leaves_is_shown_to_whoever_asks_for_it() {
    let failures = |hears_all| {
        let service = Pays { hears_all, fails_at: Some(20), ..Pays::default() };
        let mut run = served(vec![Named::new("p", Box::new(service))]);
        let mut log = crate::Log::default();
        run.run(&mut crate::merge(crate::events()), None, &mut log).unwrap();
        log.notices.iter().map(|n| n.text.clone()).collect::<Vec<_>>()
    };
    // Orders that are sent are no records.
    assert!(failures(false).is_empty());
    assert!(failures(true)[0].contains("service.p (pays) is taken off: order is \"20\""), "{:?}", failures(true));
}

#[test]
fn an_idle_feed_reduces_until_an_operator_resumes() {
    let params = IdleFeedParams { seconds: 3_600.0, halt: false };
    let build = || served(vec![Named::new("idle", Box::new(params.build().unwrap()))]);
    let (run, log) = whole(build());
    // Between an open at 14:30 and the bars of 21:00 nothing comes: at 15:30 of each of the 40 days.
    assert_eq!(log.commands.len(), 40);
    let (time, c, _) = &log.commands[0];
    assert!(time.to_string().starts_with("2014-01-02T15:30:00"), "{time}");
    assert_eq!((c.order.clone(), c.actor.as_str()), (Instruction::Reduce, "idle_feed"));
    assert!(c.reason.contains("no data since 2014-01-02T14:30:00"), "{}", c.reason);
    assert_eq!(run.engine().kill_switch().state(), TradingState::Reducing);
    // A longer patience than the session is never tried.
    let patient = IdleFeedParams { seconds: 7.0 * 3600.0, halt: true };
    let (run, log) = whole(served(vec![Named::new("idle", Box::new(patient.build().unwrap()))]));
    assert!(log.commands.is_empty());
    assert_eq!(run.engine().kill_switch().state(), TradingState::Active);
}
