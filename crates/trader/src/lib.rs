//! The trader program.
