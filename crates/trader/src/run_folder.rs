//! Run folders: written whole or not at all, read back for `explain` and `report`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tradewind_core_types::{Artefact, Decision, closest};

use crate::checksums;
use crate::error::Failure;
use crate::keeper::{FillRow, OrderRow, SessionRow};
use crate::summary::Summary;

/// The folder of what observers left behind.
pub const ARTEFACTS: &str = "artefacts";

/// The files of a run; a folder that holds anything else but [`ARTEFACTS`] is not replaced.
pub const FILES: [&str; 12] = [
    checksums::NAME,
    "config.toml",
    "decisions.jsonl",
    "equity.parquet",
    "fills.jsonl",
    "fills.parquet",
    "journal",
    "orders.jsonl",
    "orders.parquet",
    REPORT,
    "sessions.jsonl",
    "summary.json",
];

/// The page that `trader report` makes anew at any time, and which has no checksum for that.
const REPORT: &str = "report.html";

/// Begins the name of a folder in the making; the number of its process follows.
const UNFINISHED: &str = ".unfinished-run-";
/// Begins the name of an older run while a newer one takes its place; the number of the process and the run's name follow.
const REPLACED: &str = ".replaced-run-";

/// Folders made on the way to a run; those still empty when this goes are removed again.
struct Made(Vec<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        for p in &self.0 {
            // Refused when there is something in it, as there should be after a run.
            drop(fs::remove_dir(p));
        }
    }
}

/// A folder in the making: it takes its name only when it is complete; dropped before that, it leaves nothing behind.
pub struct NewFolder {
    target: PathBuf,
    work: tempfile::TempDir,
    /// Says to other processes that this one lives, wherever they run; the system lets go of it when the process ends, however it ends.
    _alive: Option<File>,
    _made: Made,
}

impl NewFolder {
    /// Begins a folder beside its final place, and clears away what killed processes left there.
    ///
    /// # Errors
    /// When the place cannot be written, or holds something that is not a run.
    pub fn begin(target: &Path) -> Result<Self, Failure> {
        replaceable(target)?;
        let parent = parent_of(target);
        let missing = parent.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists());
        let made = Made(missing.map(Path::to_owned).collect());
        fs::create_dir_all(parent).map_err(|e| Failure::io("make the folder", parent, &e))?;
        sweep(parent);
        let work = tempfile::Builder::new()
            .prefix(&format!("{UNFINISHED}{}-", std::process::id()))
            .tempdir_in(parent)
            .map_err(|e| Failure::io("write in the folder", parent, &e))?;
        Ok(Self { target: target.to_owned(), _alive: claim(work.path()), work, _made: made })
    }
    /// Where to write.
    pub fn path(&self) -> &Path {
        self.work.path()
    }
    /// Gives it another final name beside the first.
    pub fn rename(&mut self, target: &Path) {
        self.target = target.to_owned();
    }
    /// Writes a file into it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path().join(name);
        fs::write(&path, bytes).map_err(|e| Failure::io("write", &path, &e))
    }
    /// Gives the folder its checksums and its name, in place of an older run of that name.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(self) -> Result<PathBuf, Failure> {
        let summed = FILES.into_iter().filter(|n| ![checksums::NAME, REPORT].contains(n)).map(str::to_owned);
        let artefacts = read_artefacts(self.path())?.into_iter().map(|(name, _)| format!("{ARTEFACTS}/{name}"));
        let sums = checksums::of_folder(self.path(), summed.chain(artefacts))?;
        self.write(checksums::NAME, sums.as_bytes())?;
        // Once more: a run takes a while, and someone may have put something there since.
        replaceable(&self.target)?;
        let fail = |e: std::io::Error| Failure::io("finish the run folder", &self.target, &e);
        let old = self.target.exists();
        let name = self.target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let aside = parent_of(&self.target).join(format!("{REPLACED}{}-{name}", std::process::id()));
        let _busy = if old { claim(&self.target) } else { None };
        if old {
            fs::rename(&self.target, &aside).map_err(fail)?;
        }
        let work = self.work.keep();
        if let Err(e) = fs::rename(&work, &self.target) {
            // The older run comes back, and the new one does not stay half named.
            if old {
                drop(fs::rename(&aside, &self.target));
            }
            drop(fs::remove_dir_all(&work));
            return Err(fail(e));
        }
        if old {
            fs::remove_dir_all(&aside).map_err(|e| Failure::io("remove the older run", &aside, &e))?;
        }
        Ok(self.target.clone())
    }
}

fn parent_of(target: &Path) -> &Path {
    match target.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}

/// Whether a run may take this name: nothing is there, or an empty folder, or a run and nothing but a run.
fn replaceable(target: &Path) -> Result<(), Failure> {
    let refuse = |why: &str| {
        Err(Failure::Usage(format!("{} {why}: choose another folder with --out, or remove it", target.display())))
    };
    if target.file_name().is_none() {
        return refuse("is no name for a run folder");
    }
    if !target.exists() {
        return Ok(());
    }
    if !target.is_dir() {
        return refuse("exists and is a file, not a run folder");
    }
    let entries = fs::read_dir(target).map_err(|e| Failure::io("read the folder", target, &e))?;
    let names: Vec<String> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    if !names.is_empty() && !names.iter().any(|n| n == "summary.json") {
        return refuse("exists and is not a run folder");
    }
    let own = |n: &str| n == ARTEFACTS || FILES.contains(&n) || n.starts_with(UNFINISHED);
    match names.iter().find(|n| !own(n)) {
        Some(other) => refuse(&format!("holds {other:?}, which no run has written")),
        None => Ok(()),
    }
}

/// Locks a folder for as long as the process lives; `None` where the system cannot.
fn claim(folder: &Path) -> Option<File> {
    File::open(folder).ok().filter(|f| f.try_lock().is_ok())
}

/// Whether the process that made a folder has ended. In doubt it lives: its number may be in use again, or mean another process where
/// this one cannot see, so the lock has to be free, too.
fn abandoned(folder: &Path, pid: u32) -> bool {
    let gone = Path::new("/proc/self").exists() && !Path::new("/proc").join(pid.to_string()).exists();
    gone && claim(folder).is_some()
}

/// Clears away what killed processes left in a folder of runs. A run that was being replaced when its process was killed comes back.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let split = |prefix: &str| {
            let (pid, rest) = name.strip_prefix(prefix)?.split_once('-')?;
            Some((pid.parse::<u32>().ok()?, rest.to_owned()))
        };
        // What cannot be removed is left for the next run.
        if let Some((pid, _)) = split(UNFINISHED) {
            if abandoned(&path, pid) {
                drop(if path.is_file() { fs::remove_file(&path) } else { fs::remove_dir_all(&path) });
            }
        } else if let Some((pid, run)) = split(REPLACED) {
            let target = parent.join(run);
            if abandoned(&path, pid) {
                drop(if target.exists() { fs::remove_dir_all(&path) } else { fs::rename(&path, &target) });
            }
        }
    }
}

/// Writes a file so that it is there whole or not at all, and an older one stays until then.
///
/// # Errors
/// When the disk refuses.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let fail = |e: std::io::Error| Failure::io("write", path, &e);
    if path.is_dir() {
        return Err(Failure::Usage(format!("{} is a directory: give a file in it", path.display())));
    }
    // A device or a pipe is written to, not replaced; behind a link it is the file that changes.
    let real = match fs::canonicalize(path) {
        Ok(real) if !real.is_file() => return fs::write(&real, bytes).map_err(fail),
        Ok(real) => real,
        Err(_) => path.to_owned(),
    };
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let temporary = real.with_file_name(format!("{UNFINISHED}{}-{name}", std::process::id()));
    sweep(parent_of(&real));
    fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, &real)).map_err(|e| {
        drop(fs::remove_file(&temporary));
        fail(e)
    })
}

/// Writes what observers left behind, each as `OBSERVER-NAME` with the ending of its kind.
///
/// # Errors
/// When the disk refuses.
pub fn write_artefacts(folder: &Path, all: &[(String, Artefact)]) -> Result<(), Failure> {
    let folder = folder.join(ARTEFACTS);
    for (observer, a) in all {
        fs::create_dir_all(&folder).map_err(|e| Failure::io("make the folder", &folder, &e))?;
        let stem: String = format!("{observer}-{}", a.name)
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' })
            .collect();
        let path = folder.join(format!("{stem}.{}", a.kind.extension()));
        fs::write(&path, &a.content).map_err(|e| Failure::io("write", &path, &e))?;
    }
    Ok(())
}

/// What observers left behind in a run's folder: file names and contents, by name.
///
/// # Errors
/// When a file cannot be read.
pub fn read_artefacts(folder: &Path) -> Result<Vec<(String, String)>, Failure> {
    let folder = folder.join(ARTEFACTS);
    let mut names: Vec<PathBuf> = fs::read_dir(&folder).into_iter().flatten().flatten().map(|f| f.path()).collect();
    names.sort();
    let read = |p: PathBuf| {
        let name = p.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&p).map_err(|e| Failure::io("read", &p, &e))?;
        Ok((name, text))
    };
    names.into_iter().map(read).collect()
}

/// A finished run.
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Opens a run: a folder, or the name of one under `runs/`; `latest` is the newest there.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(name: &str) -> Result<Self, Failure> {
        let mut candidates = vec![PathBuf::from(name), Path::new("runs").join(name)];
        if name == "latest" {
            let newest = fs::read_dir("runs")
                .into_iter()
                .flatten()
                .flatten()
                .filter(|d| d.path().join("summary.json").is_file())
                .max_by_key(|d| d.metadata().and_then(|m| m.modified()).ok());
            candidates.extend(newest.map(|d| d.path()));
        }
        match candidates.iter().find(|p| p.join("summary.json").is_file()) {
            Some(path) => Ok(Self { path: path.clone() }),
            None if Path::new(name).is_dir() && name != "latest" => {
                Err(Failure::Usage(format!("{name} is not a run folder: there is no summary.json in it")))
            }
            None => {
                let known: Vec<String> = fs::read_dir("runs")
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|d| d.file_name().to_string_lossy().into_owned())
                    .filter(|n| !n.starts_with('.'))
                    .collect();
                let hint = closest(name, known.iter().map(String::as_str));
                let hint = hint.map(|k| format!("; did you mean {k:?}?")).unwrap_or_default();
                Err(Failure::Usage(format!(
                    "there is no run {name:?}: give a folder written by `trader backtest`, its name under runs/, or \
                     `latest`{hint}"
                )))
            }
        }
    }
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file that is as the run wrote it.
    ///
    /// # Errors
    /// When it cannot be read, or was changed since.
    pub fn file(&self, name: &str) -> Result<PathBuf, Failure> {
        checksums::verify(&self.path, name)?;
        Ok(self.path.join(name))
    }
    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Failure> {
        let path = self.file(name)?;
        let file = File::open(&path).map_err(|e| Failure::io("read", &path, &e))?;
        serde_json::from_reader(BufReader::new(file)).map_err(|e| Failure::Data(format!("{}: {e}", path.display())))
    }
    fn lines<T: DeserializeOwned>(&self, name: &str) -> Result<impl Iterator<Item = Result<T, Failure>>, Failure> {
        let path = self.file(name)?;
        let file = File::open(&path).map_err(|e| Failure::io("read", &path, &e))?;
        Ok(BufReader::new(file).lines().enumerate().map(move |(i, line)| {
            let bad = |e: String| Failure::Data(format!("{}, line {}: {e}", path.display(), i + 1));
            serde_json::from_str(&line.map_err(|e| bad(e.to_string()))?).map_err(|e| bad(e.to_string()))
        }))
    }
    /// The summary.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn summary(&self) -> Result<Summary, Failure> {
        self.json("summary.json")
    }
    /// The configuration as resolved.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn config(&self) -> Result<crate::Config, Failure> {
        let path = self.file("config.toml")?;
        let text = fs::read_to_string(&path).map_err(|e| Failure::io("read", &path, &e))?;
        crate::Config::parse(&path.display().to_string(), &text, &[], None)
    }
    /// All decisions, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn decisions(&self) -> Result<impl Iterator<Item = Result<Decision, Failure>>, Failure> {
        self.lines("decisions.jsonl")
    }
    /// All sessions, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn sessions(&self) -> Result<Vec<SessionRow>, Failure> {
        self.lines("sessions.jsonl")?.collect()
    }
    /// All fills, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn fills(&self) -> Result<Vec<FillRow>, Failure> {
        self.lines("fills.jsonl")?.collect()
    }
    /// All orders with what became of them, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn orders(&self) -> Result<Vec<OrderRow>, Failure> {
        self.lines("orders.jsonl")?.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("run");
        let unfinished = NewFolder::begin(&target).unwrap();
        unfinished.write("summary.json", b"{}").unwrap();
        assert!(!target.exists());
        drop(unfinished);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
        for content in [b"1", b"2"] {
            let f = NewFolder::begin(&target).unwrap();
            f.write("summary.json", content).unwrap();
            f.finish().unwrap();
            assert_eq!(fs::read(target.join("summary.json")).unwrap(), content);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let file = dir.path().join("file");
        fs::write(&file, b"x").unwrap();
        assert_eq!(NewFolder::begin(&file).err().unwrap().code(), 2);
        assert_eq!(NewFolder::begin(&file.join("run")).err().unwrap().code(), 1);
        assert_eq!(NewFolder::begin(Path::new("..")).err().unwrap().code(), 2);
        assert!(RunFolder::open(dir.path().to_str().unwrap()).is_err());
    }

    #[test]
    fn what_is_not_a_run_is_not_replaced_and_no_empty_folder_stays() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a/b/run");
        drop(NewFolder::begin(&target).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "folders made on the way go, too");
        let f = NewFolder::begin(&target).unwrap();
        f.write("summary.json", b"{}").unwrap();
        f.finish().unwrap();
        fs::write(target.join("notes.txt"), b"mine").unwrap();
        let e = NewFolder::begin(&target).err().unwrap();
        assert!(e.code() == 2 && e.to_string().contains("notes.txt"), "{e}");
        fs::remove_file(target.join("notes.txt")).unwrap();
        let late = NewFolder::begin(&target).unwrap();
        fs::write(target.join("notes.txt"), b"mine").unwrap();
        assert_eq!(late.finish().err().unwrap().code(), 2);
        assert_eq!(fs::read(target.join("notes.txt")).unwrap(), b"mine");
    }

    #[test]
    fn leftovers_of_the_dead_go_and_those_of_the_living_stay() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let make = |name: String| {
            fs::create_dir(at(&name)).unwrap();
            fs::write(at(&name).join("summary.json"), &name).unwrap();
            at(&name)
        };
        // Above the largest number that Linux gives to a process.
        let dead = 4_194_305;
        let unfinished = make(format!("{UNFINISHED}{dead}-abc"));
        let living = make(format!("{UNFINISHED}{}-abc", std::process::id()));
        let lost = make(format!("{REPLACED}{dead}-first-run"));
        let superseded = make(format!("{REPLACED}{dead}-second"));
        let second = make("second".into());
        let foreign = make(format!("{UNFINISHED}notes"));
        let elsewhere = make(format!("{UNFINISHED}{}-abc", dead + 1));
        let lock = claim(&elsewhere).expect("a folder can be locked");
        drop(NewFolder::begin(&at("new")).unwrap());
        assert!(!unfinished.exists() && !superseded.exists() && !lost.exists());
        assert!(living.exists() && second.exists() && foreign.exists());
        assert!(elsewhere.exists(), "a process that cannot be seen holds its lock");
        assert!(at("first-run/summary.json").exists(), "the run that was being replaced is back");
        drop(lock);
        drop(NewFolder::begin(&at("new")).unwrap());
        assert!(!elsewhere.exists());
    }

    #[test]
    fn a_file_is_written_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.html");
        write_whole(&path, b"1").unwrap();
        write_whole(&path, b"2").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            let link = dir.path().join("link");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            write_whole(&link, b"3").unwrap();
            assert!(link.is_symlink() && fs::read(&path).unwrap() == b"3");
            write_whole(Path::new("/dev/null"), b"4").unwrap();
            assert!(!Path::new("/dev/null").is_file());
        }
        assert_eq!(write_whole(dir.path(), b"").unwrap_err().code(), 2);
        assert_eq!(write_whole(&dir.path().join("no/report.html"), b"").unwrap_err().code(), 1);
    }
}
