//! alpha_analyst_revisions against a recomputation with pandas of every row: `tools/oracle/alpha_analyst_revisions.py`.

use serde_json::{Value, json};
use tradewind_alpha::plugins::alpha_analyst_revisions::{AlphaAnalystRevisionsIn, AlphaAnalystRevisionsParams};
use tradewind_core_types::{Online, Params, parse_params};

#[test]
fn every_row_of_the_log() {
    let oracle: Value =
        serde_json::from_str(include_str!("../../../tools/oracle/out/alpha_analyst_revisions.json")).unwrap();
    let log: Vec<AlphaAnalystRevisionsIn> = serde_json::from_value(oracle["log"].clone()).unwrap();
    for case in oracle["cases"].as_array().unwrap() {
        let params: AlphaAnalystRevisionsParams = parse_params(&case["params"]).unwrap();
        let mut c = params.build().unwrap();
        for (i, (x, want)) in log.iter().zip(case["rows"].as_array().unwrap()).enumerate() {
            let o = c.update(x).unwrap().unwrap();
            for (what, got) in [
                ("net", Some(o.net)),
                ("confidence", Some(o.confidence)),
                ("breadth", o.breadth),
                ("target_revision", o.target_revision),
            ] {
                match (got, want[what].as_f64()) {
                    (None, None) => {}
                    (Some(g), Some(w)) => assert!((g - w).abs() < 1e-12, "{what} at {i}: {g} instead of {w}"),
                    other => panic!("{what} at {i}: {other:?}"),
                }
            }
            assert_eq!(json!([o.up, o.down, o.firms]), json!([want["up"], want["down"], want["firms"]]), "{i}");
        }
        assert_eq!(log.len(), 220);
    }
}
