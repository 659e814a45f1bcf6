//! Run, warm-up, data and plugins that do not meet: each case says so in terminal, summary and report, and says what to do.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{SMALL, small_csv, succeeds, trader};

fn small(toml: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("c.toml"), toml).unwrap();
    fs::write(dir.path().join("data.csv"), small_csv()).unwrap();
    dir
}

fn summary(at: &Path) -> Value {
    serde_json::from_slice(&fs::read(at.join("run/summary.json")).unwrap()).unwrap()
}

/// Runs it; a note with all these parts must stand in terminal, summary and report.
fn noted(case: &str, toml: &str, parts: &[&str]) -> (tempfile::TempDir, Value) {
    let dir = small(toml);
    let at = dir.path();
    let out = succeeds(at, &["backtest", "c.toml", "--out", "run"]);
    let has = |text: &str| parts.iter().all(|p| text.contains(p));
    let line = out.lines().find(|l| l.starts_with("note: ") && has(l));
    let line = line.unwrap_or_else(|| panic!("{case}: no note with {parts:?} in\n{out}"));
    let note = line.trim_start_matches("note: ");
    let s = summary(at);
    let warnings: Vec<&str> = s["warnings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(warnings.contains(&note), "{case}: {warnings:?}");
    let report = fs::read_to_string(at.join("run/report.html")).unwrap();
    let words: Vec<&str> = parts.iter().copied().filter(|p| !p.contains(['"', '<', '\''])).collect();
    assert!(words.iter().all(|w| report.contains(w)), "{case}: the report does not say {words:?}");
    (dir, s)
}

#[test]
fn a_run_before_its_data_begins_with_them() {
    let early = SMALL.replace("from = \"2015-01-02\"", "from = \"2014-06-02\"");
    // From 2014-06-02 to 2014-12-31 New York held 149 sessions, and the data begin on 2015-01-02.
    let (dir, s) = noted("before", &early, &["run.from is 2014-06-02", "2015-01-02", "149 sessions"]);
    let (_, same) = {
        let dir = small(SMALL);
        let out = succeeds(dir.path(), &["backtest", "c.toml", "--out", "run"]);
        assert!(!out.contains("note: run."), "{out}");
        let s = summary(dir.path());
        (dir, s)
    };
    for key in ["from", "to", "sessions", "figures", "final_equity", "ledger_hash", "exposure", "turnover"] {
        assert_eq!(s[key], same[key], "{key}");
    }
    assert_eq!(s["sessions"], 20);
    // What the check says, and that determinism and look-ahead hold for such a run.
    let said = succeeds(dir.path(), &["check", "data", "c.toml"]);
    assert!(said.contains("note: run.from is 2014-06-02"), "{said}");
    succeeds(dir.path(), &["check", "determinism", "c.toml"]);
    succeeds(dir.path(), &["check", "lookahead", "c.toml", "--cuts", "2"]);
}

#[test]
fn a_run_after_its_data_and_a_warm_up_before_them() {
    let late = SMALL.replace("to = \"2015-01-30\"", "to = \"2015-02-27\"");
    // February 2015 has 19 sessions.
    let (_, s) = noted("after", &late, &["run.to is 2015-02-27", "of 2015-01-30", "the 19 sessions after it"]);
    assert_eq!(s["sessions"], 39);
    let warm = SMALL.replace("from = \"2015-01-02\"", "from = \"2015-01-12\"\nwarmup_from = \"2014-12-29\"");
    // December 29, 30 and 31.
    noted("warm-up", &warm, &["run.warmup_from is 2014-12-29", "begin on 2015-01-02", "3 sessions of the warm-up"]);
    // A Sunday after the last session is no session without data.
    let sunday = SMALL.replace("to = \"2015-01-30\"", "to = \"2015-02-01\"");
    let dir = small(&sunday);
    assert!(!succeeds(dir.path(), &["backtest", "c.toml", "--out", "run"]).contains("note: run."));
    let none = SMALL.replace("2015-01-02", "2020-01-02").replace("2015-01-30", "2020-01-30");
    let dir = small(&none);
    assert_eq!(trader(dir.path(), &["backtest", "c.toml", "--out", "run"]).code, Some(3));
}

#[test]
fn parts_that_never_do_anything_are_named() {
    let slow = SMALL.replace("slow = 2", "slow = 200");
    let (_, s) =
        noted("slow", &slow, &["strategy.s never had a signal", "cross (crossover)", "has 20 prices", "warmup_from"]);
    assert_eq!(s["orders"], 0);
    let feature = format!("{SMALL}\n[feature.vol]\nplugin = \"fe_garch\"\nsymbols = [\"AAA\"]\n");
    noted("feature", &feature, &["feature.vol (fe_garch) published no value", "20 prices"]);
    // Closes without opens: each order for the open expires.
    let openless = format!("{SMALL}\n[engine]\norder_style = \"market_on_open\"\n")
        .replace("path = \"data.csv\"", "path = \"data.csv\"\ncolumns = { open = \"\", high = \"\", low = \"\" }");
    let (_, s) = noted("no opens", &openless, &["order_style is \"market_on_open\"", "have no open", "columns.open"]);
    // 20 sessions of two symbols, decided at the second at the earliest; what the last close decides has no session to expire in.
    let (n, expired) = (s["orders"].as_u64().unwrap(), s["ended"]["expired"].as_u64().unwrap());
    assert!(s["fills"] == 0 && n > 10 && expired + 2 >= n, "{s}");
    assert!(!s.to_string().contains("-0.0"), "{s}");
    let (_, s) = noted("expired", &openless, &["was filled", "expired", "trader explain RUN 1"]);
    let said = format!("none of {n} orders was filled ({expired} expired, {} still working)", n - expired);
    assert!(s["warnings"].to_string().contains(&said), "{s}");
    // Nothing of this is said of a run that trades.
    let dir = small(SMALL);
    let out = succeeds(dir.path(), &["backtest", "c.toml", "--out", "run"]);
    assert!(!out.contains("note:"), "{out}");
}

#[test]
fn how_an_order_ended_is_explained() {
    let dir = small(
        &SMALL
            .replace("path = \"data.csv\"", "path = \"data.csv\"\ncolumns = { open = \"\", high = \"\", low = \"\" }"),
    );
    let at = dir.path();
    succeeds(at, &["backtest", "c.toml", "--out", "run", "--set", "engine.order_style=market_on_open"]);
    let out = succeeds(at, &["explain", "run", "1"]);
    assert!(out.contains("outcome    expired at 2015-01-") && out.contains("of it not filled"), "{out}");
    succeeds(at, &["backtest", "c.toml", "--out", "run"]);
    let out = succeeds(at, &["explain", "run", "1"]);
    assert!(out.contains("outcome    filled at 2015-01-"), "{out}");
    assert_eq!(succeeds(at, &["explain", "1", "run"]), out);
    let r = trader(at, &["explain", "run", "three"]);
    assert!(r.code == Some(2) && r.err.contains("order is \"three\""), "{}", r.err);
    // A run of three sessions is cut at two of them.
    let three = ["check", "lookahead", "c.toml", "--set", "run.to=2015-01-06"];
    assert!(succeeds(at, &three).contains("at 2 cuts"));
}

#[test]
fn unknown_symbols_that_protect_are_refused_or_noted() {
    for (case, more, parts) in [
        (
            "hedge",
            "[rule.h]\nplugin = \"risk_auto_hedge_ratio\"\nhedge = \"AAB\"\nmarket = \"AAA\"\n",
            ["rule.h.hedge", "\"AAB\""],
        ),
        (
            "market",
            "[rule.h]\nplugin = \"risk_auto_hedge_ratio\"\nhedge = \"AAA\"\nmarket = \"AAB\"\n",
            ["rule.h.market", "\"AAB\""],
        ),
        (
            "benchmark",
            "[rule.t]\nplugin = \"risk_tracking_error\"\nbenchmark = { AAB = 1.0 }\n",
            ["rule.t.benchmark", "\"AAB\""],
        ),
        ("its default", "[rule.t]\nplugin = \"risk_tracking_error\"\n", ["rule.t.benchmark", "\"SPY\""]),
    ] {
        let dir = small(&format!("{SMALL}\n{more}"));
        let r = trader(dir.path(), &["backtest", "c.toml", "--out", "run"]);
        assert_eq!(r.code, Some(2), "{case}: {}{}", r.out, r.err);
        assert!(
            parts.iter().all(|p| r.err.contains(p)) && r.err.contains("none of the data sources"),
            "{case}: {}",
            r.err
        );
        assert!(!dir.path().join("run").exists());
    }
    for (case, more, field) in [
        ("restricted", "[order_limits]\nrestricted = [\"AAB\"]\n", "order_limits.restricted"),
        ("sectors", "[limits]\nsector = 0.5\n[limits.sectors]\nbanks = [\"AAB\"]\n", "limits.sectors.banks"),
        ("shortable", "[limits]\nshortable = { only = [\"AAB\"] }\n", "limits.shortable"),
        ("of orders", "[order_limits]\nshortable = { only = [\"AAB\"] }\n", "order_limits.shortable"),
        ("shorting", "[exchange]\nshorting = { only = [\"AAB\"] }\n", "exchange.shorting"),
    ] {
        let (dir, _) = noted(case, &format!("{SMALL}\n{more}"), &[field, "AAB", "no effect (is AAA meant?)"]);
        let said = succeeds(dir.path(), &["check", "data", "c.toml"]);
        assert!(said.contains(field), "{case}: {said}");
        // A known one is not worth a word.
        let dir = small(&format!("{SMALL}\n{more}").replace("AAB", "AAA"));
        assert!(!succeeds(dir.path(), &["backtest", "c.toml", "--out", "run"]).contains("no effect"), "{case}");
    }
    // A symbol of later is known when a change of name leads to it.
    let renamed = format!(
        "{SMALL}\n[[data.source]]\npath = \"a.csv\"\nkind = \"corporate_action\"\n[order_limits]\nrestricted = [\"NEW\"]\n"
    );
    let dir = small(&renamed);
    fs::write(
        dir.path().join("a.csv"),
        "date,symbol,kind,value\n2015-01-29,AAA,symbol_change,NEW\n2015-01-08,AAB,split,2:1\n",
    )
    .unwrap();
    let out = succeeds(dir.path(), &["backtest", "c.toml", "--out", "run"]);
    assert!(!out.contains("no effect"), "{out}");
    assert!(out.contains("corporate actions on AAB, of which there are no prices: row 2 (is AAA meant?)"), "{out}");
}
