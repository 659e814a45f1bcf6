//! Is a signal better than luck? Momentum and reversal on 23 funds, each with its t-statistic, before and after counting how many were tried.
//!
//! `cargo run --release -p tradewind-alpha --example alpha_t_stat_threshold`

use tradewind_alpha::plugins::alpha_t_stat_threshold::{Across, TStatIn, TStatParams, adjusted_t};
use tradewind_core_types::{Online, Params, testkit};

const FUNDS: [&str; 23] = [
    "EEM", "EWG", "TIP", "EWJ", "EFA", "IEF", "EWQ", "EWU", "XLB", "XLE", "XLF", "LQD", "XLK", "XLU", "EPP", "FXI",
    "VGK", "VPL", "SPY", "TLT", "BND", "CSJ", "DIA",
];

/// Direction of the last `days` sessions' return as the signal, and the return from the next close to the one after.
fn rows(p: &[f64], days: usize, sign: f64) -> Vec<TStatIn> {
    (days..p.len() - 2)
        .map(|i| TStatIn { signal: sign * (p[i] / p[i - days] - 1.0).signum(), forward: p[i + 2] / p[i + 1] - 1.0 })
        .collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "signal                 best fund   t (no lags)   t (Newey-West)   adjusted for 23: Holm   Benjamini-Yekutieli   verdict"
    );
    let all: Vec<Vec<f64>> = FUNDS
        .iter()
        .map(|f| testkit::sample("etf23_close_2008_2016.csv.gz", f, None).into_iter().map(|x| x.1).collect())
        .collect();
    for (name, days, sign) in [
        ("momentum 1 session", 1, 1.0),
        ("reversal 1 session", 1, -1.0),
        ("reversal 5 sessions", 5, -1.0),
        ("momentum 60 sessions", 60, 1.0),
        ("momentum 200 sessions", 200, 1.0),
    ] {
        let mut t = Vec::new();
        let mut plain = Vec::new();
        for p in &all {
            let rows = rows(p, days, sign);
            let of = |lags| -> Result<f64, Box<dyn std::error::Error>> {
                let params = TStatParams { window: rows.len(), minimum: rows.len(), lags, ..Default::default() };
                let out = params.build()?.batch(&rows)?;
                Ok(out.last().and_then(|o| o.as_ref()?.t_mean).unwrap_or(0.0))
            };
            plain.push(of(Some(0))?);
            t.push(of(None)?);
        }
        let (holm, by) = (adjusted_t(&t, Across::Holm), adjusted_t(&t, Across::BenjaminiYekutieli));
        let best = (0..t.len()).fold(0, |b, i| if t[i] > t[b] { i } else { b });
        let verdict = match holm[best] {
            t if t >= 3.0 => "trusted",
            t if t >= 2.0 => "in part",
            _ => "vetoed",
        };
        println!(
            "{name:<21}  {:<9}   {:>11.2}   {:>14.2}   {:>21.2}   {:>19.2}   {verdict}",
            FUNDS[best], plain[best], t[best], holm[best], by[best]
        );
    }
    Ok(())
}
