//! Decisions that do not follow from their steps.

use tradewind_core_types::{
    Adjust, Adjustment, BadInput, Contribution, Decision, Name, Order, OrderId, OrderKind, Origin, Outcome, Quantity,
    Side, Sizing, Stage, Step, StrategyId, Symbol, Time, TimeInForce, ZERO_CROSSING, serde_json,
};

fn q(s: &str) -> Quantity {
    s.parse().unwrap()
}
fn step(stage: Stage, adjust: Adjust, after: f64) -> Step {
    Step { stage, plugin: Name::lit("x"), adjustment: Adjustment::new(adjust, "because"), after }
}
fn wants(name: &str, score: f64, ratio: f64) -> Contribution {
    Contribution {
        strategy: StrategyId::new(name).unwrap(),
        signal_time: Time::MIN,
        steps: vec![step(Stage::Signal, Adjust::Set(score), score)],
        ratio,
        weight: score * ratio,
    }
}

/// 0.5 of one strategy and -0.5 x 0.25 of another are 0.375; the rule halves it. 0.1875 x 16000 / 30 = 100; 40 are held and 25 ordered: 35
/// remain.
fn decision() -> Decision {
    Decision {
        id: 3,
        time: Time::from_nanos(9),
        symbol: Symbol::new("SPY").unwrap(),
        contributions: vec![wants("a", 0.5, 1.0), wants("b", -0.5, 0.25)],
        rules: vec![step(Stage::Rule, Adjust::Scale(0.5), 0.1875)],
        weight: 0.1875,
        sizing: Some(Sizing {
            equity: "16000".parse().unwrap(),
            price: "30".parse().unwrap(),
            price_time: Time::MIN,
            price_origin: Origin::default(),
            lot: q("1"),
            target: q("100"),
            held: q("40"),
            working: q("25"),
        }),
        checks: vec![step(Stage::PreTrade, Adjust::Keep, 35.0), step(Stage::PreTrade, Adjust::Keep, 35.0)],
        outcome: Outcome::Ordered(OrderId(7)),
    }
}
fn order() -> Order {
    Order {
        id: OrderId(7),
        decision: 3,
        time: Time::from_nanos(9),
        symbol: Symbol::new("SPY").unwrap(),
        side: Side::Buy,
        quantity: q("35"),
        kind: OrderKind::Market,
        tif: TimeInForce::Gtc,
    }
}
fn wrong(change: impl FnOnce(&mut Decision)) -> BadInput {
    let mut d = decision();
    change(&mut d);
    d.verify().unwrap_err()
}
fn bad(what: &str, found: &str, expected: &str) -> BadInput {
    BadInput::new(what, found, expected)
}

#[test]
fn quantities_follow_from_weights() {
    let quantity = |weight, lot| Sizing::quantity(weight, "1000".parse().unwrap(), "30".parse().unwrap(), q(lot));
    // 500 / 30: one more billionth would cost more than 500.
    assert_eq!(quantity(0.5, "0").unwrap(), q("16.666666666"));
    assert_eq!(quantity(-0.5, "0").unwrap(), q("-16.666666666"));
    assert_eq!(quantity(1.0, "0").unwrap(), q("33.333333333"));
    // 0.3 x 1000 and 0.1 x 3 x 1000 are 10 shares, to the last digit of the weight.
    assert_eq!(quantity(0.3, "1").unwrap(), q("10"));
    assert_eq!(quantity(0.1 * 3.0, "1").unwrap(), q("10"));
    assert_eq!(quantity(0.7 - 0.4, "1").unwrap(), q("10"));
    assert_eq!(quantity(0.5, "1").unwrap(), q("16"));
    assert_eq!(quantity(-0.5, "5").unwrap(), q("-15"));
    assert!(quantity(f64::NAN, "1").is_err() && quantity(1e9, "1").is_err());
    assert_eq!(decision().sizing.unwrap().delta(), q("35"));
}

#[test]
fn what_does_not_follow_is_named() {
    decision().verify().unwrap();
    decision().verify_order(&order()).unwrap();
    assert_eq!(wrong(|d| d.contributions[1].steps[0].after = -0.25), bad("step x", "-0.25", "-0.5"));
    assert_eq!(wrong(|d| d.contributions[1].weight = -0.25), bad("weight of b", "-0.25", "-0.125"));
    assert_eq!(wrong(|d| d.rules[0].after = 0.25), bad("step x", "0.25", "0.1875"));
    assert_eq!(wrong(|d| d.weight = 0.375), bad("weight", "0.375", "0.1875"));
    let sizing = |change: fn(&mut Sizing)| wrong(|d| change(d.sizing.as_mut().unwrap()));
    assert_eq!(sizing(|s| s.target = q("99")), bad("target quantity", "99", "100"));
    assert_eq!(sizing(|s| s.held = q("75")), bad("order 7", "ordered", "a quantity to trade"));
    assert_eq!(wrong(|d| d.sizing = None), bad("order 7", "ordered", "a quantity to trade"));
    assert_eq!(wrong(|d| d.checks[1].after = 0.0), bad("quantity after x", "0", "35"));
    assert_eq!(sizing(|s| s.held = q("41")), bad("quantity after x", "35", "34"));
    // What was not ordered need not trade anything.
    let mut d = decision();
    d.outcome = Outcome::NotTraded("within the band".into());
    d.checks.clear();
    d.sizing.as_mut().unwrap().held = q("75");
    d.verify().unwrap();
    assert!(d.verify_order(&order()).is_err());
}

#[test]
fn every_field_of_an_order_follows_from_its_decision() {
    let wrong = |change: fn(&mut Order)| {
        let mut o = order();
        change(&mut o);
        decision().verify_order(&o).unwrap_err()
    };
    assert_eq!(wrong(|o| o.id = OrderId(8)).what, "order");
    assert_eq!(wrong(|o| o.decision = 4).what, "order");
    let e = wrong(|o| o.symbol = Symbol::new("TLT").unwrap());
    assert!(e.found.starts_with("TLT at ") && e.expected.starts_with("SPY at "), "{e}");
    assert_eq!(wrong(|o| o.time = Time::from_nanos(10)).what, "order");
    assert_eq!(wrong(|o| o.side = Side::Sell), bad("order quantity", "-35", "35"));
    assert_eq!(wrong(|o| o.quantity = q("36")), bad("order quantity", "36", "35"));
    // A sale: 100 wanted, 160 held, 25 more ordered.
    let mut d = decision();
    d.sizing.as_mut().unwrap().held = q("160");
    d.checks.iter_mut().for_each(|s| s.after = 85.0);
    d.verify_order(&Order { side: Side::Sell, quantity: q("85"), ..order() }).unwrap();
}

#[test]
fn stages_are_written_as_they_are_called() {
    use Stage::*;
    let all = [
        (Signal, "signal"),
        (Filter, "filter"),
        (Sizer, "sizer"),
        (Overlay, "overlay"),
        (Position, "position"),
        (Executor, "executor"),
        (Allocator, "allocator"),
        (Decay, "decay"),
        (Rule, "rule"),
        (KillSwitch, "switch"),
        (Hedge, "hedge"),
        (Limit, "limit"),
        (PreTrade, "pretrade"),
    ];
    for (stage, name) in all {
        assert_eq!((stage.as_str(), serde_json::to_value(stage).unwrap()), (name, name.into()));
    }
}

#[test]
fn one_order_does_not_cross_zero() {
    let cases = [
        // target, held, working: traded
        ("-5", "10", "0", "-10"), // closes
        ("5", "-10", "0", "10"),
        ("0", "10", "0", "-10"),
        ("4", "10", "0", "-6"),   // stays on its side
        ("-5", "0", "0", "-5"),   // opens
        ("-5", "-2", "0", "-3"),  // adds
        ("-5", "10", "-4", "-6"), // closes what the working order leaves
        ("-5", "10", "-10", "0"), // is being closed
        ("-5", "0", "-3", "-2"),  // is being opened
        ("5", "-10", "10", "0"),
        ("-5", "10", "3", "-10"), // fills are still awaited: closes what is held
        ("-5", "0", "3", "0"),    // opens nothing before they have come
        ("-9", "-5", "8", "0"),
        ("10", "10", "0", "0"),
    ];
    for (target, held, working, want) in cases {
        let s = Sizing { target: q(target), held: q(held), working: q(working), ..decision().sizing.unwrap() };
        assert_eq!(s.tradable(), q(want), "to {target} from {held} with {working}");
    }
}

#[test]
fn an_order_that_is_cut_says_so() {
    // 100 wanted, 60 short: an order of 60 closes, and nothing else follows from the decision.
    let mut d = decision();
    let s = d.sizing.as_mut().unwrap();
    (s.held, s.working) = (q("-60"), q("0"));
    d.checks = vec![step(Stage::PreTrade, Adjust::Keep, 60.0)];
    assert_eq!(d.verify().unwrap_err().what, "steps");
    d.checks.insert(0, Step { plugin: ZERO_CROSSING, ..step(Stage::PreTrade, Adjust::Cap(60.0), 60.0) });
    d.verify_order(&Order { quantity: q("60"), ..order() }).unwrap();
    assert_eq!(
        d.verify_order(&Order { quantity: q("160"), ..order() }).unwrap_err(),
        bad("order quantity", "160", "60")
    );
    d.checks[0].after = 160.0;
    assert_eq!(d.verify().unwrap_err(), bad("quantity after zero_crossing", "160", "60"));
}
