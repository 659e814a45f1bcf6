//! Streaming updates allocate nothing once warm.

use serde_json::json;
use tradewind_core_types::testkit::{self, closes};
use tradewind_core_types::*;
use tradewind_features::REGISTRY;
use tradewind_features::plugins::fe_dollar_bars::{BarColumns, DollarBars, FeDollarBarsIn, FeDollarBarsParams};
use tradewind_features::plugins::fe_entropy::{FeEntropyIn, FeEntropyParams};
use tradewind_features::plugins::fe_garch::{FeGarchIn, FeGarchParams};
use tradewind_features::plugins::fe_mini_pca::{FeMiniPcaIn, FeMiniPcaParams};
use tradewind_features::plugins::fe_price_news_div::{FePriceNewsDivIn, FePriceNewsDivParams};
use tradewind_features::plugins::fe_wavelet::{FeWaveletIn, FeWaveletParams};

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
fn fe_entropy() {
    let c = closes(1, 3000);
    for method in ["permutation", "shannon", "sample", "approximate", "lempel_ziv"] {
        for input in ["returns", "level"] {
            let p = json!({ "method": method, "input": input, "window": 100 });
            let n = allocations::<FeEntropyParams>(p, 400, |i| FeEntropyIn { close: c[i] });
            assert_eq!(n, 0, "{method} of {input}");
        }
    }
}

#[test]
fn fe_garch_between_refits() {
    let c = closes(2, 3000);
    for model in ["garch", "gjr"] {
        for dist in ["normal", "t"] {
            for mean in ["constant", "zero"] {
                let p = json!({ "model": model, "dist": dist, "mean": mean, "window": 300, "min_obs": 250, "refit_every": 100_000 });
                let n = allocations::<FeGarchParams>(p, 700, |i| FeGarchIn { close: c[i] });
                assert_eq!(n, 0, "{model} {dist} {mean}");
            }
        }
    }
}

#[test]
fn fe_mini_pca_between_fits() {
    let c: Vec<Vec<f64>> = (0..8).map(|k| closes(10 + k, 4000)).collect();
    let symbols: Vec<String> = (0..8).map(|k| format!("S{k}")).collect();
    for take in ["returns", "level"] {
        for whiten in [false, true] {
            let p = json!({ "symbols": symbols, "components": 3, "batch": 1500, "take": take, "whiten": whiten });
            let row = |i: usize| FeMiniPcaIn::of(&c.iter().map(|c| c[i]).collect::<Vec<_>>()).unwrap();
            assert_eq!(allocations::<FeMiniPcaParams>(p, 1600, row), 0, "{take} {whiten}");
        }
    }
}

#[test]
fn fe_wavelet() {
    let c = closes(4, 3000);
    for transform in ["dwt", "modwt"] {
        for threshold in ["universal", "sure", "bayes"] {
            for noise in ["finest", "each_level"] {
                let p = json!({ "transform": transform, "threshold": threshold, "noise": noise, "log": true });
                let n = allocations::<FeWaveletParams>(p, 100, |i| FeWaveletIn { value: c[i] });
                assert_eq!(n, 0, "{transform} {threshold} {noise}");
            }
        }
    }
}

#[test]
fn fe_dollar_bars() {
    let c = closes(4, 9000);
    let trade = |i: usize| FeDollarBarsIn {
        // Several days, so that days are counted, too.
        time: Time::from_nanos(i as i64 * 60_000_000_000),
        price: c[i],
        size: 1.0 + (i % 7) as f64,
        side: None,
    };
    for kind in ["time", "tick", "volume", "dollar", "tick_imbalance", "dollar_imbalance", "volume_run", "dollar_run"] {
        for (crossing, adaptive) in [("whole", false), ("carry", true), ("split", true)] {
            let sized = ["tick", "volume", "dollar"].contains(&kind);
            let p = json!({
                "kind": kind, "crossing": crossing, "sizing": if adaptive && sized { "adaptive" } else { "fixed" }, "days": 2,
                "threshold": 600.0, "first_ticks": 30, "min_ticks": 5, "max_ticks": 500, "ticks_window": 100, "break_at_day_end": true,
            });
            let mut b: DollarBars = parse_params::<FeDollarBarsParams>(&p).unwrap().build().unwrap();
            for i in 0..5000 {
                b.update(&trade(i)).unwrap();
            }
            let mut bars = 0;
            let inputs: Vec<_> = (5000..9000).map(trade).collect();
            let n = allocation_counter::measure(|| {
                for x in &inputs {
                    bars += b.update(x).unwrap().map_or(0, |o| o.bars);
                }
            })
            .count_total;
            assert!(n == 0 && bars > 2, "{kind} {crossing}: {n} allocations, {bars} bars");
        }
    }
    // Columns: nothing for each trade; one copy of the state for each call of a calculator that remembers days.
    let mut b = FeDollarBarsParams { threshold: 600.0, ..Default::default() }.build().unwrap();
    let (times, sizes) = (vec![0_i64; 9000], vec![1.0; 9000]);
    let mut out = BarColumns::default();
    b.push_columns(&times, &c, &sizes, None, &mut out).unwrap();
    out.clear();
    let n = allocation_counter::measure(|| {
        b.push_columns(&times, &c, &sizes, None, &mut out).unwrap();
    })
    .count_total;
    assert!(n == 0 && out.len() > 100, "{n}");
}

#[test]
fn fe_kalman_between_refits() {
    use tradewind_features::plugins::fe_kalman::{FeKalmanIn, FeKalmanParams};
    let c = closes(4, 3000);
    for model in ["local_level", "local_linear_trend", "regression"] {
        for variances in ["fixed", "ratio", "likelihood"] {
            let p = json!({ "model": model, "variances": variances, "window": 300, "refit_every": 100_000 });
            let n = allocations::<FeKalmanParams>(p, 700, |i| FeKalmanIn {
                value: (i % 13 != 5).then_some(c[i]),
                regressor: Some(c[i / 2]),
            });
            assert_eq!(n, 0, "{model} {variances}");
        }
    }
}

#[test]
fn fe_fracdiff() {
    use tradewind_features::plugins::fe_fracdiff::{FeFracdiffIn, FeFracdiffParams};
    let c = closes(5, 3000);
    for window in ["fixed", "expanding"] {
        for log in [true, false] {
            let p = json!({ "window": window, "log": log, "max_window": 400 });
            let n = allocations::<FeFracdiffParams>(p, 700, |i| FeFracdiffIn { value: c[i] });
            assert_eq!(n, 0, "{window} {log}");
        }
    }
}

#[test]
fn fe_price_news_div() {
    let c = closes(5, 3000);
    for window in [20, 252] {
        let p = json!({ "window": window, "min_sessions": 5 });
        let n = allocations::<FePriceNewsDivParams>(p, 700, |i| FePriceNewsDivIn {
            close: c[i],
            sentiment: (i % 5 != 0).then(|| ((i % 11) as f64 - 5.0) / 5.0),
            news: None,
            headlines: (i % 5 == 0).then(|| "Acme beats estimates but cuts guidance | Shares slide".into()),
        });
        assert_eq!(n, 0, "window {window}");
    }
    // Headlines are scored where they lie.
    let _ = tradewind_features::sentiment::score("warm");
    let n = allocation_counter::measure(|| {
        for line in include_str!("data/finance_headlines.csv").lines() {
            assert!(tradewind_features::sentiment::score(line).score.is_finite());
        }
    })
    .count_total;
    assert_eq!(n, 0, "scores");
}

/// Every role of every plugin, shown a hundred sessions after seven hundred, with market, features and portfolio as the engine keeps them.
#[test]
fn roles_that_see_events() {
    let events = testkit::daily_events(3, 800);
    let cut = events.iter().position(|e| e.origin.row == 701).unwrap();
    for info in REGISTRY {
        // Between refits: a fit allocates.
        let params = match info.id {
            "fe_garch" => json!({ "refit_every": 100_000 }),
            "fe_mini_pca" => json!({ "batch": 600 }),
            _ => json!({}),
        };
        for mut role in Probe::all(info, &params).unwrap() {
            let name = role.role();
            let (mut market, mut features) = (Market::default(), FeatureValues::default());
            let (mut published, mut signals) = (FeatureValues::default(), Signals::with_capacity(64));
            let portfolio = Portfolio::with_cash("100000".parse().unwrap());
            let mut show = |events: &[Event]| {
                for e in events {
                    market.apply(e);
                    let view = View::new(e.time, &market, &features, &portfolio);
                    match &mut role {
                        Probe::Feature(f) => f.on_event(e, &view, &mut published).unwrap(),
                        Probe::Alpha(a) => a.on_event(e, &view, &mut signals).unwrap(),
                        other => other.plugin().observe(e, &view).unwrap(),
                    }
                    published.move_into(&mut features);
                    signals.clear();
                }
            };
            show(&events[..cut]);
            let count = allocation_counter::measure(|| show(&events[cut..])).count_total;
            assert_eq!(count, 0, "{} as {name}", info.id);
        }
    }
}
