//! Slippage, fees, and the ranges of their settings.

use tradewind_core_types::{Cash, Invalid, Price, Quantity, Side};
use tradewind_engine::{Commission, Slippage};

fn p(s: &str) -> Price {
    s.parse().unwrap()
}
fn q(s: &str) -> Quantity {
    s.parse().unwrap()
}
fn named(r: Result<(), Invalid>) -> Vec<String> {
    r.err().map(|e| e.0.into_iter().map(|v| v.field).collect()).unwrap_or_default()
}

#[test]
fn settings_have_ranges() {
    let slippage = |bps, spread_bps, impact_bps, max_participation| {
        named(Slippage { bps, spread_bps, impact_bps, max_participation }.check())
    };
    let none: [&str; 0] = [];
    assert_eq!(slippage(0.0, 0.0, 0.0, None), none);
    assert_eq!(slippage(1_000.0, 1_000.0, 10_000.0, Some(1.0)), none);
    assert_eq!(slippage(0.0, 0.0, 0.0, Some(1e-9)), none);
    let all = ["bps", "spread_bps", "impact_bps", "max_participation"];
    assert_eq!(slippage(-0.1, -0.1, -0.1, Some(0.0)), all);
    assert_eq!(slippage(1_000.1, 1_000.1, 10_000.1, Some(1.001)), all);
    let commission = |per_share, minimum, bps, sec_per_million, taf_per_share, taf_maximum| {
        named(Commission { per_share, minimum, bps, sec_per_million, taf_per_share, taf_maximum }.check())
    };
    assert_eq!(commission(0.0, 0.0, 0.0, 0.0, 0.0, 0.0), none);
    assert_eq!(commission(1.0, 100.0, 1_000.0, 1_000.0, 0.01, 100.0), none);
    let all = ["per_share", "minimum", "bps", "sec_per_million", "taf_per_share", "taf_maximum"];
    assert_eq!(commission(-0.1, -0.1, -0.1, -0.1, -0.1, -0.1), all);
    assert_eq!(commission(1.01, 100.1, 1_000.1, 1_000.1, 0.0101, 100.1), all);
    assert_eq!(commission(f64::NAN, f64::NAN, f64::NAN, f64::NAN, f64::NAN, f64::NAN), all);
}

#[test]
fn slippage_is_paid_by_both_sides() {
    let of = |s: &Slippage, side, volume: Option<&str>, quoted| {
        s.price(p("50"), side, q("400"), volume.map(q), quoted).map(|(price, bps)| (price.to_string(), bps))
    };
    let fixed = Slippage { bps: 10.0, ..Slippage::NONE };
    assert_eq!(of(&fixed, Side::Buy, None, false).unwrap(), ("50.05".into(), 10.0));
    assert_eq!(of(&fixed, Side::Sell, None, true).unwrap(), ("49.95".into(), 10.0));
    // Half the spread, which a quote's far side already has.
    let spread = Slippage { spread_bps: 40.0, ..fixed.clone() };
    assert_eq!(of(&spread, Side::Buy, None, false).unwrap(), ("50.15".into(), 30.0));
    assert_eq!(of(&spread, Side::Buy, None, true).unwrap(), ("50.05".into(), 10.0));
    // 400 of 1600 are a quarter: half of the impact.
    let impact = Slippage { impact_bps: 60.0, ..fixed };
    assert_eq!(of(&impact, Side::Sell, Some("1600"), false).unwrap(), ("49.8".into(), 40.0));
    assert_eq!(of(&impact, Side::Sell, Some("0"), false).unwrap(), ("49.95".into(), 10.0));
    let e = of(&impact, Side::Sell, None, false).unwrap_err();
    assert!(e.what == "volume" && e.expected.contains("costs.slippage.impact_bps"), "{e}");
    // Without any slippage a price stays what it is, also where a float could not hold it.
    let exact = p("123456789.123456789");
    assert_eq!(Slippage::NONE.price(exact, Side::Buy, q("1"), None, false).unwrap(), (exact, 0.0));
    assert!(Slippage { bps: 1.0, ..Slippage::NONE }.price(p("1000000000"), Side::Buy, q("1"), None, false).is_err());
}

#[test]
fn a_cap_lets_through_its_share_of_the_volume() {
    let cap = Slippage { max_participation: Some(0.25), ..Slippage::NONE };
    let of = |wanted: &str, volume: &str| cap.fillable(q(wanted), Some(q(volume))).unwrap();
    assert_eq!(
        [of("100", "200"), of("100", "800"), of("100", "400"), of("1", "0")],
        [q("50"), q("100"), q("100"), q("0")]
    );
    assert_eq!(Slippage::NONE.fillable(q("100"), None).unwrap(), q("100"));
    let e = cap.fillable(q("100"), None).unwrap_err();
    assert!(e.expected.contains("costs.slippage.max_participation"), "{e}");
}

#[test]
fn each_fee_is_rounded_up_by_itself() {
    let fee =
        |c: &Commission, side, quantity: &str, price: &str| c.fee(side, q(quantity), p(price)).unwrap().to_string();
    let shares = Commission { per_share: 0.005, minimum: 1.0, ..Commission::NONE };
    // 100 x 0.005 is below the minimum, 201 x 0.005 = 1.005 is not.
    assert_eq!([fee(&shares, Side::Buy, "100", "7"), fee(&shares, Side::Buy, "201", "7")], ["1", "1.01"]);
    // A minimum alone is no commission.
    assert_eq!(fee(&Commission { minimum: 5.0, ..Commission::NONE }, Side::Buy, "100", "7"), "0");
    // 3 bp of 703.50 are 0.21105.
    let value = Commission { bps: 3.0, ..Commission::NONE };
    assert_eq!([fee(&value, Side::Buy, "100.5", "7"), fee(&value, Side::Sell, "100.5", "7")], ["0.22", "0.22"]);
    // 20 dollars a million of 30,600 are 0.612, and only sales pay them.
    let sec = Commission { sec_per_million: 20.0, ..Commission::NONE };
    assert_eq!([fee(&sec, Side::Sell, "306", "100"), fee(&sec, Side::Buy, "306", "100")], ["0.62", "0"]);
    // 0.0002 of 306 are 0.0612; of 50,000 they are 10, and 5.95 is the most.
    let taf = Commission { taf_per_share: 0.000_2, taf_maximum: 5.95, ..Commission::NONE };
    assert_eq!([fee(&taf, Side::Sell, "306", "100"), fee(&taf, Side::Sell, "50000", "1")], ["0.07", "5.95"]);
    assert_eq!(fee(&taf, Side::Buy, "306", "100"), "0");
    // Together: 1.53 + 9.18 + 0.62 + 0.07.
    let all = Commission {
        per_share: 0.005,
        minimum: 1.0,
        bps: 3.0,
        sec_per_million: 20.0,
        taf_per_share: 0.000_2,
        taf_maximum: 5.95,
    };
    assert_eq!(fee(&all, Side::Sell, "306", "100"), "11.4");
    assert_eq!(Commission::NONE.fee(Side::Sell, q("306"), p("100")).unwrap(), Cash::ZERO);
    // What is exactly a cent stays a cent.
    let cent = Commission { per_share: 0.01, ..Commission::NONE };
    assert_eq!(fee(&cent, Side::Buy, "1", "7"), "0.01");
}
