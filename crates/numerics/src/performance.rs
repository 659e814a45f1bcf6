//! To be written: performance.
