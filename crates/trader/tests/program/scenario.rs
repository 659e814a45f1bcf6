//! The simulated scenario: planted effects are found, placebos are not, and everything says that it is simulated.

use std::fs;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradewind_core_types::{
    Alpha, BadInput, Event, MarketData, News, Origin, Plugin, Probe, Signal, Signals, Symbol, View,
};
use tradewind_trader::check::{Suspect, another_future, lookahead};
use tradewind_trader::dataset::Dataset;
use tradewind_trader::keeper::Keeper;
use tradewind_trader::{Config, run};

use crate::common::{hash, succeeds, trader};

fn scenario(set: &[&str]) -> Config {
    let set: Vec<String> = set.iter().map(|s| (*s).to_owned()).collect();
    Config::scenario("simulated", &set).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn it_runs_repeats_and_says_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let out = succeeds(dir.path(), &["backtest", "--scenario", "simulated", "--out", "a"]);
    assert!(out.contains("SIMULATED DATA"), "{out}");
    let again = succeeds(dir.path(), &["backtest", "--scenario", "simulated", "--out", "b", "--set", "run.threads=1"]);
    assert_eq!(hash(&out), hash(&again));
    let written = succeeds(dir.path(), &["backtest", "a/config.toml", "--out", "c"]);
    assert_eq!(hash(&out), hash(&written), "the written configuration is another run");
    let seed =
        succeeds(dir.path(), &["backtest", "--scenario", "simulated", "--out", "d", "--set", "data.simulate.seed=12"]);
    assert_ne!(hash(&out), hash(&seed));
    let summary: Value = serde_json::from_str(&fs::read_to_string(dir.path().join("a/summary.json")).unwrap()).unwrap();
    assert_eq!(summary["simulated"], true);
    assert_eq!(summary["sources"][0], "simulated with planted effects (seed 11)");
    let report = fs::read_to_string(dir.path().join("a/report.html")).unwrap();
    assert!(report.contains("backtest (simulated data)") && report.contains("The data are simulated"));

    // The default scenario is what runs without a name; others are not known.
    let r = trader(dir.path(), &["backtest", "--scenario", "simulatde"]);
    assert!(r.code == Some(2) && r.err.contains("did you mean \"simulated\"?"), "{}", r.err);
    let r = trader(dir.path(), &["backtest", "a/config.toml", "--scenario", "simulated"]);
    assert_eq!(r.code, Some(2), "a file or a scenario: {}", r.err);

    // Each scanner's record is among the rows behind its decisions.
    let mut wanted = vec![
        ("alpha_google_trends", "search interest "),
        ("alpha_analyst_revisions", "rating by SIM "),
        ("alpha_whisper_spread", "earnings of 20"),
    ];
    for n in 1..400 {
        let n = n.to_string();
        let text = succeeds(dir.path(), &["explain", "a", &n]);
        assert!(text.contains("verified"), "{text}");
        wanted.retain(|(plugin, what)| {
            let known = text.lines().find(|l| l.starts_with("known ") && l.ends_with(&format!("for {plugin}")));
            let signal = text.lines().any(|l| l.starts_with("signal ") && l.contains(plugin));
            if signal {
                let known = known.unwrap_or_else(|| panic!("no row of {plugin} in\n{text}"));
                assert!(
                    known.contains(what) && known.contains("simulated with planted effects (seed 11), row "),
                    "{known}"
                );
            }
            !signal
        });
        if wanted.is_empty() {
            return;
        }
    }
    panic!("never seen: {wanted:?}");
}

/// Sum and t-statistic of what trades have realised: on informed symbols and on placebos.
fn earned(keeper: &Keeper) -> [(usize, f64, f64); 2] {
    [1, 0].map(|odd| {
        let informed = |s: Symbol| s.as_str()[3..].parse::<u32>().unwrap() % 2 == odd;
        let of = keeper.fills.iter().filter(|f| informed(f.fill.symbol));
        let xs: Vec<f64> = of.filter_map(|f| f.realised).map(|c| c.to_f64()).collect();
        let n = xs.len() as f64;
        let mean = xs.iter().sum::<f64>() / n;
        let sd = (xs.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0)).sqrt();
        (xs.len(), xs.iter().sum(), mean / sd * n.sqrt())
    })
}

#[test]
fn each_scanner_earns_where_something_is_planted_and_not_on_placebos() {
    for name in ["news", "revisions", "earnings"] {
        // By itself, at its full size: neither other scanners nor the places and filters decide.
        // Four times as many symbols as the scenario has, each a quarter as large: reports are rare, and 24 symbols have too few for a verdict.
        let mut config =
            scenario(&["report.ablation=false", "engine.executor.max_positions=96", "data.simulate.count=96"]);
        config.strategy.retain(|n, _| n == name);
        for s in config.strategy.values_mut() {
            s.filters.clear();
            s.base *= 0.25;
        }
        let data = Dataset::load(&config).unwrap();
        let mut keeper = Keeper::default();
        run::execute(&config, &data, &mut keeper).unwrap();
        let [informed, placebo] = earned(&keeper);
        println!("{name}: informed {informed:?}, placebo {placebo:?}");
        assert!(informed.0 > 50 && placebo.0 > 50, "{name}: {informed:?} {placebo:?}");
        assert!(informed.2 > 3.5, "{name} earns with t {} on informed symbols", informed.2);
        assert!(
            placebo.2.abs() < 3.0 && placebo.1.abs() < 0.25 * informed.1,
            "{name}: {informed:?}, placebo {placebo:?}"
        );
        // With the records of everyone made placebos nothing is left.
        let mut config = config;
        let planted = config.data.planted.as_mut().unwrap();
        (planted.trend_effect, planted.rating_effect, planted.whisper_slope) = (0.0, 0.0, 0.0);
        let mut keeper = Keeper::default();
        run::execute(&config, &Dataset::load(&config).unwrap(), &mut keeper).unwrap();
        let [a, b] = earned(&keeper);
        println!("{name}: nothing planted {a:?} {b:?}");
        // Whispers that mean nothing are found out, and no longer traded on.
        for x in [a, b] {
            assert!(x.0 == 0 || x.2.abs() < 3.0, "{name}: {a:?} {b:?}");
        }
    }
}

#[test]
fn the_modifier_makes_signals_against_the_analysts_smaller() {
    let dir = tempfile::tempdir().unwrap();
    succeeds(dir.path(), &["backtest", "--scenario", "simulated", "--out", "a", "--set", "report.ablation=false"]);
    let run = tradewind_trader::run_folder::RunFolder::open(dir.path().join("a").to_str().unwrap()).unwrap();
    let (mut up, mut down) = (0, 0);
    for d in run.decisions().unwrap() {
        let d = d.unwrap();
        d.verify().unwrap();
        for s in d.contributions.iter().filter(|c| c.strategy.as_str() != "revisions").flat_map(|c| &c.steps).skip(1) {
            if let ("alpha_analyst_revisions", tradewind_core_types::Adjust::Scale(x)) =
                (s.plugin.as_str(), s.adjustment.adjust)
            {
                assert!((0.5..=1.25).contains(&x), "{x}");
                up += usize::from(x > 1.0);
                down += usize::from(x < 1.0);
            }
        }
    }
    assert!(up > 20 && down > 20, "{up} {down}");
}

#[test]
fn the_checks_accept_it() {
    let dir = tempfile::tempdir().unwrap();
    let short = ["--set", "data.simulate.count=6", "--set", "run.to=2012-12-31"];
    let out =
        succeeds(dir.path(), &[&["check", "lookahead", "--scenario", "simulated", "--cuts", "3"], &short[..]].concat());
    assert!(out.contains("lookahead: none, at 3 cuts"), "{out}");
    for line in ["alpha.attention (alpha_google_trends)", "filter.analysts (alpha_analyst_revisions)", "alpha.whisper"]
    {
        assert!(out.contains(line), "{line} in\n{out}");
    }
    let out = succeeds(
        dir.path(),
        &[&["check", "determinism", "--scenario", "simulated", "--stops", "3"], &short[..]].concat(),
    );
    assert!(out.contains("determinism: 14 runs, one hash"), "{out}");
    assert_eq!(succeeds(dir.path(), &["check", "config", "--scenario", "simulated"]), "configuration: fine\n");
    assert_eq!(succeeds(dir.path(), &["check", "data", "--scenario", "simulated"]), "data: fine\n");
}

/// Knows the next record of its kind when it sees a session close, or, when honest, the last.
#[derive(Serialize, Deserialize)]
struct Reader {
    rank: u8,
    honest: bool,
    records: Vec<Event>,
}

fn content(d: &MarketData) -> f64 {
    match d {
        MarketData::News(n) => n.sentiment.unwrap_or(0.0) + n.headline.len() as f64,
        MarketData::Earnings(e) => e.actual.unwrap_or(0.0) + e.whisper.unwrap_or(0.0) - e.consensus.unwrap_or(0.0),
        MarketData::Rating(r) => r.grade.len() as f64 + r.target.map_or(0.0, |t| t.to_f64()),
        MarketData::SearchTrend(s) => s.interest,
        _ => 0.0,
    }
}

impl Plugin for Reader {
    fn id(&self) -> &'static str {
        "reader"
    }
}

impl Alpha for Reader {
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        if matches!(event.data, MarketData::SessionClose) {
            let of_kind = || self.records.iter().filter(|e| e.data.rank() == self.rank);
            let known = if self.honest {
                of_kind().rfind(|e| e.time <= event.time)
            } else {
                of_kind().find(|e| e.time > event.time)
            };
            if let Some(e) = known {
                let score = content(&e.data).sin();
                out.push(Signal::new(view.now, e.symbol.unwrap(), score, 0.5, "what the record says")?);
            }
        }
        Ok(())
    }
}

/// A short run of four symbols with a news item a day.
fn with_news() -> (Config, Dataset) {
    let config = scenario(&["data.simulate.count=4", "data.simulate.sessions=600", "run.to=2012-05-16"]);
    let mut events = Dataset::load(&config).unwrap().events().unwrap();
    let closes: Vec<Event> = events.iter().filter(|e| matches!(e.data, MarketData::SessionClose)).cloned().collect();
    for (i, e) in closes.iter().enumerate() {
        let news = News {
            published: e.time,
            headline: format!("Item {i}"),
            body: "Something has happened".into(),
            source: "SIM".into(),
            sentiment: Some((i as f64).sin()),
        };
        let symbol = Some(Symbol::new("SIM0001").unwrap());
        events.push(Event { time: e.time, symbol, origin: Origin::default(), data: MarketData::News(Arc::new(news)) });
    }
    events.sort_by_key(|e| (e.time, e.data.rank()));
    (config, Dataset::of_events(events, "simulated, with news"))
}

#[test]
fn whoever_reads_the_next_record_is_caught() {
    let (config, data) = with_news();
    // News, earnings, ratings, search interest.
    for rank in [8, 9, 10, 11] {
        let judge = |honest: bool| {
            let build = move |events: &[Event]| {
                let records = events.iter().filter(|e| e.data.rank() == rank).cloned().collect();
                Probe::Alpha(Box::new(Reader { rank, honest, records }))
            };
            let suspects: [Suspect<'_>; 1] = [("the reader", &build)];
            lookahead(&config, &data, 2, &suspects)
        };
        judge(true).unwrap_or_else(|e| panic!("{rank}: an honest reader is accused: {e}"));
        let e = judge(false).expect_err("the reader gets away with it").to_string();
        assert!(e.contains("the reader looks ahead"), "{rank}: {e}");
    }
}

#[test]
fn after_the_cut_every_record_says_something_else() {
    let (_, data) = with_news();
    let events = data.events().unwrap();
    let cut = events[events.len() / 3].time;
    let other = another_future(&events, cut, 5);
    for rank in [8, 9, 10, 11] {
        let of = |all: &[Event]| -> Vec<Event> { all.iter().filter(|e| e.data.rank() == rank).cloned().collect() };
        let (a, b) = (of(&events), of(&other));
        let past = |all: &[Event]| all.iter().filter(|e| e.time <= cut).cloned().collect::<Vec<_>>();
        assert!(past(&a) == past(&b) && past(&a).len() < a.len() - 20, "{rank}");
        assert!(b.len() < a.len(), "{rank}: none is missing");
        let later = |all: &[Event]| all.iter().filter(|e| e.time > cut).cloned().collect::<Vec<_>>();
        for e in later(&b) {
            let same = later(&a).iter().any(|x| x.time == e.time && x.symbol == e.symbol && x.data == e.data);
            assert!(!same, "{rank}: unchanged: {e:?}");
        }
    }
}
