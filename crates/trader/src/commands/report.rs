//! `trader report`.

use std::path::PathBuf;

use super::say;
use crate::error::Failure;
use crate::run_folder::{ARTEFACTS, RunFolder, read_artefacts, write_whole};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: its folder, its name under runs/, or `latest`.
    run: String,
    /// Where to write; `report.html` in the run folder by default.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(a: &Args) -> Result<(), Failure> {
    let folder = RunFolder::open(&a.run)?;
    // What the report reads by itself is compared with the checksums here, the rest where it is read.
    folder.file("decisions.jsonl")?;
    for (name, _) in read_artefacts(folder.path())? {
        folder.file(&format!("{ARTEFACTS}/{name}"))?;
    }
    let data = crate::report::data(
        &folder.config()?,
        &folder.summary()?,
        &folder.sessions()?,
        &folder.fills()?,
        folder.path(),
    )?;
    let path = a.out.clone().unwrap_or_else(|| folder.path().join("report.html"));
    write_whole(&path, tradewind_report::render(&data).as_bytes())?;
    say(&path.display().to_string())
}
