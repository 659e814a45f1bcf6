//! What every plugin is: it has an id, sees events, can be saved.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::BadInput;
use crate::event::Event;
use crate::interest::Interest;
use crate::job::Learner;
use crate::name::StrategyId;
use crate::records::Follow;
use crate::view::View;

/// State that cannot be saved or restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("state of {who}: {problem}")]
pub struct StateError {
    /// Whose state.
    pub who: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Everything with state can be saved and restored: whatever serde can read and write has it for free.
pub trait Snapshot {
    /// The state in binary form (postcard: floats bit by bit).
    ///
    /// # Errors
    /// When the state cannot be written.
    fn save(&self) -> Result<Vec<u8>, StateError>;
    /// Takes on a saved state.
    ///
    /// # Errors
    /// When the bytes are not a state of this type; then nothing has changed.
    fn load(&mut self, bytes: &[u8]) -> Result<(), StateError>;
}

impl<T: Serialize + DeserializeOwned> Snapshot for T {
    fn save(&self) -> Result<Vec<u8>, StateError> {
        postcard::to_stdvec(self)
            .map_err(|e| StateError { who: std::any::type_name::<T>().into(), problem: e.to_string() })
    }
    fn load(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        *self = postcard::from_bytes(bytes)
            .map_err(|e| StateError { who: std::any::type_name::<T>().into(), problem: e.to_string() })?;
        Ok(())
    }
}

/// Named values for observers: charts, reports, dashboards.
pub type Metrics = Vec<(&'static str, f64)>;

/// What every plugin is: it has an id, sees events, can be saved.
///
/// The events it listens to come in order of time, and each call's view already holds its event. Bad input is an error and leaves the state
/// unchanged; the engine counts and reports it, or stops, as configured.
pub trait Plugin: Snapshot + Send {
    /// The id: file name, configuration key, documentation page.
    fn id(&self) -> &'static str;
    /// The version of the shape of its state: to be raised with every change of what is saved, so that an older state is refused and not misread.
    fn version(&self) -> u32 {
        1
    }
    /// The events it listens to: all, unless it says that it needs less. Other events need not be shown to it, so they must change nothing.
    ///
    /// Asked when a run begins, when a state is restored and after a change of a symbol's name; the engine itself follows such changes. A
    /// plugin whose symbols grow in another way listens to all.
    fn listens(&self) -> Interest {
        Interest::everything()
    }
    /// Sees an event. Not called on features and alphas, which see events through their own methods.
    ///
    /// # Errors
    /// When the event cannot be used.
    fn observe(&mut self, _event: &Event, _view: &View<'_>) -> Result<(), BadInput> {
        Ok(())
    }
    /// The plugin as one that learns, if it does: it may have long work done beside the run. Whether it does is fixed once built.
    fn learner(&mut self) -> Option<&mut dyn Learner> {
        None
    }
    /// What it reads of the strategies' records in a view. Asked when a run begins.
    fn follows(&self) -> Follow {
        Follow::Nothing
    }
    /// A strategy that it is to filter or to size: told when a run begins, before any event. Whoever follows records keeps to these strategies.
    fn serve(&mut self, _strategy: StrategyId) {}
    /// Adds named values worth charting; asked at every session close.
    fn metrics(&self, _out: &mut Metrics) {}
}
