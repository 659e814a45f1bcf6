//! Fits GARCH and GJR-GARCH to twenty years of S&P 500 returns, then forecasts through 2008 as it would have been known.
//!
//! `cargo run --release --example fe_garch`; with `-- --time REPEATS` prints only fit times as JSON (for tools/oracle/compare_speed_garch.py).

use std::time::Instant;

use tradewind_core_types::testkit::sample;
use tradewind_core_types::{Online, Params};
use tradewind_features::plugins::fe_garch::{FeGarchIn, FeGarchParams, Model};
use tradewind_numerics::garch::{Spec, fit};
use tradewind_numerics::math;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let series = |s| sample("index_ohlcv_1999_2018.csv.gz", "close", Some(("symbol", s)));
    let log_returns = |c: &[(String, f64)]| c.windows(2).map(|w| math::ln(w[1].1 / w[0].1)).collect::<Vec<f64>>();
    let args: Vec<String> = std::env::args().collect();
    if let [_, flag, repeats] = args.as_slice()
        && flag == "--time"
    {
        return time(&log_returns(&series("SPX")), repeats.parse()?);
    }

    let closes = series("SPX");
    let returns = log_returns(&closes);
    println!("S&P 500, {} log returns from {} to {}\n", returns.len(), closes[1].0, closes[closes.len() - 1].0);
    println!("model            ln L       AIC    alpha   gamma    beta      nu  persistence  half-life (days)");
    for gjr in [false, true] {
        for student_t in [false, true] {
            let spec = Spec { gjr, student_t, constant_mean: true, ..Spec::default() };
            let f = fit(&returns, spec, None)?;
            let p = f.parameters;
            println!(
                "{:6} {:6} {:10.2} {:9.1} {:8.4} {:7.4} {:7.4} {:>7} {:12.5} {:>12}",
                if gjr { "gjr" } else { "garch" },
                if student_t { "t" } else { "normal" },
                f.log_likelihood,
                f.aic(),
                p.alpha,
                p.gamma,
                p.beta,
                p.nu.map_or("-".into(), |v| format!("{v:.2}")),
                p.persistence(),
                p.half_life().map_or("never".into(), |v| format!("{v:.0}")),
            );
        }
    }

    let params = FeGarchParams { model: Model::Gjr, ..FeGarchParams::default() };
    let mut garch = params.build()?;
    let inputs: Vec<FeGarchIn> = closes.iter().map(|&(_, close)| FeGarchIn { close }).collect();
    let started = Instant::now();
    let outs = garch.batch(&inputs)?;
    println!(
        "\nStreaming {} closes with a refit of the last {} returns every {}: {:.0} ms. Autumn 2008, every Friday or so:",
        inputs.len(),
        params.window,
        params.refit_every,
        started.elapsed().as_secs_f64() * 1e3
    );
    println!("date         close   volatility");
    let crisis = |d: &str| ("2008-08-29".."2008-12-31").contains(&d);
    for ((date, close), out) in closes.iter().zip(&outs).filter(|((d, _), _)| crisis(d)).step_by(5) {
        if let Some(o) = out {
            let bar = "#".repeat((o.volatility * 50.0) as usize);
            println!("{date} {close:8.2}  {:6.1} %  {bar}", 100.0 * o.volatility);
        }
    }
    println!("\nAt the end:\n{}", serde_json::to_string_pretty(&garch.summary())?);
    Ok(())
}

/// Fit times in milliseconds and the log-likelihood, per model.
fn time(returns: &[f64], repeats: usize) -> Result<(), Box<dyn std::error::Error>> {
    let mut rows = Vec::new();
    for (gjr, student_t) in [(false, false), (false, true), (true, false), (true, true)] {
        let spec = Spec { gjr, student_t, constant_mean: true, ..Spec::default() };
        let mut ms = Vec::with_capacity(repeats);
        let mut last = 0.0;
        for _ in 0..repeats {
            let started = Instant::now();
            last = fit(returns, spec, None)?.log_likelihood;
            ms.push(started.elapsed().as_secs_f64() * 1e3);
        }
        rows.push(serde_json::json!({"gjr": gjr, "t": student_t, "log_likelihood": last, "ms": ms}));
    }
    println!("{}", serde_json::Value::Array(rows));
    Ok(())
}
