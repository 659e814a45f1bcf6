//! Performance statistics against empyrical-reloaded and SciPy on the bundled sample (`tools/oracle/performance.py`).

use serde_json::Value;
use tradewind_core_types::testkit::sample;
use tradewind_numerics::performance::*;

const TOLERANCE: f64 = 1e-10;

fn oracle() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/oracle/out/performance.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect(path)).expect("JSON")
}

/// Simple returns of a column between two dates, with (year, month) of each.
fn returns(file: &str, column: &str, first: &str, last: &str) -> (Vec<f64>, Vec<(i16, u8)>) {
    let rows: Vec<(String, f64)> =
        sample(file, column, None).into_iter().filter(|(d, _)| d.as_str() >= first && d.as_str() <= last).collect();
    let months = rows[1..].iter().map(|(d, _)| (d[..4].parse().unwrap(), d[5..7].parse().unwrap())).collect();
    (rows.windows(2).map(|w| w[1].1 / w[0].1 - 1.0).collect(), months)
}

fn close(name: &str, what: &str, got: Option<f64>, want: &Value) {
    let (got, want) = (got.unwrap_or_else(|| panic!("{name} {what} is undefined")), want.as_f64().unwrap());
    let error = (got - want).abs() / want.abs().max(1.0);
    assert!(error <= TOLERANCE, "{name} {what}: {got} against {want}, off by {error:e}");
}

fn close_all(name: &str, what: &str, got: &[f64], want: &Value) {
    let want = want.as_array().unwrap();
    assert_eq!(got.len(), want.len(), "{name} {what}");
    for (g, w) in got.iter().zip(want) {
        close(name, what, Some(*g), w);
    }
}

#[test]
fn matches_empyrical_on_the_sample() {
    let etf = "etf23_close_2008_2016.csv.gz";
    let stocks = "stocks20_adjclose_1990_2022.csv.gz";
    let etf_returns = |s| returns(etf, s, "2014-01-02", "2016-12-31");
    let stock_returns = |s| returns(stocks, s, "1990-01-02", "2022-12-31");
    let (spy, etf_months) = etf_returns("SPY");
    let (tlt, _) = etf_returns("TLT");
    let mix: Vec<f64> = spy.iter().zip(&tlt).map(|(s, t)| 0.6 * s + 0.4 * t).collect();
    let names = ["AAPL", "AMD", "JNJ", "XOM"];
    let four: Vec<Vec<f64>> = names.iter().map(|s| stock_returns(s).0).collect();
    let stock_months = stock_returns("AAPL").1;
    let average: Vec<f64> =
        (0..four[0].len()).map(|i| four.iter().map(|r| r[i]).sum::<f64>() / four.len() as f64).collect();

    let o = oracle();
    let rf = o["risk_free"].as_f64().unwrap();
    let mut cases =
        vec![("SPY", &spy, &mix, &etf_months), ("TLT", &tlt, &spy, &etf_months), ("60/40", &mix, &spy, &etf_months)];
    cases.extend(names.iter().zip(&four).map(|(n, r)| (*n, r, &average, &stock_months)));
    assert_eq!(cases.len(), o["cases"].as_object().unwrap().len());
    for (name, r, b, months) in cases {
        let c = &o["cases"][name];
        assert_eq!(c["n"], r.len(), "{name}");
        let ab = alpha_beta(r, b, rf, 252.0);
        let numbers = [
            ("cum_returns_final", cumulative_return(r)),
            ("annual_return", cagr(r, 252.0)),
            ("annual_return_monthly_factor", cagr(r, 12.0)),
            ("annual_volatility", annual_volatility(r, 252.0)),
            ("sharpe_ratio", sharpe(r, rf, 252.0)),
            ("sharpe_ratio_rf0", sharpe(r, 0.0, 252.0)),
            ("sortino_ratio", sortino(r, rf, 252.0)),
            ("downside_risk", downside_deviation(r, rf, 252.0)),
            ("calmar_ratio", calmar(r, 252.0)),
            ("max_drawdown", max_drawdown(r).map(|d| -d.depth)),
            ("tail_ratio", tail_ratio(r)),
            ("stability", stability(r)),
            ("value_at_risk", value_at_risk(r, 0.05).map(|x| -x)),
            ("value_at_risk_01", value_at_risk(r, 0.01).map(|x| -x)),
            ("conditional_value_at_risk", expected_shortfall(r, 0.05).map(|x| -x)),
            ("conditional_value_at_risk_01", expected_shortfall(r, 0.01).map(|x| -x)),
            ("skew", skewness(r)),
            ("kurtosis", excess_kurtosis(r)),
            ("alpha", ab.map(|x| x.alpha)),
            ("beta", ab.map(|x| x.beta)),
            ("alpha_rf0", alpha_beta(r, b, 0.0, 252.0).map(|x| x.alpha)),
            ("excess_sharpe", information_ratio(r, b, 1.0)),
            ("up_capture", up_capture(r, b, 252.0)),
            ("down_capture", down_capture(r, b, 252.0)),
            ("correlation", correlation(r, b)),
        ];
        for (what, got) in numbers {
            close(name, what, got, &c[what]);
        }
        let every = |x: Vec<f64>| x.into_iter().step_by(50).collect::<Vec<_>>();
        let dd = every(drawdown_series(r)).into_iter().map(|x| -x).collect::<Vec<_>>();
        close_all(name, "drawdown", &dd, &c["drawdown_series_every_50"]);
        for n in [21, 63] {
            let volatility: Vec<f64> = rolling_volatility(r, n, 252.0).into_iter().flatten().collect();
            assert_eq!(volatility.len(), r.len() + 1 - n);
            close_all(name, "volatility", &every(volatility), &c[format!("roll_annual_volatility_{n}_every_50")]);
            let betas: Vec<f64> = rolling_beta(r, b, n).into_iter().flatten().collect();
            assert_eq!(betas.len(), r.len() + 1 - n);
            close_all(name, "beta", &every(betas), &c[format!("roll_beta_{n}_every_50")]);
        }
        let yearly = yearly_returns(months, r);
        for (got, want) in yearly.iter().zip(c["yearly"].as_array().unwrap()) {
            assert_eq!(want[0], got.0);
            close(name, "year", Some(got.1), &want[1]);
        }
        assert_eq!(yearly.len(), c["yearly"].as_array().unwrap().len());
        if let Some(want) = c["monthly"].as_array() {
            let got = monthly_returns(months, r);
            assert_eq!(got.len(), want.len());
            for (g, w) in got.iter().zip(want) {
                assert_eq!((&w[0], &w[1]), (&Value::from(g.year), &Value::from(g.month)));
                close(name, "month", Some(g.value), &w[2]);
            }
        }
        // The summary is the same functions.
        assert_eq!(Summary::of(r, rf, 252.0).sortino, sortino(r, rf, 252.0));
        assert_eq!(Relative::of(r, b, rf, 252.0).alpha, ab.map(|x| x.alpha));
    }
}

proptest::proptest! {
    /// Whatever the returns, the path and the drawdowns agree with each other.
    #[test]
    fn drawdowns_are_consistent(r in proptest::collection::vec(-0.5_f64..0.5, 0..200)) {
        let series = drawdown_series(&r);
        let deepest = series.iter().copied().fold(0.0, f64::max);
        proptest::prop_assert_eq!(max_drawdown(&r).map_or(0.0, |d| d.depth), deepest);
        for d in drawdowns(&r) {
            proptest::prop_assert!(d.peak < d.trough && d.depth > 0.0 && d.depth <= 1.0);
            proptest::prop_assert_eq!(series[d.trough - 1], d.depth);
            proptest::prop_assert_eq!(d.duration, d.recovery.unwrap_or(r.len()) - d.peak);
        }
    }
}
