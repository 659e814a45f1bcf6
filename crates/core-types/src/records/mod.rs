//! What each strategy's signals were worth: kept once, by whoever runs the plugins, and shown to all of them.

mod paper;
mod shares;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use self::paper::PaperBook;
pub use self::paper::Settled;
use self::shares::Shares;
use crate::decision::Decision;
use crate::event::{CorporateAction, Event, MarketData};
use crate::money::{Cash, Quantity};
use crate::name::{StrategyId, Symbol};
use crate::order::OrderId;
use crate::portfolio::{Portfolio, Position};
use crate::report::Fill;
use crate::signal::Signal;
use crate::time::Time;
use crate::view::Market;

/// What a plugin reads of the strategies' records. It is kept only when somebody does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Follow {
    /// Nothing.
    #[default]
    Nothing,
    /// The scores of the signals in force at each session close.
    Scores,
    /// What paper bets earned that are entered so many closes after their decisions, 0 to 20; 0 enters at the decision's own prices.
    Bets(usize),
}

/// The score of a signal in force at a session close.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Whose signal.
    pub strategy: StrategyId,
    /// Its first leg, under the name of today.
    pub symbol: Symbol,
    /// As its alpha gave it.
    pub score: f64,
}

/// What each strategy's signals were worth; ARCHITECTURE.md defines it under "Strategy records".
///
/// Whoever runs plugins shows it each event after the market has taken it in and before plugins see it, and tells it what stands at each
/// decision. It holds one bet (and those on their way) for each strategy and first leg in force, and what settled at the last close;
/// plugins fold that into windows of their own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StrategyRecords {
    /// Cost of a trade as a fraction of its value.
    cost: f64,
    follows_scores: bool,
    scores: Vec<Scored>,
    /// By delay.
    books: Vec<PaperBook>,
    shares: Shares,
}

static NONE: LazyLock<StrategyRecords> = LazyLock::new(StrategyRecords::default);

impl StrategyRecords {
    /// Records of nothing, for views without a run behind them.
    pub fn none() -> &'static Self {
        &NONE
    }
    /// Records of paper bets whose trades cost this fraction of their value.
    pub fn new(cost: f64) -> Self {
        Self { cost, ..Self::default() }
    }
    /// Keeps what a plugin reads from here on.
    pub fn follow(&mut self, what: Follow) {
        match what {
            Follow::Nothing => {}
            Follow::Scores => self.follows_scores = true,
            Follow::Bets(delay) => {
                if let Err(at) = self.books.binary_search_by_key(&delay, PaperBook::delay) {
                    self.books.insert(at, PaperBook::new(delay));
                }
            }
        }
    }
    /// Whether anybody reads anything.
    #[inline]
    pub fn is_followed(&self) -> bool {
        self.follows_scores || !self.books.is_empty()
    }
    /// Takes in an event that the market has taken in: sessions end, corporate actions change what is held.
    pub fn observe(&mut self, e: &Event, market: &Market) {
        match (&e.data, e.symbol) {
            (MarketData::SessionClose, _) => {
                let cost = self.cost;
                self.books.iter_mut().for_each(|b| b.close(cost, market, e.time));
            }
            (MarketData::CorporateAction(action), Some(symbol)) => {
                self.books.iter_mut().for_each(|b| b.action(symbol, *action));
                if let CorporateAction::SymbolChange { to } = action {
                    self.scores.retain(|s| s.symbol != *to);
                    self.scores.iter_mut().filter(|s| s.symbol == symbol).for_each(|s| s.symbol = *to);
                    self.scores.sort_by_key(|s| (s.strategy, s.symbol));
                }
            }
            _ => {}
        }
    }
    /// The signals in force when the instant of a session close ends: all there are, those of a strategy by first leg.
    pub fn stand<'a>(
        &mut self,
        signals: impl Iterator<Item = (StrategyId, &'a Signal)> + Clone,
        market: &Market,
        now: Time,
    ) {
        if self.follows_scores {
            let of = |(strategy, s): (StrategyId, &Signal)| Scored { strategy, symbol: s.symbol(), score: s.score };
            self.scores.clear();
            self.scores.extend(signals.clone().map(of));
            self.scores.sort_by_key(|s| (s.strategy, s.symbol));
        }
        for b in &mut self.books {
            b.begin();
            signals.clone().for_each(|(strategy, s)| b.note(strategy, s.symbol(), Some(s), self.cost, market, now));
            b.end(self.cost, market, now);
        }
    }
    /// The signal of a strategy in force on a first leg at a decision within a session, or that there is none.
    pub fn decided(
        &mut self,
        strategy: StrategyId,
        symbol: Symbol,
        signal: Option<&Signal>,
        market: &Market,
        now: Time,
    ) {
        for b in &mut self.books {
            b.note(strategy, symbol, signal, self.cost, market, now);
        }
    }
    /// What settled at the last session close of the bets entered `delay` closes after their decisions, by strategy and symbol; nothing when
    /// nobody follows them.
    pub fn settled(&self, delay: usize) -> &[Settled] {
        self.book(delay).map_or(&[], PaperBook::settled)
    }
    /// How many times a bet was held or due at a session close and nothing could be said of it: a leg had not traded, or its name was lost.
    pub fn lost(&self, delay: usize) -> u64 {
        self.book(delay).map_or(0, PaperBook::lost)
    }
    /// How many bets are held or on their way.
    pub fn followed(&self, delay: usize) -> usize {
        self.book(delay).map_or(0, PaperBook::len)
    }
    /// An order is sent for this decision: its fills move each strategy's part of the position towards what it wanted.
    pub fn ordered(&mut self, order: OrderId, decision: &Decision) {
        self.shares.ordered(order, decision);
    }
    /// A fill is booked of an order of which `remaining` was still to come, signed, when `held` was held.
    pub fn filled(&mut self, fill: &Fill, held: Quantity, remaining: Quantity) {
        self.shares.filled(fill, held, remaining);
    }
    /// A corporate action is booked on what was held; `after` is what is held of the same symbol then.
    pub fn booked(&mut self, action: CorporateAction, before: &Position, after: Option<&Position>) {
        self.shares.action(action, before, after);
    }
    /// The number of orders whose strategies are remembered.
    pub fn orders(&self) -> usize {
        self.shares.orders()
    }
    /// Forgets which strategies wanted the orders that no longer work.
    pub fn keep_orders(&mut self, working: impl Fn(OrderId) -> bool) {
        self.shares.keep(working);
    }
    /// A strategy's part of a position; negative when it is short. Parts of several strategies may have different signs.
    pub fn part(&self, strategy: StrategyId, symbol: Symbol) -> Quantity {
        self.shares.part(strategy, symbol)
    }
    /// Realised: what each strategy's parts have earned so far, after fees, marked at the portfolio's prices; and what belongs to no strategy: hedges,
    /// interest, what is paid to borrow. All together are equity less deposits, to the last digit.
    pub fn profits(&self, portfolio: &Portfolio) -> (Vec<(StrategyId, Cash)>, Cash) {
        self.shares.profits(portfolio)
    }
    fn book(&self, delay: usize) -> Option<&PaperBook> {
        let at = self.books.binary_search_by_key(&delay, PaperBook::delay).ok()?;
        self.books.get(at)
    }
    /// The scores of the signals that stood at the last session close, by strategy and symbol.
    pub fn scores(&self) -> &[Scored] {
        &self.scores
    }
}
