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
        "3d4c23c6c46496789bbd1712609cd2e195583ade2079000c0089eee014f7f91a",
    );
}

#[test]
fn the_simulated_scenario() {
    golden(
        "simulated",
        &Config::scenario("simulated", &[]).unwrap(),
        2_000,
        "f8176945a47c2770e85f10fd2c8526529c495e0c214b3a02851e0320c139b94b",
    );
}
