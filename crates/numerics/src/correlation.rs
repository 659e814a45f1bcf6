//! To be written: correlation.
