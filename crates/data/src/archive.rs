//! What providers gave, kept point in time: one JSONL file a provider, to which is only ever added.
//!
//! - A record that is already there is not added again. One that has changed is added as a new record, known since now: what was known
//!   before stays what it was.
//! - A record that is new to us but claims to have been known before we last asked was not there then: it counts as known since now.
//! - What each fetch gave is in `fetches.jsonl` beside the files, so that an interrupted fetch goes on where it stopped.
//!
//! The files are those that a source with the kind of the provider reads: see [`SourceSpec`](crate::SourceSpec).

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tradewind_core_types::{Event, MarketData, Symbol, Time};

use crate::error::{DataError, Problem};
use crate::read::open_bytes;
use crate::records::record_line;
use crate::spec::{Kind, SourceSpec, TableFormat};

/// One fetch, as logged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FetchNote {
    /// When.
    pub at: Time,
    /// Which provider.
    pub provider: String,
    /// About which symbol.
    pub symbol: Symbol,
    /// Records it gave.
    pub given: u64,
    /// Those of them that were new.
    pub new: u64,
    /// What went wrong, when it did.
    pub error: Option<String>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// Records that were not there.
    pub new: u64,
    /// Records that were there otherwise, and were added as they are now.
    pub revised: u64,
    /// Records that were there.
    pub repeated: u64,
    /// Records that came later than they claim, and count from now.
    pub delayed: u64,
}

/// The file of one provider.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    log: PathBuf,
    provider: String,
    kind: Kind,
    events: Vec<Event>,
    /// The last content of each record, by what it is about.
    last: BTreeMap<(Option<Symbol>, String), String>,
    asked: BTreeMap<Symbol, Time>,
}

/// What a record is about, within its symbol: two records of one subject are versions of each other.
fn subject(data: &MarketData) -> String {
    match data {
        MarketData::SearchTrend(t) => t.period.to_string(),
        MarketData::Rating(r) => {
            let what = if r.grade.is_empty() { "target" } else { "grade" };
            format!("{} {} {what}", r.published, r.firm.to_lowercase())
        }
        // A date that moves is another announcement, and the alphas know what to do about it.
        MarketData::Earnings(e) => {
            format!("{} {}", e.announced, if e.actual.is_some() { "result" } else { "expected" })
        }
        MarketData::News(n) => format!("{} {} {}", n.published, n.source, n.headline),
        _ => String::new(),
    }
}

/// The record without the time at which it became known.
fn content(event: &Event) -> Result<String, DataError> {
    record_line(&Event { time: Time::MIN, ..event.clone() })
}

fn key(event: &Event) -> (Option<Symbol>, String) {
    (event.symbol, subject(&event.data))
}

impl Archive {
    /// Opens a provider's file in a directory, or begins it. A last line that was cut off by a crash is removed.
    ///
    /// # Errors
    /// When a file cannot be read or written, or is not an archive.
    pub fn open(directory: &Path, provider: &str, kind: Kind) -> Result<Self, DataError> {
        let plain =
            !provider.is_empty() && provider.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if !plain {
            let why = format!("{provider:?} is not the name of a provider: letters, digits, - and _");
            return Err(DataError::new("archive", Problem::BadRecord { why }));
        }
        std::fs::create_dir_all(directory).map_err(|e| DataError::io(directory, "create the directory", &e))?;
        let path = directory.join(format!("{provider}.jsonl"));
        let log = directory.join("fetches.jsonl");
        let mut archive = Self {
            events: Vec::new(),
            last: BTreeMap::new(),
            asked: BTreeMap::new(),
            provider: provider.into(),
            kind,
            path,
            log,
        };
        let bytes = whole_lines(&archive.path)?;
        if !bytes.is_empty() {
            let spec = archive.source();
            for event in open_bytes(&spec, bytes, 0)? {
                archive.remember(event?)?;
            }
        }
        for (i, line) in whole_lines(&archive.log)?.split(|b| *b == b'\n').enumerate().filter(|l| !l.1.is_empty()) {
            let note: FetchNote = serde_json::from_slice(line).map_err(|e| {
                let problem = Problem::BadRecord { why: e.to_string() };
                DataError::new(archive.log.display().to_string(), problem).at_line(i as u64 + 1)
            })?;
            if note.provider == provider && note.error.is_none() {
                let at = archive.asked.entry(note.symbol).or_insert(note.at);
                *at = note.at.max(*at);
            }
        }
        Ok(archive)
    }

    /// How to read the file.
    pub fn source(&self) -> SourceSpec {
        SourceSpec {
            path: self.path.clone(),
            kind: self.kind,
            format: Some(TableFormat::Jsonl),
            ..SourceSpec::default()
        }
    }
    /// When a symbol was last asked about with success.
    pub fn asked(&self, symbol: Symbol) -> Option<Time> {
        self.asked.get(&symbol).copied()
    }
    /// What is stored of a symbol, by the time it became known.
    pub fn of(&self, symbol: Symbol) -> Vec<Event> {
        self.events.iter().filter(|e| e.symbol == Some(symbol)).cloned().collect()
    }
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.events.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    fn remember(&mut self, event: Event) -> Result<(), DataError> {
        self.last.insert(key(&event), content(&event)?);
        self.events.push(event);
        Ok(())
    }

    /// Adds what is new of a batch about one symbol, fetched now. `revisions` says whether records that have changed are added; search
    /// interest, which is drawn anew for each request, is best taken at its first print.
    ///
    /// # Errors
    /// When a record cannot be written.
    pub fn add(
        &mut self,
        symbol: Symbol,
        mut batch: Vec<Event>,
        now: Time,
        revisions: bool,
    ) -> Result<Added, DataError> {
        let mut added = Added::default();
        let mut lines = String::new();
        let asked = self.asked(symbol);
        batch.sort_by_key(|e| e.time);
        for mut event in batch {
            let content = content(&event)?;
            match self.last.get(&key(&event)) {
                Some(known) if *known == content => {
                    added.repeated += 1;
                    continue;
                }
                Some(_) if !revisions => {
                    added.repeated += 1;
                    continue;
                }
                Some(_) => {
                    added.revised += 1;
                    event.time = now;
                }
                None => {
                    added.new += 1;
                    if event.time > now {
                        event.time = now;
                    } else if asked.is_some_and(|t| event.time <= t) {
                        added.delayed += 1;
                        event.time = now;
                    }
                }
            }
            lines.push_str(&record_line(&event)?);
            lines.push('\n');
            self.remember(event)?;
        }
        append(&self.path, &lines)?;
        Ok(added)
    }

    /// Notes a fetch in the log. One without an error counts as asked.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(
        &mut self,
        symbol: Symbol,
        at: Time,
        given: u64,
        new: u64,
        error: Option<String>,
    ) -> Result<(), DataError> {
        if error.is_none() {
            self.asked.insert(symbol, at);
        }
        let note = FetchNote { at, provider: self.provider.clone(), symbol, given, new, error };
        let line = serde_json::to_string(&note)
            .map_err(|e| DataError::new(self.log.display().to_string(), Problem::BadRecord { why: e.to_string() }))?;
        append(&self.log, &format!("{line}\n"))
    }
}

/// The whole lines of a file; what is after the last line end was cut off, and is removed from the file.
fn whole_lines(path: &Path) -> Result<Vec<u8>, DataError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut bytes = crate::load::bytes_of(path, crate::load::Limit(u32::MAX))?;
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    if whole < bytes.len() {
        let file = OpenOptions::new().write(true).open(path);
        let cut = file.and_then(|f| f.set_len(whole as u64));
        cut.map_err(|e| DataError::io(path, "remove a line that was cut off", &e))?;
        bytes.truncate(whole);
    }
    Ok(bytes)
}

fn append(path: &Path, text: &str) -> Result<(), DataError> {
    if text.is_empty() {
        return Ok(());
    }
    let write = || -> std::io::Result<()> {
        let mut file: File = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()
    };
    write().map_err(|e| DataError::io(path, "add to the file", &e))
}
