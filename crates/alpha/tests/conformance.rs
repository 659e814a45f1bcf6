//! What every plugin of this crate must satisfy.

use serde_json::json;
use tradewind_alpha::REGISTRY;
use tradewind_core_types::testkit::{info_suite, role_suite};

#[test]
fn entries_are_complete_and_sorted() {
    assert!(REGISTRY.is_sorted_by_key(|p| p.id));
    REGISTRY.iter().for_each(info_suite);
}

#[test]
fn roles_are_deterministic_restorable_finite_and_causal() {
    for info in REGISTRY {
        let params = match info.id {
            // Pairs that are tested, traded and left within the suite's 400 sessions, though its series only wander.
            "alpha_coint_pairs" => vec![
                json!({"pairs": [["SPY", "AAPL"], ["MSFT", "IEF"]], "formation": 60, "trading": 20, "significance": 0.5, "enter": 1.0,
                       "max_half_life": 60.0, "max_hedge": 20.0}),
                json!({"pairs": [], "universe": ["SPY", "TLT", "IEF", "AAPL", "MSFT"], "formation": 80, "trading": 15, "significance": 0.5,
                       "fdr": 0.9, "enter": 1.0, "max_hedge": 20.0, "top": 2, "hedge": "kalman"}),
                json!({"pairs": [["AAPL", "MSFT"]], "formation": 60, "trading": 10, "significance": 0.5, "enter": 0.8, "test": "engle_granger",
                       "neutral": "beta", "market": "SPX", "max_hedge": 100.0}),
            ],
            // Records that are judged within the suite's sessions; and one that is asked in the middle of them.
            "alpha_t_stat_threshold" => vec![
                json!({"minimum": 20, "window": 60, "lower": 0.2, "upper": 0.8, "below": 0.1}),
                json!({"minimum": 20, "delay": 0, "evidence": "either", "pool": "symbol_or_strategy", "lower": 0.2, "upper": 0.8}),
            ],
            _ => vec![(info.defaults)()],
        };
        for p in params {
            role_suite(info, &p);
        }
    }
}
