//! Denoising: transform, shrink the details, transform back; over a whole series, or causally over a trailing window.

use serde::{Deserialize, Serialize};

use super::dwt::{Bank, check};
use super::{Mode, Rule, Shrink, Wavelet, dwt_len, finite, mad_noise, max_level, modwt};
use crate::NumericsError;

/// Which transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// Decimated.
    Dwt,
    /// Maximal overlap: the same whatever the phase, smoother, and slower by as many times as there are levels.
    Modwt,
}

/// Where the noise is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoiseScale {
    /// In the finest details, for all levels: white noise.
    Finest,
    /// In each level for itself: noise with memory (Johnstone & Silverman 1997).
    EachLevel,
}

/// How to denoise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denoise {
    /// The wavelet.
    pub wavelet: Wavelet,
    /// Which transform.
    pub transform: Transform,
    /// How the series goes on beyond its ends. The maximal overlap transform knows `Periodic` and `Symmetric` (the series followed by its
    /// mirror image, around a circle).
    pub mode: Mode,
    /// How many levels of details are shrunk, 1 or more.
    pub levels: usize,
    /// The threshold.
    pub rule: Rule,
    /// What is done to coefficients below it.
    pub shrink: Shrink,
    /// Where the noise is measured.
    pub noise: NoiseScale,
}

impl Denoise {
    /// Denoises a whole series. LOOK-AHEAD: each value depends on all, also on the later ones; [`Denoiser`] is the causal form.
    ///
    /// # Errors
    /// When the series is too short for the levels, or not finite, or the mode is not one of the transform.
    pub fn whole(&self, x: &[f64]) -> Result<Vec<f64>, NumericsError> {
        let mut plan = Plan::new(*self, x.len())?;
        check(x, self.mode)?;
        plan.x.copy_from_slice(x);
        plan.run();
        Ok(plan.out)
    }
}

/// The last value of a window without its noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Denoised {
    /// The value.
    pub value: f64,
    /// Standard deviation of the noise, from the finest details.
    pub noise: f64,
    /// Share of the finest level in the energy of all details, [0, 1]: 2^(J-1) / (2^J - 1) for white noise, 1 / (2^J - 1) for a random walk,
    /// in the mean and J levels. `None` when there are no details beyond rounding.
    pub finest: Option<f64>,
}

/// The causal form: each value is the last one of the denoised window of the last `window` values. An update costs O(window) (times the
/// levels for the maximal overlap transform) and allocates nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct Denoiser {
    plan: Plan,
    ring: Vec<f64>,
    next: usize,
    held: usize,
}

/// What is kept of a denoiser: memory to work in is made again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Saved {
    spec: Denoise,
    window: usize,
    /// Oldest first.
    values: Vec<f64>,
}

impl TryFrom<Saved> for Denoiser {
    type Error = NumericsError;
    fn try_from(s: Saved) -> Result<Self, NumericsError> {
        let mut d = Self::new(s.spec, s.window)?;
        finite("a saved denoiser", &s.values)?;
        s.values.iter().for_each(|x| d.store(*x));
        Ok(d)
    }
}

impl From<Denoiser> for Saved {
    fn from(d: Denoiser) -> Self {
        Self { spec: d.plan.spec, window: d.ring.len(), values: d.values().collect() }
    }
}

impl Denoiser {
    /// Without any value yet.
    ///
    /// # Errors
    /// When the window is too short for the levels ([`max_level`]), or the mode is not one of the transform.
    pub fn new(spec: Denoise, window: usize) -> Result<Self, NumericsError> {
        Ok(Self { plan: Plan::new(spec, window)?, ring: vec![0.0; window], next: 0, held: 0 })
    }
    /// Values in the window when it is full.
    pub fn window(&self) -> usize {
        self.ring.len()
    }
    /// The values held, oldest first.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = f64> {
        let (newer, older) = self.ring.split_at(self.next);
        let older = if self.held < self.ring.len() { &older[..0] } else { older };
        older.iter().chain(newer).copied()
    }
    /// Takes a finite value without denoising.
    pub fn store(&mut self, x: f64) {
        if let Some(slot) = self.ring.get_mut(self.next) {
            *slot = x;
            self.next = (self.next + 1) % self.ring.len();
            self.held = (self.held + 1).min(self.ring.len());
        }
    }
    /// Takes a finite value and gives it denoised, once the window is full.
    pub fn push(&mut self, x: f64) -> Option<Denoised> {
        self.store(x);
        self.last()
    }
    /// Puts a value in the place of the last one.
    pub fn replace_last(&mut self, x: f64) -> Option<Denoised> {
        if self.held > 0 {
            self.next = (self.next + self.ring.len() - 1) % self.ring.len();
            // The oldest value has its place again: it has not been overwritten.
            self.held -= usize::from(self.held < self.ring.len());
        }
        self.push(x)
    }
    fn last(&mut self) -> Option<Denoised> {
        if self.held < self.ring.len() {
            return None;
        }
        let (newer, older) = self.ring.split_at(self.next);
        let (first, second) = self.plan.x.split_at_mut_checked(older.len())?;
        first.copy_from_slice(older);
        second.copy_from_slice(newer);
        let (noise, finest) = self.plan.run();
        Some(Denoised { value: *self.plan.out.last()?, noise, finest })
    }
}

/// Memory for one length of series.
#[derive(Debug, Clone)]
struct Plan {
    spec: Denoise,
    bank: Bank,
    /// Of the maximal overlap transform.
    taps: Vec<[f64; 2]>,
    x: Vec<f64>,
    /// Approximations of level 0 (the series itself, for the maximal overlap transform as it goes around the circle) to `levels`.
    low: Vec<Vec<f64>>,
    /// Details of level 1 to `levels`.
    high: Vec<Vec<f64>>,
    /// A reconstruction, of which the last value may be one too many.
    back: Vec<f64>,
    scratch: Vec<f64>,
    out: Vec<f64>,
}

impl Plan {
    fn new(spec: Denoise, n: usize) -> Result<Self, NumericsError> {
        let Denoise { wavelet, transform, mode, levels, .. } = spec;
        let deepest = max_level(n, wavelet);
        if !(1..=deepest).contains(&levels) {
            let needed = (wavelet.filter_len() - 1).saturating_mul(1 << levels.clamp(1, 30));
            return Err(NumericsError::TooFew { what: "wavelet denoising at this level", needed, got: n });
        }
        let mut lens = vec![n];
        match transform {
            Transform::Dwt => {
                for _ in 0..levels {
                    lens.push(dwt_len(lens.last().copied().unwrap_or(0), wavelet, mode));
                }
            }
            Transform::Modwt => {
                let around = match mode {
                    Mode::Periodic => n,
                    Mode::Symmetric => 2 * n,
                    _ => {
                        let (what, expected) = ("mode of the maximal overlap transform", "periodic or symmetric");
                        return Err(NumericsError::BadValue { what, index: 0, value: f64::from(mode as u8), expected });
                    }
                };
                lens = vec![around; levels + 1];
            }
        }
        let longest = lens.iter().copied().max().unwrap_or(n);
        Ok(Self {
            spec,
            bank: Bank::new(wavelet),
            taps: modwt::taps(wavelet),
            x: vec![0.0; n],
            low: lens.iter().map(|n| vec![0.0; *n]).collect(),
            high: lens[1..].iter().map(|n| vec![0.0; *n]).collect(),
            back: vec![0.0; longest + 1],
            scratch: vec![0.0; longest],
            out: vec![0.0; n],
        })
    }

    /// Denoises `x` into `out`: noise and share of the finest details.
    fn run(&mut self) -> (f64, Option<f64>) {
        let decimated = self.spec.transform == Transform::Dwt;
        if let Some(first) = self.low.first_mut() {
            // Around the circle, a second half is the mirror image.
            first.iter_mut().zip(self.x.iter().chain(self.x.iter().rev())).for_each(|(l, x)| *l = *x);
        }
        for (j, high) in self.high.iter_mut().enumerate() {
            let (before, after) = self.low.split_at_mut(j + 1);
            if let (Some(v), Some(low)) = (before.last(), after.first_mut()) {
                if decimated {
                    self.bank.analyse(self.spec.mode, v, low, high);
                } else {
                    modwt::analyse(&self.taps, 1 << j, v, low, high);
                }
            }
        }
        let (noise, finest) = self.shrink(decimated);
        for (j, high) in self.high.iter().enumerate().rev() {
            let (before, after) = self.low.split_at_mut(j + 1);
            if let (Some(v), Some(low)) = (before.last_mut(), after.first()) {
                if decimated {
                    let n = super::idwt_len(high.len(), self.bank.wavelet(), self.spec.mode);
                    if let Some(back) = self.back.get_mut(..n) {
                        self.bank.synthesise(self.spec.mode, low, high, back);
                        v.iter_mut().zip(back).for_each(|(v, b)| *v = *b);
                    }
                } else {
                    modwt::synthesise(&self.taps, 1 << j, low, high, v);
                }
            }
        }
        if let Some(first) = self.low.first() {
            self.out.iter_mut().zip(first).for_each(|(o, l)| *o = *l);
        }
        (noise, finest)
    }

    fn shrink(&mut self, decimated: bool) -> (f64, Option<f64>) {
        let (n, spec) = (self.x.len(), self.spec);
        let (mut first_noise, mut first_energy, mut energy) = (0.0, 0.0, 0.0);
        for (j, d) in self.high.iter_mut().enumerate() {
            // Coefficients of the maximal overlap transform at the scale of the decimated one: white noise has the same size everywhere.
            let unit = if decimated { 1.0 } else { f64::powi(2.0, j as i32 + 1).sqrt() };
            let here: f64 = d.iter().map(|x| x * x).sum();
            energy += here;
            let Some(scratch) = self.scratch.get_mut(..d.len()) else { continue };
            let mut sigma = first_noise;
            if j == 0 || spec.noise == NoiseScale::EachLevel {
                sigma = unit * mad_noise(d, scratch);
            }
            if j == 0 {
                (first_noise, first_energy) = (sigma, here);
            }
            if unit != 1.0 {
                d.iter_mut().for_each(|x| *x *= unit);
            }
            let t = spec.rule.threshold(d, sigma, n, scratch);
            d.iter_mut().for_each(|x| *x = spec.shrink.apply(*x, t) / unit);
        }
        // Details that are nothing but rounding have no shares.
        let size: f64 = self.x.iter().map(|x| x * x).sum();
        (first_noise, (energy > 1e-26 * size).then(|| first_energy / energy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Denoise {
        Denoise {
            wavelet: Wavelet::Haar,
            transform: Transform::Dwt,
            mode: Mode::Symmetric,
            levels: 1,
            rule: Rule::Universal,
            shrink: Shrink::Soft,
            noise: NoiseScale::Finest,
        }
    }

    #[test]
    fn haar_by_hand() {
        let x = [1.0, 3.0, 2.0, 8.0];
        // Details -2/sqrt2 and -6/sqrt2: noise is their mean absolute value over 0.6745, the universal threshold 1.665 noise: all vanish.
        let mut d = Denoiser::new(spec(), 4).unwrap();
        let got: Vec<_> = x.iter().map(|x| d.push(*x)).collect();
        assert_eq!(got[..3], [None; 3]);
        let last = got[3].unwrap();
        let noise = 4.0 / 2.0_f64.sqrt() / 0.674_489_750_196_081_7;
        assert!((last.value - 5.0).abs() < 1e-14 && (last.noise - noise).abs() < 1e-14, "{last:?}");
        assert_eq!(last.finest, Some(1.0));
        assert_eq!(d.values().collect::<Vec<_>>(), x);
        let whole = spec().whole(&x).unwrap();
        assert!(whole.iter().zip([2.0, 2.0, 5.0, 5.0]).all(|(a, b)| (a - b).abs() < 1e-14), "{whole:?}");
        // In the place of the last value, not after it.
        let again = d.replace_last(4.0).unwrap();
        assert!((again.value - 3.0).abs() < 1e-14, "{again:?}");
        assert_eq!(d.values().collect::<Vec<_>>(), [1.0, 3.0, 2.0, 4.0]);
    }

    #[test]
    fn a_window_that_is_too_short_is_refused_with_its_numbers() {
        let e = Denoiser::new(Denoise { wavelet: Wavelet::Db4, levels: 3, ..spec() }, 55).unwrap_err().to_string();
        assert!(e.contains("at least 56") && e.contains("got 55"), "{e}");
        assert!(Denoiser::new(Denoise { levels: 0, ..spec() }, 55).is_err());
        let m = Denoise { transform: Transform::Modwt, mode: Mode::Zero, ..spec() };
        assert!(m.whole(&[1.0; 9]).unwrap_err().to_string().contains("periodic or symmetric"));
        assert!(spec().whole(&[1.0, f64::INFINITY]).is_err());
    }

    #[test]
    fn a_constant_series_has_no_noise() {
        for transform in [Transform::Dwt, Transform::Modwt] {
            let s = Denoise { transform, wavelet: Wavelet::Sym4, levels: 2, ..spec() };
            let mut d = Denoiser::new(s, 32).unwrap();
            let last = (0..40).filter_map(|_| d.push(7.0)).last().unwrap();
            assert!((last.value - 7.0).abs() < 1e-12 && last.noise < 1e-12 && last.finest.is_none(), "{last:?}");
        }
    }
}
