//! What runs beside the loop.

use crate::command::Command;
use crate::error::BadInput;
use crate::event::Event;
use crate::order::{Order, OrderId};
use crate::plugin::Plugin;
use crate::record::Record;
use crate::time::Time;
use crate::view::View;

/// What leaves an engine, as services see it.
#[derive(Debug, Clone, Copy)]
pub enum Outgoing<'a> {
    /// A record.
    Record(Record<'a>),
    /// An order goes to the broker.
    Submit(&'a Order),
    /// The broker is asked to cancel an order.
    Cancel(OrderId),
    /// The broker is asked to replace the order of this number by this one.
    Replace(&'a Order),
}

/// What a service gives the engine: an input like any other, which the driver stamps and journals. So a replay needs no service.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// An operator's command; its id must be one of its own, since a repeated one does nothing.
    Command(Command),
    /// A market event; it counts from the present instant, which becomes its time.
    Market(Event),
}

/// How much of what leaves the engine a service is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hears {
    /// Nothing.
    #[default]
    Nothing,
    /// Records.
    Records,
    /// Records, orders sent and cancels.
    Everything,
}

/// Runs beside the loop: heartbeat, checkpoints, health, feeds.
///
/// The driver calls it; the engine knows nothing of it. It sees market events after the engine ([`Plugin::observe`], as far as it listens), what leaves
/// the engine as far as it follows that, and the time. It acts by requests alone, never by itself on the run. One that fails is taken off, which is told, and
/// the run goes on.
pub trait Service: Plugin {
    /// How much of what leaves the engine it wants to see.
    fn hears(&self) -> Hears {
        Hears::Nothing
    }
    /// Sees what leaves the engine.
    ///
    /// # Errors
    /// When it cannot go on.
    fn on_outgoing(&mut self, _: &Outgoing<'_>, _: &View<'_>, _: &mut Vec<Request>) -> Result<(), BadInput> {
        Ok(())
    }
    /// When it wants to be called, though nothing may happen; later than the last call.
    fn wakeup(&self) -> Option<Time> {
        None
    }
    /// Is called when the time of [`Service::wakeup`] has come: in a backtest exactly then, live soon after. The view's `now` is the time of the run.
    ///
    /// # Errors
    /// When it cannot go on.
    fn tick(&mut self, _: &View<'_>, _: &mut Vec<Request>) -> Result<(), BadInput> {
        Ok(())
    }
}
