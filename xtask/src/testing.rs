//! `cargo xtask test`: the whole workspace's tests, with the totals that cargo does not add up.

use std::path::Path;

use crate::util::{Res, cargo, lines};

/// What a run of tests came to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Totals {
    /// Tests that passed.
    pub passed: usize,
    /// Tests that failed.
    pub failed: usize,
    /// Tests that were not run.
    pub ignored: usize,
    /// Programs that reported: libraries, integration tests, documentation.
    pub programs: usize,
}

impl Totals {
    /// Takes in a line of cargo's output.
    pub fn line(&mut self, line: &str) {
        let Some(rest) = line.trim_start().strip_prefix("test result: ") else { return };
        self.programs += 1;
        for part in rest.split([';', '.']) {
            let mut words = part.split_whitespace();
            let Some(n) = words.next().and_then(|n| n.parse::<usize>().ok()) else { continue };
            match words.next() {
                Some("passed") => self.passed += n,
                Some("failed") => self.failed += n,
                Some("ignored") => self.ignored += n,
                _ => {}
            }
        }
    }
}

/// Runs every test (units, integration, documentation) and builds every example; `args` are passed on to cargo.
///
/// In the release profile, so that program, tests and examples share one set of compiled dependencies.
pub fn run(root: &Path, args: &[String]) -> Res {
    let mut c = cargo(root);
    c.args(["test", "--release", "--workspace"]).args(args);
    let mut totals = Totals::default();
    let ok = lines(c, |l| {
        println!("{l}");
        totals.line(l);
    })?;
    let Totals { passed, failed, ignored, programs } = totals;
    println!("tests: {passed} passed; {failed} failed; {ignored} ignored; in {programs} programs");
    if ok { Ok(()) } else { Err("the tests failed: see above".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_up() {
        let mut t = Totals::default();
        t.line("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.10s");
        t.line("test x ... ok");
        t.line("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s");
        assert_eq!(t, Totals { passed: 13, failed: 2, ignored: 1, programs: 2 });
    }
}
