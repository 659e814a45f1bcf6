//! risk_tracking_error: ex-post updates, and the rule with 500 symbols: a session's update of the 500 x 500 covariance, a rebalance,
//! and one changed weight between closes.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::testkit::{Rng, returns};
use tradewind_core_types::*;
use tradewind_risk::plugins::risk_tracking_error::{
    Basis, Mode, RiskTrackingErrorIn, RiskTrackingErrorParams, TrackingErrorRule,
};

const N: usize = 500;

fn symbols() -> Vec<Symbol> {
    let mut all: Vec<Symbol> = (0..N - 1).map(|i| Symbol::new(&format!("S{i:03}")).expect("a symbol")).collect();
    all.push(Symbol::new("SPY").expect("a symbol"));
    all.sort();
    all
}

/// One session of bars of all symbols, and its close.
fn session(day: i64, symbols: &[Symbol], price: &mut [f64], rng: &mut Rng) -> Vec<Event> {
    let time = Time::from_ymd(2014, 1, 2).expect("a date").plus(Span::from_days(day));
    let market = 0.01 * rng.normal();
    let event = |symbol, data| Event { time, symbol, origin: Origin::default(), data };
    let mut out = Vec::with_capacity(symbols.len() + 1);
    for (i, s) in symbols.iter().enumerate() {
        price[i] *= 1.0 + (0.5 + i as f64 / N as f64) * market + 0.015 * rng.normal();
        let close = Price::from_f64(price[i]).expect("a price");
        out.push(event(Some(*s), MarketData::Bar(Bar::close_only(close))));
    }
    out.push(event(None, MarketData::SessionClose));
    out
}

fn bench(c: &mut Criterion) {
    let symbols = symbols();
    let (mut rng, mut price) = (Rng(1), vec![100.0; N]);
    let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let view = View::new(Time::MIN, &market, &features, &portfolio);
    let params = |mode, limit| RiskTrackingErrorParams { basis: Basis::Invested, mode, limit, ..Default::default() };
    let days: Vec<Vec<Event>> = (0..320).map(|d| session(d, &symbols, &mut price, &mut rng)).collect();
    let warm = |p: &RiskTrackingErrorParams| {
        let mut rule = TrackingErrorRule::new(p).expect("the parameters build");
        days[..300].iter().flatten().for_each(|e| rule.observe(e, &view).expect("good events"));
        rule
    };
    let mut group = c.benchmark_group("risk_tracking_error");
    group.sample_size(30);

    let (p, b) = (returns(1, 10_000), returns(2, 10_000));
    let inputs: Vec<_> =
        p.iter().zip(&b).map(|(p, b)| RiskTrackingErrorIn { portfolio: *p, benchmark: Some(*b) }).collect();
    group.throughput(Throughput::Elements(inputs.len() as u64));
    group.bench_function("ex_post", |bench| {
        bench.iter(|| {
            let mut te = RiskTrackingErrorParams::default().build().expect("the parameters build");
            for x in &inputs {
                let _ = black_box(te.update(x));
            }
        });
    });

    group.throughput(Throughput::Elements(1));
    let mut rule = warm(&params(Mode::Scale, 0.02));
    let mut day = 300;
    group.bench_function("session_500", |bench| {
        bench.iter(|| {
            days[day].iter().for_each(|e| rule.observe(e, &view).expect("good events"));
            day = if day == 319 { 300 } else { day + 1 };
        });
    });
    let book = |rng: &mut Rng| -> Vec<(Symbol, f64)> {
        symbols.iter().map(|s| (*s, 2.0 * rng.uniform() / N as f64)).collect()
    };
    for (name, mode, limit) in
        [("scale", Mode::Scale, 0.01), ("project", Mode::Project, 0.01), ("within", Mode::Scale, 0.5)]
    {
        let mut rule = warm(&params(mode, limit));
        group.bench_function(format!("rebalance_500_{name}"), |bench| {
            bench.iter_batched_ref(|| book(&mut rng), |t| black_box(rule.apply(t, &view)), BatchSize::SmallInput);
        });
    }
    let mut rule = warm(&params(Mode::Scale, 0.5));
    let mut t = book(&mut rng);
    let mut i = 0;
    group.bench_function("one_weight_of_500", |bench| {
        bench.iter(|| {
            i = (i + 7) % N;
            t[i].1 = if t[i].1 > 0.001 { 0.0005 } else { 0.002 };
            black_box(rule.revise(&t, Revision { changed: Some(&[i]), decided: &[] }, &view))
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
