//! Hedges the portfolio's beta exposure with an index fund, by betas that are estimated, shrunk and doubted.

mod betas;
mod rule;

pub use rule::HedgeRule;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, Symbol, parse_params};
use tradewind_numerics::RollingMoments;
use tradewind_numerics::beta::effectiveness;

use betas::{Method, Recent, Tracker};

/// How betas are estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// Least squares over the last `window` returns.
    Ols,
    /// Least squares with exponential weights.
    Ewma,
    /// A beta that follows a random walk (Kalman filter).
    Kalman,
    /// Least squares on the market and its last `lags` returns: the sum of the coefficients.
    Dimson,
}

/// What betas are shrunk towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shrinkage {
    /// Nothing.
    None,
    /// `prior_mean`, with `prior_sd`.
    Fixed,
    /// Mean and standard deviation of all betas known, from five on; `fixed` before that, and in a table.
    CrossSection,
}

/// Whether there is a beta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BetaState {
    /// There is.
    Identified,
    /// Too few returns.
    TooFew,
    /// The market, or what its lags leave of it, does not vary.
    ConstantMarket,
    /// The asset does not vary.
    ConstantAsset,
}

impl BetaState {
    /// In words, for an explanation.
    fn words(self, minimum: usize) -> String {
        match self {
            Self::Identified => "known".into(),
            Self::TooFew => format!("fewer than {minimum} returns"),
            Self::ConstantMarket => "the market does not vary".into(),
            Self::ConstantAsset => "its price does not vary".into(),
        }
    }
}

/// Parameters of `risk_auto_hedge_ratio`.
///
/// Simple total returns y of an asset on those x of the market, both from one session close to the next:
///
/// y_t = alpha + beta x_t + e_t by `ols` (last `window` returns), by `ewma` (weights `lambda`^age), by `kalman` (beta_t =
/// beta_{t-1} + u_t with u of standard deviation `beta_drift`; started by least squares on the first `minimum` returns, noise variance
/// from the innovations), or `dimson` (y on x_t, ..., x_{t-lags}: the sum of the coefficients; leads are not known in time).
/// Each has a standard error s. Shrunk (Vasicek) with prior mean m and deviation d: beta' = (d^2 beta + s^2 m) / (d^2 + s^2).
///
/// As a rule (phase Hedge): exposure E = sum of w_i beta_i over all targets, the hedge's own included (the market's beta is 1). The hedge
/// takes E to `target`, but only ever towards zero and never across: aim a = `target` limited to between 0 and E;
///
/// quantity = -(E - a) / beta_hedge x equity / price, in size at most `cap` x equity / price, rounded towards zero to whole `lot`s.
///
/// What is hedged already stays while the exposure left, R, is within `dead_band` of the aim, or while a trade is not worth its cost:
/// `risk_aversion` / 2 x `horizon` x market variance x (R^2 - R'^2) <= `cost_bps` / 1e4 x |change of weight|, with the market's
/// variance of a session by RiskMetrics (decay 0.94); but not when it would make |E| larger, nor beyond the cap.
/// A target without a beta is taken to have any beta from 0 to `unknown_beta`, and only what is there for all of these is hedged.
/// There is no hedge without a price of the hedge (at most `max_age_days` old), without equity, or with a hedge whose own beta is not
/// known or below 0.1 in size.
///
/// Table: input `asset` and `market`, closes of the same sessions; output betas with their error, the return hedged with the beta
/// known before it, and the hedge's effectiveness 1 - var(hedged) / var(unhedged) over the last `window` of these. Warm-up: `minimum`
/// rows, and `lags` more with `dimson`.
///
/// Sources: Vasicek (1973), "A note on using cross-sectional information in Bayesian estimation of security betas", Journal of Finance
/// 28(5); Dimson (1979), "Risk measurement when shares are subject to infrequent trading", Journal of Financial Economics 7(2);
/// Ederington (1979), "The hedging performance of the new futures markets", Journal of Finance 34(1); Harvey (1989), "Forecasting,
/// structural time series models and the Kalman filter", chapter 3.
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_risk::plugins::risk_auto_hedge_ratio::{Estimator, RiskAutoHedgeRatioIn, RiskAutoHedgeRatioParams, Shrinkage};
/// let estimator = Estimator::Ols;
/// let params = RiskAutoHedgeRatioParams { estimator, minimum: 5, shrinkage: Shrinkage::None, ..Default::default() };
/// let mut hedge = params.build()?;
/// let (mut asset, mut market, mut last) = (100.0, 100.0, None);
/// for x in [0.0, 0.01, -0.02, 0.01, 0.03, -0.01] {
///     // Twice the market, and one per mille.
///     (asset, market) = (asset * (1.0 + 0.001 + 2.0 * x), market * (1.0 + x));
///     last = hedge.update(&RiskAutoHedgeRatioIn { asset, market })?;
/// }
/// assert!((last.unwrap().beta.unwrap() - 2.0).abs() < 1e-9 && (last.unwrap().alpha.unwrap() - 0.001).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RiskAutoHedgeRatioParams {
    /// What betas are measured against.
    pub market: String,
    /// What the hedge is placed in.
    pub hedge: String,
    /// How betas are estimated.
    pub estimator: Estimator,
    /// Returns of `ols` and `dimson`, memory of the noise variance of `kalman`, and sessions of the effectiveness: 10 to 100,000.
    pub window: usize,
    /// Returns that a beta needs, 5 to `window` (`dimson`: at least `lags` + 4).
    pub minimum: usize,
    /// Decay of `ewma` a session, in (0, 1).
    pub lambda: f64,
    /// Lagged returns of the market in `dimson`: 1 to 5.
    pub lags: usize,
    /// Standard deviation of the change of beta in a session, for `kalman`, in [0, 1].
    pub beta_drift: f64,
    /// What betas are shrunk towards.
    pub shrinkage: Shrinkage,
    /// Beta expected before any return is seen, in [-10, 10].
    pub prior_mean: f64,
    /// Standard deviation of betas around it, in (0, 10].
    pub prior_sd: f64,
    /// Beta exposure aimed at, fraction of equity, in [-10, 10].
    pub target: f64,
    /// Distance from the aim below which the hedge stays, fraction of equity, in [0, 10].
    pub dead_band: f64,
    /// Largest size of the hedge, fraction of equity, in [0, 10].
    pub cap: f64,
    /// Shares that the hedge is a multiple of, in [0, 1e6]; 0 for fractions of a share.
    pub lot: f64,
    /// Cost of trading the hedge, basis points of what is traded, in [0, 1,000].
    pub cost_bps: f64,
    /// Price of variance against return, 0 to 1,000.
    pub risk_aversion: f64,
    /// Sessions that a hedge is expected to stay, above 0 and at most 1,000.
    pub horizon: f64,
    /// Largest beta that a target without one may have, in [0, 10].
    pub unknown_beta: f64,
    /// Age in days of 24 hours beyond which a price of the hedge is not used, above 0 and at most 365.
    pub max_age_days: f64,
}

impl Default for RiskAutoHedgeRatioParams {
    fn default() -> Self {
        Self {
            market: "SPY".into(),
            hedge: "SPY".into(),
            estimator: Estimator::Ewma,
            window: 252,
            minimum: 63,
            lambda: 0.98,
            lags: 1,
            beta_drift: 0.02,
            shrinkage: Shrinkage::Fixed,
            prior_mean: 1.0,
            prior_sd: 0.4,
            target: 0.0,
            dead_band: 0.05,
            cap: 1.0,
            lot: 1.0,
            cost_bps: 1.0,
            risk_aversion: 3.0,
            horizon: 21.0,
            unknown_beta: 1.0,
            max_age_days: 5.0,
        }
    }
}

impl Params for RiskAutoHedgeRatioParams {
    const ID: &'static str = "risk_auto_hedge_ratio";
    type Built = RiskAutoHedgeRatio;

    fn build(&self) -> Result<RiskAutoHedgeRatio, Invalid> {
        let mut bad = Invalid::default();
        for (field, name) in [("market", &self.market), ("hedge", &self.hedge)] {
            bad.require(Symbol::new(name).is_ok(), field, format!("{name:?}"), "a symbol, such as SPY");
        }
        bad.require((10..=100_000).contains(&self.window), "window", self.window, "10 to 100000 sessions");
        let least = if self.estimator == Estimator::Dimson { 5.max(self.lags.min(5) + 4) } else { 5 };
        let fits = (least..=self.window.max(10)).contains(&self.minimum);
        bad.require(fits, "minimum", self.minimum, &format!("{least} returns to as many as the window"));
        bad.require(self.lambda > 0.0 && self.lambda < 1.0, "lambda", self.lambda, "a decay in (0, 1)");
        bad.require((1..=5).contains(&self.lags), "lags", self.lags, "1 to 5");
        bad.require((0.0..=1.0).contains(&self.beta_drift), "beta_drift", self.beta_drift, "a deviation in [0, 1]");
        let beta = |x: f64| (-10.0..=10.0).contains(&x);
        bad.require(beta(self.prior_mean), "prior_mean", self.prior_mean, "a beta in [-10, 10]");
        let sd = self.prior_sd;
        bad.require(sd > 0.0 && sd <= 10.0, "prior_sd", sd, "a deviation in (0, 10]");
        bad.require(beta(self.target), "target", self.target, "a fraction of equity in [-10, 10]");
        let fractions = [("dead_band", self.dead_band), ("cap", self.cap), ("unknown_beta", self.unknown_beta)];
        for (field, x) in fractions {
            bad.require((0.0..=10.0).contains(&x), field, x, "a number in [0, 10]");
        }
        bad.require((0.0..=1e6).contains(&self.lot), "lot", self.lot, "shares in [0, 1e6]");
        bad.require((0.0..=1000.0).contains(&self.cost_bps), "cost_bps", self.cost_bps, "basis points in [0, 1000]");
        let g = self.risk_aversion;
        bad.require((0.0..=1000.0).contains(&g), "risk_aversion", g, "a number in [0, 1000]");
        let h = self.horizon;
        bad.require(h > 0.0 && h <= 1000.0, "horizon", h, "sessions, above 0 and at most 1000");
        let age = self.max_age_days;
        bad.require(age > 0.0 && age <= 365.0, "max_age_days", age, "days, above 0 and at most 365");
        let method = Method::new(self);
        bad.into_result(RiskAutoHedgeRatio {
            tracker: Tracker::new(&method),
            recent: Recent::default(),
            previous: None,
            returns: 0,
            beta: None,
            unhedged: RollingMoments::new(method.window),
            hedged: RollingMoments::new(method.window),
            method,
        })
    }
}

/// What a hedge is decided by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HedgeTerms {
    target: f64,
    dead_band: f64,
    cap: f64,
    lot: f64,
    cost_bps: f64,
    risk_aversion: f64,
    horizon: f64,
}

/// A decision on the hedge's weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HedgeDecision {
    /// Weight of the hedge wanted, before rounding to lots.
    pub weight: f64,
    /// Whether what is hedged already stays instead.
    pub keep: bool,
    /// Why it stays.
    pub why: &'static str,
    /// The exposure aimed at.
    pub aim: f64,
    /// Whether the cap limits the weight.
    pub capped: bool,
    /// What the trade is expected to be worth, fraction of equity, in certain return.
    pub benefit: f64,
}

impl HedgeTerms {
    /// Those of the parameters.
    pub fn of(p: &RiskAutoHedgeRatioParams) -> Self {
        Self {
            target: p.target,
            dead_band: p.dead_band,
            cap: p.cap,
            lot: p.lot,
            cost_bps: p.cost_bps,
            risk_aversion: p.risk_aversion,
            horizon: p.horizon,
        }
    }
    /// Decides: `exposure` without the hedge, `beta` of the hedge (not zero), the weight `held` of it, and the variance of the
    /// market's return over a session, without which the dead band decides alone.
    pub fn decide(&self, exposure: f64, beta: f64, held: f64, variance: Option<f64>) -> HedgeDecision {
        let aim = self.target.clamp(exposure.min(0.0), exposure.max(0.0));
        let wanted = -(exposure - aim) / beta;
        let weight = wanted.clamp(-self.cap, self.cap);
        let (now, then) = (exposure + beta * held - aim, exposure + beta * weight - aim);
        let value = |v: f64| 0.5 * self.risk_aversion * self.horizon * v * (now * now - then * then);
        let benefit = variance.map(value);
        let cost = 1e-4 * self.cost_bps * (weight - held).abs();
        let may_stay = (exposure + beta * held).abs() <= exposure.abs() && held.abs() <= self.cap;
        let why = if now.abs() <= self.dead_band {
            "within the dead band"
        } else if benefit.is_some_and(|b| b <= cost) {
            "a change is not worth its cost"
        } else {
            ""
        };
        let keep = may_stay && !why.is_empty();
        HedgeDecision { weight, keep, why, aim, capped: wanted.abs() > self.cap, benefit: benefit.unwrap_or(0.0) }
    }
}

/// Signed shares for a weight, rounded towards zero to whole lots (to a billionth of a share when `lot` is 0).
pub fn shares(weight: f64, price: f64, equity: f64, lot: f64) -> f64 {
    let lot = if lot > 0.0 { lot } else { 1e-9 };
    let lots = (weight.abs() * equity / price / lot * (1.0 + 1e-12)).floor();
    if lots.is_finite() && lots > 0.0 { (lots * lot).copysign(weight) } else { 0.0 }
}

/// Sum of weights times betas.
pub fn beta_exposure(weights: &[f64], betas: &[f64]) -> f64 {
    weights.iter().zip(betas).map(|(w, b)| w * b).sum()
}

/// Closes of one session.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskAutoHedgeRatioIn {
    /// Close of the asset, above 0.
    pub asset: f64,
    /// Close of the market, above 0.
    pub market: f64,
}

/// What is known after this session.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskAutoHedgeRatioOut {
    /// Beta after shrinkage: the share of the market to sell against the asset.
    pub beta: Option<f64>,
    /// Its standard deviation.
    pub beta_sd: Option<f64>,
    /// Beta as estimated.
    pub raw: Option<f64>,
    /// Standard error of the estimate.
    pub se: Option<f64>,
    /// Intercept, return a session.
    pub alpha: Option<f64>,
    /// Share of the asset's variance explained, in [0, 1].
    pub r2: Option<f64>,
    /// Whether there is a beta, or why not.
    pub state: BetaState,
    /// The asset's return of this session less the market's times the beta known before it.
    pub hedged: Option<f64>,
    /// 1 - var(hedged) / var(unhedged) out of sample, once `minimum` hedged returns are known.
    pub effectiveness: Option<f64>,
}

/// Beta and hedge of one asset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RiskAutoHedgeRatio {
    method: Method,
    tracker: Tracker,
    recent: Recent,
    previous: Option<(f64, f64)>,
    /// Returns seen, up to those needed.
    returns: usize,
    beta: Option<f64>,
    unhedged: RollingMoments,
    hedged: RollingMoments,
}

impl Online for RiskAutoHedgeRatio {
    type In = RiskAutoHedgeRatioIn;
    type Out = RiskAutoHedgeRatioOut;

    fn update(&mut self, x: &RiskAutoHedgeRatioIn) -> Result<Option<RiskAutoHedgeRatioOut>, BadInput> {
        let now = (BadInput::positive("asset", x.asset)?, BadInput::positive("market", x.market)?);
        let Some((asset, market)) = self.previous else {
            self.previous = Some(now);
            return Ok(None);
        };
        let (y, r) = (now.0 / asset - 1.0, now.1 / market - 1.0);
        // A price cannot grow ten-thousandfold in a session, and squares must stay finite.
        for (what, r, price) in [("asset", y, now.0), ("market", r, now.1)] {
            if r.is_nan() || r > 1e4 {
                return Err(BadInput::new(what, price.to_string(), "a price near the one before"));
            }
        }
        self.previous = Some(now);
        self.recent.push(Some(r));
        self.tracker.push(y, &self.recent, &self.method);
        self.returns = (self.returns + 1).min(self.warmup());
        let hedged = self.beta.map(|b| y - b * r);
        if let Some(h) = hedged {
            self.unhedged.push(y);
            self.hedged.push(h);
        }
        if self.returns < self.warmup() {
            return Ok(None);
        }
        let estimate = self.tracker.estimate(&self.method);
        let state = betas::state(&estimate);
        let raw = estimate.ok();
        let beta = raw.map(|b| self.method.shrink(&b, None));
        self.beta = beta.map(|b| b.0);
        let enough = self.hedged.window().len() >= self.method.minimum;
        let variances = self.unhedged.variance().zip(self.hedged.variance()).filter(|_| enough);
        Ok(Some(RiskAutoHedgeRatioOut {
            beta: self.beta,
            beta_sd: beta.map(|b| b.1),
            raw: raw.map(|b| b.beta),
            se: raw.map(|b| b.se),
            alpha: raw.map(|b| b.alpha),
            r2: raw.map(|b| b.r2),
            state,
            hedged,
            effectiveness: variances.and_then(|(u, h)| effectiveness(u, h)),
        }))
    }
    fn warmup(&self) -> usize {
        self.method.minimum + self.method.lags
    }
    fn summary(&self) -> Value {
        let variances = self.unhedged.variance().zip(self.hedged.variance());
        json!({ "beta": self.beta, "effectiveness": variances.and_then(|(u, h)| effectiveness(u, h)) })
    }
}

/// The plugin's entry in the registry.
pub const PLUGIN: PluginInfo = PluginInfo {
    rule: Some(|v| Ok(Box::new(HedgeRule::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<RiskAutoHedgeRatioParams>(
        2,
        "Hedges the portfolio's beta exposure with an index fund, by betas that are estimated, shrunk and doubted.",
        "Vasicek (1973), A note on using cross-sectional information in Bayesian estimation of security betas; Dimson (1979); Ederington (1979)",
    )
    .with_table::<RiskAutoHedgeRatioParams>()
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decisions_by_hand() {
        let p = RiskAutoHedgeRatioParams { dead_band: 0.1, cost_bps: 10.0, ..Default::default() };
        let t = HedgeTerms::of(&p);
        let v = Some(1e-4);
        // 0.8 of exposure, a hedge of beta 2: 0.4 short. Worth 3/2 x 21 x 1e-4 x 0.64, costs 0.4 x 10 bp.
        let d = t.decide(0.8, 2.0, 0.0, v);
        assert_eq!((d.weight, d.keep, d.aim, d.capped), (-0.4, false, 0.0, false));
        assert!((d.benefit - 0.002_016).abs() < 1e-12);
        // 0.3 short of beta 2 leaves 0.2: worth 0.000126, costs 0.0001. At 20 bp it is not worth it.
        assert!(!t.decide(0.8, 2.0, -0.3, v).keep);
        let dear = HedgeTerms { cost_bps: 20.0, ..t };
        assert_eq!(dear.decide(0.8, 2.0, -0.3, v).why, "a change is not worth its cost");
        // Leaves 0.08: within the band. Without a variance the band decides alone.
        assert_eq!(t.decide(0.8, 2.0, -0.36, v).why, "within the dead band");
        assert!(!dear.decide(0.8, 2.0, -0.3, None).keep);
        // What would make the exposure larger goes, whatever it costs: 0.02 with 0.03 short of beta 2 is -0.04.
        assert!(!t.decide(0.02, 2.0, -0.03, v).keep);
        // The target is only ever approached from outside.
        let half = HedgeTerms { target: 0.5, ..t };
        assert_eq!((half.decide(0.8, 1.0, 0.0, v).weight, half.decide(0.3, 1.0, 0.0, v).weight), (-(0.8 - 0.5), 0.0));
        assert_eq!(half.decide(-0.3, 1.0, 0.0, v).aim, 0.0);
        let d = HedgeTerms { cap: 0.25, ..t }.decide(0.8, 1.0, 0.0, v);
        assert_eq!((d.weight, d.capped), (-0.25, true));
        // 0.25 of 10,000 at 30 is 83.3 shares.
        let lots = |lot| shares(-0.25, 30.0, 10_000.0, lot);
        assert_eq!((lots(1.0), lots(10.0), lots(100.0)), (-83.0, -80.0, 0.0));
        assert!((lots(0.0) + 83.333_333_333).abs() < 1e-9);
        assert_eq!((shares(0.5, 0.0, 1e4, 1.0), shares(f64::NAN, 1.0, 1.0, 1.0)), (0.0, 0.0));
        assert!((beta_exposure(&[0.5, -0.2], &[1.2, 0.5]) - 0.5).abs() < 1e-15);
    }

    proptest! {
        #[test]
        fn a_hedge_never_makes_the_exposure_larger(
            exposure in -3.0_f64..3.0, beta in prop_oneof![-2.0_f64..-0.1, 0.1_f64..2.0], held in -2.0_f64..2.0,
            target in -1.0_f64..1.0, cap in 0.0_f64..2.0, band in 0.0_f64..0.5, lot in 0.0_f64..30.0, variance in 0.0_f64..1e-3,
        ) {
            let p = RiskAutoHedgeRatioParams { target, cap, dead_band: band, ..Default::default() };
            let d = HedgeTerms::of(&p).decide(exposure, beta, held, Some(variance));
            let weight = if d.keep { held } else { shares(d.weight, 50.0, 1e5, lot) * 50.0 / 1e5 };
            let after = exposure + beta * weight;
            prop_assert!(after.abs() <= exposure.abs() * (1.0 + 1e-9), "{exposure} becomes {after}: {d:?}");
            prop_assert!(weight.abs() <= cap * (1.0 + 1e-9));
            // A new hedge does not cross zero nor the target.
            prop_assert!(d.keep || (after * exposure >= -1e-9 && (after - d.aim) * (exposure - d.aim) >= -1e-9));
        }
    }
}
