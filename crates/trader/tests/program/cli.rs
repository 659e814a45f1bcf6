//! Every command, as a user runs it.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tradewind_core_types::{Cell, Outcome};
use tradewind_data::Frame;
use tradewind_trader::run_folder::{FILES, RunFolder};
use tradewind_trader::{catalogue, checksums, sample};

use crate::common::{SMALL, command, hash, names, small_csv, succeeds, trader};

#[test]
fn the_default_run_is_pinned_complete_and_repeats() {
    let pinned = include_str!("../pinned_hash.txt").lines().next().unwrap();
    let dir = tempfile::tempdir().unwrap();
    for threads in ["1", "2"] {
        let threads_set = format!("run.threads={threads}");
        let out = succeeds(dir.path(), &["backtest", "--out", threads, "--set", &threads_set]);
        assert_eq!(hash(&out), pinned, "{threads} threads");
        assert_eq!(names(&dir.path().join(threads)), FILES);
    }
    // Without a name the folder is named by the run.
    let out = succeeds(dir.path(), &["backtest", "--json"]);
    let summary: Value = serde_json::from_str(&out).unwrap();
    let id = summary["run_id"].as_str().unwrap();
    assert_eq!(names(&dir.path().join("runs")), [id]);
    assert_eq!(summary["ledger_hash"], pinned);
    let run = dir.path().join("runs").join(id);
    assert_eq!(names(&run), FILES);
    assert_eq!(fs::read_to_string(run.join("summary.json")).unwrap(), out.trim_end());

    // The written configuration gives the same run, to the byte.
    let config = run.join("config.toml");
    succeeds(dir.path(), &["backtest", config.to_str().unwrap(), "--out", "again"]);
    for file in FILES {
        let read = |p: &Path| fs::read(p.join(file)).unwrap();
        assert!(read(&run) == read(&dir.path().join("again")), "{file} differs");
    }
    // So does the report.
    let before = fs::read(run.join("report.html")).unwrap();
    fs::remove_file(run.join("report.html")).unwrap();
    for name in [id, "latest", run.to_str().unwrap()] {
        fs::write(run.join("report.html"), b"old").unwrap();
        succeeds(dir.path(), &["report", name]);
        assert!(fs::read(run.join("report.html")).unwrap() == before, "{name}");
    }
    succeeds(dir.path(), &["report", id, "--out", "elsewhere.html"]);
    assert!(fs::read(dir.path().join("elsewhere.html")).unwrap() == before);
    // Another amount of cash is another run.
    let other = succeeds(dir.path(), &["backtest", "--set", "run.cash=50000"]);
    assert_ne!(hash(&other), pinned);
    assert_eq!(names(&dir.path().join("runs")).len(), 2);
}

#[test]
fn a_run_on_own_files_repeats_from_its_folder_and_from_any_other() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("system")).unwrap();
    fs::write(dir.path().join("system/small.toml"), SMALL).unwrap();
    fs::write(dir.path().join("system/data.csv"), small_csv()).unwrap();
    let first = succeeds(dir.path(), &["backtest", "system/small.toml", "--json"]);
    let get = |text: &str, key: &str| serde_json::from_str::<Value>(text).unwrap()[key].clone();
    assert!(get(&first, "fills").as_u64().unwrap() > 5, "{first}");
    let written = format!("../runs/{}/config.toml", get(&first, "run_id").as_str().unwrap());
    let again = succeeds(&dir.path().join("system"), &["backtest", &written, "--json"]);
    for key in ["run_id", "ledger_hash", "data_hash", "figures"] {
        assert_eq!(get(&first, key), get(&again, key), "{key}");
    }
    // Another byte in the data is another run, even where it does not matter for trading.
    fs::write(dir.path().join("system/data.csv"), small_csv().replacen(",1000\n", ",1001\n", 1)).unwrap();
    let other = succeeds(dir.path(), &["backtest", "system/small.toml", "--json"]);
    assert_ne!(get(&first, "run_id"), get(&other, "run_id"));
}

#[test]
fn every_decision_is_explained_and_multiplies_out() {
    let dir = tempfile::tempdir().unwrap();
    succeeds(dir.path(), &["backtest", "--out", "run"]);
    let run = RunFolder::open(dir.path().join("run").to_str().unwrap()).unwrap();
    let orders = run.orders().unwrap();
    let mut ordered = Vec::new();
    let mut not_traded = None;
    for d in run.decisions().unwrap() {
        let d = d.unwrap();
        d.verify().unwrap_or_else(|e| panic!("decision {}: {e}", d.id));
        match d.outcome {
            Outcome::Ordered(id) => ordered.push(id),
            Outcome::NotTraded(_) => not_traded = Some(d),
        }
    }
    assert_eq!(ordered, orders.iter().map(|o| o.order.id).collect::<Vec<_>>(), "one decision an order, in order");
    assert!(orders.len() > 100, "{}", orders.len());
    let last = orders.len().to_string();
    for n in ["1", "7", &last] {
        let out = succeeds(dir.path(), &["explain", "run", n]);
        for part in ["verified", "signal", "target", "fill ", "data ", "outcome    filled at "] {
            assert!(out.contains(part), "{part} in\n{out}");
        }
        let json: Value = serde_json::from_str(&succeeds(dir.path(), &["explain", "run", n, "--json"])).unwrap();
        assert_eq!(json[0]["outcome"]["ordered"].to_string(), n);
    }
    // A trade not taken.
    let d = not_traded.unwrap();
    let date = tradewind_trader::run::date(d.time).to_string();
    let out = succeeds(dir.path(), &["explain", "run", "--date", &date, "--symbol", d.symbol.as_str()]);
    assert!(out.starts_with("no order ") && out.contains(&format!("decision {}:", d.id)), "{out}");
    assert!(out.contains("verified"), "{out}");

    // A decision that somebody has changed is found out.
    let path = dir.path().join("run/decisions.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let changed = text.replacen("{\"scale\":0.6}", "{\"scale\":0.7}", 1);
    assert_ne!(text, changed);
    fs::write(&path, changed).unwrap();
    let r = trader(dir.path(), &["explain", "run", "1"]);
    assert_eq!(r.code, Some(3), "{}", r.out);
    assert!(r.err.contains("decisions.jsonl is not as the run wrote it"), "{}", r.err);
    // So it is when the checksum was changed with it.
    let sums = checksums::of_folder(&dir.path().join("run"), std::iter::once("decisions.jsonl".to_owned())).unwrap();
    let all = fs::read_to_string(dir.path().join("run/checksums.txt")).unwrap();
    let other: Vec<&str> = all.lines().filter(|l| !l.ends_with("decisions.jsonl")).collect();
    fs::write(dir.path().join("run/checksums.txt"), format!("{}\n{sums}", other.join("\n"))).unwrap();
    let r = trader(dir.path(), &["explain", "run", "1"]);
    assert_eq!(r.code, Some(1), "{}", r.out);
    assert!(r.err.contains("decision 2 does not multiply out"), "{}", r.err);
}

#[test]
fn the_catalogue_the_schema_and_the_completions() {
    let dir = tempfile::tempdir().unwrap();
    let list = succeeds(dir.path(), &["plugins"]);
    let json: Value = serde_json::from_str(&succeeds(dir.path(), &["plugins", "--json"])).unwrap();
    let listed: Vec<&str> = json.as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap()).collect();
    let known: Vec<&str> = catalogue::all().map(|(_, p)| p.id).collect();
    assert_eq!(listed, known);
    let first = [
        "alpha_cross_asset_corr",
        "alpha_vix_regime",
        "alpha_vrp",
        "fe_entropy",
        "fe_garch",
        "risk_drawdown_derisk",
        "risk_var_budget",
        "risk_vol_target",
    ];
    for id in first {
        assert!(known.contains(&id) && list.lines().any(|l| l.split_whitespace().next() == Some(id)), "{id}");
        let text = succeeds(dir.path(), &["plugins", id]);
        let one: Value = serde_json::from_str(&succeeds(dir.path(), &["plugins", id, "--json"])).unwrap();
        assert!(text.starts_with(id) && one["source"].as_str().unwrap().len() > 10);
        for name in one["defaults"].as_object().unwrap().keys() {
            assert!(text.lines().any(|l| l.split_whitespace().next() == Some(name)), "{name} of {id} in\n{text}");
            let described = one["parameters"]["properties"][name]["description"].as_str();
            assert!(described.is_some_and(|d| d.len() > 5), "{name} of {id} has no description");
        }
    }
    let schema: Value = serde_json::from_str(&succeeds(dir.path(), &["check", "config", "--schema"])).unwrap();
    assert!(schema["properties"]["run"].is_object() && schema["properties"]["strategy"].is_object());
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(succeeds(dir.path(), &["completions", shell]).contains("backtest"), "{shell}");
    }
    assert!(names(dir.path()).is_empty(), "questions leave nothing behind");
}

#[test]
fn the_checks_pass_on_the_default_system() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(succeeds(dir.path(), &["check", "config"]), "configuration: fine\n");
    let resolved = succeeds(dir.path(), &["check", "config", "--resolved"]);
    fs::write(dir.path().join("resolved.toml"), &resolved).unwrap();
    assert_eq!(succeeds(dir.path(), &["check", "config", "resolved.toml", "--resolved"]), resolved);
    assert!(succeeds(dir.path(), &["check", "data"]).ends_with("data: fine\n"));
    let out = succeeds(dir.path(), &["check", "lookahead", "--cuts", "2"]);
    assert!(out.contains("the whole pipeline") && out.contains("lookahead: none, at 2 cuts"), "{out}");
    for (_, p) in catalogue::all() {
        assert!(out.contains(p.id), "{} in\n{out}", p.id);
    }
    let out = succeeds(dir.path(), &["check", "determinism", "--stops", "3"]);
    let hashes: Vec<&str> = out.lines().filter_map(|l| l.split_once("  ").map(|x| x.0)).collect();
    assert_eq!(hashes.len(), 14, "{out}");
    let (commanded, plain): (Vec<_>, Vec<_>) =
        out.lines().filter(|l| l.contains("  ")).partition(|l| l.contains("with operator commands"));
    let same = |lines: &[&str], hash: &str| lines.iter().all(|l| l.starts_with(hash));
    assert!(same(&plain[..9], hashes[0]) && out.contains("two threads") && out.contains("journal"), "{out}");
    assert!(commanded.len() >= 5 && commanded[0][..64] != *hashes[0] && same(&commanded, &commanded[0][..64]), "{out}");
    assert_eq!(names(dir.path()), ["resolved.toml"]);
}

#[test]
fn operator_commands_are_a_source_and_show_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("ops.jsonl"),
        r#"{"time": "2015-06-01", "id": "d1", "command": "deposit", "amount": "50000", "actor": "ann", "reason": "savings"}
{"time": "2015-06-02", "id": "d1", "command": "deposit", "amount": "50000", "actor": "ann", "reason": "sent twice"}
{"time": "2015-08-24T15:00:00Z", "id": "h1", "command": "flatten", "actor": "bob", "reason": "flash crash"}
{"time": "2015-09-01", "id": "r1", "command": "resume", "actor": "bob"}
"#,
    )
    .unwrap();
    let mut text = tradewind_trader::config::DEFAULT.to_owned();
    text.push_str("\n[[data.source]]\npath = 'ops.jsonl'\nkind = 'operator'\n");
    fs::write(dir.path().join("my.toml"), text).unwrap();
    let out = succeeds(dir.path(), &["backtest", "my.toml", "--out", "run", "--set", "report.ablation=false"]);
    for part in [
        "operator: deposit 50000 at 2015-06-01T13:30:00Z by ann (id d1): savings; done",
        "(id d1): sent twice; nothing: this id was given before",
        "operator: flatten at 2015-08-24T15:00:00Z by bob (id h1): flash crash; done",
    ] {
        assert!(out.contains(part), "{part} in\n{out}");
    }
    let summary: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.path().join("run/summary.json")).unwrap()).unwrap();
    assert_eq!(summary["commands"].as_array().unwrap().len(), 4);
    // A deposit is no profit: half as much again on the account, and the return stays a return.
    let (equity, total) =
        (summary["final_equity"].as_f64().unwrap(), summary["figures"]["total_return"].as_f64().unwrap());
    assert!((140_000.0..150_000.0).contains(&equity) && (-0.05..0.0).contains(&total), "{equity} {total}");
    let flat = succeeds(dir.path(), &["explain", "run", "--date", "2015-08-24"]);
    assert!(
        flat.contains("operator   flatten at 2015-08-24T15:00:00Z by bob") && flat.contains("everything is closed"),
        "{flat}"
    );
    let report = fs::read_to_string(dir.path().join("run/report.html")).unwrap();
    assert!(report.contains("flash crash"));
    succeeds(dir.path(), &["check", "determinism", "my.toml", "--stops", "2"]);
}

/// Closes, bars, VIX, returns and equity of the sample in one table, by date.
fn joined() -> Frame {
    let read = |name: &str| Frame::from_csv(name, sample::bytes(name).unwrap().to_vec()).unwrap();
    let column = |f: &Frame, name: &str, keep: &dyn Fn(usize) -> bool| {
        let (date, at) = (f.position("date").unwrap(), f.position(name).unwrap());
        let key = |i: usize| match f.cell(i, date) {
            Cell::Str(s) => s.clone(),
            other => panic!("{other:?} is no date"),
        };
        (0..f.rows())
            .filter(|&i| keep(i) && *f.cell(i, at) != Cell::Null)
            .map(|i| (key(i), f.cell(i, at).clone()))
            .collect::<std::collections::BTreeMap<String, Cell>>()
    };
    let (etf, index, vix) =
        (read("etf23_close_2008_2016.csv.gz"), read("index_ohlcv_1999_2018.csv.gz"), read("vix_close_2014_2019.csv"));
    let symbol = index.position("symbol").unwrap();
    let spx = |i: usize| *index.cell(i, symbol) == Cell::Str("SPX".into());
    let mut parts = vec![
        ("SPY", column(&etf, "SPY", &|_| true)),
        ("TLT", column(&etf, "TLT", &|_| true)),
        ("vix", column(&vix, "vix", &|_| true)),
    ];
    for name in ["open", "high", "low", "close"] {
        parts.push((name, column(&index, name, &spx)));
    }
    let dates: Vec<String> =
        parts[0].1.keys().filter(|d| parts.iter().all(|p| p.1.contains_key(*d))).cloned().collect();
    assert!(dates.len() > 500, "{}", dates.len());
    let mut names = vec!["date".to_owned()];
    let mut columns = vec![dates.iter().map(|d| Cell::Str(d.clone())).collect::<Vec<_>>()];
    for (name, values) in &parts {
        names.push((*name).to_owned());
        columns.push(dates.iter().map(|d| values[d].clone()).collect());
    }
    let spy: Vec<f64> = columns[1].iter().map(number).map(Option::unwrap).collect();
    names.extend(["ret".to_owned(), "equity".to_owned()]);
    columns.push((0..spy.len()).map(|i| Cell::F64(if i == 0 { 0.0 } else { spy[i] / spy[i - 1] - 1.0 })).collect());
    columns.push(spy.iter().map(|p| Cell::F64(1000.0 * p)).collect());
    Frame::new(names, columns).unwrap()
}

fn number(c: &Cell) -> Option<f64> {
    match c {
        Cell::F64(x) => Some(*x),
        Cell::I64(x) => Some(*x as f64),
        _ => None,
    }
}

/// A cell without the difference between a whole number and a float, or between nothing and an empty text.
fn plain(c: &Cell) -> String {
    match c {
        Cell::Null => String::new(),
        Cell::Str(s) => s.clone(),
        Cell::Bool(b) => b.to_string(),
        other => number(other).unwrap().to_string(),
    }
}

#[test]
fn every_table_function_runs_over_csv_and_parquet_alike() {
    let dir = tempfile::tempdir().unwrap();
    let table = joined();
    table.write(&dir.path().join("in.csv")).unwrap();
    table.write(&dir.path().join("in.parquet")).unwrap();
    let cases: [(&str, &[&str]); 8] = [
        ("fe_garch", &["--column", "close=SPY"]),
        ("fe_entropy", &["--column", "close=SPY", "--set", "window=60"]),
        ("alpha_vrp", &[]),
        ("alpha_cross_asset_corr", &["--column", "a=SPY", "--column", "b=TLT"]),
        ("alpha_vix_regime", &[]),
        ("risk_vol_target", &["--column", "close=SPY"]),
        ("risk_drawdown_derisk", &[]),
        ("risk_var_budget", &[]),
    ];
    for (_, p) in catalogue::all().filter(|(_, p)| p.table.is_some() && p.batch == 0) {
        assert!(cases.iter().any(|c| c.0 == p.id), "{} is not tried here", p.id);
    }
    for (id, extra) in cases {
        let mut seen: Vec<(Vec<String>, Value)> = Vec::new();
        for (input, output) in [("in.csv", "out.csv"), ("in.csv", "out.parquet"), ("in.parquet", "out.csv")] {
            let mut args = vec!["apply", id, "--input", input, "--output", output];
            args.extend(extra);
            let said = succeeds(dir.path(), &args);
            let summary: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{id}: {e}\n{said}"));
            let frame = Frame::read(&dir.path().join(output)).unwrap();
            assert_eq!(frame.rows(), table.rows(), "{id}");
            assert_eq!(&frame.names()[..table.names().len()], table.names(), "{id}");
            // What the summary says is what is in the file.
            let warm = summary["rows"].as_u64().unwrap() - summary["warmup"].as_u64().unwrap();
            let mut most = 0;
            for (name, s) in summary["columns"].as_object().unwrap() {
                let name = if table.names().contains(name) { format!("{id}_{name}") } else { name.clone() };
                let cells = frame.column(frame.position(&name).unwrap());
                let count = cells.iter().filter(|c| !plain(c).is_empty()).count() as u64;
                most = most.max(count);
                assert!(count <= warm, "{id} {name}: {count} values after a warm-up to {warm}");
                if let Some(last) = s.get("last").and_then(Value::as_f64) {
                    let found = cells.iter().filter_map(number).next_back().unwrap();
                    assert_eq!(found.to_bits(), last.to_bits(), "{id} {name}");
                    assert_eq!(s["count"].as_u64(), Some(count), "{id} {name}");
                }
            }
            assert_eq!(most, warm, "{id} answers as soon as it is warm");
            let mut all = frame.names().to_vec();
            all.extend(
                (0..frame.rows())
                    .flat_map(|i| (0..frame.names().len()).map(move |j| (i, j)))
                    .map(|(i, j)| plain(frame.cell(i, j))),
            );
            seen.push((all, summary["columns"].clone()));
        }
        for other in &seen[1..] {
            assert!(other.0 == seen[0].0, "{id}: the tables differ");
            assert_eq!(other.1, seen[0].1, "{id}");
        }
    }
    // A parameter changes the numbers.
    let first = fs::read(dir.path().join("out.csv")).unwrap();
    succeeds(
        dir.path(),
        &["apply", "risk_var_budget", "--input", "in.csv", "--output", "out.csv", "--set", "confidence=0.9"],
    );
    assert_ne!(fs::read(dir.path().join("out.csv")).unwrap(), first);
    assert_eq!(names(dir.path()), ["in.csv", "in.parquet", "out.csv", "out.parquet"]);
}

#[test]
fn apply_reads_one_symbol_of_a_long_table() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("long.csv"), small_csv()).unwrap();
    let args = ["apply", "risk_vol_target", "--input", "long.csv", "--output", "o.csv", "--only", "symbol=BBB"];
    let json: Value = serde_json::from_str(&succeeds(dir.path(), &args)).unwrap();
    assert_eq!(json["rows"], 20);
    let r = trader(
        dir.path(),
        &["apply", "risk_vol_target", "--input", "long.csv", "--output", "p.csv", "--column", "close=clsoe"],
    );
    assert_eq!((r.code, r.out.as_str()), (Some(3), ""));
    assert!(r.err.contains("did you mean \"close\"?"), "{}", r.err);
    let r = trader(dir.path(), &["apply", "fe_grach", "--input", "long.csv", "--output", "p.csv"]);
    assert!(r.code == Some(2) && r.err.contains("did you mean \"fe_garch\"?"), "{}", r.err);
    assert_eq!(names(dir.path()), ["long.csv", "o.csv"]);
}

#[test]
fn data_are_simulated_imported_and_validated() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("data.csv"), small_csv()).unwrap();
    succeeds(dir.path(), &["data", "validate", "data.csv"]);
    let json: Value = serde_json::from_str(&succeeds(dir.path(), &["data", "validate", "data.csv", "--json"])).unwrap();
    assert_eq!(json["rows"], 40);
    succeeds(dir.path(), &["data", "import", "data.csv", "--output", "data.parquet"]);
    let config = SMALL.replace("data.csv", "data.parquet");
    for (name, text) in [("csv.toml", SMALL), ("parquet.toml", &config)] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let [a, b] = ["csv.toml", "parquet.toml"].map(|c| hash(&succeeds(dir.path(), &["backtest", c])).to_owned());
    assert_eq!(a, b, "Parquet and CSV give the same run");
    fs::create_dir(dir.path().join("sim")).unwrap();
    let out = succeeds(
        dir.path(),
        &["data", "simulate", "--output", "sim", "--set", "sessions=30", "--set", "count=2", "--csv"],
    );
    assert!(out.contains("simulated (seed 1)"), "{out}");
    assert!(!names(&dir.path().join("sim")).is_empty());
}

#[test]
fn a_closed_pipe_ends_the_output_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let commands: [&[&str]; 5] = [
        &["plugins"],
        &["plugins", "--json"],
        &["completions", "bash"],
        &["check", "config", "--schema"],
        &["backtest", "--out", "run"],
    ];
    for args in commands {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let out = command(dir.path()).args(args).stdout(writer).output().unwrap();
        let err = String::from_utf8_lossy(&out.stderr);
        assert_eq!((out.status.code(), err.as_ref()), (Some(0), ""), "{args:?}");
    }
    // A reader that takes the first line only.
    let mut child =
        command(dir.path()).args(["plugins", "--json"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
    drop(reader);
    assert_eq!((child.wait().unwrap().code(), line.as_str()), (Some(0), "[\n"));
    // A full device is an error, not a closed pipe.
    #[cfg(target_os = "linux")]
    for args in commands {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let out = command(dir.path()).args(args).stdout(full).output().unwrap();
        let err = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{args:?}: {err}");
        assert!(err.starts_with("error: cannot write to standard output") && err.lines().count() == 1, "{err}");
    }
}
