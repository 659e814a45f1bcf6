//! Correlation updates a second, over 10,000 pairs of closes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tradewind_alpha::plugins::alpha_cross_asset_corr::{CrossAssetCorrIn, CrossAssetCorrParams};
use tradewind_core_types::testkit::closes;
use tradewind_core_types::{Online, Params};
use tradewind_numerics::correlation::AverageCorrelation;

fn bench(c: &mut Criterion) {
    let (a, b) = (closes(1, 10_000), closes(2, 10_000));
    let rows: Vec<_> = a.iter().zip(&b).map(|(a, b)| CrossAssetCorrIn { a: *a, b: *b }).collect();
    let fresh = CrossAssetCorrParams::default().build().expect("the defaults build");
    let mut group = c.benchmark_group("alpha_cross_asset_corr");
    group.throughput(Throughput::Elements(rows.len() as u64));
    group.bench_function("update", |bench| {
        bench.iter(|| {
            let mut calculator = fresh.clone();
            for x in &rows {
                let _ = black_box(calculator.update(black_box(x)));
            }
        });
    });
    let universe: Vec<f64> = (0..20).flat_map(|i| closes(i, 60)).collect();
    group.throughput(Throughput::Elements(120));
    group.bench_function("average of 20 over 60", |bench| {
        bench.iter(|| {
            let mut average = AverageCorrelation::new(60, 20);
            for row in universe.chunks_exact(20).cycle().take(120) {
                black_box(average.push(black_box(row)));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
