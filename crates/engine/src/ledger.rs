//! The books: every entry changes the portfolio and the hash, and the books always reconcile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tradewind_core_types::{
    BadInput, Cash, CorporateAction, Fill, Invalid, LedgerHash, OrderId, Portfolio, Price, Quantity, Side, Span,
    Symbol, Time,
};

/// One line of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// The owner pays in or takes out.
    Deposit(Cash),
    /// A fill.
    Fill(Fill),
    /// Interest received (or paid) on cash.
    Interest(Cash),
    /// Paid to borrow shares.
    Borrow(Cash),
    /// A corporate action on a symbol.
    Action(Symbol, CorporateAction),
    /// The books at a session close: cash and equity.
    Close(Cash, Cash),
}

/// Interest and borrow rates, annual decimals, accrued on calendar days / 360 at each session close.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Received on positive cash, -0.1 to 1.
    pub cash: f64,
    /// Paid on negative cash, 0 to 1.
    pub margin: f64,
    /// Paid on the value of shorts, 0 to 10.
    pub borrow: f64,
}

impl Rates {
    /// Checks ranges.
    ///
    /// # Errors
    /// All violations.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        bad.require((-0.1..=1.0).contains(&self.cash), "cash", self.cash, "-0.1 to 1");
        bad.require((0.0..=1.0).contains(&self.margin), "margin", self.margin, "0 to 1");
        bad.require((0.0..=10.0).contains(&self.borrow), "borrow", self.borrow, "0 to 10");
        bad.into_result(())
    }
}

/// What interest and borrow are counted on: the books as the last session left them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Overnight {
    /// Days since 1970.
    day: i64,
    cash: Cash,
    /// The value of all shorts, positive.
    short: Cash,
}

/// Portfolio, hash and the fills already booked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    portfolio: Portfolio,
    hash: LedgerHash,
    rates: Rates,
    overnight: Option<Overnight>,
    entries: u64,
    /// How many fills are booked.
    fills: u64,
    /// The hash at the last session close, once there was one.
    closed: Option<LedgerHash>,
}

impl Ledger {
    /// Books that begin with a deposit.
    pub fn new(time: Time, cash: Cash, rates: Rates) -> Self {
        let mut l = Self { rates, ..Self::default() };
        l.portfolio.deposit(cash);
        l.chain(time, &Entry::Deposit(cash));
        l
    }
    /// What is owned.
    #[inline]
    pub fn portfolio(&self) -> &Portfolio {
        &self.portfolio
    }
    /// The hash so far.
    pub fn hash(&self) -> LedgerHash {
        self.hash
    }
    /// The hash at the last session close, once there was one.
    pub fn closed(&self) -> Option<LedgerHash> {
        self.closed
    }
    /// How many entries there are.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    fn chain(&mut self, time: Time, entry: &Entry) {
        let mut buffer = [0_u8; 256];
        let mut h = Sha256::new();
        h.update(self.hash.0);
        h.update(time.nanos().to_le_bytes());
        match postcard::to_slice(entry, &mut buffer) {
            Ok(bytes) => h.update(&*bytes),
            // No entry is that long; were one to be, its text would be hashed instead.
            Err(_) => h.update(format!("{entry:?}")),
        }
        self.hash = LedgerHash(h.finalize().into());
        self.entries += 1;
    }

    /// Marks a symbol at a price.
    #[inline]
    pub fn mark(&mut self, symbol: Symbol, price: Price) {
        self.portfolio.mark(symbol, price);
    }

    /// The number that the next fill gets.
    pub fn next_fill(&self) -> u64 {
        self.fills + 1
    }

    /// Books a fill, which carries [`Ledger::next_fill`] as its number. It may have happened before it is `booked`, which is the time of the entry: so
    /// the times of the entries do not go back.
    ///
    /// # Errors
    /// When the fill cannot be booked, or its number is not the next one.
    pub fn fill(&mut self, f: &Fill, booked: Time) -> Result<(), BadInput> {
        if f.id != self.next_fill() {
            return Err(BadInput::new("number of a fill", f.id.to_string(), self.next_fill().to_string()));
        }
        self.portfolio.fill(f)?;
        self.fills = f.id;
        self.chain(booked, &Entry::Fill(*f));
        Ok(())
    }

    /// The owner pays in or, negative, takes out.
    pub fn deposit(&mut self, time: Time, amount: Cash) {
        self.portfolio.deposit(amount);
        self.chain(time, &Entry::Deposit(amount));
    }

    /// Books a corporate action on what is held; gives the payout of a delisting.
    ///
    /// # Errors
    /// When it cannot be booked.
    pub fn action(&mut self, time: Time, symbol: Symbol, action: CorporateAction) -> Result<Option<Fill>, BadInput> {
        let Some(held) = self.portfolio.position(symbol).copied() else { return Ok(None) };
        let mut payout = None;
        match action {
            CorporateAction::Halt { .. } => return Ok(None),
            CorporateAction::Split { numerator, denominator } => {
                self.portfolio.split(symbol, numerator, denominator)?;
            }
            CorporateAction::Dividend { amount } => {
                self.portfolio.dividend(symbol, amount);
            }
            CorporateAction::SymbolChange { to } => self.portfolio.rename(symbol, to)?,
            CorporateAction::Delisting { price } => {
                // Paid out at the final price, or written off at the smallest price there is.
                let price = match price {
                    Some(p) => p,
                    None => Price::from_nanos(1)?,
                };
                let fill = Fill {
                    id: self.next_fill(),
                    order: OrderId(0),
                    time,
                    symbol,
                    side: if held.quantity > Quantity::ZERO { Side::Sell } else { Side::Buy },
                    quantity: held.quantity.abs(),
                    price,
                    fee: Cash::ZERO,
                    slippage_bps: 0.0,
                };
                self.portfolio.fill(&fill)?;
                self.fills = fill.id;
                payout = Some(fill);
            }
        }
        self.chain(time, &Entry::Action(symbol, action));
        Ok(payout)
    }

    /// Closes a session: accrues interest and borrow cost, checks that the books reconcile, and hashes them.
    ///
    /// Both are counted by calendar days (in UTC, a year has 360 of them) on cash and shorts as the session before left them: whoever sells short at one
    /// close and buys back at the third after it pays for the nights between. A trade within a session neither pays nor earns.
    ///
    /// # Errors
    /// When the books do not reconcile.
    pub fn close(&mut self, time: Time) -> Result<(), BadInput> {
        let day = time.nanos().div_euclid(Span::DAY.nanos());
        let before = self.overnight.unwrap_or(Overnight { day, ..Overnight::default() });
        if day > before.day {
            let days = (day - before.day) as f64;
            let cash = before.cash.to_f64();
            let rate = if cash >= 0.0 { self.rates.cash } else { self.rates.margin };
            if rate != 0.0 && cash != 0.0 {
                let amount = Cash::from_f64(cash * rate * days / 360.0)?;
                self.portfolio.interest(amount);
                self.chain(time, &Entry::Interest(amount));
            }
            let short = before.short.to_f64();
            if self.rates.borrow > 0.0 && short > 0.0 {
                let amount = Cash::from_f64(short * self.rates.borrow * days / 360.0)?;
                self.portfolio.borrow_cost(amount);
                self.chain(time, &Entry::Borrow(amount));
            }
        }
        let short = self.portfolio.positions().map(|p| -p.value()).filter(|v| *v > Cash::ZERO).sum();
        self.overnight = Some(Overnight { day, cash: self.portfolio.cash(), short });
        self.portfolio.reconcile()?;
        self.chain(time, &Entry::Close(self.portfolio.cash(), self.portfolio.equity()));
        self.closed = Some(self.hash);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i64) -> Time {
        Time::from_nanos(0).plus(Span::from_days(n))
    }
    fn fill(id: u64, side: Side, quantity: &str, price: &str) -> Fill {
        Fill {
            id,
            order: OrderId(id),
            time: day(1),
            symbol: Symbol::new("SPY").unwrap(),
            side,
            quantity: quantity.parse().unwrap(),
            price: price.parse().unwrap(),
            fee: Cash::ZERO,
            slippage_bps: 0.0,
        }
    }

    #[test]
    fn fills_are_numbered_without_gaps() {
        let mut l = Ledger::new(day(0), "1000".parse().unwrap(), Rates::default());
        l.fill(&fill(1, Side::Buy, "1", "10"), day(1)).unwrap();
        let before = l.clone();
        for wrong in [0, 1, 3] {
            assert!(l.fill(&fill(wrong, Side::Buy, "1", "10"), day(1)).is_err());
        }
        assert_eq!(l, before, "a refused fill changes nothing");
        l.fill(&fill(2, Side::Buy, "1", "10"), day(1)).unwrap();
        assert_eq!(l.portfolio().quantity(Symbol::new("SPY").unwrap()).to_string(), "2");
        l.close(day(2)).unwrap();
    }

    #[test]
    fn interest_borrow_and_actions() {
        let rates = Rates { cash: 0.036, margin: 0.072, borrow: 0.36 };
        let mut l = Ledger::new(day(0), "1000".parse().unwrap(), rates);
        l.close(day(0)).unwrap();
        l.close(day(10)).unwrap();
        assert_eq!(l.portfolio().cash().to_string(), "1001"); // 1000 x 0.036 x 10/360
        let s = Symbol::new("SPY").unwrap();
        l.fill(&fill(1, Side::Sell, "10", "10"), day(11)).unwrap();
        l.close(day(11)).unwrap();
        // Of the night before: cash 1001 x 0.036/360 = 0.1001; nothing was short.
        assert_eq!(l.portfolio().cash().to_string(), "1101.1001");
        l.action(day(11), s, CorporateAction::Dividend { amount: "0.1".parse().unwrap() }).unwrap();
        assert_eq!(l.portfolio().cash().to_string(), "1100.1001");
        let payout = l.action(day(11), s, CorporateAction::Delisting { price: None }).unwrap().unwrap();
        assert_eq!((payout.id, payout.side, payout.is_payout()), (2, Side::Buy, true));
        assert_eq!((payout.quantity.to_string(), payout.price.nanos(), l.next_fill()), ("10".into(), 1, 3));
        assert!(l.portfolio().position(s).is_none());
        l.close(day(11)).unwrap();
        let other = Ledger::new(day(0), "1000".parse().unwrap(), rates);
        assert_ne!(l.hash(), other.hash());
        let saved = postcard::to_stdvec(&l).unwrap();
        assert_eq!(postcard::from_bytes::<Ledger>(&saved).unwrap(), l);
    }

    #[test]
    fn borrow_is_paid_for_the_nights_that_a_short_was_held() {
        let rates = Rates { borrow: 0.36, ..Rates::default() };
        let mut l = Ledger::new(day(0), "1000".parse().unwrap(), rates);
        let hours = |day_: i64, h: i64| day(day_).plus(Span::from_nanos(h * 3_600_000_000_000));
        let paid = |l: &Ledger| l.portfolio().totals().borrow.to_string();
        // Sold short at the close of a Friday, at 21:00.
        l.close(hours(0, 21)).unwrap();
        l.fill(&fill(1, Side::Sell, "10", "10"), hours(1, 21)).unwrap();
        l.close(hours(1, 21)).unwrap();
        assert_eq!(paid(&l), "0", "a short opened at a close has not been held yet");
        // Three nights until Monday, whose session ends early: 100 x 0.36 x 3/360.
        l.mark(Symbol::new("SPY").unwrap(), "20".parse().unwrap());
        l.close(hours(4, 18)).unwrap();
        assert_eq!(paid(&l), "0.3");
        // A second close of the day adds nothing; the night after it is paid on what it left.
        l.close(hours(4, 21)).unwrap();
        assert_eq!(paid(&l), "0.3");
        // Bought back at the next close: the last night is paid at 200 x 0.36/360.
        l.fill(&fill(2, Side::Buy, "10", "20"), hours(5, 21)).unwrap();
        l.close(hours(5, 21)).unwrap();
        assert_eq!(paid(&l), "0.5");
        l.close(hours(6, 21)).unwrap();
        assert_eq!(paid(&l), "0.5");
    }
}
