//! SPY at 15 % volatility: realised volatility by year with and without the target, and what the dead band saves in turnover.
//!
//! `cargo run --release --example risk_vol_target`

use std::collections::BTreeMap;

use tradewind_core_types::{Online, Params, testkit};
use tradewind_risk::plugins::risk_vol_target::{Forecast, RiskVolTargetIn, RiskVolTargetParams};

fn volatility(r: &[f64]) -> f64 {
    let mean = r.iter().sum::<f64>() / r.len() as f64;
    (252.0 * r.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (r.len() - 1) as f64).sqrt()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spy = testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None);
    let rows: Vec<_> = spy.iter().map(|(_, close)| RiskVolTargetIn { close: *close, volatility: None }).collect();
    let out = RiskVolTargetParams::default().build()?.batch(&rows)?;

    // The multiplier of one close is held to the next.
    let mut years: BTreeMap<&str, (Vec<f64>, Vec<f64>, f64)> = BTreeMap::new();
    for (i, w) in spy.windows(2).enumerate() {
        let (Some(o), r) = (out[i], w[1].1 / w[0].1 - 1.0) else { continue };
        let year = years.entry(&w[1].0[..4]).or_default();
        year.0.push(r);
        year.1.push(o.multiplier * r);
        year.2 += o.multiplier;
    }
    println!("year   SPY      at target   mean multiplier");
    for (year, (plain, scaled, m)) in &years {
        let (a, b) = (100.0 * volatility(plain), 100.0 * volatility(scaled));
        println!("{year}   {a:>4.1} %   {b:>6.1} %     {:.2}", m / plain.len() as f64);
    }
    let plain: Vec<f64> = years.values().flat_map(|y| y.0.clone()).collect();
    let scaled: Vec<f64> = years.values().flat_map(|y| y.1.clone()).collect();
    println!("all    {:>4.1} %   {:>6.1} %\n", 100.0 * volatility(&plain), 100.0 * volatility(&scaled));

    println!("forecast   dead band   changes   turnover a year");
    for (name, forecast) in [("ewma", Forecast::Ewma), ("rolling", Forecast::Rolling)] {
        for dead_band in [0.0, 0.1, 0.2] {
            let params = RiskVolTargetParams { forecast, dead_band, ..Default::default() };
            let m: Vec<f64> = params.build()?.batch(&rows)?.into_iter().flatten().map(|o| o.multiplier).collect();
            let changes = m.windows(2).filter(|w| w[0] != w[1]).count();
            let turnover = m.windows(2).map(|w| (w[1] - w[0]).abs()).sum::<f64>() * 252.0 / m.len() as f64;
            println!("{name:<10} {:>6.0} %  {changes:>8}   {turnover:>10.2} x equity", 100.0 * dead_band);
        }
    }
    Ok(())
}
