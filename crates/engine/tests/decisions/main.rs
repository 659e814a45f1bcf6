//! From signals to orders.

mod allocation;
mod common;
mod records;
mod risk_path;
mod signals;
mod zero;
