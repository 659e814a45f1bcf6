//! How large a coefficient must be to be more than noise, and what is done to the others.

use serde::{Deserialize, Serialize};

use crate::math;

/// The median of |x| of a standard normal variable: median absolute value over this is a standard deviation.
pub const MAD_TO_SIGMA: f64 = 0.674_489_750_196_081_7;

/// What happens to coefficients at a threshold t >= 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shrink {
    /// All come t closer to zero: sign(x) max(|x| - t, 0).
    Soft,
    /// Those below t become zero, the others stay; so does one that is t itself.
    Hard,
}

impl Shrink {
    /// What becomes of a coefficient.
    #[inline]
    pub fn apply(self, x: f64, t: f64) -> f64 {
        match self {
            Self::Soft => x.signum() * (x.abs() - t).max(0.0),
            Self::Hard if x.abs() < t => 0.0,
            Self::Hard => x,
        }
    }
}

/// How the threshold is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// sigma sqrt(2 ln n), n the length of the series: noise alone stays below it almost surely (Donoho & Johnstone 1994).
    Universal,
    /// SureShrink: for each level the t that minimises Stein's unbiased estimate of the risk of soft thresholding,
    /// n - 2 #{|x| <= t} + sum of min(x^2, t^2) with x = d / sigma, at most sqrt(2 ln n), n the coefficients of the level; sqrt(2 ln n)
    /// itself when the level is sparse: mean(x^2) - 1 < log2(n)^1.5 / sqrt(n) (Donoho & Johnstone 1995, as in WaveLab's HybridThresh).
    Sure,
    /// BayesShrink: for each level sigma^2 / sqrt(mean(d^2) - sigma^2); all become zero when the root has no value (Chang, Yu & Vetterli
    /// 2000).
    Bayes,
}

impl Rule {
    /// The threshold for the coefficients `d` of one level of a series of `n` values with noise `sigma`; `scratch` has as many places
    /// as `d`. Infinite when nothing is more than noise.
    pub fn threshold(self, d: &[f64], sigma: f64, n: usize, scratch: &mut [f64]) -> f64 {
        let universal = |n: usize| (2.0 * math::ln(n.max(1) as f64)).sqrt();
        if sigma <= 0.0 || d.is_empty() {
            return 0.0;
        }
        match self {
            Self::Universal => sigma * universal(n),
            Self::Bayes => {
                let signal = mean_square(d, 1.0) - sigma * sigma;
                if signal > 0.0 { sigma * sigma / signal.sqrt() } else { f64::INFINITY }
            }
            Self::Sure => {
                let k = d.len() as f64;
                let levels = math::log2(k);
                let sparse = mean_square(d, sigma) - 1.0 < levels * (levels / k).sqrt();
                let top = universal(d.len());
                if sparse { sigma * top } else { sure(d, sigma, scratch).min(sigma * top) }
            }
        }
    }
}

fn mean_square(d: &[f64], unit: f64) -> f64 {
    d.iter().map(|x| (x / unit).powi(2)).sum::<f64>() / d.len() as f64
}

/// The value among |d| at which the estimated risk is least; the smallest of several. It is one of them to the last digit, so that hard
/// thresholding keeps it.
fn sure(d: &[f64], sigma: f64, scratch: &mut [f64]) -> f64 {
    for (s, x) in scratch.iter_mut().zip(d) {
        *s = x.abs();
    }
    scratch.sort_unstable_by(f64::total_cmp);
    let n = scratch.len() as f64;
    let (mut best, mut least, mut sum, mut k) = (0.0, f64::INFINITY, 0.0, 0.0);
    for &t in scratch.iter() {
        let t2 = (t / sigma).powi(2);
        k += 1.0;
        sum += t2;
        let risk = n - 2.0 * k + sum + (n - k) * t2;
        if risk < least {
            (best, least) = (t, risk);
        }
    }
    best
}

/// Standard deviation of the noise from coefficients that are nearly all noise: their median absolute value over 0.6745. `scratch` has
/// as many places as `d`; 0 without any.
pub fn mad_noise(d: &[f64], scratch: &mut [f64]) -> f64 {
    for (s, x) in scratch.iter_mut().zip(d) {
        *s = x.abs();
    }
    let n = scratch.len();
    if n == 0 {
        return 0.0;
    }
    let (below, middle, _) = scratch.select_nth_unstable_by(n / 2, f64::total_cmp);
    let median = if n % 2 == 1 {
        *middle
    } else {
        // The other of the two in the middle is the largest of the smaller half.
        0.5 * (*middle + below.iter().copied().fold(0.0, f64::max))
    };
    median / MAD_TO_SIGMA
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_and_hard() {
        let all = [-3.0, -1.0, 0.0, 0.5, 1.0, 3.0];
        assert_eq!(all.map(|x| Shrink::Soft.apply(x, 1.0)), [-2.0, -0.0, 0.0, 0.0, 0.0, 2.0]);
        assert_eq!(all.map(|x| Shrink::Hard.apply(x, 1.0)), [-3.0, -1.0, 0.0, 0.0, 1.0, 3.0]);
        assert_eq!(Shrink::Soft.apply(-5.0, f64::INFINITY), 0.0);
    }

    #[test]
    fn noise_is_the_scaled_median() {
        let mut s = [0.0; 5];
        assert_eq!(mad_noise(&[-4.0, 1.0, 3.0, -2.0, 100.0], &mut s), 3.0 / MAD_TO_SIGMA);
        assert_eq!(mad_noise(&[-4.0, 1.0, 3.0, -2.0], &mut s[..4]), 2.5 / MAD_TO_SIGMA);
        assert_eq!(mad_noise(&[], &mut []), 0.0);
    }

    #[test]
    fn thresholds_by_hand() {
        let (d, mut s) = ([1.0, -2.0, 3.0, -10.0], [0.0; 4]);
        let t = Rule::Universal.threshold(&d, 2.0, 100, &mut s);
        assert!((t - 2.0 * (2.0 * 100.0_f64.ln()).sqrt()).abs() < 1e-15);
        // mean(d^2) = 28.5; 4 / sqrt(28.5 - 4).
        assert!((Rule::Bayes.threshold(&d, 2.0, 100, &mut s) - 4.0 / 24.5_f64.sqrt()).abs() < 1e-15);
        assert_eq!(Rule::Bayes.threshold(&d, 6.0, 100, &mut s), f64::INFINITY);
        // sigma 1: mean square 28.5 - 1 is far above 2^1.5 / 2. Risks at t^2 = 1, 4, 9, 100:
        // 4 - 2 + 1 + 3 = 6, 4 - 4 + 5 + 8 = 13, 4 - 6 + 14 + 9 = 21, 4 - 8 + 114 = 110. The least is at t = 1.
        assert_eq!(Rule::Sure.threshold(&d, 1.0, 100, &mut s), 1.0);
        // Sparse: sqrt(2 ln 4), whatever the length of the series.
        let t = Rule::Sure.threshold(&[0.1, -0.2, 0.3, 1.0], 1.0, 100, &mut s);
        assert!((t - (2.0 * 4.0_f64.ln()).sqrt()).abs() < 1e-15);
        assert_eq!(Rule::Sure.threshold(&d, 0.0, 100, &mut s), 0.0);
        // The threshold is one of the coefficients itself, whatever the noise: hard thresholding keeps it.
        for sigma in (1..200).map(|i| 0.1 + f64::from(i) / 7.0) {
            // Risks at t = 0.3, 0.9, 1.7 and 6 times sigma: 2.36, 2.52, 4.68 and 35.8; so at nearly these.
            let d = [1.7, -0.9, 0.3, 6.0].map(|x| x * sigma * 0.987_654_321);
            let t = Rule::Sure.threshold(&d, sigma, 100, &mut s);
            let i = d.iter().position(|x| x.abs() == t);
            assert!(i.is_some_and(|i| Shrink::Hard.apply(d[i], t) == d[i]), "{t} at {sigma}");
        }
    }
}
