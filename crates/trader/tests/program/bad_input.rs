//! Everything that can be wrong with what a user gives: one clear error that says where and what to do, the right exit code, nothing on
//! standard output, no panic, and nothing left behind.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Ran, SMALL, names, small_csv, succeeds, trader};

/// Every path below a folder.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for e in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        all.push(e.path());
        if e.path().is_dir() {
            all.extend(tree(&e.path()));
        }
    }
    all.sort();
    all
}

/// A folder with the small system in it.
fn small() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("small.toml"), SMALL).unwrap();
    fs::write(dir.path().join("data.csv"), small_csv()).unwrap();
    dir
}

/// One error with this code and these parts.
fn is_refused(case: &str, r: &Ran, code: i32, parts: &[&str]) {
    assert_eq!(r.code, Some(code), "{case}: {}{}", r.err, r.out);
    assert_eq!(r.out, "", "{case}: standard output");
    assert!(r.err.starts_with("error: ") && !r.err.contains("\nerror: "), "{case}: one error in\n{}", r.err);
    assert!(!r.err.contains("panicked") && r.err.len() < 1500, "{case}: {}", r.err);
    for p in parts {
        assert!(r.err.contains(p), "{case}: {p:?} is not in\n{}", r.err);
    }
}

/// Runs the program, which has to refuse and to leave everything as it was.
fn refuses(case: &str, dir: &Path, args: &[&str], code: i32, parts: &[&str]) {
    let before = tree(dir);
    let r = trader(dir, args);
    is_refused(case, &r, code, parts);
    assert_eq!(tree(dir), before, "{case}: what it leaves behind");
}

const BACKTEST: [&str; 2] = ["backtest", "small.toml"];

#[test]
fn bad_data() {
    let good = small_csv();
    let header = "date,symbol,open,high,low,close,volume\n";
    // The first of January 7, AAA: row 7, line 8.
    let line = good.lines().find(|l| l.starts_with("2015-01-07,AAA")).unwrap().to_owned();
    let cell = |column: usize, value: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells[column] = value;
        good.replace(&line, &cells.join(","))
    };
    let at = "data.csv, row 7 (line 8)";
    let lines: Vec<&str> = good.lines().collect();
    let backward = [&lines[..7], &lines[9..11], &lines[7..9], &lines[11..]].concat().join("\n");
    let cases: Vec<(&str, Vec<u8>, Vec<&str>)> = vec![
        ("empty file", vec![], vec!["data.csv: the file is empty: expected a header line"]),
        ("header only", header.into(), vec!["data.csv: there is no data row: expected at least one"]),
        (
            "missing column",
            good.replace("low,close", "low,clsoe").into(),
            vec!["data.csv", "there is no column \"close\"", "did you mean \"clsoe\"?"],
        ),
        ("no time column", good.replace("date,", "day,").into(), vec!["data.csv", "no column", "date"]),
        (
            "column twice",
            good.replace("open,high", "high,high").into(),
            vec!["data.csv", "two columns", "high", "rename"],
        ),
        ("text for a number", cell(5, "abc").into(), vec![at, "column \"close\"", "\"abc\" is not a number: expected"]),
        ("text for a volume", cell(6, "many").into(), vec![at, "column \"volume\"", "\"many\" is not a number"]),
        ("not a number", cell(5, "NaN").into(), vec![at, "column \"close\"", "not finite", "leave the cell empty"]),
        ("infinite", cell(3, "inf").into(), vec![at, "column \"high\"", "not finite"]),
        ("zero", cell(5, "0").into(), vec![at, "column \"close\"", "0 is not above zero: expected"]),
        ("negative", cell(5, "-1.5").into(), vec![at, "column \"close\"", "-1.5 is not above zero: expected"]),
        ("too large", cell(5, "1e12").into(), vec![at, "column \"close\"", "1000000000000", "expected"]),
        ("negative volume", cell(6, "-5").into(), vec![at, "column \"volume\"", "-5 is negative: expected"]),
        ("bar out of order", cell(3, "50").into(), vec![at, "bar out of order", "expected low <= open"]),
        ("not a date", cell(0, "07.01.2015").into(), vec![at, "column \"date\"", "is not a time: expected 2015-08-24"]),
        ("no session", cell(0, "2015-01-10").into(), vec![at, "2015-01-10 is not a trading session", "weekend"]),
        ("empty symbol", cell(1, "").into(), vec![at, "column \"symbol\"", "expected"]),
        (
            "time zone missing",
            cell(0, "2015-01-07T16:00:00").into(),
            vec![at, "column \"date\"", "time zone missing", "timezone"],
        ),
        (
            "duplicate",
            good.replace(&line, &format!("{line}\n{line}")).into(),
            vec!["data.csv, row 8 (line 9)", "AAA has a second row for 2015-01-07", "remove one"],
        ),
        (
            "backward",
            backward.into(),
            vec!["data.csv, row 9 (line 10)", "time goes backwards for AAA", "sort the file"],
        ),
        ("too few cells", good.replace(&line, "2015-01-07,AAA,1").into(), vec![at, "3 cells: expected 7"]),
        ("blank line", good.replace(&line, "").into(), vec!["line 8", "blank line: remove it"]),
        ("open quote", cell(1, "\"AAA").into(), vec!["data.csv", "quote"]),
        ("not UTF-8", [good.as_bytes(), b"\xff\xfe"].concat(), vec!["data.csv", "not valid UTF-8", "save the file"]),
        ("no data in the range", good.replace("2015-01", "2016-03").into(), vec!["data.csv", ""]),
    ];
    for (case, bytes, mut parts) in cases {
        let dir = small();
        fs::write(dir.path().join("data.csv"), &bytes).unwrap();
        parts.push("data: ");
        refuses(case, dir.path(), &BACKTEST, 3, &parts);
        refuses(case, dir.path(), &["backtest", "small.toml", "--out", "a/b"], 3, &parts);
        refuses(case, dir.path(), &["data", "import", "data.csv", "--output", "o.parquet"], 3, &parts[..1]);
    }
}

#[test]
fn bad_files() {
    let dir = small();
    let at = dir.path();
    let with = |name: &str, text: &str| fs::write(at.join(name), text).unwrap();
    with("wrong.toml", &SMALL.replace("data.csv", "dtaa.csv"));
    refuses(
        "wrong path",
        at,
        &["backtest", "wrong.toml"],
        3,
        &["dtaa.csv: no such file", "did you mean", "data.csv\"?"],
    );
    with("wrong.toml", &SMALL.replace("data.csv", "nowhere/data.csv"));
    refuses(
        "wrong folder",
        at,
        &["backtest", "wrong.toml"],
        3,
        &["no such file", "the directory nowhere does not exist"],
    );
    fs::create_dir(at.join("folder.csv")).unwrap();
    with("wrong.toml", &SMALL.replace("data.csv", "folder.csv"));
    refuses("data folder", at, &["backtest", "wrong.toml"], 3, &["folder.csv: this is a directory: give a file in it"]);
    refuses(
        "config folder",
        at,
        &["backtest", "folder.csv"],
        2,
        &["folder.csv is a directory: expected a configuration file"],
    );
    refuses(
        "config missing",
        at,
        &["backtest", "smal.toml"],
        2,
        &["smal.toml", "No such file", "did you mean \"small.toml\"?"],
    );
    fs::write(at.join("binary.toml"), [0xff, 0xfe, 0]).unwrap();
    refuses("binary config", at, &["backtest", "binary.toml"], 2, &["binary.toml", "UTF-8"]);
    with("wrong.toml", &SMALL.replace("data.csv", "data.xyz"));
    with("data.xyz", &small_csv());
    refuses("format", at, &["backtest", "wrong.toml"], 3, &["data.xyz", "cannot tell the format", ".csv"]);
    with("wrong.toml", &SMALL.replace("data.csv", "sample:vix_close_2014_2018.csv"));
    refuses(
        "sample",
        at,
        &["backtest", "wrong.toml"],
        3,
        &["no sample file", "did you mean \"vix_close_2014_2019.csv\"?"],
    );

    // Cut off, and of another kind than its name says.
    let gz = tradewind_trader::sample::bytes("etf23_close_2008_2016.csv.gz").unwrap();
    fs::write(at.join("cut.csv.gz"), &gz[..gz.len() / 2]).unwrap();
    with("wrong.toml", &SMALL.replace("path = \"data.csv\"", "path = \"cut.csv.gz\"\nlayout = \"wide\""));
    refuses(
        "truncated",
        at,
        &["backtest", "wrong.toml"],
        3,
        &["cut.csv.gz: gzip data end too early", "fetch it again"],
    );
    with("text.csv.gz", &small_csv());
    with("wrong.toml", &SMALL.replace("data.csv", "text.csv.gz"));
    refuses("no gzip", at, &["backtest", "wrong.toml"], 3, &["text.csv.gz: not valid gzip", "rename"]);
    with("text.parquet", &small_csv());
    with("wrong.toml", &SMALL.replace("data.csv", "text.parquet"));
    refuses("no Parquet", at, &["backtest", "wrong.toml"], 3, &["text.parquet: not a Parquet file"]);
    refuses(
        "apply",
        at,
        &["apply", "fe_garch", "--input", "dat.csv", "--output", "o.csv"],
        3,
        &["dat.csv: no such file", "did you mean"],
    );
    refuses("validate", at, &["data", "validate", "folder.csv"], 3, &["this is a directory"]);
}

#[test]
fn bad_configurations() {
    let dir = small();
    let at = dir.path();
    let replaced = |from: &str, to: &str| {
        assert!(SMALL.contains(from), "{from}");
        SMALL.replacen(from, to, 1)
    };
    let also = |text: &str| format!("{SMALL}\n{text}\n");
    let cases: Vec<(&str, String, Vec<&str>)> = vec![
        ("not TOML", "run = [".into(), vec!["TOML", "line 1"]),
        ("unknown key", replaced("cash =", "cahs ="), vec!["run.cahs: unknown key: did you mean \"cash\"?"]),
        ("unknown table", also("[exchagne]"), vec!["exchagne: unknown key: did you mean \"exchange\"?"]),
        ("wrong type", replaced("10000.0", "\"lots\""), vec!["run.cash: is \"lots\": expected a number"]),
        ("wrong word", also("[engine]\nschedule = \"daily\""), vec!["engine.schedule: is \"daily\"", "session_close"]),
        (
            "out of range",
            replaced("10000.0", "-5.0"),
            vec!["run.cash: is -5: expected 1e-18 (the unit of money) to 1e12"],
        ),
        ("not finite", replaced("10000.0", "nan"), vec!["run.cash: is \"NaN\": expected a number"]),
        ("base out of range", replaced("base = 0.5", "base = 11"), vec!["strategy.s.base: is 11: expected above 0"]),
        ("threads", replaced("cash", "threads = 0\ncash"), vec!["run.threads: is 0: expected 1 to 256"]),
        ("negative count", replaced("cash", "threads = -1\ncash"), vec!["run.threads: is -1: expected at least 0"]),
        (
            "fast above slow",
            replaced("fast = 1", "fast = 3"),
            vec!["alpha.cross.fast: is 3: expected at least 1 and below slow"],
        ),
        ("unknown parameter", replaced("fast = 1", "fsat = 1"), vec!["alpha.cross", "fsat", "fast"]),
        ("not a date", replaced("2015-01-02", "Jan 2"), vec!["run.from: is \"Jan 2\": expected a date such as"]),
        (
            "from after to",
            replaced("2015-01-02", "2015-03-02"),
            vec!["run.from: is 2015-03-02: expected a date not after run.to (2015-01-30)"],
        ),
        (
            "warm-up after from",
            replaced("cash", "warmup_from = \"2015-01-05\"\ncash"),
            vec!["run.warmup_from", "not after run.from"],
        ),
        (
            "no source",
            replaced("[[data.source]]\npath = \"data.csv\"\n", ""),
            vec!["data: is empty: expected", "data.simulate"],
        ),
        ("two kinds of source", also("[data.simulate]\nsessions = 5"), vec!["data", "files and a simulation"]),
        (
            "unknown plugin",
            also("[overlay.x]\nplugin = \"alpha_vix_regmie\""),
            vec!["overlay.x.plugin: there is no plugin", "did you mean \"alpha_vix_regime\"?"],
        ),
        (
            "wrong role",
            also("[allocator.x]\nplugin = \"alpha_vix_regime\""),
            vec!["allocator.x.plugin", "role allocator", "overlay"],
        ),
        ("plugin missing", also("[overlay.x]\nlevel = 1"), vec!["overlay.x", "\"plugin\" is missing"]),
        (
            "the same id twice",
            also("[overlay.x]\nplugin = \"risk_vol_target\"\n[overlay.x]\nplugin = \"risk_vol_target\""),
            vec!["duplicate key", "line"],
        ),
        (
            "plugin's key",
            also("[overlay.x]\nplugin = \"risk_vol_target\"\ntarge = 0.1"),
            vec!["overlay.x", "targe", "did you mean \"target\"?"],
        ),
        (
            "plugin's value",
            also("[overlay.x]\nplugin = \"risk_vol_target\"\ntarget = -0.1"),
            vec!["overlay.x.target: is -0.1: expected"],
        ),
        (
            "unknown alpha",
            replaced("alpha = \"cross\"", "alpha = \"corss\""),
            vec!["strategy.s.alpha", "\"corss\"", "did you mean \"cross\"?"],
        ),
        (
            "unknown filter",
            replaced("base = 0.5", "filters = [\"f\"]"),
            vec!["strategy.s.filters", "names \"f\", which is not configured"],
        ),
        ("alpha twice", also("[strategy.t]\nalpha = \"cross\""), vec!["strategy.t.alpha", "already serves strategy s"]),
        (
            "no strategy",
            replaced("[strategy.s]\nalpha = \"cross\"\nbase = 0.5\n", ""),
            vec!["strategy: is empty: expected at least one"],
        ),
        (
            "benchmark above 1",
            also("[[benchmark]]\nname = \"b\"\nweights = { AAA = 0.7, BBB = 0.7 }"),
            vec!["benchmark.0.weights", "sum to at most 1"],
        ),
        (
            "benchmark's symbol",
            also("[[benchmark]]\nname = \"b\"\nweights = { AAB = 1.0 }"),
            vec!["benchmark.0.weights: symbol \"AAB\" is in none of the data sources", "did you mean \"AAA\"?"],
        ),
        (
            "plugin's symbol",
            also("[feature.g]\nplugin = \"fe_garch\"\nsymbols = [\"BBC\"]"),
            vec!["feature.g.symbols: symbol \"BBC\" is in none of the data sources", "did you mean \"BBB\"?"],
        ),
        (
            "source's key",
            replaced("path = \"data.csv\"", "path = \"data.csv\"\nlayuot = \"wide\""),
            vec!["data.source.0.layuot: unknown key: did you mean \"layout\"?"],
        ),
        (
            "source's zone",
            replaced("path = \"data.csv\"", "path = \"data.csv\"\ntimezone = \"New York\""),
            vec!["data.source.0.timezone", "New York", "IANA"],
        ),
        ("slippage", also("[exchange.costs.slippage]\nbps = -1"), vec!["exchange.costs.slippage.bps: is -1: expected"]),
    ];
    for (case, text, parts) in cases {
        fs::write(at.join("wrong.toml"), text).unwrap();
        refuses(case, at, &["backtest", "wrong.toml"], 2, &parts);
        refuses(case, at, &["backtest", "wrong.toml", "--out", "a/b"], 2, &parts);
        if !parts[0].contains("symbol \"") {
            refuses(case, at, &["check", "config", "wrong.toml"], 2, &parts);
        }
    }
    // The symbol a source does not have is the data's.
    let text = replaced("path = \"data.csv\"", "path = \"data.csv\"\nsymbols = [\"AAC\"]");
    fs::write(at.join("wrong.toml"), text).unwrap();
    refuses(
        "source's symbol",
        at,
        &["backtest", "wrong.toml"],
        3,
        &["data.csv", "unknown symbol \"AAC\"", "did you mean \"AAA\"?"],
    );
    // No session in the range, and no data in it.
    fs::write(at.join("wrong.toml"), SMALL.replace("2015-01-02", "2015-01-10").replace("2015-01-30", "2015-01-11"))
        .unwrap();
    refuses(
        "a weekend",
        at,
        &["backtest", "wrong.toml"],
        3,
        &["no data between 2015-01-10 and 2015-01-11", "2015-01-02"],
    );
    fs::write(at.join("wrong.toml"), SMALL.replace("2015-01-30", "2099-01-30")).unwrap();
    refuses("beyond the calendar", at, &["backtest", "wrong.toml"], 2, &["run.to", "2099-01-30", "expected"]);
    fs::write(at.join("wrong.toml"), SMALL.replace("2015-01-02", "1875-01-04")).unwrap();
    refuses("before the calendar", at, &["backtest", "wrong.toml"], 2, &["run.from", "1875-01-04", "expected"]);
    // All at once.
    fs::write(at.join("wrong.toml"), SMALL.replace("10000.0", "-5.0").replace("base = 0.5", "base = 50")).unwrap();
    refuses(
        "two problems",
        at,
        &["backtest", "wrong.toml"],
        2,
        &["wrong.toml: 2 problems", "run.cash", "strategy.s.base"],
    );
}

#[test]
fn bad_command_lines() {
    let dir = small();
    let at = dir.path();
    succeeds(at, &["backtest", "small.toml", "--out", "runs/mine"]);
    let sets: [(&str, &str); 7] = [
        ("x", "expected key=value"),
        ("=5", "empty part in the key"),
        ("run..cash=1", "empty part in the key"),
        ("title.x=1", "\"x\" is below \"small\", which is not a table"),
        ("data.source.7.kind=bar", "\"7\" is not an element of a list of 1"),
        ("data.source.first.kind=bar", "\"first\" is not an element of a list of 1"),
        ("run.cash=many", "run.cash: is \"many\": expected a number"),
    ];
    for (set, part) in sets {
        refuses(set, at, &["backtest", "small.toml", "--set", set], 2, &[part]);
    }
    let usage: [&[&str]; 6] = [
        &["backtset"],
        &["backtest", "--ouut", "x"],
        &["explain", "runs/mine", "three"],
        &["explain", "runs/mine", "--date", "24.08.2015"],
        &["check", "lookahead", "--cuts", "-1"],
        &[],
    ];
    for args in usage {
        let before = tree(at);
        let r = trader(at, args);
        assert_eq!((r.code, r.out.as_str()), (Some(2), ""), "{args:?}: {}", r.err);
        assert!(r.err.contains("--help") || r.err.contains("Usage"), "{args:?}: {}", r.err);
        assert!(!r.err.contains("panicked"), "{args:?}: {}", r.err);
        assert_eq!(tree(at), before);
    }
    let cases: [(&[&str], i32, &str); 17] = [
        (&["explain", "runs/mine"], 2, "name an order"),
        (&["explain", "mine", "0"], 2, "there is no order 0 in this run: they are numbered 1 to "),
        (&["explain", "mine", "99999"], 2, "there is no order 99999 in this run: they are numbered 1 to "),
        (&["explain", "mine", "1", "--symbol", "ZZZ"], 2, "there is no order 1 on ZZZ"),
        (&["explain", "mine", "--date", "2015-01-03"], 2, "no decision was taken on 2015-01-03: is it a session"),
        (
            &["explain", "mien", "1"],
            2,
            "there is no run \"mien\": give a folder written by `trader backtest`, its name under runs/, or `latest`; did you mean \"mine\"?",
        ),
        (&["report", "runs"], 2, "runs is not a run folder: there is no summary.json in it"),
        (&["report", "mine", "--out", "no/such/report.html"], 1, "cannot write no/such/report.html"),
        (&["report", "mine", "--out", "runs"], 2, "runs is a directory"),
        (&["plugins", "fe_grach"], 2, "there is no plugin \"fe_grach\": did you mean \"fe_garch\"?"),
        (&["apply", "fe_garch", "--input", "data.csv", "--output", "no/o.csv"], 3, "no/o.csv: cannot write the file"),
        (&["apply", "fe_garch", "--input", "data.csv", "--output", "o.xyz"], 3, "o.xyz: cannot tell the format"),
        (
            &["apply", "fe_garch", "--input", "data.csv", "--output", "o.csv", "--set", "dist=cauchy"],
            2,
            "parameters of fe_garch: 1 problem",
        ),
        (
            &["apply", "fe_garch", "--input", "data.csv", "--output", "o.csv", "--column", "x=close"],
            2,
            "has no input \"x\"",
        ),
        (&["data", "simulate", "--output", "nowhere"], 3, "nowhere"),
        (&["data", "simulate", "--output", ".", "--set", "sessions=0"], 2, "sessions: is 0: expected"),
        (&["check", "lookahead", "small.toml", "--cuts", "0"], 2, "--cuts is 0: expected 1 to 19"),
    ];
    for (args, code, part) in cases {
        refuses(&format!("{args:?}"), at, args, code, &[part]);
    }
    let empty = tempfile::tempdir().unwrap();
    refuses("no runs", empty.path(), &["report", "latest"], 2, &["there is no run \"latest\""]);
}

#[test]
fn places_that_cannot_be_written() {
    let dir = small();
    let at = dir.path();
    fs::write(at.join("file"), "mine").unwrap();
    fs::create_dir(at.join("precious")).unwrap();
    fs::write(at.join("precious/thesis.txt"), "mine").unwrap();
    let mut cases: Vec<(&str, i32, &str)> = vec![
        ("file/run", 1, "there is a file where a folder is needed"),
        ("file/a/b/run", 1, "there is a file where a folder is needed"),
        ("file", 2, "file exists and is a file, not a run folder: choose another folder with --out"),
        ("precious", 2, "precious exists and is not a run folder: choose another folder with --out"),
        (".", 2, "choose another folder with --out"),
        ("precious/..", 2, "choose another folder with --out"),
    ];
    if cfg!(target_os = "linux") {
        cases.extend([("/proc/nope", 1, "/proc"), ("/proc/a/b", 1, "/proc")]);
    }
    for (out, code, part) in cases {
        refuses(out, at, &["backtest", "small.toml", "--out", out], code, &[part]);
    }
    assert_eq!(fs::read(at.join("precious/thesis.txt")).unwrap(), b"mine");
    // A run with something of the user's in it.
    succeeds(at, &["backtest", "small.toml", "--out", "run"]);
    fs::write(at.join("run/notes.txt"), "mine").unwrap();
    refuses(
        "notes",
        at,
        &["backtest", "small.toml", "--out", "run"],
        2,
        &["run holds \"notes.txt\", which no run has written"],
    );
    assert_eq!(fs::read(at.join("run/notes.txt")).unwrap(), b"mine");
    fs::remove_file(at.join("run/notes.txt")).unwrap();
    succeeds(at, &["backtest", "small.toml", "--out", "run"]);
    // A damaged run: whatever file it is, cut off or changed, its figures are not shown.
    refuses_changed(at);
    fs::remove_file(at.join("run/decisions.jsonl")).unwrap();
    refuses("incomplete", at, &["explain", "run", "1"], 1, &["cannot read run/decisions.jsonl", "check the path"]);
}

/// Each file of a run that was changed since is refused by whatever reads it.
fn refuses_changed(at: &Path) {
    for (name, command) in [
        ("summary.json", "report"),
        ("config.toml", "report"),
        ("sessions.jsonl", "report"),
        ("fills.jsonl", "report"),
        ("decisions.jsonl", "report"),
        ("fills.jsonl", "explain"),
        ("decisions.jsonl", "explain"),
    ] {
        let path = at.join("run").join(name);
        let good = fs::read(&path).unwrap();
        let cut = good.iter().take(good.len() / 2).copied().collect::<Vec<_>>();
        let price = String::from_utf8(good.clone()).unwrap().replacen('1', "2", 1).into_bytes();
        for bad in [Vec::new(), cut, price] {
            fs::write(&path, bad).unwrap();
            let args: &[&str] = if command == "report" { &["report", "run"] } else { &["explain", "run", "1"] };
            refuses(name, at, args, 3, &[name, "is not as the run wrote it"]);
        }
        fs::write(&path, good).unwrap();
    }
    succeeds(at, &["report", "run"]);
    let sums = at.join("run/checksums.txt");
    let text = fs::read(&sums).unwrap();
    fs::remove_file(&sums).unwrap();
    refuses("no checksums", at, &["report", "run"], 3, &["checksums.txt is missing"]);
    fs::write(&sums, text).unwrap();
}

/// A limit on the size of files fails at every place where a run writes, as a full disk does.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    succeeds(at, &["backtest", "--out", "run"]);
    // Without a journal the decisions are the largest; without decisions (an average too long to know) the report is.
    let plain = "backtest --set run.journal=none --out plain";
    let quiet = "backtest small.toml --set run.journal=none --set alpha.cross.slow=5000 --out quiet";
    fs::write(at.join("small.toml"), SMALL).unwrap();
    fs::write(at.join("data.csv"), small_csv()).unwrap();
    for args in [plain, quiet] {
        succeeds(at, &args.split(' ').collect::<Vec<_>>());
    }
    let sizes = |run: &str| -> Vec<u64> {
        names(&at.join(run)).iter().map(|n| fs::metadata(at.join(run).join(n)).unwrap().len()).collect()
    };
    let keep = || ["run", "plain", "quiet"].map(|run| fs::read(at.join(run).join("summary.json")).unwrap());
    let summaries = keep();
    let before = tree(at);
    let limited = |blocks: u64, args: &str| -> Ran {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec '{}' {args}", env!("CARGO_BIN_EXE_trader"));
        let out = std::process::Command::new("sh").args(["-c", &script]).current_dir(at).output().unwrap();
        out.into()
    };
    let mut said = std::collections::BTreeSet::new();
    // Below each of the sizes one file fits no more (a block has 512 or 1024 bytes, by shell).
    let runs = [(sizes("run"), "backtest --out run"), (sizes("plain"), plain), (sizes("quiet"), quiet)];
    for (sizes, args) in &runs {
        for blocks in sizes.iter().flat_map(|s| [s / 1024, s / 512]) {
            let r = limited(blocks, args);
            if r.code == Some(0) {
                continue;
            }
            let code = if r.err.starts_with("error: data: ") { 3 } else { 1 };
            is_refused(&format!("{blocks} blocks"), &r, code, &["File too large"]);
            assert_eq!(tree(at), before, "{blocks} blocks: what it leaves behind");
            assert!(keep() == summaries, "the older run survives");
            said.extend(names(&at.join("run")).into_iter().filter(|n| r.err.contains(n.as_str())));
        }
    }
    for file in ["journal", "decisions.jsonl", "sessions.jsonl", "report.html"] {
        assert!(said.contains(file), "{file} fails in its turn: {said:?}");
    }
    let r = limited(10, "apply risk_var_budget --input run/equity.parquet --output o.parquet --column ret=gross");
    is_refused("apply", &r, 3, &["o.parquet", "File too large"]);
    assert_eq!(tree(at), before);
    let html = fs::read(at.join("run/report.html")).unwrap();
    let r = limited(10, "report run");
    is_refused("report", &r, 1, &["report.html", "File too large"]);
    assert!(fs::read(at.join("run/report.html")).unwrap() == html, "the older report survives");
    assert_eq!(tree(at), before);
    let r = limited(0, "check determinism");
    assert_eq!(r.code, Some(1), "{}", r.err);
}
