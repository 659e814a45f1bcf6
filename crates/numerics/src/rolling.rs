//! Windows of the last n values and their moments.

use serde::{Deserialize, Serialize};

/// The last `capacity` values, oldest first; allocates once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window<T = f64> {
    capacity: usize,
    values: Vec<T>,
    /// Where the oldest value is, once full.
    head: usize,
}

impl<T: Copy> Window<T> {
    /// Room for `capacity` values (at least one).
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self { capacity, values: Vec::with_capacity(capacity), head: 0 }
    }
    /// Adds a value; gives the one that fell out.
    #[inline]
    pub fn push(&mut self, x: T) -> Option<T> {
        if self.values.len() < self.capacity {
            self.values.push(x);
            return None;
        }
        let out = std::mem::replace(&mut self.values[self.head], x);
        self.head = if self.head + 1 == self.capacity { 0 } else { self.head + 1 };
        Some(out)
    }
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
    /// Whether the next value pushes one out.
    pub fn is_full(&self) -> bool {
        self.values.len() == self.capacity
    }
    /// How many values fit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }
    /// Two slices which together are the values, oldest first.
    pub fn as_slices(&self) -> (&[T], &[T]) {
        let (b, a) = self.values.split_at(self.head);
        (a, b)
    }
    /// The values, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = T> + '_ {
        let (a, b) = self.as_slices();
        a.iter().chain(b).copied()
    }
    /// The newest value.
    pub fn last(&self) -> Option<T> {
        self.iter().next_back()
    }
}

/// Mean and variance of the last n values.
///
/// Updated by the difference of the value that comes and the one that goes (Welford's recursion for a sliding window;
/// Chan, Golub & LeVeque 1983), and rebuilt exactly from the window every n updates, so that rounding errors cannot
/// accumulate over any number of updates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollingMoments {
    window: Window,
    mean: f64,
    /// Sum of squared deviations from the mean.
    m2: f64,
    since_rebuild: usize,
}

impl RollingMoments {
    /// Over `n` values (at least one).
    pub fn new(n: usize) -> Self {
        Self { window: Window::new(n), mean: 0.0, m2: 0.0, since_rebuild: 0 }
    }
    /// Takes a finite value; gives the one that fell out.
    pub fn push(&mut self, x: f64) -> Option<f64> {
        let out = self.window.push(x);
        let n = self.window.len() as f64;
        match out {
            None => {
                let d = x - self.mean;
                self.mean += d / n;
                self.m2 += d * (x - self.mean);
            }
            Some(old) => {
                let before = self.mean;
                self.mean += (x - old) / n;
                self.m2 += (x - old) * (x - self.mean + old - before);
            }
        }
        self.since_rebuild += 1;
        if self.since_rebuild >= self.window.capacity() {
            self.rebuild();
        }
        out
    }
    fn rebuild(&mut self) {
        self.since_rebuild = 0;
        let n = self.window.len() as f64;
        self.mean = self.window.iter().sum::<f64>() / n;
        // The second term removes the rounding of the mean (Chan et al., eq. 1.7).
        let (s2, s1) = self.window.iter().fold((0.0, 0.0), |(s2, s1), x| {
            let d = x - self.mean;
            (s2 + d * d, s1 + d)
        });
        self.m2 = s2 - s1 * s1 / n;
    }
    /// The values.
    pub fn window(&self) -> &Window {
        &self.window
    }
    /// Whether the window is full.
    pub fn is_full(&self) -> bool {
        self.window.is_full()
    }
    /// Mean of the values, when there is one.
    pub fn mean(&self) -> Option<f64> {
        (!self.window.is_empty()).then_some(self.mean)
    }
    /// Sample variance (ddof = 1), when there are two values.
    pub fn variance(&self) -> Option<f64> {
        let n = self.window.len();
        (n > 1).then(|| self.m2.max(0.0) / (n - 1) as f64)
    }
    /// Sample standard deviation (ddof = 1), when there are two values.
    pub fn std_dev(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }
    /// How many standard deviations `x` lies above the mean; `None` without variation.
    pub fn z_score(&self, x: f64) -> Option<f64> {
        let sd = self.std_dev()?;
        // Variation below the rounding of the values themselves is none.
        (sd > f64::EPSILON * self.mean.abs()).then(|| (x - self.mean) / sd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut m = RollingMoments::new(3);
        assert_eq!((m.mean(), m.variance()), (None, None));
        for x in [1.0, 2.0, 6.0, 4.0] {
            m.push(x);
        }
        assert_eq!(m.mean(), Some(4.0));
        assert_eq!(m.variance(), Some(4.0));
        assert_eq!(m.z_score(6.0), Some(1.0));
        assert_eq!(m.window().iter().collect::<Vec<_>>(), [2.0, 6.0, 4.0]);
        assert_eq!(m.window().last(), Some(4.0));
    }

    #[test]
    fn ten_million_updates_do_not_drift() {
        let mut m = RollingMoments::new(21);
        let mut x: f64 = 0.3;
        for i in 0..10_000_000_u32 {
            x = 3.9 * x * (1.0 - x);
            // A level that jumps by ten orders of magnitude is the hard case for incremental sums.
            m.push(if i % 1_000_003 == 0 { 1e9 } else { x });
        }
        let v: Vec<f64> = m.window().iter().collect();
        let mean = v.iter().sum::<f64>() / 21.0;
        let var = v.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 20.0;
        assert!((m.mean().unwrap() - mean).abs() < 1e-12, "{} {mean}", m.mean().unwrap());
        assert!((m.variance().unwrap() / var - 1.0).abs() < 1e-9, "{} {var}", m.variance().unwrap());
    }
}
