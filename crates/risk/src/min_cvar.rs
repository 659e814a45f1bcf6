//! Portfolio of least expected shortfall by the linear programme of Rockafellar & Uryasev (2000), "Optimization of conditional value-at-risk",
//! Journal of Risk 2(3), solved by the interior-point solver Clarabel (Goulart & Chen 2024).
//!
//! Over weights w, the VaR t and the losses u_s beyond it in each of S scenarios with returns r_s:
//! minimise t + sum(u_s) / (S (1 - c)) subject to u_s >= -r_s.w - t, u_s >= 0, sum(w) = budget, lower <= w <= upper,
//! sum |w - w0| <= turnover, m.w >= minimum return. The optimum is the exact tail average of the portfolio's returns.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};
use tradewind_core_types::BadInput;

/// What is to be solved.
#[derive(Debug, Clone, Copy)]
pub struct Programme<'a> {
    /// Returns of the scenarios, one after the other: each holds one return per asset (decimal).
    pub scenarios: &'a [f64],
    /// Number of assets.
    pub assets: usize,
    /// c, in (0.5, 1): the worst 1 - c of the scenarios count.
    pub confidence: f64,
    /// What the weights sum to.
    pub budget: f64,
    /// Lowest weight of each asset; -infinity for none.
    pub lower: &'a [f64],
    /// Highest weight of each asset; infinity for none.
    pub upper: &'a [f64],
    /// Weights held and how far the new ones may be from them in sum, |w - w0|.
    pub turnover: Option<(&'a [f64], f64)>,
    /// Expected return of each asset and the least of the portfolio, in the same unit.
    pub least_return: Option<(&'a [f64], f64)>,
}

/// The solution.
#[derive(Debug, Clone, PartialEq)]
pub struct MinCvar {
    /// Weights; within their bounds exactly, all else to the solver's 1e-9.
    pub weights: Vec<f64>,
    /// Expected shortfall of these weights, computed from the scenarios: positive for a loss.
    pub cvar: f64,
    /// A value at risk of these weights: the loss of the last scenario that counts.
    pub var: f64,
    /// Distance to the weights held, sum |w - w0|, where they were given.
    pub turnover: Option<f64>,
    /// Iterations of the solver.
    pub iterations: u32,
}

/// Why there is no solution.
#[derive(Debug, Clone, PartialEq)]
pub enum MinCvarError {
    /// An input that cannot be used.
    Bad(BadInput),
    /// Constraints that no weights satisfy.
    Infeasible(String),
    /// The risk falls without end: a combination of unlimited size that never loses.
    Unbounded,
    /// The solver gave up.
    Solver(String),
}

impl std::fmt::Display for MinCvarError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bad(e) => e.fmt(f),
            Self::Infeasible(why) => write!(f, "no weights satisfy the constraints: {why}"),
            Self::Unbounded => {
                f.write_str("the expected shortfall has no minimum: some combination without bounds never loses")
            }
            Self::Solver(why) => write!(f, "the solver stopped without a solution: {why}"),
        }
    }
}

impl std::error::Error for MinCvarError {}

/// Tolerance of the comparison of constraints with each other.
const SLACK: f64 = 1e-9;

impl Programme<'_> {
    fn check(&self) -> Result<usize, MinCvarError> {
        let bad =
            |what: &str, found: String, expected: &str| Err(MinCvarError::Bad(BadInput::new(what, found, expected)));
        let (n, c) = (self.assets, self.confidence);
        if n == 0 || self.scenarios.is_empty() || !self.scenarios.len().is_multiple_of(n) {
            let found = format!("{} returns for {n} assets", self.scenarios.len());
            return bad("scenarios", found, "one return per asset in each of at least one scenario");
        }
        if !(c > 0.5 && c < 1.0) {
            return bad("confidence", c.to_string(), "a probability above 0.5 and below 1");
        }
        if !self.budget.is_finite() {
            return bad("budget", self.budget.to_string(), "a finite number");
        }
        let mut lists = vec![("lower", self.lower), ("upper", self.upper)];
        lists.extend(self.turnover.map(|(w, _)| ("weights held", w)));
        lists.extend(self.least_return.map(|(m, _)| ("expected returns", m)));
        for (what, list) in lists {
            if list.len() != n {
                return bad(what, format!("of length {}", list.len()), "one for each asset");
            }
            let bound = matches!(what, "lower" | "upper");
            if let Some(x) = list.iter().find(|x| x.is_nan() || (!bound && x.is_infinite())) {
                return bad(what, x.to_string(), "numbers");
            }
        }
        if let Some(i) = self.scenarios.iter().position(|r| !r.is_finite()) {
            let what = format!("return of asset {} in scenario {}", i % n, i / n);
            return bad(&what, self.scenarios[i].to_string(), "a finite return");
        }
        if let Some((_, t)) = self.turnover
            && !(t >= 0.0 && t.is_finite())
        {
            return bad("turnover", t.to_string(), "zero or more");
        }
        if let Some((_, m)) = self.least_return
            && !m.is_finite()
        {
            return bad("least return", m.to_string(), "a finite number");
        }
        Ok(self.scenarios.len() / n)
    }

    /// Which of the constraints contradict each other, as far as that can be said without solving.
    fn conflict(&self) -> Result<(), MinCvarError> {
        let no = |why: String| Err(MinCvarError::Infeasible(why));
        for (i, (l, u)) in self.lower.iter().zip(self.upper).enumerate() {
            if l > u || *l == f64::INFINITY || *u == f64::NEG_INFINITY {
                return no(format!("asset {i} must be at least {l} and at most {u}"));
            }
        }
        let (least, most) = (self.lower.iter().sum::<f64>(), self.upper.iter().sum::<f64>());
        let slack = SLACK * (1.0 + self.budget.abs());
        if self.budget < least - slack || self.budget > most + slack {
            return no(format!("the bounds allow sums from {least} to {most}, the budget is {}", self.budget));
        }
        if let Some((held, limit)) = self.turnover {
            // To the nearest weights within the bounds, and from there to the budget: no shorter way.
            let nearest: Vec<f64> =
                held.iter().zip(self.lower).zip(self.upper).map(|((w, l), u)| w.max(*l).min(*u)).collect();
            let way = held.iter().zip(&nearest).map(|(a, b)| (a - b).abs()).sum::<f64>();
            let needed = way + (self.budget - nearest.iter().sum::<f64>()).abs();
            if needed > limit + slack {
                return no(format!("bounds and budget need a turnover of {needed:.6}, the limit is {limit}"));
            }
        }
        if let Some((mean, wanted)) = self.least_return
            && let Some(most) = self.most_return(mean)
            && most < wanted - SLACK * (1.0 + wanted.abs())
        {
            return no(format!("bounds and budget allow an expected return of at most {most}, wanted is {wanted}"));
        }
        Ok(())
    }

    /// The largest expected return within bounds and budget: the best assets are filled first. `None` when a bound is infinite.
    fn most_return(&self, mean: &[f64]) -> Option<f64> {
        if self.lower.iter().chain(self.upper).any(|b| b.is_infinite()) {
            return None;
        }
        let mut order: Vec<usize> = (0..self.assets).collect();
        order.sort_by(|a, b| mean[*b].total_cmp(&mean[*a]));
        let mut left = self.budget - self.lower.iter().sum::<f64>();
        let mut total: f64 = self.lower.iter().zip(mean).map(|(l, m)| l * m).sum();
        for i in order {
            let more = (self.upper[i] - self.lower[i]).min(left.max(0.0));
            total += more * mean[i];
            left -= more;
        }
        Some(total)
    }

    /// Solves the programme.
    ///
    /// # Errors
    /// Bad input, constraints that contradict each other, a risk without a minimum, or a solver that gives up.
    pub fn solve(&self) -> Result<MinCvar, MinCvarError> {
        let scenarios = self.check()?;
        self.conflict()?;
        // Returns of the order of one, whatever their period: the solver's tolerances are absolute.
        let size = self.scenarios.iter().map(|r| r.abs()).sum::<f64>() / self.scenarios.len() as f64;
        let size = if size > 0.0 { size } else { 1.0 };
        let (matrix, b, zeros, q) = self.assemble(scenarios, size);
        let cones = [SupportedConeT::ZeroConeT(zeros), SupportedConeT::NonnegativeConeT(b.len() - zeros)];
        let settings = DefaultSettings {
            verbose: false,
            max_iter: 200,
            tol_gap_abs: 1e-9,
            tol_gap_rel: 1e-9,
            tol_feas: 1e-9,
            direct_solve_method: "qdldl".into(),
            ..DefaultSettings::default()
        };
        let p = CscMatrix::zeros((q.len(), q.len()));
        let mut solver = DefaultSolver::new(&p, &q, &matrix, &b, &cones, settings)
            .map_err(|e| MinCvarError::Solver(e.to_string()))?;
        solver.solve();
        let s = &solver.solution;
        match s.status {
            SolverStatus::Solved | SolverStatus::AlmostSolved => {}
            SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => {
                let mut which = vec!["bounds", "budget"];
                which.extend(self.turnover.map(|_| "turnover"));
                which.extend(self.least_return.map(|_| "least return"));
                return Err(MinCvarError::Infeasible(format!("{} together", which.join(", "))));
            }
            SolverStatus::DualInfeasible | SolverStatus::AlmostDualInfeasible => return Err(MinCvarError::Unbounded),
            other => return Err(MinCvarError::Solver(format!("{other:?} after {} iterations", s.iterations))),
        }
        let bounds = self.lower.iter().zip(self.upper);
        let weights: Vec<f64> = s.x.iter().zip(bounds).map(|(w, (l, u))| w.max(*l).min(*u)).collect();
        let sum: f64 = weights.iter().sum();
        if weights.len() != self.assets || (sum - self.budget).abs() > 1e-6 * (1.0 + self.budget.abs()) {
            return Err(MinCvarError::Solver(format!("its weights sum to {sum}, not {}", self.budget)));
        }
        let (cvar, var) = self.risk(&weights);
        let turnover = self.turnover.map(|(w, _)| w.iter().zip(&weights).map(|(a, b)| (a - b).abs()).sum());
        Ok(MinCvar { weights, cvar, var, turnover, iterations: s.iterations })
    }

    /// Columns: weights, VaR, losses beyond it, and distances from the weights held. Gives the matrix, the right-hand side, how
    /// many of its first rows are equations, and the objective.
    fn assemble(&self, scenarios: usize, size: f64) -> (CscMatrix<f64>, Vec<f64>, usize, Vec<f64>) {
        let n = self.assets;
        let distances = if self.turnover.is_some() { n } else { 0 };
        let columns = n + 1 + scenarios + distances;
        let (mut at, mut row, mut value) = (Vec::new(), Vec::new(), Vec::new());
        let mut put = |r: usize, c: usize, v: f64| {
            // Written by column below, so that no sorting is needed here.
            at.push(c);
            row.push(r);
            value.push(v);
        };
        let mut b = Vec::new();
        // Equations: the budget, and assets whose bounds leave no choice.
        (0..n).for_each(|i| put(0, i, 1.0));
        b.push(self.budget);
        let fixed = |i: usize| self.lower[i] == self.upper[i];
        for i in (0..n).filter(|i| fixed(*i)) {
            put(b.len(), i, 1.0);
            b.push(self.lower[i]);
        }
        let zeros = b.len();
        for (s, returns) in self.scenarios.chunks_exact(n).enumerate() {
            returns.iter().enumerate().for_each(|(i, r)| put(b.len(), i, -r / size));
            put(b.len(), n, -1.0);
            put(b.len(), n + 1 + s, -1.0);
            b.push(0.0);
        }
        for s in 0..scenarios {
            put(b.len(), n + 1 + s, -1.0);
            b.push(0.0);
        }
        for i in (0..n).filter(|i| !fixed(*i)) {
            for (bound, sign) in [(self.upper[i], 1.0), (self.lower[i], -1.0)] {
                if bound.is_finite() {
                    put(b.len(), i, sign);
                    b.push(sign * bound);
                }
            }
        }
        if let Some((held, limit)) = self.turnover {
            let first = n + 1 + scenarios;
            for (i, w) in held.iter().enumerate() {
                for sign in [1.0, -1.0] {
                    put(b.len(), i, sign);
                    put(b.len(), first + i, -1.0);
                    b.push(sign * w);
                }
            }
            (0..n).for_each(|i| put(b.len(), first + i, 1.0));
            b.push(limit);
        }
        if let Some((mean, wanted)) = self.least_return {
            mean.iter().enumerate().for_each(|(i, m)| put(b.len(), i, -m / size));
            b.push(-wanted / size);
        }
        let mut q = vec![0.0; columns];
        q[n] = 1.0;
        q[n + 1..n + 1 + scenarios].fill(1.0 / (scenarios as f64 * (1.0 - self.confidence)));
        (CscMatrix::new_from_triplets(b.len(), columns, row, at, value), b, zeros, q)
    }

    /// Expected shortfall and value at risk of weights over the scenarios: the mean of the worst S (1 - c) losses, the last counted in
    /// part, and that last one.
    fn risk(&self, weights: &[f64]) -> (f64, f64) {
        let dot = |r: &[f64]| -r.iter().zip(weights).map(|(r, w)| r * w).sum::<f64>();
        let mut losses: Vec<f64> = self.scenarios.chunks_exact(self.assets).map(dot).collect();
        losses.sort_unstable_by(|a, b| b.total_cmp(a));
        let exact = losses.len() as f64 * (1.0 - self.confidence);
        let whole = (exact.floor() as usize).min(losses.len() - 1);
        let beyond: f64 = losses[..whole].iter().sum();
        ((beyond + (exact - whole as f64) * losses[whole]) / exact, losses[whole])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tradewind_core_types::testkit::Rng;

    const WIDE: (&[f64], &[f64]) = (&[0.0; 8], &[1.0; 8]);

    fn programme(scenarios: &[f64], assets: usize) -> Programme<'_> {
        Programme {
            scenarios,
            assets,
            confidence: 0.9,
            budget: 1.0,
            lower: &WIDE.0[..assets],
            upper: &WIDE.1[..assets],
            turnover: None,
            least_return: None,
        }
    }

    #[test]
    fn two_assets_by_hand() {
        // Each loses 10 % and 20 % in turn: one part of the first and two of the second... the worst day is least where
        // 0.1 w = 0.2 (1 - w), w = 2/3, and loses 1/15 of equity.
        let r = [-0.1, 0.0, 0.0, -0.2, 0.0, 0.0, 0.0, 0.0];
        let p = Programme { confidence: 0.75, ..programme(&r, 2) };
        let s = p.solve().unwrap();
        assert!((s.weights[0] - 2.0 / 3.0).abs() < 1e-7 && (s.cvar - 1.0 / 15.0).abs() < 1e-9, "{s:?}");
        // With half of the first at most, the second decides.
        let s = Programme { upper: &[0.5, 1.0], ..p }.solve().unwrap();
        assert!((s.weights[0] - 0.5).abs() < 1e-8 && (s.cvar - 0.1).abs() < 1e-9, "{s:?}");
        // From all in the second, half of equity may move in all: a quarter each way.
        let s = Programme { turnover: Some((&[0.0, 1.0], 0.5)), ..p }.solve().unwrap();
        assert!((s.weights[0] - 0.25).abs() < 1e-7 && (s.turnover.unwrap() - 0.5).abs() < 1e-7, "{s:?}");
        // An expected return that only half of the second gives.
        let s = Programme { least_return: Some((&[0.0, 0.02], 0.01)), ..p }.solve().unwrap();
        assert!((s.weights[1] - 0.5).abs() < 1e-7, "{s:?}");
        // Fixed weights are no choice.
        let s = Programme { lower: &[0.1, 0.9], upper: &[0.1, 0.9], ..p }.solve().unwrap();
        assert!((s.cvar - 0.18).abs() < 1e-12, "{s:?}");
        // No loss anywhere, no size.
        assert!(Programme { scenarios: &[0.0; 8], ..p }.solve().unwrap().cvar.abs() < 1e-12);
    }

    #[test]
    fn conflicts_are_named() {
        let r = [-0.1, 0.0, 0.0, -0.2, 0.0, 0.0, 0.0, 0.0];
        let p = programme(&r, 2);
        let why = |p: Programme<'_>| match p.solve() {
            Err(MinCvarError::Infeasible(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            why(Programme { lower: &[0.6, 0.0], upper: &[0.5, 1.0], ..p }),
            "asset 0 must be at least 0.6 and at most 0.5"
        );
        assert_eq!(why(Programme { upper: &[0.4, 0.5], ..p }), "the bounds allow sums from 0 to 0.9, the budget is 1");
        assert_eq!(
            why(Programme { upper: &[1.0, 0.5], turnover: Some((&[0.0, 1.0], 0.9)), ..p }),
            "bounds and budget need a turnover of 1.000000, the limit is 0.9"
        );
        let expected = (&[0.01, 0.02][..], 0.03);
        assert_eq!(
            why(Programme { least_return: Some(expected), ..p }),
            "bounds and budget allow an expected return of at most 0.02, wanted is 0.03"
        );
        // Each alone is possible, together they are not: only the solver knows.
        let both = Programme { least_return: Some((&[0.0, 0.02], 0.02)), turnover: Some((&[1.0, 0.0], 0.5)), ..p };
        assert_eq!(why(both), "bounds, budget, turnover, least return together");
        // Short one asset without limit to hold another that is always better.
        let better = [0.01, 0.02, 0.00, 0.02];
        let free = Programme { lower: &[f64::NEG_INFINITY; 2], upper: &[f64::INFINITY; 2], ..programme(&better, 2) };
        assert_eq!(free.solve(), Err(MinCvarError::Unbounded));
    }

    #[test]
    fn bad_input_is_typed() {
        let r = [0.01, f64::NAN, 0.0, 0.0];
        let ok = [0.01, 0.02, 0.0, 0.0];
        let p = programme(&ok, 2);
        for (bad, word) in [
            (Programme { scenarios: &r, ..p }, "return of asset 1 in scenario 0"),
            (Programme { scenarios: &ok[..3], ..p }, "scenarios"),
            (Programme { scenarios: &[], ..p }, "scenarios"),
            (Programme { confidence: f64::NAN, ..p }, "confidence"),
            (Programme { budget: f64::INFINITY, ..p }, "budget"),
            (Programme { lower: &[0.0], ..p }, "lower"),
            (Programme { upper: &[1.0, f64::NAN], ..p }, "upper"),
            (Programme { turnover: Some((&[0.5, f64::INFINITY], 1.0)), ..p }, "weights held"),
            (Programme { turnover: Some((&[0.5, 0.5], -1.0)), ..p }, "turnover"),
            (Programme { least_return: Some((&[0.5], 0.0)), ..p }, "expected returns"),
            (Programme { least_return: Some((&[0.5, 0.5], f64::NAN)), ..p }, "least return"),
        ] {
            match bad.solve() {
                Err(MinCvarError::Bad(e)) => assert_eq!(e.what, word),
                other => panic!("{word}: {other:?}"),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn constraints_hold_and_no_neighbour_is_better(seed in any::<u64>(), n in 2_usize..6, cap in 0.55_f64..1.0) {
            let mut rng = Rng(seed);
            let scenarios: Vec<f64> = (0..80 * n).map(|_| 0.0005 + 0.01 * rng.normal()).collect();
            let upper = vec![cap; n];
            let held = vec![1.0 / n as f64; n];
            let limit = 0.6;
            let p = Programme { upper: &upper, turnover: Some((&held, limit)), ..programme(&scenarios, n) };
            let s = p.solve().unwrap();
            prop_assert!((s.weights.iter().sum::<f64>() - 1.0).abs() < 1e-8);
            prop_assert!(s.weights.iter().all(|w| (0.0..=cap).contains(w)));
            prop_assert!(s.turnover.unwrap() <= limit + 1e-7 && s.cvar >= s.var - 1e-12);
            for _ in 0..200 {
                // Towards a random feasible point.
                let mut other: Vec<f64> = (0..n).map(|_| rng.uniform()).collect();
                let sum: f64 = other.iter().sum();
                other.iter_mut().for_each(|w| *w /= sum);
                let far: f64 = other.iter().zip(&held).map(|(a, b)| (a - b).abs()).sum();
                if far <= limit && other.iter().all(|w| *w <= cap) {
                    prop_assert!(p.risk(&other).0 >= s.cvar - 1e-8);
                }
            }
        }
    }
}
