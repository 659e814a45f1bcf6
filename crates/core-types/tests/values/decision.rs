//! Decisions that do not follow from their steps.

use tradewind_core_types::{
    Adjust, Adjustment, BadInput, Contribution, Decision, Name, Order, OrderId, OrderKind, Origin, Outcome, Quantity,
    Side, Sizing, Stage, Step, StrategyId, Symbol, Time, TimeInForce, serde_json,
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
    assert_eq!(quantity(0.5, "0").unwrap(), q("16.666666667"));
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
