//! The columns of the table: as many as anybody may need, of which a configuration uses the first.

use serde::{Deserialize, Serialize};

/// Columns of a row, at most.
pub const MAX_COLUMNS: usize = 32;
/// Components, at most.
pub const MAX_COMPONENTS: usize = 8;

macro_rules! columns {
    ($($x:ident $i:literal),*) => {
        /// One row: `x1` belongs to the first of `symbols`, and so on.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
        pub struct FeMiniPcaIn {
            $(#[doc = concat!("Value of column ", stringify!($i), "; empty when unknown, and where there is no such symbol.")] pub $x: Option<f64>,)*
        }

        impl FeMiniPcaIn {
            /// All columns in order.
            pub fn cells(&self) -> [Option<f64>; MAX_COLUMNS] {
                [$(self.$x),*]
            }
            /// A row of these values; `None` when there are more than [`MAX_COLUMNS`].
            pub fn of(values: &[f64]) -> Option<Self> {
                (values.len() <= MAX_COLUMNS).then(|| Self { $($x: values.get($i - 1).copied()),* })
            }
        }
    };
}

columns!(
    x1 1, x2 2, x3 3, x4 4, x5 5, x6 6, x7 7, x8 8, x9 9, x10 10, x11 11, x12 12, x13 13, x14 14, x15 15, x16 16, x17 17,
    x18 18, x19 19, x20 20, x21 21, x22 22, x23 23, x24 24, x25 25, x26 26, x27 27, x28 28, x29 29, x30 30, x31 31, x32 32
);

/// Scores of one row, by the components known before it. Empty without a fit, and for a row with a cell missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct FeMiniPcaOut {
    /// Score of the first component, in the unit of the rows, or in standard deviations with `whiten`.
    pub pc1: Option<f64>,
    /// Of the second.
    pub pc2: Option<f64>,
    /// Of the third.
    pub pc3: Option<f64>,
    /// Of the fourth.
    pub pc4: Option<f64>,
    /// Of the fifth.
    pub pc5: Option<f64>,
    /// Of the sixth.
    pub pc6: Option<f64>,
    /// Of the seventh.
    pub pc7: Option<f64>,
    /// Of the eighth.
    pub pc8: Option<f64>,
    /// Share of the components in all variance so far, [0, 1].
    pub explained: Option<f64>,
    /// Root mean square, over the columns, of what the components do not say of this row, in its unit.
    pub residual: Option<f64>,
}

impl FeMiniPcaOut {
    /// The scores in order; `None` beyond the number of components.
    pub fn scores(&self) -> [Option<f64>; MAX_COMPONENTS] {
        [self.pc1, self.pc2, self.pc3, self.pc4, self.pc5, self.pc6, self.pc7, self.pc8]
    }
    pub(super) fn set(&mut self, scores: &[f64]) {
        let all = [
            &mut self.pc1,
            &mut self.pc2,
            &mut self.pc3,
            &mut self.pc4,
            &mut self.pc5,
            &mut self.pc6,
            &mut self.pc7,
            &mut self.pc8,
        ];
        all.into_iter().zip(scores).for_each(|(slot, s)| *slot = Some(*s));
    }
}
