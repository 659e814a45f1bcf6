//! Ranks with ties, and Spearman's rank correlation.

use serde::{Deserialize, Serialize};

/// Memory for ranks, so that ranking again allocates nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ranks {
    order: Vec<u32>,
    ranks: Vec<f64>,
}

impl Ranks {
    /// Ranks from 1, ties sharing the mean of theirs (scipy `rankdata`, method "average").
    ///
    /// ```
    /// use tradewind_numerics::rank::Ranks;
    /// assert_eq!(Ranks::default().of(&[10.0, 20.0, 10.0, 5.0]), [2.5, 4.0, 2.5, 1.0]);
    /// ```
    pub fn of(&mut self, x: &[f64]) -> &[f64] {
        self.order.clear();
        self.order.extend(0..x.len() as u32);
        self.order.sort_unstable_by(|a, b| x[*a as usize].total_cmp(&x[*b as usize]));
        self.ranks.clear();
        self.ranks.resize(x.len(), 0.0);
        let mut from = 0;
        while from < x.len() {
            let value = x[self.order[from] as usize];
            let mut to = from + 1;
            while to < x.len() && x[self.order[to] as usize] == value {
                to += 1;
            }
            // Ranks from + 1 to `to`.
            let mean = (from + 1 + to) as f64 / 2.0;
            for i in &self.order[from..to] {
                self.ranks[*i as usize] = mean;
            }
            from = to;
        }
        &self.ranks
    }
}

/// Memory for [`Spearman::of`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spearman {
    x: Ranks,
    y: Ranks,
}

impl Spearman {
    /// Pearson correlation of the ranks (Spearman 1904), ties with mean ranks; none for fewer than two pairs or without variation in
    /// either. Pairs beyond the shorter of both are left out.
    pub fn of(&mut self, x: &[f64], y: &[f64]) -> Option<f64> {
        let n = x.len().min(y.len());
        let (a, b) = (self.x.of(&x[..n]), self.y.of(&y[..n]));
        let mean = (n as f64 + 1.0) / 2.0;
        let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
        for (p, q) in a.iter().zip(b) {
            let (p, q) = (p - mean, q - mean);
            xx += p * p;
            yy += q * q;
            xy += p * q;
        }
        (n >= 2 && xx > 0.0 && yy > 0.0).then(|| (xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut s = Spearman::default();
        // Ranks 1 2 3 4 and 2 1 4 3: 1 - 6 x 4 / (4 x 15).
        let r = s.of(&[1.0, 5.0, 7.0, 9.0], &[0.2, 0.1, 0.9, 0.3]).unwrap();
        assert!((r - 0.6).abs() < 1e-15);
        // Ties: ranks 1.5 1.5 3 and 1 2 3: 1.5 / sqrt(1.5 x 2).
        let r = s.of(&[4.0, 4.0, 8.0], &[1.0, 2.0, 3.0]).unwrap();
        assert!((r - 1.5 / 3.0_f64.sqrt()).abs() < 1e-15);
        assert_eq!(s.of(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
        assert_eq!(s.of(&[1.0], &[1.0]), None);
        assert_eq!(s.of(&[-1.0, 0.0, -0.0, 2.0], &[1.0, 2.0, 3.0, 4.0]), Some(4.5 / (4.5_f64.sqrt() * 5.0_f64.sqrt())));
    }
}
