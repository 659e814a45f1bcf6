//! Entropy of a histogram of the last n values.

use serde::{Deserialize, Serialize};

use super::counts::ClassCounts;
use crate::{NumericsError, Window};

/// Histogram of the last n values in equal bins from their smallest to their largest, and its Shannon entropy.
///
/// Bins and their edges are those of `numpy.histogram(x, bins)`: the last bin is closed on both sides, and a value within
/// rounding of an edge is placed by comparing it with the edge. While the smallest and largest value stay, an update moves one
/// count out and one in; when one of them changes, the histogram is made again from the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollingHistogram {
    window: Window,
    bins: usize,
    low: f64,
    high: f64,
    counts: ClassCounts,
}

impl RollingHistogram {
    /// Over `window` values in `bins` bins.
    ///
    /// # Errors
    /// Unless there are at least one value and two bins.
    pub fn new(window: usize, bins: usize) -> Result<Self, NumericsError> {
        let bad = |index, value: usize, expected| {
            Err(NumericsError::BadValue { what: "histogram", index, value: value as f64, expected })
        };
        if window == 0 {
            return bad(0, window, "a window of at least 1");
        }
        if bins < 2 {
            return bad(1, bins, "at least 2 bins");
        }
        Ok(Self { window: Window::new(window), bins, low: 0.0, high: 0.0, counts: ClassCounts::new(bins) })
    }
    /// Takes a finite value.
    pub fn push(&mut self, x: f64) {
        let inside = |v: f64| self.low < v && v < self.high;
        let first = self.window.is_empty();
        let gone = self.window.push(x);
        let same_ends = !first && (self.low..=self.high).contains(&x) && gone.is_none_or(inside);
        if same_ends {
            if let Some(old) = gone {
                self.counts.remove(self.bin(old));
            }
            self.counts.add(self.bin(x));
        } else {
            self.rebuild();
        }
    }
    fn rebuild(&mut self) {
        self.low = self.window.iter().fold(f64::INFINITY, f64::min);
        self.high = self.window.iter().fold(f64::NEG_INFINITY, f64::max);
        self.counts.clear();
        let (older, newer) = self.window.as_slices();
        for x in older.iter().chain(newer) {
            self.counts.add(bin(*x, self.low, self.high, self.bins));
        }
    }
    fn bin(&self, x: f64) -> usize {
        bin(x, self.low, self.high, self.bins)
    }
    /// Whether the window is full.
    pub fn is_full(&self) -> bool {
        self.window.is_full()
    }
    /// Counts by bin, the lowest first.
    pub fn counts(&self) -> &[u64] {
        self.counts.counts()
    }
    /// Entropy in bits; `None` when empty. A window without variation has one class: 0.
    pub fn bits(&self) -> Option<f64> {
        self.counts.bits()
    }
    /// Entropy over log2(bins), in [0, 1]; `None` when empty.
    pub fn normalised(&self) -> Option<f64> {
        self.counts.normalised()
    }
}

/// The bin of `x` among `bins` from `low` to `high`.
fn bin(x: f64, low: f64, high: f64, bins: usize) -> usize {
    let width = high - low;
    if width <= 0.0 {
        return 0;
    }
    let edge = |i: usize| if i == bins { high } else { i as f64 * (width / bins as f64) + low };
    // `as` saturates, so whatever rounding does, the bin exists.
    let i = (((x - low) / width * bins as f64) as usize).min(bins - 1);
    if x < edge(i) {
        i.saturating_sub(1)
    } else if i + 1 < bins && x >= edge(i + 1) {
        i + 1
    } else {
        i
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut h = RollingHistogram::new(5, 2).unwrap();
        assert_eq!(h.bits(), None);
        h.push(7.0);
        h.push(7.0);
        assert_eq!((h.bits(), h.counts()), (Some(0.0), [2, 0].as_slice()));
        for x in [0.0, 10.0, 4.0] {
            h.push(x);
        }
        // The edge in the middle, 5, separates 0, 4 from 7, 7, 10.
        assert_eq!(h.counts(), [2, 3]);
        let want = -(0.4 * 0.4_f64.log2() + 0.6 * 0.6_f64.log2());
        assert!((h.normalised().unwrap() - want).abs() < 1e-12);
        // 7, 7 leave; a value on the edge belongs to the upper bin.
        h.push(5.0);
        h.push(5.0);
        assert_eq!(h.counts(), [2, 3]);
        // 0 leaves: the bins are now from 4 to 10 with the edge at 7.
        h.push(7.0);
        assert_eq!(h.counts(), [3, 2]);
    }

    #[test]
    fn rolling_equals_the_window_alone() {
        let x: Vec<f64> = (0..400).map(|i| f64::from(i * i % 101) / 7.0).collect();
        let mut rolling = RollingHistogram::new(25, 6).unwrap();
        for (i, v) in x.iter().enumerate() {
            rolling.push(*v);
            let mut alone = RollingHistogram::new(25, 6).unwrap();
            x[i.saturating_sub(24)..=i].iter().for_each(|v| alone.push(*v));
            assert_eq!(rolling.counts(), alone.counts(), "{i}");
            assert_eq!(rolling.bits(), alone.bits());
        }
    }

    #[test]
    fn extreme_values_stay_within_the_bins() {
        let mut h = RollingHistogram::new(3, 4).unwrap();
        for x in [f64::MAX, f64::MIN, 0.0, f64::MIN_POSITIVE, -0.0, f64::MAX] {
            h.push(x);
        }
        assert_eq!(h.counts().iter().sum::<u64>(), 3);
    }
}
