//! What an alpha says: hold these legs, in this direction, with this confidence.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

use crate::adjust::Numbers;
use crate::error::BadInput;
use crate::name::Symbol;
use crate::time::Time;

/// One leg of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// What to hold.
    pub symbol: Symbol,
    /// How much of it for one unit of the signal: 1 for a plain signal, minus the hedge ratio for the other leg of a pair.
    pub ratio: f64,
}

/// A standing view: it holds until its alpha gives a new one with the same first leg, or it expires. Legs are one decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// When it was given.
    pub time: Time,
    /// What to hold; never empty.
    pub legs: SmallVec<[Leg; 2]>,
    /// Direction and strength in [-1, 1]; 0 means: hold nothing.
    pub score: f64,
    /// In [0, 1].
    pub confidence: f64,
    /// When it ceases to hold, if not replaced.
    pub expires: Option<Time>,
    /// Take profit at this return (decimal), overriding the position manager's.
    pub take_profit: Option<f64>,
    /// Stop at this loss (decimal, positive), overriding the position manager's.
    pub stop_loss: Option<f64>,
    /// Why, in words a trader reads.
    pub reason: Cow<'static, str>,
    /// The numbers it was computed from.
    pub numbers: Numbers,
}

/// Where an alpha puts its signals.
pub type Signals = Vec<Signal>;

impl Signal {
    /// A signal on one symbol.
    ///
    /// # Errors
    /// Unless score is in [-1, 1] and confidence in [0, 1].
    pub fn new(
        time: Time,
        symbol: Symbol,
        score: f64,
        confidence: f64,
        reason: impl Into<Cow<'static, str>>,
    ) -> Result<Self, BadInput> {
        if !(-1.0..=1.0).contains(&score) {
            return Err(BadInput::new("score", score.to_string(), "a number in [-1, 1]"));
        }
        if !(0.0..=1.0).contains(&confidence) {
            return Err(BadInput::new("confidence", confidence.to_string(), "a number in [0, 1]"));
        }
        Ok(Self {
            time,
            legs: smallvec![Leg { symbol, ratio: 1.0 }],
            score,
            confidence,
            expires: None,
            take_profit: None,
            stop_loss: None,
            reason: reason.into(),
            numbers: Numbers::new(),
        })
    }
    /// With one more number.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: f64) -> Self {
        self.numbers.push((Cow::Borrowed(name), value));
        self
    }
    /// With another leg.
    #[must_use]
    pub fn and(mut self, symbol: Symbol, ratio: f64) -> Self {
        self.legs.push(Leg { symbol, ratio });
        self
    }
    /// The symbol of the first leg, by which signals of one alpha replace each other.
    pub fn symbol(&self) -> Symbol {
        self.legs[0].symbol
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_out_of_range_are_refused() {
        let s = Symbol::new("SPY").unwrap();
        assert!(Signal::new(Time::MIN, s, 1.01, 0.5, "").is_err());
        assert!(Signal::new(Time::MIN, s, f64::NAN, 0.5, "").is_err());
        assert!(Signal::new(Time::MIN, s, 0.0, 1.5, "").is_err());
        let pair = Signal::new(Time::MIN, s, 1.0, 1.0, "").unwrap().and(Symbol::new("TLT").unwrap(), -0.8);
        assert_eq!(pair.legs.len(), 2);
    }
}
