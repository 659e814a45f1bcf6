//! When Treasuries stopped hedging stocks: SPY-TLT from 2008 to 2016, a line for each new breakdown.

use tradewind_alpha::plugins::alpha_cross_asset_corr::{CrossAssetCorrIn, CrossAssetCorrParams};
use tradewind_core_types::testkit::sample;
use tradewind_core_types::{Online, Params};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = "etf23_close_2008_2016.csv.gz";
    let (spy, tlt) = (sample(file, "SPY", None), sample(file, "TLT", None));
    // The breakdown by level alone comes and goes; the one by change is the alert about another regime.
    let mut calculator = CrossAssetCorrParams { level: 1.0, ..Default::default() }.build()?;
    let (mut days, mut alarms, mut on) = (0, 0, false);
    println!("date        r(60)   ewma   base      z  confidence");
    for ((date, a), (other, b)) in spy.iter().zip(&tlt) {
        assert_eq!(date, other, "both have a close on the same days");
        let Some(out) = calculator.update(&CrossAssetCorrIn { a: *a, b: *b })? else { continue };
        days += 1;
        alarms += i32::from(out.breakdown);
        if out.breakdown && !on {
            let n = |x: Option<f64>| x.unwrap_or(f64::NAN);
            let (r, e, base, z) = (n(out.correlation), n(out.ewma_correlation), n(out.baseline), n(out.z));
            println!("{date} {r:6.2} {e:6.2} {base:6.2} {z:6.2} {:11.3}", out.confidence);
        }
        on = out.breakdown;
    }
    println!("{alarms} of {days} sessions with a correlation more than 2 standard errors above its baseline");
    Ok(())
}
