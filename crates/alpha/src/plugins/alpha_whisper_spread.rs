//! Whether a company will beat the analysts' consensus: its record, and the spread of the whisper number over the consensus.

mod role;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::serde_json::{Value, json};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, Symbol, parse_params};
use tradewind_numerics::logistic::{fit, logistic, logit};
use tradewind_numerics::{Window, normal};

pub use role::WhisperAlpha;

/// Parameters of `alpha_whisper_spread`.
///
/// For each report, from what was known before it:
/// - `spread` = (whisper - consensus) / max(|consensus|, `floor`); `spread_sd` = (whisper - consensus) / dispersion of the estimates, where
///   it is known and above 0; x = the one of the two that `unit` names, divided by `scale`, cut off at ±`clip`;
/// - `prior` = (kappa m + beats) / (kappa + n): the mean of the Beta-binomial posterior of the company's rate of beating, from n past
///   reports of which `beats` were above consensus, after a Beta(kappa m, kappa (1 - m)) with kappa = `prior_strength` and m the rate of
///   all companies so far, m = (`base_weight` x `base_rate` + all beats) / (`base_weight` + all reports); `prior_sd` its deviation;
/// - `probability` of a beat = 1/(1 + exp(-(c0 + c1 ln(prior/(1 - prior)) + c2 x))). The coefficients begin at (0, 1, `slope`) and, after
///   `min_outcomes` reports with a whisper, are the maximum of their posterior given the last `history` of these, with a normal
///   prior of deviation `prior_deviation` around where they began (0: maximum likelihood), fitted again every `refit` reports;
/// - `edge` = probability minus the `reference`: what it would be without a spread (x = 0), or 1/2;
/// - `score` = edge / `full_edge` within [-1, 1], and 0 when |edge| < `min_edge`;
/// - `confidence` = Phi(|d| / se(d)), d the log odds that separate the two: the posterior probability that the edge has the sign it shows,
///   given that coefficients are estimated (0.5: no more than a guess).
///
/// A beat is actual > consensus. Table: one row a report in the order in which they were announced: `symbol`, and where known `consensus`,
/// `whisper`, `dispersion` (all as before the announcement) and `actual`; the output is from before the row's `actual` was known.
/// Dollars a share; no warm-up.
///
/// As an alpha: from records of earnings, at every session close, for reports that are `min_days` to `max_days` trading days (weekdays)
/// ahead. Counted are the days on which one can still trade before the numbers are out: with 0 today is the last (in New York, a
/// report from 12:00 on is after that day's trading, an earlier one before it). `min_days = 1` is the rule "not on the day itself". The signal
/// brings its own take profit and stop and expires `hold_days` after the announcement; when the date moves away it is taken back.
/// Whispers that come with or after the result teach nothing unless `trust_late_whisper`.
///
/// Sources: Bagnoli, Beneish & Watts (1999), "Whisper forecasts of quarterly earnings per share", Journal of Accounting and Economics 28
/// (whispers are closer to the actual than consensus); Skellam (1948), JRSS B 10 (Beta-binomial); MacKay (1992), Neural Computation 4(5).
///
/// ```
/// use tradewind_alpha::plugins::alpha_whisper_spread::{AlphaWhisperSpreadIn, AlphaWhisperSpreadParams};
/// use tradewind_core_types::{Online, Params};
/// let mut c = AlphaWhisperSpreadParams { base_rate: 0.6, scale: 0.05, slope: 0.5, ..Default::default() }.build()?;
/// let row = AlphaWhisperSpreadIn { symbol: "AAPL".into(), consensus: Some(2.0), whisper: Some(2.2), dispersion: None, actual: None };
/// let out = c.update(&row)?.unwrap();
/// // 10 % is two units of 5 %: odds of 0.6/0.4 times e.
/// let odds = 1.5 * 1.0_f64.exp();
/// assert!((out.probability.unwrap() - odds / (1.0 + odds)).abs() < 1e-12);
/// assert!((out.edge.unwrap() - (odds / (1.0 + odds) - 0.6)).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlphaWhisperSpreadParams {
    /// The symbols to follow; all of which there are earnings records when empty.
    pub symbols: Vec<String>,
    /// Least size of the consensus by which the spread is divided, dollars a share; 0.001 to 1000.
    pub floor: f64,
    /// Which spread counts.
    pub unit: SpreadUnit,
    /// Spread that counts as one unit: a decimal (0.05 is 5 % of the consensus), or deviations; above 0, at most 1000.
    pub scale: f64,
    /// Units beyond which the spread is cut off; above 0, at most 100.
    pub clip: f64,
    /// Rate of beating of all companies before there is any record; in (0, 1).
    pub base_rate: f64,
    /// How many reports that rate is worth; above 0, at most 1e6.
    pub base_weight: f64,
    /// How many of a company's own reports the rate of all companies is worth; above 0, at most 1e6.
    pub prior_strength: f64,
    /// Log odds for each unit of spread before there is a record; -100 to 100.
    pub slope: f64,
    /// Deviation of the coefficients' prior; 0 for none (maximum likelihood), at most 100.
    pub prior_deviation: f64,
    /// Reports with whisper and outcome before the coefficients are fitted; 10 to 100000.
    pub min_outcomes: usize,
    /// Most reports in the fit, the last ones; at least `min_outcomes`, at most 100000.
    pub history: usize,
    /// Reports between fits; 1 to 100000.
    pub refit: usize,
    /// What the probability is compared with.
    pub reference: EdgeReference,
    /// Edge below which there is no signal; in [0, 1).
    pub min_edge: f64,
    /// Edge at which the score is full; above 0, at most 1.
    pub full_edge: f64,
    /// Fewest trading days ahead; 0 to `max_days`. 1 keeps out of the day itself.
    pub min_days: u32,
    /// Most trading days ahead; at most 60.
    pub max_days: u32,
    /// Days of 24 hours after the announcement when the signal expires; above 0, at most 365.
    pub hold_days: f64,
    /// Take profit of the signal, a decimal return above 0; none when 0.
    pub take_profit: f64,
    /// Stop of the signal, a decimal loss above 0; none when 0.
    pub stop_loss: f64,
    /// Whether a whisper that became known only with the result is learned from.
    pub trust_late_whisper: bool,
}

/// Which spread counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpreadUnit {
    /// Relative to the consensus.
    Relative,
    /// In deviations of the estimates; reports without a dispersion have none.
    Dispersion,
}

/// What the probability is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EdgeReference {
    /// The probability without a spread: what the record alone says, and everybody knows.
    Record,
    /// One half.
    Half,
}

impl Default for AlphaWhisperSpreadParams {
    fn default() -> Self {
        Self {
            symbols: Vec::new(),
            floor: 0.10,
            unit: SpreadUnit::Relative,
            scale: 0.05,
            clip: 3.0,
            base_rate: 0.65,
            base_weight: 50.0,
            prior_strength: 8.0,
            slope: 0.5,
            prior_deviation: 1.0,
            min_outcomes: 30,
            history: 5000,
            refit: 20,
            reference: EdgeReference::Record,
            min_edge: 0.05,
            full_edge: 0.25,
            min_days: 1,
            max_days: 2,
            hold_days: 2.0,
            take_profit: 0.08,
            stop_loss: 0.04,
            trust_late_whisper: false,
        }
    }
}

const LONGEST: usize = 100_000;

impl Params for AlphaWhisperSpreadParams {
    const ID: &'static str = "alpha_whisper_spread";
    type Built = AlphaWhisperSpread;

    fn build(&self) -> Result<AlphaWhisperSpread, Invalid> {
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
        bad.require(within(self.floor, 0.001, 1000.0), "floor", self.floor, "0.001 to 1000 dollars a share");
        bad.require(above(self.scale, 1000.0), "scale", self.scale, "above 0, at most 1000");
        bad.require(above(self.clip, 100.0), "clip", self.clip, "above 0, at most 100");
        bad.require(self.base_rate > 0.0 && self.base_rate < 1.0, "base_rate", self.base_rate, "a rate in (0, 1)");
        bad.require(above(self.base_weight, 1e6), "base_weight", self.base_weight, "above 0, at most 1e6");
        bad.require(above(self.prior_strength, 1e6), "prior_strength", self.prior_strength, "above 0, at most 1e6");
        bad.require(within(self.slope, -100.0, 100.0), "slope", self.slope, "-100 to 100");
        bad.require(within(self.prior_deviation, 0.0, 100.0), "prior_deviation", self.prior_deviation, "0 to 100");
        bad.require((10..=LONGEST).contains(&self.min_outcomes), "min_outcomes", self.min_outcomes, "10 to 100000");
        let most = self.history >= self.min_outcomes && self.history <= LONGEST;
        bad.require(most, "history", self.history, "at least min_outcomes, at most 100000");
        bad.require((1..=LONGEST).contains(&self.refit), "refit", self.refit, "1 to 100000");
        bad.require((0.0..1.0).contains(&self.min_edge), "min_edge", self.min_edge, "in [0, 1)");
        bad.require(above(self.full_edge, 1.0), "full_edge", self.full_edge, "above 0, at most 1");
        bad.require(self.min_days <= self.max_days, "min_days", self.min_days, "0 to max_days");
        bad.require(self.max_days <= 60, "max_days", self.max_days, "at most 60");
        bad.require(above(self.hold_days, 365.0), "hold_days", self.hold_days, "above 0, at most 365");
        bad.require(within(self.take_profit, 0.0, 100.0), "take_profit", self.take_profit, "0 to 100");
        bad.require((0.0..1.0).contains(&self.stop_loss), "stop_loss", self.stop_loss, "in [0, 1)");
        let variance = self.prior_deviation.powi(2);
        bad.into_result(AlphaWhisperSpread {
            params: self.clone(),
            records: Vec::new(),
            all: Record::default(),
            outcomes: Window::new(self.history.clamp(1, LONGEST)),
            since_fit: 0,
            coefficients: [0.0, 1.0, self.slope],
            covariance: [[variance, 0.0, 0.0], [0.0, variance, 0.0], [0.0, 0.0, variance]],
            fits: 0,
            failed_fits: 0,
            without_consensus: 0,
        })
    }
}

/// Past reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Record {
    beats: f64,
    reports: f64,
}

impl Record {
    fn add(&mut self, beat: bool) {
        self.beats += f64::from(u8::from(beat));
        self.reports += 1.0;
    }
}

/// A report with its estimates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlphaWhisperSpreadIn {
    /// The company.
    pub symbol: String,
    /// Analysts' consensus before the announcement, dollars a share.
    pub consensus: Option<f64>,
    /// The whisper number before the announcement, dollars a share.
    pub whisper: Option<f64>,
    /// Standard deviation of the estimates, dollars a share, 0 or more.
    pub dispersion: Option<f64>,
    /// Earnings as announced, dollars a share; empty when they are still to come.
    pub actual: Option<f64>,
}

/// What was to be expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AlphaWhisperSpreadOut {
    /// Whisper over consensus, relative to the consensus.
    pub spread: Option<f64>,
    /// Whisper over consensus in deviations of the estimates.
    pub spread_sd: Option<f64>,
    /// Probability of a beat from the company's record.
    pub prior: f64,
    /// Its standard deviation.
    pub prior_sd: f64,
    /// Past reports of the company that count.
    pub reports: f64,
    /// Probability of a beat; empty without a spread.
    pub probability: Option<f64>,
    /// Probability less the reference.
    pub edge: Option<f64>,
    /// In [-1, 1].
    pub score: Option<f64>,
    /// In [0.5, 1].
    pub confidence: Option<f64>,
}

/// Records of companies and how much their whispers were worth.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AlphaWhisperSpread {
    params: AlphaWhisperSpreadParams,
    /// By symbol.
    records: Vec<(Symbol, Record)>,
    all: Record,
    /// Log odds of the prior, spread in units, whether it was a beat.
    outcomes: Window<(f64, f64, bool)>,
    since_fit: usize,
    coefficients: [f64; 3],
    covariance: [[f64; 3]; 3],
    fits: u64,
    failed_fits: u64,
    without_consensus: u64,
}

/// Whether the numbers can be used.
fn check(x: &AlphaWhisperSpreadIn) -> Result<(), BadInput> {
    for (what, v) in [("consensus", x.consensus), ("whisper", x.whisper), ("actual", x.actual)] {
        if let Some(v) = v
            && !(-1e6..=1e6).contains(&v)
        {
            return Err(BadInput::new(what, v.to_string(), "dollars a share within a million"));
        }
    }
    match x.dispersion {
        Some(d) if !(0.0..=1e6).contains(&d) => {
            Err(BadInput::new("dispersion", d.to_string(), "dollars a share, 0 to a million"))
        }
        _ => Ok(()),
    }
}

impl AlphaWhisperSpread {
    fn record(&self, symbol: Symbol) -> Record {
        let at = self.records.binary_search_by_key(&symbol, |r| r.0);
        at.ok().and_then(|i| self.records.get(i)).map_or(Record::default(), |r| r.1)
    }
    /// Parameters of the Beta posterior of a company's rate.
    fn beta(&self, symbol: Symbol) -> (f64, f64) {
        let (p, own) = (&self.params, self.record(symbol));
        let base = (p.base_weight * p.base_rate + self.all.beats) / (p.base_weight + self.all.reports);
        (p.prior_strength * base + own.beats, p.prior_strength * (1.0 - base) + own.reports - own.beats)
    }
    /// Relative spread, in deviations, and in units.
    fn spread(&self, x: &AlphaWhisperSpreadIn) -> (Option<f64>, Option<f64>, Option<f64>) {
        let p = &self.params;
        let gap = x.whisper.zip(x.consensus).map(|(w, c)| (w - c, c));
        let relative = gap.map(|(g, c)| g / c.abs().max(p.floor));
        let deviations = gap.zip(x.dispersion.filter(|d| *d > 0.0)).map(|((g, _), d)| g / d).filter(|s| s.is_finite());
        let chosen = if p.unit == SpreadUnit::Relative { relative } else { deviations };
        (relative, deviations, chosen.map(|s| (s / p.scale).clamp(-p.clip, p.clip)))
    }
    /// What to expect of a report.
    fn expect(&self, symbol: Symbol, x: &AlphaWhisperSpreadIn) -> AlphaWhisperSpreadOut {
        let p = &self.params;
        let (spread, spread_sd, units) = self.spread(x);
        let (a, b) = self.beta(symbol);
        let prior = a / (a + b);
        let own = self.record(symbol);
        let mut out = AlphaWhisperSpreadOut {
            spread,
            spread_sd,
            prior,
            prior_sd: (a * b / (a + b + 1.0)).sqrt() / (a + b),
            reports: own.reports,
            probability: None,
            edge: None,
            score: None,
            confidence: None,
        };
        let Some(units) = units else { return out };
        let z = [1.0, logit(prior), units];
        let eta = |z: &[f64; 3]| -> f64 { z.iter().zip(&self.coefficients).map(|(z, c)| z * c).sum() };
        let probability = logistic(eta(&z));
        // What separates the probability from the reference, as a linear function of the coefficients.
        let (reference, d) = match p.reference {
            EdgeReference::Record => (logistic(eta(&[z[0], z[1], 0.0])), [0.0, 0.0, units]),
            EdgeReference::Half => (0.5, z),
        };
        let edge = probability - reference;
        let variance: f64 =
            (0..3).map(|i| (0..3).map(|j| d[i] * self.covariance[i][j] * d[j]).sum::<f64>()).sum::<f64>();
        let gap = eta(&d).abs();
        out.probability = Some(probability);
        out.edge = Some(edge);
        out.score = Some(if edge.abs() < p.min_edge { 0.0 } else { (edge / p.full_edge).clamp(-1.0, 1.0) });
        out.confidence = Some(if variance > 0.0 { normal::cdf(gap / variance.sqrt()) } else { 0.5 });
        out
    }
    /// Learns from a result.
    fn learn(&mut self, symbol: Symbol, x: &AlphaWhisperSpreadIn) {
        let Some(actual) = x.actual else { return };
        let Some(consensus) = x.consensus else {
            self.without_consensus += 1;
            return;
        };
        let beat = actual > consensus;
        if let (_, _, Some(units)) = self.spread(x) {
            let (a, b) = self.beta(symbol);
            self.outcomes.push((logit(a / (a + b)), units, beat));
            self.since_fit += 1;
            let first = self.fits == 0 && self.outcomes.len() == self.params.min_outcomes;
            if first || (self.outcomes.len() > self.params.min_outcomes && self.since_fit >= self.params.refit) {
                self.fit();
            }
        }
        self.all.add(beat);
        match self.records.binary_search_by_key(&symbol, |r| r.0) {
            Ok(i) => {
                if let Some(r) = self.records.get_mut(i) {
                    r.1.add(beat);
                }
            }
            Err(i) => {
                let mut r = Record::default();
                r.add(beat);
                self.records.insert(i, (symbol, r));
            }
        }
    }
    fn fit(&mut self) {
        self.since_fit = 0;
        let p = &self.params;
        let lambda = if p.prior_deviation > 0.0 { p.prior_deviation.powi(-2) } else { 0.0 };
        let (older, newer) = self.outcomes.as_slices();
        let rows = older.iter().chain(newer).map(|(prior, units, beat)| ([1.0, *prior, *units], *beat));
        match fit(rows, &[0.0, 1.0, p.slope], &[lambda; 3]) {
            Ok(f) => {
                self.coefficients = f.coefficients;
                self.covariance = f.covariance;
                self.fits += 1;
            }
            // The coefficients stay as they were.
            Err(_) => self.failed_fits += 1,
        }
    }
}

impl Online for AlphaWhisperSpread {
    type In = AlphaWhisperSpreadIn;
    type Out = AlphaWhisperSpreadOut;

    fn update(&mut self, x: &AlphaWhisperSpreadIn) -> Result<Option<AlphaWhisperSpreadOut>, BadInput> {
        check(x)?;
        let symbol = Symbol::new(&x.symbol)?;
        let out = self.expect(symbol, x);
        self.learn(symbol, x);
        Ok(Some(out))
    }
    fn warmup(&self) -> usize {
        0
    }
    fn summary(&self) -> Value {
        let errors: [f64; 3] = std::array::from_fn(|k| self.covariance[k][k].sqrt());
        json!({
            "reports": self.all.reports, "beats": self.all.beats, "outcomes_with_whisper": self.outcomes.len(),
            "coefficients": self.coefficients, "standard_errors": errors,
            "fits": self.fits, "failed_fits": self.failed_fits, "without_consensus": self.without_consensus,
        })
    }
}

/// The plugin's entry in the registry.
pub const PLUGIN: PluginInfo = PluginInfo {
    alpha: Some(|v| Ok(Box::new(WhisperAlpha::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<AlphaWhisperSpreadParams>(
        1,
        "Whether a company will beat the consensus: its record, and the spread of the whisper number over the consensus.",
        "Bagnoli, Beneish & Watts (1999), Whisper forecasts of quarterly earnings per share, J. Accounting and Economics 28",
    )
    .with_table::<AlphaWhisperSpreadParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    fn row(consensus: f64, whisper: f64, actual: Option<f64>) -> AlphaWhisperSpreadIn {
        AlphaWhisperSpreadIn {
            symbol: "ABC".into(),
            consensus: Some(consensus),
            whisper: Some(whisper),
            dispersion: Some(0.05),
            actual,
        }
    }

    #[test]
    fn record_and_spread_by_hand() {
        let p =
            AlphaWhisperSpreadParams { base_rate: 0.5, base_weight: 2.0, prior_strength: 4.0, ..Default::default() };
        let mut c = p.build().unwrap();
        for actual in [1.1, 1.2, 0.9] {
            c.update(&row(1.0, 1.0, Some(actual))).unwrap();
        }
        // A tie is no beat.
        c.update(&row(1.0, 1.0, Some(1.0))).unwrap();
        let o = c.update(&row(-0.04, 0.01, None)).unwrap().unwrap();
        // All: (1 + 2)/(2 + 4) = 1/2; own: (2 + 2)/(4 + 4); Beta(4, 4) has variance 16/(64 x 9).
        assert!((o.prior - 0.5).abs() < 1e-15 && (o.prior_sd - 1.0 / 6.0).abs() < 1e-15 && o.reports == 4.0);
        // A consensus of four cents counts as ten; the sign of a loss does not turn the spread round.
        assert!((o.spread.unwrap() - 0.5).abs() < 1e-12 && (o.spread_sd.unwrap() - 1.0).abs() < 1e-12);
        // Ten units are cut off at three: odds e^1.5.
        let odds = 1.5_f64.exp();
        assert!((o.edge.unwrap() - (odds / (1.0 + odds) - 0.5)).abs() < 1e-12 && o.score == Some(1.0));
        // One prior deviation away from none: Phi(0.5).
        assert!((o.confidence.unwrap() - normal::cdf(0.5)).abs() < 1e-15);
    }

    #[test]
    fn what_is_missing_is_missing() {
        let mut c = AlphaWhisperSpreadParams::default().build().unwrap();
        let none = AlphaWhisperSpreadIn { consensus: None, ..row(1.0, 1.1, Some(1.0)) };
        let o = c.update(&none).unwrap().unwrap();
        assert_eq!((o.spread, o.probability, o.score), (None, None, None));
        assert_eq!((c.without_consensus, c.all.reports), (1, 0.0));
        let p = AlphaWhisperSpreadParams { unit: SpreadUnit::Dispersion, scale: 1.0, ..Default::default() };
        let mut c = p.build().unwrap();
        let zero = AlphaWhisperSpreadIn { dispersion: Some(0.0), ..row(1.0, 1.1, None) };
        assert_eq!(c.update(&zero).unwrap().unwrap().probability, None);
        assert!(c.update(&row(1.0, 1.1, None)).unwrap().unwrap().probability.is_some());
    }
}
