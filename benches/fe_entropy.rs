//! fe_entropy: streaming updates per second, by method.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_entropy::{EntropyMethod, FeEntropyIn, FeEntropyParams};

fn updates(c: &mut Criterion) {
    let inputs: Vec<_> = testkit::closes(1, 10_000).into_iter().map(|close| FeEntropyIn { close }).collect();
    let mut group = c.benchmark_group("fe_entropy");
    group.throughput(Throughput::Elements(inputs.len() as u64)).sample_size(10);
    for method in [
        EntropyMethod::Permutation,
        EntropyMethod::Shannon,
        EntropyMethod::Sample,
        EntropyMethod::Approximate,
        EntropyMethod::LempelZiv,
    ] {
        let params = FeEntropyParams { method, ..Default::default() };
        group.bench_function(method.to_string(), |b| {
            b.iter(|| {
                let mut e = params.build().expect("the parameters build");
                for x in &inputs {
                    let _ = black_box(e.update(x));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, updates);
criterion_main!(benches);
