//! Runs the program in a folder of its own.

use std::path::Path;
use std::process::{Command, Output};

/// How the program ended and what it said.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(o: Output) -> Self {
        let text = |b: Vec<u8>| String::from_utf8(b).expect("the program speaks UTF-8");
        Self { code: o.status.code(), out: text(o.stdout), err: text(o.stderr) }
    }
}

/// The program, to be run in a folder.
pub fn command(folder: &Path) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_trader"));
    c.current_dir(folder).env_remove("RUST_BACKTRACE");
    c
}

/// Runs the program.
pub fn trader(folder: &Path, args: &[&str]) -> Ran {
    command(folder).args(args).output().expect("the program starts").into()
}

/// Runs the program, which has to succeed without a word on standard error, and gives what it says.
pub fn succeeds(folder: &Path, args: &[&str]) -> String {
    let r = trader(folder, args);
    assert_eq!((r.code, r.err.as_str()), (Some(0), ""), "trader {args:?}\n{}", r.out);
    r.out
}

/// Names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut all: Vec<String> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    all.sort();
    all
}

/// The ledger hash in a printed summary.
pub fn hash(out: &str) -> &str {
    let line = out.lines().find_map(|l| l.strip_prefix("ledger hash  ")).unwrap_or_else(|| panic!("no hash in\n{out}"));
    assert!(line.len() == 64 && line.bytes().all(|b| b.is_ascii_hexdigit()), "{line}");
    line
}

/// A small configuration on the file `data.csv`: a crossover of two symbols in January 2015.
pub const SMALL: &str = r#"
title = "small"

[run]
from = "2015-01-02"
to = "2015-01-30"
cash = 10000.0

[[data.source]]
path = "data.csv"

[alpha.cross]
plugin = "crossover"
fast = 1
slow = 2

[strategy.s]
alpha = "cross"
base = 0.5
"#;

/// The sessions of January 2015.
pub const JANUARY: [u8; 20] = [2, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 20, 21, 22, 23, 26, 27, 28, 29, 30];

/// Bars of two symbols for [`SMALL`].
pub fn small_csv() -> String {
    let mut out = String::from("date,symbol,open,high,low,close,volume\n");
    for (i, day) in JANUARY.iter().enumerate() {
        for (symbol, base) in [("AAA", 100.0), ("BBB", 40.0)] {
            let close: f64 = base + [0.0, 1.5, -0.5, 2.25][i % 4];
            let (open, high, low) = (base, close.max(base) + 1.0, close.min(base) - 1.0);
            out.push_str(&format!("2015-01-{day:02},{symbol},{open},{high},{low},{close},{}\n", 1000 + i));
        }
    }
    out
}

/// A seeded generator (SplitMix64).
pub struct Rng(pub u64);

impl Rng {
    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
    /// One of some.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
