//! Mutated files: any outcome but a panic.

use proptest::prelude::*;
use tradewind_data::{Frame, Kind, Layout, Problem, QualityOptions, SourceSpec, read_table_bytes, validate_bytes};

use crate::spec;

const WIDE: &str =
    "date,SPY,\"TLT\",IEF\n2015-08-24,189.5,125.1,\n2015-08-25,187.27,123.8,107.5\n2015-08-26,\"194.46\",121.5,106.9\n";
const LONG: &str = "ts,symbol,open,high,low,close,volume\n2015-08-24T20:00:00Z,SPY,1,3,0.5,2,100\n2015-08-24T20:00:00Z,TLT,1,3,0.5,2,\n\
2015-08-25T20:00:00Z,SPY,1,3,0.5,2,1e3\n2015-08-25T20:00:00+00:00,\"TLT\",1,3,0.5,2,5\n";
const TRADES: &str =
    "time,symbol,price,size,buyer\n2015-08-24T14:00:00.5Z,SPY,189.5,100,true\n2015-08-24T14:00:01Z,SPY,189.4,50,sell\n";
const ACTIONS: &str = "date,symbol,kind,value\n2020-08-31,AAPL,split,4:1\n2020-11-06,AAPL,dividend,0.205\n2022-06-09,FB,symbol_change,META\n";
const NEWS: &str = r#"{"time":"2015-08-24T12:00:00Z","symbol":"AAPL","published":"2015-08-24T11:00:00Z","headline":"h","body":"b","source":"s","sentiment":0.5}
{"time":"2015-08-25T12:00:00Z","symbol":null,"published":"2015-08-24T11:00:00Z","headline":"h","body":"","source":"s","sentiment":null}
"#;

#[derive(Debug, Clone)]
enum Edit {
    Flip(usize, u8),
    Truncate(usize),
    Insert(usize, Vec<u8>),
    Swap(usize, usize),
    Delete(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<usize>();
    let bit = prop_oneof![Just(0x01u8), Just(0x80), any::<u8>()];
    let text = prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..6),
        proptest::sample::select(vec![
            "\"",
            ",",
            "\n",
            "\r\n",
            "\"\"",
            "-",
            "NaN",
            "\u{feff}",
            "\0",
            "1e400",
            "9999-12-31",
            "é"
        ])
        .prop_map(|s| s.as_bytes().to_vec()),
    ];
    prop_oneof![
        (at, bit).prop_map(|(a, b)| Edit::Flip(a, b)),
        at.prop_map(Edit::Truncate),
        (at, text).prop_map(|(a, t)| Edit::Insert(a, t)),
        (at, at).prop_map(|(a, b)| Edit::Swap(a, b)),
        (at, 1..12usize).prop_map(|(a, n)| Edit::Delete(a, n)),
    ]
}

/// More with the environment variable MUTATIONS.
fn cases(default: u32) -> ProptestConfig {
    let cases = std::env::var("MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn mutate(mut b: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for e in edits {
        let n = b.len();
        if n == 0 {
            return b;
        }
        match e {
            Edit::Flip(a, m) => b[a % n] ^= m,
            Edit::Truncate(a) => b.truncate(a % (n + 1)),
            Edit::Insert(a, t) => {
                let at = a % (n + 1);
                b.splice(at..at, t.iter().copied());
            }
            Edit::Swap(x, y) => {
                let mut lines: Vec<Vec<u8>> = b.split(|c| *c == b'\n').map(<[u8]>::to_vec).collect();
                let k = lines.len();
                lines.swap(x % k, y % k);
                b = lines.join(&b'\n');
            }
            Edit::Delete(a, len) => {
                let at = a % n;
                b.drain(at..(at + len).min(n));
            }
        }
    }
    b
}

/// Reads in every way; what is read must be sorted and its report must agree with the reading.
fn exercise(s: &SourceSpec, bytes: &[u8]) {
    let report = validate_bytes(s, bytes.to_vec(), &QualityOptions::default()).expect("a valid specification");
    assert!(!report.to_string().is_empty());
    if matches!(s.kind, Kind::Bar | Kind::Index | Kind::Trade | Kind::Quote) {
        match read_table_bytes(s, bytes.to_vec()) {
            Ok(t) => {
                assert_eq!(report.events, t.len());
                let events = crate::events(t);
                assert!(events.windows(2).all(|w| (w[0].time, w[0].symbol) <= (w[1].time, w[1].symbol)));
            }
            Err(e) => {
                assert!(!report.is_readable(), "{e}");
                assert!(e.to_string().contains(e.file()));
            }
        }
    } else {
        let read = tradewind_data::open_bytes(s, bytes.to_vec(), 0);
        assert_eq!(read.is_ok(), report.is_readable());
    }
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn mutated_text_never_panics(edits in proptest::collection::vec(edit(), 0..5)) {
        exercise(&spec("x.csv", |s| s.layout = Layout::Wide), &mutate(WIDE.into(), &edits));
        exercise(&spec("x.csv", |_| ()), &mutate(LONG.into(), &edits));
        exercise(&spec("x.csv", |s| s.kind = Kind::Trade), &mutate(TRADES.into(), &edits));
        exercise(&spec("x.csv", |s| s.kind = Kind::CorporateAction), &mutate(ACTIONS.into(), &edits));
        exercise(&spec("x.jsonl", |s| s.kind = Kind::News), &mutate(NEWS.into(), &edits));
        drop(Frame::from_csv("x.csv", mutate(LONG.into(), &edits)));
    }
}

/// Parquet is cut, not mutated: polars trusts lengths within pages, and bytes that claim an enormous one end the process when memory
/// for it is refused, which no caller can catch. A cut file never gets that far.
#[test]
fn cut_parquet_is_always_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.parquet");
    let events = crate::events(crate::long(LONG, |_| ()).unwrap()).into_iter().map(Ok);
    tradewind_data::write_events(&file, Kind::Bar, events, &[]).unwrap();
    let whole = std::fs::read(file).unwrap();
    let s = spec("x.parquet", |_| ());
    assert_eq!(read_table_bytes(&s, whole.clone()).unwrap().len(), 4);
    for cut in 0..whole.len() {
        let e = read_table_bytes(&s, whole[..cut].to_vec()).unwrap_err();
        assert!(matches!(e.problem(), Problem::NotParquet { .. } | Problem::Empty), "{cut}: {e}");
        exercise(&s, &whole[..cut]);
    }
}
