//! A pair's life: estimated, watched, entered, left.

use serde::{Deserialize, Serialize};
use tradewind_core_types::serde_json::{Value, json};
use tradewind_numerics::kalman::{Kalman, Model, Start, Vector};
use tradewind_numerics::math;

use super::estimate::{Estimate, Rule};

/// What was done at a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing: not a pair that can be traded.
    #[default]
    Refused,
    /// Nothing: after a stop, a timeout or a gap the pair rests until the next estimation.
    Rests,
    /// Nothing: the spread is inside its band.
    Waits,
    /// Nothing: the spread is beyond the stop already.
    TooFar,
    /// No entry: the test on the newest window did not pass.
    RetestFailed,
    /// A trade begins.
    Enter,
    /// A trade goes on.
    Hold,
    /// A trade ends: the spread has come back.
    Exit,
    /// A trade ends: the spread has gone on.
    Stop,
    /// A trade ends: its time is over.
    Timeout,
    /// A trade ends: the re-estimation refuses the pair.
    Broken,
    /// A trade ends: a leg has had no price for too long, or the signal has lapsed.
    Gap,
}

impl Action {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Rests => "rests until the next estimation",
            Self::Waits => "waits inside the band",
            Self::TooFar => "beyond the stop already: no entry",
            Self::RetestFailed => "re-test failed: no entry",
            Self::Enter => "enters",
            Self::Hold => "holds",
            Self::Exit => "the spread has come back: out",
            Self::Stop => "stop: the spread has gone on",
            Self::Timeout => "longest holding reached: out",
            Self::Broken => "no longer a pair: out",
            Self::Gap => "no price of a leg for too long: out",
        }
    }
}

/// A trade and the numbers it was entered with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// 1 long the spread, -1 short.
    pub direction: i8,
    /// The estimate of the entry.
    pub estimate: Estimate,
    /// Hedge ratio held.
    pub hedge_ratio: f64,
    /// Sessions since that estimate.
    pub since: usize,
    /// Sessions held.
    pub held: usize,
    /// Confidence at the entry.
    pub confidence: f64,
}

/// What a session brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// What was done.
    pub action: Action,
    /// The estimate behind it: the trade's, or the last one.
    pub estimate: Estimate,
    /// Hedge ratio of the trade, or the one in force.
    pub hedge_ratio: Option<f64>,
    /// Spread.
    pub spread: Option<f64>,
    /// Its z-score.
    pub z: Option<f64>,
    /// Position from now on.
    pub position: i8,
    /// Sessions held.
    pub held: usize,
    /// Confidence of the trade (also of the one that ends now); 0 without one.
    pub confidence: f64,
}

/// The state of one pair.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    last: Estimate,
    /// Sessions since the last estimate; none before the first.
    since: Option<usize>,
    open: Option<Open>,
    /// A trade has ended since the last estimate.
    traded: bool,
    /// No entry before the next estimation.
    rests: bool,
    filter: Option<Kalman>,
    trades: u64,
}

impl Machine {
    /// The trade.
    pub fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }
    /// The last estimate.
    pub fn last(&self) -> &Estimate {
        &self.last
    }
    /// Whether the next session brings an estimation.
    pub fn is_due(&self, rule: &Rule) -> bool {
        self.since.is_none_or(|n| n + 1 >= rule.trading)
    }
    /// Ends a trade from outside: a gap in a leg.
    pub fn cut(&mut self) -> Option<Open> {
        let open = self.open.take()?;
        self.rests = true;
        Some(open)
    }
    /// For people.
    pub fn summary(&self) -> Value {
        json!({ "status": self.last.status, "p_value": self.last.p_value, "hedge_ratio": self.last.hedge_ratio, "trades": self.trades })
    }
    fn take(&mut self, rule: &Rule, e: Estimate) {
        self.last = e;
        self.since = Some(0);
        self.traded = false;
        self.rests = false;
        // A filter of a trade goes on; otherwise it starts from what was estimated.
        if self.open.is_none() {
            self.filter = rule.kalman.filter(|_| e.is_pair()).and_then(|drift| filter(&e, drift));
        }
    }
    /// Spread and z-score under an estimate that is so many sessions old; with a filter z is that of its innovation.
    fn look(e: &Estimate, since: usize, a: f64, b: f64, innovation: Option<f64>) -> (Option<f64>, Option<f64>) {
        let Some(h) = e.hedge_ratio else { return (None, None) };
        let spread = a - h * b;
        let own = (spread - e.mean - e.slope * since as f64) / e.deviation;
        (Some(spread), innovation.or(Some(own)).filter(|z| e.deviation > 0.0 && z.is_finite()))
    }
    /// Takes the log prices of a session; `newest` estimates the window that ends with them.
    pub fn step(&mut self, rule: &Rule, a: f64, b: f64, newest: impl Fn() -> Estimate) -> Step {
        let due = self.is_due(rule);
        self.since = self.since.map(|n| n + 1);
        if let Some(o) = &mut self.open {
            (o.since, o.held) = (o.since + 1, o.held + 1);
        }
        let center = self.open.as_ref().map_or(self.last.b.0, |o| o.estimate.b.0);
        let innovation = self.filter.as_mut().and_then(|f| f.step(&[1.0, b - center], Some(a))?.z());
        if due {
            self.take(rule, newest());
        }
        if let Some(open) = self.open {
            let (spread, z) = Self::look(&open.estimate, open.since, a, b, innovation);
            let against = z.map(|z| -z * f64::from(open.direction));
            let action = match against {
                _ if due && !self.last.is_pair() => Action::Broken,
                Some(x) if x >= rule.stop => Action::Stop,
                Some(x) if x <= rule.exit => Action::Exit,
                _ if open.held >= rule.max_hold => Action::Timeout,
                _ => Action::Hold,
            };
            if action != Action::Hold {
                self.open = None;
                self.traded = true;
                self.rests = matches!(action, Action::Stop | Action::Timeout);
                self.filter = rule.kalman.filter(|_| self.last.is_pair()).and_then(|d| filter(&self.last, d));
            }
            return Step {
                action,
                estimate: if action == Action::Broken { self.last } else { open.estimate },
                hedge_ratio: Some(open.hedge_ratio),
                spread,
                z,
                position: if action == Action::Hold { open.direction } else { 0 },
                held: open.held,
                confidence: open.confidence,
            };
        }
        let mut found = self.outlook(rule, a, b, innovation.filter(|_| !due));
        if found.action == Action::Enter && self.traded {
            self.take(rule, newest());
            found = self.outlook(rule, a, b, None);
            if found.action == Action::Refused {
                found.action = Action::RetestFailed;
            }
        }
        if found.action == Action::Enter {
            self.enter(rule, &mut found);
        }
        found
    }
    /// What could be done without a trade.
    fn outlook(&self, rule: &Rule, a: f64, b: f64, innovation: Option<f64>) -> Step {
        let e = self.last;
        // With a filter the formation's own z-score counts until the filter has seen a session.
        let (spread, z) = Self::look(&e, self.since.unwrap_or(0), a, b, innovation);
        let action = match z {
            _ if !e.is_pair() => Action::Refused,
            _ if self.rests => Action::Rests,
            Some(z) if z.abs() >= rule.stop => Action::TooFar,
            Some(z) if z.abs() >= rule.enter => Action::Enter,
            _ => Action::Waits,
        };
        let filtered = self.filter.as_ref().and_then(|f| f.mean().get(1).copied());
        let hedge_ratio = filtered.or(e.hedge_ratio);
        Step { action, estimate: e, hedge_ratio, spread, z, position: 0, held: 0, confidence: 0.0 }
    }
    fn enter(&mut self, rule: &Rule, found: &mut Step) {
        let (Some(z), Some(h)) = (found.z, found.hedge_ratio) else { return };
        let e = found.estimate;
        let gone = e.half_life.map_or(0.0, |l| 1.0 - math::exp2(-(rule.max_hold as f64) / l));
        let confidence = ((1.0 - e.p_value.unwrap_or(1.0)) * gone).clamp(0.0, 1.0);
        let direction = if z < 0.0 { 1 } else { -1 };
        let since = self.since.unwrap_or(0);
        self.open = Some(Open { direction, estimate: e, hedge_ratio: h, since, held: 0, confidence });
        self.trades += 1;
        (found.position, found.confidence) = (direction, confidence);
    }
}

/// a = alpha_t + h_t (b - mean b) + noise, alpha and h random walks, started at the formation's numbers as precisely as these are known.
fn filter(e: &Estimate, drift: f64) -> Option<Kalman> {
    let noise = e.deviation * e.deviation;
    let (mean, variance) = e.b;
    let h = e.hedge_ratio?;
    if !(noise > 0.0 && variance > 0.0) {
        return None;
    }
    let walk = [drift * noise, drift * noise / variance];
    let model = Model::random_walk(&walk, noise)?;
    // Without prior knowledge the variance of the states settles near the root of the drift times that of the noise.
    let known = drift.sqrt();
    let (mut at, mut spread) = (Vector::default(), Vector::default());
    (at[0], at[1]) = (e.mean + h * mean, h);
    (spread[0], spread[1]) = (known * noise, known * noise / variance);
    Some(Kalman::new(model, Start::Known(at, spread)))
}
