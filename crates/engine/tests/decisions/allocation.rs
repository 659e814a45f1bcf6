//! From signals to weights, in numbers: conviction, allocators, legs, places.

use serde::{Deserialize, Serialize};
use tradewind_core_types::*;
use tradewind_engine::{Conviction, EngineConfig, ExecutorParams, Named, Pipeline, Schedule, Strategy};

use crate::common::*;

/// Gives signals with a confidence at rows, until another row.
#[derive(Clone, Serialize, Deserialize)]
struct Sure(Vec<(u32, Symbol, f64, f64, Option<u32>)>);
impl Plugin for Sure {
    fn id(&self) -> &'static str {
        "sure"
    }
}
impl Alpha for Sure {
    fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        for (_, s, score, confidence, until) in self.0.iter().filter(|x| x.0 == e.origin.row) {
            let mut signal = Signal::new(view.now, *s, *score, *confidence, "sure")?;
            signal.expires = until.map(|row| Time::from_nanos(1_000 * i64::from(row)));
            out.push(signal);
        }
        Ok(())
    }
}
fn sure(name: &str, script: &[(u32, &str, f64, f64, Option<u32>)]) -> Strategy {
    let own = script.iter().map(|(row, s, score, c, until)| (*row, symbol(s), *score, *c, *until)).collect();
    Strategy::new(StrategyId::new(name).unwrap(), Box::new(Sure(own)))
}

#[test]
fn conviction_is_how_much_of_a_score_counts() {
    let ordered = |conviction, score, confidence| {
        let s = Strategy { conviction, ..sure("s", &[(1, "A", score, confidence, None)]) };
        run(Pipeline { strategies: vec![s], ..Pipeline::default() }, on_signal(), 0, &[("A", bar(10.0))]).1.ordered()
    };
    assert_eq!(ordered(Conviction::Score, 0.5, 0.25), ["A Buy 50"]);
    assert_eq!(ordered(Conviction::ScoreConfidence, -0.5, 0.25), ["A Sell 12.5"]);
    assert_eq!(ordered(Conviction::Direction, 0.25, 0.25), ["A Buy 100"]);
    assert_eq!(ordered(Conviction::Direction, -0.25, 0.25), ["A Sell 100"]);
    assert!(ordered(Conviction::Direction, 0.0, 0.25).is_empty(), "no direction");
}

/// An allocator that must be shown these weights of each strategy, and scales each by its factor.
#[derive(Clone, Serialize, Deserialize)]
struct Weighs {
    shown: Vec<Vec<(Symbol, f64)>>,
    factors: Vec<f64>,
}
impl Plugin for Weighs {
    fn id(&self) -> &'static str {
        "weighs"
    }
}
impl Allocator for Weighs {
    fn allocate(&mut self, proposals: &[Proposal], _: &View<'_>) -> Vec<Adjustment> {
        assert_eq!(proposals.iter().map(|p| p.weights.clone()).collect::<Vec<_>>(), self.shown);
        self.factors.iter().map(|f| Adjustment::new(Adjust::Scale(*f), "weighed")).collect()
    }
}

#[test]
fn allocators_see_what_each_strategy_would_hold_and_scale_all_of_it() {
    // `one` wants 0.5 A with -0.5 B for each, and 0.375 B besides; `two` wants 0.25 A.
    let (a, b) = (symbol("A"), symbol("B"));
    let strategies = vec![
        strategy("one", vec![(2, vec![("A", 1.0), ("B", -0.5)], 0.5, None), (2, vec![("B", 1.0)], 0.375, None)]),
        strategy("two", vec![(2, vec![("A", 1.0)], 0.25, None)]),
    ];
    let first = Weighs { shown: vec![vec![(a, 0.5), (b, 0.125)], vec![(a, 0.25)]], factors: vec![0.5, 1.0] };
    let second = Weighs { shown: vec![vec![(a, 0.25), (b, 0.0625)], vec![(a, 0.25)]], factors: vec![1.0, 0.5] };
    let p = Pipeline {
        strategies,
        allocators: vec![Named::of(Box::new(first)), Named::of(Box::new(second))],
        ..Pipeline::default()
    };
    let (_, log) = run(p, on_signal(), 0, &[("A", bar(10.0)), ("B", bar(10.0))]);
    // A: 0.5 x 0.5 + 0.25 x 0.5; B: 0.5 x 0.5 x -0.5 + 0.375 x 0.5.
    assert_eq!(log.ordered(), ["A Buy 37.5", "B Buy 6.25"]);
    let weights: Vec<Vec<f64>> =
        log.decisions.iter().map(|d| d.contributions.iter().map(|c| c.weight).collect()).collect();
    assert_eq!(weights, [vec![0.25, 0.125], vec![-0.125, 0.1875]]);
}

#[test]
fn a_leg_that_an_allocator_makes_infinite_is_vetoed() {
    // 0.5 x 1e308 is a number; ten times as much is none.
    let p = Pipeline {
        strategies: vec![strategy("s", vec![(1, vec![("A", 1e308)], 0.5, None)])],
        allocators: vec![Named::of(Box::new(Weighs { shown: vec![vec![(symbol("A"), 5e307)]], factors: vec![10.0] }))],
        ..Pipeline::default()
    };
    let (_, log) = run(p, on_signal(), 0, &[("A", bar(10.0))]);
    assert!(log.orders.is_empty() && log.decisions[0].rules.is_empty());
    let last = log.decisions[0].contributions[0].steps.last().unwrap();
    assert_eq!((last.plugin.as_str(), last.adjustment.reason.as_ref()), ("legs", "the weight of a leg is not finite"));
}

/// Answers the same in every role, and counts how often it was asked.
#[derive(Clone, Serialize, Deserialize)]
struct Says(Adjust, u32);
impl Says {
    fn say(&mut self) -> Adjustment {
        self.1 += 1;
        Adjustment::new(self.0, format!("asked {} times", self.1))
    }
}
impl Plugin for Says {
    fn id(&self) -> &'static str {
        "says"
    }
}
impl Filter for Says {
    fn filter(&mut self, _: StrategyId, _: &Signal, _: &View<'_>) -> Adjustment {
        self.say()
    }
}
impl Sizer for Says {
    fn size(&mut self, _: StrategyId, _: &Signal, _: &View<'_>) -> Adjustment {
        self.say()
    }
}
impl Overlay for Says {
    fn exposure(&mut self, _: Symbol, _: &View<'_>) -> Adjustment {
        self.say()
    }
}
/// A pipeline of one strategy under one overlay.
fn under(adjust: Adjust, script: Script<'_>) -> Pipeline {
    let s = Strategy { overlays: vec![0], ..strategy("s", script) };
    Pipeline { strategies: vec![s], overlays: vec![Named::of(Box::new(Says(adjust, 0)))], ..Pipeline::default() }
}

#[test]
fn adjustments_that_are_no_numbers_are_vetoed_also_where_the_result_is_one() {
    for adjust in
        [Adjust::Cap(f64::INFINITY), Adjust::Cap(f64::NAN), Adjust::Cap(f64::NEG_INFINITY), Adjust::Set(f64::NAN)]
    {
        let (_, log) = run(under(adjust, vec![(1, vec![("A", 1.0)], 0.5, None)]), on_signal(), 0, &[("A", bar(10.0))]);
        assert!(log.orders.is_empty() && log.why("A").contains("which is not finite: vetoed"), "{}", log.why("A"));
    }
}

#[test]
fn a_ratio_counts_with_the_value_it_multiplies() {
    let ratio = |ratio, score, scale| {
        let p = under(Adjust::Scale(scale), vec![(1, vec![("A", ratio)], score, None)]);
        run(p, on_signal(), 0, &[("A", bar(10.0))]).1.why("A")
    };
    // 10 x 1e308 is no number, though either is; nothing times anything is nothing.
    let why = ratio(1e308, 1.0, 10.0);
    assert!(why.contains("the ratio of A is 1000000000") && why.contains("the signal is cancelled"), "{why}");
    assert!(!ratio(1.0, 0.0, 10.0).contains("cancelled"));
    assert!(ratio(1.0, 0.5, 1.0).starts_with("Ordered"));
}

#[test]
fn all_legs_of_three_must_be_tradable_and_a_single_one_speaks_for_itself() {
    let three = || vec![(2, vec![("A", 1.0), ("B", -1.0), ("C", 0.5)], 0.25, None)];
    let rows = [("A", bar(10.0)), ("B", bar(10.0)), ("C", index(10.0))];
    let (_, log) = simple(three(), &rows);
    assert!(log.orders.is_empty() && log.why("A").contains("no price of C is known: a leg"), "{}", log.why("A"));
    let (_, log) = simple(vec![(3, vec![("A", 1.0), ("B", -1.0), ("C", 0.5)], 0.25, None)], &rows);
    assert!(log.orders.is_empty() && log.why("B").contains("C is an index: a leg"), "{}", log.why("B"));
    let (_, log) = simple(vec![(3, vec![("C", 1.0)], 0.25, None), (3, vec![("D", 1.0)], 0.25, None)], &rows);
    assert!(log.why("C").contains("C is an index and cannot be traded") && !log.why("C").contains("cancels the other"));
    assert!(log.why("D").contains("no price of D is known yet") && !log.why("D").contains("cancels the other"));
    let rows = [("C", bar(20.0)), ("A", bar(10.0)), ("B", bar(10.0))];
    let (_, log) = simple(vec![(3, vec![("A", 1.0), ("B", -1.0), ("C", 0.5)], 0.25, None)], &rows);
    assert_eq!(log.ordered(), ["A Buy 25", "B Sell 25", "C Buy 6.25"]);
}

#[test]
fn what_hangs_on_what_is_due_is_decided_through_every_link() {
    // A with B, B with C, C with D: when A is spoken of again all four are decided, and E is not.
    let pair = |row, a, b| (row, vec![(a, 1.0), (b, 1.0)], 0.125, None);
    let p = Pipeline {
        strategies: vec![
            strategy("one", vec![pair(5, "A", "B"), pair(5, "C", "D")]),
            strategy("two", vec![pair(5, "B", "C"), (5, vec![("E", 1.0)], 0.125, None)]),
            strategy("three", vec![(6, vec![("A", 1.0)], 0.0, None)]),
        ],
        ..Pipeline::default()
    };
    let rows = ["A", "B", "C", "D", "E", "E"].map(|s| (s, bar(10.0)));
    let (_, log) = run(p, on_signal(), 0, &rows);
    let at = |time| {
        log.decisions.iter().filter(|d| d.time.nanos() == time).map(|d| d.symbol.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        (at(5_000), at(6_000)),
        (["A", "B", "C", "D", "E"].map(String::from).to_vec(), ["A", "B", "C", "D"].map(String::from).to_vec())
    );
    assert_eq!(log.ordered(), ["A Buy 12.5", "B Buy 25", "C Buy 25", "D Buy 12.5", "E Buy 12.5"]);
}

#[test]
fn filters_and_sizers_are_asked_when_trading_begins() {
    let s = Strategy {
        filters: vec![0],
        sizers: vec![Named::of(Box::new(Says(Adjust::Scale(0.5), 0)))],
        ..strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None)])
    };
    let p = Pipeline {
        strategies: vec![s],
        filters: vec![Named::of(Box::new(Says(Adjust::Keep, 0)))],
        ..Pipeline::default()
    };
    let config = EngineConfig { schedule: Schedule::SessionClose, ..on_signal() };
    let close = || ("", MarketData::SessionClose);
    // Two closes before trading begins at row 5; the decision at row 6 asks for the first time.
    let rows = [("A", bar(10.0)), close(), ("A", bar(10.0)), close(), ("A", bar(10.0)), close()];
    let (_, log) = run(p, config, 5_000, &rows);
    assert_eq!((log.decisions.len(), log.ordered()), (1, vec!["A Buy 25".to_owned()]));
    let steps = &log.decisions[0].contributions[0].steps;
    assert_eq!([1, 2].map(|i| steps[i].adjustment.reason.as_ref()), ["asked 1 times", "asked 1 times"]);
}

#[test]
fn a_sizer_that_says_no_gives_its_own_reason() {
    for others in [vec![], vec![Box::new(Says(Adjust::Scale(0.5), 6)) as Box<dyn Sizer>]] {
        let mut sizers = others;
        sizers.push(Box::new(Says(Adjust::Veto, 7)));
        let s = Strategy {
            sizers: sizers.into_iter().map(Named::of).collect(),
            ..strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None)])
        };
        let (_, log) =
            run(Pipeline { strategies: vec![s], ..Pipeline::default() }, on_signal(), 0, &[("A", bar(10.0))]);
        let last = log.decisions[0].contributions[0].steps.last().unwrap().adjustment.clone();
        assert_eq!((last.adjust, last.reason.as_ref()), (Adjust::Veto, "asked 8 times"));
    }
}

#[test]
fn the_place_of_a_signal_that_has_ended_is_free_though_another_holds_the_same_symbol() {
    // Both strategies have a place for A until that of `news` ends at row 4. Then the less confident C takes it.
    let discretionary = |s: Strategy| Strategy { discretionary: true, ..s };
    let p = Pipeline {
        strategies: vec![
            discretionary(sure("news", &[(3, "A", 0.2, 0.9, Some(4)), (5, "C", 0.2, 0.3, None)])),
            discretionary(sure("rumour", &[(3, "A", 0.1, 0.8, None)])),
        ],
        ..Pipeline::default()
    };
    let executor = ExecutorParams { max_positions: 2, ..ExecutorParams::default() };
    let rows: Vec<_> = ["A", "C", "A", "A", "C", "C", "A"].iter().map(|s| (*s, bar(10.0))).collect();
    let (e, log) = run(p, EngineConfig { executor, ..on_signal() }, 0, &rows);
    assert_eq!(log.ordered(), ["A Buy 30", "A Sell 20", "C Buy 20"]);
    assert_eq!((held(&e, "A"), held(&e, "C")), ("10".into(), "20".into()));
}
