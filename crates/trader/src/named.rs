//! The symbols that a configuration names. What it computes with must be in the data; what it forbids or groups ought to be.

use serde_json::Value;
use tradewind_core_types::Role;
use tradewind_engine::Shorting;

use crate::catalogue;
use crate::compose::BUILTIN_ALPHAS;
use crate::config::{Config, PluginConfig};

/// Parameters of plugins that name symbols: as text, in lists, or as the keys of a table.
pub const SYMBOL_KEYS: [&str; 10] =
    ["symbol", "symbols", "index", "vix", "pairs", "safe", "universe", "hedge", "market", "benchmark"];

/// Parameters that list symbols which may or may not be traded, as lists or as `{ only = [...] }`.
pub const LIST_KEYS: [&str; 2] = ["restricted", "shortable"];

/// A symbol that a configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSymbol {
    /// The field that names it.
    pub field: String,
    /// Its name.
    pub symbol: String,
    /// Whether nothing works without its data. The others are lists that may name more than is traded, so that an unknown one is only noted.
    pub needed: bool,
}

/// Every symbol that a configuration names; defaults of plugins included.
pub fn all(config: &Config) -> Vec<NamedSymbol> {
    let mut out = Vec::new();
    for (role, plugins) in config.roles() {
        for (name, p) in plugins {
            of_plugin(role, name, p, &mut out);
        }
    }
    let mut needed = Vec::new();
    for (i, b) in config.benchmark.iter().enumerate() {
        needed.extend(b.weights.keys().map(|s| (format!("benchmark.{i}.weights"), s.clone())));
    }
    let mut listed = Vec::new();
    for (sector, symbols) in &config.limits.sectors {
        listed.extend(symbols.iter().map(|s| (format!("limits.sectors.{sector}"), s.clone())));
    }
    listed.extend(config.order_limits.restricted.iter().map(|s| ("order_limits.restricted".to_owned(), s.clone())));
    let shorting = [
        ("limits.shortable", config.limits.shortable.as_ref()),
        ("order_limits.shortable", config.order_limits.shortable.as_ref()),
        ("exchange.shorting", Some(&config.exchange.shorting)),
    ];
    for (field, list) in shorting {
        if let Some(Shorting::Only(symbols)) = list {
            listed.extend(symbols.iter().map(|s| (field.to_owned(), s.clone())));
        }
    }
    let named = |needed: bool| move |(field, symbol)| NamedSymbol { field, symbol, needed };
    out.extend(needed.into_iter().map(named(true)).chain(listed.into_iter().map(named(false))));
    out
}

/// Those without whose data nothing works: field and name.
pub fn needed(config: &Config) -> Vec<(String, String)> {
    all(config).into_iter().filter(|n| n.needed).map(|n| (n.field, n.symbol)).collect()
}

fn of_plugin(role: Role, name: &str, p: &PluginConfig, out: &mut Vec<NamedSymbol>) {
    let defaults = match catalogue::find(&p.plugin) {
        Ok(info) => (info.defaults)(),
        Err(_) if BUILTIN_ALPHAS.contains(&p.plugin.as_str()) => Value::Null,
        Err(_) => return,
    };
    let value = |key: &str| p.params.get(key).or_else(|| defaults.get(key)).unwrap_or(&Value::Null);
    let is = |key: &str, what: &str| value(key).as_str() == Some(what);
    let mut add = |key: &str, symbol: &str, needed: bool| {
        out.push(NamedSymbol { field: format!("{role}.{name}.{key}"), symbol: symbol.to_owned(), needed });
    };
    for key in SYMBOL_KEYS {
        let counts = match (p.plugin.as_str(), key) {
            // Not a symbol, but how its ratio is estimated.
            ("alpha_coint_pairs", "hedge") => false,
            ("alpha_coint_pairs", "market") => is("neutral", "beta"),
            // As filters they follow the scores of signals.
            ("fe_kalman" | "fe_wavelet", "symbols") => role != Role::Filter,
            _ => true,
        };
        if counts {
            texts(value(key), &mut |s| add(key, s, true));
        }
    }
    for key in LIST_KEYS {
        let list = value(key);
        if let list @ Value::Array(_) = list.get("only").unwrap_or(list) {
            texts(list, &mut |s| add(key, s, false));
        }
    }
    // Closes of a symbol; other regressors are features, which are looked up among those that are published.
    if let ("fe_kalman", true, Some(regressor)) =
        (p.plugin.as_str(), role == Role::Feature && is("model", "regression"), value("regressor").as_str())
        && let Some(symbol) = regressor.strip_suffix(".close").filter(|s| !s.contains('{'))
    {
        add("regressor", symbol, true);
    }
    // The default may be missing: then there is no rule on the term structure. One that was asked for is noted.
    if let Some(symbol) = p.params.get("term_symbol").and_then(Value::as_str) {
        add("term_symbol", symbol, false);
    }
}

/// The texts in a value: itself, those of its elements, or its keys.
fn texts(v: &Value, to: &mut dyn FnMut(&str)) {
    match v {
        Value::String(s) if !s.is_empty() => to(s),
        Value::Array(all) => all.iter().for_each(|x| texts(x, to)),
        Value::Object(m) => m.keys().for_each(|k| to(k)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, json};

    use super::*;

    /// Settings of plugins that hold free text and name no symbols: features, strategies, firms, grades, and words that the schema does not list.
    const OTHER_TEXTS: [&str; 16] = [
        "aliases",
        "budgets",
        "exempt",
        "feature",
        "firms",
        "grades",
        "input",
        "mode",
        "name",
        "noise",
        "regressor",
        "shrink",
        "signs",
        "threshold",
        "transform",
        "wavelet",
    ];

    /// Whether a schema allows text that is not one of some words.
    fn free_text(root: &Value, s: &Value) -> bool {
        if let Some(name) = s.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/")) {
            return root.get("$defs").and_then(|d| d.get(name)).is_some_and(|d| free_text(root, d));
        }
        let of = |key: &str| s.get(key).is_some_and(|x| free_text(root, x));
        let any =
            |key: &str| s.get(key).and_then(Value::as_array).is_some_and(|a| a.iter().any(|x| free_text(root, x)));
        let is = |t: &str| match s.get("type") {
            Some(Value::Array(all)) => all.iter().any(|x| x == t),
            Some(one) => one == t,
            None => false,
        };
        let fixed = s.get("enum").is_some() || s.get("const").is_some();
        (is("string") && !fixed)
            || of("items")
            || any("prefixItems")
            || any("anyOf")
            || any("oneOf")
            || s.get("additionalProperties").is_some_and(Value::is_object)
            || s.get("properties").and_then(Value::as_object).is_some_and(|m| m.values().any(|x| free_text(root, x)))
    }

    /// Every setting of every plugin that can hold free text is known here to name symbols, or known not to: a new one has to be looked at.
    #[test]
    fn every_setting_that_names_symbols_is_found() {
        let mut met = BTreeSet::new();
        for (_, info) in catalogue::all() {
            let schema = (info.schema)();
            let root = schema.as_value();
            for (key, s) in root.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if free_text(root, s) {
                    met.insert((info.id, key.clone()));
                }
            }
        }
        assert!(met.len() > 30, "{met:?}");
        for (id, key) in met {
            let key = key.as_str();
            // The text that each of them takes.
            let value = match key {
                "pairs" => json!([["QQX", "KO"]]),
                "benchmark" => json!({"QQX": 1.0}),
                "shortable" => json!({"only": ["QQX"]}),
                "symbols" | "universe" | "restricted" => json!(["QQX"]),
                _ if SYMBOL_KEYS.contains(&key) || key == "term_symbol" => json!("QQX"),
                _ => {
                    assert!(OTHER_TEXTS.contains(&key), "{id}.{key}: does it name symbols?");
                    continue;
                }
            };
            let params = Map::from_iter([(key.to_owned(), value), ("neutral".to_owned(), json!("beta"))]);
            let mut out = Vec::new();
            of_plugin(Role::Feature, "y", &PluginConfig { plugin: id.into(), params }, &mut out);
            assert!(
                out.iter().any(|n| n.symbol == "QQX" && n.field == format!("feature.y.{key}")),
                "{id}.{key}: {out:?}"
            );
        }
        let regression = json!({"model": "regression", "regressor": "QQX.close"});
        let p =
            PluginConfig { plugin: "fe_kalman".into(), params: regression.as_object().cloned().unwrap_or_default() };
        let mut out = Vec::new();
        of_plugin(Role::Feature, "f", &p, &mut out);
        assert!(out.iter().any(|n| n.symbol == "QQX" && n.needed), "{out:?}");
    }

    #[test]
    fn lists_that_protect_are_found_and_not_needed() {
        let set = [
            "order_limits.restricted=['A1']",
            "limits.sector=0.5",
            "limits.sectors.x=['A2']",
            "limits.shortable={only=['A3']}",
            "order_limits.shortable={only=['A4']}",
            "exchange.shorting={only=['A5']}",
            "overlay.regime.term_symbol='A6'",
        ];
        let c = Config::load(None, &set.map(String::from)).unwrap_or_else(|e| panic!("{e}"));
        let unknown = |n: &NamedSymbol| !n.needed && n.symbol.len() == 2 && n.symbol.starts_with('A');
        let listed: Vec<String> = all(&c).into_iter().filter(unknown).map(|n| n.symbol).collect();
        assert_eq!(listed, ["A6", "A2", "A1", "A3", "A4", "A5"]);
    }
}
