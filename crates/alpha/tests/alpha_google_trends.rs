//! alpha_google_trends: conformance, the alpha on records, and how often ordinary periods pass for spikes.

use serde_json::json;
use tradewind_alpha::plugins::alpha_google_trends::{
    AlphaGoogleTrendsIn, AlphaGoogleTrendsParams, AttentionSign, PLUGIN, TrendsAlpha,
};
use tradewind_core_types::testkit::{self, Rng, drive, online_trace, with_records};
use tradewind_core_types::*;

fn rows(seed: u64, n: usize) -> Vec<AlphaGoogleTrendsIn> {
    let mut rng = Rng(seed);
    let mut one = || (20.0 + 4.0 * rng.normal()) * if rng.uniform() > 0.93 { 2.5 } else { 1.0 };
    (0..n).map(|_| AlphaGoogleTrendsIn { interest: one().clamp(0.0, 100.0) }).collect()
}

fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}

fn day(n: i64) -> Time {
    Time::from_ymd(2020, 1, 1).unwrap().plus(Span::from_days(n))
}

fn trend(known: Time, period: Time, interest: f64, partial: bool) -> Event {
    let data = MarketData::SearchTrend(SearchTrend { period, interest, partial });
    Event { time: known, symbol: Some(symbol("ABC")), origin: Origin::default(), data }
}

fn other(time: Time, symbol: Option<&str>, data: MarketData) -> Event {
    Event { time, symbol: symbol.map(self::symbol), origin: Origin::default(), data }
}

/// The signals that follow from events, and those that were refused.
fn signals(alpha: &mut TrendsAlpha, events: &[Event]) -> (Signals, Vec<BadInput>) {
    let (mut out, mut bad) = (Signals::new(), Vec::new());
    for e in events {
        let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
        let view = View::new(e.time, &market, &features, &portfolio);
        bad.extend(alpha.on_event(e, &view, &mut out).err());
    }
    (out, bad)
}

/// Weekly interest of 20, 22, 20, ... and then `last`, each known a day after its week.
fn weeks(n: i64, last: f64) -> Vec<Event> {
    (0..n)
        .map(|i| {
            let interest = if i + 1 == n { last } else { 20.0 + 2.0 * (i % 2) as f64 };
            trend(day(7 * i + 8), day(7 * i), interest, false)
        })
        .collect()
}

#[test]
fn online() {
    testkit::online_suite(&AlphaGoogleTrendsParams::default(), &rows(1, 200));
    testkit::online_suite(&AlphaGoogleTrendsParams { window: 5, asvi_window: 11, ..Default::default() }, &rows(2, 90));
    let flat: Vec<_> = (0..60).map(|_| AlphaGoogleTrendsIn { interest: 0.0 }).collect();
    testkit::online_suite(&AlphaGoogleTrendsParams::default(), &flat);
}

#[test]
fn bad_input_is_refused() {
    let mut c = AlphaGoogleTrendsParams::default().build().unwrap();
    c.batch(&rows(3, 40)).unwrap();
    testkit::refuses(&mut c, &[-1.0, f64::NAN, f64::INFINITY, 1e13].map(|interest| AlphaGoogleTrendsIn { interest }));
    let e = AlphaGoogleTrendsParams {
        symbols: vec!["no spaces".into()],
        window: 1,
        asvi_window: 0,
        floor: 0.0,
        min_velocity: f64::NAN,
        min_asvi: -0.1,
        full_velocity: 1.0,
        half_life_days: 0.0,
        hold_days: f64::INFINITY,
        max_age_days: -1.0,
        ..Default::default()
    }
    .build()
    .unwrap_err();
    assert_eq!(e.0.len(), 10, "{e}");
}

#[test]
fn every_parameter_matters() {
    let changes = [
        json!({"symbols": ["TLT"]}),
        json!({"window": 20}),
        json!({"asvi_window": 5}),
        json!({"floor": 30.0}),
        json!({"min_velocity": 3.0}),
        json!({"min_asvi": 1.0}),
        json!({"full_velocity": 20.0}),
        json!({"sign": "short"}),
        json!({"half_life_days": 2.0}),
        json!({"hold_days": 3.0}),
        json!({"max_age_days": 5.0}),
    ];
    let events = with_records(5, 400);
    testkit::every_parameter_matters::<AlphaGoogleTrendsParams>(&changes, |p| {
        let params = serde_json::to_value(p).unwrap();
        let mut trace = online_trace(p, &rows(4, 200));
        let said = drive(&|| Probe::all(&PLUGIN, &params).unwrap().remove(0), &events, None);
        trace.extend(said.into_iter().flat_map(String::into_bytes));
        trace
    });
}

#[test]
fn a_spike_is_a_signal_that_decays_and_ends() {
    let p = AlphaGoogleTrendsParams { half_life_days: 2.0, hold_days: 4.0, ..Default::default() };
    let mut alpha = TrendsAlpha::new(&p).unwrap();
    let mut events = weeks(40, 60.0);
    let known = events.last().unwrap().time;
    for n in 0..6 {
        let close = known.plus(Span::from_days(n)).plus(Span::from_secs(3600 * 12));
        events.push(other(close, None, MarketData::SessionClose));
    }
    let (out, bad) = signals(&mut alpha, &events);
    assert!(bad.is_empty());
    // At once, and at the closes after half a day, 1.5, 2.5 and 3.5 days.
    let scores: Vec<f64> = out.iter().map(|s| s.score).collect();
    let want: Vec<f64> = [0.0, 0.5, 1.5, 2.5, 3.5].iter().map(|age: &f64| (-age / 2.0).exp2()).collect();
    assert_eq!(scores, want);
    assert!(out.iter().all(|s| s.expires == Some(known.plus(Span::from_days(4))) && s.symbol() == symbol("ABC")));
    assert!(out[0].confidence > 0.99, "{}", out[0].confidence);
    let short = AlphaGoogleTrendsParams { sign: AttentionSign::Short, ..p };
    let (out, _) = signals(&mut TrendsAlpha::new(&short).unwrap(), &events);
    assert_eq!((out[0].score, out[0].reason.as_ref()), (-1.0, "search interest spiked: short"));
}

#[test]
fn what_does_not_count_is_counted() {
    let mut alpha = TrendsAlpha::new(&AlphaGoogleTrendsParams::default()).unwrap();
    let mut events = weeks(40, 20.0);
    let (now, last) = (events.last().unwrap().time, day(7 * 39));
    events.push(trend(now, last.plus(Span::from_days(7)), 90.0, true));
    events.push(trend(now, last, 20.0, false));
    events.push(trend(now, last, 95.0, false));
    events.push(trend(now, last.plus(Span::from_days(-7)), 95.0, false));
    let (out, bad) = signals(&mut alpha, &events);
    assert!(out.is_empty() && bad.is_empty());
    let mut m = Metrics::new();
    alpha.metrics(&mut m);
    for name in ["attention_partial", "attention_repeated", "attention_revised", "attention_late"] {
        assert!(m.contains(&(name, 1.0)), "{name}: {m:?}");
    }
    // From the future, without a symbol, not a number: errors that change nothing.
    let before = alpha.save().unwrap();
    let mut nobody = trend(now, last, 1.0, false);
    nobody.symbol = None;
    let future = trend(now, now.plus(Span::from_secs(1)), 20.0, false);
    let nan = trend(now, last.plus(Span::from_days(6)), f64::NAN, false);
    let (_, bad) = signals(&mut alpha, &[nobody, future, nan]);
    assert_eq!(bad.iter().map(|b| b.what.as_str()).collect::<Vec<_>>(), ["symbol", "period", "interest"]);
    assert_eq!(alpha.save().unwrap(), before);
}

#[test]
fn history_fetched_later_is_learned_from_but_not_acted_upon() {
    let mut all: Vec<Event> = weeks(60, 60.0);
    // The same spike 20 weeks ago; everything becomes known today but for the last week.
    let today = day(7 * 59 + 1);
    for (i, e) in all.iter_mut().enumerate().take(59) {
        e.time = today;
        if i == 39 {
            *e = trend(today, day(7 * 39), 60.0, false);
        }
    }
    let mut alpha = TrendsAlpha::new(&AlphaGoogleTrendsParams::default()).unwrap();
    let (out, _) = signals(&mut alpha, &all);
    assert_eq!(out.iter().map(|s| s.time).collect::<Vec<_>>(), [day(7 * 59 + 8)]);
    let mut m = Metrics::new();
    alpha.metrics(&mut m);
    assert!(m.contains(&("attention_old_spikes", 1.0)), "{m:?}");
}

#[test]
fn a_changed_symbol_takes_its_history_along() {
    let change =
        |t| other(t, Some("ABC"), MarketData::CorporateAction(CorporateAction::SymbolChange { to: symbol("XYZ") }));
    let p = AlphaGoogleTrendsParams { symbols: vec!["ABC".into()], ..Default::default() };
    let mut events = weeks(40, 60.0);
    let mut spike = events.pop().unwrap();
    events.push(change(spike.time));
    spike.symbol = Some(symbol("XYZ"));
    events.push(spike.clone());
    let (out, _) = signals(&mut TrendsAlpha::new(&p).unwrap(), &events);
    assert_eq!(out.iter().map(Signal::symbol).collect::<Vec<_>>(), [symbol("XYZ")]);
    // Once it is delisted there is nothing left to say.
    events.push(other(
        spike.time,
        Some("XYZ"),
        MarketData::CorporateAction(CorporateAction::Delisting { price: None }),
    ));
    events.push(other(spike.time, None, MarketData::SessionClose));
    assert_eq!(signals(&mut TrendsAlpha::new(&p).unwrap(), &events).0.len(), 1);
}

/// Of ordinary periods of several distributions no more may claim a confidence of c than 1 - c. Measured rates are on the page.
#[test]
fn confidence_holds_whatever_the_distribution() {
    type Draw = fn(&mut Rng) -> f64;
    let draws: [(&str, Draw); 4] = [
        ("normal", |r| 50.0 + 10.0 * r.normal()),
        ("lognormal", |r| 20.0 * (0.5 * r.normal()).exp()),
        ("exponential", |r| -20.0 * r.uniform().ln()),
        ("student t with 3 degrees", |r| {
            let chi: f64 = (0..3).map(|_| r.normal().powi(2)).sum();
            500.0 + 10.0 * r.normal() / (chi / 3.0).sqrt()
        }),
    ];
    for (name, draw) in draws {
        let mut c = AlphaGoogleTrendsParams::default().build().unwrap();
        let mut rng = Rng(17);
        let n = 200_000;
        let mut claims = [0_usize; 3];
        for _ in 0..n {
            let Some(o) = c.update(&AlphaGoogleTrendsIn { interest: draw(&mut rng).max(0.0) }).unwrap() else {
                continue;
            };
            for (k, level) in [0.8, 0.9, 0.95].into_iter().enumerate() {
                claims[k] += usize::from(o.confidence >= level);
            }
        }
        let rates = claims.map(|k| k as f64 / f64::from(n));
        println!("{name}: {:.2} {:.2} {:.2} %", 100.0 * rates[0], 100.0 * rates[1], 100.0 * rates[2]);
        assert!(rates[0] < 0.2 && rates[1] < 0.1 && rates[2] < 0.05, "{name}: {rates:?}");
    }
}

/// Spikes that come before a move are found; spikes that come before nothing earn nothing.
#[test]
fn a_planted_effect_is_found_and_a_placebo_is_not() {
    for (effect, seed) in [(0.02, 1_u64), (0.0, 2)] {
        let mut rng = Rng(seed);
        let (mut earned, mut squares, mut n) = (0.0, 0.0, 0.0);
        for _ in 0..60 {
            let mut alpha = TrendsAlpha::new(&AlphaGoogleTrendsParams::default()).unwrap();
            for week in 0..260 {
                let planted = rng.uniform() > 0.96;
                let interest = (20.0 + 3.0 * rng.normal()).max(0.0) * if planted { 3.0 } else { 1.0 };
                let next = 0.03 * rng.normal() + if planted { effect } else { 0.0 };
                let e = trend(day(7 * week + 8), day(7 * week), interest, false);
                if let Some(s) = signals(&mut alpha, &[e]).0.first() {
                    earned += s.score * next;
                    squares += (s.score * next).powi(2);
                    n += 1.0;
                }
            }
        }
        let (mean, t) = (earned / n, earned / squares.sqrt());
        println!("effect {effect}: {n} signals, mean {mean:.4}, t {t:.1}");
        assert!(n > 300.0);
        assert!(if effect > 0.0 { t > 5.0 } else { t.abs() < 3.0 }, "effect {effect}: t {t}");
    }
}
