//! `cargo xtask tidy`: the rules that no compiler checks; all violations at once, each with its place.

mod crates;
mod numbers;
mod plugins;
mod texts;

use std::path::{Path, PathBuf};

use crate::util::{Problem, Res, walk};

/// What was found: problems fail, warnings do not.
#[derive(Debug, Default)]
pub struct Findings {
    /// What must be mended.
    pub problems: Vec<Problem>,
    /// What deserves a look.
    pub warnings: Vec<Problem>,
}

/// Checks everything; fails when there is a problem.
pub fn run(root: &Path) -> Res {
    let files = walk(root);
    let mut found = check(root, &files)?;
    found.problems.sort();
    found.warnings.sort();
    for w in &found.warnings {
        println!("warning: {w}");
    }
    for p in &found.problems {
        println!("{p}");
    }
    let (problems, warnings) = (found.problems.len(), found.warnings.len());
    println!("tidy: {} files, {problems} problems, {warnings} warnings", files.len());
    if problems == 0 { Ok(()) } else { Err(format!("tidy found {problems} problems: see above")) }
}

fn check(root: &Path, files: &[PathBuf]) -> Res<Findings> {
    let mut found = Findings::default();
    crates::check(root, files, &mut found)?;
    numbers::check(root, files, &mut found)?;
    texts::check(root, files, &mut found);
    plugins::check(root, files, &mut found)?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::tests::tree;

    /// What is found in a small tree, problems and warnings, as text.
    pub fn findings(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let t = tree(files);
        let found = check(t.path(), &walk(t.path())).unwrap();
        let text = |v: &[Problem]| v.iter().map(Problem::to_string).collect();
        (text(&found.problems), text(&found.warnings))
    }

    #[test]
    fn an_empty_tree_lacks_only_its_licences() {
        let (problems, _) = findings(&[("README.md", "hello")]);
        assert!(problems.iter().all(|p| p.starts_with("LICENSE")), "{problems:?}");
        let t = tree(&[("README.md", "hello")]);
        assert!(run(t.path()).is_err());
    }
}
