//! Mathematical functions that give the same bits on every machine: those of the crate `libm`, under the names of the methods of `f64`.
//!
//! The methods `exp`, `ln`, `powf`, `sin`, ... of `f64` call the C library, which chooses among variants by processor (with fused multiply-add
//! or without) and by version; their results differ in the last bit. `libm` is pure Rust and computes the same wherever it runs.
//! `cargo xtask tidy` refuses the methods in the crates of this project. IEEE 754 leaves no choice for `sqrt`, `abs`, `floor`, `ceil`, `round`, `trunc`,
//! `mul_add` and `%`, and `powi` is compiled into the program: these are used as methods.

pub use libm::{
    acos, acosh, asin, asinh, atan, atan2, atanh, cbrt, cos, cosh, erf, erfc, exp, exp2, expm1 as exp_m1, hypot,
    lgamma as ln_gamma, log as ln, log1p as ln_1p, log2, log10, pow as powf, sin, sincos as sin_cos, sinh, tan, tanh,
};

/// ln(2 pi).
pub const LN_TAU: f64 = 1.837_877_066_409_345_5;

/// Terms after which a series or fraction counts as converged: far more than any argument here needs.
const MOST_TERMS: u32 = 1_000_000;

/// Digamma: the derivative of ln Gamma at `x` above 0, NaN elsewhere; by recurrence to 12 and the asymptotic series (Abramowitz & Stegun 1964, 6.3.5
/// and 6.3.18).
pub fn digamma(mut x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    let mut sum = 0.0;
    while x < 12.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let r = 1.0 / (x * x);
    let tail = 1.0 / 12.0
        - r * (1.0 / 120.0 - r * (1.0 / 252.0 - r * (1.0 / 240.0 - r * (1.0 / 132.0 - r * (691.0 / 32760.0)))));
    sum + ln(x) - 0.5 / x - r * tail
}

/// Digamma's derivative at `x` above 0, NaN elsewhere: in the same way (6.4.6 and 6.4.12).
pub fn trigamma(mut x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    let mut sum = 0.0;
    while x < 12.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let r = 1.0 / (x * x);
    let tail =
        1.0 / 6.0 - r * (1.0 / 30.0 - r * (1.0 / 42.0 - r * (1.0 / 30.0 - r * (5.0 / 66.0 - r * (691.0 / 2730.0)))));
    sum + 1.0 / x + 0.5 * r + r / x * tail
}

/// The regularised upper incomplete gamma function Q(a, x) = Gamma(a, x) / Gamma(a), for finite `a` above 0 and `x` of 0 or more; NaN elsewhere.
///
/// Below a + 1 from the series of 1 - Q (DLMF 8.7.1), above from the continued fraction (DLMF 8.9.2) by the modified method of Lentz
/// (Thompson & Barnett 1986).
pub fn gamma_upper(a: f64, x: f64) -> f64 {
    if !(a > 0.0 && a.is_finite() && x >= 0.0) {
        return f64::NAN;
    }
    if x == 0.0 || x == f64::INFINITY {
        return if x == 0.0 { 1.0 } else { 0.0 };
    }
    let front = exp(a * ln(x) - x - ln_gamma(a));
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for i in 1..MOST_TERMS {
            term *= x / (a + f64::from(i));
            sum += term;
            if term <= 1e-17 * sum {
                break;
            }
        }
        return 1.0 - front * sum;
    }
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (f64::INFINITY, 1.0 / b);
    let mut h = d;
    for i in 1..MOST_TERMS {
        let i = f64::from(i);
        let k = i * (a - i);
        b += 2.0;
        d = 1.0 / (k * d + b);
        c = b + k / c;
        let step = c * d;
        h *= step;
        if (step - 1.0).abs() <= 2e-16 {
            break;
        }
    }
    front * h
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference values are mpmath 1.3's, with 40 digits.
    #[test]
    fn gamma_functions_match_mpmath() {
        let near = |got: f64, want: f64, tolerance: f64| assert!((got / want - 1.0).abs() < tolerance, "{got} {want}");
        for (a, x, want) in [
            (0.5, 0.3, 0.438_578_026_080_999_9),
            (3.0, 1.5, 0.808_846_830_538_058_1),
            (3.0, 8.0, 0.013_753_967_744_002_985),
            (50.0, 40.0, 0.929_664_933_340_605),
            (50.0, 70.0, 0.005_140_502_458_505_894),
            (1000.0, 1100.0, 0.001_059_323_253_929_977_3),
            (0.01, 2.0, 0.000_496_664_537_218_526_8),
            (2.5, 700.0, 1.376_587_514_394_370_4e-300),
        ] {
            near(gamma_upper(a, x), want, 1e-15 * (4.0 + a + x));
        }
        for (x, one, two) in [
            (1.0, -0.577_215_664_901_532_9, 1.644_934_066_848_226_4),
            (0.5, -1.963_510_026_021_423_5, 4.934_802_200_544_679),
            (0.01, -100.560_885_457_868_67, 10_001.621_213_528_313),
            (3.3, 1.034_822_489_059_621_7, 0.353_501_541_841_061_8),
            (100.5, 4.605_174_352_581_845, 0.009_999_916_669_583_103),
            (1e-7, -10_000_000.577_215_5, 100_000_000_000_001.66),
        ] {
            near(digamma(x), one, 2e-15);
            near(trigamma(x), two, 2e-15);
        }
        assert_eq!((gamma_upper(2.0, 0.0), gamma_upper(2.0, f64::INFINITY)), (1.0, 0.0));
        for bad in
            [gamma_upper(0.0, 1.0), gamma_upper(1.0, -1.0), gamma_upper(f64::NAN, 1.0), gamma_upper(1.0, f64::NAN)]
        {
            assert!(bad.is_nan());
        }
        assert!(digamma(0.0).is_nan() && trigamma(-1.0).is_nan());
        assert!((LN_TAU - ln(std::f64::consts::TAU)).abs() < 5e-16);
    }
}
