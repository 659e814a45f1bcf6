//! Are the probabilities true, and what does a whisper that means something look like beside one that does not? Simulated reports:
//! `cargo run --release -p tradewind-alpha --example alpha_whisper_spread`.

use tradewind_alpha::plugins::alpha_whisper_spread::{AlphaWhisperSpreadIn, AlphaWhisperSpreadParams};
use tradewind_core_types::testkit::Rng;
use tradewind_core_types::{Online, Params};
use tradewind_numerics::math;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (name, edge) in [("informed whispers", 0.8), ("whispers that mean nothing", 0.0)] {
        let mut model = AlphaWhisperSpreadParams::default().build()?;
        let mut rng = Rng(2026);
        let (mut n, mut signals, mut right) = (0, 0, 0);
        let mut bins = [(0, 0.0, 0); 5];
        for i in 0..8000 {
            let units = rng.normal();
            let odds = math::ln(0.68_f64 / 0.32) + edge * units;
            let beat = rng.uniform() < 1.0 / (1.0 + math::exp(-odds));
            let row = AlphaWhisperSpreadIn {
                symbol: format!("SIM{:03}", rng.next_u64() % 200),
                consensus: Some(1.0),
                whisper: Some(1.0 + 0.05 * units),
                dispersion: None,
                actual: Some(if beat { 1.04 } else { 0.97 }),
            };
            let Some(o) = model.update(&row)? else { continue };
            let (Some(p), Some(score)) = (o.probability, o.score) else { continue };
            // The first two thousand teach.
            if i < 2000 {
                continue;
            }
            n += 1;
            let bin = &mut bins[((5.0 * p) as usize).min(4)];
            *bin = (bin.0 + 1, bin.1 + p, bin.2 + i32::from(beat));
            if score != 0.0 {
                signals += 1;
                right += i32::from((score > 0.0) == beat);
            }
        }
        println!("{name}: signals on {:.1} % of {n} reports", 100.0 * f64::from(signals) / f64::from(n));
        if signals > 0 {
            println!(
                "  a beat or miss in the direction of the signal: {:.1} %",
                100.0 * f64::from(right) / f64::from(signals)
            );
        }
        for (count, sum, beats) in bins.into_iter().filter(|b| b.0 > 30) {
            let count = f64::from(count);
            println!("  said {:5.1} %, was {:5.1} % of {count}", 100.0 * sum / count, 100.0 * f64::from(beats) / count);
        }
        println!("  coefficients {}", model.summary()["coefficients"]);
    }
    Ok(())
}
