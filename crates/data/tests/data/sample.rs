//! The four bundled files.

use std::sync::Arc;

use tradewind_core_types::{MarketData, Symbol};
use tradewind_data::{EventTable, Kind, Layout, QualityOptions, SourceSpec, import, read_table, validate};

use crate::sample;

fn bundled() -> [(SourceSpec, usize, usize, &'static str, &'static str); 4] {
    let wide = |f: &str| SourceSpec::bars(sample(f), Layout::Wide);
    let mut vix = wide("vix_close_2014_2019.csv");
    vix.kind = Kind::Index;
    vix.rename.insert("vix".into(), "VIX".into());
    let mut stocks = wide("stocks20_adjclose_1990_2022.csv.gz");
    stocks.adjusted = true;
    let mut index = SourceSpec::bars(sample("index_ohlcv_1999_2018.csv.gz"), Layout::Long);
    index.kind = Kind::Index;
    [
        (wide("etf23_close_2008_2016.csv.gz"), 2141 * 23, 23, "2008-01-02T21:00:00Z", "2016-07-01T20:00:00Z"),
        (stocks, 8313 * 20, 20, "1990-01-02T21:00:00Z", "2022-12-28T21:00:00Z"),
        (vix, 1305 - 46, 1, "2014-01-03T21:00:00Z", "2019-01-03T21:00:00Z"),
        (index, 10_062, 2, "1999-01-04T21:00:00Z", "2018-12-31T21:00:00Z"),
    ]
}

#[test]
fn all_four_files_are_read_whole() {
    for (spec, events, symbols, first, last) in bundled() {
        let t = read_table(&spec).unwrap();
        assert_eq!((t.len(), t.symbols().len()), (events, symbols), "{}", t.file());
        let (a, b) = t.range().unwrap();
        assert_eq!((a.to_string().as_str(), b.to_string().as_str()), (first, last), "{}", t.file());
        assert_eq!(t.notes().missing.iter().sum::<usize>(), 0);
    }
}

#[test]
fn known_values() {
    let all: Vec<_> = bundled().iter().map(|b| Arc::new(read_table(&b.0).unwrap())).collect();
    let value = |t: &Arc<EventTable>, time: &str, symbol: &str| {
        let (time, symbol) = (time.parse().unwrap(), Symbol::new(symbol).unwrap());
        EventTable::events(t, 0).map(Result::unwrap).find(|e| e.time == time && e.symbol == Some(symbol)).unwrap()
    };
    // Early close of the day after Thanksgiving: 13:00 New York.
    let e = value(&all[0], "2015-11-27T18:00:00Z", "SPY");
    let MarketData::Bar(b) = e.data else { panic!("{e:?}") };
    assert_eq!((b.open, b.volume), (None, None));
    assert_eq!(value(&all[0], "2008-01-02T21:00:00Z", "SPY").mark().unwrap().to_string(), "144.93");
    assert_eq!(value(&all[0], "2016-07-01T20:00:00Z", "TLT").mark().unwrap().to_string(), "140.57");
    assert_eq!(value(&all[0], "2016-07-01T20:00:00Z", "TLT").origin.row, 2141);
    assert_eq!(value(&all[1], "1990-01-02T21:00:00Z", "AAPL").mark().unwrap().to_string(), "0.264");
    let MarketData::Index(v) = value(&all[2], "2019-01-03T21:00:00Z", "VIX").data else { panic!() };
    assert_eq!(v.close.to_string(), "25.45");
    let MarketData::Index(s) = value(&all[3], "2018-12-31T21:00:00Z", "SPX").data else { panic!() };
    assert_eq!(s.high.unwrap().to_string(), "2509.23999");
    assert_eq!(s.volume, None);
}

#[test]
fn the_report_finds_nothing_wrong_and_the_holidays_of_vix() {
    for (spec, events, ..) in bundled() {
        let r = validate(&spec, &QualityOptions::default()).unwrap();
        assert!(r.is_readable(), "{r}");
        assert_eq!(r.events, events);
        assert_eq!(r.symbols.iter().map(|s| s.missing_sessions + s.outside_sessions).sum::<usize>(), 0, "{r}");
        assert_eq!(r.empty_rows, if spec.kind == Kind::Index && events < 2000 { 46 } else { 0 });
        let json = serde_json::to_string(&r).unwrap();
        assert_eq!(serde_json::from_str::<tradewind_data::QualityReport>(&json).unwrap(), r);
    }
}

#[test]
fn import_gives_the_same_events_from_parquet() {
    let dir = tempfile::tempdir().unwrap();
    for (i, (spec, ..)) in bundled().into_iter().enumerate() {
        let before = read_table(&spec).unwrap();
        for ext in ["parquet", "csv"] {
            let target = dir.path().join(format!("{i}.{ext}"));
            let w = import(&spec, &target).unwrap();
            assert_eq!((w.rows as usize, w.range), (before.len(), before.range()));
            let again = read_table(&SourceSpec {
                path: target,
                kind: spec.kind,
                adjusted: spec.adjusted,
                ..SourceSpec::default()
            })
            .unwrap();
            let strip =
                |t: EventTable| crate::events(t).into_iter().map(|e| (e.time, e.symbol, e.data)).collect::<Vec<_>>();
            assert!(strip(again) == strip(before.clone()), "{}", before.file());
        }
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 8, "no temporary file is left");
}
