//! A series without its noise, by wavelet shrinkage over a trailing window; also smooths a strategy's scores.

mod roles;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, Symbol, parse_params};
use tradewind_numerics::math;
use tradewind_numerics::wavelet::{Denoise, Denoiser, Mode, NoiseScale, Rule, Shrink, Transform, Wavelet, max_level};

use crate::input::{CLOSE, Series};

pub use roles::{FeWaveletFeature, FeWaveletFilter};

/// Values beyond this size are refused: their squares would leave the range of numbers.
const LARGEST: f64 = 1e100;

/// The last value of a trailing window without its noise: the window is transformed, its details are shrunk, and it is put together again.
///
/// Input: `value`, any finite number up to 1e100 in size (above zero with `log`). Output, from the last `window` values only:
///
/// - `denoised`: the last value of the denoised window, in the unit of `value`;
/// - `noise`: standard deviation of the noise, median(|d1|) / 0.6745 over the finest details d1 (in logs with `log`);
/// - `detail`: share of the finest details in the energy of all, in [0, 1]: with J levels 2^(J-1) / (2^J - 1) for white noise and
///   1 / (2^J - 1) for a random walk, in the mean. Empty when nothing varies.
///
/// A detail coefficient d becomes sign(d) max(|d| - t, 0) (`soft`), or stays when |d| >= t and becomes 0 otherwise (`hard`); t from `threshold`:
/// `universal` sigma sqrt(2 ln window), `sure` Stein's unbiased risk for each level, `bayes` sigma^2 / sqrt(mean(d^2) - sigma^2).
///
/// The whole series denoised at once would look into the future: each of its values depends on later ones. This does not.
/// Warm-up: `window - 1` values.
///
/// Sources: Donoho & Johnstone (1994) Biometrika 81, 425, and (1995) JASA 90, 1200; Chang, Yu & Vetterli (2000) IEEE Trans. Image Process.
/// 9, 1532; Percival & Walden (2000) Wavelet Methods for Time Series Analysis. Transforms are those of PyWavelets.
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_features::plugins::fe_wavelet::{FeWaveletIn, FeWaveletParams};
/// use tradewind_numerics::wavelet::{Transform, Wavelet};
/// let p = FeWaveletParams { wavelet: Wavelet::Haar, transform: Transform::Dwt, window: 4, levels: 1, ..Default::default() };
/// let mut w = p.build()?;
/// let mut last = None;
/// for value in [1.0, 3.0, 2.0, 8.0] {
///     last = w.update(&FeWaveletIn { value })?;
/// }
/// // Details (1 - 3)/sqrt 2 and (2 - 8)/sqrt 2: noise (1.414 + 4.243)/2 / 0.6745 = 4.193, and both are below 4.193 sqrt(2 ln 4) = 6.98.
/// // Without them each pair becomes its mean.
/// let last = last.ok_or("warm after four values")?;
/// assert!((last.denoised - 5.0).abs() < 1e-12 && (last.noise - 4.1934).abs() < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeWaveletParams {
    /// The wavelet: `haar`, `db2` to `db10`, `sym4` to `sym8`, `coif1` to `coif3`.
    #[schemars(with = "String")]
    pub wavelet: Wavelet,
    /// `dwt` (decimated) or `modwt` (maximal overlap: smoother, slower).
    #[schemars(with = "String")]
    pub transform: Transform,
    /// How the window goes on beyond its ends: `symmetric`, `reflect`, `periodic`, `periodization`, `zero` or `constant`; for `modwt`
    /// `symmetric` or `periodic`.
    #[schemars(with = "String")]
    pub mode: Mode,
    /// How many of the last values are denoised together, 2 to 65536.
    pub window: usize,
    /// Levels whose details are shrunk, from 1 to floor(log2(window / (filter length - 1))). What is smoothed away lasts up to 2^levels values.
    pub levels: usize,
    /// The threshold: `universal`, `sure` or `bayes`.
    #[schemars(with = "String")]
    pub threshold: Rule,
    /// What is done to coefficients: `soft` or `hard`.
    #[schemars(with = "String")]
    pub shrink: Shrink,
    /// Where the noise is measured: `finest` (for all levels, white noise) or `each_level` (noise with memory, such as that of prices).
    #[schemars(with = "String")]
    pub noise: NoiseScale,
    /// Whether the logarithm is denoised, so that noise is a fraction of the level; for the filter it has no meaning.
    pub log: bool,
    /// The symbols followed by the feature, at least one, each once.
    pub symbols: Vec<String>,
    /// What the feature denoises: `close`, or a published feature in which `{symbol}` stands for the symbol.
    pub input: String,
    /// What the names of the published values begin with: `NAME.SYMBOL.denoised`.
    pub name: String,
    /// Scores over which the lag of the filter is measured, 12 to 5000 sessions; lags up to a third of it are looked for.
    pub lag_window: usize,
}

impl Default for FeWaveletParams {
    fn default() -> Self {
        Self {
            wavelet: Wavelet::Sym4,
            transform: Transform::Modwt,
            mode: Mode::Symmetric,
            window: 64,
            levels: 3,
            threshold: Rule::Universal,
            shrink: Shrink::Soft,
            noise: NoiseScale::Finest,
            log: false,
            symbols: vec!["SPY".into()],
            input: CLOSE.into(),
            name: Self::ID.into(),
            lag_window: 63,
        }
    }
}

impl FeWaveletParams {
    fn series(&self) -> Result<Vec<Series>, Invalid> {
        let mut bad = Invalid::default();
        bad.require(!self.symbols.is_empty(), "symbols", "empty", "at least one symbol");
        let mut all: Vec<Series> = Vec::new();
        for (i, s) in self.symbols.iter().enumerate() {
            match Symbol::new(s) {
                Ok(symbol) => {
                    bad.require(!self.symbols[..i].contains(s), "symbols", s, "each symbol once");
                    match Series::new(&self.input, symbol) {
                        Ok(series) => all.push(series),
                        Err(e) if bad.0.iter().all(|v| v.field != "input") => bad.0.extend(e.0),
                        Err(_) => {}
                    }
                }
                Err(e) => bad.require(false, "symbols", format!("{s:?}"), &e.expected),
            }
        }
        bad.into_result(all)
    }
}

impl Params for FeWaveletParams {
    const ID: &'static str = "fe_wavelet";
    type Built = FeWavelet;
    fn build(&self) -> Result<FeWavelet, Invalid> {
        let mut bad = Invalid::default();
        bad.require((2..=65_536).contains(&self.window), "window", self.window, "2 to 65536");
        let deepest = max_level(self.window, self.wavelet);
        let least = 2 * (self.wavelet.filter_len() - 1);
        let expected = if deepest > 0 {
            format!("1 to {deepest} for {} and a window of {}", self.wavelet.name(), self.window)
        } else {
            format!("a window of at least {least} for one level of {}, not {}", self.wavelet.name(), self.window)
        };
        bad.require((1..=deepest).contains(&self.levels), "levels", self.levels, &expected);
        let around = matches!(self.mode, Mode::Symmetric | Mode::Periodic);
        let fits = self.transform == Transform::Dwt || around;
        bad.require(fits, "mode", format!("{:?}", self.mode), "symmetric or periodic for modwt");
        bad.require((12..=5000).contains(&self.lag_window), "lag_window", self.lag_window, "12 to 5000");
        bad.absorb(roles::names(self));
        bad.into_result(())?;
        let spec = Denoise {
            wavelet: self.wavelet,
            transform: self.transform,
            mode: self.mode,
            levels: self.levels,
            rule: self.threshold,
            shrink: self.shrink,
            noise: self.noise,
        };
        let denoiser = Denoiser::new(spec, self.window).map_err(|e| Invalid::one("levels", e.to_string()))?;
        Ok(FeWavelet { denoiser, log: self.log, last: None })
    }
}

/// The calculator: see [`FeWaveletParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeWavelet {
    denoiser: Denoiser,
    log: bool,
    last: Option<FeWaveletOut>,
}

/// One observation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeWaveletIn {
    /// Any finite number up to 1e100 in size; above zero with `log`.
    pub value: f64,
}

/// The last value of the window without its noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeWaveletOut {
    /// In the unit of the input.
    pub denoised: f64,
    /// Standard deviation of the noise, in the unit of the input, or as a fraction with `log`.
    pub noise: f64,
    /// Share of the finest details in the energy of all details, [0, 1]; empty when nothing varies.
    pub detail: Option<f64>,
}

impl Online for FeWavelet {
    type In = FeWaveletIn;
    type Out = FeWaveletOut;
    fn update(&mut self, x: &FeWaveletIn) -> Result<Option<FeWaveletOut>, BadInput> {
        let value = BadInput::finite("value", x.value)?;
        if value.abs() > LARGEST {
            return Err(BadInput::new("value", value.to_string(), "a number of at most 1e100 in size"));
        }
        let y = if self.log { math::ln(BadInput::positive("value", value)?) } else { value };
        let out = self.denoiser.push(y).map(|d| FeWaveletOut {
            denoised: if self.log { math::exp(d.value) } else { d.value },
            noise: d.noise,
            detail: d.finest,
        });
        self.last = out;
        Ok(out)
    }
    fn warmup(&self) -> usize {
        self.denoiser.window() - 1
    }
    fn summary(&self) -> Value {
        self.last.map_or(Value::Null, |o| json!({ "noise": o.noise, "detail": o.detail, "denoised": o.denoised }))
    }
}

/// The registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    feature: Some(|v| Ok(Box::new(FeWaveletFeature::new(&parse_params(v)?)?))),
    filter: Some(|v| Ok(Box::new(FeWaveletFilter::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<FeWaveletParams>(
        3,
        "A series or a strategy's score without its noise: wavelet shrinkage over a trailing window (DWT or MODWT).",
        "Donoho & Johnstone (1994), Ideal spatial adaptation by wavelet shrinkage",
    )
    .with_table::<FeWaveletParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    fn haar() -> FeWaveletParams {
        FeWaveletParams {
            wavelet: Wavelet::Haar,
            transform: Transform::Dwt,
            window: 4,
            levels: 1,
            ..FeWaveletParams::default()
        }
    }

    fn run(p: &FeWaveletParams, values: &[f64]) -> Vec<Option<FeWaveletOut>> {
        let xs: Vec<_> = values.iter().map(|value| FeWaveletIn { value: *value }).collect();
        p.build().unwrap().batch(&xs).unwrap()
    }

    #[test]
    fn haar_by_hand() {
        // See the documentation of the parameters; the window moves on to 3 2 8 2: details 1/sqrt 2, 6/sqrt 2, both vanish again.
        let out = run(&haar(), &[1.0, 3.0, 2.0, 8.0, 2.0]);
        assert_eq!(out[..3], [None; 3]);
        let (a, b) = (out[3].unwrap(), out[4].unwrap());
        assert!((a.denoised - 5.0).abs() < 1e-14 && (b.denoised - 5.0).abs() < 1e-14, "{a:?} {b:?}");
        assert!((b.noise - 3.5 / 2.0_f64.sqrt() / 0.674_489_750_196_081_7).abs() < 1e-14, "{b:?}");
        // One level only: the finest details are all.
        assert_eq!(a.detail, Some(1.0));
    }

    #[test]
    fn a_logarithm_gives_the_geometric_mean() {
        let out = run(&FeWaveletParams { log: true, ..haar() }, &[1.0, 3.0, 2.0, 8.0]);
        assert!((out[3].unwrap().denoised - 4.0).abs() < 1e-13);
    }

    #[test]
    fn two_levels_share_the_energy() {
        // 0 0 2 2: no finest details, one coarse detail of energy (0 + 0 - 2 - 2)^2 / 4.
        let p = FeWaveletParams { levels: 2, ..haar() };
        assert_eq!(run(&p, &[0.0, 0.0, 2.0, 2.0])[3].unwrap().detail, Some(0.0));
        // 1 3 1 3: finest only. 0 0 0 4: finest 4^2/2 = 8, coarse (4/sqrt 2)^2 / 2 = 4.
        assert!((run(&p, &[1.0, 3.0, 1.0, 3.0])[3].unwrap().detail.unwrap() - 1.0).abs() < 1e-15);
        assert!((run(&p, &[0.0, 0.0, 0.0, 4.0])[3].unwrap().detail.unwrap() - 2.0 / 3.0).abs() < 1e-14);
        assert_eq!(run(&p, &[5.0; 4])[3].unwrap().detail, None);
    }
}
