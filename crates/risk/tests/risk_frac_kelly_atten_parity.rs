//! risk_frac_kelly_atten against scipy, numpy and pandas: `tools/oracle/risk_frac_kelly_atten.py`.

use serde_json::{Value, json};
use tradewind_core_types::{Online, Params, parse_params, testkit};
use tradewind_numerics::beta_distribution as beta;
use tradewind_risk::kelly::assets::{AssetLimits, assets};
use tradewind_risk::kelly::{discrete, expected_growth, shrinkage_discrete, shrinkage_optimum};
use tradewind_risk::plugins::risk_frac_kelly_atten::{RiskFracKellyAttenIn, RiskFracKellyAttenParams};

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/risk_frac_kelly_atten.json")).unwrap()
}
fn f(v: &Value, name: &str) -> f64 {
    v[name].as_f64().unwrap_or_else(|| panic!("{name} of {v}"))
}
fn list(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}
fn near(got: f64, want: f64, tolerance: f64, what: &dyn std::fmt::Debug) {
    assert!((got - want).abs() <= tolerance * want.abs().max(1e-3), "{got} instead of {want}: {what:?}");
}

#[test]
fn quantiles() {
    let o = oracle();
    for c in o["beta"].as_array().unwrap() {
        near(beta::quantile(f(c, "level"), f(c, "a"), f(c, "b")), f(c, "x"), 1e-10, c);
    }
    for c in o["student"].as_array().unwrap() {
        near(beta::student_quantile(f(c, "level"), f(c, "df")), f(c, "t"), 1e-10, c);
    }
}

#[test]
fn stakes_and_shrinkage_are_the_optima() {
    let o = oracle();
    for c in o["kelly"].as_array().unwrap() {
        near(discrete(f(c, "p"), f(c, "b")).unwrap(), f(c, "f"), 1e-10, c);
    }
    for c in o["shrinkage"].as_array().unwrap() {
        let (p, b, n) = (f(c, "p"), f(c, "b"), f(c, "n"));
        let k = shrinkage_optimum(p, b, n as usize).unwrap();
        near(k, f(c, "k"), 1e-9, c);
        let closed = shrinkage_discrete(p, b, p * (1.0 - p) / n).unwrap();
        near(closed, f(c, "parabola"), 1e-10, c);
        // The stakes of the oracle at its two factors grow as it says; the closed form costs little where it differs.
        let stake = |k: f64| move |j: usize| k * (((b + 1.0) * j as f64 / n - 1.0) / b).max(0.0);
        for (name, k) in [("k", k), ("parabola", closed)] {
            near(expected_growth(p, b, n as usize, stake(k)).unwrap(), f(&c["growth"], name), 1e-7, c);
        }
    }
}

#[test]
fn sizes_on_spy() {
    let closes: Vec<f64> =
        testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None).into_iter().map(|x| x.1).collect();
    let rows: Vec<_> =
        closes.windows(2).map(|w| RiskFracKellyAttenIn { ret: w[1] / w[0] - 1.0, probability: None }).collect();
    for case in oracle()["cases"].as_array().unwrap() {
        let mut p = json!({"cap": 5.0});
        for name in ["method", "attenuation", "loss", "level", "window", "minimum", "sides"] {
            p[name] = case[name].clone();
        }
        let p: RiskFracKellyAttenParams = parse_params(&p).unwrap();
        let out = p.build().unwrap().batch(&rows).unwrap();
        for row in case["rows"].as_array().unwrap() {
            let o = out[row["row"].as_u64().unwrap() as usize].unwrap();
            for (name, got) in [
                ("low", o.p_low.or(o.mean_low).unwrap()),
                ("kelly", o.kelly.unwrap()),
                ("attenuation", o.attenuation.unwrap()),
                ("size", o.size),
            ] {
                near(got, f(row, name), 1e-10, &(&p, row, name));
            }
        }
    }
}

#[test]
fn ten_stocks() {
    let a = &oracle()["assets"];
    let (mean, cov) = (list(&a["mean"]), list(&a["covariance"]));
    let wide = AssetLimits { fraction: 1.0, cap: 1e9, gross: 1e9, ..AssetLimits::default() };
    let free = assets(&mean, &cov, &AssetLimits { observations: Some(1000.0), ..wide }).unwrap();
    near(free.attenuation, f(a, "attenuation"), 1e-10, &"attenuation");
    for (got, want) in free.full.iter().zip(list(&a["free"])) {
        near(*got, want, 1e-10, &"free");
    }
    let longs = assets(&mean, &cov, &AssetLimits { long_only: true, ..wide }).unwrap();
    for (got, want) in longs.full.iter().zip(list(&a["long_only"])) {
        near(*got, want, 1e-10, &"long only");
    }
    // Eight sessions of ten stocks: singular, repaired.
    let few = &a["few"];
    let (mean, cov) = (list(&few["mean"]), list(&few["covariance"]));
    assert_eq!(assets(&mean, &cov, &wide).unwrap_err().found, "singular");
    let w = assets(&mean, &cov, &AssetLimits { repair: few["condition"].as_f64(), ..wide }).unwrap();
    near(w.repaired, f(few, "repaired"), 1e-10, &"repaired");
    for (got, want) in w.full.iter().zip(list(&few["full"])) {
        near(*got, want, 1e-9, &"repaired weights");
    }
}
