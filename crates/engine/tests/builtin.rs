//! The engine's own plugins keep what every plugin must keep: they listen to all that changes them, and a restart changes nothing.

use serde_json::json;
use tradewind_core_types::testkit::{drive, every_kind, listens_suite};
use tradewind_core_types::{Probe, Symbol};
use tradewind_engine::builtin::{
    BaseSize, BuyAndHold, CrossoverParams, EveryTrade, FeatureSignalParams, LimitsParams, OrderLimitsParams,
};

fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

fn conforms(who: &str, params: &serde_json::Value, build: &dyn Fn() -> Probe) {
    listens_suite(who, params, build);
    let events = every_kind(3);
    let whole = drive(build, &events, None);
    for stop in [1, events.len() / 3, events.len() - 1] {
        assert_eq!(drive(build, &events, Some(stop)), whole, "{who} restarted after event {stop}");
    }
}

#[test]
fn signals_keep_the_contract() {
    let crossover = CrossoverParams { fast: 3, slow: 9 };
    conforms("crossover", &json!({}), &|| Probe::Alpha(Box::new(crossover.build().unwrap())));
    let hold = || BuyAndHold::new(vec![(symbol("SPY"), 0.6), (symbol("TLT"), 0.4)]);
    conforms("buy_and_hold", &json!({}), &|| Probe::Alpha(Box::new(hold())));
    conforms("every_trade", &json!({}), &|| Probe::Alpha(Box::new(EveryTrade::default())));
    let follow = FeatureSignalParams { full: 0.5, ..FeatureSignalParams::default() };
    conforms("feature_signal", &serde_json::to_value(&follow).unwrap(), &|| {
        Probe::Alpha(Box::new(follow.build().unwrap()))
    });
}

#[test]
fn sizes_limits_and_last_looks_keep_the_contract() {
    conforms("base", &json!({}), &|| Probe::Sizer(Box::new(BaseSize(0.5))));
    let sectors = [("bonds".to_owned(), vec!["TLT".to_owned()])].into();
    let limits =
        LimitsParams { symbol: 0.5, gross: 0.9, net: Some(0.7), sector: Some(0.3), sectors, ..LimitsParams::default() };
    conforms("limits", &json!({}), &|| Probe::Rule(Box::new(limits.build().unwrap())));
    let last = OrderLimitsParams { price_collar: 0.01, duplicate_seconds: 60.0, ..OrderLimitsParams::default() };
    conforms("order_limits", &json!({}), &|| Probe::PreTrade(Box::new(last.build().unwrap())));
}
