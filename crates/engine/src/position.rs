//! The position manager: take profit, stop loss, trailing stop and maximum age of what managed strategies hold.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Adjust, Adjustment, Event, Invalid, MarketData, Signal, StrategyId, Symbol, View};

use crate::pipeline::{Standing, Strategy};

/// How exits are carried out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExitsAs {
    /// By decisions at every price.
    #[default]
    Decisions,
    /// By orders that work at the broker: a limit order that takes the profit, and a stop or a trailing stop. Maximum age, pairs, and what several
    /// strategies hold are decided upon all the same.
    Orders,
}

/// When a position of a managed strategy (`managed = true`) is closed, whatever its alpha still says.
///
/// The return of a position is its unrealised profit over what it cost, of all legs of the signal together: a pair is judged as a pair. What
/// several strategies hold of one symbol is one position. A signal's own `take_profit` and `stop_loss` come before these.
///
/// After an exit the strategy stays out until its signal has turned or ended, or until `reentry_sessions` sessions have closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PositionParams {
    /// How take profit, stop and trailing stop are carried out. As orders, a trailing stop is in force from the beginning, and comes in the place of the fixed
    /// one, which is decided upon.
    pub exits: ExitsAs,
    /// Closes at this return (decimal), above 0, at most 100.
    pub take_profit: Option<f64>,
    /// Closes at this loss (decimal, positive), above 0, at most 10.
    pub stop_loss: Option<f64>,
    /// Closes when the position's value has fallen by this fraction from its best, above 0, below 1; in force from a gain on.
    pub trailing_stop: Option<f64>,
    /// Closes after this many session closes, 1 to 100000.
    pub max_age_sessions: Option<u32>,
    /// Session closes after which the same signal may enter again, 1 to 100000.
    pub reentry_sessions: u32,
}

impl Default for PositionParams {
    fn default() -> Self {
        Self {
            exits: ExitsAs::Decisions,
            take_profit: Some(0.07),
            stop_loss: Some(0.03),
            trailing_stop: None,
            max_age_sessions: None,
            reentry_sessions: 10,
        }
    }
}

impl PositionParams {
    /// Checks ranges.
    ///
    /// # Errors
    /// All violations.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        let mut within = |name: &str, x: Option<f64>, ok: fn(f64) -> bool, expected: &str| {
            if let Some(x) = x {
                bad.require(ok(x), name, x, expected);
            }
        };
        within("take_profit", self.take_profit, |x| x > 0.0 && x <= 100.0, "above 0, at most 100");
        within("stop_loss", self.stop_loss, |x| x > 0.0 && x <= 10.0, "above 0, at most 10");
        within("trailing_stop", self.trailing_stop, |x| x > 0.0 && x < 1.0, "above 0, below 1");
        let sessions = 1..=100_000_u32;
        if let Some(n) = self.max_age_sessions {
            bad.require(sessions.contains(&n), "max_age_sessions", n, "1 to 100000");
        }
        bad.require(
            sessions.contains(&self.reentry_sessions),
            "reentry_sessions",
            self.reentry_sessions,
            "1 to 100000",
        );
        bad.into_result(())
    }
}

/// A strategy's position, by the first leg of its signal.
type Key = (StrategyId, Symbol);

/// What is known of an open position.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Track {
    long: bool,
    /// Session closes since it was first seen.
    age: u32,
    /// The best return so far.
    best: f64,
}

/// Why a strategy stays out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Block {
    long: bool,
    /// Session closes since.
    age: u32,
    reason: String,
}

/// The state of all managed positions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PositionManager {
    tracks: BTreeMap<Key, Track>,
    blocks: BTreeMap<Key, Block>,
}

/// The return of the position behind a signal, all legs together, and whether its first leg is long; `None` when no leg is held in the
/// signal's direction.
fn performance(signal: &Signal, view: &View<'_>) -> Option<(f64, bool)> {
    let (mut profit, mut cost) = (0.0, 0.0);
    let mut first = None;
    for leg in &signal.legs {
        let Some(p) = view.portfolio.position(leg.symbol) else { continue };
        let wanted = signal.score * leg.ratio;
        if wanted * f64::from(p.quantity.signum() as i8) <= 0.0 {
            continue;
        }
        if leg.symbol == signal.symbol() {
            first = Some(p.quantity.signum() > 0);
        }
        profit += p.unrealised().to_f64();
        cost += p.cost.to_f64().abs();
    }
    let long = first.unwrap_or(signal.score * signal.legs.first().map_or(1.0, |l| l.ratio) > 0.0);
    (cost > 0.0).then(|| (profit / cost, long))
}

/// Why a position must be closed, with the numbers.
fn verdict(p: &PositionParams, signal: &Signal, r: f64, t: &Track, view: &View<'_>) -> Option<Adjustment> {
    // What works as an order is not decided as well.
    let exits = || view.working.of(signal.symbol()).any(|w| w.exit && !w.ended);
    let orders = p.exits == ExitsAs::Orders && signal.legs.len() == 1 && exits();
    let trails = p.trailing_stop.is_some();
    let why = |reason: String, name, limit| {
        Some(
            Adjustment::new(Adjust::Veto, reason)
                .with("return", r)
                .with(name, limit)
                .with("sessions", f64::from(t.age)),
        )
    };
    let percent = |x: f64| format!("{:.2} %", 100.0 * x);
    if let Some(stop) = signal.stop_loss.or(p.stop_loss)
        && (!orders || trails)
        && r <= -stop
    {
        return why(format!("stop loss: {} against a limit of -{}", percent(r), percent(stop)), "stop_loss", stop);
    }
    if let Some(goal) = signal.take_profit.or(p.take_profit)
        && !orders
        && r >= goal
    {
        return why(format!("take profit: {} against {}", percent(r), percent(goal)), "take_profit", goal);
    }
    if let Some(trail) = p.trailing_stop
        && !orders
        && t.best > 0.0
    {
        let back = 1.0 - (1.0 + r) / (1.0 + t.best);
        if back >= trail {
            let reason = format!("trailing stop: {} below its best of {}", percent(back), percent(t.best));
            return why(reason, "trailing_stop", trail);
        }
    }
    p.max_age_sessions
        .filter(|most| t.age >= *most)
        .and_then(|most| why(format!("maximum age: {} sessions", t.age), "max_age", f64::from(most)))
}

impl PositionManager {
    /// Follows the market; gives the legs of signals whose position has just reached an exit, to be decided at once.
    pub fn watch(
        &mut self,
        p: &PositionParams,
        e: &Event,
        strategies: &[Strategy],
        standing: &Standing,
        view: &View<'_>,
        due: &mut impl Extend<Symbol>,
    ) {
        if matches!(e.data, MarketData::SessionClose) {
            self.tracks.values_mut().for_each(|t| t.age = t.age.saturating_add(1));
            self.blocks.values_mut().for_each(|b| b.age = b.age.saturating_add(1));
            return;
        }
        let Some(symbol) = e.symbol.filter(|s| e.mark().is_some() && view.portfolio.position(*s).is_some()) else {
            return;
        };
        for (s, signals) in strategies.iter().zip(standing).filter(|(s, _)| s.managed) {
            let single = signals.get(symbol).filter(|x| x.legs.len() == 1);
            let pairs = signals.values().filter(|x| x.legs.len() > 1 && x.legs.iter().any(|l| l.symbol == symbol));
            for signal in single.into_iter().chain(pairs) {
                if let Some((r, t)) = self.track(s.id, signal, view)
                    && verdict(p, signal, r, &t, view).is_some()
                {
                    due.extend(signal.legs.iter().map(|l| l.symbol));
                }
            }
        }
    }

    /// Brings the track of a signal's position up to date: its return and the track, when there is a position.
    fn track(&mut self, strategy: StrategyId, signal: &Signal, view: &View<'_>) -> Option<(f64, Track)> {
        let key = (strategy, signal.symbol());
        let Some((r, long)) = performance(signal, view) else {
            self.tracks.remove(&key);
            return None;
        };
        let fresh = Track { long, age: 0, best: r };
        let t = self.tracks.entry(key).or_insert(fresh);
        if t.long != long {
            *t = fresh;
        }
        t.best = t.best.max(r);
        Some((r, *t))
    }

    /// What happens to a signal whose value so far is `value`: nothing to say, or a veto.
    pub fn judge(
        &mut self,
        p: &PositionParams,
        strategy: StrategyId,
        signal: &Signal,
        value: f64,
        view: &View<'_>,
    ) -> Option<Adjustment> {
        let key = (strategy, signal.symbol());
        let long = value * signal.legs.first().map_or(1.0, |l| l.ratio) > 0.0;
        if let Some(b) = self.blocks.get(&key) {
            if value == 0.0 || b.long != long || b.age >= p.reentry_sessions {
                self.blocks.remove(&key);
            } else {
                let reason = format!("out since {} sessions: {}", b.age, b.reason);
                return Some(
                    Adjustment::new(Adjust::Veto, reason)
                        .with("sessions", f64::from(b.age))
                        .with("reentry", f64::from(p.reentry_sessions)),
                );
            }
        }
        let (r, t) = self.track(strategy, signal, view)?;
        let Some(exit) = verdict(p, signal, r, &t, view) else {
            return Some(
                Adjustment::new(Adjust::Keep, "held")
                    .with("return", r)
                    .with("sessions", f64::from(t.age))
                    .with("best", t.best),
            );
        };
        self.blocks.insert(key, Block { long: t.long, age: 0, reason: exit.reason.to_string() });
        self.tracks.remove(&key);
        Some(exit)
    }

    /// A position was closed by an order: the strategy stays out as after an exit that was decided.
    pub fn leave(&mut self, strategy: StrategyId, symbol: Symbol, long: bool, reason: &str) {
        self.blocks.insert((strategy, symbol), Block { long, age: 0, reason: reason.to_owned() });
        self.tracks.remove(&(strategy, symbol));
    }

    /// A symbol goes on under another name: who stays out of it still does. Its signals end with the old name, and so do their tracks.
    pub fn rename(&mut self, from: Symbol, to: Symbol) {
        let moved: Vec<Key> = self.blocks.keys().filter(|k| k.1 == from).copied().collect();
        for key in moved {
            if let Some(b) = self.blocks.remove(&key) {
                self.blocks.insert((key.0, to), b);
            }
        }
        self.tracks.retain(|k, _| k.1 != from);
    }
}
