//! The data rows behind a decision: what each plugin of its steps last knew of the symbols it follows.

use std::collections::{BTreeMap, BTreeSet};

use tradewind_core_types::{Decision, Event, MarketData, Symbol};
use tradewind_engine::Merge;

use crate::config::Config;
use crate::dataset::Dataset;
use crate::error::Failure;
use crate::named;

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
    for (field, name) in named::needed(config) {
        let mut path = field.split('.');
        let (role, instance) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
        let table = config.roles().find(|(r, _)| r.name() == role).and_then(|(_, t)| t.get(instance));
        if let (Some(p), Ok(symbol)) = (table, Symbol::new(&name))
            && plugins.contains(p.plugin.as_str())
        {
            out.entry(symbol).or_default().insert(p.plugin.clone());
        }
    }
    out
}

/// What is kept of a symbol's last rows, apart from each other: its price, and one record of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Price,
    News,
    Earnings,
    Rating,
    SearchTrend,
}

fn what(data: &MarketData) -> Option<What> {
    Some(match data {
        MarketData::Bar(_) | MarketData::Index(_) | MarketData::Trade(_) | MarketData::Quote(_) => What::Price,
        MarketData::News(_) => What::News,
        MarketData::Earnings(_) => What::Earnings,
        MarketData::Rating(_) => What::Rating,
        MarketData::SearchTrend(_) => What::SearchTrend,
        _ => return None,
    })
}

/// The plugins that read records, and which.
const READERS: [(&str, What); 4] = [
    ("alpha_analyst_revisions", What::Rating),
    ("alpha_google_trends", What::SearchTrend),
    ("alpha_whisper_spread", What::Earnings),
    ("fe_price_news_div", What::News),
];

/// The kinds of records that plugins in the decision's steps read of its symbol. Without `symbols` a plugin follows all of them.
fn read_of_symbol(config: &Config, d: &Decision) -> Vec<(What, String)> {
    let steps = || d.contributions.iter().flat_map(|c| &c.steps).chain(&d.rules);
    let follows = |id: &str| {
        let mut instances = config.roles().flat_map(|(_, t)| t.values()).filter(|p| p.plugin == id);
        instances.any(|p| match p.params.get("symbols").and_then(serde_json::Value::as_array) {
            Some(named) if !named.is_empty() => named.iter().any(|s| s.as_str() == Some(d.symbol.as_str())),
            _ => true,
        })
    };
    READERS
        .iter()
        .filter(|(id, _)| steps().any(|s| s.plugin.as_str() == *id) && follows(id))
        .map(|(id, what)| (*what, (*id).to_owned()))
        .collect()
}

/// The last rows known at the decision, by symbol: prices, then records.
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
    let mut last: BTreeMap<(Symbol, What), Event> = BTreeMap::new();
    let mut ahead = merge.next()?.cloned();
    let mut out = Vec::new();
    // Decisions come in the order of time: one pass over the data serves them all.
    for d in decisions {
        while let Some(e) = ahead.take_if(|e| e.time <= d.time) {
            if let (Some(s), Some(w)) = (e.symbol, what(&e.data)) {
                last.insert((s, w), e);
            }
            ahead = merge.next()?.cloned();
        }
        let prices =
            followed(config, d).into_iter().map(|(s, plugins)| (s, What::Price, plugins.into_iter().collect()));
        let records = read_of_symbol(config, d).into_iter().map(|(w, plugin)| (d.symbol, w, vec![plugin]));
        let rows = prices
            .chain(records)
            .filter_map(|(s, w, plugins)| Some(Row { plugins, event: last.get(&(s, w))?.clone() }))
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
        MarketData::News(n) => {
            let headline: String = n.headline.chars().take(80).collect();
            n.sentiment
                .map_or_else(|| format!("news {headline:?}"), |s| format!("news {headline:?}, sentiment {s:+.2}"))
        }
        MarketData::Earnings(e) => {
            let parts = [
                ("actual", e.actual),
                ("consensus", e.consensus),
                ("whisper", e.whisper),
                ("dispersion", e.dispersion),
            ];
            let parts = parts.iter().filter_map(|(n, x)| x.map(|x| format!(", {n} {x:.4}"))).collect::<String>();
            format!("earnings of {}{parts}", e.announced)
        }
        MarketData::Rating(r) => {
            let from = r.previous.as_deref().map(|p| format!("{p} to ")).unwrap_or_default();
            let target = r.target.map(|t| format!(", target {t}")).unwrap_or_default();
            format!("rating by {}: {from}{}{target}", r.firm, r.grade)
        }
        MarketData::SearchTrend(s) => format!("search interest {} in the period from {}", s.interest, s.period),
        _ => String::new(),
    };
    format!(
        "known      {symbol} {value} at {}  {}  for {}\n",
        e.time,
        Dataset::describe(names, e.origin),
        row.plugins.join(", ")
    )
}
