//! fe_price_news_div on the closing prices of SPY: `cargo run --release -p tradewind-features --example fe_price_news_div`.

use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_price_news_div::{FePriceNewsDivIn, FePriceNewsDivParams};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut mean = FePriceNewsDivParams { window: 200 }.build()?;
    let mut above = 0;
    let mut days = 0;
    for (date, value) in testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None) {
        if let Some(out) = mean.update(&FePriceNewsDivIn { value })? {
            days += 1;
            above += usize::from(value > out.mean);
            if days % 250 == 0 {
                println!("{date}  close {value:8.2}  200-day mean {:8.2}", out.mean);
            }
        }
    }
    println!("SPY closed above its 200-day mean on {above} of {days} days");
    Ok(())
}
