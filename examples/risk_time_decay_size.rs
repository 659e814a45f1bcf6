//! What age does to a trend position in SPY: bought when the price crosses its 50-day mean, held while it stays there, with and without decay.
//!
//! `cargo run --release --example risk_time_decay_size`

use tradewind_core_types::{Online, Params, testkit};
use tradewind_risk::lots::Schedule;
use tradewind_risk::plugins::risk_time_decay_size::{RiskTimeDecaySizeIn, RiskTimeDecaySizeParams};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spy = testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None);
    let close: Vec<f64> = spy.iter().map(|x| x.1).collect();
    // One hundred shares long above the mean, short below it.
    let wanted: Vec<f64> = (0..close.len())
        .map(|i| match i.checked_sub(49) {
            Some(k) => 100.0 * (close[i] - close[k..=i].iter().sum::<f64>() / 50.0).signum(),
            None => 0.0,
        })
        .collect();
    let rows: Vec<_> = wanted
        .iter()
        .zip(&close)
        .map(|(quantity, price)| RiskTimeDecaySizeIn { quantity: *quantity, price: *price, day: None })
        .collect();

    println!("age   exponential   linear   step     (grace 5, half-life 10, floor 0.25, at most 60 sessions)");
    let curves = [Schedule::Exponential, Schedule::Linear, Schedule::Step]
        .map(|schedule| RiskTimeDecaySizeParams { schedule, ..Default::default() }.curve());
    for age in [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 40.0, 59.0, 60.0] {
        let [e, l, s] = curves.map(|c| c.factor(age));
        println!("{age:>3}   {e:>11.3}   {l:>6.3}   {s:>5.3}");
    }

    // Where the trend's profit comes from, by age of the position: a decision at one close is filled at the next.
    let (mut age, mut by_age) = (0_usize, [(0_u32, 0.0); 6]);
    for i in 1..close.len() - 1 {
        age = if wanted[i] == wanted[i - 1] { age + 1 } else { 0 };
        if wanted[i] != 0.0 {
            let bucket = &mut by_age[[5, 10, 20, 40, 60].iter().filter(|a| age > **a).count()];
            bucket.0 += 1;
            bucket.1 += wanted[i] * (close[i + 1] - close[i]);
        }
    }
    println!("\nage of the position   sessions   dollars a session (100 shares of SPY, 2008 to 2016)");
    for (name, (n, pnl)) in ["0 to 5", "6 to 10", "11 to 20", "21 to 40", "41 to 60", "over 60"].iter().zip(by_age) {
        println!("{name:<19} {n:>10}   {:>8.2}", pnl / f64::from(n.max(1)));
    }

    println!("\nhalf-life   at most   shares held (mean)   profit   worst drawdown   profit / drawdown");
    let flat = RiskTimeDecaySizeParams { grace: 1e5, max_age: 2e5, ..Default::default() };
    let with = |half_life, max_age| RiskTimeDecaySizeParams { half_life, max_age, ..Default::default() };
    for p in [flat, with(40.0, 120.0), with(20.0, 60.0), with(10.0, 60.0), with(5.0, 20.0)] {
        let out = p.build()?.batch(&rows)?;
        let sizes: Vec<f64> = out.iter().flatten().map(|o| o.size).collect();
        let (mut equity, mut peak, mut worst) = (0.0_f64, 0.0_f64, 0.0_f64);
        for i in 0..close.len() - 2 {
            equity += sizes[i] * (close[i + 2] - close[i + 1]);
            peak = peak.max(equity);
            worst = worst.max(peak - equity);
        }
        let mean = sizes.iter().map(|s| s.abs()).sum::<f64>() / sizes.len() as f64;
        let name = if p.grace > 1e4 { "none".to_owned() } else { format!("{}", p.half_life) };
        let most = if p.grace > 1e4 { "-".to_owned() } else { format!("{}", p.max_age) };
        println!("{name:>9} {most:>9} {mean:>20.1} {equity:>8.0} {worst:>16.0} {:>15.2}", equity / worst);
    }
    Ok(())
}
