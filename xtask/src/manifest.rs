//! Just enough of TOML to read our own manifests: tables and their keys, each with its line.

/// One table of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What stands between the brackets: `dependencies`, `target.'cfg(unix)'.dependencies`.
    pub name: String,
    /// Whether it is one of a list (`[[example]]`).
    pub list: bool,
    /// Line of the header, from 1.
    pub line: usize,
    /// Keys with their values as written, and their lines.
    pub keys: Vec<(String, String, usize)>,
}

impl Table {
    /// The value of a key as written.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.keys.iter().find(|(k, _, _)| k == key).map(|(_, v, _)| v.as_str())
    }
    /// The value of a key without its quotes.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).map(|v| v.trim_matches('"'))
    }
}

/// The table named by a header line.
pub fn header(line: &str) -> Option<(&str, bool)> {
    let line = line.trim();
    if let Some(inner) = line.strip_prefix("[[") {
        return Some((inner.split("]]").next()?.trim(), true));
    }
    line.strip_prefix('[').and_then(|inner| inner.split(']').next()).map(|n| (n.trim(), false))
}

/// All tables of a manifest, in order.
pub fn tables(text: &str) -> Vec<Table> {
    let mut out: Vec<Table> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        // A line that begins with a bracket inside a multi-line array is indented; headers never are.
        if let Some((name, list)) = header(line).filter(|_| line.starts_with('[')) {
            out.push(Table { name: name.into(), list, line: i + 1, keys: Vec::new() });
        } else if let (Some(table), Some((key, value))) = (out.last_mut(), trimmed.split_once('=')) {
            table.keys.push((key.trim().into(), value.trim().into(), i + 1));
        }
    }
    out
}

/// Something a crate depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The package.
    pub name: String,
    /// Where it is named, from 1.
    pub line: usize,
    /// Whether only tests, examples and benches see it.
    pub dev: bool,
}

/// Everything the crate depends on, in whatever way.
pub fn dependencies(text: &str) -> Vec<Dependency> {
    let kind = |table: &str| match table.rsplit('.').next() {
        Some("dependencies" | "build-dependencies") => Some(false),
        Some("dev-dependencies") => Some(true),
        _ => None,
    };
    let mut out = Vec::new();
    for t in tables(text).iter().filter(|t| !t.name.starts_with("workspace.")) {
        if let Some(dev) = kind(&t.name) {
            // `name.workspace = true` is a dependency on `name`.
            let name = |k: &str| k.split('.').next().unwrap_or(k).to_owned();
            out.extend(t.keys.iter().map(|(k, _, line)| Dependency { name: name(k), line: *line, dev }));
        } else if let Some((before, name)) = t.name.rsplit_once('.')
            && let Some(dev) = kind(before)
        {
            out.push(Dependency { name: name.to_owned(), line: t.line, dev });
        }
    }
    out
}

/// The strings of `key = [ ... ]` in a table, which may span lines.
pub fn strings(text: &str, table: &str, key: &str) -> Vec<String> {
    let mut inside = false;
    let mut open = false;
    let mut out = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or("");
        if !open && let Some((name, _)) = header(line).filter(|_| line.starts_with('[')) {
            inside = name == table;
            continue;
        }
        let rest = match line.split_once('=') {
            Some((k, v)) if inside && !open && k.trim() == key => v,
            _ if open => line,
            _ => continue,
        };
        out.extend(rest.split('"').skip(1).step_by(2).map(str::to_owned));
        open = !rest.contains(']');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
[package]
name = "x"
license.workspace = true

[dependencies]
a = { version = "1" }
b.workspace = true
[dependencies.c]
version = "1"
[target.'cfg(unix)'.dev-dependencies]
d = "1"
[workspace.dependencies]
e = "1"

[licenses]
allow = [
    "MIT", # the usual one
    "Apache-2.0",
]
deny = ["GPL"]

[[example]]
name = "f"
"#;

    #[test]
    fn reads_what_our_manifests_hold() {
        let deps: Vec<String> = dependencies(TEXT).iter().map(|d| format!("{}:{} {}", d.name, d.line, d.dev)).collect();
        assert_eq!(deps, ["a:7 false", "b:8 false", "c:9 false", "d:12 true"]);
        assert_eq!(strings(TEXT, "licenses", "allow"), ["MIT", "Apache-2.0"]);
        assert_eq!(strings(TEXT, "licenses", "deny"), ["GPL"]);
        let all = tables(TEXT);
        assert_eq!(all[0].text("name"), Some("x"));
        assert!(all.last().unwrap().list);
    }
}
