//! A trading floor: the simulated exchange with its market and an account, and what is said on it as text.

use std::collections::BTreeMap;

use tradewind_core_types::{
    ApprovedGroup, ApprovedOrder, Bar, BrokerReport, Cash, CorporateAction, Event, FeatureValues, Fill, Market,
    MarketData, Order, OrderId, OrderKind, Origin, Portfolio, Price, Quantity, Said, Side, Symbol, Time, TimeInForce,
    Trade, View, approve,
};
use tradewind_engine::{Commission, Costs, Exchange, ExchangeConfig, Shorting, Slippage, Venue as _};

use OrderKind::Market as AtMarket;
use Side::{Buy, Sell};
use TimeInForce::Gtc;

pub fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}
pub fn p(s: &str) -> Price {
    s.parse().unwrap()
}
pub fn q(s: &str) -> Quantity {
    s.parse().unwrap()
}
pub fn at(n: i64) -> Time {
    Time::from_nanos(n)
}
pub fn limit(price: &str) -> OrderKind {
    OrderKind::Limit { price: p(price) }
}
pub fn bar(close: &str) -> MarketData {
    MarketData::Bar(Bar::close_only(p(close)))
}
pub fn volume(close: &str, volume: &str) -> MarketData {
    MarketData::Bar(Bar { volume: Some(q(volume)), ..Bar::close_only(p(close)) })
}
pub fn whole(o: &str, h: &str, l: &str, c: &str) -> MarketData {
    MarketData::Bar(Bar::new(Some(p(o)), Some(p(h)), Some(p(l)), p(c), None).unwrap())
}
pub fn trade(price: &str) -> MarketData {
    MarketData::Trade(Trade { price: p(price), size: q("1000"), buyer: None })
}
pub const OPEN: MarketData = MarketData::SessionOpen;
pub const CLOSE: MarketData = MarketData::SessionClose;

/// An exchange with its market and an account, whose fills are booked. Every event is ten nanoseconds after the one before.
pub struct Floor {
    pub exchange: Exchange,
    pub market: Market,
    pub features: FeatureValues,
    pub account: Portfolio,
    pub orders: BTreeMap<u64, Order>,
    /// What orders are to be replaced by.
    pub asked: BTreeMap<u64, Order>,
    pub now: i64,
}

impl Floor {
    pub fn new(config: ExchangeConfig, cash: &str) -> Self {
        Self {
            exchange: Exchange::new(config).unwrap(),
            market: Market::default(),
            features: FeatureValues::default(),
            account: Portfolio::with_cash(cash.parse().unwrap()),
            orders: BTreeMap::new(),
            asked: BTreeMap::new(),
            now: 0,
        }
    }
    /// Without costs.
    pub fn free(shorting: Shorting, leverage: f64) -> Self {
        Self::new(ExchangeConfig { costs: free(), shorting, leverage }, "1000")
    }
    /// Something is held without having been ordered here.
    pub fn holds(mut self, s: &str, quantity: &str, price: &str) -> Self {
        self.sees(s, bar(price));
        let side = if q(quantity) > Quantity::ZERO { Buy } else { Sell };
        self.account.fill(&fill(symbol(s), side, q(quantity).abs(), p(price), Cash::ZERO)).unwrap();
        self
    }
    /// An event ten nanoseconds later (none when the time is to stay), and what is reported at it.
    pub fn event(&mut self, s: &str, data: MarketData, later: i64) -> Vec<String> {
        self.now += later;
        let e =
            Event { time: at(self.now), symbol: (!s.is_empty()).then(|| symbol(s)), origin: Origin::default(), data };
        let mut reports = Vec::new();
        let view = View::new(e.time, &self.market, &self.features, &self.account);
        self.exchange.on_event(&e, &view, &mut reports).unwrap();
        let said = reports.iter().map(|r| self.book(r)).collect();
        self.market.apply(&e);
        if let (Some(s), Some(price)) = (e.symbol, e.mark()) {
            self.account.mark(s, price);
        }
        said
    }
    pub fn sees(&mut self, s: &str, data: MarketData) -> Vec<String> {
        self.event(s, data, 10)
    }
    pub fn book(&mut self, r: &BrokerReport) -> String {
        let n = r.order.0;
        match &r.said {
            Said::Accepted => format!("{n} accepted"),
            Said::Rejected(why) => format!("{n} {why}"),
            Said::Cancelled { filled } => format!("{n} cancelled after {filled}"),
            Said::Expired { filled } => format!("{n} expired after {filled}"),
            Said::Progress(x) => {
                let o = &self.orders[&n];
                self.account.fill(&fill(o.symbol, o.side, x.to - x.from, x.price, x.fee)).unwrap();
                format!("{n} {} to {} at {} slipped {}", x.from, x.to, x.price, x.slippage_bps)
            }
            Said::Filled { filled } => format!("{n} filled after {filled}"),
            Said::Held => format!("{n} held"),
            Said::PendingReplace => format!("{n} replacement pending"),
            Said::Replaced { filled, by } => {
                let new = self.asked.remove(&n).unwrap();
                self.orders.insert(n, new);
                format!("{n} replaced by {} after {filled}", by.unwrap())
            }
            Said::ReplaceRejected(why) => format!("{n} not replaced: {why}"),
            other => panic!("the simulated exchange never says {other:?}"),
        }
    }
    /// Sends an order for so many dollars now; `quantity` is what they pay for at present.
    pub fn dollars(&mut self, id: u64, side: Side, quantity: &str, amount: &str) {
        let kind = OrderKind::Notional { amount: amount.parse().unwrap() };
        self.order(id, "XA", side, quantity, kind, TimeInForce::Day);
    }
    /// The next event comes at this time.
    pub fn wait(&mut self, until: Time) {
        self.now = until.nanos() - 10;
    }
    /// Sends an entry of 5 with these exits, numbered from `id` on.
    pub fn bracket(&mut self, id: u64, side: Side, kind: OrderKind, tif: TimeInForce, exits: &[OrderKind]) {
        let order = self.made(id, "XA", side, "5", kind, tif);
        let exits: Vec<_> = exits.iter().zip(id + 1..).map(|(k, n)| (OrderId(n), *k)).collect();
        let view = View::new(order.time, &self.market, &self.features, &self.account);
        let group = approve(order, [], &view, &mut Vec::new()).unwrap().with_exits(&exits).unwrap();
        self.send(group);
    }
    /// Sends two orders to sell 5, of which one cancels the other.
    pub fn either(&mut self, id: u64, one: OrderKind, other: OrderKind) {
        let order = self.made(id, "XA", Sell, "5", one, Gtc);
        let view = View::new(order.time, &self.market, &self.features, &self.account);
        let group = approve(order, [], &view, &mut Vec::new()).unwrap().or(Some((OrderId(id + 1), other))).unwrap();
        self.send(group);
    }
    fn send(&mut self, group: ApprovedGroup) {
        self.orders.extend(group.orders().map(|o| (o.id.0, o.clone())));
        let view = View::new(at(self.now), &self.market, &self.features, &self.account);
        self.exchange.submit_group(group, &view);
    }
    /// Asks now for an order to be replaced by one of this quantity in all and of this kind.
    pub fn replace(&mut self, id: u64, attempt: u8, quantity: &str, kind: OrderKind) {
        let time = at(self.now);
        let new = Order { time, kind, quantity: q(quantity), ..self.orders[&id].clone() };
        let view = View::new(time, &self.market, &self.features, &self.account);
        let approved = approve(new.clone(), [], &view, &mut Vec::new()).unwrap();
        self.exchange.replace(approved, attempt, &view);
        self.asked.insert(id, new);
    }
    fn made(&self, id: u64, s: &str, side: Side, quantity: &str, kind: OrderKind, tif: TimeInForce) -> Order {
        let (time, symbol, quantity) = (at(self.now), symbol(s), q(quantity));
        Order { id: OrderId(id), decision: id, time, symbol, side, quantity, kind, tif }
    }
    /// Sends an order now.
    pub fn order(&mut self, id: u64, s: &str, side: Side, quantity: &str, kind: OrderKind, tif: TimeInForce) {
        let order = self.made(id, s, side, quantity, kind, tif);
        let view = View::new(order.time, &self.market, &self.features, &self.account);
        let approved: ApprovedOrder = approve(order.clone(), [], &view, &mut Vec::new()).unwrap();
        self.exchange.submit(approved, &view);
        self.orders.insert(id, order);
    }
    /// Sends a market order and gives what is said of it at once.
    pub fn answer(&mut self, id: u64, s: &str, side: Side, quantity: &str) -> Vec<String> {
        self.order(id, s, side, quantity, AtMarket, Gtc);
        let said = self.sees("", MarketData::Timer(0));
        if said == [format!("{id} accepted")] {
            self.exchange.cancel(OrderId(id), at(self.now));
            assert_eq!(self.sees("", MarketData::Timer(0)), [format!("{id} cancelled after 0")]);
        }
        said
    }
}

pub fn fill(symbol: Symbol, side: Side, quantity: Quantity, price: Price, fee: Cash) -> Fill {
    Fill { id: 1, order: OrderId(1), time: at(0), symbol, side, quantity, price, fee, slippage_bps: 0.0 }
}
pub fn free() -> Costs {
    Costs { slippage: Slippage::NONE, commission: Commission::NONE }
}
/// Prices one percent worse.
pub fn slips() -> Costs {
    Costs { slippage: Slippage { bps: 100.0, ..Slippage::NONE }, commission: Commission::NONE }
}
pub fn capped(share: f64) -> ExchangeConfig {
    let slippage = Slippage { max_participation: Some(share), ..Slippage::NONE };
    ExchangeConfig { costs: Costs { slippage, ..free() }, ..ExchangeConfig::default() }
}
pub fn act(a: CorporateAction) -> MarketData {
    MarketData::CorporateAction(a)
}
pub fn halt(halted: bool) -> MarketData {
    act(CorporateAction::Halt { halted })
}
