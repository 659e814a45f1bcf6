//! From signals to orders.

mod allocation;
mod common;
mod risk_path;
mod signals;
mod zero;
