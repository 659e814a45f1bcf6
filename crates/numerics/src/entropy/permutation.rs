//! Permutation entropy, updated value by value.

use serde::{Deserialize, Serialize};

use super::counts::ClassCounts;
use crate::{NumericsError, Window};

/// The largest order: 7! = 5040 patterns.
pub const MAX_ORDER: usize = 7;

/// Entropy of the order patterns in the last n values (Bandt & Pompe 2002, Phys. Rev. Lett. 88, 174102).
///
/// Each stretch x_t, x_{t+delay}, ..., x_{t+(order-1) delay} is reduced to the order of its values; equal values count in the
/// order they came. The entropy is that of the patterns' frequencies, over log2(order!) when normalised. Conventions and
/// values are those of `antropy.perm_entropy`. An update costs O(order^2) comparisons, whatever the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollingPermutation {
    order: usize,
    delay: usize,
    /// The last values, as many as one pattern spans.
    recent: Window,
    /// The pattern each stretch of the window has.
    patterns: Window<u16>,
    counts: ClassCounts,
}

impl RollingPermutation {
    /// Over `window` values.
    ///
    /// # Errors
    /// Unless order is in 2..=7, delay at least 1, and the window longer than (order - 1) x delay.
    pub fn new(window: usize, order: usize, delay: usize) -> Result<Self, NumericsError> {
        let bad = |index, value: usize, expected| {
            Err(NumericsError::BadValue { what: "permutation entropy", index, value: value as f64, expected })
        };
        if !(2..=MAX_ORDER).contains(&order) {
            return bad(1, order, "an order from 2 to 7");
        }
        if delay == 0 {
            return bad(2, delay, "a delay of at least 1");
        }
        let span = (order - 1).saturating_mul(delay);
        if window <= span {
            return bad(0, window, "a window longer than (order - 1) x delay");
        }
        Ok(Self {
            order,
            delay,
            recent: Window::new(span + 1),
            patterns: Window::new(window - span),
            counts: ClassCounts::new((2..=order).product()),
        })
    }
    /// Takes a finite value.
    pub fn push(&mut self, x: f64) {
        self.recent.push(x);
        if self.recent.is_full() {
            let pattern = self.pattern();
            if let Some(gone) = self.patterns.push(pattern) {
                self.counts.remove(usize::from(gone));
            }
            self.counts.add(usize::from(pattern));
        }
    }
    /// The rank of the newest pattern among all order! (its Lehmer code).
    fn pattern(&self) -> u16 {
        let mut buffer = [0.0; MAX_ORDER];
        let values = buffer.split_at_mut(self.order.min(MAX_ORDER)).0;
        for (to, x) in values.iter_mut().zip(self.recent.iter().step_by(self.delay)) {
            *to = x;
        }
        let mut rest: &[f64] = values;
        let mut rank = 0_u16;
        while let Some((first, later)) = rest.split_first() {
            let smaller = later.iter().filter(|x| *x < first).count();
            rank = rank * rest.len() as u16 + smaller as u16;
            rest = later;
        }
        rank
    }
    /// Whether the window is full.
    pub fn is_full(&self) -> bool {
        self.patterns.is_full()
    }
    /// Entropy in bits, in [0, log2(order!)]; `None` before the first pattern.
    pub fn bits(&self) -> Option<f64> {
        self.counts.bits()
    }
    /// Entropy over log2(order!), in [0, 1]; `None` before the first pattern.
    pub fn normalised(&self) -> Option<f64> {
        self.counts.normalised()
    }
}

/// Permutation entropy of a whole series: in bits, or in [0, 1] when `normalised`. See [`RollingPermutation`].
///
/// ```
/// // Bandt & Pompe's example: of six neighbours, four rise and two fall.
/// let h = tradewind_numerics::entropy::permutation_entropy(&[4.0, 7.0, 9.0, 10.0, 6.0, 11.0, 3.0], 2, 1, false)?;
/// let by_hand = -(4.0 / 6.0 * f64::log2(4.0 / 6.0) + 2.0 / 6.0 * f64::log2(2.0 / 6.0));
/// assert!((h - by_hand).abs() < 1e-12);
/// # Ok::<(), tradewind_numerics::NumericsError>(())
/// ```
///
/// # Errors
/// As [`RollingPermutation::new`] with the series as window.
pub fn permutation_entropy(x: &[f64], order: usize, delay: usize, normalised: bool) -> Result<f64, NumericsError> {
    let mut state = RollingPermutation::new(x.len(), order, delay)?;
    for v in x {
        state.push(*v);
    }
    let h = if normalised { state.normalised() } else { state.bits() };
    h.ok_or(NumericsError::TooFew { what: "permutation entropy", needed: (order - 1) * delay + 1, got: x.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand_with_order_three_and_ties() {
        let x = [4.0, 7.0, 9.0, 10.0, 6.0, 11.0, 3.0];
        // Patterns 012, 012, 201, 102, 201 (argsort): counts 2, 2, 1 of 5.
        let h = -(2.0 * 0.4 * 0.4_f64.log2() + 0.2 * 0.2_f64.log2());
        assert!((permutation_entropy(&x, 3, 1, false).unwrap() - h).abs() < 1e-12);
        // Equal values keep their order, so a constant series is one pattern.
        assert_eq!(permutation_entropy(&[2.0; 9], 3, 2, true).unwrap(), 0.0);
        assert_eq!(permutation_entropy(&[1.0, 2.0, 3.0, 4.0], 3, 1, true).unwrap(), 0.0);
    }

    #[test]
    fn all_patterns_are_told_apart() {
        // Every permutation of four values once: all 24 ranks differ, so the entropy is at its maximum.
        let mut seen = std::collections::BTreeSet::new();
        for code in 0..256_u32 {
            let v = [0, 2, 4, 6].map(|s| f64::from(code >> s & 3));
            let mut sorted = v.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted.dedup();
            if sorted.len() == 4 {
                let mut p = RollingPermutation::new(4, 4, 1).unwrap();
                v.iter().for_each(|x| p.push(*x));
                seen.insert(p.pattern());
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), (0..24).collect::<Vec<_>>());
    }

    #[test]
    fn rolling_equals_the_window_alone() {
        let mut p = RollingPermutation::new(30, 4, 2).unwrap();
        let x: Vec<f64> = (0..200).map(|i| f64::from(i * i % 37)).collect();
        for (i, v) in x.iter().enumerate() {
            p.push(*v);
            assert_eq!(p.is_full(), i >= 29);
            if i >= 29 {
                let alone = permutation_entropy(&x[i - 29..=i], 4, 2, true).unwrap();
                assert_eq!(p.normalised(), Some(alone), "{i}");
            }
        }
    }

    #[test]
    fn bad_shapes_are_refused() {
        for (window, order, delay) in [(10, 1, 1), (10, 8, 1), (10, 3, 0), (4, 3, 2), (10, 3, usize::MAX)] {
            assert!(RollingPermutation::new(window, order, delay).is_err(), "{window} {order} {delay}");
        }
    }
}
