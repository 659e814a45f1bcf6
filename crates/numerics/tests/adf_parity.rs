//! The Dickey-Fuller test against statsmodels on the bundled sample (`tools/oracle/fe_fracdiff.py`).

use serde_json::Value;
use tradewind_core_types::testkit::sample;
use tradewind_numerics::adf::{Lags, Trend, adf, critical_values, p_value};
use tradewind_numerics::fracdiff::{Search, order};

const TOLERANCE: f64 = 1e-8;

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/fe_fracdiff.json")).unwrap()
}

fn series(name: &str) -> Vec<f64> {
    let (symbol, what) = name.split_once('.').unwrap();
    let rows = match symbol {
        "VIX" => sample("vix_close_2014_2019.csv", "vix", None),
        "SPX" => sample("index_ohlcv_1999_2018.csv.gz", "close", Some(("symbol", "SPX"))),
        _ => sample("etf23_close_2008_2016.csv.gz", symbol, None),
    };
    rows.into_iter().map(|(_, x)| if what == "log" { x.ln() } else { x }).collect()
}

fn trend(v: &Value) -> Trend {
    match v.as_str().unwrap() {
        "n" => Trend::None,
        "c" => Trend::Constant,
        "ct" => Trend::Linear,
        _ => Trend::Quadratic,
    }
}

fn close(got: f64, want: &Value, what: &str) -> f64 {
    let want = want.as_f64().unwrap();
    let error = (got - want).abs() / want.abs().max(1.0);
    assert!(error <= TOLERANCE, "{what}: {got} and not {want}, off by {error:e}");
    error
}

#[test]
fn statistics_lags_and_p_values_equal_statsmodels() {
    let reference = oracle();
    let mut worst: f64 = 0.0;
    let cases = reference["adf"].as_array().unwrap();
    for c in cases {
        let mut x = series(c["series"].as_str().unwrap());
        if c["difference"].as_bool().unwrap() {
            x = x.windows(2).map(|w| w[1] - w[0]).collect();
        }
        x.truncate(c["first"].as_u64().map_or(usize::MAX, |n| n as usize));
        let most = c["maxlag"].as_u64().map(|n| n as usize);
        let lags = match c["autolag"].as_str() {
            Some("AIC") => Lags::Aic(most),
            Some("BIC") => Lags::Bic(most),
            Some(_) => Lags::TStat(most),
            None => Lags::Fixed(most.unwrap()),
        };
        let what = format!("{} {} {} {lags:?}", c["series"], c["difference"], c["regression"]);
        let got = adf(&x, trend(&c["regression"]), lags).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(got.lags as u64, c["lags"].as_u64().unwrap(), "{what}");
        assert_eq!(got.observations as u64, c["observations"].as_u64().unwrap(), "{what}");
        let mut near = |got, want: &Value, part: &str| worst = worst.max(close(got, want, &format!("{what} {part}")));
        near(got.statistic, &c["statistic"], "statistic");
        near(got.p_value, &c["p_value"], "p-value");
        for (i, v) in got.critical.iter().enumerate() {
            near(*v, &c["critical"][i], "critical value");
        }
        assert_eq!(got.criterion.is_none(), c["criterion"].is_null());
        if let Some(v) = got.criterion {
            near(v, &c["criterion"], "criterion");
        }
    }
    println!("{} tests compared, largest difference {worst:e}", cases.len());
    assert!(cases.len() > 250);
}

#[test]
fn p_values_and_critical_values_equal_statsmodels() {
    for s in oracle()["surface"].as_array().unwrap() {
        let (t, n) = (trend(&s["regression"]), s["variables"].as_u64().unwrap() as usize);
        for (x, p) in s["statistics"].as_array().unwrap().iter().zip(s["p_values"].as_array().unwrap()) {
            close(p_value(x.as_f64().unwrap(), t, n).unwrap(), p, &format!("{t:?} {n} {x}"));
        }
        for (i, observations) in [Some(50), Some(500), None].into_iter().enumerate() {
            let got = critical_values(t, n, observations);
            assert_eq!(got.is_none(), s["critical"].is_null());
            for (k, v) in got.into_iter().flatten().enumerate() {
                close(v, &s["critical"][i][k], &format!("{t:?} {n} {observations:?}"));
            }
        }
    }
}

#[test]
fn tests_of_differenced_series_equal_statsmodels() {
    for s in oracle()["smallest"].as_array().unwrap() {
        let x = series(s["series"].as_str().unwrap());
        for row in s["rows"].as_array().unwrap() {
            let got = order(&x, row["d"].as_f64().unwrap(), &Search::default()).unwrap();
            assert_eq!(got.window as u64, row["window"].as_u64().unwrap());
            assert_eq!(got.adf.lags as u64, row["lags"].as_u64().unwrap());
            close(got.adf.statistic, &row["statistic"], "statistic");
            close(got.adf.p_value, &row["p_value"], "p-value");
            close(got.correlation.unwrap(), &row["correlation"], "correlation");
        }
    }
}
