//! The variance risk premium: implied minus realised variance.

mod role;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, Symbol, parse_params, serde_json};
use tradewind_numerics::realised::{Estimator, HarFit, HarRv, Ohlc, RealisedVariance, chi_squared_tail};
use tradewind_numerics::{NumericsError, RollingMoments, math, normal};

pub use role::VrpRole;

/// Variance risk premium: what options charge for the variance of the next month, less the variance there is.
///
/// - `implied` = (VIX/100)^2, `realised` = `periods_per_year` times the variance per session over `window` sessions by
///   `estimator`, `expected` = `realised`, or with `forecast = "har"` the HAR-RV forecast of the mean variance of the next
///   `window` sessions (Corsi 2009), likewise annualised: the ex-ante premium;
/// - `vrp` = implied - expected (annual variance, decimal: 0.01 is the variance of a volatility of 10 %);
/// - `ratio` = 1 - expected/implied, no unit, at most 1;
/// - `z` = (vrp - mean)/sd (ddof 1) over the last `z_window` sessions that have a premium, this one included;
/// - `score` in [-1, 1]: `signal = "ratio"` the ratio, cut off at -1; `signal = "zscore"` tanh(z/2). Long is the side of those
///   who are paid for bearing variance. With `long_only` a negative score becomes 0.
/// - `confidence` in [0, 1]: for the ratio the probability that the premium has the sign that it shows, given that variances
///   are estimated: with v degrees of freedom v s^2/sigma^2 is chi-squared, so P(sigma^2 < implied) = P(X > v s^2/implied)
///   (v = `window` - 1 for close to close, more for the range estimators: `Estimator::degrees_of_freedom`); for HAR
///   Phi(premium / residual deviation of the regression). For the z-score 2 Phi(|z|) - 1, the share of a normal history that
///   lies nearer to its mean.
///
/// `estimator`: close to close is the sample variance of log returns (mean removed, ddof 1), or with `zero_mean` their mean
/// square; Parkinson, Garman-Klass, Rogers-Satchell and Yang-Zhang need open, high and low (formulas: `numerics::realised`). HAR
/// regresses on squared log returns, or on the daily range variance of the estimator (Yang-Zhang: squared jump over night plus
/// Rogers-Satchell).
///
/// Inputs: `vix` in points (20 is 20 %; 0.01 to 10000), empty where not known; prices of the index, above zero. Warm-up: `window` rows for
/// close to close and Yang-Zhang, `window` - 1 for the others; `z` after `z_window` premiums; HAR after 22 + `window` + `har_min`
/// sessions. What is not known yet is empty.
///
/// As an alpha: one signal on `symbol` for each session of `index`, as soon as the session's VIX is known: at the same instant,
/// later (by half a day or `max_age_days` at most), or at the session close with the last VIX if that is not older than `max_age_days`. Without such a
/// VIX there is no new signal. A bar without the prices that the estimator needs is an error, counted by the engine, and the
/// session is skipped. As a filter: signals are multiplied by 0.5 + 0.5 score in the direction of the signal (0.5 - 0.5 score
/// for shorts), the score before `long_only`, so between 0 and 1; they are kept as they are while no premium is known or the
/// last one is older than `hold_days`.
///
/// Sources: Carr & Wu (2009), Variance risk premiums, Review of Financial Studies 22; Bollerslev, Tauchen & Zhou (2009),
/// Expected stock returns and variance risk premia, Review of Financial Studies 22; Corsi (2009), J. Financial Econometrics 7.
///
/// ```
/// use tradewind_alpha::plugins::alpha_vrp::{VrpIn, VrpParams};
/// use tradewind_core_types::{Online, Params};
/// let mut c = VrpParams { window: 2, periods_per_year: 100.0, ..Default::default() }.build()?;
/// // Log returns of 1 and 3 %: their sample variance is 2 (0.01)^2 a session, 0.02 a year of 100 sessions.
/// let mut last = None;
/// for x in [0.0, 0.01, 0.04_f64] {
///     last = c.update(&VrpIn { vix: Some(20.0), open: None, high: None, low: None, close: 100.0 * x.exp() })?;
/// }
/// let out = last.unwrap();
/// assert!((out.realised - 0.02).abs() < 1e-12);
/// // (20/100)^2 - 0.02, and 1 - 0.02/0.04.
/// assert!((out.vrp.unwrap() - 0.02).abs() < 1e-12 && (out.score.unwrap() - 0.5).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VrpParams {
    /// What the signal is on.
    pub symbol: String,
    /// Whose variance is realised: index levels or bars with this symbol.
    pub index: String,
    /// The implied volatility of that index in points: index levels or bars with this symbol.
    pub vix: String,
    /// Sessions of realised variance; 2 to 10000.
    pub window: usize,
    /// How variance is measured.
    pub estimator: VrpEstimator,
    /// Whether close to close takes the mean return as zero.
    pub zero_mean: bool,
    /// What is set against the implied variance: the trailing variance or a forecast.
    pub forecast: VrpForecast,
    /// Most observations in the HAR regression, the last ones; at least `har_min`, at most 100000.
    pub har_window: usize,
    /// Observations before the first HAR regression; 10 to 100000.
    pub har_min: usize,
    /// Sessions between HAR regressions; 1 to 100000.
    pub har_refit: usize,
    /// Premiums in the z-score; 2 to 100000.
    pub z_window: usize,
    /// Sessions a year, to annualise; above zero.
    pub periods_per_year: f64,
    /// From premium to score.
    pub signal: VrpSignal,
    /// Whether negative scores become 0.
    pub long_only: bool,
    /// Greatest age of the VIX set against a level of the index, in days of 24 hours; above zero. Below 1 both are of the same
    /// session. A VIX that comes after its index is at most this much and half a day late.
    pub max_age_days: f64,
    /// A signal that is not renewed ceases to hold after this many days of 24 hours; above zero.
    pub hold_days: f64,
}

/// How variance is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VrpEstimator {
    /// From closes.
    CloseToClose,
    /// From high and low.
    Parkinson,
    /// From open, high, low and close.
    GarmanKlass,
    /// From open, high, low and close, whatever the drift.
    RogersSatchell,
    /// From open, high, low, close and the close before, whatever the drift.
    YangZhang,
}

/// What is set against the implied variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VrpForecast {
    /// The realised variance of the last sessions.
    Trailing,
    /// The HAR-RV forecast for the next sessions.
    Har,
}

/// From premium to score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VrpSignal {
    /// 1 - expected/implied.
    Ratio,
    /// tanh(z/2).
    Zscore,
}

impl Default for VrpParams {
    fn default() -> Self {
        Self {
            symbol: "SPY".into(),
            index: "SPX".into(),
            vix: "VIX".into(),
            window: 21,
            estimator: VrpEstimator::CloseToClose,
            zero_mean: false,
            forecast: VrpForecast::Trailing,
            har_window: 1000,
            har_min: 252,
            har_refit: 21,
            z_window: 252,
            periods_per_year: 252.0,
            signal: VrpSignal::Ratio,
            long_only: true,
            max_age_days: 0.5,
            hold_days: 7.0,
        }
    }
}

const LONGEST: usize = 100_000;

impl Params for VrpParams {
    const ID: &'static str = "alpha_vrp";
    type Built = Vrp;
    fn build(&self) -> Result<Vrp, Invalid> {
        let mut bad = Invalid::default();
        for (field, s) in [("symbol", &self.symbol), ("index", &self.index), ("vix", &self.vix)] {
            bad.require(Symbol::new(s).is_ok(), field, format!("{s:?}"), "a symbol: letters, digits or . _ - / ^ = :");
        }
        bad.require(self.index != self.vix, "vix", &self.vix, "another symbol than the index");
        bad.require((2..=10_000).contains(&self.window), "window", self.window, "2 to 10000");
        bad.require((10..=LONGEST).contains(&self.har_min), "har_min", self.har_min, "10 to 100000");
        let most = self.har_window >= self.har_min && self.har_window <= LONGEST;
        bad.require(most, "har_window", self.har_window, "at least har_min, at most 100000");
        bad.require((1..=LONGEST).contains(&self.har_refit), "har_refit", self.har_refit, "1 to 100000");
        bad.require((2..=LONGEST).contains(&self.z_window), "z_window", self.z_window, "2 to 100000");
        let year = self.periods_per_year > 0.0 && self.periods_per_year.is_finite();
        bad.require(year, "periods_per_year", self.periods_per_year, "a number above 0");
        for (field, x) in [("max_age_days", self.max_age_days), ("hold_days", self.hold_days)] {
            bad.require(x > 0.0 && x <= 36_500.0, field, x, "in (0, 36500]");
        }
        let plain = !self.zero_mean || self.estimator == VrpEstimator::CloseToClose;
        bad.require(plain, "zero_mean", self.zero_mean, "false unless the estimator is close_to_close");
        let estimator = match self.estimator {
            VrpEstimator::CloseToClose if self.zero_mean => Estimator::CloseToCloseZeroMean,
            VrpEstimator::CloseToClose => Estimator::CloseToClose,
            VrpEstimator::Parkinson => Estimator::Parkinson,
            VrpEstimator::GarmanKlass => Estimator::GarmanKlass,
            VrpEstimator::RogersSatchell => Estimator::RogersSatchell,
            VrpEstimator::YangZhang => Estimator::YangZhang,
        };
        bad.into_result(())?;
        Ok(Vrp {
            realised: RealisedVariance::new(estimator, self.window),
            degrees: estimator.degrees_of_freedom(self.window),
            har: (self.forecast == VrpForecast::Har)
                .then(|| Box::new(HarRv::new(self.window, self.har_window, self.har_min, self.har_refit))),
            premiums: RollingMoments::new(self.z_window),
            periods: self.periods_per_year,
            signal: self.signal,
            long_only: self.long_only,
        })
    }
}

/// A session of the index and the implied volatility at its end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VrpIn {
    /// Implied volatility in points, above zero; empty where not known.
    pub vix: Option<f64>,
    /// First level.
    pub open: Option<f64>,
    /// Highest level.
    pub high: Option<f64>,
    /// Lowest level.
    pub low: Option<f64>,
    /// Last level, above zero.
    pub close: f64,
}

/// The premium; see [`VrpParams`] for the formulas. Variances are annual.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VrpOut {
    /// Realised variance over the window.
    pub realised: f64,
    /// The variance set against the implied one: realised or forecast, once there is a forecast.
    pub expected: Option<f64>,
    /// Implied variance.
    pub implied: Option<f64>,
    /// Implied minus expected.
    pub vrp: Option<f64>,
    /// 1 - expected/implied.
    pub ratio: Option<f64>,
    /// Standard deviations of the premium above its mean, once the window is full and unless the premium does not vary.
    pub z: Option<f64>,
    /// The score before `long_only`.
    pub raw_score: Option<f64>,
    /// The score.
    pub score: Option<f64>,
    /// In [0, 1].
    pub confidence: Option<f64>,
}

/// Follows implied and realised variance. Built from [`VrpParams`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vrp {
    realised: RealisedVariance,
    degrees: f64,
    har: Option<Box<HarRv>>,
    premiums: RollingMoments,
    periods: f64,
    signal: VrpSignal,
    long_only: bool,
}

impl Vrp {
    /// Takes a session of the index.
    fn session(&mut self, bar: &Ohlc) -> Result<(), BadInput> {
        let day = self.realised.push(bar).map_err(|e| match e {
            NumericsError::BadValue { what, value, expected, .. } => BadInput::new(what, value.to_string(), expected),
            other => BadInput::new("bar", "unusable", other.to_string()),
        })?;
        if let (Some(har), Some(v)) = (&mut self.har, day) {
            har.push(v);
        }
        Ok(())
    }
    /// The premium at this VIX, which enters the history; `None` while realised variance is warming up.
    fn premium(&mut self, vix: Option<f64>) -> Option<VrpOut> {
        let realised = self.periods * self.realised.variance()?;
        let expected = match &self.har {
            None => Some(realised),
            Some(har) => har.forecast().map(|f| self.periods * f),
        };
        let implied = vix.map(|v| (v / 100.0).powi(2));
        let both = implied.zip(expected);
        let vrp = both.map(|(i, e)| i - e);
        let z = vrp.and_then(|p| {
            self.premiums.push(p);
            self.premiums.is_full().then(|| self.premiums.z_score(p))?
        });
        let ratio = both.map(|(i, e)| 1.0 - e / i);
        let raw_score = match self.signal {
            VrpSignal::Ratio => ratio.map(|r| r.clamp(-1.0, 1.0)),
            VrpSignal::Zscore => z.map(|z| math::tanh(0.5 * z)),
        };
        let confidence = match self.signal {
            VrpSignal::Ratio => both.map(|(i, e)| self.sure(i, e)),
            VrpSignal::Zscore => z.map(|z| (2.0 * normal::cdf(z.abs()) - 1.0).clamp(0.0, 1.0)),
        };
        let score = raw_score.map(|s| if self.long_only { s.max(0.0) } else { s });
        Some(VrpOut { realised, expected, implied, vrp, ratio, z, raw_score, score, confidence })
    }
    /// The probability that the premium has the sign that it shows.
    fn sure(&self, implied: f64, expected: f64) -> f64 {
        let positive = match self.har.as_ref().and_then(|h| h.fit()) {
            Some(fit) => {
                let sd = self.periods * fit.residual_sd;
                // Without any residual there is no doubt.
                if sd > 0.0 { normal::cdf((implied - expected) / sd) } else { f64::from(u8::from(implied > expected)) }
            }
            None => chi_squared_tail(self.degrees, self.degrees * expected / implied),
        };
        if implied >= expected { positive } else { 1.0 - positive }.clamp(0.0, 1.0)
    }
}

/// A level that can be a VIX: beyond it, squares and ratios would leave the range of numbers.
fn points(vix: f64) -> Result<f64, BadInput> {
    let fine = (0.01..=10_000.0).contains(&vix);
    if fine { Ok(vix) } else { Err(BadInput::new("vix", vix.to_string(), "0.01 to 10000 points")) }
}

impl Online for Vrp {
    type In = VrpIn;
    type Out = VrpOut;
    fn update(&mut self, x: &VrpIn) -> Result<Option<VrpOut>, BadInput> {
        let vix = x.vix.map(points).transpose()?;
        self.session(&Ohlc { open: x.open, high: x.high, low: x.low, close: x.close })?;
        Ok(self.premium(vix))
    }
    fn warmup(&self) -> usize {
        self.realised.warmup()
    }
    fn summary(&self) -> serde_json::Value {
        let Some(HarFit { intercept, daily, weekly, monthly, residual_sd, n, .. }) =
            self.har.as_ref().and_then(|h| h.fit())
        else {
            return serde_json::Value::Null;
        };
        serde_json::json!({"har": {"intercept": intercept, "daily": daily, "weekly": weekly, "monthly": monthly,
            "residual_sd": residual_sd, "observations": n}})
    }
}

/// The registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    alpha: Some(|v| Ok(Box::new(VrpRole::new(&parse_params(v)?)?))),
    filter: Some(|v| Ok(Box::new(VrpRole::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<VrpParams>(
        0,
        "Implied minus realised or forecast variance: level, ratio, z-score and signal.",
        "Bollerslev, Tauchen & Zhou (2009), Expected stock returns and variance risk premia; Corsi (2009), HAR-RV",
    )
    .with_table::<VrpParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    fn row(vix: Option<f64>, x: f64) -> VrpIn {
        VrpIn { vix, open: None, high: None, low: None, close: 100.0 * x.exp() }
    }

    #[test]
    fn by_hand() {
        // Mean squares of log returns over 2 sessions, 100 sessions a year.
        let p = VrpParams {
            window: 2,
            zero_mean: true,
            periods_per_year: 100.0,
            z_window: 3,
            long_only: false,
            ..Default::default()
        };
        let mut c = p.build().unwrap();
        assert_eq!(c.update(&row(Some(10.0), 0.0)).unwrap(), None);
        assert_eq!(c.update(&row(Some(10.0), 0.01)).unwrap(), None);
        // Returns 0.01 and 0.01: 100 * 1e-4; implied the same.
        let o = c.update(&row(Some(10.0), 0.02)).unwrap().unwrap();
        assert!((o.realised - 0.01).abs() < 1e-12 && o.vrp.unwrap().abs() < 1e-12 && o.score.unwrap().abs() < 1e-12);
        // A session without VIX: realised variance goes on, nothing else is known.
        let o = c.update(&row(None, 0.05)).unwrap().unwrap();
        assert!((o.realised - 0.05).abs() < 1e-12, "{o:?}");
        assert_eq!((o.implied, o.vrp, o.ratio, o.z, o.score, o.confidence), (None, None, None, None, None, None));
        // Returns 0.03, 0: realised 0.045 against 0.04: -0.125.
        let o = c.update(&row(Some(20.0), 0.05)).unwrap().unwrap();
        assert!((o.score.unwrap() + 0.125).abs() < 1e-12 && o.z.is_none(), "{o:?}");
        // With 2 degrees of freedom P(X > 2 * 0.045/0.04) = exp(-1.125) is for a positive premium, this one is negative.
        assert!((o.confidence.unwrap() - (1.0 - (-1.125_f64).exp())).abs() < 1e-12);
        // Returns 0, 0.02: 0.02 against 0.0225. Premiums 0, -0.005, 0.0025 have mean -0.0025/3.
        let o = c.update(&row(Some(15.0), 0.07)).unwrap().unwrap();
        let m: f64 = -0.0025 / 3.0;
        let sd = ((m * m + (0.005 + m).powi(2) + (0.0025 - m).powi(2)) / 2.0).sqrt();
        assert!((o.z.unwrap() - (0.0025 - m) / sd).abs() < 1e-9, "{o:?}");
    }

    #[test]
    fn the_default_speaks_as_soon_as_21_returns_and_a_vix_are_known() {
        let mut c = VrpParams::default().build().unwrap();
        let inputs: Vec<_> = (0..22).map(|i| row((i == 21).then_some(20.0), 0.01 * f64::from(i % 2))).collect();
        let outs = c.batch(&inputs).unwrap();
        assert!(outs[..21].iter().all(Option::is_none));
        let o = outs[21].unwrap();
        assert!(o.score.is_some() && o.confidence.is_some() && o.z.is_none());
    }

    #[test]
    fn long_only_and_zscore() {
        let p = VrpParams { window: 2, z_window: 2, signal: VrpSignal::Zscore, ..Default::default() };
        let mut c = p.build().unwrap();
        let inputs = [row(None, 0.0), row(None, 0.01), row(Some(20.0), 0.03), row(Some(15.0), 0.04)];
        let outs = c.batch(&inputs).unwrap();
        assert_eq!(outs[2].unwrap().score, None);
        let o = outs[3].unwrap();
        // Of two values the smaller lies sqrt(1/2) below the mean.
        let z = -0.5_f64.sqrt();
        assert!((o.z.unwrap() - z).abs() < 1e-12 && (o.raw_score.unwrap() - (z / 2.0).tanh()).abs() < 1e-12);
        assert_eq!(o.score, Some(0.0));
        assert!((o.confidence.unwrap() - (1.0 - 2.0 * normal::cdf(z))).abs() < 1e-12);
    }

    #[test]
    fn a_level_that_can_be_no_vix_is_refused_and_changes_nothing() {
        for vix in [1e300, 1e-300, 0.0, -20.0, f64::INFINITY, f64::NAN, 10_000.1, 0.009] {
            let mut c = VrpParams::default().build().unwrap();
            assert!(c.update(&row(Some(vix), 0.0)).is_err_and(|e| e.what == "vix"), "{vix}");
        }
        let (mut c, mut last) = (VrpParams::default().build().unwrap(), None);
        for i in 0..30_u32 {
            let vix = if i % 2 == 0 { 0.01 } else { 10_000.0 };
            last = c.update(&row(Some(vix), 0.01 * f64::from(i % 3))).unwrap();
        }
        let o = last.unwrap();
        assert!([o.implied, o.vrp, o.ratio, o.score].into_iter().flatten().all(f64::is_finite));
    }

    #[test]
    fn all_violations_are_named() {
        let p = VrpParams {
            symbol: String::new(),
            index: "VIX".into(),
            window: 1,
            estimator: VrpEstimator::Parkinson,
            zero_mean: true,
            har_window: 5,
            har_min: 9,
            har_refit: 0,
            z_window: 1,
            periods_per_year: f64::NAN,
            max_age_days: 0.0,
            hold_days: -1.0,
            ..Default::default()
        };
        let e = p.build().unwrap_err();
        let fields = ["symbol", "vix", "window", "zero_mean", "har_window", "har_min", "har_refit", "z_window"];
        for field in fields.into_iter().chain(["periods_per_year", "max_age_days", "hold_days"]) {
            assert!(e.0.iter().any(|v| v.field == field), "{field}: {e}");
        }
    }
}
