//! `trader check`.

use super::{ConfigArgs, progress, say, say_json};
use crate::bits::{self, Extent};
use crate::check;
use crate::dataset::Dataset;
use crate::determinism;
use crate::error::Failure;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Check a configuration without running it.
    Config {
        #[command(flatten)]
        config: ConfigArgs,
        /// Print the JSON Schema of configurations instead.
        #[arg(long)]
        schema: bool,
        /// Print the configuration as resolved.
        #[arg(long)]
        resolved: bool,
    },
    /// Read all data of a configuration and report their quality.
    Data {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Replace all data after several instants and prove that nothing before them changes, for every plugin and the whole pipeline.
    Lookahead {
        #[command(flatten)]
        config: ConfigArgs,
        /// How many instants to cut at; 5, or as many as a shorter run has.
        #[arg(long)]
        cuts: Option<usize>,
    },
    /// Run twice, with one and two threads, from the journal, and stopped and restored at random events, also with operator commands: the ledger
    /// hash must be the same.
    Determinism {
        #[command(flatten)]
        config: ConfigArgs,
        /// At how many random events to stop and restore.
        #[arg(long, default_value_t = 100)]
        stops: usize,
        /// Seed of the random events.
        #[arg(long, default_value_t = 7)]
        seed: u64,
        /// Instead: compute `check bits` again with the C library's variants masked and, where qemu-x86_64 is installed, on an old processor.
        #[arg(long, conflicts_with_all = ["config", "scenario", "set", "stops", "seed"])]
        machines: bool,
    },
    /// Print hashes of the embedded scenarios' runs and of every plugin's answers: they must be the same on every machine.
    Bits {
        /// Compute less.
        #[arg(long)]
        short: bool,
    },
}

pub(super) fn run(c: &Command) -> Result<(), Failure> {
    match c {
        Command::Config { schema: true, .. } => say_json(&schemars::schema_for!(crate::Config)),
        Command::Config { config, resolved, .. } => {
            let config = config.load()?;
            crate::compose::engine(&config)?;
            if *resolved { say(&config.to_toml()?) } else { say("configuration: fine") }
        }
        Command::Data { config } => super::data::check(&config.load()?),
        Command::Lookahead { config, cuts } => {
            let config = config.load()?;
            let bar = progress("perturbing the future");
            let cuts = |d: &Dataset| cuts.unwrap_or_else(|| check::usual_cuts(&config, d));
            let result = Dataset::load(&config).and_then(|d| check::lookahead(&config, &d, cuts(&d), &[]));
            bar.finish_and_clear();
            say(&result?)
        }
        Command::Determinism { machines: true, .. } => {
            let bar = progress("computing on other machines");
            let result = crate::machines::compare();
            bar.finish_and_clear();
            say(&result?)
        }
        Command::Bits { short } => {
            let hashes = bits::all(if *short { Extent::Short } else { Extent::Full })?;
            say(&hashes.iter().map(|(what, hash)| format!("{hash}  {what}")).collect::<Vec<_>>().join("\n"))
        }
        Command::Determinism { config, stops, seed, .. } => {
            let config = config.load()?;
            let bar = progress("running again and again");
            let result = determinism::determinism(&config, *stops, *seed);
            bar.finish_and_clear();
            say(&result?)
        }
    }
}
