//! To be written: tail.
