//! alpha_coint_pairs against statsmodels on real prices: what the table says after the window of each case of order and lags. (All cases, with
//! more series, Engle-Granger and the critical values, are in `crates/numerics/tests/johansen_parity.rs`.)

use serde_json::{Value, json};
use tradewind_alpha::plugins::alpha_coint_pairs::{CointPairsIn, CointPairsParams};
use tradewind_core_types::{Online, Params, parse_params, testkit};

fn oracle() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/oracle/out/alpha_coint_pairs.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn rows(case: &Value) -> Vec<CointPairsIn> {
    let file = match case["frame"].as_str().unwrap() {
        "stocks" => "stocks20_adjclose_1990_2022.csv.gz",
        _ => "etf23_close_2008_2016.csv.gz",
    };
    let of = |i: usize| {
        let all = testkit::sample(file, case["names"][i].as_str().unwrap(), None);
        let from = case["from"].as_str().unwrap().to_owned();
        all.into_iter().filter(move |(d, _)| *d >= from).map(|(_, p)| p)
    };
    let length = case["length"].as_u64().unwrap() as usize;
    of(0).zip(of(1)).take(length).map(|(a, b)| CointPairsIn { a, b }).collect()
}

fn last(case: &Value, more: Value) -> tradewind_alpha::plugins::alpha_coint_pairs::CointPairsOut {
    let mut p = json!({"formation": case["length"], "max_missing": 0});
    more.as_object().unwrap().iter().for_each(|(k, v)| p[k] = v.clone());
    let p: CointPairsParams = parse_params(&p).unwrap();
    p.build().unwrap().batch(&rows(case)).unwrap().pop().unwrap().unwrap()
}

fn near(got: Option<f64>, want: f64, label: &str) {
    assert!(got.is_some_and(|x| (x - want).abs() < 1e-8 * want.abs().max(1.0)), "{label}: {got:?} {want}");
}

#[test]
fn johansen_pairs() {
    let mut n = 0;
    for case in oracle()["johansen"].as_array().unwrap() {
        if case["names"].as_array().unwrap().len() != 2 {
            continue;
        }
        n += 1;
        for (test, key) in [("trace", "trace"), ("max_eigenvalue", "max")] {
            let o = last(case, json!({"det_order": case["det_order"], "lags": case["lags"], "test": test}));
            let label = format!("{} {} {} {test}", case["names"], case["det_order"], case["lags"]);
            near(o.statistic, case[key][0].as_f64().unwrap(), &label);
            let v = &case["eigenvectors"][0];
            near(o.hedge_ratio, -v[1].as_f64().unwrap() / v[0].as_f64().unwrap(), &label);
        }
    }
    assert!(n >= 60, "{n} cases");
}

#[test]
fn engle_granger_pairs() {
    for case in oracle()["engle_granger"].as_array().unwrap() {
        let Some(lags) = case["lags"].as_u64() else { continue };
        let order = match case["trend"].as_str().unwrap() {
            "n" => -1,
            "c" => 0,
            _ => 1,
        };
        let o = last(case, json!({"det_order": order, "lags": lags, "test": "engle_granger"}));
        let label = format!("{} {} {lags}", case["names"], case["trend"]);
        near(o.statistic, case["statistic"].as_f64().unwrap(), &label);
        near(o.p_value, case["p_value"].as_f64().unwrap(), &label);
    }
}
