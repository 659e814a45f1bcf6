//! How much of a stock 1 % of equity in expected shortfall buys, in calm and in crisis; whether the forecasts were right; and the portfolio
//! of least shortfall against equal weights.
//!
//! `cargo run --release --example risk_cvar_size`; with `-- full` the backtests of every method on SPX, the equal-weight portfolio and each
//! of the 20 stocks, which take minutes.

use tradewind_core_types::{Online, Params, testkit};
use tradewind_numerics::tail::peaks;
use tradewind_risk::min_cvar::Programme;
use tradewind_risk::plugins::risk_cvar_size::{Filter, Method, RiskCvarSizeIn, RiskCvarSizeParams};

type Failure = Box<dyn std::error::Error>;

const STOCKS: [&str; 20] = [
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "MSFT", "PEP", "PFE", "PG",
    "RRC", "UNH", "WMT", "XOM",
];
const METHODS: [(&str, Method); 5] = [
    ("historical", Method::Historical),
    ("normal", Method::Normal),
    ("student_t", Method::StudentT),
    ("cornish_fisher", Method::CornishFisher),
    ("peaks", Method::Peaks),
];
const FILTERS: [(&str, Filter); 3] = [("none", Filter::None), ("ewma", Filter::Ewma), ("garch", Filter::Garch)];

fn stock(symbol: &str) -> Vec<(String, f64)> {
    testkit::sample("stocks20_adjclose_1990_2022.csv.gz", symbol, None)
}
fn returns(closes: &[(String, f64)]) -> Vec<f64> {
    closes.windows(2).map(|w| w[1].1 / w[0].1 - 1.0).collect()
}
fn inputs(r: &[f64]) -> Vec<RiskCvarSizeIn> {
    r.iter().map(|r| RiskCvarSizeIn { close: None, ret: Some(*r) }).collect()
}

/// The judgement of one method's forecasts.
struct Judged {
    forecasts: f64,
    exceedances: f64,
    kupiec: f64,
    conditional: f64,
    z1: (f64, f64),
    z2: (f64, f64),
    failed: usize,
}

fn judge(r: &[f64], method: Method, filter: Filter) -> Result<Judged, Failure> {
    let mut c = RiskCvarSizeParams { method, filter, ..Default::default() }.build()?;
    let out = c.batch(&inputs(r))?;
    let s = c.summary();
    let count = |k: &str| s[k].as_f64().unwrap_or(f64::NAN);
    let p = |k: &str| s[k]["p_value"].as_f64().unwrap_or(f64::NAN);
    let z = |k: &str| {
        let t = &s["acerbi_szekely"][k];
        (t["statistic"].as_f64().unwrap_or(f64::NAN), t["p_value"].as_f64().unwrap_or(f64::NAN))
    };
    Ok(Judged {
        forecasts: count("forecasts"),
        exceedances: count("exceedances"),
        kupiec: p("kupiec"),
        conditional: p("christoffersen_conditional_coverage"),
        z1: z("z1"),
        z2: z("z2"),
        failed: out.iter().flatten().filter(|o| o.problem.is_some()).count(),
    })
}

fn backtests(title: &str, r: &[f64], methods: &[(&str, Method)], filters: &[(&str, Filter)]) -> Result<(), Failure> {
    println!("\n{title}: shortfall at 97.5 %, window 1000, one day ahead");
    println!("method          filter  exceeded   Kupiec p  cond. p     Z1      p       Z2      p    not by its model");
    for (name, method) in methods {
        for (filter_name, filter) in filters {
            let j = judge(r, *method, *filter)?;
            println!(
                "{name:<15} {filter_name:<6} {:>7.2} %  {:>8.4} {:>8.4}  {:>6.3} {:>6.4}  {:>6.3} {:>6.4}  {:>6.1} %",
                100.0 * j.exceedances / j.forecasts,
                j.kupiec,
                j.conditional,
                j.z1.0,
                j.z1.1,
                j.z2.0,
                j.z2.1,
                100.0 * j.failed as f64 / j.forecasts,
            );
        }
    }
    Ok(())
}

/// What helps to choose a threshold: the mean excess should grow in a line, shape and modified scale should stay.
fn thresholds(r: &[f64]) -> Result<(), Failure> {
    let losses: Vec<f64> = r[r.len() - 1000..].iter().map(|x| -x).collect();
    println!("\nThresholds for the last 1000 days of the SPX\n");
    println!("exceedances  threshold  mean excess      shape          modified scale  shortfall 97.5 %");
    for c in peaks::thresholds(&losses, &[30, 50, 75, 100, 150, 200, 300])? {
        let Some(g) = c.gpd else { continue };
        let tail = peaks::Peaks { threshold: c.threshold, share: c.k as f64 / 1000.0, gpd: g };
        println!(
            "{:>8}      {:>5.2} %    {:.2} +- {:.2} %   {:>5.2} +- {:.2}    {:>8.4}        {:.2} %",
            c.k,
            100.0 * c.threshold,
            100.0 * c.mean_excess,
            100.0 * c.mean_excess_error,
            g.shape,
            g.std_errors().0,
            c.modified_scale.unwrap_or(f64::NAN),
            100.0 * tail.es(0.025).unwrap_or(f64::NAN),
        );
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let apple = stock("AAPL");
    let mut c = RiskCvarSizeParams::default().build()?;
    println!("AAPL: 1 % of equity at risk (expected shortfall 97.5 %, Pareto tail on EWMA-filtered returns) buys\n");
    println!("date         shortfall  VaR       tail shape  size");
    for (date, close) in &apple {
        let o = c.update(&RiskCvarSizeIn { close: Some(*close), ret: None })?;
        let shown = ["1999-12-31", "2000-10-02", "2005-06-01", "2008-10-10", "2017-06-01", "2020-03-16", "2022-12-28"];
        if let (Some(o), true) = (o, shown.contains(&date.as_str())) {
            let (es, shape) = (o.es.unwrap_or(f64::NAN), o.shape.unwrap_or(f64::NAN));
            println!(
                "{date}   {:>5.2} %    {:>5.2} %   {shape:>6.2}      {:>4.1} % of equity",
                100.0 * es,
                100.0 * o.var,
                100.0 * o.size
            );
        }
    }

    let columns: Vec<Vec<f64>> = STOCKS.iter().map(|s| returns(&stock(s))).collect();
    let days = columns.iter().map(Vec::len).min().unwrap_or(0);
    let equal: Vec<f64> = (0..days).map(|t| columns.iter().map(|c| c[t]).sum::<f64>() / 20.0).collect();
    let spx = returns(&testkit::sample("index_ohlcv_1999_2018.csv.gz", "close", Some(("symbol", "SPX"))));
    if std::env::args().any(|a| a == "full") {
        backtests("SPX 1999-2018", &spx, &METHODS, &FILTERS)?;
        backtests("20 stocks at equal weights 1990-2022", &equal, &METHODS, &FILTERS)?;
        println!("\nEach of the 20 stocks 1990-2022: mean exceedances, and how many are rejected at 1 %");
        println!("method          filter  exceeded   Kupiec  cond.  Z1   Z2   mean Z2");
        for (name, method) in METHODS {
            for (filter_name, filter) in FILTERS {
                let all = columns.iter().map(|r| judge(r, method, filter)).collect::<Result<Vec<_>, _>>()?;
                let rejected = |p: fn(&Judged) -> f64| all.iter().filter(|j| p(j) < 0.01).count();
                let mean = |x: fn(&Judged) -> f64| all.iter().map(x).sum::<f64>() / all.len() as f64;
                println!(
                    "{name:<15} {filter_name:<6} {:>7.2} %   {:>4} {:>7} {:>4} {:>4}  {:>7.3}",
                    100.0 * mean(|j| j.exceedances / j.forecasts),
                    rejected(|j| j.kupiec),
                    rejected(|j| j.conditional),
                    rejected(|j| j.z1.1),
                    rejected(|j| j.z2.1),
                    mean(|j| j.z2.0),
                );
            }
        }
    } else {
        let some = [METHODS[0], METHODS[1], METHODS[4]];
        backtests("20 stocks at equal weights 1990-2022", &equal, &some, &FILTERS[..2])?;
    }
    thresholds(&spx)?;

    // Weights from ten years, judged on the two that follow.
    println!("\nPortfolio of least shortfall (95 %, at most 20 % a stock) from ten years, then two years on:\n");
    println!("until        shortfall before  after   equal weights after   largest weights");
    for end in [4000, 5000, 6000, 7000, days - 504] {
        let scenarios: Vec<f64> = (end - 2500..end).flat_map(|t| columns.iter().map(move |c| c[t])).collect();
        let s = Programme {
            scenarios: &scenarios,
            assets: 20,
            confidence: 0.95,
            budget: 1.0,
            lower: &[0.0; 20],
            upper: &[0.2; 20],
            turnover: None,
            least_return: None,
        }
        .solve()?;
        let shortfall = |w: &dyn Fn(usize) -> f64| {
            let mut x: Vec<f64> =
                (end..end + 504).map(|t| columns.iter().enumerate().map(|(i, c)| w(i) * c[t]).sum::<f64>()).collect();
            x.sort_by(f64::total_cmp);
            -x[..25].iter().sum::<f64>() / 25.0
        };
        let mut order: Vec<usize> = (0..20).collect();
        order.sort_by(|a, b| s.weights[*b].total_cmp(&s.weights[*a]));
        let largest: Vec<String> =
            order[..4].iter().map(|i| format!("{} {:.0} %", STOCKS[*i], 100.0 * s.weights[*i])).collect();
        println!(
            "{}   {:>8.2} %       {:>5.2} %   {:>8.2} %            {}",
            apple[end].0,
            100.0 * s.cvar,
            100.0 * shortfall(&|i| s.weights[i]),
            100.0 * shortfall(&|_| 0.05),
            largest.join(", ")
        );
    }
    Ok(())
}
