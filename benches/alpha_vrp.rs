//! Variance risk premium updates a second over 10,000 sessions, and the HAR regression.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tradewind_alpha::plugins::alpha_vrp::{VrpEstimator, VrpForecast, VrpIn, VrpParams};
use tradewind_core_types::testkit::bars;
use tradewind_core_types::{Online, Params, Price};
use tradewind_numerics::realised::HarRv;

fn bench(c: &mut Criterion) {
    let f = |p: Option<Price>| p.map(Price::to_f64);
    let rows: Vec<_> = bars(1, 10_000)
        .iter()
        .map(|b| VrpIn { vix: Some(18.0), open: f(b.open), high: f(b.high), low: f(b.low), close: b.close.to_f64() })
        .collect();
    let mut group = c.benchmark_group("alpha_vrp");
    group.throughput(Throughput::Elements(rows.len() as u64));
    let cases = [
        ("close to close", VrpEstimator::CloseToClose, VrpForecast::Trailing),
        ("yang-zhang", VrpEstimator::YangZhang, VrpForecast::Trailing),
        ("har", VrpEstimator::CloseToClose, VrpForecast::Har),
    ];
    for (name, estimator, forecast) in cases {
        let fresh = VrpParams { estimator, forecast, ..Default::default() }.build().expect("these parameters build");
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let mut calculator = fresh.clone();
                for x in &rows {
                    let _ = black_box(calculator.update(black_box(x)));
                }
            });
        });
    }
    // Refitted at every step, so that each of the 1,000 steps after the first 1,043 is one regression on 1,000 observations.
    let variances: Vec<f64> = rows.windows(2).map(|w| (w[1].close / w[0].close).ln().powi(2)).take(2043).collect();
    let mut warm = HarRv::new(21, 1000, 1000, 1);
    variances[..1043].iter().for_each(|v| warm.push(*v));
    group.throughput(Throughput::Elements(1000));
    group.bench_function("har fit on 1000", |bench| {
        bench.iter(|| {
            let mut har = warm.clone();
            variances[1043..].iter().for_each(|v| har.push(black_box(*v)));
            black_box(har.forecast())
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
