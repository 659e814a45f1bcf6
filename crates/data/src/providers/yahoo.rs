//! Yahoo Finance `quoteSummary`: rating actions and the next report. Unofficial: a session is a cookie and a crumb, and may be refused.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradewind_core_types::{Earnings, MarketData, Rating, Span};

use super::error::{Fault, ProviderError};
use super::http::{Answer, Call, Http, HttpConfig, Limiter, Secret, address};
use super::value::{When, at, list, number, price, text};
use super::{Ask, Batch, KnownAt, Pending, Provider};
use crate::spec::Kind;

/// What to ask Yahoo for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum YahooWhat {
    /// Rating actions with price targets (`upgradeDowngradeHistory`).
    Ratings,
    /// The next report with its consensus (`calendarEvents`, `earningsTrend`). Past results have no date of announcement there.
    Earnings,
}

/// Yahoo Finance. No key; terms of use restrict automated access, and a client may be refused at any time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct YahooConfig {
    /// What to ask for.
    pub what: YahooWhat,
    /// Where the cookie comes from.
    pub cookie_url: String,
    /// Where the crumb comes from.
    pub crumb_url: String,
    /// Address of the data.
    pub base_url: String,
    /// When records count as known.
    pub known_at: KnownAt,
    /// Seconds between requests.
    pub spacing_seconds: f64,
}

impl Default for YahooConfig {
    fn default() -> Self {
        Self {
            what: YahooWhat::Ratings,
            cookie_url: "https://fc.yahoo.com/".into(),
            crumb_url: "https://query1.finance.yahoo.com/v1/test/getcrumb".into(),
            base_url: "https://query2.finance.yahoo.com".into(),
            known_at: KnownAt::Published,
            spacing_seconds: 2.0,
        }
    }
}

const UNREADABLE: &str = "rows without a date or firm";

/// The client.
#[derive(Debug)]
pub struct Yahoo {
    config: YahooConfig,
    http: Http,
    crumb: Option<Secret>,
}

impl Yahoo {
    /// The client.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(config: &YahooConfig, http: &HttpConfig, limiter: Arc<Limiter>) -> Result<Self, ProviderError> {
        let http = Http::new(name(config.what), http, limiter, config.spacing_seconds)?;
        Ok(Self { config: config.clone(), http, crumb: None })
    }

    fn fail(&self, fault: Fault) -> ProviderError {
        ProviderError {
            provider: name(self.config.what).into(),
            symbol: None,
            place: self.config.base_url.as_str().into(),
            fault,
        }
    }

    /// A session's crumb; the only place that fetches cookie and crumb.
    async fn crumb(&mut self) -> Result<Secret, ProviderError> {
        if let Some(c) = &self.crumb {
            return Ok(c.clone());
        }
        self.http.forget_cookies().map_err(|f| self.fail(f))?;
        let cookie = address(&self.config.cookie_url, "", &[]).map_err(|f| self.fail(f))?;
        // Whatever its status, only the cookie matters.
        let answer = self.http.call(&Call { again_on_429: false, ..Call::get(cookie.clone()) }).await?;
        if answer.host.ends_with("consent.yahoo.com") {
            return Err(self.http.error(&cookie, Fault::Consent));
        }
        let url = address(&self.config.crumb_url, "", &[]).map_err(|f| self.fail(f))?;
        let url = url.as_str().trim_end_matches('/').parse().unwrap_or(url);
        let answer = self.http.call(&Call { again_on_429: false, ..Call::get(url.clone()) }).await?;
        let body = String::from_utf8_lossy(&answer.body).trim().to_owned();
        let lower = body.to_ascii_lowercase();
        // This very text has been taken for a crumb (yfinance #2441).
        let fault = if answer.status == 429 || lower.contains("too many requests") {
            Some(Fault::RateLimited { wait: None })
        } else if let Some(fault) = self.http.refusal(&answer) {
            Some(fault)
        } else if lower.contains("<html") || lower.starts_with('<') {
            Some(Fault::Html { status: answer.status, text: self.http.shown(&answer.body) })
        } else if body.is_empty() {
            Some(Fault::Empty { status: answer.status })
        } else if body.len() > 64 || body.contains(char::is_whitespace) {
            Some(Fault::shape("crumb", self.http.shown(&answer.body), "one short word"))
        } else {
            None
        };
        if let Some(fault) = fault {
            return Err(self.http.error(&url, fault));
        }
        let crumb = Secret::new(body.replace("\\u002F", "/"));
        self.http.hide(&crumb);
        self.crumb = Some(crumb.clone());
        Ok(crumb)
    }

    /// The modules of a symbol; nothing when Yahoo does not know it.
    async fn modules(&mut self, symbol: &str, modules: &str) -> Result<Option<Value>, ProviderError> {
        for attempt in 0..2 {
            let crumb = self.crumb().await?;
            let path = format!("v10/finance/quoteSummary/{symbol}");
            let query = [
                ("modules", modules),
                ("corsDomain", "finance.yahoo.com"),
                ("formatted", "false"),
                ("symbol", symbol),
                ("crumb", crumb.expose()),
            ];
            let url = address(&self.config.base_url, &path, &query).map_err(|f| self.fail(f))?;
            let answer = self.http.call(&Call { again_on_429: false, ..Call::get(url.clone()) }).await?;
            if answer.host.ends_with("consent.yahoo.com") {
                return Err(self.http.error(&url, Fault::Consent));
            }
            let limited = answer.status == 429 || answer.body.starts_with(b"Too Many Requests");
            if limited {
                self.crumb = None;
                return Err(self.http.error(&url, Fault::RateLimited { wait: None }));
            }
            if answer.status == 401 && attempt == 0 {
                // The session has expired: once more with a new one.
                self.crumb = None;
                continue;
            }
            return self.read(&url, &answer);
        }
        Err(self.fail(Fault::Unavailable { why: "no session could be begun".into() }))
    }

    fn read(&self, url: &reqwest::Url, answer: &Answer) -> Result<Option<Value>, ProviderError> {
        let value = match self.http.json(url, answer, false) {
            Ok(v) => v,
            Err(e) => return Err(self.http.refusal(answer).map_or(e, |f| self.http.error(url, f))),
        };
        let error = ["quoteSummary.error", "finance.error"].iter().find_map(|p| at(&value, p)).filter(|e| !e.is_null());
        if let Some(e) = error {
            let said = |k: &str| e.get(k).and_then(text).unwrap_or_default();
            let text = self.http.redact(&format!("{}: {}", said("code"), said("description")));
            if said("code") == "Not Found" || said("description").starts_with("No fundamentals data") {
                return Ok(None);
            }
            let status = answer.status;
            let fault = if status == 401 { Fault::Refused { status, text } } else { Fault::Said { text } };
            return Err(self.http.error(url, fault));
        }
        if let Some(fault) = self.http.refusal(answer) {
            return Err(self.http.error(url, fault));
        }
        match at(&value, "quoteSummary.result.0") {
            Some(modules) => Ok(Some(modules.clone())),
            None => Err(self.http.error(url, Fault::shape("quoteSummary.result.0", &value, "the modules asked for"))),
        }
    }

    async fn get(&mut self, ask: &Ask) -> Result<Batch, ProviderError> {
        // Yahoo writes share classes with a hyphen.
        let symbol = ask.symbol.as_str().replace('.', "-");
        let modules = match self.config.what {
            YahooWhat::Ratings => "upgradeDowngradeHistory",
            YahooWhat::Earnings => "calendarEvents,earningsTrend",
        };
        let mut batch = Batch::default();
        let Some(found) = self.modules(&symbol, modules).await? else {
            batch.note("unknown to Yahoo");
            return Ok(batch);
        };
        match self.config.what {
            YahooWhat::Ratings => {
                let Some(module) = found.get("upgradeDowngradeHistory") else {
                    batch.note("no ratings module");
                    return Ok(batch);
                };
                let rows = list(module, "history", false).map_err(|f| self.fail(f))?;
                for row in rows {
                    if rating(self.config.known_at, ask, row, &mut batch).is_none() {
                        batch.note(UNREADABLE);
                    }
                }
                batch.unless_unreadable(rows.len(), UNREADABLE).map_err(|f| self.fail(f))
            }
            YahooWhat::Earnings => {
                if upcoming(ask, &found, &mut batch).is_none() {
                    batch.note("no date of the next report");
                }
                Ok(batch)
            }
        }
    }
}

fn rating(known_at: KnownAt, ask: &Ask, row: &Value, batch: &mut Batch) -> Option<()> {
    let when = row.get("epochGradeDate").and_then(When::read_midnight_as_date)?;
    let (said, published) = (when.said()?, when.known()?);
    if said > ask.now {
        batch.note("records from the future");
        return Some(());
    }
    if !ask.wants(when.date()?) {
        return Some(());
    }
    let words = |k: &str| row.get(k).and_then(text);
    let known = known_at.of(published, ask.now, Span::default());
    let record = Rating {
        published: said.min(known),
        firm: words("firm")?.into(),
        grade: words("toGrade").unwrap_or_default().into(),
        previous: words("fromGrade").map(Into::into),
        target: row.get("currentPriceTarget").and_then(price),
        previous_target: row.get("priorPriceTarget").and_then(price),
    };
    batch.push(ask.symbol, known, MarketData::Rating(record.into()));
    Some(())
}

fn upcoming(ask: &Ask, found: &Value, batch: &mut Batch) -> Option<()> {
    let dates = at(found, "calendarEvents.earnings.earningsDate")?.as_array()?;
    // Two dates are a range; the earlier one is the careful choice.
    let announced = dates
        .iter()
        .filter_map(|d| When::read_midnight_as_date(d.get("raw").unwrap_or(d)))
        .filter_map(When::said)
        .filter(|t| *t > ask.now)
        .min()?;
    let quarter = at(found, "earningsTrend.trend")
        .and_then(Value::as_array)
        .and_then(|t| t.iter().find(|p| p.get("period").and_then(text) == Some("0q")));
    let consensus = quarter
        .and_then(|q| at(q, "earningsEstimate.avg"))
        .and_then(number)
        .or_else(|| at(found, "calendarEvents.earnings.earningsAverage").and_then(number));
    let record = Earnings { announced, actual: None, consensus, whisper: None, dispersion: None };
    batch.push(ask.symbol, ask.now, MarketData::Earnings(record.into()));
    Some(())
}

pub(super) fn name(what: YahooWhat) -> &'static str {
    match what {
        YahooWhat::Ratings => "yahoo_ratings",
        YahooWhat::Earnings => "yahoo_earnings",
    }
}

impl Provider for Yahoo {
    fn id(&self) -> &str {
        name(self.config.what)
    }
    fn kind(&self) -> Kind {
        if self.config.what == YahooWhat::Earnings { Kind::Earnings } else { Kind::Rating }
    }
    fn fetch<'a>(&'a mut self, ask: &'a Ask) -> Pending<'a> {
        Box::pin(self.get(ask))
    }
}
