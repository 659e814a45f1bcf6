//! The beta of every symbol, kept up to date at every session close.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{CorporateAction, Event, MarketData, Symbol};
use tradewind_numerics::beta::{Beta, EwmaBeta, KalmanBeta, Lagged, regress, vasicek};
use tradewind_numerics::ewm::Ewm;
use tradewind_numerics::{NumericsError, Window};

use super::{BetaState, Estimator, RiskAutoHedgeRatioParams, Shrinkage};
use crate::sessions::CloseTrack;

/// Decay of the market's variance (RiskMetrics 1996, daily data).
const VARIANCE_DECAY: f64 = 0.94;
/// Betas that a cross-section needs to say what is usual.
const CROSS_SECTION: usize = 5;

/// What does not change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Method {
    pub estimator: Estimator,
    pub window: usize,
    pub minimum: usize,
    pub lambda: f64,
    pub lags: usize,
    pub drift: f64,
    pub shrinkage: Shrinkage,
    pub prior: (f64, f64),
}

impl Method {
    pub(super) fn new(p: &RiskAutoHedgeRatioParams) -> Self {
        Self {
            estimator: p.estimator,
            window: p.window.clamp(5, 100_000),
            minimum: p.minimum.clamp(5, 100_000),
            lambda: p.lambda,
            // Only Dimson's beta looks at them.
            lags: if p.estimator == Estimator::Dimson { p.lags.min(5) } else { 0 },
            drift: p.beta_drift,
            shrinkage: p.shrinkage,
            prior: (p.prior_mean, p.prior_sd),
        }
    }
    /// The beta after shrinkage, with its standard deviation.
    pub(super) fn shrink(&self, b: &Beta, cross: Option<(f64, f64)>) -> (f64, f64) {
        let (mean, sd) = match self.shrinkage {
            Shrinkage::None => return (b.beta, b.se),
            Shrinkage::Fixed => self.prior,
            Shrinkage::CrossSection => cross.unwrap_or(self.prior),
        };
        vasicek(b.beta, b.se, mean, sd)
    }
}

/// One series against the market.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Tracker {
    /// One slot a session.
    Window(Window<Option<f64>>),
    Ewma(EwmaBeta),
    Kalman(KalmanBeta),
}

impl Tracker {
    pub(super) fn new(m: &Method) -> Self {
        match m.estimator {
            Estimator::Ols | Estimator::Dimson => Self::Window(Window::new(m.window)),
            Estimator::Ewma => Self::Ewma(EwmaBeta::new(m.lambda)),
            Estimator::Kalman => Self::Kalman(KalmanBeta::new(m.minimum, m.drift, m.window)),
        }
    }
    /// A session: returns of the series and of the market, where there are any.
    pub(super) fn push(&mut self, y: Option<f64>, x: Option<f64>) {
        match (self, y, x) {
            (Self::Window(w), y, _) => {
                w.push(y);
            }
            (Self::Ewma(e), Some(y), Some(x)) => e.push(y, x),
            (Self::Kalman(k), Some(y), Some(x)) => k.push(y, x),
            _ => {}
        }
    }
    /// The beta; `market` are the market's returns, the newest last, at least as many as sessions were pushed and are kept.
    pub(super) fn estimate(&self, market: &[Option<f64>], m: &Method) -> Result<Beta, NumericsError> {
        let enough = |n: usize| {
            let what = "a beta";
            if n >= m.minimum { Ok(()) } else { Err(NumericsError::TooFew { what, needed: m.minimum, got: n }) }
        };
        match self {
            Self::Window(w) => {
                let k = m.lags + 1;
                let row = |(i, y): (usize, Option<f64>)| -> Option<(f64, Lagged)> {
                    // Both end with the session that ended last.
                    let now = (market.len() + i).checked_sub(w.len())?;
                    let mut x = Lagged::default();
                    for (j, x) in x.iter_mut().enumerate().take(k) {
                        *x = (*market.get(now.checked_sub(j)?)?)?;
                    }
                    Some((y?, x))
                };
                let (a, b) = w.as_slices();
                let rows = a.iter().chain(b).copied().enumerate().filter_map(row);
                enough(rows.clone().count())?;
                regress(rows, k)
            }
            Self::Ewma(e) => enough(e.len()).and_then(|()| e.estimate()),
            Self::Kalman(k) => k.estimate(),
        }
    }
}

/// Why a beta is not identified.
pub(super) fn state(r: &Result<Beta, NumericsError>) -> BetaState {
    match r {
        Ok(_) => BetaState::Identified,
        Err(NumericsError::Constant("the asset of a beta")) => BetaState::ConstantAsset,
        Err(NumericsError::Constant(_)) => BetaState::ConstantMarket,
        Err(_) => BetaState::TooFew,
    }
}

/// One symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Column {
    symbol: Symbol,
    track: CloseTrack,
    /// Whether there was a bar in this session, and in the one before.
    bars: [bool; 2],
    /// Return of the session that ended last.
    last: Option<f64>,
    tracker: Tracker,
    raw: Option<Beta>,
    state: BetaState,
    /// After shrinkage: mean and standard deviation.
    beta: Option<(f64, f64)>,
}

impl Column {
    fn new(symbol: Symbol, m: &Method) -> Self {
        Self {
            symbol,
            track: CloseTrack::default(),
            bars: [false; 2],
            last: None,
            tracker: Tracker::new(m),
            raw: None,
            state: BetaState::TooFew,
            beta: None,
        }
    }
    /// The session ends. A return over a gap is one of several sessions, which no single return of the market belongs to.
    fn end(&mut self) -> Option<f64> {
        let [now, before] = self.bars;
        self.bars = [false, now];
        self.last = self.track.end();
        // A price cannot grow ten-thousandfold in a session, and squares must stay finite.
        self.last.filter(|r| now && before && *r <= 1e4)
    }
}

/// Betas of all symbols of which there are bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Betas {
    method: Method,
    market: Symbol,
    /// The market's returns, as many as any regression looks back, the newest last.
    returns: Vec<Option<f64>>,
    depth: usize,
    variance: Ewm,
    /// By the symbols' text.
    columns: Vec<Column>,
    cross: Option<(f64, f64)>,
}

impl Betas {
    pub(super) fn new(method: Method, market: Symbol) -> Self {
        let depth = method.window + method.lags;
        let returns = Vec::with_capacity(depth + 1);
        Self { method, market, returns, depth, variance: Ewm::new(VARIANCE_DECAY), columns: Vec::new(), cross: None }
    }
    fn find(&self, symbol: Symbol) -> Option<&Column> {
        self.columns.binary_search_by_key(&symbol, |c| c.symbol).ok().and_then(|i| self.columns.get(i))
    }
    pub(super) fn on_event(&mut self, event: &Event) -> bool {
        match (&event.data, event.symbol) {
            (MarketData::Bar(bar), Some(symbol)) => {
                let at = self.columns.binary_search_by_key(&symbol, |c| c.symbol).unwrap_or_else(|at| {
                    self.columns.insert(at, Column::new(symbol, &self.method));
                    at
                });
                if let Some(c) = self.columns.get_mut(at) {
                    c.track.close(bar.close.to_f64());
                    c.bars[0] = true;
                }
            }
            (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(symbol)) => {
                if symbol == self.market {
                    self.market = *to;
                }
                if let Ok(at) = self.columns.binary_search_by_key(&symbol, |c| c.symbol) {
                    let renamed = Column { symbol: *to, ..self.columns.remove(at) };
                    match self.columns.binary_search_by_key(to, |c| c.symbol) {
                        Ok(at) => self.columns[at] = renamed,
                        Err(at) => self.columns.insert(at, renamed),
                    }
                }
            }
            (MarketData::CorporateAction(action), Some(symbol)) => {
                if let Ok(at) = self.columns.binary_search_by_key(&symbol, |c| c.symbol) {
                    self.columns[at].track.action(action);
                }
            }
            (MarketData::SessionClose, _) => {
                self.close();
                return true;
            }
            _ => {}
        }
        false
    }
    fn close(&mut self) {
        let at = self.columns.binary_search_by_key(&self.market, |c| c.symbol).ok();
        let x = at.and_then(|i| self.columns.get_mut(i)).and_then(Column::end);
        if let Some(x) = x {
            self.variance.update(x * x);
        }
        if self.returns.len() == self.depth {
            self.returns.rotate_left(1);
            self.returns.pop();
        }
        self.returns.push(x);
        let (method, market) = (&self.method, self.market);
        for c in self.columns.iter_mut().filter(|c| c.symbol != market) {
            let y = c.end();
            c.tracker.push(y, x);
            let estimate = c.tracker.estimate(&self.returns, method);
            c.state = state(&estimate);
            c.raw = estimate.ok();
        }
        let known = || self.columns.iter().filter_map(|c| c.raw).map(|b| b.beta);
        let n = known().count();
        let mean = known().sum::<f64>() / n.max(1) as f64;
        let spread = known().map(|b| (b - mean).powi(2)).sum::<f64>() / n.saturating_sub(1).max(1) as f64;
        self.cross = (n >= CROSS_SECTION).then(|| (mean, spread.sqrt()));
        for c in &mut self.columns {
            c.beta = c.raw.map(|b| method.shrink(&b, self.cross));
        }
    }
    /// The market, under its present name.
    pub(super) fn market(&self) -> Symbol {
        self.market
    }
    /// Beta and its standard deviation; the market's own is 1.
    pub(super) fn beta(&self, symbol: Symbol) -> Option<(f64, f64)> {
        if symbol == self.market { Some((1.0, 0.0)) } else { self.find(symbol)?.beta }
    }
    /// Why there is none.
    pub(super) fn state(&self, symbol: Symbol) -> BetaState {
        self.find(symbol).map_or(BetaState::TooFew, |c| c.state)
    }
    /// The return of the session that ended last.
    pub(super) fn last(&self, symbol: Symbol) -> Option<f64> {
        self.find(symbol)?.last
    }
    /// Variance of the market's return over a session.
    pub(super) fn variance(&self) -> Option<f64> {
        self.variance.mean()
    }
}
