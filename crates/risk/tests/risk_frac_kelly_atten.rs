//! risk_frac_kelly_atten: conformance, the sizer on a market, calibration of the posterior, and what attenuation is worth.

use proptest::prelude::*;
use serde_json::{Value, json};
use tradewind_core_types::testkit::{self, Rng, online_trace};
use tradewind_core_types::*;
use tradewind_risk::kelly::{Posterior, discrete, expected_growth, growth, shrinkage_discrete};
use tradewind_risk::plugins::risk_frac_kelly_atten::{
    Attenuation, Method, PLUGIN, RiskFracKellyAttenIn, RiskFracKellyAttenParams,
};

fn rows(seed: u64, n: usize) -> Vec<RiskFracKellyAttenIn> {
    let mut rng = Rng(seed);
    testkit::returns(seed, n)
        .into_iter()
        .map(|r| RiskFracKellyAttenIn {
            ret: r + 0.002,
            probability: (rng.uniform() < 0.7).then(|| 0.45 + 0.2 * rng.uniform()),
        })
        .collect()
}

#[test]
fn online_for_each_form() {
    for change in [
        json!({}),
        json!({"method": "continuous", "window": 90}),
        json!({"attenuation": "baker_mchale", "loss": "worst"}),
        json!({"probability": "confidence", "attenuation": "none", "loss": "stake"}),
    ] {
        testkit::online_suite(&parse_params::<RiskFracKellyAttenParams>(&change).unwrap(), &rows(3, 300));
    }
}

#[test]
fn bad_input_is_refused() {
    let mut c = RiskFracKellyAttenParams::default().build().unwrap();
    for x in rows(1, 80) {
        c.update(&x).unwrap();
    }
    let row = |ret, probability| RiskFracKellyAttenIn { ret, probability };
    testkit::refuses(
        &mut c,
        &[
            row(f64::NAN, None),
            row(f64::INFINITY, None),
            row(10.1, None),
            row(-11.0, None),
            row(0.01, Some(f64::NAN)),
            row(0.01, Some(-0.1)),
            row(0.01, Some(1.1)),
        ],
    );
    let wrong = json!({
        "fraction": 1.5, "level": 0.6, "prior_wins": 0.0, "prior_losses": -1.0, "cap": 0.0, "window": 1, "minimum": 1,
        "sides": 0, "unproven": 0.5, "method": "continuous", "probability": "confidence", "delay": 6,
    });
    let e = parse_params::<RiskFracKellyAttenParams>(&wrong).unwrap().build().unwrap_err();
    assert_eq!(e.0.len(), 11, "{e}");
    let nan = RiskFracKellyAttenParams { fraction: f64::NAN, level: f64::NAN, cap: f64::NAN, ..Default::default() };
    assert_eq!(nan.build().unwrap_err().0.len(), 4);
}

/// A market of closes, one session a step, and one decision at each close.
struct World {
    sizer: Box<dyn Sizer>,
    market: Market,
    portfolio: Portfolio,
    records: StrategyRecords,
    /// Signals asked about since the last close, and whether it is still to be told that they stand.
    asked: Vec<(StrategyId, Signal)>,
    closing: bool,
    day: i64,
}

fn sym(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}

impl World {
    fn new(params: Value) -> Self {
        let mut sizer = (PLUGIN.sizer.unwrap())(&params).unwrap();
        let mut records = StrategyRecords::default();
        records.follow(sizer.follows());
        ["s", "t", "x", "y"].iter().for_each(|s| sizer.serve(StrategyId::new(s).unwrap()));
        let (market, portfolio) = (Market::default(), Portfolio::default());
        Self { sizer, market, portfolio, records, asked: Vec::new(), closing: false, day: 0 }
    }
    fn now(&self) -> Time {
        Time::from_ymd(2020, 1, 1).unwrap().plus(Span::from_days(self.day))
    }
    /// The instant of the close is over.
    fn stand(&mut self) {
        if std::mem::take(&mut self.closing) {
            let asked = std::mem::take(&mut self.asked);
            self.records.stand(asked.iter().map(|(id, s)| (*id, s)), &self.market, self.now());
        }
    }
    fn show(&mut self, symbol: Option<&str>, data: MarketData) {
        self.stand();
        self.closing = data == MarketData::SessionClose;
        let e = Event { time: self.now(), symbol: symbol.map(sym), origin: Origin::default(), data };
        self.market.apply(&e);
        self.records.observe(&e, &self.market);
        let features = FeatureValues::default();
        let view = View { records: &self.records, ..View::new(e.time, &self.market, &features, &self.portfolio) };
        self.sizer.observe(&e, &view).unwrap();
    }
    fn close(&mut self, closes: &[(&str, f64)]) {
        self.stand();
        self.day += 1;
        for (s, c) in closes {
            self.show(Some(s), MarketData::Bar(Bar::close_only(Price::from_f64(*c).unwrap())));
        }
        self.show(None, MarketData::SessionClose);
    }
    fn ask(&mut self, strategy: &str, signal: &Signal) -> Adjustment {
        let (id, now, features) = (StrategyId::new(strategy).unwrap(), self.now(), FeatureValues::default());
        self.records.decided(id, signal.symbol(), Some(signal), &self.market, now);
        self.asked.retain(|(s, old)| *s != id || old.symbol() != signal.symbol());
        self.asked.push((id, signal.clone()));
        let view = View { records: &self.records, ..View::new(now, &self.market, &features, &self.portfolio) };
        self.sizer.size(id, signal, &view)
    }
    fn signal(&self, symbol: &str, score: f64) -> Signal {
        Signal::new(self.now(), sym(symbol), score, 0.6, "test").unwrap()
    }
    /// A session with this close of A, then a decision in this direction.
    fn day(&mut self, close: f64, score: f64) -> Adjustment {
        self.close(&[("A", close)]);
        let s = self.signal("A", score);
        self.ask("s", &s)
    }
}

fn number(a: &Adjustment, name: &str) -> Option<f64> {
    a.numbers.iter().find(|(n, _)| n == name).map(|(_, v)| *v)
}
fn scale(a: &Adjustment) -> f64 {
    match a.adjust {
        Adjust::Scale(x) => x,
        other => panic!("{other:?}"),
    }
}
fn near(a: Option<f64>, b: f64) {
    assert!(a.is_some_and(|a| (a - b).abs() < 1e-12), "{a:?} instead of {b}");
}

/// Means of the returns on record are what `continuous` shows.
fn plain() -> Value {
    json!({"method": "continuous", "attenuation": "none", "minimum": 2, "sides": 1, "fraction": 1.0, "cap": 100.0})
}

#[test]
fn a_session_counts_when_it_is_over_and_only_from_the_close_that_fills() {
    let mut w = World::new(
        json!({"attenuation": "none", "minimum": 2, "sides": 1, "loss": "stake", "fraction": 1.0, "cap": 1.0}),
    );
    // Decided at 100, filled at 110: +10 % to 121, then -12 % and +20 %.
    for close in [100.0, 110.0, 121.0] {
        let a = w.day(close, 0.5);
        assert_eq!(scale(&a), 0.02);
    }
    let a = w.day(106.48, 0.5);
    assert_eq!((number(&a, "n"), number(&a, "p"), scale(&a)), (Some(2.0), Some(0.5), 0.0));
    assert_eq!(a.reason, "no edge in 2 sessions");
    let a = w.day(127.776, 0.5);
    // p = (1 + 2) / 5, b = 0.15 / 0.12: 0.6 - 0.4 / 1.25.
    near(number(&a, "b"), 1.25);
    near(Some(scale(&a)), 0.28);
    assert_eq!(a.reason, "Kelly 0.28 x 1 x 1.00 from 3 sessions");
    let names: Vec<&str> = a.numbers.iter().map(|n| n.0.as_ref()).collect();
    assert_eq!(names, ["n", "p", "p_low", "b", "kelly", "fraction", "attenuation"]);
    // A price that nobody was in front of changes nothing: the same decision again at the same close.
    let again = w.signal("A", 0.5);
    assert_eq!(w.ask("s", &again), a);
}

#[test]
fn without_delay_the_decisions_own_close_counts() {
    let mut p = plain();
    p["delay"] = json!(0);
    let mut w = World::new(p);
    w.day(100.0, 1.0);
    w.day(110.0, 1.0);
    let a = w.day(99.0, -1.0);
    // +10 % and -10 %.
    near(number(&a, "mean"), 0.0);
    let a = w.day(79.2, -1.0);
    // Short through -20 %.
    near(number(&a, "mean"), 0.2 / 3.0);
    // A signal replaced in the middle of a session has earned until then.
    w.show(Some("A"), MarketData::Bar(Bar::close_only("71.28".parse().unwrap())));
    let long = w.signal("A", 1.0);
    // It counts when the session is over.
    let a = w.ask("s", &long);
    near(number(&a, "mean"), 0.2 / 3.0);
    let a = w.day(64.152, 0.0);
    near(number(&a, "mean"), 0.2 / 5.0);
    // Nothing is held: nothing is earned.
    let a = w.day(1.0, 0.0);
    near(number(&a, "mean"), 0.2 / 5.0);
}

#[test]
fn corporate_actions_are_no_returns() {
    let mut w = World::new(plain());
    w.day(100.0, 1.0);
    w.day(100.0, 1.0);
    w.day(90.0, 1.0);
    w.show(Some("A"), MarketData::CorporateAction(CorporateAction::Split { numerator: 3, denominator: 1 }));
    w.show(Some("A"), MarketData::CorporateAction(CorporateAction::Dividend { amount: "3".parse().unwrap() }));
    w.show(Some("A"), MarketData::CorporateAction(CorporateAction::SymbolChange { to: sym("B") }));
    w.close(&[("B", 33.0)]);
    let s = w.signal("B", 1.0);
    let a = w.ask("s", &s);
    // -10 %, then (33 + 3) / 30 - 1.
    near(number(&a, "mean"), 0.05);
}

#[test]
fn a_delisting_is_a_loss_like_any_other() {
    for (price, last) in [(None, -1.0), (Some("45"), -0.5)] {
        let mut w = World::new(plain());
        w.day(100.0, 1.0);
        w.day(100.0, 1.0);
        w.day(90.0, 1.0);
        let price = price.map(|p| p.parse().unwrap());
        w.show(Some("A"), MarketData::CorporateAction(CorporateAction::Delisting { price }));
        w.day += 10;
        // Listed anew, its record goes on.
        w.day(10.0, 1.0);
        w.day(10.0, 1.0);
        let a = w.day(11.0, 1.0);
        near(number(&a, "mean"), (-0.1 + last + 0.1) / 3.0);
    }
}

#[test]
fn expired_signals_earn_nothing_more() {
    let mut w = World::new(plain());
    let ask = |w: &mut World, close: f64, expires: Option<i64>| {
        w.close(&[("A", close)]);
        let mut s = w.signal("A", 1.0);
        s.expires = expires.map(|d| w.now().plus(Span::from_days(d)));
        w.ask("s", &s)
    };
    ask(&mut w, 100.0, None);
    ask(&mut w, 100.0, None);
    // Decided until the next close; held from the next close to the one after, as that is when its end is filled.
    ask(&mut w, 110.0, Some(1));
    w.close(&[("A", 99.0)]);
    w.close(&[("A", 108.9)]);
    for c in [1.0, 2.0, 3.0] {
        w.close(&[("A", c)]);
    }
    let a = ask(&mut w, 4.0, None);
    near(number(&a, "mean"), 0.1 / 3.0);
    assert_eq!(number(&a, "n"), Some(3.0));
}

#[test]
fn a_session_without_a_price_is_none_and_the_gap_is_borne() {
    let mut w = World::new(plain());
    for close in [100.0, 100.0, 110.0] {
        w.day(close, 1.0);
    }
    // Halted for three sessions; the strategy turns meanwhile, but nothing can be sold before there is a price.
    for _ in 0..3 {
        w.close(&[("OTHER", 5.0)]);
        let s = w.signal("A", -1.0);
        assert_eq!(number(&w.ask("s", &s), "n"), Some(1.0));
    }
    let a = w.day(55.0, -1.0);
    near(number(&a, "mean"), (0.1 - 0.5) / 2.0);
    // From that price on it is short.
    let a = w.day(66.0, -1.0);
    near(number(&a, "mean"), (0.1 - 0.5 - 0.2) / 3.0);
}

#[test]
fn a_pair_is_one_bet() {
    let mut w = World::new(plain());
    for (a, b) in [(100.0, 50.0), (100.0, 50.0), (110.0, 51.0)] {
        w.close(&[("A", a), ("B", b)]);
        let s = w.signal("A", -1.0).and(sym("B"), -2.0);
        w.ask("s", &s);
    }
    w.close(&[("A", 99.0), ("B", 51.0)]);
    let s = w.signal("A", -1.0).and(sym("B"), -2.0);
    let a = w.ask("s", &s);
    // Short A, long B twice: -(0.10 - 2 x 0.02), then -(-0.10).
    near(number(&a, "mean"), (-0.06 + 0.10) / 2.0);
}

#[test]
fn records_are_pooled_as_told() {
    // Two strategies in two symbols: four records, two, or two, of bets that are long and short.
    let said = |pool: &str| {
        let mut p = plain();
        p["pool"] = json!(pool);
        p["window"] = json!(12);
        let mut w = World::new(p);
        let mut out = Vec::new();
        for (a, b) in [(100.0, 100.0), (100.0, 100.0), (110.0, 102.0), (99.0, 105.06)] {
            w.close(&[("A", a), ("B", b)]);
            out = [("x", "A", 1.0), ("x", "B", 1.0), ("y", "A", -1.0), ("y", "B", -1.0)]
                .map(|(s, symbol, d)| {
                    let signal = w.signal(symbol, d);
                    let a = w.ask(s, &signal);
                    (number(&a, "mean").map(|m| (m * 1e9).round() / 1e9), number(&a, "n"))
                })
                .to_vec();
        }
        out
    };
    let n = Some(2.0);
    // A: +10 %, -10 %; B: +2 %, +3 % (always won or lost: one side only, so no mean is shown).
    assert_eq!(said("none"), [(Some(0.0), n), (None, n), (Some(0.0), n), (None, n)]);
    // Four bets in two sessions are two observations.
    assert_eq!(said("strategy"), [(Some(0.0125), n), (Some(0.0125), n), (Some(-0.0125), n), (Some(-0.0125), n)]);
    assert_eq!(said("symbol"), [(Some(0.0), n); 4]);
}

#[test]
fn missing_numbers_reduce() {
    let mut w = World::new(json!({"probability": "confidence", "minimum": 2, "sides": 1, "attenuation": "none"}));
    for close in [100.0, 100.0, 110.0, 104.5] {
        w.day(close, 1.0);
    }
    let mut s = w.signal("A", 1.0);
    let with = w.ask("s", &s);
    assert_eq!(scale(&with), 0.3, "{with:?}");
    s.confidence = f64::NAN;
    let without = w.ask("s", &s);
    assert_eq!((scale(&without), without.reason.as_ref()), (0.02, "the signal brings no probability: at most 2.0 %"));
    // A leg whose price is not known, or a score that is no number, is not held and earns nothing.
    let mut w = World::new(plain());
    for close in [100.0, 100.0, 110.0, 99.0] {
        w.close(&[("A", close)]);
        let s = w.signal("A", 1.0).and(sym("NEVER"), -1.0);
        assert_eq!(number(&w.ask("s", &s), "n"), Some(0.0));
        let mut s = w.signal("A", 1.0);
        s.score = f64::NAN;
        assert_eq!(scale(&w.ask("t", &s)), 0.02);
    }
}

#[test]
fn every_parameter_matters() {
    let changes = [
        json!({"method": "continuous"}),
        json!({"fraction": 0.5}),
        json!({"attenuation": "baker_mchale"}),
        json!({"level": 0.1}),
        json!({"prior_wins": 3.0}),
        json!({"prior_losses": 3.0}),
        json!({"loss": "worst"}),
        json!({"cap": 0.05}),
        json!({"window": 100}),
        json!({"minimum": 70}),
        json!({"minimum": 10, "sides": 60}),
        json!({"unproven": 0.01}),
        json!({"probability": "confidence"}),
        json!({"minimum": 10, "pool": "strategy"}),
        json!({"minimum": 10, "delay": 0}),
    ];
    testkit::every_parameter_matters::<RiskFracKellyAttenParams>(&changes, |p| {
        let mut trace = online_trace(p, &rows(5, 200));
        let mut w = World::new(serde_json::to_value(p).unwrap());
        let (a, b) = (testkit::closes(8, 120), testkit::closes(9, 120));
        for (a, b) in a.iter().zip(&b) {
            w.close(&[("A", *a), ("B", *b)]);
            for symbol in ["A", "B"] {
                let s = w.signal(symbol, 1.0);
                trace.extend(format!("{:?}", w.ask("s", &s)).into_bytes());
            }
        }
        trace
    });
}

#[test]
fn metrics_are_charted_once_there_is_a_record() {
    let mut w = World::new(plain());
    let mut m = Metrics::new();
    w.sizer.metrics(&mut m);
    assert!(m.is_empty());
    for close in [100.0, 100.0, 110.0, 98.0] {
        w.day(close, 1.0);
    }
    w.sizer.metrics(&mut m);
    assert_eq!(m, [("kelly_size", 0.0), ("kelly_bets", 2.0)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn sizes_stay_within_their_bounds(
        seed in any::<u64>(), drift in -0.003_f64..0.003, cap in 0.01_f64..2.0, level in 0.01_f64..0.5, worse in 0.0_f64..0.3,
    ) {
        for method in [Method::Discrete, Method::Continuous] {
            let p = RiskFracKellyAttenParams { method, cap, level, unproven: 0.01, ..Default::default() };
            let rows: Vec<_> =
                testkit::returns(seed, 200).into_iter().map(|r| RiskFracKellyAttenIn { ret: r + drift, probability: None }).collect();
            let out = p.build().unwrap().batch(&rows).unwrap();
            let none = RiskFracKellyAttenParams { attenuation: Attenuation::None, ..p.clone() };
            let plain = none.build().unwrap().batch(&rows).unwrap();
            let careful = RiskFracKellyAttenParams { level: level * (1.0 - worse), ..p };
            let careful = careful.build().unwrap().batch(&rows).unwrap();
            for ((o, n), c) in out.iter().zip(&plain).zip(&careful).filter_map(|((o, n), c)| Some((((*o)?, (*n)?), (*c)?))) {
                prop_assert!((0.0..=cap).contains(&o.size));
                // Attenuation never adds, and a lower quantile never gives more.
                prop_assert!(o.size <= n.size && c.size <= o.size);
                prop_assert!(o.attenuation.is_none_or(|a| (0.0..=1.0).contains(&a)));
                if let (Some(k), Some(a)) = (o.kelly, o.attenuation) {
                    prop_assert_eq!(o.size, (k * o.fraction * a).min(cap));
                    prop_assert!(k > 0.0 || o.size == 0.0);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_record_is_what_a_holder_would_have_earned(seed in any::<u64>(), delay in 0_usize..4) {
        // A market with splits and dividends, a signal that turns and pauses; recomputed from adjusted prices.
        let mut p = plain();
        p["delay"] = json!(delay);
        let (mut w, mut rng) = (World::new(p), Rng(seed));
        let (mut price, mut units, mut worth, mut scores) = (100.0, 1.0, vec![], vec![]);
        let mut said = None;
        for r in testkit::returns(seed, 60) {
            let u = rng.uniform();
            if u < 0.1 {
                w.show(Some("A"), MarketData::CorporateAction(CorporateAction::Split { numerator: 3, denominator: 2 }));
                (price, units) = (price / 1.5, units * 1.5);
            }
            let mut next = ((price * (1.0 + 2.0 * r)) * 1e9_f64).round() / 1e9;
            let mut dividend = 0.0;
            if u > 0.9 && next > 10.0 {
                dividend = 0.25;
                next -= 0.25;
                w.show(Some("A"), MarketData::CorporateAction(CorporateAction::Dividend { amount: "0.25".parse().unwrap() }));
            }
            // What one share from the start on is worth, dividends put into more shares at the close they are missing from.
            units *= 1.0 + dividend / next;
            price = next;
            worth.push(units * price);
            let score = if rng.uniform() < 0.7 { scores.last().copied().unwrap_or(1.0) } else { f64::from((rng.uniform() * 3.0) as u8) - 1.0 };
            scores.push(score);
            said = Some(w.day(price, score));
        }
        let returns: Vec<f64> = (delay + 1..60)
            .filter(|t| scores[t - 1 - delay] != 0.0)
            .map(|t| scores[t - 1 - delay] * (worth[t] / worth[t - 1] - 1.0))
            .collect();
        let said = said.unwrap();
        let n = returns.len();
        prop_assert_eq!(number(&said, "n"), Some(n as f64));
        if let Some(mean) = number(&said, "mean") {
            prop_assert!((mean - returns.iter().sum::<f64>() / n as f64).abs() < 1e-9);
        }
    }
}

/// Wins among `n` bets at probability `p`.
fn wins(rng: &mut Rng, p: f64, n: usize) -> usize {
    (0..n).filter(|_| rng.uniform() < p).count()
}

#[test]
fn the_posterior_quantile_covers_as_often_as_it_says() {
    // With p drawn from the prior the true p lies below the quantile with exactly the probability `level`.
    let (mut rng, trials) = (Rng(42), 20_000);
    for (n, level) in [(10, 0.25), (60, 0.25), (60, 0.05), (250, 0.1)] {
        let below = (0..trials)
            .filter(|_| {
                let p = rng.uniform();
                let w = wins(&mut rng, p, n);
                p < Posterior::new((1.0, 1.0), w as f64, (n - w) as f64).unwrap().quantile(level)
            })
            .count() as f64;
        let (rate, error) = (below / f64::from(trials), (level * (1.0 - level) / f64::from(trials)).sqrt());
        println!("n {n} level {level}: {rate:.4}");
        assert!((rate - level).abs() < 4.0 * error, "{rate} instead of {level} for n = {n}");
    }
    // For one fixed p the counts are few and the rate goes in steps; here it is exact, summed over the binomial distribution.
    for (p, n, level) in [(0.55, 60, 0.25), (0.55, 250, 0.25), (0.53, 100, 0.1)] {
        let rate: f64 = tradewind_numerics::beta_distribution::binomial(n, p)
            .enumerate()
            .filter(|(w, _)| p < Posterior::new((1.0, 1.0), *w as f64, (n - w) as f64).unwrap().quantile(level))
            .map(|(_, x)| x)
            .sum();
        println!("p {p} n {n} level {level}: {rate:.4}");
        assert!((rate - level).abs() < 0.06, "{rate} instead of {level} at p = {p}, n = {n}");
    }
}

/// The stake of each policy after `wins` of `n`: full Kelly, a quarter, the posterior's quantile, Baker & McHale, and the default.
fn stakes(wins: usize, n: usize, b: f64) -> [f64; 5] {
    let post = Posterior::new((1.0, 1.0), wins as f64, (n - wins) as f64).unwrap();
    let full = discrete(post.mean(), b).unwrap();
    let low = discrete(post.quantile(0.25), b).unwrap().min(full);
    let k = shrinkage_discrete(post.mean(), b, post.variance()).unwrap();
    [full, 0.25 * full, low, k * full, 0.25 * low]
}

#[test]
fn attenuation_beats_full_kelly_when_p_is_estimated_from_few_trades() {
    for (p, b, n) in [(0.53, 1.0, 30), (0.53, 1.0, 100), (0.55, 1.0, 20), (0.55, 1.0, 60), (0.4, 2.0, 30)] {
        let exact: Vec<f64> = (0..5).map(|k| expected_growth(p, b, n, |w| stakes(w, n, b)[k]).unwrap()).collect();
        println!("p {p} b {b} n {n}: {:?}", exact.iter().map(|g| (g * 1e6).round() / 1e2).collect::<Vec<_>>());
        // The simulation: histories of n bets, then the growth at the stake they lead to.
        let (mut rng, trials) = (Rng(7), 4000);
        let grown: Vec<[f64; 5]> =
            (0..trials).map(|_| stakes(wins(&mut rng, p, n), n, b).map(|f| growth(p, b, f))).collect();
        for k in 0..5 {
            let mean = grown.iter().map(|g| g[k]).sum::<f64>() / f64::from(trials);
            let var = grown.iter().map(|g| (g[k] - mean).powi(2)).sum::<f64>() / f64::from(trials - 1);
            let error = (var / f64::from(trials)).sqrt();
            assert!((mean - exact[k]).abs() < 4.5 * error, "policy {k}: {mean} simulated, {} exact", exact[k]);
            // Each attenuated stake grows faster than full Kelly, in the simulation as in truth.
            let full = grown.iter().map(|g| g[0]).sum::<f64>() / f64::from(trials);
            assert!(k == 0 || (mean > full && exact[k] > exact[0]), "policy {k} at {p} {b} {n}");
        }
        // With a quarter of the posterior's Kelly money grows whatever happens before; full Kelly loses money from so few bets.
        assert!(exact[4] > 0.0, "{exact:?}");
        assert!(n > 60 || exact[0] < 0.0, "{exact:?}");
    }
}

#[test]
fn learning_while_betting_the_plugin_ends_richer_than_full_kelly() {
    // Two hundred gamblers, 300 bets each at 53 %, even odds, each learning from the bets so far.
    let mean_log = |attenuation, fraction| {
        let p = RiskFracKellyAttenParams {
            attenuation,
            fraction,
            loss: tradewind_risk::plugins::risk_frac_kelly_atten::Loss::Stake,
            cap: 1.0,
            minimum: 20,
            unproven: 0.0,
            ..Default::default()
        };
        let total: f64 = (0..200)
            .map(|seed| {
                let (mut rng, mut k, mut stake, mut log) = (Rng(1000 + seed), p.build().unwrap(), 0.0, 0.0);
                for _ in 0..300 {
                    let ret: f64 = if rng.uniform() < 0.53 { 1.0 } else { -1.0 };
                    log += f64::ln_1p(stake * ret);
                    stake = k.update(&RiskFracKellyAttenIn { ret, probability: None }).unwrap().map_or(0.0, |o| o.size);
                }
                log
            })
            .sum();
        total / 200.0
    };
    let (full, attenuated) = (mean_log(Attenuation::None, 1.0), mean_log(Attenuation::Posterior, 0.25));
    println!("mean log wealth after 300 bets: full {full:.4}, default {attenuated:.4}");
    assert!(attenuated > 0.0 && full < attenuated, "{full} {attenuated}");
}
