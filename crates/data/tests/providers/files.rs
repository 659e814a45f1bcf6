//! Records from files.

use serde_json::json;
use tradewind_data::Kind;
use tradewind_data::providers::{Fault, FileConfig, FileProvider};

use super::*;

const NOW: &str = "2026-11-20T12:00:00Z";

async fn read(name: &str, content: &str, config: FileConfig, who: &str) -> Result<Batch, Fault> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    let config = FileConfig { path: path.display().to_string(), ..config };
    get(&mut FileProvider::new(&config).unwrap(), &ask(who, NOW)).await.map_err(|e| e.fault)
}

fn of(kind: Kind) -> FileConfig {
    FileConfig { kind, ..Default::default() }
}

#[tokio::test]
async fn ratings_with_columns_of_other_names() {
    let csv = "date,ticker,broker,to,from,pt\n\
        2026-11-17,AAPL,\"Needham, Inc.\",Buy,,\"$1,240.50\"\n\
        2026-11-18T21:30:00Z,AAPL,UBS,\"The \"\"Top\"\" Pick\",Hold,\n\
        2026-11-18,MSFT,UBS,Sell,Hold,\n";
    let columns = [
        ("published", "date"),
        ("symbol", "ticker"),
        ("firm", "broker"),
        ("grade", "to"),
        ("previous", "from"),
        ("target", "pt"),
    ];
    let columns = columns.map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    let batch = read("r.csv", csv, FileConfig { columns, ..of(Kind::Rating) }, "AAPL").await.unwrap();
    let got = shown(&batch.records);
    assert_eq!(got.len(), 2);
    assert_eq!(
        (&got[0]["firm"], &got[0]["target"], &got[0]["time"]),
        (&json!("Needham, Inc."), &json!("1240.5"), &json!("2026-11-18T04:59:59Z"))
    );
    assert_eq!((&got[1]["grade"], &got[1]["time"]), (&json!("The \"Top\" Pick"), &json!("2026-11-18T21:30:00Z")));
}

#[tokio::test]
async fn earnings_with_the_time_each_became_known() {
    let csv = "time,symbol,announced,consensus,whisper,dispersion,actual\n\
        2026-11-02T12:00:00Z,ABC,2026-11-10T21:30:00Z,1.00,1.05,0.02,\n\
        ,ABC,2026-11-10T21:30:00Z,1.00,,,1.10\n";
    let batch = read("e.csv", csv, of(Kind::Earnings), "ABC").await.unwrap();
    let got = shown(&batch.records);
    assert_eq!((&got[0]["time"], &got[0]["whisper"]), (&json!("2026-11-02T12:00:00Z"), &json!(1.05)));
    assert_eq!((&got[1]["time"], &got[1]["actual"]), (&json!("2026-11-10T21:30:00Z"), &json!(1.1)));
}

#[tokio::test]
async fn the_export_of_google_trends() {
    let export = "Category: All categories\n\nWeek,apple stock: (United States),microsoft stock: (United States)\n\
        2026-10-25,40,<1\n2026-11-01,55,3\n2026-11-08,100,\n2026-11-15,20,1\n";
    let symbols =
        [("apple stock", "AAPL"), ("microsoft stock", "MSFT")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    let config = FileConfig { symbols, ..of(Kind::SearchTrend) };
    let batch = read("multiTimeline.csv", export, config.clone(), "AAPL").await.unwrap();
    assert_eq!(interest(&batch.records), [40.0, 55.0, 100.0]);
    // Known a day after the week's end; the week that runs is left out.
    assert_eq!(batch.records[2].time, t("2026-11-16T00:00:00Z"));
    assert_eq!(batch.notes, [("partial periods".to_owned(), 1)]);
    let batch = read("multiTimeline.csv", export, config.clone(), "MSFT").await.unwrap();
    assert_eq!(interest(&batch.records), [0.0, 3.0]);
    assert_eq!(read("x.csv", export, config, "IBM").await.unwrap().notes, [("no column of the symbol".to_owned(), 1)]);
}

#[tokio::test]
async fn jsonl_as_the_archive_writes_it() {
    let line = r#"{"time":"2026-11-18T12:00:00Z","symbol":"AAPL","published":"2026-11-18T11:00:00Z","headline":"h","body":"","source":"s","sentiment":0.5}"#;
    let other = line.replace("AAPL", "MSFT");
    let batch = read("n.jsonl", &format!("{line}\n{other}\n"), of(Kind::News), "AAPL").await.unwrap();
    assert_eq!(batch.records.len(), 1);
}

#[tokio::test]
async fn bad_files_name_the_line() {
    let cases = [
        (Kind::Rating, "published,symbol,firm\n2026-11-17,AAPL\n", "row 1 (line 2)"),
        (Kind::Rating, "published,symbol,firm\nsoon,AAPL,UBS\n", "published is \"soon\""),
        (Kind::Rating, "published,symbol,firm,target\n2026-11-17,AAPL,UBS,high\n", "target is \"high\""),
        (Kind::Rating, "published,symbol,firm\n2026-11-17,AAPL,\n", "no firm"),
        (Kind::Rating, "published,firm\n2026-11-17,UBS\n", "no symbol"),
        (Kind::Rating, "published,symbol,firm\n2026-11-17,AAPL,\"UBS\n", "a quote is not closed"),
        (Kind::Rating, "time,published,symbol,firm\n2026-11-16,2026-11-18,AAPL,UBS\n", "after the time"),
        (Kind::News, "published,symbol,headline,sentiment\n2026-11-17,AAPL,x,2\n", "sentiment is"),
        (Kind::SearchTrend, "Category: All\n\nWeek,AAPL: (US)\n2026-11-01,400\n", "not interest"),
        (Kind::SearchTrend, "Category: All\n\nWeek,AAPL: (US)\n2026-11-08,4\n2026-11-01,4\n", "order of time"),
        (Kind::Rating, "", "empty"),
    ];
    for (kind, csv, want) in cases {
        let f = read("x.csv", csv, of(kind), "AAPL").await.unwrap_err();
        assert!(matches!(&f, Fault::File { why } if why.contains(want)), "{csv:?}: {f:?}");
    }
    let config = FileConfig { path: "/no/such/file.csv".into(), ..Default::default() };
    assert!(matches!(fault(&mut FileProvider::new(&config).unwrap(), &ask("A", NOW)).await, Fault::File { .. }));
    let f = read("x.csv", "published,symbol,firm\n2026-11-17,AAPL,\u{fffd}\n", of(Kind::Rating), "AAPL").await;
    assert!(f.is_ok());
    let wrong = FileConfig { name: String::new(), kind: Kind::Bar, delay_hours: 500, ..Default::default() };
    assert_eq!(wrong.check().unwrap_err().0.len(), 4);
}
