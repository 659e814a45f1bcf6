//! Euler components of the VaR of a portfolio.

use super::{Moments, TailMethod, TailWork, VARIANCE_FLOOR, VarianceFilter, check, cornish_fisher, rescale};
use crate::{NumericsError, normal};

/// A matrix of profits and losses: one row of `n` periods (oldest first) per part of the portfolio.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// All rows, one after the other.
    pub values: &'a [f64],
    /// Length of a row.
    pub n: usize,
}

impl<'a> Parts<'a> {
    /// The rows.
    pub fn rows(self) -> impl Iterator<Item = &'a [f64]> {
        self.values.chunks_exact(self.n.max(1))
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    /// How the tail is estimated.
    pub method: TailMethod,
    /// Confidence of the VaR, in (0.5, 1).
    pub confidence: f64,
    /// Half-width, in ranks, of the triangle of weights over the scenarios around the quantile (historical and filtered). At 1 it
    /// is the interpolation of the quantile itself, so that components are exact derivatives; wider, they are averages of more
    /// scenarios, brought to the same sum: less noise for a little bias (Epperlein & Smillie 2006, "Cracking VaR with kernels").
    pub bandwidth: usize,
}

impl Measure {
    /// The exact derivative of a method's VaR.
    pub fn exact(method: TailMethod, confidence: f64) -> Self {
        Self { method, confidence, bandwidth: 1 }
    }
}

/// Weighs scenarios by their rank's distance from the `p` quantile: `weights[t]` = max(0, 1 - distance / bandwidth), ties broken by
/// position. Gives the quantile (type 7). O(n).
fn weigh(values: &[f64], p: f64, bandwidth: usize, order: &mut Vec<u32>, weights: &mut Vec<f64>) -> f64 {
    let n = values.len();
    order.clear();
    order.extend(0..n as u32);
    let position = (n - 1) as f64 * p;
    let last = (position.floor() as usize).saturating_add(bandwidth.max(1)).min(n - 1);
    let by = |a: &u32, b: &u32| values[*a as usize].total_cmp(&values[*b as usize]).then(a.cmp(b));
    order.select_nth_unstable_by(last, by);
    order.truncate(last + 1);
    order.sort_unstable_by(by);
    weights.clear();
    weights.resize(n, 0.0);
    let mut quantile = 0.0;
    for (rank, t) in order.iter().enumerate() {
        let distance = (rank as f64 - position).abs();
        weights[*t as usize] = (1.0 - distance / bandwidth.max(1) as f64).max(0.0);
        quantile += (1.0 - distance).max(0.0) * values[*t as usize];
    }
    quantile
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// VaR of the sum of the parts, each multiplied by its scale, and the component of each: `components[i]` = scale_i dVaR/dscale_i,
/// which sum to the VaR. O(parts x n).
///
/// At the quantile of a historical simulation the derivative is that of the scenarios between which it lies, weighted as the
/// interpolation weighs them, or of more of them: see [`Measure::bandwidth`]. For the filtered form it includes the derivative of
/// both volatilities.
///
/// # Errors
/// As [`super::tail`]; also when the number of scales is not that of the parts.
pub fn components(
    parts: Parts<'_>,
    scales: &[f64],
    measure: Measure,
    work: &mut TailWork,
    components: &mut Vec<f64>,
) -> Result<f64, NumericsError> {
    let n = parts.n;
    components.clear();
    if parts.values.len() != scales.len() * n {
        return Err(NumericsError::TooFew { what: "parts", needed: scales.len() * n, got: parts.values.len() });
    }
    work.total.clear();
    work.total.resize(n, 0.0);
    for (row, k) in parts.rows().zip(scales) {
        work.total.iter_mut().zip(row).for_each(|(t, x)| *t += k * x);
    }
    check(&work.total, measure.confidence)?;
    let p = 1.0 - measure.confidence;
    match measure.method {
        TailMethod::Historical => {
            work.scaled.clear();
            work.scaled.extend_from_slice(&work.total);
            at_scenarios(parts, scales, p, measure.bandwidth, None, work, components);
        }
        TailMethod::Filtered(f) => {
            if rescale(&work.total, f, &mut work.variance, &mut work.scaled) {
                at_scenarios(parts, scales, p, measure.bandwidth, Some(f), work, components);
            } else {
                components.extend(scales.iter().map(|_| 0.0));
            }
        }
        TailMethod::Normal => by_moments(parts, scales, p, &work.total, false, components),
        TailMethod::CornishFisher => by_moments(parts, scales, p, &work.total, true, components),
    }
    Ok(components.iter().sum())
}

/// Components from the scenarios around the quantile of `work.scaled`.
fn at_scenarios(
    parts: Parts<'_>,
    scales: &[f64],
    p: f64,
    bandwidth: usize,
    filter: Option<VarianceFilter>,
    work: &mut TailWork,
    components: &mut Vec<f64>,
) {
    for width in [bandwidth.max(1), 1] {
        let quantile = weigh(&work.scaled, p, width, &mut work.order, &mut work.weights);
        let w = &work.weights;
        components.clear();
        components.extend(parts.rows().zip(scales).map(|(row, k)| match filter {
            None => k * dot(w, row),
            Some(f) => filtered_part(row, *k, &work.total, &work.variance, w, f),
        }));
        let around = dot(w, &work.scaled);
        let mean = around / w.iter().sum::<f64>();
        // An average far from the quantile itself says nothing about it: then only the quantile's own scenarios count.
        if width == 1 || (mean / quantile > 0.5 && mean / quantile < 2.0) {
            // The weights sum to 1 at width 1, and `around` is the quantile itself.
            let factor = if width == 1 { 1.0 } else { quantile / around };
            components.iter_mut().for_each(|c| *c *= -factor);
            return;
        }
    }
}

/// The weighted sum of one part's share in the filtered scenarios: the derivative of r_t sqrt(h_{n+1} / h_t), where the part's share g of
/// each variance follows the same recursion as the variance itself.
fn filtered_part(row: &[f64], k: f64, total: &[f64], h: &[f64], weights: &[f64], f: VarianceFilter) -> f64 {
    let n = total.len() as f64;
    let v = dot(total, total) / n;
    let share = k * dot(row, total) / n;
    let next = h.last().copied().unwrap_or(v);
    let floored = |raw: f64, g: f64| if raw < VARIANCE_FLOOR * v { VARIANCE_FLOOR * share } else { g };
    let (mut raw, mut g) = (v, share);
    let (mut direct, mut by_next) = (0.0, 0.0);
    for (((x, t), h), w) in row.iter().zip(total).zip(h).zip(weights) {
        if *w != 0.0 {
            // g is half the derivative of h by the scale, and the square root halves again.
            let ratio = w * (next / h).sqrt();
            direct += ratio * (k * x - t * floored(raw, g) / h);
            by_next += ratio * t;
        }
        raw = f.omega * v + f.alpha * t * t + f.beta * raw;
        g = f.omega * share + f.alpha * k * x * t + f.beta * g;
    }
    direct + by_next * floored(raw, g) / next
}

/// Components of -(mean + sd x quantile), the quantile normal or corrected for skewness and kurtosis.
fn by_moments(parts: Parts<'_>, scales: &[f64], p: f64, total: &[f64], corrected: bool, components: &mut Vec<f64>) {
    let m = Moments::of(total);
    let z = normal::quantile(p);
    let (s, kurtosis) = if corrected { (m.skewness(), m.excess_kurtosis()) } else { (0.0, 0.0) };
    // Derivatives of the corrected quantile by skewness and kurtosis.
    let (by_s, by_k) = if corrected {
        ((z * z - 1.0) / 6.0 - (2.0 * z.powi(3) - 5.0 * z) * s / 18.0, (z.powi(3) - 3.0 * z) / 24.0)
    } else {
        (0.0, 0.0)
    };
    let (sd, q) = (m.sd(), cornish_fisher(z, s, kurtosis));
    components.extend(parts.rows().zip(scales).map(|(row, k)| {
        let mean = k * row.iter().sum::<f64>() / m.n;
        if !m.varies() {
            return -mean;
        }
        let (c1, c2, c3) = row.iter().zip(total).fold((0.0, 0.0, 0.0), |(a, b, c), (x, t)| {
            let (di, d) = (k * x - mean, t - m.mean);
            (a + di * d, b + di * d * d, c + di * d * d * d)
        });
        let (c1, c2, c3) = (c1 / m.n, c2 / m.n, c3 / m.n);
        let ds = 3.0 * (c2 / (m.m2 * m.m2.sqrt()) - s * c1 / m.m2);
        let dk = 4.0 * (c3 / (m.m2 * m.m2) - (kurtosis + 3.0) * c1 / m.m2);
        -(mean + q * sd * c1 / m.m2 + sd * (by_s * ds + by_k * dk))
    }));
}

#[cfg(test)]
mod tests {
    use super::super::tail;
    use super::super::tests::{ALL, noise};
    use super::*;

    #[test]
    fn components_sum_and_are_the_derivatives() {
        let n = 504;
        let values: Vec<f64> = (1..=3).flat_map(|s| noise(s, n)).collect();
        let parts = Parts { values: &values, n };
        let (mut w, mut c) = (TailWork::default(), Vec::new());
        for method in ALL {
            let measure = Measure::exact(method, 0.95);
            let scales = [0.7, -0.2, 0.4];
            let total: Vec<f64> = (0..n).map(|t| (0..3).map(|i| scales[i] * values[i * n + t]).sum::<f64>()).collect();
            let direct = tail(&total, method, 0.95, &mut w).unwrap().var;
            let var = components(parts, &scales, measure, &mut w, &mut c).unwrap();
            assert!((var - direct).abs() < 1e-15, "{method:?}: {var} {direct}");
            let euler = c.clone();
            for i in 0..3 {
                let e = 1e-6;
                let moved = |d: f64, w: &mut TailWork, c: &mut Vec<f64>| {
                    let mut k = scales;
                    k[i] *= 1.0 + d;
                    components(parts, &k, measure, w, c).unwrap()
                };
                let slope = (moved(e, &mut w, &mut c) - moved(-e, &mut w, &mut c)) / (2.0 * e);
                assert!((slope - euler[i]).abs() < 1e-8, "{method:?} part {i}: {slope} {}", euler[i]);
            }
            // Wider, the components move but their sum does not.
            let smooth = Measure { bandwidth: 12, ..measure };
            let var = components(parts, &scales, smooth, &mut w, &mut c).unwrap();
            assert!((var - direct).abs() < 1e-12 && c.iter().all(|x| x.abs() < 0.1), "{method:?}: {c:?}");
        }
    }

    #[test]
    fn by_hand() {
        // Ranks of the total: -6, -4, -2, 0, 2; the 25 % quantile is -4, at rank 1.
        let values = [-4.0, 1.0, -1.0, -3.0, 1.0, -2.0, -1.0, -1.0, -1.0, 1.0];
        let parts = Parts { values: &values, n: 5 };
        let (mut w, mut c) = (TailWork::default(), Vec::new());
        let exact = Measure::exact(TailMethod::Historical, 0.75);
        assert_eq!(components(parts, &[1.0, 1.0], exact, &mut w, &mut c), Ok(4.0));
        assert_eq!(c, [3.0, 1.0]);
        // Weights 1/2, 1, 1/2 of -6, -4, -2: parts (-4 - 6 - 1) / 2 = -5.5 and (-2 - 2 - 1) / 2 = -2.5 of -8.
        let wide = Measure { bandwidth: 2, ..exact };
        assert_eq!(components(parts, &[1.0, 1.0], wide, &mut w, &mut c), Ok(4.0));
        assert_eq!(c, [2.75, 1.25]);
    }

    #[test]
    fn no_variation_and_bad_input() {
        let (mut w, mut c) = (TailWork::default(), Vec::new());
        for method in ALL {
            for bandwidth in [0, 1, 1000] {
                let m = Measure { method, confidence: 0.95, bandwidth };
                let zeros = Parts { values: &[0.0; 120], n: 60 };
                assert_eq!(components(zeros, &[1.0, 1.0], m, &mut w, &mut c), Ok(0.0));
                assert!(components(zeros, &[1.0], m, &mut w, &mut c).is_err());
                assert!(components(Parts { values: &[], n: 0 }, &[], m, &mut w, &mut c).is_err());
            }
        }
    }
}
