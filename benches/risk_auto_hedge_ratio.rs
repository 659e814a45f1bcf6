//! risk_auto_hedge_ratio: streaming updates by estimator, and the rule with 500 symbols: a session's update and a decision.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::testkit::{Rng, closes};
use tradewind_core_types::*;
use tradewind_risk::plugins::risk_auto_hedge_ratio::{
    Estimator, HedgeRule, RiskAutoHedgeRatioIn, RiskAutoHedgeRatioParams,
};

const N: usize = 500;

fn sessions(count: i64) -> Vec<Vec<Event>> {
    let (mut rng, mut price) = (Rng(1), vec![100.0; N]);
    let symbols: Vec<Symbol> = (0..N)
        .map(|i| Symbol::new(&if i == 0 { "SPY".to_owned() } else { format!("S{i:03}") }).expect("a symbol"))
        .collect();
    let day0 = Time::from_ymd(2014, 1, 2).expect("a date");
    let day = |d: i64| {
        let (time, market) = (day0.plus(Span::from_days(d)), 0.01 * rng.normal());
        let event = |symbol, data| Event { time, symbol, origin: Origin::default(), data };
        let mut out = Vec::with_capacity(N + 1);
        for (i, s) in symbols.iter().enumerate() {
            let own = if i == 0 { 0.0 } else { 0.015 * rng.normal() };
            price[i] *= 1.0 + market + own;
            let close = Price::from_f64(price[i]).expect("a price");
            out.push(event(Some(*s), MarketData::Bar(Bar::close_only(close))));
        }
        out.push(event(None, MarketData::SessionClose));
        out
    };
    (0..count).map(day).collect()
}

fn bench(c: &mut Criterion) {
    let (asset, market) = (closes(1, 10_000), closes(2, 10_000));
    let inputs: Vec<_> =
        asset.iter().zip(&market).map(|(a, m)| RiskAutoHedgeRatioIn { asset: *a, market: *m }).collect();
    let mut group = c.benchmark_group("risk_auto_hedge_ratio");
    group.sample_size(20);
    let all = [
        ("ols", Estimator::Ols),
        ("ewma", Estimator::Ewma),
        ("kalman", Estimator::Kalman),
        ("dimson", Estimator::Dimson),
    ];
    let params = |estimator| RiskAutoHedgeRatioParams { estimator, ..Default::default() };
    group.throughput(Throughput::Elements(inputs.len() as u64));
    for (name, estimator) in all {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut v = params(estimator).build().expect("the parameters build");
                for x in &inputs {
                    let _ = black_box(v.update(x));
                }
            });
        });
    }
    group.throughput(Throughput::Elements(1));
    let days = sessions(320);
    let (mut prices, features) = (Market::default(), FeatureValues::default());
    let portfolio = Portfolio::with_cash("1000000".parse().expect("cash"));
    for e in &days[300] {
        prices.apply(e);
    }
    let now = days[300][0].time;
    let view = View::new(now, &prices, &features, &portfolio);
    for (name, estimator) in [("ols", Estimator::Ols), ("ewma", Estimator::Ewma)] {
        let mut rule = HedgeRule::new(&params(estimator)).expect("the parameters build");
        days[..300].iter().flatten().for_each(|e| rule.observe(e, &view).expect("good events"));
        let mut day = 300;
        group.bench_function(format!("session_500_{name}"), |b| {
            b.iter(|| {
                days[day].iter().for_each(|e| rule.observe(e, &view).expect("good events"));
                day = if day == 319 { 300 } else { day + 1 };
            });
        });
        let mut targets: Vec<(Symbol, f64)> = days[0].iter().filter_map(|e| e.symbol).map(|s| (s, 0.001)).collect();
        targets.sort_by_key(|t| t.0);
        group.bench_function(format!("decision_500_{name}"), |b| b.iter(|| black_box(rule.apply(&targets, &view))));
        let what = Revision { changed: Some(&[7]), decided: &[] };
        group.bench_function(format!("one_weight_of_500_{name}"), |b| {
            b.iter(|| black_box(rule.revise(&targets, what, &view)));
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
