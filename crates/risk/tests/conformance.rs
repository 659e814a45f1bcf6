//! Every plugin of this crate satisfies the conformance suites.

use serde_json::json;
use tradewind_core_types::testkit::{info_suite, role_suite};
use tradewind_risk::REGISTRY;

#[test]
fn every_entry_is_complete() {
    for info in REGISTRY {
        info_suite(info);
    }
}

#[test]
fn every_role_is_deterministic_restorable_and_blind_to_the_future() {
    for info in REGISTRY {
        // Budgets tight enough to bind, windows that roll within the suite's 400 sessions.
        let params = match info.id {
            "risk_var_budget" => vec![
                json!({"window": 120, "minimum": 60, "total_budget": 0.01, "budgets": {"a": 0.004}}),
                json!({"window": 120, "minimum": 60, "filter": "garch", "refit": 50}),
            ],
            "risk_drawdown_derisk" => vec![json!({}), json!({"derisk_at": 0.01, "stop_at": 0.02, "hysteresis": 0.005})],
            "risk_frac_kelly_atten" => vec![
                json!({}),
                json!({"method": "continuous", "minimum": 20, "delay": 0, "pool": "strategy", "attenuation": "baker_mchale"}),
                json!({"probability": "confidence", "minimum": 20, "window": 100, "pool": "symbol", "delay": 2}),
            ],
            "risk_time_decay_size" => vec![
                json!({}),
                json!({"schedule": "linear", "unit": "days", "floor": 0.0, "max_age": 500.0, "half_life": 200.0}),
            ],
            "risk_vol_target" => {
                vec![json!({}), json!({"forecast": "rolling"}), json!({"forecast": "feature", "window": 5})]
            }
            _ => vec![json!({})],
        };
        for p in params {
            role_suite(info, &p);
        }
    }
}
