//! SPY through 2008 and 2009 with and without the drawdown rule: every change of state, and what it was worth.
//!
//! `cargo run --release --example risk_drawdown_derisk`

use tradewind_core_types::{Online, Params, testkit};
use tradewind_risk::plugins::risk_drawdown_derisk::{DrawdownState, RiskDrawdownDeriskIn, RiskDrawdownDeriskParams};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spy = testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None);
    let mut rule = RiskDrawdownDeriskParams::default().build()?;
    // The account holds `multiplier` of its equity in SPY; a decision at one close holds from it to the next.
    let (mut equity, mut multiplier) = (100_000.0, 1.0);
    let (mut worst, mut held_worst, mut held_peak) = (0.0_f64, 0.0_f64, 0.0_f64);
    let (mut before, mut state) = (spy[0].1, DrawdownState::Normal);
    let (mut stops, mut out_of_market) = (0, 0);
    println!("date         state      multiplier  drawdown   all-time     equity");
    for (date, close) in &spy {
        equity *= 1.0 + multiplier * (close / before - 1.0);
        before = *close;
        held_peak = held_peak.max(*close);
        held_worst = held_worst.max(1.0 - close / held_peak);
        let Some(o) = rule.update(&RiskDrawdownDeriskIn { equity, flow: None })? else { continue };
        worst = worst.max(o.drawdown_all_time);
        out_of_market += usize::from(o.multiplier == 0.0);
        if o.state != state {
            stops += usize::from(o.state == DrawdownState::Stopped);
            if date.as_str() < "2010" {
                println!(
                    "{date}   {:<10} {:>9.2} {:>8.1} % {:>8.1} % {equity:>10.0}",
                    format!("{:?}", o.state).to_lowercase(),
                    o.multiplier,
                    100.0 * o.drawdown,
                    100.0 * o.drawdown_all_time,
                );
            }
            state = o.state;
        }
        multiplier = o.multiplier;
    }
    let held = 100_000.0 * before / spy[0].1;
    println!("...\n2008 to 2016     end equity   worst drawdown");
    println!(
        "with the rule    {equity:>10.0}   {:>12.1} %   ({stops} stops, {out_of_market} sessions at zero)",
        100.0 * worst
    );
    println!("held throughout  {held:>10.0}   {:>12.1} %", 100.0 * held_worst);
    println!("\nEvery stop re-bases the mark: the rule limits each fall, not their sum.");
    Ok(())
}
