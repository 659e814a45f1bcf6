//! fe_fracdiff: streaming updates, the direct sum and the transform over whole series, by window; the Dickey-Fuller test.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_fracdiff::{FeFracdiffIn, FeFracdiffParams};
use tradewind_numerics::adf::{Lags, Trend, adf};
use tradewind_numerics::fracdiff;

fn differences(c: &mut Criterion) {
    let values = testkit::closes(1, 100_000);
    let inputs: Vec<_> = values.iter().take(10_000).map(|value| FeFracdiffIn { value: *value }).collect();
    let mut group = c.benchmark_group("fe_fracdiff");
    group.sample_size(10);
    for n in [100, 500, 2000] {
        let params = FeFracdiffParams { d: 0.3, cutoff: 1e-12, max_window: n, log: false, ..Default::default() };
        let w = params.weights();
        group.throughput(Throughput::Elements(inputs.len() as u64));
        group.bench_function(format!("streaming, window {n}"), |b| {
            b.iter(|| {
                let mut f = params.build().expect("the parameters build");
                for x in &inputs {
                    let _ = black_box(f.update(x));
                }
            });
        });
        group.throughput(Throughput::Elements(values.len() as u64));
        group.bench_function(format!("direct, window {n}"), |b| b.iter(|| black_box(fracdiff::direct(&w, &values))));
        group.bench_function(format!("transform, window {n}"), |b| {
            b.iter(|| black_box(fracdiff::overlap_save(&w, &values)));
        });
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function("Dickey-Fuller test of 2000 values, lags by AIC", |b| {
        b.iter(|| black_box(adf(&values[..2000], Trend::Constant, Lags::Aic(None))));
    });
    group.finish();
}

criterion_group!(benches, differences);
criterion_main!(benches);
