//! What is owned: cash and positions, exact to the last digit.

use serde::{Deserialize, Serialize};

use crate::changes::Changes;
use crate::error::BadInput;
use crate::money::{Cash, Price, Quantity};
use crate::name::Symbol;
use crate::order::Side;
use crate::report::Fill;
use crate::symbol_map::SymbolMap;
use crate::time::Time;

/// A holding of one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// What.
    pub symbol: Symbol,
    /// How much; negative when short.
    pub quantity: Quantity,
    /// What it cost: signed, so that average cost = cost / quantity for longs and shorts alike.
    pub cost: Cash,
    /// Profit and loss realised so far on this symbol, before fees.
    pub realised: Cash,
    /// The price it is marked at.
    pub price: Price,
    /// When it was opened (when the quantity last left zero or changed sign).
    pub opened: Time,
}

impl Position {
    /// Market value.
    #[inline]
    pub fn value(&self) -> Cash {
        self.price * self.quantity
    }
    /// Profit and loss not yet realised.
    pub fn unrealised(&self) -> Cash {
        self.value() - self.cost
    }
    /// Average cost a share, when anything is held.
    pub fn average_cost(&self) -> Option<f64> {
        (!self.quantity.is_zero()).then(|| self.cost.to_f64() / self.quantity.to_f64())
    }
}

/// Cash and positions. Equity is kept up to date at every mark in O(1).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Portfolio {
    totals: Totals,
    market_value: Cash,
    /// The part of the market value that is long.
    long_value: Cash,
    /// Of every symbol ever held.
    known: SymbolMap<Position>,
    changes: Changes,
}

/// Where the cash came from and went: `cash` must always equal their sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Cash in the account.
    pub cash: Cash,
    /// Paid in less paid out by the owner.
    pub deposits: Cash,
    /// Received for sales less paid for purchases.
    pub trading: Cash,
    /// Commissions and fees paid.
    pub fees: Cash,
    /// Interest received less paid.
    pub interest: Cash,
    /// Paid to borrow shares.
    pub borrow: Cash,
    /// Dividends received less paid.
    pub dividends: Cash,
    /// Profit and loss realised, before fees.
    pub realised: Cash,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    totals: Totals,
    positions: Vec<Position>,
}

impl From<Stored> for Portfolio {
    fn from(s: Stored) -> Self {
        let mut p = Portfolio { totals: s.totals, ..Self::default() };
        for pos in s.positions {
            p.revalue(Cash::ZERO, pos.value());
            p.known.insert(pos.symbol, pos);
        }
        p
    }
}

impl From<Portfolio> for Stored {
    fn from(p: Portfolio) -> Self {
        Stored { totals: p.totals, positions: p.all().copied().collect() }
    }
}

impl Portfolio {
    /// A portfolio of cash alone.
    pub fn with_cash(cash: Cash) -> Self {
        Self { totals: Totals { cash, deposits: cash, ..Totals::default() }, ..Self::default() }
    }
    /// Cash in the account.
    #[inline]
    pub fn cash(&self) -> Cash {
        self.totals.cash
    }
    /// Cash plus market value of all positions.
    #[inline]
    pub fn equity(&self) -> Cash {
        self.totals.cash + self.market_value
    }
    /// Market value of all positions (shorts negative).
    #[inline]
    pub fn market_value(&self) -> Cash {
        self.market_value
    }
    /// Where the cash came from and went.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }
    /// The holding of a symbol, when it is not zero.
    #[inline]
    pub fn position(&self, symbol: Symbol) -> Option<&Position> {
        self.known.get(symbol).filter(|p| !p.quantity.is_zero())
    }
    /// Quantity held of a symbol, zero when none.
    #[inline]
    pub fn quantity(&self, symbol: Symbol) -> Quantity {
        self.position(symbol).map_or(Quantity::ZERO, |p| p.quantity)
    }
    /// Every symbol ever held, by name, closed ones included.
    pub fn all(&self) -> impl Iterator<Item = &Position> {
        self.known.values()
    }
    /// The open positions, by name.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.all().filter(|p| !p.quantity.is_zero())
    }
    /// How often a quantity has changed since this portfolio was made or restored.
    #[inline]
    pub fn changes(&self) -> u64 {
        self.changes.count
    }
    /// The symbols whose quantity has changed since it had changed `seen` times; `None` when these are too many to be known.
    pub fn changed_since(&self, seen: u64) -> Option<impl Iterator<Item = Symbol> + '_> {
        self.changes.since(seen)
    }
    /// Fraction of equity held in a symbol; zero when equity is not positive.
    pub fn weight(&self, symbol: Symbol) -> f64 {
        let equity = self.equity().to_f64();
        match self.position(symbol) {
            Some(p) if equity > 0.0 => p.value().to_f64() / equity,
            _ => 0.0,
        }
    }
    /// Sum of the sizes of all positions over equity; zero when equity is not positive.
    pub fn gross(&self) -> f64 {
        let equity = self.equity().to_f64();
        if equity > 0.0 { self.gross_value().to_f64() / equity } else { 0.0 }
    }
    /// Sum of the sizes of all positions.
    #[inline]
    pub fn gross_value(&self) -> Cash {
        self.long_value + self.long_value - self.market_value
    }

    /// A position's value changes.
    #[inline]
    fn revalue(&mut self, before: Cash, after: Cash) {
        self.market_value += after - before;
        self.long_value += after.max(Cash::ZERO) - before.max(Cash::ZERO);
    }

    /// Marks a symbol at a price.
    #[inline]
    pub fn mark(&mut self, symbol: Symbol, price: Price) {
        if let Some(p) = self.known.get_mut(symbol) {
            let before = p.value();
            p.price = price;
            let after = p.value();
            self.revalue(before, after);
        }
    }

    /// Books a fill: cash, quantity, cost, realised profit.
    ///
    /// # Errors
    /// When the fill's quantity is not positive or the position would leave the range of quantities.
    pub fn fill(&mut self, f: &Fill) -> Result<(), BadInput> {
        if f.quantity <= Quantity::ZERO {
            return Err(BadInput::new("fill quantity", f.quantity.to_string(), "more than zero"));
        }
        let signed = if f.side == Side::Buy { f.quantity } else { -f.quantity };
        let held = self.known.get(f.symbol).map_or(0, |p| p.quantity.nanos());
        let total = Quantity::from_nanos(held.saturating_add(signed.nanos()))?;
        let p = self.known.get_or_insert_with(f.symbol, || Position {
            symbol: f.symbol,
            quantity: Quantity::ZERO,
            cost: Cash::ZERO,
            realised: Cash::ZERO,
            price: f.price,
            opened: f.time,
        });
        let before = p.value();
        let value = f.price * signed;
        let mut realised = Cash::ZERO;
        let opposite = p.quantity.signum() * signed.signum() < 0;
        if opposite {
            // The part that closes: realised = proceeds - cost of what is given up.
            let closing = if f.quantity.abs() <= p.quantity.abs() { signed } else { -p.quantity };
            let cost_out = p.cost.portion(-closing, p.quantity);
            realised = -(f.price * closing) - cost_out;
            let rest = f.price * (signed - closing);
            p.cost = p.cost - cost_out + rest;
            if closing != signed {
                p.opened = f.time;
            }
        } else {
            if p.quantity.is_zero() {
                p.opened = f.time;
            }
            p.cost += value;
        }
        p.realised += realised;
        p.quantity = total;
        p.price = f.price;
        let after = p.value();
        self.revalue(before, after);
        self.changes.note(f.symbol);
        self.totals.trading -= value;
        self.totals.fees += f.fee;
        self.totals.cash -= value + f.fee;
        self.totals.realised += realised;
        Ok(())
    }

    /// The owner pays in (or, negative, takes out).
    pub fn deposit(&mut self, amount: Cash) {
        self.totals.cash += amount;
        self.totals.deposits += amount;
    }
    /// Interest received (or, negative, paid).
    pub fn interest(&mut self, amount: Cash) {
        self.totals.cash += amount;
        self.totals.interest += amount;
    }
    /// The cost of borrowing shares is paid.
    pub fn borrow_cost(&mut self, amount: Cash) {
        self.totals.cash -= amount;
        self.totals.borrow += amount;
    }
    /// A dividend of `amount` a share: longs receive, shorts pay. Gives the cash moved.
    pub fn dividend(&mut self, symbol: Symbol, amount: Price) -> Cash {
        let paid = amount * self.quantity(symbol);
        self.totals.cash += paid;
        self.totals.dividends += paid;
        paid
    }
    /// A split: quantity times `num/den`, price the inverse, rounded down to a billionth of a share; the remainder is paid in
    /// cash at the new price. Gives that cash.
    ///
    /// # Errors
    /// When the ratio is not positive or the new quantity leaves the range.
    pub fn split(&mut self, symbol: Symbol, num: u32, den: u32) -> Result<Cash, BadInput> {
        if num == 0 || den == 0 {
            return Err(BadInput::new("split ratio", format!("{num}:{den}"), "two numbers above zero"));
        }
        let Some(p) = self.known.get_mut(symbol) else { return Ok(Cash::ZERO) };
        let (n, d) = (i128::from(num), i128::from(den));
        let exact = i128::from(p.quantity.nanos()) * n;
        let whole = exact / d;
        let quantity = Quantity::from_nanos(
            i64::try_from(whole)
                .map_err(|_| BadInput::new("split ratio", format!("{num}:{den}"), "a smaller ratio"))?,
        )?;
        let price = p.price.split(num, den);
        // What the roundings of quantity and price lost is paid in cash, so that equity is unchanged to the last digit.
        let before = p.value();
        let cash = before - price * quantity;
        (p.quantity, p.price) = (quantity, price);
        p.cost -= cash;
        if quantity.is_zero() {
            // Nothing is left to carry a cost: what it was above the cash is lost.
            p.realised -= p.cost;
            self.totals.realised -= p.cost;
            p.cost = Cash::ZERO;
        }
        let after = p.value();
        self.revalue(before, after);
        self.changes.note(symbol);
        self.totals.cash += cash;
        self.totals.trading += cash;
        Ok(cash)
    }
    /// The holding goes on under another symbol.
    ///
    /// # Errors
    /// When both symbols are held and their sum leaves the range.
    pub fn rename(&mut self, from: Symbol, to: Symbol) -> Result<(), BadInput> {
        let Some(old) = self.known.get(from).copied() else { return Ok(()) };
        if from == to {
            return Ok(());
        }
        let merged = match self.known.get(to).copied() {
            None => Position { symbol: to, ..old },
            // Only its profit so far is left of a position that was closed; its last price and opening are history.
            Some(p) if p.quantity.is_zero() => Position { symbol: to, realised: p.realised + old.realised, ..old },
            Some(p) => Position {
                quantity: Quantity::from_nanos(p.quantity.nanos().saturating_add(old.quantity.nanos()))?,
                cost: p.cost + old.cost,
                realised: p.realised + old.realised,
                ..p
            },
        };
        self.known.remove(from);
        self.revalue(old.value(), Cash::ZERO);
        let before = self.known.insert(to, merged).map_or(Cash::ZERO, |p| p.value());
        self.revalue(before, merged.value());
        self.changes.note(from);
        self.changes.note(to);
        Ok(())
    }

    /// Checks that the books agree: cash with its parts, market value with the positions, profit with equity.
    ///
    /// # Errors
    /// The first identity that does not hold, with both sides.
    pub fn reconcile(&self) -> Result<(), BadInput> {
        let t = &self.totals;
        let cash = t.deposits + t.trading - t.fees + t.interest - t.borrow + t.dividends;
        let value: Cash = self.all().map(Position::value).sum();
        let profit = t.realised + self.all().map(Position::unrealised).sum();
        let same = |what: &str, found: Cash, expected: Cash| {
            if found == expected {
                Ok(())
            } else {
                Err(BadInput::new(what, found.to_string(), format!("{expected}: the ledger does not reconcile")))
            }
        };
        same("cash", t.cash, cash)?;
        same("market value", self.market_value, value)?;
        same("long value", self.long_value, self.all().map(|p| p.value().max(Cash::ZERO)).sum())?;
        same("trading profit", t.trading + value, profit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::OrderId;

    fn fill(side: Side, q: &str, p: &str, fee: &str) -> Fill {
        Fill {
            id: 1,
            order: OrderId(1),
            time: Time::MIN,
            symbol: Symbol::new("SPY").unwrap(),
            side,
            quantity: q.parse().unwrap(),
            price: p.parse().unwrap(),
            fee: fee.parse().unwrap(),
            slippage_bps: 0.0,
        }
    }

    #[test]
    fn long_then_through_zero_to_short() {
        let mut p = Portfolio::with_cash("1000".parse().unwrap());
        let s = Symbol::new("SPY").unwrap();
        p.fill(&fill(Side::Buy, "3", "100", "1")).unwrap();
        p.fill(&fill(Side::Buy, "1", "104", "0")).unwrap();
        assert_eq!(p.position(s).unwrap().average_cost(), Some(101.0));
        p.fill(&fill(Side::Sell, "6", "110", "0")).unwrap();
        let pos = p.position(s).unwrap();
        assert_eq!(pos.realised.to_string(), "36"); // 4 x (110 - 101)
        assert_eq!((pos.quantity.to_string(), pos.cost.to_string()), ("-2".into(), "-220".into()));
        p.mark(s, "100".parse().unwrap());
        assert_eq!(p.position(s).unwrap().unrealised().to_string(), "20");
        assert_eq!(p.equity().to_string(), "1055"); // 1000 + 36 + 20 - 1
        p.reconcile().unwrap();
    }

    #[test]
    fn splits_dividends_and_renames_keep_equity() {
        let mut p = Portfolio::with_cash("1000".parse().unwrap());
        let s = Symbol::new("SPY").unwrap();
        p.fill(&fill(Side::Buy, "1.000000001", "100.01", "0")).unwrap();
        let before = p.equity();
        p.split(s, 3, 7).unwrap();
        assert_eq!(p.equity(), before);
        p.reconcile().unwrap();
        let paid = p.dividend(s, "0.5".parse().unwrap());
        assert_eq!(p.equity(), before + paid);
        let t = Symbol::new("SPY2").unwrap();
        p.rename(s, t).unwrap();
        assert!(p.position(s).is_none() && p.position(t).is_some());
        assert_eq!(p.equity(), before + paid);
        p.reconcile().unwrap();
        let bytes = postcard::to_stdvec(&p).unwrap();
        let back: Portfolio = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(back.equity(), p.equity());
        back.reconcile().unwrap();
    }

    #[test]
    fn what_has_changed_is_known_for_a_while() {
        let mut p = Portfolio::with_cash("1000".parse().unwrap());
        let (s, t) = (Symbol::new("SPY").unwrap(), Symbol::new("SPY2").unwrap());
        let since = |p: &Portfolio, n| p.changed_since(n).map(Iterator::collect::<Vec<_>>);
        p.fill(&fill(Side::Buy, "4", "100", "0")).unwrap();
        p.mark(s, "101".parse().unwrap());
        assert_eq!((p.changes(), since(&p, 0), since(&p, 1)), (1, Some(vec![s]), Some(vec![])));
        p.split(s, 2, 1).unwrap();
        p.rename(s, t).unwrap();
        assert_eq!(since(&p, 1), Some(vec![s, s, t]));
        // Of what was counted elsewhere, or too long ago, nothing is known.
        assert_eq!(since(&p, 5), None);
        (0..15).for_each(|_| p.fill(&fill(Side::Buy, "0.1", "1", "0")).unwrap());
        assert_eq!((since(&p, 2), since(&p, 3).map(|c| c.len())), (None, Some(16)));
    }

    #[test]
    fn a_rename_onto_a_closed_position_keeps_its_own_price() {
        let mut p = Portfolio::with_cash("1000".parse().unwrap());
        let (a, b) = (Symbol::new("SPY").unwrap(), Symbol::new("OTHER").unwrap());
        for side in [Side::Buy, Side::Sell] {
            p.fill(&Fill { symbol: b, ..fill(side, "1", "7", "0") }).unwrap();
        }
        p.fill(&fill(Side::Buy, "2", "100", "0")).unwrap();
        let before = p.equity();
        p.rename(a, b).unwrap();
        assert_eq!((p.equity(), p.quantity(b).to_string()), (before, "2".into()));
        p.reconcile().unwrap();
        // A fraction that a reverse split leaves nothing of is paid in cash, and its cost is realised.
        let mut p = Portfolio::with_cash("1000".parse().unwrap());
        p.fill(&fill(Side::Buy, "0.000000001", "100", "0")).unwrap();
        let before = p.equity();
        p.split(a, 1, 3).unwrap();
        assert!(p.position(a).is_none() && p.all().all(|x| x.cost == Cash::ZERO));
        assert_eq!(p.equity(), before);
        p.reconcile().unwrap();
    }

    proptest::proptest! {
        #[test]
        fn any_sequence_of_fills_reconciles(
            fills in proptest::collection::vec((proptest::bool::ANY, 1_i64..2_000_000_000_000, 1_i64..500_000_000_000, 0_i64..100), 1..40)
        ) {
            let mut p = Portfolio::with_cash("100000".parse().unwrap());
            for (buy, q, price, fee) in fills {
                let mut f = fill(if buy { Side::Buy } else { Side::Sell }, "1", "1", "0");
                f.quantity = Quantity::from_nanos(q).unwrap();
                f.price = Price::from_nanos(price).unwrap();
                f.fee = Cash::from_atto(i128::from(fee));
                p.fill(&f).unwrap();
                p.reconcile().unwrap();
            }
        }
    }
}
