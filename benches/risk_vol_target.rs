//! risk_vol_target: streaming updates per second by forecast.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::{Online, Params, testkit};
use tradewind_risk::plugins::risk_vol_target::{Forecast, RiskVolTargetIn, RiskVolTargetParams};

fn updates(c: &mut Criterion) {
    let inputs: Vec<_> =
        testkit::closes(1, 10_000).into_iter().map(|close| RiskVolTargetIn { close, volatility: None }).collect();
    let mut group = c.benchmark_group("risk_vol_target");
    group.throughput(Throughput::Elements(inputs.len() as u64));
    for (name, forecast) in [("ewma", Forecast::Ewma), ("rolling", Forecast::Rolling)] {
        let params = RiskVolTargetParams { forecast, ..Default::default() };
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut v = params.build().expect("the parameters build");
                for x in &inputs {
                    let _ = black_box(v.update(x));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, updates);
criterion_main!(benches);
