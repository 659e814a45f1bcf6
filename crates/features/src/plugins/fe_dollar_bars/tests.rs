//! Cases by hand.

use super::*;
use tradewind_core_types::Side;

fn bars(p: FeDollarBarsParams) -> DollarBars {
    p.build().unwrap()
}
fn trade(time: i64, price: f64, size: f64) -> FeDollarBarsIn {
    FeDollarBarsIn { time: Time::from_nanos(time), price, size, side: None }
}
/// Value and number of bars by trade.
fn run(b: &mut DollarBars, trades: &[(i64, f64, f64)]) -> Vec<Option<(f64, u64)>> {
    trades.iter().map(|t| b.update(&trade(t.0, t.1, t.2)).unwrap().map(|o| (o.value, o.bars))).collect()
}

#[test]
fn a_bar_by_hand() {
    let mut b = bars(FeDollarBarsParams { threshold: 100.0, ..Default::default() });
    for t in [trade(1, 10.0, 2.0), trade(2, 12.0, 3.0), trade(3, 9.0, 1.0), trade(3, 9.0, 2.0)] {
        assert_eq!(b.update(&t).unwrap(), None);
    }
    // 20 + 36 + 9 + 18 = 83 dollars are there; 2 x 11 more are 105.
    let out = b.update(&trade(7, 11.0, 2.0)).unwrap().unwrap();
    let want = FeDollarBarsOut {
        start: Time::from_nanos(1),
        end: Time::from_nanos(7),
        open: 10.0,
        high: 12.0,
        low: 9.0,
        close: 11.0,
        vwap: 10.5,
        volume: 10.0,
        value: 105.0,
        // The first trade has no sign; 12 is up, both 9 are down, 11 is up.
        buy_volume: 5.0,
        trades: 5,
        bars: 1,
    };
    assert_eq!(out, want);
    assert_eq!(b.pending(), None);
}

#[test]
fn the_crossing_trade_is_whole_carried_or_split() {
    let trades = [(1, 1.0, 70.0), (2, 1.0, 70.0), (3, 1.0, 250.0), (4, 1.0, 10.0), (5, 1.0, 60.0), (6, 1.0, 40.0)];
    let p = |crossing| FeDollarBarsParams { threshold: 100.0, crossing, ..Default::default() };
    let whole = run(&mut bars(p(Crossing::Whole)), &trades);
    assert_eq!(whole, [None, Some((140.0, 1)), Some((250.0, 1)), None, None, Some((110.0, 1))]);
    // 40 are carried over, so 250 make 290: one bar; 190 too many are one more threshold, which does not count, and 90.
    let carry = run(&mut bars(p(Crossing::Carry)), &trades);
    assert_eq!(carry, [None, Some((140.0, 1)), Some((250.0, 1)), Some((10.0, 1)), None, Some((100.0, 1))]);
    let mut b = bars(p(Crossing::Split));
    let split = run(&mut b, &trades);
    assert_eq!(split, [None, Some((100.0, 1)), Some((100.0, 2)), Some((100.0, 1)), None, Some((100.0, 1))]);
    assert_eq!((b.totals().bars, b.totals().trades, b.pending()), (5, 6, None));
}

#[test]
fn a_split_trade_counts_in_the_bar_of_its_first_part() {
    let mut b = bars(FeDollarBarsParams { threshold: 3.0, crossing: Crossing::Split, ..Default::default() });
    let mut all = Vec::new();
    let mut push = |price: &str, size: &str| {
        let t = tradewind_core_types::Trade {
            price: price.parse().unwrap(),
            size: size.parse().unwrap(),
            buyer: Some(true),
        };
        b.push(Time::from_nanos(5), &t, &mut |b| all.push((b.trades, b.volume, b.value))).unwrap()
    };
    // 3 dollars at 7: 0.428571429 shares, rounded up, is worth 3.000000003.
    assert_eq!(push("7", "1"), 2);
    assert_eq!(all, [(1, 428_571_429, 3_000_000_003_000_000_000), (0, 428_571_429, 3_000_000_003_000_000_000)]);
    let rest = b.pending().unwrap();
    assert_eq!((rest.trades, rest.volume, rest.buy_volume), (0, 142_857_142, 142_857_142));
}

#[test]
fn time_bars_end_with_their_interval() {
    let s = 1_000_000_000;
    let mut b = bars(FeDollarBarsParams { kind: BarKind::Time, threshold: 60.0, ..Default::default() });
    let trades = [(0, 1.0, 1.0), (59 * s, 2.0, 1.0), (60 * s, 3.0, 5.0), (200 * s, 4.0, 7.0)];
    assert_eq!(run(&mut b, &trades), [None, None, Some((3.0, 1)), Some((15.0, 1))]);
    // The clock closes it as a trade would, and there is no bar without a trade.
    let mut ends = Vec::new();
    assert_eq!(b.advance(Time::from_nanos(239 * s), &mut |b| ends.push(b.end)), 0);
    assert_eq!(b.advance(Time::from_nanos(240 * s), &mut |b| ends.push(b.end)), 1);
    assert_eq!(b.advance(Time::from_nanos(999 * s), &mut |b| ends.push(b.end)), 0);
    assert_eq!(ends, [240 * s]);
    assert!(b.update(&trade(998 * s, 1.0, 1.0)).unwrap_err().to_string().contains("1970-01-01T00:16:38Z"));
}

#[test]
fn adaptive_thresholds_are_of_complete_days() {
    let day = 86_400_000_000_000;
    let p = FeDollarBarsParams {
        threshold: 1000.0,
        sizing: BarSizing::Adaptive,
        bars_per_day: 4,
        days: 2,
        day_start_hour: 0.0,
        ..Default::default()
    };
    let mut b = bars(p.clone());
    run(&mut b, &[(1, 1.0, 100.0), (2, 1.0, 300.0)]);
    assert_eq!(b.target(), Some(1000.0));
    // Day one: 400 dollars, so bars of 100; the bar of 400 in progress is complete, and closes with the first trade of day two.
    assert_eq!(run(&mut b, &[(day, 1.0, 60.0)]), [Some((400.0, 1))]);
    assert_eq!(b.target(), Some(100.0));
    assert_eq!(run(&mut b, &[(day + 1, 1.0, 740.0)]), [Some((800.0, 1))]);
    // The mean of 400 and 800; then (nothing was traded on day four) of 800 and 200.
    run(&mut b, &[(2 * day, 1.0, 140.0), (2 * day + 5, 1.0, 60.0)]);
    assert_eq!(b.target(), Some(150.0));
    run(&mut b, &[(4 * day, 1.0, 1.0)]);
    assert_eq!(b.target(), Some(125.0));
    let t = b.totals();
    assert_eq!(t.value + b.pending().unwrap().value, 1401 * 1_000_000_000_000_000_000);
    // Breaking at the end of the day, no bar spans two days.
    let mut b = bars(FeDollarBarsParams { break_at_day_end: true, sizing: BarSizing::Fixed, ..p });
    assert_eq!(run(&mut b, &[(1, 1.0, 100.0), (day, 1.0, 5.0)]), [None, Some((100.0, 1))]);
}

#[test]
fn a_split_of_the_share_ends_the_bar_and_rescales_what_is_remembered() {
    let p = FeDollarBarsParams {
        kind: BarKind::Volume,
        threshold: 1000.0,
        sizing: BarSizing::Adaptive,
        bars_per_day: 2,
        day_start_hour: 0.0,
        ..Default::default()
    };
    let mut b = bars(p);
    run(&mut b, &[(1, 40.0, 500.0), (86_400_000_000_001, 41.0, 100.0)]);
    assert_eq!(b.target(), Some(250.0));
    let mut cut = Vec::new();
    assert_eq!(b.split(4, 1, &mut |b| cut.push((b.volume(), b.end))), 1);
    assert_eq!(cut, [(100.0, 86_400_000_000_001)]);
    assert_eq!(b.target(), Some(1000.0));
    // 10.25 on the new basis: 10.5 is a purchase.
    let out = b.update(&trade(86_400_000_000_002, 10.5, 1000.0)).unwrap().unwrap();
    assert_eq!((out.volume, out.buy_volume), (1000.0, 1000.0));
    // Day two: 4 x 100 + 1000 new shares.
    run(&mut b, &[(2 * 86_400_000_000_000, 10.0, 1.0)]);
    assert_eq!(b.target(), Some((2000.0 + 1400.0) / 2.0 / 2.0));
    assert_eq!(b.split(0, 1, &mut |_| ()), 0);
}

#[test]
fn given_sides_go_before_the_tick_rule() {
    let mut b = bars(FeDollarBarsParams { kind: BarKind::Tick, threshold: 4.0, ..Default::default() });
    let x = |price, size, side| FeDollarBarsIn { side, ..trade(0, price, size) };
    b.update(&x(5.0, 1.0, Some(Side::Buy))).unwrap();
    b.update(&x(6.0, 2.0, Some(Side::Sell))).unwrap();
    // Unchanged prices go on with the last sign; 7 is up.
    b.update(&x(6.0, 4.0, None)).unwrap();
    let out = b.update(&x(7.0, 8.0, None)).unwrap().unwrap();
    assert_eq!((out.volume, out.buy_volume, out.trades), (15.0, 9.0, 4));
}
