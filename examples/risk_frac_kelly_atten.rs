//! What a stake is worth whose odds are only estimated: growth of full, quarter and attenuated Kelly by the number of bets learned from,
//! simulated and exact; then SPY and ten stocks.
//!
//! `cargo run --release --example risk_frac_kelly_atten`, and `-- docs/images/risk_frac_kelly_atten.svg` to draw the chart.

use std::fmt::Write as _;

use tradewind_core_types::testkit::{self, Rng};
use tradewind_core_types::{Online, Params};
use tradewind_numerics::math;
use tradewind_risk::kelly::assets::{AssetLimits, assets};
use tradewind_risk::kelly::{Posterior, discrete, expected_growth, growth, shrinkage_discrete};
use tradewind_risk::plugins::risk_frac_kelly_atten::{RiskFracKellyAttenIn, RiskFracKellyAttenParams};

const NAMES: [&str; 5] = [
    "full Kelly",
    "quarter of it",
    "full at the 25 % quantile of p",
    "full, Baker and McHale",
    "quarter at the quantile (default)",
];
const COLOURS: [&str; 5] = ["#c0392b", "#e08e0b", "#2471a3", "#7d3c98", "#1e8449"];
const LEARNED: [usize; 9] = [10, 20, 30, 50, 100, 200, 500, 1000, 2000];

/// Growth of each policy, simulated and exact.
type Grown = ([f64; 5], [f64; 5]);

/// What each policy stakes at even odds after `wins` of `n`.
fn stakes(wins: usize, n: usize) -> Result<[f64; 5], Box<dyn std::error::Error>> {
    let post = Posterior::new((1.0, 1.0), wins as f64, (n - wins) as f64)?;
    let full = discrete(post.mean(), 1.0)?;
    let low = discrete(post.quantile(0.25), 1.0)?.min(full);
    let k = shrinkage_discrete(post.mean(), 1.0, post.variance())?;
    Ok([full, 0.25 * full, low, k * full, 0.25 * low])
}

/// Growth per 100 bets in percent, by policy: simulated from 2,000 histories, and exact.
fn grown(p: f64, n: usize, seed: u64) -> Result<Grown, Box<dyn std::error::Error>> {
    let table: Vec<[f64; 5]> = (0..=n).map(|w| stakes(w, n)).collect::<Result<_, _>>()?;
    let (mut rng, mut simulated, mut exact) = (Rng(seed), [0.0; 5], [0.0; 5]);
    for _ in 0..2000 {
        let wins = (0..n).filter(|_| rng.uniform() < p).count();
        for (s, f) in simulated.iter_mut().zip(table[wins]) {
            *s += 100.0 * 100.0 * growth(p, 1.0, f) / 2000.0;
        }
    }
    for (k, e) in exact.iter_mut().enumerate() {
        *e = 100.0 * 100.0 * expected_growth(p, 1.0, n, |w| table[w][k])?;
    }
    Ok((simulated, exact))
}

/// Two panels of growth against the number of bets learned from: lines are exact, dots simulated.
fn svg(panels: &[(f64, Vec<Grown>)]) -> String {
    let (left, top, wide, high) = (70.0, 56.0, 380.0, 300.0);
    let (low, up) = (-15.0, 21.0);
    let x = |i: usize, n: usize| {
        left + i as f64 * (wide + 80.0) + wide * (math::log10(n as f64) - 1.0) / math::log10(200.0)
    };
    let y = |g: f64| top + high * (up - g) / (up - low);
    let mut s = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 940 470\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"940\" height=\"470\" fill=\"white\"/>\n",
    );
    // Writing to a string cannot fail.
    for (i, (p, points)) in panels.iter().enumerate() {
        let (x0, x1) = (x(i, 10), x(i, 2000));
        let title = format!("p = {p}, even odds{}", if *p > 0.5 { "" } else { ": no edge" });
        let _ = writeln!(s, "<text x=\"{x0}\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{title}</text>");
        let _ = writeln!(
            s,
            "<text x=\"{x0}\" y=\"42\" fill=\"#555\">growth per 100 bets, % (log), by bets learned from</text>"
        );
        let _ = writeln!(
            s,
            "<clipPath id=\"c{i}\"><rect x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{high}\"/></clipPath>",
            x0 - 5.0,
            wide + 10.0
        );
        for g in [-15, -10, -5, 0, 5, 10, 15, 20] {
            let (at, dark) = (y(f64::from(g)), if g == 0 { "#555" } else { "#ddd" });
            let _ = writeln!(s, "<line x1=\"{x0}\" x2=\"{x1}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"{dark}\"/>");
            let _ = writeln!(s, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{g}</text>", x0 - 8.0, at + 4.0);
        }
        for n in [10, 30, 100, 500, 2000] {
            let _ =
                writeln!(s, "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{n}</text>", x(i, n), top + high + 18.0);
        }
        let best = y(100.0 * 100.0 * growth(*p, 1.0, (2.0 * p - 1.0).max(0.0)));
        let _ = writeln!(
            s,
            "<line x1=\"{x0}\" x2=\"{x1}\" y1=\"{best:.1}\" y2=\"{best:.1}\" stroke=\"#333\" stroke-dasharray=\"6 4\"/>"
        );
        for (k, colour) in COLOURS.iter().enumerate() {
            let line: Vec<String> =
                LEARNED.iter().zip(points).map(|(n, g)| format!("{:.1},{:.1}", x(i, *n), y(g.1[k]))).collect();
            let _ = writeln!(s, "<g clip-path=\"url(#c{i})\" fill=\"{colour}\" stroke=\"{colour}\">");
            let _ = writeln!(s, "<polyline points=\"{}\" fill=\"none\" stroke-width=\"2\"/>", line.join(" "));
            for (n, g) in LEARNED.iter().zip(points) {
                let _ = writeln!(s, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>", x(i, *n), y(g.0[k]));
            }
            s.push_str("</g>\n");
        }
    }
    for (k, (name, colour)) in NAMES.iter().zip(COLOURS).enumerate() {
        let (at, row) = (70.0 + 300.0 * (k % 3) as f64, 404.0 + 22.0 * (k / 3) as f64);
        let _ = writeln!(s, "<rect x=\"{at}\" y=\"{}\" width=\"18\" height=\"4\" fill=\"{colour}\"/>", row - 6.0);
        let _ = writeln!(s, "<text x=\"{}\" y=\"{row}\">{name}</text>", at + 24.0);
    }
    s.push_str("<text x=\"670\" y=\"426\" fill=\"#555\">dashed: p known; dots: simulated</text>\n</svg>\n");
    s
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut panels = Vec::new();
    for p in [0.53, 0.50] {
        let known = 1e4 * growth(p, 1.0, (2.0 * p - 1.0_f64).max(0.0));
        println!(
            "Growth per 100 bets at even odds, won with probability {p} (known: {known:.1} %); simulated / exact:"
        );
        println!("learned from     full          quarter       quantile      shrunk        default");
        let mut points = Vec::new();
        for (i, n) in LEARNED.into_iter().enumerate() {
            let g = grown(p, n, 100 + i as u64)?;
            let row: Vec<String> = (0..5).map(|k| format!("{:>6.1} /{:>6.1}", g.0[k], g.1[k])).collect();
            println!("{n:>5} bets  {} %", row.join(""));
            points.push(g);
        }
        panels.push((p, points));
        println!();
    }
    if let Some(path) = std::env::args().nth(1) {
        std::fs::write(&path, svg(&panels))?;
        println!("chart: {path}\n");
    }

    let spy = testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None);
    let rows: Vec<_> =
        spy.windows(2).map(|w| RiskFracKellyAttenIn { ret: w[1].1 / w[0].1 - 1.0, probability: None }).collect();
    let out = RiskFracKellyAttenParams { cap: 2.0, ..Default::default() }.build()?.batch(&rows)?;
    println!("SPY held for a session, the last 504 of them on record:");
    println!("at the end of   p       25 % quantile   b      full Kelly   attenuation   size");
    for (i, w) in spy.windows(2).enumerate().skip(60) {
        let last = spy.get(i + 2).is_none_or(|next| next.0[..4] != w[1].0[..4]);
        if let (true, Some(o)) = (last, out[i]) {
            let n = |x: Option<f64>| x.unwrap_or(f64::NAN);
            println!(
                "{}      {:.3}   {:.3}           {:.2}   {:>6.2}       {:>5.2}         {:.2}",
                w[1].0,
                n(o.p),
                n(o.p_low),
                n(o.b),
                n(o.kelly),
                n(o.attenuation),
                o.size
            );
        }
    }

    // Ten stocks over the last four years: what the same formula wants of all of them together.
    let names = ["AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO"];
    let columns: Vec<Vec<f64>> = names
        .iter()
        .map(|s| {
            let c = testkit::sample("stocks20_adjclose_1990_2022.csv.gz", s, None);
            c[c.len() - 1001..].windows(2).map(|w| w[1].1 / w[0].1 - 1.0).collect()
        })
        .collect();
    let mean: Vec<f64> = columns.iter().map(|c| c.iter().sum::<f64>() / 1000.0).collect();
    let mut cov = Vec::new();
    for (a, ma) in columns.iter().zip(&mean) {
        for (b, mb) in columns.iter().zip(&mean) {
            cov.push(a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum::<f64>() / 999.0);
        }
    }
    println!(
        "\nTen stocks, 1,000 sessions to 2022-12-28: full Kelly of each alone, of all together, and what is left of it"
    );
    let free = assets(&mean, &cov, &AssetLimits { observations: Some(1000.0), ..Default::default() })?;
    let longs = AssetLimits { long_only: true, observations: Some(1000.0), ..Default::default() };
    let longs = assets(&mean, &cov, &longs)?;
    for (i, name) in names.iter().enumerate() {
        let alone = mean[i] / cov[i * names.len() + i];
        println!(
            "{name:<5} {alone:>6.2} {:>7.2} {:>8.3}   long only {:>6.3}",
            free.full[i], free.weights[i], longs.weights[i]
        );
    }
    let gross = |w: &[f64]| w.iter().map(|x| x.abs()).sum::<f64>();
    println!(
        "gross {:>14.2} {:>8.3}   long only {:>6.3}   (attenuation {:.2})",
        gross(&free.full),
        gross(&free.weights),
        gross(&longs.weights),
        free.attenuation
    );
    Ok(())
}
