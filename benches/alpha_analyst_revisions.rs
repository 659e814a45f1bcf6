//! Rating actions a second: 10,000 actions of 25 firms, each with the score of all firms after it.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tradewind_alpha::plugins::alpha_analyst_revisions::{AlphaAnalystRevisionsIn, AlphaAnalystRevisionsParams};
use tradewind_core_types::{Online, Params, Time};

fn bench(c: &mut Criterion) {
    const GRADES: [&str; 5] = ["Buy", "Equal-Weight", "Outperform", "Sector Underperform", "Strong Buy"];
    let rows: Vec<_> = (0..10_000_usize)
        .map(|i| AlphaAnalystRevisionsIn {
            time: Time::from_nanos(i as i64 * 3_600_000_000_000),
            firm: format!("Broker {}", (i * 7) % 25),
            grade: Some(GRADES[(i * 3 / 5) % 5].into()),
            previous: None,
            target: Some(100.0 + (i % 13) as f64),
            previous_target: None,
        })
        .collect();
    let fresh = AlphaAnalystRevisionsParams::default().build().expect("the defaults build");
    let mut group = c.benchmark_group("alpha_analyst_revisions");
    group.throughput(Throughput::Elements(rows.len() as u64));
    group.bench_function("stream", |bench| {
        bench.iter(|| {
            let mut revisions = fresh.clone();
            for x in &rows {
                let _ = black_box(revisions.update(black_box(x)));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
