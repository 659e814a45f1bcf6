//! The symbols whose returns are known well enough, and their covariance, kept up to date at every session close.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{Event, Symbol};
use tradewind_numerics::Window;
use tradewind_numerics::covariance::{EwmaCovariance, RollingCovariance, Symmetric, clip_eigenvalues};

use super::{Estimator, RiskTrackingErrorParams};
use crate::sessions::SessionReturns;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum State {
    Rolling(Box<RollingCovariance>),
    Ewma(EwmaCovariance),
}

impl State {
    fn push(&mut self, row: &[f64]) {
        match self {
            Self::Rolling(c) => c.push(row),
            Self::Ewma(c) => c.push(row),
        };
    }
}

/// Symbols with their annualised covariance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Universe {
    estimator: Estimator,
    window: usize,
    minimum: usize,
    max_stale: usize,
    lambda: f64,
    floor: f64,
    periods: f64,
    sessions: SessionReturns,
    /// What is measured, by the symbols' text.
    members: Vec<Symbol>,
    state: State,
    row: Vec<f64>,
    covariance: Symmetric,
    /// All of its entries, so that each column lies together.
    columns: Vec<f64>,
    /// Weight of the identity in the covariance, with Ledoit-Wolf.
    shrinkage: Option<f64>,
    /// Eigenvalues raised to the floor.
    clipped: usize,
    usable: bool,
}

/// Whether returns are enough, recent, and of a price that moves.
fn measured(returns: &Window, minimum: usize, max_stale: usize) -> bool {
    let known = returns.iter().filter(|r| !r.is_nan());
    let (count, moves) = known.fold((0, false), |(n, m), r| (n + 1, m || r != 0.0));
    count >= minimum && moves && returns.iter().rev().take(max_stale + 1).any(|r| !r.is_nan())
}

impl Universe {
    pub(super) fn new(p: &RiskTrackingErrorParams) -> Self {
        Self {
            estimator: p.estimator,
            window: p.window,
            minimum: p.minimum,
            max_stale: p.max_stale,
            lambda: p.lambda,
            floor: p.floor,
            periods: p.periods_per_year,
            sessions: SessionReturns::new(p.window),
            members: Vec::new(),
            state: State::Rolling(Box::new(RollingCovariance::new(2, 0))),
            row: Vec::new(),
            covariance: Symmetric::default(),
            columns: Vec::new(),
            shrinkage: None,
            clipped: 0,
            usable: false,
        }
    }
    /// Sees an event; true at the end of a session, when the covariance has moved on.
    pub fn on_event(&mut self, event: &Event) -> bool {
        let closed = self.sessions.on_event(event);
        if closed {
            self.close();
        }
        closed
    }
    fn close(&mut self) {
        let (minimum, stale) = (self.minimum, self.max_stale);
        let wanted = self.sessions.columns().filter(|(_, r)| measured(r, minimum, stale)).map(|(s, _)| s);
        if wanted.eq(self.members.iter().copied()) {
            let mut columns = self.sessions.columns();
            for (x, m) in self.row.iter_mut().zip(&self.members) {
                // A symbol without a bar in this session stands still, as its mark does.
                *x = columns.find(|(s, _)| s == m).and_then(|(_, r)| r.last()).filter(|r| !r.is_nan()).unwrap_or(0.0);
            }
            self.state.push(&self.row);
        } else {
            self.rebuild();
        }
        self.refresh();
    }
    /// Begins again with the symbols measured now, from the sessions that all of them share.
    fn rebuild(&mut self) {
        let (minimum, stale) = (self.minimum, self.max_stale);
        let columns: Vec<_> = self.sessions.columns().filter(|(_, r)| measured(r, minimum, stale)).collect();
        let n = columns.len();
        let since = |r: &Window| r.len() - r.iter().take_while(|x| x.is_nan()).count();
        let depth = columns.iter().map(|(_, r)| since(r)).min().unwrap_or(0);
        let mut rows = vec![0.0; depth * n];
        for (i, (_, r)) in columns.iter().enumerate() {
            for (k, x) in r.iter().rev().take(depth).enumerate() {
                rows[(depth - 1 - k) * n + i] = if x.is_nan() { 0.0 } else { x };
            }
        }
        self.members = columns.into_iter().map(|(s, _)| s).collect();
        self.state = match self.estimator {
            Estimator::Ewma => State::Ewma(EwmaCovariance::new(self.lambda, n)),
            Estimator::LedoitWolf | Estimator::Sample => {
                State::Rolling(Box::new(RollingCovariance::new(self.window, n)))
            }
        };
        rows.chunks_exact(n.max(1)).for_each(|row| self.state.push(row));
        self.row = vec![0.0; n];
        self.covariance = Symmetric::zeros(n);
        self.columns = vec![0.0; n * n];
    }
    fn refresh(&mut self) {
        (self.shrinkage, self.clipped) = (None, 0);
        self.usable = match &self.state {
            State::Rolling(c) if self.estimator == Estimator::LedoitWolf => {
                self.shrinkage = c.ledoit_wolf(&mut self.covariance);
                self.shrinkage.is_some()
            }
            State::Rolling(c) => c.sample(1, &mut self.covariance),
            State::Ewma(c) => c.covariance(&mut self.covariance),
        } && !self.members.is_empty();
        if self.usable && self.estimator != Estimator::LedoitWolf {
            match clip_eigenvalues(&self.covariance, self.floor) {
                Ok(r) => (self.covariance, self.clipped) = (r.covariance, r.clipped),
                Err(_) => self.usable = false,
            }
        }
        self.covariance.scale(self.periods);
        self.covariance.spread(&mut self.columns);
    }
    /// The symbols measured, by their text: none while nothing is.
    pub fn members(&self) -> &[Symbol] {
        if self.usable { &self.members } else { &[] }
    }
    /// Their annualised covariance.
    pub fn covariance(&self) -> &Symmetric {
        &self.covariance
    }
    /// Its column of a member.
    pub fn column(&self, i: usize) -> &[f64] {
        let n = self.members.len();
        &self.columns[i * n..(i + 1) * n]
    }
    /// The weight of the identity in it, with Ledoit-Wolf.
    pub fn shrinkage(&self) -> Option<f64> {
        self.shrinkage
    }
    /// How many of its eigenvalues had to be raised to the floor.
    pub fn clipped(&self) -> usize {
        self.clipped
    }
    /// The return of the session that ended last.
    pub fn last(&self, symbol: Symbol) -> Option<f64> {
        self.sessions.last(symbol)
    }
    /// How many returns of a symbol are kept.
    pub fn count(&self, symbol: Symbol) -> usize {
        self.sessions.count(symbol)
    }
}
