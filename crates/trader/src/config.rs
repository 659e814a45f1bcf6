//! The configuration of a run: TOML in, every violation out at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tradewind_core_types::{Cash, Invalid, Role, StrategyId, Symbol, Violation, did_you_mean};
use tradewind_data::{PlantedSpec, SimulationSpec, SourceSpec};
use tradewind_engine::builtin::{LimitsParams, OrderLimitsParams};
use tradewind_engine::{Conviction, EngineConfig, ExchangeConfig};

use crate::assign;
use crate::catalogue;
use crate::error::Failure;
use crate::schema;

/// The embedded configuration: the default system on the bundled sample.
pub const DEFAULT: &str = include_str!("../config/default.toml");

/// The embedded configurations by name; the first is used where none is named.
pub const SCENARIOS: [(&str, &str); 2] =
    [("default", DEFAULT), ("simulated", include_str!("../config/simulated.toml"))];

/// Everything a run needs to know. Unknown keys are refused; every key has a default except where said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Headline of the report.
    pub title: String,
    /// Period and money.
    pub run: RunConfig,
    /// Where the data come from.
    pub data: DataConfig,
    /// How the loop decides and orders.
    pub engine: EngineConfig,
    /// How the simulated exchange fills and what it charges.
    pub exchange: ExchangeConfig,
    /// Portfolio limits, applied after all other rules.
    pub limits: LimitsParams,
    /// Limits on single orders, checked last.
    pub order_limits: OrderLimitsParams,
    /// Features by name. Those that read others see every event after them.
    pub feature: BTreeMap<String, PluginConfig>,
    /// Alphas by name.
    pub alpha: BTreeMap<String, PluginConfig>,
    /// Filters by name.
    pub filter: BTreeMap<String, PluginConfig>,
    /// Sizers by name.
    pub sizer: BTreeMap<String, PluginConfig>,
    /// Overlays by name.
    pub overlay: BTreeMap<String, PluginConfig>,
    /// Allocators by name, applied in the order of their names.
    pub allocator: BTreeMap<String, PluginConfig>,
    /// Portfolio rules by name, applied in the order of their names.
    pub rule: BTreeMap<String, PluginConfig>,
    /// Pre-trade checks by name, after those that every run has, in the order of their names.
    pub pretrade: BTreeMap<String, PluginConfig>,
    /// How approved orders are sent; at most one.
    pub execution: BTreeMap<String, PluginConfig>,
    /// Observers by name: they watch a run and cannot change it.
    pub observer: BTreeMap<String, PluginConfig>,
    /// Services by name: they run beside the loop and act by commands and events of their own.
    pub service: BTreeMap<String, PluginConfig>,
    /// Strategies by name.
    pub strategy: BTreeMap<String, StrategyConfig>,
    /// Portfolios to compare with, held through the same exchange and costs.
    pub benchmark: Vec<BenchmarkConfig>,
    /// The report.
    pub report: ReportConfig,
}

/// Period and money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// First session that may be traded, as a date in New York.
    #[schemars(with = "String", extend("format" = "date"))]
    pub from: jiff::civil::Date,
    /// Last session.
    #[schemars(with = "String", extend("format" = "date"))]
    pub to: jiff::civil::Date,
    /// First session of data, to warm plugins up; by default `from`.
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub warmup_from: Option<jiff::civil::Date>,
    /// Cash at the start in dollars, 1e-18 to 1e12.
    pub cash: f64,
    /// Threads for reading data and for checks, 1 to 256; results do not depend on it.
    pub threads: usize,
    /// What the journal keeps.
    pub journal: JournalLevel,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            from: jiff::civil::date(2014, 1, 3),
            to: jiff::civil::date(2016, 7, 1),
            warmup_from: None,
            cash: 100_000.0,
            threads: 2,
            journal: JournalLevel::Full,
        }
    }
}

/// What the journal keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JournalLevel {
    /// Nothing.
    None,
    /// Decisions, orders and reports.
    Decisions,
    /// These and every input: the run can be replayed from the journal alone.
    #[default]
    Full,
}

/// Where the data come from: files, or the simulator.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Files, in the order that breaks ties between them. A path `sample:NAME` is a file of the bundled sample.
    pub source: Vec<SourceSpec>,
    /// Simulated data instead of files, labelled so everywhere.
    pub simulate: Option<SimulationSpec>,
    /// Effects planted in the simulated data: search interest, rating revisions and earnings with whispers around the prices. Needs `simulate`.
    pub planted: Option<PlantedSpec>,
}

/// A plugin and its parameters: `plugin = "fe_garch"`, then the plugin's own keys (see `trader plugins ID`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PluginConfig {
    /// The plugin's id.
    pub plugin: String,
    /// The plugin's parameters.
    #[serde(flatten)]
    pub params: Map<String, Value>,
}

/// A strategy: whose signals, through which filters and overlays, at which size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StrategyConfig {
    /// Name of the alpha. Needed.
    pub alpha: String,
    /// Fraction of equity for a full signal, above 0, at most 10. With sizers the smallest of all counts.
    pub base: f64,
    /// How much of a signal's score counts.
    pub conviction: Conviction,
    /// Names of filters, in order.
    pub filters: Vec<String>,
    /// Names of sizers: the smallest of `base` and theirs counts. Each strategy has its own state of them.
    pub sizers: Vec<String>,
    /// Names of overlays, in order.
    pub overlays: Vec<String>,
    /// Whether the position manager (`engine.position`) watches over what it holds.
    pub managed: bool,
    /// Whether its signals compete for the places of the executor (`engine.executor`).
    pub discretionary: bool,
}

impl Default for StrategyConfig {
    fn default() -> Self {
        Self {
            alpha: String::new(),
            base: 0.1,
            conviction: Conviction::Score,
            filters: vec![],
            sizers: vec![],
            overlays: vec![],
            managed: false,
            discretionary: false,
        }
    }
}

/// A portfolio to compare with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BenchmarkConfig {
    /// Name in the report.
    pub name: String,
    /// Fractions of equity by symbol, held by rebalancing when a weight is off by more than 0.02.
    pub weights: BTreeMap<String, f64>,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReportConfig {
    /// Sessions a year, for annualising, above 0, at most 1e6.
    pub periods_per_year: f64,
    /// Risk-free rate a year (decimal), -1 to 1.
    pub risk_free: f64,
    /// Sessions of rolling volatility and beta, 2 to 10000.
    pub rolling_window: usize,
    /// Most trades not taken that the report shows.
    pub not_taken: usize,
    /// Whether the run is repeated without each of its parts, to show what each does.
    pub ablation: bool,
}

impl Default for ReportConfig {
    fn default() -> Self {
        Self { periods_per_year: 252.0, risk_free: 0.0, rolling_window: 63, not_taken: 200, ablation: false }
    }
}

impl Config {
    /// Reads a configuration file (the embedded one when `None`), applies `--set key=value` overrides, and checks everything.
    ///
    /// # Errors
    /// All violations at once.
    pub fn load(path: Option<&Path>, overrides: &[String]) -> Result<Self, Failure> {
        let (origin, text) = match path {
            None => ("the embedded configuration".to_owned(), DEFAULT.to_owned()),
            Some(p) => (p.display().to_string(), read(p, "without a path, the embedded configuration is used")?),
        };
        Self::parse(&origin, &text, overrides, path.and_then(Path::parent))
    }

    /// Takes an embedded configuration by its name in [`SCENARIOS`], applies overrides, and checks everything.
    ///
    /// # Errors
    /// When there is none of that name, or all violations at once.
    pub fn scenario(name: &str, overrides: &[String]) -> Result<Self, Failure> {
        let Some((_, text)) = SCENARIOS.iter().find(|s| s.0 == name) else {
            let hint = did_you_mean(name, SCENARIOS.iter().map(|s| s.0));
            return Err(Failure::Usage(format!("there is no scenario {name:?}{hint}")));
        };
        Self::parse(&format!("the scenario {name}"), text, overrides, None)
    }

    /// Reads a configuration from text; relative data paths are taken from `folder`.
    ///
    /// # Errors
    /// All violations at once.
    pub fn parse(origin: &str, text: &str, overrides: &[String], folder: Option<&Path>) -> Result<Self, Failure> {
        let fail = |problems| Failure::Config { origin: origin.to_owned(), problems };
        let table: toml::Table =
            toml::from_str(text).map_err(|e| fail(Invalid::one("TOML", e.to_string().replace('\n', " "))))?;
        let mut value = json(toml::Value::Table(table));
        for o in overrides {
            assign::set(&mut value, o).map_err(Failure::Usage)?;
        }
        let schema = schemars::schema_for!(Config);
        let mut bad = schema::violations(schema.as_value(), &value);
        // Shape first: what has the wrong shape cannot be checked further.
        if !bad.0.is_empty() {
            return Err(fail(bad));
        }
        let mut config: Config = serde_json::from_value(value).map_err(|e| fail(Invalid::one("", e.to_string())))?;
        if let Some(folder) = folder {
            for s in &mut config.data.source {
                if s.path.is_relative() && !s.path.to_string_lossy().starts_with(crate::sample::PREFIX) {
                    s.path = folder.join(&s.path);
                }
            }
        }
        bad.absorb(config.check());
        bad.into_result(config).map_err(fail)
    }

    /// Checks everything that can be known without reading data.
    ///
    /// # Errors
    /// All violations.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        let r = &self.run;
        bad.require(r.from <= r.to, "run.from", r.from, &format!("a date not after run.to ({})", r.to));
        let (first, last) = tradewind_data::Calendar::us_equities().range();
        let covered = format!("within the calendar, {first} to {last}");
        let dates = [("from", Some(r.from)), ("to", Some(r.to)), ("warmup_from", r.warmup_from)];
        for (name, date) in dates.iter().filter_map(|(n, d)| d.map(|d| (n, d))) {
            bad.require((first..=last).contains(&date), &format!("run.{name}"), date, &covered);
        }
        if let Some(w) = r.warmup_from {
            bad.require(w <= r.from, "run.warmup_from", w, "a date not after run.from");
        }
        bad.require(
            // What rounds to nothing is no cash.
            r.cash <= 1e12 && Cash::from_f64(r.cash).is_ok_and(|c| c > Cash::ZERO),
            "run.cash",
            r.cash,
            "1e-18 (the unit of money) to 1e12",
        );
        bad.require((1..=256).contains(&r.threads), "run.threads", r.threads, "1 to 256");
        bad.absorb(self.engine.check().map_err(|e| e.under("engine")));
        bad.absorb(self.exchange.check().map_err(|e| e.under("exchange")));
        bad.absorb(self.limits.build().map_err(|e| e.under("limits")));
        bad.absorb(self.order_limits.build().map_err(|e| e.under("order_limits")));
        let p = &self.report;
        bad.require(
            p.periods_per_year > 0.0 && p.periods_per_year <= 1e6,
            "report.periods_per_year",
            p.periods_per_year,
            "above 0, at most 1e6",
        );
        bad.require((-1.0..=1.0).contains(&p.risk_free), "report.risk_free", p.risk_free, "-1 to 1");
        bad.require((2..=10_000).contains(&p.rolling_window), "report.rolling_window", p.rolling_window, "2 to 10000");
        self.check_data(&mut bad);
        self.check_plugins(&mut bad);
        self.check_strategies(&mut bad);
        for (i, b) in self.benchmark.iter().enumerate() {
            let at = format!("benchmark.{i}");
            bad.require(!b.name.is_empty(), &format!("{at}.name"), "empty", "a name");
            bad.require(!b.weights.is_empty(), &format!("{at}.weights"), "empty", "at least one symbol");
            for (s, w) in &b.weights {
                bad.require(Symbol::new(s).is_ok(), &format!("{at}.weights"), s, "a symbol");
                bad.require((0.0..=1.0).contains(w), &format!("{at}.weights.{s}"), w, "0 to 1");
            }
            let total: f64 = b.weights.values().sum();
            bad.require(total <= 1.0 + 1e-12, &format!("{at}.weights"), total, "weights that sum to at most 1");
        }
        bad.into_result(())
    }

    fn check_data(&self, bad: &mut Invalid) {
        let d = &self.data;
        bad.require(
            d.source.is_empty() != d.simulate.is_none(),
            "data",
            if d.source.is_empty() { "empty" } else { "both files and a simulation" },
            "either [[data.source]] files or [data.simulate]",
        );
        for (i, s) in d.source.iter().enumerate() {
            bad.absorb(s.check().map_err(|e| e.under(&format!("data.source.{i}"))));
        }
        if let Some(s) = &d.simulate {
            bad.absorb(s.check().map_err(|e| e.under("data.simulate")));
        }
        if let Some(p) = &d.planted {
            bad.absorb(p.check().map_err(|e| e.under("data.planted")));
            let s = d.simulate.as_ref();
            bad.require(
                s.is_some(),
                "data.planted",
                "set",
                "[data.simulate] beside it, whose prices the effects go into",
            );
            let daily = s.is_none_or(|s| s.bar_seconds.is_none() && s.ticks.is_none());
            bad.require(
                daily,
                "data.simulate",
                "bars within the day",
                "daily bars without ticks, beside [data.planted]",
            );
        }
    }

    fn check_plugins(&self, bad: &mut Invalid) {
        for (role, plugins) in self.roles() {
            for (name, p) in plugins {
                let at = format!("{role}.{name}");
                if role == Role::Alpha && crate::compose::BUILTIN_ALPHAS.contains(&p.plugin.as_str()) {
                    bad.absorb(crate::compose::builtin_alpha(p).map_err(|e| e.under(&at)));
                    continue;
                }
                match catalogue::find(&p.plugin) {
                    Err(problem) => bad.0.push(Violation { field: format!("{at}.plugin"), problem }),
                    Ok(info) if !info.plays(role) => {
                        let uses = info.uses().join(", ");
                        let expected = format!("a plugin with the role {role}; this one is: {uses}");
                        bad.require(false, &format!("{at}.plugin"), &p.plugin, &expected);
                    }
                    Ok(info) => {
                        bad.absorb((info.check)(&Value::Object(p.params.clone())).map_err(|e| e.under(&at)));
                    }
                }
            }
        }
    }

    fn check_strategies(&self, bad: &mut Invalid) {
        bad.require(!self.strategy.is_empty(), "strategy", "empty", "at least one [strategy.NAME]");
        let mut used = BTreeMap::new();
        for (name, s) in &self.strategy {
            let at = format!("strategy.{name}");
            bad.require(StrategyId::new(name).is_ok(), &at, name, "letters, digits, _ or - in a strategy's name");
            bad.require(s.base > 0.0 && s.base <= 10.0, &format!("{at}.base"), s.base, "above 0, at most 10");
            let mut known = |field: &str, names: &[String], table: &BTreeMap<String, PluginConfig>| {
                for n in names {
                    if !table.contains_key(n) {
                        let hint = did_you_mean(n, table.keys().map(String::as_str));
                        let problem = format!("names {n:?}, which is not configured{hint}");
                        bad.0.push(Violation { field: format!("{at}.{field}"), problem });
                    }
                }
            };
            known("alpha", std::slice::from_ref(&s.alpha), &self.alpha);
            known("filters", &s.filters, &self.filter);
            known("sizers", &s.sizers, &self.sizer);
            known("overlays", &s.overlays, &self.overlay);
            if let Some(other) = used.insert(s.alpha.clone(), name) {
                let problem = format!("{:?} already serves strategy {other}: configure a second alpha", s.alpha);
                bad.0.push(Violation { field: format!("{at}.alpha"), problem });
            }
        }
    }

    /// The plugin tables by role, in the order of the pipeline.
    pub fn roles(&self) -> impl Iterator<Item = (Role, &BTreeMap<String, PluginConfig>)> {
        Role::ALL.iter().map(|r| (*r, self.table(*r)))
    }

    /// The plugins of a role, by name.
    pub fn table(&self, role: Role) -> &BTreeMap<String, PluginConfig> {
        match role {
            Role::Feature => &self.feature,
            Role::Alpha => &self.alpha,
            Role::Filter => &self.filter,
            Role::Sizer => &self.sizer,
            Role::Overlay => &self.overlay,
            Role::Allocator => &self.allocator,
            Role::Rule => &self.rule,
            Role::PreTrade => &self.pretrade,
            Role::Execution => &self.execution,
            Role::Observer => &self.observer,
            Role::Service => &self.service,
        }
    }

    /// The same with every path of a data file changed; files of the sample stay what they are.
    #[must_use]
    pub fn with_paths(&self, change: impl Fn(&Path) -> PathBuf) -> Self {
        let mut c = self.clone();
        for s in c.data.source.iter_mut().filter(|s| !s.path.to_string_lossy().starts_with(crate::sample::PREFIX)) {
            s.path = change(&s.path);
        }
        c
    }

    /// As TOML, everything resolved.
    ///
    /// # Errors
    /// When a value has no TOML form.
    pub fn to_toml(&self) -> Result<String, Failure> {
        let mut value = serde_json::to_value(self).map_err(|e| Failure::Run(e.to_string()))?;
        drop_nulls(&mut value);
        toml::to_string(&value).map_err(|e| Failure::Run(format!("the configuration has no TOML form: {e}")))
    }
}

/// TOML has no null: an option that is not set is left out.
fn drop_nulls(v: &mut Value) {
    match v {
        Value::Object(m) => {
            m.retain(|_, x| !x.is_null());
            m.values_mut().for_each(drop_nulls);
        }
        Value::Array(a) => a.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The text of a configuration file; `otherwise` is said when there is none.
///
/// # Errors
/// When it cannot be read, with a suggestion.
pub fn read(path: &Path, otherwise: &str) -> Result<String, Failure> {
    if path.is_dir() {
        return Err(Failure::Usage(format!("{} is a directory: expected a configuration file (TOML)", path.display())));
    }
    std::fs::read_to_string(path).map_err(|e| {
        let hint = if e.kind() == std::io::ErrorKind::NotFound {
            let beside = match path.parent() {
                Some(p) if !p.as_os_str().is_empty() => p,
                _ => Path::new("."),
            };
            let names: Vec<String> = std::fs::read_dir(beside)
                .into_iter()
                .flatten()
                .flatten()
                .map(|f| f.file_name().to_string_lossy().into_owned())
                .filter(|n| n.ends_with(".toml"))
                .collect();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let near = tradewind_core_types::closest(&name, names.iter().map(String::as_str));
            let near = near.map(|n| format!(": did you mean {n:?}?")).unwrap_or_default();
            format!("{near} ({otherwise})")
        } else {
            String::new()
        };
        Failure::Usage(format!("cannot read the configuration {}: {e}{hint}", path.display()))
    })
}

/// TOML as JSON. Dates become text, as every date of a configuration is read; numbers that JSON does not have become text, too, so that
/// they are refused by name.
pub fn json(v: toml::Value) -> Value {
    match v {
        toml::Value::String(s) => Value::String(s),
        toml::Value::Integer(i) => Value::from(i),
        toml::Value::Float(x) if x.is_finite() => Value::from(x),
        toml::Value::Float(x) => Value::String(x.to_string()),
        toml::Value::Boolean(b) => Value::Bool(b),
        toml::Value::Datetime(d) => Value::String(d.to_string()),
        toml::Value::Array(a) => Value::Array(a.into_iter().map(json).collect()),
        toml::Value::Table(t) => Value::Object(t.into_iter().map(|(k, v)| (k, json(v))).collect()),
    }
}

/// A value from the command line: TOML, or text when it is not.
pub fn value_of(text: &str) -> Value {
    let parsed: Option<toml::Table> = toml::from_str(&format!("v = {text}")).ok();
    // More than the one value (after a line break) is no value.
    let one = parsed.filter(|t| t.len() == 1).and_then(|mut t| t.remove("v"));
    one.map_or_else(|| Value::String(text.to_owned()), json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_configuration_is_valid_and_round_trips() {
        let c = Config::load(None, &[]).unwrap_or_else(|e| panic!("{e}"));
        let text = c.to_toml().unwrap();
        let back = Config::parse("resolved", &text, &[], None).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(back, c);
    }

    #[test]
    fn every_violation_is_reported_at_once() {
        let text = DEFAULT.replace("base =", "bass =").replace("cash =", "cahs =");
        let e = Config::parse("x.toml", &text, &[], None).unwrap_err().to_string();
        assert!(e.contains("did you mean \"base\"?") && e.contains("did you mean \"cash\"?"), "{e}");
        let wrong =
            ["run.cash=-1", "engine.lot=0", "strategy.risk_on.alpha=vrpp", "overlay.regime.plugin=alpha_vix_regmie"];
        let e = Config::load(None, &wrong.map(String::from)).unwrap_err();
        assert_eq!(e.code(), 2);
        let e = e.to_string();
        for part in ["run.cash", "engine.lot", "strategy.risk_on.alpha", "did you mean \"alpha_vix_regime\"?"] {
            assert!(e.contains(part), "{part} in {e}");
        }
        let e = Config::load(None, &["run.cash=many".into()]).unwrap_err().to_string();
        assert!(e.contains("run.cash"), "{e}");
    }

    #[test]
    fn scenarios_are_known_by_name_and_planted_effects_need_simulated_prices() {
        let c = Config::scenario("simulated", &[]).unwrap_or_else(|e| panic!("{e}"));
        assert!(c.data.planted.is_some() && c.data.source.is_empty());
        assert_eq!(Config::scenario("default", &[]).unwrap(), Config::load(None, &[]).unwrap());
        let back = Config::parse("resolved", &c.to_toml().unwrap(), &[], None).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(back, c);
        let e = Config::scenario("simualted", &[]).unwrap_err();
        assert!(e.code() == 2 && e.to_string().contains("did you mean \"simulated\"?"), "{e}");
        let set = ["data.planted.rating_share=0.7", "data.simulate.bar_seconds=60", "data.planted.spike_shrae=1"];
        let e =
            Config::scenario("simulated", &set[..2].iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()).unwrap_err();
        for part in ["data.planted.rating_share", "daily bars"] {
            assert!(e.to_string().contains(part), "{part} in {e}");
        }
        let e = Config::scenario("simulated", &[set[2].into()]).unwrap_err().to_string();
        assert!(e.contains("did you mean \"spike_share\"?"), "{e}");
        let e = Config::load(None, &["data.planted.rating_share=0.1".into()]).unwrap_err().to_string();
        assert!(e.contains("data.planted") && e.contains("[data.simulate]"), "{e}");
    }

    #[test]
    fn dates_may_be_bare_and_numbers_must_be_finite() {
        let c = Config::load(None, &["run.from=2014-02-03".into(), "run.warmup_from=2012-01-03".into()]).unwrap();
        assert_eq!(c.run.from, jiff::civil::date(2014, 2, 3));
        assert_eq!(
            Config::parse("x", &DEFAULT.replace("\"2014-01-03\"", "2014-01-03"), &[], None).unwrap().run.from.day(),
            3
        );
        for (set, want) in
            [("run.cash=nan", "run.cash: is \"NaN\": expected a number"), ("run.warmup_from=5", "expected text")]
        {
            let e = Config::load(None, &[set.into()]).unwrap_err().to_string();
            assert!(e.contains(want) && !e.contains("null"), "{e}");
        }
        assert_eq!(value_of("1\nw = 2"), Value::String("1\nw = 2".into()));
    }
}
