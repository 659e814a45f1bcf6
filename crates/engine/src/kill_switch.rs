//! The kill switch: active, reducing, halted.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, Cash, Invalid, Order, Plugin, PreTrade, Quantity, Span, Symbol, Time, Verdict, View,
};

/// What may be traded, from everything to only what reduces risk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TradingState {
    /// Everything.
    #[default]
    Active,
    /// Positions may shrink and nothing may grow; goes back to active by itself when the reason is gone.
    Reducing,
    /// As reducing, and with `flatten` everything is closed; stays until the user says otherwise.
    Halted,
}

impl TradingState {
    /// In words, as the configuration has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Reducing => "reducing",
            Self::Halted => "halted",
        }
    }
}

/// What drives the kill switch. The most severe reason counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KillSwitchParams {
    /// What the user allows from the beginning.
    pub state: TradingState,
    /// Drawdown from the highest equity (deposits apart) from which nothing may grow, above 0, below 1.
    pub reduce_drawdown: Option<f64>,
    /// Drawdown below which everything is allowed again, 0 to `reduce_drawdown`.
    pub resume_drawdown: f64,
    /// Drawdown at which trading halts, above 0, below 1.
    pub halt_drawdown: Option<f64>,
    /// Age in days of the last price of anything held beyond which nothing may grow, above 0, at most 365.
    pub max_price_age_days: Option<f64>,
    /// Whether everything is closed when trading halts.
    pub flatten: bool,
}

impl Default for KillSwitchParams {
    fn default() -> Self {
        Self {
            state: TradingState::Active,
            reduce_drawdown: Some(0.20),
            resume_drawdown: 0.10,
            halt_drawdown: Some(0.30),
            max_price_age_days: Some(5.0),
            flatten: false,
        }
    }
}

impl KillSwitchParams {
    /// Checks ranges.
    ///
    /// # Errors
    /// All violations.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        for (name, x) in [("reduce_drawdown", self.reduce_drawdown), ("halt_drawdown", self.halt_drawdown)] {
            if let Some(x) = x {
                bad.require(x > 0.0 && x < 1.0, name, x, "above 0, below 1");
            }
        }
        let top = self.reduce_drawdown.unwrap_or(1.0);
        bad.require(
            (0.0..=top).contains(&self.resume_drawdown),
            "resume_drawdown",
            self.resume_drawdown,
            "0 to reduce_drawdown",
        );
        if let (Some(r), Some(h)) = (self.reduce_drawdown, self.halt_drawdown) {
            bad.require(h >= r, "halt_drawdown", h, &format!("at least reduce_drawdown ({r})"));
        }
        if let Some(d) = self.max_price_age_days {
            bad.require(d > 0.0 && d <= 365.0, "max_price_age_days", d, "above 0, at most 365");
        }
        bad.into_result(())
    }
}

/// A reason with its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Cause {
    state: TradingState,
    reason: String,
    /// Whether everything is closed, whatever the configuration says.
    flatten: bool,
}

/// The switch: each source of reasons has its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KillSwitch {
    user: Option<Cause>,
    drawdown: Option<Cause>,
    stale: Option<Cause>,
    reconciliation: Option<Cause>,
    /// Growth of one dollar, deposits apart, at its highest and now.
    highest: f64,
    growth: f64,
    /// Equity and deposits at the last session close.
    before: (f64, f64),
    /// Since when the present state holds.
    since: Time,
    /// What happened: when, which state from then on, why.
    changes: Vec<(Time, TradingState, String)>,
}

impl KillSwitch {
    /// For an account that begins with so much cash.
    pub(crate) fn new(p: &KillSwitchParams, cash: Cash) -> Self {
        let user = (p.state != TradingState::Active).then(|| Cause {
            state: p.state,
            reason: "set by the configuration".into(),
            flatten: false,
        });
        Self {
            user,
            drawdown: None,
            stale: None,
            reconciliation: None,
            highest: 1.0,
            growth: 1.0,
            before: (cash.to_f64(), cash.to_f64()),
            since: Time::MIN,
            changes: Vec::new(),
        }
    }

    fn worst(&self) -> Option<&Cause> {
        // The first of the most severe: ties go to the user.
        let all = [&self.user, &self.reconciliation, &self.drawdown, &self.stale];
        all.into_iter().flatten().reduce(|a, b| if b.state > a.state { b } else { a })
    }
    /// The state in force.
    pub fn state(&self) -> TradingState {
        self.worst().map_or(TradingState::Active, |c| c.state)
    }
    /// Why it is in force, in words; empty when active.
    pub fn reason(&self) -> &str {
        self.worst().map_or("", |c| c.reason.as_str())
    }
    /// Every change of the state: when, to what, why.
    pub fn changes(&self) -> &[(Time, TradingState, String)] {
        &self.changes
    }

    fn changed(&mut self, before: TradingState, now: Time) {
        let state = self.state();
        if state != before {
            self.since = now;
            let reason = if state == TradingState::Active { "the reason is gone" } else { self.reason() };
            self.changes.push((now, state, reason.to_owned()));
        }
    }

    /// The user decides; `Active` also takes back a halt by drawdown or reconciliation, from which there is no other way.
    pub(crate) fn set(&mut self, state: TradingState, flatten: bool, reason: impl Into<String>, now: Time) {
        let before = self.state();
        self.user = (state != TradingState::Active).then(|| Cause { state, reason: reason.into(), flatten });
        if state == TradingState::Active {
            (self.drawdown, self.reconciliation) = (None, None);
            // From here on a drawdown is measured anew, or it would halt again at once.
            self.highest = self.growth;
        }
        self.changed(before, now);
    }

    /// The books do not agree with the broker, or with themselves.
    pub(crate) fn disagree(&mut self, reason: String, now: Time) {
        let before = self.state();
        self.reconciliation = Some(Cause { state: TradingState::Halted, reason, flatten: false });
        self.changed(before, now);
    }

    /// A session has closed.
    pub(crate) fn close(&mut self, p: &KillSwitchParams, view: &View<'_>) {
        let before = self.state();
        let (equity, deposits) = (view.portfolio.equity().to_f64(), view.portfolio.totals().deposits.to_f64());
        let (e, d) = self.before;
        if e > 0.0 {
            self.growth *= ((equity - (deposits - d)) / e).max(0.0);
        }
        self.before = (equity, deposits);
        self.highest = self.highest.max(self.growth);
        let drawdown = 1.0 - self.growth / self.highest;
        let beyond = |limit: Option<f64>| limit.filter(|l| drawdown >= *l);
        let say = |state, limit: f64| {
            let reason = format!("drawdown {:.1} % against a limit of {:.1} %", 100.0 * drawdown, 100.0 * limit);
            Some(Cause { state, reason, flatten: false })
        };
        let was = self.drawdown.as_ref().map_or(TradingState::Active, |c| c.state);
        if let Some(l) = beyond(p.halt_drawdown) {
            if was < TradingState::Halted {
                self.drawdown = say(TradingState::Halted, l);
            }
        } else if let Some(l) = beyond(p.reduce_drawdown) {
            if was < TradingState::Reducing {
                self.drawdown = say(TradingState::Reducing, l);
            }
        } else if was == TradingState::Reducing && drawdown <= p.resume_drawdown {
            self.drawdown = None;
        }
        self.stale = p.max_price_age_days.and_then(|days| stale(days, view));
        self.changed(before, view.now);
    }

    /// What becomes of a target weight when `held` is the weight held; `None` when it may be what it is.
    pub(crate) fn restrain(&self, p: &KillSwitchParams, weight: f64, held: f64) -> Option<Adjustment> {
        let state = self.state();
        if state == TradingState::Active || weight == 0.0 {
            return None;
        }
        let why = |adjust, what: &str| {
            Some(
                Adjustment::new(adjust, format!("{}, {what}: {}", state.as_str(), self.reason()))
                    .with("weight", weight)
                    .with("held", held),
            )
        };
        let flatten = p.flatten || self.user.as_ref().is_some_and(|c| c.flatten);
        if state == TradingState::Halted && flatten {
            return why(Adjust::Veto, "everything is closed");
        }
        if held * weight <= 0.0 {
            return why(Adjust::Veto, "nothing is opened");
        }
        (weight.abs() > held.abs()).then(|| why(Adjust::Cap(held.abs()), "nothing grows")).flatten()
    }
}

/// Whether anything held has no price of the last days.
fn stale(days: f64, view: &View<'_>) -> Option<Cause> {
    let oldest = Span::from_nanos((days * Span::DAY.nanos() as f64) as i64);
    let age = |s: Symbol| view.market.last(s).map(|l| view.now.since(l.time));
    view.portfolio.positions().map(|p| p.symbol).find(|s| age(*s).is_none_or(|a| a > oldest)).map(|s| Cause {
        state: TradingState::Reducing,
        flatten: false,
        reason: match age(s) {
            Some(a) => format!("the last price of {s} is {:.1} days old", a.days()),
            None => format!("{s} has no price"),
        },
    })
}

/// Whether an order makes a position smaller without turning it over.
pub(crate) fn reduces(order: &Order, view: &View<'_>) -> bool {
    let held = view.portfolio.quantity(order.symbol);
    let after = held + order.signed();
    after.abs() < held.abs() && (after == Quantity::ZERO || after.signum() == held.signum())
}

impl Plugin for KillSwitch {
    fn id(&self) -> &'static str {
        "kill_switch"
    }
}

impl PreTrade for KillSwitch {
    fn check(&mut self, order: &Order, view: &View<'_>) -> (Verdict, Adjustment) {
        let state = self.state();
        let level = f64::from(state as u8);
        let say =
            |verdict, adjust, text: Cow<'static, str>| (verdict, Adjustment::new(adjust, text).with("state", level));
        match state {
            TradingState::Active => say(Verdict::Send, Adjust::Keep, "active".into()),
            _ if reduces(order, view) => {
                say(Verdict::Send, Adjust::Keep, format!("{}: this order reduces risk", state.as_str()).into())
            }
            _ => {
                let why = format!("{}: only orders that reduce risk are sent: {}", state.as_str(), self.reason());
                say(Verdict::Skip, Adjust::Veto, why.into())
            }
        }
    }
}
