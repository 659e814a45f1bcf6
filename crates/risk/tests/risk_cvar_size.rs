//! risk_cvar_size: conformance, its three roles on a market, and what must always hold.

use proptest::prelude::*;
use serde_json::json;
use tradewind_core_types::testkit::{self, daily_events, drive, online_trace};
use tradewind_core_types::*;
use tradewind_risk::plugins::risk_cvar_size::{
    CvarAllocator, CvarRule, CvarSizer, Filter, Method, PLUGIN, RiskCvarSizeIn, RiskCvarSizeParams, Side,
};

const METHODS: [Method; 5] =
    [Method::Historical, Method::Normal, Method::StudentT, Method::CornishFisher, Method::Peaks];

fn rows(seed: u64, n: usize) -> Vec<RiskCvarSizeIn> {
    testkit::returns(seed, n).into_iter().map(|r| RiskCvarSizeIn { close: None, ret: Some(r) }).collect()
}
fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}
fn strategy(s: &str) -> StrategyId {
    StrategyId::new(s).unwrap()
}
fn number(a: &Adjustment, name: &str) -> f64 {
    a.numbers.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("{name} in {a:?}")).1
}

#[test]
fn online_for_each_method() {
    for method in METHODS {
        for filter in [Filter::None, Filter::Ewma] {
            let p = RiskCvarSizeParams { method, filter, window: 250, ..Default::default() };
            testkit::online_suite(&p, &rows(3, 380));
        }
    }
    let garch = RiskCvarSizeParams { filter: Filter::Garch, window: 250, refit: 40, ..Default::default() };
    testkit::online_suite(&RiskCvarSizeParams { side: Side::Worst, ..garch }, &rows(4, 380));
    let closes = testkit::closes(5, 400).into_iter().map(|c| RiskCvarSizeIn { close: Some(c), ret: None });
    testkit::online_suite(&RiskCvarSizeParams::default(), &closes.collect::<Vec<_>>());
}

#[test]
fn bad_input_is_refused() {
    let row = |close, ret| RiskCvarSizeIn { close, ret };
    let mut c = RiskCvarSizeParams::default().build().unwrap();
    testkit::refuses(
        &mut c,
        &[row(None, None), row(Some(1.0), Some(0.0)), row(Some(-1.0), None), row(None, Some(11.0))],
    );
    c.batch(&rows(1, 150)).unwrap();
    let nan = f64::NAN;
    testkit::refuses(&mut c, &[row(None, Some(nan)), row(None, Some(-11.0)), row(Some(10.0), None), row(None, None)]);
    let mut c = RiskCvarSizeParams::default().build().unwrap();
    c.update(&row(Some(100.0), None)).unwrap();
    let bad = [Some(0.0), Some(nan), Some(f64::INFINITY), Some(1e6)].map(|c| row(c, None));
    testkit::refuses(&mut c, &bad);
    testkit::refuses(&mut c, &[row(None, Some(0.01))]);
    let e = RiskCvarSizeParams {
        confidence: nan,
        lambda: 1.0,
        refit: 0,
        tail: 0.6,
        window: 19,
        minimum: 20,
        max_gap: 1001,
        risk_budget: 0.0,
        portfolio_budget: 1.1,
        cap: nan,
        unknown: 0.1,
        max_weight: 0.0,
        min_weight: 0.1,
        max_turnover: 2.1,
        rebalance: 0,
        ..Default::default()
    }
    .build()
    .unwrap_err();
    assert_eq!(e.0.len(), 15, "{e}");
    assert!(RiskCvarSizeParams { confidence: 0.95, tail: 0.05, ..Default::default() }.build().is_err());
    assert!(RiskCvarSizeParams { filter: Filter::Garch, minimum: 49, ..Default::default() }.build().is_err());
}

#[test]
fn every_parameter_matters() {
    let changes = [
        json!({"confidence": 0.95}),
        json!({"method": "normal"}),
        json!({"filter": "none"}),
        json!({"lambda": 0.9}),
        json!({"filter": "garch", "refit": 100}),
        json!({"tail": 0.2}),
        json!({"window": 130}),
        json!({"minimum": 60}),
        json!({"max_gap": 0}),
        json!({"side": "worst"}),
        json!({"risk_budget": 0.005}),
        json!({"cap": 0.3}),
        json!({"unknown": 0.1}),
        json!({"portfolio_budget": 0.01}),
        json!({"min_weight": 0.3}),
        json!({"max_weight": 0.4}),
        json!({"max_turnover": 0.01}),
        json!({"rebalance": 20}),
    ];
    // Some sessions without a bar of TLT.
    let mut events = daily_events(9, 170);
    events.retain(|e| !(e.symbol == Some(symbol("TLT")) && e.origin.row % 40 == 0));
    let inputs = rows(5, 300);
    testkit::every_parameter_matters::<RiskCvarSizeParams>(&changes, |p| {
        let params = serde_json::to_value(p).unwrap();
        let mut trace = online_trace(p, &inputs);
        for role in 0..3 {
            let said = drive(&|| Probe::all(&PLUGIN, &params).unwrap().remove(role), &events, None);
            trace.extend(said.into_iter().flat_map(String::into_bytes));
        }
        trace
    });
}

#[test]
fn as_a_table_with_its_diagnostics() {
    let mut t = PLUGIN.table.unwrap()(&json!({"minimum": 120, "window": 600})).unwrap();
    let names: Vec<_> = t.inputs().iter().map(|c| (c.name, c.optional)).collect();
    assert_eq!(names, [("close", true), ("ret", true)]);
    assert_eq!(t.outputs(), ["var", "es", "size", "problem", "shape", "exceeded"]);
    let mut out = Vec::new();
    let mut seen = Vec::new();
    for close in testkit::closes(8, 700) {
        t.update(&[Cell::F64(close), Cell::Null], &mut out).unwrap();
        seen.push(out.get(3).cloned());
    }
    // First too few exceedances for the Pareto tail, then a shape.
    assert_eq!(seen[..120], vec![None; 120]);
    assert_eq!(seen[120], Some(Cell::Str("too_few_exceedances".into())));
    assert!(
        matches!(out[..], [Cell::F64(_), Cell::F64(_), Cell::F64(_), Cell::Null, Cell::F64(_), Cell::Bool(_)]),
        "{out:?}"
    );
    let s = t.summary();
    let k: Vec<_> = s["thresholds"].as_array().unwrap().iter().map(|c| c["k"].as_u64().unwrap()).collect();
    assert_eq!(k, [30, 45, 60, 90, 120]);
    // The candidate of the estimate itself has its shape.
    let (a, b) = (s["thresholds"][2]["gpd"]["shape"].as_f64().unwrap(), s["last"]["shape"].as_f64().unwrap());
    assert!((a - b).abs() < 1e-9, "{s}");
    assert!(s["acerbi_szekely"]["z2"]["p_value"].as_f64().unwrap() > 0.0);
}

/// A plugin that has seen `sessions`, and the view at their end.
fn after<P: Plugin, R>(mut plugin: P, events: &[Event], ask: impl FnOnce(&mut P, &View<'_>) -> R) -> R {
    let (mut market, features) = (Market::default(), FeatureValues::default());
    let portfolio = Portfolio::with_cash("100000".parse().unwrap());
    let mut now = Time::MIN;
    for e in events {
        market.apply(e);
        now = e.time;
        plugin.observe(e, &View::new(now, &market, &features, &portfolio)).unwrap();
    }
    ask(&mut plugin, &View::new(now, &market, &features, &portfolio))
}

/// Returns of a symbol over the events, from bar to bar.
fn returns_of(events: &[Event], s: &str) -> Vec<f64> {
    let closes: Vec<f64> = events
        .iter()
        .filter(|e| e.symbol == Some(symbol(s)))
        .filter_map(|e| if let MarketData::Bar(b) = &e.data { Some(b.close.to_f64()) } else { None })
        .collect();
    closes.windows(2).map(|w| w[1] / w[0] - 1.0).collect()
}

/// What the plugin says as a table of the same returns.
fn table(p: &RiskCvarSizeParams, r: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let inputs: Vec<_> = r.into_iter().map(|r| RiskCvarSizeIn { close: None, ret: Some(r) }).collect();
    let o = p.build().unwrap().batch(&inputs).unwrap().pop().unwrap().unwrap();
    (o.es.unwrap(), o.size)
}

#[test]
fn the_sizer_sizes_each_side_by_its_own_tail() {
    let events = daily_events(21, 400);
    for method in METHODS {
        let p = RiskCvarSizeParams { method, minimum: 100, cap: 5.0, ..Default::default() };
        after(CvarSizer::new(&p).unwrap(), &events, |z, v| {
            for sign in [1.0, -1.0] {
                let s = Signal::new(v.now, symbol("AAPL"), 0.4 * sign, 1.0, "").unwrap();
                let a = z.size(strategy("a"), &s, v);
                let (es, size) = table(&p, returns_of(&events, "AAPL").into_iter().map(|r| sign * r));
                assert_eq!((a.adjust, number(&a, "expected_shortfall")), (Adjust::Scale(size), es), "{method:?}");
                assert!(a.reason.starts_with("shortfall ") && a.reason.ends_with("budget 1.00 %"), "{}", a.reason);
                assert_eq!(z.size(strategy("a"), &s, v), a, "asked again");
            }
        });
    }
    // The worse side is that of both.
    let p = RiskCvarSizeParams { minimum: 100, side: Side::Worst, cap: 5.0, ..Default::default() };
    let r = returns_of(&events, "AAPL");
    let one = RiskCvarSizeParams { side: Side::Signal, ..p.clone() };
    let both = table(&one, r.iter().copied()).0.max(table(&one, r.iter().map(|r| -r)).0);
    after(CvarSizer::new(&p).unwrap(), &events, |z, v| {
        let a = z.size(strategy("a"), &Signal::new(v.now, symbol("AAPL"), 1.0, 1.0, "").unwrap(), v);
        assert_eq!(number(&a, "expected_shortfall"), both);
    });
}

#[test]
fn a_pair_is_sized_as_a_whole() {
    let events = daily_events(22, 300);
    let p = RiskCvarSizeParams { cap: 50.0, ..Default::default() };
    let spread: Vec<f64> =
        returns_of(&events, "AAPL").iter().zip(returns_of(&events, "MSFT")).map(|(a, b)| a - 0.8 * b).collect();
    after(CvarSizer::new(&p).unwrap(), &events, |z, v| {
        let s = Signal::new(v.now, symbol("AAPL"), 1.0, 1.0, "").unwrap().and(symbol("MSFT"), -0.8);
        let a = z.size(strategy("a"), &s, v);
        assert!((number(&a, "expected_shortfall") / table(&p, spread).0 - 1.0).abs() < 1e-12);
        // Another ratio is another spread, at once.
        let other = Signal::new(v.now, symbol("AAPL"), 1.0, 1.0, "").unwrap().and(symbol("MSFT"), -0.4);
        assert_ne!(number(&z.size(strategy("a"), &other, v), "var"), number(&a, "var"));
        let mut broken = s;
        broken.legs[1].ratio = f64::NAN;
        assert_eq!(z.size(strategy("a"), &broken, v).adjust, Adjust::Veto);
        broken.legs[1].ratio = -0.8;
        broken.score = f64::NAN;
        assert_eq!(z.size(strategy("a"), &broken, v).adjust, Adjust::Veto);
    });
}

#[test]
fn what_is_not_known_is_held_no_more_than_allowed() {
    let mut events = daily_events(23, 130);
    // MSFT is flat; TLT has had no bar for six sessions.
    let last = events.last().unwrap().origin.row;
    events.retain(|e| !(e.symbol == Some(symbol("TLT")) && e.origin.row + 6 > last));
    for e in &mut events {
        if let (Some(s), MarketData::Bar(b)) = (e.symbol, &mut e.data)
            && s.as_str() == "MSFT"
        {
            *b = Bar::close_only("20".parse().unwrap());
        }
    }
    let asked = [
        ("NEW", "NEW has 0 of 120 sessions"),
        ("TLT", "TLT has had no return for 6 sessions"),
        ("MSFT", "the price does not move: no expected shortfall"),
    ];
    for (unknown, want) in [(0.0, Adjust::Veto), (0.1, Adjust::Scale(0.1))] {
        let p = RiskCvarSizeParams { unknown, ..Default::default() };
        after(CvarSizer::new(&p).unwrap(), &events, |z, v| {
            for (s, why) in asked {
                let a = z.size(strategy("a"), &Signal::new(v.now, symbol(s), 1.0, 1.0, "").unwrap(), v);
                assert_eq!((a.adjust, a.reason.as_ref()), (want, why));
            }
        });
        after(CvarRule::new(&p).unwrap(), &events, |r, v| {
            let targets = [(symbol("NEW"), 0.5), (symbol("SPY"), 0.05), (symbol("TLT"), -0.4), (symbol("X"), f64::NAN)];
            let said = r.apply(&targets, v);
            let of: Vec<_> = said.iter().map(|s| (s.symbol.as_str(), s.adjustment.adjust)).collect();
            assert_eq!(of, [("NEW", Adjust::Cap(unknown)), ("TLT", Adjust::Cap(unknown)), ("X", Adjust::Veto)]);
            let flat = r.apply(&[(symbol("MSFT"), 0.5)], v);
            assert_eq!(flat[0].adjustment.adjust, Adjust::Cap(unknown));
            assert!(r.apply(&[], v).is_empty() && r.apply(&[(symbol("NEW"), 0.0)], v).is_empty());
        });
    }
    after(CvarAllocator::new(&RiskCvarSizeParams::default()).unwrap(), &events, |a, v| {
        let one = |id: &str, w: &[(&str, f64)]| Proposal {
            strategy: strategy(id),
            weights: w.iter().map(|(s, w)| (symbol(s), *w)).collect(),
        };
        let said = a.allocate(
            &[
                one("flat", &[("MSFT", 1.0)]),
                one("gone", &[("SPY", 0.5), ("TLT", 0.5)]),
                one("good", &[("SPY", 0.7)]),
                one("idle", &[]),
                one("nan", &[("SPY", f64::NAN)]),
            ],
            v,
        );
        let of: Vec<_> = said.iter().map(|a| (a.adjust, a.reason.as_ref())).collect();
        assert_eq!(
            of,
            [
                (Adjust::Veto, "its returns do not move"),
                (Adjust::Veto, "TLT has had no return for 6 sessions"),
                (Adjust::Keep, "share 100.00 % of gross exposure by least shortfall"),
                (Adjust::Keep, "holds nothing"),
                (Adjust::Veto, "its gross weight is NaN"),
            ]
        );
    });
}

#[test]
fn too_few_joint_sessions_are_bounded_by_the_sum() {
    // SPY and AAPL never have a bar in the same session but on a few days.
    let mut events = daily_events(24, 300);
    events.retain(|e| match e.symbol.map(Symbol::as_str) {
        Some("SPY") => e.origin.row % 2 == 0 || e.origin.row > 280,
        Some("AAPL") => e.origin.row % 2 == 1 || e.origin.row > 280,
        _ => true,
    });
    let p =
        RiskCvarSizeParams { method: Method::Historical, minimum: 100, portfolio_budget: 0.02, ..Default::default() };
    let alone = |s: &str| table(&p, returns_of(&events, s)).0;
    let sum = 0.9 * alone("AAPL") + 0.8 * alone("SPY");
    after(CvarRule::new(&p).unwrap(), &events, |r, v| {
        let said = r.apply(&[(symbol("AAPL"), 0.9), (symbol("SPY"), 0.8)], v);
        assert!((number(&said[0].adjustment, "sum_of_shortfalls") / sum - 1.0).abs() < 1e-12, "{said:?}");
        let Adjust::Scale(k) = said[1].adjustment.adjust else { panic!("{said:?}") };
        assert!((k * sum / 0.02 - 1.0).abs() < 1e-12);
        assert!(said[0].adjustment.reason.contains("of 100 joint sessions"), "{said:?}");
    });
}

#[test]
fn the_allocator_keeps_to_shares_and_never_raises() {
    let events = daily_events(25, 300);
    let p = RiskCvarSizeParams { minimum: 100, max_weight: 0.7, ..Default::default() };
    after(CvarAllocator::new(&p).unwrap(), &events, |a, v| {
        let proposals: Vec<Proposal> = [("a", "AAPL", 0.8), ("b", "IEF", 0.6), ("c", "SPY", -0.6)]
            .map(|(id, s, w)| Proposal { strategy: strategy(id), weights: vec![(symbol(s), w)] })
            .into();
        let said = a.allocate(&proposals, v);
        let shares: Vec<f64> = said.iter().map(|a| number(a, "share")).collect();
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-8 && shares.iter().all(|s| *s <= 0.7), "{shares:?}");
        for (a, gross) in said.iter().zip([0.8, 0.6, 0.6]) {
            let scale = (number(a, "share") * 2.0 / gross).min(1.0);
            assert!((a.adjust.apply(1.0) - scale).abs() < 1e-12, "{a:?}");
        }
        // Until the next solution the shares stay, whatever the size of the proposals.
        let mut smaller = proposals.clone();
        smaller[0].weights[0].1 = 0.1;
        let again = a.allocate(&smaller, v);
        assert_eq!(again.iter().map(|a| number(a, "share")).collect::<Vec<_>>(), shares);
        // One strategy alone keeps what it has.
        let one = a.allocate(&proposals[..1], v);
        assert_eq!((one[0].adjust, number(&one[0], "share")), (Adjust::Keep, 1.0));
    });
}

#[test]
fn the_rule_judges_its_own_forecasts() {
    let params = json!({"minimum": 60, "method": "historical", "filter": "none", "portfolio_budget": 0.002});
    let mut role = Probe::all(&PLUGIN, &params).unwrap().remove(2);
    assert_eq!(role.role(), Role::Rule);
    let said = drive(&|| Probe::all(&PLUGIN, &params).unwrap().remove(2), &daily_events(26, 200), None);
    assert!(said.iter().any(|s| s.contains("portfolio shortfall ")));
    // Driven with SPY held from the first sessions on.
    let (mut market, mut features) = (Market::default(), FeatureValues::default());
    let mut portfolio = Portfolio::with_cash("100000".parse().unwrap());
    for e in daily_events(26, 200) {
        market.apply(&e);
        if let (Some(s), Some(price)) = (e.symbol, e.mark()) {
            portfolio.mark(s, price);
            if s == symbol("SPY") && portfolio.quantity(s).is_zero() {
                let (quantity, fee) = ("500".parse().unwrap(), Cash::ZERO);
                let order = OrderId(1);
                let fill = Fill {
                    id: 1,
                    order,
                    time: e.time,
                    symbol: s,
                    side: tradewind_core_types::Side::Buy,
                    quantity,
                    price,
                    fee,
                    slippage_bps: 0.0,
                };
                portfolio.fill(&fill).unwrap();
            }
        }
        let before = features.clone();
        let view = View::new(e.time, &market, &before, &portfolio);
        role.step(&e, &view, &mut features, &[], false).unwrap();
    }
    let mut m = Metrics::new();
    role.plugin().metrics(&mut m);
    let of = |name: &str| m.iter().find(|x| x.0 == name).unwrap_or_else(|| panic!("{name} in {m:?}")).1;
    assert!(of("cvar_forecast") > 0.0 && of("cvar_exceedances") < 30.0 && of("cvar_z2").abs() < 5.0);
    assert!((0.0..=1.0).contains(&of("cvar_kupiec_p")) && of("cvar_realised_loss").abs() < 0.2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_full_position_stays_within_the_budget(
        seed in any::<u64>(), m in 0_usize..5, budget in 0.001_f64..0.05, cap in 0.1_f64..3.0, short in any::<bool>(),
    ) {
        let p = RiskCvarSizeParams { method: METHODS[m], risk_budget: budget, cap, ..Default::default() };
        let events = daily_events(seed, 200);
        let a = after(CvarSizer::new(&p).unwrap(), &events, |z, v| {
            let score = if short { -1.0 } else { 1.0 };
            z.size(strategy("s"), &Signal::new(v.now, symbol("MSFT"), score, 1.0, "").unwrap(), v)
        });
        let size = a.adjust.apply(1.0);
        prop_assert!((0.0..=cap).contains(&size), "{a:?}");
        prop_assert!(size * number(&a, "expected_shortfall") <= budget * (1.0 + 1e-12), "{a:?}");
    }

    #[test]
    fn the_rule_only_shrinks_reaches_its_budget_and_is_monotone(
        seed in any::<u64>(), m in 0_usize..5, w in proptest::collection::vec(-1.5_f64..1.5, 5),
        budget in 0.002_f64..0.03, missing in 0_usize..6,
    ) {
        let names = ["AAPL", "IEF", "MSFT", "SPY", "TLT"];
        let targets: Vec<_> = names.iter().zip(&w).map(|(s, w)| (symbol(s), *w)).collect();
        let mut events = daily_events(seed, 190);
        if let Some(gone) = names.get(missing) {
            events.retain(|e| e.symbol != Some(symbol(gone)) || e.origin.row < 100);
        }
        let of = |budget: f64| {
            let p = RiskCvarSizeParams { method: METHODS[m], portfolio_budget: budget, ..Default::default() };
            after(CvarRule::new(&p).unwrap(), &events, |r, v| {
                let mut out = targets.clone();
                for s in r.apply(&targets, v) {
                    let t = out.iter_mut().find(|t| t.0 == s.symbol).unwrap();
                    t.1 = s.adjustment.adjust.apply(t.1);
                }
                // What is left, asked again, is left alone.
                let again = r.apply(&out, v);
                assert!(again.iter().all(|s| (s.adjustment.adjust.apply(1.0) - 1.0).abs() < 1e-9), "{again:?}");
                out
            })
        };
        let (out, tighter) = (of(budget), of(0.5 * budget));
        for ((before, after), less) in targets.iter().zip(&out).zip(&tighter) {
            prop_assert!(after.1.abs() <= before.1.abs() && less.1.abs() <= after.1.abs());
            prop_assert!(after.1 * before.1 >= 0.0);
            if names.get(missing) == Some(&before.0.as_str()) {
                prop_assert_eq!(after.1, 0.0);
            }
        }
    }

    #[test]
    fn the_allocator_only_shrinks(seed in any::<u64>(), w in proptest::collection::vec(-1.0_f64..1.0, 6)) {
        let events = daily_events(seed, 140);
        let weights = |a: &str, x: f64, b: &str, y: f64| vec![(symbol(a), x), (symbol(b), y)];
        let proposals: Vec<Proposal> = vec![
            Proposal { strategy: strategy("a"), weights: weights("AAPL", w[0], "SPY", w[1]) },
            Proposal { strategy: strategy("b"), weights: weights("IEF", w[2], "MSFT", w[3]) },
            Proposal { strategy: strategy("c"), weights: weights("SPY", w[4], "TLT", w[5]) },
        ];
        let said = after(CvarAllocator::new(&RiskCvarSizeParams::default()).unwrap(), &events, |a, v| a.allocate(&proposals, v));
        for a in &said {
            prop_assert!((0.0..=1.0).contains(&a.adjust.apply(1.0)), "{a:?}");
        }
        // Something is left, unless nothing was asked for.
        prop_assert!(said.iter().any(|a| a.adjust.apply(1.0) > 0.0), "{said:?}");
    }
}
