//! The beta of every symbol, kept up to date at every session close.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{CorporateAction, Event, MarketData, Symbol, SymbolMap};
use tradewind_numerics::NumericsError;
use tradewind_numerics::beta::{Beta, EwmaBeta, KalmanBeta, Lagged, MAX_LAGS, RollingBeta, vasicek};
use tradewind_numerics::ewm::Ewm;

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

/// The market's last returns, newest first: as many as a regression looks back in one row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Recent([Option<f64>; MAX_LAGS + 1]);

impl Recent {
    /// A session, with the market's return when it has one.
    pub(super) fn push(&mut self, x: Option<f64>) {
        self.0.rotate_right(1);
        self.0[0] = x;
    }
    fn now(&self) -> Option<f64> {
        self.0[0]
    }
    /// The newest `k`, when all are known.
    fn row(&self, k: usize) -> Option<Lagged> {
        let mut out = Lagged::default();
        for (o, x) in out.iter_mut().zip(self.0).take(k) {
            *o = x?;
        }
        Some(out)
    }
}

/// One series against the market.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Tracker {
    Window(Box<RollingBeta>),
    Ewma(EwmaBeta),
    Kalman(KalmanBeta),
}

impl Tracker {
    pub(super) fn new(m: &Method) -> Self {
        match m.estimator {
            Estimator::Ols | Estimator::Dimson => Self::Window(Box::new(RollingBeta::new(m.window, m.lags + 1))),
            Estimator::Ewma => Self::Ewma(EwmaBeta::new(m.lambda)),
            Estimator::Kalman => Self::Kalman(KalmanBeta::new(m.minimum, m.drift, m.window)),
        }
    }
    /// A session in which the series has a return; it counts when the market has those that belong to it.
    pub(super) fn push(&mut self, y: f64, market: &Recent, m: &Method) {
        match (self, market.now()) {
            (Self::Window(w), _) => {
                if let Some(x) = market.row(m.lags + 1) {
                    w.push(y, &x);
                }
            }
            (Self::Ewma(e), Some(x)) => e.push(y, x),
            (Self::Kalman(k), Some(x)) => k.push(y, x),
            _ => {}
        }
    }
    /// The beta so far.
    pub(super) fn estimate(&mut self, m: &Method) -> Result<Beta, NumericsError> {
        let enough = |n: usize| {
            let what = "a beta";
            if n >= m.minimum { Ok(()) } else { Err(NumericsError::TooFew { what, needed: m.minimum, got: n }) }
        };
        match self {
            Self::Window(w) => enough(w.len()).and_then(|()| w.estimate()),
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
    fn new(m: &Method) -> Self {
        Self {
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
    recent: Recent,
    variance: Ewm,
    columns: SymbolMap<Column>,
    cross: Option<(f64, f64)>,
}

impl Betas {
    pub(super) fn new(method: Method, market: Symbol) -> Self {
        let (recent, variance) = (Recent::default(), Ewm::new(VARIANCE_DECAY));
        Self { method, market, recent, variance, columns: SymbolMap::default(), cross: None }
    }
    #[inline]
    pub(super) fn on_event(&mut self, event: &Event) -> bool {
        match (&event.data, event.symbol) {
            (MarketData::Bar(bar), Some(symbol)) => {
                let method = &self.method;
                let c = self.columns.get_or_insert_with(symbol, || Column::new(method));
                c.track.close(bar.close.to_f64());
                c.bars[0] = true;
            }
            (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(symbol)) => {
                if symbol == self.market {
                    self.market = *to;
                }
                self.columns.rename(symbol, *to);
            }
            (MarketData::CorporateAction(action), Some(symbol)) => {
                if let Some(c) = self.columns.get_mut(symbol) {
                    c.track.action(action);
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
        let (method, market) = (&self.method, self.market);
        let x = self.columns.get_mut(market).and_then(Column::end);
        if let Some(x) = x {
            self.variance.update(x * x);
        }
        self.recent.push(x);
        for (_, c) in self.columns.iter_mut().filter(|(s, _)| *s != market) {
            if let Some(y) = c.end() {
                c.tracker.push(y, &self.recent, method);
            }
            let estimate = c.tracker.estimate(method);
            c.state = state(&estimate);
            c.raw = estimate.ok();
        }
        let known = || self.columns.values().filter_map(|c| c.raw).map(|b| b.beta);
        let n = known().count();
        let mean = known().sum::<f64>() / n.max(1) as f64;
        let spread = known().map(|b| (b - mean).powi(2)).sum::<f64>() / n.saturating_sub(1).max(1) as f64;
        self.cross = (n >= CROSS_SECTION).then(|| (mean, spread.sqrt()));
        let cross = self.cross;
        for c in self.columns.values_mut() {
            c.beta = c.raw.map(|b| method.shrink(&b, cross));
        }
    }
    /// The market, under its present name.
    pub(super) fn market(&self) -> Symbol {
        self.market
    }
    /// Beta and its standard deviation; the market's own is 1.
    pub(super) fn beta(&self, symbol: Symbol) -> Option<(f64, f64)> {
        if symbol == self.market { Some((1.0, 0.0)) } else { self.columns.get(symbol)?.beta }
    }
    /// Why there is none.
    pub(super) fn state(&self, symbol: Symbol) -> BetaState {
        self.columns.get(symbol).map_or(BetaState::TooFew, |c| c.state)
    }
    /// The return of the session that ended last.
    pub(super) fn last(&self, symbol: Symbol) -> Option<f64> {
        self.columns.get(symbol)?.last
    }
    /// Variance of the market's return over a session.
    pub(super) fn variance(&self) -> Option<f64> {
        self.variance.mean()
    }
}
