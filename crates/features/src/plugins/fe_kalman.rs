//! Level, trend and surprise of a series by a Kalman filter, and a filter that smooths a strategy's score.

mod calculator;
mod roles;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{BadInput, Invalid, Params, PluginInfo, Symbol, parse_params};
use tradewind_numerics::kalman::{LocalLevel, MAX_STATES, Smoothed, Start, Structure, Vector, fit, smooth_lookahead};

pub use calculator::{FeKalman, FeKalmanIn, FeKalmanOut};
pub use roles::{FeKalmanFeature, FeKalmanFilter};

/// Values beyond this size are refused: their squares must stay within the range of floats.
const LARGEST: f64 = 1e60;

/// What the series is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KalmanModel {
    /// A level that is a random walk, and noise.
    LocalLevel,
    /// A level that grows by a trend, both with noise.
    LocalLinearTrend,
    /// Intercept and coefficient of a regressor, both random walks.
    Regression,
}

/// Where the variances of the noise come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Variances {
    /// As given, in squared units of the input.
    Fixed,
    /// Only their ratios are as given; their scale is the mean of v^2 / F over the last `window` innovations.
    Ratio,
    /// By maximum likelihood on the last `window` values, again every `refit_every`.
    Likelihood,
}

/// What is known before the first value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartFrom {
    /// Nothing: infinite variance, exactly.
    Diffuse,
    /// Mean zero and a large variance (the first of `start_variance`).
    Approximate,
    /// `start_mean` and `start_variance`.
    Known,
}

/// Kalman filter of a structural model: y_t = z_t' a_t + e_t, e_t ~ N(0, h); a_{t+1} = T a_t + n_t.
///
/// | `model` | state a | z | h, variances of n |
/// |---|---|---|---|
/// | local_level | level | 1 | `noise`, `level_noise` |
/// | local_linear_trend | level, trend (level grows by trend) | 1, 0 | `noise`, `level_noise`, `trend_noise` |
/// | regression | intercept, beta | 1, regressor | `noise`, `level_noise`, `trend_noise` |
///
/// An update with the predicted mean a and covariance P: v = y - z'a, F = z'Pz + h, K = Pz / F, a <- a + K v,
/// P <- (I - Kz') P (I - Kz')' + h K K' (Joseph). A missing value lets time pass. Once P has converged the gain is kept.
///
/// In: `value` (any unit; may be missing), `regressor` (with `regression`). Out: `level` and its standard deviation, `trend` a step or `beta`,
/// the `innovation` v and its `z` = v / sqrt F, standard normal if the model is right. Under `ratio` the scale is known, and z and the
/// standard deviation given, after `min_obs` innovations. Warm-up: one value less than there are states, or `min_obs` - 1 under `likelihood`.
///
/// Source: Kalman (1960), J. Basic Engineering 82, 35-45; Harvey (1989), "Forecasting, structural time series models and the Kalman
/// filter", ch. 2 to 4; Durbin & Koopman (2012), "Time series analysis by state space methods", 2nd ed., ch. 4, 5.
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_features::plugins::fe_kalman::{FeKalmanIn, FeKalmanParams, Variances};
/// let p = FeKalmanParams { variances: Variances::Fixed, noise: 1.0, level_noise: 1.0, ..Default::default() };
/// let mut k = p.build()?;
/// k.update(&FeKalmanIn { value: Some(100.0), regressor: None })?;
/// let out = k.update(&FeKalmanIn { value: Some(103.0), regressor: None })?.ok_or("an output")?;
/// // The first value is the level, with variance 1. Then P = 1 + 1, F = 3, K = 2/3: 100 + 2/3 x 3 = 102, z = 3 / sqrt 3.
/// assert!((out.level.unwrap_or(0.0) - 102.0).abs() < 1e-12);
/// assert!((out.z.unwrap_or(0.0) - 3.0_f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeKalmanParams {
    /// Symbols to follow in the trader, at least one, each once.
    pub symbols: Vec<String>,
    /// What each symbol's series is: `close`, or a published feature in which `{symbol}` stands for the symbol.
    pub input: String,
    /// What published names begin with: `NAME.SYMBOL.level`, `.trend`, `.beta`, `.z`.
    pub name: String,
    /// `local_level`, `local_linear_trend` or `regression`.
    pub model: KalmanModel,
    /// The regressor of `regression`: closes of a symbol, such as `SPY.close`, or a published feature (`{symbol}` as in `input`).
    pub regressor: String,
    /// Where variances come from: `fixed`, `ratio` or `likelihood`.
    pub variances: Variances,
    /// Variance of the observation's noise, 0 to 1e60, in squared units of the input (under `ratio` in any unit).
    pub noise: f64,
    /// Variance of the level's (or intercept's) change a step, 0 to 1e60; not both this and `noise` zero.
    pub level_noise: f64,
    /// Variance of the trend's (or beta's) change a step, 0 to 1e60.
    pub trend_noise: f64,
    /// Values the likelihood, or innovations the scale, looks back on: `min_obs` to 100000.
    pub window: usize,
    /// Values needed for the first fit, or innovations for the scale: 10 to `window`.
    pub min_obs: usize,
    /// Values from one fit to the next, 1 to 100000; used by `likelihood`.
    pub refit_every: usize,
    /// What is known at first: `diffuse`, `approximate` or `known`.
    pub start: StartFrom,
    /// Means of the first state, one for each; used by `known`.
    pub start_mean: Vec<f64>,
    /// Variances of the first state, one for each (with `known`) or one for all (with `approximate`), above 0 to 1e60.
    pub start_variance: Vec<f64>,
    /// As a filter: sessions over which the lag is measured and the largest raw score is taken, 20 to 5000.
    pub lag_window: usize,
}

impl Default for FeKalmanParams {
    fn default() -> Self {
        Self {
            symbols: vec!["SPY".into()],
            input: crate::input::CLOSE.into(),
            name: Self::ID.into(),
            model: KalmanModel::LocalLevel,
            regressor: "SPY.close".into(),
            variances: Variances::Ratio,
            noise: 1.0,
            level_noise: 0.1,
            trend_noise: 0.001,
            window: 500,
            min_obs: 60,
            refit_every: 63,
            start: StartFrom::Diffuse,
            start_mean: vec![0.0],
            start_variance: vec![1e6],
            lag_window: 126,
        }
    }
}

impl FeKalmanParams {
    fn structure(&self) -> Structure {
        match self.model {
            KalmanModel::LocalLevel => Structure::LocalLevel,
            KalmanModel::LocalLinearTrend => Structure::LocalLinearTrend,
            KalmanModel::Regression => Structure::Regression(2),
        }
    }
    /// Variances of the states' noise.
    fn state_noise(&self) -> Vector {
        let mut q = [0.0; MAX_STATES];
        q[0] = self.level_noise;
        if self.model != KalmanModel::LocalLevel {
            q[1] = self.trend_noise;
        }
        q
    }
    fn start(&self) -> Start {
        let first = self.start_variance.first().copied().unwrap_or(1e6);
        match self.start {
            StartFrom::Diffuse => Start::Diffuse,
            StartFrom::Approximate => Start::Approximate(first),
            StartFrom::Known => {
                let (mut mean, mut cov) = ([0.0; MAX_STATES], [[0.0; MAX_STATES]; MAX_STATES]);
                for (i, (m, v)) in self.start_mean.iter().zip(&self.start_variance).take(MAX_STATES).enumerate() {
                    (mean[i], cov[i][i]) = (*m, *v);
                }
                Start::Known(mean, cov)
            }
        }
    }
    fn level(&self) -> Option<LocalLevel> {
        LocalLevel::new(self.level_noise, self.noise, calculator::level_start(self.start()))
    }
    /// Checks everything; the symbols.
    fn check(&self) -> Result<Vec<Symbol>, Invalid> {
        let mut bad = Invalid::default();
        let symbols = bad.absorb(crate::naming::symbols(&self.symbols));
        for s in symbols.iter().flatten() {
            bad.absorb(crate::input::Series::new(&self.input, *s).map(|_| ()));
            bad.absorb(crate::naming::published(&self.name, *s, "level").map(|_| ()));
            bad.absorb(roles::regressor(&self.regressor, *s).map(|_| ()));
        }
        let all = [("noise", self.noise), ("level_noise", self.level_noise), ("trend_noise", self.trend_noise)];
        for (field, v) in all {
            bad.require((0.0..=LARGEST).contains(&v), field, v, "a variance, 0 to 1e60");
        }
        let moves = self.noise + self.level_noise > 0.0;
        bad.require(moves, "level_noise", self.level_noise, "above 0 when `noise` is 0");
        bad.require(self.window <= 100_000, "window", self.window, "at most 100000");
        bad.require((10..=self.window).contains(&self.min_obs), "min_obs", self.min_obs, "10 to `window`");
        bad.require((1..=100_000).contains(&self.refit_every), "refit_every", self.refit_every, "1 to 100000");
        let n = self.structure().states();
        let fine = |v: &f64| v.is_finite() && v.abs() <= LARGEST;
        if self.start == StartFrom::Known {
            let m = &self.start_mean;
            bad.require(m.len() == n && m.iter().all(fine), "start_mean", format!("{m:?}"), "a number for each state");
        }
        let v = &self.start_variance;
        let count = if self.start == StartFrom::Known { n } else { 1 };
        let fine = v.len() == count && v.iter().all(|v| *v > 0.0 && *v <= LARGEST);
        let expected = "variances above 0 to 1e60: one for each state when `start` is known, else one";
        bad.require(fine, "start_variance", format!("{v:?}"), expected);
        bad.require((20..=5000).contains(&self.lag_window), "lag_window", self.lag_window, "20 to 5000 sessions");
        bad.into_result(symbols.unwrap_or_default())
    }
    /// The levels of a local level model over a slice, to the last bit those of the streaming calculator, with nothing else computed: the
    /// fast way through long series.
    ///
    /// # Errors
    /// When the parameters are not valid or not those of a local level with given variances, the slices differ in length, or a value is not
    /// finite.
    pub fn filter_levels(&self, values: &[f64], levels: &mut [f64]) -> Result<(), BadInput> {
        let refused =
            |found: String| BadInput::new("parameters", found, "a local level with fixed variances or ratios");
        self.check().map_err(|e| refused(e.to_string()))?;
        if self.model != KalmanModel::LocalLevel || self.variances == Variances::Likelihood {
            return Err(refused(format!("{:?} with variances {:?}", self.model, self.variances)));
        }
        let mut level = self.level().ok_or_else(|| refused("no noise".into()))?;
        level
            .filter(values, levels)
            .map_err(|e| BadInput::new("values", e.to_string(), "finite values, as many as levels"))
    }
    /// **Looks ahead**: level and trend at each time given the whole series, later values included (Rauch, Tung & Striebel's smoother).
    /// For studying the past; it is no calculator and cannot be placed in a pipeline. Variances as configured, by likelihood on the whole series.
    ///
    /// # Errors
    /// When the parameters are not valid, a value is not finite, the series is too short, or the model is a regression.
    pub fn smooth_lookahead(&self, values: &[Option<f64>]) -> Result<Vec<Smoothed>, BadInput> {
        self.check().map_err(|e| BadInput::new("parameters", e.to_string(), "valid parameters"))?;
        let structure = self.structure();
        if self.model == KalmanModel::Regression {
            return Err(BadInput::new("model", "regression", "local_level or local_linear_trend"));
        }
        for v in values.iter().flatten() {
            checked("value", *v)?;
        }
        let (q, h) = if self.variances == Variances::Likelihood {
            let found = fit(structure, &|_| [0.0; MAX_STATES], values)
                .map_err(|e| BadInput::new("values", format!("{} values", values.len()), e.to_string()))?;
            (found.state_noise, found.noise)
        } else {
            (self.state_noise(), self.noise)
        };
        let mut z = [0.0; MAX_STATES];
        z[0] = 1.0;
        let seen = values.iter().flatten().count();
        structure
            .model(&q[..structure.states()], h)
            .and_then(|m| smooth_lookahead(m, self.start(), &|_| z, values))
            .ok_or_else(|| BadInput::new("values", seen.to_string(), format!("at least {} values", structure.states())))
    }
}

/// `x` when it is finite and not beyond all bounds.
fn checked(what: &str, x: f64) -> Result<f64, BadInput> {
    let fine = x.abs() <= LARGEST;
    if fine { Ok(x) } else { Err(BadInput::new(what, x.to_string(), "a finite number of at most 1e60 in size")) }
}

impl Params for FeKalmanParams {
    const ID: &'static str = "fe_kalman";
    type Built = FeKalman;
    fn build(&self) -> Result<FeKalman, Invalid> {
        self.check()?;
        FeKalman::new(self)
    }
}

/// The registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    feature: Some(|v| Ok(Box::new(FeKalmanFeature::new(&parse_params(v)?)?))),
    filter: Some(|v| Ok(Box::new(FeKalmanFilter::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<FeKalmanParams>(
        3,
        "Level, trend and surprise of a series by a Kalman filter, and a filter that smooths a strategy's score.",
        "Kalman (1960), A new approach to linear filtering and prediction problems; Durbin & Koopman (2012)",
    )
    .with_table::<FeKalmanParams>()
};

#[cfg(test)]
mod tests;
