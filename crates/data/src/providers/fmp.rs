//! Financial Modeling Prep: grades, price targets, earnings (`/stable`).

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradewind_core_types::{Earnings, MarketData, Rating, Span, Symbol, Time};

use super::error::{Fault, ProviderError};
use super::http::{Call, Http, HttpConfig, Limiter, Secret, address};
use super::value::{When, number, price, text};
use super::{Ask, Batch, KnownAt, Pending, Provider};
use crate::spec::Kind;

/// What to ask Financial Modeling Prep for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FmpWhat {
    /// Rating actions with the time they were published (`grades-news`).
    Grades,
    /// Price targets with the time they were published (`price-target-news`).
    PriceTargets,
    /// Earnings: past results with their consensus, and those expected (`earnings`).
    Earnings,
}

/// Financial Modeling Prep. The key is read from the environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FmpConfig {
    /// What to ask for.
    pub what: FmpWhat,
    /// Address of the service.
    pub base_url: String,
    /// Environment variable that holds the key.
    pub key_variable: String,
    /// Pages to ask for at most, of 100 records each; 1 to 1000.
    pub pages: u32,
    /// When records count as known.
    pub known_at: KnownAt,
    /// Seconds between requests; the free plan allows 250 requests a day.
    pub spacing_seconds: f64,
}

impl Default for FmpConfig {
    fn default() -> Self {
        Self {
            what: FmpWhat::Grades,
            base_url: "https://financialmodelingprep.com/stable".into(),
            key_variable: "FMP_API_KEY".into(),
            pages: 10,
            known_at: KnownAt::Published,
            spacing_seconds: 0.5,
        }
    }
}

/// Records on a page.
const PAGE: usize = 100;
/// A row of which nothing can be made.
const UNREADABLE: &str = "rows without a date, symbol or content";

/// The client.
#[derive(Debug)]
pub struct Fmp {
    config: FmpConfig,
    http: Http,
    key: Secret,
}

impl Fmp {
    /// The client, with its key from the environment.
    ///
    /// # Errors
    /// When there is no key.
    pub fn new(config: &FmpConfig, http: &HttpConfig, limiter: Arc<Limiter>) -> Result<Self, ProviderError> {
        let fail = |fault| ProviderError { provider: name(config.what).into(), symbol: None, place: "".into(), fault };
        let key = Secret::from_env(&config.key_variable).map_err(fail)?;
        let mut http = Http::new(name(config.what), http, limiter, config.spacing_seconds)?;
        http.hide(&key);
        Ok(Self { config: config.clone(), http, key })
    }

    async fn rows(&mut self, symbol: Symbol, page: Option<u32>) -> Result<Vec<Value>, ProviderError> {
        let path = match self.config.what {
            FmpWhat::Grades => "grades-news",
            FmpWhat::PriceTargets => "price-target-news",
            FmpWhat::Earnings => "earnings",
        };
        let (page, limit) = (page.unwrap_or(0).to_string(), PAGE.to_string());
        // FMP writes share classes with a hyphen.
        let symbol = symbol.as_str().replace('.', "-");
        let mut query = vec![("symbol", symbol.as_str())];
        if self.config.what != FmpWhat::Earnings {
            query.push(("page", &page));
        }
        query.push(("limit", &limit));
        query.push(("apikey", self.key.expose()));
        let url = address(&self.config.base_url, path, &query).map_err(|fault| ProviderError {
            provider: name(self.config.what).into(),
            symbol: None,
            place: "".into(),
            fault,
        })?;
        let answer = self.http.call(&Call::get(url.clone())).await?;
        let fault = |fault| self.http.error(&url, fault);
        let value = match self.http.json(&url, &answer, false) {
            Ok(v) => v,
            // Some refusals are plain text.
            Err(e) => return Err(self.http.refusal(&answer).map_or(e, fault)),
        };
        let said = ["Error Message", "message", "error"].iter().find_map(|k| value.get(*k)).and_then(text);
        if let Some(said) = said {
            let text = self.http.redact(said);
            let lower = text.to_ascii_lowercase();
            let status = answer.status;
            return Err(fault(if lower.contains("limit reach") {
                Fault::RateLimited { wait: None }
            } else if lower.contains("invalid api key") || status == 401 {
                Fault::Refused { status, text }
            } else if ["premium", "special endpoint", "exclusive", "restricted", "legacy", "subscription"]
                .iter()
                .any(|w| lower.contains(w))
            {
                Fault::NotEntitled { status, text }
            } else {
                Fault::Said { text }
            }));
        }
        match value {
            Value::Array(rows) if answer.status == 200 => Ok(rows),
            // An unknown symbol.
            Value::Array(rows) if answer.status == 404 && rows.is_empty() => Ok(rows),
            other => Err(fault(self.http.refusal(&answer).unwrap_or_else(|| Fault::shape("", other, "a list")))),
        }
    }

    async fn get(&mut self, ask: &Ask) -> Result<Batch, ProviderError> {
        let mut batch = Batch::default();
        let mut total = 0;
        let pages = if self.config.what == FmpWhat::Earnings { 1 } else { self.config.pages };
        for page in 0..pages {
            let rows = self.rows(ask.symbol, Some(page)).await?;
            let mut oldest = None;
            total += rows.len();
            for row in &rows {
                if read(&self.config, ask, row, &mut batch, &mut oldest).is_none() {
                    batch.note(UNREADABLE);
                }
            }
            // Newest first: nothing older is wanted, or there is no more.
            let before = ask.from.zip(oldest).is_some_and(|(from, oldest)| oldest < from);
            if rows.len() < PAGE || before {
                break;
            }
        }
        batch.unless_unreadable(total, UNREADABLE).map_err(|fault| ProviderError {
            provider: self.id().into(),
            symbol: None,
            place: self.config.base_url.as_str().into(),
            fault,
        })
    }
}

pub(super) fn name(what: FmpWhat) -> &'static str {
    match what {
        FmpWhat::Grades => "fmp_grades",
        FmpWhat::PriceTargets => "fmp_price_targets",
        FmpWhat::Earnings => "fmp_earnings",
    }
}

/// Reads a row into the batch; nothing when it cannot be read.
fn read(
    config: &FmpConfig,
    ask: &Ask,
    row: &Value,
    batch: &mut Batch,
    oldest: &mut Option<jiff::civil::Date>,
) -> Option<()> {
    let field = |k: &str| row.get(k).unwrap_or(&Value::Null);
    // The calendar is known to ignore the symbol asked for.
    let symbol = text(field("symbol"))?.replace('-', ".");
    if symbol != ask.symbol.as_str().replace('-', ".") {
        batch.note("rows of other symbols");
        return Some(());
    }
    let when = When::read(if config.what == FmpWhat::Earnings { field("date") } else { field("publishedDate") })
        .or_else(|| When::read(field("date")))?;
    let date = when.date()?;
    *oldest = Some(oldest.map_or(date, |o| o.min(date)));
    if !ask.wants(date) {
        return Some(());
    }
    let (said, published) = (when.said()?, when.known()?);
    let known = config.known_at.of(published, ask.now, Span::default());
    match config.what {
        FmpWhat::Earnings => return earnings(ask, row, said, known, batch),
        _ if said > ask.now => {
            batch.note("records from the future");
            return Some(());
        }
        FmpWhat::Grades => {
            let rating = Rating {
                published: said.min(known),
                firm: text(field("gradingCompany"))?.into(),
                grade: text(field("newGrade")).unwrap_or_default().into(),
                previous: text(field("previousGrade")).map(Into::into),
                target: None,
                previous_target: None,
            };
            batch.push(ask.symbol, known, MarketData::Rating(rating.into()));
        }
        FmpWhat::PriceTargets => {
            let target = price(field("adjPriceTarget")).or_else(|| price(field("priceTarget")))?;
            // Without the analyst's firm, that of the publisher would be taken for a broker.
            let rating = Rating {
                published: said.min(known),
                firm: text(field("analystCompany"))?.into(),
                grade: String::new(),
                previous: None,
                target: Some(target),
                previous_target: None,
            };
            batch.push(ask.symbol, known, MarketData::Rating(rating.into()));
        }
    }
    Some(())
}

fn earnings(ask: &Ask, row: &Value, announced: Time, known: Time, batch: &mut Batch) -> Option<()> {
    let actual = row.get("epsActual").and_then(number);
    let consensus = row.get("epsEstimated").and_then(number);
    if actual.is_some() && announced > ask.now {
        batch.note("results from the future");
        return Some(());
    }
    if actual.is_none() && announced <= ask.now {
        batch.note("past reports without a result");
        return Some(());
    }
    // What is still to come is known since now at the latest; nobody says since when.
    let time = if actual.is_some() { known } else { ask.now };
    let record = Earnings { announced, actual, consensus, whisper: None, dispersion: None };
    batch.push(ask.symbol, time, MarketData::Earnings(record.into()));
    Some(())
}

impl Provider for Fmp {
    fn id(&self) -> &str {
        name(self.config.what)
    }
    fn kind(&self) -> Kind {
        if self.config.what == FmpWhat::Earnings { Kind::Earnings } else { Kind::Rating }
    }
    fn fetch<'a>(&'a mut self, ask: &'a Ask) -> Pending<'a> {
        Box::pin(self.get(ask))
    }
}
