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
    assert_eq!(say(OrderId(1), Said::Busted(execution("error")), &mut log), (4, TradingState::Halted));
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
        K::Replaced => Said::Replaced { filled: all, by: None },
        K::DoneForDay => Said::DoneForDay,
        K::Stopped => Said::Stopped,
        K::Suspended => Said::Suspended,
        K::Calculated => Said::Calculated,
        K::Cancelled => Said::Cancelled { filled: all },
        K::Expired => Said::Expired { filled: all },
        K::Rejected => Said::Rejected(RejectReason::Other(words())),
        K::CancelRejected => Said::CancelRejected(words()),
        K::ReplaceRejected => Said::ReplaceRejected(words()),
        K::Named => Said::Named(BrokerOrderId::new("its-name").unwrap()),
        K::Busted => Said::Busted(execution("never-seen")),
        K::Corrected => {
            let (quantity, price) = ("1".parse().unwrap(), "10".parse().unwrap());
            Said::Corrected(Correction { execution: execution("never-seen"), quantity, price, fee: Cash::ZERO })
        }
        K::Restated => Said::Restated(words()),
        K::Unknown => Said::Unknown(words()),
        K::Filled => Said::Filled { filled: all },
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
                Turn::Old | Turn::Name => {}
                Turn::Contradicts => wrong = 1,
                // No execution of that name was booked.
                Turn::Amend | Turn::Doubt => halted = true,
            }
            assert_eq!(now, next.filter(|_| !over), "{text}");
            assert_eq!((contradicted, holds.as_str()), (wrong, held), "{text}");
            assert_eq!(trading == TradingState::Halted, halted, "{text}");
        }
    }
}

fn execution(id: &str) -> ExecutionId {
    ExecutionId::new(id).unwrap()
}

/// An execution: name, from where to where, price, fee.
fn executed(id: &str, from: &str, to: &str, price: &str, fee: &str) -> Said {
    let (from, to, price, fee) =
        (from.parse().unwrap(), to.parse().unwrap(), price.parse().unwrap(), fee.parse().unwrap());
    Said::Executed(execution(id), Progress { from, to, price, fee, slippage_bps: 0.0 })
}

fn corrected(id: &str, quantity: &str, price: &str, fee: &str) -> Said {
    let (quantity, price, fee) = (quantity.parse().unwrap(), price.parse().unwrap(), fee.parse().unwrap());
    Said::Corrected(Correction { execution: execution(id), quantity, price, fee })
}

#[test]
fn executions_count_once_and_what_is_taken_back_or_corrected_is_booked_so() {
    let new = || start(on_signal(), &[(1, 0.5, None)], None);
    let (mut run, mut log) = (new(), Log::new());
    run.event(&events(&[(10, Some(10.0))])[0], &mut log).unwrap();
    run.finish(&mut log).unwrap();
    let begin = run.engine().view().portfolio.cash();
    // What is said; then what is held, what was paid in all with fees, repeated reports, and the broker's changes that people were told of.
    let steps = [
        (Said::Named(BrokerOrderId::new("b-1").unwrap()), "0", "0", 0),
        (executed("a", "0", "20", "10", "1"), "20", "201", 0),
        (executed("a", "0", "20", "10", "1"), "20", "201", 1),
        (executed("b", "20", "40", "11", "2"), "40", "423", 1),
        // 20 at 10 and the fee of 1 come back.
        (Said::Busted(execution("a")), "20", "222", 1),
        (Said::Busted(execution("a")), "20", "222", 1),
        (executed("a", "0", "20", "10", "1"), "20", "222", 2),
        // In all 20 had filled: from there it goes on, and it is the whole of the order.
        (executed("c", "20", "50", "10", "0"), "50", "522", 2),
        (executed("d", "20", "50", "10", "0"), "50", "522", 3),
        // 20 at 11 were 20 at 10.5, and later 15 at 10.5.
        (corrected("b", "20", "10.5", "2"), "50", "512", 3),
        (corrected("b", "20", "10.5", "2"), "50", "512", 3),
        (corrected("b", "15", "10.5", "1.5"), "45", "459", 3),
        // The order had ended; what it fills again is a fill.
        (executed("e", "45", "50", "9", "0"), "50", "504", 3),
        (Said::Busted(execution("c")), "20", "204", 3),
    ];
    for (i, (said, holds, paid, repeated)) in steps.into_iter().enumerate() {
        let text = format!("step {i}: {said:?}");
        // Stopped and restored after every report.
        let saved = run.save().unwrap();
        run = new();
        run.load(&saved).unwrap();
        let r = BrokerReport { order: OrderId(1), time: at(11), said };
        run.give(at(11 + i as i64), 0, InputRef::Report(&r), &mut log).unwrap();
        let view = run.engine().view();
        assert_eq!(held(&run), holds, "{text}");
        assert_eq!((begin - view.portfolio.cash()).to_string(), paid, "{text}");
        assert_eq!((run.engine().repeated_fills(), run.engine().contradicted()), (repeated, 0), "{text}");
        view.portfolio.reconcile().unwrap();
        let name = view.working.get(OrderId(1)).and_then(|w| w.broker.as_ref()).map(BrokerOrderId::as_str);
        assert!(name == Some("b-1") || i > 6, "{text}: {name:?}");
    }
    assert_eq!(run.engine().kill_switch().state(), TradingState::Active);
    let signs: Vec<_> = log.fills.iter().map(|f| f.signed().to_string()).collect();
    assert_eq!(signs, ["20", "20", "-20", "30", "-20", "20", "-20", "15", "5", "-30"]);
    let told = log.frames().iter().filter(|f| matches!(f, Frame::Effect(text) if text.contains("the broker"))).count();
    assert_eq!(told, 4, "two taken back and two corrected");
    // "d" counted as nothing, so that nothing can be taken back of it.
    let r = BrokerReport { order: OrderId(1), time: at(30), said: Said::Busted(execution("d")) };
    run.give(at(30), 0, InputRef::Report(&r), &mut ()).unwrap();
    assert_eq!((held(&run).as_str(), run.engine().kill_switch().state()), ("20", TradingState::Halted));
    assert!(run.engine().kill_switch().reason().contains("cannot be told"), "{}", run.engine().kill_switch().reason());
}

#[test]
fn after_a_split_a_fill_before_it_cannot_be_taken_back() {
    for (action, halted) in [
        (CorporateAction::Split { numerator: 2, denominator: 1 }, true),
        (CorporateAction::Dividend { amount: "1".parse().unwrap() }, true),
        (CorporateAction::Halt { halted: true }, false),
    ] {
        let (mut run, mut log) = (start(on_signal(), &[(1, 0.5, None)], None), Log::new());
        run.event(&events(&[(10, Some(10.0))])[0], &mut log).unwrap();
        run.finish(&mut log).unwrap();
        let mut give = |said, run: &mut Backtest<_>| {
            let r = BrokerReport { order: OrderId(1), time: at(11), said };
            run.give(at(11), 0, InputRef::Report(&r), &mut log).unwrap();
        };
        give(executed("a", "0", "20", "10", "1"), &mut run);
        let e = Event { data: MarketData::CorporateAction(action), ..events(&[(11, Some(10.0))])[0].clone() };
        run.give(at(11), 0, InputRef::Market(&e), &mut ()).unwrap();
        give(Said::Busted(execution("a")), &mut run);
        assert_eq!(run.engine().kill_switch().state() == TradingState::Halted, halted, "{action:?}");
    }
}

#[test]
fn names_of_orders_are_of_their_book_and_epoch_and_enter_no_books() {
    let of = |book: &str, epoch| {
        let config = EngineConfig { book: BookName::new(book).unwrap(), epoch, ..on_signal() };
        let (mut run, mut log) = (start(config, &[(1, 0.5, None)], None), Log::new());
        events(&[(10, Some(10.0)), (20, Some(11.0))]).iter().for_each(|e| run.event(e, &mut log).unwrap());
        run.finish(&mut log).unwrap();
        assert_eq!(log.fills.len(), 1);
        run.into_engine()
    };
    let (main, other, later) = (of("main", 1), of("other", 1), of("main", 2));
    assert!(main.ledger().hash() == other.ledger().hash() && main.ledger().hash() == later.ledger().hash());
    let id = main.client_id(OrderId(1));
    assert_eq!(id.to_string(), "main-1-1-1");
    assert_eq!(main.order_of(&id.again().unwrap()), Some(OrderId(1)));
    assert_eq!((other.order_of(&id), later.order_of(&id)), (None, None));
    assert_eq!(main.order_of(&main.client_id(OrderId(2))), None, "never sent");
    assert!(EngineConfig { epoch: 0, ..EngineConfig::default() }.check().is_err());
}
