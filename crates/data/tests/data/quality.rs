use tradewind_data::{QualityOptions, validate_bytes};

use crate::spec;

#[test]
fn everything_wrong_is_gathered() {
    let csv = "date,symbol,open,high,low,close\n\
        2015-08-24,SPY,10,11,9,10\n\
        2015-08-24,SPY,10,11,9,10\n\
        2015-08-21,SPY,10,11,9,10\n\
        2015-08-25,SPY,10,9,9,10\n\
        2015-08-26,SPY,x,11,9,10\n\
        2015-08-27,SPY,10,11,9,0\n\
        2015-08-29,SPY,10,11,9,10\n\
        2015-08-31,SPY,10,11,9,10\n";
    let r = validate_bytes(&spec("x.csv", |_| ()), csv.into(), &QualityOptions::default()).unwrap();
    let counts: Vec<(&str, usize)> = r.error_counts.iter().map(|(k, n)| (k.as_str(), *n)).collect();
    assert_eq!(
        counts,
        [
            ("backward", 1),
            ("bar_order", 1),
            ("duplicate", 1),
            ("not_a_number", 1),
            ("not_a_session", 1),
            ("not_positive", 1)
        ]
    );
    assert_eq!(r.errors.iter().map(|e| e.row.unwrap()).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
    assert_eq!(r.errors.iter().map(|e| e.line.unwrap()).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8]);
    assert_eq!(r.events, 2);
    assert!(!r.is_readable() && r.to_string().contains("row 5 line 6 column \"open\""), "{r}");
    // Limits hold per kind, counts do not.
    let many = format!("date,symbol,close\n{}", "2015-08-24,SPY,x\n".repeat(50));
    let r =
        validate_bytes(&spec("x.csv", |_| ()), many.into(), &QualityOptions { list: 3, ..Default::default() }).unwrap();
    assert_eq!((r.error_counts["not_a_number"], r.errors.len()), (50, 3));
    assert!(validate_bytes(&spec("x.csv", |_| ()), vec![], &QualityOptions { list: 0, outlier_z: f64::NAN }).is_err());
}

#[test]
fn gaps_outliers_and_hours() {
    // 2015-09-07 was Labor Day: no gap. 2015-09-09 and 10 are missing.
    let days = ["2015-09-01", "2015-09-02", "2015-09-03", "2015-09-04", "2015-09-08", "2015-09-11", "2015-09-14"];
    let prices = [100.0, 101.0, 100.5, 101.2, 100.9, 150.0, 149.5];
    let csv: String = days.iter().zip(prices).map(|(d, p)| format!("{d},{p}\n")).collect();
    let s = spec("x.csv", |s| s.layout = tradewind_data::Layout::Wide);
    let r = validate_bytes(&s, format!("date,X\n{csv}").into(), &QualityOptions::default()).unwrap();
    assert!(r.is_readable());
    let x = &r.symbols[0];
    assert_eq!(x.missing_dates.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2015-09-09", "2015-09-10"]);
    assert_eq!((x.outliers, x.largest_outliers[0].row), (1, 6));
    // By hand: returns r; median and MAD of them; z of ln(150/100.9).
    let mut rs: Vec<f64> = prices.windows(2).map(|w| f64::ln(w[1] / w[0])).collect();
    rs.sort_by(f64::total_cmp);
    let m = 0.5 * (rs[2] + rs[3]);
    let mut dev: Vec<f64> = rs.iter().map(|r| (r - m).abs()).collect();
    dev.sort_by(f64::total_cmp);
    let z = (f64::ln(150.0 / 100.9) - m) / (1.4826 * 0.5 * (dev[2] + dev[3]));
    assert!((x.largest_outliers[0].robust_z - z).abs() < 1e-12);
    // Before the open and after the close.
    let csv = "ts,X\n2015-08-24T12:00:00Z,1\n2015-08-24T13:30:00Z,1\n2015-08-24T20:00:00Z,1\n2015-08-24T20:00:01Z,1\n2015-08-25T14:00:00Z,1\n";
    let r = validate_bytes(&s, csv.into(), &QualityOptions::default()).unwrap();
    assert_eq!((r.symbols[0].outside_sessions, r.symbols[0].missing_sessions), (2, 0));
}

#[test]
fn files_that_are_no_tables_are_reported_too() {
    let r =
        validate_bytes(&spec("x.csv", |_| ()), b"date,symbol,close\n1\n".to_vec(), &QualityOptions::default()).unwrap();
    assert_eq!(r.error_counts["ragged"], 1);
    let r = validate_bytes(
        &spec("x.jsonl", |s| s.kind = tradewind_data::Kind::News),
        b"{}\n{".to_vec(),
        &QualityOptions::default(),
    )
    .unwrap();
    assert_eq!((r.error_counts["bad_record"], r.rows), (2, 2));
}
