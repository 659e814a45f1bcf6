//! Stopping after any input and going on from there.

use tradewind_core_types::StateError;

use super::{Engine, PluginStates, State};
use crate::error::EngineError;
use crate::routing::Routing;

impl Engine {
    /// Saves everything: loop, books, every plugin.
    ///
    /// # Errors
    /// When a part cannot be saved.
    pub fn save(&mut self) -> Result<Vec<u8>, EngineError> {
        let plugins = self.pipeline.save()?;
        postcard::to_stdvec(&(&self.state, plugins))
            .map_err(|e| StateError { who: "engine".into(), problem: e.to_string() }.into())
    }

    /// Restores what [`Engine::save`] gave, into an engine built from the same configuration. It goes on with the input after [`Engine::seq`];
    /// sources of market events then have to be skipped by [`Engine::events`].
    ///
    /// # Errors
    /// When the bytes are not a state of such an engine.
    pub fn load(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let broken = |problem: String| EngineError::State(StateError { who: "engine".into(), problem });
        let (state, plugins): (State, PluginStates) = postcard::from_bytes(bytes).map_err(|e| broken(e.to_string()))?;
        if state.standing.len() != self.pipeline.strategies.len() {
            return Err(broken(format!(
                "{} strategies saved, {} here",
                state.standing.len(),
                self.pipeline.strategies.len()
            )));
        }
        self.pipeline.load(&plugins)?;
        self.state = state;
        self.follow();
        self.routing = Routing::new(&self.pipeline, &self.state.renames);
        self.change_again().map_err(broken)
    }
}
