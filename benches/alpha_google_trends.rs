//! Attention updates a second over 10,000 periods.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tradewind_alpha::plugins::alpha_google_trends::{AlphaGoogleTrendsIn, AlphaGoogleTrendsParams};
use tradewind_core_types::testkit::closes;
use tradewind_core_types::{Online, Params};

fn bench(c: &mut Criterion) {
    let rows: Vec<_> = closes(1, 10_000).into_iter().map(|interest| AlphaGoogleTrendsIn { interest }).collect();
    let fresh = AlphaGoogleTrendsParams::default().build().expect("the defaults build");
    let mut group = c.benchmark_group("alpha_google_trends");
    group.throughput(Throughput::Elements(rows.len() as u64));
    group.bench_function("stream", |bench| {
        bench.iter(|| {
            let mut attention = fresh.clone();
            for x in &rows {
                let _ = black_box(attention.update(black_box(x)));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
