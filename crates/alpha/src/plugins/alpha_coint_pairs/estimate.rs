//! What one formation window says of a pair.

use serde::{Deserialize, Serialize};
use tradewind_numerics::engle_granger::engle_granger;
use tradewind_numerics::half_life::half_life;
use tradewind_numerics::johansen::{CointError, DetOrder, PairTest, Prepared, Statistic, critical_values};

use super::Test;

/// The rules of a pair that do not change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The test.
    pub test: Test,
    /// Deterministic terms.
    pub det: DetOrder,
    /// Lagged differences.
    pub lags: usize,
    /// Level of the test.
    pub significance: f64,
    /// Sessions of the formation window.
    pub formation: usize,
    /// Sessions between estimations.
    pub trading: usize,
    /// Sessions that may miss in the window.
    pub max_missing: usize,
    /// |z| of entry.
    pub enter: f64,
    /// |z| of exit.
    pub exit: f64,
    /// |z| of the stop.
    pub stop: f64,
    /// Longest holding, sessions.
    pub max_hold: usize,
    /// Half-lives traded.
    pub half_life: (f64, f64),
    /// Largest hedge ratio and one over the smallest.
    pub max_hedge: f64,
    /// Drift of the Kalman filter, when the hedge ratio is its.
    pub kalman: Option<f64>,
}

/// What an estimation found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing was estimated yet.
    #[default]
    Unknown,
    /// A pair that can be traded.
    Cointegrated,
    /// The test does not reject.
    NotCointegrated,
    /// Both legs are stationary by themselves: any combination is, and none is a pair.
    Stationary,
    /// The hedge ratio is negative, or one leg hardly matters.
    HedgeRatio,
    /// The spread does not revert, or too fast or slowly.
    HalfLife,
    /// A leg does not move.
    ConstantLeg,
    /// One leg is a multiple of the other.
    Collinear,
    /// Too few sessions in which both legs have a price.
    TooFew,
    /// A number that cannot be used.
    BadData,
}

impl Status {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unknown => "not estimated yet",
            Self::Cointegrated => "cointegrated",
            Self::NotCointegrated => "not cointegrated",
            Self::Stationary => "both legs stationary: no pair",
            Self::HedgeRatio => "hedge ratio negative or extreme",
            Self::HalfLife => "half-life outside its limits",
            Self::ConstantLeg => "a leg does not move",
            Self::Collinear => "one leg is a multiple of the other",
            Self::TooFew => "too few common sessions",
            Self::BadData => "numbers that cannot be used",
        }
    }
}

impl From<CointError> for Status {
    fn from(e: CointError) -> Self {
        match e {
            CointError::Constant { .. } => Self::ConstantLeg,
            CointError::Collinear | CointError::NoConvergence => Self::Collinear,
            CointError::TooFew { .. } => Self::TooFew,
            _ => Self::BadData,
        }
    }
}

/// An estimation of a pair: everything that could be computed, also when it is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// What was found.
    pub status: Status,
    /// The test's statistic.
    pub statistic: Option<f64>,
    /// Its p-value.
    pub p_value: Option<f64>,
    /// Published critical value at 5 %.
    pub critical: Option<f64>,
    /// h of the spread a - h b.
    pub hedge_ratio: Option<f64>,
    /// Sessions.
    pub half_life: Option<f64>,
    /// Sessions.
    pub half_life_error: Option<f64>,
    /// Mean of the spread (order 1: of its line at the last session).
    pub mean: f64,
    /// Slope of its line a session.
    pub slope: f64,
    /// Standard deviation of the spread.
    pub deviation: f64,
    /// Mean and variance of b.
    pub b: (f64, f64),
}

impl Estimate {
    fn refused(status: Status) -> Self {
        Self { status, ..Self::default() }
    }
    /// Whether it can be traded.
    pub fn is_pair(&self) -> bool {
        self.status == Status::Cointegrated
    }
}

/// Level at which "at most one vector" is rejected, when `significance` is not smaller: a loose test of the pair must not be a loose one of the legs.
const BOTH: f64 = 0.05;

/// The verdict on numbers that a test has given, at a level of the test; `both` is the p-value of "at most one vector".
pub(super) fn judge(rule: &Rule, level: f64, e: &Estimate, both: Option<f64>) -> Status {
    let within = |x: f64, (low, high): (f64, f64)| x >= low && x <= high;
    if !e.p_value.is_some_and(|p| p <= level) {
        Status::NotCointegrated
    } else if both.is_some_and(|p| p <= rule.significance.min(BOTH)) {
        Status::Stationary
    } else if !e.hedge_ratio.is_some_and(|h| within(h, (1.0 / rule.max_hedge, rule.max_hedge))) {
        Status::HedgeRatio
    } else if !e.half_life.is_some_and(|h| within(h, rule.half_life)) {
        Status::HalfLife
    } else {
        Status::Cointegrated
    }
}

/// The numbers of a prepared pair, without the spread's mean and deviation, and the p-value of "at most one vector".
pub(super) fn johansen_numbers(rule: &Rule, a: &Prepared, b: &Prepared) -> Result<(Estimate, Option<f64>), CointError> {
    let t = PairTest::new(a, b)?;
    let (statistic, value) = match rule.test {
        Test::MaxEigenvalue => (Statistic::MaxEigenvalue, t.max[0]),
        _ => (Statistic::Trace, t.trace[0]),
    };
    let e = Estimate {
        statistic: Some(value),
        p_value: t.p_value(statistic, 0),
        critical: critical_values(statistic, rule.det, 2).map(|c| c[1]),
        hedge_ratio: Some(t.hedge_ratio()).filter(|h| h.is_finite()),
        half_life: t.half_life.map(|h| h.half_life),
        half_life_error: t.half_life.map(|h| h.error),
        ..Estimate::default()
    };
    Ok((e, t.p_value(statistic, 1)))
}

/// The numbers of Engle and Granger's test.
pub(super) fn engle_granger_numbers(rule: &Rule, a: &[f64], b: &[f64]) -> Result<Estimate, CointError> {
    let t = engle_granger(a, b, rule.det, Some(rule.lags))?;
    let spread: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - t.hedge_ratio * b).collect();
    let reverts = half_life(&line(rule.det, &spread).rest(&spread));
    Ok(Estimate {
        statistic: Some(t.statistic),
        p_value: Some(t.p_value),
        critical: t.critical.map(|c| c[1]),
        hedge_ratio: Some(t.hedge_ratio),
        half_life: reverts.map(|h| h.half_life),
        half_life_error: reverts.map(|h| h.error),
        ..Estimate::default()
    })
}

/// The line around which a spread moves: a constant, or with order 1 a straight line; the value at the last session.
struct Line {
    end: f64,
    slope: f64,
}

impl Line {
    fn rest(&self, spread: &[f64]) -> Vec<f64> {
        let n = spread.len();
        spread.iter().enumerate().map(|(i, s)| s - self.end - self.slope * (i as f64 - (n as f64 - 1.0))).collect()
    }
}

fn line(det: DetOrder, spread: &[f64]) -> Line {
    let n = spread.len() as f64;
    let mean = spread.iter().sum::<f64>() / n;
    if det != DetOrder::Trend {
        return Line { end: mean, slope: 0.0 };
    }
    let half = (n - 1.0) / 2.0;
    let (mut xy, mut xx) = (0.0, 0.0);
    for (i, s) in spread.iter().enumerate() {
        let x = i as f64 - half;
        xy += x * (s - mean);
        xx += x * x;
    }
    let slope = xy / xx;
    Line { end: mean + slope * half, slope }
}

/// Estimates a pair from the log prices of the sessions that both have.
pub fn estimate(rule: &Rule, a: &[f64], b: &[f64]) -> Estimate {
    if a.len().min(b.len()) + rule.max_missing < rule.formation {
        return Estimate::refused(Status::TooFew);
    }
    let numbers = match rule.test {
        Test::EngleGranger => engle_granger_numbers(rule, a, b).map(|e| (e, None)),
        Test::Trace | Test::MaxEigenvalue => Prepared::new(0, a, rule.det, rule.lags)
            .and_then(|pa| Ok((pa, Prepared::new(1, b, rule.det, rule.lags)?)))
            .and_then(|(pa, pb)| johansen_numbers(rule, &pa, &pb)),
    };
    let (mut e, both) = match numbers {
        Ok(n) => n,
        Err(why) => return Estimate::refused(why.into()),
    };
    e.status = judge(rule, rule.significance, &e, both);
    if let Some(h) = e.hedge_ratio {
        let spread: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - h * b).collect();
        let line = line(rule.det, &spread);
        let n = spread.len() as f64;
        e.deviation = (line.rest(&spread).iter().map(|x| x * x).sum::<f64>() / (n - 1.0)).sqrt();
        (e.mean, e.slope) = (line.end, line.slope);
        let mean = b.iter().sum::<f64>() / n;
        e.b = (mean, b.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0));
    }
    // A spread that does not move has no z-score.
    if e.is_pair() && !(e.deviation > 1e-12 && e.deviation.is_finite()) {
        e.status = Status::Collinear;
    }
    e
}
