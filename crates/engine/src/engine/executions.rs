//! Executions that a broker names: each counts once, and can be taken back or corrected as long as it is remembered.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    BrokerReport, Cash, ExecutionId, Fill, Notice, Order, OrderState, Price, Quantity, Said, Side, Symbol,
};

use super::{Engine, Schedule, State};
use crate::effect::{Effect, Effects};
use crate::error::EngineError;

/// So many of the last executions are remembered. Brokers take fills back within a day or two; for one that is no longer remembered trading halts.
const REMEMBERED: usize = 10_000;

/// A fill as it was booked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Booked {
    pub order: Order,
    /// Cumulative quantity of the order before and after it.
    pub from: Quantity,
    pub to: Quantity,
    pub price: Price,
    pub fee: Cash,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Known {
    /// It is in the books like this.
    Booked(Box<Booked>),
    /// It was in the books and no longer is.
    TakenBack,
    /// It counts, but a part of it was booked from another report, or a split or payment came between: what it changed can no longer be told.
    Unclear,
}

/// The last of them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Executions {
    known: BTreeMap<ExecutionId, Known>,
    /// Oldest first.
    order: VecDeque<ExecutionId>,
}

impl Executions {
    pub fn get(&self, id: &ExecutionId) -> Option<&Known> {
        self.known.get(id)
    }
    /// Adds one, or says something else of it.
    pub fn set(&mut self, id: &ExecutionId, known: Known) {
        if self.known.insert(id.clone(), known).is_some() {
            return;
        }
        self.order.push_back(id.clone());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
    fn booked(&mut self) -> impl Iterator<Item = &mut Known> {
        self.known.values_mut().filter(|k| matches!(k, Known::Booked(_)))
    }
    /// Something happened to what is held of a symbol.
    pub fn blur(&mut self, symbol: Symbol) {
        for k in self.booked() {
            if matches!(k, Known::Booked(b) if b.order.symbol == symbol) {
                *k = Known::Unclear;
            }
        }
    }
    /// The parts of an order from `to` on begin and end later by `shift`.
    fn shift(&mut self, order: &Order, to: Quantity, shift: Quantity) {
        for k in self.booked() {
            if let Known::Booked(b) = k
                && b.order.id == order.id
                && b.from >= to
            {
                b.from += shift;
                b.to += shift;
            }
        }
    }
}

impl Engine {
    /// An execution never was, or was another: what was booked of it is booked the other way round, at its price and with its fee, and then how it
    /// really was. Cash and quantity are then right to the last digit; the profit that trades in between realised stays theirs.
    pub(super) fn amend(&mut self, r: &BrokerReport, state: OrderState, out: &mut Effects) -> Result<(), EngineError> {
        let State { executions, known, kill_switch, .. } = &mut self.state;
        let (id, really) = match &r.said {
            Said::Busted(id) => (id, None),
            Said::Corrected(c) => (&c.execution, Some(c)),
            _ => return Ok(()),
        };
        let now = known.clock;
        let b = match executions.get(id) {
            Some(Known::TakenBack) if really.is_none() => return Ok(()),
            Some(Known::Booked(b)) if b.order.id == r.order && really.is_none_or(|c| c.quantity > Quantity::ZERO) => {
                b.as_ref().clone()
            }
            _ => {
                let why = "which cannot be told from the books any more";
                kill_switch.disagree(format!("order {}: {:?} of execution {id}, {why}", r.order.0, r.said.kind()), now);
                self.note(r, state, out);
                return Ok(());
            }
        };
        let is = really.map(|c| Booked {
            order: b.order.clone(),
            from: b.from,
            to: b.from + c.quantity,
            price: c.price,
            fee: c.fee,
        });
        if is.as_ref() == Some(&b) {
            return Ok(());
        }
        let end = is.as_ref().map_or(b.from, |x| x.to);
        executions.shift(&b.order, b.to, end - b.to);
        executions.set(id, is.clone().map_or(Known::TakenBack, |x| Known::Booked(Box::new(x))));
        known.working.amend(&b.order, b.from, b.to, end);
        if self.config.schedule == Schedule::Signal {
            self.state.due.symbols.insert(b.order.symbol);
        }
        self.note(r, state, out);
        let what = match &is {
            None => format!("takes back {} at {}", b.to - b.from, b.price),
            Some(x) => format!("corrects {} at {} to {} at {}", b.to - b.from, b.price, x.to - x.from, x.price),
        };
        let text = format!("order {}: the broker {what} of {} (execution {id})", r.order.0, b.order.symbol);
        out.push(Effect::Notify(Notice { time: now, who: "broker".into(), text }));
        let back = if b.order.side == Side::Buy { Side::Sell } else { Side::Buy };
        let fill = |b: &Booked, side, fee| Fill {
            id: 0,
            order: b.order.id,
            time: r.time,
            symbol: b.order.symbol,
            side,
            quantity: b.to - b.from,
            price: b.price,
            fee,
            slippage_bps: 0.0,
        };
        self.book(fill(&b, back, -b.fee), out)?;
        if let Some(x) = &is {
            self.book(fill(x, x.order.side, x.fee), out)?;
        }
        if self.state.known.working.get(r.order).is_some_and(|w| w.remaining.is_zero()) {
            self.finished(r.order);
        }
        self.check_filled(r.order, b.order.quantity, end);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ten_thousand_are_remembered() {
        let mut all = Executions::default();
        let id = |n: usize| ExecutionId::new(format!("e{n}")).unwrap();
        for n in 0..25_000 {
            all.set(&id(n), Known::Unclear);
            all.set(&id(n), Known::TakenBack);
        }
        assert_eq!((all.known.len(), all.order.len()), (REMEMBERED, REMEMBERED));
        assert_eq!((all.get(&id(14_999)), all.get(&id(15_000))), (None, Some(&Known::TakenBack)));
    }
}
