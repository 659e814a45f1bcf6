//! Noise variances by maximum likelihood.

use argmin::core::{CostFunction, Error, Executor, IterState};
use argmin::solver::neldermead::NelderMead;
use serde::{Deserialize, Serialize};

use super::{Kalman, MAX_STATES, Model, Start, Vector};
use crate::{NumericsError, math};

const WHAT: &str = "maximum likelihood of noise variances";
/// Log ratios of a state's noise to the observation's noise that the search looks at first, and how far it may go.
const GRID: [f64; 5] = [-14.0, -9.0, -5.0, -2.0, 1.0];
const FAR: f64 = 30.0;
/// Standard deviation of the log-likelihood over the simplex at which the search ends.
const PRECISION: f64 = 1e-10;
const ITERATIONS: u64 = 500;

/// Which models are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Structure {
    /// A level that is a random walk.
    LocalLevel,
    /// A level with a trend that is a random walk.
    LocalLinearTrend,
    /// Regression on as many regressors, coefficients being random walks.
    Regression(usize),
}

impl Structure {
    /// How many states, each with a noise of its own.
    pub fn states(self) -> usize {
        match self {
            Self::LocalLevel => 1,
            Self::LocalLinearTrend => 2,
            Self::Regression(k) => k,
        }
    }
    /// The model with these noise variances; `None` when they are not as [`Model::new`] wants them.
    pub fn model(self, state_noise: &[f64], noise: f64) -> Option<Model> {
        match (self, state_noise) {
            (Self::LocalLinearTrend, [level, trend]) => Model::local_linear_trend(*level, *trend, noise),
            (Self::LocalLinearTrend, _) => None,
            (_, q) if q.len() == self.states() => Model::random_walk(q, noise),
            _ => None,
        }
    }
}

/// The most likely variances.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Of the states' noise, one each.
    pub state_noise: Vector,
    /// Of the observation's noise.
    pub noise: f64,
    /// The log-likelihood there (exactly diffuse start).
    pub log_likelihood: f64,
    /// How often the data were filtered.
    pub evaluations: usize,
}

/// One series under one structure: the likelihood with the common scale of all variances concentrated out.
struct Problem<'a> {
    structure: Structure,
    z: &'a dyn Fn(usize) -> Vector,
    y: &'a [Option<f64>],
    evaluations: std::cell::Cell<usize>,
}

impl Problem<'_> {
    /// Log-likelihood and scale at these ratios of variances (the observation's first).
    fn at(&self, shares: &[f64]) -> Option<(f64, f64)> {
        self.evaluations.set(self.evaluations.get() + 1);
        let mut k = Kalman::new(self.structure.model(&shares[1..], shares[0])?, Start::Diffuse);
        let n = self.structure.states();
        for (i, y) in self.y.iter().enumerate() {
            k.step(&(self.z)(i)[..n], *y);
        }
        k.log_likelihood().concentrated().filter(|_| k.unknown() == 0)
    }
}

/// From log ratios to variances of which the largest is 1.
fn shares(x: &[f64]) -> Vec<f64> {
    let top = x.iter().fold(0.0, |m: f64, v| m.max(*v));
    std::iter::once(0.0).chain(x.iter().copied()).map(|v| math::exp(v - top)).collect()
}

impl CostFunction for &Problem<'_> {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
        // Beyond the range the likelihood is flat: a slope leads back.
        let beyond: f64 = x.iter().map(|v| (v.abs() - FAR).max(0.0)).sum();
        let x: Vec<f64> = x.iter().map(|v| v.clamp(-FAR, FAR)).collect();
        Ok(self.at(&shares(&x)).map_or(1e300, |(l, _)| -l) + beyond)
    }
}

/// The noise variances under which `y` is most likely, from an exactly diffuse start; `z` gives the regressors of each observation (for
/// [`Structure::LocalLevel`] \[1\], for [`Structure::LocalLinearTrend`] \[1, 0\] are taken instead).
///
/// Nelder & Mead's simplex over the logarithms of the variances' ratios from the best point of a coarse grid, restarted once; the
/// scale follows in closed form (Harvey 1989, sec. 3.4.2). At last each variance is tried at zero, which is where many maxima are.
///
/// # Errors
/// With fewer observations than the states and variances need, or when the series is fitted without error or no optimum is found.
pub fn fit(structure: Structure, z: &dyn Fn(usize) -> Vector, y: &[Option<f64>]) -> Result<Estimate, NumericsError> {
    let n = structure.states();
    if !(1..=MAX_STATES).contains(&n) {
        return Err(NumericsError::TooFew { what: WHAT, needed: 1, got: n });
    }
    let (got, needed) = (y.iter().flatten().count(), 2 * n + 2);
    if got < needed {
        return Err(NumericsError::TooFew { what: WHAT, needed, got });
    }
    let unit = |_: usize| {
        let mut v = [0.0; MAX_STATES];
        v[0] = 1.0;
        v
    };
    let z = if matches!(structure, Structure::Regression(_)) { z } else { &unit };
    let problem = Problem { structure, z, y, evaluations: std::cell::Cell::new(0) };
    let mut best: Option<(Vec<f64>, f64, f64)> = None;
    let consider = |best: &mut Option<(Vec<f64>, f64, f64)>, w: Vec<f64>| {
        if let Some((l, scale)) = problem.at(&w)
            && best.as_ref().is_none_or(|b| l > b.1)
        {
            *best = Some((w, l, scale));
        }
    };
    let mut start = (f64::INFINITY, vec![0.0; n]);
    for i in 0..GRID.len().pow(n.min(2) as u32) {
        // The first ratio runs fastest; all others share the second.
        let x: Vec<f64> = (0..n).map(|j| GRID[if j == 0 { i % GRID.len() } else { i / GRID.len() }]).collect();
        let cost = (&problem).cost(&x).unwrap_or(f64::INFINITY);
        if cost < start.0 {
            start = (cost, x);
        }
    }
    let mut x = start.1;
    for size in [1.5, 0.4] {
        let mut simplex = vec![x.clone()];
        for j in 0..n {
            let mut corner = x.clone();
            corner[j] += size;
            simplex.push(corner);
        }
        let run = || -> Result<Option<Vec<f64>>, Error> {
            let solver = NelderMead::new(simplex).with_sd_tolerance(PRECISION)?;
            let result = Executor::new(&problem, solver)
                .configure(|s: IterState<Vec<f64>, (), (), (), (), f64>| s.max_iters(ITERATIONS))
                .timer(false)
                .ctrlc(false)
                .run()?;
            Ok(result.state.best_param)
        };
        if let Ok(Some(found)) = run() {
            x = found.iter().map(|v| v.clamp(-FAR, FAR)).collect();
        }
        consider(&mut best, shares(&x));
    }
    // What the search could only approach.
    for j in 0..=n {
        let mut w = shares(&x);
        w[j] = 0.0;
        if w.iter().any(|v| *v > 0.0) {
            consider(&mut best, w);
        }
    }
    let Some((w, log_likelihood, scale)) = best else {
        return Err(NumericsError::ExactFit(WHAT));
    };
    let mut state_noise = [0.0; MAX_STATES];
    state_noise.iter_mut().zip(&w[1..]).for_each(|(s, w)| *s = scale * w);
    let noise = scale * w[0];
    if !(noise.is_finite() && state_noise.iter().all(|s| s.is_finite())) {
        return Err(NumericsError::NoConvergence { what: WHAT, why: format!("scale {scale}") });
    }
    Ok(Estimate { state_noise, noise, log_likelihood, evaluations: problem.evaluations.get() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::testkit::Rng;

    const NONE: fn(usize) -> Vector = |_| [0.0; MAX_STATES];

    #[test]
    fn variances_are_found_again() {
        let mut rng = Rng(3);
        let mut level = 0.0;
        let y: Vec<_> = (0..4000)
            .map(|_| {
                level += 0.5 * rng.normal();
                Some(level + 2.0 * rng.normal())
            })
            .collect();
        let e = fit(Structure::LocalLevel, &NONE, &y).unwrap();
        println!("{e:?}");
        assert!((e.noise / 4.0 - 1.0).abs() < 0.1 && (e.state_noise[0] / 0.25 - 1.0).abs() < 0.2, "{e:?}");
        // It is a maximum: no neighbour is more likely.
        let at = |q: f64, h: f64| {
            let mut k = Kalman::new(Model::random_walk(&[q], h).unwrap(), Start::Diffuse);
            y.iter().for_each(|y| {
                k.step(&[1.0], *y);
            });
            k.log_likelihood().value()
        };
        let top = at(e.state_noise[0], e.noise);
        assert!((top - e.log_likelihood).abs() < 1e-8);
        for (a, b) in [(1.001, 1.0), (0.999, 1.0), (1.0, 1.001), (1.0, 0.999)] {
            assert!(at(a * e.state_noise[0], b * e.noise) <= top + 1e-9);
        }
    }

    #[test]
    fn maxima_on_the_edge_are_reached() {
        let mut rng = Rng(4);
        // White noise has no drift, a random walk has no noise.
        let noise: Vec<_> = (0..500).map(|_| Some(rng.normal())).collect();
        let e = fit(Structure::LocalLevel, &NONE, &noise).unwrap();
        assert!(e.state_noise[0] < 1e-3 * e.noise, "{e:?}");
        let mut w = 0.0;
        let walk: Vec<_> = (0..500)
            .map(|_| {
                w += rng.normal();
                Some(w)
            })
            .collect();
        let e = fit(Structure::LocalLevel, &NONE, &walk).unwrap();
        assert!(e.noise < 0.1 * e.state_noise[0], "{e:?}");
        let e = fit(Structure::LocalLinearTrend, &NONE, &walk).unwrap();
        assert!(e.state_noise[1] < 0.05 * e.state_noise[0], "{e:?}");
    }

    #[test]
    fn regression_with_a_moving_coefficient() {
        let mut rng = Rng(5);
        let mut beta = 1.0;
        let rows: Vec<(Vector, Option<f64>)> = (0..3000)
            .map(|i| {
                beta += 0.02 * rng.normal();
                let mut z = [0.0; MAX_STATES];
                (z[0], z[1]) = (1.0, rng.normal());
                (z, (i % 50 != 7).then(|| 0.3 + beta * z[1] + 0.5 * rng.normal()))
            })
            .collect();
        let y: Vec<_> = rows.iter().map(|r| r.1).collect();
        let e = fit(Structure::Regression(2), &|i| rows[i].0, &y).unwrap();
        assert!((e.noise / 0.25 - 1.0).abs() < 0.15, "{e:?}");
        assert!((e.state_noise[1] / 4e-4 - 1.0).abs() < 0.5 && e.state_noise[0] < 4e-5, "{e:?}");
    }

    #[test]
    fn unusable_series_are_refused() {
        let y = |n: usize| -> Vec<Option<f64>> { (0..n).map(|i| Some((i * i % 7) as f64)).collect() };
        assert!(matches!(
            fit(Structure::LocalLevel, &NONE, &y(3)).unwrap_err(),
            NumericsError::TooFew { needed: 4, got: 3, .. }
        ));
        assert!(fit(Structure::Regression(7), &NONE, &y(100)).is_err());
        assert!(fit(Structure::LocalLevel, &NONE, &[Some(2.0); 50]).is_err());
        assert!(fit(Structure::LocalLevel, &NONE, &[None; 50]).is_err());
    }
}
