//! alpha_vix_regime against numpy on the VIX of the sample: `tools/oracle/alpha_vix_regime.py`.

use serde_json::{Value, json};
use tradewind_alpha::plugins::alpha_vix_regime::{AlphaVixRegimeIn, AlphaVixRegimeOut, AlphaVixRegimeParams};
use tradewind_core_types::{Online, Params, parse_params, testkit};

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/alpha_vix_regime.json")).unwrap()
}

fn run(table: &Value) -> Vec<AlphaVixRegimeOut> {
    let p: AlphaVixRegimeParams = parse_params(table).unwrap();
    let inputs: Vec<_> = testkit::sample("vix_close_2014_2019.csv", "vix", None)
        .into_iter()
        .map(|(_, vix)| AlphaVixRegimeIn { vix, vix3m: None })
        .collect();
    p.build().unwrap().batch(&inputs).unwrap().into_iter().flatten().collect()
}

fn levels(text: &Value) -> Vec<u8> {
    text.as_str().unwrap().bytes().map(|b| b - b'0').collect()
}

#[test]
fn fixed_thresholds_without_memory_are_digitize() {
    let reference = oracle();
    let got = run(&json!({"hysteresis": 0.0, "min_dwell": 1}));
    assert_eq!(got.iter().map(|o| o.level).collect::<Vec<_>>(), levels(&reference["fixed_level"]));
    assert_eq!(switches(&got) as u64, reference["fixed_switches"].as_u64().unwrap());
    let default = AlphaVixRegimeParams::default();
    let mut tried_default = false;
    for case in reference["held"].as_array().unwrap() {
        let held = run(&json!({"hysteresis": case["hysteresis"], "min_dwell": case["min_dwell"]}));
        assert_eq!(held.iter().map(|o| o.level).collect::<Vec<_>>(), levels(&case["level"]), "{case}");
        // With memory there are fewer switches, and never less caution than the thresholds ask for.
        assert!(switches(&held) < switches(&got));
        assert!(held.iter().zip(&got).all(|(h, g)| h.level >= g.level));
        tried_default |= case["hysteresis"] == default.hysteresis && case["min_dwell"] == default.min_dwell;
        println!("{}, {}: {} switches", case["hysteresis"], case["min_dwell"], switches(&held));
    }
    assert!(tried_default, "the defaults are among the cases");
}

fn switches(o: &[AlphaVixRegimeOut]) -> usize {
    o.windows(2).filter(|w| w[0].level != w[1].level).count()
}

#[test]
fn trailing_quantiles_are_those_of_numpy() {
    let mut worst = 0.0_f64;
    for case in oracle()["quantiles"].as_array().unwrap() {
        let q = &case["probabilities"];
        let window = case["window"].as_u64().unwrap() as usize;
        let got = run(&json!({
            "thresholds": "quantile", "quantile_window": window, "hysteresis": 0.0, "min_dwell": 1,
            "normal_quantile": q[0], "elevated_quantile": q[1], "crisis_quantile": q[2],
        }));
        assert!(got[..window].iter().all(|o| !o.from_quantiles && o.normal_at == 15.0));
        assert!(got[window..].iter().all(|o| o.from_quantiles));
        assert_eq!(got[window..].iter().map(|o| o.level).collect::<Vec<_>>(), levels(&case["level"]));
        let step = case["step"].as_u64().unwrap() as usize;
        for (o, want) in got[window..].iter().step_by(step).zip(case["thresholds"].as_array().unwrap()) {
            for (g, w) in [o.normal_at, o.elevated_at, o.crisis_at].iter().zip(want.as_array().unwrap()) {
                worst = worst.max((g - w.as_f64().unwrap()).abs());
            }
        }
    }
    println!("largest difference of a threshold {worst:e}");
    assert!(worst < 1e-12);
}
