//! Corporate actions: splits, dividends, delistings, changes of symbol and halts, from CSV, Parquet or JSONL.
//!
//! Columns (or JSON fields): `date` (the ex-date; its session's open is when the action takes effect) or a full `time`, `symbol`, `kind`
//! and `value`: for a split the ratio new:old (`4:1`, `1:8`), for a dividend dollars a share, for a delisting the final price or nothing,
//! for a change of symbol the new one; `halt` and `resume` have no value.

use serde_json::{Map, Value};
use tradewind_core_types::{CorporateAction, Event, MarketData, Origin, Price, Symbol, Time};

use crate::clock::Clock;
use crate::decode::{self, Names, Range, field_column};
use crate::error::{DataError, Problem};
use crate::load::{self, Limit};
use crate::long;
use crate::raw::{Cells, RawTable, shorten};
use crate::records::{objects, take_text};
use crate::spec::{At, SourceSpec, TableFormat};
use crate::table::EventTable;

/// The action of a kind and value as written.
fn action(kind: &str, value: Option<&str>) -> Result<CorporateAction, Problem> {
    let misfit =
        |kind, expected| Problem::BadActionValue { kind, found: value.map(shorten).unwrap_or_default(), expected };
    Ok(match kind.trim().to_ascii_lowercase().as_str() {
        "split" => {
            let bad = || misfit("split", "new:old in whole shares, such as 4:1 or 1:8");
            let (new, old) = value.unwrap_or_default().split_once(':').or(value.map(|v| (v, "1"))).ok_or_else(bad)?;
            match (new.trim().parse(), old.trim().parse()) {
                (Ok(numerator), Ok(denominator)) if numerator > 0 && denominator > 0 => {
                    CorporateAction::Split { numerator, denominator }
                }
                _ => return Err(bad()),
            }
        }
        "dividend" => {
            let amount = value.and_then(|v| v.trim().parse::<Price>().ok());
            CorporateAction::Dividend {
                amount: amount.ok_or_else(|| misfit("dividend", "dollars a share, above zero"))?,
            }
        }
        "delisting" => {
            let bad = || misfit("delisting", "the final price, above zero, or nothing");
            CorporateAction::Delisting { price: value.map(|v| v.trim().parse().map_err(|_| bad())).transpose()? }
        }
        "symbol_change" => {
            let to = value.and_then(|v| Symbol::new(v.trim()).ok());
            CorporateAction::SymbolChange { to: to.ok_or_else(|| misfit("symbol_change", "the new symbol"))? }
        }
        k @ ("halt" | "resume") => match value {
            None => CorporateAction::Halt { halted: k == "halt" },
            Some(_) => return Err(misfit("halt or resume", "no value")),
        },
        _ => return Err(Problem::BadAction { found: shorten(kind) }),
    })
}

/// One row as text: time cell and position in it, symbol, kind, value.
struct Row<'a> {
    time: Result<Time, Problem>,
    symbol: Option<&'a str>,
    kind: Option<&'a str>,
    value: Option<&'a str>,
}

pub(crate) fn read(spec: &SourceSpec, bytes: Vec<u8>, source: u16) -> Result<(Vec<Event>, Vec<DataError>), DataError> {
    let file = spec.path.display().to_string();
    // An ex-date takes effect before trading begins, whatever dates mean for prices.
    let at_open = SourceSpec { at: At::Open, midnight_is_date: true, ..spec.clone() };
    let clock = Clock::new(&at_open).map_err(|bad| DataError::config(file.as_str(), bad))?;
    let (names, range) = (Names::new(spec), Range::new(spec));
    let one = |row: usize, r: Row<'_>| -> Result<Option<Event>, Problem> {
        let name = r.symbol.or(spec.symbol.as_deref()).ok_or(Problem::MissingValue)?;
        let Some(symbol) = names.symbol(name)? else { return Ok(None) };
        let time = r.time?;
        let data = MarketData::CorporateAction(action(r.kind.ok_or(Problem::MissingValue)?, r.value)?);
        if matches!(&data, MarketData::CorporateAction(CorporateAction::SymbolChange { to }) if *to == symbol) {
            return Err(Problem::BadActionValue {
                kind: "symbol_change",
                found: name.into(),
                expected: "another symbol",
            });
        }
        let row = u32::try_from(row + 1).unwrap_or(u32::MAX);
        Ok(range.contains(time.nanos()).then_some(Event {
            time,
            symbol: Some(symbol),
            origin: Origin { source, row },
            data,
        }))
    };
    let (mut events, mut errors) = (Vec::new(), Vec::new());
    if load::format_of(&spec.path, spec.format)? == TableFormat::Jsonl {
        for (row, line, object) in objects(&file, bytes, Limit::of(spec))? {
            match object.and_then(|o| from_json(o, spec, &clock)).and_then(|r| {
                one(row, Row { time: r.0, symbol: r.1.as_deref(), kind: r.2.as_deref(), value: r.3.as_deref() })
            }) {
                Ok(e) => events.extend(e),
                Err(p) => errors.push(DataError::new(file.as_str(), p).at_row(row as u64 + 1).at_line(line)),
            }
        }
        return Ok((events, errors));
    }
    let format = load::format_of(&spec.path, spec.format)?;
    let wanted = |names: &[String]| long::wanted(&file, names, spec).map(Some);
    let raw = RawTable::read(&spec.path, bytes, format, Limit::of(spec), wanted)?;
    let time = decode::time_column(&file, &raw.names, spec)?;
    let at = |name: &str| raw.position(name).map(|p| raw.cells(p));
    let label = |cells: Option<&Cells>, row: usize| cells.and_then(|c| c.label(row)).map(|s| s.trim().to_owned());
    let times = raw.cells(raw.position(&time).unwrap_or_default());
    let symbols = at(spec.symbol_column.as_deref().unwrap_or("symbol"));
    let field = |name| field_column(spec, name).and_then(at);
    let (kinds, values) = (field("kind"), field("value"));
    for row in 0..raw.rows {
        let (symbol, kind, value) = (label(symbols, row), label(kinds, row), label(values, row));
        let r = Row {
            time: clock.read(times, row),
            symbol: symbol.as_deref(),
            kind: kind.as_deref(),
            value: value.as_deref(),
        };
        match one(row, r) {
            Ok(e) => events.extend(e),
            Err(p) => errors.push(raw.error(row, None, p)),
        }
    }
    Ok((events, errors))
}

type JsonRow = (Result<Time, Problem>, Option<String>, Option<String>, Option<String>);

fn from_json(mut o: Map<String, Value>, spec: &SourceSpec, clock: &Clock) -> Result<JsonRow, Problem> {
    let field = spec.time.as_deref().unwrap_or(if o.contains_key("time") { "time" } else { "date" });
    let time = take_text(&mut o, field)?;
    let cells = Cells::Text([time.as_deref()].into_iter().collect());
    let symbol = take_text(&mut o, spec.symbol_column.as_deref().unwrap_or("symbol"))?;
    let kind = take_text(&mut o, field_column(spec, "kind").unwrap_or("kind"))?;
    let value = take_text(&mut o, field_column(spec, "value").unwrap_or("value"))?;
    match o.keys().next() {
        Some(k) => {
            Err(Problem::BadRecord { why: format!("unknown field {k:?}: expected date or time, symbol, kind, value") })
        }
        None => Ok((clock.read(&cells, 0), symbol, kind, value)),
    }
}

/// Splits and dividends of symbols whose prices are adjusted for them already: applying both would count them twice.
///
/// ```
/// # use std::sync::Arc;
/// use tradewind_data::{Kind, Layout, SourceSpec, counted_twice, open_bytes, read_table_bytes};
/// let prices = SourceSpec { adjusted: true, ..SourceSpec::bars("p.csv", Layout::Wide) };
/// let table = read_table_bytes(&prices, b"date,AAPL\n2020-08-28,124.8\n2020-08-31,129.0\n".to_vec())?;
/// let spec = SourceSpec { kind: Kind::CorporateAction, ..SourceSpec::bars("a.csv", Layout::Long) };
/// let csv = b"date,symbol,kind,value\n2020-08-31,AAPL,split,4:1\n";
/// let actions: Vec<_> = open_bytes(&spec, csv.to_vec(), 1)?.collect::<Result<_, _>>()?;
/// assert_eq!(counted_twice(&[&table], &actions).len(), 1);
/// # Ok::<(), tradewind_data::DataError>(())
/// ```
pub fn counted_twice<'a>(tables: &[&EventTable], actions: &'a [Event]) -> Vec<&'a Event> {
    let adjusted = |s: Symbol| tables.iter().any(|t| t.adjusted() && t.symbols().binary_search(&s).is_ok());
    actions
        .iter()
        .filter(|e| {
            use CorporateAction::{Dividend, Split};
            matches!(e.data, MarketData::CorporateAction(Split { .. } | Dividend { .. }))
                && e.symbol.is_some_and(adjusted)
        })
        .collect()
}
