//! Pairs of cointegrated assets: tested, traded on the spread's z-score with hysteresis, and found in a universe under false-discovery control.

mod estimate;
mod role;
mod scan;
mod trade;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, Symbol, parse_params};
use tradewind_numerics::johansen::{DetOrder, MAX_LAGS, fewest};
use tradewind_numerics::multiple::Adjustment;
use tradewind_numerics::{Window, math};

pub use estimate::{Estimate, Rule, Status, estimate};
pub use role::CointPairsAlpha;
pub use scan::{Found, Scan, scan};
pub use trade::{Action, Machine, Step};

/// The test of cointegration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Johansen's trace statistic.
    Trace,
    /// Johansen's largest eigenvalue.
    MaxEigenvalue,
    /// Engle and Granger: Dickey-Fuller test of the residuals of a on b.
    EngleGranger,
}

/// Where the hedge ratio of a trade comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hedge {
    /// The cointegrating vector of the formation window.
    Static,
    /// A random walk followed by a Kalman filter.
    Kalman,
}

/// What the second leg balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Neutral {
    /// The spread: minus the hedge ratio, so that the position's return is the spread's change.
    Spread,
    /// Dollars: -1, as much short as long.
    Dollar,
    /// The market: minus the ratio of the legs' betas to `market`.
    Beta,
}

/// How false discoveries of a scan are controlled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Benjamini & Hochberg.
    BenjaminiHochberg,
    /// Benjamini & Yekutieli: under any dependence.
    BenjaminiYekutieli,
}

impl Control {
    pub(crate) fn adjustment(self) -> Adjustment {
        match self {
            Self::BenjaminiHochberg => Adjustment::BenjaminiHochberg,
            Self::BenjaminiYekutieli => Adjustment::BenjaminiYekutieli,
        }
    }
}

/// Parameters of `alpha_coint_pairs`.
///
/// With a, b the log prices (total return) of the last `formation` sessions:
/// * test: Johansen's trace or largest eigenvalue with `lags` lagged differences and deterministic order `det_order`, or Engle-Granger; the pair is
///   cointegrated when p <= `significance`, and "at most one vector" is not rejected at 5 % (or `significance`, if smaller; else both legs
///   are stationary by themselves);
/// * hedge ratio h: -v_b / v_a of the first eigenvector (Engle-Granger: least squares of a on b); refused unless 1/`max_hedge` <= h <= `max_hedge`
///   (that is, positive);
/// * spread s = a - h b with mean m and standard deviation d (ddof 1) of the formation window (order 1: around its straight line, extended);
/// * half-life -ln 2 / ln(1 + f), f of s_t - s_{t-1} = c + f s_{t-1} + e_t; refused unless in [`min_half_life`, `max_half_life`];
/// * z = (s - m) / d; with `hedge = "kalman"` the innovation of a = alpha_t + h_t (b - mean b) over its standard deviation.
///
/// Trading, for the `trading` sessions after which everything is estimated again: at |z| >= `enter` (and < `stop`) against the spread; out at
/// |z| <= `exit` or beyond zero; stopped at |z| >= `stop` on the wrong side; out after `max_hold` sessions. After an exit the test must pass on the
/// newest window before the next entry; after a stop or the end of time, after a failed re-estimation, and after a gap of `max_gap` sessions in a leg,
/// the pair rests until the next re-estimation. A trade keeps the numbers it was entered with.
///
/// Score +1 (long the spread), -1 or 0; confidence (1 - p)(1 - 2^(-`max_hold` / half-life)), of the entry: the share of the deviation expected to be gone in time.
///
/// Table: closes `a`, `b`; one row per session. Warm-up: `formation` - 1 rows. Alpha: `pairs` and/or the best `top` of a scan of `universe`.
///
/// Sources: Johansen (1991), Econometrica 59; Engle & Granger (1987), Econometrica 55; Gatev, Goetzmann & Rouwenhorst (2006), Pairs trading,
/// Review of Financial Studies 19; Vidyamurthy (2004), Pairs Trading; Benjamini & Hochberg (1995), JRSS B 57.
///
/// ```
/// use tradewind_alpha::plugins::alpha_coint_pairs::{CointPairsIn, CointPairsParams, Status};
/// use tradewind_core_types::{Online, Params};
/// let mut pair = CointPairsParams { formation: 40, lags: 0, ..Default::default() }.build()?;
/// // ln b wanders; ln a = ln b + 0.01, 0, -0.01, 0, 0.01, ...: a spread around zero with hedge ratio 1.
/// let (mut last, mut b) = (None, 0.0_f64);
/// for i in 0..40_i32 {
///     b += 0.02 * f64::from((i * i * 7) % 11 - 5);
///     let wave = [0.01, 0.0, -0.01, 0.0][(i % 4) as usize];
///     last = pair.update(&CointPairsIn { a: (b + wave).exp(), b: b.exp() })?;
/// }
/// let out = last.unwrap();
/// assert!((out.hedge_ratio.unwrap() - 1.0).abs() < 0.01 && out.p_value.unwrap() < 0.01);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CointPairsParams {
    /// Pairs [a, b] of symbols; first legs differ from each other, because a signal is known by its first leg.
    pub pairs: Vec<[String; 2]>,
    /// Symbols of which all pairs are scanned at every estimation; none or at least three, each once, none of them in `pairs`.
    pub universe: Vec<String>,
    /// Pairs of the universe traded at a time, each symbol in at most one; 1 to 1000.
    pub top: usize,
    /// Rate of false discoveries among the universe's pairs that count as cointegrated; in (0, 1).
    pub fdr: f64,
    /// How that rate is controlled.
    pub control: Control,
    /// The test.
    pub test: Test,
    /// Deterministic order: -1 none, 0 constant, 1 trend.
    pub det_order: i64,
    /// Lagged differences of the test; 0 to 8.
    pub lags: usize,
    /// Level of the test of one pair; in (0, 0.5].
    pub significance: f64,
    /// Sessions in the formation window; 30 to 5000, and enough for the lags.
    pub formation: usize,
    /// Sessions after which everything is estimated again; 1 to 5000.
    pub trading: usize,
    /// Sessions of the formation window that a leg may miss; 0 to half of it.
    pub max_missing: usize,
    /// |z| at which a trade begins; in (0, 20].
    pub enter: f64,
    /// |z| at which it has earned what was hoped for; in [0, `enter`).
    pub exit: f64,
    /// |z| at which it is given up; above `enter`, at most 100.
    pub stop: f64,
    /// Sessions after which a trade ends; 1 to 5000.
    pub max_hold: usize,
    /// Sessions without a price of a leg after which a trade ends; 1 to 1000.
    pub max_gap: usize,
    /// Shortest half-life that is traded, sessions; above 0.
    pub min_half_life: f64,
    /// Longest half-life that is traded, sessions; at least `min_half_life`, at most 5000.
    pub max_half_life: f64,
    /// Largest hedge ratio, and one over the smallest; at least 1, at most 100.
    pub max_hedge: f64,
    /// Where the hedge ratio of a trade comes from.
    pub hedge: Hedge,
    /// Variance a session of the Kalman filter's states, as a share of the spread's variance; in (0, 1).
    pub kalman_drift: f64,
    /// What the second leg balances (alpha only).
    pub neutral: Neutral,
    /// The market of `neutral = "beta"`; without prices of it no trade begins.
    pub market: String,
    /// A signal that is not renewed ceases to hold after this many days of 24 hours; above 0, at most 365.
    pub hold_days: f64,
}

impl Default for CointPairsParams {
    fn default() -> Self {
        Self {
            pairs: vec![["KO".into(), "PEP".into()]],
            universe: Vec::new(),
            top: 5,
            fdr: 0.10,
            control: Control::BenjaminiHochberg,
            test: Test::Trace,
            det_order: 0,
            lags: 1,
            significance: 0.05,
            formation: 252,
            trading: 63,
            max_missing: 5,
            enter: 2.0,
            exit: 0.5,
            stop: 4.0,
            max_hold: 63,
            max_gap: 3,
            min_half_life: 1.0,
            max_half_life: 42.0,
            max_hedge: 3.0,
            hedge: Hedge::Static,
            kalman_drift: 1e-4,
            neutral: Neutral::Spread,
            market: "SPY".into(),
            hold_days: 10.0,
        }
    }
}

impl CointPairsParams {
    fn check_names(&self, bad: &mut Invalid) {
        bad.require(!self.pairs.is_empty() || !self.universe.is_empty(), "pairs", "empty", "a pair, or a universe");
        for (i, [a, b]) in self.pairs.iter().enumerate() {
            bad.require(a != b, "pairs", format!("{a}-{b}"), "two different symbols");
            let again = self.pairs[..i].iter().any(|p| p[0] == *a);
            bad.require(
                !again,
                "pairs",
                format!("{a} first in two pairs"),
                "first legs that differ (turn one pair around)",
            );
        }
        let u = &self.universe;
        bad.require(
            u.is_empty() || u.len() >= 3,
            "universe",
            format!("{} symbols", u.len()),
            "none, or at least three",
        );
        let repeated = u.iter().enumerate().find(|(i, s)| u[..*i].contains(s));
        bad.require(repeated.is_none(), "universe", repeated.map_or("", |r| r.1), "each symbol once");
        let both = self.pairs.iter().flatten().find(|s| u.contains(s));
        bad.require(both.is_none(), "universe", both.map_or("", |s| s), "no symbol that is in `pairs`");
        let named = self.pairs.iter().flatten().map(|s| ("pairs", s)).chain(u.iter().map(|s| ("universe", s)));
        for (field, s) in named.chain([("market", &self.market)]) {
            bad.require(Symbol::new(s).is_ok(), field, format!("{s:?}"), "symbols: letters, digits or . _ - / ^ = :");
        }
    }
}

impl Params for CointPairsParams {
    const ID: &'static str = "alpha_coint_pairs";
    type Built = CointPairs;

    fn build(&self) -> Result<CointPairs, Invalid> {
        let mut bad = Invalid::default();
        self.check_names(&mut bad);
        let whole = |bad: &mut Invalid, field: &str, x: usize, low: usize, high: usize| {
            bad.require((low..=high).contains(&x), field, x, &format!("{low} to {high}"));
        };
        whole(&mut bad, "top", self.top, 1, 1000);
        bad.require(self.fdr > 0.0 && self.fdr < 1.0, "fdr", self.fdr, "a rate in (0, 1)");
        let det = DetOrder::new(self.det_order);
        bad.require(det.is_some(), "det_order", self.det_order, "-1, 0 or 1");
        whole(&mut bad, "lags", self.lags, 0, MAX_LAGS);
        let p = self.significance;
        bad.require(p > 0.0 && p <= 0.5, "significance", p, "a level in (0, 0.5]");
        whole(&mut bad, "formation", self.formation, 30, 5000);
        let left = self.formation.saturating_sub(self.max_missing);
        let missing = self.max_missing <= self.formation / 2 && left >= fewest(2, self.lags.min(MAX_LAGS));
        bad.require(
            missing,
            "max_missing",
            self.max_missing,
            "at most half of `formation`, leaving enough for the lags",
        );
        whole(&mut bad, "trading", self.trading, 1, 5000);
        bad.require(self.enter > 0.0 && self.enter <= 20.0, "enter", self.enter, "a z-score in (0, 20]");
        bad.require(self.exit >= 0.0 && self.exit < self.enter, "exit", self.exit, "zero or more, below `enter`");
        bad.require(self.stop > self.enter && self.stop <= 100.0, "stop", self.stop, "above `enter`, at most 100");
        whole(&mut bad, "max_hold", self.max_hold, 1, 5000);
        whole(&mut bad, "max_gap", self.max_gap, 1, 1000);
        let (low, high) = (self.min_half_life, self.max_half_life);
        bad.require(low > 0.0 && low <= 5000.0, "min_half_life", low, "sessions, above 0 and at most 5000");
        bad.require(high >= low && high <= 5000.0, "max_half_life", high, "at least `min_half_life`, at most 5000");
        bad.require((1.0..=100.0).contains(&self.max_hedge), "max_hedge", self.max_hedge, "a ratio in [1, 100]");
        let drift = self.kalman_drift;
        bad.require(drift > 0.0 && drift < 1.0, "kalman_drift", drift, "a share in (0, 1)");
        bad.require(self.hold_days > 0.0 && self.hold_days <= 365.0, "hold_days", self.hold_days, "days in (0, 365]");
        let rule = Rule {
            test: self.test,
            det: det.unwrap_or(DetOrder::Constant),
            lags: self.lags,
            significance: p,
            formation: self.formation,
            trading: self.trading,
            max_missing: self.max_missing,
            enter: self.enter,
            exit: self.exit,
            stop: self.stop,
            max_hold: self.max_hold,
            half_life: (low, high),
            max_hedge: self.max_hedge,
            kalman: (self.hedge == Hedge::Kalman).then_some(drift),
        };
        bad.into_result(())?;
        let window = || Window::new(self.formation);
        Ok(CointPairs { rule, a: window(), b: window(), machine: Machine::default() })
    }
}

/// Closes of both legs at the end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CointPairsIn {
    /// Close of the first leg, above zero.
    pub a: f64,
    /// Close of the second leg, above zero.
    pub b: f64,
}

/// The pair as of this session; see [`CointPairsParams`] for the formulas. What could not be computed is empty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CointPairsOut {
    /// What the last estimation found.
    pub status: Status,
    /// Its statistic (Engle-Granger: a t value).
    pub statistic: Option<f64>,
    /// Its p-value.
    pub p_value: Option<f64>,
    /// The published critical value at 5 %.
    pub critical: Option<f64>,
    /// Hedge ratio in force: of the trade, or of the next one.
    pub hedge_ratio: Option<f64>,
    /// Half-life of the spread, sessions.
    pub half_life: Option<f64>,
    /// Standard error of the half-life.
    pub half_life_error: Option<f64>,
    /// Spread a - h b of the log prices.
    pub spread: Option<f64>,
    /// Its z-score.
    pub z: Option<f64>,
    /// What was done now.
    pub action: Action,
    /// Position in the spread from now on: 1, -1 or 0.
    pub position: i8,
    /// Sessions held.
    pub held: usize,
    /// Confidence of the trade, in [0, 1]; 0 without one.
    pub confidence: f64,
}

/// Follows one pair. Built from [`CointPairsParams`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CointPairs {
    rule: Rule,
    a: Window,
    b: Window,
    machine: Machine,
}

impl CointPairs {
    pub(crate) fn rule(&self) -> &Rule {
        &self.rule
    }
}

impl Online for CointPairs {
    type In = CointPairsIn;
    type Out = CointPairsOut;

    fn update(&mut self, x: &CointPairsIn) -> Result<Option<CointPairsOut>, BadInput> {
        let (a, b) = (math::ln(BadInput::positive("a", x.a)?), math::ln(BadInput::positive("b", x.b)?));
        self.a.push(a);
        self.b.push(b);
        if !self.a.is_full() {
            return Ok(None);
        }
        let (rule, wa, wb) = (&self.rule, &self.a, &self.b);
        let newest = || estimate(rule, &wa.iter().collect::<Vec<_>>(), &wb.iter().collect::<Vec<_>>());
        let step = self.machine.step(rule, a, b, newest);
        let e = step.estimate;
        Ok(Some(CointPairsOut {
            status: e.status,
            statistic: e.statistic,
            p_value: e.p_value,
            critical: e.critical,
            hedge_ratio: step.hedge_ratio.or(e.hedge_ratio),
            half_life: e.half_life,
            half_life_error: e.half_life_error,
            spread: step.spread,
            z: step.z,
            action: step.action,
            position: step.position,
            held: step.held,
            confidence: step.confidence,
        }))
    }
    fn warmup(&self) -> usize {
        self.rule.formation - 1
    }
    fn summary(&self) -> tradewind_core_types::serde_json::Value {
        self.machine.summary()
    }
}

/// The registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    alpha: Some(|v| Ok(Box::new(CointPairsAlpha::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<CointPairsParams>(
        1,
        "Pairs of cointegrated assets: tested, traded on the spread's z-score with hysteresis, and found in a universe under false-discovery control.",
        "Johansen (1991), Estimation and hypothesis testing of cointegration vectors; Gatev, Goetzmann & Rouwenhorst (2006), Pairs trading",
    )
    .with_table::<CointPairsParams>()
};

#[cfg(test)]
mod tests;
