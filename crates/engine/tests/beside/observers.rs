//! Observers see everything, change nothing and stop nothing.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Artefact, ArtefactKind, BadInput, Event, Metrics, Observer, OrderReport, Params, Plugin, Record, View,
};
use tradewind_engine::builtin::FillsCsvParams;
use tradewind_engine::{Named, Recorder};

use crate::{backtest, pipeline, restarted, watched, whole};

/// Counts what it is shown, and fails at the event or record that it was told.
#[derive(Serialize, Deserialize, Default, Clone)]
struct Watches {
    events: u32,
    records: [u32; 6],
    fails_at_event: Option<u32>,
    fails_at_record: Option<u32>,
    panics: bool,
    charts: bool,
}
impl Watches {
    fn fail(&self) -> Result<(), BadInput> {
        assert!(!self.panics, "a broken observer");
        Err(BadInput::new("observer", "broken", "a whole one"))
    }
}
impl Plugin for Watches {
    fn id(&self) -> &'static str {
        "watches"
    }
    fn observe(&mut self, _: &Event, _: &View<'_>) -> Result<(), BadInput> {
        self.events += 1;
        if self.fails_at_event == Some(self.events) { self.fail() } else { Ok(()) }
    }
    fn metrics(&self, out: &mut Metrics) {
        assert!(!self.charts, "a broken chart");
        out.push(("events", f64::from(self.events)));
    }
}
impl Observer for Watches {
    fn on_record(&mut self, record: &Record<'_>, view: &View<'_>) -> Result<(), BadInput> {
        let kind = match record {
            Record::Decision(d) => {
                assert!(d.time <= view.now);
                0
            }
            Record::Order(_) => 1,
            Record::Report(..) => 2,
            Record::Session(s) => {
                assert_eq!(s.portfolio.equity(), view.portfolio.equity());
                3
            }
            Record::Command(..) => 4,
            Record::Notice(_) => 5,
        };
        self.records[kind] += 1;
        if self.fails_at_record == Some(self.records.iter().sum()) { self.fail() } else { Ok(()) }
    }
    fn artefacts(&self) -> Vec<Artefact> {
        let content = format!("{} {:?}", self.events, self.records);
        vec![Artefact { name: "seen".into(), kind: ArtefactKind::Text, content }]
    }
}

fn named(name: &str, w: Watches) -> Named<dyn Observer> {
    Named::new(name, Box::new(w))
}
fn fills() -> Named<dyn Observer> {
    Named::of(Box::new(FillsCsvParams::default().build().unwrap()))
}

#[test]
fn with_all_of_them_and_with_none_the_ledger_is_the_same() {
    let (bare, mut bare_log) = whole(backtest(pipeline()));
    let (mut run, mut log) = whole(watched(vec![fills(), named("w", Watches::default())]));
    assert_eq!(run.engine().ledger().hash(), bare.engine().ledger().hash());
    assert_eq!(log.bytes(), bare_log.bytes(), "the journal is the same to the last bit");
    let (left, told) = run.artefacts();
    assert!(told.is_empty());
    let of = |name: &str| left.iter().find(|(n, _)| n == name).map(|(_, a)| a.content.clone()).unwrap();
    assert!(of("w").starts_with("400 ["), "{}", of("w"));
    // One line a fill, as many as the ledger booked.
    assert_eq!(of("fills_csv").lines().count() as u64, run.engine().ledger().next_fill());
    assert!(of("fills_csv").starts_with("time,order,symbol,side,quantity,price,fee,realised\n2014-01-"));
}

/// Counts the records of each kind.
#[derive(Default)]
struct Counts([u32; 6]);
impl Recorder for Counts {
    fn decision(&mut self, _: &tradewind_core_types::Decision) -> Result<(), String> {
        self.0[0] += 1;
        Ok(())
    }
    fn order(&mut self, _: &tradewind_core_types::Order) -> Result<(), String> {
        self.0[1] += 1;
        Ok(())
    }
    fn report(&mut self, _: &OrderReport, _: tradewind_core_types::Cash) -> Result<(), String> {
        self.0[2] += 1;
        Ok(())
    }
    fn session(&mut self, _: &tradewind_engine::SessionRecord<'_>) -> Result<(), String> {
        self.0[3] += 1;
        Ok(())
    }
    fn notice(&mut self, _: &tradewind_engine::Notice) -> Result<(), String> {
        self.0[5] += 1;
        Ok(())
    }
}

#[test]
fn observers_and_recorders_are_shown_one_stream() {
    let (mut run, mut counts) = (watched(vec![named("w", Watches::default())]), Counts::default());
    run.run(&mut crate::merge(crate::events()), None, &mut counts).unwrap();
    assert!(counts.0[..4].iter().all(|n| *n > 10), "{:?}", counts.0);
    assert_eq!(run.artefacts().0[0].1.content, format!("400 {:?}", counts.0));
}

#[test]
fn one_that_fails_is_taken_off_and_told_of_and_the_run_goes_on() {
    let bare = whole(backtest(pipeline())).0.engine().ledger().hash();
    let cases = [
        Watches { fails_at_event: Some(7), ..Watches::default() },
        Watches { fails_at_record: Some(30), ..Watches::default() },
        Watches { fails_at_event: Some(7), panics: true, ..Watches::default() },
        Watches { fails_at_record: Some(30), panics: true, ..Watches::default() },
        Watches { charts: true, ..Watches::default() },
    ];
    for broken in cases {
        let build = || watched(vec![named("bad", broken.clone()), named("good", Watches::default())]);
        let (mut run, log) = whole(build());
        assert_eq!(run.engine().ledger().hash(), bare);
        let told: Vec<_> = log.notices.iter().map(|n| (n.who.as_str(), n.text.as_str())).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].0 == "observer" && told[0].1.starts_with("observer.bad (watches) is taken off: "), "{told:?}");
        // It leaves nothing; the other one has seen everything.
        let left = run.artefacts().0;
        assert_eq!(left.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["good"]);
        assert!(left[0].1.content.starts_with("400 ["));
        // After a restart it stays off, and the other one goes on counting.
        let mut run = restarted(&build, 250);
        assert_eq!(run.engine().ledger().hash(), bare);
        assert_eq!(run.artefacts().0, left);
    }
}
