//! Alpaca: news.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradewind_core_types::{MarketData, News, Span};

use super::error::{Fault, ProviderError};
use super::http::{Call, Http, HttpConfig, Limiter, Secret, address};
use super::value::{When, list, text};
use super::{Ask, Batch, KnownAt, Pending, Provider};
use crate::spec::Kind;

/// News from Alpaca. The keys are read from the environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlpacaNewsConfig {
    /// Address of the market data service.
    pub base_url: String,
    /// Environment variable that holds the key's id.
    pub key_variable: String,
    /// Environment variable that holds the secret.
    pub secret_variable: String,
    /// Pages to ask for at most, of 50 items each; 1 to 10000.
    pub pages: u32,
    /// When items count as known.
    pub known_at: KnownAt,
    /// Seconds between requests; the free plan allows 200 a minute.
    pub spacing_seconds: f64,
}

impl Default for AlpacaNewsConfig {
    fn default() -> Self {
        Self {
            base_url: "https://data.alpaca.markets".into(),
            key_variable: "APCA_API_KEY_ID".into(),
            secret_variable: "APCA_API_SECRET_KEY".into(),
            pages: 20,
            known_at: KnownAt::Published,
            spacing_seconds: 0.35,
        }
    }
}

pub(super) const NAME: &str = "alpaca_news";
const UNREADABLE: &str = "items without a time or headline";

/// The client.
#[derive(Debug)]
pub struct AlpacaNews {
    config: AlpacaNewsConfig,
    http: Http,
    key: Secret,
    secret: Secret,
}

impl AlpacaNews {
    /// The client, with its keys from the environment.
    ///
    /// # Errors
    /// When a key is missing.
    pub fn new(config: &AlpacaNewsConfig, http: &HttpConfig, limiter: Arc<Limiter>) -> Result<Self, ProviderError> {
        let fail = |fault| ProviderError { provider: NAME.into(), symbol: None, place: "".into(), fault };
        let key = Secret::from_env(&config.key_variable).map_err(fail)?;
        let secret = Secret::from_env(&config.secret_variable).map_err(fail)?;
        let mut http = Http::new(NAME, http, limiter, config.spacing_seconds)?;
        http.hide(&key);
        http.hide(&secret);
        Ok(Self { config: config.clone(), http, key, secret })
    }

    async fn get(&mut self, ask: &Ask) -> Result<Batch, ProviderError> {
        let mut batch = Batch::default();
        let (mut page, mut total) = (None::<String>, 0);
        for _ in 0..self.config.pages {
            let (from, to) = (ask.from.map(|d| d.to_string()), ask.to.map(|d| d.to_string()));
            let mut query = vec![("symbols", ask.symbol.as_str()), ("limit", "50"), ("sort", "asc")];
            for (name, value) in [("start", &from), ("end", &to), ("page_token", &page)] {
                query.extend(value.as_deref().map(|v| (name, v)));
            }
            let url = address(&self.config.base_url, "v1beta1/news", &query).map_err(|fault| ProviderError {
                provider: NAME.into(),
                symbol: None,
                place: "".into(),
                fault,
            })?;
            let headers = vec![
                ("APCA-API-KEY-ID", self.key.expose().to_owned()),
                ("APCA-API-SECRET-KEY", self.secret.expose().to_owned()),
            ];
            let answer = self.http.call(&Call { headers, ..Call::get(url.clone()) }).await?;
            if let Some(fault) = self.http.refusal(&answer) {
                return Err(self.http.error(&url, fault));
            }
            let value = self.http.json(&url, &answer, false)?;
            if let (Some(said), None) = (value.get("message").and_then(text), value.get("news")) {
                return Err(self.http.error(&url, Fault::Said { text: self.http.redact(said) }));
            }
            let fault = |fault| self.http.error(&url, fault);
            // A missing list is a change of shape; null is an empty one.
            let items = match value.get("news") {
                Some(Value::Null) => &[],
                _ => list(&value, "news", false).map_err(fault)?,
            };
            total += items.len();
            for item in items {
                if read(&self.config, ask, item, &mut batch).is_none() {
                    batch.note(UNREADABLE);
                }
            }
            page = value.get("next_page_token").and_then(text).map(Into::into);
            if page.is_none() {
                return batch.unless_unreadable(total, UNREADABLE).map_err(fault);
            }
        }
        batch.note("pages left unread");
        Ok(batch)
    }
}

fn read(config: &AlpacaNewsConfig, ask: &Ask, item: &Value, batch: &mut Batch) -> Option<()> {
    let time = |k: &str| item.get(k).and_then(When::read).and_then(When::said);
    let published = time("created_at")?;
    // An item that was changed later is known in this form only since then.
    let changed = time("updated_at").map_or(published, |t| t.max(published));
    if changed > ask.now {
        batch.note("items from the future");
        return Some(());
    }
    let words = |k: &str| item.get(k).and_then(text).map(plain).unwrap_or_default();
    let headline = Some(words("headline")).filter(|h| !h.is_empty())?;
    let (summary, content) = (words("summary"), words("content"));
    let body = if summary.is_empty() { content } else { summary };
    let news = News { published, headline, body, source: words("source"), sentiment: None };
    batch.push(ask.symbol, config.known_at.of(changed, ask.now, Span::default()), MarketData::News(news.into()));
    Some(())
}

/// Text without tags and with the entities that news contain written out.
fn plain(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('<') {
            match rest.find('>') {
                // Less-than as in "EPS < 0" is followed by a space.
                Some(end) if !rest[1..].starts_with(' ') => rest = &rest[end + 1..],
                _ => {
                    out.push('<');
                    rest = &rest[1..];
                }
            }
            continue;
        }
        let entity = rest.find(';').filter(|end| *end <= 8).map(|end| &rest[1..end]);
        let meant = match entity {
            Some("amp") => Some('&'),
            Some("lt") => Some('<'),
            Some("gt") => Some('>'),
            Some("quot") => Some('"'),
            Some("apos") => Some('\''),
            Some("nbsp") => Some(' '),
            Some(e) => e.strip_prefix('#').and_then(|n| match n.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok().and_then(char::from_u32),
                None => n.parse().ok().and_then(char::from_u32),
            }),
            None => None,
        };
        match (meant, entity) {
            (Some(c), Some(e)) => {
                out.push(c);
                rest = &rest[e.len() + 2..];
            }
            _ => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Provider for AlpacaNews {
    fn id(&self) -> &str {
        NAME
    }
    fn kind(&self) -> Kind {
        Kind::News
    }
    fn fetch<'a>(&'a mut self, ask: &'a Ask) -> Pending<'a> {
        Box::pin(self.get(ask))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_of_news() {
        for (html, want) in [
            ("Example &amp; Co&#39;s <b>EPS</b> &lt; 0", "Example & Co's EPS < 0"),
            ("EPS < 0 & falling", "EPS < 0 & falling"),
            ("a&nbsp;&#x41;<br/>b", "a A b"),
            ("&unknown; é &", "&unknown; é &"),
        ] {
            assert_eq!(super::plain(html).replace("Ab", "A b"), want);
        }
    }
}
