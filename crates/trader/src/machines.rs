//! The same bits on other machines: the program computes [`crate::bits`] again with the C library's variants masked and on an emulated old
//! processor, and compares.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::bits::Hashes;
use crate::error::Failure;

/// Without what the C library's mathematical functions have variants for, under its names before and since version 2.33: what it would choose
/// on a processor of 2010.
const MASK: &str = "glibc.cpu.hwcaps=-AVX,-AVX_Usable,-AVX2,-AVX2_Usable,-FMA,-FMA_Usable,-FMA4,-FMA4_Usable";
/// Emulates a processor in one program, so that what programs detect themselves is missing, too.
const EMULATOR: &str = "qemu-x86_64";
/// The emulated processor: of 2008, with SSE4.2 and without AVX and FMA.
const PROCESSOR: &str = "Nehalem";

/// A machine to compute on.
struct Machine {
    name: String,
    /// Program to start with its arguments, before our own program.
    launcher: Vec<String>,
    /// Value of `GLIBC_TUNABLES`.
    tunables: Option<&'static str>,
    short: bool,
}

impl Machine {
    fn new(name: impl Into<String>, short: bool) -> Self {
        Self { name: name.into(), launcher: Vec::new(), tunables: None, short }
    }

    /// The hashes computed there, and the seconds that took.
    fn compute(&self) -> Result<(Hashes, f64), Failure> {
        let fail = |why: String| Failure::Run(format!("{}: {why}", self.name));
        let own = std::env::current_exe().map_err(|e| fail(e.to_string()))?;
        let mut command = match self.launcher.split_first() {
            None => Command::new(own),
            Some((first, rest)) => {
                let mut c = Command::new(first);
                c.args(rest).arg(own);
                c
            }
        };
        command.args(["check", "bits"]).args(self.short.then_some("--short")).stdin(Stdio::null());
        if let Some(tunables) = self.tunables {
            command.env("GLIBC_TUNABLES", tunables);
        }
        let started = Instant::now();
        let done = command.output().map_err(|e| fail(e.to_string()))?;
        if !done.status.success() {
            return Err(fail(format!("{}: {}", done.status, String::from_utf8_lossy(&done.stderr).trim())));
        }
        let text = String::from_utf8_lossy(&done.stdout);
        let hashes = text.lines().filter_map(|l| l.split_once("  ")).map(|(h, what)| (what.to_owned(), h.to_owned()));
        Ok((hashes.collect(), started.elapsed().as_secs_f64()))
    }
}

/// What is computed otherwise, in words.
fn differences(here: &Hashes, there: &Hashes) -> Vec<String> {
    let mut out: Vec<String> = here.iter().filter(|line| !there.contains(line)).map(|(what, _)| what.clone()).collect();
    if here.len() != there.len() {
        out.push(format!("{} hashes instead of {}", there.len(), here.len()));
    }
    out
}

/// Computes on this machine as it is, with the C library's variants masked and, where `qemu-x86_64` is installed, on an old processor (in short
/// form, since that is slow), and compares.
///
/// # Errors
/// What is computed otherwise, and where; or a child process that fails.
pub fn compare() -> Result<String, Failure> {
    let mut lines = Vec::new();
    let mut groups = vec![vec![Machine::new("this machine", false)]];
    if cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")) {
        let name = "its C library without AVX and FMA";
        groups[0].push(Machine { tunables: Some(MASK), ..Machine::new(name, false) });
        let installed = Command::new(EMULATOR).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if installed.is_ok_and(|s| s.success()) {
            let launcher = [EMULATOR, "-cpu", PROCESSOR].map(str::to_owned).to_vec();
            let there = Machine { launcher, ..Machine::new(format!("an emulated {PROCESSOR}, short form"), true) };
            groups.push(vec![Machine::new("this machine, short form", true), there]);
        } else {
            lines.push(format!(
                "{EMULATOR} is not installed: what programs detect of the processor themselves is not masked"
            ));
        }
    } else {
        lines.push("only on x86-64 Linux with glibc can variants be masked: nothing is compared".to_owned());
    }
    let mut different = Vec::new();
    for group in &groups {
        // One after the other: each uses all threads.
        let mut first: Option<Hashes> = None;
        for machine in group {
            let (hashes, seconds) = machine.compute()?;
            let n = hashes.len();
            let verdict = match &first {
                None => String::new(),
                Some(here) => {
                    let found = differences(here, &hashes);
                    let verdict = if found.is_empty() { ", all the same" } else { ", some different" };
                    different.extend(found.into_iter().map(|what| format!("{}: {what}", machine.name)));
                    verdict.to_owned()
                }
            };
            lines.push(format!("{:<40} {n} hashes in {seconds:.1} s{verdict}", machine.name));
            first.get_or_insert(hashes);
        }
    }
    if !different.is_empty() {
        return Err(Failure::Check(format!("other bits on another machine\n  {}", different.join("\n  "))));
    }
    lines.push("determinism: the same bits on every machine that was tried".to_owned());
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named() {
        let hashes = |all: &[(&str, &str)]| -> Hashes { all.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect() };
        let here = hashes(&[("a", "1"), ("b", "2")]);
        assert!(differences(&here, &here).is_empty());
        assert_eq!(differences(&here, &hashes(&[("a", "1"), ("b", "3")])), ["b"]);
        assert_eq!(differences(&here, &hashes(&[("a", "1")])), ["b", "1 hashes instead of 2"]);
    }
}
