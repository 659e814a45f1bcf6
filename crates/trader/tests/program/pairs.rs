//! `trader data pairs` on the sample.

use std::fs;

use serde_json::Value;

use crate::common::{names, succeeds, trader};

const SAMPLE: [&str; 7] =
    ["data", "pairs", "sample:stocks20_adjclose_1990_2022.csv.gz", "--set", "layout=wide", "--set", "from=2000-01-03"];

#[test]
fn all_pairs_of_the_sample_are_ranked_written_and_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| succeeds(dir.path(), &[&SAMPLE[..], &["--set", "to=2001-12-31"], more].concat());
    let out = run(&["--fdr", "0.1", "--output", "pairs.csv", "--heatmap", "heat.svg"]);
    assert!(out.contains("20 symbols, 190 pairs tested"), "{out}");
    assert_eq!(names(dir.path()), ["heat.svg", "pairs.csv"]);
    let table = fs::read_to_string(dir.path().join("pairs.csv")).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|l| l.split(',').collect()).collect();
    assert_eq!(rows[0][..6], ["rank", "a", "b", "statistic", "p_value", "adjusted_p"]);
    assert_eq!(rows.len(), 191);
    let column = |i: usize| rows[1..].iter().map(|r| r[i].parse::<f64>().unwrap()).collect::<Vec<_>>();
    let (p, adjusted) = (column(4), column(5));
    assert!(p.is_sorted() && adjusted.is_sorted());
    // Benjamini and Hochberg by hand: the k-th p-value times n/k, the smallest from there on.
    let mut least = 1.0_f64;
    for k in (0..190).rev() {
        least = least.min(p[k] * 190.0 / (k + 1) as f64);
        assert!((adjusted[k] - least).abs() < 1e-9, "{k}: {} {least}", adjusted[k]);
    }
    let json: Value = serde_json::from_str(&run(&["--json"])).unwrap();
    assert_eq!(json["discoveries"], adjusted.iter().filter(|x| **x <= 0.1).count());
    assert_eq!(json["pairs"].as_array().unwrap().len(), 190);
    // A stricter rate and another control find fewer.
    let strict: Value =
        serde_json::from_str(&run(&["--json", "--fdr", "0.01", "--param", "control=benjamini_yekutieli"])).unwrap();
    assert!(strict["discoveries"].as_u64() < json["discoveries"].as_u64());
    // Each pair twice in the picture, once for each half; names on both sides; a legend of seven.
    let svg = fs::read_to_string(dir.path().join("heat.svg")).unwrap();
    assert_eq!(svg.matches("<rect").count(), 2 + 2 * 190 + 7);
    assert_eq!((svg.matches(">KO</text>").count(), svg.matches("<title>").count()), (2, 1 + 2 * 190));
    assert_eq!(svg.matches("stroke=").count(), 2 * adjusted.iter().filter(|x| **x <= 0.1).count());
}

#[test]
fn what_cannot_be_scanned_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let mut csv = String::from("date,AA,BB,CC,DD\n");
    let calendar = tradewind_data::Calendar::us_equities();
    let from = jiff::civil::date(2015, 1, 2);
    for (i, s) in calendar.sessions(from, jiff::civil::date(2015, 12, 31)).iter().enumerate() {
        let x = 50.0 + (i as f64 * 0.7).sin() + 0.1 * i as f64;
        // BB never moves, CC begins in the middle.
        let c = if i > 100 { format!("{:.4}", 2.0 * x) } else { String::new() };
        csv.push_str(&format!("{},{x:.4},40,{c},{:.4}\n", s.date, 30.0 + (i as f64 * 0.31).cos()));
    }
    fs::write(dir.path().join("p.csv"), csv).unwrap();
    let out = succeeds(dir.path(), &["data", "pairs", "p.csv", "--set", "layout=wide"]);
    assert!(out.contains("3 symbols, 1 pairs tested"), "{out}");
    assert!(out.contains("note: BB was left out: a leg does not move"), "{out}");
    assert!(out.contains("note: CC was left out: 101 sessions without a price"), "{out}");
    let r = trader(dir.path(), &["data", "pairs", "p.csv", "--set", "layout=wide", "--sessions", "9"]);
    assert!(r.code == Some(3) && r.err.contains("no pair could be tested"), "{} {}", r.out, r.err);
    let r = trader(dir.path(), &["data", "pairs", "p.csv", "--set", "layout=wide", "--fdr", "2"]);
    assert!(r.code == Some(2) && r.err.contains("fdr"), "{}", r.err);
    let r = trader(dir.path(), &["data", "pairs", "p.csv", "--set", "layout=wide", "--param", "lagz=2"]);
    assert!(r.code == Some(2) && r.err.contains("did you mean \"lags\"?"), "{}", r.err);
    let r = trader(dir.path(), &["data", "pairs", "p.csv", "--set", "layout=wide", "--heatmap", "no/heat.svg"]);
    assert!(r.code == Some(1) && r.err.contains("no/heat.svg"), "{}", r.err);
}
