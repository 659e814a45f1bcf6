//! A market event: what is owned, the view, features, alphas, everyone else.

use smallvec::SmallVec;
use tradewind_core_types::{BadInput, CorporateAction, Event, MarketData, OrderReport};

use super::{Engine, Known, OnBadInput, Schedule, SkippedInput, State};
use crate::effect::{Effects, Emitted};
use crate::error::EngineError;
use crate::pipeline::Seat;
use crate::routing::{Audience, Routing};

impl Engine {
    /// Takes in a market event of the present instant.
    #[inline]
    pub(super) fn market(&mut self, e: &Event, out: &mut Effects) -> Result<(), EngineError> {
        self.state.events += 1;
        if let MarketData::CorporateAction(action) = &e.data {
            self.corporate_action(e, *action, out)?;
        }
        let State { known, waiting, due, .. } = &mut self.state;
        let price = known.market.apply(e);
        if known.records.is_followed() {
            known.records.observe(e, &known.market);
        }
        if let (Some(symbol), Some(price)) = (e.symbol, price) {
            known.ledger.mark(symbol, price);
            if !waiting.is_empty() && waiting.contains(symbol) {
                due.symbols.insert(symbol);
            }
        }
        self.show(e)?;
        if !self.learners.is_empty() {
            self.start_jobs(out);
        }
        if let (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(from)) = (&e.data, e.symbol) {
            self.state.renames.push(from, *to);
            self.routing = Routing::new(&self.pipeline, &self.state.renames);
        }
        self.watch(e);
        if matches!(e.data, MarketData::SessionClose) {
            self.state.due.session_close = true;
            if self.state.known.clock >= self.state.trading_from {
                self.close_session(out)?;
            }
        }
        Ok(())
    }

    fn corporate_action(&mut self, e: &Event, action: CorporateAction, out: &mut Effects) -> Result<(), EngineError> {
        let Some(symbol) = e.symbol else { return Ok(()) };
        let Known { ledger, records, .. } = &mut self.state.known;
        let held = ledger.portfolio().position(symbol).copied();
        let before = ledger.portfolio().totals().realised;
        let payout =
            ledger.action(e.time, symbol, action).map_err(|problem| EngineError::Ledger { time: e.time, problem })?;
        let realised = ledger.portfolio().totals().realised - before;
        if let Some(held) = held {
            records.booked(action, &held, ledger.portfolio().position(symbol));
        }
        if let Some(fill) = payout {
            self.emit(Emitted::Report(OrderReport::Filled(fill), realised), out);
        }
        if !matches!(action, CorporateAction::Halt { .. }) {
            self.state.executions.blur(symbol);
        }
        let to = match action {
            CorporateAction::SymbolChange { to } => Some(to),
            CorporateAction::Delisting { .. } => None,
            _ => return Ok(()),
        };
        let State { standing, book, due, positions, executor, waiting, .. } = &mut self.state;
        waiting.remove(symbol);
        executor.release(symbol);
        if let Some(to) = to {
            positions.rename(symbol, to);
        }
        let on_signal = self.config.schedule == Schedule::Signal;
        for signals in standing {
            signals.retain(|_, s| {
                let keep = s.legs.iter().all(|l| l.symbol != symbol);
                // What else the signal held has lost its reason.
                if !keep && on_signal {
                    due.symbols.extend(s.legs.iter().map(|l| l.symbol).filter(|l| *l != symbol));
                }
                keep
            });
        }
        // Its orders were cancelled, and there is nothing to decide on under the old name.
        due.symbols.remove(&symbol);
        if on_signal {
            due.symbols.extend(to);
        }
        book.rename(symbol, to);
        Ok(())
    }

    /// Shows an event to every plugin that listens to it: features, then alphas, then everyone else.
    #[inline]
    fn show(&mut self, e: &Event) -> Result<(), EngineError> {
        if self.routing.is_empty() {
            return Ok(());
        }
        let Audience { features: first, alphas, others } = self.routing.audience(e);
        let policy = self.config.on_bad_input;
        let State { known, skipped, standing, pairs, due, next_expiry, .. } = &mut self.state;
        let mut bad = |plugin: &'static str, problem: BadInput| match policy {
            OnBadInput::Stop => Err(EngineError::Plugin { plugin, time: e.time, origin: e.origin, problem }),
            OnBadInput::Skip => {
                let s = skipped
                    .entry(plugin.to_owned())
                    .or_insert_with(|| SkippedInput { count: 0, first: format!("{}: {problem}", e.time) });
                s.count += 1;
                Ok(())
            }
        };
        for place in first {
            let Some(f) = self.pipeline.features.get_mut(*place as usize) else { continue };
            // A feature sees the values published before it, of this event too.
            let result = f.on_event(e, &known.view(), &mut self.published);
            self.published.move_into(&mut known.features);
            if let Err(problem) = result {
                bad(f.id(), problem)?;
            }
        }
        let view = known.view();
        for place in alphas {
            let i = *place as usize;
            let Some(s) = self.pipeline.strategies.get_mut(i) else { continue };
            if let Err(problem) = s.alpha.on_event(e, &view, &mut self.signals) {
                bad(s.alpha.id(), problem)?;
            }
            for signal in self.signals.drain(..) {
                let on_signal = self.config.schedule == Schedule::Signal;
                if on_signal {
                    due.symbols.extend(signal.legs.iter().map(|l| l.symbol));
                }
                if let Some(t) = signal.expires {
                    *next_expiry = t.min(*next_expiry);
                }
                *pairs |= signal.legs.len() > 1;
                let old = standing[i].insert(signal.symbol(), signal);
                // Legs that the new signal no longer has must be decided too.
                if let Some(old) = old.filter(|s| on_signal && s.legs.len() > 1) {
                    due.symbols.extend(old.legs.iter().map(|l| l.symbol));
                }
            }
        }
        let mut watchers: SmallVec<[usize; 4]> = SmallVec::new();
        for place in others {
            let seat = self.routing.seat(*place);
            if let Some(Seat::Observer(i)) = seat {
                watchers.push(i);
            } else if let Some(p) = seat.and_then(|seat| self.pipeline.on(seat))
                && let Err(problem) = p.observe(e, &view)
            {
                bad(p.id(), problem)?;
            }
        }
        watchers.into_iter().for_each(|i| self.show_observer(i, e));
        Ok(())
    }

    /// The position manager follows what is held; the hours are noted.
    #[inline]
    fn watch(&mut self, e: &Event) {
        let State { known, standing, positions, due, .. } = &mut self.state;
        match e.data {
            MarketData::SessionOpen => known.in_session = Some(true),
            MarketData::SessionClose => known.in_session = Some(false),
            _ => {}
        }
        if self.managed {
            let known: &Known = known;
            let p = &self.config.position;
            positions.watch(p, e, &self.pipeline.strategies, standing, &known.view(), &mut due.symbols);
        }
    }
}
