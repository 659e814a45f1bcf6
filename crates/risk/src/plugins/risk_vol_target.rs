//! Scales exposure so that its forecast volatility meets a target.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, CorporateAction, Event, FeatureId, Interest, Invalid, Kinds, MarketData, Metrics,
    Online, Overlay, Params, Plugin, PluginInfo, Span, Symbol, SymbolMap, View, parse_params,
};
use tradewind_numerics::RollingMoments;
use tradewind_numerics::ewm::Ewm;

use crate::sessions::CloseTrack;

/// Where the forecast of volatility comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Forecast {
    /// Exponentially weighted mean of squared returns.
    Ewma,
    /// Standard deviation of the last `window` returns.
    Rolling,
    /// A published feature (in a table the column `volatility`), with EWMA where it is missing or too old.
    Feature,
}

/// Parameters of `risk_vol_target`.
///
/// multiplier = min(`cap`, `target` / forecast), where the annualised forecast from simple returns r between session closes is
/// * ewma: sqrt(A m_t), m_t = lambda m_{t-1} + (1 - lambda) r_t^2 from m_1 = r_1^2 (pandas `ewm(alpha = 1 - lambda, adjust=False)`),
/// * rolling: sqrt(A) times the sample standard deviation (ddof = 1) of the last `window` returns,
/// * feature: the value of the feature named by `feature`, an annualised volatility; EWMA where it is missing or too old,
///
/// with A = `periods_per_year`. A forecast of zero gives the cap. Against turnover the multiplier in force changes only when the new
/// one differs from it by more than `dead_band` (relative). Before `window` returns EWMA and rolling give no forecast, and the
/// multiplier is `unknown` (at most 1).
///
/// Table: input `close` (price), `volatility` (annualised forecast, used with `forecast = "feature"`, may be empty); output forecast
/// and multipliers. Warm-up: `window` rows. As an overlay: per symbol of which there are bars, updated at every session close.
///
/// Sources: J.P. Morgan/Reuters (1996), "RiskMetrics Technical Document", 4th ed., eq. 5.3; Moreira & Muir (2017), "Volatility-managed
/// portfolios", Journal of Finance 72(4); Harvey et al. (2018), "The impact of volatility targeting", Journal of Portfolio
/// Management 45(1).
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_risk::plugins::risk_vol_target::{RiskVolTargetIn, RiskVolTargetParams};
/// let params = RiskVolTargetParams { window: 2, lambda: 0.5, periods_per_year: 100.0, ..Default::default() };
/// let mut target = params.build()?;
/// let mut last = None;
/// for close in [100.0, 103.0, 103.0] {
///     last = target.update(&RiskVolTargetIn { close, volatility: None })?;
/// }
/// // m = 0.5 x 0.03^2: volatility sqrt(100 x 0.00045) = 0.2121, multiplier 0.15 / 0.2121.
/// assert!((last.unwrap().multiplier - 0.5_f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RiskVolTargetParams {
    /// Annualised volatility aimed at, decimal, in (0, 10].
    pub target: f64,
    /// Where the forecast comes from.
    pub forecast: Forecast,
    /// Decay of the EWMA a session, in (0, 1).
    pub lambda: f64,
    /// Returns of the rolling forecast, and returns needed before EWMA or rolling give a forecast: 2 to 100,000 sessions.
    pub window: usize,
    /// Highest multiplier, in (0, 100].
    pub cap: f64,
    /// Relative change below which the multiplier stays as it is, in [0, 1).
    pub dead_band: f64,
    /// Multiplier while there is no forecast, in [0, 1].
    pub unknown: f64,
    /// Periods a year, by which the forecast from returns is annualised, in (0, 1e6].
    pub periods_per_year: f64,
    /// Name of the feature to read; `{symbol}` stands for the symbol.
    pub feature: String,
    /// Age in days of 24 hours beyond which the feature is not used, above 0 and at most 365.
    pub max_age_days: f64,
}

impl Default for RiskVolTargetParams {
    fn default() -> Self {
        Self {
            target: 0.15,
            forecast: Forecast::Ewma,
            lambda: 0.94,
            window: 21,
            cap: 1.5,
            dead_band: 0.10,
            unknown: 1.0,
            periods_per_year: 252.0,
            feature: "fe_garch.{symbol}.volatility".into(),
            max_age_days: 5.0,
        }
    }
}

impl Params for RiskVolTargetParams {
    const ID: &'static str = "risk_vol_target";
    type Built = RiskVolTarget;

    fn build(&self) -> Result<RiskVolTarget, Invalid> {
        let mut bad = Invalid::default();
        bad.require(self.target > 0.0 && self.target <= 10.0, "target", self.target, "a volatility in (0, 10]");
        bad.require(self.lambda > 0.0 && self.lambda < 1.0, "lambda", self.lambda, "a decay in (0, 1)");
        bad.require((2..=100_000).contains(&self.window), "window", self.window, "2 to 100000 returns");
        bad.require(self.cap > 0.0 && self.cap <= 100.0, "cap", self.cap, "a multiplier in (0, 100]");
        bad.require((0.0..1.0).contains(&self.dead_band), "dead_band", self.dead_band, "a relative change in [0, 1)");
        bad.require((0.0..=1.0).contains(&self.unknown), "unknown", self.unknown, "a multiplier in [0, 1]");
        let a = self.periods_per_year;
        bad.require(a > 0.0 && a <= 1e6, "periods_per_year", a, "a number in (0, 1e6]");
        let named = feature(&self.feature, "SPY").is_some();
        bad.require(named, "feature", &self.feature, "the name of a feature, such as fe_garch.{symbol}.volatility");
        let age = self.max_age_days;
        bad.require(age > 0.0 && age <= 365.0, "max_age_days", age, "days, above 0 and at most 365");
        let rule = Rule {
            target: self.target,
            forecast: self.forecast,
            window: self.window,
            cap: self.cap,
            dead_band: self.dead_band,
            annual: a,
        };
        bad.into_result(RiskVolTarget {
            state: Tracked::new(self.forecast, self.lambda, self.window.min(100_000)),
            rule,
            previous: None,
        })
    }
}

/// The feature of a symbol, when the pattern gives a valid name.
fn feature(pattern: &str, symbol: &str) -> Option<FeatureId> {
    FeatureId::new(&pattern.replace("{symbol}", symbol)).ok()
}

/// What does not change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Rule {
    target: f64,
    forecast: Forecast,
    window: usize,
    cap: f64,
    dead_band: f64,
    annual: f64,
}

/// The forecast from returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Own {
    Ewma(Ewm, usize),
    Rolling(RollingMoments),
}

/// What is known of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tracked {
    own: Own,
    /// The multiplier in force, once there was a forecast.
    multiplier: Option<f64>,
}

/// A forecast with the multiplier it asks for and the one in force.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Decided {
    forecast: f64,
    source: Forecast,
    wanted: f64,
    multiplier: f64,
}

impl Tracked {
    fn new(forecast: Forecast, lambda: f64, window: usize) -> Self {
        let own = match forecast {
            Forecast::Rolling => Own::Rolling(RollingMoments::new(window)),
            Forecast::Ewma | Forecast::Feature => Own::Ewma(Ewm::new(lambda), 0),
        };
        Self { own, multiplier: None }
    }
    fn push(&mut self, r: f64) {
        match &mut self.own {
            Own::Ewma(e, n) => {
                e.update(r * r);
                *n = n.saturating_add(1);
            }
            Own::Rolling(m) => {
                m.push(r);
            }
        }
    }
    /// How many returns there were, up to those needed.
    fn returns(&self, rule: &Rule) -> usize {
        match &self.own {
            Own::Ewma(_, n) => (*n).min(rule.window),
            Own::Rolling(m) => m.window().len(),
        }
    }
    /// The forecast from returns, annualised, once there are enough.
    fn own(&self, rule: &Rule) -> Option<(f64, Forecast)> {
        if self.returns(rule) < rule.window {
            return None;
        }
        match &self.own {
            Own::Ewma(e, _) => e.mean().map(|m| ((rule.annual * m).sqrt(), Forecast::Ewma)),
            Own::Rolling(m) => m.std_dev().map(|s| (rule.annual.sqrt() * s, Forecast::Rolling)),
        }
    }
    /// Decides on the multiplier; `given` is a forecast from elsewhere.
    fn decide(&mut self, rule: &Rule, given: Option<f64>) -> Option<Decided> {
        let given = given.filter(|_| rule.forecast == Forecast::Feature).map(|v| (v, Forecast::Feature));
        let (forecast, source) = given.or_else(|| self.own(rule))?;
        // Division by a forecast of zero is infinite, and so the cap.
        let wanted = (rule.target / forecast).min(rule.cap);
        let multiplier = match self.multiplier {
            Some(m) if (wanted / m - 1.0).abs() <= rule.dead_band => m,
            _ => wanted,
        };
        self.multiplier = Some(multiplier);
        Some(Decided { forecast, source, wanted, multiplier })
    }
}

/// A close, and perhaps a forecast from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskVolTargetIn {
    /// Price at the close, above 0.
    pub close: f64,
    /// Annualised volatility forecast for the time after this close, decimal; used with `forecast = "feature"`.
    pub volatility: Option<f64>,
}

/// What follows for the time after this close.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskVolTargetOut {
    /// Annualised volatility forecast.
    pub forecast: f64,
    /// Where it comes from.
    pub source: Forecast,
    /// The multiplier it asks for, in (0, cap].
    pub wanted: f64,
    /// The multiplier in force, in (0, cap].
    pub multiplier: f64,
}

/// Forecast and multiplier of one series of closes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RiskVolTarget {
    rule: Rule,
    state: Tracked,
    previous: Option<f64>,
}

impl Online for RiskVolTarget {
    type In = RiskVolTargetIn;
    type Out = RiskVolTargetOut;

    fn update(&mut self, x: &RiskVolTargetIn) -> Result<Option<RiskVolTargetOut>, BadInput> {
        let close = BadInput::positive("close", x.close)?;
        if let Some(v) = x.volatility
            && !(0.0..=1e6).contains(&v)
        {
            return Err(BadInput::new("volatility", v.to_string(), "an annualised volatility, zero or more"));
        }
        if let Some(p) = self.previous {
            let r = close / p - 1.0;
            // A price cannot grow ten-thousandfold in a session, and squares must stay finite.
            if r.is_nan() || r > 1e4 {
                return Err(BadInput::new("close", close.to_string(), format!("a price near the one before, {p}")));
            }
            self.state.push(r);
        }
        self.previous = Some(close);
        if self.state.returns(&self.rule) < self.rule.window {
            return Ok(None);
        }
        let decided = self.state.decide(&self.rule, x.volatility);
        Ok(decided.map(|Decided { forecast, source, wanted, multiplier }| RiskVolTargetOut {
            forecast,
            source,
            wanted,
            multiplier,
        }))
    }
    fn warmup(&self) -> usize {
        self.rule.window
    }
    fn summary(&self) -> Value {
        json!({ "multiplier": self.state.multiplier, "returns_needed": self.rule.window })
    }
}

/// One symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slot {
    track: CloseTrack,
    tracked: Tracked,
    feature: Option<FeatureId>,
    /// Since the last session close.
    decided: Option<Decided>,
    /// Age of the feature in days when it was too old to be used.
    stale: Option<f64>,
    /// What was said of it since then.
    #[serde(skip)]
    said: Option<Adjustment>,
}

/// The multiplier of every symbol's exposure, refreshed at every session close.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VolTargetOverlay {
    params: RiskVolTargetParams,
    rule: Rule,
    slots: SymbolMap<Slot>,
    /// Mean forecast and multiplier of the symbols held at the last session close (of all, when none is held).
    charted: Option<(f64, f64)>,
}

impl VolTargetOverlay {
    /// The overlay with these parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &RiskVolTargetParams) -> Result<Self, Invalid> {
        Ok(Self { rule: p.build()?.rule, params: p.clone(), slots: SymbolMap::default(), charted: None })
    }
    fn slot(&mut self, symbol: Symbol) -> &mut Slot {
        let p = &self.params;
        self.slots.get_or_insert_with(symbol, || Slot {
            track: CloseTrack::default(),
            tracked: Tracked::new(p.forecast, p.lambda, p.window),
            feature: feature(&p.feature, symbol.as_str()),
            decided: None,
            stale: None,
            said: None,
        })
    }
    fn close(&mut self, view: &View<'_>) {
        let max_age = Span::from_nanos((self.params.max_age_days * Span::DAY.nanos() as f64) as i64);
        let (mut all, mut held) = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0));
        for (symbol, s) in self.slots.iter_mut() {
            s.said = None;
            if let Some(r) = s.track.end() {
                s.tracked.push(r);
            }
            let published = s.feature.and_then(|f| view.features.get(f));
            let age = published.map(|(_, t)| view.now.since(t));
            let given = published.filter(|(v, _)| *v >= 0.0 && age.is_some_and(|a| a <= max_age)).map(|(v, _)| v);
            s.stale = age.filter(|a| *a > max_age).map(Span::days);
            s.decided = s.tracked.decide(&self.rule, given);
            if let Some(d) = s.decided {
                let add = |(n, f, m): (f64, f64, f64)| (n + 1.0, f + d.forecast, m + d.multiplier);
                all = add(all);
                if view.portfolio.position(symbol).is_some() {
                    held = add(held);
                }
            }
        }
        let (n, f, m) = if held.0 > 0.0 { held } else { all };
        self.charted = (n > 0.0).then(|| (f / n, m / n));
    }
}

impl Plugin for VolTargetOverlay {
    fn id(&self) -> &'static str {
        RiskVolTargetParams::ID
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::BAR | Kinds::SESSION_CLOSE)
    }
    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), BadInput> {
        match (&event.data, event.symbol) {
            (MarketData::Bar(bar), Some(symbol)) => {
                self.slot(symbol).track.close(bar.close.to_f64());
            }
            (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(symbol)) => {
                if let Some(old) = self.slots.remove(symbol) {
                    let s = self.slot(*to);
                    *s = Slot { feature: s.feature, said: None, ..old };
                }
            }
            (MarketData::CorporateAction(action), Some(symbol)) => {
                if let Some(s) = self.slots.get_mut(symbol) {
                    s.track.action(action);
                }
            }
            (MarketData::SessionClose, _) => self.close(view),
            _ => {}
        }
        Ok(())
    }
    fn metrics(&self, out: &mut Metrics) {
        if let Some((forecast, multiplier)) = self.charted {
            out.push(("vol_forecast", forecast));
            out.push(("vol_multiplier", multiplier));
        }
    }
}

impl Overlay for VolTargetOverlay {
    fn exposure(&mut self, symbol: Symbol, _view: &View<'_>) -> Adjustment {
        let p = &self.params;
        let Some(s) = self.slots.get_mut(symbol) else {
            return Adjustment::new(Adjust::Scale(p.unknown), "no bars yet, so no volatility forecast");
        };
        if let Some(said) = &s.said {
            return said.clone();
        }
        let Some(d) = s.decided else {
            let n = s.tracked.returns(&self.rule);
            // A feature may have come and gone before there were enough returns: exposure does not rise for that.
            let multiplier = s.tracked.multiplier.map_or(p.unknown, |m| m.min(p.unknown));
            return Adjustment::new(Adjust::Scale(multiplier), format!("{n} of {} returns: no forecast yet", p.window))
                .with("returns", n as f64);
        };
        let source = match (d.source, p.forecast, s.feature, s.stale) {
            (Forecast::Feature, _, Some(f), _) => f.as_str().split('.').next().unwrap_or("feature").to_owned(),
            (_, Forecast::Feature, _, Some(days)) => format!("ewma: the feature is {days:.1} days old"),
            (_, Forecast::Feature, _, None) => "ewma: the feature is missing".to_owned(),
            (Forecast::Rolling, ..) => "rolling".to_owned(),
            _ => "ewma".to_owned(),
        };
        let reason = format!("forecast {:.1} % ({source}) against {:.0} %", 100.0 * d.forecast, 100.0 * p.target);
        let a = Adjustment::new(Adjust::Scale(d.multiplier), reason)
            .with("forecast", d.forecast)
            .with("target", p.target)
            .with("wanted", d.wanted);
        s.said.insert(a).clone()
    }
}

/// The plugin's entry in the registry.
pub const PLUGIN: PluginInfo = PluginInfo {
    overlay: Some(|v| Ok(Box::new(VolTargetOverlay::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<RiskVolTargetParams>(
        0,
        "Scales exposure so that its forecast volatility meets a target, with a cap and a dead band against turnover.",
        "RiskMetrics (1996), Technical Document; Moreira & Muir (2017), Volatility-managed portfolios",
    )
    .with_table::<RiskVolTargetParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let p = RiskVolTargetParams {
            forecast: Forecast::Rolling,
            window: 2,
            target: 0.1,
            periods_per_year: 50.0,
            ..Default::default()
        };
        let mut v = p.build().unwrap();
        let mut go =
            |close| v.update(&RiskVolTargetIn { close, volatility: None }).unwrap().map(|o| (o.forecast, o.multiplier));
        assert_eq!((go(100.0), go(101.0)), (None, None));
        // Returns 0.01, -0.01: standard deviation 0.01 sqrt 2, times sqrt 50 is 0.1; then -0.01, 0.01 and 0.012, inside the band.
        let (f, m) = go(99.99).unwrap();
        assert!((f - 0.1).abs() < 1e-12 && (m - 1.0).abs() < 1e-12);
        let (f, same) = go(99.99 * 1.012).unwrap();
        assert!((f - 0.11).abs() < 1e-12 && same == m, "{f} {same}");
        // Returns 0.012 and -0.012: 0.12, beyond the band.
        let (f, m) = go(99.99 * 1.012 * 0.988).unwrap();
        assert!((f - 0.12).abs() < 1e-12 && (m - 0.1 / 0.12).abs() < 1e-12);
        // No variation at all: the cap.
        let close = 99.99 * 1.012 * 0.988;
        go(close);
        assert_eq!(go(close), Some((0.0, 1.5)));
    }
}
