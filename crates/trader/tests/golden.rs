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
        "700e9d965206d9c3590701c343d4c54a05df7cb717fa75d30daa2ddd1523d305",
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
