//! Backtests of expected shortfall by Acerbi & Szekely (2014), "Back-testing expected shortfall", Risk 27(11).
//!
//! With returns X_t, forecasts VaR_t and ES_t at confidence 1 - p, and I_t = 1 where X_t + VaR_t < 0:
//! * Z1 = sum(X_t I_t / ES_t) / sum(I_t) + 1: is the loss beyond the VaR as large as promised, given that there is one?
//! * Z2 = sum(X_t I_t / ES_t) / (T p) + 1: are their size and number together as promised?
//!
//! Both are 0 on average when the forecasts are right, and negative when the risk was larger than forecast. Their p-values come from
//! simulating losses that are as forecast.

use serde::{Deserialize, Serialize};

use crate::{NumericsError, math};

/// A forecast for one period, positive for losses: VaR, and ES above it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Value at risk.
    pub var: f64,
    /// Expected shortfall.
    pub es: f64,
}

/// How p-values are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// Histories drawn.
    pub paths: u32,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Simulation {
    fn default() -> Self {
        Self { paths: 2000, seed: 1 }
    }
}

/// A statistic and how often it is as low or lower when the forecasts are right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ZTest {
    /// Z1 or Z2.
    pub statistic: f64,
    /// One-sided: small when the risk was underestimated. At least 1 / (paths + 1).
    pub p_value: f64,
}

/// Both tests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shortfalls {
    /// Periods judged.
    pub n: u64,
    /// Losses beyond the VaR.
    pub exceedances: u64,
    /// Z1; empty without an exceedance.
    pub z1: Option<ZTest>,
    /// Z2.
    pub z2: ZTest,
}

/// Uniform in (0, 1) (SplitMix64, Steele, Lea & Flood 2014).
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// What the statistics need to know of a sequence of forecasts. O(1) in time and memory.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Sums {
    /// Periods judged.
    pub n: u64,
    /// Losses beyond the VaR.
    pub exceedances: u64,
    /// Sum of loss / ES over these.
    pub losses: f64,
    /// Mean of VaR / ES over all periods.
    pub ratio: f64,
}

impl Sums {
    /// Judges one forecast, whose ES is above zero; gives whether the loss was beyond the VaR.
    pub fn push(&mut self, ret: f64, f: Forecast) -> bool {
        let beyond = ret + f.var < 0.0;
        self.n += 1;
        self.ratio += (f.var / f.es - self.ratio) / self.n as f64;
        if beyond {
            self.exceedances += 1;
            self.losses -= ret / f.es;
        }
        beyond
    }
    /// Z1; `None` without an exceedance.
    pub fn z1(&self) -> Option<f64> {
        (self.exceedances > 0).then(|| 1.0 - self.losses / self.exceedances as f64)
    }
    /// Z2 at probability `p`; `None` without a forecast.
    pub fn z2(&self, p: f64) -> Option<f64> {
        (self.n > 0).then(|| 1.0 - self.losses / (self.n as f64 * p))
    }
    /// Both tests, as if every forecast had had the mean ratio of VaR to ES: tails as in [`acerbi_szekely`]. `None` without a forecast.
    pub fn test(&self, p: f64, shape: f64, simulation: Simulation) -> Option<Shortfalls> {
        let beyond = |_, u: f64| self.ratio + (1.0 - self.ratio) * unit_excess(shape, u);
        simulate(self, p, simulation, beyond)
    }
}

/// The excess, of mean 1, that is exceeded with probability `u`: generalised Pareto of this shape.
fn unit_excess(shape: f64, u: f64) -> f64 {
    (1.0 - shape) * if shape == 0.0 { -math::ln(u) } else { math::exp_m1(-shape * math::ln(u)) / shape }
}

/// p-values by drawing histories whose losses are as forecast: `beyond(t, u)` is loss / ES of an exceedance in period t.
fn simulate(observed: &Sums, p: f64, simulation: Simulation, beyond: impl Fn(u64, f64) -> f64) -> Option<Shortfalls> {
    let (n, z1, z2) = (observed.n, observed.z1(), observed.z2(p)?);
    let mut state = simulation.seed;
    let (mut lower1, mut lower2, mut with_hits) = (0_u32, 0_u32, 0_u32);
    for _ in 0..simulation.paths {
        let (mut t, mut drawn) = (0_u64, Sums { n, ..Sums::default() });
        loop {
            // Periods until the next exceedance are geometric: one draw instead of one per period.
            let wait = (math::ln(uniform(&mut state)) / math::ln_1p(-p)).floor();
            if wait >= (n - t) as f64 {
                break;
            }
            t += wait as u64;
            drawn.exceedances += 1;
            drawn.losses += beyond(t, uniform(&mut state));
            t += 1;
        }
        lower2 += u32::from(drawn.z2(p) <= Some(z2));
        if let Some(z) = drawn.z1() {
            with_hits += 1;
            lower1 += u32::from(z1.is_some_and(|z1| z <= z1));
        }
    }
    let p_value = |lower: u32, of: u32| (f64::from(lower) + 1.0) / (f64::from(of) + 1.0);
    Some(Shortfalls {
        n,
        exceedances: observed.exceedances,
        z1: z1.map(|statistic| ZTest { statistic, p_value: p_value(lower1, with_hits) }),
        z2: ZTest { statistic: z2, p_value: p_value(lower2, simulation.paths) },
    })
}

/// Tests forecasts, given how large a loss of period t is that is exceeded with probability u of those beyond the VaR:
/// `beyond(t, u)`, the forecast distribution's tail, for u in (0, 1).
///
/// # Errors
/// No forecast, another number of returns, numbers that are not finite, or an ES that is not above zero or is below the VaR.
pub fn acerbi_szekely_with(
    returns: &[f64],
    forecasts: &[Forecast],
    p: f64,
    simulation: Simulation,
    beyond: impl Fn(usize, f64) -> f64,
) -> Result<Shortfalls, NumericsError> {
    const WHAT: &str = "backtest of expected shortfall";
    let n = forecasts.len();
    let few = NumericsError::TooFew { what: WHAT, needed: n.max(1), got: returns.len() };
    if returns.len() != n {
        return Err(few);
    }
    let bad = |index, value, expected| Err(NumericsError::BadValue { what: WHAT, index, value, expected });
    if !(p > 0.0 && p < 0.5) {
        return bad(0, p, "a probability in (0, 0.5)");
    }
    if let Some(i) = returns.iter().position(|r| !r.is_finite()) {
        return bad(i, returns[i], "a finite return");
    }
    let fine = |f: &Forecast| f.es > 0.0 && f.es >= f.var && f.es.is_finite() && f.var.is_finite();
    if let Some(i) = forecasts.iter().position(|f| !fine(f)) {
        return bad(i, forecasts[i].es, "an expected shortfall above zero and not below the VaR");
    }
    let mut observed = Sums::default();
    for (r, f) in returns.iter().zip(forecasts) {
        observed.push(*r, *f);
    }
    simulate(&observed, p, simulation, |t, u| beyond(t as usize, u) / forecasts[t as usize].es).ok_or(few)
}

/// Tests forecasts of VaR and ES alone: beyond the VaR losses are simulated as generalised Pareto with the mean that the ES promises and
/// this `shape` below 1/2 (0.2 is that of daily returns; a heavier tail makes the test slower to reject).
///
/// # Errors
/// As [`acerbi_szekely_with`]; also for a shape outside [-0.5, 0.5).
pub fn acerbi_szekely(
    returns: &[f64],
    forecasts: &[Forecast],
    p: f64,
    shape: f64,
    simulation: Simulation,
) -> Result<Shortfalls, NumericsError> {
    if !(-0.5..0.5).contains(&shape) {
        let (what, expected) = ("backtest of expected shortfall", "a shape in [-0.5, 0.5)");
        return Err(NumericsError::BadValue { what, index: 0, value: shape, expected });
    }
    acerbi_szekely_with(returns, forecasts, p, simulation, |t, u| {
        let f = forecasts[t];
        f.var + (f.es - f.var) * unit_excess(shape, u)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tail::student::StudentT;

    const F: Forecast = Forecast { var: 0.02, es: 0.03 };

    #[test]
    fn by_hand() {
        // Two exceedances of ten at p = 0.1: 0.03 and 0.045 against 0.03.
        let mut r = [0.01; 10];
        (r[2], r[7]) = (-0.03, -0.045);
        let s = acerbi_szekely(&r, &[F; 10], 0.1, 0.0, Simulation::default()).unwrap();
        assert_eq!((s.n, s.exceedances), (10, 2));
        assert!((s.z1.unwrap().statistic + 0.25).abs() < 1e-15, "{s:?}");
        assert!((s.z2.statistic + 1.5).abs() < 1e-15, "{s:?}");
        let none = acerbi_szekely(&[0.01; 10], &[F; 10], 0.1, 0.0, Simulation::default()).unwrap();
        assert_eq!((none.z1, none.z2.statistic, none.z2.p_value), (None, 1.0, 1.0));
    }

    #[test]
    fn critical_values_of_the_paper() {
        // Z2 of 250 days at 2.5 %: 5 % critical value -0.70 for t with 10 and more degrees of freedom, -0.82 at 3 (table 4 there).
        for (nu, want) in [(100.0, -0.70), (5.0, -0.74), (3.0, -0.82)] {
            let t = StudentT { location: 0.0, scale: 1.0, degrees: nu, log_likelihood: 0.0 };
            let (p, f) = (0.025, Forecast { var: t.var(0.025), es: t.es(0.025).unwrap() });
            // The p-value at a statistic of the critical value is 5 %: k exceedances of equal size give exactly that.
            let mut r = vec![0.0; 250];
            let size = -(1.0 - want) * 250.0 * p * f.es / 5.0;
            r[..5].fill(size);
            assert!(size + f.var < 0.0);
            let simulation = Simulation { paths: 20_000, seed: 7 };
            let table: Vec<f64> = (0..4000).map(|i| t.var(p * (f64::from(i) + 0.5) / 4000.0)).collect();
            let s = acerbi_szekely_with(&r, &vec![f; 250], p, simulation, |_, u| table[(4000.0 * u) as usize]).unwrap();
            assert!((s.z2.statistic - want).abs() < 1e-12);
            assert!((s.z2.p_value - 0.05).abs() < 0.008, "{nu}: {s:?}");
        }
    }

    #[test]
    fn seeded_and_refusing() {
        let r: Vec<f64> = (0..500).map(|i| if i % 30 == 0 { -0.031 } else { 0.0 }).collect();
        let f = vec![F; 500];
        let run = |seed| acerbi_szekely(&r, &f, 0.025, 0.2, Simulation { paths: 500, seed }).unwrap();
        assert_eq!(run(3), run(3));
        // The same from the sums alone, since VaR / ES is constant.
        let mut sums = Sums::default();
        r.iter().for_each(|r| {
            sums.push(*r, F);
        });
        let again = sums.test(0.025, 0.2, Simulation { paths: 500, seed: 3 }).unwrap();
        assert!((again.z2.p_value - run(3).z2.p_value).abs() < 0.005, "{again:?}");
        assert_eq!(
            (again.z1.unwrap().statistic, Sums::default().test(0.025, 0.2, Simulation::default())),
            (run(3).z1.unwrap().statistic, None)
        );
        assert_ne!(run(3).z2.p_value, run(4).z2.p_value);
        let s = Simulation::default();
        assert!(acerbi_szekely(&[], &[], 0.025, 0.2, s).is_err());
        assert!(acerbi_szekely(&r[1..], &f, 0.025, 0.2, s).is_err());
        assert!(acerbi_szekely(&r, &f, 0.5, 0.2, s).is_err());
        assert!(acerbi_szekely(&r, &f, 0.025, 0.5, s).is_err());
        assert!(acerbi_szekely(&[f64::NAN], &[F], 0.025, 0.2, s).is_err());
        assert!(acerbi_szekely(&[0.0], &[Forecast { var: 0.03, es: 0.02 }], 0.025, 0.2, s).is_err());
        assert!(acerbi_szekely(&[0.0], &[Forecast { var: 0.0, es: 0.0 }], 0.025, 0.2, s).is_err());
    }
}
