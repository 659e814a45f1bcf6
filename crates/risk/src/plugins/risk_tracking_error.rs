//! Keeps a portfolio within a limit on its tracking error against a benchmark, by a Ledoit-Wolf covariance.

mod measure;
mod rule;
mod universe;

pub use measure::{ExAnte, ex_ante, ex_post, project, shrink_factor};
pub use rule::TrackingErrorRule;
pub use universe::Universe;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, Symbol, parse_params};
use tradewind_numerics::RollingMoments;

/// What the benchmark's weights are fractions of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Of equity; they must sum to 1.
    Whole,
    /// Of equity; what is missing to 1 is cash.
    Cash,
    /// Of their own sum, which becomes all of equity.
    Normalise,
    /// Of their own sum, which becomes the net exposure of the portfolio: only what is chosen counts, not how much is invested.
    Invested,
}

/// Where the covariance comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// Sample covariance shrunk towards a multiple of the identity.
    LedoitWolf,
    /// Exponentially weighted.
    Ewma,
    /// Sample covariance (ddof = 1).
    Sample,
}

/// How a portfolio beyond the limit is made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All targets by one factor, the largest that meets the limit.
    Scale,
    /// Each target by its own: the nearest portfolio that meets the limit, with every target between zero and what was wanted.
    Project,
}

/// What happens when no smaller portfolio meets the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutOfReach {
    /// The targets stay as they are, and the explanation says so.
    Keep,
    /// The targets become the smaller portfolio with the smallest tracking error.
    Least,
}

/// Parameters of `risk_tracking_error`.
///
/// ex ante: TE = sqrt(A (w - b)' S (w - b)), w the target weights, b the benchmark's, S the covariance of simple total returns
/// between session closes over the last `window` sessions, A = `periods_per_year`. S is, with T rows x of n symbols, the sample
/// covariance C (divisor T) shrunk towards its mean variance m,
///
/// S = (1 - s) C + s m I, s = min(1, (sum_t |x_t - mean|^4 / T - |C|^2) / (T (|C|^2 - n m^2)))
///
/// (`ledoit_wolf`: positive definite also with fewer rows than symbols), the exponentially weighted mean of x x' (`ewma`, decay
/// `lambda`), or C itself with divisor T - 1 (`sample`); the eigenvalues of the last two are raised to `floor` times m.
/// Contribution of symbol i: (w_i - b_i) (S (w - b))_i A / TE; the contributions sum to TE.
///
/// As a rule (phase Portfolio): beyond `limit` the targets shrink, by `mode`. No target ever grows or changes sign, so an underweight
/// is never filled: where that alone breaks the limit, see `out_of_reach`. Within the limit nothing is said. A target with fewer than
/// `minimum` returns, none in the last `max_stale` sessions, or a price that never moves is taken to move by `unknown_volatility` against
/// everything else: its |w| times that is added to TE, an upper bound for any correlation. When this befalls the benchmark, TE is not
/// known and every target is multiplied by `unknown`. Symbols of different age share the sessions of the youngest of them.
///
/// ex post (table): the sample standard deviation (ddof = 1) of the last `ex_post_window` active returns times sqrt(A).
/// Table: input `portfolio` and `benchmark`, simple returns of one period, the benchmark's empty where it has a gap; output active
/// return, tracking error, information ratio, and the factor on active weights that would meet the limit. Where the benchmark has
/// a gap, the portfolio's return is compounded into the next row's. Warm-up: `ex_post_window` - 1 rows.
///
/// Sources: Ledoit & Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices", Journal of Multivariate
/// Analysis 88(2); Grinold & Kahn (2000), "Active Portfolio Management", 2nd ed., chapter 3; Roll (1992), "A mean/variance analysis of
/// tracking error", Journal of Portfolio Management 18(4).
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_risk::plugins::risk_tracking_error::{RiskTrackingErrorIn, RiskTrackingErrorParams};
/// let params = RiskTrackingErrorParams { ex_post_window: 2, periods_per_year: 50.0, ..Default::default() };
/// let mut te = params.build()?;
/// te.update(&RiskTrackingErrorIn { portfolio: 0.03, benchmark: Some(0.02) })?;
/// let out = te.update(&RiskTrackingErrorIn { portfolio: 0.01, benchmark: Some(0.02) })?.unwrap();
/// // Active returns 0.01 and -0.01: standard deviation 0.01 sqrt 2, times sqrt 50 is 0.1; 0.06 / 0.1.
/// assert!((out.tracking_error.unwrap() - 0.1).abs() < 1e-12 && (out.factor.unwrap() - 0.6).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RiskTrackingErrorParams {
    /// Largest annualised tracking error, decimal, in (0, 10].
    pub limit: f64,
    /// The benchmark: weight by symbol, each in [-10, 10], at least one of them not zero.
    pub benchmark: BTreeMap<String, f64>,
    /// What the benchmark's weights are fractions of.
    pub basis: Basis,
    /// Where the covariance comes from.
    pub estimator: Estimator,
    /// Sessions of the covariance: 3 to 100,000.
    pub window: usize,
    /// Returns that a symbol needs to be measured: 3 to `window`.
    pub minimum: usize,
    /// Decay of the exponentially weighted covariance a session, in (0, 1).
    pub lambda: f64,
    /// Smallest eigenvalue as a share of the mean variance, for `ewma` and `sample`, in [0, 1].
    pub floor: f64,
    /// How a portfolio beyond the limit is made smaller.
    pub mode: Mode,
    /// What happens when no smaller portfolio meets the limit.
    pub out_of_reach: OutOfReach,
    /// Factor on every target while the benchmark is not measured, in [0, 1].
    pub unknown: f64,
    /// Annualised volatility assumed of a target that is not measured, decimal, in [0, 100].
    pub unknown_volatility: f64,
    /// Sessions without a return after which a symbol is no longer measured: 0 to 1,000.
    pub max_stale: usize,
    /// Active returns of the ex-post tracking error: 2 to 100,000.
    pub ex_post_window: usize,
    /// Periods a year, in (0, 1e6].
    pub periods_per_year: f64,
}

impl Default for RiskTrackingErrorParams {
    fn default() -> Self {
        Self {
            limit: 0.06,
            benchmark: BTreeMap::from([("SPY".into(), 1.0)]),
            basis: Basis::Whole,
            estimator: Estimator::LedoitWolf,
            window: 252,
            minimum: 63,
            lambda: 0.97,
            floor: 0.01,
            mode: Mode::Scale,
            out_of_reach: OutOfReach::Keep,
            unknown: 0.5,
            unknown_volatility: 0.6,
            max_stale: 5,
            ex_post_window: 63,
            periods_per_year: 252.0,
        }
    }
}

/// The benchmark's weights in the order of the symbols, of equity or (`Invested`) of net exposure.
fn resolve(benchmark: &BTreeMap<String, f64>, basis: Basis) -> Result<Vec<(Symbol, f64)>, Invalid> {
    let mut bad = Invalid::default();
    let mut out = Vec::with_capacity(benchmark.len());
    for (name, w) in benchmark {
        let field = format!("benchmark.{name}");
        bad.require((-10.0..=10.0).contains(w), &field, w, "a weight in [-10, 10]");
        match Symbol::new(name) {
            Ok(s) => out.push((s, *w)),
            Err(e) => bad.require(false, &field, format!("{name:?}"), &e.expected),
        }
    }
    let sum: f64 = benchmark.values().sum();
    let known = benchmark.values().any(|w| *w != 0.0);
    bad.require(known, "benchmark", "without weights", "at least one symbol with a weight, such as { SPY = 1.0 }");
    let total = format!("of weights that sum to {sum}");
    match basis {
        Basis::Whole if known => {
            let expected =
                "weights that sum to 1 (basis = \"cash\" takes the rest as cash, \"normalise\" divides by the sum)";
            bad.require((sum - 1.0).abs() <= 1e-6, "benchmark", total, expected);
        }
        Basis::Cash => {
            bad.require((0.0..=1.0 + 1e-6).contains(&sum), "benchmark", total, "a sum from 0 to 1, the rest is cash")
        }
        Basis::Normalise | Basis::Invested if known => {
            bad.require(sum > 1e-6, "benchmark", total, "a sum above zero, by which they are divided");
            out.iter_mut().for_each(|(_, w)| *w /= sum);
        }
        _ => {}
    }
    out.sort_by_key(|x| x.0);
    bad.into_result(out)
}

impl Params for RiskTrackingErrorParams {
    const ID: &'static str = "risk_tracking_error";
    type Built = RiskTrackingError;

    fn build(&self) -> Result<RiskTrackingError, Invalid> {
        let mut bad = Invalid::default();
        bad.require(self.limit > 0.0 && self.limit <= 10.0, "limit", self.limit, "a tracking error in (0, 10]");
        bad.absorb(resolve(&self.benchmark, self.basis));
        bad.require((3..=100_000).contains(&self.window), "window", self.window, "3 to 100000 sessions");
        let (minimum, most) = (self.minimum, self.window.max(3));
        bad.require((3..=most).contains(&minimum), "minimum", minimum, "3 returns to as many as the window");
        bad.require(self.lambda > 0.0 && self.lambda < 1.0, "lambda", self.lambda, "a decay in (0, 1)");
        bad.require((0.0..=1.0).contains(&self.floor), "floor", self.floor, "a share in [0, 1]");
        bad.require((0.0..=1.0).contains(&self.unknown), "unknown", self.unknown, "a factor in [0, 1]");
        let v = self.unknown_volatility;
        bad.require((0.0..=100.0).contains(&v), "unknown_volatility", v, "a volatility in [0, 100]");
        bad.require(self.max_stale <= 1000, "max_stale", self.max_stale, "0 to 1000 sessions");
        let n = self.ex_post_window;
        bad.require((2..=100_000).contains(&n), "ex_post_window", n, "2 to 100000 returns");
        let a = self.periods_per_year;
        bad.require(a > 0.0 && a <= 1e6, "periods_per_year", a, "a number in (0, 1e6]");
        bad.into_result(RiskTrackingError {
            limit: self.limit,
            root: a.max(0.0).sqrt(),
            window: n.min(100_000),
            rows: 0,
            growth: 1.0,
            moments: RollingMoments::new(n.clamp(2, 100_000)),
        })
    }
}

/// Returns of one period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskTrackingErrorIn {
    /// Simple return of the portfolio, above -1.
    pub portfolio: f64,
    /// Simple return of the benchmark since it last had one, above -1; empty where it has a gap.
    pub benchmark: Option<f64>,
}

/// What is known after this period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskTrackingErrorOut {
    /// Active return: the portfolio's since the benchmark last had one, less the benchmark's; empty in a gap.
    pub active: Option<f64>,
    /// Annualised ex-post tracking error, once `ex_post_window` active returns are known.
    pub tracking_error: Option<f64>,
    /// Annualised mean active return over the tracking error; empty without any.
    pub information_ratio: Option<f64>,
    /// The factor on all active weights that would have met the limit, in (0, 1].
    pub factor: Option<f64>,
}

/// Ex-post tracking error of a series of returns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RiskTrackingError {
    limit: f64,
    /// Square root of the periods a year.
    root: f64,
    window: usize,
    /// Rows seen, up to the window.
    rows: usize,
    /// What one in the portfolio has become since the benchmark last had a return.
    growth: f64,
    moments: RollingMoments,
}

impl Online for RiskTrackingError {
    type In = RiskTrackingErrorIn;
    type Out = RiskTrackingErrorOut;

    fn update(&mut self, x: &RiskTrackingErrorIn) -> Result<Option<RiskTrackingErrorOut>, BadInput> {
        for (what, r) in [("portfolio", Some(x.portfolio)), ("benchmark", x.benchmark)] {
            if let Some(r) = r
                && !(r > -1.0 && r <= 1e4)
            {
                return Err(BadInput::new(what, r.to_string(), "a simple return above -1"));
            }
        }
        let growth = self.growth * (1.0 + x.portfolio);
        if growth.is_nan() || growth > 1e8 {
            return Err(BadInput::new(
                "portfolio",
                x.portfolio.to_string(),
                "a return after which the growth is finite",
            ));
        }
        self.growth = growth;
        self.rows = (self.rows + 1).min(self.window);
        let active = x.benchmark.map(|b| std::mem::replace(&mut self.growth, 1.0) - 1.0 - b);
        if let Some(a) = active {
            self.moments.push(a);
        }
        if self.rows < self.window {
            return Ok(None);
        }
        let deviation = self.moments.std_dev().filter(|_| self.moments.is_full());
        let tracking_error = deviation.map(|s| self.root * s);
        let mean = self.moments.mean().unwrap_or(0.0);
        // Deviations below the rounding of the returns are none.
        let ratio = deviation.filter(|s| *s > 1e-15).map(|s| self.root * mean / s);
        Ok(Some(RiskTrackingErrorOut {
            active,
            tracking_error,
            information_ratio: ratio,
            factor: tracking_error.map(|te| shrink_factor(te, self.limit)),
        }))
    }
    fn warmup(&self) -> usize {
        self.window - 1
    }
    fn summary(&self) -> Value {
        let te = self.moments.std_dev().filter(|_| self.moments.is_full()).map(|s| self.root * s);
        json!({ "tracking_error": te, "limit": self.limit, "returns": self.moments.window().len() })
    }
}

/// The plugin's entry in the registry.
pub const PLUGIN: PluginInfo = PluginInfo {
    rule: Some(|v| Ok(Box::new(TrackingErrorRule::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<RiskTrackingErrorParams>(
        2,
        "Keeps a portfolio within a limit on its tracking error against a benchmark, by a Ledoit-Wolf covariance.",
        "Ledoit & Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices; Grinold & Kahn (2000)",
    )
    .with_table::<RiskTrackingErrorParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_compounded_into_the_next_row() {
        let p = RiskTrackingErrorParams { ex_post_window: 2, periods_per_year: 8.0, limit: 0.02, ..Default::default() };
        let mut te = p.build().unwrap();
        let mut go = |portfolio, benchmark| te.update(&RiskTrackingErrorIn { portfolio, benchmark }).unwrap();
        assert_eq!(go(0.01, Some(0.0)), None);
        // No benchmark: no active return, and only one of two known.
        let gap = go(0.10, None).unwrap();
        assert_eq!((gap.active, gap.tracking_error, gap.factor), (None, None, None));
        // 1.1 x 1.1 - 1 = 0.21 against 0.18: active 0.03; with 0.01 a deviation of 0.01 sqrt 2, times sqrt 8 is 0.04.
        let o = go(0.10, Some(0.18)).unwrap();
        assert!((o.active.unwrap() - 0.03).abs() < 1e-15 && (o.tracking_error.unwrap() - 0.04).abs() < 1e-15);
        // Mean 0.02 x 8 a year over 0.04; half of the active weights would have met 2 %.
        assert!((o.information_ratio.unwrap() - 4.0).abs() < 1e-12 && (o.factor.unwrap() - 0.5).abs() < 1e-12);
        // Two equal active returns: no tracking error, and no ratio to it.
        let o = go(0.03, Some(0.0)).unwrap();
        assert!(o.tracking_error.unwrap() < 1e-8 && o.factor == Some(1.0));
    }

    #[test]
    fn benchmarks_that_do_not_sum() {
        let of = |w: &[(&str, f64)], basis| {
            let benchmark = w.iter().map(|(s, w)| ((*s).to_owned(), *w)).collect();
            let sym: Result<Vec<f64>, Invalid> =
                resolve(&benchmark, basis).map(|v| v.into_iter().map(|x| x.1).collect());
            sym.map_err(|e| e.to_string())
        };
        let e = of(&[("SPY", 0.5), ("TLT", 0.3)], Basis::Whole).unwrap_err();
        assert!(e.contains("sum to 0.8") && e.contains("basis"), "{e}");
        assert_eq!(of(&[("SPY", 0.5), ("TLT", 0.3)], Basis::Cash).unwrap(), [0.5, 0.3]);
        assert_eq!(of(&[("SPY", 0.6), ("TLT", 0.2)], Basis::Normalise).unwrap(), [0.6 / 0.8, 0.2 / 0.8]);
        assert!(of(&[("SPY", 1.0), ("TLT", -1.0)], Basis::Invested).is_err());
        assert!(of(&[("SPY", f64::NAN)], Basis::Cash).is_err());
        assert!(of(&[], Basis::Cash).is_err());
        assert!(of(&[("no spaces", 1.0)], Basis::Whole).is_err());
    }
}
