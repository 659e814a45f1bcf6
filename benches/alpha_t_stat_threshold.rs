//! alpha_t_stat_threshold: streaming updates by evidence.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_alpha::plugins::alpha_t_stat_threshold::{TStatIn, TStatParams};
use tradewind_core_types::{Online, Params, testkit};

fn updates(c: &mut Criterion) {
    let (s, r) = (testkit::closes(1, 10_000), testkit::returns(2, 10_000));
    let inputs: Vec<_> = s.into_iter().zip(r).map(|(s, forward)| TStatIn { signal: s - 100.0, forward }).collect();
    let mut group = c.benchmark_group("alpha_t_stat_threshold");
    group.sample_size(20);
    group.throughput(Throughput::Elements(inputs.len() as u64));
    for window in [252, 504] {
        let params = TStatParams { window, ..Default::default() };
        group.bench_function(format!("window {window}"), |b| {
            b.iter(|| {
                let mut t = params.build().expect("the parameters build");
                for x in &inputs {
                    let _ = black_box(t.update(x));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, updates);
criterion_main!(benches);
