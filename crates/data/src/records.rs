//! Records of text (news, ratings, earnings, option chains, search interest, fund flows): one JSON object a line.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tradewind_core_types::{
    Earnings, Event, FundFlow, MarketData, News, OptionChain, Origin, Rating, SearchTrend, Span, Symbol, Time,
    columns_of, did_you_mean,
};

use crate::decode::{Names, Range};
use crate::error::{DataError, Problem};
use crate::load::{self, Limit};
use crate::spec::{Kind, SourceSpec};

/// A line of a JSONL file: row from 0, physical line, object.
pub(crate) type Line = (usize, u64, Result<Map<String, Value>, Problem>);

/// The lines of a JSONL file as objects.
pub(crate) fn objects(file: &str, bytes: Vec<u8>, limit: Limit) -> Result<impl Iterator<Item = Line>, DataError> {
    let text = load::text(file, load::gunzip(file, bytes, limit)?)?;
    if text.trim().is_empty() {
        return Err(DataError::new(file, Problem::Empty));
    }
    let lines: Vec<(u64, String)> =
        (1..).zip(text.lines()).filter(|(_, l)| !l.trim().is_empty()).map(|(n, l)| (n, l.to_owned())).collect();
    Ok(lines.into_iter().enumerate().map(|(row, (line, text))| {
        let object = serde_json::from_str(&text).map_err(|e| Problem::BadRecord { why: e.to_string() });
        (row, line, object)
    }))
}

fn bad(why: impl Into<String>) -> Problem {
    Problem::BadRecord { why: why.into() }
}

/// Takes a text field out of an object.
pub(crate) fn take_text(o: &mut Map<String, Value>, field: &str) -> Result<Option<String>, Problem> {
    match o.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) => Ok(Some(s)),
        Some(Value::Number(n)) => Ok(Some(n.to_string())),
        Some(other) => Err(bad(format!("field {field:?} is {other}: expected text"))),
    }
}

/// What remains of an object, as a `T` without unknown fields.
fn body<T: DeserializeOwned>(o: Map<String, Value>) -> Result<T, Problem> {
    let known = columns_of::<T>();
    if let Some(field) = o.keys().find(|k| !known.contains(&k.as_str())) {
        let hint = did_you_mean(field, known.iter().copied().chain(["time", "symbol"]));
        return Err(bad(format!("unknown field {field:?}{hint}")));
    }
    T::deserialize(Value::Object(o)).map_err(|e| bad(e.to_string()))
}

fn finite(what: &str, x: Option<f64>, low: f64, high: f64) -> Result<(), Problem> {
    match x {
        Some(v) if !(low <= v && v <= high) => Err(bad(format!("{what} is {v}: expected {low} to {high}"))),
        _ => Ok(()),
    }
}

fn data(kind: Kind, o: Map<String, Value>) -> Result<MarketData, Problem> {
    Ok(match kind {
        Kind::News => {
            let n: News = body(o)?;
            finite("sentiment", n.sentiment, -1.0, 1.0)?;
            MarketData::News(Arc::new(n))
        }
        Kind::Rating => MarketData::Rating(Arc::new(body::<Rating>(o)?)),
        Kind::Earnings => {
            let e: Earnings = body(o)?;
            finite("dispersion", e.dispersion, 0.0, f64::MAX)?;
            MarketData::Earnings(Arc::new(e))
        }
        Kind::OptionChain => {
            let c: OptionChain = body(o)?;
            c.quotes.iter().try_for_each(|q| finite("implied_volatility", q.implied_volatility, 0.0, f64::MAX))?;
            MarketData::OptionChain(Arc::new(c))
        }
        Kind::SearchTrend => {
            let s: SearchTrend = body(o)?;
            finite("interest", Some(s.interest), 0.0, f64::MAX)?;
            MarketData::SearchTrend(s)
        }
        _ => MarketData::FundFlow(body::<FundFlow>(o)?),
    })
}

/// The time a record says it is about, which cannot lie after the time it became known.
fn published(data: &MarketData) -> Option<Time> {
    match data {
        MarketData::News(n) => Some(n.published),
        MarketData::Rating(r) => Some(r.published),
        _ => None,
    }
}

pub(crate) fn read(spec: &SourceSpec, bytes: Vec<u8>, source: u16) -> Result<(Vec<Event>, Vec<DataError>), DataError> {
    let file = spec.path.display().to_string();
    let (names, range) = (Names::new(spec), Range::new(spec));
    let time_field = spec.time.as_deref().unwrap_or("time");
    let symbol_field = spec.symbol_column.as_deref().unwrap_or("symbol");
    let delay = Span::from_secs(i64::from(spec.delay_seconds));
    let one = |row: usize, o: Result<Map<String, Value>, Problem>| -> Result<Option<Event>, Problem> {
        let mut o = o?;
        let text = take_text(&mut o, time_field)?.ok_or_else(|| {
            bad(format!("field {time_field:?} is missing: the time at which the record became known"))
        })?;
        // A date alone would hide whether the record was known before or after the close.
        let time: Time = match text.len() {
            0..=10 => return Err(Problem::TimeZoneMissing { found: text }),
            _ => text.parse().map_err(|_| match text.parse::<jiff::civil::DateTime>() {
                Ok(_) => Problem::TimeZoneMissing { found: text.clone() },
                Err(_) => Problem::NotATime { found: text.clone() },
            })?,
        };
        let symbol: Option<Symbol> = match take_text(&mut o, symbol_field)? {
            Some(s) => match names.symbol(&s)? {
                Some(s) => Some(s),
                None => return Ok(None),
            },
            None => None,
        };
        let data = data(spec.kind, o)?;
        if published(&data).is_some_and(|p| p > time) {
            return Err(bad("published after the time it became known: expected published <= time"));
        }
        let time = time.plus(delay);
        let row = u32::try_from(row + 1).unwrap_or(u32::MAX);
        Ok(range.contains(time.nanos()).then_some(Event { time, symbol, origin: Origin { source, row }, data }))
    };
    let (mut events, mut errors) = (Vec::new(), Vec::new());
    for (row, line, object) in objects(&file, bytes, Limit::of(spec))? {
        match one(row, object) {
            Ok(e) => events.extend(e),
            Err(p) => errors.push(DataError::new(file.as_str(), p).at_row(row as u64 + 1).at_line(line)),
        }
    }
    Ok((events, errors))
}

/// Writes records as JSONL that [`open`](crate::open) reads back: `time`, `symbol` and the fields of the record.
///
/// # Errors
/// When an event is not a record, or the record cannot be written as JSON.
pub fn record_line(event: &Event) -> Result<String, DataError> {
    fn value<T: Serialize>(x: &T) -> Result<Value, serde_json::Error> {
        serde_json::to_value(x)
    }
    let body = match &event.data {
        MarketData::News(x) => value(&**x),
        MarketData::Rating(x) => value(&**x),
        MarketData::Earnings(x) => value(&**x),
        MarketData::OptionChain(x) => value(&**x),
        MarketData::SearchTrend(x) => value(x),
        MarketData::FundFlow(x) => value(x),
        _ => {
            let why = format!("a {} is not written as a record", event.kind());
            return Err(DataError::new("record", Problem::BadRecord { why }));
        }
    };
    let fail = |e: serde_json::Error| DataError::new("record", bad(e.to_string()));
    let mut o = Map::new();
    o.insert("time".into(), Value::String(event.time.to_string()));
    if let Some(s) = event.symbol {
        o.insert("symbol".into(), Value::String(s.as_str().into()));
    }
    if let Value::Object(rest) = body.map_err(fail)? {
        o.extend(rest);
    }
    serde_json::to_string(&o).map_err(fail)
}
