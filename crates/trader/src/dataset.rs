//! The data of a run, read once: any number of runs can stream them.

mod extent;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use jiff::civil::Date;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use tradewind_core_types::{CorporateAction, Event, MarketData, Origin, Symbol, Time};
use tradewind_data::{
    Calendar, DataError, EventTable, Kind, Planted, PlantedSpec, Simulation, SimulationSpec, SourceSpec,
};
use tradewind_engine::{Command, Source};

use crate::config::Config;
use crate::error::Failure;
use crate::sample;

/// One source.
#[derive(Clone)]
enum Part {
    Table(Arc<EventTable>),
    Events(Arc<Vec<Event>>),
    Simulated(Box<SimulationSpec>, Option<PlantedSpec>),
    Calendar(Date, Date),
    Commands(Arc<Vec<(Time, Command)>>),
}

/// All sources of a run, by number.
#[derive(Clone)]
pub struct Dataset {
    parts: Vec<Part>,
    names: Vec<String>,
    fingerprint: String,
    /// What there is to say beyond the tables' own notes.
    remarks: Vec<String>,
}

impl Dataset {
    /// Reads everything a configuration names, in parallel; the result does not depend on the number of threads.
    ///
    /// # Errors
    /// The first source (by number) that cannot be read.
    pub fn load(config: &Config) -> Result<Self, Failure> {
        let first = config.run.warmup_from.unwrap_or(config.run.from);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(config.run.threads)
            .build()
            .map_err(|e| Failure::Run(format!("cannot start {} threads: {e}", config.run.threads)))?;
        let mut specs = config.data.source.clone();
        for s in &mut specs {
            s.from = Some(s.from.map_or(first, |f| f.max(first)));
            s.to = Some(s.to.map_or(config.run.to, |t| t.min(config.run.to)));
        }
        let read: Vec<Result<(Part, Vec<u8>), Failure>> =
            pool.install(|| specs.par_iter().enumerate().map(|(i, s)| read(s, i as u16)).collect());
        let (mut parts, mut names, mut digest) = (Vec::new(), Vec::new(), Sha256::new());
        for (result, spec) in read.into_iter().zip(&config.data.source) {
            let (part, hash) = result?;
            digest.update(&hash);
            parts.push(part);
            names.push(spec.path.display().to_string());
        }
        if let Some(spec) = &config.data.simulate {
            let planted = if config.data.planted.is_some() { " with planted effects" } else { "" };
            names.push(format!("simulated{planted} (seed {})", spec.seed));
            parts.push(Part::Simulated(Box::new(spec.clone()), config.data.planted.clone()));
        }
        names.push("US equity calendar".into());
        parts.push(Part::Calendar(first, config.run.to));
        let fingerprint = digest.finalize().iter().map(|b| format!("{b:02x}")).collect();
        let mut dataset = Self { parts, names, fingerprint, remarks: Vec::new() };
        dataset.settle(&config.data.source)?;
        dataset.check_symbols(config)?;
        dataset.check_actions()?;
        dataset.remarks.extend(dataset.unpriced_actions());
        Ok(dataset)
    }

    /// From events in memory, for checks and tests.
    pub fn of_events(events: Vec<Event>, name: &str) -> Self {
        let parts = vec![Part::Events(Arc::new(events))];
        Self { parts, names: vec![name.into()], fingerprint: String::new(), remarks: Vec::new() }
    }

    /// The same data with other operator commands.
    #[must_use]
    pub fn with_commands(&self, commands: Vec<(Time, Command)>) -> Self {
        let mut other = self.clone();
        other.parts.iter_mut().for_each(|p| {
            if let Part::Commands(c) = p {
                *c = Arc::default();
            }
        });
        if !commands.is_empty() {
            other.parts.push(Part::Commands(Arc::new(commands)));
            other.names.push("operator commands".into());
        }
        other
    }

    /// The operator commands of all sources, in the order of their times.
    pub fn commands(&self) -> Vec<(Time, Command)> {
        let mut all: Vec<(Time, Command)> = Vec::new();
        for p in &self.parts {
            if let Part::Commands(c) = p {
                all.extend(c.iter().cloned());
            }
        }
        all.sort_by_key(|c| c.0);
        all
    }

    /// Names of the sources by number.
    pub fn names(&self) -> &[String] {
        &self.names
    }
    /// A hash of the bytes of all files.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Where a row came from, for people.
    pub fn describe(names: &[String], o: Origin) -> String {
        match names.get(usize::from(o.source)) {
            Some(n) => format!("({n}, row {})", o.row),
            None => String::new(),
        }
    }

    /// Fresh streams over everything.
    ///
    /// # Errors
    /// When the simulator's settings are wrong.
    pub fn sources(&self) -> Result<Vec<Box<dyn Source>>, Failure> {
        self.parts
            .iter()
            .enumerate()
            .map(|(i, part)| {
                let n = i as u16;
                Ok(match part {
                    Part::Table(t) => Box::new(EventTable::events(t, n)) as Box<dyn Source>,
                    Part::Events(events) => {
                        let events = Arc::clone(events);
                        let mut at = 0;
                        Box::new(std::iter::from_fn(move || {
                            at += 1;
                            events.get(at - 1).cloned().map(Ok::<_, Infallible>)
                        }))
                    }
                    Part::Simulated(spec, planted) => simulation(spec, planted.as_ref(), n)?,
                    // Commands are no events: see `Dataset::commands`.
                    Part::Commands(_) => Box::new(std::iter::empty::<Result<Event, Infallible>>()),
                    Part::Calendar(from, to) => {
                        Box::new(Calendar::us_equities().events(*from, *to, n).map(Ok::<_, Infallible>))
                    }
                })
            })
            .collect()
    }

    /// All events in order, for checks that change them.
    ///
    /// # Errors
    /// When a source fails.
    pub fn events(&self) -> Result<Vec<Event>, Failure> {
        let mut merge = tradewind_engine::Merge::new(self.sources()?)?;
        let mut all = Vec::new();
        while let Some(e) = merge.next()? {
            all.push(e.clone());
        }
        Ok(all)
    }

    /// The symbols of all sources; those that a change of name leads to are among them.
    pub fn symbols(&self) -> BTreeSet<Symbol> {
        let mut all = BTreeSet::new();
        for p in &self.parts {
            match p {
                Part::Table(t) => all.extend(t.symbols().iter().copied()),
                Part::Events(e) => all.extend(e.iter().flat_map(|e| e.symbol.into_iter().chain(renamed(e)))),
                Part::Simulated(spec, _) => {
                    all.extend(spec.check().unwrap_or_default());
                    all.extend(spec.index.iter().filter_map(|s| Symbol::new(s).ok()));
                }
                Part::Calendar(..) | Part::Commands(_) => {}
            }
        }
        all
    }

    /// What two sources both have of a symbol counts once, or is refused.
    fn settle(&mut self, specs: &[SourceSpec]) -> Result<(), Failure> {
        let (mut tables, mut tables_at, mut lists, mut lists_at) = (vec![], vec![], vec![], vec![]);
        for (i, part) in self.parts.iter().enumerate() {
            match part {
                Part::Table(t) => {
                    tables.push(Arc::clone(t));
                    tables_at.push(i);
                }
                Part::Events(e) => {
                    lists.push(Arc::clone(e));
                    lists_at.push(i);
                }
                Part::Simulated(..) | Part::Calendar(..) | Part::Commands(_) => {}
            }
        }
        let policies =
            |at: &[usize]| -> Vec<_> { at.iter().map(|i| specs.get(*i).and_then(|s| s.on_overlap)).collect() };
        tradewind_data::settle_overlaps(&mut tables, &policies(&tables_at))?;
        let names: Vec<&str> = lists_at.iter().map(|i| self.names[*i].as_str()).collect();
        let gone = tradewind_data::settle_repeated(&names, &mut lists, &policies(&lists_at))?;
        for (i, n) in lists_at.iter().zip(gone).filter(|g| g.1 > 0) {
            self.remarks.push(format!("{}: {n} corporate actions or records left out by `on_overlap`", self.names[*i]));
        }
        let tables = tables_at.into_iter().zip(tables.into_iter().map(Part::Table));
        for (i, part) in tables.chain(lists_at.into_iter().zip(lists.into_iter().map(Part::Events))) {
            self.parts[i] = part;
        }
        Ok(())
    }

    /// Corporate actions on symbols of which there are no prices: a mistyped one leaves a split unapplied.
    fn unpriced_actions(&self) -> Vec<String> {
        let mut priced = BTreeSet::new();
        for p in &self.parts {
            match p {
                Part::Table(t) => priced.extend(t.symbols().iter().copied()),
                Part::Simulated(..) => return Vec::new(),
                Part::Events(_) | Part::Calendar(..) | Part::Commands(_) => {}
            }
        }
        let mut out = Vec::new();
        for (part, name) in self.parts.iter().zip(&self.names) {
            let Part::Events(events) = part else { continue };
            let mut unknown: BTreeMap<Symbol, (u64, u32)> = BTreeMap::new();
            for e in events.iter() {
                if !matches!(e.data, MarketData::CorporateAction(_)) {
                    continue;
                }
                for s in e.symbol.into_iter().chain(renamed(e)).filter(|s| !priced.contains(s)) {
                    unknown.entry(s).or_insert((0, e.origin.row)).0 += 1;
                }
            }
            for (s, (n, row)) in unknown {
                let near = meant(s.as_str(), &priced);
                out.push(format!(
                    "{name}: {n} corporate actions on {s}, of which there are no prices: row {row}{near}"
                ));
            }
        }
        out
    }

    /// Every symbol that the configuration needs must be in the data; unknown ones in its lists are remarked upon.
    fn check_symbols(&mut self, config: &Config) -> Result<(), Failure> {
        let known = self.symbols();
        let mut bad = tradewind_core_types::Invalid::default();
        for n in crate::named::all(config) {
            if Symbol::new(&n.symbol).is_ok_and(|s| known.contains(&s)) {
                continue;
            }
            if n.needed {
                let hint = tradewind_core_types::did_you_mean(&n.symbol, known.iter().map(|s| s.as_str()));
                let problem = format!("symbol {:?} is in none of the data sources{hint}", n.symbol);
                bad.0.push(tradewind_core_types::Violation { field: n.field, problem });
            } else {
                let near = meant(&n.symbol, &known);
                self.remarks.push(format!(
                    "{} names {:?}, which is in none of the data sources and so has no effect{near}",
                    n.field, n.symbol
                ));
            }
        }
        bad.into_result(())
            .map_err(|problems| Failure::Config { origin: "the configuration, against the data".into(), problems })
    }

    /// A split or dividend of a symbol whose prices are adjusted for it already would count twice.
    fn check_actions(&self) -> Result<(), Failure> {
        let tables: Vec<&EventTable> =
            self.parts.iter().filter_map(|p| if let Part::Table(t) = p { Some(t.as_ref()) } else { None }).collect();
        for (part, name) in self.parts.iter().zip(&self.names) {
            if let Part::Events(events) = part
                && let Some(e) = tradewind_data::counted_twice(&tables, events).first()
            {
                let symbol = e.symbol.map_or("", Symbol::as_str);
                return Err(Failure::Data(format!(
                    "{name}: row {}: a split or dividend of {symbol}, whose prices are said to be adjusted for it already: leave one of \
                     the two out, or set adjusted = false on the source of its prices",
                    e.origin.row
                )));
            }
        }
        Ok(())
    }

    /// Times of the first and the last event.
    pub fn range(&self) -> Option<(Time, Time)> {
        self.parts
            .iter()
            .filter_map(|p| match p {
                Part::Table(t) => t.range(),
                Part::Events(e) => e.first().map(|e| e.time).zip(e.last().map(|e| e.time)),
                _ => None,
            })
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// What there is to say of the data beyond their rows: of doubled and unknown symbols.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// What reading left out or could not know, and the remarks, for terminal and report.
    pub fn notes(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (p, name) in self.parts.iter().zip(&self.names) {
            if let Part::Table(t) = p {
                out.extend(t.notes().sentences().into_iter().map(|(what, n)| format!("{name}: {n} {what}")));
            }
        }
        out.extend(self.remarks.iter().cloned());
        out
    }
}

/// The name that an event gives a symbol.
fn renamed(e: &Event) -> Option<Symbol> {
    match &e.data {
        MarketData::CorporateAction(CorporateAction::SymbolChange { to }) => Some(*to),
        _ => None,
    }
}

/// The known symbol that may be meant, in brackets.
fn meant(name: &str, known: &BTreeSet<Symbol>) -> String {
    let near = tradewind_core_types::closest(name, known.iter().map(|s| s.as_str()));
    near.map_or_else(String::new, |k| format!(" (is {k} meant?)"))
}

/// The simulator as a source of a run: it begins with its own first session, whatever the run's period.
fn simulation(spec: &SimulationSpec, planted: Option<&PlantedSpec>, source: u16) -> Result<Box<dyn Source>, Failure> {
    let fail = |e: tradewind_core_types::Invalid| Failure::Config {
        origin: "the configuration".into(),
        problems: e.under("data.simulate"),
    };
    Ok(match planted {
        Some(p) => Box::new(Planted::new(spec, p, source).map_err(fail)?.map(Ok::<_, Infallible>)),
        None => Box::new(Simulation::new(spec, source).map_err(fail)?.map(Ok::<_, Infallible>)),
    })
}

/// The bytes a specification names: of a file or of the sample.
///
/// # Errors
/// When they cannot be read.
fn bytes_of(spec: &SourceSpec) -> Result<Vec<u8>, Failure> {
    match spec.path.to_string_lossy().strip_prefix(sample::PREFIX) {
        Some(name) => Ok(sample::bytes(name)?.to_vec()),
        None => Ok(tradewind_data::read_bytes(spec)?),
    }
}

fn read(spec: &SourceSpec, source: u16) -> Result<(Part, Vec<u8>), Failure> {
    let bytes = bytes_of(spec)?;
    let hash = Sha256::digest(&bytes).to_vec();
    let part = if spec.kind == Kind::Operator {
        Part::Commands(Arc::new(crate::operator::read(&spec.path.display().to_string(), &bytes)?))
    } else if matches!(spec.kind, Kind::Bar | Kind::Index | Kind::Trade | Kind::Quote) {
        Part::Table(Arc::new(tradewind_data::read_table_bytes(spec, bytes)?))
    } else {
        let events: Result<Vec<Event>, DataError> = tradewind_data::open_bytes(spec, bytes, source)?.collect();
        Part::Events(Arc::new(events?))
    };
    Ok((part, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_on_adjusted_prices_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("p.csv"), "date,A\n2020-08-28,400\n2020-08-31,101\n2020-09-01,102\n").unwrap();
        std::fs::write(dir.path().join("a.csv"), "date,symbol,kind,value\n2020-08-31,A,split,4:1\n").unwrap();
        let load = |adjusted: bool| {
            let text = format!(
                "[run]\nfrom = '2020-08-28'\nto = '2020-09-01'\n[[data.source]]\npath = 'p.csv'\nlayout = 'wide'\nadjusted = {adjusted}\n\
                 [[data.source]]\npath = 'a.csv'\nkind = 'corporate_action'\n[alpha.x]\nplugin = 'crossover'\n[strategy.s]\nalpha = 'x'\n"
            );
            let config = Config::parse("test", &text, &[], Some(dir.path())).unwrap_or_else(|e| panic!("{e}"));
            Dataset::load(&config)
        };
        assert!(load(false).is_ok());
        let e = load(true).err().unwrap();
        assert_eq!(e.code(), 3);
        assert!(e.to_string().contains("row 1") && e.to_string().contains("adjusted"), "{e}");
    }
}
