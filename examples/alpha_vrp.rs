//! The variance risk premium of the S&P 500 from 2014 to 2018, by five estimators and against a HAR forecast.

use std::collections::BTreeMap;

use tradewind_alpha::plugins::alpha_vrp::{VrpEstimator, VrpForecast, VrpIn, VrpParams};
use tradewind_core_types::testkit::sample;
use tradewind_core_types::{Online, Params};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spx = |column| sample("index_ohlcv_1999_2018.csv.gz", column, Some(("symbol", "SPX")));
    let (open, high, low, close) = (spx("open"), spx("high"), spx("low"), spx("close"));
    let vix: BTreeMap<String, f64> = sample("vix_close_2014_2019.csv", "vix", None).into_iter().collect();
    let rows: Vec<(&String, VrpIn)> = (0..close.len())
        .map(|i| {
            let (date, c) = &close[i];
            let (o, h, l) = (Some(open[i].1), Some(high[i].1), Some(low[i].1));
            (date, VrpIn { vix: vix.get(date).copied(), open: o, high: h, low: l, close: *c })
        })
        .collect();
    println!("variance over 21 sessions          mean vol   premium   share > 0   mean score");
    let trailing = [
        VrpEstimator::CloseToClose,
        VrpEstimator::Parkinson,
        VrpEstimator::GarmanKlass,
        VrpEstimator::RogersSatchell,
        VrpEstimator::YangZhang,
    ]
    .map(|e| (e, VrpForecast::Trailing));
    for (estimator, forecast) in trailing.into_iter().chain([(VrpEstimator::CloseToClose, VrpForecast::Har)]) {
        let mut calculator = VrpParams { estimator, forecast, ..Default::default() }.build()?;
        let (mut n, mut vol, mut premium, mut positive, mut score) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (_, row) in &rows {
            let Some(out) = calculator.update(row)? else { continue };
            let (Some(vrp), Some(expected), Some(s)) = (out.vrp, out.expected, out.score) else { continue };
            n += 1.0;
            vol += expected.sqrt();
            premium += vrp;
            positive += f64::from(u8::from(vrp > 0.0));
            score += s;
        }
        let name = format!("{estimator:?}, {forecast:?}");
        println!("{name:32} {:10.4} {:9.4} {:10.1}% {:12.3}", vol / n, premium / n, 100.0 * positive / n, score / n);
    }
    Ok(())
}
