//! A broker's reports of an order, in every state and order.

use super::*;

#[test]
fn reports_move_an_order_only_as_the_table_says_and_no_fill_is_lost_or_doubled() {
    let mut run = start(on_signal(), &[(1, 0.5, None)], None);
    let mut log = Log::new();
    run.event(&events(&[(10, Some(10.0))])[0], &mut log).unwrap();
    run.finish(&mut log).unwrap();
    assert_eq!((log.orders.len(), log.orders[0].quantity.to_string().as_str()), (1, "50"));
    let q = |n: &str| n.parse::<Quantity>().unwrap();
    let fill = |from: &str, to: &str| {
        let price = "10".parse().unwrap();
        Said::Progress(Progress { from: q(from), to: q(to), price, fee: Cash::ZERO, slippage_bps: 0.0 })
    };
    let state = OrderState::PartiallyFilled;
    // What is said, the state after it (none: it is over), what is held, and how many reports contradicted so far.
    let steps = [
        (Said::PendingNew, Some(OrderState::PendingNew), "0", 0),
        (Said::Accepted, Some(OrderState::Accepted), "0", 0),
        (Said::PendingCancel, Some(OrderState::PendingCancel), "0", 0),
        (fill("0", "20"), Some(OrderState::PendingCancel), "20", 0),
        (Said::CancelRejected("too late".into()), Some(state), "20", 0),
        (Said::PendingNew, Some(state), "20", 0),
        (Said::DoneForDay, Some(OrderState::DoneForDay), "20", 0),
        (Said::Accepted, Some(state), "20", 0),
        // It ended whole, though 30 are still to be reported.
        (Said::Cancelled { filled: q("50") }, Some(OrderState::Cancelled), "20", 0),
        (Said::Rejected(RejectReason::Halted), Some(OrderState::Cancelled), "20", 1),
        (Said::Accepted, Some(OrderState::Cancelled), "20", 1),
        (fill("0", "50"), None, "50", 1),
        (fill("10", "40"), None, "50", 1),
        (Said::Expired { filled: q("20") }, None, "50", 2),
        (Said::Unknown("order_sideways".into()), None, "50", 3),
        (Said::Restated("it is over".into()), None, "50", 3),
    ];
    for (i, (said, after, holds, contradicted)) in steps.into_iter().enumerate() {
        let text = format!("step {i}: {said:?}");
        let report = BrokerReport { order: OrderId(1), time: at(11), said };
        run.give(at(11 + i as i64), 0, InputRef::Report(&report), &mut log).unwrap();
        assert_eq!(run.engine().view().working.get(OrderId(1)).map(|w| w.state), after, "{text}");
        assert_eq!((held(&run).as_str(), run.engine().contradicted()), (holds, contradicted), "{text}");
    }
    assert_eq!(log.fills.iter().map(|f| f.quantity.to_string()).collect::<Vec<_>>(), ["20", "30"]);
    assert_eq!(run.engine().kill_switch().state(), TradingState::Active);
    let mut say = |order, said, log: &mut Log| {
        run.give(at(50), 0, InputRef::Report(&BrokerReport { order, time: at(50), said }), log).unwrap();
        (run.engine().contradicted(), run.engine().kill_switch().state())
    };
    assert_eq!(say(OrderId(9), Said::Accepted, &mut log), (4, TradingState::Active), "an order that is not ours");
    // The broker takes a fill back: the books are in doubt.
    assert_eq!(say(OrderId(1), Said::Busted("error".into()), &mut log), (4, TradingState::Halted));
}

/// What a broker says of an order of 50 shares that has filled up to `filled`.
fn say(kind: ReportKind, filled: &str) -> Said {
    use ReportKind as K;
    let (all, words) = ("50".parse().unwrap(), || "so it is".to_owned());
    match kind {
        K::PendingNew => Said::PendingNew,
        K::Accepted => Said::Accepted,
        K::AcceptedForBidding => Said::AcceptedForBidding,
        K::Held => Said::Held,
        K::Progress => {
            let (from, price) = (filled.parse().unwrap(), "10".parse().unwrap());
            let to = from + "1".parse().unwrap();
            Said::Progress(Progress { from, to, price, fee: Cash::ZERO, slippage_bps: 0.0 })
        }
        K::PendingCancel => Said::PendingCancel,
        K::PendingReplace => Said::PendingReplace,
        K::Replaced => Said::Replaced { filled: all },
        K::DoneForDay => Said::DoneForDay,
        K::Stopped => Said::Stopped,
        K::Suspended => Said::Suspended,
        K::Calculated => Said::Calculated,
        K::Cancelled => Said::Cancelled { filled: all },
        K::Expired => Said::Expired { filled: all },
        K::Rejected => Said::Rejected(RejectReason::Other(words())),
        K::CancelRejected => Said::CancelRejected(words()),
        K::ReplaceRejected => Said::ReplaceRejected(words()),
        K::Busted => Said::Busted(words()),
        K::Corrected => Said::Corrected(words()),
        K::Restated => Said::Restated(words()),
        K::Unknown => Said::Unknown(words()),
    }
}

#[test]
fn in_every_state_the_engine_does_with_every_report_what_the_table_says() {
    use OrderState as S;
    use ReportKind as K;
    let to = |state| match state {
        S::Submitted => None,
        S::PendingNew => Some(K::PendingNew),
        S::Accepted => Some(K::Accepted),
        S::AcceptedForBidding => Some(K::AcceptedForBidding),
        S::Held => Some(K::Held),
        S::PartiallyFilled => Some(K::Progress),
        S::PendingCancel => Some(K::PendingCancel),
        S::PendingReplace => Some(K::PendingReplace),
        // An end of which fills are still to be reported: the order is awaited.
        S::Replaced => Some(K::Replaced),
        S::Cancelled => Some(K::Cancelled),
        S::Expired => Some(K::Expired),
        S::DoneForDay => Some(K::DoneForDay),
        S::Stopped => Some(K::Stopped),
        S::Suspended => Some(K::Suspended),
        S::Calculated => Some(K::Calculated),
        S::Filled => Some(K::Progress),
        S::Rejected => Some(K::Rejected),
    };
    for state in S::ALL {
        for kind in K::ALL {
            let text = format!("{state:?} on {kind:?}");
            let (mut run, mut log) = (start(on_signal(), &[(1, 0.5, None)], None), Log::new());
            run.event(&events(&[(10, Some(10.0))])[0], &mut log).unwrap();
            run.finish(&mut log).unwrap();
            let mut give = |said| {
                let r = BrokerReport { order: OrderId(1), time: at(11), said };
                run.give(at(11), 0, InputRef::Report(&r), &mut log).unwrap();
                let e = run.engine();
                let now = e.view().working.get(OrderId(1)).map(|w| w.state);
                (now, e.contradicted(), e.kill_switch().state(), e.view().portfolio.quantity(symbol("A")).to_string())
            };
            if state == S::Filled {
                let (to, price) = ("50".parse().unwrap(), "10".parse().unwrap());
                let from = Quantity::ZERO;
                give(Said::Progress(Progress { from, to, price, fee: Cash::ZERO, slippage_bps: 0.0 }));
            } else if let Some(first) = to(state) {
                give(say(first, "0"));
            }
            let filled = match state {
                S::Filled => "50",
                S::PartiallyFilled => "1",
                _ => "0",
            };
            let over = matches!(state, S::Filled | S::Rejected);
            let (now, contradicted, trading, holds) = give(say(kind, filled));
            let (mut next, mut wrong, mut halted, mut held) = (Some(state), 0, false, filled);
            match state.on(kind) {
                Turn::Go(S::Rejected) => next = None,
                Turn::Go(s) => next = Some(s),
                Turn::Book if state == S::Filled => {}
                Turn::Book => {
                    next = Some(state.after_fill());
                    held = if state == S::PartiallyFilled { "2" } else { "1" };
                }
                Turn::Resume => next = Some(S::Accepted),
                Turn::Old => {}
                Turn::Contradicts => wrong = 1,
                Turn::Doubt => halted = true,
            }
            assert_eq!(now, next.filter(|_| !over), "{text}");
            assert_eq!((contradicted, holds.as_str()), (wrong, held), "{text}");
            assert_eq!(trading == TradingState::Halted, halted, "{text}");
        }
    }
}
