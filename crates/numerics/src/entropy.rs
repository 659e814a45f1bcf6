//! Entropies and complexities of a window of values: how far it is from regular, how close to noise.
//!
//! Counting ones (permutation, histogram) are kept up to date value by value; the ones that compare every part of the window
//! with every other (sample, approximate, Lempel-Ziv) are computed from a slice and use the caller's scratch memory.

mod counts;
mod histogram;
mod lempel_ziv;
mod permutation;
mod regularity;
mod rolling;

pub use counts::ClassCounts;
pub use histogram::RollingHistogram;
pub use lempel_ziv::{above_median, lz76, lz76_normalised};
pub use permutation::{MAX_ORDER, RollingPermutation, permutation_entropy};
pub use regularity::{ApproximateScratch, SampleMatches, approximate_entropy, population_std, sample_matches};
pub use rolling::{RollingEntropy, Series};
