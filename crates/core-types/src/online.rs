//! The one streaming shape, and parameters that validate themselves.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{BadInput, Invalid, did_you_mean};

/// A calculator that takes one input at a time. Streaming and batch are the same code.
///
/// `In` and `Out` are named structs with flat fields (numbers, booleans, text, unit enums, options of these), so that any
/// calculator is also a table function: see [`crate::Table`].
pub trait Online: Serialize + DeserializeOwned + Clone + Send {
    /// One row of input.
    type In: Serialize + DeserializeOwned + Clone;
    /// One row of output.
    type Out: Serialize + DeserializeOwned + Clone;

    /// Takes one input; `None` while warming up, that is for exactly the first [`Online::warmup`] inputs.
    ///
    /// # Errors
    /// When the input cannot be used; the state is then as before.
    fn update(&mut self, x: &Self::In) -> Result<Option<Self::Out>, BadInput>;

    /// How many inputs give nothing before the first output.
    fn warmup(&self) -> usize;

    /// What was fitted or counted so far, for people (a JSON object); `Null` when there is nothing to say.
    fn summary(&self) -> Value {
        Value::Null
    }

    /// All inputs in turn: exactly the streaming values.
    ///
    /// # Errors
    /// The first input that cannot be used, with its index (from 0).
    fn batch(&mut self, xs: &[Self::In]) -> Result<Vec<Option<Self::Out>>, BadInput> {
        xs.iter()
            .enumerate()
            .map(|(i, x)| self.update(x).map_err(|e| BadInput { what: format!("{} at index {i}", e.what), ..e }))
            .collect()
    }
}

/// Parameters of a plugin: every field documented with unit and range, all with a default.
pub trait Params: Default + Clone + Serialize + DeserializeOwned + schemars::JsonSchema {
    /// The plugin's id.
    const ID: &'static str;
    /// What they build: the calculator.
    type Built;
    /// Checks everything and builds.
    ///
    /// # Errors
    /// All violations at once.
    fn build(&self) -> Result<Self::Built, Invalid>;
}

/// Reads parameters from a JSON object: every unknown field and every field of the wrong type is reported, not just the first.
///
/// # Errors
/// All violations of shape. Ranges are checked by [`Params::build`].
pub fn parse_params<P: DeserializeOwned + Serialize + Default>(value: &Value) -> Result<P, Invalid> {
    let Value::Object(given) = value else {
        return Err(Invalid::one("", "expected a table of parameters"));
    };
    let known = match serde_json::to_value(P::default()) {
        Ok(Value::Object(m)) => m,
        _ => return Err(Invalid::one("", "these parameters have no default table: report this as a bug")),
    };
    let mut bad = Invalid::default();
    for (key, v) in given {
        if !known.contains_key(key) {
            let hint = did_you_mean(key, known.keys().map(String::as_str));
            bad.0.push(crate::Violation { field: key.clone(), problem: format!("unknown parameter{hint}") });
            continue;
        }
        let one = Value::Object(serde_json::Map::from_iter([(key.clone(), v.clone())]));
        if let Err(e) = P::deserialize(one) {
            bad.0.push(crate::Violation { field: key.clone(), problem: format!("is {v}: {e}") });
        }
    }
    bad.into_result(())?;
    P::deserialize(value.clone()).map_err(|e| Invalid::one("", e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct P {
        window: usize,
        lambda: Option<f64>,
    }
    impl Default for P {
        fn default() -> Self {
            Self { window: 3, lambda: None }
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let v = serde_json::json!({"windwo": 3, "lambda": "x", "window": -1});
        let e = parse_params::<P>(&v).unwrap_err();
        assert_eq!(e.0.len(), 3, "{e}");
        assert!(e.to_string().contains("did you mean \"window\"?"), "{e}");
        assert_eq!(parse_params::<P>(&serde_json::json!({"window": 5})).unwrap(), P { window: 5, lambda: None });
        assert!(parse_params::<P>(&serde_json::json!(3)).is_err());
    }
}
