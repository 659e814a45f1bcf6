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
        "89bdaf544b2a5e281e8df1870c8eaa77209854d1fb29508d659c0b4696790591",
    );
}

#[test]
fn the_simulated_scenario() {
    golden(
        "simulated",
        &Config::scenario("simulated", &[]).unwrap(),
        2_000,
        "5f6cb03078838f4f94b1939d00da47efd7ee61e2563e6164646a85b26baa7445",
    );
}
