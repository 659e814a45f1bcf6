//! Quantiles of the last n levels.

use serde::{Deserialize, Serialize};
use tradewind_numerics::Window;

/// The last n levels in order of time and of size.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Trailing {
    window: Window,
    sorted: Vec<f64>,
    probabilities: [f64; 3],
}

impl Trailing {
    pub(super) fn new(n: usize, probabilities: [f64; 3]) -> Self {
        Self { window: Window::new(n), sorted: Vec::with_capacity(n), probabilities }
    }
    pub(super) fn push(&mut self, x: f64) {
        if let Some(old) = self.window.push(x) {
            let at = self.sorted.partition_point(|v| *v < old);
            if at < self.sorted.len() {
                self.sorted.remove(at);
            }
        }
        let at = self.sorted.partition_point(|v| *v < x);
        self.sorted.insert(at, x);
    }
    /// The quantiles, when the window is full and they ascend.
    pub(super) fn thresholds(&self) -> Option<[f64; 3]> {
        let last = self.sorted.len().checked_sub(1).filter(|_| self.window.is_full())?;
        let mut at = [0.0; 3];
        for (to, p) in at.iter_mut().zip(self.probabilities) {
            let place = p * last as f64;
            let (below, part) = (place.floor(), place.fract());
            let low = *self.sorted.get(below as usize)?;
            let high = *self.sorted.get((below as usize + 1).min(last))?;
            *to = low + (high - low) * part;
        }
        let [a, b, c] = at;
        (a < b && b < c).then_some(at)
    }
}
