//! SPY without its noise: what a causal denoiser can do, what it costs in delay, and how well the forbidden one would seem to do.
//!
//! `cargo run --release -p tradewind-features --example fe_wavelet` (with `-- --svg FILE` it draws the picture of the documentation,
//! with `-- --time REPEATS` it times transforms for `tools/oracle/compare_speed_wavelet.py`)

use std::hint::black_box;
use std::time::Instant;

use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_wavelet::{FeWaveletIn, FeWaveletOut, FeWaveletParams};
use tradewind_numerics::lag::LagMeter;
use tradewind_numerics::math;
use tradewind_numerics::wavelet::{Decomposer, Denoise, Mode, NoiseScale, Rule, Shrink, Transform, Wavelet, wavedec};

#[path = "support/svg.rs"]
mod svg;

type Res<T> = Result<T, Box<dyn std::error::Error>>;

fn run(p: &FeWaveletParams, closes: &[f64]) -> Res<Vec<Option<FeWaveletOut>>> {
    let xs: Vec<FeWaveletIn> = closes.iter().map(|value| FeWaveletIn { value: *value }).collect();
    Ok(p.build()?.batch(&xs)?)
}

/// Annual return of holding SPY on the day after each day on which `line` rose, without costs.
fn follow(closes: &[f64], line: &[Option<f64>]) -> f64 {
    let mut wealth: f64 = 1.0;
    let mut days = 0;
    for i in 1..closes.len() - 1 {
        if let (Some(before), Some(now)) = (line[i - 1], line[i]) {
            days += 1;
            if now > before {
                wealth *= closes[i + 1] / closes[i];
            }
        }
    }
    math::powf(wealth, 252.0 / f64::from(days)) - 1.0
}

/// Mean absolute daily change over that of the closes, and the lag of daily changes in sessions.
fn smoothness(closes: &[f64], line: &[Option<f64>]) -> Res<(f64, Option<usize>)> {
    let mut meter = LagMeter::new(closes.len() - 200, 20)?;
    let (mut rough, mut smooth) = (0.0, 0.0);
    for i in 1..closes.len() {
        if let (Some(before), Some(now)) = (line[i - 1], line[i]) {
            rough += (closes[i] - closes[i - 1]).abs();
            smooth += (now - before).abs();
            meter.push(closes[i] - closes[i - 1], now - before);
        }
    }
    Ok((smooth / rough, meter.lag()))
}

fn main() -> Res<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let spy = testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None);
    let closes: Vec<f64> = spy.iter().map(|(_, c)| *c).collect();
    if let [flag, repeats] = args.as_slice()
        && flag == "--time"
    {
        return time(&closes, repeats.parse()?);
    }
    println!("SPY {} to {}, {} closes; window 64, 3 levels, sym4\n", spy[0].0, spy[spy.len() - 1].0, spy.len());
    println!("transform  threshold  shrink   daily change   lag   noise   finest details   follow it");
    println!("                               of the close's (days)  (median, $) (median)   (a year)");
    for transform in [Transform::Dwt, Transform::Modwt] {
        for (threshold, shrink) in [
            (Rule::Universal, Shrink::Soft),
            (Rule::Universal, Shrink::Hard),
            (Rule::Sure, Shrink::Soft),
            (Rule::Bayes, Shrink::Soft),
        ] {
            let p = FeWaveletParams { transform, threshold, shrink, ..Default::default() };
            let out = run(&p, &closes)?;
            let line: Vec<_> = out.iter().map(|o| o.map(|o| o.denoised)).collect();
            let (change, lag) = smoothness(&closes, &line)?;
            println!(
                "{:<10} {:<10} {:<8} {:>8.2} {:>9} {:>9.2} {:>13.2} {:>12.1} %",
                format!("{transform:?}").to_lowercase(),
                format!("{threshold:?}").to_lowercase(),
                format!("{shrink:?}").to_lowercase(),
                change,
                lag.map_or("-".into(), |l| l.to_string()),
                median(out.iter().flatten().map(|o| o.noise)),
                median(out.iter().flatten().filter_map(|o| o.detail)),
                100.0 * follow(&closes, &line),
            );
        }
    }
    println!("Finest details: 0.57 for white noise, 0.14 for a random walk. SPY's closes are the latter.");

    let default = FeWaveletParams::default();
    let causal: Vec<_> = run(&default, &closes)?.iter().map(|o| o.map(|o| o.denoised)).collect();
    let spec = Denoise {
        wavelet: Wavelet::Sym4,
        transform: Transform::Modwt,
        mode: Mode::Symmetric,
        levels: 3,
        rule: Rule::Universal,
        shrink: Shrink::Soft,
        noise: NoiseScale::Finest,
    };
    let ahead: Vec<_> = spec.whole(&closes)?.into_iter().zip(&causal).map(|(x, c)| c.map(|_| x)).collect();
    let always: Vec<_> = (0..closes.len()).map(|i| causal[i].map(|_| i as f64)).collect();
    println!("\nHold SPY on the day after the line rose (no costs), a year:");
    println!(
        "  the whole series denoised at once    {:6.1} %   <- looks into the future: nobody can have this",
        100.0 * follow(&closes, &ahead)
    );
    println!("  the trailing window (this plugin)    {:6.1} %", 100.0 * follow(&closes, &causal));
    println!("  always                               {:6.1} %", 100.0 * follow(&closes, &always));

    if let [flag, file] = args.as_slice()
        && flag == "--svg"
    {
        draw(file, &spy, &closes, &causal, &ahead)?;
    }
    Ok(())
}

fn median(x: impl Iterator<Item = f64>) -> f64 {
    let mut x: Vec<f64> = x.collect();
    x.sort_by(f64::total_cmp);
    x.get(x.len() / 2).copied().unwrap_or(f64::NAN)
}

fn draw(file: &str, spy: &[(String, f64)], closes: &[f64], causal: &[Option<f64>], ahead: &[Option<f64>]) -> Res<()> {
    let from = spy.iter().position(|(d, _)| d.as_str() >= "2011-06-01").unwrap_or(0);
    let to = spy.iter().position(|(d, _)| d.as_str() >= "2011-12-31").unwrap_or(spy.len());
    let labels: Vec<String> = spy[from..to].iter().map(|(d, _)| d.clone()).collect();
    let line = |name, values: Vec<Option<f64>>| svg::Line { name, values };
    let minus = |l: &[Option<f64>]| (from..to).map(|i| l[i].map(|x| closes[i] - x)).collect::<Vec<_>>();
    let close: Vec<_> = closes[from..to].iter().map(|c| Some(*c)).collect();
    let panels = [
        svg::Panel {
            title: "close and its causal denoised value, dollars",
            lines: vec![line("close", close), line("trailing window (causal)", causal[from..to].to_vec())],
            rules: vec![],
        },
        svg::Panel {
            title: "what was taken away as noise, dollars",
            lines: vec![
                line("whole series (looks ahead)", minus(ahead)),
                line("trailing window (causal)", minus(causal)),
            ],
            rules: vec![0.0],
        },
    ];
    svg::write(file, "fe_wavelet on SPY, second half of 2011 (sym4, 3 levels, window 64)", &labels, &panels)?;
    println!("\nwrote {file}");
    Ok(())
}

/// Times in microseconds, of each repeat the mean of a block: a new decomposition for each series, as PyWavelets gives, and one whose
/// memory is reused. With a projection of the coefficients for the check of parity.
fn time(closes: &[f64], repeats: usize) -> Res<()> {
    let mut rows = Vec::new();
    for n in [500, 2141, 65_536, 1_048_576] {
        let x: Vec<f64> = (0..n).map(|i| closes[i % closes.len()]).collect();
        for levels in [1, 5] {
            let blocks = (2_000_000 / n).clamp(2, 2000);
            let (mut new, mut reused, mut check) = (Vec::new(), Vec::new(), 0.0);
            let mut decomposer = Decomposer::new(Wavelet::Db4, Mode::Symmetric, levels)?;
            let clock = |us: &mut Vec<f64>, run: &mut dyn FnMut() -> Res<()>| -> Res<()> {
                let started = Instant::now();
                for _ in 0..blocks {
                    run()?;
                }
                us.push(started.elapsed().as_secs_f64() * 1e6 / blocks as f64);
                Ok(())
            };
            for _ in 0..repeats {
                clock(&mut new, &mut || {
                    black_box(wavedec(black_box(&x), Wavelet::Db4, Mode::Symmetric, levels)?);
                    Ok(())
                })?;
                clock(&mut reused, &mut || {
                    let parts = black_box(decomposer.run(black_box(&x))?);
                    let middle = |c: &Vec<f64>| c[c.len() / 2];
                    check = middle(&parts.approximation) + parts.details.iter().map(middle).sum::<f64>();
                    Ok(())
                })?;
            }
            rows.push(serde_json::json!({"n": n, "levels": levels, "check": check, "new": new, "reused": reused}));
        }
    }
    println!("{}", serde_json::Value::Array(rows));
    Ok(())
}
