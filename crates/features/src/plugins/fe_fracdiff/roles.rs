//! fe_fracdiff as a feature.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    BadInput, Event, Feature, FeatureId, FeatureValues, Interest, Invalid, Online, Params, Plugin, Published, View,
};

use super::{FeFracdiff, FeFracdiffIn, FeFracdiffParams};
use crate::input::{CLOSE, Series};
use crate::naming::published;

/// One symbol.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Slot {
    input: Series,
    calculator: FeFracdiff,
    value: FeatureId,
}

/// Publishes `NAME.SYMBOL.value` whenever the input brings a value, once there are enough.
///
/// Closes are continued over splits and dividends; without `log` the difference is in dollars of the series' beginning.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeFracdiffFeature {
    slots: Vec<Slot>,
    unit: u8,
}

/// Units by what is differenced: logarithms, dollars, anything.
const UNITS: [&str; 4] = ["log price", "dollars of the beginning", "logarithm of the input", "unit of the input"];

impl FeFracdiffFeature {
    /// The feature with these parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &FeFracdiffParams) -> Result<Self, Invalid> {
        let (symbols, calculator) = (p.check()?, p.build()?);
        let slots = symbols
            .into_iter()
            .map(|s| {
                let (input, value) = (Series::new(&p.input, s)?, published(&p.name, s, "value")?);
                Ok(Slot { input, calculator: calculator.clone(), value })
            })
            .collect::<Result<_, Invalid>>()?;
        let unit = 2 * u8::from(p.input != CLOSE) + u8::from(!p.log);
        Ok(Self { slots, unit })
    }
}

impl Plugin for FeFracdiffFeature {
    fn id(&self) -> &'static str {
        FeFracdiffParams::ID
    }
    fn listens(&self) -> Interest {
        Series::listen(self.slots.iter().map(|s| &s.input))
    }
}

impl Feature for FeFracdiffFeature {
    fn outputs(&self) -> Vec<Published> {
        let unit = UNITS[usize::from(self.unit)];
        self.slots.iter().map(|s| Published { id: s.value, unit }).collect()
    }
    fn inputs(&self) -> Vec<FeatureId> {
        self.slots.iter().filter_map(|s| s.input.reads()).collect()
    }
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut FeatureValues) -> Result<(), BadInput> {
        for s in &mut self.slots {
            if let Some(value) = s.input.next(event, view)
                && let Some(o) = s.calculator.update(&FeFracdiffIn { value })?
            {
                out.set(s.value, o.value, event.time);
            }
        }
        Ok(())
    }
}
