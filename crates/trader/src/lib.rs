//! The composition of everything: configuration, data, pipeline, runs and their folders. The binary `trader` is a thin shell around it.

pub mod ablation;
pub mod assign;
pub mod bits;
pub mod catalogue;
pub mod check;
pub mod checksums;
pub mod commands;
pub mod compose;
pub mod config;
pub mod dataset;
pub mod determinism;
pub mod error;
pub mod evidence;
pub mod graph;
pub mod heat_map;
pub mod keeper;
pub mod machines;
pub mod named;
pub mod operator;
pub mod report;
pub mod run;
pub mod run_folder;
pub mod run_notes;
pub mod sample;
pub mod schema;
pub mod summary;

pub use config::Config;
pub use error::Failure;
