//! The decimated transform: one level, its inverse, and several levels.

use super::{Mode, Wavelet, finite};
use crate::NumericsError;

/// The filters of a wavelet as the loops want them.
///
/// Analysis: out(k) = sum over m of h(m) x(s + m) with s = 2k + c; synthesis is its transpose.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bank {
    wavelet: Wavelet,
    /// Low- and high-pass tap of the same index, side by side.
    analysis: Vec<[f64; 2]>,
    /// For coefficient p of F/2: the taps of the even and the odd sample, low-pass then high-pass.
    synthesis: Vec<[f64; 4]>,
}

impl Bank {
    pub(super) fn new(wavelet: Wavelet) -> Self {
        let analysis: Vec<[f64; 2]> = wavelet.scaling().iter().zip(wavelet.high_pass()).map(|(h, g)| [*h, g]).collect();
        let synthesis = analysis.chunks_exact(2).rev().map(|t| [t[0][0], t[1][0], t[0][1], t[1][1]]).collect();
        Self { wavelet, analysis, synthesis }
    }
    pub(super) fn wavelet(&self) -> Wavelet {
        self.wavelet
    }
    fn len(&self) -> usize {
        self.analysis.len()
    }

    /// Coefficients of one level, `dwt_len` of each kind.
    pub(super) fn analyse(&self, mode: Mode, x: &[f64], low: &mut [f64], high: &mut [f64]) {
        let (f, n) = (self.len(), x.len());
        let lead = if mode == Mode::Periodization { f / 2 - 1 } else { f - 2 };
        let first = lead.div_ceil(2).min(low.len());
        let start = (2 * first).saturating_sub(lead);
        let inner = if n >= f + start && 2 * first >= lead { (n - f - start) / 2 + 1 } else { 0 };
        let end = (first + inner).min(low.len());
        if let (Some(x), Some(low), Some(high)) = (x.get(start..), low.get_mut(first..end), high.get_mut(first..end)) {
            self.inner_analysis(x, low, high);
        }
        for k in (0..first).chain(end..low.len()) {
            let (mut l, mut h) = (0.0, 0.0);
            for (m, [tl, th]) in self.analysis.iter().enumerate() {
                if let Some(v) = mode.source((2 * k + m) as isize - lead as isize, n).and_then(|i| x.get(i)) {
                    l += tl * v;
                    h += th * v;
                }
            }
            (low[k], high[k]) = (l, h);
        }
    }
    fn inner_analysis(&self, x: &[f64], low: &mut [f64], high: &mut [f64]) {
        let t = self.analysis.as_slice();
        match self.len() {
            2 => analyse::<2>(t, x, low, high),
            4 => analyse::<4>(t, x, low, high),
            6 => analyse::<6>(t, x, low, high),
            8 => analyse::<8>(t, x, low, high),
            10 => analyse::<10>(t, x, low, high),
            12 => analyse::<12>(t, x, low, high),
            14 => analyse::<14>(t, x, low, high),
            16 => analyse::<16>(t, x, low, high),
            18 => analyse::<18>(t, x, low, high),
            _ => analyse::<20>(t, x, low, high),
        }
    }

    /// The series of which these are the coefficients: `idwt_len` values.
    pub(super) fn synthesise(&self, mode: Mode, low: &[f64], high: &[f64], out: &mut [f64]) {
        let (half, k) = (self.len() / 2, low.len());
        let first = if mode == Mode::Periodization { half - 1 } else { 0 };
        let pairs = (k + 1).saturating_sub(half);
        let end = (first + 2 * pairs).min(out.len());
        if let Some(out) = out.get_mut(first.min(end)..end) {
            self.inner_synthesis(low, high, out);
        }
        if mode == Mode::Periodization && k > 0 {
            let inside = first..end.max(first);
            for n in (0..out.len()).filter(|n| pairs == 0 || !inside.contains(n)) {
                let s = n + half - 1;
                let mut sum = 0.0;
                for t in (s % 2..self.len()).step_by(2) {
                    let at = (s as isize - t as isize).div_euclid(2).rem_euclid(k as isize) as usize;
                    let [h, g] = self.analysis[t];
                    sum += h * low[at] + g * high[at];
                }
                out[n] = sum;
            }
        }
    }
    fn inner_synthesis(&self, low: &[f64], high: &[f64], out: &mut [f64]) {
        let t = self.synthesis.as_slice();
        match t.len() {
            1 => synthesise::<1>(t, low, high, out),
            2 => synthesise::<2>(t, low, high, out),
            3 => synthesise::<3>(t, low, high, out),
            4 => synthesise::<4>(t, low, high, out),
            5 => synthesise::<5>(t, low, high, out),
            6 => synthesise::<6>(t, low, high, out),
            7 => synthesise::<7>(t, low, high, out),
            8 => synthesise::<8>(t, low, high, out),
            9 => synthesise::<9>(t, low, high, out),
            _ => synthesise::<10>(t, low, high, out),
        }
    }
}

/// Both filters in one pass: with their number known the inner loop is unrolled, and the two sums share a vector.
fn analyse<const F: usize>(taps: &[[f64; 2]], x: &[f64], low: &mut [f64], high: &mut [f64]) {
    let Some(taps) = taps.first_chunk::<F>() else { return };
    for (w, (l, h)) in x.windows(F).step_by(2).zip(low.iter_mut().zip(high)) {
        let Some(w) = w.first_chunk::<F>() else { return };
        let mut sum = [0.0; 2];
        for (t, v) in taps.iter().zip(w) {
            sum[0] += t[0] * v;
            sum[1] += t[1] * v;
        }
        (*l, *h) = (sum[0], sum[1]);
    }
}

fn synthesise<const H: usize>(taps: &[[f64; 4]], low: &[f64], high: &[f64], out: &mut [f64]) {
    let Some(taps) = taps.first_chunk::<H>() else { return };
    for ((l, h), pair) in low.windows(H).zip(high.windows(H)).zip(out.chunks_exact_mut(2)) {
        let (Some(l), Some(h)) = (l.first_chunk::<H>(), h.first_chunk::<H>()) else { return };
        let mut sum = [0.0; 2];
        for ((t, l), h) in taps.iter().zip(l).zip(h) {
            sum[0] += t[0] * l + t[2] * h;
            sum[1] += t[1] * l + t[3] * h;
        }
        pair.copy_from_slice(&sum);
    }
}

/// How many coefficients of each kind one level gives for `n` values: ceil(n / 2) for periodization, else floor((n + F - 1) / 2).
pub fn dwt_len(n: usize, wavelet: Wavelet, mode: Mode) -> usize {
    if mode == Mode::Periodization { n.div_ceil(2) } else { (n + wavelet.filter_len() - 1) / 2 }
}

/// How many values the inverse gives for `k` coefficients of each kind: that of the series, or one more when it was odd.
pub fn idwt_len(k: usize, wavelet: Wavelet, mode: Mode) -> usize {
    if mode == Mode::Periodization { 2 * k } else { (2 * k + 2).saturating_sub(wavelet.filter_len()) }
}

/// The deepest level with a coefficient that no end of the series reaches: floor(log2(n / (F - 1))), as `pywt.dwt_max_level`.
pub fn max_level(n: usize, wavelet: Wavelet) -> usize {
    (n / (wavelet.filter_len() - 1)).checked_ilog2().unwrap_or(0) as usize
}

fn long_enough(x: &[f64], mode: Mode) -> Result<(), NumericsError> {
    let needed = if mode == Mode::Reflect { 2 } else { 1 };
    if x.len() < needed {
        return Err(NumericsError::TooFew { what: "a wavelet transform", needed, got: x.len() });
    }
    Ok(())
}

pub(super) fn check(x: &[f64], mode: Mode) -> Result<(), NumericsError> {
    long_enough(x, mode)?;
    finite("a wavelet transform", x)
}

/// One level: approximation and detail coefficients, as `pywt.dwt`.
///
/// # Errors
/// When the series is empty (for reflect: shorter than two) or not finite.
pub fn dwt(x: &[f64], wavelet: Wavelet, mode: Mode) -> Result<(Vec<f64>, Vec<f64>), NumericsError> {
    let mut parts = wavedec(x, wavelet, mode, 1)?;
    Ok((parts.approximation, parts.details.pop().unwrap_or_default()))
}

/// The inverse of one level, as `pywt.idwt`: one value more than the series had when its length was odd.
///
/// # Errors
/// When there are too few coefficients, not as many of one kind as of the other, or some are not finite.
pub fn idwt(low: &[f64], high: &[f64], wavelet: Wavelet, mode: Mode) -> Result<Vec<f64>, NumericsError> {
    let needed = if mode == Mode::Periodization { 1 } else { wavelet.filter_len() / 2 }.max(low.len()).max(high.len());
    let got = low.len().min(high.len());
    if got < needed {
        return Err(NumericsError::TooFew { what: "an inverse wavelet transform", needed, got });
    }
    finite("an inverse wavelet transform", low)?;
    finite("an inverse wavelet transform", high)?;
    let mut out = vec![0.0; idwt_len(low.len(), wavelet, mode)];
    Bank::new(wavelet).synthesise(mode, low, high, &mut out);
    Ok(out)
}

/// A series taken apart level by level.
#[derive(Debug, Clone, PartialEq)]
pub struct Decomposition {
    /// Approximation at the coarsest level.
    pub approximation: Vec<f64>,
    /// Details from the coarsest to the finest level.
    pub details: Vec<Vec<f64>>,
    /// Values of the series.
    pub len: usize,
}

/// Takes one series after another apart, in memory that is reused: nothing is allocated for a series no longer than those before.
#[derive(Debug, Clone)]
pub struct Decomposer {
    bank: Bank,
    mode: Mode,
    parts: Decomposition,
    /// The approximation of the level before.
    spare: Vec<f64>,
}

impl Decomposer {
    /// With `levels` levels. More than [`max_level`] are possible: they say more about the boundary mode than about the series.
    ///
    /// # Errors
    /// When `levels` is zero.
    pub fn new(wavelet: Wavelet, mode: Mode, levels: usize) -> Result<Self, NumericsError> {
        if levels == 0 {
            return Err(NumericsError::TooFew { what: "a decomposition (in levels)", needed: 1, got: 0 });
        }
        let parts = Decomposition { approximation: Vec::new(), details: vec![Vec::new(); levels], len: 0 };
        Ok(Self { bank: Bank::new(wavelet), mode, parts, spare: Vec::new() })
    }
    /// Takes a series apart.
    ///
    /// # Errors
    /// When the series (for reflect: or an approximation of it) is too short or not finite.
    pub fn run(&mut self, x: &[f64]) -> Result<&Decomposition, NumericsError> {
        check(x, self.mode)?;
        let parts = &mut self.parts;
        parts.len = x.len();
        for (level, high) in parts.details.iter_mut().rev().enumerate() {
            std::mem::swap(&mut self.spare, &mut parts.approximation);
            let x = if level == 0 { x } else { self.spare.as_slice() };
            long_enough(x, self.mode)?;
            let k = dwt_len(x.len(), self.bank.wavelet(), self.mode);
            parts.approximation.resize(k, 0.0);
            high.resize(k, 0.0);
            self.bank.analyse(self.mode, x, &mut parts.approximation, high);
        }
        Ok(&self.parts)
    }
}

/// `levels` levels (at least one), as `pywt.wavedec`.
///
/// # Errors
/// When `levels` is zero, or the series is too short or not finite.
pub fn wavedec(x: &[f64], wavelet: Wavelet, mode: Mode, levels: usize) -> Result<Decomposition, NumericsError> {
    let mut d = Decomposer::new(wavelet, mode, levels)?;
    d.run(x)?;
    Ok(d.parts)
}

/// The series of a decomposition, as `pywt.waverec` and cut to its own length.
///
/// # Errors
/// When the parts do not fit together.
pub fn waverec(parts: &Decomposition, wavelet: Wavelet, mode: Mode) -> Result<Vec<f64>, NumericsError> {
    let mut x = parts.approximation.clone();
    for d in &parts.details {
        // An odd length came out one longer.
        if x.len() == d.len() + 1 {
            x.pop();
        }
        x = idwt(&x, d, wavelet, mode)?;
    }
    if x.len() < parts.len {
        return Err(NumericsError::TooFew { what: "a reconstruction", needed: parts.len, got: x.len() });
    }
    x.truncate(parts.len);
    Ok(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: &[f64], b: &[f64]) {
        assert!(a.len() == b.len() && a.iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-14), "{a:?} {b:?}");
    }

    #[test]
    fn haar_by_hand() {
        let s = 2.0_f64.sqrt();
        let (a, d) = dwt(&[1.0, 3.0, 2.0, 8.0], Wavelet::Haar, Mode::Symmetric).unwrap();
        // Pairs: sum and difference (earlier minus later) over sqrt 2.
        close(&a, &[4.0 / s, 10.0 / s]);
        close(&d, &[-2.0 / s, -6.0 / s]);
        close(&idwt(&a, &d, Wavelet::Haar, Mode::Symmetric).unwrap(), &[1.0, 3.0, 2.0, 8.0]);
        // An odd length: the last value is mirrored, or followed by nothing.
        let last = |mode| dwt(&[1.0, 3.0, 5.0], Wavelet::Haar, mode).unwrap();
        close(&last(Mode::Symmetric).0, &[4.0 / s, 10.0 / s]);
        close(&last(Mode::Zero).1, &[-2.0 / s, 5.0 / s]);
        close(&last(Mode::Reflect).0, &[4.0 / s, 8.0 / s]);
        close(&last(Mode::Periodic).0, &[4.0 / s, 6.0 / s]);
    }

    #[test]
    fn levels_as_pywavelets_counts_them() {
        // pywt.dwt_max_level(n, filter) by its formula.
        let cases = [(1000, Wavelet::Sym5, 6), (64, Wavelet::Sym4, 3), (7, Wavelet::Db4, 0), (6, Wavelet::Db4, 0)];
        for (n, w, want) in cases {
            assert_eq!(max_level(n, w), want, "{n} {w:?}");
        }
        assert_eq!(
            (max_level(1, Wavelet::Haar), max_level(1024, Wavelet::Haar), max_level(0, Wavelet::Haar)),
            (0, 10, 0)
        );
    }

    #[test]
    fn what_cannot_be_transformed_is_refused_with_its_numbers() {
        let e = dwt(&[1.0, f64::NAN], Wavelet::Db2, Mode::Zero).unwrap_err().to_string();
        assert!(e.contains("NaN at index 1"), "{e}");
        for bad in [f64::INFINITY, f64::NEG_INFINITY, 2.0_f64.powi(1000), -f64::MAX] {
            assert!(dwt(&[1.0, 2.0, bad], Wavelet::Db2, Mode::Zero).unwrap_err().to_string().contains("at index 2"));
        }
        let (a, d) = dwt(&[-1e301; 9], Wavelet::Db10, Mode::Symmetric).unwrap();
        assert!(
            a.iter().chain(&d).all(|x| x.is_finite()) && dwt(&[0.0, -0.0, 5e-324], Wavelet::Haar, Mode::Zero).is_ok()
        );
        assert!(dwt(&[], Wavelet::Db2, Mode::Zero).is_err());
        assert!(dwt(&[1.0], Wavelet::Db2, Mode::Reflect).unwrap_err().to_string().contains("at least 2"));
        assert!(dwt(&[1.0], Wavelet::Db2, Mode::Symmetric).is_ok());
        let e = idwt(&[1.0; 5], &[1.0; 4], Wavelet::Db2, Mode::Zero).unwrap_err().to_string();
        assert!(e.contains("at least 5") && e.contains("got 4"), "{e}");
        assert!(idwt(&[1.0; 3], &[1.0; 3], Wavelet::Db4, Mode::Zero).is_err());
        assert!(wavedec(&[1.0; 9], Wavelet::Haar, Mode::Zero, 0).is_err());
        let parts = Decomposition { approximation: vec![1.0; 4], details: vec![vec![0.0; 4]], len: 99 };
        assert!(waverec(&parts, Wavelet::Haar, Mode::Zero).is_err());
    }
}
