//! What belongs to every plugin, and that every example and bench belongs to a crate.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Findings;
use crate::manifest::tables;
use crate::plan;
use crate::plugin::{self, Plugin};
use crate::util::{Problem, Res, entries, has_ext, name, read, relative, stem};

pub fn check(root: &Path, files: &[PathBuf], found: &mut Findings) -> Res {
    for p in plugin::all(root)? {
        one(root, &p, found);
    }
    declared(root, files, found)
}

fn one(root: &Path, p: &Plugin, found: &mut Findings) {
    let file = relative(root, &p.path);
    let mut problem = |line: usize, text: String| found.problems.push(Problem::new(&file, line, text));
    let id = &p.id;
    for wanted in [format!("examples/{id}.rs"), format!("benches/{id}.rs"), format!("docs/plugins/{id}.md")] {
        if !root.join(&wanted).is_file() {
            problem(1, format!("{wanted} is missing"));
        }
    }
    if !p.has_tests() {
        problem(1, "no unit tests in the file: begin with a case computed by hand".into());
    }
    match p.const_id() {
        Some((x, _)) if x == *id => {}
        Some((x, line)) => problem(line, format!("`const ID` is {x:?} but the file is named {id}")),
        None => problem(1, format!("no `const ID: &'static str = {id:?};` in the parameters' `impl Params`")),
    }
    match plan::find(id) {
        Some(planned) if planned.krate != p.krate => {
            problem(1, format!("belongs into the crate {} by the plan", planned.krate));
        }
        Some(planned) if p.entry_batch().is_some_and(|b| b != planned.batch) => {
            problem(1, format!("is of batch {} by the plan, not {}", planned.batch, p.entry_batch().unwrap_or(0)));
        }
        _ => {}
    }
}

/// Every file of `examples` and `benches` is declared by exactly the crates' manifests.
fn declared(root: &Path, files: &[PathBuf], found: &mut Findings) -> Res {
    let mut names = BTreeSet::new();
    for path in files.iter().filter(|p| name(p) == "Cargo.toml") {
        for t in tables(&read(path)?).iter().filter(|t| t.list) {
            if let Some(n) = t.text("name")
                && !names.insert((t.name.clone(), n.to_owned()))
            {
                let text = format!("{} {n} is declared twice", t.name);
                found.problems.push(Problem::new(relative(root, path), t.line, text));
            }
        }
    }
    for (kind, folder) in [("example", "examples"), ("bench", "benches")] {
        for path in entries(&root.join(folder)).iter().filter(|p| has_ext(p, "rs")) {
            if !names.contains(&(kind.to_owned(), stem(path).to_owned())) {
                let text = format!(
                    "no crate declares this {kind}, so it is never built: run `cargo xtask codegen`, or add a section"
                );
                found.problems.push(Problem::new(relative(root, path), 1, text));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;
    use crate::plugin::tests::SOURCE;

    #[test]
    fn a_plugin_has_all_its_parts() {
        let file = "crates/features/src/plugins/fe_mean.rs";
        let manifest = "[package]\nlicense.workspace = true\n[lints]\nworkspace = true\n\
                        [[example]]\nname = \"fe_mean\"\npath = \"../../examples/fe_mean.rs\"\n\
                        [[bench]]\nname = \"fe_mean\"\npath = \"../../benches/fe_mean.rs\"\n";
        let mut tree = vec![
            ("LICENSE", ""),
            ("LICENSE-MIT", ""),
            ("LICENSE-APACHE", ""),
            (file, SOURCE),
            ("crates/features/Cargo.toml", manifest),
            ("examples/fe_mean.rs", "//! X.\n"),
            ("benches/fe_mean.rs", "//! X.\n"),
            ("docs/plugins/fe_mean.md", "x"),
        ];
        assert_eq!(findings(&tree).0, Vec::<String>::new());
        tree.truncate(4);
        let found = findings(&tree).0;
        assert_eq!(found.len(), 3, "{found:?}");
        let other = SOURCE.replace("\"fe_mean\"", "\"fe_maen\"").replace("#[test]", "");
        tree[3].1 = &other;
        let found = findings(&tree).0;
        assert!(
            found.contains(&format!("{file}:7: `const ID` is \"fe_maen\" but the file is named fe_mean")),
            "{found:?}"
        );
        assert!(found.iter().any(|p| p.contains("no unit tests")), "{found:?}");
    }

    #[test]
    fn the_plan_and_the_manifests_are_held_to() {
        let source = SOURCE.replace("fe_mean", "fe_garch");
        let found = findings(&[("crates/risk/src/plugins/fe_garch.rs", &source), ("examples/tour.rs", "//! X.\n")]).0;
        assert!(found.iter().any(|p| p.contains("belongs into the crate features")), "{found:?}");
        assert!(found.iter().any(|p| p.starts_with("examples/tour.rs:1: no crate declares")), "{found:?}");
        let found = findings(&[("crates/features/src/plugins/fe_garch.rs", &source)]).0;
        assert!(found.iter().any(|p| p.contains("is of batch 0 by the plan, not 3")), "{found:?}");
    }
}
