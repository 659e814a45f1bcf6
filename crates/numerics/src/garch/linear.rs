//! Linear systems of a handful of unknowns, on the stack.

/// The largest system: coordinates of the search.
pub(super) const MAX: usize = 7;

/// A square matrix of which the leading part is used.
pub(super) type Square = [[f64; MAX]; MAX];

/// The inner product (what is not used is zero).
pub(super) fn dot(a: &[f64; MAX], b: &[f64; MAX]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// x with A x = b for a symmetric positive definite A of size k, by Cholesky; `None` when A is not.
pub(super) fn solve_spd(a: &Square, b: &[f64; MAX], k: usize) -> Option<[f64; MAX]> {
    let mut l = [[0.0; MAX]; MAX];
    for i in 0..k {
        for j in 0..=i {
            let sum: f64 = a[i][j] - (0..j).map(|m| l[i][m] * l[j][m]).sum::<f64>();
            if i == j {
                // A pivot lost to rounding counts as none.
                if !(sum > 1e-14 * a[i][i].abs() && sum.is_finite()) {
                    return None;
                }
                l[i][i] = sum.sqrt();
            } else {
                l[i][j] = sum / l[j][j];
            }
        }
    }
    let mut x = *b;
    for i in 0..k {
        let sum: f64 = (0..i).map(|m| l[i][m] * x[m]).sum();
        x[i] = (x[i] - sum) / l[i][i];
    }
    for i in (0..k).rev() {
        let sum: f64 = (i + 1..k).map(|m| l[m][i] * x[m]).sum();
        x[i] = (x[i] - sum) / l[i][i];
    }
    Some(x)
}

/// The inverse of a matrix of size k, by Gauss-Jordan elimination with row pivots; `None` when it is singular.
pub(super) fn invert(a: &Square, k: usize) -> Option<Square> {
    let mut a = *a;
    let mut inv = [[0.0; MAX]; MAX];
    let size = a.iter().flatten().fold(0.0, |m: f64, x| m.max(x.abs()));
    for (i, row) in inv.iter_mut().enumerate() {
        row[i] = 1.0;
    }
    for c in 0..k {
        let pivot = (c..k).max_by(|&i, &j| a[i][c].abs().total_cmp(&a[j][c].abs()))?;
        a.swap(c, pivot);
        inv.swap(c, pivot);
        let p = a[c][c];
        if !(p.abs() > 1e-15 * size && p.is_finite()) {
            return None;
        }
        for j in 0..k {
            a[c][j] /= p;
            inv[c][j] /= p;
        }
        for i in (0..k).filter(|&i| i != c) {
            let f = a[i][c];
            for j in 0..k {
                a[i][j] -= f * a[c][j];
                inv[i][j] -= f * inv[c][j];
            }
        }
    }
    Some(inv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_unknowns_by_hand() {
        let mut a = [[0.0; MAX]; MAX];
        (a[0][0], a[0][1], a[1][0], a[1][1]) = (4.0, 2.0, 2.0, 3.0);
        let mut b = [0.0; MAX];
        (b[0], b[1]) = (8.0, 8.0);
        let x = solve_spd(&a, &b, 2).unwrap();
        assert!((x[0] - 1.0).abs() < 1e-15 && (x[1] - 2.0).abs() < 1e-15);
        let inv = invert(&a, 2).unwrap();
        assert!(
            (inv[0][0] - 0.375).abs() < 1e-15 && (inv[0][1] + 0.25).abs() < 1e-15 && (inv[1][1] - 0.5).abs() < 1e-15
        );
        a[1][1] = 1.0;
        assert!(solve_spd(&a, &b, 2).is_none(), "not positive definite");
        assert!(invert(&a, 2).is_none(), "singular");
    }
}
