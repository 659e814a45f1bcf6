//! The standard normal distribution, as free functions.

use statrs::distribution::{Continuous, ContinuousCDF, Normal};

/// Density at `x`.
pub fn pdf(x: f64) -> f64 {
    Normal::standard().pdf(x)
}
/// Probability of a value at most `x`: erfc(-x / sqrt 2) / 2, to full precision (statrs' own is good to 1e-10 only).
pub fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}
/// The value not exceeded with probability `p`; infinite at 0 and 1, NaN outside [0, 1].
pub fn quantile(p: f64) -> f64 {
    if (0.0..=1.0).contains(&p) { Normal::standard().inverse_cdf(p) } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_tables() {
        assert!((quantile(0.95) - 1.644_853_626_951_472_7).abs() < 1e-14);
        assert!((cdf(1.96) - 0.975_002_104_851_779_5).abs() < 1e-15);
        assert!((cdf(-8.0) / 6.220_960_574_271_785e-16 - 1.0).abs() < 1e-12);
        assert!(quantile(1.5).is_nan());
    }
}
