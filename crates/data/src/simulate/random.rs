//! Random numbers that depend on nothing but seed, stream and position.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use tradewind_numerics::math;

use super::SimulationSpec;

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Random {
    bits: ChaCha8Rng,
    spare: Option<f64>,
}

/// FNV-1a, 64 bits: a stable number for a name.
pub(super) fn stream_of(name: &str) -> u64 {
    let hash =
        name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
    // The lowest streams belong to the market.
    hash | (1 << 63)
}

impl Random {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut key = *b"........tradewind simulation one";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut bits = ChaCha8Rng::from_seed(key);
        bits.set_stream(stream);
        Self { bits, spare: None }
    }
    /// 64 random bits.
    #[inline]
    pub(super) fn bits(&mut self) -> u64 {
        self.bits.next_u64()
    }
    /// Uniform in (0, 1).
    #[inline]
    pub(super) fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) * (1.0 / (1u64 << 53) as f64)
    }
    /// Standard normal: Marsaglia's polar method (1964), two at a time.
    #[inline]
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(z) = self.spare.take() {
            return z;
        }
        loop {
            // Two uniforms of 32 bits out of one draw: their granularity of 2^-31 is far below a cent.
            let bits = self.bits();
            let side = |half: u32| (f64::from(half) + 0.5) * (1.0 / (1u64 << 31) as f64) - 1.0;
            let (u, v) = (side(bits as u32), side((bits >> 32) as u32));
            let s = u * u + v * v;
            if s < 1.0 {
                let f = (-2.0 * math::ln(s) / s).sqrt();
                self.spare = Some(v * f);
                return u * f;
            }
        }
    }
    /// Exponential waiting time at a rate; never when the rate is zero.
    pub(super) fn waiting(&mut self, rate: f64) -> f64 {
        let e = -math::ln(self.uniform());
        if rate > 0.0 { e / rate } else { f64::INFINITY }
    }
    /// Sum of the jumps that arrive within `dt` years.
    #[inline]
    pub(super) fn jumps(&mut self, dt: f64, next: &mut f64, spec: &SimulationSpec) -> f64 {
        *next -= dt;
        let mut sum = 0.0;
        while *next < 0.0 {
            sum += spec.jump_mean + spec.jump_sd * self.normal();
            *next += self.waiting(spec.jumps_per_year);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_are_normal() {
        let mut r = Random::new(7, 0);
        let n = 400_000;
        let z: Vec<f64> = (0..n).map(|_| r.normal()).collect();
        let moment = |k: i32| z.iter().map(|x| x.powi(k)).sum::<f64>() / f64::from(n);
        // Five standard errors of each moment.
        assert!(moment(1).abs() < 5.0 / f64::from(n).sqrt());
        assert!((moment(2) - 1.0).abs() < 5.0 * (2.0 / f64::from(n)).sqrt());
        assert!((moment(4) - 3.0).abs() < 5.0 * (96.0 / f64::from(n)).sqrt());
    }

    #[test]
    fn streams_are_their_own_and_pinned() {
        let draw = |seed, stream| Random::new(seed, stream).bits();
        assert_ne!(draw(1, 0), draw(1, 1));
        assert_ne!(draw(1, 0), draw(2, 0));
        assert_eq!(stream_of(""), 0xcbf2_9ce4_8422_2325 | (1 << 63));
    }
}
