//! Asks every provider about every symbol and stores what is new. What fails is reported, and nothing else fails with it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Invalid, Span, Symbol, Time};

use super::error::ProviderError;
use super::http::{HttpConfig, Limiter};
use super::{
    AlpacaNews, AlpacaNewsConfig, Ask, FileConfig, FileProvider, Fmp, FmpConfig, HttpEarnings, HttpEarningsConfig,
    Provider, Simulated, SimulatedConfig, Trends, TrendsConfig, Yahoo, YahooConfig,
};
use crate::archive::{Added, Archive};
use crate::error::{DataError, Problem};
use crate::spec::Kind;

/// A provider and its configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ProviderConfig {
    /// Financial Modeling Prep: grades, price targets, earnings.
    Fmp(FmpConfig),
    /// Yahoo Finance: ratings, the next report.
    Yahoo(YahooConfig),
    /// Google Trends: search interest.
    GoogleTrends(TrendsConfig),
    /// Alpaca: news.
    AlpacaNews(AlpacaNewsConfig),
    /// Any service with earnings or whispers in JSON.
    HttpEarnings(HttpEarningsConfig),
    /// Records in a file.
    File(FileConfig),
    /// Simulated records.
    Simulated(SimulatedConfig),
}

impl ProviderConfig {
    /// Its name, also that of its file in the archive.
    pub fn name(&self) -> &str {
        match self {
            Self::Fmp(c) => super::fmp::name(c.what),
            Self::Yahoo(c) => super::yahoo::name(c.what),
            Self::GoogleTrends(_) => super::trends::NAME,
            Self::AlpacaNews(_) => super::alpaca::NAME,
            Self::HttpEarnings(c) => &c.name,
            Self::File(c) => &c.name,
            Self::Simulated(c) => &c.name,
        }
    }

    /// The provider.
    ///
    /// # Errors
    /// When a key is missing or the configuration cannot be used.
    pub fn build(&self, http: &HttpConfig, limiter: &Arc<Limiter>) -> Result<Box<dyn Provider>, ProviderError> {
        let limiter = Arc::clone(limiter);
        Ok(match self {
            Self::Fmp(c) => Box::new(Fmp::new(c, http, limiter)?),
            Self::Yahoo(c) => Box::new(Yahoo::new(c, http, limiter)?),
            Self::GoogleTrends(c) => Box::new(Trends::new(c, http, limiter)?),
            Self::AlpacaNews(c) => Box::new(AlpacaNews::new(c, http, limiter)?),
            Self::HttpEarnings(c) => Box::new(HttpEarnings::new(c, http, limiter)?),
            Self::File(c) => Box::new(FileProvider::new(c)?),
            Self::Simulated(c) => Box::new(Simulated::new(c)),
        })
    }
}

/// What to fetch, and where to keep it.
///
/// ```
/// use tradewind_data::providers::FetchConfig;
/// let config: FetchConfig = toml::from_str(r#"
///     symbols = ["AAPL", "MSFT"]
///     directory = "records"
///     [[provider]]
///     type = "fmp"
///     what = "grades"
///     [[provider]]
///     type = "google_trends"
///     keywords = { AAPL = "AAPL stock" }
/// "#)?;
/// assert!(config.check().is_ok());
/// assert!(toml::from_str::<FetchConfig>("[[provider]]\ntype = 'fmp'\nwaht = 'grades'").is_err());
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FetchConfig {
    /// About which symbols.
    pub symbols: Vec<String>,
    /// Directory of the archive; made when it is not there.
    pub directory: PathBuf,
    /// First date of interest (New York), when not as far back as there is.
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub from: Option<Date>,
    /// Last date of interest.
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub to: Option<Date>,
    /// Symbols that a provider was asked about less than so many hours ago are not asked about again: an interrupted fetch goes on
    /// where it stopped. 0 to 8760.
    pub refresh_hours: f64,
    /// How requests are made.
    pub http: HttpConfig,
    /// The providers, in order.
    pub provider: Vec<ProviderConfig>,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            symbols: Vec::new(),
            directory: PathBuf::from("records"),
            from: None,
            to: None,
            refresh_hours: 6.0,
            http: HttpConfig::default(),
            provider: Vec::new(),
        }
    }
}

impl FetchConfig {
    /// The symbols, when everything can be used.
    ///
    /// # Errors
    /// Everything that cannot, at once.
    pub fn check(&self) -> Result<Vec<Symbol>, Invalid> {
        let mut bad = Invalid::default();
        let mut symbols = Vec::new();
        bad.require(!self.symbols.is_empty(), "symbols", "empty", "at least one symbol");
        for s in &self.symbols {
            match Symbol::new(s) {
                Ok(s) if !symbols.contains(&s) => symbols.push(s),
                Ok(_) => {}
                Err(e) => bad.require(false, "symbols", format!("{s:?}"), &e.expected),
            }
        }
        bad.require(!self.directory.as_os_str().is_empty(), "directory", "empty", "a directory");
        if let (Some(from), Some(to)) = (self.from, self.to) {
            bad.require(from <= to, "from", from, "not after `to`");
        }
        let hours = self.refresh_hours;
        bad.require((0.0..=8760.0).contains(&hours), "refresh_hours", hours, "0 to 8760");
        bad.absorb(self.http.check().map_err(|e| e.under("http")));
        bad.require(!self.provider.is_empty(), "provider", "empty", "at least one [[provider]]");
        for (i, p) in self.provider.iter().enumerate() {
            let checked = match p {
                ProviderConfig::HttpEarnings(c) => c.check(),
                ProviderConfig::File(c) => c.check(),
                ProviderConfig::Simulated(c) => c.planted.check(),
                _ => Ok(()),
            };
            bad.absorb(checked.map_err(|e| e.under(&format!("provider.{i}"))));
        }
        bad.into_result(symbols)
    }
}

/// How far a fetch is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Which provider.
    pub provider: String,
    /// Which symbol it has just been asked about.
    pub symbol: Symbol,
    /// Symbols it has been asked about, or that were fresh.
    pub done: usize,
    /// Symbols it is asked about in all.
    pub total: usize,
    /// What went wrong, when it did.
    pub error: Option<String>,
}

/// What became of one provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProviderReport {
    /// Which provider.
    pub provider: String,
    /// What its records are, when it could be asked.
    pub kind: Option<Kind>,
    /// Symbols it was asked about.
    pub asked: u64,
    /// Symbols it had been asked about a short while ago.
    pub fresh: u64,
    /// What became of its records.
    pub added: Added,
    /// What was left out, and how often.
    pub notes: Vec<(String, u64)>,
    /// What went wrong, by symbol.
    pub failures: Vec<String>,
    /// Why its signal goes without new data from here on, when it does.
    pub degraded: Option<String>,
}

/// What became of all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FetchReport {
    /// One entry a provider, in their order.
    pub providers: Vec<ProviderReport>,
}

impl FetchReport {
    /// Whether every provider answered about every symbol.
    pub fn is_complete(&self) -> bool {
        self.providers.iter().all(|p| p.failures.is_empty() && p.degraded.is_none())
    }
}

impl fmt::Display for FetchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for p in &self.providers {
            let a = p.added;
            writeln!(
                f,
                "{}: {} symbols asked, {} fresh; {} new records, {} revised, {} repeated, {} later than they claim",
                p.provider, p.asked, p.fresh, a.new, a.revised, a.repeated, a.delayed
            )?;
            for (what, n) in &p.notes {
                writeln!(f, "  left out: {n} {what}")?;
            }
            for e in &p.failures {
                writeln!(f, "  failed: {e}")?;
            }
            if let Some(why) = &p.degraded {
                writeln!(f, "  degraded: {why}")?;
            }
        }
        Ok(())
    }
}

/// Fetches with the providers configured. Blocks until done; `clock` says what time it is, `progress` is called after each symbol.
///
/// # Errors
/// When the configuration cannot be used or the archive cannot be read or written. Failures of providers are in the report.
pub fn fetch(
    config: &FetchConfig,
    clock: &dyn Fn() -> Time,
    progress: &mut dyn FnMut(&Progress),
) -> Result<FetchReport, DataError> {
    config.check().map_err(|e| DataError::config("fetch", e))?;
    let limiter = Arc::new(Limiter::default());
    let providers = config.provider.iter().map(|p| p.build(&config.http, &limiter)).collect();
    fetch_with(config, providers, clock, progress)
}

/// Fetches with these providers in place of those configured.
///
/// # Errors
/// As [`fetch`].
pub fn fetch_with(
    config: &FetchConfig,
    providers: Vec<Result<Box<dyn Provider>, ProviderError>>,
    clock: &dyn Fn() -> Time,
    progress: &mut dyn FnMut(&Progress),
) -> Result<FetchReport, DataError> {
    let mut symbols = Vec::new();
    for s in &config.symbols {
        let symbol = Symbol::new(s)
            .map_err(|e| DataError::new("fetch", Problem::BadSymbol { found: s.clone(), expected: e.expected }))?;
        symbols.push(symbol);
    }
    let io = |e: std::io::Error| DataError::new("fetch", Problem::Io { action: "begin", why: e.to_string() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io)?;
    let mut report = FetchReport::default();
    for provider in providers {
        report.providers.push(match provider {
            Ok(p) => one(config, &symbols, p, &runtime, clock, progress)?,
            Err(e) => {
                ProviderReport { provider: e.provider.to_string(), degraded: Some(e.to_string()), ..Default::default() }
            }
        });
    }
    Ok(report)
}

fn one(
    config: &FetchConfig,
    symbols: &[Symbol],
    mut provider: Box<dyn Provider>,
    runtime: &tokio::runtime::Runtime,
    clock: &dyn Fn() -> Time,
    progress: &mut dyn FnMut(&Progress),
) -> Result<ProviderReport, DataError> {
    let (name, kind) = (provider.id().to_owned(), provider.kind());
    let mut archive = Archive::open(&config.directory, &name, kind)?;
    let mut report = ProviderReport { provider: name.clone(), kind: Some(kind), ..Default::default() };
    let refresh = Span::from_nanos((config.refresh_hours * 3.6e12) as i64);
    for (i, symbol) in symbols.iter().enumerate() {
        let now = clock();
        let mut said =
            Progress { provider: name.clone(), symbol: *symbol, done: i + 1, total: symbols.len(), error: None };
        if archive.asked(*symbol).is_some_and(|t| now.since(t) < refresh) {
            report.fresh += 1;
            progress(&said);
            continue;
        }
        report.asked += 1;
        let before = if kind == Kind::SearchTrend { archive.of(*symbol) } else { Vec::new() };
        let ask = Ask { symbol: *symbol, from: config.from, to: config.to, now, before };
        match runtime.block_on(provider.fetch(&ask)) {
            Ok(batch) => {
                let given = batch.records.len() as u64;
                let added = archive.add(*symbol, batch.records, now, kind != Kind::SearchTrend)?;
                archive.note(*symbol, now, given, added.new + added.revised, None)?;
                let sum = &mut report.added;
                sum.new += added.new;
                sum.revised += added.revised;
                sum.repeated += added.repeated;
                sum.delayed += added.delayed;
                for (what, n) in batch.notes {
                    match report.notes.iter_mut().find(|x| x.0 == what) {
                        Some(x) => x.1 += n,
                        None => report.notes.push((what, n)),
                    }
                }
            }
            Err(e) => {
                let e = ProviderError { symbol: Some(*symbol), ..e };
                let text = e.to_string();
                archive.note(*symbol, now, 0, 0, Some(text.clone()))?;
                said.error = Some(text.clone());
                report.failures.push(text.clone());
                if e.fault.is_lasting() {
                    report.degraded = Some(text);
                    progress(&said);
                    break;
                }
            }
        }
        progress(&said);
    }
    // No answer about anything: whatever the faults were, there is no new data.
    if report.degraded.is_none() && report.asked > 0 && report.failures.len() as u64 == report.asked {
        report.degraded = report.failures.first().cloned();
    }
    Ok(report)
}
