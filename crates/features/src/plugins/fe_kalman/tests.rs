//! Unit tests of fe_kalman.

use super::*;
use serde_json::json;
use tradewind_core_types::testkit::{Rng, closes, every_parameter_matters, online_suite, online_trace, refuses};
use tradewind_core_types::*;

fn value(v: f64) -> FeKalmanIn {
    FeKalmanIn { value: Some(v), regressor: None }
}
/// Closes with a regressor and, now and then, one of them missing.
fn inputs(seed: u64, n: usize) -> Vec<FeKalmanIn> {
    closes(seed, n)
        .into_iter()
        .zip(closes(seed + 1, n))
        .enumerate()
        .map(|(i, (y, x))| FeKalmanIn { value: (i % 41 != 17).then_some(y), regressor: (i % 53 != 19).then_some(x) })
        .collect()
}
fn params(model: KalmanModel, variances: Variances) -> FeKalmanParams {
    FeKalmanParams { model, variances, window: 120, min_obs: 60, refit_every: 40, ..Default::default() }
}
const MODELS: [KalmanModel; 3] = [KalmanModel::LocalLevel, KalmanModel::LocalLinearTrend, KalmanModel::Regression];

#[test]
fn suite() {
    for model in MODELS {
        for variances in [Variances::Fixed, Variances::Ratio, Variances::Likelihood] {
            online_suite(&params(model, variances), &inputs(5, 300));
        }
    }
    // Flat, then moving: no fit, then one.
    let mut xs = vec![value(20.0); 100];
    xs.extend(inputs(6, 200));
    online_suite(&params(KalmanModel::LocalLevel, Variances::Likelihood), &xs);
}

#[test]
fn bad_input_is_refused() {
    for model in MODELS {
        let mut c = params(model, Variances::Ratio).build().unwrap();
        c.batch(&inputs(1, 100)).unwrap();
        refuses(&mut c, &[f64::NAN, f64::INFINITY, -1e61].map(value));
    }
    let mut c = params(KalmanModel::Regression, Variances::Ratio).build().unwrap();
    refuses(&mut c, &[FeKalmanIn { value: Some(1.0), regressor: Some(f64::NAN) }]);
    let p = FeKalmanParams {
        symbols: vec!["SPY".into(), "SPY".into()],
        input: "a b".into(),
        regressor: "c d!".into(),
        noise: f64::NAN,
        level_noise: -1.0,
        trend_noise: 1e99,
        window: 200_000,
        min_obs: 3,
        refit_every: 0,
        start: StartFrom::Known,
        start_mean: vec![],
        start_variance: vec![0.0],
        lag_window: 1,
        ..Default::default()
    };
    let e = p.build().map(|_| ()).unwrap_err();
    for field in [
        "symbols",
        "noise",
        "level_noise",
        "trend_noise",
        "window",
        "min_obs",
        "refit_every",
        "start_mean",
        "start_variance",
        "lag_window",
    ] {
        assert!(e.0.iter().any(|v| v.field == field), "{field}: {e}");
    }
    let wrong = |p: FeKalmanParams| p.build().map(|_| ()).unwrap_err().0[0].field.clone();
    assert_eq!(wrong(FeKalmanParams { input: "a b".into(), ..Default::default() }), "input");
    assert_eq!(wrong(FeKalmanParams { regressor: "a b".into(), ..Default::default() }), "regressor");
    assert_eq!(wrong(FeKalmanParams { noise: 0.0, level_noise: 0.0, ..Default::default() }), "level_noise");
    assert!(FeKalmanFilter::new(&params(KalmanModel::Regression, Variances::Ratio)).is_err());
    assert!(FeKalmanFilter::new(&params(KalmanModel::LocalLevel, Variances::Likelihood)).is_err());
}

#[test]
fn every_parameter_changes_something() {
    let xs = inputs(3, 300);
    let changes = [
        json!({"symbols": ["SPY", "TLT"]}),
        json!({"input": "fe_x.{symbol}.value"}),
        json!({"name": "smooth"}),
        json!({"model": "local_linear_trend"}),
        json!({"model": "regression", "regressor": "TLT.close"}),
        json!({"variances": "fixed"}),
        json!({"noise": 3.0}),
        json!({"level_noise": 0.5}),
        json!({"model": "local_linear_trend", "trend_noise": 0.5}),
        json!({"window": 100}),
        json!({"min_obs": 100}),
        json!({"variances": "likelihood", "refit_every": 5}),
        json!({"start": "approximate"}),
        json!({"start": "known", "start_mean": [90.0]}),
        json!({"start": "approximate", "start_variance": [1.0]}),
        json!({"lag_window": 60}),
    ];
    every_parameter_matters::<FeKalmanParams>(&changes, |p| {
        let mut bytes = online_trace(p, &xs);
        let feature = FeKalmanFeature::new(p).unwrap();
        bytes.extend(feature.save().unwrap());
        bytes.extend(format!("{:?}{:?}", feature.outputs(), feature.inputs()).bytes());
        if p.model != KalmanModel::Regression && p.variances != Variances::Likelihood {
            bytes.extend(FeKalmanFilter::new(p).unwrap().save().unwrap());
        }
        bytes
    });
}

#[test]
fn the_scale_comes_from_earlier_innovations_only() {
    let p = FeKalmanParams { window: 20, min_obs: 10, ..Default::default() };
    let mut c = p.build().unwrap();
    let mut fixed = FeKalmanParams { variances: Variances::Fixed, ..p }.build().unwrap();
    let mut squares = Vec::new();
    for (i, y) in closes(2, 60).into_iter().enumerate() {
        let (a, b) = (c.update(&value(y)).unwrap().unwrap(), fixed.update(&value(y)).unwrap().unwrap());
        assert_eq!((a.level, a.innovation), (b.level, b.innovation));
        // The first value finds the level; ten innovations later the scale is known.
        assert_eq!(a.z.is_some(), i > 10, "{i}");
        let last: Vec<f64> = squares.iter().rev().take(20).copied().collect();
        if let (Some(z), Some(raw)) = (a.z, b.z) {
            let scale = last.iter().sum::<f64>() / last.len() as f64;
            assert!((z - raw / scale.sqrt()).abs() < 1e-9 * z.abs().max(1.0), "{i}");
        }
        squares.extend(b.z.map(|z| z * z));
    }
}

#[test]
fn fits_are_causal_and_their_likelihood_is_that_of_the_window() {
    let xs: Vec<f64> = closes(9, 130);
    let mut c = params(KalmanModel::LocalLevel, Variances::Likelihood).build().unwrap();
    let outs = c.batch(&xs[..60].iter().map(|x| value(*x)).collect::<Vec<_>>()).unwrap();
    assert!(outs[..59].iter().all(Option::is_none) && outs[59].is_some());
    let e = *c.last_fit().unwrap();
    // After the first fit the state is that of a filter with these variances over the same values.
    let mut l = LocalLevel::new(e.state_noise[0], e.noise, tradewind_numerics::kalman::Start1::Diffuse).unwrap();
    for x in &xs[..60] {
        l.step(Some(*x));
    }
    assert!((l.log_likelihood().value() - e.log_likelihood).abs() < 1e-8);
    assert_eq!(outs[59].unwrap().level, l.level());
    // The next 39 values are filtered with them, then comes the next fit.
    for x in &xs[60..99] {
        c.update(&value(*x)).unwrap();
        l.step(Some(*x));
    }
    assert_eq!(c.last_fit(), Some(&e));
    c.update(&value(xs[99])).unwrap();
    assert_ne!(c.last_fit(), Some(&e));
    assert_eq!(c.summary()["fits"], json!(2));
}

#[test]
fn a_constant_series_has_its_level_and_no_surprise() {
    for model in [KalmanModel::LocalLevel, KalmanModel::LocalLinearTrend] {
        for variances in [Variances::Fixed, Variances::Ratio, Variances::Likelihood] {
            let mut c = params(model, variances).build().unwrap();
            let out = c.batch(&[value(20.0); 300]).unwrap().pop().flatten().unwrap();
            assert!((out.level.unwrap() - 20.0).abs() < 1e-9 && out.innovation.unwrap().abs() < 1e-9, "{out:?}");
            assert!(out.z.is_none_or(|z| z.abs() < 1e-6), "{out:?}");
        }
    }
}

#[test]
fn the_slice_form_is_the_streaming_form() {
    let ys = closes(4, 3000);
    let p = FeKalmanParams { level_noise: 0.01, ..Default::default() };
    let streaming: Vec<f64> = {
        let mut c = p.build().unwrap();
        ys.iter().map(|y| c.update(&value(*y)).unwrap().unwrap().level.unwrap()).collect()
    };
    let mut levels = vec![0.0; ys.len()];
    p.filter_levels(&ys, &mut levels).unwrap();
    assert_eq!(levels, streaming);
    assert!(p.filter_levels(&ys, &mut levels[1..]).is_err());
    assert!(params(KalmanModel::LocalLevel, Variances::Likelihood).filter_levels(&ys, &mut levels).is_err());
}

#[test]
fn the_smoother_looks_ahead_and_the_filter_does_not() {
    let ys: Vec<Option<f64>> = closes(7, 200).into_iter().map(Some).collect();
    let p = params(KalmanModel::LocalLinearTrend, Variances::Ratio);
    let mut other = ys.clone();
    other[150..].iter_mut().for_each(|y| *y = y.map(|y| y + 10.0));
    let (a, b) = (p.smooth_lookahead(&ys).unwrap(), p.smooth_lookahead(&other).unwrap());
    assert_ne!(a[140].mean, b[140].mean);
    // At the last value both know the same.
    let mut c = p.build().unwrap();
    let last = c.batch(&ys.iter().map(|y| value(y.unwrap())).collect::<Vec<_>>()).unwrap().pop().flatten().unwrap();
    assert!((a[199].mean[0] - last.level.unwrap()).abs() < 1e-9 && (a[199].mean[1] - last.trend.unwrap()).abs() < 1e-9);
    let l = params(KalmanModel::LocalLevel, Variances::Likelihood);
    assert_eq!(l.smooth_lookahead(&ys).unwrap().len(), 200);
    assert!(l.smooth_lookahead(&ys[..3]).is_err() && l.smooth_lookahead(&[Some(f64::NAN); 50]).is_err());
    assert!(params(KalmanModel::Regression, Variances::Fixed).smooth_lookahead(&ys).is_err());
    assert!(p.smooth_lookahead(&[None; 9]).unwrap_err().to_string().contains("at least 2 values"));
}

/// Shows a filter one score a session; gives what it answers.
fn smooth(filter: &mut FeKalmanFilter, scores: &[f64]) -> Vec<f64> {
    let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let view = View::new(Time::MIN, &market, &features, &portfolio);
    let close = Event { time: Time::MIN, symbol: None, origin: Origin::default(), data: MarketData::SessionClose };
    let (strategy, spy) = (StrategyId::new("s").unwrap(), Symbol::new("SPY").unwrap());
    let mut out = Vec::new();
    for s in scores {
        filter.observe(&close, &view).unwrap();
        // A score that is not a number stands for a session without a signal.
        if let Ok(signal) = Signal::new(Time::MIN, spy, *s, 1.0, "") {
            let first = filter.filter(strategy, &signal, &view);
            assert_eq!(filter.filter(strategy, &signal, &view), first, "asked twice in a session");
            let Adjust::Set(x) = first.adjust else { panic!("{first:?}") };
            out.push(x);
        }
    }
    out
}

#[test]
fn scores_are_smoothed_within_what_was_asked_for_and_the_lag_is_measured() {
    let mut rng = Rng(3);
    // A slow wave with noise on it.
    let raw: Vec<f64> =
        (0..600).map(|i| (0.5 * (f64::from(i) / 15.0).sin() + 0.2 * rng.normal()).clamp(-0.8, 0.8)).collect();
    let mut f = FeKalmanFilter::new(&FeKalmanParams::default()).unwrap();
    let smoothed = smooth(&mut f, &raw);
    let changes = |x: &[f64]| x.windows(2).map(|w| (w[1] - w[0]).abs()).sum::<f64>();
    println!("turnover of the score {:.1} to {:.1}", changes(&raw), changes(&smoothed));
    assert!(changes(&smoothed) < 0.6 * changes(&raw));
    let largest = raw.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    assert!(smoothed.iter().all(|x| x.abs() <= largest));
    // Never on the other side.
    assert!(smoothed.iter().zip(&raw).all(|(s, r)| s * r >= 0.0));
    assert_eq!(
        smooth(&mut FeKalmanFilter::new(&FeKalmanParams::default()).unwrap(), &[0.9, 0.9, 0.0]),
        [0.9, 0.9, 0.0]
    );
    // Without the noise (which both share, so that it correlates best at no lag) it trails by about the mean age, 2.7 sessions.
    let wave: Vec<f64> = (0..600).map(|i| 0.5 * (f64::from(i) / 15.0).sin()).collect();
    let mut clean = FeKalmanFilter::new(&FeKalmanParams::default()).unwrap();
    smooth(&mut clean, &wave);
    let lag = |f: &FeKalmanFilter, name: &str| {
        let mut metrics = Metrics::new();
        f.metrics(&mut metrics);
        metrics.iter().find(|m| m.0 == name).map(|m| m.1).unwrap()
    };
    println!("lag with noise {}, without {}", lag(&f, "kalman_lag"), lag(&clean, "kalman_lag"));
    assert!((lag(&clean, "kalman_mean_lag") - 2.7).abs() < 0.01);
    assert!((2.0..=3.0).contains(&lag(&clean, "kalman_lag")) && lag(&f, "kalman_lag") <= lag(&clean, "kalman_lag"));
}

#[test]
fn a_local_trend_overshoots_and_is_held_back() {
    let p = FeKalmanParams { model: KalmanModel::LocalLinearTrend, trend_noise: 0.5, ..Default::default() };
    let mut raw = vec![0.0, 0.2, 0.4, 0.6, 0.8];
    raw.extend([0.8; 20]);
    let smoothed = smooth(&mut FeKalmanFilter::new(&p).unwrap(), &raw);
    assert!(smoothed.iter().all(|x| x.abs() <= 0.8), "{smoothed:?}");
    assert!(smoothed.contains(&0.8), "{smoothed:?}");
}

#[test]
fn sessions_without_a_signal_are_missing_and_a_year_without_is_forgotten() {
    let f = || FeKalmanFilter::new(&FeKalmanParams::default()).unwrap();
    let gap = |n: usize| {
        let mut x = vec![1.0; 30];
        x.extend(vec![f64::NAN; n]);
        x.push(0.2);
        smooth(&mut f(), &x)[30]
    };
    // The longer the gap the less the scores before it count.
    assert!(gap(0) > gap(20) && gap(20) > gap(100) && gap(100) > 0.2, "{} {} {}", gap(0), gap(20), gap(100));
    assert_eq!(gap(300), 0.2);
}

#[test]
fn a_regression_takes_values_and_regressors_of_one_instant() {
    let p = FeKalmanParams {
        model: KalmanModel::Regression,
        variances: Variances::Fixed,
        symbols: vec!["TLT".into()],
        level_noise: 0.0,
        trend_noise: 0.0,
        ..Default::default()
    };
    let mut f = FeKalmanFeature::new(&p).unwrap();
    let (market, portfolio) = (Market::default(), Portfolio::default());
    let mut out = FeatureValues::default();
    let bar = |t: i64, s: &str, x: f64| Event {
        time: Time::MIN.plus(Span::from_secs(t)),
        symbol: Some(Symbol::new(s).unwrap()),
        origin: Origin::default(),
        data: MarketData::Bar(Bar::close_only(Price::from_f64(x).unwrap())),
    };
    // y = 5 + 2 x, in either order; at 3 the regressor does not come, at 5 nothing to explain does.
    let events = [
        bar(1, "SPY", 10.0),
        bar(1, "TLT", 25.0),
        bar(2, "TLT", 45.0),
        bar(2, "SPY", 20.0),
        bar(3, "TLT", 99.0),
        bar(4, "SPY", 30.0),
        bar(4, "TLT", 65.0),
        bar(5, "SPY", 50.0),
        bar(6, "SPY", 40.0),
        bar(6, "TLT", 85.0),
    ];
    for e in &events {
        let known = out.clone();
        let view = View::new(e.time, &market, &known, &portfolio);
        f.on_event(e, &view, &mut out).unwrap();
    }
    let beta = FeatureId::new("fe_kalman.TLT.beta").unwrap();
    let level = FeatureId::new("fe_kalman.TLT.level").unwrap();
    assert!((out.get(beta).unwrap().0 - 2.0).abs() < 1e-9 && (out.get(level).unwrap().0 - 5.0).abs() < 1e-7);
    assert_eq!(f.outputs().len(), 3);
    // Two closes read no feature; a feature of a feature says so.
    assert!(f.inputs().is_empty());
    let graph = FeKalmanParams { input: "fe_fracdiff.{symbol}.value".into(), ..Default::default() };
    let read = FeKalmanFeature::new(&graph).unwrap().inputs();
    assert_eq!(read, [FeatureId::new("fe_fracdiff.SPY.value").unwrap()]);
}
