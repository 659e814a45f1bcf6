//! The command line: what can be asked, and how it is answered.

mod apply;
mod backtest;
mod bars;
mod check;
mod data;
mod explain;
mod fetch;
mod pairs;
mod plugins;
mod report;
mod statistic;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::error::Failure;

/// Tradewind: backtests, explains and checks trading systems made of plugins.
#[derive(Debug, Parser)]
#[command(name = "trader", version, about, infer_subcommands = true, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a configuration over its data: summary, run folder, report. Without arguments: the default system on the bundled sample.
    Backtest(backtest::Args),
    /// Run a plugin over a CSV or Parquet table.
    Apply(apply::Args),
    /// The catalogue of plugins, or one of them in full.
    Plugins(plugins::Args),
    /// The decision behind an order, or behind a trade not taken, step by step.
    Explain(explain::Args),
    /// Validate configuration and data; prove that the future does not change the past and that runs repeat.
    #[command(subcommand)]
    Check(check::Command),
    /// Validate, import, fetch and simulate data; scan for pairs.
    #[command(subcommand)]
    Data(data::Command),
    /// Write the report of a run again.
    Report(report::Args),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// A configuration with overrides, as most commands take it.
#[derive(Debug, Clone, clap::Args)]
struct ConfigArgs {
    /// Configuration file (TOML); an embedded one by default.
    config: Option<PathBuf>,
    /// The embedded configuration instead of a file: `default` on the bundled sample, or `simulated` on simulated data with planted effects.
    #[arg(long, value_name = "NAME", default_value = "default", conflicts_with = "config")]
    scenario: String,
    /// Change one value, such as `--set run.cash=50000`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl ConfigArgs {
    fn load(&self) -> Result<crate::Config, Failure> {
        match &self.config {
            Some(path) => crate::Config::load(Some(path), &self.set),
            None => crate::Config::scenario(&self.scenario, &self.set),
        }
    }
}

/// Parses the command line, runs the command, and gives its exit code: 0 done, 1 failed, 2 usage or configuration, 3 data.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Backtest(a) => backtest::run(&a),
        Command::Apply(a) => apply::run(&a),
        Command::Plugins(a) => plugins::run(&a),
        Command::Explain(a) => explain::run(&a),
        Command::Check(c) => check::run(&c),
        Command::Data(c) => data::run(&c),
        Command::Report(a) => report::run(&a),
        Command::Completions { shell } => {
            // Into memory first: the generator panics when its output is a closed pipe.
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "trader", &mut text);
            say(&String::from_utf8_lossy(&text))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            drop(writeln!(std::io::stderr(), "error: {e}"));
            ExitCode::from(e.code())
        }
    }
}

/// Prints a line; a closed pipe ends the output quietly, as in `trader plugins | head`.
fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") })
    {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| Failure::Run(format!("cannot write to standard output: {e}"))),
    }
}

/// Prints a value as JSON.
fn say_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    say(&serde_json::to_string_pretty(value).map_err(|e| Failure::Run(e.to_string()))?)
}

/// A spinner for what takes longer than a moment; silent when the output is not a terminal.
fn progress(message: &'static str) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new_spinner().with_message(message);
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
