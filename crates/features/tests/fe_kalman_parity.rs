//! fe_kalman against statsmodels' UnobservedComponents on real series: `tools/oracle/fe_kalman.py`.

use serde_json::{Value, json};
use tradewind_core_types::{Online, Params, parse_params, testkit::sample};
use tradewind_features::plugins::fe_kalman::{FeKalmanIn, FeKalmanParams};

const TOLERANCE: f64 = 1e-8;

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/fe_kalman.json")).unwrap()
}

fn series(name: &str) -> Vec<f64> {
    let (symbol, what) = name.split_once('.').unwrap();
    let rows = match symbol {
        "VIX" => sample("vix_close_2014_2019.csv", "vix", None),
        _ => sample("etf23_close_2008_2016.csv.gz", symbol, None),
    };
    rows.into_iter().map(|(_, x)| if what == "log" { x.ln() } else { x }).collect()
}

fn missing(i: usize) -> bool {
    i % 7 == 3 || (100..130).contains(&i)
}

#[test]
fn streaming_values_equal_statsmodels() {
    let (mut compared, mut worst) = (0, 0.0_f64);
    for c in oracle()["cases"].as_array().unwrap() {
        let trend = c["model"] == "local_linear_trend";
        let (p, known) = (&c["params"], &c["known"]);
        let n = if trend { 2 } else { 1 };
        let (mean, variance) = match c["start"].as_str().unwrap() {
            "approximate" => (json!([0.0]), json!([known[4]])),
            "known" if trend => (json!([known[0], known[1]]), json!([known[2], known[3]])),
            "known" => (json!([known[0]]), json!([known[2]])),
            _ => (json!([0.0]), json!([1.0])),
        };
        let params: FeKalmanParams = parse_params(&json!({
            "model": c["model"], "variances": "fixed", "noise": p[0], "level_noise": p[1],
            "trend_noise": if trend { p[2].clone() } else { json!(0.0) },
            "start": c["start"], "start_mean": mean, "start_variance": variance,
        }))
        .unwrap();
        let gaps = c["missing"].as_bool().unwrap();
        let y = series(c["series"].as_str().unwrap());
        let inputs: Vec<_> = y
            .iter()
            .enumerate()
            .map(|(i, y)| FeKalmanIn { value: (!(gaps && missing(i))).then_some(*y), regressor: None })
            .collect();
        let mut k = params.build().unwrap();
        let got = k.batch(&inputs).unwrap();
        let mut near = |got: f64, want: &Value, scale: f64, what: &str| {
            let want = want.as_f64().unwrap();
            let error = (got - want).abs() / want.abs().max(scale);
            worst = worst.max(error);
            compared += 1;
            assert!(error <= TOLERANCE, "{} {} {} {what}: {got} and not {want}", c["series"], c["model"], c["start"]);
        };
        for (row, i) in c["rows"].as_array().unwrap().iter().enumerate() {
            let i = i.as_u64().unwrap() as usize;
            let Some(o) = got[i] else { continue };
            // While directions are unknown there is no level, and statsmodels' finite parts mean nothing.
            let Some(level) = o.level else { continue };
            let sd = c["covariance"][row][n - 1].as_f64().unwrap().sqrt();
            near(level, &c["filtered"][row][0], 0.0, &format!("level {i}"));
            near(o.level_sd.unwrap().powi(2), &c["covariance"][row][0], 0.0, &format!("variance {i}"));
            if trend {
                near(o.trend.unwrap(), &c["filtered"][row][1], sd, &format!("trend {i}"));
            }
            assert_eq!(o.innovation.is_none(), c["innovation"][row].is_null());
            if let Some(z) = o.z {
                let f = c["variance"][row].as_f64().unwrap().sqrt();
                near(o.innovation.unwrap(), &c["innovation"][row], f, &format!("innovation {i}"));
                near(z, &json!(c["innovation"][row].as_f64().unwrap() / f), 1.0, &format!("z {i}"));
            }
        }
        near(k.summary()["log_likelihood"].as_f64().unwrap(), &c["log_likelihood"], 1.0, "log-likelihood");
    }
    println!("{compared} values compared, largest difference {worst:e}");
    assert!(compared > 2000);
}

#[test]
fn likelihoods_fitted_are_not_below_statsmodels() {
    for f in oracle()["fits"].as_array().unwrap() {
        let (first, count) = (f["first"].as_u64().unwrap() as usize, f["count"].as_u64().unwrap() as usize);
        let params: FeKalmanParams = parse_params(&json!({
            "model": f["model"], "variances": "likelihood", "window": count, "min_obs": count,
        }))
        .unwrap();
        let y = series(f["series"].as_str().unwrap());
        let inputs: Vec<_> =
            y[first..first + count].iter().map(|y| FeKalmanIn { value: Some(*y), regressor: None }).collect();
        let mut k = params.build().unwrap();
        k.batch(&inputs).unwrap();
        let e = k.last_fit().unwrap();
        let gain = e.log_likelihood - f["log_likelihood"].as_f64().unwrap();
        assert!(gain > -1e-6, "{} {}: {gain}", f["series"], f["model"]);
        // And where statsmodels found an inner maximum, it is the same one.
        let want: Vec<f64> = f["params"].as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).collect();
        if gain < 1e-6 {
            let size = want[0].max(want[1]);
            for (got, want) in [(e.noise, want[0]), (e.state_noise[0], want[1])] {
                assert!((got - want).abs() < 2e-3 * size, "{} {}: {got} and {want}", f["series"], f["model"]);
            }
        }
    }
}
