//! `cargo xtask`: the project's own tools. They read the source tree and call cargo; no crate needs them.

mod batch;
mod ci;
mod codegen;
mod licence;
mod manifest;
mod new_plugin;
mod plan;
mod plugin;
mod source;
mod testing;
mod tidy;
mod util;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Tools for working on Tradewind")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes what follows from the plugin files: mod.rs, example and bench sections, plugin tables
    Codegen {
        /// Write nothing; list what would change and fail if anything would
        #[arg(long)]
        check: bool,
    },
    /// Checks the rules of the house that no compiler checks
    Tidy,
    /// Writes a new plugin that compiles, with its example, bench, page and oracle script
    NewPlugin {
        /// The crate's folder under crates/, such as `risk`
        #[arg(value_name = "CRATE")]
        krate: String,
        /// The plugin's id, such as `risk_ulcer_index`
        id: String,
    },
    /// Runs every test of the workspace in the release profile
    Test {
        /// Passed on to `cargo test`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// The gate of a batch: everything a finished plugin has, tested crate by crate
    BatchTest {
        /// A batch (0 to 8), a crate, a plugin's id, or `all`
        #[arg(default_value = "all")]
        what: String,
    },
    /// Everything the continuous integration checks, in its order
    Ci {
        /// Go on after a failed step and report all of them
        #[arg(long)]
        keep_going: bool,
    },
}

fn main() -> ExitCode {
    let root = util::root();
    let result = match Cli::parse().task {
        Task::Codegen { check } => codegen::run(&root, check),
        Task::Tidy => tidy::run(&root),
        Task::NewPlugin { krate, id } => new_plugin::run(&root, &krate, &id),
        Task::Test { args } => testing::run(&root, &args),
        Task::BatchTest { what } => batch::run(&root, &what),
        Task::Ci { keep_going } => ci::run(&root, keep_going),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
