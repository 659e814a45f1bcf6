//! alpha_whisper_spread against scipy (record, penalised fit) and scikit-learn (fit): `tools/oracle/alpha_whisper_spread.py`.

use serde_json::Value;
use tradewind_alpha::plugins::alpha_whisper_spread::{AlphaWhisperSpreadIn, AlphaWhisperSpreadParams};
use tradewind_core_types::{Online, Params, parse_params};

#[test]
fn record_and_coefficients() {
    let oracle: Value =
        serde_json::from_str(include_str!("../../../tools/oracle/out/alpha_whisper_spread.json")).unwrap();
    let reports: Vec<AlphaWhisperSpreadIn> = serde_json::from_value(oracle["reports"].clone()).unwrap();
    let outcomes = oracle["outcomes"].as_u64().unwrap() as usize;
    let base: AlphaWhisperSpreadParams = parse_params(&oracle["settings"]).unwrap();
    for fit in oracle["fits"].as_array().unwrap() {
        // Fitted once, on all reports with a whisper.
        let prior_deviation = fit["prior_deviation"].as_f64().unwrap();
        let p = AlphaWhisperSpreadParams { prior_deviation, min_outcomes: outcomes, ..base.clone() };
        let mut c = p.build().unwrap();
        for (o, want) in c.batch(&reports).unwrap().iter().zip(oracle["rows"].as_array().unwrap()) {
            let o = o.unwrap();
            for (what, got) in [("prior", o.prior), ("prior_sd", o.prior_sd)] {
                let want = want[what].as_f64().unwrap();
                assert!((got / want - 1.0).abs() < 1e-12, "{what}: {got} instead of {want}");
            }
        }
        let summary = c.summary();
        assert_eq!((summary["fits"].as_u64(), summary["failed_fits"].as_u64()), (Some(1), Some(0)));
        for what in ["coefficients", "standard_errors"] {
            // scikit-learn stops at a gradient of 1e-12, and gives no standard errors.
            let Some(want) = fit[what].as_array() else { continue };
            for (got, want) in summary[what].as_array().unwrap().iter().zip(want) {
                let (got, want) = (got.as_f64().unwrap(), want.as_f64().unwrap());
                assert!((got / want - 1.0).abs() < 1e-9, "{what} at {prior_deviation}: {got} instead of {want}");
            }
        }
    }
}
