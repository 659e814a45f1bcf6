//! risk_vol_target against pandas ewm and rolling on SPY: `tools/oracle/risk_vol_target.py`.

use serde_json::{Value, json};
use tradewind_core_types::{Online, Params, parse_params, testkit};
use tradewind_risk::plugins::risk_vol_target::{RiskVolTargetIn, RiskVolTargetParams};

#[test]
fn forecasts_and_multipliers() {
    let oracle: Value = serde_json::from_str(include_str!("../../../tools/oracle/out/risk_vol_target.json")).unwrap();
    let rows: Vec<_> = testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None)
        .into_iter()
        .map(|(_, close)| RiskVolTargetIn { close, volatility: None })
        .collect();
    for case in oracle["cases"].as_array().unwrap() {
        let params: RiskVolTargetParams =
            parse_params(&json!({"forecast": case["forecast"], "window": case["window"], "lambda": case["lambda"]}))
                .unwrap();
        let out = params.build().unwrap().batch(&rows).unwrap();
        for row in case["rows"].as_array().unwrap() {
            let i = row["row"].as_u64().unwrap() as usize;
            let o = out[i].unwrap();
            for (what, got) in [("forecast", o.forecast), ("multiplier", o.multiplier)] {
                let want = row[what].as_f64().unwrap();
                assert!((got / want - 1.0).abs() < 1e-12, "{params:?} {what} at {i}: {got} instead of {want}");
            }
        }
        let in_force: Vec<f64> = out.iter().flatten().map(|o| o.multiplier).collect();
        let changes = in_force.windows(2).filter(|w| w[0] != w[1]).count();
        assert_eq!(json!(changes), case["changes"], "{params:?}");
    }
}
