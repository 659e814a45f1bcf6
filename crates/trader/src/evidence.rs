//! The data rows behind a decision: what each plugin of its steps last knew of the symbols it follows.

use std::collections::{BTreeMap, BTreeSet};

use tradewind_core_types::{Decision, Event, MarketData, Symbol};
use tradewind_engine::Merge;

use crate::compose;
use crate::config::Config;
use crate::dataset::Dataset;
use crate::error::Failure;

/// One data row as it was known.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The plugins that follow the symbol.
    pub plugins: Vec<String>,
    /// The event.
    pub event: Event,
}

/// The symbols that each plugin in the decision's steps follows, with the plugins.
fn followed(config: &Config, d: &Decision) -> BTreeMap<Symbol, BTreeSet<String>> {
    let steps = d.contributions.iter().flat_map(|c| &c.steps).chain(&d.rules);
    let plugins: BTreeSet<&str> = steps.map(|s| s.plugin.as_str()).collect();
    let mut out: BTreeMap<Symbol, BTreeSet<String>> = BTreeMap::new();
    for (field, name) in compose::symbols(config) {
        let mut path = field.split('.');
        let (role, instance) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
        let table = config.roles().into_iter().find(|(r, _)| *r == role).and_then(|(_, t)| t.get(instance));
        if let (Some(p), Ok(symbol)) = (table, Symbol::new(&name))
            && plugins.contains(p.plugin.as_str())
        {
            out.entry(symbol).or_default().insert(p.plugin.clone());
        }
    }
    out
}

/// The last rows known at the decision, by symbol.
///
/// # Errors
/// When the data cannot be read, or are not those the run was made of.
pub fn rows(config: &Config, data_hash: &str, decisions: &[Decision]) -> Result<Vec<Vec<Row>>, Failure> {
    let data = Dataset::load(config)?;
    if data.fingerprint() != data_hash {
        return Err(Failure::Data(
            "the data files have changed since the run: the rows behind its decisions are gone".into(),
        ));
    }
    let mut merge = Merge::new(data.sources()?)?;
    let mut last: BTreeMap<Symbol, Event> = BTreeMap::new();
    let mut ahead = merge.next()?;
    let mut out = Vec::new();
    // Decisions come in the order of time: one pass over the data serves them all.
    for d in decisions {
        while let Some(e) = ahead.take_if(|e| e.time <= d.time) {
            if let (Some(s), MarketData::Bar(_) | MarketData::Index(_) | MarketData::Trade(_) | MarketData::Quote(_)) =
                (e.symbol, &e.data)
            {
                last.insert(s, e);
            }
            ahead = merge.next()?;
        }
        let rows = followed(config, d)
            .into_iter()
            .filter_map(|(s, plugins)| {
                Some(Row { plugins: plugins.into_iter().collect(), event: last.get(&s)?.clone() })
            })
            .collect();
        out.push(rows);
    }
    Ok(out)
}

/// A row as a line of an explanation.
pub fn line(row: &Row, names: &[String]) -> String {
    let e = &row.event;
    let symbol = e.symbol.map_or("", Symbol::as_str);
    let value = match &e.data {
        MarketData::Bar(b) | MarketData::Index(b) => b.close.to_string(),
        MarketData::Trade(t) => t.price.to_string(),
        MarketData::Quote(q) => format!("{} / {}", q.bid, q.ask),
        _ => String::new(),
    };
    format!(
        "known      {symbol} {value} at {}  {}  for {}\n",
        e.time,
        Dataset::describe(names, e.origin),
        row.plugins.join(", ")
    )
}
