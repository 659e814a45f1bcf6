//! Many tests at once: p-values adjusted so that a level keeps its meaning.

use serde::{Deserialize, Serialize};

/// What is controlled, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Adjustment {
    /// Each test for itself.
    None,
    /// Probability of any false discovery, under any dependence (Holm 1979, Scandinavian Journal of Statistics 6).
    Holm,
    /// Share of false discoveries, for independent or positively dependent tests (Benjamini & Hochberg 1995, JRSS B 57).
    BenjaminiHochberg,
    /// Share of false discoveries under any dependence (Benjamini & Yekutieli 2001, Annals of Statistics 29, theorem 1.3).
    BenjaminiYekutieli,
}

/// The adjusted p-values, in the order given: a test is a discovery at level q when its adjusted p-value is at most q.
///
/// With p_(1) <= ... <= p_(m): Holm max_{j <= i} (m - j + 1) p_(j); Benjamini-Hochberg min_{j >= i} m p_(j) / j; Benjamini-Yekutieli the same times
/// 1 + 1/2 + ... + 1/m; all at most 1. P-values that are not numbers count as 1.
pub fn adjust(p: &[f64], how: Adjustment) -> Vec<f64> {
    let m = p.len();
    let value = |i: usize| if p[i] >= 0.0 { p[i].min(1.0) } else { 1.0 };
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|a, b| value(*a).total_cmp(&value(*b)).then(a.cmp(b)));
    let mut out = vec![1.0; m];
    let harmonic = || (1..=m).map(|j| 1.0 / j as f64).sum::<f64>();
    let factor = match how {
        Adjustment::None => {
            out.iter_mut().enumerate().for_each(|(i, x)| *x = value(i));
            return out;
        }
        Adjustment::Holm => {
            let mut worst: f64 = 0.0;
            for (rank, &i) in order.iter().enumerate() {
                worst = worst.max((m - rank) as f64 * value(i)).min(1.0);
                out[i] = worst;
            }
            return out;
        }
        Adjustment::BenjaminiHochberg => 1.0,
        Adjustment::BenjaminiYekutieli => harmonic(),
    };
    let mut best: f64 = 1.0;
    for (rank, &i) in order.iter().enumerate().rev() {
        best = best.min(factor * m as f64 / (rank + 1) as f64 * value(i));
        out[i] = best;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let p = [0.04, 0.01, 0.02, f64::NAN];
        let close = |got: Vec<f64>, want: [f64; 4]| {
            assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-15), "{got:?} {want:?}");
        };
        close(adjust(&p, Adjustment::None), [0.04, 0.01, 0.02, 1.0]);
        // Sorted 0.01, 0.02, 0.04, 1 times 4, 3, 2, 1, never falling.
        close(adjust(&p, Adjustment::Holm), [0.08, 0.04, 0.06, 1.0]);
        // Times 4/1, 4/2, 4/3, 4/4, from the right never rising.
        close(adjust(&p, Adjustment::BenjaminiHochberg), [4.0 * 0.04 / 3.0, 0.04, 0.04, 1.0]);
        let h = 1.0 + 0.5 + 1.0 / 3.0 + 0.25;
        close(adjust(&p, Adjustment::BenjaminiYekutieli), [h * 4.0 * 0.04 / 3.0, h * 0.04, h * 0.04, 1.0]);
        assert!(adjust(&[], Adjustment::Holm).is_empty());
    }
}
