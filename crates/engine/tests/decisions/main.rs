//! From signals to orders.

mod allocation;
mod common;
mod exits;
mod marks;
mod opens;
mod records;
mod replace;
mod risk_path;
mod signals;
mod styles;
mod zero;
