//! Attention: how unusual the search interest in a symbol is, and a signal on its spikes.

mod role;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::serde_json::{Value, json};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, Symbol, parse_params};
use tradewind_numerics::{RollingMoments, Window, math};

pub use role::TrendsAlpha;

/// Parameters of `alpha_google_trends`.
///
/// For the search interest x of a finished period, with the periods before it only:
/// - `velocity` = (x - mean)/sd (ddof 1) over the `window` periods before; nothing when they are all equal. The period itself is left
///   out: included, it would be part of its own yardstick and z could not exceed (k-1)/sqrt(k);
/// - `asvi` = ln(x) - ln(median of the `asvi_window` periods before), the abnormal search volume index of Da, Engelberg and Gao; interest
///   below `floor` counts as `floor`, because Google gives 0 for what is below 1;
/// - `spike`: velocity >= `min_velocity` and asvi >= `min_asvi`;
/// - `score` on a spike = sign x min(1, velocity/`full_velocity`), otherwise 0; `sign` is +1 or -1;
/// - `confidence` = v^2/(1 + v^2) for a velocity v > 0, otherwise 0: whatever the distribution of ordinary periods, no more than
///   1/(1 + v^2) of them lie v deviations above their mean (Cantelli's inequality).
///
/// Input: `interest`, 0 or more, in any unit as long as all periods share it (velocity and, above the floor, asvi do not change with the unit).
/// Warm-up: the greater of `window` and `asvi_window` periods.
///
/// As an alpha: one signal per symbol when a spike becomes known, renewed at every session close with score x 2^(-age/`half_life_days`)
/// and gone after `hold_days`. A new spike replaces one that has decayed below it. Periods that have not ended are left out; of a period
/// given twice the first print counts; a period that began more than `max_age_days` before it became known (history fetched later)
/// is learned from but not acted upon.
///
/// Sources: Da, Engelberg & Gao (2011), "In search of attention", Journal of Finance 66(5), eq. 1 (weekly, median of 8 weeks; spikes are
/// followed by higher prices for two weeks and a reversal within the year); Cantelli (1928), Sui confini della probabilita.
///
/// ```
/// use tradewind_alpha::plugins::alpha_google_trends::{AlphaGoogleTrendsIn, AlphaGoogleTrendsParams};
/// use tradewind_core_types::{Online, Params};
/// let mut c = AlphaGoogleTrendsParams { window: 3, asvi_window: 3, ..Default::default() }.build()?;
/// let mut last = None;
/// for interest in [10.0, 20.0, 30.0, 60.0] {
///     last = c.update(&AlphaGoogleTrendsIn { interest })?;
/// }
/// // Mean 20, deviation 10, median 20.
/// let out = last.unwrap();
/// assert!((out.velocity.unwrap() - 4.0).abs() < 1e-12 && (out.asvi - 3.0_f64.ln()).abs() < 1e-12);
/// assert!(out.spike && (out.score - 0.8).abs() < 1e-12 && (out.confidence - 16.0 / 17.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlphaGoogleTrendsParams {
    /// The symbols to follow; all of which there is search interest when empty.
    pub symbols: Vec<String>,
    /// Periods before this one in mean and deviation of the velocity; 2 to 10000.
    pub window: usize,
    /// Periods before this one in the median of the ASVI; 1 to 10000.
    pub asvi_window: usize,
    /// Interest below this counts as this in the ASVI, in the unit of the interest; above 0.
    pub floor: f64,
    /// Least velocity of a spike, in deviations; above 0, at most 1000.
    pub min_velocity: f64,
    /// Least ASVI of a spike, in log units (0.25: 28 % above the median); 0 to 20.
    pub min_asvi: f64,
    /// Velocity at which the score is full, in deviations; at least `min_velocity`, at most 1000.
    pub full_velocity: f64,
    /// What attention is taken for.
    pub sign: AttentionSign,
    /// Days of 24 hours in which the score halves; above 0, at most 3650.
    pub half_life_days: f64,
    /// Days of 24 hours after which a spike is over; above 0, at most 3650.
    pub hold_days: f64,
    /// Days of 24 hours from the start of a period beyond which a spike is history; above 0, at most 3650. More than a period is long.
    pub max_age_days: f64,
}

/// What attention is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttentionSign {
    /// Those who search buy: long.
    Long,
    /// What everyone has heard of is dear: short.
    Short,
}

impl Default for AlphaGoogleTrendsParams {
    fn default() -> Self {
        Self {
            symbols: Vec::new(),
            window: 26,
            asvi_window: 8,
            floor: 0.5,
            min_velocity: 2.0,
            min_asvi: 0.25,
            full_velocity: 5.0,
            sign: AttentionSign::Long,
            half_life_days: 5.0,
            hold_days: 14.0,
            max_age_days: 11.0,
        }
    }
}

impl Params for AlphaGoogleTrendsParams {
    const ID: &'static str = "alpha_google_trends";
    type Built = AlphaGoogleTrends;

    fn build(&self) -> Result<AlphaGoogleTrends, Invalid> {
        let mut bad = Invalid::default();
        for s in &self.symbols {
            bad.require(
                Symbol::new(s).is_ok(),
                "symbols",
                format!("{s:?}"),
                "symbols: letters, digits or . _ - / ^ = :",
            );
        }
        bad.require((2..=10_000).contains(&self.window), "window", self.window, "2 to 10000 periods");
        bad.require((1..=10_000).contains(&self.asvi_window), "asvi_window", self.asvi_window, "1 to 10000 periods");
        let within = |x: f64, most: f64| x > 0.0 && x <= most;
        bad.require(within(self.floor, 1e9), "floor", self.floor, "an interest above 0");
        bad.require(within(self.min_velocity, 1000.0), "min_velocity", self.min_velocity, "above 0, at most 1000");
        bad.require((0.0..=20.0).contains(&self.min_asvi), "min_asvi", self.min_asvi, "0 to 20");
        let full = self.full_velocity >= self.min_velocity && self.full_velocity <= 1000.0;
        bad.require(full, "full_velocity", self.full_velocity, "at least min_velocity, at most 1000");
        for (field, days) in [
            ("half_life_days", self.half_life_days),
            ("hold_days", self.hold_days),
            ("max_age_days", self.max_age_days),
        ] {
            bad.require(within(days, 3650.0), field, days, "days, above 0 and at most 3650");
        }
        let most = |n: usize| n.clamp(1, 10_000);
        bad.into_result(AlphaGoogleTrends {
            rule: Rule {
                floor: self.floor,
                min_velocity: self.min_velocity,
                min_asvi: self.min_asvi,
                full_velocity: self.full_velocity,
                sign: if self.sign == AttentionSign::Long { 1.0 } else { -1.0 },
            },
            moments: RollingMoments::new(most(self.window)),
            before: Window::new(most(self.asvi_window)),
            sorted: Vec::with_capacity(most(self.asvi_window)),
            spikes: 0,
        })
    }
}

/// What does not change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Rule {
    floor: f64,
    min_velocity: f64,
    min_asvi: f64,
    full_velocity: f64,
    sign: f64,
}

/// A finished period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AlphaGoogleTrendsIn {
    /// Search interest, 0 or more.
    pub interest: f64,
}

/// How unusual it was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AlphaGoogleTrendsOut {
    /// Deviations above the mean of the periods before; empty when these are all equal.
    pub velocity: Option<f64>,
    /// Log of the interest over the median of the periods before.
    pub asvi: f64,
    /// Whether both are above their thresholds.
    pub spike: bool,
    /// In [-1, 1]; 0 without a spike.
    pub score: f64,
    /// In [0, 1): least probability that an ordinary period is lower.
    pub confidence: f64,
}

/// Attention to one symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlphaGoogleTrends {
    rule: Rule,
    moments: RollingMoments,
    before: Window,
    /// The values of `before` in order.
    sorted: Vec<f64>,
    spikes: u64,
}

impl AlphaGoogleTrends {
    fn median(&self) -> Option<f64> {
        let (s, n) = (&self.sorted, self.sorted.len());
        if n % 2 == 1 {
            s.get(n / 2).copied()
        } else {
            let upper = n / 2;
            Some(0.5 * (s.get(upper.checked_sub(1)?)? + s.get(upper)?))
        }
    }
    fn look(&self, x: f64) -> Option<AlphaGoogleTrendsOut> {
        if !(self.moments.is_full() && self.before.is_full()) {
            return None;
        }
        let r = self.rule;
        let (mean, sd) = (self.moments.mean()?, self.moments.std_dev()?);
        // Rounding in the moments of equal values must not become a deviation.
        let velocity = (sd > 1e-9 * mean.abs().max(1e-300)).then(|| (x - mean) / sd);
        let asvi = math::ln(x.max(r.floor)) - math::ln(self.median()?.max(r.floor));
        let v = velocity.unwrap_or(0.0).max(0.0);
        let spike = v >= r.min_velocity && asvi >= r.min_asvi;
        let score = if spike { r.sign * (v / r.full_velocity).min(1.0) } else { 0.0 };
        // Written so that a huge velocity does not become infinity over infinity.
        let confidence = if v > 1.0 { 1.0 / (1.0 + (1.0 / v).powi(2)) } else { v * v / (1.0 + v * v) };
        Some(AlphaGoogleTrendsOut { velocity, asvi, spike, score, confidence })
    }
    fn learn(&mut self, x: f64) {
        self.moments.push(x);
        if let Some(old) = self.before.push(x) {
            let at = self.sorted.partition_point(|s| *s < old);
            self.sorted.remove(at);
        }
        let at = self.sorted.partition_point(|s| *s < x);
        self.sorted.insert(at, x);
    }
}

impl Online for AlphaGoogleTrends {
    type In = AlphaGoogleTrendsIn;
    type Out = AlphaGoogleTrendsOut;

    fn update(&mut self, x: &AlphaGoogleTrendsIn) -> Result<Option<AlphaGoogleTrendsOut>, BadInput> {
        if !(0.0..=1e12).contains(&x.interest) {
            return Err(BadInput::new("interest", x.interest.to_string(), "a number from 0 to 1e12"));
        }
        let out = self.look(x.interest);
        self.learn(x.interest);
        self.spikes += u64::from(out.is_some_and(|o| o.spike));
        Ok(out)
    }
    fn warmup(&self) -> usize {
        self.moments.window().capacity().max(self.before.capacity())
    }
    fn summary(&self) -> Value {
        json!({ "spikes": self.spikes })
    }
}

/// The plugin's entry in the registry.
pub const PLUGIN: PluginInfo = PluginInfo {
    alpha: Some(|v| Ok(Box::new(TrendsAlpha::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<AlphaGoogleTrendsParams>(
        1,
        "Attention: how unusual the search interest in a symbol is, and a signal on its spikes.",
        "Da, Engelberg & Gao (2011), In search of attention, Journal of Finance 66(5)",
    )
    .with_table::<AlphaGoogleTrendsParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    fn run(p: &AlphaGoogleTrendsParams, values: &[f64]) -> Vec<Option<AlphaGoogleTrendsOut>> {
        let rows: Vec<_> = values.iter().map(|&interest| AlphaGoogleTrendsIn { interest }).collect();
        p.build().unwrap().batch(&rows).unwrap()
    }

    #[test]
    fn by_hand() {
        let p = AlphaGoogleTrendsParams { window: 2, asvi_window: 4, sign: AttentionSign::Short, ..Default::default() };
        let outs = run(&p, &[4.0, 8.0, 0.0, 10.0, 12.0, 10.0]);
        assert!(outs[..4].iter().all(Option::is_none));
        // Before: 4, 8, 0, 10 (median 6); the last two have mean 5 and deviation sqrt 50.
        let o = outs[4].unwrap();
        assert!((o.velocity.unwrap() - 7.0 / 50.0_f64.sqrt()).abs() < 1e-12 && (o.asvi - 2.0_f64.ln()).abs() < 1e-12);
        assert_eq!((o.spike, o.score), (false, 0.0));
        assert!((o.confidence - 0.98 / 1.98).abs() < 1e-12);
        // 10 and 12 before: below their mean of 11 there is no confidence.
        assert_eq!(outs[5].unwrap().confidence, 0.0);
    }

    #[test]
    fn a_period_at_the_threshold_is_a_spike_and_zero_counts_as_the_floor() {
        let p = AlphaGoogleTrendsParams { window: 3, asvi_window: 3, min_velocity: 3.0, ..Default::default() };
        let short = AlphaGoogleTrendsParams { sign: AttentionSign::Short, ..p.clone() };
        // Mean 20, deviation 10: 50 is exactly 3 of them.
        assert!(run(&p, &[10.0, 20.0, 30.0, 50.0])[3].unwrap().spike);
        assert!(!run(&p, &[10.0, 20.0, 30.0, 49.9])[3].unwrap().spike);
        assert!((run(&short, &[10.0, 20.0, 30.0, 50.0])[3].unwrap().score + 0.6).abs() < 1e-12);
        let o = run(&p, &[0.0, 0.0, 0.0, 8.0])[3].unwrap();
        assert_eq!((o.velocity, o.asvi, o.spike), (None, 16.0_f64.ln(), false));
        // Three times the same number whose mean does not come out exactly.
        assert_eq!(run(&p, &[0.1, 0.1, 0.1, 0.3])[3].unwrap().velocity, None);
    }
}
