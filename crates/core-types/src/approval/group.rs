//! Orders that hang together: brackets, one-cancels-other, one-triggers-other.

use serde::Serialize;

use super::ApprovedOrder;
use crate::error::BadInput;
use crate::order::{Order, OrderId, OrderKind, Side, TimeInForce};

/// Orders of one symbol that hang together. An entry with two exits is a bracket, with one a one-triggers-other; two exits alone are a one-cancels-other.
///
/// Exits close, and do nothing else: they lie on the other side than the entry, work only for what it has filled, and together never fill more than
/// that. The fills of one are taken off the other. When one is cancelled, so are all. One of them is a limit order (takes the profit), the other one a stop.
///
/// Exits need no approval of their own beyond that of their entry, since they can only undo what it does; those of a position that is held come from an
/// order to close it that was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovedGroup {
    entry: Option<ApprovedOrder>,
    exits: Vec<ApprovedOrder>,
}

/// Whether it takes the profit (a limit order) or stops the loss; `None` for what can be no exit.
fn takes_profit(kind: OrderKind) -> Option<bool> {
    match kind {
        OrderKind::Limit { .. } => Some(true),
        OrderKind::Stop { .. } | OrderKind::StopLimit { .. } | OrderKind::TrailingStop { .. } => Some(false),
        _ => None,
    }
}

impl ApprovedGroup {
    fn checked(entry: Option<ApprovedOrder>, exits: Vec<ApprovedOrder>) -> Result<Self, BadInput> {
        let bad = |what: &str, found: String, expected: &str| Err(BadInput::new(what, found, expected));
        let all: Vec<&Order> = entry.iter().chain(&exits).map(ApprovedOrder::order).collect();
        for o in &all {
            o.validate()?;
            if !matches!(o.tif, TimeInForce::Day | TimeInForce::Gtc) {
                return bad("time in force of a group", format!("{:?}", o.tif), "day or gtc");
            }
        }
        if all.windows(2).any(|w| w[0].id >= w[1].id) {
            let ids: Vec<u64> = all.iter().map(|o| o.id.0).collect();
            return bad("numbers of a group", format!("{ids:?}"), "ascending from the entry on");
        }
        if let Some(e) = entry.as_ref().filter(|e| matches!(e.order.kind, OrderKind::Notional { .. })) {
            return bad("entry", format!("{:?}", e.order.kind), "in shares");
        }
        let kinds: Vec<OrderKind> = exits.iter().map(|x| x.order.kind).collect();
        let roles: Vec<_> = kinds.iter().map(|k| takes_profit(*k)).collect();
        let fine = matches!(roles.as_slice(), [Some(_)] | [Some(true), Some(false)] | [Some(false), Some(true)]);
        if !fine {
            return bad("exits", format!("{kinds:?}"), "a limit order, a stop, or one of each");
        }
        // The profit lies on the better side of the stop, and of an entry's own price.
        let sells = exits.first().is_some_and(|x| x.order.side == Side::Sell);
        let above = |a, b| if sells { a > b } else { a < b };
        let limit = kinds.iter().find_map(|k| if let OrderKind::Limit { price } = k { Some(*price) } else { None });
        let trigger = kinds.iter().find_map(|k| match k {
            OrderKind::Stop { trigger } | OrderKind::StopLimit { trigger, .. } => Some(*trigger),
            _ => None,
        });
        let between = entry.as_ref().and_then(|e| e.order.kind.limit());
        let ordered = |a: Option<_>, b: Option<_>| a.zip(b).is_none_or(|(a, b)| above(a, b));
        if !(ordered(limit, trigger) && ordered(limit, between) && ordered(between, trigger)) {
            return bad("exits", format!("{kinds:?}"), "the profit beyond the entry's limit, and that beyond the stop");
        }
        Ok(Self { entry, exits })
    }
    /// The order that opens, when there is one.
    pub fn entry(&self) -> Option<&ApprovedOrder> {
        self.entry.as_ref()
    }
    /// One or two orders that close.
    pub fn exits(&self) -> &[ApprovedOrder] {
        &self.exits
    }
    /// All of them, the entry first.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.entry.iter().chain(&self.exits).map(ApprovedOrder::order)
    }
}

impl ApprovedOrder {
    /// With exits that close what it fills, each with its number and kind; otherwise they are as the entry. Numbers ascend from the entry's.
    ///
    /// # Errors
    /// Unless it is a market, limit or stop order for the day or until cancelled, and the exits are a limit order, a stop, or one of each, with the profit on the
    /// better side of the entry's limit and of the stop.
    pub fn with_exits(self, exits: &[(OrderId, OrderKind)]) -> Result<ApprovedGroup, BadInput> {
        let side = if self.order.side == Side::Buy { Side::Sell } else { Side::Buy };
        let exit = |(id, kind): &(OrderId, OrderKind)| Self {
            order: Order { id: *id, kind: *kind, side, ..self.order.clone() },
            shares: Vec::new(),
        };
        let exits = exits.iter().map(exit).collect();
        ApprovedGroup::checked(Some(self), exits)
    }

    /// As an exit of what is held, alone or with another one of this number and kind, of which only one fills.
    ///
    /// # Errors
    /// As [`ApprovedOrder::with_exits`].
    pub fn or(self, other: Option<(OrderId, OrderKind)>) -> Result<ApprovedGroup, BadInput> {
        let twin = |(id, kind)| Self { order: Order { id, kind, ..self.order.clone() }, shares: Vec::new() };
        let other = other.map(twin);
        ApprovedGroup::checked(None, std::iter::once(self).chain(other).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Quantity, Symbol, Time, Trail};

    fn entry(side: Side, kind: OrderKind, tif: TimeInForce) -> ApprovedOrder {
        let quantity = Quantity::from_f64(5.0).unwrap();
        let (symbol, time) = (Symbol::new("SPY").unwrap(), Time::MIN);
        let order = Order { id: OrderId(1), decision: 7, time, symbol, side, quantity, kind, tif };
        ApprovedOrder { order, shares: Vec::new() }
    }
    fn limit(x: &str) -> OrderKind {
        OrderKind::Limit { price: x.parse().unwrap() }
    }
    fn stop(x: &str) -> OrderKind {
        OrderKind::Stop { trigger: x.parse().unwrap() }
    }

    #[test]
    fn exits_close_what_the_entry_opens() {
        let group = entry(Side::Buy, OrderKind::Market, TimeInForce::Gtc)
            .with_exits(&[(OrderId(2), limit("11")), (OrderId(3), stop("9"))])
            .unwrap();
        let all: Vec<_> = group.orders().map(|o| (o.id.0, o.side, o.quantity.to_string(), o.decision, o.tif)).collect();
        let gtc = TimeInForce::Gtc;
        let five = || "5".to_owned();
        assert_eq!(
            all,
            [(1, Side::Buy, five(), 7, gtc), (2, Side::Sell, five(), 7, gtc), (3, Side::Sell, five(), 7, gtc)]
        );
        assert_eq!((group.entry().unwrap().order().id, group.exits().len()), (OrderId(1), 2));
        let oco = entry(Side::Buy, limit("9"), TimeInForce::Day).or(Some((OrderId(2), stop("11")))).unwrap();
        assert!(oco.entry().is_none() && oco.orders().all(|o| o.side == Side::Buy));
        assert_eq!(entry(Side::Sell, stop("9"), TimeInForce::Day).or(None).unwrap().exits().len(), 1);
    }

    #[test]
    fn what_hangs_together_wrongly_is_refused() {
        use {OrderKind::Market, Side::Buy, Side::Sell, TimeInForce::Day};
        let fine = |side, kind, tif, exits: &[OrderKind]| {
            let exits: Vec<_> = exits.iter().zip(2..).map(|(k, id)| (OrderId(id), *k)).collect();
            entry(side, kind, tif).with_exits(&exits).is_ok()
        };
        let trail = OrderKind::TrailingStop { trail: Trail::Millionths(10_000) };
        assert!(fine(Buy, Market, Day, &[limit("11"), trail]) && fine(Buy, Market, Day, &[trail]));
        assert!(
            fine(Sell, Market, Day, &[limit("9"), stop("11")]) && !fine(Sell, Market, Day, &[limit("11"), stop("9")])
        );
        assert!(!fine(Buy, Market, Day, &[limit("9"), stop("9")]));
        // An entry's limit lies between.
        assert!(fine(Buy, limit("10"), Day, &[limit("11"), stop("9")]));
        assert!(!fine(Buy, limit("11"), Day, &[limit("11"), stop("9")]));
        assert!(!fine(Buy, limit("9"), Day, &[limit("11"), stop("9")]));
        for exits in [
            vec![],
            vec![limit("11"), limit("12")],
            vec![stop("9"), trail],
            vec![Market],
            vec![limit("11"), stop("9"), trail],
        ] {
            assert!(!fine(Buy, Market, Day, &exits), "{exits:?}");
        }
        assert!(!fine(Buy, OrderKind::MarketOnClose, TimeInForce::Cls, &[limit("11")]));
        assert!(!fine(Buy, Market, TimeInForce::Ioc, &[limit("11")]));
        let dollars = OrderKind::Notional { amount: "50".parse().unwrap() };
        assert!(!fine(Buy, dollars, Day, &[limit("11")]));
        let doubled = [(OrderId(1), limit("11"))];
        assert!(entry(Buy, Market, Day).with_exits(&doubled).is_err());
    }
}
