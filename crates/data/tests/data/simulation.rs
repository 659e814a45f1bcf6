use std::collections::BTreeMap;

use tradewind_core_types::{Bar, Event, MarketData, Symbol};
use tradewind_data::{
    Kind, Regime, Simulation, SimulationSpec, SourceSpec, TableFormat, Ticks, examine_table, read_table, regime_path,
    simulate,
};

fn run(spec: &SimulationSpec) -> Vec<Event> {
    Simulation::new(spec, 0).unwrap().collect()
}

fn of(events: &[Event], symbol: &str) -> Vec<(tradewind_core_types::Time, MarketData)> {
    let s = Symbol::new(symbol).unwrap();
    events.iter().filter(|e| e.symbol == Some(s)).map(|e| (e.time, e.data.clone())).collect()
}

fn with_ticks() -> SimulationSpec {
    SimulationSpec {
        sessions: 4,
        count: 3,
        bar_seconds: Some(3600),
        ticks: Some(Ticks { per_bar: 5, quotes: true, trades: true }),
        start: "2010-11-24".parse().unwrap(),
        ..SimulationSpec::default()
    }
}

#[test]
fn a_seed_means_the_same_events_however_they_are_taken() {
    for spec in [SimulationSpec::default(), with_ticks()] {
        let all = run(&spec);
        let mut s = Simulation::new(&spec, 0).unwrap();
        let mut parts: Vec<Event> = s.by_ref().take(7).collect();
        let mut copy = s.clone();
        parts.extend(s.by_ref());
        assert!(parts == all);
        assert!(copy.by_ref().eq(all[7..].iter().cloned()));
        assert_eq!(s.next(), None);
        assert_ne!(run(&SimulationSpec { seed: 2, ..spec }), all);
    }
}

#[test]
fn other_symbols_do_not_change_a_path() {
    let base = with_ticks();
    let few = run(&SimulationSpec { symbols: vec!["AAA".into(), "BBB".into()], ..base.clone() });
    let more = run(&SimulationSpec { symbols: vec!["CCC".into(), "AAA".into(), "ABC".into()], ..base });
    assert_eq!(of(&few, "AAA"), of(&more, "AAA"));
    assert_eq!(of(&few, "SIMVIX"), of(&more, "SIMVIX"));
    assert_ne!(of(&few, "AAA"), of(&few, "BBB"));
}

#[test]
fn the_first_events_are_pinned() {
    let e = run(&SimulationSpec { count: 2, sessions: 2, ..SimulationSpec::default() });
    let text: Vec<String> = e
        .iter()
        .map(|e| match &e.data {
            MarketData::Bar(b) => format!(
                "{} {} {} {} {} {}",
                e.symbol.unwrap(),
                b.open.unwrap(),
                b.high.unwrap(),
                b.low.unwrap(),
                b.close,
                b.volume.unwrap()
            ),
            MarketData::Index(b) => format!("{} {}", e.symbol.unwrap(), b.close),
            _ => unreachable!(),
        })
        .collect();
    assert_eq!(text, PINNED);
}

const PINNED: [&str; 6] = [
    "SIM0001 99.33 100.63 98.48 98.91 985607",
    "SIM0002 99.79 101.34 99.53 100.3 477374",
    "SIMVIX 11.59",
    "SIM0001 99.09 99.43 97.16 97.99 830749",
    "SIM0002 99.37 99.77 97.38 97.93 489850",
    "SIMVIX 11.39",
];

#[test]
fn order_and_consistency() {
    let spec = with_ticks();
    let e = run(&spec);
    assert!(e.windows(2).all(|w| (w[0].time, w[0].data.rank()) <= (w[1].time, w[1].data.rank())));
    // Three full sessions have seven bars (the last of half an hour), the day after Thanksgiving four.
    let bars = 3 * (7 + 4 + 7 + 7);
    let count = |f: fn(&MarketData) -> bool| e.iter().filter(|e| f(&e.data)).count();
    assert_eq!(count(|d| matches!(d, MarketData::Bar(_))), bars);
    assert_eq!(count(|d| matches!(d, MarketData::Trade(_))), bars * 5);
    assert_eq!(count(|d| matches!(d, MarketData::Quote(_))), bars * 5);
    assert_eq!(count(|d| matches!(d, MarketData::Index(_))), 4);
    // A bar is the bar of its trades; a trade is at the touch.
    let mut trades: BTreeMap<Symbol, Vec<tradewind_core_types::Trade>> = BTreeMap::new();
    let mut quotes = BTreeMap::new();
    for e in &e {
        let s = e.symbol.unwrap();
        match &e.data {
            MarketData::Quote(q) => {
                assert!(q.bid < q.ask);
                quotes.insert(s, *q);
            }
            MarketData::Trade(t) => {
                assert_eq!(t.price, if t.buyer == Some(true) { quotes[&s].ask } else { quotes[&s].bid });
                trades.entry(s).or_default().push(*t);
            }
            MarketData::Bar(b) => {
                let t = trades.remove(&s).unwrap();
                let prices = || t.iter().map(|t| t.price);
                let rebuilt = Bar::new(
                    prices().next(),
                    prices().max(),
                    prices().min(),
                    prices().next_back().unwrap(),
                    Some(t.iter().map(|t| t.size).sum()),
                );
                assert_eq!(rebuilt.unwrap(), *b);
            }
            _ => {}
        }
    }
    for e in run(&SimulationSpec { sessions: 500, ..SimulationSpec::default() }) {
        if let MarketData::Bar(b) = e.data {
            assert_eq!(Bar::new(b.open, b.high, b.low, b.close, b.volume), Ok(b));
        }
    }
}

/// Realised volatility in a regime is that of the regime, and the index follows it.
#[test]
fn the_truth_is_planted() {
    let regime =
        |name: &str, volatility, mean_sessions| Regime { name: name.into(), volatility, drift: 0.0, mean_sessions };
    let spec = SimulationSpec {
        count: 1,
        start: "1990-01-02".parse().unwrap(),
        sessions: 11_000,
        regimes: vec![regime("calm", 0.10, 400.0), regime("wild", 0.40, 400.0)],
        beta: (1.0, 1.0),
        idiosyncratic: 0.0,
        jumps_per_year: 0.0,
        ..SimulationSpec::default()
    };
    let truth = regime_path(&spec).unwrap();
    let e = run(&spec);
    let closes: Vec<f64> =
        e.iter().filter_map(|e| if let MarketData::Bar(b) = &e.data { Some(b.close.to_f64()) } else { None }).collect();
    let levels: Vec<f64> = e
        .iter()
        .filter_map(|e| if let MarketData::Index(b) = &e.data { Some(b.close.to_f64()) } else { None })
        .collect();
    assert_eq!((closes.len(), levels.len()), (11_000, 11_000));
    let mut sums = [(0.0, 0.0, 0.0); 2];
    for t in 30..closes.len() {
        // Far enough into the regime that the variance has settled.
        if truth[t - 30..=t].iter().all(|r| r.1 == truth[t].1) {
            let s = &mut sums[truth[t].1];
            let r = closes[t] / closes[t - 1] - 1.0;
            *s = (s.0 + 1.0, s.1 + r * r, s.2 + levels[t]);
        }
    }
    for (s, volatility) in sums.iter().zip([0.10, 0.40]) {
        let realised = (s.1 / s.0 * 252.0_f64).sqrt();
        // Four standard errors of a volatility: 4 sigma / sqrt(2 n).
        assert!(
            s.0 > 1000.0 && (realised / volatility - 1.0).abs() < 4.0 / (2.0 * s.0).sqrt() + 0.002,
            "{realised} {s:?}"
        );
        assert!((s.2 / s.0 / (115.0 * volatility) - 1.0).abs() < 0.05, "{}", s.2 / s.0);
    }
}

#[test]
fn written_files_read_back_and_are_labelled() {
    let dir = tempfile::tempdir().unwrap();
    let spec = with_ticks();
    let e = run(&spec);
    for (format, ext) in [(TableFormat::Parquet, "parquet"), (TableFormat::Csv, "csv")] {
        let written = simulate(&spec, dir.path(), format).unwrap();
        assert_eq!(written.iter().map(|w| w.rows as usize).sum::<usize>(), e.len());
        for (kind, name) in
            [(Kind::Bar, "bars"), (Kind::Index, "index"), (Kind::Trade, "trades"), (Kind::Quote, "quotes")]
        {
            let path = dir.path().join(format!("{name}.{ext}"));
            let t = read_table(&SourceSpec { path: path.clone(), kind, ..SourceSpec::default() }).unwrap();
            let r = examine_table(&t, &Default::default());
            assert!(r.symbols.iter().all(|s| s.missing_sessions + s.outside_sessions == 0), "{r}");
            let mut expected: Vec<Event> =
                e.iter().filter(|e| e.data.rank() == crate::events(t.clone())[0].data.rank()).cloned().collect();
            expected.sort_by_key(|e| (e.time, e.symbol));
            let got = crate::events(t);
            assert!(
                got.iter()
                    .map(|e| (e.time, e.symbol, &e.data))
                    .eq(expected.iter().map(|e| (e.time, e.symbol, &e.data))),
                "{name}.{ext}"
            );
            let bytes = std::fs::read(path).unwrap();
            assert!(bytes.windows(9).any(|w| w == b"simulated"));
        }
    }
}

#[test]
fn bad_specifications_list_everything() {
    let e = Simulation::new(
        &SimulationSpec {
            count: 0,
            sessions: 0,
            bar_seconds: Some(0),
            idiosyncratic: f64::NAN,
            beta: (1.0, 0.0),
            regimes: vec![],
            index: Some("a b".into()),
            ..SimulationSpec::default()
        },
        0,
    )
    .unwrap_err();
    let fields: Vec<&str> = e.0.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["count", "index", "sessions", "bar_seconds", "regimes", "beta", "idiosyncratic"]);
    assert!(Simulation::new(&SimulationSpec { sessions: 1_000_000, ..SimulationSpec::default() }, 0).is_err());
    assert!(Simulation::new(&SimulationSpec { bars: false, ..SimulationSpec::default() }, 0).is_err());
    assert!(toml::from_str::<SimulationSpec>("sede = 1").is_err());
    assert_eq!(toml::from_str::<SimulationSpec>("").unwrap(), SimulationSpec::default());
}
