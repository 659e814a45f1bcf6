//! `trader apply`: text that stays text, gaps, sides, and the units of times.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tradewind_core_types::Cell;
use tradewind_data::Frame;

use crate::common::{succeeds, trader};

fn apply(at: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&succeeds(at, &[&["apply"], args].concat())).unwrap()
}

fn column(at: &Path, file: &str, name: &str) -> Vec<Cell> {
    let f = Frame::read(&at.join(file)).unwrap();
    f.column(f.position(name).unwrap()).to_vec()
}

const KALMAN: [&str; 9] = [
    "--set",
    "model=local_level",
    "--set",
    "variances=fixed",
    "--set",
    "noise=1",
    "--set",
    "level_noise=0.5",
    "fe_kalman",
];

#[test]
fn time_passes_in_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let values =
        [Some(1.0), Some(2.0), Some(4.0), Some(3.0), None, Some(5.0), Some(6.0), None, None, Some(8.0), Some(7.0)];
    let line = |v: &Option<f64>| v.map_or_else(String::new, |x| x.to_string());
    let rows: Vec<String> = values.iter().map(|v| format!("{},x", line(v))).collect();
    fs::write(at.join("v.csv"), format!("value,note\n{}\n", rows.join("\n"))).unwrap();
    // The filter of Durbin & Koopman (2012), chapter 2, written out: in a gap the variance grows, and the level stays.
    let (mut level, mut variance) = (1.0, 1.0);
    for v in &values[1..] {
        variance += 0.5;
        if let Some(x) = v {
            let gain = variance / (variance + 1.0);
            level += gain * (x - level);
            variance *= 1.0 - gain;
        }
    }
    assert!((level - 7.023_589_525_228_87_f64).abs() < 1e-12, "{level}");
    for out in ["o.csv", "o.parquet"] {
        let s = apply(at, &[&KALMAN[..], &["--input", "v.csv", "--output", out]].concat());
        let last = s["columns"]["level"]["last"].as_f64().unwrap();
        assert!((last - level).abs() < 1e-9, "{last} and not {level}");
        assert_eq!(column(at, out, "level").len(), values.len());
    }
    // No return spans a gap: the row after it has none.
    let pair = |i: u32| format!("{},{}\n", 100 + i * 7 % 5, 50 + i * 3 % 4);
    let rows: String = (0..40).map(|i| if i == 30 { ",\n".into() } else { pair(i) }).collect();
    fs::write(at.join("two.csv"), format!("x1,x2\n{rows}")).unwrap();
    let pca = ["fe_mini_pca", "--set", "symbols=['A','B']", "--set", "components=1", "--set", "batch=10"];
    apply(at, &[&pca[..], &["--input", "two.csv", "--output", "o.csv"]].concat());
    let scores = column(at, "o.csv", "pc1");
    let blank: Vec<usize> = (11..40).filter(|&i| scores[i] == Cell::Null).collect();
    assert_eq!(blank, [30, 31]);
    // A calculator that knows no gaps is given none.
    let prices = "close\n100\n101\n\n102\n101\n103\n";
    fs::write(at.join("p.csv"), format!("n,{}", prices.replace('\n', "\n1,").trim_end_matches("1,"))).unwrap();
    let s = apply(at, &["fe_fracdiff", "--column", "value=close", "--input", "p.csv", "--output", "o.csv"]);
    assert_eq!((s["rows"].as_u64(), s["empty_rows"].as_u64()), (Some(6), Some(1)), "{s}");
}

#[test]
fn names_are_text_whatever_they_look_like() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    // 000001 and 1, a CUSIP with zeros, one in the form of a number with an exponent, and a company called NAN.
    let names = ["000001", "1", "037833100", "12345E10", "NAN", "+5", "inf"];
    let mut text = String::from("symbol,value\n");
    for round in 0..3 {
        for (i, n) in names.iter().enumerate() {
            text.push_str(&format!("{n},{}\n", 100 * (i + 1) + round));
        }
    }
    fs::write(at.join("v.csv"), text).unwrap();
    for out in ["o.csv", "o.parquet"] {
        apply(at, &[&KALMAN[..], &["--by", "symbol", "--input", "v.csv", "--output", out]].concat());
        let (symbols, levels) = (column(at, out, "symbol"), column(at, out, "level"));
        let written: Vec<Cell> = names.iter().map(|n| Cell::Str((*n).into())).collect();
        assert_eq!(symbols[..names.len()], written, "{out}");
        // Each has a level of its own: far from the others'.
        for (i, level) in levels[14..].iter().enumerate() {
            let Cell::F64(x) = level else { panic!("{level:?}") };
            assert!((x - 100.0 * (i as f64 + 1.0)).abs() < 3.0, "{} has {x}", names[i]);
        }
    }
    apply(at, &[&KALMAN[..], &["--only", "symbol=1", "--input", "v.csv", "--output", "one.csv"]].concat());
    assert_eq!(fs::read_to_string(at.join("one.csv")).unwrap().lines().count(), 4);
    assert!(fs::read_to_string(at.join("o.csv")).unwrap().contains("\n000001,100"));
}

#[test]
fn sides_of_trades_by_columns_and_by_rows() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    // Prices 10 to 13, sizes 1, 2, 4, 8. The buyer is known to have begun the first and the third; a side of 0 is not known, and such
    // trades follow the tick rule: both were upticks, so all 15 are bought.
    for (case, sides, bought) in [
        ("not known", ["1", "0", "1", "0"], 15.0),
        ("nothing", ["1", "", "1", ""], 15.0),
        ("sold", ["1", "-1", "1", "-1"], 5.0),
        ("words", ["buy", "SELL", "B", "s"], 5.0),
        ("booleans", ["true", "false", "true", "false"], 5.0),
    ] {
        let mut text = String::from("time,price,size,side\n");
        for (i, side) in sides.iter().enumerate() {
            // Whole nanoseconds since 1970: 2024-01-02 15:00 and seconds later.
            let time = 1_704_207_600_000_000_000_u64 + i as u64 * 1_000_000_000;
            text.push_str(&format!("{time},{},{},{side}\n", 10 + i, 1 << i));
        }
        fs::write(at.join("t.csv"), text).unwrap();
        // 10 + 22 + 48 + 104 dollars close one bar.
        let args = ["fe_dollar_bars", "--set", "threshold=184", "--input", "t.csv", "--output"];
        let fast = apply(at, &[&args[..], &["fast.csv", "--dense"]].concat());
        apply(at, &[&args[..], &["slow.csv"]].concat());
        let (fast_frame, slow) =
            (Frame::read(&at.join("fast.csv")).unwrap(), Frame::read(&at.join("slow.csv")).unwrap());
        assert_eq!(fast_frame.rows(), 1, "{case}: {fast}");
        let bar = |name: &str| fast_frame.cell(0, fast_frame.position(name).unwrap()).clone();
        assert_eq!(bar("buy_volume"), Cell::F64(bought), "{case}");
        // Every column of the bar, bit for bit.
        for name in fast_frame.names() {
            assert_eq!(&bar(name), slow.cell(3, slow.position(name).unwrap()), "{case}: {name}");
        }
        assert_eq!(bar("start"), Cell::Str("2024-01-02T15:00:00Z".into()));
    }
}

#[test]
fn numbers_as_times_need_their_unit() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    for (unit, factor) in [("seconds", 1_u64), ("milliseconds", 1_000), ("microseconds", 1_000_000)] {
        let rows: String = (0..4).map(|i| format!("{},{},1\n", (1_704_207_600 + i) * factor, 10 + i)).collect();
        fs::write(at.join("t.csv"), format!("time,price,size\n{rows}")).unwrap();
        for dense in [&["--dense"][..], &[]] {
            let args = ["apply", "fe_dollar_bars", "--set", "threshold=46", "--input", "t.csv", "--output", "o.csv"];
            let r = trader(at, &[&args[..], dense].concat());
            assert_eq!(r.code, Some(3), "{unit}: {}", r.out);
            assert!(r.err.contains("row 1") && r.err.contains(&format!("\"{unit}\"")), "{}", r.err);
            assert!(!at.join("o.csv").exists());
            succeeds(at, &[&args[..], dense, &["--epoch", unit]].concat());
            let start = column(at, "o.csv", "start");
            let bars: Vec<&Cell> = start.iter().filter(|c| **c != Cell::Null).collect();
            assert_eq!(bars, [&Cell::Str("2024-01-02T15:00:00Z".into())], "{unit}");
            fs::remove_file(at.join("o.csv")).unwrap();
        }
    }
    let r = trader(at, &["apply", "fe_kalman", "--epoch", "seconds", "--input", "t.csv", "--output", "o.csv"]);
    assert!(r.code != Some(0) && r.err.contains("--epoch"), "{}", r.err);
}

#[test]
fn an_output_of_blanks_is_noted() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let rows: String = (0..11).map(|i| format!("{}\n", 100 + i)).collect();
    fs::write(at.join("v.csv"), format!("close\n{rows}")).unwrap();
    let s = apply(at, &["fe_garch", "--input", "v.csv", "--output", "o.csv"]);
    let note = s["notes"][0].as_str().unwrap();
    assert!(note.contains("no output") && note.contains("11 rows"), "{s}");
    let s = apply(at, &["fe_kalman", "--column", "value=close", "--input", "v.csv", "--output", "o.csv"]);
    assert_eq!(s["notes"], Value::Array(vec![]));
}
