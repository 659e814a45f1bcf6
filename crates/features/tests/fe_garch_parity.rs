//! Parity of fe_garch with the Python package `arch` (tools/oracle/fe_garch.py) on S&P 500 and Nasdaq returns, 1999-2018.

use serde_json::Value;
use tradewind_core_types::testkit::sample;
use tradewind_numerics::garch::{Fit, Spec, conditional_variances, fit, log_likelihood};

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
        let l = log_likelihood(&r, &parameters, spec.constant_mean).unwrap();
        let arch = want["log_likelihood"].as_f64().unwrap();
        assert!((l - arch).abs() < 1e-7, "{}: {l} against {arch}", name(&want));
        let h = conditional_variances(&r, &parameters, spec.constant_mean);
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
