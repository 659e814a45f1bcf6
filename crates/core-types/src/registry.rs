//! A plugin's entry in the registry: what it is, what it takes, and how each of its roles is built from parameters.

use schemars::Schema;
use serde_json::Value;

use crate::error::Invalid;
use crate::execution::Execution;
use crate::observer::Observer;
use crate::online::{Online, Params, parse_params};
use crate::pretrade::PreTrade;
use crate::role::{Allocator, Alpha, Feature, Filter, Overlay, Rule, Sizer};
use crate::service::Service;
use crate::table::{Table, columns_of, table};

/// Builds one role from parameters.
pub type Build<R> = fn(&Value) -> Result<Box<R>, Invalid>;

/// Gives the input and output columns of a table function.
pub type Columns = fn() -> (Vec<&'static str>, Vec<&'static str>);

/// The roles, for catalogues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Market events to named values.
    Feature,
    /// Market events to signals.
    Alpha,
    /// Keeps, scales or drops a signal.
    Filter,
    /// Score to fraction of equity.
    Sizer,
    /// Exposure multiplier.
    Overlay,
    /// Weight or cap per strategy.
    Allocator,
    /// Clips the target portfolio.
    Rule,
    /// Last look at an order.
    PreTrade,
    /// Child orders in time.
    Execution,
    /// Watches.
    Observer,
    /// Runs beside.
    Service,
    /// Rows in, rows out.
    Table,
}

/// A plugin's entry in the registry: plain data and function pointers, one constant per plugin file.
#[derive(Clone, Copy)]
pub struct PluginInfo {
    /// The id: file name, configuration key, documentation page.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Where the mathematics comes from: author, year, title.
    pub source: &'static str,
    /// The batch of the plan it belongs to.
    pub batch: u8,
    /// JSON Schema of the parameters.
    pub schema: fn() -> Schema,
    /// The parameters' defaults.
    pub defaults: fn() -> Value,
    /// Checks parameters completely: shape and ranges.
    pub check: fn(&Value) -> Result<(), Invalid>,
    /// Input and output columns of the table function.
    pub columns: Option<Columns>,
    /// As a table function.
    pub table: Option<Build<dyn Table>>,
    /// As a feature.
    pub feature: Option<Build<dyn Feature>>,
    /// As an alpha.
    pub alpha: Option<Build<dyn Alpha>>,
    /// As a filter.
    pub filter: Option<Build<dyn Filter>>,
    /// As a sizer.
    pub sizer: Option<Build<dyn Sizer>>,
    /// As an overlay.
    pub overlay: Option<Build<dyn Overlay>>,
    /// As an allocator.
    pub allocator: Option<Build<dyn Allocator>>,
    /// As a rule.
    pub rule: Option<Build<dyn Rule>>,
    /// As a pre-trade check.
    pub pretrade: Option<Build<dyn PreTrade>>,
    /// As an execution.
    pub execution: Option<Build<dyn Execution>>,
    /// As an observer.
    pub observer: Option<Build<dyn Observer>>,
    /// As a service.
    pub service: Option<Build<dyn Service>>,
}

fn schema<P: Params>() -> Schema {
    schemars::schema_for!(P)
}
fn defaults<P: Params>() -> Value {
    serde_json::to_value(P::default()).unwrap_or(Value::Null)
}
fn check<P: Params>(v: &Value) -> Result<(), Invalid> {
    parse_params::<P>(v)?.build().map(|_| ())
}
fn build_table<P: Params>(v: &Value) -> Result<Box<dyn Table>, Invalid>
where
    P::Built: Online + 'static,
{
    Ok(table(parse_params::<P>(v)?.build()?))
}
fn columns<P: Params>() -> (Vec<&'static str>, Vec<&'static str>)
where
    P::Built: Online,
{
    (columns_of::<<P::Built as Online>::In>(), columns_of::<<P::Built as Online>::Out>())
}

impl PluginInfo {
    /// The entry of the plugin with parameters `P`; add its roles as struct fields:
    /// `PluginInfo { overlay: Some(|v| ...), ..PluginInfo::of::<P>(..) }`.
    pub const fn of<P: Params>(batch: u8, summary: &'static str, source: &'static str) -> Self {
        Self {
            id: P::ID,
            summary,
            source,
            batch,
            schema: schema::<P>,
            defaults: defaults::<P>,
            check: check::<P>,
            columns: None,
            table: None,
            feature: None,
            alpha: None,
            filter: None,
            sizer: None,
            overlay: None,
            allocator: None,
            rule: None,
            pretrade: None,
            execution: None,
            observer: None,
            service: None,
        }
    }
    /// Also a table function, since what `P` builds is [`Online`].
    #[must_use]
    pub const fn with_table<P: Params>(mut self) -> Self
    where
        P::Built: Online + 'static,
    {
        self.table = Some(build_table::<P>);
        self.columns = Some(columns::<P>);
        self
    }
    /// The roles it plays.
    pub fn roles(&self) -> Vec<Role> {
        [
            (self.feature.is_some(), Role::Feature),
            (self.alpha.is_some(), Role::Alpha),
            (self.filter.is_some(), Role::Filter),
            (self.sizer.is_some(), Role::Sizer),
            (self.overlay.is_some(), Role::Overlay),
            (self.allocator.is_some(), Role::Allocator),
            (self.rule.is_some(), Role::Rule),
            (self.pretrade.is_some(), Role::PreTrade),
            (self.execution.is_some(), Role::Execution),
            (self.observer.is_some(), Role::Observer),
            (self.service.is_some(), Role::Service),
            (self.table.is_some(), Role::Table),
        ]
        .into_iter()
        .filter_map(|(has, role)| has.then_some(role))
        .collect()
    }
}

impl std::fmt::Debug for PluginInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginInfo").field("id", &self.id).field("roles", &self.roles()).finish_non_exhaustive()
    }
}
