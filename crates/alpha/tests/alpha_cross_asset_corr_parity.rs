//! Against pandas, numpy and scipy on SPY and TLT, 2008-2016 (tools/oracle/alpha_cross_asset_corr.py).

use std::collections::BTreeMap;

use tradewind_alpha::plugins::alpha_cross_asset_corr::{CrossAssetCorrIn, CrossAssetCorrOut, CrossAssetCorrParams};
use tradewind_core_types::testkit::sample;
use tradewind_core_types::{Online, Params, serde_json};
use tradewind_numerics::correlation::AverageCorrelation;

const FILE: &str = "etf23_close_2008_2016.csv.gz";

fn reference() -> serde_json::Value {
    let text = include_str!("../../../tools/oracle/out/alpha_cross_asset_corr.json");
    serde_json::from_str(text).unwrap()
}

#[test]
fn correlations_and_tests_match() {
    let (a, b) = (sample(FILE, "SPY", None), sample(FILE, "TLT", None));
    let inputs: Vec<_> = a.iter().zip(&b).map(|(a, b)| CrossAssetCorrIn { a: a.1, b: b.1 }).collect();
    let outs = CrossAssetCorrParams::default().build().unwrap().batch(&inputs).unwrap();
    let by_date: BTreeMap<&str, Option<CrossAssetCorrOut>> =
        a.iter().map(|(d, _)| d.as_str()).zip(outs.iter().copied()).collect();
    let reference = reference();
    let mut worst = [0.0_f64; 5];
    let mut compared = 0;
    for row in reference["rows"].as_array().unwrap() {
        let out = by_date[row["date"].as_str().unwrap()];
        assert_eq!(out.is_some(), !row["correlation"].is_null(), "{row}");
        let Some(o) = out else { continue };
        let pairs = [
            ("correlation", o.correlation),
            ("ewma_correlation", o.ewma_correlation),
            ("baseline", o.baseline),
            ("z", o.z),
            ("p_value", o.p_value),
        ];
        for (i, (name, got)) in pairs.into_iter().enumerate() {
            assert_eq!(got, got.filter(|_| row[name].is_f64()), "{name} {row}");
            let (Some(got), Some(want)) = (got, row[name].as_f64()) else {
                assert!(got.is_none() && row[name].is_null(), "{name} {row}");
                continue;
            };
            worst[i] = worst[i].max((got - want).abs());
            compared += 1;
        }
    }
    println!("{compared} values, largest differences {worst:?}");
    assert!(compared > 1000 && worst.iter().all(|w| *w < 1e-10), "{worst:?}");
    let breakdowns = outs.iter().flatten().filter(|o| o.breakdown).count() as u64;
    assert_eq!(reference["breakdown_days"].as_u64(), Some(breakdowns));
    assert_eq!(reference["days"].as_u64(), Some(outs.iter().flatten().count() as u64));
}

#[test]
fn the_average_over_a_universe_matches() {
    let reference = reference();
    let universe: Vec<_> = reference["universe"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    let columns: Vec<Vec<(String, f64)>> = universe.iter().map(|s| sample(FILE, s, None)).collect();
    let mut average = AverageCorrelation::new(60, universe.len());
    let mut by_date = BTreeMap::new();
    for i in 1..columns[0].len() {
        let row: Vec<f64> = columns.iter().map(|c| (c[i].1 / c[i - 1].1).ln()).collect();
        by_date.insert(columns[0][i].0.clone(), average.push(&row));
    }
    let mut compared = 0;
    for row in reference["rows"].as_array().unwrap() {
        let got = by_date[row["date"].as_str().unwrap()];
        match (got, row["average"].as_f64()) {
            (Some(x), Some(y)) => assert!((x - y).abs() < 1e-12, "{x} {row}"),
            (x, y) => assert_eq!(x, y, "{row}"),
        }
        compared += i32::from(got.is_some());
    }
    assert!(compared > 200);
}
