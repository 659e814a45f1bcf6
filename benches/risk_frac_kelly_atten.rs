//! risk_frac_kelly_atten: streaming updates per second by form, and the multi-asset form for 20 and 100 assets.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::*;
use tradewind_risk::kelly::assets::{AssetLimits, assets};
use tradewind_risk::plugins::risk_frac_kelly_atten::{
    Attenuation, Method, PLUGIN, RiskFracKellyAttenIn, RiskFracKellyAttenParams,
};

fn updates(c: &mut Criterion) {
    let inputs: Vec<_> = testkit::returns(1, 10_000)
        .into_iter()
        .map(|r| RiskFracKellyAttenIn { ret: r + 0.001, probability: None })
        .collect();
    let mut group = c.benchmark_group("risk_frac_kelly_atten");
    group.throughput(Throughput::Elements(inputs.len() as u64));
    for (name, method, attenuation) in [
        ("posterior", Method::Discrete, Attenuation::Posterior),
        ("baker_mchale", Method::Discrete, Attenuation::BakerMchale),
        ("continuous", Method::Continuous, Attenuation::Posterior),
    ] {
        let params = RiskFracKellyAttenParams { method, attenuation, ..Default::default() };
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut v = params.build().expect("the parameters build");
                for x in &inputs {
                    let _ = black_box(v.update(x));
                }
            });
        });
    }
    group.throughput(Throughput::Elements(500));
    group.bench_function("session and decision over 500 signals", |b| {
        let (mut market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
        let mut sizer = (PLUGIN.sizer.expect("a sizer"))(&serde_json::json!({})).expect("the defaults build");
        let strategy = StrategyId::new("bench").expect("a name");
        let symbols: Vec<Symbol> = (0..500).map(|i| Symbol::new(&format!("S{i:03}")).expect("a symbol")).collect();
        let closes = testkit::closes(4, 4000);
        let mut day = 0;
        let mut session = || {
            day += 1;
            let now = Time::from_ymd(2000, 1, 1).expect("a date").plus(Span::from_days(day));
            for (i, s) in symbols.iter().enumerate() {
                let close = Price::from_f64(closes[(day as usize + 7 * i) % 4000]).expect("a price");
                let data = MarketData::Bar(Bar::close_only(close));
                market.apply(&Event { time: now, symbol: Some(*s), origin: Origin::default(), data });
            }
            let e = Event { time: now, symbol: None, origin: Origin::default(), data: MarketData::SessionClose };
            let view = View::new(now, &market, &features, &portfolio);
            sizer.observe(&e, &view).expect("a session");
            for s in &symbols {
                let signal = Signal::new(now, *s, 1.0, 0.5, "bench").expect("a signal");
                black_box(sizer.size(strategy, &signal, &view));
            }
        };
        for _ in 0..510 {
            session();
        }
        b.iter(&mut session);
    });
    group.throughput(Throughput::Elements(1));
    for n in [20, 100] {
        let loads = testkit::returns(2, 5 * n);
        let mean: Vec<f64> = testkit::returns(3, n).iter().map(|r| 0.05 * r).collect();
        let cov: Vec<f64> = (0..n * n)
            .map(|k| {
                let (i, j) = (k / n, k % n);
                (0..5).map(|f| loads[5 * i + f] * loads[5 * j + f]).sum::<f64>() + if i == j { 1e-4 } else { 0.0 }
            })
            .collect();
        for long_only in [false, true] {
            let limits = AssetLimits { long_only, ..Default::default() };
            let name = format!("{n} assets{}", if long_only { ", long only" } else { "" });
            group.bench_function(&name, |b| b.iter(|| black_box(assets(&mean, &cov, &limits))));
        }
    }
    group.finish();
}

criterion_group!(benches, updates);
criterion_main!(benches);
