//! Statistics that know nothing of markets: each function states its formula and its source; streaming and batch share one state.

pub mod adf;
pub mod beta;
pub mod beta_distribution;
pub mod correlation;
pub mod covariance;
pub mod coverage;
pub mod engle_granger;
pub mod entropy;
pub mod ewm;
mod fourier;
pub mod fracdiff;
pub mod garch;
pub mod hac;
pub mod half_life;
pub mod johansen;
pub mod kalman;
pub mod lag;
pub mod logistic;
pub mod math;
pub mod multiple;
pub mod normal;
pub mod pca;
pub mod performance;
pub mod rank;
pub mod realised;
pub mod rolling;
mod sums;
pub mod tail;
pub mod wavelet;

pub use rolling::{RollingMoments, Window};
pub use sums::{dot, range, sum, sum_of};

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
    /// Regressors of which one is a combination of others.
    #[error("{0}: the regressors are collinear")]
    Collinear(&'static str),
    /// A regression without residuals, whose test statistic is infinite.
    #[error("{0}: the regression fits without error")]
    ExactFit(&'static str),
    /// An optimiser did not reach an optimum.
    #[error("{what} did not converge: {why}")]
    NoConvergence {
        /// Which fit.
        what: &'static str,
        /// What the optimiser said.
        why: String,
    },
}
