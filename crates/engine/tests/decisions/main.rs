//! From signals to orders.

mod common;
mod risk_path;
mod signals;
