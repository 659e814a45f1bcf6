//! fe_price_news_div: sessions per second by window, and headlines scored per second.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use tradewind_core_types::testkit::{Rng, closes};
use tradewind_core_types::{Online, Params};
use tradewind_features::plugins::fe_price_news_div::{FePriceNewsDivIn, FePriceNewsDivParams};
use tradewind_features::sentiment::score;

/// Processor time of this thread where the system tells it (Linux): on a shared machine the clock measures the neighbours, too.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Processor time (or else time) of `n` rounds.
fn measured(n: u64, mut round: impl FnMut()) -> Duration {
    let (clock, start) = (Instant::now(), processor_time());
    (0..n).for_each(|_| round());
    match (start, processor_time()) {
        (Some(a), Some(b)) if b > a => b - a,
        _ => clock.elapsed(),
    }
}

fn main() {
    let mut rng = Rng(1);
    let inputs: Vec<FePriceNewsDivIn> = closes(1, 10_000)
        .into_iter()
        .map(|close| FePriceNewsDivIn {
            close,
            sentiment: Some((rng.normal() * 0.3).clamp(-1.0, 1.0)),
            news: None,
            headlines: None,
        })
        .collect();
    let headlines: Vec<&str> = include_str!("../crates/features/tests/data/finance_headlines.csv")
        .lines()
        .skip(1)
        .filter_map(|l| l.rsplit('|').next())
        .collect();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("fe_price_news_div");
    group.throughput(Throughput::Elements(inputs.len() as u64)).sample_size(20);
    for window in [21, 63, 252] {
        let p = FePriceNewsDivParams { window, ..Default::default() };
        group.bench_function(format!("stream, window {window}"), |b| {
            b.iter_custom(|n| {
                measured(n, || {
                    let mut d = p.build().expect("good parameters");
                    for x in &inputs {
                        black_box(d.update(x).expect("good input"));
                    }
                })
            });
        });
    }
    group.throughput(Throughput::Elements(headlines.len() as u64));
    group.bench_function("headlines scored", |b| {
        b.iter_custom(|n| {
            measured(n, || {
                black_box(headlines.iter().map(|h| score(h).score).sum::<f64>());
            })
        });
    });
    group.finish();
    criterion.final_summary();
}
