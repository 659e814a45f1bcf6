//! The streaming calculator: one inner product an update.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{BadInput, Online};
use tradewind_numerics::fracdiff::dot;

use super::{FeFracdiffParams, FracdiffWindow, taken};

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeFracdiffIn {
    /// The value, in any unit; above zero when its logarithm is taken.
    pub value: f64,
}

/// Its fractional difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeFracdiffOut {
    /// In the unit of the input, or of its logarithm.
    pub value: f64,
}

/// The calculator: see [`FeFracdiffParams`].
///
/// The values are kept in a line twice as long as the window, at whose end the next one goes; when it is full the last window moves to its
/// beginning. So the window is always one slice, and an update is one inner product with no wrap-around.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeFracdiff {
    log: bool,
    expanding: bool,
    d: f64,
    /// By age, the oldest first.
    weights: Vec<f64>,
    line: Vec<f64>,
    /// Where the next value goes.
    end: usize,
    /// Values so far, up to the window.
    held: usize,
}

impl FeFracdiff {
    /// From parameters that were checked.
    pub(super) fn new(p: &FeFracdiffParams) -> Self {
        let mut weights = p.weights();
        weights.reverse();
        let n = weights.len();
        let expanding = p.window == FracdiffWindow::Expanding;
        Self { log: p.log, expanding, d: p.d, weights, line: vec![0.0; 2 * n.max(32)], end: 0, held: 0 }
    }
}

impl Online for FeFracdiff {
    type In = FeFracdiffIn;
    type Out = FeFracdiffOut;

    fn update(&mut self, x: &FeFracdiffIn) -> Result<Option<FeFracdiffOut>, BadInput> {
        let x = taken(self.log, x.value)?;
        let n = self.weights.len();
        if self.end == self.line.len() {
            let keep = n - 1;
            self.line.copy_within(self.end - keep.., 0);
            self.end = keep;
        }
        self.line[self.end] = x;
        self.end += 1;
        self.held = (self.held + 1).min(n);
        if self.held < n && !self.expanding {
            return Ok(None);
        }
        let value = dot(&self.weights[n - self.held..], &self.line[self.end - self.held..self.end]);
        Ok(Some(FeFracdiffOut { value }))
    }
    fn warmup(&self) -> usize {
        if self.expanding { 0 } else { self.weights.len() - 1 }
    }
    fn summary(&self) -> Value {
        json!({
            "d": self.d,
            "window": self.weights.len(),
            // What a constant 1 turns into: 0 if nothing were cut off (and d > 0).
            "sum_of_weights": self.weights.iter().sum::<f64>(),
            "smallest_weight": self.weights.first(),
        })
    }
}
