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
            "risk_cvar_size" => vec![
                json!({"method": "historical", "window": 120, "minimum": 60, "portfolio_budget": 0.005, "rebalance": 7}),
                json!({"tail": 0.2, "window": 200, "minimum": 110, "filter": "garch", "refit": 50, "side": "worst",
                    "portfolio_budget": 0.01, "unknown": 0.1, "max_weight": 0.6, "max_turnover": 0.1}),
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
            "risk_auto_hedge_ratio" => vec![
                json!({}),
                json!({"estimator": "ols", "window": 60, "minimum": 20, "target": 0.3, "lot": 0.0, "shrinkage": "cross_section"}),
                json!({"estimator": "kalman", "minimum": 30, "dead_band": 0.0, "cost_bps": 0.0, "shrinkage": "none"}),
                json!({"estimator": "dimson", "lags": 3, "window": 120, "minimum": 40, "market": "AAPL", "hedge": "SPY", "prior_mean": 0.3}),
            ],
            "risk_tracking_error" => vec![
                json!({}),
                json!({"basis": "invested", "window": 120, "minimum": 40, "out_of_reach": "least"}),
                json!({"mode": "project", "limit": 0.03, "estimator": "ewma", "benchmark": {"SPY": 0.6, "IEF": 0.4}}),
                json!({"mode": "project", "basis": "invested", "limit": 0.02, "estimator": "sample", "window": 60, "minimum": 20}),
            ],
            _ => vec![json!({})],
        };
        for p in params {
            role_suite(info, &p);
        }
    }
}
