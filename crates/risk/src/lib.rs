//! Plugins: risk. One file per plugin under [`plugins`]; [`REGISTRY`] lists them.

pub mod plugins;

pub use plugins::REGISTRY;
