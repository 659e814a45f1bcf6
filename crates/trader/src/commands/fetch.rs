//! `trader data fetch`: asks providers and stores what they give, with the time it became known.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tradewind_core_types::{Invalid, Time, did_you_mean};
use tradewind_data::providers::{FetchConfig, FetchReport, ProviderConfig, fetch};

use super::{progress, say, say_json};
use crate::error::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to fetch, and where to keep it (TOML).
    #[arg(default_value = "fetch.toml")]
    config: PathBuf,
    /// Only this provider, by its name (`fmp_grades`) or type (`fmp`); may be repeated.
    #[arg(long, value_name = "NAME")]
    provider: Vec<String>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Print the JSON Schema of the configuration instead.
    #[arg(long)]
    schema: bool,
}

pub(super) fn run(a: &Args) -> Result<(), Failure> {
    if a.schema {
        return say_json(&schemars::schema_for!(FetchConfig));
    }
    let mut config = load(&a.config)?;
    choose(&mut config, &a.provider)?;
    let bar = progress("fetching");
    let clock = || Time::from_timestamp(jiff::Timestamp::now()).unwrap_or(Time::MAX);
    let mut tell = |p: &tradewind_data::providers::Progress| {
        let failed = if p.error.is_some() { ", failed" } else { "" };
        bar.set_message(format!("{}: {} of {} symbols, {}{failed}", p.provider, p.done, p.total, p.symbol));
    };
    let result = fetch(&config, &clock, &mut tell);
    bar.finish_and_clear();
    let report = result?;
    if a.json {
        say_json(&report)?;
    } else {
        say(&describe(&report, &config.directory))?;
    }
    // One that answers is worth having; that nobody does is a failure.
    if report.providers.iter().all(|p| p.degraded.is_some()) {
        return Err(Failure::Data("no provider gave anything: see `degraded` above".into()));
    }
    Ok(())
}

fn describe(report: &FetchReport, directory: &Path) -> String {
    let mut out = report.to_string();
    for p in report.providers.iter().filter(|p| p.degraded.is_some()) {
        out.push_str(&format!("note: {} failed: what is read from it goes on without new records\n", p.provider));
    }
    out.push_str(&format!("records in {}\n", directory.display()));
    out
}

/// Reads the configuration; its relative paths are taken from its folder.
fn load(path: &Path) -> Result<FetchConfig, Failure> {
    let text = crate::config::read(path, "`trader data fetch --schema` prints what can be in it")?;
    let origin = path.display().to_string();
    let fail = |problems| Failure::Config { origin: origin.clone(), problems };
    let table: toml::Table =
        toml::from_str(&text).map_err(|e| fail(Invalid::one("TOML", e.to_string().replace('\n', " "))))?;
    let value = crate::config::json(toml::Value::Table(table));
    let bad = crate::schema::violations(schemars::schema_for!(FetchConfig).as_value(), &value);
    bad.into_result(()).map_err(fail)?;
    let mut config: FetchConfig = serde_json::from_value(value).map_err(|e| fail(Invalid::one("", e.to_string())))?;
    config.check().map_err(fail)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    if config.directory.is_relative() {
        config.directory = folder.join(&config.directory);
    }
    for p in &mut config.provider {
        if let ProviderConfig::File(f) = p
            && Path::new(&f.path).is_relative()
        {
            f.path = folder.join(&f.path).display().to_string();
        }
    }
    Ok(config)
}

/// Leaves the providers that are asked for.
fn choose(config: &mut FetchConfig, wanted: &[String]) -> Result<(), Failure> {
    let names = |p: &ProviderConfig| -> Vec<String> {
        let of_type =
            serde_json::to_value(p).ok().and_then(|v| v.get("type").and_then(Value::as_str).map(str::to_owned));
        of_type.into_iter().chain([p.name().to_owned()]).collect()
    };
    let known: Vec<String> = config.provider.iter().flat_map(names).collect();
    if let Some(w) = wanted.iter().find(|w| !known.contains(w)) {
        let hint = did_you_mean(w, known.iter().map(String::as_str));
        return Err(Failure::Usage(format!("--provider {w:?} is not configured{hint}")));
    }
    config.provider.retain(|p| wanted.is_empty() || names(p).iter().any(|n| wanted.contains(n)));
    Ok(())
}
