//! Johansen's test, Engle-Granger and half-lives against statsmodels on real prices; critical values number by number.

use serde_json::Value;
use tradewind_core_types::testkit::sample;
use tradewind_numerics::adf::{Trend, p_value};
use tradewind_numerics::engle_granger::engle_granger;
use tradewind_numerics::half_life::half_life;
use tradewind_numerics::johansen::{DetOrder, Johansen, PairTest, Prepared, Statistic, critical_values, johansen};

fn oracle() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/oracle/out/alpha_coint_pairs.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// Log prices of the case's names on the days on which all have one.
fn logs(case: &Value) -> Vec<Vec<f64>> {
    let file = match case["frame"].as_str().unwrap() {
        "stocks" => "stocks20_adjclose_1990_2022.csv.gz",
        _ => "etf23_close_2008_2016.csv.gz",
    };
    let names: Vec<&str> = case["names"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    let from = case["from"].as_str().unwrap();
    let all: Vec<Vec<(String, f64)>> = names.iter().map(|n| sample(file, n, None)).collect();
    let length = case["length"].as_u64().unwrap() as usize;
    all.iter()
        .map(|s| s.iter().filter(|(d, _)| d.as_str() >= from).take(length).map(|(_, p)| p.ln()).collect())
        .collect()
}

fn det(case: &Value) -> DetOrder {
    DetOrder::new(case["det_order"].as_i64().unwrap()).unwrap()
}

/// Largest difference relative to the largest magnitude.
fn gap(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let scale = want.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    got.iter().zip(want).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs())) / scale
}

#[test]
fn johansen_on_stocks_and_funds() {
    let oracle = oracle();
    let (mut worst, mut worst_vector) = (0.0_f64, 0.0_f64);
    for case in oracle["johansen"].as_array().unwrap() {
        let logs = logs(case);
        let series: Vec<&[f64]> = logs.iter().map(Vec::as_slice).collect();
        let (order, lags) = (det(case), case["lags"].as_u64().unwrap() as usize);
        let j = johansen(&series, order, lags).unwrap();
        let label = format!("{} {} {} {lags}", case["names"], case["length"], case["det_order"]);
        for (what, got) in [("trace", &j.trace), ("max", &j.max), ("eigenvalues", &j.eigenvalues)] {
            let d = gap(got, &numbers(&case[what]));
            assert!(d < 1e-8, "{label} {what}: {d:e}");
            worst = worst.max(d);
        }
        for (v, want) in j.eigenvectors.iter().zip(case["eigenvectors"].as_array().unwrap()) {
            let d = gap(v, &numbers(want));
            assert!(d < 1e-8, "{label} vector: {d:e}");
            worst_vector = worst_vector.max(d);
        }
        if let [a, b] = series[..] {
            same_by_moments(&j, a, b, &label);
        }
    }
    println!("statistics within {worst:.1e}, vectors within {worst_vector:.1e}");
}

/// The scan's closed form gives what the QR decomposition gives.
fn same_by_moments(j: &Johansen, a: &[f64], b: &[f64], label: &str) {
    let of = |i, s| Prepared::new(i, s, j.det, j.lags).unwrap();
    let p = PairTest::new(&of(0, a), &of(1, b)).unwrap();
    assert!(gap(&p.trace, &j.trace) < 1e-8 && gap(&p.max, &j.max) < 1e-8, "{label}: {p:?} {j:?}");
    assert!(gap(&p.eigenvalues, &j.eigenvalues) < 1e-8, "{label}");
    for (v, w) in p.eigenvectors.iter().zip(&j.eigenvectors) {
        assert!(gap(v, w) < 1e-8, "{label}: {v:?} {w:?}");
    }
    assert_eq!(p.rows, j.rows);
    for r in 0..2 {
        let (x, y) = (p.p_value(Statistic::Trace, r).unwrap(), j.p_value(Statistic::Trace, r).unwrap());
        assert!((x - y).abs() < 1e-7, "{label}: {x} {y}");
    }
}

#[test]
fn published_critical_values_are_equal() {
    for order in oracle()["critical"].as_array().unwrap() {
        for (name, statistic) in [("trace", Statistic::Trace), ("max", Statistic::MaxEigenvalue)] {
            for (i, want) in order[name].as_array().unwrap().iter().enumerate() {
                assert_eq!(critical_values(statistic, det(order), i + 1).unwrap().to_vec(), numbers(want));
            }
            assert_eq!(critical_values(statistic, det(order), 0), None);
            assert_eq!(critical_values(statistic, det(order), 13), None);
        }
    }
}

#[test]
fn half_lives() {
    for case in oracle()["half_life"].as_array().unwrap() {
        let logs = logs(case);
        let h = case["hedge_ratio"].as_f64().unwrap();
        let spread: Vec<f64> = logs[0].iter().zip(&logs[1]).map(|(a, b)| a - h * b).collect();
        let got = half_life(&spread).unwrap();
        for (what, x) in [
            ("persistence", got.persistence),
            ("persistence_error", got.persistence_error),
            ("half_life", got.half_life),
            ("error", got.error),
        ] {
            let want = case[what].as_f64().unwrap();
            assert!((x / want - 1.0).abs() < 1e-8, "{} {what}: {x} {want}", case["names"]);
        }
    }
}

#[test]
fn engle_granger_tests() {
    for case in oracle()["engle_granger"].as_array().unwrap() {
        let logs = logs(case);
        let order = match case["trend"].as_str().unwrap() {
            "n" => DetOrder::None,
            "c" => DetOrder::Constant,
            _ => DetOrder::Trend,
        };
        let lags = case["lags"].as_u64().map(|l| l as usize);
        let got = engle_granger(&logs[0], &logs[1], order, lags).unwrap();
        let label = format!("{} {} {:?}", case["names"], case["trend"], lags);
        let near = |x: f64, want: &Value| {
            let want = want.as_f64().unwrap();
            assert!((x - want).abs() < 1e-8 * want.abs().max(1.0), "{label}: {x} {want}");
        };
        near(got.statistic, &case["statistic"]);
        near(got.p_value, &case["p_value"]);
        match got.critical {
            Some(c) => c.iter().zip(case["critical"].as_array().unwrap()).for_each(|(c, w)| near(*c, w)),
            None => assert!(case["critical"].as_array().unwrap().iter().all(Value::is_null), "{label}"),
        }
    }
    for case in oracle()["mackinnon"].as_array().unwrap() {
        let trend = match case["trend"].as_str().unwrap() {
            "n" => Trend::None,
            "c" => Trend::Constant,
            _ => Trend::Linear,
        };
        let got = p_value(case["statistic"].as_f64().unwrap(), trend, 2).unwrap();
        assert!((got - case["p_value"].as_f64().unwrap()).abs() < 1e-10, "{case}");
    }
}

#[test]
fn p_values_are_those_of_the_simulation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/oracle/out/johansen_null.json");
    let rows: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for row in rows["rows"].as_array().unwrap() {
        let statistic = if row["statistic"] == "trace" { Statistic::Trace } else { Statistic::MaxEigenvalue };
        let (series, draws) = (row["series"].as_u64().unwrap() as usize, row["draws"].as_f64().unwrap());
        for (at, quantiles) in row["quantiles"].as_object().unwrap() {
            let (t, k) = at.split_once(',').unwrap();
            for (x, p) in numbers(quantiles).iter().zip(numbers(&row["probabilities"])) {
                let (t, k) = (t.parse().unwrap(), k.parse().unwrap());
                let got = tradewind_numerics::johansen::p_value(*x, statistic, det(row), series, t, k).unwrap();
                // The quantile itself is uncertain by 1 / sqrt(p draws); the curve may add an eighth.
                let bound = 0.125 + 4.0 / (p * draws).sqrt();
                assert!(
                    (got / p).ln().abs() < bound,
                    "{series} {} {} T={t} k={k}: {got} for {p}",
                    row["det_order"],
                    row["statistic"]
                );
            }
        }
    }
}
