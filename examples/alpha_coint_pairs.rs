//! The pairs of 20 real stocks: how many are cointegrated by chance, which survive, and what trading them would have brought.
//!
//! `cargo run --release -p tradewind-alpha --example alpha_coint_pairs`; with `-- --time FILE SERIES REPEATS` it scans the little-endian doubles of a
//! file and prints time, memory and results as JSON (for tools/oracle/compare_speed_pairs.py).

use std::collections::BTreeMap;

use tradewind_alpha::plugins::alpha_coint_pairs::{
    Action, CointPairsAlpha, CointPairsIn, CointPairsParams, Hedge, scan,
};
use tradewind_core_types::{
    Alpha, Bar, Event, FeatureValues, Market, MarketData, Online, Origin, Params, Portfolio, Price, Signal, Signals,
    Symbol, Time, View, testkit,
};
use tradewind_numerics::math;

const FILE: &str = "stocks20_adjclose_1990_2022.csv.gz";
const NAMES: [&str; 20] = [
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "MSFT", "PEP", "PFE", "PG",
    "RRC", "UNH", "WMT", "XOM",
];

fn closes(name: &str) -> Vec<(String, f64)> {
    testkit::sample(FILE, name, None)
}

/// Best time of so many scans, the process's peak of memory, and what was found.
fn time(file: &str, series: usize, repeats: usize) -> Result<(), Box<dyn std::error::Error>> {
    let raw = std::fs::read(file)?;
    let all: Vec<f64> = raw.chunks_exact(8).filter_map(|c| Some(f64::from_le_bytes(c.try_into().ok()?))).collect();
    let series: Vec<Vec<f64>> = all.chunks_exact(all.len() / series.max(1)).map(<[f64]>::to_vec).collect();
    let params = CointPairsParams::default();
    let mut best = f64::INFINITY;
    let mut found = scan(&params, &series)?;
    for _ in 0..repeats {
        let start = std::time::Instant::now();
        found = scan(&params, &series)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    let pairs: Vec<_> = found.pairs.iter().map(|f| (f.a, f.b, f.statistic, f.hedge_ratio)).collect();
    println!("{}", serde_json::json!({ "seconds": best, "peak_mb": peak.unwrap_or(0.0) / 1024.0, "pairs": pairs }));
    Ok(())
}

type Universe = (f64, BTreeMap<String, usize>);

/// The alpha on all stocks from session to session: log return of all spreads (one unit each, entered at the next close), trades by pair.
fn universe(all: &[Vec<(String, f64)>], params: &CointPairsParams) -> Result<Universe, Box<dyn std::error::Error>> {
    let mut alpha = CointPairsAlpha::new(params)?;
    let (mut market, features) = (Market::default(), FeatureValues::default());
    let portfolio = Portfolio::with_cash("1".parse()?);
    let symbols: Vec<Symbol> = NAMES.iter().map(|n| Symbol::new(n)).collect::<Result<_, _>>()?;
    let mut standing: BTreeMap<Symbol, Signal> = BTreeMap::new();
    let (mut entered, mut earned, mut trades) = (standing.clone(), 0.0, BTreeMap::new());
    for i in 1..all[0].len() {
        let date = all[0][i].0.as_str();
        if !("2011-01-03".."2016-07-02").contains(&date) {
            continue;
        }
        let time: Time = format!("{date}T21:00:00Z").parse()?;
        let change = |s: Symbol| -> f64 {
            let k = symbols.iter().position(|x| *x == s).unwrap_or(0);
            math::ln(all[k][i].1 / all[k][i - 1].1)
        };
        if date > "2014-01-03" {
            // What was decided a session ago was entered at the close before this one.
            let of = |s: &Signal| s.score * s.legs.iter().map(|l| l.ratio * change(l.symbol)).sum::<f64>();
            earned += entered.values().map(of).sum::<f64>();
        }
        entered.clone_from(&standing);
        let row = |symbol, data| Event { time, symbol, origin: Origin::default(), data };
        let mut events = Vec::new();
        for (k, s) in symbols.iter().enumerate() {
            events.push(row(Some(*s), MarketData::Bar(Bar::close_only(Price::from_f64(all[k][i].1)?))));
        }
        events.push(row(None, MarketData::SessionClose));
        let mut out = Signals::new();
        for e in &events {
            market.apply(e);
            let view = View::new(time, &market, &features, &portfolio);
            alpha.on_event(e, &view, &mut out)?;
        }
        for s in out {
            let before = standing.get(&s.symbol()).map_or(0.0, |b| b.score);
            if s.score != 0.0 && before != s.score && date >= "2014-01-03" {
                *trades.entry(format!("{}-{}", s.legs[0].symbol, s.legs[1].symbol)).or_insert(0) += 1;
            }
            standing.insert(s.symbol(), s);
        }
    }
    Ok((earned, trades))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, file, series, repeats] = args.as_slice()
        && flag == "--time"
    {
        return time(file, series.parse()?, repeats.parse()?);
    }
    let all: Vec<Vec<(String, f64)>> = NAMES.iter().map(|n| closes(n)).collect();
    let params = CointPairsParams::default();

    println!("190 pairs of 20 stocks, windows of 504 sessions; false discoveries held at 10 %");
    println!("from         p < 5 %   expected by chance   discoveries   best pair      p       half-life");
    for year in (1994..2021).step_by(3) {
        let start = all[0].iter().position(|(d, _)| d.starts_with(&year.to_string())).unwrap_or(0);
        let logs: Vec<Vec<f64>> =
            all.iter().map(|s| s[start..].iter().take(504).map(|(_, p)| math::ln(*p)).collect()).collect();
        let s = scan(&params, &logs)?;
        let nominal = s.pairs.iter().filter(|f| f.p_value.is_some_and(|p| p < 0.05)).count();
        let best = &s.pairs[0];
        println!(
            "{}   {nominal:>7}   {:>18.1}   {:>11}   {:<12}   {:.4}   {:>5.1} +- {:.1}",
            all[0][start].0,
            0.05 * s.tested as f64,
            s.discoveries,
            format!("{}-{}", NAMES[best.a], NAMES[best.b]),
            best.p_value.unwrap_or(1.0),
            best.half_life.unwrap_or(f64::NAN),
            best.half_life_error.unwrap_or(f64::NAN),
        );
    }

    println!(
        "\nPairs a trader might have named, traded at 2 standard deviations from 1992 on (log returns of the spread, before costs)"
    );
    println!("pair         hedge    trades   stopped   timed out   broken   sum      a trade");
    for (a, b) in [("KO", "PEP"), ("CVX", "XOM"), ("MRK", "PFE"), ("JPM", "BAC"), ("HD", "WMT"), ("JNJ", "PG")] {
        for hedge in [Hedge::Static, Hedge::Kalman] {
            let rows: Vec<CointPairsIn> = closes(a)
                .iter()
                .zip(closes(b))
                .filter(|((d, _), _)| d.as_str() >= "1991")
                .map(|((_, a), (_, b))| CointPairsIn { a: *a, b })
                .collect();
            let p = CointPairsParams { hedge, ..params.clone() };
            let out = p.build()?.batch(&rows)?;
            let count = |action: Action| out.iter().flatten().filter(|o| o.action == action).count();
            let mut earned = 0.0;
            for i in 1..out.len() {
                let Some(o) = out[i - 1] else { continue };
                let h = o.hedge_ratio.unwrap_or(0.0);
                let log = |x: f64, y: f64| math::ln(x / y);
                earned += f64::from(o.position) * (log(rows[i].a, rows[i - 1].a) - h * log(rows[i].b, rows[i - 1].b));
            }
            let trades = count(Action::Enter);
            println!(
                "{:<10}   {:<6}   {trades:>6}   {:>7}   {:>9}   {:>6}   {:>+5.1} %  {:>+5.2} %",
                format!("{a}-{b}"),
                if hedge == Hedge::Static { "static" } else { "kalman" },
                count(Action::Stop),
                count(Action::Timeout),
                count(Action::Broken),
                100.0 * earned,
                100.0 * earned / trades.max(1) as f64,
            );
        }
    }

    println!(
        "\nAs an alpha on the 20 stocks, 2014-01-03 to 2016-07-01, one unit of each spread, entered at the next close, before costs"
    );
    let names = NAMES.map(str::to_owned).to_vec();
    let scanned = CointPairsParams { pairs: vec![], universe: names, ..params.clone() };
    let pairs = [["KO", "PEP"], ["CVX", "XOM"], ["MRK", "PFE"], ["JPM", "BAC"], ["HD", "WMT"], ["JNJ", "PG"]];
    let named = CointPairsParams { pairs: pairs.map(|p| p.map(str::to_owned)).to_vec(), ..params.clone() };
    let loose = CointPairsParams { fdr: 0.5, ..scanned.clone() };
    let long = CointPairsParams { formation: 504, fdr: 0.5, ..scanned.clone() };
    for (name, p) in [
        ("six named pairs", named),
        ("scan, 10 % false discoveries", scanned),
        ("scan, 50 %", loose),
        ("scan, 50 %, 504 sessions", long),
    ] {
        let (earned, trades) = universe(&all, &p)?;
        println!("{name:<29} {:>+6.1} %   trades {trades:?}", 100.0 * earned);
    }
    Ok(())
}
