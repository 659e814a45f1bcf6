//! Approval: the only way to an order that a broker takes.

mod group;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::adjust::{Adjust, Adjustment};
use crate::error::BadInput;
use crate::money::Quantity;
use crate::name::Name;
use crate::order::{Order, OrderId, OrderKind, Side, TimeInForce};
use crate::pretrade::{PreTrade, Verdict};
use crate::step::{Stage, Step};
use crate::time::Time;
use crate::view::View;

pub use self::group::ApprovedGroup;

/// The part of an order that belongs to one approved order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The order that was approved.
    pub order: OrderId,
    /// The decision behind it.
    pub decision: u64,
    /// How much of it, with its sign: positive for buys.
    pub quantity: Quantity,
}

/// An order that passed every check. Only [`approve`] makes one, and only this type can be given to a broker. Children of it come from
/// [`ApprovedOrder::split`] and [`ApprovedOrder::net`].
///
/// ```compile_fail
/// # fn f(order: tradewind_core_types::Order) {
/// let approved = tradewind_core_types::ApprovedOrder { order, shares: Vec::new() };
/// # }
/// ```
///
/// It can be written, and not be read back: whoever saves one saves the [`Order`] with what is left of it, and has it approved again.
///
/// ```compile_fail
/// # fn f(text: &str) {
/// let approved: tradewind_core_types::ApprovedOrder = serde_json::from_str(text).unwrap();
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovedOrder {
    order: Order,
    /// The shares of its parents, oldest first; empty when it is what was approved.
    shares: Vec<Share>,
}

impl ApprovedOrder {
    /// The order.
    #[inline]
    pub fn order(&self) -> &Order {
        &self.order
    }
    /// The order, giving up the approval.
    pub fn into_order(self) -> Order {
        self.order
    }
    /// Which approved orders it belongs to, oldest first, and how much of each. The quantities sum to its own.
    pub fn shares(&self) -> Cow<'_, [Share]> {
        if self.shares.is_empty() { Cow::Owned(vec![self.whole()]) } else { Cow::Borrowed(&self.shares) }
    }
    fn whole(&self) -> Share {
        Share { order: self.order.id, decision: self.order.decision, quantity: self.order.signed() }
    }
    /// Whether it was split or netted.
    pub fn is_child(&self) -> bool {
        !self.shares.is_empty()
    }

    /// With the number and the time under which it is sent. Its shares keep the numbers of what was approved; the time does not go back.
    #[must_use]
    pub fn sent(mut self, id: OrderId, now: Time) -> Self {
        if self.shares.is_empty() {
            self.shares = vec![self.whole()];
        }
        self.order.id = id;
        self.order.time = self.order.time.max(now);
        self
    }

    /// An order in dollars is neither divided nor joined: nobody knows yet how many shares it is.
    fn in_shares(&self) -> Result<(), BadInput> {
        match self.order.kind {
            OrderKind::Notional { .. } => {
                Err(BadInput::new("order to be divided or joined", format!("{:?}", self.order.kind), "in shares"))
            }
            _ => Ok(()),
        }
    }

    /// With another price and time in force, neither of which changes how much is traded on which side.
    ///
    /// # Errors
    /// When the two do not agree, or the price could be worse than the limit that was approved.
    pub fn priced(mut self, kind: OrderKind, tif: TimeInForce) -> Result<Self, BadInput> {
        self.in_shares()?;
        if matches!(kind, OrderKind::Notional { .. }) {
            return Err(BadInput::new("kind of a child", format!("{kind:?}"), "an order in shares"));
        }
        if let Some(most) = self.order.kind.limit() {
            let bound = kind.limit();
            let holds = bound.is_some_and(|p| if self.order.side == Side::Buy { p <= most } else { p >= most });
            if !holds {
                let expected = format!("no worse than the limit of {most}");
                return Err(BadInput::new("price of a child", format!("{bound:?}"), expected));
            }
        }
        (self.order.kind, self.order.tif) = (kind, tif);
        self.order.validate()?;
        Ok(self)
    }

    /// In place of an order that works and of which `filled` has filled: with its number and terms that brokers replace. What is approved here is the
    /// rest; the new total is that and what has filled, which was approved before.
    ///
    /// # Errors
    /// When a broker could not replace the one by the other, see [`Order::replaceable`].
    pub fn in_place_of(mut self, old: &Order, filled: Quantity) -> Result<Self, BadInput> {
        if self.is_child() {
            return Err(BadInput::new(
                "replacement",
                format!("{:?}", self.shares),
                "an order that was approved as a whole",
            ));
        }
        self.order.id = old.id;
        self.order.quantity += filled;
        old.replaceable(&self.order, filled)?;
        Ok(self)
    }

    /// Divides it into children of these quantities. The oldest parent is served first, and what was netted against others goes with the first
    /// child: a child never has more of a parent than the whole has, and over all children the shares of a parent sum to what it had.
    ///
    /// # Errors
    /// Unless all quantities are above zero and sum to the order's.
    pub fn split(&self, parts: &[Quantity]) -> Result<Vec<Self>, BadInput> {
        self.in_shares()?;
        let total = self.order.quantity;
        let sum: i128 = parts.iter().map(|p| i128::from(p.nanos())).sum();
        if sum != i128::from(total.nanos()) || parts.iter().any(|p| *p <= Quantity::ZERO) {
            return Err(BadInput::new(
                "parts of an order",
                format!("{parts:?}"),
                format!("above zero, summing to {total}"),
            ));
        }
        let sign = self.order.signed().signum();
        let (mut left, against): (Vec<Share>, Vec<Share>) =
            self.shares().iter().copied().partition(|s| s.quantity.signum() == sign);
        let mut netted: Quantity = against.iter().map(|s| s.quantity.abs()).sum();
        let mut against = Some(against);
        let mut children = Vec::with_capacity(parts.len());
        for part in parts {
            let mut wanted = *part + std::mem::take(&mut netted);
            let mut shares = against.take().unwrap_or_default();
            for s in &mut left {
                let taken = wanted.min(s.quantity.abs());
                wanted -= taken;
                let quantity = if sign > 0 { taken } else { -taken };
                s.quantity -= quantity;
                if !taken.is_zero() {
                    shares.push(Share { quantity, ..*s });
                }
            }
            shares.sort_by_key(|s| s.order);
            children.push(Self { order: Order { quantity: *part, ..self.order.clone() }, shares });
        }
        Ok(children)
    }

    /// Joins orders of one symbol into one of their net quantity, which is never beyond what was approved on its side; `None` when nothing is
    /// left of them. It has the number, decision and time of the oldest on the side that remains, and the latest time of all.
    ///
    /// # Errors
    /// When they are of several symbols, kinds or times in force, or their sum is beyond the range of quantities.
    pub fn net(orders: &[Self]) -> Result<Option<Self>, BadInput> {
        let Some(first) = orders.first() else { return Ok(None) };
        orders.iter().try_for_each(Self::in_shares)?;
        let same = |o: &Order| (o.symbol, o.kind, o.tif);
        if let Some(other) = orders.iter().find(|o| same(&o.order) != same(&first.order)) {
            let text = |o: &Order| format!("{} {:?} {:?}", o.symbol, o.kind, o.tif);
            return Err(BadInput::new("order to be netted", text(&other.order), text(&first.order)));
        }
        let mut shares: Vec<Share> = Vec::new();
        for s in orders.iter().flat_map(|o| o.shares().into_owned()) {
            match shares.iter_mut().find(|x| x.order == s.order) {
                Some(x) => x.quantity += s.quantity,
                None => shares.push(s),
            }
        }
        shares.sort_by_key(|s| s.order);
        let sum: i128 = shares.iter().map(|s| i128::from(s.quantity.nanos())).sum();
        let net = i64::try_from(sum)
            .map_err(|_| BadInput::new("net quantity", sum.to_string(), "within the range"))
            .and_then(Quantity::from_nanos)?;
        let side = match net.signum() {
            0 => return Ok(None),
            1 => Side::Buy,
            _ => Side::Sell,
        };
        let oldest = orders.iter().filter(|o| o.order.side == side).min_by_key(|o| o.order.id).unwrap_or(first);
        let time = orders.iter().map(|o| o.order.time).max().unwrap_or(oldest.order.time);
        let order = Order { quantity: net.abs(), time, ..oldest.order.clone() };
        Ok(Some(Self { order, shares }))
    }
}

/// Asks every check in turn, noting each as a step; approves the order when all say send.
///
/// # Errors
/// The verdict that held the order back; `steps` then ends with its reason.
pub fn approve<'a>(
    order: Order,
    checks: impl IntoIterator<Item = &'a mut (dyn PreTrade + 'static)>,
    view: &View<'_>,
    steps: &mut Vec<Step>,
) -> Result<ApprovedOrder, Verdict> {
    if let Err(e) = order.validate() {
        let why = Adjustment::new(Adjust::Veto, e.to_string());
        steps.push(Step { stage: Stage::PreTrade, plugin: Name::lit("order"), after: 0.0, adjustment: why });
        return Err(Verdict::Skip);
    }
    for check in checks {
        let (verdict, adjustment) = check.check(&order, view);
        let after = if verdict == Verdict::Send { order.quantity.to_f64() } else { 0.0 };
        steps.push(Step { stage: Stage::PreTrade, plugin: Name::lit(check.id()), after, adjustment });
        if verdict != Verdict::Send {
            return Err(verdict);
        }
    }
    Ok(ApprovedOrder { order, shares: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Symbol;
    use proptest::prelude::*;

    fn n(nanos: i64) -> Quantity {
        Quantity::from_nanos(nanos).unwrap()
    }
    fn approved(id: u64, signed: i64) -> ApprovedOrder {
        let order = Order {
            id: OrderId(id),
            decision: 100 + id,
            time: Time::from_nanos(id as i64),
            symbol: Symbol::new("SPY").unwrap(),
            side: if signed > 0 { Side::Buy } else { Side::Sell },
            quantity: n(signed.abs()),
            kind: OrderKind::Market,
            tif: TimeInForce::Day,
        };
        ApprovedOrder { order, shares: Vec::new() }
    }
    fn of(o: &ApprovedOrder) -> Vec<(u64, i64)> {
        o.shares().iter().map(|s| (s.order.0, s.quantity.nanos())).collect()
    }

    #[test]
    fn by_hand() {
        // 7 bought and 3 sold: 4 are left to buy. The netted part goes with the first child.
        let net = ApprovedOrder::net(&[approved(2, -3), approved(1, 7)]).unwrap().unwrap();
        assert_eq!((net.order().id, net.order().signed(), net.order().time), (OrderId(1), n(4), Time::from_nanos(2)));
        assert_eq!(of(&net), [(1, 7), (2, -3)]);
        let children = net.split(&[n(1), n(3)]).unwrap();
        assert_eq!(of(&children[0]), [(1, 4), (2, -3)]);
        assert_eq!(of(&children[1]), [(1, 3)]);
        // Children of children: the oldest parent is served first.
        let sales = ApprovedOrder::net(&[approved(4, -5), approved(3, -2)]).unwrap().unwrap();
        let thirds = sales.split(&[n(1), n(6)]).unwrap();
        assert_eq!((of(&thirds[0]), of(&thirds[1])), (vec![(3, -1)], vec![(3, -1), (4, -5)]));
        assert_eq!(of(&thirds[1].split(&[n(2), n(4)]).unwrap()[0]), [(3, -1), (4, -1)]);
        assert_eq!(of(&ApprovedOrder::net(&children).unwrap().unwrap()), [(1, 7), (2, -3)]);
        assert_eq!(ApprovedOrder::net(&[approved(1, 3), approved(2, -3)]).unwrap(), None);
        for wrong in [vec![n(4), n(1)], vec![n(3)], vec![n(4), n(0)], vec![n(5), n(-1)], vec![]] {
            assert!(net.split(&wrong).is_err(), "{wrong:?}");
        }
        let other = approved(3, 1).priced(OrderKind::MarketOnClose, TimeInForce::Cls).unwrap();
        assert!(ApprovedOrder::net(&[approved(1, 1), other]).is_err());
        assert!(approved(1, 1).priced(OrderKind::Market, TimeInForce::Cls).is_err());
    }

    #[test]
    fn another_price_is_no_worse_than_the_limit() {
        let at = |s: &str| OrderKind::Limit { price: s.parse().unwrap() };
        for (signed, fine, worse) in [(5, "9.99", "10.01"), (-5, "10.01", "9.99")] {
            let order = approved(1, signed).priced(at("10"), TimeInForce::Day).unwrap();
            let priced = |kind| order.clone().priced(kind, TimeInForce::Day);
            assert_eq!(priced(at(fine)).unwrap().order().kind, at(fine));
            assert!(priced(at("10")).is_ok() && priced(at(worse)).is_err() && priced(OrderKind::Market).is_err());
            let stop = OrderKind::StopLimit { trigger: "10".parse().unwrap(), price: fine.parse().unwrap() };
            assert!(priced(stop).is_ok());
        }
    }

    #[test]
    fn a_number_and_time_of_sending_leave_the_shares() {
        let sent = approved(1, 5).sent(OrderId(9), Time::from_nanos(40));
        assert_eq!((sent.order().id, sent.order().time.nanos(), of(&sent)), (OrderId(9), 40, vec![(1, 5)]));
        assert_eq!(sent.sent(OrderId(10), Time::from_nanos(30)).order().time.nanos(), 40);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_side_is_exceeded(
            signed in proptest::collection::vec((1_i64..1_000_000_000_000, any::<bool>()), 1..6),
            cuts in proptest::collection::vec(1_u64..1000, 1..6),
        ) {
            let parents: Vec<_> = signed.iter().enumerate()
                .map(|(i, (q, buy))| approved(i as u64 + 1, if *buy { *q } else { -*q })).collect();
            let on_side = |side| parents.iter().filter(|o| o.order.side == side).map(|o| o.order.quantity).sum::<Quantity>();
            let Some(net) = ApprovedOrder::net(&parents).unwrap() else { return Ok(()) };
            prop_assert_eq!(net.order.signed(), parents.iter().map(|o| o.order.signed()).sum());
            prop_assert!(net.order.quantity <= on_side(net.order.side));
            // Parts in the proportion of the cuts.
            let (total, weight) = (i128::from(net.order.quantity.nanos()), i128::from(cuts.iter().sum::<u64>()));
            let mut parts: Vec<Quantity> = cuts.iter().map(|c| n((total * i128::from(*c) / weight) as i64)).collect();
            let sum: Quantity = parts.iter().copied().sum();
            parts[0] += net.order.quantity - sum;
            parts.retain(|p| *p > Quantity::ZERO);
            let children = net.split(&parts).unwrap();
            for (c, part) in children.iter().zip(&parts) {
                prop_assert_eq!((c.order.quantity, c.order.side), (*part, net.order.side));
                prop_assert_eq!(c.shares.iter().map(|s| s.quantity).sum::<Quantity>(), c.order.signed());
                for s in &c.shares {
                    let parent = parents.iter().find(|p| p.order.id == s.order).unwrap();
                    prop_assert_eq!(s.quantity.signum(), parent.order.signed().signum());
                    prop_assert!(s.quantity.abs() <= parent.order.quantity, "{:?}", s);
                }
            }
            for p in &parents {
                let all: Quantity = children.iter().flat_map(|c| &c.shares).filter(|s| s.order == p.order.id).map(|s| s.quantity).sum();
                prop_assert_eq!(all, p.order.signed());
            }
        }
    }
}
