//! What runs beside the loop.

use crate::error::BadInput;
use crate::plugin::Plugin;
use crate::time::Time;

/// Runs beside the loop: heartbeat, checkpoints, health.
pub trait Service: Plugin {
    /// Called at least once a second with the time of the run.
    ///
    /// # Errors
    /// What failed; the run goes on and reports it.
    fn tick(&mut self, now: Time) -> Result<(), BadInput>;
}
