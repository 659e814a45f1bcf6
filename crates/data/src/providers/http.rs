//! One HTTP client for all providers: time-outs, retries, rate limits, cookies, and no secret in anything that is shown.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::cookie::Jar;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Method, Url};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use tradewind_core_types::{Invalid, Time};

use super::error::{Fault, ProviderError};

/// Most of a body that an error shows.
const SHOWN: usize = 2048;
/// Names in a query whose values are never shown.
const SECRET_NAMES: [&str; 8] = ["apikey", "api_key", "key", "token", "crumb", "secret", "password", "access_token"];

/// How requests are made. Proxies are taken from the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Seconds within which a request must be answered in full; above 0, at most 600.
    pub timeout_seconds: f64,
    /// How often a request is tried; 1 to 20.
    pub attempts: u32,
    /// Seconds before the second attempt; doubled for each further one, and drawn between half of it and all of it. 0 to 600.
    pub backoff_seconds: f64,
    /// Longest wait between attempts, in seconds; a server that asks for more (`Retry-After`) is not asked again. 0 to 3600.
    pub longest_wait_seconds: f64,
    /// Who asks; some services refuse those that do not look like a browser, and some want an address to complain to.
    pub user_agent: String,
    /// Largest answer in bytes, unpacked; 1024 to 1e9.
    pub most_bytes: usize,
    /// Seed of the jitter of waits.
    pub seed: u64,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            timeout_seconds: 20.0,
            attempts: 4,
            backoff_seconds: 1.0,
            longest_wait_seconds: 120.0,
            user_agent: concat!("Mozilla/5.0 (compatible; tradewind/", env!("CARGO_PKG_VERSION"), ")").into(),
            most_bytes: 32 << 20,
            seed: 1,
        }
    }
}

impl HttpConfig {
    /// Whether all of it can be used.
    ///
    /// # Errors
    /// Everything that cannot, at once.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        let t = self.timeout_seconds;
        bad.require(t > 0.0 && t <= 600.0, "timeout_seconds", t, "above 0, at most 600");
        bad.require((1..=20).contains(&self.attempts), "attempts", self.attempts, "1 to 20");
        let b = self.backoff_seconds;
        bad.require((0.0..=600.0).contains(&b), "backoff_seconds", b, "0 to 600");
        let w = self.longest_wait_seconds;
        bad.require((0.0..=3600.0).contains(&w), "longest_wait_seconds", w, "0 to 3600");
        let printable = !self.user_agent.is_empty() && self.user_agent.chars().all(|c| matches!(c, ' '..='~'));
        bad.require(printable, "user_agent", format!("{:?}", self.user_agent), "printable ASCII");
        let m = self.most_bytes;
        bad.require((1024..=1_000_000_000).contains(&m), "most_bytes", m, "1024 to 1e9");
        bad.into_result(())
    }
}

/// A key out of the environment. It cannot be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value of an environment variable.
    ///
    /// # Errors
    /// When it is not set or empty.
    pub fn from_env(variable: &str) -> Result<Self, Fault> {
        match std::env::var(variable) {
            Ok(v) if !v.trim().is_empty() => Ok(Self(v.trim().to_owned())),
            _ => Err(Fault::MissingKey { variable: variable.into() }),
        }
    }
    /// A secret that is known already, such as a session's crumb.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// When each host may be asked next. Shared by all providers of a run.
#[derive(Debug, Default)]
pub struct Limiter(Mutex<BTreeMap<String, Instant>>);

impl Limiter {
    /// Waits for a turn at a host whose turns are `spacing` apart.
    async fn turn(&self, host: &str, spacing: Duration) {
        let at = {
            let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = next.entry(host.to_owned()).or_insert_with(Instant::now);
            let at = (*slot).max(Instant::now());
            *slot = at + spacing;
            at
        };
        tokio::time::sleep_until(at).await;
    }
    /// Leaves a host alone for a while.
    fn rest(&self, host: &str, wait: Duration) {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + wait;
        let slot = next.entry(host.to_owned()).or_insert(until);
        *slot = (*slot).max(until);
    }
}

/// An answer with any status that is not worth another attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Host that answered in the end.
    pub host: String,
    /// The body.
    pub body: Vec<u8>,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(&'a str, String)>,
    /// Whether 429 is worth another attempt; where limits last for hours it is not.
    pub again_on_429: bool,
}

impl Call<'_> {
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: Vec::new(), again_on_429: true }
    }
}

/// The client of one provider.
pub struct Http {
    provider: String,
    config: HttpConfig,
    client: Client,
    limiter: Arc<Limiter>,
    spacing: Duration,
    jitter: u64,
    secrets: Vec<Secret>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("provider", &self.provider).field("config", &self.config).finish_non_exhaustive()
    }
}

fn client(config: &HttpConfig) -> Result<Client, Fault> {
    // Fails when one has been installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(&config.user_agent)
        .timeout(Duration::from_secs_f64(config.timeout_seconds))
        .cookie_provider(Arc::new(Jar::default()))
        .build()
        .map_err(|e| Fault::Connect { why: e.without_url().to_string() })
}

impl Http {
    /// A client for a provider, which waits `spacing_seconds` between requests to one host.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(
        provider: &str,
        config: &HttpConfig,
        limiter: Arc<Limiter>,
        spacing_seconds: f64,
    ) -> Result<Self, ProviderError> {
        let fail = |fault| ProviderError { provider: provider.into(), symbol: None, place: "".into(), fault };
        let spacing = Duration::try_from_secs_f64(spacing_seconds)
            .map_err(|e| fail(Fault::Unavailable { why: format!("spacing of {spacing_seconds} s: {e}") }))?;
        Ok(Self {
            provider: provider.into(),
            client: client(config).map_err(fail)?,
            config: config.clone(),
            limiter,
            spacing,
            jitter: config.seed
                ^ provider.bytes().fold(0xcbf2_9ce4, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_01b3)),
            secrets: Vec::new(),
        })
    }
    /// Never shows this from now on.
    pub fn hide(&mut self, secret: &Secret) {
        if !self.secrets.contains(secret) {
            self.secrets.push(secret.clone());
        }
    }
    /// Forgets all cookies.
    pub(super) fn forget_cookies(&mut self) -> Result<(), Fault> {
        self.client = client(&self.config)?;
        Ok(())
    }
    /// Text without secrets.
    pub fn redact(&self, text: &str) -> String {
        redact(text, &self.secrets)
    }
    /// An error with a redacted address.
    pub(super) fn error(&self, url: &Url, fault: Fault) -> ProviderError {
        ProviderError {
            provider: self.provider.as_str().into(),
            symbol: None,
            place: self.redact(url.as_str()).into(),
            fault,
        }
    }
    /// The beginning of a body, without secrets.
    pub(super) fn shown(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body.get(..SHOWN).unwrap_or(body));
        self.redact(text.trim())
    }
    /// Uniform in (0, 1).
    fn draw(&mut self) -> f64 {
        self.jitter = self.jitter.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.jitter;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Makes a request, again where that may help.
    pub(super) async fn call(&mut self, call: &Call<'_>) -> Result<Answer, ProviderError> {
        let host = call.url.host_str().unwrap_or_default().to_owned();
        let mut attempt = 1;
        loop {
            self.limiter.turn(&host, self.spacing).await;
            let (fault, asked) = match self.once(call).await {
                Ok((answer, asked)) => match self.status_fault(&answer, asked, call.again_on_429) {
                    Some(fault) => (fault, asked),
                    None => return Ok(answer),
                },
                Err(fault) => (fault, None),
            };
            let limited = matches!(fault, Fault::RateLimited { .. });
            let longest = self.config.longest_wait_seconds;
            let backoff = (self.config.backoff_seconds * 2_f64.powi(attempt as i32 - 1)).min(longest);
            let wait = asked.map_or(backoff * (0.5 + 0.5 * self.draw()), |s| s as f64);
            if attempt >= self.config.attempts || wait > longest || (limited && !call.again_on_429) {
                return Err(self.error(&call.url, fault));
            }
            let wait = Duration::from_secs_f64(wait.max(0.0));
            if limited {
                self.limiter.rest(&host, wait);
            }
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// The fault of a status that may be worth another attempt.
    fn status_fault(&self, a: &Answer, wait: Option<u64>, again_on_429: bool) -> Option<Fault> {
        match a.status {
            429 if again_on_429 => Some(Fault::RateLimited { wait }),
            408 | 500 | 502 | 503 | 504 => Some(Fault::Server { status: a.status, text: self.shown(&a.body) }),
            _ => None,
        }
    }

    async fn once(&self, call: &Call<'_>) -> Result<(Answer, Option<u64>), Fault> {
        let seconds = self.config.timeout_seconds;
        let most = self.config.most_bytes;
        let mut request = self.client.request(call.method.clone(), call.url.clone());
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let mut response = request.send().await.map_err(|e| match e.is_timeout() {
            true => Fault::Timeout { seconds },
            false => Fault::Connect { why: self.redact(&causes(&e.without_url())) },
        })?;
        let status = response.status().as_u16();
        let asked = retry_after(response.headers());
        let host = response.url().host_str().unwrap_or_default().to_owned();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > most => return Err(Fault::TooLong { most }),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok((Answer { status, host, body }, asked)),
                Err(e) if e.is_timeout() => return Err(Fault::Timeout { seconds }),
                Err(_) => return Err(Fault::CutShort { bytes: body.len() }),
            }
        }
    }

    /// The body as JSON; from its first `{` or `[` on where a service puts something before it.
    ///
    /// # Errors
    /// When there is none, it is a page, not UTF-8, or not JSON.
    pub(super) fn json(&self, url: &Url, a: &Answer, prefixed: bool) -> Result<Value, ProviderError> {
        let fail = |fault| self.error(url, fault);
        let text = std::str::from_utf8(&a.body).map_err(|e| fail(Fault::NotUtf8 { byte: e.valid_up_to() }))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Err(fail(Fault::Empty { status: a.status }));
        }
        if text.starts_with('<') {
            return Err(fail(Fault::Html { status: a.status, text: self.shown(text.as_bytes()) }));
        }
        let from = if prefixed { text.find('{').unwrap_or(0) } else { 0 };
        serde_json::from_str(&text[from..]).map_err(|e| match e.is_eof() {
            true => fail(Fault::CutShort { bytes: a.body.len() }),
            false => fail(Fault::NotJson { why: e.to_string(), text: self.shown(text.as_bytes()) }),
        })
    }

    /// The fault of a status that no provider makes sense of otherwise.
    pub(super) fn refusal(&self, a: &Answer) -> Option<Fault> {
        let (status, text) = (a.status, self.shown(&a.body));
        match status {
            200 => None,
            204 => Some(Fault::Empty { status }),
            401 | 403 => Some(Fault::Refused { status, text }),
            402 => Some(Fault::NotEntitled { status, text }),
            404 => Some(Fault::NotFound { status, text }),
            429 => Some(Fault::RateLimited { wait: None }),
            _ => Some(Fault::Status { status, text }),
        }
    }
}

/// An error with what caused it, which is where reqwest says what happened.
fn causes(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut next = e.source();
    while let Some(e) = next {
        text = format!("{text}: {e}");
        next = e.source();
    }
    text
}

/// Seconds to wait as the server asks: a number, or a date against the server's own clock.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(s) = value.parse::<u64>() {
        return Some(s);
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|z| z.timestamp().as_second());
    let now = headers.get(DATE).and_then(|d| d.to_str().ok()).and_then(date).or_else(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    })?;
    u64::try_from((date(value)? - now).max(0)).ok()
}

/// Replaces secrets, and the values of query parameters with secret names, by `***`.
pub(super) fn redact(text: &str, secrets: &[Secret]) -> String {
    let mut out = text.to_owned();
    for s in secrets {
        let plain = s.expose();
        if plain.is_empty() {
            continue;
        }
        out = out.replace(plain, "***");
        let encoded: String = reqwest::Url::parse_with_params("http://x/", [("k", plain)])
            .ok()
            .and_then(|u| u.query().map(|q| q.trim_start_matches("k=").to_owned()))
            .unwrap_or_default();
        if !encoded.is_empty() {
            out = out.replace(&encoded, "***");
        }
    }
    let lower = out.to_ascii_lowercase();
    let mut shown = String::with_capacity(out.len());
    let mut at = 0;
    while let Some(found) = lower.get(at..).and_then(|rest| rest.find('=')) {
        let equals = at + found;
        let start =
            lower[..equals].rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).map_or(0, |i| i + 1);
        let start = (start..=equals).find(|i| lower.is_char_boundary(*i)).unwrap_or(equals);
        let name = lower[start..equals].replace('-', "_");
        shown.push_str(&out[at..=equals]);
        at = equals + 1;
        if SECRET_NAMES.contains(&name.as_str()) {
            let end = out[at..].find(['&', ' ', '"', '\'', '<', ')', '\n', ';']).map_or(out.len(), |i| at + i);
            shown.push_str("***");
            at = end;
        }
    }
    shown.push_str(&out[at..]);
    shown
}

/// Joins a base address and a path with query parameters.
pub(super) fn address(base: &str, path: &str, query: &[(&str, &str)]) -> Result<Url, Fault> {
    let text = format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'));
    let result =
        if query.is_empty() { Url::parse(&text) } else { Url::parse_with_params(&text, query.iter().copied()) };
    result.map_err(|e| Fault::Unavailable { why: format!("{text:?} is not an address: {e}") })
}

/// Start of a New York day.
pub(super) fn new_york_day(date: jiff::civil::Date) -> Option<Time> {
    date.in_tz(crate::NEW_YORK).ok().and_then(|z| Time::from_timestamp(z.timestamp()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_shown() {
        let key = Secret::new("s3cr3t/key");
        assert_eq!(format!("{key:?}"), "***");
        for (text, want) in [
            ("https://x/y?symbol=A&apikey=s3cr3t%2Fkey&a=b", "https://x/y?symbol=A&apikey=***&a=b"),
            ("https://x/y?apiKey=other", "https://x/y?apiKey=***"),
            ("token=abc&tz=360", "token=***&tz=360"),
            ("you sent s3cr3t/key", "you sent ***"),
            ("mon\u{f6}key=1 é=2 key=3", "mon\u{f6}key=1 é=2 key=***"),
            ("a == b", "a == b"),
        ] {
            assert_eq!(redact(text, std::slice::from_ref(&key)), want);
        }
    }

    #[test]
    fn waits_that_servers_ask_for() {
        let headers = |retry: &str, date: Option<&str>| {
            let mut h = HeaderMap::new();
            h.insert(RETRY_AFTER, retry.parse().unwrap());
            if let Some(d) = date {
                h.insert(DATE, d.parse().unwrap());
            }
            retry_after(&h)
        };
        assert_eq!(headers("7", None), Some(7));
        let now = Some("Thu, 19 Nov 2026 12:00:00 GMT");
        assert_eq!(headers("Thu, 19 Nov 2026 12:00:30 GMT", now), Some(30));
        assert_eq!(headers("Thu, 19 Nov 2026 11:00:00 GMT", now), Some(0));
        assert_eq!(headers("soon", now), None);
    }
}
