//! risk_drawdown_derisk: streaming updates per second.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::{Online, Params, testkit};
use tradewind_risk::plugins::risk_drawdown_derisk::{RiskDrawdownDeriskIn, RiskDrawdownDeriskParams};

fn updates(c: &mut Criterion) {
    let inputs: Vec<_> = testkit::closes(1, 10_000)
        .into_iter()
        .map(|close| RiskDrawdownDeriskIn { equity: 1000.0 * close, flow: None })
        .collect();
    let mut group = c.benchmark_group("risk_drawdown_derisk");
    group.throughput(Throughput::Elements(inputs.len() as u64));
    group.bench_function("update", |b| {
        b.iter(|| {
            let mut d = RiskDrawdownDeriskParams::default().build().expect("the defaults build");
            for x in &inputs {
                let _ = black_box(d.update(x));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, updates);
criterion_main!(benches);
