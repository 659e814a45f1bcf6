//! Cuts exposure in a drawdown, stops in a deep one, and knows the way back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, Cash, Event, Interest, Invalid, Kinds, MarketData, Metrics, Online, Overlay, Params,
    Plugin, PluginInfo, Symbol, View, parse_params,
};

/// A drawdown this much deeper than before is the same one: quotients of large amounts round.
const ROUNDING: f64 = 1e-12;

/// Parameters of `risk_drawdown_derisk`.
///
/// Performance is that of a unit (net asset value index), so that money paid in or out is none: with equity E_t at the session's
/// close and the flow F_t paid in since the close before, r_t = (E_t - F_t) / E_{t-1} - 1, nav_t = nav_{t-1} (1 + r_t) from 1.
/// Mark M_t = max(M_{t-1}, nav_t), drawdown d_t = 1 - nav_t / M_t. States and their multipliers:
/// * normal (1): to reduced at d >= `derisk_at`, to stopped at d >= `stop_at`;
/// * reduced (`derisk_multiplier`): to normal at d <= `derisk_at` - `hysteresis`, to stopped at d >= `stop_at`;
/// * stopped (0): equity cannot recover at zero exposure, so after `cool_off` sessions the mark is re-based to the nav of that
///   day (d = 0) and the ramp begins;
/// * ramp (`ramp`, one multiplier a stage, then normal): a stage lasts at least `stage_sessions` and ends only in a session in
///   which d did not deepen and is at most `derisk_at` - `hysteresis`; at d >= `derisk_at` the ramp falls back to its first
///   stage, at d >= `stop_at` to stopped.
///
/// The re-basing means that losses of several stops add up: `drawdown_all_time` is measured from the mark that never is re-based.
/// Equity of zero or less gives multiplier 0; when all is lost, new money starts a new index, stopped and with a whole cool-off.
///
/// Input, a row a session: `equity` (dollars at the close), `flow` (dollars paid in less paid out since the row before, empty is
/// zero). Output: multiplier in [0, 1] and what it follows from. Warm-up: none.
///
/// Source: Grossman & Zhou (1993), "Optimal investment strategies for controlling drawdowns", Mathematical Finance 3(3), for exposure
/// as a function of the distance to the mark; unit values as in GIPS (2020) time-weighted return, with flows at the end of the day.
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_risk::plugins::risk_drawdown_derisk::{RiskDrawdownDeriskIn, RiskDrawdownDeriskParams};
/// let mut d = RiskDrawdownDeriskParams::default().build()?;
/// let mut multiplier = |equity, flow| -> Result<f64, Box<dyn std::error::Error>> {
///     Ok(d.update(&RiskDrawdownDeriskIn { equity, flow })?.ok_or("no warm-up")?.multiplier)
/// };
/// assert_eq!(multiplier(100.0, None)?, 1.0);
/// assert_eq!(multiplier(94.0, None)?, 0.5); // 6 % below the mark
/// assert_eq!(multiplier(44.0, Some(-50.0))?, 0.5); // half is taken out: no loss
/// assert_eq!(multiplier(42.0, None)?, 0.0); // 0.94 x 42 / 44 = 0.897: beyond 8 %
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RiskDrawdownDeriskParams {
    /// Drawdown at which exposure is reduced, above 0 and below `stop_at`.
    pub derisk_at: f64,
    /// Drawdown at which exposure ends, at most 1.
    pub stop_at: f64,
    /// Multiplier between the two, above 0 and below 1.
    pub derisk_multiplier: f64,
    /// How far the drawdown must recover below `derisk_at` before exposure rises again, at least 0 and below `derisk_at`.
    pub hysteresis: f64,
    /// Sessions at zero exposure before the way back, 1 to 100000.
    pub cool_off: u32,
    /// Multipliers on the way back, each above the one before, above 0 and below 1. Empty: straight back to 1.
    pub ramp: Vec<f64>,
    /// Sessions each stage of the way back lasts at least, 1 to 100000.
    pub stage_sessions: u32,
}

impl Default for RiskDrawdownDeriskParams {
    fn default() -> Self {
        Self {
            derisk_at: 0.05,
            stop_at: 0.08,
            derisk_multiplier: 0.5,
            hysteresis: 0.01,
            cool_off: 20,
            ramp: vec![0.25, 0.5],
            stage_sessions: 5,
        }
    }
}

impl Params for RiskDrawdownDeriskParams {
    const ID: &'static str = "risk_drawdown_derisk";
    type Built = RiskDrawdownDerisk;

    fn build(&self) -> Result<RiskDrawdownDerisk, Invalid> {
        let mut bad = Invalid::default();
        let (derisk, stop, h) = (self.derisk_at, self.stop_at, self.hysteresis);
        bad.require(derisk > 0.0 && derisk < stop, "derisk_at", derisk, "a drawdown above 0 and below stop_at");
        bad.require(stop > 0.0 && stop <= 1.0, "stop_at", stop, "a drawdown in (0, 1]");
        let m = self.derisk_multiplier;
        bad.require(m > 0.0 && m < 1.0, "derisk_multiplier", m, "a multiplier above 0 and below 1");
        bad.require(h >= 0.0 && h < derisk, "hysteresis", h, "at least 0 and below derisk_at");
        bad.require((1..=100_000).contains(&self.cool_off), "cool_off", self.cool_off, "1 to 100000 sessions");
        let stage = self.stage_sessions;
        bad.require((1..=100_000).contains(&stage), "stage_sessions", stage, "1 to 100000 sessions");
        let mut last = 0.0;
        let rising = self.ramp.iter().all(|x| {
            let ok = *x > last && *x < 1.0;
            last = *x;
            ok
        });
        bad.require(rising, "ramp", format!("{:?}", self.ramp), "rising multipliers above 0 and below 1");
        bad.into_result(RiskDrawdownDerisk {
            params: self.clone(),
            before: None,
            nav: 1.0,
            mark: 1.0,
            peak: 1.0,
            drawdown: 0.0,
            state: State::Normal,
        })
    }
}

/// Equity at a session's close.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskDrawdownDeriskIn {
    /// Cash plus market value at the close, dollars.
    pub equity: f64,
    /// Paid in less paid out by the owner since the row before, dollars; empty is zero.
    pub flow: Option<f64>,
}

/// In which state exposure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawdownState {
    /// Full exposure.
    Normal,
    /// Reduced exposure.
    Reduced,
    /// No exposure.
    Stopped,
    /// On the way back.
    Ramp,
}

/// What follows for the next session.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskDrawdownDeriskOut {
    /// Multiplier for exposure, in [0, 1].
    pub multiplier: f64,
    /// The state it follows from.
    pub state: DrawdownState,
    /// Sessions since the state, or the stage of the ramp, began; 0 in its first.
    pub sessions: u64,
    /// Drawdown from the mark, in [0, 1].
    pub drawdown: f64,
    /// The mark: highest unit value since the start or since it was re-based.
    pub high_water: f64,
    /// Unit value, 1 at the start.
    pub nav: f64,
    /// Drawdown from the highest unit value ever.
    pub drawdown_all_time: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum State {
    Normal,
    Reduced,
    /// Sessions since the stop.
    Stopped(u32),
    /// Stage and sessions in it.
    Ramp(usize, u32),
}

/// Drawdown of a unit, and the multiplier that follows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RiskDrawdownDerisk {
    params: RiskDrawdownDeriskParams,
    /// Equity of the row before, and the sessions in the state.
    before: Option<(f64, u64)>,
    nav: f64,
    mark: f64,
    peak: f64,
    drawdown: f64,
    state: State,
}

impl RiskDrawdownDerisk {
    fn multiplier(&self) -> f64 {
        match (self.before, self.state) {
            // Without equity there is nothing to expose.
            (Some((equity, _)), _) if equity <= 0.0 => 0.0,
            (_, State::Normal) => 1.0,
            (_, State::Reduced) => self.params.derisk_multiplier,
            (_, State::Stopped(_)) => 0.0,
            (_, State::Ramp(stage, _)) => self.params.ramp.get(stage).copied().unwrap_or(1.0),
        }
    }
    /// The unit value after this session. What was there before is `None` on the first row.
    fn revalue(&mut self, equity: f64, flow: f64) {
        match self.before {
            Some((before, _)) if before > 0.0 && self.nav > 0.0 => {
                self.nav = (self.nav * ((equity - flow) / before)).max(0.0);
            }
            // All was lost: new money starts a new index. (What was merely taken out comes back to the old one.)
            _ if equity > 0.0 && self.nav <= 0.0 => (self.nav, self.mark, self.peak) = (1.0, 1.0, 1.0),
            _ => {}
        }
        self.mark = self.mark.max(self.nav);
        self.peak = self.peak.max(self.nav);
    }
    /// The state after a session that ended with drawdown `d` and before it had `was`.
    fn next(&mut self, d: f64, was: f64, solvent: bool) -> State {
        let p = &self.params;
        let recovered = d <= p.derisk_at - p.hysteresis && d <= was + ROUNDING;
        let first = if p.ramp.is_empty() { State::Normal } else { State::Ramp(0, 0) };
        match self.state {
            State::Stopped(n) => {
                // The cool-off runs only while there is something to come back with.
                let n = if solvent { n.saturating_add(1) } else { 0 };
                if n < p.cool_off {
                    return State::Stopped(n);
                }
                self.mark = self.nav;
                self.drawdown = 0.0;
                first
            }
            _ if d >= p.stop_at => State::Stopped(0),
            State::Normal if d >= p.derisk_at => State::Reduced,
            State::Reduced if recovered => State::Normal,
            State::Ramp(..) if d >= p.derisk_at => State::Ramp(0, 0),
            State::Ramp(stage, n) => {
                let n = n.saturating_add(1);
                match (n >= p.stage_sessions && recovered, stage + 1 < p.ramp.len()) {
                    (true, true) => State::Ramp(stage + 1, 0),
                    (true, false) => State::Normal,
                    (false, _) => State::Ramp(stage, n),
                }
            }
            same => same,
        }
    }
    fn out(&self) -> RiskDrawdownDeriskOut {
        RiskDrawdownDeriskOut {
            multiplier: self.multiplier(),
            state: match self.state {
                State::Normal => DrawdownState::Normal,
                State::Reduced => DrawdownState::Reduced,
                State::Stopped(_) => DrawdownState::Stopped,
                State::Ramp(..) => DrawdownState::Ramp,
            },
            sessions: self.before.map_or(0, |(_, n)| n),
            drawdown: self.drawdown,
            high_water: self.mark,
            nav: self.nav,
            drawdown_all_time: 1.0 - self.nav / self.peak,
        }
    }
    /// The state in words a trader reads.
    fn reason(&self) -> String {
        let d = 100.0 * self.drawdown;
        let p = &self.params;
        match (self.before, self.state) {
            (Some((equity, _)), _) if equity <= 0.0 => "no equity".into(),
            (_, State::Normal | State::Reduced) => format!("drawdown {d:.1} %"),
            (_, State::Stopped(n)) => format!("stopped for {n} of {} sessions, drawdown {d:.1} %", p.cool_off),
            (_, State::Ramp(stage, _)) => {
                format!("way back, stage {} of {}, drawdown {d:.1} %", stage + 1, p.ramp.len())
            }
        }
    }
}

impl Online for RiskDrawdownDerisk {
    type In = RiskDrawdownDeriskIn;
    type Out = RiskDrawdownDeriskOut;

    fn update(&mut self, x: &RiskDrawdownDeriskIn) -> Result<Option<RiskDrawdownDeriskOut>, BadInput> {
        // Far above any account, and far enough below the largest float that ratios and sums stay finite.
        let dollars = |what: &str, v: f64| {
            if v.abs() <= 1e18 { Ok(v) } else { Err(BadInput::new(what, v.to_string(), "dollars, at most 1e18")) }
        };
        let (equity, flow) = (dollars("equity", x.equity)?, dollars("flow", x.flow.unwrap_or(0.0))?);
        let was = self.drawdown;
        self.revalue(equity, flow);
        self.drawdown = if self.mark > 0.0 { 1.0 - self.nav / self.mark } else { 1.0 };
        let next = self.next(self.drawdown, was, equity > 0.0);
        let stage = |s: State| if let State::Ramp(i, _) = s { i } else { 0 };
        let same = std::mem::discriminant(&next) == std::mem::discriminant(&self.state)
            && stage(next) == stage(self.state)
            && self.before.is_some();
        let sessions = self.before.map_or(0, |(_, n)| if same { n.saturating_add(1) } else { 0 });
        self.before = Some((equity, sessions));
        self.state = next;
        Ok(Some(self.out()))
    }
    fn warmup(&self) -> usize {
        0
    }
    fn summary(&self) -> Value {
        json!(self.out())
    }
}

/// The multiplier on every symbol's exposure, from the portfolio's equity at each session close.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DrawdownOverlay {
    calculator: RiskDrawdownDerisk,
    /// What the owner had paid in by the last session close.
    deposits: Option<Cash>,
    /// What was said since then.
    #[serde(skip)]
    said: Option<Adjustment>,
}

impl DrawdownOverlay {
    /// The overlay with these parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &RiskDrawdownDeriskParams) -> Result<Self, Invalid> {
        Ok(Self { calculator: p.build()?, deposits: None, said: None })
    }
}

impl Plugin for DrawdownOverlay {
    fn id(&self) -> &'static str {
        RiskDrawdownDeriskParams::ID
    }
    fn listens(&self) -> Interest {
        Interest::of_market(Kinds::SESSION_CLOSE)
    }
    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), BadInput> {
        if matches!(event.data, MarketData::SessionClose) {
            let deposits = view.portfolio.totals().deposits;
            let flow = self.deposits.map(|before| (deposits - before).to_f64());
            self.calculator.update(&RiskDrawdownDeriskIn { equity: view.portfolio.equity().to_f64(), flow })?;
            (self.deposits, self.said) = (Some(deposits), None);
        }
        Ok(())
    }
    fn metrics(&self, out: &mut Metrics) {
        if self.deposits.is_some() {
            out.push(("drawdown", self.calculator.drawdown));
            out.push(("drawdown_multiplier", self.calculator.multiplier()));
        }
    }
}

impl Overlay for DrawdownOverlay {
    fn exposure(&mut self, _symbol: Symbol, _view: &View<'_>) -> Adjustment {
        if self.deposits.is_none() {
            return Adjustment::new(Adjust::Scale(1.0), "no session has ended yet");
        }
        let calculator = &self.calculator;
        let say = || {
            let o = calculator.out();
            Adjustment::new(Adjust::Scale(o.multiplier), calculator.reason())
                .with("drawdown", o.drawdown)
                .with("high_water", o.high_water)
                .with("sessions", o.sessions as f64)
        };
        self.said.get_or_insert_with(say).clone()
    }
}

/// The plugin's entry in the registry.
pub const PLUGIN: PluginInfo = PluginInfo {
    overlay: Some(|v| Ok(Box::new(DrawdownOverlay::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<RiskDrawdownDeriskParams>(
        0,
        "Cuts exposure in a drawdown, stops in a deep one, and comes back in stages after a cool-off.",
        "Grossman & Zhou (1993), Optimal investment strategies for controlling drawdowns",
    )
    .with_table::<RiskDrawdownDeriskParams>()
};

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::testkit;

    fn run(p: &RiskDrawdownDeriskParams, equity: &[f64]) -> Vec<RiskDrawdownDeriskOut> {
        let rows: Vec<_> = equity.iter().map(|e| RiskDrawdownDeriskIn { equity: *e, flow: None }).collect();
        p.build().unwrap().batch(&rows).unwrap().into_iter().flatten().collect()
    }

    #[test]
    fn the_whole_way_down_and_back() {
        let p = RiskDrawdownDeriskParams { cool_off: 3, stage_sessions: 2, ..Default::default() };
        let path = [
            (100.0, 1.0),
            (95.1, 1.0),
            (95.0, 0.5),
            (95.5, 0.5), // above 4 %: not yet
            (96.1, 1.0),
            (91.9, 0.0),
            (92.0, 0.0),
            (92.0, 0.0),
            (92.0, 0.25), // three sessions after the stop; mark re-based to 92
            (92.0, 0.25),
            (92.0, 0.5),
            (91.0, 0.5),
            (90.9, 0.5), // two sessions, but the drawdown deepens
            (91.0, 1.0),
            (84.0, 0.0), // 8.7 % below 92
        ];
        let out = run(&p, &path.map(|x| x.0));
        for (i, (o, (equity, want))) in out.iter().zip(path).enumerate() {
            assert_eq!(o.multiplier, want, "row {i}, equity {equity}: {o:?}");
        }
        let (stop, back) = (out[5], out[8]);
        assert_eq!((stop.state, stop.sessions, out[7].sessions), (DrawdownState::Stopped, 0, 2));
        assert_eq!((back.state, back.drawdown, back.high_water), (DrawdownState::Ramp, 0.0, back.nav));
        assert!((back.drawdown_all_time - 0.08).abs() < 1e-15);
    }

    #[test]
    fn a_ramp_falls_back() {
        let p = RiskDrawdownDeriskParams { cool_off: 1, stage_sessions: 1, ..Default::default() };
        let m: Vec<f64> =
            run(&p, &[100.0, 90.0, 90.0, 90.0, 85.0, 85.0, 87.0, 87.0, 80.0]).iter().map(|o| o.multiplier).collect();
        assert_eq!(m, [1.0, 0.0, 0.25, 0.5, 0.25, 0.25, 0.5, 1.0, 0.0]);
        let p = RiskDrawdownDeriskParams { ramp: vec![], ..p };
        let m: Vec<f64> = run(&p, &[100.0, 90.0, 90.0]).iter().map(|o| o.multiplier).collect();
        assert_eq!(m, [1.0, 0.0, 1.0]);
    }

    #[test]
    fn nothing_left_and_new_money() {
        let p = RiskDrawdownDeriskParams { cool_off: 2, ..Default::default() };
        let mut d = p.build().unwrap();
        let mut go = |equity, flow| d.update(&RiskDrawdownDeriskIn { equity, flow: Some(flow) }).unwrap().unwrap();
        assert_eq!(go(-5.0, 0.0).multiplier, 0.0); // nothing to begin with
        assert_eq!(go(100.0, 105.0).multiplier, 1.0);
        let ruined = go(-10.0, 0.0);
        assert_eq!(
            (ruined.multiplier, ruined.state, ruined.drawdown, ruined.nav),
            (0.0, DrawdownState::Stopped, 1.0, 0.0)
        );
        assert_eq!(go(-10.0, 0.0).sessions, 1);
        assert_eq!(go(90.0, 100.0).multiplier, 0.0);
        assert_eq!(go(90.0, 0.0).multiplier, 0.25);
        // All is taken out and comes back: no loss.
        let empty = go(0.0, -90.0);
        assert_eq!((empty.multiplier, empty.state, empty.drawdown), (0.0, DrawdownState::Ramp, 0.0));
        assert_eq!(go(50.0, 50.0).multiplier, 0.25);
        testkit::refuses(
            &mut d,
            &[
                RiskDrawdownDeriskIn { equity: f64::NAN, flow: None },
                RiskDrawdownDeriskIn { equity: f64::INFINITY, flow: None },
                RiskDrawdownDeriskIn { equity: 1.0, flow: Some(f64::NAN) },
            ],
        );
    }
}
