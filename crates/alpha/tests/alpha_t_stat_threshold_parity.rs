//! alpha_t_stat_threshold against statsmodels on funds: HAC t-statistics, rank correlations, adjusted p-values.

use serde_json::{Value, json};
use tradewind_alpha::plugins::alpha_t_stat_threshold::{TStatIn, TStatParams};
use tradewind_core_types::{Online, Params, parse_params, testkit};
use tradewind_numerics::multiple::{Adjustment, adjust};

fn oracle() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/oracle/out/alpha_t_stat_threshold.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The script's signal: momentum of 20 days over its standard deviation; and the next day's return.
fn rows(symbol: &str) -> Vec<TStatIn> {
    let p: Vec<f64> = testkit::sample("etf23_close_2008_2016.csv.gz", symbol, None).into_iter().map(|x| x.1).collect();
    let r: Vec<f64> = p.windows(2).map(|w| w[1] / w[0] - 1.0).collect();
    (20..p.len() - 1)
        .map(|i| {
            let last = &r[i - 20..i];
            let mean = last.iter().sum::<f64>() / 20.0;
            let sd = (last.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 19.0).sqrt();
            TStatIn { signal: (p[i] / p[i - 20] - 1.0) / (sd * 20.0_f64.sqrt()), forward: r[i] }
        })
        .collect()
}

#[test]
fn agrees_with_statsmodels() {
    let mut worst = 0.0_f64;
    for case in oracle()["cases"].as_array().unwrap() {
        let window = &case["window"];
        let p: TStatParams = parse_params(
            &json!({"window": window, "minimum": window, "lags": case["lags"], "correction": case["correction"]}),
        )
        .unwrap();
        let out = p.build().unwrap().batch(&rows(case["symbol"].as_str().unwrap())).unwrap();
        for row in case["rows"].as_array().unwrap() {
            let o = out[row["row"].as_u64().unwrap() as usize].unwrap();
            let got = [
                ("mean", Some(o.mean)),
                ("t_mean", o.t_mean),
                ("p_mean", o.p_mean),
                ("ic", o.ic),
                ("t_ic", o.t_ic),
                ("p_ic", o.p_ic),
            ];
            for (what, x) in got {
                let want = row[what].as_f64().unwrap();
                let d = (x.unwrap() - want).abs() / want.abs().max(1e-3);
                assert!(d < 1e-10, "{case:.60} {what}: {x:?} {want}");
                worst = worst.max(d);
            }
        }
    }
    println!("within {worst:.1e}");
}

#[test]
fn adjusted_p_values_are_those_of_multipletests() {
    let m = &oracle()["multiple"];
    let numbers = |v: &Value| -> Vec<f64> { v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
    let p = numbers(&m["p"]);
    for (name, how) in [
        ("holm", Adjustment::Holm),
        ("fdr_bh", Adjustment::BenjaminiHochberg),
        ("fdr_by", Adjustment::BenjaminiYekutieli),
    ] {
        for (got, want) in adjust(&p, how).iter().zip(numbers(&m[name])) {
            assert!((got - want).abs() < 1e-14, "{name}: {got} {want}");
        }
    }
}
