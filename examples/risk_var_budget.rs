//! VaR of SPY by four methods with the tests of their own forecasts, and what each of three strategies adds to a portfolio's VaR.
//!
//! `cargo run --release --example risk_var_budget`

use tradewind_core_types::{Online, Params, testkit};
use tradewind_numerics::tail::{Measure, Parts, TailMethod, VarianceFilter};
use tradewind_risk::budget::within_budgets;
use tradewind_risk::plugins::risk_var_budget::{Filter, Method, RiskVarBudgetIn, RiskVarBudgetParams};

fn returns(symbol: &str) -> Vec<f64> {
    let closes = testkit::sample("etf23_close_2008_2016.csv.gz", symbol, None);
    closes.windows(2).map(|w| w[1].1 / w[0].1 - 1.0).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows: Vec<_> = returns("SPY").into_iter().map(|ret| RiskVarBudgetIn { ret }).collect();
    println!("SPY 2008-2016, one day ahead at 95 %, window 504: were the forecasts right?\n");
    println!("method                       exceeded  of     share   Kupiec p  independence p  together p");
    for (name, method, filter) in [
        ("historical", Method::Historical, Filter::Ewma),
        ("normal", Method::Normal, Filter::Ewma),
        ("Cornish-Fisher", Method::CornishFisher, Filter::Ewma),
        ("filtered historical, EWMA", Method::FilteredHistorical, Filter::Ewma),
        ("filtered historical, GARCH", Method::FilteredHistorical, Filter::Garch),
    ] {
        let mut var = RiskVarBudgetParams { method, filter, ..Default::default() }.build()?;
        var.batch(&rows)?;
        let s = var.summary();
        let count = |k: &str| s[k].as_f64().unwrap_or(f64::NAN);
        let p = |k: &str| s[k]["p_value"].as_f64().unwrap_or(f64::NAN);
        println!(
            "{name:<28} {:>8} {:>5} {:>6.2} %  {:>9.4} {:>15.6} {:>11.6}",
            count("exceedances"),
            count("forecasts"),
            100.0 * count("exceedances") / count("forecasts"),
            p("kupiec"),
            p("christoffersen_independence"),
            p("christoffersen_conditional_coverage"),
        );
    }
    println!("\nMethods that ignore today's volatility are exceeded in clusters: their independence is rejected.");

    // Three strategies, the last two years, a budget of 0.5 % of equity each.
    let n = 504;
    let last = |symbol: &str, weight: f64| -> Vec<f64> {
        let r = returns(symbol);
        r.iter().skip(r.len() - n).map(|x| weight * x).collect()
    };
    let values = [last("SPY", 0.6), last("TLT", 0.4), last("XLE", 0.3)].concat();
    println!("\n60 % SPY, 40 % TLT, 30 % XLE as three strategies, budget 0.5 % of equity each, last 504 days:\n");
    println!("strategy   component   incremental   scaled to");
    for (name, method) in
        [("normal", TailMethod::Normal), ("filtered", TailMethod::Filtered(VarianceFilter::ewma(0.94)))]
    {
        let measure = Measure { method, confidence: 0.95, bandwidth: 12 };
        let b = within_budgets(Parts { values: &values, n }, &[0.005; 3], measure)?;
        for (i, symbol) in ["SPY", "TLT", "XLE"].iter().enumerate() {
            println!(
                "{symbol:<9} {:>8.3} %    {:>8.3} %    x {:.3}",
                100.0 * b.components[i],
                100.0 * b.incremental[i],
                b.scales[i]
            );
        }
        println!("{name:<9} {:>8.3} %\n", 100.0 * b.var);
    }
    Ok(())
}
