//! Sizes positions by their expected shortfall, keeps the portfolio's within a budget, and divides exposure where it is least.

mod allocator;
mod estimator;
mod rule;
mod sizer;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, Symbol, parse_params};
use tradewind_numerics::tail::shortfall::{Estimate, Problem};
use tradewind_numerics::{Window, garch};

pub use allocator::CvarAllocator;
use estimator::{Estimator, Fitted, Judge, Scratch};
pub use rule::CvarRule;
pub use sizer::CvarSizer;

use crate::sessions::SessionReturns;

/// The shape of the tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Mean of the worst returns.
    Historical,
    /// Normal distribution.
    Normal,
    /// Student's t, fitted by maximum likelihood.
    StudentT,
    /// Normal, corrected for skewness and kurtosis, inside its domain.
    CornishFisher,
    /// Generalised Pareto distribution of the losses beyond a threshold.
    Peaks,
}

/// What the returns are rescaled by before the tail is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Nothing.
    None,
    /// From the EWMA volatility before each return to that of today.
    Ewma,
    /// The same with GARCH(1,1), fitted by maximum likelihood with variance targeting.
    Garch,
}

/// Whose losses count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Those of the position as the signal wants it (in a table: long).
    Signal,
    /// The larger of long and short: for signals whose direction a later step may turn.
    Worst,
}

/// Parameters of `risk_cvar_size`.
///
/// Expected shortfall ES at confidence c is the mean loss in the worst 1 - c of the next sessions, VaR where these begin; both positive
/// decimals. With p = 1 - c, n returns r, z the normal quantile of p:
/// * historical: mean of the worst n p returns, the last counted in part (Acerbi & Tasche 2002); VaR type 7 (numpy `quantile`);
/// * normal: s phi(z)/p - m, s with ddof = 1;
/// * student_t: -mu + sigma f(q)/p (nu + q^2)/(nu - 1), mu, sigma, nu by maximum likelihood, q the t quantile of p;
/// * cornish_fisher: s phi(z)/p (1 + z S/6 + (z^2-1) K/24 - (2z^2-1) S^2/36) - m, inside the domain of Maillard (2012);
/// * peaks: (VaR + sigma - xi u)/(1 - xi), VaR = u + sigma/xi ((p n/k)^-xi - 1), over the k = `tail` n largest losses beyond u.
///
/// With a `filter` the returns are first rescaled to today's volatility (filtered historical simulation; with peaks: McNeil & Frey 2000).
/// Where a method fails (outside its domain, fewer than 20 exceedances, no fit) the largest of historical, normal and its own formula
/// is taken. size = min(`cap`, `risk_budget` / ES): the fraction of equity whose ES is the budget; 0 where the tail is so heavy that it
/// has no mean, `unknown` where the price does not move.
///
/// As a table: input `close` or `ret`; warm-up `minimum` rows. As sizer, rule and allocator: see docs/plugins/risk_cvar_size.md.
///
/// Sources: Acerbi & Tasche (2002), "On the coherence of expected shortfall"; Rockafellar & Uryasev (2000), "Optimization of conditional
/// value-at-risk"; McNeil & Frey (2000), "Estimation of tail-related risk measures for heteroscedastic financial time series"; Maillard
/// (2012), "A user's guide to the Cornish Fisher expansion"; Acerbi & Szekely (2014), "Back-testing expected shortfall".
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_risk::plugins::risk_cvar_size::{Filter, Method, RiskCvarSizeIn, RiskCvarSizeParams};
/// let params = RiskCvarSizeParams {
///     confidence: 0.9, method: Method::Historical, filter: Filter::None, minimum: 20, ..Default::default()
/// };
/// let mut cvar = params.build()?;
/// let mut last = None;
/// for i in 0..=20 {
///     last = cvar.update(&RiskCvarSizeIn { close: None, ret: Some(0.01 * f64::from(i - 10)) })?;
/// }
/// // Returns -10 % to 10 %, of which the worst 2.1 count: (10 + 9 + 0.1 x 8) / 2.1 = 9.43 %, and 1 % is at risk.
/// let o = last.unwrap();
/// assert!((o.es.unwrap() - 0.198 / 2.1).abs() < 1e-12);
/// assert!((o.size - 0.01 * 2.1 / 0.198).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RiskCvarSizeParams {
    /// Probability that the loss stays within the VaR, above 0.5 and below 1.
    pub confidence: f64,
    /// The shape of the tail.
    pub method: Method,
    /// What the returns are rescaled by.
    pub filter: Filter,
    /// Decay of the EWMA filter a session, in (0, 1).
    pub lambda: f64,
    /// Sessions (rows) after which the GARCH filter is fitted again, 1 to 100000.
    pub refit: usize,
    /// Share of the losses that lie beyond the threshold of `peaks`, above 1 - `confidence` and at most 0.5.
    pub tail: f64,
    /// Sessions (rows) that are looked back on, at most 100,000.
    pub window: usize,
    /// Fewest returns an estimate needs: 20 to `window`, at least 50 with the GARCH filter.
    pub minimum: usize,
    /// Sessions in a row without a return after which a symbol counts as not known, 0 to 1000.
    pub max_gap: usize,
    /// Whose losses count.
    pub side: Side,
    /// Sizer: expected shortfall of a full position, fraction of equity, in (0, 1].
    pub risk_budget: f64,
    /// Sizer: largest position, fraction of equity, in (0, 100].
    pub cap: f64,
    /// Sizer and rule: largest position of which the expected shortfall is not known, fraction of equity, 0 to `cap`.
    pub unknown: f64,
    /// Rule: expected shortfall of the portfolio, fraction of equity, in (0, 1].
    pub portfolio_budget: f64,
    /// Allocator: lowest share of a strategy in the gross exposure, 0 to `max_weight` (at most an equal share counts).
    pub min_weight: f64,
    /// Allocator: highest share of a strategy, in (0, 1] (at least an equal share counts).
    pub max_weight: f64,
    /// Allocator: largest change of all shares together from one solution to the next, sum of absolute changes, in (0, 2].
    pub max_turnover: f64,
    /// Allocator: sessions from one solution to the next, 1 to 100000; also solved when the strategies change.
    pub rebalance: usize,
}

impl Default for RiskCvarSizeParams {
    fn default() -> Self {
        Self {
            confidence: 0.975,
            method: Method::Peaks,
            filter: Filter::Ewma,
            lambda: 0.94,
            refit: 21,
            tail: 0.1,
            window: 1000,
            minimum: 120,
            max_gap: 5,
            side: Side::Signal,
            risk_budget: 0.01,
            cap: 1.0,
            unknown: 0.0,
            portfolio_budget: 0.03,
            min_weight: 0.0,
            max_weight: 1.0,
            max_turnover: 0.5,
            rebalance: 5,
        }
    }
}

impl Params for RiskCvarSizeParams {
    const ID: &'static str = "risk_cvar_size";
    type Built = RiskCvarSize;

    fn build(&self) -> Result<RiskCvarSize, Invalid> {
        let mut bad = Invalid::default();
        let c = self.confidence;
        bad.require(c > 0.5 && c < 1.0, "confidence", c, "a probability above 0.5 and below 1");
        bad.require(self.lambda > 0.0 && self.lambda < 1.0, "lambda", self.lambda, "a decay in (0, 1)");
        bad.require((1..=100_000).contains(&self.refit), "refit", self.refit, "1 to 100000 sessions");
        let t = self.tail;
        bad.require(t > 1.0 - c && t <= 0.5, "tail", t, "a share above 1 - confidence and at most 0.5");
        bad.require((20..=100_000).contains(&self.window), "window", self.window, "20 to 100000 sessions");
        let least = if self.filter == Filter::Garch { garch::MIN_OBSERVATIONS } else { 20 };
        let wanted = format!("{least} to window ({}) sessions", self.window);
        bad.require((least..=self.window).contains(&self.minimum), "minimum", self.minimum, &wanted);
        bad.require(self.max_gap <= 1000, "max_gap", self.max_gap, "0 to 1000 sessions");
        for (name, x) in [("risk_budget", self.risk_budget), ("portfolio_budget", self.portfolio_budget)] {
            bad.require(x > 0.0 && x <= 1.0, name, x, "a fraction of equity in (0, 1]");
        }
        bad.require(self.cap > 0.0 && self.cap <= 100.0, "cap", self.cap, "a fraction of equity in (0, 100]");
        bad.require(self.unknown >= 0.0 && self.unknown <= self.cap, "unknown", self.unknown, "a fraction, 0 to cap");
        let (low, high) = (self.min_weight, self.max_weight);
        bad.require(high > 0.0 && high <= 1.0, "max_weight", high, "a share in (0, 1]");
        bad.require(low >= 0.0 && low <= high, "min_weight", low, "a share, 0 to max_weight");
        let turnover = self.max_turnover;
        bad.require(turnover > 0.0 && turnover <= 2.0, "max_turnover", turnover, "a sum of changes in (0, 2]");
        let often = self.rebalance;
        bad.require((1..=100_000).contains(&often), "rebalance", often, "1 to 100000 sessions");
        bad.into_result(RiskCvarSize {
            minimum: self.minimum,
            estimator: Estimator::new(self),
            sizing: Sizing::new(self),
            returns: Window::new(self.window.min(100_000)),
            rows: 0,
            previous: None,
            forecast: None,
            fitted: Fitted::default(),
            judge: Judge::default(),
            scratch: Scratch::default(),
        })
    }
}

/// From an expected shortfall to a fraction of equity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Sizing {
    risk_budget: f64,
    cap: f64,
    unknown: f64,
}

impl Sizing {
    fn new(p: &RiskCvarSizeParams) -> Self {
        Self { risk_budget: p.risk_budget, cap: p.cap, unknown: p.unknown }
    }
    fn size(&self, e: &Estimate) -> f64 {
        match (e.es, e.problem) {
            (Some(es), _) if es > 0.0 => (self.risk_budget / es).min(self.cap),
            // What has not lost even in its worst sessions.
            (Some(_), _) => self.cap,
            (None, Some(Problem::InfiniteMean)) => 0.0,
            (None, _) => self.unknown,
        }
    }
}

/// Why the returns of a symbol cannot be measured, when they cannot.
fn unmeasurable(sessions: &SessionReturns, symbol: Symbol, minimum: usize, max_gap: usize) -> Option<String> {
    let n = sessions.count(symbol);
    if n < minimum {
        return Some(format!("{symbol} has {n} of {minimum} sessions"));
    }
    let gap = sessions.gap(symbol).unwrap_or(usize::MAX);
    (gap > max_gap).then(|| format!("{symbol} has had no return for {gap} sessions"))
}

/// A decimal as a percentage with two digits, without a minus before zero.
fn percent(x: f64) -> String {
    format!("{:.2} %", (10_000.0 * x).round() / 100.0 + 0.0)
}

/// One row: a price or a return, always the same of the two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskCvarSizeIn {
    /// Price at the close, above 0.
    pub close: Option<f64>,
    /// Return as a decimal, between -10 and 10.
    pub ret: Option<f64>,
}

/// The forecast for the next row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskCvarSizeOut {
    /// Value at risk, positive for a loss, decimal.
    pub var: f64,
    /// Expected shortfall; empty where there is none.
    pub es: Option<f64>,
    /// Fraction of equity whose expected shortfall is the risk budget.
    pub size: f64,
    /// What is wrong with the estimate, when something is.
    pub problem: Option<Problem>,
    /// xi of `peaks` or nu of `student_t`.
    pub shape: Option<f64>,
    /// Whether this row's loss exceeded the VaR given before it; empty on the first row that has a VaR.
    pub exceeded: Option<bool>,
}

/// Expected shortfall and size of one series.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RiskCvarSize {
    minimum: usize,
    estimator: Estimator,
    sizing: Sizing,
    returns: Window,
    rows: u64,
    /// Last price; none when the rows are returns.
    previous: Option<f64>,
    forecast: Option<Estimate>,
    fitted: Fitted,
    judge: Judge,
    scratch: Scratch,
}

impl RiskCvarSize {
    /// The return of a row: none on the first price.
    fn ret(&self, x: &RiskCvarSizeIn) -> Result<Option<f64>, BadInput> {
        let other = |expected: &str| Err(BadInput::new("row", format!("{x:?}"), expected));
        let prices = self.rows == 0 || self.previous.is_some();
        let (what, value, r) = match (x.close, x.ret) {
            (Some(close), None) if prices => {
                let close = BadInput::positive("close", close)?;
                ("close", close, self.previous.map(|p| close / p - 1.0))
            }
            (None, Some(r)) if self.previous.is_none() => ("ret", r, Some(r)),
            (Some(_), None) => return other("a ret, as in the rows before"),
            (None, Some(_)) => return other("a close, as in the rows before"),
            _ => return other("either a close or a ret"),
        };
        match r {
            // Beyond this it is a percentage, or a price in another unit, and squares may overflow.
            Some(r) if r.is_nan() || r.abs() > 10.0 => {
                Err(BadInput::new(what, value.to_string(), "a return between -10 and 10, as a decimal"))
            }
            r => Ok(r),
        }
    }
}

impl Online for RiskCvarSize {
    type In = RiskCvarSizeIn;
    type Out = RiskCvarSizeOut;

    fn update(&mut self, x: &RiskCvarSizeIn) -> Result<Option<RiskCvarSizeOut>, BadInput> {
        let r = self.ret(x)?;
        self.previous = x.close;
        self.rows += 1;
        let mut exceeded = None;
        if let Some(r) = r {
            exceeded = self.forecast.map(|f| self.judge.push(r, f));
            self.returns.push(r);
        }
        if self.rows <= self.minimum as u64 {
            return Ok(None);
        }
        let Scratch { series, work } = &mut self.scratch;
        // Room for the whole window at once, so that nothing is allocated while it fills.
        series.clear();
        series.reserve(self.returns.capacity());
        work.reserve(self.returns.capacity());
        series.extend(self.returns.iter());
        let e = self.estimator.estimate(series, self.rows, &mut self.fitted, work);
        let e = e.map_err(|e| BadInput::new("ret", format!("{r:?}"), e.to_string()))?;
        self.forecast = Some(e);
        let (size, Estimate { var, es, problem, shape }) = (self.sizing.size(&e), e);
        Ok(Some(RiskCvarSizeOut { var, es, size, problem, shape, exceeded }))
    }
    fn warmup(&self) -> usize {
        self.minimum
    }
    fn summary(&self) -> Value {
        let mut v = self.judge.summary(self.estimator.confidence);
        v["last"] = json!(self.forecast);
        let series: Vec<f64> = self.returns.iter().collect();
        if self.forecast.is_some() {
            v["thresholds"] = json!(self.estimator.thresholds(&series, &self.fitted));
        }
        v
    }
}

/// The plugin's entry in the registry.
pub const PLUGIN: PluginInfo = PluginInfo {
    sizer: Some(|v| Ok(Box::new(CvarSizer::new(&parse_params(v)?)?))),
    rule: Some(|v| Ok(Box::new(CvarRule::new(&parse_params(v)?)?))),
    allocator: Some(|v| Ok(Box::new(CvarAllocator::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<RiskCvarSizeParams>(
        2,
        "Sizes positions by expected shortfall, keeps the portfolio's within a budget, and divides exposure where it is least.",
        "Acerbi & Tasche (2002); Rockafellar & Uryasev (2000), Optimization of conditional value-at-risk; McNeil & Frey (2000); Maillard (2012)",
    )
    .with_table::<RiskCvarSizeParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let p = RiskCvarSizeParams {
            confidence: 0.9,
            method: Method::Historical,
            filter: Filter::None,
            window: 21,
            minimum: 20,
            cap: 0.5,
            ..Default::default()
        };
        let mut c = p.build().unwrap();
        let mut go = |ret| c.update(&RiskCvarSizeIn { close: None, ret: Some(ret) }).unwrap();
        for i in 0..20 {
            assert_eq!(go(0.01 * f64::from(i - 10)), None);
        }
        // The worst 2.1 of -10 % ... 10 %; VaR lies on the third worst, (21 - 1) x 0.1 = 2 ranks in.
        let o = go(0.1).unwrap();
        assert!((o.es.unwrap() - 0.198 / 2.1).abs() < 1e-15 && (o.var - 0.08).abs() < 1e-15, "{o:?}");
        assert!((o.size - 0.01 * 2.1 / 0.198).abs() < 1e-15 && o.exceeded.is_none());
        // -10 % leaves and comes again, a loss beyond the VaR.
        let again = go(-0.1).unwrap();
        assert_eq!((again.es, again.exceeded), (o.es, Some(true)));
        let s = c.summary();
        assert_eq!((s["forecasts"].as_u64(), s["exceedances"].as_u64()), (Some(1), Some(1)));
        // Z2 = 1 - (0.1 / ES) / (1 x 0.1).
        let z2 = s["acerbi_szekely"]["z2"]["statistic"].as_f64().unwrap();
        assert!((z2 - (1.0 - 2.1 / 0.198)).abs() < 1e-12, "{s}");
    }

    #[test]
    fn sizes() {
        let s = Sizing { risk_budget: 0.01, cap: 0.5, unknown: 0.1 };
        let of = |es, problem| s.size(&Estimate { var: 0.0, es, problem, shape: None });
        assert_eq!((of(Some(0.04), None), of(Some(0.01), None), of(Some(-0.01), None)), (0.25, 0.5, 0.5));
        assert_eq!((of(None, Some(Problem::InfiniteMean)), of(None, Some(Problem::NoVariation))), (0.0, 0.1));
    }

    #[test]
    fn prices_give_the_same_as_their_returns() {
        let p = RiskCvarSizeParams { minimum: 20, window: 30, ..Default::default() };
        let closes = tradewind_core_types::testkit::closes(1, 60);
        let prices: Vec<_> = closes.iter().map(|c| RiskCvarSizeIn { close: Some(*c), ret: None }).collect();
        let returns: Vec<_> = closes.windows(2).map(|w| Some(w[1] / w[0] - 1.0)).collect();
        let returns: Vec<_> = returns.into_iter().map(|ret| RiskCvarSizeIn { close: None, ret }).collect();
        let (a, b) = (p.build().unwrap().batch(&prices).unwrap(), p.build().unwrap().batch(&returns).unwrap());
        assert_eq!(a[22..], b[21..]);
        // The first price gives no return, so prices are one return behind.
        assert_eq!(a[20].unwrap().exceeded, None);
    }
}
