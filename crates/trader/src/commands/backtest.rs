//! `trader backtest`.

use std::path::PathBuf;

use super::{ConfigArgs, progress, say, say_json};
use crate::error::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// The run folder to write; `runs/ID` by default.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(a: &Args) -> Result<(), Failure> {
    let config = a.config.load()?;
    let bar = progress("running");
    let result = crate::run::backtest(&config, a.out.as_deref());
    bar.finish_and_clear();
    let (folder, summary) = result?;
    if a.json {
        return say_json(&summary);
    }
    say(&summary.table())?;
    say(&format!("run folder   {}\nreport       {}", folder.display(), folder.join("report.html").display()))
}
