//! Value at risk and expected shortfall of a series of returns, and their Euler decomposition into parts.
//!
//! Everywhere: a return is a decimal, a loss is minus the return, VaR at confidence c is minus the (1 - c) quantile of the
//! return, positive for a loss. All four estimators are homogeneous of degree 1 in the positions, so by Euler's theorem the
//! components w_i dVaR/dw_i sum to the VaR itself (Tasche 1999, "Risk contributions and performance measurement").

pub mod backtest;
mod components;
pub mod peaks;
pub mod shortfall;
pub mod student;

pub use components::{Measure, Parts, components};

use crate::{NumericsError, normal, sum_of};

/// Lowest variance of the filter, as a share of the mean square of the window: a stretch of frozen prices would otherwise make
/// the next ordinary return look like a shock of any size.
const VARIANCE_FLOOR: f64 = 0.01;

/// Variance recursion of filtered historical simulation, h_{t+1} = omega v + alpha r_t^2 + beta h_t with h_1 = v, where v is the
/// mean square of the window. EWMA is omega = 0, alpha = 1 - lambda, beta = lambda; GARCH(1,1) with variance targeting is
/// omega = 1 - alpha - beta.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VarianceFilter {
    /// Weight of the mean square of the window.
    pub omega: f64,
    /// Weight of the last squared return.
    pub alpha: f64,
    /// Weight of the last variance.
    pub beta: f64,
}

impl VarianceFilter {
    /// Exponentially weighted with decay `lambda` in (0, 1) (RiskMetrics 1996).
    pub fn ewma(lambda: f64) -> Self {
        Self { omega: 0.0, alpha: 1.0 - lambda, beta: lambda }
    }
    /// GARCH(1,1) with variance targeting (Engle & Mezrich 1996).
    pub fn garch(alpha: f64, beta: f64) -> Self {
        Self { omega: (1.0 - alpha - beta).max(0.0), alpha, beta }
    }
}

/// How the tail is estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TailMethod {
    /// Quantile of the returns themselves, by linear interpolation between order statistics (numpy's `linear`, Hyndman & Fan 1996
    /// type 7). Expected shortfall by Acerbi & Tasche (2002), eq. 4.5: the mean of the worst n (1 - c), counting the last in part.
    Historical,
    /// -(mean + z s) with z the normal quantile and s with ddof = 1.
    Normal,
    /// Normal with the quantile corrected for skewness and excess kurtosis (Cornish & Fisher 1938; Zangari 1996):
    /// z + (z^2-1) S/6 + (z^3-3z) K/24 - (2z^3-5z) S^2/36; S and K as scipy's defaults (population moments).
    CornishFisher,
    /// Historical on returns r_t sqrt(h_{n+1} / h_t) rescaled to the volatility of today (Hull & White 1998; Barone-Adesi,
    /// Giannopoulos & Vosper 1999). The variance is at least 1 % of the window's mean square.
    Filtered(VarianceFilter),
}

/// VaR and expected shortfall, positive for losses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tail {
    /// Value at risk.
    pub var: f64,
    /// Mean loss beyond it; `None` where the Cornish-Fisher quantile is not monotone in the tail, so that it has no such mean.
    pub es: Option<f64>,
}

/// Memory for the estimators, reused between calls so that they allocate only when a series is longer than any before.
#[derive(Debug, Clone, Default)]
pub struct TailWork {
    total: Vec<f64>,
    scaled: Vec<f64>,
    variance: Vec<f64>,
    order: Vec<u32>,
    weights: Vec<f64>,
}

impl TailWork {
    /// Makes room for series of `n` returns in [`tail`].
    pub fn reserve(&mut self, n: usize) {
        let room = |v: &mut Vec<f64>| v.reserve((n + 1).saturating_sub(v.len()));
        room(&mut self.scaled);
        room(&mut self.variance);
    }
}

/// Mean, and central moments over n.
struct Moments {
    n: f64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    fn of(x: &[f64]) -> Self {
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let (m2, m3, m4) = x.iter().fold((0.0, 0.0, 0.0), |(a, b, c), v| {
            let d = v - mean;
            (a + d * d, b + d * d * d, c + d * d * d * d)
        });
        Self { n, mean, m2: m2 / n, m3: m3 / n, m4: m4 / n }
    }
    /// Whether there is variation beyond the rounding of the values.
    fn varies(&self) -> bool {
        self.m2.sqrt() > 8.0 * f64::EPSILON * self.mean.abs()
    }
    /// Standard deviation, ddof = 1.
    fn sd(&self) -> f64 {
        (self.m2 * self.n / (self.n - 1.0)).sqrt()
    }
    fn skewness(&self) -> f64 {
        if self.varies() { self.m3 / (self.m2 * self.m2.sqrt()) } else { 0.0 }
    }
    fn excess_kurtosis(&self) -> f64 {
        if self.varies() { self.m4 / (self.m2 * self.m2) - 3.0 } else { 0.0 }
    }
}

/// The Cornish-Fisher quantile at the normal quantile `z`, for skewness `s` and excess kurtosis `k`.
pub fn cornish_fisher(z: f64, s: f64, k: f64) -> f64 {
    z + (z * z - 1.0) * s / 6.0 + (z.powi(3) - 3.0 * z) * k / 24.0 - (2.0 * z.powi(3) - 5.0 * z) * s * s / 36.0
}

/// Whether the Cornish-Fisher quantile rises everywhere below `z`: its derivative a x^2 + b x + c is positive there (Maillard
/// 2012, "A user's guide to the Cornish Fisher expansion", section 3, for the tail alone).
pub fn cornish_fisher_rises(z: f64, s: f64, k: f64) -> bool {
    let (a, b, c) = (k / 8.0 - s * s / 6.0, s / 3.0, 1.0 - k / 8.0 + 5.0 * s * s / 36.0);
    let at_z = (a * z + b) * z + c > 0.0;
    let no_root_below = b * b < 4.0 * a * c || -b / (2.0 * a) >= z;
    at_z && ((a > 0.0 && no_root_below) || (a == 0.0 && b <= 0.0))
}

/// So few of the smallest values are found in one pass.
const FEW: usize = 32;

/// The smallest of `x`, in order, in the first `m` of the array; `m` is at least 1 and at most as many as there are of either.
///
/// In blocks of eight, of which the least is smaller than the `m`-th of all in only a few.
fn least(x: &[f64], m: usize) -> [f64; FEW] {
    let mut found = [0.0; FEW];
    found[..m].copy_from_slice(&x[..m]);
    found[..m].sort_unstable_by(f64::total_cmp);
    let mut take = |v: f64| {
        if v < found[m - 1] {
            let mut at = m - 1;
            while at > 0 && v < found[at - 1] {
                found[at] = found[at - 1];
                at -= 1;
            }
            found[at] = v;
        }
        found[m - 1]
    };
    let blocks = x[m..].chunks_exact(8);
    let rest = blocks.remainder();
    let mut most = take(f64::INFINITY);
    for b in blocks {
        let pairs = [b[0].min(b[4]), b[1].min(b[5]), b[2].min(b[6]), b[3].min(b[7])];
        if pairs[0].min(pairs[2]) < most || pairs[1].min(pairs[3]) < most {
            b.iter().for_each(|v| most = take(*v));
        }
    }
    rest.iter().for_each(|v| most = take(*v));
    found
}

/// Quantile (type 7) and mean of the worst n `p` values (the last counted in part); reorders `x`, which must be finite.
fn worst(x: &mut [f64], p: f64) -> (f64, f64) {
    let n = x.len();
    let exact = n as f64 * p;
    let k = (exact.floor() as usize).min(n - 1);
    let position = (n - 1) as f64 * p;
    let (lower, weight) = (position.floor() as usize, position - position.floor());
    let m = (k + 2).min(n);
    // (n - 1) p lies within one of n p, so the quantile's neighbours are the k-th value and the one beside it.
    let (sum, at, low, high) = if m <= FEW {
        let least = least(x, m);
        (least[..k].iter().sum::<f64>(), least[k], least[lower], least[(lower + 1).min(m - 1)])
    } else {
        let (below, &mut at, above) = x.select_nth_unstable_by(k, f64::total_cmp);
        let (low, high) = if lower == k {
            (at, above.iter().copied().min_by(f64::total_cmp).unwrap_or(at))
        } else {
            (below.iter().copied().max_by(f64::total_cmp).unwrap_or(at), at)
        };
        (below.iter().sum::<f64>(), at, low, high)
    };
    ((1.0 - weight) * low + weight * high, (sum + (exact - k as f64) * at) / exact)
}

fn check(returns: &[f64], confidence: f64) -> Result<(), NumericsError> {
    if returns.len() < 2 {
        return Err(NumericsError::TooFew { what: "value at risk", needed: 2, got: returns.len() });
    }
    let bad = |index, value, expected| Err(NumericsError::BadValue { what: "value at risk", index, value, expected });
    if !(confidence > 0.5 && confidence < 1.0) {
        return bad(0, confidence, "a confidence in (0.5, 1)");
    }
    // Zero times what is no number is none.
    if sum_of(returns, |r| 0.0 * r) == 0.0 {
        return Ok(());
    }
    let i = returns.iter().position(|r| !r.is_finite()).unwrap_or(0);
    bad(i, returns[i], "a finite return")
}

/// The variances h_1 .. h_{n+1} of the filter (each known before its return), floored; gives the mean square.
fn filter(returns: &[f64], f: VarianceFilter, variance: &mut Vec<f64>) -> f64 {
    let v = returns.iter().map(|r| r * r).sum::<f64>() / returns.len() as f64;
    variance.clear();
    let mut h = v;
    for r in returns {
        variance.push(h.max(VARIANCE_FLOOR * v));
        h = f.omega * v + f.alpha * r * r + f.beta * h;
    }
    variance.push(h.max(VARIANCE_FLOOR * v));
    v
}

/// Puts the returns rescaled to the last variance into `scaled`; false when there is no variation.
fn rescale(returns: &[f64], f: VarianceFilter, variance: &mut Vec<f64>, scaled: &mut Vec<f64>) -> bool {
    let v = filter(returns, f, variance);
    let next = variance.last().copied().unwrap_or(v);
    scaled.clear();
    scaled.extend(returns.iter().zip(variance.iter()).map(|(r, h)| r * (next / h).sqrt()));
    // Squares of tiny returns underflow.
    v > 0.0 && scaled.iter().all(|x| x.is_finite())
}

/// VaR and expected shortfall of `returns` (oldest first, at least two, finite) at `confidence` in (0.5, 1). O(n).
///
/// # Errors
/// Too few returns, one that is not finite, or a confidence outside (0.5, 1).
pub fn tail(returns: &[f64], method: TailMethod, confidence: f64, work: &mut TailWork) -> Result<Tail, NumericsError> {
    check(returns, confidence)?;
    let p = 1.0 - confidence;
    let empirical = |x: &mut [f64]| {
        let (q, mean) = worst(x, p);
        Tail { var: -q, es: Some(-mean) }
    };
    Ok(match method {
        TailMethod::Historical => {
            work.scaled.clear();
            work.scaled.extend_from_slice(returns);
            empirical(&mut work.scaled)
        }
        TailMethod::Filtered(f) => {
            if rescale(returns, f, &mut work.variance, &mut work.scaled) {
                empirical(&mut work.scaled)
            } else {
                Tail { var: 0.0, es: Some(0.0) }
            }
        }
        TailMethod::Normal | TailMethod::CornishFisher => {
            let m = Moments::of(returns);
            let (z, s, k) = match method {
                TailMethod::CornishFisher => (normal::quantile(p), m.skewness(), m.excess_kurtosis()),
                _ => (normal::quantile(p), 0.0, 0.0),
            };
            // Mean of the Cornish-Fisher quantile over the tail; the integral of He_n phi is -He_{n-1} phi.
            let shape = 1.0 + z * s / 6.0 + (z * z - 1.0) * k / 24.0 - (2.0 * z * z - 1.0) * s * s / 36.0;
            let es = m.sd() * normal::pdf(z) / p * shape - m.mean;
            Tail { var: -(m.mean + m.sd() * cornish_fisher(z, s, k)), es: cornish_fisher_rises(z, s, k).then_some(es) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn noise(seed: u64, n: usize) -> Vec<f64> {
        let mut x = seed;
        (0..n)
            .map(|_| {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let u = ((x >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
                0.01 * normal::quantile(u) * (1.0 + 5.0 * (u - 0.5).powi(4))
            })
            .collect()
    }
    pub(super) const ALL: [TailMethod; 5] = [
        TailMethod::Historical,
        TailMethod::Normal,
        TailMethod::CornishFisher,
        TailMethod::Filtered(VarianceFilter { omega: 0.0, alpha: 0.06, beta: 0.94 }),
        TailMethod::Filtered(VarianceFilter { omega: 0.02, alpha: 0.08, beta: 0.9 }),
    ];

    #[test]
    fn the_worst_are_those_of_a_sorted_list() {
        for n in [1, 2, 3, 40, 252, 1200, 1300, 3000] {
            for (seed, p) in [(1, 0.025), (2, 0.01), (3, 0.3), (4, 0.4999)] {
                let mut x = noise(seed, n);
                // Ties, also of the smallest.
                if n > 3 {
                    (x[1], x[n - 1]) = (x[0], -0.2);
                    x[n / 2] = -0.2;
                }
                let mut sorted = x.clone();
                sorted.sort_by(f64::total_cmp);
                let (at, exact) = ((n - 1) as f64 * p, n as f64 * p);
                let (i, k) = (at as usize, exact as usize);
                let next = sorted[(i + 1).min(n - 1)];
                let quantile = sorted[i] + (at - i as f64) * (next - sorted[i]);
                let mean = (sorted[..k].iter().sum::<f64>() + (exact - k as f64) * sorted[k]) / exact;
                let (q, m) = worst(&mut x, p);
                assert!((q - quantile).abs() < 1e-15 && (m - mean).abs() < 1e-15, "{n} {p}: {q} {quantile} {m} {mean}");
            }
        }
    }

    #[test]
    fn by_hand() {
        let mut w = TailWork::default();
        let r = [0.01, -0.05, 0.02, -0.01, 0.0];
        // (5 - 1) x 0.1 = 0.4 between -0.05 and -0.01; the worst half observation is -0.05.
        let t = tail(&r, TailMethod::Historical, 0.9, &mut w).unwrap();
        assert!((t.var - 0.034).abs() < 1e-15 && (t.es.unwrap() - 0.05).abs() < 1e-15, "{t:?}");
        // Mean of the worst 1.5: (0.05 + 0.5 x 0.01) / 1.5.
        let t = tail(&r, TailMethod::Historical, 0.7, &mut w).unwrap();
        assert!((t.es.unwrap() - 0.055 / 1.5).abs() < 1e-15, "{t:?}");
        // Mean -0.006, s^2 = 0.00292 / 4.
        let t = tail(&r, TailMethod::Normal, 0.95, &mut w).unwrap();
        assert!((t.var - (0.006 + 1.644_853_626_951_472_7 * (0.00292_f64 / 4.0).sqrt())).abs() < 1e-15);
        // lambda = 0.5, returns 1, 2: h = 2.5, 1.75, 2.875.
        let f = TailMethod::Filtered(VarianceFilter::ewma(0.5));
        let t = tail(&[-0.1, -0.2], f, 0.99, &mut w).unwrap();
        let (a, b) = (0.1 * (2.875_f64 / 2.5).sqrt(), 0.2 * (2.875_f64 / 1.75).sqrt());
        assert!((t.var - (0.99 * b + 0.01 * a)).abs() < 1e-15, "{t:?}");
    }

    #[test]
    fn cornish_fisher_shortfall_is_the_mean_of_its_quantiles() {
        let (mut w, r) = (TailWork::default(), noise(5, 1000));
        let t = tail(&r, TailMethod::CornishFisher, 0.95, &mut w).unwrap();
        let m = Moments::of(&r);
        let steps = 200_000;
        let mean = (0..steps)
            .map(|i| {
                let z = normal::quantile(0.05 * (f64::from(i) + 0.5) / f64::from(steps));
                m.mean + m.sd() * cornish_fisher(z, m.skewness(), m.excess_kurtosis())
            })
            .sum::<f64>()
            / f64::from(steps);
        assert!((t.es.unwrap() + mean).abs() < 1e-6, "{t:?} {mean}");
        // Far outside its domain there is no such mean.
        assert!(!cornish_fisher_rises(-1.645, -4.0, 1.0) && cornish_fisher_rises(-1.645, -0.5, 3.0));
    }

    #[test]
    fn no_variation_and_bad_input() {
        let mut w = TailWork::default();
        for method in ALL {
            let t = tail(&[0.0; 60], method, 0.95, &mut w).unwrap();
            assert!(t.var == 0.0 && t.es.unwrap() == 0.0, "{method:?} {t:?}");
            assert!(tail(&[0.1], method, 0.95, &mut w).is_err());
            assert!(tail(&[0.1, f64::NAN], method, 0.95, &mut w).is_err());
            assert!(tail(&[0.1, 0.2], method, 1.0, &mut w).is_err());
        }
    }
}
