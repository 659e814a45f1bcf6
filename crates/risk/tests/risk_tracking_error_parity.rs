//! risk_tracking_error against scikit-learn, pandas and scipy: `tools/oracle/risk_tracking_error.py`.

use serde_json::Value;
use tradewind_core_types::{Online, Params, testkit};
use tradewind_numerics::covariance::{
    EwmaCovariance, Metric, Quadratic, RollingCovariance, Symmetric, ledoit_wolf, nearest_in_box,
};
use tradewind_risk::plugins::risk_tracking_error::{
    RiskTrackingErrorIn, RiskTrackingErrorParams, ex_ante, project, shrink_factor,
};

const STOCKS: [&str; 20] = [
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "MSFT", "PEP", "PFE", "PG",
    "RRC", "UNH", "WMT", "XOM",
];
const N: usize = STOCKS.len();
const LIMIT: f64 = 0.06;

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/risk_tracking_error.json")).unwrap()
}

/// Returns of the twenty, row by row.
fn returns() -> Vec<f64> {
    let of = |s: &&str| -> Vec<f64> {
        let closes = testkit::sample("stocks20_adjclose_1990_2022.csv.gz", s, None);
        closes.windows(2).map(|w| w[1].1 / w[0].1 - 1.0).collect()
    };
    let columns: Vec<Vec<f64>> = STOCKS.iter().map(of).collect();
    (0..columns[0].len()).flat_map(|t| columns.iter().map(move |c| c[t])).collect()
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn entries_agree(s: &Symmetric, oracle: &Value, entries: &Value, what: &str) {
    for (pick, want) in oracle["pick"].as_array().unwrap().iter().zip(numbers(entries)) {
        let (i, j) = (pick[0].as_u64().unwrap() as usize, pick[1].as_u64().unwrap() as usize);
        let got = s.get(i, j);
        assert!((got / want - 1.0).abs() < 1e-10, "{what} ({i}, {j}): {got} instead of {want}");
    }
}

#[test]
fn ledoit_wolf_is_scikit_learns_in_batch_and_rolling() {
    let (oracle, x) = (oracle(), returns());
    let mut matrix = Symmetric::zeros(N);
    for case in oracle["shrinkage"].as_array().unwrap() {
        let (end, window) = (case["end"].as_u64().unwrap() as usize, case["window"].as_u64().unwrap() as usize);
        let want = case["shrinkage"].as_f64().unwrap();
        let batch = ledoit_wolf(&x[(end - window) * N..end * N], N).unwrap();
        assert!((batch.shrinkage - want).abs() < 1e-10, "{window} to {end}: {} instead of {want}", batch.shrinkage);
        entries_agree(&batch.covariance, &oracle, &case["entries"], "batch");
        // Rolling through all that came before, back to the beginning.
        let mut rolling = RollingCovariance::new(window, N);
        x[..end * N].chunks_exact(N).for_each(|r| assert!(rolling.push(r)));
        let got = rolling.ledoit_wolf(&mut matrix).unwrap();
        assert!((got - want).abs() < 1e-10, "rolling {window} to {end}: {got} instead of {want}");
        entries_agree(&matrix, &oracle, &case["entries"], "rolling");
    }
}

#[test]
fn exponential_weights_are_pandas() {
    let (oracle, x) = (oracle(), returns());
    let mut matrix = Symmetric::zeros(N);
    for case in oracle["ewma"].as_array().unwrap() {
        let mut e = EwmaCovariance::new(case["lambda"].as_f64().unwrap(), N);
        let end = case["end"].as_u64().unwrap() as usize;
        x[..end * N].chunks_exact(N).for_each(|r| assert!(e.push(r)));
        assert!(e.covariance(&mut matrix));
        entries_agree(&matrix, &oracle, &case["entries"], "ewma");
    }
}

#[test]
fn tracking_error_contributions_and_projections() {
    let (oracle, x) = (oracle(), returns());
    let b = vec![1.0 / N as f64; N];
    let moved = |x: &[f64], w: &[f64]| x.iter().zip(w).map(|(x, w)| (x - w).powi(2)).sum::<f64>();
    for book in oracle["books"].as_array().unwrap() {
        let end = book["end"].as_u64().unwrap() as usize;
        let s = ledoit_wolf(&x[(end - 252) * N..end * N], N).unwrap().covariance;
        let w = numbers(&book["w"]);
        let te = ex_ante(&w, &b, &s, 252.0).unwrap();
        let want = book["te"].as_f64().unwrap();
        assert!((te.tracking_error / want - 1.0).abs() < 1e-10);
        for (got, want) in te.contributions.iter().zip(numbers(&book["contributions"])) {
            assert!((got - want).abs() < 1e-10);
        }
        assert!((te.contributions.iter().sum::<f64>() - te.tracking_error).abs() < 1e-12);

        let radial = project(&w, &b, &s, 252.0, LIMIT, Metric::Covariance).unwrap();
        for (got, want) in radial.point.iter().zip(numbers(&book["radial"])) {
            assert!((got - want).abs() < 1e-10);
        }
        let k = shrink_factor(te.tracking_error, LIMIT);
        assert!(radial.point.iter().zip(w.iter().zip(&b)).all(|(x, (w, b))| (x - b - k * (w - b)).abs() < 1e-12));

        let nearest = project(&w, &b, &s, 252.0, LIMIT, Metric::Euclidean).unwrap();
        let reference = numbers(&book["euclidean"]);
        assert!(nearest.point.iter().zip(&reference).all(|(x, y)| (x - y).abs() < 1e-9));
        assert!(moved(&nearest.point, &w) <= moved(&reference, &w) + 1e-10);
        assert!(ex_ante(&nearest.point, &b, &s, 252.0).unwrap().tracking_error <= LIMIT * (1.0 + 1e-10));

        let mut annual = s.clone();
        annual.scale(252.0);
        let mut p = vec![0.0; N];
        annual.mul(&b, &mut p);
        let form = Quadratic { q: annual.clone(), p: p.clone(), r: annual.quadratic(&b) };
        let limit = book["box_limit"].as_f64().unwrap();
        let boxed = nearest_in_box(&form, &w, limit).unwrap();
        let reference = numbers(&book["box"]);
        assert!(boxed.within && boxed.point.iter().zip(&reference).all(|(x, y)| (x - y).abs() < 1e-9), "{boxed:?}");
        assert!(moved(&boxed.point, &w) <= moved(&reference, &w) + 1e-10);
        let least = nearest_in_box(&form, &w, LIMIT).unwrap();
        let want = book["least"].as_f64().unwrap();
        assert!(!least.within && (least.distance - want).abs() < 1e-10, "{} {want}", least.distance);

        // Against the benchmark of the book's own net exposure, as mode "project" with basis "invested".
        let bb = form.r;
        let q = Symmetric::from_fn(N, |i, j| annual.get(i, j) - p[i] - p[j] + bb);
        let invested = nearest_in_box(&Quadratic { q: q.clone(), p: vec![0.0; N], r: 0.0 }, &w, LIMIT).unwrap();
        let te = q.quadratic(&w).sqrt();
        assert!((te / book["invested"]["te"].as_f64().unwrap() - 1.0).abs() < 1e-10);
        let reference = numbers(&book["invested"]["x"]);
        assert!(invested.within && moved(&invested.point, &w) <= moved(&reference, &w) + 1e-10);
        assert!(invested.point.iter().zip(&reference).all(|(x, y)| (x - y).abs() < 1e-9));
    }
}

#[test]
fn ex_post_is_pandas() {
    let (oracle, x) = (oracle(), returns());
    let inputs: Vec<RiskTrackingErrorIn> = x
        .chunks_exact(N)
        .map(|r| RiskTrackingErrorIn { portfolio: r[0], benchmark: Some(r.iter().sum::<f64>() / N as f64) })
        .collect();
    for case in oracle["ex_post"].as_array().unwrap() {
        let ex_post_window = case["window"].as_u64().unwrap() as usize;
        let p = RiskTrackingErrorParams { ex_post_window, ..Default::default() };
        let out = p.build().unwrap().batch(&inputs).unwrap();
        for row in case["rows"].as_array().unwrap() {
            let (i, want) = (row[0].as_u64().unwrap() as usize, row[1].as_f64().unwrap());
            let got = out[i].unwrap().tracking_error.unwrap();
            assert!((got / want - 1.0).abs() < 1e-10, "{ex_post_window} at {i}: {got} instead of {want}");
        }
    }
}
