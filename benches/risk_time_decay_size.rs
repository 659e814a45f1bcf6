//! risk_time_decay_size: rows a second of the table, and one decision of the rule over 500 positions.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::*;
use tradewind_risk::plugins::risk_time_decay_size::{PLUGIN, RiskTimeDecaySizeIn, RiskTimeDecaySizeParams};

fn updates(c: &mut Criterion) {
    let inputs: Vec<_> = (0..10_000)
        .map(|i| RiskTimeDecaySizeIn {
            quantity: [0.0, 5.0, 9.0, 9.0, 7.0, 12.0, 12.0, 4.0, 6.0, -3.0][i / 3 % 10],
            price: 20.0,
            day: None,
        })
        .collect();
    let mut group = c.benchmark_group("risk_time_decay_size");
    group.throughput(Throughput::Elements(inputs.len() as u64));
    let params = RiskTimeDecaySizeParams::default();
    group.bench_function("table", |b| {
        b.iter(|| {
            let mut v = params.build().expect("the parameters build");
            for x in &inputs {
                let _ = black_box(v.update(x));
            }
        });
    });

    // Five hundred positions of age 20, each with a target that age caps.
    let symbols: Vec<Symbol> = (0..500).map(|i| Symbol::new(&format!("S{i:03}")).expect("a symbol")).collect();
    let price: Price = "50".parse().expect("a price");
    let (mut market, features) = (Market::default(), FeatureValues::default());
    let mut portfolio = Portfolio::with_cash("1000000".parse().expect("cash"));
    let start = Time::from_ymd(2020, 1, 1).expect("a date");
    let event = |day: i64, symbol, data| Event {
        time: start.plus(Span::from_days(day)),
        symbol,
        origin: Origin::default(),
        data,
    };
    for (i, s) in symbols.iter().enumerate() {
        market.apply(&event(0, Some(*s), MarketData::Bar(Bar::close_only(price))));
        let fill = Fill {
            id: i as u64,
            order: OrderId(i as u64),
            time: start,
            symbol: *s,
            side: Side::Buy,
            quantity: "20".parse().expect("a quantity"),
            price,
            fee: Cash::ZERO,
            slippage_bps: 0.0,
        };
        portfolio.fill(&fill).expect("a fill");
    }
    let mut rule = (PLUGIN.rule.expect("a rule"))(&serde_json::json!({})).expect("the defaults build");
    for day in 0..21 {
        let e = event(day, None, MarketData::SessionClose);
        let view = View::new(e.time, &market, &features, &portfolio);
        rule.observe(&e, &view).expect("a session");
    }
    let targets: Vec<(Symbol, f64)> = symbols.iter().map(|s| (*s, 0.001)).collect();
    let view = View::new(start.plus(Span::from_days(20)), &market, &features, &portfolio);
    assert_eq!(rule.apply(&targets, &view).len(), 500);
    group.throughput(Throughput::Elements(500));
    group.bench_function("decision over 500 positions", |b| b.iter(|| black_box(rule.apply(&targets, &view))));
    let what = Revision { changed: Some(&[7]), decided: &[] };
    group.throughput(Throughput::Elements(1));
    group.bench_function("one changed of 500", |b| b.iter(|| black_box(rule.revise(&targets, what, &view))));
    group.finish();
}

criterion_group!(benches, updates);
criterion_main!(benches);
