//! fe_mini_pca against scikit-learn's `IncrementalPCA` on returns of the 20 stocks: `tools/oracle/fe_mini_pca.py`.

use serde_json::Value;
use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_mini_pca::{FeMiniPcaIn, FeMiniPcaParams, Take};
use tradewind_numerics::pca::{IncrementalPca, Signs};

const TOLERANCE: f64 = 1e-8;
const STOCKS: &str = "AAPL AMD BAC BBY CVX GE HD JNJ JPM KO LLY MRK MSFT PEP PFE PG RRC UNH WMT XOM";

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/fe_mini_pca.json")).unwrap()
}

/// Prices of the first `columns` stocks, day by day.
fn prices(columns: usize) -> Vec<Vec<f64>> {
    let all: Vec<Vec<f64>> = STOCKS
        .split(' ')
        .take(columns)
        .map(|s| testkit::sample("stocks20_adjclose_1990_2022.csv.gz", s, None).into_iter().map(|(_, x)| x).collect())
        .collect();
    (0..all[0].len()).map(|i| all.iter().map(|c| c[i]).collect()).collect()
}

/// Simple returns, row by row in one list.
fn returns(columns: usize) -> Vec<f64> {
    let p = prices(columns);
    p.windows(2).flat_map(|w| w[1].iter().zip(&w[0]).map(|(a, b)| a / b - 1.0).collect::<Vec<_>>()).collect()
}

fn numbers(v: &Value) -> Vec<f64> {
    match v {
        Value::Array(a) => a.iter().flat_map(numbers).collect(),
        x => vec![x.as_f64().unwrap()],
    }
}

/// The largest difference so far.
struct Worst(f64);

impl Worst {
    fn see(&mut self, got: &[f64], want: &Value, what: &str) {
        let want = numbers(want);
        assert_eq!(got.len(), want.len(), "{what}");
        for (g, w) in got.iter().zip(&want) {
            assert!((g - w).abs() <= TOLERANCE, "{what}: {g} and not {w}");
            self.0 = self.0.max((g - w).abs());
        }
    }
}

#[test]
fn fits_in_batches_are_those_of_sklearn() {
    let x = returns(20);
    let all = oracle();
    let mut worst = Worst(0.0);
    for case in all["fits"].as_array().unwrap() {
        let number = |key: &str| case[key].as_u64().unwrap() as usize;
        let what = format!("batch {} components {}", number("batch"), number("k"));
        let mut pca = IncrementalPca::new(20, number("k"), 1.0, Signs::Largest).unwrap();
        pca.fit(&x, number("batch")).unwrap();
        let whiten = case["whiten"].as_bool().unwrap();
        let mut scores = vec![0.0; number("k")];
        let mut got = Vec::new();
        for row in x.chunks_exact(20).step_by(997) {
            pca.transform(row, whiten, &mut scores).unwrap();
            got.extend_from_slice(&scores);
        }
        worst.see(&got, &case["scores"], &format!("{what} scores, whiten {whiten}"));
        if whiten {
            continue;
        }
        let components: Vec<f64> = pca.components().flatten().copied().collect();
        worst.see(&components, &case["components"], &format!("{what} components"));
        worst.see(pca.singular_values(), &case["singular_values"], &format!("{what} singular values"));
        worst.see(pca.explained_variance(), &case["explained_variance"], &format!("{what} variance"));
        worst.see(pca.explained_ratio(), &case["explained_variance_ratio"], &format!("{what} ratio"));
        worst.see(pca.mean(), &case["mean"], &format!("{what} mean"));
        worst.see(pca.variance(), &case["var"], &format!("{what} var"));
        worst.see(&[pca.noise_variance()], &case["noise_variance"], &format!("{what} noise"));
        assert_eq!(pca.weight(), case["n"].as_f64().unwrap(), "{what}");
        // Relative too: variances of daily returns are small numbers.
        let relative =
            |a: &[f64], b: &Value| a.iter().zip(numbers(b)).map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f64::max);
        assert!(relative(pca.explained_variance(), &case["explained_variance"]) < TOLERANCE, "{what}");
        assert!(
            (pca.noise_variance() - case["noise_variance"].as_f64().unwrap()).abs() < 1e-8 * pca.variance()[0],
            "{what}"
        );
    }
    println!("{} fits: largest difference {:.1e}", all["fits"].as_array().unwrap().len(), worst.0);
}

#[test]
fn streamed_scores_are_by_the_fit_before_the_row() {
    let case = &oracle()["streamed"];
    let prices = prices(8);
    let p = FeMiniPcaParams {
        symbols: STOCKS.split(' ').take(8).map(String::from).collect(),
        components: 2,
        batch: case["batch"].as_u64().unwrap() as usize,
        signs: Signs::Largest,
        take: Take::Returns,
        ..Default::default()
    };
    let inputs: Vec<FeMiniPcaIn> = prices.iter().map(|r| FeMiniPcaIn::of(r).unwrap()).collect();
    let out = p.build().unwrap().batch(&inputs).unwrap();
    let mut worst = Worst(0.0);
    for want in case["rows"].as_array().unwrap() {
        // A return has the index of its second price.
        let i = want[0].as_u64().unwrap() as usize;
        let o = out[i + 1].unwrap();
        let got = [i as f64, o.pc1.unwrap(), o.pc2.unwrap(), o.explained.unwrap(), o.residual.unwrap()];
        worst.see(&got, want, &format!("row {i}"));
    }
    println!("{} rows: largest difference {:.1e}", case["rows"].as_array().unwrap().len(), worst.0);
}

#[test]
fn forgetting_is_the_weighted_covariance() {
    let case = &oracle()["forgotten"];
    let x = returns(6);
    let mut pca = IncrementalPca::new(6, 6, case["forget"].as_f64().unwrap(), Signs::Largest).unwrap();
    pca.fit(&x[..1050 * 6], 50).unwrap();
    let mut worst = Worst(0.0);
    worst.see(&[pca.weight()], &case["n"], "weight");
    worst.see(pca.mean(), &case["mean"], "mean");
    worst.see(pca.explained_variance(), &case["explained_variance"], "variance");
    worst.see(&pca.components().flatten().copied().collect::<Vec<_>>(), &case["components"], "components");
    println!("forgetting: largest difference {:.1e}", worst.0);
}
