//! Order limits: the last look at every order.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, CorporateAction, Event, Interest, Invalid, Kinds, MarketData, Order, OrderKind,
    Params, Plugin, PluginInfo, PreTrade, Price, Quantity, Side, Span, Symbol, SymbolMap, Time, Verdict, View,
    parse_params,
};

use crate::exchange::Shorting;
use crate::kill_switch::reduces;

/// Limits on a single order. An order that makes a position smaller is held back only by the age of the price, as a duplicate, and by the
/// number of orders a minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OrderLimitsParams {
    /// Largest order as a fraction of equity, above 0, at most 10.
    pub max_order: f64,
    /// Largest order in dollars, above 0, at most 1e12.
    pub max_order_value: Option<f64>,
    /// Most orders a minute, 1 to 1e6: one too many waits.
    pub max_orders_per_minute: u32,
    /// Oldest price an order may be based on, in days, above 0, at most 365.
    pub max_price_age_days: f64,
    /// Furthest that the price of an order may lie from what it was: a limit from the last price; without a limit the last price from the
    /// middle of the quote, or without a quote from the last session's close. A fraction above 0, at most 10.
    pub price_collar: f64,
    /// An order of the same symbol, side and quantity within so many seconds is a duplicate and is not sent; 0 to 86400.
    pub duplicate_seconds: f64,
    /// Symbols of which positions may only be made smaller.
    pub restricted: Vec<String>,
    /// Gross exposure that an order may lead to, with those sent at the same instant, as a multiple of equity, above 0, at most 10; by default
    /// the exchange's leverage.
    pub buying_power: Option<f64>,
    /// What may be sold short; by default what the exchange allows.
    pub shortable: Option<Shorting>,
}

impl Default for OrderLimitsParams {
    fn default() -> Self {
        Self {
            max_order: 2.0,
            max_order_value: None,
            max_orders_per_minute: 2_000,
            max_price_age_days: 5.0,
            price_collar: 0.5,
            duplicate_seconds: 1.0,
            restricted: Vec::new(),
            buying_power: None,
            shortable: None,
        }
    }
}

impl Params for OrderLimitsParams {
    const ID: &'static str = "order_limits";
    type Built = OrderLimits;
    fn build(&self) -> Result<OrderLimits, Invalid> {
        OrderLimitsParams::build(self)
    }
}

impl OrderLimitsParams {
    /// Checks and builds.
    ///
    /// # Errors
    /// All violations.
    pub fn build(&self) -> Result<OrderLimits, Invalid> {
        let mut bad = Invalid::default();
        let ten = "above 0, at most 10";
        bad.require(self.max_order > 0.0 && self.max_order <= 10.0, "max_order", self.max_order, ten);
        if let Some(v) = self.max_order_value {
            bad.require(v > 0.0 && v <= 1e12, "max_order_value", v, "above 0, at most 1e12");
        }
        let n = self.max_orders_per_minute;
        bad.require((1..=1_000_000).contains(&n), "max_orders_per_minute", n, "1 to 1e6");
        let age = self.max_price_age_days;
        bad.require(age > 0.0 && age <= 365.0, "max_price_age_days", age, "above 0, at most 365");
        bad.require(self.price_collar > 0.0 && self.price_collar <= 10.0, "price_collar", self.price_collar, ten);
        let d = self.duplicate_seconds;
        bad.require((0.0..=86_400.0).contains(&d), "duplicate_seconds", d, "0 to 86400");
        if let Some(b) = self.buying_power {
            bad.require(b > 0.0 && b <= 10.0, "buying_power", b, ten);
        }
        let mut restricted = Vec::new();
        for s in &self.restricted {
            match Symbol::new(s) {
                Ok(symbol) => restricted.push(symbol),
                Err(_) => bad.require(false, "restricted", s, "a symbol"),
            }
        }
        if let Some(Shorting::Only(list)) = &self.shortable {
            for s in list {
                bad.require(Symbol::new(s).is_ok(), "shortable", s, "a symbol");
            }
        }
        bad.into_result(OrderLimits {
            params: self.clone(),
            restricted,
            sent: VecDeque::new(),
            closes: SymbolMap::default(),
            today: SymbolMap::default(),
        })
    }
}

/// An order that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Sent {
    time: Time,
    symbol: Symbol,
    side: Side,
    quantity: Quantity,
    /// By how much it changes gross exposure, in dollars.
    growth: f64,
}

/// The check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderLimits {
    params: OrderLimitsParams,
    restricted: Vec<Symbol>,
    /// Those of the last minute, or as long as duplicates are looked for.
    sent: VecDeque<Sent>,
    /// The last session's closes.
    closes: SymbolMap<Price>,
    /// This session's last prices.
    today: SymbolMap<Price>,
}

impl OrderLimits {
    /// The price an order would trade at, and what it is measured against.
    fn prices(&self, order: &Order, last: Price, view: &View<'_>) -> Option<(f64, f64)> {
        let last = last.to_f64();
        match order.kind {
            OrderKind::Limit { price }
            | OrderKind::StopLimit { price, .. }
            | OrderKind::LimitOnOpen { price }
            | OrderKind::LimitOnClose { price } => Some((price.to_f64(), last)),
            OrderKind::Stop { trigger } => Some((trigger.to_f64(), last)),
            OrderKind::Market
            | OrderKind::MarketOnOpen
            | OrderKind::MarketOnClose
            | OrderKind::Notional { .. }
            | OrderKind::TrailingStop { .. } => {
                let quote = view.market.last(order.symbol).and_then(|l| l.quote).map(|(q, _)| q.mid());
                let close = || self.closes.get(order.symbol).map(|c| c.to_f64());
                quote.or_else(close).map(|reference| (last, reference))
            }
        }
    }

    /// Why an order that makes a position larger is held back, with the number and its limit.
    fn refusal(
        &self,
        order: &Order,
        last: Price,
        growth: f64,
        view: &View<'_>,
    ) -> Option<(String, &'static str, f64, f64)> {
        let p = &self.params;
        let (value, equity) = ((last * order.quantity).to_f64(), view.portfolio.equity().to_f64());
        if self.restricted.contains(&order.symbol) {
            let held = view.portfolio.quantity(order.symbol).to_f64();
            return Some((format!("{} is restricted: it may only be sold off", order.symbol), "held", held, 0.0));
        }
        let after = view.portfolio.quantity(order.symbol) + order.signed();
        let may_short = match &p.shortable {
            None | Some(Shorting::All) => true,
            Some(Shorting::None) => false,
            Some(Shorting::Only(list)) => list.iter().any(|s| s == order.symbol.as_str()),
        };
        if after < Quantity::ZERO && order.side == Side::Sell && !may_short {
            return Some((format!("{} may not be sold short", order.symbol), "after", after.to_f64(), 0.0));
        }
        if value > p.max_order * equity {
            return Some(("larger than the largest order allowed".into(), "value", value, p.max_order * equity));
        }
        if let Some(most) = p.max_order_value.filter(|m| value > *m) {
            return Some(("larger than the largest order allowed in dollars".into(), "value", value, most));
        }
        if let Some((price, reference)) = self.prices(order, last, view) {
            let off = (price / reference - 1.0).abs();
            if off.is_nan() || off > p.price_collar {
                let reason = format!("price {price} is too far from {reference}");
                return Some((reason, "off", off, p.price_collar));
            }
        }
        if let Some(power) = p.buying_power {
            let same: f64 = self.sent.iter().filter(|s| s.time == view.now).map(|s| s.growth).sum();
            let gross = view.portfolio.gross_value().to_f64() + same + growth;
            // A cent of rounding is not leverage.
            if gross > power * equity + 0.01 {
                return Some(("beyond the buying power".into(), "gross", gross, power * equity));
            }
        }
        None
    }
}

impl Plugin for OrderLimits {
    fn id(&self) -> &'static str {
        OrderLimitsParams::ID
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::BAR | Kinds::TRADE | Kinds::SESSION_CLOSE)
    }
    fn observe(&mut self, event: &Event, _: &View<'_>) -> Result<(), BadInput> {
        match (&event.data, event.symbol) {
            (MarketData::SessionClose, _) => {
                self.closes.extend(self.today.entries().iter().copied());
                self.today.clear();
            }
            // What a price was before a split, or under another name, is no measure of what it is.
            (MarketData::CorporateAction(action), Some(symbol))
                if !matches!(action, CorporateAction::Halt { .. } | CorporateAction::Dividend { .. }) =>
            {
                self.closes.remove(symbol);
                self.today.remove(symbol);
            }
            (MarketData::Bar(_) | MarketData::Trade(_), Some(symbol)) => {
                if let Some(price) = event.mark() {
                    self.today.insert(symbol, price);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl PreTrade for OrderLimits {
    fn check(&mut self, order: &Order, view: &View<'_>) -> (Verdict, Adjustment) {
        let veto =
            |verdict, reason: String, name, value| (verdict, Adjustment::new(Adjust::Veto, reason).with(name, value));
        let p = &self.params;
        let Some(last) = view.market.last(order.symbol) else {
            return veto(Verdict::Skip, "no price is known".into(), "price", 0.0);
        };
        let age = view.now.since(last.time);
        if age > Span::from_nanos((p.max_price_age_days * Span::DAY.nanos() as f64) as i64) {
            return veto(Verdict::Skip, "the last price is too old".into(), "age_days", age.days());
        }
        let seconds = |s: f64| Span::from_nanos((s * 1e9) as i64);
        let kept = p.duplicate_seconds.max(60.0);
        while self.sent.front().is_some_and(|s| view.now.since(s.time) > seconds(kept)) {
            self.sent.pop_front();
        }
        let recent =
            |window: f64| self.sent.iter().rev().take_while(move |s| view.now.since(s.time) <= seconds(window));
        let twin = recent(p.duplicate_seconds)
            .find(|s| (s.symbol, s.side, s.quantity) == (order.symbol, order.side, order.quantity));
        if let Some(twin) = twin.filter(|_| p.duplicate_seconds > 0.0) {
            let ago = view.now.since(twin.time);
            let reason = format!("the same order was sent {:.3} seconds ago", ago.nanos() as f64 / 1e9);
            return veto(Verdict::Skip, reason, "quantity", order.quantity.to_f64());
        }
        // Mostly no more is kept than the last minute.
        let counted = || recent(60.0).take(p.max_orders_per_minute as usize + 1).count();
        let count = if kept > 60.0 { counted() } else { self.sent.len() };
        if count >= p.max_orders_per_minute as usize {
            return veto(Verdict::Wait, "too many orders within a minute".into(), "orders", count as f64);
        }
        let value = (last.price * order.quantity).to_f64();
        let held = view.portfolio.quantity(order.symbol);
        let growth = (last.price * (held + order.signed()).abs() - last.price * held.abs()).to_f64();
        if !reduces(order, view)
            && let Some((reason, name, is, limit)) = self.refusal(order, last.price, growth, view)
        {
            return (Verdict::Skip, Adjustment::new(Adjust::Veto, reason).with(name, is).with("limit", limit));
        }
        self.sent.push_back(Sent {
            time: view.now,
            symbol: order.symbol,
            side: order.side,
            quantity: order.quantity,
            growth,
        });
        (Verdict::Send, Adjustment::new(Adjust::Keep, "within order limits").with("value", value))
    }
}

/// Registry entry: limits of one's own beside those that every run has.
pub const PLUGIN: PluginInfo = PluginInfo {
    pretrade: Some(|v| Ok(Box::new(parse_params::<OrderLimitsParams>(v)?.build()?))),
    ..PluginInfo::of::<OrderLimitsParams>(
        0,
        "Limits on a single order.",
        "SEC Rule 15c3-5; FIA (2024), Best practices for risk controls.",
    )
};
