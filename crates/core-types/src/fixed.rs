//! Numbers in explanations, printed by whole numbers.

use std::fmt;

/// A number with a fixed count of decimals (at most 9), rounded half away from zero: what `{:.4}` prints but for exact ties and without
/// arithmetic on big numbers, which an explanation in the path of an order has no time for. No minus before a zero.
///
/// ```
/// use tradewind_core_types::Fixed;
/// assert_eq!(format!("{} of equity", Fixed(-0.00196, 4)), "-0.0020 of equity");
/// assert_eq!(Fixed(12.5, 0).to_string(), "13");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fixed(pub f64, pub u8);

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(x, digits) = *self;
        let digits = usize::from(digits.min(9));
        let one = 10_u64.pow(digits as u32);
        let scaled = x.abs() * one as f64 + 0.5;
        // Beyond this floats have no halves; and what is no number has no digits.
        if scaled.is_nan() || scaled >= 4e15 {
            return write!(f, "{x:.digits$}");
        }
        let units = scaled as u64;
        let mut text = [b'0'; 32];
        let (mut at, mut rest) = (text.len(), units);
        let least = if digits > 0 { digits + 2 } else { 1 };
        while rest > 0 || text.len() - at < least {
            at -= 1;
            if digits > 0 && text.len() - at == digits + 1 {
                text[at] = b'.';
                continue;
            }
            text[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        if x < 0.0 && units > 0 {
            at -= 1;
            text[at] = b'-';
        }
        f.write_str(std::str::from_utf8(&text[at..]).unwrap_or("?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_format_prints() {
        for (x, d, want) in [
            (0.0, 0, "0"),
            (-0.0001, 2, "0.00"),
            (0.05, 1, "0.1"),
            (9.996, 2, "10.00"),
            (1e15, 2, "1000000000000000.00"),
            (f64::NAN, 2, "NaN"),
            (f64::NEG_INFINITY, 3, "-inf"),
            (-1.5e300, 0, &format!("{:.0}", -1.5e300)),
        ] {
            assert_eq!(Fixed(x, d).to_string(), want);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_number(x in -1e6..1e6_f64, d in 0_u8..10) {
            let (ours, theirs) = (Fixed(x, d).to_string(), format!("{x:.*}", usize::from(d)));
            let differ = ours.parse::<f64>().unwrap() - theirs.parse::<f64>().unwrap();
            // They may only differ where the number lies in the middle of two, as far as floats can tell.
            let unit = 10_f64.powi(-i32::from(d));
            let middle = ((x.abs() / unit).fract() - 0.5).abs() < 1e-9 * (x.abs() / unit).max(1.0);
            proptest::prop_assert!(ours == theirs || differ == 0.0 || middle, "{ours} {theirs}");
            proptest::prop_assert_eq!(ours.len() - usize::from(ours.starts_with('-')), theirs.len() - usize::from(theirs.starts_with('-')));
        }
    }
}
