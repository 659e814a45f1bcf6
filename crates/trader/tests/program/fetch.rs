//! `trader data fetch`: what providers give is stored, what they do not is said.

use std::fs;

use serde_json::Value;

use crate::common::{Ran, command, names, succeeds, trader};

const RATINGS: &str = r#"
symbols = ["AAA", "BBB"]
directory = "records"

[[provider]]
type = "file"
name = "mine"
path = "ratings.csv"
kind = "rating"

[[provider]]
type = "fmp"
what = "grades"
"#;

const CSV: &str = "published,symbol,firm,grade,previous,target,previous_target\n\
    2015-01-05,AAA,Alder,Buy,Hold,12.5,11\n2015-01-12,AAA,Birch,Sell,Hold,,\n2015-01-08,BBB,Alder,Hold,Buy,,\n";

/// Without a key in the environment, whatever the machine has there.
fn fetch(folder: &std::path::Path, args: &[&str]) -> Ran {
    command(folder).env_remove("FMP_API_KEY").args(["data", "fetch"]).args(args).output().unwrap().into()
}

#[test]
fn what_is_fetched_feeds_a_run_and_what_fails_is_said() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    fs::write(dir.path().join("sub/fetch.toml"), RATINGS).unwrap();
    fs::write(dir.path().join("sub/ratings.csv"), CSV).unwrap();
    let r = fetch(dir.path(), &["sub/fetch.toml"]);
    assert_eq!((r.code, r.err.as_str()), (Some(0), ""), "{}", r.out);
    assert!(r.out.contains("mine: 2 symbols asked, 0 fresh; 3 new records"), "{}", r.out);
    assert!(r.out.contains("degraded: fmp_grades: the environment variable FMP_API_KEY is not set"), "{}", r.out);
    assert!(r.out.contains("note: fmp_grades failed"), "{}", r.out);
    assert_eq!(names(&dir.path().join("sub/records")), ["fetches.jsonl", "mine.jsonl"]);
    let before = fs::read(dir.path().join("sub/records/mine.jsonl")).unwrap();

    // Again: nothing is asked twice within the hours, nothing is stored twice.
    let r = fetch(dir.path(), &["sub/fetch.toml", "--provider", "mine", "--json"]);
    assert_eq!((r.code, r.err.as_str()), (Some(0), ""));
    let json: Value = serde_json::from_str(&r.out).unwrap();
    assert_eq!(json["providers"].as_array().unwrap().len(), 1);
    assert_eq!(json["providers"][0]["fresh"], 2);
    assert_eq!(fs::read(dir.path().join("sub/records/mine.jsonl")).unwrap(), before);

    // All that were asked failed.
    let r = fetch(dir.path(), &["sub/fetch.toml", "--provider", "fmp"]);
    assert!(r.code == Some(3) && r.err.contains("no provider gave anything"), "{} {}", r.out, r.err);

    // The archive is a source of a run as it is.
    fs::write(dir.path().join("data.csv"), crate::common::small_csv()).unwrap();
    let config = crate::common::SMALL
        .replace("plugin = \"crossover\"\nfast = 1\nslow = 2", "plugin = \"alpha_analyst_revisions\"")
        + "\n[exchange]\nshorting = \"all\"\n[[data.source]]\npath = \"sub/records/mine.jsonl\"\nkind = \"rating\"\n";
    let config = config.replace("[alpha.cross]", "[alpha.cross] # analysts");
    fs::write(dir.path().join("c.toml"), config).unwrap();
    let out = succeeds(dir.path(), &["backtest", "c.toml", "--out", "run"]);
    assert!(out.contains("ledger hash"), "{out}");
    let text = succeeds(dir.path(), &["explain", "run", "1"]);
    assert!(text.contains("known      AAA rating by Alder: Hold to Buy, target 12.5 at 2015-01-06T"), "{text}");
    assert!(
        text.contains("(sub/records/mine.jsonl, row 1)  for alpha_analyst_revisions")
            || text.contains("mine.jsonl, row 1)"),
        "{text}"
    );
}

#[test]
fn mistakes_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let bad = RATINGS.replace("\"fmp\"", "\"fmpp\"").replace("kind =", "knid =").replace("directory", "dierctory");
    fs::write(dir.path().join("bad.toml"), bad).unwrap();
    let r = fetch(dir.path(), &["bad.toml"]);
    assert_eq!(r.code, Some(2));
    for part in ["did you mean \"fmp\"?", "did you mean \"kind\"?", "did you mean \"directory\"?", "3 problems"] {
        assert!(r.err.contains(part), "{part} in {}", r.err);
    }
    fs::write(dir.path().join("fetch.toml"), RATINGS.replace("\"AAA\", \"BBB\"", "")).unwrap();
    let r = fetch(dir.path(), &[]);
    assert!(r.code == Some(2) && r.err.contains("symbols: is empty: expected at least one symbol"), "{}", r.err);
    let r = fetch(dir.path(), &["fetsh.toml"]);
    assert!(r.code == Some(2) && r.err.contains("did you mean \"fetch.toml\"?"), "{}", r.err);
    fs::write(dir.path().join("fetch.toml"), RATINGS).unwrap();
    let r = trader(dir.path(), &["data", "fetch", "--provider", "mien"]);
    assert!(r.code == Some(2) && r.err.contains("did you mean \"mine\"?"), "{}", r.err);
    let schema: Value = serde_json::from_str(&succeeds(dir.path(), &["data", "fetch", "--schema"])).unwrap();
    assert!(schema["properties"]["provider"].is_object());
    assert_eq!(names(dir.path()), ["bad.toml", "fetch.toml"]);
}
