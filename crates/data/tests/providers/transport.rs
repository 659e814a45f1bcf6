//! What can go wrong on the way, with a provider that stands for all of them.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;
use tradewind_data::providers::{Fault, Fmp, FmpConfig, HttpConfig, Provider as _};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

fn fmp(base_url: String, http: &HttpConfig) -> Fmp {
    let config = FmpConfig { base_url, key_variable: KEY.into(), spacing_seconds: 0.0, ..Default::default() };
    Fmp::new(&config, http, limiter()).unwrap()
}

async fn answers(all: Vec<ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    let n = all.len();
    for (i, r) in all.into_iter().enumerate() {
        let mock = Mock::given(any()).respond_with(r);
        // The last one stays.
        if i + 1 < n { mock.up_to_n_times(1).mount(&server).await } else { mock.mount(&server).await }
    }
    server
}

fn good() -> ResponseTemplate {
    json(
        200,
        &json!([{"symbol": "AAPL", "publishedDate": "2026-11-19T12:04:11.000Z", "newGrade": "Overweight",
            "previousGrade": "Equal-Weight", "gradingCompany": "Morgan Stanley", "action": "upgrade"}]),
    )
}

const NOW: &str = "2026-11-20T00:00:00Z";

#[tokio::test]
async fn what_passes_is_tried_again() {
    for bad in [
        json(429, &json!({"Error Message": "Limit Reach . Please upgrade your plan"})),
        raw(500, "<html>oops</html>", "text/html"),
        raw(503, "", "text/plain"),
        good().set_delay(Duration::from_secs(2)),
    ] {
        let server = answers(vec![bad, good()]).await;
        let batch = get(&mut fmp(server.uri(), &http()), &ask("AAPL", NOW)).await.unwrap();
        assert_eq!((batch.records.len(), requests(&server).await), (1, 2));
    }
}

#[tokio::test]
async fn what_does_not_pass_is_an_error_of_its_kind() {
    let slow = good().set_delay(Duration::from_secs(2));
    let cases: Vec<(&str, ResponseTemplate, usize, Is)> = vec![
        ("429", json(429, &json!([])), 3, |f| matches!(f, Fault::RateLimited { .. })),
        (
            "500",
            raw(500, "boom", "text/plain"),
            3,
            |f| matches!(f, Fault::Server { status: 500, text } if text == "boom"),
        ),
        ("time-out", slow, 3, |f| matches!(f, Fault::Timeout { .. })),
        ("page", raw(200, "<!DOCTYPE html><html></html>", "text/html"), 1, |f| matches!(f, Fault::Html { .. })),
        ("half", raw(200, r#"[{"symbol": "AA"#, "application/json"), 1, |f| matches!(f, Fault::CutShort { .. })),
        ("text", raw(200, "hello", "text/plain"), 1, |f| matches!(f, Fault::NotJson { .. })),
        ("bytes", raw(200, vec![b'[', b'"', 0xff, b'"'], "application/json"), 1, |f| {
            matches!(f, Fault::NotUtf8 { byte: 2 })
        }),
        ("nothing", raw(200, "", "application/json"), 1, |f| matches!(f, Fault::Empty { status: 200 })),
    ];
    for (name, answer, tries, right) in cases {
        let server = answers(vec![answer]).await;
        let f = fault(&mut fmp(server.uri(), &http()), &ask("AAPL", NOW)).await;
        assert!(right(&f), "{name}: {f:?}");
        assert_eq!(requests(&server).await, tries, "{name}");
    }
    let f = fault(&mut fmp("http://127.0.0.1:9".into(), &http()), &ask("AAPL", NOW)).await;
    assert!(matches!(f, Fault::Connect { .. }), "{f:?}");
    let server = answers(vec![raw(200, vec![b' '; 4000], "application/json")]).await;
    let small = HttpConfig { most_bytes: 2000, ..http() };
    assert_eq!(fault(&mut fmp(server.uri(), &small), &ask("AAPL", NOW)).await, Fault::TooLong { most: 2000 });
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_given_its_time_or_left_alone() {
    let limited = |wait: &str| ResponseTemplate::new(429).insert_header("Retry-After", wait);
    let server = answers(vec![limited("1"), good()]).await;
    let begun = Instant::now();
    get(&mut fmp(server.uri(), &http()), &ask("AAPL", NOW)).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(990), "{:?}", begun.elapsed());
    // More than the longest wait: no second request.
    let server = answers(vec![limited("3600")]).await;
    let f = fault(&mut fmp(server.uri(), &http()), &ask("AAPL", NOW)).await;
    assert_eq!((f, requests(&server).await), (Fault::RateLimited { wait: Some(3600) }, 1));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_noticed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        for stream in listener.incoming().take(3) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n[{\"symbol\":");
        }
    });
    let f = fault(&mut fmp(base, &http()), &ask("AAPL", NOW)).await;
    assert_eq!(f, Fault::CutShort { bytes: 11 });
    server.join().unwrap();
}

#[tokio::test]
async fn hosts_are_asked_at_their_pace_by_all_providers_together() {
    let server = answers(vec![good()]).await;
    let shared = limiter();
    let config =
        FmpConfig { base_url: server.uri(), key_variable: KEY.into(), spacing_seconds: 0.2, ..Default::default() };
    let begun = Instant::now();
    for _ in 0..4 {
        let mut p = Fmp::new(&config, &http(), Arc::clone(&shared)).unwrap();
        get(&mut p, &ask("AAPL", NOW)).await.unwrap();
    }
    assert!(begun.elapsed() >= Duration::from_millis(590), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn who_asks_is_said_and_keys_are_not() {
    let echo = format!("you asked with apikey={} and with {}", key(), key().replace('/', "%2F"));
    let server = answers(vec![raw(418, echo, "text/plain")]).await;
    let http = HttpConfig { user_agent: "tester/1".into(), ..http() };
    let mut p = fmp(server.uri(), &http);
    let e = get(&mut p, &ask("AAPL", NOW)).await.unwrap_err();
    assert!(e.to_string().contains("apikey=***"), "{e}");
    assert!(!format!("{p:?}").contains(&key()));
    let seen = &server.received_requests().await.unwrap()[0];
    assert_eq!(seen.headers.get("user-agent").unwrap(), "tester/1");
    assert!(seen.url.query().unwrap().contains("apikey="));
    assert_eq!(p.id(), "fmp_grades");
    let config = FmpConfig { key_variable: "TRADEWIND_NO_SUCH_VARIABLE".into(), ..Default::default() };
    let e = Fmp::new(&config, &http, limiter()).unwrap_err();
    assert!(e.to_string().contains("TRADEWIND_NO_SUCH_VARIABLE is not set"), "{e}");
}
