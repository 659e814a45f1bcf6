//! risk_time_decay_size against lots kept in a pandas table: `tools/oracle/risk_time_decay_size.py`.

use serde_json::Value;
use tradewind_core_types::{Online, Params, parse_params, testkit};
use tradewind_risk::plugins::risk_time_decay_size::{RiskTimeDecaySizeIn, RiskTimeDecaySizeParams};

#[test]
fn lots_of_a_trend_position_in_spy() {
    let oracle: Value =
        serde_json::from_str(include_str!("../../../tools/oracle/out/risk_time_decay_size.json")).unwrap();
    let number = |v: &Value| v.as_f64().unwrap();
    let rows: Vec<_> = testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None)
        .into_iter()
        .zip(oracle["quantity"].as_array().unwrap().iter().zip(oracle["days"].as_array().unwrap()))
        .map(|((_, price), (q, day))| RiskTimeDecaySizeIn { quantity: number(q), price, day: Some(number(day)) })
        .collect();
    assert_eq!(rows.len(), 2141);
    for case in oracle["cases"].as_array().unwrap() {
        let params: RiskTimeDecaySizeParams = parse_params(&case["params"]).unwrap();
        let out: Vec<_> = params.build().unwrap().batch(&rows).unwrap().into_iter().flatten().collect();
        for row in case["rows"].as_array().unwrap() {
            let i = row["row"].as_u64().unwrap() as usize;
            let o = &out[i];
            assert_eq!(
                (u64::from(o.lots), o.age),
                (row["lots"].as_u64().unwrap(), row["age"].as_f64()),
                "{params:?} {i}"
            );
            // Shares have nine decimals: age takes no billionth more than it should.
            assert!(
                (o.size - number(&row["size"])).abs() < 2e-8,
                "{params:?} at {i}: {} instead of {}",
                o.size,
                row["size"]
            );
            assert!((o.value - o.size * rows[i].price).abs() < 1e-9);
        }
        let sum: f64 = out.iter().map(|o| o.size).sum();
        assert!((sum - number(&case["sum"])).abs() < 1e-5, "{params:?}: {sum} instead of {}", case["sum"]);
        assert_eq!(out.iter().map(|o| o.lots).max().map(u64::from), case["most_lots"].as_u64());
    }
}
