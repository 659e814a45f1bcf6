//! Jobs: plugins that learn have long work done beside the run, and are given what came of it.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{BadInput, JobDone, JobId, Notice, Plugin, Task, Time};

use super::Engine;
use crate::effect::{Effect, Effects, Job};
use crate::error::EngineError;
use crate::pipeline::{Pipeline, Seat};

/// A job that is running: all that a driver needs to begin it again after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    /// The plugin's name in the configuration.
    pub owner: String,
    pub time: Time,
    pub data: Vec<u8>,
}

/// The plugins that learn: where each sits and its name. It follows from the pipeline, so it is not saved.
#[derive(Debug, Default)]
pub(super) struct Learners(Vec<(Seat, String)>);

impl Learners {
    pub fn of(pipeline: &mut Pipeline) -> Self {
        let seats = pipeline.seats();
        Self(seats.into_iter().filter(|(seat, _)| pipeline.on(*seat).is_some_and(|p| p.learner().is_some())).collect())
    }
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn skipped(owner: &str, time: Time, what: &str, problem: &dyn std::fmt::Display) -> Notice {
    Notice { time, who: "job".into(), text: format!("{owner} {what}: {problem}") }
}

impl Engine {
    /// Begins the jobs that plugins want, one of each at a time.
    #[cold]
    pub(super) fn start_jobs(&mut self, out: &mut Effects) {
        let time = self.state.known.clock;
        for (seat, owner) in &self.learners.0 {
            if self.state.jobs.values().any(|j| j.owner == *owner) {
                continue;
            }
            let wanted = self.pipeline.on(*seat).and_then(Plugin::learner).map(|l| l.wants());
            match wanted {
                Some(Ok(Some(task))) => {
                    let id = JobId(self.state.next_job);
                    self.state.next_job += 1;
                    self.state.jobs.insert(id, Pending { owner: owner.clone(), time, data: task.data.clone() });
                    out.push(Effect::Start(Job { id, time, owner: owner.clone(), task }));
                }
                Some(Err(e)) => self.state.notices.push(skipped(owner, time, "cannot begin its job", &e)),
                Some(Ok(None)) | None => {}
            }
        }
    }

    /// Gives a plugin what came of its job. A job that nobody waits for any more changes nothing.
    pub(super) fn job_done(&mut self, done: &JobDone) -> Result<(), EngineError> {
        let time = self.state.known.clock;
        let Some(job) = self.state.jobs.remove(&done.id) else { return Ok(()) };
        let result = done.result.as_deref().map_err(String::as_str);
        if let Err(problem) = result {
            self.state.notices.push(skipped(&job.owner, time, "gets nothing from its job", &problem));
        }
        let seat = self.learners.0.iter().find(|(_, owner)| *owner == job.owner).map(|x| x.0);
        let learned: Option<Result<(), BadInput>> =
            seat.and_then(|seat| self.pipeline.on(seat)?.learner().map(|l| l.learned(result)));
        if let Some(Err(e)) = learned {
            self.state.notices.push(skipped(&job.owner, time, "cannot use what its job gave", &e));
        }
        Ok(())
    }

    /// The jobs that are running: what a driver begins again after a restart, since their results are still awaited.
    pub fn running_jobs(&mut self) -> Vec<Job> {
        let mut out = Vec::new();
        for (id, j) in &self.state.jobs {
            let seat = self.learners.0.iter().find(|(_, owner)| *owner == j.owner).map(|x| x.0);
            let work = seat.and_then(|seat| Some(self.pipeline.on(seat)?.learner()?.work()));
            out.extend(work.map(|work| Job {
                id: *id,
                time: j.time,
                owner: j.owner.clone(),
                task: Task { data: j.data.clone(), work },
            }));
        }
        out
    }
}
