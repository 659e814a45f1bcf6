//! Checks the shape of a configuration against its JSON Schema: every unknown key and every wrong type, with a suggestion.

use serde_json::Value;
use tradewind_core_types::{Invalid, Violation, did_you_mean};

/// Everything in `value` that does not fit `schema` (the subset of JSON Schema that schemars writes).
pub fn violations(schema: &Value, value: &Value) -> Invalid {
    let mut bad = Invalid::default();
    walk(schema, schema, value, "", &mut bad);
    bad
}

/// Follows `$ref` and `allOf` of one.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let found = target.strip_prefix('#').and_then(|p| root.pointer(p));
        return found.map_or(schema, |s| resolve(root, s));
    }
    match schema.get("allOf").and_then(Value::as_array) {
        Some(all) if all.len() == 1 => resolve(root, &all[0]),
        _ => schema,
    }
}

fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    let mut bad = Invalid::default();
    walk(root, schema, value, "", &mut bad);
    bad.0.is_empty()
}

fn walk(root: &Value, schema: &Value, value: &Value, path: &str, bad: &mut Invalid) {
    let schema = resolve(root, schema);
    let mut say = |problem: String| bad.0.push(Violation { field: path.into(), problem });
    if let Some(choices) = ["anyOf", "oneOf"].iter().find_map(|k| schema.get(*k).and_then(Value::as_array)) {
        let open: Vec<&Value> = choices.iter().map(|c| resolve(root, c)).collect();
        if open.iter().any(|c| fits(root, c, value)) {
            return;
        }
        if let Some((key, tagged)) = tags(&open)
            && let Some(fields) = value.as_object()
        {
            // Tables told apart by one key: that key decides which of them is meant.
            let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let names = tagged.iter().map(|t| t.0);
            match fields.get(&key).map(|v| v.as_str().unwrap_or_default()) {
                None => say(format!("the key {key:?} is missing: one of {}", names.collect::<Vec<_>>().join(", "))),
                Some(text) => match tagged.iter().find(|t| t.0 == text) {
                    Some((_, s)) => walk(root, s, value, path, bad),
                    None => bad
                        .0
                        .push(Violation { field: below, problem: format!("is {text:?}{}", did_you_mean(text, names)) }),
                },
            }
            return;
        }
        let names = literals(root, schema);
        let table = open.iter().find(|c| c.get("properties").is_some() && value.is_object());
        match (table, value.as_str()) {
            (Some(t), _) => walk(root, t, value, path, bad),
            (None, Some(text)) if !names.is_empty() => {
                say(format!("is {text:?}{}", did_you_mean(text, names.iter().map(String::as_str))));
            }
            _ if !names.is_empty() => say(format!("is {value}: expected one of {}", names.join(", "))),
            _ => match open.iter().find(|c| c.get("type") != Some(&Value::from("null"))) {
                Some(c) => walk(root, c, value, path, bad),
                None => say(format!("is {value}")),
            },
        }
        return;
    }
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        if !list.contains(value) {
            let names = literals(root, schema);
            match value.as_str() {
                Some(text) => say(format!("is {text:?}{}", did_you_mean(text, names.iter().map(String::as_str)))),
                None => say(format!("is {value}: expected one of {}", names.join(", "))),
            }
        }
        return;
    }
    if let Some(wanted) = schema.get("const") {
        if wanted != value {
            say(format!("is {value}: expected {wanted}"));
        }
        return;
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(t)) => vec![t],
        Some(Value::Array(ts)) => ts.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let is = |t: &str| match t {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    if !types.is_empty() && !types.iter().any(|t| is(t)) {
        // TOML has no null: what may be null may be left out.
        let wanted: Vec<&str> = types.iter().filter(|t| **t != "null").map(|t| name(t)).collect();
        say(format!("is {value}: expected {}", wanted.join(" or ")));
        return;
    }
    if value.is_u64() != value.is_i64() || value.as_i64().is_some_and(|v| v < 0) {
        let below = schema.get("minimum").and_then(Value::as_f64).zip(value.as_f64()).is_some_and(|(m, v)| v < m);
        if below {
            say(format!("is {value}: expected at least {}", schema["minimum"]));
        }
    }
    let text = value.as_str().filter(|_| schema.get("format").and_then(Value::as_str) == Some("date"));
    if let Some(Err(_)) = text.map(str::parse::<jiff::civil::Date>) {
        say(format!("is {value}: expected a date such as \"2015-08-24\""));
        return;
    }
    match value {
        Value::Object(fields) => {
            let known = schema.get("properties").and_then(Value::as_object);
            let open = schema.get("additionalProperties");
            for (key, v) in fields {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (known.and_then(|k| k.get(key)), open) {
                    (Some(s), _) => walk(root, s, v, &below, bad),
                    (None, Some(Value::Bool(false))) => {
                        let names: Vec<&str> =
                            known.map(|k| k.keys().map(String::as_str).collect()).unwrap_or_default();
                        let problem = format!("unknown key{}", did_you_mean(key, names.iter().copied()));
                        bad.0.push(Violation { field: below, problem });
                    }
                    (None, Some(s @ Value::Object(_))) => walk(root, s, v, &below, bad),
                    _ => {}
                }
            }
            for key in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
            {
                if !fields.contains_key(key) {
                    bad.0.push(Violation { field: path.into(), problem: format!("the key {key:?} is missing") });
                }
            }
        }
        Value::Array(items) => {
            for (i, v) in items.iter().enumerate() {
                let below = format!("{path}.{i}");
                match schema.get("prefixItems").and_then(|p| p.get(i)).or_else(|| schema.get("items")) {
                    Some(s) if s.is_object() => walk(root, s, v, &below, bad),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// The key that tells tables apart, when every choice is a table with one text for it; and these texts.
fn tags<'a>(choices: &[&'a Value]) -> Option<(String, Vec<(&'a str, &'a Value)>)> {
    let of = |c: &'a Value, key: &str| c.get("properties")?.get(key)?.get("const")?.as_str();
    let first = choices.first()?.get("properties")?.as_object()?;
    let key = first.keys().find(|k| choices.iter().all(|c| of(c, k).is_some()))?;
    Some((key.clone(), choices.iter().filter_map(|c| Some((of(c, key)?, *c))).collect()))
}

fn name(t: &str) -> &str {
    match t {
        "object" => "a table",
        "array" => "a list",
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        other => other,
    }
}

/// The texts a schema allows.
pub(crate) fn literals(root: &Value, schema: &Value) -> Vec<String> {
    let schema = resolve(root, schema);
    let mut out: Vec<String> = Vec::new();
    if let Some(Value::String(s)) = schema.get("const") {
        out.push(s.clone());
    }
    for s in schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        out.push(s.to_owned());
    }
    for choices in ["anyOf", "oneOf"].iter().filter_map(|k| schema.get(*k).and_then(Value::as_array)) {
        out.extend(choices.iter().flat_map(|c| literals(root, c)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn problems(toml: &str) -> String {
        let table: toml::Table = toml::from_str(toml).unwrap();
        let schema = schemars::schema_for!(Config);
        violations(schema.as_value(), &serde_json::to_value(table).unwrap()).to_string()
    }

    #[test]
    fn unknown_keys_wrong_types_and_wrong_words() {
        let p = problems(
            "titel = 'x'\n[run]\ncash = 'lots'\njournal = 'ful'\n[engine]\nschedule = 'session_clsoe'\n[engine.rates]\ncahs = 1\n\
             [[data.source]]\nlayuot = 'wide'\nkind = 'bars'\n[exchange]\nshorting = { onyl = [] }\n[strategy.a]\nfilters = 'x'",
        );
        for want in [
            "titel: unknown key: did you mean \"title\"?",
            "run.cash: is \"lots\": expected a number",
            "run.journal: is \"ful\": did you mean \"full\"?",
            "engine.schedule: is \"session_clsoe\": did you mean \"session_close\"?",
            "engine.rates.cahs: unknown key: did you mean \"cash\"?",
            "data.source.0.layuot: unknown key: did you mean \"layout\"?",
            "data.source.0.kind: is \"bars\": did you mean \"bar\"?",
            "exchange.shorting",
            "strategy.a.filters: is \"x\": expected a list",
        ] {
            assert!(p.contains(want), "{want}\nnot in\n{p}");
        }
        assert_eq!(problems("[engine]\nschedule = 'signal'"), "");
    }
}
