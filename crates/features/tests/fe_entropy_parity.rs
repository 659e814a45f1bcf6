//! fe_entropy against antropy (and scipy for the histogram) on real series: `tools/oracle/fe_entropy.py`.

use serde_json::{Value, json};
use tradewind_core_types::{Online, Params, parse_params, testkit};
use tradewind_features::plugins::fe_entropy::{FeEntropyIn, FeEntropyParams};

const TOLERANCE: f64 = 1e-10;

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/fe_entropy.json")).unwrap()
}

fn series(name: &str) -> Vec<f64> {
    let column = |file, column| testkit::sample(file, column, None).into_iter().map(|(_, x)| x).collect();
    match name {
        "SPY.returns" => column("etf23_close_2008_2016.csv.gz", "SPY"),
        "CSJ.level" => column("etf23_close_2008_2016.csv.gz", "CSJ"),
        "VIX.level" => column("vix_close_2014_2019.csv", "vix"),
        other => panic!("unknown series {other}"),
    }
}

#[test]
fn every_entropy_equals_the_reference() {
    let reference = oracle();
    let (mut compared, mut unbounded, mut worst) = (0, 0, 0.0_f64);
    for case in reference["cases"].as_array().unwrap() {
        let name = case["series"].as_str().unwrap();
        let returns = name.ends_with("returns");
        let mut table = json!({
            "method": case["method"],
            "window": case["window"],
            "input": if returns { "returns" } else { "level" },
        });
        for (k, v) in case["params"].as_object().unwrap() {
            table[k] = v.clone();
        }
        let params: FeEntropyParams = parse_params(&table).unwrap();
        let inputs: Vec<_> = series(name).into_iter().map(|close| FeEntropyIn { close }).collect();
        let got = params.build().unwrap().batch(&inputs).unwrap();
        // A return has the index of its second close.
        let shift = usize::from(returns);
        for (end, want) in case["ends"].as_array().unwrap().iter().zip(case["entropy"].as_array().unwrap()) {
            let end = end.as_u64().unwrap() as usize;
            let out = got[end - 1 + shift].unwrap();
            match (out.entropy, want.as_f64()) {
                (Some(g), Some(w)) => {
                    worst = worst.max((g - w).abs());
                    assert!((g - w).abs() <= TOLERANCE, "{table} of {name} at {end}: {g} and not {w}");
                    compared += 1;
                }
                (None, None) => unbounded += 1,
                other => panic!("{table} of {name} at {end}: {other:?}"),
            }
        }
    }
    println!("{compared} values compared, {unbounded} unbounded in both, largest difference {worst:e}");
    assert!(compared > 2000);
}

#[test]
fn default_thresholds_are_the_quantiles_of_the_sample() {
    let reference = oracle();
    for (method, q) in reference["quantiles"].as_object().unwrap() {
        let spy: Vec<f64> = q["spy_0.05_0.5_0.95"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
        let params: FeEntropyParams = parse_params(&json!({"method": method})).unwrap();
        let inputs: Vec<_> = series("SPY.returns").into_iter().map(|close| FeEntropyIn { close }).collect();
        let out: Vec<_> = params.build().unwrap().batch(&inputs).unwrap().into_iter().flatten().collect();
        let share = |f: &dyn Fn(f64) -> bool| out.iter().filter(|o| f(o.quality)).count() as f64 / out.len() as f64;
        let mean = out.iter().map(|o| o.quality).sum::<f64>() / out.len() as f64;
        let mut entropies: Vec<f64> = out.iter().filter_map(|o| o.entropy).collect();
        entropies.sort_by(f64::total_cmp);
        println!(
            "{method}: SPY 5/50/95 % {spy:.4?}, mean quality {mean:.4}, at 1: {:.3}, at the floor: {:.3}",
            share(&|x| x == 1.0),
            share(&|x| x <= 0.85 + 1e-12)
        );
        assert!((entropies[entropies.len() / 2] - spy[1]).abs() < 2e-3, "{method}");
        assert!((0.85..=1.0).contains(&mean) && out.iter().all(|o| (0.85 - 1e-15..=1.0).contains(&o.quality)));
    }
}
