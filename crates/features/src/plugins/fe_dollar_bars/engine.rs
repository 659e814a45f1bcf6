//! Trades in, bars out: one step for streaming and columns, in exact integers.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{BadInput, Cash, Price, Quantity, Time, Trade};

use super::bar::{Building, TradeBar};
use super::flow::Flow;
use super::{Crossing, Unit};

/// Prices and sizes are at most 1e9, in billionths.
const LIMIT: i64 = 1_000_000_000_000_000_000;
/// A trade is worth at most 1e12 dollars: more is an error of the data.
const MAX_TRADE: i128 = 1_000_000_000_000_000_000_000_000_000_000;
/// All trades together are worth at most 1e20 dollars, so that no sum leaves the range of 128 bits.
const MAX_SUM: i128 = 100_000_000_000_000_000_000_000_000_000_000_000_000;
/// Into how many bars a trade may be split.
const MAX_PARTS: i128 = 1_000_000;
const DAY: i128 = 86_400_000_000_000;
/// What [`DollarBars::ordinary`] counts: trades, shares, dollars or nothing.
pub(super) const TICK: u8 = 0;
pub(super) const VOLUME: u8 = 1;
pub(super) const DOLLAR: u8 = 2;
pub(super) const NOTHING: u8 = 3;

/// What closes a bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Closing {
    /// An amount of the unit.
    Amount(Unit, Crossing),
    /// Intervals of so many nanoseconds.
    Clock(i64),
    /// Imbalance or runs.
    Flow(Unit, Box<Flow>),
}

/// What is counted by day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Days {
    /// When a day begins, in nanoseconds after midnight UTC.
    pub starts: i64,
    /// Whether bars end with the day.
    pub breaks: bool,
    /// For adaptive targets: bars a day, and how many days are averaged.
    pub adaptive: Option<(u32, usize)>,
    /// Amounts of past days that had trades, oldest first.
    pub history: Vec<i128>,
    /// The end of the current day, once there was a trade.
    pub end: Option<i64>,
    /// Amount of all trades before the current day.
    pub before: i128,
}

/// A trade in integers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tick {
    pub time: i64,
    pub price: i64,
    pub size: i64,
    /// Who began it: 1 the buyer, -1 the seller, 0 not known.
    pub side: i8,
}

/// Sums over closed bars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Bars.
    pub bars: u64,
    /// Trades.
    pub trades: u64,
    /// Volume in billionths of a share.
    pub volume: i128,
    /// Value in 1e-18 dollars.
    pub value: i128,
}

/// Makes bars of trades: see [`super::FeDollarBarsParams`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DollarBars {
    closing: Closing,
    /// The amount that closes a bar, and what of it has been counted.
    target: i128,
    counted: i128,
    bar: Building,
    totals: Totals,
    days: Option<Days>,
    /// From when on [`DollarBars::turn`] must be called before anything else.
    boundary: i64,
    last_time: i64,
    /// 0 before the first trade.
    last_price: i64,
    sign: i8,
    /// The most bars that one trade closed.
    largest_split: u64,
}

/// The end of the interval of `step` nanoseconds, counted from `origin`, in which `now` lies.
fn interval_end(now: i64, step: i128, origin: i64) -> i64 {
    let from = i128::from(now) - i128::from(origin);
    let end = from - from.rem_euclid(step) + step + i128::from(origin);
    end.min(i128::from(i64::MAX)) as i64
}

impl DollarBars {
    pub(super) fn new(closing: Closing, target: i128, days: Option<Days>) -> Self {
        let clocked = days.is_some() || matches!(closing, Closing::Clock(_));
        Self {
            closing,
            target,
            counted: 0,
            bar: Building::EMPTY,
            totals: Totals::default(),
            days,
            boundary: if clocked { i64::MIN } else { i64::MAX },
            last_time: i64::MIN,
            last_price: 0,
            sign: 0,
            largest_split: 1,
        }
    }

    /// Takes a trade, hands every bar that it closes to `sink`, and says how many these were.
    ///
    /// # Errors
    /// For a size that is not above zero, a time before that of the last trade, or amounts beyond the range; the state is then as before.
    pub fn push(&mut self, time: Time, trade: &Trade, sink: &mut impl FnMut(&TradeBar)) -> Result<u64, BadInput> {
        let side = trade.buyer.map_or(0, |b| if b { 1 } else { -1 });
        let tick = Tick { time: time.nanos(), price: trade.price.nanos(), size: trade.size.nanos(), side };
        self.take(tick, sink)
    }

    /// Closes what ends by the clock until `now`: the interval of a time bar, or a day. When one has ended, trades before `now` are refused.
    pub fn advance(&mut self, now: Time, sink: &mut impl FnMut(&TradeBar)) -> u64 {
        if now.nanos() < self.boundary || self.boundary == i64::MIN {
            return 0;
        }
        self.last_time = self.last_time.max(now.nanos());
        self.turn(now.nanos(), sink)
    }

    /// The bar in progress.
    pub fn pending(&self) -> Option<TradeBar> {
        self.bar.get()
    }
    /// Sums over the bars closed so far: with the bar in progress they are exactly the trades taken.
    pub fn totals(&self) -> Totals {
        self.totals
    }
    /// The amount that closes a bar (dollars, shares or trades); none for bars closed by time or flow.
    pub fn target(&self) -> Option<f64> {
        match self.closing {
            Closing::Amount(unit, _) => Some(unit.to_f64(self.target)),
            _ => None,
        }
    }
    /// Expected trades of an imbalance or run bar, and what its imbalance or longer run must exceed once warmed up.
    pub fn expectation(&self) -> Option<(f64, Option<f64>)> {
        match &self.closing {
            Closing::Flow(_, f) => Some(f.expectation()),
            _ => None,
        }
    }
    /// How many bars one trade was split into at most.
    pub(super) fn largest_split(&self) -> u64 {
        self.largest_split
    }

    /// After `num` new shares for `den` old ones: the bar in progress ends (no bar holds shares of two kinds), and what is remembered in
    /// shares or prices is put on the new basis. A fixed target stays what it is.
    pub fn split(&mut self, num: u32, den: u32, sink: &mut impl FnMut(&TradeBar)) -> u64 {
        if num == 0 || den == 0 {
            return 0;
        }
        let closed = self.cut(self.last_time, sink);
        if let Ok(p) = Price::from_nanos(self.last_price) {
            self.last_price = p.split(num, den).nanos();
        }
        match &mut self.closing {
            Closing::Flow(_, f) => f.split(num, den),
            Closing::Amount(Unit::Volume, _) => {
                let scale = |x: i128| {
                    x / i128::from(den) * i128::from(num) + x % i128::from(den) * i128::from(num) / i128::from(den)
                };
                let (total, adaptive) = (self.totals.volume, self.target);
                if let Some(d) = &mut self.days {
                    d.history.iter_mut().for_each(|x| *x = scale(*x));
                    d.before = total - scale(total - d.before);
                    if !d.history.is_empty() && d.adaptive.is_some() {
                        self.target = scale(adaptive).max(1);
                    }
                }
            }
            _ => {}
        }
        closed
    }

    /// One trade. The order of the checks and sums is the same for streams and columns, which makes them agree to the last bit.
    #[inline(always)]
    pub(super) fn take(&mut self, t: Tick, sink: &mut impl FnMut(&TradeBar)) -> Result<u64, BadInput> {
        let fine = t.time >= self.last_time && 0 < t.price && t.price <= LIMIT && 0 < t.size && t.size <= LIMIT;
        let value = i128::from(t.price) * i128::from(t.size);
        if !fine || value > MAX_TRADE || self.totals.value + self.bar.value() > MAX_SUM {
            return Err(self.refusal(t));
        }
        let amount = match self.closing {
            Closing::Amount(Unit::Dollar, _) => value,
            Closing::Amount(Unit::Volume, _) => i128::from(t.size),
            Closing::Amount(Unit::Tick, _) => 1,
            _ => 0,
        };
        let mut closed = 0;
        if t.time >= self.boundary || self.counted + amount >= self.target {
            let splits = matches!(self.closing, Closing::Amount(Unit::Dollar | Unit::Volume, Crossing::Split));
            if splits && amount / self.target_at(t.time) > MAX_PARTS {
                return Err(self.refusal(t));
            }
            if t.time >= self.boundary {
                closed += self.turn(t.time, sink);
            }
        }
        // The tick rule: up is a purchase, down a sale, no change what the trade before was.
        let moved = (t.price > self.last_price) as i8 - (t.price < self.last_price) as i8;
        let moved = if self.last_price == 0 { 0 } else { moved };
        let side = if t.side != 0 { t.side } else { moved };
        self.sign = if side != 0 { side } else { self.sign };
        self.last_time = t.time;
        self.last_price = t.price;
        let bought = self.sign > 0;

        if self.counted + amount < self.target {
            self.bar.add(t.time, t.price, t.size, value, bought, 1);
            self.counted += amount;
            if matches!(self.closing, Closing::Flow(..)) {
                closed += self.flow(t, value, sink);
            }
            return Ok(closed);
        }
        Ok(closed + self.cross(t, value, amount, bought, sink))
    }

    /// What is counted towards the target.
    pub(super) fn counts(&self) -> Option<Unit> {
        match self.closing {
            Closing::Amount(unit, _) => Some(unit),
            _ => None,
        }
    }

    /// Takes trades as long as they only add to the bar in progress, which is what nearly all do, with everything in registers; gives the
    /// first that does more (opens or closes a bar, crosses a boundary, is bad), which [`DollarBars::take`] must see.
    #[inline(always)]
    pub(super) fn ordinary<const COUNTS: u8>(
        &mut self,
        ticks: &mut impl Iterator<Item = Tick>,
        row: &mut usize,
    ) -> Option<Tick> {
        if self.bar.is_empty() || matches!(self.closing, Closing::Flow(..)) {
            return ticks.next();
        }
        let room = MAX_SUM - self.totals.value;
        let (boundary, target, counted) = (self.boundary, self.target, self.counted);
        let bar = self.bar.parts();
        let mut b = *bar;
        let limit = match COUNTS {
            TICK => i128::from(b.trades) + (target - counted),
            VOLUME => b.volume + (target - counted),
            DOLLAR => b.value + (target - counted),
            _ => target,
        };
        let (mut last_time, mut last_price, mut sign) = (self.last_time, self.last_price, self.sign);
        let mut seen = 0_u64;
        let found = loop {
            let Some(t) = ticks.next() else { break None };
            // A price or size of zero or less wraps around to a large number.
            let fine =
                (t.price.wrapping_sub(1) as u64) < LIMIT as u64 && (t.size.wrapping_sub(1) as u64) < LIMIT as u64;
            let value = (u128::from(t.price as u64) * u128::from(t.size as u64)) as i128;
            let reached = match COUNTS {
                TICK => i128::from(b.trades) + 1 >= limit,
                VOLUME => b.volume + i128::from(t.size) >= limit,
                DOLLAR => b.value.wrapping_add(value) >= limit,
                _ => false,
            };
            if !fine || t.time < last_time || t.time >= boundary || value > MAX_TRADE || b.value > room || reached {
                break Some(t);
            }
            let moved = (t.price > last_price) as i8 - (t.price < last_price) as i8;
            let side = if t.side != 0 { t.side } else { moved };
            sign = if side != 0 { side } else { sign };
            (last_time, last_price) = (t.time, t.price);
            b.high = b.high.max(t.price);
            b.low = b.low.min(t.price);
            b.volume += i128::from(t.size);
            b.buy_volume += if sign > 0 { i128::from(t.size) } else { 0 };
            b.value += value;
            seen += 1;
            b.trades += 1;
        };
        if seen > 0 {
            (b.close, b.end) = (last_price, last_time);
            self.counted += match COUNTS {
                TICK => i128::from(seen),
                VOLUME => b.volume - bar.volume,
                DOLLAR => b.value - bar.value,
                _ => 0,
            };
            *bar = b;
            (self.last_time, self.last_price, self.sign) = (last_time, last_price, sign);
            *row += seen as usize;
        }
        found
    }

    /// The trade that reaches the target.
    fn cross(&mut self, t: Tick, value: i128, amount: i128, bought: bool, sink: &mut impl FnMut(&TradeBar)) -> u64 {
        let (unit, crossing) = match self.closing {
            Closing::Amount(unit, crossing) => (unit, crossing),
            _ => (Unit::Tick, Crossing::Whole),
        };
        if crossing == Crossing::Split && unit != Unit::Tick {
            return self.cross_split(t, unit, bought, sink);
        }
        self.bar.add(t.time, t.price, t.size, value, bought, 1);
        let over = self.counted + amount - self.target;
        self.counted = match crossing {
            Crossing::Carry if over >= self.target => over % self.target,
            Crossing::Carry => over,
            _ => 0,
        };
        self.close(t.time, sink);
        1
    }

    /// Gives the bar the smallest part of the trade (in billionths of a share) that reaches the target, and goes on with the rest.
    fn cross_split(&mut self, t: Tick, unit: Unit, bought: bool, sink: &mut impl FnMut(&TradeBar)) -> u64 {
        let each = if unit == Unit::Dollar { i128::from(t.price) } else { 1 };
        let (mut left, mut first, mut closed) = (t.size, 1, 0);
        while left > 0 {
            let need = (self.target - self.counted + each - 1) / each;
            let part = i128::from(left).min(need) as i64;
            self.bar.add(t.time, t.price, part, i128::from(t.price) * i128::from(part), bought, first);
            self.counted += each * i128::from(part);
            left -= part;
            first = 0;
            if self.counted >= self.target {
                self.counted = 0;
                self.close(t.time, sink);
                closed += 1;
            }
        }
        self.largest_split = self.largest_split.max(closed);
        closed
    }

    /// The trade has been added: does the flow close the bar?
    fn flow(&mut self, t: Tick, value: i128, sink: &mut impl FnMut(&TradeBar)) -> u64 {
        let Closing::Flow(unit, flow) = &mut self.closing else { return 0 };
        let amount = match unit {
            Unit::Tick => 1,
            Unit::Volume => i128::from(t.size),
            Unit::Dollar => value,
        };
        if !flow.push(self.sign, amount, self.bar.trades()) {
            return 0;
        }
        flow.closed(self.bar.trades());
        self.close(t.time, sink);
        1
    }

    fn close(&mut self, end: i64, sink: &mut impl FnMut(&TradeBar)) {
        if let Some(b) = self.bar.get() {
            self.totals.bars += 1;
            self.totals.trades += b.trades;
            self.totals.volume += b.volume;
            self.totals.value += b.value;
            self.bar = Building::EMPTY;
            sink(&TradeBar { end, ..b });
        }
    }

    /// Ends the bar in progress before it is complete.
    fn cut(&mut self, end: i64, sink: &mut impl FnMut(&TradeBar)) -> u64 {
        let is = u64::from(!self.bar.is_empty());
        self.close(end, sink);
        self.counted = 0;
        if let Closing::Flow(_, f) = &mut self.closing {
            f.forget();
        }
        is
    }

    /// Amount of all trades so far.
    fn amount(&self) -> i128 {
        match self.closing {
            Closing::Amount(Unit::Tick, _) => i128::from(self.totals.trades + self.bar.trades()),
            Closing::Amount(Unit::Volume, _) => self.totals.volume + self.bar.volume(),
            _ => self.totals.value + self.bar.value(),
        }
    }

    /// The target of a trade at `time`: another one if it is the first of a day.
    fn target_at(&self, time: i64) -> i128 {
        let Some(Days { adaptive: Some((bars, window)), history, end: Some(end), before, .. }) = &self.days else {
            return self.target;
        };
        let today = self.amount() - before;
        if time < *end || today == 0 {
            return self.target;
        }
        let past = &history[(history.len() + 1).saturating_sub(*window).min(history.len())..];
        let sum: i128 = past.iter().sum::<i128>() + today;
        (sum / (i128::from(*bars) * (past.len() as i128 + 1))).max(1)
    }

    /// The clock has reached the boundary.
    #[inline(never)]
    fn turn(&mut self, now: i64, sink: &mut impl FnMut(&TradeBar)) -> u64 {
        let mut closed = 0;
        let mut boundary = i64::MAX;
        let target = self.target_at(now);
        if let Closing::Clock(step) = self.closing {
            let starts = self.days.as_ref().map_or(0, |d| d.starts);
            closed += self.cut(self.boundary, sink);
            boundary = interval_end(now, i128::from(step), starts);
        }
        let amount = self.amount();
        let mut breaks = false;
        if let Some(d) = &mut self.days {
            if d.end.is_none_or(|end| now >= end) {
                breaks = d.end.is_some() && d.breaks;
                let today = amount - d.before;
                if let (Some((_, window)), true) = (d.adaptive, today > 0) {
                    if d.history.len() == window {
                        d.history.remove(0);
                    }
                    d.history.push(today);
                }
                d.before = amount;
                d.end = Some(interval_end(now, DAY, d.starts));
            }
            if d.breaks || d.adaptive.is_some() {
                boundary = boundary.min(d.end.unwrap_or(i64::MAX));
            }
        }
        if breaks {
            closed += self.cut(self.last_trade_time(), sink);
        }
        self.target = target;
        // Under a smaller target the bar may have been complete already; what was carried over may be several bars.
        if self.counted >= self.target {
            if self.bar.is_empty() {
                self.counted %= self.target;
            } else {
                closed += self.cut(self.last_trade_time(), sink);
            }
        }
        self.boundary = boundary;
        closed
    }

    fn last_trade_time(&self) -> i64 {
        self.bar.get().map_or(self.last_time, |b| b.end)
    }

    /// Why a trade is refused.
    #[cold]
    #[inline(never)]
    fn refusal(&self, t: Tick) -> BadInput {
        if let Err(e) = Price::from_nanos(t.price) {
            return e;
        }
        if let Err(e) = Quantity::from_nanos(t.size) {
            return e;
        }
        if t.size <= 0 {
            return BadInput::new("size", (t.size as f64 / 1e9).to_string(), "a size above zero");
        }
        let show = |t: i64| Time::from_nanos(t).to_string();
        if t.time < self.last_time {
            return BadInput::new("time", show(t.time), format!("{} or later: trades in order", show(self.last_time)));
        }
        let value = i128::from(t.price) * i128::from(t.size);
        let dollars = |x: i128| Cash::from_atto(x).to_string();
        if value > MAX_TRADE {
            return BadInput::new("value", dollars(value), format!("at most {} dollars a trade", dollars(MAX_TRADE)));
        }
        let sum = self.totals.value + self.bar.value();
        if sum > MAX_SUM {
            return BadInput::new("sum of values", dollars(sum), format!("at most {} dollars", dollars(MAX_SUM)));
        }
        let size = Quantity::from_nanos(t.size).map_or_else(|_| t.size.to_string(), |q| q.to_string());
        BadInput::new("size", size, format!("at most {MAX_PARTS} bars from one trade: a larger threshold"))
    }
}
