//! `cargo xtask ci`: everything the continuous integration checks, step by step with timings.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::util::{Res, TempDir, cargo, output, read, run as command, tail};
use crate::{codegen, licence, testing, tidy};

/// The hash of the ledger that the default backtest must arrive at.
const PINNED: &str = "crates/trader/tests/pinned_hash.txt";

type Step = (&'static str, fn(&Path) -> Res);

/// In order: what fails fastest first.
const STEPS: [Step; 12] = [
    ("format", |r| cargo_step(r, &["fmt", "--all", "--check"])),
    ("codegen", |r| codegen::run(r, true)),
    ("tidy", tidy::run),
    ("clippy", |r| cargo_step(r, &["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    ("test", |r| testing::run(r, &[])),
    ("doc", doc),
    ("examples", examples),
    ("crates alone", crates_alone),
    ("backtest", backtest),
    ("machines", machines),
    ("licences", licences),
    ("shared builds", shared_builds),
];

/// Runs the steps; stops at the first that fails unless `keep_going`.
pub fn run(root: &Path, keep_going: bool) -> Res {
    let begun = Instant::now();
    let mut report = Vec::new();
    let mut failed = Vec::new();
    for (name, step) in STEPS {
        println!("\n== {name}");
        let started = Instant::now();
        let result = step(root);
        let seconds = started.elapsed().as_secs_f64();
        report.push(format!("{name:<14} {:<6} {seconds:>8.1} s", if result.is_ok() { "ok" } else { "FAILED" }));
        if let Err(e) = result {
            eprintln!("{e}");
            failed.push(name);
            if !keep_going {
                break;
            }
        }
    }
    println!("\n{}", report.join("\n"));
    let skipped = STEPS.len() - report.len();
    println!("ci: {} of {} steps in {:.0} s", report.len(), STEPS.len(), begun.elapsed().as_secs_f64());
    if failed.is_empty() {
        println!("ci: all good");
        return Ok(());
    }
    let rest =
        if skipped > 0 { format!("; {skipped} steps not run (`--keep-going` runs them)") } else { String::new() };
    Err(format!("ci: failed: {}{rest}", failed.join(", ")))
}

fn cargo_step(root: &Path, args: &[&str]) -> Res {
    let mut c = cargo(root);
    c.args(args);
    command(c)
}

fn doc(root: &Path) -> Res {
    let mut c = cargo(root);
    c.args(["doc", "--release", "--no-deps", "--workspace", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings");
    command(c)
}

fn metadata(root: &Path) -> Res<Value> {
    let mut c = cargo(root);
    c.args(["metadata", "--no-deps", "--format-version", "1"]);
    serde_json::from_str(&output(c)?).map_err(|e| format!("cargo metadata: {e}"))
}

/// The packages of the workspace, each with the names of its examples.
fn packages(metadata: &Value) -> Vec<(String, Vec<String>)> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    let is_example = |t: &Value| list(&t["kind"]).iter().any(|k| k == "example");
    list(&metadata["packages"])
        .iter()
        .map(|p| {
            (text(&p["name"]), list(&p["targets"]).iter().filter(|t| is_example(t)).map(|t| text(&t["name"])).collect())
        })
        .collect()
}

/// Runs every example of the workspace, as the tests have built them.
fn examples(root: &Path) -> Res {
    let mut c = cargo(root);
    c.args(["build", "--release", "--workspace", "--examples", "--message-format=json-render-diagnostics", "--quiet"]);
    let programs = executables(&output(c)?);
    let mut problems = Vec::new();
    for name in packages(&metadata(root)?).into_iter().flat_map(|(_, examples)| examples) {
        let Some((_, program)) = programs.iter().find(|(n, _)| *n == name) else {
            problems.push(format!("the example {name} was not built"));
            continue;
        };
        let started = Instant::now();
        let mut c = Command::new(program);
        c.current_dir(root);
        let result = output(c);
        let seconds = started.elapsed().as_secs_f64();
        match result {
            Ok(text) if text.trim().is_empty() => problems.push(format!("the example {name} prints nothing")),
            Ok(_) => println!("{name:<28} ok {seconds:>6.2} s"),
            Err(e) => problems.push(format!("the example {name} failed: {}", tail(&e, 20))),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// The names and programs of the examples in cargo's messages.
fn executables(messages: &str) -> Vec<(String, String)> {
    let parsed = messages.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
    parsed
        .filter(|m| m["target"]["kind"][0] == "example")
        .filter_map(|m| Some((m["target"]["name"].as_str()?.to_owned(), m["executable"].as_str()?.to_owned())))
        .collect()
}

/// Each crate builds without the others choosing features for it.
fn crates_alone(root: &Path) -> Res {
    for (name, _) in packages(&metadata(root)?) {
        cargo_step(root, &["check", "--release", "--quiet", "-p", &name])?;
        println!("{name:<28} ok");
    }
    Ok(())
}

/// The README's main command, which must arrive at the pinned ledger.
fn backtest(root: &Path) -> Res {
    let folder = TempDir::new("tradewind-ci")?;
    let out = folder.path().join("run");
    let mut c = cargo(root);
    c.args(["run", "--release", "--quiet", "-p", "tradewind-trader", "--", "backtest", "--out"]).arg(&out);
    let text = output(c)?;
    println!("{}", text.trim_end());
    let summary = read(&out.join("summary.json")).unwrap_or_default();
    let got = ledger_hash(&text, &summary).ok_or("the backtest printed no line `ledger hash <64 hex digits>`")?;
    let pinned = read(&root.join(PINNED))?;
    let pinned = pinned.split_whitespace().next().unwrap_or_default();
    if got == pinned {
        println!("ledger hash as pinned: {got}");
        return Ok(());
    }
    Err(format!(
        "the ledger hash is {got} but {PINNED} says {pinned}: \
         the same data, configuration and seed led to other trades. \
         If the change is meant, say why in CHANGELOG.md and write the new hash into that file"
    ))
}

/// The same bits with the C library's variants masked and, where it can be emulated, on an old processor: under 40 seconds.
fn machines(root: &Path) -> Res {
    cargo_step(
        root,
        &["run", "--release", "--quiet", "-p", "tradewind-trader", "--", "check", "determinism", "--machines"],
    )
}

/// The ledger's hash, from what a backtest printed or else from its summary.
fn ledger_hash(stdout: &str, summary: &str) -> Option<String> {
    let is_hash = |s: &str| s.len() == 64 && s.bytes().all(|b| b.is_ascii_hexdigit());
    let lines = stdout.lines().filter(|l| l.trim_start().to_lowercase().starts_with("ledger hash"));
    let printed = lines.flat_map(str::split_whitespace).find(|w| is_hash(w)).map(str::to_owned);
    let summary: Option<Value> = serde_json::from_str(summary).ok();
    printed.or_else(|| summary?["ledger_hash"].as_str().filter(|s| is_hash(s)).map(str::to_owned))
}

fn licences(root: &Path) -> Res {
    let mut version = cargo(root);
    version.args(["deny", "--version"]);
    if output(version).is_err() {
        println!("cargo-deny is not installed: checking licences and sources only");
        return licence::check(root);
    }
    cargo_step(root, &["deny", "check", "bans", "licenses", "sources"])?;
    // An advisory can appear without a commit: it is shown, and does not fail an unchanged tree.
    if let Err(e) = cargo_step(root, &["deny", "check", "advisories"]) {
        println!("warning: {e}");
    }
    Ok(())
}

/// Dependencies that the program and the tests build with different features are compiled twice: they are listed.
fn shared_builds(root: &Path) -> Res {
    let tree = |args: &[&str]| -> Res<BTreeSet<String>> {
        let mut c = cargo(root);
        c.args(["tree", "--prefix", "none", "--format", "{p} [{f}]"]).args(args);
        // Packages of the workspace carry their path; theirs are cheap.
        let text = output(c)?.replace(" (*)", "").replace(" (proc-macro)", "");
        Ok(text.lines().filter(|l| !l.is_empty() && !l.contains(" (")).map(str::to_owned).collect())
    };
    let program = tree(&["-p", "tradewind-trader", "-e", "normal,build"])?;
    let everything = tree(&["--workspace", "-e", "normal,build,dev"])?;
    let twice: Vec<&String> = program.difference(&everything).collect();
    for t in &twice {
        println!("warning: compiled twice, with what uses it: {t} in the program, with other features in the tests");
    }
    println!("{} dependencies of the program, {} with other features in tests", program.len(), twice.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_found() {
        let h = "0123456789abcdef".repeat(4);
        assert_eq!(ledger_hash(&format!("x\nledger hash  {h}\n"), ""), Some(h.clone()));
        assert_eq!(ledger_hash("nothing", &format!("{{\"ledger_hash\": \"{h}\"}}")), Some(h.clone()));
        assert_eq!(ledger_hash("ledger hash abc", "{}"), None);
        assert_eq!(ledger_hash("", "no json"), None);
    }

    #[test]
    fn examples_are_found_in_cargos_messages() {
        let v: Value = serde_json::from_str(
            r#"{"packages": [{"name": "a", "targets": [
                {"kind": ["lib"], "name": "a"}, {"kind": ["example"], "name": "e"}]}]}"#,
        )
        .unwrap();
        assert_eq!(packages(&v), [("a".to_owned(), vec!["e".to_owned()])]);
        let messages = "noise\n{\"target\": {\"kind\": [\"example\"], \"name\": \"e\"}, \"executable\": \"t/e\"}\n\
                        {\"target\": {\"kind\": [\"lib\"], \"name\": \"a\"}, \"executable\": null}\n";
        assert_eq!(executables(messages), [("e".to_owned(), "t/e".to_owned())]);
    }
}
