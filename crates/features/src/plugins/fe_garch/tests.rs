//! Unit tests of fe_garch.

use super::*;
use tradewind_core_types::testkit::{closes, every_parameter_matters, online_suite, online_trace, refuses};
use tradewind_core_types::{Bar, Market, Origin, Portfolio, Price, Time};

fn small() -> FeGarchParams {
    FeGarchParams { window: 150, min_obs: 60, refit_every: 20, ..FeGarchParams::default() }
}
fn inputs(seed: u64, n: usize) -> Vec<FeGarchIn> {
    closes(seed, n).into_iter().map(|close| FeGarchIn { close }).collect()
}

#[test]
fn suite() {
    for model in [Model::Garch, Model::Gjr] {
        for dist in [Dist::Normal, Dist::T] {
            online_suite(&FeGarchParams { model, dist, ..small() }, &inputs(5, 400));
        }
    }
    online_suite(&FeGarchParams { mean: Mean::Zero, variance_targeting: true, ..small() }, &inputs(5, 400));
    // Flat, then moving: through the fallback and out of it.
    let mut xs = vec![FeGarchIn { close: 20.0 }; 200];
    xs.extend(inputs(6, 300));
    online_suite(&small(), &xs);
}

#[test]
fn bad_input_is_refused() {
    let mut c = small().build().unwrap();
    c.batch(&inputs(1, 100)).unwrap();
    refuses(&mut c, &[f64::NAN, f64::INFINITY, 0.0, -1.0].map(|close| FeGarchIn { close }));
    let p = FeGarchParams {
        symbols: vec!["SPY".into(), "SPY".into(), "a b".into()],
        window: 40,
        refit_every: 0,
        horizon: 0,
        annualisation: f64::NAN,
        ewma_lambda: 1.0,
        ..FeGarchParams::default()
    };
    assert_eq!(p.build().map(|_| ()).unwrap_err().0.len(), 7);
    assert!(FeGarchParams { symbols: vec![], ..FeGarchParams::default() }.build().is_err());
}

#[test]
fn every_parameter_changes_something() {
    // Flat for a while, so that the EWMA shows.
    let mut xs = inputs(3, 30);
    let last = xs.last().copied().unwrap();
    xs.extend(vec![last; 320]);
    xs.extend(inputs(4, 1100));
    let changes = [
        json!({"symbols": ["SPY", "TLT"]}),
        json!({"model": "gjr"}),
        json!({"dist": "t"}),
        json!({"mean": "zero"}),
        json!({"init": "sample"}),
        json!({"window": 400}),
        json!({"min_obs": 100}),
        json!({"refit_every": 5}),
        json!({"horizon": 10}),
        json!({"variance_targeting": true}),
        json!({"annualisation": 365.0}),
        json!({"window": 100, "min_obs": 60, "ewma_lambda": 0.97}),
    ];
    every_parameter_matters::<FeGarchParams>(&changes, |p| {
        let mut bytes = online_trace(p, &xs);
        let names: Vec<_> = FeGarchFeature::new(p).unwrap().outputs().iter().map(|o| o.id.as_str()).collect();
        bytes.extend(names.concat().bytes());
        bytes
    });
}

#[test]
fn filter_and_forecast_follow_the_recursion() {
    let mut c = FeGarchParams { horizon: 5, ..small() }.build().unwrap();
    let xs = inputs(8, 120);
    let outs: Vec<_> = c.batch(&xs).unwrap().into_iter().flatten().collect();
    // Output 19 is the last before the first refit (every 20): one step of the recursion from output 18.
    let mut again = FeGarchParams { horizon: 5, ..small() }.build().unwrap();
    again.batch(&xs[..61]).unwrap();
    let p = again.last_fit().unwrap().parameters;
    let r = (xs[79].close / xs[78].close).ln();
    let h = p.next_variance(outs[18].variance, r);
    assert_eq!(outs[19].variance, h);
    let z = (r - p.mu) / outs[18].variance.sqrt();
    assert_eq!(outs[19].std_resid, Some(z));
    let mut sum = 0.0;
    let mut v = h;
    for _ in 0..5 {
        sum += v;
        v = p.omega + p.persistence() * v;
    }
    assert!((outs[19].volatility / (252.0 * sum / 5.0).sqrt() - 1.0).abs() < 1e-12);
    assert!(outs[0].std_resid.is_none() && outs[1].std_resid.is_some());
}

#[test]
fn flat_series_has_the_floor_and_says_so() {
    let mut c = small().build().unwrap();
    let out = c.batch(&[FeGarchIn { close: 20.0 }; 100]).unwrap().pop().flatten().unwrap();
    assert_eq!((out.variance, out.fallback, out.std_resid), (VARIANCE_FLOOR, true, Some(0.0)));
    assert_eq!(out.volatility, (VARIANCE_FLOOR * 252.0).sqrt());
    let s = c.summary();
    assert_eq!((&s["fits"], &s["failed_fits"], &s["fallback"]), (&json!(2), &json!(2), &json!(true)));
}

#[test]
fn wild_prices_stay_finite() {
    for (a, b) in [(1e-300, 1e300), (1e-3, 1e6), (100.0, 100.000_000_1)] {
        let xs: Vec<_> = (0..400).map(|i| FeGarchIn { close: if i % 7 == 0 { a } else { b } }).collect();
        for dist in [Dist::Normal, Dist::T] {
            for o in (FeGarchParams { dist, ..small() }).build().unwrap().batch(&xs).unwrap().into_iter().flatten() {
                assert!(o.volatility.is_finite() && o.volatility > 0.0 && o.variance > 0.0);
            }
        }
    }
}

#[test]
fn splits_and_dividends_are_not_returns() {
    let p = FeGarchParams { window: 60, min_obs: 60, ..FeGarchParams::default() };
    let (mut plain, mut raw) = (FeGarchFeature::new(&p).unwrap(), FeGarchFeature::new(&p).unwrap());
    let (market, portfolio) = (Market::default(), Portfolio::default());
    let spy = Symbol::new("SPY").unwrap();
    let id = plain.outputs()[0].id;
    let give = |f: &mut FeGarchFeature, data: MarketData| {
        let event = Event { time: Time::MIN, symbol: Some(spy), origin: Origin::default(), data };
        let mut out = FeatureValues::default();
        let known = out.clone();
        let view = View::new(Time::MIN, &market, &known, &portfolio);
        f.on_event(&event, &view, &mut out).unwrap();
        out.get(id).map(|(v, _)| v)
    };
    let bar = |x: f64| MarketData::Bar(Bar::close_only(Price::from_f64(x).unwrap()));
    let mut last = (None, None);
    for (i, c) in closes(2, 80).into_iter().enumerate() {
        if i == 40 {
            give(&mut raw, MarketData::CorporateAction(CorporateAction::Split { numerator: 4, denominator: 1 }));
        }
        last = (give(&mut plain, bar(c)), give(&mut raw, bar(if i < 40 { c } else { 0.25 * c })));
    }
    // Prices are rounded to their grid, hence not to the last digit.
    let (Some(a), Some(b)) = last else { panic!("both have an output") };
    assert!((a / b - 1.0).abs() < 1e-5, "{a} {b}");
}
