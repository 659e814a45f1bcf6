//! Plugins: features. One file per plugin under [`plugins`]; [`REGISTRY`] lists them.

#[cfg(feature = "polars")]
pub mod frames;
pub mod input;
mod naming;
pub mod plugins;
pub mod sentiment;

pub use plugins::REGISTRY;
