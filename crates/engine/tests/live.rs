//! Live sources: the order in which a resequencer lets events through, and a run on it.

use proptest::prelude::*;
use tradewind_core_types::*;
use tradewind_engine::{Arrival, Late, Resequencer, Tally};

const SETTLE: i64 = 50;

fn at(nanos: i64) -> Time {
    Time::from_nanos(nanos)
}
fn event(source: u16, row: u32, symbol: &str, time: i64, data: MarketData) -> Event {
    Event { time: at(time), symbol: Symbol::new(symbol).ok(), origin: Origin { source, row }, data }
}
fn bar(source: u16, row: u32, symbol: &str, time: i64) -> Event {
    event(source, row, symbol, time, MarketData::Bar(Bar::close_only("10".parse().unwrap())))
}
fn trade(source: u16, row: u32, symbol: &str, time: i64) -> Event {
    let data = Trade { price: "10".parse().unwrap(), size: "1".parse().unwrap(), buyer: None };
    event(source, row, symbol, time, MarketData::Trade(data))
}
fn close(source: u16, row: u32, time: i64) -> Event {
    Event { symbol: None, ..event(source, row, "X", time, MarketData::SessionClose) }
}
fn drain(r: &mut Resequencer) -> Vec<Arrival> {
    std::iter::from_fn(|| r.next()).collect()
}
/// Row, time of receipt, lateness.
fn said(r: &mut Resequencer) -> Vec<(u32, i64, Option<Late>)> {
    drain(r).iter().map(|a| (a.event.origin.row, a.received.nanos(), a.late)).collect()
}
fn resequencer() -> Resequencer {
    Resequencer::new(Span::from_nanos(SETTLE))
}

#[test]
fn what_is_no_bar_goes_on_as_it_arrives_whatever_other_sources_do() {
    let mut r = resequencer();
    r.push(at(10), trade(0, 1, "A", 9));
    // Source 1 has been slow: its trade is older than that of source 0, and not late for that.
    r.push(at(11), trade(1, 2, "B", 2));
    // Of its own source it comes after a later one.
    r.push(at(12), trade(0, 3, "A", 8));
    assert_eq!(said(&mut r), [(1, 10, None), (2, 11, None), (3, 12, Some(Late::OutOfOrder))]);
    let tallies: Vec<_> = r.tallies().collect();
    assert_eq!(tallies, [(0, Tally { out_of_order: 1, after_bars: 0 }), (1, Tally::default())]);
}

#[test]
fn bars_of_one_time_wait_for_each_other_and_trades_do_not_wait_for_them() {
    let mut r = resequencer();
    r.push(at(103), bar(0, 1, "B", 100));
    r.push(at(110), trade(0, 2, "B", 110));
    r.push(at(152), bar(0, 3, "A", 100));
    assert_eq!(said(&mut r), [(2, 110, None)]);
    assert_eq!(r.next_release(), Some(at(153)));
    r.advance(at(152));
    assert!(r.next().is_none());
    // Whoever looks late finds them stamped with the moment when they were due.
    r.advance(at(400));
    assert_eq!(said(&mut r), [(3, 153, None), (1, 153, None)]);
    r.push(at(401), bar(0, 4, "C", 100));
    assert_eq!(said(&mut r), [(4, 401, Some(Late::AfterItsBars))]);
    assert_eq!(r.next_release(), None);
}

#[test]
fn expected_bars_go_on_when_all_are_here() {
    let mut r = resequencer();
    r.expect(0, ["A", "B"].map(|s| Symbol::new(s).unwrap()));
    r.push(at(101), bar(0, 1, "B", 100));
    // A bar that nobody expected does not stand for one that is.
    r.push(at(102), bar(0, 2, "C", 100));
    assert!(r.next().is_none());
    r.push(at(103), bar(0, 3, "A", 100));
    assert_eq!(said(&mut r), [(3, 103, None), (1, 103, None), (2, 103, None)]);
    // One of them is missing: the settle time decides. Bars of a later time that are complete do not overtake them.
    r.push(at(201), bar(0, 4, "B", 200));
    r.push(at(203), bar(0, 5, "B", 202));
    r.push(at(204), bar(0, 6, "A", 202));
    assert_eq!(said(&mut r), [(4, 204, None), (6, 204, None), (5, 204, None)]);
}

#[test]
fn a_close_comes_after_the_bars_of_its_time() {
    // The calendar is another source, and its clock is right to the nanosecond; bars come when they come.
    let mut r = resequencer();
    r.push(at(100), close(9, 1, 100));
    r.push(at(140), bar(0, 2, "B", 100));
    r.push(at(145), bar(1, 3, "A", 100));
    r.advance(at(189));
    assert!(r.next().is_none(), "the close waits for the bars that wait");
    r.advance(at(195));
    assert_eq!(said(&mut r), [(2, 190, None), (3, 195, None), (1, 195, None)]);
    // Without any bars it goes on after the settle time: a source that says nothing holds nobody up.
    r.push(at(300), close(9, 4, 300));
    assert_eq!(r.next_release(), Some(at(350)));
    r.advance(at(350));
    assert_eq!(said(&mut r), [(4, 350, None)]);
    // With all that were expected it need not wait.
    r.expect(0, [Symbol::new("B").unwrap()]);
    r.push(at(400), close(9, 5, 400));
    r.push(at(404), bar(0, 6, "B", 400));
    assert_eq!(said(&mut r), [(6, 404, None), (5, 404, None)]);
}

#[test]
fn a_clock_that_goes_back_counts_as_the_latest_time_shown() {
    let mut r = resequencer();
    r.push(at(100), trade(0, 1, "A", 99));
    r.push(at(40), trade(0, 2, "A", 100));
    assert_eq!(said(&mut r), [(1, 100, None), (2, 100, None)]);
}

#[test]
fn a_late_price_does_not_replace_a_later_one() {
    let mut market = Market::default();
    let price = |p: &str| p.parse::<Price>().unwrap();
    let with = |p: &str, t: i64| {
        let data = Trade { price: price(p), size: "1".parse().unwrap(), buyer: None };
        event(0, 1, "A", t, MarketData::Trade(data))
    };
    let a = Symbol::new("A").unwrap();
    assert_eq!(market.apply(&with("10", 5)), Some(price("10")));
    assert_eq!(market.apply(&with("11", 4)), None);
    assert_eq!(market.price(a), Some(price("10")));
    // A bar that had to wait: there was one, but what traded since counts.
    assert_eq!(market.apply(&bar(0, 1, "A", 4)), None);
    let last = market.last(a).unwrap();
    assert_eq!((last.price, last.time, last.bar), (price("10"), at(5), Some(at(4))));
    assert_eq!(market.apply(&with("12", 5)), Some(price("12")), "of the same time the later one counts");
}

/// What arrives: when after the one before, from which source, what kind, how much earlier it happened.
fn arrivals() -> impl Strategy<Value = Vec<(i64, u16, u8, i64)>> {
    proptest::collection::vec((0_i64..30, 0_u16..3, 0_u8..3, 0_i64..60), 1..80)
}

proptest! {
    #[test]
    fn nothing_is_lost_doubled_or_kept_too_long(all in arrivals()) {
        let mut r = resequencer();
        let (mut now, mut given, mut out, mut received) = (1000, vec![], vec![], vec![]);
        for (row, (gap, source, kind, age)) in (1..).zip(all) {
            now += gap;
            let time = now - age;
            let e = match kind {
                0 => trade(source, row, "A", time),
                // Bars end at few times, so that they meet.
                1 => bar(source, row, ["A", "B", "C"][row as usize % 3], time / 20 * 20),
                _ => close(source, row, time / 20 * 20),
            };
            given.push((row, e.time, now));
            r.push(at(now), e);
            out.extend(drain(&mut r));
            received.push(r.next_release());
        }
        // A release is never due before what has been seen, nor later than two settle times after.
        prop_assert!(received.iter().zip(&given).all(|(due, g)| due.is_none_or(|t| t > at(g.2) && t <= at(g.2 + SETTLE))));
        r.advance(at(now + SETTLE));
        out.extend(drain(&mut r));
        prop_assert_eq!(r.next_release(), None);
        let mut rows: Vec<u32> = out.iter().map(|a| a.event.origin.row).collect();
        prop_assert!(out.windows(2).all(|w| w[0].received <= w[1].received));
        for a in &out {
            let (_, _, arrived) = given[a.event.origin.row as usize - 1];
            let waited = a.received.nanos() - arrived;
            // A close waits for bars that came while it waited.
            let most = match a.event.data {
                MarketData::Trade(_) => 0,
                MarketData::Bar(_) => SETTLE,
                _ => 2 * SETTLE,
            };
            prop_assert!((0..=most).contains(&waited), "waited {}", waited);
        }
        // Of one source, bars that are not late go on in the order of their times.
        for source in 0..3 {
            let times: Vec<Time> = out
                .iter()
                .filter(|a| a.event.origin.source == source && a.late.is_none() && matches!(a.event.data, MarketData::Bar(_)))
                .map(|a| a.event.time)
                .collect();
            prop_assert!(times.is_sorted());
        }
        rows.sort_unstable();
        prop_assert_eq!(rows, given.iter().map(|g| g.0).collect::<Vec<_>>());
    }

    /// The order in which the bars of a time happen to arrive changes nothing.
    #[test]
    fn bars_of_a_time_have_one_order(order in Just(vec!["A", "B", "C", "D"]).prop_shuffle()) {
        let mut r = resequencer();
        for s in order {
            r.push(at(101), bar(0, 1, s, 100));
        }
        r.advance(at(101 + SETTLE));
        let symbols: Vec<_> = drain(&mut r).iter().map(|a| a.event.symbol.unwrap().to_string()).collect();
        prop_assert_eq!(symbols, ["A", "B", "C", "D"]);
    }
}
