//! Half a million real trades of the E-mini S&P 500 sampled by time, volume, dollars and imbalance: how many bars of each, and how far
//! their returns are from independent normal ones. `--time` measures the fast path, `--picture` draws docs/images/fe_dollar_bars.svg.
//!
//! `cargo run --release -p tradewind-features --example fe_dollar_bars`

#[path = "support/es_trades.rs"]
mod es_trades;
#[path = "support/svg.rs"]
mod svg;

use std::time::Instant;

use es_trades::{Trades, es_trades};
use svg::{Line, Panel};
use tradewind_core_types::{Params, Time};
use tradewind_features::plugins::fe_dollar_bars::{BarColumns, BarKind, BarSizing, FeDollarBarsParams};
use tradewind_numerics::math;

fn sample(p: &FeDollarBarsParams, t: &Trades) -> Result<BarColumns, Box<dyn std::error::Error>> {
    let mut out = BarColumns::default();
    p.build()?.push_columns(&t.times, &t.prices, &t.sizes, None, &mut out)?;
    Ok(out)
}

/// Standard deviation, excess kurtosis and first autocorrelation of the log returns.
fn shape(closes: &[f64]) -> (f64, f64, f64) {
    let r: Vec<f64> = closes.windows(2).map(|w| math::ln(w[1] / w[0])).collect();
    let n = r.len() as f64;
    let mean = r.iter().sum::<f64>() / n;
    let moment = |k: i32| r.iter().map(|x| (x - mean).powi(k)).sum::<f64>() / n;
    let lagged = r.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum::<f64>() / n;
    (moment(2).sqrt(), moment(4) / moment(2).powi(2) - 3.0, lagged / moment(2))
}

fn clock(nanos: i64) -> String {
    Time::from_nanos(nanos).to_string().chars().skip(5).take(11).collect::<String>().replace('T', " ")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let trades = es_trades()?;
    let dollar = FeDollarBarsParams::default();
    let of = |kind, threshold| FeDollarBarsParams { kind, threshold, ..dollar.clone() };
    match std::env::args().nth(1).as_deref() {
        Some("--time") => return time(&trades, &dollar),
        Some("--picture") => return picture(&trades),
        _ => {}
    }
    println!(
        "500,000 trades of the E-mini S&P 500, 2013-09-01 to 2013-09-03 (the 2nd was Labor Day), the first four sized for some 300 bars\n"
    );
    println!(
        "kind                 bars   trades a bar        night  holiday  Tuesday   sd of return  kurtosis    autocorrelation"
    );
    println!("                            median  largest     (share of bars)");
    for (name, p) in [
        ("400 seconds", of(BarKind::Time, 400.0)),
        ("1,650 trades", of(BarKind::Tick, 1650.0)),
        ("6,100 contracts", of(BarKind::Volume, 6100.0)),
        ("10 million dollars", dollar.clone()),
        (
            "adaptive, 300 a day",
            FeDollarBarsParams { sizing: BarSizing::Adaptive, bars_per_day: 300, ..of(BarKind::Dollar, 1e6) },
        ),
        ("dollar imbalance", FeDollarBarsParams { first_ticks: 1600, ..of(BarKind::DollarImbalance, 1.0) }),
        ("dollar runs", FeDollarBarsParams { first_ticks: 1600, ..of(BarKind::DollarRun, 1.0) }),
    ] {
        let bars = sample(&p, &trades)?;
        let mut counts = bars.trades.clone();
        counts.sort_unstable();
        // 05:00 UTC begins a day: the night of the 1st, Labor Day, and Tuesday.
        let day = |from: &str, to: &str| -> Result<f64, Box<dyn std::error::Error>> {
            let (a, b) = (from.parse::<Time>()?.nanos(), to.parse::<Time>()?.nanos());
            Ok(100.0 * bars.end.iter().filter(|t| (a..b).contains(*t)).count() as f64 / bars.len() as f64)
        };
        let (sd, kurtosis, autocorrelation) = shape(&bars.close);
        println!(
            "{name:<19} {:>5} {:>8} {:>8} {:>8.0} % {:>6.0} % {:>6.0} % {:>11.1} bp {:>9.1} {:>12.2}",
            bars.len(),
            counts.get(counts.len() / 2).copied().unwrap_or(0),
            counts.last().copied().unwrap_or(0),
            day("2013-09-01T00:00:00Z", "2013-09-02T05:00:00Z")?,
            day("2013-09-02T05:00:00Z", "2013-09-03T05:00:00Z")?,
            day("2013-09-03T05:00:00Z", "2013-09-04T00:00:00Z")?,
            1e4 * sd,
            kurtosis,
            autocorrelation,
        );
    }
    println!(
        "\nBars by the clock spend most of themselves on a holiday when nobody trades, and make their largest moves in the few of Tuesday."
    );

    let loose = FeDollarBarsParams { hard_bounds: false, ticks_window: 2000, ..of(BarKind::TickImbalance, 1.0) };
    let held = FeDollarBarsParams { hard_bounds: true, ..loose.clone() };
    println!("\nTick imbalance bars, expected trades a bar between 100 and 10,000:");
    for (name, p) in [("the expectation is bounded", loose), ("bars themselves are bounded", held)] {
        let bars = sample(&p, &trades)?;
        let short = bars.trades.iter().filter(|n| **n < 100).count();
        println!("  {name:<28} {:>6} bars, {short} of them with fewer than 100 trades", bars.len());
    }
    Ok(())
}

/// Prints seconds per million trades as JSON, the best of several runs: for tools/oracle/compare_speed_bars.py.
fn time(t: &Trades, p: &FeDollarBarsParams) -> Result<(), Box<dyn std::error::Error>> {
    let repeats: usize = std::env::args().nth(2).and_then(|s| s.parse().ok()).unwrap_or(20);
    let p = FeDollarBarsParams { threshold: 70e6, ..p.clone() };
    let (mut best, mut bars) = (f64::INFINITY, BarColumns::default());
    for _ in 0..repeats {
        bars.clear();
        let mut calculator = p.build()?;
        let start = Instant::now();
        calculator.push_columns(&t.times, &t.prices, &t.sizes, None, &mut bars)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!(
        "{{\"seconds\": {best}, \"trades\": {}, \"bars\": {}, \"value\": {}}}",
        t.times.len(),
        bars.len(),
        bars.value.iter().sum::<f64>()
    );
    Ok(())
}

/// The price by the clock and by dollars.
fn picture(t: &Trades) -> Result<(), Box<dyn std::error::Error>> {
    let of = |kind, threshold| FeDollarBarsParams { kind, threshold, ..Default::default() };
    let dollar = sample(&of(BarKind::Dollar, 10e6), t)?;
    let time = sample(&of(BarKind::Time, 400.0), t)?;
    // Both on one axis: of a time bar stands what it closed at, a dollar bar where it fell.
    let n = dollar.len().min(time.len());
    let some = |x: &[f64]| x.iter().take(n).map(|x| Some(*x)).collect::<Vec<_>>();
    let minutes = |b: &BarColumns| b.end.windows(2).map(|w| (w[1] - w[0]) as f64 / 6e10).collect::<Vec<_>>();
    let value: Vec<f64> = time.value.iter().map(|v| v / 1e6).collect();
    let labels: Vec<String> = dollar.end.iter().take(n).map(|t| clock(*t)).collect();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/images/fe_dollar_bars.svg");
    svg::write(
        file,
        "E-mini S&P 500, 2013-09-01 to 03: bars of 10 million dollars (x axis: their closing times, UTC as given)",
        &labels,
        &[
            Panel {
                title: "close of bar k, points: by dollars and by the clock (400 s)",
                lines: vec![
                    Line { name: "400 seconds", values: some(&time.close) },
                    Line { name: "10 million dollars", values: some(&dollar.close) },
                ],
                rules: vec![],
            },
            Panel {
                title: "minutes from one dollar bar to the next",
                lines: vec![Line { name: "minutes", values: some(&minutes(&dollar)) }],
                rules: vec![400.0 / 60.0],
            },
            Panel {
                title: "million dollars in time bar k",
                lines: vec![Line { name: "million dollars", values: some(&value) }],
                rules: vec![10.0],
            },
        ],
    )?;
    println!("wrote docs/images/fe_dollar_bars.svg");
    Ok(())
}
