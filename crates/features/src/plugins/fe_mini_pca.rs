//! Principal components of several series, learned in mini-batches: a few scores in the place of many returns.

mod columns;
mod feature;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, Symbol, parse_params};
use tradewind_numerics::pca::{IncrementalPca, Signs};

use crate::input::{CLOSE, Series};

pub use columns::{FeMiniPcaIn, FeMiniPcaOut, MAX_COLUMNS, MAX_COMPONENTS};
pub use feature::FeMiniPcaFeature;

/// Values beyond this size are refused: their squares would leave the range of numbers.
const LARGEST: f64 = 1e100;

/// What the components are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// Of simple returns of the values from row to row.
    Returns,
    /// Of the values as they are.
    Level,
}

/// Scores of each row by principal components that were learned from the rows before it.
///
/// Input: `x1` to `xN`, one for each of the N `symbols` (at most 32): prices above zero for `returns`, any number up to 1e100 in size for
/// `level`. Output: `pc1` to `pcK` (K = `components`, at most 8), `explained`, the share of the components in all variance so far, and
/// `residual`, the root mean square of what they leave of the row.
///
/// After every `batch` rows r the components V, singular values S and the mean are brought up to date by the singular value decomposition of
///
/// [ sqrt(f) S V; r - b; sqrt(f n m / (f n + m)) (a - b) ]
///
/// with m = `batch`, b the batch's mean, a and n mean and count before, f = `forget`: with f = 1 exactly scikit-learn's `IncrementalPCA`. A
/// row's scores are (row - mean) V' (with `whiten` over sqrt(explained variance)) by the components of whole batches BEFORE it: out of sample.
///
/// A row with an empty cell gets no scores and is not learned; with `returns` the next one neither. Both are counted.
/// Warm-up: `batch` rows, one more for `returns`.
///
/// Sources: Ross, Lim, Lin & Yang (2008) Int. J. Computer Vision 77, 125 (incremental with mean and forgetting); scikit-learn 1.9
/// `IncrementalPCA`, whose values these are.
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_features::plugins::fe_mini_pca::{FeMiniPcaIn, FeMiniPcaParams, Take};
/// let p = FeMiniPcaParams {
///     take: Take::Level, batch: 2, components: 1, symbols: vec!["A".into(), "B".into()], ..Default::default()
/// };
/// let mut pca = p.build()?;
/// let mut last = None;
/// for row in [[0.0, 0.0], [2.0, 2.0], [3.0, 1.0]] {
///     last = pca.update(&FeMiniPcaIn::of(&row).ok_or("two columns")?)?;
/// }
/// // Two rows lie on the diagonal through their mean (1, 1): the score of (3, 1) is (2, 0) (1, 1)' / sqrt 2, and (1, -1) is left.
/// let last = last.ok_or("warm after two rows")?;
/// assert!((last.pc1.unwrap_or(0.0) - 2.0_f64.sqrt()).abs() < 1e-12);
/// assert!((last.residual.unwrap_or(0.0) - 1.0).abs() < 1e-12 && (last.explained.unwrap_or(0.0) - 1.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeMiniPcaParams {
    /// The columns, 1 to 32, each once: the symbols the feature follows; for the table the names of `x1`, `x2`, ...
    pub symbols: Vec<String>,
    /// Components kept, 1 to 8 and at most the number of symbols.
    pub components: usize,
    /// Rows of a mini-batch, from the number of components (at least 2) to 10000.
    pub batch: usize,
    /// By how much what came before a batch counts, above 0 to 1; 1 forgets nothing. The half-life is ln 0.5 / ln forget batches.
    pub forget: f64,
    /// Whether scores are divided by the standard deviation of their component.
    pub whiten: bool,
    /// Sign of a component: `continuous` (as it was before) or `largest` (the largest loading is positive, as in scikit-learn; it may turn
    /// around from batch to batch).
    #[schemars(with = "String")]
    pub signs: Signs,
    /// Of what: `returns` (simple, from row to row) or `level` (the values as they are).
    pub take: Take,
    /// What the feature reads of each symbol: `close`, or a published feature in which `{symbol}` stands for the symbol.
    pub input: String,
    /// What the names of the published values begin with: `NAME.pc1`.
    pub name: String,
}

impl Default for FeMiniPcaParams {
    fn default() -> Self {
        Self {
            symbols: ["SPY", "TLT", "IEF"].map(String::from).to_vec(),
            components: 2,
            batch: 21,
            forget: 1.0,
            whiten: false,
            signs: Signs::Continuous,
            take: Take::Returns,
            input: CLOSE.into(),
            name: Self::ID.into(),
        }
    }
}

impl FeMiniPcaParams {
    fn series(&self) -> Result<Vec<Series>, Invalid> {
        let mut bad = Invalid::default();
        let n = self.symbols.len();
        bad.require((1..=MAX_COLUMNS).contains(&n), "symbols", format!("a list of {n}"), "1 to 32 symbols");
        let mut all = Vec::new();
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

impl Params for FeMiniPcaParams {
    const ID: &'static str = "fe_mini_pca";
    type Built = FeMiniPca;
    fn build(&self) -> Result<FeMiniPca, Invalid> {
        let mut bad = Invalid::default();
        let (n, k) = (self.symbols.len(), self.components);
        let most = n.min(MAX_COMPONENTS);
        let expected = format!("1 to {most} for {n} columns (at most {MAX_COMPONENTS})");
        bad.require((1..=most).contains(&k), "components", k, &expected);
        let least = k.clamp(2, MAX_COMPONENTS);
        bad.require((least..=10_000).contains(&self.batch), "batch", self.batch, &format!("{least} to 10000"));
        bad.require(self.forget > 0.0 && self.forget <= 1.0, "forget", self.forget, "above 0 and at most 1");
        let series = bad.absorb(self.series()).unwrap_or_default();
        bad.absorb(feature::names(&Self { components: most.min(k), ..self.clone() }));
        bad.into_result(())?;
        let pca = IncrementalPca::new(n, k, self.forget, self.signs);
        Ok(FeMiniPca {
            names: series.iter().map(Series::symbol).collect(),
            returns: self.take == Take::Returns,
            whiten: self.whiten,
            pca: pca.map_err(|e| Invalid::one("components", e.to_string()))?,
            previous: vec![None; n],
            buffer: vec![0.0; n * self.batch],
            filled: 0,
            rows: 0,
            skipped: 0,
            fits: 0,
            failed_fits: 0,
        })
    }
}

/// The calculator: see [`FeMiniPcaParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeMiniPca {
    names: Vec<Symbol>,
    returns: bool,
    whiten: bool,
    pca: IncrementalPca,
    /// The row before, when returns are taken.
    previous: Vec<Option<f64>>,
    /// The rows of the batch to come, `filled` values of it.
    buffer: Vec<f64>,
    filled: usize,
    rows: u64,
    skipped: u64,
    fits: u64,
    failed_fits: u64,
}

impl FeMiniPca {
    /// The components as they are now.
    pub fn pca(&self) -> &IncrementalPca {
        &self.pca
    }
    /// Takes a row, a cell for each symbol: what [`Online::update`] does.
    ///
    /// # Errors
    /// When a cell cannot be used, or there are more or fewer than symbols; the state is then as before.
    pub fn row(&mut self, cells: &[Option<f64>]) -> Result<Option<FeMiniPcaOut>, BadInput> {
        if cells.len() != self.names.len() {
            let expected = format!("{} cells, one for each symbol", self.names.len());
            return Err(BadInput::new("row", format!("{} cells", cells.len()), expected));
        }
        let (mut whole, mut row) = (true, [0.0; MAX_COLUMNS]);
        for (((cell, before), name), x) in cells.iter().zip(&self.previous).zip(&self.names).zip(&mut row) {
            let Some(value) = *cell else {
                whole = false;
                continue;
            };
            let what = || format!("{name}");
            if value.is_nan() || value.abs() > LARGEST {
                return Err(BadInput::new(what(), value.to_string(), "a finite number of at most 1e100 in size"));
            }
            *x = value;
            if self.returns {
                let now = if value > 0.0 { value } else { BadInput::positive(&what(), value)? };
                match before {
                    Some(before) => *x = now / before - 1.0,
                    None => whole = false,
                }
                if x.is_nan() || x.abs() > LARGEST {
                    return Err(BadInput::new(what(), value.to_string(), "a return of at most 1e100"));
                }
            }
        }
        // Nothing can fail from here on.
        let begin = self.returns && self.rows == 0;
        self.rows += 1;
        if self.returns {
            self.previous.copy_from_slice(cells);
        }
        let row = &row[..cells.len().min(MAX_COLUMNS)];
        let out = self.score(whole.then_some(row));
        if whole {
            self.learn(row);
        } else if !begin {
            self.skipped += 1;
        }
        Ok((self.rows > self.warmup() as u64).then_some(out))
    }
    fn score(&self, row: Option<&[f64]>) -> FeMiniPcaOut {
        let mut out = FeMiniPcaOut::default();
        if self.fits == 0 {
            return out;
        }
        out.explained = Some(self.pca.explained_ratio().iter().sum::<f64>().min(1.0));
        let (mut scores, mut said) = ([0.0; MAX_COMPONENTS], [0.0; MAX_COLUMNS]);
        let scores = &mut scores[..self.pca.explained_ratio().len().min(MAX_COMPONENTS)];
        if let Some(row) = row
            && self.pca.transform(row, false, scores).is_ok()
        {
            let said = &mut said[..row.len().min(MAX_COLUMNS)];
            self.pca.inverse(scores, said);
            let squares: f64 = row.iter().zip(said).map(|(x, s)| (x - *s) * (x - *s)).sum();
            out.residual = Some((squares / row.len() as f64).sqrt());
            if self.whiten && self.pca.transform(row, true, scores).is_err() {
                return out;
            }
            out.set(scores);
        }
        out
    }
    fn learn(&mut self, row: &[f64]) {
        if let Some(place) = self.buffer.get_mut(self.filled..self.filled + row.len()) {
            place.copy_from_slice(row);
            self.filled += row.len();
        }
        if self.filled == self.buffer.len() {
            self.filled = 0;
            match self.pca.partial_fit(&self.buffer) {
                Ok(()) => self.fits += 1,
                // The components stay what they were.
                Err(_) => self.failed_fits += 1,
            }
        }
    }
}

impl Online for FeMiniPca {
    type In = FeMiniPcaIn;
    type Out = FeMiniPcaOut;
    fn update(&mut self, x: &FeMiniPcaIn) -> Result<Option<FeMiniPcaOut>, BadInput> {
        let (all, n) = (x.cells(), self.names.len());
        let (mine, others) = all.split_at(n.min(MAX_COLUMNS));
        if let Some(i) = others.iter().position(Option::is_some) {
            let expected = format!("an empty cell: there are {n} symbols");
            return Err(BadInput::new(format!("x{}", n + i + 1), "a value", expected));
        }
        self.row(mine)
    }
    fn warmup(&self) -> usize {
        self.buffer.len() / self.names.len().max(1) + usize::from(self.returns)
    }
    fn summary(&self) -> Value {
        let p = &self.pca;
        let loadings: Vec<Value> = p
            .components()
            .map(|c| {
                self.names
                    .iter()
                    .zip(c)
                    .map(|(s, v)| (s.to_string(), json!(v)))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            })
            .collect();
        json!({
            "rows": self.rows,
            "skipped": self.skipped,
            "fits": self.fits,
            "failed_fits": self.failed_fits,
            "explained_ratio": p.explained_ratio(),
            "explained_variance": p.explained_variance(),
            "noise_variance": p.noise_variance(),
            "rank": p.rank(),
            "components": loadings,
        })
    }
}

/// The registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    feature: Some(|v| Ok(Box::new(FeMiniPcaFeature::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<FeMiniPcaParams>(
        3,
        "Principal components of several series, learned in mini-batches: a few scores in the place of many returns.",
        "Ross, Lim, Lin & Yang (2008), Incremental learning for robust visual tracking",
    )
    .with_table::<FeMiniPcaParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    fn level(n: usize, batch: usize, components: usize) -> FeMiniPcaParams {
        let symbols = (0..n).map(|i| format!("S{i}")).collect();
        FeMiniPcaParams { take: Take::Level, batch, components, symbols, ..Default::default() }
    }

    #[test]
    fn two_rows_by_hand() {
        // Mean (1, 2, 0), deviations -+(3, 4, 0): one component (0.6, 0.8, 0), S^2 = 50, variance 50.
        let mut pca = level(3, 2, 1).build().unwrap();
        assert_eq!(pca.row(&[Some(-2.0), Some(-2.0), Some(0.0)]).unwrap(), None);
        assert_eq!(pca.row(&[Some(4.0), Some(6.0), Some(0.0)]).unwrap(), None);
        let out = pca.row(&[Some(1.0), Some(7.0), Some(3.0)]).unwrap().unwrap();
        // (0, 5, 3): 4 along the component, (-2.4, 1.8, 3) left.
        assert!((out.pc1.unwrap() - 4.0).abs() < 1e-14 && out.pc2.is_none());
        assert!((out.residual.unwrap() - 6.0_f64.sqrt()).abs() < 1e-14, "{out:?}");
        assert!(
            (pca.pca().explained_variance()[0] - 50.0).abs() < 1e-12 && (out.explained.unwrap() - 1.0).abs() < 1e-14
        );
        let whiten = FeMiniPcaParams { whiten: true, ..level(3, 2, 1) };
        let mut white = whiten.build().unwrap();
        for r in [[-2.0, -2.0, 0.0], [4.0, 6.0, 0.0]] {
            white.row(&r.map(Some)).unwrap();
        }
        let w = white.row(&[1.0, 7.0, 3.0].map(Some)).unwrap().unwrap();
        assert!((w.pc1.unwrap() - 4.0 / 50.0_f64.sqrt()).abs() < 1e-14 && w.residual == out.residual);
    }

    #[test]
    fn returns_need_two_rows_in_a_row() {
        let p = FeMiniPcaParams { take: Take::Returns, ..level(2, 2, 1) };
        let mut pca = p.build().unwrap();
        assert_eq!(pca.warmup(), 3);
        let rows = [
            (100.0, 50.0),
            (110.0, 51.0),
            (110.0, 51.0),
            (121.0, 51.0),
            (f64::NAN, 51.0),
            (121.0, 51.0),
            (121.0, 51.0),
        ];
        let cell = |x: f64| (!x.is_nan()).then_some(x);
        let out: Vec<_> = rows.iter().map(|(a, b)| pca.row(&[cell(*a), cell(*b)]).unwrap()).collect();
        assert_eq!(out[..3], [None; 3]);
        // Returns (0.1, 0.02), (0, 0): the mean is half of the first. (0.1, 0) is (0.05, -0.01) from it.
        let score = (0.05 * 0.1 - 0.01 * 0.02) / 0.1_f64.hypot(0.02);
        assert!((out[3].unwrap().pc1.unwrap() - score).abs() < 1e-14, "{:?}", out[3]);
        assert!(out[4].unwrap().pc1.is_none() && out[5].unwrap().pc1.is_none() && out[6].unwrap().pc1.is_some());
        assert_eq!((pca.skipped, pca.rows, pca.fits), (2, 7, 2));
    }
}
