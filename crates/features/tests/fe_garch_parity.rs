//! Parity of fe_garch with the Python package `arch` (tools/oracle/fe_garch.py) on S&P 500 and Nasdaq returns, 1999-2018.

use std::collections::BTreeMap;

use serde_json::Value;
use tradewind_core_types::testkit::sample;
use tradewind_numerics::garch::{Fit, Init, Spec, conditional_variances, fit, log_likelihood};

fn returns(symbol: &str) -> Vec<f64> {
    let closes = sample("index_ohlcv_1999_2018.csv.gz", "close", Some(("symbol", symbol)));
    closes.windows(2).map(|w| (w[1].1 / w[0].1).ln()).collect()
}

fn cases() -> Vec<(Value, Vec<f64>, Spec)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/oracle/out/fe_garch.json");
    let oracle: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let all = [("SPX", returns("SPX")), ("IXIC", returns("IXIC"))];
    let fits = oracle["fits"].as_array().unwrap();
    assert_eq!(fits.len(), 16);
    fits.iter()
        .map(|f| {
            let r = &all.iter().find(|(s, _)| f["symbol"] == *s).unwrap().1;
            let n = f["observations"].as_u64().unwrap() as usize;
            let spec = Spec {
                gjr: f["gjr"].as_bool().unwrap(),
                student_t: f["dist"] == "t",
                constant_mean: f["mean"] == "Constant",
                variance_targeting: false,
                init: Init::Ewma,
            };
            (f.clone(), r[r.len() - n..].to_vec(), spec)
        })
        .collect()
}

fn name(f: &Value) -> String {
    format!("{} {} gjr={} {} {}", f["symbol"], f["sample"], f["gjr"], f["dist"], f["mean"])
}

fn estimates(f: &Fit) -> Vec<(&'static str, f64, Option<f64>)> {
    let (p, e) = (f.parameters, f.std_errors);
    let mut out = vec![("omega", p.omega, e.omega), ("alpha", p.alpha, e.alpha), ("beta", p.beta, e.beta)];
    if f.spec.constant_mean {
        out.push(("mu", p.mu, e.mu));
    }
    if f.spec.gjr {
        out.push(("gamma", p.gamma, e.gamma));
    }
    if let Some(nu) = p.nu {
        out.push(("nu", nu, e.nu));
    }
    out
}

#[test]
fn likelihood_parameters_errors_and_forecasts_match_arch() {
    let (mut worst_p, mut worst_e, mut worst_f, mut worst_l): (f64, f64, f64, f64) = (0.0, 0.0, 0.0, f64::INFINITY);
    for (want, r, spec) in cases() {
        let what = name(&want);
        let got = fit(&r, spec, None).unwrap();
        let gain = got.log_likelihood - want["log_likelihood"].as_f64().unwrap();
        println!("{what}: log-likelihood {gain:+.2e} against arch, {} evaluations", got.evaluations);
        worst_l = worst_l.min(gain);
        assert!(gain > -1e-3, "{what}: log-likelihood lower by {}", -gain);
        let all = estimates(&got);
        assert_eq!(all.len(), want["params"].as_object().unwrap().len(), "{what}");
        assert_eq!(got.parameter_count() as u64, want["parameter_count"].as_u64().unwrap(), "{what}");
        for (key, value, error) in all {
            let (p, e) = (want["params"][key].as_f64().unwrap(), want["std_errors"][key].as_f64().unwrap());
            // An estimate on its bound (alpha = 0) has no relative error: there it is measured in standard errors.
            let off = if p.abs() > 1e-8 { (value / p - 1.0).abs() } else { (value - p).abs() / e };
            let error = error.unwrap_or_else(|| panic!("{what}: {key} has a standard error"));
            println!(
                "  {key:6} {value:+.6e} ({error:.3e})  off by {off:.1e}, error by {:.1e}",
                (error / e - 1.0).abs()
            );
            worst_p = worst_p.max(off);
            worst_e = worst_e.max((error / e - 1.0).abs());
            assert!(off < 0.01, "{what}: {key} {value} against {p}");
            assert!((error / e - 1.0).abs() < 0.02, "{what}: standard error of {key} {error} against {e}");
        }
        for (k, f) in want["forecast"].as_array().unwrap().iter().enumerate() {
            let f = f.as_f64().unwrap();
            let v = got.parameters.variance_ahead(got.next_variance, k as u32 + 1);
            worst_f = worst_f.max((v / f - 1.0).abs());
            assert!((v / f - 1.0).abs() < 0.01, "{what}: variance {} ahead {v} against {f}", k + 1);
        }
    }
    println!(
        "largest: parameter {worst_p:.2e}, error {worst_e:.2e}, forecast {worst_f:.2e}; log-likelihood {worst_l:+.2e}"
    );
}

#[test]
fn likelihood_and_variances_at_given_parameters_are_those_of_arch() {
    for (want, r, spec) in cases() {
        let p = |k: &str| want["params"].get(k).and_then(Value::as_f64);
        let parameters = tradewind_numerics::garch::Parameters {
            mu: p("mu").unwrap_or(0.0),
            omega: p("omega").unwrap(),
            alpha: p("alpha").unwrap(),
            gamma: p("gamma").unwrap_or(0.0),
            beta: p("beta").unwrap(),
            nu: p("nu"),
        };
        let l = log_likelihood(&r, &parameters, spec).unwrap();
        let arch = want["log_likelihood"].as_f64().unwrap();
        assert!((l - arch).abs() < 1e-7, "{}: {l} against {arch}", name(&want));
        let h = conditional_variances(&r, &parameters, spec);
        assert!((h[0] / want["first_variance"].as_f64().unwrap() - 1.0).abs() < 1e-10);
        let z = (r[r.len() - 1] - parameters.mu) / h[r.len() - 1].sqrt();
        assert!((z / want["last_std_resid"].as_f64().unwrap() - 1.0).abs() < 1e-9);
        assert!((h[r.len()] / want["forecast"][0].as_f64().unwrap() - 1.0).abs() < 1e-10);
    }
}

#[test]
fn units_do_not_matter_and_warm_starts_end_in_the_same_place() {
    for (_, r, spec) in cases() {
        let cold = fit(&r, spec, None).unwrap();
        let warm = fit(&r, spec, Some(&cold.parameters)).unwrap();
        assert!((warm.log_likelihood - cold.log_likelihood).abs() < 1e-5);
        let percent: Vec<f64> = r.iter().map(|x| 100.0 * x).collect();
        let scaled = fit(&percent, spec, None).unwrap();
        let (a, b) = (cold.log_likelihood, scaled.log_likelihood + r.len() as f64 * 100.0_f64.ln());
        assert!((a - b).abs() < 1e-5, "{a} {b}");
        assert!((scaled.parameters.beta / cold.parameters.beta - 1.0).abs() < 1e-3);
    }
}

#[test]
fn variance_targeting_gives_up_a_little_likelihood_and_keeps_the_sample_variance() {
    for (_, r, spec) in cases() {
        let free = fit(&r, spec, None).unwrap();
        let Ok(targeted) = fit(&r, Spec { variance_targeting: true, ..spec }, None) else { continue };
        assert!(targeted.log_likelihood <= free.log_likelihood + 1e-5);
        let mean = if spec.constant_mean { r.iter().sum::<f64>() / r.len() as f64 } else { 0.0 };
        let sample = r.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / r.len() as f64;
        if let Some(v) = targeted.parameters.unconditional_variance() {
            assert!((v / sample - 1.0).abs() < 1e-3, "{v} {sample}");
        }
        assert!(targeted.std_errors.omega.is_none());
    }
}

fn oracle(file: &str) -> String {
    let path = format!("{}/../../tools/oracle/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Daily returns of the German mark in British pounds, 1984 to 1991 (Bollerslev & Ghysels 1996), and the estimates with robust errors that
/// Fiorentini, Calzolari & Panattoni (1996) made a benchmark of, to the digits in McCullough & Renfro (1999), table 1.
#[test]
fn the_benchmark_on_marks_and_pounds() {
    let returns: Vec<f64> = oracle("data/dem2gbp.csv").lines().skip(1).map(|l| l.parse().unwrap()).collect();
    assert_eq!(returns.len(), 1974);
    let spec = Spec { constant_mean: true, init: Init::Sample, ..Spec::default() };
    let f = fit(&returns, spec, None).unwrap();
    let (p, e) = (f.parameters, f.std_errors);
    // The published errors divide by n, those here and in `arch` by n - 1.
    let n = returns.len() as f64;
    let by_n = |e: Option<f64>| e.unwrap() * ((n - 1.0) / n).sqrt();
    for (what, got, published, digit) in [
        ("mu", p.mu, -0.006_190_41, 1e-8),
        ("omega", p.omega, 0.010_761_3, 1e-7),
        ("alpha", p.alpha, 0.153_134, 1e-6),
        ("beta", p.beta, 0.805_974, 1e-6),
        ("error of mu", by_n(e.mu), 0.009_189_35, 1e-8),
        ("error of omega", by_n(e.omega), 0.006_493_19, 1e-8),
        ("error of alpha", by_n(e.alpha), 0.053_531_7, 1e-7),
        ("error of beta", by_n(e.beta), 0.072_461_4, 1e-7),
    ] {
        println!("{what}: {got:.9}, published {published}");
        // Some of the published digits are cut off, not rounded.
        assert!((got - published).abs() <= digit, "{what}: {got}, published {published}");
    }
}

/// The likelihood of a short window has several maxima. On 520 windows of all bundled series, with four models each, the fit is never
/// lower than where `arch` stops (tools/oracle/fe_garch_windows.py).
#[test]
fn no_maximum_is_lower_than_where_arch_stops() {
    let text = oracle("out/fe_garch_windows.csv");
    let mut series: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    let (mut windows, mut higher, mut lower, mut refused) = (0, 0, Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let c: Vec<&str> = line.split(',').collect();
        let all = series.entry((c[0], c[1])).or_insert_with(|| {
            let closes = match c[0] {
                file @ "index_ohlcv_1999_2018.csv.gz" => sample(file, "close", Some(("symbol", c[1]))),
                file => sample(file, c[1], None),
            };
            closes.windows(2).map(|w| (w[1].1 / w[0].1).ln()).collect()
        });
        let (start, length): (usize, usize) = (c[2].parse().unwrap(), c[3].parse().unwrap());
        let spec = Spec { gjr: c[4] == "1", student_t: c[5] == "1", constant_mean: true, ..Spec::default() };
        let theirs: f64 = c[6].parse().unwrap();
        let converged = c[7] == "1";
        windows += 1;
        match fit(&all[start..start + length], spec, None) {
            Ok(f) => {
                higher += usize::from(f.log_likelihood > theirs + 1e-6);
                // Where SLSQP gives up it may stand outside the bounds: wherever it is higher by more than 1e-4, alpha + gamma is below 0 or
                // the persistence above 1, by some millionths.
                let least = theirs - if converged { 1e-6 } else { 5e-3 };
                if f.log_likelihood < least {
                    lower.push(format!("{line}: {:.9}", f.log_likelihood));
                }
            }
            Err(e) => refused.push(format!("{line}: {e}")),
        }
    }
    println!("{windows} fits, {higher} higher than arch, {} refused", refused.len());
    assert!(windows >= 2000, "{windows}");
    assert!(lower.is_empty(), "lower maxima: {lower:#?}");
    // Student innovations on the days of a stock that often closes unchanged: their likelihood has no end.
    assert!(refused.len() <= windows / 200, "{refused:#?}");
}
