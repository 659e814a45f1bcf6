//! fe_price_news_div: conformance, refusals, parameters, alignment of news to sessions, the filter, and whether it finds what is planted.

use serde_json::{Value, json};
use std::sync::Arc;
use tradewind_core_types::testkit::{self, Rng};
use tradewind_core_types::{
    Adjust, BadInput, Bar, Cell, Event, Feature, FeatureId, FeatureValues, Filter, Leg, Market, MarketData, News,
    Online, Origin, Params, Plugin, Portfolio, Price, Probe, Signal, Span, StrategyId, Symbol, Time, View,
};
use tradewind_features::plugins::fe_price_news_div::{
    FePriceNewsDivFeature, FePriceNewsDivFilter, FePriceNewsDivIn, FePriceNewsDivParams, NewsCounts, PLUGIN,
};

fn rows(seed: u64, n: usize) -> Vec<FePriceNewsDivIn> {
    let mut rng = Rng(seed);
    testkit::closes(seed, n)
        .into_iter()
        .map(|close| FePriceNewsDivIn {
            close,
            sentiment: (rng.uniform() < 0.8).then(|| (rng.normal() * 2.0).round().clamp(-5.0, 5.0) / 5.0),
            news: (rng.uniform() < 0.5).then(|| (rng.uniform() * 6.0).floor()),
            headlines: (rng.uniform() < 0.5).then(|| "Acme beats estimates | Acme cuts guidance | Acme rallies".into()),
        })
        .collect()
}

fn params() -> FePriceNewsDivParams {
    FePriceNewsDivParams {
        window: 30,
        min_sessions: 8,
        min_correlation: -1.0,
        enter: 0.5,
        full: 2.0,
        ..Default::default()
    }
}

#[test]
fn conformance_of_the_calculator() {
    testkit::online_suite(&params(), &rows(1, 200));
    testkit::online_suite(&FePriceNewsDivParams::default(), &rows(2, 250));
}

#[test]
fn bad_rows_are_refused() {
    let mut d = params().build().unwrap();
    for x in rows(3, 60) {
        d.update(&x).unwrap();
    }
    let good = FePriceNewsDivIn { close: 50.0, sentiment: Some(0.1), news: Some(3.0), headlines: None };
    let bad: Vec<FePriceNewsDivIn> = [f64::NAN, f64::INFINITY, 0.0, -1.0]
        .map(|close| FePriceNewsDivIn { close, ..good.clone() })
        .into_iter()
        .chain([1.01, -1.5, f64::NAN].map(|s| FePriceNewsDivIn { sentiment: Some(s), ..good.clone() }))
        .chain([-1.0, f64::NAN, f64::INFINITY].map(|n| FePriceNewsDivIn { news: Some(n), ..good.clone() }))
        .collect();
    testkit::refuses(&mut d, &bad);
    assert!(d.update(&bad[4]).unwrap_err().to_string().contains("1.01"));
    let mut d = params().build().unwrap();
    d.update(&FePriceNewsDivIn { close: 1e-300, ..good.clone() }).unwrap();
    testkit::refuses(&mut d, &[FePriceNewsDivIn { close: 1e300, ..good }]);
}

#[test]
fn bad_parameters_are_named_all_at_once() {
    let p = FePriceNewsDivParams {
        window: 4,
        min_sessions: 2,
        min_news: 0,
        enter: f64::NAN,
        full: f64::NAN,
        floor: 1.5,
        min_correlation: 2.0,
        duplicate_hours: -1.0,
        max_age_hours: 0.0,
        symbols: vec!["SPY".into(), "SPY".into(), "no spaces".into()],
        input: "no name!".into(),
        name: "no name!".into(),
    };
    let e = p.build().unwrap_err();
    assert_eq!(e.0.len(), 13, "{e}");
    assert!(FePriceNewsDivParams { symbols: vec![], ..params() }.build().is_err());
}

fn event(time: Time, symbol: Option<&str>, data: MarketData) -> Event {
    Event { time, symbol: symbol.map(|s| Symbol::new(s).unwrap()), origin: Origin::default(), data }
}

fn news(time: Time, symbol: &str, headline: &str, sentiment: Option<f64>) -> Event {
    let item =
        News { published: time, headline: headline.into(), body: String::new(), source: "wire".into(), sentiment };
    event(time, Some(symbol), MarketData::News(Arc::new(item)))
}

/// Daily events with news among them, some duplicates, future-dated, old and empty ones.
fn events(seed: u64, sessions: usize) -> Vec<Event> {
    let mut rng = Rng(seed ^ 0x4E);
    let mut out = Vec::new();
    let lines = [
        "Acme beats estimates",
        "Acme cuts guidance",
        "Shares rally",
        "Shares slide on weak demand",
        "Meeting on Monday",
    ];
    for e in testkit::daily_events(seed, sessions) {
        if matches!(e.data, MarketData::SessionOpen) {
            for k in 0..rng.next_u64() % 6 {
                let symbol = if k % 3 == 2 { "TLT" } else { "SPY" };
                let time = e.time.plus(Span::from_secs(k as i64 - 3600));
                let line = format!("{} {}", lines[(rng.next_u64() % 5) as usize], rng.next_u64() % 40);
                let given = (rng.uniform() < 0.5).then(|| rng.uniform() * 2.0 - 1.0);
                let mut n = news(time, symbol, &line, given);
                if let MarketData::News(item) = &mut n.data
                    && rng.uniform() < 0.1
                {
                    let far = Span::from_days(if rng.uniform() < 0.5 { 9 } else { -9 });
                    *item = Arc::new(News { published: time.plus(far), ..(**item).clone() });
                }
                out.push(n);
            }
        }
        out.push(e);
    }
    out
}

#[test]
fn roles_are_causal_restorable_and_deterministic_on_news() {
    let (xs, other) = (events(1, 120), events(2, 120));
    let v = json!({"window": 30, "min_sessions": 8, "min_correlation": -1.0, "enter": 0.2, "symbols": ["SPY", "TLT"], "min_news": 1});
    for k in 0..2 {
        let build = || Probe::all(&PLUGIN, &v).unwrap().remove(k);
        let reference = testkit::drive(&build, &xs, None);
        let acts = ["divergence", "Scale"][k];
        assert!(reference.iter().filter(|t| t.contains(acts)).count() > 20, "{acts}");
        for cut in [0, 400, xs.len() - 2] {
            assert_eq!(testkit::drive(&build, &xs, Some(cut)), reference);
            let mut mixed = xs[..cut].to_vec();
            mixed.extend_from_slice(&other[cut..]);
            assert_eq!(testkit::drive(&build, &mixed, None)[..cut], reference[..cut]);
        }
    }
}

#[test]
fn every_parameter_changes_something() {
    let xs = events(3, 120);
    let trace = |p: &FePriceNewsDivParams| {
        let v = serde_json::to_value(p).unwrap();
        let all = (0..2).map(|k| testkit::drive(&|| Probe::all(&PLUGIN, &v).unwrap().remove(k), &xs, None));
        all.flatten().collect::<Vec<_>>().join("\n").into_bytes()
    };
    let with = |last: Value| {
        let mut v =
            json!({"window": 30, "min_sessions": 8, "min_correlation": -1.0, "enter": 0.2, "full": 2.0, "min_news": 1});
        for (k, x) in last.as_object().unwrap() {
            v.as_object_mut().unwrap().shift_remove(k);
            v.as_object_mut().unwrap().insert(k.clone(), x.clone());
        }
        v
    };
    testkit::every_parameter_matters::<FePriceNewsDivParams>(
        &[
            with(json!({"window": 40})),
            with(json!({"min_sessions": 30})),
            with(json!({"min_news": 3})),
            with(json!({"enter": 0.1})),
            with(json!({"full": 4.0})),
            with(json!({"floor": 0.0})),
            with(json!({"min_correlation": 0.9})),
            with(json!({"duplicate_hours": 2000.0})),
            with(json!({"max_age_hours": 1000.0})),
            with(json!({"symbols": ["TLT"]})),
            with(json!({"input": "fe_x.{symbol}.value"})),
            with(json!({"name": "news"})),
        ],
        trace,
    );
}

fn close(day: i64, price: f64) -> [Event; 2] {
    let time = at(day, 21);
    let bar = MarketData::Bar(Bar::close_only(Price::from_f64(price).unwrap()));
    [event(time, Some("SPY"), bar), event(time, None, MarketData::SessionClose)]
}

fn at(day: i64, hour: i64) -> Time {
    Time::from_ymd(2014, 1, 2).unwrap().plus(Span::from_secs(day * 86_400 + hour * 3600))
}

fn show(f: &mut FePriceNewsDivFeature, events: &[Event]) -> Result<FeatureValues, BadInput> {
    let (market, seen, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let mut out = FeatureValues::default();
    for e in events {
        f.on_event(e, &View::new(e.time, &market, &seen, &portfolio), &mut out)?;
    }
    Ok(out)
}

fn value(v: &FeatureValues, what: &str) -> Option<f64> {
    v.get(FeatureId::new(&format!("fe_price_news_div.SPY.{what}")).unwrap()).map(|x| x.0)
}

/// A feature warmed up by six sessions without news, before day 6.
fn warm(p: FePriceNewsDivParams) -> FePriceNewsDivFeature {
    let mut f = FePriceNewsDivFeature::new(&FePriceNewsDivParams { window: 5, min_sessions: 3, ..p }).unwrap();
    for day in 0..6 {
        show(&mut f, &close(day, 100.0 + day as f64)).unwrap();
    }
    f
}

#[test]
fn news_after_the_close_count_for_the_next_session() {
    let mut f = warm(FePriceNewsDivParams { min_news: 1, ..Default::default() });
    // At the instant of the close counts for it (news come before the session's close), a nanosecond later does not.
    let mut day6 = vec![news(at(6, 12), "SPY", "a", Some(0.2)), news(at(6, 12), "TLT", "b", Some(-1.0))];
    day6.push(close(6, 107.0)[0].clone());
    day6.push(news(at(6, 21), "SPY", "c", Some(0.4)));
    day6.push(close(6, 107.0)[1].clone());
    let v = show(&mut f, &day6).unwrap();
    assert!((value(&v, "sentiment").unwrap() - 0.3).abs() < 1e-15);
    assert_eq!(value(&v, "news"), Some(2.0));
    let late = at(6, 21).plus(Span::from_nanos(1));
    let v = show(&mut f, &[news(late, "SPY", "d", Some(-0.6))]).unwrap();
    assert_eq!(v.iter().count(), 0);
    // A session without a price: the news wait.
    let v = show(&mut f, &[event(at(7, 21), None, MarketData::SessionClose)]).unwrap();
    assert_eq!(v.iter().count(), 0);
    let v = show(&mut f, &close(8, 106.0)).unwrap();
    assert_eq!((value(&v, "sentiment"), value(&v, "news")), (Some(-0.6), Some(1.0)));
    let v = show(&mut f, &close(9, 106.0)).unwrap();
    assert_eq!((value(&v, "sentiment"), value(&v, "news")), (None, Some(0.0)));
}

#[test]
fn duplicates_future_old_and_empty_news_are_counted_and_left_out() {
    let mut f = warm(FePriceNewsDivParams { min_news: 1, ..Default::default() });
    let item = |published: Time, headline: &str, body: &str, sentiment| {
        let n = News { published, headline: headline.into(), body: body.into(), source: "wire".into(), sentiment };
        event(at(6, 12), Some("SPY"), MarketData::News(Arc::new(n)))
    };
    let now = at(6, 12);
    let events = [
        item(now, "Acme beats estimates", "", Some(0.5)),
        // The same words elsewhere.
        item(now, "ACME beats estimates!", "", Some(-1.0)),
        item(now.plus(Span::from_nanos(1)), "From tomorrow", "", Some(-1.0)),
        item(now.plus(Span::from_days(-4)), "From last week", "", Some(-1.0)),
        item(now, " ... ", "", None),
        // A sentiment without a text counts, and cannot be a duplicate.
        item(now, "", "", Some(0.3)),
        item(now, "", "", Some(0.3)),
        // Scored by the body: 3 / sqrt(9 + 15).
        item(now, "Acme", "Acme beats estimates", None),
    ];
    let mut all = events.to_vec();
    all.extend(close(6, 107.0));
    let v = show(&mut f, &all).unwrap();
    let want = (0.5 + 0.3 + 0.3 + 3.0 / 24.0_f64.sqrt()) / 4.0;
    assert!((value(&v, "sentiment").unwrap() - want).abs() < 1e-12);
    assert_eq!(f.counts(), NewsCounts { taken: 4, duplicate: 1, future: 1, old: 1, empty: 1 });
    let mut metrics = Vec::new();
    f.metrics(&mut metrics);
    assert_eq!(metrics[0], ("news_taken", 4.0));
    // A day later the headline is news again.
    let mut again = news(at(7, 13), "SPY", "Acme beats estimates", None);
    again.origin.row = 1;
    show(&mut f, &[again]).unwrap();
    assert_eq!(f.counts().taken, 5);
    let e = show(&mut f, &[item(now, "x", "", Some(1.5))]).unwrap_err();
    assert_eq!((e.what.as_str(), e.found.as_str()), ("sentiment", "1.5"));
    assert_eq!(f.counts().taken, 5);
}

#[test]
fn the_filter_scales_what_the_news_contradict_and_keeps_the_rest() {
    let p =
        FePriceNewsDivParams { window: 5, min_sessions: 3, min_news: 1, min_correlation: -1.0, ..Default::default() };
    let mut f = FePriceNewsDivFilter::new(&p).unwrap();
    let (market, seen, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let see = |f: &mut FePriceNewsDivFilter, e: &Event| {
        f.observe(e, &View::new(e.time, &market, &seen, &portfolio)).unwrap();
    };
    let ask = |f: &mut FePriceNewsDivFilter, symbol: &str, score: f64| {
        let s = Signal::new(at(9, 0), Symbol::new(symbol).unwrap(), score, 1.0, "test").unwrap();
        let view = View::new(at(9, 0), &market, &seen, &portfolio);
        f.filter(StrategyId::new("s").unwrap(), &s, &view)
    };
    assert_eq!(ask(&mut f, "SPY", 1.0).adjust, Adjust::Keep);
    // News as good as prices, and then the worst news with the largest rise.
    for (day, (price, s)) in
        [(100.0, 0.0), (102.0, 0.1), (103.0, 0.3), (102.0, -0.2), (102.0, 0.0), (105.0, -0.7)].into_iter().enumerate()
    {
        see(&mut f, &news(at(day as i64, 12), "SPY", &format!("n{day}"), Some(s)));
        close(day as i64, price).iter().for_each(|e| see(&mut f, e));
    }
    let a = ask(&mut f, "SPY", 0.5);
    let Adjust::Scale(q) = a.adjust else { panic!("{a:?}") };
    // z of -0.7 among 0.1 0.3 -0.2 0 -0.7: -0.6 / 0.38079; of 2.94 % among the returns 2, 0.98, -0.97, 0, 2.94 %.
    let r = [102.0 / 100.0, 103.0 / 102.0, 102.0 / 103.0, 1.0, 105.0 / 102.0].map(|x: f64| x - 1.0);
    let mean = r.iter().sum::<f64>() / 5.0;
    let sd = (r.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 4.0).sqrt();
    let d = -0.6 / (0.58_f64 / 4.0).sqrt() - (r[4] - mean) / sd;
    assert!((q - (1.0 - 0.75 * (-d - 1.0) / 2.0)).abs() < 1e-12, "{q} {d}");
    assert!(a.reason.contains("rose on bad news"), "{}", a.reason);
    assert_eq!(ask(&mut f, "SPY", -0.5).adjust, Adjust::Keep);
    assert_eq!(ask(&mut f, "TLT", 0.5).adjust, Adjust::Keep);
    // Of a pair the leg that is held against the news counts.
    let view = View::new(at(9, 0), &market, &seen, &portfolio);
    let mut pair = Signal::new(at(9, 0), Symbol::new("TLT").unwrap(), -0.5, 1.0, "pair").unwrap();
    pair.legs.push(Leg { symbol: Symbol::new("SPY").unwrap(), ratio: -0.8 });
    assert_eq!(f.filter(StrategyId::new("s").unwrap(), &pair, &view).adjust, Adjust::Scale(q));
    // A session without news says nothing any more.
    close(6, 106.0).iter().for_each(|e| see(&mut f, e));
    let a = ask(&mut f, "SPY", 0.5);
    assert_eq!(a.adjust, Adjust::Keep);
    assert!(a.reason.contains("0 news items"), "{}", a.reason);
}

#[test]
fn tables_need_only_closes() {
    let mut t = PLUGIN.table.unwrap()(&json!({"window": 5, "min_sessions": 3})).unwrap();
    let names: Vec<_> = t.inputs().iter().map(|c| (c.name, c.optional)).collect();
    assert_eq!(names, [("close", false), ("sentiment", true), ("news", true), ("headlines", true)]);
    let mut out = Vec::new();
    for i in 0..6 {
        let text = Cell::Str("Acme beats estimates\nAcme slides | Acme to meet".into());
        t.update(&[Cell::F64(10.0 + f64::from(i)), Cell::Null, Cell::Null, text], &mut out).unwrap();
    }
    assert_eq!((out.len(), &out[2]), (t.outputs().len(), &Cell::F64(3.0)));
}

/// Planted: sentiment goes with the day's return, except on some days, when the price moves against the news and comes back over the
/// next. Is the long signal on those days told apart from the others?
#[test]
fn it_finds_planted_divergence() {
    let mut rng = Rng(9);
    let (mut price, mut debt) = (100.0, 0.0);
    let p = FePriceNewsDivParams { min_correlation: 0.0, ..Default::default() };
    let mut d = p.build().unwrap();
    let (mut planted, mut found, mut false_alarms, mut quiet) = (0.0_f64, 0.0, 0.0, 0.0);
    for _ in 0..20_000 {
        let information = rng.normal();
        let against = rng.uniform() < 0.05;
        let r = 0.01 * (if against { -1.5 * information } else { information }) + 0.003 * rng.normal() - debt;
        debt = if against { -0.01 * information } else { 0.0 };
        price *= 1.0 + r;
        let s = (0.3 * information + 0.1 * rng.normal()).clamp(-1.0, 1.0);
        let x = FePriceNewsDivIn { close: price, sentiment: Some(s), news: None, headlines: None };
        price = price.clamp(1.0, 1e6);
        if let Some(o) = d.update(&x).unwrap() {
            let reduced = o.quality_long < 1.0 || o.quality_short < 1.0;
            // A small piece of information cannot be contradicted.
            if against && information.abs() > 1.0 {
                planted += 1.0;
                found += f64::from(u8::from(reduced));
            } else if !against {
                quiet += 1.0;
                false_alarms += f64::from(u8::from(reduced));
            }
        }
    }
    println!(
        "found {:.1} % of {planted}, false alarms {:.2} % of {quiet}",
        100.0 * found / planted,
        100.0 * false_alarms / quiet
    );
    assert!(planted > 200.0 && found / planted > 0.95, "{found} of {planted}");
    assert!(false_alarms / quiet < 0.08, "{false_alarms} of {quiet}");
}
