//! Clients of external services, and what they give as records with the time they became known. Behind the feature `providers`.
//!
//! Async at the edge only: [`fetch`] blocks, asks each provider about each symbol in turn, and stores what is new in an [`Archive`]. A
//! provider that fails takes its signal away and says so; it never stops anything else.
//!
//! [`Archive`]: crate::Archive

mod alpaca;
mod error;
mod fetch;
mod files;
mod fmp;
mod http;
mod simulated;
mod trends;
mod value;
mod whisper;
mod yahoo;

use std::future::Future;
use std::pin::Pin;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Event, MarketData, Origin, Span, Symbol, Time};

use crate::spec::Kind;

pub use alpaca::{AlpacaNews, AlpacaNewsConfig};
pub use error::{Fault, ProviderError};
pub use fetch::{FetchConfig, FetchReport, Progress, ProviderConfig, ProviderReport, fetch, fetch_with};
pub use files::{FileConfig, FileProvider};
pub use fmp::{Fmp, FmpConfig, FmpWhat};
pub use http::{Http, HttpConfig, Limiter, Secret};
pub use simulated::{Simulated, SimulatedConfig};
pub use trends::{Point, Trends, TrendsConfig, stitch};
pub use whisper::{HttpEarnings, HttpEarningsConfig};
pub use yahoo::{Yahoo, YahooConfig, YahooWhat};

/// What a provider is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// About which symbol.
    pub symbol: Symbol,
    /// First date of interest (New York), when not as far back as there is.
    pub from: Option<Date>,
    /// Last date of interest.
    pub to: Option<Date>,
    /// Now.
    pub now: Time,
    /// What is stored of this symbol from this provider: new search interest is put on its scale.
    pub before: Vec<Event>,
}

impl Ask {
    /// Whether a date is asked for.
    pub(super) fn wants(&self, date: Date) -> bool {
        self.from.is_none_or(|f| f <= date) && self.to.is_none_or(|t| date <= t)
    }
}

/// What a provider gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Records; the time of each is when it became known.
    pub records: Vec<Event>,
    /// What was left out, and how often.
    pub notes: Vec<(String, u64)>,
}

impl Batch {
    /// Counts something that was left out.
    pub(super) fn note(&mut self, what: &str) {
        match self.notes.iter_mut().find(|n| n.0 == what) {
            Some(n) => n.1 += 1,
            None => self.notes.push((what.into(), 1)),
        }
    }
    pub(super) fn push(&mut self, symbol: Symbol, time: Time, data: MarketData) {
        self.records.push(Event { time, symbol: Some(symbol), origin: Origin::default(), data });
    }
    /// An answer with rows of which none could be read has changed its shape.
    pub(super) fn unless_unreadable(self, rows: usize, unreadable: &str) -> Result<Self, Fault> {
        let bad = self.notes.iter().find(|n| n.0 == unreadable).map_or(0, |n| n.1);
        if rows > 0 && bad == rows as u64 {
            return Err(Fault::shape("every row", unreadable, "rows as documented"));
        }
        Ok(self)
    }
}

/// The answer of a provider, to be waited for.
pub type Pending<'a> = Pin<Box<dyn Future<Output = Result<Batch, ProviderError>> + Send + 'a>>;

/// A source of records about one symbol at a time.
pub trait Provider: Send {
    /// Its name, also that of its file in the archive.
    fn id(&self) -> &str;
    /// What its records are.
    fn kind(&self) -> Kind;
    /// Asks.
    fn fetch<'a>(&'a mut self, ask: &'a Ask) -> Pending<'a>;
}

/// When a record that describes an earlier moment counts as known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KnownAt {
    /// When it says it was published, at the earliest: a date without a time of day counts from its end in New York, so after the close. For
    /// history; what the source has corrected since looks as if it had always been so.
    #[default]
    Published,
    /// When it was fetched. Says nothing that was not known, and gives no history.
    Fetched,
}

impl KnownAt {
    /// The time a record became known, given when it was published.
    pub(super) fn of(self, published: Time, now: Time, delay: Span) -> Time {
        match self {
            Self::Published => published.plus(delay).min(now),
            Self::Fetched => now,
        }
    }
}
