//! Correlation: over a sliding window, exponentially weighted, averaged over all pairs, and tests on it by Fisher's z.

use serde::{Deserialize, Serialize};

use crate::math;
use crate::normal;
use crate::rolling::Window;

/// Pearson's correlation of the last n pairs.
///
/// r = S_xy / sqrt(S_xx S_yy), with S the sums of products of deviations from the windows' means. These are updated by the
/// difference of the pair that comes and the one that goes (the bivariate form of Welford's recursion; Chan, Golub & LeVeque
/// 1983) and rebuilt exactly from the window every n updates, so that rounding cannot accumulate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollingCorrelation {
    window: Window<(f64, f64)>,
    mean: (f64, f64),
    sxx: f64,
    syy: f64,
    sxy: f64,
    since_rebuild: usize,
}

impl RollingCorrelation {
    /// Over `n` pairs (at least one).
    pub fn new(n: usize) -> Self {
        Self { window: Window::new(n), mean: (0.0, 0.0), sxx: 0.0, syy: 0.0, sxy: 0.0, since_rebuild: 0 }
    }
    /// Takes a pair of finite values; gives the pair that fell out.
    pub fn push(&mut self, x: f64, y: f64) -> Option<(f64, f64)> {
        let out = self.window.push((x, y));
        let n = self.window.len() as f64;
        let before = self.mean;
        match out {
            None => {
                self.mean.0 += (x - before.0) / n;
                self.mean.1 += (y - before.1) / n;
                self.sxx += (x - before.0) * (x - self.mean.0);
                self.syy += (y - before.1) * (y - self.mean.1);
                self.sxy += (x - before.0) * (y - self.mean.1);
            }
            Some((p, q)) => {
                self.mean.0 += (x - p) / n;
                self.mean.1 += (y - q) / n;
                self.sxx += (x - p) * (x - self.mean.0 + p - before.0);
                self.syy += (y - q) * (y - self.mean.1 + q - before.1);
                // S' - S = (x - p)(y - m'_y) + (p - m_x)(y - q): symmetric in x and y although it does not look it.
                self.sxy += (x - p) * (y - self.mean.1) + (p - before.0) * (y - q);
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
        let (sx, sy) = self.window.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
        self.mean = (sx / n, sy / n);
        let mut s = [0.0; 5];
        for (x, y) in self.window.iter() {
            let (dx, dy) = (x - self.mean.0, y - self.mean.1);
            s[0] += dx * dx;
            s[1] += dy * dy;
            s[2] += dx * dy;
            s[3] += dx;
            s[4] += dy;
        }
        // The second terms remove the rounding of the means (Chan et al., eq. 1.7).
        self.sxx = s[0] - s[3] * s[3] / n;
        self.syy = s[1] - s[4] * s[4] / n;
        self.sxy = s[2] - s[3] * s[4] / n;
    }
    /// The pairs.
    pub fn window(&self) -> &Window<(f64, f64)> {
        &self.window
    }
    /// Whether the window is full.
    pub fn is_full(&self) -> bool {
        self.window.is_full()
    }
    /// Correlation in [-1, 1]; `None` for fewer than two pairs or when either series does not vary.
    pub fn correlation(&self) -> Option<f64> {
        let n = self.window.len() as f64;
        let varies = |s: f64, mean: f64| s > n * (4.0 * f64::EPSILON * mean).powi(2);
        if self.window.len() < 2 || !varies(self.sxx, self.mean.0) || !varies(self.syy, self.mean.1) {
            return None;
        }
        let r = self.sxy / (self.sxx.sqrt() * self.syy.sqrt());
        r.is_finite().then(|| r.clamp(-1.0, 1.0))
    }
}

/// Exponentially weighted correlation of returns whose mean is taken as zero.
///
/// s_xy,t = lambda s_xy,t-1 + (1 - lambda) x_t y_t, likewise s_xx and s_yy, started at the first pair;
/// r = s_xy / sqrt(s_xx s_yy) (RiskMetrics Technical Document 1996, section 5.2). It equals pandas'
/// `(x*y).ewm(alpha=1-lambda, adjust=False).mean()` over the square roots of the same of x^2 and y^2; it is not
/// `x.ewm(..).corr(y)`, which subtracts weighted means. Some (1 + lambda)/(1 - lambda) pairs count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EwmCorrelation {
    lambda: f64,
    s: Option<[f64; 3]>,
}

impl EwmCorrelation {
    /// With decay `lambda` in [0, 1).
    pub const fn new(lambda: f64) -> Self {
        Self { lambda, s: None }
    }
    /// Takes a pair of finite values.
    pub fn push(&mut self, x: f64, y: f64) {
        let now = [x * x, y * y, x * y];
        self.s = Some(match self.s {
            None => now,
            Some(s) => std::array::from_fn(|i| self.lambda * s[i] + (1.0 - self.lambda) * now[i]),
        });
    }
    /// Correlation in [-1, 1]; `None` before the first pair or while either series is zero throughout.
    pub fn correlation(&self) -> Option<f64> {
        let [xx, yy, xy] = self.s?;
        let d = xx.sqrt() * yy.sqrt();
        // A denominator too small to divide by is no variation.
        (d >= f64::MIN_POSITIVE).then(|| (xy / d).clamp(-1.0, 1.0))
    }
}

/// Average correlation over all pairs of k series, over the last n rows.
///
/// With every series standardised over the window (mean 0, sample deviation 1), the sum of all entries of the correlation
/// matrix is the sample variance of the row sums, so that the mean off-diagonal entry is (Var(sum_i z_i) - k) / (k (k - 1)):
/// O(n k) instead of O(n k^2), and exact at every step since nothing is carried over. Series without variation are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AverageCorrelation {
    n: usize,
    k: usize,
    /// Row by row; the order of rows does not matter.
    rows: Vec<f64>,
    /// Where the oldest row is, once full.
    head: usize,
    mean: Vec<f64>,
    /// One over the deviation; 0 for a series without variation.
    scale: Vec<f64>,
    average: Option<f64>,
}

impl AverageCorrelation {
    /// Over `n` rows (at least two) of `k` series.
    pub fn new(n: usize, k: usize) -> Self {
        let n = n.max(2);
        Self { n, k, rows: Vec::with_capacity(n * k), head: 0, mean: vec![0.0; k], scale: vec![0.0; k], average: None }
    }
    /// Takes a row of `k` finite values (what is beyond is ignored, a shorter row is not taken); the average once the window
    /// is full and at least two series vary.
    pub fn push(&mut self, row: &[f64]) -> Option<f64> {
        let row = row.get(..self.k).filter(|r| !r.is_empty())?;
        if self.rows.len() < self.n * self.k {
            self.rows.extend_from_slice(row);
        } else {
            let at = self.head * self.k;
            self.rows[at..at + self.k].copy_from_slice(row);
            self.head = (self.head + 1) % self.n;
        }
        self.average = if self.rows.len() == self.n * self.k { self.compute() } else { None };
        self.average
    }
    fn compute(&mut self) -> Option<f64> {
        let (n, k) = (self.n as f64, self.k);
        self.mean.fill(0.0);
        self.scale.fill(0.0);
        for row in self.rows.chunks_exact(k) {
            self.mean.iter_mut().zip(row).for_each(|(m, x)| *m += x / n);
        }
        for row in self.rows.chunks_exact(k) {
            let deviations = row.iter().zip(&self.mean).map(|(x, m)| x - m);
            self.scale.iter_mut().zip(deviations).for_each(|(s, d)| *s += d * d);
        }
        let mut live = 0.0;
        for (s, m) in self.scale.iter_mut().zip(&self.mean) {
            let varies = *s > n * (4.0 * f64::EPSILON * m).powi(2);
            live += f64::from(u8::from(varies));
            *s = if varies { 1.0 / s.sqrt() } else { 0.0 };
        }
        if live < 2.0 {
            return None;
        }
        let total: f64 = self
            .rows
            .chunks_exact(k)
            .map(|row| row.iter().zip(&self.mean).zip(&self.scale).map(|((x, m), s)| (x - m) * s).sum::<f64>().powi(2))
            .sum();
        Some(((total - live) / (live * (live - 1.0))).clamp(-1.0, 1.0))
    }
    /// The average after the last row.
    pub fn average(&self) -> Option<f64> {
        self.average
    }
}

/// Fisher's z of a correlation: atanh(r) (Fisher 1921), approximately normal with variance 1/(n - 3) for n pairs of normal
/// variables. It saturates near 18.7 for |r| within rounding of 1, so that it is always finite for r in [-1, 1].
pub fn fisher_z(r: f64) -> f64 {
    let most = 1.0 - f64::EPSILON / 2.0;
    math::atanh(r.clamp(-most, most))
}

/// The outcome of a test on correlations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FisherTest {
    /// The statistic, standard normal under the null hypothesis.
    pub z: f64,
    /// Probability of a z at least as large under the null hypothesis (one-sided).
    pub p_value: f64,
}

/// Tests whether the correlation `r1` of `n1` pairs is larger than `r2` of `n2` other, independent pairs:
/// z = (atanh r1 - atanh r2) / sqrt(1/(n1 - 3) + 1/(n2 - 3)), p = 1 - Phi(z) (Fisher 1921).
///
/// The numbers of pairs may be fractional: effective numbers. `None` unless both exceed 3 and the correlations are in [-1, 1].
pub fn fisher_two_sample(r1: f64, n1: f64, r2: f64, n2: f64) -> Option<FisherTest> {
    let ok = |r: f64, n: f64| (-1.0..=1.0).contains(&r) && n > 3.0;
    (ok(r1, n1) && ok(r2, n2)).then(|| {
        let z = (fisher_z(r1) - fisher_z(r2)) / (1.0 / (n1 - 3.0) + 1.0 / (n2 - 3.0)).sqrt();
        FisherTest { z, p_value: normal::cdf(-z) }
    })
}

/// Tests whether the correlation `r` of `n` pairs is larger than the number `rho`: z = (atanh r - atanh rho) sqrt(n - 3).
///
/// `None` unless `n` exceeds 3 and both correlations are in [-1, 1].
pub fn fisher_one_sample(r: f64, n: f64, rho: f64) -> Option<FisherTest> {
    ((-1.0..=1.0).contains(&r) && (-1.0..=1.0).contains(&rho) && n > 3.0).then(|| {
        let z = (fisher_z(r) - fisher_z(rho)) * (n - 3.0).sqrt();
        FisherTest { z, p_value: normal::cdf(-z) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(v: &[(f64, f64)]) -> f64 {
        let n = v.len() as f64;
        let (mx, my) = (v.iter().map(|p| p.0).sum::<f64>() / n, v.iter().map(|p| p.1).sum::<f64>() / n);
        let s = |f: &dyn Fn(&(f64, f64)) -> f64| v.iter().map(f).sum::<f64>();
        let (xx, yy) = (s(&|p| (p.0 - mx).powi(2)), s(&|p| (p.1 - my).powi(2)));
        s(&|p| (p.0 - mx) * (p.1 - my)) / (xx * yy).sqrt()
    }

    #[test]
    fn by_hand() {
        let mut c = RollingCorrelation::new(3);
        for (x, y) in [(9.0, -4.0), (1.0, 1.0), (2.0, 3.0), (3.0, 2.0)] {
            c.push(x, y);
        }
        assert!((c.correlation().unwrap() - 0.5).abs() < 1e-15);
        let mut e = EwmCorrelation::new(0.5);
        assert_eq!(e.correlation(), None);
        e.push(1.0, 1.0);
        e.push(1.0, -2.0);
        // xx 1, yy (1 + 4)/2, xy (1 - 2)/2.
        assert!((e.correlation().unwrap() + 0.5 / 2.5_f64.sqrt()).abs() < 1e-15);
        // tanh(1) against 0 with variances 1/97 each.
        let t = fisher_two_sample(1.0_f64.tanh(), 100.0, 0.0, 100.0).unwrap();
        assert!((t.z - (97.0_f64 / 2.0).sqrt()).abs() < 1e-12);
        assert_eq!(fisher_two_sample(0.1, 3.0, 0.1, 50.0), None);
        assert_eq!(fisher_two_sample(f64::NAN, 30.0, 0.1, 50.0), None);
        assert!((fisher_one_sample(0.5, 103.0, 0.0).unwrap().z - 5.493_061_443_340_548).abs() < 1e-12);
        assert!(fisher_z(1.0).is_finite() && fisher_z(-1.0) < -18.0);
    }

    #[test]
    fn no_variation_is_no_correlation() {
        let mut c = RollingCorrelation::new(4);
        for i in 0..9 {
            c.push(0.1, f64::from(i));
        }
        assert_eq!(c.correlation(), None);
        c.push(0.2, 3.0);
        assert!(c.correlation().is_some());
        let mut e = EwmCorrelation::new(0.9);
        e.push(0.0, 1.0);
        assert_eq!(e.correlation(), None);
    }

    #[test]
    fn average_is_the_mean_of_all_pairs() {
        let (n, k) = (20, 5);
        let mut a = AverageCorrelation::new(n, k);
        let mut x = 0.37_f64;
        let mut rows = Vec::new();
        for t in 0..70 {
            let common = (f64::from(t) * 1.7).sin();
            let mut row: Vec<f64> = (0..k)
                .map(|i| {
                    x = 3.9 * x * (1.0 - x);
                    x + 0.2 * i as f64 * common
                })
                .collect();
            row[4] = 0.25;
            let got = a.push(&row);
            rows.push(row);
            assert_eq!(got.is_some(), rows.len() >= n);
        }
        let last = &rows[rows.len() - n..];
        let mut sum = 0.0;
        // The constant fifth series is left out.
        for i in 0..4 {
            for j in 0..i {
                sum += exact(&last.iter().map(|r| (r[i], r[j])).collect::<Vec<_>>());
            }
        }
        assert!((a.average().unwrap() - sum / 6.0).abs() < 1e-13);
        assert_eq!(a.push(&[1.0]), None);
    }

    #[test]
    fn ten_million_updates_do_not_drift() {
        let mut c = RollingCorrelation::new(60);
        let mut x: f64 = 0.3;
        for i in 0..10_000_000_u32 {
            x = 3.9 * x * (1.0 - x);
            let y = 0.5 * x + (f64::from(i) * 0.7).sin();
            // A level that jumps by eight orders of magnitude is the hard case for incremental sums.
            c.push(if i % 1_000_003 == 0 { 1e8 } else { x }, y);
        }
        let v: Vec<_> = c.window().iter().collect();
        assert!((c.correlation().unwrap() - exact(&v)).abs() < 1e-12);
    }

    #[test]
    fn fisher_test_keeps_its_level_and_fat_tails_cost_observations() {
        // Correlated normal, and Student t with 8 degrees of freedom by a common chi-square divisor.
        let mut state = 7_u64;
        let mut uniform = move || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut normal2 = move || {
            let (r, a) = ((-2.0 * (1.0 - uniform()).ln()).sqrt(), std::f64::consts::TAU * uniform());
            (r * a.cos(), r * a.sin())
        };
        let trials = 10_000;
        let mut rate = |heavy: bool, share: f64| {
            let mut alarms = 0;
            for _ in 0..trials {
                let mut sample = |n: usize| {
                    let pairs: Vec<_> = (0..n)
                        .map(|_| {
                            let (a, b) = normal2();
                            let scale = if heavy {
                                let chi: f64 = (0..4).map(|_| normal2()).map(|(u, v)| u * u + v * v).sum();
                                (8.0 / chi).sqrt()
                            } else {
                                1.0
                            };
                            (scale * a, scale * (-0.5 * a + 0.75_f64.sqrt() * b))
                        })
                        .collect();
                    exact(&pairs)
                };
                let (r1, r2) = (sample(60), sample(252));
                let t = fisher_two_sample(r1, 60.0 * share, r2, 252.0 * share).unwrap();
                alarms += i32::from(t.z > 2.0);
            }
            f64::from(alarms) / f64::from(trials)
        };
        let (normal, heavy, corrected) = (rate(false, 1.0), rate(true, 1.0), rate(true, 2.0 / 3.0));
        println!("alarms at z > 2: normal {normal}, t(8) {heavy}, t(8) with 2/3 of the observations {corrected}");
        // 2.28 % is the level; three standard errors are 0.45 %.
        assert!((normal - 0.0228).abs() < 0.0045, "{normal}");
        assert!(heavy > 0.035, "{heavy}");
        assert!((corrected - 0.0228).abs() < 0.008, "{corrected}");
    }
}
