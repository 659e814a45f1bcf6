//! Layouts, orders, kinds and time zones.

use tradewind_core_types::MarketData;
use tradewind_data::{EpochUnit, Kind, Layout, SourceSpec, open_bytes, read_table_bytes};

use crate::{events, long, spec, wide};

fn shown(t: tradewind_data::EventTable) -> Vec<(String, String, String, u32)> {
    events(t)
        .into_iter()
        .map(|e| (e.time.to_string(), e.symbol.unwrap().to_string(), e.mark().unwrap().to_string(), e.origin.row))
        .collect()
}

#[test]
fn any_file_order_gives_one_event_order() {
    let by_symbol = "date,symbol,close\n2015-08-24,TLT,3\n2015-08-25,TLT,4\n2015-08-24,SPY,1\n2015-08-25,SPY,2\n";
    let by_time = "date,symbol,close\n2015-08-24,TLT,3\n2015-08-24,SPY,1\n2015-08-25,TLT,4\n2015-08-25,SPY,2\n";
    let as_wide = "date,TLT,SPY\n2015-08-24,3,1\n2015-08-25,4,2\n";
    let expect = [
        ("2015-08-24T20:00:00Z", "SPY", "1"),
        ("2015-08-24T20:00:00Z", "TLT", "3"),
        ("2015-08-25T20:00:00Z", "SPY", "2"),
        ("2015-08-25T20:00:00Z", "TLT", "4"),
    ];
    for (t, rows) in [
        (long(by_symbol, |_| ()), [3, 1, 4, 2]),
        (long(by_time, |_| ()), [2, 1, 4, 3]),
        (wide(as_wide, |_| ()), [1, 1, 2, 2]),
    ] {
        let got = shown(t.unwrap());
        for ((g, e), r) in got.iter().zip(expect).zip(rows) {
            assert_eq!((g.0.as_str(), g.1.as_str(), g.2.as_str(), g.3), (e.0, e.1, e.2, r));
        }
        assert_eq!(got.len(), 4);
    }
}

#[test]
fn subsets_renames_mappings_and_ranges() {
    let csv = "When,Ticker,Adj Close\n2015-08-24,BRK-B,3\n2015-08-25,BRK-B,4\n2015-08-25,SPY,x\n2015-08-26,BRK-B,-5\n";
    let t = long(csv, |s| {
        s.time = Some("When".into());
        s.symbol_column = Some("Ticker".into());
        s.columns.insert("close".into(), "Adj Close".into());
        s.rename.insert("BRK-B".into(), "BRK.B".into());
        s.symbols = vec!["BRK.B".into()];
        s.to = Some("2015-08-25".parse().unwrap());
    });
    // Bad cells of rows that were not asked for do not matter.
    let got = shown(t.unwrap());
    assert_eq!(got.len(), 2);
    assert_eq!((got[1].1.as_str(), got[1].3), ("BRK.B", 2));
    let t = long("date,close\n2015-08-24,3\n", |s| s.symbol = Some("VIX".into())).unwrap();
    assert_eq!(t.symbols()[0].as_str(), "VIX");
}

#[test]
fn intraday_times() {
    let csv = "time,symbol,close\n2015-08-24 09:30,SPY,3\n2015-08-24 09:31,SPY,4\n";
    let t = long(csv, |s| {
        s.timezone = Some("America/New_York".into());
        s.delay_seconds = 60;
    });
    assert_eq!(shown(t.unwrap())[0].0, "2015-08-24T13:31:00Z");
    let t = long("ts,symbol,close\n1440446400000,SPY,3\n", |s| s.epoch = Some(EpochUnit::Milliseconds));
    assert_eq!(shown(t.unwrap())[0].0, "2015-08-24T20:00:00Z");
}

#[test]
fn trades_and_quotes() {
    let csv = "time,symbol,price,size,buyer\n2015-08-24T14:00:00Z,SPY,189.5,100,true\n2015-08-24T14:00:00Z,SPY,189.4,7.5,sell\n2015-08-24T14:00:01Z,SPY,189.4,1,\n";
    let e = events(long(csv, |s| s.kind = Kind::Trade).unwrap());
    let side: Vec<_> = e.iter().map(|e| if let MarketData::Trade(t) = &e.data { t.buyer } else { panic!() }).collect();
    assert_eq!(side, [Some(true), Some(false), None]);
    assert!(long(&csv.replace("7.5", "0"), |s| s.kind = Kind::Trade).is_err());
    let csv = "time,symbol,bid,ask,bid_size,ask_size\n2015-08-24T14:00:00Z,SPY,189.5,189.4,100,200\n";
    let t = long(csv, |s| s.kind = Kind::Quote).unwrap();
    // A crossed quote is data: the report counts it.
    let r = tradewind_data::examine_table(&t, &Default::default());
    assert_eq!(r.warning_counts["crossed_quotes"], 1);
    assert!(matches!(events(t)[0].data, MarketData::Quote(q) if q.ask_size.to_string() == "200"));
}

#[test]
fn volumes_beyond_a_quantity_are_unknown_and_counted() {
    let t = long("date,symbol,close,volume\n2015-08-24,SPY,1,7421640800\n2015-08-25,SPY,1,5\n", |_| ()).unwrap();
    assert_eq!(t.notes().volumes_unknown, 1);
    let e = events(t);
    assert!(matches!(e[0].data, MarketData::Bar(b) if b.volume.is_none()));
    assert!(matches!(e[1].data, MarketData::Bar(b) if b.volume.is_some()));
}

#[test]
fn prices_are_the_decimals_that_were_written() {
    let texts = [
        "0.1",
        "187.27",
        "12345.678901234",
        "0.000000001",
        "999999.999999999",
        "1000000000",
        "3.",
        ".5",
        "+2.5",
        "1.5e2",
    ];
    let csv: String = texts.iter().enumerate().map(|(i, t)| format!("2015-08-{:02}T20:00:00Z,{t}\n", i + 1)).collect();
    let got: Vec<String> = shown(wide(&format!("ts,X\n{csv}"), |_| ()).unwrap()).into_iter().map(|x| x.2).collect();
    assert_eq!(
        got,
        ["0.1", "187.27", "12345.678901234", "0.000000001", "999999.999999999", "1000000000", "3", "0.5", "2.5", "150"]
    );
}

#[test]
fn thread_count_does_not_matter() {
    let mut csv = String::from("date,symbol,close,volume\n");
    let days =
        tradewind_data::Calendar::us_equities().sessions("1990-01-01".parse().unwrap(), "2035-12-31".parse().unwrap());
    for s in 0..10 {
        for (i, d) in days.iter().enumerate() {
            csv.push_str(&format!(
                "{},S{},{}.{:02},{}\n",
                d.date,
                (s * 7) % 10,
                10 + (i * 31 + s) % 90,
                i % 100,
                i * 10
            ));
        }
    }
    let s = SourceSpec::bars("x.csv", Layout::Long);
    let read = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| read_table_bytes(&s, csv.as_bytes().to_vec()).unwrap())
    };
    let (one, four) = (read(1), read(4));
    assert!(one == four);
    assert_eq!(one.len(), days.len() * 10);
    // The first of many errors is the first by row, whatever thread finds it.
    let bad = csv.replace(".13,", ".x,");
    let first = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| read_table_bytes(&s, bad.as_bytes().to_vec()).unwrap_err())
    };
    assert_eq!(first(1), first(4));
    assert_eq!(first(3).row(), Some(14));
}

#[test]
fn sources_of_every_kind_are_feeds() {
    let news = r#"{"time":"2015-08-25T12:00:00Z","symbol":"AAPL","published":"2015-08-24T11:00:00Z","headline":"b","body":"","source":"s","sentiment":null}
{"time":"2015-08-24T12:00:00Z","symbol":"MSFT","published":"2015-08-24T11:00:00Z","headline":"a","body":"","source":"s","sentiment":0.25}"#;
    let feed = open_bytes(&spec("n.jsonl", |s| s.kind = Kind::News), news.into(), 4).unwrap();
    assert_eq!(feed.symbols().iter().map(|s| s.as_str()).collect::<Vec<_>>(), ["AAPL", "MSFT"]);
    let e: Vec<_> = feed.map(Result::unwrap).collect();
    // Newest first in the file, oldest first as events, each with its own row.
    assert_eq!(e.iter().map(|e| (e.origin.source, e.origin.row)).collect::<Vec<_>>(), [(4, 2), (4, 1)]);
    for e in &e {
        let line = tradewind_data::record_line(e).unwrap();
        let again: Vec<_> = open_bytes(&spec("n.jsonl", |s| s.kind = Kind::News), line.into(), 4)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!((&again[0].data, again[0].time, again[0].symbol), (&e.data, e.time, e.symbol));
    }
}

#[test]
fn specifications_come_from_toml_and_have_a_schema() {
    let s: SourceSpec = toml::from_str(
        "path = 'p.parquet'\nkind = 'quote'\nepoch = 'nanoseconds'\nfrom = '2014-01-02'\nsymbols = ['SPY']\n[columns]\nbid = 'b'\n",
    )
    .unwrap();
    assert_eq!(s.from, Some("2014-01-02".parse().unwrap()));
    let again: SourceSpec = toml::from_str(&toml::to_string(&s).unwrap()).unwrap();
    assert_eq!(again, s);
    let schema = serde_json::to_string(&tradewind_core_types::schemars::schema_for!(SourceSpec)).unwrap();
    assert!(schema.contains("delay_seconds") && schema.contains("IANA"));
}
