//! Lempel-Ziv complexity: how many new words a sequence brings.

use crate::math;

/// Number of words in the exhaustive history of a sequence (Lempel & Ziv 1976, IEEE Trans. Inf. Theory 22, 75).
///
/// Each word is the shortest stretch that cannot be copied from what starts before it; a last word cut off by the end counts.
/// Values are those of `antropy.lziv_complexity`; an empty sequence has none. O(n^2) time at worst, no memory.
///
/// ```
/// // 1 / 0 / 01 / 1110 / 1100 / 0010
/// let s: Vec<u8> = "1001111011000010".bytes().collect();
/// assert_eq!(tradewind_numerics::entropy::lz76(&s), 6);
/// ```
pub fn lz76<T: PartialEq>(s: &[T]) -> usize {
    let mut words = usize::from(!s.is_empty());
    let mut done = 1;
    while done < s.len() {
        let rest = s.get(done..).unwrap_or_default();
        // Copies may run on into the word itself.
        let copied = (0..done)
            .map(|from| s.get(from..).unwrap_or_default().iter().zip(rest).take_while(|(a, b)| a == b).count())
            .max()
            .unwrap_or(0);
        words += 1;
        done += copied + 1;
    }
    words
}

/// Complexity over n / log_b n, the limit for a random sequence of n symbols from an alphabet of b (at least 2), as in
/// Zhang, Hao, Zhou & Chang 2009 (J. Math. Chem. 46, 1203). It tends to 1 for noise, from above: short sequences exceed 1.
pub fn lz76_normalised(words: usize, n: usize, alphabet: usize) -> f64 {
    if n < 2 {
        return 0.0;
    }
    let n = n as f64;
    words as f64 / (n / (math::ln(n) / math::ln(alphabet.max(2) as f64)))
}

/// Writes for each value whether it is at or above the median; gives the median. `sorted` is scratch memory; neither vector
/// allocates once it has held as many values.
pub fn above_median(x: &[f64], sorted: &mut Vec<f64>, out: &mut Vec<bool>) -> Option<f64> {
    out.clear();
    if x.is_empty() {
        return None;
    }
    sorted.clear();
    sorted.extend_from_slice(x);
    let (below, upper, _) = sorted.select_nth_unstable_by(x.len() / 2, f64::total_cmp);
    let upper = *upper;
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let median = if x.len().is_multiple_of(2) { 0.5 * (lower + upper) } else { upper };
    out.extend(x.iter().map(|v| *v >= median));
    Some(median)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_by_hand() {
        let count = |s: &str| lz76(s.as_bytes());
        assert_eq!(count(""), 0);
        assert_eq!(count("1"), 1);
        // 1 / 1111.
        assert_eq!(count("11111"), 2);
        // 1 / 0 / 10101010.
        assert_eq!(count("1010101010"), 3);
        assert_eq!(count("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 26);
        assert_eq!(count("HELLO WORLD! HELLO WORLD! HELLO WORLD! HELLO WORLD!"), 11);
        assert_eq!(lz76_normalised(6, 16, 2), 1.5);
        assert!((lz76_normalised(26, 26, 26) - 1.0).abs() < 1e-15);
        assert_eq!(lz76_normalised(1, 1, 1), 0.0);
    }

    #[test]
    fn medians() {
        let (mut s, mut b) = (Vec::new(), Vec::new());
        assert_eq!(above_median(&[], &mut s, &mut b), None);
        assert_eq!(above_median(&[3.0, 1.0, 2.0], &mut s, &mut b), Some(2.0));
        assert_eq!(b, [true, false, true]);
        assert_eq!(above_median(&[4.0, 1.0, 2.0, 3.0], &mut s, &mut b), Some(2.5));
        assert_eq!(b, [true, false, false, true]);
    }
}
