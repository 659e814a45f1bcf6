//! Plugins: risk. One file per plugin under [`plugins`]; [`REGISTRY`] lists them.

pub mod allocator;
pub mod budget;
pub mod decay;
pub mod kelly;
pub mod lots;
pub mod min_cvar;
pub mod plugins;
pub mod sessions;

pub use plugins::REGISTRY;
