//! Parts every run needs and no plugin provides: base size, portfolio limits, order limits, alphas for benchmarks and for features, a table of fills, and a
//! guard against a feed that falls silent.

mod base_size;
mod buy_and_hold;
mod crossover;
mod every_trade;
mod feature_signal;
mod fills_csv;
mod idle_feed;
mod limits;
mod order_limits;

pub use base_size::BaseSize;
pub use buy_and_hold::BuyAndHold;
pub use crossover::{Crossover, CrossoverParams};
pub use every_trade::EveryTrade;
pub use feature_signal::{FeatureSignal, FeatureSignalParams};
pub use fills_csv::{FillsCsv, FillsCsvParams};
pub use idle_feed::{IdleFeed, IdleFeedParams};
pub use limits::{Limits, LimitsParams};
pub use order_limits::{OrderLimits, OrderLimitsParams};

use tradewind_core_types::PluginInfo;

/// Those that a configuration can name like plugins.
pub const REGISTRY: &[PluginInfo] = &[fills_csv::PLUGIN, idle_feed::PLUGIN, order_limits::PLUGIN];
