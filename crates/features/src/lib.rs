//! Plugins: features. One file per plugin under [`plugins`]; [`REGISTRY`] lists them.

pub mod input;
pub mod plugins;

pub use plugins::REGISTRY;
