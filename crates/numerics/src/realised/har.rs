//! The heterogeneous autoregressive forecast of realised variance.

use serde::{Deserialize, Serialize};

use crate::rolling::{RollingMoments, Window};

/// Days in a week and in a month, as in Corsi (2009).
const WEEK: usize = 5;
const MONTH: usize = 22;

/// A fitted HAR regression.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HarFit {
    /// Constant.
    pub intercept: f64,
    /// Coefficient of the day's variance.
    pub daily: f64,
    /// Coefficient of the mean variance of 5 days.
    pub weekly: f64,
    /// Coefficient of the mean variance of 22 days.
    pub monthly: f64,
    /// Standard deviation of the residuals, sqrt(SSR / (n - 4)).
    pub residual_sd: f64,
    /// Smallest target in the sample: no forecast goes below it.
    pub lowest: f64,
    /// How many observations it was fitted on.
    pub n: usize,
}

impl HarFit {
    /// The forecast from (day, week, month), not below the lowest variance of the sample: a linear forecast can become negative,
    /// a variance cannot (the floor of Bollerslev, Patton & Quaedvlieg 2016, one-sided so that a crisis is not cut off).
    pub fn forecast(&self, x: [f64; 3]) -> f64 {
        (self.intercept + self.daily * x[0] + self.weekly * x[1] + self.monthly * x[2]).max(self.lowest)
    }
}

/// HAR-RV (Corsi 2009, A simple approximate long-memory model of realized volatility), for the mean variance of the next h
/// sessions directly:
///
/// mean(RV_t+1 .. RV_t+h) = b0 + b_d RV_t + b_w mean(RV_t-4 .. RV_t) + b_m mean(RV_t-21 .. RV_t) + e_t+h
///
/// by ordinary least squares over the last `window` observations whose targets are known at t (fewer, at least `minimum`, in the
/// beginning), refitted every `refit` sessions. The regressors are centred before the normal equations are solved by Cholesky.
/// A sample in which they are collinear is not fitted: the fit before stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HarRv {
    minimum: usize,
    refit: usize,
    week: RollingMoments,
    month: RollingMoments,
    ahead: RollingMoments,
    now: Option<[f64; 3]>,
    /// Regressors whose targets are not complete yet.
    waiting: Window<[f64; 3]>,
    /// Regressors and target.
    rows: Window<[f64; 4]>,
    since_fit: usize,
    fit: Option<HarFit>,
}

impl HarRv {
    /// For the mean of the next `horizon` sessions; see the type for the rest. At least five observations are used.
    pub fn new(horizon: usize, window: usize, minimum: usize, refit: usize) -> Self {
        let minimum = minimum.max(5);
        Self {
            minimum,
            refit: refit.max(1),
            week: RollingMoments::new(WEEK),
            month: RollingMoments::new(MONTH),
            ahead: RollingMoments::new(horizon),
            now: None,
            waiting: Window::new(horizon),
            rows: Window::new(window.max(minimum)),
            since_fit: 0,
            fit: None,
        }
    }
    /// Takes the variance of a session (finite).
    pub fn push(&mut self, variance: f64) {
        self.week.push(variance);
        self.month.push(variance);
        self.ahead.push(variance);
        if !self.month.is_full() {
            return;
        }
        let (Some(week), Some(month), Some(target)) = (self.week.mean(), self.month.mean(), self.ahead.mean()) else {
            return;
        };
        let x = [variance, week, month];
        self.now = Some(x);
        // What falls out was pushed `horizon` sessions ago: its target became known with this session.
        if let Some([d, w, m]) = self.waiting.push(x) {
            self.rows.push([d, w, m, target]);
            self.since_fit += 1;
            if self.rows.len() >= self.minimum && (self.fit.is_none() || self.since_fit >= self.refit) {
                self.since_fit = 0;
                self.fit = self.solve().or(self.fit);
            }
        }
    }
    fn solve(&self) -> Option<HarFit> {
        let n = self.rows.len() as f64;
        let mut mean = [0.0; 4];
        let mut lowest = f64::INFINITY;
        for row in self.rows.iter() {
            mean.iter_mut().zip(row).for_each(|(m, x)| *m += x / n);
            lowest = lowest.min(row[3]);
        }
        let mut s = [[0.0; 4]; 4];
        for row in self.rows.iter() {
            let d: [f64; 4] = std::array::from_fn(|j| row[j] - mean[j]);
            for i in 0..4 {
                for j in 0..=i {
                    s[i][j] += d[i] * d[j];
                }
            }
        }
        let b = cholesky(&s)?;
        let intercept = mean[3] - (0..3).map(|j| b[j] * mean[j]).sum::<f64>();
        let ssr: f64 =
            self.rows.iter().map(|r| (r[3] - intercept - b[0] * r[0] - b[1] * r[1] - b[2] * r[2]).powi(2)).sum();
        let fit = HarFit {
            intercept,
            daily: b[0],
            weekly: b[1],
            monthly: b[2],
            residual_sd: (ssr / (n - 4.0)).sqrt(),
            lowest,
            n: self.rows.len(),
        };
        [intercept, b[0], b[1], b[2], fit.residual_sd].iter().all(|x| x.is_finite()).then_some(fit)
    }
    /// The last fit.
    pub fn fit(&self) -> Option<&HarFit> {
        self.fit.as_ref()
    }
    /// The forecast per session of the mean variance of the next `horizon` sessions, once fitted.
    pub fn forecast(&self) -> Option<f64> {
        Some(self.fit?.forecast(self.now?))
    }
}

/// Solves the normal equations for three regressors and a target from the lower triangle of their sums of products; `None` when
/// the regressors are collinear to within rounding.
fn cholesky(s: &[[f64; 4]; 4]) -> Option<[f64; 3]> {
    let mut l = [[0.0; 3]; 3];
    for i in 0..3 {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            let v = s[i][j] - dot;
            if i == j {
                // The positive form refuses NaN and zero too.
                if !(v > 1e-12 * s[i][i] && v.is_normal()) {
                    return None;
                }
                l[i][i] = v.sqrt();
            } else {
                l[i][j] = v / l[j][j];
            }
        }
    }
    let mut y = [0.0; 3];
    for i in 0..3 {
        y[i] = (s[3][i] - (0..i).map(|k| l[i][k] * y[k]).sum::<f64>()) / l[i][i];
    }
    let mut b = [0.0; 3];
    for i in (0..3).rev() {
        b[i] = (y[i] - (i + 1..3).map(|k| l[k][i] * b[k]).sum::<f64>()) / l[i][i];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_coefficients_of_an_exact_process() {
        // With a horizon of 1 and no noise the regression is exact: RV follows its own HAR equation from a jagged start.
        let mut rv: Vec<f64> = (0..40_u32).map(|i| 1.0 + f64::from((i * 7919) % 13) / 5.0).collect();
        while rv.len() < 80 {
            let n = rv.len();
            let mean = |k: usize| rv[n - k..].iter().sum::<f64>() / k as f64;
            rv.push(0.1 + 0.9 * rv[n - 1] - 0.7 * mean(5) + 0.75 * mean(22));
        }
        let mut h = HarRv::new(1, 30, 30, 1);
        for &x in &rv {
            h.push(x);
        }
        let f = h.fit().unwrap();
        for (got, want) in [(f.intercept, 0.1), (f.daily, 0.9), (f.weekly, -0.7), (f.monthly, 0.75)] {
            assert!((got - want).abs() < 1e-7, "{f:?}");
        }
        assert!(f.residual_sd < 1e-8 && f.n == 30, "{f:?}");
    }

    #[test]
    fn constant_variance_is_not_fitted() {
        let mut h = HarRv::new(21, 100, 60, 5);
        (0..400).for_each(|_| h.push(1e-4));
        assert_eq!((h.fit(), h.forecast()), (None, None));
    }

    #[test]
    fn forecasts_never_fall_below_the_sample() {
        let f = HarFit { intercept: -1.0, daily: 0.1, weekly: 0.0, monthly: 0.0, residual_sd: 0.1, lowest: 0.02, n: 9 };
        assert_eq!(f.forecast([1.0; 3]), 0.02);
        assert_eq!(f.forecast([20.0; 3]), 1.0);
    }
}
