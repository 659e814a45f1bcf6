//! The roles a plugin can play: each is one trait with one question, on top of [`Plugin`].

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::adjust::Adjustment;
use crate::decision::Decision;
use crate::error::BadInput;
use crate::event::Event;
use crate::interest::Interest;
use crate::money::Quantity;
use crate::name::{FeatureId, StrategyId, Symbol};
use crate::order::{ApprovedOrder, Order, OrderId, OrderReport};
use crate::portfolio::Portfolio;
use crate::signal::{Signal, Signals};
use crate::time::Time;
use crate::view::{FeatureValues, View};

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
    /// Adds named values worth charting; asked at every session close.
    fn metrics(&self, _out: &mut Metrics) {}
}

/// A value that a feature publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Its name.
    pub id: FeatureId,
    /// Its unit, such as "dollars", "annual volatility", "log return" or "1".
    pub unit: &'static str,
}

/// Turns events into named values.
pub trait Feature: Plugin {
    /// What it publishes, fixed once built.
    fn outputs(&self) -> Vec<Published>;
    /// The values of other features that it reads: these features see every event before it does.
    fn inputs(&self) -> Vec<FeatureId> {
        Vec::new()
    }
    /// Sees an event and publishes what has become known. The view holds what features before it have published of the same event.
    ///
    /// # Errors
    /// When the event cannot be used.
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut FeatureValues) -> Result<(), BadInput>;
}

/// Turns events into signals.
pub trait Alpha: Plugin {
    /// Sees an event and gives the signals that follow from it. A signal stands until replaced or expired.
    ///
    /// # Errors
    /// When the event cannot be used.
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput>;
}

/// Keeps, scales, smooths or drops a signal.
pub trait Filter: Plugin {
    /// What happens to the signal of a strategy: `Keep`, `Scale` or `Veto`; `Set` only to smooth its score.
    ///
    /// Asked once for each signal in force at every decision, so a filter may keep a record of what each strategy's signals were worth.
    fn filter(&mut self, strategy: StrategyId, signal: &Signal, view: &View<'_>) -> Adjustment;
}

/// From a signal's score to a fraction of equity.
pub trait Sizer: Plugin {
    /// `Scale` by the fraction of equity for a full signal (score 1), or `Veto`. Of several sizers of a strategy the smallest counts.
    ///
    /// Asked once for each signal in force at every decision, so a sizer may keep a record of what each strategy's signals were worth.
    fn size(&mut self, strategy: StrategyId, signal: &Signal, view: &View<'_>) -> Adjustment;
}

/// Scales exposure by the state of market and portfolio.
pub trait Overlay: Plugin {
    /// The multiplier for exposure in `symbol`: `Keep`, `Scale` (>= 0) or `Veto`.
    fn exposure(&mut self, symbol: Symbol, view: &View<'_>) -> Adjustment;
}

/// What a strategy would hold, before allocators.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Which strategy.
    pub strategy: StrategyId,
    /// Fractions of equity by symbol, in the order of the symbols' text, each symbol once.
    pub weights: Vec<(Symbol, f64)>,
}

/// Weighs strategies against each other.
pub trait Allocator: Plugin {
    /// One adjustment (`Keep`, `Scale` or `Veto`) for each proposal, in the same order.
    fn allocate(&mut self, proposals: &[Proposal], view: &View<'_>) -> Vec<Adjustment>;
}

/// What a rule does to one symbol's target; a symbol not yet in the portfolio is a hedge that the rule adds.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleStep {
    /// Which symbol.
    pub symbol: Symbol,
    /// What happens to its weight.
    pub adjustment: Adjustment,
}

/// When in the order of operations a rule is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RulePhase {
    /// First: what is held shrinks with its age.
    Decay,
    /// Then: limits on the portfolio as a whole, which may only make positions smaller.
    Portfolio,
    /// Last: hedges, which may add positions.
    Hedge,
}

/// What has changed of a target portfolio of which only some symbols are decided.
#[derive(Debug, Clone, Copy)]
pub struct Revision<'a> {
    /// The places of the targets, in order, that may differ from those shown last, and of those that are decided now; the symbols are the same,
    /// each at its place. `None` when anything may differ, also the symbols.
    pub changed: Option<&'a [usize]>,
    /// The symbols that are decided now: what is done to them is recorded and explained. All others are shown as they were decided last, after
    /// all rules and without hedges; of steps on them only the effect counts: where it matters they are decided, too, and the rule is asked again.
    pub decided: &'a [Symbol],
}

impl Revision<'_> {
    /// Whether a symbol is decided now.
    pub fn decides(&self, symbol: Symbol) -> bool {
        self.decided.contains(&symbol)
    }
}

/// Clips, vetoes or hedges the target portfolio as a whole.
pub trait Rule: Plugin {
    /// When it is applied; rules of one phase in the order of their names.
    fn phase(&self) -> RulePhase {
        RulePhase::Portfolio
    }
    /// The steps to take on the target weights (sorted by symbol, each once).
    fn apply(&mut self, targets: &[(Symbol, f64)], view: &View<'_>) -> Vec<RuleStep>;
    /// The same of a portfolio of which only some symbols are decided: for rules that keep totals, so that one changed target costs as much as one.
    /// The steps are those of `apply`; those on symbols that are not decided now may come without reason and numbers.
    fn revise(&mut self, targets: &[(Symbol, f64)], _what: Revision<'_>, view: &View<'_>) -> Vec<RuleStep> {
        self.apply(targets, view)
    }
}

/// What becomes of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send it.
    Send,
    /// Not now: decide again at the next opportunity.
    Wait,
    /// Not at all.
    Skip,
}

/// The last look at an order.
pub trait PreTrade: Plugin {
    /// Send, wait or skip, with the reason.
    fn check(&mut self, order: &Order, view: &View<'_>) -> (Verdict, Adjustment);
}

/// Turns approved orders into child orders in time.
pub trait Execution: Plugin {
    /// Takes approved orders; gives those to be sent now.
    fn schedule(&mut self, orders: Vec<ApprovedOrder>, view: &View<'_>) -> Vec<ApprovedOrder>;
    /// Gives the orders that have become due.
    fn due(&mut self, view: &View<'_>) -> Vec<ApprovedOrder>;
}

/// Something a run records.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    /// A decision, taken or not taken.
    Decision(&'a Decision),
    /// An order on its way to the broker.
    Order(&'a Order),
    /// A broker's report.
    Report(&'a OrderReport),
    /// The books at a session close.
    Session(Time, &'a Portfolio),
}

/// Watches a run; cannot change it.
pub trait Observer: Plugin {
    /// Sees a record.
    fn on_record(&mut self, record: Record<'_>);
}

/// Where approved orders go: the simulated exchange or a real broker's client.
pub trait Broker: Snapshot + Send {
    /// Takes an order. What becomes of it is reported later, through [`Broker::on_event`].
    fn submit(&mut self, order: ApprovedOrder, view: &View<'_>);
    /// Asks for an order to be cancelled.
    fn cancel(&mut self, order: OrderId, now: Time);
    /// Sees the market go on, before anyone decides on the event, and adds what has been reported since.
    ///
    /// # Errors
    /// When the broker cannot go on.
    fn on_event(&mut self, event: &Event, view: &View<'_>, reports: &mut Vec<OrderReport>) -> Result<(), BadInput>;
    /// What the broker says is held, where it keeps books of its own: compared with the ledger at every session close.
    fn statement(&self) -> Option<Vec<(Symbol, Quantity)>> {
        None
    }
}

/// Runs beside the loop: heartbeat, checkpoints, health.
pub trait Service: Plugin {
    /// Called at least once a second with the time of the run.
    ///
    /// # Errors
    /// What failed; the run goes on and reports it.
    fn tick(&mut self, now: Time) -> Result<(), BadInput>;
}
