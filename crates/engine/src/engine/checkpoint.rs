//! Stopping after any input and going on from there.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use tradewind_core_types::{LedgerHash, Notice, Role, StrategyId, SymbolMap};

use super::jobs::Pending;
use super::{Engine, State};
use crate::error::EngineError;
use crate::pipeline::PluginState;

/// A point of a run: what a snapshot belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Number of the last input.
    pub seq: u64,
    /// The ledger's hash after it.
    pub hash: LedgerHash,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input {} and ledger hash {}", self.seq, self.hash)
    }
}

/// A snapshot, as it is written. The point comes first, so that it can be read alone.
#[derive(Serialize, Deserialize)]
struct Saved<S> {
    point: Point,
    /// Whose the signals in force are, in the order of the state.
    strategies: Vec<StrategyId>,
    state: S,
    plugins: Vec<PluginState>,
}

fn broken(problem: impl fmt::Display) -> EngineError {
    EngineError::broken("engine", problem.to_string())
}

impl Engine {
    /// The point that the run has reached.
    pub fn point(&self) -> Point {
        Point { seq: self.state.seq, hash: self.ledger().hash() }
    }

    /// The point that a snapshot belongs to.
    ///
    /// # Errors
    /// When the bytes are no snapshot.
    pub fn point_of(snapshot: &[u8]) -> Result<Point, EngineError> {
        postcard::take_from_bytes(snapshot).map(|(point, _)| point).map_err(broken)
    }

    /// Saves everything: loop, books, every plugin by its name.
    ///
    /// # Errors
    /// When a part cannot be saved.
    pub fn save(&mut self) -> Result<Vec<u8>, EngineError> {
        let plugins = self.pipeline.save()?;
        let strategies = self.pipeline.strategies.iter().map(|s| s.id).collect();
        postcard::to_stdvec(&Saved { point: self.point(), strategies, state: &self.state, plugins }).map_err(broken)
    }

    /// Restores what [`Engine::save`] gave. It goes on with the input after [`Engine::seq`]; sources of market events then have to be skipped by
    /// [`Engine::events`].
    ///
    /// Plugins and strategies are found by their names: those added, removed or moved since change nothing for the others. What is new and what was
    /// dropped is given in words, and told with the next input ([`crate::Effect::Notify`]).
    ///
    /// # Errors
    /// When the bytes are no snapshot, not of the point that they name, or hold a plugin's state of another version; then nothing has changed.
    pub fn load(&mut self, bytes: &[u8]) -> Result<Vec<String>, EngineError> {
        let saved: Saved<State> = postcard::from_bytes(bytes).map_err(broken)?;
        let Saved { point, strategies, mut state, plugins } = saved;
        let held = Point { seq: state.seq, hash: state.known.ledger.hash() };
        if held != point {
            return Err(broken(format_args!("the snapshot is of {point}, and what it holds is of {held}")));
        }
        if strategies.len() != state.standing.len() {
            return Err(broken("signals in force that belong to no strategy"));
        }
        let config = Self::changed_by(&self.config, &state.changes).map_err(broken)?;
        let mut messages = self.pipeline.load(&plugins)?;

        let mut standing: BTreeMap<StrategyId, _> = strategies.into_iter().zip(state.standing).collect();
        let new = |id: StrategyId| format!("strategy {id} is new: it begins without signals");
        state.standing = Vec::new();
        for s in &self.pipeline.strategies {
            let signals = standing.remove(&s.id);
            messages.extend(signals.is_none().then(|| new(s.id)));
            state.standing.push(signals.unwrap_or_else(SymbolMap::default));
        }
        messages.extend(standing.keys().map(|id| format!("strategy {id} is gone: its signals are dropped")));
        let (names, taken_off) = (self.pipeline.keys(), std::mem::take(&mut state.taken_off));
        state.taken_off.extend(taken_off.into_iter().filter(|n| names.contains(&format!("{}.{n}", Role::Observer))));
        let (kept, lost) = state.jobs.into_iter().partition(|(_, job)| names.contains(&job.owner));
        state.jobs = kept;
        messages.extend(lost.values().map(|j: &Pending| format!("{} is gone: its job is dropped", j.owner)));
        if !messages.is_empty() {
            state.book.watched_by_others();
        }
        let time = state.known.clock;
        let notice = |text: &String| Notice { time, who: "restart".into(), text: text.clone() };
        state.notices.extend(messages.iter().map(notice));
        (self.config, self.state) = (config, state);
        self.follow();
        self.settle();
        Ok(messages)
    }
}
