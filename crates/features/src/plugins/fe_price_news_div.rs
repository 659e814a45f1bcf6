//! News sentiment against price: their rank correlation, where they part, and the quality of a signal that news contradict.

mod input;
mod roles;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{BadInput, FeatureId, Invalid, Online, Params, PluginInfo, Symbol, parse_params};
use tradewind_numerics::Window;
use tradewind_numerics::rank::Spearman;

use crate::input::Series;

pub use input::{FePriceNewsDivIn, FePriceNewsDivOut};
pub use roles::{FePriceNewsDivFeature, FePriceNewsDivFilter, NewsCounts};

/// Parameters of `fe_price_news_div`.
///
/// A session's sentiment s is the mean over its news, those that became known after the close before and up to its own close; it counts when
/// there are at least `min_news`. r is the simple return from the close before. Over the sessions of the last `window` that have a sentiment
/// (at least `min_sessions`):
///
/// * `correlation`: Spearman's rank correlation of s and r, ties with mean ranks,
/// * `z_sentiment` = (s - mean) / sd and `z_return` likewise (ddof = 1, this session included),
/// * `divergence` = z_sentiment - z_return: above 0 news are better than the price says; `disagree` when the two have opposite signs.
///
/// A long signal is contradicted when they disagree with divergence D < 0 (the price rose on bad news), a short one when D > 0. With
/// correlation >= `min_correlation`
///
/// quality = 1 - (1 - `floor`) x clamp((|D| - `enter`) / (`full` - `enter`), 0, 1),
///
/// and 1 for the other side, and where anything is missing.
///
/// The sentiment of an item is the one given with it, in [-1, 1]; otherwise [`crate::sentiment::score`] of its headline, or of its body when no
/// word of the headline counts. Table: `close`, `sentiment` (of the session), `news` (how many; absent: enough), or `headlines`, separated by
/// ` | ` or line breaks, where no sentiment is given. Warm-up: `window` rows.
///
/// Sources: Spearman (1904), The proof and measurement of association between two things, American Journal of Psychology 15(1). News and
/// prices: Tetlock (2007), Giving content to investor sentiment, Journal of Finance 62(3). Scores: see [`crate::sentiment`].
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_features::plugins::fe_price_news_div::{FePriceNewsDivIn, FePriceNewsDivParams};
/// let p = FePriceNewsDivParams { window: 5, min_sessions: 3, min_correlation: -1.0, ..Default::default() };
/// let mut d = p.build()?;
/// let mut last = None;
/// for (close, s) in [(100.0, 0.0), (102.0, 0.1), (103.0, 0.3), (102.0, -0.2), (102.0, 0.0), (105.0, -0.7)] {
///     last = d.update(&FePriceNewsDivIn { close, sentiment: Some(s), news: None, headlines: None })?;
/// }
/// // Ranks of sentiment 4 5 2 3 1, of returns 4 3 1 2 5, the worst news with the largest rise: 1 - 6 x 22 / (5 x 24).
/// let last = last.ok_or("warm")?;
/// assert!((last.correlation.ok_or("a correlation")? + 0.1).abs() < 1e-12);
/// assert!(last.disagree && last.quality_long < 1.0 && last.quality_short == 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FePriceNewsDivParams {
    /// Sessions looked back on, 5 to 2520.
    pub window: usize,
    /// Sessions of these that must have enough news, 3 to `window`.
    pub min_sessions: usize,
    /// News items a session needs for its sentiment to count, 1 to 10,000.
    pub min_news: u32,
    /// Size of the divergence from which a contradicted signal shrinks, in standard deviations, 0 or more.
    pub enter: f64,
    /// Size of the divergence from which its quality is `floor`, above `enter` and at most 100.
    pub full: f64,
    /// The lowest quality, in [0, 1].
    pub floor: f64,
    /// Rank correlation below which news are not heeded (they have not gone with this price), in [-1, 1].
    pub min_correlation: f64,
    /// An item with the same headline within so many hours is a duplicate and does not count again, in [0, 8760]; 0 counts all.
    pub duplicate_hours: f64,
    /// An item published longer ago than this when it becomes known does not count, in hours, above 0 and at most 8760.
    pub max_age_hours: f64,
    /// The symbols followed, at least one, each once.
    pub symbols: Vec<String>,
    /// Where prices come from: `close`, or the name of a feature (positive values) in which `{symbol}` stands for the symbol.
    pub input: String,
    /// Prefix of the names of what the feature publishes.
    pub name: String,
}

impl Default for FePriceNewsDivParams {
    fn default() -> Self {
        Self {
            window: 63,
            min_sessions: 20,
            min_news: 2,
            enter: 1.0,
            full: 3.0,
            floor: 0.25,
            min_correlation: 0.0,
            duplicate_hours: 24.0,
            max_age_hours: 72.0,
            symbols: vec!["SPY".into()],
            input: crate::input::CLOSE.into(),
            name: "fe_price_news_div".into(),
        }
    }
}

impl FePriceNewsDivParams {
    fn series(&self) -> Result<Vec<Series>, Invalid> {
        let mut bad = Invalid::default();
        bad.require(!self.symbols.is_empty(), "symbols", "empty", "at least one symbol");
        let mut symbols: Vec<Symbol> = Vec::new();
        for s in &self.symbols {
            match Symbol::new(s) {
                Ok(s) => {
                    bad.require(!symbols.contains(&s), "symbols", s, "each symbol once");
                    symbols.push(s);
                }
                Err(e) => bad.require(false, "symbols", format!("{s:?}"), &e.expected),
            }
        }
        let all: Result<Vec<Series>, Invalid> = symbols.into_iter().map(|s| Series::new(&self.input, s)).collect();
        let all = bad.absorb(all).unwrap_or_default();
        bad.into_result(all)
    }
}

impl Params for FePriceNewsDivParams {
    const ID: &'static str = "fe_price_news_div";
    type Built = FePriceNewsDiv;

    fn build(&self) -> Result<FePriceNewsDiv, Invalid> {
        let mut bad = Invalid::default();
        let (window, least) = (self.window, self.min_sessions);
        bad.require((5..=2520).contains(&window), "window", window, "5 to 2520 sessions");
        bad.require((3..=window).contains(&least), "min_sessions", least, "3 to `window` sessions");
        bad.require((1..=10_000).contains(&self.min_news), "min_news", self.min_news, "1 to 10000 items");
        bad.require(self.enter >= 0.0 && self.enter < 100.0, "enter", self.enter, "standard deviations, 0 or more");
        bad.require(self.full > self.enter && self.full <= 100.0, "full", self.full, "above `enter`, at most 100");
        bad.require((0.0..=1.0).contains(&self.floor), "floor", self.floor, "a quality in [0, 1]");
        let r = self.min_correlation;
        bad.require((-1.0..=1.0).contains(&r), "min_correlation", r, "a correlation in [-1, 1]");
        let hours = self.duplicate_hours;
        bad.require((0.0..=8760.0).contains(&hours), "duplicate_hours", hours, "hours in [0, 8760]");
        let age = self.max_age_hours;
        bad.require(age > 0.0 && age <= 8760.0, "max_age_hours", age, "hours, above 0 and at most 8760");
        bad.absorb(self.series());
        let named = FeatureId::new(&format!("{}.SPY.divergence", self.name));
        bad.require(named.is_ok(), "name", format!("{:?}", self.name), "a prefix of names of features");
        bad.into_result(())?;
        Ok(FePriceNewsDiv {
            rule: Rule {
                min_sessions: least,
                min_news: f64::from(self.min_news),
                enter: self.enter,
                full: self.full,
                floor: self.floor,
                min_correlation: r,
            },
            sessions: Window::new(window),
            previous: None,
            sentiments: Vec::with_capacity(window),
            returns: Vec::with_capacity(window),
            spearman: Spearman::default(),
            without_news: 0,
        })
    }
}

/// What does not change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Rule {
    min_sessions: usize,
    min_news: f64,
    enter: f64,
    full: f64,
    floor: f64,
    min_correlation: f64,
}

/// The calculator: see [`FePriceNewsDivParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FePriceNewsDiv {
    rule: Rule,
    /// Return and, where there were enough news, sentiment of the last sessions.
    sessions: Window<(f64, Option<f64>)>,
    previous: Option<f64>,
    /// Memory: of the sessions with a sentiment, sentiments and returns.
    sentiments: Vec<f64>,
    returns: Vec<f64>,
    spearman: Spearman,
    /// Sessions that had fewer news than needed.
    without_news: u64,
}

/// (last - mean) / standard deviation (ddof = 1), when there is any variation.
fn z(x: &[f64]) -> Option<f64> {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let sd = (x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt();
    // Of equal values the mean may differ in the last digit.
    let varies = x.iter().any(|v| *v != x[0]);
    // A distance that the rounding of the mean explains is none: its sign means nothing.
    let rounding = f64::EPSILON * x.iter().map(|v| v.abs()).sum::<f64>();
    let distance = x.last().map(|v| v - mean).map(|d| if d.abs() <= rounding { 0.0 } else { d });
    distance.filter(|_| varies && sd > 0.0).map(|d| d / sd)
}

impl FePriceNewsDiv {
    fn quality(&self, correlation: Option<f64>, contradiction: f64) -> f64 {
        if correlation.is_none_or(|r| r < self.rule.min_correlation) {
            return 1.0;
        }
        let r = &self.rule;
        1.0 - (1.0 - r.floor) * ((contradiction - r.enter) / (r.full - r.enter)).clamp(0.0, 1.0)
    }
    fn now(&mut self, change: f64, sentiment: Option<f64>, news: f64) -> FePriceNewsDivOut {
        self.sentiments.clear();
        self.returns.clear();
        for (r, s) in self.sessions.iter() {
            if let Some(s) = s {
                self.sentiments.push(s);
                self.returns.push(r);
            }
        }
        let enough = self.sentiments.len() >= self.rule.min_sessions;
        let correlation = if enough { self.spearman.of(&self.sentiments, &self.returns) } else { None };
        // The last of the window is this session only when it has a sentiment.
        let this = enough && sentiment.is_some();
        let zs = z(&self.sentiments).filter(|_| this);
        let zr = z(&self.returns).filter(|_| this);
        let divergence = zs.zip(zr).map(|(s, r)| s - r);
        let disagree = zs.zip(zr).is_some_and(|(s, r)| s * r < 0.0);
        let d = divergence.filter(|_| disagree).unwrap_or(0.0);
        FePriceNewsDivOut {
            change,
            sentiment,
            news,
            correlation,
            z_sentiment: zs,
            z_return: zr,
            divergence,
            disagree,
            quality_long: self.quality(correlation, -d),
            quality_short: self.quality(correlation, d),
        }
    }
}

impl Online for FePriceNewsDiv {
    type In = FePriceNewsDivIn;
    type Out = FePriceNewsDivOut;

    fn update(&mut self, x: &FePriceNewsDivIn) -> Result<Option<FePriceNewsDivOut>, BadInput> {
        let close = BadInput::positive("close", x.close)?;
        let (sentiment, news) = x.read(self.rule.min_news)?;
        let change = self.previous.map(|p| BadInput::finite("return", close / p - 1.0)).transpose()?;
        self.previous = Some(close);
        let Some(change) = change else { return Ok(None) };
        let sentiment = sentiment.filter(|_| news >= self.rule.min_news);
        self.without_news += u64::from(sentiment.is_none());
        self.sessions.push((change, sentiment));
        Ok(self.sessions.is_full().then(|| self.now(change, sentiment, news)))
    }
    fn warmup(&self) -> usize {
        self.sessions.capacity()
    }
    fn summary(&self) -> Value {
        json!({
            "sessions_with_news_in_window": self.sessions.iter().filter(|s| s.1.is_some()).count(),
            "sessions_without_enough_news": self.without_news,
        })
    }
}

/// The registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    feature: Some(|v| Ok(Box::new(FePriceNewsDivFeature::new(&parse_params(v)?)?))),
    filter: Some(|v| Ok(Box::new(FePriceNewsDivFilter::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<FePriceNewsDivParams>(
        3,
        "News sentiment against price: their rank correlation, where they part, and the quality of a signal that news contradict.",
        "Spearman (1904), The proof and measurement of association between two things; Tetlock (2007), Giving content to investor sentiment",
    )
    .with_table::<FePriceNewsDivParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    fn row(close: f64, sentiment: Option<f64>, news: Option<f64>) -> FePriceNewsDivIn {
        FePriceNewsDivIn { close, sentiment, news, headlines: None }
    }
    fn run(p: &FePriceNewsDivParams, rows: &[FePriceNewsDivIn]) -> Vec<Option<FePriceNewsDivOut>> {
        p.build().unwrap().batch(rows).unwrap()
    }

    #[test]
    fn z_scores_and_divergence_by_hand() {
        let p = FePriceNewsDivParams { window: 5, min_sessions: 3, min_news: 2, ..Default::default() };
        // Returns of +100 %, 0, -50 %, +100 %, 0; the second session has one item and does not count.
        let rows = [
            row(10.0, None, None),
            row(20.0, Some(0.5), Some(2.0)),
            row(20.0, Some(0.9), Some(1.0)),
            row(10.0, Some(0.1), Some(7.0)),
            row(20.0, Some(0.3), None),
            row(20.0, Some(0.1), Some(3.0)),
        ];
        let out = run(&p, &rows);
        assert!(out[..5].iter().all(Option::is_none));
        let o = out[5].unwrap();
        // Sentiments 0.5 0.1 0.3 0.1: mean 0.25, variance 0.11 / 3; returns 1 -0.5 1 0: mean 0.375, variance 1.6875 / 3.
        let (zs, zr) = (-0.15 / (0.11_f64 / 3.0).sqrt(), -0.375 / 0.75);
        assert!((o.z_sentiment.unwrap() - zs).abs() < 1e-12 && (o.z_return.unwrap() - zr).abs() < 1e-12);
        assert!((o.divergence.unwrap() - (zs - zr)).abs() < 1e-12 && !o.disagree);
        // Ranks 4 1.5 3 1.5 and 3.5 1 3.5 2: sums of products 4, of squares 4.5 and 4.5.
        assert!((o.correlation.unwrap() - 4.0 / 4.5).abs() < 1e-12);
        assert_eq!((o.quality_long, o.quality_short, o.news), (1.0, 1.0, 3.0));
    }

    #[test]
    fn a_distance_that_is_only_rounding_is_none() {
        // Their mean is 0.2, which as a sum of floats is 0.2 + 4e-17.
        assert_eq!(z(&[0.1, 0.3, 0.2]), Some(0.0));
        assert!((z(&[0.1, 0.2, 0.3]).unwrap() - 1.0).abs() < 1e-12);
        assert!((z(&[1e-9, 2e-9, 3e-9]).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn quality_falls_between_enter_and_full_for_the_contradicted_side() {
        let p = FePriceNewsDivParams { enter: 1.0, full: 3.0, floor: 0.2, min_correlation: 0.1, ..Default::default() };
        let d = p.build().unwrap();
        let got = [-2.0, 1.0, 2.0, 3.0, 9.0].map(|c| d.quality(Some(0.5), c));
        for (g, w) in got.iter().zip([1.0, 1.0, 0.6, 0.2, 0.2]) {
            assert!((g - w).abs() < 1e-15, "{got:?}");
        }
        assert_eq!((d.quality(None, 9.0), d.quality(Some(0.09), 9.0)), (1.0, 1.0));
    }

    #[test]
    fn what_cannot_be_known_is_missing() {
        let p = FePriceNewsDivParams { window: 5, min_sessions: 3, ..Default::default() };
        let flat: Vec<_> = (0..8).map(|_| row(10.0, Some(0.1), None)).collect();
        let o = run(&p, &flat)[7].unwrap();
        assert_eq!((o.correlation, o.z_sentiment, o.z_return, o.divergence), (None, None, None, None));
        assert_eq!((o.disagree, o.quality_long, o.quality_short), (false, 1.0, 1.0));
        let silent: Vec<_> = (0..8).map(|i| row(10.0 + f64::from(i), None, None)).collect();
        let o = run(&p, &silent)[7].unwrap();
        assert_eq!((o.sentiment, o.correlation, o.news), (None, None, 0.0));
    }

    #[test]
    fn headlines_are_scored_where_no_sentiment_is_given() {
        let p = FePriceNewsDivParams { window: 5, min_sessions: 3, ..Default::default() };
        let mut rows: Vec<_> = (0..6).map(|i| row(10.0 + f64::from(i), Some(0.0), None)).collect();
        // 3 / sqrt(9 + 15) and -2 / sqrt(4 + 15); blanks are no headlines.
        rows[5] = FePriceNewsDivIn {
            headlines: Some("Acme beats estimates | Acme downgraded\n  \n".into()),
            ..row(15.0, None, None)
        };
        let o = run(&p, &rows)[5].unwrap();
        let want = 0.5 * (3.0 / 24.0_f64.sqrt() - 2.0 / 19.0_f64.sqrt());
        assert!((o.sentiment.unwrap() - want).abs() < 1e-12 && o.news == 2.0);
    }
}
