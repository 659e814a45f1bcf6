//! alpha_coint_pairs: streaming updates, one test of a pair, a scan of all pairs of 100 series.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_alpha::plugins::alpha_coint_pairs::{CointPairsIn, CointPairsParams, Test, scan};
use tradewind_core_types::{Online, Params, testkit};

fn updates(c: &mut Criterion) {
    let (a, b) = (testkit::closes(1, 10_000), testkit::closes(2, 10_000));
    let inputs: Vec<_> = a.into_iter().zip(b).map(|(a, b)| CointPairsIn { a, b }).collect();
    let mut group = c.benchmark_group("alpha_coint_pairs");
    group.throughput(Throughput::Elements(inputs.len() as u64));
    group.bench_function("update", |bench| {
        bench.iter(|| {
            let mut p = CointPairsParams::default().build().expect("the parameters build");
            for x in &inputs {
                let _ = black_box(p.update(x));
            }
        });
    });
    group.finish();
}

fn scans(c: &mut Criterion) {
    let series: Vec<Vec<f64>> = (0..100).map(|i| testkit::closes(i, 1000).into_iter().map(f64::ln).collect()).collect();
    let mut group = c.benchmark_group("alpha_coint_pairs_scan");
    group.sample_size(10);
    group.throughput(Throughput::Elements(4950));
    for (name, test) in [("johansen", Test::Trace), ("engle_granger", Test::EngleGranger)] {
        let p = CointPairsParams { test, ..Default::default() };
        group.bench_function(name, |bench| bench.iter(|| black_box(scan(&p, &series))));
    }
    group.finish();
}

criterion_group!(benches, updates, scans);
criterion_main!(benches);
