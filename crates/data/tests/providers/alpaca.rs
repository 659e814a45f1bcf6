//! Alpaca's news.

use serde_json::{Value, json};
use tradewind_data::providers::{AlpacaNews, AlpacaNewsConfig, Fault};
use wiremock::matchers::{header, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const NOW: &str = "2026-11-21T00:00:00Z";

fn alpaca(server: &MockServer) -> AlpacaNews {
    let config = AlpacaNewsConfig {
        base_url: server.uri(),
        key_variable: "CARGO_PKG_NAME".into(),
        secret_variable: KEY.into(),
        spacing_seconds: 0.0,
        ..Default::default()
    };
    AlpacaNews::new(&config, &http(), limiter()).unwrap()
}

fn item(id: u64, created: &str, updated: &str, headline: &str) -> Value {
    json!({"id": id, "headline": headline, "author": "Desk", "created_at": created, "updated_at": updated, "summary": "", "content": "<p>AT&amp;T</p>",
        "images": [], "symbols": ["AAPL"], "source": "benzinga", "url": "https://example.test/a", "new field": 1})
}

#[tokio::test]
async fn pages_versions_and_markup() {
    let server = MockServer::start().await;
    let first = [item(1, "2026-11-20T11:08:42Z", "2026-11-20T11:08:43Z", "Up &#39;n away")];
    let second = [
        item(1, "2026-11-20T11:08:42Z", "2026-11-20T15:00:00Z", "Corrected"),
        item(2, "2026-11-22T11:08:42Z", "2026-11-22T11:08:42Z", "Tomorrow"),
        item(3, "2026-11-20T11:08:42Z", "2026-11-20T11:08:42Z", " "),
    ];
    for (token, news, next) in [(None, &first[..], json!("p2")), (Some("p2"), &second[..], Value::Null)] {
        let body = json!({"news": news, "next_page_token": next});
        let mock = Mock::given(path("/v1beta1/news"))
            .and(header("APCA-API-KEY-ID", "tradewind-data"))
            .and(header("APCA-API-SECRET-KEY", key()))
            .and(query_param("symbols", "AAPL"))
            .and(query_param("start", "2026-11-01"));
        let mock = match token {
            Some(t) => mock.and(query_param("page_token", t)),
            None => mock.and(query_param_is_missing("page_token")),
        };
        mock.respond_with(json(200, &body)).mount(&server).await;
    }
    let ask = Ask { from: Some("2026-11-01".parse().unwrap()), ..ask("AAPL", NOW) };
    let batch = get(&mut alpaca(&server), &ask).await.unwrap();
    let news = |time: &str, headline: &str| json!({"time": time, "symbol": "AAPL", "published": "2026-11-20T11:08:42Z", "headline": headline, "body": "AT&T", "source": "benzinga", "sentiment": null});
    // A corrected item is known as it is now only since the correction.
    assert_eq!(
        shown(&batch.records),
        [news("2026-11-20T11:08:43Z", "Up 'n away"), news("2026-11-20T15:00:00Z", "Corrected")]
    );
    let notes: Vec<_> = batch.notes.iter().map(|n| n.0.as_str()).collect();
    assert_eq!(notes, ["items from the future", "items without a time or headline"]);
}

#[tokio::test]
async fn errors_and_empty_answers() {
    let cases: Vec<(ResponseTemplate, Is)> = vec![
        (json(403, &json!({"message": "forbidden."})), |f| matches!(f, Fault::Refused { status: 403, .. })),
        (json(400, &json!({"message": "invalid symbol: FOO"})), |f| matches!(f, Fault::Status { status: 400, .. })),
        (json(200, &json!({"message": "something"})), |f| matches!(f, Fault::Said { .. })),
        (json(200, &json!({"items": []})), |f| matches!(f, Fault::Shape { .. })),
        (json(200, &json!({"news": [{"title": "x"}], "next_page_token": null})), |f| matches!(f, Fault::Shape { .. })),
    ];
    for (answer, right) in cases {
        let server = MockServer::start().await;
        Mock::given(path("/v1beta1/news")).respond_with(answer).mount(&server).await;
        let f = fault(&mut alpaca(&server), &ask("AAPL", NOW)).await;
        assert!(right(&f), "{f:?}");
    }
    for body in [json!({"news": [], "next_page_token": null}), json!({"news": null})] {
        let server = MockServer::start().await;
        Mock::given(path("/v1beta1/news")).respond_with(json(200, &body)).mount(&server).await;
        assert!(get(&mut alpaca(&server), &ask("AAPL", NOW)).await.unwrap().records.is_empty());
    }
}
