//! Snapshots: the state of each plugin is found by its name, whatever else has changed; and a snapshot says where in which run it belongs.

use serde::{Deserialize, Serialize};
use tradewind_core_types::testkit::daily_events;
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, Event, MarketData, Overlay, Plugin, StrategyId, Symbol, Time, View,
};
use tradewind_engine::builtin::{BaseSize, BuyAndHold, CrossoverParams};
use tradewind_engine::{
    Backtest, Effect, Engine, EngineConfig, Exchange, ExchangeConfig, Frame, Given, JournalReader, JournalWriter,
    Merge, Named, Notice, Pipeline, Point, Recorder, ReplayError, Strategy, VecSource, replay,
};

/// Counts session closes, and scales by what it has counted.
#[derive(Serialize, Deserialize)]
struct Counts {
    closes: u32,
    #[serde(skip)]
    version: u32,
    #[serde(skip)]
    id: &'static str,
}
impl Plugin for Counts {
    fn id(&self) -> &'static str {
        if self.id.is_empty() { "counts" } else { self.id }
    }
    fn version(&self) -> u32 {
        1 + self.version
    }
    fn observe(&mut self, e: &Event, _: &View<'_>) -> Result<(), BadInput> {
        self.closes += u32::from(matches!(e.data, MarketData::SessionClose));
        Ok(())
    }
    fn metrics(&self, out: &mut tradewind_core_types::Metrics) {
        out.push(("closes", f64::from(self.closes)));
    }
}
impl Overlay for Counts {
    fn exposure(&mut self, _: Symbol, _: &View<'_>) -> Adjustment {
        Adjustment::new(Adjust::Scale(1.0 - 1.0 / f64::from(self.closes + 1)), "counted")
    }
}

fn counts(name: &str) -> Named<dyn Overlay> {
    Named::new(name, Box::new(Counts { closes: 0, version: 0, id: "" }))
}

fn id(name: &str) -> StrategyId {
    StrategyId::new(name).unwrap()
}

fn trend(fast: usize) -> Strategy {
    let strategy = Strategy::new(id("trend"), Box::new(CrossoverParams { fast, slow: 8 }.build().unwrap()));
    Strategy { sizers: vec![Named::of(Box::new(BaseSize(0.1)))], ..strategy }
}
fn hold() -> Strategy {
    let spy = Symbol::new("SPY").unwrap();
    let strategy = Strategy::new(id("hold"), Box::new(BuyAndHold::new(vec![(spy, 1.0)])));
    Strategy { sizers: vec![Named::of(Box::new(BaseSize(0.2)))], ..strategy }
}

fn engine(overlays: Vec<Named<dyn Overlay>>, strategies: Vec<Strategy>) -> Backtest<Exchange> {
    let strategies =
        strategies.into_iter().map(|s| Strategy { overlays: (0..overlays.len()).collect(), ..s }).collect();
    let pipeline = Pipeline { strategies, overlays, ..Pipeline::default() };
    let engine = Engine::new(EngineConfig::default(), pipeline, "100000".parse().unwrap(), Time::MIN).unwrap();
    Backtest::new(engine, Exchange::new(ExchangeConfig::default()).unwrap())
}

fn usual() -> Backtest<Exchange> {
    engine(vec![counts("a"), counts("b")], vec![trend(3), hold()])
}

/// The events of a short run, and a snapshot of it after `STOP` of them.
const STOP: u64 = 150;
fn merge() -> Merge {
    Merge::new(vec![Box::new(VecSource::new(daily_events(3, 40)))]).unwrap()
}
fn snapshot() -> Vec<u8> {
    let mut run = usual();
    run.run(&mut merge(), Some(STOP), &mut ()).unwrap();
    run.save().unwrap()
}

/// What is told, and what the plugins publish at the last session: (plugin, name, value).
#[derive(Default)]
struct Told {
    notices: Vec<Notice>,
    last: Vec<(&'static str, &'static str, f64)>,
}
impl Recorder for Told {
    fn notice(&mut self, n: &Notice) -> Result<(), String> {
        self.notices.push(n.clone());
        Ok(())
    }
    fn session(&mut self, s: &tradewind_engine::SessionRecord<'_>) -> Result<(), String> {
        self.last = s.metrics.to_vec();
        Ok(())
    }
}

/// Goes on from the snapshot to the end: what loading said, what was told, and how many closes each overlay has counted.
fn rest(mut run: Backtest<Exchange>) -> (Vec<String>, Told, Vec<f64>) {
    let said = run.load(&snapshot()).unwrap();
    let mut told = Told::default();
    let mut merge = merge();
    merge.skip(STOP).unwrap();
    run.run(&mut merge, None, &mut told).unwrap();
    let counted = told.last.iter().filter(|m| m.1 == "closes").map(|m| m.2).collect();
    (said, told, counted)
}

#[test]
fn the_same_plugins_in_another_order_keep_their_states() {
    let mut whole = usual();
    whole.run(&mut merge(), None, &mut ()).unwrap();
    let mut moved = engine(vec![counts("b"), counts("a")], vec![hold(), trend(3)]);
    assert!(moved.load(&snapshot()).unwrap().is_empty());
    let mut left = merge();
    left.skip(STOP).unwrap();
    moved.run(&mut left, None, &mut ()).unwrap();
    // Scaling commutes, so that the run is the same to the last bit.
    assert_eq!(moved.engine().ledger().hash(), whole.engine().ledger().hash());
}

#[test]
fn what_is_added_begins_anew_and_what_is_removed_is_dropped_and_both_are_said() {
    // 40 sessions, 15 of them before the snapshot.
    let (said, told, counted) = rest(engine(vec![counts("c"), counts("a"), counts("b")], vec![trend(3), hold()]));
    assert_eq!(said, ["overlay.c (counts) is new: it begins without a state"]);
    assert_eq!(counted, [25.0, 40.0, 40.0]);
    let texts: Vec<_> = told.notices.iter().map(|n| (n.who.as_str(), n.text.as_str())).collect();
    assert_eq!(texts, [("restart", said[0].as_str())]);

    let (said, told, counted) = rest(engine(vec![counts("b")], vec![hold()]));
    assert_eq!(
        said,
        [
            "alpha.trend (crossover) is gone: its state is dropped",
            "overlay.a (counts) is gone: its state is dropped",
            "strategy.trend.sizer.base (base) is gone: its state is dropped",
            "strategy trend is gone: its signals are dropped",
        ]
    );
    assert_eq!((told.notices.len(), counted), (4, vec![40.0]));

    let other = Strategy::new(id("other"), Box::new(BuyAndHold::new(Vec::new())));
    let (said, ..) = rest(engine(vec![counts("a"), counts("b")], vec![other, trend(3), hold()]));
    assert_eq!(said[0], "alpha.other (buy_and_hold) is new: it begins without a state");
    assert_eq!(said[1], "strategy other is new: it begins without signals");
}

#[test]
fn another_plugin_or_other_settings_under_a_name_begin_anew() {
    let other = Named::<dyn Overlay>::new("a", Box::new(Counts { closes: 0, version: 0, id: "other" }));
    let set = counts("b").built_from("{\"window\":3}".into());
    let (said, _, counted) = rest(engine(vec![other, set], vec![trend(3), hold()]));
    assert_eq!(
        said,
        [
            "overlay.a was counts and is other: the state is dropped, and it begins anew",
            "overlay.b (counts) has other settings: the state is dropped, and it begins anew",
        ]
    );
    assert_eq!(counted, [25.0, 25.0]);
}

#[test]
fn a_state_of_another_version_is_refused_and_nothing_has_changed() {
    let newer = Named::<dyn Overlay>::new("b", Box::new(Counts { closes: 0, version: 6, id: "" }));
    let mut run = engine(vec![counts("a"), newer], vec![trend(3), hold()]);
    let before = run.save().unwrap();
    let e = run.load(&snapshot()).unwrap_err().to_string();
    for part in ["overlay.b", "counts has version 1", "reads version 7", "another name"] {
        assert!(e.contains(part), "{part} in {e}");
    }
    assert_eq!(run.save().unwrap(), before);
}

#[test]
fn a_snapshot_names_its_point_and_is_held_to_it() {
    let mut run = usual();
    run.run(&mut merge(), Some(STOP), &mut ()).unwrap();
    let point = run.engine().point();
    assert_eq!(point, Point { seq: run.engine().seq(), hash: run.engine().ledger().hash() });
    let saved = run.into_engine().save().unwrap();
    assert_eq!(Engine::point_of(&saved).unwrap(), point);
    assert!(Engine::point_of(b"").is_err());

    let load = |bytes: &[u8]| usual().into_engine().load(bytes);
    load(&saved).unwrap();
    let head = postcard::to_stdvec(&point).unwrap().len();
    let with = |p: &Point| [postcard::to_stdvec(p).unwrap(), saved[head..].to_vec()].concat();
    let elsewhere = usual().engine().ledger().hash();
    for wrong in [Point { seq: point.seq + 1, ..point }, Point { hash: elsewhere, ..point }] {
        let e = load(&with(&wrong)).unwrap_err().to_string();
        assert!(e.contains(&wrong.to_string()) && e.contains(&point.to_string()), "{e}");
    }
}

/// Keeps a journal in memory.
struct Journal(JournalWriter<Vec<u8>>);
impl Recorder for Journal {
    fn input(&mut self, x: &Given<'_>) -> Result<(), String> {
        self.0.input(x).map_err(|e| e.to_string())
    }
    fn effect(&mut self, e: &Effect, _: &tradewind_core_types::Portfolio) -> Result<(), String> {
        self.0.write(&Frame::of(e)?).map_err(|e| e.to_string())
    }
}

#[test]
fn a_snapshot_of_another_run_is_refused_by_the_journal() {
    let journal = |mut run: Backtest<Exchange>| {
        let mut to = Journal(JournalWriter::new(Vec::new()).unwrap());
        run.run(&mut merge(), None, &mut to).unwrap();
        to.0.finish().unwrap()
    };
    let restored = || {
        let mut run = usual();
        run.load(&snapshot()).unwrap();
        run.into_engine()
    };
    let of = |bytes: &[u8]| replay(&mut restored(), JournalReader::new(bytes).unwrap(), &mut ());
    of(&journal(usual())).unwrap();
    // As many inputs, and another book.
    let e = of(&journal(engine(vec![counts("a"), counts("b")], vec![trend(2), hold()]))).unwrap_err();
    assert!(matches!(e, ReplayError::Foreign { .. }) && e.to_string().contains("another run"), "{e}");
}
