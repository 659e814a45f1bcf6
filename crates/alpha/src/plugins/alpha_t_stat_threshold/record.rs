//! What a signal has earned, and what that proves.

use serde::{Deserialize, Serialize};
use tradewind_numerics::hac::{MeanTest, RankProducts, mean_test};
use tradewind_numerics::multiple::adjust;
use tradewind_numerics::{Window, normal};

use super::{Across, Evidence, TStatParams};

/// The last observations of one signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    signals: Window,
    returns: Window,
    products: Window,
    /// Rank correlations across symbols, one per session that had enough of them.
    across: Window,
}

/// Memory that judging needs, shared by all records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scratch {
    ranks: RankProducts,
    x: Vec<f64>,
    y: Vec<f64>,
}

/// What a record proves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Test of the mean.
    pub mean: Option<MeanTest>,
    /// Test of the information coefficient.
    pub ic: Option<MeanTest>,
    /// The t that counts.
    pub t: Option<f64>,
}

impl Record {
    /// Empty.
    pub fn new(p: &TStatParams) -> Self {
        let window = || Window::new(p.window);
        Self { signals: window(), returns: window(), products: window(), across: window() }
    }
    /// A signal, the return that followed, and what it earned.
    pub fn push(&mut self, signal: f64, ret: f64, earned: f64) {
        self.signals.push(signal);
        self.returns.push(ret);
        self.products.push(earned);
    }
    /// A rank correlation across symbols.
    pub fn push_across(&mut self, ic: f64) {
        self.across.push(ic);
    }
    /// Observations.
    pub fn n(&self) -> usize {
        self.products.len()
    }
    /// Mean earned; 0 without observations.
    pub fn mean(&self) -> f64 {
        if self.n() == 0 { 0.0 } else { self.products.iter().sum::<f64>() / self.n() as f64 }
    }
    /// Tests the record; without variation there is no test.
    pub fn judge(&self, p: &TStatParams, scratch: &mut Scratch) -> Judged {
        let Scratch { ranks, x, y } = scratch;
        let fill = |to: &mut Vec<f64>, from: &Window| {
            to.clear();
            to.extend(from.iter());
        };
        fill(x, &self.products);
        let mean = mean_test(x, p.lags, p.correction).ok();
        let ic = if self.across.len() >= p.minimum {
            fill(x, &self.across);
            mean_test(x, p.lags, p.correction).ok()
        } else {
            fill(x, &self.signals);
            fill(y, &self.returns);
            ranks.of(x, y).and_then(|c| mean_test(c, p.lags, p.correction).ok())
        };
        let (a, b) = (mean.map(|m| m.t), ic.map(|m| m.t));
        let t = match p.evidence {
            Evidence::Mean => a,
            Evidence::Ic => b,
            Evidence::Either => [a, b].into_iter().flatten().reduce(f64::max),
            Evidence::Both => a.zip(b).map(|(a, b)| a.min(b)),
        };
        Judged { mean, ic, t }
    }
}

/// t-statistics adjusted for their number: sign(t) Phi^-1(1 - p/2), p the adjusted two-sided p-value of |t|.
pub fn adjusted_t(t: &[f64], across: Across) -> Vec<f64> {
    let p: Vec<f64> = t.iter().map(|t| 2.0 * normal::cdf(-t.abs())).collect();
    let adjusted = adjust(&p, across.adjustment());
    t.iter()
        .zip(p.iter().zip(adjusted))
        .map(|(t, (p, q))| {
            // Beyond the range of p-values (|t| > 38) nothing is left to adjust with, and nothing to doubt.
            if q <= *p { *t } else { t.signum() * (0.0 - normal::quantile(0.5 * q.min(1.0))) + 0.0 }
        })
        .collect()
}
