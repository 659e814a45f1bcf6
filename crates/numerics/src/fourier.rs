//! Fast Fourier transforms of a power of two of complex numbers, for convolutions: the same bits on every processor, and without sorting.
//!
//! [`Transform::forward`] decimates in frequency (Gentleman & Sande 1966), in steps of four with a last one of two where needed, and leaves its
//! results in the order of the digits read backwards. [`Transform::inverse`] takes the steps back (Cooley & Tukey 1965), so that a product of two
//! transforms, place by place, needs no other order. Real and imaginary parts lie apart, for the sake of vector instructions.

use std::array::from_fn;

use crate::math;

/// Transforms of one size.
pub(crate) struct Transform {
    size: usize,
    /// For each step over blocks of 4 q numbers, from the whole down: cosines and sines of j, 2 j and 3 j turns of 1 / (4 q), for j below q;
    /// first the q cosines of j, then its sines, and so on.
    turns: Vec<Vec<f64>>,
}

impl Transform {
    /// Transforms of `size` numbers, rounded up to a power of two.
    pub fn new(size: usize) -> Self {
        let size = size.next_power_of_two();
        let roots = roots(size);
        let steps = (0..size.ilog2() / 2).map(|step| (size >> (2 * step + 2), 1 << (2 * step)));
        let turns = steps.map(|(q, stride)| {
            let of = |times: usize| (0..q).map(move |j| times * j * stride);
            let (cos, sin) = (|k: usize| roots[k].0, |k: usize| roots[k].1);
            let each = (1..4).flat_map(|times| of(times).map(cos).chain(of(times).map(sin)));
            each.collect()
        });
        Self { size, turns: turns.collect() }
    }
    /// How many numbers are transformed.
    pub fn size(&self) -> usize {
        self.size
    }
    /// The sums over t of x(t) e^(-2 pi i k t / n), in a shuffled order of k.
    pub fn forward(&self, re: &mut [f64], im: &mut [f64]) {
        for turns in &self.turns {
            step::<false>(re, im, turns);
        }
        if self.size.ilog2() % 2 == 1 {
            two(re);
            two(im);
        }
    }
    /// `size` times the numbers of which [`Transform::forward`] has made these.
    pub fn inverse(&self, re: &mut [f64], im: &mut [f64]) {
        if self.size.ilog2() % 2 == 1 {
            two(re);
            two(im);
        }
        for turns in self.turns.iter().rev() {
            step::<true>(re, im, turns);
        }
    }
}

/// Cosine and sine of every n-th of a turn, n a power of two: those of an eighth of a turn, mirrored.
fn roots(n: usize) -> Vec<(f64, f64)> {
    let eighth: Vec<(f64, f64)> = (0..=n / 8)
        .map(|k| {
            let (sin, cos) = math::sin_cos(std::f64::consts::TAU * k as f64 / n as f64);
            (cos, sin)
        })
        .collect();
    let quarter = |k: usize| match eighth.get(k) {
        Some(root) => *root,
        None => {
            let (cos, sin) = eighth[n / 4 - k];
            (sin, cos)
        }
    };
    let whole = |k: usize| {
        let (cos, sin) = quarter(k % (n / 4).max(1));
        match 4 * k / n {
            0 => (cos, sin),
            1 => (-sin, cos),
            2 => (-cos, -sin),
            _ => (sin, -cos),
        }
    };
    (0..n).map(whole).collect()
}

/// Sums and differences of neighbours.
fn two(x: &mut [f64]) {
    for [a, b] in x.as_chunks_mut().0 {
        (*a, *b) = (*a + *b, *a - *b);
    }
}

/// Takes one step, there or back, in every block.
fn step<const BACK: bool>(re: &mut [f64], im: &mut [f64], turns: &[f64]) {
    match turns.len() / 6 {
        1 => blocks::<1, BACK>(re, im, turns),
        2 => blocks::<2, BACK>(re, im, turns),
        _ => blocks::<4, BACK>(re, im, turns),
    }
}

/// The same, `L` places of each quarter of a block side by side.
fn blocks<const L: usize, const BACK: bool>(re: &mut [f64], im: &mut [f64], turns: &[f64]) {
    let q = turns.len() / 6;
    let turns: [&[[f64; L]]; 6] = from_fn(|k| turns[k * q..(k + 1) * q].as_chunks().0);
    for (re, im) in re.chunks_exact_mut(4 * q).zip(im.chunks_exact_mut(4 * q)) {
        let (re, im) = (quarters(re, q), quarters(im, q));
        for j in 0..q / L {
            let mut x: Four<L> = from_fn(|k| [re[k][j], im[k][j]]);
            if !BACK {
                x = add_up(x, 1.0);
            }
            // Blocks of four are not turned.
            if L > 1 {
                let sign = if BACK { 1.0 } else { -1.0 };
                for k in 0..3 {
                    x[k + 1] = turn(x[k + 1], turns[2 * k][j], turns[2 * k + 1][j], sign);
                }
            }
            if BACK {
                x = add_up(x, -1.0);
            }
            for k in 0..4 {
                [re[k][j], im[k][j]] = x[k];
            }
        }
    }
}

/// `L` complex numbers of each of four quarters: real and imaginary parts.
type Four<const L: usize> = [[[f64; L]; 2]; 4];

/// The transform of four numbers; with `sign` -1 the inverse one.
#[inline(always)]
fn add_up<const L: usize>([[ar, ai], [br, bi], [cr, ci], [dr, di]]: Four<L>, sign: f64) -> Four<L> {
    let mut y = [[[0.0; L]; 2]; 4];
    for l in 0..L {
        let (sr, si, tr, ti) = (ar[l] + cr[l], ai[l] + ci[l], ar[l] - cr[l], ai[l] - ci[l]);
        let (ur, ui, vr, vi) = (br[l] + dr[l], bi[l] + di[l], sign * (br[l] - dr[l]), sign * (bi[l] - di[l]));
        // Times -i: (re, im) becomes (im, -re).
        [y[0][0][l], y[0][1][l], y[1][0][l], y[1][1][l]] = [sr + ur, si + ui, tr + vi, ti - vr];
        [y[2][0][l], y[2][1][l], y[3][0][l], y[3][1][l]] = [sr - ur, si - ui, tr - vi, ti + vr];
    }
    y
}

/// Numbers times cos + i sign sin.
#[inline(always)]
fn turn<const L: usize>([re, im]: [[f64; L]; 2], cos: [f64; L], sin: [f64; L], sign: f64) -> [[f64; L]; 2] {
    let mut y = [[0.0; L]; 2];
    for l in 0..L {
        let s = sign * sin[l];
        y[0][l] = re[l] * cos[l] - im[l] * s;
        y[1][l] = re[l] * s + im[l] * cos[l];
    }
    y
}

fn quarters<const L: usize>(x: &mut [f64], q: usize) -> [&mut [[f64; L]]; 4] {
    let (front, back) = x.split_at_mut(2 * q);
    let ((a, b), (c, d)) = (front.split_at_mut(q), back.split_at_mut(q));
    [a, b, c, d].map(|x| x.as_chunks_mut().0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::testkit::Rng;

    /// By the definition, in the order of k.
    fn by_definition(re: &[f64], im: &[f64]) -> Vec<[f64; 2]> {
        let n = re.len();
        let at = |k: usize, t: usize| (std::f64::consts::TAU * ((k * t) % n) as f64 / n as f64).sin_cos();
        (0..n)
            .map(|k| {
                (0..n).fold([0.0, 0.0], |[a, b], t| {
                    let (sin, cos) = at(k, t);
                    [a + re[t] * cos + im[t] * sin, b + im[t] * cos - re[t] * sin]
                })
            })
            .collect()
    }

    #[test]
    fn every_coefficient_appears_once_and_the_inverse_undoes() {
        let mut rng = Rng(7);
        for size in [1, 2, 4, 8, 16, 32, 64, 128] {
            let t = Transform::new(size);
            assert_eq!(t.size(), size);
            let (x, y): (Vec<f64>, Vec<f64>) = (0..size).map(|_| (rng.normal(), rng.normal())).unzip();
            let (mut re, mut im) = (x.clone(), y.clone());
            t.forward(&mut re, &mut im);
            let mut left: Vec<(f64, f64)> = re.iter().copied().zip(im.iter().copied()).collect();
            for [a, b] in by_definition(&x, &y) {
                let found = left.iter().position(|c| (c.0 - a).abs() + (c.1 - b).abs() < 1e-12);
                left.swap_remove(found.expect("a coefficient is missing"));
            }
            t.inverse(&mut re, &mut im);
            let n = size as f64;
            assert!(re.iter().zip(&x).chain(im.iter().zip(&y)).all(|(a, b)| (a / n - b).abs() < 1e-14));
        }
        assert_eq!(Transform::new(5).size(), 8);
    }
}
