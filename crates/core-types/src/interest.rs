//! Which events a plugin listens to.

use std::ops::BitOr;

use crate::event::Event;
use crate::name::{FeatureId, Symbol};

/// A set of kinds of events. Corporate actions need not be named: whoever listens to a symbol is told of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// None but corporate actions.
    pub const NONE: Self = Self(1);
    /// All, also those that do not exist yet.
    pub const ALL: Self = Self(u32::MAX);
    /// Session opens.
    pub const SESSION_OPEN: Self = Self::of(1);
    /// Quotes.
    pub const QUOTE: Self = Self::of(2);
    /// Changes of order books.
    pub const BOOK: Self = Self::of(3);
    /// Trades.
    pub const TRADE: Self = Self::of(4);
    /// Bars.
    pub const BAR: Self = Self::of(5);
    /// Levels of indices.
    pub const INDEX: Self = Self::of(6);
    /// Option chains.
    pub const OPTION_CHAIN: Self = Self::of(7);
    /// News items.
    pub const NEWS: Self = Self::of(8);
    /// Earnings.
    pub const EARNINGS: Self = Self::of(9);
    /// Analysts' ratings.
    pub const RATING: Self = Self::of(10);
    /// Search interest.
    pub const SEARCH_TREND: Self = Self::of(11);
    /// Shares outstanding of funds.
    pub const FUND_FLOW: Self = Self::of(12);
    /// Session closes.
    pub const SESSION_CLOSE: Self = Self::of(13);
    /// Timers.
    pub const TIMER: Self = Self::of(14);

    /// The kind with this [`MarketData::rank`].
    const fn of(rank: u8) -> Self {
        Self(1 | 1 << rank)
    }
    /// Both sets.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Whether the kind with this [`MarketData::rank`](crate::MarketData::rank) is among them.
    #[inline]
    pub const fn has(self, rank: u8) -> bool {
        self.0 >> rank & 1 == 1
    }
}

impl BitOr for Kinds {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

/// A set of symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Symbols {
    /// All, whatever appears.
    All,
    /// These, in any order; none for a plugin that listens to the market as a whole only.
    Only(Vec<Symbol>),
}

/// What a plugin listens to: these kinds of events, of these symbols. An event of no symbol, and a session's open or close or a timer,
/// reaches whoever listens to its kind. A symbol that changes its name stays listened to, under both names.
///
/// ```
/// use tradewind_core_types::{Interest, Kinds, Symbol};
/// let spy = Symbol::new("SPY")?;
/// let closes = Interest::of(Kinds::BAR | Kinds::SESSION_CLOSE).only([spy]);
/// assert_ne!(closes, Interest::everything());
/// # Ok::<(), tradewind_core_types::BadInput>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// Which kinds.
    pub kinds: Kinds,
    /// The symbols.
    pub symbols: Symbols,
    /// Features whose values it takes in as they are published: it also sees every event that a feature which publishes one of them
    /// sees. What is only looked up at events it listens to anyway need not be named.
    pub reads: Vec<FeatureId>,
}

impl Interest {
    /// Every event.
    pub fn everything() -> Self {
        Self::of(Kinds::ALL)
    }
    /// No event.
    pub fn nothing() -> Self {
        Self::of_market(Kinds::NONE)
    }
    /// These kinds, of all symbols.
    pub fn of(kinds: Kinds) -> Self {
        Self { kinds, symbols: Symbols::All, reads: Vec::new() }
    }
    /// These kinds of the market as a whole, and nothing of any symbol.
    pub fn of_market(kinds: Kinds) -> Self {
        Self::of(kinds).only([])
    }
    /// The same kinds, of these symbols only.
    #[must_use]
    pub fn only(mut self, symbols: impl IntoIterator<Item = Symbol>) -> Self {
        self.symbols = Symbols::Only(symbols.into_iter().collect());
        self
    }
    /// Also the values of these features.
    #[must_use]
    pub fn reading(mut self, ids: impl IntoIterator<Item = FeatureId>) -> Self {
        self.reads.extend(ids);
        self
    }
    /// What either listens to. Kinds and symbols are joined each for itself: all kinds are then heard of all symbols.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.kinds = self.kinds | other.kinds;
        self.symbols = match (self.symbols, other.symbols) {
            (Symbols::Only(mut a), Symbols::Only(b)) => {
                a.extend(b);
                Symbols::Only(a)
            }
            _ => Symbols::All,
        };
        self.reads.extend(other.reads);
        self
    }
    /// Whether it listens to this event, apart from what it reads and from changes of names.
    pub fn hears(&self, e: &Event) -> bool {
        self.kinds.has(e.data.rank())
            && match (e.of_symbol(), &self.symbols) {
                (Some(s), Symbols::Only(these)) => these.contains(&s),
                _ => true,
            }
    }
}

#[cfg(all(test, feature = "testkit"))]
mod tests {
    use super::*;
    use crate::event::MarketData;
    use crate::testkit::one_of_each;

    #[test]
    fn every_kind_has_its_bit() {
        let all = one_of_each();
        let named = [
            Kinds::NONE,
            Kinds::SESSION_OPEN,
            Kinds::QUOTE,
            Kinds::BOOK,
            Kinds::TRADE,
            Kinds::BAR,
            Kinds::INDEX,
            Kinds::OPTION_CHAIN,
            Kinds::NEWS,
            Kinds::EARNINGS,
            Kinds::RATING,
            Kinds::SEARCH_TREND,
            Kinds::FUND_FLOW,
            Kinds::SESSION_CLOSE,
            Kinds::TIMER,
        ];
        assert_eq!((all.len(), named.len()), (MarketData::KINDS, MarketData::KINDS));
        for (rank, (data, kinds)) in all.iter().zip(named).enumerate() {
            assert_eq!(usize::from(data.rank()), rank);
            for other in &all {
                let r = other.rank();
                assert_eq!(kinds.has(r), r == 0 || r == data.rank(), "{} of {other:?}", data.rank());
                assert!(Kinds::ALL.has(r));
            }
        }
    }

    #[test]
    fn by_kind_and_symbol() {
        let [a, b] = ["A", "B"].map(|s| Symbol::new(s).unwrap());
        let hears = |i: &Interest, symbol| {
            let event = |data: &MarketData| Event {
                time: crate::Time::MIN,
                symbol,
                origin: crate::Origin::default(),
                data: data.clone(),
            };
            let all = one_of_each();
            all.iter().map(event).filter(|e| i.hears(e)).map(|e| e.data.rank()).collect::<Vec<_>>()
        };
        let closes = Interest::of(Kinds::BAR | Kinds::SESSION_CLOSE);
        let of_a = closes.clone().only([a]);
        assert_eq!(hears(&closes, Some(b)), [0, 5, 13]);
        assert_eq!(
            (hears(&of_a, Some(a)), hears(&of_a, Some(b)), hears(&of_a, None)),
            (vec![0, 5, 13], vec![13], vec![0, 5, 13])
        );
        assert_eq!(hears(&Interest::of_market(Kinds::TIMER), Some(a)), [14]);
        assert_eq!(hears(&Interest::nothing(), Some(a)), [0_u8; 0]);
        assert_eq!(hears(&Interest::everything(), Some(a)).len(), MarketData::KINDS);
        let both = of_a.and(Interest::of(Kinds::NEWS).only([b]));
        assert_eq!((hears(&both, Some(b)), both.symbols == Symbols::Only(vec![a, b])), (vec![0, 5, 8, 13], true));
        assert_eq!(both.and(Interest::of(Kinds::NONE)).symbols, Symbols::All);
    }
}
