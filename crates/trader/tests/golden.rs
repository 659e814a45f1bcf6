//! A hash of all records of the default run and of the simulated scenario, as `engine/tests/golden` has it for the engine alone.

#[path = "../../engine/tests/golden/projection.rs"]
mod projection;

use tradewind_trader::dataset::Dataset;
use tradewind_trader::{Config, compose, run};

use projection::Golden;

fn golden(name: &str, config: &Config, orders: usize, pinned: &str) {
    let data = Dataset::load(config).unwrap();
    let mut engine = compose::engine(config).unwrap();
    let mut records = Golden::default();
    run::drive(&mut engine, &data, &mut records).unwrap();
    let Golden { decisions, orders: ordered, accepted, fills, rejects, cancels, expiries, sessions, .. } = records;
    eprintln!(
        "{name}: {decisions} decisions, {ordered} orders, {accepted} accepted, {fills} fills, {rejects} rejects, {cancels} cancels, \
         {expiries} expiries, {sessions} sessions"
    );
    assert!(ordered >= orders && fills >= orders / 2, "{name}: too little happens");
    records.check(name, env!("CARGO_TARGET_TMPDIR"), pinned);
}

#[test]
fn the_default_run() {
    golden(
        "default",
        &Config::scenario("default", &[]).unwrap(),
        150,
        "7ba479ebd51b18fad16407f0a11f0066faaf1f93bc4c6341a37f73c0d4eebc49",
    );
}

#[test]
fn the_simulated_scenario() {
    golden(
        "simulated",
        &Config::scenario("simulated", &[]).unwrap(),
        2_000,
        "e7c0425ea9c5494a159cabc9298040273af094f3f8b4b46bfc4bf477c65cdf83",
    );
}
