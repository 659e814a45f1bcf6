//! Reading and making market data: 1.26 million daily bars (500 symbols, 10 years) from Parquet and CSV, events a second from memory
//! and from the simulator.

#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tradewind_core_types::Event;
use tradewind_data::{
    EventTable, Kind, QualityOptions, Simulation, SimulationSpec, SourceSpec, Ticks, examine_table, read_table,
    write_events,
};

fn spec() -> SimulationSpec {
    SimulationSpec { count: 500, sessions: 2520, index: None, ..SimulationSpec::default() }
}

fn write(path: &Path, events: &[Event]) -> SourceSpec {
    write_events(path, Kind::Bar, events.iter().cloned().map(Ok), &[]).expect("written");
    SourceSpec { path: path.into(), ..SourceSpec::default() }
}

fn benches(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut events: Vec<Event> = Simulation::new(&spec(), 0).expect("valid").collect();
    let n = events.len() as u64;
    let by_time = write(&dir.path().join("by_time.parquet"), &events);
    let csv = write(&dir.path().join("by_time.csv"), &events);
    let table = Arc::new(read_table(&by_time).expect("read"));
    assert!(EventTable::events(&table, 0).map(|e| e.expect("an event").data).eq(events.iter().map(|e| e.data.clone())));
    events.sort_by_key(|e| (e.symbol, e.time));
    let by_symbol = write(&dir.path().join("by_symbol.parquet"), &events);
    drop(events);

    let mut g = c.benchmark_group("data_read");
    g.sample_size(10).throughput(Throughput::Elements(n));
    g.bench_function("parquet_by_time", |b| b.iter(|| read_table(&by_time).expect("read").len()));
    g.bench_function("parquet_by_symbol", |b| b.iter(|| read_table(&by_symbol).expect("read").len()));
    g.bench_function("csv_by_time", |b| b.iter(|| read_table(&csv).expect("read").len()));
    g.bench_function("quality", |b| b.iter(|| examine_table(&table, &QualityOptions::default()).events));
    g.bench_function("events", |b| {
        b.iter_batched(
            || EventTable::events(&table, 0),
            |it| {
                for e in it {
                    black_box(&e);
                }
            },
            BatchSize::SmallInput,
        );
    });
    g.finish();

    let mut g = c.benchmark_group("data_simulate");
    let minutes = SimulationSpec { count: 100, sessions: 5, bar_seconds: Some(60), ..SimulationSpec::default() };
    let ticks = SimulationSpec { ticks: Some(Ticks::default()), sessions: 1, ..minutes.clone() };
    for (name, spec) in [("minute_bars", minutes), ("ticks", ticks)] {
        let n = Simulation::new(&spec, 0).expect("valid").count() as u64;
        g.sample_size(10).throughput(Throughput::Elements(n));
        g.bench_function(name, |b| {
            b.iter(|| {
                for e in Simulation::new(&spec, 0).expect("valid") {
                    black_box(&e);
                }
            });
        });
    }
    g.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
