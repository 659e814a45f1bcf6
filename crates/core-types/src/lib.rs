//! The vocabulary of Tradewind: time, money, market events, signals, orders, decisions, the plugin traits and errors.
//!
//! Every other crate speaks these types; none of them is needed here. Values are validated where they are made, so code
//! that receives a [`Price`] or an [`Order`] need not check it again. See `ARCHITECTURE.md` for the map.

mod adjust;
mod approval;
mod calendar;
mod changes;
mod command;
mod decision;
mod error;
mod event;
mod execution;
mod fixed;
mod ids;
mod interest;
mod job;
mod lifecycle;
mod money;
mod name;
mod observer;
mod online;
mod order;
mod places;
mod plugin;
mod portfolio;
mod pretrade;
pub mod probe;
mod record;
mod records;
mod registry;
mod report;
mod role;
mod service;
mod signal;
mod step;
mod symbol_map;
mod table;
#[cfg(feature = "testkit")]
pub mod testkit;
mod time;
mod view;
mod working;

pub use adjust::{Adjust, Adjustment, Numbers};
pub use approval::{ApprovedGroup, ApprovedOrder, Share, approve};
pub use calendar::{Calendar, Disruption, NEW_YORK, Session};
pub use command::{Command, Instruction, LogLevel, Obeyed};
pub use decision::{Contribution, Decision, Outcome, Sizing, ZERO_CROSSING};
pub use error::{BadInput, Invalid, Violation, closest, did_you_mean};
pub use event::{
    Bar, BookLevel, BookUpdate, CorporateAction, Earnings, Event, FundFlow, MarketData, News, OptionChain, OptionKind,
    OptionQuote, Origin, Quote, Rating, SearchTrend, Trade,
};
pub use execution::{Execution, Outbox};
pub use fixed::Fixed;
pub use ids::{BookName, BrokerOrderId, ClientOrderId, ExecutionId};
pub use interest::{Interest, Kinds, Symbols};
pub use jiff::civil::Date;
pub use job::{Fit, JobDone, JobId, Learner, Task, Training, TrainingOnly, Work};
pub use lifecycle::{OrderState, ReportKind, Turn};
pub use money::{Cash, Price, Quantity};
pub use name::{FeatureId, Name, StrategyId, Symbol};
pub use observer::{Artefact, ArtefactKind, Observer};
pub use online::{Online, Params, parse_params};
pub use order::{Order, OrderId, OrderKind, Side, TimeInForce, Trail};
pub use plugin::{Metrics, Plugin, Snapshot, StateError};
pub use portfolio::{Portfolio, Position, Totals};
pub use pretrade::{PreTrade, Verdict};
pub use record::{LedgerHash, Notice, Record, SessionRecord};
pub use records::{Follow, Scored, Settled, StrategyRecords};
pub use registry::{PluginInfo, Probe, Role};
pub use report::{BrokerReport, Correction, Fill, OrderReport, Progress, RejectReason, Said};
pub use role::{
    Allocator, Alpha, Feature, Filter, Overlay, Proposal, Published, Revision, Rule, RulePhase, RuleStep, Sizer,
};
pub use service::{Hears, Outgoing, Request, Service};
pub use signal::{Leg, Signal, Signals};
pub use step::{Stage, Step};
pub use symbol_map::SymbolMap;
pub use table::{Cell, ColumnKind, ColumnSpec, Table, columns_of, table};
pub use time::{Span, Time};
pub use view::{FeatureValues, Last, Market, View};
pub use working::{Replacement, WorkingOrder, WorkingOrders};

// For signatures that plugins implement.
pub use schemars;
pub use serde_json;
pub use smallvec;
