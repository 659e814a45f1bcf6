//! Twenty stocks 1990-2022: do forecasts of tracking error hold, which covariance is to be believed, and how far a book of six names must
//! go back to the equally weighted twenty to stay within 6 %.
//!
//! `cargo run --release --example risk_tracking_error`

use std::collections::BTreeMap;

use tradewind_core_types::testkit::{self, Rng};
use tradewind_numerics::covariance::{EwmaCovariance, Metric, RollingCovariance, Symmetric};
use tradewind_risk::plugins::risk_tracking_error::{ex_ante, ex_post, project, shrink_factor};

const STOCKS: [&str; 20] = [
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "MSFT", "PEP", "PFE", "PG",
    "RRC", "UNH", "WMT", "XOM",
];
const N: usize = STOCKS.len();

/// Six names by chance, each a sixth.
fn six(rng: &mut Rng) -> Vec<f64> {
    let mut w = vec![0.0; N];
    while w.iter().filter(|x| **x > 0.0).count() < 6 {
        w[(rng.next_u64() % N as u64) as usize] = 1.0 / 6.0;
    }
    w
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut dates, mut columns) = (Vec::new(), Vec::new());
    for s in STOCKS {
        let closes = testkit::sample("stocks20_adjclose_1990_2022.csv.gz", s, None);
        columns.push(closes.windows(2).map(|w| w[1].1 / w[0].1 - 1.0).collect::<Vec<f64>>());
        dates = closes.into_iter().skip(1).map(|c| c.0).collect();
    }
    let rows: Vec<Vec<f64>> = (0..dates.len()).map(|t| columns.iter().map(|c| c[t]).collect()).collect();
    let equal = vec![1.0 / N as f64; N];

    // Next day's active return over its forecast: 1 is right, more is a forecast too low. The optimised book is the one that the
    // covariance takes for the safest hedge of one of the stocks, which is where its errors gather.
    println!("standard deviation of active return over its forecast, {} days", rows.len() - 252);
    println!("{:<24} six names by chance   beyond 1.96   optimised hedge", "");
    for (name, window) in [("ledoit_wolf", 252), ("sample", 252), ("ledoit_wolf", 63), ("sample", 63), ("ewma", 0)] {
        let mut rolling = RollingCovariance::new(window, N);
        let mut ewma = EwmaCovariance::new(0.97, N);
        let mut s = Symmetric::zeros(N);
        let (mut rng, mut w, mut hedge) = (Rng(1), equal.clone(), vec![0.0; N]);
        let (mut chance, mut optimised) = (Vec::new(), Vec::new());
        for (t, r) in rows.iter().enumerate() {
            if t >= 252 {
                let forecast = ex_ante(&w, &equal, &s, 1.0)?.tracking_error;
                chance.push((0..N).map(|i| (w[i] - equal[i]) * r[i]).sum::<f64>() / forecast);
                let moved: f64 = hedge.iter().zip(r).map(|(a, r)| a * r).sum();
                optimised.push(moved / s.quadratic(&hedge).sqrt());
            }
            match name {
                "ewma" => ewma.push(r) && ewma.covariance(&mut s),
                "sample" => rolling.push(r) && rolling.sample(1, &mut s),
                _ => rolling.push(r) && rolling.ledoit_wolf(&mut s).is_some(),
            };
            if t >= 251 {
                if (t - 251) % 21 == 0 {
                    w = six(&mut rng);
                }
                let inverse = s.to_matrix().cholesky().ok_or("a singular covariance")?.inverse();
                hedge.copy_from_slice(inverse.column(t % N).as_slice());
            }
        }
        let label = if window > 0 { format!("{name}, {window} days") } else { format!("{name}, lambda 0.97") };
        let beyond = 100.0 * chance.iter().filter(|z| z.abs() > 1.96).count() as f64 / chance.len() as f64;
        println!("{label:<24} {:>19.2} {beyond:>11.1} % {:>17.2}", ex_post(&chance, 1.0)?, ex_post(&optimised, 1.0)?);
    }

    // Every quarter another six names.
    let (mut rolling, mut s, mut rng) = (RollingCovariance::new(252, N), Symmetric::zeros(N), Rng(7));
    let mut by_span: BTreeMap<&str, Vec<[f64; 4]>> = BTreeMap::new();
    for (t, r) in rows.iter().enumerate() {
        rolling.push(r);
        if t < 252 || t % 63 != 0 || rolling.ledoit_wolf(&mut s).is_none() {
            continue;
        }
        let w = six(&mut rng);
        let te = ex_ante(&w, &equal, &s, 252.0)?;
        let nearest = project(&w, &equal, &s, 252.0, 0.06, Metric::Euclidean)?;
        let largest = te.contributions.iter().copied().fold(0.0, f64::max) / te.tracking_error;
        let moved: f64 = nearest.point.iter().zip(&w).map(|(x, w)| (x - w).abs()).sum();
        by_span.entry(&dates[t][..3]).or_default().push([
            te.tracking_error,
            largest,
            shrink_factor(te.tracking_error, 0.06),
            moved,
        ]);
    }
    println!("\nsix names against twenty, limit 6 %");
    println!("decade   tracking error   largest part   shrink factor   turnover of the nearest book");
    for (decade, v) in by_span {
        let m: [f64; 4] = std::array::from_fn(|i| v.iter().map(|x| x[i]).sum::<f64>() / v.len() as f64);
        println!("{decade}0s {:>14.1} % {:>12.0} % {:>15.2} {:>30.2}", 100.0 * m[0], 100.0 * m[1], m[2], m[3]);
    }
    Ok(())
}
