//! When an imbalance or run bar closes: expected size from past bars, bounded.

use serde::{Deserialize, Serialize};
use tradewind_numerics::Window;

use super::Unit;

/// How expected sizes are estimated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct FlowRule {
    pub unit: Unit,
    /// Runs of each side rather than their difference.
    pub runs: bool,
    /// Expected trades of a bar before there has been one.
    pub first: usize,
    pub min: usize,
    pub max: usize,
    /// Whether bars themselves keep within `min` and `max`, not just the expectation.
    pub hard: bool,
    /// Trades over which the expected imbalance or size of a trade is averaged.
    pub window: usize,
    /// Bars over which their expected length is averaged.
    pub bars: usize,
}

/// Imbalance or runs of the bar in progress, and what to expect of them (Lopez de Prado 2018, 2.3.2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Flow {
    rule: FlowRule,
    /// Signed amounts of trades for imbalances; amounts of purchases for runs.
    amounts: Window,
    /// Amounts of sales, for runs.
    sales: Window,
    /// How many of each there have been, up to `first`.
    seen: [usize; 2],
    /// Trades of the last bars.
    lengths: Window,
    /// Shares of purchases among the trades of the last bars.
    shares: Window,
    expected: f64,
    /// E[b v], or E[v | buy] and E[v | sell].
    mean: [f64; 2],
    share: f64,
    /// What a bar's imbalance or longer run must exceed, in dollars, shares or trades; none while warming up.
    limit: Option<f64>,
    /// The same in the integers of the unit.
    exact: i128,
    /// Imbalance, or purchases and sales, of the bar in progress.
    theta: [i128; 2],
    buys: u64,
}

/// Mean of `values` (oldest first) with weights that fall by (1 - a) a step back, a = 2 / (span + 1).
fn ewma(values: &Window, span: usize) -> f64 {
    let keep = 1.0 - 2.0 / (span as f64 + 1.0);
    let (mut sum, mut weight) = (0.0, 0.0);
    for x in values.iter() {
        sum = sum * keep + x;
        weight = weight * keep + 1.0;
    }
    sum / weight
}

/// The largest whole number that is not above the expectation `x`. Means and shares are rounded in their last digits: an expectation of 51 must
/// not become 50.999... and be exceeded by 51.
fn whole(x: f64) -> i128 {
    let nearest = x.round();
    let near = (x - nearest).abs() <= 1e-12 * nearest.abs();
    (if near { nearest } else { x.floor() }) as i128
}

impl Flow {
    pub(super) fn new(rule: FlowRule) -> Self {
        let sales = if rule.runs { rule.window } else { 1 };
        Self {
            rule,
            amounts: Window::new(rule.window),
            sales: Window::new(sales),
            seen: [0; 2],
            lengths: Window::new(rule.bars),
            shares: Window::new(rule.bars),
            expected: rule.first as f64,
            mean: [0.0; 2],
            share: 0.0,
            limit: None,
            exact: 0,
            theta: [0; 2],
            buys: 0,
        }
    }
    /// Takes a trade of this sign (0 before the first change of price) and says whether it closes the bar, which with it has `trades`.
    pub(super) fn push(&mut self, sign: i8, amount: i128, trades: u64) -> bool {
        let x = self.rule.unit.to_f64(amount);
        let signed = match sign {
            1 => amount,
            -1 => -amount,
            _ => 0,
        };
        if self.rule.runs {
            if sign > 0 {
                self.amounts.push(x);
                self.theta[0] += amount;
                self.buys += 1;
            } else if sign < 0 {
                self.sales.push(x);
                self.theta[1] += amount;
            }
        } else {
            self.amounts.push(f64::from(sign) * x);
            self.theta[0] += signed;
        }
        if self.limit.is_none() {
            let first = self.rule.first;
            let counts = if self.rule.runs { [sign > 0, sign < 0] } else { [true, true] };
            for (seen, counts) in self.seen.iter_mut().zip(counts) {
                *seen = (*seen + usize::from(counts)).min(first);
            }
            if self.seen == [first; 2] {
                if self.rule.runs {
                    self.share = self.buys as f64 / trades as f64;
                }
                self.expect();
            }
        }
        let reached = self.limit.is_some() && self.theta.iter().any(|t| t.abs() > self.exact);
        if self.rule.hard {
            (reached && trades >= self.rule.min as u64) || trades >= self.rule.max as u64
        } else {
            reached
        }
    }
    /// Learns from a bar that has closed.
    pub(super) fn closed(&mut self, trades: u64) {
        self.lengths.push(trades as f64);
        if self.rule.runs {
            self.shares.push(self.buys as f64 / trades as f64);
        }
        if self.limit.is_some() {
            self.expected = ewma(&self.lengths, self.rule.bars).clamp(self.rule.min as f64, self.rule.max as f64);
            if self.rule.runs {
                self.share = ewma(&self.shares, self.rule.bars);
            }
            self.expect();
        }
        self.forget();
    }
    /// Leaves the bar in progress without learning from it.
    pub(super) fn forget(&mut self) {
        self.theta = [0; 2];
        self.buys = 0;
    }
    /// Sets the limit of the next bar from what is known now.
    fn expect(&mut self) {
        self.mean[0] = ewma(&self.amounts, self.amounts.len());
        let one = if self.rule.runs {
            self.mean[1] = ewma(&self.sales, self.sales.len());
            (self.share * self.mean[0]).max((1.0 - self.share) * self.mean[1])
        } else {
            self.mean[0].abs()
        };
        let limit = self.expected * one;
        self.limit = Some(limit);
        self.exact = whole(limit * self.rule.unit.scale());
    }
    /// After `num` new shares for `den` old ones.
    pub(super) fn split(&mut self, num: u32, den: u32) {
        self.forget();
        if self.rule.unit != Unit::Volume {
            return;
        }
        let by = f64::from(num) / f64::from(den);
        for w in [&mut self.amounts, &mut self.sales] {
            let mut scaled = Window::new(w.capacity());
            w.iter().for_each(|x| {
                scaled.push(x * by);
            });
            *w = scaled;
        }
        if self.limit.is_some() {
            self.expect();
        }
    }
    /// Expected trades of a bar, and what its imbalance or longer run must exceed.
    pub(super) fn expectation(&self) -> (f64, Option<f64>) {
        (self.expected, self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(runs: bool) -> FlowRule {
        FlowRule { unit: Unit::Tick, runs, first: 4, min: 2, max: 8, hard: false, window: 100, bars: 3 }
    }

    #[test]
    fn weights_fall_by_a_constant_factor() {
        let mut w = Window::new(3);
        for x in [9.0, 1.0, 2.0, 4.0] {
            w.push(x);
        }
        // Span 3: factor 1/2, so (4 + 2/2 + 1/4) / (1 + 1/2 + 1/4).
        assert!((ewma(&w, 3) - 5.25 / 1.75).abs() < 1e-15);
    }

    #[test]
    fn imbalance_closes_beyond_its_expectation() {
        let mut f = Flow::new(rule(false));
        // Signs 1 1 1 -1 and span 4 (factor 0.6): (-1 + 0.6 + 0.36 + 0.216) / 2.176.
        let signs = [1, 1, 1];
        assert!(signs.iter().enumerate().all(|(i, s)| !f.push(*s, 1, i as u64 + 1)));
        assert_eq!(f.limit, None);
        // The limit 4 x 0.0809 is known with the fourth trade, whose imbalance of 2 exceeds it.
        assert!(f.push(-1, 1, 4));
        assert!((f.limit.unwrap() - 4.0 * 0.176 / 2.176).abs() < 1e-12);
        f.closed(4);
        assert_eq!((f.expected, f.theta), (4.0, [0, 0]));
        assert!(f.push(1, 1, 1));
        f.closed(1);
        // Lengths 4 and 1 with span 3: (1 + 4/2) / 1.5 = 2.
        assert!((f.expected - 2.0).abs() < 1e-15);
    }

    #[test]
    fn an_expectation_of_51_is_reached_and_not_exceeded_by_51() {
        // 49 purchases and 51 sales, mixed: E = 100 x 0.51, which is 51 only but for rounding.
        let rule = FlowRule { first: 49, min: 100, max: 100, ..rule(true) };
        let mut f = Flow::new(rule);
        for i in 0..100_u64 {
            f.push(if i % 2 == 0 || i == 99 { -1 } else { 1 }, 1, i + 1);
        }
        f.closed(100);
        let limit = f.limit.unwrap();
        assert!((limit - 51.0).abs() < 1e-12, "{limit}");
        assert!((1..=51).all(|i| !f.push(-1, 1, i)), "{limit}");
        assert!(f.push(-1, 1, 52));
        // Shares such as 0.49 and 0.57 round up and down: every whole expectation is taken for what it is.
        for n in 1..=1_000_u32 {
            let share = f64::from(1_000 - n) / 1_000.0;
            assert_eq!(whole(1_000.0 * (1.0 - share)), i128::from(n));
            assert_eq!(whole(f64::from(n) - 0.01), i128::from(n) - 1);
        }
    }

    #[test]
    fn hard_bounds_hold_a_bar_within_the_bounds() {
        let mut f = Flow::new(FlowRule { hard: true, ..rule(false) });
        for sign in [1, 1, 1] {
            f.push(sign, 1, 1);
        }
        f.push(-1, 1, 4);
        f.closed(4);
        assert!(!f.push(1, 1, 1), "one trade is fewer than min = 2");
        assert!(f.push(1, 1, 2));
        f.forget();
        assert!(!f.push(1, 0, 7));
        assert!(f.push(1, 0, 8), "no bar is longer than max = 8, even one without any imbalance");
    }

    #[test]
    fn runs_count_each_side_apart() {
        let mut f = Flow::new(rule(true));
        let mut closed = Vec::new();
        for (i, sign) in [1, -1, 1, -1, 1, -1, 1, 1, 0, -1].into_iter().enumerate() {
            closed.push(f.push(sign, 1, i as u64 + 1));
        }
        // Four of each side only with the tenth trade: five buys of ten, E = 4 x max(0.5, 0.5) = 2 < 5.
        assert_eq!(closed.iter().position(|c| *c), Some(9));
        assert_eq!((f.limit, f.share), (Some(2.0), 0.5));
        f.closed(10);
        assert_eq!(f.expectation().0, 8.0, "bounded by max");
    }
}
