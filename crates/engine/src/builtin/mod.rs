//! Parts every run needs and no plugin provides: base size, portfolio limits, order limits, and alphas for benchmarks and for features.

mod base_size;
mod buy_and_hold;
mod crossover;
mod every_trade;
mod feature_signal;
mod limits;
mod order_limits;

pub use base_size::BaseSize;
pub use buy_and_hold::BuyAndHold;
pub use crossover::{Crossover, CrossoverParams};
pub use every_trade::EveryTrade;
pub use feature_signal::{FeatureSignal, FeatureSignalParams};
pub use limits::{Limits, LimitsParams};
pub use order_limits::{OrderLimits, OrderLimitsParams};
