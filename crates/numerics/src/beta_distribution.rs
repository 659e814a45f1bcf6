//! The Beta distribution and, through it, quantiles of Student's t.

use crate::math;

/// Logarithm of the Beta function.
fn ln_beta(a: f64, b: f64) -> f64 {
    math::ln_gamma(a) + math::ln_gamma(b) - math::ln_gamma(a + b)
}

/// The continued fraction of DLMF 8.17.22, by the modified method of Lentz (Thompson & Barnett 1986); converges quickly for
/// x < (a + 1) / (a + b + 2).
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut h = d;
    for m in 1..100_000_u32 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = h;
        for k in [even, odd] {
            d = 1.0 / away(1.0 + k * d);
            c = away(1.0 + k / c);
            h *= c * d;
        }
        if (h - before).abs() <= 3e-16 * h.abs() {
            break;
        }
    }
    h
}

/// Probability of a value at most `x` under Beta(a, b): the regularised incomplete Beta function I_x(a, b) (DLMF 8.17.2). NaN unless
/// a and b are finite and above 0.
pub fn cdf(x: f64, a: f64, b: f64) -> f64 {
    if !(a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite()) || x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    inside(x, a, b, ln_beta(a, b)).0
}

/// I_x(a, b) = x^a (1-x)^b / (a B(a, b)) times the fraction, on the side where it converges, and its derivative, the density.
fn inside(x: f64, a: f64, b: f64, ln_beta: f64) -> (f64, f64) {
    let front = math::exp(a * math::ln(x) + b * math::ln_1p(-x) - ln_beta);
    let below = if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(x, a, b) / a
    } else {
        1.0 - front * fraction(1.0 - x, b, a) / b
    };
    (below, front / (x * (1.0 - x)))
}

/// The value not exceeded with probability `p` under Beta(a, b); NaN unless p is in [0, 1] and a and b are finite and above 0.
///
/// Newton's method on I_x(a, b) - p, kept within a bracket that shrinks at every step.
pub fn quantile(p: f64, a: f64, b: f64) -> f64 {
    if !((0.0..=1.0).contains(&p) && a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite()) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return p;
    }
    let ln_beta = ln_beta(a, b);
    let (mut lo, mut hi) = (0.0_f64, 1.0_f64);
    let mean = a / (a + b);
    let sd = (mean * (1.0 - mean) / (a + b + 1.0)).sqrt();
    // Cornish & Fisher's first correction of the normal approximation or, where it leaves (0, 1), the leading term of the series at 0.
    let (z, skew) =
        (crate::normal::quantile(p), 2.0 * (b - a) * (a + b + 1.0).sqrt() / ((a + b + 2.0) * (a * b).sqrt()));
    let near = mean + sd * (z + (z * z - 1.0) * skew / 6.0);
    let series = math::exp((math::ln(p) + math::ln(a) + ln_beta) / a);
    let mut x = if near > 0.0 && near < 1.0 { near } else { series.clamp(1e-300, 0.5) };
    for _ in 0..500 {
        let (below, density) = inside(x, a, b, ln_beta);
        let excess = below - p;
        if excess == 0.0 {
            break;
        }
        if excess < 0.0 {
            lo = x;
        } else {
            hi = x;
        }
        let newton = x - excess / density;
        // Newton's error is squared at every step: after one of 1e-8 nothing but rounding is left.
        if (newton - x).abs() <= 1e-8 * x.min(1.0 - x) {
            x = newton.clamp(lo, hi);
            break;
        }
        if hi - lo <= 2e-16 * hi {
            break;
        }
        // Halving on a logarithmic scale where the bracket spans many of them.
        let middle = if lo == 0.0 { hi / 16.0 } else { (lo * hi).sqrt().max(lo + 0.25 * (hi - lo)) };
        x = if newton > lo && newton < hi { newton } else { middle };
    }
    x
}

/// The value not exceeded with probability `p` under Student's t with `df` degrees of freedom; infinite at 0 and 1, NaN outside [0, 1]
/// or unless df is finite and above 0.
///
/// P(|T| > t) = I_x(df / 2, 1 / 2) with x = df / (df + t^2) (Abramowitz & Stegun 26.7.1).
pub fn student_quantile(p: f64, df: f64) -> f64 {
    if !((0.0..=1.0).contains(&p) && df > 0.0 && df.is_finite()) {
        return f64::NAN;
    }
    if p > 0.5 {
        return -student_quantile(1.0 - p, df);
    }
    // Of x and 1 - x the smaller is found, so that neither is a difference of nearly equal numbers.
    let x = quantile(2.0 * p, 0.5 * df, 0.5);
    let odds = if x < 0.5 {
        (1.0 - x) / x
    } else {
        let y = quantile(1.0 - 2.0 * p, 0.5, 0.5 * df);
        y / (1.0 - y)
    };
    -(df * odds).sqrt()
}

/// The probabilities of 0, 1, ... n wins in n bets that are each won with probability `p`, which must be in (0, 1).
pub fn binomial(n: usize, p: f64) -> impl Iterator<Item = f64> {
    let all = math::ln_gamma(n as f64 + 1.0);
    (0..=n).map(move |j| {
        let (w, l) = (j as f64, (n - j) as f64);
        math::exp(all - math::ln_gamma(w + 1.0) - math::ln_gamma(l + 1.0) + w * math::ln(p) + l * math::ln_1p(-p))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        // Beta(1, 1) is uniform, Beta(2, 1) has the distribution x^2, Beta(1, 3) has 1 - (1 - x)^3.
        assert!((cdf(0.3, 1.0, 1.0) - 0.3).abs() < 1e-15);
        assert!((cdf(0.3, 2.0, 1.0) - 0.09).abs() < 1e-15);
        assert!((cdf(0.9, 1.0, 3.0) - 0.999).abs() < 1e-15);
        assert!((quantile(0.25, 2.0, 1.0) - 0.5).abs() < 1e-15);
        assert!((quantile(0.875, 1.0, 3.0) - 0.5).abs() < 1e-15);
        assert_eq!((cdf(-1.0, 2.0, 2.0), cdf(2.0, 2.0, 2.0)), (0.0, 1.0));
        assert_eq!((quantile(0.0, 2.0, 2.0), quantile(1.0, 2.0, 2.0)), (0.0, 1.0));
        // With one degree of freedom t is Cauchy: tan(pi (p - 1/2)); with two it is (2p - 1) / sqrt(2 p (1 - p)).
        assert!((student_quantile(0.25, 1.0) + 1.0).abs() < 1e-14);
        assert!((student_quantile(0.1, 2.0) + 0.8 / 0.18_f64.sqrt()).abs() < 1e-13);
        assert_eq!((student_quantile(0.5, 7.0), student_quantile(0.0, 7.0)), (0.0, f64::NEG_INFINITY));
        // Here a last step of Newton's that rounds to nothing once sent the search back into its bracket.
        let (p, a, b) = (0.085_607_580_815_042_76, 2_132.908_941_250_835_6, 183.068_256_819_8);
        assert!((cdf(quantile(p, a, b), a, b) - p).abs() < 1e-11);
        let want = [0.064, 0.288, 0.432, 0.216];
        assert!(binomial(3, 0.6).zip(want).all(|(x, w)| (x - w).abs() < 1e-15));
        for bad in
            [cdf(0.5, 0.0, 1.0), quantile(1.5, 1.0, 1.0), quantile(f64::NAN, 1.0, 1.0), student_quantile(0.5, -1.0)]
        {
            assert!(bad.is_nan());
        }
    }

    proptest! {
        #[test]
        fn the_quantile_inverts_the_distribution(p in 1e-6_f64..0.999_999, a in 0.3_f64..3000.0, b in 0.3_f64..3000.0) {
            let x = quantile(p, a, b);
            prop_assert!((0.0..=1.0).contains(&x));
            // A step of one rounding of x moves the probability by density times that step.
            let slack = 1e-10 + 4e-16 * x * inside(x.clamp(1e-300, 1.0 - 1e-16), a, b, ln_beta(a, b)).1;
            prop_assert!((cdf(x, a, b) - p).abs() < slack, "{} at {x}", cdf(x, a, b) - p);
            prop_assert!((cdf(x, a, b) + cdf(1.0 - x, b, a) - 1.0).abs() < slack);
            // P(X <= x) of Beta(j, n - j + 1) is the probability of j wins or more in n at x (DLMF 8.17.5).
            let (n, j) = (12, 1 + (p * 12.0) as usize);
            let wins: f64 = binomial(n, p).skip(j).sum();
            prop_assert!((cdf(p, j as f64, (n - j + 1) as f64) - wins).abs() < 1e-12);
        }
    }
}
