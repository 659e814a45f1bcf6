//! Covariance of the last rows, kept up to date in O(n^2) a row.

use serde::{Deserialize, Serialize};

use super::{Symmetric, shrink};
use crate::dot;

/// Sums over rows of deviations y from an anchor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sums {
    rows: usize,
    /// Near the mean, so that nothing cancels.
    anchor: Vec<f64>,
    /// Sum of y.
    sum: Vec<f64>,
    /// Sum of y y'.
    cross: Symmetric,
    /// Sum of |y|^2.
    norm: f64,
    /// Sum of |y|^4.
    fourth: f64,
    /// Sum of |y|^2 y.
    weighted: Vec<f64>,
    /// The deviations of the row that comes, and of the one that goes.
    come: Vec<f64>,
    gone: Vec<f64>,
}

impl Sums {
    fn new(n: usize) -> Self {
        let zero = vec![0.0; n];
        Self {
            rows: 0,
            anchor: zero.clone(),
            sum: zero.clone(),
            cross: Symmetric::zeros(n),
            norm: 0.0,
            fourth: 0.0,
            weighted: zero.clone(),
            come: zero.clone(),
            gone: zero,
        }
    }
    /// Begins again, around another anchor.
    fn restart(&mut self, anchor: impl Iterator<Item = f64>) {
        self.anchor.iter_mut().zip(anchor).for_each(|(a, x)| *a = x);
        (self.rows, self.norm, self.fourth) = (0, 0.0, 0.0);
        self.sum.fill(0.0);
        self.weighted.fill(0.0);
        self.cross.scale(0.0);
    }
    fn update(&mut self, row: &[f64], old: Option<&[f64]>) {
        self.come.iter_mut().zip(row).zip(&self.anchor).for_each(|((y, x), a)| *y = x - a);
        let q = dot(&self.come, &self.come);
        self.norm += q;
        self.fourth += q * q;
        self.sum.iter_mut().zip(&self.come).for_each(|(s, y)| *s += y);
        self.weighted.iter_mut().zip(&self.come).for_each(|(s, y)| *s += q * y);
        let Some(old) = old else {
            self.rows += 1;
            for (i, c) in self.cross.rows_mut() {
                let y = self.come[i];
                c.iter_mut().zip(&self.come).for_each(|(c, x)| *c += y * x);
            }
            return;
        };
        self.gone.iter_mut().zip(old).zip(&self.anchor).for_each(|((y, x), a)| *y = x - a);
        let q = dot(&self.gone, &self.gone);
        self.norm -= q;
        self.fourth -= q * q;
        self.sum.iter_mut().zip(&self.gone).for_each(|(s, y)| *s -= y);
        self.weighted.iter_mut().zip(&self.gone).for_each(|(s, y)| *s -= q * y);
        for (i, c) in self.cross.rows_mut() {
            let (y, z) = (self.come[i], self.gone[i]);
            c.iter_mut().zip(&self.come).zip(&self.gone).for_each(|((c, x), o)| *c += y * x - z * o);
        }
    }
    /// `out` becomes the sample covariance with divisor `divisor`.
    fn covariance(&self, divisor: f64, out: &mut Symmetric) {
        let t = self.rows as f64;
        for (i, o) in out.rows_mut() {
            let m = self.sum[i] / t;
            let sums = o.iter_mut().zip(self.cross.row(i)).zip(&self.sum);
            sums.for_each(|((o, c), s)| *o = (c - m * s) / divisor);
            // Rounding must not make a variance negative.
            o[i] = o[i].max(0.0);
        }
    }
    /// Sum of the fourth powers of the norms of y - d with d the mean of y, by multiplying out |y - d|^2 = |y|^2 - 2 d y + |d|^2.
    fn centred_fourth(&self) -> f64 {
        let t = self.rows as f64;
        let dd = dot(&self.sum, &self.sum) / (t * t);
        let quadratic = self.cross.quadratic(&self.sum) / (t * t);
        let weighted = dot(&self.sum, &self.weighted) / t;
        self.fourth + 4.0 * quadratic - 3.0 * t * dd * dd - 4.0 * weighted + 2.0 * dd * self.norm
    }
}

/// Sample and Ledoit-Wolf covariance of the last `window` rows.
///
/// A row costs O(n^2): sums of cross products take the new row in and the old one out. Next to the sums in use a second set grows
/// from nothing, out of which no row is ever taken; after `window` rows it holds exactly the window's rows and takes over. So each
/// set lives for 2 x `window` rows at most, rounding errors cannot accumulate, and no update is dearer than the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollingCovariance {
    n: usize,
    window: usize,
    /// Row by row.
    rows: Vec<f64>,
    /// Which row is the oldest, once full.
    head: usize,
    sums: Sums,
    next: Sums,
}

impl RollingCovariance {
    /// Of `n` columns over `window` rows (at least two).
    pub fn new(window: usize, n: usize) -> Self {
        let window = window.max(2);
        let rows = Vec::with_capacity(window * n);
        Self { n, window, rows, head: 0, sums: Sums::new(n), next: Sums::new(n) }
    }
    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.n
    }
    /// Number of rows, up to the window.
    pub fn len(&self) -> usize {
        self.sums.rows
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sums.rows == 0
    }
    /// Takes a row of `n` finite values; false, and nothing happens, when it is not that.
    pub fn push(&mut self, row: &[f64]) -> bool {
        if row.len() != self.n || !row.iter().all(|x| x.is_finite()) {
            return false;
        }
        if self.sums.rows == 0 {
            self.sums.restart(row.iter().copied());
            self.next.restart(row.iter().copied());
        }
        if self.sums.rows < self.window {
            self.sums.update(row, None);
            self.rows.extend_from_slice(row);
        } else {
            let old = &mut self.rows[self.head * self.n..(self.head + 1) * self.n];
            self.sums.update(row, Some(old));
            old.copy_from_slice(row);
            self.head = (self.head + 1) % self.window;
        }
        self.next.update(row, None);
        if self.next.rows == self.window {
            std::mem::swap(&mut self.sums, &mut self.next);
            let (s, t) = (&self.sums, self.window as f64);
            self.next.restart(s.anchor.iter().zip(&s.sum).map(|(a, y)| a + y / t));
        }
        true
    }
    /// Mean of a column, when there are rows.
    pub fn mean(&self, i: usize) -> Option<f64> {
        let (a, s) = (self.sums.anchor.get(i)?, self.sums.sum.get(i)?);
        (self.sums.rows > 0).then(|| a + s / self.sums.rows as f64)
    }
    /// `out`, of `n` columns, becomes the sample covariance with divisor T - `ddof`; false when there are too few rows.
    pub fn sample(&self, ddof: usize, out: &mut Symmetric) -> bool {
        let enough = self.len() > ddof.max(1) && out.order() == self.n;
        if enough {
            self.sums.covariance((self.len() - ddof) as f64, out);
        }
        enough
    }
    /// `out`, of `n` columns, becomes the covariance of Ledoit & Wolf (2004), see [`super::ledoit_wolf`]; gives the weight of the
    /// identity, or `None` with fewer than two rows.
    pub fn ledoit_wolf(&self, out: &mut Symmetric) -> Option<f64> {
        let t = self.len() as f64;
        (self.len() > 1 && out.order() == self.n).then(|| {
            self.sums.covariance(t, out);
            shrink(out, self.sums.centred_fourth(), t).0
        })
    }
}

/// Exponentially weighted covariance of returns whose mean is taken as zero: sum of lambda^k x x' over the sum of lambda^k
/// (RiskMetrics 1996 with weights that sum to one from the first row on; pandas `ewm(alpha = 1 - lambda)` of the products).
///
/// A contraction: rounding errors die out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EwmaCovariance {
    lambda: f64,
    rows: usize,
    weight: f64,
    cross: Symmetric,
}

impl EwmaCovariance {
    /// Of `n` columns with decay `lambda` in (0, 1).
    pub fn new(lambda: f64, n: usize) -> Self {
        Self { lambda, rows: 0, weight: 0.0, cross: Symmetric::zeros(n) }
    }
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }
    /// Takes a row of `n` finite values; false, and nothing happens, when it is not that.
    pub fn push(&mut self, row: &[f64]) -> bool {
        if row.len() != self.cross.order() || !row.iter().all(|x| x.is_finite()) {
            return false;
        }
        self.rows = self.rows.saturating_add(1);
        self.weight = self.lambda * self.weight + 1.0;
        let lambda = self.lambda;
        for (i, c) in self.cross.rows_mut() {
            c.iter_mut().zip(row).for_each(|(c, x)| *c = lambda * *c + row[i] * x);
        }
        true
    }
    /// `out`, of `n` columns, becomes the covariance; false before the first row.
    pub fn covariance(&self, out: &mut Symmetric) -> bool {
        let enough = self.rows > 0 && out.order() == self.cross.order();
        if enough {
            out.lower.iter_mut().zip(&self.cross.lower).for_each(|(o, c)| *o = c / self.weight);
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ledoit_wolf, sample};
    use super::*;
    use proptest::prelude::*;
    use tradewind_core_types::testkit::Rng;

    fn rows(seed: u64, t: usize, n: usize, level: f64) -> Vec<f64> {
        let mut rng = Rng(seed);
        (0..t)
            .flat_map(|_| {
                let common = rng.normal();
                (0..n).map(|i| level + 0.01 * (rng.normal() + common * (i % 3) as f64)).collect::<Vec<_>>()
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn rolling_is_the_batch_form_of_its_window(
            seed in any::<u64>(), t in 2_usize..90, n in 1_usize..12, window in 2_usize..40, level in -0.1_f64..0.1
        ) {
            let all = rows(seed, t, n, level);
            let mut c = RollingCovariance::new(window, n);
            let (mut s, mut w) = (Symmetric::zeros(n), Symmetric::zeros(n));
            for (i, row) in all.chunks_exact(n).enumerate() {
                prop_assert!(c.push(row));
                let begin = (i + 1).saturating_sub(window);
                let part = &all[begin * n..(i + 1) * n];
                prop_assert_eq!(c.len(), i + 1 - begin);
                let Ok(exact) = ledoit_wolf(part, n) else { continue };
                let k = c.ledoit_wolf(&mut w).unwrap();
                // Two or three rows may lie far closer together than those before them, whose rounding is then what is left.
                let (weight, entry) = if window < 10 { (1e-5, 1e-12 * 1e-4) } else { (1e-10, 1e-12 * exact.mean_variance) };
                prop_assert!((k - exact.shrinkage).abs() < weight, "{} {}", k, exact.shrinkage);
                prop_assert!(c.sample(1, &mut s));
                let mean = part.iter().step_by(n).sum::<f64>() / c.len() as f64;
                prop_assert!((c.mean(0).unwrap() - mean).abs() < 1e-14);
                let sample = sample(part, n, 1).unwrap();
                for a in 0..n {
                    for b in 0..=a {
                        let shrunk = entry.max(weight * exact.mean_variance);
                        prop_assert!((w.get(a, b) - exact.covariance.get(a, b)).abs() < shrunk);
                        prop_assert!((s.get(a, b) - sample.get(a, b)).abs() < entry);
                    }
                }
            }
        }
    }

    #[test]
    fn ten_million_rows_do_not_drift() {
        let (n, window) = (3, 50);
        let mut c = RollingCovariance::new(window, n);
        let mut x = 0.3_f64;
        let mut last = Vec::new();
        for i in 0..10_000_000_u32 {
            x = 3.9 * x * (1.0 - x);
            // A jump by six orders of magnitude is the hard case for incremental sums.
            let jump = if i % 1_000_003 == 0 { 1e4 } else { 0.01 };
            let row = [0.01 * x, jump * (f64::from(i) * 0.7).sin(), 0.005 * x * x];
            c.push(&row);
            if i + window as u32 >= 10_000_000 {
                last.extend(row);
            }
        }
        let (exact, mut w) = (ledoit_wolf(&last, n).unwrap(), Symmetric::zeros(n));
        assert!((c.ledoit_wolf(&mut w).unwrap() - exact.shrinkage).abs() < 1e-10);
        assert!((w.get(0, 0) / exact.covariance.get(0, 0) - 1.0).abs() < 1e-10);
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let mut c = RollingCovariance::new(4, 2);
        assert!(c.push(&[0.1, 0.2]));
        let before = c.clone();
        assert!(!c.push(&[0.1]) && !c.push(&[0.1, f64::NAN]));
        assert_eq!(c, before);
        let mut e = EwmaCovariance::new(0.5, 2);
        assert!(!e.push(&[f64::INFINITY, 0.0]) && e.is_empty());
        assert!(e.push(&[2.0, 1.0]) && e.push(&[0.0, 3.0]));
        let mut s = Symmetric::zeros(2);
        assert!(e.covariance(&mut s));
        // Weights 1/3 and 2/3.
        assert_eq!((s.get(0, 0), s.get(1, 0), s.get(1, 1)), (4.0 / 3.0, 2.0 / 3.0, 19.0 / 3.0));
    }
}
