//! Discrete wavelet transforms of orthogonal wavelets: decimated (DWT) and not (MODWT), their inverses, thresholds, denoising.
//!
//! Conventions are those of PyWavelets for the DWT and of Percival & Walden (2000), Wavelet Methods for Time Series Analysis,
//! for the MODWT. Filters: Daubechies (1992), Ten Lectures on Wavelets; they are computed from their equations, see
//! `tools/oracle/wavelet_filters.py`, and the tests below check them against these equations.

mod denoise;
mod dwt;
mod filters;
mod modwt;
mod threshold;

use serde::{Deserialize, Serialize};

use crate::NumericsError;

pub use denoise::{Denoise, Denoiser, NoiseScale, Transform};
pub use dwt::{Decomposer, Decomposition, dwt, dwt_len, idwt, idwt_len, max_level, wavedec, waverec};
pub use modwt::{Modwt, imodwt, modwt};
pub use threshold::{MAD_TO_SIGMA, Rule, Shrink, mad_noise};

macro_rules! wavelets {
    ($($variant:ident $name:literal $table:ident,)*) => {
        /// An orthogonal wavelet. Daubechies N and symlet N have N vanishing moments and 2N coefficients, coiflet N has 2N and 6N.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Wavelet {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Wavelet {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// The name as in PyWavelets.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
            /// The scaling filter h: reconstruction low-pass, of sum sqrt(2).
            pub fn scaling(self) -> &'static [f64] {
                match self { $(Self::$variant => &filters::$table),* }
            }
        }
    };
}

wavelets! {
    Haar "haar" HAAR,
    Db2 "db2" DB2,
    Db3 "db3" DB3,
    Db4 "db4" DB4,
    Db5 "db5" DB5,
    Db6 "db6" DB6,
    Db7 "db7" DB7,
    Db8 "db8" DB8,
    Db9 "db9" DB9,
    Db10 "db10" DB10,
    Sym4 "sym4" SYM4,
    Sym5 "sym5" SYM5,
    Sym6 "sym6" SYM6,
    Sym7 "sym7" SYM7,
    Sym8 "sym8" SYM8,
    Coif1 "coif1" COIF1,
    Coif2 "coif2" COIF2,
    Coif3 "coif3" COIF3,
}

impl Wavelet {
    /// The wavelet of this name, when there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|w| w.name() == name)
    }
    /// Coefficients of its filters.
    pub fn filter_len(self) -> usize {
        self.scaling().len()
    }
    /// The wavelet filter g(k) = (-1)^k h(F - 1 - k): reconstruction high-pass.
    pub fn high_pass(self) -> impl ExactSizeIterator<Item = f64> + DoubleEndedIterator {
        self.scaling().iter().rev().enumerate().map(|(k, h)| if k % 2 == 0 { *h } else { -*h })
    }
}

/// How a series goes on beyond its ends, for the decimated transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Mirrored between samples: c b a | a b c | c b a.
    Symmetric,
    /// Mirrored on the last sample: c b | a b c | b a. Needs two values.
    Reflect,
    /// From the beginning again: a b c | a b c | a b c.
    Periodic,
    /// Like periodic, with as few coefficients as possible: a series of odd length is made even by its last value once more.
    Periodization,
    /// Zeros.
    Zero,
    /// The last value for ever: a a | a b c | c c.
    Constant,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Symmetric, Self::Reflect, Self::Periodic, Self::Periodization, Self::Zero, Self::Constant];

    /// Where the value at `i`, possibly outside of 0..n, comes from; `None` where it is zero.
    #[inline]
    fn source(self, i: isize, n: usize) -> Option<usize> {
        let len = n as isize;
        if (0..len).contains(&i) {
            return Some(i as usize);
        }
        let at = match self {
            Self::Zero => return None,
            Self::Constant => i.clamp(0, len - 1),
            Self::Periodic => i.rem_euclid(len),
            // A value after the last is that of the last, so that the length is even.
            Self::Periodization => i.rem_euclid(len + len % 2).min(len - 1),
            Self::Symmetric => {
                let k = i.rem_euclid(2 * len);
                if k < len { k } else { 2 * len - 1 - k }
            }
            Self::Reflect => {
                let period = (2 * (len - 1)).max(1);
                let k = i.rem_euclid(period);
                if k < len { k } else { period - k }
            }
        };
        Some(at as usize)
    }
}

/// Every value finite, and small enough (below 2^1000) that no sum of a transform leaves the range of numbers.
fn finite(what: &'static str, x: &[f64]) -> Result<(), NumericsError> {
    const EXPONENT: u64 = 0x7ff << 52;
    // Carries into the top bit from an exponent of 1000 on: without a branch the loop is vectorised.
    const CARRY: u64 = (2048 - 2023) << 52;
    let large = |v: &f64| (v.to_bits() & EXPONENT).wrapping_add(CARRY);
    if x.iter().fold(0, |any, v| any | large(v)) >> 63 == 0 {
        return Ok(());
    }
    let index = x.iter().position(|v| large(v) >> 63 == 1).unwrap_or(0);
    let value = x.get(index).copied().unwrap_or(f64::NAN);
    Err(NumericsError::BadValue { what, index, value, expected: "a finite number below 2^1000 in size" })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 up to rounding of the sum of F products.
    const ROUNDING: f64 = 2e-15;

    #[test]
    fn filters_are_orthonormal_to_their_double_shifts() {
        for &w in Wavelet::ALL {
            let (h, g): (Vec<f64>, Vec<f64>) = (w.scaling().to_vec(), w.high_pass().collect());
            let f = h.len();
            let dot = |a: &[f64], b: &[f64], m: usize| (0..f - m).map(|k| a[k] * b[k + m]).sum::<f64>();
            for m in (0..f).step_by(2) {
                let one = f64::from(u8::from(m == 0));
                assert!((dot(&h, &h, m) - one).abs() < ROUNDING, "{} {m}: {:e}", w.name(), dot(&h, &h, m) - one);
                assert!((dot(&g, &g, m) - one).abs() < ROUNDING);
                assert!(dot(&h, &g, m).abs() < ROUNDING && dot(&g, &h, m).abs() < ROUNDING);
            }
            assert!((h.iter().sum::<f64>() - 2.0_f64.sqrt()).abs() < ROUNDING);
        }
    }

    #[test]
    fn wavelets_have_their_vanishing_moments() {
        for &w in Wavelet::ALL {
            let f = w.filter_len();
            let coiflet = w.name().strip_prefix("coif").map(|n| n.parse::<usize>().unwrap());
            let moments = coiflet.map_or(f / 2, |n| 2 * n);
            for p in 0..moments {
                // About the middle, in units of half the length, so that powers stay below 1.
                let x = |k: usize| (k as f64 - (f as f64 - 1.0) / 2.0) / (f as f64 / 2.0);
                let m: f64 = w.high_pass().enumerate().map(|(k, g)| g * x(k).powi(p as i32)).sum();
                assert!(m.abs() < ROUNDING, "{} moment {p}: {m:e}", w.name());
            }
            // One more does not vanish: the number is what the name says.
            let x = |k: usize| (k as f64 - (f as f64 - 1.0) / 2.0) / (f as f64 / 2.0);
            let m: f64 = w.high_pass().enumerate().map(|(k, g)| g * x(k).powi(moments as i32)).sum();
            assert!(m.abs() > 1e-6, "{} moment {moments}: {m:e}", w.name());
            for p in 1..coiflet.map_or(0, |n| 2 * n) {
                let centre = 2.0 * coiflet.unwrap() as f64;
                let m: f64 = w
                    .scaling()
                    .iter()
                    .enumerate()
                    .map(|(k, h)| h * ((k as f64 - centre) / f as f64).powi(p as i32))
                    .sum();
                assert!(m.abs() < ROUNDING, "{} scaling moment {p}: {m:e}", w.name());
            }
        }
    }

    #[test]
    fn daubechies_2_is_its_closed_form() {
        let s = 3.0_f64.sqrt();
        let want = [1.0 + s, 3.0 + s, 3.0 - s, 1.0 - s].map(|x| x / (4.0 * 2.0_f64.sqrt()));
        for (h, w) in Wavelet::Db2.scaling().iter().zip(want) {
            assert!((h - w).abs() < 3e-16, "{h} {w}");
        }
    }

    #[test]
    fn daubechies_filters_have_least_and_symlets_nearly_linear_phase() {
        // The centre of energy: as early as possible for Daubechies, in the middle for symlets.
        let centre = |w: Wavelet| w.scaling().iter().enumerate().map(|(k, h)| k as f64 * h * h).sum::<f64>();
        for (d, s) in [(Wavelet::Db4, Wavelet::Sym4), (Wavelet::Db6, Wavelet::Sym6), (Wavelet::Db8, Wavelet::Sym8)] {
            assert!(centre(d) < centre(s).min(d.filter_len() as f64 - 1.0 - centre(s)) - 0.5, "{d:?} {}", centre(d));
        }
    }

    #[test]
    fn series_go_on_as_their_mode_says() {
        let take = |mode: Mode| -> Vec<Option<usize>> { (-4..7).map(|i| mode.source(i, 3)).collect() };
        let some = |v: [usize; 11]| v.map(Some).to_vec();
        assert_eq!(take(Mode::Symmetric), some([2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]));
        assert_eq!(take(Mode::Reflect), some([0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]));
        assert_eq!(take(Mode::Periodic), some([2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0]));
        assert_eq!(take(Mode::Periodization), some([0, 1, 2, 2, 0, 1, 2, 2, 0, 1, 2]));
        assert_eq!(take(Mode::Constant), some([0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2]));
        assert_eq!(take(Mode::Zero)[3..8], [None, Some(0), Some(1), Some(2), None]);
        assert_eq!(Wavelet::from_name("sym5"), Some(Wavelet::Sym5));
        assert_eq!(Wavelet::from_name("db11"), None);
        assert_eq!(serde_json::to_string(&Wavelet::Coif2).unwrap(), "\"coif2\"");
    }
}
