//! Entropy of SPY's returns by five methods, beside white noise: how much of a signal's size each would leave.
//!
//! `cargo run --release --example fe_entropy`

use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_entropy::{EntropyMethod, FeEntropyIn, FeEntropyOut, FeEntropyParams};
use tradewind_numerics::math;

fn run(params: &FeEntropyParams, closes: &[f64]) -> Result<Vec<FeEntropyOut>, Box<dyn std::error::Error>> {
    let mut calculator = params.build()?;
    let inputs: Vec<_> = closes.iter().map(|c| FeEntropyIn { close: *c }).collect();
    Ok(calculator.batch(&inputs)?.into_iter().flatten().collect())
}

fn median(mut x: Vec<f64>) -> f64 {
    x.sort_by(f64::total_cmp);
    x.get(x.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spy = testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None);
    let closes: Vec<f64> = spy.iter().map(|(_, c)| *c).collect();
    // Independent normal returns of 1 % a day: nothing to predict.
    let mut rng = testkit::Rng(1);
    let mut price = 100.0;
    let noise: Vec<f64> = (0..closes.len())
        .map(|_| {
            price *= math::exp(0.01 * rng.normal());
            price
        })
        .collect();

    println!("SPY 2008-2016, window 126            median entropy        signal quality");
    println!("                                      SPY     noise      mean   x 1    x floor");
    for method in [
        EntropyMethod::Permutation,
        EntropyMethod::Shannon,
        EntropyMethod::Sample,
        EntropyMethod::Approximate,
        EntropyMethod::LempelZiv,
    ] {
        let params = FeEntropyParams { method, ..Default::default() };
        let out = run(&params, &closes)?;
        let entropies = |o: &[FeEntropyOut]| median(o.iter().filter_map(|o| o.entropy).collect());
        let n = out.len() as f64;
        let share = |f: &dyn Fn(f64) -> bool| 100.0 * out.iter().filter(|o| f(o.quality)).count() as f64 / n;
        println!(
            "{:<34} {:>7.4} {:>8.4} {:>10.3} {:>4.0} % {:>6.0} %",
            method.to_string(),
            entropies(&out),
            entropies(&run(&params, &noise)?),
            out.iter().map(|o| o.quality).sum::<f64>() / n,
            share(&|q| q == 1.0),
            share(&|q| q < params.floor + 1e-12),
        );
    }
    println!("\nWhere the medians agree the method cannot tell SPY's returns from noise at this window.");

    let params = FeEntropyParams::default();
    let out = run(&params, &closes)?;
    let mut least: Vec<_> = spy.iter().skip(closes.len() - out.len()).zip(&out).collect();
    least.sort_by(|a, b| a.1.entropy.unwrap_or(9.0).total_cmp(&b.1.entropy.unwrap_or(9.0)));
    println!("\nMost orderly half-years by permutation entropy end on:");
    for ((date, _), o) in least.iter().step_by(25).take(4) {
        println!("  {date}  entropy {:.4}  quality {:.3}", o.entropy.unwrap_or(f64::NAN), o.quality);
    }
    Ok(())
}
