//! What can go wrong with a provider. Nothing here stops a run: the signal that needs the data goes without, and says so.

use std::fmt;

use serde::Serialize;
use tradewind_core_types::Symbol;

/// A provider could not give what it was asked for.
///
/// Addresses and bodies in it are redacted: no key, token or crumb is ever shown.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderError {
    /// Which provider.
    pub provider: Box<str>,
    /// Asked about which symbol.
    pub symbol: Option<Symbol>,
    /// Address or file.
    pub place: Box<str>,
    /// What went wrong.
    pub fault: Fault,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what it and its fields are")]
pub enum Fault {
    #[error("the environment variable {variable} is not set: put the key there")]
    MissingKey { variable: String },
    #[error("no answer within {seconds} s")]
    Timeout { seconds: f64 },
    #[error("no connection ({why})")]
    Connect { why: String },
    #[error("the answer breaks off after {bytes} bytes")]
    CutShort { bytes: usize },
    #[error("the answer is longer than {most} bytes")]
    TooLong { most: usize },
    #[error("too many requests{}", wait.map_or(String::new(), |s| format!(": asked to wait {s} s")))]
    RateLimited { wait: Option<u64> },
    #[error("the server failed (status {status}): {text}")]
    Server { status: u16, text: String },
    #[error("refused (status {status}): {text}")]
    Refused { status: u16, text: String },
    #[error("not in this subscription (status {status}): {text}")]
    NotEntitled { status: u16, text: String },
    #[error("not found (status {status}): {text}")]
    NotFound { status: u16, text: String },
    #[error("status {status}: {text}")]
    Status { status: u16, text: String },
    #[error("an empty answer (status {status})")]
    Empty { status: u16 },
    #[error("a web page instead of data (status {status}): {text}")]
    Html { status: u16, text: String },
    #[error("a page that asks for consent instead of data: this service cannot be used from here")]
    Consent,
    #[error("not valid UTF-8 at byte {byte}")]
    NotUtf8 { byte: usize },
    #[error("not JSON ({why}): {text}")]
    NotJson { why: String, text: String },
    #[error("the answer is an error: {text}")]
    Said { text: String },
    #[error("the answer has changed its shape: {path} is {found}, expected {expected}")]
    Shape { path: String, found: String, expected: String },
    #[error("windows of search interest do not overlap where there is any interest: they cannot be put on one scale")]
    NoOverlap,
    #[error("{why}")]
    File { why: String },
    #[error("not available: {why}")]
    Unavailable { why: String },
}

impl Fault {
    /// Whether asking about other symbols now is of no use either.
    pub fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::MissingKey { .. }
                | Self::RateLimited { .. }
                | Self::Refused { .. }
                | Self::Consent
                | Self::Unavailable { .. }
                | Self::File { .. }
        )
    }
    pub(super) fn shape(path: impl Into<String>, found: impl fmt::Display, expected: impl Into<String>) -> Self {
        let mut found = found.to_string();
        if let Some((at, _)) = found.char_indices().nth(200) {
            found.truncate(at);
        }
        Self::Shape { path: path.into(), found, expected: expected.into() }
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.provider)?;
        if let Some(s) = self.symbol {
            write!(f, ", {s}")?;
        }
        if !self.place.is_empty() {
            write!(f, ", {}", self.place)?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl std::error::Error for ProviderError {}
