//! Counts of classes and the entropy of their frequencies, exact under any number of changes.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::math;

/// Units in one bit of the integer sum.
const UNITS: f64 = (1_u64 << 40) as f64;

/// c log2 c in integer units: the same count always gives the same integer, so what is added can be taken away exactly.
fn weight(count: u64) -> i128 {
    /// Of small counts, which are most of them: a logarithm takes longer than all the rest of a step.
    static SMALL: LazyLock<Vec<i128>> = LazyLock::new(|| (0..1024).map(computed).collect());
    SMALL.get(count as usize).copied().unwrap_or_else(|| computed(count))
}

fn computed(count: u64) -> i128 {
    let c = count as f64;
    if count < 2 { 0 } else { (c * math::log2(c) * UNITS).round() as i128 }
}

/// How often each of k classes occurs, and the Shannon entropy of these frequencies.
///
/// With n the total and c_i the counts, H = -sum p_i log2 p_i = log2 n - (1/n) sum c_i log2 c_i (Shannon 1948, section 6).
/// The sum is kept as an integer in units of 2^-40 bit: adding and removing cost O(1), nothing accumulates, and H is good to
/// 2^-41 k/n bits. A single class gives exactly 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCounts {
    counts: Vec<u64>,
    total: u64,
    sum: i128,
}

impl ClassCounts {
    /// `classes` classes (at least one), all empty.
    pub fn new(classes: usize) -> Self {
        Self { counts: vec![0; classes.max(1)], total: 0, sum: 0 }
    }
    /// One more of `class`; a class that does not exist is left out.
    #[inline]
    pub fn add(&mut self, class: usize) {
        if let Some(c) = self.counts.get_mut(class) {
            self.sum += weight(*c + 1) - weight(*c);
            *c += 1;
            self.total += 1;
        }
    }
    /// One less of `class`; nothing changes when there is none.
    #[inline]
    pub fn remove(&mut self, class: usize) {
        if let Some(c) = self.counts.get_mut(class)
            && *c > 0
        {
            self.sum += weight(*c - 1) - weight(*c);
            *c -= 1;
            self.total -= 1;
        }
    }
    /// Empties every class.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
        self.sum = 0;
    }
    /// The counts by class.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }
    /// How many there are in all.
    pub fn total(&self) -> u64 {
        self.total
    }
    /// Entropy in bits, in [0, log2 k]; `None` when empty.
    pub fn bits(&self) -> Option<f64> {
        (self.total > 0).then(|| ((weight(self.total) - self.sum) as f64 / UNITS / self.total as f64).max(0.0))
    }
    /// Entropy over its maximum log2 k, in [0, 1]; 0 with one class, `None` when empty.
    pub fn normalised(&self) -> Option<f64> {
        let most = math::log2(self.counts.len() as f64);
        self.bits().map(|h| if most > 0.0 { (h / most).min(1.0) } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut c = ClassCounts::new(4);
        assert_eq!((c.bits(), c.normalised()), (None, None));
        c.remove(0);
        for class in [0, 0, 0, 9] {
            c.add(class);
        }
        assert_eq!((c.total(), c.bits()), (3, Some(0.0)));
        c.add(1);
        // p = (3/4, 1/4): 2 - (3/4) log2 3 bits.
        let h = 2.0 - 0.75 * 3_f64.log2();
        assert!((c.bits().unwrap() - h).abs() < 1e-12);
        assert!((c.normalised().unwrap() - h / 2.0).abs() < 1e-12);
        c.remove(0);
        c.remove(0);
        assert_eq!(c.bits(), Some(1.0));
        assert_eq!(c.counts(), [1, 1, 0, 0]);
        for class in [2, 3] {
            c.add(class);
        }
        assert_eq!(c.normalised(), Some(1.0));
        assert_eq!(ClassCounts::new(0).counts().len(), 1);
    }
}
