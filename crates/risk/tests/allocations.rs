//! Streaming updates allocate nothing once warm.

use serde_json::json;
use tradewind_core_types::testkit::{self, closes, returns};
use tradewind_core_types::*;
use tradewind_risk::REGISTRY;
use tradewind_risk::plugins::risk_auto_hedge_ratio::{RiskAutoHedgeRatioIn, RiskAutoHedgeRatioParams};
use tradewind_risk::plugins::risk_cvar_size::{RiskCvarSizeIn, RiskCvarSizeParams};
use tradewind_risk::plugins::risk_drawdown_derisk::{RiskDrawdownDeriskIn, RiskDrawdownDeriskParams};
use tradewind_risk::plugins::risk_frac_kelly_atten::{RiskFracKellyAttenIn, RiskFracKellyAttenParams};
use tradewind_risk::plugins::risk_time_decay_size::{RiskTimeDecaySizeIn, RiskTimeDecaySizeParams};
use tradewind_risk::plugins::risk_tracking_error::{RiskTrackingErrorIn, RiskTrackingErrorParams};
use tradewind_risk::plugins::risk_var_budget::{RiskVarBudgetIn, RiskVarBudgetParams};
use tradewind_risk::plugins::risk_vol_target::{RiskVolTargetIn, RiskVolTargetParams};

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
fn risk_var_budget_between_refits() {
    let r = returns(1, 3000);
    for method in ["historical", "normal", "cornish_fisher", "filtered_historical"] {
        for filter in ["ewma", "garch"] {
            let p = json!({ "method": method, "filter": filter, "refit": 100_000 });
            let n = allocations::<RiskVarBudgetParams>(p, 1200, |i| RiskVarBudgetIn { ret: r[i] });
            assert_eq!(n, 0, "{method} {filter}");
        }
    }
}

#[test]
fn risk_cvar_size_between_refits() {
    let r = returns(1, 1800);
    for method in ["historical", "normal", "student_t", "cornish_fisher", "peaks"] {
        for filter in ["none", "ewma", "garch"] {
            let p = json!({ "method": method, "filter": filter, "refit": 100_000, "side": "worst" });
            let row = |i: usize| RiskCvarSizeIn { close: None, ret: Some(r[i]) };
            let n = allocations::<RiskCvarSizeParams>(p, 300, row);
            assert_eq!(n, 0, "{method} {filter}");
        }
    }
}

#[test]
fn risk_vol_target() {
    let c = closes(2, 3000);
    for forecast in ["ewma", "rolling", "feature"] {
        let p = json!({ "forecast": forecast });
        let n = allocations::<RiskVolTargetParams>(p, 300, |i| RiskVolTargetIn { close: c[i], volatility: Some(0.2) });
        assert_eq!(n, 0, "{forecast}");
    }
}

#[test]
fn risk_drawdown_derisk() {
    let c = closes(3, 3000);
    let n = allocations::<RiskDrawdownDeriskParams>(json!({}), 300, |i| RiskDrawdownDeriskIn {
        equity: 1000.0 * c[i],
        flow: (i % 50 == 0).then_some(100.0),
    });
    assert_eq!(n, 0);
}

#[test]
fn risk_auto_hedge_ratio() {
    let (a, m) = (closes(6, 3000), closes(7, 3000));
    for estimator in ["ols", "ewma", "kalman", "dimson"] {
        let n = allocations::<RiskAutoHedgeRatioParams>(json!({ "estimator": estimator }), 600, |i| {
            RiskAutoHedgeRatioIn { asset: a[i], market: m[i] }
        });
        assert_eq!(n, 0, "{estimator}");
    }
}

#[test]
fn risk_frac_kelly_atten() {
    let r = returns(4, 3000);
    for p in [
        json!({}),
        json!({"method": "continuous"}),
        json!({"attenuation": "baker_mchale", "probability": "confidence"}),
    ] {
        let n = allocations::<RiskFracKellyAttenParams>(p.clone(), 600, |i| RiskFracKellyAttenIn {
            ret: r[i],
            probability: Some(0.55),
        });
        assert_eq!(n, 0, "{p}");
    }
}

#[test]
fn risk_tracking_error() {
    let (p, b) = (returns(4, 3000), returns(5, 3000));
    let n = allocations::<RiskTrackingErrorParams>(json!({}), 300, |i| RiskTrackingErrorIn {
        portfolio: p[i],
        benchmark: (i % 7 > 0).then_some(b[i]),
    });
    assert_eq!(n, 0);
}

#[test]
fn risk_time_decay_size() {
    // Never more lots at once than in the warm-up: adds and partial exits in turn, all closed after ten rows.
    for p in [json!({}), json!({"schedule": "step", "unit": "days"})] {
        let n = allocations::<RiskTimeDecaySizeParams>(p.clone(), 300, |i| RiskTimeDecaySizeIn {
            quantity: [0.0, 5.0, 9.0, 9.0, 7.0, 12.0, 12.0, 4.0, 6.0, -3.0][i % 10],
            price: 20.0,
            day: Some(i as f64),
        });
        assert_eq!(n, 0, "{p}");
    }
}

/// Every role of every plugin, shown a hundred sessions after seven hundred, with market, features and portfolio as the engine keeps them.
#[test]
fn roles_that_see_events() {
    let events = testkit::daily_events(3, 800);
    let cut = events.iter().position(|e| e.origin.row == 701).unwrap();
    for info in REGISTRY {
        for mut role in Probe::all(info, &json!({})).unwrap() {
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
