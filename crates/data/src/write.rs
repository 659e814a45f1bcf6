//! Writing files: one appears whole or not at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{DataError, Problem};

/// Numbers temporary files, so that two writers of one process never share one.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A file that takes its final name only when it is committed; dropped before that, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    target: PathBuf,
    temporary: PathBuf,
    file: File,
}

impl AtomicFile {
    /// Opens a temporary file beside the target.
    pub(crate) fn create(target: &Path) -> Result<Self, DataError> {
        if target.is_dir() {
            return Err(DataError::new(target.display().to_string(), Problem::IsDirectory { hint: String::new() }));
        }
        let Some(name) = target.file_name() else {
            return Err(DataError::new(target.display().to_string(), Problem::NotFound { hint: String::new() }));
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!(".{}.{}.{number}.tmp", name.to_string_lossy(), std::process::id());
        let temporary = target.with_file_name(name);
        let file = File::create(&temporary).map_err(|e| DataError::io(target, "write the file", &e))?;
        Ok(Self { target: target.into(), temporary, file })
    }

    /// Another handle to the temporary file.
    pub(crate) fn handle(&self) -> Result<File, DataError> {
        self.file.try_clone().map_err(|e| DataError::io(&self.target, "write the file", &e))
    }

    /// Brings everything to the disk and gives the file its name.
    pub(crate) fn commit(self) -> Result<(), DataError> {
        self.file
            .sync_all()
            .and_then(|()| fs::rename(&self.temporary, &self.target))
            .map_err(|e| DataError::io(&self.target, "write the file", &e))
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        // After `commit` there is nothing under the temporary name; before it, the half-written file goes.
        drop(fs::remove_file(&self.temporary));
    }
}
