//! Pre-trade checks, observers and services as tables of the configuration: from the file to what they do, and to what is left of it.

use std::fs;

use crate::common::{SMALL, hash, names, small_csv, succeeds, trader};

const CHECK: &str = "[pretrade.small]\nplugin = \"order_limits\"\nmax_order_value = 3000.0\n";
const OBSERVER: &str = "[observer.book]\nplugin = \"fills_csv\"\n";
const SERVICE: &str = "[service.guard]\nplugin = \"idle_feed\"\nseconds = 3600.0\nhalt = true\n";

fn folder(tables: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("data.csv"), small_csv()).unwrap();
    fs::write(dir.path().join("my.toml"), format!("{SMALL}\n{}", tables.concat())).unwrap();
    dir
}
fn run(tables: &[&str]) -> (tempfile::TempDir, String) {
    let dir = folder(tables);
    let out = succeeds(dir.path(), &["backtest", "my.toml", "--out", "run"]);
    (dir, out)
}

#[test]
fn an_observer_changes_nothing_and_leaves_its_table_in_folder_and_report() {
    let ((bare_dir, bare), (dir, out)) = (run(&[]), run(&[OBSERVER]));
    assert_eq!(hash(&out), hash(&bare));
    let at = dir.path().join("run");
    assert_eq!(names(&at.join("artefacts")), ["book-fills.csv"]);
    assert!(!bare_dir.path().join("run/artefacts").exists());
    let table = fs::read_to_string(at.join("artefacts/book-fills.csv")).unwrap();
    let fills = fs::read_to_string(at.join("fills.jsonl")).unwrap();
    assert!(fills.lines().count() > 3);
    assert_eq!(table.lines().count(), fills.lines().count() + 1);
    let page = fs::read_to_string(at.join("report.html")).unwrap();
    assert!(page.contains("book-fills.csv") && page.contains(table.lines().nth(1).unwrap()));
    // The report can be made again, and the run be replaced.
    succeeds(dir.path(), &["report", "run"]);
    assert_eq!(fs::read_to_string(at.join("report.html")).unwrap(), page);
    succeeds(dir.path(), &["backtest", "my.toml", "--out", "run"]);
}

#[test]
fn a_pre_trade_check_of_ones_own_holds_orders_back_and_explains_it() {
    let ((_bare, bare), (dir, out)) = (run(&[]), run(&[CHECK]));
    assert_ne!(hash(&out), hash(&bare));
    let decisions = fs::read_to_string(dir.path().join("run/decisions.jsonl")).unwrap();
    assert!(decisions.contains("larger than the largest order allowed in dollars"));
}

#[test]
fn a_service_gives_commands_that_the_journal_and_the_summary_have() {
    let ((_bare, bare), (dir, out)) = (run(&[]), run(&[SERVICE]));
    assert_ne!(hash(&out), hash(&bare));
    let summary = fs::read_to_string(dir.path().join("run/summary.json")).unwrap();
    // An hour after the first open, at 14:30 UTC.
    assert!(summary.contains("idle_feed") && summary.contains("no data since 2015-01-02T14:30:00"), "{summary}");
}

#[test]
fn the_checks_cover_them() {
    let dir = folder(&[CHECK, OBSERVER, SERVICE]);
    let said = succeeds(dir.path(), &["check", "determinism", "my.toml", "--stops", "6"]);
    assert!(said.contains("one hash"), "{said}");
    let said = succeeds(dir.path(), &["check", "lookahead", "my.toml", "--cuts", "2"]);
    for part in ["pretrade.small (order_limits)", "observer.book (fills_csv)", "service.guard (idle_feed)"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn what_is_mistyped_is_named() {
    for (table, parts) in [
        ("[pretrad.x]\nplugin = \"order_limits\"\n", ["pretrad: unknown key", "did you mean \"pretrade\"?"]),
        ("[observer.x]\nplugin = \"fils_csv\"\n", ["observer.x.plugin", "did you mean \"fills_csv\"?"]),
        ("[service.x]\nplugin = \"idle_feed\"\nsecnds = 1\n", ["service.x.secnds", "did you mean \"seconds\"?"]),
        ("[service.x]\nplugin = \"fills_csv\"\n", ["service.x.plugin", "a plugin with the role service"]),
        ("[execution.x]\nplugin = \"fills_csv\"\n", ["execution", "a plugin with the role execution"]),
    ] {
        let r = trader(folder(&[table]).path(), &["check", "config", "my.toml"]);
        assert_eq!(r.code, Some(2), "{}", r.out);
        for part in parts {
            assert!(r.err.contains(part), "{part} in {}", r.err);
        }
    }
}
