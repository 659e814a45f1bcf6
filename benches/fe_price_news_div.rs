//! Streaming speed of fe_price_news_div: 10,000 inputs.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_price_news_div::{FePriceNewsDivIn, FePriceNewsDivParams};

fn main() {
    let inputs: Vec<FePriceNewsDivIn> =
        testkit::closes(1, 10_000).into_iter().map(|value| FePriceNewsDivIn { value }).collect();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("fe_price_news_div");
    group.throughput(Throughput::Elements(inputs.len() as u64));
    group.bench_function("stream", |b| {
        b.iter(|| {
            let mut mean = FePriceNewsDivParams::default().build().expect("the defaults build");
            for x in &inputs {
                black_box(mean.update(x).expect("good input"));
            }
        });
    });
    group.finish();
    criterion.final_summary();
}
