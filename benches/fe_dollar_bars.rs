//! fe_dollar_bars: trades per second from memory, columns and streams, by kind of bar; the real E-mini trades in the Python comparison.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use tradewind_core_types::testkit::Rng;
use tradewind_core_types::{Online, Params, Time};
use tradewind_features::plugins::fe_dollar_bars::{BarColumns, BarKind, Crossing, FeDollarBarsIn, FeDollarBarsParams};

const TRADES: usize = 500_000;

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
    let mut quarters = 6560.0_f64;
    let times: Vec<i64> = (0..TRADES as i64).map(|i| i * 300_000_000).collect();
    let prices: Vec<f64> = (0..TRADES)
        .map(|_| {
            // One trade in twenty changes the price, as among the real ones.
            quarters += if rng.uniform() < 0.05 { rng.normal().signum() } else { 0.0 };
            quarters / 4.0
        })
        .collect();
    let sizes: Vec<f64> = (0..TRADES).map(|_| (0.8 / rng.uniform()).ceil().min(1000.0)).collect();
    let nanos = |x: &[f64]| x.iter().map(|x| (x * 1e9) as i64).collect::<Vec<_>>();
    let (whole_prices, whole_sizes) = (nanos(&prices), nanos(&sizes));

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("fe_dollar_bars");
    group.throughput(Throughput::Elements(TRADES as u64)).sample_size(20);
    let dollar = FeDollarBarsParams::default();
    let mut columns = |name: &str, p: &FeDollarBarsParams| {
        let start = p.build().expect("good parameters");
        let mut out = BarColumns::default();
        group.bench_function(name, |b| {
            b.iter_custom(|n| {
                measured(n, || {
                    out.clear();
                    let mut bars = start.clone();
                    black_box(bars.push_columns(&times, &prices, &sizes, None, &mut out).expect("good trades"));
                })
            });
        });
    };
    columns("columns: dollar", &dollar);
    columns("columns: dollar, split", &FeDollarBarsParams { crossing: Crossing::Split, ..dollar.clone() });
    columns("columns: dollar, 20 trades a bar", &FeDollarBarsParams { threshold: 100_000.0, ..dollar.clone() });
    columns("columns: volume", &FeDollarBarsParams { kind: BarKind::Volume, threshold: 5000.0, ..dollar.clone() });
    columns("columns: tick", &FeDollarBarsParams { kind: BarKind::Tick, threshold: 1000.0, ..dollar.clone() });
    columns("columns: time", &FeDollarBarsParams { kind: BarKind::Time, threshold: 60.0, ..dollar.clone() });
    columns("columns: dollar imbalance", &FeDollarBarsParams { kind: BarKind::DollarImbalance, ..dollar.clone() });
    columns("columns: dollar runs", &FeDollarBarsParams { kind: BarKind::DollarRun, ..dollar.clone() });
    let mut out = BarColumns::default();
    group.bench_function("integer columns: dollar", |b| {
        b.iter_custom(|n| {
            measured(n, || {
                out.clear();
                let mut bars = dollar.build().expect("good parameters");
                black_box(bars.push_nanos(&times, &whole_prices, &whole_sizes, None, &mut out).expect("good trades"));
            })
        });
    });
    let rows: Vec<FeDollarBarsIn> = (0..TRADES)
        .map(|i| FeDollarBarsIn { time: Time::from_nanos(times[i]), price: prices[i], size: sizes[i], side: None })
        .collect();
    group.bench_function("stream of rows: dollar", |b| {
        b.iter_custom(|n| {
            measured(n, || {
                let mut bars = dollar.build().expect("good parameters");
                for x in &rows {
                    let _ = black_box(bars.update(x));
                }
            })
        });
    });
    group.finish();
    criterion.final_summary();
}
