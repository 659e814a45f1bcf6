//! Small linear Gaussian state-space models with one observation a time: filter, likelihood, maximum likelihood, smoother.
//!
//! y_t = z_t' a_t + e_t, e_t ~ N(0, h);  a_{t+1} = T a_t + n_t, n_t ~ N(0, Q); a has up to [`MAX_STATES`] elements, z may change with time.
//!
//! Measurement, with the predicted mean a and covariance P: v = y - z'a, F = z'Pz + h, K = Pz / F, and in Joseph's form
//!
//! a <- a + K v,  P <- (I - K z') P (I - K z')' + h K K',
//!
//! which is a sum of two non-negative definite matrices whatever the rounding of K; P stays symmetric because only one triangle is computed.
//! An element of the first state of which nothing is known has infinite variance: exactly, P = P* + kappa P_inf for kappa to infinity
//! (Koopman 1997; Koopman & Durbin 2000), or approximately by a large number.
//!
//! Sources: Kalman (1960); Bucy & Joseph (1968), "Filtering for stochastic processes", ch. 16; Durbin & Koopman (2012), "Time series analysis by
//! state space methods", 2nd ed., ch. 4 to 7; Harvey (1989), "Forecasting, structural time series models and the Kalman filter".

mod fit;
mod level;
mod smooth;
mod sum;

pub use fit::{Estimate, Structure, fit};
pub use level::{LocalLevel, Start1};
pub use smooth::{Smoothed, smooth_lookahead};
pub use sum::LogLikelihood;

use serde::{Deserialize, Serialize};

/// The largest dimension of a state.
pub const MAX_STATES: usize = 6;
/// A vector of the state's dimension; what lies beyond it is zero.
pub type Vector = [f64; MAX_STATES];
/// A matrix of the state's dimension; what lies beyond it is zero.
pub type Matrix = [[f64; MAX_STATES]; MAX_STATES];

/// An unknown direction is observed when its share of the observation is larger than this, relative to the squares of z.
const OBSERVED: f64 = 1e-10;
/// The gain has converged when no element of the covariance has moved by more than this from one observation to the next, relative to
/// the variances.
const CONVERGED: f64 = 1e-13;

/// The part of the model that does not change with time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Model {
    states: usize,
    transition: Matrix,
    state_noise: Matrix,
    noise: f64,
}

impl Model {
    /// The model with transition T, covariance Q of the state's noise and variance h of the observation's noise; `None` unless T and Q are
    /// square, of one size of 1 to [`MAX_STATES`], finite, Q symmetric with a non-negative diagonal, and h is finite and not negative.
    pub fn new(transition: &[&[f64]], state_noise: &[&[f64]], noise: f64) -> Option<Self> {
        let n = transition.len();
        let square = |m: &[&[f64]]| m.len() == n && m.iter().all(|r| r.len() == n && r.iter().all(|x| x.is_finite()));
        let symmetric = |m: &[&[f64]]| (0..n).all(|i| m[i][i] >= 0.0 && (0..i).all(|j| m[i][j] == m[j][i]));
        let fine = (1..=MAX_STATES).contains(&n) && square(transition) && square(state_noise);
        (fine && symmetric(state_noise) && noise.is_finite() && noise >= 0.0).then(|| Self {
            states: n,
            transition: padded(transition),
            state_noise: padded(state_noise),
            noise,
        })
    }
    /// Each coefficient a random walk of its own, with these variances a step: regression with time-varying coefficients, z_t being the
    /// regressors. `None` for the reasons of [`Model::new`].
    pub fn random_walk(variances: &[f64], noise: f64) -> Option<Self> {
        let n = variances.len();
        if !(1..=MAX_STATES).contains(&n) {
            return None;
        }
        let row = |i: usize, x: f64| (0..n).map(|j| if i == j { x } else { 0.0 }).collect::<Vec<_>>();
        let (t, q): (Vec<_>, Vec<_>) = variances.iter().enumerate().map(|(i, v)| (row(i, 1.0), row(i, *v))).unzip();
        let (t, q): (Vec<&[f64]>, Vec<&[f64]>) =
            (t.iter().map(|r| &r[..]).collect(), q.iter().map(|r| &r[..]).collect());
        Self::new(&t, &q, noise)
    }
    /// y is a level and noise; the level grows by a trend and noise, the trend is a random walk. Observe with z = \[1, 0\].
    pub fn local_linear_trend(level: f64, trend: f64, noise: f64) -> Option<Self> {
        Self::new(&[&[1.0, 1.0], &[0.0, 1.0]], &[&[level, 0.0], &[0.0, trend]], noise)
    }
    /// The dimension of the state.
    pub fn states(&self) -> usize {
        self.states
    }
    /// Variance h of the observation's noise.
    pub fn noise(&self) -> f64 {
        self.noise
    }
    /// The same model with all variances multiplied by `factor`.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        self.state_noise.iter_mut().flatten().for_each(|q| *q *= factor);
        self.noise *= factor;
        self
    }
}

fn padded(rows: &[&[f64]]) -> Matrix {
    let mut m = [[0.0; MAX_STATES]; MAX_STATES];
    for (to, from) in m.iter_mut().zip(rows) {
        to[..from.len()].copy_from_slice(from);
    }
    m
}

/// What is known of the state before the first observation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Start {
    /// Nothing: exactly diffuse.
    Diffuse,
    /// Mean zero and this variance each; the likelihood leaves out as many observations as there are states.
    Approximate(f64),
    /// Mean and covariance.
    Known(Vector, Matrix),
}

/// What an observation brought.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Innovation {
    /// v = y - z'a, what the prediction missed.
    pub value: f64,
    /// F, its variance; infinite while the observation was needed to find an unknown element of the state.
    pub variance: f64,
}

impl Innovation {
    /// v / sqrt F: standard normal if the model is right. `None` while F is infinite, or when it is zero.
    pub fn z(&self) -> Option<f64> {
        (self.variance > 0.0 && self.variance.is_finite()).then(|| self.value / self.variance.sqrt())
    }
}

/// Gain and variance that no longer change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Steady {
    gain: Vector,
    variance: f64,
}

/// The filter. Between calls it holds the mean and covariance of the state given everything seen (at first: before anything).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kalman {
    model: Model,
    mean: Vector,
    cov: Matrix,
    /// P_inf, while there are unknown directions.
    infinite: Matrix,
    /// How many directions of the state are unknown.
    unknown: usize,
    started: bool,
    /// Observations that do not count in the likelihood, still to come.
    burn: usize,
    last_z: Vector,
    steady: Option<Steady>,
    /// Whether the gain may be frozen once it has converged.
    shortcut: bool,
    log_likelihood: LogLikelihood,
}

impl Kalman {
    /// The filter of a model before anything is seen.
    pub fn new(model: Model, start: Start) -> Self {
        let n = model.states;
        let mut unit = [[0.0; MAX_STATES]; MAX_STATES];
        (0..n).for_each(|i| unit[i][i] = 1.0);
        let zero = [[0.0; MAX_STATES]; MAX_STATES];
        let (mean, cov, infinite, unknown, burn) = match start {
            Start::Diffuse => ([0.0; MAX_STATES], zero, unit, n, 0),
            Start::Approximate(v) => ([0.0; MAX_STATES], unit.map(|r| r.map(|x| x * v)), zero, 0, n),
            Start::Known(mean, cov) => (mean, cov, zero, 0, 0),
        };
        Self {
            model,
            mean,
            cov,
            infinite,
            unknown,
            started: false,
            burn,
            last_z: [0.0; MAX_STATES],
            steady: None,
            shortcut: true,
            log_likelihood: LogLikelihood::default(),
        }
    }
    /// The same filter that always computes the whole recursion, also when its gain has converged.
    #[must_use]
    pub fn without_shortcut(mut self) -> Self {
        self.shortcut = false;
        self
    }
    /// One step in time and one observation, or none when it is missing; z has as many elements as the state. The first call is the
    /// observation of the first state: no time passes before it. All arguments must be finite.
    #[inline]
    pub fn step(&mut self, z: &[f64], y: Option<f64>) -> Option<Innovation> {
        self.predict();
        match y {
            Some(y) => Some(self.observe(z, y)),
            None => {
                self.miss();
                None
            }
        }
    }
    /// Time passes (not before the first observation).
    fn predict(&mut self) {
        if !self.started {
            self.started = true;
            return;
        }
        let n = self.model.states;
        let t = &self.model.transition;
        let mut mean = [0.0; MAX_STATES];
        for (m, row) in mean[..n].iter_mut().zip(t) {
            *m = row[..n].iter().zip(&self.mean).map(|(a, b)| a * b).sum();
        }
        self.mean = mean;
        if self.steady.is_none() {
            self.spread();
            if self.unknown > 0 {
                self.infinite = sandwich(&self.model.transition, &self.infinite, n);
            }
        }
    }
    /// P <- T P T' + Q.
    fn spread(&mut self) {
        let n = self.model.states;
        self.cov = sandwich(&self.model.transition, &self.cov, n);
        for (row, q) in self.cov[..n].iter_mut().zip(&self.model.state_noise) {
            row[..n].iter_mut().zip(q).for_each(|(p, q)| *p += q);
        }
    }
    fn miss(&mut self) {
        if self.steady.take().is_some() {
            // The covariance held is that after an observation: let the time pass that was skipped.
            self.spread();
        }
        self.last_z = [0.0; MAX_STATES];
        self.burn = self.burn.saturating_sub(1);
    }
    fn observe(&mut self, z: &[f64], y: f64) -> Innovation {
        let n = self.model.states;
        let v = y - dot(z, &self.mean, n);
        let same = z == &self.last_z[..n];
        if let Some(s) = self.steady {
            if same {
                (0..n).for_each(|i| self.mean[i] += s.gain[i] * v);
                self.log_likelihood.add_steady(v, s.variance);
                return Innovation { value: v, variance: s.variance };
            }
            self.steady = None;
            self.spread();
        }
        self.last_z[..n].copy_from_slice(z);
        if self.unknown > 0 {
            let m_inf = times(&self.infinite, z, n);
            let f_inf = dot(z, &m_inf, n);
            let largest = (0..n).fold(0.0, |m: f64, i| m.max(self.infinite[i][i]));
            if f_inf > OBSERVED * dot(z, z, n) * largest {
                return self.observe_unknown(z, v, &m_inf, f_inf);
            }
        }
        let m = times(&self.cov, z, n);
        let f = dot(z, &m, n) + self.model.noise;
        let burnt = self.burn > 0;
        self.burn = self.burn.saturating_sub(1);
        // A variance of zero: the observation says nothing that was not known for certain.
        if f <= 0.0 {
            return Innovation { value: v, variance: 0.0 };
        }
        let gain: Vector = std::array::from_fn(|i| m[i] / f);
        (0..n).for_each(|i| self.mean[i] += gain[i] * v);
        let before = self.cov;
        self.cov = joseph(&self.cov, &gain, z, self.model.noise, n);
        if !burnt {
            self.log_likelihood.add(v, f);
        }
        if self.shortcut && same && self.unknown == 0 && !burnt {
            self.freeze(&before, gain, f);
        }
        Innovation { value: v, variance: f }
    }
    /// Freezes gain and covariance when the predicted covariance of the next step would be that of this one.
    fn freeze(&mut self, before: &Matrix, gain: Vector, f: f64) {
        let n = self.model.states;
        let next = sandwich(&self.model.transition, &self.cov, n);
        let q = &self.model.state_noise;
        let size = |i: usize| before[i][i].max(0.0).sqrt();
        let still = (0..n)
            .all(|i| (0..=i).all(|j| (next[i][j] + q[i][j] - before[i][j]).abs() <= CONVERGED * size(i) * size(j)));
        if still {
            self.steady = Some(Steady { gain, variance: f });
        }
    }
    /// The observation finds a direction of the state of which nothing was known (Koopman & Durbin 2000, eq. 5 to 7).
    fn observe_unknown(&mut self, z: &[f64], v: f64, m_inf: &Vector, f_inf: f64) -> Innovation {
        let n = self.model.states;
        let gain: Vector = std::array::from_fn(|i| m_inf[i] / f_inf);
        (0..n).for_each(|i| self.mean[i] += gain[i] * v);
        self.cov = joseph(&self.cov, &gain, z, self.model.noise, n);
        self.unknown -= 1;
        self.infinite =
            if self.unknown == 0 { [[0.0; MAX_STATES]; MAX_STATES] } else { joseph(&self.infinite, &gain, z, 0.0, n) };
        self.log_likelihood.add_unknown(f_inf);
        Innovation { value: v, variance: f64::INFINITY }
    }
    /// Mean of the state given what was seen.
    pub fn mean(&self) -> &[f64] {
        &self.mean[..self.model.states]
    }
    /// Covariance of elements i and j of the state; `None` while directions of it are unknown or beyond its dimension.
    pub fn covariance(&self, i: usize, j: usize) -> Option<f64> {
        (self.unknown == 0 && i.max(j) < self.model.states).then(|| self.cov[i][j])
    }
    /// How many directions of the state are still unknown.
    pub fn unknown(&self) -> usize {
        self.unknown
    }
    /// Whether the gain has converged and the shortcut is taken.
    pub fn is_steady(&self) -> bool {
        self.steady.is_some()
    }
    /// The log-likelihood of what was observed.
    pub fn log_likelihood(&self) -> &LogLikelihood {
        &self.log_likelihood
    }
    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }
    /// Takes on other noise variances; mean and covariance of the state stay.
    pub fn set_model(&mut self, model: Model) {
        if model.states == self.model.states {
            // The covariance held in the steady state is that after an observation, like that outside of it.
            self.steady = None;
            self.last_z = [0.0; MAX_STATES];
            self.model = model;
        }
    }
}

fn dot(a: &[f64], b: &[f64], n: usize) -> f64 {
    a[..n].iter().zip(&b[..n]).map(|(x, y)| x * y).sum()
}

fn times(m: &Matrix, z: &[f64], n: usize) -> Vector {
    let mut out = [0.0; MAX_STATES];
    for (o, row) in out[..n].iter_mut().zip(m) {
        *o = dot(row, z, n);
    }
    out
}

/// T P T', symmetric to the last bit.
fn sandwich(t: &Matrix, p: &Matrix, n: usize) -> Matrix {
    let mut tp = [[0.0; MAX_STATES]; MAX_STATES];
    for i in 0..n {
        for k in 0..n {
            let a = t[i][k];
            if a != 0.0 {
                for j in 0..n {
                    tp[i][j] += a * p[k][j];
                }
            }
        }
    }
    let mut out = [[0.0; MAX_STATES]; MAX_STATES];
    for i in 0..n {
        for j in 0..=i {
            let x = dot(&tp[i], &t[j], n);
            out[i][j] = x;
            out[j][i] = x;
        }
    }
    out
}

/// (I - K z') P (I - K z')' + h K K', symmetric to the last bit.
fn joseph(p: &Matrix, k: &Vector, z: &[f64], h: f64, n: usize) -> Matrix {
    let mut left = [[0.0; MAX_STATES]; MAX_STATES];
    for i in 0..n {
        for j in 0..n {
            left[i][j] = f64::from(u8::from(i == j)) - k[i] * z[j];
        }
    }
    let mut out = sandwich(&left, p, n);
    for i in 0..n {
        for j in 0..n {
            out[i][j] += h * (k[i] * k[j]);
        }
    }
    out
}

#[cfg(test)]
mod tests;
