//! What every plugin of this crate must satisfy.

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
        role_suite(info, &(info.defaults)());
    }
}
