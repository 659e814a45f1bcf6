//! To be written: coverage.
