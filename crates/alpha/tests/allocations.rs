//! Streaming updates allocate nothing once warm.

use serde_json::json;
use tradewind_alpha::REGISTRY;
use tradewind_alpha::plugins::alpha_analyst_revisions::{AlphaAnalystRevisionsIn, AlphaAnalystRevisionsParams};
use tradewind_alpha::plugins::alpha_coint_pairs::{CointPairsIn, CointPairsParams};
use tradewind_alpha::plugins::alpha_cross_asset_corr::{CrossAssetCorrIn, CrossAssetCorrParams};
use tradewind_alpha::plugins::alpha_google_trends::{AlphaGoogleTrendsIn, AlphaGoogleTrendsParams};
use tradewind_alpha::plugins::alpha_t_stat_threshold::{TStatIn, TStatParams};
use tradewind_alpha::plugins::alpha_vix_regime::{AlphaVixRegimeIn, AlphaVixRegimeParams};
use tradewind_alpha::plugins::alpha_vrp::{VrpIn, VrpParams};
use tradewind_alpha::plugins::alpha_whisper_spread::{AlphaWhisperSpreadIn, AlphaWhisperSpreadParams};
use tradewind_core_types::testkit::{self, bars, closes};
use tradewind_core_types::*;

/// Warms a calculator up on `warm` inputs, then counts the allocations of a thousand more.
fn allocations<P: Params>(
    params: serde_json::Value,
    warm: usize,
    input: impl Fn(usize) -> <P::Built as Online>::In,
) -> u64
where
    P::Built: Online,
{
    let mut c = parse_params::<P>(&params).unwrap().build().unwrap_or_else(|e| panic!("{params}: {e}"));
    let inputs: Vec<_> = (0..warm + 1000).map(input).collect();
    for x in &inputs[..warm] {
        c.update(x).unwrap();
    }
    allocation_counter::measure(|| {
        for x in &inputs[warm..] {
            assert!(c.update(x).unwrap().is_some());
        }
    })
    .count_total
}

#[test]
fn alpha_cross_asset_corr() {
    let (a, b) = (closes(1, 3000), closes(2, 3000));
    let n = allocations::<CrossAssetCorrParams>(json!({}), 1000, |i| CrossAssetCorrIn { a: a[i], b: b[i] });
    assert_eq!(n, 0);
}

#[test]
fn alpha_vix_regime() {
    let c = closes(3, 3000);
    for thresholds in ["fixed", "quantile"] {
        let p = json!({ "thresholds": thresholds, "quantile_window": 252 });
        let n = allocations::<AlphaVixRegimeParams>(p, 700, |i| {
            let vix = 20.0 * (c[i] / c[i.saturating_sub(20)]).powi(4);
            AlphaVixRegimeIn { vix, vix3m: (i % 3 != 0).then_some(0.7 * vix + 6.0) }
        });
        assert_eq!(n, 0, "{thresholds}");
    }
}

#[test]
fn alpha_vrp_between_refits() {
    let b = bars(4, 3000);
    let f = |p: Option<Price>| p.map(Price::to_f64);
    for estimator in ["close_to_close", "parkinson", "garman_klass", "rogers_satchell", "yang_zhang"] {
        for forecast in ["trailing", "har"] {
            for signal in ["ratio", "zscore"] {
                let p = json!({ "estimator": estimator, "forecast": forecast, "signal": signal, "har_refit": 100_000 });
                let n = allocations::<VrpParams>(p, 1200, |i| VrpIn {
                    vix: Some(15.0 + (i % 17) as f64),
                    open: f(b[i].open),
                    high: f(b[i].high),
                    low: f(b[i].low),
                    close: b[i].close.to_f64(),
                });
                assert_eq!(n, 0, "{estimator} {forecast} {signal}");
            }
        }
    }
}

#[test]
fn alpha_google_trends() {
    let c = closes(5, 3000);
    let n = allocations::<AlphaGoogleTrendsParams>(json!({}), 1000, |i| AlphaGoogleTrendsIn { interest: c[i] });
    assert_eq!(n, 0);
}

/// Firms, grades and aliases that have been met before.
#[test]
fn alpha_analyst_revisions() {
    const GRADES: [&str; 4] = ["Equal-Weight", "OVERWEIGHT", "Strong Sell", "Franchise Pick"];
    const FIRMS: [&str; 3] = ["B of A Securities", "Morgan Stanley", "Broker"];
    let n = allocations::<AlphaAnalystRevisionsParams>(json!({}), 1000, |i| AlphaAnalystRevisionsIn {
        time: Time::from_nanos(i as i64 * 3_600_000_000_000),
        firm: FIRMS[i % 3].into(),
        grade: Some(GRADES[i % 4].into()),
        previous: None,
        target: Some(100.0 + (i % 7) as f64),
        previous_target: None,
    });
    assert_eq!(n, 0);
}

/// Also across fits of the coefficients.
#[test]
fn alpha_whisper_spread() {
    let n = allocations::<AlphaWhisperSpreadParams>(json!({ "history": 500 }), 1000, |i| AlphaWhisperSpreadIn {
        symbol: ["AAPL", "MSFT", "SPY"][i % 3].into(),
        consensus: Some(1.0),
        whisper: Some(1.0 + 0.01 * ((i % 11) as f64 - 5.0)),
        dispersion: Some(0.05),
        actual: Some(if i % 5 < 3 { 1.1 } else { 0.9 }),
    });
    assert_eq!(n, 0);
}

#[test]
fn alpha_coint_pairs_between_estimations() {
    // B, and A = B with a spread around it.
    let (b, wave) = (closes(7, 3000), closes(8, 3000));
    for hedge in ["static", "kalman"] {
        // One estimation before the rows that are counted, and no trade, for each entry after a trade tests again.
        let p = json!({ "hedge": hedge, "trading": 5000, "significance": 0.5, "enter": 19.0, "stop": 20.0 });
        let n = allocations::<CointPairsParams>(p, 1000, |i| {
            let spread = 0.5 * (wave[i] / wave[i.saturating_sub(3)]).ln();
            CointPairsIn { a: b[i] * spread.exp(), b: b[i] }
        });
        assert_eq!(n, 0, "{hedge}");
    }
}

#[test]
fn alpha_t_stat_threshold() {
    let (s, r) = (closes(5, 3001), closes(6, 3001));
    for evidence in ["mean", "ic", "both"] {
        let n = allocations::<TStatParams>(json!({ "evidence": evidence }), 1000, |i| TStatIn {
            signal: s[i] - 100.0,
            forward: r[i + 1] / r[i] - 1.0,
        });
        assert_eq!(n, 0, "{evidence}");
    }
}

/// Every role of every plugin, shown a hundred sessions after seven hundred, with market, features and portfolio as the engine keeps them.
#[test]
fn roles_that_see_events() {
    let events = testkit::with_records(3, 800);
    let cut = events.iter().position(|e| e.origin.row == 701).unwrap();
    for info in REGISTRY {
        for mut role in Probe::all(info, &json!({})).unwrap() {
            let name = role.role();
            let (mut market, mut features) = (Market::default(), FeatureValues::default());
            let (mut published, mut signals) = (FeatureValues::default(), Signals::with_capacity(64));
            let portfolio = Portfolio::with_cash("100000".parse().unwrap());
            let mut counted = 0;
            for (i, e) in events.iter().enumerate() {
                market.apply(e);
                let view = View::new(e.time, &market, &features, &portfolio);
                let count = allocation_counter::measure(|| match &mut role {
                    Probe::Feature(f) => f.on_event(e, &view, &mut published).unwrap(),
                    Probe::Alpha(a) => a.on_event(e, &view, &mut signals).unwrap(),
                    other => other.plugin().observe(e, &view).unwrap(),
                });
                published.move_into(&mut features);
                // A signal carries its reason and numbers away and so may allocate.
                if i >= cut && signals.is_empty() {
                    counted += count.count_total;
                }
                signals.clear();
            }
            assert_eq!(counted, 0, "{} as {name}", info.id);
        }
    }
}
