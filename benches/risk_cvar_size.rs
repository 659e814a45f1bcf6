//! risk_cvar_size: streaming updates per second by method (window 1,000), the fit of the Pareto tail alone, the rule on 500 positions, and the
//! portfolio of least shortfall of 20 assets in 2,500 scenarios.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::*;
use tradewind_numerics::tail::peaks::Peaks;
use tradewind_risk::min_cvar::Programme;
use tradewind_risk::plugins::risk_cvar_size::{
    CvarRule, CvarSizer, Filter, Method, RiskCvarSizeIn, RiskCvarSizeParams,
};

fn updates(c: &mut Criterion) {
    let inputs: Vec<_> =
        testkit::returns(1, 3000).into_iter().map(|r| RiskCvarSizeIn { close: None, ret: Some(r) }).collect();
    let mut group = c.benchmark_group("risk_cvar_size");
    group.throughput(Throughput::Elements(inputs.len() as u64)).sample_size(10);
    for (name, method) in [
        ("historical", Method::Historical),
        ("normal", Method::Normal),
        ("student_t", Method::StudentT),
        ("cornish_fisher", Method::CornishFisher),
        ("peaks", Method::Peaks),
    ] {
        for (suffix, filter) in [("", Filter::None), (", ewma", Filter::Ewma)] {
            let params = RiskCvarSizeParams { method, filter, ..Default::default() };
            group.bench_function(format!("{name}{suffix}"), |b| {
                b.iter(|| {
                    let mut c = params.build().expect("the parameters build");
                    for x in &inputs {
                        let _ = black_box(c.update(x));
                    }
                });
            });
        }
    }
    group.finish();
}

fn tail(c: &mut Criterion) {
    let losses: Vec<f64> = testkit::returns(2, 1000).into_iter().map(|r| -r).collect();
    c.bench_function("risk_cvar_size/fit of 100 excesses", |b| {
        b.iter_batched_ref(|| losses.clone(), |l| Peaks::fit(l, 100), criterion::BatchSize::SmallInput);
    });
}

/// `symbols` symbols over `sessions` sessions.
fn market(symbols: usize, sessions: usize) -> (Vec<Symbol>, Vec<Event>) {
    let names: Vec<Symbol> = (0..symbols).map(|i| Symbol::new(&format!("S{i:03}")).expect("a symbol")).collect();
    let closes: Vec<Vec<f64>> = (0..symbols).map(|i| testkit::closes(i as u64, sessions)).collect();
    let event = |t: usize, symbol, data| {
        let time = Time::from_ymd(2014, 1, 2).expect("a date").plus(Span::from_days(t as i64));
        Event { time, symbol, origin: Origin::default(), data }
    };
    let mut events = Vec::new();
    for t in 0..sessions {
        for (s, c) in names.iter().zip(&closes) {
            let bar = Bar::close_only(Price::from_f64(c[t]).expect("a price"));
            events.push(event(t, Some(*s), MarketData::Bar(bar)));
        }
        events.push(event(t, None, MarketData::SessionClose));
    }
    (names, events)
}

fn roles(c: &mut Criterion) {
    let (names, events) = market(500, 1010);
    let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let view = |now| View::new(now, &market, &features, &portfolio);
    let params = RiskCvarSizeParams { portfolio_budget: 0.001, ..Default::default() };
    let mut rule = CvarRule::new(&params).expect("the parameters build");
    let mut sizer = CvarSizer::new(&params).expect("the parameters build");
    for e in &events {
        rule.observe(e, &view(e.time)).expect("good events");
        sizer.observe(e, &view(e.time)).expect("good events");
    }
    let now = events.last().map_or(Time::MIN, |e| e.time);
    let targets: Vec<(Symbol, f64)> = names.iter().map(|s| (*s, 0.01)).collect();
    let mut group = c.benchmark_group("risk_cvar_size/500 symbols");
    group.sample_size(20);
    group.bench_function("rule", |b| b.iter(|| rule.apply(black_box(&targets), &view(now)).len()));
    // Peaks; by the tail of the history; and where not even the largest loss reaches the budget.
    let plain = |budget| RiskCvarSizeParams {
        portfolio_budget: budget,
        method: Method::Historical,
        filter: Filter::None,
        ..Default::default()
    };
    let wide = RiskCvarSizeParams { portfolio_budget: 0.5, ..Default::default() };
    for (name, params) in [("peaks", wide), ("tail", plain(0.006)), ("bound", plain(0.5))] {
        let mut rule = CvarRule::new(&params).expect("the parameters build");
        events.iter().for_each(|e| rule.observe(e, &view(e.time)).expect("good events"));
        let (mut targets, mut i) = (targets.clone(), 0);
        rule.apply(&targets, &view(now));
        group.bench_function(format!("one weight of 500, {name}"), |b| {
            b.iter(|| {
                i = (i + 7) % 500;
                targets[i].1 = if targets[i].1 > 0.009 { 0.008 } else { 0.01 };
                rule.revise(&targets, Revision { changed: Some(&[i]), decided: &[] }, &view(now)).len()
            });
        });
    }
    let signals: Vec<Signal> = names.iter().map(|s| Signal::new(now, *s, 1.0, 1.0, "").expect("a signal")).collect();
    let strategy = StrategyId::new("s").expect("a strategy");
    let close = Event { time: now, symbol: None, origin: Origin::default(), data: MarketData::SessionClose };
    group.bench_function("sizer, first time in a session", |b| {
        b.iter_batched_ref(
            || {
                let mut z = sizer.clone();
                z.observe(&close, &view(now)).expect("a session");
                z
            },
            |z| signals.iter().map(|s| z.size(strategy, s, &view(now)).numbers.len()).sum::<usize>(),
            criterion::BatchSize::LargeInput,
        );
    });
    group.bench_function("sizer, again", |b| {
        b.iter(|| signals.iter().map(|s| sizer.size(strategy, s, &view(now)).numbers.len()).sum::<usize>());
    });
    group.finish();
}

fn programme(c: &mut Criterion) {
    let assets = 20;
    let common = testkit::returns(99, 2500);
    let columns: Vec<Vec<f64>> = (0..assets as u64).map(|i| testkit::returns(i, 2500)).collect();
    let scenarios: Vec<f64> =
        (0..2500).flat_map(|t| columns.iter().map(move |c| (t, c[t]))).map(|(t, x)| 0.7 * common[t] + x).collect();
    let (lower, upper, held) = ([0.0; 20], [1.0; 20], [0.05; 20]);
    let plain = Programme {
        scenarios: &scenarios,
        assets,
        confidence: 0.95,
        budget: 1.0,
        lower: &lower,
        upper: &upper,
        turnover: None,
        least_return: None,
    };
    let mut group = c.benchmark_group("risk_cvar_size/20 assets, 2500 scenarios");
    group.sample_size(10);
    group.bench_function("plain", |b| b.iter(|| plain.solve().map(|s| s.cvar)));
    let turnover = Programme { turnover: Some((&held, 0.5)), ..plain };
    group.bench_function("turnover", |b| b.iter(|| turnover.solve().map(|s| s.cvar)));
    group.finish();
}

criterion_group!(benches, updates, tail, roles, programme);
criterion_main!(benches);
