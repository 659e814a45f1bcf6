//! VIX regimes of 2014-2018: how long each lasted, what hysteresis and dwell save in switches, and August 2015 day by day.
//!
//! `cargo run --release --example alpha_vix_regime`

use tradewind_alpha::plugins::alpha_vix_regime::{
    AlphaVixRegimeIn, AlphaVixRegimeOut, AlphaVixRegimeParams, VixThresholds,
};
use tradewind_core_types::{Online, Params, testkit};

fn run(p: &AlphaVixRegimeParams, vix: &[(String, f64)]) -> Result<Vec<AlphaVixRegimeOut>, Box<dyn std::error::Error>> {
    let inputs: Vec<_> = vix.iter().map(|(_, v)| AlphaVixRegimeIn { vix: *v, vix3m: None }).collect();
    Ok(p.build()?.batch(&inputs)?.into_iter().flatten().collect())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let vix = testkit::sample("vix_close_2014_2019.csv", "vix", None);
    let settings = [
        ("thresholds alone", AlphaVixRegimeParams { hysteresis: 0.0, min_dwell: 1, ..Default::default() }),
        ("and hysteresis 0.5", AlphaVixRegimeParams { min_dwell: 1, ..Default::default() }),
        ("and dwell 5 (default)", AlphaVixRegimeParams::default()),
        ("two-year quantiles", AlphaVixRegimeParams { thresholds: VixThresholds::Quantile, ..Default::default() }),
    ];
    println!("VIX, {} sessions          LOW  NORMAL  ELEVATED  CRISIS   switches   mean multiplier", vix.len());
    for (name, p) in &settings {
        let out = run(p, &vix)?;
        let share = |k: u8| 100.0 * out.iter().filter(|o| o.level == k).count() as f64 / out.len() as f64;
        println!(
            "{name:<24} {:>5.1} % {:>5.1} % {:>7.1} % {:>5.1} % {:>9} {:>16.3}",
            share(0),
            share(1),
            share(2),
            share(3),
            out.windows(2).filter(|w| w[0].level != w[1].level).count(),
            out.iter().map(|o| o.multiplier).sum::<f64>() / out.len() as f64,
        );
    }
    println!("\nAugust and September 2015, default settings");
    for ((date, level), o) in vix.iter().zip(run(&AlphaVixRegimeParams::default(), &vix)?) {
        if ("2015-08-18".."2015-09-16").contains(&date.as_str()) {
            let regime = o.regime.to_string();
            println!("{date}  VIX {level:>5.2}  {regime:<8}  x {:.1}  session {}", o.multiplier, o.sessions_in_regime);
        }
    }
    Ok(())
}
