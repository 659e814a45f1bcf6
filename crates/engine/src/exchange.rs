//! The simulated exchange: the venue of backtests.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    ApprovedOrder, BadInput, BrokerReport, Cash, CorporateAction, Event, Invalid, MarketData, Order, OrderId,
    OrderKind, Price, Progress, Quantity, RejectReason, Said, Side, Symbol, SymbolMap, Time, TimeInForce, View,
};

use crate::costs::Costs;
use crate::matching::{Match, Terms, continuous};
use crate::venue::Venue;

/// What may be sold short.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shorting {
    /// Nothing: orders that would go short are rejected.
    #[default]
    None,
    /// Everything.
    All,
    /// These symbols.
    Only(Vec<String>),
}

/// How the exchange treats orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExchangeConfig {
    /// Slippage and commissions.
    pub costs: Costs,
    /// What may be sold short.
    pub shorting: Shorting,
    /// Largest gross exposure as a multiple of equity that a fill may lead to, 1 (cash account) to 10.
    pub leverage: f64,
}

impl Default for ExchangeConfig {
    fn default() -> Self {
        Self { costs: Costs::default(), shorting: Shorting::None, leverage: 1.0 }
    }
}

impl ExchangeConfig {
    /// Checks ranges.
    ///
    /// # Errors
    /// All violations.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        bad.absorb(self.costs.slippage.check().map_err(|e| e.under("costs.slippage")));
        bad.absorb(self.costs.commission.check().map_err(|e| e.under("costs.commission")));
        bad.require((1.0..=10.0).contains(&self.leverage), "leverage", self.leverage, "1 to 10");
        if let Shorting::Only(names) = &self.shorting {
            for n in names {
                bad.require(Symbol::new(n).is_ok(), "shorting", n, "a symbol");
            }
        }
        bad.into_result(())
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Working {
    order: Order,
    remaining: Quantity,
    triggered: bool,
    /// When it came, or of its last fill: it does nothing before.
    since: Time,
}

impl Working {
    /// How much has filled so far.
    fn filled(&self) -> Quantity {
        self.order.quantity - self.remaining
    }
    fn report(&self, time: Time, said: Said) -> BrokerReport {
        BrokerReport { order: self.order.id, time, said }
    }
    fn expired(&self, time: Time) -> BrokerReport {
        self.report(time, Said::Expired { filled: self.filled() })
    }
    fn cancelled(&self, time: Time) -> BrokerReport {
        self.report(time, Said::Cancelled { filled: self.filled() })
    }
}

/// Working orders by symbol.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Working>", into = "Vec<Working>")]
struct Book {
    by_symbol: SymbolMap<Vec<Working>>,
    count: usize,
}

impl From<Vec<Working>> for Book {
    fn from(all: Vec<Working>) -> Self {
        let mut b = Self::default();
        for w in all {
            b.push(w);
        }
        b
    }
}
impl From<Book> for Vec<Working> {
    fn from(b: Book) -> Self {
        let mut all: Vec<Working> = b.by_symbol.into_values().flatten().collect();
        all.sort_by_key(|w| w.order.id);
        all
    }
}
impl Book {
    fn push(&mut self, w: Working) {
        self.by_symbol.get_or_insert_with(w.order.symbol, Vec::new).push(w);
        self.count += 1;
    }
    #[inline]
    fn of(&mut self, symbol: Symbol) -> Option<&mut Vec<Working>> {
        self.by_symbol.get_mut(symbol).filter(|v| !v.is_empty())
    }
}

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
    /// Whether a session has closed and the next has not opened: prints in between fill nothing.
    closed: bool,
    /// Reports made at submission, given at the next event.
    ready: Vec<BrokerReport>,
    /// What fills of the current event have already changed, before the ledger books them.
    pending: Pending,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Pending {
    /// What is held after those fills and the price it was last filled at.
    held: Vec<(Symbol, Quantity, Price)>,
    gross: Cash,
    equity: Cash,
}

/// What a fill would leave.
struct After {
    held: Quantity,
    gross: Cash,
    equity: Cash,
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

    fn may_short(&self, symbol: Symbol) -> bool {
        match &self.config.shorting {
            Shorting::None => false,
            Shorting::All => true,
            Shorting::Only(names) => names.iter().any(|n| n == symbol.as_str()),
        }
    }

    fn refusal(&self, order: &Order, view: &View<'_>) -> Option<RejectReason> {
        let last = match view.market.last(order.symbol) {
            Some(l) if !l.index && !self.delisted.contains(&order.symbol) => l,
            _ => return Some(RejectReason::UnknownSymbol),
        };
        if self.halted.contains(&order.symbol) {
            return Some(RejectReason::Halted);
        }
        if let Err(e) = order.validate() {
            return Some(RejectReason::BadOrder(e.to_string()));
        }
        let (held, _) = self.held(order.symbol, last.price, view);
        let after = held + order.signed();
        if after < Quantity::ZERO && order.side == Side::Sell && !self.may_short(order.symbol) {
            return Some(RejectReason::NoBorrow);
        }
        // Whether there is money for it is known when it fills: sales before it may pay for it. But nothing can pay for an order that
        // alone is beyond the whole account.
        let needed = last.price * after.abs();
        let allowed = self.config.leverage * view.portfolio.equity().to_f64();
        if after.abs() > held.abs() && needed.to_f64() > allowed {
            return Some(RejectReason::NoCash {
                needed,
                available: Cash::from_f64(allowed.max(0.0)).unwrap_or_default(),
            });
        }
        None
    }

    /// What is held of a symbol, and at which price it is valued, after the fills of the current event.
    fn held(&self, symbol: Symbol, price: Price, view: &View<'_>) -> (Quantity, Price) {
        match self.pending.held.iter().find(|h| h.0 == symbol) {
            Some((_, quantity, mark)) => (*quantity, *mark),
            None => view.portfolio.position(symbol).map_or((Quantity::ZERO, price), |p| (p.quantity, p.price)),
        }
    }

    /// What a fill would leave, or why it is not possible. The position is valued at the fill's price, so that a mark from before a
    /// jump lends nothing, and fees are paid from equity too.
    fn after(
        &self,
        order: &Order,
        quantity: Quantity,
        price: Price,
        fee: Cash,
        view: &View<'_>,
    ) -> Result<After, RejectReason> {
        let (held, mark) = self.held(order.symbol, price, view);
        let after = held + if order.side == Side::Buy { quantity } else { -quantity };
        if after < Quantity::ZERO && order.side == Side::Sell && !self.may_short(order.symbol) {
            return Err(RejectReason::NoBorrow);
        }
        let gross = view.portfolio.gross_value() + self.pending.gross - mark * held.abs() + price * after.abs();
        let equity = view.portfolio.equity() + self.pending.equity + price * held - mark * held - fee;
        let allowed = self.config.leverage * equity.to_f64();
        if after.abs() > held.abs() && gross.to_f64() > allowed {
            let needed = price * after.abs() - price * held.abs();
            let available = Cash::from_f64((allowed - gross.to_f64()).max(-1e15)).unwrap_or_default() + needed;
            return Err(RejectReason::NoCash { needed, available: available.max(Cash::ZERO) });
        }
        Ok(After { held: after, gross, equity })
    }

    /// Fills `w` on these terms as far as volume and money allow; gives whether the order is done.
    fn fill(
        &mut self,
        w: &mut Working,
        terms: Terms,
        time: Time,
        view: &View<'_>,
        reports: &mut Vec<BrokerReport>,
    ) -> Result<bool, BadInput> {
        let order = &w.order;
        let quantity = self.config.costs.slippage.fillable(w.remaining, terms.volume)?;
        if quantity < w.remaining && order.tif == TimeInForce::Fok || quantity.is_zero() {
            return Ok(false);
        }
        let (mut price, mut bps) = if terms.slips {
            self.config.costs.slippage.price(terms.reference, order.side, quantity, terms.volume, terms.quoted)?
        } else {
            (terms.reference, 0.0)
        };
        if let Some(limit) = terms.limit {
            let beyond = if order.side == Side::Buy { price > limit } else { price < limit };
            if beyond {
                price = limit;
                let paid = limit.to_f64() / terms.reference.to_f64() - 1.0;
                bps = 1e4 * if order.side == Side::Buy { paid } else { -paid };
            }
        }
        let fee = self.config.costs.commission.fee(order.side, quantity, price)?;
        let after = match self.after(order, quantity, price, fee, view) {
            Ok(after) => after,
            Err(reason) => {
                reports.push(w.report(time, Said::Rejected(reason)));
                return Ok(true);
            }
        };
        self.pending.gross = after.gross - view.portfolio.gross_value();
        self.pending.equity = after.equity - view.portfolio.equity();
        match self.pending.held.iter_mut().find(|h| h.0 == order.symbol) {
            Some(h) => (h.1, h.2) = (after.held, price),
            None => self.pending.held.push((order.symbol, after.held, price)),
        }
        let from = w.filled();
        w.remaining -= quantity;
        w.since = time;
        let progress = Progress { from, to: w.filled(), price, fee, slippage_bps: bps };
        reports.push(w.report(time, Said::Progress(progress)));
        Ok(w.remaining.is_zero())
    }

    /// Continuous trading and the opening auction, against one print.
    fn on_print(
        &mut self,
        symbol: Symbol,
        e: &Event,
        view: &View<'_>,
        reports: &mut Vec<BrokerReport>,
    ) -> Result<(), BadInput> {
        // Orders are for regular hours; where the data never say when a session opens, every print counts.
        if self.halted.contains(&symbol) || (self.closed && self.session_open.is_some()) {
            return Ok(());
        }
        let Some(orders) = self.book.of(symbol) else { return Ok(()) };
        let mut orders = std::mem::take(orders);
        let before = orders.len();
        let last = view.market.last(symbol).and_then(|l| l.bar);
        // Stops before limits: when one bar reaches both, the loss is taken.
        for stops in [true, false] {
            let mut i = 0;
            while i < orders.len() {
                let w = &mut orders[i];
                let is_stop =
                    matches!(w.order.kind, OrderKind::Stop { .. } | OrderKind::StopLimit { .. }) && !w.triggered;
                if is_stop != stops || e.time <= w.order.time {
                    i += 1;
                    continue;
                }
                let done = match w.order.kind {
                    OrderKind::MarketOnClose | OrderKind::LimitOnClose { .. } => false,
                    OrderKind::MarketOnOpen | OrderKind::LimitOnOpen { .. } => {
                        // The order was here before the session opened, and its first print ends it: so this is that print.
                        self.session_open.is_some_and(|o| o > w.order.time)
                            && self.open_auction(w, last, e, view, reports)?
                    }
                    kind => match continuous(kind, w.order.side, w.triggered, w.order.time, last, e) {
                        Match::None => immediate(w, e.time, reports),
                        Match::Trigger => {
                            w.triggered = true;
                            immediate(w, e.time, reports)
                        }
                        Match::Fill(terms) => {
                            let time = if terms.at_open { self.opened(w, last, e, view) } else { e.time };
                            self.fill(w, terms, time, view, reports)? || immediate(w, e.time, reports)
                        }
                    },
                };
                if done {
                    orders.remove(i);
                } else {
                    i += 1;
                }
            }
        }
        self.book.count -= before - orders.len();
        self.book.by_symbol.insert(symbol, orders);
        Ok(())
    }

    /// When a bar began, of which nothing but its end is given: the first of a session with the session, by the data or else by the calendar, and
    /// any other at the end of the one before. A fill at its open happened then, though it is known at its end.
    fn opened(&self, w: &Working, last: Option<Time>, e: &Event, view: &View<'_>) -> Time {
        let first = |open: &Time| *open <= e.time && last.is_none_or(|t| t <= *open);
        let session = self.session_open.filter(first).or_else(|| view.session().map(|s| s.open).filter(first));
        session.or(last).unwrap_or(e.time).max(w.since)
    }

    /// The opening price of the first print of a session; without one the order expires.
    fn open_auction(
        &mut self,
        w: &mut Working,
        last: Option<Time>,
        e: &Event,
        view: &View<'_>,
        reports: &mut Vec<BrokerReport>,
    ) -> Result<bool, BadInput> {
        let (open, volume) = match &e.data {
            MarketData::Bar(b) => (b.open, b.volume),
            MarketData::Trade(t) => (Some(t.price), Some(t.size)),
            _ => return Ok(false),
        };
        let limit = if let OrderKind::LimitOnOpen { price } = w.order.kind { Some(price) } else { None };
        if let Some(open) = open.filter(|o| within(w.order.side, *o, limit)) {
            let terms = Terms { reference: open, volume, slips: true, quoted: false, limit, at_open: true };
            let is_bar = matches!(e.data, MarketData::Bar(_));
            let time = if is_bar { self.opened(w, last, e, view) } else { e.time };
            if self.fill(w, terms, time, view, reports)? {
                return Ok(true);
            }
        }
        reports.push(w.expired(e.time));
        Ok(true)
    }

    /// The closing auction, and the end of day orders.
    fn on_close(&mut self, time: Time, view: &View<'_>, reports: &mut Vec<BrokerReport>) -> Result<(), BadInput> {
        let mut all: Vec<Working> = Vec::with_capacity(self.book.count);
        for orders in self.book.by_symbol.values_mut() {
            all.append(orders);
        }
        self.book.count = 0;
        // Sales first, so that they pay for purchases; then in the order of their numbers.
        all.sort_by_key(|w| (w.order.side == Side::Buy, w.order.id));
        for mut w in all {
            let due = time > w.order.time;
            let limit = match w.order.kind {
                OrderKind::MarketOnClose => Some(None),
                OrderKind::LimitOnClose { price } => Some(Some(price)),
                _ => None,
            };
            let mut done = false;
            if let (true, Some(limit)) = (due, limit) {
                let symbol = w.order.symbol;
                let printed = view.market.last(symbol).filter(|l| {
                    l.time > w.order.time
                        && self.session_open.is_none_or(|o| l.time >= o)
                        && !self.halted.contains(&symbol)
                });
                if let Some(close) = printed.map(|l| l.price).filter(|p| within(w.order.side, *p, limit)) {
                    let terms =
                        Terms { reference: close, volume: None, slips: true, quoted: false, limit, at_open: false };
                    // The auction's own volume is not in the data: caps and impact do not apply to it.
                    let slippage = &mut self.config.costs.slippage;
                    let (cap, impact) = (slippage.max_participation.take(), std::mem::take(&mut slippage.impact_bps));
                    let filled = self.fill(&mut w, terms, time, view, reports);
                    self.config.costs.slippage.max_participation = cap;
                    self.config.costs.slippage.impact_bps = impact;
                    done = filled?;
                }
            }
            let over = match w.order.tif {
                TimeInForce::Day | TimeInForce::Cls => due,
                // The session it was for has had no opening print; one decided in a session is for the next.
                TimeInForce::Opg => due && self.session_open.is_none_or(|o| o > w.order.time),
                TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok => false,
            };
            if !done && over {
                reports.push(w.expired(time));
                done = true;
            }
            if !done {
                self.book.push(w);
            }
        }
        // Numbers in each queue ascend, so that priority is that of submission.
        for q in self.book.by_symbol.values_mut() {
            q.sort_by_key(|w| w.order.id);
        }
        Ok(())
    }

    fn on_action(&mut self, symbol: Symbol, action: CorporateAction, time: Time, reports: &mut Vec<BrokerReport>) {
        match action {
            CorporateAction::Halt { halted: true } => {
                self.halted.insert(symbol);
            }
            CorporateAction::Halt { halted: false } => {
                self.halted.remove(&symbol);
            }
            // Prices and quantities of working orders no longer mean what they did.
            CorporateAction::Split { .. } => self.cancel_all(symbol, time, reports),
            CorporateAction::SymbolChange { to } => {
                self.delisted.remove(&to);
                if self.halted.remove(&symbol) {
                    self.halted.insert(to);
                }
                self.cancel_all(symbol, time, reports);
            }
            CorporateAction::Delisting { .. } => {
                self.delisted.insert(symbol);
                self.cancel_all(symbol, time, reports);
            }
            CorporateAction::Dividend { .. } => {}
        }
    }

    fn cancel_all(&mut self, symbol: Symbol, time: Time, reports: &mut Vec<BrokerReport>) {
        if let Some(orders) = self.book.of(symbol) {
            let gone = std::mem::take(orders);
            self.book.count -= gone.len();
            reports.extend(gone.iter().map(|w| w.cancelled(time)));
        }
    }
}

/// Whether a price is at the limit or better.
fn within(side: Side, price: Price, limit: Option<Price>) -> bool {
    limit.is_none_or(|l| if side == Side::Buy { price <= l } else { price >= l })
}

/// Ends orders that live for one print only; gives whether it did.
fn immediate(w: &Working, time: Time, reports: &mut Vec<BrokerReport>) -> bool {
    let now = matches!(w.order.tif, TimeInForce::Ioc | TimeInForce::Fok);
    if now {
        reports.push(w.cancelled(time));
    }
    now
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
                let (remaining, since) = (order.quantity, order.time);
                self.book.push(Working { order, remaining, triggered: false, since });
            }
        }
    }

    fn cancel(&mut self, order: OrderId, now: Time) {
        for queue in self.book.by_symbol.values_mut() {
            if let Some(i) = queue.iter().position(|w| w.order.id == order) {
                let w = queue.remove(i);
                self.book.count -= 1;
                self.ready.push(w.cancelled(now));
                return;
            }
        }
    }

    #[inline]
    fn on_event(&mut self, e: &Event, view: &View<'_>, reports: &mut Vec<BrokerReport>) -> Result<(), BadInput> {
        if !self.ready.is_empty() {
            reports.append(&mut self.ready);
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
                self.closed = false;
            }
            (MarketData::SessionClose, _) => {
                self.closed = true;
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
