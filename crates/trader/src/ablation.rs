//! What each part of the risk path does: the same run with one part left out.

use rayon::prelude::*;
use tradewind_core_types::{Cash, OrderReport, Role};
use tradewind_engine::{ExecutorParams, PositionParams, Recorder, SessionRecord};
use tradewind_report::Ablation;

use crate::compose;
use crate::config::{Config, StrategyConfig};
use crate::dataset::Dataset;
use crate::error::Failure;
use crate::keeper::Keeper;
use crate::run::{drive, returns, turnover};
use crate::summary::Figures;

/// Equity by session and value traded.
#[derive(Default)]
struct Curve {
    equity: Vec<f64>,
    deposits: Vec<f64>,
    traded: f64,
}

impl Recorder for Curve {
    fn session(&mut self, s: &SessionRecord<'_>) -> Result<(), String> {
        self.equity.push(s.portfolio.equity().to_f64());
        self.deposits.push(s.portfolio.totals().deposits.to_f64());
        Ok(())
    }
    fn report(&mut self, r: &OrderReport, _: Cash) -> Result<(), String> {
        if let OrderReport::Filled(f) = r
            && !f.is_payout()
        {
            self.traded += (f.price * f.quantity).to_f64();
        }
        Ok(())
    }
}

/// The list of a strategy that names plugins of a role.
type Names = fn(&mut StrategyConfig) -> &mut Vec<String>;

/// The configuration without one of its plugins and without its name in strategies; `None` when the role is where signals come from, or only watches.
fn without(config: &Config, role: Role, name: &str) -> Option<Config> {
    let mut c = config.clone();
    let (table, listed): (_, Option<Names>) = match role {
        Role::Filter => (&mut c.filter, Some(|s| &mut s.filters)),
        Role::Sizer => (&mut c.sizer, Some(|s| &mut s.sizers)),
        Role::Overlay => (&mut c.overlay, Some(|s| &mut s.overlays)),
        Role::Allocator => (&mut c.allocator, None),
        Role::Rule => (&mut c.rule, None),
        Role::PreTrade => (&mut c.pretrade, None),
        Role::Execution => (&mut c.execution, None),
        Role::Service => (&mut c.service, None),
        // Where signals come from, and who only watches.
        Role::Feature | Role::Alpha | Role::Observer => return None,
    };
    table.remove(name);
    if let Some(list) = listed {
        c.strategy.values_mut().for_each(|s| list(s).retain(|n| n != name));
    }
    Some(c)
}

/// The parts between a signal and an order, each with the configuration that lacks it.
pub fn parts(config: &Config) -> Vec<(String, Config)> {
    let mut out = Vec::new();
    for (role, plugins) in config.roles() {
        for (name, p) in plugins {
            let part = without(config, role, name);
            out.extend(part.map(|c| (format!("{role}.{name} ({})", p.plugin), c)));
        }
    }
    if config.strategy.values().any(|s| s.managed) {
        let mut c = config.clone();
        c.strategy.values_mut().for_each(|s| s.managed = false);
        c.engine.position = PositionParams::default();
        out.push(("the position manager".into(), c));
    }
    if config.strategy.values().any(|s| s.discretionary) {
        let mut c = config.clone();
        c.strategy.values_mut().for_each(|s| s.discretionary = false);
        c.engine.executor = ExecutorParams::default();
        out.push(("the executor's places".into(), c));
    }
    out
}

fn row(config: &Config, part: String, equity: &[f64], deposits: &[f64], traded: f64) -> Ablation {
    let (periods, rf) = (config.report.periods_per_year, config.report.risk_free);
    let f = Figures::of(&returns(config.run.cash, equity, deposits), None, periods, rf);
    Ablation {
        part,
        total_return: f.total_return,
        volatility: f.volatility,
        sharpe: f.sharpe,
        max_drawdown: f.max_drawdown,
        turnover: turnover(traded, equity, periods),
    }
}

/// First the run as it is, then without each of its parts, in the order of the pipeline. Runs in parallel; results do not depend on it.
///
/// # Errors
/// Whatever stops one of the runs.
pub fn run(config: &Config, data: &Dataset, keeper: &Keeper) -> Result<Vec<Ablation>, Failure> {
    let equity: Vec<f64> = keeper.sessions.iter().map(|s| s.equity).collect();
    let deposits: Vec<f64> = keeper.sessions.iter().map(|s| s.deposits).collect();
    let traded = keeper.ordered_fills().map(|f| (f.fill.price * f.fill.quantity).to_f64()).sum();
    let mut out = vec![row(config, "nothing: the run as it is".into(), &equity, &deposits, traded)];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(config.run.threads).build();
    let pool = pool.map_err(|e| Failure::Run(format!("cannot start threads: {e}")))?;
    let without = pool.install(|| {
        parts(config)
            .into_par_iter()
            .map(|(part, c)| {
                let (mut engine, mut curve) = (compose::engine(&c)?, Curve::default());
                drive(&mut engine, data, &mut curve)?;
                Ok(row(&c, part, &curve.equity, &curve.deposits, curve.traded))
            })
            .collect::<Result<Vec<_>, Failure>>()
    })?;
    out.extend(without);
    Ok(out)
}
