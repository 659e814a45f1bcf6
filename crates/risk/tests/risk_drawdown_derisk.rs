//! risk_drawdown_derisk: conformance, the overlay on a portfolio, and what must always hold.

use proptest::prelude::*;
use serde_json::json;
use tradewind_core_types::testkit::{self, online_trace};
use tradewind_core_types::*;
use tradewind_risk::plugins::risk_drawdown_derisk::{
    DrawdownOverlay, DrawdownState, RiskDrawdownDeriskIn, RiskDrawdownDeriskOut, RiskDrawdownDeriskParams,
};

fn rows(seed: u64, n: usize) -> Vec<RiskDrawdownDeriskIn> {
    testkit::closes(seed, n)
        .into_iter()
        .enumerate()
        .map(|(i, c)| RiskDrawdownDeriskIn { equity: 1000.0 * c, flow: (i % 2 == 0).then_some(0.0) })
        .collect()
}

#[test]
fn online() {
    testkit::online_suite(&RiskDrawdownDeriskParams::default(), &rows(3, 500));
    let e = RiskDrawdownDeriskParams {
        derisk_at: f64::NAN,
        stop_at: 1.5,
        derisk_multiplier: 1.0,
        hysteresis: -1.0,
        cool_off: 0,
        ramp: vec![0.5, 0.25],
        stage_sessions: 0,
    }
    .build()
    .unwrap_err();
    assert_eq!(e.0.len(), 7, "{e}");
}

#[test]
fn every_parameter_matters() {
    let changes = [
        json!({"derisk_at": 0.06}),
        json!({"stop_at": 0.2}),
        json!({"derisk_multiplier": 0.4}),
        json!({"hysteresis": 0.04}),
        json!({"cool_off": 10}),
        json!({"ramp": [0.1, 0.2, 0.3]}),
        json!({"stage_sessions": 12}),
    ];
    let data: Vec<_> = (0..4).flat_map(|s| rows(s, 500)).collect();
    testkit::every_parameter_matters::<RiskDrawdownDeriskParams>(&changes, |p| online_trace(p, &data));
}

#[test]
fn the_overlay_reads_the_books_at_the_close() {
    let mut o = DrawdownOverlay::new(&RiskDrawdownDeriskParams::default()).unwrap();
    let spy = Symbol::new("SPY").unwrap();
    let (market, features) = (Market::default(), FeatureValues::default());
    let mut portfolio = Portfolio::with_cash("100000".parse().unwrap());
    let close = Event { time: Time::MIN, symbol: None, origin: Origin::default(), data: MarketData::SessionClose };
    let mut end = |portfolio: &Portfolio, event: &Event| {
        let view = View::new(Time::MIN, &market, &features, portfolio);
        o.observe(event, &view).unwrap();
        let a = o.exposure(spy, &view);
        let mut m = Metrics::new();
        o.metrics(&mut m);
        (a.adjust, a.reason.to_string(), m)
    };
    let timer = Event { data: MarketData::Timer(1), ..close.clone() };
    assert_eq!(end(&portfolio, &timer), (Adjust::Scale(1.0), "no session has ended yet".into(), vec![]));
    assert_eq!(end(&portfolio, &close).1, "drawdown 0.0 %");
    // Half of it is taken out: no loss.
    portfolio.deposit("-50000".parse().unwrap());
    assert_eq!(end(&portfolio, &close).1, "drawdown 0.0 %");
    portfolio.borrow_cost("3050".parse().unwrap());
    let (adjust, reason, metrics) = end(&portfolio, &close);
    assert_eq!((adjust, reason.as_str()), (Adjust::Scale(0.5), "drawdown 6.1 %"));
    assert_eq!((metrics[0].0, metrics[1]), ("drawdown", ("drawdown_multiplier", 0.5)));
    portfolio.borrow_cost("1000".parse().unwrap());
    assert_eq!(end(&portfolio, &close).1, "stopped for 0 of 20 sessions, drawdown 8.1 %");
    for _ in 0..20 {
        end(&portfolio, &close);
    }
    assert_eq!(end(&portfolio, &close).1, "way back, stage 1 of 2, drawdown 0.0 %");
    portfolio.borrow_cost("90000".parse().unwrap());
    let (adjust, reason, _) = end(&portfolio, &close);
    assert_eq!((adjust, reason.as_str()), (Adjust::Scale(0.0), "no equity"));
}

fn run(p: &RiskDrawdownDeriskParams, returns: &[f64], flows: &[f64]) -> Vec<RiskDrawdownDeriskOut> {
    let mut equity = 1e6;
    let rows: Vec<_> = returns
        .iter()
        .zip(flows)
        .map(|(r, f)| {
            let flow = f * equity;
            equity = equity * (1.0 + r) + flow;
            RiskDrawdownDeriskIn { equity, flow: Some(flow) }
        })
        .collect();
    let mut first = vec![RiskDrawdownDeriskIn { equity: 1e6, flow: None }];
    first.extend(rows);
    p.build().unwrap().batch(&first).unwrap().into_iter().flatten().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn multipliers_are_those_of_the_parameters_and_never_rise_while_it_deepens(
        returns in proptest::collection::vec(-0.05_f64..0.05, 1..200), cool_off in 1_u32..30, stage in 1_u32..10
    ) {
        let p = RiskDrawdownDeriskParams { cool_off, stage_sessions: stage, ..Default::default() };
        let out = run(&p, &returns, &vec![0.0; returns.len()]);
        for w in out.windows(2) {
            let (a, b) = (w[0], w[1]);
            prop_assert!([0.0, 0.25, 0.5, 1.0].contains(&b.multiplier));
            prop_assert!((0.0..=1.0).contains(&b.drawdown) && b.drawdown <= b.drawdown_all_time + 1e-15);
            prop_assert_eq!(b.multiplier == 0.0, b.state == DrawdownState::Stopped);
            if b.drawdown >= p.stop_at && a.state != DrawdownState::Stopped {
                prop_assert_eq!(b.state, DrawdownState::Stopped);
            }
            // The way out of a stop re-bases the mark, so there the drawdown does not deepen but vanish.
            if b.drawdown > a.drawdown + 1e-12 {
                prop_assert!(b.multiplier <= a.multiplier, "{:?} then {:?}", a, b);
            }
        }
    }

    #[test]
    fn flows_change_nothing(
        path in proptest::collection::vec((-0.05_f64..0.05, -0.2_f64..0.2), 1..120)
    ) {
        let p = RiskDrawdownDeriskParams { cool_off: 5, ..Default::default() };
        let (returns, flows): (Vec<f64>, Vec<f64>) = path.into_iter().unzip();
        let (with, without) = (run(&p, &returns, &flows), run(&p, &returns, &vec![0.0; returns.len()]));
        for (a, b) in with.iter().zip(&without) {
            prop_assert!((a.nav / b.nav - 1.0).abs() < 1e-9);
            prop_assert_eq!((a.multiplier, a.state, a.sessions), (b.multiplier, b.state, b.sessions));
        }
    }

    #[test]
    fn any_finite_account_gives_a_multiplier(
        rows in proptest::collection::vec((-1e18_f64..1e18, proptest::option::of(-1e18_f64..1e18)), 1..60)
    ) {
        let mut d = RiskDrawdownDeriskParams { cool_off: 2, ..Default::default() }.build().unwrap();
        for (equity, flow) in rows {
            let o = d.update(&RiskDrawdownDeriskIn { equity, flow }).unwrap().unwrap();
            prop_assert!((0.0..=1.0).contains(&o.multiplier) && o.nav.is_finite() && o.nav >= 0.0);
            prop_assert!((0.0..=1.0).contains(&o.drawdown) && (0.0..=1.0).contains(&o.drawdown_all_time));
            prop_assert!(equity > 0.0 || o.multiplier == 0.0);
        }
    }
}
