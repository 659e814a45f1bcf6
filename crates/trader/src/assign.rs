//! `--set KEY=VALUE`: changes one value of a configuration.

use serde_json::{Map, Value};

use crate::config::value_of;

/// Takes `a.b.c=value` apart: the parts of the key, and the value's text. Parts with dots or equals signs stand in quotes.
fn parts(assignment: &str) -> Result<(Vec<String>, &str), String> {
    let bad = |why: &str| Err(format!("--set {assignment:?}: {why}"));
    let (mut all, mut part, mut quote, mut quoted) = (Vec::new(), String::new(), None, false);
    for (i, c) in assignment.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), c) => part.push(c),
            (None, '"' | '\'') if part.trim().is_empty() && !quoted => {
                (quote, quoted, part) = (Some(c), true, String::new())
            }
            (None, '.' | '=') => {
                let whole =
                    if quoted { std::mem::take(&mut part) } else { std::mem::take(&mut part).trim().to_owned() };
                if whole.is_empty() {
                    return bad("empty part in the key");
                }
                all.push(whole);
                quoted = false;
                if c == '=' {
                    return Ok((all, &assignment[i + 1..]));
                }
            }
            (None, c) if quoted && c.is_whitespace() => {}
            (None, _) if quoted => return bad("text after the closing quote of a part of the key"),
            (None, c) => part.push(c),
        }
    }
    bad(if quote.is_some() { "a quote in the key is not closed" } else { "expected key=value, such as run.cash=50000" })
}

/// Applies `a.b.c=value`; the value is TOML, or text when it is not. Numbers address the elements of a list; a part of the key that has
/// dots of its own stands in quotes, such as `benchmark.0.weights."BRK.B"=0.5`.
///
/// # Errors
/// What is wrong with the assignment.
pub fn set(root: &mut Value, assignment: &str) -> Result<(), String> {
    let (key, text) = parts(assignment)?;
    let value = value_of(text);
    let mut at = root;
    for part in key {
        at = match at {
            Value::Array(list) => {
                let n = list.len();
                part.parse::<usize>()
                    .ok()
                    .and_then(|i| list.get_mut(i))
                    .ok_or_else(|| format!("--set {assignment:?}: {part:?} is not an element of a list of {n}"))?
            }
            Value::Object(m) => m.entry(part).or_insert_with(|| Value::Object(Map::new())),
            other => {
                let why = "is not a table (a part with a dot of its own stands in quotes)";
                return Err(format!("--set {assignment:?}: {part:?} is below {other}, which {why}"));
            }
        };
    }
    *at = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Config;

    #[test]
    fn overrides_reach_lists_tables_and_text() {
        let c = Config::load(None, &["benchmark.0.name=X".into(), "run.cash=5e4".into()]).unwrap();
        assert_eq!((c.benchmark[0].name.as_str(), c.run.cash), ("X", 5e4));
        for bad in
            ["x", "benchmark.9.name=X", "run..cash=1", "title.x=1", "\"run.cash=1", "\"run\"x.cash=1", "\"\".x=1"]
        {
            assert!(Config::load(None, &[bad.into()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn quoted_parts_of_a_key_may_hold_dots_and_equals_signs() {
        let mut v = json!({"w": {"BRK.B": 0.5}, "list": [{"a": 1}]});
        for set_ in ["w.\"BRK.B\"=0.9", "w.'ES=F' = 0.1", " list . 0 . \"a\" =2", "w.plain=\"x=y.z\""] {
            set(&mut v, set_).unwrap_or_else(|e| panic!("{e}"));
        }
        assert_eq!(v, json!({"w": {"BRK.B": 0.9, "ES=F": 0.1, "plain": "x=y.z"}, "list": [{"a": 2}]}));
        let e = set(&mut v, "w.plain.b=1").unwrap_err();
        assert!(e.contains("stands in quotes"), "{e}");
    }

    #[test]
    fn cash_that_rounds_to_nothing_is_refused() {
        for (cash, fine) in [("1e-320", false), ("1e-19", false), ("0", false), ("1e13", false), ("0.01", true)] {
            let loaded = Config::load(None, &[format!("run.cash={cash}")]);
            assert_eq!(loaded.is_ok(), fine, "{cash}");
            assert!(fine || loaded.unwrap_err().to_string().contains("run.cash"));
        }
    }
}
