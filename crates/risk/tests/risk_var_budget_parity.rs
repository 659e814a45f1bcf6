//! risk_var_budget against numpy and scipy on SPY, TLT and XLE: `tools/oracle/risk_var_budget.py`.

use serde_json::{Value, json};
use tradewind_core_types::{Online, Params, parse_params, testkit};
use tradewind_numerics::tail::{Measure, Parts, TailMethod, VarianceFilter};
use tradewind_risk::budget::within_budgets;
use tradewind_risk::plugins::risk_var_budget::{RiskVarBudgetIn, RiskVarBudgetParams};

const TOLERANCE: f64 = 1e-12;

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/risk_var_budget.json")).unwrap()
}

fn returns(symbol: &str) -> Vec<f64> {
    let c = testkit::sample("etf23_close_2008_2016.csv.gz", symbol, None);
    c.windows(2).map(|w| w[1].1 / w[0].1 - 1.0).collect()
}

fn close(what: &str, got: f64, want: &Value, tolerance: f64) {
    let want = want.as_f64().unwrap();
    assert!((got - want).abs() <= tolerance * want.abs().max(1.0), "{what}: {got} instead of {want}");
}

#[test]
fn forecasts_and_their_coverage() {
    let rows: Vec<_> = returns("SPY").into_iter().map(|ret| RiskVarBudgetIn { ret }).collect();
    for (method, want) in oracle()["streams"].as_object().unwrap() {
        let params: RiskVarBudgetParams = parse_params(&json!({ "method": method })).unwrap();
        let mut var = params.build().unwrap();
        let out = var.batch(&rows).unwrap();
        for row in want["rows"].as_array().unwrap() {
            let i = row["row"].as_u64().unwrap() as usize;
            let got = out[i].unwrap();
            close(&format!("{method} VaR at {i}"), got.var, &row["var"], TOLERANCE);
            assert_eq!(got.es.is_none(), row["es"].is_null(), "{method} ES at {i}");
            if let Some(es) = got.es {
                // The integral of Cornish-Fisher is numerical on the other side.
                close(
                    &format!("{method} ES at {i}"),
                    es,
                    &row["es"],
                    if method == "cornish_fisher" { 1e-10 } else { TOLERANCE },
                );
            }
        }
        let (s, c) = (var.summary(), &want["coverage"]);
        assert_eq!((&s["forecasts"], &s["exceedances"]), (&c["forecasts"], &c["exceedances"]), "{method}");
        for (ours, theirs) in [
            ("kupiec", "kupiec"),
            ("christoffersen_independence", "independence"),
            ("christoffersen_conditional_coverage", "conditional"),
        ] {
            for field in ["statistic", "p_value"] {
                close(&format!("{method} {ours} {field}"), s[ours][field].as_f64().unwrap(), &c[theirs][field], 1e-10);
            }
        }
    }
}

#[test]
fn components_are_the_derivatives() {
    let oracle = oracle();
    let n = 504;
    let series = ["SPY", "TLT", "XLE"].map(|s| {
        let r = returns(s);
        r[r.len() - n..].to_vec()
    });
    let values: Vec<f64> = oracle["weights"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|w| {
            let w: Vec<f64> = w.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            (0..n).map(|t| (0..3).map(|i| w[i] * series[i][t]).sum::<f64>()).collect::<Vec<_>>()
        })
        .collect();
    for (name, method) in [
        ("historical", TailMethod::Historical),
        ("normal", TailMethod::Normal),
        ("cornish_fisher", TailMethod::CornishFisher),
        ("filtered_historical", TailMethod::Filtered(VarianceFilter::ewma(0.94))),
    ] {
        let want = &oracle["decomposed"][name];
        let got = within_budgets(Parts { values: &values, n }, &[1.0; 3], Measure::exact(method, 0.95)).unwrap();
        close(name, got.var, &want["var"], TOLERANCE);
        assert!((got.components.iter().sum::<f64>() - got.var).abs() < 1e-12);
        for i in 0..3 {
            close(&format!("{name} component {i}"), got.components[i], &want["components"][i], TOLERANCE);
            close(&format!("{name} incremental {i}"), got.incremental[i], &want["incremental"][i], TOLERANCE);
        }
    }
}
