//! What strategies own of what is held, and what that has earned: signed parts of each position, which change when orders fill.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::adjust::Adjust;
use crate::decision::Decision;
use crate::event::CorporateAction;
use crate::money::{Cash, Price, Quantity};
use crate::name::{StrategyId, Symbol};
use crate::order::OrderId;
use crate::portfolio::{Portfolio, Position};
use crate::report::Fill;
use crate::symbol_map::SymbolMap;

/// What each strategy wants of a target: its weight after all rules, as a fraction of equity, and how much of it hedges added.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Wanted {
    parts: SmallVec<[(StrategyId, f64); 1]>,
    hedge: f64,
    /// Their sum, the target's weight.
    weight: f64,
    /// Shares for one unit of weight at the decision.
    shares: f64,
}

impl Wanted {
    /// What scales a target scales every part of it alike; what is added belongs to nobody.
    fn of(d: &Decision) -> Self {
        let mut w = Self::default();
        for c in &d.contributions {
            match w.parts.iter_mut().find(|p| p.0 == c.strategy) {
                Some(p) => p.1 += c.weight,
                None => w.parts.push((c.strategy, c.weight)),
            }
        }
        w.weight = d.contributions.iter().fold(0.0, |sum, c| sum + c.weight);
        for step in &d.rules {
            match step.adjustment.adjust {
                Adjust::Keep => {}
                Adjust::Add(_) => w.hedge += step.after - w.weight,
                Adjust::Scale(f) => w.scale(f),
                Adjust::Veto => w.scale(0.0),
                Adjust::Set(_) | Adjust::Cap(_) if w.weight == 0.0 => w.hedge += step.after,
                Adjust::Set(_) | Adjust::Cap(_) => w.scale(step.after / w.weight),
            }
            w.weight = step.after;
        }
        w.shares = d.sizing.map_or(0.0, |s| s.equity.to_f64() / s.price.to_f64());
        w
    }
    fn scale(&mut self, by: f64) {
        self.parts.iter_mut().for_each(|p| p.1 *= by);
        self.hedge *= by;
    }
    /// The parts in billionths of a share when this much is held in all.
    fn target(&self, of: &StrategyId, total: i64) -> f64 {
        let part = self.parts.iter().find(|p| p.0 == *of).map_or(0.0, |p| p.1);
        if self.weight == 0.0 { part * self.shares * 1e9 } else { part / self.weight * total as f64 }
    }
}

/// Parts of positions by strategy, and what each strategy was paid for them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Shares {
    /// Of each symbol, in the order of the strategies; what is held beyond their sum belongs to nobody.
    parts: SymbolMap<SmallVec<[(StrategyId, Quantity); 1]>>,
    /// Received for what was sold, less paid for what was bought and fees, with dividends.
    cash: BTreeMap<StrategyId, Cash>,
    wanted: BTreeMap<OrderId, Wanted>,
}

impl Shares {
    pub(super) fn ordered(&mut self, order: OrderId, d: &Decision) {
        self.wanted.insert(order, Wanted::of(d));
    }
    pub(super) fn orders(&self) -> usize {
        self.wanted.len()
    }
    /// Forgets the orders that have come to their end.
    pub(super) fn keep(&mut self, working: impl Fn(OrderId) -> bool) {
        self.wanted.retain(|id, _| working(*id));
    }
    pub(super) fn part(&self, strategy: StrategyId, symbol: Symbol) -> Quantity {
        let own = self.parts.get(symbol).into_iter().flatten();
        own.filter(|p| p.0 == strategy).map(|p| p.1).sum()
    }

    /// A fill of an order of which `remaining` was to come, when `held` was held: every part goes as far towards its target as the position.
    pub(super) fn filled(&mut self, f: &Fill, held: Quantity, remaining: Quantity) {
        let (held, x, left) = (held.nanos(), f.signed().nanos(), remaining.nanos());
        // A broker may fill more than was ordered.
        let left = if left.signum() == x.signum() && left.abs() >= x.abs() { left } else { x };
        let total = held.saturating_add(left);
        let now = self.parts.get(f.symbol).cloned().unwrap_or_default();
        let mut owners: SmallVec<[StrategyId; 2]> = now.iter().map(|p| p.0).collect();
        let wanted = self.wanted.get(&f.order);
        owners.extend(wanted.iter().flat_map(|w| w.parts.iter().map(|p| p.0)));
        owners.sort();
        owners.dedup();
        let mut moved: SmallVec<[(StrategyId, i64, i64); 2]> = SmallVec::new();
        for id in owners {
            let own = now.iter().find(|p| p.0 == id).map_or(0, |p| p.1.nanos());
            let target = match wanted {
                Some(w) => w.target(&id, total),
                // Of an order that nobody remembers each keeps its share of the whole.
                None if held != 0 => own as f64 / held as f64 * total as f64,
                None => 0.0,
            };
            let step = (target - own as f64) * (x as f64 / left as f64);
            moved.push((id, own, step.round() as i64));
        }
        // Without a hedge the parts are the whole, to the last digit.
        let whole = now.iter().map(|p| p.1.nanos()).sum::<i64>() == held && wanted.is_none_or(|w| w.hedge == 0.0);
        let rest = x.saturating_sub(moved.iter().fold(0, |sum: i64, m| sum.saturating_add(m.2)));
        if whole
            && rest.abs() <= 1_000 * moved.len() as i64
            && let Some(largest) = moved.iter_mut().max_by_key(|m| m.2.unsigned_abs())
        {
            largest.2 += rest;
        }
        let traded = moved.iter().fold(0, |sum: u64, m| sum.saturating_add(m.2.unsigned_abs()));
        let of_nobody = moved.iter().fold(x, |rest: i64, m| rest.saturating_sub(m.2));
        let traded = traded.saturating_add(of_nobody.unsigned_abs());
        let mut parts: SmallVec<[(StrategyId, Quantity); 1]> = SmallVec::new();
        let (mut charged, mut fees) = (0_u64, Cash::ZERO);
        for (id, own, step) in moved {
            let (Ok(part), Ok(change)) = (Quantity::from_nanos(own.saturating_add(step)), Quantity::from_nanos(step))
            else {
                continue;
            };
            charged += step.unsigned_abs();
            // The fees up to here, rounded, less those charged: the shares sum to the whole.
            let up_to = portion(f.fee, charged, traded);
            let cash = self.cash.entry(id).or_default();
            *cash -= f.price * change + (up_to - fees);
            fees = up_to;
            if !part.is_zero() {
                parts.push((id, part));
            }
        }
        self.put(f.symbol, parts);
    }
    fn put(&mut self, symbol: Symbol, parts: SmallVec<[(StrategyId, Quantity); 1]>) {
        if parts.is_empty() {
            self.parts.remove(symbol);
        } else {
            self.parts.insert(symbol, parts);
        }
    }

    /// A corporate action on what was held, and what is held of the same symbol after it.
    pub(super) fn action(&mut self, action: CorporateAction, before: &Position, after: Option<&Position>) {
        let symbol = before.symbol;
        let Some(parts) = self.parts.get_mut(symbol) else { return };
        match action {
            CorporateAction::Halt { .. } => {}
            CorporateAction::Dividend { amount } => {
                for (id, part) in parts {
                    *self.cash.entry(*id).or_default() += amount * *part;
                }
            }
            CorporateAction::Split { numerator, denominator } if denominator > 0 => {
                let whole = parts.iter().map(|p| p.1).sum::<Quantity>() == before.quantity;
                let (old, price) = (before.price, after.map_or(before.price, |p| p.price));
                let mut rest = after.map_or(0, |p| p.quantity.nanos());
                let last = parts.len().saturating_sub(1);
                for (i, (id, part)) in parts.iter_mut().enumerate() {
                    let exact = i128::from(part.nanos()) * i128::from(numerator) / i128::from(denominator);
                    // Roundings are the last one's.
                    let new = if whole && i == last { rest } else { i64::try_from(exact).unwrap_or(rest) };
                    rest = rest.saturating_sub(new);
                    let Ok(new) = Quantity::from_nanos(new) else { continue };
                    *self.cash.entry(*id).or_default() += old * *part - price * new;
                    *part = new;
                }
            }
            CorporateAction::Split { .. } => {}
            CorporateAction::SymbolChange { to } => {
                let Some(moved) = self.parts.remove(symbol) else { return };
                let mut all = self.parts.remove(to).unwrap_or_default();
                for (id, part) in moved {
                    match all.binary_search_by_key(&id, |p| p.0) {
                        Ok(at) => all[at].1 += part,
                        Err(at) => all.insert(at, (id, part)),
                    }
                }
                self.put(to, all);
            }
            CorporateAction::Delisting { price } => {
                if let Some(price) = price.or_else(|| Price::from_nanos(1).ok()) {
                    for (id, part) in parts {
                        *self.cash.entry(*id).or_default() += price * *part;
                    }
                }
                self.parts.remove(symbol);
            }
        }
    }

    /// Profit and loss so far by strategy, and what belongs to nobody: hedges, interest, what is paid to borrow. The sum is equity less
    /// deposits, to the last digit.
    pub(super) fn profits(&self, portfolio: &Portfolio) -> (Vec<(StrategyId, Cash)>, Cash) {
        let mut all = self.cash.clone();
        for (symbol, parts) in self.parts.entries() {
            if let Some(p) = portfolio.position(*symbol) {
                parts.iter().for_each(|(id, part)| *all.entry(*id).or_default() += p.price * *part);
            }
        }
        let total = portfolio.equity() - portfolio.totals().deposits;
        let rest = all.values().fold(total, |rest, x| rest - *x);
        (all.into_iter().collect(), rest)
    }
}

/// The part `of / whole` of an amount, rounded towards zero; all of it when nothing is left.
fn portion(amount: Cash, of: u64, whole: u64) -> Cash {
    let quantity = |n: u64| i64::try_from(n).ok().and_then(|n| Quantity::from_nanos(n).ok());
    match (quantity(of), quantity(whole)) {
        (Some(of), Some(whole)) if of < whole => amount.portion(of, whole),
        _ => amount,
    }
}
