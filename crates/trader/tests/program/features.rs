//! Features as tables and as a graph, smoothed signals, and what each part of a run does.

use std::fmt::Write as _;
use std::fs;

use polars::prelude::{DataFrame, NamedFrom, Series};
use serde_json::{Value, json};
use tradewind_core_types::{Cell, table};
use tradewind_core_types::{Online, Params};
use tradewind_data::Frame;
use tradewind_features::plugins::fe_fracdiff::FeFracdiffParams;
use tradewind_features::plugins::fe_kalman::{FeKalmanIn, FeKalmanParams};

use crate::common::{JANUARY, SMALL, small_csv, succeeds, trader};

/// A configuration with these tables added.
fn folder(more: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("data.csv"), small_csv()).unwrap();
    fs::write(dir.path().join("my.toml"), format!("{SMALL}\n{more}")).unwrap();
    dir
}

#[test]
fn features_read_each_other_in_any_order_and_each_is_computed_once() {
    // By name `a` comes first; by what it reads it comes last.
    let dir = folder(
        r#"
[feature.a]
plugin = "fe_kalman"
name = "a"
symbols = ["AAA"]
input = "c.{symbol}.level"
model = "local_level"

[feature.b]
plugin = "fe_fracdiff"
symbols = ["AAA"]
d = 0.0
log = false

[feature.c]
plugin = "fe_kalman"
name = "c"
symbols = ["AAA"]
"#,
    );
    succeeds(dir.path(), &["check", "config", "my.toml"]);
    succeeds(dir.path(), &["backtest", "my.toml", "--out", "run"]);
    succeeds(dir.path(), &["check", "determinism", "my.toml"]);
}

#[test]
fn from_trades_to_bars_to_differences_to_a_filter_to_orders() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("features.toml"), include_str!("../../config/features.toml")).unwrap();
    let out = succeeds(dir.path(), &["backtest", "features.toml", "--out", "run", "--json"]);
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert!(summary["orders"].as_u64().unwrap() > 20, "{}", summary["orders"]);
    let decisions = fs::read_to_string(dir.path().join("run/decisions.jsonl")).unwrap();
    let of = |what: &str| decisions.lines().filter(|l| l.contains(what)).count();
    assert!(of("fe_kalman.SIM0001.z over -3") > 20 && of("\"fe_wavelet\"") > 50 && of("\"fe_price_news_div\"") > 50);
    succeeds(dir.path(), &["check", "determinism", "features.toml"]);
    let unknown = ["check", "config", "features.toml", "--set", "alpha.surprise.feature=fe_kalman.{symbol}.zz"];
    let r = trader(dir.path(), &unknown);
    assert!(r.code == Some(2) && r.err.contains("alpha.surprise.feature: reads fe_kalman.SIM0001.zz"), "{}", r.err);
}

#[test]
fn news_with_sentiment_become_signals() {
    let dir = folder(
        r#"
[[data.source]]
path = "news.jsonl"
kind = "news"

[feature.news]
plugin = "fe_price_news_div"
symbols = ["AAA"]
window = 10
min_sessions = 5
min_news = 1

[alpha.news]
plugin = "feature_signal"
symbols = ["AAA"]
feature = "fe_price_news_div.{symbol}.z_sentiment"
full = 3.0
enter = 1.0
long_only = true

[strategy.news]
alpha = "news"
base = 0.3
discretionary = true
"#,
    );
    // Sentiment as it comes until the 23rd, when it is far better than it was; the item of the 27th comes after the close.
    let mut text = String::new();
    for (i, day) in JANUARY.iter().enumerate() {
        let (hour, sentiment) = match day {
            23 => (15, 0.9),
            27 => (22, 0.95),
            _ => (15, [0.1, -0.1, 0.05][i % 3]),
        };
        let time = format!("2015-01-{day:02}T{hour}:00:00Z");
        let item = json!({"time": time, "published": time, "symbol": "AAA", "headline": format!("Item {i}"), "body": "",
            "source": "wire", "sentiment": sentiment});
        let _ = writeln!(text, "{item}");
    }
    fs::write(dir.path().join("news.jsonl"), text).unwrap();
    succeeds(dir.path(), &["backtest", "my.toml", "--out", "run"]);
    let decisions = fs::read_to_string(dir.path().join("run/decisions.jsonl")).unwrap();
    let wanted: Vec<String> = decisions
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap())
        .filter(|d| d["symbol"] == "AAA")
        .filter(|d| {
            let mine = d["contributions"].as_array().unwrap().iter().find(|c| c["strategy"] == "news");
            mine.is_some_and(|c| c["weight"].as_f64().unwrap() > 0.0)
        })
        .map(|d| d["time"].as_str().unwrap()[..10].to_owned())
        .collect();
    // Decided at the close of the 23rd; what came after the close of the 27th at that of the 28th.
    assert_eq!(wanted, ["2015-01-23", "2015-01-28"]);
}

#[test]
fn circles_and_names_that_nobody_publishes_are_refused_with_the_path() {
    let kalman = |name: &str, reads: &str| {
        format!(
            "[feature.{name}]\nplugin = \"fe_kalman\"\nname = \"{name}\"\nsymbols = [\"AAA\"]\ninput = \"{reads}\"\n\n"
        )
    };
    let refused = |more: &str| {
        let r = trader(folder(more).path(), &["check", "config", "my.toml"]);
        assert_eq!(r.code, Some(2), "{}", r.out);
        r.err
    };
    let circle = [kalman("a", "c.{symbol}.level"), kalman("b", "a.{symbol}.level"), kalman("c", "b.{symbol}.level")];
    let e = refused(&circle.concat());
    assert!(e.contains("in a circle: a reads c reads b reads a"), "{e}");
    let e = refused(&[kalman("a", "close"), kalman("b", "a.{symbol}.levle")].concat());
    assert!(e.contains("feature.b.input: reads a.AAA.levle") && e.contains("did you mean \"a.AAA.level\"?"), "{e}");
    let twice = [kalman("a", "close"), kalman("b", "close").replace("name = \"b\"", "name = \"a\"")].concat();
    let e = refused(&twice);
    assert!(e.contains("as feature.a does: give one of them another `name`"), "{e}");
}

#[test]
fn a_smoothed_signal_says_so_and_its_lag_is_in_the_report() {
    let dir = tempfile::tempdir().unwrap();
    let set = [
        "backtest",
        "--out",
        "run",
        "--set",
        "filter.smooth.plugin=fe_kalman",
        "--set",
        "strategy.flight_to_safety.filters=[\"smooth\"]",
        "--set",
        "report.ablation=false",
    ];
    succeeds(dir.path(), &set);
    let report = fs::read_to_string(dir.path().join("run/report.html")).unwrap();
    assert!(report.contains("fe_kalman.kalman_lag"), "the lag that smoothing costs is not in the report");
    let decisions = fs::read_to_string(dir.path().join("run/decisions.jsonl")).unwrap();
    let smoothed = decisions.lines().filter(|l| l.contains("\"fe_kalman\"")).count();
    assert!(smoothed > 100, "{smoothed} decisions went through the filter");
}

#[test]
fn every_part_between_signal_and_order_is_left_out_once() {
    let dir = tempfile::tempdir().unwrap();
    let out = succeeds(dir.path(), &["backtest", "--json"]);
    let summary: Value = serde_json::from_str(&out).unwrap();
    let rows: Vec<&Value> = summary["ablation"].as_array().unwrap().iter().collect();
    assert_eq!(rows[0]["total_return"], summary["figures"]["total_return"]);
    assert_eq!(rows[0]["turnover"], summary["turnover"]);
    let parts: Vec<&str> = rows.iter().map(|r| r["part"].as_str().unwrap()).collect();
    for id in [
        "risk_vol_target",
        "risk_drawdown_derisk",
        "risk_var_budget",
        "risk_frac_kelly_atten",
        "risk_cvar_size",
        "risk_auto_hedge_ratio",
        "risk_time_decay_size",
        "risk_tracking_error",
    ] {
        assert!(parts.iter().any(|p| p.contains(id)), "{id} is not in {parts:?}");
    }
    // Without the hedge it is the run without the hedge.
    let without = succeeds(dir.path(), &["backtest", "--json", "--set", "rule={}", "--set", "report.ablation=false"]);
    let without: Value = serde_json::from_str(&without).unwrap();
    assert_ne!(without["ledger_hash"], summary["ledger_hash"]);
    let run = format!("runs/{}", summary["run_id"].as_str().unwrap());
    let report = fs::read_to_string(dir.path().join(run).join("report.html")).unwrap();
    assert!(report.contains("What each part does") && report.contains("rule.hedge (risk_auto_hedge_ratio)"));
}

/// Two symbols in turn, enough rows for several pieces of a file.
fn long_csv(rows: usize) -> String {
    let mut out = String::from("symbol,note,value,other\n");
    for i in 0..rows {
        let x = 100.0 + (i % 977) as f64 * 0.25 + (i / 7919) as f64;
        let symbol = if i % 3 == 0 { "AAA" } else { "BBB" };
        let _ = writeln!(out, "{symbol},\"a, b\n{i} {:>40}\",{x},{}", "", x + 1.5);
    }
    out
}

#[test]
fn tables_larger_than_a_piece_by_symbol_and_by_column() {
    let dir = tempfile::tempdir().unwrap();
    let (rows, at) = (400_000, dir.path());
    fs::write(at.join("long.csv"), long_csv(rows)).unwrap();
    assert!(fs::metadata(at.join("long.csv")).unwrap().len() > 24 << 20, "more than one piece");
    let apply = |args: &[&str]| -> Value {
        let all = [&["apply", "fe_kalman", "--input", "long.csv"], args].concat();
        serde_json::from_str(&succeeds(at, &all)).unwrap()
    };
    let s = apply(&["--by", "symbol", "--column", "value=value", "--column", "value=other", "--output", "out.csv"]);
    assert_eq!((&s["rows"], &s["rows_written"]), (&json!(rows), &json!(rows)));
    apply(&["--by", "symbol", "--column", "value=value", "--column", "value=other", "--output", "out.parquet"]);
    let (csv, parquet) = (Frame::read(&at.join("out.csv")).unwrap(), Frame::read(&at.join("out.parquet")).unwrap());
    assert_eq!((csv.rows(), parquet.rows()), (rows, rows));
    // Each symbol and column has a calculator of its own: the same as one over its rows alone.
    for (symbol, column) in [("AAA", "value"), ("BBB", "other")] {
        let (k, v, level) = (
            csv.position("symbol").unwrap(),
            csv.position(column).unwrap(),
            csv.position(&format!("{column}.level")).unwrap(),
        );
        let mut calculator = FeKalmanParams::default().build().unwrap();
        for i in 0..rows {
            if csv.cell(i, k) != &Cell::Str(symbol.into()) {
                continue;
            }
            let x = match csv.cell(i, v) {
                Cell::F64(x) => *x,
                Cell::I64(x) => *x as f64,
                other => panic!("{other:?}"),
            };
            let out = calculator.update(&FeKalmanIn { value: Some(x), regressor: None }).unwrap();
            let want = out.and_then(|o| o.level).map_or(Cell::Null, Cell::F64);
            assert_eq!(csv.cell(i, level), &want, "row {i}");
            assert_eq!(parquet.cell(i, level), &want, "row {i}");
        }
    }
    // What does not fit is named by its row in the whole file.
    let broken = long_csv(rows).replace("\n399999 ", "\n399999x") + "AAA,x,no number,1\n";
    fs::write(at.join("long.csv"), broken).unwrap();
    let r = trader(at, &["apply", "fe_kalman", "--input", "long.csv", "--output", "no.csv"]);
    assert_eq!(r.code, Some(3));
    assert!(r.err.contains("row 400001") && r.err.contains("no number"), "{}", r.err);
    assert!(!at.join("no.csv").exists());
}

#[test]
fn bars_by_columns_are_the_bars_of_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let mut text = String::from("ts,price,volume\n");
    for i in 0..5_000_u32 {
        let (h, m, s) = (9 + i / 1800, i / 30 % 60, i % 30);
        let _ =
            writeln!(text, "2015-08-24T{h:02}:{m:02}:{s:02}.5,{},{}", 100.0 + f64::from(i * 7 % 40) * 0.25, 1 + i % 9);
    }
    fs::write(at.join("trades.csv"), text).unwrap();
    let run = |out: &str, more: &[&str]| {
        let all = [
            &["apply", "fe_dollar_bars", "--input", "trades.csv", "--output", out, "--column", "time=ts"],
            &["--column", "size=volume", "--set", "threshold=25000", "--timezone", "America/New_York"] as &[&str],
            more,
        ];
        serde_json::from_str::<Value>(&succeeds(at, &all.concat())).unwrap()
    };
    let s = run("fast.csv", &["--dense"]);
    run("slow.csv", &[]);
    let (fast, slow) = (Frame::read(&at.join("fast.csv")).unwrap(), Frame::read(&at.join("slow.csv")).unwrap());
    assert_eq!((s["rows"].as_u64(), slow.rows()), (Some(5_000), 5_000));
    let closed: Vec<usize> =
        (0..slow.rows()).filter(|&i| slow.cell(i, slow.position("close").unwrap()) != &Cell::Null).collect();
    assert!(closed.len() > 50 && closed.len() == fast.rows());
    for name in ["open", "high", "low", "close", "vwap"] {
        let (a, b) = (fast.position(name).unwrap(), slow.position(name).unwrap());
        for (k, &i) in closed.iter().enumerate() {
            assert_eq!(fast.cell(k, a), slow.cell(i, b), "{name} of bar {k}");
        }
    }
    // Nine in the morning in New York is one in the afternoon in Greenwich.
    assert_eq!(fast.cell(0, fast.position("start").unwrap()), &Cell::Str("2015-08-24T13:00:00.5Z".into()));
    let r = trader(
        at,
        &[
            "apply",
            "fe_dollar_bars",
            "--input",
            "trades.csv",
            "--output",
            "x.csv",
            "--column",
            "time=ts",
            "--column",
            "size=volume",
        ],
    );
    assert_eq!(r.code, Some(3), "without a zone the times are refused: {}", r.err);
}

#[test]
fn polars_frames_and_series_give_what_streaming_gives() {
    let closes: Vec<f64> = (0..JANUARY.len()).map(|i| 100.0 + (i * i % 7) as f64).collect();
    let n = closes.len();
    let frame = DataFrame::new(n, vec![Series::new("value".into(), &closes).into()]).unwrap();
    let mut calculator = table(FeKalmanParams::default().build().unwrap());
    let out = tradewind_features::frames::apply(calculator.as_mut(), &frame).unwrap();
    let mut one = FeKalmanParams::default().build().unwrap();
    let mut again = table(FeKalmanParams::default().build().unwrap());
    let series = tradewind_features::frames::apply_series(again.as_mut(), &Series::new("x".into(), &closes)).unwrap();
    for (i, x) in closes.iter().enumerate() {
        let want = one.update(&FeKalmanIn { value: Some(*x), regressor: None }).unwrap().and_then(|o| o.level);
        for f in [&out, &series] {
            assert_eq!(f.column("level").unwrap().as_materialized_series().f64().unwrap().get(i), want, "row {i}");
        }
    }
    let text = DataFrame::new(1, vec![Series::new("valeu".into(), ["x"]).into()]).unwrap();
    let mut needs = table(FeFracdiffParams::default().build().unwrap());
    let e = tradewind_features::frames::apply(needs.as_mut(), &text).unwrap_err();
    assert!(e.to_string().contains("\"value\""), "{e}");
}
