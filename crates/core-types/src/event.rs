//! Market events: what becomes known, when, and from which row of which source.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::BadInput;
use crate::money::{Price, Quantity};
use crate::name::{Name, Symbol};
use crate::time::Time;

/// Where an event came from, for errors and explanations: the source's number and the row within it (1 is the first data row).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// Index into the run's list of sources.
    pub source: u16,
    /// Row within the source, counted from 1; 0 when there is none.
    pub row: u32,
}

/// Something became known at `time`. For records that describe an earlier moment (news, ratings) only the time they became
/// known counts, and that is `time`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it became known.
    pub time: Time,
    /// Whom it concerns; `None` for the market as a whole.
    pub symbol: Option<Symbol>,
    /// Where it came from.
    pub origin: Origin,
    /// What became known.
    pub data: MarketData,
}

/// What became known. At equal times events are processed in the order of [`MarketData::rank`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum MarketData {
    /// A split, dividend, delisting or change of symbol; comes before the data of the same instant.
    CorporateAction(CorporateAction),
    /// Regular trading begins.
    SessionOpen,
    /// Best bid and ask.
    Quote(Quote),
    /// Changes to an order book.
    Book(Arc<BookUpdate>),
    /// A trade.
    Trade(Trade),
    /// A bar that ended at the event's time.
    Bar(Bar),
    /// Level of an index that cannot be traded (VIX, S&P 500), as a bar without volume.
    Index(Bar),
    /// Quotes of an option chain.
    OptionChain(Arc<OptionChain>),
    /// A news item.
    News(Arc<News>),
    /// Earnings announced or expected.
    Earnings(Arc<Earnings>),
    /// An analyst's rating action.
    Rating(Arc<Rating>),
    /// Search interest.
    SearchTrend(SearchTrend),
    /// Shares outstanding and net asset value of a fund.
    FundFlow(FundFlow),
    /// Regular trading ends. The closing bar of the same instant comes before.
    SessionClose,
    /// A timer of the run went off.
    Timer(u32),
}

impl MarketData {
    /// How many kinds there are: ranks are below.
    pub const KINDS: usize = 15;

    /// The order of events with equal times: the variants' order above (corporate actions first, session close and timers last).
    #[inline]
    pub fn rank(&self) -> u8 {
        match self {
            Self::CorporateAction(_) => 0,
            Self::SessionOpen => 1,
            Self::Quote(_) => 2,
            Self::Book(_) => 3,
            Self::Trade(_) => 4,
            Self::Bar(_) => 5,
            Self::Index(_) => 6,
            Self::OptionChain(_) => 7,
            Self::News(_) => 8,
            Self::Earnings(_) => 9,
            Self::Rating(_) => 10,
            Self::SearchTrend(_) => 11,
            Self::FundFlow(_) => 12,
            Self::SessionClose => 13,
            Self::Timer(_) => 14,
        }
    }
}

/// A bar. Only the close is always known: missing parts stay missing, they are never invented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// First price, when known.
    pub open: Option<Price>,
    /// Highest price, when known.
    pub high: Option<Price>,
    /// Lowest price, when known.
    pub low: Option<Price>,
    /// Last price.
    pub close: Price,
    /// Shares traded, when known.
    pub volume: Option<Quantity>,
}

impl Bar {
    /// A bar of which only the close is known.
    #[inline]
    pub const fn close_only(close: Price) -> Self {
        Self { open: None, high: None, low: None, close, volume: None }
    }
    /// A bar whose known parts agree with each other.
    ///
    /// # Errors
    /// Unless low <= open, close <= high where known, and volume >= 0.
    pub fn new(
        open: Option<Price>,
        high: Option<Price>,
        low: Option<Price>,
        close: Price,
        volume: Option<Quantity>,
    ) -> Result<Self, BadInput> {
        if let Some(h) = high {
            let top = [open, low, Some(close)].into_iter().flatten().max().unwrap_or(close);
            if h < top {
                return Err(BadInput::new(
                    "high",
                    h.to_string(),
                    format!("at least {top}, the largest of open, low and close"),
                ));
            }
        }
        if let Some(l) = low {
            let bottom = open.map_or(close, |o| o.min(close));
            if l > bottom {
                return Err(BadInput::new(
                    "low",
                    l.to_string(),
                    format!("at most {bottom}, the smaller of open and close"),
                ));
            }
        }
        if let Some(v) = volume
            && v < Quantity::ZERO
        {
            return Err(BadInput::new("volume", v.to_string(), "zero or more"));
        }
        Ok(Self { open, high, low, close, volume })
    }
}

/// A trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Price.
    pub price: Price,
    /// Size, above zero.
    pub size: Quantity,
    /// Whether the buyer was the aggressor, when known.
    pub buyer: Option<bool>,
}

/// Best bid and ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Best bid.
    pub bid: Price,
    /// Best ask. A locked (equal) or crossed (lower) market can be represented: filters decide what to do with it.
    pub ask: Price,
    /// Size at the bid.
    pub bid_size: Quantity,
    /// Size at the ask.
    pub ask_size: Quantity,
}

impl Quote {
    /// Halfway between bid and ask.
    pub fn mid(&self) -> f64 {
        0.5 * (self.bid.to_f64() + self.ask.to_f64())
    }
}

/// One level of a book; size zero removes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookLevel {
    /// Whether on the bid side.
    pub bid: bool,
    /// Price of the level.
    pub price: Price,
    /// New total size at that price.
    pub size: Quantity,
}

/// Changes to an order book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookUpdate {
    /// Whether this replaces the whole book.
    pub snapshot: bool,
    /// The levels that changed.
    pub levels: Vec<BookLevel>,
}

/// Call or put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionKind {
    /// The right to buy.
    Call,
    /// The right to sell.
    Put,
}

/// One option of a chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptionQuote {
    /// When it expires.
    pub expiry: Time,
    /// Strike price.
    pub strike: Price,
    /// Call or put.
    pub kind: OptionKind,
    /// Best bid, when there is one.
    pub bid: Option<Price>,
    /// Best ask, when there is one.
    pub ask: Option<Price>,
    /// Implied volatility as given by the source (decimal, annual).
    pub implied_volatility: Option<f64>,
    /// Open contracts.
    pub open_interest: Option<u64>,
}

/// Quotes of an option chain at one instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptionChain {
    /// Price of the underlying at the same instant.
    pub underlying: Price,
    /// The options.
    pub quotes: Vec<OptionQuote>,
}

/// A news item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct News {
    /// When it says it was published.
    pub published: Time,
    /// Headline.
    pub headline: String,
    /// Body or summary, possibly empty.
    pub body: String,
    /// Who published it.
    pub source: String,
    /// Sentiment in [-1, 1] given with the item.
    pub sentiment: Option<f64>,
}

/// Earnings, expected (no actual yet) or announced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Earnings {
    /// When they are or were announced. Where only the date is known, the start of it in New York.
    pub announced: Time,
    /// Earnings per share, when announced.
    pub actual: Option<f64>,
    /// Analysts' consensus.
    pub consensus: Option<f64>,
    /// The whisper number.
    pub whisper: Option<f64>,
    /// Standard deviation of the estimates.
    pub dispersion: Option<f64>,
}

/// An analyst's rating action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// When it says it was published.
    pub published: Time,
    /// The broker.
    pub firm: String,
    /// The new grade, in the broker's words; empty when only the price target was set.
    pub grade: String,
    /// The grade before.
    pub previous: Option<String>,
    /// Price target.
    pub target: Option<Price>,
    /// The price target before, when the source gives it.
    pub previous_target: Option<Price>,
}

/// Search interest of one period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SearchTrend {
    /// Start of the period.
    pub period: Time,
    /// Interest, 0 to 100 within its window.
    pub interest: f64,
    /// Whether the period had not ended when this was read.
    pub partial: bool,
}

/// Shares outstanding and net asset value of a fund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundFlow {
    /// Shares outstanding.
    pub shares: Quantity,
    /// Net asset value a share.
    pub nav: Price,
}

/// A change of the instrument itself, effective from the event's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorporateAction {
    /// `numerator` new shares for `denominator` old ones.
    Split {
        /// New shares, above zero.
        numerator: u32,
        /// Old shares, above zero.
        denominator: u32,
    },
    /// Cash a share, for those who held before the event.
    Dividend {
        /// Dollars a share.
        amount: Price,
    },
    /// No longer traded; holdings are paid out at this price, or lost when there is none.
    Delisting {
        /// Final price.
        price: Option<Price>,
    },
    /// Goes on under another symbol.
    SymbolChange {
        /// The new symbol.
        to: Symbol,
    },
    /// Trading halted (true) or resumed (false).
    Halt {
        /// Whether trading is halted from now on.
        halted: bool,
    },
}

impl CorporateAction {
    /// By how much later prices are multiplied to go on from those before, when the last of these was `close`: splits and dividends are taken out, as
    /// for somebody who buys more with what is paid. 1 for all else, and for a dividend of all that the share is worth, after which nothing goes on.
    pub fn factor(&self, close: Option<f64>) -> f64 {
        let by = match (*self, close) {
            (Self::Split { numerator, denominator }, _) => f64::from(numerator) / f64::from(denominator),
            (Self::Dividend { amount }, Some(close)) => close / (close - amount.to_f64()),
            _ => 1.0,
        };
        if by > 0.0 && by.is_finite() { by } else { 1.0 }
    }
}

impl Event {
    /// The symbol whose event it is; `None` also for what is of the market as a whole although it names a symbol: a session's open and
    /// close, and timers.
    #[inline]
    pub fn of_symbol(&self) -> Option<Symbol> {
        match self.data {
            MarketData::SessionOpen | MarketData::SessionClose | MarketData::Timer(_) => None,
            _ => self.symbol,
        }
    }
    /// The price a holder would mark at: bar close, trade price, or the middle of a quote that is not crossed.
    #[inline]
    pub fn mark(&self) -> Option<Price> {
        match &self.data {
            MarketData::Bar(b) => Some(b.close),
            MarketData::Trade(t) => Some(t.price),
            MarketData::Quote(q) if q.bid <= q.ask => Price::from_nanos(q.bid.nanos() / 2 + q.ask.nanos() / 2).ok(),
            _ => None,
        }
    }
    /// The name of the kind of event, for messages.
    pub fn kind(&self) -> Name {
        Name::lit(match self.data {
            MarketData::CorporateAction(_) => "corporate action",
            MarketData::SessionOpen => "session open",
            MarketData::Quote(_) => "quote",
            MarketData::Book(_) => "book update",
            MarketData::Trade(_) => "trade",
            MarketData::Bar(_) => "bar",
            MarketData::Index(_) => "index level",
            MarketData::OptionChain(_) => "option chain",
            MarketData::News(_) => "news",
            MarketData::Earnings(_) => "earnings",
            MarketData::Rating(_) => "rating",
            MarketData::SearchTrend(_) => "search trend",
            MarketData::FundFlow(_) => "fund flow",
            MarketData::SessionClose => "session close",
            MarketData::Timer(_) => "timer",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(x: f64) -> Option<Price> {
        Some(Price::from_f64(x).unwrap())
    }

    #[test]
    fn bars_are_checked() {
        let c = Price::from_f64(10.0).unwrap();
        assert!(Bar::new(p(9.0), p(11.0), p(8.0), c, None).is_ok());
        assert!(Bar::new(p(12.0), p(11.0), p(8.0), c, None).is_err());
        assert!(Bar::new(None, p(9.9), None, c, None).is_err());
        assert!(Bar::new(None, None, p(10.1), c, None).is_err());
        assert!(Bar::new(None, None, None, c, Some(Quantity::from_f64(-1.0).unwrap())).is_err());
    }

    #[test]
    fn events_stay_small() {
        assert!(std::mem::size_of::<Event>() <= 88, "{}", std::mem::size_of::<Event>());
    }
}
