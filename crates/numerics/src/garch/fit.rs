//! Maximum likelihood: from each of a small grid of starts BFGS on the analytic gradient (argmin), then Newton steps on the analytic Hessian; the
//! highest maximum counts.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, Gradient, IterState};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::BFGS;

use super::coordinates::{Linear, OMEGA_MIN, form, from_search, search_dim, to_search};
use super::likelihood::{BETA, DOWN, MU, NU, OMEGA, Second, Series, UP, Vector, evaluate, second};
use super::linear::{MAX, Square, dot, invert, solve_spd};
use super::{Fit, MIN_OBSERVATIONS, Parameters, Spec, StdErrors, centre, conditional_variances};
use crate::{NumericsError, math};

const WHAT: &str = "GARCH fit";
/// Passes over the data after which the search gives up.
const BUDGET: usize = 400;
/// Newton steps at most; two or three are usual.
const NEWTON_STEPS: usize = 12;
/// The search hands over to Newton below this norm of the gradient (of the mean log-likelihood), or when an iteration gains less
/// than that: early at first, and once more in earnest when Newton finds no optimum from there.
const SEARCHES: [(f64, f64); 2] = [(1e-4, 1e-8), (1e-7, 1e-15)];
/// How far a start is followed before it is asked whether its maximum is known already; as above.
const APPROACH: (f64, f64) = (2e-2, 1e-5);
/// Log-likelihood that another Newton step may still gain at an optimum: parameters are then within a few millionths of their errors.
const GAIN: f64 = 1e-11;
/// Rounding of the log-likelihood.
const ROUNDING: f64 = 1e-8;
/// Norm of the gradient in the search's coordinates at an optimum where the Hessian is of no use (on the persistence bound).
const GRADIENT: f64 = 1e-5;

/// Where the mean squared standardised residual of a fit must lie; it is 1 in theory. With many equal returns the Student
/// likelihood grows without end as the scale collapses, and a variance forecast from there would be thousands of times too low.
const CALIBRATED: (f64, f64) = (0.25, 4.0);

/// The negative mean log-likelihood over the search's coordinates.
struct Objective<'a> {
    series: Series<'a>,
    spec: Spec,
    memory: &'a RefCell<Memory>,
}

type SearchState = IterState<Vec<f64>, Vec<f64>, (), Vec<Vec<f64>>, (), f64>;

/// The last point looked at (argmin asks for cost and gradient of a point one after the other) and the best one.
#[derive(Default)]
struct Memory {
    last: Option<(Vec<f64>, f64, Vec<f64>)>,
    best: Option<(Vec<f64>, f64)>,
    evaluations: usize,
}

impl Objective<'_> {
    fn at<R>(&self, x: &[f64], read: impl Fn(f64, &[f64]) -> R) -> Result<R, Error> {
        let mut memory = self.memory.try_borrow_mut()?;
        if let Some((p, f, g)) = &memory.last
            && p == x
        {
            return Ok(read(*f, g));
        }
        if memory.evaluations >= BUDGET || !x.iter().all(|v| v.is_finite()) {
            return Err(Error::msg("out of evaluations, or a step beyond all numbers"));
        }
        memory.evaluations += 1;
        let (theta, jac) = from_search(self.spec, x);
        let (l, g) = evaluate(self.series, &theta, self.spec.student_t, true);
        let n = self.series.y.len() as f64;
        // An overflow is far from any optimum: a high wall, from which the line search comes back.
        let f = if l.is_finite() { -l / n } else { 1e10 };
        let gradient: Vec<f64> = jac
            .iter()
            .take(x.len())
            .map(|row| {
                let s = -row.iter().zip(&g).map(|(a, b)| a * b).sum::<f64>() / n;
                if s.is_finite() { s } else { 0.0 }
            })
            .collect();
        if memory.best.as_ref().is_none_or(|(_, b)| f < *b) {
            memory.best = Some((x.to_vec(), f));
        }
        let out = read(f, &gradient);
        memory.last = Some((x.to_vec(), f, gradient));
        Ok(out)
    }
}

impl CostFunction for Objective<'_> {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
        self.at(x, |f, _| f)
    }
}

impl Gradient for Objective<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;
    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
        self.at(x, |_, g| g.to_vec())
    }
}

/// Starts in units of the sample variance: plausible points from calm to nervous, and the corners in which short windows have their optimum
/// instead (shocks that are forgotten at once, a variance that only drifts, rises that count more than falls).
fn starts(spec: Spec) -> impl Iterator<Item = Vector> {
    // Weight of a shock, further weight of it after a fall, persistence.
    let corners: &[(f64, f64, f64)] = if spec.gjr {
        &[(0.03, 0.04, 0.1), (0.002, 0.006, 0.998), (0.06, -0.05, 0.97)]
    } else {
        &[(0.05, 0.0, 0.1), (0.005, 0.0, 0.998)]
    };
    let shocks: &[(f64, f64)] =
        if spec.gjr { &[(0.01, 0.06), (0.01, 0.18), (0.06, 0.1)] } else { &[(0.03, 0.0), (0.08, 0.0), (0.16, 0.0)] };
    let plausible = shocks.iter().flat_map(|&(alpha, gamma)| [0.8, 0.95, 0.985].map(|p| (alpha, gamma, p)));
    let nu = if spec.student_t { 8.0 } else { 0.0 };
    plausible
        .chain(corners.iter().copied())
        .map(move |(alpha, gamma, p)| [0.0, 1.0 - p, alpha, alpha + gamma, p - alpha - 0.5 * gamma, nu])
}

/// BFGS from `start`; gives the best point seen and the number of evaluations. Errors of argmin end the search, no more:
/// whether the point is an optimum is decided afterwards.
fn search(series: Series<'_>, spec: Spec, start: &Vector, until: (f64, f64)) -> (Vector, usize) {
    let x0 = to_search(spec, start);
    let k = search_dim(spec);
    let memory = RefCell::new(Memory::default());
    let inverse = initial_inverse(series, spec, &x0, k);
    let run = || -> Result<(), Error> {
        let solver = BFGS::new(MoreThuenteLineSearch::new().with_c(1e-4, 0.9)?)
            .with_tolerance_grad(until.0)?
            .with_tolerance_cost(until.1)?;
        let problem = Objective { series, spec, memory: &memory };
        Executor::new(problem, solver)
            .configure(|s: SearchState| s.param(x0.clone()).inv_hessian(inverse).max_iters(100))
            .timer(false)
            .ctrlc(false)
            .run()?;
        Ok(())
    };
    // How it ended does not matter: the best point it saw is judged below.
    drop(run());
    let memory = memory.into_inner();
    let best = memory.best.map_or_else(|| x0.clone(), |(x, _)| x);
    (from_search(spec, &best).0, memory.evaluations)
}

/// The first inverse Hessian: that of the mean outer product of scores (Berndt, Hall, Hall & Hausman 1974), or the identity.
fn initial_inverse(series: Series<'_>, spec: Spec, x0: &[f64], k: usize) -> Vec<Vec<f64>> {
    let (theta, jac) = from_search(spec, x0);
    let s = second(series, &theta, spec.student_t);
    let n = series.y.len() as f64;
    let mut b = form(&jac, k, &s.outer.map(|row| row.map(|v| v / n)));
    let shares = if spec.gjr { 4 } else { 3 };
    let at = usize::from(spec.constant_mean) + usize::from(!spec.variance_targeting);
    for i in 0..k {
        b[i][i] += 1e-3;
        for j in 0..k {
            // Along the radius of the simplex nothing changes: give that direction a curvature of its own.
            if (at..at + shares).contains(&i) && (at..at + shares).contains(&j) {
                b[i][j] += x0[i] * x0[j];
            }
        }
    }
    let inverse = invert(&b, k).filter(|m| m.iter().flatten().all(|v| v.is_finite()));
    (0..k)
        .map(|i| (0..k).map(|j| inverse.map_or(f64::from(u8::from(i == j)), |m| 0.5 * (m[i][j] + m[j][i]))).collect())
        .collect()
}

/// Newton steps within the box until the next one would gain less than [`GAIN`]; gives the point, its derivatives and whether it
/// is an optimum.
fn newton(series: Series<'_>, spec: Spec, start: Vector) -> (Vector, Second, bool, usize) {
    let n = series.y.len() as f64;
    let c = Linear::boxed(spec);
    let mut theta = start;
    let mut s = second(series, &theta, spec.student_t);
    let mut evaluations = 1;
    for _ in 0..NEWTON_STEPS {
        let g = c.gradient(&s.gradient);
        let h = c.form(&s.hessian);
        let value = |i: usize| c.rows[i].iter().zip(&theta).filter(|(a, _)| **a > 0.0).map(|(_, t)| *t).next();
        // Coordinates that sit on a bound and want to go on beyond it stay there.
        let mut free = Vec::with_capacity(MAX);
        let mut step = [0.0; MAX];
        for i in 0..c.dim {
            let x = value(i).unwrap_or(0.0);
            let (lo, hi) = c.range[i];
            let near = 1e-6 * x.abs().max(1e-1);
            if x - lo <= near && g[i] <= 0.0 {
                step[i] = lo - x;
            } else if hi - x <= near && g[i] >= 0.0 {
                step[i] = hi - x;
            } else {
                free.push(i);
            }
        }
        let (mut a, mut b): (Square, _) = ([[0.0; MAX]; MAX], [0.0; MAX]);
        for (p, &i) in free.iter().enumerate() {
            b[p] = g[i];
            for (q, &j) in free.iter().enumerate() {
                a[p][q] = -h[i][j];
            }
        }
        let Some(mut d) = solve_spd(&a, &b, free.len()) else { break };
        // Where the step would cross the bound of the persistence, the best step that ends on it (one multiplier).
        let gap = 1.0 - 0.5 * (theta[UP] + theta[DOWN]) - theta[BETA];
        let mut w = [0.0; MAX];
        for (p, &i) in free.iter().enumerate() {
            let row = &c.rows[i];
            w[p] = 0.5 * (row[UP] + row[DOWN]) + row[BETA];
        }
        let excess = dot(&w, &d) - gap;
        if excess > 0.0 {
            let Some(u) = solve_spd(&a, &w, free.len()) else { break };
            let multiplier = excess / dot(&w, &u);
            for (x, u) in d.iter_mut().zip(&u).take(free.len()) {
                *x -= multiplier * u;
            }
        }
        let curvature: f64 = (0..free.len()).map(|i| d[i] * dot(&a[i], &d)).sum();
        let gain = dot(&b, &d) - 0.5 * curvature;
        let snapped = step.iter().any(|v| v.abs() > 1e-12);
        if gain <= GAIN && !snapped {
            return (theta, s, true, evaluations);
        }
        for (p, &i) in free.iter().enumerate() {
            let x = value(i).unwrap_or(0.0);
            step[i] = (x + d[p]).clamp(c.range[i].0, c.range[i].1) - x;
        }
        let mut better = None;
        let mut length = 1.0;
        for _ in 0..8 {
            let mut t = theta;
            for (v, row) in step.iter().zip(&c.rows).take(c.dim) {
                for (t, r) in t.iter_mut().zip(row) {
                    *t += length * v * r;
                }
            }
            let admissible = 0.5 * (t[UP] + t[DOWN]) + t[BETA] <= 1.0 + 1e-12 && t[OMEGA] >= 0.5 * OMEGA_MIN;
            if admissible {
                let next = second(series, &t, spec.student_t);
                evaluations += 1;
                // Rounding of the sum, and a coordinate put exactly on its bound, are allowed for.
                if next.value >= s.value - ROUNDING {
                    better = Some((t, next));
                    break;
                }
            }
            length *= 0.5;
        }
        let Some((t, next)) = better else { break };
        (theta, s) = (t, next);
    }
    // On the persistence bound, or where the likelihood is not concave: the first-order condition decides.
    let x = to_search_exactly(spec, &theta);
    let (at, jac) = from_search(spec, &x);
    let (_, g) = evaluate(series, &at, spec.student_t, true);
    let norm = jac
        .iter()
        .take(x.len())
        .map(|row| (row.iter().zip(&g).map(|(a, b)| a * b).sum::<f64>() / n).powi(2))
        .sum::<f64>()
        .sqrt();
    (theta, s, norm <= GRADIENT, evaluations + 1)
}

/// The search's coordinates without the distance kept from the bounds.
fn to_search_exactly(spec: Spec, theta: &Vector) -> Vec<f64> {
    let mut x = to_search(spec, theta);
    let at = usize::from(spec.constant_mean) + usize::from(!spec.variance_targeting);
    let slack = (1.0 - 0.5 * (theta[UP] + theta[DOWN]) - theta[BETA]).max(0.0);
    if spec.gjr {
        x[at] = (0.5 * theta[UP]).sqrt();
        x[at + 1] = (0.5 * theta[DOWN]).sqrt();
        x[at + 2] = theta[BETA].sqrt();
        x[at + 3] = slack.sqrt();
    } else {
        x[at] = theta[UP].sqrt();
        x[at + 1] = theta[BETA].sqrt();
        x[at + 2] = slack.sqrt();
    }
    x
}

/// H^-1 V H^-1 / n with the mean Hessian H and the covariance V of the scores (Bollerslev & Wooldridge 1992, Econometric Reviews 11,
/// eq. 3.4; V around the scores' mean with n - 1, as in `arch`). Units are those of the scaled series.
fn std_errors(spec: Spec, s: &Second, n: f64) -> Option<[f64; MAX]> {
    let c = Linear::published(spec);
    let g = c.gradient(&s.gradient);
    let mut v = c.form(&s.outer);
    for i in 0..c.dim {
        for j in 0..c.dim {
            v[i][j] = (v[i][j] - g[i] * g[j] / n) / (n - 1.0);
        }
    }
    let inverse = invert(&c.form(&s.hessian).map(|row| row.map(|x| x / n)), c.dim)?;
    let mut out = [0.0; MAX];
    for (i, o) in out.iter_mut().enumerate().take(c.dim) {
        let mut variance = 0.0;
        for a in 0..c.dim {
            for b in 0..c.dim {
                variance += inverse[i][a] * v[a][b] * inverse[b][i];
            }
        }
        let e = (variance / n).sqrt();
        if !(e.is_finite() && e > 0.0) {
            return None;
        }
        *o = e;
    }
    Some(out)
}

/// Goes up from `start`; gives the maximum with its derivatives, when there is one, and the passes over the data. It stops where it comes near
/// one of the maxima that are known.
fn climb(
    series: Series<'_>,
    spec: Spec,
    start: Vector,
    known: &[(Vector, Second)],
) -> (Option<(Vector, Second)>, usize) {
    let (mut theta, mut evaluations) = search(series, spec, &start, APPROACH);
    let (l, _) = evaluate(series, &theta, spec.student_t, false);
    if known.iter().any(|(t, s)| near(t, &theta) && s.value >= l) {
        return (None, evaluations);
    }
    for until in SEARCHES {
        let (found, searched) = search(series, spec, &theta, until);
        let (polished, derivatives, optimum, steps) = newton(series, spec, found);
        evaluations += searched + steps;
        if optimum {
            return (Some((polished, derivatives)), evaluations);
        }
        theta = polished;
    }
    (None, evaluations)
}

/// Whether a search at `theta` is on its way to a maximum at `m`: every coordinate within the reach of a few more steps.
fn near(m: &Vector, theta: &Vector) -> bool {
    let reach = [0.05, 0.05, 0.03, 0.03, 0.08, f64::INFINITY];
    m.iter().zip(theta).zip(reach).all(|((a, b), reach)| (a - b).abs() <= reach)
}

/// Fits a model to returns, from `warm` (the parameters of an earlier fit in the same units) as well as from standard starts.
///
/// The series is scaled to unit variance first, so that the units of the returns do not matter.
///
/// # Errors
/// With fewer than [`MIN_OBSERVATIONS`] returns or any that is not finite; when they do not vary; when no optimum is found.
pub fn fit(returns: &[f64], spec: Spec, warm: Option<&Parameters>) -> Result<Fit, NumericsError> {
    let n = returns.len();
    if n < MIN_OBSERVATIONS {
        return Err(NumericsError::TooFew { what: WHAT, needed: MIN_OBSERVATIONS, got: n });
    }
    if let Some((index, &value)) = returns.iter().enumerate().find(|(_, r)| !r.is_finite()) {
        return Err(NumericsError::BadValue { what: WHAT, index, value, expected: "a finite return" });
    }
    let centre = centre(returns, spec.constant_mean);
    let variance = returns.iter().map(|r| (r - centre).powi(2)).sum::<f64>() / n as f64;
    // Variation below the rounding of the returns themselves is none.
    let largest = returns.iter().fold(0.0, |m: f64, r| m.max(r.abs()));
    if !(variance.is_finite() && variance.sqrt() > 1e-12 * largest && variance > 1e-200) {
        return Err(NumericsError::Constant(WHAT));
    }
    let unit = variance.sqrt();
    let y: Vec<f64> = returns.iter().map(|r| r / unit).collect();
    let series = Series { y: &y, before: spec.before(&y) };

    let warm = warm.map(|p| {
        let mut t = p.theta();
        // What this model does not have, it does not take over.
        t[MU] = if spec.constant_mean { t[MU] / unit } else { 0.0 };
        t[DOWN] = if spec.gjr { t[DOWN] } else { t[UP] };
        t[OMEGA] = (t[OMEGA] / variance).clamp(2.0 * OMEGA_MIN, 10.0);
        if spec.student_t && p.nu.is_none() {
            t[NU] = 8.0;
        }
        t
    });
    let mut evaluations = 0;
    let cold = starts(spec).map(|[_, rest @ ..]| {
        let [omega, up, down, beta, nu] = rest;
        [centre / unit, omega, up, down, beta, nu]
    });
    let no = |why: &str| NumericsError::NoConvergence { what: WHAT, why: why.into() };
    // The likelihood has several maxima on short windows: every start is searched, and the highest counts.
    let mut maxima: Vec<(Vector, Second)> = Vec::new();
    for start in warm.into_iter().chain(cold) {
        let (found, passes) = climb(series, spec, start, &maxima);
        evaluations += passes;
        maxima.extend(found);
    }
    let best = maxima.into_iter().reduce(|a, b| if b.1.value > a.1.value { b } else { a });
    let (theta, s) = best.ok_or_else(|| no("the likelihood still rises where the search ended"))?;
    if !(s.value.is_finite() && theta.iter().all(|t| t.is_finite())) {
        return Err(no("the optimum is not finite"));
    }

    let mut scaled = std_errors(spec, &s, n as f64).map(|e| e.into_iter());
    let mut next = |present: bool, scale: f64| match (&mut scaled, present) {
        (Some(e), true) => e.next().map(|e| e * scale),
        _ => None,
    };
    let std_errors = StdErrors {
        mu: next(spec.constant_mean, unit),
        omega: next(!spec.variance_targeting, variance),
        alpha: next(true, 1.0),
        gamma: next(spec.gjr, 1.0),
        beta: next(true, 1.0),
        nu: next(spec.student_t, 1.0),
    };
    let parameters = Parameters {
        mu: theta[MU] * unit,
        omega: theta[OMEGA] * variance,
        alpha: theta[UP],
        gamma: if spec.gjr { theta[DOWN] - theta[UP] } else { 0.0 },
        beta: theta[BETA],
        nu: spec.student_t.then_some(theta[NU]),
    };
    let variances = conditional_variances(returns, &parameters, spec);
    let squares = returns.iter().zip(&variances).map(|(r, h)| (r - parameters.mu).powi(2) / h).sum::<f64>() / n as f64;
    if !(CALIBRATED.0..=CALIBRATED.1).contains(&squares) {
        return Err(no("the optimum's variances are not those of the returns (many equal returns?)"));
    }
    Ok(Fit {
        spec,
        parameters,
        std_errors,
        log_likelihood: s.value - n as f64 * math::ln(unit),
        observations: n,
        next_variance: variances.last().copied().unwrap_or(variance),
        evaluations,
    })
}
