//! Long work outside the step, above all training: asked for as an effect, given back as an input.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::BadInput;

/// Data that look ahead, such as labels: what became known later than the rows that they belong to.
///
/// Only training may see them: [`TrainingOnly::open`] wants a [`Training`], which exists only while [`Fit::fit`] runs. So a label cannot be
/// published as a feature, and cannot become a signal:
///
/// ```compile_fail,E0308
/// use tradewind_core_types::{FeatureId, FeatureValues, Time, TrainingOnly};
/// fn publish(values: &mut FeatureValues, id: FeatureId, label: TrainingOnly<f64>) {
///     values.set(id, label, Time::MIN);
/// }
/// ```
///
/// Nor can it be opened elsewhere, since nobody else can make a `Training`:
///
/// ```compile_fail,E0423
/// use tradewind_core_types::{Training, TrainingOnly};
/// fn peek(label: TrainingOnly<f64>) -> f64 {
///     label.open(&Training(()))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingOnly<T>(T);

impl<T> TrainingOnly<T> {
    /// Data that only training may see.
    pub fn new(data: T) -> Self {
        Self(data)
    }
    /// The data, for training.
    pub fn open(self, _: &Training) -> T {
        self.0
    }
}

/// Shows that training is going on.
#[derive(Debug)]
pub struct Training(());

/// What can be fitted: everything that training needs, as plain data. Fitting gives another type, so that what was never fitted cannot predict.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tradewind_core_types::{BadInput, Fit, Task, Training, TrainingOnly};
///
/// /// The mean of what followed.
/// #[derive(Serialize, Deserialize)]
/// struct Mean { labels: TrainingOnly<Vec<f64>> }
/// #[derive(Serialize, Deserialize)]
/// struct Fitted(f64);
///
/// impl Fit for Mean {
///     type Fitted = Fitted;
///     fn fit(self, training: &Training) -> Result<Fitted, BadInput> {
///         let labels = self.labels.open(training);
///         Ok(Fitted(labels.iter().sum::<f64>() / labels.len() as f64))
///     }
/// }
///
/// let task = Task::of(&Mean { labels: TrainingOnly::new(vec![1.0, 3.0]) })?;
/// let fitted: Fitted = Task::result(&task.run()?)?;
/// assert_eq!(fitted.0, 2.0);
/// # Ok::<(), BadInput>(())
/// ```
pub trait Fit: Serialize + DeserializeOwned {
    /// What comes of it.
    type Fitted: Serialize + DeserializeOwned;
    /// Fits; a function of the data alone, the same on every thread and machine.
    ///
    /// # Errors
    /// When the data cannot be fitted.
    fn fit(self, training: &Training) -> Result<Self::Fitted, BadInput>;
}

/// The work of a job: from data to a result, both as bytes, wherever it is done.
pub type Work = fn(&[u8]) -> Result<Vec<u8>, BadInput>;

/// Work with the data for it. Two tasks are the same when their data are.
#[derive(Debug, Clone)]
pub struct Task {
    /// The data.
    pub data: Vec<u8>,
    /// What is done with them.
    pub work: Work,
}

impl PartialEq for Task {
    fn eq(&self, o: &Self) -> bool {
        self.data == o.data
    }
}

fn broken(e: postcard::Error) -> BadInput {
    BadInput::new("data of a job", e.to_string(), "what the task wrote")
}

fn fit<F: Fit>(data: &[u8]) -> Result<Vec<u8>, BadInput> {
    let fitted = postcard::from_bytes::<F>(data).map_err(broken)?.fit(&Training(()))?;
    postcard::to_stdvec(&fitted).map_err(broken)
}

impl Task {
    /// The task of fitting.
    ///
    /// # Errors
    /// When the data cannot be written.
    pub fn of<F: Fit>(data: &F) -> Result<Self, BadInput> {
        Ok(Self { data: postcard::to_stdvec(data).map_err(broken)?, work: Self::work::<F>() })
    }
    /// The work of fitting, for the data of such a task.
    pub fn work<F: Fit>() -> Work {
        fit::<F>
    }
    /// Does the work.
    ///
    /// # Errors
    /// When it cannot be done.
    pub fn run(&self) -> Result<Vec<u8>, BadInput> {
        (self.work)(&self.data)
    }
    /// What was fitted, from the result of a job.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn result<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BadInput> {
        postcard::from_bytes(bytes).map_err(broken)
    }
}

/// Number of a job within its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub u64);

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDone {
    /// Which job.
    pub id: JobId,
    /// The result, or why there is none.
    pub result: Result<Vec<u8>, String>,
}

/// A plugin that learns: it has jobs done beside the run. [`crate::Plugin::learner`] gives it.
pub trait Learner {
    /// Work that it wants done now; asked after every market event that the plugin is shown. While a job of its runs it is not asked.
    ///
    /// # Errors
    /// When the work cannot be put together.
    fn wants(&mut self) -> Result<Option<Task>, BadInput>;
    /// Work of the same kind again, after a restart: what is done with the data of a job that was running.
    fn work(&self) -> Work;
    /// Takes what came of its job: the result, or why there is none.
    ///
    /// # Errors
    /// When the result cannot be used.
    fn learned(&mut self, result: Result<&[u8], &str>) -> Result<(), BadInput>;
}
