//! The simulated exchange: the venue of backtests.

mod account;
mod book;
mod config;
mod groups;
mod hours;
mod prints;
mod replace;
mod session;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    ApprovedGroup, ApprovedOrder, BadInput, BrokerReport, Cash, Event, Invalid, MarketData, OrderId, Said, Symbol,
    Time, View,
};

use self::account::Pending;
use self::book::{Book, Working};
use crate::venue::Venue;

pub use self::config::{ExchangeConfig, Shorting};

/// The simulated exchange. An order fills at the next event of its symbol at the earliest; orders on close fill at the official close
/// (the last price of the session), sales before purchases. See [`crate::Costs`] for prices and fees, and the module `matching` for the
/// rules within a bar.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Exchange {
    config: ExchangeConfig,
    book: Book,
    halted: BTreeSet<Symbol>,
    delisted: BTreeSet<Symbol>,
    session_open: Option<Time>,
    /// When a session has closed, and the next has not opened: prints in between fill only what works in extended hours.
    closed: Option<Time>,
    /// When the first order for an extended day expires.
    day_ends: Option<Time>,
    /// Reports made at submission, given at the next event.
    ready: Vec<BrokerReport>,
    /// What fills of the current event have already changed, before the ledger books them.
    pending: Pending,
}

impl Exchange {
    /// An exchange with these settings.
    ///
    /// # Errors
    /// All settings out of range.
    pub fn new(config: ExchangeConfig) -> Result<Self, Invalid> {
        config.check()?;
        Ok(Self { config, ..Self::default() })
    }
    /// How many orders are working.
    pub fn working(&self) -> usize {
        self.book.count
    }
}

impl Venue for Exchange {
    fn submit(&mut self, order: ApprovedOrder, view: &View<'_>) {
        let order = order.into_order();
        match self.refusal(&order, view) {
            Some(reason) => {
                self.ready.push(BrokerReport { order: order.id, time: order.time, said: Said::Rejected(reason) });
            }
            None => {
                self.ready.push(BrokerReport { order: order.id, time: order.time, said: Said::Accepted });
                let best = view.market.last(order.symbol).map(|l| l.price);
                let until = self.until(&order, view);
                if let Some(t) = until {
                    self.day_ends = Some(self.day_ends.map_or(t, |first| first.min(t)));
                }
                self.book.push(Working { until, ..Working::new(order, best) });
            }
        }
    }

    fn submit_group(&mut self, group: ApprovedGroup, view: &View<'_>) {
        self.take_group(&group, view);
    }

    fn replace(&mut self, order: ApprovedOrder, attempt: u8, view: &View<'_>) {
        self.ask_replacement(order.into_order(), attempt, view);
    }

    fn cancel(&mut self, order: OrderId, now: Time) {
        self.ready.extend(self.book.remove(order).iter().map(|w| w.cancelled(now)));
    }

    #[inline]
    fn on_event(&mut self, e: &Event, view: &View<'_>, reports: &mut Vec<BrokerReport>) -> Result<(), BadInput> {
        if !self.ready.is_empty() {
            reports.append(&mut self.ready);
        }
        if self.day_ends.is_some_and(|t| e.time > t) {
            self.end_day(e.time, reports);
        }
        match (&e.data, e.symbol) {
            (MarketData::Bar(_) | MarketData::Trade(_) | MarketData::Quote(_), Some(symbol)) => {
                if self.book.count == 0 {
                    return Ok(());
                }
                self.on_print(symbol, e, view, reports)?;
            }
            (MarketData::SessionOpen, _) => {
                self.session_open = Some(e.time);
                self.closed = None;
            }
            (MarketData::SessionClose, _) => {
                self.closed = Some(e.time);
                if self.book.count == 0 {
                    return Ok(());
                }
                self.on_close(e.time, view, reports)?;
            }
            (MarketData::CorporateAction(a), Some(symbol)) => self.on_action(symbol, *a, e.time, reports),
            _ => return Ok(()),
        }
        self.pending.held.clear();
        (self.pending.gross, self.pending.equity) = (Cash::ZERO, Cash::ZERO);
        Ok(())
    }
}
