//! The maximal overlap (undecimated, translation-invariant) transform and its inverse.

use std::f64::consts::FRAC_1_SQRT_2;

use super::{Wavelet, finite};
use crate::NumericsError;

/// Coefficients of the maximal overlap transform: as many at every level as there are values.
#[derive(Debug, Clone, PartialEq)]
pub struct Modwt {
    /// Scaling coefficients of the coarsest level.
    pub scaling: Vec<f64>,
    /// Wavelet coefficients from the finest (level 1) to the coarsest level.
    pub details: Vec<Vec<f64>>,
}

/// Filters over sqrt 2, low- and high-pass tap of the same index side by side.
pub(super) fn taps(wavelet: Wavelet) -> Vec<[f64; 2]> {
    wavelet.scaling().iter().zip(wavelet.high_pass()).map(|(h, g)| [h * FRAC_1_SQRT_2, g * FRAC_1_SQRT_2]).collect()
}

/// `out(t) += weight x(t - shift)` around the circle, `shift` below the length.
fn add_shifted(out: &mut [f64], x: &[f64], shift: usize, weight: f64) {
    let (begin, rest) = out.split_at_mut(shift);
    let (earlier, wrapped) = x.split_at(x.len() - shift);
    for (o, v) in rest.iter_mut().zip(earlier).chain(begin.iter_mut().zip(wrapped)) {
        *o += weight * v;
    }
}

/// One level more: V(j) and W(j) from V(j - 1), whose spacing is `2^(j - 1)` (Percival & Walden, section 5.5).
pub(super) fn analyse(taps: &[[f64; 2]], spacing: usize, v: &[f64], low: &mut [f64], high: &mut [f64]) {
    low.fill(0.0);
    high.fill(0.0);
    for (l, [h, g]) in taps.iter().enumerate() {
        let shift = l * spacing % v.len();
        add_shifted(low, v, shift, *h);
        add_shifted(high, v, shift, *g);
    }
}

/// One level back.
pub(super) fn synthesise(taps: &[[f64; 2]], spacing: usize, low: &[f64], high: &[f64], out: &mut [f64]) {
    let n = out.len();
    out.fill(0.0);
    for (l, [h, g]) in taps.iter().enumerate() {
        let shift = (n - l * spacing % n) % n;
        add_shifted(out, low, shift, *h);
        add_shifted(out, high, shift, *g);
    }
}

/// The maximal overlap transform with `levels` levels of a series taken as periodic, of any length:
///
/// W(j, t) = sum over l of g(l) V(j - 1, (t - 2^(j-1) l) mod N) / sqrt 2, V(j, t) likewise with h, V(0) = x.
///
/// Energy is kept: |x|^2 = sum of |W(j)|^2 + |V(J)|^2. `pywt.swt(norm=True)` gives the same numbers for the reversed series in another
/// order: W(j, t) is its detail at (N - 1 - t + (2^j - 1)(F/2 - 1)) mod N.
///
/// # Errors
/// When the series is empty or not finite, or `levels` is not in 1 to 32.
pub fn modwt(x: &[f64], wavelet: Wavelet, levels: usize) -> Result<Modwt, NumericsError> {
    if x.is_empty() || !(1..=32).contains(&levels) {
        let what = "a maximal overlap transform (values, and levels of at most 32)";
        return Err(NumericsError::TooFew { what, needed: 1, got: x.len().min(levels) });
    }
    finite("a maximal overlap transform", x)?;
    let taps = taps(wavelet);
    let (mut v, mut details) = (x.to_vec(), Vec::with_capacity(levels));
    for j in 0..levels {
        let (mut low, mut high) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        analyse(&taps, 1 << j, &v, &mut low, &mut high);
        v = low;
        details.push(high);
    }
    Ok(Modwt { scaling: v, details })
}

/// The series of these coefficients.
///
/// # Errors
/// When the parts have different lengths, are empty or not finite.
pub fn imodwt(parts: &Modwt, wavelet: Wavelet) -> Result<Vec<f64>, NumericsError> {
    let what = "an inverse maximal overlap transform";
    let mut v = parts.scaling.clone();
    let short = parts.details.iter().map(Vec::len).min().unwrap_or(0).min(v.len());
    let needed = parts.details.iter().map(Vec::len).max().unwrap_or(1).max(v.len()).max(1);
    if short < needed || parts.details.len() > 32 {
        return Err(NumericsError::TooFew { what, needed, got: short });
    }
    let taps = taps(wavelet);
    finite(what, &v)?;
    for (j, w) in parts.details.iter().enumerate().rev() {
        finite(what, w)?;
        let mut out = vec![0.0; v.len()];
        synthesise(&taps, 1 << j, &v, w, &mut out);
        v = out;
    }
    Ok(v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn haar_by_hand() {
        let m = modwt(&[1.0, 3.0, 2.0, 8.0, 6.0], Wavelet::Haar, 2).unwrap();
        // Halves of the sum with, and of the difference from, the value before; the first follows the last.
        assert_eq!(m.details.len(), 2);
        let near = |a: &[f64], b: [f64; 5]| assert!(a.iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-14), "{a:?} {b:?}");
        // With h = (1, 1) / sqrt 2 and g = (1, -1) / sqrt 2.
        near(&m.details[0], [-2.5, 1.0, -0.5, 3.0, -1.0]);
        // V(1) = 3.5 2 2.5 5 7; differences two apart.
        near(&m.details[1], [-0.75, -2.5, -0.5, 1.5, 2.25]);
        near(&m.scaling, [4.25, 4.5, 3.0, 3.5, 4.75]);
        near(&imodwt(&m, Wavelet::Haar).unwrap(), [1.0, 3.0, 2.0, 8.0, 6.0]);
        assert!(modwt(&[], Wavelet::Haar, 1).is_err() && modwt(&[1.0], Wavelet::Haar, 0).is_err());
        assert!(modwt(&[1.0], Wavelet::Haar, 33).is_err() && modwt(&[f64::NAN], Wavelet::Haar, 1).is_err());
        let short = Modwt { scaling: vec![1.0; 3], details: vec![vec![1.0; 2]] };
        assert!(imodwt(&short, Wavelet::Haar).is_err());
    }
}
