//! What `trader apply` says of a column it wrote.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tradewind_core_types::Cell;

/// Count, mean, smallest, largest and last of the numbers in a column, or how often each text occurs.
#[derive(Default)]
pub(super) struct Statistic {
    count: u64,
    sum: f64,
    /// What the sum has lost to rounding (Kahan).
    lost: f64,
    min: f64,
    max: f64,
    last: f64,
    texts: BTreeMap<String, u64>,
}

impl Statistic {
    pub(super) fn add(&mut self, c: &Cell) {
        let x = match c {
            Cell::Null => return,
            Cell::F64(x) => *x,
            Cell::I64(x) => *x as f64,
            // More different texts than anyone reads are not counted one by one.
            other => {
                let key = text(other);
                let key = if self.texts.len() >= 50 && !self.texts.contains_key(&key) { "others".into() } else { key };
                *self.texts.entry(key).or_default() += 1;
                return;
            }
        };
        (self.min, self.max) = if self.count == 0 { (x, x) } else { (self.min.min(x), self.max.max(x)) };
        self.count += 1;
        self.last = x;
        let y = x - self.lost;
        let t = self.sum + y;
        self.lost = (t - self.sum) - y;
        self.sum = t;
    }
    /// Whether the column held nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && self.texts.is_empty()
    }
    pub(super) fn json(&self) -> Value {
        if self.count == 0 {
            return json!(self.texts);
        }
        json!({
            "count": self.count,
            "mean": self.sum / self.count as f64,
            "min": self.min,
            "max": self.max,
            "last": self.last,
        })
    }
}

/// A cell as text.
pub(super) fn text(c: &Cell) -> String {
    match c {
        Cell::Null => String::new(),
        Cell::F64(x) => x.to_string(),
        Cell::I64(x) => x.to_string(),
        Cell::Bool(x) => x.to_string(),
        Cell::Str(s) => s.clone(),
    }
}
