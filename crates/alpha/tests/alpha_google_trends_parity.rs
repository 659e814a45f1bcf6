//! alpha_google_trends against pandas on the volume of the S&P 500: `tools/oracle/alpha_google_trends.py`.

use serde_json::Value;
use tradewind_alpha::plugins::alpha_google_trends::{AlphaGoogleTrendsIn, AlphaGoogleTrendsParams};
use tradewind_core_types::{Online, Params, parse_params, testkit};

#[test]
fn velocity_asvi_score_and_confidence() {
    let oracle: Value =
        serde_json::from_str(include_str!("../../../tools/oracle/out/alpha_google_trends.json")).unwrap();
    let rows: Vec<_> = testkit::sample("index_ohlcv_1999_2018.csv.gz", "volume", Some(("symbol", "SPX")))
        .into_iter()
        .map(|(_, v)| AlphaGoogleTrendsIn { interest: v / 1e7 })
        .collect();
    let mut compared = 0;
    for case in oracle["cases"].as_array().unwrap() {
        let params: AlphaGoogleTrendsParams = parse_params(&case["params"]).unwrap();
        let outs = params.build().unwrap().batch(&rows).unwrap();
        for row in case["rows"].as_array().unwrap() {
            let o = outs[row["row"].as_u64().unwrap() as usize].unwrap();
            for (what, got) in
                [("velocity", o.velocity.unwrap()), ("asvi", o.asvi), ("score", o.score), ("confidence", o.confidence)]
            {
                let want = row[what].as_f64().unwrap();
                assert!((got - want).abs() <= 1e-10 * want.abs().max(1.0), "{what} at {row}: {got}");
                compared += 1;
            }
        }
        let spikes = outs.iter().flatten().filter(|o| o.spike).count();
        assert_eq!(spikes as u64, case["spikes"].as_u64().unwrap());
    }
    assert!(compared > 900, "{compared}");
}
