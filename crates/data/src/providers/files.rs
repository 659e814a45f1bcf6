//! Records from files: JSONL as the archive writes it, CSV with named columns, and the export of Google Trends as the site writes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tradewind_core_types::{
    Earnings, Event, Invalid, MarketData, News, Rating, SearchTrend, Span, Symbol, Time, did_you_mean,
};

use super::error::{Fault, ProviderError};
use super::value::{When, number, price, text};
use super::{Ask, Batch, KnownAt, Pending, Provider};
use crate::error::{DataError, Problem};
use crate::load::{self, Limit};
use crate::read::open_bytes;
use crate::spec::{Kind, SourceSpec, TableFormat};

/// Records in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileConfig {
    /// Name, also that of the file in the archive: letters, digits, `_` and `-`.
    pub name: String,
    /// The file; `{symbol}` stands for the symbol. `.jsonl` as the archive writes it, otherwise CSV. Either may be gzipped.
    pub path: String,
    /// What its records are: `rating`, `earnings`, `news` or `search_trend`.
    pub kind: Kind,
    /// Columns of a CSV file with other names: field to column. The fields are `time` (when it became known), `symbol`, and those of the record.
    pub columns: BTreeMap<String, String>,
    /// The symbol of search interest by the heading of its column in an export of Google Trends.
    pub symbols: BTreeMap<String, String>,
    /// When records without a `time` count as known.
    pub known_at: KnownAt,
    /// Hours after the end of a period at which search interest is known; 0 to 240.
    pub delay_hours: u32,
}

impl Default for FileConfig {
    fn default() -> Self {
        Self {
            name: "file".into(),
            path: String::new(),
            kind: Kind::Rating,
            columns: BTreeMap::new(),
            symbols: BTreeMap::new(),
            known_at: KnownAt::Published,
            delay_hours: 24,
        }
    }
}

/// The fields of a record in a CSV file.
fn fields(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Rating => &["published", "firm", "grade", "previous", "target", "previous_target"],
        Kind::Earnings => &["announced", "actual", "consensus", "whisper", "dispersion"],
        Kind::News => &["published", "headline", "body", "source", "sentiment"],
        Kind::SearchTrend => &["period", "interest", "partial"],
        _ => &[],
    }
}

impl FileConfig {
    /// Whether the parts fit together.
    ///
    /// # Errors
    /// Everything that does not, at once.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        let plain =
            !self.name.is_empty() && self.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        bad.require(plain, "name", format!("{:?}", self.name), "letters, digits, _ and -");
        bad.require(!self.path.is_empty(), "path", "empty", "the path of a file");
        let known = fields(self.kind);
        bad.require(!known.is_empty(), "kind", format!("{:?}", self.kind), "rating, earnings, news or search_trend");
        let all = || known.iter().copied().chain(["time", "symbol"]);
        for name in self.columns.keys() {
            let hint = did_you_mean(name, all().collect::<Vec<_>>());
            bad.require(all().any(|f| f == name), "columns", format!("{name:?}"), &format!("a field{hint}"));
        }
        for s in self.symbols.values() {
            bad.require(Symbol::new(s).is_ok(), "symbols", format!("{s:?}"), "a symbol");
        }
        bad.require(self.delay_hours <= 240, "delay_hours", self.delay_hours, "0 to 240");
        bad.into_result(())
    }
}

/// The file.
#[derive(Debug)]
pub struct FileProvider {
    config: FileConfig,
}

impl FileProvider {
    /// The provider.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn new(config: &FileConfig) -> Result<Self, ProviderError> {
        config.check().map_err(|e| ProviderError {
            provider: config.name.as_str().into(),
            symbol: None,
            place: config.path.as_str().into(),
            fault: Fault::Unavailable { why: e.to_string().replace('\n', "; ") },
        })?;
        Ok(Self { config: config.clone() })
    }

    fn get(&self, ask: &Ask) -> Result<Batch, DataError> {
        let path = PathBuf::from(self.config.path.replace("{symbol}", ask.symbol.as_str()));
        let bytes = load::bytes_of(&path, Limit::default())?;
        let file = path.display().to_string();
        if load::format_of(&path, None)? == TableFormat::Jsonl {
            let spec = SourceSpec { path, kind: self.config.kind, ..SourceSpec::default() };
            let mut batch = Batch::default();
            for event in open_bytes(&spec, bytes, 0)? {
                let event = event?;
                if event.symbol == Some(ask.symbol) {
                    keep(ask, event, &mut batch);
                }
            }
            return Ok(batch);
        }
        let text = load::text(&file, load::gunzip(&file, bytes, Limit::default())?)?;
        if self.config.kind == Kind::SearchTrend && !has_header(&text, "period", &self.config.columns) {
            return export(&file, &text, &self.config, ask);
        }
        table(&file, &text, &self.config, ask)
    }
}

/// Keeps a record that has become known and is asked for.
fn keep(ask: &Ask, event: Event, batch: &mut Batch) {
    if event.time > ask.now {
        batch.note("records from the future");
    } else if When::Instant(event.time).date().is_none_or(|d| ask.wants(d)) {
        batch.records.push(event);
    }
}

/// The cells of a line of CSV: quotes around cells, doubled within; a cell may not span lines.
fn cells(line: &str) -> Option<Vec<String>> {
    let (mut out, mut rest) = (Vec::new(), line);
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (mut cell, mut at) = (String::new(), quoted);
            loop {
                let end = at.find('"')?;
                cell.push_str(&at[..end]);
                at = &at[end + 1..];
                match at.strip_prefix('"') {
                    Some(more) => {
                        cell.push('"');
                        at = more;
                    }
                    None => break,
                }
            }
            out.push(cell);
            match at.strip_prefix(',') {
                Some(next) => rest = next,
                None => return at.is_empty().then_some(out),
            }
        } else {
            match rest.split_once(',') {
                Some((cell, next)) => {
                    out.push(cell.to_owned());
                    rest = next;
                }
                None => {
                    out.push(rest.to_owned());
                    return Some(out);
                }
            }
        }
    }
}

fn has_header(text: &str, field: &str, columns: &BTreeMap<String, String>) -> bool {
    let name = columns.get(field).map_or(field, String::as_str);
    text.lines().next().and_then(cells).is_some_and(|h| h.iter().any(|c| c.trim() == name))
}

fn bad_line(file: &str, row: usize, line: usize, why: impl Into<String>) -> DataError {
    DataError::new(file, Problem::BadRecord { why: why.into() }).at_row(row as u64).at_line(line as u64)
}

/// A CSV file with one record a row. The first row that cannot be used is an error.
fn table(file: &str, text: &str, config: &FileConfig, ask: &Ask) -> Result<Batch, DataError> {
    let mut lines = text.lines().enumerate().filter(|l| !l.1.trim().is_empty());
    let header = lines.next().and_then(|l| cells(l.1)).ok_or_else(|| DataError::new(file, Problem::Empty))?;
    let name = |field: &str| config.columns.get(field).map_or(field, String::as_str).to_owned();
    let mut batch = Batch::default();
    for (row, (line, text)) in lines.enumerate() {
        let bad = |why: String| bad_line(file, row + 1, line + 1, why);
        let cells = cells(text).ok_or_else(|| bad("a quote is not closed".into()))?;
        if cells.len() != header.len() {
            let problem = Problem::Ragged { found: cells.len(), expected: header.len() };
            return Err(DataError::new(file, problem).at_row(row as u64 + 1).at_line(line as u64 + 1));
        }
        let object: Map<String, Value> =
            header.iter().zip(cells).map(|(h, c)| (h.trim().to_owned(), Value::String(c))).collect();
        let field = |f: &str| object.get(&name(f)).unwrap_or(&Value::Null);
        let symbol = match super::value::text(field("symbol")) {
            Some(s) => Symbol::new(s).map_err(|e| bad(e.to_string()))?,
            None if config.path.contains("{symbol}") => ask.symbol,
            None => return Err(bad(format!("no {}", name("symbol")))),
        };
        if symbol == ask.symbol
            && let Some(event) = record(config, ask, &field).map_err(bad)?
        {
            keep(ask, event, &mut batch);
        }
    }
    Ok(batch)
}

/// The record of a row; nothing when it is a period that has not ended.
fn record<'a>(config: &FileConfig, ask: &Ask, field: &impl Fn(&str) -> &'a Value) -> Result<Option<Event>, String> {
    let when = |f: &str| {
        let v = field(f);
        When::read(v).ok_or_else(|| format!("{f} is {v}: expected a date, or a time with its offset"))
    };
    let time = |w: Option<Time>, f: &str| w.ok_or_else(|| format!("{f} is out of range"));
    let words = |f: &str| text(field(f)).map(str::to_owned);
    let amount = |f: &str| match text(field(f)) {
        None => Ok(None),
        Some(s) => match number(field(f)) {
            None if !matches!(s, "N/A" | "-" | "--" | "None" | "null" | "nan" | "NaN") => {
                Err(format!("{f} is {s:?}: expected a number or nothing"))
            }
            x => Ok(x),
        },
    };
    let needs = |x: Option<String>, f: &str| x.ok_or_else(|| format!("no {f}"));
    let (said, known, data) = match config.kind {
        Kind::Rating => {
            let w = when("published")?;
            amount("target")?;
            amount("previous_target")?;
            let published = time(w.said(), "published")?;
            let data = Rating {
                published,
                firm: needs(words("firm"), "firm")?,
                grade: words("grade").unwrap_or_default(),
                previous: words("previous"),
                target: price(field("target")),
                previous_target: price(field("previous_target")),
            };
            (published, time(w.known(), "published")?, MarketData::Rating(data.into()))
        }
        Kind::Earnings => {
            let w = when("announced")?;
            let announced = time(w.said(), "announced")?;
            let actual = amount("actual")?;
            let data = Earnings {
                announced,
                actual,
                consensus: amount("consensus")?,
                whisper: amount("whisper")?,
                dispersion: amount("dispersion")?.filter(|d| *d >= 0.0),
            };
            // What is expected has no time of its own but the `time` column.
            let known = if actual.is_some() { time(w.known(), "announced")? } else { ask.now };
            (if actual.is_some() { announced } else { Time::MIN }, known, MarketData::Earnings(data.into()))
        }
        Kind::News => {
            let w = when("published")?;
            let published = time(w.said(), "published")?;
            let sentiment = amount("sentiment")?;
            if sentiment.is_some_and(|s| !(-1.0..=1.0).contains(&s)) {
                return Err(format!("sentiment is {}: expected -1 to 1", field("sentiment")));
            }
            let data = News {
                published,
                headline: needs(words("headline"), "headline")?,
                body: words("body").unwrap_or_default(),
                source: words("source").unwrap_or_default(),
                sentiment,
            };
            (published, time(w.known(), "published")?, MarketData::News(data.into()))
        }
        _ => {
            if matches!(text(field("partial")), Some("true" | "True" | "TRUE" | "1")) {
                return Ok(None);
            }
            let w =
                When::read(field("period")).ok_or_else(|| format!("period is {}: expected a date", field("period")))?;
            // Google's days are those of UTC.
            let period = utc(w).ok_or("period is out of range")?;
            let interest = amount("interest")?.filter(|x| *x >= 0.0).ok_or("interest: expected 0 or more")?;
            let end = period.plus(Span::DAY).plus(Span::from_secs(3600 * i64::from(config.delay_hours)));
            (period, end, MarketData::SearchTrend(SearchTrend { period, interest, partial: false }))
        }
    };
    let known = match field("time") {
        v if text(v).is_some() => time(when("time")?.known(), "time")?,
        _ => config.known_at.of(known, ask.now, Span::default()),
    };
    if said > known {
        return Err(format!("about {said}, after the time {known} at which it became known"));
    }
    Ok(Some(Event { time: known, symbol: Some(ask.symbol), origin: Default::default(), data }))
}

fn utc(w: When) -> Option<Time> {
    match w {
        When::Instant(t) => Some(t),
        When::Day(d) => Time::from_ymd(d.year(), d.month(), d.day()).ok(),
    }
}

/// The export of Google Trends: a line on the category, an empty one, a header (`Week` or `Day`, then `keyword: (country)`), rows with
/// `<1` for less than one. The last period is left out when it had not ended.
fn export(file: &str, text: &str, config: &FileConfig, ask: &Ask) -> Result<Batch, DataError> {
    let mut lines = text.lines().enumerate().filter(|l| !l.1.trim().is_empty());
    let header = loop {
        let (_, line) = lines.next().ok_or_else(|| DataError::new(file, Problem::Empty))?;
        let cells = cells(line).unwrap_or_default();
        // In other languages the first heading is another word; two columns tell it from the line on the category.
        if cells.len() >= 2 {
            break cells;
        }
    };
    let keyword = |heading: &str| heading.rsplit_once(": (").map_or(heading, |h| h.0).trim().to_owned();
    let column = header.iter().skip(1).position(|h| {
        let k = keyword(h);
        config.symbols.get(h.trim()).or_else(|| config.symbols.get(&k)).map_or(k.as_str(), String::as_str)
            == ask.symbol.as_str()
    });
    let mut batch = Batch::default();
    let Some(column) = column.map(|c| c + 1) else {
        batch.note("no column of the symbol");
        return Ok(batch);
    };
    let mut points: Vec<(Time, f64)> = Vec::new();
    for (row, (line, text)) in lines.enumerate() {
        let bad = |why: String| bad_line(file, row + 1, line + 1, why);
        let cells = cells(text)
            .filter(|c| c.len() == header.len())
            .ok_or_else(|| bad(format!("expected {} cells, as in the header", header.len())))?;
        // An hour is written 2026-11-20T10, a month 2026-11.
        let stamp = match cells[0].trim() {
            t if t.len() == 13 => format!("{t}:00:00Z"),
            t if t.len() == 7 => format!("{t}-01"),
            t => t.to_owned(),
        };
        let period = When::read(&Value::String(stamp)).and_then(utc);
        let period = period.ok_or_else(|| bad(format!("{:?} is not the start of a period", cells[0])))?;
        // What is below 1 is 0 in the answers of the service.
        let interest =
            if cells[column].trim() == "<1" { Some(0.0) } else { number(&Value::String(cells[column].clone())) };
        match interest.filter(|x| (0.0..=100.0).contains(x)) {
            Some(x) => points.push((period, x)),
            None if cells[column].trim().is_empty() => batch.note("periods without data"),
            None => return Err(bad(format!("{:?} is not interest from 0 to 100", cells[column]))),
        }
    }
    if points.windows(2).any(|w| w[1].0 <= w[0].0) {
        return Err(DataError::new(file, Problem::BadRecord { why: "periods are not in order of time".into() }));
    }
    let delay = Span::from_secs(3600 * i64::from(config.delay_hours));
    for i in 0..points.len() {
        let (period, interest) = points[i];
        // A period is as long as the step to the next one; the last as long as the one before it.
        let j = i.min(points.len().saturating_sub(2));
        let length = points.get(j + 1).map_or(Span::from_days(7), |next| next.0.since(points[j].0));
        let end = period.plus(length);
        if end > ask.now {
            batch.note("partial periods");
            continue;
        }
        let known = config.known_at.of(end, ask.now, delay);
        let data = MarketData::SearchTrend(SearchTrend { period, interest, partial: false });
        let event = Event { time: known, symbol: Some(ask.symbol), origin: Default::default(), data };
        keep(ask, event, &mut batch);
    }
    Ok(batch)
}

impl Provider for FileProvider {
    fn id(&self) -> &str {
        &self.config.name
    }
    fn kind(&self) -> Kind {
        self.config.kind
    }
    fn fetch<'a>(&'a mut self, ask: &'a Ask) -> Pending<'a> {
        let result = self.get(ask).map_err(|e| ProviderError {
            provider: self.config.name.as_str().into(),
            symbol: None,
            place: "".into(),
            fault: Fault::File { why: e.to_string() },
        });
        Box::pin(std::future::ready(result))
    }
}
