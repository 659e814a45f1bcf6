//! alpha_whisper_spread: conformance, the scanner on records, and whether its probabilities are true.

use serde_json::json;
use tradewind_alpha::plugins::alpha_whisper_spread::{
    AlphaWhisperSpreadIn, AlphaWhisperSpreadParams, EdgeReference, PLUGIN, SpreadUnit, WhisperAlpha,
};
use tradewind_core_types::testkit::{self, Rng, drive, online_trace, with_records};
use tradewind_core_types::*;

/// Reports of companies with rates of beating of their own; the whisper moves the log odds by `slope` for each 5 % of spread.
fn reports(seed: u64, n: usize, slope: f64) -> Vec<AlphaWhisperSpreadIn> {
    let mut rng = Rng(seed);
    let ability: Vec<f64> = (0..40).map(|_| 0.65 + 0.1 * rng.normal()).map(|p| p.clamp(0.2, 0.9)).collect();
    (0..n)
        .map(|_| {
            let k = (rng.next_u64() % 40) as usize;
            let consensus = 0.5 + rng.uniform();
            let units = rng.normal();
            let odds = (ability[k] / (1.0 - ability[k])).ln() + slope * units;
            let beat = rng.uniform() < 1.0 / (1.0 + (-odds).exp());
            AlphaWhisperSpreadIn {
                symbol: format!("C{k:02}"),
                consensus: Some(consensus),
                whisper: Some(consensus * (1.0 + 0.05 * units)),
                dispersion: Some(0.02 + 0.05 * rng.uniform()),
                actual: Some(consensus + if beat { 0.05 } else { -0.05 }),
            }
        })
        .collect()
}

fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}

fn t(s: &str) -> Time {
    s.parse().unwrap()
}

fn earnings(known: &str, announced: &str, consensus: Option<f64>, whisper: Option<f64>, actual: Option<f64>) -> Event {
    let e = Earnings { announced: t(announced), actual, consensus, whisper, dispersion: None };
    Event {
        time: t(known),
        symbol: Some(symbol("ABC")),
        origin: Origin::default(),
        data: MarketData::Earnings(e.into()),
    }
}

fn close(day: &str) -> Event {
    let time = t(&format!("{day}T20:00:00Z"));
    Event { time, symbol: None, origin: Origin::default(), data: MarketData::SessionClose }
}

fn action(time: &str, a: CorporateAction) -> Event {
    let data = MarketData::CorporateAction(a);
    Event { time: t(time), symbol: Some(symbol("ABC")), origin: Origin::default(), data }
}

fn run(alpha: &mut WhisperAlpha, events: &[Event]) -> (Signals, Vec<BadInput>) {
    let (mut out, mut bad) = (Signals::new(), Vec::new());
    for e in events {
        let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
        let view = View::new(e.time, &market, &features, &portfolio);
        bad.extend(alpha.on_event(e, &view, &mut out).err());
    }
    (out, bad)
}

fn fresh() -> WhisperAlpha {
    WhisperAlpha::new(&AlphaWhisperSpreadParams::default()).unwrap()
}

fn metric(a: &WhisperAlpha, name: &str) -> f64 {
    let mut m = Metrics::new();
    a.metrics(&mut m);
    m.iter().find(|x| x.0 == name).map_or(0.0, |x| x.1)
}

#[test]
fn online() {
    for reference in [EdgeReference::Record, EdgeReference::Half] {
        let p = AlphaWhisperSpreadParams { reference, min_outcomes: 12, refit: 7, ..Default::default() };
        testkit::online_suite(&p, &reports(1, 200, 0.8));
    }
    let p = AlphaWhisperSpreadParams { unit: SpreadUnit::Dispersion, scale: 1.0, history: 40, ..Default::default() };
    testkit::online_suite(&p, &reports(2, 200, 0.8));
}

#[test]
fn bad_input_is_refused() {
    let mut c = AlphaWhisperSpreadParams::default().build().unwrap();
    c.batch(&reports(3, 60, 0.5)).unwrap();
    let good = reports(4, 1, 0.5).remove(0);
    let with = |f: fn(&mut AlphaWhisperSpreadIn)| {
        let mut x = good.clone();
        f(&mut x);
        x
    };
    testkit::refuses(
        &mut c,
        &[
            with(|x| x.symbol = "no spaces".into()),
            with(|x| x.consensus = Some(f64::NAN)),
            with(|x| x.whisper = Some(f64::INFINITY)),
            with(|x| x.actual = Some(-1e7)),
            with(|x| x.dispersion = Some(-0.1)),
        ],
    );
    let e = AlphaWhisperSpreadParams {
        symbols: vec![String::new()],
        floor: 0.0,
        scale: 0.0,
        clip: f64::NAN,
        base_rate: 1.0,
        base_weight: 0.0,
        prior_strength: -1.0,
        slope: f64::NAN,
        prior_deviation: -1.0,
        min_outcomes: 9,
        history: 8,
        refit: 0,
        min_edge: 1.0,
        full_edge: 0.0,
        min_days: 3,
        max_days: 2,
        hold_days: 0.0,
        take_profit: -0.1,
        stop_loss: 1.0,
        ..Default::default()
    }
    .build()
    .unwrap_err();
    assert_eq!(e.0.len(), 18, "{e}");
}

#[test]
fn every_parameter_matters() {
    let changes = [
        json!({"symbols": ["TLT"]}),
        json!({"floor": 1.0}),
        json!({"unit": "dispersion"}),
        json!({"scale": 0.1}),
        json!({"clip": 1.0}),
        json!({"base_rate": 0.5}),
        json!({"base_weight": 10.0}),
        json!({"prior_strength": 20.0}),
        json!({"slope": 1.0}),
        json!({"prior_deviation": 0.2}),
        json!({"min_outcomes": 50}),
        json!({"history": 60}),
        json!({"refit": 9}),
        json!({"reference": "half"}),
        json!({"min_edge": 0.2}),
        json!({"full_edge": 0.5}),
        json!({"min_days": 0}),
        json!({"max_days": 5}),
        json!({"hold_days": 1.0}),
        json!({"take_profit": 0.0}),
        json!({"stop_loss": 0.1}),
        json!({"min_outcomes": 10, "trust_late_whisper": true}),
    ];
    // Results that bring a whisper, of reports that nobody expected.
    let mut events = with_records(5, 400);
    for e in &mut events {
        if let MarketData::Earnings(x) = &mut e.data
            && x.actual.is_some()
        {
            let late = Earnings { whisper: x.actual.map(|a| a + 0.1), ..(**x).clone() };
            e.data = MarketData::Earnings(late.into());
        }
    }
    events.retain(|e| !matches!(&e.data, MarketData::Earnings(x) if x.actual.is_none() && e.origin.row % 2 == 0 && e.origin.row < 200));
    testkit::every_parameter_matters::<AlphaWhisperSpreadParams>(&changes, |p| {
        let params = serde_json::to_value(p).unwrap();
        let mut trace = online_trace(p, &reports(6, 120, 0.8));
        let said = drive(&|| Probe::all(&PLUGIN, &params).unwrap().remove(0), &events, None);
        trace.extend(said.into_iter().flat_map(String::into_bytes));
        let (out, _) = run(
            &mut WhisperAlpha::new(p).unwrap(),
            &[
                earnings("2020-01-02T12:00:00Z", "2020-02-04T21:30:00Z", Some(1.0), Some(1.2), None),
                close("2020-01-31"),
                close("2020-02-04"),
            ],
        );
        trace.extend(out.iter().flat_map(|s| format!("{s:?}").into_bytes()));
        let late: Vec<Event> = (0..12)
            .map(|i| {
                let day = format!("20{:02}-02-03", 1 + i);
                let actual = Some(if i % 3 == 0 { 1.1 } else { 0.9 });
                earnings(&format!("{day}T22:00:00Z"), &format!("{day}T21:00:00Z"), Some(1.0), actual, actual)
            })
            .collect();
        let mut alpha = WhisperAlpha::new(p).unwrap();
        run(&mut alpha, &late);
        trace.extend(metric(&alpha, "whisper_slope").to_le_bytes());
        trace
    });
}

#[test]
fn signals_come_one_or_two_days_before_and_not_on_the_day() {
    // Tuesday 2020-02-04 after the close; 20 % above the consensus.
    let mut events = vec![earnings("2020-01-02T12:00:00Z", "2020-02-04T21:30:00Z", Some(1.0), Some(1.2), None)];
    events.extend(["2020-01-30", "2020-01-31", "2020-02-03", "2020-02-04"].map(close));
    let (out, _) = run(&mut fresh(), &events);
    assert_eq!(out.iter().map(|s| s.time.ymd().2).collect::<Vec<_>>(), [31, 3]);
    let s = &out[0];
    assert!(s.score > 0.9 && s.confidence > 0.6, "{s:?}");
    assert_eq!(s.expires, Some(t("2020-02-06T21:30:00Z")));
    assert_eq!((s.take_profit, s.stop_loss), (Some(0.08), Some(0.04)));
    // Before the open the last day to trade is the one before: Thursday is two days before it.
    events[0] = earnings("2020-01-02T12:00:00Z", "2020-02-04T12:00:00Z", Some(1.0), Some(0.8), None);
    let (out, _) = run(&mut fresh(), &events);
    assert_eq!(out.iter().map(|s| (s.time.ymd().2, s.score < 0.0)).collect::<Vec<_>>(), [(30, true), (31, true)]);
    // Not yet known on Thursday.
    events.rotate_left(2);
    assert_eq!(events[0].time, t("2020-01-31T20:00:00Z"));
}

#[test]
fn dates_move_sources_complete_each_other_and_results_settle() {
    let mut alpha = fresh();
    let (out, bad) = run(
        &mut alpha,
        &[
            earnings("2020-01-02T12:00:00Z", "2020-02-04T21:30:00Z", Some(1.0), None, None),
            close("2020-01-31"),
            earnings("2020-02-01T12:00:00Z", "2020-02-04T21:30:00Z", None, Some(1.2), None),
            close("2020-02-03"),
            // Postponed by a week.
            earnings("2020-02-03T22:00:00Z", "2020-02-11T21:30:00Z", None, None, None),
            close("2020-02-04"),
            close("2020-02-10"),
            // The result; whisper and consensus are those from before it.
            earnings("2020-02-11T22:00:00Z", "2020-02-11T21:30:00Z", Some(1.4), None, Some(1.3)),
            close("2020-02-12"),
            // Again, from another source, with another number.
            earnings("2020-02-12T22:00:00Z", "2020-02-11T00:00:00Z", Some(1.4), None, Some(1.2)),
            // The past, and the report after the next one.
            earnings("2020-05-05T22:00:00Z", "2020-05-01T00:00:00Z", Some(1.0), None, None),
            earnings("2020-05-05T22:00:00Z", "2020-06-01T00:00:00Z", Some(1.0), None, None),
            earnings("2020-05-05T22:00:00Z", "2020-09-01T00:00:00Z", Some(1.0), None, None),
        ],
    );
    assert!(bad.is_empty());
    let said: Vec<_> = out.iter().map(|s| (s.time.ymd().2, s.score > 0.0)).collect();
    assert_eq!(said, [(3, true), (4, false), (10, true)]);
    assert_eq!(out[1].reason, "the report has moved to a later date");
    for (name, want) in [
        ("earnings_beat_rate", 1.0),
        ("earnings_moved", 1.0),
        ("earnings_repeated", 1.0),
        ("earnings_past", 1.0),
        ("earnings_beyond_next", 1.0),
        ("earnings_expected", 1.0),
        ("earnings_without_estimates", 1.0),
    ] {
        assert_eq!(metric(&alpha, name), want, "{name}");
    }
}

#[test]
fn bad_records_are_errors_and_change_nothing() {
    let mut alpha = fresh();
    run(&mut alpha, &[earnings("2020-01-02T12:00:00Z", "2020-02-04T21:30:00Z", Some(1.0), Some(1.1), None)]);
    let before = alpha.save().unwrap();
    let mut nobody = earnings("2020-01-03T12:00:00Z", "2020-02-04T21:30:00Z", Some(1.0), None, None);
    nobody.symbol = None;
    let (_, bad) = run(
        &mut alpha,
        &[
            nobody,
            // A result from the future.
            earnings("2020-02-03T12:00:00Z", "2020-02-04T21:30:00Z", Some(1.0), None, Some(1.0)),
            earnings("2020-02-03T12:00:00Z", "2020-02-04T21:30:00Z", Some(f64::NAN), None, None),
        ],
    );
    assert_eq!(bad.iter().map(|b| b.what.as_str()).collect::<Vec<_>>(), ["symbol", "announced", "consensus"]);
    assert_eq!(alpha.save().unwrap(), before);
    // Without a consensus there is nothing to beat; zero and tiny ones count as the floor.
    run(&mut alpha, &[earnings("2020-08-04T22:00:00Z", "2020-08-04T21:30:00Z", None, None, Some(1.0))]);
    assert_eq!((metric(&alpha, "earnings_without_consensus"), metric(&alpha, "earnings_beat_rate")), (1.0, 0.0));
    let (out, _) = run(
        &mut fresh(),
        &[earnings("2020-01-02T12:00:00Z", "2020-02-04T21:30:00Z", Some(0.0), Some(0.02), None), close("2020-02-03")],
    );
    assert!(out[0].numbers.iter().any(|n| n.0 == "spread" && (n.1 - 0.2).abs() < 1e-12), "{out:?}");
}

#[test]
fn splits_and_new_names() {
    let (out, _) = run(
        &mut fresh(),
        &[
            earnings("2020-01-02T12:00:00Z", "2020-02-04T21:30:00Z", Some(1.0), Some(1.2), None),
            action("2020-01-03T14:30:00Z", CorporateAction::Split { numerator: 4, denominator: 1 }),
            action("2020-01-04T14:30:00Z", CorporateAction::SymbolChange { to: symbol("XYZ") }),
            close("2020-02-03"),
        ],
    );
    assert_eq!(out[0].symbol(), symbol("XYZ"));
    assert!(out[0].numbers.iter().any(|n| n.0 == "spread" && (n.1 - 0.2).abs() < 1e-12), "{out:?}");
    let gone = action("2020-01-04T14:30:00Z", CorporateAction::Delisting { price: None });
    let report = earnings("2020-01-02T12:00:00Z", "2020-02-04T21:30:00Z", Some(1.0), Some(1.2), None);
    assert!(run(&mut fresh(), &[report, gone, close("2020-02-03")]).0.is_empty());
}

/// Of reports with a probability near p a share of p are beats, and the whisper makes the probabilities sharper. Figures on the page.
#[test]
fn probabilities_are_calibrated() {
    let rows = reports(21, 6000, 0.8);
    let outs = AlphaWhisperSpreadParams::default().build().unwrap().batch(&rows).unwrap();
    let mut bins = [(0.0, 0.0, 0.0); 10];
    let (mut with, mut without) = (0.0, 0.0);
    for (x, o) in rows.iter().zip(outs).skip(1000) {
        let o = o.unwrap();
        let (p, beat) = (o.probability.unwrap(), x.actual > x.consensus);
        let bin = &mut bins[((10.0 * p) as usize).min(9)];
        *bin = (bin.0 + 1.0, bin.1 + p, bin.2 + f64::from(u8::from(beat)));
        let loss = |p: f64| if beat { -p.ln() } else { -(1.0 - p).ln() };
        with += loss(p);
        without += loss(o.prior);
    }
    for (n, p, beats) in bins.into_iter().filter(|b| b.0 > 50.0) {
        let (p, rate) = (p / n, beats / n);
        println!("said {p:.3}, was {rate:.3} of {n}");
        // Three binomial deviations, and a little for the coefficients' own error.
        assert!((p - rate).abs() < 3.0 * (p * (1.0 - p) / n).sqrt() + 0.01, "said {p}, was {rate} of {n}");
    }
    println!("log loss {:.4} with the whisper, {:.4} without", with / 5000.0, without / 5000.0);
    assert!(with < 0.95 * without);
}

/// When whispers mean nothing, a confidence above c comes up in about 2 (1 - c) of histories, and signals die out.
#[test]
fn a_whisper_that_means_nothing_is_found_out() {
    let p = AlphaWhisperSpreadParams {
        prior_deviation: 0.0,
        slope: 0.0,
        min_outcomes: 300,
        refit: 100_000,
        ..Default::default()
    };
    let runs = 600;
    let (mut sure, mut very) = (0.0, 0.0);
    for seed in 0..runs {
        let mut c = p.build().unwrap();
        let rows = reports(1000 + seed, 301, 0.0);
        let o = c.batch(&rows).unwrap()[300].unwrap();
        let confidence = o.confidence.unwrap();
        sure += f64::from(u8::from(confidence > 0.9));
        very += f64::from(u8::from(confidence > 0.95));
    }
    let (sure, very) = (sure / runs as f64, very / runs as f64);
    println!("confidence above 0.9 in {:.1} %, above 0.95 in {:.1} % of histories", 100.0 * sure, 100.0 * very);
    // Nominal 0.2 and 0.1; three binomial deviations of 600 trials.
    assert!((sure - 0.2).abs() < 0.049 && (very - 0.1).abs() < 0.037, "{sure} {very}");

    let share = |slope: f64, seed: u64| {
        let outs = AlphaWhisperSpreadParams::default().build().unwrap().batch(&reports(seed, 3000, slope)).unwrap();
        let late = outs.into_iter().skip(1500).flatten();
        let scores: Vec<f64> = late.filter_map(|o| o.score).collect();
        scores.iter().filter(|s| **s != 0.0).count() as f64 / scores.len() as f64
    };
    let (placebo, planted) = (share(0.0, 5), share(0.8, 6));
    println!("signals on {:.1} % of reports with a placebo, {:.1} % with an edge", 100.0 * placebo, 100.0 * planted);
    assert!(placebo < 0.05 && planted > 0.5, "{placebo} {planted}");
}
