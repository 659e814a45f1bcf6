//! alpha_vix_regime: streaming updates per second.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_alpha::plugins::alpha_vix_regime::{AlphaVixRegimeIn, AlphaVixRegimeParams, VixThresholds};
use tradewind_core_types::{Online, Params, testkit};

fn updates(c: &mut Criterion) {
    let mut rng = testkit::Rng(1);
    let mut x = 3.0_f64;
    let inputs: Vec<_> = (0..10_000)
        .map(|_| {
            x += 0.05 * (2.9 - x) + 0.08 * rng.normal();
            AlphaVixRegimeIn { vix: x.exp(), vix3m: Some(x.exp() * 1.05) }
        })
        .collect();
    let mut group = c.benchmark_group("alpha_vix_regime");
    group.throughput(Throughput::Elements(inputs.len() as u64)).sample_size(20);
    for (name, thresholds) in [("fixed", VixThresholds::Fixed), ("quantile", VixThresholds::Quantile)] {
        let params = AlphaVixRegimeParams { thresholds, ..Default::default() };
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut r = params.build().expect("the parameters build");
                for x in &inputs {
                    let _ = black_box(r.update(x));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, updates);
criterion_main!(benches);
