//! Which plugins see which event: a table by kind and symbol, made of what the plugins say that they listen to.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tradewind_core_types::{Event, Interest, Kinds, MarketData, Symbol, SymbolMap, Symbols};

use crate::pipeline::{Pipeline, Seat};

/// Every change of a symbol's name, in order: a plugin that listens to a symbol is shown it under each later name, too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Renames(Vec<(Symbol, Symbol)>);

impl Renames {
    /// A symbol goes on under another name.
    pub fn push(&mut self, from: Symbol, to: Symbol) {
        self.0.push((from, to));
    }
}

/// The row of what is of the market as a whole, or of no symbol.
const MARKET: usize = 0;
/// The row of the symbols that no plugin names.
const OTHERS: usize = 1;
/// The first row of a symbol.
const NAMED: usize = 2;

/// Where the plugins that see one kind of event of one symbol begin in the list: features, then alphas, then all others.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    features: usize,
    alphas: usize,
    others: usize,
    end: usize,
}

/// The plugins that see an event, in the order in which they see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Audience<'a> {
    /// Places among the features.
    pub features: &'a [u32],
    /// Places among the strategies.
    pub alphas: &'a [u32],
    /// Places among the seats.
    pub others: &'a [u32],
}

/// The table. It follows from the pipeline and the changes of names, so it is not saved.
#[derive(Debug, Default)]
pub(crate) struct Routing {
    rows: SymbolMap<usize>,
    /// [`MarketData::KINDS`] of them a row.
    cells: Vec<Cell>,
    list: Vec<u32>,
    seats: Vec<Seat>,
}

/// The kinds that a plugin, by its place among all, is shown.
type Shown = Vec<(u32, Kinds)>;

/// All that one plugin is shown.
#[derive(Debug, Clone)]
struct Reach {
    market: Kinds,
    /// Of every symbol.
    all: Option<Kinds>,
    /// Of single ones, by row.
    named: BTreeMap<usize, Kinds>,
}

impl Reach {
    fn of(interest: &Interest, rows: &SymbolMap<usize>) -> Self {
        let kinds = interest.kinds;
        let (all, named) = match &interest.symbols {
            Symbols::All => (Some(kinds), BTreeMap::new()),
            Symbols::Only(these) => (None, these.iter().filter_map(|s| Some((*rows.get(*s)?, kinds))).collect()),
        };
        Self { market: kinds, all, named }
    }
    fn everything() -> Self {
        Self { market: Kinds::ALL, all: Some(Kinds::ALL), named: BTreeMap::new() }
    }
}

/// Both, in the order of the plugins.
fn merged(a: &Shown, b: &Shown) -> Shown {
    let mut all: Shown = a.iter().chain(b).copied().collect();
    all.sort_by_key(|x| x.0);
    all.dedup_by(|later, first| {
        let same = later.0 == first.0;
        if same {
            first.1 = first.1 | later.1;
        }
        same
    });
    all
}

impl Routing {
    /// The table of these plugins after these changes of names.
    pub fn new(pipeline: &Pipeline, renames: &Renames) -> Self {
        let alphas = pipeline.strategies.iter().map(|s| s.alpha.listens());
        let mut interests: Vec<Interest> =
            pipeline.features.iter().map(|f| f.listens().reading(f.inputs())).chain(alphas).collect();
        let mut seats = Vec::new();
        for (seat, plugin) in pipeline.seated() {
            seats.push(seat);
            interests.push(plugin.listens());
        }
        let mut named: BTreeSet<Symbol> = renames.0.iter().flat_map(|(from, to)| [*from, *to]).collect();
        for i in &interests {
            if let Symbols::Only(these) = &i.symbols {
                named.extend(these);
            }
        }
        let rows: SymbolMap<usize> = named.into_iter().zip(NAMED..).collect();

        let mut shown: Vec<Shown> = vec![Shown::new(); NAMED + rows.len()];
        let mut everywhere = Shown::new();
        for (reach, i) in reaches(&interests, &rows).into_iter().zip(0..) {
            shown[MARKET].push((i, reach.market));
            everywhere.extend(reach.all.map(|kinds| (i, kinds)));
            for (row, kinds) in reach.named {
                shown[row].push((i, kinds));
            }
        }
        for (from, to) in &renames.0 {
            if let (Some(from), Some(to)) = (rows.get(*from), rows.get(*to)) {
                shown[*to] = merged(&shown[*from], &shown[*to]);
            }
        }
        for own in shown.iter_mut().skip(OTHERS) {
            *own = merged(own, &everywhere);
        }

        let counts = (pipeline.features.len(), pipeline.strategies.len());
        let mut table =
            Self { rows, cells: Vec::with_capacity(shown.len() * MarketData::KINDS), list: Vec::new(), seats };
        for own in &shown {
            for rank in 0..MarketData::KINDS {
                table.add(own, rank as u8, counts);
            }
        }
        table
    }

    /// Adds a cell: those of a row that see one kind.
    fn add(&mut self, row: &Shown, rank: u8, (features, alphas): (usize, usize)) {
        let begin = self.list.len();
        let mut cell = Cell { features: begin, alphas: begin, others: begin, end: begin };
        for (plugin, _) in row.iter().filter(|(_, kinds)| kinds.has(rank)) {
            let i = *plugin as usize;
            let place = if i < features {
                cell.alphas += 1;
                cell.others += 1;
                i
            } else if i < features + alphas {
                cell.others += 1;
                i - features
            } else {
                i - features - alphas
            };
            cell.end += 1;
            // Places are counted in 32 bits, as the plugins are.
            self.list.push(place as u32);
        }
        self.cells.push(cell);
    }

    /// Whether nobody listens to anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Who sees an event.
    #[inline]
    pub fn audience(&self, e: &Event) -> Audience<'_> {
        let row = match e.of_symbol() {
            Some(symbol) => self.rows.get(symbol).copied().unwrap_or(OTHERS),
            None => MARKET,
        };
        let at = row * MarketData::KINDS + usize::from(e.data.rank());
        let Cell { features, alphas, others, end } = self.cells.get(at).copied().unwrap_or_default();
        let part = |from: usize, to: usize| self.list.get(from..to).unwrap_or_default();
        Audience { features: part(features, alphas), alphas: part(alphas, others), others: part(others, end) }
    }

    /// The seat at a place.
    #[inline]
    pub fn seat(&self, place: u32) -> Option<Seat> {
        self.seats.get(place as usize).copied()
    }
}

/// What each plugin is shown: what it listens to. A value that it reads may be news at any event: then everything.
fn reaches(interests: &[Interest], rows: &SymbolMap<usize>) -> Vec<Reach> {
    let reach = |i: &Interest| if i.reads.is_empty() { Reach::of(i, rows) } else { Reach::everything() };
    interests.iter().map(reach).collect()
}
