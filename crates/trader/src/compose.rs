//! From a configuration to an engine: every plugin built, every name resolved.

use std::collections::BTreeMap;

use serde_json::Value;
use tradewind_core_types::{
    Alpha, Cash, Invalid, PluginInfo, PreTrade, Role, Service, Sizer, StrategyId, Symbol, Time, parse_params,
};
use tradewind_engine::builtin::{
    BaseSize, BuyAndHold, CrossoverParams, FeatureSignalParams, LimitsParams, OrderLimitsParams,
};
use tradewind_engine::{
    Backtest, Engine, EngineConfig, Exchange, KillSwitchParams, Named, Pipeline, Schedule, Strategy,
};

use crate::catalogue;
use crate::config::{BenchmarkConfig, Config, PluginConfig};
use crate::error::Failure;

/// Alphas of the engine itself, for comparison and timing.
pub const BUILTIN_ALPHAS: [&str; 2] = ["crossover", "feature_signal"];

/// Builds one role from parameters.
pub(crate) type Builder<R> = fn(&Value) -> Result<Box<R>, Invalid>;

/// Builds a plugin of one role.
///
/// # Errors
/// When there is no such plugin, it has not this role, or its parameters are wrong; the fields are those of the configuration.
pub(crate) fn built<R: ?Sized>(
    role: Role,
    name: &str,
    p: &PluginConfig,
    pick: impl Fn(&PluginInfo) -> Option<Builder<R>>,
) -> Result<Named<R>, Invalid> {
    let params = Value::Object(p.params.clone());
    catalogue::find(&p.plugin)
        .and_then(|info| pick(info).ok_or_else(|| format!("{} has no role {role}", p.plugin)))
        .map_err(|problem| Invalid::one("plugin", problem))
        .and_then(|build| build(&params))
        .map(|plugin| Named::new(name, plugin).built_from(params.to_string()))
        .map_err(|e| e.under(&format!("{role}.{name}")))
}

/// Builds plugins of one role, in their order.
fn build<'a, R: ?Sized>(
    role: Role,
    plugins: impl IntoIterator<Item = (&'a String, &'a PluginConfig)>,
    pick: impl Fn(&PluginInfo) -> Option<Builder<R>>,
    bad: &mut Invalid,
) -> Vec<Named<R>> {
    plugins.into_iter().filter_map(|(name, p)| bad.absorb(built(role, name, p, &pick))).collect()
}

/// An alpha of the engine itself; `None` when it is none.
///
/// # Errors
/// When its parameters are wrong.
pub fn builtin_alpha(p: &PluginConfig) -> Result<Option<Box<dyn Alpha>>, Invalid> {
    let params = Value::Object(p.params.clone());
    Ok(match p.plugin.as_str() {
        "crossover" => Some(Box::new(parse_params::<CrossoverParams>(&params)?.build()?)),
        "feature_signal" => Some(Box::new(parse_params::<FeatureSignalParams>(&params)?.build()?)),
        _ => None,
    })
}

fn alpha(name: &str, p: &PluginConfig) -> Result<Named<dyn Alpha>, Invalid> {
    match builtin_alpha(p).map_err(|e| e.under(&format!("alpha.{name}")))? {
        Some(own) => Ok(Named::new(name, own).built_from(Value::Object(p.params.clone()).to_string())),
        None => built(Role::Alpha, name, p, |info| info.alpha),
    }
}

/// Builds the pipeline of a configuration.
///
/// # Errors
/// All violations.
pub fn pipeline(config: &Config) -> Result<Pipeline, Invalid> {
    let mut bad = Invalid::default();
    let at = |names: &[String], table: &BTreeMap<String, PluginConfig>| -> Vec<usize> {
        names.iter().filter_map(|n| table.keys().position(|k| k == n)).collect()
    };
    let mut strategies = Vec::new();
    for (name, s) in &config.strategy {
        let id = StrategyId::new(name).map_err(|e| Invalid::one(format!("strategy.{name}"), e.to_string()));
        let built = match config.alpha.get(&s.alpha) {
            Some(p) => alpha(&s.alpha, p),
            None => Err(Invalid::one(format!("strategy.{name}.alpha"), format!("{:?} is not configured", s.alpha))),
        };
        if let (Some(id), Some(alpha)) = (bad.absorb(id), bad.absorb(built)) {
            let base = Named::<dyn Sizer>::of(Box::new(BaseSize(s.base))).built_from(s.base.to_string());
            let mut sizers = vec![base];
            let own = config.sizer.iter().filter(|(n, _)| s.sizers.contains(n));
            sizers.extend(build(Role::Sizer, own, |p| p.sizer, &mut bad));
            strategies.push(Strategy {
                conviction: s.conviction,
                filters: at(&s.filters, &config.filter),
                sizers,
                overlays: at(&s.overlays, &config.overlay),
                managed: s.managed,
                discretionary: s.discretionary,
                id,
                alpha,
            });
        }
    }
    let limits = LimitsParams {
        shortable: Some(config.limits.shortable.clone().unwrap_or_else(|| config.exchange.shorting.clone())),
        ..config.limits.clone()
    };
    let order_limits = OrderLimitsParams {
        shortable: Some(config.order_limits.shortable.clone().unwrap_or_else(|| config.exchange.shorting.clone())),
        buying_power: Some(config.order_limits.buying_power.unwrap_or(config.exchange.leverage)),
        ..config.order_limits.clone()
    };
    let own = bad.absorb(order_limits.build().map_err(|e| e.under("order_limits")));
    let mut pretrade: Vec<Named<dyn PreTrade>> = own.map(|l| Named::of(Box::new(l) as _)).into_iter().collect();
    pretrade.extend(build(Role::PreTrade, &config.pretrade, |p| p.pretrade, &mut bad));
    let pipeline = Pipeline {
        features: crate::graph::features(&config.feature, &config.alpha, &mut bad),
        strategies,
        filters: build(Role::Filter, &config.filter, |p| p.filter, &mut bad),
        overlays: build(Role::Overlay, &config.overlay, |p| p.overlay, &mut bad),
        allocators: build(Role::Allocator, &config.allocator, |p| p.allocator, &mut bad),
        rules: build(Role::Rule, &config.rule, |p| p.rule, &mut bad),
        limits: bad.absorb(limits.build().map_err(|e| e.under("limits"))),
        pretrade,
        observers: build(Role::Observer, &config.observer, |p| p.observer, &mut bad),
        paper_cost: config.exchange.costs.of_value(),
    };
    bad.into_result(pipeline)
}

/// Builds the services of a configuration.
///
/// # Errors
/// All violations.
pub fn services(config: &Config) -> Result<Vec<Named<dyn Service>>, Invalid> {
    let mut bad = Invalid::default();
    let all = build(Role::Service, &config.service, |p| p.service, &mut bad);
    bad.into_result(all)
}

/// The first instant of the trading period: midnight in UTC of its first date, before any session of that date.
///
/// # Errors
/// When the date is out of range.
pub fn trading_from(config: &Config) -> Result<Time, Failure> {
    let d = config.run.from;
    Time::from_ymd(d.year(), d.month(), d.day()).map_err(|e| Failure::Usage(e.to_string()))
}

fn assemble(config: &Config, engine: EngineConfig, pipeline: Pipeline) -> Result<Backtest<Exchange>, Failure> {
    let fail = |problems| Failure::Config { origin: "the configuration".into(), problems };
    let exchange = Exchange::new(config.exchange.clone()).map_err(|e| fail(e.under("exchange")))?;
    let cash = Cash::from_f64(config.run.cash).map_err(|e| fail(Invalid::one("run.cash", e.to_string())))?;
    Engine::new(engine, pipeline, cash, trading_from(config)?)
        .map(|e| Backtest::new(e, exchange))
        .map_err(|e| fail(e.under("engine")))
}

/// Builds the engine of a configuration.
///
/// # Errors
/// All violations.
pub fn engine(config: &Config) -> Result<Backtest<Exchange>, Failure> {
    let fail = |problems| Failure::Config { origin: "the configuration".into(), problems };
    let run = assemble(config, config.engine.clone(), pipeline(config).map_err(fail)?)?;
    Ok(run.with_services(services(config).map_err(fail)?))
}

/// Builds the engine that holds a benchmark, through the same exchange and costs.
///
/// # Errors
/// When a symbol is none.
pub fn benchmark(config: &Config, b: &BenchmarkConfig) -> Result<Backtest<Exchange>, Failure> {
    let weights: Result<Vec<(Symbol, f64)>, _> =
        b.weights.iter().map(|(s, w)| Symbol::new(s).map(|s| (s, *w))).collect();
    let weights = weights.map_err(|e| Failure::Usage(e.to_string()))?;
    let id = StrategyId::new("benchmark").map_err(|e| Failure::Run(e.to_string()))?;
    // A little stays in cash, so that a rise between decision and fill does not make the purchase unaffordable.
    let invested = LimitsParams { symbol: 1.0, gross: 0.99, ..LimitsParams::default() };
    let limits = invested.build().map_err(|problems| Failure::Config { origin: "benchmark".into(), problems })?;
    let pipeline = Pipeline {
        strategies: vec![Strategy::new(id, Box::new(BuyAndHold::new(weights)))],
        limits: Some(limits),
        ..Pipeline::default()
    };
    // A benchmark is held through whatever comes.
    let never = KillSwitchParams {
        reduce_drawdown: None,
        halt_drawdown: None,
        max_price_age_days: None,
        ..KillSwitchParams::default()
    };
    let engine = EngineConfig {
        schedule: Schedule::SessionClose,
        no_trade_band: 0.02,
        kill_switch: never,
        ..config.engine.clone()
    };
    assemble(config, engine, pipeline)
}
