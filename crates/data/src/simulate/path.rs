//! One symbol's simulated path. Prices are whole cents.

use tradewind_core_types::{Bar, Price, Quantity, Quote, Symbol, Trade};
use tradewind_numerics::math;

use super::SimulationSpec;
use super::random::{Random, stream_of};

const CENT: i64 = 10_000_000;
const SHARE: i64 = 1_000_000_000;
/// Paths stay between 10 cents and a million dollars.
const RANGE: (f64, f64) = (0.10, 1e6);

/// What a step of time brings to all symbols.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Return of the market.
    pub(super) market: f64,
    /// Years.
    pub(super) dt: f64,
    /// Its square root.
    pub(super) sqrt_dt: f64,
    /// Whether a bar begins.
    pub(super) first: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) symbol: Symbol,
    random: Random,
    beta: f64,
    next_jump: f64,
    price: f64,
    half_spread: f64,
    /// Shares a year.
    volume_rate: f64,
    /// Bar under way, in cents, and its volume in shares.
    open: i64,
    high: i64,
    low: i64,
    last: i64,
    volume: i64,
}

fn cents(x: f64) -> i64 {
    (x * 100.0).round() as i64
}

/// Cents as a price: paths keep them between 1 and 1e8, so the lowest price is only for a value that cannot occur.
#[inline]
fn price(cents: i64) -> Price {
    match Price::from_nanos(cents.clamp(1, 100_000_000_000) * CENT) {
        Ok(p) => p,
        Err(_) => unreachable!("1 to 1e11 cents are a price"),
    }
}

#[inline]
fn shares(n: i64) -> Quantity {
    Quantity::from_nanos(n.clamp(0, 999_999_999) * SHARE).unwrap_or(Quantity::ZERO)
}

impl Path {
    pub(super) fn new(spec: &SimulationSpec, symbol: Symbol) -> Self {
        let mut random = Random::new(spec.seed, stream_of(symbol.as_str()));
        let beta = spec.beta.0 + (spec.beta.1 - spec.beta.0) * random.uniform();
        let next_jump = random.waiting(spec.jumps_per_year);
        let volume_rate = 252e6 * (0.2 + random.uniform());
        let c = cents(spec.start_price);
        Self {
            symbol,
            random,
            beta,
            next_jump,
            price: spec.start_price,
            half_spread: 0.5e-4 * spec.spread_bp,
            volume_rate,
            open: c,
            high: c,
            low: c,
            last: c,
            volume: 0,
        }
    }

    /// The symbol's return over a step.
    #[inline]
    fn step(&mut self, spec: &SimulationSpec, s: Step) -> f64 {
        let jump = self.random.jumps(s.dt, &mut self.next_jump, spec);
        (self.beta * s.market + spec.idiosyncratic * s.sqrt_dt * self.random.normal() + jump).clamp(-0.5, 0.5)
    }

    #[inline]
    fn grow(&mut self, r: f64) {
        self.price = (self.price * (1.0 + r)).clamp(RANGE.0, RANGE.1);
    }

    /// From the close to the next open.
    pub(super) fn gap(&mut self, spec: &SimulationSpec, s: Step) {
        let r = self.step(spec, s);
        self.grow(r);
    }

    /// A whole bar at once.
    #[inline]
    pub(super) fn bar(&mut self, spec: &SimulationSpec, s: Step) -> Bar {
        let begin = self.price;
        let r = self.step(spec, s);
        self.grow(r);
        // The bridge's variance is that of the symbol's own noise plus what the market moved.
        let variance = spec.idiosyncratic * spec.idiosyncratic * s.dt + self.beta * self.beta * s.market * s.market;
        let (a, b) = (-math::ln(self.random.uniform()), -math::ln(self.random.uniform()));
        let up = 0.5 * (r + (r * r + 2.0 * variance * a).sqrt());
        let down = (0.5 * (r - (r * r + 2.0 * variance * b).sqrt())).max(-0.9);
        let (open, close) = (cents(begin), cents(self.price));
        let high = cents(begin * (1.0 + up)).max(open).max(close);
        let low = cents(begin * (1.0 + down)).min(open).min(close).max(1);
        // Volume rises with the range: the same draws.
        let volume = self.volume_rate * s.dt * (0.3 + 0.35 * (a + b));
        Bar {
            open: Some(price(open)),
            high: Some(price(high)),
            low: Some(price(low)),
            close: price(close),
            volume: Some(shares(volume as i64)),
        }
    }

    /// A tick: the price moves. Without trades it is also what the bar is made of; with them, the trades are.
    #[inline]
    pub(super) fn tick(&mut self, spec: &SimulationSpec, s: Step, trades: bool) {
        let begin = cents(self.price);
        let r = self.step(spec, s);
        self.grow(r);
        if s.first {
            (self.open, self.high, self.low, self.volume) = (begin, begin, begin, 0);
        }
        if !trades {
            self.take(cents(self.price));
        }
    }

    /// Takes a price into the bar under way.
    #[inline]
    fn take(&mut self, price: i64) {
        self.last = price;
        self.high = self.high.max(price);
        self.low = self.low.min(price);
    }

    fn touch(&self) -> (i64, i64) {
        let half = self.price * self.half_spread;
        let bid = cents(self.price - half).max(1);
        (bid, cents(self.price + half).max(bid + 1))
    }

    #[inline]
    pub(super) fn quote(&mut self) -> Quote {
        let (bid, ask) = self.touch();
        let bits = self.random.bits();
        let lots = |b: u64| shares(100 * (1 + (b % 20) as i64));
        Quote { bid: price(bid), ask: price(ask), bid_size: lots(bits), ask_size: lots(bits >> 32) }
    }

    #[inline]
    pub(super) fn trade(&mut self) -> Trade {
        let (bid, ask) = self.touch();
        let bits = self.random.bits();
        let buyer = bits >> 63 == 1;
        let size = 1 + (bits % 400) as i64;
        let paid = if buyer { ask } else { bid };
        if self.volume == 0 {
            // The bar of trades begins with the first trade.
            (self.open, self.high, self.low) = (paid, paid, paid);
        }
        self.take(paid);
        self.volume += size;
        Trade { price: price(self.last), size: shares(size), buyer: Some(buyer) }
    }

    /// The bar of the trades since it began, or of the prices when there are no trades (then its volume is unknown).
    pub(super) fn bar_of_ticks(&self) -> Bar {
        Bar {
            open: Some(price(self.open)),
            high: Some(price(self.high)),
            low: Some(price(self.low)),
            close: price(self.last),
            volume: (self.volume > 0).then(|| shares(self.volume)),
        }
    }
}
