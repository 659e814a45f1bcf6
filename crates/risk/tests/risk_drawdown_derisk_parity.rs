//! risk_drawdown_derisk against pandas and empyrical on SPY with flows: `tools/oracle/risk_drawdown_derisk.py`.

use serde_json::Value;
use tradewind_core_types::{Online, Params};
use tradewind_risk::plugins::risk_drawdown_derisk::{RiskDrawdownDeriskIn, RiskDrawdownDeriskParams};

#[test]
fn the_drawdown_of_an_account_with_flows_is_that_of_the_price() {
    let oracle: Value =
        serde_json::from_str(include_str!("../../../tools/oracle/out/risk_drawdown_derisk.json")).unwrap();
    let column =
        |name: &str| -> Vec<f64> { oracle[name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
    let rows: Vec<_> = column("equity")
        .into_iter()
        .zip(column("flow"))
        .map(|(equity, flow)| RiskDrawdownDeriskIn { equity, flow: Some(flow) })
        .collect();
    let out = RiskDrawdownDeriskParams::default().build().unwrap().batch(&rows).unwrap();
    for row in oracle["rows"].as_array().unwrap() {
        let i = row["row"].as_u64().unwrap() as usize;
        let o = out[i].unwrap();
        for (what, got, want) in [("nav", o.nav, &row["nav"]), ("drawdown", o.drawdown_all_time, &row["drawdown"])] {
            let want = want.as_f64().unwrap();
            assert!((got - want).abs() < 1e-12, "{what} at {i}: {got} instead of {want}");
        }
    }
    let worst = out.iter().flatten().map(|o| o.drawdown_all_time).fold(0.0, f64::max);
    assert!((worst - oracle["max_drawdown"].as_f64().unwrap()).abs() < 1e-12, "{worst}");
}
