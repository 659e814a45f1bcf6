//! Proof that the future does not change the past. (That runs repeat to the last bit is proved by `determinism.rs`.)

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tradewind_core_types::{
    Bar, Cash, Decision, Event, FeatureValues, Market, MarketData, OrderReport, Portfolio, Price, Probe, Symbol, Time,
    View, probe,
};
use tradewind_engine::{Given, Recorder, SessionRecord};

use crate::catalogue;
use crate::compose;
use crate::config::Config;
use crate::dataset::Dataset;
use crate::error::Failure;
use crate::named;

/// A small seeded generator (SplitMix64; Steele, Lea & Flood 2014): enough to choose cuts and to disturb prices.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}

/// A plugin of a caller's own to put under the check: its name, and how it is built when the data are these.
pub type Suspect<'a> = (&'a str, &'a (dyn Fn(&[Event]) -> Probe + Sync));

/// The same events up to `cut`; after it every price and the content of every record (news, earnings, ratings, search interest, fund flows)
/// is another, and one event in ten is missing.
pub fn another_future(events: &[Event], cut: Time, seed: u64) -> Vec<Event> {
    let mut rng = Rng(seed);
    events
        .iter()
        .filter_map(|e| {
            if e.time <= cut {
                return Some(e.clone());
            }
            let keep = matches!(e.data, MarketData::SessionOpen | MarketData::SessionClose) || rng.below(10) > 0;
            let factor = 0.5 + rng.below(1_000_000) as f64 / 1e6;
            let other = |p: Price| Price::from_f64(p.to_f64() * factor).unwrap_or(p);
            let mut e = e.clone();
            match &mut e.data {
                MarketData::Bar(b) | MarketData::Index(b) => {
                    *b = Bar {
                        open: b.open.map(other),
                        high: b.high.map(other),
                        low: b.low.map(other),
                        close: other(b.close),
                        volume: b.volume,
                    };
                }
                MarketData::Trade(t) => t.price = other(t.price),
                MarketData::Quote(q) => (q.bid, q.ask) = (other(q.bid), other(q.ask)),
                data => other_record(data, factor),
            }
            keep.then_some(e)
        })
        .collect()
}

/// Another content for a record, by a factor from 0.5 to 1.5; what it is about and when it became known stay.
fn other_record(data: &mut MarketData, factor: f64) {
    let up = factor >= 1.0;
    match data {
        MarketData::News(n) => {
            let n = Arc::make_mut(n);
            n.headline = format!("{} after {:.0}", if up { "Profit jumps" } else { "Loss widens" }, 1e6 * factor);
            n.body = String::new();
            n.sentiment = n.sentiment.map(|_| 2.0 * (factor - 1.0));
        }
        MarketData::Earnings(e) => {
            let e = Arc::make_mut(e);
            // The parts by different amounts: their differences are what is looked at.
            let by = |x: f64, f: f64| x * f + 0.1 * (f - 1.0);
            e.actual = e.actual.map(|x| by(x, factor));
            e.consensus = e.consensus.map(|x| by(x, 2.0 - factor));
            e.whisper = e.whisper.map(|x| by(x, factor * factor));
            e.dispersion = e.dispersion.map(|x| x * factor);
        }
        MarketData::Rating(r) => {
            let r = Arc::make_mut(r);
            if !r.grade.is_empty() {
                // Never the grade it was.
                r.grade = (match (up, r.grade.as_str()) {
                    (true, "Buy") | (false, "Sell") => "Hold",
                    (true, _) => "Buy",
                    (false, _) => "Sell",
                })
                .into();
            }
            r.target = r.target.map(|p| Price::from_f64(p.to_f64() * factor).unwrap_or(p));
        }
        MarketData::SearchTrend(s) => {
            s.interest = match s.interest * factor {
                0.0 => 50.0,
                x if x > 100.0 => 0.5 * s.interest,
                x => x,
            };
        }
        MarketData::FundFlow(f) => f.nav = Price::from_f64(f.nav.to_f64() * factor).unwrap_or(f.nav),
        _ => {}
    }
}

/// Answers of a role: for each instant the hash of everything it has said so far. Disturbed data after `cut` may be refused: then the
/// answers end there.
pub(crate) fn answers(
    mut role: Probe,
    events: &[Event],
    symbols: &[Symbol],
    cash: Cash,
    cut: Time,
) -> Result<Vec<(Time, [u8; 32])>, String> {
    let (mut market, mut features) = (Market::default(), FeatureValues::default());
    let portfolio = Portfolio::with_cash(cash);
    let mut records = role.records().map_err(|e| e.to_string())?;
    let mut digest = Sha256::new();
    let mut out: Vec<(Time, [u8; 32])> = Vec::new();
    for (i, e) in events.iter().enumerate() {
        market.apply(e);
        records.observe(e, &market);
        let before = features.clone();
        let view = View { records: &records, ..View::new(e.time, &market, &before, &portfolio) };
        // Asked at every session close, and now and then in between.
        let close = matches!(e.data, MarketData::SessionClose);
        let said = match role.step(e, &view, &mut features, symbols, close || i % 101 == 0) {
            Ok(said) => said,
            Err(_) if e.time > cut => break,
            Err(p) => return Err(format!("at {}: {p}", e.time)),
        };
        if close {
            probe::stand(&mut records, symbols, &market, e.time).map_err(|e| e.to_string())?;
        }
        // Silence at a close is an answer, too.
        if !said.is_empty() || close {
            digest.update(said);
            out.push((e.time, digest.clone().finalize().into()));
        }
    }
    Ok(out)
}

/// Everything a run says, as a running hash by time.
#[derive(Default)]
struct Said {
    /// The time of the last input: a fill at a bar's open carries the open's time and is known at the bar's end.
    now: Time,
    digest: Sha256,
    at: Vec<(Time, [u8; 32])>,
}

impl Said {
    fn add(&mut self, time: Time, text: &[u8]) {
        self.digest.update(text);
        self.at.push((time, self.digest.clone().finalize().into()));
    }
}

impl Recorder for Said {
    fn input(&mut self, x: &Given<'_>) -> Result<(), String> {
        self.now = x.received;
        Ok(())
    }
    fn decision(&mut self, d: &Decision) -> Result<(), String> {
        let text = serde_json::to_vec(d).map_err(|e| e.to_string())?;
        self.add(d.time, &text);
        Ok(())
    }
    fn report(&mut self, r: &OrderReport, _: Cash) -> Result<(), String> {
        if let OrderReport::Filled(f) = r {
            self.add(self.now, format!("{f:?}").as_bytes());
        }
        Ok(())
    }
    fn session(&mut self, s: &SessionRecord<'_>) -> Result<(), String> {
        self.add(s.time, format!("{:?} {}", s.metrics, s.hash).as_bytes());
        Ok(())
    }
}

/// Whether two logs agree up to and including `cut`.
fn agree(a: &[(Time, [u8; 32])], b: &[(Time, [u8; 32])], cut: Time) -> bool {
    let past = |x: &[(Time, [u8; 32])]| {
        let n = x.partition_point(|y| y.0 <= cut);
        (n, n.checked_sub(1).map(|i| x[i].1))
    };
    past(a) == past(b)
}

/// How many cuts a run is checked at when nobody says: 5, or all sessions but the last of a shorter one.
pub fn usual_cuts(config: &Config, data: &Dataset) -> usize {
    let run = data.within(config).run;
    let sessions = tradewind_data::Calendar::us_equities().sessions(run.from, run.to).len();
    sessions.saturating_sub(1).clamp(1, 5)
}

/// Replaces all data after each of several instants and compares everything said up to it: by every plugin of the configuration on
/// its own, by every other plugin of the catalogue with its defaults, by the suspects, and by the whole pipeline.
///
/// # Errors
/// Whose past the future changed, and at which cut.
pub fn lookahead(config: &Config, data: &Dataset, cuts: usize, suspects: &[Suspect<'_>]) -> Result<String, Failure> {
    let config = &data.within(config);
    let events = data.events()?;
    let from = compose::trading_from(config)?;
    let mut closes: Vec<Time> = events
        .iter()
        .filter(|e| e.time >= from && matches!(e.data, MarketData::SessionClose))
        .map(|e| e.time)
        .collect();
    closes.dedup();
    if cuts == 0 || cuts >= closes.len() {
        let most = closes.len().saturating_sub(1);
        return Err(Failure::Usage(format!("--cuts is {cuts}: expected 1 to {most}, fewer than the sessions traded")));
    }
    let mut rng = Rng(0x10_0CA4EAD);
    let mut chosen = BTreeSet::new();
    while chosen.len() < cuts {
        chosen.insert(closes[rng.below(closes.len() as u64 - 1) as usize]);
    }
    let futures: Vec<(Time, Vec<Event>)> =
        chosen.iter().map(|&cut| (cut, another_future(&events, cut, cut.nanos().unsigned_abs()))).collect();

    let mut symbols: Vec<Symbol> = named::needed(config)
        .iter()
        .filter_map(|(_, s)| Symbol::new(s).ok())
        .filter(|s| events.iter().any(|e| e.symbol == Some(*s) && e.mark().is_some()))
        .collect();
    if symbols.is_empty() {
        // Plugins that follow whatever there is are asked about the first symbols with prices.
        symbols.extend(
            events
                .iter()
                .filter(|e| matches!(e.data, MarketData::Bar(_) | MarketData::Trade(_)))
                .filter_map(|e| e.symbol),
        );
    }
    symbols.sort();
    symbols.dedup();
    symbols.truncate(4);
    let cash = Cash::from_f64(config.run.cash).map_err(|e| Failure::Usage(e.to_string()))?;

    // Every plugin with the parameters it is used with; those not used with their defaults.
    let mut candidates: Vec<(String, &'static tradewind_core_types::PluginInfo, Value)> = Vec::new();
    for (role, plugins) in config.roles() {
        for (name, p) in plugins {
            if let Ok(info) = catalogue::find(&p.plugin) {
                candidates.push((format!("{role}.{name} ({})", info.id), info, Value::Object(p.params.clone())));
            }
        }
    }
    for (_, info) in catalogue::all() {
        if !candidates.iter().any(|c| c.1.id == info.id) {
            candidates.push((format!("{} (defaults)", info.id), info, serde_json::json!({})));
        }
    }
    let fail = |who: &str, cut: Time| {
        Failure::Check(format!("{who} looks ahead: data after {cut} changed what it said by then"))
    };
    let compare = |who: &str, build: &(dyn Fn(&[Event]) -> Result<Probe, Failure> + Sync)| -> Result<usize, Failure> {
        let run = |data: &[Event], cut: Time| {
            answers(build(data)?, data, &symbols, cash, cut).map_err(|e| Failure::Run(format!("{who} {e}")))
        };
        let reference = run(&events, Time::MAX)?;
        for (cut, other) in &futures {
            if !agree(&reference, &run(other, *cut)?, *cut) {
                return Err(fail(who, *cut));
            }
        }
        Ok(reference.len())
    };
    let mut lines: Vec<String> = candidates
        .par_iter()
        .map(|(name, info, params)| {
            let build_all =
                || Probe::all(info, params).map_err(|problems| Failure::Config { origin: name.clone(), problems });
            let mut line = format!("{name:<44}");
            for k in 0..build_all()?.len() {
                let role = build_all()?.remove(k).role();
                let who = format!("{name} as {role}");
                let n = compare(&who, &|_| build_all().map(|mut all| all.remove(k)))?;
                line.push_str(&format!(" {role}: {n} answers"));
            }
            Ok(line)
        })
        .collect::<Result<_, Failure>>()?;
    for (name, build) in suspects {
        compare(name, &|data| Ok(build(data)))?;
    }

    let commands = data.commands();
    let whole = |data: Vec<Event>| -> Result<Said, Failure> {
        let mut engine = compose::engine(config)?;
        let mut said = Said::default();
        crate::run::drive(
            &mut engine,
            &Dataset::of_events(data, "perturbed").with_commands(commands.clone()),
            &mut said,
        )?;
        Ok(said)
    };
    let reference = whole(events.clone())?;
    futures.par_iter().try_for_each(|(cut, other)| {
        if agree(&reference.at, &whole(other.clone())?.at, *cut) {
            Ok(())
        } else {
            Err(fail("the whole pipeline", *cut))
        }
    })?;
    lines.push(format!("{:<44} {} decisions, fills and sessions", "the whole pipeline", reference.at.len()));
    lines.push(format!("lookahead: none, at {cuts} cuts in {} events", events.len()));
    Ok(lines.join("\n"))
}
