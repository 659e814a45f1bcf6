//! Work outside the loop: training and whatever takes long. It is started by an effect, and its result is an input.

use serde::{Deserialize, Serialize};

/// Number of a job within a run, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub u64);

/// A job to do: which plugin asks for it, and what it needs, in the plugin's own binary form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Number.
    pub id: JobId,
    /// The plugin by its place in the configuration (`alpha.trend`).
    pub plugin: String,
    /// The data, in the form that the plugin's work reads.
    pub data: Vec<u8>,
}

/// A job that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDone {
    /// Number.
    pub id: JobId,
    /// The result in the form that the plugin reads, or why there is none.
    pub result: Result<Vec<u8>, String>,
}
