//! Prices, quantities and cash at and around the ends of their ranges.

use tradewind_core_types::{BadInput, Cash, Price, Quantity, serde_json};

const LIMIT: i64 = 1_000_000_000_000_000_000;

fn p(s: &str) -> Price {
    s.parse().unwrap()
}
fn q(s: &str) -> Quantity {
    s.parse().unwrap()
}
fn c(s: &str) -> Cash {
    s.parse().unwrap()
}

#[test]
fn ranges_end_where_documented() {
    for n in [1, 2_500_000_000, LIMIT] {
        assert_eq!(Price::from_nanos(n).unwrap().nanos(), n);
    }
    for (n, found) in [(0, "0"), (-2_500_000_000, "-2.5"), (LIMIT + 1_000_000_000, "1000000001")] {
        let e = Price::from_nanos(n).unwrap_err();
        assert_eq!(e, BadInput::new("price", found, "0 < price <= 1e9"));
    }
    assert!(Price::from_nanos(LIMIT + 1).is_err());
    for n in [-LIMIT, -1, 0, 1, LIMIT] {
        assert_eq!(Quantity::from_nanos(n).unwrap().nanos(), n);
    }
    for (n, found) in [(LIMIT + 1_000_000_000, "1000000001"), (-LIMIT - 1_000_000_000, "-1000000001")] {
        assert_eq!(Quantity::from_nanos(n).unwrap_err(), BadInput::new("quantity", found, "|quantity| <= 1e9"));
    }
    assert!(Quantity::from_nanos(LIMIT + 1).is_err() && Quantity::from_nanos(-LIMIT - 1).is_err());
    assert_eq!((Price::from_f64(1e9).unwrap().nanos(), Quantity::from_f64(-1e9).unwrap().nanos()), (LIMIT, -LIMIT));
    // Far beyond, where the number of billionths does not fit 64 bits.
    for x in [2e9, 1e300, f64::INFINITY, f64::NAN] {
        assert_eq!(Price::from_f64(x).unwrap_err().expected, "a finite price, 0 < price <= 1e9");
        assert_eq!(Quantity::from_f64(-x).unwrap_err().expected, "a finite |quantity| <= 1e9");
    }
}

#[test]
fn floats_become_the_nearest_billionth_and_back() {
    assert_eq!(Price::from_f64(0.123_456_789_4).unwrap(), p("0.123456789"));
    assert_eq!(Price::from_f64(0.123_456_789_6).unwrap(), p("0.12345679"));
    assert_eq!((p("187.25").to_f64(), q("-21.5").to_f64(), c("-0.75").to_f64()), (187.25, -21.5, -0.75));
    assert_eq!(Cash::from_f64(0.5).unwrap().atto(), 500_000_000_000_000_000);
    assert_eq!(Cash::from_f64(-0.123_456_789_4).unwrap(), c("-0.123456789"));
    for x in [1e15, -1e15] {
        assert_eq!(Cash::from_f64(x).unwrap().to_f64(), x);
        assert!(Cash::from_f64(1.001 * x).is_err());
    }
    assert!(Cash::from_f64(f64::NAN).is_err() && Cash::from_f64(f64::NEG_INFINITY).is_err());
    // More whole dollars than 64 bits hold.
    assert_eq!(Cash::from_atto(10_i128.pow(38)).to_f64(), 1e20);
    assert_eq!(Cash::from_atto(1_250_000_000_000_000_000).to_f64(), 1.25);
    assert_eq!(Cash::from_atto(-7).atto(), -7);
}

#[test]
fn a_split_divides_the_price_down_to_a_billionth() {
    assert_eq!(p("10").split(2, 1), p("5"));
    assert_eq!(p("10").split(3, 1), p("3.333333333"));
    assert_eq!(p("10").split(2, 3), p("15"));
    assert_eq!((p("10").split(0, 1), p("10").split(1, 0)), (p("10"), p("10")));
    assert_eq!(p("0.000000001").split(2, 1), p("0.000000001"));
    assert_eq!(p("1000000000").split(1, 2), p("1000000000"));
}

#[test]
fn quantities_have_size_sign_and_lots() {
    assert_eq!((q("-2.5").abs(), q("2.5").abs()), (q("2.5"), q("2.5")));
    assert_eq!([q("-2.5").signum(), Quantity::ZERO.signum(), q("0.1").signum()], [-1, 0, 1]);
    assert!(Quantity::ZERO.is_zero() && !q("0.000000001").is_zero() && !q("-1").is_zero());
    assert_eq!((q("7.9").round_to_lot(q("2")), q("-7.9").round_to_lot(q("2"))), (q("6"), q("-6")));
    assert_eq!((q("7.9").round_to_lot(q("0")), q("7.9").round_to_lot(q("-2"))), (q("7.9"), q("7.9")));
}

#[test]
fn sums_saturate_instead_of_turning_over() {
    assert_eq!((q("1.5") + q("2"), q("1.5") - q("2"), -q("1.5")), (q("3.5"), q("-0.5"), q("-1.5")));
    assert_eq!((c("1.5") + c("2"), c("1.5") - c("2"), -c("1.5")), (c("3.5"), c("-0.5"), c("-1.5")));
    let (mut a, mut b) = (q("1"), c("1"));
    a += q("2");
    b += c("2");
    assert_eq!((a, b), (q("3"), c("3")));
    a -= q("5");
    b -= c("5");
    assert_eq!((a, b), (q("-2"), c("-2")));
    assert_eq!([q("1"), q("2"), q("-4")].into_iter().sum::<Quantity>(), q("-1"));
    assert_eq!([c("1"), c("2"), c("-4")].into_iter().sum::<Cash>(), c("-1"));
    let (most, least) = (Cash::from_atto(i128::MAX), Cash::from_atto(i128::MIN));
    assert_eq!((most + c("1"), least - c("1"), -least), (most, least, most));
    assert_eq!((most.checked_add(c("1")), c("1").checked_add(c("2"))), (None, Some(c("3"))));
    assert_eq!(p("2.5") * q("-3"), c("-7.5"));
}

#[test]
fn parts_of_an_amount_go_towards_zero() {
    assert_eq!(c("10").portion(q("1"), q("4")), c("2.5"));
    assert_eq!(c("10").portion(q("-1"), q("4")), c("-2.5"));
    // 11 x 2/3 = 7.33, 11 x 3/2 = 16.5: of units of 1e-18, with numbers so small that both terms of the product count.
    let part = |n: i128, num: i64, den: i64| {
        let nano = |n| Quantity::from_nanos(n).unwrap();
        Cash::from_atto(n).portion(nano(num), nano(den)).atto()
    };
    assert_eq!([part(11, 2, 3), part(-11, 2, 3), part(11, 3, 2), part(11, -3, 2)], [7, -7, 16, -16]);
    assert_eq!([part(11, 0, 3), part(11, 3, 0), part(0, 3, 2), part(1, 1, 2)], [0, 0, 0, 0]);
    assert_eq!(part(i128::MAX, 2, 1), i128::MAX);
}

#[test]
fn cents_are_rounded_away_from_zero_and_whole_cents_stay() {
    let cases = [("0", "0"), ("0.02", "0.02"), ("-0.02", "-0.02"), ("0.020000000000000001", "0.03")];
    let more = [("1.999", "2"), ("-1.991", "-2"), ("-0.000000000000000001", "-0.01")];
    for (from, to) in cases.into_iter().chain(more) {
        assert_eq!(c(from).ceil_cents(), c(to), "{from}");
    }
}

#[test]
fn text_is_plain_decimal() {
    let read = [(".5", "0.5"), ("5.", "5"), ("-.5", "-0.5"), ("-0.0", "0"), ("007.100", "7.1"), ("-12.034", "-12.034")];
    for (text, written) in read {
        assert_eq!((q(text).to_string().as_str(), c(text).to_string().as_str()), (written, written));
    }
    assert_eq!(c("0.000000000000000001"), Cash::from_atto(1));
    assert_eq!(c("-1.000000000000000001").to_string(), "-1.000000000000000001");
    for s in ["1.x", "x.1", "+1", "1.-1", "1.+1", "- 1", "1.2.3", "0.0000000001"] {
        let e = s.parse::<Quantity>().unwrap_err();
        assert_eq!(e, BadInput::new("quantity", s, "a decimal number with at most 9 decimals"));
    }
    let big = "9".repeat(20);
    assert_eq!(big.parse::<Price>().unwrap_err(), BadInput::new("price", big, "a smaller number"));
    // Whole and fraction each fit 128 bits, and their sum does not.
    assert!("170141183460469231731.687303715884105728".parse::<Cash>().is_err());
    assert_eq!(format!("[{:>6}|{:<6}]", q("1.5"), c("-2")), "[   1.5|-2    ]");
}

#[test]
fn json_has_text_and_takes_numbers_and_binary_has_integers() {
    assert_eq!(serde_json::to_string(&(p("1.5"), q("-2"), c("0.25"))).unwrap(), r#"["1.5","-2","0.25"]"#);
    for text in [r#"["1.5","-2","0.25"]"#, "[1.5, -2, 0.25]"] {
        assert_eq!(serde_json::from_str::<(Price, Quantity, Cash)>(text).unwrap(), (p("1.5"), q("-2"), c("0.25")));
    }
    assert!(serde_json::from_str::<Price>("-1").is_err() && serde_json::from_str::<Price>("\"-1\"").is_err());
    // Postcard writes integers zigzag, seven bits a byte: -2 billionths are 3, 64 are 128.
    let nano = |n| Quantity::from_nanos(n).unwrap();
    assert_eq!(postcard::to_stdvec(&(nano(-2), nano(64))).unwrap(), [3, 0x80, 1]);
    assert_eq!(postcard::from_bytes::<(Price, Cash)>(&[2, 3]).unwrap(), (p("0.000000001"), Cash::from_atto(-2)));
    assert!(postcard::from_bytes::<Price>(&[0]).is_err(), "a price of zero");
}
