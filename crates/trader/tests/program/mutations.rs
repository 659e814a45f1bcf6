//! Whatever is in a data file: the program reads it or says what is wrong with it. It never panics and leaves nothing behind.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tradewind_trader::{Config, run, sample};

use crate::common::{Rng, SMALL, names, small_csv};

const NASTY: [&str; 36] = [
    "",
    " ",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "0",
    "-0",
    "-1",
    "1e308",
    "1e-308",
    "1e9",
    "1e10",
    "0.0000000001",
    "9e18",
    "+5",
    "1_000",
    "1,5",
    "\"",
    "\"a\"\"b\"",
    "'",
    "\0",
    "\u{feff}",
    "µ∆",
    "null",
    "true",
    "0x10",
    "999999999999999999999999999999",
    "0000-00-00",
    "9999-12-31",
    "2015-01-31",
    "2015-01-01",
    "2015-01-05T09:30:00",
    "2015-01-05T16:00:00-05:00",
    "1420491600",
    "-00001-01-01",
];

fn mutate(rng: &mut Rng, base: &[u8]) -> Vec<u8> {
    let mut bytes = base.to_vec();
    for _ in 0..1 + rng.below(3) {
        let at = rng.below(bytes.len());
        match rng.below(10) {
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at] = rng.below(256) as u8,
            2 => bytes.truncate(at.max(1)),
            3 => drop(bytes.drain(at..(at + 1 + rng.below(8)).min(bytes.len()))),
            4 => drop(bytes.splice(at..at, (0..1 + rng.below(6)).map(|_| rng.below(256) as u8).collect::<Vec<_>>())),
            5 => drop(bytes.splice(at..at, rng.pick(&NASTY).bytes().collect::<Vec<_>>())),
            // Lines and cells of what is still text.
            kind => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
                let (i, j) = (rng.below(lines.len()), rng.below(lines.len()));
                match kind {
                    6 => lines.swap(i, j),
                    7 => lines.insert(i, lines[j].clone()),
                    8 => drop(lines.remove(i)),
                    _ => {
                        let mut cells: Vec<String> = lines[i].split(',').map(str::to_owned).collect();
                        let k = rng.below(cells.len());
                        cells[k] = (*rng.pick(&NASTY)).to_owned();
                        lines[i] = cells.join(",");
                    }
                }
                bytes = lines.join("\n").into_bytes();
            }
        }
        if bytes.is_empty() {
            return bytes;
        }
    }
    bytes
}

/// Runs a configuration on these bytes and gives the exit code.
fn outcome(folder: &Path, file: &str, bytes: &[u8], toml: &str, seed: u64) -> u8 {
    let path = folder.join(file);
    std::fs::write(&path, bytes).unwrap();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let config = Config::parse("small.toml", toml, &[], Some(folder))?;
        run::backtest(&config, Some(&folder.join("run")))
    }));
    let Ok(result) = result else {
        panic!("case {seed}: panic on {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(3000)]));
    };
    let code = match result {
        Ok((written, _)) => {
            std::fs::remove_dir_all(written).unwrap();
            0
        }
        Err(e) => {
            let text = e.to_string();
            assert!(matches!(e.code(), 2 | 3), "case {seed}: exit code {}: {text}", e.code());
            assert!(text.contains(file) || e.code() == 2, "case {seed} does not name the file: {text}");
            assert!(text.len() < 2000, "case {seed}: a message of {} bytes", text.len());
            e.code()
        }
    };
    std::fs::remove_file(path).unwrap();
    assert!(names(folder).is_empty(), "case {seed} leaves {:?}", names(folder));
    code
}

fn many(file: &str, base: &[u8], toml: &str, cases: u64) -> BTreeMap<u8, u64> {
    let dir = tempfile::tempdir().unwrap();
    let mut count = BTreeMap::new();
    assert_eq!(outcome(dir.path(), file, base, toml, 0), 0, "unchanged it runs");
    for seed in 1..=cases {
        let bytes = mutate(&mut Rng(seed), base);
        *count.entry(outcome(dir.path(), file, &bytes, toml, seed)).or_default() += 1;
    }
    count
}

fn config(file: &str) -> String {
    SMALL.replace("data.csv", file).replace("cash = 10000.0", "cash = 10000.0\nthreads = 1\njournal = \"none\"")
}

#[test]
fn mutated_csv() {
    let count = many("data.csv", small_csv().as_bytes(), &config("data.csv"), 600);
    assert!(count[&0] > 30 && count[&3] > 200, "both happen: {count:?}");
}

#[test]
fn mutated_wide_csv() {
    let mut text = String::from("date,AAA,BBB,CCC\n");
    for (i, day) in crate::common::JANUARY.iter().enumerate() {
        let c = if i < 5 { String::new() } else { format!("{}", 7.5 + i as f64) };
        text.push_str(&format!("2015-01-{day:02},{},{},{c}\n", 100.0 + (i % 3) as f64, 50.0 - (i % 4) as f64));
    }
    let toml = config("data.csv").replace("path = \"data.csv\"", "path = \"data.csv\"\nlayout = \"wide\"");
    let count = many("data.csv", text.as_bytes(), &toml, 400);
    assert!(count[&0] > 10 && count[&3] > 100, "both happen: {count:?}");
}

#[test]
fn mutated_gzip() {
    let name = "stocks20_adjclose_1990_2022.csv.gz";
    let bytes = sample::bytes(name).unwrap();
    let toml = config(name).replace(&format!("path = \"{name}\""), &format!("path = \"{name}\"\nlayout = \"wide\""));
    let count = many(name, bytes, &toml, 25);
    assert!(count[&3] > 10, "{count:?}");
}

#[test]
fn mutated_parquet() {
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("data.csv");
    std::fs::write(&csv, small_csv()).unwrap();
    let spec = tradewind_data::SourceSpec { path: csv, ..Default::default() };
    let parquet = dir.path().join("data.parquet");
    tradewind_data::import(&spec, &parquet).unwrap();
    let bytes = std::fs::read(parquet).unwrap();
    let count = many("data.parquet", &bytes, &config("data.parquet"), 300);
    assert!(count[&3] > 50, "{count:?}");
}
