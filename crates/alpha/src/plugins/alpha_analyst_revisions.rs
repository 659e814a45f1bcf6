//! What analysts have changed their minds about: decayed, firm-weighted rating and price-target revisions.

mod firms;
mod grades;
mod role;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::serde_json::{Value, json};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, Symbol, Time, parse_params};

use firms::{Action, Book, Said};
pub use role::RevisionsRole;

/// Parameters of `alpha_analyst_revisions`.
///
/// Grades in the brokers' words become points: strong buy 1, buy 0.5, hold 0, sell -0.5, strong sell -1. Of each firm only its latest
/// change of grade and of price target counts, with
/// - g = (new - old)/`full_change` within [-1, 1], from the firm's grade before (as we know it, else as the record says it); a first
///   grade with nothing before it counts as `initiation` x grade; a repetition of a grade changes nothing;
/// - t = ln(target/target before)/`full_target` within [-1, 1];
/// - d = 2^(-age/`half_life_days`), the age of each since it was published; w = the firm's weight; tau = `target_weight`:
///
/// `net` = sum w (d_g g + tau d_t t) / (`shrink` + sum w (d_g + tau d_t)), the sum in the divisor over changes that are not zero: in (-1, 1),
/// and back to 0 as changes age. `breadth` = (up - down)/n: firms whose last change of grade was up or down within `window_days`, of
/// n firms heard within `coverage_days`. `target_revision` = sum w d_t ln(target/before) / sum w d_t. `confidence` = E/(`shrink` + E) x
/// |sum of contributions| / sum of |contributions|, E the divisor without `shrink`: evidence times agreement, in [0, 1).
///
/// Table: the actions on one company in the order in which they became known: `time`, `firm`, `grade` (empty when only the target was set), `previous`,
/// `target`, `previous_target` (dollars). No warm-up. Words that are no known grade leave everything as it was, and are counted and named.
///
/// As a filter: multiplies a signal by 1 + (`boost` - 1) a for a > 0 and 1 - (1 - `cut`) |a| for a < 0, where a = net/`full_net` within [-1, 1] in
/// the direction of the signal (legs by the size of their ratios); without a record signals pass as they are. As an alpha: at every session close score = net/`full_net` from
/// |net| >= `enter` on until |net| < `exit`. Only when a record became known counts: what is published after the close acts at the next one.
///
/// Sources: Womack (1996), "Do brokerage analysts' recommendations have investment value?", Journal of Finance 51(1); Jegadeesh, Kim,
/// Krische & Lee (2004), "Analyzing the analysts", Journal of Finance 59(3) (changes, not levels, predict); Brav & Lehavy (2003), Journal
/// of Finance 58(5) (targets).
///
/// ```
/// use tradewind_alpha::plugins::alpha_analyst_revisions::{AlphaAnalystRevisionsIn, AlphaAnalystRevisionsParams};
/// use tradewind_core_types::{Online, Params};
/// let mut c = AlphaAnalystRevisionsParams { half_life_days: 30.0, shrink: 1.0, ..Default::default() }.build()?;
/// let row = |time: &str, firm: &str, previous: &str, grade: &str| AlphaAnalystRevisionsIn {
///     time: time.parse().unwrap(), firm: firm.into(), grade: Some(grade.into()), previous: Some(previous.into()), target: None, previous_target: None,
/// };
/// c.update(&row("2026-01-01", "A", "Hold", "Buy"))?;
/// let out = c.update(&row("2026-01-31", "B", "Sell", "Strong Buy"))?.unwrap();
/// // Half a point halved after 30 days, and the full point: (0.25 + 1)/(1 + 0.5 + 1).
/// assert!((out.net - 0.5).abs() < 1e-12 && out.breadth == Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlphaAnalystRevisionsParams {
    /// The symbols the alpha gives signals on; all of which there are ratings when empty. The filter knows all.
    pub symbols: Vec<String>,
    /// Days of 24 hours in which a change counts half; above 0, at most 3650.
    pub half_life_days: f64,
    /// Change of grade that counts fully, in points; above 0, at most 2. One step of the scale is 0.5.
    pub full_change: f64,
    /// What a first grade counts, per point; 0 to 2.
    pub initiation: f64,
    /// What a change of target counts against one of grade; 0 to 10.
    pub target_weight: f64,
    /// Log change of target that counts fully (0.2: 22 %); above 0, at most 5.
    pub full_target: f64,
    /// Weight of "nothing has changed"; above 0, at most 1000.
    pub shrink: f64,
    /// Days of 24 hours in which a change counts for breadth; above 0, at most 3650.
    pub window_days: f64,
    /// Days of 24 hours for which a firm counts as covering after it was last heard; at least `window_days`, at most 36500.
    pub coverage_days: f64,
    /// Weights of firms by name, 0 to 100; 1 for those that are not named.
    pub firms: BTreeMap<String, f64>,
    /// Other names of firms: name in the records to name here. The common ones are known.
    pub aliases: BTreeMap<String, String>,
    /// Further grades: words to points in [-1, 1]. They go before the known ones.
    pub grades: BTreeMap<String, f64>,
    /// Size of the net score at which score and modifier are full; above 0, at most 1.
    pub full_net: f64,
    /// Factor on a signal that the analysts agree with; 1 to 2.
    pub boost: f64,
    /// Factor on a signal that they are against; 0 to 1.
    pub cut: f64,
    /// Size of the net score at which the alpha's signal begins; above 0, below 1.
    pub enter: f64,
    /// Size of the net score below which it ends; 0 to `enter`.
    pub exit: f64,
    /// Days of 24 hours after which a signal that is not renewed expires; above 0, at most 365.
    pub hold_days: f64,
}

impl Default for AlphaAnalystRevisionsParams {
    fn default() -> Self {
        Self {
            symbols: Vec::new(),
            half_life_days: 30.0,
            full_change: 1.0,
            initiation: 0.5,
            target_weight: 0.5,
            full_target: 0.2,
            shrink: 1.0,
            window_days: 90.0,
            coverage_days: 365.0,
            firms: BTreeMap::new(),
            aliases: BTreeMap::new(),
            grades: BTreeMap::new(),
            full_net: 0.5,
            boost: 1.25,
            cut: 0.5,
            enter: 0.2,
            exit: 0.1,
            hold_days: 7.0,
        }
    }
}

impl Params for AlphaAnalystRevisionsParams {
    const ID: &'static str = "alpha_analyst_revisions";
    type Built = AlphaAnalystRevisions;

    fn build(&self) -> Result<AlphaAnalystRevisions, Invalid> {
        let mut bad = Invalid::default();
        for s in &self.symbols {
            bad.require(
                Symbol::new(s).is_ok(),
                "symbols",
                format!("{s:?}"),
                "symbols: letters, digits or . _ - / ^ = :",
            );
        }
        let within = |x: f64, low: f64, high: f64| low <= x && x <= high;
        let above = |x: f64, high: f64| x > 0.0 && x <= high;
        bad.require(above(self.half_life_days, 3650.0), "half_life_days", self.half_life_days, "above 0, at most 3650");
        bad.require(above(self.full_change, 2.0), "full_change", self.full_change, "above 0, at most 2");
        bad.require(within(self.initiation, 0.0, 2.0), "initiation", self.initiation, "0 to 2");
        bad.require(within(self.target_weight, 0.0, 10.0), "target_weight", self.target_weight, "0 to 10");
        bad.require(above(self.full_target, 5.0), "full_target", self.full_target, "above 0, at most 5");
        bad.require(above(self.shrink, 1000.0), "shrink", self.shrink, "above 0, at most 1000");
        bad.require(above(self.window_days, 3650.0), "window_days", self.window_days, "above 0, at most 3650");
        let covers = within(self.coverage_days, self.window_days, 36_500.0);
        bad.require(covers, "coverage_days", self.coverage_days, "at least window_days, at most 36500");
        for (name, w) in &self.firms {
            bad.require(within(*w, 0.0, 100.0), &format!("firms.{name}"), w, "a weight, 0 to 100");
        }
        for (name, to) in &self.aliases {
            let named = grades::letters(to).next().is_some();
            bad.require(named, &format!("aliases.{name}"), format!("{to:?}"), "the name of a firm");
        }
        for (name, points) in &self.grades {
            bad.require(within(*points, -1.0, 1.0), &format!("grades.{name}"), points, "points in [-1, 1]");
        }
        bad.require(above(self.full_net, 1.0), "full_net", self.full_net, "above 0, at most 1");
        bad.require(within(self.boost, 1.0, 2.0), "boost", self.boost, "1 to 2");
        bad.require(within(self.cut, 0.0, 1.0), "cut", self.cut, "0 to 1");
        bad.require(self.enter > 0.0 && self.enter < 1.0, "enter", self.enter, "above 0, below 1");
        bad.require(within(self.exit, 0.0, self.enter), "exit", self.exit, "0 to enter");
        bad.require(above(self.hold_days, 365.0), "hold_days", self.hold_days, "above 0, at most 365");
        bad.into_result(AlphaAnalystRevisions { book: Book::default(), words: firms::Words::new(self), last: None })
    }
}

/// An action of a broker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlphaAnalystRevisionsIn {
    /// When it was published.
    pub time: Time,
    /// The broker.
    pub firm: String,
    /// The new grade in its words; empty when only the target was set.
    pub grade: Option<String>,
    /// The grade before.
    pub previous: Option<String>,
    /// The price target, dollars, above 0.
    pub target: Option<f64>,
    /// The price target before, dollars, above 0.
    pub previous_target: Option<f64>,
}

/// Where the analysts stand after it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AlphaAnalystRevisionsOut {
    /// What the action was taken for.
    pub action: Action,
    /// In (-1, 1).
    pub net: f64,
    /// In [-1, 1]; empty while no firm covers the company.
    pub breadth: Option<f64>,
    /// Firms whose last change was up.
    pub up: u32,
    /// Firms whose last change was down.
    pub down: u32,
    /// Firms that cover the company.
    pub firms: u32,
    /// Mean log change of price targets; empty when there is none.
    pub target_revision: Option<f64>,
    /// In [0, 1).
    pub confidence: f64,
}

/// The analysts of one company.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AlphaAnalystRevisions {
    words: firms::Words,
    book: Book,
    last: Option<Time>,
}

/// Whether the numbers can be used.
fn check_target(what: &str, x: Option<f64>) -> Result<(), BadInput> {
    match x {
        Some(v) if !(v > 0.0 && v <= 1e9) => Err(BadInput::new(what, v.to_string(), "dollars above 0, or nothing")),
        _ => Ok(()),
    }
}

impl Online for AlphaAnalystRevisions {
    type In = AlphaAnalystRevisionsIn;
    type Out = AlphaAnalystRevisionsOut;

    fn update(&mut self, x: &AlphaAnalystRevisionsIn) -> Result<Option<AlphaAnalystRevisionsOut>, BadInput> {
        check_target("target", x.target)?;
        check_target("previous_target", x.previous_target)?;
        // A row out of order is heard (and may be late for its firm), but does not turn the clock back.
        let now = self.last.map_or(x.time, |last| last.max(x.time));
        let said = Said {
            time: x.time,
            firm: &x.firm,
            grade: x.grade.as_deref().unwrap_or(""),
            previous: x.previous.as_deref(),
            target: x.target,
            previous_target: x.previous_target,
        };
        let action = self.book.hear(&mut self.words, &said)?;
        self.last = Some(now);
        let s = self.book.stand(&self.words, now);
        Ok(Some(AlphaAnalystRevisionsOut {
            action,
            net: s.net,
            breadth: s.breadth(),
            up: s.up,
            down: s.down,
            firms: s.firms,
            target_revision: s.target_revision,
            confidence: s.confidence,
        }))
    }
    fn warmup(&self) -> usize {
        0
    }
    fn summary(&self) -> Value {
        json!({ "firms": self.book.len(), "counts": self.words.counts, "unknown_grades": self.words.unknown() })
    }
}

/// The plugin's entry in the registry.
pub const PLUGIN: PluginInfo = PluginInfo {
    alpha: Some(|v| Ok(Box::new(RevisionsRole::new(&parse_params(v)?)?))),
    filter: Some(|v| Ok(Box::new(RevisionsRole::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<AlphaAnalystRevisionsParams>(
        1,
        "What analysts have changed their minds about: decayed, firm-weighted rating and price-target revisions.",
        "Jegadeesh, Kim, Krische & Lee (2004), Analyzing the analysts, Journal of Finance 59(3)",
    )
    .with_table::<AlphaAnalystRevisionsParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    fn row(day: i64, firm: &str, grade: &str, target: Option<f64>) -> AlphaAnalystRevisionsIn {
        AlphaAnalystRevisionsIn {
            time: Time::from_nanos(day * 86_400_000_000_000),
            firm: firm.into(),
            grade: Some(grade.into()),
            previous: None,
            target,
            previous_target: None,
        }
    }

    #[test]
    fn only_the_latest_change_of_a_firm_counts() {
        let p = AlphaAnalystRevisionsParams { target_weight: 1.0, ..Default::default() };
        let mut c = p.build().unwrap();
        let mut go = |x| c.update(&x).unwrap().unwrap();
        // A first grade of 0.5 counts half: 0.25/(1 + 1).
        let o = go(row(0, "Citigroup", "Buy", Some(100.0)));
        assert_eq!((o.action, o.net, o.up, o.firms), (Action::Initiation, 0.125, 1, 1));
        assert_eq!(o.target_revision, None);
        // The same under another name, and the same grade again after 30 days: the old change, halved.
        let o = go(row(30, "citi", "Buy", Some(100.0)));
        assert_eq!((o.action, o.firms), (Action::Reiteration, 1));
        assert!((o.net - 0.125 / 1.5).abs() < 1e-15);
        // Down to sell: the upgrade is gone; -1/(1 + 1).
        let o = go(row(30, "Citi", "Sell", None));
        assert_eq!((o.action, o.net, o.up, o.down, o.breadth), (Action::Downgrade, -0.5, 0, 1, Some(-1.0)));
        // Target up by e^0.1, half of full, with the same weight: (-1 + 0.5)/(1 + 2); contributions disagree by a third.
        let o = go(row(30, "Citi", "", Some(100.0 * 0.1_f64.exp())));
        assert_eq!(o.action, Action::Target);
        assert!((o.net + 0.5 / 3.0).abs() < 1e-12 && (o.target_revision.unwrap() - 0.1).abs() < 1e-12);
        assert!((o.confidence - 2.0 / 3.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn what_the_record_says_of_before_counts_when_we_know_no_better() {
        let mut c = AlphaAnalystRevisionsParams::default().build().unwrap();
        let with = |previous: &str, x| AlphaAnalystRevisionsIn { previous: Some(previous.into()), ..x };
        let mut go = |x| c.update(&x).unwrap().unwrap();
        assert_eq!(go(with("Hold", row(0, "A", "Buy", None))).action, Action::Upgrade);
        // The same upgrade, published again by someone else.
        assert_eq!(go(with("Hold", row(1, "A", "Buy", None))).action, Action::Reiteration);
        // We missed how it came to hold; the record knows that it has not changed now.
        let o = go(with("Hold", row(2, "A", "Hold", None)));
        assert_eq!((o.action, o.up), (Action::Reiteration, 0));
        // Words of before that mean nothing: what we know counts.
        assert_eq!(go(with("Franchise pick", row(3, "A", "Sell", None))).action, Action::Downgrade);
    }

    #[test]
    fn unknown_words_change_nothing_and_are_named() {
        let mut c = AlphaAnalystRevisionsParams::default().build().unwrap();
        c.update(&row(0, "A", "Buy", None)).unwrap();
        let o = c.update(&row(0, "A", "Franchise Pick", None)).unwrap().unwrap();
        assert_eq!((o.action, o.net), (Action::Unknown, 0.125));
        let s = c.summary();
        assert_eq!(s["unknown_grades"], json!({"franchise pick": 1}), "{s}");
        let o = c.update(&row(1, "A", "Not Rated", None)).unwrap().unwrap();
        assert_eq!((o.action, o.firms, o.net, o.breadth), (Action::Withdrawn, 0, 0.0, None));
        let own = AlphaAnalystRevisionsParams {
            grades: BTreeMap::from([("Franchise Pick".into(), 1.0)]),
            ..Default::default()
        };
        assert_eq!(own.build().unwrap().update(&row(0, "A", "franchise pick", None)).unwrap().unwrap().net, 0.25);
    }
}
