//! fe_mini_pca: streaming rows per second with fits, and a fit of one batch.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_mini_pca::{FeMiniPcaIn, FeMiniPcaParams};
use tradewind_numerics::pca::{IncrementalPca, Signs};

fn rows(n: usize, columns: u64) -> Vec<Vec<f64>> {
    let all: Vec<Vec<f64>> = (0..columns).map(|k| testkit::closes(1 + k, n)).collect();
    (0..n).map(|i| all.iter().map(|c| c[i]).collect()).collect()
}

fn updates(c: &mut Criterion) {
    let mut group = c.benchmark_group("fe_mini_pca");
    for columns in [3, 20] {
        let inputs: Vec<FeMiniPcaIn> = rows(10_000, columns).iter().filter_map(|r| FeMiniPcaIn::of(r)).collect();
        let params = FeMiniPcaParams { symbols: (0..columns).map(|i| format!("S{i}")).collect(), ..Default::default() };
        group.throughput(Throughput::Elements(inputs.len() as u64)).sample_size(10);
        group.bench_function(format!("{columns} columns, a fit every 21 rows"), |b| {
            b.iter(|| {
                let mut p = params.build().expect("the parameters build");
                for x in &inputs {
                    let _ = black_box(p.update(x));
                }
            });
        });
    }
    let batch: Vec<f64> = rows(100, 20).concat();
    group.throughput(Throughput::Elements(1));
    group.bench_function("one batch of 100 rows of 20", |b| {
        let mut pca = IncrementalPca::new(20, 5, 1.0, Signs::Largest).expect("5 of 20");
        b.iter(|| pca.partial_fit(black_box(&batch)));
    });
    group.finish();
}

criterion_group!(benches, updates);
criterion_main!(benches);
