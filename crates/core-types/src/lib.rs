//! The vocabulary of Tradewind: time, money, market events, signals, orders, decisions, the plugin traits and errors.
//!
//! Every other crate speaks these types; none of them is needed here. Values are validated where they are made, so code
//! that receives a [`Price`] or an [`Order`] need not check it again. See `ARCHITECTURE.md` for the map.

mod adjust;
mod changes;
mod decision;
mod error;
mod event;
mod fixed;
mod interest;
mod money;
mod name;
mod online;
mod order;
mod places;
mod portfolio;
mod probe;
mod registry;
mod role;
mod signal;
mod symbol_map;
mod table;
#[cfg(feature = "testkit")]
pub mod testkit;
mod time;
mod view;

pub use adjust::{Adjust, Adjustment, Numbers};
pub use decision::{Contribution, Decision, Outcome, Sizing, Stage, Step};
pub use error::{BadInput, Invalid, Violation, closest, did_you_mean};
pub use event::{
    Bar, BookLevel, BookUpdate, CorporateAction, Earnings, Event, FundFlow, MarketData, News, OptionChain, OptionKind,
    OptionQuote, Origin, Quote, Rating, SearchTrend, Trade,
};
pub use fixed::Fixed;
pub use interest::{Interest, Kinds, Symbols};
pub use money::{Cash, Price, Quantity};
pub use name::{FeatureId, Name, StrategyId, Symbol};
pub use online::{Online, Params, parse_params};
pub use order::{
    ApprovedOrder, Fill, Order, OrderId, OrderKind, OrderReport, RejectReason, Side, TimeInForce, approve,
};
pub use portfolio::{Portfolio, Position, Totals};
pub use probe::Probe;
pub use registry::{PluginInfo, Role};
pub use role::{
    Allocator, Alpha, Broker, Execution, Feature, Filter, Metrics, Observer, Overlay, Plugin, PreTrade, Proposal,
    Published, Record, Revision, Rule, RulePhase, RuleStep, Service, Sizer, Snapshot, StateError, Verdict,
};
pub use signal::{Leg, Signal, Signals};
pub use symbol_map::SymbolMap;
pub use table::{Cell, ColumnSpec, Table, columns_of, table};
pub use time::{Span, Time};
pub use view::{FeatureValues, Last, Market, View};

// For signatures that plugins implement.
pub use schemars;
pub use serde_json;
pub use smallvec;
