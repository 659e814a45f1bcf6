//! To be written: garch.
