//! Observers: they are shown events and records, cannot change anything, and are taken off when they fail.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tradewind_core_types::{Artefact, BadInput, Event, Metrics, Notice, Observer};

use super::Engine;
use crate::effect::{Effect, Effects};

/// Calls an observer; whatever it fails of, a panic too, is only told.
fn guarded<T>(call: impl FnOnce() -> Result<T, BadInput>) -> Result<T, String> {
    // After a panic its state may be broken: it is never called again.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|e| e.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("it panicked: {}", text.unwrap_or("it did not say why")))
        }
    }
}

impl Engine {
    /// Calls one observer, if it is not taken off; takes it off when it fails.
    fn with_observer<T>(
        &mut self,
        i: usize,
        call: impl FnOnce(&mut dyn Observer, &tradewind_core_types::View<'_>) -> Result<T, BadInput>,
    ) -> Option<T> {
        if !self.watching.get(i).is_some_and(|on| *on) {
            return None;
        }
        let observer = self.pipeline.observers.get_mut(i)?;
        let view = self.state.known.view();
        match guarded(|| call(&mut **observer, &view)) {
            Ok(x) => Some(x),
            Err(problem) => {
                self.watching[i] = false;
                let text = format!("observer.{} ({}) is taken off: {problem}", observer.name, observer.id());
                self.state.taken_off.insert(observer.name.clone());
                self.state.notices.push(Notice { time: view.now, who: "observer".into(), text });
                None
            }
        }
    }

    /// Shows an event to the observer at a place.
    #[cold]
    pub(super) fn show_observer(&mut self, i: usize, e: &Event) {
        self.with_observer(i, |o, view| o.observe(e, view));
    }

    /// Shows the records of this step, and tells of observers that failed by then.
    #[cold]
    pub(super) fn watched(&mut self, from: usize, out: &mut Effects) {
        for i in 0..self.watching.len() {
            for effect in out.iter().skip(from) {
                self.with_observer_on(i, effect);
            }
        }
        out.extend(self.state.notices.drain(..).map(Effect::Notify));
    }

    fn with_observer_on(&mut self, i: usize, effect: &Effect) {
        self.with_observer(i, |o, view| match effect.record(view.portfolio) {
            Some(record) => o.on_record(&record, view),
            None => Ok(()),
        });
    }

    /// Adds what observers chart.
    pub(super) fn watched_metrics(&mut self, metrics: &mut Vec<(&'static str, &'static str, f64)>) {
        for i in 0..self.watching.len() {
            let said = self.with_observer(i, |o, _| {
                let mut values = Metrics::new();
                o.metrics(&mut values);
                Ok((o.id(), values))
            });
            if let Some((id, values)) = said {
                metrics.extend(values.into_iter().map(|(name, v)| (id, name, v)));
            }
        }
    }

    /// What the observers leave behind, with their names; asked at the end of a run. One that fails leaves nothing, and is told of.
    pub fn artefacts(&mut self) -> (Vec<(String, Artefact)>, Vec<Notice>) {
        let mut all = Vec::new();
        for i in 0..self.watching.len() {
            let left = self.with_observer(i, |o, _| Ok(o.artefacts())).unwrap_or_default();
            let name = self.pipeline.observers.get(i).map(|o| o.name.clone()).unwrap_or_default();
            all.extend(left.into_iter().map(|a| (name.clone(), a)));
        }
        (all, std::mem::take(&mut self.state.notices))
    }
}
