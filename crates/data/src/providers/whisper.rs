//! Earnings, expected and announced, with whisper numbers, from any service that answers in JSON: fields by configured paths.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradewind_core_types::{Earnings, MarketData, Span, Symbol, Time};

use super::error::{Fault, ProviderError};
use super::http::{Call, Http, HttpConfig, Limiter, Secret, new_york_day};
use super::value::{When, at, list, number, text};
use super::{Ask, Batch, KnownAt, Pending, Provider};
use crate::spec::Kind;

/// An HTTP service with earnings in JSON.
///
/// There is no public service for whisper numbers known to us; this reads whatever one has access to. A path names fields and positions
/// separated by dots (`data.rows`, `eps.0.estimate`); an empty one is a field that the service does not have.
///
/// ```
/// use tradewind_data::providers::HttpEarningsConfig;
/// let nasdaq: HttpEarningsConfig = toml::from_str(r#"
///     name = "nasdaq"
///     url = "https://api.nasdaq.com/api/calendar/earnings?date={date}"
///     rows = "data.rows"
///     symbol = "symbol"
///     consensus = "epsForecast"
///     session = "time"
///     before_open = ["time-pre-market"]
///     after_close = ["time-after-hours"]
///     [headers]
///     Accept = "application/json, text/plain, */*"
/// "#)?;
/// assert!(nasdaq.check().is_ok());
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpEarningsConfig {
    /// Name, also that of the file in the archive: letters, digits, `_` and `-`.
    pub name: String,
    /// Address; `{symbol}` stands for the symbol, `{date}` for each date asked for (`{date:basic}` without hyphens) and `{key}` for the key.
    pub url: String,
    /// Headers to send; `{key}` stands for the key.
    pub headers: BTreeMap<String, String>,
    /// Environment variable that holds the key, where one is needed.
    pub key_variable: Option<String>,
    /// Path of the list of rows; when empty the answer is the list, or a single row.
    pub rows: String,
    /// Path of the symbol in a row; without one every row is of the symbol asked for.
    pub symbol: String,
    /// Path of the date or time of the announcement; without one it is the date asked for.
    pub announced: String,
    /// Path of the session in which it is announced.
    pub session: String,
    /// What the session is before the open.
    pub before_open: Vec<String>,
    /// What the session is after the close.
    pub after_close: Vec<String>,
    /// Path of the consensus.
    pub consensus: String,
    /// Path of the whisper number.
    pub whisper: String,
    /// Path of the standard deviation of the estimates.
    pub dispersion: String,
    /// Path of the earnings as announced.
    pub actual: String,
    /// Numbers that mean that there is none, such as 999.
    pub missing: Vec<f64>,
    /// Dates to ask for from today on, where the address has `{date}`; 1 to 90.
    pub days: u32,
    /// When results count as known; what is expected is known when it is fetched.
    pub known_at: KnownAt,
    /// Seconds between requests.
    pub spacing_seconds: f64,
}

impl Default for HttpEarningsConfig {
    fn default() -> Self {
        Self {
            name: "whisper".into(),
            url: String::new(),
            headers: BTreeMap::new(),
            key_variable: None,
            rows: String::new(),
            symbol: String::new(),
            announced: String::new(),
            session: String::new(),
            before_open: vec!["bmo".into(), "1".into()],
            after_close: vec!["amc".into(), "3".into()],
            consensus: String::new(),
            whisper: String::new(),
            dispersion: String::new(),
            actual: String::new(),
            missing: vec![999.0],
            days: 10,
            known_at: KnownAt::Published,
            spacing_seconds: 60.0,
        }
    }
}

impl HttpEarningsConfig {
    /// Whether the parts fit together.
    ///
    /// # Errors
    /// Everything that does not, at once.
    pub fn check(&self) -> Result<(), tradewind_core_types::Invalid> {
        let mut bad = tradewind_core_types::Invalid::default();
        let plain =
            !self.name.is_empty() && self.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        bad.require(plain, "name", format!("{:?}", self.name), "letters, digits, _ and -");
        bad.require(self.url.starts_with("http"), "url", format!("{:?}", self.url), "an address");
        let dated = self.url.contains("{date");
        bad.require(
            dated || !self.announced.is_empty(),
            "announced",
            "empty",
            "the path of the date, unless the address has {date}",
        );
        bad.require(
            dated || self.url.contains("{symbol}") || !self.symbol.is_empty(),
            "symbol",
            "empty",
            "the path of the symbol, unless the address has {symbol}",
        );
        let some = [&self.consensus, &self.whisper, &self.actual].iter().any(|p| !p.is_empty());
        bad.require(some, "consensus", "empty", "the path of consensus, whisper or actual");
        let keyed = self.url.contains("{key}") || self.headers.values().any(|v| v.contains("{key}"));
        bad.require(
            self.key_variable.is_some() || !keyed,
            "key_variable",
            "missing",
            "the environment variable that holds the key",
        );
        bad.require((1..=90).contains(&self.days), "days", self.days, "1 to 90");
        bad.into_result(())
    }
}

const UNREADABLE: &str = "rows without a symbol or date";
/// Opening and closing time of regular trading in New York, in seconds: a session without a time of day.
const BEFORE_OPEN: i64 = 8 * 3600;
const AFTER_CLOSE: i64 = 16 * 3600 + 1800;

/// The client.
#[derive(Debug)]
pub struct HttpEarnings {
    config: HttpEarningsConfig,
    http: Http,
    key: Option<Secret>,
    /// The rows of a date, which are those of all symbols.
    cache: BTreeMap<String, Vec<Value>>,
}

impl HttpEarnings {
    /// The client, with its key from the environment.
    ///
    /// # Errors
    /// When the configuration cannot be used or the key is missing.
    pub fn new(config: &HttpEarningsConfig, http: &HttpConfig, limiter: Arc<Limiter>) -> Result<Self, ProviderError> {
        let fail =
            |fault| ProviderError { provider: config.name.as_str().into(), symbol: None, place: "".into(), fault };
        config.check().map_err(|e| fail(Fault::Unavailable { why: e.to_string().replace('\n', "; ") }))?;
        let key = config.key_variable.as_deref().map(Secret::from_env).transpose().map_err(fail)?;
        let mut http = Http::new(&config.name, http, limiter, config.spacing_seconds)?;
        if let Some(k) = &key {
            http.hide(k);
        }
        Ok(Self { config: config.clone(), http, key, cache: BTreeMap::new() })
    }

    fn fail(&self, fault: Fault) -> ProviderError {
        let place = self.http.redact(&self.config.url).into();
        ProviderError { provider: self.config.name.as_str().into(), symbol: None, place, fault }
    }

    async fn rows(&mut self, url: &str) -> Result<Vec<Value>, ProviderError> {
        if let Some(rows) = self.cache.get(url) {
            return Ok(rows.clone());
        }
        let key = self.key.as_ref().map_or("", Secret::expose);
        let address = url.replace("{key}", key).parse().map_err(|e| {
            self.fail(Fault::Unavailable { why: format!("{} is not an address: {e}", self.http.redact(url)) })
        })?;
        let headers = self.config.headers.iter().map(|(k, v)| (k.as_str(), v.replace("{key}", key))).collect();
        let call = Call { headers, ..Call::get(address) };
        let answer = self.http.call(&call).await?;
        if let Some(fault) = self.http.refusal(&answer) {
            return Err(self.http.error(&call.url, fault));
        }
        let value = self.http.json(&call.url, &answer, false)?;
        let inner = at(&value, &self.config.rows);
        let said = ["error", "Error Message", "Information", "Note"].iter().find_map(|k| value.get(*k)).and_then(text);
        let rows = match inner {
            Some(Value::Array(rows)) => rows.clone(),
            // A day without reports.
            Some(Value::Null) if said.is_none() => Vec::new(),
            Some(Value::Object(_)) if self.config.rows.is_empty() && said.is_none() => vec![value],
            _ => {
                let fault = match said {
                    Some(s) => Fault::Said { text: self.http.redact(s) },
                    None => list(&value, &self.config.rows, false).err().unwrap_or(Fault::Consent),
                };
                return Err(self.http.error(&call.url, fault));
            }
        };
        // Answers about a symbol are asked for once; those about a date serve all symbols.
        if !self.config.url.contains("{symbol}") {
            self.cache.insert(url.to_owned(), rows.clone());
        }
        Ok(rows)
    }

    async fn get(&mut self, ask: &Ask) -> Result<Batch, ProviderError> {
        let mut batch = Batch::default();
        let with_symbol = self.config.url.replace("{symbol}", ask.symbol.as_str());
        let dated = with_symbol.contains("{date");
        let Some(today) = When::Instant(ask.now).date() else { return Ok(batch) };
        let first = ask.from.unwrap_or(today);
        let last = ask.to.or_else(|| today.checked_add(jiff::Span::new().days(i64::from(self.config.days) - 1)).ok());
        let dates = first.series(jiff::Span::new().days(1)).take_while(|d| last.is_none_or(|l| *d <= l));
        let mut total = 0;
        for date in dates.take(if dated { usize::MAX } else { 1 }) {
            let basic = date.strftime("%Y%m%d").to_string();
            let url = with_symbol.replace("{date:basic}", &basic).replace("{date}", &date.to_string());
            let rows = self.rows(&url).await?;
            total += rows.len();
            for row in &rows {
                if read(&self.config, ask, dated.then_some(date), row, &mut batch).is_none() {
                    batch.note(UNREADABLE);
                }
            }
        }
        batch.unless_unreadable(total, UNREADABLE).map_err(|f| self.fail(f))
    }
}

fn read(
    config: &HttpEarningsConfig,
    ask: &Ask,
    date: Option<jiff::civil::Date>,
    row: &Value,
    batch: &mut Batch,
) -> Option<()> {
    let field = |path: &str| if path.is_empty() { None } else { at(row, path).filter(|v| !v.is_null()) };
    if !config.symbol.is_empty() {
        let symbol = field(&config.symbol).and_then(text)?;
        if Symbol::new(symbol).ok() != Some(ask.symbol) {
            return Some(());
        }
    }
    let when = match field(&config.announced) {
        Some(v) => When::read(v)?,
        None => When::Day(date?),
    };
    let session = field(&config.session).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
    let is = |all: &[String]| session.as_deref().is_some_and(|s| all.iter().any(|a| a.eq_ignore_ascii_case(s.trim())));
    let announced: Time = match when {
        When::Instant(t) => t,
        // New York's midnight stands for a session nobody has told: a report from then on.
        When::Day(d) => {
            let seconds = match (is(&config.before_open), is(&config.after_close)) {
                (true, false) => BEFORE_OPEN,
                (false, true) => AFTER_CLOSE,
                _ => 0,
            };
            at_clock(d, seconds)?
        }
    };
    let value = |path: &str| field(path).and_then(number).filter(|x| !config.missing.contains(x));
    let actual = value(&config.actual);
    let record = Earnings {
        announced,
        actual,
        consensus: value(&config.consensus),
        whisper: value(&config.whisper),
        dispersion: value(&config.dispersion).filter(|d| *d >= 0.0),
    };
    if record.consensus.is_none() && record.whisper.is_none() && actual.is_none() {
        batch.note("rows without a number");
        return Some(());
    }
    let time = match (actual.is_some(), announced <= ask.now) {
        (true, false) => {
            batch.note("results from the future");
            return Some(());
        }
        (false, true) => {
            batch.note("past reports without a result");
            return Some(());
        }
        (true, true) => config.known_at.of(when.known()?.max(announced), ask.now, Span::default()),
        (false, false) => ask.now,
    };
    batch.push(ask.symbol, time, MarketData::Earnings(record.into()));
    Some(())
}

/// A time of day in New York; no clocks are changed at these hours.
fn at_clock(date: jiff::civil::Date, seconds: i64) -> Option<Time> {
    if seconds == 0 {
        return new_york_day(date);
    }
    let (h, m) = (i8::try_from(seconds / 3600).ok()?, i8::try_from(seconds % 3600 / 60).ok()?);
    let zoned = date.at(h, m, 0, 0).in_tz(crate::NEW_YORK).ok()?;
    Time::from_timestamp(zoned.timestamp()).ok()
}

impl Provider for HttpEarnings {
    fn id(&self) -> &str {
        &self.config.name
    }
    fn kind(&self) -> Kind {
        Kind::Earnings
    }
    fn fetch<'a>(&'a mut self, ask: &'a Ask) -> Pending<'a> {
        Box::pin(self.get(ask))
    }
}
