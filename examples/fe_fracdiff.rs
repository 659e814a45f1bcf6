//! How much of its memory a price keeps when it is made just stationary, and what is left of it by plain returns.
//!
//! `cargo run --release -p tradewind-features --example fe_fracdiff` (with `-- --svg` it draws docs/images/fe_fracdiff.svg
//! anew; `-- --time` is for tools/oracle/compare_speed_features_a.py)

#[path = "support/svg.rs"]
mod svg;

use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_fracdiff::{FeFracdiffIn, FeFracdiffParams};
use tradewind_numerics::adf::{Lags, Trend, adf};
use tradewind_numerics::fracdiff;
use tradewind_numerics::math;

type Failed = Box<dyn std::error::Error>;

fn closes(symbol: &str) -> Vec<(String, f64)> {
    testkit::sample("etf23_close_2008_2016.csv.gz", symbol, None)
}

/// Best of fifty times, in nanoseconds for each of `n`: short ones, so that some are not interrupted on a busy machine.
fn best(n: usize, mut f: impl FnMut() -> Result<(), Failed>) -> Result<f64, Failed> {
    let mut best = f64::INFINITY;
    for _ in 0..50 {
        let start = std::time::Instant::now();
        f()?;
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / n as f64);
    }
    Ok(best)
}

/// Times on the S&P 500's log closes, 40 times over, with numbers for a parity check.
fn time() -> Result<(), Failed> {
    let spx = testkit::sample("index_ohlcv_1999_2018.csv.gz", "close", Some(("symbol", "SPX")));
    let log: Vec<f64> = spx.iter().map(|r| math::ln(r.1)).collect();
    let long: Vec<f64> = log.iter().copied().cycle().take(40 * log.len()).collect();
    let mut rows = Vec::new();
    for window in [100, 500, 2000] {
        let p = FeFracdiffParams { d: 0.3, cutoff: 1e-12, max_window: window, log: false, ..Default::default() };
        let w = p.weights();
        let (mut direct, mut transform) = (Vec::new(), Vec::new());
        let direct_ns = best(20_000, || {
            direct = fracdiff::direct(&w, &long[..20_000]);
            Ok(())
        })?;
        let transform_ns = best(long.len(), || {
            transform = fracdiff::overlap_save(&w, &long);
            Ok(())
        })?;
        let streaming_ns = best(log.len(), || {
            let mut f = p.build()?;
            for value in &log {
                std::hint::black_box(f.update(&FeFracdiffIn { value: *value })?);
            }
            Ok(())
        })?;
        rows.push(serde_json::json!({
            "window": window, "direct_ns": direct_ns, "transform_ns": transform_ns, "streaming_ns": streaming_ns,
            "direct_last": direct.last(), "transform_last": transform.last(),
        }));
    }
    let mut found = None;
    let adf_ns = best(1, || {
        found = Some(adf(&log, Trend::Constant, Lags::Aic(None))?);
        Ok(())
    })?;
    println!(
        "{}",
        serde_json::json!({ "fracdiff": rows, "adf_ns": adf_ns, "adf_statistic": found.map(|f| f.statistic) })
    );
    Ok(())
}

fn main() -> Result<(), Failed> {
    if std::env::args().any(|a| a == "--time") {
        return time();
    }
    // One lag, as in the book: the choice by Akaike's criterion is in the docs, and slower.
    let p = FeFracdiffParams { adf_lags: Some(1), ..Default::default() };
    println!("Smallest order d at which the Dickey-Fuller test rejects a unit root (p < 0.05), log closes 2008-2016");
    println!("symbol   p at d = 0    smallest d   window   correlation with the price: at d   of returns (d = 1)");
    let mut shown = Vec::new();
    for symbol in ["SPY", "TLT", "XLF", "EEM", "FXI"] {
        let values: Vec<f64> = closes(symbol).into_iter().map(|r| r.1).collect();
        let (found, tried) = p.smallest_order(&values)?;
        let Some(found) = found else {
            println!("{symbol:<8} none in [0, 2]");
            continue;
        };
        let whole = FeFracdiffParams { d: 1.0, ..p.clone() };
        let returns = whole.transform(&values)?;
        let pairs: Vec<(f64, f64)> =
            returns.iter().zip(&values).filter_map(|(r, v)| r.map(|r| (r, math::ln(*v)))).collect();
        println!(
            "{symbol:<8} {:>9.3}  {:>12.3} {:>8} {:>26.3} {:>20.3}",
            tried.first().map_or(f64::NAN, |o| o.adf.p_value),
            found.d,
            found.window,
            found.correlation.unwrap_or(f64::NAN),
            correlation(&pairs),
        );
        shown.push((symbol, values, found, tried));
    }
    println!(
        "\nReturns have forgotten where the price was; a difference of small order is as stationary to the test and still knows."
    );
    println!(
        "These orders know all nine years: in a backtest d must come from what was known, or be fixed beforehand."
    );

    if std::env::args().any(|a| a == "--svg")
        && let Some((symbol, values, found, tried)) = shown.first()
    {
        let dates: Vec<String> = closes(symbol).into_iter().map(|r| r.0).collect();
        let d = FeFracdiffParams { d: found.d, ..p.clone() }.transform(values)?;
        let half = FeFracdiffParams { d: 0.7, ..p.clone() }.transform(values)?;
        let whole = FeFracdiffParams { d: 1.0, ..p.clone() }.transform(values)?;
        let name = format!("d = {:.3}, the smallest that is stationary", found.d);
        let panels = [
            svg::Panel {
                title: "log close",
                lines: vec![svg::Line { name: symbol, values: values.iter().map(|v| Some(math::ln(*v))).collect() }],
                rules: vec![],
            },
            svg::Panel {
                title: "fractional difference",
                lines: vec![svg::Line { name: &name, values: d }],
                rules: vec![],
            },
            svg::Panel {
                title: "fractional difference",
                lines: vec![svg::Line { name: "d = 0.7", values: half }],
                rules: vec![0.0],
            },
            svg::Panel {
                title: "log return",
                lines: vec![svg::Line { name: "d = 1", values: whole }],
                rules: vec![0.0],
            },
        ];
        svg::write(
            "docs/images/fe_fracdiff.svg",
            "fe_fracdiff: memory kept and lost, SPY 2008 to 2016",
            &dates,
            &panels,
        )?;
        for o in tried {
            println!("d {:.4}  p {:.4}  correlation {:.3}", o.d, o.adf.p_value, o.correlation.unwrap_or(f64::NAN));
        }
    }
    Ok(())
}

fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let (mx, my) = pairs.iter().fold((0.0, 0.0), |(a, b), p| (a + p.0 / n, b + p.1 / n));
    let (xx, yy, xy) = pairs.iter().fold((0.0, 0.0, 0.0), |(a, b, c), p| {
        let (x, y) = (p.0 - mx, p.1 - my);
        (a + x * x, b + y * y, c + x * y)
    });
    xy / (xx * yy).sqrt()
}
