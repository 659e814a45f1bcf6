//! fe_mini_pca: conformance of the calculator, its parameters and its feature.

use serde_json::json;
use tradewind_core_types::{
    Bar, CorporateAction, Event, Feature, FeatureId, FeatureValues, Market, MarketData, Online, Origin, Params,
    Portfolio, Price, Probe, Span, Symbol, Table, Time, View, testkit,
};
use tradewind_features::plugins::fe_mini_pca::{
    FeMiniPcaFeature, FeMiniPcaIn, FeMiniPcaOut, FeMiniPcaParams, MAX_COLUMNS, PLUGIN, Take,
};
use tradewind_numerics::pca::Signs;

fn symbols(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("S{i}")).collect()
}

/// Prices that share a factor.
fn rows(seed: u64, n: usize, columns: usize) -> Vec<Vec<f64>> {
    let all: Vec<Vec<f64>> = (0..=columns as u64).map(|k| testkit::closes(seed + k, n)).collect();
    (0..n).map(|i| (1..=columns).map(|j| all[0][i] * all[j][i] / 100.0).collect()).collect()
}

fn inputs(n: usize, columns: usize) -> Vec<FeMiniPcaIn> {
    rows(5, n, columns).iter().map(|r| FeMiniPcaIn::of(r).unwrap()).collect()
}

/// With cells missing here and there.
fn gapped(n: usize) -> Vec<FeMiniPcaIn> {
    let mut all = inputs(n, 3);
    all.iter_mut().enumerate().filter(|(i, _)| i % 11 == 5).for_each(|(_, r)| r.x2 = None);
    all
}

#[test]
fn conformance() {
    for take in [Take::Returns, Take::Level] {
        for (whiten, signs, forget) in [(false, Signs::Continuous, 1.0), (true, Signs::Largest, 0.9)] {
            let p = FeMiniPcaParams { take, whiten, signs, forget, ..Default::default() };
            testkit::online_suite(&p, &inputs(160, 3));
            testkit::online_suite(&p, &gapped(160));
        }
    }
    let p = FeMiniPcaParams { symbols: symbols(32), components: 8, batch: 8, ..Default::default() };
    testkit::online_suite(&p, &inputs(60, 32));
    let p = FeMiniPcaParams { symbols: symbols(1), components: 1, batch: 2, ..Default::default() };
    testkit::online_suite(&p, &inputs(60, 1));
}

#[test]
fn bad_input_is_refused_by_name() {
    for take in [Take::Returns, Take::Level] {
        let mut c = FeMiniPcaParams { take, ..Default::default() }.build().unwrap();
        inputs(70, 3).iter().for_each(|x| {
            c.update(x).unwrap();
        });
        let with = |x: f64| FeMiniPcaIn { x1: Some(50.0), x2: Some(x), x3: Some(50.0), ..Default::default() };
        let bad = [f64::NAN, f64::INFINITY, 1e101, 0.0, -1.0].map(with);
        testkit::refuses(&mut c, if take == Take::Returns { &bad } else { &bad[..3] });
        let e = c.update(&bad[0]).unwrap_err().to_string();
        assert!(e.starts_with("TLT is \"NaN\""), "{e}");
        let more = FeMiniPcaIn { x4: Some(1.0), ..with(50.0) };
        testkit::refuses(&mut c, &[more]);
        assert!(c.update(&more).unwrap_err().to_string().contains("x4") && c.row(&[Some(1.0); 2]).is_err());
    }
    let mut c = FeMiniPcaParams::default().build().unwrap();
    c.update(&FeMiniPcaIn::of(&[1.0, 1e-90, 1.0]).unwrap()).unwrap();
    testkit::refuses(&mut c, &[FeMiniPcaIn::of(&[1.0, 1e90, 1.0]).unwrap()]);
    assert!(FeMiniPcaIn::of(&[1.0; MAX_COLUMNS + 1]).is_none());
}

#[test]
fn bad_parameters_are_named_all_at_once() {
    let p = FeMiniPcaParams {
        symbols: vec!["no spaces".into(), "SPY".into(), "SPY".into()],
        components: 4,
        batch: 3,
        forget: 0.0,
        input: "no name!".into(),
        name: "x y".into(),
        ..Default::default()
    };
    let e = p.build().unwrap_err();
    // components, batch, forget, symbols twice, input, name.
    assert_eq!(e.0.len(), 7, "{e}");
    let e = FeMiniPcaParams { components: 4, ..Default::default() }.build().unwrap_err().to_string();
    assert_eq!(e, "components: is 4: expected 1 to 3 for 3 columns (at most 8)");
    for wrong in [
        FeMiniPcaParams { symbols: vec![], ..Default::default() },
        FeMiniPcaParams { symbols: symbols(33), ..Default::default() },
        FeMiniPcaParams { components: 0, ..Default::default() },
        FeMiniPcaParams { components: 9, symbols: symbols(20), ..Default::default() },
        FeMiniPcaParams { batch: 1, ..Default::default() },
        FeMiniPcaParams { batch: 10_001, ..Default::default() },
        FeMiniPcaParams { forget: f64::NAN, ..Default::default() },
        FeMiniPcaParams { forget: 1.01, ..Default::default() },
    ] {
        assert!(wrong.build().is_err(), "{wrong:?}");
    }
}

#[test]
fn every_parameter_changes_something() {
    let events = testkit::daily_events(3, 200);
    let xs: Vec<FeMiniPcaIn> = inputs(300, 3);
    testkit::every_parameter_matters::<FeMiniPcaParams>(
        &[
            json!({"symbols": ["SPY", "TLT", "MSFT"]}),
            json!({"components": 1}),
            json!({"batch": 20}),
            json!({"forget": 0.9}),
            json!({"whiten": true}),
            json!({"forget": 0.5, "signs": "largest"}),
            json!({"take": "level"}),
            json!({"input": "fe_x.{symbol}.value"}),
            json!({"name": "factors"}),
        ],
        |p| {
            let mut trace = testkit::online_trace(p, &xs);
            let value = serde_json::to_value(p).unwrap();
            let build = || Probe::all(&PLUGIN, &value).unwrap().remove(0);
            trace.extend(testkit::drive(&build, &events, None).concat().into_bytes());
            trace.extend(format!("{:?}", build_feature(&value).inputs()).into_bytes());
            trace
        },
    );
}

fn build_feature(p: &serde_json::Value) -> Box<dyn Feature> {
    PLUGIN.feature.unwrap()(p).unwrap()
}

#[test]
fn registry_entry_and_roles_conform() {
    testkit::info_suite(&PLUGIN);
    for whiten in [false, true] {
        testkit::role_suite(&PLUGIN, &json!({"whiten": whiten, "forget": 0.9}));
    }
}

#[test]
fn cells_missing_cost_their_rows_and_are_counted() {
    let p = FeMiniPcaParams { take: Take::Level, ..Default::default() };
    let mut c = p.build().unwrap();
    let out = c.batch(&gapped(100)).unwrap();
    for (i, o) in out.iter().enumerate() {
        assert_eq!(o.is_some(), i >= 21);
        let Some(o) = o else { continue };
        // Rows 5 and 16 are missing: the first 21 whole rows end with row 22.
        assert_eq!(o.pc1.is_some(), i > 22 && i % 11 != 5, "{i}");
        assert_eq!(o.explained.is_some(), i > 22);
    }
    assert_eq!(c.summary()["skipped"], 9);
    assert_eq!(c.summary()["fits"], 4);
    let mut returns = FeMiniPcaParams::default().build().unwrap();
    returns.batch(&gapped(100)).unwrap();
    assert_eq!(returns.summary()["skipped"], 18);
}

#[test]
fn as_a_table_it_takes_as_many_columns_as_there_are_symbols() {
    let mut t =
        PLUGIN.table.unwrap()(&json!({"symbols": ["A", "B"], "components": 1, "batch": 2, "take": "level"})).unwrap();
    assert!(t.inputs().len() == MAX_COLUMNS && t.inputs().iter().all(|c| c.optional));
    assert_eq!(t.outputs()[..2], ["pc1", "pc2"]);
    check_table(t.as_mut());
}

fn check_table(t: &mut dyn Table) {
    use tradewind_core_types::Cell;
    let row = |a: f64, b: f64| {
        let mut cells = vec![Cell::Null; MAX_COLUMNS];
        (cells[0], cells[1]) = (Cell::F64(a), Cell::F64(b));
        cells
    };
    let mut out = Vec::new();
    for (a, b) in [(0.0, 0.0), (2.0, 2.0)] {
        t.update(&row(a, b), &mut out).unwrap();
        assert!(out.is_empty());
    }
    t.update(&row(4.0, 4.0), &mut out).unwrap();
    // (3, 3) from the mean, along the diagonal.
    assert!(matches!(out[0], Cell::F64(x) if (x - 18.0_f64.sqrt()).abs() < 1e-12) && out[1] == Cell::Null, "{out:?}");
}

fn event(day: i64, symbol: Option<&str>, data: MarketData) -> Event {
    let time = Time::from_ymd(2015, 1, 2).unwrap().plus(Span::from_days(day));
    Event { time, symbol: symbol.map(|s| Symbol::new(s).unwrap()), origin: Origin::default(), data }
}

fn bar(x: f64) -> MarketData {
    MarketData::Bar(Bar::close_only(Price::from_f64(x).unwrap()))
}

#[test]
fn the_feature_joins_symbols_by_session() {
    let p = FeMiniPcaParams {
        symbols: ["SPY", "TLT"].map(String::from).to_vec(),
        batch: 10,
        name: "f".into(),
        ..Default::default()
    };
    let mut feature = FeMiniPcaFeature::new(&p).unwrap();
    let names: Vec<String> = feature.outputs().iter().map(|o| format!("{} in {}", o.id, o.unit)).collect();
    assert_eq!(names, ["f.pc1 in return", "f.pc2 in return", "f.explained in 1", "f.residual in return"]);
    let mut alone = p.build().unwrap();
    let (market, none, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
    let view = View::new(Time::MIN, &market, &none, &portfolio);
    for (day, r) in rows(9, 60, 2).iter().enumerate() {
        let (i, mut out) = (day as i64, FeatureValues::default());
        // TLT does not trade on day 30; SPY is split on day 40; a bar in the middle of the day is not the last one.
        let (tlt, split) = ((day != 30).then_some(r[1]), if day >= 40 { 2.0 } else { 1.0 });
        if day == 40 {
            let action = CorporateAction::Split { numerator: 2, denominator: 1 };
            feature.on_event(&event(i, Some("SPY"), MarketData::CorporateAction(action)), &view, &mut out).unwrap();
        }
        feature.on_event(&event(i, Some("SPY"), bar(r[0] / split * 1.01)), &view, &mut out).unwrap();
        if let Some(x) = tlt {
            feature.on_event(&event(i, Some("TLT"), bar(x)), &view, &mut out).unwrap();
        }
        feature.on_event(&event(i, Some("SPY"), bar(r[0] / split)), &view, &mut out).unwrap();
        assert_eq!(out.iter().count(), 0);
        let close = event(i, None, MarketData::SessionClose);
        feature.on_event(&close, &view, &mut out).unwrap();
        let exact = |x: f64| Price::from_f64(x).unwrap().to_f64();
        let want = alone.row(&[Some(exact(r[0] / split) * split), tlt.map(exact)]).unwrap();
        let got = |what: &str| out.get(FeatureId::new(what).unwrap()).map(|v| v.0);
        assert_eq!(got("f.pc1").is_some(), day > 10 && day != 30 && day != 31, "{day}");
        if let Some(FeMiniPcaOut { pc1: Some(pc1), pc2: Some(pc2), explained, residual, .. }) = want {
            assert_eq!((got("f.pc1"), got("f.pc2")), (Some(pc1), Some(pc2)), "{day}");
            assert_eq!((got("f.explained"), got("f.residual")), (explained, residual));
        }
    }
}

#[test]
fn the_feature_reads_other_features_and_passes_over_what_it_cannot_use() {
    let p = json!({"symbols": ["SPY", "TLT"], "components": 1, "batch": 5, "input": "fe_x.{symbol}.value", "take": "level", "whiten": true});
    let mut feature = build_feature(&p);
    let ids: Vec<FeatureId> = ["fe_x.SPY.value", "fe_x.TLT.value"].map(|s| FeatureId::new(s).unwrap()).to_vec();
    assert_eq!(feature.inputs(), ids);
    assert_eq!(feature.outputs()[0].unit, "standard deviations");
    let (market, portfolio) = (Market::default(), Portfolio::default());
    let mut features = FeatureValues::default();
    let mut rng = testkit::Rng(2);
    for day in 0..30 {
        features.set(ids[0], if day == 12 { 1e150 } else { rng.normal() }, Time::MIN);
        // Not on day 20.
        if day != 20 {
            features.set(ids[1], rng.normal(), Time::MIN);
        }
        let view = View::new(Time::MIN, &market, &features, &portfolio);
        let mut out = FeatureValues::default();
        let answer = feature.on_event(&event(day, None, MarketData::SessionClose), &view, &mut out);
        assert_eq!(answer.is_err(), day == 12, "{answer:?}");
        assert_eq!(out.iter().count(), if day < 5 || day == 12 || day == 20 { 0 } else { 3 }, "{day}");
    }
}
