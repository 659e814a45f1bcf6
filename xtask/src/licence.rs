//! A small check of licences and sources for machines without cargo-deny, by the same `deny.toml`.

use std::path::Path;

use serde_json::Value;

use crate::manifest::strings;
use crate::util::{Res, cargo, output, read};

/// Where packages may come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks that every package of the dependency graph has an allowed licence and comes from crates.io.
pub fn check(root: &Path) -> Res {
    let allowed = strings(&read(&root.join("deny.toml"))?, "licenses", "allow");
    let mut c = cargo(root);
    c.args(["metadata", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&output(c)?).map_err(|e| format!("cargo metadata: {e}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let problems: Vec<String> = packages.iter().filter_map(|p| problem(p, &allowed)).collect();
    println!("licences: {} packages, {} problems", packages.len(), problems.len());
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

fn problem(package: &Value, allowed: &[String]) -> Option<String> {
    let text = |key: &str| package[key].as_str();
    let name = format!("{} {}", text("name").unwrap_or("?"), text("version").unwrap_or("?"));
    if let Some(source) = text("source").filter(|s| *s != REGISTRY) {
        return Some(format!("{name} comes from {source}: only crates.io is allowed"));
    }
    match text("license") {
        None => Some(format!("{name} states no licence")),
        Some(l) => match satisfied(l, allowed) {
            Some(true) => None,
            Some(false) => Some(format!("{name} is licensed {l}: not covered by [licenses] allow in deny.toml")),
            None => Some(format!("{name}: its licence {l:?} is no SPDX expression")),
        },
    }
}

/// Whether the allowed licences satisfy an SPDX expression; `None` when it is not one.
fn satisfied(expression: &str, allowed: &[String]) -> Option<bool> {
    // Older packages separate alternatives with a slash.
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let (value, rest) = either(&tokens, allowed)?;
    rest.is_empty().then_some(value)
}

fn either<'a, 'b>(tokens: &'a [&'b str], allowed: &[String]) -> Option<(bool, &'a [&'b str])> {
    let (mut value, mut rest) = both(tokens, allowed)?;
    while let Some(("OR", after)) = rest.split_first().map(|(t, r)| (*t, r)) {
        let (v, r) = both(after, allowed)?;
        (value, rest) = (value || v, r);
    }
    Some((value, rest))
}

fn both<'a, 'b>(tokens: &'a [&'b str], allowed: &[String]) -> Option<(bool, &'a [&'b str])> {
    let (mut value, mut rest) = one(tokens, allowed)?;
    while let Some(("AND", after)) = rest.split_first().map(|(t, r)| (*t, r)) {
        let (v, r) = one(after, allowed)?;
        (value, rest) = (value && v, r);
    }
    Some((value, rest))
}

fn one<'a, 'b>(tokens: &'a [&'b str], allowed: &[String]) -> Option<(bool, &'a [&'b str])> {
    let (first, rest) = tokens.split_first()?;
    match *first {
        "(" => {
            let (value, rest) = either(rest, allowed)?;
            let (close, rest) = rest.split_first()?;
            (*close == ")").then_some((value, rest))
        }
        ")" | "OR" | "AND" | "WITH" => None,
        licence => {
            let (full, rest) = match rest {
                ["WITH", exception, rest @ ..] => (format!("{licence} WITH {exception}"), rest),
                _ => (licence.to_owned(), rest),
            };
            Some((allowed.contains(&full), rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let allowed: Vec<String> = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(Into::into).to_vec();
        let cases = [
            ("MIT", Some(true)),
            ("MIT OR GPL-3.0", Some(true)),
            ("GPL-3.0 OR MIT AND Apache-2.0", Some(true)),
            ("(GPL-3.0 OR MIT) AND BSD-3-Clause", Some(false)),
            ("Apache-2.0 WITH LLVM-exception", Some(true)),
            ("MIT WITH LLVM-exception", Some(false)),
            ("MIT/Apache-2.0", Some(true)),
            ("GPL-3.0", Some(false)),
            ("MIT OR", None),
            ("(MIT", None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(satisfied(text, &allowed), want, "{text:?}");
        }
    }

    #[test]
    fn packages_without_licence_or_from_elsewhere_are_problems() {
        let allowed = vec!["MIT".to_owned()];
        let of = |v: Value| problem(&v, &allowed);
        assert_eq!(
            of(serde_json::json!({"name": "a", "version": "1.0.0", "license": "MIT", "source": REGISTRY})),
            None
        );
        assert!(of(serde_json::json!({"name": "a", "license": null})).unwrap().contains("states no licence"));
        let git = serde_json::json!({"name": "a", "license": "MIT", "source": "git+https://example.org/a"});
        assert!(of(git).unwrap().contains("only crates.io"));
    }
}
