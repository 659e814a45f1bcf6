//! Google Trends: cookie, explore, token, multiline; windows put on one scale. Unofficial, and throttled hard.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use reqwest::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{MarketData, SearchTrend, Span, Time};

use super::error::{Fault, ProviderError};
use super::http::{Answer, Call, Http, HttpConfig, Limiter, address};
use super::value::{list, text};
use super::{Ask, Batch, KnownAt, Pending, Provider};
use crate::spec::Kind;

/// Google Trends. No key and no contract: at most some hundred requests a day, ten seconds apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrendsConfig {
    /// Address of the service.
    pub base_url: String,
    /// Where people search: a country such as `US`; the whole world when empty.
    pub geo: String,
    /// Language, such as `en-US`.
    pub language: String,
    /// Category: 0 for all, 7 for finance.
    pub category: u32,
    /// What to look for by symbol; for the others `{symbol} stock`.
    pub keywords: BTreeMap<String, String>,
    /// What to look for where `keywords` has nothing; `{symbol}` stands for the symbol. Bare tickers are ambiguous.
    pub keyword: String,
    /// The time range as Google writes it, such as `today 5-y` (weekly), `today 3-m` (daily). Without dates to fetch.
    pub timeframe: String,
    /// With dates to fetch: days of each window, overlapping its neighbours by `overlap_days`; 8 to 1800. Below 270 days are daily.
    pub window_days: u32,
    /// Days by which windows overlap; 1 to half a window.
    pub overlap_days: u32,
    /// When a period counts as known: `published` is its end and `delay_hours`.
    pub known_at: KnownAt,
    /// Hours after its end at which a period is known; 0 to 240.
    pub delay_hours: u32,
    /// Seconds between requests.
    pub spacing_seconds: f64,
}

impl Default for TrendsConfig {
    fn default() -> Self {
        Self {
            base_url: "https://trends.google.com".into(),
            geo: "US".into(),
            language: "en-US".into(),
            category: 0,
            keywords: BTreeMap::new(),
            keyword: "{symbol} stock".into(),
            timeframe: "today 5-y".into(),
            window_days: 240,
            overlap_days: 60,
            known_at: KnownAt::Published,
            delay_hours: 24,
            spacing_seconds: 12.0,
        }
    }
}

pub(super) const NAME: &str = "google_trends";

/// A period of search interest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Its start.
    pub period: Time,
    /// Interest.
    pub interest: f64,
    /// Whether it had not ended.
    pub partial: bool,
    /// Its length.
    pub length: Span,
}

/// Puts windows of the same series, each scaled to its own maximum, on the scale of the first: each later one is multiplied by the
/// ratio of the sums over the periods it shares with what is there already, and adds only the periods that are not. So what was
/// there keeps its values. Partial periods take no part and are left out, but for the last.
///
/// # Errors
/// When a window shares no period of any interest with those before it.
///
/// ```
/// use tradewind_core_types::{Span, Time};
/// use tradewind_data::providers::{Point, stitch};
/// let point = |day: i64, interest| Point { period: Time::from_nanos(0).plus(Span::from_days(day)), interest, partial: false, length: Span::DAY };
/// // The second window has the same two days at half the scale.
/// let joined = stitch(&[vec![point(0, 50.0), point(1, 80.0), point(2, 100.0)], vec![point(1, 40.0), point(2, 50.0), point(3, 100.0)]])?;
/// assert_eq!(joined.iter().map(|p| p.interest).collect::<Vec<_>>(), [50.0, 80.0, 100.0, 200.0]);
/// # Ok::<(), tradewind_data::providers::Fault>(())
/// ```
pub fn stitch(windows: &[Vec<Point>]) -> Result<Vec<Point>, Fault> {
    let mut all: BTreeMap<Time, Point> = BTreeMap::new();
    for window in windows {
        let mut factor = 1.0;
        if !all.is_empty() {
            let (mut old, mut new) = (0.0, 0.0);
            for p in window.iter().filter(|p| !p.partial) {
                if let Some(q) = all.get(&p.period).filter(|q| !q.partial) {
                    old += q.interest;
                    new += p.interest;
                }
            }
            factor = old / new;
            // Nothing in common, or nothing but zeros on one side.
            if !(factor.is_finite() && factor > 0.0) {
                return Err(Fault::NoOverlap);
            }
        }
        for p in window {
            let scaled = Point { interest: p.interest * factor, ..*p };
            let slot = all.entry(p.period).or_insert(scaled);
            if slot.partial && !p.partial {
                *slot = scaled;
            }
        }
    }
    let last = all.keys().next_back().copied();
    Ok(all.into_values().filter(|p| !p.partial || Some(p.period) == last).collect())
}

/// The client.
#[derive(Debug)]
pub struct Trends {
    config: TrendsConfig,
    http: Http,
    /// Whether there is a cookie.
    begun: bool,
}

/// The widget of a time series: its token, and the request to be passed back unchanged.
struct Widget {
    token: String,
    request: Value,
}

impl Trends {
    /// The client.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn new(config: &TrendsConfig, http: &HttpConfig, limiter: Arc<Limiter>) -> Result<Self, ProviderError> {
        let fits = (8..=1800).contains(&config.window_days)
            && config.overlap_days >= 1
            && config.overlap_days <= config.window_days / 2;
        if !fits {
            let why = "window_days must be 8 to 1800 and overlap_days 1 to half of it".into();
            let fault = Fault::Unavailable { why };
            return Err(ProviderError { provider: NAME.into(), symbol: None, place: "".into(), fault });
        }
        Ok(Self { http: Http::new(NAME, http, limiter, config.spacing_seconds)?, config: config.clone(), begun: false })
    }

    fn fail(&self, fault: Fault) -> ProviderError {
        ProviderError { provider: NAME.into(), symbol: None, place: self.config.base_url.as_str().into(), fault }
    }

    /// A call with a cookie; on a first 429 with a new one.
    async fn call(&mut self, method: Method, path: &str, query: &[(&str, &str)]) -> Result<Value, ProviderError> {
        let url = address(&self.config.base_url, path, query).map_err(|f| self.fail(f))?;
        for attempt in 0..2 {
            if !self.begun {
                self.http.forget_cookies().map_err(|f| self.fail(f))?;
                let geo = if self.config.geo.is_empty() { "US" } else { &self.config.geo };
                let start = address(&self.config.base_url, "trends/explore/", &[("geo", geo)]);
                let start = start.map_err(|f| self.fail(f))?;
                // Its status has been 404 and it set the cookie all the same.
                self.http.call(&Call { again_on_429: false, ..Call::get(start) }).await?;
                self.begun = true;
            }
            let call = Call { method: method.clone(), again_on_429: false, ..Call::get(url.clone()) };
            let answer = self.http.call(&call).await?;
            if answer.status == 429 && attempt == 0 {
                self.begun = false;
                continue;
            }
            return self.read(&url, &answer);
        }
        Err(self.http.error(&url, Fault::RateLimited { wait: None }))
    }

    fn read(&self, url: &reqwest::Url, answer: &Answer) -> Result<Value, ProviderError> {
        if answer.host.starts_with("consent.") {
            return Err(self.http.error(url, Fault::Consent));
        }
        match self.http.refusal(answer) {
            Some(fault) => Err(self.http.error(url, fault)),
            None => self.http.json(url, answer, true),
        }
    }

    async fn explore(&mut self, keyword: &str, time: &str) -> Result<Widget, ProviderError> {
        let item = json!({ "keyword": keyword, "time": time, "geo": self.config.geo });
        let request = json!({ "comparisonItem": [item], "category": self.config.category, "property": "" }).to_string();
        let language = self.config.language.clone();
        let query = [("hl", language.as_str()), ("tz", "0"), ("req", request.as_str())];
        let answer = self.call(Method::POST, "trends/api/explore", &query).await?;
        let widgets = list(&answer, "widgets", false).map_err(|f| self.fail(f))?;
        let series = widgets.iter().find(|w| w.get("id").and_then(text) == Some("TIMESERIES"));
        match series.and_then(|w| Some((w.get("token").and_then(text)?, w.get("request")?))) {
            Some((token, request)) => Ok(Widget { token: token.into(), request: request.clone() }),
            None => {
                Err(self.fail(Fault::shape("widgets", json!(widgets), "one with id TIMESERIES, token and request")))
            }
        }
    }

    async fn window(&mut self, keyword: &str, time: &str) -> Result<Vec<Point>, ProviderError> {
        for attempt in 0..2 {
            let w = self.explore(keyword, time).await?;
            let request = w.request.to_string();
            let query = [("req", request.as_str()), ("token", w.token.as_str()), ("tz", "0")];
            match self.call(Method::GET, "trends/api/widgetdata/multiline", &query).await {
                // A token lives for minutes.
                Err(e) if matches!(e.fault, Fault::Refused { status: 401, .. }) && attempt == 0 => continue,
                Err(e) => return Err(e),
                Ok(answer) => return points(&w.request, &answer).map_err(|f| self.fail(f)),
            }
        }
        Err(self.fail(Fault::Unavailable { why: "no token was accepted".into() }))
    }

    async fn get(&mut self, ask: &Ask) -> Result<Batch, ProviderError> {
        let keyword = self.config.keywords.get(ask.symbol.as_str()).cloned();
        let keyword = keyword.unwrap_or_else(|| self.config.keyword.replace("{symbol}", ask.symbol.as_str()));
        let mut windows = Vec::new();
        for time in timeframes(&self.config, ask) {
            let window = self.window(&keyword, &time).await?;
            // Nothing is searched for in the window: nothing to put on a scale, and nothing to learn.
            if window.iter().any(|p| p.interest > 0.0) {
                windows.push(window);
            }
        }
        let mut batch = Batch::default();
        if windows.is_empty() {
            batch.note("no interest at all");
            return Ok(batch);
        }
        let stored: Vec<Point> = ask
            .before
            .iter()
            .filter_map(|e| match &e.data {
                MarketData::SearchTrend(t) if !t.partial => {
                    Some(Point { period: t.period, interest: t.interest, partial: false, length: Span::default() })
                }
                _ => None,
            })
            .collect();
        if !stored.is_empty() {
            windows.insert(0, stored);
        }
        let joined = stitch(&windows).map_err(|f| self.fail(f))?;
        let delay = Span::from_secs(3600 * i64::from(self.config.delay_hours));
        for p in joined.iter().filter(|p| p.length > Span::default()) {
            // The end must have come by the clock, too: the flag alone is not to be trusted with money.
            if p.partial || p.period.plus(p.length) > ask.now {
                batch.note("partial periods");
                continue;
            }
            let known = self.config.known_at.of(p.period.plus(p.length), ask.now, delay);
            let data = SearchTrend { period: p.period, interest: p.interest, partial: false };
            batch.push(ask.symbol, known, MarketData::SearchTrend(data));
        }
        Ok(batch)
    }
}

/// The time ranges to ask for: overlapping windows where there are dates, otherwise the one configured.
fn timeframes(config: &TrendsConfig, ask: &Ask) -> Vec<String> {
    let (y, m, d) = ask.now.ymd();
    let (Some(from), Ok(today)) = (ask.from, Date::new(y, m, d)) else { return vec![config.timeframe.clone()] };
    let to = ask.to.map_or(today, |t| t.min(today));
    let days = |n: u32| jiff::Span::new().days(i64::from(n));
    let mut out = Vec::new();
    let mut start = from;
    while start < to {
        let end = start.checked_add(days(config.window_days)).map_or(to, |e| e.min(to));
        out.push(format!("{start} {end}"));
        if end >= to {
            break;
        }
        let Ok(next) = end.checked_sub(days(config.overlap_days)) else { break };
        start = next;
    }
    if out.is_empty() { vec![config.timeframe.clone()] } else { out }
}

/// The length of a period by the resolution that Google says it used.
fn resolution(request: &Value) -> Result<Span, Fault> {
    Ok(match request.get("resolution").and_then(text) {
        Some("MINUTE") => Span::from_secs(60),
        Some("EIGHT_MINUTE") => Span::from_secs(480),
        Some("HOUR") => Span::from_secs(3600),
        Some("DAY") => Span::DAY,
        Some("WEEK") => Span::from_days(7),
        // At most that: a period must not count as known before its end.
        Some("MONTH") => Span::from_days(31),
        other => {
            return Err(Fault::shape(
                "request.resolution",
                other.unwrap_or("nothing"),
                "MINUTE, EIGHT_MINUTE, HOUR, DAY, WEEK or MONTH",
            ));
        }
    })
}

/// The points of an answer; periods without data are left out.
fn points(request: &Value, answer: &Value) -> Result<Vec<Point>, Fault> {
    let length = resolution(request)?;
    let mut out = Vec::new();
    for (i, row) in list(answer, "default.timelineData", false)?.iter().enumerate() {
        let path = |f: &str| format!("default.timelineData.{i}.{f}");
        let seconds = match row.get("time") {
            Some(Value::String(s)) => s.parse::<i64>().ok(),
            Some(v) => v.as_i64(),
            None => None,
        };
        let seconds = seconds.filter(|s| (0..=9_000_000_000).contains(s));
        let seconds = seconds.ok_or_else(|| Fault::shape(path("time"), row, "seconds since 1970 as text"))?;
        let value = row.get("value").and_then(|v| v.get(0)).and_then(Value::as_f64);
        let interest = value.filter(|v| (0.0..=100.0).contains(v));
        let interest = interest.ok_or_else(|| Fault::shape(path("value.0"), row, "a number from 0 to 100"))?;
        if row.get("hasData").and_then(|h| h.get(0)).and_then(Value::as_bool) == Some(false) {
            continue;
        }
        let partial = row.get("isPartial").and_then(Value::as_bool).unwrap_or(false);
        out.push(Point { period: Time::from_nanos(seconds * 1_000_000_000), interest, partial, length });
    }
    Ok(out)
}

impl Provider for Trends {
    fn id(&self) -> &str {
        NAME
    }
    fn kind(&self) -> Kind {
        Kind::SearchTrend
    }
    fn fetch<'a>(&'a mut self, ask: &'a Ask) -> Pending<'a> {
        Box::pin(self.get(ask))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(day: i64, interest: f64, partial: bool) -> Point {
        Point { period: Time::from_nanos(0).plus(Span::from_days(day)), interest, partial, length: Span::DAY }
    }

    #[test]
    fn windows_without_common_interest_are_refused_and_partial_points_do_not_count() {
        let a = vec![point(0, 10.0, false), point(1, 20.0, false)];
        assert_eq!(stitch(&[a.clone(), vec![point(2, 5.0, false)]]), Err(Fault::NoOverlap));
        assert_eq!(stitch(&[a.clone(), vec![point(1, 0.0, false), point(2, 5.0, false)]]), Err(Fault::NoOverlap));
        assert_eq!(stitch(&[a.clone(), vec![point(1, 40.0, true), point(2, 5.0, false)]]), Err(Fault::NoOverlap));
        let b = vec![point(1, 40.0, false), point(2, 50.0, true), point(3, 9.0, true)];
        let joined = stitch(&[a, b]).unwrap();
        assert_eq!(joined, [point(0, 10.0, false), point(1, 20.0, false), point(3, 4.5, true)]);
        assert_eq!(stitch(&[]), Ok(Vec::new()));
    }

    #[test]
    fn timeframes_cover_the_dates_and_overlap() {
        let ask = Ask {
            symbol: tradewind_core_types::Symbol::new("A").unwrap(),
            from: Some(Date::constant(2025, 1, 1)),
            to: None,
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            before: Vec::new(),
        };
        let frames = timeframes(&TrendsConfig::default(), &ask);
        assert_eq!(frames, ["2025-01-01 2025-08-29", "2025-06-30 2026-01-01"]);
        assert_eq!(timeframes(&TrendsConfig::default(), &Ask { from: None, ..ask }), ["today 5-y"]);
    }
}
