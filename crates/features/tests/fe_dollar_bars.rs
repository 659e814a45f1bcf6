//! fe_dollar_bars: conformance, refusals, parameters, the feature, columns against streams, and invariants.

use proptest::prelude::*;
use serde_json::json;
use tradewind_core_types::testkit::{self, Rng};
use tradewind_core_types::{
    BadInput, Bar, Cell, CorporateAction, Event, Feature, FeatureId, FeatureValues, Market, MarketData, Online, Origin,
    Params, Plugin, Portfolio, Price, Probe, Quantity, Side, Snapshot, Span, Symbol, Time, Trade, View, parse_params,
};
use tradewind_features::plugins::fe_dollar_bars::{
    BarColumns, BarInput, BarKind, BarSizing, Crossing, DollarBars, FeDollarBarsFeature, FeDollarBarsIn,
    FeDollarBarsParams, PLUGIN, TradeBar,
};

const KINDS: [BarKind; 10] = [
    BarKind::Time,
    BarKind::Tick,
    BarKind::Volume,
    BarKind::Dollar,
    BarKind::TickImbalance,
    BarKind::VolumeImbalance,
    BarKind::DollarImbalance,
    BarKind::TickRun,
    BarKind::VolumeRun,
    BarKind::DollarRun,
];

/// Trades over some days: prices in cents, sizes with a heavy tail, some sides given.
fn trades(seed: u64, n: usize) -> Vec<FeDollarBarsIn> {
    let mut rng = Rng(seed);
    let (mut time, mut cents) = (1_400_000_000_000_000_000_i64, 5000.0_f64);
    (0..n)
        .map(|_| {
            time += (-2e11 * rng.uniform().ln()) as i64;
            cents = (cents + (1.5 * rng.normal()).round()).max(100.0);
            let size = (1.0 / rng.uniform()).min(5000.0).ceil();
            let side = match rng.next_u64() % 4 {
                0 => Some(Side::Buy),
                1 => Some(Side::Sell),
                _ => None,
            };
            FeDollarBarsIn { time: Time::from_nanos(time), price: cents / 100.0, size, side }
        })
        .collect()
}

/// Parameters under which [`trades`] close many bars.
fn params(kind: BarKind) -> FeDollarBarsParams {
    let threshold = match kind {
        BarKind::Time => 3600.0,
        BarKind::Tick => 17.0,
        BarKind::Volume => 100.0,
        _ => 5000.0,
    };
    let (first_ticks, min_ticks, max_ticks) = (30, 5, 200);
    FeDollarBarsParams { kind, threshold, first_ticks, min_ticks, max_ticks, ticks_window: 100, ..Default::default() }
}

fn bits(b: &DollarBars) -> Vec<u8> {
    b.save().unwrap()
}

/// Every shape that behaves differently.
fn shapes() -> Vec<FeDollarBarsParams> {
    let mut all: Vec<_> = KINDS.map(params).to_vec();
    for kind in [BarKind::Tick, BarKind::Volume, BarKind::Dollar] {
        for crossing in [Crossing::Carry, Crossing::Split] {
            all.push(FeDollarBarsParams { crossing, ..params(kind) });
            all.push(FeDollarBarsParams { crossing, sizing: BarSizing::Adaptive, bars_per_day: 7, ..params(kind) });
        }
        all.push(FeDollarBarsParams { sizing: BarSizing::Adaptive, days: 2, break_at_day_end: true, ..params(kind) });
    }
    for kind in [BarKind::Time, BarKind::DollarImbalance, BarKind::VolumeRun] {
        all.push(FeDollarBarsParams {
            break_at_day_end: true,
            hard_bounds: false,
            threshold: 50_000.0,
            ..params(kind)
        });
    }
    all
}

#[test]
fn every_trade_a_bar_is_a_calculator_like_any_other() {
    // The suite expects an output for every input, and turns inputs around: bars of one trade, at one instant.
    let xs: Vec<_> = trades(1, 200).into_iter().map(|x| FeDollarBarsIn { time: Time::from_nanos(7), ..x }).collect();
    let p = FeDollarBarsParams { kind: BarKind::Tick, threshold: 1.0, ..Default::default() };
    testkit::online_suite(&p, &xs);
    let p = FeDollarBarsParams { threshold: 0.01, crossing: Crossing::Carry, ..Default::default() };
    testkit::online_suite(&p, &xs);
}

#[test]
fn streams_batches_restored_runs_and_columns_agree_bit_by_bit() {
    let xs = trades(2, 4000);
    let (times, prices, sizes): (Vec<i64>, Vec<f64>, Vec<f64>) = xs.iter().fold(Default::default(), |mut c, x| {
        c.0.push(x.time.nanos());
        c.1.push(x.price);
        c.2.push(x.size);
        c
    });
    let sides: Vec<i8> = xs.iter().map(|x| x.side.map_or(0, |s| if s == Side::Buy { 9 } else { -1 })).collect();
    let to_nanos = |x: &[f64]| x.iter().map(|x| Quantity::from_f64(*x).unwrap().nanos()).collect::<Vec<_>>();
    for p in shapes() {
        let mut stream = p.build().unwrap();
        let outs: Vec<_> = xs.iter().map(|x| stream.update(x).unwrap()).collect();
        let closed = outs.iter().flatten().count();
        assert!(closed > 5, "{p:?}: {closed} bars");
        assert_eq!(p.build().unwrap().batch(&xs).unwrap(), outs);
        for cut in [1, 1999, 3999] {
            let mut a = p.build().unwrap();
            for x in &xs[..cut] {
                a.update(x).unwrap();
            }
            let mut b = p.build().unwrap();
            b.load(&bits(&a)).unwrap();
            let rest: Vec<_> = xs[cut..].iter().map(|x| b.update(x).unwrap()).collect();
            assert_eq!(rest, outs[cut..], "{p:?} restored at {cut}");
            assert_eq!(bits(&b), bits(&stream));
            // Another future.
            let mut c = p.build().unwrap();
            let mut other = xs[..cut].to_vec();
            other.extend(xs[cut..].iter().map(|x| FeDollarBarsIn { price: 2.0 * x.price, ..*x }));
            let past: Vec<_> = other.iter().map(|x| c.update(x).unwrap()).take(cut).collect();
            assert_eq!(past, outs[..cut]);
        }
        // All bars, of which a stream of rows shows the last of each trade, in chunks of several lengths.
        let mut each = BarColumns::default();
        let mut one = p.build().unwrap();
        for x in &xs {
            let t = Trade {
                price: Price::from_f64(x.price).unwrap(),
                size: Quantity::from_f64(x.size).unwrap(),
                buyer: x.side.map(|s| s == Side::Buy),
            };
            one.push(x.time, &t, &mut |b| each.push(b)).unwrap();
        }
        let total: u64 = outs.iter().flatten().map(|o| o.bars).sum();
        assert_eq!((each.len() as u64, bits(&one)), (total, bits(&stream)));
        for chunk in [1, 7, 1000, 4000] {
            let (mut fast, mut whole) = (p.build().unwrap(), p.build().unwrap());
            let (mut out, mut exact) = (BarColumns::default(), BarColumns::default());
            for i in (0..xs.len()).step_by(chunk) {
                let r = i..(i + chunk).min(xs.len());
                let s = Some(&sides[r.clone()]);
                fast.push_columns(&times[r.clone()], &prices[r.clone()], &sizes[r.clone()], s, &mut out).unwrap();
                let (p, q) = (to_nanos(&prices[r.clone()]), to_nanos(&sizes[r.clone()]));
                whole.push_nanos(&times[r], &p, &q, s, &mut exact).unwrap();
            }
            assert_eq!((&out, &exact), (&each, &each), "{p:?} in chunks of {chunk}");
            assert_eq!((bits(&fast), bits(&whole)), (bits(&stream), bits(&stream)));
        }
    }
}

#[test]
fn bad_trades_are_refused_with_the_number() {
    let x = trades(3, 60);
    let last = *x.last().unwrap();
    let bad = [
        FeDollarBarsIn { price: f64::NAN, ..last },
        FeDollarBarsIn { price: f64::INFINITY, ..last },
        FeDollarBarsIn { price: 0.0, ..last },
        FeDollarBarsIn { price: -3.0, ..last },
        FeDollarBarsIn { price: 1e10, ..last },
        FeDollarBarsIn { price: 4e-10, ..last },
        FeDollarBarsIn { size: f64::NAN, ..last },
        FeDollarBarsIn { size: 0.0, ..last },
        FeDollarBarsIn { size: -1.5, ..last },
        FeDollarBarsIn { size: 2e9, ..last },
        FeDollarBarsIn { price: 1e6, size: 1.1e6, ..last },
        FeDollarBarsIn { time: last.time.plus(Span::from_nanos(-1)), ..last },
    ];
    for p in shapes() {
        let mut b = p.build().unwrap();
        for x in &x {
            b.update(x).unwrap();
        }
        testkit::refuses(&mut b, &bad);
    }
    let mut b = params(BarKind::Dollar).build().unwrap();
    b.update(&last).unwrap();
    let says = |x: &FeDollarBarsIn| params(BarKind::Dollar).build().unwrap().update(x).unwrap_err().to_string();
    assert!(says(&bad[3]).starts_with("price is \"-3\""), "{}", says(&bad[3]));
    assert!(says(&bad[7]).starts_with("size is \"0\": expected a size above zero"), "{}", says(&bad[7]));
    assert!(says(&bad[9]).contains("2000000000"), "{}", says(&bad[9]));
    assert!(says(&bad[10]).contains("value is \"1100000000000\""), "{}", says(&bad[10]));
    let e = b.update(&bad[11]).unwrap_err().to_string();
    assert!(e.contains(&bad[11].time.to_string()) && e.contains(&last.time.to_string()), "{e}");
    // One trade of a million and one bars.
    let split = FeDollarBarsParams { threshold: 1.0, crossing: Crossing::Split, ..Default::default() };
    let giant = FeDollarBarsIn { price: 1.0, size: 1_000_001.0, ..last };
    let mut b = split.build().unwrap();
    testkit::refuses(&mut b, &[giant]);
    assert!(b.update(&giant).unwrap_err().to_string().contains("1000001"));
    let large = FeDollarBarsIn { size: 1_000_000.0, ..giant };
    assert_eq!(b.update(&large).unwrap().unwrap().bars, 1_000_000);
}

#[test]
fn a_bad_row_leaves_state_and_columns_as_they_were() {
    for p in shapes() {
        let mut b = p.build().unwrap();
        let mut out = BarColumns::default();
        let (t, q) = (vec![5; 100], vec![40.0; 100]);
        b.push_columns(&t, &[10.0; 100], &q, None, &mut out).unwrap();
        let before = (bits(&b), out.clone());
        let mut price = [10.0; 100];
        price[63] = f64::NAN;
        let e = b.push_columns(&t, &price, &q, None, &mut out).unwrap_err();
        assert_eq!((e.what.as_str(), e.found.as_str()), ("price at row 63", "NaN"));
        let e = b.push_columns(&t, &price[..50], &q, None, &mut out).unwrap_err();
        assert_eq!(e.to_string(), "prices is \"50 values\": expected 100, one for each time");
        let mut late = t.clone();
        late[99] = 4;
        let e = b.push_nanos(&late, &[1_000_000_000; 100], &[1_000_000_000; 100], None, &mut out).unwrap_err();
        assert_eq!(e.what, "time at row 99");
        assert_eq!((bits(&b), out), before);
    }
}

#[test]
fn bad_parameters_are_named_all_at_once() {
    let p = FeDollarBarsParams {
        kind: BarKind::DollarRun,
        threshold: f64::NAN,
        sizing: BarSizing::Adaptive,
        bars_per_day: 0,
        days: 0,
        day_start_hour: 24.0,
        first_ticks: 5,
        min_ticks: 0,
        max_ticks: 2_000_000_000,
        ticks_window: 1,
        bars_window: 0,
        symbols: vec!["no spaces".into()],
        name: "no spaces".into(),
        ..Default::default()
    };
    let e = p.build().unwrap_err();
    assert_eq!(e.0.len(), 11, "{e}");
    for p in [
        FeDollarBarsParams { kind: BarKind::Tick, threshold: 1.5, ..Default::default() },
        FeDollarBarsParams { kind: BarKind::Time, sizing: BarSizing::Adaptive, ..Default::default() },
        FeDollarBarsParams { first_ticks: 20_000, ..Default::default() },
        FeDollarBarsParams { symbols: vec![], ..Default::default() },
        FeDollarBarsParams { threshold: 0.0, ..Default::default() },
    ] {
        assert_eq!(p.build().unwrap_err().0.len(), 1);
    }
}

fn event(time: Time, symbol: Option<&str>, data: MarketData) -> Event {
    Event { time, symbol: symbol.map(|s| Symbol::new(s).unwrap()), origin: Origin::default(), data }
}

/// Sessions of trades of SPY and TLT, with opens, closes and a bar of SPY.
fn events(seed: u64, sessions: usize) -> Vec<Event> {
    let mut out = Vec::new();
    let mut rng = Rng(seed);
    for (day, bar) in testkit::bars(seed, sessions).into_iter().enumerate() {
        let open = Time::from_ymd(2014, 1, 2).unwrap().plus(Span::from_secs(day as i64 * 86_400 + 52_200));
        out.push(event(open, None, MarketData::SessionOpen));
        for i in 0..30 {
            let price = Price::from_f64(bar.close.to_f64() * (1.0 + 0.001 * rng.normal())).unwrap();
            let size = Quantity::from_f64((100.0 / rng.uniform()).min(5000.0).ceil()).unwrap();
            let buyer = [None, Some(true), Some(false)][(rng.next_u64() % 3) as usize];
            let symbol = if i % 5 == 0 { "TLT" } else { "SPY" };
            let time = open.plus(Span::from_secs(i * 60));
            out.push(event(time, Some(symbol), MarketData::Trade(Trade { price, size, buyer })));
        }
        let close = open.plus(Span::from_secs(23_400));
        out.push(event(close, Some("SPY"), MarketData::Bar(bar)));
        out.push(event(close, None, MarketData::SessionClose));
    }
    out
}

fn feature(v: serde_json::Value) -> impl Fn() -> Probe {
    move || Probe::all(&PLUGIN, &v).unwrap().remove(0)
}

#[test]
fn the_feature_is_causal_restorable_and_deterministic_on_trades() {
    let (xs, other) = (events(1, 40), events(2, 40));
    for kind in ["dollar", "time", "tick", "volume_imbalance", "dollar_run"] {
        for more in [json!({}), json!({"break_at_day_end": true})] {
            let mut v = json!({"kind": kind, "threshold": 100_000.0, "symbols": ["SPY", "TLT"], "first_ticks": 20, "min_ticks": 4});
            v.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            if kind == "tick" {
                v["threshold"] = json!(7.0);
            }
            let build = feature(v);
            let reference = testkit::drive(&build, &xs, None);
            assert!(reference.iter().filter(|t| !t.is_empty()).count() > 30, "{kind}");
            for cut in [0, 100, xs.len() - 2] {
                assert_eq!(testkit::drive(&build, &xs, Some(cut)), reference);
                let mut mixed = xs[..cut].to_vec();
                mixed.extend_from_slice(&other[cut..]);
                assert_eq!(testkit::drive(&build, &mixed, None)[..cut], reference[..cut]);
            }
        }
    }
}

#[test]
fn every_parameter_changes_something() {
    let xs = events(3, 40);
    let trace = |p: &FeDollarBarsParams| {
        let v = serde_json::to_value(p).unwrap();
        testkit::drive(&feature(v), &xs, None).join("\n").into_bytes()
    };
    // The parameter under test comes last, and the others suit it before and after.
    let flow = |more: serde_json::Value| {
        let mut v = json!({"kind": "tick_imbalance"});
        v.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        v
    };
    testkit::every_parameter_matters::<FeDollarBarsParams>(
        &[
            json!({"threshold": 100_000.0}),
            json!({"threshold": 200_000.0, "kind": "tick_run", "first_ticks": 100}),
            json!({"threshold": 50_000.0, "kind": "volume"}),
            json!({"threshold": 100_000.0, "sizing": "adaptive"}),
            json!({"threshold": 100_000.0, "sizing": "adaptive", "bars_per_day": 3}),
            json!({"threshold": 100_000.0, "sizing": "adaptive", "days": 1}),
            json!({"threshold": 100_000.0, "sizing": "adaptive", "day_start_hour": 14.75}),
            json!({"threshold": 100_000.0, "break_at_day_end": true}),
            json!({"threshold": 100_000.0, "crossing": "split"}),
            flow(json!({"min_ticks": 1, "ticks_window": 40, "first_ticks": 50})),
            flow(json!({"first_ticks": 101, "ticks_window": 4, "max_ticks": 200, "min_ticks": 15})),
            flow(json!({"first_ticks": 20, "min_ticks": 5, "ticks_window": 40, "max_ticks": 25})),
            flow(
                json!({"first_ticks": 20, "min_ticks": 20, "max_ticks": 20, "ticks_window": 40, "hard_bounds": false}),
            ),
            flow(json!({"first_ticks": 20, "min_ticks": 2, "max_ticks": 60, "ticks_window": 7})),
            flow(json!({"first_ticks": 20, "min_ticks": 2, "max_ticks": 60, "ticks_window": 20, "bars_window": 10})),
            json!({"threshold": 100_000.0, "input": "bars"}),
            json!({"threshold": 100_000.0, "symbols": ["TLT"]}),
            json!({"threshold": 100_000.0, "name": "dollars"}),
        ],
        trace,
    );
}

/// Shows events to a feature and gives what is published at the end.
fn show(f: &mut FeDollarBarsFeature, events: &[Event]) -> Result<FeatureValues, BadInput> {
    let (market, seen, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let mut out = FeatureValues::default();
    for e in events {
        f.on_event(e, &View::new(e.time, &market, &seen, &portfolio), &mut out)?;
    }
    Ok(out)
}

fn value(v: &FeatureValues, what: &str) -> Option<f64> {
    v.get(FeatureId::new(&format!("fe_dollar_bars.SPY.{what}")).unwrap()).map(|x| x.0)
}

fn at(s: i64, price: &str, size: &str) -> Event {
    let t = Trade { price: price.parse().unwrap(), size: size.parse().unwrap(), buyer: None };
    event(Time::from_nanos(s * 1_000_000_000), Some("SPY"), MarketData::Trade(t))
}

#[test]
fn the_feature_publishes_bars_continuous_over_splits_and_dividends() {
    let p = FeDollarBarsParams { threshold: 1000.0, ..Default::default() };
    let mut f = FeDollarBarsFeature::new(&p).unwrap();
    assert_eq!(f.outputs().len(), 11);
    let v = show(&mut f, &[at(1, "100", "4"), at(2, "101", "6")]).unwrap();
    assert_eq!((value(&v, "close"), value(&v, "value"), value(&v, "bars")), (Some(101.0), Some(1006.0), Some(1.0)));
    let action = |a| event(Time::from_nanos(3_000_000_000), Some("SPY"), MarketData::CorporateAction(a));
    let split = CorporateAction::Split { numerator: 2, denominator: 1 };
    let v = show(&mut f, &[at(3, "102", "1"), action(split)]).unwrap();
    assert_eq!((value(&v, "volume"), value(&v, "close"), value(&v, "bars")), (Some(1.0), Some(102.0), Some(2.0)));
    let v = show(&mut f, &[at(4, "51", "20")]).unwrap();
    assert_eq!((value(&v, "close"), value(&v, "factor"), value(&v, "volume")), (Some(102.0), Some(2.0), Some(20.0)));
    // A dividend of 1 on 51 and a trade at 50: nothing was gained or lost.
    let dividend = CorporateAction::Dividend { amount: "1".parse().unwrap() };
    let v = show(&mut f, &[action(dividend), at(5, "50", "20")]).unwrap();
    assert!((value(&v, "close").unwrap() - 102.0).abs() < 1e-12);
    assert!((value(&v, "close").unwrap() / value(&v, "factor").unwrap() - 50.0).abs() < 1e-12);
    // Under another name the symbol goes on.
    let to = Symbol::new("SPY2").unwrap();
    show(&mut f, &[action(CorporateAction::SymbolChange { to })]).unwrap();
    let mut e = at(6, "50", "30");
    e.symbol = Some(to);
    assert_eq!(value(&show(&mut f, &[e]).unwrap(), "bars"), Some(5.0));
    assert!(show(&mut f, &[at(1, "1", "1")]).is_ok(), "not its symbol any more");
}

#[test]
fn the_clock_of_the_market_closes_time_bars_and_bad_trades_are_errors() {
    let p = FeDollarBarsParams { kind: BarKind::Time, threshold: 60.0, ..Default::default() };
    let mut f = FeDollarBarsFeature::new(&p).unwrap();
    let close = |s: i64| event(Time::from_nanos(s * 1_000_000_000), None, MarketData::SessionClose);
    assert_eq!(value(&show(&mut f, &[at(1, "7", "4"), close(59)]).unwrap(), "close"), None);
    assert_eq!(value(&show(&mut f, &[close(60)]).unwrap(), "close"), Some(7.0));
    let e = show(&mut f, &[at(61, "7", "0")]).unwrap_err();
    assert_eq!((e.what.as_str(), e.found.as_str()), ("size", "0"));
    let e = show(&mut f, &[at(59, "7", "1")]).unwrap_err();
    assert_eq!(e.what, "time");
}

#[test]
fn bars_may_be_made_of_bars() {
    let p = FeDollarBarsParams { input: BarInput::Bars, threshold: 1000.0, ..Default::default() };
    let mut f = FeDollarBarsFeature::new(&p).unwrap();
    let bar = |s: i64, close: f64, volume: Option<f64>| {
        let b = Bar {
            volume: volume.map(|v| Quantity::from_f64(v).unwrap()),
            ..Bar::close_only(Price::from_f64(close).unwrap())
        };
        event(Time::from_nanos(s), Some("SPY"), MarketData::Bar(b))
    };
    let events = [
        bar(1, 10.0, Some(60.0)),
        bar(2, 20.0, None),
        bar(3, 20.0, Some(0.0)),
        bar(4, 11.0, Some(40.0)),
        at(5, "9", "900"),
    ];
    let v = show(&mut f, &events).unwrap();
    assert_eq!((value(&v, "value"), value(&v, "high"), value(&v, "trades")), (Some(1040.0), Some(11.0), Some(2.0)));
    assert_eq!(f.without_volume(), 2);
    let mut metrics = Vec::new();
    f.metrics(&mut metrics);
    assert_eq!(metrics, [("bars", 1.0), ("bars_without_volume", 2.0)]);
}

#[test]
fn tables_take_times_as_text_or_nanoseconds_and_need_no_side() {
    let mut t = PLUGIN.table.unwrap()(&json!({"threshold": 100.0})).unwrap();
    let names: Vec<_> = t.inputs().iter().map(|c| (c.name, c.optional)).collect();
    assert_eq!(names, [("time", false), ("price", false), ("size", false), ("side", true)]);
    let mut out = Vec::new();
    let text = Cell::Str("2013-09-01T17:00:00.083Z".into());
    t.update(&[text, Cell::F64(10.0), Cell::I64(4), Cell::Null], &mut out).unwrap();
    assert!(out.is_empty());
    let later = Cell::I64(1_378_054_800_084_000_000);
    t.update(&[later.clone(), Cell::F64(10.5), Cell::I64(8), Cell::Str("buy".into())], &mut out).unwrap();
    assert_eq!(out.len(), t.outputs().len());
    assert_eq!(out[0], Cell::Str("2013-09-01T17:00:00.083Z".into()));
    assert_eq!(
        (&out[7], &out[8], &out[9], &out[11]),
        (&Cell::F64(12.0), &Cell::F64(124.0), &Cell::F64(8.0), &Cell::I64(1))
    );
    for bad in [
        [Cell::Str("2013-09-01 17:00".into()), Cell::F64(1.0), Cell::F64(1.0), Cell::Null],
        [Cell::F64(1.5), Cell::F64(1.0), Cell::F64(1.0), Cell::Null],
        [later.clone(), Cell::F64(1.0), Cell::F64(1.0), Cell::Str("long".into())],
        [later.clone(), Cell::F64(1.0), Cell::F64(1.0), Cell::I64(2)],
    ] {
        assert!(t.update(&bad, &mut out).is_err(), "{bad:?}");
    }
    t.update(&[later.clone(), Cell::F64(10.0), Cell::F64(1.0), Cell::I64(-1)], &mut out).unwrap();
    let s = t.summary();
    assert_eq!(
        (s["value"].as_str(), s["trades"].as_u64(), s["in_progress"]["volume"].as_str()),
        (Some("134"), Some(3), Some("1"))
    );
}

/// E[T] alone, bounded or not, does not keep imbalance bars from collapsing when flow is balanced; bounds on the bars do.
#[test]
fn hard_bounds_end_the_blow_up_and_the_collapse() {
    let balanced: Vec<FeDollarBarsIn> = {
        let mut rng = Rng(77);
        (0..200_000)
            .map(|i| {
                let side = Some(if rng.uniform() < 0.5 { Side::Buy } else { Side::Sell });
                FeDollarBarsIn { time: Time::from_nanos(i), price: 50.0, size: 1.0, side }
            })
            .collect()
    };
    let lengths = |p: &FeDollarBarsParams| -> Vec<u64> {
        let mut b = p.build().unwrap();
        balanced.iter().filter_map(|x| b.update(x).unwrap()).map(|o| o.trades).collect()
    };
    let bounded = FeDollarBarsParams { kind: BarKind::TickImbalance, ..Default::default() };
    let soft = lengths(&FeDollarBarsParams { hard_bounds: false, ..bounded.clone() });
    let hard = lengths(&bounded);
    let median = |mut x: Vec<u64>| {
        x.sort_unstable();
        x[x.len() / 2]
    };
    let tiny = soft.iter().filter(|n| **n < 100).count() as f64 / soft.len() as f64;
    println!(
        "bounded expectation: {} bars, median {} trades, {:.0} % below 100; bounded bars: {} bars, median {}",
        soft.len(),
        median(soft.clone()),
        100.0 * tiny,
        hard.len(),
        median(hard.clone())
    );
    assert!(tiny > 0.5, "{tiny}");
    assert!(hard.len() > 20 && hard.iter().all(|n| (100..=10_000).contains(n)));
}

/// What any trades may be.
fn any_trades() -> impl Strategy<Value = Vec<(i64, i64, i64, i8)>> {
    let size = prop_oneof![1_i64..1000, 1_000_000_000_i64..900_000_000_000, 1_i64..10_000_000_000_000];
    prop::collection::vec((0_i64..40_000_000_000_000, 1_i64..5_000_000_000_000, size, -1_i8..=1), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn volume_value_and_trades_are_conserved_exactly(
        steps in any_trades(),
        kind in 0..KINDS.len(),
        crossing in 0..3_usize,
        threshold in prop_oneof![1.0..100.0, 100.0..1e7],
        adaptive: bool,
        breaks: bool,
    ) {
        let kind = KINDS[kind];
        let sized = matches!(kind, BarKind::Tick | BarKind::Volume | BarKind::Dollar);
        let p = FeDollarBarsParams {
            kind,
            threshold: if kind == BarKind::Tick { f64::floor(threshold) } else { threshold },
            crossing: [Crossing::Whole, Crossing::Carry, Crossing::Split][crossing],
            sizing: if adaptive && sized { BarSizing::Adaptive } else { BarSizing::Fixed },
            break_at_day_end: breaks,
            first_ticks: 10,
            min_ticks: 2,
            max_ticks: 30,
            ..Default::default()
        };
        let mut b = p.build().unwrap();
        let (mut time, mut given, mut got) = (0, (0, 0, 0_u64), (0, 0, 0_u64));
        let add = |s: &mut (i128, i128, u64), b: &TradeBar| *s = (s.0 + b.volume, s.1 + b.value, s.2 + b.trades);
        for (gap, price, size, side) in steps {
            time += gap;
            let (price, size) = (Price::from_nanos(price).unwrap(), Quantity::from_nanos(size).unwrap());
            let buyer = (side != 0).then_some(side > 0);
            let before = bits(&b);
            let mut bars = Vec::new();
            match b.push(Time::from_nanos(time), &Trade { price, size, buyer }, &mut |b| bars.push(*b)) {
                Ok(n) => {
                    prop_assert_eq!(n, bars.len() as u64);
                    given = (given.0 + i128::from(size.nanos()), given.1 + (price * size).atto(), given.2 + 1);
                }
                // More than a million bars of one trade.
                Err(_) => prop_assert!(bars.is_empty() && bits(&b) == before),
            }
            for bar in &bars {
                prop_assert!(bar.low <= bar.open.min(bar.close) && bar.open.max(bar.close) <= bar.high);
                prop_assert!(0 <= bar.buy_volume && bar.buy_volume <= bar.volume && bar.volume > 0);
                let vwap = bar.vwap();
                prop_assert!(bar.low as f64 / 1e9 <= vwap && vwap <= bar.high as f64 / 1e9);
                add(&mut got, bar);
            }
        }
        if let Some(open) = b.pending() {
            add(&mut got, &open);
        }
        prop_assert_eq!(got, given);
    }

    #[test]
    fn columns_round_as_prices_do(x in prop_oneof![0.0_f64..1e-6, 0.0..10.0, 0.0..1e6, 1e6..1e9]) {
        let mut b = FeDollarBarsParams { kind: BarKind::Tick, threshold: 1.0, ..Default::default() }.build().unwrap();
        let mut out = BarColumns::default();
        // Halves of a billionth are what rounding may disagree about.
        for x in [x, (x * 1e9).floor() / 1e9 + 0.5e-9] {
            match Price::from_f64(x) {
                Ok(p) => {
                    b.push_columns(&[1], &[x], &[1e-9], None, &mut out).unwrap();
                    prop_assert_eq!(out.close.last().copied(), Some(p.to_f64()));
                }
                Err(e) => {
                    let got = b.push_columns(&[1], &[x], &[1e-9], None, &mut out).unwrap_err();
                    prop_assert_eq!(got.found, e.found);
                }
            }
        }
    }
}

#[test]
fn parameters_may_come_from_a_table() {
    let v = json!({"kind": "dollar_imbalance", "sizing": "fixed", "crossing": "carry", "input": "bars"});
    let p: FeDollarBarsParams = parse_params(&v).unwrap();
    assert_eq!((p.kind, p.crossing, p.input), (BarKind::DollarImbalance, Crossing::Carry, BarInput::Bars));
}
