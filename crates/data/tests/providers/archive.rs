//! The archive: what is new, what has changed, what comes late, and that it reads back as events.

use std::cell::Cell;
use std::path::Path;

use tradewind_core_types::{MarketData, Price, Rating, Span};
use tradewind_data::providers::{FetchConfig, Pending, ProviderConfig, SimulatedConfig, fetch, fetch_with};
use tradewind_data::{Added, Archive, Kind, open};

use super::*;

fn rating(known: &str, published: &str, firm: &str, target: Option<f64>) -> Event {
    let r = Rating {
        published: t(published),
        firm: firm.into(),
        grade: "Buy".into(),
        previous: None,
        target: target.map(|x| Price::from_f64(x).unwrap()),
        previous_target: None,
    };
    Event {
        time: t(known),
        symbol: Some(symbol("ABC")),
        origin: Default::default(),
        data: MarketData::Rating(r.into()),
    }
}

fn archive(folder: &Path) -> Archive {
    Archive::open(folder, "test", Kind::Rating).unwrap()
}

#[test]
fn only_what_is_new_is_added_and_nothing_is_backdated() {
    let folder = tempfile::tempdir().unwrap();
    let abc = symbol("ABC");
    let mut a = archive(folder.path());
    let first = rating("2026-01-05T12:00:00Z", "2026-01-05T12:00:00Z", "A", None);
    let now = t("2026-01-06T00:00:00Z");
    let added = a.add(abc, vec![first.clone()], now, true).unwrap();
    a.note(abc, now, 1, added.new, None).unwrap();
    assert_eq!(added, Added { new: 1, ..Added::default() });
    // The next day, after a restart: the same, the same with a target, one that claims to have been there, one that is new.
    let mut a = archive(folder.path());
    assert_eq!(a.asked(abc), Some(now));
    let now = t("2026-01-07T00:00:00Z");
    let batch = vec![
        rating("2026-01-05T12:00:00Z", "2026-01-05T12:00:00Z", "A", Some(100.0)),
        rating("2026-01-04T12:00:00Z", "2026-01-04T12:00:00Z", "B", None),
        rating("2026-01-06T12:00:00Z", "2026-01-06T12:00:00Z", "C", None),
        first,
    ];
    let added = a.add(abc, batch, now, true).unwrap();
    // The first record again differs from the version with a target by now, in whichever order they come.
    assert_eq!((added.new, added.delayed), (2, 1));
    assert!(added.revised >= 1);
    let known: Vec<_> = open(&a.source(), 0).unwrap().map(|e| e.unwrap().time.to_string()).collect();
    assert_eq!(known[..2], ["2026-01-05T12:00:00Z", "2026-01-06T12:00:00Z"]);
    assert!(known[2..].iter().all(|k| k == "2026-01-07T00:00:00Z"));
    // Without revisions the first print stays.
    let before = a.len();
    let changed = rating("2026-01-06T12:00:00Z", "2026-01-06T12:00:00Z", "C", Some(5.0));
    let added = a.add(abc, vec![changed], t("2026-01-08T00:00:00Z"), false).unwrap();
    assert_eq!((added.repeated, a.len()), (1, before));
}

#[test]
fn a_line_that_was_cut_off_is_removed_and_everything_else_stays() {
    let folder = tempfile::tempdir().unwrap();
    let abc = symbol("ABC");
    let one = rating("2026-01-05T12:00:00Z", "2026-01-05T12:00:00Z", "A", None);
    archive(folder.path()).add(abc, vec![one.clone()], t("2026-01-06T00:00:00Z"), true).unwrap();
    let path = folder.path().join("test.jsonl");
    let whole = std::fs::read(&path).unwrap();
    let mut cut = whole.clone();
    cut.extend_from_slice(&whole[..whole.len() / 2]);
    std::fs::write(&path, cut).unwrap();
    let mut a = archive(folder.path());
    assert_eq!((a.len(), std::fs::read(&path).unwrap()), (1, whole));
    assert_eq!(a.add(abc, vec![one], t("2026-01-07T00:00:00Z"), true).unwrap().repeated, 1);
    // Something else in its place is an error that names the file.
    std::fs::write(&path, "{\"time\": 3}\n").unwrap();
    let e = Archive::open(folder.path(), "test", Kind::Rating).unwrap_err();
    assert!(e.to_string().contains("test.jsonl"), "{e}");
    assert!(Archive::open(folder.path(), "../x", Kind::Rating).is_err());
}

/// A provider that answers as told.
struct Told(Vec<Result<Vec<Event>, Fault>>);

impl Provider for Told {
    fn id(&self) -> &str {
        "told"
    }
    fn kind(&self) -> Kind {
        Kind::Rating
    }
    fn fetch<'a>(&'a mut self, _: &'a Ask) -> Pending<'a> {
        let answer = self.0.remove(0);
        Box::pin(std::future::ready(
            answer
                .map(|records| Batch { records, notes: vec![("odd rows".into(), 2)] })
                .map_err(|fault| ProviderError { provider: "told".into(), symbol: None, place: "here".into(), fault }),
        ))
    }
}

#[test]
fn a_failing_provider_degrades_its_signal_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let symbols = ["ABC", "DEF", "GHI"].map(str::to_owned).to_vec();
    let config = FetchConfig { symbols, directory: folder.path().into(), ..Default::default() };
    let good = vec![rating("2026-01-05T12:00:00Z", "2026-01-05T12:00:00Z", "A", None)];
    let (clock, at) = (Cell::new(t("2026-01-06T00:00:00Z")), |c: &Cell<Time>| c.get());
    let mut seen = Vec::new();
    let mut run = |answers: Vec<Result<Vec<Event>, Fault>>| {
        let told: Box<dyn Provider> = Box::new(Told(answers));
        let missing = ProviderError {
            provider: "keyless".into(),
            symbol: None,
            place: "".into(),
            fault: Fault::MissingKey { variable: "X_KEY".into() },
        };
        let report = fetch_with(&config, vec![Err(missing), Ok(told)], &|| at(&clock), &mut |p| seen.push(p.clone()));
        report.unwrap()
    };
    // A fault of one symbol leaves the others; a lasting one ends the provider's turn.
    let r = run(vec![Ok(good.clone()), Err(Fault::Html { status: 200, text: String::new() }), Ok(Vec::new())]);
    assert!(!r.is_complete());
    assert!(r.providers[0].degraded.as_deref().unwrap().contains("X_KEY is not set"), "{r}");
    assert_eq!((r.providers[1].asked, r.providers[1].added.new, r.providers[1].failures.len()), (3, 1, 1));
    assert!(r.providers[1].degraded.is_none() && r.to_string().contains("left out: 4 odd rows"), "{r}");
    // At once again: only what failed is asked for.
    let r = run(vec![Err(Fault::RateLimited { wait: None })]);
    assert_eq!((r.providers[1].asked, r.providers[1].fresh), (1, 1));
    assert!(r.to_string().contains("degraded: told, DEF, here: too many requests"), "{r}");
    clock.set(clock.get().plus(Span::from_days(1)));
    let r = run(vec![Ok(good), Ok(Vec::new()), Ok(Vec::new())]);
    assert_eq!((r.providers[1].asked, r.providers[1].added.repeated), (3, 1));
    assert_eq!(seen.iter().filter(|p| p.error.is_some()).count(), 2);
}

#[test]
fn simulated_records_end_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let providers =
        [("sim_ratings", Kind::Rating), ("sim_trends", Kind::SearchTrend), ("sim_earnings", Kind::Earnings)];
    let provider = providers.map(|(name, kind)| {
        ProviderConfig::Simulated(SimulatedConfig { name: name.into(), kind, ..Default::default() })
    });
    let config = FetchConfig {
        symbols: vec!["AAA".into(), "BBB".into()],
        directory: folder.path().into(),
        provider: provider.to_vec(),
        ..Default::default()
    };
    let r = fetch(&config, &|| t("2010-12-01T00:00:00Z"), &mut |_| ()).unwrap();
    assert!(r.is_complete(), "{r}");
    for (p, (name, kind)) in r.providers.iter().zip(providers) {
        let a = Archive::open(folder.path(), name, kind).unwrap();
        let events: Vec<_> = open(&a.source(), 0).unwrap().map(Result::unwrap).collect();
        assert!(events.len() as u64 == p.added.new && events.is_sorted_by_key(|e| e.time), "{r}");
        assert!(events.len() > 6, "{r}");
    }
    let bad = FetchConfig { refresh_hours: -1.0, ..Default::default() };
    let e = fetch(&bad, &|| t("2010-12-01T00:00:00Z"), &mut |_| ()).unwrap_err().to_string();
    assert!(e.contains("refresh_hours") && e.contains("symbols") && e.contains("provider"), "{e}");
    // TOML and schema.
    for (text, fine) in [
        ("[[provider]]\ntype = 'fmp'\nwhat = 'grades'", true),
        ("[[provider]]\ntype = 'fmp'\nwaht = 'grades'", false),
        ("[[provider]]\ntype = 'fpm'", false),
        ("symbol = []", false),
    ] {
        assert_eq!(toml::from_str::<FetchConfig>(text).is_ok(), fine, "{text}");
    }
    let text = toml::to_string(&config).unwrap();
    assert_eq!(toml::from_str::<FetchConfig>(&text).unwrap(), config);
    assert!(schemars::schema_for!(FetchConfig).get("properties").is_some());
}
