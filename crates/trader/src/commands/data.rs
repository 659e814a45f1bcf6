//! `trader data`, and `trader check data`.

use std::fmt::Write;
use std::path::PathBuf;

use tradewind_data::{
    QualityOptions, QualityReport, SimulationSpec, SourceSpec, TableFormat, validate, validate_bytes,
};

use super::{progress, say, say_json};
use crate::error::Failure;
use crate::run_notes;
use crate::{Config, sample};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Report the quality of a file: order, duplicates, numbers, bars, gaps against the calendar, outliers.
    Validate {
        #[command(flatten)]
        source: SourceArgs,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write a file as Parquet in canonical long form.
    Import {
        #[command(flatten)]
        source: SourceArgs,
        /// The Parquet file to write.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Ask providers (ratings, earnings, news, search interest) and store what they give, with the time it became known. Keys come from the
    /// environment only. What is interrupted goes on where it stopped.
    Fetch(super::fetch::Args),
    /// Test all pairs of a file of closes for cointegration, with false discoveries controlled: ranked table and heat map.
    Pairs(super::pairs::Args),
    /// Write simulated bars, trades, quotes and a volatility index, seeded and labelled as simulated.
    Simulate {
        /// The folder to write in; it must exist.
        #[arg(long, value_name = "FOLDER")]
        output: PathBuf,
        /// A setting of the simulator, such as `--set sessions=2520`; may be repeated.
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
        /// CSV instead of Parquet.
        #[arg(long)]
        csv: bool,
    },
}

/// A file and how to read it.
#[derive(Debug, clap::Args)]
pub(super) struct SourceArgs {
    /// The file; `sample:NAME` is one of the bundled sample.
    input: PathBuf,
    /// How to read it, such as `--set layout=wide --set kind=index`; may be repeated. Keys as in [[data.source]].
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// A specification from `key=value` settings, with all violations at once.
pub(super) fn settings<T: serde::de::DeserializeOwned + serde::Serialize + Default>(
    set: &[String],
    origin: &str,
) -> Result<T, Failure> {
    let mut text = String::new();
    for s in set {
        let (key, value) =
            s.split_once('=').ok_or_else(|| Failure::Usage(format!("--set {s:?}: expected key=value")))?;
        let quoted = toml::from_str::<toml::Table>(&format!("v = {value}")).is_err();
        let _ = if quoted { writeln!(text, "{key} = {value:?}") } else { writeln!(text, "{key} = {value}") };
    }
    let fail = |problems| Failure::Config { origin: origin.to_owned(), problems };
    let table: toml::Table = toml::from_str(&text)
        .map_err(|e| fail(tradewind_core_types::Invalid::one("--set", e.to_string().replace('\n', " "))))?;
    tradewind_core_types::parse_params(&crate::config::json(toml::Value::Table(table))).map_err(fail)
}

pub(super) fn spec(a: &SourceArgs) -> Result<SourceSpec, Failure> {
    let mut spec: SourceSpec = settings(&a.set, "--set")?;
    spec.path.clone_from(&a.input);
    spec.check().map_err(|problems| Failure::Config { origin: "--set".into(), problems })?;
    Ok(spec)
}

fn examine(spec: &SourceSpec) -> Result<QualityReport, Failure> {
    let options = QualityOptions::default();
    Ok(match spec.path.to_string_lossy().strip_prefix(sample::PREFIX) {
        Some(name) => validate_bytes(spec, sample::bytes(name)?.to_vec(), &options)?,
        None => validate(spec, &options)?,
    })
}

pub(super) fn run(c: &Command) -> Result<(), Failure> {
    match c {
        Command::Validate { source, json } => {
            let report = examine(&spec(source)?)?;
            if *json {
                say_json(&report)?;
            } else {
                say(&describe(&report))?;
            }
            verdict(std::slice::from_ref(&report))?;
            // After JSON there is nothing more.
            if *json { Ok(()) } else { say("data: fine") }
        }
        Command::Import { source, output } => {
            let bar = progress("importing");
            let spec = spec(source)?;
            let written = match spec.path.to_string_lossy().strip_prefix(sample::PREFIX) {
                None => tradewind_data::import(&spec, output),
                Some(_) => return Err(Failure::Usage("the sample is read as it is: import files of your own".into())),
            };
            bar.finish_and_clear();
            let w = written?;
            say(&format!("{}: {} rows", w.file, w.rows))
        }
        Command::Fetch(a) => super::fetch::run(a),
        Command::Pairs(a) => super::pairs::run(a),
        Command::Simulate { output, set, csv } => {
            let bar = progress("simulating");
            let spec: SimulationSpec = settings(set, "simulation")?;
            let format = if *csv { TableFormat::Csv } else { TableFormat::Parquet };
            let written = tradewind_data::simulate(&spec, output, format);
            bar.finish_and_clear();
            for w in written? {
                say(&format!("{}: {} rows, simulated (seed {})", w.file, w.rows, spec.seed))?;
            }
            Ok(())
        }
    }
}

/// `trader check data`: every source of a configuration.
pub(super) fn check(config: &Config) -> Result<(), Failure> {
    let reports = config.data.source.iter().map(examine).collect::<Result<Vec<_>, _>>()?;
    for r in &reports {
        say(&describe(r))?;
    }
    // Bad rows are listed above; what they would stop reading at is said once.
    verdict(&reports)?;
    let data = crate::dataset::Dataset::load(config)?;
    for note in run_notes::dates(config, &data).iter().chain(data.remarks()) {
        say(&format!("note: {note}"))?;
    }
    say("data: fine")
}

fn verdict(reports: &[QualityReport]) -> Result<(), Failure> {
    let bad: usize = reports.iter().flat_map(|r| r.error_counts.values()).sum();
    if bad == 0 { Ok(()) } else { Err(Failure::Data(format!("{bad} errors, listed above"))) }
}

fn describe(r: &QualityReport) -> String {
    let mut out = format!("{}: {} rows, {} events", r.file, r.rows, r.events);
    if let Some((from, to)) = r.range {
        let _ = write!(out, ", {from} to {to}");
    }
    out.push('\n');
    for e in &r.errors {
        let _ = writeln!(out, "  error    {}", e.message);
    }
    for (kind, n) in &r.error_counts {
        let _ = writeln!(out, "  errors   {kind}: {n}");
    }
    for (kind, n) in &r.warning_counts {
        let _ = writeln!(out, "  warning  {kind}: {n}");
    }
    for note in &r.notes {
        let _ = writeln!(out, "  note     {note}");
    }
    for s in &r.symbols {
        let gaps =
            if s.missing_sessions > 0 { format!(", {} sessions missing", s.missing_sessions) } else { String::new() };
        let jumps = match s.largest_outliers.first() {
            Some(o) => format!(", {} outliers, the largest {:+.1} % at {}", s.outliers, 100.0 * o.log_return, o.time),
            None => String::new(),
        };
        let _ = writeln!(out, "  {:<8} {} to {}, {} events{gaps}{jumps}", s.symbol, s.first, s.last, s.events);
    }
    out
}
