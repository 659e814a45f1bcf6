//! GARCH(1,1) and GJR-GARCH volatility forecasts, refitted by maximum likelihood on a rolling window.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{
    BadInput, CorporateAction, Event, Feature, FeatureId, FeatureValues, Interest, Invalid, Kinds, MarketData, Metrics,
    Online, Params, Plugin, PluginInfo, Published, Symbol, View, parse_params,
};
use tradewind_numerics::ewm::Ewm;
use tradewind_numerics::garch::{self, Fit, MIN_OBSERVATIONS, Spec, fit};
use tradewind_numerics::{Window, math};

/// The smallest variance published, per period: a standard deviation of 0.1 bp. A series that does not move has this variance, so
/// that whoever divides by volatility gets a finite number.
pub const VARIANCE_FLOOR: f64 = 1e-10;

/// The volatility model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// GARCH(1,1): rises and falls move the variance alike.
    Garch,
    /// GJR-GARCH(1,1,1): falls move it more.
    Gjr,
}

/// The distribution of standardised innovations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dist {
    /// Standard normal.
    Normal,
    /// Student t with unit variance and estimated degrees of freedom.
    T,
}

/// The mean of the returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mean {
    /// Estimated.
    Constant,
    /// Zero.
    Zero,
}

/// The variance before the first return of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// Exponentially weighted mean of the first 75 squared residuals, as in `arch`.
    Ewma,
    /// Mean of all squared residuals, as in the benchmark of Fiorentini, Calzolari and Panattoni (1996).
    Sample,
}

/// Parameters of the GARCH volatility forecast.
///
/// With log returns r_t = ln(close_t / close_{t-1}) = mu + e_t of variance h_t:
///
/// h_{t+1} = omega + (alpha + gamma \[e_t < 0\]) e_t^2 + beta h_t (gamma = 0 for `garch`).
///
/// Parameters are fitted by maximum likelihood to the last `window` returns, every `refit_every` returns; in between h is
/// filtered in O(1). The variance k periods ahead is v + p^(k-1) (h_{t+1} - v) with p = alpha + gamma/2 + beta and v =
/// omega / (1 - p); published is sqrt(`annualisation` x its mean over k = 1..`horizon`). When a fit fails (no optimum, a series that does
/// not vary) the forecast is RiskMetrics' EWMA of squared returns until the next refit, and `fallback` says so.
///
/// In: close (any unit, above zero; adjusted for splits and dividends). Out: annualised volatility and the next period's variance
/// (decimals, at least the floor of 1e-10 a period), the standardised residual, the fallback flag.
/// Warm-up: `min_obs` closes (the first output comes with `min_obs` returns).
///
/// Source: Bollerslev (1986), J. Econometrics 31, 307-327; Glosten, Jagannathan & Runkle (1993), J. Finance 48, 1779-1801.
///
/// Returns of +x and -x in turn have the variance x^2 whatever the model:
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_features::plugins::fe_garch::{FeGarchIn, FeGarchParams, Mean};
/// let p = FeGarchParams { min_obs: 60, window: 60, mean: Mean::Zero, ..FeGarchParams::default() };
/// let mut garch = p.build()?;
/// let closes = (0..61).map(|i| FeGarchIn { close: if i % 2 == 0 { 100.0 } else { 101.0 } });
/// let last = garch.batch(&closes.collect::<Vec<_>>())?.pop().flatten().ok_or("an output")?;
/// // ln(1.01) sqrt(252) = 0.009950331 x 15.874508 = 0.157957
/// assert!((last.volatility - 0.157957).abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeGarchParams {
    /// Symbols to forecast in the trader, each with a model of its own (bars or index levels); at least one, all different.
    pub symbols: Vec<String>,
    /// `garch` or `gjr`.
    pub model: Model,
    /// Innovations: `normal` or `t`.
    pub dist: Dist,
    /// Mean of the returns: `constant` or `zero`.
    pub mean: Mean,
    /// Variance before the first return of the window: `ewma` or `sample`.
    pub init: Init,
    /// Returns a fit looks back on, `min_obs` to 100000.
    pub window: usize,
    /// Returns needed for the first fit, 50 to `window`.
    pub min_obs: usize,
    /// Returns from one fit to the next, 1 to 100000.
    pub refit_every: usize,
    /// Periods over which the forecast variance is averaged, 1 to 2520.
    pub horizon: u32,
    /// Take omega from the sample variance of the window instead of estimating it: steadier on short windows.
    pub variance_targeting: bool,
    /// Periods in a year, above 0: 252 for daily closes.
    pub annualisation: f64,
    /// Decay of the EWMA that stands in when a fit fails, in (0, 1).
    pub ewma_lambda: f64,
}

impl Default for FeGarchParams {
    fn default() -> Self {
        Self {
            symbols: vec!["SPY".into()],
            model: Model::Garch,
            dist: Dist::Normal,
            mean: Mean::Constant,
            init: Init::Ewma,
            window: 1000,
            min_obs: 250,
            refit_every: 21,
            horizon: 1,
            variance_targeting: false,
            annualisation: 252.0,
            ewma_lambda: 0.94,
        }
    }
}

impl FeGarchParams {
    fn symbols(&self) -> Result<Vec<Symbol>, Invalid> {
        let mut bad = Invalid::default();
        bad.require(!self.symbols.is_empty(), "symbols", "empty", "at least one symbol");
        let mut out = Vec::with_capacity(self.symbols.len());
        let mut seen = BTreeSet::new();
        for s in &self.symbols {
            match Symbol::new(s) {
                Ok(symbol) => {
                    bad.require(seen.insert(symbol), "symbols", format!("{s} twice"), "each symbol once");
                    out.push(symbol);
                }
                Err(e) => bad.require(false, "symbols", format!("{s:?}"), &e.expected),
            }
        }
        bad.into_result(out)
    }
}

impl Params for FeGarchParams {
    const ID: &'static str = "fe_garch";
    type Built = FeGarch;
    fn build(&self) -> Result<FeGarch, Invalid> {
        let mut bad = Invalid::default();
        bad.absorb(self.symbols());
        bad.require(self.window <= 100_000, "window", self.window, "at most 100000 returns");
        let enough = (MIN_OBSERVATIONS..=self.window).contains(&self.min_obs);
        bad.require(enough, "min_obs", self.min_obs, "50 to window returns");
        bad.require((1..=100_000).contains(&self.refit_every), "refit_every", self.refit_every, "1 to 100000 returns");
        bad.require((1..=2520).contains(&self.horizon), "horizon", self.horizon, "1 to 2520 periods");
        let finite = self.annualisation.is_finite() && self.annualisation > 0.0;
        bad.require(finite, "annualisation", self.annualisation, "a finite number of periods above 0");
        let decays = self.ewma_lambda > 0.0 && self.ewma_lambda < 1.0;
        bad.require(decays, "ewma_lambda", self.ewma_lambda, "a number in (0, 1)");
        bad.into_result(())?;
        Ok(FeGarch {
            spec: Spec {
                gjr: self.model == Model::Gjr,
                student_t: self.dist == Dist::T,
                constant_mean: self.mean == Mean::Constant,
                variance_targeting: self.variance_targeting,
                init: match self.init {
                    Init::Ewma => garch::Init::Ewma,
                    Init::Sample => garch::Init::Sample,
                },
            },
            min_obs: self.min_obs,
            refit_every: self.refit_every,
            horizon: self.horizon,
            annualisation: self.annualisation,
            returns: Window::new(self.window),
            last_close: None,
            ewma: Ewm::new(self.ewma_lambda),
            fit: None,
            filtered: None,
            expected: None,
            until_refit: 0,
            fits: 0,
            failures: 0,
        })
    }
}

/// One close.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeGarchIn {
    /// Closing price or level, above zero.
    pub close: f64,
}

/// The forecast after a close.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeGarchOut {
    /// Volatility expected over the horizon, annualised, decimal.
    pub volatility: f64,
    /// Variance expected of the next period's log return, decimal squared.
    pub variance: f64,
    /// This period's (return - mean) / standard deviation, both as expected before it; none with the first output.
    pub std_resid: Option<f64>,
    /// Whether the forecast is the EWMA because the last fit failed.
    pub fallback: bool,
}

/// The calculator: filters each return and refits now and then.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeGarch {
    spec: Spec,
    min_obs: usize,
    refit_every: usize,
    horizon: u32,
    annualisation: f64,
    returns: Window<f64>,
    last_close: Option<f64>,
    ewma: Ewm,
    /// The last fit that succeeded; the next one starts from it too.
    fit: Option<Fit>,
    /// The next period's variance by that fit; `None` when the latest fit failed.
    filtered: Option<f64>,
    /// Mean and variance that were expected of the next return.
    expected: Option<(f64, f64)>,
    until_refit: usize,
    fits: u64,
    failures: u64,
}

/// ln(b / a) of positive numbers, also where the quotient leaves the range of floats.
fn log_return(a: f64, b: f64) -> f64 {
    let q = b / a;
    if q.is_normal() { math::ln(q) } else { math::ln(b) - math::ln(a) }
}

impl FeGarch {
    /// Multiplies the last close, so that a split or dividend before the next close is not taken for a return.
    fn rebase(&mut self, factor: f64) {
        if factor.is_finite() && factor > 0.0 {
            self.last_close = self.last_close.map(|c| c * factor).filter(|c| c.is_finite() && *c > 0.0);
        }
    }
    /// Fits the window anew; when that fails the EWMA takes over until the next time.
    fn refit(&mut self) {
        let returns: Vec<f64> = self.returns.iter().collect();
        self.fits += 1;
        // A window that moves less than the floor has nothing to fit.
        let moves = returns.iter().map(|r| r * r).sum::<f64>() > VARIANCE_FLOOR * returns.len() as f64;
        let warm = self.fit.map(|f| f.parameters);
        let fitted = if moves { fit(&returns, self.spec, warm.as_ref()).ok() } else { None };
        self.filtered = fitted.map(|f| f.next_variance).filter(|h| h.is_finite());
        if self.filtered.is_some() {
            self.fit = fitted;
        } else {
            self.failures += 1;
        }
    }
    /// Whether the latest fit failed.
    pub fn fallback(&self) -> bool {
        self.fits > 0 && self.filtered.is_none()
    }
    /// The last fit that succeeded.
    pub fn last_fit(&self) -> Option<&Fit> {
        self.fit.as_ref()
    }
}

impl Online for FeGarch {
    type In = FeGarchIn;
    type Out = FeGarchOut;

    fn update(&mut self, x: &FeGarchIn) -> Result<Option<FeGarchOut>, BadInput> {
        let close = BadInput::positive("close", x.close)?;
        let Some(before) = self.last_close.replace(close) else { return Ok(None) };
        let r = log_return(before, close);
        self.returns.push(r);
        let ewma = self.ewma.update(r * r);
        if self.returns.len() < self.min_obs {
            return Ok(None);
        }
        let std_resid = self.expected.map(|(mean, variance)| (r - mean) / variance.sqrt());
        if self.until_refit == 0 {
            self.refit();
            self.until_refit = self.refit_every;
        } else if let (Some(h), Some(f)) = (self.filtered, &self.fit) {
            self.filtered = Some(f.parameters.next_variance(h, r));
        }
        self.until_refit -= 1;
        let (mean, next, ahead) = match (self.filtered, &self.fit) {
            (Some(h), Some(f)) => (f.parameters.mu, h, f.parameters.mean_variance(h, self.horizon)),
            _ => (0.0, ewma, ewma),
        };
        let variance = next.max(VARIANCE_FLOOR);
        self.expected = Some((mean, variance));
        let volatility = (ahead.max(VARIANCE_FLOOR) * self.annualisation).sqrt();
        Ok(Some(FeGarchOut { volatility, variance, std_resid, fallback: self.filtered.is_none() }))
    }

    fn warmup(&self) -> usize {
        self.min_obs
    }

    fn summary(&self) -> Value {
        let counts = json!({"fits": self.fits, "failed_fits": self.failures, "fallback": self.fallback()});
        let Some(f) = &self.fit else { return counts };
        let (p, e) = (f.parameters, f.std_errors);
        let row =
            |value: f64, error: Option<f64>| json!({"value": value, "std_error": error, "t": error.map(|e| value / e)});
        let mut table = serde_json::Map::new();
        if f.spec.constant_mean {
            table.insert("mu".into(), row(p.mu, e.mu));
        }
        table.insert("omega".into(), row(p.omega, e.omega));
        table.insert("alpha".into(), row(p.alpha, e.alpha));
        if f.spec.gjr {
            table.insert("gamma".into(), row(p.gamma, e.gamma));
        }
        table.insert("beta".into(), row(p.beta, e.beta));
        if let Some(nu) = p.nu {
            table.insert("nu".into(), row(nu, e.nu));
        }
        json!({
            "model": if f.spec.gjr { Model::Gjr } else { Model::Garch },
            "dist": if f.spec.student_t { Dist::T } else { Dist::Normal },
            "parameters": table,
            "log_likelihood": f.log_likelihood,
            "aic": f.aic(),
            "bic": f.bic(),
            "observations": f.observations,
            "converged": !self.fallback(),
            "persistence": p.persistence(),
            "half_life": p.half_life(),
            "long_run_volatility": p.unconditional_variance().map(|v| (v * self.annualisation).sqrt()),
            "fits": self.fits,
            "failed_fits": self.failures,
            "fallback": self.fallback(),
        })
    }
}

/// One symbol of the feature.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Slot {
    symbol: Symbol,
    volatility: FeatureId,
    fallback: FeatureId,
    calculator: FeGarch,
    last: Option<FeGarchOut>,
}

/// The feature: publishes `fe_garch.<SYMBOL>.volatility` and `fe_garch.<SYMBOL>.fallback` (0 or 1) at each bar or index level.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeGarchFeature {
    slots: Vec<Slot>,
}

impl FeGarchFeature {
    /// The feature with these parameters.
    ///
    /// # Errors
    /// When the parameters are not valid.
    pub fn new(p: &FeGarchParams) -> Result<Self, Invalid> {
        let calculator = p.build()?;
        let id = |s: Symbol, what: &str| {
            let text = format!("{}.{s}.{what}", FeGarchParams::ID);
            FeatureId::new(&text).map_err(|e| Invalid::one("symbols", e.to_string()))
        };
        let slots = p
            .symbols()?
            .into_iter()
            .map(|s| {
                let (volatility, fallback) = (id(s, "volatility")?, id(s, "fallback")?);
                Ok(Slot { symbol: s, volatility, fallback, calculator: calculator.clone(), last: None })
            })
            .collect::<Result<_, Invalid>>()?;
        Ok(Self { slots })
    }
}

impl Plugin for FeGarchFeature {
    fn id(&self) -> &'static str {
        FeGarchParams::ID
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::BAR | Kinds::INDEX).only(self.slots.iter().map(|s| s.symbol))
    }
    fn metrics(&self, out: &mut Metrics) {
        for s in &self.slots {
            if let Some(last) = &s.last {
                out.push((s.volatility.as_str(), last.volatility));
                out.push((s.fallback.as_str(), f64::from(u8::from(last.fallback))));
            }
        }
    }
}

impl Feature for FeGarchFeature {
    fn outputs(&self) -> Vec<Published> {
        let of = |id, unit| Published { id, unit };
        self.slots.iter().flat_map(|s| [of(s.volatility, "annual volatility"), of(s.fallback, "0 or 1")]).collect()
    }
    fn on_event(&mut self, event: &Event, _view: &View<'_>, out: &mut FeatureValues) -> Result<(), BadInput> {
        let Some(slot) = self.slots.iter_mut().find(|s| Some(s.symbol) == event.symbol) else { return Ok(()) };
        match &event.data {
            MarketData::Bar(b) | MarketData::Index(b) => {
                if let Some(o) = slot.calculator.update(&FeGarchIn { close: b.close.to_f64() })? {
                    slot.last = Some(o);
                    out.set(slot.volatility, o.volatility, event.time);
                    out.set(slot.fallback, f64::from(u8::from(o.fallback)), event.time);
                }
            }
            MarketData::CorporateAction(CorporateAction::Split { numerator, denominator }) => {
                slot.calculator.rebase(f64::from(*denominator) / f64::from(*numerator));
            }
            MarketData::CorporateAction(CorporateAction::Dividend { amount }) => {
                if let Some(close) = slot.calculator.last_close {
                    slot.calculator.rebase(1.0 - amount.to_f64() / close);
                }
            }
            MarketData::CorporateAction(CorporateAction::SymbolChange { to }) => slot.symbol = *to,
            _ => {}
        }
        Ok(())
    }
}

/// The registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    feature: Some(|v| Ok(Box::new(FeGarchFeature::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<FeGarchParams>(
        0,
        "Volatility forecast by GARCH(1,1) or GJR-GARCH with normal or Student t innovations.",
        "Bollerslev (1986), Generalized autoregressive conditional heteroskedasticity; Glosten, Jagannathan & Runkle (1993)",
    )
    .with_table::<FeGarchParams>()
};

#[cfg(test)]
mod tests;
