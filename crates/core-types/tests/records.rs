//! Paper bets by hand, case by case, and what holds for all of them.

use proptest::prelude::*;
use tradewind_core_types::*;

fn sym(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}
fn id(s: &str) -> StrategyId {
    StrategyId::new(s).unwrap()
}

/// Numbers that are the same everywhere.
struct Rng(u64);
impl Rng {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
    /// A return around nothing.
    fn step(&mut self) -> f64 {
        0.04 * (self.uniform() + self.uniform() - 1.0)
    }
}

/// One session a day; the signals that stand are told at the end of each close's instant.
struct World {
    records: StrategyRecords,
    market: Market,
    delay: usize,
    day: i64,
    standing: Vec<(StrategyId, Signal)>,
}

impl World {
    fn new(delay: usize, cost: f64) -> Self {
        let mut records = StrategyRecords::new(cost);
        records.follow(Follow::Bets(delay));
        Self { records, market: Market::default(), delay, day: 0, standing: Vec::new() }
    }
    fn now(&self) -> Time {
        Time::from_ymd(2020, 1, 1).unwrap().plus(Span::from_days(self.day))
    }
    fn show(&mut self, symbol: Option<&str>, time: Time, data: MarketData) {
        let e = Event { time, symbol: symbol.map(sym), origin: Origin::default(), data };
        self.market.apply(&e);
        self.records.observe(&e, &self.market);
    }
    fn action(&mut self, symbol: &str, a: CorporateAction) {
        self.show(Some(symbol), self.now().plus(Span::from_secs(3600)), MarketData::CorporateAction(a));
    }
    /// A strategy's signal stands from here on, in place of what stood.
    fn wants(&mut self, legs: &[(&str, f64)], score: f64) {
        self.standing.clear();
        if let [first, others @ ..] = legs {
            let mut s = Signal::new(self.now(), sym(first.0), score, 0.5, "").unwrap();
            s.legs[0].ratio = first.1;
            let s = others.iter().fold(s, |s, (symbol, ratio)| s.and(sym(symbol), *ratio));
            self.standing.push((id("s"), s));
        }
    }
    /// A session with these closes, of which each was seen on the day; then the signals stand.
    fn close(&mut self, closes: &[(&str, f64)]) -> Vec<Settled> {
        self.day += 1;
        for (s, p) in closes {
            let bar = MarketData::Bar(Bar::close_only(Price::from_f64(*p).unwrap()));
            self.show(Some(s), self.now(), bar);
        }
        self.show(None, self.now(), MarketData::SessionClose);
        let settled = self.records.settled(self.delay).to_vec();
        let now = self.now();
        self.records.stand(self.standing.iter().map(|(id, s)| (*id, s)), &self.market, now);
        settled
    }
    /// Returns of what settled at this close.
    fn returns(&mut self, closes: &[(&str, f64)]) -> Vec<f64> {
        self.close(closes).iter().map(|s| s.ret.unwrap()).collect()
    }
}

fn near(a: &[f64], b: &[f64]) {
    let same = a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(same, "{a:?} instead of {b:?}");
}
const NOTHING: &[f64] = &[];

#[test]
fn a_bet_is_entered_as_many_closes_later_as_the_delay_says() {
    for delay in 0..4_usize {
        let mut w = World::new(delay, 0.0);
        w.wants(&[("A", 1.0)], 0.5);
        // 100, 110, 121, ...: one tenth in each session.
        let mut price = 100.0;
        for day in 0..8_usize {
            let settled = w.close(&[("A", price)]);
            price *= 1.1;
            // Decided at close 0, entered at close `delay`, known one later.
            assert_eq!(settled.len(), usize::from(day > delay), "day {day}, delay {delay}");
            for s in settled {
                near(&[s.ret.unwrap(), s.gross(), s.net()], &[0.1, 0.05, 0.05]);
                assert_eq!((s.strategy, s.symbol, s.score), (id("s"), sym("A"), 0.5));
                assert_eq!(s.entered.since(s.decided), Span::from_days(delay as i64));
                assert_eq!(s.time, w.now());
            }
        }
        assert_eq!((w.records.lost(delay), w.records.followed(delay)), (0, 1));
    }
}

#[test]
fn a_signal_that_no_longer_stands_is_left_at_the_close_that_would_sell_it() {
    let mut w = World::new(1, 0.0);
    w.wants(&[("A", 1.0)], 1.0);
    w.close(&[("A", 100.0)]);
    w.close(&[("A", 100.0)]);
    near(&w.returns(&[("A", 110.0)]), &[0.1]);
    // Gone at 99: still held to 108.9, then no more.
    w.wants(&[], 0.0);
    near(&w.returns(&[("A", 99.0)]), &[-0.1]);
    near(&w.returns(&[("A", 108.9)]), &[0.1]);
    near(&w.returns(&[("A", 1.0)]), NOTHING);
    assert_eq!(w.records.followed(1), 0, "nothing is kept of what is over");
}

#[test]
fn standing_aside_is_settled_at_score_zero() {
    let mut w = World::new(0, 0.01);
    w.wants(&[("A", 1.0)], 0.0);
    w.close(&[("A", 100.0)]);
    let s = w.close(&[("A", 110.0)]);
    near(&[s[0].ret.unwrap(), s[0].gross(), s[0].net()], &[0.1, 0.0, 0.0]);
}

#[test]
fn splits_dividends_and_names_are_no_returns() {
    let mut w = World::new(0, 0.0);
    w.wants(&[("A", 1.0)], -1.0);
    w.close(&[("A", 90.0)]);
    // Three for one, then a dividend of 3 a share; the split that comes after it multiplies what is held and not what was paid.
    w.action("A", CorporateAction::Split { numerator: 3, denominator: 1 });
    w.action("A", CorporateAction::Dividend { amount: "3".parse().unwrap() });
    w.action("A", CorporateAction::Split { numerator: 1, denominator: 3 });
    w.action("A", CorporateAction::SymbolChange { to: sym("B") });
    w.wants(&[("B", 1.0)], -1.0);
    // One share of 90 is three of 30, which pay 9, and one of 99: (99 + 9) / 90.
    let s = w.close(&[("B", 99.0)]);
    near(&[s[0].ret.unwrap(), s[0].gross()], &[0.2, -0.2]);
    assert_eq!((s.len(), s[0].symbol), (1, sym("B")));
    near(&w.returns(&[("B", 99.0)]), &[0.0]);
}

#[test]
fn a_pair_is_one_bet_and_waits_for_all_its_legs() {
    let mut w = World::new(1, 0.0);
    w.wants(&[("A", 1.0), ("B", -0.5)], 1.0);
    w.close(&[("A", 100.0), ("B", 50.0)]);
    // B does not trade for two sessions: entering A alone would be a bet that nobody made.
    near(&w.returns(&[("A", 105.0)]), NOTHING);
    near(&w.returns(&[("A", 110.0)]), NOTHING);
    assert_eq!(w.records.lost(1), 2);
    near(&w.returns(&[("A", 120.0), ("B", 60.0)]), NOTHING);
    // From 120 and 60: +10 % less half of -5 %.
    near(&w.returns(&[("A", 132.0), ("B", 57.0)]), &[0.125]);
    // A session in which a leg has no price is none; the next return is that of the gap.
    near(&w.returns(&[("A", 66.0)]), NOTHING);
    assert_eq!(w.records.lost(1), 3);
    near(&w.returns(&[("A", 66.0), ("B", 57.0)]), &[-0.5]);
}

#[test]
fn nobody_sells_what_does_not_trade() {
    let mut w = World::new(1, 0.0);
    w.wants(&[("A", 1.0)], 1.0);
    w.close(&[("A", 100.0)]);
    w.close(&[("A", 100.0)]);
    w.wants(&[("A", 1.0)], -1.0);
    w.close(&[("A", 110.0)]);
    // Due at the close of the next day, on which A is halted, as on the one after.
    near(&w.returns(&[("B", 1.0)]), NOTHING);
    near(&w.returns(&[("B", 1.0)]), NOTHING);
    let gap = w.close(&[("A", 55.0)]);
    near(&[gap[0].ret.unwrap(), gap[0].gross()], &[-0.5, -0.5]);
    let short = w.close(&[("A", 66.0)]);
    near(&[short[0].ret.unwrap(), short[0].gross()], &[0.2, -0.2]);
    assert_eq!(short[0].score, -1.0);
}

#[test]
fn a_delisting_pays_what_it_pays_and_ends_the_bet() {
    for (price, gone) in [(None, -1.0), (Some("45"), -0.5)] {
        let mut w = World::new(1, 0.0);
        w.wants(&[("B", 1.0), ("A", 1.0)], 1.0);
        w.close(&[("A", 90.0), ("B", 10.0)]);
        w.close(&[("A", 90.0), ("B", 10.0)]);
        // What else was held is sold at the first close at which it trades.
        w.action("A", CorporateAction::Delisting { price: price.map(|p| p.parse().unwrap()) });
        w.wants(&[], 0.0);
        near(&w.returns(&[("C", 1.0)]), NOTHING);
        let s = w.close(&[("B", 11.0)]);
        near(&[s[0].ret.unwrap()], &[gone + 0.1]);
        assert!(s[0].delisted);
        near(&w.returns(&[("B", 22.0)]), NOTHING);
        assert_eq!(w.records.followed(1), 0);
    }
}

#[test]
fn a_delisting_cancels_what_was_on_its_way() {
    let mut w = World::new(2, 0.0);
    w.wants(&[("A", 1.0)], 1.0);
    w.close(&[("A", 100.0)]);
    w.close(&[("A", 100.0)]);
    w.action("A", CorporateAction::Delisting { price: None });
    w.wants(&[], 0.0);
    // Another company takes the name: the order of the old one is not filled in it.
    for p in [5.0, 6.0, 7.0, 8.0] {
        near(&w.returns(&[("A", p)]), NOTHING);
    }
    assert_eq!(w.records.followed(2), 0);
}

#[test]
fn a_bet_under_a_name_that_another_takes_is_lost() {
    let mut w = World::new(0, 0.0);
    let one = |s: &str| Signal::new(Time::MIN, sym(s), 1.0, 0.5, "").unwrap();
    w.standing = vec![(id("s"), one("A")), (id("s"), one("B"))];
    w.close(&[("A", 100.0), ("B", 10.0)]);
    w.action("A", CorporateAction::SymbolChange { to: sym("B") });
    w.standing = vec![(id("s"), one("B"))];
    near(&w.returns(&[("B", 110.0)]), &[0.1]);
    assert_eq!((w.records.lost(0), w.records.followed(0)), (1, 1));
}

#[test]
fn prices_that_no_leg_has_and_numbers_that_are_none_are_not_followed() {
    let mut w = World::new(0, 0.0);
    w.wants(&[("A", 1.0), ("NEVER", 1.0)], 1.0);
    w.close(&[("A", 100.0)]);
    near(&w.returns(&[("A", 110.0)]), NOTHING);
    w.wants(&[("A", f64::NAN)], 1.0);
    near(&w.returns(&[("A", 110.0)]), NOTHING);
    assert_eq!(w.records.followed(0), 0);
    // Nor is an index, which cannot be traded.
    w.wants(&[("I", 1.0)], 1.0);
    for level in [100.0, 110.0, 120.0] {
        let bar = MarketData::Index(Bar::close_only(Price::from_f64(level).unwrap()));
        w.show(Some("I"), w.now().plus(Span::from_days(1)), bar);
        near(&w.returns(&[("A", 110.0)]), NOTHING);
    }
}

#[test]
fn each_change_of_exposure_is_paid_once_by_what_settles_next() {
    // One per cent of what is traded.
    let mut w = World::new(0, 0.01);
    let mut costs = Vec::new();
    for (legs, score) in [
        (vec![("A", 1.0)], 0.5),
        (vec![("A", 1.0)], 0.5),
        // From 0.5 to -1: 1.5 in A, 2 in B.
        (vec![("A", 1.0), ("B", -2.0)], -1.0),
        (vec![], 0.0),
        (vec![], 0.0),
    ] {
        w.wants(&legs, score);
        costs.extend(w.close(&[("A", 100.0), ("B", 100.0)]).iter().map(|s| (s.cost, s.ret)));
    }
    let want = [(0.005, Some(0.0)), (0.0, Some(0.0)), (0.035, Some(0.0)), (0.03, None)];
    assert_eq!(costs.len(), want.len());
    for (got, want) in costs.iter().zip(want) {
        assert!((got.0 - want.0).abs() < 1e-15 && got.1 == want.1, "{costs:?}");
    }
}

#[test]
fn a_signal_replaced_within_a_session_has_earned_until_then() {
    let mut w = World::new(0, 0.0);
    w.wants(&[("A", 1.0)], 1.0);
    w.close(&[("A", 100.0)]);
    let noon = w.now().plus(Span::from_secs(3600 * 12));
    w.show(Some("A"), noon, MarketData::Bar(Bar::close_only("110".parse().unwrap())));
    w.wants(&[("A", 1.0)], -1.0);
    let short = w.standing[0].1.clone();
    w.records.decided(id("s"), sym("A"), Some(&short), &w.market, noon);
    let s = w.close(&[("A", 99.0)]);
    assert_eq!(s.iter().map(|s| s.score).collect::<Vec<_>>(), [1.0, -1.0]);
    near(&s.iter().map(Settled::gross).collect::<Vec<_>>(), &[0.1, 0.1]);
    assert_eq!((s[0].time, s[1].entered), (noon, noon));
}

#[test]
fn scores_are_those_that_stand_at_the_last_close() {
    let mut records = StrategyRecords::default();
    records.follow(Follow::Scores);
    let (market, now) = (Market::default(), Time::MIN);
    let one = |s: &str, x| Signal::new(Time::MIN, sym(s), x, 0.5, "").unwrap();
    let (a, b) = (one("A", 0.5), one("B", -0.25));
    records.stand([(id("t"), &a), (id("s"), &b), (id("s"), &a)].into_iter(), &market, now);
    let shown = |r: &StrategyRecords| r.scores().iter().map(|s| (s.strategy, s.symbol, s.score)).collect::<Vec<_>>();
    assert_eq!(shown(&records), [(id("s"), sym("A"), 0.5), (id("s"), sym("B"), -0.25), (id("t"), sym("A"), 0.5)]);
    let data = MarketData::CorporateAction(CorporateAction::SymbolChange { to: sym("C") });
    records.observe(&Event { time: now, symbol: Some(sym("A")), origin: Origin::default(), data }, &market);
    assert_eq!(shown(&records)[..2], [(id("s"), sym("B"), -0.25), (id("s"), sym("C"), 0.5)]);
    assert!(records.settled(1).is_empty() && records.lost(1) == 0);
}

/// Sixty random sessions of two symbols with splits, dividends and gaps; what settles at each close. The records are saved and restored
/// after session `restart`.
fn random(seed: u64, delay: usize, sessions: usize, restart: Option<usize>) -> Vec<Vec<Settled>> {
    let (mut w, mut rng) = (World::new(delay, 0.001), Rng(seed));
    let (mut a, mut b) = (100.0, 50.0);
    let mut out = Vec::new();
    for day in 0..sessions {
        let u = rng.uniform();
        if u < 0.1 {
            w.action("A", CorporateAction::Split { numerator: 3, denominator: 2 });
            a /= 1.5;
        } else if u < 0.2 {
            w.action("B", CorporateAction::Dividend { amount: "0.5".parse().unwrap() });
        } else if u > 0.98 && day > 0 {
            w.action("B", CorporateAction::Delisting { price: Some("40".parse().unwrap()) });
        }
        (a, b) = (a * (1.0 + rng.step()), b * (1.0 + rng.step()));
        match (rng.uniform() * 5.0) as u8 {
            0 => w.wants(&[], 0.0),
            1 => w.wants(&[("A", 1.0), ("B", -0.5)], rng.uniform()),
            2 => w.wants(&[("B", 1.0)], -rng.uniform()),
            _ => {}
        }
        let both = [("A", a), ("B", b)];
        out.push(w.close(if rng.uniform() < 0.15 { &both[..1] } else { &both }));
        if restart == Some(day) {
            let saved = postcard::to_stdvec(&w.records).unwrap();
            w.records = postcard::from_bytes(&saved).unwrap();
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nothing settles that later data could change, and a restart changes nothing.
    #[test]
    fn blind_to_the_future_and_restored_anywhere(seed in any::<u64>(), delay in 0_usize..4, cut in 1_usize..59) {
        let whole = random(seed, delay, 60, None);
        prop_assert_eq!(&random(seed, delay, cut, None), &whole[..cut]);
        prop_assert_eq!(&random(seed, delay, 60, Some(cut)), &whole);
        for s in whole.iter().flatten() {
            prop_assert!(s.decided <= s.entered && s.entered <= s.time && s.cost >= 0.0 && s.net() <= s.gross());
            let waited = s.entered.since(s.decided);
            prop_assert!(s.ret.is_none() || waited >= Span::from_days(delay as i64));
        }
    }

    /// A signal that always stands earns what a holder of the adjusted price would have.
    #[test]
    fn returns_multiply_out_to_those_of_a_holder(seed in any::<u64>(), delay in 0_usize..4) {
        let (mut w, mut rng) = (World::new(delay, 0.0), Rng(seed));
        let (mut price, mut shares, mut worth, mut grown) = (100.0, 1.0, vec![], 1.0);
        w.wants(&[("A", 1.0)], 1.0);
        for _ in 0..80 {
            if rng.uniform() < 0.1 {
                w.action("A", CorporateAction::Split { numerator: 2, denominator: 1 });
                (price, shares) = (price / 2.0, shares * 2.0);
            }
            price = (price * (1.0 + rng.step()) * 1e9_f64).round() / 1e9;
            // Now and then there is no price; the last one is there always.
            let traded = worth.len() <= delay || rng.uniform() < 0.8 || worth.len() == 79;
            worth.push(shares * price);
            let closes = [("A", price)];
            grown = w.returns(if traded { &closes } else { &[] }).iter().fold(grown, |g, r| g * (1.0 + r));
        }
        prop_assert!((grown - worth[79] / worth[delay]).abs() < 1e-9 * grown, "{} {}", grown, worth[79] / worth[delay]);
    }
}
