//! Twenty stocks hedged with SPY, 2009-2016, out of sample: which beta takes away most variance, against no hedge and a static one, and
//! what dead band and costs do to the hedge of a book.
//!
//! `cargo run --release --example risk_auto_hedge_ratio`

use std::collections::BTreeMap;

use tradewind_core_types::{Online, Params, testkit};
use tradewind_risk::plugins::risk_auto_hedge_ratio::{
    Estimator, HedgeTerms, RiskAutoHedgeRatioIn, RiskAutoHedgeRatioParams, Shrinkage,
};

const STOCKS: [&str; 20] = [
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "MSFT", "PEP", "PFE", "PG",
    "RRC", "UNH", "WMT", "XOM",
];
/// Sessions before the comparison begins: what a static hedge is estimated from.
const FIRST: usize = 253;

fn variance(v: &[f64]) -> f64 {
    let mean = v.iter().sum::<f64>() / v.len() as f64;
    v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (v.len() - 1) as f64
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spy: BTreeMap<String, f64> = testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None).into_iter().collect();
    let mut closes: Vec<Vec<RiskAutoHedgeRatioIn>> = Vec::new();
    for s in STOCKS {
        let all = testkit::sample("stocks20_adjclose_1990_2022.csv.gz", s, None).into_iter();
        let joined = all.filter_map(|(d, asset)| spy.get(&d).map(|m| RiskAutoHedgeRatioIn { asset, market: *m }));
        closes.push(joined.collect());
    }
    let sessions = closes[0].len();
    let market: Vec<f64> = closes[0].windows(2).map(|w| w[1].market / w[0].market - 1.0).collect();
    let asset: Vec<Vec<f64>> =
        closes.iter().map(|c| c.windows(2).map(|w| w[1].asset / w[0].asset - 1.0).collect()).collect();

    // betas[k][t]: known after close t, used for the return to close t + 1.
    let betas = |p: &RiskAutoHedgeRatioParams| -> Result<Vec<Vec<f64>>, Box<dyn std::error::Error>> {
        let of = |c: &Vec<RiskAutoHedgeRatioIn>| {
            Ok(p.build()?.batch(c)?.iter().map(|o| o.and_then(|o| o.beta).unwrap_or(0.0)).collect())
        };
        closes.iter().map(of).collect()
    };
    let with = |estimator, shrinkage| RiskAutoHedgeRatioParams { estimator, shrinkage, ..Default::default() };
    let ols = betas(&with(Estimator::Ols, Shrinkage::None))?;
    let mut methods = vec![
        ("beta of one", vec![vec![1.0; sessions]; 20]),
        ("static (first year)", ols.iter().map(|b| vec![b[FIRST - 1]; sessions]).collect()),
    ];
    for (name, estimator) in [
        ("ols 252", Estimator::Ols),
        ("ewma 0.98", Estimator::Ewma),
        ("kalman 0.02", Estimator::Kalman),
        ("dimson, 1 lag", Estimator::Dimson),
    ] {
        methods.push((name, betas(&with(estimator, Shrinkage::None))?));
        methods.push(("  shrunk", betas(&with(estimator, Shrinkage::Fixed))?));
    }
    println!("share of variance taken away by the hedge, {} sessions out of sample", sessions - FIRST);
    println!("{:<20} mean of 20   worst   best   equally weighted book   change of beta a session", "");
    for (name, b) in &methods {
        let hedged = |k: usize| -> Vec<f64> {
            (FIRST..sessions).map(|t| asset[k][t - 1] - b[k][t - 1] * market[t - 1]).collect()
        };
        let e: Vec<f64> = (0..20).map(|k| 1.0 - variance(&hedged(k)) / variance(&asset[k][FIRST - 1..])).collect();
        let book = |t: usize| asset.iter().map(|a| a[t - 1]).sum::<f64>() / 20.0;
        let mean_beta = |t: usize| b.iter().map(|b| b[t - 1]).sum::<f64>() / 20.0;
        let plain: Vec<f64> = (FIRST..sessions).map(book).collect();
        let left: Vec<f64> = (FIRST..sessions).map(|t| book(t) - mean_beta(t) * market[t - 1]).collect();
        let moves: f64 = b.iter().flat_map(|b| b[FIRST - 1..].windows(2)).map(|w| (w[1] - w[0]).abs()).sum();
        println!(
            "{name:<20} {:>9.1} % {:>5.1} % {:>4.1} % {:>18.2} % {:>23.4}",
            100.0 * e.iter().sum::<f64>() / 20.0,
            100.0 * e.iter().copied().fold(f64::MAX, f64::min),
            100.0 * e.iter().copied().fold(f64::MIN, f64::max),
            100.0 * (1.0 - variance(&left) / variance(&plain)),
            moves / (20 * (sessions - FIRST)) as f64
        );
    }

    // A book of 60 % in the twenty, hedged as the rule does it.
    println!("\n60 % of equity in the twenty, betas by ewma, shrunk");
    println!("dead band   cost   trades   turnover a year   cost a year   variance taken away");
    let b = betas(&RiskAutoHedgeRatioParams::default())?;
    for (dead_band, cost_bps) in [(0.0, 0.0), (0.0, 5.0), (0.05, 1.0), (0.05, 5.0), (0.10, 5.0)] {
        let terms = HedgeTerms::of(&RiskAutoHedgeRatioParams { dead_band, cost_bps, ..Default::default() });
        let (mut held, mut trades, mut turnover, mut var) = (0.0, 0, 0.0, 1e-4);
        let (mut plain, mut left) = (Vec::new(), Vec::new());
        for t in FIRST..sessions {
            let exposure = b.iter().map(|b| 0.03 * b[t - 1]).sum::<f64>();
            let d = terms.decide(exposure, 1.0, held, Some(var));
            if !d.keep && d.weight != held {
                trades += 1;
                turnover += (d.weight - held).abs();
                held = d.weight;
            }
            let r = asset.iter().map(|a| 0.03 * a[t - 1]).sum::<f64>();
            plain.push(r);
            left.push(r + held * market[t - 1]);
            var = 0.94 * var + 0.06 * market[t - 1] * market[t - 1];
        }
        let years = plain.len() as f64 / 252.0;
        println!(
            "{dead_band:>9.2} {cost_bps:>4.0} bp {trades:>8} {:>14.2} x {:>10.2} bp {:>19.2} %",
            turnover / years,
            cost_bps * turnover / years,
            100.0 * (1.0 - variance(&left) / variance(&plain))
        );
    }
    Ok(())
}
