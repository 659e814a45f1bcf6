//! What a Kalman filter makes of SPY: level and trend, a sector's moving beta, and a noisy score with less turnover.
//!
//! `cargo run --release -p tradewind-features --example fe_kalman` (with `-- --svg` it draws docs/images/fe_kalman.svg anew;
//! `-- --time` is for tools/oracle/compare_speed_features_a.py)

#[path = "support/svg.rs"]
mod svg;

use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_kalman::{FeKalmanIn, FeKalmanOut, FeKalmanParams, KalmanModel, Variances};
use tradewind_numerics::math;

type Failed = Box<dyn std::error::Error>;

fn run(
    p: &FeKalmanParams,
    y: &[f64],
    x: Option<&[f64]>,
) -> Result<(Vec<Option<FeKalmanOut>>, serde_json::Value), Failed> {
    let mut k = p.build()?;
    let inputs: Vec<FeKalmanIn> = y
        .iter()
        .enumerate()
        .map(|(i, y)| FeKalmanIn { value: Some(*y), regressor: x.and_then(|x| x.get(i).copied()) })
        .collect();
    Ok((k.batch(&inputs)?, k.summary()))
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

/// Times on the S&P 500's log closes, 20 times over, with numbers for a parity check.
fn time() -> Result<(), Failed> {
    let spx = testkit::sample("index_ohlcv_1999_2018.csv.gz", "close", Some(("symbol", "SPX")));
    let log: Vec<f64> = spx.iter().map(|r| math::ln(r.1)).collect();
    let long: Vec<f64> = log.iter().copied().cycle().take(20 * log.len()).collect();
    let inputs: Vec<_> = log.iter().map(|y| FeKalmanIn { value: Some(*y), regressor: None }).collect();
    let p = FeKalmanParams { variances: Variances::Fixed, noise: 1e-4, level_noise: 1e-5, ..Default::default() };
    let trend = FeKalmanParams { model: KalmanModel::LocalLinearTrend, trend_noise: 1e-8, ..p.clone() };
    let mut levels = vec![0.0; long.len()];
    let slice = best(long.len(), || Ok(p.filter_levels(&long, &mut levels)?))?;
    let (mut level_log_likelihood, mut trend_log_likelihood) = (0.0, 0.0);
    let streaming = |p: &FeKalmanParams, out: &mut f64| {
        best(inputs.len(), || {
            let mut k = p.build()?;
            for x in &inputs {
                std::hint::black_box(k.update(x)?);
            }
            *out = k.summary()["log_likelihood"].as_f64().unwrap_or(f64::NAN);
            Ok(())
        })
    };
    let level = streaming(&p, &mut level_log_likelihood)?;
    let trend = streaming(&trend, &mut trend_log_likelihood)?;
    let some: Vec<_> = log.iter().copied().take(500).map(Some).collect();
    let structure = tradewind_numerics::kalman::Structure::LocalLinearTrend;
    let mut found = None;
    let fit = best(1, || {
        found = Some(tradewind_numerics::kalman::fit(structure, &|_| [0.0; 6], &some)?);
        Ok(())
    })?;
    println!(
        "{}",
        serde_json::json!({
            "slice_ns": slice, "last_level": levels[log.len() - 1], "level_ns": level, "trend_ns": trend,
            "level_log_likelihood": level_log_likelihood, "trend_log_likelihood": trend_log_likelihood,
            "fit_ns": fit, "fit_log_likelihood": found.map(|f| f.log_likelihood),
        })
    );
    Ok(())
}

fn main() -> Result<(), Failed> {
    if std::env::args().any(|a| a == "--time") {
        return time();
    }
    let spy = testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None);
    let dates: Vec<String> = spy.iter().map(|r| r.0.clone()).collect();
    let log: Vec<f64> = spy.iter().map(|r| math::ln(r.1)).collect();

    println!("SPY 2008-2016, logarithm of the close");
    println!("model                variances   gain   lag   |z| > 1.96   share of the noise in a day's change");
    for model in [KalmanModel::LocalLevel, KalmanModel::LocalLinearTrend] {
        for variances in [Variances::Ratio, Variances::Likelihood] {
            let p = FeKalmanParams { model, variances, trend_noise: 1e-4, ..Default::default() };
            let (out, summary) = run(&p, &log, None)?;
            let z: Vec<f64> = out.iter().flatten().filter_map(|o| o.z).collect();
            let outside = z.iter().filter(|z| z.abs() > 1.96).count() as f64 / z.len() as f64;
            let number = |v: &serde_json::Value| v.as_f64().map_or("     ".into(), |x| format!("{x:5.2}"));
            let (h, q) = (summary["noise"].as_f64(), summary["state_noise"][0].as_f64());
            let share = h.zip(q).map_or(String::new(), |(h, q)| format!("{:.0} %", 100.0 * 2.0 * h / (2.0 * h + q)));
            println!(
                "{:<20} {:<11} {} {}   {:>6.1} %     {share}",
                format!("{model:?}"),
                format!("{variances:?}"),
                number(&summary["gain"]),
                number(&summary["mean_lag"]),
                100.0 * outside,
            );
        }
    }
    println!(
        "By likelihood (gain and share are those of the last fit) little or nothing of a day's change is noise: a price has hardly"
    );
    println!(
        "anything to be smoothed away. A ratio of variances is a choice of lag for calm, as the length of a moving average is.\n"
    );

    let closes =
        |s| -> Vec<f64> { testkit::sample("etf23_close_2008_2016.csv.gz", s, None).into_iter().map(|r| r.1).collect() };
    let returns = |x: &[f64]| -> Vec<f64> { x.windows(2).map(|w| 100.0 * math::ln(w[1] / w[0])).collect() };
    let (banks, market) = (returns(&closes("XLF")), returns(&closes("SPY")));
    let p = FeKalmanParams {
        model: KalmanModel::Regression,
        variances: Variances::Likelihood,
        min_obs: 250,
        ..Default::default()
    };
    let (beta, _) = run(&p, &banks, Some(&market))?;
    println!("Beta of the banks (XLF) to SPY, from daily returns, variances by likelihood on 500 days:");
    for year in ["2009", "2010", "2011", "2012", "2013", "2014", "2015", "2016"] {
        let of = |date: &&String, b: &Option<FeKalmanOut>| b.and_then(|b| b.beta).filter(|_| date.starts_with(year));
        let b: Vec<f64> = dates[1..].iter().zip(&beta).filter_map(|(d, b)| of(&d, b)).collect();
        let (low, high) = b.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), b| (l.min(*b), h.max(*b)));
        println!("  {year}  {low:.2} to {high:.2}");
    }

    // A score as strategies give them: where the price stands in its last 20 days' range.
    let score: Vec<f64> = log
        .windows(20)
        .map(|w| {
            let (low, high) = w.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
            2.0 * (w[19] - low) / (high - low).max(1e-12) - 1.0
        })
        .collect();
    let turnover = |x: &[f64]| x.windows(2).map(|w| (w[1] - w[0]).abs()).sum::<f64>() * 252.0 / x.len() as f64;
    println!("\nA score (place of SPY in its range of 20 days), smoothed: turnover a year, mean lag in sessions");
    println!("  raw                    {:6.1}", turnover(&score));
    for level_noise in [1.0, 0.1, 0.01] {
        let p = FeKalmanParams { level_noise, ..Default::default() };
        let (out, summary) = run(&p, &score, None)?;
        let smooth: Vec<f64> = out.iter().flatten().filter_map(|o| o.level).collect();
        let lag = summary["mean_lag"].as_f64().unwrap_or(f64::NAN);
        println!("  level_noise {level_noise:<5}      {:6.1}   {lag:4.1}", turnover(&smooth));
    }

    if std::env::args().any(|a| a == "--svg") {
        let p = FeKalmanParams {
            model: KalmanModel::LocalLinearTrend,
            level_noise: 0.02,
            trend_noise: 1e-5,
            ..Default::default()
        };
        let (out, _) = run(&p, &log, None)?;
        let from = dates.iter().position(|d| d.as_str() >= "2011-01-01").unwrap_or(0);
        let to = dates.iter().position(|d| d.as_str() >= "2013-01-01").unwrap_or(dates.len());
        let smoothed = p.smooth_lookahead(&log.iter().copied().map(Some).collect::<Vec<_>>())?;
        let pick = |f: &dyn Fn(usize) -> Option<f64>| (from..to).map(f).collect::<Vec<_>>();
        let one = |i: usize| out.get(i).copied().flatten();
        let line = |name, values| svg::Line { name, values };
        let panels = [
            svg::Panel {
                title: "SPY, dollars",
                lines: vec![
                    line("close", pick(&|i| Some(spy[i].1))),
                    line("level (filter)", pick(&|i| one(i).and_then(|o| o.level).map(math::exp))),
                    line("level knowing the future (smoother)", pick(&|i| Some(math::exp(smoothed[i].mean[0])))),
                ],
                rules: vec![],
            },
            svg::Panel {
                title: "trend, % a year",
                lines: vec![line("filter", pick(&|i| one(i).and_then(|o| o.trend).map(|t| 25_200.0 * t)))],
                rules: vec![0.0],
            },
            svg::Panel {
                title: "surprise z",
                lines: vec![line("innovation in standard deviations", pick(&|i| one(i).and_then(|o| o.z)))],
                rules: vec![-1.96, 1.96],
            },
        ];
        let title = "fe_kalman: local linear trend of SPY, 2011 and 2012";
        svg::write("docs/images/fe_kalman.svg", title, &dates[from..to], &panels)?;
    }
    Ok(())
}
