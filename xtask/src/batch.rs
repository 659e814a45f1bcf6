//! `cargo xtask batch-test`: the gate of a batch: each plugin's row says which of its parts are there and hold.

use std::collections::BTreeSet;
use std::path::Path;

use crate::manifest::tables;
use crate::plan::{PLAN, PLUGIN_CRATES};
use crate::plugin;
use crate::source::words;
use crate::util::{Res, cargo, entries, has_ext, lines, output, read, stem, tail, walk};

/// One part of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// There and good; for tests with their number.
    Ok(Option<usize>),
    /// Not there.
    Missing,
    /// There, but it fails.
    Failed,
}

impl Part {
    fn there(yes: bool) -> Self {
        if yes { Self::Ok(None) } else { Self::Missing }
    }
    /// From the tests that belong to it.
    fn tests<'a>(tests: impl Iterator<Item = &'a Test>) -> Self {
        let all: Vec<&Test> = tests.collect();
        match all.len() {
            0 => Self::Missing,
            _ if all.iter().any(|t| !t.passed) => Self::Failed,
            n => Self::Ok(Some(n)),
        }
    }
    fn good(&self) -> bool {
        matches!(self, Self::Ok(_))
    }
    fn shown(&self) -> String {
        match self {
            Self::Ok(None) => "ok".into(),
            Self::Ok(Some(n)) => format!("ok {n}"),
            Self::Missing => "missing".into(),
            Self::Failed => "FAILED".into(),
        }
    }
}

/// The columns of the table.
const COLUMNS: [&str; 8] =
    ["implementation", "unit", "parity", "conformance", "example", "bench", "docs", "used by trader"];

/// A plugin whose parts are looked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Chosen {
    /// Of the plan, or of the file when it is not planned.
    batch: u8,
    krate: &'static str,
    id: String,
}

/// The plugins, planned or there, that `what` names: a batch, a crate, an id, or `all`.
fn select(root: &Path, what: &str) -> Res<Vec<Chosen>> {
    let planned = PLAN.iter().map(|p| Chosen { batch: p.batch, krate: p.krate, id: p.id.to_owned() });
    let there = plugin::all(root)?;
    let further = there.iter().filter(|p| PLAN.iter().all(|x| x.id != p.id));
    let further = further.map(|p| Chosen { batch: p.batch().unwrap_or(u8::MAX), krate: p.krate, id: p.id.clone() });
    let named = |p: &Chosen| what == "all" || what == p.krate || what == p.id || what.parse() == Ok(p.batch);
    let mut chosen: Vec<Chosen> = planned.chain(further).filter(named).collect();
    chosen.sort();
    if chosen.is_empty() {
        let crates = PLUGIN_CRATES.join(", ");
        return Err(format!("{what:?} is no batch (0 to 8), crate ({crates}), plugin id, or `all`"));
    }
    Ok(chosen)
}

/// One test that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Test {
    /// `lib`, `doc`, or the name of the integration test's file.
    target: String,
    /// Its name within the target.
    name: String,
    /// Whether it passed.
    passed: bool,
}

/// What the tests of one crate came to.
#[derive(Debug, Default)]
struct CrateRun {
    tests: Vec<Test>,
    /// What to show when the crate did not build.
    problem: Option<String>,
}

/// Tests the plugins that `what` names; fails when a part is missing or fails.
pub fn run(root: &Path, what: &str) -> Res {
    let chosen = select(root, what)?;
    let crates: BTreeSet<&str> = chosen.iter().map(|p| p.krate).collect();
    let trader = trader_text(root);
    let mut rows = Vec::new();
    let mut notes = Vec::new();
    for krate in crates {
        let tested = test_crate(root, krate)?;
        notes.extend(tested.problem.clone());
        for p in chosen.iter().filter(|p| p.krate == krate) {
            rows.push((p, row(root, p, &tested, &trader, &mut notes)?));
        }
    }
    rows.sort_by_key(|(p, _)| *p);
    println!("\n{}", table(&rows));
    for n in &notes {
        println!("{n}\n");
    }
    let passed = rows.iter().filter(|(_, parts)| parts.iter().all(Part::good)).count();
    println!("{passed} passed, {} failed", rows.len() - passed);
    if passed == rows.len() { Ok(()) } else { Err(format!("batch-test {what}: not every plugin is complete")) }
}

/// Builds and tests a crate alone.
fn test_crate(root: &Path, krate: &str) -> Res<CrateRun> {
    if !root.join("crates").join(krate).join("Cargo.toml").is_file() {
        return Ok(CrateRun { problem: Some(format!("crates/{krate} does not exist yet")), ..CrateRun::default() });
    }
    let package = format!("tradewind-{krate}");
    println!("testing {package} alone ...");
    let started = std::time::Instant::now();
    let mut c = cargo(root);
    c.args(["test", "--release", "--no-fail-fast", "-p", &package]);
    let mut text = String::new();
    lines(c, |l| {
        text.push_str(l);
        text.push('\n');
    })?;
    let tests = parse_tests(&text);
    let failed: Vec<&Test> = tests.iter().filter(|t| !t.passed).collect();
    let seconds = started.elapsed().as_secs_f64();
    println!("{package}: {} passed, {} failed in {seconds:.1} s", tests.len() - failed.len(), failed.len());
    let problem = if tests.is_empty() {
        Some(format!("{package} did not build or has no tests; the end of cargo's output:\n{}", tail(&text, 40)))
    } else if failed.is_empty() {
        None
    } else {
        let list: Vec<String> = failed.iter().map(|t| format!("  {} (in {})", t.name, t.target)).collect();
        Some(format!("failed in {package} (`cargo test --release -p {package}`):\n{}", list.join("\n")))
    };
    Ok(CrateRun { tests, problem })
}

/// The tests in cargo's output, with the target each belongs to.
fn parse_tests(text: &str) -> Vec<Test> {
    let mut target = String::from("lib");
    let mut out = Vec::new();
    for line in text.lines() {
        let line = line.trim_start();
        if let Some(what) = line.strip_prefix("Running ") {
            let path = what.strip_prefix("unittests ").unwrap_or(what);
            let path = Path::new(path.split(" (").next().unwrap_or(path));
            target = if path.starts_with("src") { "lib".into() } else { stem(path).to_owned() };
        } else if line.starts_with("Doc-tests ") {
            target = "doc".into();
        } else if let Some((name, result)) = line.strip_prefix("test ").and_then(|l| l.rsplit_once(" ... ")) {
            let result = result.split([' ', ',']).next().unwrap_or("");
            if matches!(result, "ok" | "FAILED") {
                out.push(Test { target: target.clone(), name: name.to_owned(), passed: result == "ok" });
            }
        }
    }
    out
}

/// What the program's sources and configurations say, in which a used plugin's id appears.
fn trader_text(root: &Path) -> String {
    let mut files = walk(&root.join("crates/trader"));
    files.extend(walk(&root.join("config")));
    // A file that is no text names no plugin.
    files.iter().filter(|p| !p.ends_with("mod.rs")).filter_map(|p| read(p).ok()).collect()
}

fn row(root: &Path, p: &Chosen, run: &CrateRun, trader: &str, notes: &mut Vec<String>) -> Res<Vec<Part>> {
    let id = p.id.as_str();
    let home = root.join("crates").join(p.krate);
    let file = home.join(format!("src/plugins/{id}.rs"));
    if !file.is_file() {
        return Ok(vec![Part::Missing; COLUMNS.len()]);
    }
    let reference = format!("{id}.json");
    let mentions = |needle: &str| -> BTreeSet<String> {
        let files = entries(&home.join("tests")).into_iter().filter(|f| has_ext(f, "rs"));
        files.filter(|f| read(f).is_ok_and(|t| t.contains(needle))).map(|f| stem(&f).to_owned()).collect()
    };
    let mut parity = mentions(&reference);
    parity.insert(format!("{id}_parity"));
    let module = format!("plugins::{id}::");
    let in_own_file = read(&file)?.contains(&reference);
    let unit = Part::tests(run.tests.iter().filter(|t| t.target == "lib" && t.name.starts_with(&module)));
    let further = |t: &&Test| {
        let doc = t.target == "doc" && t.name.contains(&format!("plugins/{id}.rs"));
        doc || (t.target.starts_with(id) && !parity.contains(&t.target))
    };
    let further_failed = run.tests.iter().filter(further).any(|t| !t.passed);
    let is_parity = |t: &&Test| {
        parity.contains(&t.target) || (in_own_file && t.name.starts_with(&module) && t.name.contains("parity"))
    };
    // A conformance test named after a plugin is about that one; the others loop over the registry.
    let names_other = |t: &Test| PLAN.iter().any(|o| o.id != id && t.name.contains(o.id) && !t.name.contains(id));
    let conformance = run.tests.iter().filter(|t| t.target == "conformance" && !names_other(t));
    let registry = mentions("REGISTRY").contains("conformance");
    let declared = |kind: &str, folder: &str| -> Res<bool> {
        let manifest = tables(&read(&home.join("Cargo.toml"))?);
        let listed = manifest.iter().any(|t| t.list && t.name == kind && t.text("name") == Some(id));
        Ok(listed && root.join(folder).join(format!("{id}.rs")).is_file())
    };
    let example = if declared("example", "examples")? { run_example(root, p, notes) } else { Part::Missing };
    let page = read(&root.join(format!("docs/plugins/{id}.md"))).unwrap_or_default();
    Ok(vec![
        Part::Ok(None),
        if further_failed { Part::Failed } else { unit },
        Part::tests(run.tests.iter().filter(is_parity)),
        if registry { Part::tests(conformance) } else { Part::Missing },
        example,
        Part::there(declared("bench", "benches")?),
        Part::there(page.lines().count() > 10),
        Part::there(words(trader, id).next().is_some()),
    ])
}

/// Runs a plugin's example, which must end well and say something.
fn run_example(root: &Path, p: &Chosen, notes: &mut Vec<String>) -> Part {
    let mut c = cargo(root);
    c.args(["run", "--release", "--quiet", "-p", &format!("tradewind-{}", p.krate), "--example", &p.id]);
    match output(c) {
        Ok(text) if !text.trim().is_empty() => Part::Ok(None),
        Ok(_) => {
            notes.push(format!("the example {} prints nothing", p.id));
            Part::Failed
        }
        Err(e) => {
            notes.push(tail(&e, 20));
            Part::Failed
        }
    }
}

fn table(rows: &[(&Chosen, Vec<Part>)]) -> String {
    let mut all = vec![["plugin", "crate", "batch"].into_iter().chain(COLUMNS).map(str::to_owned).collect::<Vec<_>>()];
    for (p, parts) in rows {
        let mut cells = vec![p.id.clone(), p.krate.to_owned(), p.batch.to_string()];
        cells.extend(parts.iter().map(Part::shown));
        all.push(cells);
    }
    let widths: Vec<usize> =
        (0..all[0].len()).map(|i| all.iter().map(|r| r[i].chars().count()).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for cells in all {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(c, w)| format!("{c:<w$}")).collect();
        out.push_str(padded.join("  ").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::tests::tree;

    const OUTPUT: &str = "\
     Running unittests src/lib.rs (target/release/deps/tradewind_features-1)
running 2 tests
test plugins::fe_garch::tests::by_hand ... ok
test plugins::fe_garch::tests::bad_input - should panic ... ok
test plugins::fe_entropy::tests::by_hand ... FAILED
     Running tests/fe_garch_parity.rs (target/release/deps/fe_garch_parity-1)
test nasdaq ... ok
test slow ... ignored, takes an hour
     Running tests/conformance.rs (target/release/deps/conformance-1)
test registry ... ok
   Doc-tests tradewind_features
test crates/features/src/plugins/fe_garch.rs - plugins::fe_garch::FeGarchParams (line 9) ... ok
";

    #[test]
    fn tests_belong_to_their_targets() {
        let tests = parse_tests(OUTPUT);
        let seen: Vec<(&str, bool)> = tests.iter().map(|t| (t.target.as_str(), t.passed)).collect();
        assert_eq!(
            seen,
            [
                ("lib", true),
                ("lib", true),
                ("lib", false),
                ("fe_garch_parity", true),
                ("conformance", true),
                ("doc", true)
            ]
        );
    }

    #[test]
    fn batches_crates_and_ids_choose() {
        let t = tree(&[("crates/risk/src/plugins/risk_new.rs", "//! X.\n")]);
        let count = |what| select(t.path(), what).map(|c| c.len());
        assert_eq!((count("all"), count("0"), count("fe_garch")), (Ok(76), Ok(8), Ok(1)));
        assert_eq!((count("risk_new"), count("risk")), (Ok(1), Ok(11)));
        assert!(count("9").is_err() && count("fe_gorch").is_err());
    }

    #[test]
    fn a_row_says_what_is_missing() {
        let t = tree(&[
            ("crates/features/Cargo.toml", "[[bench]]\nname = \"fe_garch\"\n"),
            ("crates/features/src/plugins/fe_garch.rs", "//! X.\n"),
            ("crates/features/src/plugins/fe_entropy.rs", "//! X.\n"),
            ("crates/features/tests/conformance.rs", "for p in REGISTRY {}"),
            ("crates/trader/src/main.rs", "// fe_garch"),
            ("benches/fe_garch.rs", ""),
        ]);
        let run = CrateRun { tests: parse_tests(OUTPUT), problem: None };
        let trader = trader_text(t.path());
        let mut notes = Vec::new();
        let mut shown = |id| {
            let parts = row(t.path(), &select(t.path(), id).unwrap()[0], &run, &trader, &mut notes).unwrap();
            parts.iter().map(Part::shown).collect::<Vec<_>>()
        };
        assert_eq!(shown("fe_garch"), ["ok", "ok 2", "ok 1", "ok 1", "missing", "ok", "missing", "ok"]);
        let entropy = ["ok", "FAILED", "missing", "ok 1", "missing", "missing", "missing", "missing"];
        assert_eq!(shown("fe_entropy"), entropy);
        assert_eq!(shown("fe_kalman"), ["missing"; 8]);
        assert!(notes.is_empty());
        let garch = select(t.path(), "fe_garch").unwrap();
        let text = table(&[(&garch[0], vec![Part::Ok(Some(2)); 8])]);
        assert!(text.lines().nth(1).unwrap().starts_with("fe_garch  features  0      ok 2"), "{text}");
    }
}
