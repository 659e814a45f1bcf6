//! Peaks over a threshold: the generalised Pareto distribution (GPD) of what exceeds it, by maximum likelihood, the value at risk and
//! expected shortfall that follow, and what tells whether the threshold is a good one.
//!
//! For losses L and a threshold u, the excess y = L - u given L > u has about the distribution function 1 - (1 + xi y / sigma)^(-1/xi)
//! (Pickands 1975; Balkema & de Haan 1974). xi is the shape (0 exponential, above it a power tail of index 1/xi), sigma the scale.

use serde::{Deserialize, Serialize};

use crate::{NumericsError, math};

/// Fewest exceedances the distribution is fitted to: below it the shape is noise.
pub const MIN_EXCEEDANCES: usize = 20;
/// Lowest shape: the estimator is regular above -1/2 only (Smith 1985), and below -1 the likelihood has no maximum.
pub const LOWEST_SHAPE: f64 = -0.5;

/// Shape and scale of the excesses over a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gpd {
    /// xi, at least -1/2.
    pub shape: f64,
    /// sigma, above zero, in the unit of the excesses.
    pub scale: f64,
    /// Log-likelihood of the excesses at the maximum.
    pub log_likelihood: f64,
    /// Excesses it was fitted to.
    pub n: usize,
}

/// What the profile likelihood of Grimshaw's reparametrisation needs at theta = xi / sigma, for excesses with mean 1.
struct At {
    /// xi(theta): the mean of ln(1 + theta y).
    shape: f64,
    /// xi / theta, which is sigma; 1 at theta = 0.
    scale: f64,
    /// Derivative of the profile log-likelihood (per excess).
    slope: f64,
}

fn at(y: &[f64], mean: f64, theta: f64) -> At {
    let n = y.len() as f64;
    // l = ln(1 + x) / theta and q = y / (1 + x) with x = theta y, their means a and b, and that of (q - l) / theta.
    let (a, b, gap) = if theta.abs() >= 0.01 {
        let a = mean_log(y, mean, theta) / theta;
        let b = y.iter().map(|v| v / (mean + theta * v)).sum::<f64>() / n;
        (a, b, (b - a) / theta)
    } else {
        // q - l cancels for small x: there by its series.
        let (mut a, mut b, mut gap) = (0.0, 0.0, 0.0);
        for v in y {
            let y = v / mean;
            let x = theta * y;
            let q = y / (1.0 + x);
            b += q;
            if x.abs() < 1e-3 {
                a += y * (1.0 - x * (0.5 - x * (1.0 / 3.0 - x * (0.25 - x * 0.2))));
                gap -= y * y * (0.5 - x * (2.0 / 3.0 - x * (0.75 - x * (0.8 - x * 5.0 / 6.0))));
            } else {
                let l = math::ln_1p(x) / theta;
                a += l;
                gap += (q - l) / theta;
            }
        }
        (a / n, b / n, gap / n)
    };
    // l(theta) = -(ln(xi / theta) + xi + 1), with xi = a theta and xi' = b.
    At { shape: a * theta, scale: a, slope: -(gap / a + b) }
}

/// Mean of ln(1 + theta y), by products of sixteen: a sixteenth of the logarithms, to some 1e-15.
fn mean_log(y: &[f64], mean: f64, theta: f64) -> f64 {
    let k = theta / mean;
    y.chunks(16).map(|c| math::ln(c.iter().fold(1.0, |p, v| p * (1.0 + k * v)))).sum::<f64>() / y.len() as f64
}

/// Profile log-likelihood per excess; -infinity where it does not exist.
fn profile(shape: f64, theta: f64) -> f64 {
    let scale = shape / theta;
    if scale > 0.0 { -(math::ln(scale) + shape + 1.0) } else { f64::NEG_INFINITY }
}

/// Where g, positive at `a` and negative at `b` (or the reverse), is zero: false position with Illinois' correction.
fn root(mut a: f64, mut b: f64, (mut ga, mut gb): (f64, f64), g: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..100 {
        let c = b - gb * (b - a) / (gb - ga);
        let c = if c > a.min(b) && c < a.max(b) { c } else { 0.5 * (a + b) };
        let gc = g(c);
        // Convergence is faster than linear: the step after this one would be far smaller.
        if gc == 0.0 || (b - a).abs() <= 1e-13 * (1.0 + c.abs()) || (c - b).abs() <= 1e-10 * c.abs() {
            return c;
        }
        if (gc > 0.0) == (gb > 0.0) {
            ga *= 0.5;
        } else {
            (a, ga) = (b, gb);
        }
        (b, gb) = (c, gc);
    }
    b
}

impl Gpd {
    /// Fits the excesses (zero or more, in any order) by maximum likelihood over shapes of -1/2 and more.
    ///
    /// For theta = xi / sigma the best shape is the mean of ln(1 + theta y), so one dimension is left (Grimshaw 1993, "Computing
    /// maximum likelihood estimates for the generalized Pareto distribution", Technometrics 35): its global maximum is looked for on a
    /// grid, so that a local one is not taken for it, and then where its derivative is zero. No allocation.
    ///
    /// # Errors
    /// Fewer than [`MIN_EXCEEDANCES`], a negative or infinite excess, no positive one, or no maximum.
    pub fn fit(excesses: &[f64]) -> Result<Self, NumericsError> {
        const WHAT: &str = "generalised Pareto fit";
        let (y, n) = (excesses, excesses.len());
        if n < MIN_EXCEEDANCES {
            return Err(NumericsError::TooFew { what: WHAT, needed: MIN_EXCEEDANCES, got: n });
        }
        if let Some(index) = y.iter().position(|v| !(*v >= 0.0 && v.is_finite())) {
            let expected = "an excess of zero or more";
            return Err(NumericsError::BadValue { what: WHAT, index, value: y[index], expected });
        }
        let mean = y.iter().sum::<f64>() / n as f64;
        let most = y.iter().copied().fold(0.0, f64::max) / mean;
        if !(mean > 0.0 && mean.is_finite() && most > 1.0 + 1e-12) {
            return Err(NumericsError::Constant(WHAT));
        }
        // theta = -(1 - e) / most. The lowest e is where the shape reaches its bound: the shape falls without bound towards e = 0.
        let theta_of = |log_e: f64| -(1.0 - math::exp(log_e)) / most;
        let above = |log_e: f64| mean_log(y, mean, theta_of(log_e)) - LOWEST_SHAPE;
        let end = math::ln(1e-14);
        let at_end = above(end);
        let edge = if at_end < 0.0 { root(end, 0.0, (at_end, -LOWEST_SHAPE), above) } else { end };
        let lowest = theta_of(edge);
        // The likelihood of short tails turns close to that end, that of heavy ones far from it.
        let below = (0..9).map(|j| theta_of(edge * (1.0 - f64::from(j) / 9.0)));
        let mut grid = below.chain((0..15).map(|j| 0.03 * 2.2_f64.powi(j)));
        // The best of the grid with its neighbours.
        let (mut previous, mut best, mut around, mut open) =
            (lowest, f64::NEG_INFINITY, (lowest, lowest, lowest), false);
        for theta in &mut grid {
            let value = profile(mean_log(y, mean, theta), theta);
            if open {
                around.2 = theta;
                open = false;
            }
            if value > best {
                (best, around, open) = (value, (previous, theta, theta), true);
            }
            previous = theta;
        }
        let slope = |t: f64| at(y, mean, t).slope;
        let (a, c, b) = around;
        let (ga, gc, gb) = (slope(a), slope(c), slope(b));
        let theta = if gc >= 0.0 && gb < 0.0 {
            root(c, b, (gc, gb), slope)
        } else if gc <= 0.0 && ga > 0.0 {
            root(a, c, (ga, gc), slope)
        } else if c == lowest && gc <= 0.0 {
            lowest
        } else {
            return Err(NumericsError::NoConvergence {
                what: WHAT,
                why: "the likelihood has no maximum in range".into(),
            });
        };
        let p = at(y, mean, theta);
        let log_likelihood = -(n as f64) * (math::ln(p.scale * mean) + p.shape + 1.0);
        if !(p.scale > 0.0 && log_likelihood.is_finite()) {
            return Err(NumericsError::NoConvergence { what: WHAT, why: "the likelihood is not finite".into() });
        }
        Ok(Self { shape: p.shape, scale: p.scale * mean, log_likelihood, n })
    }

    /// Asymptotic standard errors of shape and scale: (1 + xi) / sqrt n and sigma sqrt(2 (1 + xi) / n) (Smith 1987).
    pub fn std_errors(&self) -> (f64, f64) {
        let (n, k) = (self.n as f64, 1.0 + self.shape);
        (k / n.sqrt(), self.scale * (2.0 * k / n).sqrt())
    }

    /// The excess that is exceeded with probability `p` in (0, 1].
    pub fn quantile(&self, p: f64) -> f64 {
        let x = -math::ln(p);
        // (e^(xi x) - 1) / xi, also at xi = 0.
        self.scale * if (self.shape * x).abs() < 1e-12 { x } else { math::exp_m1(self.shape * x) / self.shape }
    }

    /// Mean excess over the threshold, sigma / (1 - xi); `None` from xi = 1: the tail is too heavy to have a mean.
    pub fn mean(&self) -> Option<f64> {
        (self.shape < 1.0).then(|| self.scale / (1.0 - self.shape))
    }
}

/// A threshold with the tail fitted above it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Peaks {
    /// u: the loss of rank k + 1, when k are used.
    pub threshold: f64,
    /// k / n: share of the losses above it.
    pub share: f64,
    /// Distribution of the k excesses.
    pub gpd: Gpd,
}

impl Peaks {
    /// Fits the `k` largest losses; `losses` is reordered, and its first `k` values become the excesses.
    ///
    /// # Errors
    /// `k` is not below the number of losses, or as [`Gpd::fit`].
    pub fn fit(losses: &mut [f64], k: usize) -> Result<Self, NumericsError> {
        let n = losses.len();
        if k >= n {
            return Err(NumericsError::TooFew { what: "peaks over threshold", needed: k + 1, got: n });
        }
        let (_, &mut threshold, _) = losses.select_nth_unstable_by(k, |a, b| b.total_cmp(a));
        let excesses = &mut losses[..k];
        excesses.iter_mut().for_each(|y| *y -= threshold);
        Ok(Self { threshold, share: k as f64 / n as f64, gpd: Gpd::fit(excesses)? })
    }

    /// Value at risk: the loss exceeded with probability `p`, at most the share of losses above the threshold
    /// (McNeil, Frey & Embrechts 2015, "Quantitative Risk Management", eq. 5.20).
    pub fn var(&self, p: f64) -> Option<f64> {
        (p > 0.0 && p <= self.share).then(|| self.threshold + self.gpd.quantile(p / self.share))
    }

    /// Expected shortfall (VaR + sigma - xi u) / (1 - xi), ibid. eq. 5.21; `None` from xi = 1, or where there is no VaR.
    pub fn es(&self, p: f64) -> Option<f64> {
        let var = self.var(p)?;
        (self.gpd.shape < 1.0)
            .then(|| var + (self.gpd.scale + self.gpd.shape * (var - self.threshold)) / (1.0 - self.gpd.shape))
    }
}

/// One candidate threshold: what a mean-excess plot and a plot of parameter stability show there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Exceedances.
    pub k: usize,
    /// u.
    pub threshold: f64,
    /// Mean of the excesses; over thresholds beyond a good one it is a line of slope xi / (1 - xi).
    pub mean_excess: f64,
    /// Its standard error.
    pub mean_excess_error: f64,
    /// The fit; empty where there is none.
    pub gpd: Option<Gpd>,
    /// sigma - xi u, the scale that does not depend on the threshold where the model holds.
    pub modified_scale: Option<f64>,
}

/// Candidate thresholds at the given numbers of exceedances (those that leave a loss below the threshold): Davison & Smith (1990),
/// "Models for exceedances over high thresholds", JRSS B 52; Coles (2001), section 4.3.
///
/// # Errors
/// A loss that is not finite.
pub fn thresholds(losses: &[f64], counts: &[usize]) -> Result<Vec<Candidate>, NumericsError> {
    if let Some(index) = losses.iter().position(|x| !x.is_finite()) {
        let (what, value, expected) = ("mean excess", losses[index], "a finite loss");
        return Err(NumericsError::BadValue { what, index, value, expected });
    }
    let mut sorted = losses.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let one = |k: usize| {
        let threshold = sorted[k];
        let y: Vec<f64> = sorted[..k].iter().map(|x| x - threshold).collect();
        let mean = y.iter().sum::<f64>() / k as f64;
        let square = y.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (k - 1) as f64;
        let gpd = Gpd::fit(&y).ok();
        Candidate {
            k,
            threshold,
            mean_excess: mean,
            mean_excess_error: (square / k as f64).sqrt(),
            gpd,
            modified_scale: gpd.map(|g| g.scale - g.shape * threshold),
        }
    };
    Ok(counts.iter().copied().filter(|k| (2..sorted.len()).contains(k)).map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evenly spaced quantiles of a distribution.
    fn sample(shape: f64, n: usize) -> Vec<f64> {
        let g = Gpd { shape, scale: 2.0, log_likelihood: 0.0, n: 0 };
        (0..n).map(|i| g.quantile((i as f64 + 0.5) / n as f64)).collect()
    }

    #[test]
    fn the_shape_of_quantiles_is_found() {
        for shape in [-0.4, -0.2, 0.0, 0.2, 0.5, 0.9, 1.3] {
            let g = Gpd::fit(&sample(shape, 4000)).unwrap();
            assert!((g.shape - shape).abs() < 0.01 && (g.scale / 2.0 - 1.0).abs() < 0.01, "{shape} {g:?}");
            assert_eq!(g.mean().is_none(), shape >= 1.0);
        }
        // Shorter tails end at the bound: uniform is -1.
        let g = Gpd::fit(&sample(-1.0, 1000)).unwrap();
        assert!((g.shape - LOWEST_SHAPE).abs() < 1e-9, "{g:?}");
    }

    #[test]
    fn the_maximum_is_one_whatever_the_unit_and_order() {
        let mut y = sample(0.3, 60);
        let g = Gpd::fit(&y).unwrap();
        let ll = |shape: f64, scale: f64| {
            y.iter().map(|v| -scale.ln() - (1.0 + 1.0 / shape) * (shape * v / scale).ln_1p()).sum::<f64>()
        };
        assert!((ll(g.shape, g.scale) - g.log_likelihood).abs() < 1e-10);
        for (a, b) in [(1e-4, 0.0), (-1e-4, 0.0), (0.0, 1e-4), (0.0, -1e-4)] {
            assert!(ll(g.shape + a, g.scale * (1.0 + b)) < g.log_likelihood);
        }
        y.reverse();
        y.iter_mut().for_each(|v| *v *= 0.01);
        let h = Gpd::fit(&y).unwrap();
        assert!((h.shape - g.shape).abs() < 1e-10 && (h.scale / g.scale - 0.01).abs() < 1e-11, "{g:?} {h:?}");
    }

    #[test]
    fn tail_by_hand() {
        // u = 1, a fifth of the losses above it, xi = 1/2, sigma = 1: VaR at 5 % is 1 + 2 (4^(1/2) - 1) = 3, ES = 3 + (1 + 1) / (1/2).
        let gpd = Gpd { shape: 0.5, scale: 1.0, log_likelihood: 0.0, n: 100 };
        let p = Peaks { threshold: 1.0, share: 0.2, gpd };
        assert!((p.var(0.05).unwrap() - 3.0).abs() < 1e-14 && (p.es(0.05).unwrap() - 7.0).abs() < 1e-13);
        assert_eq!((p.var(0.3), Peaks { gpd: Gpd { shape: 1.0, ..gpd }, ..p }.es(0.05)), (None, None));
        // Standard errors: 1.5 / 10 and sqrt(3 / 100).
        assert_eq!(gpd.std_errors(), (0.15, 0.03_f64.sqrt()));
        // Exponential: VaR = u + sigma ln 4, mean excess sigma.
        let p = Peaks { gpd: Gpd { shape: 0.0, ..gpd }, ..p };
        assert!((p.es(0.05).unwrap() - (1.0 + 4.0_f64.ln() + 1.0)).abs() < 1e-14);
    }

    #[test]
    fn peaks_are_the_largest_losses() {
        let mut losses: Vec<f64> = sample(0.2, 500).into_iter().rev().collect();
        let all = losses.clone();
        let p = Peaks::fit(&mut losses, 50).unwrap();
        assert_eq!((p.gpd.n, p.share), (50, 0.1));
        let t = &thresholds(&all, &[1, 50, 500]).unwrap();
        assert_eq!((t.len(), t[0].threshold), (1, p.threshold));
        let g = t[0].gpd.unwrap();
        assert!((g.shape - p.gpd.shape).abs() < 1e-9);
        assert!((t[0].modified_scale.unwrap() - (g.scale - g.shape * p.threshold)).abs() < 1e-15);
        assert!(Peaks::fit(&mut losses, 500).is_err() && thresholds(&[f64::NAN], &[1]).is_err());
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        assert!(matches!(Gpd::fit(&[1.0; 19]), Err(NumericsError::TooFew { .. })));
        assert!(matches!(Gpd::fit(&[0.0; 30]), Err(NumericsError::Constant(_))));
        assert!(matches!(Gpd::fit(&[1.0; 30]), Err(NumericsError::Constant(_))));
        let mut y = sample(0.1, 30);
        y[7] = -1.0;
        assert!(matches!(Gpd::fit(&y), Err(NumericsError::BadValue { index: 7, .. })));
        y[7] = f64::NAN;
        assert!(Gpd::fit(&y).is_err());
    }
}
