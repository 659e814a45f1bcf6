//! fe_kalman as a feature and as a filter of scores.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, Event, Feature, FeatureId, FeatureValues, Filter, Follow, Interest, Invalid, Kinds,
    MarketData, Metrics, Online, Params, Plugin, Published, Signal, StrategyId, Symbol, Time, View,
};
use tradewind_numerics::Window;
use tradewind_numerics::lag::LagMeter;

use super::{FeKalman, FeKalmanIn, FeKalmanParams, KalmanModel, Variances};
use crate::input::{CLOSE, Series};
use crate::naming::published;

/// Longest lag looked for, in sessions; at most a third of the window.
const MAX_LAG: usize = 42;
/// Sessions from one measurement of the lag to the next.
const MEASURED_EVERY: u32 = 5;
/// Sessions without a signal after which a score starts anew.
const FORGOTTEN: u64 = 250;

/// The series of a regressor: closes of a symbol (`SPY.close`) or a published feature.
pub(super) fn regressor(name: &str, symbol: Symbol) -> Result<Series, Invalid> {
    let of_symbol = name.strip_suffix(".close").and_then(|s| Symbol::new(&s.replace("{symbol}", symbol.as_str())).ok());
    let series = match of_symbol {
        Some(s) => Series::new(CLOSE, s),
        None => Series::new(name, symbol),
    };
    series.map_err(|mut e| {
        e.0.iter_mut().for_each(|v| v.field = "regressor".into());
        e
    })
}

/// A value, if there is one, with the time it came.
type Dated = Option<(Time, f64)>;

/// One symbol of the feature.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Slot {
    input: Series,
    regressor: Option<Series>,
    /// The value and regressor that wait for each other, with the times they came.
    waiting: (Dated, Dated),
    calculator: FeKalman,
    level: FeatureId,
    second: Option<FeatureId>,
    z: FeatureId,
}

impl Slot {
    /// What an event brings to the calculator: nothing, or a value (in the end a missing one) with its regressor.
    fn next(&mut self, event: &Event, view: &View<'_>) -> Option<FeKalmanIn> {
        let y = self.input.next(event, view);
        let Some(r) = &mut self.regressor else {
            return y.map(|y| FeKalmanIn { value: Some(y), regressor: None });
        };
        let x = r.next(event, view);
        let mut out = None;
        if let Some(y) = y
            && let Some((t, _)) = self.waiting.0.replace((event.time, y))
            && t < event.time
        {
            // The one before never met its regressor.
            out = Some(FeKalmanIn { value: None, regressor: None });
        }
        if let Some(x) = x {
            self.waiting.1 = Some((event.time, x));
        }
        if let (Some((a, y)), Some((b, x))) = self.waiting
            && a == b
        {
            self.waiting = (None, None);
            return Some(FeKalmanIn { value: Some(y), regressor: Some(x) });
        }
        out
    }
}

/// Publishes `NAME.SYMBOL.level`, `.trend` or `.beta` (by the model) and `.z` whenever the input brings a value.
///
/// Levels and trends of closes are in today's dollars: splits and dividends since the beginning are taken out. A regression takes a value
/// together with the regressor of the same instant; a value whose regressor does not come is missing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeKalmanFeature {
    slots: Vec<Slot>,
    closes: bool,
    model: KalmanModel,
}

impl FeKalmanFeature {
    /// The feature with these parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &FeKalmanParams) -> Result<Self, Invalid> {
        let (symbols, calculator) = (p.check()?, p.build()?);
        let second = match p.model {
            KalmanModel::LocalLevel => None,
            KalmanModel::LocalLinearTrend => Some("trend"),
            KalmanModel::Regression => Some("beta"),
        };
        let slots = symbols
            .into_iter()
            .map(|s| {
                let regressor = (p.model == KalmanModel::Regression).then(|| regressor(&p.regressor, s)).transpose()?;
                Ok(Slot {
                    input: Series::new(&p.input, s)?,
                    regressor,
                    waiting: (None, None),
                    calculator: calculator.clone(),
                    level: published(&p.name, s, "level")?,
                    second: second.map(|w| published(&p.name, s, w)).transpose()?,
                    z: published(&p.name, s, "z")?,
                })
            })
            .collect::<Result<_, Invalid>>()?;
        Ok(Self { slots, closes: p.input == CLOSE, model: p.model })
    }
}

impl Plugin for FeKalmanFeature {
    fn id(&self) -> &'static str {
        FeKalmanParams::ID
    }
    fn listens(&self) -> Interest {
        Series::listen(self.slots.iter().flat_map(|s| [Some(&s.input), s.regressor.as_ref()]).flatten())
    }
}

impl Feature for FeKalmanFeature {
    fn outputs(&self) -> Vec<Published> {
        let level = if self.closes { "dollars" } else { "unit of the input" };
        let second = match self.model {
            KalmanModel::Regression => "unit of the input by unit of the regressor",
            _ if self.closes => "dollars a session",
            _ => "unit of the input a value",
        };
        let mut out = Vec::new();
        for s in &self.slots {
            out.push(Published { id: s.level, unit: level });
            out.extend(s.second.map(|id| Published { id, unit: second }));
            out.push(Published { id: s.z, unit: "standard deviations" });
        }
        out
    }
    fn inputs(&self) -> Vec<FeatureId> {
        let reads = |s: &Slot| [s.input.reads(), s.regressor.as_ref().and_then(Series::reads)];
        self.slots.iter().flat_map(reads).flatten().collect()
    }
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut FeatureValues) -> Result<(), BadInput> {
        for s in &mut self.slots {
            let Some(i) = s.next(event, view) else { continue };
            let Some(o) = s.calculator.update(&i)? else { continue };
            let today = 1.0 / s.input.factor();
            if let Some(level) = o.level {
                out.set(s.level, level * today, event.time);
            }
            if let (Some(id), Some(v)) = (s.second, o.trend.or(o.beta)) {
                out.set(id, v * today * s.regressor.as_ref().map_or(1.0, Series::factor), event.time);
            }
            if let Some(z) = o.z {
                out.set(s.z, z, event.time);
            }
        }
        Ok(())
    }
}

/// One strategy's score on one symbol.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Score {
    strategy: StrategyId,
    symbol: Symbol,
    calculator: FeKalman,
    /// The session it was last asked in, and what was answered then.
    asked: u64,
    smoothed: f64,
    /// The last raw scores.
    past: Window,
    meter: LagMeter,
    /// By how many sessions the smoothed score is behind, when it was last measured, and the sessions until it is again.
    lag: Option<usize>,
    until_measured: u32,
}

/// Smooths the score of every strategy on every symbol: the filtered level of its scores, one a session.
///
/// The answer is `Set(smoothed)`, within [-1, 1] and never larger in size than the largest raw score of the last `lag_window` that were given. A
/// score of zero is an exit and stays zero, and while the level has the other sign the answer is zero: no side is taken that the strategy does
/// not take that day. Sessions without a signal are missing values. Charted: `kalman_lag`, by how many sessions scores trail (where the
/// cross-correlation with the raw scores is largest, [`LagMeter`]; mean over strategies and symbols), and `kalman_mean_lag`, the mean age of
/// what the level is made of, (1 - gain) / gain.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeKalmanFilter {
    calculator: FeKalman,
    lag_window: usize,
    meter: LagMeter,
    /// Session closes so far.
    session: u64,
    /// By strategy and symbol.
    scores: Vec<Score>,
    serves: Vec<StrategyId>,
}

impl FeKalmanFilter {
    /// The filter with these parameters.
    ///
    /// # Errors
    /// All violations at once; a regression, or variances by likelihood or in units, do not smooth scores.
    pub fn new(p: &FeKalmanParams) -> Result<Self, Invalid> {
        p.check()?;
        // Scores need no scale: only the level is asked for, and it follows from the variances' ratios.
        let calculator = FeKalmanParams { variances: Variances::Fixed, ..p.clone() }.build()?;
        let mut bad = Invalid::default();
        let fine = p.model != KalmanModel::Regression;
        bad.require(fine, "model", "regression", "local_level or local_linear_trend, in a filter");
        let fine = p.variances != Variances::Likelihood;
        bad.require(fine, "variances", "likelihood", "ratio or fixed, in a filter: a score is no series to be fitted");
        bad.into_result(())?;
        let meter = LagMeter::new(p.lag_window, MAX_LAG.min(p.lag_window / 3))
            .map_err(|e| Invalid::one("lag_window", e.to_string()))?;
        Ok(Self { calculator, lag_window: p.lag_window, meter, session: 0, scores: Vec::new(), serves: Vec::new() })
    }
    /// Where the score of a strategy on a symbol is; a new one begins with the score that comes next.
    fn find(&mut self, strategy: StrategyId, symbol: Symbol) -> usize {
        let key = |s: &Score| (s.strategy, s.symbol);
        self.scores.binary_search_by_key(&(strategy, symbol), key).unwrap_or_else(|at| {
            self.scores.insert(at, self.fresh(strategy, symbol));
            at
        })
    }
    fn fresh(&self, strategy: StrategyId, symbol: Symbol) -> Score {
        let (calculator, meter, past) = (self.calculator.clone(), self.meter.clone(), Window::new(self.lag_window));
        let asked = self.session;
        Score { strategy, symbol, calculator, asked, smoothed: 0.0, past, meter, lag: None, until_measured: 0 }
    }
    /// Takes a score in, once a session: it is a series by sessions, whatever number of times it is asked for.
    fn take(&mut self, strategy: StrategyId, symbol: Symbol, raw: f64) -> usize {
        let (session, at) = (self.session, self.find(strategy, symbol));
        if session.saturating_sub(self.scores[at].asked) > FORGOTTEN {
            self.scores[at] = self.fresh(strategy, symbol);
        }
        let s = &mut self.scores[at];
        let gap = session.saturating_sub(s.asked);
        if s.past.is_empty() || gap > 0 {
            for _ in 1..gap {
                // A missing value is always accepted.
                let _ = s.calculator.update(&FeKalmanIn { value: None, regressor: None });
            }
            let level = s.calculator.update(&FeKalmanIn { value: Some(raw), regressor: None });
            let level = level.ok().flatten().and_then(|o| o.level).unwrap_or(raw);
            s.past.push(raw);
            let largest = s.past.iter().map(f64::abs).fold(0.0, f64::max);
            s.smoothed = if level * raw > 0.0 { level.clamp(-largest, largest) } else { 0.0 };
            s.meter.push(raw, s.smoothed);
            s.asked = session;
            if s.until_measured == 0 {
                s.lag = s.meter.lag();
                s.until_measured = MEASURED_EVERY;
            }
            s.until_measured -= 1;
        }
        at
    }
    /// Mean lag of the scores, in sessions, once it can be measured.
    pub fn lag(&self) -> Option<f64> {
        let (n, sum) = self.scores.iter().filter_map(|s| s.lag).fold((0.0, 0.0), |(n, s), l| (n + 1.0, s + l as f64));
        (n > 0.0).then(|| sum / n)
    }
}

impl Plugin for FeKalmanFilter {
    fn id(&self) -> &'static str {
        FeKalmanParams::ID
    }
    fn listens(&self) -> Interest {
        Interest::of_market(Kinds::SESSION_CLOSE)
    }
    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), BadInput> {
        if event.data == MarketData::SessionClose {
            // The scores of the session before that nobody has asked about.
            for s in view.records.scores().iter().filter(|s| s.score.is_finite()) {
                if self.serves.contains(&s.strategy) {
                    self.take(s.strategy, s.symbol, s.score);
                }
            }
            self.session += 1;
        }
        Ok(())
    }
    fn version(&self) -> u32 {
        2
    }
    fn follows(&self) -> Follow {
        Follow::Scores
    }
    fn serve(&mut self, strategy: StrategyId) {
        if !self.serves.contains(&strategy) {
            self.serves.push(strategy);
        }
    }
    fn metrics(&self, out: &mut Metrics) {
        out.extend(self.lag().map(|lag| ("kalman_lag", lag)));
        if let Some(lag) = self.calculator.summary()["mean_lag"].as_f64() {
            out.push(("kalman_mean_lag", lag));
        }
    }
}

impl Filter for FeKalmanFilter {
    fn filter(&mut self, strategy: StrategyId, signal: &Signal, _: &View<'_>) -> Adjustment {
        let Some(leg) = signal.legs.first() else {
            return Adjustment::new(Adjust::Keep, "signal without a leg");
        };
        let raw = signal.score;
        let at = self.take(strategy, leg.symbol, raw);
        let s = &self.scores[at];
        let (smoothed, lag) = (s.smoothed, s.lag);
        let behind = lag.map_or(String::new(), |l| format!(", {l} sessions behind"));
        let reason = format!("score {raw:+.2} smoothed to {smoothed:+.2}{behind}");
        let out = Adjustment::new(Adjust::Set(smoothed), reason).with("raw", raw).with("smoothed", smoothed);
        match lag {
            Some(l) => out.with("lag", l as f64),
            None => out,
        }
    }
}
