//! Providers against a local server that answers as the services do on good and on bad days, and the archive behind them.

mod alpaca;
mod archive;
mod earnings;
mod files;
mod fmp;
mod planted;
mod transport;
mod trends;
mod yahoo;

use std::sync::Arc;

use serde_json::Value;
use tradewind_core_types::{Event, MarketData, Symbol, Time};
use tradewind_data::providers::{Ask, Batch, Fault, HttpConfig, Limiter, Provider, ProviderError};
use wiremock::{Match, MockServer, Request, ResponseTemplate};

/// A variable that cargo sets for every test; its value has slashes, so that it is written differently in an address.
pub(crate) const KEY: &str = "CARGO_MANIFEST_DIR";

/// What kind of fault is expected.
pub(crate) type Is = fn(&Fault) -> bool;

pub(crate) fn key() -> String {
    std::env::var(KEY).unwrap()
}

pub(crate) fn http() -> HttpConfig {
    HttpConfig {
        timeout_seconds: 0.5,
        attempts: 3,
        backoff_seconds: 0.01,
        longest_wait_seconds: 2.0,
        ..Default::default()
    }
}

pub(crate) fn limiter() -> Arc<Limiter> {
    Arc::new(Limiter::default())
}

pub(crate) fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}

pub(crate) fn t(s: &str) -> Time {
    s.parse().unwrap()
}

pub(crate) fn ask(s: &str, now: &str) -> Ask {
    Ask { symbol: symbol(s), from: None, to: None, now: t(now), before: Vec::new() }
}

pub(crate) fn json(status: u16, v: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(v)
}

pub(crate) fn raw(status: u16, body: impl Into<Vec<u8>>, kind: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, kind)
}

/// Asks and shows nothing secret, whatever comes.
pub(crate) async fn get(p: &mut dyn Provider, ask: &Ask) -> Result<Batch, ProviderError> {
    let answer = p.fetch(ask).await;
    if let Err(e) = &answer {
        for shown in [e.to_string(), format!("{e:?}"), serde_json::to_string(&e.fault).unwrap()] {
            let encoded = key().replace('/', "%2F");
            assert!(!shown.contains(&key()) && !shown.contains(&encoded), "a key is shown: {shown}");
        }
    }
    answer
}

pub(crate) async fn fault(p: &mut dyn Provider, ask: &Ask) -> Fault {
    get(p, ask).await.expect_err("a failure").fault
}

/// Records as JSON, with the time each became known.
pub(crate) fn shown(events: &[Event]) -> Vec<Value> {
    let line = |e: &Event| serde_json::from_str(&tradewind_data::record_line(e).unwrap()).unwrap();
    events.iter().map(line).collect()
}

pub(crate) fn interest(events: &[Event]) -> Vec<f64> {
    let one = |e: &Event| match e.data {
        MarketData::SearchTrend(t) => t.interest,
        _ => panic!("{e:?}"),
    };
    events.iter().map(one).collect()
}

/// A header with a value that begins so.
pub(crate) struct HeaderBegins(pub &'static str, pub String);

impl Match for HeaderBegins {
    fn matches(&self, r: &Request) -> bool {
        r.headers.get(self.0).and_then(|v| v.to_str().ok()).is_some_and(|v| v.starts_with(&self.1))
    }
}

pub(crate) async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}
