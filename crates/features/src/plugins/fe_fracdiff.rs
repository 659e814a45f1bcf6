//! Fractional differences of a series: as stationary as needed, with as much memory as can be kept.

mod calculator;
mod roles;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{BadInput, Invalid, Params, PluginInfo, Symbol, parse_params};
use tradewind_numerics::adf::{Lags, Trend};
use tradewind_numerics::fracdiff::{self, Order, Search};
use tradewind_numerics::math;

pub use calculator::{FeFracdiff, FeFracdiffIn, FeFracdiffOut};
pub use roles::FeFracdiffFeature;

/// Values beyond this size are refused: sums of them must stay within the range of floats.
const LARGEST: f64 = 1e100;

/// Which values of the past count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FracdiffWindow {
    /// As many as there are weights of at least `cutoff`: every difference is made alike.
    Fixed,
    /// All, up to `max_window`: nothing is cut off, but early differences have less memory than late ones.
    Expanding,
}

/// Deterministic terms of the Dickey-Fuller test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdfTerms {
    /// None.
    None,
    /// A constant.
    Constant,
    /// Constant and trend.
    Trend,
}

/// Fractional difference of order d: y_t = sum_{k=0..n-1} w_k x_{t-k}, w_0 = 1, w_k = -w_{k-1} (d - k + 1) / k.
///
/// d = 0 leaves the series as it is, d = 1 is the plain difference; in between the past fades like k^(-1-d). Under `fixed` n is the number
/// of weights up to the first below `cutoff` in size (at most `max_window`), under `expanding` all values so far count, up to `max_window`.
/// With `log` x is the natural logarithm of the input.
///
/// In: `value` (any unit; above zero with `log`). Out: `value`, the difference, in the unit of x. Warm-up: n - 1 values under `fixed`, none
/// under `expanding`. An update costs n multiplications and allocates nothing.
///
/// [`FeFracdiffParams::smallest_order`] finds the smallest d whose difference passes the augmented Dickey-Fuller test at `level`.
///
/// Source: Granger & Joyeux (1980), J. Time Series Analysis 1, 15-29; Hosking (1981), Biometrika 68, 165-176, eq. 2.3; López de Prado (2018),
/// "Advances in financial machine learning", ch. 5, snippets 5.1 to 5.4.
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_features::plugins::fe_fracdiff::{FeFracdiffIn, FeFracdiffParams};
/// let p = FeFracdiffParams { d: 0.5, cutoff: 0.1, log: false, ..Default::default() };
/// let mut f = p.build()?;
/// let mut last = None;
/// for value in [8.0, 4.0, 6.0] {
///     last = f.update(&FeFracdiffIn { value })?;
/// }
/// // Weights 1, -1/2, -1/8 (the next, -1/16, is below 0.1): 6 - 4/2 - 8/8 = 3.
/// assert_eq!(last.map(|o| o.value), Some(3.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeFracdiffParams {
    /// Symbols to follow in the trader, at least one, each once.
    pub symbols: Vec<String>,
    /// What each symbol's series is: `close`, or a published feature in which `{symbol}` stands for the symbol.
    pub input: String,
    /// What the published name begins with: `NAME.SYMBOL.value`.
    pub name: String,
    /// Order of the difference, in [0, 2].
    pub d: f64,
    /// `fixed` or `expanding`.
    pub window: FracdiffWindow,
    /// Weights smaller than this in size are cut off (under `fixed`), in [1e-12, 1).
    pub cutoff: f64,
    /// Most values that count, 2 to 100000.
    pub max_window: usize,
    /// Whether the natural logarithm of the input is differenced; the input then must be above zero.
    pub log: bool,
    /// p-value below which a difference counts as stationary, in (0, 0.5]; used by the search for the smallest d.
    pub level: f64,
    /// Deterministic terms of the test: `none`, `constant` or `trend`; used by the search.
    pub adf_terms: AdfTerms,
    /// Lagged differences of the test, 0 to 1000; absent: by Akaike's criterion. Used by the search.
    pub adf_lags: Option<usize>,
    /// Values the search looks at: the last so many given to [`FeFracdiffParams::smallest_order`], 100 to 1000000.
    pub search_window: usize,
}

impl Default for FeFracdiffParams {
    fn default() -> Self {
        Self {
            symbols: vec!["SPY".into()],
            input: crate::input::CLOSE.into(),
            name: Self::ID.into(),
            d: 0.5,
            window: FracdiffWindow::Fixed,
            cutoff: 1e-4,
            max_window: 5000,
            log: true,
            level: 0.05,
            adf_terms: AdfTerms::Constant,
            adf_lags: None,
            search_window: 5000,
        }
    }
}

impl FeFracdiffParams {
    /// Checks everything; the symbols.
    fn check(&self) -> Result<Vec<Symbol>, Invalid> {
        let mut bad = Invalid::default();
        let symbols = bad.absorb(crate::naming::symbols(&self.symbols));
        for s in symbols.iter().flatten() {
            bad.absorb(crate::input::Series::new(&self.input, *s).map(|_| ()));
            bad.absorb(crate::naming::published(&self.name, *s, "value").map(|_| ()));
        }
        bad.require((0.0..=2.0).contains(&self.d), "d", self.d, "an order in [0, 2]");
        bad.require((1e-12..1.0).contains(&self.cutoff), "cutoff", self.cutoff, "a weight in [1e-12, 1)");
        bad.require((2..=100_000).contains(&self.max_window), "max_window", self.max_window, "2 to 100000 values");
        bad.require(self.level > 0.0 && self.level <= 0.5, "level", self.level, "a p-value in (0, 0.5]");
        let lags = self.adf_lags.unwrap_or(0);
        bad.require(lags <= 1000, "adf_lags", lags, "0 to 1000 lags");
        let n = self.search_window;
        bad.require((100..=1_000_000).contains(&n), "search_window", n, "100 to 1000000 values");
        bad.into_result(symbols.unwrap_or_default())
    }
    /// The weights by age: w_0 belongs to the newest value.
    pub fn weights(&self) -> Vec<f64> {
        match self.window {
            FracdiffWindow::Fixed => fracdiff::window_weights(self.d, self.cutoff, self.max_window),
            FracdiffWindow::Expanding => fracdiff::weights(self.d, self.max_window),
        }
    }
    /// What is differenced: the value or its logarithm.
    ///
    /// # Errors
    /// When the value cannot be used.
    fn taken(&self, value: f64) -> Result<f64, BadInput> {
        taken(self.log, value)
    }
    /// The differences of a whole series, one for each value (`None` in the warm-up): by fast Fourier transform where that is faster, so equal to
    /// the streaming values within 1e-9 of the largest value, and not to the last bit.
    ///
    /// # Errors
    /// When the parameters are not valid, or a value cannot be used, with its index.
    pub fn transform(&self, values: &[f64]) -> Result<Vec<Option<f64>>, BadInput> {
        let x = self.series(values)?;
        Ok(match self.window {
            FracdiffWindow::Fixed => {
                let w = self.weights();
                let y = fracdiff::convolve(&w, &x);
                std::iter::repeat_n(None, x.len() - y.len()).chain(y.into_iter().map(Some)).collect()
            }
            // Beyond the longest window the early part is the same and the rest has a fixed one.
            FracdiffWindow::Expanding if x.len() > self.max_window => {
                let head = fracdiff::expanding(self.d, &x[..self.max_window]);
                let tail = fracdiff::convolve(&self.weights(), &x[1..]);
                head.into_iter().chain(tail).map(Some).collect()
            }
            FracdiffWindow::Expanding => fracdiff::expanding(self.d, &x).into_iter().map(Some).collect(),
        })
    }
    fn series(&self, values: &[f64]) -> Result<Vec<f64>, BadInput> {
        self.check().map_err(|e| BadInput::new("parameters", e.to_string(), "valid parameters"))?;
        let at = |i: usize, e: BadInput| BadInput { what: format!("{} at index {i}", e.what), ..e };
        values.iter().enumerate().map(|(i, v)| self.taken(*v).map_err(|e| at(i, e))).collect()
    }
    /// The smallest order in [0, 2] whose difference (by a fixed window) of the last `search_window` values has a Dickey-Fuller p-value below
    /// `level`, and every order that was tried, each with the correlation to the original that is left. `None` when none passes.
    ///
    /// It looks at the whole series it is given: in a backtest give it only what was known.
    ///
    /// # Errors
    /// When the parameters are not valid, a value cannot be used, or the series is too short or does not vary.
    pub fn smallest_order(&self, values: &[f64]) -> Result<(Option<Order>, Vec<Order>), BadInput> {
        let x = self.series(&values[values.len().saturating_sub(self.search_window)..])?;
        let trend = match self.adf_terms {
            AdfTerms::None => Trend::None,
            AdfTerms::Constant => Trend::Constant,
            AdfTerms::Trend => Trend::Linear,
        };
        let search = Search {
            cutoff: self.cutoff,
            most: self.max_window,
            level: self.level,
            trend,
            lags: self.adf_lags.map_or(Lags::Aic(None), Lags::Fixed),
            ..Search::default()
        };
        fracdiff::smallest_order(&x, &search)
            .map_err(|e| BadInput::new("values", format!("{} values", x.len()), e.to_string()))
    }
}

/// What is differenced: the value or its logarithm.
fn taken(log: bool, value: f64) -> Result<f64, BadInput> {
    if log {
        return BadInput::positive("value", value).map(math::ln);
    }
    let fine = value.abs() <= LARGEST;
    if fine {
        Ok(value)
    } else {
        Err(BadInput::new("value", value.to_string(), "a finite number of at most 1e100 in size"))
    }
}

impl Params for FeFracdiffParams {
    const ID: &'static str = "fe_fracdiff";
    type Built = FeFracdiff;
    fn build(&self) -> Result<FeFracdiff, Invalid> {
        self.check()?;
        Ok(FeFracdiff::new(self))
    }
}

/// The registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    feature: Some(|v| Ok(Box::new(FeFracdiffFeature::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<FeFracdiffParams>(
        3,
        "Fractional differences of a series: as stationary as needed, with as much memory as can be kept.",
        "Hosking (1981), Fractional differencing; López de Prado (2018), Advances in financial machine learning, ch. 5",
    )
    .with_table::<FeFracdiffParams>()
};

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tradewind_core_types::testkit::{closes, every_parameter_matters, online_suite, online_trace, refuses};
    use tradewind_core_types::{Online, Plugin as _, Snapshot as _};

    fn inputs(seed: u64, n: usize) -> Vec<FeFracdiffIn> {
        closes(seed, n).into_iter().map(|value| FeFracdiffIn { value }).collect()
    }
    fn params(d: f64, window: FracdiffWindow) -> FeFracdiffParams {
        FeFracdiffParams { d, window, cutoff: 1e-3, ..Default::default() }
    }

    #[test]
    fn suite() {
        for d in [0.0, 0.4, 1.0, 1.7, 2.0] {
            online_suite(&params(d, FracdiffWindow::Fixed), &inputs(2, 500));
            online_suite(&params(d, FracdiffWindow::Expanding), &inputs(2, 200));
            let short = FeFracdiffParams { max_window: 30, ..params(d, FracdiffWindow::Expanding) };
            online_suite(&short, &inputs(2, 200));
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let mut c = params(0.5, FracdiffWindow::Fixed).build().unwrap();
        c.batch(&inputs(1, 100)).unwrap();
        refuses(&mut c, &[f64::NAN, f64::INFINITY, 0.0, -1.0].map(|value| FeFracdiffIn { value }));
        let mut c = FeFracdiffParams { log: false, ..Default::default() }.build().unwrap();
        refuses(&mut c, &[f64::NAN, f64::NEG_INFINITY, 1e101].map(|value| FeFracdiffIn { value }));
        let p = FeFracdiffParams {
            symbols: vec![],
            d: 2.001,
            cutoff: 0.0,
            max_window: 1,
            level: f64::NAN,
            adf_lags: Some(1001),
            search_window: 9,
            ..Default::default()
        };
        assert_eq!(p.build().map(|_| ()).unwrap_err().0.len(), 7);
        let e = FeFracdiffParams { d: -0.1, ..Default::default() }.build().map(|_| ()).unwrap_err();
        assert!(e.to_string().contains("-0.1"), "{e}");
        assert!(FeFracdiffParams { name: "a b".into(), ..Default::default() }.build().is_err());
        let e = FeFracdiffParams::default().transform(&[1.0, -2.0]).unwrap_err();
        assert!(e.to_string().contains("at index 1") && e.to_string().contains("-2"), "{e}");
    }

    #[test]
    fn every_parameter_changes_something() {
        let xs = inputs(3, 700);
        let values: Vec<f64> = xs.iter().map(|x| x.value).collect();
        let changes = [
            json!({"symbols": ["SPY", "TLT"]}),
            json!({"input": "fe_x.{symbol}.value"}),
            json!({"name": "diff"}),
            json!({"d": 0.3}),
            json!({"window": "expanding"}),
            json!({"cutoff": 1e-3}),
            json!({"max_window": 50}),
            json!({"log": false}),
            json!({"level": 0.4}),
            json!({"adf_terms": "trend"}),
            json!({"adf_lags": 7}),
            json!({"search_window": 600}),
        ];
        every_parameter_matters::<FeFracdiffParams>(&changes, |p| {
            let mut bytes = online_trace(p, &xs);
            bytes.extend(FeFracdiffFeature::new(p).unwrap().save().unwrap());
            bytes.extend(format!("{:?}", p.smallest_order(&values)).bytes());
            bytes
        });
        assert_eq!(FeFracdiffFeature::new(&FeFracdiffParams::default()).unwrap().id(), "fe_fracdiff");
    }

    #[test]
    fn whole_series_equal_streaming_values() {
        let xs = inputs(4, 6000);
        let values: Vec<f64> = xs.iter().map(|x| x.value).collect();
        for log in [false, true] {
            for p in [
                FeFracdiffParams { log, cutoff: 1e-4, ..params(0.3, FracdiffWindow::Fixed) },
                FeFracdiffParams { log, ..params(1.0, FracdiffWindow::Fixed) },
                FeFracdiffParams { log, ..params(0.6, FracdiffWindow::Expanding) },
                FeFracdiffParams { log, max_window: 700, ..params(0.6, FracdiffWindow::Expanding) },
            ] {
                let streaming = p.build().unwrap().batch(&xs).unwrap();
                let whole = p.transform(&values).unwrap();
                assert_eq!(whole.len(), xs.len());
                for (i, (a, b)) in streaming.iter().zip(&whole).enumerate() {
                    assert_eq!(a.is_some(), b.is_some(), "{i}");
                    if let (Some(a), Some(b)) = (a, b) {
                        assert!((a.value - b).abs() < 1e-9, "{i}: {} {b}", a.value);
                    }
                }
            }
        }
        assert_eq!(FeFracdiffParams::default().transform(&values[..5]).unwrap(), [None; 5]);
        assert!(FeFracdiffParams::default().transform(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_constant_is_left_with_the_sum_of_the_weights() {
        let p = FeFracdiffParams { log: false, ..params(0.5, FracdiffWindow::Fixed) };
        let n = p.weights().len();
        let out = p.build().unwrap().batch(&vec![FeFracdiffIn { value: 20.0 }; n]).unwrap();
        assert!(out[..n - 1].iter().all(Option::is_none));
        let want = 20.0 * p.weights().iter().sum::<f64>();
        assert!((out[n - 1].unwrap().value - want).abs() < 1e-12);
        let e = p.smallest_order(&[20.0; 500]).unwrap_err();
        assert!(e.to_string().contains("constant") && e.to_string().contains("500"), "{e}");
    }
}
