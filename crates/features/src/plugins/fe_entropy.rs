//! How irregular recent returns are, by one of five entropies, and the signal quality that follows.

mod roles;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{BadInput, CorporateAction, Invalid, Online, Params, PluginInfo, Symbol, parse_params};
use tradewind_numerics::entropy::{MAX_ORDER, RollingEntropy};
use tradewind_numerics::math;

pub use roles::{FeEntropyFeature, FeEntropyFilter};

/// Which entropy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntropyMethod {
    /// Of the order patterns of `order` values, over log2(order!): in [0, 1] (Bandt & Pompe 2002).
    Permutation,
    /// Of the histogram with `bins` equal bins between the window's extremes, over log2(bins): in [0, 1] (Shannon 1948).
    Shannon,
    /// ln(B/A) in nats, unbounded above (Richman & Moorman 2000).
    Sample,
    /// phi_m - phi_{m+1} in nats (Pincus 1991).
    Approximate,
    /// Words of the sequence "at or above the median", over n / log2 n: tends to 1 for noise, from above (Lempel & Ziv 1976).
    LempelZiv,
}

impl EntropyMethod {
    /// 5 % and 95 % quantile on the log returns of SPY 2008-2016 with the default window and shape.
    fn usual_range(self) -> (f64, f64) {
        match self {
            Self::Permutation => (0.981, 0.999),
            Self::Shannon => (0.695, 0.894),
            Self::Sample => (1.495, 2.530),
            Self::Approximate => (0.592, 0.787),
            Self::LempelZiv => (1.108, 1.274),
        }
    }
}

impl fmt::Display for EntropyMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Permutation => "permutation entropy",
            Self::Shannon => "Shannon entropy",
            Self::Sample => "sample entropy",
            Self::Approximate => "approximate entropy",
            Self::LempelZiv => "Lempel-Ziv complexity",
        })
    }
}

/// What the entropy is taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntropyInput {
    /// The log returns of the input.
    Returns,
    /// The input itself, whatever it is.
    Level,
}

/// Entropy of the last `window` log returns (or levels), and a quality that falls as they come closer to noise.
///
/// Input: `close` (positive for `returns`, any finite number for `level`). Output: `entropy` in the unit of the method,
/// empty when unbounded, and `quality` in [`floor`, 1]:
///
/// quality = 1 - (1 - floor) x clamp((entropy - low) / (high - low), 0, 1), and `floor` when the entropy is unbounded.
///
/// With p_i the frequencies of order patterns or histogram bins, permutation and Shannon entropy are
/// -sum p_i log2 p_i / log2 k over k = order! or bins. Sample entropy is ln(B/A), where B and A count pairs of stretches of
/// m = `dimension` and m + 1 values that differ by less than r = `tolerance` x standard deviation (ddof = 0); approximate
/// entropy compares the same stretches including each with itself. Lempel-Ziv counts the words of the sequence
/// "at or above the median". A window without any variation has entropy 0 under every method.
///
/// Warm-up: `window` closes for `returns`, `window - 1` for `level`.
///
/// Sources: Bandt & Pompe (2002) Phys. Rev. Lett. 88, 174102; Richman & Moorman (2000) Am. J. Physiol. 278, H2039; Pincus (1991)
/// PNAS 88, 2297; Lempel & Ziv (1976) IEEE Trans. Inf. Theory 22, 75; Shannon (1948). Values are those of `antropy`.
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_features::plugins::fe_entropy::{EntropyInput, FeEntropyIn, FeEntropyParams};
/// let p = FeEntropyParams { input: EntropyInput::Level, window: 8, order: 2, ..Default::default() };
/// let mut e = p.build()?;
/// let mut last = None;
/// for close in [4.0, 7.0, 9.0, 10.0, 6.0, 11.0, 3.0, 5.0] {
///     last = e.update(&FeEntropyIn { close })?;
/// }
/// // Of seven neighbours five rise and two fall: -(5/7) log2(5/7) - (2/7) log2(2/7) = 0.8631 bits of at most 1.
/// let entropy = last.and_then(|o| o.entropy).unwrap_or(0.0);
/// assert!((entropy - 0.863_120_568_566_631).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeEntropyParams {
    /// Which entropy: `permutation`, `shannon`, `sample`, `approximate` or `lempel_ziv`.
    pub method: EntropyMethod,
    /// What it is taken of: `returns` (log returns of the closes) or `level` (the values as given).
    pub input: EntropyInput,
    /// How many returns (or levels), 8 to 4999; for `permutation` more than (order - 1) x delay.
    pub window: usize,
    /// Values in an order pattern, 2 to 7; used by `permutation`. The window should hold many times order! patterns.
    pub order: usize,
    /// Distance between the values of an order pattern, 1 or more; used by `permutation`.
    pub delay: usize,
    /// Length m of the stretches compared, 1 to 6; used by `sample` and `approximate`.
    pub dimension: usize,
    /// Largest difference that agrees, as a fraction of the window's standard deviation, above 0 and at most 10; used by `sample`
    /// and `approximate`.
    pub tolerance: f64,
    /// Bins of the histogram, 2 to 1000; used by `shannon`.
    pub bins: usize,
    /// Entropy up to which the quality is 1, in the unit of the method. Absent: the method's 5 % quantile on SPY 2008-2016
    /// (permutation 0.981, Shannon 0.695, sample 1.495, approximate 0.592, Lempel-Ziv 1.108).
    pub low: Option<f64>,
    /// Entropy from which the quality is `floor`, above `low`. Absent: the method's 95 % quantile on SPY 2008-2016
    /// (permutation 0.999, Shannon 0.894, sample 2.530, approximate 0.787, Lempel-Ziv 1.274).
    pub high: Option<f64>,
    /// The lowest quality, in [0, 1].
    pub floor: f64,
    /// The symbols whose bars (or index levels) are followed, at least one, each once.
    pub symbols: Vec<String>,
}

impl Default for FeEntropyParams {
    fn default() -> Self {
        Self {
            method: EntropyMethod::Permutation,
            input: EntropyInput::Returns,
            window: 126,
            order: 3,
            delay: 1,
            dimension: 2,
            tolerance: 0.2,
            bins: 10,
            low: None,
            high: None,
            floor: 0.85,
            symbols: vec!["SPY".into()],
        }
    }
}

impl FeEntropyParams {
    fn range(&self) -> (f64, f64) {
        let (low, high) = self.method.usual_range();
        (self.low.unwrap_or(low), self.high.unwrap_or(high))
    }
    fn symbols(&self) -> Result<Vec<Symbol>, Invalid> {
        let mut bad = Invalid::default();
        bad.require(!self.symbols.is_empty(), "symbols", "empty", "at least one symbol");
        let mut all: Vec<Symbol> = Vec::new();
        for s in &self.symbols {
            match Symbol::new(s) {
                Ok(s) => {
                    bad.require(!all.contains(&s), "symbols", s, "each symbol once");
                    all.push(s);
                }
                Err(e) => bad.require(false, "symbols", format!("{s:?}"), &e.expected),
            }
        }
        bad.into_result(all)
    }
}

impl Params for FeEntropyParams {
    const ID: &'static str = "fe_entropy";
    type Built = FeEntropy;
    fn build(&self) -> Result<FeEntropy, Invalid> {
        let mut bad = Invalid::default();
        // `antropy.sample_entropy` changes its convention for ties at 5000 values.
        bad.require((8..5000).contains(&self.window), "window", self.window, "8 to 4999");
        bad.require((2..=MAX_ORDER).contains(&self.order), "order", self.order, "2 to 7");
        bad.require((1..5000).contains(&self.delay), "delay", self.delay, "1 to 4999");
        if self.method == EntropyMethod::Permutation {
            let span = self.order.saturating_sub(1).saturating_mul(self.delay);
            bad.require(self.window > span, "window", self.window, "more than (order - 1) x delay");
        }
        bad.require((1..=6).contains(&self.dimension), "dimension", self.dimension, "1 to 6");
        bad.require(
            self.tolerance > 0.0 && self.tolerance <= 10.0,
            "tolerance",
            self.tolerance,
            "above 0 and at most 10",
        );
        bad.require((2..=1000).contains(&self.bins), "bins", self.bins, "2 to 1000");
        let (low, high) = self.range();
        bad.require(low.is_finite(), "low", low, "a finite number");
        bad.require(high.is_finite() && high > low, "high", high, "a finite number above `low`");
        bad.require((0.0..=1.0).contains(&self.floor), "floor", self.floor, "a number in [0, 1]");
        bad.absorb(self.symbols());
        bad.into_result(())?;
        let shape = |e: tradewind_numerics::NumericsError| Invalid::one("window", e.to_string());
        let n = self.window;
        let engine = match self.method {
            EntropyMethod::Permutation => RollingEntropy::permutation(n, self.order, self.delay).map_err(shape)?,
            EntropyMethod::Shannon => RollingEntropy::shannon(n, self.bins).map_err(shape)?,
            EntropyMethod::Sample => RollingEntropy::sample(n, self.dimension, self.tolerance),
            EntropyMethod::Approximate => RollingEntropy::approximate(n, self.dimension, self.tolerance),
            EntropyMethod::LempelZiv => RollingEntropy::lempel_ziv(n),
        };
        let returns = self.input == EntropyInput::Returns;
        Ok(FeEntropy { engine, returns, window: n, low, high, floor: self.floor, previous: None })
    }
}

/// The calculator: see [`FeEntropyParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeEntropy {
    engine: RollingEntropy,
    returns: bool,
    window: usize,
    low: f64,
    high: f64,
    floor: f64,
    /// The last close, when returns are taken.
    previous: Option<f64>,
}

/// One observation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeEntropyIn {
    /// Closing price in dollars (above zero), or any finite value when `input` is `level`.
    pub close: f64,
}

/// The entropy and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeEntropyOut {
    /// Entropy in the unit of the method; empty when it is unbounded (sample entropy without a match of m + 1 values).
    pub entropy: Option<f64>,
    /// Multiplier for signals in [`floor`, 1].
    pub quality: f64,
}

impl FeEntropy {
    fn quality(&self, entropy: Option<f64>) -> f64 {
        let excess = entropy.map_or(1.0, |h| ((h - self.low) / (self.high - self.low)).clamp(0.0, 1.0));
        1.0 - (1.0 - self.floor) * excess
    }
    /// Puts the last close on the basis after a split or dividend, so that neither is a return.
    fn adjust(&mut self, action: &CorporateAction) {
        let Some(before) = self.previous else { return };
        let after = match action {
            CorporateAction::Split { numerator, denominator } => {
                before * f64::from(*denominator) / f64::from(*numerator)
            }
            CorporateAction::Dividend { amount } => before - amount.to_f64(),
            _ => return,
        };
        if after.is_finite() && after > 0.0 {
            self.previous = Some(after);
        }
    }
}

impl Online for FeEntropy {
    type In = FeEntropyIn;
    type Out = FeEntropyOut;
    fn update(&mut self, x: &FeEntropyIn) -> Result<Option<FeEntropyOut>, BadInput> {
        let value = if self.returns {
            let close = BadInput::positive("close", x.close)?;
            let value = self.previous.map(|p| BadInput::finite("log return", math::ln(close / p))).transpose()?;
            self.previous = Some(close);
            value
        } else {
            Some(BadInput::finite("close", x.close)?)
        };
        let entropy = value.and_then(|v| self.engine.push(v));
        Ok(entropy.map(|entropy| FeEntropyOut { entropy, quality: self.quality(entropy) }))
    }
    fn warmup(&self) -> usize {
        if self.returns { self.window } else { self.window - 1 }
    }
}

/// The registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    feature: Some(|v| Ok(Box::new(FeEntropyFeature::new(&parse_params(v)?)?))),
    filter: Some(|v| Ok(Box::new(FeEntropyFilter::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<FeEntropyParams>(
        0,
        "How irregular recent returns are (five entropies), and the signal quality that follows.",
        "Bandt & Pompe (2002), Permutation entropy: a natural complexity measure for time series",
    )
    .with_table::<FeEntropyParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    fn run(p: &FeEntropyParams, closes: &[f64]) -> Vec<Option<FeEntropyOut>> {
        let xs: Vec<_> = closes.iter().map(|c| FeEntropyIn { close: *c }).collect();
        p.build().unwrap().batch(&xs).unwrap()
    }

    #[test]
    fn quality_falls_linearly_between_the_thresholds() {
        let p = FeEntropyParams { low: Some(0.5), high: Some(0.9), floor: 0.6, ..Default::default() };
        let e = p.build().unwrap();
        let got: Vec<f64> = [0.2, 0.5, 0.7, 0.9, 1.0].map(|h| e.quality(Some(h))).to_vec();
        for (g, w) in got.iter().zip([1.0, 1.0, 0.8, 0.6, 0.6]) {
            assert!((g - w).abs() < 1e-15, "{got:?}");
        }
        assert_eq!(e.quality(None), 0.6);
    }

    #[test]
    fn a_window_without_variation_has_entropy_zero() {
        use EntropyMethod::*;
        for method in [Permutation, Shannon, Sample, Approximate, LempelZiv] {
            let p = FeEntropyParams { method, window: 20, ..Default::default() };
            let out = run(&p, &[50.0; 25]);
            assert_eq!(out[19], None);
            assert_eq!(out[20], Some(FeEntropyOut { entropy: Some(0.0), quality: 1.0 }), "{method}");
        }
    }

    #[test]
    fn sample_entropy_without_a_match_is_unbounded() {
        let p = FeEntropyParams {
            method: EntropyMethod::Sample,
            input: EntropyInput::Level,
            window: 8,
            ..Default::default()
        };
        let out = run(&p, &[0.0, 10.0, 30.0, 60.0, 100.0, 150.0, 210.0, 280.0]);
        assert_eq!(out[7], Some(FeEntropyOut { entropy: None, quality: 0.85 }));
    }

    #[test]
    fn splits_and_dividends_are_no_returns() {
        let mut e = FeEntropyParams::default().build().unwrap();
        e.update(&FeEntropyIn { close: 100.0 }).unwrap();
        e.adjust(&CorporateAction::Split { numerator: 4, denominator: 1 });
        e.adjust(&CorporateAction::Dividend { amount: "0.5".parse().unwrap() });
        assert_eq!(e.previous, Some(24.5));
        e.adjust(&CorporateAction::Split { numerator: 0, denominator: 1 });
        e.adjust(&CorporateAction::Dividend { amount: "25".parse().unwrap() });
        assert_eq!(e.previous, Some(24.5));
    }
}
