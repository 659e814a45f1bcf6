//! Streaming updates, fits and the bare likelihood of fe_garch.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tradewind_core_types::testkit::{closes, sample};
use tradewind_core_types::{Online, Params};
use tradewind_features::plugins::fe_garch::{Dist, FeGarchIn, FeGarchParams, Model};
use tradewind_numerics::garch::{Spec, fit, log_likelihood};

fn streaming(c: &mut Criterion) {
    let inputs: Vec<FeGarchIn> = closes(1, 10_000).into_iter().map(|close| FeGarchIn { close }).collect();
    let mut g = c.benchmark_group("fe_garch");
    g.throughput(Throughput::Elements(inputs.len() as u64)).sample_size(10);
    // The default refits 465 times in 10,000 closes; `filter` is what an update costs between refits.
    let filter = FeGarchParams { refit_every: 100_000, ..FeGarchParams::default() };
    let t = FeGarchParams { model: Model::Gjr, dist: Dist::T, ..FeGarchParams::default() };
    for (name, p) in [("stream/default", FeGarchParams::default()), ("stream/gjr_t", t), ("stream/filter", filter)] {
        let fresh = p.build().expect("parameters build");
        g.bench_function(name, |b| {
            b.iter_batched(
                || fresh.clone(),
                |mut calc| {
                    for x in &inputs {
                        black_box(calc.update(x).expect("good input"));
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    g.finish();
}

fn fits(c: &mut Criterion) {
    let closes = sample("index_ohlcv_1999_2018.csv.gz", "close", Some(("symbol", "SPX")));
    let returns: Vec<f64> = closes.windows(2).map(|w| (w[1].1 / w[0].1).ln()).collect();
    let mut g = c.benchmark_group("fe_garch/fit");
    g.sample_size(20);
    for (gjr, student_t) in [(false, false), (false, true), (true, false), (true, true)] {
        let spec = Spec { gjr, student_t, constant_mean: true, ..Spec::default() };
        let name = format!("{}_{}", if gjr { "gjr" } else { "garch" }, if student_t { "t" } else { "normal" });
        g.bench_function(format!("{name}_5030"), |b| b.iter(|| fit(black_box(&returns), spec, None)));
        let window = &returns[..1000];
        let warm = fit(&returns[21..1021], spec, None).expect("it converges").parameters;
        g.bench_function(format!("{name}_1000_warm"), |b| b.iter(|| fit(black_box(window), spec, Some(&warm))));
        g.bench_function(format!("{name}_likelihood_5030"), |b| {
            b.iter(|| log_likelihood(black_box(&returns), &warm, spec));
        });
    }
    g.finish();
}

criterion_group!(benches, streaming, fits);
criterion_main!(benches);
