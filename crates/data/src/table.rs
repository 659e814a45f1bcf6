//! Validated market data in memory, column by column, sorted by time and then symbol.

use std::sync::Arc;

use rayon::prelude::*;
use tradewind_core_types::{Bar, Event, MarketData, Origin, Price, Quantity, Quote, Symbol, Time, Trade};

use crate::error::DataError;
use crate::notes::Notes;
use crate::spec::Kind;

/// Columns of bars.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bars {
    pub(crate) open: Option<Vec<Option<Price>>>,
    pub(crate) high: Option<Vec<Option<Price>>>,
    pub(crate) low: Option<Vec<Option<Price>>>,
    pub(crate) close: Vec<Price>,
    pub(crate) volume: Option<Vec<Option<Quantity>>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Columns {
    Bars(Bars),
    Trades { price: Vec<Price>, size: Vec<Quantity>, buyer: Option<Vec<Option<bool>>> },
    Quotes { bid: Vec<Price>, ask: Vec<Price>, bid_size: Vec<Quantity>, ask_size: Vec<Quantity> },
}

/// Validated bars, index levels, trades or quotes, sorted by time and then symbol.
///
/// ```
/// use std::sync::Arc;
/// use tradewind_data::{EventTable, Layout, SourceSpec, read_table_bytes};
/// let spec = SourceSpec::bars("two.csv", Layout::Wide);
/// let csv = b"date,TLT,SPY\n2015-08-24,125.1,189.5\n2015-08-25,123.8,187.27\n";
/// let table = Arc::new(read_table_bytes(&spec, csv.to_vec())?);
/// let events: Vec<_> = EventTable::events(&table, 0).collect::<Result<_, _>>()?;
/// assert_eq!(events.len(), 4);
/// assert_eq!(events[2].symbol.unwrap().as_str(), "SPY");
/// assert_eq!(events[2].mark().unwrap().to_string(), "187.27");
/// assert_eq!(events[2].origin.row, 2);
/// # Ok::<(), tradewind_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EventTable {
    pub(crate) file: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) adjusted: bool,
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) times: Vec<i64>,
    pub(crate) ids: Vec<u32>,
    pub(crate) rows: Vec<u32>,
    pub(crate) columns: Columns,
    pub(crate) notes: Notes,
}

impl EventTable {
    /// The file it was read from.
    pub fn file(&self) -> &str {
        &self.file
    }
    /// What it holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }
    /// Whether its prices are adjusted for splits and dividends.
    pub fn adjusted(&self) -> bool {
        self.adjusted
    }
    /// Number of events.
    pub fn len(&self) -> usize {
        self.times.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }
    /// Its symbols, by name.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }
    /// Times of the first and last event.
    pub fn range(&self) -> Option<(Time, Time)> {
        Some((Time::from_nanos(*self.times.first()?), Time::from_nanos(*self.times.last()?)))
    }
    /// What reading left out.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }
    /// Each symbol with the number of its events.
    pub fn counts(&self) -> impl Iterator<Item = (Symbol, usize)> {
        let mut counts = vec![0_usize; self.symbols.len()];
        for id in &self.ids {
            if let Some(n) = counts.get_mut(*id as usize) {
                *n += 1;
            }
        }
        self.symbols.iter().copied().zip(counts)
    }
    /// Whether any of its bars has an open.
    pub fn has_opens(&self) -> bool {
        let Columns::Bars(b) = &self.columns else { return false };
        b.open.as_ref().is_some_and(|all| all.iter().any(Option::is_some))
    }
    /// (time, symbol's position, close) of every bar in order; nothing for trades and quotes.
    pub fn closes(&self) -> impl Iterator<Item = (Time, usize, Price)> {
        let close = match &self.columns {
            Columns::Bars(b) => b.close.as_slice(),
            _ => &[],
        };
        self.times.iter().zip(&self.ids).zip(close).map(|((t, id), c)| (Time::from_nanos(*t), *id as usize, *c))
    }
    /// The event at a position, as from source number `source`.
    #[inline]
    pub fn event(&self, i: usize, source: u16) -> Option<Event> {
        let (time, id, row) = (*self.times.get(i)?, *self.ids.get(i)?, *self.rows.get(i)?);
        let data = match &self.columns {
            Columns::Bars(b) => {
                let part = |c: &Option<Vec<Option<Price>>>| c.as_ref().and_then(|c| c.get(i).copied().flatten());
                let bar = Bar {
                    open: part(&b.open),
                    high: part(&b.high),
                    low: part(&b.low),
                    close: *b.close.get(i)?,
                    volume: b.volume.as_ref().and_then(|c| c.get(i).copied().flatten()),
                };
                if self.kind == Kind::Index { MarketData::Index(bar) } else { MarketData::Bar(bar) }
            }
            Columns::Trades { price, size, buyer } => MarketData::Trade(Trade {
                price: *price.get(i)?,
                size: *size.get(i)?,
                buyer: buyer.as_ref().and_then(|c| c.get(i).copied().flatten()),
            }),
            Columns::Quotes { bid, ask, bid_size, ask_size } => MarketData::Quote(Quote {
                bid: *bid.get(i)?,
                ask: *ask.get(i)?,
                bid_size: *bid_size.get(i)?,
                ask_size: *ask_size.get(i)?,
            }),
        };
        Some(Event {
            time: Time::from_nanos(time),
            symbol: self.symbols.get(id as usize).copied(),
            origin: Origin { source, row },
            data,
        })
    }
    /// All events in order, as from source number `source`.
    pub fn events(table: &Arc<Self>, source: u16) -> Events {
        Events { table: Arc::clone(table), at: 0, source }
    }

    /// Puts the rows into the order of `perm` (positions of this table).
    pub(crate) fn permuted(self, perm: &[u32]) -> Self {
        fn take<T: Copy + Send + Sync>(v: &[T], perm: &[u32]) -> Vec<T> {
            perm.par_iter().with_min_len(1 << 14).map(|&i| v[i as usize]).collect()
        }
        fn maybe<T: Copy + Send + Sync>(v: Option<Vec<T>>, perm: &[u32]) -> Option<Vec<T>> {
            v.map(|v| take(&v, perm))
        }
        let columns = match self.columns {
            Columns::Bars(b) => Columns::Bars(Bars {
                open: maybe(b.open, perm),
                high: maybe(b.high, perm),
                low: maybe(b.low, perm),
                close: take(&b.close, perm),
                volume: maybe(b.volume, perm),
            }),
            Columns::Trades { price, size, buyer } => {
                Columns::Trades { price: take(&price, perm), size: take(&size, perm), buyer: maybe(buyer, perm) }
            }
            Columns::Quotes { bid, ask, bid_size, ask_size } => Columns::Quotes {
                bid: take(&bid, perm),
                ask: take(&ask, perm),
                bid_size: take(&bid_size, perm),
                ask_size: take(&ask_size, perm),
            },
        };
        Self {
            times: take(&self.times, perm),
            ids: take(&self.ids, perm),
            rows: take(&self.rows, perm),
            columns,
            ..self
        }
    }
}

/// The events of a table in time order. Nothing is allocated per event.
#[derive(Debug, Clone)]
pub struct Events {
    table: Arc<EventTable>,
    at: usize,
    source: u16,
}

impl Events {
    /// The table.
    pub fn table(&self) -> &EventTable {
        &self.table
    }
}

impl Iterator for Events {
    type Item = Result<Event, DataError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let e = self.table.event(self.at, self.source)?;
        self.at += 1;
        Some(Ok(e))
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        let n = self.table.len().saturating_sub(self.at);
        (n, Some(n))
    }
}

impl ExactSizeIterator for Events {}
