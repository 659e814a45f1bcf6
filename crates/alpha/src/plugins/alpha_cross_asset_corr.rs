//! Correlation between assets, and the flight to safety when it breaks down.

mod role;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, Symbol, parse_params};
use tradewind_numerics::correlation::{EwmCorrelation, RollingCorrelation, fisher_one_sample, fisher_two_sample};
use tradewind_numerics::math;

pub use role::CrossAssetCorrAlpha;

/// Correlation of the log returns of pairs of assets against their own past; its breakdown is a signal to hold the safe asset.
///
/// With x_t = ln(a_t / a_t-1), y_t = ln(b_t / b_t-1) between consecutive instants at which both legs have a price:
///
/// - `correlation`: Pearson's r of the last `window` returns (means removed);
/// - `ewma_correlation`: s_xy / sqrt(s_xx s_yy), s_t = `lambda` s_t-1 + (1 - `lambda`) product_t (RiskMetrics, zero mean);
/// - `baseline`: Pearson's r of the `baseline` returns *before* those: the two samples share no observation;
/// - `z` = (atanh r - atanh r_base) / sqrt(1/(k n1 - 3) + 1/(k n2 - 3)), n1 = `window`, n2 = `baseline`, k = `effective`:
///   Fisher's test that the correlation has *risen*; `p_value` = 1 - Phi(z), one-sided.
/// - `breakdown`: r > `level` **or** z > `z`. A hedge that is usually strongly negative (stocks and Treasuries) no longer is,
///   or has become markedly weaker than it was.
/// - `score` in [0, 1]: 0 without breakdown, else the larger of (r - `level`)/(1 - `level`) where r > `level` and
///   1 - `z`/z where z > `z`. It starts from zero at the threshold, so a correlation that hovers there does not flap.
/// - `confidence` = 1 - p, whatever the score. Until the baseline is known p is that of the test of r > `level`,
///   z = (atanh r - atanh `level`) sqrt(k n1 - 3), and `z` and `p_value` are empty.
///
/// Inputs: closes `a` and `b`, above zero, any unit. Warm-up: `window` rows (one return needs two prices); `baseline` and `z`
/// after `window` + `baseline` returns. A series that does not vary has no correlation (empty, no breakdown).
///
/// As an alpha: joins bars and index levels by time, corrects for splits and dividends, and gives a long signal on the safe asset
/// at every joint instant (score 0 when there is no breakdown, which ends the position). Of several pairs with the same safe
/// asset the one with the highest score speaks, among those joined since the previous joint instant.
///
/// Sources: Fisher (1921), On the probable error of a coefficient of correlation, Metron 1; J.P. Morgan/Reuters (1996),
/// RiskMetrics Technical Document, section 5.2; Baur & Lucey (2009), Flights and contagion, J. Financial Stability 5.
///
/// ```
/// use tradewind_alpha::plugins::alpha_cross_asset_corr::{CrossAssetCorrIn, CrossAssetCorrParams};
/// use tradewind_core_types::{Online, Params};
/// let mut c = CrossAssetCorrParams { window: 4, ..Default::default() }.build()?;
/// // Log returns of a: 1, -1, 1, -1 %; of b: 1, 1, -1, -1 %. Their correlation is 0.
/// let (a, b) = ([0.0, 0.01, 0.0, 0.01, 0.0_f64], [0.0, 0.01, 0.02, 0.01, 0.0_f64]);
/// let mut last = None;
/// for (a, b) in a.into_iter().zip(b) {
///     last = c.update(&CrossAssetCorrIn { a: a.exp(), b: b.exp() })?;
/// }
/// let out = last.unwrap();
/// assert!(out.correlation.unwrap().abs() < 1e-12);
/// // 0 > -0.40: a breakdown of strength 0.4 / 1.4.
/// assert!(out.breakdown && (out.score - 0.4 / 1.4).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CrossAssetCorrParams {
    /// Pairs of symbols [risky, safe]; at least one, legs different. The first one is charted.
    pub pairs: Vec<[String; 2]>,
    /// What to hold in a breakdown; without it, the pair's second leg.
    pub safe: Option<String>,
    /// Returns in the recent correlation; 4 to 100000.
    pub window: usize,
    /// Decay of the exponentially weighted correlation; in [0, 1).
    pub lambda: f64,
    /// Returns in the baseline, those before the recent ones; 4 to 100000.
    pub baseline: usize,
    /// A correlation above this is a breakdown; in [-1, 1], at 1 there is none.
    pub level: f64,
    /// A rise against the baseline by more than this is a breakdown; standard errors, above zero.
    pub z: f64,
    /// Share of the returns that count as independent normal observations; in (0, 1]. Fat tails cost observations: 1/(1 + kappa)
    /// for elliptical returns of kurtosis 3 (1 + kappa), such as 2/3 for a Student t with 8 degrees of freedom.
    pub effective: f64,
    /// Symbols whose average pairwise correlation over `window` is charted; none or at least two, each once.
    pub universe: Vec<String>,
    /// A signal that is not renewed ceases to hold after this many days of 24 hours; above zero.
    pub hold_days: f64,
}

impl Default for CrossAssetCorrParams {
    fn default() -> Self {
        Self {
            pairs: vec![["SPY".into(), "TLT".into()]],
            safe: None,
            window: 60,
            lambda: 0.97,
            baseline: 252,
            level: -0.40,
            z: 2.0,
            effective: 1.0,
            universe: Vec::new(),
            hold_days: 7.0,
        }
    }
}

const LONGEST: usize = 100_000;

impl Params for CrossAssetCorrParams {
    const ID: &'static str = "alpha_cross_asset_corr";
    type Built = CrossAssetCorr;
    fn build(&self) -> Result<CrossAssetCorr, Invalid> {
        let mut bad = Invalid::default();
        bad.require(!self.pairs.is_empty(), "pairs", "empty", "at least one pair of symbols");
        for [a, b] in &self.pairs {
            bad.require(a != b, "pairs", format!("{a}-{b}"), "two different symbols");
        }
        let repeated = self.universe.iter().enumerate().find(|(i, s)| self.universe[..*i].contains(s));
        bad.require(repeated.is_none(), "universe", repeated.map_or("", |r| r.1), "each symbol once");
        bad.require(self.universe.len() != 1, "universe", "one symbol", "none or at least two");
        for (field, s) in self.symbols() {
            bad.require(Symbol::new(s).is_ok(), field, format!("{s:?}"), "symbols: letters, digits or . _ - / ^ = :");
        }
        let sizes = "4 to 100000";
        bad.require((4..=LONGEST).contains(&self.window), "window", self.window, sizes);
        bad.require((4..=LONGEST).contains(&self.baseline), "baseline", self.baseline, sizes);
        bad.require((0.0..1.0).contains(&self.lambda), "lambda", self.lambda, "a number in [0, 1)");
        bad.require((-1.0..=1.0).contains(&self.level), "level", self.level, "a number in [-1, 1]");
        bad.require(self.z > 0.0 && self.z.is_finite(), "z", self.z, "a number above 0");
        let few = self.effective * self.window.min(self.baseline) as f64;
        let share = self.effective > 0.0 && self.effective <= 1.0 && (few > 3.0 || self.window.min(self.baseline) < 4);
        bad.require(share, "effective", self.effective, "above 0, at most 1, and more than 3 effective returns");
        bad.require(self.hold_days > 0.0 && self.hold_days <= 36_500.0, "hold_days", self.hold_days, "in (0, 36500]");
        bad.into_result(())?;
        Ok(CrossAssetCorr {
            level: self.level,
            z: self.z,
            n: (self.effective * self.window as f64, self.effective * self.baseline as f64),
            previous: None,
            recent: RollingCorrelation::new(self.window),
            before: RollingCorrelation::new(self.baseline),
            ewma: EwmCorrelation::new(self.lambda),
        })
    }
}

impl CrossAssetCorrParams {
    fn symbols(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let pairs = self.pairs.iter().flatten().map(|s| ("pairs", s));
        pairs.chain(self.safe.iter().map(|s| ("safe", s))).chain(self.universe.iter().map(|s| ("universe", s)))
    }
}

/// Closes of both legs at the same instant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CrossAssetCorrIn {
    /// Close of the first leg, above zero.
    pub a: f64,
    /// Close of the second leg, above zero.
    pub b: f64,
}

/// The correlation of a pair; see [`CrossAssetCorrParams`] for the formulas.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CrossAssetCorrOut {
    /// Pearson's correlation of the recent returns; none while either leg does not vary.
    pub correlation: Option<f64>,
    /// Exponentially weighted correlation.
    pub ewma_correlation: Option<f64>,
    /// Correlation of the returns before the recent ones, once there are enough.
    pub baseline: Option<f64>,
    /// Fisher's z of the rise from baseline to recent.
    pub z: Option<f64>,
    /// One-sided p-value of that rise.
    pub p_value: Option<f64>,
    /// Whether the correlation has broken down.
    pub breakdown: bool,
    /// Strength of the breakdown in [0, 1].
    pub score: f64,
    /// One minus the p-value, in [0, 1].
    pub confidence: f64,
}

/// Follows the correlation of one pair. Built from [`CrossAssetCorrParams`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossAssetCorr {
    level: f64,
    z: f64,
    /// Effective numbers of recent and baseline returns.
    n: (f64, f64),
    previous: Option<(f64, f64)>,
    recent: RollingCorrelation,
    before: RollingCorrelation,
    ewma: EwmCorrelation,
}

impl CrossAssetCorr {
    fn out(&self) -> CrossAssetCorrOut {
        let correlation = self.recent.correlation();
        let baseline = if self.before.is_full() { self.before.correlation() } else { None };
        let change = correlation.zip(baseline).and_then(|(r, b)| fisher_two_sample(r, self.n.0, b, self.n.1));
        let above = correlation.filter(|r| *r > self.level).map(|r| (r - self.level) / (1.0 - self.level));
        let risen = change.filter(|t| t.z > self.z).map(|t| 1.0 - self.z / t.z);
        let test = change.or_else(|| fisher_one_sample(correlation?, self.n.0, self.level));
        CrossAssetCorrOut {
            correlation,
            ewma_correlation: self.ewma.correlation(),
            baseline,
            z: change.map(|t| t.z),
            p_value: change.map(|t| t.p_value),
            breakdown: above.is_some() || risen.is_some(),
            score: above.unwrap_or(0.0).max(risen.unwrap_or(0.0)).min(1.0),
            confidence: test.map_or(0.0, |t| 1.0 - t.p_value),
        }
    }
    /// Multiplies the price before of a leg, so that the next return is that of a holder.
    fn rescale(&mut self, leg: usize, factor: f64) {
        if let Some(p) = &mut self.previous {
            *(if leg == 0 { &mut p.0 } else { &mut p.1 }) *= factor;
        }
    }
}

impl Online for CrossAssetCorr {
    type In = CrossAssetCorrIn;
    type Out = CrossAssetCorrOut;
    fn update(&mut self, x: &CrossAssetCorrIn) -> Result<Option<CrossAssetCorrOut>, BadInput> {
        let (a, b) = (BadInput::positive("a", x.a)?, BadInput::positive("b", x.b)?);
        let Some((p, q)) = self.previous.replace((a, b)) else { return Ok(None) };
        let (x, y) = (math::ln(a / p), math::ln(b / q));
        if let Some((x, y)) = self.recent.push(x, y) {
            self.before.push(x, y);
        }
        self.ewma.push(x, y);
        Ok(self.recent.is_full().then(|| self.out()))
    }
    fn warmup(&self) -> usize {
        self.recent.window().capacity()
    }
}

/// The registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    alpha: Some(|v| Ok(Box::new(CrossAssetCorrAlpha::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<CrossAssetCorrParams>(
        0,
        "Rolling and exponentially weighted correlation of pairs against a baseline; a breakdown is a signal to hold the safe asset.",
        "Fisher (1921), On the probable error of a coefficient of correlation; RiskMetrics (1996), Technical Document",
    )
    .with_table::<CrossAssetCorrParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(c: &mut CrossAssetCorr, returns: &[(f64, f64)]) -> CrossAssetCorrOut {
        let (mut a, mut b) = c.previous.unwrap_or((100.0, 100.0));
        if c.previous.is_none() {
            c.update(&CrossAssetCorrIn { a, b }).unwrap();
        }
        let mut last = None;
        for (x, y) in returns {
            a *= x.exp();
            b *= y.exp();
            last = c.update(&CrossAssetCorrIn { a, b }).unwrap();
        }
        last.unwrap()
    }

    #[test]
    fn by_hand() {
        let p = CrossAssetCorrParams { window: 4, baseline: 4, lambda: 0.5, level: 0.2, z: 1.0, ..Default::default() };
        let mut c = p.build().unwrap();
        // x = 1, -1, 1, -1 and y = -1, 1, -1, -1 (in %): S_xy = -2, S_xx = 4, S_yy = 3.
        let down = [(0.01, -0.01), (-0.01, 0.01), (0.01, -0.01), (-0.01, -0.01)];
        let out = feed(&mut c, &down);
        let r = -2.0 / 12.0_f64.sqrt();
        assert!((out.correlation.unwrap() - r).abs() < 1e-12);
        // Products with weights 1/8, 1/8, 1/4, 1/2: -1/8 - 1/8 - 1/4 + 1/2 = 0.
        assert!(out.ewma_correlation.unwrap().abs() < 1e-12);
        assert_eq!((out.baseline, out.z, out.p_value, out.breakdown, out.score), (None, None, None, false, 0.0));
        // No baseline yet: the test of r > 0.2 with 4 - 3 = 1 degree, Phi(atanh r - atanh 0.2).
        let phi = tradewind_numerics::normal::cdf;
        assert!((out.confidence - phi(r.atanh() - 0.2_f64.atanh())).abs() < 1e-12);
        // The mirror image: r and baseline of opposite sign, z = 2 atanh(r) / sqrt(1 + 1) < 1, and above 0.2 by 0.377.
        let up = down.map(|(x, y)| (x, -y));
        let out = feed(&mut c, &up);
        assert!((out.baseline.unwrap() - r).abs() < 1e-12 && (out.correlation.unwrap() + r).abs() < 1e-12);
        let z = 2.0_f64.sqrt() * (-r).atanh();
        assert!((out.z.unwrap() - z).abs() < 1e-12 && (out.p_value.unwrap() - phi(-z)).abs() < 1e-12);
        assert!(out.breakdown && (out.score - (-r - 0.2) / 0.8).abs() < 1e-12, "{out:?}");
        assert!((out.confidence - phi(z)).abs() < 1e-12);
    }

    #[test]
    fn a_rise_alone_is_a_breakdown() {
        // From -1 to about -0.58 with the level out of reach: only the change speaks.
        let p = CrossAssetCorrParams { window: 4, baseline: 4, level: 1.0, ..Default::default() };
        let mut c = p.build().unwrap();
        feed(&mut c, &[(0.01, -0.01), (-0.01, 0.01), (0.01, -0.01), (-0.01, 0.01)]);
        let out = feed(&mut c, &[(0.01, -0.01), (-0.01, 0.01), (0.01, -0.01), (-0.01, -0.01)]);
        let z = out.z.unwrap();
        assert!(z > 10.0 && out.breakdown && (out.score - (1.0 - 2.0 / z)).abs() < 1e-12 && out.confidence > 0.999);
        // And the other way it is none.
        let out = feed(&mut c, &[(0.01, -0.01), (-0.01, 0.01), (0.01, -0.01), (-0.01, 0.01)]);
        assert!(out.z.unwrap() < -10.0 && !out.breakdown && out.score == 0.0 && out.confidence < 0.001);
    }

    #[test]
    fn all_violations_are_named() {
        let p = CrossAssetCorrParams {
            pairs: vec![["SPY".into(), "SPY".into()], ["A B".into(), "X".into()]],
            safe: Some(String::new()),
            window: 3,
            lambda: f64::NAN,
            baseline: 0,
            level: 1.1,
            z: 0.0,
            effective: 0.0,
            universe: vec!["SPY".into(), "SPY".into()],
            hold_days: f64::INFINITY,
        };
        let e = p.build().unwrap_err();
        for field in
            ["pairs", "safe", "window", "lambda", "baseline", "level", "z", "effective", "universe", "hold_days"]
        {
            assert!(e.0.iter().any(|v| v.field == field), "{field}: {e}");
        }
        // 60 returns of which one in twenty counts are 3.
        let p = CrossAssetCorrParams { effective: 0.05, ..Default::default() };
        assert_eq!(p.build().unwrap_err().0.len(), 1);
    }
}
