//! risk_auto_hedge_ratio against statsmodels and filterpy: `tools/oracle/risk_auto_hedge_ratio.py`.

use std::collections::BTreeMap;

use serde_json::Value;
use tradewind_core_types::{Online, Params, testkit};
use tradewind_numerics::beta::{Beta, EwmaBeta, KalmanBeta, Lagged, dimson, regress, vasicek};
use tradewind_risk::plugins::risk_auto_hedge_ratio::{
    Estimator, RiskAutoHedgeRatioIn, RiskAutoHedgeRatioParams, Shrinkage,
};

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/risk_auto_hedge_ratio.json")).unwrap()
}

/// Closes of a stock and of SPY on the days of both.
fn closes(stock: &str) -> Vec<RiskAutoHedgeRatioIn> {
    let spy: BTreeMap<String, f64> = testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None).into_iter().collect();
    testkit::sample("stocks20_adjclose_1990_2022.csv.gz", stock, None)
        .into_iter()
        .filter_map(|(d, asset)| spy.get(&d).map(|market| RiskAutoHedgeRatioIn { asset, market: *market }))
        .collect()
}

/// Their returns.
fn returns(stock: &str) -> (Vec<f64>, Vec<f64>) {
    let c = closes(stock);
    c.windows(2).map(|w| (w[1].asset / w[0].asset - 1.0, w[1].market / w[0].market - 1.0)).unzip()
}

fn agrees(b: &Beta, case: &Value, tolerance: f64) {
    for (what, got) in [("beta", b.beta), ("se", b.se), ("alpha", b.alpha), ("r2", b.r2)] {
        let want = case[what].as_f64().unwrap();
        assert!((got / want - 1.0).abs() < tolerance, "{what} of {case}: {got}");
    }
}

#[test]
fn least_squares_and_lags_are_statsmodels() {
    for case in oracle()["ols"].as_array().unwrap() {
        let (y, x) = returns(case["asset"].as_str().unwrap());
        let n = |k: &str| case[k].as_u64().unwrap() as usize;
        let (end, window, lags) = (n("end"), n("window"), n("lags"));
        let from = end - window;
        agrees(&dimson(&y[from - lags..end], &x[from - lags..end], lags).unwrap(), case, 1e-10);
        // And the table, which keeps as many of the market's returns as the lags need.
        let estimator = if lags == 0 { Estimator::Ols } else { Estimator::Dimson };
        let (lags, minimum) = (lags.max(1), window);
        let p = RiskAutoHedgeRatioParams {
            estimator,
            window,
            minimum,
            lags,
            shrinkage: Shrinkage::None,
            ..Default::default()
        };
        let all = closes(case["asset"].as_str().unwrap());
        let out = p.build().unwrap().batch(&all[..=end]).unwrap();
        let o = out[end].unwrap();
        let want = |k: &str| case[k].as_f64().unwrap();
        let got = [("beta", o.beta), ("se", o.beta_sd), ("alpha", o.alpha), ("r2", o.r2)];
        assert!(got.iter().all(|(k, v)| (v.unwrap() / want(k) - 1.0).abs() < 1e-10), "{case}: {o:?}");
    }
}

#[test]
fn exponential_weights_are_statsmodels() {
    for case in oracle()["wls"].as_array().unwrap() {
        let (y, x) = returns(case["asset"].as_str().unwrap());
        let mut e = EwmaBeta::new(case["lambda"].as_f64().unwrap());
        let end = case["end"].as_u64().unwrap() as usize;
        (0..end).for_each(|i| e.push(y[i], x[i]));
        agrees(&e.estimate().unwrap(), case, 1e-10);
    }
}

#[test]
fn a_constant_beta_is_recursive_least_squares() {
    for case in oracle()["recursive"].as_array().unwrap() {
        let (y, x) = returns(case["asset"].as_str().unwrap());
        let mut k = KalmanBeta::new(60, 0.0, 0);
        let rows = case["rows"].as_array().unwrap();
        for t in 0..y.len() {
            k.push(y[t], x[t]);
            for row in rows.iter().filter(|r| r[0].as_u64() == Some(t as u64)) {
                let b = k.estimate().unwrap();
                let (alpha, beta) = (row[1].as_f64().unwrap(), row[2].as_f64().unwrap());
                assert!((b.beta / beta - 1.0).abs() < 1e-8 && (b.alpha / alpha - 1.0).abs() < 1e-8, "{t}: {b:?} {row}");
            }
        }
    }
}

#[test]
fn a_drifting_beta_is_filterpys() {
    for case in oracle()["kalman"].as_array().unwrap() {
        let (y, x) = returns(case["asset"].as_str().unwrap());
        let n = |k: &str| case[k].as_u64().unwrap() as usize;
        let mut k = KalmanBeta::new(n("start"), case["drift"].as_f64().unwrap(), n("memory"));
        let rows = case["rows"].as_array().unwrap();
        for t in 0..y.len() {
            k.push(y[t], x[t]);
            for row in rows.iter().filter(|r| r[0].as_u64() == Some(t as u64)) {
                let b = k.estimate().unwrap();
                for (i, got) in [b.beta, b.se, b.alpha, b.noise].into_iter().enumerate() {
                    let want = row[i + 1].as_f64().unwrap();
                    assert!((got / want - 1.0).abs() < 1e-8, "{i} at {t}: {got} instead of {want}");
                }
            }
        }
    }
}

#[test]
fn shrinkage_and_effectiveness() {
    let oracle = oracle();
    let prior: Vec<f64> = oracle["prior"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    for case in oracle["vasicek"].as_array().unwrap() {
        let v = |k: &str| case[k].as_f64().unwrap();
        let (got, sd) = vasicek(v("beta"), v("se"), prior[0], prior[1]);
        assert!((got / v("shrunk") - 1.0).abs() < 1e-12 && sd < v("se") && sd < prior[1]);
    }
    for case in oracle["hedged"].as_array().unwrap() {
        let p = RiskAutoHedgeRatioParams {
            estimator: Estimator::Ols,
            minimum: 252,
            shrinkage: Shrinkage::None,
            ..Default::default()
        };
        let out = p.build().unwrap().batch(&closes(case["asset"].as_str().unwrap())).unwrap();
        let got = out.last().unwrap().unwrap().effectiveness.unwrap();
        assert!((got - case["effectiveness"].as_f64().unwrap()).abs() < 1e-10, "{case}: {got}");
    }
}

#[test]
fn the_sample_has_what_the_reference_saw() {
    let (y, x) = returns("AAPL");
    assert_eq!(y.len() as u64, oracle()["sessions"].as_u64().unwrap());
    let rows = y.iter().zip(&x).map(|(y, x)| (*y, [*x, 0.0, 0.0, 0.0, 0.0, 0.0] as Lagged));
    assert!(regress(rows, 1).unwrap().r2 > 0.2);
}
