//! The common factor of 20 large US stocks, month by month since 1990: how much of all movement is one movement, and what followed.
//!
//! `cargo run --release -p tradewind-features --example fe_mini_pca` (with `-- --svg FILE` it draws the picture of the documentation,
//! with `-- --time REPEATS` it times fits for `tools/oracle/compare_speed_pca.py`)

use std::hint::black_box;
use std::time::Instant;

use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_mini_pca::{FeMiniPcaIn, FeMiniPcaOut, FeMiniPcaParams};
use tradewind_numerics::math;
use tradewind_numerics::pca::{IncrementalPca, Signs};

#[path = "support/svg.rs"]
mod svg;

type Res<T> = Result<T, Box<dyn std::error::Error>>;

const FILE: &str = "stocks20_adjclose_1990_2022.csv.gz";
const STOCKS: &str = "AAPL AMD BAC BBY CVX GE HD JNJ JPM KO LLY MRK MSFT PEP PFE PG RRC UNH WMT XOM";

fn main() -> Res<()> {
    let columns: Vec<Vec<(String, f64)>> = STOCKS.split(' ').map(|s| testkit::sample(FILE, s, None)).collect();
    let dates: Vec<String> = columns[0].iter().map(|(d, _)| d.clone()).collect();
    let prices: Vec<Vec<f64>> = (0..dates.len()).map(|i| columns.iter().map(|c| c[i].1).collect()).collect();
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, repeats] = args.as_slice()
        && flag == "--time"
    {
        return time(&prices, repeats.parse()?);
    }

    let p = FeMiniPcaParams {
        symbols: STOCKS.split(' ').map(String::from).collect(),
        components: 3,
        forget: 0.9,
        ..FeMiniPcaParams::default()
    };
    let inputs: Vec<FeMiniPcaIn> = prices.iter().filter_map(|r| FeMiniPcaIn::of(r)).collect();
    let mut pca = p.build()?;
    let out = pca.batch(&inputs)?;
    println!(
        "20 stocks, {} to {}; batches of {} days, forget {}\n",
        dates[0],
        dates[dates.len() - 1],
        p.batch,
        p.forget
    );

    // The same with one component: its share is the absorption of a single factor.
    let single = FeMiniPcaParams { components: 1, ..p.clone() }.build()?.batch(&inputs)?;
    let share: Vec<Option<f64>> = single.iter().map(|o| o.and_then(|o| o.explained)).collect();
    println!("Share of the first component in all variance, end of year:");
    for (d, s) in dates.windows(2).zip(&share).filter(|(d, _)| d[0][..4] != d[1][..4]).step_by(2) {
        if let (Some(s), year) = (s, &d[0][..4]) {
            println!("  {year}  {:5.1} %  {}", 100.0 * s, "#".repeat((60.0 * s) as usize));
        }
    }

    let market: Vec<f64> =
        prices.windows(2).map(|w| w[1].iter().zip(&w[0]).map(|(a, b)| a / b - 1.0).sum::<f64>() / 20.0).collect();
    println!(
        "\nWhat the 21 days after brought to a portfolio of all 20 (equal parts), by the share of the first component:"
    );
    println!("  share            volatility (a year)   worst day");
    for (low, high, vol, worst) in after(&share, &market) {
        println!(
            "  {:4.1} to {:4.1} %        {:5.1} %           {:6.1} %",
            100.0 * low,
            100.0 * high,
            100.0 * vol,
            100.0 * worst
        );
    }

    println!("\nLoadings at the end ({:.1} % explained):", 100.0 * pca.pca().explained_ratio().iter().sum::<f64>());
    println!("       {}", STOCKS.split(' ').map(|s| format!("{s:>5}")).collect::<String>());
    for (i, axis) in pca.pca().components().enumerate() {
        println!("  pc{}  {}", i + 1, axis.iter().map(|v| format!("{v:5.2}")).collect::<String>());
    }
    let turned = (turns(&prices, Signs::Largest)?, turns(&prices, Signs::Continuous)?);
    println!("\nOf {} fits the third component turned around", dates.len() / 21);
    println!("  in {} with signs = largest (the rule of scikit-learn), in {} with continuous", turned.0, turned.1);

    if let [flag, file] = args.as_slice()
        && flag == "--svg"
    {
        draw(file, &dates, &share, &out, &market)?;
    }
    Ok(())
}

/// For fifths of the days by `share`: its range, volatility of the market over the 21 days after, and the worst day among them.
fn after(share: &[Option<f64>], market: &[f64]) -> Vec<(f64, f64, f64, f64)> {
    // The return of index i is that of day i + 1: what a share known on day i is followed by begins there.
    let mut days: Vec<(f64, usize)> =
        share.iter().enumerate().filter_map(|(i, s)| s.map(|s| (s, i))).filter(|d| d.1 + 21 < market.len()).collect();
    days.sort_by(|a, b| a.0.total_cmp(&b.0));
    days.chunks(days.len().div_ceil(5))
        .map(|fifth| {
            let ahead = || fifth.iter().flat_map(|(_, i)| &market[*i..i + 21]);
            let n = ahead().count() as f64;
            let mean = ahead().sum::<f64>() / n;
            let vol = (ahead().map(|r| (r - mean).powi(2)).sum::<f64>() / n * 252.0).sqrt();
            (fifth[0].0, fifth[fifth.len() - 1].0, vol, ahead().copied().fold(0.0, f64::min))
        })
        .collect()
}

fn returns(prices: &[Vec<f64>]) -> Vec<f64> {
    prices.windows(2).flat_map(|w| w[1].iter().zip(&w[0]).map(|(a, b)| a / b - 1.0).collect::<Vec<_>>()).collect()
}

/// How often the third component points against its direction of the fit before.
fn turns(prices: &[Vec<f64>], signs: Signs) -> Res<usize> {
    let mut pca = IncrementalPca::new(20, 3, 0.9, signs)?;
    let (mut last, mut turned): (Option<Vec<f64>>, usize) = (None, 0);
    for batch in returns(prices).chunks_exact(20 * 21) {
        pca.partial_fit(batch)?;
        let axis: Vec<f64> = pca.components().nth(2).unwrap_or_default().to_vec();
        let along = last.map_or(1.0, |l: Vec<f64>| l.iter().zip(&axis).map(|(a, b)| a * b).sum());
        turned += usize::from(along < 0.0);
        last = Some(axis);
    }
    Ok(turned)
}

fn draw(file: &str, dates: &[String], share: &[Option<f64>], out: &[Option<FeMiniPcaOut>], market: &[f64]) -> Res<()> {
    let mut wealth: f64 = 1.0;
    let level = std::iter::once(Some(0.0)).chain(market.iter().map(|r| {
        wealth *= 1.0 + r;
        Some(math::log2(wealth))
    }));
    let line = |name, values| svg::Line { name, values };
    let panels = [
        svg::Panel {
            title: "20 stocks in equal parts, doublings since 1990",
            lines: vec![line("log2 of wealth", level.collect())],
            rules: vec![],
        },
        svg::Panel {
            title: "share of all variance",
            lines: vec![
                line("first three components", out.iter().map(|o| o.and_then(|o| o.explained)).collect()),
                line("first component", share.to_vec()),
            ],
            rules: vec![],
        },
        svg::Panel {
            title: "score of the first component, return",
            lines: vec![line("pc1", out.iter().map(|o| o.and_then(|o| o.pc1)).collect())],
            rules: vec![0.0],
        },
    ];
    svg::write(file, "fe_mini_pca on 20 US stocks (batch 21, forget 0.9)", dates, &panels)?;
    println!("\nwrote {file}");
    Ok(())
}

/// Milliseconds of fits of all returns in batches, and the first singular value for the check of parity.
fn time(prices: &[Vec<f64>], repeats: usize) -> Res<()> {
    let x = returns(prices);
    let mut rows = Vec::new();
    for (batch, components) in [(21, 3), (100, 5), (252, 3), (1000, 8)] {
        let (mut ms, mut check) = (Vec::with_capacity(repeats), 0.0);
        for _ in 0..repeats {
            let started = Instant::now();
            let mut pca = IncrementalPca::new(20, components, 1.0, Signs::Largest)?;
            black_box(&mut pca).fit(black_box(&x), batch)?;
            ms.push(started.elapsed().as_secs_f64() * 1e3);
            check = pca.singular_values().iter().sum();
        }
        rows.push(serde_json::json!({"batch": batch, "components": components, "check": check, "ms": ms}));
    }
    println!("{}", serde_json::Value::Array(rows));
    Ok(())
}
