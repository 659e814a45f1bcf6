//! The page as a whole: complete, deterministic, self-contained, and safe whatever the data.

use tradewind_core_types::testkit::closes;
use tradewind_core_types::*;
use tradewind_report::*;

/// Text that would break out of anything that does not escape it.
const EVIL: &str =
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \"quoted\" 'single' {{css}} \u{2028}";

fn days(n: usize) -> Vec<Day> {
    let first = Time::from_ymd(2014, 1, 2).unwrap();
    (0..n).map(|i| Day::of(first.plus(Span::from_days(i as i64)))).collect()
}

fn equity(strategy: Vec<f64>) -> Equity {
    Equity { dates: days(strategy.len()), strategy, benchmarks: vec![] }
}

fn decision(id: u64, reason: &'static str) -> Decision {
    let step = |stage, adjust, after| Step {
        stage,
        plugin: Name::lit("<b>plugin</b>"),
        adjustment: Adjustment::new(adjust, reason).with("<i>z</i>", 1.31),
        after,
    };
    Decision {
        id,
        time: Time::from_ymd(2014, 2, 3).unwrap(),
        symbol: Symbol::new("SPY").unwrap(),
        contributions: vec![Contribution {
            strategy: StrategyId::new("core").unwrap(),
            signal_time: Time::from_ymd(2014, 2, 3).unwrap(),
            steps: vec![step(Stage::Signal, Adjust::Set(0.5), 0.5), step(Stage::Overlay, Adjust::Scale(0.25), 0.125)],
            ratio: 1.0,
            weight: 0.125,
        }],
        rules: vec![step(Stage::Rule, Adjust::Cap(0.1), 0.1)],
        weight: 0.1,
        sizing: Some(Sizing {
            equity: "100000".parse().unwrap(),
            price: "200".parse().unwrap(),
            price_time: Time::from_ymd(2014, 2, 3).unwrap(),
            price_origin: Origin { source: 0, row: 22 },
            lot: "1".parse().unwrap(),
            target: "50".parse().unwrap(),
            held: "20".parse().unwrap(),
            working: Quantity::ZERO,
        }),
        checks: vec![step(Stage::PreTrade, Adjust::Keep, 30.0)],
        outcome: Outcome::Ordered(OrderId(id)),
    }
}

fn trade(id: u64) -> TradeRow {
    TradeRow {
        fill: Fill {
            id,
            order: OrderId(id),
            time: Time::from_ymd(2014, 2, 4).unwrap(),
            symbol: Symbol::new("SPY").unwrap(),
            side: if id.is_multiple_of(2) { Side::Sell } else { Side::Buy },
            quantity: "30.000000001".parse().unwrap(),
            price: "200.04".parse().unwrap(),
            fee: "0.35".parse().unwrap(),
            slippage_bps: 2.0,
        },
        realised: (id.is_multiple_of(2)).then(|| "-12.5".parse().unwrap()),
        strategy: EVIL.into(),
        decision: Some(id),
    }
}

fn full() -> ReportData {
    let n = 300;
    let line = closes(3, n);
    ReportData {
        meta: Meta {
            title: EVIL.into(),
            run_id: EVIL.into(),
            config: vec![(EVIL.into(), EVIL.into())],
            sources: vec![EVIL.into()],
            ..Meta::default()
        },
        artefacts: vec![("fills.csv".into(), format!("{EVIL}\n").repeat(30)), (format!("{EVIL}.svg"), EVIL.into())],
        equity: Equity {
            benchmarks: vec![
                Benchmark { name: EVIL.into(), values: closes(4, n) },
                Benchmark { name: "60/40".into(), values: closes(5, n) },
            ],
            ..equity(line.iter().map(|x| x * 1000.0).collect())
        },
        exposure: Some(ExposureSeries { gross: vec![0.9; n], net: vec![0.5; n] }),
        regimes: vec![Regime { from: days(n)[10], to: days(n)[20], name: EVIL.into(), level: 9 }],
        var: Some(VarSeries {
            method: EVIL.into(),
            level: 0.95,
            forecast: (0..n).map(|i| (i > 50).then_some(0.015)).collect(),
            kupiec_p: Some(0.4),
            christoffersen_p: Some(0.001),
        }),
        strategies: vec![StrategyPnl { name: EVIL.into(), pnl: line.iter().map(|x| x - 100.0).collect() }],
        ablation: vec![
            Ablation { part: "nothing".into(), total_return: Some(0.05), ..Ablation::default() },
            Ablation { part: EVIL.into(), total_return: Some(0.03), max_drawdown: Some(0.2), ..Ablation::default() },
        ],
        metrics: vec![Metric { name: EVIL.into(), count: 3, mean: 0.5, min: 0.1, max: 0.9, last: 0.4 }],
        trades: (1..=9).map(trade).collect(),
        decisions: (1..=8).map(|i| decision(i, EVIL)).collect(),
        not_taken: vec![Decision { outcome: Outcome::NotTraded(EVIL.into()), ..decision(99, EVIL) }],
        not_taken_total: 1200,
        warnings: vec![Warning { severity: Severity::Warning, message: EVIL.into(), count: 3 }],
    }
}

/// The JSON of a data element of the page.
fn json(html: &str, id: &str) -> serde_json::Value {
    let start = format!("<script type=\"application/json\" id=\"{id}\">");
    let rest = html.split_once(&start).expect("the data element").1;
    serde_json::from_str(rest.split_once("</script>").expect("its end").0).expect("JSON")
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let html = render(&full());
    let count = |needle: &str| html.matches(needle).count();
    assert_eq!((count("<script"), count("</script>")), (5, 5), "two data elements and three scripts");
    assert_eq!(count("<img"), 1, "a picture that an observer left behind, and nothing of what is in it");
    assert_eq!(count("The first 20 of 30 lines."), 1);
    assert_eq!(count("alert(1)</script>"), 0);
    assert_eq!(count("<b>plugin"), 0);
    let data = html.split_once("id=\"chart-data\">").unwrap().1.split_once("<script>\n").unwrap().0;
    assert!(!data.contains('\u{2028}'), "a line separator would end a line of script");
    // The text itself is all there, and a slot in it is not filled.
    let texts = json(&html, "trade-data")["texts"].clone();
    assert!(texts.as_array().unwrap().iter().any(|t| t == EVIL));
    assert!(html.contains("{{css}}"));
    assert_eq!(count("prefers-color-scheme: dark"), 1);
}

#[test]
fn the_page_needs_nothing_else_and_is_always_the_same() {
    let data = full();
    let html = render(&data);
    assert_eq!(html, render(&data.clone()));
    let back: ReportData = serde_json::from_str(&serde_json::to_string(&data).unwrap()).unwrap();
    assert_eq!(render(&back), html, "and the same after a round trip through JSON");
    for outside in ["src=\"http", "href=\"http", "url(", "@import", "fetch(", "XMLHttpRequest", "innerHTML", "eval("] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn every_slot_of_the_template_is_filled() {
    let html = render(&ReportData { equity: equity(vec![1.0, 2.0]), ..ReportData::default() });
    assert!(!html.contains("{{") && !html.contains("}}<"), "a slot is left");
    for id in [
        "c-equity",
        "c-drawdown",
        "c-volatility",
        "c-beta",
        "c-exposure",
        "c-var",
        "c-strategies",
        "c-turnover",
        "c-costs",
        "trade-list",
        "not-taken-list",
    ] {
        assert!(html.contains(&format!("id=\"{id}\"")), "{id}");
    }
}

#[test]
fn series_and_decisions_reach_the_page() {
    let html = render(&full());
    let c = json(&html, "chart-data");
    assert_eq!(c["dates"].as_array().unwrap().len(), 300);
    assert_eq!(c["strategy"]["beta"].as_array().unwrap().len(), 300);
    assert_eq!(c["strategy"]["volatility"][62], serde_json::Value::Null);
    assert!(c["strategy"]["volatility"][63].is_f64());
    assert_eq!(c["benchmarks"][0]["level"][0], c["strategy"]["level"][0], "benchmarks start from the same equity");
    assert_eq!(c["regimes"][0]["from"], 10);
    assert_eq!((&c["regimes"][0]["to"], &c["regimes"][0]["level"]), (&20.into(), &3.into()));
    let t = json(&html, "trade-data");
    assert_eq!(t["rows"].as_array().unwrap().len(), 9);
    assert_eq!(t["rows"][0][3], "30.000000001", "quantities are exact");
    assert_eq!(t["rows"][8][9], serde_json::Value::Null, "the decision of the ninth is not known");
    assert_eq!(t["decisions"].as_array().unwrap().len(), 8);
    let d = &t["decisions"][0];
    assert_eq!((&d["fault"], &d["sizing"]["delta"]), (&serde_json::Value::Null, &"30".into()));
    assert_eq!(d["contributions"][0]["steps"][1][2], "scale");
    assert!(html.contains("1 of 1,200 decisions"));
    assert!(html.contains("not rejected") && html.contains("rejected at 1 %"));
}

#[test]
fn a_decision_that_does_not_multiply_out_is_named() {
    let mut data = full();
    data.decisions[0].contributions[0].weight = 0.3;
    let html = render(&data);
    assert!(json(&html, "trade-data")["decisions"][0]["fault"].is_string());
    assert!(html.contains("the steps of 1 decision do not multiply out"));
}

#[test]
fn degenerate_data_gives_messages_and_no_nan() {
    let cases = [
        ReportData::default(),
        ReportData { equity: equity(vec![100.0]), ..ReportData::default() },
        ReportData { equity: equity(vec![100.0; 80]), ..ReportData::default() },
        ReportData { equity: equity(vec![100.0, f64::NAN, 0.0, -1.0]), ..full() },
        ReportData {
            meta: Meta { periods_per_year: f64::NAN, risk_free: f64::INFINITY, rolling_window: 0, ..Meta::default() },
            equity: equity(vec![100.0, 101.0, 99.0]),
            var: Some(VarSeries {
                level: f64::NAN,
                forecast: vec![None, Some(f64::NAN), None],
                ..VarSeries::default()
            }),
            ..ReportData::default()
        },
        ReportData { equity: Equity { dates: days(5), ..equity(vec![1.0, 2.0]) }, ..full() },
    ];
    for (i, data) in cases.iter().enumerate() {
        let html = render(data);
        // The scripts themselves may speak of NaN: look at what was written for this data.
        let text = html.split("<style>").next().unwrap_or_default().to_owned()
            + html.split_once("</style>").unwrap().1.split_once("<script type").unwrap().0;
        assert!(!text.contains("NaN") || i == 4, "case {i}");
        assert!(!json(&html, "chart-data").to_string().contains("NaN"), "case {i}");
        assert!(!text.contains("inf"), "case {i}");
    }
    let html = render(&cases[0]);
    assert!(html.contains("no sessions") && html.contains("No returns yet") && html.contains("No warnings"));
    let html = render(&cases[3]);
    assert!(html.contains("equity is not above zero") && html.contains("is left out"), "what is wrong is said");
    let html = render(&cases[4]);
    assert!(html.contains("periods_per_year is NaN: 252 is used"));
}

#[test]
fn figures_agree_with_the_statistics() {
    // 100 -> 110 -> 99: a drawdown of 10 %, cumulative return of -1 %.
    let html = render(&ReportData { equity: equity(vec![100.0, 110.0, 99.0]), ..ReportData::default() });
    assert!(html.contains("<b>−1.00 %</b>") && html.contains("<b>−10.00 %</b>"));
    assert!(html.contains("2014-01-03 to 2014-01-04 · 2 sessions · $100.00 → $99.00"));
    let data =
        ReportData { equity: equity(vec![100_000.0; 253]), trades: vec![trade(1), trade(2)], ..ReportData::default() };
    // Half of 2 x 30.000000001 x 200.04 over 100,000 in one year.
    assert!(render(&data).contains(">6.00 %<"));
    // The payout of a delisting is listed, and is neither traded nor a fill of an order.
    let mut payout = trade(4);
    (payout.fill.order, payout.decision, payout.strategy) = (OrderId(0), None, "(delisting)".into());
    let data = ReportData { trades: vec![trade(1), trade(2), payout], ..data };
    let html = render(&data);
    assert!(
        html.contains(">6.00 %<") && html.contains("(delisting)") && html.contains("3 fills"),
        "listed, not traded"
    );
    assert!(html.contains("Fills</button></th><td>2</td>"), "two fills of orders");
}
