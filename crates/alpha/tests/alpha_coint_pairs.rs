//! The pair's state machine by hand, the calculator, the alpha and the scan beyond hand-computed cases.

use proptest::prelude::*;
use serde_json::json;
use tradewind_alpha::plugins::alpha_coint_pairs::{
    Action, CointPairsIn, CointPairsParams, PLUGIN, Rule, Status, Test, estimate, scan,
};
use tradewind_core_types::testkit::{self, Rng};
use tradewind_core_types::*;
use tradewind_numerics::johansen::{DetOrder, Statistic, johansen};

/// Log prices: a random walk, and one that is `ratio` times it plus a spread of the given half-life.
fn planted(seed: u64, n: usize, ratio: f64, half_life: f64) -> (Vec<f64>, Vec<f64>) {
    let mut rng = Rng(seed);
    let (mut walk, mut spread) = (4.0, 0.0);
    let keep = f64::exp2(-1.0 / half_life);
    (0..n)
        .map(|_| {
            walk += 0.01 * rng.normal();
            spread = keep * spread + 0.01 * rng.normal();
            (ratio * walk + spread + 1.0, walk)
        })
        .unzip()
}

fn walk(seed: u64, n: usize) -> Vec<f64> {
    let (mut rng, mut y) = (Rng(seed), 4.0);
    (0..n)
        .map(|_| {
            y += 0.01 * rng.normal();
            y
        })
        .collect()
}

fn inputs(a: &[f64], b: &[f64]) -> Vec<CointPairsIn> {
    a.iter().zip(b).map(|(a, b)| CointPairsIn { a: a.exp(), b: b.exp() }).collect()
}

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

#[test]
fn what_is_no_pair_is_named() {
    let p = CointPairsParams { formation: 250, ..Default::default() };
    let of = |a: &[f64], b: &[f64]| {
        let mut c = p.build().unwrap();
        c.batch(&inputs(a, b)).unwrap().pop().unwrap().unwrap()
    };
    let (a, b) = planted(3, 250, 0.8, 6.0);
    let fine = of(&a, &b);
    assert_eq!(fine.status, Status::Cointegrated);
    assert!((fine.hedge_ratio.unwrap() - 0.8).abs() < 0.15 && (fine.half_life.unwrap() - 6.0).abs() < 3.0, "{fine:?}");
    let flat = vec![1.0; 250];
    assert_eq!(of(&a, &flat).status, Status::ConstantLeg);
    assert_eq!(of(&flat, &b).status, Status::ConstantLeg);
    let twice: Vec<f64> = b.iter().map(|x| 2.0 * x + 1.0).collect();
    assert_eq!(of(&twice, &b).status, Status::Collinear);
    assert_eq!(of(&walk(8, 250), &walk(9, 250)).status, Status::NotCointegrated);
    let against: Vec<f64> = planted(3, 250, -0.8, 6.0).0;
    assert_eq!(of(&against, &b).status, Status::HedgeRatio);
    let noise = |seed| -> Vec<f64> {
        let mut rng = Rng(seed);
        (0..250).map(|_| 0.02 * rng.normal()).collect()
    };
    assert_eq!(of(&noise(1), &noise(2)).status, Status::Stationary);
    let strict = CointPairsParams { max_half_life: 2.0, ..p.clone() };
    let out = strict.build().unwrap().batch(&inputs(&a, &b)).unwrap().pop().unwrap().unwrap();
    assert_eq!((out.status, out.position), (Status::HalfLife, 0));
    // Sessions that miss: typed, too.
    assert_eq!(estimate(&rule(), &a[..59], &b[..59]).status, Status::TooFew);
}

#[test]
fn the_calculator_conforms() {
    let (a, b) = planted(11, 500, 1.2, 3.0);
    let data = inputs(&a, &b);
    let small = CointPairsParams { formation: 60, trading: 20, significance: 0.5, enter: 1.2, ..Default::default() };
    let variants = [
        json!({}),
        json!({"hedge": "kalman"}),
        json!({"test": "engle_granger"}),
        json!({"test": "max_eigenvalue", "det_order": 1, "lags": 3}),
        json!({"det_order": -1, "lags": 0}),
    ];
    for v in variants {
        let mut all = serde_json::to_value(&small).unwrap();
        v.as_object().unwrap().iter().for_each(|(k, x)| all[k] = x.clone());
        let p: CointPairsParams = parse_params(&all).unwrap();
        testkit::online_suite(&p, &data);
        let out = p.build().unwrap().batch(&data).unwrap();
        let trades = out.iter().flatten().filter(|o| o.action == Action::Enter).count();
        assert!(trades >= 3, "{v}: {trades} trades");
    }
    testkit::online_suite(&CointPairsParams::default(), &data);
    testkit::online_suite(&small, &vec![CointPairsIn { a: 20.0, b: 20.0 }; 200]);
}

#[test]
fn bad_prices_and_parameters_are_refused() {
    let mut c = CointPairsParams { formation: 40, max_missing: 0, ..Default::default() }.build().unwrap();
    let (a, b) = planted(1, 60, 1.0, 5.0);
    c.batch(&inputs(&a, &b)).unwrap();
    let bad = [(f64::NAN, 1.0), (1.0, f64::INFINITY), (0.0, 1.0), (1.0, -1.0)].map(|(a, b)| CointPairsIn { a, b });
    testkit::refuses(&mut c, &bad);
    let p: CointPairsParams = parse_params(&json!({
        "pairs": [["A", "A"], ["A", "B C"]], "universe": ["A", "X", "X"], "top": 0, "fdr": 0.0, "det_order": 2, "lags": 9,
        "significance": 0.6, "formation": 29, "max_missing": 20, "trading": 0, "enter": 0.0, "exit": 1.0, "stop": 0.0,
        "max_hold": 0, "max_gap": 0, "min_half_life": 0.0, "max_half_life": -1.0, "max_hedge": 0.5, "kalman_drift": 1.0,
        "market": "", "hold_days": 0.0
    }))
    .unwrap();
    let e = p.build().unwrap_err();
    for field in [
        "pairs",
        "universe",
        "top",
        "fdr",
        "det_order",
        "lags",
        "significance",
        "formation",
        "max_missing",
        "trading",
        "enter",
        "exit",
        "stop",
        "max_hold",
        "max_gap",
        "min_half_life",
        "max_half_life",
        "max_hedge",
        "kalman_drift",
        "market",
        "hold_days",
    ] {
        assert!(e.0.iter().any(|v| v.field == field), "{field}: {e}");
    }
    let none = CointPairsParams { pairs: vec![], ..Default::default() };
    assert_eq!(none.build().unwrap_err().0.len(), 1);
}

/// Sessions of closes: A-B and C-D are pairs, E, F and M wander. `skip` leaves out a symbol's bar in a session.
fn sessions(n: usize, skip: impl Fn(&str, usize) -> bool) -> Vec<Event> {
    let ((a, b), (c, d)) = (planted(88, n, 1.0, 3.0), planted(96, n, 0.9, 3.0));
    let all = [("A", a), ("B", b), ("C", c), ("D", d), ("E", walk(5, n)), ("F", walk(6, n)), ("M", walk(7, n))];
    let start = Time::from_ymd(2014, 1, 2).unwrap().plus(Span::from_secs(21 * 3600));
    let mut out = Vec::new();
    for i in 0..n {
        let time = start.plus(Span::from_days(i as i64));
        let origin = Origin { source: 0, row: i as u32 + 1 };
        for (name, x) in all.iter().filter(|(name, _)| !skip(name, i)) {
            let data = MarketData::Bar(Bar::close_only(Price::from_f64(x[i].exp()).unwrap()));
            out.push(Event { time, symbol: Some(Symbol::new(name).unwrap()), origin, data });
        }
        out.push(Event { time, symbol: None, origin, data: MarketData::SessionClose });
    }
    out
}

fn run(params: &serde_json::Value, events: &[Event]) -> Signals {
    let mut alpha = PLUGIN.alpha.unwrap()(params).unwrap_or_else(|e| panic!("{e}"));
    let (mut market, features) = (Market::default(), FeatureValues::default());
    let portfolio = Portfolio::with_cash("1000".parse().unwrap());
    let mut out = Signals::new();
    for e in events {
        market.apply(e);
        let view = View::new(e.time, &market, &features, &portfolio);
        alpha.on_event(e, &view, &mut out).unwrap();
    }
    out
}

/// Sessions of the formation window.
const F: usize = 120;

fn quick() -> serde_json::Value {
    json!({"pairs": [["A", "B"]], "formation": F, "trading": 20, "significance": 0.2, "enter": 1.5})
}

fn with(base: &serde_json::Value, more: &serde_json::Value) -> serde_json::Value {
    let mut all = base.clone();
    more.as_object().unwrap().iter().for_each(|(k, x)| all[k] = x.clone());
    all
}

fn number(s: &Signal, name: &str) -> Option<f64> {
    s.numbers.iter().find(|(n, _)| n == name).map(|(_, x)| *x)
}

#[test]
fn both_legs_are_one_signal_against_the_spread() {
    let events = sessions(600, |_, _| false);
    let out = run(&quick(), &events);
    // One signal a session from the first full window on.
    assert_eq!(out.len(), 601 - F);
    let open: Vec<&Signal> = out.iter().filter(|s| s.score != 0.0).collect();
    assert!(open.len() > 50, "{}", open.len());
    for s in &out {
        assert_eq!((s.legs.len(), s.symbol().as_str(), s.legs[1].symbol.as_str()), (2, "A", "B"));
    }
    for s in open.iter().filter(|s| s.reason.contains("spread")) {
        let z = number(s, "z").unwrap();
        assert!(z * s.score < 0.0 && z.abs() >= 1.5 && z.abs() < 4.0, "{s:?}");
        assert_eq!(s.legs[1].ratio, -number(s, "hedge_ratio").unwrap());
        assert!(s.confidence > 0.5 && number(s, "half_life").is_some() && number(s, "p").unwrap() <= 0.2);
    }
    // What it earns on a planted pair: the log returns of the legs, held to the next session.
    let closes = |name: &str| -> Vec<f64> {
        let symbol = Symbol::new(name).unwrap();
        events.iter().filter(|e| e.symbol == Some(symbol)).filter_map(|e| Some(e.mark()?.to_f64().ln())).collect()
    };
    let (a, b) = (closes("A"), closes("B"));
    let change = |x: &[f64], i: usize| x[i + F] - x[i + F - 1];
    let earned: f64 = (0..600 - F).map(|i| out[i].score * (change(&a, i) + out[i].legs[1].ratio * change(&b, i))).sum();
    assert!(earned > 0.1, "{earned}");
}

#[test]
fn the_second_leg_balances_what_is_asked() {
    let events = sessions(400, |_, _| false);
    let dollar = run(&with(&quick(), &json!({"neutral": "dollar"})), &events);
    assert!(dollar.iter().any(|s| s.score != 0.0) && dollar.iter().all(|s| s.legs[1].ratio == -1.0));
    // Beta to B itself: A's beta to B is about 1, B's exactly 1.
    let beta = run(&with(&quick(), &json!({"neutral": "beta", "market": "B"})), &events);
    let open: Vec<f64> = beta.iter().filter(|s| s.score != 0.0).map(|s| s.legs[1].ratio).collect();
    assert!(!open.is_empty() && open.iter().all(|r| (-1.6..-0.5).contains(r)), "{open:?}");
}

#[test]
fn splits_and_dividends_change_nothing() {
    let plain = sessions(400, |_, _| false);
    let symbol = Symbol::new("B").unwrap();
    let (mut split, mut halved, mut cum, mut row) = (Vec::new(), false, 0.0, 0);
    for e in &plain {
        if e.symbol == Some(symbol) {
            row += 1;
            let action = |action| Event { data: MarketData::CorporateAction(action), ..e.clone() };
            let price = e.mark().unwrap().to_f64();
            if row == 200 {
                split.push(action(CorporateAction::Split { numerator: 2, denominator: 1 }));
                halved = true;
            }
            if row == 300 {
                // A hundredth of the price is paid out: from here on the price is lower by the same factor.
                let before =
                    plain.iter().filter(|x| x.symbol == Some(symbol)).nth(298).unwrap().mark().unwrap().to_f64() / 2.0;
                let after = price / 2.0;
                // (after x f + d) / before = after / before with d = after (1 - f), paid on the price of today.
                let d = after * 0.01;
                assert!(before > 0.0);
                split.push(action(CorporateAction::Dividend { amount: Price::from_f64(d).unwrap() }));
                cum = 0.01;
            }
            let p = price * (1.0 - cum) / if halved { 2.0 } else { 1.0 };
            split.push(Event { data: MarketData::Bar(Bar::close_only(Price::from_f64(p).unwrap())), ..e.clone() });
        } else {
            split.push(e.clone());
        }
    }
    let (x, y) = (run(&quick(), &plain), run(&quick(), &split));
    assert_eq!(x.len(), y.len());
    for (s, t) in x.iter().zip(&y) {
        assert_eq!(s.score, t.score, "{s:?} {t:?}");
        let (p, q) = (number(s, "z").unwrap_or(0.0), number(t, "z").unwrap_or(0.0));
        assert!((p - q).abs() < 1e-5, "{s:?} {t:?}");
    }
}

#[test]
fn a_new_symbol_goes_on_and_a_lost_one_ends() {
    let plain = sessions(400, |_, _| false);
    let (old, new) = (Symbol::new("A").unwrap(), Symbol::new("AA").unwrap());
    let at = plain.iter().position(|e| e.origin.row == 250).unwrap();
    let with_action = |action: CorporateAction, rename: bool| -> Vec<Event> {
        let first = Event { symbol: Some(old), data: MarketData::CorporateAction(action), ..plain[at].clone() };
        let rest = plain[at..].iter().map(|e| {
            let symbol = if rename && e.symbol == Some(old) { Some(new) } else { e.symbol };
            Event { symbol, ..e.clone() }
        });
        plain[..at].iter().cloned().chain([first]).chain(rest).collect()
    };
    let x = run(&quick(), &plain);
    let renamed = run(&quick(), &with_action(CorporateAction::SymbolChange { to: new }, true));
    assert_eq!(x.len(), renamed.len());
    for (s, t) in x.iter().zip(&renamed) {
        assert_eq!((s.score, &s.numbers), (t.score, &t.numbers));
    }
    assert_eq!((renamed[0].symbol(), renamed.last().unwrap().symbol()), (old, new));
    let lost = run(&quick(), &with_action(CorporateAction::Delisting { price: None }, false));
    assert_eq!(lost.len(), 250 - F);
}

#[test]
fn a_gap_gives_no_signal_and_ends_a_trade_in_time() {
    // The session of an entry: from then on B has no price.
    let plain = run(&quick(), &sessions(400, |_, _| false));
    let entry = plain.iter().position(|s| s.reason.contains("spread")).unwrap() + F - 1;
    let out = run(&quick(), &sessions(entry + 10, |name, i| name == "B" && i > entry));
    let after: Vec<&Signal> = out.iter().filter(|s| s.time > plain[entry + 1 - F].time).collect();
    assert_eq!(after.len(), 1, "{after:?}");
    assert_eq!(after[0].score, 0.0);
    assert!(after[0].reason.contains("no price of B for 3 sessions"), "{}", after[0].reason);
    assert_eq!(after[0].time.since(plain[entry + 1 - F].time), Span::from_days(3));
    // Two sessions are no gap yet: the trade goes on.
    let out = run(&quick(), &sessions(entry + 4, |name, i| name == "B" && (i == entry + 1 || i == entry + 2)));
    assert!(out.last().unwrap().time > plain[entry + 1 - F].time && out.last().unwrap().reason.as_ref() != "gap");
}

#[test]
fn the_universe_trades_what_was_planted() {
    let p =
        json!({"pairs": [], "universe": ["A", "B", "C", "D", "E", "F"], "formation": 200, "trading": 50, "fdr": 0.05});
    let out = run(&p, &sessions(600, |_, _| false));
    let names = |s: &Signal| format!("{}-{}", s.legs[0].symbol, s.legs[1].symbol);
    let traded: std::collections::BTreeSet<String> = out.iter().filter(|s| s.score != 0.0).map(names).collect();
    assert_eq!(traded.into_iter().collect::<Vec<_>>(), ["A-B", "C-D"]);
}

#[test]
fn a_scan_is_its_pairs() {
    let (a, b) = planted(31, 300, 1.1, 3.0);
    let series = vec![a, walk(51, 300), b, walk(52, 300), vec![1.0; 300], walk(3, 299)];
    let p = CointPairsParams { fdr: 0.01, ..Default::default() };
    let s = scan(&p, &series).unwrap();
    assert_eq!(s.excluded, [(4, Status::ConstantLeg), (5, Status::TooFew)]);
    assert_eq!((s.tested, s.pairs.len(), s.discoveries), (6, 6, 1));
    assert_eq!((s.pairs[0].a, s.pairs[0].b, s.pairs[0].status), (0, 2, Status::Cointegrated));
    assert_eq!(s.best(3, &[]).len(), 1);
    assert!(s.best(3, &[2]).is_empty() && s.best(0, &[]).is_empty());
    for f in &s.pairs {
        let j = johansen(&[&series[f.a], &series[f.b]], DetOrder::Constant, 1).unwrap();
        assert!((j.trace[0] - f.statistic.unwrap()).abs() < 1e-8);
        assert!((j.p_value(Statistic::Trace, 0).unwrap() - f.p_value.unwrap()).abs() < 1e-9);
        assert!(f.adjusted >= f.p_value.unwrap());
    }
    let m = s.heat_map();
    assert!(m[0][2] == s.pairs[0].p_value && m[2][0] == m[0][2] && m[0][0].is_none() && m[4][0].is_none());
}

/// What the table, the alpha and a scan say.
fn trace(p: &CointPairsParams) -> Vec<u8> {
    let (a, b) = planted(11, 330, 1.2, 3.0);
    let mut out = testkit::online_trace(p, &inputs(&a, &b));
    let gaps = |name: &str, i: usize| {
        (name == "B" && [150, 230, 300].iter().any(|s| (*s..*s + 5).contains(&i))) || (name == "F" && i % 20 == 7)
    };
    let json = serde_json::to_value(p).unwrap();
    out.extend(format!("{:?}", run(&json, &sessions(420, gaps))).into_bytes());
    let series: Vec<Vec<f64>> = (0..6).map(|i| walk(40 + i, 200)).collect();
    out.extend(format!("{:?}", scan(p, &series).unwrap()).into_bytes());
    out
}

#[test]
fn every_parameter_matters() {
    let base = json!({"pairs": [["A", "B"]], "formation": 60, "trading": 20, "significance": 0.5, "enter": 1.0});
    let universe =
        json!({"pairs": [], "universe": ["A", "B", "C", "D", "E", "F"], "formation": 100, "significance": 0.5});
    let open = json!({"pairs": [["A", "B"]], "formation": 60, "significance": 0.5, "enter": 0.6, "exit": 0.0});
    let gaps = json!({"pairs": [["E", "F"]], "formation": 60, "significance": 0.5});
    let kalman = with(&base, &json!({"hedge": "kalman"}));
    let beta = with(&base, &json!({"neutral": "beta"}));
    // The order of the keys counts: the last one is the parameter under test.
    let last = |scene: &serde_json::Value, key: &str, value: serde_json::Value| {
        let mut all = serde_json::Map::new();
        scene.as_object().unwrap().iter().filter(|(k, _)| *k != key).for_each(|(k, x)| {
            all.insert(k.clone(), x.clone());
        });
        all.insert(key.into(), value);
        serde_json::Value::Object(all)
    };
    let changes = [
        last(&json!({"formation": 60}), "pairs", json!([["A", "B"]])),
        last(&json!({"formation": 100, "fdr": 0.9, "significance": 0.5}), "universe", json!(["A", "B", "C"])),
        last(&universe, "top", json!(1)),
        last(&universe, "fdr", json!(0.9)),
        last(&universe, "control", json!("benjamini_yekutieli")),
        last(&base, "test", json!("max_eigenvalue")),
        last(&base, "det_order", json!(1)),
        last(&base, "lags", json!(2)),
        last(&base, "significance", json!(0.01)),
        last(&base, "formation", json!(70)),
        last(&base, "trading", json!(30)),
        last(&gaps, "max_missing", json!(1)),
        last(&base, "enter", json!(1.5)),
        last(&base, "exit", json!(0.0)),
        last(&base, "stop", json!(2.1)),
        last(&base, "max_hold", json!(2)),
        last(&open, "max_gap", json!(1)),
        last(&base, "min_half_life", json!(4.0)),
        last(&base, "max_half_life", json!(2.0)),
        last(&base, "max_hedge", json!(1.01)),
        last(&base, "hedge", json!("kalman")),
        last(&kalman, "kalman_drift", json!(0.05)),
        last(&base, "neutral", json!("dollar")),
        last(&beta, "market", json!("M")),
        last(&base, "hold_days", json!(5.0)),
    ];
    testkit::every_parameter_matters(&changes, trace);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Units of price mean nothing; the roles of the legs only turn the vector around.
    #[test]
    fn scale_and_order(seed in 0_u64..1000, scale in 0.01_f64..100.0) {
        let (a, b) = planted(seed, 200, 1.3, 8.0);
        let p = CointPairsParams { formation: 120, significance: 0.5, ..Default::default() };
        let data = inputs(&a, &b);
        let scaled: Vec<_> = data.iter().map(|x| CointPairsIn { a: scale * x.a, b: x.b }).collect();
        let (x, y) = (p.build().unwrap().batch(&data).unwrap(), p.build().unwrap().batch(&scaled).unwrap());
        for (s, t) in x.iter().flatten().zip(y.iter().flatten()) {
            prop_assert_eq!(s.position, t.position);
            prop_assert!((s.z.unwrap_or(0.0) - t.z.unwrap_or(0.0)).abs() < 1e-6);
            prop_assert!(s.held <= p.max_hold && s.position.abs() <= 1 && (0.0..=1.0).contains(&s.confidence));
        }
        let turned = scan(&p, &[b.clone(), a.clone()]).unwrap().pairs[0];
        let found = scan(&p, &[a, b]).unwrap().pairs[0];
        prop_assert!((turned.statistic.unwrap() - found.statistic.unwrap()).abs() < 1e-8);
        prop_assert!((turned.hedge_ratio.unwrap() * found.hedge_ratio.unwrap() - 1.0).abs() < 1e-8);
    }
}
