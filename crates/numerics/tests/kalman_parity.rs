//! The state-space filter against statsmodels and filterpy on the bundled sample (`tools/oracle/fe_kalman.py`).

use serde_json::Value;
use tradewind_core_types::testkit::sample;
use tradewind_numerics::kalman::*;

const TOLERANCE: f64 = 1e-8;

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/fe_kalman.json")).unwrap()
}

fn series(name: &str) -> Vec<f64> {
    let (symbol, what) = name.split_once('.').unwrap();
    let rows = match symbol {
        "VIX" => sample("vix_close_2014_2019.csv", "vix", None),
        _ => sample("etf23_close_2008_2016.csv.gz", symbol, None),
    };
    rows.into_iter().map(|(_, x)| if what == "log" { x.ln() } else { x }).collect()
}

fn gaps(y: Vec<f64>, missing: bool) -> Vec<Option<f64>> {
    let gap = |i: usize| missing && (i % 7 == 3 || (100..130).contains(&i));
    y.into_iter().enumerate().map(|(i, y)| (!gap(i)).then_some(y)).collect()
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// Compares relative to the value, or to `scale` when that is larger.
fn close(got: f64, want: f64, scale: f64, what: &str) {
    let error = (got - want).abs() / want.abs().max(scale);
    assert!(error <= TOLERANCE, "{what}: {got} and not {want}, off by {error:e}");
}

#[test]
fn filter_smoother_and_likelihood_equal_statsmodels() {
    let reference = oracle();
    for c in reference["cases"].as_array().unwrap() {
        let what = format!("{} {} {} {}", c["series"], c["model"], c["start"], c["missing"]);
        let y = gaps(series(c["series"].as_str().unwrap()), c["missing"].as_bool().unwrap());
        let (p, known) = (numbers(&c["params"]), numbers(&c["known"]));
        let trend = c["model"] == "local_linear_trend";
        let model = if trend { Model::local_linear_trend(p[1], p[2], p[0]) } else { Model::random_walk(&p[1..], p[0]) }
            .unwrap();
        let n = model.states();
        let start = match c["start"].as_str().unwrap() {
            "diffuse" => Start::Diffuse,
            "approximate" => Start::Approximate(known[4]),
            _ => {
                let (mut mean, mut cov) = ([0.0; MAX_STATES], [[0.0; MAX_STATES]; MAX_STATES]);
                (0..n).for_each(|i| (mean[i], cov[i][i]) = (known[i], known[2 + i]));
                Start::Known(mean, cov)
            }
        };
        let z = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let rows: Vec<usize> = numbers(&c["rows"]).into_iter().map(|r| r as usize).collect();
        let mut k = Kalman::new(model, start);
        let level_start = match start {
            Start::Diffuse => Start1::Diffuse,
            Start::Approximate(v) => Start1::Approximate(v),
            Start::Known(m, v) => Start1::Known(m[0], v[0][0]),
        };
        let mut level = (!trend).then(|| LocalLevel::new(p[1], p[0], level_start).unwrap());
        let mut at = rows.iter().enumerate().peekable();
        for (i, y) in y.iter().enumerate() {
            let innovation = k.step(&z[..n], *y);
            let scalar = level.as_mut().map(|l| l.step(*y));
            let Some((row, _)) = at.next_if(|(_, r)| **r == i) else { continue };
            let text = format!("{what} row {i}");
            let (mean, cov) = (numbers(&c["filtered"][row]), numbers(&c["covariance"][row]));
            // While something is unknown statsmodels' finite parts mean nothing.
            if k.unknown() > 0 {
                continue;
            }
            for j in 0..n {
                close(k.mean()[j], mean[j], if j == 0 { 0.0 } else { cov[1].sqrt() }, &format!("{text} state {j}"));
                close(k.covariance(j, j).unwrap(), cov[j], 0.0, &format!("{text} variance {j}"));
            }
            if let Some(i) = innovation.filter(|i| i.variance.is_finite()) {
                let (v, f) = (c["innovation"][row].as_f64().unwrap(), c["variance"][row].as_f64().unwrap());
                close(i.value, v, f.sqrt(), &format!("{text} innovation"));
                close(i.variance, f, 0.0, &format!("{text} innovation's variance"));
            }
            if let (Some(l), Some(s)) = (&level, scalar) {
                close(l.level().unwrap(), mean[0], 0.0, &format!("{text} scalar level"));
                close(l.variance().unwrap(), cov[0], 0.0, &format!("{text} scalar variance"));
                assert_eq!(s.is_some(), innovation.is_some());
            }
        }
        close(k.log_likelihood().value(), c["log_likelihood"].as_f64().unwrap(), 1.0, &format!("{what} likelihood"));
        if let Some(l) = &level {
            close(l.log_likelihood().value(), c["log_likelihood"].as_f64().unwrap(), 1.0, &format!("{what} scalar"));
        }
        let smoothed = smooth_lookahead(model, start, &|_| z, &y).unwrap();
        for (row, i) in rows.iter().enumerate() {
            let (mean, cov) = (numbers(&c["smoothed"][row]), numbers(&c["smoothed_covariance"][row]));
            for j in 0..n {
                let sd = cov[j].max(0.0).sqrt();
                // From a variance of 1e6 both lose digits where the start still matters.
                if c["start"] == "approximate" && *i < 12 {
                    continue;
                }
                close(smoothed[*i].mean[j], mean[j], sd, &format!("{what} smoothed {i} state {j}"));
                close(smoothed[*i].variance[j], cov[j], 0.0, &format!("{what} smoothed {i} variance {j}"));
            }
        }
    }
}

#[test]
fn regression_with_moving_coefficients_equals_statsmodels() {
    let reference = oracle();
    let r = &reference["regression"];
    let returns = |name: &str| -> Vec<f64> { series(name).windows(2).map(|w| 100.0 * (w[1] - w[0])).collect() };
    let (spy, dia) = (returns("SPY.log"), returns("DIA.log"));
    let model = Model::random_walk(&numbers(&r["q"]), r["h"].as_f64().unwrap()).unwrap();
    let z = |i: usize| [1.0, dia[i], 0.0, 0.0, 0.0, 0.0];
    let y: Vec<_> = spy.iter().copied().map(Some).collect();
    let smoothed = smooth_lookahead(model, Start::Diffuse, &z, &y).unwrap();
    let mut k = Kalman::new(model, Start::Diffuse);
    let mut rows = numbers(&r["rows"]).into_iter().enumerate().peekable();
    for (i, y) in y.iter().enumerate() {
        k.step(&z(i)[..2], *y);
        let Some((row, _)) = rows.next_if(|(_, r)| *r == i as f64) else { continue };
        for j in 0..2 {
            let text = format!("row {i} state {j}");
            close(smoothed[i].mean[j], r["smoothed"][row][j].as_f64().unwrap(), 1e-2, &format!("{text} smoothed"));
            if k.unknown() == 0 {
                close(k.mean()[j], r["filtered"][row][j].as_f64().unwrap(), 1e-2, &text);
                close(k.covariance(j, j).unwrap(), r["covariance"][row][j].as_f64().unwrap(), 0.0, &text);
            }
        }
    }
    close(k.log_likelihood().value(), r["log_likelihood"].as_f64().unwrap(), 1.0, "likelihood");
}

#[test]
fn the_trend_equals_filterpy() {
    let reference = oracle();
    let r = &reference["filterpy"];
    let (q, s) = (numbers(&r["q"]), numbers(&r["start"]));
    let (mut mean, mut cov) = ([0.0; MAX_STATES], [[0.0; MAX_STATES]; MAX_STATES]);
    (mean[0], mean[1], cov[0][0], cov[1][1]) = (s[0], s[1], s[2], s[3]);
    let model = Model::local_linear_trend(q[0], q[1], r["h"].as_f64().unwrap()).unwrap();
    let mut k = Kalman::new(model, Start::Known(mean, cov));
    let mut rows = numbers(&r["rows"]).into_iter().enumerate().peekable();
    for (i, y) in series("TLT.close").into_iter().enumerate() {
        k.step(&[1.0, 0.0], Some(y));
        let Some((row, _)) = rows.next_if(|(_, r)| *r == i as f64) else { continue };
        let want = numbers(&r["filtered"][row]);
        let got = [k.mean()[0], k.mean()[1], k.covariance(0, 0).unwrap(), k.covariance(1, 1).unwrap()];
        for j in 0..4 {
            close(got[j], want[j], if j == 1 { 1e-2 } else { 0.0 }, &format!("row {i} number {j}"));
        }
    }
}

#[test]
fn maximum_likelihood_is_not_below_statsmodels() {
    let reference = oracle();
    for f in reference["fits"].as_array().unwrap() {
        let (first, count) = (f["first"].as_u64().unwrap() as usize, f["count"].as_u64().unwrap() as usize);
        let y: Vec<_> = series(f["series"].as_str().unwrap())[first..first + count].iter().copied().map(Some).collect();
        let structure = if f["model"] == "local_level" { Structure::LocalLevel } else { Structure::LocalLinearTrend };
        let e = fit(structure, &|_| [0.0; MAX_STATES], &y).unwrap();
        let gain = e.log_likelihood - f["log_likelihood"].as_f64().unwrap();
        println!(
            "{} {} {first}: ours less theirs {gain:+.1e}, h {:.4e} q {:.4e} {:.4e}, {} evaluations; {}",
            f["series"], f["model"], e.noise, e.state_noise[0], e.state_noise[1], e.evaluations, f["params"]
        );
        assert!(gain > -1e-3, "{} {}: {gain}", f["series"], f["model"]);
    }
}
