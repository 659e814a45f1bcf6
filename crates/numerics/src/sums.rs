//! Sums in eight interleaved parts, so that the processor need not wait for each addition. The order is fixed: the same numbers always give
//! the same sum, to the last bit.

fn total(rest: f64, s: [f64; 8]) -> f64 {
    rest + ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]))
}

/// The sum of products of two slices, as far as both go.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    let (ca, cb) = (a[..n].chunks_exact(8), b[..n].chunks_exact(8));
    let rest: f64 = ca.remainder().iter().zip(cb.remainder()).map(|(x, y)| x * y).sum();
    let mut s = [0.0; 8];
    for (x, y) in ca.zip(cb) {
        for i in 0..8 {
            s[i] += x[i] * y[i];
        }
    }
    total(rest, s)
}

/// The sum of `f` of each.
pub fn sum_of<T>(all: &[T], f: impl Fn(&T) -> f64) -> f64 {
    let chunks = all.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().map(&f).sum();
    let mut s = [0.0; 8];
    for x in chunks {
        for i in 0..8 {
            s[i] += f(&x[i]);
        }
    }
    total(rest, s)
}

/// The sum.
pub fn sum(all: &[f64]) -> f64 {
    sum_of(all, |x| *x)
}

/// The least and the largest, of finite numbers; infinities the wrong way round when there are none.
pub fn range(all: &[f64]) -> (f64, f64) {
    let chunks = all.chunks_exact(8);
    let (mut low, mut high) = ([f64::INFINITY; 8], [f64::NEG_INFINITY; 8]);
    let rest = chunks.remainder();
    for x in chunks.chain(std::iter::once(rest)) {
        for ((x, low), high) in x.iter().zip(&mut low).zip(&mut high) {
            *low = if x < low { *x } else { *low };
            *high = if x > high { *x } else { *high };
        }
    }
    (low.into_iter().fold(f64::INFINITY, f64::min), high.into_iter().fold(f64::NEG_INFINITY, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_any_length() {
        for n in 0..40_u32 {
            // Whole numbers: exact in any order.
            let a: Vec<f64> = (0..n).map(f64::from).collect();
            let b: Vec<f64> = (0..n).map(|i| f64::from(2 * i + 1)).collect();
            assert_eq!(sum(&a), a.iter().sum::<f64>());
            assert_eq!(sum_of(&a, |x| x * x), a.iter().map(|x| x * x).sum::<f64>());
            assert_eq!(dot(&a, &b), a.iter().zip(&b).map(|(x, y)| x * y).sum::<f64>());
            let middle: Vec<f64> = a.iter().map(|x| 2.0 * (x * 7.0 % 11.0) - 9.0).collect();
            let least = middle.iter().copied().fold(f64::INFINITY, f64::min);
            assert_eq!(range(&middle), (least, middle.iter().copied().fold(f64::NEG_INFINITY, f64::max)));
            assert_eq!(dot(&a, &b[..n as usize / 2]), dot(&a[..n as usize / 2], &b));
        }
    }
}
