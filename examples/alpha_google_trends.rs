//! Do days of unusual attention pay? Share volume of the S&P 500 stands in for search interest, which the sample does not hold:
//! `cargo run --release -p tradewind-alpha --example alpha_google_trends`.

use tradewind_alpha::plugins::alpha_google_trends::{AlphaGoogleTrendsIn, AlphaGoogleTrendsParams};
use tradewind_core_types::testkit::sample;
use tradewind_core_types::{Online, Params};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let of = |column| sample("index_ohlcv_1999_2018.csv.gz", column, Some(("symbol", "SPX")));
    let (volume, close) = (of("volume"), of("close"));
    println!(
        "least velocity   spikes   mean confidence   next 5 sessions   next 20 sessions   (all: see the last line)"
    );
    let after = |i: usize, n: usize| Some(close.get(i + n)?.1 / close[i].1 - 1.0);
    for min_velocity in [1.5, 2.0, 3.0, 4.0] {
        let mut attention = AlphaGoogleTrendsParams { min_velocity, ..Default::default() }.build()?;
        let (mut n, mut sure, mut week, mut month) = (0.0, 0.0, 0.0, 0.0);
        for (i, (_, interest)) in volume.iter().enumerate() {
            let Some(o) = attention.update(&AlphaGoogleTrendsIn { interest: interest / 1e7 })? else { continue };
            if let (true, Some(a), Some(b)) = (o.spike, after(i, 5), after(i, 20)) {
                (n, sure, week, month) = (n + 1.0, sure + o.confidence, week + a, month + b);
            }
        }
        println!("{min_velocity:14.1} {n:8} {:17.3} {:16.2}% {:17.2}%", sure / n, 100.0 * week / n, 100.0 * month / n);
    }
    let mean = |n: usize| {
        let all: Vec<f64> = (0..close.len()).filter_map(|i| after(i, n)).collect();
        100.0 * all.iter().sum::<f64>() / all.len() as f64
    };
    println!("all sessions {:10} {:34.2}% {:17.2}%", close.len(), mean(5), mean(20));
    Ok(())
}
