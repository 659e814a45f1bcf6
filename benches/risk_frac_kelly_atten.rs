//! risk_frac_kelly_atten: streaming updates per second by form, and the multi-asset form for 20 and 100 assets.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::{Online, Params, testkit};
use tradewind_risk::kelly::assets::{AssetLimits, assets};
use tradewind_risk::plugins::risk_frac_kelly_atten::{
    Attenuation, Method, RiskFracKellyAttenIn, RiskFracKellyAttenParams,
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
