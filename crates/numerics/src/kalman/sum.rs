//! The likelihood of innovations, in sums that stay exact over any number of updates.

use serde::{Deserialize, Serialize};

use crate::math;

/// Terms with one variance that are added up before they join the compensated sum.
const BLOCK: u32 = 1024;

/// A sum with the rounding errors beside it (Neumaier 1974).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, x: f64) {
        let t = self.sum + x;
        self.lost += if self.sum.abs() >= x.abs() { (self.sum - t) + x } else { (x - t) + self.sum };
        self.sum = t;
    }
    fn value(&self) -> f64 {
        self.sum + self.lost
    }
}

/// Sums over innovations v_t of variance F_t, from which the Gaussian log-likelihood follows:
/// -1/2 sum (ln 2 pi + ln F_t + v_t^2 / F_t); an observation that found an unknown direction counts -1/2 (ln 2 pi + ln F_inf).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LogLikelihood {
    log_variance: Sum,
    squares: Sum,
    counted: u64,
    unknown: u64,
    /// Sum of v^2 and number of terms that share the variance.
    block: (f64, u32),
    block_variance: f64,
}

impl LogLikelihood {
    /// An innovation.
    pub(super) fn add(&mut self, v: f64, variance: f64) {
        self.log_variance.add(math::ln(variance));
        self.squares.add(v * v / variance);
        self.counted += 1;
    }
    /// An innovation whose variance is that of many others.
    #[inline]
    pub(super) fn add_steady(&mut self, v: f64, variance: f64) {
        let room = self.room(variance);
        debug_assert!(room > 0);
        self.block.0 += v * v;
        self.block.1 += 1;
    }
    /// How many innovations of this variance [`LogLikelihood::add_block`] may add next; makes room.
    #[inline]
    pub(super) fn room(&mut self, variance: f64) -> usize {
        if self.block.1 == BLOCK || variance != self.block_variance {
            self.flush();
            self.block_variance = variance;
        }
        (BLOCK - self.block.1) as usize
    }
    /// The sum of squares so far of the block, to be gone on with.
    pub(super) fn block(&self) -> f64 {
        self.block.0
    }
    /// `n` more innovations, at most what there is room for, with which the block's sum of squares has become `squares`.
    pub(super) fn add_block(&mut self, squares: f64, n: usize) {
        self.block = (squares, self.block.1 + n as u32);
    }
    fn flush(&mut self) {
        if let (squares, n @ 1..) = self.block {
            self.log_variance.add(f64::from(n) * math::ln(self.block_variance));
            self.squares.add(squares / self.block_variance);
            self.counted += u64::from(n);
            self.block = (0.0, 0);
        }
    }
    /// An observation that found an unknown direction.
    pub(super) fn add_unknown(&mut self, f_inf: f64) {
        self.log_variance.add(math::ln(f_inf));
        self.unknown += 1;
    }
    fn flushed(mut self) -> Self {
        self.flush();
        self
    }
    /// The log-likelihood.
    pub fn value(&self) -> f64 {
        let s = self.flushed();
        let n = (s.counted + s.unknown) as f64;
        -0.5 * (n * math::LN_TAU + s.log_variance.value() + s.squares.value())
    }
    /// The largest log-likelihood over a common factor of all noise variances, with that factor: mean v^2 / F. `None` without
    /// observations beyond those that found unknown directions, or when nothing was missed at all.
    pub fn concentrated(&self) -> Option<(f64, f64)> {
        let s = self.flushed();
        let m = s.counted as f64;
        let factor = s.squares.value() / m;
        let n = (s.counted + s.unknown) as f64;
        let value = -0.5 * (n * math::LN_TAU + s.log_variance.value() + m * (math::ln(factor) + 1.0));
        (factor > 0.0 && value.is_finite()).then_some((value, factor))
    }
    /// How many observations are counted with their innovations.
    pub fn counted(&self) -> u64 {
        self.counted + u64::from(self.block.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_add_up_to_what_single_terms_do() {
        let (mut one, mut many) = (LogLikelihood::default(), LogLikelihood::default());
        for i in 0..5000 {
            let v = f64::from(i % 17) - 8.0;
            one.add(v, 2.5);
            many.add_steady(v, 2.5);
        }
        assert!((one.value() / many.value() - 1.0).abs() < 1e-14);
        assert_eq!(one.counted(), many.counted());
        // By hand: two innovations 1 and 3 of variance 4.
        let mut l = LogLikelihood::default();
        l.add(1.0, 4.0);
        l.add_steady(3.0, 4.0);
        let want = -0.5 * (2.0 * std::f64::consts::TAU.ln() + 2.0 * 4.0_f64.ln() + 2.5);
        assert!((l.value() - want).abs() < 1e-15);
        assert_eq!(l.concentrated().map(|c| c.1), Some(1.25));
        assert_eq!(LogLikelihood::default().concentrated(), None);
    }
}
