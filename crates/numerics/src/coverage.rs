//! Coverage tests of quantile forecasts: is a loss beyond the VaR as frequent as promised, and is it independent of the last one?
//!
//! Kupiec (1995), "Techniques for verifying the accuracy of risk measurement models", Journal of Derivatives 3(2);
//! Christoffersen (1998), "Evaluating interval forecasts", International Economic Review 39(4).

use serde::{Deserialize, Serialize};

use crate::math;

/// A likelihood-ratio test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LrTest {
    /// The statistic: minus twice the log of the likelihood ratio.
    pub statistic: f64,
    /// Probability of a statistic at least as large when the forecasts are right (asymptotic chi-square).
    pub p_value: f64,
}

impl LrTest {
    /// One degree of freedom: P(chi2_1 > x) = erfc(sqrt(x / 2)).
    fn one(statistic: f64) -> Self {
        let statistic = statistic.max(0.0);
        Self { statistic, p_value: math::erfc((0.5 * statistic).sqrt()) }
    }
    /// Two degrees of freedom: P(chi2_2 > x) = exp(-x / 2).
    fn two(statistic: f64) -> Self {
        let statistic = statistic.max(0.0);
        Self { statistic, p_value: math::exp(-0.5 * statistic) }
    }
}

/// What the tests need to know of a sequence of forecasts: counts of hits and of transitions between them. O(1) in time and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// Forecasts judged.
    pub n: u64,
    /// How often the loss exceeded the forecast.
    pub exceedances: u64,
    /// Transitions `[from][to]` between not exceeded (0) and exceeded (1).
    pub transitions: [[u64; 2]; 2],
    last: Option<bool>,
}

/// n ln p, with 0 ln 0 = 0.
fn n_ln(n: u64, p: f64) -> f64 {
    if n == 0 { 0.0 } else { n as f64 * math::ln(p) }
}
/// Log-likelihood of `hits` in `hits + misses` Bernoulli trials with probability `p`.
fn bernoulli(misses: u64, hits: u64, p: f64) -> f64 {
    n_ln(misses, 1.0 - p) + n_ln(hits, p)
}
fn share(hits: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { hits as f64 / of as f64 }
}

impl Coverage {
    /// Judges one forecast.
    pub fn push(&mut self, exceeded: bool) {
        self.n += 1;
        self.exceedances += u64::from(exceeded);
        if let Some(last) = self.last {
            let from = &mut self.transitions[usize::from(last)];
            from[usize::from(exceeded)] += 1;
        }
        self.last = Some(exceeded);
    }
    /// Share of forecasts exceeded.
    pub fn rate(&self) -> Option<f64> {
        (self.n > 0).then(|| share(self.exceedances, self.n))
    }
    /// Proportion of failures (Kupiec 1995): x exceedances in n against the expected probability `p` in (0, 1),
    /// LR = -2 ln[(1-p)^(n-x) p^x / ((1-x/n)^(n-x) (x/n)^x)] ~ chi2(1). `None` before the first forecast.
    pub fn kupiec(&self, p: f64) -> Option<LrTest> {
        let rate = self.rate()?;
        let misses = self.n - self.exceedances;
        let lr = 2.0 * (bernoulli(misses, self.exceedances, rate) - bernoulli(misses, self.exceedances, p));
        Some(LrTest::one(lr))
    }
    /// Independence (Christoffersen 1998, eq. 10): does an exceedance make the next one more likely? First-order Markov chain
    /// against independence, LR ~ chi2(1). `None` before the first transition.
    pub fn independence(&self) -> Option<LrTest> {
        let [[n00, n01], [n10, n11]] = self.transitions;
        if n00 + n01 + n10 + n11 == 0 {
            return None;
        }
        let pooled = bernoulli(n00 + n10, n01 + n11, share(n01 + n11, n00 + n01 + n10 + n11));
        let chain = bernoulli(n00, n01, share(n01, n00 + n01)) + bernoulli(n10, n11, share(n11, n10 + n11));
        Some(LrTest::one(2.0 * (chain - pooled)))
    }
    /// Conditional coverage (Christoffersen 1998, eq. 11): the sum of both statistics ~ chi2(2). The proportion uses all n
    /// forecasts and the independence their n - 1 transitions.
    pub fn conditional(&self, p: f64) -> Option<LrTest> {
        Some(LrTest::two(self.kupiec(p)?.statistic + self.independence()?.statistic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut c = Coverage::default();
        assert_eq!((c.kupiec(0.05), c.independence(), c.conditional(0.05)), (None, None, None));
        for x in [false, true, true, false] {
            c.push(x);
        }
        assert_eq!((c.n, c.exceedances, c.transitions), (4, 2, [[0, 1], [1, 1]]));
        // ln(0.5^4) against ln(0.75^2 0.25^2).
        let want = 2.0 * (4.0 * 0.5_f64.ln() - 2.0 * 0.75_f64.ln() - 2.0 * 0.25_f64.ln());
        assert!((c.kupiec(0.25).unwrap().statistic - want).abs() < 1e-15);
        // Chain: 1^1 * 0.5 * 0.5; pooled: (1/3)^1 (2/3)^2.
        let want = 2.0 * (2.0 * 0.5_f64.ln() - (1.0_f64 / 3.0).ln() - 2.0 * (2.0_f64 / 3.0).ln());
        assert!((c.independence().unwrap().statistic - want).abs() < 1e-15);
        let both = c.conditional(0.25).unwrap();
        assert!((both.p_value - (-0.5 * both.statistic).exp()).abs() < 1e-15);
    }

    #[test]
    fn kupiec_critical_value_and_extremes() {
        assert!((LrTest::one(3.841_458_820_694_124).p_value - 0.05).abs() < 1e-14);
        let mut none = Coverage::default();
        for _ in 0..100 {
            none.push(false);
        }
        assert!((none.kupiec(0.05).unwrap().statistic + 200.0 * 0.95_f64.ln()).abs() < 1e-12);
        assert_eq!(none.independence().unwrap().p_value, 1.0);
        let mut all = Coverage::default();
        for _ in 0..100 {
            all.push(true);
        }
        assert!(all.kupiec(0.05).unwrap().p_value < 1e-100);
    }
}
