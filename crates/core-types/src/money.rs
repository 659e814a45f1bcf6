//! What is owned is exact: prices and quantities have nine decimals, their product eighteen, so no multiplication rounds.

use std::fmt;
use std::iter::Sum;
use std::num::NonZeroI64;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::BadInput;

const NANO: i64 = 1_000_000_000;
const CASH_SCALE: i128 = 1_000_000_000_000_000_000;
/// Prices and quantities stay below this (1e9), so that sums of products stay far below the range of 128 bits.
const LIMIT: i64 = NANO * NANO;

/// A positive price in dollars, exact to nine decimals, at most 1e9.
///
/// ```
/// use tradewind_core_types::{Cash, Price, Quantity};
/// let p: Price = "195.587".parse()?;
/// let q: Quantity = "21.4".parse()?;
/// assert_eq!((p * q).to_string(), "4185.5618");
/// assert!(Price::from_f64(-1.0).is_err());
/// # Ok::<(), tradewind_core_types::BadInput>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(NonZeroI64);

/// A signed number of shares or contracts, exact to nine decimals, at most 1e9 in size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(i64);

/// A signed amount of dollars, exact to eighteen decimals: the product of a price and a quantity without rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cash(i128);

impl Price {
    /// From billionths of a dollar.
    ///
    /// # Errors
    /// Unless 0 < n <= 1e18.
    #[inline]
    pub fn from_nanos(n: i64) -> Result<Self, BadInput> {
        match NonZeroI64::new(n) {
            Some(v) if n > 0 && n <= LIMIT => Ok(Self(v)),
            _ => Err(BadInput::new("price", format!("{}", n as f64 / NANO as f64), "0 < price <= 1e9")),
        }
    }
    /// The nearest price with nine decimals.
    ///
    /// # Errors
    /// When not finite, not positive, above 1e9, or so small that it rounds to zero.
    pub fn from_f64(x: f64) -> Result<Self, BadInput> {
        let n = to_nanos(x).ok_or_else(|| BadInput::new("price", x.to_string(), "a finite price, 0 < price <= 1e9"))?;
        Self::from_nanos(n)
    }
    /// Billionths of a dollar.
    #[inline]
    pub const fn nanos(self) -> i64 {
        self.0.get()
    }
    /// As a float, for estimates only.
    #[inline]
    pub fn to_f64(self) -> f64 {
        self.nanos() as f64 / NANO as f64
    }
    /// How many billionths of a share this many dollars pay for at this price, rounded towards zero and kept within the range of quantities.
    pub fn bought_with(self, dollars: Cash) -> Quantity {
        let n = dollars.0 / i128::from(self.nanos());
        Quantity(n.clamp(-i128::from(LIMIT), i128::from(LIMIT)) as i64)
    }
    /// After a split of `num` new shares for `den` old ones: the price times `den / num`, rounded down to a billionth of a dollar and
    /// kept within the range of prices. Unchanged when either is zero.
    #[must_use]
    pub fn split(self, num: u32, den: u32) -> Self {
        if num == 0 || den == 0 {
            return self;
        }
        let exact = i128::from(self.nanos()) * i128::from(den) / i128::from(num);
        NonZeroI64::new(exact.clamp(1, i128::from(LIMIT)) as i64).map_or(self, Self)
    }
}

impl Price {
    /// Rounded up or down to what US exchanges take: whole cents from a dollar on, hundredths of a cent below; `None` when nothing is left of it.
    pub fn to_tick(self, up: bool) -> Option<Self> {
        let tick = if self.nanos() >= NANO { NANO / 100 } else { NANO / 10_000 };
        let below = self.nanos() - self.nanos() % tick;
        let rounded = if up && below < self.nanos() { below + tick } else { below };
        Self::from_nanos(rounded).ok()
    }
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity(0);

    /// From billionths of a share.
    ///
    /// # Errors
    /// When larger than 1e9 shares in size.
    pub fn from_nanos(n: i64) -> Result<Self, BadInput> {
        if (-LIMIT..=LIMIT).contains(&n) {
            Ok(Self(n))
        } else {
            Err(BadInput::new("quantity", format!("{}", n as f64 / NANO as f64), "|quantity| <= 1e9"))
        }
    }
    /// The nearest quantity with nine decimals.
    ///
    /// # Errors
    /// When not finite or larger than 1e9 in size.
    pub fn from_f64(x: f64) -> Result<Self, BadInput> {
        let n = to_nanos(x).ok_or_else(|| BadInput::new("quantity", x.to_string(), "a finite |quantity| <= 1e9"))?;
        Self::from_nanos(n)
    }
    /// Billionths of a share.
    #[inline]
    pub const fn nanos(self) -> i64 {
        self.0
    }
    /// As a float, for estimates only.
    #[inline]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / NANO as f64
    }
    /// Whether there is nothing.
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
    /// The size without sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }
    /// -1, 0 or 1.
    pub const fn signum(self) -> i64 {
        self.0.signum()
    }
    /// Towards zero to a multiple of `lot` (unchanged when the lot is not positive).
    #[must_use]
    pub const fn round_to_lot(self, lot: Quantity) -> Self {
        if lot.0 > 0 { Self(self.0 - self.0 % lot.0) } else { self }
    }
}

impl Cash {
    /// Nothing.
    pub const ZERO: Cash = Cash(0);

    /// From units of 1e-18 dollars.
    #[inline]
    pub const fn from_atto(n: i128) -> Self {
        Self(n)
    }
    /// Units of 1e-18 dollars.
    #[inline]
    pub const fn atto(self) -> i128 {
        self.0
    }
    /// The nearest amount with nine decimals.
    ///
    /// # Errors
    /// When not finite or above 1e15 in size.
    pub fn from_f64(x: f64) -> Result<Self, BadInput> {
        if x.is_finite() && x.abs() <= 1e15 {
            Ok(Self((x * 1e9).round() as i128 * i128::from(NANO)))
        } else {
            Err(BadInput::new("cash", x.to_string(), "a finite amount, at most 1e15"))
        }
    }
    /// As a float, for estimates only.
    #[inline]
    pub fn to_f64(self) -> f64 {
        // Whole dollars and the rest apart: neither rounds on its way to a float below 2^53 dollars.
        const FIFTHS: u64 = 5_u64.pow(18);
        let size = self.0.unsigned_abs();
        // A dollar is 2^18 * 5^18 units: up to 4.8 million dollars 64 bits do, which are much faster.
        let x = match u64::try_from(size >> 18) {
            Ok(n) => {
                let rest = ((n % FIFTHS) << 18) | (size as u64 & 0x3_FFFF);
                (n / FIFTHS) as f64 + rest as f64 / CASH_SCALE as f64
            }
            Err(_) => (size / CASH_SCALE as u128) as f64 + (size % CASH_SCALE as u128) as f64 / CASH_SCALE as f64,
        };
        if self.0 < 0 { -x } else { x }
    }
    /// Away from zero to whole cents: how brokers charge fees.
    #[must_use]
    pub fn ceil_cents(self) -> Self {
        let cent = CASH_SCALE / 100;
        let rest = self.0 % cent;
        if rest == 0 { self } else { Self(self.0 - rest + rest.signum() * cent) }
    }
    /// The part `num / den` of this amount, towards zero, without overflow; `den` must not be zero (then it is zero).
    #[must_use]
    pub fn portion(self, num: Quantity, den: Quantity) -> Self {
        let (n, d) = (i128::from(num.0), i128::from(den.0));
        if n == d || d == 0 {
            return if d == 0 { Self(0) } else { self };
        }
        // (q d + r) n / d = q n + r n / d; |r n| < 1e36.
        Self((self.0 / d).saturating_mul(n).saturating_add(self.0 % d * n / d))
    }
    /// The sum, or `None` on overflow.
    pub fn checked_add(self, o: Self) -> Option<Self> {
        self.0.checked_add(o.0).map(Self)
    }
}

/// Nearest integer number of billionths, when it fits.
fn to_nanos(x: f64) -> Option<i64> {
    let n = (x * NANO as f64).round();
    (n.is_finite() && n.abs() <= LIMIT as f64).then_some(n as i64)
}

impl std::ops::Mul<Quantity> for Price {
    type Output = Cash;
    #[inline]
    fn mul(self, q: Quantity) -> Cash {
        Cash(i128::from(self.nanos()) * i128::from(q.0))
    }
}

macro_rules! additive {
    ($t:ident) => {
        impl Add for $t {
            type Output = $t;
            #[inline]
            fn add(self, o: $t) -> $t {
                $t(self.0.saturating_add(o.0))
            }
        }
        impl Sub for $t {
            type Output = $t;
            #[inline]
            fn sub(self, o: $t) -> $t {
                $t(self.0.saturating_sub(o.0))
            }
        }
        impl AddAssign for $t {
            #[inline]
            fn add_assign(&mut self, o: $t) {
                *self = *self + o;
            }
        }
        impl SubAssign for $t {
            #[inline]
            fn sub_assign(&mut self, o: $t) {
                *self = *self - o;
            }
        }
        impl Neg for $t {
            type Output = $t;
            #[inline]
            fn neg(self) -> $t {
                $t(self.0.saturating_neg())
            }
        }
        impl Sum for $t {
            fn sum<I: Iterator<Item = $t>>(it: I) -> $t {
                it.fold($t(0), |a, b| a + b)
            }
        }
    };
}
additive!(Quantity);
additive!(Cash);

/// Writes `n / 10^decimals` without trailing zeros.
fn write_fixed(f: &mut fmt::Formatter<'_>, n: i128, decimals: usize) -> fmt::Result {
    let scale = 10_u128.pow(decimals as u32);
    let (int, frac) = (n.unsigned_abs() / scale, n.unsigned_abs() % scale);
    let mut s = format!("{}{int}", if n < 0 { "-" } else { "" });
    if frac != 0 {
        let digits = format!("{frac:0decimals$}");
        s.push('.');
        s.push_str(digits.trim_end_matches('0'));
    }
    f.pad(&s)
}

/// Reads a plain decimal (`-12.34`, no exponent) as an integer number of `10^-decimals`.
fn parse_fixed(s: &str, decimals: usize) -> Option<i128> {
    let (neg, body) = match s.strip_prefix('-') {
        Some(b) => (true, b),
        None => (false, s),
    };
    let (int, frac) = body.split_once('.').unwrap_or((body, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if int.is_empty() && frac.is_empty() || !digits(int) || !digits(frac) || frac.len() > decimals {
        return None;
    }
    let mut n: i128 = if int.is_empty() { 0 } else { int.parse().ok()? };
    n = n.checked_mul(10_i128.pow(decimals as u32))?;
    if !frac.is_empty() {
        n = n.checked_add(frac.parse::<i128>().ok()? * 10_i128.pow((decimals - frac.len()) as u32))?;
    }
    Some(if neg { -n } else { n })
}

macro_rules! textual {
    ($t:ident, $int:ty, $dec:expr, $what:expr, $get:expr, $make:expr, $float:expr) => {
        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_fixed(f, $get(*self) as i128, $dec)
            }
        }
        impl FromStr for $t {
            type Err = BadInput;
            fn from_str(s: &str) -> Result<Self, BadInput> {
                let n = parse_fixed(s, $dec).ok_or_else(|| {
                    BadInput::new($what, s, concat!("a decimal number with at most ", $dec, " decimals"))
                })?;
                <$int>::try_from(n).map_err(|_| BadInput::new($what, s, "a smaller number")).and_then($make)
            }
        }
        impl Serialize for $t {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                if s.is_human_readable() { s.collect_str(self) } else { <$int>::serialize(&$get(*self), s) }
            }
        }
        impl<'de> Deserialize<'de> for $t {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                if !d.is_human_readable() {
                    return $make(<$int>::deserialize(d)?).map_err(de::Error::custom);
                }
                #[derive(Deserialize)]
                #[serde(untagged)]
                enum Raw {
                    Text(String),
                    Number(f64),
                }
                match Raw::deserialize(d)? {
                    Raw::Text(s) => s.parse().map_err(de::Error::custom),
                    Raw::Number(x) => $float(x).map_err(de::Error::custom),
                }
            }
        }
    };
}
textual!(Price, i64, 9, "price", |p: Price| p.nanos(), Price::from_nanos, Price::from_f64);
textual!(Quantity, i64, 9, "quantity", |q: Quantity| q.0, Quantity::from_nanos, Quantity::from_f64);
textual!(Cash, i128, 18, "cash", |c: Cash| c.0, |n: i128| Ok::<_, BadInput>(Cash(n)), Cash::from_f64);

#[cfg(test)]
mod tick_tests {
    use super::*;

    #[test]
    fn prices_in_ticks_and_dollars_in_shares() {
        let p = |s: &str| s.parse::<Price>().unwrap();
        let tick = |s: &str, up| p(s).to_tick(up).map(|x| x.to_string());
        assert_eq!((tick("10.005", true), tick("10.005", false)), (Some("10.01".into()), Some("10".into())));
        assert_eq!((tick("10.01", true), tick("10.01", false)), (Some("10.01".into()), Some("10.01".into())));
        assert_eq!((tick("0.12341", true), tick("0.12349", false)), (Some("0.1235".into()), Some("0.1234".into())));
        assert_eq!((tick("0.00009", false), tick("0.00009", true)), (None, Some("0.0001".into())));
        let buys = |price: &str, dollars: &str| p(price).bought_with(dollars.parse().unwrap()).to_string();
        assert_eq!(buys("3", "10"), "3.333333333");
        assert_eq!((buys("0.01", "0"), buys("1000000000", "0.5")), ("0".into(), "0".into()));
        assert_eq!((buys("0.000000001", "5"), buys("0.000000001", "-5")), ("1000000000".into(), "-1000000000".into()));
        let (price, amount): (Price, Cash) = (p("7.77"), "100".parse().unwrap());
        let bought = price.bought_with(amount);
        assert!(price * bought <= amount && price * (bought + "0.000000001".parse().unwrap()) > amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_exact() {
        let p: Price = "0.000000001".parse().unwrap();
        let q: Quantity = "0.000000001".parse().unwrap();
        assert_eq!(p * q, Cash::from_atto(1));
        let p = Price::from_f64(187.27).unwrap();
        assert_eq!(p.nanos(), 187_270_000_000);
        assert_eq!((p * "-21.4".parse().unwrap()).to_string(), "-4007.578");
    }

    #[test]
    fn bad_numbers_are_refused() {
        for x in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e10, 1e-12] {
            assert!(Price::from_f64(x).is_err(), "{x}");
        }
        for s in ["", ".", "-", "1e5", "1.0000000001", "nan", "1,5", "--1"] {
            assert!(s.parse::<Quantity>().is_err(), "{s}");
        }
        assert!(Quantity::from_f64(f64::NAN).is_err());
    }

    #[test]
    fn portions_sum_to_the_whole() {
        let cost: Cash = "123456789.123456789123456789".parse().unwrap();
        let held: Quantity = "1000000.000000007".parse().unwrap();
        let sold: Quantity = "333333.333333333".parse().unwrap();
        let part = cost.portion(sold, held);
        assert_eq!(part + (cost - part), cost);
        assert!((part.to_f64() / cost.to_f64() - sold.to_f64() / held.to_f64()).abs() < 1e-15);
        assert_eq!(cost.portion(held, held), cost);
    }

    #[test]
    fn round_amounts_are_exact_as_floats() {
        for x in [0.0, 100_000.0, -123_456_789.0, 0.5, -0.25] {
            assert_eq!(Cash::from_f64(x).unwrap().to_f64(), x);
        }
        // On both sides of the amount from which on 128 bits are needed.
        for cents in (483_570_000..483_571_000).step_by(7) {
            for n in [i128::from(cents), -i128::from(cents)] {
                let cash = Cash(n * CASH_SCALE / 100 + 1);
                let (whole, rest) = (cash.0 / CASH_SCALE, cash.0 % CASH_SCALE);
                assert_eq!(cash.to_f64(), whole as f64 + rest as f64 / CASH_SCALE as f64, "{cash}");
            }
        }
    }

    #[test]
    fn cents_round_away_from_zero() {
        let c = |s: &str| s.parse::<Cash>().unwrap();
        assert_eq!(c("0.0101").ceil_cents(), c("0.02"));
        assert_eq!(c("0.01").ceil_cents(), c("0.01"));
        assert_eq!(c("-0.0101").ceil_cents(), c("-0.02"));
    }

    proptest::proptest! {
        #[test]
        fn text_round_trips(n in -LIMIT..=LIMIT) {
            let q = Quantity(n);
            proptest::prop_assert_eq!(q.to_string().parse::<Quantity>().unwrap(), q);
            let bin = postcard::to_stdvec(&q).unwrap();
            proptest::prop_assert_eq!(postcard::from_bytes::<Quantity>(&bin).unwrap(), q);
        }
    }
}
