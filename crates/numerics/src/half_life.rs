//! How fast a spread returns to its mean: an Ornstein-Uhlenbeck process observed at equal steps is an AR(1).
//!
//! s_t - s_{t-1} = c + f s_{t-1} + e_t by least squares; b = 1 + f = exp(-kappa); half-life = ln 2 / kappa = -ln 2 / ln b; its standard error by
//! the delta method: |d half-life / d b| se(b) = ln 2 / (b ln^2 b) se(b).
//!
//! b is biased down by about (1 + 3 b)/T (Kendall 1954, Biometrika 41), so that half-lives of short samples come out too short.

use serde::{Deserialize, Serialize};

use crate::math;

/// An AR(1) fit of a spread that reverts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HalfLife {
    /// b = 1 + f, in (0, 1).
    pub persistence: f64,
    /// Standard error of b.
    pub persistence_error: f64,
    /// Half-life in observations.
    pub half_life: f64,
    /// Its standard error.
    pub error: f64,
}

/// From the sums of products of level before (l) and difference (d), means removed, and the degrees of freedom; `None` unless b is in (0, 1).
pub fn from_moments(free: usize, ld: f64, ll: f64, dd: f64) -> Option<HalfLife> {
    if !(ll > 0.0 && free > 0) {
        return None;
    }
    let f = ld / ll;
    let residual = (dd - f * ld).max(0.0) / free as f64;
    let (b, se) = (1.0 + f, (residual / ll).sqrt());
    let ln = math::ln(b);
    (b > 0.0 && b < 1.0 && ln < 0.0).then(|| HalfLife {
        persistence: b,
        persistence_error: se,
        half_life: -std::f64::consts::LN_2 / ln,
        error: std::f64::consts::LN_2 / (b * ln * ln) * se,
    })
}

/// Of a spread with constant; `None` when it does not revert, does not vary, or has fewer than four observations.
pub fn half_life(spread: &[f64]) -> Option<HalfLife> {
    let n = spread.len().checked_sub(1).filter(|n| *n >= 3)?;
    let (before, after) = (&spread[..n], &spread[1..]);
    let mean = before.iter().sum::<f64>() / n as f64;
    let drift = (spread[n] - spread[0]) / n as f64;
    let (mut ld, mut ll, mut dd) = (0.0, 0.0, 0.0);
    for (x, y) in before.iter().zip(after) {
        let (l, d) = (x - mean, y - x - drift);
        ld += l * d;
        ll += l * l;
        dd += d * d;
    }
    from_moments(n - 2, ld, ll, dd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // s = 8, 4, 2, 1, 0.5: exactly half of what was, a half-life of one observation without error.
        let h = half_life(&[8.0, 4.0, 2.0, 1.0, 0.5]).unwrap();
        assert!((h.half_life - 1.0).abs() < 1e-12 && h.error < 1e-7, "{h:?}");
        // Levels 0, 1, 0, 1, 0 and differences 1, -1, 1, -1: b = -1, no half-life; nor has a straight line or a constant.
        assert_eq!(half_life(&[0.0, 1.0, 0.0, 1.0, 0.0]), None);
        assert_eq!(half_life(&[1.0, 2.0, 3.0, 4.0, 5.0]), None);
        assert_eq!(half_life(&[1.0; 9]), None);
        // l - mean = -1, 1, 0, ... : from the sums directly. f = -2/4, residual (3 - 1)/2 = 1, se = 1/2.
        let h = from_moments(2, -2.0, 4.0, 3.0).unwrap();
        assert!((h.persistence - 0.5).abs() < 1e-15 && (h.persistence_error - 0.5).abs() < 1e-15);
        assert!((h.half_life - 1.0).abs() < 1e-15 && (h.error - 1.0 / 2.0_f64.ln()).abs() < 1e-12, "{h:?}");
    }
}
