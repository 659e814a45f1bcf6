//! The checksums that a run folder carries of its files: what was changed or cut off since is refused.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::Failure;

/// The file that holds them, in the form of `sha256sum`.
pub const NAME: &str = "checksums.txt";

/// Hashes what is written to it.
struct Hashing(Sha256);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn sum(path: &Path) -> Result<String, Failure> {
    let fail = |e: io::Error| Failure::io("read", path, &e);
    let mut hashing = Hashing(Sha256::new());
    io::copy(&mut File::open(path).map_err(fail)?, &mut hashing).map_err(fail)?;
    Ok(hashing.0.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

/// The checksums of those of `files` that are in a folder (names below it), as text.
///
/// # Errors
/// When one of them cannot be read.
pub fn of_folder(folder: &Path, files: impl Iterator<Item = String>) -> Result<String, Failure> {
    let mut text = String::new();
    for name in files.filter(|n| folder.join(n).is_file()) {
        text += &format!("{}  {name}\n", sum(&folder.join(&name))?);
    }
    Ok(text)
}

/// Compares a file of a folder with its checksum.
///
/// # Errors
/// When the file or the checksums cannot be read, or it is not the file that the run wrote.
pub fn verify(folder: &Path, name: &str) -> Result<(), Failure> {
    let sums = folder.join(NAME);
    let text = match fs::read_to_string(&sums) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let why = "is missing, so nobody can tell whether the run is as it was written: run the backtest again";
            return Err(Failure::Data(format!("{} {why}", sums.display())));
        }
        Err(e) => return Err(Failure::io("read", &sums, &e)),
    };
    let found = sum(&folder.join(name))?;
    if text.lines().any(|line| line.split_once("  ") == Some((found.as_str(), name))) {
        return Ok(());
    }
    let why = format!("is not as the run wrote it ({NAME} has another checksum): run the backtest again");
    Err(Failure::Data(format!("{} {why}", folder.join(name).display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_cut_or_added_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("a", "abc");
        write("b", "");
        assert_eq!(verify(dir.path(), "a").unwrap_err().code(), 3, "no checksums");
        let sums = of_folder(dir.path(), ["a", "b", "absent"].map(str::to_owned).into_iter()).unwrap();
        // The test vector of FIPS 180-4.
        assert!(sums.starts_with("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n"), "{sums}");
        assert_eq!(sums.lines().count(), 2);
        write(NAME, &sums);
        assert!(verify(dir.path(), "a").is_ok() && verify(dir.path(), "b").is_ok());
        for other in ["abd", "ab", ""] {
            write("a", other);
            let e = verify(dir.path(), "a").unwrap_err();
            assert!(e.code() == 3 && e.to_string().contains("not as the run wrote it"), "{e}");
        }
        write("c", "abc");
        assert!(verify(dir.path(), "c").is_err(), "the sum of another file");
    }
}
