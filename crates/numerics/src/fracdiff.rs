//! Fractional differencing: (1 - L)^d x_t = sum_k w_k x_{t-k} with w_0 = 1, w_k = -w_{k-1} (d - k + 1) / k.
//!
//! Sources: Granger & Joyeux (1980), J. Time Series Analysis 1, 15-29; Hosking (1981), "Fractional differencing", Biometrika 68, 165-176, eq. 2.3;
//! López de Prado (2018), "Advances in financial machine learning", ch. 5 (fixed-width window, smallest stationary order).

use serde::{Deserialize, Serialize};

use crate::NumericsError;
use crate::adf::{Adf, Lags, Trend, adf};
use crate::fourier::Transform;

const WHAT: &str = "fractional differencing";
/// Orders tried, a step apart, to bracket the smallest stationary one.
const STEP: f64 = 0.1;
/// Below this many weights the direct sum is faster than transforms.
const FFT_FROM: usize = 64;

/// The first `n` weights of order `d`.
pub fn weights(d: f64, n: usize) -> Vec<f64> {
    let mut w = Vec::with_capacity(n);
    let mut x = 1.0;
    for k in 1..=n {
        w.push(x);
        x *= -(d - k as f64 + 1.0) / k as f64;
    }
    w
}

/// The weights of order `d` up to the first smaller than `cutoff` in size, at most `most` of them: the fixed-width window.
pub fn window_weights(d: f64, cutoff: f64, most: usize) -> Vec<f64> {
    let mut w = Vec::new();
    let mut x: f64 = 1.0;
    while w.len() < most.max(1) && (w.is_empty() || x.abs() >= cutoff) {
        w.push(x);
        let k = w.len() as f64;
        x *= -(d - k + 1.0) / k;
    }
    w
}

/// sum_i a_i b_i in sixteen partial sums, so that the processor can work on several at once.
#[inline]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 16];
    let (a16, b16) = (a.chunks_exact(16), b.chunks_exact(16));
    let tail: f64 = a16.remainder().iter().zip(b16.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a16.zip(b16) {
        for ((s, x), y) in sums.iter_mut().zip(x).zip(y) {
            *s += x * y;
        }
    }
    let (lower, upper) = sums.split_at(8);
    lower.iter().zip(upper).map(|(a, b)| a + b).sum::<f64>() + tail
}

/// sum_k w_k x_{t-k} for every t with a full window (the first is t = w.len() - 1), summed directly: O(n w).
pub fn direct(w: &[f64], x: &[f64]) -> Vec<f64> {
    let reversed: Vec<f64> = w.iter().rev().copied().collect();
    if w.is_empty() { Vec::new() } else { x.windows(w.len()).map(|x| dot(&reversed, x)).collect() }
}

/// What [`direct`] gives, by fast Fourier transforms of overlapping blocks (overlap-save, two real blocks in one complex transform):
/// O(n log w). Differs by rounding, about 1e-15 of the largest value times the sum of the weights' sizes.
pub fn overlap_save(w: &[f64], x: &[f64]) -> Vec<f64> {
    let l = w.len();
    if l == 0 || x.len() < l {
        return Vec::new();
    }
    let outputs = x.len() - l + 1;
    // Some eight windows a block: of n points transformed, n - l + 1 are results.
    let transform = Transform::new((8 * l).min(x.len() + l).next_power_of_two().max(2 * l));
    let size = transform.size();
    let step = size - l + 1;
    let (mut kernel_re, mut kernel_im) = (vec![0.0; size], vec![0.0; size]);
    for (k, w) in kernel_re.iter_mut().zip(w) {
        *k = w / size as f64;
    }
    transform.forward(&mut kernel_re, &mut kernel_im);
    let mut out = vec![0.0; outputs];
    let (mut re, mut im) = (vec![0.0; size], vec![0.0; size]);
    for (pair, out) in out.chunks_mut(2 * step).enumerate() {
        let at = 2 * pair * step;
        fill(&mut re, &x[at..]);
        fill(&mut im, x.get(at + step..).unwrap_or(&[]));
        transform.forward(&mut re, &mut im);
        for ((a, b), (c, d)) in re.iter_mut().zip(&mut im).zip(kernel_re.iter().zip(&kernel_im)) {
            (*a, *b) = (*a * c - *b * d, *a * d + *b * c);
        }
        transform.inverse(&mut re, &mut im);
        let (first, second) = out.split_at_mut(step.min(out.len()));
        first.iter_mut().zip(&re[l - 1..]).for_each(|(o, r)| *o = *r);
        second.iter_mut().zip(&im[l - 1..]).for_each(|(o, r)| *o = *r);
    }
    out
}

/// Copies what there is and sets the rest to zero.
fn fill(block: &mut [f64], x: &[f64]) {
    let n = x.len().min(block.len());
    let (head, tail) = block.split_at_mut(n);
    head.copy_from_slice(&x[..n]);
    tail.fill(0.0);
}

/// [`direct`] or [`overlap_save`], whichever is faster for this many weights and values.
pub fn convolve(w: &[f64], x: &[f64]) -> Vec<f64> {
    if w.len() < FFT_FROM || x.len() < 4 * w.len() { direct(w, x) } else { overlap_save(w, x) }
}

/// Every value with all weights that its past allows (the expanding window): sum_{k <= t} w_k x_{t-k}, one for each x. O(n log n).
pub fn expanding(d: f64, x: &[f64]) -> Vec<f64> {
    let w = weights(d, x.len());
    let mut padded = vec![0.0; x.len().saturating_sub(1)];
    padded.extend_from_slice(x);
    if x.len() < 2 * FFT_FROM { direct(&w, &padded) } else { overlap_save(&w, &padded) }
}

/// A fractional order that makes a series stationary, and what is left of the series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The order d.
    pub d: f64,
    /// Its number of weights.
    pub window: usize,
    /// The test of the differenced series.
    pub adf: Adf,
    /// Correlation of the differenced series with the original: the memory kept. `None` where one of them does not vary.
    pub correlation: Option<f64>,
}

/// How the smallest stationary order is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// Weights smaller than this are cut off.
    pub cutoff: f64,
    /// At most this many weights.
    pub most: usize,
    /// The series counts as stationary when the p-value is below this.
    pub level: f64,
    /// Deterministic terms of the test.
    pub trend: Trend,
    /// Lags of the test.
    pub lags: Lags,
    /// How exactly the order is found.
    pub precision: f64,
}

impl Default for Search {
    fn default() -> Self {
        let (trend, lags) = (Trend::Constant, Lags::Aic(None));
        Self { cutoff: 1e-4, most: 5000, level: 0.05, trend, lags, precision: 0.001 }
    }
}

/// Pearson's correlation of two series of one length; `None` when one does not vary.
fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        let (a, b) = (a - mx, b - my);
        (xx, yy, xy) = (xx + a * a, yy + b * b, xy + a * b);
    }
    let scale = (xx * yy).sqrt();
    (scale > 0.0).then(|| (xy / scale).clamp(-1.0, 1.0))
}

/// Differences by order `d` (fixed-width window) and tests the result.
///
/// # Errors
/// When the series is shorter than the window, or the test cannot use what is left.
pub fn order(x: &[f64], d: f64, search: &Search) -> Result<Order, NumericsError> {
    let w = window_weights(d, search.cutoff, search.most);
    if x.len() < w.len() {
        return Err(NumericsError::TooFew { what: WHAT, needed: w.len(), got: x.len() });
    }
    let y = convolve(&w, x);
    let adf = adf(&y, search.trend, search.lags)?;
    Ok(Order { d, window: w.len(), adf, correlation: pearson(&y, &x[w.len() - 1..]) })
}

/// The smallest order in [0, 2] whose p-value is below the level, all orders that were tried beside it (ascending).
///
/// The orders 0, 0.1, 0.2, ... are tried until one is stationary; between it and the one before the order is bisected. (The p-value need not
/// fall all the way: bisecting [0, 2] at once could end at a later crossing.) `None` when not even d = 2 is stationary.
///
/// # Errors
/// When a value is not finite, or the series is too short or without variation at an order that must be tried.
pub fn smallest_order(x: &[f64], search: &Search) -> Result<(Option<Order>, Vec<Order>), NumericsError> {
    if let Some(i) = x.iter().position(|v| !v.is_finite()) {
        return Err(NumericsError::BadValue { what: WHAT, index: i, value: x[i], expected: "a finite number" });
    }
    let passes = |o: &Order| o.adf.p_value < search.level;
    let mut tried = Vec::new();
    let mut found = None;
    for i in 0..=20 {
        let o = order(x, STEP * f64::from(i), search)?;
        tried.push(o);
        if passes(&o) {
            found = Some(o);
            break;
        }
    }
    let Some(mut best) = found else { return Ok((None, tried)) };
    let mut below = (best.d - STEP).max(0.0);
    while best.d - below > search.precision {
        let o = order(x, 0.5 * (below + best.d), search)?;
        tried.push(o);
        if passes(&o) {
            best = o;
        } else {
            below = o.d;
        }
    }
    tried.sort_by(|a, b| a.d.total_cmp(&b.d));
    Ok((Some(best), tried))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tradewind_core_types::testkit::{Rng, closes};

    #[test]
    fn weights_by_hand() {
        // 1, -d, d (d - 1) / 2, ...
        assert_eq!(weights(0.5, 4), [1.0, -0.5, -0.125, -0.0625]);
        assert_eq!(weights(1.0, 4), [1.0, -1.0, 0.0, 0.0]);
        assert_eq!(weights(2.0, 4), [1.0, -2.0, 1.0, 0.0]);
        assert_eq!(window_weights(0.0, 1e-4, 100), [1.0]);
        assert_eq!(window_weights(1.0, 1e-4, 100), [1.0, -1.0]);
        assert_eq!(window_weights(0.5, 0.1, 100), [1.0, -0.5, -0.125]);
        assert_eq!(window_weights(0.5, 1e-4, 2), [1.0, -0.5]);
        // d = 0.5: |w_k| is about 1 / (2 sqrt(pi) k^1.5), 1e-4 at k = 199.6.
        assert_eq!(window_weights(0.5, 1e-4, 5000).len(), 200);
    }

    #[test]
    fn whole_orders_are_plain_differences_and_orders_add_up() {
        let x = closes(1, 400);
        let first = expanding(1.0, &x);
        let second = expanding(2.0, &x);
        for t in 2..x.len() {
            assert!((first[t] - (x[t] - x[t - 1])).abs() < 1e-9);
            assert!((second[t] - (x[t] - 2.0 * x[t - 1] + x[t - 2])).abs() < 1e-9);
        }
        // (1 - L)^0.3 (1 - L)^0.4 = (1 - L)^0.7.
        let (twice, once) = (expanding(0.4, &expanding(0.3, &x)), expanding(0.7, &x));
        assert!(twice.iter().zip(&once).all(|(a, b)| (a - b).abs() < 1e-9));
        // And back again.
        let back = expanding(-0.7, &once);
        assert!(back.iter().zip(&x).all(|(a, b)| (a - b).abs() < 1e-9));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn transforms_equal_the_direct_sum(seed in 0_u64..1000, n in 1_usize..3000, l in 1_usize..600, d in 0.0_f64..2.0) {
            let x: Vec<f64> = closes(seed, n).iter().map(|c| 10.0 * c).collect();
            let w = weights(d, l);
            let (a, b) = (direct(&w, &x), overlap_save(&w, &x));
            prop_assert_eq!(a.len(), (n + 1).saturating_sub(l));
            prop_assert_eq!(a.len(), b.len());
            for (a, b) in a.iter().zip(&b) {
                prop_assert!((a - b).abs() < 1e-9, "{} {}", a, b);
            }
        }
    }

    #[test]
    fn the_smallest_order_is_found_where_theory_has_it() {
        // A random walk needs some order above 0 and far below 1; noise needs none; an integrated walk needs more than 1.
        let mut rng = Rng(5);
        let noise: Vec<f64> = (0..3000).map(|_| rng.normal()).collect();
        let sums = |x: &[f64]| -> Vec<f64> {
            x.iter()
                .scan(0.0, |s, x| {
                    *s += x;
                    Some(*s)
                })
                .collect()
        };
        let (walk, twice) = (sums(&noise), sums(&sums(&noise)));
        let s = Search::default();
        let find = |x: &[f64]| smallest_order(x, &s).unwrap();
        assert_eq!(find(&noise).0.unwrap().d, 0.0);
        let (found, tried) = find(&walk);
        let found = found.unwrap();
        println!("random walk: {found:?}");
        assert!((0.05..0.7).contains(&found.d) && found.adf.p_value < 0.05 && found.correlation.unwrap() > 0.5);
        // Just below it is not stationary.
        let below = tried.iter().rfind(|o| o.d < found.d).unwrap();
        assert!(below.adf.p_value >= 0.05 && found.d - below.d <= 0.001);
        assert!(tried.windows(2).all(|w| w[0].d < w[1].d));
        let d = find(&twice).0.unwrap().d;
        // The cut-off window leaves a share of the level itself, which here grows without bound: 2 needs none cut off.
        assert!((0.9..=2.0).contains(&d), "{d}");
        assert!(matches!(smallest_order(&walk[..30], &s), Err(NumericsError::TooFew { .. })));
        assert!(matches!(smallest_order(&[1.0, f64::NAN], &s), Err(NumericsError::BadValue { index: 1, .. })));
        assert!(matches!(smallest_order(&[2.0; 900], &s), Err(NumericsError::Constant(_))));
    }
}
