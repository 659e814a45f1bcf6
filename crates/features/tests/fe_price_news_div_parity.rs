//! Parity of fe_price_news_div with scipy.stats.spearmanr and pandas (tools/oracle/fe_price_news_div.py).

use serde_json::Value;
use tradewind_core_types::{Online, Params};
use tradewind_features::plugins::fe_price_news_div::{FePriceNewsDivIn, FePriceNewsDivParams};
use tradewind_numerics::rank::Ranks;

fn numbers(v: &Value) -> Vec<Option<f64>> {
    v.as_array().unwrap().iter().map(Value::as_f64).collect()
}

#[test]
fn correlations_and_scores_are_those_of_scipy_and_pandas() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/oracle/out/fe_price_news_div.json");
    let reference: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let sentiment = numbers(&reference["sentiment"]);
    let (mut compared, mut missing, mut worst) = (0, 0, 0.0_f64);
    for case in reference["cases"].as_array().unwrap() {
        let count = |k: &str| case[k].as_u64().unwrap() as usize;
        let (window, min_sessions) = (count("window"), count("min_sessions"));
        let p = FePriceNewsDivParams { window, min_sessions, ..Default::default() };
        let closes = numbers(&reference["close"][case["symbol"].as_str().unwrap()]);
        let rows: Vec<_> = closes
            .iter()
            .zip(&sentiment)
            .map(|(c, s)| FePriceNewsDivIn { close: c.unwrap(), sentiment: *s, news: None, headlines: None })
            .collect();
        let out = p.build().unwrap().batch(&rows).unwrap();
        for row in case["rows"].as_array().unwrap() {
            let got = out[row["end"].as_u64().unwrap() as usize].unwrap();
            for (name, g) in
                [("correlation", got.correlation), ("z_sentiment", got.z_sentiment), ("z_return", got.z_return)]
            {
                match (g, row[name].as_f64()) {
                    (None, None) => missing += 1,
                    (Some(g), Some(w)) => {
                        worst = worst.max((g - w).abs());
                        compared += 1;
                        assert!(
                            (g - w).abs() < 1e-10,
                            "{name} of {} at {}: {g} against {w}",
                            case["symbol"],
                            row["end"]
                        );
                    }
                    other => panic!("{name} of {} at {}: {other:?}", case["symbol"], row["end"]),
                }
            }
        }
    }
    println!("{compared} values compared, {missing} missing in both, largest difference {worst:e}");
    assert!(compared > 700 && missing > 50);
    let given = |k: &str| numbers(&reference["ranks"][k]).into_iter().flatten().collect::<Vec<f64>>();
    assert_eq!(Ranks::default().of(&given("x")), given("ranks"));
}
