//! A session as a row.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use tradewind_core_types::BadInput;

use crate::sentiment::score;

/// One session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FePriceNewsDivIn {
    /// Price at the close, above 0.
    pub close: f64,
    /// Mean sentiment of its news, in [-1, 1]; empty when there is none.
    pub sentiment: Option<f64>,
    /// How many news items there were, 0 or more; empty with a sentiment means: enough.
    pub news: Option<f64>,
    /// Where no sentiment is given: the headlines, separated by ` | ` or line breaks.
    #[serde(default, deserialize_with = "text")]
    pub headlines: Option<String>,
}

impl FePriceNewsDivIn {
    /// Mean sentiment and number of items.
    pub(super) fn read(&self, enough: f64) -> Result<(Option<f64>, f64), BadInput> {
        if let Some(n) = self.news
            && !(0.0..=1e9).contains(&n)
        {
            return Err(BadInput::new("news", n.to_string(), "a number of items, zero or more"));
        }
        if let Some(s) = self.sentiment {
            let n = self.news.unwrap_or(enough);
            return Ok((Some(valid(s)?), n));
        }
        let lines = self.headlines.as_deref().unwrap_or("").split(['\n', '\r']).flat_map(|l| l.split(" | "));
        let (mut sum, mut n) = (0.0, 0.0);
        for line in lines.filter(|l| l.chars().any(char::is_alphanumeric)) {
            sum += score(line).score;
            n += 1.0;
        }
        Ok(((n > 0.0).then(|| sum / n), n))
    }
}

/// A sentiment in its range.
pub(super) fn valid(sentiment: f64) -> Result<f64, BadInput> {
    if (-1.0..=1.0).contains(&sentiment) {
        Ok(sentiment)
    } else {
        Err(BadInput::new("sentiment", sentiment.to_string(), "a number in [-1, 1]"))
    }
}

/// What is known after a session's close.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FePriceNewsDivOut {
    /// Simple return of the session.
    pub change: f64,
    /// Mean sentiment of its news in [-1, 1]; empty when there were fewer than `min_news`.
    pub sentiment: Option<f64>,
    /// News items.
    pub news: f64,
    /// Rank correlation of sentiment and return in [-1, 1]; empty with too few sessions, or without variation.
    pub correlation: Option<f64>,
    /// Sentiment in standard deviations from its mean.
    pub z_sentiment: Option<f64>,
    /// Return in standard deviations from its mean.
    pub z_return: Option<f64>,
    /// z_sentiment - z_return.
    pub divergence: Option<f64>,
    /// Whether they have opposite signs.
    pub disagree: bool,
    /// Multiplier for a long signal, in [`floor`, 1].
    pub quality_long: f64,
    /// Multiplier for a short signal, in [`floor`, 1].
    pub quality_short: f64,
}

/// Text, also of a cell that was read as a number.
struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Option<String>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or nothing")
    }
    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_any(self)
    }
    fn visit_str<E: de::Error>(self, s: &str) -> Result<Self::Value, E> {
        Ok(Some(s.to_owned()))
    }
    fn visit_f64<E: de::Error>(self, x: f64) -> Result<Self::Value, E> {
        Ok(Some(x.to_string()))
    }
    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Self::Value, E> {
        Ok(Some(n.to_string()))
    }
    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Self::Value, E> {
        Ok(Some(n.to_string()))
    }
}

fn text<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    if d.is_human_readable() { d.deserialize_option(Text) } else { Option::deserialize(d) }
}
