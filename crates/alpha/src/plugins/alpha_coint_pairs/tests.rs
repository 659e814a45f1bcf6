//! The pair's state machine by hand.

use tradewind_numerics::johansen::DetOrder;

use super::*;

fn rule() -> Rule {
    Rule {
        test: Test::Trace,
        det: DetOrder::Constant,
        lags: 1,
        significance: 0.05,
        formation: 60,
        trading: 10,
        max_missing: 0,
        enter: 2.0,
        exit: 0.5,
        stop: 4.0,
        max_hold: 5,
        half_life: (1.0, 30.0),
        max_hedge: 3.0,
        kalman: None,
    }
}

/// A pair with spread a - b of mean 0 and deviation 1.
fn pair() -> Estimate {
    Estimate {
        status: Status::Cointegrated,
        p_value: Some(0.01),
        hedge_ratio: Some(1.0),
        half_life: Some(5.0),
        deviation: 1.0,
        b: (0.0, 1.0),
        ..Estimate::default()
    }
}

/// Feeds spreads to a machine whose estimates are given one by one (the last one again and again); gives actions and positions.
fn life(rule: &Rule, spreads: &[f64], estimates: &[Estimate]) -> Vec<(Action, i8)> {
    let used = std::cell::Cell::new(0);
    let mut m = Machine::default();
    spreads
        .iter()
        .map(|s| {
            let step = m.step(rule, *s, 0.0, || {
                let e = estimates[used.get().min(estimates.len() - 1)];
                used.set(used.get() + 1);
                e
            });
            (step.action, step.position)
        })
        .collect()
}

#[test]
fn a_trade_by_hand() {
    use Action::*;
    // Inside, low enough, still away, back: long the spread. Then high: the re-test passes, short, and stopped at 4; it rests.
    let got = life(&rule(), &[1.9, -2.0, -0.6, -0.5, 2.5, 3.9, 4.0, 2.5], &[pair()]);
    let want = [(Waits, 0), (Enter, 1), (Hold, 1), (Exit, 0), (Enter, -1), (Hold, -1), (Stop, 0), (Rests, 0)];
    assert_eq!(got, want);
    // Beyond the stop there is no entry; after five sessions a trade is over and the pair rests.
    let got = life(&rule(), &[4.0, 3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0], &[pair()]);
    let want = [(TooFar, 0), (Enter, -1), (Hold, -1), (Hold, -1), (Hold, -1), (Hold, -1), (Timeout, 0), (Rests, 0)];
    assert_eq!(got, want);
    // Every ten sessions there is a new estimate: one that refuses ends the trade, whatever the spread.
    let refused = Estimate { status: Status::NotCointegrated, ..pair() };
    let mut spreads = vec![0.0; 8];
    spreads.extend([2.0, 2.0, 2.0, 2.0]);
    let got = life(&rule(), &spreads, &[pair(), refused]);
    assert_eq!(got[8..], [(Enter, -1), (Hold, -1), (Broken, 0), (Refused, 0)]);
    // The re-test before re-entry can fail; it comes only when there was a trade.
    let got = life(&rule(), &[2.0, 0.0, 2.0, 2.0], &[pair(), refused]);
    assert_eq!(got, [(Enter, -1), (Exit, 0), (RetestFailed, 0), (Refused, 0)]);
    // A trade keeps its numbers: the second estimate has another mean, under which 2 would be 0.
    let moved = Estimate { mean: 2.0, ..pair() };
    let mut spreads = vec![0.0; 9];
    spreads.extend([2.0, 2.0, 0.0]);
    let got = life(&rule(), &spreads, &[pair(), moved]);
    assert_eq!(got[9..], [(Enter, -1), (Hold, -1), (Exit, 0)]);
    // After a rest the next estimation lets it trade again.
    let mut spreads = vec![2.0, 4.0];
    spreads.extend([2.0; 9]);
    let got = life(&rule(), &spreads, &[pair()]);
    assert_eq!((got[1].0, got[9].0, got[10].0), (Stop, Rests, Enter));
}

#[test]
fn the_confidence_by_hand() {
    let mut m = Machine::default();
    let step = m.step(&rule(), -3.0, 0.0, pair);
    // (1 - 0.01)(1 - 2^(-5/5)).
    assert!((step.confidence - 0.99 * 0.5).abs() < 1e-15);
    assert_eq!(step.z, Some(-3.0));
}
