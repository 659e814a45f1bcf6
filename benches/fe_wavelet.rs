//! fe_wavelet: streaming updates per second by transform and threshold, and whole transforms.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::{Online, Params, testkit};
use tradewind_features::plugins::fe_wavelet::{FeWaveletIn, FeWaveletParams};
use tradewind_numerics::wavelet::{Mode, Rule, Transform, Wavelet, dwt};

fn updates(c: &mut Criterion) {
    let inputs: Vec<_> = testkit::closes(1, 10_000).into_iter().map(|value| FeWaveletIn { value }).collect();
    let mut group = c.benchmark_group("fe_wavelet");
    group.throughput(Throughput::Elements(inputs.len() as u64)).sample_size(10);
    for transform in [Transform::Dwt, Transform::Modwt] {
        for threshold in [Rule::Universal, Rule::Sure, Rule::Bayes] {
            let params = FeWaveletParams { transform, threshold, ..Default::default() };
            group.bench_function(format!("{transform:?} {threshold:?}").to_lowercase(), |b| {
                b.iter(|| {
                    let mut w = params.build().expect("the parameters build");
                    for x in &inputs {
                        let _ = black_box(w.update(x));
                    }
                });
            });
        }
    }
    let x = testkit::closes(2, 65_536);
    group.throughput(Throughput::Elements(x.len() as u64));
    group.bench_function("dwt db4", |b| b.iter(|| black_box(dwt(black_box(&x), Wavelet::Db4, Mode::Symmetric))));
    group.finish();
}

criterion_group!(benches, updates);
criterion_main!(benches);
