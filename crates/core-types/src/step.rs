//! Steps: who changed a value, how, and why.

use serde::{Deserialize, Serialize};

use crate::adjust::Adjustment;
use crate::name::Name;

/// Where in the pipeline a step was taken, in the order of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// What the alpha said.
    Signal,
    /// Kept, scaled or dropped.
    Filter,
    /// From score to fraction of equity.
    Sizer,
    /// Scaled by the state of market and portfolio.
    Overlay,
    /// Take profit, stops and age of what is held.
    Position,
    /// Which of the discretionary signals get one of the limited places.
    Executor,
    /// Scaled or capped per strategy.
    Allocator,
    /// What is held shrinks with its age.
    Decay,
    /// Clipped or vetoed as a portfolio.
    Rule,
    /// What the kill switch allows.
    #[serde(rename = "switch")]
    KillSwitch,
    /// Hedged as a portfolio.
    Hedge,
    /// Limits that hold whatever the steps before say.
    Limit,
    /// Last look at the order.
    #[serde(rename = "pretrade")]
    PreTrade,
    /// Split, joined with others, held back or turned into another kind on its way out.
    Execution,
}

impl Stage {
    /// The stage's name as it is written in explanations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Filter => "filter",
            Self::Sizer => "sizer",
            Self::Overlay => "overlay",
            Self::Position => "position",
            Self::Executor => "executor",
            Self::Allocator => "allocator",
            Self::Decay => "decay",
            Self::Rule => "rule",
            Self::KillSwitch => "switch",
            Self::Hedge => "hedge",
            Self::Limit => "limit",
            Self::PreTrade => "pretrade",
            Self::Execution => "execution",
        }
    }
}

/// One step: who changed the value, how, why, and what it was afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Where in the pipeline.
    pub stage: Stage,
    /// The plugin, or the part of the engine.
    pub plugin: Name,
    /// What it did, why, with which numbers.
    pub adjustment: Adjustment,
    /// The value afterwards.
    pub after: f64,
}
