//! Yahoo Finance: the session, and what becomes of it.

use serde_json::{Value, json};
use tradewind_data::providers::{Fault, Yahoo, YahooConfig, YahooWhat};
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const NOW: &str = "2026-11-20T00:00:00Z";

fn yahoo(server: &MockServer, what: YahooWhat) -> Yahoo {
    let config = YahooConfig {
        what,
        cookie_url: format!("{}/cookie", server.uri()),
        crumb_url: format!("{}/getcrumb", server.uri()),
        base_url: server.uri(),
        spacing_seconds: 0.0,
        ..Default::default()
    };
    Yahoo::new(&config, &http(), limiter()).unwrap()
}

/// Cookies and crumbs: the first session is `one`, the second `two/2`.
async fn sessions() -> MockServer {
    let server = MockServer::start().await;
    for (n, crumb) in [("A3=1", "one"), ("A3=2", "two/2")] {
        let cookie = ResponseTemplate::new(404).insert_header("Set-Cookie", format!("{n}; Path=/"));
        Mock::given(path("/cookie/")).respond_with(cookie).up_to_n_times(1).mount(&server).await;
        Mock::given(path("/getcrumb"))
            .and(HeaderBegins("cookie", n.into()))
            .respond_with(raw(200, crumb, "text/plain"))
            .mount(&server)
            .await;
    }
    server
}

async fn data(server: &MockServer, symbol: &str, crumb: &str, answer: ResponseTemplate) {
    Mock::given(path(format!("/v10/finance/quoteSummary/{symbol}")))
        .and(query_param("crumb", crumb))
        .respond_with(answer)
        .mount(server)
        .await;
}

fn result(modules: Value) -> ResponseTemplate {
    json(200, &json!({"quoteSummary": {"result": [modules], "error": null}}))
}

fn history() -> Value {
    json!({"upgradeDowngradeHistory": {"maxAge": 86400, "history": [
        {"epochGradeDate": 1_763_553_600, "firm": "Morgan Stanley", "toGrade": "Overweight", "fromGrade": "Equal-Weight", "action": "up",
            "priceTargetAction": "Raises", "currentPriceTarget": 240.0, "priorPriceTarget": 210.0},
        {"epochGradeDate": 1_763_510_400, "firm": "Needham", "toGrade": "Buy", "fromGrade": "", "action": "strange", "currentPriceTarget": 0.0,
            "priorPriceTarget": 0.0},
        {"epochGradeDate": null, "firm": "Nobody", "toGrade": "Buy"},
    ]}})
}

#[tokio::test]
async fn ratings_and_absent_targets() {
    let server = sessions().await;
    data(&server, "BRK-B", "one", result(history())).await;
    let mut p = yahoo(&server, YahooWhat::Ratings);
    let batch = get(&mut p, &ask("BRK.B", NOW)).await.unwrap();
    let (a, b) = (&shown(&batch.records)[0], &shown(&batch.records)[1]);
    assert_eq!(
        (&a["target"], &a["previous_target"], &a["time"]),
        (&json!("240"), &json!("210"), &json!("2025-11-19T12:00:00Z"))
    );
    // Zeros and empty texts are absent; midnight is a date, known at its end.
    assert_eq!(
        (&b["target"], &b["previous"], &b["time"]),
        (&Value::Null, &Value::Null, &json!("2025-11-20T04:59:59Z"))
    );
    assert_eq!(batch.notes, [("rows without a date or firm".to_owned(), 1)]);
    // The session is used again.
    get(&mut p, &ask("BRK.B", NOW)).await.unwrap();
    assert_eq!(requests(&server).await, 4);
}

#[tokio::test]
async fn an_expired_crumb_is_renewed_once() {
    let server = sessions().await;
    let expired =
        json!({"finance": {"result": null, "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}});
    data(&server, "AAPL", "one", json(401, &expired)).await;
    data(&server, "AAPL", "two/2", result(history())).await;
    data(&server, "MSFT", "two/2", json(401, &expired)).await;
    let mut p = yahoo(&server, YahooWhat::Ratings);
    assert_eq!(get(&mut p, &ask("AAPL", NOW)).await.unwrap().records.len(), 2);
    // Two of cookie, crumb, data.
    assert_eq!(requests(&server).await, 6);
    // A third session cannot be begun here: its cookie has been given out.
    let e = get(&mut p, &ask("MSFT", NOW)).await.unwrap_err();
    assert!(e.fault.is_lasting() || matches!(e.fault, Fault::NotFound { .. }), "{e}");
    assert!(!e.to_string().contains("two"), "{e}");
}

#[tokio::test]
async fn bad_crumbs_are_not_used() {
    let cases: Vec<(ResponseTemplate, Is)> = vec![
        (raw(200, "Too Many Requests\r\n", "text/plain"), |f| matches!(f, Fault::RateLimited { .. })),
        (raw(429, "", "text/plain"), |f| matches!(f, Fault::RateLimited { .. })),
        (raw(200, "<html>consent</html>", "text/html"), |f| matches!(f, Fault::Html { .. })),
        (raw(200, "", "text/plain"), |f| matches!(f, Fault::Empty { .. })),
        (raw(200, "not one word", "text/plain"), |f| matches!(f, Fault::Shape { .. })),
    ];
    for (answer, right) in cases {
        let server = MockServer::start().await;
        Mock::given(path("/cookie/")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
        Mock::given(path("/getcrumb")).respond_with(answer).mount(&server).await;
        let f = fault(&mut yahoo(&server, YahooWhat::Ratings), &ask("AAPL", NOW)).await;
        assert!(right(&f), "{f:?}");
        assert_eq!(requests(&server).await, 2);
    }
}

#[tokio::test]
async fn answers_that_are_none() {
    let error =
        |code: &str, d: &str| json!({"quoteSummary": {"result": null, "error": {"code": code, "description": d}}});
    let server = sessions().await;
    data(&server, "NONE", "one", json(404, &error("Not Found", "Quote not found for symbol: NONE"))).await;
    data(&server, "ODD", "one", json(200, &error("Internal", "Something"))).await;
    data(&server, "EMPTY", "one", result(json!({}))).await;
    data(&server, "DRIFT", "one", result(json!({"upgradeDowngradeHistory": {"items": []}}))).await;
    data(&server, "LIMIT", "one", raw(429, "Too Many Requests\r\n", "text/plain")).await;
    let mut p = yahoo(&server, YahooWhat::Ratings);
    for (s, note) in [("NONE", "unknown to Yahoo"), ("EMPTY", "no ratings module")] {
        assert_eq!(get(&mut p, &ask(s, NOW)).await.unwrap().notes, [(note.to_owned(), 1)]);
    }
    assert!(matches!(fault(&mut p, &ask("ODD", NOW)).await, Fault::Said { text } if text == "Internal: Something"));
    assert!(matches!(fault(&mut p, &ask("DRIFT", NOW)).await, Fault::Shape { .. }));
    assert!(matches!(fault(&mut p, &ask("LIMIT", NOW)).await, Fault::RateLimited { .. }));
}

#[tokio::test]
async fn the_next_report_and_its_consensus() {
    let modules = json!({
        "calendarEvents": {"earnings": {"earningsDate": [1_801_260_000, 1_801_500_000], "earningsAverage": 2.6}},
        "earningsTrend": {"trend": [{"period": "+1q", "earningsEstimate": {"avg": {"raw": 9.9}}},
            {"period": "0q", "earningsEstimate": {"avg": {"raw": 2.67, "fmt": "2.67"}}}]}
    });
    let server = sessions().await;
    data(&server, "AAPL", "one", result(modules)).await;
    let none = json!({"calendarEvents": {"earnings": {"earningsDate": []}}, "earningsTrend": {"trend": []}});
    data(&server, "MSFT", "one", result(none)).await;
    let mut p = yahoo(&server, YahooWhat::Earnings);
    let batch = get(&mut p, &ask("AAPL", NOW)).await.unwrap();
    let record = &shown(&batch.records)[0];
    assert_eq!((&record["time"], &record["consensus"]), (&json!(NOW), &json!(2.67)));
    assert_eq!(record["announced"], "2027-01-29T22:00:00Z");
    assert_eq!(get(&mut p, &ask("MSFT", NOW)).await.unwrap().notes.len(), 1);
}
