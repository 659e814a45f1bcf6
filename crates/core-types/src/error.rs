//! Errors: a value that cannot be used, and a configuration that cannot be built.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value that cannot be used: what it is, what it was, what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what} is {found:?}: expected {expected}")]
pub struct BadInput {
    /// What the value is: a column, field or quantity.
    pub what: String,
    /// What it was.
    pub found: String,
    /// What would have been right.
    pub expected: String,
}

impl BadInput {
    /// A bad value.
    pub fn new(what: impl Into<String>, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { what: what.into(), found: found.into(), expected: expected.into() }
    }
    /// `x` itself when it is finite.
    ///
    /// # Errors
    /// When it is NaN or infinite.
    #[inline]
    pub fn finite(what: &str, x: f64) -> Result<f64, Self> {
        if x.is_finite() { Ok(x) } else { Err(Self::new(what, x.to_string(), "a finite number")) }
    }
    /// `x` itself when it is finite and above zero.
    ///
    /// # Errors
    /// When it is NaN, infinite, zero or negative.
    #[inline]
    pub fn positive(what: &str, x: f64) -> Result<f64, Self> {
        if x.is_finite() && x > 0.0 { Ok(x) } else { Err(Self::new(what, x.to_string(), "a finite number above zero")) }
    }
}

/// One thing wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Path of the field, such as `strategy.risk_on.base`.
    pub field: String,
    /// What is wrong and what to do.
    pub problem: String,
}

/// Everything wrong with a configuration, at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Invalid(pub Vec<Violation>);

impl Invalid {
    /// One violation.
    pub fn one(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self(vec![Violation { field: field.into(), problem: problem.into() }])
    }
    /// Adds a violation unless `ok`: write the condition in positive form, so that NaN fails.
    pub fn require(&mut self, ok: bool, field: &str, found: impl fmt::Display, expected: &str) {
        if !ok {
            self.0.push(Violation { field: field.into(), problem: format!("is {found}: expected {expected}") });
        }
    }
    /// Takes in the violations of a result and gives its value.
    pub fn absorb<T>(&mut self, r: Result<T, Invalid>) -> Option<T> {
        match r {
            Ok(v) => Some(v),
            Err(e) => {
                self.0.extend(e.0);
                None
            }
        }
    }
    /// The same violations with `path.` before each field.
    #[must_use]
    pub fn under(mut self, path: &str) -> Self {
        for v in &mut self.0 {
            v.field = if v.field.is_empty() { path.into() } else { format!("{path}.{}", v.field) };
        }
        self
    }
    /// `value` when nothing is wrong.
    ///
    /// # Errors
    /// All violations gathered.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, v) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{}: {}", v.field, v.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

/// The known name closest to `name`, when one is close enough to be meant.
pub fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|k| (strsim::jaro_winkler(&name.to_lowercase(), &k.to_lowercase()), k))
        .filter(|(s, _)| *s > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

/// `: did you mean "x"?`, or the list of what is known.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match closest(name, known.clone()) {
        Some(k) => format!(": did you mean {k:?}?"),
        None => format!(": known are {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_fails_positive_conditions_and_all_violations_are_kept() {
        let mut bad = Invalid::default();
        let x = f64::NAN;
        bad.require(x > 0.0, "a", x, "> 0");
        bad.require(false, "b", 3, "less");
        let e = bad.into_result(()).unwrap_err().under("p");
        assert_eq!(e.to_string(), "p.a: is NaN: expected > 0\np.b: is 3: expected less");
    }

    #[test]
    fn suggestions() {
        assert_eq!(closest("windwo", ["window", "lambda"]), Some("window"));
        assert_eq!(closest("zzz", ["window", "lambda"]), None);
    }
}
