//! The filter's record by hand, the calculator beyond hand-computed cases, and how often chance passes.

use proptest::prelude::*;
use serde_json::json;
use tradewind_alpha::plugins::alpha_t_stat_threshold::{PLUGIN, TStatIn, TStatParams, adjusted_t};
use tradewind_core_types::testkit::{self, Rng};
use tradewind_core_types::*;
use tradewind_numerics::hac::mean_test;

fn inputs(seed: u64, n: usize, edge: f64) -> Vec<TStatIn> {
    let mut rng = Rng(seed);
    (0..n)
        .map(|_| {
            let signal = rng.normal();
            TStatIn { signal, forward: 0.01 * (rng.normal() + edge * signal) }
        })
        .collect()
}

#[test]
fn the_calculator_conforms() {
    testkit::online_suite(&TStatParams::default(), &inputs(1, 700, 0.1));
    for evidence in ["ic", "either", "both"] {
        let p: TStatParams = parse_params(&json!({"evidence": evidence, "minimum": 20, "window": 50})).unwrap();
        testkit::online_suite(&p, &inputs(2, 200, 0.1));
    }
    testkit::online_suite(&TStatParams::default(), &vec![TStatIn { signal: 1.0, forward: 0.01 }; 200]);
    testkit::online_suite(&TStatParams::default(), &vec![TStatIn { signal: 0.0, forward: 0.01 }; 200]);
}

/// Sessions one after the other, as the engine shows them: actions, bars, close; then every standing signal is asked about.
struct Run {
    filter: Box<dyn Filter>,
    market: Market,
    records: StrategyRecords,
    /// Signals asked about since the last close, and whether it is still to be told that they stand.
    asked: Vec<(StrategyId, Signal)>,
    closing: bool,
    day: i64,
}

fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}

impl Run {
    fn new(params: serde_json::Value) -> Self {
        let mut filter = PLUGIN.filter.unwrap()(&params).unwrap_or_else(|e| panic!("{e}"));
        let mut records = StrategyRecords::default();
        records.follow(filter.follows());
        ["s", "good", "none", "wrong"].iter().for_each(|s| filter.serve(StrategyId::new(s).unwrap()));
        Self { filter, market: Market::default(), records, asked: Vec::new(), closing: false, day: 0 }
    }
    fn show(&mut self, e: &Event) {
        self.stand();
        self.closing = e.data == MarketData::SessionClose;
        self.market.apply(e);
        self.records.observe(e, &self.market);
        let (features, portfolio) = (FeatureValues::default(), Portfolio::with_cash("1000".parse().unwrap()));
        let view = View { records: &self.records, ..View::new(e.time, &self.market, &features, &portfolio) };
        self.filter.observe(e, &view).unwrap();
    }
    fn now(&self) -> Time {
        Time::from_ymd(2014, 1, 2).unwrap().plus(Span::from_days(self.day))
    }
    fn action(&mut self, name: &str, action: CorporateAction) {
        let data = MarketData::CorporateAction(action);
        self.show(&Event {
            time: self.now().plus(Span::from_days(1)),
            symbol: Some(symbol(name)),
            origin: Origin::default(),
            data,
        });
    }
    /// The instant of the close is over.
    fn stand(&mut self) {
        if std::mem::take(&mut self.closing) {
            let asked = std::mem::take(&mut self.asked);
            self.records.stand(asked.iter().map(|(id, s)| (*id, s)), &self.market, self.now());
        }
    }
    fn session(&mut self, closes: &[(&str, f64)]) {
        self.stand();
        self.day += 1;
        let (time, origin) = (self.now(), Origin::default());
        for (name, p) in closes {
            let data = MarketData::Bar(Bar::close_only(Price::from_f64(*p).unwrap()));
            self.show(&Event { time, symbol: Some(symbol(name)), origin, data });
        }
        self.show(&Event { time, symbol: None, origin, data: MarketData::SessionClose });
    }
    fn ask(&mut self, strategy: &str, signal: &Signal) -> Adjustment {
        let (features, portfolio) = (FeatureValues::default(), Portfolio::with_cash("1000".parse().unwrap()));
        let (id, now) = (StrategyId::new(strategy).unwrap(), self.now());
        self.records.decided(id, signal.symbol(), Some(signal), &self.market, now);
        self.asked.push((id, signal.clone()));
        let view = View { records: &self.records, ..View::new(now, &self.market, &features, &portfolio) };
        self.filter.filter(id, signal, &view)
    }
    fn ask_score(&mut self, strategy: &str, name: &str, score: f64) -> Adjustment {
        let s = Signal::new(self.now(), symbol(name), score, 0.5, "test").unwrap();
        self.ask(strategy, &s)
    }
}

fn number(a: &Adjustment, name: &str) -> Option<f64> {
    a.numbers.iter().find(|(n, _)| n == name).map(|(_, x)| *x)
}

#[test]
fn a_record_by_hand() {
    // Decided at 100, entered at once: +10 % at score 1 and -10 % at score -0.5 are earned when the next close is known.
    let mut r = Run::new(json!({"delay": 0, "minimum": 4}));
    let mut said = Vec::new();
    for (close, score) in [(100.0, 1.0), (110.0, -0.5), (99.0, 0.0), (120.0, 1.0)] {
        r.session(&[("A", close)]);
        said.push(r.ask_score("s", "A", score));
    }
    let n: Vec<f64> = said.iter().map(|a| number(a, "n").unwrap()).collect();
    // Standing aside at 99 proves nothing.
    assert_eq!(n, [0.0, 1.0, 2.0, 2.0]);
    assert!((number(&said[1], "mean").unwrap() - 0.1).abs() < 1e-12);
    assert!((number(&said[3], "mean").unwrap() - (0.1 + 0.05) / 2.0).abs() < 1e-12);
    assert_eq!(said[3].adjust, Adjust::Scale(0.5));
    assert!(said[3].reason.contains("unproven: 2 of 4"), "{}", said[3].reason);

    // Entered one close later: the signal of 100 earns from 110 to 99.
    let mut r = Run::new(json!({"delay": 1, "minimum": 4}));
    let mut said = Vec::new();
    for (close, score) in [(100.0, 1.0), (110.0, -0.5), (99.0, 0.0), (120.0, 1.0)] {
        r.session(&[("A", close)]);
        said.push(r.ask_score("s", "A", score));
    }
    let n: Vec<f64> = said.iter().map(|a| number(a, "n").unwrap()).collect();
    assert_eq!(n, [0.0, 0.0, 1.0, 2.0]);
    assert!((number(&said[2], "mean").unwrap() + 0.1).abs() < 1e-12);
    // And that of 110 from 99 to 120, short half.
    let want = (-0.1 - 0.5 * (120.0 / 99.0 - 1.0)) / 2.0;
    assert!((number(&said[3], "mean").unwrap() - want).abs() < 1e-12);
}

#[test]
fn what_no_longer_stands_earns_no_more() {
    let mut r = Run::new(json!({"delay": 0, "minimum": 4}));
    r.session(&[("A", 100.0)]);
    r.ask_score("s", "A", 1.0);
    r.session(&[("A", 110.0)]);
    // Nothing stands from here to 220.
    r.session(&[("A", 220.0)]);
    let a = r.ask_score("s", "A", 1.0);
    assert_eq!(number(&a, "n"), Some(1.0));
    assert!((number(&a, "mean").unwrap() - 0.1).abs() < 1e-12);
}

#[test]
fn legs_splits_dividends_names_and_delistings() {
    let mut r = Run::new(json!({"delay": 0, "minimum": 4}));
    let pair = |r: &Run, a: &str| Signal::new(r.now(), symbol(a), 1.0, 0.5, "pair").unwrap().and(symbol("B"), -0.5);
    r.session(&[("A", 100.0), ("B", 50.0)]);
    let s = pair(&r, "A");
    r.ask("s", &s);
    // A: two for one, then 3 dollars on 49: (49 + 3) / 50 = +4 %. B: +10 %, half of it short: -5 %.
    r.action("A", CorporateAction::Split { numerator: 2, denominator: 1 });
    r.action("A", CorporateAction::Dividend { amount: Price::from_f64(3.0).unwrap() });
    r.session(&[("A", 49.0), ("B", 55.0)]);
    let s = pair(&r, "A");
    let a = r.ask("s", &s);
    assert!((number(&a, "mean").unwrap() + 0.01).abs() < 1e-12, "{a:?}");
    // A goes on as AA and loses half; B is unchanged. The record is the same one.
    r.action("A", CorporateAction::SymbolChange { to: symbol("AA") });
    r.session(&[("AA", 24.5), ("B", 55.0)]);
    let s = pair(&r, "AA");
    let a = r.ask("s", &s);
    assert_eq!(number(&a, "n"), Some(2.0));
    assert!((number(&a, "mean").unwrap() - (-0.01 - 0.5) / 2.0).abs() < 1e-12, "{a:?}");
    // B is delisted at nothing: the short half earns 50 %.
    r.action("B", CorporateAction::Delisting { price: None });
    r.session(&[("AA", 24.5)]);
    let a = r.ask_score("s", "AA", 1.0);
    assert_eq!(number(&a, "n"), Some(3.0));
    assert!((number(&a, "mean").unwrap() - (-0.01 - 0.5 + 0.5) / 3.0).abs() < 1e-12, "{a:?}");
}

/// Sessions of three strategies on two symbols each: one knows the future, one knows nothing, one is always wrong.
fn live(params: serde_json::Value, sessions: usize) -> Vec<(String, Vec<Adjustment>)> {
    let mut rng = Rng(9);
    let names = ["A", "B", "C", "D", "E", "F"];
    let returns: Vec<Vec<f64>> =
        names.iter().map(|_| (0..sessions + 2).map(|_| 0.01 * rng.normal()).collect()).collect();
    let mut r = Run::new(params);
    let mut price = [100.0; 6];
    let mut out: Vec<(String, Vec<Adjustment>)> = ["good", "none", "wrong"].map(|s| (s.to_owned(), vec![])).to_vec();
    for day in 0..sessions {
        (0..6).for_each(|i| price[i] *= 1.0 + returns[i][day]);
        let closes: Vec<(&str, f64)> = names.iter().zip(price).map(|(n, p)| (*n, p)).collect();
        r.session(&closes);
        for i in 0..6 {
            // The return after the next close (delay 1).
            let next = returns[i][day + 2].signum();
            let luck = if rng.uniform() < 0.6 { next } else { -next };
            for (k, score) in [luck, rng.normal().clamp(-1.0, 1.0), -0.7 * luck].into_iter().enumerate() {
                let a = r.ask_score(&out[k].0, names[i], score);
                out[k].1.push(a);
            }
        }
    }
    out
}

#[test]
fn what_is_good_passes_and_what_is_not_is_vetoed_but_recorded() {
    let out = live(json!({"minimum": 60}), 300);
    let last = |k: usize| out[k].1.last().unwrap();
    assert_eq!(last(0).adjust, Adjust::Keep, "{:?}", last(0));
    assert_eq!(last(1).adjust, Adjust::Veto, "{:?}", last(1));
    assert_eq!(last(2).adjust, Adjust::Veto, "{:?}", last(2));
    assert!(last(0).reason.starts_with("good proven: adjusted t"), "{}", last(0).reason);
    assert!(last(2).reason.contains("not proven"));
    // Two sessions from decision to what it earned: 298 known of 300, vetoed or not.
    assert!(out.iter().all(|(_, a)| number(a.last().unwrap(), "n") == Some(298.0)));
    // Across six symbols at a time there is a rank correlation every session.
    assert!(number(last(0), "ic").unwrap() > 0.1 && number(last(0), "t_ic").unwrap() > 3.0);
    for (_, all) in &out {
        assert!(all.iter().all(|a| match a.adjust {
            Adjust::Keep | Adjust::Veto => true,
            Adjust::Scale(f) => (0.0..=1.0).contains(&f),
            _ => false,
        }));
        // Unproven at half its size for the first 60 known sessions.
        assert!(all[..60 * 6].iter().all(|a| a.adjust == Adjust::Scale(0.5)));
    }
    // By symbol the records are shorter of evidence, but the same idea.
    let own = live(json!({"minimum": 60, "pool": "symbol"}), 300);
    assert!(own[0].1.last().unwrap().reason.starts_with("good on F"));
}

#[test]
fn every_parameter_matters() {
    let trace = |p: &TStatParams| {
        let mut out = testkit::online_trace(p, &inputs(3, 700, 0.08));
        out.extend(format!("{:?}", live(serde_json::to_value(p).unwrap(), 150)).into_bytes());
        out
    };
    let changes = [
        json!({"window": 100}),
        json!({"minimum": 30}),
        json!({"lags": 0}),
        json!({"correction": false}),
        json!({"evidence": "ic"}),
        json!({"lower": 0.5}),
        json!({"upper": 2.5}),
        json!({"across": "none"}),
        json!({"unproven": 0.2}),
        json!({"lower": -1.0, "upper": 100.0, "partial": 0.4}),
        json!({"below": 0.1}),
        json!({"pool": "symbol"}),
        json!({"delay": 0}),
        json!({"cross_section": 7}),
    ];
    testkit::every_parameter_matters(&changes, trace);
}

/// Share of records without any edge that reach `level`, from AR(1) earnings, with Newey-West errors and without lags.
fn chance(rho: f64, level: f64, lags: Option<usize>) -> f64 {
    let (mut rng, n, trials) = (Rng(77), 504, 4000);
    let mut hits = 0;
    for _ in 0..trials {
        let mut x = 0.0;
        let series: Vec<f64> = (0..n)
            .map(|_| {
                x = rho * x + rng.normal();
                x
            })
            .collect();
        hits += usize::from(mean_test(&series, lags, true).unwrap().t >= level);
    }
    hits as f64 / trials as f64
}

#[test]
fn how_often_chance_passes() {
    for rho in [0.0, 0.3, 0.6] {
        let (two, three) = (chance(rho, 2.0, None), chance(rho, 3.0, None));
        let plain = chance(rho, 2.0, Some(0));
        println!("AR {rho}: t >= 2 {two:.4}, t >= 3 {three:.4}; without lags {plain:.4} (normal: 0.0228, 0.0013)");
        let (bound, plain_bound) = if rho == 0.0 { (0.035, 0.035) } else { (0.075, 1.0) };
        assert!(two > 0.01 && two < bound && three < 0.02 && plain < plain_bound, "{rho}: {two} {three} {plain}");
        if rho > 0.5 {
            assert!(plain > 2.0 * two, "errors without lags do not hold: {plain} {two}");
        }
    }
    // Twenty strategies without edge: how often any of them passes 2, with and without adjustment.
    let mut rng = Rng(5);
    let trials = 4000;
    let (mut none, mut holm, mut by) = (0, 0, 0);
    for _ in 0..trials {
        let t: Vec<f64> = (0..20).map(|_| rng.normal()).collect();
        let any = |across| adjusted_t(&t, across).iter().any(|t| *t >= 2.0);
        use tradewind_alpha::plugins::alpha_t_stat_threshold::Across;
        none += usize::from(any(Across::None));
        holm += usize::from(any(Across::Holm));
        by += usize::from(any(Across::BenjaminiYekutieli));
    }
    let share = |n: usize| n as f64 / f64::from(trials);
    println!("any of 20: none {:.3}, Holm {:.4}, Benjamini-Yekutieli {:.4}", share(none), share(holm), share(by));
    assert!(share(none) > 0.3 && share(holm) < 0.0228 + 0.01 && share(by) < 0.0228 + 0.01);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Units of the signal mean nothing, a turned signal has the opposite t, and quality and scale stay in range.
    #[test]
    fn invariants(seed in 0_u64..1000, scale in 0.001_f64..1000.0, edge in -0.5_f64..0.5) {
        let p = TStatParams { minimum: 30, window: 60, ..Default::default() };
        let data = inputs(seed, 90, edge);
        let turned: Vec<_> = data.iter().map(|x| TStatIn { signal: -scale * x.signal, ..*x }).collect();
        let (x, y) = (p.build().unwrap().batch(&data).unwrap(), p.build().unwrap().batch(&turned).unwrap());
        for (s, t) in x.iter().flatten().zip(y.iter().flatten()) {
            prop_assert!((s.t_mean.unwrap() + t.t_mean.unwrap()).abs() < 1e-9);
            prop_assert!((s.ic.unwrap() + t.ic.unwrap()).abs() < 1e-12 && s.ic.unwrap().abs() <= 1.0 + 1e-12);
            prop_assert!((0.0..1.0).contains(&s.quality) && (0.0..=1.0).contains(&s.scale));
        }
    }

    /// Adjustment never makes a t larger, never turns its sign, and keeps the order of the sizes.
    #[test]
    fn adjustment_only_shrinks(t in prop::collection::vec(-8.0_f64..8.0, 1..30)) {
        use tradewind_alpha::plugins::alpha_t_stat_threshold::Across;
        for across in [Across::None, Across::Holm, Across::BenjaminiYekutieli] {
            let a = adjusted_t(&t, across);
            for i in 0..t.len() {
                prop_assert!(a[i].abs() <= t[i].abs() + 1e-9 && a[i] * t[i] >= -1e-12);
                for j in 0..t.len() {
                    prop_assert!(t[i].abs() < t[j].abs() || a[i].abs() >= a[j].abs() - 1e-9);
                }
            }
        }
    }
}
