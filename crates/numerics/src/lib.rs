//! Statistics that know nothing of markets: each function states its formula and its source; streaming and batch share one state.

pub mod correlation;
pub mod coverage;
pub mod entropy;
pub mod ewm;
pub mod garch;
pub mod normal;
pub mod performance;
pub mod rank;
pub mod realised;
pub mod rolling;
pub mod tail;

pub use rolling::{RollingMoments, Window};

/// Too little or unusable data for a statistic.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NumericsError {
    /// Fewer observations than the statistic needs.
    #[error("{what} needs at least {needed} observations, got {got}")]
    TooFew {
        /// Which statistic.
        what: &'static str,
        /// How many it needs.
        needed: usize,
        /// How many there were.
        got: usize,
    },
    /// A value it cannot use.
    #[error("{what}: value {value} at index {index}: expected {expected}")]
    BadValue {
        /// Which statistic.
        what: &'static str,
        /// Where.
        index: usize,
        /// What was there.
        value: f64,
        /// What would be right.
        expected: &'static str,
    },
    /// No variation where there must be some.
    #[error("{0}: the series is constant")]
    Constant(&'static str),
    /// An optimiser did not reach an optimum.
    #[error("{what} did not converge: {why}")]
    NoConvergence {
        /// Which fit.
        what: &'static str,
        /// What the optimiser said.
        why: String,
    },
}
