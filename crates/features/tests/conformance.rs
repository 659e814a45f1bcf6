//! The conformance suite over every plugin of this crate.

use serde_json::{Value, json};
use tradewind_core_types::testkit::{info_suite, role_suite};
use tradewind_features::REGISTRY;

/// Parameters under which a plugin says something within the suite's 400 sessions.
fn params(id: &str) -> Value {
    match id {
        "fe_garch" => json!({"symbols": ["SPY", "SPX"], "window": 120, "min_obs": 60, "refit_every": 20}),
        // The suite's events are bars, of some 150 million dollars each.
        "fe_dollar_bars" => json!({"input": "bars", "threshold": 3e8, "symbols": ["SPY", "AAPL"]}),
        "fe_kalman" => json!({"symbols": ["SPY", "SPX"], "variances": "ratio", "min_obs": 30}),
        "fe_fracdiff" => json!({"symbols": ["SPY", "SPX"], "cutoff": 1e-3}),
        _ => json!({}),
    }
}

#[test]
fn every_plugin_is_described_and_documented() {
    for info in REGISTRY {
        info_suite(info);
    }
}

#[test]
fn every_role_is_deterministic_restorable_finite_and_causal() {
    for info in REGISTRY {
        role_suite(info, &params(info.id));
    }
}

/// Models and variances of fe_kalman, each of which is another program.
#[test]
fn fe_kalman_in_every_form() {
    let info = REGISTRY.iter().find(|i| i.id == "fe_kalman").unwrap();
    let feature = tradewind_core_types::PluginInfo { filter: None, ..*info };
    for model in ["local_level", "local_linear_trend", "regression"] {
        for variances in ["fixed", "ratio", "likelihood"] {
            let p = json!({
                "symbols": ["TLT", "AAPL"], "model": model, "variances": variances, "window": 120, "min_obs": 60, "refit_every": 30,
            });
            role_suite(&feature, &p);
        }
    }
    let filter = tradewind_core_types::PluginInfo { feature: None, ..*info };
    role_suite(&filter, &json!({"model": "local_linear_trend", "lag_window": 40}));
    let info = REGISTRY.iter().find(|i| i.id == "fe_fracdiff").unwrap();
    role_suite(info, &json!({"symbols": ["TLT"], "window": "expanding", "max_window": 200}));
}

#[test]
fn ids_are_sorted_and_unique() {
    assert!(REGISTRY.windows(2).all(|w| w[0].id < w[1].id));
}
