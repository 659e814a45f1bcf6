//! Reports a second: 10,000 reports of 200 companies, with and without fits on the way.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tradewind_alpha::plugins::alpha_whisper_spread::{AlphaWhisperSpreadIn, AlphaWhisperSpreadParams};
use tradewind_core_types::testkit::Rng;
use tradewind_core_types::{Online, Params};

fn bench(c: &mut Criterion) {
    let mut rng = Rng(1);
    let rows: Vec<_> = (0..10_000)
        .map(|_| AlphaWhisperSpreadIn {
            symbol: format!("SIM{:03}", rng.next_u64() % 200),
            consensus: Some(1.0),
            whisper: Some(1.0 + 0.05 * rng.normal()),
            dispersion: Some(0.04),
            actual: Some(1.0 + 0.05 * rng.normal()),
        })
        .collect();
    let mut group = c.benchmark_group("alpha_whisper_spread");
    group.throughput(Throughput::Elements(rows.len() as u64));
    for (name, refit) in [("no fits", 100_000), ("a fit on 1000 every 100 reports", 100)] {
        let p = AlphaWhisperSpreadParams { refit, history: 1000, min_outcomes: 1000, ..Default::default() };
        let fresh = p.build().expect("these parameters build");
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let mut model = fresh.clone();
                for x in &rows {
                    let _ = black_box(model.update(black_box(x)));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
