//! To be written: entropy.
