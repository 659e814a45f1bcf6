//! A plugin's entry in the registry: what it is, what it takes, and how each of its roles is built from parameters.

use schemars::Schema;
use serde_json::Value;

use crate::error::Invalid;
use crate::execution::Execution;
use crate::observer::Observer;
use crate::online::{Online, Params, parse_params};
use crate::plugin::Plugin;
use crate::pretrade::PreTrade;
use crate::role::{Allocator, Alpha, Feature, Filter, Overlay, Rule, Sizer};
use crate::service::Service;
use crate::table::{Table, columns_of, table};

/// Builds one role from parameters.
pub type Build<R> = fn(&Value) -> Result<Box<R>, Invalid>;

/// Gives the input and output columns of a table function.
pub type Columns = fn() -> (Vec<&'static str>, Vec<&'static str>);

/// Declares all that follows from the list of roles below: [`Role`], a builder for each in [`PluginInfo`], and [`Probe`].
macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $name:ident,)*) => {
        /// The roles, in the order of the pipeline.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Role {
            $($(#[$doc])* $role,)*
        }

        impl Role {
            /// Every role.
            pub const ALL: &'static [Self] = &[$(Self::$role),*];

            /// The name of its table in the configuration and of its builder in [`PluginInfo`].
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$role => stringify!($name),)*
                }
            }
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
            /// As a table function: rows in, rows out.
            pub table: Option<Build<dyn Table>>,
            /// Input and output columns of the table function.
            pub columns: Option<Columns>,
            $($(#[$doc])* pub $name: Option<Build<dyn $role>>,)*
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
                    table: None,
                    columns: None,
                    $($name: None,)*
                }
            }

            /// Whether it plays this role.
            pub const fn plays(&self, role: Role) -> bool {
                match role {
                    $(Role::$role => self.$name.is_some(),)*
                }
            }
        }

        /// A plugin in one of its roles, to be driven by conformance suites and by proofs of causality.
        pub enum Probe {
            $($(#[$doc])* $role(Box<dyn $role>),)*
        }

        impl Probe {
            /// A plugin in every role that it plays.
            ///
            /// # Errors
            /// When the parameters are wrong.
            pub fn all(info: &PluginInfo, params: &Value) -> Result<Vec<Self>, Invalid> {
                let mut out = Vec::new();
                $(if let Some(build) = info.$name {
                    out.push(Self::$role(build(params)?));
                })*
                Ok(out)
            }

            /// The role.
            pub fn role(&self) -> Role {
                match self {
                    $(Self::$role(_) => Role::$role,)*
                }
            }

            /// The plugin behind the role.
            pub fn plugin(&mut self) -> &mut dyn Plugin {
                match self {
                    $(Self::$role(p) => p.as_mut(),)*
                }
            }
        }
    };
}

// The one list of roles: each is its trait and the name of its table. A new one needs its answers in `Probe`, its table in the trader's
// configuration and its call in the engine or a driver; the compiler asks for each of them.
roles! {
    /// Market events to named values.
    Feature = feature,
    /// Market events to signals.
    Alpha = alpha,
    /// Keeps, scales or drops a signal.
    Filter = filter,
    /// Score to fraction of equity.
    Sizer = sizer,
    /// Exposure multiplier.
    Overlay = overlay,
    /// Weight or cap per strategy.
    Allocator = allocator,
    /// Clips the target portfolio.
    Rule = rule,
    /// Last look at an order.
    PreTrade = pretrade,
    /// Child orders in time.
    Execution = execution,
    /// Watches.
    Observer = observer,
    /// Runs beside.
    Service = service,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
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
        Role::ALL.iter().copied().filter(|r| self.plays(*r)).collect()
    }
    /// What it can be used as: the names of its roles and, at the end, `table`.
    pub fn uses(&self) -> Vec<&'static str> {
        self.roles().into_iter().map(Role::name).chain(self.table.map(|_| "table")).collect()
    }
}

impl std::fmt::Debug for PluginInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginInfo").field("id", &self.id).field("uses", &self.uses()).finish_non_exhaustive()
    }
}
