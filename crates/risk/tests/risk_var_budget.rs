//! risk_var_budget: conformance, the allocator on a market, and the calibration of its forecasts and tests.

use serde_json::json;
use tradewind_core_types::testkit::{self, Rng, daily_events, drive, online_trace};
use tradewind_core_types::*;
use tradewind_numerics::coverage::{Coverage, LrTest};
use tradewind_numerics::tail::{Measure, Parts, TailMethod, VarianceFilter};
use tradewind_risk::allocator::VarBudgetAllocator;
use tradewind_risk::budget::within_budgets;
use tradewind_risk::plugins::risk_var_budget::{Filter, Method, PLUGIN, RiskVarBudgetIn, RiskVarBudgetParams};

const METHODS: [Method; 4] = [Method::Historical, Method::Normal, Method::CornishFisher, Method::FilteredHistorical];

fn rows(seed: u64, n: usize) -> Vec<RiskVarBudgetIn> {
    testkit::returns(seed, n).into_iter().map(|ret| RiskVarBudgetIn { ret }).collect()
}

#[test]
fn online_for_each_method() {
    for method in METHODS {
        testkit::online_suite(&RiskVarBudgetParams { method, window: 120, ..Default::default() }, &rows(3, 300));
    }
    let garch = RiskVarBudgetParams { filter: Filter::Garch, window: 250, refit: 40, ..Default::default() };
    testkit::online_suite(&garch, &rows(4, 300));
}

#[test]
fn bad_input_is_refused() {
    let mut c = RiskVarBudgetParams::default().build().unwrap();
    c.batch(&rows(1, 100)).unwrap();
    testkit::refuses(&mut c, &[f64::NAN, f64::INFINITY, -11.0, 11.0].map(|ret| RiskVarBudgetIn { ret }));
    let e = RiskVarBudgetParams {
        confidence: f64::NAN,
        window: 19,
        minimum: 20,
        lambda: 1.0,
        refit: 0,
        bandwidth: 0,
        total_budget: 0.05,
        budgets: [("a b".to_owned(), 0.01), ("c".to_owned(), -0.01), ("d".to_owned(), 0.2)].into(),
        ..Default::default()
    }
    .build()
    .unwrap_err();
    assert_eq!(e.0.len(), 9, "{e}");
    assert!(e.to_string().contains("budgets.a b"), "{e}");
    assert!(RiskVarBudgetParams { filter: Filter::Garch, minimum: 49, ..Default::default() }.build().is_err());
}

#[test]
fn every_parameter_matters() {
    let changes = [
        json!({"confidence": 0.99}),
        json!({"method": "normal"}),
        json!({"window": 100}),
        json!({"minimum": 30}),
        json!({"filter": "garch"}),
        json!({"lambda": 0.9}),
        json!({"filter": "garch", "refit": 100}),
        json!({"bandwidth": 1}),
        json!({"total_budget": 0.01}),
        json!({"budgets": {"a": 0.001}}),
    ];
    let events = daily_events(9, 130);
    testkit::every_parameter_matters::<RiskVarBudgetParams>(&changes, |p| {
        let params = serde_json::to_value(p).unwrap();
        let mut trace = online_trace(p, &rows(5, 300));
        let said = drive(&|| Probe::all(&PLUGIN, &params).unwrap().remove(0), &events, None);
        trace.extend(said.into_iter().flat_map(String::into_bytes));
        trace
    });
}

/// An allocator that has seen `sessions`, and the view at their end with 100,000 dollars, `shares` of SPY among them.
fn after<R>(
    p: &RiskVarBudgetParams,
    sessions: usize,
    shares: &str,
    ask: impl FnOnce(&mut VarBudgetAllocator, &View<'_>) -> R,
) -> R {
    let mut a = VarBudgetAllocator::new(p).unwrap();
    let (mut market, features) = (Market::default(), FeatureValues::default());
    let mut portfolio = Portfolio::with_cash("100000".parse().unwrap());
    let spy = Symbol::new("SPY").unwrap();
    let mut now = Time::MIN;
    for e in daily_events(21, sessions) {
        market.apply(&e);
        now = e.time;
        if let (Some(s), Some(price)) = (e.symbol, e.mark()) {
            portfolio.mark(s, price);
            let quantity: Quantity = shares.parse().unwrap();
            if s == spy && quantity > Quantity::ZERO && portfolio.quantity(s).is_zero() {
                let order = OrderId(1);
                let fill = Fill {
                    id: 1,
                    order,
                    time: now,
                    symbol: s,
                    side: Side::Buy,
                    quantity,
                    price,
                    fee: Cash::ZERO,
                    slippage_bps: 0.0,
                };
                portfolio.fill(&fill).unwrap();
            }
        }
        a.observe(&e, &View::new(now, &market, &features, &portfolio)).unwrap();
    }
    ask(&mut a, &View::new(now, &market, &features, &portfolio))
}

fn proposal(strategy: &str, weights: &[(&str, f64)]) -> Proposal {
    Proposal {
        strategy: StrategyId::new(strategy).unwrap(),
        weights: weights.iter().map(|(s, w)| (Symbol::new(s).unwrap(), *w)).collect(),
    }
}

fn number(a: &Adjustment, name: &str) -> f64 {
    a.numbers.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("{name} in {a:?}")).1
}

#[test]
fn each_strategy_is_kept_within_its_own_budget() {
    for method in METHODS {
        let p = RiskVarBudgetParams { method, budgets: [("big".to_owned(), 0.005)].into(), ..Default::default() };
        let asked = [
            proposal("big", &[("AAPL", 0.5), ("SPY", 0.5)]),
            proposal("small", &[("SPY", 0.1)]),
            proposal("none", &[]),
        ];
        let (first, again) = after(&p, 300, "0", |a, v| {
            let first = a.allocate(&asked, v);
            let Adjust::Scale(k) = first[0].adjust else { panic!("{:?}", first[0]) };
            // What was allowed, asked again, is within the budget and stays.
            let weights = [("AAPL", 0.5 * k), ("SPY", 0.5 * k)];
            (first.clone(), a.allocate(&[proposal("big", &weights), asked[1].clone(), asked[2].clone()], v))
        });
        assert_eq!((first[1].adjust, first[2].reason.as_ref()), (Adjust::Keep, "holds nothing"));
        assert_eq!(number(&first[0], "budget"), 0.005);
        assert!((number(&first[1], "budget") - 0.0225).abs() < 1e-15);
        assert!(first[0].reason.contains(" % of 0.5 %"), "{}", first[0].reason);
        assert!(
            first[1].reason.ends_with(" % of 2.3 %") || first[1].reason.ends_with(" % of 2.2 %"),
            "{}",
            first[1].reason
        );
        let sum = number(&first[0], "component_var") + number(&first[1], "component_var");
        assert!((sum - number(&first[0], "portfolio_var")).abs() < 1e-12);
        assert!((number(&first[1], "marginal_var") * 0.1 - number(&first[1], "component_var")).abs() < 1e-15);
        assert!(number(&first[0], "incremental_var") > 0.0);
        assert_eq!(again[0].adjust, Adjust::Keep, "{method:?} {again:?}");
        if method == Method::Normal {
            assert!(number(&again[0], "component_var") > 0.999 * 0.005, "no more than needed is taken: {again:?}");
        }
    }
}

#[test]
fn what_cannot_be_measured_is_not_held() {
    let p = RiskVarBudgetParams::default();
    let asked = [proposal("new", &[("NEW", 0.1), ("SPY", 0.1)]), proposal("old", &[("SPY", 0.1)])];
    let a = after(&p, 100, "0", |a, v| a.allocate(&asked, v));
    assert_eq!((a[0].adjust, a[0].reason.as_ref()), (Adjust::Veto, "NEW has 0 of 60 sessions"));
    assert_eq!(a[1].adjust, Adjust::Keep);
    let a = after(&p, 60, "0", |a, v| a.allocate(&asked[1..], v));
    assert_eq!((a[0].adjust, a[0].reason.as_ref()), (Adjust::Veto, "SPY has 59 of 60 sessions"));
    let a = after(&p, 100, "0", |a, v| a.allocate(&[proposal("x", &[("SPY", f64::NAN)])], v));
    assert_eq!(a[0].adjust, Adjust::Veto);
    assert!(after(&p, 100, "0", |a, v| a.allocate(&[], v)).is_empty());
    // A strategy without a budget holds nothing.
    let p = RiskVarBudgetParams { budgets: [("all".to_owned(), 0.05)].into(), ..p };
    let a = after(&p, 100, "0", |a, v| a.allocate(&asked[1..], v));
    assert_eq!((a[0].adjust, number(&a[0], "budget")), (Adjust::Scale(0.0), 0.0));
}

#[test]
fn the_forecast_is_of_what_is_held() {
    let metrics = |shares: &str, sessions| {
        after(&RiskVarBudgetParams::default(), sessions, shares, |a, _| {
            let mut m = Metrics::new();
            a.metrics(&mut m);
            m
        })
    };
    // Nothing held: no loss, and no test of it.
    assert_eq!(metrics("0", 100), [("var_forecast", 0.0), ("exceedances", 0.0)]);
    let m = metrics("500", 400);
    let names: Vec<_> = m.iter().map(|(n, _)| *n).collect();
    assert_eq!(names, ["var_forecast", "var_realised", "kupiec_p", "christoffersen_p", "exceedances"]);
    // The same by hand: weight of SPY at the close before last times the last return, and the table function on its returns.
    let closes: Vec<f64> = testkit::bars(21, 400).iter().map(|b| b.close.to_f64()).collect();
    let (last, before) = (closes[399], closes[398]);
    let first = closes[0];
    let weight = |c: f64| 500.0 * c / (100_000.0 + 500.0 * (c - first));
    assert!((m[1].1 + weight(before) * (last / before - 1.0)).abs() < 1e-12, "{m:?}");
    let mut table = RiskVarBudgetParams::default().build().unwrap();
    let rows: Vec<_> = closes.windows(2).map(|w| RiskVarBudgetIn { ret: weight(last) * (w[1] / w[0] - 1.0) }).collect();
    let want = table.batch(&rows).unwrap().pop().unwrap().unwrap().var;
    assert!((m[0].1 - want).abs() < 1e-12, "{m:?} {want}");
}

#[test]
fn kupiec_and_christoffersen_keep_their_size() {
    // Right forecasts: independent exceedances with probability 5 %. Share of 4,000 series rejected at 5 %.
    let mut rng = Rng(77);
    for (n, what) in [(250, "250"), (1000, "1000")] {
        let (mut uc, mut ind, mut cc) = (0.0, 0.0, 0.0);
        for _ in 0..4000 {
            let mut c = Coverage::default();
            (0..n).for_each(|_| c.push(rng.uniform() < 0.05));
            let rejected = |t: Option<LrTest>| f64::from(t.unwrap().p_value < 0.05) / 4000.0;
            uc += rejected(c.kupiec(0.05));
            ind += rejected(c.independence());
            cc += rejected(c.conditional(0.05));
        }
        println!("size at 5 %, n = {what}: Kupiec {uc:.4} independence {ind:.4} conditional {cc:.4}");
        assert!((0.035..0.075).contains(&uc), "Kupiec with n = {what}: {uc}");
        // With few exceedances a second one in a row hardly occurs, and the test of independence is timid.
        assert!((0.01..0.13).contains(&ind) && (0.03..0.10).contains(&cc), "n = {what}: {ind} {cc}");
    }
}

#[test]
fn coverage_of_each_method_on_clustered_returns() {
    let mut filters: Vec<RiskVarBudgetParams> =
        METHODS.iter().map(|m| RiskVarBudgetParams { method: *m, ..Default::default() }).collect();
    filters.push(RiskVarBudgetParams { filter: Filter::Garch, refit: 126, ..Default::default() });
    for p in filters {
        // 40 series of 1,500 forecasts after two years.
        let (mut hits, mut n, mut uc, mut ind) = (0, 0, 0.0, 0.0);
        for seed in 0..40 {
            let out = p.build().unwrap().batch(&rows(1000 + seed, 2004)).unwrap();
            let mut c = Coverage::default();
            out.iter().skip(504).for_each(|o| c.push(o.unwrap().exceeded.unwrap()));
            (hits, n) = (hits + c.exceedances, n + c.n);
            uc += f64::from(c.kupiec(0.05).unwrap().p_value < 0.05) / 40.0;
            ind += f64::from(c.independence().unwrap().p_value < 0.05) / 40.0;
        }
        let rate = hits as f64 / n as f64;
        println!(
            "{:?} {:?}: exceeded {:.4} of {n}; rejected by Kupiec {uc:.3}, independence {ind:.3}",
            p.method, p.filter, rate
        );
        assert!((rate - 0.05).abs() < 0.006, "{:?}: {rate}", p.method);
    }
}

#[test]
fn components_from_single_scenarios_are_noisy() {
    // Two independent parts alike: each should add half. Standard deviation of the estimated share over 400 windows of 504.
    let share = |method, bandwidth| {
        let measure = Measure { method, confidence: 0.95, bandwidth };
        let shares: Vec<f64> = (0..400)
            .map(|seed| {
                let values = [testkit::returns(seed, 504), testkit::returns(10_000 + seed, 504)].concat();
                let b = within_budgets(Parts { values: &values, n: 504 }, &[1.0, 1.0], measure).unwrap();
                b.components[0] / b.var
            })
            .collect();
        let mean = shares.iter().sum::<f64>() / 400.0;
        (mean, (shares.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 399.0).sqrt())
    };
    let filtered = TailMethod::Filtered(VarianceFilter::ewma(0.94));
    for (method, bandwidth, at_most) in [
        (TailMethod::Normal, 1, 0.15),
        (TailMethod::CornishFisher, 1, 0.15),
        (TailMethod::Historical, 1, 0.4),
        (TailMethod::Historical, 6, 0.2),
        (TailMethod::Historical, 12, 0.15),
        (TailMethod::Historical, 24, 0.15),
        (filtered, 1, 0.4),
        (filtered, 6, 0.3),
        (filtered, 12, 0.25),
        (filtered, 24, 0.25),
    ] {
        let (mean, sd) = share(method, bandwidth);
        println!("{method:?}, bandwidth {bandwidth}: share {mean:.3} +- {sd:.3}");
        assert!((mean - 0.5).abs() < 0.03 && sd < at_most, "{method:?} {bandwidth}: {mean} {sd}");
    }
}
