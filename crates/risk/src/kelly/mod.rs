//! Kelly's criterion: how much of one's wealth to risk so that it grows fastest, and how much less when the odds are only estimated.
//!
//! Plain functions over numbers; the plugin [`risk_frac_kelly_atten`](crate::plugins::risk_frac_kelly_atten) is built from them.

pub mod assets;
pub(crate) mod record;
pub(crate) mod sizer;

use tradewind_core_types::BadInput;
use tradewind_numerics::beta_distribution::{self as beta, binomial};
use tradewind_numerics::math;

fn probability(p: f64) -> Result<f64, BadInput> {
    if p > 0.0 && p < 1.0 {
        Ok(p)
    } else {
        let expected = "a probability above 0 and below 1: nobody knows that a bet is won or lost for certain";
        Err(BadInput::new("p", p.to_string(), expected))
    }
}

/// Kelly's fraction f* = (p b - q) / b of wealth to stake on a bet that wins `b` times the stake with probability `p` and loses the
/// stake with q = 1 - p; 0 without an edge (Kelly 1956; Thorp 2006, eq. 2.1).
///
/// ```
/// use tradewind_risk::kelly::discrete;
/// // 60 % at even odds: 0.6 - 0.4.
/// assert!((discrete(0.6, 1.0)? - 0.2).abs() < 1e-15);
/// assert_eq!(discrete(0.4, 1.0)?, 0.0);
/// assert!(discrete(1.0, 1.0).is_err() && discrete(0.6, -1.0).is_err());
/// # Ok::<(), tradewind_core_types::BadInput>(())
/// ```
///
/// # Errors
/// Unless 0 < p < 1 and b is finite and above 0.
pub fn discrete(p: f64, b: f64) -> Result<f64, BadInput> {
    let (p, b) = (probability(p)?, BadInput::positive("b (mean win over mean loss)", b)?);
    Ok(((p * b - (1.0 - p)) / b).max(0.0))
}

/// The continuous fraction mean / variance of wealth to hold of an asset whose excess return has this mean and variance a period; 0
/// without an edge (Merton 1969; Thorp 2006, eq. 7.3).
///
/// # Errors
/// Unless the mean is finite and the variance finite and above 0.
pub fn continuous(mean: f64, variance: f64) -> Result<f64, BadInput> {
    let (m, v) = (BadInput::finite("mean", mean)?, BadInput::positive("variance", variance)?);
    Ok((m / v).max(0.0))
}

/// Expected logarithmic growth of wealth a bet, p ln(1 + b f) + q ln(1 - f), when the fraction `f` is staked; minus infinity from f = 1.
pub fn growth(p: f64, b: f64, f: f64) -> f64 {
    if f >= 1.0 {
        return f64::NEG_INFINITY;
    }
    p * math::ln_1p(b * f) + (1.0 - p) * math::ln_1p(-f)
}

/// What is known of a probability of winning after some bets: Beta(alpha, beta).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    /// Wins, and those of the prior.
    pub alpha: f64,
    /// Losses, and those of the prior.
    pub beta: f64,
}

impl Posterior {
    /// From a prior Beta(`prior.0`, `prior.1`) and counted wins and losses.
    ///
    /// # Errors
    /// Unless all are finite and zero or more, and both sums above 0.
    pub fn new(prior: (f64, f64), wins: f64, losses: f64) -> Result<Self, BadInput> {
        for (what, x) in [("prior wins", prior.0), ("prior losses", prior.1), ("wins", wins), ("losses", losses)] {
            if !(x >= 0.0 && x.is_finite()) {
                return Err(BadInput::new(what, x.to_string(), "a finite number, zero or more"));
            }
        }
        Ok(Self {
            alpha: BadInput::positive("wins with those of the prior", prior.0 + wins)?,
            beta: BadInput::positive("losses with those of the prior", prior.1 + losses)?,
        })
    }
    /// Its mean.
    pub fn mean(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }
    /// Its variance.
    pub fn variance(&self) -> f64 {
        let (n, p) = (self.alpha + self.beta, self.mean());
        p * (1.0 - p) / (n + 1.0)
    }
    /// The probability that is exceeded with credibility 1 - `level`.
    pub fn quantile(&self, level: f64) -> f64 {
        beta::quantile(level, self.alpha, self.beta)
    }
}

/// The factor in [0, 1] by which a Kelly fraction `f` is shrunk when its estimate has variance `variance`: f^2 / (f^2 + variance).
///
/// Baker & McHale (2013) choose k so that k f^ (f^ the estimate, f the truth) maximises expected utility. Near the optimum utility is
/// a parabola in the stake, E (k f^ - f)^2 = k^2 (f^2 + variance) - 2 k f^2 + f^2, and this k is its minimum; the estimate is then
/// put in the place of the truth. [`shrinkage_optimum`] has no such approximation.
pub fn shrinkage(f: f64, variance: f64) -> f64 {
    let s = f * f;
    if s > 0.0 && variance >= 0.0 { s / (s + variance) } else { 0.0 }
}

/// [`shrinkage`] of the discrete fraction: the variance of f* = p - q / b is ((b + 1) / b)^2 times that of the estimate of p.
///
/// # Errors
/// As [`discrete`], and unless the variance is finite and zero or more.
pub fn shrinkage_discrete(p: f64, b: f64, variance_of_p: f64) -> Result<f64, BadInput> {
    if !(variance_of_p >= 0.0 && variance_of_p.is_finite()) {
        return Err(BadInput::new("variance of p", variance_of_p.to_string(), "a finite number, zero or more"));
    }
    let slope = (b + 1.0) / b;
    Ok(shrinkage(discrete(p, b)?, slope * slope * variance_of_p))
}

/// [`shrinkage`] of the continuous fraction from `n` observations: t^2 / (1 + t^2), t = mean / sqrt(variance / n).
///
/// # Errors
/// As [`continuous`].
pub fn shrinkage_continuous(mean: f64, variance: f64, n: f64) -> Result<f64, BadInput> {
    let f = continuous(mean, variance)?;
    let n = BadInput::positive("observations", n)?;
    Ok(shrinkage(f, 1.0 / (variance * n)))
}

/// Expected growth a bet when the true probability is `p` but the stake is chosen by `stake` from the wins among `n` earlier bets:
/// exact, by summing over the binomial distribution.
///
/// # Errors
/// As [`discrete`], and when there are no bets to learn from.
pub fn expected_growth(p: f64, b: f64, n: usize, stake: impl Fn(usize) -> f64) -> Result<f64, BadInput> {
    discrete(p, b)?;
    some_bets(n)?;
    Ok(binomial(n, p).enumerate().map(|(j, w)| w * growth(p, b, stake(j))).sum())
}

fn some_bets(n: usize) -> Result<(), BadInput> {
    if n == 0 { Err(BadInput::new("bets to learn from", "0", "at least one")) } else { Ok(()) }
}

/// The factor k in [0, 1) which maximises expected growth exactly when k f(j / n) is staked and j of `n` bets were won at the true
/// probability `p` (Baker & McHale 2013, eq. 3, for the log utility, with no stake where the estimate shows no edge).
///
/// # Errors
/// As [`discrete`], and when there are no bets to learn from.
pub fn shrinkage_optimum(p: f64, b: f64, n: usize) -> Result<f64, BadInput> {
    if discrete(p, b)? == 0.0 {
        return Ok(0.0);
    }
    some_bets(n)?;
    let bets: Vec<(f64, f64)> = binomial(n, p)
        .enumerate()
        .map(|(j, w)| (w, (((b + 1.0) * j as f64 / n as f64 - 1.0) / b).max(0.0)))
        .filter(|(_, f)| *f > 0.0)
        .collect();
    // Expected growth is concave in k: its derivative falls from above 0 to minus infinity at k = 1, where a full stake can be lost.
    let slope =
        |k: f64| bets.iter().map(|(w, f)| w * f * (p * b / (1.0 + k * b * f) - (1.0 - p) / (1.0 - k * f))).sum::<f64>();
    let (mut lo, mut hi) = (0.0, 1.0);
    for _ in 0..100 {
        let k = 0.5 * (lo + hi);
        if slope(k) > 0.0 {
            lo = k;
        } else {
            hi = k;
        }
    }
    Ok(lo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        assert!((discrete(0.5, 2.0).unwrap() - 0.25).abs() < 1e-15);
        assert_eq!(discrete(0.5, 1.0).unwrap(), 0.0);
        assert!((continuous(0.0005, 1e-4).unwrap() - 5.0).abs() < 1e-12);
        assert_eq!(continuous(-0.1, 0.2).unwrap(), 0.0);
        // f = 0.2, variance of p 0.01, slope 2: 0.04 / (0.04 + 0.04).
        assert!((shrinkage_discrete(0.6, 1.0, 0.01).unwrap() - 0.5).abs() < 1e-14);
        // t = 0.001 / (0.01 / 10) = 1.
        assert!((shrinkage_continuous(0.001, 1e-4, 100.0).unwrap() - 0.5).abs() < 1e-14);
        let post = Posterior::new((1.0, 1.0), 1.0, 0.0).unwrap();
        // Beta(2, 1): mean 2/3, variance 1/18, quantile sqrt(level).
        assert!((post.mean() - 2.0 / 3.0).abs() < 1e-15 && (post.variance() - 1.0 / 18.0).abs() < 1e-15);
        assert!((post.quantile(0.25) - 0.5).abs() < 1e-15);
        assert!((growth(0.6, 1.0, 0.2) - (0.6 * 1.2_f64.ln() + 0.4 * 0.8_f64.ln())).abs() < 1e-15);
        assert_eq!(growth(0.6, 1.0, 1.0), f64::NEG_INFINITY);
    }

    #[test]
    fn one_bet_to_learn_from() {
        // One bet: won with 0.6, then k is staked; growth 0.6 (0.6 ln(1 + k) + 0.4 ln(1 - k)), at its best at k = 0.2.
        assert!((shrinkage_optimum(0.6, 1.0, 1).unwrap() - 0.2).abs() < 1e-14);
        let g = expected_growth(0.6, 1.0, 1, |wins| 0.2 * wins as f64).unwrap();
        assert!((g - 0.6 * growth(0.6, 1.0, 0.2)).abs() < 1e-15);
        assert_eq!(shrinkage_optimum(0.5, 1.0, 9).unwrap(), 0.0);
    }

    #[test]
    fn bad_input_is_typed() {
        for p in [0.0, 1.0, -0.1, 1.1, f64::NAN] {
            assert_eq!(discrete(p, 1.0).unwrap_err().what, "p");
        }
        for b in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(discrete(0.5, b).unwrap_err().what.starts_with("b "));
        }
        assert!(continuous(0.1, 0.0).is_err() && continuous(f64::NAN, 1.0).is_err());
        assert!(shrinkage_discrete(0.6, 1.0, f64::NAN).is_err() && shrinkage_continuous(0.1, 1.0, 0.0).is_err());
        assert!(shrinkage_optimum(0.6, 1.0, 0).is_err() && expected_growth(0.6, 1.0, 0, |_| 0.0).is_err());
        assert!(Posterior::new((0.0, 1.0), 0.0, 1.0).is_err() && Posterior::new((1.0, 1.0), -1.0, 0.0).is_err());
        assert_eq!(shrinkage(f64::NAN, 1.0), 0.0);
    }

    proptest! {
        #[test]
        fn kelly_is_the_best_stake_and_attenuation_only_lowers_it(p in 0.01_f64..0.99, b in 0.05_f64..20.0, v in 0.0_f64..1.0) {
            let f = discrete(p, b).unwrap();
            let best = growth(p, b, f);
            for other in [0.5 * f, f + 0.01, 1.1 * f] {
                prop_assert!(growth(p, b, other) <= best + 1e-15);
            }
            prop_assert!((0.0..=1.0).contains(&shrinkage_discrete(p, b, v).unwrap()));
            prop_assert!((0.0..1.0).contains(&shrinkage_optimum(p, b, 25).unwrap()));
        }
    }
}
