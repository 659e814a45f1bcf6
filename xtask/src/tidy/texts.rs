//! What every text says and does not: headers, words of the unfinished, paths of a machine, dead links.

use std::path::{Path, PathBuf};

use super::Findings;
use crate::source::{code_only, line_of, tests_begin, words};
use crate::util::{Problem, has_ext, name, read, relative};

/// Files longer than this have more than one subject.
const LONG: usize = 500;

/// Calls that must not be left in code. Written in two parts, so that this file passes its own check.
const CALLS: [(&str, &str); 3] = [
    (concat!("to", "do!"), "finish it"),
    (concat!("unimple", "mented!"), "finish it, or return a typed error"),
    (concat!("db", "g!"), "remove it"),
];

/// Marks of unfinished work, in code and prose.
const MARKS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Words that often announce unfinished work; there are good uses too.
const SOFT: [&str; 5] = [
    concat!("for", " now"),
    concat!("place", "holder"),
    concat!("dum", "my"),
    concat!("st", "ub"),
    concat!("simpli", "fied"),
];

/// Beginnings of paths that exist on one machine only.
const MACHINE: [&str; 4] = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/t", "mp/")];

pub fn check(root: &Path, files: &[PathBuf], found: &mut Findings) {
    for path in files {
        let extensions = ["rs", "toml", "md", "py", "sh", "yml", "yaml", "txt", "json"];
        let file = relative(root, path);
        if !(extensions.iter().any(|e| has_ext(path, e)) || file.starts_with(".ci/") || name(path) == ".gitignore") {
            continue;
        }
        // What is not UTF-8 is no text.
        let Ok(text) = read(path) else { continue };
        let code = has_ext(path, "rs").then(|| code_only(&text));
        if let Some(code) = &code {
            rust(&file, &text, code, found);
        }
        let in_tests = file.contains("/tests/") || file.starts_with("tests/");
        let product = match &code {
            _ if in_tests => "",
            Some(code) => &text[..tests_begin(code)],
            None => text.as_str(),
        };
        machine_paths(&file, &text, product, found);
        unfinished(&file, &text, found);
        if has_ext(path, "md") {
            links(root, path, &file, &text, found);
        }
    }
}

fn rust(file: &str, text: &str, code: &str, found: &mut Findings) {
    let ours = file.contains("/src/") || file.starts_with("examples/") || file.starts_with("benches/");
    let generated = text.starts_with("// @generated");
    let header = if generated { text.lines().nth(1) } else { text.lines().next() };
    if ours && !header.is_some_and(|l| l.starts_with("//! ")) {
        let text = "begins without a `//!` header: say in one sentence what the file is";
        found.problems.push(Problem::new(file, 1, text));
    }
    for (call, what) in CALLS {
        for at in words(code, call) {
            found.problems.push(Problem::new(file, line_of(code, at), format!("`{call}`: {what}")));
        }
    }
    for at in words(code, "unsafe") {
        let text = "`unsafe`: it needs a crate of its own, Miri and a reason";
        found.problems.push(Problem::new(file, line_of(code, at), text));
    }
    for at in words(code, "#[ignore").chain(words(code, "#[allow")) {
        let text = "switches a test or a lint off: is that right, and does a comment say why?";
        found.warnings.push(Problem::new(file, line_of(code, at), text));
    }
    let lines = text.lines().count();
    if lines > LONG {
        found.warnings.push(Problem::new(file, LONG, format!("{lines} lines: split it by subject")));
    }
}

fn machine_paths(file: &str, text: &str, product: &str, found: &mut Findings) {
    let sibling = concat!("../", "shared");
    for at in text.match_indices(sibling).map(|m| m.0) {
        let text = format!("names {sibling}: the project stands alone");
        found.problems.push(Problem::new(file, line_of(product, at), text));
    }
    for start in MACHINE {
        for at in product.match_indices(start).map(|m| m.0) {
            let before = product[..at].chars().next_back().unwrap_or(' ');
            let after = product[at + start.len()..].chars().next().unwrap_or(' ');
            // `docs/work/x` is a path of the project.
            if !(before.is_alphanumeric() || matches!(before, '.' | '_' | '-')) && after.is_ascii_alphanumeric() {
                let text = format!(
                    "names a path of a machine ({start}...): use one relative to the repository or an argument"
                );
                found.problems.push(Problem::new(file, line_of(product, at), text));
            }
        }
    }
}

fn unfinished(file: &str, text: &str, found: &mut Findings) {
    if has_data(file) {
        return;
    }
    for mark in MARKS {
        for at in words(text, mark) {
            let what = format!("`{mark}`: finish it, or write down the limit as what it is");
            found.problems.push(Problem::new(file, line_of(text, at), what));
        }
    }
    let lower = text.to_lowercase();
    for word in SOFT {
        for at in words(&lower, word) {
            found.warnings.push(Problem::new(
                file,
                line_of(&lower, at),
                format!("{word:?}: unfinished, or another word?"),
            ));
        }
    }
}

/// Files that hold numbers and names rather than our words.
fn has_data(file: &str) -> bool {
    file.ends_with(".json") || file.ends_with(".txt")
}

/// Relative links of a document must lead somewhere.
fn links(root: &Path, path: &Path, file: &str, text: &str, found: &mut Findings) {
    let folder = path.parent().unwrap_or(root);
    let mut fenced = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backquotes is code.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        for target in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split(['#', ' ']).next().unwrap_or("");
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if !folder.join(target).exists() {
                found.problems.push(Problem::new(file, i + 1, format!("the link to {target} leads nowhere")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;
    use super::*;

    fn in_file(file: &str, text: &str) -> Vec<String> {
        let (problems, warnings) = findings(&[(file, text)]);
        let own = |v: Vec<String>| v.into_iter().filter(|p| p.starts_with(file)).collect::<Vec<_>>();
        let mut all = own(problems);
        all.extend(own(warnings).into_iter().map(|w| format!("warning {w}")));
        all
    }

    #[test]
    fn good_texts_pass() {
        let good = "//! Good.\n\n/// Adds `unsafe` words: \"unsafe\".\nfn f() -> &'static str {\n    \"unsafe\"\n}\n";
        assert_eq!(in_file("crates/x/src/a.rs", good), Vec::<String>::new());
        let generated = "// @generated by x\n//! Good.\n";
        assert_eq!(in_file("crates/x/src/mod.rs", generated), Vec::<String>::new());
        assert_eq!(
            in_file("docs/a.md", "[a](a.md) [b](https://x.y/z) `[c](no.md)`\n```\n[d](no.md)\n```\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn each_violation_is_found_in_its_line() {
        let cases = [
            ("fn f() {}\n".to_owned(), ":1: begins without"),
            (format!("//! X.\nfn f() {{\n    {}()\n}}\n", CALLS[0].0), ":3: `to"),
            (format!("//! X.\nfn f() {{\n    {}()\n}}\n", CALLS[1].0), ":3: `unimple"),
            (format!("//! X.\nfn f() {{\n    {}(1);\n}}\n", CALLS[2].0), ":3: `db"),
            ("//! X.\nunsafe fn f() {}\n".to_owned(), ":2: `unsafe`"),
            (format!("//! X.\n\n// {}: more\n", MARKS[1]), ":3: `FIX"),
            (format!("//! X.\nconst P: &str = \"{}someone/x\";\n", MACHINE[0]), ":2: names a path of a machine"),
            (format!("//! X.\n// see {}/DESIGN.md\n", concat!("../", "shared")), ":2: names ../"),
        ];
        for (text, want) in cases {
            let found = in_file("crates/x/src/a.rs", &text);
            assert!(found.len() == 1 && found[0].contains(want), "{want}: {found:?}");
        }
        let found = in_file("docs/a.md", "x\n[a](b.md)\n");
        assert!(found.len() == 1 && found[0].ends_with(":2: the link to b.md leads nowhere"), "{found:?}");
    }

    #[test]
    fn machine_paths_are_fine_in_tests_and_inside_longer_paths() {
        let test = format!("//! X.\n#[cfg(test)]\nmod tests {{\n    const P: &str = \"{}x\";\n}}\n", MACHINE[3]);
        assert_eq!(in_file("crates/x/src/a.rs", &test), Vec::<String>::new());
        let inner = format!("see docs{}x and {}", MACHINE[2], MACHINE[2]);
        assert_eq!(in_file("docs/a.md", &inner), Vec::<String>::new());
    }

    #[test]
    fn long_files_and_soft_words_are_warnings() {
        let long = format!("//! X.\n{}", "// y\n".repeat(LONG));
        assert!(in_file("crates/x/src/a.rs", &long)[0].starts_with("warning"));
        let soft = format!("It is so {}.\n", SOFT[0]);
        assert!(in_file("docs/a.md", &soft)[0].starts_with("warning"));
    }
}
