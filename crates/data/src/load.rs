//! Bytes of a file: where it is, whether it can be read, gunzipped.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use tradewind_core_types::closest;

use crate::error::{DataError, Problem};
use crate::spec::{SourceSpec, TableFormat};

pub(crate) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The format by name, without a trailing `.gz`.
pub(crate) fn format_of(path: &Path, given: Option<TableFormat>) -> Result<TableFormat, DataError> {
    if let Some(f) = given {
        return Ok(f);
    }
    let name = path.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.').map(|(_, ext)| ext) {
        Some("csv" | "txt") => Ok(TableFormat::Csv),
        Some("parquet" | "pq") => Ok(TableFormat::Parquet),
        Some("jsonl" | "ndjson") => Ok(TableFormat::Jsonl),
        _ => Err(DataError::new(path.display().to_string(), Problem::UnknownFormat)),
    }
}

/// How much of a file is taken into memory at most, as it is and unpacked, in units of a million bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit(pub(crate) u32);

impl Default for Limit {
    fn default() -> Self {
        Self(1024)
    }
}

impl Limit {
    pub(crate) fn of(spec: &SourceSpec) -> Self {
        spec.max_megabytes.map_or_else(Self::default, Self)
    }
    pub(crate) fn bytes(self) -> u64 {
        u64::from(self.0) * 1_000_000
    }
    /// Everything of a reader, or `None` when there is more than the limit allows.
    fn read(self, from: impl Read, bytes: &mut Vec<u8>) -> std::io::Result<bool> {
        from.take(self.bytes().saturating_add(1)).read_to_end(bytes)?;
        Ok(bytes.len() as u64 <= self.bytes())
    }
    pub(crate) fn exceeded(self, file: &str, unpacked: &'static str) -> DataError {
        DataError::new(file, Problem::TooLarge { megabytes: self.0, unpacked })
    }
}

/// The bytes of the file of a specification as they are, at most as many as it allows.
///
/// # Errors
/// When there is no such file (with a suggestion), it is a directory or no regular file, is too large, or cannot be read.
pub fn read_bytes(spec: &SourceSpec) -> Result<Vec<u8>, DataError> {
    bytes_of(&spec.path, Limit::of(spec))
}

/// The bytes of a file as they are.
pub(crate) fn bytes_of(path: &Path, limit: Limit) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let file = open(path)?;
    match limit.read(file, &mut bytes) {
        Ok(true) => Ok(bytes),
        Ok(false) => Err(limit.exceeded(&path.display().to_string(), "")),
        Err(e) => Err(DataError::io(path, "read the file", &e)),
    }
}

/// A file for reading.
pub(crate) fn open(path: &Path) -> Result<File, DataError> {
    let at = |problem| DataError::new(path.display().to_string(), problem);
    if path.is_dir() {
        let mut names = names_in(path);
        names.truncate(5);
        let hint = if names.is_empty() { String::new() } else { format!(", such as {}", names.join(", ")) };
        return Err(at(Problem::IsDirectory { hint }));
    }
    let fail = |e: std::io::Error| match e.kind() {
        ErrorKind::NotFound => at(Problem::NotFound { hint: hint(path) }),
        _ => DataError::io(path, "read the file", &e),
    };
    // Asked before it is opened: a device may never end, and a pipe would wait for its writer.
    if !fs::metadata(path).map_err(fail)?.is_file() {
        return Err(at(Problem::NotRegular));
    }
    File::open(path).map_err(fail)
}

/// Gunzips when the bytes are gzip; refuses a `.gz` name without gzip in it.
pub(crate) fn gunzip(file: &str, raw: Vec<u8>, limit: Limit) -> Result<Vec<u8>, DataError> {
    if !raw.starts_with(&GZIP_MAGIC) {
        return if file.ends_with(".gz") && !raw.is_empty() {
            Err(DataError::new(file, Problem::BadGzip { why: "the file does not begin like gzip".into() }))
        } else {
            Ok(raw)
        };
    }
    let mut out = Vec::with_capacity(raw.len().saturating_mul(4).min(1 << 30));
    match limit.read(MultiGzDecoder::new(raw.as_slice()), &mut out) {
        Ok(true) => Ok(out),
        Ok(false) => Err(limit.exceeded(file, " when unpacked")),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => {
            Err(DataError::new(file, Problem::TruncatedGzip { bytes: out.len() }))
        }
        Err(e) => Err(DataError::new(file, Problem::BadGzip { why: e.to_string() })),
    }
}

/// Text as UTF-8, without a byte order mark and with `\n` line ends.
pub(crate) fn text(file: &str, bytes: Vec<u8>) -> Result<String, DataError> {
    let s = String::from_utf8(bytes).map_err(|e| {
        let byte = e.utf8_error().valid_up_to();
        let line = 1 + e.as_bytes().iter().take(byte).filter(|b| **b == b'\n').count() as u64;
        DataError::new(file, Problem::NotUtf8 { byte }).at_line(line)
    })?;
    let s = match s.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => s,
    };
    Ok(if s.contains('\r') { s.replace("\r\n", "\n") } else { s })
}

fn names_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .map(|entries| entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

/// Where the path stops existing, and what is there instead.
fn hint(path: &Path) -> String {
    let parent = match path.parent() {
        Some(p) if p.as_os_str().is_empty() => Path::new("."),
        Some(p) => p,
        None => return String::new(),
    };
    if !parent.is_dir() {
        return format!(": the directory {} does not exist either", parent.display());
    }
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let names = names_in(parent);
    match closest(&name, names.iter().map(String::as_str)) {
        Some(k) => format!(": did you mean {:?}?", parent.join(k).display().to_string()),
        None => String::new(),
    }
}
