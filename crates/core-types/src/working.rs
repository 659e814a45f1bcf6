//! Orders on their way: how much is still to come of each.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::ids::BrokerOrderId;
use crate::lifecycle::OrderState;
use crate::money::{Cash, Quantity};
use crate::name::Symbol;
use crate::order::{Order, OrderId, OrderKind, Side};
use crate::symbol_map::SymbolMap;

/// Parts of a cumulative quantity, each from where to where.
type Parts = SmallVec<[(Quantity, Quantity); 1]>;

/// Other terms that a broker was asked to replace those of an order by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replacement {
    /// The order with its new terms; the quantity is the new total, of which what has filled is a part.
    pub order: Order,
    /// The attempt under whose name it is sent.
    pub attempt: u8,
    /// Whether the broker has refused it. It is remembered all the same, in case the refusal was of another one.
    pub refused: bool,
}

/// An order that has been sent and has not come to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkingOrder {
    /// The order as it was sent, or replaced.
    pub order: Order,
    /// Under which attempt's name it works, from 1.
    pub attempt: u8,
    /// The cost of its fills, before fees; kept for orders in dollars.
    pub spent: Cash,
    /// Whether it only closes what is held, or what another order fills ([`crate::ApprovedGroup`]): it may never fill, and counts as nothing to come.
    pub exit: bool,
    /// The replacement that was asked for.
    pub replacement: Option<Box<Replacement>>,
    /// Where it is, as far as its broker has said.
    pub state: OrderState,
    /// The broker's own name of it, once it is known.
    pub broker: Option<BrokerOrderId>,
    /// What is still to come, with its sign: positive for buys.
    pub remaining: Quantity,
    /// Whether its end was reported before all of its fills were.
    pub ended: bool,
    /// The parts of its cumulative quantity that are booked, in order and disjoint.
    pub booked: SmallVec<[(Quantity, Quantity); 1]>,
}

impl WorkingOrder {
    /// An order of which nothing has been reported yet.
    pub fn new(order: Order) -> Self {
        let remaining = order.signed();
        Self {
            order,
            attempt: 1,
            exit: false,
            spent: Cash::ZERO,
            replacement: None,
            state: OrderState::Submitted,
            broker: None,
            remaining,
            ended: false,
            booked: SmallVec::new(),
        }
    }

    /// The same for an exit.
    pub fn exit(order: Order) -> Self {
        Self { exit: true, ..Self::new(order) }
    }

    /// Whether the broker has still to say if it replaces the order.
    pub fn in_doubt(&self) -> bool {
        !self.ended && self.replacement.as_ref().is_some_and(|r| !r.refused)
    }

    /// The quantity to reckon with, with its sign: nothing of an exit, otherwise what is still to come, once a replacement that is awaited has happened.
    pub fn to_come(&self) -> Quantity {
        if self.exit {
            return Quantity::ZERO;
        }
        let Some(r) = self.replacement.as_ref().filter(|_| self.in_doubt()) else { return self.remaining };
        let rest = (r.order.quantity - self.filled()).max(Quantity::ZERO);
        if self.order.side == Side::Buy { rest } else { -rest }
    }

    /// The most that may fill of it in all: while a replacement is awaited, by whichever of the two is the larger.
    pub fn most(&self) -> Quantity {
        let asked = self.replacement.as_ref().map_or(Quantity::ZERO, |r| r.order.quantity);
        self.order.quantity.max(asked)
    }

    /// How much of it is booked.
    pub fn filled(&self) -> Quantity {
        self.booked.iter().map(|(a, b)| *b - *a).sum()
    }

    /// The dollars that it may cost, when it is ordered in dollars.
    pub fn dollars(&self) -> Option<Cash> {
        if let OrderKind::Notional { amount } = self.order.kind { Some(amount) } else { None }
    }

    /// Takes in that so much has filled of an order in dollars, of which the quantity is an estimate.
    pub fn at_least(&mut self, filled: Quantity) {
        if self.dollars().is_some() && filled > self.order.quantity {
            self.order.quantity = filled;
            self.expect(filled);
        }
    }

    /// Takes in that so much fills of it in all: what is not booked yet is still to come.
    pub fn expect(&mut self, in_all: Quantity) {
        let to_come = in_all - self.filled();
        self.remaining = if self.order.side == Side::Buy { to_come } else { -to_come };
    }

    /// Takes in that the replacement of this attempt works in its place; gives whether that was asked for.
    pub fn replaced(&mut self, by: u8) -> bool {
        match self.replacement.take_if(|r| r.attempt == by) {
            None => false,
            Some(r) => {
                (self.order, self.attempt) = (r.order, r.attempt);
                self.expect(self.order.quantity);
                self.state = self.at_work();
                true
            }
        }
    }

    /// The state of an order that works, by its fills.
    pub fn at_work(&self) -> OrderState {
        if self.booked.is_empty() { OrderState::Accepted } else { OrderState::PartiallyFilled }
    }

    /// Takes in that the cumulative filled quantity went from `from` to `to`; gives the parts that are new, so that each share is
    /// booked once, whoever reports it and in whatever order.
    pub fn progress(&mut self, from: Quantity, to: Quantity) -> SmallVec<[(Quantity, Quantity); 1]> {
        let mut fresh = Parts::new();
        // Nearly always it goes on where it stood.
        if from < to && self.booked.last().is_none_or(|b| b.1 <= from) {
            match self.booked.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => self.booked.push((from, to)),
            }
            fresh.push((from, to));
            return fresh;
        }
        let mut at = from;
        for (a, b) in &self.booked {
            if at < *a && at < to {
                fresh.push((at, to.min(*a)));
            }
            at = at.max(*b);
        }
        if at < to {
            fresh.push((at, to));
        }
        for part in &fresh {
            let place = self.booked.partition_point(|x| x.0 < part.0);
            self.booked.insert(place, *part);
        }
        self.join();
        fresh
    }

    /// Takes in that the part from `from` to `to`, which is booked, really goes to `end`; when that is `from`, there is no such part. What
    /// was filled after it moves with its end, and more or less is still to come.
    pub fn amend(&mut self, from: Quantity, to: Quantity, end: Quantity) {
        let shift = end - to;
        let (mut before, mut after) = (Parts::new(), Parts::new());
        for (a, b) in &self.booked {
            if *a < from {
                before.push((*a, from.min(*b)));
            }
            if *b > to {
                after.push((to.max(*a) + shift, *b + shift));
            }
        }
        if end > from {
            before.push((from, end));
        }
        before.extend(after);
        self.booked = before;
        self.join();
        if !self.ended {
            self.remaining -= if self.order.side == Side::Buy { shift } else { -shift };
        }
        if self.state == OrderState::PartiallyFilled {
            self.state = self.at_work();
        }
    }

    /// Neighbours become one.
    fn join(&mut self) {
        let mut joined = Parts::new();
        for part in &self.booked {
            match joined.last_mut() {
                Some(last) if last.1 == part.0 => last.1 = part.1,
                _ => joined.push(*part),
            }
        }
        self.booked = joined;
    }
}

/// So many orders that ended short of their quantity are remembered, in case a fill of theirs is reported late.
const REMEMBERED: usize = 10_000;

type ByNumber = BTreeMap<OrderId, WorkingOrder>;

/// All of them, by number and by symbol; and those that ended short of their quantity, for fills that are reported late.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "(ByNumber, ByNumber)", into = "(ByNumber, ByNumber)")]
pub struct WorkingOrders {
    orders: ByNumber,
    short: ByNumber,
    /// In the order in which they came.
    by_symbol: SymbolMap<SmallVec<[OrderId; 2]>>,
}

impl From<(ByNumber, ByNumber)> for WorkingOrders {
    fn from((orders, short): (ByNumber, ByNumber)) -> Self {
        let mut all = Self { short, ..Self::default() };
        for w in orders.into_values() {
            all.insert(w);
        }
        all
    }
}
impl From<WorkingOrders> for (ByNumber, ByNumber) {
    fn from(all: WorkingOrders) -> Self {
        (all.orders, all.short)
    }
}

static NONE: LazyLock<WorkingOrders> = LazyLock::new(WorkingOrders::default);

impl WorkingOrders {
    /// No orders, for views without a run behind them.
    pub fn none() -> &'static Self {
        &NONE
    }
    /// Adds an order.
    pub fn insert(&mut self, w: WorkingOrder) {
        let id = w.order.id;
        self.by_symbol.get_or_insert_with(w.order.symbol, SmallVec::new).push(id);
        self.orders.insert(id, w);
    }
    /// Takes an order out that has come to its end; gives its symbol. One that ended short of its quantity, or had another one before, is remembered for a
    /// while.
    pub fn end(&mut self, id: OrderId) -> Option<Symbol> {
        let w = self.orders.remove(&id)?;
        let symbol = w.order.symbol;
        if let Some(own) = self.by_symbol.get_mut(symbol) {
            own.retain(|x| *x != id);
        }
        // The first terms of an order that was replaced, or is in dollars, do not say how much it was in all.
        let changed = w.attempt > 1 || w.dollars().is_some();
        if changed || w.booked.as_slice() != [(Quantity::ZERO, w.order.quantity)] {
            self.remember(w);
        }
        Some(symbol)
    }
    fn remember(&mut self, w: WorkingOrder) {
        self.short.insert(w.order.id, w);
        if self.short.len() > REMEMBERED {
            self.short.pop_first();
        }
    }
    /// [`WorkingOrder::amend`] for an order that works, or has ended: it may fill again.
    pub fn amend(&mut self, order: &Order, from: Quantity, to: Quantity, end: Quantity) {
        if let Some(w) = self.fillable(order.id) {
            return w.amend(from, to, end);
        }
        // All of it was filled, or it would be remembered.
        let mut w = WorkingOrder::new(order.clone());
        (w.state, w.ended, w.remaining) = (OrderState::Filled, true, Quantity::ZERO);
        w.booked.push((Quantity::ZERO, order.quantity));
        w.amend(from, to, end);
        self.remember(w);
    }
    /// An order that works or is remembered, to book a fill of it.
    pub fn fillable(&mut self, id: OrderId) -> Option<&mut WorkingOrder> {
        match self.orders.get_mut(&id) {
            Some(w) => Some(w),
            None => self.short.get_mut(&id),
        }
    }
    /// Whether this order is on its way.
    pub fn contains(&self, id: OrderId) -> bool {
        self.orders.contains_key(&id)
    }
    /// One order.
    pub fn get(&self, id: OrderId) -> Option<&WorkingOrder> {
        self.orders.get(&id)
    }
    /// One order, to change it.
    pub fn get_mut(&mut self, id: OrderId) -> Option<&mut WorkingOrder> {
        self.orders.get_mut(&id)
    }
    /// Those of one symbol, in the order of their numbers.
    pub fn of(&self, symbol: Symbol) -> impl Iterator<Item = &WorkingOrder> {
        let own = self.by_symbol.get(symbol).into_iter().flatten();
        own.filter_map(|id| self.orders.get(id))
    }
    /// All, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &WorkingOrder> {
        self.orders.values()
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.orders.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::TimeInForce;
    use crate::time::Time;

    fn working() -> WorkingOrder {
        WorkingOrder::new(Order {
            id: OrderId(1),
            decision: 1,
            time: Time::MIN,
            symbol: Symbol::new("SPY").unwrap(),
            side: Side::Buy,
            quantity: q(10),
            kind: OrderKind::Market,
            tif: TimeInForce::Day,
        })
    }
    fn q(n: i64) -> Quantity {
        Quantity::from_nanos(n * 1_000_000_000).unwrap()
    }
    fn fresh(w: &mut WorkingOrder, a: i64, b: i64) -> Vec<(i64, i64)> {
        w.progress(q(a), q(b)).iter().map(|(a, b)| (a.nanos() / 1_000_000_000, b.nanos() / 1_000_000_000)).collect()
    }

    #[test]
    fn every_share_is_new_once_in_whatever_order() {
        let mut w = working();
        assert_eq!(fresh(&mut w, 2, 4), [(2, 4)]);
        assert_eq!(fresh(&mut w, 2, 4), [], "repeated");
        assert_eq!(fresh(&mut w, 0, 2), [(0, 2)], "late");
        assert_eq!(fresh(&mut w, 7, 8), [(7, 8)]);
        assert_eq!(fresh(&mut w, 0, 10), [(4, 7), (8, 10)], "the whole, from another source");
        assert_eq!(fresh(&mut w, 3, 9), []);
        assert_eq!(w.booked.as_slice(), [(q(0), q(10))]);
    }

    #[test]
    fn a_replaced_order_reckons_with_its_new_total_and_its_old_fills() {
        let mut w = working();
        fresh(&mut w, 0, 4);
        w.expect(q(10));
        assert_eq!((w.remaining, w.to_come(), w.most()), (q(6), q(6), q(10)));
        let asked = |attempt, quantity| {
            let order = Order { quantity: q(quantity), ..working().order };
            Some(Box::new(Replacement { order, attempt, refused: false }))
        };
        w.replacement = asked(2, 7);
        // While it is awaited either may fill: 10 at most, 3 are reckoned with.
        assert_eq!((w.in_doubt(), w.to_come(), w.most()), (true, q(3), q(10)));
        assert!(!w.replaced(3) && w.replaced(2) && !w.replaced(2));
        assert_eq!((w.attempt, w.remaining, w.state, w.in_doubt()), (2, q(3), OrderState::PartiallyFilled, false));
        w.replacement = asked(3, 12);
        assert_eq!((w.to_come(), w.most()), (q(8), q(12)));
        // As much as was wanted has filled already.
        w.replacement = asked(3, 2);
        assert_eq!(w.to_come(), q(0));
        // An end leaves what is still to be reported; an exit is reckoned with nothing.
        (w.ended, w.replacement) = (true, asked(4, 9));
        assert_eq!((w.in_doubt(), w.to_come()), (false, q(3)));
        let sale = Order { side: Side::Sell, ..working().order };
        let exit = WorkingOrder::exit(sale.clone());
        assert_eq!((exit.to_come(), exit.remaining), (q(0), q(-10)));
        // A replaced order is remembered although all of it has filled: its first terms are not the whole.
        let mut all = WorkingOrders::default();
        let mut w = WorkingOrder { attempt: 2, ..WorkingOrder::new(sale) };
        w.progress(q(0), q(10));
        all.insert(w);
        all.end(OrderId(1));
        assert!(all.fillable(OrderId(1)).is_some());
    }

    #[test]
    fn an_order_in_dollars_grows_with_its_fills() {
        let amount = "50".parse().unwrap();
        let mut w = WorkingOrder::new(Order { kind: OrderKind::Notional { amount }, ..working().order });
        assert_eq!(w.dollars(), Some(amount));
        w.at_least(q(8));
        assert_eq!((w.order.quantity, w.remaining), (q(10), q(10)));
        fresh(&mut w, 0, 8);
        w.at_least(q(15));
        assert_eq!((w.order.quantity, w.remaining), (q(15), q(7)));
        let mut shares = working();
        shares.at_least(q(15));
        assert_eq!((shares.order.quantity, shares.dollars()), (q(10), None));
    }

    #[test]
    fn a_part_that_never_was_can_fill_again_and_later_ones_move() {
        let mut w = working();
        w.state = OrderState::PartiallyFilled;
        for (a, b) in [(0, 2), (2, 5), (6, 8)] {
            fresh(&mut w, a, b);
            w.remaining -= q(b - a);
        }
        // The second three were none: 4 are filled, of which the last two from 3 to 5.
        w.amend(q(2), q(5), q(2));
        assert_eq!((w.booked.as_slice(), w.remaining), ([(q(0), q(2)), (q(3), q(5))].as_slice(), q(6)));
        // The first two were one.
        w.amend(q(0), q(2), q(1));
        assert_eq!((w.booked.as_slice(), w.remaining), ([(q(0), q(1)), (q(2), q(4))].as_slice(), q(7)));
        assert_eq!((fresh(&mut w, 0, 4), w.state), (vec![(1, 2)], OrderState::PartiallyFilled));
        w.amend(q(0), q(4), q(0));
        assert_eq!((w.booked.len(), w.state), (0, OrderState::Accepted));
        // Of one that has ended nothing more is to come.
        let mut sale = WorkingOrder::new(Order { side: Side::Sell, ..working().order });
        fresh(&mut sale, 0, 4);
        (sale.ended, sale.remaining) = (true, q(-1));
        sale.amend(q(0), q(4), q(3));
        assert_eq!((sale.booked.as_slice(), sale.remaining), ([(q(0), q(3))].as_slice(), q(-1)));
        sale.ended = false;
        sale.amend(q(0), q(3), q(0));
        assert_eq!(sale.remaining, q(-4));
    }

    #[test]
    fn orders_that_ended_are_remembered_up_to_a_bound() {
        let mut all = WorkingOrders::default();
        for id in 1..=30_000 {
            let mut w = WorkingOrder::new(Order { id: OrderId(id), ..working().order });
            if id % 2 == 0 {
                w.progress(q(0), q(10));
            }
            all.insert(w);
            all.end(OrderId(id));
        }
        // Those with odd numbers ended short; the last of them are remembered.
        assert_eq!((all.len(), all.short.len(), all.by_symbol.len()), (0, REMEMBERED, 1));
        assert!(all.fillable(OrderId(29_999)).is_some() && all.fillable(OrderId(30_000)).is_none());
        assert!(all.fillable(OrderId(10_001)).is_some() && all.fillable(OrderId(9_999)).is_none());
        // One that had filled is awaited again once a part of it is taken back.
        let order = Order { id: OrderId(30_000), ..working().order };
        all.amend(&order, q(3), q(5), q(3));
        let w = all.fillable(order.id).unwrap();
        assert_eq!((fresh(w, 6, 10), w.state, w.remaining), (vec![(8, 10)], OrderState::Filled, q(0)));
        assert_eq!(all.short.len(), REMEMBERED);
    }
}
