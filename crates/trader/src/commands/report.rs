//! `trader report`.

use std::path::PathBuf;

use super::say;
use crate::error::Failure;
use crate::run_folder::RunFolder;

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
    let data = crate::report::data(
        &folder.config()?,
        &folder.summary()?,
        &folder.sessions()?,
        &folder.fills()?,
        folder.path(),
    )?;
    let path = a.out.clone().unwrap_or_else(|| folder.path().join("report.html"));
    std::fs::write(&path, tradewind_report::render(&data)).map_err(|e| Failure::io("write", &path, &e))?;
    say(&path.display().to_string())
}
