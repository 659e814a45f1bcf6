//! Portfolio value at risk, what each strategy adds to it, and the scaling that keeps each within its own budget.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, StrategyId, parse_params};
use tradewind_numerics::coverage::Coverage;
use tradewind_numerics::garch;
use tradewind_numerics::tail::{Tail, TailMethod, TailWork, VarianceFilter, tail};
use tradewind_numerics::{NumericsError, Window};

use crate::allocator::VarBudgetAllocator;

/// How VaR is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Quantile of the returns.
    Historical,
    /// Mean and standard deviation of a normal distribution.
    Normal,
    /// Normal, corrected for skewness and kurtosis.
    CornishFisher,
    /// Quantile of the returns rescaled to the volatility of today.
    FilteredHistorical,
}

/// The volatility of the filtered method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Exponentially weighted, with `lambda`.
    Ewma,
    /// GARCH(1,1), fitted by maximum likelihood with variance targeting.
    Garch,
}

/// Parameters of `risk_var_budget`.
///
/// Returns r are decimals of equity; VaR at confidence c is the loss that the next session exceeds with probability 1 - c, as a
/// positive decimal. With alpha = 1 - c and z the normal quantile of alpha:
/// * historical: -q(alpha), q by linear interpolation between order statistics (numpy `quantile`, type 7);
/// * normal: -(m + z s), s with ddof = 1;
/// * cornish_fisher: -(m + s (z + (z^2-1) S/6 + (z^3-3z) K/24 - (2z^3-5z) S^2/36)), S and K of population moments (scipy `skew`
///   and `kurtosis` by default);
/// * filtered_historical: historical of r_t sigma_{n+1} / sigma_t, sigma_t by EWMA or GARCH(1,1) before r_t.
///
/// Per strategy: component VaR C_i = w_i dVaR/dw_i (they sum to the VaR), marginal VaR C_i / gross weight, incremental VaR =
/// VaR - VaR without the strategy. At a quantile the derivative is that of one or two scenarios, and noisy; by default it is averaged
/// over `bandwidth` ranks on each side with weights falling linearly, and rescaled to the same sum. A strategy whose component exceeds its budget is scaled down until all are within theirs.
///
/// As a table: input `ret` (return of the portfolio, decimal); output `var` and `es` for the next row, and whether this row's loss
/// `exceeded` the VaR given before it. Warm-up: `minimum` - 1 rows. As an allocator: needs `minimum` sessions in which all
/// symbols concerned have a return; a strategy with less is vetoed.
///
/// Sources: Jorion (2006), "Value at Risk", 3rd ed., ch. 5, 7; Zangari (1996), "A VaR methodology for portfolios that include
/// options"; Hull & White (1998), Journal of Risk 1(1); Barone-Adesi, Giannopoulos & Vosper (1999), Journal of Futures Markets
/// 19(5); Tasche (1999), "Risk contributions and performance measurement"; Epperlein & Smillie (2006), "Cracking VaR with kernels".
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_risk::plugins::risk_var_budget::{Method, RiskVarBudgetIn, RiskVarBudgetParams};
/// let params = RiskVarBudgetParams { method: Method::Historical, minimum: 21, ..Default::default() };
/// let mut var = params.build()?;
/// let mut last = None;
/// for i in 0..21 {
///     last = var.update(&RiskVarBudgetIn { ret: 0.01 * f64::from(i - 10) })?;
/// }
/// // Returns -10 % to 10 %: the 5 % quantile is the second worst of 21.
/// assert!((last.unwrap().var - 0.09).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RiskVarBudgetParams {
    /// Probability that the loss stays within the VaR, above 0.5 and below 1.
    pub confidence: f64,
    /// How VaR is estimated.
    pub method: Method,
    /// Sessions (rows) that are looked back on, at most 100,000.
    pub window: usize,
    /// Fewest sessions (rows) an estimate needs: 20 to `window`, at least 50 with the GARCH filter.
    pub minimum: usize,
    /// Volatility of the filtered method.
    pub filter: Filter,
    /// Decay of the EWMA filter a session, in (0, 1).
    pub lambda: f64,
    /// Sessions (rows) after which the GARCH filter is fitted again, 1 to 100000.
    pub refit: usize,
    /// Scenarios on each side of the quantile, in ranks, over which component VaR is averaged (historical and filtered); 1 is the exact
    /// derivative, from the quantile's own scenarios alone. 1 to 1000; it does not change the VaR.
    pub bandwidth: usize,
    /// VaR of all strategies together, fraction of equity, in (0, 1].
    pub total_budget: f64,
    /// VaR budget by strategy, fraction of equity; together at most `total_budget`. Strategies not named share the rest equally.
    pub budgets: BTreeMap<String, f64>,
}

impl Default for RiskVarBudgetParams {
    fn default() -> Self {
        Self {
            confidence: 0.95,
            method: Method::FilteredHistorical,
            window: 504,
            minimum: 60,
            filter: Filter::Ewma,
            lambda: 0.94,
            refit: 21,
            bandwidth: 12,
            total_budget: 0.05,
            budgets: BTreeMap::new(),
        }
    }
}

impl Params for RiskVarBudgetParams {
    const ID: &'static str = "risk_var_budget";
    type Built = RiskVarBudget;

    fn build(&self) -> Result<RiskVarBudget, Invalid> {
        let mut bad = Invalid::default();
        let c = self.confidence;
        bad.require(c > 0.5 && c < 1.0, "confidence", c, "a probability above 0.5 and below 1");
        bad.require((20..=100_000).contains(&self.window), "window", self.window, "20 to 100000 sessions");
        let least = if self.filter == Filter::Garch { garch::MIN_OBSERVATIONS } else { 20 };
        let wanted = format!("{least} to window ({}) sessions", self.window);
        bad.require((least..=self.window).contains(&self.minimum), "minimum", self.minimum, &wanted);
        bad.require(self.lambda > 0.0 && self.lambda < 1.0, "lambda", self.lambda, "a decay in (0, 1)");
        bad.require((1..=100_000).contains(&self.refit), "refit", self.refit, "1 to 100000 sessions");
        bad.require((1..=1000).contains(&self.bandwidth), "bandwidth", self.bandwidth, "1 to 1000 ranks");
        let total = self.total_budget;
        bad.require(total > 0.0 && total <= 1.0, "total_budget", total, "a fraction of equity in (0, 1]");
        for (name, b) in &self.budgets {
            let field = format!("budgets.{name}");
            bad.require(StrategyId::new(name).is_ok(), &field, name, "the name of a strategy: letters, digits, _ or -");
            bad.require((0.0..=1.0).contains(b), &field, b, "a fraction of equity in [0, 1]");
        }
        let sum: f64 = self.budgets.values().sum();
        bad.require(sum <= total + 1e-12, "budgets", sum, "a sum of at most total_budget");
        let built = RiskVarBudget {
            minimum: self.minimum,
            estimator: Estimator::new(self),
            returns: Window::new(self.window.min(100_000)),
            forecast: None,
            coverage: Coverage::default(),
            buffers: Buffers::default(),
        };
        bad.into_result(built)
    }
}

/// A portfolio's return of one period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskVarBudgetIn {
    /// Return of the portfolio, decimal, between -10 and 10.
    pub ret: f64,
}

/// Forecast for the next period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskVarBudgetOut {
    /// Value at risk, positive for a loss, fraction of equity.
    pub var: f64,
    /// Expected shortfall; empty where the Cornish-Fisher quantile is not monotone in the tail.
    pub es: Option<f64>,
    /// Whether this row's loss exceeded the VaR given before it; empty on the first row that has a VaR.
    pub exceeded: Option<bool>,
}

/// Memory between updates which is no state: saved as nothing, restored as empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffers {
    pub(crate) series: Vec<f64>,
    pub(crate) work: TailWork,
}

impl Serialize for Buffers {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_unit()
    }
}
impl<'de> Deserialize<'de> for Buffers {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <()>::deserialize(d).map(|()| Self::default())
    }
}

/// The method with what it has fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Estimator {
    pub(crate) confidence: f64,
    method: Method,
    filter: Filter,
    lambda: f64,
    refit: usize,
    /// alpha and beta of the last fit, and the sessions since.
    fitted: Option<garch::Parameters>,
    age: usize,
}

impl Estimator {
    pub(crate) fn new(p: &RiskVarBudgetParams) -> Self {
        Self {
            confidence: p.confidence,
            method: p.method,
            filter: p.filter,
            lambda: p.lambda,
            refit: p.refit,
            fitted: None,
            age: p.refit,
        }
    }
    /// One more session has passed since the last fit.
    pub(crate) fn tick(&mut self) {
        self.age = self.age.saturating_add(1);
    }
    /// The method for this series of portfolio returns, fitting what is due. A fit that fails leaves the EWMA filter in place
    /// until the next one.
    pub(crate) fn method(&mut self, series: &[f64]) -> TailMethod {
        match (self.method, self.filter) {
            (Method::Historical, _) => TailMethod::Historical,
            (Method::Normal, _) => TailMethod::Normal,
            (Method::CornishFisher, _) => TailMethod::CornishFisher,
            (Method::FilteredHistorical, Filter::Ewma) => TailMethod::Filtered(VarianceFilter::ewma(self.lambda)),
            (Method::FilteredHistorical, Filter::Garch) => {
                if self.age >= self.refit {
                    let spec = garch::Spec { variance_targeting: true, ..garch::Spec::default() };
                    self.fitted = garch::fit(series, spec, None).ok().map(|f| f.parameters);
                    self.age = 0;
                }
                TailMethod::Filtered(match self.fitted {
                    Some(p) => VarianceFilter::garch(p.alpha, p.beta),
                    None => VarianceFilter::ewma(self.lambda),
                })
            }
        }
    }
    pub(crate) fn tail(&mut self, series: &[f64], work: &mut TailWork) -> Result<Tail, NumericsError> {
        let method = self.method(series);
        tail(series, method, self.confidence, work)
    }
}

/// What is said about the forecasts so far.
fn judgement(c: &Coverage, confidence: f64) -> Value {
    let p = 1.0 - confidence;
    json!({
        "forecasts": c.n,
        "exceedances": c.exceedances,
        "expected_exceedances": p * c.n as f64,
        "kupiec": c.kupiec(p),
        "christoffersen_independence": c.independence(),
        "christoffersen_conditional_coverage": c.conditional(p),
    })
}

/// VaR of one series of returns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RiskVarBudget {
    minimum: usize,
    estimator: Estimator,
    returns: Window,
    /// VaR given for the next row.
    forecast: Option<f64>,
    coverage: Coverage,
    buffers: Buffers,
}

impl Online for RiskVarBudget {
    type In = RiskVarBudgetIn;
    type Out = RiskVarBudgetOut;

    fn update(&mut self, x: &RiskVarBudgetIn) -> Result<Option<RiskVarBudgetOut>, BadInput> {
        // Beyond this it is a percentage or a price, and squares may overflow.
        if x.ret.is_nan() || x.ret.abs() > 10.0 {
            return Err(BadInput::new("ret", x.ret.to_string(), "a return as a decimal, between -10 and 10"));
        }
        let exceeded = self.forecast.map(|var| -x.ret > var);
        if let Some(e) = exceeded {
            self.coverage.push(e);
        }
        self.returns.push(x.ret);
        self.estimator.tick();
        if self.returns.len() < self.minimum {
            return Ok(None);
        }
        let Buffers { series, work } = &mut self.buffers;
        series.clear();
        // Room for the whole window at once, so that nothing is allocated while it fills.
        series.reserve(self.returns.capacity());
        work.reserve(self.returns.capacity());
        series.extend(self.returns.iter());
        let t =
            self.estimator.tail(series, work).map_err(|e| BadInput::new("ret", x.ret.to_string(), e.to_string()))?;
        self.forecast = Some(t.var);
        Ok(Some(RiskVarBudgetOut { var: t.var, es: t.es, exceeded }))
    }
    fn warmup(&self) -> usize {
        self.minimum - 1
    }
    fn summary(&self) -> Value {
        let mut v = judgement(&self.coverage, self.estimator.confidence);
        v["confidence"] = json!(self.estimator.confidence);
        v["var"] = json!(self.forecast);
        v["garch"] = json!(self.estimator.fitted);
        v
    }
}

/// The plugin's entry in the registry.
pub const PLUGIN: PluginInfo = PluginInfo {
    allocator: Some(|v| Ok(Box::new(VarBudgetAllocator::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<RiskVarBudgetParams>(
        0,
        "Portfolio value at risk, what each strategy adds to it, and the scaling that keeps each within its budget.",
        "Jorion (2006), Value at Risk; Tasche (1999), Risk contributions and performance measurement; Kupiec (1995); Christoffersen (1998)",
    )
    .with_table::<RiskVarBudgetParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let p = RiskVarBudgetParams { method: Method::Historical, minimum: 21, window: 21, ..Default::default() };
        let mut v = p.build().unwrap();
        let mut last = None;
        for i in 0..21 {
            last = v.update(&RiskVarBudgetIn { ret: 0.01 * f64::from(i - 10) }).unwrap();
        }
        // Worst of 21 x 0.05 = 1.05: (0.10 + 0.05 x 0.09) / 1.05.
        let first = last.unwrap();
        assert!((first.var - 0.09).abs() < 1e-15 && (first.es.unwrap() - 0.1045 / 1.05).abs() < 1e-15, "{first:?}");
        assert_eq!(first.exceeded, None);
        // The worst day leaves the window as a new worst comes: the second worst is 9 % again.
        let next = v.update(&RiskVarBudgetIn { ret: -0.12 }).unwrap().unwrap();
        assert_eq!(next.exceeded, Some(true));
        assert!((next.var - 0.09).abs() < 1e-15, "{next:?}");
        let calm = v.update(&RiskVarBudgetIn { ret: -0.08 }).unwrap().unwrap();
        assert_eq!(calm.exceeded, Some(false));
        let s = v.summary();
        assert_eq!((&s["forecasts"], &s["exceedances"]), (&json!(2), &json!(1)));
        assert!((s["expected_exceedances"].as_f64().unwrap() - 0.1).abs() < 1e-15);
    }
}
