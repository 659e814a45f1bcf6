//! Run folders: written whole or not at all, read back for `explain` and `report`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tradewind_core_types::Decision;

use crate::error::Failure;
use crate::keeper::{FillRow, SessionRow};
use crate::summary::Summary;

/// A folder in the making: it takes its name only when it is complete; dropped before that, it leaves nothing behind.
pub struct NewFolder {
    target: PathBuf,
    work: tempfile::TempDir,
}

impl NewFolder {
    /// Begins a folder beside its final place.
    ///
    /// # Errors
    /// When the place cannot be written, or holds something that is not a run.
    pub fn begin(target: &Path) -> Result<Self, Failure> {
        if target.exists() && !target.join("summary.json").is_file() {
            let empty = target.is_dir() && fs::read_dir(target).is_ok_and(|mut d| d.next().is_none());
            if !empty {
                return Err(Failure::Usage(format!(
                    "{} exists and is not a run folder: choose another with --out, or remove it",
                    target.display()
                )));
            }
        }
        let parent = match target.parent() {
            Some(p) if !p.as_os_str().is_empty() => p,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|e| Failure::io("make the folder", parent, &e))?;
        let work = tempfile::Builder::new()
            .prefix(".unfinished-run-")
            .tempdir_in(parent)
            .map_err(|e| Failure::io("write in the folder", parent, &e))?;
        Ok(Self { target: target.to_owned(), work })
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
    /// Gives the folder its name, in place of an older run of that name.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(self) -> Result<PathBuf, Failure> {
        let fail = |e: std::io::Error| Failure::io("finish the run folder", &self.target, &e);
        let old = self.target.exists();
        let aside = self.target.with_extension(format!("old-{}", std::process::id()));
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
            return Err(Failure::io("finish the run folder", &self.target, &e));
        }
        if old {
            fs::remove_dir_all(&aside).map_err(|e| Failure::io("remove the older run", &aside, &e))?;
        }
        Ok(self.target)
    }
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
        match candidates.into_iter().find(|p| p.join("summary.json").is_file()) {
            Some(path) => Ok(Self { path }),
            None => Err(Failure::Usage(format!(
                "there is no run {name:?}: give a folder written by `trader backtest`, its name under runs/, or `latest`"
            ))),
        }
    }
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Failure> {
        let path = self.path.join(name);
        let file = File::open(&path).map_err(|e| Failure::io("read", &path, &e))?;
        serde_json::from_reader(BufReader::new(file)).map_err(|e| Failure::Data(format!("{}: {e}", path.display())))
    }
    fn lines<T: DeserializeOwned>(&self, name: &str) -> Result<impl Iterator<Item = Result<T, Failure>>, Failure> {
        let path = self.path.join(name);
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
        let path = self.path.join("config.toml");
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
    /// All orders, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn orders(&self) -> Result<Vec<tradewind_core_types::Order>, Failure> {
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
        assert!(RunFolder::open(dir.path().to_str().unwrap()).is_err());
    }
}
