//! Streaming speed of fe_mini_pca: 10,000 inputs.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_mini_pca::{FeMiniPcaIn, FeMiniPcaParams};

fn main() {
    let inputs: Vec<FeMiniPcaIn> = testkit::closes(1, 10_000).into_iter().map(|value| FeMiniPcaIn { value }).collect();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("fe_mini_pca");
    group.throughput(Throughput::Elements(inputs.len() as u64));
    group.bench_function("stream", |b| {
        b.iter(|| {
            let mut mean = FeMiniPcaParams::default().build().expect("the defaults build");
            for x in &inputs {
                black_box(mean.update(x).expect("good input"));
            }
        });
    });
    group.finish();
    criterion.final_summary();
}
