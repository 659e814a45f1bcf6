//! Which crate may use which, and what every manifest says.

use std::path::{Path, PathBuf};

use super::Findings;
use crate::manifest::{Dependency, Table, dependencies, tables};
use crate::plan::PLUGIN_CRATES;
use crate::util::{Problem, Res, name, read, relative};

/// The licence of everything here.
const LICENCE: &str = "MIT OR Apache-2.0";
const LICENCE_FILES: [&str; 3] = ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT"];

/// Crates that would make the light core heavy, asynchronous or tied to files.
const HEAVY: [&str; 6] = ["polars", "tokio", "reqwest", "axum", "duckdb", "rusqlite"];

/// What a crate may use of this project.
enum May {
    /// Only these.
    Only(&'static [&'static str]),
    /// Everything.
    All,
    /// It is not on the map yet.
    Unknown,
}

fn may_use(krate: &str) -> May {
    match krate {
        "core-types" | "numerics" | "xtask" => May::Only(&[]),
        "data" | "engine" | "report" => May::Only(&["core-types", "numerics"]),
        k if PLUGIN_CRATES.contains(&k) => May::Only(&["core-types", "numerics"]),
        "trader" => May::All,
        _ => May::Unknown,
    }
}

pub fn check(root: &Path, files: &[PathBuf], found: &mut Findings) -> Res {
    for file in LICENCE_FILES {
        if !root.join(file).is_file() {
            found.problems.push(Problem::new(file, 1, "is missing: the project is licensed MIT OR Apache-2.0"));
        }
    }
    for path in files.iter().filter(|p| name(p) == "Cargo.toml") {
        let (file, text) = (relative(root, path), read(path)?);
        let all = tables(&text);
        if file == "Cargo.toml" {
            licence(&file, &all, "workspace.package", found);
        } else if let Some(krate) = file.strip_suffix("/Cargo.toml").map(|f| f.trim_start_matches("crates/")) {
            arrows(&file, krate, &text, found);
            manifest(&file, &all, found);
        }
    }
    // The engine sees plugins only through the traits of core-types.
    for path in files.iter().filter(|p| relative(root, p).starts_with("crates/engine/src/")) {
        let text = read(path)?;
        for (i, line) in text.lines().enumerate() {
            for k in PLUGIN_CRATES.iter().filter(|k| line.contains(&format!("tradewind_{k}"))) {
                let text = format!("the engine names tradewind-{k}: it knows plugins only by the traits of core-types");
                found.problems.push(Problem::new(relative(root, path), i + 1, text));
            }
        }
    }
    Ok(())
}

/// The arrows between crates.
fn arrows(file: &str, krate: &str, text: &str, found: &mut Findings) {
    let rule = may_use(krate);
    if let May::Unknown = rule {
        let text = format!("{krate} has no place in the map of crates: give it one in xtask/src/tidy/crates.rs");
        found.problems.push(Problem::new(file, 1, text));
    }
    for Dependency { name: dep, line, dev } in dependencies(text) {
        if let (May::Only(allowed), Some(other)) = (&rule, dep.strip_prefix("tradewind-"))
            && other != krate
            && !allowed.contains(&other)
            // The test data of core-types serve the tests of every crate.
            && !(dev && other == "core-types")
        {
            let text = match allowed {
                [] => format!("{krate} depends on {dep}: it may use no crate of this project"),
                _ => format!(
                    "{krate} depends on {dep}: it may use only {}; what two crates need moves down into one of these",
                    allowed.join(" and ")
                ),
            };
            found.problems.push(Problem::new(file, line, text));
        }
        if matches!(krate, "core-types" | "numerics" | "engine") && HEAVY.contains(&dep.as_str()) {
            let text = format!("{krate} depends on {dep}: the core stays light, synchronous and free of I/O");
            found.problems.push(Problem::new(file, line, text));
        }
    }
}

/// What every crate's manifest says.
fn manifest(file: &str, all: &[Table], found: &mut Findings) {
    let lints = all.iter().find(|t| t.name == "lints");
    if lints.and_then(|t| t.get("workspace")) != Some("true") {
        let text = "needs `[lints]` with `workspace = true`: one set of lints for all crates";
        found.problems.push(Problem::new(file, lints.map_or(1, |t| t.line), text));
    }
    licence(file, all, "package", found);
    for t in all.iter().filter(|t| t.list && matches!(t.name.as_str(), "example" | "bench")) {
        let kind = if t.name == "bench" { "benches" } else { "examples" };
        let expected = t.text("name").map(|n| format!("../../{kind}/{n}.rs"));
        if t.text("path").map(str::to_owned) != expected {
            let text = format!("the path of this {} should be {}", t.name, expected.unwrap_or_default());
            found.problems.push(Problem::new(file, t.line, text));
        }
    }
}

fn licence(file: &str, all: &[Table], table: &str, found: &mut Findings) {
    let t = all.iter().find(|t| t.name == table);
    let own = t.and_then(|t| t.text("license")) == Some(LICENCE);
    let shared = table == "package" && t.and_then(|t| t.get("license.workspace")) == Some("true");
    if !own && !shared {
        let text = format!("`[{table}]` needs the licence: `license = \"{LICENCE}\"`, or `license.workspace = true`");
        found.problems.push(Problem::new(file, t.map_or(1, |t| t.line), text));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;

    const LICENCES: [(&str, &str); 3] = [("LICENSE", ""), ("LICENSE-MIT", ""), ("LICENSE-APACHE", "")];
    const HEAD: &str = "[package]\nlicense.workspace = true\n[lints]\nworkspace = true\n";

    fn problems(files: &[(&str, &str)]) -> Vec<String> {
        let mut all = LICENCES.to_vec();
        all.extend_from_slice(files);
        findings(&all).0
    }

    #[test]
    fn arrows_are_held() {
        let with = |deps: &str| format!("{HEAD}[dependencies]\n{deps}\n");
        let good = with("tradewind-core-types.workspace = true\ntradewind-numerics = { workspace = true }");
        for krate in ["risk", "engine", "data", "report", "trader"] {
            assert_eq!(problems(&[(&format!("crates/{krate}/Cargo.toml"), &good)]), Vec::<String>::new());
        }
        let dev = format!("{HEAD}[dev-dependencies]\ntradewind-core-types.workspace = true\n");
        assert_eq!(problems(&[("crates/numerics/Cargo.toml", &dev)]), Vec::<String>::new());
        let cases = [
            ("risk", "tradewind-alpha = { workspace = true }", "risk depends on tradewind-alpha"),
            ("engine", "tradewind-features.workspace = true", "engine depends on tradewind-features"),
            ("numerics", "tradewind-core-types.workspace = true", "may use no crate of this project"),
            ("core-types", "polars = \"0.55\"", "the core stays light"),
            ("core-types", "tokio.workspace = true", "the core stays light"),
            ("novel", "", "has no place in the map of crates"),
        ];
        for (krate, dep, want) in cases {
            let file = format!("crates/{krate}/Cargo.toml");
            let found = problems(&[(&file, &with(dep))]);
            assert!(found.len() == 1 && found[0].contains(want) && found[0].starts_with(&file), "{found:?}");
        }
        let found = problems(&[("crates/engine/src/lib.rs", "//! x\n\nuse tradewind_risk::x;\n")]);
        assert!(found.len() == 1 && found[0].starts_with("crates/engine/src/lib.rs:3: the engine names"), "{found:?}");
    }

    #[test]
    fn manifests_are_complete() {
        let found = problems(&[("crates/risk/Cargo.toml", "[package]\nname = \"x\"\n[lints]\nworkspace = false\n")]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("crates/risk/Cargo.toml:3: needs `[lints]`"), "{found:?}");
        assert!(found[1].starts_with("crates/risk/Cargo.toml:1: `[package]` needs the licence"), "{found:?}");
        let example = format!("{HEAD}[[example]]\nname = \"a\"\npath = \"../../examples/b.rs\"\n");
        assert!(problems(&[("crates/risk/Cargo.toml", &example)])[0].contains("../../examples/a.rs"));
    }
}
