//! Files, child processes and the form in which problems are reported.

use std::fmt;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A result whose error is a message ready to be shown.
pub type Res<T = ()> = Result<T, String>;

/// The top of the repository.
pub fn root() -> PathBuf {
    // Cargo sets the variable for `cargo run` too; it is right even when several checkouts share one target folder.
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&here).parent().map_or_else(|| PathBuf::from(".."), Path::to_path_buf)
}

/// The text of a file.
pub fn read(path: &Path) -> Res<String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Writes a file, and its folder when it is not there yet.
pub fn write(path: &Path, text: &str) -> Res {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// The entries of a folder, sorted; none when there is no such folder.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    all.sort();
    all
}

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 7] = ["target", ".git", "runs", "__pycache__", ".venv", "node_modules", "sample"];

/// Every file below a folder, sorted, leaving out what is built or fetched.
pub fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for path in entries(folder) {
        if path.is_dir() {
            if !SKIPPED.contains(&name(&path)) {
                out.extend(walk(&path));
            }
        } else {
            out.push(path);
        }
    }
    out
}

/// The file name, or nothing when it is not text.
pub fn name(path: &Path) -> &str {
    path.file_name().and_then(|n| n.to_str()).unwrap_or("")
}

/// The file name without extension.
pub fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|n| n.to_str()).unwrap_or("")
}

/// Whether the file has this extension.
pub fn has_ext(path: &Path, ext: &str) -> bool {
    path.extension().is_some_and(|e| e == ext)
}

/// The path as seen from the top of the repository, with forward slashes.
pub fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Something wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Path from the top of the repository.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub text: String,
}

impl Problem {
    /// A problem at a line (from 1).
    pub fn new(file: impl Into<String>, line: usize, text: impl Into<String>) -> Self {
        Self { file: file.into(), line, text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}

/// `cargo` as it was called, in the repository, without the variables it sets for the program it runs.
pub fn cargo(root: &Path) -> Command {
    let mut c = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    c.current_dir(root);
    for (key, _) in std::env::vars() {
        // Build scripts watch some of these: passing them on would rebuild dependencies.
        if key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_") || key == "CARGO_BIN_NAME" {
            c.env_remove(key);
        }
    }
    c
}

/// The command as one would type it.
pub fn shown(c: &Command) -> String {
    let program = Path::new(c.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let args = c.get_args().map(|a| a.to_string_lossy().into_owned());
    std::iter::once(program).chain(args).collect::<Vec<_>>().join(" ")
}

/// Runs a command whose output goes straight to the terminal.
pub fn run(mut c: Command) -> Res {
    let status = c.status().map_err(|e| format!("{}: {e}", shown(&c)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", shown(&c))) }
}

/// Runs a command and gives what it wrote to stdout; what it wrote to stderr is in the error when it fails.
pub fn output(mut c: Command) -> Res<String> {
    let out = c.stdin(Stdio::null()).output().map_err(|e| format!("{}: {e}", shown(&c)))?;
    if out.status.success() {
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    } else {
        let errors = String::from_utf8_lossy(&out.stderr).into_owned();
        Err(format!("`{}` failed ({})\n{}", shown(&c), out.status, errors.trim_end()))
    }
}

/// Runs a command and hands over each line it writes, to stdout and stderr alike and in their true order.
/// Gives whether it succeeded.
pub fn lines(mut c: Command, mut on_line: impl FnMut(&str)) -> Res<bool> {
    let what = shown(&c);
    let fail = |e: std::io::Error| format!("{what}: {e}");
    let (reader, writer) = std::io::pipe().map_err(fail)?;
    c.stdin(Stdio::null()).stdout(writer.try_clone().map_err(fail)?).stderr(writer);
    let mut child = c.spawn().map_err(fail)?;
    // The command still holds the writing ends; without this the pipe would never end.
    drop(c);
    let mut reader = BufReader::new(reader);
    let mut raw = Vec::new();
    while reader.read_until(b'\n', &mut raw).map_err(fail)? > 0 {
        on_line(String::from_utf8_lossy(&raw).trim_end_matches(['\n', '\r']));
        raw.clear();
    }
    Ok(child.wait().map_err(fail)?.success())
}

/// The last `n` lines.
pub fn tail(text: &str, n: usize) -> String {
    let all: Vec<&str> = text.trim_end().lines().collect();
    all[all.len().saturating_sub(n)..].join("\n")
}

/// A folder that is removed when it is no longer needed.
pub struct TempDir(PathBuf);

impl TempDir {
    /// A new, empty folder whose name begins with `what`.
    pub fn new(what: &str) -> Res<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("{what}-{}-{n}", std::process::id()));
        fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self(path))
    }
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning.
        drop(fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A small tree of files for a test.
    pub fn tree(files: &[(&str, &str)]) -> TempDir {
        let t = TempDir::new("tradewind-xtask").unwrap();
        for (path, text) in files {
            write(&t.path().join(path), text).unwrap();
        }
        t
    }

    #[test]
    fn walks_and_leaves_out_what_is_built() {
        let t = tree(&[("a/x.rs", ""), ("target/y.rs", ""), ("b.md", "")]);
        let found: Vec<String> = walk(t.path()).iter().map(|p| relative(t.path(), p)).collect();
        assert_eq!(found, ["a/x.rs", "b.md"]);
        let path = t.path().to_path_buf();
        drop(t);
        assert!(!path.exists());
    }

    #[test]
    fn lines_come_from_both_streams_in_order() {
        let mut c = Command::new("sh");
        c.args(["-c", "echo one; echo two >&2; echo three; exit 3"]);
        let mut seen = Vec::new();
        assert!(!lines(c, |l| seen.push(l.to_owned())).unwrap());
        assert_eq!(seen, ["one", "two", "three"]);
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
    }
}
