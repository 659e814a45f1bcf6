//! Everything that can be wrong with a file, one by one: a typed error with its place and what to do.

use std::io::Write as _;

use tradewind_core_types::MarketData;
use tradewind_data::{Kind, Layout, OnMissing, Problem, SourceSpec, open, read_table, read_table_bytes};

use crate::{long, read_as, sample, says, spec, wide};

#[test]
fn wrong_paths_get_a_suggestion() {
    let e = open(&SourceSpec::bars(sample("vix_close_2014_2018.csv"), Layout::Wide), 0).unwrap_err();
    assert!(matches!(e.problem(), Problem::NotFound { .. }));
    says(&e, &["no such file", "did you mean", "vix_close_2014_2019.csv"]);
    let e = read_table(&SourceSpec::bars("/nowhere/at/all.csv", Layout::Wide)).unwrap_err();
    says(&e, &["/nowhere/at", "does not exist either"]);
    let e = read_table(&SourceSpec::bars(sample(""), Layout::Wide)).unwrap_err();
    says(&e, &["is a directory", "etf23"]);
    let e = read_table(&SourceSpec::bars(sample("vix_close_2014_2019.csv/"), Layout::Long)).unwrap_err();
    assert!(!e.to_string().is_empty());
    let e = read_table(&SourceSpec::bars("x.xlsx", Layout::Wide)).unwrap_err();
    assert!(matches!(e.problem(), Problem::NotFound { .. }));
    assert_eq!(
        read_table_bytes(&SourceSpec::bars("x.xlsx", Layout::Wide), vec![1]).unwrap_err().problem(),
        &Problem::UnknownFormat
    );
}

#[test]
fn empty_files() {
    assert_eq!(wide("", |_| ()).unwrap_err().problem(), &Problem::Empty);
    assert_eq!(wide("\n\n", |_| ()).unwrap_err().problem(), &Problem::Empty);
    assert_eq!(wide("date,SPY\n", |_| ()).unwrap_err().problem(), &Problem::NoRows);
    assert_eq!(wide("date,SPY\n2015-08-24,\n", |_| ()).unwrap_err().problem(), &Problem::NoValues);
    assert_eq!(read_as(Kind::News, "n.jsonl", "\n").unwrap_err().problem(), &Problem::Empty);
}

#[test]
fn missing_and_repeated_columns() {
    let e = long("date,symbol,clsoe\n2015-08-24,SPY,1\n", |_| ()).unwrap_err();
    says(&e, &["x.csv", "no column \"close\"", "did you mean \"clsoe\""]);
    let e = long("day,symbol,close\n2015-08-24,SPY,1\n", |_| ()).unwrap_err();
    says(&e, &["no column \"date\""]);
    let e = long("date,ticker,close\n2015-08-24,SPY,1\n", |_| ()).unwrap_err();
    says(&e, &["no column \"symbol\""]);
    let e = long("date,symbol,close,close\n2015-08-24,SPY,1,1\n", |_| ()).unwrap_err();
    assert!(matches!(e.problem(), Problem::DuplicateColumn { .. }));
    let e = long("date,symbol,close\n2015-08-24,SPY,1\n", |s| {
        s.columns.insert("open".into(), "o".into());
    })
    .unwrap_err();
    says(&e, &["no column \"o\""]);
    let e = long("date,symbol,close\n2015-08-24,SPY,1\n", |s| {
        s.columns.insert("closse".into(), "o".into());
    })
    .unwrap_err();
    says(&e, &["columns", "did you mean \"close\""]);
}

#[test]
fn cells_name_row_line_and_column() {
    let cell =
        |text: &str| wide(&format!("date,TLT,SPY\n2015-08-24,125,189.5\n2015-08-25,124,{text}\n"), |_| ()).unwrap_err();
    let e = cell("n/a");
    assert_eq!((e.row(), e.line(), e.column()), (Some(2), Some(3), Some("SPY")));
    says(&e, &["x.csv, row 2 (line 3), column \"SPY\"", "\"n/a\" is not a number", "expected a decimal number"]);
    for text in ["NaN", "nan", "inf", "-Infinity"] {
        assert!(matches!(cell(text).problem(), Problem::NotFinite { .. }), "{text}");
    }
    for text in ["0", "-1.5", "0.0000000001", "1e10"] {
        assert!(matches!(cell(text).problem(), Problem::NotPositive { .. }), "{text}");
    }
    for text in ["1,000", "\"1,000\"", "1.2.3", "0x10", "12 3", "…", "1_000"] {
        assert!(matches!(cell(text).problem(), Problem::NotANumber { .. } | Problem::Ragged { .. }), "{text}");
    }
    let e = long("date,symbol,close,volume\n2015-08-24,SPY,1,-5\n", |_| ()).unwrap_err();
    assert!(matches!(e.problem(), Problem::Negative { .. }));
    let e = long("date,symbol,open,high,low,close\n2015-08-24,SPY,10,11,9,12\n", |_| ()).unwrap_err();
    says(&e, &["row 1", "high 11", "close 12", "low <= open"]);
    let e = long("date,symbol,close\n2015-08-24,S P Y,1\n", |_| ()).unwrap_err();
    says(&e, &["row 1", "column \"symbol\"", "\"S P Y\" is not a symbol"]);
    // A line break within a quoted cell moves lines, not rows.
    let e = long("date,symbol,note,close\n2015-08-24,SPY,\"a\nb\",1\n2015-08-25,SPY,,x\n", |_| ()).unwrap_err();
    assert_eq!((e.row(), e.line()), (Some(2), Some(4)));
}

#[test]
fn times() {
    let time = |t: &str| wide(&format!("date,SPY\n{t},1\n"), |_| ()).unwrap_err();
    says(
        &time("2014-01-20"),
        &["row 1 (line 2)", "not a trading session", "Martin Luther King", "2014-01-17", "2014-01-21"],
    );
    says(&time("2014-01-18"), &["weekend"]);
    says(&time("2015-08-24T16:00:00"), &["time zone missing", "`timezone`"]);
    says(&time("1962-01-02"), &["outside the calendar", "1990-01-01"]);
    says(&time("24.08.2015"), &["is not a time", "2015-08-24"]);
    says(&time("2015-02-30"), &["is not a time"]);
    says(&time(""), &["is not a time"]);
    let two = |a: &str, b: &str| wide(&format!("date,SPY\n{a},1\n{b},2\n"), |_| ()).unwrap_err();
    let e = two("2015-08-24", "2015-08-24");
    assert!(matches!(e.problem(), Problem::Duplicate { .. }));
    assert_eq!(e.row(), Some(2));
    assert!(matches!(two("2015-08-25", "2015-08-24").problem(), Problem::Backward { .. }));
    let e = long("date,symbol,close\n2015-08-24,SPY,1\n2015-08-25,TLT,1\n2015-08-24,TLT,1\n", |_| ()).unwrap_err();
    says(&e, &["row 3", "backwards for TLT"]);
    // Trades and quotes may share an instant.
    let t = long("time,symbol,price,size\n2015-08-24T14:00:00Z,SPY,1,1\n2015-08-24T14:00:00Z,SPY,2,1\n", |s| {
        s.kind = Kind::Trade;
    });
    assert_eq!(t.unwrap().len(), 2);
}

#[test]
fn holidays_without_values_are_passed_over() {
    let t = wide("date,SPY\n2014-01-17,1\n2014-01-20,\n2014-01-21,2\n", |_| ()).unwrap();
    assert_eq!((t.len(), t.notes().empty_rows), (2, 1));
    let t = long("date,symbol,close\n2014-01-17,SPY,1\n2014-01-20,SPY,\n2014-01-21,SPY,2\n", |_| ()).unwrap();
    assert_eq!((t.len(), t.notes().empty_rows), (2, 1));
}

#[test]
fn values_on_holidays_are_errors_unless_asked_for() {
    for (csv, layout) in [
        ("date,SPY\n2004-06-10,1\n2004-06-11,3\n2004-06-14,2\n", Layout::Wide),
        ("date,symbol,close\n2004-06-10,SPY,1\n2004-06-11,SPY,3\n2004-06-14,SPY,2\n", Layout::Long),
    ] {
        says(&long(csv, |s| s.layout = layout).unwrap_err(), &["row 2 (line 3)", "Reagan", "skip_holidays"]);
        let t = long(csv, |s| {
            s.layout = layout;
            s.skip_holidays = true;
        })
        .unwrap();
        assert_eq!((t.len(), t.notes().holiday_rows), (2, 1));
    }
}

#[test]
fn optional_fields_can_be_left_unread() {
    let csv = "date,symbol,open,high,low,close\n1992-02-10,VIX,19.24,18.57,17.61,17.7\n";
    assert!(long(csv, |_| ()).is_err());
    let t = long(csv, |s| s.columns = ["open", "high", "low"].map(|f| (f.to_owned(), String::new())).into()).unwrap();
    assert!(matches!(t.event(0, 0).unwrap().data, MarketData::Bar(b) if b.high.is_none()));
    let e = long(csv, |s| s.columns = [("close".to_owned(), String::new())].into()).unwrap_err();
    says(&e, &["close", "required"]);
}

#[test]
fn symbols_and_ranges_that_are_not_there() {
    let csv = "date,SPY,TLT\n2015-08-24,1,2\n";
    let e = wide(csv, |s| s.symbols = vec!["SPX".into()]).unwrap_err();
    says(&e, &["unknown symbol \"SPX\"", "SPY"]);
    let e = wide(csv, |s| {
        s.rename.insert("SPYY".into(), "SPY".into());
    })
    .unwrap_err();
    says(&e, &["unknown symbol \"SPYY\""]);
    let e = wide(csv, |s| s.from = Some("2016-01-04".parse().unwrap())).unwrap_err();
    says(&e, &["no data between 2016-01-04 and the end", "2015-08-24"]);
    let e = wide(csv, |s| {
        s.rename.insert("SPY".into(), "TLT".into());
    })
    .unwrap_err();
    says(&e, &["row 1", "TLT has prices on 2015-08-24 here and in row 1 under the name \"SPY\"", "on_overlap"]);
    assert!(matches!(e.problem(), Problem::Overlap { .. }));
}

#[test]
fn broken_bytes() {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all("date,SPY\n".as_bytes()).unwrap();
    for i in 1..29 {
        gz.write_all(format!("2015-07-{i:02},{i}.123456\n").as_bytes()).unwrap();
    }
    let gz = gz.finish().unwrap();
    let s = spec("x.csv.gz", |s| s.layout = Layout::Wide);
    for cut in [3, 10, 20, gz.len() / 2, gz.len() - 1] {
        let e = read_table_bytes(&s, gz[..cut].to_vec()).unwrap_err();
        assert!(matches!(e.problem(), Problem::TruncatedGzip { .. }), "{cut}: {e}");
        says(&e, &["truncated", "fetch it again"]);
    }
    let mut flipped = gz.clone();
    flipped[gz.len() / 2] ^= 0x55;
    assert!(matches!(read_table_bytes(&s, flipped).unwrap_err().problem(), Problem::BadGzip { .. }));
    assert!(matches!(read_table_bytes(&s, b"date,SPY\n".to_vec()).unwrap_err().problem(), Problem::BadGzip { .. }));
    let e = read_table_bytes(&spec("x.csv", |s| s.layout = Layout::Wide), b"date,SPY\n2015-08-24,\xff\n".to_vec())
        .unwrap_err();
    assert!(matches!(e.problem(), Problem::NotUtf8 { byte: 20 }));
    assert_eq!(e.line(), Some(2));
    for bytes in [b"hello".to_vec(), b"PAR1PAR1PAR1PAR1".to_vec(), b"PAR1\xff\xff\xff\x7f\xff\xff\xff\x7fPAR1".to_vec()]
    {
        let e = read_table_bytes(&spec("x.parquet", |_| ()), bytes).unwrap_err();
        assert!(matches!(e.problem(), Problem::NotParquet { .. }), "{e}");
    }
}

#[test]
fn ragged_rows_and_line_ends() {
    let e = wide("date,SPY,TLT\n2015-08-24,1,2\n2015-08-25,1\n", |_| ()).unwrap_err();
    says(&e, &["row 2 (line 3)", "2 cells", "expected 3"]);
    let e = wide("date,SPY,TLT\n2015-08-24,1,2,3\n", |_| ()).unwrap_err();
    says(&e, &["row 1 (line 2)", "4 cells"]);
    says(&wide("date,SPY\n2015-08-24,1\n\n2015-08-25,1\n", |_| ()).unwrap_err(), &["row 2 (line 3)", "blank line"]);
    let t = wide("\u{feff}date, SPY\r\n2015-08-24, 1.5 \r\n2015-08-25,2\r\n\r\n", |_| ()).unwrap();
    assert_eq!(t.closes().map(|c| c.2.to_string()).collect::<Vec<_>>(), ["1.5", "2"]);
}

#[test]
fn holes_by_policy_and_ragged_starts() {
    let csv = "date,OLD,NEW\n2015-08-24,1,\n2015-08-25,2,\n2015-08-26,3,5\n2015-08-27,,6\n2015-08-28,4,7\n";
    let t = wide(csv, |_| ()).unwrap();
    assert_eq!(t.len(), 7);
    // By name: NEW has no hole, its late start is none; OLD has one.
    assert_eq!(t.notes().missing, [0, 1]);
    let e = wide(csv, |s| s.on_missing = OnMissing::Error).unwrap_err();
    says(&e, &["row 4 (line 5)", "column \"OLD\"", "on_missing"]);
}

#[test]
fn configurations_are_checked() {
    let bad = |edit: fn(&mut SourceSpec)| long("date,symbol,close\n2015-08-24,SPY,1\n", edit).unwrap_err().to_string();
    assert!(bad(|s| s.timezone = Some("America/New_Yrok".into())).contains("IANA"));
    assert!(bad(|s| s.symbols = vec!["a b".into()]).contains("symbols"));
    assert!(bad(|s| s.path = "".into()).contains("path"));
    assert!(
        bad(|s| {
            s.layout = Layout::Wide;
            s.kind = Kind::Trade;
        })
        .contains("layout")
    );
    assert!(
        bad(|s| {
            s.from = Some("2016-01-04".parse().unwrap());
            s.to = Some("2015-01-05".parse().unwrap());
        })
        .contains("from")
    );
}

#[test]
fn records() {
    let one = |line: &str| read_as(Kind::Rating, "r.jsonl", line).unwrap_err();
    let good = r#"{"time":"2015-08-24T12:00:00Z","symbol":"AAPL","published":"2015-08-24T11:00:00Z","firm":"X","grade":"Buy","previous":null,"target":"120.5"}"#;
    let e = read_as(Kind::Rating, "r.jsonl", good).unwrap();
    assert!(matches!(&e[0].data, MarketData::Rating(r) if r.target.unwrap().to_string() == "120.5"));
    says(&one(&good.replace("grade", "grdae")), &["row 1", "line 1", "unknown field \"grdae\"", "grade"]);
    says(&one(&good.replace("\"time\":\"2015-08-24T12:00:00Z\",", "")), &["field \"time\" is missing"]);
    says(&one(&good.replace("12:00:00Z", "12:00:00")), &["time zone missing"]);
    says(&one(&good.replace("\"2015-08-24T12:00:00Z\"", "\"2015-08-24\"")), &["time zone missing"]);
    says(&one(&good.replace("T11:", "T13:")), &["published <= time"]);
    says(&one(&good.replace("120.5", "-1")), &["price"]);
    says(&one("{"), &["not a valid record"]);
    says(&one("[1]"), &["not a valid record"]);
    let news = r#"{"time":"2015-08-24T12:00:00Z","published":"2015-08-24T11:00:00Z","headline":"h","body":"","source":"s","sentiment":1.5}"#;
    says(&read_as(Kind::News, "n.jsonl", news).unwrap_err(), &["sentiment is 1.5"]);
}
