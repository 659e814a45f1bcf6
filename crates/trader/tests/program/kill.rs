//! A run that is killed leaves no half-written folder, and the next one clears away what it left.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tradewind_trader::run_folder::{FILES, RunFolder};

use crate::common::{Rng, command, names, succeeds};

const SIMULATED: &str = r#"
title = "simulated"
[run]
from = "2010-01-04"
to = "2011-12-30"
[data.simulate]
count = 12
sessions = 400
[engine]
no_trade_band = 0.0
[alpha.cross]
plugin = "crossover"
fast = 2
slow = 5
[strategy.s]
alpha = "cross"
base = 0.01
"#;

/// The folder is there as a whole, or not at all.
fn whole_or_absent(folder: &Path) -> bool {
    if !folder.exists() {
        return false;
    }
    assert_eq!(names(folder), FILES);
    let run = RunFolder::open(folder.to_str().unwrap()).unwrap();
    let summary = run.summary().unwrap();
    let decisions = run.decisions().unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(decisions.len() as u64, summary.decisions);
    assert_eq!(run.orders().unwrap().len(), summary.orders);
    assert_eq!(run.sessions().unwrap().len(), summary.sessions);
    true
}

#[test]
fn killed_at_any_time_it_leaves_a_whole_run_or_none() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("sim.toml"), SIMULATED).unwrap();
    let target = dir.path().join("out/run");
    let start = Instant::now();
    succeeds(dir.path(), &["backtest", "sim.toml", "--out", "elsewhere/run"]);
    let mut takes = start.elapsed();
    let reference = std::fs::read(dir.path().join("elsewhere/run/summary.json")).unwrap();

    let (mut rng, mut killed, mut left) = (Rng(11), 0, 0);
    for round in 0..60 {
        if killed >= 12 {
            break;
        }
        // Half of them with an older run in the place, which must survive.
        let replacing = round % 4 >= 2;
        if replacing && !target.exists() {
            succeeds(dir.path(), &["backtest", "sim.toml", "--out", "out/run"]);
        }
        let mut child = command(dir.path())
            .args(["backtest", "sim.toml", "--out", "out/run"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let permille = if round % 2 == 0 { 20 + rng.below(900) } else { 700 + rng.below(500) };
        std::thread::sleep(takes.mul_f64(permille as f64 / 1000.0));
        child.kill().unwrap();
        let finished = child.wait().unwrap().success();
        killed += u32::from(!finished);
        // How long it takes depends on what else the machine does.
        takes = takes.mul_f64(if finished { 0.8 } else { 1.05 });
        let out = dir.path().join("out");
        let here = if out.exists() { names(&out) } else { vec![] };
        let mine = here.iter().filter(|n| *n != "run").count();
        left += u32::from(mine > 0);
        assert!(mine <= 2, "leftovers of one process at most: {here:?}");
        let whole = whole_or_absent(&target);
        assert!(whole || !finished, "what says it is done is there");
        let replaced = here.iter().any(|n| n.starts_with(".replaced-run-"));
        assert!(whole || !replacing || replaced, "the older run is lost: {here:?}");
        if !replacing && whole {
            std::fs::remove_dir_all(&target).unwrap();
        }
    }
    assert!(killed >= 8 && left >= 4, "{killed} were killed in time, {left} left something: takes {takes:?}");
    // The next run works and clears everything away.
    succeeds(dir.path(), &["backtest", "sim.toml", "--out", "out/run"]);
    assert!(whole_or_absent(&target));
    assert_eq!(names(&dir.path().join("out")), ["run"]);
    assert_eq!(std::fs::read(target.join("summary.json")).unwrap(), reference, "and is the same run");
    assert!(takes < Duration::from_secs(60), "{takes:?}");
}

#[test]
fn two_runs_at_once_do_not_disturb_each_other() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("sim.toml"), SIMULATED).unwrap();
    let start = |name: &str| {
        command(dir.path())
            .args(["backtest", "sim.toml", "--out", name])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = ["a", "b", "c"].map(start).into_iter().collect();
    for c in children {
        let out = c.wait_with_output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
    assert_eq!(names(dir.path()), ["a", "b", "c", "sim.toml"]);
    let summary = |n: &str| std::fs::read(dir.path().join(n).join("summary.json")).unwrap();
    assert!(summary("a") == summary("b") && summary("b") == summary("c"));
}
