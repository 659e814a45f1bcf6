//! The exchange against an independent model: random prints, sessions, corporate actions and orders of every kind, with everything a
//! trader relies on checked after every event; and brokers whose reports come late, twice, out of order or again after being lost.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use tradewind_core_types::testkit::Rng;
use tradewind_core_types::*;
use tradewind_engine::{
    Backtest, Commission, Costs, Engine, EngineConfig, Exchange, ExchangeConfig, Ledger, OrderStyle, Pipeline, Rates,
    Schedule, Shorting, Slippage, Strategy, Venue,
};

const START: &str = "100000";

fn symbol(i: u32) -> Symbol {
    Symbol::new(["MA", "MB", "MC", "MD"][i as usize % 4]).unwrap()
}
fn cents(n: i64) -> Price {
    Price::from_nanos(n.max(1) * 10_000_000).unwrap()
}
fn shares(n: i64) -> Quantity {
    Quantity::from_nanos(n * 1_000_000_000).unwrap()
}

/// One thing that happens, from four numbers, so that failures shrink.
type Op = (u8, u32, u32, u32);

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Filled,
    Rejected,
    Cancelled,
    Expired,
}

#[derive(Debug)]
struct Track {
    order: Order,
    /// What of it is booked.
    working: WorkingOrder,
    filled: Quantity,
    end: Option<End>,
    /// When it came, or of its last fill.
    since: Time,
    /// Whether a bar of its symbol has ended at or after its decision.
    bar_seen: bool,
    /// The best price since it works, for trailing stops; nothing once it was set off.
    best: Option<Price>,
    /// At the event that replaced it: what it was before, and whether a bar had been seen.
    old: Option<(Order, bool)>,
    /// What it was to be replaced by, by attempt.
    asked: BTreeMap<u8, Order>,
    replaced: usize,
}

/// Books kept by another hand: plain integers, straight from the fills.
#[derive(Debug, Default)]
struct Books {
    cash: i128,
    held: BTreeMap<Symbol, i128>,
    mark: BTreeMap<Symbol, i128>,
}

impl Books {
    fn fill(&mut self, f: &Fill) {
        let (q, p) = (i128::from(f.quantity.nanos()), i128::from(f.price.nanos()));
        let signed = if f.side == Side::Buy { q } else { -q };
        self.cash -= p * signed + f.fee.atto();
        *self.held.entry(f.symbol).or_default() += signed;
        self.mark.insert(f.symbol, p);
    }
    fn action(&mut self, s: Symbol, a: CorporateAction) {
        let q = self.held.get(&s).copied().unwrap_or(0);
        let mark = self.mark.get(&s).copied().unwrap_or(0);
        if q == 0 {
            return;
        }
        match a {
            CorporateAction::Split { numerator, denominator } => {
                let (n, d) = (i128::from(numerator), i128::from(denominator));
                let (after, price) = (q * n / d, mark * d / n);
                self.cash += mark * q - price * after;
                self.held.insert(s, after);
                self.mark.insert(s, price);
            }
            CorporateAction::Dividend { amount } => self.cash += i128::from(amount.nanos()) * q,
            CorporateAction::Delisting { price } => {
                self.cash += price.map_or(1, |p| i128::from(p.nanos())) * q;
                self.held.remove(&s);
            }
            CorporateAction::SymbolChange { to } => {
                self.held.remove(&s);
                if self.held.get(&to).copied().unwrap_or(0) == 0 {
                    self.mark.insert(to, mark);
                }
                *self.held.entry(to).or_default() += q;
            }
            CorporateAction::Halt { .. } => {}
        }
    }
    fn equity(&self) -> i128 {
        self.cash + self.held.iter().map(|(s, q)| q * self.mark[s]).sum::<i128>()
    }
    fn gross(&self) -> i128 {
        self.held.iter().map(|(s, q)| (q * self.mark[s]).abs()).sum()
    }
}

/// At which price the model fills a market, limit or stop order against an event, without slippage: `Some(None)` when not at all, `None`
/// when it has no opinion. A bar is the prices known to lie after the order, in a known order only for the first and the last.
fn expected(o: &Order, whole: bool, e: &Event) -> Option<Option<Price>> {
    let buy = o.side == Side::Buy;
    let beats = |a: Price, b: Price| if buy { a < b } else { a > b };
    let (first, rest, quote): (Option<Price>, Vec<Price>, bool) = match &e.data {
        MarketData::Bar(b) if whole => (b.open, [b.high, b.low, Some(b.close)].into_iter().flatten().collect(), false),
        MarketData::Bar(b) => (None, vec![b.close], false),
        MarketData::Trade(t) => (None, vec![t.price], false),
        MarketData::Quote(q) if q.bid > q.ask => return Some(None),
        MarketData::Quote(q) => (Some(if buy { q.ask } else { q.bid }), vec![], true),
        _ => return Some(None),
    };
    let trade = matches!(e.data, MarketData::Trade(_));
    Some(match o.kind {
        OrderKind::Market => first.or(rest.last().copied()),
        OrderKind::Limit { price } => match first {
            Some(f) if !beats(price, f) => Some(f),
            _ => rest.iter().any(|p| beats(*p, price)).then_some(price),
        },
        OrderKind::Stop { trigger } => match first {
            Some(f) if !beats(f, trigger) => Some(f),
            _ if quote => None,
            _ => {
                let extremes = matches!(&e.data, MarketData::Bar(b) if whole && b.high.is_some());
                let hit = rest.iter().any(|p| !beats(*p, trigger));
                hit.then(|| if extremes && !trade { trigger } else { rest[rest.len() - 1] })
            }
        },
        _ => return None,
    })
}

/// At which price a trailing stop is set off by an event, and its best price afterwards. A bar is a path: the open, the price worst for the trader,
/// the one best for them, the close; only the first two can be filled at the stop.
fn trailed(o: &Order, best: Price, whole: bool, e: &Event) -> (Option<Price>, Price) {
    let OrderKind::TrailingStop { trail } = o.kind else { return (None, best) };
    let sign = if o.side == Side::Sell { 1 } else { -1 };
    // Mirrored for purchases, so that higher is better.
    let at = |p: Price| sign * p.nanos();
    let stop = |best: i64| match trail {
        Trail::Amount(a) => best - a.nanos(),
        Trail::Millionths(n) => best - ((best.abs() as i128 * i128::from(n) + 999_999) / 1_000_000) as i64,
    };
    let back = |x: i64| Price::from_nanos(sign * x).unwrap();
    let mut top = at(best);
    match &e.data {
        MarketData::Trade(t) if at(t.price) <= stop(top) => (Some(t.price), best),
        MarketData::Trade(t) => (None, back(top.max(at(t.price)))),
        MarketData::Quote(q) if q.bid <= q.ask => {
            let far = if o.side == Side::Buy { q.ask } else { q.bid };
            ((at(far) <= stop(top)).then_some(far), best)
        }
        MarketData::Bar(b) => {
            let (low, high) = if sign > 0 { (b.low, b.high) } else { (b.high, b.low) };
            if let (true, Some(open), Some(low), Some(high)) = (whole, b.open, low, high) {
                if at(open) <= stop(top) {
                    return (Some(open), best);
                }
                top = top.max(at(open));
                if at(low) <= stop(top) {
                    return (Some(back(stop(top))), best);
                }
                top = top.max(at(high));
            } else if at(b.close) <= stop(top) {
                return (Some(b.close), best);
            }
            top = top.max(at(b.close));
            ((at(b.close) <= stop(top)).then_some(b.close), back(top))
        }
        _ => (None, best),
    }
}

fn fill_of(o: &Order, id: u64, time: Time, quantity: Quantity, p: &Progress) -> Fill {
    let (symbol, side, price, fee) = (o.symbol, o.side, p.price, p.fee);
    Fill { id, order: o.id, time, symbol, side, quantity, price, fee, slippage_bps: p.slippage_bps }
}

struct World<B> {
    broker: B,
    market: Market,
    ledger: Ledger,
    books: Books,
    now: i64,
    rank: u8,
    row: u32,
    orders: BTreeMap<OrderId, Track>,
    config: ExchangeConfig,
    halted: BTreeSet<Symbol>,
    dead: BTreeSet<Symbol>,
    open: Option<Time>,
    closed: bool,
    /// Whether reports are what the exchange says, when it says it.
    strict: bool,
    fills: usize,
    splits: usize,
    level: [i64; 4],
}

impl<B: Venue> World<B> {
    fn new(broker: B, config: &ExchangeConfig, strict: bool) -> Self {
        let cash: Cash = START.parse().unwrap();
        Self {
            broker,
            market: Market::default(),
            ledger: Ledger::new(Time::from_nanos(0), cash, Rates::default()),
            books: Books { cash: cash.atto(), ..Books::default() },
            now: 1_000,
            rank: 0,
            row: 0,
            orders: BTreeMap::new(),
            config: config.clone(),
            halted: BTreeSet::new(),
            dead: BTreeSet::from([symbol(3)]),
            open: None,
            closed: false,
            strict,
            fills: 0,
            splits: 0,
            level: [10_000; 4],
        }
    }

    /// The next event; `same` puts it at the instant of the one before when the order of ranks allows.
    fn event(&mut self, s: Option<Symbol>, data: MarketData, same: bool) -> Event {
        if !(same && data.rank() >= self.rank) {
            self.now += 1_000;
        }
        self.rank = data.rank();
        self.row += 1;
        Event { time: Time::from_nanos(self.now), symbol: s, origin: Origin { source: 0, row: self.row }, data }
    }

    fn step(&mut self, e: &Event) {
        let features = FeatureValues::default();
        let before = self.broker.save().unwrap();
        let mut reports = Vec::new();
        let view = View::new(e.time, &self.market, &features, self.ledger.portfolio());
        self.broker.on_event(e, &view, &mut reports).unwrap();
        // Stopped and restored before any event, it says the same.
        let after = self.broker.save().unwrap();
        let mut again = Vec::new();
        self.broker.load(&before).unwrap();
        self.broker.on_event(e, &view, &mut again).unwrap();
        assert_eq!(reports, again, "restored before {e:?}");
        assert_eq!(self.broker.save().unwrap(), after);

        let mut filled_now: BTreeMap<OrderId, Fill> = BTreeMap::new();
        for r in &reports {
            for f in &self.fresh(r) {
                if self.strict {
                    self.check_fill(f, e);
                    self.check_trail(f, e);
                    assert!(filled_now.insert(f.order, *f).is_none(), "one fill an event");
                }
                self.ledger.fill(f, e.time).unwrap();
                self.fills += 1;
                let held = self.books.held.get(&f.symbol).copied().unwrap_or(0);
                self.books.fill(f);
                if self.strict {
                    self.check_money(f, held);
                }
                if let Some(l) = self.market.last(f.symbol).filter(|l| l.time > f.time) {
                    self.ledger.mark(f.symbol, l.price);
                    self.books.mark.insert(f.symbol, i128::from(l.price.nanos()));
                }
            }
            if self.strict {
                self.lifecycle(r);
            }
        }
        if self.strict {
            self.must_have_happened(e, &filled_now);
        }
        if let (MarketData::CorporateAction(a), Some(s)) = (&e.data, e.symbol) {
            self.ledger.action(e.time, s, *a).unwrap();
            self.books.action(s, *a);
        }
        self.market.apply(e);
        if let (Some(s), Some(p)) = (e.symbol, e.mark()) {
            self.ledger.mark(s, p);
            self.books.mark.insert(s, i128::from(p.nanos()));
        }
        match e.data {
            MarketData::SessionOpen => (self.open, self.closed) = (Some(e.time), false),
            MarketData::SessionClose => {
                self.closed = true;
                self.ledger.close(e.time).unwrap();
            }
            _ => {}
        }
        if self.strict && !self.after_hours() {
            self.trail(e);
        }
        if let MarketData::Bar(_) = e.data {
            self.orders.values_mut().filter(|t| Some(t.order.symbol) == e.symbol).for_each(|t| t.bar_seen = true);
        }
        let p = self.ledger.portfolio();
        p.reconcile().unwrap();
        assert_eq!(p.cash().atto(), self.books.cash, "cash after {e:?}");
        assert_eq!(p.equity().atto(), self.books.equity(), "equity after {e:?}");
        assert_eq!(p.gross_value().atto(), self.books.gross());
        for i in 0..4 {
            let own = self.books.held.get(&symbol(i)).copied().unwrap_or(0);
            assert_eq!(i128::from(p.quantity(symbol(i)).nanos()), own);
        }
    }

    /// What a report fills that was not booked before.
    fn fresh(&mut self, r: &BrokerReport) -> Vec<Fill> {
        let Said::Progress(p) = &r.said else { return vec![] };
        let t = self.orders.get_mut(&r.order).unwrap();
        let parts = t.working.progress(p.from, p.to);
        assert!(!self.strict || parts.as_slice() == [(p.from, p.to)], "reported twice: {r:?}");
        let id = self.ledger.next_fill();
        parts.iter().map(|(from, to)| fill_of(&t.order, id, r.time, *to - *from, p)).collect()
    }

    /// Between a close and the next open nothing fills, where the data say when sessions open.
    fn after_hours(&self) -> bool {
        self.closed && self.open.is_some()
    }

    fn check_fill(&self, f: &Fill, e: &Event) {
        let t = &self.orders[&f.order];
        let o = &t.order;
        let whole = t.bar_seen;
        assert!(f.time >= o.time && e.time > o.time, "filled at or before its decision: {o:?} {f:?}");
        self.check_time(t, f, e);
        assert!(t.end.is_none(), "filled after its end: {o:?}");
        assert_eq!((f.symbol, f.side), (o.symbol, o.side));
        assert!(!self.halted.contains(&f.symbol), "filled during a halt");
        assert!(!self.after_hours() || matches!(e.data, MarketData::SessionClose), "filled between sessions: {o:?}");
        assert!(f.quantity > Quantity::ZERO && t.filled + f.quantity <= o.quantity, "overfilled {o:?}");
        let buy = o.side == Side::Buy;
        let limit = match o.kind {
            OrderKind::Limit { price }
            | OrderKind::StopLimit { price, .. }
            | OrderKind::LimitOnOpen { price }
            | OrderKind::LimitOnClose { price } => Some(price),
            _ => None,
        };
        if let Some(l) = limit {
            assert!(if buy { f.price <= l } else { f.price >= l }, "beyond its limit: {o:?} {f:?}");
        }
        if let OrderKind::Stop { trigger } = o.kind
            && t.filled.is_zero()
        {
            assert!(if buy { f.price >= trigger } else { f.price <= trigger }, "better than its stop: {o:?} {f:?}");
        }
        if o.tif == TimeInForce::Fok {
            assert_eq!(f.quantity, o.quantity, "a part of all or nothing");
        }
        let slip = self.config.costs.slippage.bps + 0.5 * self.config.costs.slippage.spread_bps;
        let between = |low: Price, high: Price| {
            let (p, k) = (f.price.to_f64(), 1e-4 * slip);
            assert!(
                p >= low.to_f64() * (1.0 - k) - 1e-8 && p <= high.to_f64() * (1.0 + k) + 1e-8,
                "a price that was not there: {o:?} {f:?} {e:?}"
            );
        };
        let on_close = matches!(o.kind, OrderKind::MarketOnClose | OrderKind::LimitOnClose { .. });
        let on_open = matches!(o.kind, OrderKind::MarketOnOpen | OrderKind::LimitOnOpen { .. });
        match &e.data {
            MarketData::SessionClose => {
                assert!(on_close, "a continuous order at the close");
                let last = self.market.last(f.symbol).unwrap();
                assert!(last.time > o.time && self.open.is_none_or(|x| last.time >= x), "the close of another session");
                between(last.price, last.price);
            }
            MarketData::Bar(b) => {
                assert!(!on_close && e.symbol == Some(f.symbol));
                if on_open {
                    assert!(self.open.unwrap() > o.time);
                    between(b.open.unwrap(), b.open.unwrap());
                } else if whole {
                    let known = [b.open, b.high, b.low, Some(b.close)];
                    let low = known.iter().flatten().min().unwrap();
                    let high = known.iter().flatten().max().unwrap();
                    // A close alone through the limit fills a resting order at its limit.
                    let l = limit.unwrap_or(b.close);
                    between((*low).min(l), (*high).max(l));
                } else {
                    let l = limit.unwrap_or(b.close);
                    between(b.close.min(l), b.close.max(l));
                }
            }
            MarketData::Trade(x) => {
                assert!(!on_close && e.symbol == Some(f.symbol));
                let l = limit.filter(|_| !on_open).unwrap_or(x.price);
                between(x.price.min(l), x.price.max(l));
            }
            MarketData::Quote(q) => {
                assert!(!on_close && !on_open && e.symbol == Some(f.symbol) && q.bid <= q.ask);
                let far = if buy { q.ask } else { q.bid };
                between(far, far);
            }
            other => panic!("a fill at {other:?}"),
        }
        if let Some(cap) = self.config.costs.slippage.max_participation
            && !on_close
        {
            let volume = match &e.data {
                MarketData::Bar(b) => b.volume.unwrap(),
                MarketData::Trade(x) => x.size,
                MarketData::Quote(q) => {
                    if buy {
                        q.ask_size
                    } else {
                        q.bid_size
                    }
                }
                _ => Quantity::ZERO,
            };
            assert!(f.quantity.to_f64() <= cap * volume.to_f64() + 1e-9, "more than its share of the volume");
        }
    }

    /// A trailing stop fills where its path says, and is a market order from then on.
    fn check_trail(&mut self, f: &Fill, e: &Event) {
        let exact = self.config.costs.slippage == Slippage::NONE;
        let t = self.orders.get_mut(&f.order).unwrap();
        if let Some(best) = t.best.take() {
            let (price, _) = trailed(&t.order, best, t.bar_seen, e);
            let price = price.unwrap_or_else(|| panic!("not set off: {t:?} {e:?}"));
            assert!(!exact || f.price == price, "{price} expected: {t:?} {f:?} {e:?}");
        }
    }

    /// Trailing stops follow the prints that have not filled them; one that a print replaces, by its old terms.
    fn trail(&mut self, e: &Event) {
        for t in self.orders.values_mut() {
            let (order, seen) = t.old.take().unwrap_or_else(|| (t.order.clone(), t.bar_seen));
            let quiet = t.end.is_some() || e.time <= order.time || self.halted.contains(&order.symbol);
            if let Some(best) = t.best.filter(|_| Some(order.symbol) == e.symbol && !quiet) {
                let (price, next) = trailed(&order, best, seen, e);
                // Without volume, or while its money is short, it stays where it is.
                assert!(price.is_none() || self.config.costs.slippage.max_participation.is_some(), "{t:?} {e:?}");
                t.best = Some(next).filter(|_| price.is_none());
            }
        }
    }

    /// A fill at a bar's open happened when the bar began: with the session, or when the bar before it ended.
    fn check_time(&self, t: &Track, f: &Fill, e: &Event) {
        let MarketData::Bar(b) = &e.data else {
            assert_eq!(f.time, e.time, "{f:?}");
            return;
        };
        let before = self.market.last(f.symbol).and_then(|l| l.bar);
        let first = self.open.filter(|o| before.is_none_or(|b| b <= *o));
        let began = first.or(before).unwrap_or(e.time).max(t.since);
        let at_open = match t.order.kind {
            OrderKind::MarketOnOpen | OrderKind::LimitOnOpen { .. } => Some(true),
            // A stop-limit says nothing of when it was triggered.
            OrderKind::StopLimit { .. } | OrderKind::TrailingStop { .. } => None,
            // One that has filled in part was set off and is a market order.
            OrderKind::Stop { .. } if t.filled > Quantity::ZERO => None,
            _ => {
                let alone = Bar { open: None, ..*b };
                let without = Event { data: MarketData::Bar(alone), ..e.clone() };
                let same = expected(&t.order, t.bar_seen, e) == expected(&t.order, t.bar_seen, &without);
                // Where it fills at one price either way, the price does not tell.
                if same && b.open.is_some() && t.bar_seen { None } else { Some(b.open.is_some() && t.bar_seen) }
            }
        };
        match at_open {
            Some(true) => assert_eq!(f.time, began, "{:?} {f:?} {e:?}", t.order),
            Some(false) => assert_eq!(f.time, e.time, "{:?} {f:?} {e:?}", t.order),
            None => assert!(f.time == e.time || f.time == began, "{:?} {f:?} {e:?}", t.order),
        }
    }

    fn check_money(&self, f: &Fill, before: i128) {
        let after = self.books.held[&f.symbol];
        if self.config.shorting == Shorting::None && f.side == Side::Sell {
            assert!(after >= 0, "short: {f:?}");
        }
        if after.abs() > before.abs() {
            let (gross, equity) = (self.books.gross() as f64, self.books.equity() as f64);
            assert!(gross <= self.config.leverage * equity * (1.0 + 1e-12), "gross {gross} equity {equity}: {f:?}");
        }
    }

    fn lifecycle(&mut self, r: &BrokerReport) {
        let t = self.orders.get_mut(&r.order).unwrap();
        let bar_seen = self.market.last(t.order.symbol).and_then(|l| l.bar).is_some_and(|b| r.time <= b);
        let (end, filled) = match &r.said {
            Said::Accepted | Said::PendingReplace => return,
            Said::ReplaceRejected(_) => return,
            Said::Replaced { filled, by } => {
                assert_eq!(*filled, t.filled, "{r:?}");
                let new = t.asked.remove(&by.unwrap()).unwrap();
                assert!(new.quantity > t.filled && t.end.is_none(), "{t:?} {r:?}");
                t.old = Some((t.order.clone(), t.bar_seen));
                (t.order, t.since, t.bar_seen) = (Order { time: r.time, ..new }, r.time, bar_seen);
                t.replaced += 1;
                return;
            }
            Said::Progress(p) => {
                t.filled += p.to - p.from;
                t.since = r.time;
                if t.filled < t.order.quantity {
                    return;
                }
                (End::Filled, None)
            }
            Said::Rejected(_) => (End::Rejected, None),
            Said::Cancelled { filled } => (End::Cancelled, Some(*filled)),
            Said::Expired { filled } => (End::Expired, Some(*filled)),
            other => panic!("the simulated exchange never says {other:?}"),
        };
        assert_eq!(t.end, None, "a second end: {r:?}");
        if let Some(q) = filled {
            assert_eq!(q, t.filled, "{r:?}");
        }
        t.end = Some(end);
    }

    /// What the rules promise to happen at an event, has happened.
    fn must_have_happened(&mut self, e: &Event, filled: &BTreeMap<OrderId, Fill>) {
        let print = matches!(e.data, MarketData::Bar(_) | MarketData::Trade(_) | MarketData::Quote(_));
        let exact = self.config.costs.slippage == Slippage::NONE;
        for t in self.orders.values().filter(|t| e.time > t.order.time) {
            let o = &t.order;
            let mine = Some(o.symbol) == e.symbol;
            let over = t.end.is_some();
            match e.data {
                MarketData::SessionClose => {
                    let opened = self.open.is_none_or(|x| x > o.time);
                    let ends = match o.tif {
                        TimeInForce::Day | TimeInForce::Cls => true,
                        TimeInForce::Opg => opened,
                        _ => false,
                    };
                    assert!(over || !ends, "outlives its session: {o:?}");
                }
                MarketData::CorporateAction(
                    CorporateAction::Split { .. }
                    | CorporateAction::SymbolChange { .. }
                    | CorporateAction::Delisting { .. },
                ) if mine => assert!(over, "survives a corporate action: {o:?}"),
                _ if print && mine && !self.halted.contains(&o.symbol) && !self.after_hours() => {
                    assert!(over || !matches!(o.tif, TimeInForce::Ioc | TimeInForce::Fok), "not immediate: {o:?}");
                    if exact && let Some(price) = expected(o, t.bar_seen, e) {
                        let got = filled.get(&o.id).map(|f| f.price);
                        match (got, price) {
                            (Some(a), b) => assert_eq!(Some(a), b, "{o:?} {e:?}"),
                            (None, Some(_)) => assert!(over, "should have filled: {o:?} {e:?}"),
                            (None, None) => {}
                        }
                    }
                }
                _ => {}
            }
        }
        if let (MarketData::CorporateAction(CorporateAction::Halt { halted }), Some(s)) = (&e.data, e.symbol) {
            if *halted {
                self.halted.insert(s)
            } else {
                self.halted.remove(&s)
            };
        }
        if let (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(s)) = (&e.data, e.symbol)
            && self.halted.remove(&s)
        {
            self.halted.insert(*to);
        }
    }

    fn submit(&mut self, s: u32, x: u32, y: u32) {
        let (sym, time) = (symbol(s), Time::from_nanos(self.now));
        let id = OrderId(self.orders.len() as u64 + 1);
        let level = self.level[s as usize % 4];
        let near = |k: u32| cents(level + i64::from(k % 600) - 300);
        let (price, trigger) = (near(y), near(y / 600));
        let continuous = [TimeInForce::Day, TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok];
        let tif = continuous[(x / 16) as usize % 4];
        let trail = if y.is_multiple_of(2) {
            Trail::Amount(cents(1 + i64::from(y % 400)))
        } else {
            Trail::Millionths(1 + y % 40_000)
        };
        let (kind, tif) = match x % 11 {
            10 => (OrderKind::TrailingStop { trail }, continuous[(x / 16) as usize % 2]),
            0..=2 => (OrderKind::Market, tif),
            3 => (OrderKind::Limit { price }, tif),
            4 => (OrderKind::Stop { trigger }, tif),
            5 => (OrderKind::StopLimit { trigger, price }, tif),
            6 => (OrderKind::MarketOnOpen, TimeInForce::Opg),
            7 => (OrderKind::LimitOnOpen { price }, TimeInForce::Opg),
            8 => (OrderKind::MarketOnClose, TimeInForce::Cls),
            _ => (OrderKind::LimitOnClose { price }, TimeInForce::Cls),
        };
        let side = if (x / 64).is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let quantity = shares(1 + i64::from((x / 128) % 600));
        let order = Order { id, decision: id.0, time, symbol: sym, side, quantity, kind, tif };
        let features = FeatureValues::default();
        let view = View::new(time, &self.market, &features, self.ledger.portfolio());
        let approved = approve(order.clone(), [], &view, &mut vec![]).unwrap();
        self.broker.submit(approved, &view);
        let bar_seen = self.market.last(sym).and_then(|l| l.bar).is_some_and(|t| time <= t);
        let working = WorkingOrder::new(order.clone());
        let trails = matches!(kind, OrderKind::TrailingStop { .. });
        let best = self.market.last(sym).map(|l| l.price).filter(|_| trails);
        let (filled, asked) = (Quantity::ZERO, BTreeMap::new());
        let track =
            Track { order, working, filled, end: None, since: time, bar_seen, best, old: None, asked, replaced: 0 };
        self.orders.insert(id, track);
    }

    /// Asks for other terms of an order, whatever has become of it.
    fn replace(&mut self, id: OrderId, x: u32, y: u32) {
        let Some(t) = self.orders.get_mut(&id) else { return };
        let level = self.level[(x / 7) as usize % 4];
        let near = |k: u32| cents(level + i64::from(k % 600) - 300);
        let kind = match t.order.kind {
            OrderKind::Limit { .. } => OrderKind::Limit { price: near(y) },
            OrderKind::Stop { .. } => OrderKind::Stop { trigger: near(y) },
            OrderKind::StopLimit { .. } => OrderKind::StopLimit { trigger: near(y), price: near(y / 600) },
            OrderKind::LimitOnOpen { .. } => OrderKind::LimitOnOpen { price: near(y) },
            OrderKind::LimitOnClose { .. } => OrderKind::LimitOnClose { price: near(y) },
            OrderKind::TrailingStop { .. } => OrderKind::TrailingStop { trail: Trail::Millionths(1 + y % 40_000) },
            same => same,
        };
        let (time, quantity) = (Time::from_nanos(self.now), shares(1 + i64::from((x / 128) % 600)));
        let new = Order { time, quantity, kind, ..t.order.clone() };
        let attempt = 2 + t.asked.last_key_value().map_or(0, |a| *a.0) + t.replaced as u8;
        t.asked.insert(attempt, new.clone());
        let features = FeatureValues::default();
        let view = View::new(time, &self.market, &features, self.ledger.portfolio());
        let approved = approve(new, [], &view, &mut vec![]).unwrap();
        self.broker.replace(approved, attempt, &view);
    }

    fn play(&mut self, op: Op) {
        let (kind, s, x, y) = op;
        let sym = symbol(s);
        let i = s as usize % 4;
        let same = y % 3 == 0;
        let move_to = |level: i64, k: u32| (level + i64::from(k % 401) - 200).clamp(2_000, 50_000);
        let data = match kind % 32 {
            0..=8 => {
                let (o, c) = (move_to(self.level[i], x), move_to(self.level[i], x / 401));
                let (h, l) = (o.max(c) + i64::from(y % 150), o.min(c) - i64::from(y / 150 % 150));
                self.level[i] = c;
                let full = y % 4 != 1;
                let some = |p: i64| full.then(|| cents(p));
                let volume = Some(shares(i64::from(y % 2_000)));
                MarketData::Bar(Bar::new(some(o), some(h), some(l), cents(c), volume).unwrap())
            }
            9..=11 => {
                self.level[i] = move_to(self.level[i], x);
                let size = shares(i64::from(1 + y % 300));
                MarketData::Trade(Trade { price: cents(self.level[i]), size, buyer: None })
            }
            12 | 13 => {
                self.level[i] = move_to(self.level[i], x);
                let (bid, ask) = (cents(self.level[i] - 5), cents(self.level[i] - 7 + i64::from(y % 30)));
                MarketData::Quote(Quote { bid, ask, bid_size: shares(50), ask_size: shares(i64::from(y % 90)) })
            }
            14..=16 => MarketData::SessionClose,
            17 | 18 => MarketData::SessionOpen,
            19..=26 => return self.submit(s, x, y),
            27 | 28 => {
                let n = self.orders.len() as u32;
                if n > 0 && y % 4 > 0 {
                    self.replace(OrderId(u64::from(1 + x % n)), x / n, y / 4);
                } else if n > 0 {
                    self.broker.cancel(OrderId(u64::from(1 + x % n)), Time::from_nanos(self.now));
                }
                return;
            }
            29 => MarketData::CorporateAction(CorporateAction::Halt { halted: x % 2 == 0 }),
            30 => MarketData::CorporateAction(match x % 3 {
                0 => CorporateAction::Dividend { amount: cents(1 + i64::from(y % 200)) },
                _ => CorporateAction::Split { numerator: 1 + y % 4, denominator: 1 + x / 3 % 4 },
            }),
            _ => MarketData::CorporateAction(match x % 4 {
                0 => CorporateAction::Delisting { price: (y % 2 == 0).then(|| cents(self.level[i])) },
                // To a name that nothing bears at the time.
                1 if self.dead.contains(&symbol(s + 1)) => CorporateAction::SymbolChange { to: symbol(s + 1) },
                _ => CorporateAction::Halt { halted: false },
            }),
        };
        if let MarketData::CorporateAction(CorporateAction::Split { numerator, denominator }) = data {
            self.splits += 1;
            self.level[i] = (self.level[i] * i64::from(denominator) / i64::from(numerator)).clamp(2_000, 50_000);
        }
        let alone = matches!(data, MarketData::SessionOpen | MarketData::SessionClose);
        // A print of a delisted symbol would be an error of the data.
        if !alone && self.dead.contains(&sym) {
            return;
        }
        match data {
            MarketData::CorporateAction(CorporateAction::Delisting { .. }) => _ = self.dead.insert(sym),
            MarketData::CorporateAction(CorporateAction::SymbolChange { to }) => {
                self.dead.remove(&to);
                self.dead.insert(sym);
                self.level[(i + 1) % 4] = self.level[i];
            }
            _ => {}
        }
        let e = self.event((!alone).then_some(sym), data, same);
        self.step(&e);
    }

    /// Cancels what is left; then every order has had exactly one end.
    fn end(&mut self) {
        for id in 1..=self.orders.len() as u64 {
            self.broker.cancel(OrderId(id), Time::from_nanos(self.now));
        }
        let e = self.event(None, MarketData::Timer(FLUSH), false);
        self.step(&e);
        if self.strict {
            for t in self.orders.values() {
                assert!(t.end.is_some(), "never ended: {:?}", t.order);
                assert_eq!(t.end == Some(End::Filled), t.filled == t.order.quantity);
            }
        }
    }
}

/// A timer at which the unreliable line delivers all it still has.
const FLUSH: u32 = 99;

/// An exchange behind an unreliable line: reports come late, twice, out of order, or get lost and come again. It keeps its own books, as
/// brokers do. Before a corporate action everything is delivered: a fill of before cannot be booked on shares of after.
#[derive(Serialize, Deserialize)]
struct Unreliable {
    inner: Exchange,
    own: Ledger,
    orders: BTreeMap<OrderId, Order>,
    queue: Vec<BrokerReport>,
    lost: Vec<BrokerReport>,
    seed: u64,
}

impl Unreliable {
    fn new(config: &ExchangeConfig, seed: u64) -> Self {
        let own = Ledger::new(Time::from_nanos(0), START.parse().unwrap(), Rates::default());
        Self {
            inner: Exchange::new(config.clone()).unwrap(),
            own,
            orders: BTreeMap::new(),
            queue: vec![],
            lost: vec![],
            seed,
        }
    }
    fn draw(&mut self, n: u64) -> u64 {
        let mut rng = Rng(self.seed);
        let x = rng.next_u64() % n;
        self.seed = rng.0;
        x
    }
}

impl Venue for Unreliable {
    fn submit(&mut self, order: ApprovedOrder, view: &View<'_>) {
        self.orders.insert(order.order().id, order.order().clone());
        let mine = View { portfolio: self.own.portfolio(), ..*view };
        self.inner.submit(order, &mine);
    }
    fn submit_group(&mut self, group: ApprovedGroup, view: &View<'_>) {
        self.orders.extend(group.orders().map(|o| (o.id, o.clone())));
        let mine = View { portfolio: self.own.portfolio(), ..*view };
        self.inner.submit_group(group, &mine);
    }
    fn replace(&mut self, order: ApprovedOrder, attempt: u8, view: &View<'_>) {
        let mine = View { portfolio: self.own.portfolio(), ..*view };
        self.inner.replace(order, attempt, &mine);
    }
    fn cancel(&mut self, order: OrderId, now: Time) {
        self.inner.cancel(order, now);
    }
    fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Vec<BrokerReport>) -> Result<(), BadInput> {
        let mut fresh = Vec::new();
        let mine = View { portfolio: self.own.portfolio(), ..*view };
        self.inner.on_event(e, &mine, &mut fresh)?;
        for r in &fresh {
            if let Said::Progress(p) = &r.said {
                let o = &self.orders[&r.order];
                self.own.fill(&fill_of(o, self.own.next_fill(), r.time, p.to - p.from, p), r.time)?;
            }
        }
        if let (MarketData::CorporateAction(a), Some(s)) = (&e.data, e.symbol) {
            self.own.action(e.time, s, *a)?;
        }
        if let (Some(s), Some(p)) = (e.symbol, e.mark()) {
            self.own.mark(s, p);
        }
        self.queue.extend(fresh);
        let all = matches!(e.data, MarketData::CorporateAction(_) | MarketData::Timer(FLUSH));
        let mut waiting = std::mem::take(&mut self.queue);
        if all {
            out.append(&mut waiting);
            out.append(&mut self.lost);
        }
        while !waiting.is_empty() {
            let i = self.draw(waiting.len() as u64) as usize;
            let r = waiting.swap_remove(i);
            match self.draw(6) {
                0 => self.queue.push(r),
                1 => self.lost.push(r),
                2 => {
                    out.push(r.clone());
                    self.lost.push(r.clone());
                    out.push(r);
                }
                _ => out.push(r),
            }
        }
        if !self.lost.is_empty() && self.draw(5) == 0 {
            out.append(&mut self.lost);
        }
        Ok(())
    }
}

fn config(n: u32) -> ExchangeConfig {
    let slippage = match n % 3 {
        0 => Slippage::NONE,
        1 => Slippage { bps: 3.0, spread_bps: 4.0, ..Slippage::NONE },
        _ => Slippage { max_participation: Some(0.1), ..Slippage::NONE },
    };
    let commission = if (n / 3).is_multiple_of(2) {
        Commission::NONE
    } else {
        Commission { per_share: 0.01, minimum: 1.0, ..Commission::default() }
    };
    let shorting = match n / 6 % 3 {
        0 => Shorting::None,
        1 => Shorting::All,
        _ => Shorting::Only(vec!["MA".into()]),
    };
    let leverage = [1.0, 1.0, 2.0][(n / 18) as usize % 3];
    ExchangeConfig { costs: Costs { slippage, commission }, shorting, leverage }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_exchange_keeps_its_promises(
        n in 0_u32..54,
        seed in any::<u64>(),
        ops in proptest::collection::vec(any::<Op>(), 20..160),
    ) {
        let config = config(n);
        let mut w = World::new(Exchange::new(config.clone()).unwrap(), &config, true);
        let mut line = World::new(Unreliable::new(&config, seed), &config, false);
        // A price each to begin with.
        for s in 0..3 {
            let open = (0_u8, s, 200 + 401 * 200, 0);
            w.play(open);
            line.play(open);
        }
        for op in &ops {
            w.play(*op);
            line.play(*op);
        }
        w.end();
        line.end();
        prop_assert_eq!(w.broker.working(), 0);
        // However the reports came: the same books, and those of the broker.
        let (a, b, own) = (w.ledger.portfolio(), line.ledger.portfolio(), line.broker.own.portfolio());
        // To the last digit, but for splits: they pay the rounding of price and quantity at the last mark, which a late report moves.
        let apart = |x: Cash, y: Cash| (x - y).to_f64().abs();
        let rounding = 1e-5 * w.splits as f64;
        prop_assert!(apart(a.cash(), b.cash()) <= rounding, "{} and {}", a.cash(), b.cash());
        prop_assert!(apart(b.cash(), own.cash()) <= rounding, "{} and {}", b.cash(), own.cash());
        for i in 0..4 {
            prop_assert_eq!(a.quantity(symbol(i)), b.quantity(symbol(i)));
            prop_assert_eq!(b.quantity(symbol(i)), own.quantity(symbol(i)));
        }
        prop_assert_eq!(w.fills, line.fills);
    }
}

/// The random worlds are not empty ones: orders of every kind fill, and end in every way.
#[test]
fn every_kind_of_order_fills_somewhere() {
    let (mut kinds, mut ends, mut partial) = (BTreeMap::<String, usize>::new(), BTreeMap::<String, usize>::new(), 0);
    let mut replaced = [0, 0];
    for seed in 0..240 {
        let mut rng = Rng(seed);
        let config = config(seed as u32 % 54);
        let mut w = World::new(Exchange::new(config.clone()).unwrap(), &config, true);
        for s in 0..3 {
            w.play((0, s, 200 + 401 * 200, 0));
        }
        for _ in 0..100 {
            let mut n = || rng.next_u64() as u32;
            w.play((n() as u8, n(), n(), n()));
        }
        w.end();
        for t in w.orders.values() {
            let kind = format!("{:?}", t.order.kind);
            let kind = kind.split(' ').next().unwrap_or_default().to_owned();
            *kinds.entry(kind).or_default() += usize::from(t.filled > Quantity::ZERO);
            *ends.entry(format!("{:?}", t.end)).or_default() += 1;
            replaced[usize::from(t.filled > Quantity::ZERO)] += t.replaced;
            partial += usize::from(t.filled > Quantity::ZERO && t.filled < t.order.quantity);
        }
    }
    assert!(replaced.iter().all(|n| *n > 10), "{replaced:?}");
    assert!(kinds.len() == 9 && kinds.values().all(|n| *n > 10), "{kinds:?}");
    assert!(ends.len() == 4 && ends.values().all(|n| *n > 50), "{ends:?}");
    assert!(partial > 20, "{partial} {kinds:?} {ends:?}");
}

/// Changes its mind about everything at random.
#[derive(Serialize, Deserialize)]
struct Fickle(u64);
impl Plugin for Fickle {
    fn id(&self) -> &'static str {
        "fickle"
    }
}
impl Alpha for Fickle {
    fn on_event(&mut self, e: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        if let (MarketData::Bar(_), Some(s)) = (&e.data, e.symbol) {
            let mut rng = Rng(self.0);
            if rng.uniform() < 0.4 {
                let score = (0.4 * rng.normal()).clamp(-1.0, 1.0);
                let mut signal = Signal::new(view.now, s, score, 1.0, "fickle")?;
                if rng.uniform() < 0.3 {
                    signal = signal.and(symbol(3), -0.5);
                }
                if rng.uniform() < 0.5 {
                    signal.expires = Some(view.now.plus(Span::from_nanos(1 + (rng.next_u64() % 20_000) as i64)));
                }
                out.push(signal);
            }
            self.0 = rng.0;
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// A whole engine behind the unreliable line ends with the broker's books, and never holds more than it wanted by ordering twice.
    #[test]
    fn an_engine_behind_an_unreliable_line_ends_with_the_brokers_books(n in 0_u32..54, seed in any::<u64>(), style in 0_u32..10, replace in any::<bool>()) {
        let order_style = [OrderStyle::Market, OrderStyle::MarketOnClose, OrderStyle::MarketOnOpen, OrderStyle::Notional, OrderStyle::Limit][style as usize % 5];
        let schedule = [Schedule::Signal, Schedule::SessionClose][style as usize / 5];
        let strategies = (0..2)
            .map(|i| Strategy::new(StrategyId::new(&format!("s{i}")).unwrap(), Box::new(Fickle(seed ^ i))))
            .collect();
        let line = Unreliable::new(&config(n), seed);
        let config = EngineConfig { schedule, order_style, replace, ..EngineConfig::default() };
        let pipeline = Pipeline { strategies, ..Pipeline::default() };
        let engine = Engine::new(config, pipeline, START.parse().unwrap(), Time::from_nanos(0)).unwrap();
        let mut run = Backtest::new(engine, line);
        let mut rng = Rng(seed);
        let (mut now, mut row) = (0, 0);
        let mut next = |s: Option<u32>, data: MarketData, same: bool| {
            now += if same { 0 } else { 1_000 };
            row += 1;
            Event { time: Time::from_nanos(now), symbol: s.map(symbol), origin: Origin { source: 0, row }, data }
        };
        for day in 0..25 {
            let mut all = vec![next(None, MarketData::SessionOpen, false)];
            for _ in 0..6 {
                let s = (rng.next_u64() % 4) as u32;
                let close = cents(10_000 + (rng.next_u64() % 400) as i64);
                let volume = Some(shares((rng.next_u64() % 3_000) as i64));
                all.push(next(Some(s), MarketData::Bar(Bar::new(Some(close), None, None, close, volume).unwrap()), false));
            }
            all.push(next(None, MarketData::SessionClose, true));
            if day % 7 == 3 {
                let split = CorporateAction::Split { numerator: 3, denominator: 2 };
                all.push(next(Some(day % 4), MarketData::CorporateAction(split), false));
            }
            for e in &all {
                run.event(e, &mut ()).unwrap();
            }
        }
        for _ in 0..2 {
            run.event(&next(None, MarketData::Timer(FLUSH), false), &mut ()).unwrap();
        }
        let (books, own) = (run.engine().ledger().portfolio(), run.venue().own.portfolio());
        books.reconcile().unwrap();
        for i in 0..4 {
            prop_assert_eq!(books.quantity(symbol(i)), own.quantity(symbol(i)));
        }
        // Never more than was approved.
        let state = run.engine().kill_switch().reason();
        prop_assert!(!state.contains("the broker"), "{}", state);
        prop_assert!((books.cash() - own.cash()).to_f64().abs() < 1e-3, "{} {}", books.cash(), own.cash());
    }
}
