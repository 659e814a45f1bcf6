//! Services beside a run: a driver shows them what happens and takes their requests, which become inputs.

use std::collections::VecDeque;

use tradewind_core_types::{
    BadInput, Event, Hears, Interest, Notice, Outgoing, Request, Service, StateError, Time, View,
};

use crate::effect::Effect;
use crate::pipeline::{Named, PluginState, load, save};

/// More requests than this between two events of the sources are a circle: services that answer each other, or themselves.
const MOST: usize = 1_000;

/// A service with what it asks for.
struct Running {
    interest: Interest,
    hears: Hears,
    on: bool,
}

/// The services of a run, and the requests not yet given to the engine.
#[derive(Default)]
pub(crate) struct Services {
    all: Vec<Named<dyn Service>>,
    running: Vec<Running>,
    requests: VecDeque<Request>,
    buffer: Vec<Request>,
    given: usize,
    notices: Vec<Notice>,
}

impl Services {
    pub fn new(all: Vec<Named<dyn Service>>) -> Self {
        let running = all.iter().map(|s| Running { interest: s.listens(), hears: s.hears(), on: true }).collect();
        Self { all, running, ..Self::default() }
    }
    /// Whether none is left that could be called.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
    /// The earliest time at which one wants to be called.
    pub fn wakeup(&self) -> Option<Time> {
        self.all.iter().zip(&self.running).filter(|(_, r)| r.on).filter_map(|(s, _)| s.wakeup()).min()
    }

    /// Calls those that `wants` names; one that fails is taken off.
    fn call(
        &mut self,
        view: &View<'_>,
        wants: impl Fn(&Running, &dyn Service) -> bool,
        call: impl Fn(&mut dyn Service, &mut Vec<Request>) -> Result<(), BadInput>,
    ) {
        for (s, r) in self.all.iter_mut().zip(&mut self.running) {
            if !r.on || !wants(r, &**s) {
                continue;
            }
            if let Err(problem) = call(&mut **s, &mut self.buffer) {
                r.on = false;
                let text = format!("service.{} ({}) is taken off: {problem}", s.name, s.id());
                self.notices.push(Notice { time: view.now, who: "service".into(), text });
            }
            self.requests.extend(self.buffer.drain(..));
        }
    }
    /// Shows a market event, after the engine has seen it.
    pub fn event(&mut self, e: &Event, view: &View<'_>) {
        self.call(view, |r, _| r.interest.hears(e), |s, _| s.observe(e, view));
    }
    /// Shows what leaves the engine.
    pub fn outgoing(&mut self, effect: &Effect, view: &View<'_>) {
        if let Effect::SubmitGroup(group) = effect {
            for o in group.orders() {
                let out = Outgoing::Submit(o);
                self.call(view, |r, _| r.hears >= Hears::Everything, |s, requests| s.on_outgoing(&out, view, requests));
            }
            return;
        }
        let (out, least) = match (effect.record(view.portfolio), effect) {
            (Some(r), _) => (Outgoing::Record(r), Hears::Records),
            (_, Effect::Submit(o)) => (Outgoing::Submit(o.order()), Hears::Everything),
            (_, Effect::Replace(o, _)) => (Outgoing::Replace(o.order()), Hears::Everything),
            (_, Effect::Cancel { order, .. }) => (Outgoing::Cancel(*order), Hears::Everything),
            _ => return,
        };
        self.call(view, |r, _| r.hears >= least, |s, requests| s.on_outgoing(&out, view, requests));
    }
    /// Calls those whose time has come.
    pub fn tick(&mut self, view: &View<'_>) {
        let due = |s: &dyn Service| s.wakeup().is_some_and(|t| t <= view.now);
        let call = |s: &mut dyn Service, requests: &mut Vec<Request>| {
            s.tick(view, requests)?;
            match s.wakeup() {
                Some(t) if t <= view.now => {
                    Err(BadInput::new("wakeup", t.to_string(), format!("a time after {}", view.now)))
                }
                _ => Ok(()),
            }
        };
        self.call(view, |_, s| due(s), call);
    }

    /// Whether there are requests.
    pub fn wants(&self) -> bool {
        !self.requests.is_empty()
    }
    /// The next request. Where services answer each other without end, all are taken off.
    pub fn next(&mut self, now: Time) -> Option<Request> {
        let request = self.requests.pop_front();
        if request.is_some() {
            self.given += 1;
        } else {
            self.given = 0;
        }
        if self.given > MOST {
            self.requests.clear();
            self.running.iter_mut().for_each(|r| r.on = false);
            let text = format!("all services are taken off: more than {MOST} requests without an event from a source");
            self.notices.push(Notice { time: now, who: "service".into(), text });
            return None;
        }
        request
    }
    /// What a person should know of them.
    pub fn notices(&mut self) -> impl Iterator<Item = Notice> {
        self.notices.drain(..)
    }

    /// Saves them, and which are taken off.
    pub fn save(&mut self) -> Result<(Vec<PluginState>, Vec<String>), StateError> {
        let off = self.all.iter().zip(&self.running).filter(|(_, r)| !r.on).map(|(s, _)| s.name.clone()).collect();
        Ok((save(Named::placed(&mut self.all))?, off))
    }
    /// Restores what [`Services::save`] gave, as plugins are restored.
    pub fn load(&mut self, (states, off): &(Vec<PluginState>, Vec<String>)) -> Result<Vec<String>, StateError> {
        let messages = load(Named::placed(&mut self.all), states)?;
        for (s, r) in self.all.iter().zip(&mut self.running) {
            (r.interest, r.hears, r.on) = (s.listens(), s.hears(), !off.contains(&s.name));
        }
        Ok(messages)
    }
}
