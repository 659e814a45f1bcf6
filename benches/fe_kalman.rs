//! fe_kalman: updates per second, streaming by model and the local level over a slice.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_kalman::{FeKalmanIn, FeKalmanParams, KalmanModel, Variances};

fn updates(c: &mut Criterion) {
    let closes = testkit::closes(1, 10_000);
    let inputs: Vec<_> = closes.iter().map(|y| FeKalmanIn { value: Some(*y), regressor: Some(0.5 * *y) }).collect();
    let mut group = c.benchmark_group("fe_kalman");
    group.throughput(Throughput::Elements(inputs.len() as u64)).sample_size(10);
    for model in [KalmanModel::LocalLevel, KalmanModel::LocalLinearTrend, KalmanModel::Regression] {
        for variances in [Variances::Fixed, Variances::Ratio] {
            let params = FeKalmanParams { model, variances, ..Default::default() };
            group.bench_function(format!("streaming, {model:?}, {variances:?}"), |b| {
                b.iter(|| {
                    let mut k = params.build().expect("the parameters build");
                    for x in &inputs {
                        let _ = black_box(k.update(x));
                    }
                });
            });
        }
    }
    // One core, a slice that does not fit into its caches and one that does.
    let params = FeKalmanParams::default();
    for n in [10_000, 1_000_000] {
        let values = testkit::closes(2, n);
        let mut levels = vec![0.0; n];
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(format!("local level over a slice of {n}"), |b| {
            b.iter(|| params.filter_levels(black_box(&values), black_box(&mut levels)));
        });
    }
    group.finish();
}

criterion_group!(benches, updates);
criterion_main!(benches);
