//! The estimate of expected shortfall that every role of the plugin uses, and the judgement of its forecasts.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_numerics::coverage::Coverage;
use tradewind_numerics::tail::VarianceFilter;
use tradewind_numerics::tail::backtest::{Forecast, Simulation, Sums};
use tradewind_numerics::tail::peaks::{Candidate, thresholds};
use tradewind_numerics::tail::shortfall::{Estimate, Model, ShortfallWork, rescaled, shortfall, varies};
use tradewind_numerics::{NumericsError, garch, range};

use super::{Filter, Method, RiskCvarSizeParams, Side};

/// Memory between calls which is no state: saved as nothing, restored as empty.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    pub series: Vec<f64>,
    pub work: ShortfallWork,
}

impl Scratch {
    /// Room for `n` returns.
    pub fn reserve(&mut self, n: usize) {
        self.series.reserve(n.saturating_sub(self.series.len()));
        self.work.reserve(n);
    }
}

impl Serialize for Scratch {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_unit()
    }
}
impl<'de> Deserialize<'de> for Scratch {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <()>::deserialize(d).map(|()| Self::default())
    }
}

/// What was fitted to one series, and when.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Fitted {
    garch: Option<garch::Parameters>,
    /// Session of the fit, counted from 1; 0 for none yet.
    at: u64,
}

/// How expected shortfall is estimated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Estimator {
    pub confidence: f64,
    method: Method,
    filter: Filter,
    lambda: f64,
    tail: f64,
    refit: u64,
    side: Side,
}

impl Estimator {
    pub fn new(p: &RiskCvarSizeParams) -> Self {
        Self {
            confidence: p.confidence,
            method: p.method,
            filter: p.filter,
            lambda: p.lambda,
            tail: p.tail,
            refit: p.refit as u64,
            side: p.side,
        }
    }
    fn model(&self) -> Model {
        match self.method {
            Method::Historical => Model::Historical,
            Method::Normal => Model::Normal,
            Method::StudentT => Model::StudentT,
            Method::CornishFisher => Model::CornishFisher,
            Method::Peaks => Model::Peaks { tail: self.tail },
        }
    }
    /// The variance filter at `session`, fitting what is due; a fit that fails leaves the EWMA filter in place until the next.
    fn filter(&self, series: &[f64], session: u64, fitted: &mut Fitted) -> Option<VarianceFilter> {
        match self.filter {
            Filter::None => None,
            Filter::Ewma => Some(VarianceFilter::ewma(self.lambda)),
            Filter::Garch => {
                if fitted.at == 0 || session >= fitted.at.saturating_add(self.refit) {
                    let spec = garch::Spec { variance_targeting: true, ..garch::Spec::default() };
                    *fitted = Fitted { garch: garch::fit(series, spec, None).ok().map(|f| f.parameters), at: session };
                }
                Some(match fitted.garch {
                    Some(p) => VarianceFilter::garch(p.alpha, p.beta),
                    None => VarianceFilter::ewma(self.lambda),
                })
            }
        }
    }
    /// What tells whether the threshold of `peaks` is a good one: candidates around it, of the returns rescaled as last.
    pub fn thresholds(&self, series: &[f64], fitted: &Fitted) -> Vec<Candidate> {
        // At the session of the last fit nothing is due.
        let filter = self.filter(series, fitted.at, &mut fitted.clone());
        let losses = rescaled(series, filter).unwrap_or_default().into_iter().map(|r| -r).collect::<Vec<f64>>();
        let counts = [0.5, 0.75, 1.0, 1.5, 2.0].map(|f| (f * self.tail * losses.len() as f64) as usize);
        match self.method {
            Method::Peaks => thresholds(&losses, &counts).unwrap_or_default(),
            _ => Vec::new(),
        }
    }
    /// An upper bound of the shortfall, without looking at the tail: no mean of losses is larger than the largest of them. Of other methods than
    /// the historical one nothing is known so soon.
    pub fn at_most(&self, series: &[f64]) -> Option<f64> {
        let (low, high) = range(series);
        let plain = matches!((self.method, self.filter), (Method::Historical, Filter::None));
        let bound = if self.side == Side::Worst { high.max(-low) } else { -low };
        (plain && varies(low, high)).then_some(bound * (1.0 + 1e-12))
    }
    /// The estimate for one unit held of what has these returns (oldest first); of either side of it, when the parameters ask for the worse.
    pub fn estimate(
        &self,
        series: &mut [f64],
        session: u64,
        fitted: &mut Fitted,
        work: &mut ShortfallWork,
    ) -> Result<Estimate, NumericsError> {
        let filter = self.filter(series, session, fitted);
        let own = shortfall(series, self.model(), filter, self.confidence, work)?;
        if self.side == Side::Signal {
            return Ok(own);
        }
        series.iter_mut().for_each(|r| *r = -*r);
        let other = shortfall(series, self.model(), filter, self.confidence, work);
        series.iter_mut().for_each(|r| *r = -*r);
        let other = other?;
        // No expected shortfall is worse than any.
        let worse = match (own.es, other.es) {
            (Some(a), Some(b)) => b > a,
            (_, None) => own.es.is_some(),
            (None, Some(_)) => false,
        };
        Ok(if worse { other } else { own })
    }
}

/// What has become of the forecasts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Judge {
    pub coverage: Coverage,
    pub sums: Sums,
}

impl Judge {
    /// Judges a forecast by the return that followed; gives whether the loss was beyond the VaR. Forecasts without a shortfall above
    /// zero say nothing about it.
    pub fn push(&mut self, ret: f64, f: Estimate) -> bool {
        let beyond = -ret > f.var;
        if let Some(es) = f.es.filter(|es| *es > 0.0) {
            self.coverage.push(beyond);
            self.sums.push(ret, Forecast { var: f.var, es });
        }
        beyond
    }
    /// The tests, with p-values.
    pub fn summary(&self, confidence: f64) -> Value {
        let p = 1.0 - confidence;
        // As many histories as ten million exceedances allow, 2000 at most.
        let paths = (1e7 / (p * self.sums.n as f64 + 1.0)).clamp(100.0, 2000.0) as u32;
        json!({
            "confidence": confidence,
            "forecasts": self.coverage.n,
            "exceedances": self.coverage.exceedances,
            "expected_exceedances": p * self.coverage.n as f64,
            "kupiec": self.coverage.kupiec(p),
            "christoffersen_conditional_coverage": self.coverage.conditional(p),
            "acerbi_szekely": self.sums.test(p, 0.2, Simulation { paths, seed: 1 }),
        })
    }
}
