//! End to end: the default system on the bundled sample, from parsed data to summary, and reading the sample itself.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tradewind_trader::{Config, dataset::Dataset, keeper::Keeper, run};

fn benches(c: &mut Criterion) {
    let Ok(config) = Config::load(None, &[]) else { return };
    let Ok(data) = Dataset::load(&config) else { return };
    let events = data.events().map_or(0, |e| e.len() as u64);
    let mut g = c.benchmark_group("backtest");
    g.sample_size(10);
    g.throughput(Throughput::Elements(events));
    g.bench_function("default system with both benchmarks", |b| {
        b.iter(|| run::execute(&config, &data, &mut Keeper::default()).map(|s| s.fills));
    });
    g.bench_function("read the sample", |b| b.iter(|| Dataset::load(&config).map(|d| d.names().len())));
    g.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
