//! fe_mini_pca as a feature: the symbols' values joined session by session.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    BadInput, Event, Feature, FeatureId, FeatureValues, Interest, Invalid, Kinds, MarketData, Params, Plugin,
    Published, View,
};

use super::{FeMiniPca, FeMiniPcaParams, Take};
use crate::input::Series;

/// The names published: one for each component, `explained` and `residual`.
pub(super) fn names(p: &FeMiniPcaParams) -> Result<Vec<FeatureId>, Invalid> {
    let id =
        |what: &str| FeatureId::new(&format!("{}.{what}", p.name)).map_err(|e| Invalid::one("name", e.to_string()));
    let scores = (1..=p.components).map(|i| id(&format!("pc{i}")));
    scores.chain([id("explained"), id("residual")]).collect()
}

/// Publishes `NAME.pc1`, `NAME.pc2`, ..., `NAME.explained` and `NAME.residual` at every session close.
///
/// The row of a session holds the last value of each symbol since the session close before. A symbol without one leaves the session out, and
/// with `returns` the next one, too. The scores are those by the components known before the session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeMiniPcaFeature {
    series: Vec<Series>,
    latest: Vec<Option<f64>>,
    calculator: FeMiniPca,
    names: Vec<FeatureId>,
    unit: Unit,
}

/// Of the scores.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Unit {
    Deviations,
    Return,
    Input,
}

impl FeMiniPcaFeature {
    /// From parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &FeMiniPcaParams) -> Result<Self, Invalid> {
        let calculator = p.build()?;
        let series = p.series()?;
        let unit = match (p.whiten, p.take) {
            (true, _) => Unit::Deviations,
            (false, Take::Returns) => Unit::Return,
            (false, Take::Level) => Unit::Input,
        };
        Ok(Self { latest: vec![None; series.len()], series, calculator, names: names(p)?, unit })
    }
}

impl Plugin for FeMiniPcaFeature {
    fn id(&self) -> &'static str {
        FeMiniPcaParams::ID
    }
    fn listens(&self) -> Interest {
        Series::listen(&self.series).and(Interest::of_market(Kinds::SESSION_CLOSE))
    }
}

impl Feature for FeMiniPcaFeature {
    fn outputs(&self) -> Vec<Published> {
        let rows = if self.calculator.returns { "return" } else { "as the input" };
        let scores = match self.unit {
            Unit::Deviations => "standard deviations",
            Unit::Return => "return",
            Unit::Input => "as the input",
        };
        let k = self.names.len().saturating_sub(2);
        let unit = |i: usize| if i < k { scores } else { ["1", rows][i - k] };
        self.names.iter().enumerate().map(|(i, id)| Published { id: *id, unit: unit(i) }).collect()
    }
    fn inputs(&self) -> Vec<FeatureId> {
        self.series.iter().filter_map(Series::reads).collect()
    }
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut FeatureValues) -> Result<(), BadInput> {
        for (series, latest) in self.series.iter_mut().zip(&mut self.latest) {
            *latest = series.next(event, view).or(*latest);
        }
        let MarketData::SessionClose = event.data else { return Ok(()) };
        let answer = self.calculator.row(&self.latest);
        self.latest.fill(None);
        let now = match answer {
            Ok(now) => now,
            Err(e) => {
                // A session that cannot be used is as one without values.
                self.calculator.row(&self.latest)?;
                return Err(e);
            }
        };
        if let Some(now) = now {
            let k = self.names.len().saturating_sub(2);
            let values = now.scores().into_iter().take(k).chain([now.explained, now.residual]);
            // The share of a fit is not news on a session without scores.
            for (id, value) in self.names.iter().zip(values) {
                if let (Some(x), Some(_)) = (value, now.pc1) {
                    out.set(*id, x, event.time);
                }
            }
        }
        Ok(())
    }
}
