//! risk_cvar_size against scipy, skfolio and cvxpy on real data: `tools/oracle/risk_cvar_size.py`.

use serde_json::{Value, json};
use tradewind_core_types::{Online, Params, parse_params, testkit};
use tradewind_numerics::tail::backtest::{Forecast, Simulation, acerbi_szekely};
use tradewind_numerics::tail::peaks::{Gpd, Peaks, thresholds};
use tradewind_numerics::tail::shortfall::{Model, ShortfallWork, cornish_fisher_domain, shortfall};
use tradewind_numerics::tail::student::StudentT;
use tradewind_numerics::tail::{TailMethod, TailWork, VarianceFilter, tail};
use tradewind_risk::min_cvar::Programme;
use tradewind_risk::plugins::risk_cvar_size::{RiskCvarSizeIn, RiskCvarSizeParams};

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/risk_cvar_size.json")).unwrap()
}

fn returns(closes: &[(String, f64)]) -> Vec<f64> {
    closes.windows(2).map(|w| w[1].1 / w[0].1 - 1.0).collect()
}

fn series(name: &str) -> Vec<f64> {
    returns(&match name {
        "SPX" => testkit::sample("index_ohlcv_1999_2018.csv.gz", "close", Some(("symbol", "SPX"))),
        _ => testkit::sample("etf23_close_2008_2016.csv.gz", name, None),
    })
}

fn number(v: &Value, key: &str) -> f64 {
    v[key].as_f64().unwrap_or_else(|| panic!("{key} in {v}"))
}

#[track_caller]
fn close(what: &str, got: f64, want: f64, relative: f64) {
    assert!((got / want - 1.0).abs() < relative, "{what}: {got} instead of {want}");
}

#[test]
fn tails() {
    for case in oracle()["tails"].as_array().unwrap() {
        let all = series(case["series"].as_str().unwrap());
        let (end, n) = (case["end"].as_u64().unwrap() as usize, case["returns"].as_u64().unwrap() as usize);
        let raw = &all[end.min(all.len()) - n..end.min(all.len())];
        let filter = case["filtered"].as_bool().unwrap().then(|| VarianceFilter::ewma(0.94));
        let mut work = ShortfallWork::default();
        let mut of = |m| shortfall(raw, m, filter, 0.975, &mut work).unwrap();
        for (name, model) in [("historical", Model::Historical), ("normal", Model::Normal)] {
            let e = of(model);
            close(name, e.var, number(&case[name], "var"), 1e-10);
            close(name, e.es.unwrap(), number(&case[name], "es"), 1e-10);
        }
        // Student: the likelihood at least scipy's, and the parameters of the maximum.
        let e = of(Model::StudentT);
        let want = &case["student_t"];
        close("nu", e.shape.unwrap(), number(want, "nu"), 1e-4);
        close("t var", e.var, number(want, "var"), 1e-5);
        close("t es", e.es.unwrap(), number(want, "es"), 1e-5);
        // Cornish-Fisher where it is valid; where it is not, nothing below it, the historical and the normal.
        let e = of(Model::CornishFisher);
        let want = &case["cornish_fisher"];
        let valid = want["valid"].as_bool().unwrap();
        assert_eq!(cornish_fisher_domain(number(want, "skewness"), number(want, "kurtosis")), valid, "{want}");
        assert_eq!(e.problem.is_none(), valid, "{want}");
        if valid {
            close("Cornish-Fisher var", e.var, number(want, "var"), 1e-10);
            close("Cornish-Fisher es", e.es.unwrap(), number(want, "es"), 1e-10);
        } else {
            for other in ["historical", "normal", "cornish_fisher"] {
                assert!(e.es.unwrap() >= number(&case[other], "es") - 1e-14, "{other}");
            }
        }
        for want in case["peaks"].as_array().unwrap() {
            let e = of(Model::Peaks { tail: number(want, "tail") });
            close("xi", e.shape.unwrap(), number(want, "xi"), 1e-5);
            close("peaks var", e.var, number(want, "var"), 1e-7);
            close("peaks es", e.es.unwrap(), number(want, "es"), 1e-7);
            if filter.is_none() {
                let mut losses: Vec<f64> = raw.iter().map(|r| -r).collect();
                let k = want["k"].as_u64().unwrap() as usize;
                let diagnosed = thresholds(&losses, &[k]).unwrap()[0];
                let p = Peaks::fit(&mut losses, k).unwrap();
                let ours = p.gpd.log_likelihood;
                assert!(ours > number(want, "scipy_log_likelihood") - 1e-6, "{ours} {want}");
                assert!((ours - number(want, "log_likelihood")).abs() < 1e-8, "{ours} {want}");
                close("sigma", p.gpd.scale, number(want, "sigma"), 1e-6);
                close("threshold", p.threshold, number(want, "threshold"), 1e-12);
                close("mean excess", diagnosed.mean_excess, number(want, "mean_excess"), 1e-12);
                close("its error", diagnosed.mean_excess_error, number(want, "mean_excess_error"), 1e-12);
            }
        }
        if filter.is_none() {
            let t = StudentT::fit(raw).unwrap();
            let want = &case["student_t"];
            assert!(t.log_likelihood > number(want, "scipy_log_likelihood") - 1e-6, "{t:?} {want}");
            assert!((t.log_likelihood - number(want, "log_likelihood")).abs() < 1e-6, "{t:?} {want}");
            close("sigma", t.scale, number(want, "sigma"), 1e-5);
        }
    }
}

#[test]
fn shapes_unlike_those_of_returns() {
    for case in oracle()["shapes"].as_array().unwrap() {
        let xi = number(case, "xi");
        let truth = Gpd { shape: xi, scale: 2.0, log_likelihood: 0.0, n: 0 };
        let y: Vec<f64> = (0..200).map(|i| truth.quantile(1.0 - (f64::from(i) + 0.5) / 200.0)).collect();
        let g = Gpd::fit(&y).unwrap();
        assert!((g.shape - number(case, "shape")).abs() < 1e-6, "{g:?} {case}");
        close("scale", g.scale, number(case, "scale"), 1e-6);
        assert!((g.log_likelihood - number(case, "log_likelihood")).abs() < 1e-7, "{g:?} {case}");
    }
}

#[test]
fn portfolios_of_least_shortfall() {
    let file = "stocks20_adjclose_1990_2022.csv.gz";
    let names = [
        "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "MSFT", "PEP", "PFE", "PG",
        "RRC", "UNH", "WMT", "XOM",
    ];
    let columns: Vec<Vec<f64>> = names.iter().map(|s| returns(&testkit::sample(file, s, None))).collect();
    let t = columns[0].len();
    let scenarios: Vec<f64> = (t - 2500..t).flat_map(|i| columns.iter().map(move |c| c[i])).collect();
    let mean: Vec<f64> = columns.iter().map(|c| c[t - 2500..].iter().sum::<f64>() / 2500.0).collect();
    let held = [0.05; 20];
    for case in oracle()["portfolios"].as_array().unwrap() {
        let (lower, upper) = ([number(case, "low"); 20], [number(case, "high"); 20]);
        let p = Programme {
            scenarios: &scenarios,
            assets: 20,
            confidence: number(case, "confidence"),
            budget: 1.0,
            lower: &lower,
            upper: &upper,
            turnover: case["turnover"].as_f64().map(|t| (&held[..], t)),
            least_return: case["least_return"].as_f64().map(|m| (&mean[..], m)),
        };
        let s = p.solve().unwrap();
        assert!((s.cvar - number(case, "cvar")).abs() < 1e-8, "{} {case}", s.cvar);
        if let Some(want) = case["skfolio_cvar"].as_f64() {
            assert!((s.cvar - want).abs() < 1e-8, "{} {case}", s.cvar);
        }
        for (i, want) in case["weights"].as_array().unwrap().iter().enumerate() {
            assert!((s.weights[i] - want.as_f64().unwrap()).abs() < 1e-4, "{}: {} {case}", names[i], s.weights[i]);
        }
        assert!((s.weights.iter().sum::<f64>() - 1.0).abs() < 1e-8);
        if let Some(limit) = case["turnover"].as_f64() {
            assert!(s.turnover.unwrap() <= limit + 1e-7);
        }
    }
}

#[test]
fn backtest_of_a_normal_forecast() {
    let want = &oracle()["backtest"];
    let spy = series("SPY");
    let mut work = TailWork::default();
    let forecasts: Vec<Forecast> = (250..spy.len())
        .map(|t| tail(&spy[t - 250..t], TailMethod::Normal, 0.975, &mut work).unwrap())
        .map(|t| Forecast { var: t.var, es: t.es.unwrap() })
        .collect();
    let s = acerbi_szekely(&spy[250..], &forecasts, 0.025, 0.2, Simulation::default()).unwrap();
    assert_eq!((json!(s.n), json!(s.exceedances)), (want["n"].clone(), want["exceedances"].clone()));
    close("Z1", s.z1.unwrap().statistic, number(want, "z1"), 1e-9);
    close("Z2", s.z2.statistic, number(want, "z2"), 1e-9);
    // The plugin judges its own forecasts in the same way.
    let p: RiskCvarSizeParams =
        parse_params(&json!({"method": "normal", "filter": "none", "window": 250, "minimum": 249})).unwrap();
    let mut c = p.build().unwrap();
    for r in &spy {
        c.update(&RiskCvarSizeIn { close: None, ret: Some(*r) }).unwrap();
    }
    let said = c.summary();
    assert_eq!(said["exceedances"], want["exceedances"]);
    close("Z2", number(&said["acerbi_szekely"]["z2"], "statistic"), number(want, "z2"), 1e-9);
}
