//! Jobs on threads of their own, for drivers that cannot wait for them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use tradewind_core_types::JobDone;

use crate::effect::Job;

/// Does jobs in the background, each on a thread of its own; a driver makes inputs of what comes of them.
#[derive(Debug)]
pub struct Workers {
    give: Sender<JobDone>,
    take: Receiver<JobDone>,
}

impl Default for Workers {
    fn default() -> Self {
        let (give, take) = channel();
        Self { give, take }
    }
}

impl Workers {
    /// Begins a job. Its result comes from [`Workers::done`], also when the work panics or no thread can be had.
    pub fn start(&self, job: Job) {
        let (id, give) = (job.id, self.give.clone());
        let work = move || {
            let done = catch_unwind(AssertUnwindSafe(|| job.run()));
            let done = done.unwrap_or_else(|_| JobDone { id, result: Err("the work panicked".into()) });
            // Nobody waits any more when the driver has gone.
            drop(give.send(done));
        };
        if let Err(e) = thread::Builder::new().name(format!("job {}", id.0)).spawn(work) {
            drop(self.give.send(JobDone { id, result: Err(format!("no thread: {e}")) }));
        }
    }
    /// A result, if there is one within `patience`.
    pub fn done(&self, patience: Duration) -> Option<JobDone> {
        self.take.recv_timeout(patience).ok()
    }
}
