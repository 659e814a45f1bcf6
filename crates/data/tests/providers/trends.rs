//! Google Trends: cookie, token, series.

use serde_json::{Value, json};
use tradewind_core_types::Span;
use tradewind_data::providers::{Fault, Trends, TrendsConfig};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;

const NOW: &str = "2023-03-24T12:00:00Z";

fn trends(server: &MockServer) -> Trends {
    let config = TrendsConfig {
        base_url: server.uri(),
        spacing_seconds: 0.0,
        keywords: [("AAPL".to_owned(), "apple stock".to_owned())].into(),
        window_days: 20,
        overlap_days: 5,
        ..Default::default()
    };
    Trends::new(&config, &http(), limiter()).unwrap()
}

async fn cookies(server: &MockServer) {
    let cookie = ResponseTemplate::new(404).insert_header("Set-Cookie", "NID=511=abc; Path=/");
    Mock::given(method("GET")).and(path("/trends/explore/")).respond_with(cookie).mount(server).await;
}

fn prefixed(prefix: &str, v: &Value) -> ResponseTemplate {
    raw(200, format!("{prefix}\n{v}"), "application/json; charset=utf-8")
}

fn explored(resolution: &str, token: &str) -> ResponseTemplate {
    let widgets = json!({"widgets": [{"id": "GEO_MAP", "token": "no", "request": {}},
        {"id": "TIMESERIES", "token": token, "request": {"time": "2023", "resolution": resolution, "b": 1, "a": [2.50]}}], "keywords": []});
    prefixed(")]}'", &widgets)
}

fn series(rows: &[Value]) -> ResponseTemplate {
    prefixed(")]}',", &json!({"default": {"timelineData": rows, "averages": []}}))
}

fn row(time: i64, value: i64) -> Value {
    json!({"time": time.to_string(), "formattedTime": "Mar 12 \u{2013}\u{2009}18, 2023", "value": [value], "hasData": [true], "formattedValue": ["x"]})
}

const WEEK: i64 = 7 * 86_400;
const SUNDAY: i64 = 1_678_579_200;

#[tokio::test]
async fn the_whole_way_with_both_prefixes() {
    let server = MockServer::start().await;
    cookies(&server).await;
    Mock::given(method("POST"))
        .and(path("/trends/api/explore"))
        .and(HeaderBegins("cookie", "NID=511".into()))
        .respond_with(explored("WEEK", "APP6_1"))
        .mount(&server)
        .await;
    let mut partial = row(SUNDAY + WEEK, 58);
    partial["isPartial"] = json!(true);
    let mut empty = row(SUNDAY - 2 * WEEK, 0);
    empty["hasData"] = json!([false]);
    let rows = [empty, row(SUNDAY - WEEK, 100), row(SUNDAY, 65), partial];
    Mock::given(path("/trends/api/widgetdata/multiline"))
        .and(query_param("token", "APP6_1"))
        // The request goes back as it came, its fields in their order.
        .and(query_param("req", r#"{"time":"2023","resolution":"WEEK","b":1,"a":[2.5]}"#))
        .respond_with(series(&rows))
        .mount(&server)
        .await;
    let batch = get(&mut trends(&server), &ask("AAPL", NOW)).await.unwrap();
    assert_eq!(
        shown(&batch.records),
        [
            // Known a day after the week has ended.
            json!({"time": "2023-03-13T00:00:00Z", "symbol": "AAPL", "period": "2023-03-05T00:00:00Z", "interest": 100.0, "partial": false}),
            json!({"time": "2023-03-20T00:00:00Z", "symbol": "AAPL", "period": "2023-03-12T00:00:00Z", "interest": 65.0, "partial": false}),
        ]
    );
    assert_eq!(batch.notes, [("partial periods".to_owned(), 1)]);
    let explore = &server.received_requests().await.unwrap()[1];
    let asked: Value = serde_json::from_str(&explore.url.query_pairs().find(|q| q.0 == "req").unwrap().1).unwrap();
    assert_eq!(asked["comparisonItem"][0], json!({"keyword": "apple stock", "time": "today 5-y", "geo": "US"}));
}

#[tokio::test]
async fn a_running_period_without_the_flag_is_left_out_by_the_clock() {
    let server = MockServer::start().await;
    cookies(&server).await;
    Mock::given(path("/trends/api/explore")).respond_with(explored("WEEK", "t")).mount(&server).await;
    let rows = [row(SUNDAY, 65), row(SUNDAY + WEEK, 58)];
    Mock::given(path("/trends/api/widgetdata/multiline")).respond_with(series(&rows)).mount(&server).await;
    let batch = get(&mut trends(&server), &ask("AAPL", NOW)).await.unwrap();
    assert_eq!((interest(&batch.records), batch.notes.len()), (vec![65.0], 1));
}

/// Days of March 2023, in windows that are scaled to their own maxima.
async fn daily(server: &MockServer) {
    cookies(server).await;
    for (from, token) in [("2023-02-20 2023-03-12", "one"), ("2023-03-07 2023-03-24", "two")] {
        let begins = move |r: &Request| r.url.query_pairs().any(|q| q.0 == "req" && q.1.contains(from));
        Mock::given(path("/trends/api/explore")).and(begins).respond_with(explored("DAY", token)).mount(server).await;
    }
    let day = |d: i64| 1_676_851_200 + 86_400 * d;
    let first: Vec<Value> = (0..21).map(|d| row(day(d), 50 + d)).collect();
    // On half the scale, and then a spike.
    let second: Vec<Value> = (15..32).map(|d| row(day(d), if d == 30 { 100 } else { (50 + d) / 2 })).collect();
    for (token, rows) in [("one", first), ("two", second)] {
        Mock::given(query_param("token", token)).respond_with(series(&rows)).mount(server).await;
    }
}

#[tokio::test]
async fn windows_are_put_on_one_scale_and_on_that_of_what_is_stored() {
    let server = MockServer::start().await;
    daily(&server).await;
    let mut p = trends(&server);
    let wanted = Ask { from: Some("2023-02-20".parse().unwrap()), ..ask("AAPL", NOW) };
    let batch = get(&mut p, &wanted).await.unwrap();
    let values = interest(&batch.records);
    assert_eq!(values.len(), 32);
    assert_eq!(values[..21], (0..21).map(|d| f64::from(50 + d)).collect::<Vec<_>>());
    let ratio = (65..=70).sum::<i32>() as f64 / (65..=70).map(|x| x / 2).sum::<i32>() as f64;
    assert!((values[30] - 100.0 * ratio).abs() < 1e-9, "{values:?}");
    // What is stored keeps its values: half of them here, and so all that is new.
    let mut before = batch.records[..10].to_vec();
    for e in &mut before {
        let MarketData::SearchTrend(t) = &mut e.data else { panic!() };
        t.interest /= 2.0;
    }
    let batch = get(&mut p, &Ask { before, ..wanted }).await.unwrap();
    let again = interest(&batch.records);
    // Those that are stored are not given again.
    assert_eq!(again.len(), 22);
    assert!((again[0] - 30.0).abs() < 1e-9 && (again[20] - 50.0 * ratio).abs() < 1e-9, "{again:?}");
    // Nothing stored that it shares a day with.
    let mut before = batch.records[..1].to_vec();
    let MarketData::SearchTrend(t) = &mut before[0].data else { panic!() };
    t.period = t.period.plus(Span::from_days(-400));
    let f = fault(&mut p, &Ask { before, ..ask("AAPL", NOW) }).await;
    assert!(matches!(f, Fault::NoOverlap | Fault::NotFound { .. } | Fault::Shape { .. }), "{f:?}");
}

#[tokio::test]
async fn tokens_expire_and_limits_are_respected() {
    // A token that is refused once.
    let server = MockServer::start().await;
    cookies(&server).await;
    Mock::given(path("/trends/api/explore")).respond_with(explored("WEEK", "t")).mount(&server).await;
    let multiline = "/trends/api/widgetdata/multiline";
    Mock::given(path(multiline)).respond_with(ResponseTemplate::new(401)).up_to_n_times(1).mount(&server).await;
    Mock::given(path(multiline)).respond_with(series(&[row(SUNDAY, 65)])).mount(&server).await;
    assert_eq!(get(&mut trends(&server), &ask("AAPL", NOW)).await.unwrap().records.len(), 1);
    assert_eq!(requests(&server).await, 5);
    // 429: once with a new cookie, then no more.
    let server = MockServer::start().await;
    cookies(&server).await;
    Mock::given(path("/trends/api/explore")).respond_with(raw(429, "<html>", "text/html")).mount(&server).await;
    let f = fault(&mut trends(&server), &ask("AAPL", NOW)).await;
    assert_eq!((f, requests(&server).await), (Fault::RateLimited { wait: None }, 4));
}

#[tokio::test]
async fn other_answers() {
    let good = [row(SUNDAY, 65)];
    let drift = json!({"time": "1678579200", "values": [65]});
    let cases: Vec<(ResponseTemplate, ResponseTemplate, Is)> = vec![
        (raw(200, "<html>sorry</html>", "text/html"), series(&good), |f| matches!(f, Fault::Html { .. })),
        (raw(400, "bad", "text/plain"), series(&good), |f| matches!(f, Fault::Status { status: 400, .. })),
        (prefixed(")]}'", &json!({"widgets": []})), series(&good), |f| matches!(f, Fault::Shape { .. })),
        (
            explored("FORTNIGHT", "t"),
            series(&good),
            |f| matches!(f, Fault::Shape { path, .. } if path == "request.resolution"),
        ),
        (
            explored("WEEK", "t"),
            series(&[drift]),
            |f| matches!(f, Fault::Shape { path, .. } if path == "default.timelineData.0.value.0"),
        ),
        (explored("WEEK", "t"), raw(200, ")]}',\n{\"default\": {\"time", "application/json"), |f| {
            matches!(f, Fault::CutShort { .. })
        }),
    ];
    for (explore, multiline, right) in cases {
        let server = MockServer::start().await;
        cookies(&server).await;
        Mock::given(path("/trends/api/explore")).respond_with(explore).mount(&server).await;
        Mock::given(path("/trends/api/widgetdata/multiline")).respond_with(multiline).mount(&server).await;
        let f = fault(&mut trends(&server), &ask("AAPL", NOW)).await;
        assert!(right(&f), "{f:?}");
    }
    // No interest at all is no record, and no error.
    let server = MockServer::start().await;
    cookies(&server).await;
    Mock::given(path("/trends/api/explore")).respond_with(explored("WEEK", "t")).mount(&server).await;
    Mock::given(path("/trends/api/widgetdata/multiline")).respond_with(series(&[])).mount(&server).await;
    let batch = get(&mut trends(&server), &ask("AAPL", NOW)).await.unwrap();
    assert_eq!((batch.records.len(), batch.notes.len()), (0, 1));
}
