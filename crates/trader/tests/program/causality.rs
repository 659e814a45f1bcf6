//! The proofs must find what they look for: an alpha that knows the future is caught, its honest twin is not.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{Alpha, BadInput, Event, MarketData, Plugin, Probe, Signal, Signals, Symbol, Time, View};
use tradewind_trader::check::{Suspect, another_future, lookahead};
use tradewind_trader::dataset::Dataset;
use tradewind_trader::determinism::determinism;
use tradewind_trader::keeper::Keeper;
use tradewind_trader::{Config, run};

/// What an alpha knows of the closes of SPY.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Knows {
    /// This close and the one before.
    ThePast,
    /// The next close.
    TheNext,
    /// The mean over the whole history: the usual way to look ahead without noticing.
    TheMean,
    /// How many closes follow within a month, but no price.
    HowManyFollow,
}

#[derive(Serialize, Deserialize)]
struct Oracle {
    knows: Knows,
    closes: Vec<(Time, f64)>,
    mean: f64,
    before: Option<f64>,
}

fn spy() -> Symbol {
    Symbol::new("SPY").unwrap()
}

impl Oracle {
    fn new(knows: Knows, data: &[Event]) -> Self {
        let closes: Vec<(Time, f64)> = data
            .iter()
            .filter(|e| e.symbol == Some(spy()))
            .filter_map(|e| match &e.data {
                MarketData::Bar(b) => Some((e.time, b.close.to_f64())),
                _ => None,
            })
            .collect();
        let mean = closes.iter().map(|c| c.1).sum::<f64>() / closes.len() as f64;
        Self { knows, closes, mean, before: None }
    }
}

impl Plugin for Oracle {
    fn id(&self) -> &'static str {
        "oracle"
    }
}

impl Alpha for Oracle {
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        let (MarketData::Bar(bar), true) = (&event.data, event.symbol == Some(spy())) else { return Ok(()) };
        let close = bar.close.to_f64();
        let past = self.before.replace(close).map(|b| close - b);
        let next = self.closes.iter().find(|c| c.0 > event.time).map(|c| c.1 - close);
        let edge = match self.knows {
            Knows::ThePast => past,
            Knows::TheNext => next,
            Knows::TheMean => Some(close - self.mean),
            Knows::HowManyFollow => {
                let month = event.time.nanos() + 30 * 86_400_000_000_000;
                Some(self.closes.iter().filter(|c| c.0 > event.time && c.0.nanos() < month).count() as f64)
            }
        };
        if let Some(edge) = edge {
            out.push(Signal::new(view.now, spy(), (edge / close).clamp(-1.0, 1.0), 0.5, "what the oracle knows")?);
        }
        Ok(())
    }
}

/// The default system over a short period.
fn short(set: &[&str]) -> (Config, Dataset) {
    let mut all = vec!["run.from=2015-01-02", "run.to=2015-12-31", "run.warmup_from=2014-01-03"];
    all.extend(set);
    let config = Config::load(None, &all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()).unwrap();
    let data = Dataset::load(&config).unwrap();
    (config, data)
}

#[test]
fn who_knows_the_future_is_caught() {
    let (config, data) = short(&[]);
    let judge = |knows: Knows| {
        let build = move |events: &[Event]| Probe::Alpha(Box::new(Oracle::new(knows, events)));
        let suspects: [Suspect<'_>; 1] = [("the suspect", &build)];
        lookahead(&config, &data, 5, &suspects)
    };
    let fine = judge(Knows::ThePast).unwrap_or_else(|e| panic!("an honest alpha is accused: {e}"));
    assert!(fine.contains("lookahead: none, at 5 cuts"), "{fine}");
    for knows in [Knows::TheNext, Knows::TheMean, Knows::HowManyFollow] {
        let e = judge(knows).expect_err("the suspect gets away with it");
        assert_eq!(e.code(), 1);
        assert!(e.to_string().contains("the suspect looks ahead: data after 20"), "{e}");
    }
    for cuts in [0, usize::MAX] {
        assert_eq!(lookahead(&config, &data, cuts, &[]).unwrap_err().code(), 2);
    }
}

#[test]
fn another_future_leaves_the_past_alone_and_changes_the_rest() {
    let (_, data) = short(&[]);
    let events = data.events().unwrap();
    let cut = events[events.len() / 2].time;
    let other = another_future(&events, cut, 1);
    let past = |all: &[Event]| all.iter().take_while(|e| e.time <= cut).cloned().collect::<Vec<_>>();
    assert_eq!(past(&events), past(&other));
    let prices = |all: &[Event]| {
        all.iter()
            .filter(|e| e.time > cut)
            .filter_map(|e| match &e.data {
                MarketData::Bar(b) | MarketData::Index(b) => Some((e.time, e.symbol, b.close.to_f64().to_bits())),
                _ => None,
            })
            .collect::<std::collections::BTreeSet<_>>()
    };
    let (a, b) = (prices(&events), prices(&other));
    assert!(b.len() < a.len() && a.intersection(&b).count() < a.len() / 1000, "{} {}", a.len(), b.len());
    assert_ne!(other, another_future(&events, cut, 2));
}

#[test]
fn runs_repeat_with_any_number_of_threads_and_differ_when_the_data_do() {
    let mut hashes = Vec::new();
    let mut all = Vec::new();
    for threads in ["run.threads=1", "run.threads=2", "run.threads=7"] {
        let (config, data) = short(&[threads]);
        let summary = run::execute(&config, &data, &mut Keeper::default()).unwrap();
        hashes.push(summary.ledger_hash);
        all.push(data.events().unwrap());
        if threads.ends_with('2') {
            let proof = determinism(&config, 3, 42).unwrap();
            assert!(proof.contains(&hashes[0]) && proof.contains("determinism: 14 runs, one hash"), "{proof}");
        }
    }
    assert!(hashes.iter().all(|h| *h == hashes[0]), "{hashes:?}");
    assert!(all.iter().all(|e| *e == all[0]));
    // One price of one symbol on a day in the traded period, by a cent.
    let (config, _) = short(&[]);
    let mut events = all.remove(0);
    let is = |e: &Event| e.symbol == Some(spy()) && e.mark().is_some();
    let at = events.iter().position(|e| is(e) && run::date(e.time) == jiff::civil::date(2015, 8, 24)).unwrap();
    if let MarketData::Bar(b) = &mut events[at].data {
        b.close = tradewind_core_types::Price::from_f64(b.close.to_f64() + 0.01).unwrap();
    }
    let changed = run::execute(&config, &Dataset::of_events(events, "changed"), &mut Keeper::default()).unwrap();
    assert_ne!(changed.ledger_hash, hashes[0]);
}
