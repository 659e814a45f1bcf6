//! One estimate of value at risk and expected shortfall, by any model, with what is wrong with it.

use serde::{Deserialize, Serialize};

use super::peaks::{MIN_EXCEEDANCES, Peaks};
use super::student::StudentT;
use super::{Moments, VarianceFilter, check, cornish_fisher, rescale, worst};
use crate::{NumericsError, normal, range};

/// The shape of the tail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Model {
    /// Mean of the worst n p returns, the last counted in part (Acerbi & Tasche 2002, eq. 4.5); VaR by interpolation (type 7).
    Historical,
    /// s phi(z)/p - m, ddof = 1.
    Normal,
    /// Student's t by maximum likelihood.
    StudentT,
    /// Normal corrected for skewness and excess kurtosis, inside its domain.
    CornishFisher,
    /// The generalised Pareto distribution of the losses beyond the one that this share of them exceeds.
    Peaks {
        /// Share of the losses, above p; the count is rounded down.
        tail: f64,
    },
}

/// What keeps a model from its estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The returns do not vary: there is no estimate.
    NoVariation,
    /// The tail is too heavy to have a mean (shape 1 or more, or one degree of freedom or less): there is no expected shortfall.
    InfiniteMean,
    /// Skewness and kurtosis lie outside the domain of the Cornish-Fisher expansion.
    OutsideDomain,
    /// Fewer exceedances than the generalised Pareto distribution needs.
    TooFewExceedances,
    /// The likelihood has no maximum.
    NoFit,
}

/// VaR and expected shortfall, positive for losses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Value at risk.
    pub var: f64,
    /// Mean loss beyond it; empty with [`Problem::NoVariation`] and [`Problem::InfiniteMean`].
    pub es: Option<f64>,
    /// What is wrong. With the other problems the estimate is the largest of the historical, the normal and (where it is a number)
    /// the model's own formula: a model that fails makes the risk larger, never smaller.
    pub problem: Option<Problem>,
    /// xi of the generalised Pareto distribution, or nu of Student's t.
    pub shape: Option<f64>,
}

/// Memory of the estimator, reused between calls so that it allocates only when a series is longer than any before.
#[derive(Debug, Clone, Default)]
pub struct ShortfallWork {
    scaled: Vec<f64>,
    variance: Vec<f64>,
    losses: Vec<f64>,
}

impl ShortfallWork {
    /// Makes room for series of `n` returns.
    pub fn reserve(&mut self, n: usize) {
        for v in [&mut self.scaled, &mut self.variance, &mut self.losses] {
            v.reserve((n + 1).saturating_sub(v.len()));
        }
    }
}

/// The returns as [`shortfall`] sees them: rescaled by the filter; `None` where they do not vary.
pub fn rescaled(returns: &[f64], filter: Option<VarianceFilter>) -> Option<Vec<f64>> {
    let (mut variance, mut scaled) = (Vec::new(), Vec::new());
    match filter {
        None => Some(returns.to_vec()),
        Some(f) => rescale(returns, f, &mut variance, &mut scaled).then_some(scaled),
    }
}

/// Whether the Cornish-Fisher transformation with these parameters rises everywhere, so that it is a quantile function at all:
/// S^2/9 <= 4 (K/8 - S^2/6)(1 - K/8 + 5 S^2/36) (Maillard 2012, "A user's guide to the Cornish Fisher expansion", eq. 3).
pub fn cornish_fisher_domain(skewness: f64, excess_kurtosis: f64) -> bool {
    let (s2, k) = (skewness * skewness, excess_kurtosis);
    let (a, c) = (k / 8.0 - s2 / 6.0, 1.0 - k / 8.0 + 5.0 * s2 / 36.0);
    a >= 0.0 && c > 0.0 && s2 / 9.0 <= 4.0 * a * c
}

/// Whether returns between these two vary by more than their rounding; else there is no estimate.
pub fn varies(low: f64, high: f64) -> bool {
    high - low > 1e-12 * high.abs().max(low.abs())
}

fn historical(x: &mut [f64], p: f64) -> (f64, f64) {
    let (q, mean) = worst(x, p);
    (-q, -mean)
}

/// VaR and ES of a normal distribution with this skewness and excess kurtosis by Cornish and Fisher; plain normal with zeros.
fn moments(m: &Moments, p: f64, s: f64, k: f64) -> (f64, f64) {
    let z = normal::quantile(p);
    // Mean of the quantile over the tail; the integral of He_n phi is -He_{n-1} phi.
    let shape = 1.0 + z * s / 6.0 + (z * z - 1.0) * k / 24.0 - (2.0 * z * z - 1.0) * s * s / 36.0;
    (-(m.mean + m.sd() * cornish_fisher(z, s, k)), m.sd() * normal::pdf(z) / p * shape - m.mean)
}

/// VaR and expected shortfall of the next of `returns` (oldest first, at least two, finite) at `confidence` in (0.5, 1). With a filter,
/// of the returns rescaled to the volatility of today: filtered historical simulation, or with [`Model::Peaks`] the conditional
/// extreme-value estimate (McNeil & Frey 2000). O(n), and about five times that for Student's t.
///
/// # Errors
/// Too few returns, one that is not finite, or a confidence outside (0.5, 1).
pub fn shortfall(
    returns: &[f64],
    model: Model,
    filter: Option<VarianceFilter>,
    confidence: f64,
    work: &mut ShortfallWork,
) -> Result<Estimate, NumericsError> {
    check(returns, confidence)?;
    let p = 1.0 - confidence;
    let ShortfallWork { scaled, variance, losses } = work;
    let moving = match filter {
        Some(f) => rescale(returns, f, variance, scaled),
        None => {
            scaled.clear();
            scaled.extend_from_slice(returns);
            true
        }
    };
    let (low, high) = range(returns);
    if !moving || !varies(low, high) {
        let var = -returns.last().copied().unwrap_or(0.0);
        return Ok(Estimate { var, es: None, problem: Some(Problem::NoVariation), shape: None });
    }
    let good = |(var, es): (f64, f64), shape| Estimate { var, es: Some(es), problem: None, shape };
    let gaussian = |scaled: &[f64]| moments(&Moments::of(scaled), p, 0.0, 0.0);
    // What is larger of the historical, the normal and the model's own formula.
    let careful = |scaled: &mut [f64], own: (f64, f64), problem| {
        let (n, h) = (gaussian(scaled), historical(scaled, p));
        // f64::max passes over what is not a number.
        let own = if own.0.is_finite() && own.1.is_finite() { own } else { n };
        let (var, es) = (h.0.max(n.0).max(own.0), h.1.max(n.1).max(own.1));
        Estimate { var, es: Some(es), problem: Some(problem), shape: None }
    };
    const NONE: (f64, f64) = (f64::NAN, f64::NAN);
    Ok(match model {
        Model::Historical => good(historical(scaled, p), None),
        Model::Normal => good(gaussian(scaled), None),
        Model::CornishFisher => {
            let m = Moments::of(scaled);
            let (s, k) = (m.skewness(), m.excess_kurtosis());
            let own = moments(&m, p, s, k);
            if cornish_fisher_domain(s, k) { good(own, None) } else { careful(scaled, own, Problem::OutsideDomain) }
        }
        Model::StudentT => match StudentT::fit(scaled) {
            Ok(t) => {
                let es = t.es(p);
                let problem = es.is_none().then_some(Problem::InfiniteMean);
                Estimate { var: t.var(p), es, problem, shape: Some(t.degrees) }
            }
            Err(_) => careful(scaled, NONE, Problem::NoFit),
        },
        Model::Peaks { tail } => {
            let k = (tail * returns.len() as f64 * (1.0 + 4.0 * f64::EPSILON)).floor() as usize;
            losses.clear();
            losses.extend(scaled.iter().map(|r| -r));
            if k < MIN_EXCEEDANCES || k as f64 <= p * returns.len() as f64 {
                return Ok(careful(scaled, NONE, Problem::TooFewExceedances));
            }
            let fitted = Peaks::fit(losses, k).ok();
            match fitted.and_then(|f| f.var(p).map(|var| (f, var))) {
                Some((f, var)) => {
                    let es = f.es(p);
                    let problem = es.is_none().then_some(Problem::InfiniteMean);
                    Estimate { var, es, problem, shape: Some(f.gpd.shape) }
                }
                None => careful(scaled, NONE, Problem::NoFit),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::noise;
    use super::super::{TailMethod, TailWork, tail};
    use super::*;

    const ALL: [Model; 5] =
        [Model::Historical, Model::Normal, Model::StudentT, Model::CornishFisher, Model::Peaks { tail: 0.1 }];

    #[test]
    fn agrees_with_tail_where_both_exist() {
        let (r, mut w, mut v) = (noise(3, 900), TailWork::default(), ShortfallWork::default());
        let f = VarianceFilter::ewma(0.94);
        for (a, b, filter) in [
            (TailMethod::Historical, Model::Historical, None),
            (TailMethod::Normal, Model::Normal, None),
            (TailMethod::CornishFisher, Model::CornishFisher, None),
            (TailMethod::Filtered(f), Model::Historical, Some(f)),
        ] {
            let (x, y) = (tail(&r, a, 0.975, &mut w).unwrap(), shortfall(&r, b, filter, 0.975, &mut v).unwrap());
            assert_eq!((x.var, x.es, y.problem), (y.var, y.es, None), "{b:?}");
        }
    }

    #[test]
    fn a_model_that_fails_makes_the_risk_larger() {
        let mut w = ShortfallWork::default();
        // One crash: kurtosis far outside the domain.
        let mut r = noise(4, 400);
        r[200] = -0.3;
        let of = |r: &[f64], m, w: &mut ShortfallWork| shortfall(r, m, None, 0.975, w).unwrap();
        let (h, n) = (of(&r, Model::Historical, &mut w), of(&r, Model::Normal, &mut w));
        let c = of(&r, Model::CornishFisher, &mut w);
        assert_eq!(c.problem, Some(Problem::OutsideDomain));
        assert!(c.es >= h.es && c.es >= n.es && c.var >= h.var && c.var >= n.var);
        let few = of(&r[100..290], Model::Peaks { tail: 0.1 }, &mut w);
        assert_eq!(few.problem, Some(Problem::TooFewExceedances));
        assert!(few.es >= of(&r[100..290], Model::Historical, &mut w).es);
        // The tail beyond p must hold more than p itself.
        let thin = shortfall(&r, Model::Peaks { tail: 0.05 }, None, 0.94, &mut w).unwrap();
        assert_eq!(thin.problem, Some(Problem::TooFewExceedances));
        // Ties: nothing above the threshold.
        let tied: Vec<f64> = (0..400).map(|i| if i % 4 == 0 { -0.01 } else { 0.01 }).collect();
        assert_eq!(of(&tied, Model::Peaks { tail: 0.1 }, &mut w).problem, Some(Problem::NoFit));
    }

    #[test]
    fn no_variation_and_no_mean() {
        let mut w = ShortfallWork::default();
        for m in ALL {
            for x in [0.0, 0.01] {
                let e = shortfall(&[x; 300], m, None, 0.975, &mut w).unwrap();
                assert_eq!((e.var, e.es, e.problem), (-x, None, Some(Problem::NoVariation)), "{m:?}");
            }
            assert!(shortfall(&[0.1, f64::NAN], m, None, 0.975, &mut w).is_err());
            assert!(shortfall(&[0.1, 0.2], m, None, 0.5, &mut w).is_err());
        }
        // Returns like Cauchy's: neither model has a mean.
        let r: Vec<f64> = (1..2000).map(|i| 0.001 / (std::f64::consts::PI * f64::from(i) / 2000.0).tan()).collect();
        for m in [Model::StudentT, Model::Peaks { tail: 0.1 }] {
            let e = shortfall(&r, m, None, 0.975, &mut w).unwrap();
            assert!(e.shape.is_some() && e.var > 0.0, "{e:?}");
            if e.es.is_none() {
                assert_eq!(e.problem, Some(Problem::InfiniteMean));
            }
        }
        let heavy: Vec<f64> = (1..2000).map(|i| 0.001 / (f64::from(i) / 2000.0).powf(1.3)).map(|x| -x).collect();
        let e = shortfall(&heavy, Model::Peaks { tail: 0.1 }, None, 0.975, &mut w).unwrap();
        assert_eq!((e.es, e.problem), (None, Some(Problem::InfiniteMean)), "{e:?}");
    }

    #[test]
    fn estimates_are_homogeneous_and_the_shortfall_is_beyond_the_var() {
        let mut w = ShortfallWork::default();
        for seed in 0..20 {
            let r = noise(seed, 600);
            let half: Vec<f64> = r.iter().map(|x| 0.5 * x).collect();
            for m in ALL {
                for f in [None, Some(VarianceFilter::ewma(0.94))] {
                    let (a, b) =
                        (shortfall(&r, m, f, 0.975, &mut w).unwrap(), shortfall(&half, m, f, 0.975, &mut w).unwrap());
                    assert!((2.0 * b.es.unwrap() / a.es.unwrap() - 1.0).abs() < 1e-9, "{m:?} {f:?}");
                    assert!(a.es.unwrap() >= a.var, "{m:?} {a:?}");
                }
            }
        }
    }

    #[test]
    fn the_domain_of_cornish_and_fisher() {
        // Without skewness: excess kurtosis from 0 to 8; its largest skewness is 6 (sqrt 2 - 1) = 2.485 (Maillard 2012).
        assert!(
            cornish_fisher_domain(0.0, 0.0) && cornish_fisher_domain(0.0, 7.99) && !cornish_fisher_domain(0.0, 8.01)
        );
        assert!(!cornish_fisher_domain(0.0, -0.01) && !cornish_fisher_domain(-0.5, 0.1));
        let most = 6.0 * (2.0_f64.sqrt() - 1.0);
        let inside = |s: f64| (0..20_000).any(|k| cornish_fisher_domain(s, 0.001 * f64::from(k)));
        assert!(inside(-(most - 1e-3)) && !inside(-(most + 1e-3)));
    }
}
