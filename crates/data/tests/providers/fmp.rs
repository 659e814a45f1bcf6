//! Financial Modeling Prep.

use serde_json::{Value, json};
use tradewind_data::providers::{Fault, Fmp, FmpConfig, FmpWhat, KnownAt};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const NOW: &str = "2026-11-20T00:00:00Z";

fn fmp(server: &MockServer, what: FmpWhat, known_at: KnownAt) -> Fmp {
    let config = FmpConfig {
        what,
        base_url: server.uri(),
        key_variable: KEY.into(),
        known_at,
        spacing_seconds: 0.0,
        ..Default::default()
    };
    Fmp::new(&config, &http(), limiter()).unwrap()
}

async fn serve(at: &str, answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path(at))
        .and(query_param("apikey", key()))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

fn grade(published: &str, extra: &Value) -> Value {
    let mut row = json!({"symbol": "AAPL", "publishedDate": published, "newGrade": "Overweight", "previousGrade": "Equal-Weight",
        "gradingCompany": "Morgan Stanley", "action": "upgrade", "priceWhenPosted": 190.12, "a new field": [1, 2]});
    for (k, v) in extra.as_object().unwrap() {
        row[k] = v.clone();
    }
    row
}

#[tokio::test]
async fn grades_with_the_time_they_became_known() {
    let rows = json!([
        grade("2026-11-19T12:04:11.000Z", &json!({})),
        grade("2026-11-18 17:30:00", &json!({"previousGrade": ""})),
        grade("2026-11-17", &json!({"previousGrade": null})),
        grade("2026-11-30", &json!({})),
        grade("2026-11-17", &json!({"symbol": "MSFT"})),
        grade("2026-11-17", &json!({"gradingCompany": null})),
    ]);
    let server = serve("/grades-news", json(200, &rows)).await;
    let batch = get(&mut fmp(&server, FmpWhat::Grades, KnownAt::Published), &ask("AAPL", NOW)).await.unwrap();
    let rating = |time: &str, published: &str, previous: Value| {
        json!({"time": time, "symbol": "AAPL", "published": published, "firm": "Morgan Stanley", "grade": "Overweight", "previous": previous,
            "target": null, "previous_target": null})
    };
    assert_eq!(
        shown(&batch.records),
        [
            rating("2026-11-19T12:04:11Z", "2026-11-19T12:04:11Z", json!("Equal-Weight")),
            // Without a zone it is New York's; after the close.
            rating("2026-11-18T22:30:00Z", "2026-11-18T22:30:00Z", Value::Null),
            // A date alone is known at its end.
            rating("2026-11-18T04:59:59Z", "2026-11-17T05:00:00Z", Value::Null),
        ]
    );
    let notes: Vec<_> = batch.notes.iter().map(|n| (n.0.as_str(), n.1)).collect();
    let unreadable = "rows without a date, symbol or content";
    assert_eq!(notes, [("records from the future", 1), ("rows of other symbols", 1), (unreadable, 1)]);
    let batch = get(&mut fmp(&server, FmpWhat::Grades, KnownAt::Fetched), &ask("AAPL", NOW)).await.unwrap();
    assert!(batch.records.iter().all(|e| e.time == t(NOW)));
}

#[tokio::test]
async fn price_targets_are_ratings_without_a_grade() {
    let rows = json!([
        {"symbol": "AAPL", "publishedDate": "2026-11-19T12:10:00.000Z", "priceTarget": 240, "adjPriceTarget": "60.0", "analystCompany": "Barclays"},
        {"symbol": "AAPL", "publishedDate": "2026-11-18T12:10:00.000Z", "priceTarget": 0, "adjPriceTarget": 0, "analystCompany": "Barclays"},
    ]);
    let server = serve("/price-target-news", json(200, &rows)).await;
    let batch = get(&mut fmp(&server, FmpWhat::PriceTargets, KnownAt::Published), &ask("AAPL", NOW)).await.unwrap();
    assert_eq!(batch.records.len(), 1);
    assert_eq!(shown(&batch.records)[0]["target"], "60");
    assert_eq!(shown(&batch.records)[0]["grade"], "");
}

#[tokio::test]
async fn earnings_to_come_are_known_now_and_results_after_their_day() {
    let rows = json!([
        {"symbol": "AAPL", "date": "2027-01-28", "epsActual": null, "epsEstimated": 2.67},
        {"symbol": "AAPL", "date": "2026-10-29", "epsActual": 1.85, "epsEstimated": "1.76", "lastUpdated": "2026-10-30"},
        {"symbol": "AAPL", "date": "2026-07-30", "epsActual": null, "epsEstimated": 1.5},
        {"symbol": "AAPL", "date": "2027-07-30", "epsActual": 3, "epsEstimated": 1.5},
    ]);
    let server = serve("/earnings", json(200, &rows)).await;
    let batch = get(&mut fmp(&server, FmpWhat::Earnings, KnownAt::Published), &ask("AAPL", NOW)).await.unwrap();
    assert_eq!(
        shown(&batch.records),
        [
            json!({"time": NOW, "symbol": "AAPL", "announced": "2027-01-28T05:00:00Z", "actual": null, "consensus": 2.67, "whisper": null, "dispersion": null}),
            json!({"time": "2026-10-30T03:59:59Z", "symbol": "AAPL", "announced": "2026-10-29T04:00:00Z", "actual": 1.85, "consensus": 1.76,
                "whisper": null, "dispersion": null}),
        ]
    );
    let notes: Vec<_> = batch.notes.iter().map(|n| n.0.as_str()).collect();
    assert_eq!(notes, ["past reports without a result", "results from the future"]);
}

#[tokio::test]
async fn pages_are_walked_until_what_is_wanted_is_there() {
    let server = MockServer::start().await;
    for (page, day) in [("0", 19), ("1", 18), ("2", 17)] {
        let rows: Vec<Value> = (0..100).map(|_| grade(&format!("2026-11-{day}T12:00:00Z"), &json!({}))).collect();
        Mock::given(query_param("page", page)).respond_with(json(200, &json!(rows))).mount(&server).await;
    }
    Mock::given(query_param("page", "3")).respond_with(json(200, &json!([]))).mount(&server).await;
    let mut p = fmp(&server, FmpWhat::Grades, KnownAt::Published);
    assert_eq!(get(&mut p, &ask("AAPL", NOW)).await.unwrap().records.len(), 300);
    assert_eq!(requests(&server).await, 4);
    let some = Ask { from: Some("2026-11-19".parse().unwrap()), ..ask("AAPL", NOW) };
    assert_eq!(get(&mut p, &some).await.unwrap().records.len(), 100);
    assert_eq!(requests(&server).await, 6);
}

#[tokio::test]
async fn errors_come_with_any_status() {
    let message = |m: &str| json!({"Error Message": m});
    let cases: Vec<(ResponseTemplate, Is)> = vec![
        (json(200, &message("Limit Reach . Please upgrade your plan")), |f| matches!(f, Fault::RateLimited { .. })),
        (json(401, &message("Invalid API KEY. Feel free to create")), |f| matches!(f, Fault::Refused { .. })),
        (json(403, &message("Legacy Endpoint : Due to Legacy endpoints")), |f| matches!(f, Fault::NotEntitled { .. })),
        (json(200, &message("Something else")), |f| matches!(f, Fault::Said { text } if text == "Something else")),
        (
            raw(402, "Premium Query Parameter: 'Special Endpoint", "text/plain"),
            |f| matches!(f, Fault::NotEntitled { status: 402, text } if text.starts_with("Premium")),
        ),
        (json(200, &json!({"rows": []})), |f| matches!(f, Fault::Shape { .. })),
        // Every row has lost its date.
        (json(200, &json!([{"symbol": "AAPL", "newGrade": "Buy", "gradingCompany": "A"}])), |f| {
            matches!(f, Fault::Shape { .. })
        }),
    ];
    for (answer, right) in cases {
        let server = serve("/grades-news", answer).await;
        let f = fault(&mut fmp(&server, FmpWhat::Grades, KnownAt::Published), &ask("AAPL", NOW)).await;
        assert!(right(&f), "{f:?}");
    }
    for status in [200, 404] {
        let server = serve("/grades-news", json(status, &json!([]))).await;
        let batch = get(&mut fmp(&server, FmpWhat::Grades, KnownAt::Published), &ask("AAPL", NOW)).await.unwrap();
        assert!(batch.records.is_empty() && batch.notes.is_empty());
    }
}
