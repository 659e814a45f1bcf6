//! The vocabulary of orders as settings: from the file to fills, explanations, and runs that replay.

use std::fs;

use crate::common::{SMALL, small_csv, succeeds};

const EXITS: &str = "managed = true\n\n[engine]\nschedule = \"signal\"\norder_style = \"market\"\nreplace = true\n\n[engine.position]\n\
                     exits = \"orders\"\ntake_profit = 0.015\nstop_loss = 0.01\n";
const DOLLARS: &str = "\n[engine]\norder_style = \"notional\"\n";
const LIMITS: &str = "\n[engine]\norder_style = \"limit\"\nlimit_bps = 25.0\n";
const EVENING: &str = "extended_hours = true\n";
const TRAILING: &str = "managed = true\n\n[engine]\nschedule = \"signal\"\norder_style = \"market\"\n\n[engine.position]\n\
                        exits = \"orders\"\ntrailing_stop = 0.02\n";

fn run(settings: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("data.csv"), small_csv()).unwrap();
    fs::write(dir.path().join("my.toml"), format!("{SMALL}{settings}")).unwrap();
    succeeds(dir.path(), &["backtest", "my.toml", "--out", "run"]);
    dir
}
fn read(dir: &tempfile::TempDir, file: &str) -> String {
    fs::read_to_string(dir.path().join("run").join(file)).unwrap()
}

#[test]
fn exits_are_orders_of_which_one_fills_and_explain_shows_the_chain() {
    let dir = run(EXITS);
    let orders: Vec<serde_json::Value> =
        read(&dir, "orders.jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let kind = |o: &serde_json::Value| o["kind"].to_string();
    let exit = orders.iter().find(|o| kind(o).contains("limit")).expect("a take profit");
    let stop = orders.iter().find(|o| kind(o).contains("stop")).expect("a stop");
    assert_eq!(exit["decision"], stop["decision"], "one bracket");
    let number = exit["id"].to_string();
    let said = succeeds(dir.path(), &["explain", "run", &number]);
    for part in ["exits work as orders, of which one fills", "exit       order", "fill ", "verified"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    // Of the two at most one has filled, for each pair.
    let fills = read(&dir, "fills.jsonl");
    let filled = |o: &serde_json::Value| fills.contains(&format!("\"order\":{},", o["id"]));
    assert!(orders.iter().filter(|o| kind(o).contains("stop") || kind(o).contains("limit")).any(filled));
    for pair in orders.windows(2).filter(|p| p[0]["decision"] == p[1]["decision"] && kind(&p[1]).contains("stop")) {
        assert!(!(filled(&pair[0]) && filled(&pair[1]) && kind(&pair[0]).contains("limit")), "{pair:?}");
    }
}

#[test]
fn every_style_trades_and_replays() {
    for (settings, part) in
        [(EXITS, "\"stop\""), (DOLLARS, "\"notional\""), (LIMITS, "\"day\""), (TRAILING, "\"trailing_stop\"")]
    {
        let dir = run(settings);
        assert!(read(&dir, "orders.jsonl").contains(part), "{part}");
        assert!(!read(&dir, "fills.jsonl").is_empty(), "{part}");
        let said = succeeds(dir.path(), &["check", "determinism", "my.toml", "--stops", "6"]);
        assert!(said.contains("one hash"), "{said}");
    }
    // Decided at the close they are for the evening, of which daily bars say nothing.
    let dir = run(&format!("{LIMITS}{EVENING}"));
    assert!(read(&dir, "orders.jsonl").contains("\"day_extended\"") && read(&dir, "fills.jsonl").is_empty());
}
