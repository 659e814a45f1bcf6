//! Settings of the loop.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{BookName, Invalid, Span};

use crate::executor::ExecutorParams;
use crate::kill_switch::KillSwitchParams;
use crate::ledger::Rates;
use crate::position::PositionParams;

/// When targets are decided anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// At every session close, for all symbols.
    #[default]
    SessionClose,
    /// Whenever a signal is given, for the symbols it concerns.
    Signal,
}

/// How orders are placed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStyle {
    /// Market on close: at the next official close.
    #[default]
    MarketOnClose,
    /// Market on open: at the next opening price.
    MarketOnOpen,
    /// Market: at the next price.
    Market,
    /// Market, in dollars: what makes a position larger is ordered for its value at the last price, for the day; what makes it smaller, in shares.
    Notional,
    /// Limit for the day, `limit_bps` worse than the last price.
    Limit,
}

/// What to do when a plugin cannot use an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBadInput {
    /// Stop the run.
    #[default]
    Stop,
    /// Count it, go on, and report it at the end.
    Skip,
}

/// Settings of the loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// Name of the book, part of the names that orders have at a broker: 1 to 12 small letters, digits and underscores. Two programs that trade one
    /// account need different ones.
    #[schemars(with = "String")]
    pub book: BookName,
    /// Which run of the book, 1 to 4294967295: a broker refuses names that it has seen, so a run that numbers its orders anew needs another.
    pub epoch: u32,
    /// When targets are decided anew.
    pub schedule: Schedule,
    /// How orders are placed.
    pub order_style: OrderStyle,
    /// How much worse than the last price a limit order may fill, in basis points, -1000 to 1000; below zero it waits for a better one.
    pub limit_bps: f64,
    /// Whether limit orders work in the extended hours of the day too, 4:00 to 20:00 New York.
    pub extended_hours: bool,
    /// Whether a working order of which less is wanted is replaced by a smaller one; otherwise it is cancelled, and what is still wanted ordered anew.
    pub replace: bool,
    /// Smallest change of a weight (fraction of equity) worth trading, 0 to 0.5. Closing a position is always worth it.
    pub no_trade_band: f64,
    /// Smallest order in dollars, 0 to 1e6.
    pub min_notional: f64,
    /// Quantities are multiples of this many shares, 1e-9 to 1e6.
    pub lot: f64,
    /// How many seconds an order may wait that a pre-trade check holds back, 0 to 864000; it is asked for again at every price of its symbol.
    pub max_wait_seconds: f64,
    /// What to do when a plugin cannot use an event.
    pub on_bad_input: OnBadInput,
    /// Interest and borrow rates.
    pub rates: Rates,
    /// Exits of managed strategies.
    pub position: PositionParams,
    /// Places of discretionary strategies.
    pub executor: ExecutorParams,
    /// When nothing may grow any more.
    pub kill_switch: KillSwitchParams,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            book: BookName::default(),
            epoch: 1,
            schedule: Schedule::SessionClose,
            order_style: OrderStyle::MarketOnClose,
            limit_bps: 10.0,
            extended_hours: false,
            replace: false,
            no_trade_band: 0.01,
            min_notional: 1.0,
            lot: 1e-9,
            max_wait_seconds: 86_400.0,
            on_bad_input: OnBadInput::Stop,
            rates: Rates::default(),
            position: PositionParams::default(),
            executor: ExecutorParams::default(),
            kill_switch: KillSwitchParams::default(),
        }
    }
}

impl EngineConfig {
    /// Checks ranges.
    ///
    /// # Errors
    /// All violations.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        bad.require(self.epoch > 0, "epoch", self.epoch, "1 to 4294967295");
        let bps = self.limit_bps;
        bad.require((-1000.0..=1000.0).contains(&bps), "limit_bps", bps, "-1000 to 1000");
        let limits = self.order_style == OrderStyle::Limit;
        bad.require(
            limits || !self.extended_hours,
            "extended_hours",
            self.extended_hours,
            "false, unless order_style is limit",
        );
        bad.require((0.0..=0.5).contains(&self.no_trade_band), "no_trade_band", self.no_trade_band, "0 to 0.5");
        bad.require((0.0..=1e6).contains(&self.min_notional), "min_notional", self.min_notional, "0 to 1e6");
        bad.require((1e-9..=1e6).contains(&self.lot), "lot", self.lot, "1e-9 to 1e6");
        bad.require(
            (0.0..=864_000.0).contains(&self.max_wait_seconds),
            "max_wait_seconds",
            self.max_wait_seconds,
            "0 to 864000",
        );
        bad.absorb(self.rates.check().map_err(|e| e.under("rates")));
        bad.absorb(self.position.check().map_err(|e| e.under("position")));
        bad.absorb(self.executor.check().map_err(|e| e.under("executor")));
        bad.absorb(self.kill_switch.check().map_err(|e| e.under("kill_switch")));
        bad.into_result(())
    }

    /// How long an order may wait.
    pub(crate) fn longest_wait(&self) -> Span {
        Span::from_nanos((self.max_wait_seconds * 1e9) as i64)
    }
}
