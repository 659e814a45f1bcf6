//! `cargo xtask new-plugin`: a plugin that compiles, passes its tests and computes something, to begin from.

use std::path::{Path, PathBuf};

use crate::codegen;
use crate::plan::{self, PLUGIN_CRATES};
use crate::plugin;
use crate::util::{Res, relative, write};

/// The files of a plugin: where each goes, and its template.
const FILES: [(&str, &str); 6] = [
    ("crates/{{krate}}/src/plugins/{{id}}.rs", include_str!("../templates/plugin.rs.txt")),
    ("crates/{{krate}}/tests/{{id}}_parity.rs", include_str!("../templates/parity.rs.txt")),
    ("examples/{{id}}.rs", include_str!("../templates/example.rs.txt")),
    ("benches/{{id}}.rs", include_str!("../templates/bench.rs.txt")),
    ("docs/plugins/{{id}}.md", include_str!("../templates/page.md.txt")),
    ("tools/oracle/{{id}}.py", include_str!("../templates/oracle.py.txt")),
];

/// Once per crate.
const CONFORMANCE: (&str, &str) =
    ("crates/{{krate}}/tests/conformance.rs", include_str!("../templates/conformance.rs.txt"));

/// Writes the plugin's files, then what follows from them.
pub fn run(root: &Path, krate: &str, id: &str) -> Res {
    refuse(root, krate, id)?;
    for path in create(root, krate, id)? {
        println!("wrote {}", relative(root, &path));
    }
    codegen::run(root, false)?;
    println!(
        "next: change tools/oracle/{id}.py to compute the reference and run it, then the plugin and its page, then\n  \
         cargo test --release -p tradewind-{krate} {id}\n  cargo xtask batch-test {krate}"
    );
    Ok(())
}

/// Says why there cannot be such a plugin.
fn refuse(root: &Path, krate: &str, id: &str) -> Res {
    if !PLUGIN_CRATES.contains(&krate) {
        return Err(format!("{krate:?} is no crate of plugins: they are {}", PLUGIN_CRATES.join(", ")));
    }
    if !plugin::folder(root, krate).is_dir() {
        let there = plugin::crates(root).join(", ");
        return Err(format!(
            "crates/{krate}/src/plugins does not exist yet (there are: {there}): \
             begin with a copy of the folder of one of these, without its plugins"
        ));
    }
    let well_formed = id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !id.contains("__")
        && !id.ends_with('_')
        && (4..=40).contains(&id.len());
    if !well_formed {
        return Err(format!(
            "{id:?} is no id: 4 to 40 lower-case letters, digits and single underscores, such as risk_ulcer_index"
        ));
    }
    let prefixes = plan::prefixes(krate);
    if !prefixes.iter().any(|p| id.starts_with(p)) {
        return Err(format!("{id:?} does not begin like the plugins of {krate}: {}", prefixes.join(", ")));
    }
    if let Some(planned) = plan::find(id).filter(|p| p.krate != krate) {
        return Err(format!("{id} belongs into the crate {} by the plan", planned.krate));
    }
    let taken: Vec<String> =
        places(root, krate, id).filter(|(p, _)| p.exists()).map(|(p, _)| relative(root, &p)).collect();
    if taken.is_empty() { Ok(()) } else { Err(format!("{id} exists: {}", taken.join(", "))) }
}

fn places(root: &Path, krate: &str, id: &str) -> impl Iterator<Item = (PathBuf, &'static str)> {
    FILES.into_iter().map(move |(place, template)| (root.join(fill(place, krate, id)), template))
}

fn create(root: &Path, krate: &str, id: &str) -> Res<Vec<PathBuf>> {
    let mut written = Vec::new();
    let conformance = (root.join(fill(CONFORMANCE.0, krate, id)), CONFORMANCE.1);
    let conformance = Some(conformance).filter(|(path, _)| !path.exists());
    for (path, template) in places(root, krate, id).chain(conformance) {
        let text = fill(template, krate, id);
        let is_rust = crate::util::has_ext(&path, "rs");
        write(&path, &if is_rust { codegen::rustfmt(root, &text)? } else { text })?;
        written.push(path);
    }
    Ok(written)
}

/// The template with its gaps filled.
fn fill(template: &str, krate: &str, id: &str) -> String {
    // A plugin outside the plan belongs to the batch after the last.
    let batch = plan::find(id).map_or(9, |p| p.batch);
    let filled = template.replace("{{krate}}", krate).replace("{{id}}", id).replace("{{Name}}", &type_name(id));
    filled.replace("{{batch}}", &batch.to_string())
}

/// `fe_vol_mean` is `FeVolMean`.
fn type_name(id: &str) -> String {
    let part = |w: &str| w[..1].to_uppercase() + &w[1..];
    id.split('_').filter(|w| !w.is_empty()).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::tests::tree;
    use crate::util::{TempDir, read, walk};

    fn small() -> TempDir {
        let doc = "# Plugins\n<!-- codegen:plugins:begin -->\n<!-- codegen:plugins:end -->\n";
        let manifest = "[package]\nname = \"tradewind-risk\"\nlicense.workspace = true\n\n[lints]\nworkspace = true\n";
        tree(&[
            ("rustfmt.toml", "max_width = 120\nuse_small_heuristics = \"Max\"\n"),
            ("LICENSE", ""),
            ("LICENSE-MIT", ""),
            ("LICENSE-APACHE", ""),
            ("README.md", doc),
            ("docs/plugins/README.md", doc),
            ("crates/risk/Cargo.toml", manifest),
            ("crates/risk/src/lib.rs", "//! Plugins.\n\npub mod plugins;\n"),
            ("crates/risk/src/plugins/mod.rs", ""),
        ])
    }

    #[test]
    fn a_new_plugin_has_every_part_and_is_tidy() {
        let t = small();
        run(t.path(), "risk", "risk_ulcer_index").unwrap();
        for (path, _) in places(t.path(), "risk", "risk_ulcer_index") {
            let text = read(&path).unwrap();
            assert!(!text.contains("{{") || path.ends_with("risk_ulcer_index.py"), "{}: {text}", path.display());
        }
        let found: Vec<String> = walk(t.path()).iter().map(|p| relative(t.path(), p)).collect();
        assert!(found.contains(&"crates/risk/tests/conformance.rs".to_owned()), "{found:?}");
        let registry = read(&t.path().join("crates/risk/src/plugins/mod.rs")).unwrap();
        assert!(registry.contains("&[risk_ulcer_index::PLUGIN]"), "{registry}");
        let source = read(&t.path().join("crates/risk/src/plugins/risk_ulcer_index.rs")).unwrap();
        assert!(source.contains("pub struct RiskUlcerIndexParams {"), "{source}");
        crate::tidy::run(t.path()).unwrap();
        crate::codegen::run(t.path(), true).unwrap();
        let again = run(t.path(), "risk", "risk_ulcer_index").unwrap_err();
        assert!(again.contains("exists: crates/risk/src/plugins/risk_ulcer_index.rs"), "{again}");
    }

    #[test]
    fn bad_names_are_refused_with_reasons() {
        let t = small();
        let cases = [
            ("engine", "risk_x1", "is no crate of plugins"),
            ("alpha", "alpha_x1", "does not exist yet"),
            ("risk", "Risk-X", "is no id"),
            ("risk", "risk__x", "is no id"),
            ("risk", "risk_", "is no id"),
            ("risk", "alpha_x", "does not begin like the plugins of risk: risk_"),
        ];
        for (krate, id, want) in cases {
            let e = run(t.path(), krate, id).unwrap_err();
            assert!(e.contains(want), "{krate} {id}: {e}");
        }
        assert_eq!(type_name("fe_vol2_mean"), "FeVol2Mean");
    }
}
