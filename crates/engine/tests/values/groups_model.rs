//! Random groups against random prints: exits never fill more than their entry, nothing crosses zero, every order ends once, a restart changes nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tradewind_core_types::testkit::Rng;
use tradewind_core_types::{
    Bar, MarketData, OrderId, OrderKind, Price, Quantity, Side, Snapshot as _, TimeInForce, Trail,
};
use tradewind_engine::{Costs, Exchange, ExchangeConfig, Shorting, Slippage, Venue as _};

use super::floor::*;

fn cents(n: i64) -> Price {
    Price::from_nanos(n.max(1) * 10_000_000).unwrap()
}

/// What came of a run: how many exits filled, in how many parts, and how many lost to the other one.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    entries: usize,
    profits: usize,
    stops: usize,
    parts: usize,
}

/// One group after the other on a walk of prices, in a world drawn from the seed.
fn play(seed: u64) -> Seen {
    let mut rng = Rng(seed);
    let mut n = |below: i64| (rng.next_u64() % below as u64) as i64;
    let participation = (n(2) == 0).then_some(0.1);
    let slippage = Slippage { max_participation: participation, ..Slippage::NONE };
    let costs = Costs { slippage, ..free() };
    let mut f = Floor::new(ExchangeConfig { costs, shorting: Shorting::All, leverage: 10.0 }, "100000");
    let (mut level, mut seen, mut id) = (1_000_i64, Seen::default(), 1);
    f.sees("XA", MarketData::Bar(Bar::close_only(cents(level))));
    for _ in 0..12 {
        let side = if n(2) == 0 { Side::Buy } else { Side::Sell };
        let up = |k: i64| cents(if side == Side::Buy { level + k } else { level - k });
        let profit = OrderKind::Limit { price: up(20 + n(60)) };
        let loss = match n(3) {
            0 => OrderKind::Stop { trigger: up(-20 - n(60)) },
            1 => OrderKind::TrailingStop { trail: Trail::Amount(cents(20 + n(60))) },
            _ => {
                let at = 20 + n(60);
                OrderKind::StopLimit { trigger: up(-at), price: up(-at - n(20)) }
            }
        };
        let kind = match n(3) {
            0 => OrderKind::Market,
            1 => OrderKind::Limit { price: up(-n(15)) },
            _ => OrderKind::Stop { trigger: up(n(15)) },
        };
        let exits = match n(4) {
            0 => vec![profit],
            1 => vec![loss],
            2 => vec![loss, profit],
            _ => vec![profit, loss],
        };
        let tif = if n(4) == 0 { TimeInForce::Day } else { TimeInForce::Gtc };
        f.bracket(id, side, kind, tif, &exits);
        let ids: Vec<u64> = (id..=id + exits.len() as u64).collect();
        let (mut filled, mut ended) = (BTreeMap::<u64, Quantity>::new(), BTreeMap::<u64, String>::new());
        let cancel_at = n(60);
        for step in 0..40 {
            let (o, c) = (level, (level + n(41) - 20).clamp(300, 3_000));
            let (h, l) = (o.max(c) + n(15), o.min(c) - n(15));
            level = c;
            let full = n(4) > 0;
            let some = |x: i64| full.then(|| cents(x));
            let size = Quantity::from_f64((5 + n(60)) as f64).unwrap();
            let data = match n(12) {
                0 => CLOSE,
                1 => MarketData::Trade(tradewind_core_types::Trade { price: cents(c), size, buyer: None }),
                _ => MarketData::Bar(Bar::new(some(o), some(h), some(l), cents(c), Some(size)).unwrap()),
            };
            if step == cancel_at {
                f.exchange.cancel(OrderId(ids[n(ids.len() as i64) as usize]), at(f.now));
            }
            let saved = f.exchange.save().unwrap();
            f.exchange = Exchange::default();
            f.exchange.load(&saved).unwrap();
            assert_eq!(f.exchange.save().unwrap(), saved);
            for said in f.sees("XA", data) {
                let mut words = said.split(' ');
                let who: u64 = words.next().unwrap().parse().unwrap();
                let rest: Vec<&str> = words.collect();
                assert!(ids.contains(&who), "{said}: an order of an earlier group");
                if let [from, "to", to, ..] = rest.as_slice() {
                    let so_far = filled.entry(who).or_default();
                    assert!(*so_far == q(from) && !ended.contains_key(&who), "{said}");
                    *so_far = q(to);
                    seen.parts += 1;
                    if q(to) == q("5") {
                        ended.insert(who, said.clone());
                    }
                } else if !matches!(rest[0], "accepted" | "held") {
                    assert_eq!(ended.insert(who, said.clone()), None, "a second end");
                }
                let of = |n: &u64| filled.get(n).copied().unwrap_or(Quantity::ZERO);
                let out: Quantity = ids[1..].iter().map(of).sum();
                assert!(out <= of(&id), "exits beyond their entry: {filled:?} {said}");
            }
            let of = |n: &u64| filled.get(n).copied().unwrap_or(Quantity::ZERO);
            let out: Quantity = ids[1..].iter().map(of).sum();
            let (held, sign) = (f.account.quantity(symbol("XA")), if side == Side::Buy { 1 } else { -1 });
            assert!(held.is_zero() || held.signum() == sign, "{held} crossed zero");
            assert_eq!(held.abs(), of(&id) - out);
            // Once all is closed that was bought, and no more can be bought, nothing works any more.
            if ended.contains_key(&id) && out == of(&id) {
                assert_eq!(ended.len(), ids.len(), "{ended:?} {filled:?}");
                assert_eq!(f.exchange.working(), 0);
                break;
            }
        }
        let got = |n: u64| filled.get(&n).is_some_and(|x| !x.is_zero());
        seen.entries += usize::from(got(id));
        for (exit, n) in exits.iter().zip(id + 1..) {
            let of = if matches!(exit, OrderKind::Limit { .. }) { &mut seen.profits } else { &mut seen.stops };
            *of += usize::from(got(n));
        }
        f.exchange.cancel(OrderId(id), at(f.now));
        ids.iter().for_each(|n| f.exchange.cancel(OrderId(*n), at(f.now)));
        f.sees("XA", MarketData::Bar(Bar::close_only(cents(level))));
        assert_eq!(f.exchange.working(), 0);
        let left = f.account.quantity(symbol("XA"));
        if !left.is_zero() {
            let back = if left > Quantity::ZERO { Side::Sell } else { Side::Buy };
            f.order(id + 9, "XA", back, &left.abs().to_string(), OrderKind::Market, TimeInForce::Gtc);
            f.sees("XA", MarketData::Bar(Bar { volume: Some(q("1000")), ..Bar::close_only(cents(level)) }));
            assert!(f.account.quantity(symbol("XA")).is_zero());
        }
        id += 10;
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exits_close_what_their_entry_has_filled_and_never_more(seed in any::<u64>()) {
        play(seed);
    }
}

/// The random worlds are not empty ones.
#[test]
fn profits_and_stops_fill_in_whole_and_in_parts() {
    let all: Vec<Seen> = (0..30).map(play).collect();
    let sum = |f: fn(&Seen) -> usize| all.iter().map(f).sum::<usize>();
    let counts = [sum(|s| s.entries), sum(|s| s.profits), sum(|s| s.stops), sum(|s| s.parts)];
    assert!(counts[0] > 200 && counts[1] > 30 && counts[2] > 80 && counts[3] > 2 * counts[0], "{counts:?}");
}
