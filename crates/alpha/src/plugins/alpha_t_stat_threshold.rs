//! Trusts a signal as far as the t-statistic of what it has earned goes: Newey-West errors, adjustment for the number of signals.

mod record;
mod role;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, parse_params};
use tradewind_numerics::multiple;

pub use record::{Judged, Record, Scratch, adjusted_t};
pub use role::TStatFilter;

/// What counts as evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The mean of signal times return.
    Mean,
    /// The information coefficient: rank correlation of signal and return.
    Ic,
    /// The better of the two.
    Either,
    /// The worse of the two.
    Both,
}

/// Adjustment of the p-values for the number of signals judged together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Across {
    /// None: each signal for itself.
    None,
    /// Holm: any false discovery.
    Holm,
    /// Benjamini & Yekutieli: the share of false discoveries, under any dependence.
    BenjaminiYekutieli,
}

impl Across {
    pub(crate) fn adjustment(self) -> multiple::Adjustment {
        match self {
            Self::None => multiple::Adjustment::None,
            Self::Holm => multiple::Adjustment::Holm,
            Self::BenjaminiYekutieli => multiple::Adjustment::BenjaminiYekutieli,
        }
    }
}

/// Whose record judges a signal (filter).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// The strategy's: all its symbols together.
    Strategy,
    /// The symbol's own within the strategy.
    Symbol,
    /// The symbol's own, and the strategy's as long as that has too few observations.
    SymbolOrStrategy,
}

/// Parameters of `alpha_t_stat_threshold`.
///
/// Over the last `window` observations of signal s (known before) and return r (known after):
/// * mean of s r, with t = mean / se, se^2 = (1/n^2) (g_0 + 2 sum_{l=1..L} (1 - l/(L+1)) g_l), g_l = sum_t e_t e_{t-l}, e = s r - mean (Newey-West,
///   Bartlett weights); L = `lags`, or floor(4 (n/100)^(2/9)); with `correction` se^2 times n/(n - 1);
/// * information coefficient: Spearman's rank correlation of s and r, the mean of c_t = (R_t - R)(Q_t - Q)/(s_R s_Q) over the ranks R, Q, with the t of that
///   series in the same way (pooled, with `cross_section` symbols or more at a time: the mean of the correlations across symbols, session by session);
/// * t = that of the `evidence`; p = 2 Phi(-|t|), adjusted across all records with `minimum` observations by `across`; adjusted t = sign(t) Phi^-1(1 - p_adj/2);
/// * scale: 1 from `upper` on, `partial` from `lower` on, `below` under it (0: veto); `unproven` with fewer than `minimum` observations;
/// * quality = min(1, max(0, adjusted t / `upper`)) n / (n + `minimum`), in [0, 1).
///
/// Table: `signal`, `forward` (the return that followed it, decimal); warm-up `minimum` - 1 rows; one record, so nothing to adjust for. Filter: one record per
/// strategy and symbol and one pooled per strategy; a record also grows while its signal is vetoed. It folds what paper bets earned before costs, as the
/// engine's records of strategies show it at each session close: a bet is entered `delay` closes after its decision, once all its legs have traded, and
/// counts once for each session that it is held.
///
/// Sources: Newey & West (1987), Econometrica 55; Newey & West (1994), Review of Economic Studies 61; Holm (1979), Scandinavian Journal of Statistics 6;
/// Benjamini & Yekutieli (2001), Annals of Statistics 29; Harvey, Liu & Zhu (2016), ... and the cross-section of expected returns, RFS 29 (why 3, not 2);
/// Grinold & Kahn (1999), Active Portfolio Management (information coefficient).
///
/// ```
/// use tradewind_alpha::plugins::alpha_t_stat_threshold::{TStatIn, TStatParams};
/// use tradewind_core_types::{Online, Params};
/// let p = TStatParams { minimum: 4, lags: Some(0), correction: false, ..Default::default() };
/// let (mut t, mut last) = (p.build()?, None);
/// // Signal times return: 1, 3, 2, 6 %. Mean 3 %, deviations -2, 0, -1, 3: se = sqrt(14)/4 %.
/// for (signal, forward) in [(1.0, 0.01), (-1.0, -0.03), (1.0, 0.02), (1.0, 0.06)] {
///     last = t.update(&TStatIn { signal, forward })?;
/// }
/// let out = last.unwrap();
/// assert!((out.t_mean.unwrap() - 12.0 / 14.0_f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TStatParams {
    /// Observations kept; `minimum` to 10000.
    pub window: usize,
    /// Observations before a record is judged; 4 to 10000.
    pub minimum: usize,
    /// Lags of the Newey-West errors, 0 to 1000; automatic when missing.
    pub lags: Option<usize>,
    /// Whether the variance is multiplied by n/(n - 1).
    pub correction: bool,
    /// What counts as evidence.
    pub evidence: Evidence,
    /// Adjusted t below which a signal is not trusted; in [-10, 100].
    pub lower: f64,
    /// Adjusted t from which it is trusted fully; above 0, at least `lower`, at most 100.
    pub upper: f64,
    /// Adjustment for the number of records.
    pub across: Across,
    /// Scale with fewer than `minimum` observations, or without variation; in [0, 1].
    pub unproven: f64,
    /// Scale between the thresholds; in [0, 1].
    pub partial: f64,
    /// Scale below `lower`; in [0, `partial`], 0 is a veto.
    pub below: f64,
    /// Whose record judges (filter).
    pub pool: Pool,
    /// Sessions between decision and entry (filter); 0 to 20. Orders decided at one close and filled at the next: 1.
    pub delay: usize,
    /// Symbols at a time from which the pooled information coefficient is taken across them (filter); 3 to 1000.
    pub cross_section: usize,
}

impl Default for TStatParams {
    fn default() -> Self {
        Self {
            window: 504,
            minimum: 60,
            lags: None,
            correction: true,
            evidence: Evidence::Mean,
            lower: 2.0,
            upper: 3.0,
            across: Across::Holm,
            unproven: 0.5,
            partial: 0.5,
            below: 0.0,
            pool: Pool::Strategy,
            delay: 1,
            cross_section: 5,
        }
    }
}

impl Params for TStatParams {
    const ID: &'static str = "alpha_t_stat_threshold";
    type Built = TStat;

    fn build(&self) -> Result<TStat, Invalid> {
        let mut bad = Invalid::default();
        let most = 10_000;
        bad.require((4..=most).contains(&self.minimum), "minimum", self.minimum, "4 to 10000 observations");
        let window = self.window >= self.minimum && self.window <= most;
        bad.require(window, "window", self.window, "at least `minimum`, at most 10000 observations");
        let lags = self.lags.unwrap_or(0);
        bad.require(lags <= 1000, "lags", lags, "0 to 1000");
        bad.require((-10.0..=100.0).contains(&self.lower), "lower", self.lower, "a t-statistic in [-10, 100]");
        let upper = self.upper > 0.0 && self.upper >= self.lower && self.upper <= 100.0;
        bad.require(upper, "upper", self.upper, "a t-statistic above 0, at least `lower`, at most 100");
        bad.require((0.0..=1.0).contains(&self.unproven), "unproven", self.unproven, "a scale in [0, 1]");
        bad.require((0.0..=1.0).contains(&self.partial), "partial", self.partial, "a scale in [0, 1]");
        let below = self.below >= 0.0 && self.below <= self.partial;
        bad.require(below, "below", self.below, "a scale in [0, `partial`]");
        bad.require(self.delay <= 20, "delay", self.delay, "0 to 20 sessions");
        bad.require((3..=1000).contains(&self.cross_section), "cross_section", self.cross_section, "3 to 1000 symbols");
        bad.into_result(())?;
        Ok(TStat { record: Record::new(self), params: self.clone(), scratch: Scratch::default() })
    }
}

impl TStatParams {
    /// The scale of an adjusted t.
    pub(crate) fn scale(&self, t: Option<f64>) -> f64 {
        match t {
            None => self.unproven,
            Some(t) if t >= self.upper => 1.0,
            Some(t) if t >= self.lower => self.partial,
            Some(_) => self.below,
        }
    }
    /// The quality of an adjusted t over n observations.
    pub(crate) fn quality(&self, t: Option<f64>, n: usize) -> f64 {
        let n = n as f64;
        t.map_or(0.0, |t| (t / self.upper).clamp(0.0, 1.0) * n / (n + self.minimum as f64))
    }
}

/// A signal and what followed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TStatIn {
    /// The signal, any finite number: direction and strength.
    pub signal: f64,
    /// The return that followed it, decimal.
    pub forward: f64,
}

/// What the record says; see [`TStatParams`] for the formulas. Without variation there is no t.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TStatOut {
    /// Observations.
    pub n: usize,
    /// Mean of signal times return.
    pub mean: f64,
    /// Its t-statistic.
    pub t_mean: Option<f64>,
    /// Its two-sided p-value.
    pub p_mean: Option<f64>,
    /// Information coefficient.
    pub ic: Option<f64>,
    /// Its t-statistic.
    pub t_ic: Option<f64>,
    /// Its two-sided p-value.
    pub p_ic: Option<f64>,
    /// The t that counts.
    pub t: Option<f64>,
    /// Quality in [0, 1).
    pub quality: f64,
    /// Scale in [0, 1].
    pub scale: f64,
}

/// Follows one signal. Built from [`TStatParams`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TStat {
    params: TStatParams,
    record: Record,
    scratch: Scratch,
}

impl Online for TStat {
    type In = TStatIn;
    type Out = TStatOut;

    fn update(&mut self, x: &TStatIn) -> Result<Option<TStatOut>, BadInput> {
        let (signal, forward) = (BadInput::finite("signal", x.signal)?, BadInput::finite("forward", x.forward)?);
        let product = signal * forward;
        // Squares of what enters must stay finite.
        if product.abs() > 1e100 {
            return Err(BadInput::new("signal", signal.to_string(), "signal times return of at most 1e100"));
        }
        self.record.push(signal, forward, product);
        if self.record.n() < self.params.minimum {
            return Ok(None);
        }
        let j = self.record.judge(&self.params, &mut self.scratch);
        let (mean, ic) = (j.mean, j.ic);
        Ok(Some(TStatOut {
            n: self.record.n(),
            mean: self.record.mean(),
            t_mean: mean.map(|m| m.t),
            p_mean: mean.map(|m| m.p_value),
            ic: ic.map(|m| m.mean),
            t_ic: ic.map(|m| m.t),
            p_ic: ic.map(|m| m.p_value),
            t: j.t,
            quality: self.params.quality(j.t, self.record.n()),
            scale: self.params.scale(j.t),
        }))
    }
    fn warmup(&self) -> usize {
        self.params.minimum - 1
    }
}

/// The registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    filter: Some(|v| Ok(Box::new(TStatFilter::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<TStatParams>(
        1,
        "Trusts a signal as far as the t-statistic of what it has earned goes: Newey-West errors, adjustment for the number of signals.",
        "Newey & West (1987), Econometrica 55; Holm (1979); Benjamini & Yekutieli (2001); Harvey, Liu & Zhu (2016), RFS 29",
    )
    .with_table::<TStatParams>()
};

#[cfg(test)]
mod tests;
