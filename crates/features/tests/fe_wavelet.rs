//! fe_wavelet: conformance of the calculator, its parameters and its roles.

use serde_json::json;
use tradewind_core_types::{
    Adjust, Bar, CorporateAction, Event, FeatureId, FeatureValues, Filter, Market, MarketData, Metrics, Online, Origin,
    Params, Plugin, Portfolio, Price, Probe, Signal, Span, StrategyId, Symbol, Time, View, testkit,
};
use tradewind_features::plugins::fe_wavelet::{FeWaveletFilter, FeWaveletIn, FeWaveletParams, PLUGIN};
use tradewind_numerics::wavelet::{Mode, NoiseScale, Rule, Shrink, Transform, Wavelet};

fn inputs(n: usize) -> Vec<FeWaveletIn> {
    testkit::closes(5, n).into_iter().map(|value| FeWaveletIn { value }).collect()
}

#[test]
fn conformance_of_every_kind() {
    for transform in [Transform::Dwt, Transform::Modwt] {
        for threshold in [Rule::Universal, Rule::Sure, Rule::Bayes] {
            for (noise, shrink) in [(NoiseScale::Finest, Shrink::Hard), (NoiseScale::EachLevel, Shrink::Soft)] {
                let p = FeWaveletParams { transform, threshold, noise, shrink, log: true, ..Default::default() };
                testkit::online_suite(&p, &inputs(200));
            }
        }
    }
    for mode in Mode::ALL {
        let p = FeWaveletParams {
            mode,
            transform: Transform::Dwt,
            wavelet: Wavelet::Coif1,
            window: 51,
            ..Default::default()
        };
        testkit::online_suite(&p, &inputs(160));
    }
    testkit::online_suite(&FeWaveletParams::default(), &inputs(300));
}

#[test]
fn bad_input_is_refused() {
    for log in [false, true] {
        let mut w = FeWaveletParams { log, ..Default::default() }.build().unwrap();
        for x in inputs(100) {
            w.update(&x).unwrap();
        }
        let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e101, 0.0, -3.0].map(|value| FeWaveletIn { value });
        testkit::refuses(&mut w, &bad[..if log { 6 } else { 4 }]);
        let e = w.update(&bad[3]).unwrap_err().to_string();
        assert!(e.contains("1000000") && e.contains("1e100"), "{e}");
    }
    let mut w = FeWaveletParams::default().build().unwrap();
    assert!(w.update(&FeWaveletIn { value: -3.0 }).is_ok());
}

#[test]
fn bad_parameters_are_named_all_at_once() {
    let p = FeWaveletParams {
        mode: Mode::Zero,
        window: 1,
        levels: 0,
        symbols: vec!["no spaces".into(), "SPY".into(), "SPY".into()],
        input: "no name!".into(),
        name: "x y".into(),
        lag_window: 11,
        ..Default::default()
    };
    let e = p.build().unwrap_err();
    // window, levels, mode, lag_window, name, symbols twice, input.
    assert_eq!(e.0.len(), 8, "{e}");
    let e = FeWaveletParams { levels: 4, ..Default::default() }.build().unwrap_err().to_string();
    assert_eq!(e, "levels: is 4: expected 1 to 3 for sym4 and a window of 64");
    let e = FeWaveletParams { window: 13, ..Default::default() }.build().unwrap_err().to_string();
    assert_eq!(e, "levels: is 3: expected a window of at least 14 for one level of sym4, not 13");
    let e = FeWaveletParams { name: "x y".into(), ..Default::default() }.build().unwrap_err().to_string();
    assert!(e.starts_with("name"), "{e}");
    assert!(FeWaveletParams { symbols: vec![], ..Default::default() }.build().is_err());
    let e = (PLUGIN.check)(&json!({"wavelet": "db11"})).unwrap_err().to_string();
    assert!(e.contains("wavelet") && e.contains("db10"), "{e}");
}

#[test]
fn every_parameter_changes_something() {
    let events = testkit::daily_events(3, 200);
    let xs = inputs(300);
    testkit::every_parameter_matters::<FeWaveletParams>(
        &[
            json!({"wavelet": "db3"}),
            json!({"transform": "dwt"}),
            json!({"mode": "periodic"}),
            json!({"window": 63}),
            json!({"levels": 2}),
            json!({"threshold": "sure"}),
            json!({"shrink": "hard"}),
            json!({"noise": "each_level"}),
            json!({"log": true}),
            json!({"symbols": ["TLT"]}),
            json!({"input": "fe_x.{symbol}.value"}),
            json!({"name": "smooth"}),
            json!({"lag_window": 50}),
        ],
        |p| {
            let mut trace = testkit::online_trace(p, &xs);
            let value = serde_json::to_value(p).unwrap();
            let build = || Probe::all(&PLUGIN, &value).unwrap().remove(0);
            trace.extend(testkit::drive(&build, &events, None).concat().into_bytes());
            trace.extend(format!("{:?}", PLUGIN.feature.unwrap()(&value).unwrap().inputs()).into_bytes());
            trace.extend(format!("{:?}", smoothed(p, &noisy_scores(200)).1).into_bytes());
            trace
        },
    );
}

#[test]
fn registry_entry_and_roles_conform() {
    testkit::info_suite(&PLUGIN);
    for transform in ["dwt", "modwt"] {
        testkit::role_suite(
            &PLUGIN,
            &json!({"transform": transform, "window": 32, "levels": 2, "symbols": ["SPY", "TLT"]}),
        );
    }
}

fn event(day: i64, symbol: Option<&str>, data: MarketData) -> Event {
    let time = Time::from_ymd(2015, 1, 2).unwrap().plus(Span::from_days(day));
    Event { time, symbol: symbol.map(|s| Symbol::new(s).unwrap()), origin: Origin::default(), data }
}

/// A slow swing under noise, within [-1, 1].
fn noisy_scores(n: usize) -> Vec<f64> {
    let mut rng = testkit::Rng(4);
    (0..n).map(|i| (0.6 * (i as f64 / 12.0).sin() + 0.15 * rng.normal()).clamp(-1.0, 1.0)).collect()
}

/// Shows a filter one score a session: what it sets, and each session's metrics.
fn smoothed(p: &FeWaveletParams, scores: &[f64]) -> (Vec<Option<f64>>, Vec<Metrics>) {
    let mut f = FeWaveletFilter::new(p).unwrap();
    let mut metrics = Vec::new();
    let sets = scores.iter().enumerate().map(|(i, s)| ask(&mut f, i as i64, "a", *s, &mut metrics)).collect();
    (sets, metrics)
}

fn ask(f: &mut FeWaveletFilter, day: i64, strategy: &str, score: f64, metrics: &mut Vec<Metrics>) -> Option<f64> {
    let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let view = View::new(Time::MIN, &market, &features, &portfolio);
    f.observe(&event(day, None, MarketData::SessionClose), &view).unwrap();
    let signal = Signal::new(Time::MIN, Symbol::new("SPY").unwrap(), score, 0.5, "test").unwrap();
    let a = f.filter(StrategyId::new(strategy).unwrap(), &signal, &view);
    metrics.push(Metrics::new());
    f.metrics(metrics.last_mut().unwrap());
    match a.adjust {
        Adjust::Keep => None,
        Adjust::Set(x) => Some(x),
        other => panic!("{other:?}"),
    }
}

#[test]
fn scores_become_smoother_never_larger_and_never_change_sides() {
    let scores = noisy_scores(1500);
    for transform in [Transform::Dwt, Transform::Modwt] {
        let p = FeWaveletParams { transform, ..Default::default() };
        let (sets, metrics) = smoothed(&p, &scores);
        let (mut rough, mut smooth) = (0.0, 0.0);
        for i in 0..scores.len() {
            assert_eq!(sets[i].is_some(), i >= 63, "{i}");
            let Some(set) = sets[i] else { continue };
            let peak = scores[i - 7..=i].iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            assert!(set.abs() <= peak && set * scores[i] >= 0.0, "{i}: {set} of {}", scores[i]);
            if let Some(before) = sets[i - 1] {
                rough += (scores[i] - scores[i - 1]).abs();
                smooth += (set - before).abs();
            }
        }
        let lags: Vec<f64> = metrics
            .iter()
            .flatten()
            .map(|(name, lag)| {
                assert_eq!(*name, "wavelet_lag");
                *lag
            })
            .collect();
        let lag = lags.iter().sum::<f64>() / lags.len() as f64;
        println!("{transform:?}: turnover {:.2} of the raw scores', lag {lag:.2} sessions", smooth / rough);
        assert!(smooth < 0.8 * rough && lag <= 4.0 && lags.len() == 1500 - 63 - 62, "{smooth} {rough} {lag}");
    }
}

#[test]
fn what_was_large_long_ago_does_not_make_a_score_larger() {
    // Noise around 0.5, then 0.05 from day to day: eight sessions (2^levels) later nothing else counts, though the window still holds the rest.
    let mut rng = testkit::Rng(3);
    let mut scores: Vec<f64> = (0..64).map(|_| (0.5 + 0.3 * rng.normal()).clamp(-1.0, 1.0)).collect();
    scores.extend([0.05; 40]);
    let mut f = FeWaveletFilter::new(&FeWaveletParams::default()).unwrap();
    let m = &mut Vec::new();
    let sets: Vec<_> = scores.iter().enumerate().map(|(i, s)| ask(&mut f, i as i64, "a", *s, m)).collect();
    assert!(sets[66].unwrap() > 0.1 && sets[71..].iter().all(|s| (0.0..=0.05).contains(&s.unwrap())), "{sets:?}");
    // The denoised score itself is above that on some days.
    assert!(sets[71..].contains(&Some(0.05)), "{sets:?}");
}

#[test]
fn zeros_and_missing_sessions_count_as_nothing_wanted() {
    let p = FeWaveletParams {
        wavelet: Wavelet::Haar,
        window: 4,
        levels: 1,
        transform: Transform::Dwt,
        ..Default::default()
    };
    let mut f = FeWaveletFilter::new(&p).unwrap();
    let m = &mut Vec::new();
    for day in 0..3 {
        assert_eq!(ask(&mut f, day, "a", 0.8, m), None);
    }
    assert_eq!(ask(&mut f, 3, "a", 0.8, m), Some(0.8));
    // An exit is an exit at once.
    assert_eq!(ask(&mut f, 4, "a", 0.0, m), Some(0.0));
    // 0.8 0.8 0 0.6: means of pairs 0.8 and 0.3; the details 0 and -0.42 have the median 0.21 and stay below 0.52.
    assert!((ask(&mut f, 5, "a", 0.6, m).unwrap() - 0.3).abs() < 1e-12);
    // Other strategies have records of their own, and have missed nothing.
    assert_eq!(ask(&mut f, 6, "b", -0.5, m), None);
    assert_eq!(ask(&mut f, 7, "b", -0.5, m), None);
    // Strategy a was silent for two sessions: 0 0.6 | 0 0 0.4 leaves 0.6 0 0 0.4.
    assert!((ask(&mut f, 8, "a", 0.4, m).unwrap() - 0.2).abs() < 1e-12);
    // The other side: 0 0 0.4 -0.3 is 0.05 in the mean of the last pair; no side is taken against today's score.
    assert_eq!(ask(&mut f, 9, "a", -0.3, m), Some(0.0));
    // -0.3 1.0 is 0.35 in the mean, 1.0 0.1 is 0.55.
    assert!((ask(&mut f, 10, "a", 1.0, m).unwrap() - 0.35).abs() < 1e-12);
    assert!((ask(&mut f, 11, "a", 0.1, m).unwrap() - 0.55).abs() < 1e-12);
}

#[test]
fn one_score_a_session_counts_the_last_one() {
    let p = FeWaveletParams { window: 16, levels: 1, ..Default::default() };
    let scores = noisy_scores(120);
    let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let view = View::new(Time::MIN, &market, &features, &portfolio);
    let mut f = FeWaveletFilter::new(&p).unwrap();
    let mut metrics = Vec::new();
    for (day, score) in scores.iter().enumerate() {
        ask(&mut f, day as i64, "a", *score, &mut metrics);
        // Again in the same session, with another score and then with the first one.
        for s in [-0.9, *score] {
            let signal = Signal::new(Time::MIN, Symbol::new("SPY").unwrap(), s, 0.5, "test").unwrap();
            f.filter(StrategyId::new("a").unwrap(), &signal, &view);
        }
    }
    let mut once = FeWaveletFilter::new(&p).unwrap();
    for (day, score) in scores.iter().enumerate() {
        ask(&mut once, day as i64, "a", *score, &mut metrics);
    }
    let last = |f: &mut FeWaveletFilter| {
        let m = &mut Vec::new();
        (ask(f, 200, "a", 0.4, m), m.clone())
    };
    let (a, b) = (last(&mut f), last(&mut once));
    assert!(a == b && a.0.is_some() && !a.1[0].is_empty(), "{a:?} {b:?}");
}

#[test]
fn the_feature_publishes_dollars_of_today_through_splits() {
    let p = json!({"window": 16, "levels": 1, "symbols": ["SPY", "TLT"], "name": "smooth"});
    let mut feature = PLUGIN.feature.unwrap()(&p).unwrap();
    let names: Vec<String> = feature.outputs().iter().map(|o| format!("{} in {}", o.id, o.unit)).collect();
    let want = ["denoised in dollars", "noise in dollars", "detail in 1"];
    assert_eq!(names[..3], want.map(|w| format!("smooth.SPY.{w}")));
    assert_eq!(names.len(), 6);
    assert!(feature.inputs().is_empty());
    let (market, none, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let view = View::new(Time::MIN, &market, &none, &portfolio);
    let mut out = FeatureValues::default();
    let mut alone = tradewind_core_types::parse_params::<FeWaveletParams>(&p).unwrap().build().unwrap();
    let got = |out: &FeatureValues, what: &str| out.get(FeatureId::new(what).unwrap()).map(|v| v.0);
    for (day, close) in testkit::closes(8, 40).into_iter().enumerate() {
        let day = day as i64;
        let after = if day >= 30 { 2.0 } else { 1.0 };
        if day == 30 {
            let split = CorporateAction::Split { numerator: 2, denominator: 1 };
            feature.on_event(&event(day, Some("SPY"), MarketData::CorporateAction(split)), &view, &mut out).unwrap();
        }
        let price = Price::from_f64(close / after).unwrap();
        feature.on_event(&event(day, Some("SPY"), MarketData::Bar(Bar::close_only(price))), &view, &mut out).unwrap();
        match alone.update(&FeWaveletIn { value: price.to_f64() * after }).unwrap() {
            Some(o) => {
                assert_eq!(got(&out, "smooth.SPY.denoised"), Some(o.denoised / after), "{day}");
                assert_eq!(got(&out, "smooth.SPY.noise"), Some(o.noise / after));
                assert_eq!(got(&out, "smooth.SPY.detail"), o.detail);
            }
            None => assert_eq!(got(&out, "smooth.SPY.denoised"), None),
        }
    }
    assert_eq!(got(&out, "smooth.TLT.denoised"), None);
}

#[test]
fn the_feature_reads_another_feature_and_passes_over_what_it_cannot_use() {
    let p = json!({"window": 16, "levels": 1, "input": "fe_x.{symbol}.value", "log": true, "symbols": ["SPY", "TLT"]});
    let mut feature = PLUGIN.feature.unwrap()(&p).unwrap();
    let ids: Vec<FeatureId> = ["fe_x.SPY.value", "fe_x.TLT.value"].map(|s| FeatureId::new(s).unwrap()).to_vec();
    assert_eq!(feature.inputs(), ids);
    assert_eq!(feature.outputs()[1].unit, "log");
    let (market, portfolio) = (Market::default(), Portfolio::default());
    let (mut features, mut out) = (FeatureValues::default(), FeatureValues::default());
    for day in 0..30 {
        let x = if day == 20 { -1.0 } else { 5.0 + (day % 3) as f64 };
        features.set(ids[0], x, Time::MIN);
        features.set(ids[1], 7.0, Time::MIN);
        let view = View::new(Time::MIN, &market, &features, &portfolio);
        let close = event(day, None, MarketData::SessionClose);
        let answer = feature.on_event(&close, &view, &mut out);
        assert_eq!(answer.is_err(), day == 20, "{answer:?}");
        // Once each: the same values are not taken again.
        feature.on_event(&close, &view, &mut out).unwrap();
        let tlt = out.get(FeatureId::new("fe_wavelet.TLT.denoised").unwrap());
        assert_eq!(tlt.map(|v| (v.0 * 1e9).round()), (day >= 15).then_some(7e9), "{day}");
    }
}
