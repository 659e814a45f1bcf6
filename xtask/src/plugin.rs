//! What can be learned of a plugin by reading its file.

use std::path::{Path, PathBuf};

use crate::plan::{self, PLUGIN_CRATES};
use crate::source::{code_only, words};
use crate::util::{Problem, Res, entries, has_ext, read, relative, stem};

/// The source of the one list of roles.
const REGISTRY: &str = include_str!("../../crates/core-types/src/registry.rs");

/// The roles, each as its trait and the registry entry's field, in the order of the pipeline.
fn roles() -> impl Iterator<Item = (&'static str, &'static str)> {
    let list = REGISTRY.split("\nroles! {").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|l| *l != "}");
    lines.filter_map(|l| l.trim().strip_suffix(',')?.split_once(" = "))
}

/// A plugin's file.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// File name without extension.
    pub id: String,
    /// The crate's folder under `crates`.
    pub krate: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub source: String,
    /// Its text without comments and strings.
    pub code: String,
}

impl Plugin {
    /// The first sentence of the file's `//!` header.
    pub fn summary(&self) -> String {
        let paragraph: Vec<&str> = self
            .source
            .lines()
            .map_while(|l| l.strip_prefix("//!"))
            .map(str::trim)
            .skip_while(|l| l.is_empty())
            .take_while(|l| !l.is_empty())
            .collect();
        // Links into the code mean nothing outside rustdoc.
        let text = paragraph.join(" ").replace("[`", "`").replace("`]", "`");
        match text.find(". ") {
            Some(end) => text[..=end].to_owned(),
            None => text,
        }
    }

    /// The registry entry, from `pub const PLUGIN` to its semicolon: where it begins and its code.
    fn entry(&self) -> Option<(usize, &str)> {
        let start = self.code.find("pub const PLUGIN")?;
        let mut depth = 0_i32;
        let end = self.code[start..].char_indices().find_map(|(i, c)| {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                ';' if depth == 0 => return Some(i),
                _ => {}
            }
            None
        })?;
        Some((start, &self.code[start..start + end]))
    }

    /// The batch its registry entry names, or else the plan.
    pub fn batch(&self) -> Option<u8> {
        self.entry_batch().or_else(|| plan::find(&self.id).map(|p| p.batch))
    }

    /// The batch its registry entry names.
    pub fn entry_batch(&self) -> Option<u8> {
        let (_, entry) = self.entry()?;
        let call = &entry[entry.find("PluginInfo::of::<")?..];
        let args = call[call.find(">(")? + 2..].trim_start();
        args[..args.find(|c: char| !c.is_ascii_digit())?].parse().ok()
    }

    /// What it can be used as, in the order of the pipeline.
    pub fn roles(&self) -> Vec<&'static str> {
        let entry = self.entry().map_or("", |(_, e)| e);
        let set = |field: &str| {
            words(entry, field).any(|i| {
                let rest = entry[i + field.len()..].trim_start();
                let value = rest.strip_prefix(':').or_else(|| rest.strip_prefix('='));
                value.is_some_and(|v| v.trim_start().starts_with("Some"))
            })
        };
        let implements = |name: &str| self.code.contains(&format!("impl {name} for "));
        let mut out: Vec<&str> = roles().map(|r| r.1).filter(|f| set(f)).collect();
        if out.is_empty() {
            out = roles().filter(|(t, _)| implements(t)).map(|r| r.1).collect();
        }
        if entry.contains("with_table") || set("table") {
            out.push("table");
        }
        out
    }

    /// The `const ID` of its parameters and the line it stands on.
    pub fn const_id(&self) -> Option<(String, usize)> {
        let at = self.code.find("const ID")?;
        let line = crate::source::line_of(&self.code, at);
        let text = self.source[at..].split(';').next()?;
        Some((text.split('"').nth(1)?.to_owned(), line))
    }

    /// Whether the file, or one in the folder of its name beside it, holds tests.
    pub fn has_tests(&self) -> bool {
        let tests = |code: &str| code.contains("#[test]") || code.contains("proptest!");
        let beside = entries(&self.path.with_extension(""));
        tests(&self.code) || beside.iter().any(|p| read(p).is_ok_and(|s| tests(&code_only(&s))))
    }

    /// What is wrong with the file as a plugin, as far as code generation is concerned.
    pub fn problems(&self, root: &Path) -> Vec<Problem> {
        let file = relative(root, &self.path);
        let mut out = Vec::new();
        if self.entry().is_none() {
            let text = "no `pub const PLUGIN: PluginInfo = ...;`: every file of this folder is a plugin; \
                        what is not one belongs beside the folder";
            out.push(Problem::new(&file, 1, text));
        }
        if self.summary().is_empty() {
            out.push(Problem::new(&file, 1, "no `//!` sentence at the top: it is the plugin's summary"));
        }
        out
    }
}

/// The folder of a crate's plugins.
pub fn folder(root: &Path, krate: &str) -> PathBuf {
    root.join("crates").join(krate).join("src/plugins")
}

/// The crates that hold plugins and exist.
pub fn crates(root: &Path) -> Vec<&'static str> {
    PLUGIN_CRATES.into_iter().filter(|k| folder(root, k).is_dir()).collect()
}

/// The plugins of a crate, by id.
pub fn of_crate(root: &Path, krate: &'static str) -> Res<Vec<Plugin>> {
    entries(&folder(root, krate))
        .into_iter()
        .filter(|p| has_ext(p, "rs") && stem(p) != "mod")
        .map(|path| {
            let source = read(&path)?;
            Ok(Plugin { id: stem(&path).to_owned(), krate, code: code_only(&source), source, path })
        })
        .collect()
}

/// Every plugin there is, crate by crate.
pub fn all(root: &Path) -> Res<Vec<Plugin>> {
    let mut out = Vec::new();
    for k in crates(root) {
        out.extend(of_crate(root, k)?);
    }
    Ok(out)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub const SOURCE: &str = r#"//! The mean of [`x`]
//! over a window. More on it.
//!
//! Details.

impl Params for MeanParams {
    const ID: &'static str = "fe_mean";
}

/// Registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    feature: Some(|v| Ok(Box::new(f(v)?))), // overlay: Some(nothing)
    ..PluginInfo::of::<MeanParams>(
        3,
        "alpha: Some(text);",
        "x",
    )
}
.with_table::<MeanParams>();

#[cfg(test)]
mod tests {
    #[test]
    fn t() {}
}
"#;

    pub fn plugin(source: &str) -> Plugin {
        let path = PathBuf::from("crates/features/src/plugins/fe_mean.rs");
        Plugin { id: "fe_mean".into(), krate: "features", path, source: source.into(), code: code_only(source) }
    }

    #[test]
    fn the_roles_are_those_of_the_registry() {
        let all: Vec<_> = roles().collect();
        assert_eq!((all.first(), all.last()), (Some(&("Feature", "feature")), Some(&("Service", "service"))));
        assert!(all.contains(&("PreTrade", "pretrade")));
    }

    #[test]
    fn a_file_says_what_the_plugin_is() {
        let p = plugin(SOURCE);
        assert_eq!(p.summary(), "The mean of `x` over a window.");
        assert_eq!(p.roles(), ["feature", "table"]);
        assert_eq!(p.batch(), Some(3));
        assert_eq!(p.const_id(), Some(("fe_mean".into(), 7)));
        assert!(p.has_tests() && p.problems(Path::new("")).is_empty());
        let p = plugin("fn main() {}\n");
        assert_eq!(p.problems(Path::new("")).len(), 2);
        assert!(p.roles().is_empty() && p.batch().is_none());
    }
}
