//! A beta that drifts.

use serde::{Deserialize, Serialize};

use super::{Beta, WHAT, regress};
use crate::NumericsError;

/// Regression whose beta follows a random walk: y_t = alpha + beta_t x_t + e_t, beta_t = beta_{t-1} + u_t, filtered (Kalman 1960; as
/// Harvey 1989, section 3.2), with u of standard deviation `drift` and e of variance R.
///
/// The first `start` pairs give state, covariance and R by least squares, which is the exact diffuse start; without drift and with
/// R fixed the rest is recursive least squares (statsmodels `RecursiveLS`). R then follows the innovations v of variance F:
/// R <- R + (v^2 R / F - R) / min(t - 2, memory), so that it is the residual variance of all pairs at first and forgets later; with
/// `memory` 0 it stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KalmanBeta {
    drift: f64,
    memory: usize,
    start: usize,
    /// The newest pairs, until there is a state.
    first: Vec<(f64, f64)>,
    count: usize,
    filter: Option<Filter>,
    why: Option<Unidentified>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Unidentified {
    Market,
    Asset,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Filter {
    alpha: f64,
    beta: f64,
    /// Covariance of alpha and beta: aa, ab, bb.
    p: [f64; 3],
    noise: f64,
    /// Mean and variance of x, as R forgets.
    x: [f64; 2],
}

impl KalmanBeta {
    /// Started from `start` pairs (at least 4), with a random walk of standard deviation `drift` a step, and R forgetting after
    /// `memory` pairs.
    pub fn new(start: usize, drift: f64, memory: usize) -> Self {
        let start = start.max(4);
        Self { drift, memory, start, first: Vec::with_capacity(start), count: 0, filter: None, why: None }
    }
    /// How many pairs there were.
    pub fn len(&self) -> usize {
        self.count
    }
    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
    /// Takes a pair of finite values.
    pub fn push(&mut self, y: f64, x: f64) {
        self.count = self.count.saturating_add(1);
        match &mut self.filter {
            Some(f) => f.step(y, x, self.drift, self.memory, self.count),
            None => {
                if self.first.len() == self.start {
                    self.first.rotate_left(1);
                    self.first.pop();
                }
                self.first.push((y, x));
                if self.first.len() == self.start {
                    self.begin();
                }
            }
        }
    }
    fn begin(&mut self) {
        let rows = self.first.iter().map(|(y, x)| (*y, [*x, 0.0, 0.0, 0.0, 0.0, 0.0]));
        match regress(rows, 1) {
            Ok(b) => {
                let n = self.first.len() as f64;
                let mean = self.first.iter().map(|p| p.1).sum::<f64>() / n;
                let xx: f64 = self.first.iter().map(|p| (p.1 - mean).powi(2)).sum();
                let r = b.noise;
                let p = [r * (1.0 / n + mean * mean / xx), -r * mean / xx, r / xx];
                let x = [mean, xx / n];
                self.filter = Some(Filter { alpha: b.alpha, beta: b.beta, p, noise: r, x });
                (self.count, self.why) = (self.start, None);
            }
            Err(NumericsError::Constant("the asset of a beta")) => self.why = Some(Unidentified::Asset),
            Err(_) => self.why = Some(Unidentified::Market),
        }
    }
    /// The state of the regression.
    ///
    /// # Errors
    /// Fewer pairs than it starts from, or a market or asset that was constant ever since.
    pub fn estimate(&self) -> Result<Beta, NumericsError> {
        match (self.filter, self.why) {
            (Some(f), _) => {
                let explained = f.beta * f.beta * f.x[1];
                let r2 = explained / (explained + f.noise);
                let observations = if self.memory > 0 { self.count.min(self.memory) } else { self.count } as f64;
                let se = f.p[2].max(0.0).sqrt();
                let r2 = if r2.is_finite() { r2 } else { 0.0 };
                Ok(Beta { beta: f.beta, se, alpha: f.alpha, r2, noise: f.noise, observations })
            }
            (None, Some(Unidentified::Market)) => Err(NumericsError::Constant("the market of a beta")),
            (None, Some(Unidentified::Asset)) => Err(NumericsError::Constant("the asset of a beta")),
            (None, None) => Err(NumericsError::TooFew { what: WHAT, needed: self.start, got: self.first.len() }),
        }
    }
}

impl Filter {
    fn step(&mut self, y: f64, x: f64, drift: f64, memory: usize, count: usize) {
        let [aa, ab, bb] = [self.p[0], self.p[1], self.p[2] + drift * drift];
        let r = self.noise;
        let v = y - self.alpha - self.beta * x;
        let (ga, gb) = (aa + ab * x, ab + bb * x);
        let f = ga + gb * x + r;
        // Without any uncertainty there is nothing to learn.
        if f > 0.0 {
            let (ka, kb) = (ga / f, gb / f);
            self.alpha += ka * v;
            self.beta += kb * v;
            // Joseph's form (I - kz') P (I - kz')' + R k k', which stays positive.
            let (ia, ib, ja, jb) = (1.0 - ka, -ka * x, -kb, 1.0 - kb * x);
            self.p = [
                ia * ia * aa + 2.0 * ia * ib * ab + ib * ib * bb + r * ka * ka,
                ia * ja * aa + (ia * jb + ib * ja) * ab + ib * jb * bb + r * ka * kb,
                ja * ja * aa + 2.0 * ja * jb * ab + jb * jb * bb + r * kb * kb,
            ];
        }
        if memory > 0 {
            let weight = 1.0 / count.saturating_sub(2).min(memory).max(1) as f64;
            // A fit without any residual would otherwise never learn that there is noise.
            let seen = if r > 0.0 { v * v * r / f } else { v * v };
            self.noise += (seen - r) * weight;
        }
        let weight = 1.0 / count.min(memory.max(2)).max(1) as f64;
        let d = x - self.x[0];
        self.x[0] += weight * d;
        self.x[1] += weight * (d * (x - self.x[0]) - self.x[1]);
    }
}
