//! The local level model in scalars: the fast path.

use serde::{Deserialize, Serialize};

use super::{Innovation, LogLikelihood};
use crate::NumericsError;

/// Relative distance of the predicted variance from its limit at which the limit is taken instead.
const CONVERGED: f64 = 1e-12;

/// What is known of the level before the first observation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Start1 {
    /// Nothing: exactly diffuse, so the first observation is the first level.
    Diffuse,
    /// Mean zero and this variance; the likelihood leaves out the first observation.
    Approximate(f64),
    /// Mean and variance.
    Known(f64, f64),
}

/// y_t = m_t + e_t, e_t ~ N(0, h); m_{t+1} = m_t + n_t, n_t ~ N(0, q).
///
/// The predicted variance p obeys p <- p h / (p + h) + q and tends to (q + sqrt(q^2 + 4 q h)) / 2. Within 1e-12 of it (relative) the limit
/// is taken, and from then on an update is m <- m + k (y - m); streaming and batch do the same, bit by bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalLevel {
    drift: f64,
    noise: f64,
    level: f64,
    /// Of the level, given everything seen.
    variance: f64,
    unknown: bool,
    started: bool,
    burn: bool,
    /// Limits of the predicted variance of the level, of the innovation's, and of the gain.
    limit: (f64, f64, f64),
    steady: bool,
    shortcut: bool,
    log_likelihood: LogLikelihood,
}

impl LocalLevel {
    /// The filter with variances `drift` q and `noise` h; `None` unless both are finite, not negative and not both zero.
    pub fn new(drift: f64, noise: f64, start: Start1) -> Option<Self> {
        let fine = |v: f64| v.is_finite() && v >= 0.0;
        let sum = drift + noise;
        if !(fine(drift) && fine(noise) && sum > 0.0 && sum.is_finite()) {
            return None;
        }
        let (level, variance, unknown, burn) = match start {
            Start1::Diffuse => (0.0, 0.0, true, false),
            Start1::Approximate(v) => (0.0, v, false, true),
            Start1::Known(m, v) => (m, v, false, false),
        };
        let p = 0.5 * (drift + drift.sqrt() * (drift + 4.0 * noise).sqrt());
        let limit = (p, p + noise, p / (p + noise));
        let log_likelihood = LogLikelihood::default();
        let (started, steady, shortcut) = (false, false, true);
        Some(Self { drift, noise, level, variance, unknown, started, burn, limit, steady, shortcut, log_likelihood })
    }
    /// The same filter that always computes the whole recursion, also when its gain has converged.
    #[must_use]
    pub fn without_shortcut(mut self) -> Self {
        self.shortcut = false;
        self
    }
    /// One step in time and one finite observation, or none when it is missing.
    #[inline]
    pub fn step(&mut self, y: Option<f64>) -> Option<Innovation> {
        if self.steady {
            if let Some(y) = y {
                let (_, f, gain) = self.limit;
                let v = y - self.level;
                self.level += gain * v;
                self.log_likelihood.add_steady(v, f);
                return Some(Innovation { value: v, variance: f });
            }
            self.steady = false;
            self.variance = self.limit.2 * self.noise;
        }
        let p = if self.started { self.variance + self.drift } else { self.variance };
        self.started = true;
        let burn = std::mem::take(&mut self.burn);
        let Some(y) = y else {
            self.variance = p;
            return None;
        };
        let v = y - self.level;
        if self.unknown {
            self.unknown = false;
            self.level = y;
            self.variance = self.noise;
            self.log_likelihood.add_unknown(1.0);
            return Some(Innovation { value: v, variance: f64::INFINITY });
        }
        let f = p + self.noise;
        // Known for certain: nothing to learn.
        if f <= 0.0 {
            self.variance = 0.0;
            return Some(Innovation { value: v, variance: 0.0 });
        }
        let gain = p / f;
        self.level += gain * v;
        self.variance = (1.0 - gain) * (1.0 - gain) * p + gain * gain * self.noise;
        if !burn {
            self.log_likelihood.add(v, f);
        }
        let next = self.variance + self.drift;
        self.steady = self.shortcut && (next - self.limit.0).abs() <= CONVERGED * self.limit.0;
        Some(Innovation { value: v, variance: f })
    }
    /// Filters `ys` into `levels`, to the last bit what [`LocalLevel::step`] gives.
    ///
    /// # Errors
    /// When the slices differ in length or a value is not finite; then nothing has changed.
    pub fn filter(&mut self, ys: &[f64], levels: &mut [f64]) -> Result<(), NumericsError> {
        const WHAT: &str = "local level";
        if ys.len() != levels.len() {
            return Err(NumericsError::TooFew { what: WHAT, needed: ys.len(), got: levels.len() });
        }
        // Whole blocks first: that is vectorised.
        if let Some(at) = ys.chunks(256).position(|c| !c.iter().fold(true, |fine, y| fine & y.is_finite())) {
            let index = ys.iter().skip(256 * at).position(|y| !y.is_finite()).unwrap_or(0) + 256 * at;
            return Err(NumericsError::BadValue { what: WHAT, index, value: ys[index], expected: "a finite number" });
        }
        let mut done = 0;
        while done < ys.len() {
            if !self.steady {
                self.step(Some(ys[done]));
                levels[done] = self.level;
                done += 1;
                continue;
            }
            let (_, f, gain) = self.limit;
            let n = self.log_likelihood.room(f).min(ys.len() - done);
            let (mut level, mut squares) = (self.level, self.log_likelihood.block());
            for (y, out) in ys[done..done + n].iter().zip(&mut levels[done..done + n]) {
                let v = y - level;
                level += gain * v;
                squares += v * v;
                *out = level;
            }
            self.level = level;
            self.log_likelihood.add_block(squares, n);
            done += n;
        }
        Ok(())
    }
    /// The level, once something was seen or known.
    pub fn level(&self) -> Option<f64> {
        (!self.unknown).then_some(self.level)
    }
    /// Variance of the level given everything seen.
    pub fn variance(&self) -> Option<f64> {
        (!self.unknown).then_some(if self.steady { self.limit.2 * self.noise } else { self.variance })
    }
    /// Whether the gain has converged and the shortcut is taken.
    pub fn is_steady(&self) -> bool {
        self.steady
    }
    /// The gain in the limit, in \[0, 1\]: by how much of an innovation the level moves. The level then is an exponentially weighted mean with a
    /// mean age of (1 - gain) / gain observations.
    pub fn limit_gain(&self) -> f64 {
        self.limit.2
    }
    /// The log-likelihood of what was observed.
    pub fn log_likelihood(&self) -> &LogLikelihood {
        &self.log_likelihood
    }
    /// A new filter with the same variances.
    #[must_use]
    pub fn restarted(&self, start: Start1) -> Self {
        // The variances were accepted before.
        let fresh = Self::new(self.drift, self.noise, start).unwrap_or_else(|| self.clone());
        Self { shortcut: self.shortcut, ..fresh }
    }
    /// Takes on other variances, not both zero; the level and its variance stay. `None`, and nothing changed, for variances that
    /// [`LocalLevel::new`] refuses.
    pub fn set_variances(&mut self, drift: f64, noise: f64) -> Option<()> {
        let other = Self::new(drift, noise, Start1::Diffuse)?;
        if self.steady {
            self.variance = self.limit.2 * self.noise;
        }
        (self.drift, self.noise, self.limit, self.steady) = (drift, noise, other.limit, false);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kalman::{Kalman, Model, Start};
    use tradewind_core_types::testkit::{Rng, closes};

    #[test]
    fn by_hand() {
        // q = h = 1 from a known level of 0 with variance 2: F = 3, k = 2/3, y = 3 gives level 2 and variance 2/3. Then p = 5/3,
        // F = 8/3, k = 5/8: y = 4 gives 3.25 and variance 5/8.
        let mut l = LocalLevel::new(1.0, 1.0, Start1::Known(0.0, 2.0)).unwrap();
        assert_eq!(l.step(Some(3.0)), Some(Innovation { value: 3.0, variance: 3.0 }));
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-15, "{a} {b}");
        near(l.level().unwrap(), 2.0);
        near(l.variance().unwrap(), 2.0 / 3.0);
        let i = l.step(Some(4.0)).unwrap();
        near(i.variance, 8.0 / 3.0);
        near(l.level().unwrap(), 3.25);
        near(l.variance().unwrap(), 0.625);
        // Missing: the variance grows by q.
        assert_eq!(l.step(None), None);
        near(l.variance().unwrap(), 1.625);
        // The limits of q = h = 1: p = golden ratio, k = 1 / golden ratio.
        near(l.limit_gain(), 0.5 * (5.0_f64.sqrt() - 1.0));
    }

    #[test]
    fn diffuse_is_the_limit_of_a_large_variance() {
        let ys = closes(3, 300);
        let mut exact = LocalLevel::new(0.5, 2.0, Start1::Diffuse).unwrap();
        let mut large = LocalLevel::new(0.5, 2.0, Start1::Approximate(1e10)).unwrap();
        assert_eq!((exact.level(), exact.variance()), (None, None));
        for y in &ys {
            exact.step(Some(*y));
            large.step(Some(*y));
            assert!((exact.level().unwrap() - large.level().unwrap()).abs() < 1e-7);
        }
        let gap = exact.log_likelihood().value() - large.log_likelihood().value();
        // The first observation counts -ln(2 pi) / 2 when exact and nothing when approximate.
        assert!((gap + 0.5 * std::f64::consts::TAU.ln()).abs() < 1e-6, "{gap}");
    }

    #[test]
    fn scalar_and_matrix_form_agree_and_the_shortcut_changes_nothing_that_matters() {
        let ys = closes(4, 4000);
        for (q, h) in [(1.0, 1.0), (1e-4, 1.0), (3.0, 0.01), (0.0, 1.0), (1.0, 0.0)] {
            let model = Model::random_walk(&[q], h).unwrap();
            let mut full = Kalman::new(model, Start::Diffuse).without_shortcut();
            let mut quick = LocalLevel::new(q, h, Start1::Diffuse).unwrap();
            let mut slow = quick.clone().without_shortcut();
            for (i, y) in ys.iter().enumerate() {
                let y = (i % 97 != 13).then_some(*y);
                full.step(&[1.0], y);
                quick.step(y);
                slow.step(y);
                let (f, a, b) = (full.mean()[0], quick.level().unwrap(), slow.level().unwrap());
                assert!(
                    (a - b).abs() <= 1e-11 * b.abs() && (f - b).abs() <= 1e-12 * b.abs(),
                    "{q} {h} {i}: {f} {a} {b}"
                );
                let (v, w) = (quick.variance().unwrap(), slow.variance().unwrap());
                assert!((v - w).abs() <= 1e-10 * w, "{v} {w}");
            }
            let (a, b, f) = (quick.log_likelihood(), slow.log_likelihood(), full.log_likelihood());
            assert!((a.value() - b.value()).abs() < 1e-8 * b.value().abs(), "{} {}", a.value(), b.value());
            assert!((f.value() - b.value()).abs() < 1e-10 * b.value().abs());
        }
        let mut l = LocalLevel::new(1.0, 1.0, Start1::Diffuse).unwrap();
        ys.iter().take(40).for_each(|y| {
            l.step(Some(*y));
        });
        assert!(l.is_steady());
    }

    #[test]
    fn batch_is_streaming_to_the_last_bit() {
        let ys = closes(5, 5000);
        let mut streaming = LocalLevel::new(0.01, 1.0, Start1::Diffuse).unwrap();
        let mut batch = streaming.clone();
        let one: Vec<f64> = ys.iter().map(|y| (streaming.step(Some(*y)), streaming.level().unwrap()).1).collect();
        let mut many = vec![0.0; ys.len()];
        for (y, l) in ys.chunks(777).zip(many.chunks_mut(777)) {
            batch.filter(y, l).unwrap();
        }
        assert_eq!(one, many);
        assert_eq!(streaming, batch);
        let before = batch.clone();
        let bad = batch.filter(&[1.0, f64::NAN], &mut [0.0; 2]).unwrap_err();
        assert!(matches!(bad, NumericsError::BadValue { index: 1, .. }));
        assert!(batch.filter(&[1.0], &mut []).is_err());
        assert_eq!(before, batch);
    }

    #[test]
    fn ten_million_updates_do_not_drift() {
        let (q, h) = (1e-6, 1.0);
        let mut rng = Rng(9);
        let mut l = LocalLevel::new(q, h, Start1::Diffuse).unwrap();
        let mut long = l.clone().without_shortcut();
        let mut last = Vec::new();
        for i in 0..10_000_000_u32 {
            let y = 1e6 + rng.normal();
            l.step(Some(y));
            long.step(Some(y));
            if i >= 9_900_000 {
                last.push(y);
            }
        }
        // Of what lies 100,000 observations back (1 - k)^100000 = e^-100 is left: a filter over the rest alone must agree.
        let mut short = LocalLevel::new(q, h, Start1::Diffuse).unwrap();
        last.iter().for_each(|y| {
            short.step(Some(*y));
        });
        for x in [&l, &long] {
            assert!((x.level().unwrap() - short.level().unwrap()).abs() < 1e-6, "{x:?} {short:?}");
            assert!(
                (x.variance().unwrap() / short.variance().unwrap() - 1.0).abs() < 1e-9 && x.variance().unwrap() > 0.0
            );
        }
        assert!((l.log_likelihood().value() / long.log_likelihood().value() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn unusable_variances_are_refused() {
        for (q, h) in [(-1.0, 1.0), (1.0, f64::NAN), (0.0, 0.0), (f64::INFINITY, 1.0), (f64::MAX, f64::MAX)] {
            assert_eq!(LocalLevel::new(q, h, Start1::Diffuse), None);
        }
        let mut l = LocalLevel::new(1.0, 1.0, Start1::Known(5.0, 0.0)).unwrap();
        assert_eq!(l.set_variances(0.0, 0.0), None);
        // Nothing moves without drift from a level known for certain.
        assert_eq!(l.set_variances(0.0, 2.0), Some(()));
        l.step(Some(9.0));
        assert_eq!(l.level(), Some(5.0));
    }
}
