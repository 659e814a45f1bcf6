//! Earnings and whispers from any service with JSON.

use serde_json::{Value, json};
use tradewind_data::providers::{Fault, HttpEarnings, HttpEarningsConfig};
use wiremock::matchers::{header, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const NOW: &str = "2026-06-03T12:00:00Z";

fn nasdaq(server: &MockServer) -> HttpEarningsConfig {
    HttpEarningsConfig {
        name: "nasdaq".into(),
        url: format!("{}/calendar?date={{date}}", server.uri()),
        headers: [("Referer".to_owned(), "https://www.nasdaq.com/".to_owned())].into(),
        rows: "data.rows".into(),
        symbol: "symbol".into(),
        consensus: "epsForecast".into(),
        actual: "eps".into(),
        session: "time".into(),
        before_open: vec!["time-pre-market".into()],
        after_close: vec!["time-after-hours".into()],
        days: 2,
        spacing_seconds: 0.0,
        ..Default::default()
    }
}

fn whisper(server: &MockServer) -> HttpEarningsConfig {
    HttpEarningsConfig {
        url: format!("{}/stock/{{symbol}}?k={{key}}", server.uri()),
        key_variable: Some(KEY.into()),
        announced: "nextEPSDate".into(),
        session: "releaseTime".into(),
        consensus: "consensusEst".into(),
        whisper: "whisper".into(),
        dispersion: "spread.sd".into(),
        spacing_seconds: 0.0,
        ..Default::default()
    }
}

fn provider(c: &HttpEarningsConfig) -> HttpEarnings {
    HttpEarnings::new(c, &http(), limiter()).unwrap()
}

fn short(v: &Value) -> Value {
    json!([v["announced"], v["consensus"], v["whisper"], v["actual"], v["time"]])
}

#[tokio::test]
async fn a_calendar_of_dates_where_everything_is_text() {
    let server = MockServer::start().await;
    let rows = json!([
        {"time": "time-pre-market", "symbol": "CIEN", "epsForecast": "$1.20", "noOfEsts": "8"},
        {"time": "time-after-hours", "symbol": "AVGO", "epsForecast": "($0.30)"},
        {"time": "time-not-supplied", "symbol": "XYZ", "epsForecast": "N/A"},
        {"time": "time-not-supplied", "symbol": "ABC", "epsForecast": "0.5"},
    ]);
    let day = |d: &str, v: Value| {
        let body = json!({"data": {"rows": v}, "status": {"rCode": 200}});
        Mock::given(path("/calendar"))
            .and(query_param("date", d))
            .and(header("Referer", "https://www.nasdaq.com/"))
            .respond_with(json(200, &body))
    };
    day("2026-06-03", Value::Null).mount(&server).await;
    day("2026-06-04", rows).mount(&server).await;
    let mut p = provider(&nasdaq(&server));
    let mut got = Vec::new();
    for s in ["CIEN", "AVGO", "XYZ", "ABC", "MSFT"] {
        let batch = get(&mut p, &ask(s, NOW)).await.unwrap();
        got.extend(shown(&batch.records).iter().map(short));
    }
    let row = |announced: &str, consensus: f64| json!([announced, consensus, null, null, NOW]);
    assert_eq!(
        got,
        [
            row("2026-06-04T12:00:00Z", 1.2),
            row("2026-06-04T20:30:00Z", -0.3),
            // A session nobody tells is from midnight in New York on.
            row("2026-06-04T04:00:00Z", 0.5),
        ]
    );
    // One request a date serves all symbols.
    assert_eq!(requests(&server).await, 2);
}

#[tokio::test]
async fn whispers_of_a_symbol_with_sentinels_and_a_key() {
    let server = MockServer::start().await;
    let answer = |v: Value| {
        Mock::given(query_param("k", key()))
            .and(path(format!("/stock/{}", v["ticker"].as_str().unwrap())))
            .respond_with(json(200, &v))
    };
    answer(json!({"ticker": "AVGO", "nextEPSDate": "2026-06-10T00:00:00", "releaseTime": 3, "consensusEst": 1.58, "whisper": 1.65, "spread": {"sd": 0.02}}))
        .mount(&server)
        .await;
    answer(json!({"ticker": "NONE", "nextEPSDate": "2026-06-10T00:00:00", "releaseTime": 2, "consensusEst": 1.0, "whisper": 999})).mount(&server).await;
    answer(json!({"ticker": "PAST", "nextEPSDate": "2026-05-10T00:00:00", "consensusEst": 1.0})).mount(&server).await;
    answer(json!({"ticker": "VOID", "nextEPSDate": "2026-06-10T00:00:00", "consensusEst": null, "whisper": "N/A"}))
        .mount(&server)
        .await;
    let mut p = provider(&whisper(&server));
    let one = shown(&get(&mut p, &ask("AVGO", NOW)).await.unwrap().records);
    assert_eq!(
        (short(&one[0]), &one[0]["dispersion"]),
        (json!(["2026-06-10T20:30:00Z", 1.58, 1.65, null, NOW]), &json!(0.02))
    );
    let none = shown(&get(&mut p, &ask("NONE", NOW)).await.unwrap().records);
    assert_eq!(short(&none[0]), json!(["2026-06-10T04:00:00Z", 1.0, null, null, NOW]));
    for (s, note) in [("PAST", "past reports without a result"), ("VOID", "rows without a number")] {
        assert_eq!(get(&mut p, &ask(s, NOW)).await.unwrap().notes, [(note.to_owned(), 1)]);
    }
}

#[tokio::test]
async fn results_are_known_after_they_are_announced() {
    let server = MockServer::start().await;
    let rows = json!([{"time": "time-after-hours", "symbol": "CIEN", "epsForecast": "$1.20", "eps": "$1.25"}]);
    let body = json!({"data": {"rows": rows}});
    Mock::given(query_param("date", "2026-06-01")).respond_with(json(200, &body)).mount(&server).await;
    let date = Some("2026-06-01".parse().unwrap());
    let past = Ask { from: date, to: date, ..ask("CIEN", NOW) };
    let got = shown(&get(&mut provider(&nasdaq(&server)), &past).await.unwrap().records);
    assert_eq!(short(&got[0]), json!(["2026-06-01T20:30:00Z", 1.2, null, 1.25, "2026-06-02T03:59:59Z"]));
}

#[tokio::test]
async fn services_that_do_not_answer() {
    let cases: Vec<(ResponseTemplate, Is)> = vec![
        (ResponseTemplate::new(204), |f| matches!(f, Fault::Empty { status: 204 })),
        (ResponseTemplate::new(404), |f| matches!(f, Fault::NotFound { .. })),
        (raw(200, "<!doctype html>", "text/html"), |f| matches!(f, Fault::Html { .. })),
        (raw(403, "<html>Cloudflare</html>", "text/html"), |f| matches!(f, Fault::Refused { .. })),
        (json(200, &json!({"Information": "25 calls a day"})), |f| matches!(f, Fault::Said { .. })),
        (json(200, &json!({"data": {"items": []}})), |f| matches!(f, Fault::Shape { path, .. } if path == "data.rows")),
    ];
    for (answer, right) in cases {
        let server = MockServer::start().await;
        Mock::given(path("/calendar")).respond_with(answer).mount(&server).await;
        let f = fault(&mut provider(&nasdaq(&server)), &ask("AVGO", NOW)).await;
        assert!(right(&f), "{f:?}");
    }
}

#[test]
fn configurations_that_cannot_work() {
    let e = HttpEarningsConfig { name: "a b".into(), url: "x/{key}".into(), days: 0, ..Default::default() }
        .check()
        .unwrap_err();
    let fields: Vec<_> = e.0.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["name", "url", "announced", "symbol", "consensus", "key_variable", "days"]);
}
