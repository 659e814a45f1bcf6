//! What a plugin does to a target, why, and with which numbers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// What happens to the value that flows through the pipeline (a weight: fraction of equity).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adjust {
    /// Unchanged.
    Keep,
    /// Becomes this.
    Set(f64),
    /// Is multiplied by this.
    Scale(f64),
    /// Its size is limited to this.
    Cap(f64),
    /// Grows by this (hedges).
    Add(f64),
    /// Becomes zero.
    Veto,
}

impl Adjust {
    /// The value afterwards.
    #[inline]
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Self::Keep => value,
            Self::Set(x) => x,
            Self::Scale(f) => value * f,
            // Bounds that are no numbers would panic; whoever takes the result refuses it.
            Self::Cap(c) if c.is_nan() => c,
            Self::Cap(c) => value.clamp(-c.abs(), c.abs()),
            Self::Add(x) => value + x,
            Self::Veto => 0.0,
        }
    }
    /// Whether its number, when it has one, is finite.
    #[inline]
    pub fn is_finite(self) -> bool {
        match self {
            Self::Keep | Self::Veto => true,
            Self::Set(x) | Self::Scale(x) | Self::Cap(x) | Self::Add(x) => x.is_finite(),
        }
    }
}

/// The numbers behind an adjustment, by name, in the order they should be read.
pub type Numbers = SmallVec<[(Cow<'static, str>, f64); 4]>;

/// An adjustment with its reason and the numbers it used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adjustment {
    /// What happens to the value.
    pub adjust: Adjust,
    /// Why, in words a trader reads.
    pub reason: Cow<'static, str>,
    /// The numbers it used.
    pub numbers: Numbers,
}

impl Adjustment {
    /// An adjustment with its reason.
    pub fn new(adjust: Adjust, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { adjust, reason: reason.into(), numbers: Numbers::new() }
    }
    /// With one more number.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: f64) -> Self {
        self.numbers.push((Cow::Borrowed(name), value));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjusts_do_what_they_say() {
        let cases = [
            (Adjust::Keep, 0.4),
            (Adjust::Set(-0.1), -0.1),
            (Adjust::Scale(0.5), 0.2),
            (Adjust::Cap(0.3), 0.3),
            (Adjust::Add(0.1), 0.5),
            (Adjust::Veto, 0.0),
        ];
        for (a, want) in cases {
            assert_eq!(a.apply(0.4), want, "{a:?}");
        }
        assert_eq!((Adjust::Cap(0.3).apply(-0.4), Adjust::Cap(-0.3).apply(0.4)), (-0.3, 0.3));
        assert!(Adjust::Cap(f64::NAN).apply(0.4).is_nan(), "no panic");
    }
}
