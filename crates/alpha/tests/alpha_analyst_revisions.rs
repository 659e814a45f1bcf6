//! alpha_analyst_revisions: conformance, alpha and filter on records, what always holds, and a planted effect.

use proptest::prelude::*;
use serde_json::json;
use tradewind_alpha::plugins::alpha_analyst_revisions::{
    AlphaAnalystRevisionsIn, AlphaAnalystRevisionsParams, PLUGIN, RevisionsRole,
};
use tradewind_core_types::testkit::{self, Rng, drive, online_trace, with_records};
use tradewind_core_types::*;

const GRADES: [&str; 7] = ["Strong Buy", "Buy", "Hold", "Sell", "Strong Sell", "Franchise Pick", "Not Rated"];

fn actions(seed: u64, n: usize) -> Vec<AlphaAnalystRevisionsIn> {
    let mut rng = Rng(seed);
    let mut time = Time::from_ymd(2020, 1, 1).unwrap();
    (0..n)
        .map(|_| {
            time = time.plus(Span::from_secs((4.0 * 86_400.0 * rng.uniform()) as i64));
            let mut grade = || GRADES[(rng.next_u64() % 7) as usize].to_owned();
            let (grade, previous) = (grade(), grade());
            AlphaAnalystRevisionsIn {
                time,
                firm: format!("Broker {}", rng.next_u64() % 6),
                grade: (rng.uniform() > 0.2).then_some(grade),
                previous: (rng.uniform() > 0.5).then_some(previous),
                target: (rng.uniform() > 0.4).then(|| 100.0 + 10.0 * rng.normal()),
                previous_target: (rng.uniform() > 0.7).then_some(100.0),
            }
        })
        .collect()
}

fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}

fn day(n: i64) -> Time {
    Time::from_ymd(2020, 1, 1).unwrap().plus(Span::from_days(n))
}

fn event(time: Time, symbol: Option<Symbol>, data: MarketData) -> Event {
    Event { time, symbol, origin: Origin::default(), data }
}

fn rating(
    known: Time,
    published: Time,
    firm: &str,
    previous: Option<&str>,
    grade: &str,
    target: Option<&str>,
) -> Event {
    let r = Rating {
        published,
        firm: firm.into(),
        grade: grade.into(),
        previous: previous.map(Into::into),
        target: target.map(|t| t.parse().unwrap()),
        previous_target: None,
    };
    event(known, Some(symbol("ABC")), MarketData::Rating(r.into()))
}

fn view(now: Time, ask: impl FnOnce(&View<'_>)) {
    let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    ask(&View::new(now, &market, &features, &portfolio));
}

fn run(alpha: &mut RevisionsRole, events: &[Event]) -> (Signals, Vec<BadInput>) {
    let (mut out, mut bad) = (Signals::new(), Vec::new());
    for e in events {
        view(e.time, |v| bad.extend(alpha.on_event(e, v, &mut out).err()));
    }
    (out, bad)
}

fn filtered(role: &mut RevisionsRole, signal: &Signal, now: Time) -> Adjustment {
    let mut answer = None;
    view(now, |v| answer = Some(role.filter(StrategyId::new("s").unwrap(), signal, v)));
    answer.unwrap()
}

#[test]
fn online() {
    testkit::online_suite(&AlphaAnalystRevisionsParams::default(), &actions(1, 200));
    let p = AlphaAnalystRevisionsParams { target_weight: 0.0, half_life_days: 0.5, ..Default::default() };
    testkit::online_suite(&p, &actions(2, 200));
}

#[test]
fn bad_input_is_refused() {
    let mut c = AlphaAnalystRevisionsParams::default().build().unwrap();
    c.batch(&actions(3, 60)).unwrap();
    let good = AlphaAnalystRevisionsIn { time: day(5000), ..actions(4, 1).remove(0) };
    let with = |f: fn(&mut AlphaAnalystRevisionsIn)| {
        let mut x = good.clone();
        f(&mut x);
        x
    };
    testkit::refuses(
        &mut c,
        &[
            with(|x| x.firm = " - ".into()),
            with(|x| x.target = Some(0.0)),
            with(|x| x.target = Some(f64::NAN)),
            with(|x| x.previous_target = Some(-1.0)),
        ],
    );
    let e = AlphaAnalystRevisionsParams {
        symbols: vec![String::new()],
        half_life_days: 0.0,
        full_change: f64::NAN,
        initiation: -1.0,
        target_weight: 11.0,
        full_target: 0.0,
        shrink: 0.0,
        window_days: 0.0,
        coverage_days: -1.0,
        firms: [("A".to_owned(), -1.0)].into(),
        aliases: [("A".to_owned(), " ".to_owned())].into(),
        grades: [("A".to_owned(), 1.5)].into(),
        full_net: 0.0,
        boost: 0.9,
        cut: 1.1,
        enter: 0.0,
        exit: 0.3,
        hold_days: 0.0,
    }
    .build()
    .unwrap_err();
    assert_eq!(e.0.len(), 18, "{e}");
}

#[test]
fn every_parameter_matters() {
    let changes = [
        json!({"symbols": ["TLT"]}),
        json!({"half_life_days": 10.0}),
        json!({"full_change": 0.5}),
        json!({"initiation": 1.0}),
        json!({"target_weight": 1.0}),
        json!({"full_target": 0.5}),
        json!({"shrink": 2.0}),
        json!({"window_days": 20.0}),
        json!({"window_days": 5.0, "coverage_days": 6.0}),
        json!({"firms": {"broker-1": 3.0}}),
        json!({"aliases": {"Broker 2": "Broker 3"}}),
        json!({"grades": {"Franchise Pick": 1.0}}),
        json!({"full_net": 0.3}),
        json!({"boost": 1.5}),
        json!({"cut": 0.2}),
        json!({"enter": 0.3}),
        json!({"exit": 0.0}),
        json!({"hold_days": 3.0}),
    ];
    let events = with_records(5, 400);
    testkit::every_parameter_matters::<AlphaAnalystRevisionsParams>(&changes, |p| {
        let params = serde_json::to_value(p).unwrap();
        let mut trace = online_trace(p, &actions(6, 150));
        for k in 0..2 {
            let said = drive(&|| Probe::all(&PLUGIN, &params).unwrap().remove(k), &events, None);
            trace.extend(said.into_iter().flat_map(String::into_bytes));
        }
        trace
    });
}

#[test]
fn a_signal_begins_fades_and_ends() {
    let mut alpha = RevisionsRole::new(&AlphaAnalystRevisionsParams::default()).unwrap();
    let mut events = vec![rating(day(0), day(0), "A", Some("Sell"), "Buy", None)];
    events.extend((0..120).map(|n| event(day(n).plus(Span::from_secs(72_000)), None, MarketData::SessionClose)));
    let (out, bad) = run(&mut alpha, &events);
    assert!(bad.is_empty());
    // net = d/(1 + d) falls from almost 1/2 to 0.1 where d = 1/9, after 30 log2(9) = 95.1 days; then one last signal of nothing.
    assert_eq!(out.len(), 96);
    let d = (-20.0_f64 / 24.0 / 30.0).exp2();
    assert!((out[0].score - d / (1.0 + d) / 0.5).abs() < 1e-12, "{}", out[0].score);
    assert!(out[..95].windows(2).all(|w| w[0].score > w[1].score) && out[94].score > 0.2);
    assert_eq!((out[95].score, out[95].reason.as_ref()), (0.0, "revisions have faded"));
    assert_eq!(out[0].expires, Some(out[0].time.plus(Span::from_days(7))));
}

#[test]
fn signals_are_scaled_by_what_analysts_did_in_their_direction() {
    let mut role = RevisionsRole::new(&AlphaAnalystRevisionsParams::default()).unwrap();
    let (abc, xyz) = (symbol("ABC"), symbol("XYZ"));
    let long = |s, score: f64| Signal::new(day(1), s, score, 0.5, "").unwrap();
    assert_eq!(filtered(&mut role, &long(abc, 1.0), day(0)).adjust, Adjust::Keep);
    let up = rating(day(0), day(0), "A", Some("Sell"), "Buy", None);
    view(day(0), |v| role.observe(&up, v).unwrap());
    // net 1/2 is full.
    assert_eq!(filtered(&mut role, &long(abc, 0.4), day(0)).adjust, Adjust::Scale(1.25));
    assert_eq!(filtered(&mut role, &long(abc, -0.4), day(0)).adjust, Adjust::Scale(0.5));
    assert_eq!(filtered(&mut role, &long(xyz, 0.4), day(0)).adjust, Adjust::Keep);
    // A pair long ABC and short XYZ for as much: half of it is known.
    let pair = long(abc, 1.0).and(xyz, -1.0);
    assert_eq!(filtered(&mut role, &pair, day(0)).adjust, Adjust::Scale(1.125));
    let against = long(xyz, 1.0).and(abc, -1.0);
    assert_eq!(filtered(&mut role, &against, day(0)).adjust, Adjust::Scale(0.75));
    let faded = filtered(&mut role, &long(abc, 1.0), day(40_000));
    assert!(matches!(faded.adjust, Adjust::Scale(f) if (f - 1.0).abs() < 1e-9), "{faded:?}");
}

#[test]
fn bad_and_odd_records() {
    let mut role = RevisionsRole::new(&AlphaAnalystRevisionsParams::default()).unwrap();
    run(&mut role, &[rating(day(10), day(9), "A", Some("Hold"), "Buy", Some("100"))]);
    let before = role.save().unwrap();
    let mut nobody = rating(day(11), day(11), "A", None, "Buy", None);
    nobody.symbol = None;
    let (_, bad) = run(
        &mut role,
        &[nobody, rating(day(11), day(12), "A", None, "Buy", None), rating(day(11), day(11), "", None, "Buy", None)],
    );
    assert_eq!(bad.iter().map(|b| b.what.as_str()).collect::<Vec<_>>(), ["symbol", "published", "firm"]);
    // A firm without a name still opened no book; everything is as before.
    assert_eq!(role.save().unwrap(), before);
    let split = CorporateAction::Split { numerator: 4, denominator: 1 };
    let (out, bad) = run(
        &mut role,
        &[
            rating(day(11), day(8), "A", None, "Sell", None),
            rating(day(11), day(11), "A", None, "Franchise Pick", None),
            event(day(12), Some(symbol("ABC")), MarketData::CorporateAction(split)),
            // A quarter of the target for a quarter of the share is no revision.
            rating(day(13), day(13), "A", None, "", Some("25")),
            // Ten times as much is a slip.
            rating(day(14), day(14), "A", None, "", Some("250")),
            event(
                day(15),
                Some(symbol("ABC")),
                MarketData::CorporateAction(CorporateAction::SymbolChange { to: symbol("XYZ") }),
            ),
            event(day(15), None, MarketData::SessionClose),
        ],
    );
    assert!(bad.is_empty());
    assert_eq!(out[0].symbol(), symbol("XYZ"));
    assert!(out[0].score > 0.0 && out[0].numbers.iter().all(|n| n.0 != "target_revision"), "{out:?}");
    let mut m = Metrics::new();
    role.metrics(&mut m);
    for name in ["revisions_unknown_grades", "revisions_late", "revisions_incomparable_targets"] {
        assert!(m.contains(&(name, 1.0)), "{name}: {m:?}");
    }
}

/// Informed revisions are found, random ones earn nothing.
#[test]
fn a_planted_effect_is_found_and_a_placebo_is_not() {
    for (effect, seed) in [(0.01, 3_u64), (0.0, 4)] {
        let mut rng = Rng(seed);
        let (mut earned, mut squares, mut n) = (0.0, 0.0, 0.0);
        for _ in 0..40 {
            let mut role = RevisionsRole::new(&AlphaAnalystRevisionsParams::default()).unwrap();
            let mut drift = 0.0;
            for d in 0..750 {
                let mut today = Vec::new();
                if rng.uniform() > 0.95 {
                    let up = rng.uniform() > 0.5;
                    let (old, new) = if up { ("Sell", "Buy") } else { ("Buy", "Sell") };
                    let firm = format!("Broker {}", rng.next_u64());
                    today.push(rating(day(d), day(d), &firm, Some(old), new, None));
                    drift = effect * if up { 1.0 } else { -1.0 };
                }
                today.push(event(day(d).plus(Span::from_secs(72_000)), None, MarketData::SessionClose));
                let (out, _) = run(&mut role, &today);
                // The move goes on for some days after the revision.
                let next = drift + 0.02 * rng.normal();
                drift *= 0.8;
                if let Some(s) = out.first() {
                    earned += s.score * next;
                    squares += (s.score * next).powi(2);
                    n += 1.0;
                }
            }
        }
        let t = earned / f64::sqrt(squares);
        println!("effect {effect}: {n} signals, mean {:.5}, t {t:.1}", earned / n);
        assert!(n > 5000.0);
        assert!(if effect > 0.0 { t > 5.0 } else { t.abs() < 3.0 }, "effect {effect}: t {t}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn scores_stay_within_bounds_and_the_future_only_fades(seed in any::<u64>(), shrink in 0.1_f64..5.0, weight in 0.0_f64..3.0) {
        let p = AlphaAnalystRevisionsParams { shrink, target_weight: weight, ..Default::default() };
        let mut c = p.build().unwrap();
        let rows = actions(seed, 80);
        for x in &rows {
            let o = c.update(x).unwrap().unwrap();
            prop_assert!(o.net.abs() < 1.0 && (0.0..1.0).contains(&o.confidence));
            prop_assert!(o.breadth.is_none_or(|b| b.abs() <= 1.0) && o.up + o.down <= o.firms.max(o.up + o.down));
        }
        // Words that mean nothing, ten half-lives later: all that is left is a thousandth.
        let late = AlphaAnalystRevisionsIn {
            time: rows[79].time.plus(Span::from_days(300)),
            firm: "Z".into(),
            grade: Some("hmm".into()),
            previous: None,
            target: None,
            previous_target: None,
        };
        let o = c.update(&late).unwrap().unwrap();
        prop_assert!(o.net.abs() <= 6.0 * (1.0 + weight) / 1024.0 / shrink + 1e-12);
    }
}
