//! Exposure by the level of the VIX: four regimes with hysteresis, minimum dwell and the term structure's warning.

mod overlay;
mod trailing;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, Symbol, parse_params};

pub use overlay::AlphaVixRegimeOverlay;
use trailing::Trailing;

/// How worried the market is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum VixRegime {
    /// Below the first threshold.
    Low,
    /// From the first to below the second.
    Normal,
    /// From the second to below the third.
    Elevated,
    /// From the third.
    Crisis,
}

impl VixRegime {
    /// 0 for LOW to 3 for CRISIS.
    pub fn level(self) -> u8 {
        match self {
            Self::Low => 0,
            Self::Normal => 1,
            Self::Elevated => 2,
            Self::Crisis => 3,
        }
    }
    /// The regime of a level of the VIX between ascending thresholds; a threshold belongs to the regime above it.
    fn of(vix: f64, [normal, elevated, crisis]: [f64; 3]) -> Self {
        if vix >= crisis {
            Self::Crisis
        } else if vix >= elevated {
            Self::Elevated
        } else if vix >= normal {
            Self::Normal
        } else {
            Self::Low
        }
    }
    /// One regime up, when `yes`.
    fn raised(self, yes: bool) -> Self {
        match self {
            r if !yes => r,
            Self::Low => Self::Normal,
            Self::Normal => Self::Elevated,
            Self::Elevated | Self::Crisis => Self::Crisis,
        }
    }
}

impl fmt::Display for VixRegime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "LOW",
            Self::Normal => "NORMAL",
            Self::Elevated => "ELEVATED",
            Self::Crisis => "CRISIS",
        })
    }
}

/// Where the thresholds come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VixThresholds {
    /// The levels `normal_at`, `elevated_at` and `crisis_at`.
    Fixed,
    /// Quantiles of the VIX over the sessions before.
    Quantile,
}

/// Regime of the VIX and the exposure multiplier that goes with it.
///
/// LOW < `normal_at` <= NORMAL < `elevated_at` <= ELEVATED < `crisis_at` <= CRISIS, in index points (20 means 20 % a year), one
/// observation a session. With T_k the threshold of regime k:
///
/// - **Up at once**: a level at or above T_k raises the regime to k in the same session, whatever the dwell. Danger does not wait.
/// - **Term structure**: while VIX / VIX3M > `term_ratio` the regime is one higher (at most CRISIS). Without a VIX3M the rule rests.
/// - **Down slowly**: the regime falls to the lowest k that has VIX + `hysteresis` < T_{k+1} (raised by the term rule), and only
///   after `min_dwell` sessions in the present one; it may fall by several regimes in one session.
///
/// Thresholds are fixed, or linear-interpolation quantiles (Hyndman & Fan 1996, type 7; `numpy.quantile`) of the
/// `quantile_window` observations before the present one. While there are fewer, or when the quantiles do not differ from each
/// other, the fixed ones serve, so that there is protection from the first session.
///
/// Input: `vix` and, when known, `vix3m`, both above zero. Output: the regime, its `multiplier`, the sessions it has lasted and the
/// thresholds used. Warm-up: none.
///
/// Source: Whaley (2009), Understanding the VIX, J. Portfolio Management 35(3), 98-105; the thresholds and multipliers are
/// practitioners' conventions, not estimates.
///
/// ```
/// use tradewind_alpha::plugins::alpha_vix_regime::{AlphaVixRegimeIn, AlphaVixRegimeParams, VixRegime::*};
/// use tradewind_core_types::{Online, Params};
/// let mut r = AlphaVixRegimeParams { min_dwell: 2, ..Default::default() }.build()?;
/// // 25 is ELEVATED; 24.6 is within half a point of it; 24.4 is not; 35 is CRISIS, which lasts two sessions at least.
/// for (vix, regime, multiplier) in
///     [(25.0, Elevated, 0.7), (24.6, Elevated, 0.7), (24.4, Normal, 1.0), (35.0, Crisis, 0.3), (14.0, Crisis, 0.3), (14.0, Low, 1.2)]
/// {
///     let out = r.update(&AlphaVixRegimeIn { vix, vix3m: None })?.expect("no warm-up");
///     assert_eq!((out.regime, out.multiplier), (regime, multiplier));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlphaVixRegimeParams {
    /// The index whose levels are followed.
    pub symbol: String,
    /// The three-month index for the term-structure rule; absent: no such rule in the overlay.
    pub term_symbol: Option<String>,
    /// `fixed` levels or trailing `quantile` thresholds.
    pub thresholds: VixThresholds,
    /// NORMAL from this level, index points, above 0.
    pub normal_at: f64,
    /// ELEVATED from this level, index points, above `normal_at`.
    pub elevated_at: f64,
    /// CRISIS from this level, index points, above `elevated_at`.
    pub crisis_at: f64,
    /// Observations the quantiles are taken of, 20 to 5040 (504 sessions are two years); used by `quantile`.
    pub quantile_window: usize,
    /// NORMAL from this quantile, in (0, 1); used by `quantile`.
    pub normal_quantile: f64,
    /// ELEVATED from this quantile, above `normal_quantile` and below 1; used by `quantile`.
    pub elevated_quantile: f64,
    /// CRISIS from this quantile, above `elevated_quantile` and below 1; used by `quantile`.
    pub crisis_quantile: f64,
    /// How far below a threshold the VIX must be to leave the regime downwards, index points, 0 to 20.
    pub hysteresis: f64,
    /// Sessions a regime lasts at least before a better one may follow, 1 to 252; never delays a worse one.
    pub min_dwell: u32,
    /// VIX / VIX3M above this moves one regime up, above 0 and at most 10.
    pub term_ratio: f64,
    /// Multiplier in LOW, at least that of NORMAL and at most 10.
    pub low_multiplier: f64,
    /// Multiplier in NORMAL, at least that of ELEVATED.
    pub normal_multiplier: f64,
    /// Multiplier in ELEVATED, at least that of CRISIS.
    pub elevated_multiplier: f64,
    /// Multiplier in CRISIS, at least 0.
    pub crisis_multiplier: f64,
    /// Days of 24 hours after which the last VIX is too old to raise exposure: the multiplier is then at most 1. Above 0 and at
    /// most 365. Four days span a weekend with a holiday.
    pub max_age_days: f64,
}

impl Default for AlphaVixRegimeParams {
    fn default() -> Self {
        Self {
            symbol: "VIX".into(),
            term_symbol: Some("VIX3M".into()),
            thresholds: VixThresholds::Fixed,
            normal_at: 15.0,
            elevated_at: 25.0,
            crisis_at: 35.0,
            quantile_window: 504,
            normal_quantile: 0.35,
            elevated_quantile: 0.80,
            crisis_quantile: 0.95,
            hysteresis: 0.5,
            min_dwell: 5,
            term_ratio: 1.0,
            low_multiplier: 1.2,
            normal_multiplier: 1.0,
            elevated_multiplier: 0.7,
            crisis_multiplier: 0.3,
            max_age_days: 4.0,
        }
    }
}

impl AlphaVixRegimeParams {
    fn symbols(&self) -> Result<(Symbol, Option<Symbol>), Invalid> {
        let mut bad = Invalid::default();
        let mut parse = |field: &str, text: &str| match Symbol::new(text) {
            Ok(s) => Some(s),
            Err(e) => {
                bad.require(false, field, format!("{text:?}"), &e.expected);
                None
            }
        };
        let vix = parse("symbol", &self.symbol);
        let term = self.term_symbol.as_ref().and_then(|t| parse("term_symbol", t));
        if let (Some(a), Some(b)) = (vix, term) {
            bad.require(a != b, "term_symbol", b, "another index than `symbol`");
        }
        match vix {
            Some(vix) => bad.into_result((vix, term)),
            None => Err(bad),
        }
    }
}

impl Params for AlphaVixRegimeParams {
    const ID: &'static str = "alpha_vix_regime";
    type Built = AlphaVixRegime;
    fn build(&self) -> Result<AlphaVixRegime, Invalid> {
        let mut bad = Invalid::default();
        let above = |x: f64, floor: f64| x.is_finite() && x > floor;
        bad.require(above(self.normal_at, 0.0), "normal_at", self.normal_at, "above 0");
        bad.require(above(self.elevated_at, self.normal_at), "elevated_at", self.elevated_at, "above `normal_at`");
        bad.require(above(self.crisis_at, self.elevated_at), "crisis_at", self.crisis_at, "above `elevated_at`");
        bad.require((20..=5040).contains(&self.quantile_window), "quantile_window", self.quantile_window, "20 to 5040");
        let [a, b, c] = [self.normal_quantile, self.elevated_quantile, self.crisis_quantile];
        bad.require(a > 0.0 && a < 1.0, "normal_quantile", a, "in (0, 1)");
        bad.require(b > a && b < 1.0, "elevated_quantile", b, "above `normal_quantile` and below 1");
        bad.require(c > b && c < 1.0, "crisis_quantile", c, "above `elevated_quantile` and below 1");
        bad.require((0.0..=20.0).contains(&self.hysteresis), "hysteresis", self.hysteresis, "0 to 20");
        bad.require((1..=252).contains(&self.min_dwell), "min_dwell", self.min_dwell, "1 to 252");
        let ratio = self.term_ratio;
        bad.require(ratio > 0.0 && ratio <= 10.0, "term_ratio", ratio, "above 0 and at most 10");
        let [low, normal, elevated, crisis] = self.multipliers();
        // A worse regime never allows more exposure.
        bad.require(low >= normal && low <= 10.0, "low_multiplier", low, "at least that of NORMAL and at most 10");
        bad.require(normal >= elevated, "normal_multiplier", normal, "at least that of ELEVATED");
        bad.require(elevated >= crisis, "elevated_multiplier", elevated, "at least that of CRISIS");
        bad.require(crisis >= 0.0, "crisis_multiplier", crisis, "at least 0");
        let age = self.max_age_days;
        bad.require(age > 0.0 && age <= 365.0, "max_age_days", age, "above 0 and at most 365");
        bad.absorb(self.symbols());
        bad.into_result(())?;
        let trailing =
            (self.thresholds == VixThresholds::Quantile).then(|| Trailing::new(self.quantile_window, [a, b, c]));
        Ok(AlphaVixRegime {
            fixed: [self.normal_at, self.elevated_at, self.crisis_at],
            multipliers: self.multipliers(),
            hysteresis: self.hysteresis,
            min_dwell: self.min_dwell,
            term_ratio: self.term_ratio,
            trailing,
            state: None,
        })
    }
}

impl AlphaVixRegimeParams {
    fn multipliers(&self) -> [f64; 4] {
        [self.low_multiplier, self.normal_multiplier, self.elevated_multiplier, self.crisis_multiplier]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct State {
    regime: VixRegime,
    /// Sessions counted in it, the one of the last update included.
    sessions: u32,
}

/// The calculator: see [`AlphaVixRegimeParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AlphaVixRegime {
    fixed: [f64; 3],
    multipliers: [f64; 4],
    hysteresis: f64,
    min_dwell: u32,
    term_ratio: f64,
    trailing: Option<Trailing>,
    state: Option<State>,
}

/// One session.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AlphaVixRegimeIn {
    /// Level of the VIX, index points, above zero.
    pub vix: f64,
    /// Level of the three-month VIX of the same session, when known, above zero.
    pub vix3m: Option<f64>,
}

/// The regime and what it was judged by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AlphaVixRegimeOut {
    /// LOW, NORMAL, ELEVATED or CRISIS.
    pub regime: VixRegime,
    /// The same as a number, 0 to 3.
    pub level: u8,
    /// Exposure multiplier, at least 0.
    pub multiplier: f64,
    /// Sessions it has lasted, this one included.
    pub sessions_in_regime: u32,
    /// Whether the term structure was inverted, which moves one regime up.
    pub inverted: bool,
    /// Whether the thresholds are trailing quantiles.
    pub from_quantiles: bool,
    /// Threshold of NORMAL, index points.
    pub normal_at: f64,
    /// Threshold of ELEVATED, index points.
    pub elevated_at: f64,
    /// Threshold of CRISIS, index points.
    pub crisis_at: f64,
}

impl AlphaVixRegime {
    /// The thresholds in force and whether they are quantiles.
    fn thresholds(&self) -> ([f64; 3], bool) {
        match self.trailing.as_ref().and_then(Trailing::thresholds) {
            Some(at) => (at, true),
            None => (self.fixed, false),
        }
    }
    /// A level within a session: may raise the regime, never lowers it, and is not counted as a session.
    ///
    /// # Errors
    /// Unless the level is finite and above zero.
    pub fn glance(&mut self, vix: f64) -> Result<VixRegime, BadInput> {
        let vix = BadInput::positive("vix", vix)?;
        let seen = VixRegime::of(vix, self.thresholds().0);
        let regime = match self.state {
            Some(s) if s.regime >= seen => s.regime,
            _ => {
                self.state = Some(State { regime: seen, sessions: 0 });
                seen
            }
        };
        Ok(regime)
    }
    /// The regime so far.
    pub fn regime(&self) -> Option<VixRegime> {
        self.state.map(|s| s.regime)
    }
    /// The multiplier of a regime.
    pub fn multiplier(&self, regime: VixRegime) -> f64 {
        let [low, normal, elevated, crisis] = self.multipliers;
        match regime {
            VixRegime::Low => low,
            VixRegime::Normal => normal,
            VixRegime::Elevated => elevated,
            VixRegime::Crisis => crisis,
        }
    }
}

impl Online for AlphaVixRegime {
    type In = AlphaVixRegimeIn;
    type Out = AlphaVixRegimeOut;
    fn update(&mut self, x: &AlphaVixRegimeIn) -> Result<Option<AlphaVixRegimeOut>, BadInput> {
        let vix = BadInput::positive("vix", x.vix)?;
        let vix3m = x.vix3m.map(|v| BadInput::positive("vix3m", v)).transpose()?;
        let (at, from_quantiles) = self.thresholds();
        let inverted = vix3m.is_some_and(|three| vix > self.term_ratio * three);
        let seen = VixRegime::of(vix, at).raised(inverted);
        let state = match self.state {
            Some(s) if seen <= s.regime => {
                let reached = VixRegime::of(vix + self.hysteresis, at).raised(inverted);
                if reached < s.regime && s.sessions >= self.min_dwell {
                    State { regime: reached, sessions: 1 }
                } else {
                    State { sessions: s.sessions.saturating_add(1), ..s }
                }
            }
            _ => State { regime: seen, sessions: 1 },
        };
        self.state = Some(state);
        if let Some(t) = &mut self.trailing {
            t.push(vix);
        }
        let [normal_at, elevated_at, crisis_at] = at;
        Ok(Some(AlphaVixRegimeOut {
            regime: state.regime,
            level: state.regime.level(),
            multiplier: self.multiplier(state.regime),
            sessions_in_regime: state.sessions,
            inverted,
            from_quantiles,
            normal_at,
            elevated_at,
            crisis_at,
        }))
    }
    fn warmup(&self) -> usize {
        0
    }
}

/// The registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    overlay: Some(|v| Ok(Box::new(AlphaVixRegimeOverlay::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<AlphaVixRegimeParams>(
        0,
        "Exposure by the level of the VIX: four regimes with hysteresis, dwell and the term structure's warning.",
        "Whaley (2009), Understanding the VIX",
    )
    .with_table::<AlphaVixRegimeParams>()
};

#[cfg(test)]
mod tests {
    use super::VixRegime::*;
    use super::*;

    fn run(p: &AlphaVixRegimeParams, vix: &[f64]) -> Vec<(VixRegime, u32)> {
        let xs: Vec<_> = vix.iter().map(|v| AlphaVixRegimeIn { vix: *v, vix3m: None }).collect();
        let out = p.build().unwrap().batch(&xs).unwrap();
        out.into_iter().flatten().map(|o| (o.regime, o.sessions_in_regime)).collect()
    }

    #[test]
    fn thresholds_belong_to_the_regime_above() {
        let p = AlphaVixRegimeParams { hysteresis: 0.0, min_dwell: 1, ..Default::default() };
        let got = run(&p, &[14.99, 15.0, 24.99, 25.0, 34.99, 35.0, 90.0, 9.0]);
        let regimes: Vec<_> = got.iter().map(|o| o.0).collect();
        assert_eq!(regimes, [Low, Normal, Normal, Elevated, Elevated, Crisis, Crisis, Low]);
    }

    #[test]
    fn worse_comes_at_once_and_better_after_the_dwell() {
        let p = AlphaVixRegimeParams { min_dwell: 3, ..Default::default() };
        let got = run(&p, &[14.0, 20.0, 36.0, 14.0, 14.0, 14.0, 14.0, 16.0]);
        let want = [(Low, 1), (Normal, 1), (Crisis, 1), (Crisis, 2), (Crisis, 3), (Low, 1), (Low, 2), (Normal, 1)];
        assert_eq!(got, want);
    }

    #[test]
    fn the_term_structure_moves_one_regime_up() {
        let mut r = AlphaVixRegimeParams { min_dwell: 1, ..Default::default() }.build().unwrap();
        let mut step = |vix, vix3m| r.update(&AlphaVixRegimeIn { vix, vix3m }).unwrap().map(|o| (o.regime, o.inverted));
        assert_eq!(step(20.0, Some(20.0)), Some((Normal, false)));
        assert_eq!(step(20.0, Some(19.0)), Some((Elevated, true)));
        assert_eq!(step(20.0, None), Some((Normal, false)));
        assert_eq!(step(14.0, Some(13.0)), Some((Normal, true)));
        assert_eq!(step(40.0, Some(30.0)), Some((Crisis, true)));
        assert_eq!(step(30.0, Some(29.0)), Some((Crisis, true)));
        assert_eq!(step(30.0, Some(31.0)), Some((Elevated, false)));
    }

    #[test]
    fn a_glance_raises_and_never_lowers() {
        let mut r = AlphaVixRegimeParams::default().build().unwrap();
        assert_eq!(r.glance(20.0).unwrap(), Normal);
        assert_eq!(r.glance(36.0).unwrap(), Crisis);
        assert_eq!(r.glance(12.0).unwrap(), Crisis);
        assert!(r.glance(f64::NAN).is_err());
        // The session that ends at 12 is the first of the crisis.
        let out = r.update(&AlphaVixRegimeIn { vix: 12.0, vix3m: None }).unwrap().unwrap();
        assert_eq!((out.regime, out.sessions_in_regime), (Crisis, 1));
    }
}
